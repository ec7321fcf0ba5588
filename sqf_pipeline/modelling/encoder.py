"""Stops to numbers: a ColumnTransformer fitted on training stops alone.

Three encodings of the same columns:

- `one_hot` for forests: a number as it is, a category as one column each.
- `scaled` for linear models: the same, brought to mean 0 and variance 1 by training's mean and variance.
- `native` for gradient boosting: a category as a whole number, a missing value left missing.

A missing number is filled with the median of training and told by a column of its own (`suspect_age=missing`),
unless the model splits on missing values itself (`native`) or is to see the study's columns alone (`mark_missing`).
A category seen fewer than `RARE_STOPS` times in training is rare, and so is one never seen; a missing category is
a category. Columns come in alphabetical order, so that the same stops give the same features, whatever order the
columns stood in.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from sqf_pipeline.registry.columns import column

Encoding = Literal["one_hot", "scaled", "native"]

RARE_STOPS = 20
"""A category with fewer training stops is rare: below that, what follows it is mostly chance."""

MISSING, RARE, OTHER_BIN = "missing", "rare", "OTHER"


def floats_of(values: pd.Series) -> np.ndarray:
    """Return a numeric or boolean column as float64, missing values as nan."""
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def texts_of(values: pd.Series) -> pd.Series:
    """Return a category or a code as text, null where missing."""
    return values.astype("string")


class NumberEncoder(TransformerMixin, BaseEstimator):
    """Numbers and flags as numbers; missing ones filled with the median of training (`medians_`) and told apart.

    With `keep_missing`, missing values stay nan, for models that can split on them; with `mark_missing`, those of a
    filled column get a column of their own where training has some (`told_`). A column that has no value at all in
    training (`never_filled_`) is 0, whatever it holds later.
    """

    def __init__(self, *, keep_missing: bool = False, mark_missing: bool = True) -> None:
        self.keep_missing = keep_missing
        self.mark_missing = mark_missing

    def fit(self, stops: pd.DataFrame, y: Any = None) -> "NumberEncoder":  # noqa: ARG002 - scikit-learn's protocol
        """Learn medians and which columns have missing values."""
        self.feature_names_in_ = np.array(stops.columns, dtype=object)
        self.medians_: dict[str, float] = {}
        self.told_: list[str] = []
        self.never_filled_: list[str] = []
        for name in stops.columns:
            values = floats_of(stops[name])
            missing = np.isnan(values)
            self.medians_[name] = 0.0 if missing.all() else float(np.median(values[~missing]))
            if missing.all():
                self.never_filled_.append(name)
            elif missing.any():
                self.told_.append(name)
        return self

    def transform(self, stops: pd.DataFrame) -> np.ndarray:
        """Return float32 of shape (stops, columns and their missing marks)."""
        check_is_fitted(self, "medians_")
        parts = []
        for name in self.feature_names_in_:
            values = floats_of(stops[name])
            missing = np.isnan(values)
            if name in self.never_filled_:
                values = np.zeros(len(stops))
            elif not self.keep_missing:
                values = np.where(missing, self.medians_[name], values)
            parts.append(values)
            if self._marks(name):
                parts.append(missing.astype(np.float64))
        return np.column_stack(parts).astype(np.float32) if parts else np.empty((len(stops), 0), np.float32)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:  # noqa: ARG002
        """Return one name a column, `<column>=missing` for the mark of a missing value."""
        names = []
        for name in self.feature_names_in_:
            names.append(name)
            if self._marks(name):
                names.append(f"{name}={MISSING}")
        return np.array(names, dtype=object)

    def _marks(self, name: str) -> bool:
        return name in self.told_ and self.mark_missing and not self.keep_missing


class CategoryEncoder(TransformerMixin, BaseEstimator):
    """Categories and codes as one column each, or as whole numbers.

    `levels_` are the sorted categories of each column as training has them, `missing` and `rare` among them.

    Parameters
    ----------
    one_hot
        One column a category; otherwise one whole number a stop, in alphabetical order of the categories, and nan for
        a category that training did not have, where it had no rare one.
    bins
        Category to bin, by column; where a column has bins, everything else and a missing value are OTHER.
    rare_stops
        Categories with fewer training stops are rare; in a binned column none is.
    """

    def __init__(
        self,
        *,
        one_hot: bool = True,
        bins: Mapping[str, Mapping[str, str]] | None = None,
        rare_stops: int = RARE_STOPS,
    ) -> None:
        self.one_hot = one_hot
        self.bins = bins
        self.rare_stops = rare_stops

    def fit(self, stops: pd.DataFrame, y: Any = None) -> "CategoryEncoder":  # noqa: ARG002 - scikit-learn's protocol
        """Learn the categories of each column."""
        self.feature_names_in_ = np.array(stops.columns, dtype=object)
        self.levels_: dict[str, list[str]] = {}
        for name in stops.columns:
            labels = self._labels(stops[name], name)
            if name in (self.bins or {}):
                self.levels_[name] = sorted({*(self.bins or {})[name].values(), OTHER_BIN})
                continue
            counts = labels.value_counts()
            frequent = {str(level) for level in counts.index[counts >= self.rare_stops]}
            if len(frequent) < len(counts):
                frequent.add(RARE)
            self.levels_[name] = sorted(frequent)
        return self

    def transform(self, stops: pd.DataFrame) -> np.ndarray:
        """Return float32 of shape (stops, categories) or, as whole numbers, (stops, columns)."""
        check_is_fitted(self, "levels_")
        parts = []
        for name in self.feature_names_in_:
            positions = self._positions(stops[name], name)
            if self.one_hot:
                parts.append(positions[:, None] == np.arange(len(self.levels_[name])))
            else:
                parts.append(np.where(positions < 0, np.nan, positions)[:, None])
        return np.hstack(parts).astype(np.float32) if parts else np.empty((len(stops), 0), np.float32)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:  # noqa: ARG002
        """Return `<column>=<category>` a column, or the columns' names where categories are whole numbers."""
        if not self.one_hot:
            return np.array([f"{name}=code" for name in self.feature_names_in_], dtype=object)
        return np.array(
            [f"{name}={level}" for name in self.feature_names_in_ for level in self.levels_[name]], dtype=object
        )

    def _labels(self, values: pd.Series, name: str) -> pd.Series:
        texts = texts_of(values)
        if name in (self.bins or {}):
            return texts.map((self.bins or {})[name]).fillna(OTHER_BIN)
        return texts.fillna(MISSING)

    def _positions(self, values: pd.Series, name: str) -> np.ndarray:
        """Return the place of each stop's category in `levels_`; a category not there is rare, or -1."""
        places = {level: place for place, level in enumerate(self.levels_[name])}
        codes, uniques = pd.factorize(self._labels(values, name))
        rare = places.get(RARE, -1)
        return np.array([places.get(str(level), rare) for level in uniques], dtype=np.int64)[codes]


