"""Tables of models and of what is measured on them.

What belongs here: `models`, the dimension to which every result refers by (test_year, model), and the tables of
results. What does not: tables of stops (`stop_tables`), and the measures' definitions (`modelling.measures`, from
which the columns of `model_metrics` are made).
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from sqf_pipeline.evaluation.metrics import METRICS
from sqf_pipeline.warehouse.column_kinds import (
    OPTIONAL,
    PARTITION,
    at_least_zero,
    between,
    count,
    coverage_column,
    interval,
    number,
    one_of,
    recorded_at,
    reference,
    sha256_of,
    shares,
    source_column,
    source_known,
    stop_id_column,
    text,
    year_column,
    year_range,
)
from sqf_pipeline.year_checks.completeness import COVERAGES

OUTCOMES = ("arrest", "summons")
IMPORTANCE_KINDS = ("impurity", "permutation")
DRIFT_STATUS = ("ok", "warn", "fail")
VERDICTS = ("better", "worse", "undecided")
CELLS = ("tn", "fp", "fn", "tp")
CELL_COMMENTS = {
    "tn": "Stops without the outcome that were not flagged (true negatives).",
    "fp": "Stops without the outcome that were flagged (false positives).",
    "fn": "Stops with the outcome that were not flagged (false negatives).",
    "tp": "Stops with the outcome that were flagged (true positives).",
}
THRESHOLD_METRICS = ("precision", "recall", "f1", "balanced_accuracy", "flagged_share")
SUBGROUP_METRICS = {
    "base_rate": "Share of the group's stops with the outcome.",
    "selection_rate": "Share of the group's stops that the model flags.",
    "false_positive_rate": "Share flagged among the group's stops without the outcome.",
    "false_negative_rate": "Share not flagged among the group's stops with the outcome.",
    "mean_probability": "Mean probability that the model gives the group's stops.",
    "roc_auc": METRICS["roc_auc"].description,
    "expected_calibration_error": METRICS["expected_calibration_error"].description,
}
_SHARES = (
    "roc_auc", "average_precision", "brier_score", "expected_calibration_error", "accuracy", "balanced_accuracy",
    "precision", "recall", "f1", "flagged_share",
)  # fmt: skip


def models_table(metadata: sa.MetaData) -> sa.Table:
    """Return the table of fitted models, with what is needed to fit them again."""
    name = "models"
    return _year_table(
        metadata,
        name,
        [
            year_column("test_year", "Year on whose stops the model is measured."),
            text("model", "Name of the model, unique within its test year."),
        ],
        text("outcome", "What it foretells: arrest or summons."),
        text("feature_set", "Named set of columns that it sees."),
        text("estimator", "Kind of estimator."),
        text("resampling", "How the training stops were resampled; none when they were not."),
        text("calibration", "How scores become probabilities; none when scores are taken as they are."),
        sa.Column("settings", JSONB, nullable=False, comment="Settings of the estimator, as JSON."),
        text("training_years", "Years of the training stops, separated by commas."),
        count("training_rows", "Training stops, before resampling."),
        count("training_positives", "Training stops with the outcome, before resampling."),
        count("fitted_rows", "Training stops after resampling.", nullable=True, info=OPTIONAL),
        count("fitted_positives", "Training stops with the outcome after resampling.", nullable=True, info=OPTIONAL),
        number(
            "held_out_log_loss",
            "Log loss on the last training year, by which the best model is chosen; null where none was held out.",
            info=OPTIONAL,
        ),
        text("training_sha256", "SHA-256 digest of the training stops."),
        text("test_sha256", "SHA-256 digest of the test stops."),
        sa.Column("package_versions", JSONB, nullable=False, comment="Versions of the packages used, as JSON."),
        coverage_column("Training and test years together"),
        year_range(name, "test_year"),
        one_of(name, "coverage", COVERAGES),
        one_of(name, "outcome", OUTCOMES),
        sa.CheckConstraint("model <> ''", name=f"{name}_model_filled"),
        *at_least_zero(name, ["training_positives"]),
        sa.CheckConstraint("training_positives <= training_rows", name=f"{name}_positives_in_rows"),
        sa.CheckConstraint("fitted_positives <= fitted_rows", name=f"{name}_fitted_positives_in_rows"),
        sha256_of(name, "training_sha256"),
        sha256_of(name, "test_sha256"),
        comment="Fitted models: what each foretells, from what, and how it was made.",
    )


def result_tables(metadata: sa.MetaData) -> None:
    """Add the tables of results to `metadata`."""
    _model_metrics(metadata)
    _metric_intervals(metadata)
    _metric_differences(metadata)
    _threshold_metrics(metadata)
    _confusion_matrices(metadata)
    _feature_importances(metadata)
    _predictions(metadata)
    _calibration_bins(metadata)
    _subgroup_metrics(metadata)
    _drift(metadata)
    _gap_marks(metadata)
    _study_2021_comparison(metadata)


def _year_table(metadata: sa.MetaData, name: str, key: Sequence[sa.Column], *contents: Any, comment: str) -> sa.Table:
    """Return a table of a test year's results; its key begins with the year."""
    return sa.Table(
        name,
        metadata,
        *key,
        *(column for column in contents if isinstance(column, sa.Column)),
        source_column(),
        recorded_at(),
        sa.PrimaryKeyConstraint(*(column.name for column in key)),
        *(rule for rule in contents if not isinstance(rule, sa.Column)),
        source_known(name),
        comment=comment,
        info={PARTITION: "test_year"},
    )


