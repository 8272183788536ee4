"""A disk without room, or one that fails, under check-out, save, check-in and undo: no draft and no version is lost."""

from __future__ import annotations

import errno
import math
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from davlock.errors import StorageFull, Unavailable
from davlock.model import Ending
from tests.documents.conftest import ADMIN, Clock, Site
from tests.documents.killing import Operation
from tests.documents.test_crash_checkouts import SCENES, WRITES
from tests.documents.test_full_disk import Failing, fill, make_room_in_log, use_up_log


@pytest.fixture
def full(small_disk: Path) -> Iterator[Site]:
    """A site with checkouts and a draft on a disk that another program has filled to the last byte."""
    site = Site(small_disk, Clock())
    site.library.upkeep.recover()
    for document in ("/doc.txt", "/untouched.txt", "/second.txt"):
        site.put(document, b"first")
        site.put(document, b"published")
        site.check_out(document)
    for document in ("/doc.txt", "/second.txt"):
        site.put(document, b"draft" * 20_000)
    fill(small_disk / "filler")
    use_up_log(site.state)
    yield site
    site.close()


NEEDS_ROOM: dict[str, Operation] = {
    "first-draft": lambda site: site.put("/untouched.txt", b"new" * 10_000),
    "next-draft": lambda site: site.put("/doc.txt", b"new" * 10_000),
    "check-in-content": lambda site: site.check_in("/doc.txt", content=b"new" * 10_000),
    "restore-as-draft": lambda site: site.restore("/doc.txt", 1),
    "copy-draft": lambda site: site.copy("/doc.txt", "/copy.txt"),
}


@pytest.mark.root
@pytest.mark.parametrize("needing", NEEDS_ROOM)
def test_what_needs_room_is_refused_and_loses_nothing(full: Site, needing: str) -> None:
    before = full.seen()
    for _ in range(3):
        with pytest.raises(StorageFull):
            NEEDS_ROOM[needing](full)
        assert (full.seen(), full.leftovers(), full.shelves()) == (before, [], [])


@pytest.mark.root
def test_a_check_in_is_done_or_refused_and_done_when_there_is_room(full: Site) -> None:
    before = full.seen()
    try:
        full.check_in("/doc.txt")
    except StorageFull:
        assert (full.seen(), full.leftovers(), full.shelves()) == (before, [], [])
        (full.root / "filler").unlink()
        full.check_in("/doc.txt")
    assert full.contents("/doc.txt") == [b"first", b"published", b"draft" * 20_000]
    assert (full.locks("/doc.txt"), full.shelves()) == ([], [])


@pytest.mark.root
def test_undo_works_without_room(full: Site) -> None:
    full.undo("/untouched.txt")
    full.undo("/doc.txt")
    full.undo("/second.txt", ADMIN, "there is no room left")
    assert full.library.all_locks() == []
    assert [(full.draft_content(draft.id), draft.how) for draft in full.rescued()] == [
        (b"draft" * 20_000, Ending.UNDONE),
        (b"draft" * 20_000, Ending.BROKEN),
    ]


@pytest.mark.root
def test_a_deletion_without_room_rescues_the_draft(full: Site) -> None:
    full.delete("/doc.txt")
    assert [full.draft_content(draft.id) for draft in full.rescued()] == [b"draft" * 20_000]
    gone = full.library.archive.deleted("/doc.txt")
    assert gone and [full.version_content(gone, number) for number in (1, 2)] == [b"first", b"published"]


@pytest.mark.root
def test_a_draft_that_only_nearly_fits_is_not_cut_off(small_disk: Path) -> None:
    site = Site(small_disk, Clock())
    content = bytes(range(256)) * 1000
    site.put("/doc.bin", b"published")
    site.check_out("/doc.bin")
    site.put("/doc.bin", b"draft")
    outcomes = []
    for spare in range(0, 3 * len(content), len(content) // 3):
        fill(small_disk / "filler")
        os.truncate(small_disk / "filler", max(0, (small_disk / "filler").stat().st_size - spare))
        make_room_in_log(small_disk / ".davlock" / "state.db")
        try:
            site.put("/doc.bin", content)
        except StorageFull:
            assert site.get("/doc.bin", "alice") == b"draft"
            outcomes.append("refused")
        else:
            assert site.get("/doc.bin", "alice") == content
            outcomes.append("saved")
            (small_disk / "filler").unlink()
            site.put("/doc.bin", b"draft")
        (small_disk / "filler").unlink(missing_ok=True)
        assert site.get("/doc.bin") == b"published"
    assert (outcomes[0], outcomes[-1]) == ("refused", "saved")
    site.close()


# the commit fails, or the disk, when everything has been renamed already

CHANGES = {name: scene for name, scene in (SCENES | WRITES).items() if name != "tidy"}


def failing_site(root: Path, furnish: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch) -> Site:
    furnish(root)
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **kwargs: connect(*args, **kwargs, factory=Failing))
    monkeypatch.setattr(Failing, "spared", math.inf)
    monkeypatch.setattr(Failing, "when_failed", dict)
    return Site(root, Clock())


@pytest.mark.parametrize("change", CHANGES)
def test_a_commit_that_fails_after_the_renames_takes_them_back(change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    furnish, operation = CHANGES[change]
    site = failing_site(tmp_path / "root", furnish, monkeypatch)
    site.library.upkeep.tidy()
    before, spared = site.seen(), 0
    while True:
        Failing.spared = spared
        try:
            operation(site)
            break
        except StorageFull:
            Failing.spared = math.inf
            site.library.upkeep.tidy()
            assert (site.seen(), site.leftovers(), site.shelves()) == (before, [], []), f"the commit after {spared}"
        spared += 1
    assert spared >= 1
    Failing.spared = math.inf
    assert site.seen() != before
    assert site.library.upkeep.recover() == []
    site.close()


@pytest.mark.parametrize("call", ["fsync", "rename", "link"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_disk_that_fails_in_the_middle_gives_everything_back(
    change: str, call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, at each place where it can."""
    furnish, operation = CHANGES[change]
    furnish(tmp_path / "root")
    site = Site(tmp_path / "root", Clock())
    site.library.upkeep.tidy()
    before, function, place, left = site.seen(), getattr(os, call), 0, 0

    def fail_once(*args: Any, **kwargs: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise OSError(errno.EIO, "Input/output error")
        function(*args, **kwargs)

    monkeypatch.setattr(os, call, fail_once)
    while True:
        place += 1
        left = place
        try:
            operation(site)
        except Unavailable:
            left = 0
            site.library.upkeep.tidy()
            assert (site.seen(), site.leftovers(), site.shelves()) == (before, [], []), f"at {call} {place}"
        else:
            break
    left = 0
    assert site.seen() != before
    site.library.upkeep.tidy()
    assert (site.shelves(), site.leftovers()) == ([], [])
    site.close()
