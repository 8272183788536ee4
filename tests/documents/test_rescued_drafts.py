"""Rescued drafts: what is left when a checkout ends without a check-in, and how it comes back (design §2)."""

from __future__ import annotations

import pytest

from davlock.errors import Conflict, Forbidden, Locked, NotFound
from davlock.model import Ending, Scope
from davlock.policy import DAY
from tests.documents.conftest import ADMIN, ALICE, BOB, Clock, Site
from tests.documents.test_identities import delete_and_write, move_away_and_write


@pytest.fixture
def kept(site: Site) -> int:
    """The id of /name.docx, which has a property and alice's checkout."""
    site.put("/name.docx", b"old", BOB)
    site.patch("/name.docx", "red")
    return site.check_out("/name.docx").document or 0


def test_a_deletion_by_the_holder_rescues_the_draft(site: Site, kept: int) -> None:
    site.put("/name.docx", b"draft")
    site.delete("/name.docx")
    assert (site.library.all_locks(), site.names()) == ([], [])
    (draft,) = site.rescued()
    assert (draft.how, draft.path, draft.principal, draft.document) == (Ending.DELETED, "/name.docx", "alice", kept)
    assert site.draft_content(draft.id) == b"draft"


def test_a_deletion_of_the_folder_rescues_the_drafts_in_it(site: Site) -> None:
    site.mkcol("/a")
    site.mkcol("/a/b")
    for path in ("/a/1", "/a/b/2"):
        site.put(path, b"old")
        site.check_out(path)
        site.put(path, b"draft of " + path.encode())
    site.delete("/a")
    assert sorted(site.draft_content(draft.id) for draft in site.rescued()) == [b"draft of /a/1", b"draft of /a/b/2"]
    assert (site.library.all_locks(), site.shelves()) == ([], [])


# rescued drafts


@pytest.fixture
def rescued(site: Site, kept: int) -> int:
    site.put("/name.docx", b"draft")
    site.undo("/name.docx", ADMIN, "left the company")
    (draft,) = site.rescued()
    return draft.id


def test_a_rescued_draft_is_for_its_writer_and_for_administrators(site: Site, rescued: int) -> None:
    for caller in (ALICE, ADMIN):
        assert [draft.id for draft in site.library.archive.drafts(caller)] == [rescued]
        assert site.draft_content(rescued, caller) == b"draft"
    assert site.library.archive.drafts(BOB) == []
    for refused in (site.library.archive.open_draft, site.library.archive.apply_draft):
        with pytest.raises(Forbidden):
            refused(rescued, BOB)
        with pytest.raises(NotFound):
            refused(rescued + 100, ALICE)


def test_a_draft_that_stands_is_listed_but_not_rescued(site: Site, kept: int) -> None:
    site.put("/name.docx", b"draft")
    (draft,) = site.library.archive.drafts(ALICE)
    assert (draft.ended, draft.how, draft.size, draft.door, draft.path) == (None, None, 5, "webdav", "/name.docx")
    for refused in (site.library.archive.open_draft, site.library.archive.apply_draft):
        with pytest.raises(NotFound):
            refused(draft.id, ALICE)


def test_a_rescued_draft_is_applied(site: Site, rescued: int, kept: int) -> None:
    site.put("/name.docx", b"meanwhile", BOB)
    checkout = site.library.archive.apply_draft(rescued, ALICE)
    assert (checkout.root, checkout.document, checkout.principal) == ("/name.docx", kept, "alice")
    assert (site.get("/name.docx", "alice"), site.get("/name.docx", "bob"), site.rescued()) == (b"draft", b"meanwhile", [])
    with pytest.raises(NotFound):
        site.library.archive.apply_draft(rescued, ALICE)
    site.check_in("/name.docx")
    assert site.contents("/name.docx") == [b"old", b"meanwhile", b"draft"]
    assert site.shelves() == []


def test_it_is_applied_to_where_the_document_is_now(site: Site, rescued: int) -> None:
    site.move("/name.docx", "/moved.docx", BOB)
    site.put("/name.docx", b"another document", ADMIN)
    site.library.archive.apply_draft(rescued, ALICE)
    assert (site.get("/moved.docx", "alice"), site.get("/name.docx", "alice")) == (b"draft", b"another document")


