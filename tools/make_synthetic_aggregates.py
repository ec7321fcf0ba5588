"""Make the table of aggregates from which synthetic years are drawn.

    SQF_DATA_DIR=... python tools/make_synthetic_aggregates.py [target.json]

It reads the published files of 2017 to 2020 and writes counts and effects that rest on at least ten stops each:
no row, no address, no coordinate of a stop and no free text beyond common words leaves the files. Run it when the
published files change; the result is committed and the package never needs the real files.
"""

import json
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from drawn_variable import DERIVED, Variable
from fit_conditionals import SMALLEST_CELL, fit_logit
from synthetic_variables import VARIABLES, WORDS, latent_year

from sqf_pipeline.cleaning.misaligned_rows import repair_shifted_rows
from sqf_pipeline.ingest.reader import read_published_file
from sqf_pipeline.registry.spellings import known_categories, normalise_text, null_spellings

YEARS = (2017, 2018, 2019, 2020)
NULL_SHARES = (*WORDS, "zip_code")
NOTHING = null_spellings() - {"NONE"}
"""What is read as nothing; NONE is, too, but is written as a word among others, and stays one in the sample."""
"""Columns of which a share is missing by chance."""
NOT_WORDS = {*known_categories("suspected_crime")}
"""In 2017 the demeanor column of some stops repeats the suspected crime; that is drawn, not a word."""
TARGET = Path(__file__).resolve().parents[1] / "sqf_pipeline" / "synthetic" / "aggregates.json"


def counts(values: Iterable[str], smallest: int = SMALLEST_CELL) -> dict[str, int]:
    """Return how often each value occurs, without those that occur fewer than `smallest` times, sorted by value.

    Counts are rounded to fives, so that what was left out cannot be found by subtracting them from a total.
    """
    table = pd.Series(list(values), dtype=object).value_counts()
    return {str(v): 5 * round(int(table[v]) / 5) for v in sorted(table.index, key=str) if table[v] >= smallest}


def load(folder: Path) -> tuple[dict[int, pd.DataFrame], dict[int, list[str]]]:
    """Return the text frames as published, and the published headers, both by year."""
    frames, headers = {}, {}
    for year in YEARS:
        path = next(p for p in (folder / f"sqf-{year}.csv", folder / f"sqf-{year}.xlsx") if p.exists())
        raw = read_published_file(path, year)
        frames[year] = raw.frame.astype(str)
        headers[year] = list(raw.published_names.values())
    return frames, headers


def companions(latent: pd.DataFrame) -> pd.Series:
    """Return whether a stop continues the one before it in the file: same day, time and place."""
    keys = ["_date", "_time", "_x", "_y"]
    same = pd.Series(data=True, index=latent.index)
    for key in keys:
        same &= latent[key].eq(latent[key].shift()) & (latent[key] != "")
    return same


def incidents(follows: pd.Series) -> dict[str, int]:
    """Return how many incidents have one person, two, and so on; rare sizes are left out."""
    sizes = (~follows).cumsum().value_counts()
    return counts(sizes.map(str))


def shared(values: pd.Series, follows: pd.Series, also: pd.Series) -> int:
    """Return in hundredths how much more than by chance a stop equals the one before it in the same incident."""
    pairs = follows & also
    agreement = float((values == values.shift())[pairs].mean()) if pairs.any() else 0.0
    chance = float((values[also].value_counts(normalize=True) ** 2).sum())
    return int(np.clip(round(100 * (agreement - chance) / max(1 - chance, 1e-9)), 0, 100))


