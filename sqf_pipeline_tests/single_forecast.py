"""The metrics of a forecast on its stops as they are, for tests that hold them against another way of counting."""

from typing import Any

import numpy as np

from sqf_pipeline.evaluation.metrics import Forecast, none_if_nan, weighted_metrics


def metrics_of(forecast: Forecast, **options: Any) -> dict[str, float | None]:
    """Return every metric of a forecast, None where one is not defined; options as in `weighted_metrics`."""
    values = weighted_metrics(forecast, np.ones((1, forecast.rows)), **options)
    return {name: none_if_nan(array[0]) for name, array in values.items()}
