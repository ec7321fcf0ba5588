"""Words that people read for columns and values: `words.csv`, for the card, the charts and the pages alike."""

from functools import cache

from sqf_pipeline.registry.csv_tables import read_rows

_GROUPED_BY = {"race": "suspect_race", "sex": "suspect_sex", "borough": "borough"}


@cache
def _words() -> dict[tuple[str, str], str]:
    """Return labels by (column, value); an empty value holds the label of the column itself."""
    return {(row["column"], row["value"]): row["label"] for row in read_rows(__package__, "words.csv")}


def field_label(name: str) -> str:
    """Return the words for a column: its own in `words.csv`, else its name with spaces.

    >>> field_label("suspect_age"), field_label("not_in_the_table")
    ('Age', 'Not in the table')
    """
    return _words().get((name, ""), name.replace("_", " ").capitalize())


def category_label(name: str, value: str) -> str:
    """Return the words for a value of a column: those in `words.csv`, else the value in sentence case.

    >>> category_label("suspect_race", "WHITE HISPANIC"), category_label("suspect_race", "BLACK")
    ('White Hispanic', 'Black')
    """
    words = _words().get((name, value))
    if words:
        return words
    is_code = " " not in value and (len(value) <= 3 or not value.isalpha())
    return value if is_code else value.capitalize()


def group_label(attribute: str, group: str) -> str:
    """Return the words for a group of people, such as `BLACK` by `race`."""
    return category_label(_GROUPED_BY.get(attribute, ""), group)
