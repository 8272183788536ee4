"""What must not happen when a document comes back to a name that it left a moment ago."""

from __future__ import annotations

import pytest

from davlock.errors import Conflict
from davlock.model import Kind, Scope
from tests.documents.conftest import ALICE, BOB, Site, content_of


def drafts(site: Site) -> list[bytes]:
    return [content_of(site.library._drafts.shelf.open(draft.file)) for draft in site.library.archive.drafts(ALICE)]


@pytest.fixture
def drafted(site: Site) -> Site:
    """alice has /a.docx checked out, and has written D1."""
    site.put("/a.docx", b"one")
    site.library.check_out("/a.docx", ALICE)
    site.put("/a.docx", b"D1")
    return site


def test_the_checkout_of_somebody_else_is_not_taken_along(site: Site) -> None:
    site.put("/a.docx", b"one")
    site.move("/a.docx", "/b.docx")
    site.library.check_out("/b.docx", BOB)
    site.put("/a.docx", b"two")
    assert (site.locks("/a.docx"), site.locks("/b.docx")) == ([], [("CHECKOUT", "bob")])
    assert site.get("/b.docx") == b"one"


def test_a_checkout_does_not_come_back_to_where_it_could_not_be_granted(site: Site) -> None:
    site.mkcol("/f")
    site.put("/f/a.docx", b"one")
    site.library.check_out("/f/a.docx", ALICE)
    site.move("/f/a.docx", "/b.docx")
    site.lock("/f", deep=True, scope=Scope.SHARED)
    site.lock("/f", BOB, deep=True, scope=Scope.SHARED)
    site.put("/f/a.docx", b"another", site.with_tokens())
    assert site.locks("/f/a.docx") == []
    assert site.locks("/b.docx") == [("CHECKOUT", "alice")]


def test_a_lock_that_is_refused_brings_nothing_back(drafted: Site) -> None:
    drafted.lock("/a.docx", kind=Kind.EDIT)
    drafted.move("/a.docx", "/b.docx")
    with pytest.raises(Conflict):
        drafted.lock("/a.docx")
    assert drafts(drafted) == [b"D1"]
    assert drafted.names() == ["b.docx"]


def test_a_lock_that_brings_it_back_leaves_the_draft_alone(drafted: Site) -> None:
    drafted.move("/a.docx", "/b.docx")
    drafted.lock("/a.docx")
    assert drafts(drafted) == [b"D1"]
    assert drafted.locks("/a.docx") == [("CHECKOUT", "alice"), ("LOCK", "alice")]
    assert drafted.get("/a.docx") == b"one"


def test_what_has_been_removed_from_its_new_place_does_not_stand_in_the_way(site: Site) -> None:
    site.put("/a.docx", b"one")
    site.move("/a.docx", "/b.docx")
    (site.root / "b.docx").unlink()
    site.put("/a.docx", b"two")
    assert site.get("/a.docx") == b"two"


def test_what_another_program_wrote_at_its_new_place_is_not_somebodys_version(site: Site) -> None:
    site.put("/a.docx", b"one")
    site.move("/a.docx", "/b.docx")
    (site.root / "b.docx").unlink()
    (site.root / "b.docx").write_bytes(b"outside")
    site.put("/a.docx", b"two")
    document = site.library.catalogue.identify("/a.docx")
    kept = [version for version in site.library.archive.versions(document) if version.is_kept]
    assert [content_of(site.library.archive.open_version(document, version.number)[1]) for version in kept] == [b"two"]


def test_a_draft_is_read_and_written_though_what_is_published_was_removed(drafted: Site) -> None:
    (drafted.root / "a.docx").unlink()
    drafted.put("/a.docx", b"D2")
    assert content_of(drafted.library.open("/a.docx", "alice")[1]) == b"D2"
    assert drafted.library.look("/a.docx", "bob") is None
    assert drafted.names() == []


def test_a_document_that_nobody_knew_keeps_its_history_through_the_first_save(site: Site) -> None:
    (site.root / "found.docx").write_bytes(b"was here before")
    site.put("/~t.tmp", b"new")
    site.move("/found.docx", "/~o.tmp")
    site.move("/~t.tmp", "/found.docx")
    document = site.library.catalogue.identify("/found.docx")
    assert [
        content_of(site.library.archive.open_version(document, each.number)[1]) for each in site.library.archive.versions(document)
    ] == [
        b"was here before",
        b"new",
    ]
