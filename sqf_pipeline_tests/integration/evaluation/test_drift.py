"""Drift on the published files: quiet where years agree, loud where the study of 2021 went wrong."""

import pandas as pd
import pytest

from sqf_pipeline.evaluation.drift import measure_drift
from sqf_pipeline.registry.columns import column

pytestmark = pytest.mark.slow  # reads and cleans the four published files

YEARS = (2017, 2018, 2019, 2020)


def test_clean_years_have_no_unit_change(real_year) -> None:
    stops = {year: real_year(year)[1].stops for year in YEARS}
    training = pd.concat([stops[year] for year in YEARS[:3]], ignore_index=True)
    table = measure_drift(stops[2020], training)
    assert "fail" not in set(table["status"])
    new = table[(table["column_name"] == "suspect_race") & (table["measure"] == "new_categories")].iloc[0]
    assert new["status"] == "warn"
    assert "MIDDLE EASTERN" in new["detail"]


def test_heights_read_as_digits_fail(real_year) -> None:
    """What the study fed its models: heights with everything but digits struck out."""

    def digits(year: int) -> pd.DataFrame:
        texts = real_year(year)[0].frame["suspect_height_inches"].str.replace(r"\D", "", regex=True)
        return pd.DataFrame(
            {"suspect_height_inches": pd.to_numeric(texts, errors="coerce").astype("Float64"), "year": year}
        )

    training = pd.concat([digits(year) for year in YEARS[:3]], ignore_index=True)
    table = measure_drift(digits(2020), training, [column("suspect_height_inches")]).set_index("measure")
    assert table.loc["unit_ratio", "status"] == "fail"
