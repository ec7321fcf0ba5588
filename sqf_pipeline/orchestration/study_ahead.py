"""The study run its own way by another process, while this one fits and measures the models of the same test year."""

import logging
import warnings
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqf_pipeline.files import file_sha256

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
        self._begun: dict[int, Generator[Measured | None]] = {}

    def begin(self, test_year: int, training: Sequence[int]) -> None:
        """Begin with a test year whose raw stops are stored, where there is a core for it and they are not many."""
        from joblib import Parallel, delayed, effective_n_jobs

        from sqf_pipeline.modelling.experiments import study_experiments, within_forms
        from sqf_pipeline.registry.forms.published_forms import forms_of_years

        paths = self._paths((*training, test_year))
        left_out = within_forms(study_experiments(), forms_of_years(list(paths)))[1]
        processes = effective_n_jobs(self._settings.jobs) if self._settings.compute == "local" else 1
        if processes > 1 and not left_out and sum(path.stat().st_size for path in paths.values()) <= MOST_STORED:
            workers = Parallel(n_jobs=processes, backend="loky", return_as="generator")
            self._begun[test_year] = workers([delayed(_measure_or_leave)(paths, test_year)])

    def take(self, test_year: int, years: Sequence[int]) -> dict[tuple[str, str], float] | None:
        """Return what was measured of the raw stops that are stored, waiting for it; None where nothing was."""
        begun = self._begun.pop(test_year, None)
        if begun is None:
            return None
        try:
            measured = next(begun)
        except Exception as error:  # noqa: BLE001 - the process was killed; the step then measures the study itself
            logger.debug("the study was not measured ahead: %s", error)
            return None
        return measured[1] if measured is not None and measured[0] == _digests(self._paths(years)) else None

    def close(self) -> None:
        """Let go of what nobody took, where a run ends before its end."""
        for begun in self._begun.values():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # joblib says how many they are
                begun.close()
        self._begun.clear()

    def _paths(self, years: Sequence[int]) -> dict[int, Path]:
        import dagster as dg  # which the process beside this one does without

        from sqf_pipeline.orchestration.io_managers import ParquetIOManager

        frames = ParquetIOManager(self._settings.folder("storage"))
        return {year: frames.path(dg.AssetKey("raw_stops"), str(year)) for year in years}


def _digests(paths: Mapping[int, Path]) -> dict[int, str]:
    return {year: file_sha256(path) for year, path in paths.items()}


def _measure_or_leave(paths: Mapping[int, Path], test_year: int) -> "Measured | None":
    import pandas as pd
    import pyarrow.parquet as pq

    from sqf_pipeline.memory import hold_text_compactly, return_memory
    from sqf_pipeline.modelling.side_by_side import one_thread
    from sqf_pipeline.study_2021.replication import measure_study_2021
    from sqf_pipeline.study_2021.study_encoding import ORDER

    hold_text_compactly()
    try:
        digests = _digests(paths)  # first: what is stored anew meanwhile is not what the step has then
        stored = {path: [name for name in pq.read_schema(path).names if name in ORDER] for path in paths.values()}
        frames = {year: pd.read_parquet(path, columns=stored[path]) for year, path in paths.items()}
        with one_thread():
            return digests, measure_study_2021(frames, test_year, n_jobs=1)
    except Exception:  # noqa: BLE001 - the step meets it again and says so
        return None
    finally:
        return_memory()
