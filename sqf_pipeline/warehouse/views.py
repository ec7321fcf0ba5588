"""The views for the questions people ask, as one SQL script."""

from dataclasses import dataclass
from importlib import resources

from sqf_pipeline.registry.outcomes import OUTCOME_ENTRIES, OutcomeEntry


def _happened(entry: OutcomeEntry) -> str:
    """Return the SQL of whether an outcome happened: recorded, or marked; the same as `registry.outcomes.happened`."""
    first, *marks = entry.positive
    return f"({' OR '.join([first, *(f'coalesce({name}, false)' for name in marks)])})"


_COUNTS = ",\n".join(
    [
        "    count(*) AS stops",
        *(f"    count(*) FILTER (WHERE {_happened(one)}) AS {one.plural}" for one in OUTCOME_ENTRIES.values()),
        *(f"    avg({_happened(one)}::int)::double precision AS {one.name}_share" for one in OUTCOME_ENTRIES.values()),
    ]
)
_COLUMN_COMMENTS = {
    "stops": "Persons stopped.",
    **{one.plural: f"Stops with {one.noun}." for one in OUTCOME_ENTRIES.values()},
    **{
        f"{one.name}_share": f"{one.plural.capitalize()} as a share of the stops where that is known."
        for one in OUTCOME_ENTRIES.values()
    },
}


@dataclass(frozen=True)
class Group:
    """What outcomes are counted by, besides the year.

    Attributes
    ----------
    name
        Column of the view, and the end of the view's name.
    expression
        SQL of the column, over the table `stops`.
    title
        What the view's comment calls it.
    comment
        Comment on the column.
    """

    name: str
    expression: str
    title: str
    comment: str


GROUPS = (
    Group("borough", "borough", "borough", "Borough of the stops; null is unknown."),
    Group("precinct", "precinct", "precinct", "Police precinct of the stops; null is unknown."),
    Group(
        "race", "suspect_race AS race", "recorded race or ethnicity",
        "Race or ethnicity as recorded by the officer; null is unknown.",
    ),
    Group(
        "hour", "stop_time_seconds / 3600 AS hour", "hour of the day",
        "Hour of the day, 0 to 23; null is unknown.",
    ),
    Group("weekday", "weekday", "day of the week", "Day of the week, Monday is 1; null is unknown."),
    Group("month", "month", "month", "Month, January is 1; null is unknown."),
)  # fmt: skip


def views_script() -> str:
    """Return the SQL of every view, with unqualified names: it runs with the schema as search path."""
    alone = resources.files(__package__).joinpath("views.sql").read_text(encoding="utf-8")
    return "\n".join([alone, _outcomes_by(None), *(_outcomes_by(group) for group in GROUPS)])


def _outcomes_by(group: Group | None) -> str:
    """Return the view of stops and their outcomes by year, and by a group within it."""
    view = f"outcomes_by_{group.name if group else 'year'}"
    columns = f"year, {group.expression}" if group else "year"
    grouped = "year, 2" if group else "year"
    title = f"year and {group.title}" if group else "year"
    comments = {
        "year": "Calendar year of the stops.",
        **({group.name: group.comment} if group else {}),
        **_COLUMN_COMMENTS,
    }
    lines = [
        f"CREATE OR REPLACE VIEW {view} AS\nSELECT\n    {columns},\n{_COUNTS}\nFROM stops\nGROUP BY {grouped};",
        f"COMMENT ON VIEW {view} IS 'Stops and what followed, by {title}.';",
        *(f"COMMENT ON COLUMN {view}.{name} IS '{comment}';" for name, comment in comments.items()),
    ]
    return "\n".join(lines) + "\n"
