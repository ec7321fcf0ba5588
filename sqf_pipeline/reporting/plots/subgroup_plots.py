"""Figures of groups of people: rates with intervals, side by side."""

from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sqf_pipeline.display import share as percent
from sqf_pipeline.evaluation.subgroups import NOT_SHOWN, RATES, UNKNOWN
from sqf_pipeline.registry.words import group_label
from sqf_pipeline.reporting.plots import style
from sqf_pipeline.reporting.plots.style import Floats, Origin

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
    figure, panels, shown, places = _row_a_group(table, 11.5, len(RATES))
    for axes, rate in zip(panels, RATES, strict=True):
        style.plain(axes)
        looks = zip(shown["attribute"].unique(), cycle(style.MARKERS), cycle(style.PALETTE), strict=False)
        for attribute, marker, colour in looks:
            own = (shown["attribute"] == attribute).to_numpy(dtype=bool)
            values, errors = style.values_and_bars(shown[own], rate, f"{rate}_low", f"{rate}_high")
            axes.errorbar(values, places[own], xerr=errors, fmt=marker, color=colour, capsize=2.5, markersize=5)
        axes.axvline(_overall(shown, rate), **style.DOTTED)
        axes.set_xlim(left=0)
        style.percent_axis(axes.xaxis)
        style.panel_title(axes, _RATE_TITLES[rate])
    hidden = table[table["group_name"] == NOT_SHOWN]
    note = "Dotted: all stops together. Bars: 95 % intervals, persons of one encounter counted as one fate."
    if len(hidden):
        counts = ", ".join(f"{int(row.rows)} by {row.attribute}" for row in hidden.itertuples())
        note += f" Groups of fewer than 50 stops are not shown ({counts})."
    title = f"{_widest_gap(shown)} ({style.model_label(str(table['model'].iloc[0]))})"
    return style.finish(figure, title, origin, rows=_stops(table), note=note)


def _row_a_group(table: pd.DataFrame, width: float, panels: int) -> "tuple[Figure, list[Axes], pd.DataFrame, Floats]":
    """Return a figure, its panels, the groups to show and the height of each one's row.

    Beside the first panel the groups are named, each attribute above its groups.
    """
    shown = table[(table["group_name"] != NOT_SHOWN) & table["base_rate"].notna()]
    by_attribute = shown.groupby("attribute", sort=False)
    figure = style.new_figure(width, 1.9 + 0.27 * (len(shown) + by_attribute.ngroups))
    made = figure.subplots(1, panels, sharey=True)
    places: list[float] = []
    labels: list[str] = []
    height = 0.0
    for attribute, part in by_attribute:
        style.write_beside(
            made[0], str(attribute).capitalize(), (0, height), -6, xycoords=("axes fraction", "data"), ha="right",
            fontsize=9.5, fontweight="bold", annotation_clip=False,
        )  # fmt: skip
        places += [height - place for place in range(1, len(part) + 1)]
        labels += [f"{_group(row)}  ({int(row['rows']):,})" for _, row in part.iterrows()]
        height -= len(part) + 1.4
    made[0].set_yticks(places, labels)
    return figure, list(made), shown, np.array(places)


def _stops(table: pd.DataFrame) -> int:
    """Return how many stops the groups of an attribute have together."""
    return int(table.loc[table["attribute"] == table["attribute"].iloc[0], "rows"].sum())


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
    figure, panels, shown, places = _row_a_group(table, 9.5, 2)
    titles = {"roc_auc": "ROC AUC", "expected_calibration_error": "Expected calibration error"}
    for axes, (name, title) in zip(panels, titles.items(), strict=True):
        values, errors = style.values_and_bars(shown, name, f"{name}_low", f"{name}_high")
        style.plain(axes).errorbar(values, places, xerr=errors, fmt="o", color=style.BLUE, capsize=2.5, markersize=5)
        style.panel_title(axes, title)
    style.percent_axis(panels[1].xaxis)
    panels[1].set_xlim(left=0)
    known = shown[shown["group_name"] != UNKNOWN].dropna(subset=["roc_auc"])
    low_group, high_group = known.loc[known["roc_auc"].idxmin()], known.loc[known["roc_auc"].idxmax()]
    title = (
        f"Ranking is weakest for {_group(low_group)} (ROC AUC {low_group['roc_auc']:.3f}) and "
        f"strongest for {_group(high_group)} ({high_group['roc_auc']:.3f}); "
        f"{style.model_label(str(table['model'].iloc[0]))}"
    )
    return style.finish(figure, title, origin, rows=_stops(table), note="Bars: 95 % bootstrap intervals.")


def _group(row: pd.Series) -> str:
    return group_label(str(row["attribute"]), str(row["group_name"]))
