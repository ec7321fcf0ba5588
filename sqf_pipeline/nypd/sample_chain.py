"""Drawing stops from the table of aggregates, variable after variable.

What belongs here: the table, and the draw of every variable given those before it (a multinomial logit with whole
hundredths as effects). What does not: how a value is spelled in a year's file (`sample_layout`), places
(`sample_places`), junk (`sample_quirks`), and how the table is made (`tools/make_sample_aggregates.py`).

The draws are the same on every machine: only uniform numbers are used, scores are whole numbers, and their
exponentials come from a table of rounded values, so that no rounding of a processor or a library enters.
"""

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]
Uniforms = NDArray[np.float64]

LAST_YEAR = 2020
"""Later years are drawn like this one, the last that the aggregates cover."""

FIRST_YEAR = 2017
"""The form in use began with this year."""

NULL = "NULL"
"""In the table: nothing was recorded."""

_LIMIT = 3000
_EXPONENTIALS = np.array([float(f"{math.exp(score / 100):.12e}") for score in range(-_LIMIT, _LIMIT + 1)])


@cache
def load_aggregates() -> dict[str, Any]:
    """Return the table of aggregates; see `about` in it. It is shared: do not change it."""
    text = resources.files(__package__).joinpath("sample_aggregates.json").read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return table


def model_year(year: int) -> str:
    """Return the year of the aggregates after which `year` is drawn, as text."""
    return str(min(year, LAST_YEAR))


def generator(seed: int, *names: int) -> np.random.Generator:
    """Return the stream of random numbers that belongs to a seed and names (year, chunk, ...)."""
    return np.random.default_rng(np.random.SeedSequence([seed, *names]))


def pick(weights: Any, uniforms: Uniforms) -> Codes:
    """Return one position a uniform number in [0, 1), with probability proportional to the weights."""
    cumulated = np.cumsum(np.asarray(weights, dtype=np.float64))
    chosen = np.searchsorted(cumulated, uniforms * cumulated[-1], side="right")
    return np.minimum(chosen, len(cumulated) - 1)


def pick_text(table: dict[str, int], uniforms: Uniforms) -> NDArray[np.object_]:
    """Return one key of a table of counts a uniform number, by probability."""
    return np.array(list(table), dtype=object)[pick(list(table.values()), uniforms)]


def carry(values: Any, shares: NDArray[np.bool_]) -> Any:
    """Return the values, each stop that shares taking the value of the stop before it (which may share too)."""
    places = np.where(shares, 0, np.arange(len(shares)))
    return values[np.maximum.accumulate(places)]


@dataclass
class Drawn:
    """Stops under way: for each variable the position of its class, -1 where it does not exist.

    Attributes
    ----------
    year
        Year of the aggregates after which the stops are drawn.
    follows
        Whether a stop continues the incident of the stop before it, (rows,) boolean.
    codes
        Variable or parent to (rows,) positions.
    classes
        Variable to its classes.
    otherwise
        Variable to the text that stands where it does not exist.
    """

    year: str
    follows: NDArray[np.bool_]
    codes: dict[str, Codes]
    classes: dict[str, list[str]]
    otherwise: dict[str, str]

    def texts(self, name: str) -> NDArray[np.object_]:
        """Return a variable as text, (rows,) objects; `NULL` where nothing was recorded."""
        return np.array([*self.classes[name], self.otherwise.get(name, NULL)], dtype=object)[self.codes[name]]

    def is_yes(self, name: str) -> NDArray[np.bool_]:
        """Return whether a flag is Y, (rows,) boolean."""
        return self.texts(name) == "Y"


