"""Resampling of training stops for a rare outcome: under-sampling, over-sampling and SMOTENC.

Only training stops are ever handed in. Resampled stops are stops again, with the registry's columns, so that the
same encoder follows.

References
----------
Chawla et al. (2002), SMOTE: Synthetic Minority Over-sampling Technique, JAIR 16 (SMOTENC for mixed columns).
Dal Pozzolo et al. (2015), Calibrating probability with undersampling for unbalanced classification, IEEE SSCI.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from sqf_pipeline.errors import SqfError
from sqf_pipeline.modelling.encoder import floats_of, name_in_set
from sqf_pipeline.registry.columns import column

Method = Literal["none", "under", "over", "smotenc"]
NEIGHBOURS = 5
SEED = 1


@dataclass(frozen=True)
class Resampled:
    """Resampled training stops."""

    stops: pd.DataFrame  # rows of registry columns, in the order of the training stops, synthetic stops after them
    positive: np.ndarray  # whether each row has the outcome, bool
    before: tuple[int, int]
    after: tuple[int, int]
    """Numbers of positives and negatives."""
    rows: np.ndarray  # places of rows among the training stops, ascending; those of synthetic stops are not among them


def resample(stops: pd.DataFrame, positive: np.ndarray, method: Method, *, encoded: bool = False) -> Resampled:
    """Return training stops with as many positives as negatives, by `method`; `none` leaves them as they are.

    With `encoded`, the frame holds one-hot features of stops, and so does the result. Raises SqfError when a class is
    missing, or has too few stops for SMOTENC's neighbours.
    """
    positive = np.asarray(positive, dtype=bool)
    before = (int(positive.sum()), int((~positive).sum()))
    if method == "none":
        return Resampled(stops, positive, before, before, np.arange(len(stops)))
    if min(before) == 0:
        raise SqfError(
            f"Resampling needs stops with and without the outcome; found {before[0]:,} with and {before[1]:,} "
            "without. Train on more years, or use no resampling."
        )
    rows = np.arange(len(stops))
    if method == "smotenc":
        stops, positive = _smotenc(stops, positive, _EncodedColumns if encoded else _StopColumns)
    else:
        rows = _balanced_rows(positive, method)
        stops, positive = stops.iloc[rows], positive[rows]
    after = (int(positive.sum()), int((~positive).sum()))
    return Resampled(stops.reset_index(drop=True), positive, before, after, rows)


def _balanced_rows(positive: np.ndarray, method: Method) -> np.ndarray:
    from imblearn.over_sampling import RandomOverSampler
    from imblearn.under_sampling import RandomUnderSampler

    sampler = {"under": RandomUnderSampler, "over": RandomOverSampler}[method](random_state=SEED)
    sampler.fit_resample(np.zeros((len(positive), 1)), positive)
    return np.sort(sampler.sample_indices_)


def _smotenc(
    stops: pd.DataFrame, positive: np.ndarray, mixed: "type[_StopColumns | _EncodedColumns]"
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return stops and synthetic positives: numbers between neighbours, categories and gaps by their majority."""
    from imblearn.over_sampling import SMOTENC

    rarest = int(min(positive.sum(), (~positive).sum()))
    if rarest <= NEIGHBOURS:
        raise SqfError(
            f"SMOTENC needs more than {NEIGHBOURS} stops of each class, found {rarest:,}. Train on more years, or "
            "use another way of resampling."
        )
    columns = mixed(stops)
    sampler = SMOTENC(
        categorical_features=columns.categorical,
        categorical_encoder=_quick_encoder(),
        k_neighbors=NEIGHBOURS,
        random_state=SEED,
    )
    grown, grown_positive = sampler.fit_resample(columns.values, positive)
    synthetic = columns.decoded(grown[len(stops) :])
    return pd.concat([stops, synthetic], ignore_index=True), np.asarray(grown_positive, dtype=bool)


def _quick_encoder() -> Any:
    """Return the encoder that SMOTENC makes by itself, but for decoding a dense matrix.

    scipy asks for the largest value of a sparse matrix row by row, in Python: of 70,000 stops with 26 categorical
    columns 8.7 of the 9.4 seconds that SMOTENC took.
    """
    from sklearn.preprocessing import OneHotEncoder

    class QuickEncoder(OneHotEncoder):
        def inverse_transform(self, X: Any) -> np.ndarray:  # noqa: N803 - scikit-learn's name
            return np.asarray(super().inverse_transform(X.toarray()))

    return QuickEncoder(handle_unknown="ignore")


