"""Check out, check in, undo: who may, what it refuses, and what is told of it afterwards (design §2)."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from davlock import paths
from davlock.conditions import View
from davlock.errors import (
    Conflict,
    IncompleteBody,
    IsFolder,
    Locked,
    NotCheckedOut,
    NotForCheckout,
    NotFound,
    NotHolder,
    PreconditionFailed,
    StillOpen,
)
from davlock.model import Caller, Kind, Lock, Note, Scope, Semantics
from davlock.policy import Policy
from davlock.uploads import Upload
from tests.documents.conftest import ADMIN, ALICE, BOB, Bytes, Clock, Opener, Site


@pytest.fixture
def doc(site: Site) -> Lock:
    """Alice's checkout of /doc.txt, which says "old"."""
    site.put("/doc.txt", b"old", BOB)
    return site.check_out("/doc.txt", comment="chapter 3")


# check-out


def test_what_a_checkout_tells(site: Site, doc: Lock, clock: Clock) -> None:
    assert (doc.kind, doc.principal, doc.door, doc.since, doc.expires) == (Kind.CHECKOUT, "alice", "webdav", clock.now, None)
    assert (doc.document, doc.comment) == (site.id("/doc.txt"), "chapter 3")
    assert site.library.checkout("/doc.txt") == doc
    assert site.library.checkout("/other.txt") is None


def test_checking_out_makes_no_version(site: Site, doc: Lock) -> None:
    assert site.contents("/doc.txt") == [b"old"]


def test_a_second_checkout_of_the_same_person_changes_nothing(site: Site, doc: Lock, clock: Clock) -> None:
    clock.now += 60
    assert site.check_out("/doc.txt", comment="something else") == doc
    assert site.library.all_locks() == [doc]


def test_others_are_refused_and_told_whose_it_is_and_since_when(site: Site, doc: Lock) -> None:
    attempts: list[Callable[[], object]] = [
        lambda: site.check_out("/doc.txt", BOB),
        lambda: site.lock("/doc.txt", BOB),
        lambda: site.lock("/doc.txt", BOB, Kind.EDIT),
        lambda: site.lock("/doc.txt", BOB, scope=Scope.SHARED),
        lambda: site.lock("/", BOB, deep=True),
        lambda: site.put("/doc.txt", b"bob's", BOB),
        lambda: site.patch("/doc.txt", "red", BOB),
        lambda: site.delete("/doc.txt", BOB),
        lambda: site.move("/doc.txt", "/taken.txt", BOB),
        lambda: site.put("/doc.txt", b"admin's", ADMIN),
    ]
    for attempt in attempts:
        with pytest.raises(Locked) as refused:
            attempt()
        assert refused.value.message == "doc.txt is checked out by alice."
        assert [blocker.lock for blocker in refused.value.blockers] == [doc]
    assert (site.contents("/doc.txt"), site.library.all_locks()) == ([b"old"], [doc])


def test_copying_something_onto_it_is_refused_to_others(site: Site, doc: Lock) -> None:
    site.put("/bob.txt", b"bob's", BOB)
    for attempt in (site.copy, site.move):
        with pytest.raises(Locked):
            attempt("/bob.txt", "/doc.txt", BOB)
    assert (site.get("/doc.txt"), site.get("/bob.txt")) == (b"old", b"bob's")


def test_others_may_still_copy_the_published_content(site: Site, doc: Lock) -> None:
    site.put("/doc.txt", b"draft")
    site.copy("/doc.txt", "/copy.txt", BOB)
    assert site.get("/copy.txt", "bob") == b"old"


def test_a_folder_with_a_checked_out_document_is_not_deleted_by_others(site: Site) -> None:
    site.mkcol("/folder")
    site.put("/folder/doc.txt", b"old")
    site.check_out("/folder/doc.txt")
    for attempt in (lambda: site.delete("/folder", BOB), lambda: site.move("/folder", "/elsewhere", BOB)):
        with pytest.raises(Locked):
            attempt()
    assert site.locks("/folder/doc.txt") == [("CHECKOUT", "alice")]


