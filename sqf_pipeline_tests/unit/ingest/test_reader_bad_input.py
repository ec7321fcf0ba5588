"""Files that are no yearly file: each is refused with a message that says what is wrong."""

import datetime as dt
import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest

from sqf_pipeline.errors import SqfError
from sqf_pipeline.ingest.reader import RawFile, read_published_file
from sqf_pipeline_tests.nypd_server import as_workbook
from sqf_pipeline_tests.unit.ingest.published import published_names, raw_stops
from sqf_pipeline_tests.unit.ingest.published_old_form import old_stops


class Published(NamedTuple):
    """Three made-up stops of 2020 as one of the forms publishes them."""

    stops: pd.DataFrame
    arrested: str
    year: str
    table: str

    @property
    def csv(self) -> str:
        return self.stops.to_csv(index=False)

    @property
    def workbook(self) -> bytes:
        return as_workbook(self.stops)


_CHANGES = ({"age": "20"}, {"age": "30"}, {"age": "40"})
NEW = Published(
    raw_stops(*({"suspect_age": change["age"]} for change in _CHANGES), year=2020).rename(columns=published_names()),
    "SUSPECT_ARRESTED_FLAG", "YEAR2", "new_form",
)  # fmt: skip
OLD = Published(old_stops(*_CHANGES, year=2020), "arstmade", "year", "old_form")
STOPS, CSV, WORKBOOK = NEW.stops, NEW.csv, NEW.workbook


@pytest.fixture(params=[NEW, OLD], ids=["new form", "old form"])
def published(request: pytest.FixtureRequest) -> Published:
    """Return good stops of each form, for a test that spoils them: bad input of one has its twin in the other."""
    return request.param


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., RawFile]:
    def read_content(content: bytes | str, suffix: str = ".csv", year: int = 2020) -> RawFile:
        path = tmp_path / f"sqf-2020{suffix}"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_published_file(path, year)

    return read_content


Read = Callable[..., RawFile]


def refused(read: Read, message: str, content: bytes | str, suffix: str = ".csv", year: int = 2020) -> None:
    with pytest.raises(SqfError, match=message) as caught:
        read(content, suffix, year)
    assert str(caught.value).startswith(f"sqf-2020{suffix}"), "the message begins with the file"
    assert "\n" not in str(caught.value)


def stripped(raw: RawFile) -> pd.DataFrame:
    return raw.frame.apply(lambda texts: texts.str.strip())


def test_the_good_ones_are_read_alike(read: Read, published: Published) -> None:
    csv = published.csv
    from_csv, from_workbook = read(csv), read(published.workbook, ".xlsx")
    assert stripped(from_csv).equals(stripped(from_workbook)), "a workbook drops the spaces around a text"
    assert from_csv.frame["suspect_age"].tolist() == ["20", "30", "40"]
    assert read(b"\xef\xbb\xbf" + csv.encode()).frame.equals(from_csv.frame)
    assert read(csv.replace("\n", "\r\n")).frame.equals(from_csv.frame)


