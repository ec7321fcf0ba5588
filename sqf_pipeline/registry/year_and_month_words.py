"""The first year that is read, the months and weekdays, and how years and months are written for people."""

import re
from collections.abc import Iterable, Sequence

FIRST_YEAR = 2003  # the first year of which NYPD has published the stops

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ALL_MONTHS = frozenset(range(1, 13))


def _runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Return the first and the last of each run of numbers that follow one another, smallest first."""
    runs: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def month_words(months: Iterable[int]) -> str:
    """Return months in words, or `no month`.

    >>> month_words({1, 2, 3, 5})
    'January to March, May'
    """
    names = [
        MONTHS[first - 1] if first == last else f"{MONTHS[first - 1]} to {MONTHS[last - 1]}"
        for first, last in _runs(months)
    ]
    return ", ".join(names) or "no month"


def year_runs(years: Iterable[int]) -> str:
    """Return years as tables name them; `years_named` reads it again.

    >>> year_runs([2017, 2014, 2018]), year_runs([2020])
    ('2014, 2017-2018', '2020')
    """
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in _runs(years))


def year_words(years: Sequence[int]) -> str:
    """Return sorted years in words.

    >>> year_words([2017, 2018, 2019]), year_words([2017, 2019])
    ('2017 to 2019', '2017, 2019')
    """
    if len(years) > 2 and years[-1] - years[0] == len(years) - 1:
        return f"{years[0]} to {years[-1]}"
    return ", ".join(str(year) for year in years)


def years_named(text: str) -> tuple[int, ...]:
    """Return the years that a text names, each once, earliest first; raises ValueError when it is no list of years.

    >>> years_named("2003-2005,2014"), years_named("2015, 2014")
    ((2003, 2004, 2005, 2014), (2014, 2015))
    """
    years: set[int] = set()
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d{4})\s*(?:-\s*(\d{4})\s*)?", part, flags=re.ASCII)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if first > last:
            raise ValueError(
                f"expected years such as 2014, a range such as 2014-2016, or several with commas between them "
                f"(2003-2005,2014); found {part.strip()!r} in {text!r}"
            )
        years.update(range(first, last + 1))
    return tuple(sorted(years))
