"""The first year that is read, the months and weekdays, and how years and months are written for people."""

import re
from collections.abc import Iterable, Sequence

FIRST_YEAR = 2003
"""The first year of which NYPD has published the stops."""

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ALL_MONTHS = frozenset(range(1, 13))


def month_words(months: Iterable[int]) -> str:
    """Return months in words, or `no month`.

    >>> month_words({1, 2, 3, 5})
    'January to March, May'
    """
    runs: list[list[int]] = []
    for month in sorted(months):
        if runs and month == runs[-1][-1] + 1:
            runs[-1].append(month)
        else:
            runs.append([month])
    names = [f"{MONTHS[run[0] - 1]} to {MONTHS[run[-1] - 1]}" if len(run) > 1 else MONTHS[run[0] - 1] for run in runs]
    return ", ".join(names) or "no month"


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
