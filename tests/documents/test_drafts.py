"""Drafts: what the holder of a checkout writes, nobody else sees, and nobody ever loses (design §2)."""

from __future__ import annotations

import pytest

from davlock.errors import IsFolder, Locked
from davlock.model import Ending, Kind
from tests.documents.conftest import ALICE, BOB, Clock, Opener, Site, content_of
from tests.documents.test_identities import DANCES, Dance, move_away_and_move_in_what_was_not_written_here


@pytest.fixture
def kept(site: Site) -> int:
    """The id of /name.docx, which has a property and alice's checkout."""
    site.put("/name.docx", b"old", BOB)
    site.patch("/name.docx", "red")
    return site.check_out("/name.docx").document or 0


def seen_by(site: Site, principal: str, path: str = "/name.docx") -> tuple[bytes, int, str]:
    """Content, size and etag, which are the same however one asks."""
    entry, fd = site.library.open(path, principal)
    folder = path.rpartition("/")[0] or "/"
    assert site.library.look(path, principal) == entry
    assert [each for each in site.library.listing(folder, principal) if each.path == path] == [entry]
    return content_of(fd), entry.size, entry.etag


# who sees what


def test_the_holder_reads_the_draft_and_everybody_else_what_is_published(site: Site, kept: int, open_site: Opener) -> None:
    published = seen_by(site, "bob")
    assert seen_by(site, "alice") == published
    etag = site.put("/name.docx", b"longer draft")
    for each in (site, open_site()):
        assert seen_by(each, "alice") == (b"longer draft", 12, etag)
        for principal in ("bob", "", "root", "Alice"):
            assert seen_by(each, principal) == published
    assert etag != published[2]
    assert (site.root / "name.docx").read_bytes() == b"old"


def test_every_save_has_an_etag_of_its_own(site: Site, kept: int) -> None:
    etags = {seen_by(site, "")[2]}
    etags |= {site.put("/name.docx", b"same") for _ in range(20)}
    assert seen_by(site, "alice")[2] in etags
    assert len(etags) == 21
    site.check_in("/name.docx")
    assert seen_by(site, "alice") == seen_by(site, "bob")


def test_an_empty_draft_is_a_draft(site: Site, kept: int) -> None:
    site.put("/name.docx", b"")
    assert (site.get("/name.docx", "alice"), site.get("/name.docx")) == (b"", b"old")
    site.check_in("/name.docx")
    assert site.contents("/name.docx") == [b"old", b""]


def test_a_listing_shows_the_drafts_of_one_person_only(site: Site) -> None:
    site.mkcol("/f")
    for name, caller in (("a", ALICE), ("b", BOB), ("c", ALICE)):
        site.put(f"/f/{name}", b"old")
        site.check_out(f"/f/{name}", caller)
    site.put("/f/a", b"by alice")
    site.put("/f/b", b"by bob, too", BOB)
    site.put("/f/d", b"plain")
    sizes = {who: {entry.name: entry.size for entry in site.library.listing("/f", who)} for who in ("alice", "bob", "")}
    assert sizes == {
        "alice": {"a": 8, "b": 3, "c": 3, "d": 5},
        "bob": {"a": 3, "b": 11, "c": 3, "d": 5},
        "": {"a": 3, "b": 3, "c": 3, "d": 5},
    }


def test_an_open_draft_stays_readable_while_it_is_saved_and_checked_in(site: Site, kept: int) -> None:
    site.put("/name.docx", b"first draft")
    _, first = site.library.open("/name.docx", "alice")
    site.put("/name.docx", b"second draft")
    _, second = site.library.open("/name.docx", "alice")
    _, published = site.library.open("/name.docx", "bob")
    site.check_in("/name.docx")
    assert [content_of(fd) for fd in (first, second, published)] == [b"first draft", b"second draft", b"old"]


def test_what_is_only_in_the_draft_is_copied_by_its_holder(site: Site, kept: int) -> None:
    site.put("/name.docx", b"draft")
    site.copy("/name.docx", "/copy.docx")
    assert (site.get("/copy.docx"), site.locks("/copy.docx"), site.colour("/copy.docx")) == (b"draft", [], "red")
    assert site.get("/name.docx") == b"old"
    assert site.versions("/copy.docx")[-1].changed_by == "alice"


def test_a_moved_document_takes_its_draft_along(site: Site, kept: int) -> None:
    site.put("/name.docx", b"draft")
    site.mkcol("/f")
    site.move("/name.docx", "/f/new.docx")
    assert (site.get("/f/new.docx", "alice"), site.get("/f/new.docx"), site.id("/f/new.docx")) == (b"draft", b"old", kept)
    site.put("/f/new.docx", b"draft 2")
    site.undo("/f/new.docx")
    (draft,) = site.rescued()
    assert site.draft_content(draft.id) == b"draft 2"


