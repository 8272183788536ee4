"""Versions: one per publication and one per editing session; what was ever published can be read and brought back (design §3)."""

from __future__ import annotations

import hashlib
import io
import os

import pytest

from davlock import paths
from davlock.errors import NoSuchVersion
from davlock.model import Kind, Note, Scope
from tests.documents.conftest import ALICE, BOB, Clock, Opener, Site


def numbers(site: Site, path: str) -> list[int]:
    return [version.number for version in site.versions(path)]


# one per publication


def test_every_publication_is_a_version(site: Site, clock: Clock) -> None:
    at = paths.parse("/a.txt")
    for number, caller in ((1, ALICE), (2, BOB), (3, ALICE)):
        clock.now += 60
        content = b"version %d" % number
        note = Note(f"the {number}.", (f"n={number}",))
        site.library.write(at, io.BytesIO(content), len(content), caller, note=note)
    first, second, third = site.versions("/a.txt")
    for number, version in enumerate((first, second, third), 1):
        assert (version.number, version.document, version.size) == (number, site.id("/a.txt"), 9)
        assert version.sha256 == hashlib.sha256(b"version %d" % number).hexdigest()
        assert (version.changed, version.door) == (1_000_000 + 60 * number, "webdav")
        assert (version.comment, version.extra) == (f"the {number}.", (f"n={number}",))
        assert version.is_kept
    assert [version.changed_by for version in (first, second, third)] == ["alice", "bob", "alice"]
    assert [version.is_newest for version in (first, second, third)] == [False, False, True]
    assert site.contents("/a.txt") == [b"version 1", b"version 2", b"version 3"]


def test_the_same_bytes_again_are_a_version_too(site: Site) -> None:
    for _ in range(3):
        site.put("/a.txt", b"same")
    assert numbers(site, "/a.txt") == [1, 2, 3]


def test_versions_stay_with_their_document(site: Site, open_site: Opener) -> None:
    for content in (b"one", b"two"):
        site.put("/a.txt", content)
    site.mkcol("/f")
    site.move("/a.txt", "/f/b.txt")
    site.put("/a.txt", b"another document", BOB)
    site.move("/f", "/g")
    site.put("/g/b.txt", b"three")
    restarted = open_site()
    restarted.library.upkeep.recover()
    restarted.library.upkeep.tidy()
    assert restarted.contents("/g/b.txt") == [b"one", b"two", b"three"]
    assert restarted.contents("/a.txt") == [b"another document"]


def test_a_copy_begins_its_own_history(site: Site) -> None:
    for content in (b"one", b"two"):
        site.put("/a.txt", content)
    site.copy("/a.txt", "/b.txt", BOB)
    assert site.contents("/b.txt") == [b"two"]
    assert site.versions("/b.txt")[0].number == 1


def test_what_is_copied_or_moved_onto_a_document_is_its_next_version(site: Site) -> None:
    site.put("/source.txt", b"copied", BOB)
    site.put("/a.txt", b"one")
    site.copy("/source.txt", "/a.txt", BOB)
    assert site.contents("/a.txt") == [b"one", b"copied"]
    assert (site.versions("/a.txt")[-1].changed_by, site.versions("/a.txt")[-1].door) == ("bob", "webdav")


def test_keeping_a_version_copies_nothing(site: Site) -> None:
    site.put("/a.txt", b"one")
    before = (site.root / "a.txt").stat().st_ino
    site.put("/a.txt", b"two")
    (kept,) = (site.root / ".davlock" / "versions").iterdir()
    assert kept.stat().st_ino == before


def test_a_kept_version_is_read_while_the_document_is_replaced(site: Site) -> None:
    site.put("/a.txt", b"one")
    document = site.document("/a.txt")
    version, fd = site.library.archive.open_version(document, 1)
    site.put("/a.txt", b"two")
    with os.fdopen(fd, "rb") as file:
        assert (file.read(), version.is_newest) == (b"one", True)
    version, fd = site.library.archive.open_version(document, 1)
    with os.fdopen(fd, "rb") as file:
        assert (file.read(), version.is_newest, version.size) == (b"one", False, 3)


# one per editing session


@pytest.mark.parametrize("kind", [Kind.LOCK, Kind.EDIT])
def test_however_often_a_session_writes_it_makes_one_version(site: Site, kind: Kind, clock: Clock) -> None:
    site.put("/a.txt", b"before", BOB)
    site.lock("/a.txt", kind=kind)
    for number in range(5):
        clock.now += 60
        site.put("/a.txt", b"save %d" % number, site.with_tokens())
        site.library.refresh("/a.txt", site.with_tokens(), None)
        assert site.contents("/a.txt") == [b"before", b"save %d" % number]
    newest = site.versions("/a.txt")[-1]
    assert (newest.number, newest.changed, newest.sha256) == (2, clock.now, hashlib.sha256(b"save 4").hexdigest())
    site.unlock("/a.txt")
    site.put("/a.txt", b"after")
    assert site.contents("/a.txt") == [b"before", b"save 4", b"after"]
    site.library.upkeep.tidy()
    assert site.shelves() == []


def test_the_next_session_makes_another_version(site: Site, clock: Clock) -> None:
    site.put("/a.txt", b"before")
    for content in (b"first", b"second", b"third"):
        site.lock("/a.txt")
        site.put("/a.txt", b"autosave", site.with_tokens())
        site.put("/a.txt", content, site.with_tokens())
        site.unlock("/a.txt")
    site.lock("/a.txt")
    site.put("/a.txt", b"run out", site.with_tokens())
    clock.now += 600
    site.lock("/a.txt")
    site.put("/a.txt", b"locked again", site.with_tokens())
    assert site.contents("/a.txt") == [b"before", b"first", b"second", b"third", b"run out", b"locked again"]


