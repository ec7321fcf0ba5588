"""Figures of stops: when and where they happen, and how often they end in an arrest or a summons."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sqf_pipeline.display import share as percent
from sqf_pipeline.evaluation.bootstrap import effective_rows, stop_clusters, wilson_interval
from sqf_pipeline.registry.outcomes import OUTCOME_WORDS, STUDY_TARGETS
from sqf_pipeline.registry.year_and_month_words import MONTHS, WEEKDAYS
from sqf_pipeline.reporting.plots import style
from sqf_pipeline.reporting.plots.style import Origin

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEAST_STOPS = 5
FEET_A_MILE = 5280.0
CELL_MILES = 0.5


def stops_a_month(stops: pd.DataFrame, origin: Origin) -> "Figure":
    """Draw the number of stops in each month; takes `year` and `month` of clean stops."""
    known = stops.dropna(subset=["year", "month"])
    years = sorted(int(year) for year in known["year"].unique())
    counts = (
        known.groupby(["year", "month"]).size().reindex([(year, month) for year in years for month in range(1, 13)])
    )
    values = counts.fillna(0).to_numpy(dtype=float)
    totals = known.groupby("year").size()
    figure = style.new_figure(9.5, 4.2)
    axes = style.plain(figure.subplots(), grid="y")
    axes.plot(np.arange(len(values)), values, color=style.BLUE, linewidth=1.8, marker="o", markersize=3)
    for position, year in enumerate(years):
        if position:
            axes.axvline(12 * position - 0.5, color=style.LIGHT_GREY, linewidth=1)
        axes.text(
            12 * position + 5.5, 1.02, f"{year}: {int(totals[year]):,} stops", ha="center", fontsize=9.5,
            color="#333333", transform=axes.get_xaxis_transform(),
        )  # fmt: skip
    ticks = [12 * position + month for position in range(len(years)) for month in (0, 3, 6, 9)]
    axes.set_xticks(ticks, [MONTHS[tick % 12][:3] for tick in ticks])
    axes.set_xlim(-0.8, len(values) - 0.2)
    axes.set_ylim(0, values.max() * 1.08)
    axes.set_ylabel("Stops a month")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    return style.finish(figure, _trend_title(totals, values, years), origin, rows=len(known))


def _trend_title(totals: pd.Series, values: np.ndarray, years: list[int]) -> str:
    if len(years) < 2:
        peak = int(values.argmax())
        return f"Stops peaked in {MONTHS[peak][:3]} {years[0]}, with {values[peak]:,.0f} in the month"
    before, now = int(totals[years[-2]]), int(totals[years[-1]])
    verb = "fell" if now < before else "rose"
    steps = np.diff(values)
    turn = int(np.abs(steps).argmax())
    months = f"from {MONTHS[turn % 12][:3]} to {MONTHS[(turn + 1) % 12][:3]}"
    size = f"{abs(steps[turn]):,.0f} stops {'fewer' if steps[turn] < 0 else 'more'}"
    change = f"the greatest step was {size} {months}"
    return (
        f"Stops {verb} by {percent(abs(now / before - 1), 0)} from {years[-2]} to {years[-1]}; "
        f"{change} {years[(turn + 1) // 12]}"
    )


def outcome_shares(stops: pd.DataFrame, origin: Origin) -> "Figure":
    """Draw the share of stops of each year that ended in an arrest or a summons, with Wilson intervals by encounter."""
    figure = style.new_figure(8.5, 3.8)
    panels = figure.subplots(1, len(STUDY_TARGETS))
    findings = []
    years = sorted(int(year) for year in stops["year"].dropna().unique())
    for axes, (outcome, column) in zip(panels, STUDY_TARGETS.items(), strict=True):
        name = OUTCOME_WORDS[outcome]["plural"]
        known = stops.dropna(subset=[column, "year"])
        by_year = known.groupby("year")[column].agg(["mean"])
        worth = known.assign(encounter=stop_clusters(known)).groupby("year")["encounter"].agg(effective_rows)
        shares = np.array([float(by_year.loc[year, "mean"]) for year in years])
        bounds = [wilson_interval(float(by_year.loc[y, "mean"]), float(worth.loc[y])) for y in years]
        low, high = np.array(bounds, dtype=float).T
        style.plain(axes, grid="y").errorbar(
            np.arange(len(years)),
            shares,
            [shares - low, high - shares],
            fmt="o",
            color=style.BLUE,
            capsize=3,
            markersize=6,
        )
        for place, share in enumerate(shares):
            style.write_beside(axes, percent(share), (place, share), 9, fontsize=9)
        axes.set_xticks(np.arange(len(years)), [str(year) for year in years])
        axes.set_xlim(-0.4, len(years) - 0.35)
        axes.set_ylim(0, high.max() * 1.15)
        style.percent_axis(axes.yaxis)
        axes.set_ylabel(f"{style.capitalised(name)}, share of stops")
        style.panel_title(axes, style.capitalised(name))
        now = f"{percent(shares[-1])} of stops in {years[-1]}"
        before = f", {percent(shares[0])} in {years[0]}" if len(years) > 1 else ""
        findings.append(f"{name} followed {now}{before}")
    title = style.capitalised("; ".join(findings))
    return style.finish(figure, title, origin, rows=len(stops), note="Bars: 95 % Wilson intervals.")


def hour_and_weekday(stops: pd.DataFrame, origin: Origin) -> "Figure":
    """Draw how many stops fall on each hour of each weekday; takes `weekday` and `stop_time_seconds`."""
    known = stops.dropna(subset=["weekday", "stop_time_seconds"])
    days = known["weekday"].to_numpy(dtype=np.intp) - 1
    hours = known["stop_time_seconds"].to_numpy(dtype=np.intp) // 3600
    counts = np.zeros((7, 24))
    np.add.at(counts, (days, hours), 1)
    figure = style.new_figure(9.5, 4.0)
    axes = figure.subplots()
    image = axes.imshow(counts, aspect="auto", cmap="cividis", vmin=0)
    axes.set_yticks(np.arange(7), WEEKDAYS)
    axes.set_xticks(np.arange(0, 24, 3), [f"{hour}:00" for hour in range(0, 24, 3)])
    axes.set_xlabel("Hour of the stop (24-hour clock)")
    axes.tick_params(length=0, labelsize=9)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, label="Stops", pad=0.01)
    bar.outline.set_visible(False)
    day, hour = np.unravel_index(int(counts.argmax()), counts.shape)
    quiet = int(counts.sum(axis=0).argmin())
    title = (
        f"Stops peak on {WEEKDAYS[day]} from {hour}:00 to {(hour + 1) % 24}:00 ({counts.max():,.0f}) and are rarest "
        f"from {quiet}:00 to {(quiet + 1) % 24}:00 ({percent(counts.sum(axis=0)[quiet] / len(known))} of all)"
    )
    return style.finish(figure, title, origin, rows=len(known))


def stops_map(stops: pd.DataFrame, origin: Origin) -> "Figure":
    """Draw stops by hexagonal cells; takes `x_feet`, `y_feet` (EPSG:2263) and `borough` of clean stops.

    Cells with fewer than `LEAST_STOPS` stops are left out and counted in the note.
    """
    from matplotlib.colors import LogNorm

    known = stops.dropna(subset=["x_feet", "y_feet"])
    x = known["x_feet"].to_numpy(dtype=float) / FEET_A_MILE
    y = known["y_feet"].to_numpy(dtype=float) / FEET_A_MILE
    figure = style.new_figure(8.2, 7.0)
    axes = figure.subplots()
    size = (int((x.max() - x.min()) / CELL_MILES), int((y.max() - y.min()) / CELL_MILES / np.sqrt(3)))
    cells = axes.hexbin(x, y, gridsize=size, mincnt=1, cmap="cividis", linewidths=0.15)
    counts = np.asarray(cells.get_array(), dtype=float)
    cells.set_array(np.ma.masked_less(counts, LEAST_STOPS))
    cells.set_norm(LogNorm(LEAST_STOPS, max(counts.max(), LEAST_STOPS + 1)))
    axes.set_aspect("equal")
    axes.set_axis_off()
    for borough, part in known.assign(x=x, y=y).dropna(subset=["borough"]).groupby("borough"):
        place = _label_place(x, y, part)
        axes.update_datalim([(place[0] - 2.2, place[1] - 0.5), (place[0] + 2.2, place[1] + 0.5)])
        axes.annotate(
            str(borough).title(), place, fontsize=10.5, fontweight="bold", color="#333333",
            ha="center", va="center",
        )  # fmt: skip
    axes.autoscale_view()
    left, bottom = x.max() - 6, y.min() + 0.6
    axes.plot([left, left + 5], [bottom, bottom], color=style.GREY, linewidth=2)
    axes.text(left + 2.5, bottom + 0.3, "5 miles", ha="center", fontsize=9, color=style.GREY)
    bar = figure.colorbar(cells, ax=axes, label="Stops in a cell (logarithmic)", shrink=0.6, pad=0.01)
    bar.outline.set_visible(False)
    ticks = [tick for tick in (5, 10, 20, 50, 100, 200, 500, 1000, 2000) if tick <= counts.max()]
    bar.set_ticks(ticks, labels=[str(tick) for tick in ticks], minor=False)
    bar.ax.minorticks_off()
    falling = np.sort(counts)[::-1]
    half = int(np.searchsorted(np.cumsum(falling), counts.sum() / 2)) + 1
    title = (
        f"Half of the stops fall into {half:,} of {len(counts):,} cells: "
        f"{percent(half / len(counts), 0)} of the places where anyone was stopped"
    )
    hidden = counts < LEAST_STOPS
    note = (
        f"Cells about {CELL_MILES:g} miles across; {int(hidden.sum()):,} cells with fewer than {LEAST_STOPS} stops "
        f"({int(counts[hidden].sum()):,} stops) are not drawn, {len(stops) - len(known):,} stops have no place."
    )
    return style.finish(figure, title, Origin(origin.source, origin.years), rows=len(known), note=note)


def _label_place(x: np.ndarray, y: np.ndarray, part: pd.DataFrame) -> tuple[float, float]:
    """Return a place for a borough's name: beside its stops, away from the middle of the city."""
    middle = np.array([np.median(x), np.median(y)])
    own = np.array([part["x"].median(), part["y"].median()])
    away = own - middle
    length = float(np.hypot(*away))
    direction = away / length if length > 0.5 else np.array([1.0, 0.0])
    reach = np.quantile((part[["x", "y"]].to_numpy() - own) @ direction, 0.995)
    place = own + direction * (reach + 0.6) + direction * np.array([2.6, 0.9])  # half a name is wide, not high
    return float(place[0]), float(place[1])
