"""Numbers, years, months, weekdays, yes and no."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqf_pipeline.cleaning import numerals

FORMS = {
    "plain": lambda n: f"{n}",
    "decimal": lambda n: f"{n}.0",
    "two decimals": lambda n: f"{n}.00",
    "American thousands": lambda n: f"{n:,}",
    "American thousands, decimals": lambda n: f"{n:,}.00",
    "thin spaces": lambda n: f"{n:,}".replace(",", " "),
    "no-break spaces": lambda n: f"{n:,}".replace(",", " "),
    "Swiss thousands": lambda n: f"{n:,}".replace(",", "\u2019"),
    "European": lambda n: f"{n:,}".replace(",", ".") + ",00",
    "decimal comma": lambda n: f"{n},0",
    "exponent": lambda n: f"{n:.9E}",
    "exponent of R": lambda n: f"{n:.9e}",
    "exponent with a comma": lambda n: f"{n:.9E}".replace(".", ","),
    "kept as text": lambda n: f'="{n}"',
    "apostrophe": lambda n: f"'{n}",
    "spaces around": lambda n: f"  {n}\u200b ",
}


@given(st.sampled_from(sorted(FORMS)), st.integers(-(10**9), 10**9))
def test_a_whole_number_reads_back_from_every_form(form: str, number: int):
    assert numerals.parse_number(FORMS[form](number)) == number
    assert numerals.parse_whole_number(FORMS[form](number)) == number


@given(st.decimals(-(10**7), 10**7, places=2, allow_nan=False))
def test_a_fraction_reads_back_from_every_form(number):
    american = f"{number:,.2f}"
    european = american.translate(str.maketrans(",.", ".,"))
    assert {numerals.parse_number(text) for text in (f"{number:.2f}", american, european, f"{number:.12E}")} == {
        float(number)
    }


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [("150 lbs", "pounds", 150), ("150LB.", "pounds", 150), ("25 years old", "years", 25), ("25y/o", "years", 25),
     ("5 min", "minutes", 5), ("1,005,432 ft", "US survey feet", 1_005_432)],
)  # fmt: skip
def test_units_behind_a_number(text: str, unit: str, value: float):
    assert numerals.parse_number(text, unit) == value
    assert numerals.parse_number(text) is None


@pytest.mark.parametrize(
    "text",
    ["", "lbs", "150 kg", "5 ft", "1,2,3", "12,34,567", "1.2.3", "--5", "1e999", "inf", "nan", "\u0661\u0662", "0x10",
     "1_000", "5-10", "20+", "~5", "1/2", "2020-01-01", "five"],
)  # fmt: skip
def test_what_is_no_number(text: str):
    assert numerals.parse_number(text, "pounds") is None


def test_a_fraction_is_no_whole_number():
    assert numerals.parse_whole_number("5.7") is None
    assert numerals.parse_whole_number("5,7") is None


@given(st.integers(2003, 2099))
def test_a_year_reads_back_from_every_form(year: int):
    short = year % 100
    forms = [
        f"{year}",
        f"{year}.0",
        f"{year:,}",
        f" {year} ",
        f'="{year}"',
        f"{year:.3E}",
        f"{short:02}",
        f"'{short:02}",
    ]
    assert {numerals.parse_year(form) for form in forms} == {year}


@pytest.mark.parametrize("text", ["1999", "220", "2020.5", "20200", "-20", "MMXX", "", "3020", "2020-01-01"])
def test_what_is_no_year(text: str):
    assert numerals.parse_year(text) is None


YES = ["Y", "y", "Yes", "YES", "1", "1.0", "1,0", "1.", "TRUE", "True", "t", "WAHR", "VRAI", " y ", '="1"']
NO = ["N", "n", "No", "0", "0.0", "0,00", "FALSE", "false", "f", "FALSCH", "FAUX", " no\u200b"]


def test_yes_and_no():
    assert [numerals.parse_flag(text) for text in YES] == [True] * len(YES)
    assert [numerals.parse_flag(text) for text in NO] == [False] * len(NO)


@pytest.mark.parametrize(
    "text", ["2", "-1", "10", "01", "1.5", "0.1", "YN", "X", "YESNO", "TRUEISH", "I", "V", "(", "1 0"]
)
def test_what_is_neither_yes_nor_no(text: str):
    assert numerals.parse_flag(text) is None


@pytest.mark.parametrize("place", range(1, 13))
def test_months(place: int):
    name = numerals.MONTHS[place - 1]
    forms = [name, name.title(), name[:3], f"{name[:3]}.", f"{place}", f"{place:02}", f"{place}.0"]
    assert {numerals.parse_month(form) for form in forms} == {place}


@pytest.mark.parametrize("place", range(1, 8))
def test_weekdays(place: int):
    name = numerals.WEEKDAYS[place - 1]
    assert {numerals.parse_weekday(form) for form in (name, name.lower(), name[:3], name[:4], f"{place}")} == {place}


@pytest.mark.parametrize(
    "text", ["MARTIAN", "JUNIPER", "Smarch", "13", "0", "1.5", "MA", "MONKEY", "SUNNY", "Holiday", ""]
)
def test_what_is_neither_month_nor_weekday(text: str):
    assert numerals.parse_month(text) is None
    assert numerals.parse_weekday(text) is None


@given(st.text(max_size=14))
def test_no_text_breaks_a_reader(text: str):
    for parse in (
        numerals.parse_number, numerals.parse_whole_number, numerals.parse_year, numerals.parse_month,
        numerals.parse_weekday, numerals.parse_flag,
    ):  # fmt: skip
        parse(text)