def test_what_is_no_yearly_file_by_its_first_look(read: Read) -> None:
    """The kinds are in test_file_checks; here that the reader looks, and begins its message with the file."""
    refused(read, "damaged or incomplete workbook", WORKBOOK[: len(WORKBOOK) // 2], ".xlsx")
    refused(read, "web page", "<!DOCTYPE html><html><body>404</body></html>", ".csv")
    refused(read, r"expected a \.csv, \.xlsx or \.zip file, found \.txt", CSV, ".txt")


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_an_empty_file(read: Read, content: bytes, suffix: str) -> None:
    refused(read, "is empty", content, suffix)


def test_other_encodings_are_not_guessed(read: Read, published: Published) -> None:
    csv = published.csv
    accented = csv.replace("MADE UP", "MADÉ UP")
    assert read(accented).frame["street_name"].iloc[0] == "MADÉ UP STREET"
    for ends in ("\n", "\r\n", "\r"):  # half a line end is none that csv knows
        for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
            refused(read, "zero bytes", accented.replace("\n", ends).encode(encoding))
        undecodable = accented.replace("\n", ends).encode("latin-1").replace("É".encode("latin-1"), b"\x81")
        refused(read, "another encoding", undecodable)


def test_windows_1252_is_read_where_the_form_had_it_and_told(read: Read) -> None:
    accented = [form.csv.replace("MADE UP", "MADÉ UP").encode("windows-1252") for form in (NEW, OLD)]
    refused(read, "expected text in UTF-8, found another encoding", accented[0])
    raw = read(accented[1])
    assert raw.frame["street_name"].iloc[0] == "MADÉ UP STREET"
    assert any("windows-1252" in note for note in raw.notes)


def test_other_separators_are_named(read: Read, published: Published) -> None:
    refused(read, "separated by commas, found semicolons", published.csv.replace(",", ";"))
    refused(read, "separated by commas, found tabs", published.csv.replace(",", "\t"))
    refused(read, "separated by commas, found vertical bars", published.csv.replace(",", "|"))


def test_a_csv_that_was_cut_off_in_a_row_is_not_filled_up(read: Read, published: Published) -> None:
    """Pandas fills a short last row with nothing, so that every stop after the cut would be lost unseen."""
    csv, cells = published.csv, len(published.stops.columns)
    for kept in (csv[:-200], csv[: csv.rindex("\n", 0, -1) + 8]):
        refused(read, f"expected {cells} cells in every row, found another number in 1 rows .*line 4, has", kept)
    lines = csv.split("\n")
    refused(read, f"line 3, has {cells + 1}", "\n".join([*lines[:2], "EXTRA," + lines[2], *lines[3:]]))


def test_a_csv_that_was_cut_off_in_quotes(read: Read, published: Published) -> None:
    quoted = published.csv.replace(",MADE UP STREET", ',"MADE UP, STREET"')
    assert len(read(quoted).frame) == 3
    refused(read, "unexpected end of data", quoted[: quoted.rindex("UP, STREET")])


@pytest.mark.parametrize("rows", [0, 2, 3])
def test_a_header_among_the_rows(read: Read, published: Published, rows: int) -> None:
    """Files that were joined by hand, also where the second has its columns in another order or another case."""
    header, *stops = published.csv.splitlines()
    found = f"expected one header, at the top, found another after {rows} rows"
    for again in (header, header.lower(), header.upper().replace(",", " ,")):
        refused(read, found, "\n".join([header, *stops[:rows], again, *stops[rows:]]))
    other_order = ",".join(reversed(header.split(",")))
    refused(read, found, "\n".join([header, *stops[:rows], other_order, *stops[rows:]]))
    joined = pd.concat([published.stops[:rows], pd.DataFrame([dict(zip(*[published.stops.columns] * 2, strict=True))])])
    refused(read, found, as_workbook(joined), ".xlsx")


def test_no_rows_and_no_header(read: Read, published: Published) -> None:
    refused(read, "found a header and no rows", published.csv.split("\n", maxsplit=1)[0] + "\n")
    refused(read, "published column names, found none of them", published.csv.split("\n", maxsplit=1)[1])
    for above in ("NYPD stop, question and frisk", "All stops of the year", "sep=,"):
        refused(read, "published column names, found none of them", f"{above}\n{published.csv}")
    refused(read, "found none in the sheets 'Sheet1'", as_workbook(pd.DataFrame({"a": [1], "b": [2]})), ".xlsx")


def test_another_year(read: Read, published: Published) -> None:
    for content, suffix in ((published.csv, ".csv"), (published.workbook, ".xlsx")):
        refused(read, "expected stops of 2019, found the year '2020' in 3 rows", content, suffix, 2019)


def test_a_file_of_two_years(read: Read, published: Published) -> None:
    mixed = published.stops.assign(**{published.year: ["2020", "2019", "2019"]}).to_csv(index=False)
    refused(read, "found the year '2019' in 2 rows", mixed)


def test_missing_and_renamed_columns(read: Read, published: Published) -> None:
    name = published.arrested
    refused(
        read,
        f"1 required column.* missing: {name} for arrested",
        published.stops.drop(columns=name).to_csv(index=False),
    )
    refused(
        read,
        rf"perhaps now called '{name}_X'.*registry/forms/{published.table}\.csv",
        published.stops.rename(columns={name: f"{name}_X"}).to_csv(index=False),
    )


def test_a_column_that_stands_twice(read: Read, published: Published) -> None:
    for again in (published.year, f"{published.year[:4]} {published.year[4:]}"):
        twice = pd.concat([published.stops, published.stops[published.year].rename(again)], axis="columns")
        refused(read, "appears twice|are both names of year", twice.to_csv(index=False))
        refused(read, "appears twice|are both names of year", as_workbook(twice), ".xlsx")


def test_a_table_that_stands_below_notes_on_the_second_sheet(read: Read, published: Published) -> None:
    content = io.BytesIO()
    with pd.ExcelWriter(content, engine="openpyxl") as writer:
        pd.DataFrame({"NOTE": ["Please read", "the year"]}).to_excel(writer, sheet_name="Notes", index=False)
        published.stops.to_excel(writer, sheet_name="Stops", index=False, startrow=4)
    assert stripped(read(content.getvalue(), ".xlsx")).equals(stripped(read(published.csv)))


def test_cells_of_every_type(read: Read) -> None:
    typed = STOPS.astype(object)
    typed.loc[0, ["STOP_FRISK_DATE", "STOP_FRISK_TIME"]] = [dt.datetime(2020, 3, 5), dt.time(7, 4)]  # noqa: DTZ001
    typed.loc[0, ["SUSPECT_REPORTED_AGE", "SUSPECT_HEIGHT", "SUSPECT_WEIGHT"]] = [25, 5.1, None]
    typed.loc[1, "SUSPECT_REPORTED_AGE"] = "#N/A"
    frame = read(as_workbook(typed), ".xlsx").frame
    names = ["stop_date", "stop_time_seconds", "suspect_age", "suspect_height_inches", "suspect_weight_pounds"]
    assert frame.loc[0, names].tolist() == ["2020-03-05", "07:04:00", "25", "5.1", ""]
    assert frame.loc[1, "suspect_age"] == "", "an error value of a workbook is no value"
    assert {type(cell) for name in frame for cell in frame[name]} == {str}


def test_a_stray_cell_in_the_last_corner_does_not_fill_the_memory(read: Read) -> None:
    """The library makes room for the whole rectangle: half a terabyte for this file, and the process is gone."""
    from openpyxl import load_workbook

    def with_cell(row: int, column: int) -> bytes:
        workbook = load_workbook(io.BytesIO(WORKBOOK))
        workbook.active.cell(row=row, column=column).value = "x"
        content = io.BytesIO()
        workbook.save(content)
        return content.getvalue()

    for row, column in ((1_048_576, 16_384), (5, 16_384), (500_000, 200)):
        refused(read, "cells far outside a table of stops", with_cell(row, column), ".xlsx")
    beside = read(with_cell(20, 150), ".xlsx")
    assert (len(beside.frame), beside.blank_rows) == (3, 16), "a cell under no published name is no stop"
