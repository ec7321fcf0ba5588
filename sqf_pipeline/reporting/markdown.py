"""Markdown from the templates of this folder, and small pieces of it."""

from collections.abc import Iterable, Sequence
from typing import Any


def render(template: str, **told: Any) -> str:
    """Return a template of this folder filled in; raises jinja2.UndefinedError where it names what is not told."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("sqf_pipeline.reporting", "templates")
    # Markdown is not HTML: what stands in cells is escaped for it by `cell`, and raw HTML is refused when rendered.
    environment = Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # noqa: S701
    environment.filters |= {"cell": cell, "code": code}
    return environment.get_template(template).render(told)


def cell(text: Any) -> str:
    """Return a text that can stand in a cell of a table: one line, no bare bar."""
    return " ".join(str(text).split()).replace("|", "\\|")


def code(text: str) -> str:
    """Return a text set as code."""
    return f"`{text}`"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; raises ValueError when a row is not as wide as the header."""
    lines = [f"| {' | '.join(header)} |", f"|{'|'.join('---' for _ in header)}|"]
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"expected {len(header)} cells under {', '.join(header)}; found {len(row)}: {list(row)}")
        lines.append(f"| {' | '.join(cell(text) for text in row)} |")
    return "\n".join(lines)
