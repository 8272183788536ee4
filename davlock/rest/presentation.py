"""How values are shown to this client: times in its zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache

from davlock.rest import zones

EMPTY = "0001-01-01T00:00:00"
OPEN_END = "9999-12-31T23:59:59"


def exact(seconds: float) -> str:
    """A moment (Unix time) in UTC that says so, as davlock's own properties have it."""
    return f"{datetime.fromtimestamp(int(seconds), UTC):%Y-%m-%dT%H:%M:%SZ}"


@dataclass(frozen=True, slots=True)
class Presentation:
    """name, zone: of the times. shows_offset: whether they say so themselves, as SO-TimeZone can ask for (rest.md §3)."""

    name: str = "UTC"
    zone: tzinfo = UTC
    shows_offset: bool = False

    def moment(self, seconds: float | None) -> str:
        """A moment (Unix time) as the API has it; the empty date for None, and the ends of time for what lies beyond them."""
        if seconds is None:
            return EMPTY
        try:
            moment = datetime.fromtimestamp(int(seconds), self.zone)
        except (ValueError, OverflowError, OSError):
            return EMPTY if seconds < 0 else OPEN_END
        return moment.isoformat() if self.shows_offset else moment.replace(tzinfo=None).isoformat()

    def in_utc(self) -> Presentation:
        """The same for times that SO-TimeZone does not move: when something was created and changed (rest.md §3)."""
        return Presentation(shows_offset=self.shows_offset)


@lru_cache(maxsize=256)
def presentation(header: str, base: str = "UTC") -> Presentation:
    """What a client wants that sends this SO-TimeZone header: `NO`, `Europe/Oslo, includeTZOffset` …

    base: the IANA name of the zone where the header names none, or none that is known; that is no error.
    """
    words = [each.strip().lower() for each in header.split(",")]
    name = next((found for each in words if each and (found := zones.find(each))), base)
    return Presentation(name, zones.zone(name), "includetzoffset" in words)
