"""What a model says of stops one column of which holds other stops' values: encoded once, and walked where it matters.

An encoded feature depends on its own column alone, and a tree sends a row elsewhere only if the row's path asks one of
the features that changed. So every probability is that of `predict_proba` to the last bit.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sqf_pipeline.evaluation.metrics import Floats
from sqf_pipeline.modelling.mean_over_draws import mean_over_draws

Rows = NDArray[np.intp]


class SwappedStops:
    """Stops as a frame of the columns that a model takes; any fitted model, the outcome's probability second."""

    def __init__(self, model: Any, frame: pd.DataFrame) -> None:
        self.model, self.frame = model, frame

    def as_they_are(self) -> Floats:
        """Return the probabilities of the stops, shape (stops,)."""
        return np.asarray(self.model.predict_proba(self.frame), dtype=np.float64)[:, 1]

    def swapped(self, name: str, rows: Rows, source: Rows) -> Floats:
        """Return the probabilities of the stops `rows` if each had the value of its `source` in a column."""
        values = self.frame[name].array.take(source)
        changed = self.frame.iloc[rows].assign(**{name: values})
        return np.asarray(self.model.predict_proba(changed), dtype=np.float64)[:, 1]


class _EncodedStops(SwappedStops):
    """Encoded stops, every way to fill their gaps a row, for a Pipeline of an encoder and a classifier."""

    def __init__(self, model: Any, frame: pd.DataFrame) -> None:
        super().__init__(model, frame)
        self.drawn: Sequence[str] = getattr(model, "drawn", ())
        filled, place, weight = frame, np.arange(len(frame)), np.ones(len(frame))
        if self.drawn:
            filled, place, weight = model.descriptions_.spread(frame)
        in_order = np.argsort(place, kind="stable")
        self.encoded, self.weight = np.asarray(model[0].transform(filled))[in_order], weight[in_order]
        self.ways = np.bincount(place, minlength=len(frame))
        self.first = np.cumsum(self.ways) - self.ways
        names = np.array([str(name).split("=", 1)[0] for name in model[0].get_feature_names_out()])
        self.of_column = {name: np.flatnonzero(names == name) for name in frame.columns}
        made: type[_Forest] | type[_Boosting] = _Forest if hasattr(model[-1], "estimators_") else _Boosting
        self.trees = made(model[-1], self.encoded, self.of_column)

    def swapped(self, name: str, rows: Rows, source: Rows) -> Floats:
        if name in self.drawn:  # another value, another gap: other ways to fill it
            return super().swapped(name, rows, source)
        ways = self.ways[rows]
        stop = np.repeat(np.arange(len(rows)), ways)
        of_row = np.arange(len(stop)) - np.repeat(np.cumsum(ways) - ways - self.first[rows], ways)
        features = self.of_column[name]
        changed = self.encoded[of_row]
        changed[:, features] = self.encoded[:, features][self.first[source]][stop]
        scores = self.trees.chances(name, changed, of_row)
        return mean_over_draws(scores, stop, self.weight[of_row], len(rows))


class _Forest:
    """The trees of a forest: what each says of encoded rows, and which columns it asks on their way."""

    def __init__(self, forest: Any, encoded: NDArray[np.float32], of_column: "dict[str, Rows]") -> None:
        self.trees = [grown.tree_ for grown in forest.estimators_]
        self.said = [tree.predict(encoded)[:, 1] for tree in self.trees]
        self.asked = [_columns_asked(tree, encoded, [*of_column.values()]) for tree in self.trees]
        self.number = {name: number for number, name in enumerate(of_column)}

    def chances(self, name: str, changed: NDArray[np.float32], of_row: Rows) -> Floats:
        """Return the forest's probabilities of rows `of_row` of which a column's features changed."""
        total = np.zeros(len(changed))
        for tree, said, asked in zip(self.trees, self.said, self.asked, strict=True):
            elsewhere = np.flatnonzero(asked[self.number[name]][of_row])
            scores = said[of_row]
            scores[elsewhere] = tree.predict(changed[elsewhere])[:, 1]
            total += scores  # in the order of the trees, as the forest on one core adds them up
        return total / len(self.trees)


class _Boosting:
    """The trees of gradient boosting: what each says of encoded rows, and which columns it asks at all.

    scikit-learn gives neither the trees nor what they take a public name.
    """

    def __init__(self, boosting: Any, encoded: NDArray[np.float32], of_column: "dict[str, Rows]") -> None:
        self.boosting = boosting
        known, places = boosting._bin_mapper.make_known_categories_bitsets()  # noqa: SLF001
        self.given = {"known_cat_bitsets": known, "f_idx_map": places, "n_threads": 1}
        self.trees = [tree for (tree,) in boosting._predictors]  # noqa: SLF001 - two outcomes, so one tree a step
        taken = self._taken(encoded)
        self.said = [tree.predict(taken, **self.given) for tree in self.trees]
        order = np.arange(encoded.shape[1])
        if (categorical := boosting.is_categorical_) is not None:  # those stand before the others
            order = np.concatenate([np.flatnonzero(categorical), np.flatnonzero(~categorical)])
        asked = [{*order[tree.nodes["feature_idx"][tree.nodes["is_leaf"] == 0]].tolist()} for tree in self.trees]
        self.asks = {name: [not of.isdisjoint(features) for of in asked] for name, features in of_column.items()}

    def chances(self, name: str, changed: NDArray[np.float32], of_row: Rows) -> Floats:
        """Return the probabilities of rows `of_row` of which a column's features changed."""
        taken = self._taken(changed)
        raw = np.zeros(len(changed)) + self.boosting._baseline_prediction.ravel()  # noqa: SLF001
        for tree, said, asks in zip(self.trees, self.said, self.asks[name], strict=True):
            raw += tree.predict(taken, **self.given) if asks else said[of_row]
        chances: Floats = self.boosting._loss.predict_proba(raw[:, None])[:, 1]  # noqa: SLF001
        return chances

    def _taken(self, encoded: NDArray[np.float32]) -> Floats:
        taken: Floats = self.boosting._preprocess_X(encoded, reset=False)  # noqa: SLF001
        return taken


def _columns_asked(tree: Any, encoded: NDArray[np.float32], of_column: Sequence[Rows]) -> NDArray[np.bool_]:
    """Return which columns each row's path through a tree asks, shape (columns, rows)."""
    column = np.full(encoded.shape[1] + 1, len(of_column))  # leaves ask no feature, and say a negative number
    for number, features in enumerate(of_column):
        column[features] = number
    path = tree.decision_path(encoded)
    asked = np.zeros((len(of_column) + 1, len(encoded)), dtype=bool)
    asked[
        column[np.maximum(tree.feature, -1)][path.indices], np.repeat(np.arange(len(encoded)), np.diff(path.indptr))
    ] = True
    return asked[:-1]


def swapped_stops(model: Any, frame: pd.DataFrame) -> SwappedStops:
    """Return stops whose columns can be swapped: encoded once where a Pipeline's encoder does so column by column."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.pipeline import Pipeline

    known = HistGradientBoostingClassifier | RandomForestClassifier
    if isinstance(model, Pipeline) and isinstance(model[0], ColumnTransformer) and isinstance(model[-1], known):
        return _EncodedStops(model, frame)
    return SwappedStops(model, frame)
