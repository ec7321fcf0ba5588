"""Files of the old form as each year writes them: recognised by the header, read without code for any one year."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from sqf_pipeline.cleaning.clean_stops import CleanedStops, clean_stops
from sqf_pipeline.contracts.stop_contracts import raw_stops_contract, stops_contract
from sqf_pipeline.errors import SqfError
from sqf_pipeline.ingest.file_checks import UnreadableFileError
from sqf_pipeline.ingest.header import PublishedFileError, form_of_header
from sqf_pipeline.ingest.reader import RawFile, read_published_file, read_published_year
from sqf_pipeline_tests.nypd_server import as_workbook
from sqf_pipeline_tests.unit.ingest.published import published_names, raw_stops
from sqf_pipeline_tests.unit.ingest.published_old_form import FLAGS, NAMES_OF_2014, as_csv, old_stops

STOPS = old_stops({}, {"age": "30"}, {"age": "40", "pct": "120", "city": "STATEN IS", "cs_lkout": "Y"})
CSV = as_csv(STOPS)

Read = Callable[..., RawFile]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read_content(content: bytes | str, name: str = "sqf-2014.csv", year: int = 2014) -> RawFile:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_published_file(path, year)

    return read_content


def archive_of(**members: bytes | str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return content.getvalue()


def cleaned(raw: RawFile) -> CleanedStops:
    """Return clean stops that both contracts take."""
    raw_stops_contract(raw.form).validate(raw.frame, lazy=True)
    found = clean_stops(raw.frame, raw.year)
    stops_contract(years=(raw.year,), expected_rows=len(raw.frame)).validate(found.stops, lazy=True)
    return found


def rows_of(found: CleanedStops, name: str, rule: str) -> int:
    quality = found.quality
    return int(quality.loc[(quality["column_name"] == name) & (quality["rule"] == rule), "rows"].sum())


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Return the clean stops of the file as NYPD writes it."""
    path = tmp_path_factory.mktemp("plain") / "sqf-2014.csv"
    path.write_text(CSV, encoding="utf-8")
    return cleaned(read_published_file(path, 2014)).stops


def test_a_stop_means_what_the_form_says(read: Read) -> None:
    raw = read(CSV)
    assert (raw.form.name, raw.columns_unknown, raw.columns_missing, raw.blank_rows) == ("OLD", (), (), 0)
    assert len(raw.published_names) == len(NAMES_OF_2014) == 112
    stop = cleaned(raw).stops.iloc[0].dropna().to_dict()
    expected = {
        "stop_id": "1400001", "stop_date": pd.Timestamp(2014, 3, 5), "stop_time_seconds": (19 * 60 + 4) * 60,
        "month": 3, "weekday": 3, "initiated_by": "NOT RADIO RUN", "jurisdiction_description": "PSB",
        "observed_duration_minutes": 2, "suspected_crime": "ROBBERY", "suspected_crime_code": 85,
        "suspected_crime_text": "FEL", "identification_type": "PHOTO", "suspect_race": "WHITE", "suspect_sex": "MALE",
        "suspect_height_inches": 68, "suspect_hair_color": "BLK", "suspect_eye_color": "BRO", "suspect_build": "MED",
        "full_address": "1 MADE UP STREET", "street_name": "MADE UP STREET", "patrol_borough": "PBMS",
        "x_feet": 988_000, "y_feet": 212_000, "action_fits_description": True, "action_furtive": False,
        "background_violent_crime": True, "weapon_found": False, "form": "OLD", "paper_form": "UF-250",
    }  # fmt: skip
    assert {name: stop[name] for name in expected} == expected
    asked_by_the_new_form_alone = {
        "issuing_officer_rank",
        "force_verbal_instruction",
        "search_basis_consent",
        "demeanor",
        "force_restraint",
        "record_status",
        "arrest_offense",
        "summons_offense",
    }
    assert not asked_by_the_new_form_alone & set(stop)


@pytest.mark.parametrize(
    "rewrite",
    [
        pytest.param(lambda stops: as_csv(stops, "\n"), id="LF"),
        pytest.param(lambda stops: as_csv(stops, quoted=True), id="quoted"),
        pytest.param(lambda stops: "\ufeff" + as_csv(stops), id="byte order mark"),
        pytest.param(lambda stops: as_csv(stops).replace("year", "ï»¿year", 1), id="byte order mark read wrongly"),
        pytest.param(lambda stops: as_csv(stops).replace("year", "ï..year", 1), id="byte order mark as R writes it"),
        pytest.param(lambda stops: as_csv(stops[stops.columns[::-1]]), id="columns in another order"),
        pytest.param(lambda stops: as_csv(stops.rename(columns=str.upper)), id="capitals"),
        pytest.param(lambda stops: as_csv(stops.rename(columns=str.lower)), id="small letters"),
        pytest.param(lambda stops: as_csv(stops.map(lambda text: text.strip())), id="nothing in place of a space"),
    ],
)
def test_the_layout_of_a_file_makes_no_difference(
    read: Read, plain: pd.DataFrame, rewrite: Callable[[pd.DataFrame], str]
) -> None:
    pd.testing.assert_frame_equal(cleaned(read(rewrite(STOPS))).stops, plain)


