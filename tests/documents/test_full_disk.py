"""A disk without room: what needs some is refused and changes nothing; reading, giving back and removing go on."""

from __future__ import annotations

import errno
import math
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from davlock import paths
from davlock.errors import NotFound, StorageFull, Unavailable
from davlock.model import Kind, Scope, Wanted
from davlock.state.sqlite import SqliteState
from davlock.versions import COMING_BACK
from tests.documents.conftest import Clock, Site, files_in


@pytest.fixture
def full(small_disk: Path) -> Iterator[Site]:
    """A site with documents and locks on a disk that another program has filled to the last byte with /filler."""
    site = Site(small_disk, Clock())
    site.library.upkeep.recover()
    site.mkcol("/folder")
    site.put("/folder/a.txt", b"a" * 100_000)
    site.put("/doc.txt", b"doc")
    site.patch("/doc.txt", "red")
    site.lock("/folder/a.txt")
    site.lock("/doc.txt")
    fill(small_disk / "filler")
    use_up_log(site.state)
    yield site
    site.close()


def use_up_log(state: SqliteState) -> None:
    """The log has room of its own, for some decisions."""
    with pytest.raises(StorageFull):
        while True:
            with state.deciding() as rows:
                rows.next_generation()


def fill(file: Path) -> None:
    with file.open("wb", buffering=0) as filler:
        for block in (64 * 1024, 1):
            try:
                while True:
                    filler.write(bytes(block))
            except OSError:
                continue


NEEDS_ROOM: dict[str, Callable[[Site], object]] = {
    "put-new": lambda site: site.put("/new.txt", b"new" * 10_000),
    "put-new-empty": lambda site: site.put("/new.txt", b""),
    "put-replace": lambda site: site.put("/doc.txt", b"new" * 10_000, site.with_tokens()),
    "put-replace-empty": lambda site: site.put("/doc.txt", b"", site.with_tokens()),
    "copy-document": lambda site: site.copy("/folder/a.txt", "/b.txt"),
    "copy-onto": lambda site: site.copy("/folder/a.txt", "/doc.txt", site.with_tokens()),
    "copy-folder": lambda site: site.copy("/folder", "/folder2"),
    "move": lambda site: site.move("/doc.txt", "/moved.txt", site.with_tokens()),
    "move-onto": lambda site: site.move("/folder", "/doc.txt", site.with_tokens()),
    "proppatch": lambda site: site.patch("/doc.txt", "blue" * 5_000, site.with_tokens()),
    "lock": lambda site: site.lock("/folder"),
    "lock-unmapped": lambda site: site.lock("/new.txt"),
}


@pytest.mark.root
@pytest.mark.parametrize("needing", NEEDS_ROOM)
def test_what_needs_room_is_refused_and_changes_nothing(full: Site, needing: str) -> None:
    before = full.seen()
    for _ in range(3):
        with pytest.raises(StorageFull):
            NEEDS_ROOM[needing](full)
        assert full.seen() == before
        assert full.leftovers() == []


@pytest.mark.root
def test_a_new_folder_is_there_or_refused(full: Site) -> None:
    """On some file systems an empty folder takes no room."""
    before = full.seen()
    try:
        full.mkcol("/made")
    except StorageFull:
        assert full.seen() == before
    else:
        assert full.names("/made") == []


@pytest.mark.root
def test_locks_are_renewed_and_given_back_and_documents_removed(full: Site) -> None:
    caller = full.with_tokens()
    for _ in range(20):
        renewed = full.library.refresh("/doc.txt", caller, 900).lock
    assert renewed.expires == 1_000_000 + 900
    full.unlock("/folder/a.txt")
    full.unlock("/doc.txt")
    assert full.library.all_locks() == []
    full.delete("/folder")
    assert full.names() == ["doc.txt", "filler"]


@pytest.mark.root
def test_when_there_is_room_again_all_is_well(full: Site) -> None:
    for needing in NEEDS_ROOM.values():
        with pytest.raises(StorageFull):
            needing(full)
    (full.root / "filler").unlink()
    assert full.put("/new.txt", b"new" * 10_000)
    full.copy("/folder", "/folder2")
    full.patch("/doc.txt", "blue", full.with_tokens())
    full.move("/doc.txt", "/moved.txt", full.with_tokens())
    full.lock("/moved.txt")
    assert full.library.upkeep.recover() == []
    assert list(full.library.upkeep.check()) == []
    assert full.leftovers() == []


