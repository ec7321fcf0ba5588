"""Everything that is looked at before a year is stored, put together, and what is written down of its files."""

import json
from dataclasses import dataclass

import pandas as pd

from sqf_pipeline.cleaning.clean_stops import CleanedStops
from sqf_pipeline.cleaning.form_codes import form_of
from sqf_pipeline.ingest.reader import RawFile
from sqf_pipeline.ingest.source import PublishedFile
from sqf_pipeline.registry.year_and_month_words import ALL_MONTHS, month_words
from sqf_pipeline.year_checks.category_changes import category_findings
from sqf_pipeline.year_checks.completeness import (
    WHOLE,
    coverage_of,
    is_partial,
    month_findings,
    months_present,
    stops_a_month,
)
from sqf_pipeline.year_checks.expected_totals import total_findings
from sqf_pipeline.year_checks.findings import Finding
from sqf_pipeline.year_checks.loss_limits import loss_findings


@dataclass(frozen=True)
class YearBefore:
    """What is kept of the year before."""

    stops: pd.DataFrame  # its clean stops, at least their categories
    loss: pd.DataFrame | None  # `CleanedStops.loss`; None when it was not kept
    coverage: str | None  # one of `completeness.COVERAGES`; None when it was not kept


@dataclass(frozen=True)
class YearReview:
    """How much of a year is there, and what was found."""

    coverage: str
    months: frozenset[int]
    findings: tuple[Finding, ...]

    def of(self, *rules: str) -> list[Finding]:
        """Return the findings of some rules."""
        return [found for found in self.findings if found.rule in rules]


def cleaning_findings(stops: pd.DataFrame, loss: pd.DataFrame, before: YearBefore | None) -> list[Finding]:
    """Return what is found in how a year's columns were read: loss, gaps, and categories that are gone.

    With a year before in another form only losses are looked at: gaps and codes differ by the form, and this is said.
    """
    form = form_of(stops)
    form_before = form_of(before.stops).name if before else form.name
    same_form = form_before == form.name
    found = loss_findings(loss, before.loss if before and same_form else None, form)
    if not same_form:
        told = f"The year before has another form ({form_before}), so gaps and categories are not compared with it."
        return [*found, Finding("form", "warn", told)]
    return found + (category_findings(stops, before.stops) if before else [])


def review_year(
    raw: RawFile,
    cleaned: CleanedStops,
    before: YearBefore | None,
    *,
    promised: frozenset[int] | None = ALL_MONTHS,
    notes: tuple[str, ...] = (),
    excerpt: bool = False,
    synthetic: bool = False,
) -> YearReview:
    """Return what a year's files hold and whether they may be stored as that year.

    With `before`, what is kept of the year before, it is compared; None when that is not loaded. `promised` are the
    months that the names of the files promise, and `notes` what was left aside; see `local_files.YearFiles`. For
    excerpts, official totals and missing months refuse nothing; of synthetic stops there are as many as a setting asks
    for, and no total is expected.
    """
    year = raw.year
    counts = stops_a_month(cleaned.stops)
    found = cleaning_findings(cleaned.stops, cleaned.loss, before)
    found += [Finding("files", "warn", note) for note in (*notes, *raw.notes)]
    if raw.other_years:
        told = ", ".join(f"{rows:,} of {other}" for other, rows in raw.other_years.items())
        found.append(Finding("other_years", "warn", f"{year}: stops of another year were left out: {told}."))
    coverage = WHOLE
    if not synthetic:
        coverage = coverage_of(months_present(counts), promised, excerpt=excerpt)
        stops_before = len(before.stops) if before and before.coverage == WHOLE and coverage == WHOLE else None
        found += month_findings(counts, promised, excerpt=excerpt, year=year)
        found += total_findings(
            year, len(cleaned.stops), excerpt=excerpt, partial=is_partial(coverage), stops_before=stops_before
        )
    return YearReview(coverage, months_present(counts), tuple(found))


def source_file_row(file: PublishedFile, raw: RawFile, review: YearReview) -> pd.DataFrame:
    """Return the one row of a year; its parts, where it has several, stand in the column `parts` as JSON."""
    return pd.DataFrame(
        {
            "year": [file.year],
            "file_name": [", ".join(part.name for part in raw.parts)],
            "sha256": [raw.sha256],
            "bytes": [raw.bytes],
            "rows": [len(raw.frame)],
            "columns": [len(raw.published_names)],
            "source": [file.source],
            "url": [file.url],
            "etag": [file.etag],
            "last_modified": [file.last_modified],
            "fetched_at": [file.fetched_at],
            "columns_missing": [", ".join(raw.columns_missing) or None],
            "columns_unknown": [", ".join(raw.columns_unknown) or None],
            "coverage": [review.coverage],
            "months": [month_words(review.months)],
            "rows_of_other_years": [sum(raw.other_years.values())],
            "parts": [json.dumps([vars(part) for part in raw.parts]) if len(raw.parts) > 1 else None],
        }
    )