def _result_table(metadata: sa.MetaData, name: str, key: Sequence[sa.Column], *contents: Any, comment: str) -> sa.Table:
    """Return a table of results of models: its key begins with the model, to which it refers."""
    target = [f"{metadata.schema}.models.test_year", f"{metadata.schema}.models.model"]
    model = [
        year_column("test_year", "Year on whose stops the model is measured."),
        text("model", "Name of the model, see table models."),
    ]
    refers = reference(name, ["test_year", "model"], "models", target, remove=True)
    return _year_table(metadata, name, [*model, *key], *contents, refers, comment=comment)


def _model_metrics(metadata: sa.MetaData) -> None:
    name = "model_metrics"
    _result_table(
        metadata,
        name,
        [],
        *(number(entry.name, f"{entry.title}. {entry.description}", info=OPTIONAL) for entry in METRICS.values()),
        number("threshold", "Probability from which a stop counts as flagged in the columns that need one."),
        count("test_rows", "Test stops whose outcome is known."),
        count("test_positives", "Test stops with the outcome."),
        *shares(name, _SHARES),
        *at_least_zero(name, ["log_loss", "lift_at_1_percent", "lift_at_5_percent", "lift_at_10_percent"]),
        between(name, "brier_skill", None, 1),
        *at_least_zero(name, ["test_positives"]),
        sa.CheckConstraint("test_positives <= test_rows", name=f"{name}_positives_in_rows"),
        comment="Measures of each model on the stops of its test year, one row a model; null where undefined.",
    )


def _metric_intervals(metadata: sa.MetaData) -> None:
    name = "metric_intervals"
    _result_table(
        metadata,
        name,
        [text("metric", "Name of the measure, as the column of model_metrics.")],
        number("estimate", "Value on the test stops; null where undefined."),
        number("low", "Lower end of the bootstrap interval."),
        number("high", "Upper end of the bootstrap interval."),
        number("level", "Level of the interval, 0.95 as a rule.", info=OPTIONAL),
        count("resamples", "Resamples in which the measure is defined.", nullable=True, info=OPTIONAL),
        sa.CheckConstraint("low <= high", name=f"{name}_in_order"),
        *shares(name, ["level"]),
        comment="Bootstrap intervals of the measures; persons of one encounter are resampled together.",
    )


