"""The SQL of the views for the questions people ask, and of the tables that they read: templates, filled in."""

from typing import Any

from sqf_pipeline.registry.columns import load_columns
from sqf_pipeline.registry.declared_tables import declared_tables
from sqf_pipeline.registry.residents import WARNING, census_group
from sqf_pipeline.warehouse.stop_counts import COUNTED_TOGETHER, GROUPS, MEASURES, counted_by, value_of

RESIDENTS_BY = (("precinct", "race"), ("precinct",), ("race",))
"""What stops are counted by in the views for 1,000 residents, besides the year."""
_COUNTED = {
    "stops": "Persons stopped.",
    "frisks": "Persons frisked.",
    "force": "Persons on whom any physical force was marked, handcuffs among it, verbal instruction not.",
    "arrests": "Persons arrested.",
}


def views_script() -> str:
    """Return the SQL of every view, with unqualified names: it runs with the schema as search path."""
    return _filled(
        "views.sql.j2",
        columns=load_columns(),
        tables=declared_tables(),
        by_groups=(None, *GROUPS),
        measures=MEASURES,
        counted_by=counted_by,
        value_of=value_of,
        residents_by=RESIDENTS_BY,
        census_group=census_group(),
        counted=_COUNTED,
        warning=WARNING,
    )


def counting_sql(schema: str, year: int | None = None) -> str:
    """Return the SQL that counts the stops of a year anew, or of all years."""
    chosen = "true" if year is None else f"year = {int(year)}"
    told = {"groups": GROUPS, "measures": MEASURES, "counted_together": COUNTED_TOGETHER}
    return _filled("stop_counts.sql.j2", schema=schema, chosen=chosen, **told)


def packing_sql(schema: str, year: int | None = None) -> str:
    """Return the SQL that replaces the predictions of a test year, or of all, by the rows of `predictions_staged`."""
    return _filled("packing.sql.j2", schema=schema, chosen="true" if year is None else f"test_year = {int(year)}")


def _filled(template: str, **told: Any) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("sqf_pipeline", "warehouse"), undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, autoescape=False,  # noqa: S701 - SQL, of our own tables
    )  # fmt: skip
    environment.filters["quoted"] = lambda text: "'" + text.replace("'", "''") + "'"
    return environment.get_template(template).render(told)
