"""Small frames that fit the tables, for tests to use as they are or to spoil."""

import re
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from sqf_pipeline.registry.columns import load_columns
from sqf_pipeline.registry.kinds import DTYPES

WORDS = {
    "source": "local",
    "outcome": "arrest",
    "status": "ok",
    "kind": "permutation",
    "verdict": "better",
    "sha256": "a" * 64,
    "training_sha256": "b" * 64,
    "test_sha256": "c" * 64,
    "former_sha256": "d" * 64,
    "compared_by": "stop_id",
    # of the one cell of a column, which is empty
    "unreadable": 0,
    "implausible": 0,
    "kept": 0,
    "reference_model": "the floor",
    "stop_id": "1",
    # of one stop, whose outcome is recorded
    "unknown": 0,
    "marked_only": 0,
}
DEFAULT_MODELS = ("arrest-forest", "summons-forest")


def of_checks(table: sa.Table) -> str:
    """Return what the names of a table's checks begin with; the parts of predictions have those of the view."""
    return "predictions" if table.name.startswith("predictions_") else table.name


def known_values(table: sa.Table, column: str) -> list[str]:
    """Return the words that a column may hold; none when it may hold any."""
    for check in table.constraints:
        if check.name == f"{of_checks(table)}_{column}_known":
            return re.findall(r"'([^']*)'", str(check.sqltext))  # type: ignore[attr-defined]
    return []


def row_for(table: sa.Table, of_year: int = 2020, /, **values: Any) -> dict[str, Any]:
    """Return a row that fits `table`: a plausible value in every column that may not be null, and null elsewhere."""
    row: dict[str, Any] = {}
    for column in table.columns:
        if column.server_default is not None or (column.nullable and column.name not in values):
            continue
        if column.name in {"year", "test_year"}:
            row[column.name] = of_year
        elif known := known_values(table, column.name):
            row[column.name] = WORDS[column.name] if WORDS.get(column.name) in known else known[-1]
        elif column.name in WORDS:
            row[column.name] = WORDS[column.name]
        elif isinstance(column.type, sa.Boolean):
            row[column.name] = False
        elif isinstance(column.type, ARRAY | JSONB):
            row[column.name] = '{"trees": 100}' if isinstance(column.type, JSONB) else "{1}"
        elif isinstance(column.type, sa.Text):
            row[column.name] = f"some {column.name}"
        elif isinstance(column.type, sa.Double):
            row[column.name] = 0.25
        else:
            row[column.name] = 1
    return row | values


def frame_for(table: sa.Table, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return a frame of every column that the writer asks for; what the rows do not say is null."""
    names = [column.name for column in table.columns if not column.info.get("optional")]
    names += [name for row in rows for name in row if name not in names]
    return pd.DataFrame(rows, columns=list(dict.fromkeys(names)))


def source_files(metadata: sa.MetaData, year: int = 2020) -> pd.DataFrame:
    table = metadata.tables[f"{metadata.schema}.source_files"]
    return frame_for(table, [row_for(table, year, file_name=f"sqf-{year}.csv")])


def stops(rows: int = 50, year: int = 2020, seed: int = 1) -> pd.DataFrame:
    """Return clean stops of a year in the types of the pipeline, with nulls in every column but the key."""
    random = np.random.default_rng(seed)
    columns: dict[str, pd.Series] = {}
    for entry in load_columns():
        dtype = DTYPES[entry.kind] if entry.name != "year" else "Int16"
        missing = random.random(rows) < 0.2
        if entry.name == "year":
            values: Any = np.full(rows, year)
        elif entry.kind == "identifier":
            values = np.arange(1, rows + 1).astype(str)
        elif entry.kind == "date":
            values = pd.Timestamp(year, 1, 1) + pd.to_timedelta(random.integers(0, 365, rows), unit="D")
        elif entry.kind in {"flag", "mark"}:
            values = random.random(rows) < 0.4
        elif entry.kind in {"category", "text"}:
            values = random.choice(["ALPHA", 'BETA, "quoted"', "GAMMA\nsecond line", "DÉLTA"], rows)
        else:
            low = entry.minimum or 0
            high = entry.maximum or low + 1000
            values = random.uniform(low, high, rows)
            values = values if dtype == "Float64" else np.floor(values)
        column = pd.Series(values).astype(dtype)
        columns[entry.name] = column if entry.name in {"year", "stop_id"} else column.mask(missing)
    return pd.DataFrame(columns)


def models(metadata: sa.MetaData, names: tuple[str, ...] = DEFAULT_MODELS, year: int = 2020) -> pd.DataFrame:
    table = metadata.tables[f"{metadata.schema}.models"]
    return frame_for(table, [row_for(table, year, model=name) for name in names])


def metrics(metadata: sa.MetaData, names: tuple[str, ...] = DEFAULT_MODELS, year: int = 2020) -> pd.DataFrame:
    table = metadata.tables[f"{metadata.schema}.model_metrics"]
    rows = [row_for(table, year, model=name, roc_auc=0.75, test_rows=50, test_positives=20) for name in names]
    return frame_for(table, rows)


def predictions(
    metadata: sa.MetaData, of_stops: pd.DataFrame, names: tuple[str, ...] = DEFAULT_MODELS, year: int = 2020
) -> pd.DataFrame:
    random = np.random.default_rng(3)
    parts = [
        pd.DataFrame(
            {
                "test_year": year, "model": name, "year": of_stops["year"], "stop_id": of_stops["stop_id"],
                "score": random.random(len(of_stops)), "probability": random.random(len(of_stops)),
                "actual": of_stops["arrested"], "source": "local",
            }
        )
        for name in names
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def into_old_table(engine: sa.Engine, metadata: sa.MetaData) -> None:
    """Put what the view `predictions` shows into a table, a row a stop and model, as versions before the view did."""
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE public.shown AS TABLE sqf.predictions; DROP VIEW sqf.predictions")
        connection.exec_driver_sql("DROP TABLE sqf.predictions_models, sqf.predictions_stops")
        metadata.tables["sqf.predictions"].create(connection)
        connection.exec_driver_sql("INSERT INTO sqf.predictions TABLE public.shown; DROP TABLE public.shown")
