"""What over-sampling before the split would have a forest report, beside over-sampling the training part alone."""

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split


def leaking_and_honest_auc(
    features: np.ndarray, positive: np.ndarray, *, trees: int = 30, n_jobs: int | None = None
) -> tuple[float, float]:
    """Return the ROC AUC of both; copies of one stop on both sides of the split are recognised, not predicted."""

    def over_sampled(rows: np.ndarray) -> np.ndarray:
        few = rows[positive[rows]]
        copies = np.random.default_rng(1).choice(few, (~positive[rows]).sum() - len(few))
        return np.concatenate([rows, copies])

    def measured(training: np.ndarray, test: np.ndarray) -> float:
        forest = RandomForestClassifier(trees, random_state=1, n_jobs=n_jobs)
        forest.fit(features[training], positive[training])
        return float(roc_auc_score(positive[test], forest.predict_proba(features[test])[:, 1]))

    stops = np.arange(len(positive))
    copied = over_sampled(stops)
    training, test = train_test_split(stops, random_state=1, stratify=positive)
    return (
        measured(*train_test_split(copied, random_state=1, stratify=positive[copied])),
        measured(over_sampled(training), test),
    )