def test_what_cannot_be_checked_out(site: Site) -> None:
    site.mkcol("/folder")
    for path, error in (("/folder", IsFolder), ("/", IsFolder), ("/nothing.txt", NotFound), ("/nothing/at/all.txt", NotFound)):
        with pytest.raises(error):
            site.check_out(path)
    assert site.library.all_locks() == []


def test_a_document_without_checkouts_is_only_written_and_locked(open_site: Opener) -> None:
    site = open_site(Policy(patterns=(("*.log", Semantics.NONE),)))
    site.put("/a.log", b"old")
    with pytest.raises(NotForCheckout):
        site.check_out("/a.log")
    with pytest.raises(NotForCheckout):
        site.lock("/a.log", kind=Kind.CHECKOUT)
    site.lock("/a.log", kind=Kind.EDIT)
    site.put("/a.log", b"new")
    assert site.library.policy.semantics("/a.log") is Semantics.NONE
    assert site.contents("/a.log") == [b"new"]


@pytest.mark.parametrize("kind", [Kind.LOCK, Kind.EDIT])
def test_a_persons_own_session_stands_beside_the_checkout_in_either_order(site: Site, kind: Kind) -> None:
    site.put("/a.txt", b"old")
    site.check_out("/a.txt")
    site.lock("/a.txt", kind=kind)
    site.put("/b.txt", b"old")
    site.lock("/b.txt", kind=kind)
    site.check_out("/b.txt")
    for path in ("/a.txt", "/b.txt"):
        assert sorted(site.locks(path)) == sorted([("CHECKOUT", "alice"), (kind.value, "alice")])
        with pytest.raises(Conflict):
            site.check_out(path, BOB)


def test_a_document_in_somebodys_session_is_not_checked_out_by_others(site: Site) -> None:
    site.put("/a.txt", b"old")
    site.lock("/a.txt", BOB)
    with pytest.raises(Conflict):
        site.check_out("/a.txt")


def test_a_checkout_survives_restarts_moves_and_years(site: Site, doc: Lock, open_site: Opener, clock: Clock) -> None:
    site.put("/doc.txt", b"draft")
    site.mkcol("/folder")
    site.move("/doc.txt", "/folder/moved.txt")
    site.move("/folder", "/renamed")
    clock.now += 20 * 365 * 86_400
    site.library.upkeep.tidy()
    restarted = open_site()
    restarted.library.upkeep.recover()
    path = "/renamed/moved.txt"
    assert restarted.library.checkout(path) == Lock(**{**_fields(doc), "root": path})
    assert (restarted.get(path, "alice"), restarted.get(path)) == (b"draft", b"old")
    assert restarted.check_in(path).is_new
    assert restarted.contents(path) == [b"old", b"draft"]
    assert restarted.shelves() == []


def _fields(lock: Lock) -> dict[str, object]:
    return {name: getattr(lock, name) for name in lock.__slots__}


def test_two_checkouts_moved_together_stay_two(site: Site) -> None:
    site.mkcol("/folder")
    for name, caller in (("a", ALICE), ("b", BOB)):
        site.put(f"/folder/{name}.txt", b"old")
        site.check_out(f"/folder/{name}.txt", caller)
        site.put(f"/folder/{name}.txt", b"draft", caller)
    with pytest.raises(Locked):  # the other's checkout stands in it
        site.move("/folder", "/renamed")
    site.undo("/folder/b.txt", BOB)
    site.move("/folder", "/renamed")
    assert (site.get("/renamed/a.txt", "alice"), site.get("/renamed/b.txt", "bob")) == (b"draft", b"old")


# check-in


def test_a_check_in_publishes_the_draft_once(site: Site, doc: Lock, clock: Clock) -> None:
    for content in (b"one", b"two", b"three"):
        site.put("/doc.txt", content)
    clock.now += 60
    done = site.library.check_in(paths.parse("/doc.txt"), ALICE, Note("finished", ("status=final", "reviewer=bob")))
    assert (done.version, done.is_new, done.lock) == (2, True, None)
    first, second = site.versions("/doc.txt")
    assert (second.number, second.changed_by, second.door, second.changed) == (2, "alice", "webdav", clock.now)
    assert (second.comment, second.extra, second.size) == ("finished", ("status=final", "reviewer=bob"), 5)
    assert (first.changed_by, first.comment) == ("bob", "")
    assert site.contents("/doc.txt") == [b"old", b"three"]
    assert (site.library.all_locks(), site.library.archive.drafts(ADMIN), site.shelves()) == ([], [], [])
    site.put("/doc.txt", b"everybody may again", BOB)


