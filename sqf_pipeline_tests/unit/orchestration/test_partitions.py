"""Years, their windows, and their order."""

from datetime import UTC, datetime

import dagster as dg
import pandas as pd
import pytest

from sqf_pipeline.errors import SqfError
from sqf_pipeline.orchestration import partitions, year_rules

STOPS = pd.DataFrame({"stop_id": ["1"]})


def keys_at(definition: dg.TimeWindowPartitionsDefinition, *when: int) -> list[str]:
    return list(definition.get_partition_keys(current_time=datetime(*when, tzinfo=UTC)))


def test_a_year_exists_once_it_is_over():
    assert keys_at(partitions.YEARS, 2020, 12, 31, 23)[-1] == "2019"
    assert keys_at(partitions.YEARS, 2021, 1, 1)[-1] == "2020"
    assert keys_at(partitions.YEARS, 2021, 1, 1)[0] == "2003"
    assert keys_at(partitions.TEST_YEARS, 2022, 6, 1) == [str(year) for year in range(2006, 2022)]
    for when in ((2020, 12, 31, 23), (2021, 1, 1), (2003, 5, 1), (2004, 1, 1)):
        rules = year_rules.years_over(year_rules.FIRST_YEAR, datetime(*when, tzinfo=UTC))
        assert keys_at(partitions.YEARS, *when) == [str(year) for year in rules]


@pytest.mark.parametrize("test_year", [2006, 2018, 2020, 2023])
def test_a_test_year_is_trained_on_the_three_years_before_it(test_year):
    mapped = partitions.TRAINING_WINDOW.get_upstream_mapped_partitions_result_for_partitions(
        downstream_partitions_subset=partitions.TEST_YEARS.subset_with_partition_keys([str(test_year)]),
        downstream_partitions_def=partitions.TEST_YEARS,
        upstream_partitions_def=partitions.YEARS,
        current_time=datetime(2024, 6, 1, tzinfo=UTC),
    )
    keys = sorted(mapped.partitions_subset.get_partition_keys())
    assert keys == [str(year) for year in range(test_year - 3, test_year)]
    assert year_rules.training_years(test_year) == tuple(int(key) for key in keys)


def test_frames_come_in_the_order_of_their_years_whatever_the_order_of_the_dictionary():
    assert partitions.in_year_order({"2019": "c", "2017": "a", "2018": "b"}, (2017, 2018, 2019)) == ["a", "b", "c"]
    assert partitions.in_year_order("bare", (2020,)) == ["bare"]


def test_a_missing_year_is_not_passed_over():
    with pytest.raises(ValueError, match="2018"):
        partitions.in_year_order({"2017": "a", "2019": "c"}, (2017, 2018, 2019))


@pytest.mark.parametrize("year", [1899, 2005, 2026])
def test_a_year_that_cannot_be_tested_is_refused_with_the_years_that_can(year):
    with pytest.raises(SqfError, match=f"{year} cannot be a test year: expected one of 2006 to 2025"):
        year_rules.require_test_year(year, now=datetime(2026, 11, 1, tzinfo=UTC))


def test_years_outside_what_is_published_are_refused_together():
    now = datetime(2026, 11, 1, tzinfo=UTC)
    year_rules.require_years([2003, 2025], now=now)
    with pytest.raises(SqfError, match="no stops of 2001, 2002, 2026: expected years from 2003 to 2025"):
        year_rules.require_years([2026, 2002, 2014, 2001], now=now)


@pytest.mark.parametrize("training", [(2017,), (2014, 2020), (2016, 2017, 2018)])
def test_no_model_learns_from_the_year_it_is_measured_on_or_a_later_one(training):
    with pytest.raises(SqfError, match="The test year 2017 cannot be trained on 20"):
        year_rules.require_training_years(training, 2017, now=datetime(2026, 11, 1, tzinfo=UTC))


def test_training_years_that_are_named_take_the_place_of_the_window_in_every_asset():
    """Every input that came from the training window comes from the years named; every other one is as it was."""
    from sqf_pipeline.orchestration.assets import evaluation, features, models, publication, stops

    assets = dg.load_assets_from_modules([stops, features, models, evaluation, publication])
    moved = partitions.trained_on(assets, (2014, 2015), 2017)
    keys: dict[object, set[str]] = {partitions.TRAINING_WINDOW: {"2014", "2015"}}
    keys[partitions.STUDY_WINDOW] = {"2014", "2015", "2017"}
    seen = []
    for before, after in zip(assets, moved, strict=True):
        for old, new in zip(before.specs, after.specs, strict=True):
            for was, now in zip(old.deps, new.deps, strict=True):
                assert was.asset_key == now.asset_key
                if was.partition_mapping in keys:
                    assert set(now.partition_mapping.partition_keys) == keys[was.partition_mapping]
                    seen.append(was.asset_key.to_user_string())
                else:
                    assert now == was
    assert {"stops", "source_files", "raw_stops", "data_quality"} <= set(seen)


def test_every_asset_of_the_training_years_takes_one_year_as_well_as_several():
    from sqf_pipeline.orchestration.assets import features, models

    taken = []
    for asset in dg.load_assets_from_modules([features, models]):
        windows = {dep.asset_key for spec in asset.specs for dep in spec.deps
                   if dep.partition_mapping == partitions.TRAINING_WINDOW}  # fmt: skip
        for name, key in asset.keys_by_input_name.items():
            if key in windows:
                kind = asset.op.input_def_named(name).dagster_type
                assert all(kind.type_check(None, given).success for given in (STOPS, {"2014": STOPS, "2015": STOPS}))
                taken.append(f"{asset.key.to_user_string()} {name}")
    assert set(taken) == {"training_stops stops", "training_stops source_files"}
