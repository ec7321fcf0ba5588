"""The twelve fields of each of the 2021 study's prediction services: `study_fields.csv`."""

import csv
from collections.abc import Mapping
from importlib import resources

from sqf_pipeline.registry.outcomes import STUDY_OUTCOMES, Outcome


def _fields(outcome: Outcome) -> dict[str, str]:
    text = resources.files(__package__).joinpath("study_fields.csv").read_text(encoding="utf-8")
    return {row["field"]: row["column"] for row in csv.DictReader(text.splitlines()) if row["outcome"] == outcome}


STUDY_FIELDS: Mapping[Outcome, Mapping[str, str]] = {name: _fields(name) for name in STUDY_OUTCOMES}
"""By outcome, the study's name of each field and ours, in the order of its requests."""

SERVICE_FIELDS: Mapping[str, tuple[str, ...]] = {name: tuple(fields.values()) for name, fields in STUDY_FIELDS.items()}
"""By outcome, our names of the study's fields."""