def fit_variables(
    latent: pd.DataFrame, variables: tuple[Variable, ...]
) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    """Return the fitted variables in drawing order, and the levels of every parent."""
    order: dict[str, list[str]] = {"year": sorted(set(latent["year"])), "grouped": ["N", "Y"]}
    for name, (source, mapping) in DERIVED.items():
        order[name] = list(dict.fromkeys(mapping.values())) if mapping else list(counts(latent[name]))
        latent[name] = latent[name] if not mapping else latent[source].map(mapping)
    order["precinct"] = list(counts(latent["precinct"]))
    fitted = []
    for variable in variables:
        rows = pd.Series(data=True, index=latent.index)
        for parent, levels in variable.when.items():
            rows &= latent[parent].isin(levels)
        table = counts(latent.loc[rows, variable.name])
        table.pop("", None)  # read as neither a class nor nothing: left out of the fit
        classes = sorted(table, key=lambda value, table=table: (-table[value], value))
        order[variable.name] = classes
        result = fit_logit(
            latent.loc[rows, variable.name].tolist(),
            pd.DataFrame({p: product(latent.loc[rows], p, order) for p in variable.parents if p in order or "*" in p}),
            classes,
            order,
            variable.stretch,
        )
        entry = {
            "name": variable.name,
            "classes": classes,
            "when": variable.when,
            "otherwise": variable.otherwise,
            "shared": variable.companions(
                shared(latent[variable.name], latent["_follows"], rows & rows.shift(fill_value=False))
            ),
            **result,
        }
        fitted.append(entry)
        print(f"{variable.name:32s} {len(classes):3d} classes {len(result['effects']):3d} parents", flush=True)
    used = {p for entry in fitted for name in entry["effects"] for p in name.split("*")}
    return fitted, {name: order[name] for name in order if name in used}


def product(latent: pd.DataFrame, parent: str, order: dict[str, list[str]]) -> pd.Series:
    """Return the levels of a parent; those of a product `a*b` are joined by `|` and added to the order."""
    if "*" not in parent:
        return latent[parent]
    first, second = parent.split("*")
    order[parent] = [f"{a}|{b}" for a in order[first] for b in order[second]]
    return latent[first] + "|" + latent[second]


def places(latent: pd.DataFrame) -> dict[str, list[Any]]:
    """Return for each precinct: patrol borough, borough, commonest zip code, centre and spread of X and Y in feet."""
    table = {}
    for precinct, rows in latent[latent["precinct"] != "NULL"].groupby("precinct"):
        if len(rows) < SMALLEST_CELL:
            continue
        x, y = (pd.to_numeric(rows[name], errors="coerce").dropna() for name in ("_x", "_y"))
        spread = [round(float((v - v.median()).abs().median()) * 1.4826 / 100) * 100 for v in (x, y)]
        zips = counts(rows["_zip"].loc[lambda z: z.str.fullmatch(r"1\d{4}")])
        table[str(precinct)] = [
            rows["patrol_borough"].mode()[0],
            rows["_borough"].mode()[0],
            max(zips, key=lambda code: (zips[code], code)) if zips else "",
            round(float(x.median()) / 100) * 100,
            round(float(y.median()) / 100) * 100,
            *spread,
        ]
    return table


def within(latent: pd.DataFrame, band: str, exact: str) -> dict[str, dict[str, int]]:
    """Return for each band the counts of the exact whole numbers in it."""
    return {
        str(level): table
        for level, rows in latent.groupby(band)
        if level not in {"", "NULL"} and (table := counts(rows[exact].loc[lambda v: v.str.fullmatch(r"\d+")]))
    }


def nulls(frames: dict[int, pd.DataFrame]) -> tuple[dict[str, dict[str, dict[str, int]]], dict[str, dict[str, int]]]:
    """Return how nothing is spelled, in hundredths, and the share of nothing in some columns, in thousandths.

    Both by year and column. No counts: one less than all would tell how few stops have a rare mark.
    """
    weights: dict[str, dict[str, dict[str, int]]] = {}
    shares: dict[str, dict[str, int]] = {}
    for year, frame in frames.items():
        weights[str(year)], shares[str(year)] = {}, {}
        for name in frame.columns:
            found = frame[name][frame[name].map(normalise_text).isin(NOTHING)]
            if table := counts(found):
                total = sum(table.values())
                weights[str(year)][name] = {text: max(1, round(100 * n / total)) for text, n in table.items()}
            if name in NULL_SHARES:
                shares[str(year)][name] = round(1000 * len(found) / len(frame))
    return weights, shares


def words(frames: dict[int, pd.DataFrame]) -> dict[str, dict[str, int]]:
    """Return the common words of the free texts: pooled over years, letters only, said in many stops."""
    result = {}
    for name, (smallest, most, pattern) in WORDS.items():
        texts = pd.concat([frame[name] for frame in frames.values() if name in frame])
        texts = texts[
            ~texts.map(normalise_text).isin(NOTHING) & texts.map(lambda t, p=pattern: bool(re.fullmatch(p, t)))
        ]
        table = {word: number for word, number in counts(texts, smallest).items() if word not in NOT_WORDS}
        result[name] = dict(sorted(table.items(), key=lambda item: (-item[1], item[0]))[:most])
    return result


