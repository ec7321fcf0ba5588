"""A download against a server that misbehaves in each known way."""

import gzip
import json
import multiprocessing
import os
import resource
import shutil
import signal
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from filelock import FileLock

from sqf_pipeline.ingest import download
from sqf_pipeline.ingest.download import (
    NotPublishedError,
    Patience,
    RefusedError,
    UnreachableError,
    download_year,
)
from sqf_pipeline.ingest.download_record import Downloaded, read_record, record_path
from sqf_pipeline.ingest.file_checks import UnreadableFileError
from sqf_pipeline.ingest.local_files import SourceError, file_sha256, find_year_files
from sqf_pipeline_tests import nypd_server
from sqf_pipeline_tests.nypd_server import Behaviour, Handler, NypdServer, Served, status, tiny_workbook


def visible(folder: Path) -> list[str]:
    """Return every file under a folder but the locks, which are empty and stay."""
    return sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"
    )


Fetch = Callable[..., Downloaded]


@pytest.fixture
def fetch(server: NypdServer, patience: Patience, tmp_path: Path) -> Fetch:
    """Return a download of a year, by default 2020 into the test's folder, with some of the limits changed."""

    def fetch(year: int = 2020, folder: Path = tmp_path, **limits: float) -> Downloaded:
        return download_year(server.url_template, year, folder, patience=replace(patience, **limits))

    return fetch


@pytest.fixture
def kept(fetch: Fetch, server: NypdServer, tmp_path: Path) -> Iterator[bytes]:
    """Publish and download 2020; at the end the folder must hold that file, its record, and nothing else."""
    content = server.publish(2020, tiny_workbook("kept")).content
    record = fetch().record
    server.publish(2020, tiny_workbook("new"))
    server.asked.clear()
    yield content
    assert visible(tmp_path) == ["sqf-2020.xlsx", "sqf-2020.xlsx.json"]
    assert (tmp_path / "sqf-2020.xlsx").read_bytes() == content
    assert read_record(tmp_path / "sqf-2020.xlsx") == record


# What is asked for, and what is kept.