def test_a_name_that_another_program_fills_is_not_the_draft(site: Site, kept: int) -> None:
    """Removed and made anew underneath: the holder still has his draft, everybody else sees what is there."""
    site.put("/name.docx", b"draft")
    (site.root / "name.docx").unlink()
    (site.root / "name.docx").write_bytes(b"by hand")
    assert (site.get("/name.docx", "alice"), site.get("/name.docx")) == (b"draft", b"by hand")
    site.check_in("/name.docx")
    assert site.contents("/name.docx")[-2:] == [b"by hand", b"draft"]
    assert site.id("/name.docx") == kept


def test_a_document_that_was_removed_underneath_comes_back_by_the_check_in(site: Site, kept: int) -> None:
    site.put("/name.docx", b"draft")
    (site.root / "name.docx").unlink()
    assert site.library.look("/name.docx", "bob") is None
    assert site.get("/name.docx", "alice") == b"draft"
    site.check_in("/name.docx")
    assert (site.get("/name.docx"), site.id("/name.docx"), site.locks("/name.docx")) == (b"draft", kept, [])


def test_a_folder_that_another_program_puts_in_its_place_is_not_overwritten(site: Site, kept: int) -> None:
    site.put("/name.docx", b"draft")
    (site.root / "name.docx").unlink()
    (site.root / "name.docx").mkdir()
    (site.root / "name.docx" / "member.txt").write_bytes(b"member")
    for content in (None, b"given"):
        with pytest.raises(IsFolder):
            site.check_in("/name.docx", content=content)
    with pytest.raises(IsFolder):
        site.get("/name.docx", "alice")
    assert site.get("/name.docx/member.txt") == b"member"
    site.undo("/name.docx")
    assert [site.draft_content(draft.id) for draft in site.rescued()] == [b"draft"]


# saves by dance into a draft


@pytest.fixture(params=DANCES, ids=lambda dance: dance.__name__)
def dance(request: pytest.FixtureRequest) -> Dance:
    found: Dance = request.param
    return found


def test_a_save_by_dance_goes_into_the_draft(site: Site, kept: int, dance: Dance) -> None:
    before = seen_by(site, "bob"), site.versions("/name.docx")
    checkout = site.library.checkout("/name.docx")
    dance(site)
    assert site.names() == ["name.docx"]
    assert seen_by(site, "alice")[:2] == (b"new", 3)
    assert (seen_by(site, "bob")[:2], site.id("/name.docx")) == (before[0][:2], kept)
    assert site.contents("/name.docx") == [b"old"]
    after = site.library.checkout("/name.docx")
    assert checkout and after
    assert (after.token, after.principal, after.since, after.root) == (checkout.token, "alice", checkout.since, "/name.docx")
    with pytest.raises(Locked):
        site.put("/name.docx", b"by somebody else", BOB)
    assert site.check_in("/name.docx", comment="done").version == before[1][-1].number + 1
    assert site.contents("/name.docx") == [b"old", b"new"]
    assert site.get("/name.docx", "bob") == b"new"
    assert (list(site.library.upkeep.check()), site.shelves(), site.leftovers()) == ([], [], [])


def test_saves_by_dance_are_repeated_after_a_draft_and_with_others(site: Site, kept: int, dance: Dance, clock: Clock) -> None:
    site.put("/name.docx", b"first draft")
    for _ in range(3):
        dance(site)
        assert (site.get("/name.docx", "alice"), site.get("/name.docx"), site.id("/name.docx")) == (b"new", b"old", kept)
        clock.now += 3600
    site.undo("/name.docx")
    assert (site.get("/name.docx", "alice"), site.contents("/name.docx")) == (b"old", [b"old"])
    assert [site.draft_content(draft.id) for draft in site.rescued()] == [b"new"]
    site.library.upkeep.tidy()
    assert (list(site.library.upkeep.check()), site.shelves()) == ([], [])


def test_different_dances_into_one_draft(site: Site, kept: int) -> None:
    for dance in [*DANCES, *reversed(DANCES)]:
        dance(site)
    assert (site.get("/name.docx", "alice"), site.get("/name.docx"), site.id("/name.docx")) == (b"new", b"old", kept)
    assert site.colour("/name.docx") == "red"
    assert site.check_in("/name.docx").version == 2


@pytest.mark.parametrize("kind", [Kind.LOCK, Kind.EDIT])
def test_a_save_by_dance_with_a_session_beside_the_checkout(site: Site, kept: int, kind: Kind) -> None:
    """Word locks what it opens, and submits that token with every step."""
    site.lock("/name.docx", kind=kind)
    site.put("/~tmp1.tmp", b"new")
    site.move("/~tmp1.tmp", "/name.docx", site.with_tokens())
    assert (site.get("/name.docx", "alice"), site.get("/name.docx")) == (b"new", b"old")
    assert site.locks("/name.docx") == [("CHECKOUT", "alice"), (kind.value, "alice")]


