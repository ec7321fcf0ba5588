"""What follows from flagging the stops above a threshold."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from sqf_pipeline.evaluation.bootstrap import Weights, estimate_and_ends
from sqf_pipeline.evaluation.metrics import CELLS, Forecast, confusion_cells, confusion_metrics, none_if_nan

_SHOWN = ("precision", "recall", "f1", "balanced_accuracy", "flagged_share")
_WITH_INTERVAL = ("precision", "recall")


def threshold_metrics(forecast: Forecast, thresholds: Mapping[str, float], weights: Weights) -> pd.DataFrame:
    """Return counts and metrics at each threshold.

    `thresholds` are by the aim that they were chosen for; a stop is flagged when its probability is at least that. An
    aim that no threshold reaches may have infinity: nobody is flagged. `weights` are of shape (resamples, rows).

    Returns
    -------
    Frame of aim, threshold, tn, fp, fn, tp, precision, recall, f1, balanced_accuracy, flagged_share,
    precision_low, precision_high, recall_low, recall_high. Precision is missing when nobody is flagged.
    """
    cells = np.column_stack([confusion_cells(forecast, threshold) for threshold in thresholds.values()])
    # counts are whole, and exact in float32 up to 2 ** 24 stops
    resampled = weights.astype(np.float32) @ cells.astype(np.float32)
    counts = np.concatenate([cells.sum(axis=0, keepdims=True), resampled.astype(np.float64)])
    rows = []
    for place, (aim, threshold) in enumerate(thresholds.items()):
        mine = counts[:, len(CELLS) * place : len(CELLS) * (place + 1)]
        found = confusion_metrics(*mine.T)
        row: dict[str, object] = {"aim": aim, "threshold": float(threshold)}
        row |= {name: int(value) for name, value in zip(CELLS, mine[0], strict=True)}
        row |= {name: none_if_nan(found[name][0]) for name in _SHOWN}
        for name in _WITH_INTERVAL:
            _, row[f"{name}_low"], row[f"{name}_high"] = estimate_and_ends(found[name])
        rows.append(row)
    bounds = [f"{name}_{end}" for name in _WITH_INTERVAL for end in ("low", "high")]
    columns = ["aim", "threshold", *CELLS, *_SHOWN, *bounds]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys([*_SHOWN, *bounds], "Float64"))