def test_a_file_is_downloaded_whole_with_its_record_and_our_name(
    fetch: Fetch, server: NypdServer, tmp_path: Path
) -> None:
    served = server.publish(2020, tiny_workbook())
    got = fetch(folder=tmp_path / "new folder")

    assert got.path == tmp_path / "new folder" / "sqf-2020.xlsx"
    assert got.path.read_bytes() == served.content
    assert (got.changed, got.earlier) == (True, None)
    assert visible(got.path.parent) == ["sqf-2020.xlsx", "sqf-2020.xlsx.json"]
    record = json.loads(record_path(got.path).read_text())
    assert record["url"] == f"{server.address}/sqf-2020.xlsx"
    assert (record["etag"], record["last_modified"]) == (served.etag, served.last_modified)
    assert record["sha256"] == file_sha256(got.path)
    assert record["size"] == len(served.content)
    assert abs(datetime.fromisoformat(record["fetched_at"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert server.asked[0].headers["User-Agent"].startswith("sqf-pipeline/")
    assert server.asked[0].headers["Accept-Encoding"] == "identity"
    assert find_year_files(got.path.parent, 2020).paths == (got.path,)


@pytest.mark.parametrize("etag", [True, False], ids=["etag", "date"])
def test_an_unchanged_file_costs_one_request_and_is_not_written(fetch: Fetch, server: NypdServer, etag: bool) -> None:
    server.publish(2020, tiny_workbook(), etag=etag)
    first = fetch()
    before = first.path.stat()

    second = fetch()

    assert not second.changed
    assert second.record == first.record
    assert (first.path.stat().st_mtime_ns, first.path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert len(server.asked) == 2
    assert server.asked[1].headers.get("If-None-Match") == first.record.etag
    assert server.asked[1].headers["If-Modified-Since"] == first.record.last_modified


def test_a_republished_file_replaces_the_old_one_which_is_kept_aside(
    fetch: Fetch, server: NypdServer, tmp_path: Path
) -> None:
    published = [server.publish(2017, tiny_workbook("as first published"), at=1_522_500_000.0)]
    first = fetch(2017)
    published.append(server.publish(2017, tiny_workbook("corrected")))
    second = fetch(2017)

    assert second.changed
    assert second.path.read_bytes() == published[1].content
    assert second.earlier == tmp_path / "earlier" / f"sqf-2017.2018-03-31-{first.record.sha256[:8]}.xlsx"
    assert second.earlier.read_bytes() == published[0].content
    assert read_record(second.earlier) == first.record
    assert find_year_files(tmp_path, 2017).paths == (second.path,)

    published.append(server.publish(2017, tiny_workbook("corrected again")))
    third = fetch(2017)
    assert third.path.read_bytes() == published[2].content
    assert {path.read_bytes() for path in (tmp_path / "earlier").glob("*.xlsx")} == {
        served.content for served in published[:2]
    }


def test_the_same_bytes_under_another_name_are_no_change(fetch: Fetch, server: NypdServer) -> None:
    served = server.publish(2018, tiny_workbook())
    before = fetch(2018).path.stat()
    served.etag = '"another name for the same bytes"'
    got = fetch(2018)
    assert (got.changed, got.earlier) == (False, None)
    assert (got.path.stat().st_ino, got.path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert read_record(got.path) == got.record
    assert got.record.etag == served.etag


def test_a_file_from_another_address_is_asked_for_whole(
    fetch: Fetch, server: NypdServer, patience: Patience, tmp_path: Path
) -> None:
    """Two servers may give one name to two files."""
    served = server.publish(2020, tiny_workbook("one"))
    fetch()
    server.files["/moved/sqf-2020.xlsx"] = Served(tiny_workbook("two"), served.etag, served.last_modified)
    got = download_year(f"{server.address}/moved/sqf-{{year}}.xlsx", 2020, tmp_path, patience=patience)
    assert got.changed
    assert "If-None-Match" not in server.asked[-1].headers


def placed(target: Path) -> None:
    target.write_bytes(tiny_workbook("mine"))


def placed_over_a_download(target: Path) -> None:
    record_path(target).write_text(
        json.dumps(dict.fromkeys(["url", "etag", "last_modified", "fetched_at"], "") | {"size": 1, "sha256": "0" * 64})
    )
    placed(target)


def linked(target: Path) -> None:
    elsewhere = target.parent.parent / "elsewhere.xlsx"
    placed(elsewhere)
    target.symlink_to(elsewhere)


def linked_to_nothing(target: Path) -> None:
    target.symlink_to("/a disk/that is not there.xlsx")


def empty_folder(target: Path) -> None:
    target.mkdir()


@pytest.mark.parametrize("place", [placed, placed_over_a_download, linked, linked_to_nothing, empty_folder])
def test_what_was_put_there_by_hand_is_never_touched(
    fetch: Fetch, server: NypdServer, tmp_path: Path, place: Callable[[Path], None]
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    place(folder / "sqf-2019.xlsx")
    server.publish(2019, tiny_workbook("theirs"))
    before = described(folder)
    for _ in range(2):
        with pytest.raises(
            SourceError, match=r"sqf-2019\.xlsx was put there by hand.*SQF_SOURCE=local.*another folder"
        ):
            fetch(2019, folder)
        assert described(folder) == before


def described(folder: Path) -> dict[str, object]:
    paths = [path for path in (folder, *folder.rglob("*")) if path.suffix != ".lock"]
    return {path.name: (path.lstat().st_ino, path.read_bytes() if path.is_file() else None) for path in sorted(paths)}


def test_what_was_put_there_by_hand_is_used_when_it_is_what_is_published(
    fetch: Fetch, server: NypdServer, tmp_path: Path
) -> None:
    mine = tmp_path / "sqf-2019.xlsx"
    mine.write_bytes(server.publish(2019, tiny_workbook()).content)
    before = mine.stat()
    got = fetch(2019)
    assert (got.path, got.changed, got.record.sha256) == (mine, False, file_sha256(mine))
    assert (mine.stat().st_ino, mine.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert visible(tmp_path) == ["sqf-2019.xlsx"], "it stays somebody's own"


# Failures that may pass.


def cut_off_in_chunks(handler: Handler, served: Served | None) -> None:
    assert served is not None
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"1000\r\n" + served.content[:4_096] + b"\r\n1000\r\n" + served.content[4_096:5_000])
    handler.close_connection = True


def says_more_than_comes(handler: Handler, served: Served | None) -> None:
    assert served is not None
    handler.send(200, {"Content-Length": str(len(served.content) + 10)}, served.content)


def breaks_off(handler: Handler, _: Served | None) -> None:
    handler.connection.close()
    handler.close_connection = True


@pytest.mark.parametrize(
    ("failure", "told"),
    [(status(code), f"the server answered {code}") for code in (408, 425, 429, 500, 502, 503, 504)]
    + [
        (nypd_server.cut_off_after(5_000), "the connection failed"),
        (nypd_server.cut_off_after(5_000, reset=True), "the connection failed"),
        (cut_off_in_chunks, "the connection failed"),
        (says_more_than_comes, "the connection failed"),
        (breaks_off, "the connection failed"),
    ],
)
def test_a_failure_that_passes_is_waited_out_and_one_that_stays_is_told(
    *,
    fetch: Fetch,
    server: NypdServer,
    tmp_path: Path,
    kept: bytes,
    failure: Behaviour,
    told: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.next_behaviours.extend([failure, failure])
    got = fetch(folder=tmp_path / "another folder")
    assert got.path.read_bytes() == server.files["/sqf-2020.xlsx"].content
    assert caplog.text.count(told) == 2
    shutil.rmtree(got.path.parent)

    server.asked.clear()
    server.behaviour = failure
    with pytest.raises(UnreachableError, match=rf"{told}.*attempt 3 of 3.*SQF_SOURCE=local"):
        fetch()
    assert len(server.asked) == 3


def test_a_server_that_is_not_there_is_told(patience: Patience, tmp_path: Path) -> None:
    with NypdServer() as gone:
        template = gone.url_template
    with pytest.raises(UnreachableError, match=r"Connection refused.*attempt 3 of 3"):
        download_year(template, 2020, tmp_path, patience=patience)


def test_waits_grow_up_to_the_longest(fetch: Fetch, server: NypdServer, waits: list[float]) -> None:
    server.behaviour = status(503)
    with pytest.raises(UnreachableError):
        fetch(attempts=7, first_wait=1.0, longest_wait=9.0)
    assert waits == [0, 2, 4, 8, 9, 9]


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        ("7", 7, 7),
        (lambda: format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True), 20, 30),
        ("soon", 0, 0),
        ("-5", 0, 0),
        ("Mon, 01 Jan 999999999999 00:00:00 GMT", 0, 0),
        ("Mon, 23 Mar 2020 10:00:00 GMT", 0, 0),
    ],
)
def test_a_server_that_asks_to_wait_gets_it(
    *,
    fetch: Fetch,
    server: NypdServer,
    waits: list[float],
    caplog: pytest.LogCaptureFixture,
    asked: str | Callable[[], str],
    least: float,
    most: float,
) -> None:
    server.publish(2020, tiny_workbook())
    server.next_behaviours.append(status(429, Retry_After=asked if isinstance(asked, str) else asked()))
    assert fetch().changed
    assert len(waits) == 1
    assert least <= waits[0] <= most
    assert "the server answered 429" in caplog.text


def test_a_wait_longer_than_our_patience_is_told_at_once(fetch: Fetch, server: NypdServer, waits: list[float]) -> None:
    server.behaviour = status(429, Retry_After="3600")
    with pytest.raises(UnreachableError, match=r"429 .* asks us to wait 3,600 s \(attempt 1 of 3"):
        fetch()
    assert waits == []


@pytest.mark.parametrize(
    ("slow", "limits", "told"),
    [
        (nypd_server.stall(20.0), {"read": 0.2, "attempts": 2}, r"did not answer in time \(attempt 2 of 2"),
        (nypd_server.stall(20.0), {"total": 0.5}, "did not answer in time"),
        (nypd_server.drip, {"total": 0.5}, r"too slow: \d+ bytes came"),
    ],
    ids=["silent", "silent until the end", "dripping"],
)
def test_a_slow_server_is_given_up_in_time(
    *, fetch: Fetch, server: NypdServer, kept: bytes, slow: Behaviour, limits: dict[str, float], told: str
) -> None:
    server.behaviour = slow
    started = time.monotonic()
    with pytest.raises(UnreachableError, match=told):
        fetch(**limits)
    assert time.monotonic() - started < 3.9, "the server needs 4 seconds and more"


# Answers that are not the file.


@pytest.mark.parametrize(
    ("code", "error", "told"),
    [(code, NotPublishedError, "no file at .*/sqf-2020.xlsx .*{code}.*set SQF_NYPD_URL") for code in (404, 410)]
    + [
        (code, RefusedError, r"{code} .*browser.*sqf-2020\.xlsx.*SQF_SOURCE=local")
        for code in (204, 206, 304, 400, 401, 403, 451, 505)
    ],
)
def test_a_server_that_has_or_gives_no_file_is_asked_once_and_what_to_do_is_told(
    *, fetch: Fetch, server: NypdServer, tmp_path: Path, code: int, error: type[SourceError], told: str
) -> None:
    server.behaviour = status(code)
    with pytest.raises(error, match=told.format(code=code)):
        fetch()
    assert len(server.asked) == 1
    assert visible(tmp_path) == []


def without_length(content: bytes) -> Behaviour:
    def behaviour(handler: Handler, _: Served | None) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(content)

    return behaviour


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (nypd_server.web_page, "is a web page, not a yearly file"),
        (without_length(tiny_workbook()[:9_000]), r"sqf-2020.xlsx for 2020 is a damaged or incomplete workbook"),
        (lambda handler, _: handler.send(200, {"Content-Length": "\xb2"}, b"2"), "is not a workbook"),
        (lambda handler, _: handler.send(200, {"Content-Length": "9000"}, tiny_workbook()), "damaged or incomplete"),
    ],
    ids=["page", "piece", "no number", "wrong length"],
)
def test_what_is_not_a_workbook_never_takes_the_place_of_one(
    fetch: Fetch, server: NypdServer, kept: bytes, answer: Behaviour, told: str
) -> None:
    server.behaviour = answer
    with pytest.raises(UnreadableFileError, match=told):
        fetch()


@pytest.mark.parametrize("told", [True, False])
def test_a_file_that_is_too_large_is_given_up(
    fetch: Fetch, server: NypdServer, kept: bytes, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    monkeypatch.setattr(download, "MAX_FILE_BYTES", 5_000)
    server.behaviour = nypd_server.usual if told else without_length(tiny_workbook("new"))
    with pytest.raises(RefusedError, match="at most 5,000 are accepted"):
        fetch()


def test_a_server_that_compresses_in_transit_although_asked_not_to(fetch: Fetch, server: NypdServer) -> None:
    content = tiny_workbook()
    server.behaviour = lambda handler, _: handler.send(200, {"Content-Encoding": "gzip"}, gzip.compress(content))
    got = fetch()
    assert got.path.read_bytes() == content


# Where we go.


def test_redirects_are_followed_a_few_times_and_to_the_web_only(fetch: Fetch, server: NypdServer) -> None:
    served = server.publish(2020, tiny_workbook())
    server.next_behaviours.append(nypd_server.redirect("/sqf-2020.xlsx"))
    assert fetch().path.read_bytes() == served.content

    server.behaviour = nypd_server.redirect("/sqf-2021.xlsx")
    server.asked.clear()
    with pytest.raises(RefusedError, match="in at most 5 redirects"):
        fetch(2021)
    assert len(server.asked) == 6
    server.behaviour = nypd_server.redirect("file:///etc/hostname")
    with pytest.raises(RefusedError, match=r"file:///etc/hostname.*Expected an http or https address"):
        fetch(2021)


def test_a_proxy_of_the_environment_is_used(
    server: NypdServer, patience: Patience, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, server.address)
    server.files["http://nypd.invalid/sqf-2020.xlsx"] = server.publish(2020, tiny_workbook())
    assert download_year("http://nypd.invalid/sqf-{year}.xlsx", 2020, tmp_path, patience=patience).changed
    assert server.asked[0].path == "http://nypd.invalid/sqf-2020.xlsx"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_only_a_server_with_an_accepted_certificate_is_believed(
    server: NypdServer, patience: Patience, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.publish(2020, tiny_workbook())
    template = server.url_template.replace("http:", "https:")

    with pytest.raises(RefusedError, match=r"certificate is not accepted.*REQUESTS_CA_BUNDLE"):
        download_year(template, 2020, tmp_path / "data", patience=patience)
    assert server.asked == []
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    assert download_year(template, 2020, tmp_path / "data", patience=patience).changed


@pytest.mark.parametrize(
    ("template", "year", "message"),
    [
        ("https://example.org/sqf.xlsx", 2020, "holds {file}, or {year} and ends in"),
        ("https://example.org/{year}.rar", 2020, "holds {file}, or {year} and ends in"),
        ("ftp://127.0.0.1/sqf-{year}.xlsx", 2020, "Expected an http or https address"),
        ("http:///sqf-{year}.xlsx", 2020, "Expected an http or https address"),
        ("sqf-{year}.xlsx", 2020, "Expected an http or https address"),
        ("http://127.0.0.1/sqf-{year}.xlsx", 2002, r"The year 2002 cannot be used.*since 2003"),
    ],
)
def test_addresses_that_cannot_be(template: str, year: int, message: str, patience: Patience, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=message):
        download_year(template, year, tmp_path, patience=patience)


# Other processes, the disk, the log.


def in_process(template: str, folder: Path, **limits: float) -> multiprocessing.context.ForkProcess:
    process = multiprocessing.get_context("fork").Process(
        target=download_year, args=(template, 2020, folder), kwargs={"patience": Patience(**limits)}
    )
    process.start()
    return process


@pytest.mark.parametrize("kills_before", ["body", "first name", "second name", "third name", "fourth name"])
def test_a_kill_at_any_moment_leaves_a_whole_file_and_the_next_download_cleans_up(
    server: NypdServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills_before: str
) -> None:
    """The names are given in the order: the kept file, its record, the new file, its record."""
    old = server.publish(2020, tiny_workbook("old"))
    download_year(server.url_template, 2020, tmp_path)
    new = server.publish(2020, tiny_workbook("new"))
    target = tmp_path / "sqf-2020.xlsx"
    names_left = ["body", "first name", "second name", "third name", "fourth name"].index(kills_before)
    replace_as_usual = Path.replace

    def replace_or_die(self: Path, name: Path) -> Path:
        nonlocal names_left
        names_left -= 1
        if names_left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return replace_as_usual(self, name)

    def receive_and_die(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", replace_or_die)
        if kills_before == "body":
            patched.setattr(download, "check_file_kind", receive_and_die)
        process = in_process(server.url_template, tmp_path)
        process.join()
    assert process.exitcode == -signal.SIGKILL
    assert any(".part" in name for name in visible(tmp_path))
    assert find_year_files(tmp_path, 2020).paths == (target,)
    assert target.read_bytes() == (new if kills_before == "fourth name" else old).content

    got = download_year(server.url_template, 2020, tmp_path)
    assert got.path.read_bytes() == new.content
    assert read_record(target) == got.record
    assert not any(".part" in name for name in visible(tmp_path))
    (kept,) = (tmp_path / "earlier").glob("*.xlsx")
    assert kept.read_bytes() == old.content
    assert read_record(kept) is not None

    third = server.publish(2020, tiny_workbook("a third"))
    assert download_year(server.url_template, 2020, tmp_path).path.read_bytes() == third.content


def test_two_processes_download_a_file_once(server: NypdServer, tmp_path: Path) -> None:
    served = server.publish(2020, tiny_workbook())

    def slowly(handler: Handler, served: Served | None) -> None:
        time.sleep(0.3)
        nypd_server.usual(handler, served)

    server.behaviour = slowly
    both = [in_process(server.url_template, tmp_path) for _ in range(2)]
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    assert (tmp_path / "sqf-2020.xlsx").read_bytes() == served.content
    assert ["If-None-Match" in asked.headers for asked in server.asked] == [False, True]


def test_a_lock_that_is_held_too_long_is_told(fetch: Fetch, server: NypdServer, tmp_path: Path) -> None:
    server.publish(2020, tiny_workbook())
    with (
        FileLock(tmp_path / ".sqf-2020.lock"),
        pytest.raises(SourceError, match="Another process has been downloading"),
    ):
        fetch(total=0.2)
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


def test_a_disk_without_room_is_told_and_the_old_file_stays(fetch: Fetch, tmp_path: Path, kept: bytes) -> None:
    with (
        files_no_larger_than(4_096),
        pytest.raises(SourceError, match=f"could not be written to {tmp_path}: File too large.*Free some space"),
    ):
        fetch()


def test_a_folder_that_cannot_be_written_is_told(
    fetch: Fetch, server: NypdServer, tmp_path: Path, another_account: None
) -> None:
    server.publish(2020, tiny_workbook())
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "read-only").mkdir(mode=0o555)
    for name, cause in {"file": "File exists", "read-only": "Permission denied"}.items():
        with pytest.raises(SourceError, match=rf"could not be written to .*{name}: {cause}.*permit writing"):
            fetch(folder=tmp_path / name)
    assert visible(tmp_path) == ["file"]


def test_a_long_download_is_told_to_the_log(
    fetch: Fetch, server: NypdServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    size = len(server.publish(2020, tiny_workbook()).content) / 1e6
    with caplog.at_level("INFO", logger="sqf_pipeline"):
        fetch(folder=tmp_path / "quick")
        assert "downloading" not in caplog.text
        monkeypatch.setattr(download, "_SECONDS_BETWEEN_REPORTS", 0.0)
        fetch(folder=tmp_path / "long")
    assert f"downloading {server.address}/sqf-2020.xlsx: {size:.1f} of {size:.1f} MB" in caplog.text