def _is_number(name: str) -> bool:
    return column(name).kind in {"integer", "number", "height", "time", "month", "weekday"}


def _is_whole(name: str) -> bool:
    return column(name).kind not in {"number", "height"}


class _StopColumns:
    """Stops as the mixed columns that SMOTENC takes: `values`, float64 of shape (stops, columns).

    A number's gap is filled by the median and told by a categorical column of its own, after the number's.
    `categorical` are the places of such columns.
    """

    def __init__(self, stops: pd.DataFrame) -> None:
        self.like = stops
        self.categorical: list[int] = []
        self.levels: dict[str, pd.Index] = {}
        parts: list[np.ndarray] = []
        for name in stops.columns:
            if _is_number(name):
                values = floats_of(stops[name])
                missing = np.isnan(values)
                median = 0.0 if missing.all() else float(np.median(values[~missing]))
                parts.append(np.where(missing, median, values))
                self.categorical.append(len(parts))
                parts.append(missing.astype(float))
            else:
                codes, self.levels[name] = pd.factorize(stops[name], sort=True, use_na_sentinel=True)
                self.categorical.append(len(parts))
                parts.append(codes.astype(float))
        self.values = np.column_stack(parts)

    def decoded(self, values: np.ndarray) -> pd.DataFrame:
        """Return rows of such columns as stops, with the columns and dtypes of the stops."""
        columns: dict[str, Any] = {}
        place = 0
        for name in self.like.columns:
            dtype = self.like[name].dtype
            if _is_number(name):
                number, missing = values[:, place], values[:, place + 1] > 0.5
                rounded = np.rint(number) if _is_whole(name) else number
                columns[name] = pd.Series(rounded).mask(missing).astype("Float64").astype(dtype)
                place += 2
            else:
                levels, codes = self.levels[name], values[:, place].astype(np.int64)
                taken = levels.take(np.where(codes < 0, 0, codes)) if len(levels) else None
                texts = pd.Series(pd.NA, index=range(len(values)), dtype=dtype) if taken is None else pd.Series(taken)
                columns[name] = texts.astype(dtype).mask(codes < 0, pd.NA)
                place += 1
        return pd.DataFrame(columns)


class _EncodedColumns:
    """One-hot features as the mixed columns that SMOTENC takes: the features of one column are one category.

    `values` are float64 of shape (stops, columns); `categorical` the places of categories, which are decoded to
    numbers, and of flags.
    """

    def __init__(self, features: pd.DataFrame) -> None:
        self.names = [str(name) for name in features.columns]
        groups: dict[str, list[int]] = {}
        for place, name in enumerate(self.names):
            groups.setdefault(name.split("=", 1)[0], []).append(place)
        self.groups = list(groups.items())
        self.categorical = [place for place, (name, _) in enumerate(self.groups) if not _is_number(name_in_set(name))]
        encoded = features.to_numpy(dtype=np.float64)
        self.values = np.column_stack(
            [self._code(encoded[:, places]) if self._is_one_hot(places) else encoded[:, places[0]]
             for _, places in self.groups]
        )  # fmt: skip

    def decoded(self, values: np.ndarray) -> pd.DataFrame:
        """Return rows of such columns as one-hot features, float32."""
        features = np.empty((len(values), len(self.names)), dtype=np.float32)
        for (name, places), column_values in zip(self.groups, values.T, strict=True):
            if self._is_one_hot(places):
                features[:, places] = column_values[:, None] == np.arange(len(places))
            else:
                whole = _is_whole(name_in_set(name))
                features[:, places[0]] = np.rint(column_values) if whole else column_values
        return pd.DataFrame(features, columns=self.names)

    def _is_one_hot(self, places: list[int]) -> bool:
        return "=" in self.names[places[0]]

    @staticmethod
    def _code(one_hot: np.ndarray) -> np.ndarray:
        """Return which feature of a column is 1, and -1 for a category that has no feature."""
        return np.where(one_hot.any(axis=1), one_hot.argmax(axis=1), -1)
