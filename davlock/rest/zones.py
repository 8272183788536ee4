"""Time zones, by the names that clients have for them: those of IANA, countries that have one zone, and the codes and numbers that
SuperOffice documents (rest.md §3). In any case."""

from __future__ import annotations

import zoneinfo
from collections import Counter
from datetime import UTC, tzinfo
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

# SuperOffice's own list, as far as its documentation shows it
_DOCUMENTED = {
    ("1", "utc"): "UTC",
    ("36", "au-act"): "Australia/Sydney",
    ("114", "ca-qc"): "America/Toronto",
    ("140", "dk"): "Europe/Copenhagen",
    ("156", "fr"): "Europe/Paris",
    ("261", "no"): "Europe/Oslo",
    ("425", "us-ca"): "America/Los_Angeles",
    ("433", "us-hi"): "Pacific/Honolulu",
    ("460", "us-ny"): "America/New_York",
}


def find(name: str) -> str | None:
    """The IANA name of a zone; None if there is none of this name."""
    return _names().get(name.lower())


@cache
def zone(iana: str) -> tzinfo:
    """A zone that find() has found."""
    return UTC if iana == "UTC" else ZoneInfo(iana)


@cache
def _names() -> dict[str, str]:
    """IANA names by what a zone can be called."""
    names = {each.lower(): each for each in zoneinfo.available_timezones() if each != "localtime"}
    names |= _countries()
    names |= {each: iana for called, iana in _DOCUMENTED.items() for each in called}
    return names


def _countries() -> dict[str, str]:
    table = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in table.splitlines() if line and not line.startswith("#")]
    zones = Counter(country for country, *_ in rows)
    return {country.lower(): row[1] for country, *row in rows if zones[country] == 1}