def test_stops_that_differ_in_their_number_alone_are_kept_and_counted(read: Read) -> None:
    found = cleaned(read(as_csv(old_stops({}, {}, {"age": "30"}))))
    assert (len(found.stops), rows_of(found, "stop_id", "equal_but_id")) == (3, 1)


def test_a_serial_number_is_one_of_its_precinct(read: Read) -> None:
    stops = old_stops(
        *({"pct": pct, "ser_num": number} for pct in ("1", " 14", "123") for number in ("1", "   2", "31694"))
    )
    found = cleaned(read(as_csv(stops))).stops["stop_id"]
    assert found.tolist() == [f"{pct * 100_000 + number}" for pct in (1, 14, 123) for number in (1, 2, 31_694)]


def test_a_workbook_and_an_archive_are_read_as_the_text_is(read: Read) -> None:
    frame = read(CSV).frame
    assert read(archive_of(**{"2014.csv": CSV}), "sqf-2014-csv.zip").frame.equals(frame)
    assert read(archive_of(**{"2014/": "", "2014/2014.CSV": CSV, "spec.pdf": "%PDF"}), "2014.zip").frame.equals(frame)
    inside = read(archive_of(**{"sqf-2014.xlsx": as_workbook(STOPS)}), "sqf-2014.zip")
    pd.testing.assert_frame_equal(clean_stops(inside.frame, 2014).stops, clean_stops(frame, 2014).stops)


def test_a_leading_row_number_is_an_unknown_column_and_fills_no_row(read: Read, plain: pd.DataFrame) -> None:
    numbered = pd.concat([STOPS, pd.DataFrame([dict.fromkeys(NAMES_OF_2014, " ")])], ignore_index=True)
    numbered.insert(0, "", range(178_048, 178_052))
    raw = read(as_csv(numbered))
    assert (len(raw.columns_unknown), raw.blank_rows) == (1, 1)
    assert cleaned(raw).stops.equals(plain)


def test_2006_has_its_own_names_and_order_and_two_stops_without_a_number(read: Read) -> None:
    names = {
        "rescode": "rescod", "premtype": "premtyp", "premname": "prenam", "addrnum": "adrnum", "stname": "strname",
        "stinter": "strintr", "addrpct": "adrpct", "dettypCM": "dettyp_c", "detailCM": "details_",
    }  # fmt: skip
    nothing = dict.fromkeys(
        ["pct", "ser_num", "datestop", "timestop", "inout", "trhsloc", "perobs", "perstop", "repcmd", "revcmd"], " "
    )
    plain = {"datestop": "2006-03-05", "timestop": "0030", "age": "034", "offunif": "N", "offshld": "Y"}
    marks = {"officrid": "N", "offverb": "N"}
    late = plain | marks | {"timestop": "1904"}
    stops = old_stops(*[nothing] * 2, *[plain | marks, late] * 99, year=2006).drop(columns=["lineCM", "forceuse"])
    stops = stops.assign(age=["099", "099", *["034"] * 198], detail1_="85", wepfound="N").rename(columns=names)
    raw = read(as_csv(stops[sorted(stops.columns, reverse=True)]), "sqf-2006.csv", 2006)
    assert raw.columns_unknown == ()
    assert [note for note in raw.notes if "2 of 200 stops are numbered" in note]
    found = cleaned(raw).stops
    assert found["stop_id"].tolist()[:3] == ["1", "2", "1400003"]
    assert (found["precinct"].isna().sum(), found["stop_date"].isna().sum(), found["suspect_age"].isna().sum()) == (
        2,
    ) * 3
    assert found.loc[4, ["stop_time_seconds", "suspect_age", "suspected_crime"]].tolist() == [30 * 60, 34, "ROBBERY"]
    assert found["shield_identifies_officer"].sum() == 198
    assert not found[["id_card_identifies_officer", "verbal_identifies_officer"]].any(axis=None)


