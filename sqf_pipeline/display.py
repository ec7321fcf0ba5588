"""How numbers and tables are shown to people: alike on the model card, the pages, in the terminal and in Dagster."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, FiniteFloat

from sqf_pipeline.registry.metric_definitions import load_metrics

ABSENT = "\u2013"
"""What stands for a value that is missing, not defined or was not computed."""

Cell = bool | int | FiniteFloat | str | None
Format = Literal["text", "words", "code", "count", "percent", "decimal", "small", "mixed", "plain"]
"""`words` is a slug shown as words, `code` a name as the tables hold it, `decimal` has three decimals and `small` four,
`mixed` is a count where it is whole and has four decimals elsewhere, `plain` is a year or another bare number."""
TEXT_FORMATS = frozenset({"text", "words", "code"})


def plain_value(value: Any) -> Cell:
    """Return a value of a frame's cell as JSON can hold it; what is missing or infinite is None."""
    plain = value.item() if hasattr(value, "item") else value
    if plain is None or type(plain).__name__ in {"NAType", "NaTType"}:
        return None
    if isinstance(plain, float) and not math.isfinite(plain):
        return None
    return plain if isinstance(plain, bool | int | float) else str(plain)


def number(value: Any, digits: int = 3) -> str:
    """Return a number with so many decimals, separated thousands and a true minus sign.

    >>> number(-0.125), number(None)
    ('−0.125', '–')
    """  # noqa: RUF002
    plain = plain_value(value)
    return ABSENT if plain is None else f"{float(plain):z,.{digits}f}".replace("-", "\u2212")


def count(value: Any) -> str:
    """Return a whole number with separated thousands.

    >>> count(36096)
    '36,096'
    """
    plain = plain_value(value)
    return ABSENT if plain is None else f"{int(plain):,}"


def share(value: Any, digits: int = 1) -> str:
    """Return a share in per cent.

    >>> share(0.1234)
    '12.3 %'
    """
    plain = plain_value(value)
    return ABSENT if plain is None else f"{100 * float(plain):.{digits}f} %"


def mixed(value: Any) -> str:
    """Return a count as a count, and anything else with four decimals."""
    plain = plain_value(value)
    if plain is None:
        return ABSENT
    return count(plain) if float(plain).is_integer() and abs(float(plain)) > 1 else number(plain, 4)


def words(slug: str) -> str:
    """Return a slug as words.

    >>> words("f1_of_smotenc")
    'F1 of SMOTENC'
    """
    return re.sub(r"\b(f1|smote|smotenc)\b", lambda found: found[0].upper(), slug.replace("_", " "))


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence lists them.

    >>> listed(["weapon", "firearm", "knife"])
    'weapon, firearm and knife'
    """
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)


def metric_text(name: str, value: Any, low: Any = None, high: Any = None) -> str:
    """Return a metric with its own number of digits, and its interval in brackets where there is one."""
    metric = load_metrics().get(name)
    digits = metric.digits if metric else 3
    return with_interval(number(value, digits), number(low, digits), number(high, digits))


def with_interval(value: str, low: str, high: str) -> str:
    """Return a written estimate with its written interval, which is left out where there is none."""
    return value if ABSENT in (value, low, high) else f"{value} ({low} to {high})"


def with_ends(frame: Any, name: str, of: str = "") -> Any:
    """Return a frame whose columns `low` and `high`, after the prefix `of`, are the interval of the column `name`."""
    return frame.rename(columns={f"{of}{end}": f"{name}_{end}" for end in ("low", "high")})


class TableColumn(BaseModel):
    """One column: its key, its words, and how its values are shown."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    label: str
    format: Format = "text"

    def show(self, value: Any, *, markdown: bool = False) -> str:
        """Return a value as people read it; a missing value is a dash."""
        if plain_value(value) is None:
            return ABSENT
        if self.format == "code" and markdown:
            return markdown_code(str(value))
        writers = {
            "words": lambda: words(str(value)), "count": lambda: count(value), "percent": lambda: share(value),
            "decimal": lambda: number(value), "small": lambda: number(value, 4), "mixed": lambda: mixed(value),
        }  # fmt: skip
        return writers.get(self.format, lambda: str(plain_value(value)))()


