"""Numbers of stops: exact to the last digit, in one form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqf_pipeline.cleaning.clean_stops import clean_stops
from sqf_pipeline.cleaning.stop_identifiers import LostIdentifierError, parse_identifier
from sqf_pipeline.ingest.reader import read_published_file
from sqf_pipeline_tests.unit.ingest.published import published_names, raw_stops

FORMS = {
    "plain": str,
    "float": lambda n: f"{n}.0",
    "leading zeros": lambda n: f"{n:024}",
    "thousands": lambda n: f"{n:,}",
    "kept as text": lambda n: f'="{n}"',
    "exponent with every digit": lambda n: f"{str(n)[0]}.{str(n)[1:] or 0}E+{len(str(n)) - 1:02}",
}


@given(st.sampled_from(sorted(FORMS)), st.integers(1, 10**20))
def test_a_number_reads_back_to_its_last_digit(form: str, number: int):
    assert parse_identifier(FORMS[form](number)) == str(number)


@pytest.mark.parametrize("text", ["", "0", "000", "-5", "1.5", "one", "12a", "1,2", "1.5E+00", "2.02E-3", "1e999", "٣"])
def test_what_is_no_number_of_a_stop(text: str):
    assert parse_identifier(text) is None


def test_round_numbers_that_a_program_writes_short_are_exact():
    assert [parse_identifier(text) for text in ("1e+05", "1.2E+06", "2E+01")] == ["100000", "1200000", "20"]


@pytest.mark.parametrize("text", ["2.02E+17", "2.017E+12", "2,01700E+12", "2.0200000000000003e+17"])
def test_lost_digits_are_refused(text: str):
    assert parse_identifier(text) is None
    with pytest.raises(LostIdentifierError, match="save the column as text"):
        clean_stops(raw_stops({}, {"stop_id": text}), 2018)


def test_long_numbers_stay_apart_and_in_their_order():
    first = 20_200_000_000_000_000_001
    ids = [str(first + step) for step in range(3)] + ["202000000000000001", "202000000000000002"]
    stops = clean_stops(raw_stops(*({"stop_id": text} for text in ids)), 2018).stops
    assert stops["stop_id"].tolist() == ids
    assert stops["stop_id"].dtype == "string"


def test_a_workbook_that_holds_long_numbers_as_numbers_is_refused_and_short_ones_are_read(tmp_path):
    for first, refused in ((2_017_001_010_001, False), (202_000_000_000_000_001, True)):
        path = tmp_path / f"sqf-{first}.xlsx"
        numbered = raw_stops({}, {}, {}).rename(columns=published_names()).assign(STOP_FRISK_ID=range(first, first + 3))
        numbered.to_excel(path, index=False)
        if refused:
            with pytest.raises(LostIdentifierError, match=path.name):
                read_published_file(path, 2018)
        else:
            assert read_published_file(path, 2018).frame["stop_id"].tolist() == [str(first + step) for step in range(3)]
