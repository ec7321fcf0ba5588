"""One stage of the pipeline on yearly files of a size, in a process of its own: `python -m benchmarks.growth_stage`.

What belongs here: what each stage reads, does with the pipeline's own functions, and leaves for the next. What does
not: how it is measured (`growth`).
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import joblib
import pandas as pd

YEAR = 2018
TRAINING_YEARS = (2017, 2018, 2019)
DRAWN_TIMES = 10
ROWS = 12_000
"""Stops a year at 1x: the published years from 2017 to 2019 have 11,008 to 13,459."""


def make_files(folder: Path, times: int, _url: str) -> None:
    """Write the synthetic file of a year; above 10x, its rows come again under other numbers."""
    from sqf_pipeline.synthetic.synthetic_years import write_synthetic_year

    written = min(times, DRAWN_TIMES)
    drawn = write_synthetic_year(folder, YEAR, seed=1, rows=ROWS * written)
    if times == written:
        return
    header, *rows = drawn.read_text(encoding="utf-8-sig").splitlines()
    rest = [row.partition(",")[2] for row in rows]
    with drawn.open("w", encoding="utf-8") as file:
        file.write(f"{header}\n")
        for copy in range(times // written):
            file.writelines(f"{copy * len(rest) + number},{row}\n" for number, row in enumerate(rest, 1))


def read(folder: Path, _times: int, _url: str) -> None:
    """Read the year."""
    from sqf_pipeline.ingest.reader import read_published_file

    (path,) = folder.glob("*.csv")
    read_published_file(path, YEAR).frame.to_parquet(folder / "raw.parquet")


def clean(folder: Path, _times: int, _url: str) -> None:
    """Clean the year."""
    from sqf_pipeline.cleaning.clean_stops import clean_stops

    clean_stops(pd.read_parquet(folder / "raw.parquet"), YEAR).stops.to_parquet(folder / "stops.parquet")


def contract(folder: Path, times: int, _url: str) -> None:
    """Hold the year to its contract."""
    from sqf_pipeline.contracts.stop_contracts import stops_contract

    stops_contract(years=(YEAR,), expected_rows=ROWS * times).validate(_stops(folder), lazy=True)


def write(folder: Path, _times: int, url: str) -> None:
    """Replace the year in the table of stops."""
    from sqf_pipeline.warehouse.tables import build_metadata, ensure_schema
    from sqf_pipeline.warehouse.url import create_engine
    from sqf_pipeline.warehouse.writer import replace_partition

    engine, metadata = create_engine(url), build_metadata("sqf")
    ensure_schema(engine, "sqf")
    table = metadata.tables["sqf.stops"]
    partition = {"year": YEAR}
    source = metadata.tables["sqf.source_files"]
    replace_partition(engine, source, _source_row(source), partition)
    replace_partition(engine, table, _stops(folder), partition)
    engine.dispose()


def merge(folder: Path, _times: int, _url: str) -> None:
    """Merge three years, each of them this one."""
    merged = pd.concat([_stops(folder).assign(year=year) for year in TRAINING_YEARS], ignore_index=True)
    merged["year"] = merged["year"].astype("Int16")
    merged.to_parquet(folder / "training.parquet")


def encode(folder: Path, _times: int, _url: str) -> None:
    """Fit the study's encoder on three years and encode them."""
    from sqf_pipeline.modelling.encoder import make_encoder
    from sqf_pipeline.modelling.feature_sets import TARGETS, feature_set

    columns = feature_set("study_2021").columns_for("arrest")
    training = pd.read_parquet(folder / "training.parquet", columns=[*columns, TARGETS["arrest"]])
    training = training[training[TARGETS["arrest"]].notna()]
    features = make_encoder(columns, "one_hot").fit_transform(training[list(columns)])
    outcome = training[TARGETS["arrest"]].to_numpy(dtype=bool)
    joblib.dump((features, outcome), folder / "features.joblib")


def fit_forest(folder: Path, _times: int, _url: str) -> None:
    """Fit the tuned forest on three encoded years."""
    from sqf_pipeline.modelling.estimators import KINDS, TUNED_FOREST

    KINDS["tuned_forest"].make(**TUNED_FOREST, n_jobs=-1).fit(*joblib.load(folder / "features.joblib"))


def fit_boosting(folder: Path, _times: int, _url: str) -> None:
    """Fit gradient boosting on three encoded years, on one thread as the pipeline does."""
    from sqf_pipeline.modelling.estimators import KINDS
    from sqf_pipeline.modelling.side_by_side import one_thread

    boosting = KINDS["boosting"]
    features, outcome = joblib.load(folder / "features.joblib")
    model = boosting.make(**boosting.settings)
    with one_thread():  # limits what is loaded by now, so that the model is made before
        model.fit(features, outcome)


def _stops(folder: Path) -> pd.DataFrame:
    from sqf_pipeline.orchestration.io_managers import ParquetIOManager

    return ParquetIOManager(folder).read(folder / "stops.parquet")


def _source_row(table: object) -> pd.DataFrame:
    from sqf_pipeline_tests.integration.warehouse.frames import frame_for, row_for

    return frame_for(table, [row_for(table, YEAR, file_name="made up")])


STAGES: Mapping[str, Callable[[Path, int, str], None]] = {
    "make_files": make_files, "read": read, "clean": clean, "contract": contract, "write": write, "merge": merge,
    "encode": encode, "fit_forest": fit_forest, "fit_boosting": fit_boosting,
}  # fmt: skip

if __name__ == "__main__":
    STAGES[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
