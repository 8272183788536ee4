"""Times in the zone that a client asks for (rest.md §3): out, in, and in davlock's own properties."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from davlock.rest.presentation import presentation
from tests.rest.conftest import Api, Stored
from tests.serving import Serving

WINTER, SUMMER = 1_768_478_400, 1_784_116_800  # 2026-01-15 and 2026-07-15, 12:00 UTC


@pytest.mark.parametrize(
    ("header", "name", "winter", "summer"),
    [
        ("", "UTC", "2026-01-15T12:00:00", "2026-07-15T12:00:00"),
        ("UTC", "UTC", "2026-01-15T12:00:00", "2026-07-15T12:00:00"),
        ("1", "UTC", "2026-01-15T12:00:00", "2026-07-15T12:00:00"),
        ("NO", "Europe/Oslo", "2026-01-15T13:00:00", "2026-07-15T14:00:00"),
        ("no", "Europe/Oslo", "2026-01-15T13:00:00", "2026-07-15T14:00:00"),
        ("261", "Europe/Oslo", "2026-01-15T13:00:00", "2026-07-15T14:00:00"),
        ("460", "America/New_York", "2026-01-15T07:00:00", "2026-07-15T08:00:00"),
        ("US-NY", "America/New_York", "2026-01-15T07:00:00", "2026-07-15T08:00:00"),
        ("us-hi", "Pacific/Honolulu", "2026-01-15T02:00:00", "2026-07-15T02:00:00"),
        ("AU-ACT", "Australia/Sydney", "2026-01-15T23:00:00", "2026-07-15T22:00:00"),
        ("IN", "Asia/Kolkata", "2026-01-15T17:30:00", "2026-07-15T17:30:00"),
        ("europe/OSLO", "Europe/Oslo", "2026-01-15T13:00:00", "2026-07-15T14:00:00"),
        ("NO, includeTZOffset", "Europe/Oslo", "2026-01-15T13:00:00+01:00", "2026-07-15T14:00:00+02:00"),
        ("NO,INCLUDETZOFFSET", "Europe/Oslo", "2026-01-15T13:00:00+01:00", "2026-07-15T14:00:00+02:00"),
        ("includeTZOffset", "UTC", "2026-01-15T12:00:00+00:00", "2026-07-15T12:00:00+00:00"),
        ("nowhere", "UTC", "2026-01-15T12:00:00", "2026-07-15T12:00:00"),
        ("nowhere, includeTZOffset", "UTC", "2026-01-15T12:00:00+00:00", "2026-07-15T12:00:00+00:00"),
        ("US", "UTC", "2026-01-15T12:00:00", "2026-07-15T12:00:00"),  # has many zones
        ("../../etc/passwd", "UTC", "2026-01-15T12:00:00", "2026-07-15T12:00:00"),
        ("localtime", "UTC", "2026-01-15T12:00:00", "2026-07-15T12:00:00"),
        ("\u0661", "UTC", "2026-01-15T12:00:00", "2026-07-15T12:00:00"),  # a digit, but not one of the wire's
    ],
)
def test_a_zone_has_many_names(header: str, name: str, winter: str, summer: str) -> None:
    shown = presentation(header)
    assert (shown.name, shown.moment(WINTER), shown.moment(SUMMER)) == (name, winter, summer)


def test_an_unknown_zone_is_the_base_zone() -> None:
    assert presentation("nowhere", "Asia/Tokyo").moment(WINTER) == "2026-01-15T21:00:00"
    assert presentation("NO", "Asia/Tokyo").moment(WINTER) == "2026-01-15T13:00:00"


@pytest.mark.parametrize("header", ["", "NO", "Pacific/Kiritimati, includeTZOffset", "US-HI"])
def test_the_ends_of_time_can_be_shown(header: str) -> None:
    shown = presentation(header)
    assert shown.moment(None) == "0001-01-01T00:00:00"
    for seconds in (-1e18, -62_135_596_801, -62_135_596_800, 253_402_300_799, 253_402_300_800, 1e18):
        year = int(shown.moment(seconds)[:4])
        assert year in (1, 9999) and (year == 1) == (seconds < 0)


def changed(api: Api, document: Stored, zone: str | None) -> str:
    # The web server's own headers and this door's both say when it was changed.
    answer = api.ask("alice", "GET", f"/Document/{document.id}/Version", SO_TimeZone=zone)
    date: str = json.loads(answer.body)[0]["CheckedInDate"]
    return date


def test_answers_are_in_the_zone_asked_for_and_say_which_it_is(api: Api, document: Stored) -> None:
    base = datetime.fromisoformat(changed(api, document, None))
    assert abs(base - datetime.now(UTC).replace(tzinfo=None)) < timedelta(minutes=10)
    assert datetime.fromisoformat(changed(api, document, "IN")) - base == timedelta(hours=5, minutes=30)
    assert datetime.fromisoformat(changed(api, document, "IN, includeTZOffset")) == base.replace(tzinfo=UTC)
    for sent, said in (("IN", "Asia/Kolkata"), ("261,includeTZOffset", "Europe/Oslo"), ("nowhere", "UTC"), (None, "UTC")):
        assert api.ask("alice", "GET", f"/Document/{document.id}/Lock", SO_Timezone=sent).headers["SO-TimeZone"] == said


def test_the_header_is_said_on_refusals_too(api: Api) -> None:
    assert api.ask("alice", "GET", "/Document/2147483647", SO_TimeZone="NO").headers["SO-TimeZone"] == "Europe/Oslo"


def test_davlocks_own_times_are_utc_and_say_so(api: Api, document: Stored) -> None:
    api("alice", "POST", f"/Document/{document.id}/Lock")
    for zone in (None, "NO", "US-NY, includeTZOffset"):
        told = api("bob", "GET", f"/Document/{document.id}/Lock", SO_TimeZone=zone)
        since = datetime.fromisoformat(told["Since"])
        assert told["Since"].endswith("Z") and abs(since - datetime.now(UTC)) < timedelta(minutes=10)


@pytest.mark.parametrize(
    ("zone", "sent", "utc"),
    [
        (None, "2026-01-15T12:00:00", "2026-01-15T12:00:00"),
        ("NO", "2026-01-15T12:00:00", "2026-01-15T11:00:00"),
        ("NO", "2026-07-15T12:00:00", "2026-07-15T10:00:00"),
        ("NO", "2026-07-15T12:00:00Z", "2026-07-15T12:00:00"),
        ("NO", "2026-07-15T12:00:00.000Z", "2026-07-15T12:00:00"),
        ("US-NY", "2026-07-15T12:00:00+05:30", "2026-07-15T06:30:00"),
        ("nowhere", "2026-07-15T12:00:00", "2026-07-15T12:00:00"),
    ],
)
def test_a_time_without_an_offset_is_in_the_zone_of_the_header(api: Api, document: Stored, zone: str | None, sent: str, utc: str) -> None:
    api("alice", "PATCH", f"/Document/{document.id}", {"Date": sent}, SO_TimeZone=zone)
    assert api("alice", "GET", f"/Document/{document.id}")["Date"] == utc


def test_the_base_zone_is_configured(tmp_path: Path) -> None:
    (tmp_path / "davlock.yaml").write_text("rest: {time_zone: Asia/Kolkata}\n")
    with Serving(tmp_path / "root", "--config", str(tmp_path / "davlock.yaml"), users=("alice",)) as serving:
        (serving.root / "report.docx").write_bytes(b"one")
        api = Api(serving)
        for zone, name in ((None, "Asia/Kolkata"), ("nowhere", "Asia/Kolkata"), ("NO", "Europe/Oslo")):
            answer = api.ask("alice", "GET", "/Document?path=/report.docx&$select=updatedDate", SO_TimeZone=zone)
            assert answer.headers["SO-TimeZone"] == name
            shown = datetime.fromisoformat(json.loads(answer.body)["value"][0]["updatedDate"]).replace(tzinfo=ZoneInfo(name))
            assert abs(shown - datetime.now(UTC)) < timedelta(minutes=10)
