"""Small forests, their export and a service, for the tests of the export and the service."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any, get_args

import numpy as np
import pandas as pd

from sqf_pipeline.export.bundle_writer import ExportContext
from sqf_pipeline.export.reliability import reliability_table
from sqf_pipeline.modelling.calibration import Calibrator
from sqf_pipeline.modelling.experiments import Experiment
from sqf_pipeline.modelling.fitting import FittedModel, fit_experiment
from sqf_pipeline.modelling.thresholds import Threshold
from sqf_pipeline.registry.columns import column
from sqf_pipeline.registry.outcomes import STUDY_FIELDS, Outcome, Tier
from sqf_pipeline_tests.treatment_support import treatment_results

SCREENS = {"phone": (390, 844), "desktop": (1280, 900)}
PAGES = (
    "/",
    "/arrest",
    "/summons?tier=during",
    "/analysis",
    "/treatment",
    "/model-card",
    "/faults",
    "/api",
    "/nothing",
)
"""Every page of the service, and the screens on which each is looked at."""
TEST_YEAR = 2020
TRAINING_YEARS = (2017, 2018, 2019)
CATEGORIES = {
    "borough": ["BRONX", "BROOKLYN", "MANHATTAN", "QUEENS", "STATEN ISLAND"],
    "suspect_race": ["BLACK", "WHITE", "WHITE HISPANIC", "BLACK HISPANIC", "ASIAN / PACIFIC ISLANDER"],
    "suspect_sex": ["MALE", "FEMALE"],
    "suspected_crime": ["ROBBERY", "ASSAULT", "PETIT LARCENY", "CPW", "OTHER"],
    "initiated_by": ["RADIO RUN", "SELF INITIATED", "COMPLAINANT OR WITNESS ON SCENE"],
    "location_in_out": ["I", "O"],
    "jurisdiction": ["P", "H", "T"],
}
TIER_FIELDS: dict[str, tuple[str, ...]] = {
    "during": (
        "searched", "frisked", "weapon_found", "force_handcuffs", "stop_duration_minutes", "suspected_crime",
        "suspect_age", "stop_time_seconds", "precinct", "x_feet", "y_feet", "borough",
    ),
    "at_stop": (
        "suspected_crime", "suspect_age", "stop_time_seconds", "precinct", "x_feet", "y_feet", "borough",
        "initiated_by", "suspect_sex", "weekday", "observed_duration_minutes", "action_fits_description",
    ),
}  # fmt: skip


def invented_stops(rows: int, seed: int, year: int = 2019) -> pd.DataFrame:
    """Return invented stops with the columns that the tests' models take, a few values of each missing."""
    rng = np.random.default_rng(seed)
    names = {name for fields in TIER_FIELDS.values() for name in fields}
    names |= {name for fields in STUDY_FIELDS.values() for name in fields.values()}
    names |= {"month", "weekday", "suspect_race", "suspect_sex", "location_in_out", "jurisdiction"}
    frame = pd.DataFrame({"stop_id": np.arange(rows)})
    for name in sorted(names):
        entry = column(name)
        if entry.kind in ("flag", "mark"):
            values: Any = pd.array(rng.random(rows) < 0.3, dtype="boolean")
        elif entry.kind == "category":
            values = pd.array(rng.choice(CATEGORIES[name], rows), dtype="string")
        elif entry.kind == "code":
            values = pd.array(rng.integers(1, 124, rows), dtype="Int32")
        elif name == "year":
            values = pd.array(np.full(rows, year), dtype="Int16")
        else:
            low, high = entry.minimum or 0, min(entry.maximum or 100, (entry.minimum or 0) + 200_000)
            drawn = rng.integers(int(low), int(high), rows, endpoint=True)
            values = pd.array(drawn, dtype="Float64" if entry.kind in ("number", "height") else "Int32")
        if entry.kind != "mark" and name != "year":
            values[rng.random(rows) < 0.03] = pd.NA
        frame[name] = values
    _gather_places(frame, rng)
    frame["longitude"] = -73.9 + (frame["x_feet"].astype("Float64") - 1_000_000) / 280_000
    frame["latitude"] = 40.7 + (frame["y_feet"].astype("Float64") - 200_000) / 365_000
    searched = frame["searched"].fillna(value=False).to_numpy(dtype=bool)
    weapon = frame["weapon_found"].fillna(value=False).to_numpy(dtype=bool)
    young = (frame["suspect_age"].fillna(40) < 40).to_numpy(dtype=bool)
    score = -1.4 + 1.6 * searched + 1.2 * weapon + 0.5 * young
    frame["arrested"] = pd.array(rng.random(rows) < 1 / (1 + np.exp(-score)), dtype="boolean")
    frame["summons_issued"] = pd.array(rng.random(rows) < 0.03 + 0.05 * young, dtype="boolean")
    frame["stop_date"] = pd.to_datetime(f"{year}-01-01") + pd.to_timedelta(rng.integers(0, 365, rows), unit="D")
    frame["year"] = pd.array(np.full(rows, year), dtype="Int16")
    frame["issuing_officer_command"] = pd.array(rng.integers(1, 124, rows), dtype="Int32")
    return frame


