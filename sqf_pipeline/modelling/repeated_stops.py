"""A forest on repeated stops, grown on each of them once: a stop drawn n times is one stop of n times the weight."""

from typing import Any

import numpy as np
import pandas as pd


def fit_on_repeats(forest: Any, features: pd.DataFrame, positive: np.ndarray, rows: np.ndarray) -> None:
    """Fit a forest on `features.iloc[rows]` in half the time; its trees are the same.

    Nodes hold what they would, counted by weight: sums of whole numbers are exact, and repeats of a stop never part.

    Parameters
    ----------
    forest
        Unfitted RandomForestClassifier with the defaults of scikit-learn, whose leaves may hold a single stop, and a
        whole number as seed.
    features
        Encoded features of different stops, float32, laid out by rows.
    positive
        Whether each of them had the outcome, bool.
    rows
        Places of the stops to fit on, some of them again and again, in ascending order.
    """
    from joblib import Parallel, delayed

    values, labels = features.to_numpy(), positive.astype(np.int8)

    def grown(seed: int) -> Any:  # not at the top of the module: it travels to a worker that lacks this package
        import numpy as np
        from sklearn.tree import DecisionTreeClassifier

        drawn = np.random.RandomState(seed).randint(0, len(rows), len(rows), dtype=np.int32)
        weights = np.bincount(rows[drawn], minlength=len(labels))
        tree = DecisionTreeClassifier(max_features="sqrt", random_state=seed)
        return tree.fit(values, labels, sample_weight=weights, check_input=False)

    seeds = np.random.RandomState(forest.random_state).randint(np.iinfo(np.int32).max, size=forest.n_estimators)
    trees = Parallel(n_jobs=forest.n_jobs, prefer="threads")(delayed(grown)(int(seed)) for seed in seeds)
    forest.estimators_ = trees
    forest.classes_, forest.n_classes_, forest.n_outputs_ = np.array([False, True]), 2, 1
    forest.n_features_in_, forest.feature_names_in_ = len(features.columns), features.columns.to_numpy(dtype=object)
