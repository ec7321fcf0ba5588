"""One step of loading a synthetic year with plain pandas, in a process of its own."""

import sys
import zipfile
from pathlib import Path

import pandas as pd


def main(home: Path, year: int, rows: int, step: str) -> None:
    """Read the year's file (`read_csv`, whole), or read the first rows and write them into PostgreSQL (`to_sql`)."""
    (path,) = (home / "sample").glob(f"sqf-{year}-sample.*")
    encoding = {2011: "cp1252", 2016: "utf-8-sig"}.get(year, "utf-8")
    with zipfile.ZipFile(path) as archive, archive.open(f"{year}.csv") as file:
        frame = pd.read_csv(file, encoding=encoding, low_memory=False, nrows=None if step == "read_csv" else rows)
    if step != "read_csv":
        from sqf_pipeline.warehouse import embedded_server
        from sqf_pipeline.warehouse.url import create_engine

        engine = create_engine(embedded_server.ensure_running(home / "postgres"))
        frame.to_sql(f"pandas_{year}", engine, if_exists="replace", index=False)
        with engine.begin() as connection:
            connection.exec_driver_sql(f"DROP TABLE pandas_{year}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