def test_the_comment_of_the_check_out_is_that_of_the_version_unless_another_is_given(site: Site, doc: Lock) -> None:
    site.check_in("/doc.txt", content=b"new", keep=True)
    site.library.describe_checkout("/doc.txt", ALICE, "chapter 4")
    site.check_in("/doc.txt", content=b"newer", keep=True)
    site.check_in("/doc.txt", content=b"newest", comment="chapter 5")
    assert [version.comment for version in site.versions("/doc.txt")] == ["", "chapter 3", "chapter 4", "chapter 5"]


def test_a_checkout_is_described_only_by_its_holder(site: Site, doc: Lock) -> None:
    with pytest.raises(NotHolder):
        site.library.describe_checkout("/doc.txt", BOB, "mine")
    site.put("/free.txt", b"")
    with pytest.raises(NotCheckedOut):
        site.library.describe_checkout("/free.txt", ALICE, "nothing")
    checkout = site.library.checkout("/doc.txt")
    assert checkout and checkout.comment == "chapter 3"


def test_content_given_with_the_check_in_is_published_instead_of_the_draft(site: Site, doc: Lock) -> None:
    site.put("/doc.txt", b"draft")
    assert site.check_in("/doc.txt", content=b"given", comment="both at once").version == 2
    assert site.contents("/doc.txt") == [b"old", b"given"]
    assert (site.library.all_locks(), site.library.archive.drafts(ADMIN), site.shelves()) == ([], [], [])


def test_a_check_in_that_keeps_the_checkout(site: Site, doc: Lock) -> None:
    site.put("/doc.txt", b"first draft")
    done = site.check_in("/doc.txt", keep=True)
    assert (done.is_new, done.lock) == (True, doc)
    assert site.get("/doc.txt") == b"first draft"
    site.put("/doc.txt", b"second draft")
    assert site.get("/doc.txt") == b"first draft"
    site.check_in("/doc.txt")
    assert site.contents("/doc.txt") == [b"old", b"first draft", b"second draft"]


@pytest.mark.parametrize("keep", [True, False])
def test_an_untouched_draft_makes_no_version(site: Site, doc: Lock, keep: bool) -> None:
    etag = site.library.look("/doc.txt", "")
    done = site.check_in("/doc.txt", keep=keep, comment="nothing was written")
    assert (done.version, done.is_new, done.lock) == (1, False, doc if keep else None)
    assert site.contents("/doc.txt") == [b"old"]
    assert site.library.look("/doc.txt", "") == etag
    assert site.locks("/doc.txt") == ([("CHECKOUT", "alice")] if keep else [])


def test_a_check_in_of_nothing_or_by_somebody_else(site: Site, doc: Lock) -> None:
    site.put("/doc.txt", b"draft")
    site.put("/free.txt", b"free")
    for caller in (BOB, ADMIN):
        with pytest.raises(NotHolder) as refused:
            site.check_in("/doc.txt", caller)
        assert (refused.value.lock, refused.value.message) == (doc, "doc.txt is checked out by alice.")
        with pytest.raises(NotHolder):
            site.check_in("/doc.txt", caller, content=b"theirs")
    for path in ("/free.txt", "/nothing.txt", "/"):
        with pytest.raises(NotCheckedOut):
            site.check_in(path)
        with pytest.raises(NotCheckedOut):
            site.check_in(path, content=b"new")
        with pytest.raises(NotCheckedOut):
            site.undo(path)
    assert (site.get("/doc.txt", "alice"), site.get("/doc.txt"), site.names()) == (b"draft", b"old", ["doc.txt", "free.txt"])


