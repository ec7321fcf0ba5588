"""What reading the distinct texts of one column came to: a value for each, and what the rules found."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqf_pipeline.registry.columns import Column

Rows = Mapping[str, int]
"""How many rows have each distinct text; the texts in capitals (`normalise_text`), none of them a missing value."""


@dataclass
class Reading:
    """Values of the distinct texts of a column."""

    meant: dict[str, Any] = field(default_factory=dict)  # the value of each text; None where it has none
    rules: dict[str, str] = field(default_factory=dict)
    """Name of the rule that made a text's value null, by text; `unreadable` where no rule is named."""
    findings: list[tuple[str, int, str]] = field(default_factory=list)
    """Rule, rows and description, for the table `data_quality`."""

    def reject(self, rows_of: Rows, rule: str, texts: list[str], description: str) -> None:
        """Make the values of `texts` null by `rule`."""
        for text in texts:
            self.meant[text] = None
            self.rules[text] = rule
        self.note(rows_of, rule, texts, description)

    def note(self, rows_of: Rows, rule: str, texts: list[str], description: str) -> None:
        """Count the rows of `texts` under `rule`."""
        self.findings.append((rule, sum(rows_of[text] for text in texts), description))


def read_each(rows_of: Rows, entry: Column, parse: Callable[[str], Any]) -> Reading:
    """Return the reading of a column each of whose texts is read on its own, within the registry's range."""
    reading = Reading({text: parse(text) for text in rows_of})
    return within_range(rows_of, entry, reading)


def within_range(rows_of: Rows, entry: Column, reading: Reading) -> Reading:
    """Reject what was not read, and numbers outside the plausible range of the registry."""
    unread = [text for text, value in reading.meant.items() if value is None and text not in reading.rules]
    outside = [text for text, value in reading.meant.items() if value is not None and not plausible(entry, value)]
    reading.reject(rows_of, "unreadable", unread, f"The {entry.kind} could not be read; set to missing.")
    unit = f" {entry.unit}" if entry.unit else ""
    reading.reject(
        rows_of, "implausible", outside,
        f"Outside {_bound(entry.minimum)} to {_bound(entry.maximum)}{unit}; set to missing.",
    )  # fmt: skip
    return reading


def plausible(entry: Column, value: float) -> bool:
    """Return whether a number lies in the registry's range of a column, both ends included."""
    low = entry.minimum is None or float(value) >= entry.minimum
    return low and (entry.maximum is None or float(value) <= entry.maximum)


def _bound(value: float | None) -> str:
    return "any" if value is None else f"{value:g}" if value < 10_000 else f"{value:,.0f}"
