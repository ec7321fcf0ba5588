"""The few most important columns of a model, chosen on training years without a look at the test year."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sqf_pipeline.errors import SqfError
from sqf_pipeline.evaluation.bootstrap import stop_clusters
from sqf_pipeline.evaluation.importance import permutation_importance
from sqf_pipeline.modelling.held_out_stops import is_early


@dataclass(frozen=True)
class Selection:
    """Columns chosen on training years, most important first, and the importances they were chosen by."""

    columns: tuple[str, ...]
    importances: pd.DataFrame
    holdout_year: int


def select_columns(
    estimator: Any,
    training: pd.DataFrame,
    target: str,
    columns: Sequence[str],
    *,
    count: int,
) -> Selection:
    """Choose the most important columns without a look at the test year.

    A clone of the estimator is fitted on all training years but the last; columns are permuted on the last, by ROC AUC.
    Of a single year the last third of its days stands for the last year.

    Parameters
    ----------
    estimator
        Unfitted estimator that takes a frame of `columns`.
    training
        Clean stops of at least two years, or of one with `stop_date`; with `year`, `target` and `columns`.
    target
        Name of the outcome's column; stops of unknown outcome are left out.
    count
        Number of columns to choose.

    Raises
    ------
    SqfError
        When the training stops are of one year without dates, or the stops set aside or those before them have no stop
        with, or none without, the outcome.
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
    )
    return Selection(tuple(table["feature"].head(count)), table, last_year)


def _split_last_year(training: pd.DataFrame, target: str) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    """Return stops of known outcome before the last year, those of the last year, and that year; SqfError if unfit."""
    known = training[training[target].notna()]
    years = sorted(int(year) for year in known["year"].dropna().unique())
    early = is_early(known)
    if early.all():
        raise SqfError(
            f"The columns of a model are chosen on the last training year, or the last third of a single one, and need "
            f"earlier stops; {target} is known in the years {years}, without dates. Train on more years."
        )
    earlier, holdout = known[early], known[~early]
    for part, where in ((earlier, "the earlier ones"), (holdout, f"those set aside of {years[-1]}")):
        if part[target].nunique() < 2:
            raise SqfError(
                f"The columns of a model are chosen on stops with and without the outcome; in {where} {target} is "
                f"{bool(part[target].iloc[0])} in all {len(part):,} stops. Look at that column of the published files, "
                "or use another test year."
            )
    return earlier, holdout, years[-1]
