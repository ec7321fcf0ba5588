"""Contracts of stops: as published, clean, merged for training, set aside for testing.

Every contract is strict about columns, coerces types, and is validated lazily, so that one run reports every failure.
"""

import pandas as pd
import pandera.pandas as pa

from sqf_pipeline.cleaning.stop_identifiers import PLAIN_IDENTIFIER, parse_identifier
from sqf_pipeline.registry.columns import Column, columns_by_name, load_columns
from sqf_pipeline.registry.forms.published_forms import NEW_FORM, Form, forms
from sqf_pipeline.registry.kinds import DTYPES

KEY = ["year", "stop_id"]  # ids are unique within a year only

_HAS_ROWS = pa.Check(lambda frame: len(frame) > 0, name="has_rows")


def raw_stops_contract(form: Form | None = None) -> pa.DataFrameSchema:
    """Return the contract of stops as published: text in known columns, a number of its own for every stop.

    The form of the file, that in use if None, says what columns there are and which must be.
    """
    form = form or forms()[NEW_FORM]
    columns = {
        entry.name: pa.Column(
            "str" if entry.kind == "identifier" else "category",
            required=form.requires(entry.name),
            nullable=False,
            description=entry.description,
            checks=_raw_checks(entry),
        )
        for entry in load_columns()
        if entry.name in form.columns
    }
    columns["form"] = pa.Column(
        "category",
        required=False,
        nullable=False,
        checks=pa.Check.isin([form.name]),
        description=columns_by_name()["form"].description,
    )
    return pa.DataFrameSchema(
        columns, strict=True, coerce=True, checks=[_HAS_ROWS], name="raw_stops", unique_column_names=True
    )


def _raw_checks(entry: Column) -> list[pa.Check]:
    if entry.kind != "identifier":
        return [pa.Check(lambda texts: pd.api.types.is_string_dtype(texts.cat.categories), name="is_text")]
    return [
        pa.Check(lambda ids: _whole_numbers(ids).notna(), name="id_is_a_whole_number"),
        pa.Check(lambda ids: ~_repeats(ids), name="id_is_unique_within_its_year"),
    ]


def _repeats(ids: pd.Series) -> pd.Series:
    numbers = _whole_numbers(ids)
    return numbers.notna() & numbers.duplicated(keep="first")


def _whole_numbers(ids: pd.Series) -> pd.Series:
    return ids if ids.str.fullmatch(PLAIN_IDENTIFIER).all() else ids.map(parse_identifier)


def stops_contract(
    *, years: range | tuple[int, ...] | None = None, expected_rows: int | None = None
) -> pa.DataFrameSchema:
    """Return the contract of clean stops: of exactly these years, and as many as went into cleaning."""
    checks = [
        _HAS_ROWS,
        # pandera's own `unique` fails inside itself on frames whose index repeats
        pa.Check(lambda frame: ~frame.duplicated(KEY), name="key_is_unique"),
        pa.Check(_place_is_whole, name="degrees_where_there_are_feet"),
    ]
    if years is not None:
        named = f"holds_exactly_the_years_{'_'.join(map(str, sorted(years)))}"
        checks.append(pa.Check(lambda frame: set(frame["year"].dropna().astype(int)) == set(years), name=named))
    if expected_rows is not None:
        checks.append(
            pa.Check(lambda frame: len(frame) == expected_rows, name=f"as_many_rows_as_published_{expected_rows}")
        )
    return pa.DataFrameSchema(
        {entry.name: _clean_column(entry) for entry in load_columns()},
        strict=True,
        ordered=True,
        coerce=True,
        checks=checks,
        name="stops",
        unique_column_names=True,
    )


def _clean_column(entry: Column) -> pa.Column:
    checks = []
    if entry.minimum is not None or entry.maximum is not None:
        checks.append(pa.Check.in_range(_or(entry.minimum, float("-inf")), _or(entry.maximum, float("inf"))))
    if entry.kind == "category":
        checks.append(
            pa.Check(lambda texts: (texts == texts.str.strip().str.upper()) & (texts != ""), name="one_spelling")
        )
    if entry.kind == "identifier":
        checks.append(pa.Check(lambda ids: ids.str.fullmatch(r"[1-9][0-9]*"), name="digits_without_leading_zeros"))
    return pa.Column(
        DTYPES[entry.kind],
        nullable=entry.name not in KEY,
        checks=checks,
        description=entry.description,
        metadata={"unit": entry.unit, "known": entry.known},
    )


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def _place_is_whole(frame: pd.DataFrame) -> pd.Series:
    known = frame[["x_feet", "y_feet", "longitude", "latitude"]].notna()
    return (known["x_feet"] & known["y_feet"]) == (known["longitude"] & known["latitude"])
