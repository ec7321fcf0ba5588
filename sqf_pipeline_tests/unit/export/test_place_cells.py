"""The places of the form: counted another way, and never of few stops."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from sqf_pipeline.export.analysis_stops import place_cells
from sqf_pipeline_tests.service_support import invented_stops


def rows_of(table):
    names = [column.name for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in table.rows]


def stops_at(*places):
    """Return stops at (precinct, east, north, how many) each."""
    rows = [place[:3] for place in places for _ in range(place[3])]
    frame = pd.DataFrame(rows, columns=["precinct", "x_feet", "y_feet"])
    return frame.astype({"precinct": "Int32", "x_feet": "Float64", "y_feet": "Float64"}).assign(
        borough=pd.array(["BRONX"] * len(frame), dtype="string")
    )


def test_every_stop_is_in_a_part_of_its_precinct_or_counted_as_left_out():
    stops = pd.concat([invented_stops(900, 4, 2019), invented_stops(900, 5, 2020)], ignore_index=True)
    table = place_cells(stops)
    quarter, left = Counter(), []
    placed = stops.dropna(subset=["precinct", "x_feet", "y_feet"])
    triples = list(zip(placed["precinct"], placed["x_feet"], placed["y_feet"], strict=True))
    for precinct, east, north in triples:
        quarter[precinct, int(east) // 1320, int(north) // 1320] += 1
    left = [(p, int(e) // 2640, int(n) // 2640) for p, e, n in triples
            if quarter[p, int(e) // 1320, int(n) // 1320] < 5]  # fmt: skip
    kept = [count for count in quarter.values() if count >= 5] + [n for n in Counter(left).values() if n >= 5]
    assert sorted(row["stops"] for row in rows_of(table)) == sorted(kept)
    assert f"{len(placed) - sum(kept):,} of {len(placed):,} stops" in table.note


@pytest.mark.parametrize(("stops", "parts"), [(4, 0), (5, 1)])
def test_fewer_than_five_stops_are_no_place(stops, parts):
    assert len(place_cells(stops_at((40, 1_000_000.0, 200_000.0, stops))).rows) == parts


def test_few_stops_of_neighbouring_cells_share_a_larger_one_but_not_those_of_two_precincts():
    beside = ((40, 1_000_560.0, 200_640.0, 3), (40, 1_001_880.0, 200_640.0, 3))  # one cell of half a mile
    assert [row["stops"] for row in rows_of(place_cells(stops_at(*beside)))] == [6]
    assert place_cells(stops_at(beside[0], (41, *beside[1][1:]))).rows == ()


def test_a_precinct_of_scattered_stops_is_one_part_unless_it_has_others():
    scattered = [(40, 1_000_000.0 + 9_000 * place, 200_000.0, 1) for place in range(5)]
    (row,) = rows_of(place_cells(stops_at(*scattered)))
    assert (row["stops"], row["x_feet"]) == (5, 1_018_000)
    assert place_cells(stops_at(*scattered[:4])).rows == ()
    gathered = (40, 980_500.0, 200_000.0, 6)
    assert [row["stops"] for row in rows_of(place_cells(stops_at(*scattered, gathered)))] == [6]


def test_a_part_stands_on_a_grid_and_so_at_nobodys_address():
    rng = np.random.default_rng(3)
    for address in rng.integers([913_000, 120_000], [1_068_000, 273_000], (50, 2)):
        (row,) = rows_of(place_cells(stops_at((40, float(address[0]), float(address[1]), 9))))
        assert row["x_feet"] % 250 == row["y_feet"] % 250 == 0
        assert max(abs(row["x_feet"] - address[0]), abs(row["y_feet"] - address[1])) <= 125


def test_stops_without_a_place_make_no_place_and_a_precinct_has_its_most_frequent_borough():
    stops = stops_at((40, 1_000_000.0, 200_000.0, 8))
    stops.loc[:2, "borough"] = "QUEENS"
    stops.loc[7, "x_feet"] = pd.NA
    (row,) = rows_of(place_cells(stops))
    assert (row["stops"], row["borough"]) == (7, "BRONX")
    assert place_cells(stops.assign(precinct=pd.array([pd.NA] * 8, dtype="Int32"))).rows == ()
