"""The untouched test year, made ready once for all models: its encounters, resamples and groups of people."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sqf_pipeline.errors import SqfError
from sqf_pipeline.evaluation.bootstrap import RESAMPLES, Weights, resample_weights, stop_clusters
from sqf_pipeline.evaluation.subgroups import subgroup_labels
from sqf_pipeline.modelling.fitting import FittedModel


@dataclass(frozen=True)
class TestYear:
    """Clean stops of the test year with the encounters and resamples that all models share."""

    __test__ = False  # the name is not a test's

    stops: pd.DataFrame
    clusters: NDArray[np.intp]  # encounter of each stop, shape (rows,)
    weights: Weights  # how often each stop stands in each resample, shape (resamples, rows)
    labels: pd.DataFrame  # group of each stop by attribute
    features: pd.DataFrame | None = None
    """Encoded features of the same stops in the same order, for models that are fitted on such."""

    def inputs_of(self, model: FittedModel) -> pd.DataFrame:
        """Return what a model takes: the encoded features, or the stops."""
        if not model.encoded_features:
            return self.stops
        if self.features is None:
            raise ValueError(f"{model.name} takes encoded features, and the test year came without them")
        return self.features


def prepare_test_year(
    stops: pd.DataFrame, features: pd.DataFrame | None = None, *, resamples: int = RESAMPLES
) -> TestYear:
    """Return a test year ready to measure models on; the same stops give the same resamples.

    Without resamples models are measured in no time, and no measure has an interval. Raises SqfError when the features
    are not of these stops.
    """
    if features is not None and features["stop_id"].tolist() != stops["stop_id"].tolist():
        raise SqfError(
            f"The encoded features are of other stops than the test year's ({len(features):,} against {len(stops):,}, "
            "or in another order). Materialise test_features anew."
        )
    clusters = stop_clusters(stops)
    weights = resample_weights(clusters, resamples=resamples)
    return TestYear(stops, clusters, weights, subgroup_labels(stops), features)