def test_2010_has_cut_texts_and_padded_codes(read: Read) -> None:
    stops = old_stops(
        {"detailCM": " 20", "arstmade": "Y", "arstoffn": "CRIM POS", "stname": "BROADWAY AVEN"},
        {"detailCM": "20", "city": "STATEN IS", "pct": "120", "sumissue": "Y", "sumoffen": "DISORDER"},
        {"city": " ", "sector": " ", "detailCM": " ", "stinter": " ", "crossst": " ", "addrpct": " ", "pct": "23"},
        year=2010,
    )
    found = cleaned(read(as_csv(stops.drop(columns="forceuse").rename(columns=str.lower)), year=2010)).stops
    assert found["suspected_crime"].tolist()[:2] == ["CPW", "CPW"]
    assert found["suspected_crime"].isna().tolist() == [False, False, True]
    assert found["borough"].tolist() == ["MANHATTAN", "STATEN ISLAND", "MANHATTAN"], "the last from its precinct"
    assert found["arrest_offense_text"].tolist()[0] == "CRIM POS"
    assert found["arrest_offense"].isna().all()


def test_2011_is_quoted_has_nothing_as_na_and_columns_of_its_own(read: Read) -> None:
    own = ["uid", "monthstop", "daystop", "yearstop", "hourstop", "minutestop", "lng", "lat", "unix_time", "X",
           "ntaname", "ntacode"]  # fmt: skip
    stops = old_stops({"crimsusp": "MISDEMEANOUR €5"}, {"xcoord": "NA", "ycoord": "NA", "trhsloc": "NA"}, year=2011)
    stops = stops.replace(" ", "NA").assign(**dict.fromkeys(own, "1"))
    raw = read(as_csv(stops, "\n", quoted=True).encode("windows-1252"), "sqf-2011.csv", 2011)
    assert set(raw.columns_unknown) == set(own)
    assert any("read as windows-1252" in note for note in raw.notes)
    found = cleaned(raw).stops
    assert found.loc[0, "suspected_crime_text"] == "MISDEMEANOUR €5"
    assert found["x_feet"].isna().tolist() == [False, True]
    assert found["jurisdiction"].tolist() == ["P", "P"]


def test_2014_codes_flags_in_another_way_from_july_to_september(read: Read) -> None:
    blank = dict.fromkeys(FLAGS, " ")
    quarter = blank | {"radio": "0", "adtlrept": " ", "year": " 2014", "pct": "  14", "datestop": " 7242014"}
    stops = old_stops(
        {"knifcuti": "Y", "radio": "Y", "pf_wall": "Y"},
        quarter | {"knifcuti": "1", "radio": "1", "pf_wall": "1", "timestop": " 140", "ht_inch": " 8"},
        quarter | {"timestop": "   5", "detailCM": " 20", "age": " 33"},
    )
    found = cleaned(read(as_csv(stops)))
    taken = found.stops[["knife_found", "weapon_found", "force_against_wall", "action_lookout", "firearm_found"]]
    assert taken.astype(int).to_numpy().tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 0, 0], [0] * 5]
    assert found.stops["initiated_by"].tolist() == ["RADIO RUN", "RADIO RUN", "NOT RADIO RUN"]
    assert found.stops["stop_time_seconds"].tolist()[1:] == [(60 + 40) * 60, 5 * 60]
    assert rows_of(found, "weapon_found", "empty_means") == 1


def test_2016_ends_in_a_blank_row_has_stars_and_two_papers(read: Read) -> None:
    blank = dict.fromkeys(NAMES_OF_2014, " ")
    changes = (
        {"perstop": "**", "age": "**", "beat": "*", "addrnum": "***"},
        {"datestop": "6272016"}, {"datestop": "6282016"}, {"datestop": "1012016"}, blank,
    )  # fmt: skip
    usual = [{}] * 200
    raw = read("\ufeff" + as_csv(old_stops(*usual, *changes, year=2016)), "sqf-2016.csv", 2016)
    assert (len(raw.frame), raw.blank_rows) == (204, 1)
    found = cleaned(raw)
    tail = found.stops.iloc[200:]
    assert tail["paper_form"].tolist() == ["UF-250 OR PILOT", "UF-250 OR PILOT", "STOP REPORT", "UF-250 OR PILOT"]
    assert tail["stop_date"].dt.month.tolist() == [3, 6, 6, 1]
    for name in ("stop_duration_minutes", "suspect_age"):
        assert rows_of(found, name, "too_wide") == found.stops[name].isna().sum() == 1
        loss = found.loss.set_index("column_name").loc[name]
        assert (loss["unreadable"], loss["empty"]) == (1, 0), "known to be too large is lost, not empty"
    assert tail["full_address"].iloc[0] == "MADE UP STREET"
    assert rows_of(found, "full_address", "too_wide") == 1


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"a.csv": CSV, "b.csv": CSV}, r"exactly one \.csv or \.xlsx in the archive, found 2 \(a\.csv, b\.csv\)"),
        ({"readme.txt": "nothing"}, "exactly one .* found 0"),
        ({"sqf-2014.zip": archive_of(**{"2014.csv": CSV})}, "exactly one .* found 0"),
        ({"2014.csv": b"0" * (80 << 20)}, "made to fill the memory"),
        ({"2014.csv": ""}, "2014.csv in sqf-2014-csv.zip is empty"),
        ({"2014.csv": "<html>404</html>"}, "is a web page"),
        ({"2014.csv": b"PK\x03\x04 an archive"}, "under the name of a CSV"),
        ({"2014.xlsx": CSV}, "is not a workbook"),
    ],
)
def test_archives_that_are_no_yearly_file(read: Read, members: dict[str, bytes | str], message: str) -> None:
    with pytest.raises(UnreadableFileError, match=message) as caught:
        read(archive_of(**members), "sqf-2014-csv.zip")
    assert "sqf-2014-csv.zip" in str(caught.value)


