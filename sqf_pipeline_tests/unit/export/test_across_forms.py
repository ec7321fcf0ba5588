"""The table of all years: the breaks that lie among them, each with its name."""

import pandas as pd
import pytest

from sqf_pipeline.export.analysis_stops import across_forms
from sqf_pipeline.export.analysis_tables import analysis_tables
from sqf_pipeline.registry.forms.published_forms import forms_of_years


def counted(*years: int) -> pd.DataFrame:
    forms = [forms_of_years([year])[0] for year in years]
    return pd.DataFrame({"year": years, "stops": 100, "arrests": 20, "arrest_share": 0.2, "form": forms})


@pytest.mark.parametrize(
    ("years", "moments"),
    [
        ((2014, 2015, 2017), [2015.5, 2016.49, 2017.0]),
        ((2014, 2015), [2015.5]),
        ((2016, 2018), [2016.49, 2017.0]),
        ((2003, 2004), []),
        ((2017, 2020), []),
    ],
)
def test_breaks_are_drawn_where_years_on_both_sides_are_there(years, moments):
    table = across_forms(counted(*years))
    assert [moment for moment, _ in table.chart.breaks] == moments
    assert all(f"{letter}: {name}." in table.note for letter, (_, name) in zip("ABC", table.chart.breaks, strict=False))
    assert [row[0] for row in table.rows] == list(years)


def test_a_year_between_that_is_not_loaded_is_not_named():
    assert (
        across_forms(counted(2014, 2015, 2017, 2018)).title == "2014-2015, 2017-2018 are loaded, in 2 forms of the file"
    )


def test_years_of_one_form_need_no_such_table(monkeypatch):
    for others in ("stops_tables", "treatment_tables"):
        monkeypatch.setattr(f"sqf_pipeline.export.analysis_tables.{others}", lambda *_: [])
    names = {
        years: [
            table.name
            for table in analysis_tables(pd.DataFrame({"year": years}), {"outcomes_by_year": counted(*years)}, {})
        ]
        for years in ((2017, 2020), (2014, 2017))
    }
    assert names == {(2017, 2020): [], (2014, 2017): ["stops_across_forms"]}
