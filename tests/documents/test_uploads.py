"""Uploads that do not arrive whole, and what becomes of descriptors, staging folders and etags."""

from __future__ import annotations

import os

import pytest

from davlock import paths
from davlock.errors import (
    DavlockError,
    IncompleteBody,
    TooLarge,
)
from davlock.library import Library
from tests.documents.conftest import ALICE, BOB, Bytes, Opener, Site

# uploads


@pytest.mark.parametrize(
    ("source", "length", "refusal"),
    [
        (Bytes(b"short"), 6, IncompleteBody),
        (Bytes(), 1, IncompleteBody),
        (Bytes(b"broken", OSError("connection reset")), 100, IncompleteBody),
        (Bytes(b"broken", ValueError("bad chunk")), None, IncompleteBody),
        (Bytes(b"broken", TimeoutError()), None, IncompleteBody),
        (Bytes(b"x" * 1001), None, TooLarge),
        (Bytes(b"x" * 500, b"x" * 500, b"x"), None, TooLarge),
        (Bytes(b"x"), 1001, TooLarge),
        (Bytes(b"x" * 1000, MemoryError()), None, MemoryError),
    ],
)
def test_an_upload_that_does_not_arrive_whole_changes_nothing(
    site: Site, source: Bytes, length: int | None, refusal: type[Exception]
) -> None:
    library = Library(site.state, site.tree, max_upload=1000)
    site.put("/a.txt", b"old")
    descriptors = len(os.listdir("/proc/self/fd"))
    for path in ("/a.txt", "/new.txt"):
        blocks = source._blocks.copy()
        with pytest.raises(refusal):
            library.write(paths.parse(path), source, length, ALICE)
        source._blocks = blocks
    assert site.get("/a.txt") == b"old"
    assert site.names() == ["a.txt"]
    staging = site.root / ".davlock" / "staging"
    assert [path for path in staging.rglob("*") if path.is_file() and path.suffix != ".alive"] == []
    assert len(os.listdir("/proc/self/fd")) <= descriptors + 1  # the folder of a process that stages for the first time
    library._staging.close()


def test_an_upload_is_taken_up_to_what_was_announced(site: Site) -> None:
    """What comes after it is not the body's: the next request of the same connection."""
    source = Bytes(b"body", b"next request")
    site.library.write(paths.parse("/a.txt"), source, 4, ALICE)
    assert site.get("/a.txt") == b"body"
    assert source.read(100) == b"next request"


def test_refusals_leave_no_descriptors(site: Site) -> None:
    site.mkcol("/folder")
    site.put("/folder/a.txt", b"a")
    site.lock("/folder/a.txt", BOB)
    (site.root / "link").symlink_to("folder")
    os.mkfifo(site.root / "pipe")

    def refuse() -> None:
        for wrong in (
            lambda: site.get("/folder"),
            lambda: site.get("/pipe"),
            lambda: site.get("/nothing/a.txt"),
            lambda: site.get("/link/a.txt"),
            lambda: site.put("/folder", b""),
            lambda: site.put("/folder/a.txt", b""),
            lambda: site.put("/folder/a.txt/b", b""),
            lambda: site.delete("/folder"),
            lambda: site.move("/folder", "/moved"),
            lambda: site.move("/folder", "/nothing/moved"),
            lambda: site.copy("/pipe", "/copied"),
            lambda: site.copy("/folder", "/folder/a.txt/b"),
            lambda: site.mkcol("/folder"),
            lambda: site.lock("/folder/a.txt"),
            lambda: next(site.library.listing("/folder/a.txt", "")),
        ):
            with pytest.raises(DavlockError):
                wrong()

    refuse()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        refuse()
    assert len(os.listdir("/proc/self/fd")) == before
    assert site.leftovers() == []


# etags


def test_no_two_contents_have_one_etag(site: Site) -> None:
    """Also of the same size, and many within one tick of the file system's clock."""
    etags = [site.put("/a.txt", f"{number:04}".encode()) for number in range(1000)]
    assert len(set(etags)) == 1000


def test_no_etag_comes_back(site: Site) -> None:
    """Neither with a content that comes and goes, nor with a file whose inode is used again, nor when the clock is set back."""
    seen = set()
    for number in range(50):
        seen.add(site.put("/a.txt", b"one"))
        seen.add(site.put("/a.txt", b"two"))
        site.copy("/a.txt", "/b.txt")
        entry = site.library.look("/b.txt", "")
        assert entry
        seen.add(entry.etag)
        site.move("/b.txt", "/c.txt")
        site.delete("/a.txt")
        assert len(seen) == 3 * (number + 1)


def test_an_etag_changes_when_the_clock_does_not(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time_ns", lambda: 1_700_000_000_000_000_000)
    etags = [site.put("/a.txt", f"{number}".encode()) for number in range(9)]
    assert len(set(etags)) == 9


def test_an_etag_changes_when_another_program_writes_as_many_bytes(site: Site) -> None:
    etag = site.put("/a.txt", b"one")
    (site.root / "a.txt").write_bytes(b"two")
    entry = site.library.look("/a.txt", "")
    assert entry and entry.etag != etag


# processes


def test_what_a_dead_process_staged_is_removed_and_what_a_living_one_stages_is_not(site: Site, open_site: Opener) -> None:
    living = open_site()
    with living.library._staging.stage(Bytes(b"wanted"), 6) as staged:
        child = os.fork()
        if not child:
            dying = open_site()
            with dying.library._staging.stage(Bytes(b"unwanted"), 8):
                os._exit(0)
        os.waitpid(child, 0)
        (removed,) = site.library.upkeep.recover()
        assert removed.startswith("removed staging/")
        assert staged.file.read_bytes() == b"wanted"
    assert site.library.upkeep.recover() == []


def test_a_forked_child_has_a_staging_folder_of_its_own(site: Site) -> None:
    site.put("/a.txt", b"a")
    home = site.library._staging.home
    child = os.fork()
    if not child:
        os._exit(0 if site.library._staging.home != home else 1)
    _, status = os.waitpid(child, 0)
    assert status == 0
    assert site.library._staging.home == home
