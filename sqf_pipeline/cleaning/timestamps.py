"""Where a text holds a date and a time of day: the two told apart."""

import re

CLOCK = r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]*))?)?\s*(?:([AP])\.?\s?(?:M\.?)?)?"
_ZONE = r"(?:\s*(?:Z|UTC|GMT|E[SD]?T|[+-][0-9]{2}(?::?[0-9]{2})?)(?:\s*\[[A-Z_/]+\])?)?"
_MOMENT = re.compile(rf"(?:(.*?[^\s:,T])(?:[\s:,]+|T|,?\s*T))??T?({CLOCK}){_ZONE}")
_COMPACT = re.compile(rf"([0-9]{{8}})T([0-9]{{2}})([0-9]{{2}})([0-9]{{2}})?{_ZONE}")
_ZONED_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:Z|[+-][0-9]{2}:[0-9]{2})")


def split_moment(text: str) -> tuple[str, str]:
    """Return what stands before a clock time, and the clock time (each '' where there is none), of a plain text.

    A date alone is returned whole as the first; a time zone at the end belongs to neither.
    """
    if match := _COMPACT.fullmatch(text):
        return match[1], f"{match[2]}:{match[3]}:{match[4] or '00'}"
    if match := _MOMENT.fullmatch(text):
        return match[1] or "", match[2].strip()
    if match := _ZONED_DATE.fullmatch(text):
        return match[1], ""
    return text, ""
