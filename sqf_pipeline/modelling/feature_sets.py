"""Named sets of columns a model may use, by when their values become known."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from sqf_pipeline.errors import SqfError
from sqf_pipeline.registry.columns import columns_by_name, load_columns, shared_columns
from sqf_pipeline.registry.forms.published_forms import NEW_FORM
from sqf_pipeline.registry.outcomes import KNOWN_BY_TIER, OUTCOME_ENTRIES, SERVICE_FIELDS, Tier

HIGHEST_GAP_AUC = 0.53
"""ROC AUC of the gaps at the stop alone from which the tier's columns are not free of the outcome (see `gap_marks`)."""

STUDY_COLUMNS = (
    "borough", "frisked", "initiated_by", "issuing_officer_rank", "month", "observed_duration_minutes",
    "officer_explained_stop", "officer_in_uniform", "searched", "stop_duration_minutes", "stop_time_seconds",
    "suspect_age", "suspect_build", "suspect_eye_color", "suspect_hair_color", "suspect_height_inches",
    "suspect_race", "suspect_sex", "suspect_weight_pounds", "suspected_crime", "weapon_found", "weekday", "x_feet",
    "y_feet", "year",
)  # fmt: skip
"""Columns of the 2021 study; the rival outcome joins them, see `FeatureSet.columns_for`."""

STUDY_BINS: Mapping[str, Mapping[str, str]] = {
    "initiated_by": {"RADIO RUN": "RADIO RUN", "SELF INITIATED": "SELF INITIATED"},
    "issuing_officer_rank": {"POM": "POM", "POF": "POF"},
    "suspected_crime": {
        "ROBBERY": "ROBBERY", "ASSAULT": "ASSAULT", "BURGLARY": "BURGLARY", "PETIT LARCENY": "LARCENY",
        "GRAND LARCENY": "LARCENY",
    },
    "suspect_build": {"MED": "MED", "THN": "THN"},
    "suspect_eye_color": {"BLK": "BLK", "BRO": "BRO", "BLU": "BLU"},
    "suspect_hair_color": {"BLK": "BLK", "BLN": "BLN"},
    "borough": {"BROOKLYN": "BROOKLYN", "MANHATTAN": "MANHATTAN", "BRONX": "BRONX", "QUEENS": "QUEENS"},
    "suspect_race": {
        race: race
        for race in (
            "BLACK", "WHITE", "WHITE HISPANIC", "BLACK HISPANIC", "ASIAN / PACIFIC ISLANDER",
            "AMERICAN INDIAN / ALASKAN NATIVE",
        )
    },
    "suspect_sex": {"MALE": "MALE", "FEMALE": "FEMALE"},
}  # fmt: skip
"""Category to the study's bin; every other category and a missing one are the bin OTHER."""


class FeatureSetError(SqfError):
    """A feature set names a column that no model may use there."""


@dataclass(frozen=True)
class FeatureSet:
    """Columns that a model uses, checked when the set is made.

    Raises FeatureSetError if a column is not in the registry, exists because of an outcome, is an outcome, is kept for
    the record, may not be a feature, is not known yet at the set's tier, or is chosen for an outcome whose own it is.
    """

    name: str  # slug, part of the names of models
    tier: Tier  # when everything in the set is known: at the stop, during the encounter, or the study's mixture
    columns: tuple[str, ...]  # names of the registry, sorted, without the rival outcome
    description: str  # one sentence for people
    rival_outcome: bool = False  # whether the other outcome is a feature too, as in the study
    bins: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Category to bin, by column; a column without bins keeps its categories."""
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For a set that differs by outcome: the columns of each, the rival outcome included."""

    def __post_init__(self) -> None:
        for name in {*self.columns, *self.bins}:
            _refuse_leak(self, name, rival=None)
        if self.rival_outcome and self.tier != "study":
            raise FeatureSetError(
                f"Feature set {self.name!r} would use the rival outcome at tier {self.tier!r}; an outcome is known "
                "when the encounter is over, so only a set of the tier 'study' may have it."
            )
        for outcome, names in self.fields.items():
            for name in names:
                _refuse_leak(self, name, rival=OUTCOME_ENTRIES[outcome].rival if self.rival_outcome else None)
                _refuse_own(self, name, outcome)

    def columns_for(self, outcome: str) -> tuple[str, ...]:
        """Return the sorted columns of the set for an outcome: without its own, with the rival if the set has it."""
        if outcome in self.fields:
            return tuple(sorted(self.fields[outcome]))
        entry = OUTCOME_ENTRIES[outcome]
        rival = {entry.rival} - {""} if self.rival_outcome else set()
        return tuple(sorted({*self.columns, *rival} - entry.barred))

    def drawn_for(self, outcome: str) -> tuple[str, ...]:
        """Return the columns whose gaps the set's models never see: at the stop, a missing value is drawn."""
        if self.tier != "at_stop":
            return ()
        return tuple(name for name in self.columns_for(outcome) if columns_by_name()[name].known == "value_at_stop")


