"""Contracts of the numbers that a model is fitted on, and of the scores and measures that it gets."""

import numpy as np
import pandas as pd
import pandera.pandas as pa

from sqf_pipeline.registry.columns import load_columns
from sqf_pipeline.registry.declared_tables import declared_columns


def outcome_made_columns() -> frozenset[str]:
    """Return the columns that are filled because of an outcome and so may never be a feature."""
    return frozenset(entry.name for entry in load_columns() if entry.known in {"outcome_made", "record"})


def features_contract(names: list[str], targets: tuple[str, ...], rows: int) -> pa.DataFrameSchema:
    """Return the contract of the encoded features of so many stops.

    `names` are the features that the encoder says it makes, `targets` the outcomes that stand before them.
    """
    made_by_outcome = outcome_made_columns()
    told = {entry.name: entry.description for entry in load_columns()}
    finite = [pa.Check(np.isfinite, name="is_finite")]
    columns: dict[str, pa.Column] = {
        "year": pa.Column("Int16", nullable=False, description=told["year"]),
        "stop_id": pa.Column("string", nullable=False, description=told["stop_id"]),
        **{name: pa.Column("boolean", nullable=True, description=told.get(name)) for name in targets},
    }
    columns |= {
        name: pa.Column("float32", nullable=False, checks=finite, description=told.get(_source_of(name)))
        for name in names
    }

    def no_outcome_made(frame: pd.DataFrame) -> bool:
        features = [str(name) for name in frame.columns if name not in {"year", "stop_id", *targets}]
        return not {_source_of(name) for name in features} & made_by_outcome

    return pa.DataFrameSchema(
        columns,
        strict=True,
        coerce=True,
        unique=["year", "stop_id"],
        checks=[
            pa.Check(lambda frame: len(frame) == rows, name=f"one_row_a_stop_{rows}"),
            pa.Check(no_outcome_made, name="no_column_made_by_an_outcome"),
        ],
        name="features",
    )


def _source_of(feature: str) -> str:
    """Return the column of stops from which an encoded feature comes."""
    return feature.split("=", maxsplit=1)[0].rsplit("__", maxsplit=1)[-1]


def predictions_contract(test_year: int, rows: int) -> pa.DataFrameSchema:
    """Return the contract of predictions: per model and test stop a probability and what happened."""
    probability = [pa.Check.in_range(0.0, 1.0)]

    def complete(frame: pd.DataFrame) -> bool:
        return bool((frame.groupby("model").size() == rows).all())

    return pa.DataFrameSchema(
        {
            "test_year": pa.Column("Int16", nullable=False, checks=[pa.Check.eq(test_year)]),
            "model": pa.Column("string", nullable=False),
            "year": pa.Column("Int16", nullable=False, checks=[pa.Check.eq(test_year)]),
            "stop_id": pa.Column("string", nullable=False),
            "score": pa.Column(float, nullable=False, checks=probability),
            "probability": pa.Column(float, nullable=False, checks=probability),
            "actual": pa.Column("boolean", nullable=True),
            "source": pa.Column("string", nullable=False),
        },
        strict=True,
        coerce=True,
        unique=["model", "year", "stop_id"],
        checks=[pa.Check(complete, name=f"every_model_scores_every_stop_{rows}")],
        name="predictions",
    )


def metrics_contract(test_year: int) -> pa.DataFrameSchema:
    """Return the contract of model measures: shares between 0 and 1, counts that add up."""
    share = pa.Column(float, nullable=True, required=False, checks=[pa.Check.in_range(0.0, 1.0)])
    shares = [row["column"] for row in declared_columns("model_metrics") if row["rule"] == "0..1"]
    return pa.DataFrameSchema(
        {
            "test_year": pa.Column("Int16", nullable=False, checks=[pa.Check.eq(test_year)]),
            "model": pa.Column("string", nullable=False, unique=True),
            "test_rows": pa.Column("Int64", nullable=False, checks=[pa.Check.gt(0)]),
            "test_positives": pa.Column("Int64", nullable=False, checks=[pa.Check.ge(0)]),
            **dict.fromkeys(shares, share),
        },
        strict=False,
        coerce=True,
        checks=[
            pa.Check(lambda frame: frame["test_positives"] <= frame["test_rows"], name="no_more_positives_than_rows")
        ],
        name="model_metrics",
    )
