"""What a look at a year's stops found, and whether the year may be stored with it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One thing that was found."""

    rule: str  # short name of the rule, such as `loss` or `months`
    severity: Literal["red", "warn"]  # `red` keeps the year from being stored; `warn` is reported and stops nothing
    text: str  # what was expected and found, where, and what to do; counts, never values of a row


def sentences(findings: Iterable[Finding], severity: Literal["red", "warn"] | None = None) -> str:
    """Return the sentences of findings, of one severity or all, one after another."""
    return " ".join(found.text for found in findings if severity in {None, found.severity})
