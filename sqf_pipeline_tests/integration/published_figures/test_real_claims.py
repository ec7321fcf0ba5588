"""What others published of 2014 and 2015 is decided on the published files, counted here in another way."""

import csv
import io
import zipfile

import pytest

from sqf_pipeline.published_figures import claims
from sqf_pipeline.published_figures.claims import Evidence, judge_claims, load_claims

pytestmark = pytest.mark.slow  # reads and cleans two published files

WEAPONS = ("pistol", "riflshot", "asltweap", "knifcuti", "machgun", "othrweap")


@pytest.fixture(scope="module")
def judged(real_year):
    stops = {year: real_year(year)[1].stops for year in (2014, 2015)}
    counted = [claim for claim in load_claims() if claim.figure in {"count", "share"}]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claims, "load_claims", lambda: tuple(counted))
        return judge_claims(Evidence(stops, 2015)).set_index("claim")


def test_the_old_form_s_claims_are_decided_and_every_difference_has_a_reason(judged):
    decided = judged[judged["status"] != "not decidable here"]
    assert len(decided) >= 18
    assert (decided.loc[decided["status"] == "differs", "reason"].str.len() > 20).all()
    reproduced = set(decided.index[decided["status"] == "reproduced"])
    assert {"stops_2014", "stops_2015", "kusner_males", "kusner_white", "kusner_black_hispanic"} <= reproduced
    assert {"kusner_arrests", "kusner_white_arrests", "corels_stops", "corels_weapons_without_summer"} <= reproduced


def test_weapons_that_a_reader_of_y_alone_misses_are_counted_in_the_text(judged, real_data_dir):
    with zipfile.ZipFile(real_data_dir / "sqf-2014-csv.zip") as packed:
        text = io.TextIOWrapper(packed.open(packed.namelist()[0]), encoding="utf-8")
        rows = [{name.strip().lower(): cell.strip() for name, cell in row.items()} for row in csv.DictReader(text)]
    acted = [row for row in rows if "Y" in (row["frisked"], row["searched"])]
    either = sum(any(row[name] in {"Y", "1"} for name in WEAPONS) for row in acted)
    letters = sum(any(row[name] == "Y" for name in WEAPONS) for row in acted)
    assert (len(acted), letters) == (30_961, 1_092)
    assert judged.loc["corels_weapons", "ours"] == either == 1_445
