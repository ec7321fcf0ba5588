"""Measure `sqf run`, beside a plain script that does the same reading, fits and `to_sql`, and `sqf run --full`.

Two test years are run beside one as well, on synthetic stops: the published files here need not hold a fifth year.

    SQF_DATA_DIR=/folder/of/the/files python -m benchmarks.compare_with_plain_script --repeats 5 --before /a/checkout

All run in turn, in the same minutes, on the same files, against the same PostgreSQL server, which is started before;
`sqf run` starts with an empty home each time. What is compared is the whole command, from its start to its end.
"""

import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from benchmarks.measuring import Cost, machine, now, run_and_measure
from sqf_pipeline.settings import Settings
from sqf_pipeline.warehouse import embedded_server

ROOT = Path(__file__).resolve().parents[1]
PLAIN = Path(__file__).with_name("plain_script.py")
YEAR = ("--year", "2020")
KEPT = "\n## Where the full run spends its time"
"""Where the part of the report starts that is written by hand and stays."""

Costs = dict[str, list[Cost]]
_MEASURES: tuple[tuple[str, str, Callable[[Cost], float]], ...] = (
    ("time", "s", lambda cost: cost.seconds),
    ("processor time, all cores", "s", lambda cost: cost.cpu_seconds),
    ("largest memory of one process", "MB", lambda cost: cost.megabytes),
    ("largest memory of all together", "MB", lambda cost: cost.together),
)


@click.command()
@click.option("--repeats", default=5, show_default=True, type=click.IntRange(min=1), help="Plain runs of each.")
@click.option("--full-repeats", default=5, show_default=True, type=click.IntRange(min=0), help="Full runs of each.")
@click.option(
    "--before",
    type=click.Path(path_type=Path, exists=True, file_okay=False, resolve_path=True),
    help="Checkout of an earlier version, whose full run is measured beside this one's.",
)
@click.option("--write", type=click.Path(path_type=Path), help="File for the report; printed in any case.")
def main(repeats: int, full_repeats: int, before: Path | None, write: Path | None) -> None:
    """Measure `sqf run`, beside a plain script, and `sqf run --full`, beside an earlier version."""
    data_dir = Settings().data_dir.resolve()
    if not list(data_dir.glob("*2020*")):
        raise click.ClickException(f"There are no yearly files in {data_dir}; set SQF_DATA_DIR to their folder.")
    loads: list[float] = []
    with tempfile.TemporaryDirectory(prefix="sqf-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        url = embedded_server.ensure_running(folder / "postgres")
        try:
            other = embedded_server.ensure_running(folder / "before") if before else url  # its tables may differ
            bench = _Bench(folder, data_dir, (url, other), loads)
            plain = bench.in_turn(repeats, {"sqf run": bench.plain_run, "plain script": bench.script})
            years = {"two test years": bench.two_years, "one test year": bench.one_year}
            second = bench.in_turn(repeats, years)
            versions = {"now": bench.full_run} | ({"before": lambda n: bench.full_run(n, before)} if before else {})
            full = bench.in_turn(full_repeats, versions)
        finally:
            for server in ("postgres", *(["before"] if before else [])):
                embedded_server.remove(folder / server)
    report = render(plain, bench.fits, second, full, loads)
    click.echo(report)
    if write:
        kept = write.read_text(encoding="utf-8").partition(KEPT) if write.exists() else ("", "", "")
        write.write_text(report + "".join(kept[1:]), encoding="utf-8")


class _Bench:
    """The commands that are measured, each by the number of its run."""

    def __init__(self, folder: Path, data_dir: Path, urls: tuple[str, str], loads: list[float]) -> None:
        self.folder, self.data_dir, self.urls, self.loads = folder, data_dir, urls, loads
        self.fits: list[float] = []

    def in_turn(self, repeats: int, measured: dict[str, Callable[[int], Cost]]) -> Costs:
        costs: Costs = {name: [] for name in measured}
        for number in range(repeats):
            # the order changes, so that neither always finds the files in memory
            for name in list(measured)[:: -1 if number % 2 else 1]:
                self.loads.append(os.getloadavg()[0])
                costs[name].append(cost := measured[name](number))
                click.echo(f"{name}: {cost.seconds:.1f} s, {cost.cpu_seconds:.1f} CPU s, {cost.together:.0f} MB")
        return costs

    def script(self, number: int) -> Cost:
        command = [sys.executable, str(PLAIN), str(self.data_dir), self.urls[0]]
        return run_and_measure(command, self._environment(), self.folder / f"script-{number}.log")

    def plain_run(self, number: int) -> Cost:
        fits = self.folder / "fits"
        command = [sys.executable, "-m", "benchmarks.fits_clock", str(fits), "run", *YEAR]
        cost = self._sqf(command, f"plain-{number}")
        self.fits.append(float(fits.read_text(encoding="utf-8")))
        return cost

    def one_year(self, number: int, *more: str) -> Cost:
        command = [sys.executable, "-m", "sqf_pipeline.cli", "run", *YEAR, *more, "--source", "sample"]
        return self._sqf(command, f"years-{number}{'-'.join(more)}")

    def two_years(self, number: int) -> Cost:
        return self.one_year(number, "--year", "2021")

    def full_run(self, number: int, checkout: Path | None = None) -> Cost:
        """Make a full run, of another checkout by its own environment or, where it has none, by this one."""
        own = checkout / ".venv/bin/python" if checkout else None
        python = str(own) if own and own.exists() else sys.executable
        command = [python, "-m", "sqf_pipeline.cli", "run", "--full", *YEAR]
        return self._sqf(command, f"full-{number}{'-before' if checkout else ''}", checkout)

    def _sqf(self, command: list[str], name: str, checkout: Path | None = None) -> Cost:
        with tempfile.TemporaryDirectory(dir=self.folder) as home:
            environment = self._environment() | {
                "SQF_HOME": home, "SQF_DATA_DIR": str(self.data_dir), "SQF_SOURCE": "local",
                "SQF_DATABASE_URL": self.urls[checkout is not None],
            }  # fmt: skip
            if checkout:
                environment["PYTHONPATH"] = str(checkout)
            return run_and_measure(command, environment, self.folder / f"{name}.log", folder=checkout or ROOT)

    @staticmethod
    def _environment() -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if not name.startswith(("SQF_", "DAGSTER_"))}


