"""One published text to one value: times, dates, heights, numbers, flags.

What belongs here: pure functions of one text that has already been found not to spell nothing. Each returns
None for a text that it cannot read. What does not: frames, counting, and plausible ranges (`cleaning`).
"""

import datetime as dt
import re

_TIME = re.compile(r"(?:\d{4}-\d\d-\d\d )?(\d{1,2}):(\d\d)(?::(\d\d)(?:\.0+)?)?\s*([AP])?\.?M?\.?")
_DATE_FORMATS = ("%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y", "%Y/%m/%d", "%d-%b-%Y", "%d-%b-%y")
_EXCEL_EPOCH = dt.date(1899, 12, 30)
_HEIGHT = re.compile(r"(\d)(?:\.(\d{0,2}))?|(\d)\s*'\s*(\d{1,2})?\s*\"?")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


def parse_time(text: str) -> int | None:
    """Return seconds after midnight of a 12- or 24-hour time.

    `2:26:00 PM` and `14:26:00` are both 51,960. 12 AM is midnight and 12 PM is noon; a date before the time,
    as a spreadsheet may write it, is passed over.
    """
    match = _TIME.fullmatch(text.upper())
    if match is None:
        return None
    hours, minutes, seconds = int(match[1]), int(match[2]), int(match[3] or 0)
    if match[4]:
        if not 1 <= hours <= 12:
            return None
        hours = hours % 12 + (12 if match[4] == "P" else 0)
    if hours > 23 or minutes > 59 or seconds > 59:
        return None
    return hours * 3600 + minutes * 60 + seconds


def parse_date(text: str) -> dt.date | None:
    """Return the date of an ISO, American (month first) or spreadsheet serial text."""
    day = text.removesuffix(" 00:00:00")
    for pattern in _DATE_FORMATS:
        try:
            return dt.datetime.strptime(day, pattern).date()  # noqa: DTZ007 - a calendar date has no zone
        except ValueError:
            continue
    if re.fullmatch(r"[34]\d{4}|5\d{4}", day):
        return _EXCEL_EPOCH + dt.timedelta(days=int(day))
    return None


def parse_height(text: str) -> float | None:
    """Return inches of a height written as feet.inches.

    `5.11` is 5 ft 11 in and `5.80` is 5 ft 8 in. `5.1` and `5.10` are 5 ft 10 in: a sheet that stores numbers
    shows 5 ft 10 in and 5 ft 1 in both so, and far more people are 5 ft 10 in (2017 has 1,453 of `5.10` and
    only 388 of `5.40`; a true 5 ft 1 in would be rarer still). More than 11 inches is not a height.
    """
    match = _HEIGHT.fullmatch(text)
    if match is None:
        return None
    if match[3]:
        feet, inches = int(match[3]), int(match[4] or 0)
    else:
        feet, digits = int(match[1]), match[2] or "0"
        if digits in {"1", "10"}:
            inches = 10
        elif len(digits) == 2 and digits.endswith("0"):
            inches = int(digits[0])
        else:
            inches = int(digits)
    return float(feet * 12 + inches) if inches < 12 else None


def parse_number(text: str) -> float | None:
    """Return the number that a text writes in digits."""
    return float(text) if _NUMBER.fullmatch(text) else None


def parse_whole_number(text: str) -> float | None:
    """Return the whole number that a text writes, also as `12.00`; None for a fraction."""
    number = parse_number(text)
    return number if number is not None and number.is_integer() else None


def parse_month(text: str) -> int | None:
    """Return 1 to 12 for the English name of a month or its number."""
    return _parse_name_or_number(text, MONTHS)


def parse_weekday(text: str) -> int | None:
    """Return 1 (Monday) to 7 (Sunday) for the English name of a weekday or its number."""
    return _parse_name_or_number(text, WEEKDAYS)


def _parse_name_or_number(text: str, names: tuple[str, ...]) -> int | None:
    if text.isascii() and text.isdigit():
        return int(text) if 1 <= int(text) <= len(names) else None
    start = text.upper()[:3]
    return names.index(start) + 1 if text.isalpha() and start in names else None


def parse_flag(text: str) -> bool | None:
    """Return whether a flag says yes (Y) or no (N)."""
    return {"Y": True, "N": False, "YES": True, "NO": False}.get(text.upper())


__all__ = [
    "MONTHS", "WEEKDAYS", "parse_date", "parse_flag", "parse_height", "parse_month", "parse_number", "parse_time",
    "parse_weekday", "parse_whole_number",
]  # fmt: skip
