"""The study's way of encoding, fault by fault, and its comparison on invented text."""

import numpy as np
import pandas as pd
import pytest

from sqf_pipeline.registry.outcomes import SERVICE_FIELDS
from sqf_pipeline.study_2021.replication import figures_of, published_figures, run_study_2021
from sqf_pipeline.study_2021.study_encoding import (
    ORDER,
    encode_split,
    flags_on_codes_of,
    label_codes,
    outcome_of,
)


def raw_stops(rows: int, seed: int, year: int) -> pd.DataFrame:
    rng = np.random.default_rng([seed, year])
    searched = rng.random(rows) < 0.35
    arrested = rng.random(rows) < np.where(searched, 0.75, 0.1)
    frame = pd.DataFrame("Y", index=range(rows), columns=list(ORDER), dtype="str")
    frame["year"] = str(year)
    frame["month"] = rng.choice(["January", "April", "June"], rows)
    frame["weekday"] = rng.choice(["Monday", "Friday"], rows)
    for name in ("observed_duration_minutes", "stop_duration_minutes", "suspect_age", "suspect_weight_pounds"):
        frame[name] = rng.integers(1, 90, rows).astype(str)
    frame["suspect_height_inches"] = rng.choice(["5.10", "5.8", "6"], rows)
    frame["x_feet"], frame["y_feet"] = (rng.integers(900_000, 990_000, rows).astype(str) for _ in range(2))
    frame["stop_time_seconds"] = rng.choice(["10:20:00 PM", "1:05:00"], rows)
    frame["suspected_crime"] = rng.choice(["ROBBERY", "PETIT LARCENY", "CPW"], rows)
    for name in ("frisked", "weapon_found", "officer_explained_stop", "officer_in_uniform"):
        frame[name] = np.where(rng.random(rows) < 0.5, "Y", "N")
    frame["searched"], frame["arrested"] = np.where(searched, "Y", "N"), np.where(arrested, "Y", "N")
    frame["summons_issued"] = np.where(rng.random(rows) < 0.1, "Y", "N")
    return frame.astype("str")


@pytest.fixture(scope="module")
def years() -> dict[int, pd.DataFrame]:
    raw = {year: raw_stops(150, 1, year) for year in (2017, 2018, 2019, 2020)}
    raw[2017].loc[0, "searched"] = "("
    return raw


@pytest.fixture(scope="module")
def study(years: dict[int, pd.DataFrame]) -> pd.DataFrame:
    """Return the study, run once."""
    return run_study_2021(years, 2020)


def test_outcomes_measured_side_by_side_give_the_same_figures(
    years: dict[int, pd.DataFrame], study: pd.DataFrame
) -> None:
    pd.testing.assert_frame_equal(run_study_2021(years, 2020, n_jobs=2, side_by_side=True), study)


def one(**cells: str) -> pd.DataFrame:
    return pd.DataFrame({name: [cells.get(name, "")] for name in ORDER}, dtype="str")


def test_the_afternoon_is_read_as_the_morning() -> None:
    assert encode_split(one(stop_time_seconds="10:20:00 PM"))["stop_time_seconds"][0] == 10 * 3600 + 20 * 60


@pytest.mark.parametrize(("published", "read"), [("5.10", 510), ("5.1", 51), ("6", 6), ("(null)", 0), (" ", 0)])
def test_heights_are_their_digits(published: str, read: float) -> None:
    assert encode_split(one(suspect_height_inches=published))["suspect_height_inches"][0] == read


def test_missing_places_are_nought() -> None:
    assert encode_split(one(x_feet="#NULL!"))["x_feet"][0] == 0


def test_one_stray_cell_moves_the_numbers_of_a_flag() -> None:
    assert label_codes(pd.Series(["N", "Y"])).tolist() == [0, 1]
    assert label_codes(pd.Series(["N", "Y", "("])).tolist() == [1, 2, 0]


