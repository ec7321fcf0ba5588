"""The views for the questions people ask, as one SQL script."""

from dataclasses import dataclass
from importlib import resources

from sqf_pipeline.registry.columns import load_columns
from sqf_pipeline.registry.outcomes import OUTCOME_ENTRIES, OutcomeEntry
from sqf_pipeline.registry.residents import WARNING, census_group


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
    by_group = [_outcomes_by(None), *(_outcomes_by(group) for group in GROUPS)]
    return "\n".join([alone, *by_group, *(_per_residents(by) for by in RESIDENTS_BY)])


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


RESIDENTS_BY = (("precinct", "race"), ("precinct",), ("race",))
"""What stops are counted by in the views for 1,000 residents, besides the year."""
_COUNTED = {
    "stops": ("true", "Persons stopped."),
    "frisks": ("frisked", "Persons frisked."),
    "force": ("{force}", "Persons on whom any physical force was marked, handcuffs among it, verbal instruction not."),
    "arrests": ("arrested", "Persons arrested."),
}


def _per_residents(by: tuple[str, ...]) -> str:
    """Return the view of stops, frisks, force and arrests for 1,000 residents, by precinct, by race or by both."""
    view = f"per_1000_residents_by_{'_and_'.join(by)}"
    keys = ", ".join(("year", *by))
    race = " ".join(f"WHEN '{recorded}' THEN '{group}'" for recorded, group in census_group().items())
    marks = [entry.name for entry in load_columns() if entry.name.startswith("force_") and entry.kind == "mark"]
    force = " OR ".join(name for name in marks if name != "force_verbal_instruction")
    counts = ", ".join(
        f"count(*) FILTER (WHERE {rule.format(force=force)}) AS {n}" for n, (rule, _) in _COUNTED.items()
    )
    shown = ", ".join(f"coalesce(c.{name}, 0) AS {name}" for name in _COUNTED)
    rates = ", ".join(
        f"1000.0::double precision * coalesce(c.{name}, 0) / nullif(r.residents, 0) AS {name}_per_1000"
        for name in _COUNTED
    )
    comments = {
        "year": "Calendar year of the stops.",
        "precinct": "Police precinct of the stops; null is unknown.",
        "race": "Group of the census, as in table residents; Hispanic is white and black Hispanic as recorded, and "
        "null stands for stops whose recorded race has no such group.",
        **{name: told for name, (_, told) in _COUNTED.items()},
        "residents": "Residents, from table residents; null where there are none of the precinct or group.",
        **{
            f"{name}_per_1000": f"{name.capitalize()} for 1,000 residents; null without residents." for name in _COUNTED
        },
    }
    columns = ("year", *by, *_COUNTED, "residents", *(f"{name}_per_1000" for name in _COUNTED))
    lines = [
        f"""CREATE OR REPLACE VIEW {view} AS
WITH grouped AS (SELECT *, CASE suspect_race {race} END AS race FROM stops),
counted AS (SELECT {keys}, {counts} FROM grouped GROUP BY {keys}),
living AS (SELECT {keys}, sum(residents)::bigint AS residents FROM residents GROUP BY {keys})
SELECT {keys}, {shown}, r.residents, {rates}
FROM counted c FULL JOIN living r USING ({keys});""",  # noqa: S608  names of our own
        f"COMMENT ON VIEW {view} IS 'Stops, frisks, force and arrests for 1,000 residents, by year and "
        f"{' and '.join(by)}. {WARNING}';",
        *(f"COMMENT ON COLUMN {view}.{name} IS '{comments[name]}';" for name in columns),
    ]
    return "\n".join(lines) + "\n"
