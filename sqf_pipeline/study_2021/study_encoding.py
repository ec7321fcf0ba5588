"""The columns of the 2021 study, encoded its own way from text as published, its faults included.

The faults of the encoding, each kept on purpose:

- Times lose their AM or PM, which moves every afternoon stop of 2017 by twelve hours.
- Heights, weights and ages are read by their digits alone: 5 ft 10 in is 510 in 2017 and 51 later, where 6 ft is 6.
- What is missing or unreadable is 0, a place included.
- Flags are numbered by the alphabet in each split on its own: one stray bracket in the training years makes
  N = 1 and Y = 2 there, while the test year has N = 0 and Y = 1.
- As an outcome, a flag that is not N is a yes; a summons nobody knows of becomes the 1,040th.
- Months and weekdays are numbered by the alphabet (April = 0, Friday = 0).
- The year and the other outcome are features.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

NUMBERS = ("year", "observed_duration_minutes", "stop_duration_minutes", "x_feet", "y_feet")
DIGITS = ("suspect_age", "suspect_height_inches", "suspect_weight_pounds")
FLAGS = (
    "officer_explained_stop", "arrested", "summons_issued", "officer_in_uniform", "frisked", "searched",
    "weapon_found",
)  # fmt: skip
OTHER = "other"
BINS: Mapping[str, Mapping[str, str]] = {
    "initiated_by": {"Based on Radio Run": "radio_run", "Based on Self Initiated": "self_initiated"},
    "issuing_officer_rank": {"POM": "pom", "POF": "pof"},
    "suspected_crime": {
        "ROBBERY": "robbery", "ASSAULT": "assault", "BURGLARY": "burglary", "PETIT LARCENY": "larceny",
        "GRAND LARCENY": "larceny",
    },
    "suspect_sex": {"MALE": "male", "FEMALE": "female"},
    "suspect_race": {
        "BLACK": "black", "WHITE": "white", "WHITE HISPANIC": "white_hispanic", "BLACK HISPANIC": "black_hispanic",
        "ASIAN/PAC.ISL": "asian_pacific", "ASIAN / PACIFIC ISLANDER": "asian_pacific",
        "AMER IND": "american_indian", "AMERICAN INDIAN/ALASKAN N": "american_indian",
        "AMERICAN INDIAN/ALASKAN NATIVE": "american_indian",
    },
    "suspect_build": {"MED": "medium", "THN": "thin"},
    "suspect_eye_color": {"BLK": "black", "BRO": "brown", "BLU": "blue"},
    "suspect_hair_color": {"BLK": "black", "BLN": "blond"},
    "borough": {"BROOKLYN": "brooklyn", "MANHATTAN": "manhattan", "BRONX": "bronx", "QUEENS": "queens"},
}  # fmt: skip
"""Spelling as published to the study's bin; every other spelling is `other`."""

ORDER = (
    "year", "month", "weekday", "initiated_by", "issuing_officer_rank", "observed_duration_minutes",
    "suspected_crime", "stop_duration_minutes", "officer_explained_stop", "arrested", "summons_issued",
    "officer_in_uniform", "frisked", "searched", "weapon_found", "suspect_age", "suspect_sex", "suspect_race",
    "suspect_height_inches", "suspect_weight_pounds", "suspect_build", "suspect_eye_color", "suspect_hair_color",
    "x_feet", "y_feet", "borough", "stop_time_seconds",
)  # fmt: skip
"""The study's 26 published columns and its seconds of the day, in its order; bins go to the end."""


def encode_split(raw: pd.DataFrame) -> pd.DataFrame:
    """Return the study's 54 encoded columns (float64, both outcomes among them) of one split.

    `raw` holds the text of all years of the split, under our names; a column that the files lack counts as
    empty. Flags, months and weekdays are numbered within the split, as the study did.
    """
    plain: dict[str, pd.Series] = {}
    dummies: dict[str, pd.Series] = {}
    for name in ORDER:
        texts = texts_of(raw, name)
        if name in BINS:
            bins = BINS[name]
            binned = texts.map(bins).fillna(OTHER)
            for label in sorted({*bins.values(), OTHER}):
                dummies[f"{name}_{label}"] = (binned == label).astype(float)
        elif name in DIGITS:
            plain[name] = _numbers(texts.str.replace(r"\D", "", regex=True))
        elif name in NUMBERS:
            plain[name] = _numbers(texts)
        elif name == "stop_time_seconds":
            plain[name] = _seconds_without_half_of_day(texts)
        else:
            plain[name] = label_codes(texts)
    return pd.DataFrame({**plain, **dummies})


def texts_of(raw: pd.DataFrame, name: str) -> pd.Series:
    """Return a column's text, without a missing value; empty text when the files lack the column."""
    if name not in raw:
        return pd.Series("", index=raw.index, dtype="str")
    return raw[name].astype(str).fillna("")


def label_codes(texts: pd.Series) -> pd.Series:
    """Return the place of each text in the alphabetical list of the texts of the split."""
    places = {text: float(place) for place, text in enumerate(sorted(texts.unique()))}
    return texts.map(places).astype(float)


def outcome_of(raw: pd.DataFrame, column: str) -> np.ndarray:
    """Return the outcome as the study had it, int8: whatever is not N is a yes."""
    return (texts_of(raw, column) != "N").to_numpy(dtype=np.int8)


def flags_on_codes_of(test: pd.DataFrame, raw_test: pd.DataFrame, raw_training: pd.DataFrame) -> pd.DataFrame:
    """Return `test` with its flags numbered as in training, which undoes the split-wise numbering alone."""
    repaired = test.copy()
    for name in FLAGS:
        places = {text: float(p) for p, text in enumerate(sorted(texts_of(raw_training, name).unique()))}
        repaired[name] = texts_of(raw_test, name).map(places).fillna(places.get("N", 0.0)).astype(float)
    return repaired


def _numbers(texts: pd.Series) -> pd.Series:
    return pd.to_numeric(texts, errors="coerce").fillna(0.0).astype(float)


def _seconds_without_half_of_day(texts: pd.Series) -> pd.Series:
    parts = texts.str.extract(r"(\d+):(\d+):(\d+)").apply(pd.to_numeric).fillna(0.0)
    return (parts[0] * 3600 + parts[1] * 60 + parts[2]).astype(float)
