"""Whether a year's stops still look like those the models were fitted on, column by column.

A change of unit fails, because a model answers it with confident nonsense. It once went unseen: heights as plain
digits were tens of units apart between the years of a training set and its test year, and a scaler fitted on each
hid it. So medians are compared with *every* year of the training window, not with the mixture of them.

References
----------
Siddiqi (2006), Credit Risk Scorecards (population stability index; 0.10 some change, 0.25 a shift).
"""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sqf_pipeline.registry.columns import Column, load_columns, shared_columns
from sqf_pipeline.registry.declared_tables import result_frame
from sqf_pipeline.registry.forms.published_forms import forms_of_years

Status = Literal["ok", "warn", "fail"]
Floats = NDArray[np.float64]

NUMBER_KINDS = frozenset({"integer", "number", "height", "time"})
LEVEL_KINDS = frozenset({"category", "code", "flag", "mark", "month", "weekday"})
NOT_COMPARED = frozenset({"stop_id", "stop_date", "year", "form", "paper_form"})
"""Columns that differ from year to year by what they are."""

MISSING_CHANGE = 0.10
"""Change of the share of missing values (in parts of 1) that warns."""
MISSING_COLLAPSE = 0.50
"""Rise of it that fails a number with a unit: hardly any value can be read as it used to be."""
STABILITY_SHIFT = 0.25
NEW_CATEGORY_SHARE = 0.005
"""Share of rows in categories that training had not, from which it warns."""
UNIT_RATIO = 1.25
"""Least ratio of medians that counts as another unit; wider where values are spread (see `_unit_checks`)."""
UNIT_SPREADS = 3.0
OUTSIDE_SHARE = 0.05
"""Share of values outside all that training held (but its extreme thousandths) that fails a number with a unit."""

_BINS = 10
_EMPTY = 1e-4  # share that stands for an empty bin, so that its logarithm is finite
_NAMED = 5  # new categories that the detail names


class DriftRow(NamedTuple):
    """One check of one column."""

    column_name: str
    measure: str
    value: float | None
    reference: float | None
    threshold: float | None
    status: Status
    detail: str


def measure_drift(test: pd.DataFrame, training: pd.DataFrame, columns: Sequence[Column] | None = None) -> pd.DataFrame:
    """Return the table `drift`: a year's clean stops compared with those of the training window.

    Measures are `missing_share`, `population_stability_index`, `new_categories` (share of rows), and, for numbers with
    a unit, `unit_ratio` (of medians, against the year of the window that differs most) and `outside_share`; and, where
    the forms differ, `form_change` (share of rows in a form that no training stop has).

    `columns` are those of the registry to compare; if None all that mean the same in the forms of these years, but
    those of `NOT_COMPARED`. Raises ValueError when either frame has no rows.
    """
    if test.empty or training.empty:
        raise ValueError(f"drift needs stops on both sides, found {len(test)} and {len(training)} in training")
    rows: list[DriftRow] = []
    chosen = columns
    if chosen is None:
        forms = forms_of_years([*test["year"].unique(), *training["year"].unique()])
        shared = frozenset(shared_columns(forms))
        chosen = [entry for entry in load_columns() if entry.name in shared]
        rows += [row for name in ("form", "paper_form") for row in _form_change(name, test, training)]
    rows += [
        row
        for entry in chosen
        if entry.name not in NOT_COMPARED
        for row in _column_rows(entry, test[entry.name], training[entry.name], training["year"])
    ]
    return result_frame("drift", rows)


def _form_change(name: str, test: pd.DataFrame, training: pd.DataFrame) -> Iterator[DriftRow]:
    """Tell a change of the file's or the paper's form, which no comparison of columns can tell from one in policing."""
    counts, before = test[name].value_counts(), training[name].value_counts()
    share = float(counts[~counts.index.isin(before.index)].sum() / len(test))
    if set(counts.index) == set(before.index):
        return
    detail = (
        f"{_with_rows(counts)}; in training {_with_rows(before)}. What differs may come of the form rather than of "
        "policing; see docs/which_years_may_be_compared.md"
    )
    yield DriftRow(name, "form_change", share, 0.0, 0.0, "warn", detail)


def _with_rows(counts: pd.Series) -> str:
    return ", ".join(f"{level} ({rows:,})" for level, rows in sorted(counts.items()))


def _column_rows(entry: Column, test: pd.Series, training: pd.Series, years: pd.Series) -> Iterator[DriftRow]:
    yield _missing(entry, test, training)
    if entry.kind in NUMBER_KINDS:
        values = _numbers(test)
        by_year = {
            int(year): _numbers(training[(years == year).to_numpy(dtype=bool, na_value=False)])
            for year in sorted(years.dropna().unique())
        }
        pooled = _numbers(training)
        if len(values) and len(pooled):
            yield _stability(entry, *_number_shares(values, pooled))
            if entry.unit:
                yield from _unit_checks(entry, values, {year: part for year, part in by_year.items() if len(part)})
    elif entry.kind in LEVEL_KINDS:
        counts, before = test.dropna().value_counts(), training.dropna().value_counts()
        if len(counts) and len(before):
            yield _stability(entry, *_level_shares(counts, before))
            if entry.kind in {"category", "code"}:
                yield _new_categories(entry, counts, before)


