"""One stage of the pipeline on yearly files of a size, in a process of its own: `python -m benchmarks.growth_stage`.

What belongs here: what each stage reads, does with the pipeline's own functions, and leaves for the next. What does
not: how it is measured (`growth`).
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import joblib
import pandas as pd

YEARS = (2017, 2018, 2019)
ROWS = 12_000
"""Stops a year at 1x: the published years from 2017 to 2019 have 11,008 to 13,459."""


def make_files(folder: Path, times: int, _url: str) -> None:
    """Write the synthetic files of three years."""
    from sqf_pipeline.nypd.sample import write_sample_year

    for year in YEARS:
        write_sample_year(folder, year, seed=1, rows=ROWS * times, as_csv=True)


def read(folder: Path, _times: int, _url: str) -> None:
    """Read one year."""
    from sqf_pipeline.nypd.reader import read_published_file

    for year in YEARS:
        if not (folder / f"raw-{year}.parquet").exists():
            (path,) = folder.glob(f"*{year}*.csv")
            read_published_file(path, year).frame.to_parquet(folder / f"raw-{year}.parquet")
            return


def clean(folder: Path, _times: int, _url: str) -> None:
    """Clean one year."""
    from sqf_pipeline.nypd.cleaning import clean_stops

    for year in YEARS:
        if not (folder / f"stops-{year}.parquet").exists():
            raw = pd.read_parquet(folder / f"raw-{year}.parquet")
            clean_stops(raw, year).stops.to_parquet(folder / f"stops-{year}.parquet")
            return


def contract(folder: Path, times: int, _url: str) -> None:
    """Hold one year to its contract."""
    from sqf_pipeline.contracts.stops import stops_contract

    stops = _stops(folder, YEARS[0])
    stops_contract(years=(YEARS[0],), expected_rows=ROWS * times).validate(stops, lazy=True)


def write(folder: Path, _times: int, url: str) -> None:
    """Replace one year of the table of stops."""
    from sqf_pipeline.warehouse.tables import build_metadata, ensure_schema
    from sqf_pipeline.warehouse.url import create_engine
    from sqf_pipeline.warehouse.writer import replace_partition

    engine, metadata = create_engine(url), build_metadata("sqf")
    ensure_schema(engine, "sqf")
    table = metadata.tables["sqf.stops"]
    partition = {"year": YEARS[0]}
    source = metadata.tables["sqf.source_files"]
    replace_partition(engine, source, _source_row(source), partition)
    replace_partition(engine, table, _stops(folder, YEARS[0]), partition)
    engine.dispose()


def merge(folder: Path, _times: int, _url: str) -> None:
    """Merge three years."""
    merged = pd.concat([_stops(folder, year) for year in YEARS], ignore_index=True)
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
    from sqf_pipeline.modelling.fitting import one_thread

    boosting = KINDS["boosting"]
    features, outcome = joblib.load(folder / "features.joblib")
    model = boosting.make(**boosting.settings)
    with one_thread():  # limits what is loaded by now, so that the model is made before
        model.fit(features, outcome)


def _stops(folder: Path, year: int) -> pd.DataFrame:
    from sqf_pipeline.orchestration.io_managers import ParquetIOManager

    return ParquetIOManager(folder).read(folder / f"stops-{year}.parquet")


def _source_row(table: object) -> pd.DataFrame:
    from sqf_pipeline_tests.integration.warehouse.frames import frame_for, row_for

    return frame_for(table, [row_for(table, YEARS[0], file_name="made up")])


STAGES: Mapping[str, Callable[[Path, int, str], None]] = {
    "make_files": make_files, "read": read, "clean": clean, "contract": contract, "write": write, "merge": merge,
    "encode": encode, "fit_forest": fit_forest, "fit_boosting": fit_boosting,
}  # fmt: skip
ONCE_A_YEAR = ("read", "clean")

if __name__ == "__main__":
    STAGES[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
