"""What others state about these files, each claim beside the figure that is computed here, with a verdict.

A claim is a row of `published_claims.csv`. `figure` names a function of `claim_figures` and `argument` is what it is
asked for; `our_years` names other years than the claim's for a protocol that is repeated on those at hand (`test`: the
test year and its training years). Nothing that is computed here is written there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BeforeValidator

from sqf_pipeline.published_figures.claim_figures import FIGURES
from sqf_pipeline.registry.csv_tables import Number, read_rows, records
from sqf_pipeline.registry.declared_tables import result_frame
from sqf_pipeline.registry.year_and_month_words import year_runs, years_named

Status = Literal["reproduced", "differs", "not decidable here"]
_TEST = "test"


def _years(text: str) -> tuple[int, ...]:
    return years_named(text) if text else ()


@dataclass(frozen=True)
class Claim:
    """A published figure and how it is computed again."""

    claim: str  # its name here
    publication: str
    place: str  # where in the publication
    years: Annotated[tuple[int, ...], BeforeValidator(_years)]
    """Years that it is about, earliest first; empty when it is not about yearly files."""
    definition: str  # what is counted
    published: Number  # the figure; None where none was seen
    digits: int  # decimals that were published: ours is equal when it rounds to the same
    figure: str  # function that computes ours; empty when nothing can be computed
    argument: str  # what it is asked for
    our_years: str  # years that ours is computed on where they are not the claim's; `test` for those of the test year
    reason: str  # why ours differs, or why it cannot be decided


@dataclass(frozen=True)
class Evidence:
    """What claims are judged by."""

    stops: Mapping[int, pd.DataFrame]  # clean stops by year, those that are loaded
    test_year: int
    training_years: tuple[int, ...] = ()
    """The years that `test` stands for."""
    excerpts: frozenset[int] = frozenset()  # years of which a selection of stops is loaded
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)  # result tables of the test year by name
    synthetic: bool = False  # whether the stops are invented; then nothing is compared with what was published
    complete_cases: dict[tuple[int, ...], Any] = field(default_factory=dict, init=False)
    """By years, what forests that are asked more than once said."""

    def of(self, years: tuple[int, ...]) -> pd.DataFrame:
        """Return the stops of years, earliest first."""
        return pd.concat([self.stops[year] for year in years], ignore_index=True)


def load_claims() -> tuple[Claim, ...]:
    """Return the claims in the order of the table; raises ValueError when two have one name or a figure is unknown."""
    claims = records(read_rows(__package__, "published_claims.csv"), Claim)
    unknown = sorted({claim.figure for claim in claims} - {"", *FIGURES})
    if unknown or len({claim.claim for claim in claims}) < len(claims):
        raise ValueError(f"published_claims.csv: unknown figures {unknown}, or a name that stands twice")
    return claims


def years_of_claims() -> tuple[int, ...]:
    """Return every year whose stops decide a claim or stand in for others, earliest first."""
    claims = load_claims()
    ours = {year for claim in claims if claim.our_years != _TEST for year in _years(claim.our_years)}
    return tuple(sorted(ours | {year for claim in claims if claim.figure for year in claim.years}))


def judge_claims(evidence: Evidence) -> pd.DataFrame:
    """Return the rows of the table `published_figures`, all its columns but the test year and the source."""
    return result_frame("published_figures", [_judged(claim, evidence) for claim in load_claims()])


def _judged(claim: Claim, evidence: Evidence) -> dict[str, Any]:
    missing = [year for year in claim.years if year not in evidence.stops or year in evidence.excerpts]
    ours_on = _ours_on(claim, evidence, missing)
    ours = None
    if ours_on and claim.figure and not evidence.synthetic:
        ours = FIGURES[claim.figure](evidence, ours_on, claim.argument)
    status, reason = _status(claim, evidence, missing, ours)
    return {
        "claim": claim.claim, "publication": claim.publication, "place": claim.place, "years": year_runs(claim.years),
        "definition": claim.definition, "published": claim.published, "ours": ours,
        "our_years": year_runs(ours_on) if ours is not None else None, "status": status, "reason": reason,
    }  # fmt: skip


def _ours_on(claim: Claim, evidence: Evidence, missing: list[int]) -> tuple[int, ...]:
    """Return the years that ours is computed on: the claim's where they are whole, else those that stand in."""
    if claim.years and not missing:
        return claim.years
    if claim.our_years == _TEST:
        return (evidence.test_year,)
    years = _years(claim.our_years)
    return years if all(year in evidence.stops for year in years) else ()


def _status(claim: Claim, evidence: Evidence, missing: list[int], ours: float | None) -> tuple[Status, str]:
    told: Status = "not decidable here"
    if evidence.synthetic:
        return told, "The stops are synthetic, so that no figure of them is compared with a published one."
    if missing:
        return told, f"{_lacking(missing, evidence)} {claim.reason if ours is not None else ''}".strip()
    if claim.published is None or not claim.years:
        return told, claim.reason
    if ours is None:
        return told, claim.reason or "The result table that holds the figure has no such row."
    if abs(ours - claim.published) <= 0.5 * 10.0**-claim.digits + 1e-9:
        return "reproduced", ""
    return "differs", claim.reason


def _lacking(missing: list[int], evidence: Evidence) -> str:
    """Say which years' files are not there, or are there in part."""
    parts = tuple(year for year in missing if year in evidence.stops)
    absent = tuple(year for year in missing if year not in evidence.stops)
    told = [f"Missing: the file{'s' * (len(absent) > 1)} of {year_runs(absent)}."] if absent else []
    return " ".join([*told, *([f"Only excerpts are loaded of {year_runs(parts)}."] if parts else [])])
