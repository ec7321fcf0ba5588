"""Compare `sqf run` with a plain script that does the same reading, the same fits, and `to_sql`.

    SQF_DATA_DIR=/folder/of/the/files python -m benchmarks.compare_with_plain_script --repeats 5

Both run in turn, in the same minutes, on the same files, against the same PostgreSQL server, which is started
before; `sqf run` starts with an empty home each time. What is compared is the whole command, from its start to its end.
"""

import os
import statistics
import sys
import tempfile
from pathlib import Path

import click

from benchmarks.measuring import Cost, machine, now, run_and_measure
from sqf_pipeline.settings import Settings
from sqf_pipeline.warehouse import embedded_server

PLAIN = Path(__file__).with_name("plain_script.py")
YEAR = "2020"
KEPT = "\n## Where the full run spends its time"
"""Where the part of the report starts that is written by hand and stays."""


@click.command()
@click.option("--repeats", default=5, show_default=True, type=click.IntRange(min=1))
@click.option("--write", type=click.Path(path_type=Path), help="File for the report; printed in any case.")
def main(repeats: int, write: Path | None) -> None:
    """Compare `sqf run` with a plain script."""
    data_dir = Settings().data_dir.resolve()
    if not list(data_dir.glob("*2020*")):
        raise click.ClickException(f"There are no yearly files in {data_dir}; set SQF_DATA_DIR to their folder.")
    ours, plain, loads = [], [], []
    with tempfile.TemporaryDirectory(prefix="sqf-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        url = embedded_server.ensure_running(folder / "postgres")
        try:
            for number in range(repeats):
                # the order changes, so that neither always finds the files in memory
                for which in ("plain", "ours") if number % 2 else ("ours", "plain"):
                    loads.append(os.getloadavg()[0])
                    cost = _run(which, number, folder, data_dir, url)
                    (ours if which == "ours" else plain).append(cost)
                    click.echo(f"{which}: {cost.seconds:.1f} s, {cost.cpu_seconds:.1f} CPU s, {cost.megabytes:.0f} MB")
        finally:
            embedded_server.remove(folder / "postgres")
    report = render(ours, plain, statistics.mean(loads))
    click.echo(report)
    if write:
        kept = write.read_text(encoding="utf-8").partition(KEPT) if write.exists() else ("", "", "")
        write.write_text(report + "".join(kept[1:]), encoding="utf-8")


def _run(which: str, number: int, folder: Path, data_dir: Path, url: str) -> Cost:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SQF_", "DAGSTER_"))}
    log = folder / f"{which}-{number}.log"
    if which == "plain":
        return run_and_measure([sys.executable, str(PLAIN), str(data_dir), url], environment, log)
    environment |= {
        "SQF_HOME": str(folder / f"home-{number}"), "SQF_DATA_DIR": str(data_dir), "SQF_DATABASE_URL": url,
        "SQF_SOURCE": "local",
    }  # fmt: skip
    return run_and_measure([str(Path(sys.executable).with_name("sqf")), "run", "--year", YEAR], environment, log)


def render(ours: list[Cost], plain: list[Cost], load: float) -> str:
    """Return the report as Markdown: the median of each, their ratio, and every run."""
    rows = []
    for label, unit, measure in (
        ("time", "s", lambda cost: cost.seconds),
        ("processor time, all cores", "s", lambda cost: cost.cpu_seconds),
        ("largest memory", "MB", lambda cost: cost.megabytes),
    ):
        us, them = statistics.median(map(measure, ours)), statistics.median(map(measure, plain))
        every = f"{_listed(map(measure, ours))} against {_listed(map(measure, plain))}"
        rows.append(f"| {label} | {us:.1f} {unit} | {them:.1f} {unit} | {us / them:.2f} | {every} |")
    return "\n".join(
        (
            "# `sqf run` and a plain script",
            "",
            "Written by `make bench`. `benchmarks/plain_script.py` reads the same published files (openpyxl for the",
            "workbook), makes the same fits on as many cores, and writes with `to_sql`. Both ran in turn, as whole",
            "commands, on the same PostgreSQL server; the medians are compared. Besides, `sqf run` checks every",
            "hand-off, counts what cleaning changed, and keeps frames, models, lineage and history.",
            "",
            f"Measured {now()}; {machine()}; load of the machine {load:.1f}.",
            "",
            "| | `sqf run` | plain script | ratio | every run |",
            "|---|---|---|---|---|",
            *rows,
            "",
        )
    )


def _listed(values: object) -> str:
    return ", ".join(f"{value:.1f}" for value in values)  # type: ignore[attr-defined]


__all__ = ["main", "render"]

if __name__ == "__main__":
    main()