def make_encoder(
    names: Sequence[str],
    encoding: Encoding = "one_hot",
    *,
    bins: Mapping[str, Mapping[str, str]] | None = None,
    codes: Literal["one_hot", "drop", "number"] = "one_hot",
    rare_stops: int = RARE_STOPS,
    mark_missing: bool = True,
) -> Any:
    """Return an unfitted encoder of registry columns: a ColumnTransformer, scaled for linear models.

    The encoding is for a kind of model, see the module. `codes` says what becomes of codes (precinct, commands): a
    category each, left out, or taken as numbers. Bins, rare stops and marks are those of the encoders above.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    ordered = sorted(names)
    coded = [name for name in ordered if column(name).kind == "code"]
    categories = [name for name in ordered if column(name).kind == "category"]
    if codes == "one_hot":
        categories = sorted([*categories, *coded])
    categories_encoder = CategoryEncoder(one_hot=encoding != "native", bins=bins, rare_stops=rare_stops)
    numbers = [name for name in ordered if name not in {*categories, *coded}]
    if codes == "number":
        numbers = sorted([*numbers, *coded])
    transformer = ColumnTransformer(
        [
            ("numbers", NumberEncoder(keep_missing=encoding == "native", mark_missing=mark_missing), numbers),
            ("categories", categories_encoder, categories),
        ],
        remainder="drop",
        sparse_threshold=0.0,
        verbose_feature_names_out=False,
    )
    if encoding == "scaled":
        return Pipeline([("columns", transformer), ("scale", StandardScaler())])
    return transformer


def encoded_sets(encoders: Mapping[str, Any], stops: pd.DataFrame) -> pd.DataFrame:
    """Return the features of stops by several encoders side by side, float32, named `<set>__<feature>`.

    `encoders` holds a fitted encoder by name of the set of columns.
    """
    features = [encoded_frame(encoder, stops).add_prefix(f"{name}__") for name, encoder in encoders.items()]
    return pd.concat([pd.DataFrame(index=stops.index), *features], axis="columns")


def features_of_set(names: Iterable[str], feature_set: str, columns: Iterable[str]) -> tuple[str, ...]:
    """Return which features that `encoded_sets` named come from columns of a set, in their order."""
    wanted = {f"{feature_set}__{name}" for name in columns}
    return tuple(name for name in names if name.split("=", 1)[0] in wanted)


def name_in_set(feature: str) -> str:
    """Return a feature's name without its set.

    >>> name_in_set("study_2021__suspect_sex=MALE")
    'suspect_sex=MALE'
    """
    return feature.split("__", 1)[1]


def encoded_frame(encoder: Any, stops: pd.DataFrame) -> pd.DataFrame:
    """Return the encoded features of stops, float32, under the encoder's feature names."""
    return pd.DataFrame(
        encoder.transform(stops), columns=[str(name) for name in encoder.get_feature_names_out()], index=stops.index
    )
