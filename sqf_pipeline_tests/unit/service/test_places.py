"""A place said on the form becomes what the model knows of it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqf_pipeline.service.places import Places, read_point

PARTS: tuple[dict[str, Any], ...] = (
    {"precinct": 40, "borough": "BRONX", "patrol_borough": "PBBX", "x_feet": 1_000_000, "y_feet": 230_000, "stops": 30},
    {"precinct": 40, "borough": "BRONX", "patrol_borough": "PBBX", "x_feet": 1_004_000, "y_feet": 234_000, "stops": 10},
    {
        "precinct": 75,
        "borough": "BROOKLYN",
        "patrol_borough": "PBBN",
        "x_feet": 1_016_000,
        "y_feet": 184_000,
        "stops": 90,
    },
    {"precinct": 22, "borough": None, "patrol_borough": None, "x_feet": 993_000, "y_feet": 224_000, "stops": 5},
)
PLACES = Places(PARTS)


def test_a_precinct_settles_its_boroughs_and_the_mean_of_its_stops():
    precinct, fields = PLACES.read("40", "")
    assert precinct == "40"
    assert (fields["precinct"], fields["borough"], fields["patrol_borough"]) == (40, "BRONX", "PBBX")
    assert (fields["x_feet"], fields["y_feet"]) == (1_001_000.0, 231_000.0)  # three quarters of the way
    assert PLACES.default == "75"
    assert PLACES.choices == {"Bronx": ["40"], "Brooklyn": ["75"], "Elsewhere": ["22"]}


def test_a_point_goes_before_the_precinct_chosen():
    precinct, fields = PLACES.read("40", "1015000, 185000")
    assert precinct == "75"
    assert (fields["x_feet"], fields["y_feet"], fields["borough"]) == (1_015_000.0, 185_000.0, "BROOKLYN")


def test_no_place_settles_nothing():
    assert PLACES.read("", "") == ("", {})


@given(st.floats(913_000, 1_068_000), st.floats(120_000, 273_000), st.sampled_from([", ", ",", " ", "; "]))
def test_any_point_of_the_city_is_read_as_written(east, north, between):
    assert read_point(f"{east:.1f}{between}{north:.1f}") == (round(east, 1), round(north, 1))


def test_thousands_may_be_divided():
    assert read_point("1,012,000, 187,000") == (1_012_000, 187_000)


@given(st.text(max_size=40).filter(lambda text: text.strip()))
def test_what_is_no_point_is_refused_in_words(text):
    try:
        east, north = read_point(text)
    except ValueError as error:
        assert "such as 1012000, 187000" in str(error)  # noqa: PT017 - both ends are allowed
    else:
        assert 913_000 <= east <= 1_068_000
        assert 120_000 <= north <= 273_000


@pytest.mark.parametrize(
    "text",
    ["1012000", "187000, 1012000", "-1012000, 187000", "1012000, 187000, 5", "40.7, -73.9", "1012000; 187000 ft",
     "1e6, 187000", "nan, nan", "1012000, 999999"],
)  # fmt: skip
def test_other_coordinates_are_refused(text):
    with pytest.raises(ValueError, match="two numbers in feet"):
        PLACES.read("40", text)


@pytest.mark.parametrize("precinct", ["41", "<b>", "40 ", "040"])
def test_a_precinct_that_is_not_offered_is_refused(precinct):
    with pytest.raises(ValueError, match="one of the values offered"):
        PLACES.read(precinct, "")
