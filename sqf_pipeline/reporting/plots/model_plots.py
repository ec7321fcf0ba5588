"""Figures of models: how they rank, how they class, what they rely on and how they compare."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sqf_pipeline.display import metric_text, words
from sqf_pipeline.display import share as percent
from sqf_pipeline.evaluation.metrics import METRICS
from sqf_pipeline.registry.outcomes import OUTCOME_WORDS
from sqf_pipeline.reporting.plots import style
from sqf_pipeline.reporting.plots.style import Origin

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_IMPORTANT = 12
"""Columns whose importance is drawn."""
_RESAMPLING = {"under": "under-sampling", "over": "over-sampling", "smotenc": "SMOTENC"}


def class_balance(models: pd.DataFrame, origin: Origin) -> "Figure":
    """Draw positives and negatives before and after resampling.

    Takes the table `models`: resampling, training_rows, training_positives, fitted_rows, fitted_positives. Models of
    equal resampling and counts share a bar.
    """
    columns = ["resampling", "training_rows", "training_positives", "fitted_rows", "fitted_positives"]
    unique = models[columns].dropna().drop_duplicates()
    resampled = unique[unique["resampling"] != "none"].sort_values(["fitted_rows", "resampling"])
    first = unique.iloc[0]
    bars = [("as they are", int(first["training_rows"]), int(first["training_positives"]))]
    for row in resampled.itertuples():
        label = _RESAMPLING.get(str(row.resampling), style.model_label(str(row.resampling)))
        bars.append((label, int(row.fitted_rows), int(row.fitted_positives)))
    figure = style.new_figure(9.0, 1.9 + 0.5 * len(bars))
    axes = style.plain(figure.subplots())
    places = np.arange(len(bars))[::-1]
    positives = np.array([bar[2] for bar in bars])
    negatives = np.array([bar[1] for bar in bars]) - positives
    axes.barh(places, positives, color=style.ORANGE, height=0.62, label="with the outcome")
    axes.barh(places, negatives, left=positives, color=style.BLUE, height=0.62, label="without")
    for place, yes, no in zip(places, positives, negatives, strict=True):
        style.write_beside(axes, f"{yes:,} : {no:,}", (yes + no, place), fontsize=9)
    axes.set_yticks(places, [bar[0] for bar in bars])
    axes.set_xlim(0, (positives + negatives).max() * 1.18)
    axes.set_xlabel("Training stops")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.legend(frameon=False, fontsize=9, loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0)
    title = f"{percent(positives[0] / bars[0][1])} of training stops have the outcome"
    if len(bars) > 1:
        smallest = int(np.argmin(positives + negatives))
        half = "half" if 2 * bars[smallest][2] == bars[smallest][1] else percent(bars[smallest][2] / bars[smallest][1])
        title += f"; {bars[smallest][0]} fits on {bars[smallest][1]:,}, of which {half} have it"
    return style.finish(
        figure, title, origin, note="Resampled within the training years only; test stops stay as they are."
    )


def confusion_matrices(table: pd.DataFrame, origin: Origin, *, outcome: str) -> "Figure":
    """Draw confusion matrices; takes model, threshold_name (or aim), threshold, tn, fp, fn, tp, one panel a row."""
    named = table.rename(columns={"aim": "threshold_name"}).reset_index(drop=True)
    figure, panels = style.panel_grid(len(named), 4 if len(named) <= 4 else 3, 3.3)
    for axes, row in zip(panels, named.itertuples(), strict=True):
        cells = np.array([[row.tn, row.fp], [row.fn, row.tp]], dtype=float)
        shares = cells / np.maximum(cells.sum(axis=1, keepdims=True), 1)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.15)
        for place, count in np.ndenumerate(cells):
            axes.text(
                place[1], place[0], f"{count:,.0f}\n{percent(shares[place])}", ha="center", va="center", fontsize=11,
                color="white" if shares[place] > 0.6 else "black",
            )  # fmt: skip
        axes.set_xticks([0, 1], ["not flagged", "flagged"])
        axes.set_yticks([0, 1], [f"no {outcome}", outcome], rotation=90, va="center")
        axes.tick_params(length=0, labelsize=9.5)
        axes.spines[:].set_visible(False)
        threshold = f"at {row.threshold:.3g}" if np.isfinite(row.threshold) else "out of reach"
        style.panel_title(
            axes, f"{style.model_label(row.model)}\n{style.model_label(row.threshold_name)}, {threshold}", 40
        )
    found = named["tp"] / (named["tp"] + named["fn"]).clip(lower=1)
    best = int(found.to_numpy(dtype=float).argmax())
    row = named.iloc[best]
    flagged = int(row["tp"] + row["fp"])
    right = f"is right in {percent(row['tp'] / flagged)} of its {flagged:,} flags" if flagged else "flags nobody"
    noun = OUTCOME_WORDS[outcome]["noun"]
    name = f"the threshold for {style.model_label(str(row['threshold_name']))}"
    title = f"{name} finds {percent(float(found.iloc[best]))} of the stops that end in {noun} and {right}"
    rows = int(named.loc[0, ["tn", "fp", "fn", "tp"]].sum())
    note = "Shares are of the row: of all stops that did, or did not, end so."
    return style.finish(figure, style.capitalised(title), origin, rows=rows, note=note)


def roc_and_precision_recall(
    curves: pd.DataFrame, intervals: pd.DataFrame, origin: Origin, *, base_rate: float, rows: int
) -> "Figure":
    """Draw ROC and precision-recall curves of a few models of one outcome, with bands.

    Takes points from `curves.curve_points` with the column `model`, and the table `metric_intervals` with at least
    `roc_auc` and `average_precision` of these models. `base_rate` is the share of the `rows` test stops with the
    outcome: the precision of a random order.
    """
    figure = style.new_figure(10.5, 5.6)
    panels = figure.subplots(1, 2)
    models = list(dict.fromkeys(curves["model"]))
    measured = intervals.set_index(["model", "metric"])
    kinds = (("roc", "roc_auc", "ROC AUC"), ("precision_recall", "average_precision", "average precision"))
    for axes, (kind, metric, name) in zip(panels, kinds, strict=True):
        style.plain(axes, grid="both")
        for number, model in enumerate(models):
            part = curves[(curves["model"] == model) & (curves["curve"] == kind)]
            x, y, low, high = (part[key].to_numpy(dtype=float) for key in ("x", "y", "low", "high"))
            colour = style.PALETTE[number % len(style.PALETTE)]
            axes.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0)
            label = f"{style.model_label(model)}\n{name} {_with_interval(measured.loc[(model, metric)], metric)}"
            axes.plot(
                x, y, color=colour, linestyle=style.DASHES[number % len(style.DASHES)], linewidth=1.8, label=label
            )
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.005)
        style.percent_axis(axes.xaxis)
        style.percent_axis(axes.yaxis)
        axes.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.13), handlelength=3)
    roc, precision = panels
    roc.plot([0, 1], [0, 1], **style.DOTTED)
    roc.set_xlabel("False positive rate: flagged, of stops without the outcome")
    roc.set_ylabel("True positive rate: flagged, of stops with it")
    precision.axhline(base_rate, **style.DOTTED)
    precision.set_xlabel("Recall: flagged, of stops with the outcome")
    precision.set_ylabel("Precision: with the outcome, of stops flagged")
    style.panel_title(roc, "ROC (dotted: a random order)")
    style.panel_title(precision, f"Precision and recall (dotted: share of all stops, {percent(base_rate)})")
    areas = {model: measured.loc[(model, "roc_auc")] for model in models}
    highest = max(models, key=lambda model: float(areas[model]["estimate"]))
    lowest = min(models, key=lambda model: float(areas[model]["estimate"]))
    title = (
        f"{style.capitalised(style.model_label(highest))} has a ROC AUC of {_with_interval(areas[highest], 'roc_auc')}"
    )
    if highest != lowest:
        title += f"; {style.model_label(lowest)} of {_with_interval(areas[lowest], 'roc_auc')}"
    return style.finish(figure, title, origin, rows=rows, note="Bands: pointwise 95 % bootstrap intervals.")


def _with_interval(row: pd.Series, metric: str) -> str:
    return metric_text(metric, row["estimate"], row["low"], row["high"])


def calibration(table: pd.DataFrame, origin: Origin) -> "Figure":
    """Draw observed against predicted shares; takes the table `calibration_bins` of up to six models."""
    models = list(dict.fromkeys(table["model"]))
    figure, panels = style.panel_grid(len(models), 3, 3.6)
    gaps = {}
    for axes, model in zip(panels, models, strict=True):
        part = table[table["model"] == model]
        x, y, low, top, rows = (
            part[key].to_numpy(dtype=float) for key in ("mean_probability", "observed_share", "low", "high", "rows")
        )
        limit = max(x.max(), top.max()) * 1.06
        style.plain(axes, grid="both").plot([0, limit], [0, limit], **style.DOTTED)
        axes.errorbar(x, y, [y - low, top - y], fmt="o", color=style.BLUE, markersize=5, capsize=2.5, linewidth=1.2)
        axes.set_xlim(0, limit)
        axes.set_ylim(0, limit)
        axes.set_aspect("equal")
        style.percent_axis(axes.xaxis)
        style.percent_axis(axes.yaxis)
        axes.set_xlabel("Predicted (mean probability)")
        axes.set_ylabel("Observed")
        gaps[model] = float((rows * np.abs(x - y)).sum() / rows.sum())
        style.panel_title(axes, f"{style.model_label(model)}\nmean gap {_points(gaps[model])}", 42)
    best = min(gaps, key=lambda model: gaps[model])
    title = f"Predicted and observed shares differ by {_points(gaps[best])} on average for {style.model_label(best)}"
    if len(gaps) > 1:
        worst = max(gaps, key=lambda model: gaps[model])
        title += f", and by {_points(gaps[worst])} for {style.model_label(worst)}"
    total = int(table.loc[table["model"] == models[0], "rows"].sum())
    note = "Ten bins of equal mass, fewer where probabilities are tied; bars: 95 % Wilson intervals."
    return style.finish(figure, title, origin, rows=total, note=note)


def _points(gap: float) -> str:
    return f"{100 * gap:.1f} points"


def importances(table: pd.DataFrame, origin: Origin, *, measure: str) -> "Figure":
    """Draw permutation beside impurity importances of one model; takes the table `feature_importances`.

    `measure` is what permutation importance is a loss of, as `roc_auc`.
    """
    permutation = table[table["kind"] == "permutation"].sort_values("rank").head(MOST_IMPORTANT)
    impurity = table[table["kind"] == "impurity"].set_index("feature")
    names = permutation["feature"].tolist()
    figure = style.new_figure(9.5, 1.9 + 0.3 * len(names))
    panels = figure.subplots(1, 2 if len(impurity) else 1, sharey=True, squeeze=False)[0]
    places = np.arange(len(names))[::-1]
    values, errors = style.values_and_bars(permutation, "importance", "low", "high")
    axes = style.plain(panels[0])
    axes.errorbar(values, places, xerr=errors, fmt="o", color=style.BLUE, capsize=3)
    axes.axvline(0, color=style.GREY, linewidth=1)
    axes.set_yticks(places, [words(name) for name in names])
    title_of = METRICS[measure].title if measure == "roc_auc" else METRICS[measure].title.lower()
    axes.set_xlabel(f"Loss of {title_of} when the column is shuffled")
    style.panel_title(axes, "Permutation, on test stops, with 95 % intervals")
    if len(impurity):
        axes = style.plain(panels[1])
        shares = impurity["importance"].reindex(names).to_numpy(dtype=float)
        axes.scatter(shares, places, color=style.ORANGE, marker="s", zorder=3)
        ranks = impurity["rank"].reindex(names).to_numpy(dtype=float)
        for share, place, rank in zip(shares, places, ranks, strict=True):
            if np.isfinite(rank):
                style.write_beside(axes, f"rank {rank:.0f}", (share, place), 7, fontsize=8, color=style.GREY)
        axes.set_xlim(0, np.nanmax(shares) * 1.2)
        style.percent_axis(axes.xaxis)
        axes.set_xlabel("Share of the forest's decrease in impurity")
        style.panel_title(axes, "Impurity, in training")
    model, first = style.model_label(str(table["model"].iloc[0])), words(names[0])
    title = f"{model} relies most on {first}: shuffled, {title_of} falls by {values[0]:.3f}"
    return style.finish(
        figure, style.capitalised(title), origin, note="A column that others repeat looks unimportant here."
    )


def metric_comparison(intervals: pd.DataFrame, metric: str, origin: Origin, *, chance: float | None = None) -> "Figure":
    """Draw one metric of many models with intervals, best first; takes the table `metric_intervals`.

    `chance` is the value of a model that guesses, drawn as a line.
    """
    entry = METRICS[metric]
    part = intervals[intervals["metric"] == metric].dropna(subset=["estimate"])
    values = part["estimate"].to_numpy(dtype=float)
    goodness = -np.abs(values - (entry.ideal or 0.0)) if entry.better == "nearest" else values
    order = np.argsort(goodness if entry.better == "lower" else -goodness, kind="stable")
    part, values = part.iloc[order], values[order]
    low, high = (part[key].to_numpy(dtype=float, na_value=np.nan) for key in ("low", "high"))
    figure = style.new_figure(9.0, 1.6 + 0.32 * len(part))
    axes = style.plain(figure.subplots())
    places = np.arange(len(part))[::-1]
    errors = style.values_and_bars(part, "estimate", "low", "high")[1]
    axes.errorbar(values, places, xerr=errors, fmt="o", color=style.BLUE, capsize=3)
    right = np.nanmax(np.concatenate([high, values]))
    left = np.nanmin(np.concatenate([low, values]))
    for value, place, edge in zip(values, places, np.fmax(high, values), strict=True):
        style.write_beside(axes, f"{value:.3f}", (edge, place), fontsize=8.5, color=style.GREY)
    for value, name in ((chance, "chance"), (entry.ideal if entry.better == "nearest" else None, "ideal")):
        if value is not None:
            axes.axvline(value, **style.DOTTED)
            axes.text(value, 1.0, name, transform=axes.get_xaxis_transform(), fontsize=8, color=style.GREY, ha="center")
            left, right = min(left, value), max(right, value)
    axes.set_xlim(left - 0.06 * (right - left), right + 0.14 * (right - left))
    axes.set_ylim(-0.6, len(part) - 0.4)
    axes.set_yticks(places, [style.model_label(model) for model in part["model"]])
    axes.set_xlabel(f"{entry.title}, with 95 % bootstrap interval")
    best = part.iloc[0]
    overlap = int(np.sum((low[1:] <= high[0]) & (high[1:] >= low[0]))) if len(part) > 1 else 0
    better = {"higher": "highest", "lower": "lowest", "nearest": "nearest to its ideal"}[entry.better]
    title = f"{entry.title} is {better} for {style.model_label(str(best['model']))}: {_with_interval(best, metric)}"
    if overlap:
        title += f"; the intervals of {overlap} other{'s' if overlap > 1 else ''} overlap it"
    return style.finish(figure, title, origin, note=entry.description)
