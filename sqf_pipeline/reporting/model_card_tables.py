"""Result tables to rows of text for the model card."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from sqf_pipeline.evaluation.metrics import METRICS
from sqf_pipeline.evaluation.model_selection import best_on_held_out

if TYPE_CHECKING:
    from sqf_pipeline.reporting.model_card import ModelCardInputs

ABSENT = "\u2013"
"""What stands for a value that is not defined or was not measured."""

RANKING = ("roc_auc", "average_precision", "lift_at_5_percent")
PROBABILITIES = (
    "brier_score", "brier_skill", "log_loss", "calibration_intercept", "calibration_slope",
    "expected_calibration_error",
)  # fmt: skip
OUTCOME_ORDER = ("arrest", "summons")
TIER_ORDER = ("at_stop", "during", "study_2021", "study_2021_binned")
PACKAGES_FIRST = ("python", "sqf-pipeline", "scikit-learn", "imbalanced-learn", "pandas", "numpy")


@dataclass(frozen=True)
class TextTable:
    """A table as the template writes it."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __bool__(self) -> bool:
        return bool(self.rows)


def missing(value: Any) -> bool:
    """Return whether a value of a frame's cell is none."""
    return value is None or bool(pd.isna(value))


def number(value: Any, digits: int = 3) -> str:
    """Return a number with so many decimals, a true minus sign, and `ABSENT` for none."""
    if missing(value):
        return ABSENT
    return f"{float(value):.{digits}f}".replace("-", "\u2212")


def count(value: Any) -> str:
    """Return a whole number with separated thousands."""
    return ABSENT if missing(value) else f"{int(value):,}"


def share(value: Any, digits: int = 1) -> str:
    """Return a share in per cent."""
    return ABSENT if missing(value) else f"{100 * float(value):.{digits}f} %"


def with_interval(value: Any, low: Any, high: Any, write: Any = number) -> str:
    """Return an estimate with its interval in brackets, the interval left out where there is none."""
    if missing(value):
        return ABSENT
    if missing(low) or missing(high):
        return str(write(value))
    return f"{write(value)} ({write(low)} to {write(high)})"


def words(slug: str) -> str:
    """Return a slug as words."""
    return re.sub(r"\b(f1|smote|smotenc)\b", lambda found: found[0].upper(), slug.replace("_", " "))


def ordered_models(models: pd.DataFrame) -> pd.DataFrame:
    """Sort models by outcome, by tier (what is known first comes first), then by name."""
    return models.assign(
        outcome_place=[_place(name, OUTCOME_ORDER) for name in models["outcome"]],
        tier_place=[_place(name, TIER_ORDER) for name in models["feature_set"]],
    ).sort_values(["outcome_place", "outcome", "tier_place", "feature_set", "model"], ignore_index=True)


def _place(name: Any, order: Sequence[str]) -> int:
    return order.index(str(name)) if str(name) in order else len(order)


def source_files(inputs: "ModelCardInputs") -> TextTable:
    """Return the published files: year, rows, name, digest."""
    frame = inputs.source_files.sort_values("year")
    rows = [(str(int(row.year)), count(row.rows), str(row.file_name), f"`{row.sha256}`") for row in frame.itertuples()]
    return TextTable(("Year", "Stops", "File", "SHA-256"), tuple(rows))