def commands(latent: pd.DataFrame) -> dict[str, dict[str, dict[str, int]]]:
    """Return kind of command -> patrol borough -> counts of command codes."""
    result: dict[str, dict[str, dict[str, int]]] = {}
    for kind, rows in latent.groupby("command_kind"):
        if kind in {"own", "NULL"}:
            continue
        boroughs = {str(b): counts(r["_command"]) for b, r in rows.groupby("patrol_borough")}
        result[str(kind)] = {"*": counts(rows["_command"]), **{b: t for b, t in boroughs.items() if t and b != "NULL"}}
    return result


def by_year(latent: pd.DataFrame, name: str) -> dict[str, dict[str, int]]:
    """Return year -> counts of a variable."""
    return {str(year): counts(rows[name]) for year, rows in latent.groupby("year")}


def write_table(
    table: dict[str, Any], variables: list[dict[str, Any]], levels: dict[str, list[str]], target: Path
) -> None:
    """Write the aggregates as JSON, a line a key and a variable; what `fit_variables` returned comes last."""
    derived = {name: {"of": source, "map": mapping} for name, (source, mapping) in DERIVED.items() if mapping}
    table = {**table, "derived": derived, "levels": levels, "variables": variables}
    lines = []
    for key, value in table.items():
        if key == "variables":
            body = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in value)
            lines.append(f'"{key}":[\n{body}\n]')
        else:
            lines.append(f'"{key}":{json.dumps(value, separators=(",", ":"))}')
    target.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{target}: {target.stat().st_size:,} bytes")


def main() -> None:
    """Read the published files, fit, and write the table."""
    folder = Path(os.environ["SQF_DATA_DIR"])
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    frames, headers = load(folder)
    mended = {year: repair_shifted_rows(frame)[0] for year, frame in frames.items()}
    latent = pd.concat([latent_year(frame, year) for year, frame in mended.items()], ignore_index=True)
    latent["_follows"] = companions(latent)
    latent["grouped"] = np.where(latent["_follows"] | latent["_follows"].shift(-1, fill_value=False), "Y", "N")
    boroughs = places(latent)
    latent["patrol_borough"] = latent["precinct"].map({p: row[0] for p, row in boroughs.items()}).fillna("NULL")
    variables, levels = fit_variables(latent, VARIABLES)
    null_weights, null_shares = nulls(frames)
    table = {
        "about": "Aggregate figures of NYPD's published stop files of 2017 to 2020; no figure rests on fewer than "
        f"{SMALLEST_CELL} stops. Counts are rounded to fives; effects are hundredths of a logit, nulls hundredths and "
        "null_shares thousandths. Made by tools/make_synthetic_aggregates.py.",
        "rows": {str(year): len(frame) for year, frame in frames.items()},
        "headers": {str(year): names for year, names in headers.items()},
        "nulls": null_weights,
        "null_shares": null_shares,
        "incidents": {str(year): incidents(rows["_follows"]) for year, rows in latent.groupby("year")},
        "precincts": by_year(latent, "precinct"),
        "months": by_year(latent, "_month"),
        "weekdays": by_year(latent, "_weekday"),
        "places": boroughs,
        "minutes": counts(latent["_minute"]),
        "commands": commands(latent),
        "exact": {
            "suspect_age": within(latent, "age_band", "_age"),
            "suspect_weight_pounds": within(latent, "weight_band", "_weight"),
            "observed_duration_minutes": within(latent, "observed_band", "_observed"),
            "stop_duration_minutes": within(latent, "duration_band", "_duration"),
        },
        # In 2017 a sector is missing where the whole place is, which is drawn with the precinct.
        "sectors": {
            str(year): {text: n for text, n in counts(frame["sector"]).items() if year > YEARS[0] or text.isalpha()}
            for year, frame in frames.items()
        },
        "demeanor_codes": {str(year): counts(frame["demeanor_code"]) for year, frame in frames.items()},
        "words": words(frames),
    }
    write_table(table, variables, levels, target)


if __name__ == "__main__":
    main()
