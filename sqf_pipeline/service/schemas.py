"""What a client may send and what it gets back, as pydantic models made from the manifest."""

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, TypeAdapter, create_model

from sqf_pipeline.modelling.thresholds import Threshold
from sqf_pipeline.registry.columns import load_columns
from sqf_pipeline.registry.outcomes import TIER_ENTRIES, Outcome, Tier
from sqf_pipeline.service.accepted_fields import unused_fields
from sqf_pipeline.service.manifest import FieldSpec, Measure, MeasuredThreshold, ModelEntry, ReliabilityBin
from sqf_pipeline.service.predictor import LEAST_CHANGE, MOST_REASONS, Reason

LONGEST_TEXT = 200
MOST_STOPS = 1000
"""Most stops in one request."""
TIERS: tuple[Tier, ...] = ("during", "at_stop")
"""Tiers that the API answers; the study's own models answer the study's own endpoints."""


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class _Response(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class PredictionOut(_Response):
    """The answer for one stop.

    `class` is 1 where the probability is at or above the threshold. `test_year_record` says how many stops of
    the test year had a probability between `low` and `high`, which share of them had the outcome, and the 95 %
    interval of that share.
    """

    probability: float = Field(ge=0, le=1)
    class_: Literal[0, 1] = Field(alias="class")
    test_year_record: ReliabilityBin
    why: list[Reason] = Field(
        [], max_length=MOST_REASONS,
        description=f"The fields that moved this probability most, the strongest first: at most {MOST_REASONS}, each "
        f"by {LEAST_CHANGE} or more. Each is the difference to the answer when that field alone is not given, so they "
        "do not add up, and fields that say the same thing hide each other. They describe the model: neither the "
        'person nor a cause. Absent where the request says `"why": false`.',
    )  # fmt: skip


class PredictionsOut(_Response):
    """The answers of one request, in its order."""

    outcome: Outcome
    tier: Tier
    model: str
    source: str
    test_year: int
    threshold: Threshold
    unused: list[str] = Field(
        [], description="Fields of the request that the model in force does not use; they changed nothing."
    )
    predictions: list[PredictionOut]


class ModelOut(_Response):
    """One model of the export: `fields` are those it uses, `accepted` the names that a request may have."""

    name: str
    outcome: Outcome
    tier: Tier
    estimator: str
    fields: list[FieldSpec]
    accepted: list[str]
    thresholds: dict[str, MeasuredThreshold]
    default_threshold: str
    training_share: float
    training_rows: int
    test_rows: int
    measures: dict[str, Measure]


class ModelsOut(_Response):
    """Every model of the export, and where it came from."""

    source: str
    test_year: int
    training_years: list[int]
    format_version: int
    project_version: str
    models: list[ModelOut]


class FieldProblem(_Response):
    """One fault in a request: the JSON Pointer of the value and what was expected of it."""

    pointer: str
    detail: str


class Problem(_Response):
    """A problem in the sense of RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = []


class Health(_Response):
    """Whether the service is alive, or ready.

    `refused` names the current export when it cannot be served and a former one answers.
    """

    status: Literal["ok", "not ready"]
    refused: str | None = None


def _whole(value: Any) -> Any:
    """Take 34.0 for 34, as JSON Schema does; leave every other kind of value to the strict check."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def field_type(spec: FieldSpec) -> Any:
    """Return the type of a field in a request; null and absence both mean that it is not known."""
    kinds: dict[str, Any] = {"flag": bool, "number": float, "category": Annotated[str, Field(max_length=LONGEST_TEXT)]}
    kind = inner = kinds.get(spec.kind, int)
    if spec.kind == "category" and spec.categories:
        inner = Literal[tuple(category.value for category in spec.categories)]
    ends: dict[str, Any] = {"ge": spec.minimum, "le": spec.maximum} if kind in (int, float) else {}
    if bounds := {key: _whole(end) for key, end in ends.items() if end is not None}:
        inner = Annotated[inner, Field(**bounds)]
    if kind is int:  # outside the bounds, so that these stand in the document
        inner = Annotated[inner, BeforeValidator(_whole)]
    unit = f" Unit: {spec.unit}." if spec.unit else ""
    return Annotated[inner | None, Field(title=spec.label, description=f"{spec.description}{unit}")]


def _one_or_many(value: object) -> str:
    return "many" if isinstance(value, list) else "one"


def stop_model(entry: ModelEntry) -> type[BaseModel]:
    """Return the model of one stop as a client describes it to the exported model `entry`."""
    others = [spec.model_copy(update={"description": f"{_UNUSED} {spec.description}"}) for spec in unused_fields(entry)]
    fields: dict[str, Any] = {spec.name: (field_type(spec), None) for spec in (*entry.fields, *others)}
    return create_model(
        _name(entry, "Stop"), __base__=_Request,
        __doc__=f"One stop, as known {TIER_ENTRIES[entry.tier]['as_known']}; a field left out or null is "
        "not known. Fields that the model in force does not use are accepted and named in the answer.", **fields,
    )  # fmt: skip


_TOP = ("tier", "threshold", "stops", "why")
_UNUSED = "Not used by the model in force."


def _name(entry: ModelEntry, what: str) -> str:
    return f"{entry.outcome.title()}{what}{entry.tier.title().replace('_', '')}"


def request_model(entry: ModelEntry) -> type[BaseModel]:
    """Return the model of a request to one exported model: its tier, a threshold, one stop or a list."""
    stop: Any = stop_model(entry)
    several: Any = Annotated[list[stop], Field(min_length=1, max_length=MOST_STOPS)]
    either: Any = Annotated[stop, Tag("one")] | Annotated[several, Tag("many")]
    about = Field(description=f"One stop, or a list of at most {MOST_STOPS}.")
    stops: Any = Annotated[either, Discriminator(_one_or_many), about]
    names: Any = Literal[tuple(entry.thresholds)]
    threshold: Any = Annotated[names, Field(description="The threshold at which stops are classified.")]
    fields: dict[str, Any] = {
        "tier": (Literal[entry.tier], ...),
        "threshold": (threshold, entry.default_threshold),
        "stops": (stops, ...),
        "why": (Annotated[bool, Field(description="Whether each answer names the fields that moved it most.")], True),
    }
    return create_model(
        _name(entry, "Request"), __base__=_Request,
        __doc__=f"A question to the model of what is known {TIER_ENTRIES[entry.tier]['as_known']}.", **fields,
    )  # fmt: skip


def request_adapter(entries: list[ModelEntry]) -> TypeAdapter[Any]:
    """Return the validator of an outcome's requests, distinguished by their tier."""
    models = [request_model(entry) for entry in entries]
    either: Any = reduce(or_, models)
    if len(models) > 1:
        either = Annotated[either, Field(discriminator="tier")]
    return TypeAdapter(either)


def describe_errors(errors: list[Any], names: Mapping[str, Collection[str]]) -> list[FieldProblem]:
    """Return pydantic's errors as JSON Pointers into the client's document, without echoing its values.

    `names` are the fields of a stop by tier; a tier in a location names a branch of the schema rather than a place in
    the document. A name that is unknown is answered with the nearest that is known.
    """
    found = []
    for error in errors:
        location = list(error["loc"])
        tier = location.pop(0) if len(names) > 1 and location else next(iter(names))
        if len(location) > 1 and location[0] == "stops" and location[1] in ("one", "many"):
            location.pop(1)
        detail = str(error["msg"])
        if error["type"].startswith("union_tag"):
            location, detail = ["tier"], f"Expected {' or '.join(names)}."
        elif error["type"] == "extra_forbidden":
            detail = _unknown(str(location[-1]), tier, names if location[0] == "stops" else {})
        pointer = "".join(f"/{_escape(part)}" for part in location)
        found.append(FieldProblem(pointer=pointer, detail=detail[:300]))
    return found


def _unknown(name: str, tier: str, names: Mapping[str, Collection[str]]) -> str:
    """Return what is said of a name that a document may not have."""
    if not names:
        return f"There is no such field; expected {', '.join(_TOP)}."
    if elsewhere := [other for other, known in names.items() if name in known]:
        return f"{name} is not known at the tier {tier}; ask at the tier {elsewhere[0]}, or leave it out."
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])|\W+", "_", name[:LONGEST_TEXT]).lower()
    known = {name: name for name in names[tier]}
    known |= {old.lower(): one.name for one in load_columns() if one.name in known for old in one.published_names}
    near = get_close_matches(plain, known, n=1) or [one for one in known if len(plain) > 2 and plain in one]
    return f"There is no such field{f'; the nearest is {known[near[0]]}' if near else ''}. /api/v1/models names all."


def _escape(part: object) -> str:
    return str(part)[:80].replace("~", "~0").replace("/", "~1")
