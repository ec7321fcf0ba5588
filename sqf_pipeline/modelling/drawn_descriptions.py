"""A person's missing description at the stop: drawn from complete training stops, so that no gap predicts the outcome.

The form is completed when somebody is arrested: an age is missing in 7 % of stops, and an arrest follows 12 % of
those and 33 % of the others. A median in place of the gap is a mark as well. So a model is fitted on drawn values, all
of one stop from one complete training stop, and answers with the mean over all of them: what many draws would give,
and the same in every process. Numbers are cut to tens, because a guessed age ends in 0 or 5 more often.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from sqf_pipeline.errors import SqfError
from sqf_pipeline.modelling.mean_over_draws import mean_over_draws
from sqf_pipeline.registry.columns import column

DECADE = 10
"""Width to which a drawn number is cut."""
SEED = 1


@dataclass(frozen=True)
class Descriptions:
    """The complete descriptions of training stops."""

    distinct: pd.DataFrame
    """One row a distinct description, sorted, numbers cut to tens; its columns are those that are drawn."""
    stops: np.ndarray  # how many training stops have each, int64 of shape (descriptions,)
    empty: tuple[str, ...] = ()
    """Columns that no training stop has filled: nothing can be drawn, and a later value would be meaningless."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns that are drawn."""
        return tuple(str(name) for name in self.distinct.columns)

    def draw(self, stops: pd.DataFrame, seed: int = SEED) -> pd.DataFrame:
        """Return stops without gaps: the missing part of each description taken from one drawn at random.

        What is drawn for a stop depends on the seed and on its place in the frame alone.
        """
        if not self.columns:
            return self._cut(stops)
        share = self.stops / self.stops.sum()
        drawn = np.random.default_rng(seed).choice(len(self.distinct), size=len(stops), p=share)
        filled = self._cut(stops)
        for name in self.columns:
            donor = self.distinct[name].take(drawn).set_axis(filled.index)
            filled[name] = filled[name].where(filled[name].notna(), donor)
        return filled

    def spread(self, stops: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
        """Return every way to fill each stop's gaps, the stop that each row is of, and its weight.

        Returns
        -------
        Frame of rows without gaps; positions of stops, int64 of shape (rows,); weights that sum to 1 over the rows
        of a stop, float64 of shape (rows,). A complete stop is one row of weight 1.
        """
        cut = self._cut(stops)
        if not self.columns:
            return cut, np.arange(len(cut)), np.ones(len(cut))
        gaps = cut[list(self.columns)].isna().to_numpy()
        kinds, kind = np.unique(gaps, axis=0, return_inverse=True)
        parts, places, weights = [cut.iloc[:0]], [np.empty(0, np.intp)], [np.empty(0)]
        for number, missing in enumerate(kinds):
            rows = np.flatnonzero(kind.ravel() == number)
            names = [name for name, gone in zip(self.columns, missing, strict=True) if gone]
            ways, shares = self._ways(names)
            part = cut.iloc[np.repeat(rows, len(shares))].copy()
            for name in names:
                part[name] = ways[name].take(np.tile(np.arange(len(shares)), len(rows))).array
            parts.append(part)
            places.append(np.repeat(rows, len(shares)))
            weights.append(np.tile(shares, len(rows)))
        return pd.concat(parts, ignore_index=True), np.concatenate(places), np.concatenate(weights)

    def _ways(self, names: Sequence[str]) -> tuple[pd.DataFrame, np.ndarray]:
        """Return the distinct descriptions by some columns alone, and their shares of the complete stops."""
        if not names:
            return self.distinct.iloc[:1], np.ones(1)
        counted = self.distinct[list(names)].assign(_stops=self.stops).groupby(list(names), sort=True, observed=True)
        totals = counted["_stops"].sum().reset_index()
        shares = totals["_stops"].to_numpy() / self.stops.sum()
        return totals[list(names)].astype(self.distinct[list(names)].dtypes), shares

    def _cut(self, stops: pd.DataFrame) -> pd.DataFrame:
        filled = stops.copy()
        for name in self.columns:
            if is_cut(name):
                filled[name] = stops[name] // DECADE * DECADE
        for name in self.empty:
            filled[name] = pd.Series(pd.NA, index=stops.index, dtype=stops[name].dtype)
        return filled


def is_cut(name: str) -> bool:
    """Return whether a drawn column is a number, which is cut to tens."""
    return column(name).kind in {"integer", "number", "height"}


def learn_descriptions(stops: pd.DataFrame, columns: Sequence[str]) -> Descriptions:
    """Return the complete descriptions of training stops by the columns whose missing values are to be drawn.

    Raises SqfError when each column has values but no stop has all of them.
    """
    filled = [name for name in columns if stops[name].notna().any()]
    empty = tuple(name for name in columns if name not in filled)
    whole = stops[filled].dropna()
    if filled and whole.empty:
        raise SqfError(
            f"A missing value at the stop is drawn from training stops that have all of {', '.join(filled)}, and "
            f"none of {len(stops):,} has. Look at these columns in the published files."
        )
    for name in filled:
        if is_cut(name):
            whole = whole.assign(**{name: whole[name] // DECADE * DECADE})
    if not filled:
        return Descriptions(whole.iloc[:0], np.empty(0, np.int64), empty)
    counts = whole.groupby(filled, sort=True, observed=True).size().reset_index(name="_stops")
    return Descriptions(counts[filled].astype(whole.dtypes), counts["_stops"].to_numpy(np.int64), empty)


class DrawingPipeline(Pipeline):
    """A Pipeline that never sees a gap of some columns: fitted on drawn values, it answers with the mean over them.

    Its steps are encoder and classifier. Missing values of the columns `drawn` are drawn, for fitting with `seed`, from
    the complete descriptions of the stops it was fitted on, `descriptions_`.
    """

    def __init__(
        self,
        steps: list[Any],
        *,
        drawn: tuple[str, ...] = (),
        seed: int = SEED,
        transform_input: Any = None,
        memory: Any = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(steps, transform_input=transform_input, memory=memory, verbose=verbose)
        self.drawn = drawn
        self.seed = seed

    def fit(self, X: pd.DataFrame, y: Any = None, **params: Any) -> "DrawingPipeline":  # noqa: N803
        """Fit the steps on stops whose gaps are filled by one draw each."""
        self.descriptions_ = learn_descriptions(X, self.drawn)
        super().fit(self.descriptions_.draw(X, self.seed), y, **params)
        return self

    def predict_proba(self, X: pd.DataFrame, **params: Any) -> np.ndarray:  # noqa: N803
        """Return the mean of the classifier's probabilities over all draws, float64 of shape (stops, classes)."""
        filled, place, weight = self.descriptions_.spread(X)
        each = np.asarray(super().predict_proba(filled, **params), dtype=np.float64)
        return np.column_stack([mean_over_draws(part, place, weight, len(X)) for part in each.T])

    def predict(self, X: pd.DataFrame, **params: Any) -> np.ndarray:  # noqa: N803
        """Return the likelier class of each stop by that mean."""
        return np.asarray(self.classes_)[self.predict_proba(X, **params).argmax(axis=1)]
