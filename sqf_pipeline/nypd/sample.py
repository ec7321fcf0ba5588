"""Synthetic yearly files that are like the published ones, and how to tell that a file is synthetic.

What belongs here: writing the files, in the layout of their year, and recognising them. What does not: how values
are drawn (`sample_chain`, `sample_places`), spelled (`sample_layout`) and damaged (`sample_quirks`).

The files are a function of year, rows and seed alone. They are drawn from counts and effects that rest on at least
ten published stops each; no row of them is a real one, and every address in them says SYNTHETIC.
"""

import csv
import datetime as dt
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sqf_pipeline.errors import SqfError
from sqf_pipeline.nypd.columns import names_by_published, normalise_name
from sqf_pipeline.nypd.sample_chain import (
    FIRST_YEAR,
    LAST_YEAR,
    NULL,
    carry,
    draw_variables,
    generator,
    load_aggregates,
    model_year,
    pick,
    pick_text,
    start,
)
from sqf_pipeline.nypd.sample_layout import (
    NUMBERS,
    Columns,
    Context,
    calendar_weights,
    header,
    render,
)
from sqf_pipeline.nypd.sample_places import MARK, Sites, make_sites
from sqf_pipeline.nypd.sample_quirks import damage
from sqf_pipeline.nypd.sample_workbook import MAXIMUM_ROWS, write_workbook

BLOCK_ROWS = 20_000
"""Stops drawn and written at a time; it bounds the memory, and the files depend on it."""

SMALLEST_ROWS = 200
"""Fewest stops a year: fewer could not hold every kind of damage."""


class SampleError(SqfError):
    """A sample that cannot be made as asked; the message says why and what to do."""


def sample_file_name(year: int, *, as_csv: bool = False) -> str:
    """Return the name of a synthetic year: `sqf-2017-sample.csv`; a workbook from 2020 on, as NYPD publishes."""
    return f"sqf-{year}-sample.{'csv' if as_csv or year < LAST_YEAR else 'xlsx'}"


def write_sample_years(
    folder: Path, years: Iterable[int], *, seed: int, rows: int | None = None, as_csv: bool = False
) -> list[Path]:
    """Write the synthetic files of several years and return their paths, in the order of `years`.

    Parameters are those of `write_sample_year`; a year's file does not depend on which other years are written.
    """
    return [write_sample_year(folder, year, seed=seed, rows=rows, as_csv=as_csv) for year in years]


def write_sample_year(folder: Path, year: int, *, seed: int, rows: int | None = None, as_csv: bool = False) -> Path:
    """Write the synthetic file of one year and return its path; an earlier file of that name is replaced.

    Parameters
    ----------
    folder
        Folder to write into; made if it is missing.
    year
        Calendar year from 2017 on. Years after 2020 have the layout and the figures of 2020.
    seed
        Not negative. The same seed, year and rows give the same file to the last byte (a workbook's compressed
        bytes also depend on the version of zlib).
    rows
        Stops, at least 200; by default as many as were published for the year.
    as_csv
        Write a year from 2020 on as CSV too, with ISO dates and 24-hour times: for more rows than a sheet holds.

    Raises
    ------
    SampleError
        When year, seed or rows are out of range, or the folder cannot be written.
    """
    name = sample_file_name(year, as_csv=as_csv)
    if year < FIRST_YEAR:
        raise SampleError(f"Expected a year from {FIRST_YEAR} on, when the form in use began; found {year}.")
    rows = load_aggregates()["rows"][model_year(year)] if rows is None else rows
    _check(seed, rows, name)
    path = folder / name
    temporary = folder / f".{name}.{uuid.uuid4().hex}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            _write(temporary, path.suffix, year, seed, rows)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise SampleError(
            f"{path}: the sample cannot be written ({error.strerror or error}). Free some space, or choose a folder "
            "that can be written."
        ) from error
    return path


def _check(seed: int, rows: int, name: str) -> None:
    if seed < 0:
        raise SampleError(f"Expected a seed of 0 or more (SQF_SAMPLE_SEED), found {seed}.")
    if rows < SMALLEST_ROWS:
        raise SampleError(f"Expected at least {SMALLEST_ROWS} stops a year (SQF_SAMPLE_ROWS), found {rows}.")
    if name.endswith(".xlsx") and rows > MAXIMUM_ROWS:
        raise SampleError(
            f"Expected at most {MAXIMUM_ROWS:,} stops, which is what a worksheet holds, found {rows:,}. Write the "
            "year as CSV (as_csv=True)."
        )


