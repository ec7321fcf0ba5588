"""Choosing a source, and obtaining a year's file from it."""

from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

import pandas as pd
import pytest

from sqf_pipeline.ingest.download import NotPublishedError, Patience, UnreachableError
from sqf_pipeline.ingest.local_files import SourceError, file_sha256
from sqf_pipeline.ingest.source import obtain_file, source_of_year
from sqf_pipeline.ingest.source_decision import SourceDecision, resolve_source
from sqf_pipeline.settings import Source
from sqf_pipeline_tests import nypd_server
from sqf_pipeline_tests.nypd_server import NypdServer, as_workbook, tiny_workbook

YEARS = (2017, 2018, 2019, 2020)


def decide(server: NypdServer, folder: Path, patience: Patience, *, allow_sample: bool = True) -> SourceDecision:
    return resolve_source(
        "auto", folder, YEARS, allow_sample=allow_sample, addresses=[server.url_template], patience=patience
    )


def put_files(folder: Path, years: tuple[int, ...] = YEARS) -> None:
    for year in years:
        (folder / f"sqf-{year}.csv").write_text(f"YEAR2\n{year}\n")


def publish(server: NypdServer, years: tuple[int, ...] = YEARS) -> None:
    for year in years:
        server.publish(year, tiny_workbook(str(year)))


def test_a_local_file_is_described(tmp_path: Path) -> None:
    put_files(tmp_path)
    got = obtain_file("local", 2018, data_dir=tmp_path)
    assert got.path == tmp_path / "sqf-2018.csv"
    assert (got.source, got.year, got.url, got.etag, got.last_modified) == ("local", 2018, None, None, None)
    assert got.sha256 == file_sha256(got.path)
    assert (datetime.now(UTC) - got.fetched_at).total_seconds() < 60


def test_a_downloaded_file_is_described_and_so_is_its_local_use(
    server: NypdServer, patience: Patience, tmp_path: Path
) -> None:
    publish(server)
    options = {"data_dir": tmp_path, "addresses": [server.url_template], "patience": patience}
    got = obtain_file("nypd", 2020, **options)
    assert (got.source, got.url) == ("nypd", server.url_template.format(year=2020))
    assert got.etag == server.files["/sqf-2020.xlsx"].etag
    later = obtain_file("local", 2020, data_dir=tmp_path)
    assert (later.source, later.url, later.sha256) == ("local", got.url, got.sha256)


def test_a_kept_copy_never_stands_in_for_a_server_that_does_not_answer(
    server: NypdServer, patience: Patience, tmp_path: Path
) -> None:
    publish(server)
    options = {"data_dir": tmp_path, "addresses": [server.url_template], "patience": patience}
    obtain_file("nypd", 2020, **options)
    server.behaviour = nypd_server.status(500)
    with pytest.raises(UnreachableError, match="SQF_SOURCE=local"):
        obtain_file("nypd", 2020, **options)
    assert obtain_file("local", 2020, data_dir=tmp_path).path.is_file()


@pytest.mark.parametrize("source", ["local", "nypd", "sample"])
def test_a_source_that_is_named_is_taken(source: Source, tmp_path: Path) -> None:
    decision = resolve_source(source, tmp_path / "nowhere", YEARS, allow_sample=False, addresses=["unused"])
    assert decision == SourceDecision(dict.fromkeys(YEARS, source), f"SQF_SOURCE={source} was set.")


def test_auto_takes_local_files_when_every_year_is_there(
    server: NypdServer, patience: Patience, tmp_path: Path
) -> None:
    put_files(tmp_path)
    decision = decide(server, tmp_path, patience)
    assert decision.by_year == dict.fromkeys(YEARS, "local")
    assert "a file of every year needed (2017 to 2020)" in decision.reason
    assert server.asked == []


def test_auto_downloads_when_a_year_is_missing(server: NypdServer, patience: Patience, tmp_path: Path) -> None:
    put_files(tmp_path, (2017, 2018))
    publish(server)
    decision = decide(server, tmp_path, patience, allow_sample=False)
    assert decision.by_year == {2017: "local", 2018: "local", 2019: "nypd", 2020: "nypd"}
    assert not decision.is_fallback
    assert "has no file of 2019, 2020; NYPD publishes them" in decision.reason
    assert [asked.method for asked in server.asked] == ["HEAD"] * 4