@pytest.mark.parametrize("kind", [Kind.LOCK, Kind.EDIT])
@pytest.mark.parametrize("content", [None, b"given"])
def test_an_editing_session_must_be_over_or_submit_its_token(site: Site, doc: Lock, kind: Kind, content: bytes | None) -> None:
    """Also one's own, also while nothing has been written (design §2)."""
    session = site.lock("/doc.txt", kind=kind)
    for _ in range(2):
        with pytest.raises(StillOpen) as refused:
            site.check_in("/doc.txt", content=content)
        assert [blocker.lock for blocker in refused.value.blockers] == [session]
        site.put("/doc.txt", b"draft", site.with_tokens())
    done = site.check_in("/doc.txt", site.with_tokens(), content=content)
    assert (done.version, done.is_new) == (2, True)
    assert site.contents("/doc.txt") == [b"old", content or b"draft"]
    assert site.locks("/doc.txt") == [(kind.value, "alice")]


def test_a_session_on_the_folder_above_must_be_over_too(site: Site) -> None:
    site.mkcol("/folder")
    site.put("/folder/doc.txt", b"old")
    site.check_out("/folder/doc.txt")
    site.lock("/folder", deep=True)
    with pytest.raises(StillOpen):
        site.check_in("/folder/doc.txt")
    assert site.check_in("/folder/doc.txt", site.with_tokens(), content=b"new").is_new


def test_a_session_that_has_run_out_is_over(site: Site, doc: Lock, clock: Clock) -> None:
    site.lock("/doc.txt", kind=Kind.EDIT)
    site.put("/doc.txt", b"draft")
    clock.now += 600
    assert site.check_in("/doc.txt").is_new


def test_the_token_of_a_session_does_not_check_in_for_others(site: Site, doc: Lock) -> None:
    session = site.lock("/doc.txt")
    with pytest.raises(NotHolder):
        site.check_in("/doc.txt", Caller("bob", frozenset((session.token, doc.token))))


def test_conditions_are_about_what_the_holder_sees(site: Site, doc: Lock) -> None:
    published = site.library.look("/doc.txt", "")
    site.put("/doc.txt", b"draft")

    def unless_published(view: View) -> None:
        if view.entry("/doc.txt") == published:
            raise PreconditionFailed("not this one")

    def if_published(view: View) -> None:
        if view.entry("/doc.txt") != published:
            raise PreconditionFailed("only this one")

    at = paths.parse("/doc.txt")
    for refused in (
        lambda: site.library.check_in(at, ALICE, conditions=if_published),
        lambda: site.library.undo("/doc.txt", ALICE, conditions=if_published),
        lambda: site.library.check_out("/doc.txt", ALICE, conditions=if_published),
        lambda: site.put("/doc.txt", b"no", conditions=if_published),
    ):
        with pytest.raises(PreconditionFailed):
            refused()
    assert site.get("/doc.txt", "alice") == b"draft"
    assert site.library.check_in(at, ALICE, conditions=unless_published).is_new


def test_a_broken_upload_checks_nothing_in(site: Site, doc: Lock) -> None:
    site.put("/doc.txt", b"draft")
    for upload in (Upload(Bytes(b"half", OSError("reset"))), Upload(io.BytesIO(b"short"), 100)):
        with pytest.raises(IncompleteBody):
            site.library.check_in(paths.parse("/doc.txt"), ALICE, content=upload)
    assert (site.get("/doc.txt", "alice"), site.contents("/doc.txt")) == (b"draft", [b"old"])
    assert site.leftovers() == []


@pytest.mark.parametrize("untouched", [False, True])
def test_a_draft_that_is_saved_at_the_moment_of_the_check_in_is_not_lost(site: Site, doc: Lock, untouched: bool) -> None:
    if not untouched:
        site.put("/doc.txt", b"draft")
    looked = 0

    def save_after_the_first_look(view: View) -> None:
        nonlocal looked
        looked += 1
        if looked == 1:
            site.put("/doc.txt", b"saved again")

    with pytest.raises((NotCheckedOut, NotFound)):
        site.library.check_in(paths.parse("/doc.txt"), ALICE, conditions=save_after_the_first_look)
    assert (site.get("/doc.txt", "alice"), site.contents("/doc.txt")) == (b"saved again", [b"old"])
    site.check_in("/doc.txt")
    assert site.contents("/doc.txt") == [b"old", b"saved again"]
