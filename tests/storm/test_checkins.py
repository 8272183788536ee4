"""Check-ins while every process is killed now and then: nothing is lost, nothing is half done; and the checker would find it out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.storm.checkins import Storm, configured, rage, report
from tests.storm.history import Kill
from tests.storm.journals import Edition, Found, Step, load, save
from tests.storm.replays import check

DOC = "/reports/a.odt"
KILLS = [Kill(50, 50.2, 55)]


def act(kind: str, start: float, status: int = 0, author: str = "alice", **more: Any) -> Step:
    """A step that took a second, acknowledged as usual unless a status says otherwise (-1: the connection broke)."""
    usual = {"PUT": 204, "GET": 200, "LOOK": 207, "HISTORY": 207, "CHECKIN": 201}.get(kind, 200)
    return Step(author, DOC, kind, start, start + 1, max(0, status or usual), **more)


def version(number: int, body: str, comment: str = "", author: str = "alice", fault: str = "") -> Edition:
    return Edition(DOC, author, body, fault, number, comment)


def draft(body: str, author: str = "alice", fault: str = "") -> Edition:
    return Edition(DOC, author, body, fault)


FIRST = act("PUT", 0, author="carol", body="p0")
V1 = version(1, "p0", author="carol")
OUT = act("CHECKOUT", 2)
D1 = act("PUT", 4, body="d1")
IN = act("CHECKIN", 6, comment="c1")
V2 = version(2, "d1", "c1")
CUT_IN = act("CHECKIN", 50, -1, comment="c1")
CUT_UNDO = act("UNCHECKOUT", 50, -1)
HELD, FREE = act("LOOK", 56, holder="alice"), act("LOOK", 56)

Journal = list[Step]

WRONG: list[tuple[str, str, Journal, Found]] = [
    ("lost draft", "the holder reads what is published", [OUT, D1, act("GET", 6, body="p0")], Found((V1,), (draft("d1"),))),
    ("lost draft", "the holder reads an older one", [OUT, D1, act("PUT", 6, body="d2"), act("GET", 8, body="d1")], Found((V1,))),
    ("lost draft", "after a kill", [OUT, D1, CUT_IN, HELD, act("GET", 58, body="p0")], Found((V1,))),
    ("lost draft", "gone in the end", [OUT, D1], Found((V1,))),
    ("lost draft", "undone and not rescued", [OUT, D1, act("UNCHECKOUT", 6)], Found((V1,))),
    ("lost draft", "undone by a kill, and not rescued", [OUT, D1, CUT_UNDO, FREE], Found((V1,))),
    (
        "lost draft",
        "another one was rescued",
        [OUT, D1, act("UNCHECKOUT", 6), act("RESCUED", 8, body="d0")],
        Found((V1,), (), (draft("d1"),)),
    ),
    ("stray draft", "published and rescued", [OUT, D1, IN], Found((V1, V2), (), (draft("d1"),))),
    ("half draft", "other bytes", [OUT, D1], Found((V1,), (draft("d1", fault="5 of 9 bytes"),))),
    ("lost checkout", "nobody has ended it", [OUT, act("LOOK", 4)], Found((V1,))),
    ("phantom checkout", "ended", [OUT, D1, IN, act("LOOK", 8, holder="alice")], Found((V1, V2))),
    ("odd success", "check-in of nothing", [IN], Found((V1,))),
    ("odd refusal", "of the holder's save", [OUT, act("PUT", 4, 423, body="d1")], Found((V1,))),
    ("lost version", "acknowledged, not found", [OUT, D1, IN], Found((V1,))),
    ("lost version", "ended by a kill, not found", [OUT, D1, CUT_IN, FREE], Found((V1,))),
    ("lost version", "not listed", [OUT, D1, IN, act("HISTORY", 8, listed=((1, ""),))], Found((V1, V2))),
    ("double version", "the same check-in", [OUT, D1, IN], Found((V1, V2, version(3, "d1", "c1")))),
    ("wrong number", "twice", [OUT, D1, IN], Found((V1, version(1, "d1", "c1")))),
    ("wrong number", "a gap", [OUT, D1, IN], Found((V1, version(3, "d1", "c1")))),
    ("wrong number", "listed", [act("HISTORY", 2, listed=((1, ""), (3, "")))], Found((V1,))),
    ("wrong order", "the newer one has the lower number", [OUT, D1, IN], Found((version(1, "d1", "c1"), version(2, "p0", author="carol")))),
    ("wrong note", "another comment", [OUT, D1, IN], Found((V1, version(2, "d1", "c0")))),
    ("wrong note", "somebody else", [OUT, D1, IN], Found((V1, version(2, "d1", "c1", "bob")))),
    ("wrong note", "nobody", [OUT, D1, IN], Found((V1, replace(V2, author="", is_unsigned=True)))),
    ("odd success", "nothing written, and a new version", [OUT, act("CHECKIN", 4, comment="c1")], Found((V1,))),
    ("odd success", "a draft, and no new version", [OUT, D1, act("CHECKIN", 6, 200, comment="c1")], Found((V1,))),
    ("wrong version", "read by its number", [OUT, D1, IN, act("VERSION", 8, comment="c1", body="p0")], Found((V1, V2))),
    ("half version", "other bytes", [OUT, D1, IN], Found((V1, version(2, "d1", "c1", fault="5 of 9 bytes")))),
    ("half version", "never checked in", [OUT, D1], Found((V1, V2), (draft("d1"),))),
    ("half version", "published, and still checked out", [OUT, D1, CUT_IN, HELD], Found((V1, V2), (draft("d1"),))),
    ("unpublished", "others read a draft", [OUT, D1, act("GET", 6, author="bob", body="d1")], Found((V1,), (draft("d1"),))),
    ("lost publication", "others read what was", [OUT, D1, IN, act("GET", 8, author="bob", body="p0")], Found((V1, V2))),
    ("lost document", "to others", [act("GET", 4, 404, author="bob")], Found((V1,))),
    ("lost draft", "after a save by dance", [OUT, act("AWAY", 4, 201), act("ONTO", 6, body="d1"), act("GET", 8, 404)], Found((V1,))),
    ("torn read", "the checksum", [act("GET", 4, body="p0", fault="other bytes")], Found((V1,))),
    ("server error", "500", [act("GET", 4, 500)], Found((V1,))),
    ("odd refusal", "the dance is stopped", [OUT, act("AWAY", 4, 423)], Found((V1,))),
    ("no answer", "nobody killed it", [act("GET", 4, -1)], Found((V1,))),
    ("standstill", "busy for ever", [act("GET", 2 + n, 503) for n in range(100)], Found((V1,))),
    ("stray file", "of nobody", [], Found((V1,), strays=(".davlock/drafts/x",))),
]

LEGAL: list[tuple[str, Journal, Found]] = [
    ("checked out and in", [OUT, D1, IN, act("GET", 8, body="d1")], Found((V1, V2))),
    ("untouched", [OUT, act("GET", 4, body="p0"), act("CHECKIN", 6, 200)], Found((V1,))),
    ("undone", [OUT, D1, act("UNCHECKOUT", 6), act("RESCUED", 8, body="d1")], Found((V1,), (), (draft("d1"),))),
    ("kept", [OUT, D1, act("CHECKIN", 6, comment="c1", keep=True), act("PUT", 8, body="d2")], Found((V1, V2), (draft("d2"),))),
    ("refused", [act("CHECKIN", 2, 409), act("UNCHECKOUT", 4, 409), act("CHECKOUT", 6, 423), act("PUT", 8, 423, body="p")], Found((V1,))),
    ("a direct save", [act("PUT", 2, body="p1"), act("GET", 4, body="p1")], Found((V1, version(2, "p1")))),
    (
        "a direct save that broke off, in nobody's way",
        [act("PUT", 50, -1, body="p1"), act("GET", 56, body="p0")],
        Found((V1,)),
    ),
    (
        "a direct save that broke off, and is there unsigned",
        [act("PUT", 50, -1, body="p1"), act("GET", 56, body="p1")],
        Found((V1, replace(version(2, "p1", author=""), is_unsigned=True))),
    ),
    ("saved by dance", [OUT, act("AWAY", 4, 201), act("GET", 4.5, 404), act("ONTO", 6, body="d1")], Found((V1,), (draft("d1"),))),
    (
        "others while it is away",
        [OUT, act("AWAY", 4, 201), act("GET", 5, 404, author="bob"), act("ONTO", 7, body="d1"), IN],
        Found((V1, V2)),
    ),
    ("check-in cut off after", [OUT, D1, CUT_IN, FREE, act("GET", 58, body="d1")], Found((V1, V2))),
    ("check-in cut off before", [OUT, D1, CUT_IN, HELD, act("GET", 58, body="d1")], Found((V1,), (draft("d1"),))),
    ("check-in cut off, and repeated", [OUT, D1, CUT_IN, HELD, act("CHECKIN", 60, comment="c2")], Found((V1, version(2, "d1", "c2")))),
    (
        "check-in cut off and kept, as the list of versions tells",
        [
            OUT,
            D1,
            act("CHECKIN", 50, -1, comment="c1", keep=True),
            act("LOOK", 56, holder="alice"),
            act("HISTORY", 58, listed=((1, ""), (2, "c1"))),
            act("UNCHECKOUT", 60),
        ],
        Found((V1, V2)),
    ),
    ("nobody knows", [OUT, D1, CUT_IN], Found((V1, V2))),
    ("nobody knows either", [OUT, D1, CUT_IN], Found((V1,), (draft("d1"),))),
    ("undo cut off after", [OUT, D1, CUT_UNDO, FREE], Found((V1,), (), (draft("d1"),))),
    ("undo cut off before", [OUT, D1, CUT_UNDO, HELD], Found((V1,), (draft("d1"),))),
    ("a draft cut off", [OUT, D1, act("PUT", 50, -1, body="d2"), act("GET", 56, body="d1")], Found((V1,), (draft("d1"),))),
    ("a draft cut off that counts", [OUT, D1, act("PUT", 50, -1, body="d2"), act("GET", 56, body="d2")], Found((V1,), (draft("d2"),))),
    ("a dance without a checkout, after all", [OUT, D1, CUT_IN, act("LOOK", 56, 404), act("AWAY", 58, 423)], Found((V1, V2))),
    ("busy", [OUT, D1, act("CHECKIN", 6, 503, comment="c1"), act("LOOK", 8, holder="alice")], Found((V1,), (draft("d1"),))),
]


def journals(steps: Journal) -> list[Journal]:
    """One of each author."""
    return [[step for step in (FIRST, *steps) if step.author == author] for author in ("carol", "alice", "bob")]


@pytest.mark.parametrize(("kind", "steps", "found"), [(k, s, f) for k, _, s, f in WRONG], ids=[f"{k}: {name}" for k, name, _, _ in WRONG])
def test_finds_what_no_correct_server_does(kind: str, steps: Journal, found: Found) -> None:
    assert kind in {fault.kind for fault in check(journals(steps), found, KILLS)}


@pytest.mark.parametrize(("steps", "found"), [(s, f) for _, s, f in LEGAL], ids=[name for name, _, _ in LEGAL])
def test_reports_nothing_that_may_have_been_right(steps: Journal, found: Found) -> None:
    assert [str(fault) for fault in check(journals(steps), found, KILLS)] == []


def test_saved_journals_are_judged_the_same(tmp_path: Path) -> None:
    for _, _, steps, found in WRONG:
        save(journals(steps), tmp_path / "journals")
        again = load(tmp_path / "journals")
        assert [str(each) for each in check(again, found, KILLS)] == [str(each) for each in check(journals(steps), found, KILLS)]


def test_kills_during_check_ins_lose_nothing(tmp_path: Path) -> None:
    with configured(tmp_path, workers=2) as serving:
        outcome = rage(Storm(seconds=6, processes=2, clients=4, kills=6), serving, tmp_path)
    assert not outcome.wrong, report(outcome)
    assert len(outcome.kills) == 6
    done = {step.kind for journal in outcome.journals for step in journal if step.is_done}
    assert {"CHECKOUT", "PUT", "CHECKIN", "UNCHECKOUT", "AWAY", "ONTO", "HISTORY", "VERSION", "RESCUED"} <= done, report(outcome)
