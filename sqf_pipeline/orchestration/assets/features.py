"""Clean stops to what models are fitted on and measured with, by test year.

What belongs here: the assets `training_stops` and `test_stops`, the encoder and the encoded features. What does
not: how a column is encoded (`modelling`).
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pandas as pd

from sqf_pipeline.orchestration.assets.labels import FRAMES, described
from sqf_pipeline.orchestration.checks import gate_spec, through_gate
from sqf_pipeline.orchestration.partitions import (
    SAME_YEAR,
    TEST_YEARS,
    TRAINING_WINDOW,
    in_year_order,
    training_years,
)

_GROUP = "features"
_CONTRACT = ("contracts/stops.py", "nypd/columns.csv")


@dg.asset(
    partitions_def=TEST_YEARS,
    ins={"stops": dg.AssetIn(partition_mapping=TRAINING_WINDOW)},
    check_specs=[gate_spec("training_stops", "Exactly the three years before the test year, none of them empty.")],
    description="Clean stops of the three years before the test year, earliest first.",
    **described(_GROUP, FRAMES, _CONTRACT, personal=True),
)
def training_stops(context: dg.AssetExecutionContext, stops: dict[str, pd.DataFrame]) -> Iterator[Any]:
    """Merge the training years of a test year."""
    from sqf_pipeline.contracts.stops import training_stops_contract

    test_year = int(context.partition_key)
    years = training_years(test_year)
    merged = pd.concat(in_year_order(stops, years), ignore_index=True)
    yield from through_gate(
        training_stops_contract(test_year), merged, asset="training_stops", metadata=_outcomes(merged)
    )


@dg.asset(
    partitions_def=TEST_YEARS,
    ins={"stops": dg.AssetIn(partition_mapping=SAME_YEAR)},
    check_specs=[gate_spec("test_stops", "Exactly the test year, and not empty.")],
    description="Clean stops of the test year, which no model sees before it is measured.",
    **described(_GROUP, FRAMES, _CONTRACT, personal=True),
)
def test_stops(context: dg.AssetExecutionContext, stops: pd.DataFrame) -> Iterator[Any]:
    """Set the stops of the test year aside."""
    from sqf_pipeline.contracts.stops import test_stops_contract

    test_year = int(context.partition_key)
    yield from through_gate(test_stops_contract(test_year), stops, asset="test_stops", metadata=_outcomes(stops))


def _outcomes(stops: pd.DataFrame) -> dict[str, Any]:
    return {
        f"{name}_{answer}": int(count)
        for name in ("arrested", "summons_issued")
        for answer, count in (
            ("yes", stops[name].sum()),
            ("no", (~stops[name]).sum()),
            ("unknown", stops[name].isna().sum()),
        )
    }


__all__ = ["test_stops", "training_stops"]
