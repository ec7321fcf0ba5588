"""What an analyst would write in an afternoon, to compare `sqf run` with: one script from the files to tables.

    python benchmarks/plain_script.py DATA_DIR DATABASE_URL

It reads the yearly files of 2017 to 2020 with pandas (openpyxl for workbooks), cleans what the models need, fits the
models that `sqf run` fits, with the same settings and on as many cores, measures them on 2020, runs the study of
2021 its own way, and writes everything with `to_sql` to the schema `plain`. It does not check, explain, resume,
compare or document anything, uses nothing of the package, and is not meant to be kept.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import sqlalchemy
from imblearn.over_sampling import SMOTENC, RandomOverSampler
from imblearn.under_sampling import RandomUnderSampler
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, confusion_matrix, roc_auc_score
from sklearn.preprocessing import StandardScaler

YEARS = (2017, 2018, 2019, 2020)
TEST_YEAR = 2020
NOTHING = {"(null)", "(", "(n", "(nu", "(nul", "#NULL!", "#N/A", "N/A", "NA", "", " ", "nan", "None"}
TARGETS = {"arrest": "SUSPECT_ARRESTED_FLAG", "summons": "SUMMONS_ISSUED_FLAG"}
NUMBERS = [
    "YEAR2", "OBSERVED_DURATION_MINUTES", "STOP_DURATION_MINUTES", "SUSPECT_REPORTED_AGE", "SUSPECT_WEIGHT",
    "STOP_LOCATION_X", "STOP_LOCATION_Y",
]  # fmt: skip
FLAGS = [
    "OFFICER_EXPLAINED_STOP_FLAG", "OFFICER_IN_UNIFORM_FLAG", "FRISKED_FLAG", "SEARCHED_FLAG", "WEAPON_FOUND_FLAG",
    *TARGETS.values(),
]  # fmt: skip
CATEGORIES = [
    "STOP_WAS_INITIATED", "ISSUING_OFFICER_RANK", "SUSPECTED_CRIME_DESCRIPTION", "SUSPECT_SEX",
    "SUSPECT_RACE_DESCRIPTION", "SUSPECT_BODY_BUILD_TYPE", "SUSPECT_EYE_COLOR", "SUSPECT_HAIR_COLOR",
    "STOP_LOCATION_BORO_NAME",
]  # fmt: skip
BINS = {
    "STOP_WAS_INITIATED": ["BASED ON RADIO RUN", "BASED ON SELF INITIATED"],
    "ISSUING_OFFICER_RANK": ["POM", "POF"],
    "SUSPECTED_CRIME_DESCRIPTION": ["ROBBERY", "ASSAULT", "BURGLARY", "PETIT LARCENY", "GRAND LARCENY"],
    "SUSPECT_SEX": ["MALE", "FEMALE"],
    "SUSPECT_RACE_DESCRIPTION": ["BLACK", "WHITE", "WHITE HISPANIC", "BLACK HISPANIC", "ASIAN/PAC.ISL", "AMER IND"],
    "SUSPECT_BODY_BUILD_TYPE": ["MED", "THN"],
    "SUSPECT_EYE_COLOR": ["BLK", "BRO", "BLU"],
    "SUSPECT_HAIR_COLOR": ["BLK", "BLN"],
    "STOP_LOCATION_BORO_NAME": ["BROOKLYN", "MANHATTAN", "BRONX", "QUEENS"],
}
MONTHS = {
    name: number for number, name in enumerate(pd.date_range("2020-01-01", periods=12, freq="MS").month_name(), 1)
}
DAYS = {name: number for number, name in enumerate(pd.date_range("2020-01-06", periods=7).day_name(), 1)}


def read(folder: Path, year: int) -> pd.DataFrame:
    """Return a year as published, every cell as text."""
    for suffix, reader in ((".csv", pd.read_csv), (".xlsx", pd.read_excel)):
        path = folder / f"sqf-{year}{suffix}"
        if path.exists():
            options = {"keep_default_na": False} if suffix == ".csv" else {"engine": "openpyxl", "na_filter": False}
            frame = reader(path, dtype=str, **options)
            break
    else:
        sys.exit(f"There is no sqf-{year}.csv or .xlsx in {folder}.")
    frame.columns = [name.strip().upper().replace(" ", "_") for name in frame.columns]
    frame = frame.rename(columns={"STOP_FRISK_ID": "STOP_ID", "STOP_ID_ANONY": "STOP_ID"})
    frame["FILE_YEAR"] = year
    return frame


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that the models use, typed."""
    raw = raw.apply(lambda column: column if column.name == "FILE_YEAR" else column.astype("string").str.strip())
    raw = raw.mask(raw.isin(NOTHING))
    clean = pd.DataFrame({"FILE_YEAR": raw["FILE_YEAR"], "STOP_ID": raw["STOP_ID"]})
    for name in NUMBERS:
        clean[name] = pd.to_numeric(raw[name], errors="coerce").astype(float)
    feet = raw["SUSPECT_HEIGHT"].str.extract(r"^(\d)(?:\.(\d{1,2}))?$").astype(float)
    clean["SUSPECT_HEIGHT"] = feet[0] * 12 + feet[1].fillna(0)
    time = pd.to_datetime(raw["STOP_FRISK_TIME"], format="mixed", errors="coerce")
    clean["SECONDS"] = time.dt.hour * 3600.0 + time.dt.minute * 60 + time.dt.second
    clean["MONTH2"] = raw["MONTH2"].str.capitalize().map(MONTHS).astype(float)
    clean["DAY2"] = raw["DAY2"].str.capitalize().map(DAYS).astype(float)
    for name in FLAGS:
        clean[name] = (raw[name] == "Y").astype(float)
    for name in CATEGORIES:
        clean[name] = raw[name].str.upper().fillna("UNKNOWN")
    limits = {"SUSPECT_REPORTED_AGE": (6, 100), "SUSPECT_WEIGHT": (40, 450), "OBSERVED_DURATION_MINUTES": (0, 1440)}
    for name, (low, high) in limits.items():
        clean[name] = clean[name].where(clean[name].between(low, high))
    numbers = clean.select_dtypes(float).columns
    clean[numbers] = clean[numbers].fillna(clean[numbers].median())
    return clean


