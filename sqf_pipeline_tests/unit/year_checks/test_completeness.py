"""Whether a year is whole, partial or an excerpt, and how that is said."""

import itertools

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqf_pipeline.cleaning.clean_stops import clean_stops
from sqf_pipeline.registry.year_and_month_words import ALL_MONTHS
from sqf_pipeline.year_checks.completeness import (
    COVERAGES,
    combined_coverage,
    coverage_note,
    coverage_of,
    month_findings,
    months_present,
    partial_year_findings,
    stops_a_month,
)
from sqf_pipeline_tests.unit.ingest.published import raw_stops

QUARTER = frozenset({1, 2, 3})
EVEN = dict.fromkeys(range(1, 13), 800)


def test_stops_a_month_are_counted():
    raw = raw_stops(*({"stop_date": f"2020-{month:02}-15", "month": "(null)"} for month in [1, 1, 2, 12]), year=2020)
    counts = stops_a_month(clean_stops(raw, 2020).stops)
    assert counts == {1: 2, 2: 1, 12: 1} | dict.fromkeys(range(3, 12), 0)


@given(st.sets(st.integers(1, 12), min_size=1, max_size=11))
def test_a_month_without_stops_or_with_next_to_none_is_missing(missing):
    counts = EVEN | {month: month % 3 for month in missing}  # 0, 1 or 2 misdated stops
    present = months_present(counts)
    if len(missing) < 6:
        assert present == ALL_MONTHS - missing
    assert coverage_of(frozenset(ALL_MONTHS - missing), ALL_MONTHS, excerpt=False) == "partial"
    assert coverage_of(frozenset(ALL_MONTHS - missing), ALL_MONTHS, excerpt=True) == "excerpt"
    (found,) = month_findings(dict.fromkeys(ALL_MONTHS - missing, 50) | dict.fromkeys(missing, 0), ALL_MONTHS,
                              excerpt=False, year=2020)  # fmt: skip
    assert found.severity == "warn"
    assert "The year is partial" in found.text


@pytest.mark.parametrize("excerpt", [True, False])
def test_a_name_that_promises_a_part_is_believed_in_an_excerpt_too(excerpt):
    coverage = coverage_of(QUARTER, QUARTER, excerpt=excerpt)
    assert coverage == ("partial excerpt" if excerpt else "partial")
    (found,) = month_findings(dict.fromkeys(range(1, 4), 50) | dict.fromkeys(range(4, 13), 0), QUARTER,
                              excerpt=excerpt, year=2020)  # fmt: skip
    assert "found January to March" in found.text
    assert "The year is partial" in found.text


def test_a_part_by_name_is_partial_whatever_months_it_holds():
    assert coverage_of(ALL_MONTHS, frozenset(), excerpt=False) == "partial"
    assert coverage_of(ALL_MONTHS, QUARTER, excerpt=False) == "partial"
    assert coverage_of(ALL_MONTHS, None, excerpt=False) == "whole"
    found = month_findings(EVEN, QUARTER, excerpt=False, year=2020)
    assert "there are also stops of April to December" in found[0].text


def test_a_whole_year_is_not_told_of():
    assert month_findings(EVEN, ALL_MONTHS, excerpt=False, year=2020) == []
    april_2020 = EVEN | {4: 388}
    assert months_present(april_2020) == ALL_MONTHS


def test_coverages_of_several_years_add_up():
    for several in itertools.product([*COVERAGES, None], repeat=2):
        together = combined_coverage(several)
        assert together in COVERAGES
        for word in ("partial", "excerpt"):
            assert (word in together) == any(word in (one or "") for one in several)


def files(*coverages: str | None) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "year": range(2018, 2018 + len(coverages)),
            "coverage": list(coverages),
            "months": ["January to March" if "partial" in (one or "") else "January to December" for one in coverages],
            "file_name": "sqf.csv",
        }
    )


def test_the_words_that_everything_shows():
    assert coverage_note(files("whole", "whole", None)) == ""
    assert coverage_note(files("whole", "partial")) == "Partial year: January to March alone of 2019."
    both = coverage_note(files("excerpt", "partial excerpt"))
    assert both.startswith("Partial year: January to March alone of 2019. Excerpt: the files of 2018, 2019 are")


def test_a_part_that_does_not_say_of_which_months():
    bronx = files("partial").assign(months="January to December", file_name="sqf-2018-bronx.csv")
    assert coverage_note(bronx) == "Partial year: the files are a part of 2018."
    assert "name a file that is whole sqf-2018" in partial_year_findings(bronx)[0].text


def test_a_partial_year_is_no_year_to_train_on():
    assert partial_year_findings(files("whole", "excerpt", None)) == []
    (found,) = partial_year_findings(files("whole", "partial"))
    assert found.severity == "red"
    assert found.text.startswith("2019 is partial (January to March; sqf.csv)")
    assert "--allow-partial" in found.text
