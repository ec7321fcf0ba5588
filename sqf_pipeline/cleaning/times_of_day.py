"""Times of day: one text to seconds after midnight, or to a number that only the rest of the file can settle."""

import re

from sqf_pipeline.cleaning.column_reading import Rows
from sqf_pipeline.cleaning.dates import SERIALS, is_no_date, read_date
from sqf_pipeline.cleaning.numerals import parse_number
from sqf_pipeline.cleaning.timestamps import CLOCK, split_moment
from sqf_pipeline.registry.spellings import normalise_text

DAY = 86_400

_PARTS = re.compile(r"([0-9]{1,2})H\s*([0-9]{1,2})M?(?:\s*([0-9]{1,2})S)?")
_HOURS_NEED = 20


def parse_time(text: str) -> int | None:
    """Return seconds after midnight of a 12- or 24-hour clock time.

    `2:26:00 PM` and `14:26:00` are both 51,960. 12 AM is midnight and 12 PM is noon; a date before the time and a
    time zone behind it are passed over, as NYPD's times are New York's.

    >>> [parse_time(text) == (14 * 60 + 26) * 60 for text in ("2:26:00 PM", "14:26", "2020-03-05 14:26:00")]
    [True, True, True]
    >>> parse_time("12:00 AM"), parse_time("24:01"), parse_time("13:00 PM")
    (0, None, None)
    """
    plain = normalise_text(text)
    before, clock = split_moment(plain)
    match = re.fullmatch(CLOCK, clock) or _PARTS.fullmatch(plain)
    if match is None or (clock and before and not is_no_date(before) and read_date(before) is None):
        return None
    hours, minutes, seconds = int(match[1]), int(match[2]), int(match[3] or 0)
    if not clock:
        return _seconds(hours, minutes, seconds)
    if match[5]:
        if not 1 <= hours <= 12:
            return None
        hours = hours % 12 + (12 if match[5] == "P" else 0)
    found = _seconds(hours, minutes, seconds)
    # 14:29:59.9999 is what a spreadsheet's fraction of a day makes of 14:30
    return found if found is None or (match[4] or "0") < "5" else (found + 1) % DAY


def parse_numeric_times(rows_of: Rows) -> dict[str, int | None]:
    """Return seconds after midnight of times that a file writes as numbers without a colon.

    A fraction of a day (`0.6042`, also behind the serial number of a date) is what Excel keeps; four digits (`1430`,
    `930`, `5`) are hours and minutes, six or five hours, minutes and seconds. A column of many numbers below 100
    alone has hours without minutes: none of it is read.
    """
    numbers = {text: number for text in rows_of if (number := parse_number(text)) is not None}
    whole = {text: int(number) for text, number in numbers.items() if number.is_integer()}
    rows = sum(rows_of[text] for text in whole)
    found: dict[str, int | None] = {text: _of_fraction(text, number) for text, number in numbers.items()}
    if rows >= _HOURS_NEED and max(whole.values()) < 100:
        return found | dict.fromkeys(whole)
    long = {text for text, number in whole.items() if number > 9999}
    with_seconds = set(whole) if sum(rows_of[text] for text in long) * 2 > rows else {*long, *filter(_is_long, whole)}
    times = {
        text: _of_digits(number // 100, number % 100) if text in with_seconds else _of_digits(number, 0)
        for text, number in whole.items()
    }
    if any(times[text] is None for text in with_seconds):
        # seconds after midnight, the number of a date, or junk: no number that long can be trusted
        times |= dict.fromkeys(with_seconds)
    return found | times


def _is_long(text: str) -> bool:
    """Return whether a whole number is written in five or six digits, zeros in front included."""
    return re.fullmatch(r"[0-9]{5,6}", normalise_text(text)) is not None


def _of_digits(hours_and_minutes: int, seconds: int) -> int | None:
    return _seconds(hours_and_minutes // 100, hours_and_minutes % 100, seconds) if hours_and_minutes >= 0 else None


def _of_fraction(text: str, number: float) -> int | None:
    """Return the seconds of a fraction of a day: the whole minute that its digits leave possible, else the second."""
    if not (0 <= number < 1 or SERIALS[0] <= number < SERIALS[1]):
        return None
    digits, _, exponent = normalise_text(text).partition("E")
    decimals = len(re.split(r"[.,]", digits)[-1])
    seconds = (number % 1) * DAY
    minute = round(seconds / 60) * 60
    doubt = 0.5 if exponent else max(0.5 * DAY / 10**decimals, 0.5)
    on_the_edge = 1e-6  # 23:33 is 0.98125 of a day, 0.9812 in four digits: half a digit away, but for a float's error
    settled = minute if abs(seconds - minute) <= doubt + on_the_edge else round(seconds)
    return settled if settled < DAY else None


def _seconds(hours: int, minutes: int, seconds: int) -> int | None:
    return hours * 3600 + minutes * 60 + seconds if hours <= 23 and minutes <= 59 and seconds <= 59 else None
