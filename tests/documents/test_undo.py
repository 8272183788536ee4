"""A checkout ends without a check-in: undone, by force, or under an upload that is still on its way. And what no comment can be."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from davlock import paths
from davlock.errors import (
    BadRequest,
    DavlockError,
    Forbidden,
    Locked,
    LockLost,
    NotCheckedOut,
    NotHolder,
)
from davlock.model import Lock, Note
from davlock.uploads import Upload
from tests.documents.conftest import ADMIN, ALICE, BOB, Clock, Site


@pytest.fixture
def doc(site: Site) -> Lock:
    """Alice's checkout of /doc.txt, which says "old"."""
    site.put("/doc.txt", b"old", BOB)
    return site.check_out("/doc.txt", comment="chapter 3")


# undo, forced undo, breaking


def test_an_undo_publishes_nothing(site: Site, doc: Lock) -> None:
    site.put("/doc.txt", b"draft")
    assert site.undo("/doc.txt") == doc
    assert (site.get("/doc.txt", "alice"), site.contents("/doc.txt")) == (b"old", [b"old"])
    assert site.library.all_locks() == []
    site.put("/doc.txt", b"bob's", BOB)


def test_an_undo_by_force_needs_the_right_and_a_reason(site: Site, doc: Lock, clock: Clock) -> None:
    site.put("/doc.txt", b"draft")
    for caller, reason, error in ((BOB, "", NotHolder), (BOB, "I need it", NotHolder), (ADMIN, "", BadRequest), (ADMIN, "  ", BadRequest)):
        with pytest.raises(error):
            site.undo("/doc.txt", caller, reason)
        with pytest.raises((Forbidden, BadRequest)):
            site.library.break_lock(doc.token, caller, reason)
    assert site.library.all_locks() == [doc]
    clock.now += 60
    assert site.undo("/doc.txt", ADMIN, "left the company") == doc
    (past,) = site.library.archive.history("/doc.txt")
    assert (past.how.value, past.ended_by, past.reason, past.ended) == ("broken", "root", "left the company", clock.now)
    assert (past.principal, past.since, past.comment, past.token) == ("alice", clock.now - 60, "chapter 3", doc.token)
    (draft,) = site.rescued()
    assert (draft.how, draft.ended_by, draft.reason) == (past.how, "root", "left the company")
    assert site.draft_content(draft.id) == b"draft"


def test_a_broken_checkout_rescues_the_draft(site: Site, doc: Lock) -> None:
    site.put("/doc.txt", b"draft")
    site.library.break_lock(doc.token, ADMIN, "left the company")
    assert site.get("/doc.txt", "alice") == b"old"
    assert [site.draft_content(draft.id) for draft in site.rescued()] == [b"draft"]


def test_an_unlock_with_the_token_of_the_checkout_rescues_the_draft(site: Site, doc: Lock) -> None:
    site.put("/doc.txt", b"draft")
    site.library.unlock("/doc.txt", doc.token, ALICE)
    assert [site.draft_content(draft.id) for draft in site.rescued()] == [b"draft"]


def test_a_session_does_not_end_with_the_checkout(site: Site, doc: Lock) -> None:
    site.lock("/doc.txt")
    site.undo("/doc.txt")
    assert site.locks("/doc.txt") == [("LOCK", "alice")]


# an upload outlives the checkout that it began under (fencing)


def again(site: Site) -> None:
    site.undo("/doc.txt", ADMIN, "left the company")
    site.check_out("/doc.txt")


def by_bob(site: Site) -> None:
    site.undo("/doc.txt", ADMIN, "left the company")
    site.check_out("/doc.txt", BOB)


ENDINGS: list[Callable[[Site], object]] = [
    lambda site: site.undo("/doc.txt"),
    lambda site: site.check_in("/doc.txt"),
    lambda site: site.undo("/doc.txt", ADMIN, "left the company"),
    again,
    by_bob,
]


