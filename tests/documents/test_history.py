"""What is remembered of the locks and checkouts that a document had: whose, since when, and how they ended."""

from __future__ import annotations

from collections.abc import Callable

from davlock.model import Kind
from davlock.policy import DAY
from tests.documents.conftest import ADMIN, BOB, Clock, Opener, Site


def test_how_locks_and_checkouts_have_ended(site: Site, clock: Clock) -> None:
    site.put("/a.txt", b"one")
    happenings: list[tuple[Callable[[], object], tuple[str, str, str, str]]] = [
        (lambda: (site.lock("/a.txt"), site.unlock("/a.txt")), ("LOCK", "alice", "released", "alice")),
        (lambda: (site.lock("/a.txt", BOB, Kind.EDIT), run_out()), ("EDIT", "bob", "expired", "")),
        (lambda: site.library.break_lock(site.lock("/a.txt").token, ADMIN, "why"), ("LOCK", "alice", "broken", "root")),
        (lambda: (site.check_out("/a.txt"), site.check_in("/a.txt")), ("CHECKOUT", "alice", "checked in", "alice")),
        (lambda: (site.check_out("/a.txt"), site.check_in("/a.txt", content=b"2")), ("CHECKOUT", "alice", "checked in", "alice")),
        (lambda: (site.check_out("/a.txt"), site.undo("/a.txt")), ("CHECKOUT", "alice", "undone", "alice")),
        (lambda: (site.check_out("/a.txt", BOB), site.undo("/a.txt", ADMIN, "why")), ("CHECKOUT", "bob", "broken", "root")),
    ]

    def run_out() -> None:
        clock.now += 600
        site.lock("/a.txt")
        site.unlock("/a.txt")

    expected: list[tuple[str, str, str, str]] = []
    for happens, ending in happenings:
        happens()
        expected = [ending, *expected]
        if ending[2] == "expired":
            expected = [("LOCK", "alice", "released", "alice"), *expected]
        assert site.endings("/a.txt") == expected
    ended = [past.ended for past in site.library.archive.history("/a.txt")]
    assert ended == sorted(ended, reverse=True)


def test_the_history_of_what_was_deleted_or_moved(site: Site) -> None:
    for name in ("deleted", "locked-and-moved", "replaced"):
        site.put(f"/{name}", b"")
    site.check_out("/deleted")
    site.delete("/deleted")
    assert site.endings("/deleted") == [("CHECKOUT", "alice", "deleted", "alice")]
    site.lock("/locked-and-moved")
    site.move("/locked-and-moved", "/moved", site.with_tokens())
    assert site.endings("/moved") == [("LOCK", "alice", "moved", "alice")]
    replaced = site.check_out("/replaced").document
    site.put("/other", b"")
    site.check_out("/other")
    site.move("/other", "/replaced")
    assert site.endings("/replaced") == []  # of what stands there now
    with site.state.reading() as rows:
        assert [past.how.value for past in rows.history(replaced, "")] == ["replaced"]


def test_a_history_follows_its_document_and_is_kept_for_its_time(site: Site, clock: Clock, open_site: Opener) -> None:
    site.put("/a.txt", b"one")
    site.check_out("/a.txt", comment="first")
    site.undo("/a.txt")
    site.move("/a.txt", "/b.txt")
    site.put("/a.txt", b"another one", BOB)
    assert (site.endings("/a.txt"), site.endings("/b.txt")) == ([], [("CHECKOUT", "alice", "undone", "alice")])
    (past,) = open_site().library.archive.history("/b.txt")
    assert (past.comment, past.path, past.door, past.since) == ("first", "/a.txt", "webdav", clock.now)
    clock.now += 365 * DAY
    site.library.upkeep.tidy()
    assert site.endings("/b.txt") != []
    clock.now += 1
    site.library.upkeep.tidy()
    assert site.endings("/b.txt") == []
