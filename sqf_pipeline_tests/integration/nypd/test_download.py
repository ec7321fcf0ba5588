"""A download against a server that misbehaves in each known way."""

import io
import json
import multiprocessing
import os
import resource
import signal
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from sqf_pipeline.nypd import file_checks, transfer
from sqf_pipeline.nypd.download import address_of, download_year
from sqf_pipeline.nypd.download_record import read_record, record_path
from sqf_pipeline.nypd.file_checks import UnreadableFileError
from sqf_pipeline.nypd.http_client import NotPublishedError, Patience, RefusedError, UnreachableError
from sqf_pipeline.nypd.local_files import SourceError, file_sha256, find_local_file
from sqf_pipeline_tests import nypd_server
from sqf_pipeline_tests.integration.nypd.conftest import Waits
from sqf_pipeline_tests.nypd_server import NypdServer, tiny_workbook


def visible(folder: Path) -> list[str]:
    """Return every file under a folder but the locks, which are empty and stay."""
    return sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"
    )


def test_a_file_is_downloaded_whole_with_its_record_and_our_name(
    server: NypdServer, patience: Patience, tmp_path: Path
) -> None:
    served = server.publish(2020, tiny_workbook())
    seen: list[tuple[int, int | None]] = []

    got = download_year(
        server.url_template, 2020, tmp_path / "new folder", patience=patience, progress=lambda *at: seen.append(at)
    )

    assert got.path == tmp_path / "new folder" / "sqf-2020.xlsx"
    assert got.path.read_bytes() == served.content
    assert (got.changed, got.earlier) == (True, None)
    assert visible(got.path.parent) == ["sqf-2020.xlsx", "sqf-2020.xlsx.json"]
    record = json.loads(record_path(got.path).read_text())
    assert record["etag"] == served.etag
    assert record["last_modified"] == served.last_modified
    assert record["sha256"] == file_sha256(got.path)
    assert record["size"] == len(served.content)
    assert abs(datetime.fromisoformat(record["fetched_at"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert seen[-1] == (len(served.content), len(served.content))
    assert server.asked[0].headers["User-Agent"].startswith("sqf-pipeline/")
    assert server.asked[0].headers["Accept-Encoding"] == "identity"
    assert find_local_file(got.path.parent, 2020) == got.path


def test_an_unchanged_file_costs_one_request_and_is_not_written(
    server: NypdServer, patience: Patience, tmp_path: Path
) -> None:
    server.publish(2020, tiny_workbook())
    first = download_year(server.url_template, 2020, tmp_path, patience=patience)
    before = first.path.stat()

    second = download_year(server.url_template, 2020, tmp_path, patience=patience)

    assert not second.changed
    assert second.record == first.record
    assert (first.path.stat().st_mtime_ns, first.path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert len(server.asked) == 2
    assert server.asked[1].headers["If-None-Match"] == first.record.etag


def test_a_republished_file_replaces_the_old_one_which_is_kept_aside(
    server: NypdServer, patience: Patience, tmp_path: Path
) -> None:
    old = server.publish(2017, tiny_workbook("as first published"), at=1_522_500_000.0)
    first = download_year(server.url_template, 2017, tmp_path, patience=patience)
    new = server.publish(2017, tiny_workbook("corrected"))

    second = download_year(server.url_template, 2017, tmp_path, patience=patience)

    assert second.changed
    assert second.path.read_bytes() == new.content
    assert second.earlier == tmp_path / "earlier" / f"sqf-2017.2018-03-31-{first.record.sha256[:8]}.xlsx"
    assert second.earlier.read_bytes() == old.content
    assert read_record(second.earlier) == first.record
    assert find_local_file(tmp_path, 2017) == second.path


def test_a_file_republished_thrice_keeps_each_and_an_unchanged_reissue_keeps_none(
    server: NypdServer, patience: Patience, tmp_path: Path
) -> None:
    for text in ("one", "two", "three"):
        server.publish(2018, tiny_workbook(text))
        download_year(server.url_template, 2018, tmp_path, patience=patience)
    assert len(list((tmp_path / "earlier").glob("*.xlsx"))) == 2

    reissued = server.files["/sqf-2018.xlsx"]
    reissued.etag = '"another name for the same bytes"'
    got = download_year(server.url_template, 2018, tmp_path, patience=patience)

    assert not got.changed
    assert got.record.etag == reissued.etag
    assert len(list((tmp_path / "earlier").glob("*.xlsx"))) == 2


def test_a_file_that_was_changed_by_hand_is_neither_replaced_nor_moved(
    server: NypdServer, patience: Patience, tmp_path: Path
) -> None:
    served = server.publish(2020, tiny_workbook())
    path = download_year(server.url_template, 2020, tmp_path, patience=patience).path
    mine = served.content[:-1] + b"x"
    path.write_bytes(mine)

    with pytest.raises(SourceError, match="put there by hand"):
        download_year(server.url_template, 2020, tmp_path, patience=patience)

    assert "If-None-Match" not in server.asked[-1].headers
    assert path.read_bytes() == mine
    assert not (tmp_path / "earlier").exists()


def test_no_etag_is_needed(server: NypdServer, patience: Patience, tmp_path: Path) -> None:
    server.publish(2020, tiny_workbook("one"), etag=False)
    assert download_year(server.url_template, 2020, tmp_path, patience=patience).changed
    assert not download_year(server.url_template, 2020, tmp_path, patience=patience).changed
    assert "If-Modified-Since" in server.asked[-1].headers
    server.publish(2020, tiny_workbook("two"), etag=False, at=1_590_000_000.0)
    assert download_year(server.url_template, 2020, tmp_path, patience=patience).changed


@pytest.mark.parametrize("code", [404, 410])
def test_a_year_that_is_not_published(server: NypdServer, patience: Patience, tmp_path: Path, code: int) -> None:
    server.behaviour = nypd_server.status(code)
    with pytest.raises(NotPublishedError, match=rf"no file of 2031 at {server.address}/sqf-2031.xlsx .*{code}"):
        download_year(server.url_template, 2031, tmp_path, patience=patience)
    assert len(server.asked) == 1
    assert visible(tmp_path) == []


def test_a_server_that_refuses_tells_what_to_do_by_hand(server: NypdServer, patience: Patience, tmp_path: Path) -> None:
    server.behaviour = nypd_server.status(403)
    with pytest.raises(RefusedError, match=r"403 Forbidden.*browser.*sqf-2020\.xlsx.*SQF_SOURCE=local"):
        download_year(server.url_template, 2020, tmp_path, patience=patience)
    assert len(server.asked) == 1


def test_errors_of_the_server_are_waited_out_with_growing_waits(
    server: NypdServer, patience: Patience, waits: Waits, tmp_path: Path
) -> None:
    served = server.publish(2020, tiny_workbook())
    server.next_behaviours.extend([nypd_server.status(500), nypd_server.status(503)])

    got = download_year(server.url_template, 2020, tmp_path, patience=patience)

    assert got.path.read_bytes() == served.content
    assert len(waits.seconds) == 2
    assert 1 <= waits.seconds[0] <= 1.25
    assert 2 <= waits.seconds[1] <= 2.5


def test_too_many_errors_of_the_server_are_told(
    server: NypdServer, patience: Patience, waits: Waits, tmp_path: Path
) -> None:
    server.behaviour = nypd_server.status(502)
    with pytest.raises(UnreachableError, match="502 Bad Gateway, after asking 3 times"):
        download_year(server.url_template, 2020, tmp_path, patience=patience)
    assert len(server.asked) == 3
    assert visible(tmp_path) == []


@pytest.mark.parametrize("as_date", [False, True])
def test_retry_after_is_obeyed(
    server: NypdServer, patience: Patience, waits: Waits, tmp_path: Path, as_date: bool
) -> None:
    server.publish(2020, tiny_workbook())
    after = format_datetime(datetime.now(UTC) + timedelta(seconds=8), usegmt=True) if as_date else "7"
    server.next_behaviours.append(nypd_server.status(429, Retry_After=after))
    assert download_year(server.url_template, 2020, tmp_path, patience=patience).changed
    assert waits.seconds == [pytest.approx(7, abs=1)]


def test_a_wait_longer_than_our_patience_is_told_at_once(
    server: NypdServer, patience: Patience, waits: Waits, tmp_path: Path
) -> None:
    server.behaviour = nypd_server.status(429, Retry_After="3600")
    with pytest.raises(UnreachableError, match=r"429 .*the server asked to wait 3,600 s"):
        download_year(server.url_template, 2020, tmp_path, patience=patience)
    assert waits.seconds == []


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("etag", [True, False], ids=["etag", "date"])
def test_a_broken_connection_is_resumed_where_it_broke(
    server: NypdServer, patience: Patience, tmp_path: Path, reset: bool, etag: bool
) -> None:
    served = server.publish(2020, tiny_workbook(), etag=etag)
    server.next_behaviours.append(nypd_server.cut_off_after(5_000, reset=reset))

    got = download_year(server.url_template, 2020, tmp_path, patience=patience)

    assert got.path.read_bytes() == served.content
    assert len(server.asked) == 2
    assert server.asked[1].headers["Range"] == "bytes=5000-"
    assert server.asked[1].headers["If-Range"] == (served.etag or served.last_modified)


def test_a_file_republished_in_the_middle_of_a_download_is_not_mixed(
    server: NypdServer, patience: Patience, tmp_path: Path
) -> None:
    server.publish(2020, tiny_workbook("old"))
    new = nypd_server.Served(tiny_workbook("new"), etag='"new"')

    def cut_off_and_republish(handler: nypd_server.Handler, served: nypd_server.Served | None) -> None:
        nypd_server.cut_off_after(5_000)(handler, served)
        server.files["/sqf-2020.xlsx"] = new

    server.next_behaviours.append(cut_off_and_republish)
    got = download_year(server.url_template, 2020, tmp_path, patience=patience)
    assert got.path.read_bytes() == new.content
    assert got.record.etag == '"new"'


@pytest.mark.parametrize("validators", [True, False])
def test_a_server_without_ranges_is_asked_again_from_the_start(
    server: NypdServer, patience: Patience, tmp_path: Path, validators: bool
) -> None:
    served = server.publish(2020, tiny_workbook(), etag=validators, at=1.0 if validators else None)
    server.next_behaviours.append(nypd_server.cut_off_after(5_000))
    server.behaviour = nypd_server.without_ranges
    got = download_year(server.url_template, 2020, tmp_path, patience=patience)
    assert got.path.read_bytes() == served.content
    assert ("Range" in server.asked[1].headers) is validators


def test_a_server_that_always_breaks_off_at_the_same_byte_is_given_up(
    server: NypdServer, patience: Patience, tmp_path: Path
) -> None:
    server.publish(2020, tiny_workbook())
    server.behaviour = nypd_server.cut_off_after(5_000)
    with pytest.raises(UnreachableError, match="after asking 3 times"):
        download_year(server.url_template, 2020, tmp_path, patience=patience)
    assert visible(tmp_path) == []


def test_a_server_that_gives_less_than_was_asked_for_is_asked_on(
    server: NypdServer, patience: Patience, tmp_path: Path
) -> None:
    served = server.publish(2020, tiny_workbook())

    def a_little(handler: nypd_server.Handler, _: nypd_server.Served | None) -> None:
        first = int(handler.headers["Range"].removeprefix("bytes=").rstrip("-"))
        part = served.content[first : first + 4_000]
        told = {"Content-Range": f"bytes {first}-{first + len(part) - 1}/{len(served.content)}"}
        handler.send(206, told | handler.file_headers(served), part)

    server.next_behaviours.append(nypd_server.cut_off_after(100))
    server.behaviour = a_little
    got = download_year(server.url_template, 2020, tmp_path, patience=patience)
    assert got.path.read_bytes() == served.content


def test_a_file_from_another_address_is_asked_for_whole(server: NypdServer, patience: Patience, tmp_path: Path) -> None:
    """Two servers may give one name to two files."""
    served = server.publish(2020, tiny_workbook("one"))
    download_year(server.url_template, 2020, tmp_path, patience=patience)
    server.files["/moved/sqf-2020.xlsx"] = nypd_server.Served(tiny_workbook("two"), served.etag, served.last_modified)
    got = download_year(f"{server.address}/moved/sqf-{{year}}.xlsx", 2020, tmp_path, patience=patience)
    assert got.changed
    assert "If-None-Match" not in server.asked[-1].headers


def test_a_wrong_length_is_not_believed(server: NypdServer, patience: Patience, tmp_path: Path) -> None:
    content = tiny_workbook()
    server.publish(2020, content)
    server.behaviour = lambda handler, _: handler.send(200, {"Content-Length": str(len(content) + 10)}, content)
    with pytest.raises(UnreachableError, match="could not be downloaded"):
        download_year(server.url_template, 2020, tmp_path, patience=patience)
    server.behaviour = lambda handler, _: handler.send(200, {"Content-Length": str(len(content) - 10)}, content)
    with pytest.raises(UnreadableFileError, match="damaged or incomplete workbook"):
        download_year(server.url_template, 2020, tmp_path, patience=patience)
    assert visible(tmp_path) == []


def test_a_piece_of_a_workbook_is_not_one_even_when_the_server_tells_no_length(
    server: NypdServer, patience: Patience, tmp_path: Path
) -> None:
    content = tiny_workbook()

    def without_length(handler: nypd_server.Handler, served: nypd_server.Served | None) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(content[:9_000])

    server.behaviour = without_length
    with pytest.raises(UnreadableFileError, match=r"sqf-2020.xlsx gave for 2020 is a damaged or incomplete workbook"):
        download_year(server.url_template, 2020, tmp_path, patience=patience)


def test_a_web_page_is_not_a_workbook_and_the_good_file_stays(
    server: NypdServer, patience: Patience, tmp_path: Path
) -> None:
    served = server.publish(2020, tiny_workbook())
    download_year(server.url_template, 2020, tmp_path, patience=patience)
    server.behaviour = nypd_server.web_page
    with pytest.raises(UnreadableFileError, match="is a web page, not a yearly file"):
        download_year(server.url_template, 2020, tmp_path, patience=patience)
    assert visible(tmp_path) == ["sqf-2020.xlsx", "sqf-2020.xlsx.json"]
    assert (tmp_path / "sqf-2020.xlsx").read_bytes() == served.content


def test_a_silent_server_is_given_up(server: NypdServer, patience: Patience, waits: Waits, tmp_path: Path) -> None:
    server.behaviour = nypd_server.stall(0.6)
    with pytest.raises(UnreachableError, match="did not answer in time, after asking 2 times"):
        download_year(server.url_template, 2020, tmp_path, patience=replace(patience, attempts=2))


def test_a_dripping_server_is_given_up_at_the_deadline(server: NypdServer, patience: Patience, tmp_path: Path) -> None:
    server.publish(2020, tiny_workbook())
    server.behaviour = nypd_server.drip
    started = time.monotonic()
    with pytest.raises(UnreachableError, match=r"within 1 s: \d+ bytes came"):
        download_year(server.url_template, 2020, tmp_path, patience=replace(patience, total=1.0))
    assert time.monotonic() - started < 2


def test_a_long_download_is_told_to_the_log(
    server: NypdServer,
    patience: Patience,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    content = server.publish(2020, tiny_workbook()).content
    with caplog.at_level("INFO", logger="sqf_pipeline"):
        download_year(server.url_template, 2020, tmp_path / "quick", patience=patience)
        assert "downloading" not in caplog.text
        monkeypatch.setattr(transfer, "_SECONDS_BETWEEN_TELLINGS", 0.0)
        download_year(server.url_template, 2020, tmp_path / "long", patience=patience)
    assert f"downloading sqf-2020.xlsx: {len(content) / 1e6:.1f} of {len(content) / 1e6:.1f} MB" in caplog.text


def test_a_server_that_is_not_there(patience: Patience, tmp_path: Path) -> None:
    with NypdServer() as gone:
        template = gone.url_template
    with pytest.raises(UnreachableError, match=r"Connection refused.*after asking 3 times"):
        download_year(template, 2020, tmp_path, patience=patience)


def test_redirects_are_followed_a_few_times_and_to_the_web_only(
    server: NypdServer, patience: Patience, tmp_path: Path
) -> None:
    served = server.publish(2020, tiny_workbook())
    server.next_behaviours.append(nypd_server.redirect("/sqf-2020.xlsx"))
    assert download_year(server.url_template, 2020, tmp_path, patience=patience).path.read_bytes() == served.content

    server.behaviour = nypd_server.redirect("/sqf-2021.xlsx")
    server.asked.clear()
    with pytest.raises(RefusedError, match="more than 5 redirects"):
        download_year(server.url_template, 2021, tmp_path, patience=patience)
    assert len(server.asked) == 6
    server.behaviour = nypd_server.redirect("file:///etc/hostname")
    with pytest.raises(RefusedError, match="not http or https"):
        download_year(server.url_template, 2021, tmp_path, patience=patience)


def zip_bomb(unpacked: int) -> bytes:
    """Return an archive that looks like a workbook and unpacks to `unpacked` zero bytes."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
        with archive.open("xl/worksheets/sheet1.xml", "w") as sheet:
            for _ in range(unpacked >> 20):
                sheet.write(bytes(1 << 20))
    return content.getvalue()


def test_a_zip_bomb_is_refused_before_it_is_unpacked(
    server: NypdServer, patience: Patience, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.publish(2020, zip_bomb(80 << 20))
    monkeypatch.setattr(file_checks, "_read_through", lambda _: pytest.fail("it was unpacked"))
    with pytest.raises(UnreadableFileError, match=r"would unpack 3 parts to 84 MB, 1,0\d\d times its size"):
        download_year(server.url_template, 2020, tmp_path, patience=patience)
    assert visible(tmp_path) == []


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("https://example.org/sqf.xlsx", "holds {year} and ends in"),
        ("https://example.org/{year}.zip", "holds {year} and ends in"),
        ("ftp://127.0.0.1/sqf-{year}.xlsx", "not an http or https address"),
        ("http:///sqf-{year}.xlsx", "not an address that can be asked"),
    ],
)
def test_addresses_that_cannot_be(template: str, message: str, patience: Patience, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=message):
        download_year(template, 2020, tmp_path, patience=patience)


def test_years_of_the_older_form_are_not_asked_for(server: NypdServer) -> None:
    with pytest.raises(SourceError, match=r"The year 2016 cannot be used.*older form.*from 2017 on"):
        address_of(server.url_template, 2016)


def download_in_process(template: str, folder: Path, patience: Patience) -> None:
    download_year(template, 2020, folder, patience=replace(patience, sleep=time.sleep))


def test_a_killed_download_leaves_the_old_file_and_the_next_one_cleans_up(server: NypdServer, tmp_path: Path) -> None:
    old = server.publish(2020, tiny_workbook("old"))
    patience = Patience(read=20.0)
    download_year(server.url_template, 2020, tmp_path, patience=patience)
    new = server.publish(2020, tiny_workbook("new"))

    def stop_in_the_middle(handler: nypd_server.Handler, served: nypd_server.Served | None) -> None:
        handler.send(200, {"Content-Length": str(len(new.content))}, new.content[:5_000])
        time.sleep(5)

    server.next_behaviours.append(stop_in_the_middle)
    process = multiprocessing.get_context("fork").Process(
        target=download_in_process, args=(server.url_template, tmp_path, patience)
    )
    process.start()
    part = tmp_path / ".sqf-2020.xlsx.part"
    while not (part.exists() and len(server.asked) == 2):
        time.sleep(0.01)
    time.sleep(0.1)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert part.exists()
    (tmp_path / ".sqf-2020.xlsx.json.part").write_text("cut off at another moment")
    (tmp_path / "earlier").mkdir()
    (tmp_path / "earlier" / ".sqf-2020.2020-01-26-1a2b3c4d.xlsx.part").write_text("and at a third")
    assert (tmp_path / "sqf-2020.xlsx").read_bytes() == old.content
    assert find_local_file(tmp_path, 2020) == tmp_path / "sqf-2020.xlsx"

    got = download_year(server.url_template, 2020, tmp_path, patience=patience)
    assert got.path.read_bytes() == new.content
    assert [name for name in visible(tmp_path) if name.endswith(".part")] == []


def test_two_processes_download_a_file_once(server: NypdServer, tmp_path: Path) -> None:
    served = server.publish(2020, tiny_workbook())

    def slowly(handler: nypd_server.Handler, served: nypd_server.Served | None) -> None:
        time.sleep(0.3)
        nypd_server.usual(handler, served)

    server.behaviour = slowly
    context = multiprocessing.get_context("fork")
    both = [
        context.Process(target=download_in_process, args=(server.url_template, tmp_path, Patience())) for _ in range(2)
    ]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    assert (tmp_path / "sqf-2020.xlsx").read_bytes() == served.content
    assert ["If-None-Match" in asked.headers for asked in server.asked] == [False, True]


def test_a_lock_that_is_held_too_long_is_told(server: NypdServer, patience: Patience, tmp_path: Path) -> None:
    from filelock import FileLock

    server.publish(2020, tiny_workbook())
    with (
        FileLock(tmp_path / ".sqf-2020.xlsx.lock"),
        pytest.raises(SourceError, match="Another process has been downloading"),
    ):
        download_year(server.url_template, 2020, tmp_path, patience=replace(patience, total=0.2))
    assert server.asked == []


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """Let the system refuse to write past a size, as it does when the disk is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_a_disk_without_room_is_told_and_the_old_file_stays(
    server: NypdServer, patience: Patience, tmp_path: Path
) -> None:
    old = server.publish(2020, tiny_workbook("old"))
    download_year(server.url_template, 2020, tmp_path, patience=patience)
    server.publish(2020, tiny_workbook("new"))
    with (
        files_no_larger_than(4_096),
        pytest.raises(SourceError, match=f"could not be written to {tmp_path}: File too large.*Free some space"),
    ):
        download_year(server.url_template, 2020, tmp_path, patience=patience)
    assert visible(tmp_path) == ["sqf-2020.xlsx", "sqf-2020.xlsx.json"]
    assert (tmp_path / "sqf-2020.xlsx").read_bytes() == old.content


def test_a_folder_that_may_not_be_written_is_told(
    server: NypdServer, patience: Patience, tmp_path: Path, another_account: None
) -> None:
    server.publish(2020, tiny_workbook())
    folder = tmp_path / "data"
    folder.mkdir(mode=0o555)
    with pytest.raises(SourceError, match=r"could not be written to .*Permission denied"):
        download_year(server.url_template, 2020, folder, patience=patience)
    assert visible(folder) == []


def test_a_folder_that_is_a_file_is_told(server: NypdServer, patience: Patience, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a folder")
    with pytest.raises(SourceError, match=r"could not be written to .*File exists"):
        download_year(server.url_template, 2020, tmp_path / "data", patience=patience)


def test_a_server_that_compresses_in_transit_although_asked_not_to(
    server: NypdServer, patience: Patience, tmp_path: Path
) -> None:
    import gzip

    content = tiny_workbook()
    server.behaviour = lambda handler, _: handler.send(200, {"Content-Encoding": "gzip"}, gzip.compress(content))
    got = download_year(server.url_template, 2020, tmp_path, patience=patience)
    assert got.path.read_bytes() == content
