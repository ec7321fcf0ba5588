"""Figures of groups of people: rates with intervals, side by side."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sqf_pipeline.display import share as percent
from sqf_pipeline.evaluation.subgroups import NOT_SHOWN, RATES, UNKNOWN
from sqf_pipeline.registry.words import group_label
from sqf_pipeline.reporting.plots.style import (
    BLUE,
    GREY,
    MARKERS,
    PALETTE,
    Floats,
    Origin,
    finish,
    model_label,
    new_figure,
    panel_title,
    percent_axis,
    plain,
    values_and_bars,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_RATE_TITLES = {
    "base_rate": "Outcome happened\n(of all stops)",
    "selection_rate": "Flagged\n(of all stops)",
    "false_positive_rate": "Flagged in error\n(of stops without it)",
    "false_negative_rate": "Missed\n(of stops with it)",
}


def subgroup_rates(table: pd.DataFrame, origin: Origin) -> "Figure":
    """Draw the rates of every group of one model as dots with intervals, one row a group.

    Takes the table `subgroup_metrics` of one model. The title names the widest gap in the share missed or flagged in
    error, among known groups.
    """
    shown = table[(table["group_name"] != NOT_SHOWN) & table["base_rate"].notna()]
    attributes = list(dict.fromkeys(shown["attribute"]))
    places, labels, headings = _rows(shown, attributes)
    figure = new_figure(11.5, 1.9 + 0.27 * (len(shown) + len(attributes)))
    panels = figure.subplots(1, len(RATES), sharey=True)
    for axes, rate in zip(panels, RATES, strict=True):
        plain(axes)
        for number, attribute in enumerate(attributes):
            part = shown[shown["attribute"] == attribute]
            at = places[(shown["attribute"] == attribute).to_numpy(dtype=bool)]
            values, errors = values_and_bars(part, rate, f"{rate}_low", f"{rate}_high")
            axes.errorbar(
                values, at, xerr=errors, fmt=MARKERS[number % len(MARKERS)], color=PALETTE[number % len(PALETTE)],
                capsize=2.5, markersize=5,
            )  # fmt: skip
        axes.axvline(_overall(shown, rate), color=GREY, linewidth=1, linestyle=(0, (1, 3)))
        axes.set_xlim(left=0)
        percent_axis(axes.xaxis)
        panel_title(axes, _RATE_TITLES[rate])
    _name_rows(panels[0], places, labels, headings)
    hidden = table[table["group_name"] == NOT_SHOWN]
    note = "Dotted: all stops together. Bars: 95 % intervals, persons of one encounter counted as one fate."
    if len(hidden):
        counts = ", ".join(f"{int(row.rows)} by {row.attribute}" for row in hidden.itertuples())
        note += f" Groups of fewer than 50 stops are not shown ({counts})."
    title = f"{_widest_gap(shown)} ({model_label(str(table['model'].iloc[0]))})"
    rows = int(table.loc[table["attribute"] == attributes[0], "rows"].sum())
    return finish(figure, title, origin, rows=rows, note=note)


def _name_rows(axes: "Axes", places: Floats, labels: list[str], headings: "list[tuple[str, float]]") -> None:
    """Write the groups beside their rows, and each attribute above its groups."""
    axes.set_yticks(places, labels)
    for heading, place in headings:
        axes.annotate(
            heading, (0, place), xycoords=("axes fraction", "data"), xytext=(-6, 0), textcoords="offset points",
            ha="right", va="center", fontsize=9.5, fontweight="bold", annotation_clip=False,
        )  # fmt: skip


def _rows(shown: pd.DataFrame, attributes: list[str]) -> tuple[np.ndarray, list[str], list[tuple[str, float]]]:
    """Return the height of each group's row from the top, its label, and the headings of attributes."""
    places: list[float] = []
    labels: list[str] = []
    headings: list[tuple[str, float]] = []
    height = 0.0
    for attribute in attributes:
        headings.append((attribute.capitalize(), height))
        for row in shown[shown["attribute"] == attribute].itertuples():
            height -= 1.0
            places.append(height)
            labels.append(f"{group_label(attribute, str(row.group_name))}  ({int(row.rows):,})")
        height -= 1.4
    return np.array(places), labels, headings


