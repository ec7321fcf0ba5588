"""A year in other units, or one that can no longer be read, is not put in force: no card, no charts, no export."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from sqf_pipeline.cleaning.clean_stops import clean_stops
from sqf_pipeline.definitions import build_defs
from sqf_pipeline.errors import SqfError
from sqf_pipeline.evaluation import gap_marks
from sqf_pipeline.orchestration.running import QUIET, Progress, run_work
from sqf_pipeline.orchestration.stored_models import StoredModels
from sqf_pipeline.orchestration.year_rules import Work
from sqf_pipeline.settings import Settings
from sqf_pipeline_tests.unit.ingest.published import raw_stops

MADE_FOR_PEOPLE = ("charts", "model_card", "model_export")
YEAR = "2020"


class Kept(dg.IOManager):
    """Frames of a test, by asset; one that was never given is empty."""

    def __init__(self) -> None:
        self.frames: dict[str, Any] = {}

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        self.frames[context.asset_key.path[-1]] = obj

    def load_input(self, context: dg.InputContext) -> object:
        name = context.asset_key.path[-1]
        empty: Any = StoredModels(Path(), {}) if name == "served_models" else pd.DataFrame()
        found = self.frames.get(name, empty)
        keys = list(context.asset_partition_keys)
        return found if len(keys) == 1 else dict.fromkeys(keys, found)


def stops(years: tuple[int, ...], *, unit: float = 1.0, known: float = 1.0) -> pd.DataFrame:
    """Return invented stops with every column of the registry; heights in inches over `unit`, `known` of them there."""
    frames = []
    for year in years:
        heights = [60 + (number * 7) % 18 for number in range(200)]
        raw = raw_stops(*({"suspect_height_inches": f"{inches // 12}.{inches % 12}"} for inches in heights), year=year)
        made = clean_stops(raw, year).stops
        made["suspect_height_inches"] = pd.array([inches * unit for inches in heights], dtype="Float64")
        made.loc[made.index >= known * len(made), "suspect_height_inches"] = pd.NA
        frames.append(made)
    return pd.concat(frames, ignore_index=True)


class House:
    """The real definitions and jobs, with frames in memory and files of an earlier, good run in a home."""

    def __init__(self, home: Path) -> None:
        self.kept = Kept()
        settings = Settings(_env_file=None, home=home, data_dir=home / "raw", source="local")
        managers = dict.fromkeys(("frames", "tables", "frames_and_tables", "fitted_models", "encoders"), self.kept)
        self.definitions = build_defs(settings, **managers)
        self.home = home
        for name in ("model_card/model_card.md", "charts/roc.png"):
            path = home / "reports" / "sqf" / YEAR / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("of the good run")
        (home / "exports" / "sqf" / "good").mkdir(parents=True)
        (home / "exports" / "sqf" / "good" / "manifest.json").write_text("of the good run")
        (home / "exports" / "sqf" / "current").symlink_to("good")

    def files(self) -> dict[str, str]:
        found = {}
        for path in sorted(self.home.rglob("*")):
            if path.is_symlink():
                found[str(path)] = f"-> {path.readlink()}"
            elif path.is_file() and not path.name.startswith("."):
                found[str(path)] = path.read_text()
        return found

    def make(self, instance: dg.DagsterInstance, job: str, *assets: str) -> dg.ExecuteInProcessResult:
        return self.definitions.resolve_job_def(job).execute_in_process(
            instance=instance,
            partition_key=YEAR,
            asset_selection=[dg.AssetKey(asset) for asset in assets],
            run_config=QUIET,
            raise_on_error=False,
        )


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path / "home")
    made.kept.frames = {"training_stops": stops((2017, 2018, 2019)), "test_stops": stops((2020,))}
    return made


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def failures(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    return {
        str(event.step_key): str(event.step_failure_data.user_failure_data.description)
        for event in result.all_events
        if event.is_step_failure
    }


CHANGES = {"centimetres": {"unit": 2.54}, "feet": {"unit": 1 / 12}, "gone": {"known": 0.3}}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_unit_and_a_column_that_cannot_be_read_stop_what_is_made_for_people(change, house, instance):
    house.kept.frames["test_stops"] = stops((2020,), **CHANGES[change])
    before = house.files()

    result = house.make(instance, "yearly_rerun", "drift", *MADE_FOR_PEOPLE)

    assert not result.success
    (check,) = result.get_asset_check_evaluations()
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)
    told = failures(result)
    assert list(told) == ["drift"], "what rests on it was not even begun"
    assert "suspect_height_inches" in told["drift"]
    assert "No card, charts or export" in told["drift"]
    assert house.files() == before
    assert "fail" in set(house.kept.frames["drift"]["status"]), "the measures are stored, to be looked at"


@pytest.mark.parametrize("asset", MADE_FOR_PEOPLE)
def test_what_is_made_for_people_refuses_by_itself_after_a_red_check(asset, house, instance):
    house.kept.frames["test_stops"] = stops((2020,), unit=2.54)
    assert not house.make(instance, "yearly_rerun", "drift").success
    before = house.files()

    result = house.make(instance, "publish", asset)

    assert not result.success
    told = failures(result)
    assert list(told) == [asset]
    assert "suspect_height_inches: median" in told[asset]
    assert house.files() == before


def test_the_command_says_why_and_stops(house, instance):
    house.kept.frames["test_stops"] = stops((2020,), unit=2.54)
    before = house.files()
    heard: list[Progress] = []
    small = dg.Definitions(
        assets=house.definitions.assets,
        resources=house.definitions.resources,
        jobs=[dg.define_asset_job("yearly_rerun", ["drift", *MADE_FOR_PEOPLE], executor_def=dg.in_process_executor)],
    )
    with pytest.raises(SqfError, match=r"suspect_height_inches: .*No card, charts or export are made"):
        run_work(small, instance, Work("yearly_rerun", 2020), heard.append)
    assert [(moment.kind, moment.step) for moment in heard if moment.kind in {"failed", "done"}] == [
        ("failed", "drift")
    ]
    assert house.files() == before


@pytest.mark.parametrize("asset", ["model_card", "model_export"])
def test_gaps_that_tell_the_outcome_stop_card_and_export_and_the_command_says_why(asset, house, instance, monkeypatch):
    telling = pd.DataFrame(
        {"outcome": ["firearm"], "tier": ["at_stop"], "columns": [2], "roc_auc": [0.5524], "low": [0.5311],
         "high": [0.58], "highest": [0.53], "status": ["fail"]}
    )  # fmt: skip
    monkeypatch.setattr(gap_marks, "measure_gap_marks", lambda *_, **__: telling)
    before = house.files()

    result = house.make(instance, "yearly_rerun", "drift", "gap_marks", asset)
    told = failures(result)
    assert list(told) == ["gap_marks"]
    assert "firearm 0.552 (from 0.531); expected less than 0.53. No card and no export are made" in told["gap_marks"]

    assert list(failures(house.make(instance, "publish", asset))) == [asset], "nor by itself"
    small = dg.Definitions(
        assets=house.definitions.assets,
        resources=house.definitions.resources,
        jobs=[dg.define_asset_job("yearly_rerun", ["gap_marks"], executor_def=dg.in_process_executor)],
    )
    with pytest.raises(SqfError, match="Find the column that is filled in after the outcome"):
        run_work(small, instance, Work("yearly_rerun", 2020), lambda _: None)
    assert house.files() == before


def test_a_shift_warns_and_stops_nothing(house, instance):
    shifted = stops((2020,))
    shifted["suspect_race"] = "NOT SEEN BEFORE"
    house.kept.frames["test_stops"] = shifted

    result = house.make(instance, "yearly_rerun", "drift", "charts")

    assert set(house.kept.frames["drift"]["status"]) == {"ok", "warn"}
    began = [str(event.step_key) for event in result.all_events if event.is_step_start]
    assert began == ["drift", "charts"], "charts were begun, which want more than this test has"
