"""Columns made from those of the stops by rules in a table: age bands, combined groups, other projects' names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, reduce
from typing import Annotated

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BeforeValidator

from sqf_pipeline.evaluation.subgroups import AGE_BANDS, AGE_EDGES
from sqf_pipeline.registry.columns import column
from sqf_pipeline.registry.csv_tables import Number, Words, read_rows, records
from sqf_pipeline.registry.kinds import arrow_type

RECODINGS = {row["name"]: row["table"] for row in read_rows(__package__, "recodings.csv")}
"""Name of a recoding to its table."""

_OTHERS, _SAME, _KNOWN = "*", "*", "?"


@dataclass(frozen=True)
class Rule:
    """How one column is made."""

    name: str  # of the new column
    kind: str  # a word of the registry's
    how: str
    """`copy`; `constant`; `values` (category to category; `*` stands for any other, and on the right for itself, an
    empty left side for null); `clock` (seconds to HH:MM); `bands` (years to age bands); `any` (of several flags);
    `first` (the value of the first flag that is set; the source `*` always is); `joined` (the values of all flags that
    are set)."""
    sources: Words  # columns of the stops
    values: Annotated[tuple[str, ...], BeforeValidator(lambda cell: tuple(cell.split("|")))]
    """What the new column may hold, one a source, or pairs."""
    only_when: str  # a new column that must be true, or known when it ends in `?`; null elsewhere
    minimum: Number
    maximum: Number
    """Outside these a number is null."""
    description: str

    def declared(self) -> dict[str, str]:
        """Return the column as tables declare theirs; see `registry.declared_tables`."""
        ends = ["" if end is None else f"{end:.15g}" for end in (self.minimum, self.maximum)]
        rule = "digits" if self.kind == "identifier" else "..".join(ends) if any(ends) else ""
        null = "" if self.how == "constant" or self.name in {"year", "stop_id"} else "yes"
        declared = {"column": self.name, "kind": self.kind, "null": null, "rule": rule, "comment": self.description}
        if len(self.sources) == 1 and self.how != "constant":  # what holds of the source holds of what is made of it
            source = column(self.sources[0])
            declared |= {"comparable": source.comparable, "usage_warning": source.usage_warning}
        return declared


@cache
def load_rules(table: str) -> tuple[Rule, ...]:
    """Return the rules of a table of this folder, in its order."""
    return records(({**row, "sources": row["from"]} for row in read_rows(__package__, table)), Rule)


def recoded(batch: pa.RecordBatch, rules: tuple[Rule, ...]) -> pa.RecordBatch:
    """Return the columns that rules make of stops, in the order of the rules: as many rows, null where none gives one.

    `batch` has stops with the registry's columns, in the types of the warehouse.
    """
    made = {rule.name: _within(rule, _HOW[rule.how](rule, batch).cast(arrow_type(rule.kind))) for rule in rules}
    # conditions may rest on columns that have conditions themselves: in the order of the table
    for rule in (rule for rule in rules if rule.only_when):
        condition = made[rule.only_when.removesuffix(_KNOWN)]
        holds = condition.is_valid() if rule.only_when.endswith(_KNOWN) else condition.fill_null(False)
        made[rule.name] = pc.if_else(holds, made[rule.name], pa.scalar(None, made[rule.name].type))
    return pa.record_batch({rule.name: made[rule.name] for rule in rules})


def _within(rule: Rule, values: pa.Array) -> pa.Array:
    for end, outside in ((rule.minimum, pc.less), (rule.maximum, pc.greater)):
        if end is not None:
            values = pc.if_else(outside(values, end).fill_null(False), pa.scalar(None, values.type), values)
    return values


def _flags(rule: Rule, batch: pa.RecordBatch) -> list[pa.Array]:
    return [
        pa.repeat(True, len(batch)) if name == _OTHERS else batch.column(name).fill_null(False) for name in rule.sources
    ]


def _values(rule: Rule, batch: pa.RecordBatch) -> pa.Array:
    pairs = dict(pair.split("=") for pair in rule.values)  # noqa: PD011
    others = pairs.pop(_OTHERS, None)
    null = pairs.pop("", None)

    def one(value: str | None) -> str | None:
        if value is None:
            return null
        return pairs.get(value, value if others == _SAME else others)

    return pa.array([one(value) for value in batch.column(rule.sources[0]).to_pylist()], pa.string())


def _clock(rule: Rule, batch: pa.RecordBatch) -> pa.Array:
    seconds = batch.column(rule.sources[0]).to_pylist()
    return pa.array([None if s is None else f"{s // 3600:02d}:{s // 60 % 60:02d}" for s in seconds], pa.string())


def _bands(rule: Rule, batch: pa.RecordBatch) -> pa.Array:
    years = batch.column(rule.sources[0]).to_pandas()
    return pa.Array.from_pandas(
        pd.cut(years, AGE_EDGES, right=False, labels=AGE_BANDS).astype("string"), type=pa.string()
    )


def _first(rule: Rule, batch: pa.RecordBatch) -> pa.Array:
    result = pa.nulls(len(batch), pa.string())
    for flag, value in reversed(list(zip(_flags(rule, batch), rule.values, strict=True))):
        result = pc.if_else(flag, pa.scalar(value), result)
    return result


def _joined(rule: Rule, batch: pa.RecordBatch) -> pa.Array:
    rows = zip(*(flags.to_pylist() for flags in _flags(rule, batch)), strict=True)
    texts = ["|".join(value for flag, value in zip(row, rule.values, strict=True) if flag) for row in rows]
    return pa.array([text or None for text in texts], pa.string())


_HOW: Mapping[str, Callable[[Rule, pa.RecordBatch], pa.Array]] = {
    "copy": lambda rule, batch: batch.column(rule.sources[0]),
    "constant": lambda rule, batch: pa.repeat(rule.values[0], len(batch)),  # noqa: PD011
    "any": lambda rule, batch: reduce(pc.or_kleene, (batch.column(name) for name in rule.sources)),
    "values": _values, "clock": _clock, "bands": _bands, "first": _first, "joined": _joined,
}  # fmt: skip