class DisplayTable(BaseModel):
    """A table for people: values as they are, and how each column shows them.

    Where columns `<name>_low` and `<name>_high` follow a column `<name>`, they are its interval.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = ""
    columns: tuple[TableColumn, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.rows)

    @property
    def shown_columns(self) -> tuple[TableColumn, ...]:
        """The columns that are read one by one: those of intervals are part of theirs."""
        names = {column.name for column in self.columns}
        ends = {f"{name}_{end}" for name in names for end in ("low", "high")}
        return tuple(column for column in self.columns if column.name not in ends)

    @property
    def headers(self) -> tuple[str, ...]:
        """The labels of the shown columns."""
        return tuple(column.label for column in self.shown_columns)

    def texts(self, *, markdown: bool = False) -> list[tuple[str, ...]]:
        """Return the rows as text, each estimate with its interval; `markdown` marks names as code."""
        places = {column.name: place for place, column in enumerate(self.columns)}

        def text(row: Sequence[Cell], column: TableColumn) -> str:
            shown = column.show(row[places[column.name]], markdown=markdown)
            ends = [places.get(f"{column.name}_{end}") for end in ("low", "high")]
            if None in ends:
                return shown
            low, high = (column.show(row[place]) for place in ends if place is not None)
            return with_interval(shown, low, high)

        return [tuple(text(row, column) for column in self.shown_columns) for row in self.rows]


def table_columns(specs: Iterable[tuple[str, ...]], present: Iterable[str]) -> tuple[TableColumn, ...]:
    """Return columns from their name, label and format; `<name>_low` and `_high` that are present follow theirs."""
    there = set(present)
    made = []
    for name, label, *kind in specs:
        shown: Any = kind[0] if kind else "text"
        made.append(TableColumn(name=name, label=label, format=shown))
        if {f"{name}_low", f"{name}_high"} <= there:
            made += [
                TableColumn(name=f"{name}_{end}", label=f"{label}, 95 % {end}", format=shown) for end in ("low", "high")
            ]
    return tuple(made)


def display_table(
    records: Iterable[Mapping[Any, Any]], specs: Iterable[tuple[str, ...]], title: str = ""
) -> DisplayTable:
    """Return a table of records.

    Parameters
    ----------
    records
        One mapping a row, such as `frame.to_dict("records")`; a key that is lacking is a missing value.
    specs
        Name, label and format (text if left out) of each column, in order.
    """
    rows = list(records)
    columns = table_columns(specs, {str(key) for row in rows for key in row})
    cells = tuple(tuple(plain_value(row.get(column.name)) for column in columns) for row in rows)
    return DisplayTable(title=title, columns=columns, rows=cells)


def filled_template(package: str, name: str, **told: Any) -> str:
    """Return a template of a package's folder `templates` filled in; what stands in HTML is escaped, in Markdown not.

    Raises jinja2.UndefinedError where it names what is not told.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(package), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        autoescape=name.endswith(".html.j2"),
    )  # fmt: skip
    environment.filters |= {"cell": markdown_cell, "code": markdown_code}
    return environment.get_template(name).render(told)


def markdown_cell(text: Any) -> str:
    """Return a text that can stand in a cell of a Markdown table: one line, no bare bar."""
    return " ".join(str(text).split()).replace("|", "\\|")


def markdown_code(text: str) -> str:
    """Return a text set as code."""
    return f"`{text}`"


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; raises ValueError when a row is not as wide as the header."""
    lines = [f"| {' | '.join(header)} |", f"|{'|'.join('---' for _ in header)}|"]
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"expected {len(header)} cells under {', '.join(header)}; found {len(row)}: {list(row)}")
        lines.append(f"| {' | '.join(markdown_cell(text) for text in row)} |")
    return "\n".join(lines)


def markdown_to_html(markdown: str, *, opening: str, closing: str, strikethrough: bool = False) -> str:
    """Return Markdown as HTML; HTML in it is shown as text, never obeyed, and head cells say what they head.

    `opening` and `closing` stand for the tags of a table; `{}` in them is the number of the table, from 1 on.
    """
    from markdown_it import MarkdownIt

    rules = ["table", *(["strikethrough"] if strikethrough else [])]
    html = str(MarkdownIt("commonmark", {"html": False}).enable(rules).render(markdown))
    html = html.replace("<th>", '<th scope="col">').replace("<th style", '<th scope="col" style')
    first, *tables = html.split("<table>")
    numbered = (opening.format(number) + table for number, table in enumerate(tables, start=1))
    return "".join([first, *numbered]).replace("</table>", closing)