def test_flags_can_be_put_on_the_numbers_of_training(years: dict[int, pd.DataFrame]) -> None:
    test = encode_split(years[2020])
    repaired = flags_on_codes_of(test, years[2020], years[2017])
    assert set(test["searched"]) == {0, 1}
    assert set(repaired["searched"]) == {1, 2}
    assert (repaired["frisked"] == test["frisked"]).all()


def test_an_unreadable_outcome_counts_as_yes() -> None:
    assert outcome_of(pd.DataFrame({"summons_issued": ["N", "Y", "("]}), "summons_issued").tolist() == [0, 1, 1]


def test_there_are_54_columns_and_the_first_twelve_were_served(years: dict[int, pd.DataFrame]) -> None:
    encoded = encode_split(years[2019])
    assert encoded.shape == (150, 54)
    assert set(encoded.drop(columns="arrested").columns[:12]) == set(SERVICE_FIELDS["arrest"])


def test_bins_hold_one_place_a_stop(years: dict[int, pd.DataFrame]) -> None:
    crimes = encode_split(years[2019]).filter(like="suspected_crime_")
    assert crimes.shape[1] == 5
    assert (crimes.sum(axis=1) == 1).all()
    assert crimes["suspected_crime_larceny"].sum() == (years[2019]["suspected_crime"] == "PETIT LARCENY").sum()


def test_figures_are_compared_with_published_ones_only_for_2020(
    years: dict[int, pd.DataFrame], study: pd.DataFrame
) -> None:
    rows = study.set_index(["outcome", "figure"])
    assert rows.index.is_unique
    assert set(published_figures()) <= set(rows.index)
    assert rows.loc[("arrest", "random_forest_accuracy"), "published"] == 0.8218
    for other in (run_study_2021(years, 2019), run_study_2021(years, 2020, real_source=False)):
        assert other["published"].isna().all()
        assert other["measured_again"].notna().any()


def test_one_scaler_shows_what_the_second_hid(study: pd.DataFrame) -> None:
    measured = study.set_index(["outcome", "figure"])["measured_again"]
    two_scalers = measured["arrest", "random_forest_accuracy"]
    assert measured["arrest", "random_forest_accuracy_one_scaler"] < two_scalers - 0.05
    assert measured["arrest", "random_forest_accuracy_one_scaler_training_codes"] > two_scalers - 0.05


def test_our_figures_stand_beside(years: dict[int, pd.DataFrame]) -> None:
    ours = {("arrest", "random_forest_accuracy"): 0.84, ("arrest", "random_forest_slope"): 1.1}
    rows = run_study_2021(years, 2020, ours=ours).set_index(["outcome", "figure"])
    assert rows.loc[("arrest", "random_forest_accuracy"), "ours"] == 0.84
    assert rows.loc[("arrest", "random_forest_slope"), "ours"] == 1.1


def test_optional_columns_may_be_absent(years: dict[int, pd.DataFrame], study: pd.DataFrame) -> None:
    fewer = {year: raw.drop(columns=["suspect_eye_color", "month"]) for year, raw in years.items()}
    assert len(run_study_2021(fewer, 2020)) == len(study)


def test_a_missing_year_is_told(years: dict[int, pd.DataFrame]) -> None:
    with pytest.raises(ValueError, match="needs stops of 2021"):
        run_study_2021(years, 2021)
    with pytest.raises(ValueError, match="years before it"):
        run_study_2021({2020: years[2020]}, 2020)


def test_figures_by_hand() -> None:
    figures = figures_of("model", np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.5, 0.9]))
    assert figures["model_true_negatives"] == figures["model_false_positives"] == 1
    assert figures["model_accuracy"] == figures["model_recall"] == 0.5
    assert figures["model_roc_auc"] == 0.75


def test_a_test_year_without_positives_has_no_ranking() -> None:
    figures = figures_of("model", np.zeros(3, dtype=int), np.array([0.1, 0.2, 0.3]))
    assert "model_roc_auc" not in figures
    assert "model_recall" not in figures
