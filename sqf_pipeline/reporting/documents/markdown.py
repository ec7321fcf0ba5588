"""Small pieces of Markdown."""

from collections.abc import Iterable, Sequence


def cell(text: str) -> str:
    """Return a text that can stand in a cell of a table: one line, no bare bar."""
    return " ".join(text.split()).replace("|", "\\|")


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
