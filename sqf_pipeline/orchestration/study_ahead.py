"""The study run its own way by another process, while this one fits and measures the models of the same test year."""

import logging
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqf_pipeline.files import file_sha256, read_frame
from sqf_pipeline.orchestration.years_ahead import let_go

if TYPE_CHECKING:
    from sqf_pipeline.settings import Settings

    Measured = tuple[dict[int, str], dict[tuple[str, str], float]]

MOST_STORED = 12 << 20
"""Bytes of raw stops as stored, about 200,000 stops: more would take much memory beside the models."""

logger = logging.getLogger(__name__)


class StudyAhead:
    """What a process beside this one measured of the study, to be taken for the raw stops that it read alone.

    It is the same, to the last bit, as what the step measures that finds nothing ahead.
    """

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings
        self._folder = settings.folder("storage") / "raw_stops"
        self._begun: dict[int, Generator[Measured | None]] = {}

    def begin(self, test_year: int, training: Sequence[int]) -> None:
        """Begin with a test year whose raw stops are stored, where there is a core for it and they are not many."""
        from joblib import Parallel, delayed, effective_n_jobs

        from sqf_pipeline.modelling.experiments import study_experiments, within_forms
        from sqf_pipeline.registry.forms.published_forms import forms_of_years

        years = (*training, test_year)
        processes = effective_n_jobs(self._settings.jobs) if self._settings.compute == "local" else 1
        if processes < 2 or within_forms(study_experiments(), forms_of_years(years))[1]:
            return
        if sum(self._path(year).stat().st_size for year in years) <= MOST_STORED:
            workers = Parallel(n_jobs=processes, backend="loky", return_as="generator")
            paths = {year: self._path(year) for year in years}
            self._begun[test_year] = workers([delayed(_measure_or_leave)(paths, test_year)])

    def take(self, test_year: int, years: Sequence[int]) -> dict[tuple[str, str], float] | None:
        """Return what was measured of the raw stops that are stored, waiting for it; None where nothing was."""
        begun = self._begun.pop(test_year, None)
        if begun is None:
            return None
        try:
            digests, measured = next(begun) or ({}, None)
        except Exception as error:  # noqa: BLE001 - the process was killed; the step then measures the study itself
            logger.debug("the study was not measured ahead: %s", error)
            return None
        return measured if digests == {year: file_sha256(self._path(year)) for year in years} else None

    def close(self) -> None:
        """Let go of what nobody took, where a run ends before its end."""
        while self._begun:
            let_go(self._begun.popitem()[1])

    def _path(self, year: int) -> Path:
        return self._folder / f"{year}.parquet"


def _measure_or_leave(paths: Mapping[int, Path], test_year: int) -> "Measured | None":
    from sqf_pipeline.memory import hold_text_compactly, return_memory
    from sqf_pipeline.modelling.side_by_side import one_thread
    from sqf_pipeline.study_2021.replication import measure_study_2021
    from sqf_pipeline.study_2021.study_encoding import ORDER

    hold_text_compactly()
    try:
        digests = {year: file_sha256(path) for year, path in paths.items()}  # before anybody may store other stops
        frames = {year: read_frame(path, ORDER) for year, path in paths.items()}
        with one_thread():
            return digests, measure_study_2021(frames, test_year, n_jobs=1)
    except Exception:  # noqa: BLE001 - the step meets it again and says so
        return None
    finally:
        return_memory()
