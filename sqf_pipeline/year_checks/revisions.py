"""What changed between two files of a year: rows, cells by column, outcomes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from sqf_pipeline.cleaning.clean_stops import clean_stops
from sqf_pipeline.ingest.reader import RawFile
from sqf_pipeline.registry.outcomes import TARGETS

STEADY = ("stop_date", "stop_time_seconds", "precinct", "suspect_sex")
"""What a correction seldom touches; numbers are taken to mean the same stops when most of those in both files agree
here."""

TABLE_TYPES = {
    "year": "Int16", "former_sha256": "string", "sha256": "string", "former_fetched_at": "datetime64[us, UTC]",
    "compared_by": "string", "change": "string", "column_name": "string", "before": "Int64", "after": "Int64",
    "changed": "Int64",
}  # fmt: skip
"""Columns of the table `revisions` and their types: not asked of the declared tables, lest stops be read anew when any
of those changes (`orchestration.versions`)."""


@dataclass(frozen=True)
class Revision:
    """The difference of two files of a year."""

    compared_by: str
    """`stop_id`, or `content` when the stops have new numbers; a stop that changed is then one gone and one added."""
    rows: tuple[int, int]  # stops of each file
    added: int
    gone: int
    changed: int
    """Stops that only the later has, that only the former has, and that have other values in some column."""
    cells: dict[str, int]  # column to the number of stops with another value there; only columns with any
    outcomes: dict[str, tuple[int, int]]  # outcome to the number of stops with it in each file

    @property
    def is_equal(self) -> bool:
        """Whether both files hold the same stops with the same values."""
        return not (self.added or self.gone or self.changed) and self.compared_by == "stop_id"

    def sentence(self) -> str:
        """Return the difference in words."""
        if self.is_equal:
            return "Every stop has the same values in both."
        outcomes = ", ".join(f"{name} {old:,} before and {new:,} after" for name, (old, new) in self.outcomes.items())
        if self.compared_by == "content":
            how = "The stops have new numbers and are compared by their content"
            if not (self.added or self.gone):
                return f"{how}: no other value changed; {outcomes}."
            return f"{how}: {self.added:,} added, {self.gone:,} gone (a changed stop is both); {outcomes}."
        largest = sorted(self.cells.items(), key=lambda entry: (-entry[1], entry[0]))
        told = ", ".join(f"{name} {cells:,}" for name, cells in largest[:5])
        cells = f" (cells: {told}{' and more' if len(largest) > 5 else ''})" if largest else ""
        return f"{self.added:,} stops added, {self.gone:,} gone, {self.changed:,} changed{cells}; {outcomes}."


def compare_stops(former: pd.DataFrame, later: pd.DataFrame) -> Revision:
    """Return what changed from clean stops of a year to other clean stops of it.

    Clean values are compared, so that a file saved again in another form (dates as text, a workbook as CSV, an
    apartment 1 as 1.0) differs only where a stop does.
    """
    former, later = (_comparable(frame) for frame in (former, later))
    by_id = _numbers_mean_the_same(former, later)
    added, gone, changed, cells = _by_id(former, later) if by_id else (*_by_content(former, later), 0, {})
    return Revision(
        compared_by="stop_id" if by_id else "content",
        rows=(len(former), len(later)),
        added=added,
        gone=gone,
        changed=changed,
        cells=cells,
        outcomes={name: (int(former[name].sum()), int(later[name].sum())) for name in TARGETS.values()},
    )


def _comparable(stops: pd.DataFrame) -> pd.DataFrame:
    frame = stops.drop(columns="year").reset_index(drop=True)
    texts = frame.select_dtypes("string").columns
    return frame.assign(**{name: frame[name].str.replace(r"^(\d+)\.0+$", r"\1", regex=True) for name in texts})


def _numbers_mean_the_same(former: pd.DataFrame, later: pd.DataFrame) -> bool:
    if former["stop_id"].duplicated().any() or later["stop_id"].duplicated().any():
        return False
    one, other = _in_common(former, later)
    if one.empty:
        return False
    agree = ~pd.concat([_differ(one[name], other[name]) for name in STEADY], axis="columns").any(axis="columns")
    return bool(agree.mean() > 0.5)


def _in_common(former: pd.DataFrame, later: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the stops whose numbers are in both, in the same order."""
    one, other = former.set_index("stop_id"), later.set_index("stop_id")
    both = one.index.intersection(other.index)
    return one.loc[both], other.loc[both]


