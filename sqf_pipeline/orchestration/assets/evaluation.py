"""Models at every tier, and measures with intervals, by groups of people, and of drift.

What belongs here: the extended models and the result tables of the whole evaluation. What does not: measures
themselves (`modelling`), and the plain models (`models`).

The extended models share tables with the plain ones; each side replaces the rows of its own models.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pandas as pd

from sqf_pipeline.modelling.experiments import imbalance_experiments, tier_experiments
from sqf_pipeline.modelling.feature_sets import HIGHEST_GAP_AUC
from sqf_pipeline.orchestration import io_managers
from sqf_pipeline.orchestration.assets.labels import FITTED, FRAMES_AND_TABLES, TABLES, as_table, described
from sqf_pipeline.orchestration.assets.models import EXTENDED_MODELS, PLAIN_MODELS, fit_all
from sqf_pipeline.orchestration.checks import gate_spec, require_no_failed_drift, through_gate, yearly_check
from sqf_pipeline.orchestration.partitions import TEST_YEARS
from sqf_pipeline.orchestration.resources import Compute, PublishedFiles
from sqf_pipeline.orchestration.stored_models import StoredModels

_GROUP = "evaluation"


def _shared(table: str) -> dict[str, Any]:
    return {
        io_managers.TABLE: table,
        io_managers.MODELS: list(EXTENDED_MODELS),
        io_managers.NOT_MODELS: list(PLAIN_MODELS),
    }


@dg.asset(
    partitions_def=TEST_YEARS,
    deps=["training_features"],
    description="Each outcome at each tier of information: the constant, logistic regression, a tuned forest and "
    "gradient boosting, calibrated on the last training year.",
    **described(_GROUP, FITTED),
)
def tier_models(
    context: dg.AssetExecutionContext, training_stops: pd.DataFrame, compute: dg.ResourceParam[Compute]
) -> dg.Output[Any]:
    """Fit the models of the tiers."""
    return fit_all(context, tier_experiments(), training_stops, compute)


@dg.asset(
    partitions_def=TEST_YEARS,
    deps=["training_features"],
    description="Ways with a rare outcome: class weights, balanced forest, and resampling, each calibrated on stops "
    "that it did not see.",
    **described(_GROUP, FITTED),
)
def imbalance_models(
    context: dg.AssetExecutionContext, training_stops: pd.DataFrame, compute: dg.ResourceParam[Compute]
) -> dg.Output[Any]:
    """Fit the models for a rare outcome."""
    return fit_all(context, imbalance_experiments(), training_stops, compute)


@dg.asset(
    partitions_def=TEST_YEARS,
    deps=["training_features"],
    description="Forests on twelve columns, which the service answers from: the study's twelve fields, and those "
    "that matter most at each other tier, chosen on training stops.",
    **described(_GROUP, FITTED),
)
def served_models(
    context: dg.AssetExecutionContext, training_stops: pd.DataFrame, compute: dg.ResourceParam[Compute]
) -> dg.Output[Any]:
    """Choose twelve columns and fit forests on them."""
    from sqf_pipeline.evaluation.compared_models import experiments_to_serve

    with compute.engine():
        experiments = experiments_to_serve(training_stops, n_jobs=compute.n_jobs)
    return fit_all(context, experiments, training_stops, compute)


@dg.asset(
    partitions_def=TEST_YEARS,
    metadata=_shared("models"),
    description="What each extended model is; rows of the table `models`.",
    **described(_GROUP, TABLES),
)
def extended_models(
    context: dg.AssetExecutionContext,
    models: pd.DataFrame,
    published_files: dg.ResourceParam[PublishedFiles],
    tier_models: StoredModels,
    imbalance_models: StoredModels,
    served_models: StoredModels,
    training_stops: pd.DataFrame,
    test_stops: pd.DataFrame,
) -> pd.DataFrame:
    """Write down what the extended models are."""
    from sqf_pipeline.evaluation.result_rows import model_rows

    told = [model for stored in (tier_models, imbalance_models, served_models) for model in stored.described()]
    test_year = int(context.partition_key)
    return model_rows(
        told, training_stops, test_stops, test_year=test_year, source=published_files.origin(test_year)
    ).assign(coverage=models["coverage"].iloc[0])


@dg.asset(
    partitions_def=TEST_YEARS,
    check_specs=[
        yearly_check(
            "no_gap_tells_the_outcome",
            "gap_marks",
            TEST_YEARS,
            f"What is missing of a stop does not tell its outcome: boosting on the gaps that a model at the stop could "
            f"see has a ROC AUC below {HIGHEST_GAP_AUC:g}.",
            blocking=True,
        )
    ],
    description="What the gaps of stops alone tell of their outcomes, by set of columns.",
    **described(_GROUP, TABLES),
)
def gap_marks(
    context: dg.AssetExecutionContext,
    published_files: dg.ResourceParam[PublishedFiles],
    training_stops: pd.DataFrame,
    test_stops: pd.DataFrame,
) -> Iterator[Any]:
    """Rank the outcomes of the test year by gaps alone."""
    from sqf_pipeline.evaluation.gap_marks import measure_gap_marks

    test_year = int(context.partition_key)
    table = measure_gap_marks(training_stops, test_stops)
    failed, doubtful = (int((table["status"] == status).sum()) for status in ("fail", "warn"))
    yield dg.Output(
        table.assign(test_year=test_year, source=published_files.origin(test_year)),
        metadata={"measured": as_table(table)},
    )
    yield dg.AssetCheckResult(
        asset_key="gap_marks",
        check_name="no_gap_tells_the_outcome",
        passed=not failed and not doubtful,
        severity=dg.AssetCheckSeverity.ERROR if failed else dg.AssetCheckSeverity.WARN,
        description=f"Gaps at the stop tell {failed} outcomes; {doubtful} more reach the limit, which chance could do.",
        metadata={"measured": as_table(table)},
    )


def _table_out(description: str, table: str | None = None) -> dg.AssetOut:
    return dg.AssetOut(
        description=description,
        metadata=_shared(table) if table else None,
        **described(_GROUP, TABLES),
    )


@dg.multi_asset(
    name="evaluation",
    partitions_def=TEST_YEARS,
    deps=["models"],
    outs={
        "extended_predictions": dg.AssetOut(
            description="What every extended model says about every test stop; rows of the table `predictions`.",
            metadata=_shared("predictions"),
            **described(_GROUP, FRAMES_AND_TABLES, personal=True),
        ),
        "extended_metrics": _table_out("Measures of the extended models; rows of `model_metrics`.", "model_metrics"),
        "extended_confusion_matrices": _table_out(
            "Confusion matrices of the extended models at each threshold.", "confusion_matrices"
        ),
        "extended_importances": _table_out(
            "What the extended models lean on: by impurity, and the forests of each tier by permutation on test stops.",
            "feature_importances",
        ),
        "metric_intervals": _table_out("Every measure of every model with its bootstrap interval."),
        "metric_differences": _table_out("Whether a model is better than the forest of its tier, on paired resamples."),
        "threshold_metrics": _table_out("Measures at each threshold chosen on the last training year."),
        "calibration_bins": _table_out("Foreseen and observed shares by bins of equal mass."),
        "subgroup_metrics": _table_out("Measures by race, sex, age band and borough; small groups are not shown."),
    },
    check_specs=[
        gate_spec(
            "extended_predictions", TEST_YEARS, "Every model scores every test stop, with probabilities from 0 to 1."
        ),
        gate_spec("extended_metrics", TEST_YEARS, "Shares lie between 0 and 1, and no more positives than stops."),
    ],
)
def evaluation(
    context: dg.AssetExecutionContext,
    published_files: dg.ResourceParam[PublishedFiles],
    extended_models: pd.DataFrame,
    arrest_model: StoredModels,
    summons_model: StoredModels,
    resampled_summons_models: StoredModels,
    tier_models: StoredModels,
    imbalance_models: StoredModels,
    served_models: StoredModels,
    test_stops: pd.DataFrame,
) -> Iterator[Any]:
    """Measure every model on the same resamples of the test year, reading one after another."""
    from sqf_pipeline.contracts.features import metrics_contract, predictions_contract
    from sqf_pipeline.evaluation.compared_models import MAIN_MODELS, compared_pairs, of_test_year, permutation_rows
    from sqf_pipeline.evaluation.model_evaluation import compare, evaluate, evaluate_groups, prepare_test_year
    from sqf_pipeline.evaluation.result_rows import importance_rows

    test_year = int(context.partition_key)
    origin: dict[str, Any] = {"test_year": test_year, "source": published_files.origin(test_year)}
    test = prepare_test_year(test_stops)
    extended_names = set(extended_models["model"])
    evaluations, importances, groups, told = {}, [], [], []
    plain = (arrest_model, summons_model, resampled_summons_models)
    for stored in (*plain, tier_models, imbalance_models, served_models):
        told += stored.described()
        for model in stored:
            evaluations[model.name] = evaluate(model, test)
            if model.name in extended_names and hasattr(model.pipeline[-1], "feature_importances_"):
                importances.append(importance_rows([model], **origin))
            if model.name in MAIN_MODELS:
                importances.append(permutation_rows(model, test))
                groups.append(evaluate_groups(evaluations[model.name], test))
    extended = [evaluations[name] for name in evaluations if name in extended_names]
    every = list(evaluations.values())

    yield from through_gate(
        predictions_contract(test_year, len(test_stops)),
        of_test_year([each.predictions for each in extended], **origin)[
            ["test_year", "model", "year", "stop_id", "score", "probability", "actual", "source"]
        ],
        asset="extended_predictions",
        output_name="extended_predictions",
    )
    yield from through_gate(
        metrics_contract(test_year),
        of_test_year([each.model_metrics for each in extended], **origin),
        asset="extended_metrics",
        output_name="extended_metrics",
    )
    tables = {
        "extended_confusion_matrices": [each.confusion_matrices for each in extended],
        "extended_importances": importances,
        "metric_intervals": [each.metric_intervals for each in every],
        "metric_differences": [compare(evaluations, compared_pairs(told))],
        "threshold_metrics": [each.threshold_metrics for each in every],
        "calibration_bins": [each.calibration_bins for each in every],
        "subgroup_metrics": groups,
    }
    for name, frames in tables.items():
        table = of_test_year(frames, **origin)
        shown = table.drop(columns=["test_year", "source"])
        yield dg.Output(table, output_name=name, metadata={"rows": len(table), "first": as_table(shown, rows=40)})


@dg.asset(
    partitions_def=TEST_YEARS,
    check_specs=[
        yearly_check(
            "stops_like_those_of_training",
            "drift",
            TEST_YEARS,
            "No number changed its unit or can no longer be read (fails: no card, charts and export are made), and no "
            "column shifted or lost values (warns).",
            blocking=True,
        )
    ],
    description="How the stops of the test year differ from those of its training years, column by column.",
    **described(_GROUP, TABLES),
)
def drift(
    context: dg.AssetExecutionContext,
    published_files: dg.ResourceParam[PublishedFiles],
    training_stops: pd.DataFrame,
    test_stops: pd.DataFrame,
) -> Iterator[Any]:
    """Compare the test year with its training years."""
    from sqf_pipeline.evaluation.drift import measure_drift

    test_year = int(context.partition_key)
    table = measure_drift(test_stops, training_stops)
    found = table[table["status"] != "ok"].sort_values(["status", "column_name"])
    failed = int((table["status"] == "fail").sum())
    yield dg.Output(
        table.assign(test_year=test_year, source=published_files.origin(test_year)),
        metadata={"not_ok": as_table(found)},
    )
    yield dg.AssetCheckResult(
        asset_key="drift",
        check_name="stops_like_those_of_training",
        passed=found.empty,
        severity=dg.AssetCheckSeverity.ERROR if failed else dg.AssetCheckSeverity.WARN,
        description=f"{failed} measures say that a unit changed or a column can no longer be read; "
        f"{len(found) - failed} that one shifted.",
        metadata={"not_ok": as_table(found)},
    )
    require_no_failed_drift(table, test_year)


__all__ = ["drift", "evaluation", "extended_models", "gap_marks", "imbalance_models", "served_models", "tier_models"]
