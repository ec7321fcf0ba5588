"""The study's own endpoints of 2021: their fields, their labels and how their values are read."""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial

from sqf_pipeline.cleaning.heights import parse_height
from sqf_pipeline.cleaning.numerals import parse_flag, parse_month, parse_number, parse_weekday
from sqf_pipeline.registry.outcomes import STUDY_FIELDS, Outcome
from sqf_pipeline.service.encoding import Value
from sqf_pipeline.service.manifest import FieldSpec

STUDY_ROUTES: dict[Outcome, tuple[str, str]] = {
    "arrest": ("generate_arrest_prediction", "arrest_feature_names"),
    "summons": ("generate_summon_prediction", "feature_names"),
}
"""By outcome, where the study's service was asked and where it named its fields, below `/api/`."""

HINTS = {
    "MONTH": "1 (January) to 12 (December), or the English name",
    "DAY": "1 (Monday) to 7 (Sunday), or the English name",
    "SUSPECT_HEIGHT": "feet.inches as NYPD publishes it (5.11 is 5 ft 11 in; 5.1 and 5.10 are 5 ft 10 in, 6.1 is "
    "6 ft 1 in), 5'10\", or whole inches from 36 to 95",
}


LONGEST_SHORT = 4096  # bytes of the longest document that is answered at once; twelve fields take some 300
_LONGEST = 32
_PARSERS = {"month": parse_month, "weekday": parse_weekday, "suspect_height_inches": parse_height}
_MOST_KEPT = 4096


class StudyFieldError(ValueError):
    """A value that the study's endpoint cannot read; `field` is its name, empty for the whole document."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def study_reader(
    outcome: Outcome, specs: Mapping[str, FieldSpec]
) -> Callable[[Mapping[str, object]], dict[str, Value]]:
    """Return the function that reads one request of the study's kind to the registry's fields.

    It takes the study's names with numbers, numeric strings or, for months, days and flags, names; other names are
    passed over, as the study's service did. It raises StudyFieldError for the first field that is absent, unreadable or
    outside its range in `specs`, by registry name. Some thousand texts a field are kept with their values: stops differ
    in few.
    """
    fields = [
        (name, field, lru_cache(_MOST_KEPT)(partial(_read_text, field, specs[name])))
        for field, name in STUDY_FIELDS[outcome].items()
    ]

    def read(body: Mapping[str, object]) -> dict[str, Value]:
        return {name: read_text(_text_of(field, body.get(field))) for name, field, read_text in fields}

    return read


def _text_of(field: str, raw: object) -> str:
    if raw is None:
        raise StudyFieldError(field, "this field is required")
    if isinstance(raw, bool):
        return "1" if raw else "0"
    if not isinstance(raw, (int, float, str)):
        raise StudyFieldError(field, f"a number or a numeric string is expected, not {type(raw).__name__}")
    text = str(raw).strip()
    if len(text) > _LONGEST:
        raise StudyFieldError(field, "a number is expected, not a text this long")
    return text


def _read_text(field: str, spec: FieldSpec, text: str) -> Value:
    value = _parse(text, spec)
    if value is None:
        hint = HINTS.get(field) or ("0 or 1" if spec.kind == "flag" else "a number")
        raise StudyFieldError(field, f"{hint} is expected, found {text!r}")
    if spec.kind != "flag" and not spec.allows(float(value)):
        raise StudyFieldError(field, f"{spec.range_words} is expected, found {text}")
    return value


def _parse(text: str, spec: FieldSpec) -> bool | float | None:
    if spec.kind == "flag":
        return parse_flag(text)
    if spec.name in _PARSERS:
        return _PARSERS[spec.name](text)
    number = parse_number(text)
    if number is None or (spec.kind == "integer" and not number.is_integer()):
        return None
    return int(number) if spec.kind == "integer" else number


def field_labels(outcome: Outcome, specs: Mapping[str, FieldSpec]) -> list[dict[str, str]]:
    """Return the study's field names with labels and how each is written, in the study's order."""
    return [
        {
            "name": field,
            "label": specs[name].label,
            "expects": HINTS.get(field) or ("0 (no) or 1 (yes)" if specs[name].kind == "flag" else specs[name].unit),
        }
        for field, name in STUDY_FIELDS[outcome].items()
    ]
