"""What each metric is called, where and with how many digits it is shown, and which way is better: `metrics.csv`."""

from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

from sqf_pipeline.registry.csv_tables import read_rows

Place = Literal["summary", "home", "ranking", "probabilities", "page", "compared", "report"]
"""Where metrics are shown: the card's first table, the home page, the card's two tables, the analysis page, differences
between models, and `sqf report`."""
_Better = Literal["higher", "lower", "nearest"]


@dataclass(frozen=True)
class Metric:
    """A metric; `better` is `higher`, `lower`, or `nearest` (to `ideal`, which is None where there is none)."""

    name: str
    title: str
    short: str
    digits: int
    shown_in: tuple[Place, ...]
    better: _Better
    ideal: float | None
    description: str


@cache
def load_metrics() -> dict[str, Metric]:
    """Return every metric by name, in the order in which tables show them.

    Raises
    ------
    ValueError
        When a row names a place or a direction that there is not.
    """
    return {row["name"]: _metric(row) for row in read_rows(__package__, "metrics.csv")}


def _metric(row: dict[str, str]) -> Metric:
    places = [place for place in get_args(Place) if place in row["shown_in"].split()]
    better = next((way for way in get_args(_Better) if way == row["better"]), None)
    if better is None or set(places) != set(row["shown_in"].split()):
        raise ValueError(
            f"metrics.csv, {row['name']}: expected places among {get_args(Place)} and a direction among "
            f"{get_args(_Better)}, found {row['shown_in']!r} and {row['better']!r}"
        )
    return Metric(
        name=row["name"], title=row["title"], short=row["short"], digits=int(row["digits"]), shown_in=tuple(places),
        better=better, ideal=float(row["ideal"]) if row["ideal"] else None, description=row["description"],
    )  # fmt: skip


def metrics_in(place: Place) -> tuple[Metric, ...]:
    """Return the metrics that are shown in a place, in order."""
    return tuple(metric for metric in load_metrics().values() if place in metric.shown_in)
