"""How often a probability was right in the test year, as a table that the service can look up."""

import numpy as np

from sqf_pipeline.evaluation.bootstrap import effective_rows, wilson_interval
from sqf_pipeline.service.manifest import ReliabilityBin

BINS = 10
"""Bins wanted; fewer come out where many stops share one probability or there are few stops."""
SMALLEST = 50
"""Fewest stops in a bin, so that an interval is worth reading and nobody can be singled out."""


def reliability_table(
    probabilities: np.ndarray, actual: np.ndarray, clusters: np.ndarray | None = None
) -> tuple[ReliabilityBin, ...]:
    """Return bins with about equally many test stops, covering 0 to 1 without a gap.

    Calibrated probabilities, whether each stop had the outcome, and its encounter for the intervals (each stop by
    itself if None) are of shape (stops,).
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    actual = np.asarray(actual, dtype=bool)
    groups = np.arange(len(actual)) if clusters is None else np.asarray(clusters)
    if probabilities.shape != actual.shape or probabilities.ndim != 1 or not len(actual):
        raise ValueError("reliability needs as many outcomes as probabilities, one at least")
    bins = max(1, min(BINS, len(actual) // SMALLEST))
    inner = np.unique(np.quantile(probabilities, np.linspace(0, 1, bins + 1)[1:-1]))
    edges = np.concatenate([[0.0], inner[(inner > 0) & (inner < 1)], [1.0]])
    place = np.clip(np.searchsorted(edges, probabilities, side="right") - 1, 0, len(edges) - 2)
    table: list[ReliabilityBin] = []
    low, members = 0.0, np.zeros(len(actual), dtype=bool)
    for number in range(len(edges) - 1):
        members = members | (place == number)
        last = number == len(edges) - 2
        if members.sum() >= SMALLEST or (last and members.any()):
            high = float(edges[number + 1])
            table.append(_bin(low, high, probabilities[members], actual[members], groups[members]))
            low, members = high, np.zeros(len(actual), dtype=bool)
    if table[-1].high < 1:
        table[-1] = table[-1].model_copy(update={"high": 1.0})
    return tuple(table)


def _bin(
    low: float, high: float, probabilities: np.ndarray, actual: np.ndarray, clusters: np.ndarray
) -> ReliabilityBin:
    positives, total = int(actual.sum()), len(actual)
    share_low, share_high = wilson_interval(positives / total, effective_rows(clusters))
    if share_low is None or share_high is None:
        raise ValueError("an interval of a share needs at least one stop")
    return ReliabilityBin(
        low=low, high=high, stops=total, positives=positives, mean_probability=float(probabilities.mean()),
        share=positives / total, share_low=share_low, share_high=share_high,
    )  # fmt: skip