def _refuse_leak(feature_set: FeatureSet, name: str, rival: str | None) -> None:
    """Raise FeatureSetError when a column may not stand in a set; `rival` is the outcome that may."""
    import difflib

    registry = columns_by_name()
    where = f"Feature set {feature_set.name!r}"
    if name not in registry:
        close = ", ".join(difflib.get_close_matches(name, registry, n=3)) or "none like it"
        raise FeatureSetError(f"{where} names the column {name!r}, which the registry does not have ({close}).")
    entry = registry[name]
    study = feature_set.tier == "study"
    if entry.known == "outcome_made":
        raise FeatureSetError(
            f"{where} names {name!r}, which is filled because of the outcome and would give the answer away. Remove it."
        )
    if entry.known == "outcome" and name != rival:
        raise FeatureSetError(f"{where} names {name!r}, an outcome. Remove it, or set `rival_outcome` in a study set.")
    if entry.known == "record":
        raise FeatureSetError(f"{where} names {name!r}, which NYPD keeps for its records. Remove it.")
    if not entry.feature and entry.known != "outcome" and not (study and name == "year"):
        raise FeatureSetError(f"{where} names {name!r}, which the registry marks as no feature. Remove it.")
    if feature_set.tier == "at_stop" and entry.known not in KNOWN_BY_TIER["at_stop"]:
        when = "during the encounter" if entry.known == "during" else "when the form is completed, after the outcome"
        raise FeatureSetError(f"{where} names {name!r}, which becomes known {when}. Remove it, or use another tier.")


def _refuse_own(feature_set: FeatureSet, name: str, outcome: str) -> None:
    """Raise FeatureSetError when a column is barred from models of the outcome for which it was chosen."""
    if name in OUTCOME_ENTRIES[outcome].barred:
        raise FeatureSetError(
            f"Feature set {feature_set.name!r} names {name!r} for the outcome {outcome!r}, of which it is a part or "
            "which its gaps predict (registry/outcomes.csv). Remove it."
        )


@cache
def feature_sets() -> dict[str, FeatureSet]:
    """Return the named feature sets."""
    features = [entry for entry in load_columns() if entry.feature]
    sets = (
        FeatureSet(
            name="study_2021_binned",
            tier="study",
            columns=STUDY_COLUMNS,
            description="The columns of the 2021 study in its bins, the rival outcome and the year included.",
            rival_outcome=True,
            bins=STUDY_BINS,
        ),
        FeatureSet(
            name="study_2021",
            tier="study",
            columns=STUDY_COLUMNS,
            description="The columns of the 2021 study with every category, rival outcome and year included.",
            rival_outcome=True,
        ),
        FeatureSet(
            name="during",
            tier="during",
            columns=tuple(sorted(entry.name for entry in features if entry.known in KNOWN_BY_TIER["during"])),
            description="Everything known while the encounter lasts, and what is completed at its end; no column "
            "that an outcome fills, but gaps that predict it.",
        ),
        FeatureSet(
            name="at_stop",
            tier="at_stop",
            columns=tuple(sorted(entry.name for entry in features if entry.known in KNOWN_BY_TIER["at_stop"])),
            description="What is known when the person is stopped, before anything is done; no gap of a description.",
        ),
        FeatureSet(
            name="study_2021_twelve",
            tier="study",
            columns=(),
            description="The twelve fields of the study's prediction service for each outcome.",
            rival_outcome=True,
            fields=SERVICE_FIELDS,
        ),
    )
    return {entry.name: entry for entry in sets}


@cache
def feature_set(name: str, forms: tuple[str, ...] = (NEW_FORM,)) -> FeatureSet:
    """Return the feature set called `name`, with the columns that mean the same in the forms of the years it is for.

    Raises FeatureSetError naming the sets that there are, or the columns that some form does not have of a set that is
    the study's: it is the study's with all of them only.
    """
    sets = feature_sets()
    if name not in sets:
        raise FeatureSetError(f"There is no feature set {name!r}. The feature sets are: {', '.join(sets)}.")
    named = sets[name]
    shared = frozenset(shared_columns(forms)) | {"year"}
    absent = sorted({*named.columns, *(one for fields in named.fields.values() for one in fields)} - shared)
    if not absent:
        return named
    if named.tier == "study":
        raise FeatureSetError(
            f"The 2021 study's columns cannot all be used with files of these years (forms {', '.join(forms)}): "
            f"{', '.join(absent)} is not in all of them, or means something else."
        )
    return replace(named, columns=tuple(column for column in named.columns if column in shared))


def is_usable(name: str, forms: tuple[str, ...]) -> bool:
    """Return whether years of these forms have the columns without which a set is not what it is called."""
    try:
        feature_set(name, forms)
    except FeatureSetError:
        return False
    return True


def chosen_fields(name: str, tier: Tier, outcome: str, columns: Iterable[str]) -> FeatureSet:
    """Return a set of fields chosen for one outcome, such as its twelve most important columns."""
    names = tuple(columns)
    return FeatureSet(
        name=name,
        tier=tier,
        columns=(),
        description=f"{len(names)} columns chosen by importance on training stops.",
        rival_outcome=tier == "study",
        fields={outcome: names},
    )