def _metric_differences(metadata: sa.MetaData) -> None:
    name = "metric_differences"
    _result_table(
        metadata,
        name,
        [
            text("reference_model", "Name of the model it is compared with, of the same test year."),
            text("metric", "Name of the measure, as the column of model_metrics."),
        ],
        number("difference", "Measure of the model minus that of the reference."),
        number("low", "Lower end of the paired bootstrap interval of the difference."),
        number("high", "Upper end of the paired bootstrap interval of the difference."),
        number("level", "Level of the interval, 0.95 as a rule.", info=OPTIONAL),
        count("resamples", "Resamples in which the difference is defined.", nullable=True, info=OPTIONAL),
        number("p_value", "Two-sided p-value of the gain, of this pair by itself.", info=OPTIONAL),
        text(
            "verdict",
            "Whether the model is better, worse or undecided, this pair by itself; null without an ideal.",
            nullable=True,
        ),
        count("comparisons", "Pairs of the test year compared by this measure.", nullable=True, info=OPTIONAL),
        number("adjusted_p_value", "The p-value adjusted for these comparisons by Holm's procedure.", info=OPTIONAL),
        text("adjusted_verdict", "The verdict that holds for all comparisons together.", nullable=True, info=OPTIONAL),
        sa.CheckConstraint("low <= high", name=f"{name}_in_order"),
        sa.CheckConstraint("model <> reference_model", name=f"{name}_two_models"),
        *shares(name, ["level", "p_value", "adjusted_p_value"]),
        one_of(name, "verdict", VERDICTS),
        one_of(name, "adjusted_verdict", VERDICTS),
        comment="Whether one model is better than another, on the same resamples of the same stops.",
    )


def _threshold_metrics(metadata: sa.MetaData) -> None:
    name = "threshold_metrics"
    _result_table(
        metadata,
        name,
        [text("aim", "What the threshold was chosen for, on the last training year.")],
        number("threshold", "Probability from which a stop is flagged; Infinity when the aim is out of reach."),
        *(count(cell, CELL_COMMENTS[cell]) for cell in CELLS),
        *(number(measure, METRICS[measure].description) for measure in THRESHOLD_METRICS),
        *(
            number(f"{measure}_{end}", f"{word} end of the 95 % interval of {measure}.")
            for measure in ("precision", "recall")
            for end, word in (("low", "Lower"), ("high", "Upper"))
        ),
        *at_least_zero(name, CELLS),
        *shares(name, [*THRESHOLD_METRICS, "precision_low", "precision_high", "recall_low", "recall_high"]),
        comment="Measures of each model at each threshold in use; thresholds come from the last training year.",
    )


def _confusion_matrices(metadata: sa.MetaData) -> None:
    name = "confusion_matrices"
    _result_table(
        metadata,
        name,
        [text("threshold_name", "Name of the threshold.")],
        number("threshold", "Probability from which a stop is flagged."),
        *(count(cell, CELL_COMMENTS[cell]) for cell in CELLS),
        *at_least_zero(name, CELLS),
        comment="Test stops by outcome and by whether the model flags them.",
    )


def _feature_importances(metadata: sa.MetaData) -> None:
    name = "feature_importances"
    _result_table(
        metadata,
        name,
        [
            text("kind", "How it is measured: impurity (in training) or permutation."),
            text("feature", "Name of the feature."),
        ],
        number("importance", "Mean decrease in impurity, or loss of the score when the feature is shuffled."),
        number("low", "Lower end of its interval; null where there is none."),
        number("high", "Upper end of its interval; null where there is none."),
        sa.Column("rank", sa.Integer, nullable=False, comment="Rank within model and kind, 1 is the most important."),
        one_of(name, "kind", IMPORTANCE_KINDS),
        between(name, "rank", 1, None),
        comment="What each model leans on.",
    )


def _predictions(metadata: sa.MetaData) -> None:
    name = "predictions"
    table = _result_table(
        metadata,
        name,
        [
            year_column("year", "Year of the stop; with stop_id the key of table stops."),
            stop_id_column("Number of the stop within its year, as text."),
        ],
        sa.Column("score", sa.Double, nullable=False, comment="What the estimator says, before calibration."),
        sa.Column("probability", sa.Double, nullable=False, comment="Calibrated probability of the outcome."),
        sa.Column("actual", sa.Boolean, comment="Whether the outcome happened; null when that is unknown."),
        *shares(name, ["probability"]),
        comment="What each model says of each test stop, and what happened: for audit, not to decide about persons.",
    )
    stops = [f"{metadata.schema}.stops.year", f"{metadata.schema}.stops.stop_id"]
    table.append_constraint(reference(name, ["year", "stop_id"], "stops", stops, remove=True))
    sa.Index(f"{name}_stop_idx", table.c.year, table.c.stop_id)


