"""Where the yearly files come from: a folder, NYPD's site, or the sample."""

import logging
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from sqf_pipeline.ingest.download import Patience, RefusedError, UnreachableError, download_from
from sqf_pipeline.ingest.download_record import read_record
from sqf_pipeline.ingest.file_checks import DAMAGED_ARCHIVE
from sqf_pipeline.ingest.local_files import (
    MissingFileError,
    SourceError,
    YearFiles,
    digest_of_parts,
    file_sha256,
    find_year_files,
    require_covered_year,
)
from sqf_pipeline.registry.year_and_month_words import ALL_MONTHS
from sqf_pipeline.settings import NYPD_URL, ResolvedSource, Source

logger = logging.getLogger(__name__)

_BEGINNING_BYTES = 1 << 18
_MARKS_OF_A_SAMPLE = 20


@dataclass(frozen=True)
class PublishedFile:
    """A year's file or files, and where they are from."""

    path: Path
    """The file, whole; .xlsx, .csv or .zip. Of a year in parts, the first of them."""
    year: int  # calendar year of the stops it should hold
    source: ResolvedSource  # `local`, `nypd` or `sample`
    url: str | None
    etag: str | None
    last_modified: str | None
    """Address it was downloaded from, and what the server called this version; None when that is not known."""
    fetched_at: datetime  # when it was downloaded, else when it was last written; with its time zone, UTC
    sha256: str  # SHA-256 of its bytes, 64 hexadecimal digits; of a year in parts, `digest_of_parts`
    paths: tuple[Path, ...]  # every file of the year, in order
    promised: frozenset[int] | None = ALL_MONTHS
    notes: tuple[str, ...] = ()
    """Which months the names promise, and what was left aside; see `local_files.YearFiles`."""


def source_of_year(source: Source, data_dir: Path, year: int) -> ResolvedSource:
    """Return what the setting of the source comes to for a year; the one decision, for command, UI and schedule alike.

    A source that is named is taken as it is. `auto` is `local` when somebody put a file of the year into the folder,
    else `nypd`: when there is none, which is then downloaded, and when there is one that was downloaded before, which
    is used as it is. So a year's answer does not depend on other years, on the network, or on who asks. Raises
    SourceError when the folder is wrong rather than incomplete: two different files of the year, or a synthetic one.
    """
    if source != "auto":
        return source
    try:
        found = _local_files(data_dir, year)
    except MissingFileError:
        return "nypd"
    return "nypd" if all(read_record(path) for path in found.paths) else "local"


def obtain_file(
    source: Source,
    year: int,
    *,
    data_dir: Path,
    addresses: Sequence[str] = (NYPD_URL,),
    sample_dir: Path | None = None,
    sample_seed: int = 1,
    sample_rows: int | None = None,
    patience: Patience | None = None,
) -> PublishedFile:
    """Return the file of a year from a source, downloading or making it when the source is of that kind.

    `nypd` asks the server every time and fails when it cannot: a kept copy is used only when the server says that
    it is current. `auto` uses a file that is in the folder without asking, and downloads one that is not. A file that
    somebody put there by hand is never replaced or moved.

    For `source` see `source_of_year`. `data_dir` is the folder of the published files; `nypd` asks the `addresses` in
    order. The sample has a folder, a seed, and rows a year, None for as many as were published. Raises SourceError
    saying what is missing, ambiguous, unreachable or of the wrong kind, and what to do.
    """
    require_covered_year(year)
    decided = source_of_year(source, data_dir, year)
    if decided == "local" or (source == "auto" and not missing_locally(data_dir, [year])):
        return _local_file(data_dir, year, decided)
    if decided == "nypd":
        try:
            downloaded = download_from(addresses, year, data_dir, patience=patience)
        except (UnreachableError, RefusedError) as error:
            if source != "auto":
                raise
            raise SourceError(
                f"{data_dir} has no file of {year}, and NYPD's site gave none: {error}\n{no_sample(data_dir)}"
            ) from error
        return _described(downloaded.path, year, "nypd")
    if sample_dir is None:
        raise ValueError("the sample needs a folder to be written to")
    from sqf_pipeline.synthetic.synthetic_years import write_synthetic_year

    return _described(write_synthetic_year(sample_dir, year, seed=sample_seed, rows=sample_rows), year, "sample")


def _local_file(data_dir: Path, year: int, source: ResolvedSource) -> PublishedFile:
    with _explained_reading(data_dir, year):
        found = _local_files(data_dir, year)
        parts = [_described(path, year, source) for path in found.paths]
        return replace(
            parts[0],
            sha256=digest_of_parts([part.sha256 for part in parts]),
            fetched_at=max(part.fetched_at for part in parts),
            paths=found.paths,
            promised=found.promised,
            notes=found.notes,
        )


def _local_files(data_dir: Path, year: int) -> YearFiles:
    with _explained_reading(data_dir, year):
        found = find_year_files(data_dir, year)
        for path in found.paths:
            if is_synthetic(path):
                raise SourceError(
                    f"{path} holds synthetic stops of the sample, not NYPD's, and they are never used as real ones. "
                    "Move it out of the data folder, or set SQF_SOURCE=sample to work with the sample."
                )
        return found


@contextmanager
def _explained_reading(data_dir: Path, year: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SourceError(
            f"The file of {year} in {data_dir} cannot be read: {error.strerror or error}. Check that this account may "
            "read it and that the disk is in order."
        ) from error


def is_synthetic(path: Path) -> bool:
    """Return whether a yearly file is one of the sample's, by its name or by the addresses at its beginning.

    Only the beginning is looked at, so that a folder is judged in milliseconds.
    """
    from sqf_pipeline.synthetic.invented_places import MARK
    from sqf_pipeline.synthetic.synthetic_years import is_sample_file

    return is_sample_file(path) or _beginning(path).count(MARK.encode()) >= _MARKS_OF_A_SAMPLE


def _beginning(path: Path) -> bytes:
    """Return the first text of a file: of a workbook, that of its first strings or sheet; of an archive, its CSV's."""
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            return file.read(_BEGINNING_BYTES)
    try:
        with zipfile.ZipFile(path) as archive:
            texts = sorted(
                name
                for name in archive.namelist()
                if name.startswith(("xl/sharedStrings", "xl/worksheets/")) or name.lower().endswith(".csv")
            )
            return b"".join(archive.open(name).read(_BEGINNING_BYTES) for name in texts[:2])
    except DAMAGED_ARCHIVE:
        # A damaged workbook is nobody's sample; the reader says what is wrong with it.
        return b""


def _described(path: Path, year: int, source: ResolvedSource) -> PublishedFile:
    record = read_record(path)
    return PublishedFile(
        path=path,
        year=year,
        source=source,
        url=record.url if record else None,
        etag=record.etag if record else None,
        last_modified=record.last_modified if record else None,
        fetched_at=(
            datetime.fromisoformat(record.fetched_at)
            if record
            else datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(microsecond=0)
        ),
        sha256=record.sha256 if record else file_sha256(path),
        paths=(path,),
    )


def no_sample(data_dir: Path) -> str:
    """Return what to do when a year is missing and synthetic stops may not take its place."""
    return (
        f"Put the files into {data_dir}, or point SQF_DATA_DIR at the folder that has them. Synthetic stops are not "
        "used here unless SQF_SOURCE=sample."
    )


def missing_locally(data_dir: Path, years: Sequence[int]) -> list[int]:
    """Return the years of which a folder has no file."""
    missing = []
    for year in years:
        try:
            _local_files(data_dir, year)
        except MissingFileError as error:
            logger.debug("%s", error)
            missing.append(year)
    return missing
