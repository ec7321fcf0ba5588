"""Whether a year is whole, a part, or an excerpt, and the words for it that every page and table shows."""

from collections.abc import Iterable, Mapping

import pandas as pd

from sqf_pipeline.registry.year_and_month_words import ALL_MONTHS, month_words
from sqf_pipeline.year_checks.findings import Finding

WHOLE, PARTIAL, EXCERPT, PARTIAL_EXCERPT = "whole", "partial", "excerpt", "partial excerpt"
COVERAGES = (WHOLE, PARTIAL, EXCERPT, PARTIAL_EXCERPT)

THIN_SHARE = 0.1
"""A month with fewer stops than this share of the median month counts as missing: a misdated row does not fill it.
The thinnest of 2017 to 2020, April 2020, has 0.55 of the median."""


def stops_a_month(stops: pd.DataFrame) -> dict[int, int]:
    """Return the stops of each month, 1 to 12, of clean stops; a month without any has 0."""
    counts = stops["month"].value_counts()
    return {month: int(counts.get(month, 0)) for month in sorted(ALL_MONTHS)}


def months_present(counts: Mapping[int, int]) -> frozenset[int]:
    """Return the months that have stops, but for those that have next to none."""
    present = pd.Series({month: stops for month, stops in counts.items() if stops})
    return frozenset(present[present >= THIN_SHARE * present.median()].index) if len(present) else frozenset()


def coverage_of(months: frozenset[int], promised: frozenset[int] | None, *, excerpt: bool) -> str:
    """Return one of `COVERAGES` for a year.

    `promised` are the months that the names of the files promise, None when they leave it to the content; a name that
    promises less than a year is believed in an excerpt too, in which a month may be missing.
    """
    partial = (promised is not None and promised != ALL_MONTHS) or (months != ALL_MONTHS and not excerpt)
    return combined_coverage([PARTIAL if partial else WHOLE, EXCERPT if excerpt else WHOLE])


def combined_coverage(coverages: Iterable[str | None]) -> str:
    """Return the coverage of several years together: a part and an excerpt of them make `partial excerpt`."""
    said = " ".join(word for word in coverages if isinstance(word, str))
    return " ".join(word for word in (PARTIAL, EXCERPT) if word in said) or WHOLE


def is_partial(coverage: object) -> bool:
    """Return whether a year of this coverage lacks months, so that it is no year to train on or to test with."""
    return isinstance(coverage, str) and PARTIAL in coverage


def month_findings(
    counts: Mapping[int, int], promised: frozenset[int] | None, *, excerpt: bool, year: int
) -> list[Finding]:
    """Return a warning when months are missing, or are not those that the names of the files promise."""
    months = months_present(counts)
    found = []
    if months != ALL_MONTHS:
        thin = ", ".join(f"{month_words([month])} ({counts[month]:,})" for month in sorted(ALL_MONTHS - months))
        found.append(
            f"{year}: expected twelve months of stops, found {month_words(months)}; missing or nearly empty: {thin}."
        )
    if promised == frozenset():
        found.append(f"{year}: by its name the file is a part of the year; the name does not say which months.")
    elif promised is not None and promised != ALL_MONTHS:
        found.append(f"{year}: judging by their names, the files hold {month_words(promised)}.")
        if not months <= promised:
            found.append(f"{year}: there are also stops of {month_words(months - promised)}.")
    if found and is_partial(coverage_of(months, promised, excerpt=excerpt)):
        found.append(
            "The year is partial: it is stored, but not used for training or testing unless --allow-partial is given."
        )
    return [Finding("months", "warn", " ".join(found))] if found else []


def partial_year_findings(files: pd.DataFrame) -> list[Finding]:
    """Return a red finding for each year of the table `source_files` that lacks months."""
    partial = [
        f"{int(row.year)} is partial ({row.months}; {row.file_name}) and is not used for training or testing. Add the "
        f"missing files, name a file that is whole sqf-{int(row.year)}, or allow partial years: --allow-partial, "
        "SQF_ALLOW_PARTIAL=on."
        for row in files.itertuples()
        if is_partial(row.coverage)
    ]
    return [Finding("partial", "red", text) for text in partial]


def coverage_note(files: pd.DataFrame) -> str:
    """Return what must be said wherever figures of some years are shown; '' when each of them is whole.

    `files` has rows of the table `source_files`: year, coverage, months.
    """
    sentences = []
    partial = {int(row.year): row for row in files.itertuples() if is_partial(row.coverage)}
    for year, row in sorted(partial.items()):
        held = "the files are a part of" if row.months == month_words(ALL_MONTHS) else f"{row.months} alone of"
        sentences.append(f"Partial year: {held} {year}.")
    excerpts = [int(row.year) for row in files.itertuples() if EXCERPT in str(row.coverage)]
    if excerpts:
        years = ", ".join(map(str, sorted(excerpts)))
        sentences.append(f"Excerpt: the files of {years} are excerpts, so no figure describes the whole year.")
    return " ".join(sentences)
