"""Yearly files in a folder: which file is the one of a year."""

import hashlib
import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqf_pipeline.errors import SqfError
from sqf_pipeline.files import file_sha256
from sqf_pipeline.ingest.file_parts import NamedPart, part_in_name
from sqf_pipeline.registry.year_and_month_words import ALL_MONTHS, FIRST_YEAR, month_words

logger = logging.getLogger(__name__)

# NYPD publishes workbooks, and archives to 2014; a CSV beside one is somebody's conversion of it, or was unpacked.
SUFFIXES = (".xlsx", ".zip", ".csv")

_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_SUBJECT = re.compile(r"sqf|stop\W*(?:question\W*)?(?:and\W*)?frisk")
_NAMES_SHOWN = 12


class SourceError(SqfError):
    """The yearly files are missing, ambiguous, unreachable or not what they should be."""


class MissingFileError(SourceError):
    """A folder holds no file of a year."""


def require_covered_year(year: int) -> None:
    """Raise SourceError when `year` is before the first that NYPD has published."""
    if year < FIRST_YEAR:
        raise SourceError(f"The year {year} cannot be used: NYPD has published its stops since {FIRST_YEAR}.")


def year_in_name(name: str) -> int | None:
    """Return the year that a file's name speaks of, or None when it is not the name of a file of stops.

    The usual names are `sqf-2017.csv`, `sqf_2017.xlsx`, `2017_sqf.csv`, `sqf-2017-database.xlsx`, `SQF 2017.XLSX`,
    `stop-question-frisk-2017.csv`, `2017.csv` and `sqf-2014-csv.zip`; `sqf-2024-q1.xlsx` speaks of a part of its year
    (see `file_parts`). A name with two years is none of them: it may be a table of both, or an earlier copy that was
    put aside.

    >>> [year_in_name(name) for name in ("sqf-2017.csv", "SQF 2017.XLSX", "2017.csv", "sqf-2017-2019.csv", "sqf.csv")]
    [2017, 2017, 2017, None, None]
    """
    path = Path(name.lower())
    if path.suffix not in SUFFIXES or name.startswith((".", "~")):
        return None
    years = _YEAR.findall(path.stem)
    if len(years) != 1:
        return None
    subject = path.stem.replace("_", "-")
    if not _SUBJECT.search(subject) and subject != years[0]:
        return None
    return int(years[0])


def digest_of_parts(digests: Sequence[str]) -> str:
    """Return the digest of a year: that of its file, or the SHA-256 of its parts' digests, each on a line."""
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


@dataclass(frozen=True)
class YearFiles:
    """The files of a year in a folder."""

    paths: tuple[Path, ...]  # one file of the whole year, or its parts in the order of their months and names
    promised: frozenset[int] | None = ALL_MONTHS
    """The months that the names promise; None when they do not say, so that the months inside decide."""
    notes: tuple[str, ...] = ()  # what was left aside, one sentence each


def _files_in(folder: Path) -> list[Path]:
    """Return the visible files of a folder by name; raises SourceError when it is not a readable folder."""
    try:
        return sorted(entry for entry in folder.iterdir() if entry.is_file() and not entry.name.startswith("."))
    except FileNotFoundError:
        raise MissingFileError(
            f"The data folder {folder} does not exist. Make it and put NYPD's yearly files into it (sqf-2017.xlsx "
            "and so on, .xlsx, .csv or .zip), or point SQF_DATA_DIR at the folder that has them, or set "
            "SQF_SOURCE=nypd to download them."
        ) from None
    except NotADirectoryError:
        raise SourceError(
            f"The data folder {folder} is a file, not a folder. Point SQF_DATA_DIR at a folder."
        ) from None
    except OSError as error:
        raise SourceError(f"The data folder {folder} cannot be read: {error.strerror or error}.") from error


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    if not names:
        return "nothing"
    shown = ", ".join(names[:_NAMES_SHOWN])
    rest = len(names) - _NAMES_SHOWN
    return f"{shown} and {rest} more" if rest > 0 else shown


def local_years(folder: Path) -> list[int]:
    """Return the years, 2003 or later, of which a folder holds a file; an absent folder holds none."""
    if not folder.exists():
        return []
    found = {year_in_name(path.name) for path in _files_in(folder)}
    return sorted(year for year in found if year is not None and year >= FIRST_YEAR)