def cleaning(inputs: "ModelCardInputs") -> TextTable:
    """Return what cleaning did, one row a rule: stops it touched by year, and the columns it concerned."""
    frame = inputs.data_quality
    years = sorted(int(year) for year in frame["year"].unique())
    totals = frame.groupby(["rule", "year"])["rows"].sum()
    rows = []
    for rule, part in frame.groupby("rule", sort=True):
        names = sorted(part["column_name"].unique())
        shown = ", ".join(words(name) for name in names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        rows.append((words(str(rule)), shown, *(count(totals.get((rule, year), 0)) for year in years)))
    return TextTable(("Rule", "Columns", *map(str, years)), tuple(rows))


def tiers(inputs: "ModelCardInputs", described: Mapping[str, str]) -> TextTable:
    """Return, for each outcome and set of columns, the model chosen on the last training year with its measures."""
    values = _values(inputs)
    rows = []
    for (outcome, feature_set), best in chosen_models(inputs).items():
        cells = [with_interval(*values.get((best, metric), (None, None, None))) for metric in RANKING[:2]]
        rows.append((outcome, words(feature_set), described.get(feature_set, ""), f"`{best}`", *cells))
    headers = ("Outcome", "Columns", "What they are", "Model", "ROC AUC", "Average precision")
    return TextTable(headers, tuple(rows))


def chosen_models(inputs: "ModelCardInputs") -> dict[tuple[str, str], str]:
    """Return the model chosen on the last training year by (outcome, feature set), in the order of the card."""
    best = best_on_held_out(inputs.models)
    ordered = ordered_models(inputs.models)
    keys = dict.fromkeys(zip(ordered["outcome"].astype(str), ordered["feature_set"].astype(str), strict=True))
    return {key: best[key] for key in keys if key in best}


def gap_marks(inputs: "ModelCardInputs") -> TextTable:
    """Return what the gaps of stops alone tell of their outcomes."""
    rows = [
        (
            str(row.outcome),
            words(str(row.tier)),
            count(row.columns),
            with_interval(row.roc_auc, row.low, row.high),
            ABSENT if missing(row.highest) else f"below {number(row.highest, 2)}",
        )
        for row in inputs.gap_marks.itertuples(index=False)
    ]
    return TextTable(("Outcome", "Columns", "With gaps", "ROC AUC of the gaps alone", "Must be"), tuple(rows))


def _values(inputs: "ModelCardInputs") -> dict[tuple[str, str], tuple[Any, Any, Any]]:
    frame = inputs.metric_intervals
    return {(str(row.model), str(row.metric)): (row.estimate, row.low, row.high) for row in frame.itertuples()}


def measures(inputs: "ModelCardInputs", outcome: str, metrics: Sequence[str]) -> TextTable:
    """Return measures with intervals, one row a model of the outcome."""
    values = _values(inputs)
    ordered = ordered_models(inputs.models)
    rows = [
        (f"`{name}`", *(with_interval(*values.get((str(name), metric), (None, None, None))) for metric in metrics))
        for name in ordered.loc[ordered["outcome"] == outcome, "model"]
    ]
    titles = (METRICS[metric].title if metric in METRICS else words(metric).capitalize() for metric in metrics)
    return TextTable(("Model", *titles), tuple(rows))


def curve_recalls(inputs: "ModelCardInputs") -> list[str]:
    """Return the names of recalls read off the test year's curve that were measured."""
    names = inputs.metric_intervals["metric"].astype(str)
    return sorted({name for name in names if name.startswith("recall_at_precision_")})


def differences(inputs: "ModelCardInputs", metrics: Sequence[str]) -> TextTable:
    """Return paired differences between models, with the verdict that holds for all pairs together."""
    frame = inputs.metric_differences
    if frame.empty:
        return TextTable((), ())
    frame = frame[frame["metric"].isin(list(metrics))].sort_values(["model", "reference_model", "metric"])
    rows = [
        (
            f"`{row.model}`",
            f"`{row.reference_model}`",
            METRICS[str(row.metric)].title,
            with_interval(row.difference, row.low, row.high, lambda value: number(value, 4)),
            ABSENT if missing(row.adjusted_verdict) else str(row.adjusted_verdict),
        )
        for row in frame.itertuples()
    ]
    return TextTable(("Model", "Against", "Metric", "Difference", "Verdict on all pairs"), tuple(rows))


def thresholds(inputs: "ModelCardInputs", model: str) -> TextTable:
    """Return what follows from each threshold of a model."""
    frame = inputs.threshold_metrics
    rows = [
        (
            words(str(row.aim)),
            number(row.threshold) if float(row.threshold) != float("inf") else "out of reach",
            count(row.tp),
            count(row.fp),
            count(row.fn),
            count(row.tn),
            with_interval(row.precision, row.precision_low, row.precision_high, share),
            with_interval(row.recall, row.recall_low, row.recall_high, share),
            number(row.f1),
            share(row.flagged_share),
        )
        for row in frame[frame["model"] == model].itertuples()
    ]
    headers = (
        "Aim", "Threshold", "True positives", "False positives", "False negatives", "True negatives", "Precision",
        "Recall", "F1", "Flagged",
    )  # fmt: skip
    return TextTable(headers, tuple(rows))


def calibration(inputs: "ModelCardInputs", model: str) -> TextTable:
    """Return foreseen and observed shares of a model by bin."""
    frame = inputs.calibration_bins
    rows = [
        (
            str(int(row.bin)),
            f"{share(row.lower)} to {share(row.upper)}",
            count(row.rows),
            share(row.mean_probability),
            with_interval(row.observed_share, row.low, row.high, share),
        )
        for row in frame[frame["model"] == model].sort_values("bin").itertuples()
    ]
    return TextTable(("Bin", "Probabilities", "Stops", "Foreseen", "Observed"), tuple(rows))


def subgroups(inputs: "ModelCardInputs", model: str) -> TextTable:
    """Return rates and ranking of a model by group of people."""
    frame = inputs.subgroup_metrics
    rows = []
    for row in frame[frame["model"] == model].to_dict("records"):
        cells = [
            with_interval(row[name], row.get(f"{name}_low"), row.get(f"{name}_high"), share)
            for name in ("base_rate", "selection_rate", "false_positive_rate", "false_negative_rate")
        ]
        area = with_interval(row["roc_auc"], row.get("roc_auc_low"), row.get("roc_auc_high"))
        rows.append(
            (
                str(row["attribute"]),
                _group(str(row["group_name"])),
                count(row["rows"]),
                *cells,
                share(row["mean_probability"]),
                area,
                share(row["expected_calibration_error"]),
            )
        )
    headers = (
        "By", "Group", "Stops", "Outcome happened", "Flagged", "Flagged in error", "Missed", "Foreseen", "ROC AUC",
        "Calibration error",
    )  # fmt: skip
    return TextTable(headers, tuple(rows))


def _group(name: str) -> str:
    return name.title() if name.isupper() else name[:1].upper() + name[1:]


def importances(inputs: "ModelCardInputs", model: str, shown: int = 12) -> TextTable:
    """Return the most important columns of a model by permutation, with their rank by impurity."""
    frame = inputs.feature_importances[inputs.feature_importances["model"] == model]
    by_impurity = frame[frame["kind"] == "impurity"].set_index("feature")["rank"].to_dict()
    rows = [
        (
            str(int(row.rank)),
            words(str(row.feature)),
            with_interval(row.importance, row.low, row.high, lambda value: number(value, 4)),
            count(by_impurity.get(row.feature)),
        )
        for row in frame[frame["kind"] == "permutation"].sort_values("rank").head(shown).itertuples()
    ]
    return TextTable(("Rank", "Column", "Loss when shuffled", "Rank by impurity"), tuple(rows))


def drift(inputs: "ModelCardInputs") -> TextTable:
    """Return the checks of drift that warn or fail, failures first."""
    frame = inputs.drift[inputs.drift["status"] != "ok"].sort_values(["status", "column_name", "measure"])
    rows = [
        (str(row.status), words(str(row.column_name)), words(str(row.measure)), str(row.detail))
        for row in frame.itertuples()
    ]
    return TextTable(("Status", "Column", "Metric", "Found"), tuple(rows))


def study_2021(inputs: "ModelCardInputs") -> TextTable:
    """Return the study's figures, the same measured again, and ours."""
    rows = [
        (
            str(row.outcome),
            words(str(row.figure)),
            _figure(row.published),
            _figure(row.measured_again),
            _figure(row.ours),
            "" if missing(row.note) else str(row.note),
        )
        for row in inputs.study_2021_comparison.itertuples()
    ]
    return TextTable(("Outcome", "Figure", "Published", "Measured again", "Ours", "Note"), tuple(rows))


def _figure(value: Any) -> str:
    """Return a count as a count and anything else with four decimals."""
    if missing(value):
        return ABSENT
    return count(value) if float(value).is_integer() and abs(float(value)) > 1 else number(value, 4)


def years(history: pd.DataFrame) -> TextTable:
    """Return ROC AUC and average precision of every model by test year; empty for a single year."""
    if "test_year" not in history.columns or history["test_year"].nunique() < 2:
        return TextTable((), ())
    wanted = history[history["metric"].isin(RANKING[:2])]
    rows = []
    for (model, year), part in wanted.groupby(["model", "test_year"], sort=True):
        found = {str(row.metric): with_interval(row.estimate, row.low, row.high) for row in part.itertuples()}
        rows.append((f"`{model}`", str(int(year)), *(found.get(metric, ABSENT) for metric in RANKING[:2])))
    return TextTable(("Model", "Test year", "ROC AUC", "Average precision"), tuple(rows))


def fits(inputs: "ModelCardInputs") -> TextTable:
    """Return how each model was made."""
    rows = [
        (
            f"`{row.model}`",
            words(str(row.estimator)),
            words(str(row.resampling)),
            words(str(row.calibration)),
            count(row.training_rows),
            f"{count(row.training_positives)} ({share(row.training_positives / row.training_rows)})",
            f"`{str(row.training_sha256)[:12]}`",
            f"`{str(row.test_sha256)[:12]}`",
        )
        for row in ordered_models(inputs.models).itertuples()
    ]
    headers = (
        "Model", "Estimator", "Resampling", "Calibration", "Training stops", "With the outcome", "Training digest",
        "Test digest",
    )  # fmt: skip
    return TextTable(headers, tuple(rows))


def versions(inputs: "ModelCardInputs") -> TextTable:
    """Return every version of the packages that the models were fitted with."""
    found: dict[str, set[str]] = {}
    for entry in inputs.models["package_versions"]:
        loaded = json.loads(entry) if isinstance(entry, str) else dict(entry or {})
        for package, version in loaded.items():
            found.setdefault(str(package), set()).add(str(version))
    names = sorted(found, key=lambda name: (_place(name, PACKAGES_FIRST), name))
    return TextTable(("Package", "Version"), tuple((name, ", ".join(sorted(found[name]))) for name in names))