def start(year: int, precincts: NDArray[np.object_], follows: NDArray[np.bool_]) -> Drawn:
    """Return stops of which only year, place and companions are known.

    Parameters
    ----------
    year
        Calendar year.
    precincts
        Precinct of each stop as text, or `NULL`.
    follows
        Whether a stop continues the incident of the one before it.
    """
    table = load_aggregates()
    levels, places = table["levels"], table["places"]
    grouped = follows | np.append(follows[1:], False)
    known = {
        "year": np.full(len(follows), model_year(year), dtype=object),
        "precinct": precincts,
        "patrol_borough": np.array([places[p][0] if p in places else NULL for p in precincts], dtype=object),
        "grouped": np.where(grouped, "Y", "N").astype(object),
    }
    codes = {name: _positions(values, levels[name]) for name, values in known.items()}
    return Drawn(model_year(year), follows, codes, {name: levels[name] for name in known}, {})


def _positions(values: NDArray[np.object_], levels: list[str]) -> Codes:
    lookup = {level: place for place, level in enumerate(levels)}
    return np.array([lookup.get(value, -1) for value in values], dtype=np.int64)


def draw_variables(drawn: Drawn, rng: np.random.Generator) -> Drawn:
    """Draw every variable of the table in its order, and return the same object filled."""
    table = load_aggregates()
    for variable in table["variables"]:
        uniforms = rng.random(len(drawn.follows))
        shares = drawn.follows & (rng.random(len(drawn.follows)) * 100 < variable["shared"])
        codes = _draw(variable, drawn, carry(uniforms, shares))
        for parent, levels in variable["when"].items():
            allowed = [place for place, level in enumerate(drawn.classes[parent]) if level in levels]
            codes = np.where(np.isin(drawn.codes[parent], allowed), codes, -1)
        drawn.codes[variable["name"]] = codes
        drawn.classes[variable["name"]] = variable["classes"]
        drawn.otherwise[variable["name"]] = variable["otherwise"]
        for name, derived in table["derived"].items():
            if derived["of"] == variable["name"]:
                levels = table["levels"][name]
                of_class = [levels.index(derived["map"][value]) for value in variable["classes"]]
                drawn.codes[name] = np.array(of_class, dtype=np.int64)[codes]
                drawn.classes[name] = levels
    return drawn


def _draw(variable: dict[str, Any], drawn: Drawn, uniforms: Uniforms) -> Codes:
    """Return the drawn class of each stop: softmax of intercept plus the effect of every parent's level."""
    width = len(variable["classes"]) - 1
    if not width:
        return np.zeros(len(uniforms), dtype=np.int64)
    scores = np.tile(np.array(variable["intercepts"], dtype=np.int64), (len(uniforms), 1))
    for parent, flat in variable["effects"].items():
        effects = np.array(flat, dtype=np.int64).reshape(-1, width)
        # The last row is for a level that has no effect of its own; position -1 finds it.
        scores += np.vstack([effects, np.zeros((1, width), dtype=np.int64)])[_parent_codes(drawn, parent)]
    weights = np.ones((len(uniforms), width + 1))
    weights[:, 1:] = _EXPONENTIALS[np.clip(scores, -_LIMIT, _LIMIT) + _LIMIT]
    cumulated = np.cumsum(weights, axis=1)
    chosen = (cumulated <= (uniforms * cumulated[:, -1])[:, None]).sum(axis=1)
    return np.minimum(chosen, width).astype(np.int64)


def _parent_codes(drawn: Drawn, parent: str) -> Codes:
    """Return the level of a parent; `a*b` is a product of two, counted in the order of a, then b."""
    if "*" not in parent:
        return drawn.codes[parent]
    first, second = (drawn.codes[name] for name in parent.split("*"))
    width = len(load_aggregates()["levels"][parent.split("*")[1]])
    return np.where((first < 0) | (second < 0), -1, first * width + second)


__all__ = [
    "FIRST_YEAR", "LAST_YEAR", "NULL", "Codes", "Drawn", "Uniforms", "carry", "draw_variables", "generator",
    "load_aggregates", "model_year", "pick", "pick_text", "start",
]  # fmt: skip
