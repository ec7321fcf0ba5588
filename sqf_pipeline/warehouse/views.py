"""The views for the questions people ask, as one SQL script."""

from importlib import resources

from sqf_pipeline.registry.columns import load_columns
from sqf_pipeline.registry.residents import WARNING, census_group
from sqf_pipeline.warehouse.stop_counts import GROUPS, MEASURES, Group, counted_by, value_of


def views_script() -> str:
    """Return the SQL of every view, with unqualified names: it runs with the schema as search path."""
    alone = resources.files(__package__).joinpath("views.sql").read_text(encoding="utf-8")
    by_group = [_outcomes_by(None), *(_outcomes_by(group) for group in GROUPS)]
    return "\n".join([alone, _comparability(), *by_group, *(_per_residents(by) for by in RESIDENTS_BY)])


def _comparability() -> str:
    """Return the view of what the registry says of each column of `stops` in the two forms of the files."""

    def quoted(text: str) -> str:
        return "'" + text.replace("'", "''") + "'"

    rows = ",\n    ".join(
        f"({', '.join(map(quoted, (entry.name, entry.comparable, entry.usage_warning)))})" for entry in load_columns()
    )
    comments = {
        "VIEW comparability": "Whether a column of stops may be compared between the form of the files to 2016 and "
        "that in use since 2017.",
        "COLUMN comparability.column_name": "Column of stops.",
        "COLUMN comparability.comparable": "same, close, different (not to be compared across the forms), or one form "
        "only (null in the other).",
        "COLUMN comparability.note": "What to heed when years of both forms are compared; null where it is the same.",
    }
    return "\n".join(
        [
            "CREATE OR REPLACE VIEW comparability (column_name, comparable, note) AS",
            f"SELECT column_name, comparable, nullif(note, '') FROM (VALUES\n    {rows}\n)",  # noqa: S608  the registry's
            "AS registry (column_name, comparable, note);",
            *(f"COMMENT ON {what} IS {quoted(text)};" for what, text in comments.items()),
        ]
    )


def _outcomes_by(group: Group | None) -> str:
    """Return the view of stops and of what happened in them, by year, and by a group within it."""
    names = [group.name] if group else []
    view = f"outcomes_by_{group.name if group else 'year'}"
    title = f"year and {group.title}" if group else "year"
    columns = ["year", *(f"{value_of(name)} AS {name}" for name in names), "stops"]
    columns += [one.name for one in MEASURES]
    columns += [f"{one.name}::double precision / nullif({one.name}_known, 0) AS {one.share}" for one in MEASURES]
    comments = {
        "year": "Calendar year of the stops.",
        **({group.name: group.comment} if group else {}),
        "stops": "Persons stopped.",
        **{one.name: f"{one.comment}." for one in MEASURES},
        **{one.share: f"{one.comment}, as a share of those where it is known." for one in MEASURES},
    }
    lines = [
        f"CREATE OR REPLACE VIEW {view} AS\nSELECT {', '.join(columns)}\nFROM stop_counts WHERE {counted_by(*names)};",
        f"COMMENT ON VIEW {view} IS 'Stops and what happened in them, by {title}. Years of "
        "different forms are not alike in everything: see view comparability.';",
        *(f"COMMENT ON COLUMN {view}.{name} IS '{comment}';" for name, comment in comments.items()),
    ]
    return "\n".join(lines) + "\n"


RESIDENTS_BY = (("precinct", "race"), ("precinct",), ("race",))
"""What stops are counted by in the views for 1,000 residents, besides the year."""
_COUNTED = {
    "stops": "Persons stopped.",
    "frisks": "Persons frisked.",
    "force": "Persons on whom any physical force was marked, handcuffs among it, verbal instruction not.",
    "arrests": "Persons arrested.",
}


def _per_residents(by: tuple[str, ...]) -> str:
    """Return the view of stops, frisks, force and arrests for 1,000 residents, by precinct, by race or by both."""
    view = f"per_1000_residents_by_{'_and_'.join(by)}"
    keys = ", ".join(("year", *by))
    race = " ".join(f"WHEN '{recorded}' THEN '{group}'" for recorded, group in census_group().items())
    counts = ", ".join(f"sum({name})::bigint AS {name}" for name in _COUNTED)
    shown = ", ".join(f"coalesce(c.{name}, 0) AS {name}" for name in _COUNTED)
    rates = ", ".join(
        f"1000.0::double precision * coalesce(c.{name}, 0) / nullif(r.residents, 0) AS {name}_per_1000"
        for name in _COUNTED
    )
    comments = {
        "year": "Calendar year of the stops.",
        "precinct": "Police precinct of the stops; null is unknown.",
        "race": "Group of the census, as in table residents; Hispanic is white and black Hispanic as recorded, and "
        "null stands for stops whose recorded race has no such group; no stop is recorded as other_or_several.",
        **_COUNTED,
        "residents": "Residents, from table residents; null where there are none of the precinct or group.",
        **{
            f"{name}_per_1000": f"{name.capitalize()} for 1,000 residents; null without residents." for name in _COUNTED
        },
    }
    columns = ("year", *by, *_COUNTED, "residents", *(f"{name}_per_1000" for name in _COUNTED))
    lines = [
        f"""CREATE OR REPLACE VIEW {view} AS
WITH grouped AS (
    SELECT year, {value_of("precinct")} AS precinct, CASE race {race} END AS race, {", ".join(_COUNTED)}
    FROM stop_counts WHERE {counted_by("precinct", "race")}
),
counted AS (SELECT {keys}, {counts} FROM grouped GROUP BY {keys}),
living AS (SELECT {keys}, sum(residents)::bigint AS residents FROM residents GROUP BY {keys})
SELECT {keys}, {shown}, r.residents, {rates}
FROM counted c FULL JOIN living r USING ({keys});""",  # noqa: S608  names of our own
        f"COMMENT ON VIEW {view} IS 'Stops, frisks, force and arrests for 1,000 residents, by year and "
        f"{' and '.join(by)}. {WARNING}';",
        *(f"COMMENT ON COLUMN {view}.{name} IS '{comments[name]}';" for name in columns),
    ]
    return "\n".join(lines) + "\n"
