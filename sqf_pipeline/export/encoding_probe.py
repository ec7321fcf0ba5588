"""What a fitted encoder does to each field, written down as numbers.

What belongs here: asking an encoder about every category and a few numbers, one field at a time, and keeping its
answers. What does not: any knowledge of how an encoder is made; the export compares whole predictions afterwards,
so an encoder that cannot be described in this way is refused, never served wrongly.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sqf_pipeline.errors import SqfError
from sqf_pipeline.service.encoding import EncodedLookup, EncodedNumber, Encoding, Value
from sqf_pipeline.service.manifest import FieldSpec

if TYPE_CHECKING:
    import pandas as pd

UNSEEN = "A CATEGORY NOBODY HAS SEEN"
_UNSEEN_CODE = 2_000_000_011
"""An integer code that no column holds: a prime above every published code."""

DTYPES = {"number": "Float64", "integer": "Int32", "code": "Int32", "category": "string", "flag": "boolean"}


def frame_of_fields(stops: Sequence[dict[str, Value]], fields: Sequence[FieldSpec]) -> "pd.DataFrame":
    """Return stops given as dictionaries as a frame with the registry's dtypes; absent values are missing.

    A code's text becomes the integer that the registry keeps.
    """
    import pandas as pd

    columns = {}
    for spec in fields:
        values = [stop.get(spec.name) for stop in stops]
        if spec.kind == "code":
            values = [None if value is None else int(value) for value in values]
        columns[spec.name] = pd.array(values, dtype=DTYPES[spec.kind])
    return pd.DataFrame(columns)


def describe_encoding(transform: Callable[["pd.DataFrame"], np.ndarray], fields: Sequence[FieldSpec]) -> Encoding:
    """Return what `transform` does, found by changing one field at a time.

    Parameters
    ----------
    transform
        The fitted steps before the model: frame of fields -> numbers of shape (stops, columns).
    fields
        The fields with their categories and ranges.

    Raises
    ------
    SqfError
        When a column depends on two fields, or on a number other than by `scale * value + offset`.
    """
    blank: dict[str, Value] = {spec.name: None for spec in fields}
    probes: list[tuple[FieldSpec, list[Value]]] = [(spec, _probe_values(spec)) for spec in fields]
    stops = [blank, *({**blank, spec.name: value} for spec, values in probes for value in values)]
    answers = np.asarray(transform(frame_of_fields(stops, fields)), dtype=np.float64)
    constant = answers[0]
    owner: dict[int, str] = {}
    numbers: list[EncodedNumber] = []
    lookups: list[EncodedLookup] = []
    start = 1
    for spec, values in probes:
        block = answers[start : start + len(values)]
        start += len(values)
        changed = ~((block == constant) | (np.isnan(block) & np.isnan(constant))).all(axis=0)
        for column in np.flatnonzero(changed).tolist():
            if column in owner:
                raise SqfError(
                    f"Column {column} of the encoder depends on both {owner[column]} and {spec.name}; the export "
                    "can serve encoders whose columns depend on one field each."
                )
            owner[column] = spec.name
            if spec.kind in ("number", "integer") or _is_number(spec, values, block[:, column]):
                numbers.append(_number(spec, column, values, block[:, column], float(constant[column])))
            else:
                lookups.append(_lookup(spec, column, values, block[:, column], float(constant[column])))
    return Encoding(
        width=answers.shape[1], constant=tuple(constant.tolist()), numbers=tuple(numbers), lookups=tuple(lookups)
    )


def _is_number(spec: FieldSpec, values: list[Value], answers: np.ndarray) -> bool:
    """Return whether an encoder takes a code as the number that it is written with."""
    if spec.kind != "code" or not spec.categories:
        return False
    return np.array_equal(answers, np.asarray(values, dtype=np.float32).astype(np.float64))


def _probe_values(spec: FieldSpec) -> list[Value]:
    if spec.kind == "flag":
        return [True, False]
    if spec.kind == "category":
        return [*(category.value for category in spec.categories), UNSEEN]
    if spec.kind == "code":
        return [*(int(category.value) for category in spec.categories), _UNSEEN_CODE]
    low = 0.0 if spec.minimum is None else spec.minimum
    high = low + 1000.0 if spec.maximum is None else spec.maximum
    places = np.linspace(low, high, 9).tolist()
    return [round(place) for place in places] if spec.kind == "integer" else list(places)


def _number(spec: FieldSpec, column: int, values: list[Value], answers: np.ndarray, missing: float) -> EncodedNumber:
    inputs = np.asarray(values, dtype=np.float64)
    scale = float((answers[-1] - answers[0]) / (inputs[-1] - inputs[0]))
    scale = 1.0 if abs(scale - 1) < 1e-9 else scale
    offset = float(answers[0] - scale * inputs[0])
    offset = 0.0 if abs(offset) < 1e-6 else offset
    if not np.allclose(scale * inputs + offset, answers, rtol=1e-6, atol=1e-6):
        raise SqfError(
            f"Column {column} of the encoder follows {spec.name} neither directly nor by a scale and an offset; "
            "the export can serve numbers that are taken as they are, scaled or shifted."
        )
    return EncodedNumber(column=column, field=spec.name, scale=scale, offset=offset, missing=missing)


def _lookup(spec: FieldSpec, column: int, values: list[Value], answers: np.ndarray, missing: float) -> EncodedLookup:
    if spec.kind == "flag":
        known = {"true": float(answers[0]), "false": float(answers[1])}
        return EncodedLookup(column=column, field=spec.name, values=known, unknown=missing, missing=missing)
    unknown = float(answers[-1])
    known = {
        str(value): float(answer)
        for value, answer in zip(values[:-1], answers[:-1].tolist(), strict=True)
        if answer != unknown
    }
    return EncodedLookup(column=column, field=spec.name, values=known, unknown=unknown, missing=missing)


__all__ = ["DTYPES", "describe_encoding", "frame_of_fields"]
