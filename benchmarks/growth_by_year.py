"""The page's part about all years in PostgreSQL, and its plot, from `docs/growth_by_year.csv`."""

import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from benchmarks.all_years import COMPARED_ROWS, PANDAS, WRITE, Row

LIMIT_MEGABYTES, LIMIT_SECONDS = 2048, 120
"""What a year of 685,724 stops (2011) may take."""
STEPS = ("raw_stops", "stops")
"""Reading, judging and keeping the text of a year; cleaning it, its contract, its Parquet file and its table."""
_SMALLEST_SLOPED = 100_000
"""Below, starting the program and the pipeline's own work hide how the time grows."""


def _by_year(rows: Sequence[Row], source: str) -> dict[int, dict[str, Row]]:
    """Return year -> step -> row of one source."""
    years: dict[int, dict[str, Row]] = defaultdict(dict)
    for row in rows:
        if row["source"] == source:
            years[int(row["year"])][row["step"]] = row
    return {year: steps for year, steps in years.items() if set(STEPS) <= set(steps)} if source != PANDAS else years


def _writing(rows: Sequence[Row]) -> float:
    """Return processor seconds that writing one synthetic stop takes: part of `raw_stops`, not of loading."""
    written = [row for row in rows if row["step"] == WRITE]
    stops = sum(int(row["stops"]) for row in written) or 1
    return sum(float(row["cpu_seconds"]) for row in written) / stops


