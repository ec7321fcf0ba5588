"""How many stops a year should have: official totals where they are known, else the year before."""

from dataclasses import dataclass
from functools import cache

from sqf_pipeline.registry.csv_tables import Yes, read_rows, records
from sqf_pipeline.year_checks.findings import Finding

LARGEST_DEVIATION = 0.05  # a year that differs by more than this share from a well confirmed official total is refused

LOWEST_RATIO, HIGHEST_RATIO = 0.5, 2.0  # stops of a year over those of the year before; 2017 to 2025 had 0.71 to 1.69


@dataclass(frozen=True)
class OfficialTotal:
    """Stops that NYPD published for a year; a total that is not `firm` has one source or none and blocks nothing."""

    year: int
    stops: int
    firm: Yes


@cache
def official_totals() -> dict[int, OfficialTotal]:
    """Return the official totals by year."""
    return {total.year: total for total in records(read_rows(__package__, "official_totals.csv"), OfficialTotal)}


def total_findings(
    year: int, stops: int, *, excerpt: bool, partial: bool, stops_before: int | None = None
) -> list[Finding]:
    """Return a finding when a year has other stops than it should; excerpts and partial years are not refused for it.

    `stops_before` are those of the whole year before; None when it is not loaded, or is no whole year.
    """
    official = official_totals().get(year)
    if official is None:
        if stops_before is None or LOWEST_RATIO * stops_before <= stops <= HIGHEST_RATIO * stops_before:
            return []
        told = f"{year}: found {stops:,} stops, the year before had {stops_before:,}; expected half to twice as many."
        return [Finding("expected", "warn", f"{told} Compare with NYPD's published total.")]
    if stops == official.stops:
        return []
    off = stops / official.stops - 1
    told = f"{year}: found {stops:,} stops, the official number is {official.stops:,} ({off:+.1%})."
    if abs(off) <= LARGEST_DEVIATION or excerpt or partial or not official.firm:
        weak = "" if official.firm else " Only one source confirms that number, so nothing is refused."
        return [Finding("expected", "warn", told + weak)]
    told += f" A year may differ by at most {LARGEST_DEVIATION:.0%}."
    return [
        Finding("expected", "red", f"{told} Get the whole file, or declare it an excerpt (--excerpt, SQF_EXCERPT=on).")
    ]
