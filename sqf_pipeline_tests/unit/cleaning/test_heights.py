"""Heights: what one text means, and what the spellings of a whole file decide."""

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sqf_pipeline.cleaning.clean_stops import clean_stops
from sqf_pipeline.cleaning.heights import parse_height, read_heights
from sqf_pipeline.registry.columns import column
from sqf_pipeline_tests.unit.ingest.published import raw_stops

HEIGHT = column("suspect_height_inches")
Height = tuple[int, int]

UNMISTAKABLE: dict[str, Callable[[int, int], str]] = {
    "marks": lambda feet, inches: f"{feet}'{inches}\"",
    "typographic marks": lambda feet, inches: f"{feet}\u2019 {inches}\u201d",
    "two single marks": lambda feet, inches: f"{feet}'{inches}''",
    "hyphen": lambda feet, inches: f"{feet}-{inches}",
    "words": lambda feet, inches: f"{feet} ft {inches} in",
    "capital words": lambda feet, inches: f"{feet} FT {inches}",
    "long words": lambda feet, inches: f"{feet} feet {inches} inches",
    "words together": lambda feet, inches: f"{feet}FT{inches}IN",
    "space": lambda feet, inches: f"{feet} {inches}",
    "padded": lambda feet, inches: f"{feet}.{inches:02}",
    "no separator": lambda feet, inches: f"{feet}{inches:02}",
    "inches": lambda feet, inches: f"{feet * 12 + inches}",
    "inches as a decimal": lambda feet, inches: f"{feet * 12 + inches}.0",
    "inches with a word": lambda feet, inches: f"{feet * 12 + inches} in",
}
people = st.tuples(st.integers(4, 6), st.integers(0, 11))


def read(texts: list[str]) -> list[float | None]:
    meant = read_heights(Counter(texts), HEIGHT, 2020).meant
    return [meant[text] for text in texts]


@given(st.sampled_from(sorted(UNMISTAKABLE)), st.lists(people, min_size=1, max_size=40))
def test_a_file_that_writes_feet_and_inches_apart_reads_back(form: str, heights: list[Height]):
    if form == "padded":
        assume(any(2 <= inches <= 9 for _, inches in heights))
    assert read([UNMISTAKABLE[form](*height) for height in heights]) == [feet * 12 + inches for feet, inches in heights]


@given(st.lists(people, max_size=40), st.sampled_from(["{}.{}", "{},{}"]))
def test_text_cells_keep_the_last_zero(heights: list[Height], form: str):
    heights = [*heights, (5, 1), (6, 10)]
    assert read([form.format(*height) for height in heights]) == [feet * 12 + inches for feet, inches in heights]


def as_number(height: Height) -> str:
    """Return feet.inches as a sheet of numbers shows it: the last zero is lost."""
    return f"{float(f'{height[0]}.{height[1]}'):g}"


@given(st.lists(st.tuples(st.integers(3, 7), st.integers(0, 11)).filter(lambda one: one <= (7, 6)), min_size=1))
def test_lost_zeros_are_ten_inches_at_four_and_five_feet_and_one_inch_at_others(heights: list[Height]):
    likelier = {4: 10, 5: 10, 3: 1, 6: 1, 7: 1}
    expected = [feet * 12 + (likelier[feet] if inches in {1, 10} else inches) for feet, inches in heights]
    assert read([as_number(height) for height in heights]) == expected
    assert read([f"{float(as_number(height)):.2f}" for height in heights]) == expected
    assert read([f"{float(as_number(height)):.3f}" for height in heights]) == expected


def test_ambiguous_heights_are_counted_and_others_are_not():
    changes = [{HEIGHT.name: text} for text in ("5.1", "5.1", "6.1", "3.1", "5.2", "6", "5.11")]
    cleaned = clean_stops(raw_stops(*changes), 2018)
    assert cleaned.stops[HEIGHT.name].tolist() == [70, 70, 73, 37, 62, 72, 71]
    quality = cleaned.quality.set_index(["column_name", "rule"])["rows"]
    assert quality[HEIGHT.name, "ambiguous_height"] == 4
    apart = clean_stops(raw_stops(*changes, {HEIGHT.name: "5.10"}), 2018)
    assert apart.stops[HEIGHT.name].tolist() == [61, 61, 73, 37, 62, 72, 71, 70]
    assert "ambiguous_height" not in set(apart.quality["rule"])


def test_a_whole_year_of_text_cells_means_what_it_says():
    # the counts of a year whose cells are text (DATA.md, "Numbers")
    rows = {"5.1": 48, "5.10": 1_117, "6.1": 404, "6.10": 1}
    assert read_heights(rows, HEIGHT, 2021).meant == {"5.1": 61, "5.10": 70, "6.1": 73, "6.10": 82}


@pytest.mark.parametrize(
    ("rows", "meant"),
    [
        # numbers, and one cell that somebody typed as text
        ({"5.1": 1_500, "6.1": 600, "5.10": 1}, {"5.1": 70, "6.1": 73, "5.10": 70}),
        # two decimals, and one cell without
        ({"5.10": 1_500, "6.10": 900, "6.1": 1}, {"5.10": 70, "6.10": 73, "6.1": 73}),
        # one part of the year as numbers, the other as text
        ({"5.1": 1_100, "5.10": 290, "6.1": 500}, {"5.1": 70, "5.10": 70, "6.1": 73}),
        # one padded cell
        ({"5.1": 1_500, "6.1": 600, "5.8": 900, "5.01": 1}, {"5.1": 70, "6.1": 73, "5.8": 68, "5.01": 61}),
        # feet and inches without a separator, and inches with a cell that came from elsewhere
        ({"59": 900, "510": 700, "62": 100}, {"59": 69, "510": 70, "62": 74}),
        ({"69": 900, "510": 1, "62": 100}, {"69": 69, "510": 70, "62": 62}),
    ],
)
def test_a_few_cells_from_elsewhere_do_not_turn_a_file_round(rows: dict[str, int], meant: dict[str, float]):
    assert read_heights(rows, HEIGHT, 2020).meant == meant


@pytest.mark.parametrize(
    ("text", "inches"),
    [("5.1", 70), ("5.10", 70), ("6.1", 73), ("6.10", 73), ("7.1", 85), ("5.11", 71), ("6", 72), ("6'", 72), ("5.", 60),
     ("510", 70), ("600", 72), ("70", 70), ("70.5", 70.5), ('70"', 70), ("5 ft", 60)],
)  # fmt: skip
def test_one_height_alone(text: str, inches: float):
    assert parse_height(text) == inches


@pytest.mark.parametrize(
    "text",
    ["60.11", "5.13", "6.16", "5.41", "tall", "-5.1", "5.111", "99", "30", "5'12\"", "6-", "6/", "5'10\"x", "1.78 m",
     "178 cm", "550", "5100", "5''", "\u0665.\u0669", "", "5e1", "10-May"],
)  # fmt: skip
def test_what_is_no_height(text: str):
    assert parse_height(text) is None
