"""The few most important columns of a model, chosen on training years without a look at the test year."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqf_pipeline.errors import SqfError
from sqf_pipeline.evaluation.bootstrap import stop_clusters
from sqf_pipeline.evaluation.importance import ImportanceMetric, permutation_importance

if TYPE_CHECKING:
    import pandas as pd

SELECTED = 12


@dataclass(frozen=True)
class Selection:
    """Columns chosen on training years, most important first, and the importances they were chosen by."""

    columns: tuple[str, ...]
    importances: "pd.DataFrame"
    holdout_year: int


def select_columns(
    estimator: Any,
    training: "pd.DataFrame",
    target: str,
    columns: Sequence[str],
    *,
    count: int = SELECTED,
    measure: ImportanceMetric = "roc_auc",
) -> Selection:
    """Choose the most important columns without a look at the test year.

    A clone of the estimator is fitted on all training years but the last; columns are permuted on the last.

    Parameters
    ----------
    estimator
        Unfitted estimator that takes a frame of `columns`.
    training
        Clean stops of at least two years, with `year`, `target` and `columns`.
    target
        Name of the outcome's column; stops of unknown outcome are left out.
    count
        Number of columns to choose.
    measure
        As in `permutation_importance`.

    Raises
    ------
    SqfError
        When the training stops are of one year only, or the last year or those before it have no stop with, or none
        without, the outcome.
    ValueError
        When there are fewer columns than `count`.
    """
    from sklearn.base import clone

    if len(columns) < count:
        raise ValueError(f"{count} columns are to be chosen, but there are {len(columns)}")
    earlier, holdout, last_year = _split_last_year(training, target)
    model = clone(estimator).fit(earlier.loc[:, list(columns)], earlier[target].astype(bool).to_numpy())
    table = permutation_importance(
        model,
        holdout,
        holdout[target].astype(bool).to_numpy(),
        columns,
        clusters=stop_clusters(holdout),
        measure=measure,
    )
    return Selection(tuple(table["feature"].head(count)), table, last_year)


def _split_last_year(training: "pd.DataFrame", target: str) -> "tuple[pd.DataFrame, pd.DataFrame, int]":
    """Return stops of known outcome before the last year, those of the last year, and that year; SqfError if unfit."""
    known = training[training[target].notna()]
    years = sorted(int(year) for year in known["year"].dropna().unique())
    if len(years) < 2:
        raise SqfError(
            f"The columns of a model are chosen on the last training year, which needs an earlier one; {target} is "
            f"known in the years {years}. Train on more years."
        )
    last = (known["year"] == years[-1]).to_numpy(dtype=bool, na_value=False)
    earlier, holdout = known[~last], known[last]
    for part, where in ((earlier, f"the years before {years[-1]}"), (holdout, f"{years[-1]}")):
        if part[target].nunique() < 2:
            raise SqfError(
                f"The columns of a model are chosen on stops with and without the outcome; in {where} {target} is "
                f"{bool(part[target].iloc[0])} in all {len(part):,} stops. Look at that column of the published files, "
                "or use another test year."
            )
    return earlier, holdout, years[-1]
