"""Models of a test year, and what they say about its stops.

What belongs here: the models of the plain pipeline, their result tables, and the 2021 study run its own way. What
does not: how a model is made, fitted or measured (`modelling`), and the extended models and measures (`evaluation`).
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg
import pandas as pd

from sqf_pipeline.modelling.experiments import (
    Experiment,
    extended_experiments,
    named_to_serve,
    plain_experiments,
    resampled_experiments,
    study_experiments,
)
from sqf_pipeline.orchestration import io_managers
from sqf_pipeline.orchestration.assets.labels import FITTED, FRAMES_AND_TABLES, TABLES, as_table, described
from sqf_pipeline.orchestration.checks import gate_spec, through_gate
from sqf_pipeline.orchestration.partitions import (
    STUDY_WINDOW,
    TEST_YEARS,
    in_year_order,
    training_years,
)
from sqf_pipeline.orchestration.resources import Compute, PublishedFiles
from sqf_pipeline.orchestration.stored_models import StoredModels

if TYPE_CHECKING:
    from sqf_pipeline.modelling.fitting import FittedModel

_GROUP = "models"
PLAIN_MODELS = tuple(sorted(experiment.name for experiment in plain_experiments()))
EXTENDED_MODELS = tuple(sorted(experiment.name for experiment in (*extended_experiments(), *named_to_serve())))
_OURS = {io_managers.MODELS: list(PLAIN_MODELS), io_managers.NOT_MODELS: list(EXTENDED_MODELS)}


def fit_all(
    context: dg.AssetExecutionContext, experiments: Sequence[Experiment], training_stops: pd.DataFrame, compute: Compute
) -> dg.Output[Any]:
    """Return the models of experiments, each fitted when the IO manager asks for it, so that one is in memory."""
    from sqf_pipeline.modelling.fitting import fit_experiment

    def fitted() -> "Iterator[FittedModel]":
        with compute.engine():
            for experiment in experiments:
                context.log.info("fitting %s", experiment.name)
                yield fit_experiment(experiment, training_stops, n_jobs=compute.n_jobs)

    return dg.Output(fitted())


@dg.asset(
    partitions_def=TEST_YEARS,
    deps=["training_features"],
    description="Forests for arrests with the study's settings, on its columns, in its bins and in finer categories.",
    **described(_GROUP, FITTED),
)
def arrest_model(
    context: dg.AssetExecutionContext, training_stops: pd.DataFrame, compute: dg.ResourceParam[Compute]
) -> dg.Output[Any]:
    """Fit the forests for arrests."""
    return fit_all(context, [each for each in study_experiments() if each.outcome == "arrest"], training_stops, compute)


@dg.asset(
    partitions_def=TEST_YEARS,
    deps=["training_features"],
    description="Forests for summonses with the study's settings, on its columns, in its bins and in finer categories.",
    **described(_GROUP, FITTED),
)
def summons_model(
    context: dg.AssetExecutionContext, training_stops: pd.DataFrame, compute: dg.ResourceParam[Compute]
) -> dg.Output[Any]:
    """Fit the forests for summonses."""
    return fit_all(
        context, [each for each in study_experiments() if each.outcome == "summons"], training_stops, compute
    )


@dg.asset(
    partitions_def=TEST_YEARS,
    deps=["training_features"],
    description="Forests for summonses on training stops that were under-sampled, over-sampled or filled up by "
    "SMOTENC. Only training stops are ever resampled.",
    **described(_GROUP, FITTED),
)
def resampled_summons_models(
    context: dg.AssetExecutionContext, training_stops: pd.DataFrame, compute: dg.ResourceParam[Compute]
) -> dg.Output[Any]:
    """Fit the forests for summonses on resampled stops."""
    return fit_all(context, resampled_experiments(), training_stops, compute)


@dg.asset(
    partitions_def=TEST_YEARS,
    ins={"source_files": dg.AssetIn(partition_mapping=STUDY_WINDOW)},
    metadata=_OURS,
    description="What each model is: outcome, columns, settings, training years and counts, digests of the stops it "
    "was fitted on and measured with, package versions, source.",
    **described(_GROUP, TABLES),
)
def models(
    context: dg.AssetExecutionContext,
    published_files: dg.ResourceParam[PublishedFiles],
    arrest_model: StoredModels,
    summons_model: StoredModels,
    resampled_summons_models: StoredModels,
    training_stops: pd.DataFrame,
    test_stops: pd.DataFrame,
    source_files: dict[str, pd.DataFrame],
) -> dg.Output[Any]:
    """Write down what the models are."""
    from sqf_pipeline.evaluation.result_rows import model_rows
    from sqf_pipeline.year_checks.completeness import combined_coverage

    told = [model for stored in (arrest_model, summons_model, resampled_summons_models) for model in stored.described()]
    test_year = int(context.partition_key)
    files = pd.concat(in_year_order(source_files, (*training_years(test_year), test_year)), ignore_index=True)
    rows = model_rows(
        told, training_stops, test_stops, test_year=test_year, source=published_files.origin(test_year)
    ).assign(coverage=combined_coverage(files["coverage"]))
    return dg.Output(rows, metadata={"models": as_table(rows[["model", "estimator", "resampling", "training_rows"]])})


@dg.multi_asset(
    name="predictions",
    partitions_def=TEST_YEARS,
    deps=["models"],
    outs={
        "predictions": dg.AssetOut(
            description="Score and probability of every model for every test stop, and what happened. For audit.",
            metadata=_OURS,
            **described(_GROUP, FRAMES_AND_TABLES, personal=True),
        ),
        "feature_importances": dg.AssetOut(
            description="What each forest leans on, by mean decrease in impurity, summed up to columns.",
            metadata=_OURS,
            **described(_GROUP, TABLES),
        ),
    },
    check_specs=[
        gate_spec("predictions", TEST_YEARS, "Every model scores every test stop, with probabilities from 0 to 1.")
    ],
)
def predictions(
    context: dg.AssetExecutionContext,
    published_files: dg.ResourceParam[PublishedFiles],
    arrest_model: StoredModels,
    summons_model: StoredModels,
    resampled_summons_models: StoredModels,
    test_stops: pd.DataFrame,
) -> Iterator[Any]:
    """Let the models score the test stops."""
    yield from score_all(
        int(context.partition_key),
        published_files,
        (arrest_model, summons_model, resampled_summons_models),
        test_stops,
        outputs=("predictions", "feature_importances"),
    )


def score_all(
    test_year: int,
    published_files: PublishedFiles,
    stored: Sequence[StoredModels],
    test_stops: pd.DataFrame,
    *,
    outputs: tuple[str, str],
) -> Iterator[Any]:
    """Read each model once, and yield its predictions, behind their gate, and its impurity importances."""
    from sqf_pipeline.contracts.features import predictions_contract
    from sqf_pipeline.evaluation.result_rows import importance_rows, prediction_rows

    source = published_files.origin(test_year)
    scored, importances = [], []
    for each in stored:
        for model in each:
            scored.append(prediction_rows([model], test_stops, test_year=test_year, source=source))
            importances.append(importance_rows([model], test_year=test_year, source=source))
    yield from through_gate(
        predictions_contract(test_year, len(test_stops)),
        pd.concat(scored, ignore_index=True),
        asset=outputs[0],
        output_name=outputs[0],
    )
    ranked = pd.concat(importances, ignore_index=True)
    yield dg.Output(ranked, output_name=outputs[1], metadata={"first": as_table(ranked[ranked["rank"] <= 3])})


@dg.asset(
    partitions_def=TEST_YEARS,
    deps=["models"],
    metadata=_OURS,
    check_specs=[
        gate_spec("model_metrics", TEST_YEARS, "Shares lie between 0 and 1, and no more positives than stops.")
    ],
    description="Measures of each model on the stops of the test year, one row a model.",
    **described(_GROUP, TABLES),
)
def model_metrics(
    context: dg.AssetExecutionContext,
    published_files: dg.ResourceParam[PublishedFiles],
    arrest_model: StoredModels,
    summons_model: StoredModels,
    resampled_summons_models: StoredModels,
    predictions: pd.DataFrame,
) -> Iterator[Any]:
    """Measure the models."""
    stored = (arrest_model, summons_model, resampled_summons_models)
    yield from measure_all(int(context.partition_key), published_files, stored, predictions, asset="model_metrics")


def measure_all(
    test_year: int,
    published_files: PublishedFiles,
    stored: Sequence[StoredModels],
    predictions: pd.DataFrame,
    *,
    asset: str,
) -> Iterator[Any]:
    """Yield the measures of models behind their gate."""
    from sqf_pipeline.contracts.features import metrics_contract
    from sqf_pipeline.evaluation.result_rows import metric_rows

    told = [model for each in stored for model in each.described()]
    rows = metric_rows(told, predictions, test_year=test_year, source=published_files.origin(test_year))
    shown = rows[["model", "accuracy", "roc_auc", "average_precision", "brier_score", "recall", "precision"]]
    yield from through_gate(metrics_contract(test_year), rows, asset=asset, metadata={"measures": as_table(shown)})


@dg.asset(
    partitions_def=TEST_YEARS,
    deps=["models"],
    metadata=_OURS,
    description="Test stops by outcome and by whether a model flags them, one row a model and threshold.",
    **described(_GROUP, TABLES),
)
def confusion_matrices(
    context: dg.AssetExecutionContext,
    published_files: dg.ResourceParam[PublishedFiles],
    arrest_model: StoredModels,
    summons_model: StoredModels,
    resampled_summons_models: StoredModels,
    predictions: pd.DataFrame,
) -> dg.Output[Any]:
    """Count the cells."""
    stored = (arrest_model, summons_model, resampled_summons_models)
    return count_all(int(context.partition_key), published_files, stored, predictions)


def count_all(
    test_year: int, published_files: PublishedFiles, stored: Sequence[StoredModels], predictions: pd.DataFrame
) -> dg.Output[Any]:
    """Return the confusion matrices of models."""
    from sqf_pipeline.evaluation.result_rows import confusion_rows

    told = [model for each in stored for model in each.described()]
    rows = confusion_rows(told, predictions, test_year=test_year, source=published_files.origin(test_year))
    return dg.Output(rows, metadata={"matrices": as_table(rows.drop(columns=["test_year", "source"]), rows=100)})


@dg.asset(
    partitions_def=TEST_YEARS,
    ins={"raw_stops": dg.AssetIn(partition_mapping=STUDY_WINDOW)},
    metadata={io_managers.TABLE: "study_2021_comparison"},
    description="The 2021 study run its own way, faults included, beside its published figures and ours.",
    **described(_GROUP, TABLES),
)
def study_2021(
    context: dg.AssetExecutionContext,
    raw_stops: dict[str, pd.DataFrame],
    published_files: dg.ResourceParam[PublishedFiles],
    models: pd.DataFrame,
    predictions: pd.DataFrame,
    compute: dg.ResourceParam[Compute],
) -> dg.Output[Any]:
    """Run the study its own way."""
    from sqf_pipeline.evaluation.result_rows import study_figures
    from sqf_pipeline.study_2021.replication import run_study_2021

    test_year = int(context.partition_key)
    years = (*training_years(test_year), test_year)
    source = published_files.origin(test_year)
    with compute.engine():
        study = run_study_2021(
            dict(zip(years, in_year_order(raw_stops, years), strict=True)),
            test_year,
            real_source=source != "sample",
            ours=study_figures(models, predictions),
            n_jobs=compute.n_jobs,
        )
    rows = study.comparison.assign(test_year=test_year, source=source)
    return dg.Output(rows, metadata={"comparison": as_table(study.comparison, rows=100)})


__all__ = [
    "EXTENDED_MODELS",
    "PLAIN_MODELS",
    "arrest_model",
    "confusion_matrices",
    "count_all",
    "fit_all",
    "measure_all",
    "model_metrics",
    "models",
    "predictions",
    "resampled_summons_models",
    "score_all",
    "study_2021",
    "summons_model",
]