def _write(path: Path, suffix: str, year: int, seed: int, rows: int) -> None:
    published = header(year)
    names = [names_by_published()[normalise_name(name)] for name in published]
    blocks = ([block[name].tolist() for name in names] for block in sample_blocks(year, seed=seed, rows=rows))
    if suffix == ".xlsx":
        converted = ([_cells(name, texts) for name, texts in zip(names, block, strict=True)] for block in blocks)
        write_workbook(path, f"CY {year}", published, converted)
        return
    # Of the published files only 2018's has a byte order mark.
    with path.open("w", encoding="utf-8-sig" if year == 2018 else "utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(published)
        for block in blocks:
            writer.writerows(zip(*block, strict=True))


def _cells(name: str, texts: list[str]) -> list[Any]:
    """Return a column's workbook cells: dates, times and numbers are real ones, the rest stays text."""
    if name == "stop_date":
        read: Any = dt.date.fromisoformat
    elif name == "stop_time_seconds":
        read = dt.time.fromisoformat
    elif name in NUMBERS:
        read = _number
    else:
        return list(texts)
    known = {text: read(text) for text in set(texts)}
    return [known[text] for text in texts]


def _number(text: str) -> Any:
    try:
        value = float(text)
    except ValueError:
        return text
    return int(value) if value.is_integer() else value


def sample_blocks(year: int, *, seed: int, rows: int) -> Iterator[Columns]:
    """Yield blocks of synthetic stops: our column names to arrays of published text, at most `BLOCK_ROWS` each."""
    sites = make_sites(seed)
    everything = _draw_context(year, seed, rows)
    for number, first in enumerate(range(0, rows, BLOCK_ROWS)):
        part = slice(first, first + BLOCK_ROWS)
        follows = everything.follows[part].copy()
        follows[0] = False
        context = Context(
            everything.identifiers[part],
            everything.home[part],
            everything.precinct[part],
            everything.days[part],
            follows,
        )
        yield _draw_block(context, sites, year, generator(seed, year, 1 + number), first=number == 0)


def _draw_block(context: Context, sites: Sites, year: int, rng: np.random.Generator, *, first: bool) -> Columns:
    drawn = draw_variables(start(year, context.precinct, context.follows), rng)
    columns = render(drawn, context, sites, year, rng)
    damage(columns, year, context.follows, rng, first=first)
    return columns


def _draw_context(year: int, seed: int, rows: int) -> Context:
    """Return number, place, day and companions of every stop, in the order of the published file."""
    table = load_aggregates()
    rng = generator(seed, year, 0)
    sizes = pick_text(table["incidents"][model_year(year)], rng.random(rows)).astype(np.int64)
    follows = np.ones(rows, dtype=bool)
    begins = np.append(0, np.cumsum(sizes)[:-1])
    follows[begins[begins < rows]] = False
    incidents = int((~follows).sum())
    counts = table["precincts"][model_year(year)]
    recorded = pick_text(counts, rng.random(incidents))
    homes = pick_text({name: count for name, count in counts.items() if name != NULL}, rng.random(incidents))
    home = np.where(recorded == NULL, homes, recorded).astype(np.int64)
    days, weights = calendar_weights(year)
    day = pick(weights, rng.random(incidents))
    # 2017 and 2019 were published by precinct, 2018 and 2020 by day.
    order = np.lexsort((day, home) if year in {2017, 2019} else (home, day))
    of_incident = order[np.cumsum(~follows) - 1]
    home, day = home[of_incident], day[of_incident]
    return Context(
        identifiers=_identifiers(home, year),
        home=home.astype(str).astype(object),
        precinct=recorded[of_incident],
        days=np.array(days, dtype=object)[day],
        follows=follows,
    )


def _identifiers(home: Any, year: int) -> Any:
    """Return published numbers: in 2017 year, precinct and serial number in 13 digits, later 1 to n."""
    if year != 2017:
        return np.arange(1, len(home) + 1).astype(str).astype(object)
    new = np.append(True, home[1:] != home[:-1])
    serial = np.arange(len(home)) - carry(np.arange(len(home)), ~new) + 1
    return np.array(
        [f"{year}{p:03d}01{s:04d}" for p, s in zip(home.tolist(), serial.tolist(), strict=True)], dtype=object
    )


def is_sample_frame(raw: pd.DataFrame) -> bool:
    """Return whether stops are synthetic, which every address says.

    Parameters
    ----------
    raw
        Text under our column names, as `read_published_file` returns it.
    """
    if "full_address" not in raw or raw.empty:
        return False
    return bool(raw["full_address"].str.contains(MARK, regex=False).all())


def is_sample_file(path: Path) -> bool:
    """Return whether a file is named as a synthetic one; `is_sample_frame` knows one that was renamed."""
    return path.stem.lower().endswith("-sample")


__all__ = [
    "BLOCK_ROWS", "SMALLEST_ROWS", "SampleError", "is_sample_file", "is_sample_frame", "sample_blocks",
    "sample_file_name", "write_sample_year", "write_sample_years",
]  # fmt: skip
