"""Where a year's file is published, and under what name a downloaded one is kept."""

from functools import cache
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from sqf_pipeline.ingest.local_files import SUFFIXES, SourceError, require_covered_year
from sqf_pipeline.registry.csv_tables import read_rows


def address_of(url_template: str, year: int) -> str:
    """Return the address of a year's file; raises SourceError when the template is not one."""
    require_covered_year(year)
    published = next(
        row for row in _published_files() if int(row["first_year"]) <= year <= int(row["last_year"] or year)
    )
    address = url_template.replace("{kind}", published["kind"]).replace("{file}", published["file"])
    suffix = PurePosixPath(urlsplit(address).path).suffix.lower()
    if "{year}" not in address or suffix not in SUFFIXES:
        raise SourceError(
            f"An address of the yearly files is {url_template!r}. Expected one that holds {{file}}, or {{year}} and "
            f"ends in {' or '.join(SUFFIXES)}; correct SQF_NYPD_URL or SQF_NYPD_MIRRORS."
        )
    return address.replace("{year}", str(year))


@cache
def _published_files() -> list[dict[str, str]]:
    """Return what NYPD calls its files, by years."""
    return read_rows(__package__, "published_files.csv")


def target_of(url: str, folder: Path, year: int) -> Path:
    """Return where the file of a year from an address is kept: `sqf-<year>` with the address's ending."""
    return folder / f"sqf-{year}{PurePosixPath(urlsplit(url).path).suffix.lower()}"
