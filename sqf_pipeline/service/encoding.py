"""From one stop's fields to the numbers a model takes, without pandas or scikit-learn.

What belongs here: the stored form of an encoder and its application to plain dictionaries. What does not:
finding out what a fitted encoder does (`encoding_probe`), and validation of what a client sent (`schemas`).
"""

from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

Value = bool | int | float | str | None
"""What a field holds in JSON; None means that it is not known."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=True, ser_json_inf_nan="strings")


class EncodedNumber(_Strict):
    """A column that holds `scale * value + offset`, or `missing` where the value is not known."""

    kind: Literal["number"] = "number"
    column: int = Field(ge=0)
    field: str
    scale: float = 1.0
    offset: float = 0.0
    missing: float


class EncodedLookup(_Strict):
    """A column that holds one number per known category; flags are looked up as `true` and `false`."""

    kind: Literal["lookup"] = "lookup"
    column: int = Field(ge=0)
    field: str
    values: dict[str, float]
    unknown: float
    missing: float


class Encoding(_Strict):
    """Every column of a model's input; a column that depends on no field is constant.

    `width` is the number of columns; `constant` holds their values before any field is written.
    """

    width: int = Field(gt=0)
    constant: tuple[float, ...]
    numbers: tuple[EncodedNumber, ...] = ()
    lookups: tuple[EncodedLookup, ...] = ()


def lookup_key(value: Value) -> str:
    """Return the key under which a category, code or flag is looked up: `true`, `false` or its text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


class RowEncoder:
    """Turn dictionaries of fields into the float32 matrix of shape (stops, width) that the fast model takes.

    All columns of a category are written at once: for each field a dictionary from category to a short row of
    numbers is made when the encoder is made, so that a stop costs one look-up and one assignment a field.
    """

    def __init__(self, encoding: Encoding) -> None:
        self._constant = np.asarray(encoding.constant, dtype=np.float32)
        if len(self._constant) != encoding.width:
            raise ValueError(f"the encoding has {encoding.width} columns but {len(self._constant)} constants")
        self._numbers = tuple((entry.column, entry.field, entry) for entry in encoding.numbers)
        by_field: dict[str, list[EncodedLookup]] = {}
        for entry in encoding.lookups:
            by_field.setdefault(entry.field, []).append(entry)
        self._lookups = tuple(_compile(field, entries) for field, entries in by_field.items())

    def encode(self, stops: Iterable[Mapping[str, Value]]) -> np.ndarray:
        """Return the matrix of some stops; a field that is absent or None counts as not known."""
        stops = list(stops)
        matrix = np.empty((len(stops), len(self._constant)), dtype=np.float32)
        matrix[:] = self._constant
        for row, stop in zip(matrix, stops, strict=True):
            for column, field, number in self._numbers:
                value = stop.get(field)
                row[column] = number.missing if value is None else number.scale * float(value) + number.offset
            for field, columns, rows, unknown, missing in self._lookups:
                value = stop.get(field)
                row[columns] = missing if value is None else rows.get(lookup_key(value), unknown)
        return matrix


_Compiled = tuple[str, np.ndarray | slice, dict[str, np.ndarray], np.ndarray, np.ndarray]


def _compile(field: str, entries: list[EncodedLookup]) -> _Compiled:
    entries = sorted(entries, key=lambda entry: entry.column)
    numbers = [entry.column for entry in entries]
    adjacent = numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    columns = slice(numbers[0], numbers[-1] + 1) if adjacent else np.asarray(numbers)
    keys = dict.fromkeys(key for entry in entries for key in entry.values)
    rows = {
        key: np.asarray([entry.values.get(key, entry.unknown) for entry in entries], dtype=np.float32) for key in keys
    }
    unknown = np.asarray([entry.unknown for entry in entries], dtype=np.float32)
    missing = np.asarray([entry.missing for entry in entries], dtype=np.float32)
    return field, columns, rows, unknown, missing


__all__ = ["EncodedLookup", "EncodedNumber", "Encoding", "RowEncoder", "Value", "lookup_key"]
