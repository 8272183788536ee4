"""Moments as HTTP writes them (preconditions.py reads them)."""

from __future__ import annotations

import time
from functools import lru_cache

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def gmtime(seconds: int) -> time.struct_time:
    """The parts of a moment (Unix time) in UTC, moved into the years 1 to 9999 that four digits can express."""
    return time.gmtime(min(max(seconds, -62_135_596_800), 253_402_300_799))


@lru_cache(maxsize=8192)
def http_date(seconds: int) -> str:
    """A moment (Unix time) as HTTP has it (RFC 9110 §5.6.7, RFC 1123)."""
    year, month, day, hour, minute, second, weekday, *_ = gmtime(seconds)
    return f"{_DAYS[weekday]}, {day:02} {_MONTHS[month - 1]} {year:04} {hour:02}:{minute:02}:{second:02} GMT"