def _numbers(values: pd.Series) -> Floats:
    return values.dropna().to_numpy(dtype=np.float64)


def _missing(entry: Column, test: pd.Series, training: pd.Series) -> DriftRow:
    value, reference = float(test.isna().mean()), float(training.isna().mean())
    change = value - reference
    status: Status = "ok"
    threshold = MISSING_CHANGE
    detail = f"{value:.1%} missing, {reference:.1%} in training"
    if change > MISSING_COLLAPSE and entry.unit and entry.kind in NUMBER_KINDS and entry.feature:
        status, threshold = "fail", MISSING_COLLAPSE
        detail += "; values can no longer be read as " + entry.unit
    elif abs(change) > MISSING_CHANGE:
        status = "warn"
    return DriftRow(entry.name, "missing_share", value, reference, threshold, status, detail)


def _stability(entry: Column, test: Floats, training: Floats) -> DriftRow:
    now, before = np.maximum(test, _EMPTY), np.maximum(training, _EMPTY)
    index = float(((now - before) * np.log(now / before)).sum())
    shifted = index > STABILITY_SHIFT
    moved = f"{'shifted' if shifted else 'about as in training'}, over {len(test)}"
    detail = f"{moved} {'bins' if entry.kind in NUMBER_KINDS else 'categories'}"
    status: Status = "warn" if shifted else "ok"
    return DriftRow(entry.name, "population_stability_index", index, 0.0, STABILITY_SHIFT, status, detail)


def _number_shares(test: Floats, training: Floats) -> tuple[Floats, Floats]:
    """Return shares of both over bins whose edges are the deciles of training."""
    edges = np.unique(np.quantile(training, np.linspace(0, 1, _BINS + 1)[1:-1]))
    counts = [np.bincount(np.searchsorted(edges, part), minlength=len(edges) + 1) for part in (test, training)]
    return counts[0] / len(test), counts[1] / len(training)


def _level_shares(test: pd.Series, training: pd.Series) -> tuple[Floats, Floats]:
    """Return shares of both over every category that either has."""
    levels = sorted(set(test.index) | set(training.index), key=str)
    shares = [part.reindex(levels, fill_value=0).to_numpy(dtype=np.float64) for part in (test, training)]
    return shares[0] / shares[0].sum(), shares[1] / shares[1].sum()


def _new_categories(entry: Column, test: pd.Series, training: pd.Series) -> DriftRow:
    new = test[~test.index.isin(training.index)]
    share = float(new.sum() / test.sum())
    detail = "none"
    if len(new):
        named = ", ".join(f"{level} ({rows})" for level, rows in new.head(_NAMED).items())
        rest = f" and {len(new) - _NAMED} more" if len(new) > _NAMED else ""
        detail = f"{len(new)} not in training, with rows: {named}{rest}"
    status: Status = "warn" if share > NEW_CATEGORY_SHARE else "ok"
    return DriftRow(entry.name, "new_categories", share, 0.0, NEW_CATEGORY_SHARE, status, detail)


def _unit_checks(entry: Column, test: Floats, by_year: dict[int, Floats]) -> Iterator[DriftRow]:
    """Compare the size of values with every training year, and with the range of all of them.

    A ratio of medians distinguishes another unit from a change in people only if it is large beside the spread of
    people: so it must exceed `UNIT_RATIO`, and three robust standard deviations of the logarithm.
    """
    status: Status
    sizes = {year: _log_sizes(part) for year, part in by_year.items()}
    now = _log_sizes(test)
    usable = {year: part for year, part in sizes.items() if len(part)}
    if len(now) and usable:
        spreads = [_robust_spread(part) for part in usable.values()]
        limit = max(np.log(UNIT_RATIO), UNIT_SPREADS * float(np.median(spreads)))
        distances = {year: float(np.median(now) - np.median(part)) for year, part in usable.items()}
        furthest = max(distances, key=lambda year: abs(distances[year]))
        middle, reference = float(np.exp(np.median(now))), float(np.exp(np.median(usable[furthest])))
        detail, status = f"median {middle:.6g} against {reference:.6g} {entry.unit} in {furthest}", "ok"
        if abs(distances[furthest]) > limit:
            detail += "; another unit or way of writing: look at the published file and at cleaning"
            status = "fail"
        yield DriftRow(entry.name, "unit_ratio", middle / reference, 1.0, float(np.exp(limit)), status, detail)
    pooled = np.concatenate(list(by_year.values()))
    low, high = np.quantile(pooled, [0.001, 0.999])
    outside, before = (float(((values < low) | (values > high)).mean()) for values in (test, pooled))
    detail = f"{outside:.2%} of values outside {low:.6g} to {high:.6g} {entry.unit}"
    status = "fail" if outside > OUTSIDE_SHARE else "ok"
    yield DriftRow(entry.name, "outside_share", outside, before, OUTSIDE_SHARE, status, detail)


def _log_sizes(values: Floats) -> Floats:
    """Return logarithms of absolute values, leaving zero out."""
    sizes = np.abs(values)
    return np.log(sizes[sizes > 0])


def _robust_spread(logs: Floats) -> float:
    low, high = np.quantile(logs, [0.25, 0.75])
    return float(high - low) / 1.349  # the quartiles of a normal distribution are 1.349 deviations apart