def _overall(shown: pd.DataFrame, rate: str) -> float:
    """Return the rate of all stops, as the mean of an attribute's groups weighted by what the rate is a share of."""
    part = shown[shown["attribute"] == shown["attribute"].iloc[0]]
    rows, positives = part["rows"].to_numpy(dtype=float), part["positives"].to_numpy(dtype=float)
    base = {"false_positive_rate": rows - positives, "false_negative_rate": positives}.get(rate, rows)
    values = part[rate].to_numpy(dtype=float, na_value=0.0)
    return float((values * base).sum() / max(base.sum(), 1.0))


def _widest_gap(shown: pd.DataFrame) -> str:
    """Say between which groups of one attribute a rate of error differs most, and whether the intervals part."""
    found = []
    for rate, words in (("false_negative_rate", "missed"), ("false_positive_rate", "flagged in error")):
        for attribute, part in shown[shown["group_name"] != UNKNOWN].groupby("attribute", sort=False):
            known = part.dropna(subset=[rate])
            if len(known) > 1:
                low, high = known.loc[known[rate].idxmin()], known.loc[known[rate].idxmax()]
                apart = bool(high[f"{rate}_low"] > low[f"{rate}_high"])
                found.append((apart, float(high[rate] - low[rate]), rate, words, str(attribute), low, high))
    if not found:
        return "Too few groups to compare errors"
    apart, _, rate, words, attribute, low, high = max(found, key=lambda entry: entry[:2])
    ends = f"{percent(low[rate])} of {_group(low)} to {percent(high[rate])} of {_group(high)}"
    certainty = "intervals apart" if apart else "intervals overlap"
    return f"Errors differ most by {attribute}: {words}, from {ends}; {certainty}"


def subgroup_quality(table: pd.DataFrame, origin: Origin) -> "Figure":
    """Draw ROC AUC and calibration error of every group of one model; takes the table `subgroup_metrics`."""
    shown = table[(table["group_name"] != NOT_SHOWN) & table["base_rate"].notna()]
    attributes = list(dict.fromkeys(shown["attribute"]))
    places, labels, headings = _rows(shown, attributes)
    figure = new_figure(9.5, 1.9 + 0.27 * (len(shown) + len(attributes)))
    panels = figure.subplots(1, 2, sharey=True)
    titles = {"roc_auc": "ROC AUC", "expected_calibration_error": "Expected calibration error"}
    for axes, (name, title) in zip(panels, titles.items(), strict=True):
        values, errors = values_and_bars(shown, name, f"{name}_low", f"{name}_high")
        plain(axes).errorbar(values, places, xerr=errors, fmt="o", color=BLUE, capsize=2.5, markersize=5)
        panel_title(axes, title)
    percent_axis(panels[1].xaxis)
    panels[1].set_xlim(left=0)
    _name_rows(panels[0], places, labels, headings)
    known = shown[shown["group_name"] != UNKNOWN].dropna(subset=["roc_auc"])
    low_group, high_group = known.loc[known["roc_auc"].idxmin()], known.loc[known["roc_auc"].idxmax()]
    title = (
        f"Ranking is weakest for {_group(low_group)} (ROC AUC {low_group['roc_auc']:.3f}) and "
        f"strongest for {_group(high_group)} ({high_group['roc_auc']:.3f}); "
        f"{model_label(str(table['model'].iloc[0]))}"
    )
    rows = int(table.loc[table["attribute"] == attributes[0], "rows"].sum())
    return finish(figure, title, origin, rows=rows, note="Bars: 95 % bootstrap intervals.")


def _group(row: pd.Series) -> str:
    return group_label(str(row["attribute"]), str(row["group_name"]))
