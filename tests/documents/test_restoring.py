"""Earlier versions are read and brought back, those of deleted documents too, as long as they are kept."""

from __future__ import annotations

import pytest

from davlock import paths
from davlock.errors import Locked, NoSuchVersion, NotFound, ParentMissing
from davlock.model import Document, Semantics
from davlock.policy import DAY, Policy
from tests.documents.conftest import ALICE, BOB, Clock, Opener, Site


def numbers(site: Site, path: str) -> list[int]:
    return [version.number for version in site.versions(path)]


# reading and restoring


def test_there_is_no_such_version(site: Site) -> None:
    for path in ("/a.txt", "/b.txt"):
        for content in (b"one", b"two", b"three") if path == "/a.txt" else (b"one",):
            site.put(path, content)
    other = site.document("/b.txt")
    for number in (0, 2, 3, 4, -1, 10**12):
        with pytest.raises(NoSuchVersion):
            site.library.archive.open_version(other, number)
        with pytest.raises(NoSuchVersion):
            site.restore("/b.txt", number)
    with pytest.raises(NoSuchVersion):
        site.library.archive.open_version(Document(4711, "/nothing.txt"), 1)
    with pytest.raises(NotFound):
        site.library.catalogue.identify("/nothing.txt")
    assert site.library.catalogue.document("/nothing.txt") is None
    assert site.contents("/b.txt") == [b"one"]


def test_the_newest_version_is_never_taken_for_what_another_program_has_put_in_its_place(site: Site) -> None:
    site.put("/a.txt", b"one")
    document = site.document("/a.txt")
    (site.root / "a.txt").write_bytes(b"by hand")
    with pytest.raises(NoSuchVersion):
        site.library.archive.open_version(document, 1)
    assert site.version_content(site.document("/a.txt"), 2) == b"by hand"


def test_a_version_that_is_restored_is_the_newest_one(site: Site) -> None:
    for content in (b"one", b"two", b"three"):
        site.put("/a.txt", content)
    site.restore("/a.txt", 1, BOB)
    assert site.contents("/a.txt") == [b"one", b"two", b"three", b"one"]
    newest = site.versions("/a.txt")[-1]
    assert (newest.changed_by, newest.comment, newest.sha256) == ("bob", "Version 1 restored", site.versions("/a.txt")[0].sha256)
    site.library.archive.restore(site.document("/a.txt"), 2, paths.parse("/a.txt"), ALICE, "better")
    assert (site.get("/a.txt"), site.versions("/a.txt")[-1].comment) == (b"two", "better")
    site.restore("/a.txt", 5)
    assert site.contents("/a.txt")[-2:] == [b"two", b"two"]


def test_a_version_is_restored_into_the_draft_of_a_checkout(site: Site) -> None:
    for content in (b"one", b"two"):
        site.put("/a.txt", content)
    site.check_out("/a.txt")
    with pytest.raises(Locked):
        site.restore("/a.txt", 1, BOB)
    site.restore("/a.txt", 1)
    assert (site.get("/a.txt", "alice"), site.get("/a.txt"), numbers(site, "/a.txt")) == (b"one", b"two", [1, 2])
    site.check_in("/a.txt")
    assert site.contents("/a.txt") == [b"one", b"two", b"one"]


def test_a_deleted_document_comes_back_with_its_history(site: Site, clock: Clock) -> None:
    for content in (b"one", b"two"):
        site.put("/a.txt", content)
    kept = site.id("/a.txt")
    site.patch("/a.txt", "red")
    site.delete("/a.txt", BOB)
    clock.now += 20 * DAY
    site.library.upkeep.tidy()
    gone = site.library.archive.deleted("/a.txt")
    assert gone and gone.path is None
    assert [(each.number, each.is_kept, each.is_newest) for each in site.library.archive.versions(gone)] == [
        (1, True, False),
        (2, True, False),
    ]
    site.restore("/a.txt", 1, document=gone)
    assert (site.id("/a.txt"), site.colour("/a.txt"), site.library.archive.deleted("/a.txt")) == (kept, "red", None)
    assert site.contents("/a.txt") == [b"one", b"two", b"one"]
    assert site.shelves() == []


def test_a_deleted_document_is_restored_under_another_name(site: Site) -> None:
    site.put("/a.txt", b"one")
    kept = site.id("/a.txt")
    site.delete("/a.txt")
    site.put("/a.txt", b"another one", BOB)
    gone = site.library.catalogue.document_with(kept or 0)
    assert gone
    with pytest.raises(ParentMissing):
        site.restore("/no/such/folder.txt", 1, document=gone)
    site.restore("/b.txt", 1, document=gone)
    assert (site.id("/b.txt"), site.get("/b.txt"), site.get("/a.txt")) == (kept, b"one", b"another one")


