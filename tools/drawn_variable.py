"""A drawn variable of synthetic years: what it depends on, and how values are told nothing and put into bands."""

from dataclasses import dataclass, field

from sqf_pipeline.cleaning.numerals import parse_whole_number
from sqf_pipeline.registry.spellings import normalise_text, null_spellings

NULL = "NULL"
HOUR_BANDS = {str(h): f"{h // 4 * 4:02d}-{h // 4 * 4 + 3:02d}" for h in range(24)}
DERIVED: dict[str, tuple[str, dict[str, str]]] = {"hour_band": ("hour", HOUR_BANDS), "patrol_borough": ("precinct", {})}
"""Variables made of another one, by a mapping; a precinct's patrol borough stands with the places."""
AGES = (10, 14, 16, 18, 20, 23, 26, 31, 37, 45, 55)
WEIGHTS = (80, 110, 125, 135, 145, 155, 165, 175, 185, 195, 205, 225, 255)
OBSERVED = (0, 1, 2, 3, 4, 5, 6, 10, 11, 30, 61)
DURATIONS = (0, 1, 2, 3, 4, 5, 6, 8, 10, 11, 15, 16, 20, 21, 30, 31, 60)
"""Lower edges of the bands of age, weight and minutes."""


@dataclass(frozen=True)
class Variable:
    """One drawn variable.

    Attributes
    ----------
    name
        Name of the variable.
    parents
        What it depends on; `a*b` is the product of two variables.
    when
        Where it exists at all: levels by variable. Elsewhere it is `otherwise`.
    stretch
        Factor on its effects. A forest finds combinations that a sum of effects lacks; the outcomes are stretched
        until the best models rank synthetic stops about as well as published ones.
    """

    name: str
    parents: tuple[str, ...]
    when: dict[str, list[str]] = field(default_factory=dict)
    otherwise: str = NULL
    stretch: float = 1.0

    def companions(self, agreement: int) -> int:
        """Return in hundredths how often a companion's draw is that of the person before.

        What is drawn after the frisk depends on much that companions do not quite share, so that equal draws alone
        agree too seldom: half of what is missing is made up.
        """
        depends_on_person = {"frisked", "officer_explained_stop", "explnstp"} & {self.name, *self.parents}
        return 100 - (100 - agreement) // 2 if depends_on_person else agreement


def chain(names: tuple[str, ...], parents: tuple[str, ...], **options: dict[str, list[str]]) -> list[Variable]:
    """Return variables of which each also depends on those before it."""
    return [Variable(name, (*parents, *names[:place]), **options) for place, name in enumerate(names)]


def is_null(text: str) -> bool:
    """Return whether a text is one of the ways to write nothing."""
    return normalise_text(text) in null_spellings()


def band(text: str, edges: tuple[int, ...], low: int, high: int) -> str:
    """Return the band of a whole number: its lower edge; NULL for none, '' outside low..high."""
    if is_null(text):
        return NULL
    value = parse_whole_number(text.strip())
    if value is None or not low <= value <= high:
        return ""
    return str(max(edge for edge in edges if edge <= value))
