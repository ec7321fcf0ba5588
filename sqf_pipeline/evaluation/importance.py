"""Which columns of a stop a model relies on.

A column whose content another one repeats looks unimportant under permutation (coordinates and precinct, say), and a
column of many values looks important under impurity even if it is noise: so both stand side by side.

References
----------
Breiman (2001), Random forests, Machine Learning 45 (both kinds).
Strobl et al. (2007), Bias in random forest variable importance measures, BMC Bioinformatics 8 (impurity).
Fisher, Rudin and Dominici (2019), All models are wrong, but many are useful, JMLR 20 (permutation as model reliance).
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sqf_pipeline.evaluation.bootstrap import SEED, percentile_interval, resample_weights
from sqf_pipeline.evaluation.metrics import Floats
from sqf_pipeline.evaluation.ranking_metrics import ranked_draws
from sqf_pipeline.evaluation.swapped_values import SwappedStops, swapped_stops
from sqf_pipeline.registry.outcomes import OUTCOME_ENTRIES

ImportanceMetric = Literal["roc_auc", "average_precision"]

METRIC_BY_OUTCOME: dict[str, ImportanceMetric] = {
    name: "roc_auc" if entry.common else "average_precision" for name, entry in OUTCOME_ENTRIES.items()
}
"""What an importance is a loss of: average precision where positives are rare."""

REPEATS = 3
RESAMPLES = 200
MOST_ROWS = 4000
"""Stops on which columns are permuted, since each column costs `REPEATS` predictions of all of them."""

_COLUMNS = ["kind", "feature", "importance", "low", "high", "rank"]


def permutation_importance(
    model: Any,
    stops: pd.DataFrame,
    actual: ArrayLike,
    columns: Sequence[str],
    *,
    clusters: ArrayLike | None = None,
    measure: ImportanceMetric = "roc_auc",
    repeats: int = REPEATS,
    most_rows: int = MOST_ROWS,
) -> pd.DataFrame:
    """Return what shuffling each column of the registry costs the model on these stops.

    Parameters
    ----------
    model
        Fitted, with `predict_proba` of a frame of registry columns, the outcome's probability second.
    stops
        Clean stops, with at least `columns`; never those the model was fitted on.
    actual
        Outcomes, bool of shape (rows,).
    columns
        Columns that the model takes; each is shuffled by itself, before any encoding.
    clusters, measure
        Encounter of each stop, from `stop_clusters` (each by itself if None); metric whose loss is the importance.
    repeats
        Shuffles a column; the resamples of encounters are dealt out to them in turn.
    most_rows
        Stops used. Where there are more, at most half of these are drawn from each outcome and count for all of
        theirs, so that rare positives are kept and the metrics stay unbiased.

    Returns
    -------
    Frame of kind (`permutation`), feature, importance (mean loss over the shuffles), low, high, rank (from 1);
    `attrs["rows"]` is the number of stops used. The interval covers resamples of encounters and shuffles at once.
    """
    generator = np.random.default_rng(SEED)
    outcomes = np.asarray(actual, dtype=bool)
    groups = np.arange(len(stops)) if clusters is None else np.asarray(clusters)
    kept, counts_for = _thin(outcomes, most_rows, generator)
    frame, outcomes, groups = stops.iloc[kept].loc[:, list(columns)], outcomes[kept], groups[kept]
    drawn = resample_weights(groups, resamples=RESAMPLES)
    weights = counts_for * np.concatenate([np.ones((repeats, len(frame)), dtype=np.uint8), drawn])
    rows = [
        (name, float(losses[:repeats].mean()), *percentile_interval(losses[repeats:]))
        for name, losses in _shuffled_losses(
            model, frame, outcomes, weights, measure=measure, repeats=repeats, generator=generator
        )
    ]
    table = _ranked_frame("permutation", pd.DataFrame(rows, columns=["feature", "importance", "low", "high"]))
    table.attrs["rows"] = len(frame)
    return table


def _shuffled_losses(
    model: Any, frame: pd.DataFrame, outcomes: NDArray[np.bool_], weights: NDArray[Any], *,
    measure: ImportanceMetric, repeats: int, generator: np.random.Generator,
) -> Iterator[tuple[str, Floats]]:  # fmt: skip
    """Yield each column and what shuffling it costs on each resample, shape (resamples,); shuffles take turns."""
    turn = np.concatenate([np.arange(repeats), np.arange(len(weights) - repeats) % repeats])

    def ranked(chances: Floats, rows: NDArray[Any]) -> Floats:
        return ranked_draws(outcomes, chances, weights[rows], measure)

    stops = swapped_stops(model, frame)
    as_they_are = stops.as_they_are()
    baseline = ranked(as_they_are, np.arange(len(weights)))
    for name in frame.columns:
        losses = np.empty(len(weights))
        for number, chances in enumerate(_shuffled_chances(stops, str(name), as_they_are, repeats, generator)):
            mine = turn == number
            losses[mine] = baseline[mine] - ranked(chances, mine)
        yield str(name), losses


def _shuffled_chances(
    stops: SwappedStops, name: str, as_they_are: Floats, repeats: int, generator: np.random.Generator
) -> Floats:
    """Return the probabilities after each shuffle of a column, shape (repeats, rows).

    Only rows with another value are predicted, and once where several shuffles give them the same.
    """
    codes = pd.factorize(stops.frame[name], use_na_sentinel=False)[0]
    order = np.array([generator.permutation(len(codes)) for _ in range(repeats)])
    shuffle, changed = np.nonzero(codes[order] != codes)
    source = order[shuffle, changed]
    _, one, same = np.unique(
        changed * (codes.max(initial=0) + 1) + codes[source], return_index=True, return_inverse=True
    )
    chances = np.tile(as_they_are, (repeats, 1))
    if len(one):
        chances[shuffle, changed] = stops.swapped(name, changed[one], source[one])[same]
    return chances


def _thin(
    outcomes: NDArray[np.bool_], most_rows: int, generator: np.random.Generator
) -> tuple[NDArray[np.intp], Floats]:
    """Return positions of the rows to use, in order, and for how many rows each counts."""
    if len(outcomes) <= most_rows:
        return np.arange(len(outcomes)), np.ones(len(outcomes))
    positive, negative = np.flatnonzero(outcomes), np.flatnonzero(~outcomes)
    rarer = min(len(positive), len(negative), most_rows // 2)
    room = (
        {True: rarer, False: most_rows - rarer}
        if len(positive) <= len(negative)
        else {True: most_rows - rarer, False: rarer}
    )
    counts_for = np.zeros(len(outcomes))
    for outcome, members in ((True, positive), (False, negative)):
        drawn = generator.choice(members, min(room[outcome], len(members)), replace=False)
        counts_for[drawn] = len(members) / max(len(drawn), 1)
    kept = np.flatnonzero(counts_for)
    return kept, counts_for[kept]


def impurity_importance(importances: ArrayLike, encoded_names: Sequence[str], columns: Sequence[str]) -> pd.DataFrame:
    """Add a forest's impurity importances up to the columns of the registry that they were encoded from.

    `importances` are a fitted forest's `feature_importances_`, shape (encoded features,). `encoded_names` come from the
    encoder's `get_feature_names_out`: the column's name, alone or followed by `=` and a category. Raises ValueError
    when an encoded feature belongs to none of the columns, or the lengths differ.

    Returns
    -------
    Frame of kind (`impurity`), feature, importance, low, high (missing: a fitted forest has one value), rank.
    """
    totals = dict.fromkeys(columns, 0.0)
    for name, value in zip(encoded_names, np.asarray(importances, dtype=np.float64), strict=True):
        owner = name.split("=", 1)[0]
        if owner not in totals:
            raise ValueError(f"the encoded feature {name!r} belongs to none of the columns {list(columns)}")
        totals[owner] += float(value)
    rows = [(name, total, None, None) for name, total in totals.items()]
    return _ranked_frame("impurity", pd.DataFrame(rows, columns=["feature", "importance", "low", "high"]))


def _ranked_frame(kind: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Sort by importance, then by name, so that equal ones keep one order; and number the rows from 1."""
    frame = frame.sort_values(["importance", "feature"], ascending=[False, True], ignore_index=True)
    frame = frame.assign(kind=kind, rank=np.arange(1, len(frame) + 1))[_COLUMNS]
    return frame.astype(
        {"kind": "string", "feature": "string", "importance": "Float64", "low": "Float64", "high": "Float64"}
    )
