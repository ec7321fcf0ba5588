"""The place of a stop on a form: a precinct of a list or a point of a map, and what it says of a model's fields."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqf_pipeline.registry.columns import column
from sqf_pipeline.registry.words import category_label
from sqf_pipeline.service.analysis_table import AnalysisTable
from sqf_pipeline.service.encoding import Value

PLACES_TABLE = "places"  # name of the export's table of places
AXES = ("x_feet", "y_feet")
NEED_A_PLACE = frozenset({"precinct", *AXES})
"""A model that uses one of these fields is asked with a map."""
PLACE_FIELDS = NEED_A_PLACE | {"patrol_borough", "borough"}  # the fields that a place settles
_NUMBER = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+(?:\.[0-9]*)?")


@dataclass(frozen=True)
class Places:
    """The parts of precincts that an export knows: `precinct`, `x_feet`, `y_feet`, `stops`, and the boroughs."""

    parts: tuple[dict[str, Any], ...]

    @cached_property
    def precincts(self) -> dict[str, dict[str, Any]]:
        """The fields of each precinct by its number, with the mean of its coordinates and its `stops`."""
        found: dict[str, dict[str, Any]] = {}
        for part in self.parts:
            sums = found.setdefault(str(part["precinct"]), part | dict.fromkeys((*AXES, "stops"), 0))
            sums["stops"] += part["stops"]
            for axis in AXES:
                sums[axis] += part[axis] * part["stops"]
        return {
            number: sums | {axis: float(round(sums[axis] / sums["stops"])) for axis in AXES}
            for number, sums in found.items()
        }

    @cached_property
    def default(self) -> str:
        """The precinct of the most stops."""
        return max(self.precincts, key=lambda number: self.precincts[number]["stops"])

    @cached_property
    def choices(self) -> dict[str, list[str]]:
        """The precincts by the words for their borough."""
        groups: dict[str, list[str]] = {}
        for number, fields in self.precincts.items():
            borough = fields.get("borough")
            groups.setdefault(category_label("borough", borough) if borough else "Elsewhere", []).append(number)
        return dict(sorted(groups.items()))

    def read(self, precinct: str, point: str) -> tuple[str, Mapping[str, Value]]:
        """Return the precinct and the fields that it settles, none for an empty one; a point goes before a precinct.

        Raises ValueError, with a message for people, for a precinct that is not among the choices.
        """
        if not point:
            if precinct and precinct not in self.precincts:
                raise ValueError("Choose one of the values offered.")
            return precinct, self.precincts.get(precinct, {})
        x_feet, y_feet = read_point(point)
        nearest = min(self.parts, key=lambda part: (part["x_feet"] - x_feet) ** 2 + (part["y_feet"] - y_feet) ** 2)
        precinct = str(nearest["precinct"])
        return precinct, self.precincts[precinct] | {"x_feet": x_feet, "y_feet": y_feet}


def places_of(table: AnalysisTable | None) -> Places | None:
    """Return the places of an export's table; None where the export has none."""
    if table is None or not table.rows:
        return None
    names = [entry.name for entry in table.columns]
    return Places(tuple(dict(zip(names, row, strict=True)) for row in table.rows))


def read_point(text: str) -> tuple[float, float]:
    """Return the coordinates that a text such as `1012000, 187000` names, in feet; raises ValueError for any other."""
    numbers = [float(found.replace(",", "")) for found in _NUMBER.findall(text)]
    ends = [((axis := column(name)).minimum or 0, axis.maximum or 0) for name in AXES]
    inside = [low <= number <= high for number, (low, high) in zip(numbers, ends, strict=False)]
    if len(numbers) != len(ends) or not all(inside) or _NUMBER.sub("", text).strip(" ,;"):
        east, north = (f"{low:.0f} to {high:.0f}" for low, high in ends)
        raise ValueError(f"Enter two numbers in feet, east ({east}) and north ({north}), such as 1012000, 187000.")
    return numbers[0], numbers[1]
