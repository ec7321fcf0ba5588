"""Which years can be tested and trained on, and the runs that they need."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqf_pipeline.errors import SqfError
from sqf_pipeline.registry.year_and_month_words import FIRST_YEAR, year_words

TRAINING_YEARS = 3  # as in the 2021 study
FIRST_TEST_YEAR = FIRST_YEAR + TRAINING_YEARS
STUDY_TEST_YEAR = 2020
"""Test year of the 2021 study, which is made when none is named."""

STOPS_JOB, RERUN_JOB = "yearly_stops", "yearly_rerun"


@dataclass(frozen=True)
class Work:
    """One run to be made: a job and its year."""

    job: str
    year: int


def work_for(
    test_years: Iterable[int], *, everything: bool = False, train: Iterable[int] = (), stops_of: Iterable[int] = ()
) -> list[Work]:
    """Return the runs that test years need, in order: every year's stops once, then each test year.

    Without `everything`, a test year ends with the plain models; with it, evaluation and publication follow. `train`
    are the years it is trained on, the three before it when there are none; `stops_of` are years whose stops are
    loaded besides.
    """
    tested = sorted(set(test_years))
    job = RERUN_JOB if everything else "yearly_models"
    trained = set(train)
    needed = {year for test_year in tested for year in (*(trained or training_years(test_year)), test_year)}
    return [*(Work(STOPS_JOB, year) for year in sorted(needed | set(stops_of))), *(Work(job, year) for year in tested)]


def training_years(test_year: int) -> tuple[int, ...]:
    """Return the years, earliest first, on which the models of a test year are trained."""
    return tuple(range(test_year - TRAINING_YEARS, test_year))


def years_over(first: int, now: datetime | None = None) -> range:
    """Return the years from the first that is meant to the last that is over."""
    return range(first, (now or datetime.now(tz=UTC)).year)


def require_years(years: Iterable[int], *, now: datetime | None = None) -> None:
    """Refuse years whose stops cannot have been published; raises SqfError naming all of them and those that can."""
    known = years_over(FIRST_YEAR, now)
    refused = [year for year in sorted(set(years)) if year not in known]
    if refused:
        raise SqfError(
            f"There are no stops of {year_words(refused)}: expected years from {known[0]} to {known[-1]}, the first "
            "that NYPD published and the last that is over."
        )


def require_training_years(training: Iterable[int], test_year: int, *, now: datetime | None = None) -> None:
    """Refuse training years that cannot have been published, or that do not lie before the test year."""
    require_years(training, now=now)
    late = [year for year in sorted(set(training)) if year >= test_year]
    if late:
        raise SqfError(
            f"The test year {test_year} cannot be trained on {year_words(late)}: expected years before it, for a model "
            "may not learn from the stops that it is measured on, or from later ones."
        )


def require_test_year(year: int, *, now: datetime | None = None) -> None:
    """Refuse a test year without three published years before it, or that is not over; SqfError says which can be."""
    known = years_over(FIRST_TEST_YEAR, now)
    if year not in known:
        told = f"{known[0]} to {known[-1]}" if known else "none yet"
        raise SqfError(
            f"{year} cannot be a test year: expected one of {told}. A test year needs the {TRAINING_YEARS} years "
            f"before it, the first of them {FIRST_YEAR} or later, and must itself be over."
        )
