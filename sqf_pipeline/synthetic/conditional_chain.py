"""The chain of conditional distributions: every variable is drawn given those before it, by a multinomial logit.

The draws are the same on every machine: only uniform numbers are used, scores are whole numbers, and their
exponentials come from a table of rounded values, so that no rounding of a processor or a library enters.
"""

import json
import math
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sqf_pipeline.registry.forms.published_forms import OLD_FORM, forms
from sqf_pipeline.registry.year_and_month_words import FIRST_YEAR

Codes = NDArray[np.int64]
Columns = dict[str, NDArray[np.object_]]
Texts = NDArray[np.object_]
Uniforms = NDArray[np.float64]

LAST_OLD_YEAR: int = forms()[OLD_FORM].last_year or FIRST_YEAR
"""The last year of the old form (UF-250), which has aggregates of its own."""

NULL = "NULL"  # in the aggregates: nothing was recorded

_LIMIT = 3000
_EXPONENTIALS = np.array([float(f"{math.exp(score / 100):.12e}") for score in range(-_LIMIT, _LIMIT + 1)])


@cache
def _read_aggregates(name: str) -> dict[str, Any]:
    table: dict[str, Any] = json.loads(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))
    return table


def load_aggregates(year: int = LAST_OLD_YEAR + 1) -> dict[str, Any]:
    """Return the aggregates of a year's form; see `about` in them. They are shared: do not change them."""
    return _read_aggregates("old_form_aggregates.json" if year <= LAST_OLD_YEAR else "aggregates.json")


def measured_year(years: Iterable[str], year: int) -> str:
    """Return the one of the measured years after which a year is drawn: the last not after it, else the first."""
    first, *others = years
    return max((other for other in others if int(other) <= year), default=first)


def of_year(key: str, year: int) -> Any:
    """Return the part of the aggregates under a key after which a year is drawn."""
    table = load_aggregates(year)[key]
    return table[measured_year(table, year)]


def pick(table: Mapping[Any, float], uniforms: Uniforms) -> Texts:
    """Return one key of a table for each uniform number in [0, 1), with probability proportional to its weight."""
    cumulated = np.cumsum(list(table.values()), dtype=np.float64)
    chosen = np.searchsorted(cumulated, uniforms * cumulated[-1], side="right")
    return np.array(list(table), dtype=object)[np.minimum(chosen, len(table) - 1)]


def carry(values: Any, shares: NDArray[np.bool_]) -> Any:
    """Return the values; a stop that shares takes the value of the stop before it, which may share too."""
    return values[np.maximum.accumulate(np.where(shares, 0, np.arange(len(shares))))]


def draw_variables(year: int, precincts: Texts, follows: NDArray[np.bool_], rng: np.random.Generator) -> Columns:
    """Return every variable of the aggregates as text, (rows,) objects each; `NULL` where nothing was recorded.

    `precincts` are those of the stops as text, or `NULL`, (rows,) objects; `follows` says which stop continues the
    incident of the one before it, (rows,) boolean.
    """
    table, places = load_aggregates(year), load_aggregates()["places"]
    levels = table["levels"]
    known: dict[str, Any] = {
        "year": [measured_year(levels["year"], year)] * len(follows),
        "precinct": precincts,
        "patrol_borough": [places[p][0] if p in places else NULL for p in precincts],
        "grouped": np.where(follows | np.append(follows[1:], False), "Y", "N"),
    }
    codes: dict[str, Codes] = {}  # the place of each stop's class, -1 where the variable does not exist
    classes = {name: [*levels[name], NULL] for name in known}
    for name, values in known.items():
        lookup = {level: place for place, level in enumerate(levels[name])}
        codes[name] = np.array([lookup.get(value, -1) for value in values], dtype=np.int64)
    for variable in table["variables"]:
        # Persons of one incident share the draw in so many of a hundred stops.
        uniforms, shares = rng.random((2, len(follows)))
        uniforms = carry(uniforms, follows & (shares * 100 < variable["shared"]))
        drawn = _classes_by_logit(variable, codes, uniforms, levels)
        for parent, allowed in variable["when"].items():
            drawn = np.where(np.isin(codes[parent], [classes[parent].index(level) for level in allowed]), drawn, -1)
        codes[variable["name"]], classes[variable["name"]] = drawn, [*variable["classes"], variable["otherwise"]]
        for name, derived in table["derived"].items():
            if derived["of"] == variable["name"]:
                of_class = [levels[name].index(derived["map"][value]) for value in variable["classes"]]
                codes[name], classes[name] = np.array(of_class, dtype=np.int64)[drawn], [*levels[name], NULL]
    return {name: np.array(classes[name], dtype=object)[codes[name]] for name in codes}


def _classes_by_logit(
    variable: dict[str, Any], codes: dict[str, Codes], uniforms: Uniforms, levels: dict[str, list[str]]
) -> Codes:
    """Return the drawn class of each stop: softmax of the intercept plus the effect of every parent's level."""
    width = len(variable["classes"]) - 1
    if not width:
        return np.zeros(len(uniforms), dtype=np.int64)
    scores = np.tile(np.array(variable["intercepts"], dtype=np.int64), (len(uniforms), 1))
    for parent, flat in variable["effects"].items():
        effects = np.array(flat, dtype=np.int64).reshape(-1, width)
        # The last row is for a level that has no effect of its own; position -1 finds it.
        scores += np.vstack([effects, np.zeros((1, width), dtype=np.int64)])[_parent_codes(codes, parent, levels)]
    weights = np.ones((len(uniforms), width + 1))
    weights[:, 1:] = _EXPONENTIALS[np.clip(scores, -_LIMIT, _LIMIT) + _LIMIT]
    cumulated = np.cumsum(weights, axis=1)
    chosen = (cumulated <= (uniforms * cumulated[:, -1])[:, None]).sum(axis=1)
    return np.minimum(chosen, width).astype(np.int64)


def _parent_codes(codes: dict[str, Codes], parent: str, levels: dict[str, list[str]]) -> Codes:
    """Return the level of a parent; `a*b` is a product of two, counted in the order of a, then b."""
    if "*" not in parent:
        return codes[parent]
    first, second = (codes[name] for name in parent.split("*"))
    width = len(levels[parent.split("*")[1]])
    return np.where((first < 0) | (second < 0), -1, first * width + second)
