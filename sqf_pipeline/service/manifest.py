"""What an export folder says about itself: the shape of `manifest.json`."""

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, StringConstraints

from sqf_pipeline.modelling.calibration import Calibrator
from sqf_pipeline.registry.outcomes import Outcome, Tier
from sqf_pipeline.service.drawn_fields import DrawnFields
from sqf_pipeline.service.encoding import Encoding, Strict, Value

FORMAT_VERSION = 4  # version of the export's layout; a service refuses every other one

LARGEST_DIFFERENCE = 1e-5  # largest difference allowed between a probability of the joblib form and of the fast form

MANIFEST_NAME = "manifest.json"
CHECKSUMS_NAME = "SHA256SUMS"

FieldKind = Literal["number", "integer", "category", "code", "flag"]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
RelativeName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_][a-z0-9_.-]*(/[a-z0-9_][a-z0-9_.-]*)?$")]
"""A file's name in the folder: at most one folder deep, no dots in front, so that no name leads outside."""


class FileEntry(Strict):
    """One file of the export: its name in the folder, size in bytes and SHA-256."""

    name: RelativeName
    size: int = Field(ge=0)
    sha256: Sha256


class Category(Strict):
    """One value that a category field takes, with its words for people and its training stops."""

    value: str
    label: str
    stops: int = Field(ge=0)


class FieldSpec(Strict):
    """One input of a model: what it is called, measured in and may hold.

    `minimum` and `maximum` are the plausible range, both ends included; `default` is the training stops' median
    or most frequent value, which a form starts from; `published_name` is the study's and NYPD's own name.
    """

    name: str
    label: str
    description: str
    kind: FieldKind
    unit: str = ""
    minimum: FiniteFloat | None = None
    maximum: FiniteFloat | None = None
    categories: tuple[Category, ...] = ()
    default: bool | int | FiniteFloat | str | None = None
    published_name: str = ""
    known: str = ""

    def allows(self, number: float) -> bool:
        """Return whether a number lies in the plausible range."""
        return (self.minimum is None or number >= self.minimum) and (self.maximum is None or number <= self.maximum)

    @property
    def range_words(self) -> str:
        """The plausible range with its unit, for people."""
        unit = f" {self.unit}" if self.unit and self.kind != "code" else ""
        if self.minimum is None or self.maximum is None:
            return unit.strip().capitalize()
        shape = ",.0f" if self.minimum >= 10_000 else "g"
        return f"{self.minimum:{shape}} to {self.maximum:{shape}}{unit}"


class MeasuredThreshold(Strict):
    """A probability from which a stop is classified as positive, and the aim for which it was chosen."""

    value: FiniteFloat = Field(ge=0, le=1)
    aim: str
    precision: FiniteFloat | None = None
    recall: FiniteFloat | None = None


class Measure(Strict):
    """One metric on the test year with its interval where there is one."""

    estimate: FiniteFloat
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None


class ReliabilityBin(Strict):
    """How often test-year stops with a probability in [low, high] had the outcome.

    `share_low` and `share_high` are Wilson's 95 % interval of the share, persons of one encounter counted as if they
    shared their fate.
    """

    low: FiniteFloat
    high: FiniteFloat
    stops: int = Field(gt=0)
    positives: int = Field(ge=0)
    mean_probability: FiniteFloat
    share: FiniteFloat
    share_low: FiniteFloat
    share_high: FiniteFloat


class Probe(Strict):
    """An invented stop and the probability that the exporter's own machine gave it."""

    stop: dict[str, bool | int | FiniteFloat | str | None]
    probability: FiniteFloat


class Tried(Strict):
    """What was tried for a model on the last training year, which it was not fitted on, and its measures there."""

    estimator: str
    columns: tuple[str, ...]
    settings: dict[str, Value]
    log_loss: FiniteFloat
    average_precision: FiniteFloat


class ModelEntry(Strict):
    """One exported model; `drawn` is there when gaps of some fields are never shown to it.

    `tried` has what was compared on the last training year, least log loss first: the first is this model.
    """

    name: str
    outcome: Outcome
    tier: Tier
    estimator: str
    tried: tuple[Tried, ...] = ()
    fields: tuple[FieldSpec, ...] = Field(min_length=1)
    encoding: Encoding
    drawn: DrawnFields | None = None
    calibration: Calibrator
    thresholds: dict[str, MeasuredThreshold] = Field(min_length=1)
    default_threshold: str
    training_share: FiniteFloat = Field(gt=0, lt=1)
    training_rows: int = Field(gt=0)
    test_rows: int = Field(gt=0)
    measures: dict[str, Measure]
    reliability: tuple[ReliabilityBin, ...] = Field(min_length=1)
    probes: tuple[Probe, ...] = Field(min_length=1)
    onnx_file: RelativeName
    joblib_file: RelativeName
    largest_difference: FiniteFloat = Field(
        ge=0, description="Largest difference of a test-year probability between the joblib and the ONNX form."
    )


class Manifest(Strict):
    """Everything that an export says about itself."""

    format_version: int
    project_version: str
    test_year: int
    training_years: tuple[int, ...]
    source: str
    data_note: str = ""
    git_commit: str | None = None
    packages: dict[str, str]
    data_sha256: dict[str, Sha256]
    models: tuple[ModelEntry, ...] = Field(min_length=1)
    analysis: tuple[RelativeName, ...] = ()
    model_card: RelativeName | None = None
    files: tuple[FileEntry, ...]
