"""The forms for people: from what was typed to a stop, an answer, or messages by field."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqf_pipeline.cleaning.numerals import parse_number
from sqf_pipeline.cleaning.times_of_day import parse_time
from sqf_pipeline.registry.columns import column
from sqf_pipeline.registry.year_and_month_words import MONTHS, WEEKDAYS
from sqf_pipeline.service.encoding import Value
from sqf_pipeline.service.manifest import FieldSpec, ModelEntry
from sqf_pipeline.service.places import NEED_A_PLACE, PLACE_FIELDS, Places
from sqf_pipeline.service.predictor import Prediction, Predictor, Reason

MOST_CHOICES = 60  # most values of a code that are offered as a list; with more, the number is typed
_LONGEST = 64


@dataclass(frozen=True)
class Control:
    """One field as the page shows it: `kind` is `select`, `time` or `text`; `choices` are (value, words).

    `about` is what the field means, `hint` how it is written.
    """

    spec: FieldSpec
    kind: str
    choices: tuple[tuple[str, str], ...]
    hint: str

    @property
    def about(self) -> str:
        """Return the registry's description, less what is said there about codes that a person never types."""
        if self.kind == "time" or number_choices(self.spec.name):
            return self.spec.description.split(",")[0].split(" on a 24")[0].rstrip(".") + "."
        if self.spec.kind == "category":
            return re.split(r": |, in NYPD codes", self.spec.description)[0].rstrip(".") + "."
        return self.spec.description


@dataclass(frozen=True)
class FormState:
    """A form as filled: what stands in each field, what is wrong, and the answer when nothing is.

    Where `places` are there, the fields `place` (a precinct) and `point` stand for every field that a place settles.
    `reasons` are the label of each field that moved the answer most, its value in words, and the change.
    """

    controls: tuple[Control, ...]
    values: dict[str, str]
    threshold: str
    errors: dict[str, str] = field(default_factory=dict)
    answer: Prediction | None = None
    places: Places | None = None
    reasons: tuple[tuple[str, str, Reason], ...] = ()


def start_form(predictor: Predictor, places: Places | None = None) -> FormState:
    """Return an unfilled form, its fields at their defaults."""
    controls, places = _controls(predictor.entry, places)
    values = {control.spec.name: _show(control, control.spec.default) for control in controls}
    if places:
        values |= {"place": places.default, "point": ""}
    return FormState(controls, values, predictor.entry.default_threshold, places=places)


def read_form(predictor: Predictor, form: Mapping[str, str], places: Places | None = None) -> FormState:
    """Return the form as sent, with an answer, or with a message for each field that cannot be read.

    A field left empty counts as not known.
    """
    entry = predictor.entry
    controls, places = _controls(entry, places)
    names = [control.spec.name for control in controls] + (["place", "point"] if places else [])
    values = {name: form.get(name, "").strip()[:_LONGEST] for name in names}
    threshold = form.get("threshold", "")
    errors: dict[str, str] = {}
    stop: dict[str, Value] = {}
    for control in controls:
        name = control.spec.name
        try:
            stop[name] = _read(control, values[name])
        except ValueError as error:
            errors[name] = str(error)
    if places:
        try:
            values["place"], settled = places.read(values["place"], values["point"])
            stop |= {spec.name: settled.get(spec.name) for spec in entry.fields if spec.name in PLACE_FIELDS}
        except ValueError as error:
            errors["point" if values["point"] else "place"] = str(error)
    if threshold not in entry.thresholds:
        threshold = entry.default_threshold
    answer = None if errors else predictor.predict([stop], threshold, why=True)[0]
    specs = {spec.name: spec for spec in entry.fields}
    reasons = [(specs[one.field], stop[one.field], one) for one in (answer.why if answer else ())]
    told = tuple((spec.label, _words(spec, value), one) for spec, value, one in reasons)
    return FormState(controls, values, threshold, errors, answer, places, told)


def _controls(entry: ModelEntry, places: Places | None) -> tuple[tuple[Control, ...], Places | None]:
    """Return a model's fields as the page asks for them, and the places where these stand for some of them."""
    asked = places if not NEED_A_PLACE.isdisjoint(spec.name for spec in entry.fields) else None
    settled = PLACE_FIELDS if asked else frozenset()
    return tuple(_control(spec) for spec in entry.fields if spec.name not in settled), asked


def number_choices(name: str) -> tuple[tuple[int, str], ...]:
    """Return the numbers and names of months or weekdays, or nothing for another column."""
    names = {"month": MONTHS, "weekday": WEEKDAYS}.get(column(name).kind, ())
    return tuple(enumerate(names, start=1))


def _control(spec: FieldSpec) -> Control:
    if spec.kind == "flag":
        return Control(spec, "select", (("true", "Yes"), ("false", "No")), "")
    named = number_choices(spec.name)
    if named:
        return Control(spec, "select", tuple((str(number), word) for number, word in named), "")
    if spec.kind == "category" or (spec.kind == "code" and len(spec.categories) <= MOST_CHOICES):
        choices = sorted(((item.value, item.label) for item in spec.categories), key=lambda choice: choice[1])
        return Control(spec, "select", tuple(choices), "")
    if spec.name == "stop_time_seconds":
        return Control(spec, "time", (), "")
    return Control(spec, "text", (), spec.range_words)


def _show(control: Control, value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if control.kind == "time":
        seconds = int(value)
        return f"{seconds // 3600:02d}:{seconds % 3600 // 60:02d}"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _words(spec: FieldSpec, value: Value) -> str:
    control = _control(spec)
    shown = _show(control, value)
    return dict(control.choices).get(shown, shown)


def _read(control: Control, text: str) -> Value:
    spec = control.spec
    if not text:
        return None
    if control.kind == "select":
        if text not in {value for value, _ in control.choices}:
            raise ValueError("Choose one of the values offered.")
        if spec.kind == "flag":
            return text == "true"
        return text if spec.kind == "category" else int(text)
    if control.kind == "time":
        seconds = parse_time(text if text.count(":") else "")
        if seconds is None:
            raise ValueError("Enter a time such as 14:30.")
        return seconds
    return _read_number(spec, text)


def _read_number(spec: FieldSpec, text: str) -> Value:
    number = parse_number(text.replace(",", ""))
    if number is None:
        raise ValueError(f"Enter a number, {spec.range_words}.")
    if spec.kind != "number" and not number.is_integer():
        raise ValueError(f"Enter a whole number, {spec.range_words}.")
    if not spec.allows(number):
        raise ValueError(f"Enter a number from {spec.range_words}.")
    return number if spec.kind == "number" else int(number)
