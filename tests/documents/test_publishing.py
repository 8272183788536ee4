"""Content for all to see: checked in if the caller has the document checked out, saved if not, whichever holds when it counts."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from davlock import paths
from davlock.checkouts import CheckedIn
from davlock.conditions import View
from davlock.errors import BadRequest, DavlockError, IncompleteBody, Locked, LockLost, NotCheckedOut, PreconditionFailed, StillOpen
from davlock.model import Caller, Kind, Note
from davlock.uploads import Upload
from davlock.writes import Written
from tests.documents.conftest import ALICE, BOB, Site

DOC = "/doc.txt"


@pytest.fixture(autouse=True)
def published(site: Site) -> None:
    site.put(DOC, b"old", BOB)


def publish(
    site: Site, caller: Caller = ALICE, note: str = "", keep: bool = False, meanwhile: Callable[[], object] = lambda: None
) -> Written | CheckedIn:
    with site.library.uploads.publishing(paths.parse(DOC), Upload(io.BytesIO(b"new"), 3), caller, Note(note), keep) as commit:
        meanwhile()
        return commit()


def comment(site: Site) -> str:
    """What is said of the newest version."""
    document = site.library.catalogue.document(DOC)
    assert document is not None
    return document.comment


def test_what_is_checked_out_is_checked_in(site: Site) -> None:
    site.check_out(DOC)
    site.put(DOC, b"draft")
    done = site.library.publish(paths.parse(DOC), Upload(io.BytesIO(b"new"), 3), ALICE, Note("chapter 3"), keep=True)
    assert isinstance(done, CheckedIn)
    assert (done.version, done.lock) == (2, site.library.checkout(DOC))
    assert site.get(DOC) == site.get(DOC, "alice") == b"new"
    assert comment(site) == "chapter 3"
    assert isinstance(publish(site), CheckedIn)
    assert site.library.all_locks() == []


def test_what_is_not_is_saved(site: Site) -> None:
    assert isinstance(publish(site, note="typos"), Written)
    assert site.get(DOC) == b"new"
    assert comment(site) == "typos"


def test_what_is_checked_out_meanwhile_is_checked_in_all_the_same(site: Site) -> None:
    assert isinstance(publish(site, note="x", meanwhile=lambda: site.check_out(DOC)), CheckedIn)
    assert site.get(DOC) == b"new"
    assert site.library.all_locks() == []
    assert not site.library.archive.drafts(ALICE)


@pytest.mark.parametrize("again", [False, True])
def test_what_has_ended_meanwhile_is_not_stored(site: Site, again: bool) -> None:
    site.check_out(DOC)

    def end() -> None:
        site.library.undo(DOC, ALICE)
        if again:
            site.check_out(DOC)

    with pytest.raises(LockLost if again else NotCheckedOut):
        publish(site, meanwhile=end)
    assert site.get(DOC) == site.get(DOC, "alice") == b"old"


def test_what_others_check_out_is_not_stored(site: Site) -> None:
    with pytest.raises(Locked):
        publish(site, meanwhile=lambda: site.check_out(DOC, BOB))
    with pytest.raises(Locked):
        publish(site)
    assert site.get(DOC) == b"old"


def test_what_can_be_refused_before_the_content_is_read_is(site: Site) -> None:
    def refused(error: type[DavlockError], note: str = "", conditions: Callable[[View], None] = lambda view: None) -> None:
        content = io.BytesIO(b"new")
        with pytest.raises(error):
            site.library.publish(paths.parse(DOC), Upload(content, 3), ALICE, Note(note), conditions=conditions)
        assert content.tell() == 0

    def never(view: View) -> None:
        raise PreconditionFailed("never")

    for _ in range(2):
        refused(BadRequest, "two\nlines")
        refused(PreconditionFailed, conditions=never)
        site.check_out(DOC)
    site.lock(DOC, kind=Kind.EDIT)
    refused(StillOpen)


def test_content_that_breaks_off_is_not_published(site: Site) -> None:
    for _ in range(2):
        with pytest.raises(IncompleteBody):
            site.library.publish(paths.parse(DOC), Upload(io.BytesIO(b"n"), 3), ALICE)
        assert site.get(DOC) == b"old"
        site.check_out(DOC)
