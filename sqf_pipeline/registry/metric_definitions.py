"""What each metric is called, where and with how many digits it is shown, and which way is better: `metrics.csv`."""

from dataclasses import dataclass
from functools import cache
from typing import Annotated, Literal

from pydantic import BeforeValidator

from sqf_pipeline.registry.csv_tables import Number, read_rows, records

Place = Literal["summary", "home", "ranking", "probabilities", "page", "compared", "report"]
"""Where metrics are shown: the card's first table, the home page, the card's two tables, the analysis page, differences
between models, and `sqf report`."""


@dataclass(frozen=True)
class Metric:
    """A metric; `better` is `higher`, `lower`, or `nearest` (to `ideal`, which is None where there is none)."""

    name: str
    title: str
    short: str
    digits: int
    shown_in: Annotated[tuple[Place, ...], BeforeValidator(str.split)]
    better: Literal["higher", "lower", "nearest"]
    ideal: Number
    description: str


@cache
def load_metrics() -> dict[str, Metric]:
    """Return every metric by name, in the order in which tables show them."""
    return {metric.name: metric for metric in records(read_rows(__package__, "metrics.csv"), Metric)}


def metrics_in(place: Place) -> tuple[Metric, ...]:
    """Return the metrics that are shown in a place, in order."""
    return tuple(metric for metric in load_metrics().values() if place in metric.shown_in)
