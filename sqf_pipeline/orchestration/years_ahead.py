"""Years of files that are there, read and cleaned by other processes while this one starts and stores others."""

import logging
import warnings
from collections.abc import Generator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqf_pipeline.cleaning.clean_stops import CleanedStops
    from sqf_pipeline.ingest.reader import RawFile

    ReadYear = tuple[RawFile, CleanedStops]

MOST_TEXT = 128 << 20
"""Bytes of text of all years together, about 200,000 stops: they wait in memory until they are taken."""
_PACKED = 10
"""How many times as large the text of an archive or a workbook is, about."""

logger = logging.getLogger(__name__)


class YearsAhead:
    """What processes beside this one read ahead, to be taken in the order of the years; what they could not is left.

    A year is taken only for the bytes that were read. It is the same, to the last bit, as what `read_and_clean` gives
    here, which is what a step does that finds nothing ahead, and where whatever is wrong with a file is said.
    """

    def __init__(self, files: Sequence[tuple[int, tuple[Path, ...]]], processes: int) -> None:
        from joblib import Parallel, delayed

        texts = accumulate(sum(map(_text_bytes, paths)) for _, paths in files)
        first = [one for one, text in zip(files, texts, strict=True) if text <= MOST_TEXT]
        self._years = [year for year, _ in first] if processes > 1 and len(files) > 1 else []
        self._read: Generator[ReadYear | None] | None = None
        if self._years:
            # the processes in which models are fitted later, so that they start once; a core is left to this one
            ahead = processes - 1
            workers = Parallel(n_jobs=processes, backend="loky", return_as="generator", pre_dispatch=ahead)
            self._read = workers(delayed(_read_or_leave)(paths, year) for year, paths in first)

    def take(self, year: int, sha256: str) -> "ReadYear | None":
        """Return a year whose bytes have this digest, waiting for it; None where it was not read ahead."""
        if year not in self._years or self._read is None:
            return None
        taken: ReadYear | None = None
        try:
            while self._years and self._years[0] <= year:
                taken = next(self._read)
                self._years.pop(0)
        except Exception as error:  # noqa: BLE001 - a process was killed; the step then reads the year itself
            logger.debug("no year is read ahead any more: %s", error)
            self._years.clear()
            return None
        return taken if taken is not None and taken[0].sha256 == sha256 else None

    def close(self) -> None:
        """Let go of the years that nobody took, where a run ends before its end."""
        if self._years and self._read is not None:
            let_go(self._read)


def let_go(results: Generator[object]) -> None:
    """End work of other processes whose results nobody takes, without joblib's words on how many they are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        results.close()


def _text_bytes(path: Path) -> int:
    return path.stat().st_size * (1 if path.suffix.lower() == ".csv" else _PACKED)


def _read_or_leave(paths: tuple[Path, ...], year: int) -> "ReadYear | None":
    from sqf_pipeline.ingest.cleaned_year import read_and_clean
    from sqf_pipeline.memory import hold_text_compactly, return_memory

    hold_text_compactly()
    return_memory()  # of the year before
    try:
        return read_and_clean(paths, year)
    except Exception:  # noqa: BLE001 - the step that needs the year meets it again and says so
        return None
