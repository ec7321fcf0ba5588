"""The fitted models of a test year, an asset for each group of experiments, and the 2021 study run its own way."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg
import pandas as pd

from sqf_pipeline.modelling.experiments import (
    Experiment,
    imbalance_experiments,
    resampled_experiments,
    study_experiments,
    tier_experiments,
    within_forms,
)
from sqf_pipeline.orchestration import io_managers
from sqf_pipeline.orchestration.assets.labels import FITTED, TABLES, as_table, described
from sqf_pipeline.orchestration.partitions import STUDY_WINDOW, TEST_YEARS, in_year_order, years_loaded
from sqf_pipeline.orchestration.resources import Compute, PublishedFiles
from sqf_pipeline.orchestration.stored_models import MADE_FROM, FittedModelsIOManager, digest_of_all
from sqf_pipeline.orchestration.study_ahead import StudyAhead
from sqf_pipeline.orchestration.versions import version_of
from sqf_pipeline.registry.declared_tables import result_frame
from sqf_pipeline.registry.forms.published_forms import forms_of_years

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqf_pipeline.modelling.fitting import FittedModel


def _fitted_asset(
    name: str,
    experiments: Callable[[pd.DataFrame, tuple[str, ...], Compute], Sequence[Experiment]],
    *,
    description: str,
    encoded: bool = False,
) -> dg.AssetsDefinition:
    """Return an asset of models, each fitted when the IO manager asks for it, so that one is in memory.

    They are fitted on training stops or, where `encoded`, on the study's features.
    """

    @dg.asset(
        name=name,
        partitions_def=TEST_YEARS,
        ins={"training": dg.AssetIn("training_features" if encoded else "training_stops")},
        description=description,
        **described("models" if encoded else "evaluation", FITTED),
    )
    def models_of_year(
        context: dg.AssetExecutionContext,
        training: pd.DataFrame,
        compute: dg.ResourceParam[Compute],
        fitted_models: dg.ResourceParam[FittedModelsIOManager],
    ) -> dg.Output[Any]:
        from sqf_pipeline.modelling.experiment_groups import fit_all

        made_from = digest_of_all(version_of(context.assets_def), context.partition_key, training)
        unchanged = fitted_models.unchanged(context.asset_key, context.partition_key, made_from)
        if unchanged is not None:
            context.log.info("the models of %s are kept: stops, code and packages are the same", name)
            return dg.Output(unchanged, metadata={MADE_FROM: made_from})
        forms = forms_of_years([*training["year"].unique(), int(context.partition_key)])

        def fitted() -> "Iterator[FittedModel]":
            with compute.engine():
                possible, left_out = within_forms(experiments(training, forms, compute), forms)
                if left_out:
                    context.log.warning("%s", left_out)
                # encoded: forests grown to purity, which are too large to hand over
                for model in fit_all(
                    possible, training, encoded=encoded, n_jobs=compute.n_jobs, processes=compute.processes,
                    threads=encoded,
                ):  # fmt: skip
                    context.log.info("fitted %s", model.name)
                    yield model

        return dg.Output(fitted(), metadata={MADE_FROM: made_from})

    return models_of_year


def _of_outcome(outcome: str) -> Callable[[pd.DataFrame, tuple[str, ...], Compute], Sequence[Experiment]]:
    return lambda *_: [experiment for experiment in study_experiments() if experiment.outcome == outcome]


def _to_serve(training_stops: pd.DataFrame, forms: tuple[str, ...], compute: Compute) -> Sequence[Experiment]:
    from sqf_pipeline.evaluation.compared_models import experiments_to_serve

    return experiments_to_serve(training_stops, forms, processes=compute.processes)


arrest_model = _fitted_asset(
    "arrest_model",
    _of_outcome("arrest"),
    description="Forests for arrests with the study's settings, on its columns, in its bins and in finer categories.",
    encoded=True,
)
summons_model = _fitted_asset(
    "summons_model",
    _of_outcome("summons"),
    description="Forests for summonses with the study's settings, on its columns, in its bins and in finer categories.",
    encoded=True,
)
resampled_summons_models = _fitted_asset(
    "resampled_summons_models",
    lambda *_: resampled_experiments(),
    description="Forests for summonses on training stops that were under-sampled, over-sampled or filled up by "
    "SMOTENC. Only training stops are ever resampled.",
    encoded=True,
)
tier_models = _fitted_asset(
    "tier_models",
    lambda *_: tier_experiments(),
    description="Each outcome at each tier of information: the constant, logistic regression, a tuned forest and "
    "gradient boosting, calibrated on the last training year.",
)
imbalance_models = _fitted_asset(
    "imbalance_models",
    lambda *_: imbalance_experiments(),
    description="Ways with a rare outcome: class weights, balanced forest, and resampling, each calibrated on stops "
    "that it did not see.",
)
served_models = _fitted_asset(
    "served_models",
    _to_serve,
    description="The models that the service answers from: forests of the study's twelve fields, and for each other "
    "tier the forest or boosting of the twelve or sixteen most important columns that did best on the last training "
    "year.",
)


@dg.asset(
    partitions_def=TEST_YEARS,
    ins={"raw_stops": dg.AssetIn(partition_mapping=STUDY_WINDOW)},
    metadata={io_managers.TABLE: "study_2021_comparison"},
    **described("models", TABLES, table="study_2021_comparison"),
)
def study_2021(
    context: dg.AssetExecutionContext,
    raw_stops: dict[str, pd.DataFrame],
    published_files: dg.ResourceParam[PublishedFiles],
    models: pd.DataFrame,
    predictions: pd.DataFrame,
    compute: dg.ResourceParam[Compute],
    study_ahead: dg.ResourceParam[StudyAhead],
) -> dg.Output[Any]:
    """Run the study its own way."""
    from sqf_pipeline.evaluation.result_rows import study_figures
    from sqf_pipeline.modelling.side_by_side import one_thread
    from sqf_pipeline.study_2021.replication import run_study_2021

    test_year = int(context.partition_key)
    years = years_loaded(context, "raw_stops")
    source = published_files.origin(test_year)
    if left_out := within_forms(study_experiments(), forms_of_years(years))[1]:
        context.log.warning("The 2021 study is not run its own way. %s", left_out)
        empty = result_frame("study_2021_comparison", [])
        return dg.Output(empty.assign(test_year=test_year, source=source), metadata={"comparison": left_out})
    with compute.engine(), one_thread():  # of the regressions: their last digit depends on how many there are
        comparison = run_study_2021(
            dict(zip(years, in_year_order(raw_stops, years), strict=True)),
            test_year,
            real_source=source != "sample",
            ours=study_figures(models, predictions),
            n_jobs=compute.n_jobs,
            side_by_side=compute.processes > 1,
            measured=study_ahead.take(test_year, years),
        )
    rows = comparison.assign(test_year=test_year, source=source)
    return dg.Output(rows, metadata={"comparison": as_table(comparison, rows=100)})