def _differ(one: pd.Series, other: pd.Series) -> pd.Series:
    """Return where two columns have other values; null equals null alone."""
    unequal = (one != other).fillna(value=False).astype(bool)
    return (unequal & one.notna() & other.notna()) | (one.isna() != other.isna())


def _by_id(former: pd.DataFrame, later: pd.DataFrame) -> tuple[int, int, int, dict[str, int]]:
    one, other = _in_common(former, later)
    differ = pd.DataFrame({name: _differ(one[name], other[name]) for name in one.columns})
    cells = {str(name): int(count) for name, count in differ.sum().items() if count}
    return len(later) - len(one), len(former) - len(one), int(differ.any(axis="columns").sum()), cells


def _by_content(former: pd.DataFrame, later: pd.DataFrame) -> tuple[int, int]:
    one, other = (
        Counter(frame.drop(columns="stop_id").astype("string").fillna("").itertuples(index=False, name=None))
        for frame in (former, later)
    )
    return (other - one).total(), (one - other).total()


def revision_rows(
    revision: Revision, *, year: int, former_sha256: str, sha256: str, former_fetched_at: object
) -> pd.DataFrame:
    """Return a revision as rows of the table `revisions`, one a change and column.

    Counts are of stops: `rows` with those before and after, `rows_added`, `rows_gone` and `rows_changed`, `cells` by
    column, and `outcome` with the stops that have it before and after.
    """
    key = (year, former_sha256, sha256, former_fetched_at, revision.compared_by)
    rows: list[tuple[str, str, int | None, int | None, int | None]] = [
        ("rows", "", *revision.rows, None),
        ("rows_added", "", None, None, revision.added),
        ("rows_gone", "", None, None, revision.gone),
        ("rows_changed", "", None, None, revision.changed),
        *(("outcome", name, *counts, None) for name, counts in revision.outcomes.items()),
        *(("cells", name, None, None, count) for name, count in revision.cells.items()),
    ]
    return _table([(*key, *row) for row in rows])


def _table(rows: Sequence[tuple[object, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(TABLE_TYPES)).astype(TABLE_TYPES)


def revision_history(
    history: pd.DataFrame | None,
    former_file: pd.DataFrame | None,
    former: pd.DataFrame | None,
    raw: RawFile,
    stops: pd.DataFrame,
) -> tuple[pd.DataFrame, str | None]:
    """Return every revision of a year that is known, the present one last, and what it changed in words.

    The first three are the table `revisions`, the row of `source_files` and the stops as published, as they were last
    stored, None where they never were: then, or when the bytes are the same, there is nothing to report. The others are
    the file that is read now, and its clean stops.
    """
    history = _table([]) if history is None else history
    if former_file is None or former is None or former_file["sha256"].iloc[0] == raw.sha256:
        return history, None
    sha256, fetched_at = str(former_file["sha256"].iloc[0]), former_file["fetched_at"].iloc[0]
    # both are read by the code of today, so that only what the files say differs
    revision = compare_stops(clean_stops(former, raw.year).stops, stops)
    rows = revision_rows(revision, year=raw.year, former_sha256=sha256, sha256=raw.sha256, former_fetched_at=fetched_at)
    told = (
        f"{raw.year} was loaded before from another version of the file ({former_file['file_name'].iloc[0]}, "
        f"{fetched_at:%Y-%m-%d}, SHA-256 {sha256[:12]}...; now {raw.sha256[:12]}...). {revision.sentence()} "
        "See table revisions."
    )
    known = (history["former_sha256"] == sha256) & (history["sha256"] == raw.sha256)
    return pd.concat([history[~known], rows], ignore_index=True), told
