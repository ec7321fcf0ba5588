"""Synthetic yearly files: written in the layout of their year, and recognised by their name."""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

import numpy as np
import pandas as pd

from sqf_pipeline.errors import SqfError
from sqf_pipeline.files import written_whole
from sqf_pipeline.registry.forms.published_forms import form_of_year, normalise_name
from sqf_pipeline.registry.year_and_month_words import FIRST_YEAR
from sqf_pipeline.synthetic.conditional_chain import LAST_OLD_YEAR, NULL, Columns, draw_variables, of_year, pick
from sqf_pipeline.synthetic.invented_places import make_sites
from sqf_pipeline.synthetic.old_form_layout import NOTHING, old_names, render_old_form, write_old_cells
from sqf_pipeline.synthetic.published_faults import add_faults
from sqf_pipeline.synthetic.published_layout import render

BLOCK_ROWS = 20_000  # stops drawn and written at a time; it bounds the memory, and the files depend on it

SMALLEST_ROWS = 200  # fewest stops a year: fewer could not hold every fault and every month

LAST_ARCHIVED_YEAR = 2014  # years until this one are published as a zip archive of one CSV file


def synthetic_file_name(year: int) -> str:
    """Return the name of a synthetic year: `sqf-2017-sample.csv`, until 2014 `sqf-2014-sample.zip`."""
    return f"sqf-{year}-sample.{'zip' if year <= LAST_ARCHIVED_YEAR else 'csv'}"


def is_sample_file(path: Path) -> bool:
    """Return whether a file is named as a synthetic one; `MARK` in its addresses tells one that was renamed."""
    return path.stem.lower().endswith("-sample")


def write_synthetic_year(folder: Path, year: int, *, seed: int, rows: int | None = None) -> Path:
    """Write the synthetic file of one year and return its path; an earlier file of that name is replaced.

    The folder is made if it is missing. Years after 2020 have the columns and figures of 2020, as text cells; those
    before 2014 the figures of 2009. The same seed, year and rows give the same file to the last byte (of an archive:
    its content); by default there are as many rows as were published for the year. Raises SqfError when year (2003 or
    later), seed (0 or more) or rows (200 or more) are out of range, or the folder cannot be written.
    """
    if year < FIRST_YEAR:
        raise SqfError(f"Expected a year from {FIRST_YEAR} on, the first that NYPD published; found {year}.")
    rows = of_year("rows", year) if rows is None else rows
    if seed < 0:
        raise SqfError(f"Expected a seed of 0 or more (SQF_SAMPLE_SEED), found {seed}.")
    if rows < SMALLEST_ROWS:
        raise SqfError(f"Expected at least {SMALLEST_ROWS} stops a year (SQF_SAMPLE_ROWS), found {rows}.")
    path = folder / synthetic_file_name(year)
    try:
        with written_whole(path) as temporary:
            _write(temporary, year, seed, rows)
    except OSError as error:
        raise SqfError(
            f"{path}: the synthetic year cannot be written ({error.strerror or error}). Free some space, or choose a "
            "folder that can be written."
        ) from error
    return path


def _write(path: Path, year: int, seed: int, rows: int) -> None:
    blocks, old = synthetic_blocks(year, seed=seed, rows=rows), year <= LAST_OLD_YEAR
    fields = form_of_year(year).by_published_name
    names = old_names(year) if old else {name: fields[normalise_name(name)] for name in of_year("headers", year)}
    # of the published files only 2018's, and 2016's, have a byte order mark
    encoding = {2011: "windows-1252", 2016: "utf-8-sig", 2018: "utf-8-sig"}.get(year, "utf-8")
    if year > LAST_ARCHIVED_YEAR:
        last = [NOTHING] if year == 2016 else []  # 2016's last row is blank
        with path.open("w", encoding=encoding, newline="") as file:
            _write_rows(file, names, blocks, "\r\n" if old else "\n", last)
        return
    member = zipfile.ZipInfo(f"{year}.csv")
    member.compress_type = zipfile.ZIP_DEFLATED
    with (
        zipfile.ZipFile(path, "w") as archive,
        archive.open(member, "w", force_zip64=True) as content,
        io.TextIOWrapper(content, encoding=encoding, newline="") as file,
    ):
        _write_rows(file, names, blocks, "\r\n")