@pytest.mark.root
def test_what_was_deleted_gives_way_to_what_is_saved_next(small_disk: Path) -> None:
    """It is kept as long as there is room, and always for the seconds in which it may come back."""
    clock = Clock()
    site = Site(small_disk, clock)
    site.library.upkeep.recover()
    fill(small_disk / "filler")
    site.delete("/filler")
    for seconds in (0, COMING_BACK + 1):
        clock.now += seconds
        with pytest.raises(StorageFull):
            site.put("/new.txt", b"new" * 10_000)
        assert bool(site.library.archive.deleted("/filler")) is (seconds == 0)
    assert site.put("/new.txt", b"new" * 10_000)
    assert (site.names(), site.shelves()) == (["new.txt"], [])
    site.close()


@pytest.mark.root
def test_a_copy_that_only_nearly_fits_is_not_cut_off(small_disk: Path) -> None:
    """write() takes what still fits and reports the rest only by its result."""
    site = Site(small_disk, Clock())
    content = bytes(range(256)) * 1000
    site.put("/doc.bin", content)
    site.put("/elsewhere.txt", b"")
    for spare in range(0, 3 * len(content), len(content) // 5):
        fill(small_disk / "filler")
        os.truncate(small_disk / "filler", max(0, (small_disk / "filler").stat().st_size - spare))
        make_room_in_log(small_disk / ".davlock" / "state.db")
        try:
            site.copy("/doc.bin", "/copy.bin")
        except StorageFull:
            assert site.names() == ["doc.bin", "elsewhere.txt", "filler"]
            outcome = "refused"
        else:
            assert site.get("/copy.bin") == content
            site.delete("/copy.bin")
            outcome = "copied"
        (small_disk / "filler").unlink()
        if spare == 0:
            assert outcome == "refused"
    assert outcome == "copied"
    site.close()


def make_room_in_log(file: Path) -> None:
    """As in a server that has run for a while: committing itself needs no more room."""
    connection = sqlite3.connect(file)
    assert connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()[0] == 0
    connection.close()


# the commit fails, or the disk, when everything has been renamed already


class Failing(sqlite3.Connection):
    """A connection whose decisions cannot be committed any more after some."""

    spared: ClassVar[float] = math.inf
    when_failed: ClassVar[Callable[[], object]] = dict  # does nothing
    _decides = False

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        if sql.startswith("BEGIN"):
            self._decides = sql == "BEGIN IMMEDIATE"
        if sql == "COMMIT" and self._decides:
            Failing.spared -= 1
            if Failing.spared < 0:
                Failing.when_failed()
                error = sqlite3.OperationalError("database or disk is full")
                error.sqlite_errorname = "SQLITE_FULL"
                raise error
        return super().execute(sql, *parameters)


def furnished(root: Path) -> Path:
    root.mkdir(exist_ok=True)
    site = Site(root, Clock())
    for folder in ("/folder", "/target"):
        site.mkcol(folder)
    for document in ("/doc.txt", "/folder/a.txt", "/target/old.txt"):
        site.put(document, document.encode())
        site.patch(document, f"of {document}")
    site.lock("/target/old.txt", kind=Kind.CHECKOUT)
    site.close()
    return root


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch, root: Path) -> Iterator[Site]:
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **kwargs: connect(*args, **kwargs, factory=Failing))
    monkeypatch.setattr(Failing, "spared", math.inf)
    monkeypatch.setattr(Failing, "when_failed", dict)
    site = Site(furnished(root), Clock())
    yield site
    Failing.spared = math.inf
    site.close()


