"""Times as clients write them (rest.md §4): ISO 8601 with `Z`, with an offset, or, in the zone that they work in, with neither."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from davlock.errors import BadRequest
from davlock.rest.presentation import EMPTY, OPEN_END, Presentation, exact

# A browser in another zone writes the two ends of time as `-000001-…` or `+010000-…`, and .NET seven digits of a second.
PATTERN = (
    r"^(?:(?:[0-9]{4}|[+-][0-9]{6})-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"(?:[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?(?:Z|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])?)?)?$"
)
_PARTS = re.compile(
    r"(?P<year>[+-]?[0-9]+)-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
    r"(?:[T ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})[.0-9]*)?)?"
    r"(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_FIRST, _LAST = 2, 9998  # years; what is before or after them is no time at all, or the end of all of them
_ENDLESS = "9999-12-31T23:59:59Z"


def parse(text: str, zone: tzinfo) -> str | None:
    """A time in UTC, as `exact()` prints it; None for an empty one. A day that its month does not have is one of the next month.

    zone: of a time that does not say its own. Raises BadRequest.
    """
    if not text.strip():
        return None
    parts = _PARTS.fullmatch(text.strip())
    if parts is None:
        raise BadRequest("A time is written like 2026-01-31T12:30:00, with Z or an offset such as +01:00 behind it if need be.")
    year = int(parts["year"])
    if not _FIRST <= year <= _LAST:
        return None if year < _FIRST else _ENDLESS
    hour, minute, second = (int(parts[each] or 0) for each in ("hour", "minute", "second"))
    days = timedelta(days=int(parts["day"]) - 1)
    try:
        moment = datetime(year, int(parts["month"]), 1, hour, minute, second, tzinfo=_zone(parts["zone"]) or zone) + days
    except ValueError:
        raise BadRequest("A time has a month from 01 to 12, an hour from 00 to 23, and minutes and seconds from 00 to 59.") from None
    return exact(moment.timestamp())


def show(text: str, present: Presentation) -> str:
    """A time that parse() has made, for a client; the empty one for what it cannot have made."""
    second = seconds(text)
    if second is None:
        return EMPTY
    return OPEN_END if text == _ENDLESS else present.moment(second)


def seconds(text: str) -> int | None:
    """A time that parse() has made, as Unix time; None for what it cannot have made."""
    parts = _PARTS.fullmatch(text)
    if parts is None or parts["zone"] != "Z" or not _FIRST <= int(parts["year"]) <= 9999:
        return None
    try:
        return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None


def _zone(text: str | None) -> tzinfo | None:
    if text is None:
        return None
    if text == "Z":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-offset if text[0] == "-" else offset)
