"""What stands for a field that is not known at the stop: every value that training stops have, by their shares."""

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import Field, FiniteFloat, model_validator

from sqf_pipeline.service.encoding import Strict, Value


class DrawnFields(Strict):
    """The complete descriptions of training stops, as `modelling.drawn_descriptions` keeps them.

    `fields` are those whose gaps a model never sees; `cut_to_tens` those of them that are numbers; `descriptions`
    the distinct values they have together, and `stops` how many training stops have each. No training stop has
    a value of the fields in `empty`, so one that is given is not used.
    """

    fields: tuple[str, ...]
    cut_to_tens: tuple[str, ...] = ()
    descriptions: tuple[tuple[bool | int | FiniteFloat | str, ...], ...]
    stops: tuple[int, ...] = Field(min_length=1)
    empty: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> "DrawnFields":
        if len(self.stops) != len(self.descriptions) or min(self.stops) < 1:
            raise ValueError("each description needs the number of its training stops, one at least")
        if any(len(values) != len(self.fields) for values in self.descriptions):
            raise ValueError("each description needs a value for each field")
        return self


class GapFiller:
    """Turns stops with gaps into every way to fill them; safe to share between threads."""

    def __init__(self, drawn: DrawnFields) -> None:
        self._drawn = drawn
        self._ways: dict[tuple[str, ...], list[tuple[dict[str, Value], float]]] = {(): [({}, 1.0)]}

    def spread(self, stops: Sequence[Mapping[str, Value]]) -> tuple[list[dict[str, Value]], np.ndarray, np.ndarray]:
        """Return rows without gaps, the place of the stop that each is of, and its weight (a stop's sum to 1)."""
        rows: list[dict[str, Value]] = []
        places: list[int] = []
        weights: list[float] = []
        for place, stop in enumerate(stops):
            cut = dict(stop)
            for name in self._drawn.cut_to_tens:
                value = cut.get(name)
                if isinstance(value, int | float):
                    cut[name] = value // 10 * 10
            for name in self._drawn.empty:
                cut[name] = None
            missing = tuple(name for name in self._drawn.fields if cut.get(name) is None)
            for values, weight in self._ways_to_fill(missing):
                rows.append(cut | values)
                places.append(place)
                weights.append(weight)
        return rows, np.asarray(places, dtype=np.intp), np.asarray(weights)

    def _ways_to_fill(self, missing: tuple[str, ...]) -> list[tuple[dict[str, Value], float]]:
        if missing not in self._ways:
            places = [self._drawn.fields.index(name) for name in missing]
            counts: dict[tuple[Value, ...], int] = {}
            for values, stops in zip(self._drawn.descriptions, self._drawn.stops, strict=True):
                key = tuple(values[place] for place in places)
                counts[key] = counts.get(key, 0) + stops
            total = sum(self._drawn.stops)
            self._ways[missing] = [
                (dict(zip(missing, key, strict=True)), count / total) for key, count in counts.items()
            ]
        return self._ways[missing]