def test_without_a_checkout_a_dance_keeps_the_history(site: Site, kept: int, dance: Dance) -> None:
    site.undo("/name.docx")
    dance(site)
    assert (site.get("/name.docx"), site.id("/name.docx")) == (b"new", kept)
    assert site.contents("/name.docx") == [b"old", b"new"]
    assert [version.number for version in site.versions("/name.docx")] == [1, 2]
    is_foreign = dance is move_away_and_move_in_what_was_not_written_here
    assert site.versions("/name.docx")[-1].changed_by == ("" if is_foreign else "alice")
    assert (list(site.library.upkeep.check()), site.shelves()) == ([], [])


def test_a_copy_onto_the_document_is_the_draft(site: Site, kept: int) -> None:
    site.put("/other.docx", b"other", BOB)
    assert site.copy("/other.docx", "/name.docx") is True
    assert (site.get("/name.docx", "alice"), site.get("/name.docx"), site.get("/other.docx")) == (b"other", b"old", b"other")
    assert (site.id("/name.docx"), site.locks("/name.docx")) == (kept, [("CHECKOUT", "alice")])
    site.check_in("/name.docx")
    assert site.contents("/name.docx") == [b"old", b"other"]


def test_a_draft_is_copied_onto_a_document_that_is_checked_out_too(site: Site, kept: int) -> None:
    site.put("/name.docx", b"draft")
    site.put("/other.docx", b"other")
    site.check_out("/other.docx")
    site.copy("/name.docx", "/other.docx")
    assert (site.get("/other.docx", "alice"), site.get("/other.docx")) == (b"draft", b"other")
    assert site.get("/name.docx", "alice") == b"draft"


def test_a_document_with_its_own_checkout_replaces_the_other_one(site: Site, kept: int) -> None:
    """What arrives is checked out itself: it is no save but a move; the draft that was there is rescued."""
    site.put("/name.docx", b"draft of name")
    site.put("/other.docx", b"other")
    other = site.check_out("/other.docx")
    site.put("/other.docx", b"draft of other")
    site.move("/other.docx", "/name.docx")
    assert [(lock.root, lock.token) for lock in site.library.all_locks()] == [("/name.docx", other.token)]
    assert (site.get("/name.docx"), site.get("/name.docx", "alice")) == (b"other", b"draft of other")
    assert [(site.draft_content(draft.id), draft.how) for draft in site.rescued()] == [(b"draft of name", Ending.REPLACED)]


def test_a_folder_that_replaces_it_rescues_the_draft(site: Site, kept: int) -> None:
    site.put("/name.docx", b"draft")
    site.mkcol("/folder")
    site.move("/folder", "/name.docx")
    assert site.library.is_folder("/name.docx")
    assert site.library.all_locks() == []
    assert [site.draft_content(draft.id) for draft in site.rescued()] == [b"draft"]


def test_a_dance_begun_too_long_ago_leaves_the_checkout_where_the_document_is(site: Site, kept: int, clock: Clock) -> None:
    site.put("/name.docx", b"draft")
    site.move("/name.docx", "/~tmp2.tmp")
    clock.now += 16
    site.put("/name.docx", b"new")
    assert (site.get("/name.docx"), site.locks("/name.docx")) == (b"new", [])
    assert (site.get("/~tmp2.tmp", "alice"), site.get("/~tmp2.tmp"), site.id("/~tmp2.tmp")) == (b"draft", b"old", kept)
    site.undo("/~tmp2.tmp")


def test_somebody_else_does_not_continue_a_dance(site: Site, kept: int) -> None:
    site.put("/name.docx", b"draft")
    site.delete("/name.docx")
    site.put("/name.docx", b"bob's", BOB)
    assert (site.get("/name.docx"), site.get("/name.docx", "alice"), site.locks("/name.docx")) == (b"bob's", b"bob's", [])
    assert [site.draft_content(draft.id) for draft in site.rescued()] == [b"draft"]
    gone = site.library.catalogue.document_with(kept)
    assert gone and gone.path is None
    assert site.version_content(gone, 1) == b"old"


def test_a_dance_while_somebody_has_locked_the_name_is_refused_and_nothing_is_lost(site: Site, kept: int) -> None:
    site.put("/name.docx", b"draft")
    site.put("/~tmp1.tmp", b"new")
    site.move("/name.docx", "/~tmp2.tmp")
    site.lock("/", BOB, deep=False)
    with pytest.raises(Locked):
        site.move("/~tmp1.tmp", "/name.docx")
    with pytest.raises(Locked):
        site.put("/name.docx", b"new")
    assert (site.get("/~tmp2.tmp", "alice"), site.get("/~tmp2.tmp"), site.get("/~tmp1.tmp")) == (b"draft", b"old", b"new")
