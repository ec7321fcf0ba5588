"""Time and memory of each stage as the files grow: `python -m benchmarks.growth --times 1 --times 10`.

What belongs here: running the stages on synthetic years of 1x, 10x and 100x the published rows, and the table and
plot of what they took. What does not: the stages (`growth_stage`).

Results stand in `docs/growth.csv`; a size that is measured again replaces its rows, and `docs/growth.md` and
`docs/growth.svg` are made from all of them.
"""

import csv
import math
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks.growth_stage import DRAWN_TIMES, ROWS, STAGES, TRAINING_YEARS
from benchmarks.measuring import machine, now, run_and_measure
from sqf_pipeline.warehouse import embedded_server

FIELDS = ("times", "stage", "rows", "cpu_seconds", "seconds", "megabytes", "measured", "machine")
YEARLY = ("make_files", "read", "clean", "contract", "write")
LIMIT_MEGABYTES = 12 * 1024
Row = dict[str, str]


@click.command()
@click.option(
    "--times", "sizes", type=int, multiple=True, default=(1, 10), show_default=True, help="Size of the years."
)
@click.option("--skip", multiple=True, type=click.Choice(list(STAGES)), help="Stage to leave out.")
@click.option("--docs", type=click.Path(path_type=Path), default=Path("docs"), show_default=True)
def main(sizes: Sequence[int], skip: Sequence[str], docs: Path) -> None:
    """Measure how time and memory of each stage grow with the rows."""
    found = _read(docs / "growth.csv")
    for times in sizes:
        measured = _measure(times, set(skip))
        stages = {row["stage"] for row in measured}
        found = [row for row in found if (row["times"], row["stage"]) not in {(str(times), s) for s in stages}]
        found = sorted([*found, *measured], key=lambda row: (int(row["times"]), list(STAGES).index(row["stage"])))
        _write(docs / "growth.csv", found)
    write_page(docs)


def write_page(docs: Path) -> None:
    """Write `growth.md` and its plots from what has been measured: by size of the years, and by year."""
    from benchmarks import growth_by_year

    found, by_year = _read(docs / "growth.csv"), _read(docs / "growth_by_year.csv")
    samples = growth_by_year.render_samples(_read(docs / "growth_by_sample.csv"))
    (docs / "growth.md").write_text(render(found) + growth_by_year.render(by_year) + samples, encoding="utf-8")
    draw(found, docs / "growth.svg")
    growth_by_year.draw(by_year, docs / "images" / "growth_by_year.svg")


def _measure(times: int, skip: set[str]) -> list[Row]:
    rows = []
    with tempfile.TemporaryDirectory(prefix="sqf-growth-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        url = embedded_server.ensure_running(folder / "postgres")
        try:
            for stage in STAGES:
                if stage in skip:
                    continue
                command = [sys.executable, "-m", "benchmarks.growth_stage", stage, str(folder), str(times), url]
                cost = run_and_measure(command, os.environ, folder / "log")
                stops = ROWS * times * (1 if stage in YEARLY else len(TRAINING_YEARS))
                rows.append(
                    {
                        "times": str(times), "stage": stage, "rows": str(stops),
                        "cpu_seconds": f"{cost.cpu_seconds:.2f}", "seconds": f"{cost.seconds:.2f}",
                        "megabytes": f"{cost.megabytes:.0f}", "measured": now(), "machine": machine(),
                    }
                )  # fmt: skip
                click.echo(f"{times}x {stage}: {cost.cpu_seconds:.1f} CPU s, {cost.megabytes:.0f} MB")
        finally:
            embedded_server.remove(folder / "postgres")
    return rows


def render(found: Sequence[Row]) -> str:
    """Return the table as Markdown, with the slope from the smallest to the largest size of each stage."""
    sizes = sorted({int(row["times"]) for row in found})
    by = {(int(row["times"]), row["stage"]): row for row in found}
    header = ["Stage", "Stops at 1x"]
    header += [f"{times}x: processor s" for times in sizes] + [f"{times}x: MB" for times in sizes] + ["Slope"]
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    for stage in STAGES:
        cells = [by.get((times, stage)) for times in sizes]
        if not any(cells):
            continue
        first = next(cell for cell in cells if cell)
        one = int(first["rows"]) // int(first["times"])
        values = [cell["cpu_seconds"] if cell else "" for cell in cells]
        memory = [cell["megabytes"] if cell else "" for cell in cells]
        lines.append(f"| {stage.replace('_', ' ')} | {one:,} | {' | '.join([*values, *memory, _slope(cells)])} |")
    largest = max(float(row["megabytes"]) for row in found)
    measured = sorted({(row["measured"][:10], row["machine"]) for row in found})
    return "\n".join(
        (
            "# Growth",
            "",
            "Written by `python -m benchmarks.growth` from `docs/growth.csv`: each stage of the pipeline in a process",
            f"of its own, on synthetic years of {ROWS:,} stops (1x, about what is published) and more. Reading,",
            "cleaning, contract and writing are of one year; the others of the three training years. Processor",
            "seconds count all cores and hardly depend on what else runs; half a second to three of each is the start",
            "of Python and its libraries. Memory is the largest resident set of the process. Above",
            f"{DRAWN_TIMES}x the rows of the file come again under other numbers. Writing is the pipeline's part,",
            "without the server's. An empty cell was not measured.",
            "",
            *lines,
            "",
            "The slope is that of the processor time in powers of the rows, between the two largest sizes: 1 is",
            "linear. From 360,000 stops to 3,600,000, n log n would be 1.07, and n log² n, where values are sorted",
            "anew at each level of a tree, 1.14.",
            "",
            f"Largest memory: {largest:,.0f} MB of the {LIMIT_MEGABYTES:,} MB that are allowed.",
            "",
            "![Time and memory by rows](growth.svg)",
            "",
            *(f"Measured {day}: {where}." for day, where in measured),
            "",
        )
    )


def _slope(cells: Sequence[Row | None]) -> str:
    known = [cell for cell in cells if cell]
    if len(known) < 2:
        return ""
    small, large = known[-2], known[-1]
    rows = math.log(int(large["rows"]) / int(small["rows"]))
    return f"{math.log(float(large['cpu_seconds']) / float(small['cpu_seconds'])) / rows:.2f}"


def draw(found: Sequence[Row], path: Path) -> None:
    """Draw processor time and memory of each stage over its rows, both axes logarithmic."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    figure, (time_axes, memory_axes) = plt.subplots(1, 2, figsize=(10, 4.5), layout="constrained", sharex=True)
    for number, stage in enumerate(STAGES):
        rows = [row for row in found if row["stage"] == stage]
        stops = [int(row["rows"]) for row in rows]
        style = {"marker": "osD^v<>ph"[number], "linewidth": 1.5, "label": stage.replace("_", " ")}
        time_axes.plot(stops, [float(row["cpu_seconds"]) for row in rows], **style)
        memory_axes.plot(stops, [float(row["megabytes"]) for row in rows], **style)
    memory_axes.axhline(LIMIT_MEGABYTES, color="black", linestyle="--", linewidth=1)
    for axes, label in ((time_axes, "Processor seconds"), (memory_axes, "Memory (MB)")):
        axes.set(xscale="log", yscale="log", xlabel="Stops", ylabel=label)
        axes.grid(visible=True, which="major", alpha=0.3)
    time_axes.legend(fontsize=8, frameon=False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _read(path: Path) -> list[Row]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _write(path: Path, found: Sequence[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)


if __name__ == "__main__":
    main()
