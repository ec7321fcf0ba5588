"""The page "Equal treatment?" and the card: no weapon without firearm and knife, no verdict without its gate."""

import re
from collections import defaultdict
from html.parser import HTMLParser

import pandas as pd
import pytest

from sqf_pipeline.contracts.treatment import decided_by_both
from sqf_pipeline.export.analysis_residents import FEWEST_RESIDENTS, residents_tables
from sqf_pipeline.export.analysis_treatment import VERDICTS, treatment_tables
from sqf_pipeline.registry.residents import load_residents
from sqf_pipeline.reporting.treatment_tables import treatment_summary, treatment_years
from sqf_pipeline_tests.service_support import invented_stops, small_export
from sqf_pipeline_tests.treatment_support import treatment_results

KINDS = ("Any weapon", "Firearm", "Knife")
WITHOUT_INTERVAL = {"residents_by_race", "residents_map"}  # counts of a whole year


class Text(HTMLParser):
    """The text that stands on a page, by the section that it stands in."""

    def __init__(self) -> None:
        super().__init__()
        self.sections: dict[str, str] = defaultdict(str)
        self.inside = ""

    def handle_starttag(self, tag, attrs):
        if tag == "section":
            self.inside = str(dict(attrs)["id"])

    def handle_endtag(self, tag):
        if tag == "section":
            self.inside = ""

    def handle_data(self, data):
        self.sections[self.inside] += data + " "


def tables():
    return treatment_tables(invented_stops(900, 1, 2020), treatment_results(), 2020)


def frame_of(table) -> pd.DataFrame:
    return pd.DataFrame(table.rows, columns=[column.name for column in table.columns])


def kinds_in(texts) -> set[str]:
    return {kind for kind in KINDS for text in texts if str(text).startswith(kind)}


def test_every_choice_on_the_page_shows_a_weapon_with_both_its_kinds():
    with_weapons = [table for table in tables() if "what" in [column.name for column in table.columns]]
    assert len(with_weapons) == 7
    for table in with_weapons:
        rows = frame_of(table)
        for _, group in rows.groupby(list(table.chart.select) or ["years"]):
            assert kinds_in(group["what"]) == set(KINDS), table.name
        assert "what" not in table.chart.select


@pytest.mark.parametrize("gone", ["weapon", "firearm", "knife"])
def test_figures_of_models_are_left_out_when_one_kind_is_lacking(gone):
    results = treatment_results()
    for name in ("risk_concentration", "precision_at_recall"):
        results[name] = results[name][results[name]["model"] != f"{gone}-at_stop-boosting"]
    names = [table.name for table in treatment_tables(invented_stops(300, 1, 2020), results, 2020)]
    assert not {"weapon_concentration", "weapon_precision"} & set(names)


def test_no_title_or_note_names_a_figure_of_a_weapon_alone():
    for table in tables():
        for text in (table.title, table.note):
            if re.search(r"\d", text) and re.search(r"weapon", text, re.IGNORECASE):
                assert re.search("firearm", text, re.IGNORECASE), text
                assert re.search("kni[fv]e", text, re.IGNORECASE), text


def test_every_rate_has_an_interval_and_every_figure_says_what_it_cannot_show():
    for table in tables():
        names = {column.name for column in table.columns}
        if table.name not in WITHOUT_INTERVAL:
            undrawn = {"after_dark": "odds_ratio", "thresholds": "threshold"}
            drawn = table.chart.y[0] if table.chart.y else undrawn[table.name]
            assert {f"{drawn}_low", f"{drawn}_high"} <= names, table.name
        assert re.search(r"cannot|is no single answer|not the people who walk there", table.note), table.name


def test_a_verdict_stands_only_where_both_ways_of_resampling_bear_it():
    decisions = treatment_results()["decision_and_hit_rates"]
    assert decided_by_both(decisions)
    (table,) = [table for table in tables() if table.name == "decisions_and_hits"]
    rows = frame_of(table)
    decided = rows[rows["verdict"].isin([VERDICTS["lower_bar"], VERDICTS["higher_bar"]])]
    assert set(decided["what"]) == {"Knife: Black"}
    for _, group in decided.groupby(["years", "what"]):
        assert len(group) == 2
        assert (group["act_difference_low"] > 0).all()
        assert (group["hit_difference_high"] < 0).all()
    assert table.title.startswith("3 of 27 comparisons")  # one of nine in each of three windows


def test_the_page_holds_it_all_as_text_and_leads_to_it(client):
    assert 'href="/treatment"' in client.get("/").text
    page = Text()
    page.feed(client.get("/treatment").text)
    for table in treatment_tables(small_export().test, treatment_results(), 2020):
        text = page.sections[table.name]
        assert table.note in " ".join(text.split())
        if "what" in [column.name for column in table.columns]:
            assert all(kind in text for kind in KINDS), table.name
    shown = page.sections["decisions_and_hits"]
    assert "Undecided" in shown
    assert client.get("/analysis/decisions_and_hits.csv").status_code == 200


def test_the_card_shows_the_kinds_beside_a_weapon_and_else_nothing():
    decisions = treatment_results()["decision_and_hit_rates"]
    shown = treatment_summary(decisions)
    assert treatment_years(decisions) == "2017-2020"
    texts = shown.texts()
    assert {row[1] for row in texts} == {"weapon", "firearm", "knife"}
    assert len(texts) == 9
    assert {row[-1] for row in texts if row[:2] == ("Black", "knife")} == {"lower bar"}
    for gone in ("weapon", "firearm", "knife"):
        assert not treatment_summary(decisions[decisions["hit"] != gone])
    assert not treatment_summary(decisions.head(0))


def test_rates_for_residents_are_stops_over_residents_of_the_census():
    stops = invented_stops(2000, 3, 2020)
    residents = load_residents()
    by_race, on_map = (frame_of(table) for table in residents_tables(stops, residents))
    people = residents.groupby("race")["residents"].sum()
    black = by_race[by_race["race"] == "Black"].iloc[0]
    counted = int((stops["suspect_race"] == "BLACK").sum())
    assert (black["stops"], black["residents"]) == (counted, people["black"])
    assert black["stops_per_1000"] == pytest.approx(1000 * counted / people["black"])
    forced = stops[stops["suspect_race"] == "BLACK"]["force_handcuffs"].fillna(value=False)
    assert black["force"] == int(forced.sum())
    everybody = on_map[on_map["race"] == "Everybody"].set_index("precinct")
    forty = stops[stops["precinct"] == 40]
    if len(forty):
        assert everybody.loc[40, "stops"] == len(forty)
        assert everybody.loc[40, "latitude"] == pytest.approx(float(forty["latitude"].mean()), abs=1e-4)
    few = on_map[on_map["residents"] < FEWEST_RESIDENTS]
    assert len(few)
    assert few["stops_per_1000"].isna().all()
    assert set(on_map["race"]) >= {"Everybody", "Hispanic", "Black", "White"}


def test_an_export_without_the_tests_says_so():
    stops, results = invented_stops(100, 1, 2020), treatment_results()
    assert treatment_tables(stops, {}, 2020) == []
    assert treatment_tables(stops, {name: rows.head(0) for name, rows in results.items()}, 2020) == []
    of_groups_alone = results["risk_adjusted"][results["risk_adjusted"]["hit"] == "none"]
    assert treatment_tables(stops, {"risk_adjusted": of_groups_alone}, 2020) == []
