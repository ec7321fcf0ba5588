"""All years since 2003 into PostgreSQL: `python -m benchmarks.all_years --years 2003-2016 --real 2017-2020`.

What belongs here: the real command, watched step by step, the same with plain pandas, and what the page says of both.
Results stand in `docs/growth_by_year.csv`; a year that is measured again replaces its rows, so that a measurement may
be made in parts. It reads the process's own figures from /proc, so that it runs on Linux alone.
"""

import csv
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from benchmarks.measuring import Cost, machine, now, run_and_measure

FIELDS = ("year", "stops", "source", "step", "seconds", "cpu_seconds", "megabytes", "measured", "machine")
STEP = re.compile(r"\W*(\d{4}) (\w+)\s+([\d.]+) s")
COMPARED_ROWS = {"to_sql_few": 2_000, "to_sql": 25_000}
"""Stops that plain pandas writes: the difference tells its time for each stop, without starting Python and reading."""
WRITE, PANDAS = "write_synthetic_file", "pandas"
Row = dict[str, str]


class Watch(threading.Thread):
    """Largest memory and processor time of a process, asked ten times a second."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self._folder, self._megabytes = Path(f"/proc/{process}"), 0.0

    def run(self) -> None:
        """Ask until the process is gone."""
        while self._folder.exists():
            try:
                pages = int((self._folder / "statm").read_text(encoding="ascii").split()[1])
            except (OSError, IndexError):
                return
            self._megabytes = max(self._megabytes, pages * os.sysconf("SC_PAGE_SIZE") / 1024**2)
            time.sleep(0.1)

    def megabytes(self) -> float:
        """Return the largest memory since this was asked last."""
        largest, self._megabytes = self._megabytes, 0.0
        return largest

    def cpu_seconds(self) -> float:
        """Return the processor time up to now, of all threads."""
        fields = (self._folder / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def steps_of(command: Sequence[str], environment: dict[str, str]) -> Iterator[Row]:
    """Run `sqf run` and yield each step as it ends; the start of the program is of the first."""
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    watch, before, said = Watch(process.pid), 0.0, []
    watch.start()
    for line in process.stdout or ():
        said.append(line)
        if found := STEP.match(line):
            used = watch.cpu_seconds()
            yield {
                "year": found[1], "step": found[2], "seconds": found[3], "cpu_seconds": f"{used - before:.1f}",
                "megabytes": f"{watch.megabytes():.0f}",
            }  # fmt: skip
            before = used
    if process.wait():
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{''.join(said[-40:])}")


@click.command()
@click.option("--years", multiple=True, help="Synthetic years of one run, such as 2003-2016; repeat for several runs.")
@click.option("--real", help="Published years, out of SQF_DATA_DIR, such as 2017-2020.")
@click.option("--write", type=int, multiple=True, help="Year whose file is written once more, to know what that takes.")
@click.option("--compare", type=int, help="Year that plain pandas reads and writes too.")
@click.option("--home", type=click.Path(path_type=Path), required=True, help="SQF_HOME of the runs; it is kept.")
@click.option("--docs", type=click.Path(path_type=Path), default=Path("docs"), show_default=True)
def main(
    *, years: Sequence[str], real: str | None, write: Sequence[int], compare: int | None, home: Path, docs: Path
) -> None:
    """Load years into PostgreSQL, and measure time and memory of each step."""
    environment = {**os.environ, "SQF_HOME": str(home), "COLUMNS": "200"}
    for folder in (home, docs):
        folder.mkdir(parents=True, exist_ok=True)
    for source, named in (*(("sample", part) for part in years), *([("local", real)] if real else [])):
        run = [sys.executable, "-m", "sqf_pipeline.cli", "run", "--stops-only", "--source", source, "--years", named]
        for step in steps_of(run, environment):
            _keep(docs, {**step, "source": source, "stops": str(_stops(home, int(step["year"])))})
    for year in write:
        sample = [sys.executable, "-m", "sqf_pipeline.cli", "sample", "--year", str(year)]
        _keep(
            docs, _told(year, "sample", _stops(home, year), WRITE, run_and_measure(sample, environment, home / "log"))
        )
    for year in [compare] if compare else []:
        for step, rows in {"read_csv": _stops(home, year), **COMPARED_ROWS}.items():
            command = [sys.executable, "-m", "benchmarks.pandas_year", str(home), str(year), str(rows), step]
            cost = run_and_measure(command, environment, home / "log")
            _keep(docs, _told(year, PANDAS, rows, step, cost))
    from benchmarks.growth import write_page

    write_page(docs)


def _told(year: int, source: str, stops: int, step: str, cost: Cost) -> Row:
    return {
        "year": str(year), "stops": str(stops), "source": source, "step": step, "seconds": f"{cost.seconds:.1f}",
        "cpu_seconds": f"{cost.cpu_seconds:.1f}", "megabytes": f"{cost.megabytes:.0f}",
    }  # fmt: skip


def _stops(home: Path, year: int) -> int:
    """Return the stops that a year has been stored with."""
    import pyarrow.parquet as pq

    (path,) = home.glob(f"storage/*/raw_stops/{year}.parquet")
    return int(pq.read_metadata(path).num_rows)


def _keep(docs: Path, row: Row) -> None:
    """Write a row into the table in place of an earlier measurement of the same."""
    row |= {"measured": now(), "machine": machine()}
    key = ("year", "source", "step")
    rows = [other for other in read_rows(docs) if [other[k] for k in key] != [row[k] for k in key]]
    rows = sorted([*rows, row], key=lambda entry: (entry["source"] == PANDAS, int(entry["year"])))
    with (docs / "growth_by_year.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    click.echo(" ".join(row.values()))


def read_rows(docs: Path) -> list[Row]:
    """Return what has been measured so far."""
    path = docs / "growth_by_year.csv"
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines())) if path.exists() else []


if __name__ == "__main__":
    main()