def find_year_files(folder: Path, year: int) -> YearFiles:
    """Return the files of a year in a folder, .xlsx, .zip or .csv under any of the usual names.

    Files with the same bytes count as one. A file of the whole year comes before parts of it, and an .xlsx or .zip
    before a .csv of the same, because that is what NYPD publishes; files left aside are reported. Only files directly
    in the folder are looked at. Raises MissingFileError when the folder, or a file of the year in it, is missing, and
    SourceError when two different files claim the same year or month, or the year is before 2003.
    """
    require_covered_year(year)
    files = _files_in(folder)
    candidates = {path: part_in_name(path.stem, str(year)) for path in files if year_in_name(path.name) == year}
    if not candidates:
        raise MissingFileError(_missing_message(folder, year, files))
    whole = [path for path, part in candidates.items() if part is None or part.months == ALL_MONTHS]
    if whole:
        found, notes = _preferred(folder, year, whole)
        parts = [path.name for path in candidates if path not in whole]
        if parts:
            notes += (f"{found.name} is used for {year}, and not the parts beside it: {_listed(parts)}.",)
        return _logged(YearFiles((found,), notes=notes))
    return _logged(_parts_of_year(folder, year, {path: part for path, part in candidates.items() if part}))


def _parts_of_year(folder: Path, year: int, named: dict[Path, NamedPart]) -> YearFiles:
    """Return the parts of a year, one file a part."""
    by_part: dict[object, list[Path]] = {}
    for path, part in named.items():
        by_part.setdefault(part.months or path.stem.lower(), []).append(path)
    chosen: list[Path] = []
    notes: tuple[str, ...] = ()
    for paths in by_part.values():
        path, said = _preferred(folder, year, paths)
        chosen.append(path)
        notes += said
    digests: dict[str, Path] = {}
    for path in sorted(chosen, key=lambda one: (sorted(named[one].months or ()), one.name)):
        first = digests.setdefault(file_sha256(path), path)
        if first is not path:
            notes += (f"{path.name} has the same bytes as {first.name} and is left out.",)
    kept = list(digests.values())
    for place, path in enumerate(kept):
        for other in kept[:place]:
            both = (named[path].months or frozenset()) & (named[other].months or frozenset())
            if both:
                raise SourceError(
                    f"{folder}: judging by their names, {other.name} and {path.name} both hold {month_words(both)} of "
                    f"{year}. Keep the right one and move the other to another folder."
                )
    told = [named[path].months for path in kept]
    if all(told):
        promised: frozenset[int] | None = frozenset().union(*(months for months in told if months))
    else:
        # numbered parts may be the whole; one alone, or one named by a place, never is
        numbered = len(kept) > 1 and all(named[path].months or named[path].numbered for path in kept)
        promised = None if numbered else frozenset()
    return YearFiles(tuple(kept), promised, notes)


def _logged(found: YearFiles) -> YearFiles:
    for note in found.notes:
        logger.warning("%s", note)
    return found


def _preferred(folder: Path, year: int, paths: list[Path]) -> tuple[Path, tuple[str, ...]]:
    """Return which of several files of the same stops is used, and what is said of the others."""
    for suffix in SUFFIXES:
        of_suffix = [path for path in paths if path.suffix.lower() == suffix]
        if of_suffix:
            if len(of_suffix) > 1 and len({file_sha256(path) for path in of_suffix}) > 1:
                raise SourceError(  # which one is meant is not for us to guess
                    f"{folder} has {len(of_suffix)} different files for {year}: "
                    f"{_listed(path.name for path in of_suffix)}. "
                    "Keep the right one and move the others to another folder."
                )
            others = [path.name for path in paths if path not in of_suffix]
            note = f"Of {of_suffix[0].name} and {_listed(others)} the first is used, which is what NYPD publishes."
            return of_suffix[0], (note,) if others else ()
    raise ValueError("no path was given")


def _missing_message(folder: Path, year: int, files: list[Path]) -> str:
    hints = ""
    archives = [path.name for path in files if str(year) in path.name and path.suffix.lower() not in SUFFIXES]
    archives = [name for name in archives if not name.endswith(".json")]
    if archives:
        hints = (
            f" {_listed(archives)} cannot be read: only .xlsx, .zip and .csv can, so unpack or save it as one of those."
        )
    return (
        f"Expected a file of {year} in {folder}, found {_listed(path.name for path in files)}.{hints} "
        f"Put NYPD's file of {year} there as sqf-{year}.xlsx, .zip or .csv, or point SQF_DATA_DIR at the folder that "
        "has it, or set SQF_SOURCE=nypd to download it."
    )
