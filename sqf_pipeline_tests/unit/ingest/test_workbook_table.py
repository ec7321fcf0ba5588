"""Which sheets of a workbook hold the stops."""

import io
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from openpyxl import load_workbook

from sqf_pipeline.ingest.header import PublishedFileError
from sqf_pipeline.ingest.reader import RawFile, read_published_file
from sqf_pipeline_tests.unit.ingest.published import published_names, raw_stops

STOPS = raw_stops(*({"suspect_age": str(20 + number)} for number in range(12)), year=2020).rename(
    columns=published_names()
)
QUARTERS = {f"Q{number + 1}": STOPS.iloc[number * 3 : number * 3 + 3] for number in range(4)}
Sheets = dict[str, pd.DataFrame]


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., RawFile]:
    def read_sheets(sheets: Sheets, *hidden: str) -> RawFile:
        content = io.BytesIO()
        with pd.ExcelWriter(content, engine="openpyxl") as writer:
            for name, frame in sheets.items():
                frame.to_excel(writer, sheet_name=name, index=False)
        workbook = load_workbook(content)
        for name in hidden:
            workbook[name].sheet_state = "veryHidden" if name.startswith("Very") else "hidden"
        workbook.active = next(place for place, name in enumerate(workbook.sheetnames) if name not in hidden)
        path = tmp_path / "sqf-2020.xlsx"
        workbook.save(path)
        return read_published_file(path, 2020)

    return read_sheets


def ages(raw: RawFile) -> list[str]:
    return raw.frame["suspect_age"].tolist()


ALL = [str(20 + number) for number in range(12)]


def test_quarters_on_sheets_are_read_one_after_another(read):
    raw = read(QUARTERS)
    assert ages(raw) == ALL
    assert raw.parts[0].rows == 12
    assert raw.notes == ()


def test_notes_an_empty_sheet_and_a_list_of_fields_are_no_stops(read):
    fields = pd.DataFrame({"FIELD": list(STOPS.columns), "MEANING": "something"})
    pivot = pd.DataFrame({"SUSPECT_SEX": ["MALE", "FEMALE", "MALE"], "SUSPECT_ARRESTED_FLAG": ["Y", "N", "Y"]})
    raw = read({"Notes": pd.DataFrame({"a": ["x"]}), "Empty": pd.DataFrame(), **QUARTERS, "F": fields, "P": pivot})
    assert ages(raw) == ALL
    assert raw.notes == ()


def test_columns_in_another_order_are_put_in_order(read):
    turned = QUARTERS | {"Q3": QUARTERS["Q3"][STOPS.columns[::-1]]}
    assert ages(read(turned)) == ALL


@pytest.mark.parametrize("name", ["Old", "Very old"])
def test_a_hidden_sheet_is_left_out_and_told(read, name):
    raw = read({name: STOPS.assign(SUSPECT_REPORTED_AGE="99"), "Stops": STOPS}, name)
    assert ages(raw) == ALL
    assert raw.notes == (f"sqf-2020.xlsx: the sheet {name!r} (hidden, 12 rows) was left out.",)


@pytest.mark.parametrize("rows", [0, 1])
def test_a_sheet_with_a_header_and_hardly_a_row_is_left_out_and_told(read, rows):
    raw = read({"Template": STOPS.iloc[:rows].assign(STOP_FRISK_ID="900"), "Stops": STOPS})
    assert ages(raw) == ALL
    assert raw.notes == (f"sqf-2020.xlsx: the sheet 'Template' ({rows} rows) was left out.",)


def test_stops_hidden_behind_a_template_are_not_guessed_at(read):
    with pytest.raises(PublishedFileError, match=r"'Template' has 1 stops, and the hidden sheet 'Stops' has more"):
        read({"Template": STOPS.iloc[:1], "Stops": STOPS}, "Stops")


def test_the_only_sheet_may_have_one_row(read):
    assert ages(read({"Stops": STOPS.iloc[:1]})) == ["20"]


def test_sheets_of_other_columns_are_refused_by_name(read):
    for name in ("SUSPECT_SEX", "STOP_LOCATION_ZIP_CODE"):
        with pytest.raises(PublishedFileError, match=f"(sheet 'Q2'.*{'missing' if name == 'SUSPECT_SEX' else 'same'})"):
            read(QUARTERS | {"Q2": QUARTERS["Q2"].drop(columns=name)})


def test_a_sheet_of_everything_beside_its_quarters_is_refused_by_name(read):
    with pytest.raises(PublishedFileError, match=r"sheet 'Q1' and .*sheet 'All': expected different stops in each"):
        read({**QUARTERS, "All": STOPS})
    renumbered = {name: frame.assign(STOP_FRISK_ID=frame.STOP_FRISK_ID + "00") for name, frame in QUARTERS.items()}
    with pytest.raises(PublishedFileError, match=r"sheet 'All' and .*sheet 'Q1'"):
        read({"All": STOPS, **renumbered})


def test_numbers_that_begin_anew_on_each_sheet_are_refused(read):
    again = {name: frame.assign(STOP_FRISK_ID=["1", "2", "3"]) for name, frame in QUARTERS.items()}
    with pytest.raises(PublishedFileError, match="expected unique stop numbers, found 3 numbers in both"):
        read(again)


def test_a_note_above_the_header_of_each_sheet_is_passed_over(read, tmp_path):
    path = tmp_path / "sqf-2020.xlsx"
    with pd.ExcelWriter(path, engine="openpyxl") as writer:
        for name, frame in QUARTERS.items():
            frame.to_excel(writer, sheet_name=name, index=False, startrow=3)
    assert ages(read_published_file(path, 2020)) == ALL
