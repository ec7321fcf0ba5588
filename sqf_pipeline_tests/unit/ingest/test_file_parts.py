"""Names of parts of a year: none of them may pass for a whole year."""

from calendar import month_abbr, month_name

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqf_pipeline.ingest.file_parts import part_in_name
from sqf_pipeline.registry.year_and_month_words import ALL_MONTHS, month_words

ORDINALS = {
    1: ("1st", "first", "I"),
    2: ("2nd", "second", "II"),
    3: ("3rd", "third", "III"),
    4: ("4th", "fourth", "IV"),
}
SEPARATORS = st.sampled_from(["-", " ", "_", ".", " - "])


@st.composite
def quarters(draw: st.DrawFn) -> tuple[str, frozenset[int]]:
    """Return a name of a quarter in one of many spellings, and the months that it holds."""
    number = draw(st.integers(1, 4))
    form = draw(
        st.sampled_from(
            [f"q{number}", f"Q{number}", f"{number}q", f"qtr{number}", f"Quarter {number}", f"quarter-{number}"]
        )
        | st.sampled_from(
            [f"{ordinal} {unit}" for ordinal in ORDINALS[number] for unit in ("quarter", "qtr", "Quarter")]
        )
    )
    return form, frozenset(range(3 * number - 2, 3 * number + 1))


@st.composite
def month_ranges(draw: st.DrawFn) -> tuple[str, frozenset[int]]:
    """Return a name of a month or of some months in a row, and the months."""
    first = draw(st.integers(1, 12))
    last = draw(st.integers(first, 12))
    names = draw(st.sampled_from([month_abbr, month_name]))
    case = draw(st.sampled_from([str.lower, str.upper, str.title]))
    join = draw(st.sampled_from(["-", " to ", "_to_", " thru ", "-through-", "_"]))
    text = names[first] if first == last else f"{names[first]}{join}{names[last]}"
    return case(text), frozenset(range(first, last + 1))


@given(part=quarters() | month_ranges(), separator=SEPARATORS, order=st.booleans(), year=st.integers(2017, 2030))
def test_a_part_is_known_by_its_name(part, separator, order, year):
    said, months = part
    stem = f"sqf{separator}{year}{separator}{said}" if order else f"{said}{separator}sqf{separator}{year}"
    found = part_in_name(stem, str(year))
    assert found is not None
    assert found.months == months


@pytest.mark.parametrize(
    "stem",
    [
        *("sqf-2024-1", "sqf-2024-01", "sqf_2024_part_2", "sqf-2024-part-2-of-4", "sqf-2024-ytd", "sqf 2024 to date"),
        *(
            "sqf-2024-bronx",
            "sqf-2024-sample",
            "sqf-2024-first-500-rows",
            "sqf-2024-q5",
            "sqf-2024-01-31",
            "sqf-2024-q",
        ),
        *("sqf-2024-week-12", "sqf-2024-partial", "sqf-2024-preliminary", "sqf-2024-75th-precinct"),
    ],
)
def test_what_looks_like_a_part_is_one_though_its_months_are_unknown(stem):
    found = part_in_name(stem, "2024")
    assert found is not None
    assert found.months is None


@pytest.mark.parametrize(
    "stem",
    [
        *("sqf-2024", "SQF 2024", "2024", "2024_sqf", "sqf-2024-database", "sqf-2024 (1)", "sqf-2024 copy", "sqf2024"),
        *("stop-question-frisk-2024", "Stop, Question and Frisk 2024", "sqf 2024 corrected", "sqf-2024_final"),
    ],
)
def test_a_whole_year_is_no_part(stem):
    assert part_in_name(stem, "2024") is None


def test_halves_and_several_quarters():
    assert part_in_name("sqf-2024-first half", "2024").months == frozenset(range(1, 7))
    assert part_in_name("sqf-2024-h2", "2024").months == frozenset(range(7, 13))
    assert part_in_name("sqf-2024-q1-q3", "2024").months == frozenset(range(1, 10))
    assert part_in_name("sqf-2024-q1 and q3", "2024").months == frozenset({1, 2, 3, 7, 8, 9})
    assert part_in_name("sqf-2024-jan-dec", "2024").months == ALL_MONTHS


def test_months_in_words():
    assert month_words({1, 2, 3, 5}) == "January to March, May"
    assert month_words(ALL_MONTHS) == "January to December"
    assert month_words([]) == "no month"
