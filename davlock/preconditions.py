"""Conditional requests (RFC 9110 section 13): If-Match and its three sisters, and If-Range. `now` is given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from davlock.errors import BadRequest

# No second run of blanks when the element is empty: two adjacent runs would make the match quadratic.
_ELEMENT = re.compile(r'[ \t]*(?:((?:W/)?"[\x21\x23-\x7e\x80-\xff]*")[ \t]*)?(?:,|\Z)')

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_DAY_NAME = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_LONG_DAY_NAME = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_CLOCK = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_DATES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_DAY_NAME}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_CLOCK} GMT",  # IMF-fixdate (RFC 1123)
        rf"{_LONG_DAY_NAME}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_CLOCK} GMT",  # RFC 850
        rf"{_DAY_NAME} {_MONTH} (?P<day>[ 0-9][0-9]) {_CLOCK} (?P<year>[0-9]{{4}})",  # asctime
    )
)
_EPOCH = datetime(1970, 1, 1)


class Outcome(Enum):
    """What the preconditions say: go on, 304 (Not Modified), or 412 (Precondition Failed)."""

    PROCEED = "proceed"
    NOT_MODIFIED = "not modified"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Conditional:
    """The conditional headers of one request as sent; None where a header is absent."""

    if_match: str | None = None
    if_none_match: str | None = None
    if_modified_since: str | None = None
    if_unmodified_since: str | None = None


def from_environ(environ: Mapping[str, Any]) -> Conditional | None:
    """Return the conditional headers in a WSGI environ, or None when there are none (the common case, and cheap)."""
    get = environ.get
    if_match, if_none_match = get("HTTP_IF_MATCH"), get("HTTP_IF_NONE_MATCH")
    modified, unmodified = get("HTTP_IF_MODIFIED_SINCE"), get("HTTP_IF_UNMODIFIED_SINCE")
    if if_match is None and if_none_match is None and modified is None and unmodified is None:
        return None
    return Conditional(if_match, if_none_match, modified, unmodified)


def check(method: str, headers: Conditional, etag: str | None, modified: int | None, now: int) -> Outcome:
    """Judge the headers in the order of RFC 9110 section 13.2.2 against what is at the Request-URI, and nowhere else.

    `etag` is the current entity tag with its quotes, None if nothing is there, "" if something is there that has no
    entity tag. `modified` (None if there is none) and `now` are whole seconds since 1970. A GET that would be 404
    without the headers is still 404 with them (section 13.2.1): the caller looks first.

    Raises BadRequest if a list of entity tags is malformed. Unreadable dates are ignored, as the RFC demands.
    """
    if method in ("OPTIONS", "TRACE", "CONNECT"):  # section 13.2.1: nothing is selected or changed
        return Outcome.PROCEED
    reading = method in ("GET", "HEAD")
    if headers.if_match is not None:
        if not _matches("If-Match", headers.if_match, etag, strong=True):
            return Outcome.FAILED
    elif headers.if_unmodified_since is not None and modified is not None:
        since = parse_date(headers.if_unmodified_since, now)
        if since is not None and modified > since:
            return Outcome.FAILED
    if headers.if_none_match is not None:
        if _matches("If-None-Match", headers.if_none_match, etag, strong=False):
            return Outcome.NOT_MODIFIED if reading else Outcome.FAILED
    elif reading and headers.if_modified_since is not None and modified is not None:
        since = parse_date(headers.if_modified_since, now)
        # A date in the future proves nothing about what the client holds, unless it is our own Last-Modified.
        if since is not None and (modified == since or modified < since <= now):
            return Outcome.NOT_MODIFIED
    return Outcome.PROCEED


def if_range_applies(value: str, etag: str | None, modified: int | None, now: int) -> bool:
    """Return whether If-Range lets the Range header count (RFC 9110 section 13.1.5); if not, send the whole document.

    True for the current strong `etag`, or for exactly the current Last-Modified, if `modified` (seconds since 1970) is
    over by `now`: within its own second a date cannot tell two versions apart (section 8.8.2.2). Never raises.
    """
    value = value.strip(" \t")
    if value.startswith('"'):
        return value == etag
    return modified is not None and modified < now and parse_date(value, now) == modified


def parse_date(value: str, now: int) -> int | None:
    """Return an HTTP-date (all three forms of RFC 9110 section 5.6.7) as seconds since 1970, None if it is not one.

    `now` (seconds since 1970) decides the century of the two-digit years of RFC 850.
    """
    value = value.strip(" \t")
    match = next((match for pattern in _DATES if (match := pattern.fullmatch(value))), None)
    if match is None:
        return None
    year = int(match["year"])
    if len(match["year"]) == 2:
        this_year = (_EPOCH + timedelta(seconds=now)).year
        year += this_year - this_year % 100
        if year > this_year + 50:
            year -= 100
    month = _MONTHS.index(match["month"]) + 1
    clock = int(match["hour"]), int(match["minute"]), int(match["second"])
    try:
        return (datetime(year, month, int(match["day"]), *clock) - _EPOCH) // timedelta(seconds=1)
    except ValueError:
        return None  # 30 February, 25 o'clock, year 0


def _matches(name: str, value: str, etag: str | None, *, strong: bool) -> bool:
    """Return whether the list in `value` has the current `etag`, or is `*` and anything is there (`etag` not None)."""
    if value.strip(" \t") == "*":
        return etag is not None
    sent = _parse_etags(name, value)
    if etag is None:
        return False
    if strong:
        return not etag.startswith("W/") and etag in sent
    return etag.removeprefix("W/") in {each.removeprefix("W/") for each in sent}


def _parse_etags(name: str, value: str) -> list[str]:
    """Read a comma list of entity tags; empty elements are allowed (RFC 9110 section 5.6.1.2)."""
    found: list[str] = []
    at = 0
    while at < len(value):
        match = _ELEMENT.match(value, at)
        if match is None:
            raise BadRequest(f'The {name} header is malformed at character {at + 1}; send * or quoted entity tags such as "abc".')
        if match[1] is not None:
            found.append(match[1])
        at = match.end()
    return found