def columns_for(outcome: str) -> list[str]:
    """Return the study's columns, the rival outcome among them."""
    return [
        *NUMBERS,
        "SUSPECT_HEIGHT",
        "SECONDS",
        "MONTH2",
        "DAY2",
        *(f for f in FLAGS if f != TARGETS[outcome]),
        *CATEGORIES,
    ]


def encode(training: pd.DataFrame, test: pd.DataFrame, *, binned: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return training and test stops with categories one-hot, on training's columns."""
    if binned:
        training, test = training.copy(), test.copy()
        for name, kept in BINS.items():
            training[name] = training[name].where(training[name].isin(kept), "OTHER")
            test[name] = test[name].where(test[name].isin(kept), "OTHER")
    encoded = pd.get_dummies(training, columns=CATEGORIES, dtype=float)
    return encoded, pd.get_dummies(test, columns=CATEGORIES, dtype=float).reindex(
        columns=encoded.columns, fill_value=0.0
    )


def resample(method: str, stops: pd.DataFrame, target: pd.Series) -> tuple[pd.DataFrame, pd.Series]:
    """Return training stops with as many positives as negatives."""
    if method == "under":
        return RandomUnderSampler(random_state=1).fit_resample(stops, target)
    if method == "over":
        return RandomOverSampler(random_state=1).fit_resample(stops, target)
    if method == "smotenc":
        categorical = [list(stops.columns).index(name) for name in stops.columns if name in (*FLAGS, *CATEGORIES)]
        return SMOTENC(categorical_features=categorical, random_state=1).fit_resample(stops, target)
    return stops, target


def measures(name: str, actual: pd.Series, score: np.ndarray) -> dict[str, object]:
    """Return the measures of a model on the test year."""
    tn, fp, fn, tp = confusion_matrix(actual, score >= 0.5).ravel()
    return {
        "model": name, "accuracy": (tp + tn) / len(actual), "roc_auc": roc_auc_score(actual, score),
        "average_precision": average_precision_score(actual, score), "brier": brier_score_loss(actual, score),
        "tn": tn, "fp": fp, "fn": fn, "tp": tp,
    }  # fmt: skip


def forest() -> RandomForestClassifier:
    """Return the study's forest, on every core."""
    return RandomForestClassifier(random_state=1, n_jobs=-1)


def fit_models(training: pd.DataFrame, test: pd.DataFrame) -> tuple[list, list, list]:
    """Return measures, importances and predictions of the models."""
    found, importances, predictions = [], [], []
    runs = [
        ("arrest", True, "none"), ("arrest", False, "none"), ("summons", True, "none"), ("summons", False, "none"),
        ("summons", False, "under"), ("summons", False, "under"), ("summons", False, "over"),
        ("summons", False, "smotenc"),
    ]  # fmt: skip
    for number, (outcome, binned, method) in enumerate(runs):
        name = f"{number}-{outcome}-{'binned' if binned else 'finer'}-{method}"
        columns, target = columns_for(outcome), TARGETS[outcome]
        stops, answers = resample(method, training[columns], training[target])
        features, test_features = encode(stops, test[columns], binned=binned)
        model = forest().fit(features, answers)
        score = model.predict_proba(test_features)[:, 1]
        found.append(measures(name, test[target], score))
        importances.append(
            pd.DataFrame({"model": name, "feature": features.columns, "importance": model.feature_importances_})
        )
        predictions.append(
            pd.DataFrame({"model": name, "stop_id": test["STOP_ID"], "score": score, "actual": test[target]})
        )
    return found, importances, predictions


def study(training: pd.DataFrame, test: pd.DataFrame) -> list:
    """Return the measures of the study's own way: a scaler a split, a regression and a forest an outcome."""
    found = []
    for outcome, target in TARGETS.items():
        features, test_features = encode(training[columns_for(outcome)], test[columns_for(outcome)], binned=True)
        scaler = StandardScaler().fit(features)
        scaled, scaled_test = scaler.transform(features), StandardScaler().fit_transform(test_features)
        for model in (LogisticRegression(), forest()):
            model.fit(scaled, training[target])
            name = f"study-{outcome}-{type(model).__name__}"
            found.append(measures(name, test[target], model.predict_proba(scaled_test)[:, 1]))
            found.append(
                measures(f"{name}-one-scaler", test[target], model.predict_proba(scaler.transform(test_features))[:, 1])
            )
    return found


def main() -> None:
    """Read, clean, fit, measure and write."""
    folder, url = Path(sys.argv[1]), sys.argv[2]
    raw = {year: read(folder, year) for year in YEARS}
    stops = clean(pd.concat(raw.values(), ignore_index=True))
    training, test = stops[stops["FILE_YEAR"] < TEST_YEAR], stops[stops["FILE_YEAR"] == TEST_YEAR]
    found, importances, predictions = fit_models(training, test)
    found += study(training, test)
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA IF NOT EXISTS plain")
        tables = {
            "stops": pd.concat(raw.values(), ignore_index=True),
            "metrics": pd.DataFrame(found),
            "importances": pd.concat(importances),
            "predictions": pd.concat(predictions),
        }
        for name, table in tables.items():
            table.to_sql(name, connection, schema="plain", if_exists="replace", index=False)
    print(pd.DataFrame(found).round(4).to_string(index=False))


if __name__ == "__main__":
    main()
