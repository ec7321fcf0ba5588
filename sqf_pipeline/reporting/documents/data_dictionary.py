"""The data dictionary: every column of a stop and every spelling of its categories."""

from collections.abc import Mapping

from sqf_pipeline.registry.columns import Column, load_columns
from sqf_pipeline.registry.forms.published_forms import Form, forms
from sqf_pipeline.registry.spellings import categories_by_spelling, null_spellings
from sqf_pipeline.reporting.documents.markdown import code, table

KINDS: Mapping[str, str] = {
    "identifier": "A whole number that names a stop within its year, kept as text so that no digit is lost.",
    "year": "A calendar year.",
    "date": "A calendar date.",
    "time": "A time of day, kept as whole seconds after midnight on a 24-hour clock.",
    "integer": "A whole number.",
    "number": "A number.",
    "height": "A height, published as feet.inches and kept in inches; the file's spellings settle `.1` and `.10`.",
    "month": "A month, 1 to 12.",
    "weekday": "A day of the week, Monday is 1.",
    "category": "One of a list of categories; each has one spelling here, however it was published.",
    "code": "A number that is a name: it is compared, never calculated with.",
    "flag": "Yes or no; missing stays missing.",
    "mark": "Yes where it was marked, no where it was not; missing only where the form does not ask.",
    "text": "Free text as published.",
}

COMPUTED = frozenset({"longitude", "latitude", "form", "paper_form"})

KNOWN: Mapping[str, str] = {
    "at_stop": "before or at the moment of the stop",
    "value_at_stop": "at the stop; but whether it is missing depends on the outcome, so models at the stop see a drawn "
    "value in place of a gap",
    "completed": "written or completed when the outcome is known: missing less often after an arrest",
    "during": "during the encounter",
    "outcome_made": "because of the outcome; never a feature",
    "outcome": "the outcome itself; never a feature",
    "record": "as a matter of record keeping; never a feature",
}

INTRODUCTION = """\
# Data dictionary

Made by `make docs` from the tables of `sqf_pipeline/registry` (`columns.csv`, `spellings.csv`, `forms`); change those,
not this page.
A stop has the columns below, in this order, in every frame and in the table `stops`. A published column is
recognised by any of its names, whatever the year, ignoring case, spaces and underscores. Null is what is missing,
unreadable or outside the plausible range; every value that cleaning makes null is counted in the table
`data_quality`."""


def data_dictionary() -> str:
    """Return the data dictionary as Markdown."""
    columns = load_columns()
    yes_or_no = categories_by_spelling("*flag")
    parts = [
        INTRODUCTION,
        f"## The {len(columns)} columns",
        table(
            ("Column", "Kind", "Unit", "Plausible", "Required", "Known", "May be a feature", "Meaning"),
            (_column_row(column) for column in columns),
        ),
        "## Kinds",
        table(("Kind", "Meaning"), ((code(kind), KINDS[kind]) for kind in _in_use(column.kind for column in columns))),
        "## When a value becomes known",
        "A model that is to speak at a moment may use only what is known by then; feature sets hold to this.",
        table(
            ("Known", "Meaning", "Columns"),
            (
                (code(known), KNOWN[known], str(sum(column.known == known for column in columns)))
                for known in _in_use(column.known for column in columns)
            ),
        ),
        "## Names in the published files",
        "Where a form has several names with a plus between them, the column is made from them.",
        table(
            (
                "Column",
                *(f"{form.name}: {form.description[:1].lower()}{form.description[1:]}" for form in forms().values()),
            ),
            ((code(column.name), *(_published(column.name, form) for form in forms().values())) for column in columns),
        ),
        "## What may be compared over the forms",
        "Whether a column means the same in the old form (2003 to 2016) and in the new (from 2017), and what to heed.",
        table(
            ("Column", "Comparable", "Heed"),
            ((code(column.name), column.comparable, column.usage_warning) for column in columns),
        ),
        "## Spellings of missing values",
        "Anywhere, in any case, with or without spaces around: an empty cell and "
        + ", ".join(code(spelling) for spelling in sorted(null_spellings() - {""}))
        + ".",
        "## Yes and no",
        "Anywhere, in any case: 1 and 0, with or without decimals, "
        + " and ".join(
            f"{word} as " + ", ".join(code(spelling) for spelling, said in yes_or_no.items() if said == letter)
            for word, letter in (("yes", "Y"), ("no", "N"))
        )
        + ".",
        "## Categories and their spellings",
        "Case, spaces and punctuation make no difference. A spelling that is not listed but is a listed one cut or "
        "continued (8 letters or more) gets its category; a number or a value of another column is null; every other "
        "is kept as published. All of them are reported by the check `spellings_known` or counted in `data_quality`; "
        "a row in `spellings.csv` gives a spelling its category.",
        *(part for column in columns for part in _categories(column)),
    ]
    return "\n\n".join(parts) + "\n"


def _published(name: str, form: Form) -> str:
    sources = [", ".join(code(published) for published in field.published_names) for field in form.sources(name)]
    return " + ".join(sources) or ("computed" if name in form.columns or name in COMPUTED else "")


def _in_use(names: object) -> list[str]:
    return list(dict.fromkeys(names))  # type: ignore[call-overload]


def _column_row(column: Column) -> tuple[str, ...]:
    return (
        code(column.name),
        code(column.kind),
        column.unit,
        _plausible(column),
        "yes" if column.required else "",
        code(column.known),
        "yes" if column.feature else "",
        column.description,
    )


def _plausible(column: Column) -> str:
    if column.minimum is None and column.maximum is None:
        return ""
    if column.maximum is None:
        return f"from {column.minimum:.10g}"
    if column.minimum is None:
        return f"to {column.maximum:.10g}"
    return f"{column.minimum:.10g} to {column.maximum:.10g}"


def _categories(column: Column) -> list[str]:
    spellings = categories_by_spelling(column.name)
    if not spellings:
        return []
    by_category: dict[str, list[str]] = {}
    for spelling, category in spellings.items():
        by_category.setdefault(category, []).append(spelling)
    heading = f"### {code(column.name)}"
    if all(found == [category] for category, found in by_category.items()):
        return [heading, ", ".join(sorted(by_category)) + "."]
    unknown = by_category.pop("", None)
    rows = [
        (category, ", ".join(code(spelling) for spelling in found if spelling != category))
        for category, found in sorted(by_category.items())
    ]
    if unknown:
        rows.append(("null", ", ".join(code(spelling) for spelling in unknown)))
    return [heading, table(("Category", "Also written as"), rows)]
