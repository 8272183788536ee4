"""Times as clients write them (rest.md §4): ISO 8601 with `Z`, with an offset, or, in the zone that they work in, with neither."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from davlock.errors import BadRequest
from davlock.rest.presentation import EMPTY, OPEN_END, Presentation, exact

# A browser in another zone writes the two ends of time as `-000001-…` or `+010000-…`, and .NET seven digits of a second.
_PARTS = (
    r"^(?:(?P<year>[0-9]{4}|[+-][0-9]{6})-(?P<month>0[1-9]|1[0-2])-(?P<day>0[1-9]|[12][0-9]|3[01])"
    r"(?:[T ](?P<hour>[01][0-9]|2[0-3]):(?P<minute>[0-5][0-9])(?::(?P<second>[0-5][0-9])(?:\.[0-9]{1,9})?)?"
    r"(?P<zone>Z|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])?)?)?$"
)
PATTERN = re.sub(r"\?P<[a-z]+>", "", _PARTS)
_MOMENT = re.compile(_PARTS)
_FIRST, _LAST = 2, 9998  # years; what is before or after them is no time at all, or the end of all of them
_ENDLESS = "9999-12-31T23:59:59Z"


def parse(text: str, zone: tzinfo) -> str | None:
    """A time in UTC, as `exact()` prints it; None for an empty one. A day that its month does not have is one of the next month.

    zone: of a time that does not say its own. Raises BadRequest.
    """
    parts = _MOMENT.fullmatch(text)
    if parts is None:
        raise BadRequest("A time is written like 2026-01-31T12:30:00, with Z or an offset such as +01:00 behind it if need be.")
    year = int(parts["year"] or 0)
    if not _FIRST <= year <= _LAST:
        return None if year < _FIRST else _ENDLESS
    month, days = int(parts["month"]), timedelta(days=int(parts["day"]) - 1)
    hour, minute, second = (int(parts[each] or 0) for each in ("hour", "minute", "second"))
    return exact((datetime(year, month, 1, hour, minute, second, tzinfo=_zone(parts["zone"]) or zone) + days).timestamp())


def show(text: str, present: Presentation) -> str:
    """A time that parse() has made, for a client; the empty one for what it cannot have made."""
    second = seconds(text)
    if second is None:
        return EMPTY
    return OPEN_END if text == _ENDLESS else present.moment(second)


def seconds(text: str) -> int | None:
    """A time that parse() has made, as Unix time; None for what it cannot have made."""
    if not _MOMENT.fullmatch(text):
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