def loading(steps: dict[str, Row], writing: float) -> tuple[float, float]:
    """Return processor seconds and peak megabytes of loading a year, without writing its sample."""
    stops = int(steps["stops"]["stops"]) if steps["stops"]["source"] == "sample" else 0
    taken = [row for row in steps.values() if row["step"] != WRITE]
    return sum(float(row["cpu_seconds"]) for row in taken) - writing * stops, max(float(r["megabytes"]) for r in taken)


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return the power of x with which y grows, by least squares on logarithms: 1 is linear."""
    x, y = ([math.log(value) for value in axis] for axis in zip(*points, strict=True))
    middle, level = sum(x) / len(x), sum(y) / len(y)
    spread = sum((one - middle) ** 2 for one in x)
    return sum((one - middle) * (two - level) for one, two in zip(x, y, strict=True)) / spread


def render(rows: Sequence[Row]) -> str:
    """Return the part of the page, empty when nothing was measured."""
    writing = _writing(rows)
    lines, points, total = [], [], 0
    for source in ("sample", "local"):
        for year, steps in sorted(_by_year(rows, source).items()):
            cpu, peak = loading(steps, writing)
            stops = int(steps["stops"]["stops"])
            total += stops
            if source == "sample" and stops >= _SMALLEST_SLOPED:
                points.append((stops, cpu))
            parts = [
                f"{float(steps[step]['cpu_seconds']):.0f} / {float(steps[step]['megabytes']):.0f}" for step in STEPS
            ]
            lines.append(
                f"| {year} | {'synthetic' if source == 'sample' else 'published'} | {stops:,} | {' | '.join(parts)} | "
                f"{cpu:.0f} | {peak:,.0f} |"
            )
    if not lines:
        return ""
    page = [
        "",
        "## All years since 2003",
        "",
        "By `python -m benchmarks.all_years` (`docs/growth_by_year.csv`): `sqf run --stops-only` on synthetic years of",
        "2003 to 2016 at the official numbers of stops, and on published files of 2017 to 2020. A step's cell says",
        "its processor seconds and its peak memory in MB (the whole process's). Writing the synthetic file is part of",
        f"`raw_stops`, {writing * 1e6:.0f} processor seconds for a million stops, and is left out of the column",
        "*load*. The database server's own time is not in them.",
        "",
        "Where the time goes, by a profile of 60,000 stops of 2011: two fifths into reading (the CSV parser, text into",
        "Arrow, the lengths of rows and numbers of stops that are checked one by one), three fifths into cleaning, of",
        "which a half is finding what each different text of a column means in the form (most addresses, premises and",
        "crimes in the officer's words are different) and a quarter putting it into plain characters.",
        "",
        "Memory is largest while a file is read: its text is then held once as it is, and afterwards as categories,",
        "each different text once (85 MB in place of 678 for 2011). Of the year before only categories are read, and",
        "rows are converted for COPY some thousands at a time.",
        "",
        "| Year | Source | Stops | raw_stops: s / MB | stops: s / MB | load: processor s | peak MB |",
        "|---|---|---|---|---|---|---|",
        *lines,
        "",
        f"Together {total:,} stops.",
    ]
    if len(points) > 1:
        page.append(
            f"From {min(points)[0]:,} stops a year to {max(points)[0]:,} the processor time grows with their power "
            f"{slope(points):.2f} (1 is linear)."
        )
    page += [*_compared(rows, writing), "", "![Time and memory by stops of a year](images/growth_by_year.svg)", ""]
    days = sorted({(row["measured"][:10], row["machine"]) for row in rows})
    return "\n".join([*page, *(f"Measured {day}: {where}." for day, where in days), ""])


def render_samples(rows: Sequence[Row]) -> str:
    """Return the part of the page on fitting with samples, empty when nothing was measured."""
    if not rows:
        return ""
    lines = [
        f"| `{row['model']}` | {row['training_years']}; {row['test_year']} | {int(row['stops']):,} | "
        f"{float(row['share']):.0%} | {row['cpu_seconds']} | {int(row['megabytes']):,} | {row['roc_auc']} | "
        f"{row['average_precision']} |"
        for row in rows
    ]
    return "\n".join(
        [
            "",
            "## Fitting on a sample",
            "",
            "Nothing is sampled: every model is fitted on all stops of its training years. Permutation importances",
            "alone look at 4,000 stops of the test year. What a sample of the training stops would save and cost, by",
            "`python -m benchmarks.training_sample` (`docs/growth_by_sample.csv`), models fitted twice as always, once",
            "to calibrate them on the last training year and once on all:",
            "",
            "| Model | Trained, tested on | Stops | Share | Processor s | Peak MB | ROC AUC | Average precision |",
            "|---|---|---|---|---|---|---|---|",
            *lines,
            "",
        ]
    )


def _compared(rows: Sequence[Row], writing: float) -> list[str]:
    """Return what plain pandas takes for a year, against the pipeline."""
    told = []
    for year, steps in _by_year(rows, PANDAS).items():
        ours = _by_year(rows, "sample").get(year)
        if not ours or set(steps) != {"read_csv", *COMPARED_ROWS}:
            continue
        few, many = steps["to_sql_few"], steps["to_sql"]
        written = int(many["stops"]) - int(few["stops"])
        writing_all = (
            (float(many["cpu_seconds"]) - float(few["cpu_seconds"])) / written * int(steps["read_csv"]["stops"])
        )
        plain = float(steps["read_csv"]["cpu_seconds"]) + writing_all
        cpu, peak = loading(ours, writing)
        told += [
            "",
            f"Plain pandas (`read_csv`, then `to_sql`) takes {plain:,.0f} processor seconds for {year} and checks",
            f"nothing; the pipeline {cpu:.0f}, **{cpu / plain:.2f} of it**. `to_sql` was measured on "
            f"{int(few['stops']):,} and {int(many['stops']):,} stops, whose",
            f"difference stands for all. `read_csv` alone holds {float(steps['read_csv']['megabytes']):,.0f} MB, the "
            f"pipeline at most {peak:,.0f} MB.",
        ]
    return told


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw processor time and peak memory of loading a year over its stops."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "growth"
    writing = _writing(rows)
    figure, panels = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained", sharex=True)
    for source, marker, label in (("sample", "o", "synthetic, 2003 to 2016"), ("local", "s", "published, 2017 on")):
        years = _by_year(rows, source)
        for place, axes in enumerate(panels):
            points = [(int(s["stops"]["stops"]), loading(s, writing)[place], y) for y, s in years.items()]
            axes.scatter([p[0] for p in points], [p[1] for p in points], marker=marker, s=22, label=label)
            for stops, value, year in points:
                if stops >= _SMALLEST_SLOPED:
                    axes.annotate(str(year), (stops, value), (3, 3), textcoords="offset points", fontsize=7)
    panels[1].axhline(LIMIT_MEGABYTES, color="black", linestyle="--", linewidth=1)
    for axes, label in zip(panels, ("Processor seconds to load a year", "Peak memory (MB)"), strict=True):
        axes.set(xlabel="Stops of the year", ylabel=label, xlim=(0, None), ylim=(0, None))
        axes.grid(visible=True, alpha=0.3)
    panels[0].legend(fontsize=8, frameon=False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