def _gather_places(frame: pd.DataFrame, rng: np.random.Generator) -> None:
    """Put stops around twenty corners, one a precinct, so that a map has cells to show."""
    places = rng.integers(0, 20, len(frame))
    corners = np.random.default_rng(1).integers([960_000, 170_000], [1_050_000, 260_000], (20, 2))[places]
    known = frame["precinct"].notna().to_numpy()
    frame.loc[known, "precinct"] = 1 + 6 * places[known]
    for name, values in (("x_feet", corners[:, 0]), ("y_feet", corners[:, 1])):
        known = frame[name].notna().to_numpy()
        frame.loc[known, name] = (values + rng.integers(0, 900, len(frame)))[known].astype(np.float64)


@dataclass(frozen=True)
class Exported:
    """The models of a small export, what it says about them together, and the invented test stops."""

    models: tuple[FittedModel, ...]
    context: ExportContext
    test: pd.DataFrame


def fit_small(outcome: Outcome, tier: Tier, training: pd.DataFrame) -> FittedModel:
    """Return a small forest of a tier's fields, with thresholds and a calibrator that tests know."""
    columns = "study_2021_twelve" if tier == "study" else tier
    fields = () if tier == "study" else TIER_FIELDS[tier]
    settings = {"n_estimators": 20, "min_samples_leaf": 5, "max_features": "sqrt"}
    fitted = fit_experiment(
        Experiment(outcome, columns, "tuned_forest", calibration="none", settings=settings, fields=fields),
        training, n_jobs=1,
    )  # fmt: skip
    return replace(
        fitted, name=f"{outcome}-{tier}-random_forest", default_threshold="best_f1",
        calibrator={
            "study": Calibrator(kind="logistic", slope=1.1, intercept=0.05),
            "during": Calibrator(kind="logistic", slope=1.3, intercept=0.2),
            "at_stop": Calibrator(),
        }[tier],
        thresholds={
            "best_f1": Threshold("best_f1", fitted.training_share, "Best F1 in the last training year."),
            "equal_costs": Threshold("equal_costs", 0.5, "A miss costs as much as a false alarm."),
        },
    )  # fmt: skip


@cache
def small_models() -> Exported:
    """Return six small fitted models of both outcomes and all three tiers, to be exported without results."""
    training = pd.concat([invented_stops(500, year, year) for year in TRAINING_YEARS], ignore_index=True)
    test = invented_stops(600, TEST_YEAR, TEST_YEAR)
    models = tuple(fit_small(outcome, tier, training) for outcome in get_args(Outcome) for tier in get_args(Tier))
    context = ExportContext(
        test_year=TEST_YEAR, training_years=TRAINING_YEARS, source="sample",
        data_sha256={f"sqf-{year}.csv": "0" * 64 for year in (*TRAINING_YEARS, TEST_YEAR)},
        training_stops=training, test_stops=test,
        model_card="# Model card\n\nFor tests.\n\n## One\n\n## Two\n\n## Three\n\n"
        "| a | b |\n| :-- | --: |\n| 1 | 2 |\n",
    )  # fmt: skip
    return Exported(models, context, test)


@cache
def small_export() -> Exported:
    """Return the small models with invented results, from which every table of the analysis is made."""
    small = small_models()
    return replace(small, context=replace(small.context, results=small_results(small)))


def small_results(small: Exported) -> dict[str, pd.DataFrame]:
    """Return invented result tables of the small models, by the warehouse's names."""
    importances, metrics, bins, groups = [], [], [], []
    for model in small.models:
        actual = small.test[model.target].to_numpy(dtype=bool)
        for place, name in enumerate(model.columns, start=1):
            row = {"feature": name, "importance": 0.2 / place, "low": 0.1 / place, "high": 0.3 / place, "rank": place}
            importances.append({"model": model.name, "kind": "permutation", **row})
        measure = {"model": model.name, "estimate": 0.7, "low": 0.6, "high": 0.8}
        metrics += [{"metric": name, **measure} for name in ("roc_auc", "average_precision")]
        for place, entry in enumerate(reliability_table(model.predict_probability(small.test), actual)):
            shares = {"mean_probability": entry.mean_probability, "observed_share": entry.share}
            ends = {"low": entry.share_low, "high": entry.share_high}
            bins.append({"model": model.name, "bin": place, "rows": entry.stops, **shares, **ends})
        for group in CATEGORIES["suspect_race"]:
            rates = {
                f"{name}{end}": value
                for name in ("base_rate", "selection_rate", "false_positive_rate", "false_negative_rate", "roc_auc")
                for end, value in (("", 0.3), ("_low", 0.2), ("_high", 0.4))
            }
            sizes = {"rows": 120, "positives": 36, "mean_probability": 0.3}
            groups.append({"model": model.name, "attribute": "race", "group_name": group, **sizes, **rates})
    study = {"outcome": "arrest", "figure": "accuracy", "published": 0.8218, "measured_again": 0.8226, "ours": 0.85}
    quality = {"year": 2020, "column_name": "suspect_age", "rule": "implausible", "rows": 3, "description": "Missing."}
    drift = {"column_name": "suspect_age", "measure": "missing share", "value": 0.1, "reference": 0.1, "status": "ok"}
    rows = {
        "metric_intervals": metrics, "feature_importances": importances, "calibration_bins": bins,
        "subgroup_metrics": groups, "study_2021_comparison": [{**study, "note": None}], "data_quality": [quality],
        "drift": [{**drift, "detail": None}],
    }  # fmt: skip
    return {name: pd.DataFrame(entries) for name, entries in rows.items()} | treatment_results(TEST_YEAR)