def test_what_was_written_meanwhile_is_rescued_instead(site: Site, rescued: int) -> None:
    checkout = site.check_out("/name.docx")
    site.put("/name.docx", b"second draft")
    assert site.library.archive.apply_draft(rescued, ALICE).token == checkout.token
    assert site.get("/name.docx", "alice") == b"draft"
    (second,) = site.rescued()
    assert (site.draft_content(second.id), second.how, second.principal) == (b"second draft", Ending.REPLACED, "alice")
    site.library.archive.apply_draft(second.id, ALICE)
    assert site.get("/name.docx", "alice") == b"second draft"
    assert [site.draft_content(draft.id) for draft in site.rescued()] == [b"draft"]
    assert site.shelves() == []


def test_it_is_not_applied_while_somebody_else_holds_the_document(site: Site, rescued: int) -> None:
    site.check_out("/name.docx", BOB)
    with pytest.raises(Conflict):
        site.library.archive.apply_draft(rescued, ALICE)
    site.undo("/name.docx", BOB)
    site.lock("/name.docx", BOB, scope=Scope.SHARED)
    with pytest.raises(Conflict):
        site.library.archive.apply_draft(rescued, ALICE)
    assert site.draft_content(rescued) == b"draft"
    assert site.get("/name.docx", "alice") == b"old"


def test_it_is_not_applied_under_ones_own_session_without_its_token(site: Site, rescued: int) -> None:
    """What the editor has open would change under its hands."""
    site.lock("/name.docx")
    with pytest.raises(Locked):
        site.library.archive.apply_draft(rescued, ALICE)
    assert site.locks("/name.docx") == [("LOCK", "alice")]
    site.library.archive.apply_draft(rescued, site.with_tokens())
    assert site.get("/name.docx", "alice") == b"draft"


def test_the_draft_of_a_document_that_is_gone_can_still_be_downloaded(site: Site, rescued: int, clock: Clock) -> None:
    site.delete("/name.docx")
    with pytest.raises(NotFound):
        site.library.archive.apply_draft(rescued, ALICE)
    clock.now += 60 * DAY  # longer than deleted documents are remembered, shorter than drafts
    site.library.upkeep.tidy()
    with pytest.raises(NotFound):
        site.library.archive.apply_draft(rescued, ALICE)
    assert site.draft_content(rescued) == b"draft"


def test_an_administrator_takes_over_a_draft(site: Site, rescued: int) -> None:
    site.library.archive.apply_draft(rescued, ADMIN)
    assert (site.get("/name.docx", "root"), site.get("/name.docx", "alice")) == (b"draft", b"old")


def test_rescued_drafts_are_kept_for_their_time(site: Site, rescued: int, clock: Clock) -> None:
    clock.now += 90 * DAY
    site.library.upkeep.tidy()
    assert site.draft_content(rescued) == b"draft"
    site.check_out("/name.docx")
    site.put("/name.docx", b"stands for ever")
    clock.now += 1
    site.library.upkeep.tidy()
    assert [draft.id for draft in site.rescued()] == []
    clock.now += 900 * DAY
    site.library.upkeep.tidy()
    assert site.get("/name.docx", "alice") == b"stands for ever"
    assert site.shelves() == []


def test_what_the_draft_was_is_not_kept(site: Site, kept: int) -> None:
    for number in range(10):
        site.put("/name.docx", b"draft %d" % number)
    assert len(list((site.root / ".davlock" / "drafts").iterdir())) == 1
    move_away_and_write(site)
    assert len(list((site.root / ".davlock" / "drafts").iterdir())) == 1


def test_with_a_checkout_that_comes_back_only_its_own_draft_does(site: Site, rescued: int) -> None:
    """Not the one that an applied draft has taken the place of."""
    site.check_out("/name.docx")
    site.put("/name.docx", b"second draft")
    site.library.archive.apply_draft(rescued, ALICE)
    delete_and_write(site)
    assert (site.get("/name.docx", "alice"), site.get("/name.docx")) == (b"new", b"old")
    assert [site.draft_content(draft.id) for draft in site.rescued()] == [b"second draft"]
