"""Whether missing values give the outcome away: a model that sees only the gaps must do no better than chance.

A form is completed when somebody is arrested, so that a gap in the height says "not arrested" before anything else
is looked at. The columns of `at_stop` were chosen so that their gaps do not predict it; this checks it for each year.
"""

from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd

from sqf_pipeline.errors import SqfError
from sqf_pipeline.evaluation.bootstrap import estimate_and_ends, resample_weights, stop_clusters, with_the_stops
from sqf_pipeline.evaluation.ranking_metrics import ranked_draws
from sqf_pipeline.modelling.feature_sets import HIGHEST_GAP_AUC, feature_set, is_usable
from sqf_pipeline.modelling.side_by_side import one_thread, side_by_side
from sqf_pipeline.registry.declared_tables import result_frame
from sqf_pipeline.registry.forms.published_forms import forms_of_years
from sqf_pipeline.registry.outcomes import OUTCOME_ENTRIES, TARGETS, happened

Status = Literal["ok", "warn", "fail", "told"]

CHECKED_TIER = "at_stop"
REPORTED_TIERS = ("during", "study_2021")
"""Tiers whose gaps are known to predict the outcome; by how much is reported."""
RESAMPLES = 200
FEWEST_OF_EACH = 200
"""Test stops with and without the outcome below which the check warns only: with 300 synthetic stops, 8 of them with a
summons, it was red by chance."""


def measure_gap_marks(training: pd.DataFrame, test: pd.DataFrame, *, processes: int = 1) -> pd.DataFrame:
    """Return the table `gap_marks`: how well the gaps of each tier's columns rank the outcomes of the test year.

    Both frames are of clean stops; `processes` says how many models of gaps are fitted at a time. Columns whose gaps a
    tier's models never see, as a value is drawn, are not counted. The interval is by encounter, the status from
    `status_of`. Raises SqfError when an outcome is unknown in every training stop, or in every stop of the test year.
    """
    asked, tasks = [], []
    forms = forms_of_years([*training["year"].unique(), *test["year"].unique()])
    for outcome, entry in OUTCOME_ENTRIES.items():
        known = happened(test, outcome).dropna()
        enough = min(int(known.sum()), int((~known).sum())) >= FEWEST_OF_EACH
        for tier in (CHECKED_TIER, *REPORTED_TIERS):
            if tier not in entry.tiers or not is_usable(tier, forms):
                continue
            features = feature_set(tier, forms)
            drawn = set(features.drawn_for(outcome))
            seen = [name for name in features.columns_for(outcome) if name not in drawn]
            asked.append((outcome, tier, enough))
            tasks.append(partial(gap_auc, training, test, outcome, seen))
    rows = []
    checked = sum(tier == CHECKED_TIER for _, tier, _ in asked)
    for (outcome, tier, enough), measured in zip(asked, side_by_side(tasks, processes, batch=3), strict=True):
        limit = HIGHEST_GAP_AUC if tier == CHECKED_TIER else None
        status = status_of(*measured[1:3], limit, enough=enough, checked=checked)
        rows.append((outcome, tier, *measured, limit, status))
    return result_frame("gap_marks", rows)


def status_of(
    auc: float | None, low: float | None, limit: float | None, *, enough: bool = True, checked: int = 1
) -> Status:
    """Return what an AUC of gaps and the lower end of its 95 % interval mean under a limit.

    `fail` when the limit is reached and an interval for all outcomes together (Bonferroni) leaves 0.5 out: by the
    interval of one alone, five outcomes without any leak would turn one year in eight red. `warn` when the limit is
    reached and chance could have done it, `told` without a limit. `enough` says whether `FEWEST_OF_EACH` stops have and
    lack the outcome, `checked` how many outcomes are checked.
    """
    from scipy.special import ndtri

    if limit is None:
        return "told"
    if auc is None or auc < limit:
        return "ok"
    wider = ndtri(1 - 0.025 / checked) / ndtri(0.975)
    return "fail" if enough and low is not None and auc - wider * (auc - low) > 0.5 else "warn"


def gap_auc(
    training: pd.DataFrame, test: pd.DataFrame, outcome: str, columns: Sequence[str]
) -> tuple[int, float | None, float | None, float | None]:
    """Return the number of columns with gaps, and the ROC AUC with its ends of boosting on these gaps alone.

    The AUC is 0.5 where no column has a gap in training, and None where the test year has one outcome only.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    positive, actual = (happened(stops, outcome) for stops in (training, test))
    known, asked = training[positive.notna()], test[actual.notna()]
    for stops, where in ((known, "training stop"), (asked, "stop of the test year")):
        if stops.empty:
            raise SqfError(
                f"No {where} says whether {TARGETS[outcome]} happened. Look at that column of the published files."
            )
    gaps = known[list(columns)].isna()
    marks = [name for name in columns if gaps[name].any()]
    positive, actual = (found.dropna().to_numpy(dtype=bool) for found in (positive, actual))
    if actual.all() or not actual.any():
        return len(marks), None, None, None
    if not marks or positive.all() or not positive.any():
        return len(marks), 0.5, 0.5, 0.5
    model = HistGradientBoostingClassifier(random_state=1, early_stopping=False)
    with one_thread():
        model.fit(gaps[marks].to_numpy(dtype=np.float32), positive)
        score = model.predict_proba(asked[marks].isna().to_numpy(dtype=np.float32))[:, 1]
    weights = resample_weights(stop_clusters(asked), resamples=RESAMPLES)
    return len(marks), *estimate_and_ends(ranked_draws(actual, score, with_the_stops(weights), "roc_auc"))