def _write_rows(
    file: TextIO, names: dict[str, str], blocks: Iterable[Columns], end: str, last: Iterable[str] = ()
) -> None:
    """Write a header and the rows of all blocks; of `last`, one row more for each text, in all of its cells."""
    writer = csv.writer(file, lineterminator=end)
    writer.writerow(names)
    for block in blocks:
        writer.writerows(zip(*(block[name].tolist() for name in names.values()), strict=True))
    writer.writerows([text] * len(names) for text in last)


def synthetic_blocks(year: int, *, seed: int, rows: int) -> Iterator[Columns]:
    """Yield blocks of synthetic stops: column names to arrays of published text, at most `BLOCK_ROWS` each.

    The names are ours, of the old form the published ones in small letters.
    """
    sites, everything = make_sites(seed), _settle(year, seed, rows)
    for number, first in enumerate(range(0, rows, BLOCK_ROWS)):
        stops = everything[first : first + BLOCK_ROWS].reset_index(drop=True)
        stops.loc[0, "follows"] = False
        rng, follows = np.random.default_rng([seed, year, 1 + number]), stops["follows"].to_numpy()
        drawn = draw_variables(year, stops["precinct"].to_numpy(), follows, rng)
        old = year <= LAST_OLD_YEAR
        columns = (render_old_form if old else render)(drawn, stops, sites, year, rng)
        add_faults(columns, year, follows, rng, first=number == 0)
        if old:
            write_old_cells(columns, year, pd.DatetimeIndex(stops["day"]), rng)
        yield columns


def _settle(year: int, seed: int, rows: int) -> pd.DataFrame:
    """Return number, place, day and companions of every stop, in the order of the published file; see `render`."""
    rng = np.random.default_rng([seed, year, 0])
    sizes = pick(of_year("incidents", year), rng.random(rows)).astype(np.int64)
    of_incident = np.repeat(np.arange(rows), sizes)[:rows]
    follows = np.append(False, of_incident[1:] == of_incident[:-1])
    incidents = int(of_incident[-1]) + 1
    counts = of_year("precincts", year)
    recorded = pick(counts, rng.random(incidents))
    homes = pick({name: count for name, count in counts.items() if name != NULL}, rng.random(incidents))
    home = np.where(recorded == NULL, homes, recorded).astype(np.int64)
    days = pd.date_range(f"{year}-01-01", f"{year}-12-31")
    weights = days.month_name().map(of_year("months", year)) / days.days_in_month
    weights *= days.day_name().map(of_year("weekdays", year))
    # Days are drawn in layers, so that no month is without a stop in a small year.
    layers = (np.argsort(rng.random(incidents)) + rng.random(incidents)) / incidents
    day = pick(dict(enumerate(weights)), layers).astype(np.int64)
    # 2017 and 2019 were published by precinct, 2018 and 2020 by day.
    order = np.lexsort((day, home) if year in {2017, 2019} else (home, day))[of_incident]
    stops = pd.DataFrame(
        {"home": home[order], "precinct": recorded[order], "day": days[day[order]], "follows": follows}
    )
    # Numbers are in 2017 year, precinct and serial number in 13 digits, later 1 to n; in the old form the serial
    # number of the precinct alone, of which one in thirty is not used.
    serial = stops.groupby("home").cumcount() + 1 if year <= 2017 else pd.Series(range(1, rows + 1))
    serial += serial // 30 if year <= LAST_OLD_YEAR else 0
    form = f"{year}{{:03d}}01{{:04d}}" if year == 2017 else "{1}"
    stops["stop_id"] = [form.format(*numbers) for numbers in zip(stops["home"], serial, strict=True)]
    return stops.assign(home=stops["home"].astype(str).astype(object))
