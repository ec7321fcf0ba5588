"""The few most important columns of a model, chosen on training years without a look at the test year."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from sqf_pipeline.errors import SqfError
from sqf_pipeline.evaluation.bootstrap import stop_clusters
from sqf_pipeline.evaluation.importance import permutation_importance
from sqf_pipeline.modelling.held_out_stops import is_early


def select_columns(
    estimator: Any, training: pd.DataFrame, target: str, columns: Sequence[str], *, count: int
) -> tuple[str, ...]:
    """Return the most important columns, most important first, without a look at the test year.

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
        Number of columns to choose; all where there are fewer.

    Raises
    ------
    SqfError
        When the training stops are of one year without dates, or the stops set aside or those before them have no stop
        with, or none without, the outcome.
    """
    from sklearn.base import clone

    earlier, holdout = _split_last_year(training, target)
    model = clone(estimator).fit(earlier.loc[:, list(columns)], earlier[target].astype(bool).to_numpy())
    actual = holdout[target].astype(bool).to_numpy()
    table = permutation_importance(model, holdout, actual, columns, clusters=stop_clusters(holdout))
    return tuple(table["feature"].head(count))


def _split_last_year(training: pd.DataFrame, target: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return stops of known outcome before the last year, and those of the last year; raises SqfError if unfit."""
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
    return earlier, holdout