def _calibration_bins(metadata: sa.MetaData) -> None:
    name = "calibration_bins"
    _result_table(
        metadata,
        name,
        [sa.Column("bin", sa.Integer, nullable=False, comment="Number of the bin, from the least probable.")],
        number("lower", "Least probability in the bin."),
        number("upper", "Greatest probability in the bin."),
        count("rows", "Test stops in the bin."),
        number("mean_probability", "Mean probability of its stops."),
        number("observed_share", "Share of its stops with the outcome."),
        number("low", "Lower end of the 95 % interval of the observed share."),
        number("high", "Upper end of the 95 % interval of the observed share."),
        *shares(name, ["lower", "upper", "mean_probability", "observed_share", "low", "high"]),
        *at_least_zero(name, ["bin", "rows"]),
        comment="Foreseen and observed shares by bins of equal mass.",
    )


def _subgroup_metrics(metadata: sa.MetaData) -> None:
    name = "subgroup_metrics"
    _result_table(
        metadata,
        name,
        [
            text("attribute", "What people are grouped by: race, sex, age band or borough."),
            text("group_name", "The group."),
        ],
        count("rows", "Test stops of the group."),
        count("positives", "Test stops of the group with the outcome."),
        *(column for measure, comment in SUBGROUP_METRICS.items() for column in interval(measure, comment)),
        *shares(name, [f"{measure}{end}" for measure in SUBGROUP_METRICS for end in ("", "_low", "_high")]),
        *at_least_zero(name, ["positives"]),
        sa.CheckConstraint("positives <= rows", name=f"{name}_positives_in_rows"),
        comment="Measures by group of people, with intervals; groups of fewer than 50 are left out.",
    )


def _drift(metadata: sa.MetaData) -> None:
    name = "drift"
    _year_table(
        metadata,
        name,
        [
            year_column("test_year", "Year whose stops are compared with those of its training years."),
            text("column_name", "Column of table stops."),
            text("measure", "What is compared."),
        ],
        number("value", "Value in the test year."),
        number("reference", "Value in the training years, where the measure has one."),
        number("threshold", "Value at which the status changes, where the measure has one."),
        text("status", "ok, warn or fail."),
        text("detail", "What was found, in words.", nullable=True),
        year_range(name, "test_year"),
        one_of(name, "status", DRIFT_STATUS),
        comment="How the stops of a test year differ from those of its training years, by column.",
    )


def _gap_marks(metadata: sa.MetaData) -> None:
    name = "gap_marks"
    sa.Table(
        name,
        metadata,
        year_column("test_year", "Year whose outcomes are ranked by the gaps of its stops alone."),
        text("outcome", "arrest or summons."),
        text("tier", "Named set of columns whose gaps are looked at."),
        count("columns", "Columns of it with gaps in training that a model could see."),
        number("roc_auc", "ROC AUC of boosting on these gaps alone; 0.5 when they tell nothing."),
        number("low", "Lower end of its 95 % interval."),
        number("high", "Upper end of its 95 % interval."),
        number("highest", "ROC AUC from which the tier fails; null where none is set."),
        text("status", "ok; fail; warn when chance could have reached the limit; told where there is no limit."),
        source_column(),
        recorded_at(),
        sa.PrimaryKeyConstraint("test_year", "outcome", "tier"),
        year_range(name, "test_year"),
        one_of(name, "outcome", OUTCOMES),
        *shares(name, ["roc_auc", "low", "high", "highest"]),
        *at_least_zero(name, ["columns"]),
        one_of(name, "status", ("ok", "warn", "fail", "told")),
        source_known(name),
        comment="What the gaps of stops alone tell of their outcomes, by set of columns.",
        info={PARTITION: "test_year"},
    )


def _study_2021_comparison(metadata: sa.MetaData) -> None:
    name = "study_2021_comparison"
    _year_table(
        metadata,
        name,
        [
            year_column("test_year", "Test year; the study's own is 2020."),
            text("outcome", "arrest or summons."),
            text("figure", "Name of the figure."),
        ],
        number("published", "As the study printed it."),
        number("measured_again", "Measured again, the study's own way."),
        number("ours", "Measured our way."),
        text("note", "What explains a difference.", nullable=True),
        year_range(name, "test_year"),
        one_of(name, "outcome", OUTCOMES),
        comment="The 2021 study's figures, measured again its own way, and ours beside them.",
    )
