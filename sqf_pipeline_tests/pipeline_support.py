"""A small pipeline of its own for a test: files, home, database, the command, and digests of its tables."""

import csv
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from click.testing import CliRunner, Result

from sqf_pipeline.cli import main
from sqf_pipeline.settings import schema_for_source
from sqf_pipeline.synthetic.invented_places import MARK
from sqf_pipeline.synthetic.synthetic_years import write_synthetic_year
from sqf_pipeline.warehouse import embedded_server
from sqf_pipeline.warehouse.tables import build_metadata
from sqf_pipeline.warehouse.url import create_engine
from sqf_pipeline_tests import ONE_THREAD
from sqf_pipeline_tests.table_fingerprints import table_fingerprint

YEARS = (2017, 2018, 2019, 2020)
REPOSITORY = Path(__file__).parents[1]
FEW_TREES = {
    "PYTHONPATH": f"{REPOSITORY / 'sqf_pipeline_tests' / 'few_trees'}{os.pathsep}{REPOSITORY}", **ONE_THREAD
}  # fmt: skip
"""Environment of a process, and of those that it starts, whose models are as small as those of `small_models`."""
SETTINGS = tuple(name for name in os.environ if name.startswith("SQF_"))


def write_made_up_years(folder: Path, rows: int = 400, seed: int = 3) -> Path:
    """Write made-up years as somebody's CSV files that do not say that they are the sample, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for year in YEARS:
        made_up = write_synthetic_year(folder, year, seed=seed, rows=rows)
        text = made_up.read_text(encoding="utf-8-sig").replace(MARK, "MADE UP")
        made_up.unlink()
        (folder / f"sqf-{year}.csv").write_text(text, encoding="utf-8")
    return folder


def rows_of(path: Path) -> list[list[str]]:
    """Return header and rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def write_rows(path: Path, rows: list[list[str]]) -> None:
    """Write header and rows of a CSV file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def in_quarters(folder: Path, year: int, *kept: int) -> None:
    """Put files of some quarters in the place of a year's CSV file whose dates pandas can read."""
    import pandas as pd

    whole = folder / f"sqf-{year}.csv"
    header, *rows = rows_of(whole)
    dates = pd.to_datetime(pd.Series([row[header.index("STOP_FRISK_DATE")] for row in rows]), format="mixed")
    whole.unlink()
    for quarter in kept:
        mine = [row for row, number in zip(rows, dates.dt.quarter, strict=True) if number == quarter]
        write_rows(folder / f"sqf-{year}-q{quarter}.csv", [header, *mine])


@dataclass
class Pipeline:
    """A home with an embedded database, and the files that it reads."""

    home: Path
    data_dir: Path
    source: str = "local"
    environment: dict[str, str] = field(default_factory=dict)

    def settings(self) -> dict[str, str | None]:
        """Return the environment variables that make a command work here, None for those that must not be set.

        Files of tests are excerpts unless `environment` says otherwise.
        """
        cleared: dict[str, str | None] = dict.fromkeys(SETTINGS)
        return {
            **cleared,
            "SQF_HOME": str(self.home),
            "SQF_DATA_DIR": str(self.data_dir),
            "SQF_SOURCE": self.source,
            "SQF_EXCERPT": "on",
            "COLUMNS": "200",
            **self.environment,
        }

    def sqf(self, *arguments: str, **environment: str) -> Result:
        """Run a command in this process."""
        return CliRunner().invoke(main, list(arguments), env={**self.settings(), **environment})

    def start(self, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        """Start a command as a process of its own, which fits few trees."""
        merged = {**os.environ, **self.settings(), **FEW_TREES, **environment}
        return subprocess.Popen(
            [sys.executable, "-m", "sqf_pipeline.cli", *arguments],
            env={name: value for name, value in merged.items() if value is not None},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def fingerprints(self) -> dict[str, str]:
        """Return the digest of every table."""
        url = self.environment.get("SQF_DATABASE_URL") or embedded_server.ensure_running(self.home / "postgres")
        engine = create_engine(url)
        try:
            metadata = build_metadata(schema_for_source(self.source))
            return {table.name: table_fingerprint(engine, table) for table in metadata.sorted_tables}
        finally:
            engine.dispose()

    def remove(self) -> None:
        """Stop and delete the database."""
        embedded_server.remove(self.home / "postgres")