def render(plain: Costs, fits: list[float], second: Costs, full: Costs, loads: list[float]) -> str:
    """Return the report as Markdown: medians, spreads and every run, and the share of fits in the plain run's time.

    Parameters
    ----------
    plain, second, full
        Runs by what was run; the second of two is compared with.
    fits
        Processor time of the fits of each `sqf run`, seconds.
    loads
        Of the machine when each run began.
    """
    cores = os.cpu_count() or 1
    shares = [used / cores / cost.seconds for used, cost in zip(fits, plain["sqf run"], strict=True)]
    return "\n".join(
        (
            "# `sqf run` and a plain script",
            "",
            "Written by `make bench`. `benchmarks/plain_script.py` reads the same published files (openpyxl for the",
            "workbook), makes the same fits on as many cores, and writes with `to_sql`. All ran in turn, as whole",
            "commands, on the same PostgreSQL server. Figures are medians, with the least and the largest. Besides,",
            "`sqf run` checks every hand-off, counts what cleaning changed, and keeps frames, models, lineage and",
            "history.",
            "",
            f"Measured {now()}; {machine()}; load of the machine when a run began "
            f"{statistics.mean(loads):.1f}, at most {max(loads):.1f}.",
            "",
            *_table(plain),
            "",
            f"Processor time of the fits of `sqf run`: {_told(fits)} s; divided by {cores} cores it is "
            f"{_told(shares, '.2f')} of the time. The first line was said after "
            f"{_told([cost.first_line for cost in plain['sqf run']])} s.",
            "",
            "## A second test year in the same command",
            "",
            "`sqf run --year 2020 --year 2021` beside `sqf run --year 2020`, on synthetic stops, as many as were",
            "published. Below 2 the second year costs less than the first.",
            "",
            *_table(second),
            "",
            *(("## `sqf run --full`", "", *_table(full), "") if any(full.values()) else ()),
        )
    )


def _table(costs: Costs) -> Iterator[str]:
    """Yield the lines of a table with a column for each that was run, and their ratio where they are two."""
    names = [*costs, *(["ratio"] if len(costs) == 2 else []), "every run"]
    yield "| | " + " | ".join(names) + " |"
    yield "|---" * (len(names) + 1) + "|"
    for label, unit, measure in _MEASURES:
        values = [list(map(measure, runs)) for runs in costs.values()]
        cells = [f"{_told(found)} {unit}" for found in values]
        if len(values) == 2:
            cells.append(f"{statistics.median(values[0]) / statistics.median(values[1]):.2f}")
        cells.append(" against ".join(", ".join(f"{value:.1f}" for value in found) for found in values))
        yield f"| {label} | " + " | ".join(cells) + " |"


def _told(values: list[float], form: str = ".1f") -> str:
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


if __name__ == "__main__":
    main()
