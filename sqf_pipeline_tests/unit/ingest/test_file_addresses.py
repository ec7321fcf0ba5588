"""What NYPD calls its files, and what an address of them must be."""

import pytest

from sqf_pipeline.ingest.download_record import address_of, target_of
from sqf_pipeline.ingest.local_files import SourceError
from sqf_pipeline.settings import NYPD_URL


@pytest.mark.parametrize(
    ("year", "ending"),
    [
        (2003, "zip/analysis_and_planning/stop-question-frisk/sqf-2003-csv.zip"),
        (2014, "zip/analysis_and_planning/stop-question-frisk/sqf-2014-csv.zip"),
        (2015, "excel/analysis_and_planning/stop-question-frisk/sqf-2015.csv"),
        (2016, "excel/analysis_and_planning/stop-question-frisk/sqf-2016.csv"),
        (2017, "excel/analysis_and_planning/stop-question-frisk/sqf-2017.xlsx"),
        (2031, "excel/analysis_and_planning/stop-question-frisk/sqf-2031.xlsx"),
    ],
)
def test_each_year_is_asked_for_under_the_name_that_nypd_gave_it(year, ending):
    assert address_of(NYPD_URL, year) == f"https://www.nyc.gov/assets/nypd/downloads/{ending}"


def test_an_address_may_name_the_year_alone(tmp_path):
    address = address_of("https://example.org/{year}/stops.csv", 2015)
    assert address == "https://example.org/2015/stops.csv"
    assert target_of(address, tmp_path, 2015) == tmp_path / "sqf-2015.csv"


@pytest.mark.parametrize(
    "template", ["https://example.org/stops.csv", "https://example.org/{year}", "", "https://example.org/{year}.pdf"]
)
def test_an_address_that_is_none_is_refused(template):
    with pytest.raises(SourceError, match="correct SQF_NYPD_URL or SQF_NYPD_MIRRORS"):
        address_of(template, 2020)


def test_a_year_before_the_first_has_no_address():
    with pytest.raises(SourceError, match="since 2003"):
        address_of(NYPD_URL, 2002)