CHANGES: dict[str, Callable[[Site], object]] = {
    "put-new": lambda site: site.put("/new.txt", b"new"),
    "put-replace": lambda site: site.put("/doc.txt", b"new"),
    "mkcol": lambda site: site.mkcol("/made"),
    "delete-document": lambda site: site.delete("/doc.txt"),
    "delete-folder": lambda site: site.delete("/target"),
    "move": lambda site: site.move("/doc.txt", "/moved.txt"),
    "move-folder": lambda site: site.move("/target", "/folder/moved"),
    "move-onto-document": lambda site: site.move("/folder/a.txt", "/doc.txt"),
    "move-onto-folder": lambda site: site.move("/folder", "/target"),
    "move-document-onto-folder": lambda site: site.move("/doc.txt", "/target"),
    "copy": lambda site: site.copy("/doc.txt", "/copied.txt"),
    "copy-onto-document": lambda site: site.copy("/folder/a.txt", "/doc.txt"),
    "copy-onto-folder": lambda site: site.copy("/folder", "/target"),
    "lock-unmapped": lambda site: site.lock("/new.txt"),
    "proppatch": lambda site: site.patch("/doc.txt", "blue"),
}


JOURNALLED = [change for change in CHANGES if change.startswith(("delete", "move", "copy", "lock"))]


def inodes(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_ino for path in files_in(folder)}


@pytest.mark.parametrize(("change", "spared"), [(each, 0) for each in CHANGES] + [(each, 1) for each in JOURNALLED])
def test_a_commit_that_fails_after_the_renames_takes_them_back(failing: Site, change: str, spared: int) -> None:
    before, files = failing.seen(), inodes(failing.root)
    Failing.spared = spared
    with pytest.raises(StorageFull):
        CHANGES[change](failing)
    Failing.spared = math.inf
    assert failing.seen() == before
    assert inodes(failing.root) == files
    assert failing.leftovers() == []
    CHANGES[change](failing)
    assert failing.seen() != before
    assert failing.library.upkeep.recover() == []
    with failing.state.reading() as rows:
        assert rows.intents() == []


@pytest.mark.parametrize("call", ["fsync", "rename"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_disk_that_fails_in_the_middle_gives_everything_back(
    failing: Site, change: str, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, at each place where it can."""
    before, files, function, place, left = failing.seen(), inodes(failing.root), getattr(os, call), 0, 0

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
            CHANGES[change](failing)
        except Unavailable:
            assert failing.seen() == before, f"at {call} {place}"
            assert inodes(failing.root) == files
            assert failing.leftovers() == []
        else:
            break
    assert place > 1 or change in ("proppatch", "put-new", "lock-unmapped")
    assert failing.seen() != before


@pytest.mark.parametrize("change", JOURNALLED)
def test_what_cannot_be_taken_back_either_has_happened(failing: Site, change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit fails and then the disk refuses to rename: the next decision makes bytes and rows agree again."""
    twin = Site(furnished(tmp_path / "twin"), Clock())
    if change != "lock-unmapped":  # of a lock that was not granted, nothing is left
        CHANGES[change](twin)
    twin.put("/next.txt", b"next")
    expected = twin.seen()
    twin.close()

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    def break_disk() -> None:
        Failing.spared = math.inf
        monkeypatch.setattr(os, "rename", refuse)
        monkeypatch.setattr(os, "unlink", refuse)

    Failing.spared, Failing.when_failed = 1, break_disk
    with pytest.raises((StorageFull, NotFound, Unavailable)):  # a deletion is tried once more, in the reserve
        CHANGES[change](failing)
    Failing.spared = math.inf
    monkeypatch.undo()
    failing.put("/next.txt", b"next")
    assert failing.seen().content == expected.content
    assert failing.seen().properties == expected.properties
    assert failing.seen().locks == expected.locks
    with failing.state.reading() as rows:
        assert rows.intents() == []


def test_a_state_that_may_not_grow_is_a_full_disk(site: Site) -> None:
    """SQLite's own refusal, not a made one."""
    site.put("/doc.txt", b"doc")
    with site.state.deciding() as rows:
        connection = rows._connection
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
    before = site.seen()
    with pytest.raises(StorageFull):
        for number in range(10_000):
            site.patch("/doc.txt", "blue" * 1000, name=f"{{x}}n{number}")
            before = site.seen()
    assert site.seen() == before
    with pytest.raises(StorageFull):
        site.library.lock(paths.parse("/new.txt"), Wanted(Kind.LOCK, "/new.txt", Scope.EXCLUSIVE, owner="x" * 100_000), site.with_tokens())
    assert site.seen() == before
