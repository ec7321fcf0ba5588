"""What models say of their test year and how good that is, and how its stops differ from those of training."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import dagster as dg
import pandas as pd

from sqf_pipeline.modelling.feature_sets import HIGHEST_GAP_AUC
from sqf_pipeline.orchestration.assets.labels import TABLES, as_table, described
from sqf_pipeline.orchestration.checks import (
    gate_spec,
    require_no_failed_drift,
    require_no_telling_gap,
    through_gate,
    yearly_check,
)
from sqf_pipeline.orchestration.partitions import STUDY_WINDOW, TEST_YEARS, in_year_order, years_loaded
from sqf_pipeline.orchestration.resources import Compute, PublishedFiles
from sqf_pipeline.orchestration.stored_models import IF_FITTED, StoredModels

_GROUP = "evaluation"
_OF_EVERY_RUN = ("models", "predictions", "model_metrics", "confusion_matrices", "feature_importances")
_OF_A_FULL_RUN = (
    "metric_intervals", "metric_differences", "threshold_metrics", "calibration_bins", "subgroup_metrics",
    "outcome_counts", "risk_concentration", "precision_at_recall",
)  # fmt: skip


@dg.multi_asset(
    name="results",
    partitions_def=TEST_YEARS,
    can_subset=True,
    ins={
        "source_files": dg.AssetIn(partition_mapping=STUDY_WINDOW),
        **{name: dg.AssetIn(metadata=IF_FITTED) for name in ("tier_models", "imbalance_models", "served_models")},
    },
    outs={
        name: dg.AssetOut(is_required=False, **described(group, TABLES, table=name, personal=name == "predictions"))
        for group, tables in (("models", _OF_EVERY_RUN), (_GROUP, _OF_A_FULL_RUN))
        for name in tables
    },
    check_specs=[
        gate_spec("predictions", TEST_YEARS, "Every model scores every test stop, with probabilities from 0 to 1."),
        gate_spec("model_metrics", TEST_YEARS, "Shares lie between 0 and 1, and no more positives than stops."),
    ],
)
def results(
    context: dg.AssetExecutionContext,
    published_files: dg.ResourceParam[PublishedFiles],
    arrest_model: StoredModels,
    summons_model: StoredModels,
    resampled_summons_models: StoredModels,
    tier_models: StoredModels,
    imbalance_models: StoredModels,
    served_models: StoredModels,
    training_stops: pd.DataFrame,
    test_stops: pd.DataFrame,
    test_features: pd.DataFrame,
    source_files: dict[str, pd.DataFrame],
    compute: dg.ResourceParam[Compute],
) -> Iterator[Any]:
    """Measure the study's forests; every model, and on resamples too, where tables with intervals are asked for."""
    from sqf_pipeline.contracts.result_contracts import metrics_contract, predictions_contract
    from sqf_pipeline.evaluation.bootstrap import RESAMPLES
    from sqf_pipeline.evaluation.model_evaluation import evaluate_all
    from sqf_pipeline.evaluation.prepared_test_year import prepare_test_year
    from sqf_pipeline.evaluation.result_rows import model_rows, outcome_counts
    from sqf_pipeline.year_checks.completeness import combined_coverage

    test_year = int(context.partition_key)
    wanted = {key.path[-1] for key in context.selected_asset_keys}
    full = not wanted.isdisjoint(_OF_A_FULL_RUN)
    groups = [arrest_model, summons_model, resampled_summons_models]
    if full:
        groups += [tier_models, imbalance_models, served_models]
    told = [model for group in groups for model in group.described()]
    if not told:
        raise dg.Failure(
            f"No model of {test_year} was fitted: the columns of the 2021 study are not in the files of all of its "
            "years. Use `sqf run --full`, or the job yearly_rerun, which fits models on the columns that are.",
            allow_retries=False,
        )
    test = prepare_test_year(test_stops, test_features, resamples=RESAMPLES if full else 0)
    models = (partial(group.__getitem__, name) for group in groups for name in group.names)
    tables = evaluate_all(models, test, processes=compute.processes, threads=not full)
    files = pd.concat(in_year_order(source_files, years_loaded(context, "source_files")), ignore_index=True)
    tables["models"] = model_rows(told, training_stops, test_stops).assign(
        coverage=combined_coverage(files["coverage"])
    )
    if full:
        counted = (outcome_counts(stops) for stops in (training_stops, test_stops))
        tables["outcome_counts"] = pd.concat(counted, ignore_index=True)
    contracts = {
        "predictions": predictions_contract(test_year, len(test_stops)),
        "model_metrics": metrics_contract(test_year),
    }
    for name in (name for name in (*_OF_EVERY_RUN, *_OF_A_FULL_RUN) if name in wanted):
        shown = {} if name == "predictions" else {"first": as_table(tables[name])}
        rows = tables[name].assign(test_year=test_year, source=published_files.origin(test_year))
        if name in contracts:
            yield from through_gate(contracts[name], rows, asset=name, output_name=name, metadata=shown)
        else:
            yield dg.Output(rows, output_name=name, metadata={"rows": len(rows), **shown})


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
    **described(_GROUP, TABLES, table="gap_marks"),
)
def gap_marks(
    context: dg.AssetExecutionContext,
    published_files: dg.ResourceParam[PublishedFiles],
    training_stops: pd.DataFrame,
    test_stops: pd.DataFrame,
    compute: dg.ResourceParam[Compute],
) -> Iterator[Any]:
    """Rank the outcomes of the test year by gaps alone."""
    from sqf_pipeline.evaluation.gap_marks import measure_gap_marks

    test_year = int(context.partition_key)
    table = measure_gap_marks(training_stops, test_stops, processes=compute.processes)
    told = "Gaps at the stop tell {fail} outcomes; {warn} more reach the limit, which chance could do."
    rows = table.assign(test_year=test_year, source=published_files.origin(test_year))
    yield from _judged("gap_marks", "no_gap_tells_the_outcome", rows, table, told)
    require_no_telling_gap(table, test_year)


def _judged(asset: str, check: str, rows: pd.DataFrame, shown: pd.DataFrame, told: str) -> Iterator[Any]:
    """Yield rows with a column `status`, and the check that none of them fails or warns."""
    found = {status: int((rows["status"] == status).sum()) for status in ("fail", "warn")}
    measured = {"measured": as_table(shown)}
    yield dg.Output(rows, metadata=measured)
    yield dg.AssetCheckResult(
        asset_key=asset,
        check_name=check,
        passed=not any(found.values()),
        severity=dg.AssetCheckSeverity.ERROR if found["fail"] else dg.AssetCheckSeverity.WARN,
        description=told.format(**found),
        metadata=measured,
    )


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
    **described(_GROUP, TABLES, table="drift"),
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
    told = "{fail} measures say that a unit changed or a column can no longer be read; {warn} that one shifted."
    rows = table.assign(test_year=test_year, source=published_files.origin(test_year))
    yield from _judged("drift", "stops_like_those_of_training", rows, found, told)
    require_no_failed_drift(table, test_year)
