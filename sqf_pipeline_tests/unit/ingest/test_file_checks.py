"""Telling a workbook from what is none."""

import io
import struct
import zipfile
from pathlib import Path

import pytest

from sqf_pipeline.ingest import file_checks
from sqf_pipeline.ingest.file_checks import UnreadableFileError, check_file_kind
from sqf_pipeline_tests.nypd_server import tiny_workbook


def written(folder: Path, content: bytes, name: str = "sqf-2020.xlsx") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def archive_of(members: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return content.getvalue()


def test_a_workbook_and_a_csv_pass(tmp_path: Path) -> None:
    check_file_kind(written(tmp_path, tiny_workbook()))
    check_file_kind(written(tmp_path, b"STOP_ID,YEAR2\n1,2020\n", "sqf-2020.csv"))


@pytest.mark.parametrize("size", [10, 200, 4_000, -1])
def test_a_piece_of_a_workbook_is_refused(size: int, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="damaged or incomplete"):
        check_file_kind(written(tmp_path, tiny_workbook()[:size]))


def test_a_damaged_byte_is_found(tmp_path: Path) -> None:
    content = bytearray(tiny_workbook())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sheet = archive.getinfo("xl/worksheets/sheet1.xml")
    content[sheet.header_offset + 30 + len(sheet.filename) + sheet.compress_size // 2] ^= 0xFF
    with pytest.raises(UnreadableFileError, match="damaged or incomplete"):
        check_file_kind(written(tmp_path, bytes(content)))


@pytest.mark.parametrize(
    "page",
    [
        b"<!DOCTYPE html><html></html>",
        b"\n\n  <HTML><body>",
        b"\xef\xbb\xbf<html>",
        b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">',
        "<!doctype html>".encode("utf-16"),
    ],
)
@pytest.mark.parametrize("name", ["sqf-2020.xlsx", "sqf-2020.csv"])
def test_web_pages_are_refused(page: bytes, name: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="is a web page, not a yearly file"):
        check_file_kind(written(tmp_path, page, name))


def test_other_things_are_named(tmp_path: Path) -> None:
    for content, message in (
        (b"", "is empty"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old .xls workbook or one locked by a password"),
        (b"STOP_ID,YEAR2\n", "is not a workbook: .* begins with b'STOP_ID,'"),
        (archive_of({"sqf-2020.csv": b"a,b"}), "zip archive but not a workbook"),
        (archive_of({"[Content_Types].xml": b"", "xl/workbook.xml": b""}), "lacks a worksheet"),
    ):
        with pytest.raises(UnreadableFileError, match=message):
            check_file_kind(written(tmp_path, content))
    with pytest.raises(UnreadableFileError, match="under the name of a CSV"):
        check_file_kind(written(tmp_path, tiny_workbook(), "sqf-2020.csv"))


WORKBOOK = {"[Content_Types].xml": b"x", "xl/workbook.xml": b"x"}


def test_the_limits_of_size_ratio_and_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_checks, "RATIO_MATTERS_ABOVE_BYTES", 100_000)
    dense = written(tmp_path, archive_of(WORKBOOK | {"xl/worksheets/sheet1.xml": bytes(1_000_000)}))
    with pytest.raises(UnreadableFileError, match="made to fill the memory"):
        check_file_kind(dense)
    monkeypatch.setattr(file_checks, "MAX_RATIO", 10_000)
    check_file_kind(dense)
    monkeypatch.setattr(file_checks, "MAX_UNPACKED_BYTES", 900_000)
    with pytest.raises(UnreadableFileError, match="made to fill the memory"):
        check_file_kind(dense)
    monkeypatch.setattr(file_checks, "MAX_MEMBERS", 2)
    with pytest.raises(UnreadableFileError, match="unpack 3 parts"):
        check_file_kind(written(tmp_path, archive_of(WORKBOOK | {"xl/worksheets/sheet1.xml": b"x"})))


def test_a_bomb_is_refused_by_the_limits_as_they_are(tmp_path: Path) -> None:
    bomb = written(tmp_path, archive_of(WORKBOOK | {"xl/worksheets/sheet1.xml": bytes(80 << 20)}))
    with pytest.raises(UnreadableFileError, match=r"would unpack 3 parts to 84 MB, 1,0\d\d times its size"):
        check_file_kind(bomb)


def test_an_archive_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    content = bytearray(archive_of(WORKBOOK | {"xl/worksheets/sheet1.xml": bytes(50_000_000)}))
    true_size, false_size = struct.pack("<L", 50_000_000), struct.pack("<L", 1_000)
    assert content.count(true_size) == 2
    with pytest.raises(UnreadableFileError, match="damaged or incomplete"):
        check_file_kind(written(tmp_path, bytes(content.replace(true_size, false_size))))