def test_auto_goes_on_to_the_sample_only_with_leave_and_loudly(
    server: NypdServer, patience: Patience, tmp_path: Path
) -> None:
    server.behaviour = nypd_server.status(503)
    decision = decide(server, tmp_path / "nowhere", patience)
    assert (set(decision.by_year.values()), decision.is_fallback) == ({"sample"}, True)
    assert decision.reason.startswith("SYNTHETIC STOPS ARE USED")
    assert "503" in decision.reason
    with pytest.raises(SourceError, match=r"NYPD's site gave none: .*503.*\n.*Synthetic stops are not used here"):
        decide(server, tmp_path / "nowhere", patience, allow_sample=False)


@pytest.mark.parametrize("there", [set(years) for size in range(5) for years in combinations(YEARS, size)], ids=str)
def test_every_mixture_of_years_is_decided_alike_by_the_command_and_by_each_years_run(
    there: set[int], server: NypdServer, patience: Patience, tmp_path: Path
) -> None:
    """Before anything is downloaded, and again afterwards, when the folder has every year."""
    put_files(tmp_path, tuple(there))
    publish(server)
    expected = {year: "local" if year in there else "nypd" for year in YEARS}
    bytes_before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    for _ in range(2):
        assert decide(server, tmp_path, patience, allow_sample=False).by_year == expected
        assert decide(server, tmp_path, patience).by_year == expected
        for year in reversed(YEARS):  # in another order than the command's
            assert source_of_year("auto", tmp_path, year) == expected[year]
            got = obtain_file("auto", year, data_dir=tmp_path, addresses=[server.url_template], patience=patience)
            assert got.source == expected[year]

    assert sum(asked.method == "GET" for asked in server.asked) == len(YEARS) - len(there)
    assert {name: (tmp_path / name).read_bytes() for name in bytes_before} == bytes_before


def test_auto_for_a_single_year_never_ends_at_the_sample(
    server: NypdServer, patience: Patience, tmp_path: Path
) -> None:
    server.behaviour = nypd_server.status(503)
    with pytest.raises(SourceError, match=r"NYPD's site gave none: .*503.*\n.*Synthetic stops are not used here"):
        obtain_file(
            "auto", 2020, data_dir=tmp_path, addresses=[server.url_template], patience=patience,
            sample_dir=tmp_path / "sample", sample_rows=300,
        )  # fmt: skip
    assert not (tmp_path / "sample").exists()


def test_a_source_that_is_named_never_falls_back(server: NypdServer, patience: Patience, tmp_path: Path) -> None:
    server.behaviour = nypd_server.status(503)
    decision = resolve_source(
        "nypd", tmp_path, YEARS, allow_sample=True, addresses=[server.url_template], patience=patience
    )
    assert (set(decision.by_year.values()), decision.is_fallback) == ({"nypd"}, False)
    with pytest.raises(UnreachableError):
        obtain_file("nypd", 2020, data_dir=tmp_path, addresses=[server.url_template], patience=patience)


def test_a_year_that_is_not_published_is_no_reason_for_the_sample(
    server: NypdServer, patience: Patience, tmp_path: Path
) -> None:
    publish(server, (2017, 2018, 2019))
    with pytest.raises(NotPublishedError, match="2020 is not published"):
        decide(server, tmp_path, patience)


def test_a_site_that_has_moved_its_files_is_as_good_as_away(
    server: NypdServer, patience: Patience, tmp_path: Path
) -> None:
    decision = decide(server, tmp_path, patience)
    assert (set(decision.by_year.values()), decision.is_fallback) == ({"sample"}, True)
    assert "the address of the files has probably changed" in decision.reason
    with pytest.raises(SourceError, match="set SQF_NYPD_URL"):
        decide(server, tmp_path, patience, allow_sample=False)


def test_a_folder_that_is_wrong_is_no_reason_to_look_elsewhere(
    server: NypdServer, patience: Patience, tmp_path: Path
) -> None:
    publish(server)
    put_files(tmp_path)
    (tmp_path / "sqf 2018 (2).csv").write_text("another")
    with pytest.raises(SourceError, match="2 different files for 2018"):
        decide(server, tmp_path, patience)


def test_years_that_were_never_published_are_refused_whatever_the_source(tmp_path: Path) -> None:
    put_files(tmp_path, (2002,))
    for source in ("local", "nypd", "sample"):
        with pytest.raises(SourceError, match="has published its stops since 2003"):
            obtain_file(source, 2002, data_dir=tmp_path, sample_dir=tmp_path)