def test_a_restore_that_was_refused_brings_nothing_back_later(site: Site) -> None:
    site.put("/a.txt", b"one")
    site.delete("/a.txt", BOB)
    gone = site.library.archive.deleted("/a.txt")
    assert gone
    site.mkcol("/f")
    site.lock("/f", BOB)
    with pytest.raises(Locked):
        site.restore("/f/a.txt", 1, document=gone)
    site.unlock("/f", BOB)
    site.put("/f/a.txt", b"something else")
    assert site.id("/f/a.txt") != gone.id


def test_deleted_documents_are_kept_for_their_time(site: Site, clock: Clock) -> None:
    site.put("/a.txt", b"one")
    site.delete("/a.txt")
    site.put("/b.txt", b"stays")
    clock.now += 30 * DAY
    site.library.upkeep.tidy()
    assert site.library.archive.deleted("/a.txt") is not None
    clock.now += 1
    site.library.upkeep.tidy()
    assert (site.library.archive.deleted("/a.txt"), site.contents("/b.txt")) == (None, [b"stays"])
    assert list((site.root / ".davlock" / "versions").iterdir()) == []


# how much is kept


@pytest.mark.parametrize("most", [0, 1, 3])
def test_only_the_last_versions_are_kept(open_site: Opener, most: int) -> None:
    site = open_site(Policy(versions=most))
    for number in range(1, 7):
        site.put("/a.txt", b"%d" % number)
    assert numbers(site, "/a.txt") == list(range(6 - most, 7))
    assert site.contents("/a.txt") == [b"%d" % number for number in range(6 - most, 7)]
    with pytest.raises(NoSuchVersion):
        site.library.archive.open_version(site.document("/a.txt"), 5 - most)
    assert site.shelves() == []


def test_versions_are_kept_for_their_time_since_they_were_replaced(open_site: Opener, clock: Clock) -> None:
    site = open_site(Policy(version_seconds=10 * DAY))
    for content in (b"one", b"two", b"three"):
        site.put("/a.txt", content)
        clock.now += 5 * DAY
    site.library.upkeep.tidy()
    assert site.contents("/a.txt") == [b"one", b"two", b"three"]
    clock.now += 1
    site.library.upkeep.tidy()
    assert site.contents("/a.txt") == [b"two", b"three"]
    clock.now += 100 * DAY
    site.library.upkeep.tidy()
    assert site.contents("/a.txt") == [b"three"]
    assert site.shelves() == []


SCRATCH = ["~$letter.docx", "._letter.docx", ".~lock.letter.odt#", "save.tmp", "SAVE.TMP", "letter.docx~", ".DS_Store", "thumbs.db"]


@pytest.mark.parametrize("name", SCRATCH)
def test_scratch_files_keep_no_versions(site: Site, name: str) -> None:
    for content in (b"one", b"two"):
        site.put(f"/{name}", content)
    assert site.contents(f"/{name}") == [b"two"]
    site.check_out(f"/{name}")
    site.put(f"/{name}", b"draft")
    assert (site.get(f"/{name}"), site.check_in(f"/{name}").is_new, site.get(f"/{name}")) == (b"two", True, b"draft")
    site.delete(f"/{name}")
    site.library.upkeep.tidy()
    assert list((site.root / ".davlock" / "versions").iterdir()) == []


def test_semantics_by_pattern_the_first_that_fits_counts(open_site: Opener) -> None:
    patterns = (
        ("/none/*", Semantics.NONE),
        ("/Archive/*.PDF", Semantics.NONE),
        ("*.pdf", Semantics.LOCKING),
        ("/archive/*", Semantics.VERSIONING),
    )
    policy = Policy(default=Semantics.LOCKING, patterns=patterns, scratch=("*.bak",))
    site = open_site(policy)
    expected = {
        "/archive/a.pdf": Semantics.NONE,
        "/archive/deep/er/A.Pdf": Semantics.NONE,
        "/a.pdf": Semantics.LOCKING,
        "/archive/a.txt": Semantics.VERSIONING,
        "/archive/a.bak": Semantics.LOCKING,
        "/none/a.bak": Semantics.NONE,
        "/a.txt": Semantics.LOCKING,
    }
    assert {path: site.library.policy.semantics(path) for path in expected} == expected


def test_a_document_of_semantics_locking_has_drafts_but_no_history(open_site: Opener) -> None:
    site = open_site(Policy(default=Semantics.LOCKING))
    site.put("/a.txt", b"one")
    site.check_out("/a.txt")
    site.put("/a.txt", b"draft")
    assert (site.get("/a.txt"), site.get("/a.txt", "alice")) == (b"one", b"draft")
    assert site.check_in("/a.txt", comment="done").version == 2
    assert [(each.number, each.comment) for each in site.versions("/a.txt")] == [(2, "done")]
    assert list((site.root / ".davlock" / "versions").iterdir()) == []


def test_a_newest_version_is_what_the_document_is(site: Site) -> None:
    site.put("/a.txt", b"one")
    newest = site.versions("/a.txt")[-1]
    entry = site.library.look("/a.txt", "")
    assert entry and newest.stamp == entry.stamp
