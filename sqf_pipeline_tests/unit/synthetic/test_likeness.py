"""Synthetic years are like the published ones in their figures, and repeat none of their rows."""

from pathlib import Path

import pandas as pd
import pytest

from sqf_pipeline.cleaning.clean_stops import clean_stops
from sqf_pipeline.ingest.reader import read_published_file
from sqf_pipeline.synthetic.synthetic_years import write_synthetic_year

pytestmark = pytest.mark.slow  # reads the published years

YEARS = (2019, 2020)
LIKE = (
    "initiated_by", "suspected_crime", "jurisdiction", "location_in_out", "issuing_officer_rank", "officer_in_uniform",
    "other_person_stopped", "officer_explained_stop", "frisked", "searched", "other_contraband_found", "weapon_found",
    "firearm_found", "knife_found", "force_handcuffs", "force_verbal_instruction", "background_violent_crime",
    "action_fits_description", "action_near_scene", "action_concealed_weapon", "search_basis_consent",
    "search_basis_incidental_to_arrest", "arrested", "summons_issued", "arrest_offense", "suspect_sex", "suspect_race",
    "suspect_build", "suspect_eye_color", "suspect_hair_color", "suspect_age", "suspect_height_inches",
    "suspect_weight_pounds", "observed_duration_minutes", "stop_duration_minutes", "precinct", "patrol_borough",
    "borough", "month", "weekday",
)  # fmt: skip
FEATURES = (
    "month", "weekday", "initiated_by", "issuing_officer_rank", "observed_duration_minutes", "suspected_crime",
    "stop_duration_minutes", "officer_explained_stop", "officer_in_uniform", "frisked", "searched", "weapon_found",
    "suspect_age", "suspect_sex", "suspect_race", "suspect_height_inches", "suspect_weight_pounds", "suspect_build",
    "suspect_eye_color", "suspect_hair_color", "x_feet", "y_feet", "borough", "stop_time_seconds", "summons_issued",
)  # fmt: skip

Frames = dict[int, pd.DataFrame]


@pytest.fixture(scope="module")
def raw(real_year, tmp_path_factory: pytest.TempPathFactory) -> tuple[Frames, Frames]:
    folder = tmp_path_factory.mktemp("likeness")
    published = {year: real_year(year)[0].frame for year in YEARS}
    synthetic = {year: read_published_file(write_synthetic_year(folder, year, seed=1), year).frame for year in YEARS}
    return published, synthetic


@pytest.fixture(scope="module")
def stops(real_year, raw: tuple[Frames, Frames]) -> tuple[Frames, Frames]:
    _, synthetic = raw
    published = {year: real_year(year)[1].stops for year in YEARS}
    return published, {year: clean_stops(frame, year).stops for year, frame in synthetic.items()}


def test_layout_is_the_published_one(raw: tuple[Frames, Frames]) -> None:
    published, synthetic = raw
    for year in YEARS:
        assert list(synthetic[year].columns) == list(published[year].columns)
        assert len(synthetic[year]) == len(published[year])


def test_no_row_and_no_place_of_a_published_file_is_repeated(raw: tuple[Frames, Frames]) -> None:
    for year in YEARS:
        for columns in (
            [name for name in raw[0][year] if name not in {"stop_id", "full_address", "street_name"}],
            ["stop_date", "stop_time_seconds", "x_feet", "y_feet"],
            ["full_address"],
            ["stop_date", "stop_time_seconds", "precinct", "suspected_crime", "suspect_age", "suspect_weight_pounds"],
        ):
            real, made = (set(pd.util.hash_pandas_object(one[year][columns], index=False)) for one in raw)
            assert len(real) > 1000
            assert not real & made, (year, columns)


def test_every_column_is_distributed_alike(raw: tuple[Frames, Frames]) -> None:
    published, synthetic = raw
    far = {}
    for year in YEARS:
        for name in LIKE:
            real = published[year][name].value_counts(normalize=True)
            made = synthetic[year][name].value_counts(normalize=True)
            distance = float(real.sub(made, fill_value=0).abs().sum() / 2)
            if distance > 0.06:
                far[(year, name)] = distance
    assert far == {}, "total variation distances"


def test_outcomes_depend_alike_on_what_came_before(stops: tuple[Frames, Frames], tmp_path: Path) -> None:
    far = {}
    published, drawn = stops[0], {}
    for year in YEARS:
        # Three draws: in one, chance alone moves a share of two hundred stops by up to a tenth.
        others = [read_published_file(write_synthetic_year(tmp_path, year, seed=seed), year).frame for seed in (2, 3)]
        drawn[year] = pd.concat([stops[1][year], *(clean_stops(frame, year).stops for frame in others)])
    for year in YEARS:
        for outcome in ("arrested", "summons_issued"):
            for given in ("searched", "frisked", "suspected_crime", "suspect_race", "borough", "initiated_by"):
                real, made = (
                    one[year].groupby(given, observed=True)[outcome].agg(["mean", "size"]) for one in (published, drawn)
                )
                both = real.join(made, suffixes=("_real", "_made")).query("size_real >= 200 and size_made >= 450")
                assert len(both) >= 2
                for level, row in both.iterrows():
                    if abs(row["mean_real"] - row["mean_made"]) > 0.09:
                        far[(year, outcome, given, level)] = (row["mean_real"], row["mean_made"])
    assert far == {}


def _encoded(frame: pd.DataFrame, categories: dict[str, dict[str, int]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            name: frame[name].map(categories[name]).fillna(-1).astype(float)
            if name in categories
            else frame[name].astype("Float64").fillna(-1).astype(float)
            for name in FEATURES
        }
    )


def test_a_forest_behaves_alike(stops: tuple[Frames, Frames]) -> None:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import accuracy_score, roc_auc_score

    published, synthetic = stops
    texts = [name for name in FEATURES if published[2019][name].dtype == "string"]
    categories = {
        name: {value: place for place, value in enumerate(published[2019][name].value_counts().index)} for name in texts
    }

    def measure(train: pd.DataFrame, test: pd.DataFrame) -> tuple[float, float]:
        forest = RandomForestClassifier(40, min_samples_leaf=5, random_state=1, n_jobs=2)
        forest.fit(_encoded(train, categories), train["arrested"].astype(bool))
        scores = forest.predict_proba(_encoded(test, categories))[:, 1]
        actual = test["arrested"].astype(bool)
        return float(accuracy_score(actual, scores > 0.5)), float(roc_auc_score(actual, scores))

    real = measure(published[2019], published[2020])
    made = measure(synthetic[2019], synthetic[2020])
    carried = measure(synthetic[2019], published[2020])
    assert real[0] == pytest.approx(0.83, abs=0.02)
    assert made == pytest.approx(real, abs=0.025)
    assert carried == pytest.approx(real, abs=0.025), "what is learnt on the sample holds for published stops"