def test_an_archive_that_is_encrypted_damaged_or_none(read: Read) -> None:
    whole = archive_of(**{"2014.csv": CSV})
    encrypted = bytearray(whole)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        encrypted[encrypted.index(mark) + offset] |= 1
    with pytest.raises(UnreadableFileError, match="is encrypted"):
        read(bytes(encrypted), "sqf-2014-csv.zip")
    with pytest.raises(UnreadableFileError, match="damaged or incomplete archive"):
        read(whole[: len(whole) // 2], "sqf-2014-csv.zip")
    with pytest.raises(UnreadableFileError, match="is not a zip archive"):
        read(CSV, "sqf-2014-csv.zip")
    changed = bytearray(whole)
    changed[200] ^= 0xFF
    with pytest.raises(UnreadableFileError, match="damaged or incomplete archive"):
        read(bytes(changed), "sqf-2014-csv.zip")


def test_a_header_of_neither_form_names_what_is_missing_and_what_is_near(read: Read) -> None:
    with pytest.raises(PublishedFileError, match="published column names, found none"):
        read("a,b\n1,2\n")
    with pytest.raises(
        PublishedFileError, match=r"arstmade for arrested \(perhaps now called 'arstmde'\).*old_form\.csv"
    ):
        read(as_csv(STOPS.rename(columns={"arstmade": "arstmde"})))
    with pytest.raises(
        PublishedFileError, match=r"2 required column\(s\) missing: ht_feet for suspect_height_inches; ht_i"
    ):
        read(as_csv(STOPS.drop(columns=["ht_feet", "ht_inch"])))
    with pytest.raises(PublishedFileError, match=r"ser_num for stop_id"):
        read(as_csv(STOPS.drop(columns="ser_num")))
    with pytest.raises(PublishedFileError, match=r"'detailCM' and 'details_', are both names of suspected_crime"):
        read(as_csv(STOPS.assign(details_="20")))


def test_the_form_is_the_one_that_knows_most_names() -> None:
    new = list(published_names().values())
    assert form_of_header(NAMES_OF_2014).name == form_of_header([*NAMES_OF_2014[:40], *new[:20]]).name == "OLD"
    assert form_of_header(new).name == form_of_header([]).name == "NEW"


def test_two_forms_are_no_year(tmp_path: Path) -> None:
    (tmp_path / "sqf-2014-q1.csv").write_text(CSV)
    new = raw_stops({}, {}, year=2014).rename(columns=published_names())
    new.to_csv(tmp_path / "sqf-2014-q2.csv", index=False)
    with pytest.raises(PublishedFileError, match="expected one form, found two"):
        read_published_year([tmp_path / "sqf-2014-q1.csv", tmp_path / "sqf-2014-q2.csv"], 2014)


def test_parts_of_a_year_are_joined_and_repeated_stops_refused(tmp_path: Path) -> None:
    paths = [tmp_path / f"sqf-2014-q{quarter}.csv" for quarter in (1, 2)]
    paths[0].write_text(CSV)
    paths[1].write_text(as_csv(STOPS.assign(ser_num=["7", "8", "9"], timestop=["1", "2", "3"])))
    assert len(read_published_year(paths, 2014).frame) == 6
    paths[1].write_text(as_csv(STOPS.assign(timestop=["1", "2", "3"])))
    with pytest.raises(SqfError, match="expected unique stop numbers, found 3"):
        read_published_year(paths, 2014)


@pytest.mark.parametrize("missing", ["pct", "ser_num"])
def test_a_file_without_numbers_of_stops_is_refused(read: Read, missing: str) -> None:
    with pytest.raises(PublishedFileError, match=r"expected pct, ser_num in every row.*found 3 of 3 rows without"):
        read(as_csv(STOPS.assign(**{missing: " "})))


def test_an_unreadable_number_of_a_stop_breaks_the_contract(read: Read) -> None:
    import pandera.errors

    for text in ("xx", "-1", "1.5"):
        raw = read(as_csv(STOPS.assign(ser_num=[text, "2", "3"])))
        with pytest.raises(pandera.errors.SchemaErrors, match="id_is_a_whole_number"):
            raw_stops_contract(raw.form).validate(raw.frame, lazy=True)
