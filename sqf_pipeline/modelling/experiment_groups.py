"""Many experiments on the same training stops: what several of them need is fitted once, and groups side by side."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby

import pandas as pd

from sqf_pipeline.modelling.estimators import BLEND, BLENDED
from sqf_pipeline.modelling.experiments import Experiment
from sqf_pipeline.modelling.fitting import FittedModel, fit_experiment
from sqf_pipeline.modelling.shared_fits import SharedFits
from sqf_pipeline.modelling.side_by_side import side_by_side

_FIT_ON = {"under": 0, "none": 1, "over": 2, "smotenc": 3}
"""Stops that each way of resampling leaves to fit on, in training stops; SMOTENC has to make them first."""
_WITH_THE_BLEND = {BLEND, *(name for members in BLENDED.values() for name, _, _ in members)}


def fit_all(
    experiments: Sequence[Experiment],
    training: pd.DataFrame,
    *,
    encoded: bool = False,
    n_jobs: int | None = None,
    processes: int = 1,
    threads: bool = False,
) -> Iterator[FittedModel]:
    """Yield the model of each experiment, in order; the same whatever the number of cores and processes.

    Arguments are those of `fit_experiment`, and how many groups of experiments are fitted at a time, each forest on one
    core then. Where `threads` take the place of processes, forests use every core: one grows while stops are resampled
    for another.
    """
    groups = [list(group) for _, group in groupby(experiments, key=_shares_with)]
    if processes > 1 and not threads:
        n_jobs = 1
    tasks = (partial(_fit_group, group, training, encoded=encoded, n_jobs=n_jobs) for group in groups)
    costs = [_FIT_ON[group[0].resampling] for group in groups]
    for fitted in side_by_side(tasks, min(processes, len(groups)), costs=costs, threads=threads):
        yield from fitted


def _shares_with(experiment: Experiment) -> tuple[str, ...]:
    """Return what experiments that may share fits have in common."""
    kind = BLEND if experiment.estimator in _WITH_THE_BLEND else experiment.estimator
    return experiment.outcome, experiment.feature_set, experiment.resampling, kind


def _fit_group(
    group: Sequence[Experiment], training: pd.DataFrame, *, encoded: bool, n_jobs: int | None
) -> list[FittedModel]:
    shared = SharedFits()
    return [fit_experiment(experiment, training, encoded=encoded, n_jobs=n_jobs, shared=shared) for experiment in group]
