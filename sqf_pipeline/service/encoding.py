"""From one stop's fields to the numbers a model takes, by tables and without pandas or scikit-learn."""

from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

Value = bool | int | float | str | None  # what a field holds in JSON; None means that it is not known


class Strict(BaseModel):
    """A part of an export as it is read: nothing unknown in it, and never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=True, ser_json_inf_nan="strings")


class NumberColumn(Strict):
    """A number or flag in column `column`, `missing` where it is not known; `marked`: the next column then holds 1."""

    field: str
    column: int = Field(ge=0)
    missing: float
    marked: bool = False


class CategoryColumns(Strict):
    """A category or code, as one column each from `column` on, or as its place among the known ones in one column.

    `places` has the place of each text; `other` is that of every other text and `missing` that of a gap, -1 for no
    place: all columns then stay 0, or the one column holds `unseen`.
    """

    kind: Literal["one_hot", "ordinal"]
    field: str
    column: int = Field(ge=0)
    places: dict[str, int]
    other: int
    missing: int
    unseen: float = -1.0


class Encoding(Strict):
    """The `width` columns of a model's input; a column that no field writes holds 0."""

    width: int = Field(gt=0)
    numbers: tuple[NumberColumn, ...] = ()
    categories: tuple[CategoryColumns, ...] = ()


class RowEncoder:
    """Turn dictionaries of fields into the float32 matrix of shape (stops, width) that the fast model takes."""

    def __init__(self, encoding: Encoding) -> None:
        self._width = encoding.width
        self._numbers = tuple((entry.field, entry.column, entry.missing, entry.marked) for entry in encoding.numbers)
        self._categories = tuple(
            (entry.field, entry.column, entry.places, entry.other, entry.missing, entry.kind == "one_hot", entry.unseen)
            for entry in encoding.categories
        )

    def encode(self, stops: Iterable[Mapping[str, Value]]) -> np.ndarray:
        """Return the matrix of some stops; a field that is absent or None counts as not known."""
        stops = list(stops)
        matrix = np.zeros((len(stops), self._width), dtype=np.float32)
        for row, stop in zip(matrix, stops, strict=True):
            for field, column, unknown, marked in self._numbers:
                value = stop.get(field)
                if value is not None:
                    row[column] = value
                    continue
                row[column] = unknown
                if marked:
                    row[column + 1] = 1.0
            for field, column, places, other, missing, one_hot, unseen in self._categories:
                value = stop.get(field)
                place = missing if value is None else places.get(str(value), other)
                if not one_hot:
                    row[column] = unseen if place < 0 else place
                elif place >= 0:
                    row[column + place] = 1.0
        return matrix
