"""The twelve fields of each of the 2021 study's prediction services: `study_fields.csv`."""

from collections.abc import Mapping

from sqf_pipeline.registry.csv_tables import read_rows
from sqf_pipeline.registry.outcomes import STUDY_OUTCOMES, Outcome


def _fields(outcome: Outcome) -> dict[str, str]:
    return {
        row["field"]: row["column"] for row in read_rows(__package__, "study_fields.csv") if row["outcome"] == outcome
    }


STUDY_FIELDS: Mapping[Outcome, Mapping[str, str]] = {name: _fields(name) for name in STUDY_OUTCOMES}
"""By outcome, the study's name of each field and ours, in the order of its requests."""

SERVICE_FIELDS: Mapping[str, tuple[str, ...]] = {name: tuple(fields.values()) for name, fields in STUDY_FIELDS.items()}
"""By outcome, our names of the study's fields."""
