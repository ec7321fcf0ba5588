"""Figures of drift: what moved between the training years and the test year."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sqf_pipeline.display import words
from sqf_pipeline.evaluation.drift import STABILITY_SHIFT
from sqf_pipeline.registry.columns import load_columns
from sqf_pipeline.reporting.plots import style
from sqf_pipeline.reporting.plots.style import Origin

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


SHOWN = 15
"""Columns that are drawn, those that moved most."""


def drift_overview(table: pd.DataFrame, origin: Origin) -> "Figure":
    """Draw the greatest shifts and changes of missing values; takes the table `drift` of one test year.

    Only columns that a model may use, and the outcomes, are drawn and counted; the table has them all.
    """
    used = {entry.name for entry in load_columns() if entry.feature or entry.known == "outcome"}
    table = table[table["column_name"].isin(used)]
    figure = style.new_figure(11.0, 2.1 + 0.29 * SHOWN)
    left, right = figure.subplots(1, 2)
    _stability(left, table)
    _missing(right, table)
    counts = table["status"].value_counts()
    failed = table[table["status"] == "fail"]
    title = f"{int(counts.get('warn', 0))} of {len(table)} checks of drift warn, {len(failed) or 'none'} fail"
    title += "s" if len(failed) in {0, 1} else ""
    if len(failed):
        title += ": " + ", ".join(dict.fromkeys(map(words, failed["column_name"])))
    else:
        shifts = table[table["measure"] == "population_stability_index"].dropna(subset=["value"])
        if len(shifts):
            top = shifts.loc[shifts["value"].idxmax()]
            title += f"; {words(top['column_name'])} shifted most (index {top['value']:.2g})"
    note = "Columns that models may use, and outcomes. Circle: within bounds; triangle: warns; cross: fails."
    return style.finish(figure, title, origin, note=note)


def _dots(axes: "Axes", values: np.ndarray, places: np.ndarray, status: pd.Series) -> None:
    for kind, colour in style.STATUS_COLOURS.items():
        mask = (status == kind).to_numpy(dtype=bool)
        axes.scatter(values[mask], places[mask], color=colour, marker=style.STATUS_MARKERS[kind], s=34, zorder=3)


def _stability(axes: "Axes", table: pd.DataFrame) -> None:
    part = table[table["measure"] == "population_stability_index"].dropna(subset=["value"])
    part = part.sort_values(["value", "column_name"], ascending=[False, True]).head(SHOWN)
    places = np.arange(len(part))[::-1]
    values = np.maximum(part["value"].to_numpy(dtype=float), 1e-3)
    style.plain(axes).set_xscale("log")
    axes.hlines(places, 1e-3, values, color=style.LIGHT_GREY, linewidth=1)
    _dots(axes, values, places, part["status"])
    axes.axvline(STABILITY_SHIFT, **style.DOTTED)
    axes.text(
        STABILITY_SHIFT, 1.0, f"{STABILITY_SHIFT:g}: shifted", transform=axes.get_xaxis_transform(), fontsize=8,
        color=style.GREY, ha="center", va="bottom",
    )  # fmt: skip
    axes.set_xlim(left=min(0.01, float(values.min()) * 0.8) if len(values) else 0.01)
    ticks = [
        tick for tick in (0.01, 0.03, 0.1, 0.3, 1, 3, 10) if not len(values) or tick <= max(values.max(), 0.3) * 1.2
    ]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_yticks(places, [words(name) for name in part["column_name"]])
    axes.set_xlabel("Population stability index (logarithmic)")
    style.panel_title(axes, "Greatest shifts of what is there\n")


def _missing(axes: "Axes", table: pd.DataFrame) -> None:
    part = table[table["measure"] == "missing_share"].dropna(subset=["value", "reference"])
    change = (part["value"] - part["reference"]).abs()
    part = part.assign(change=change).sort_values(["change", "column_name"], ascending=[False, True]).head(SHOWN)
    places = np.arange(len(part))[::-1]
    now, before = part["value"].to_numpy(dtype=float), part["reference"].to_numpy(dtype=float)
    style.plain(axes).hlines(places, before, now, color=style.LIGHT_GREY, linewidth=2)
    axes.scatter(before, places, facecolors="white", edgecolors=style.GREY, s=30, zorder=2)
    _dots(axes, now, places, part["status"])
    axes.set_xlim(-0.02, 1.02)
    style.percent_axis(axes.xaxis)
    axes.set_yticks(places, [words(name) for name in part["column_name"]])
    axes.set_xlabel("Share missing: training (hollow) and test year (filled)")
    style.panel_title(axes, "Greatest changes of missing values\n")
