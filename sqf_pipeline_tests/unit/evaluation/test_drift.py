"""Drift warns of change and fails on another unit."""

import numpy as np
import pandas as pd
import pytest

from sqf_pipeline.evaluation.drift import measure_drift
from sqf_pipeline.registry.columns import column

HEIGHT = [column("suspect_height_inches")]


def heights(year: int, rows: int = 3000) -> pd.DataFrame:
    """Return plausible heights in inches."""
    inches = np.random.default_rng(year).normal(69, 3.2, rows).round()
    return pd.DataFrame(
        {"suspect_height_inches": pd.array(inches, dtype="Float64"), "year": pd.array([year] * rows, dtype="Int16")}
    )


def as_digits(frame: pd.DataFrame, *, decimals: int) -> pd.DataFrame:
    """Return heights as feet.inches with the point struck out, as reading digits alone gives them."""
    inches = frame["suspect_height_inches"].astype(int)
    texts = [f"{value // 12}.{value % 12:0{decimals}d}" for value in inches]
    return frame.assign(suspect_height_inches=pd.array([float(text.replace(".", "")) for text in texts], "Float64"))


def status(test: pd.DataFrame, training: pd.DataFrame) -> dict[str, str]:
    return measure_drift(test, training, HEIGHT).set_index("measure")["status"].to_dict()


TRAINING = pd.concat([heights(2017), heights(2018), heights(2019)], ignore_index=True)


def test_the_same_people_in_the_same_unit_pass() -> None:
    assert set(status(heights(2020), TRAINING).values()) == {"ok"}


def test_centimetres_fail() -> None:
    metric = heights(2020)
    metric["suspect_height_inches"] *= 2.54
    found = measure_drift(metric, TRAINING, HEIGHT).set_index("measure")
    assert found.loc["unit_ratio", "status"] == "fail"
    assert found.loc["unit_ratio", "value"] == pytest.approx(2.54, rel=0.02)
    assert "175" in found.loc["unit_ratio", "detail"]


def test_a_tenth_of_a_year_in_centimetres_fails_though_the_median_stays() -> None:
    mixed = heights(2020)
    mixed.loc[:299, "suspect_height_inches"] *= 2.54
    found = status(mixed, TRAINING)
    assert found["unit_ratio"] == "ok"
    assert found["outside_share"] == "fail"


def test_one_training_year_in_another_unit_fails_though_the_mixture_holds_it() -> None:
    """The fault of the study of 2021: `5.80` as 580 in one training year, `5.8` as 58 in the others and in the test."""
    training = pd.concat(
        [
            as_digits(heights(2017), decimals=2),
            as_digits(heights(2018), decimals=1),
            as_digits(heights(2019), decimals=1),
        ]
    )
    found = measure_drift(as_digits(heights(2020), decimals=1), training, HEIGHT).set_index("measure")
    assert found.loc["unit_ratio", "status"] == "fail"
    assert "2017" in found.loc["unit_ratio", "detail"]


def test_a_number_that_can_no_longer_be_read_fails() -> None:
    """Cleaning makes implausible heights missing, so that another unit may arrive here as missing values."""
    gone = heights(2020)
    gone.loc[:2000, "suspect_height_inches"] = pd.NA
    found = status(gone, TRAINING)
    assert found["missing_share"] == "fail"
    gone["suspect_height_inches"] = pd.array([pd.NA] * len(gone), dtype="Float64")
    assert status(gone, TRAINING) == {"missing_share": "fail"}


def test_new_categories_and_shifted_shares_warn() -> None:
    training = pd.DataFrame(
        {"borough": pd.array(["BRONX", "QUEENS"] * 500, dtype="string"), "year": pd.array([2019] * 1000, "Int16")}
    )
    test = pd.DataFrame({"borough": pd.array(["BRONX"] * 900 + ["HOBOKEN"] * 100, dtype="string")})
    found = measure_drift(test, training, [column("borough")]).set_index("measure")
    assert found.loc["new_categories", "value"] == pytest.approx(0.1)
    assert found.loc["new_categories", "status"] == "warn"
    assert "HOBOKEN (100)" in found.loc["new_categories", "detail"]
    assert found.loc["population_stability_index", "status"] == "warn"
    assert found.loc["missing_share", "status"] == "ok"


def test_stability_index_by_hand() -> None:
    def frame(no: int, yes: int) -> pd.DataFrame:
        return pd.DataFrame({"frisked": pd.array([False] * no + [True] * yes, dtype="boolean"), "year": 2019})

    found = measure_drift(frame(60, 40), frame(500, 500), [column("frisked")]).set_index("measure")
    by_hand = (0.6 - 0.5) * np.log(0.6 / 0.5) + (0.4 - 0.5) * np.log(0.4 / 0.5)
    assert found.loc["population_stability_index", "value"] == pytest.approx(by_hand)


def test_empty_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="drift needs stops"):
        measure_drift(TRAINING.head(0), TRAINING, HEIGHT)