def test_mirrors_are_asked_in_their_order_and_which_one_gave_the_file_is_told(
    server: NypdServer, patience: Patience, tmp_path: Path
) -> None:
    """NYPD's own address has no file, the first mirror is refused, and the second has it."""
    with NypdServer() as second, NypdServer() as third:
        second.behaviour = nypd_server.status(403)
        third.publish(2020, tiny_workbook("2020"))
        addresses = [one.url_template for one in (server, second, third)]
        got = obtain_file("nypd", 2020, data_dir=tmp_path, addresses=addresses, patience=patience)
        assert got.url == third.url_template.format(year=2020)
        assert [len(one.asked) for one in (server, second, third)] == [1, 1, 1]
        decided = resolve_source(
            "auto", tmp_path / "other", [2020], allow_sample=True, addresses=addresses, patience=patience
        )
        assert (decided.by_year, decided.is_fallback) == ({2020: "nypd"}, False)

        server.publish(2020, tiny_workbook("another 2020"))
        got = obtain_file("nypd", 2020, data_dir=tmp_path, addresses=addresses, patience=patience)
        assert got.url == server.url_template.format(year=2020)  # a mirror never comes before NYPD
        assert len(third.asked) == 2  # the second time to ask whether the file is there, for the decision


def test_when_no_address_has_a_file_each_is_told(server: NypdServer, patience: Patience, tmp_path: Path) -> None:
    with NypdServer() as mirror:
        mirror.behaviour = nypd_server.status(403)
        addresses = [server.url_template, mirror.url_template]
        with pytest.raises(NotPublishedError, match=r"answered 404.*SQF_NYPD_MIRRORS: .*answered 403"):
            obtain_file("nypd", 2020, data_dir=tmp_path, addresses=addresses, patience=patience)


@pytest.mark.parametrize(("year", "suffix"), [(2017, ".csv"), (2020, ".csv"), (2018, ".xlsx")])
def test_the_sample_is_made_and_never_taken_for_published_stops(year: int, suffix: str, tmp_path: Path) -> None:
    got = obtain_file("sample", year, data_dir=tmp_path / "data", sample_dir=tmp_path / "sample", sample_rows=300)
    assert (got.source, got.year, got.url) == ("sample", year, None)
    again = obtain_file("sample", year, data_dir=tmp_path / "data", sample_dir=tmp_path / "again", sample_rows=300)
    assert again.sha256 == got.sha256

    with pytest.raises(SourceError, match="holds synthetic stops of the sample"):
        obtain_file("local", year, data_dir=tmp_path / "sample")
    renamed = got.path.rename(got.path.with_stem(f"sqf-{year}"))
    if suffix == ".xlsx":  # somebody saved it as a workbook
        renamed.with_suffix(suffix).write_bytes(as_workbook(pd.read_csv(renamed, dtype=str, keep_default_na=False)))
        renamed.unlink()
    with pytest.raises(SourceError, match="holds synthetic stops of the sample"):
        obtain_file("local", year, data_dir=renamed.parent)
    with pytest.raises(SourceError, match="holds synthetic stops of the sample"):
        resolve_source("auto", renamed.parent, [year], allow_sample=True, addresses=["unused"])


def test_real_files_are_not_taken_for_synthetic(real_data_dir: Path) -> None:
    for year in YEARS:
        assert obtain_file("local", year, data_dir=real_data_dir).year == year


def test_a_damaged_workbook_is_left_to_the_reader_to_tell(tmp_path: Path) -> None:
    content = tiny_workbook()
    for number, damaged in enumerate((content[: len(content) // 2], content[:200] + bytes(2_000) + content[2_200:])):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "sqf-2020.xlsx").write_bytes(damaged)
        assert obtain_file("local", 2020, data_dir=folder).path.name == "sqf-2020.xlsx"


def test_a_file_that_may_not_be_read_is_told(tmp_path: Path, another_account: None) -> None:
    put_files(tmp_path)
    (tmp_path / "sqf-2018.csv").chmod(0)
    with pytest.raises(SourceError, match=r"The file of 2018 in .* cannot be read: Permission denied"):
        obtain_file("local", 2018, data_dir=tmp_path)
