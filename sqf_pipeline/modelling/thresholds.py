"""Thresholds on a probability, chosen for stated aims on the last training year.

References
----------
Elkan (2001), The foundations of cost-sensitive learning, IJCAI: with calibrated probabilities, costs are least when
a stop is named from the probability c / (c + m) on, c the cost of a false alarm and m that of a miss.
"""

from dataclasses import dataclass

import numpy as np

from sqf_pipeline.registry.outcomes import OUTCOME_ENTRIES

MISS_COST = 10.0
"""Cost of a miss in false alarms, for the threshold of a stated cost ratio."""


@dataclass(frozen=True)
class Threshold:
    """A named threshold: yes from `value` on. `aim` says what it was chosen for, in words."""

    name: str
    value: float
    aim: str


def default_threshold(outcome: str) -> str:
    """Return the name of the threshold a model answers yes or no with when nobody names one."""
    return "equal_costs" if OUTCOME_ENTRIES[outcome].common else "best_f1"


def half() -> dict[str, Threshold]:
    """Return the one threshold of models that are used as the study used them: one half."""
    return {"half": Threshold("half", 0.5, "More likely than not, by the model's own score.")}


def choose_thresholds(probability: np.ndarray, positive: np.ndarray, outcome: str) -> dict[str, Threshold]:
    """Return thresholds on calibrated probabilities by name.

    `probability` and `positive` are of the stops of the last training year, by a model that did not see them;
    `outcome` is a name in `registry/outcomes.csv`, which states the precision to hold.
    """
    stated = OUTCOME_ENTRIES[outcome].stated_precision
    cuts, precision, recall = precision_recall_steps(probability, positive)
    chosen = [
        Threshold("equal_costs", 0.5, "A miss costs as much as a false alarm."),
        Threshold(
            f"miss_costs_{MISS_COST:g}", 1 / (1 + MISS_COST), f"A miss costs as much as {MISS_COST:g} false alarms."
        ),
    ]
    if len(cuts):
        with np.errstate(invalid="ignore", divide="ignore"):
            f1 = np.nan_to_num(2 * precision * recall / (precision + recall))
        chosen.insert(0, Threshold("best_f1", float(cuts[np.argmax(f1)]), "Best F1 in the last training year."))
        holds = precision >= stated
        value = float(cuts[np.flatnonzero(holds)[np.argmax(recall[holds])]]) if holds.any() else 1.0
        aim = f"Most recall at a precision of {stated:.0%} or more in the last training year."
        if not holds.any():
            aim += " No threshold reached it there, so this one names nobody short of certainty."
        chosen.insert(1, Threshold(f"precision_{round(100 * stated)}", value, aim))
    return {threshold.name: threshold for threshold in chosen}


def precision_recall_steps(probability: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return every distinct probability, falling, with precision and recall of naming the stops from it on.

    Empty arrays when no stop has the outcome.
    """
    from sklearn.metrics import precision_recall_curve

    if not positive.any():
        return np.empty(0), np.empty(0), np.empty(0)
    precision, recall, cuts = precision_recall_curve(positive, probability)
    return cuts[::-1], precision[-2::-1], recall[-2::-1]  # at their end stands a point without a cut
