"""The study of 2021, run its own way, and its figures beside the same figures measured again and ours.

Its faults, repeated here on purpose because they made its figures:

- A second scaler is fitted on the test set. Each split is centred on its own mean, which hides that the splits are
  not in the same units. With one scaler the forest's accuracy falls to about 0.64, since its flags are numbered
  split by split (see `study_encoding`); with the flags on training's numbers it comes back to about 0.83.
- The rival outcome and the year are features; and the year of the test set is one that no training row has.
- Accuracy is reported of an outcome that 3 % of stops have; the summons forest names nobody.

Its faults of reporting are not repeated, but stated in the notes: the confusion matrix printed as the forest's is the
logistic regression's; the twelve most important features it served for arrests are its first twelve columns
(`zip(columns[:12], importances)`); the arrest model it saved was an ExtraTrees.

Settings are scikit-learn's defaults with `random_state=1`.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd

from sqf_pipeline.registry.csv_tables import read_rows
from sqf_pipeline.registry.declared_tables import result_frame
from sqf_pipeline.registry.outcomes import SERVICE_FIELDS, STUDY_TARGETS
from sqf_pipeline.study_2021.study_encoding import (
    ORDER,
    encode_split,
    flags_on_codes_of,
    outcome_of,
)  # fmt: skip

STUDY_TEST_YEAR = 2020
RANDOM_STATE = 1
CONFUSION_CELLS = ("true_negatives", "false_positives", "false_negatives", "true_positives")


def run_study_2021(
    raw_by_year: Mapping[int, pd.DataFrame],
    test_year: int,
    *,
    real_source: bool = True,
    ours: Mapping[tuple[str, str], float] | None = None,
    n_jobs: int | None = None,
    side_by_side: bool = False,
    measured: Mapping[tuple[str, str], float] | None = None,
) -> pd.DataFrame:
    """Run the study its own way on text as published; return the table `study_2021_comparison`.

    A published figure is null for another test year or a synthetic source; ours is null where none was handed in.

    Parameters
    ----------
    raw_by_year
        Raw stops by year: text under our names. Every year before `test_year` is trained on.
    test_year
        Year to test on; the study's was 2020.
    real_source
        Whether these are published stops; figures of the study are compared with nothing else.
    ours
        Figures of our models by (outcome, figure), see `figures_of`.
    n_jobs, side_by_side
        As in `measure_study_2021`.
    measured
        What `measure_study_2021` returned of these stops, where it was called before.

    Raises
    ------
    ValueError
        If the test year or every year before it is missing.
    """
    if measured is None:
        measured = measure_study_2021(raw_by_year, test_year, n_jobs=n_jobs, side_by_side=side_by_side)
    published = published_figures() if real_source and test_year == STUDY_TEST_YEAR else {}
    ours, notes = ours or {}, {key: row["note"] for key, row in _published().items()}
    keys = dict.fromkeys([*measured, *(key for key in ours if key[0] in STUDY_TARGETS)])
    rows = [(*key, published.get(key), measured.get(key), ours.get(key), notes.get(key, "")) for key in keys]
    return result_frame("study_2021_comparison", rows)


def measure_study_2021(
    raw_by_year: Mapping[int, pd.DataFrame], test_year: int, *, n_jobs: int | None = None, side_by_side: bool = False
) -> dict[tuple[str, str], float]:
    """Fit and measure the study's models; return its figures by (outcome, figure), see `run_study_2021`.

    Parameters
    ----------
    n_jobs
        Cores for fitting; the result is the same.
    side_by_side
        Whether the outcomes are measured at a time, each on one core of this machine; the result is the same.
    """
    training_years = sorted(year for year in raw_by_year if year < test_year)
    if test_year not in raw_by_year or not training_years:
        years = ", ".join(str(year) for year in sorted(raw_by_year)) or "none"
        raise ValueError(f"The study needs stops of {test_year} and of years before it; found {years}.")
    raw_training = pd.concat([raw_by_year[year].filter(items=ORDER) for year in training_years], ignore_index=True)
    raw_test = raw_by_year[test_year].filter(items=ORDER).reset_index(drop=True)
    splits = _Splits(encode_split(raw_training), encode_split(raw_test), raw_training, raw_test)
    measure = partial(_measure_outcome, splits=splits, n_jobs=1 if side_by_side else n_jobs)
    with ThreadPoolExecutor(len(STUDY_TARGETS) if side_by_side else 1) as threads:
        figures = zip(STUDY_TARGETS, threads.map(measure, STUDY_TARGETS), strict=True)
        return {(outcome, figure): value for outcome, of_it in figures for figure, value in of_it.items()}


def figures_of(model: str, actual: np.ndarray, score: np.ndarray, *, at_least: bool = False) -> dict[str, float]:
    """Return the study's figures of a model's scores, named `<model>_<figure>`.

    `actual` holds 0 or 1, `score` the share of yes in [0, 1]. Ranking measures are left out when the test set has
    one class only. Run the study's way, a model says yes above 0.5, as scikit-learn's `predict` does; with
    `at_least` from it on, as our own models do everywhere.
    """
    from sklearn.metrics import average_precision_score, brier_score_loss, confusion_matrix, roc_auc_score

    predicted = (score >= 0.5 if at_least else score > 0.5).astype(np.int8)
    cells = confusion_matrix(actual, predicted, labels=[0, 1]).ravel()
    figures = dict(zip(CONFUSION_CELLS, cells.astype(float).tolist(), strict=True))
    figures["accuracy"] = float((predicted == actual).mean())
    positives = figures["false_negatives"] + figures["true_positives"]
    if positives:
        figures["recall"] = figures["true_positives"] / positives
    if 0 < positives < len(actual):
        figures["roc_auc"] = float(roc_auc_score(actual, score))
        figures["average_precision"] = float(average_precision_score(actual, score))
    figures["brier_score"] = float(brier_score_loss(actual, score, pos_label=1, labels=[0, 1]))
    return {f"{model}_{name}": value for name, value in figures.items()}


def published_figures() -> dict[tuple[str, str], float]:
    """Return the figures that the study printed, by outcome and figure."""
    return {key: float(row["value"]) for key, row in _published().items() if row["value"]}


@cache
def _published() -> dict[tuple[str, str], dict[str, str]]:
    return {(row["outcome"], row["figure"]): row for row in read_rows(__package__, "published_figures.csv")}


@dataclass(frozen=True)
class _Splits:
    training: pd.DataFrame
    test: pd.DataFrame
    raw_training: pd.DataFrame
    raw_test: pd.DataFrame


def _measure_outcome(outcome: str, splits: _Splits, n_jobs: int | None) -> dict[str, float]:
    """Return the figures of one outcome by name."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    target = STUDY_TARGETS[outcome]
    training, test = splits.training.drop(columns=target), splits.test.drop(columns=target)
    actual_training, actual = outcome_of(splits.raw_training, target), outcome_of(splits.raw_test, target)
    training_scaler = StandardScaler().fit(training)
    scaled_training = training_scaler.transform(training)
    scaled_test = StandardScaler().fit_transform(test)  # the study's second scaler
    figures = {
        "training_stops": float(len(actual_training)),
        "training_positives": float(actual_training.sum()),
        "test_stops": float(len(actual)),
        "test_positives": float(actual.sum()),
        "share_of_no": float(1 - actual.mean()),
    }
    if len(np.unique(actual_training)) > 1:
        regression = LogisticRegression().fit(scaled_training, actual_training)
        figures |= figures_of("logistic_regression", actual, positive_share(regression, scaled_test))
    forest = RandomForestClassifier(random_state=RANDOM_STATE, n_jobs=n_jobs)
    forest.fit(np.ascontiguousarray(scaled_training), actual_training)  # row by row, a tenth quicker
    forest.set_params(n_jobs=1)  # several cores add up votes in the order in which they finish
    figures |= figures_of("random_forest", actual, positive_share(forest, scaled_test))
    figures["random_forest_training_accuracy"] = float(forest.score(scaled_training, actual_training))
    repaired = flags_on_codes_of(splits.test, splits.raw_test, splits.raw_training).drop(columns=target)
    for name, features in (("one_scaler", test), ("one_scaler_training_codes", repaired)):
        share = positive_share(forest, training_scaler.transform(features))
        figures[f"random_forest_accuracy_{name}"] = float(((share > 0.5) == actual).mean())
    important = pd.Series(forest.feature_importances_, training.columns).rank(ascending=False, method="first")
    top = important.index[important <= len(SERVICE_FIELDS[outcome])]
    figures["service_fields_among_top_twelve"] = float(top.isin(SERVICE_FIELDS[outcome]).sum())
    return figures


def positive_share(model: Any, features: np.ndarray) -> np.ndarray:
    """Return the model's probability of yes; 0 or 1 for all when it was trained on a single class."""
    probabilities = model.predict_proba(features)
    classes = list(model.classes_)
    if 1 not in classes:
        return np.zeros(len(probabilities))
    return np.asarray(probabilities[:, classes.index(1)])
