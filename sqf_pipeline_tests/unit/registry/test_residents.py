"""The table of residents is read whole, and another table of its columns is taken only when it can be used."""

import csv
from importlib import resources

import pytest

from sqf_pipeline.errors import SqfError
from sqf_pipeline.registry.residents import CENSUS_FILE, GROUPS, census_group, load_residents

HEADER = "precinct,residents,hispanic,white,black,asian_or_pacific,native,other_or_several"
GOOD = f"{HEADER}\n1,21,1,2,3,4,5,6\n116,6,1,1,1,1,1,1\n"


def test_the_census_is_read_to_the_last_person():
    text = resources.files("sqf_pipeline.registry").joinpath(CENSUS_FILE).read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    found = load_residents()
    assert len(found) == 77 * 6
    assert found["residents"].sum() == sum(int(row["residents"]) for row in rows) == 8_804_081
    forty = next(row for row in rows if row["precinct"] == "40")
    of_forty = found[found["precinct"] == 40].set_index("race")["residents"]
    assert {group: of_forty[group] for group in GROUPS} == {group: int(forty[group]) for group in GROUPS}


def test_hispanic_is_of_any_race_and_nobody_is_put_where_the_census_does_not_count_them():
    groups = census_group()
    assert groups["WHITE HISPANIC"] == groups["BLACK HISPANIC"] == "hispanic"
    assert "MIDDLE EASTERN / SOUTHWEST ASIAN" not in groups
    assert set(groups.values()) <= set(GROUPS)


def test_another_table_is_taken_in_any_order_of_columns_and_rows(tmp_path):
    lines = [line.split(",") for line in GOOD.splitlines()]
    path = tmp_path / "workers.csv"
    path.write_text(
        "\ufeff" + "\r\n".join(",".join(reversed(line)) for line in (lines[0], lines[2], lines[1])) + "\r\n\r\n"
    )
    found = load_residents(path)
    assert set(found["counted_in"]) == {"workers.csv"}
    assert found.set_index(["precinct", "race"])["residents"].to_dict() == {
        **{(1, group): number for number, group in enumerate(GROUPS, 1)},
        **{(116, group): 1 for group in GROUPS},
    }


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("", "no rows"),
        (HEADER, "no rows"),
        (GOOD.replace("native", "Native"), "its columns are"),
        (GOOD.replace("native", "white"), "its columns are"),
        (GOOD.replace("1,21,", "1,21,7,"), "row 1 has no whole number"),
        (GOOD.replace(",5,6", ",5"), "other_or_several"),
        (GOOD.replace("1,21,1,2", "1,21,-1,4"), "in hispanic"),
        (GOOD.replace("1,21,1,2", "1,21,,3"), "in hispanic"),
        (GOOD.replace("1,21,1,2", "1,21,1.5,1.5"), "in hispanic, white"),
        (GOOD.replace("1,21,1,2", "1,21,\uff11,2"), "in hispanic"),
        (GOOD.replace("1,21,", "1,22,"), "the groups are 21 people together, residents 22"),
        (GOOD.replace("116,", "2,"), "2 is no precinct"),
        (GOOD.replace("116,", "1,"), "precinct 1 stands twice"),
        (GOOD.replace("116,", "01,"), "precinct 1 stands twice"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_in_words(tmp_path, table, told):
    path = tmp_path / "others.csv"
    path.write_text(table, encoding="utf-8")
    with pytest.raises(SqfError, match=r"others\.csv cannot be used") as refused:
        load_residents(path)
    assert told in str(refused.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path, content):
    path = tmp_path / "others.csv"
    if content:
        path.write_bytes(content)
    with pytest.raises(SqfError, match="cannot be read"):
        load_residents(path)
