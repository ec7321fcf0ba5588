"""The files of a year to its text as published and its clean stops."""

from collections.abc import Sequence
from pathlib import Path

from sqf_pipeline.cleaning.clean_stops import CleanedStops, clean_stops
from sqf_pipeline.ingest.reader import RawFile, read_published_year
from sqf_pipeline.memory import return_memory


def read_and_clean(paths: Sequence[Path], year: int) -> tuple[RawFile, CleanedStops]:
    """Read the files of a year and clean their stops; see `read_published_year` for what is raised."""
    raw = read_published_year(paths, year)
    return_memory()  # that reading the text took beside the text
    return raw, clean_stops(raw.frame, year)
