"""Before a run: where each of its years comes from, and whether those that are missing can be had."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqf_pipeline.ingest.download import NotPublishedError, Patience, RefusedError, UnreachableError, told_together
from sqf_pipeline.ingest.local_files import SourceError
from sqf_pipeline.ingest.publication_check import QUICK, PublicationState, check_publication
from sqf_pipeline.ingest.source import missing_locally, no_sample, source_of_year
from sqf_pipeline.registry.year_and_month_words import year_words
from sqf_pipeline.settings import NYPD_URL, ResolvedSource, Source


@dataclass(frozen=True)
class SourceDecision:
    """Where a command takes its years from, and why."""

    by_year: Mapping[int, ResolvedSource]
    """Year to `local`, `nypd` or `sample`; synthetic years are never mixed with others."""
    reason: str  # one or two sentences for people
    is_fallback: bool = False
    """True only when synthetic stops replace published ones that were not available; show `reason` prominently then."""


def resolve_source(
    source: Source,
    data_dir: Path,
    years: Sequence[int],
    *,
    allow_sample: bool,
    addresses: Sequence[str] = (NYPD_URL,),
    patience: Patience = QUICK,
) -> SourceDecision:
    """Say before a command starts where each of its years comes from, and whether those that are missing can be had.

    Each year is decided by `source_of_year`. With `auto`, the server is asked for the years that the folder has not;
    when it gives none, and only with `allow_sample`, all years are the sample's instead. A folder that is wrong rather
    than incomplete (two different files of a year, synthetic files) is an error, not a reason to go on looking; so is
    a year that is not published while others are. A source that is named never falls back.

    `allow_sample` is True for the interactive command alone: nothing scheduled, and nothing launched from the UI, may
    ever present synthetic stops as published ones. Raises SourceError when no source has the years, or one has them
    wrongly.
    """
    if not years:
        raise ValueError("no years were asked for")
    wanted = sorted(set(years))
    by_year = {year: source_of_year(source, data_dir, year) for year in wanted}
    if source != "auto":
        return SourceDecision(by_year, f"SQF_SOURCE={source} was set.")
    missing = missing_locally(data_dir, wanted)
    if not missing:
        return SourceDecision(by_year, f"{data_dir} has a file of every year needed ({year_words(wanted)}).")
    not_local = f"{data_dir} has no file of {year_words(missing)}"
    try:
        _require_published(addresses, missing, wanted, patience)
    except (UnreachableError, RefusedError) as error:
        if not allow_sample:
            raise SourceError(f"{not_local}, and NYPD's site gave none: {error}\n{no_sample(data_dir)}") from error
        return SourceDecision(
            dict.fromkeys(wanted, "sample"),
            f"SYNTHETIC STOPS ARE USED, none of the results are about real ones: {not_local}, and NYPD's site gave "
            f"none ({str(error).rstrip('.')}). For real ones put the files into {data_dir}, or point SQF_DATA_DIR at "
            "the folder that has them.",
            is_fallback=True,
        )
    return SourceDecision(by_year, f"{not_local}; NYPD publishes {'it' if len(missing) == 1 else 'them'}.")


def _require_published(
    addresses: Sequence[str], missing: Sequence[int], years: Sequence[int], patience: Patience
) -> None:
    """Raise NotPublishedError when a missing year is not out, RefusedError when the server has none of the years."""
    states = {year: _state_of(addresses, year, patience) for year in reversed(years)}
    newest = states[years[-1]]
    if not any(state.published for state in states.values()):
        raise RefusedError(
            f"{newest.reason}, and no other year either: the address of the files has probably changed; look for it at "
            "https://www.nyc.gov/site/nypd/stats/reports-analysis/stopfrisk.page and set SQF_NYPD_URL"
        )
    for year in reversed(missing):
        if not states[year].published:
            raise NotPublishedError(
                f"{states[year].reason}. A year is published around the end of March of the next one. Ask for an "
                "earlier test year, or check the address (SQF_NYPD_URL)."
            )


def _state_of(addresses: Sequence[str], year: int, patience: Patience) -> PublicationState:
    """Return what the first address says that has the year's file, else what the first says that answers."""
    states: list[PublicationState] = []
    failures: list[SourceError] = []
    for address in addresses:
        try:
            states.append(check_publication(address, year, None, patience=patience))
        except (UnreachableError, RefusedError) as error:
            failures.append(error)
            continue
        if states[-1].published:
            return states[-1]
    if not states:
        raise told_together(failures)
    return states[0]