@pytest.mark.parametrize("end", ENDINGS, ids=["undone", "checked-in", "broken", "taken-again", "taken-by-another"])
@pytest.mark.parametrize("checks_in", [False, True])
def test_what_was_written_under_a_checkout_that_has_ended_is_refused(
    site: Site, doc: Lock, end: Callable[[Site], object], checks_in: bool
) -> None:
    site.put("/doc.txt", b"draft")
    ended = False

    class Upload_:
        def read(self, size: int, /) -> bytes:
            nonlocal ended
            if not ended:
                end(site)
                ended = True
                return b"late"
            return b""

    before = b"draft" if end is ENDINGS[1] else b"old"
    at = paths.parse("/doc.txt")
    with pytest.raises((Locked, LockLost, NotCheckedOut, NotHolder)):
        if checks_in:
            site.library.check_in(at, ALICE, content=Upload(Upload_()))
        else:
            site.library.write(at, Upload_(), None, ALICE)
    for viewer in ("", "alice", "bob"):
        assert site.get("/doc.txt", viewer) == before
    assert b"late" not in site.contents("/doc.txt")
    assert [site.draft_content(draft.id) for draft in site.rescued()] == ([] if end is ENDINGS[1] else [b"draft"])
    assert (site.leftovers(), site.shelves()) == ([], [])


# bad input

BAD = [
    "two\nlines",
    "tab\t",
    "null\0",
    "bell\x07",
    "delete\x7f",
    "next line\x85",
    "separator\u2028",
    "half \ud800",
    "not a character \uffff",
]


@pytest.mark.parametrize("text", [*BAD, "x" * 1024 * 1024], ids=lambda text: ascii(text[:20]))
def test_a_comment_that_is_no_line_of_text(site: Site, doc: Lock, text: str) -> None:
    site.put("/doc.txt", b"draft")
    site.put("/other.txt", b"other")
    at = paths.parse("/doc.txt")
    refused: list[Callable[[], object]] = [
        lambda: site.check_out("/other.txt", comment=text),
        lambda: site.library.describe_checkout("/doc.txt", ALICE, text),
        lambda: site.check_in("/doc.txt", comment=text),
        lambda: site.library.check_in(at, ALICE, Note(extra=("ok", text))),
        lambda: site.check_in("/doc.txt", comment=text, content=b"given"),
        lambda: site.undo("/doc.txt", ALICE, text),
        lambda: site.undo("/doc.txt", ADMIN, text),
        lambda: site.library.archive.restore(site.document("/other.txt"), 1, paths.parse("/other.txt"), ALICE, text),
        lambda: site.library.write(paths.parse("/other.txt"), io.BytesIO(b"new"), 3, ALICE, note=Note(text)),
        lambda: site.library.break_lock(doc.token, ADMIN, text),
    ]
    for attempt in refused:
        with pytest.raises(BadRequest):
            attempt()
    assert (site.library.all_locks(), site.get("/doc.txt", "alice"), site.get("/doc.txt")) == ([doc], b"draft", b"old")
    assert site.contents("/other.txt") == [b"other"]


def test_as_much_as_possible_is_said(site: Site, doc: Lock) -> None:
    note = Note("ü" * 4096, tuple(f"name{number}=" + "ß" * 1000 for number in range(100)))
    site.put("/doc.txt", b"draft")
    with pytest.raises(BadRequest):
        site.library.check_in(paths.parse("/doc.txt"), ALICE, Note(extra=("x",) * 101))
    site.library.check_in(paths.parse("/doc.txt"), ALICE, note)
    newest = site.versions("/doc.txt")[-1]
    assert (newest.comment, newest.extra) == (note.comment, note.extra)


def test_every_refusal_is_one_sentence_or_two_for_a_person(site: Site, doc: Lock) -> None:
    site.lock("/doc.txt")
    told = []
    for attempt in (
        lambda: site.check_in("/doc.txt"),
        lambda: site.check_in("/free.txt"),
        lambda: site.undo("/free.txt"),
        lambda: site.undo("/doc.txt", BOB),
        lambda: site.check_in("/doc.txt", BOB),
    ):
        with pytest.raises(DavlockError) as refused:
            attempt()
        told.append(refused.value.message)
    assert told == [
        "doc.txt is locked by alice. Close it there before you check it in.",
        "free.txt is not checked out; check it out before you check it in.",
        "free.txt is not checked out; there is nothing to undo.",
        "doc.txt is checked out by alice.",
        "doc.txt is checked out by alice.",
    ]
