"""What changed between two files of a year."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqf_pipeline.cleaning.clean_stops import clean_stops
from sqf_pipeline.registry.declared_tables import result_frame
from sqf_pipeline.year_checks.revisions import compare_stops, revision_rows
from sqf_pipeline_tests.unit.ingest.published import raw_stops

RAW = raw_stops(
    *(
        {
            "stop_date": f"2020-{1 + number % 12:02}-{1 + number % 28:02}",
            "stop_time_seconds": f"{number % 24:02}:{number % 60:02}",
            "precinct": str(1 + number),
            "suspect_age": str(20 + number),
            "arrested": "Y" if number % 3 == 0 else "N",
        }
        for number in range(60)
    ),
    year=2020,
)


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    return clean_stops(raw.reset_index(drop=True), 2020).stops


FORMER = clean(RAW)


def test_the_same_stops_in_another_order_and_form_are_equal():
    former = clean(RAW.assign(apartment="3"))
    later = RAW.assign(
        apartment="3.0",
        suspect_age=RAW["suspect_age"] + ".0",
        stop_date=pd.to_datetime(RAW["stop_date"]).dt.strftime("%m/%d/%Y"),
    )
    revision = compare_stops(former, clean(later.iloc[::-1]))
    assert revision.is_equal
    assert (revision.added, revision.gone, revision.changed, revision.cells) == (0, 0, 0, {})


@settings(max_examples=20, deadline=None)
@given(
    gone=st.sets(st.integers(0, 59), max_size=10),
    older=st.sets(st.integers(0, 59), max_size=10),
    freed=st.sets(st.integers(0, 59), max_size=10),
    added=st.integers(0, 8),
)
def test_every_change_is_counted(gone, older, freed, added):
    changed = FORMER.copy()
    changed.loc[list(older), "suspect_age"] = 99
    changed.loc[list(freed), "arrested"] = False
    numbers = pd.array([str(1_000 + number) for number in range(added)], dtype=FORMER["stop_id"].dtype)
    later = pd.concat([changed.drop(index=list(gone)), FORMER.iloc[:added].assign(stop_id=numbers)], ignore_index=True)
    revision = compare_stops(FORMER, later)
    kept = set(range(60)) - gone
    were_arrested = {number for number in range(60) if number % 3 == 0}
    cells = {"suspect_age": len(older & kept), "arrested": len(freed & were_arrested & kept)}
    assert revision.compared_by == "stop_id"
    assert (revision.added, revision.gone) == (added, len(gone))
    assert revision.changed == len((older | (freed & were_arrested)) & kept)
    assert revision.cells == {name: count for name, count in cells.items() if count}
    assert revision.outcomes["arrested"][0] == 20
    assert revision.outcomes["arrested"][1] == len((were_arrested - freed) & kept) + len(
        [number for number in range(added) if number % 3 == 0]
    )
    assert revision.is_equal == (not (added or gone or revision.changed))


def test_a_value_that_came_or_went_is_a_change():
    revision = compare_stops(FORMER, clean(RAW.assign(suspect_age=["(null)", *RAW["suspect_age"][1:]])))
    assert revision.cells == {"suspect_age": 1}


def test_stops_that_were_numbered_anew_are_compared_by_content():
    order = np.random.default_rng(1).permutation(60)
    renumbered = RAW.iloc[order].assign(stop_id=[str(number + 1) for number in range(60)])
    revision = compare_stops(FORMER, clean(renumbered))
    assert revision.compared_by == "content"
    assert (revision.added, revision.gone, revision.changed) == (0, 0, 0)
    assert not revision.is_equal
    assert "have new numbers" in revision.sentence()
    without_two = compare_stops(FORMER, clean(renumbered.iloc[2:]))
    assert (without_two.added, without_two.gone) == (0, 2)


def test_a_revision_as_rows_of_its_table():
    revision = compare_stops(FORMER, clean(RAW.iloc[1:]))
    moment = pd.Timestamp("2021-04-01T10:00Z")
    rows = revision_rows(revision, year=2020, former_sha256="a" * 64, sha256="b" * 64, former_fetched_at=moment)
    told = {(row.change, row.column_name): (row.before, row.after, row.changed) for row in rows.itertuples()}
    assert told["rows", ""][:2] == (60, 59)
    assert told["rows_gone", ""][2] == 1
    assert told["outcome", "arrested"][:2] == (20, 19)
    assert rows["former_fetched_at"].eq(moment).all()
    assert rows.dtypes.equals(result_frame("revisions", []).dtypes)


@pytest.mark.parametrize("change", ["added", "gone", "changed"])
def test_words_are_never_silent_about_a_change(change):
    later = {
        "added": pd.concat([RAW, RAW.iloc[:1].assign(stop_id="900")]),
        "gone": RAW.iloc[1:],
        "changed": RAW.assign(suspect_age="50"),
    }[change]
    revision = compare_stops(FORMER, clean(later))
    assert getattr(revision, change) > 0
    assert f"{getattr(revision, change):,} " in revision.sentence()