def test_what_is_stored_beside_a_shared_lock_is_no_part_of_that_session(site: Site) -> None:
    """Two sessions that write by turns: nothing of either is lost."""
    site.put("/a.txt", b"before")
    site.lock("/a.txt", scope=Scope.SHARED)
    site.lock("/a.txt", BOB, scope=Scope.SHARED)
    site.put("/a.txt", b"alice 1", site.with_tokens())
    site.put("/a.txt", b"alice 2", site.with_tokens())
    site.put("/a.txt", b"bob", site.with_tokens("bob"))
    site.put("/a.txt", b"alice 3", site.with_tokens())
    assert site.contents("/a.txt") == [b"before", b"alice 2", b"bob", b"alice 3"]


def test_the_empty_document_of_a_lock_and_its_first_save_are_one_version(site: Site) -> None:
    site.lock("/new.txt")
    site.put("/new.txt", b"first save", site.with_tokens())
    assert site.contents("/new.txt") == [b"first save"]
    assert numbers(site, "/new.txt") == [1]


def test_a_session_of_a_folder_is_one_of_each_document(site: Site) -> None:
    site.mkcol("/f")
    site.lock("/f", deep=True)
    for name in ("a", "b"):
        for content in (b"1", b"2"):
            site.put(f"/f/{name}", content, site.with_tokens())
    assert (site.contents("/f/a"), site.contents("/f/b")) == ([b"2"], [b"2"])


def test_an_outside_change_within_a_session_is_kept(site: Site) -> None:
    site.lock("/a.txt")
    site.put("/a.txt", b"save 1", site.with_tokens())
    replace_outside(site, "a.txt", b"by hand")
    site.put("/a.txt", b"save 2", site.with_tokens())
    site.put("/a.txt", b"save 3", site.with_tokens())
    assert site.contents("/a.txt")[-2:] == [b"by hand", b"save 3"]


# other programs


def replace_outside(site: Site, name: str, content: bytes) -> None:
    """As most programs save: another file takes the name."""
    (site.root / f"{name}.new").write_bytes(content)
    (site.root / f"{name}.new").rename(site.root / name)


def test_a_change_by_another_program_is_a_version_of_its_own(site: Site) -> None:
    site.put("/a.txt", b"one")
    replace_outside(site, "a.txt", b"by hand")
    outside = site.versions("/a.txt")[-1]
    assert (outside.number, outside.changed_by, outside.door, outside.sha256, outside.size) == (2, "", "outside", None, 7)
    site.put("/a.txt", b"three")
    assert numbers(site, "/a.txt") == [1, 2, 3]
    assert site.contents("/a.txt")[1:] == [b"by hand", b"three"]


def test_what_another_program_has_overwritten_is_said_not_to_be_kept(site: Site) -> None:
    site.put("/a.txt", b"one")
    (site.root / "a.txt").write_bytes(b"in place")
    first, second = site.versions("/a.txt")
    assert (first.is_kept, first.size, second.is_kept) == (False, 3, True)
    with pytest.raises(NoSuchVersion, match="not kept: another program"):
        site.library.archive.open_version(site.document("/a.txt"), 1)
    with pytest.raises(NoSuchVersion):
        site.restore("/a.txt", 1)
    assert site.get("/a.txt") == b"in place"


def test_a_file_that_was_there_before_is_the_first_version(site: Site) -> None:
    (site.root / "found.txt").write_bytes(b"found")
    site.put("/found.txt", b"new")
    assert site.contents("/found.txt") == [b"found", b"new"]
    (site.root / "other.txt").write_bytes(b"found")
    document = site.library.catalogue.identify("/other.txt")
    assert [(each.number, each.door) for each in site.library.archive.versions(document)] == [(1, "outside")]


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("content", [None, b"given"])
def test_a_change_underneath_while_checked_out_is_a_version_of_its_own(site: Site, known: bool, content: bytes | None) -> None:
    if known:
        site.put("/a.txt", b"old")
    else:
        (site.root / "a.txt").write_bytes(b"old")
    site.check_out("/a.txt")
    site.put("/a.txt", b"draft")
    replace_outside(site, "a.txt", b"by hand")
    assert (site.get("/a.txt", "bob"), site.get("/a.txt", "alice")) == (b"by hand", b"draft")
    site.check_in("/a.txt", comment="done", content=content)
    *_, outside, newest = site.versions("/a.txt")
    assert (outside.door, outside.comment, newest.comment, newest.changed_by) == ("outside", "", "done", "alice")
    assert site.contents("/a.txt")[-2:] == [b"by hand", content or b"draft"]
    assert site.shelves() == []


def test_what_was_there_unknown_and_is_deleted_moved_onto_or_copied_onto_is_kept(site: Site) -> None:
    for name in ("deleted", "moved-onto", "copied-onto"):
        (site.root / name).write_bytes(name.encode())
    for name in ("x", "y"):
        site.put(f"/{name}", b"new", BOB)
    site.delete("/deleted")
    gone = site.library.archive.deleted("/deleted")
    assert gone and site.version_content(gone, 1) == b"deleted"
    site.copy("/y", "/copied-onto")
    assert site.contents("/copied-onto") == [b"copied-onto", b"new"]
    site.move("/x", "/moved-onto")
    replaced = site.library.archive.deleted("/moved-onto") or site.document("/moved-onto")
    assert b"moved-onto" in [site.version_content(replaced, version.number) for version in site.library.archive.versions(replaced)]
