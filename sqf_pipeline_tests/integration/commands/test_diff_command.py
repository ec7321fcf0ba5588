"""`sqf diff OLD NEW`: exit codes and words."""

from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from sqf_pipeline.cli import main
from sqf_pipeline_tests.nypd_server import as_workbook
from sqf_pipeline_tests.unit.ingest.published import published_names, raw_stops

STOPS = raw_stops(
    *({"precinct": str(number + 1), "stop_date": f"2020-{1 + number % 12:02}-11"} for number in range(50)), year=2020
).rename(columns=published_names())


def diff(folder: Path, old: pd.DataFrame, new: pd.DataFrame, *options: str) -> Result:
    old.to_csv(folder / "old.csv", index=False)
    (folder / "new.xlsx").write_bytes(as_workbook(new))
    arguments = ["diff", str(folder / "old.csv"), str(folder / "new.xlsx"), *options]
    return CliRunner().invoke(main, arguments, env={"COLUMNS": "160"})


def test_equal_stops_in_another_form_are_equal(tmp_path):
    result = diff(tmp_path, STOPS, STOPS.iloc[::-1])
    assert result.exit_code == 0, result.output
    assert "Equal: other bytes, the same stops and values." in result.output


def test_differences_are_told_and_end_with_1(tmp_path):
    changed = STOPS.assign(SUSPECT_ARRESTED_FLAG=["Y", "Y", *STOPS["SUSPECT_ARRESTED_FLAG"][2:]]).iloc[:-3]
    result = diff(tmp_path, STOPS, changed)
    assert result.exit_code == 1, result.output
    assert "The files differ." in result.output
    assert "0 stops added, 3 gone, 2 changed (cells: arrested 2)" in result.output
    assert "arrested 0 before and 2 after" in result.output


@pytest.mark.parametrize("spoil", ["absent", "no table", "another year"])
def test_what_cannot_be_compared_ends_with_2(tmp_path, spoil):
    old = tmp_path / "sqf-2020.csv"
    STOPS.to_csv(old, index=False)
    new = tmp_path / "new.csv"
    if spoil == "no table":
        new.write_text("a,b\n1,2\n")
    elif spoil == "another year":
        STOPS.assign(YEAR2="2019").to_csv(new, index=False)
    result = CliRunner().invoke(main, ["diff", str(old), str(new)])
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: ")
    assert "Traceback" not in result.output
