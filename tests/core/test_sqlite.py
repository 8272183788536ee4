"""What only SQLite does: full disks, damaged files, other programs on the file, and what it was told about durability."""

from __future__ import annotations

import errno
import os
import resource
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from davlock.errors import Conflict, StorageFull, Unavailable
from davlock.locks import LockManager
from davlock.model import Caller, Ending, Entry, Intent, Kind, Lock, Wanted
from davlock.state import Rows, turns
from davlock.state.sqlite import SqliteState

from .conftest import Clock

MANAGER, ALICE = LockManager(), Caller("alice")
ADMIN = Caller("root", admin=True)


@pytest.fixture
def state(tmp_path: Path, clock: Clock) -> Iterator[SqliteState]:
    state = SqliteState(tmp_path / "state.db", clock)
    yield state
    state.close()


def take(state: SqliteState, path: str, owner: str = "") -> Lock:
    with state.deciding() as rows:
        return MANAGER.acquire(rows, Wanted(Kind.LOCK, path, owner=owner), ALICE)


def roots(state: SqliteState) -> list[str]:
    with state.reading() as rows:
        return [lock.root for lock in rows.locks()]


@contextmanager
def limited(what: int, most: int) -> Iterator[None]:
    before, hard = resource.getrlimit(what)
    resource.setrlimit(what, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(what, (before, hard))


def test_a_full_database_is_a_full_disk(state: SqliteState) -> None:
    """SQLITE_FULL within the decision: StorageFull, undone, and all is well once there is room."""
    take(state, "/a")
    undone: list[int] = []
    # Of this SQLite makes as many as there are; the state opens another connection after such a failure.
    state._turns._connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(StorageFull), state.deciding() as rows:
        rows.if_undone(lambda: undone.append(1))
        rows.if_undone(lambda: undone.append(2))
        for number in range(100):
            MANAGER.acquire(rows, Wanted(Kind.LOCK, f"/f/{number}", owner="o" * 4000), ALICE)
    assert undone == [2, 1]
    assert roots(state) == ["/a"]
    with state.deciding() as rows:
        rows.end_locks([lock.token for lock in rows.locks()], Ending.RELEASED)
    take(state, "/f/0", "o" * 4000)
    assert roots(state) == ["/f/0"]


def test_a_commit_that_the_disk_does_not_take(state: SqliteState, tmp_path: Path, clock: Clock) -> None:
    """What fails is the COMMIT itself: the log cannot grow. All is undone, and well once it can."""
    take(state, "/a")
    undone: list[int] = []
    log = tmp_path / "state.db-wal"
    with limited(resource.RLIMIT_FSIZE, log.stat().st_size), pytest.raises((StorageFull, Unavailable)), state.deciding() as rows:
        rows.if_undone(lambda: undone.append(1))
        rows.if_undone(lambda: undone.append(2))
        lock = MANAGER.acquire(rows, Wanted(Kind.LOCK, "/b"), ALICE)
        assert rows.lock(lock.token) == lock
    assert undone == [2, 1]
    assert roots(state) == ["/a"]
    take(state, "/c")
    other = SqliteState(tmp_path / "state.db", clock)
    assert roots(other) == roots(state) == ["/a", "/c"]
    assert other.problems() == []
    other.close()


def test_want_of_descriptors_passes(state: SqliteState) -> None:
    """reliability §3, resources: with none left a decision is refused; with some again, it is made."""
    for spare in range(12):
        state.close()
        # Other tests may have left gaps between the descriptors that are open.
        free = [os.dup(0) for _ in range(spare + 1)]
        for descriptor in free:
            os.close(descriptor)
        try:
            with limited(resource.RLIMIT_NOFILE, free[-1]):
                take(state, f"/{spare:02}/scarce")
        except Unavailable as refused:
            assert "nothing was changed" in str(refused)
            assert f"/{spare:02}/scarce" not in roots(state)
        take(state, f"/{spare:02}/plenty")
    found = roots(state)
    assert sum("plenty" in root for root in found) == 12
    assert "/00/scarce" not in found
    assert "/11/scarce" in found


def test_another_program_on_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backup or a person that holds SQLite's own write lock: wait, then refuse; look meanwhile; go on afterwards."""
    monkeypatch.setattr("davlock.state.sqlite.BUSY_SECONDS", 0.05)
    state = SqliteState(tmp_path / "state.db")
    take(state, "/a")
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable):
        take(state, "/b")
    assert roots(state) == ["/a"]
    other.execute("ROLLBACK")
    other.close()
    take(state, "/b")
    assert roots(state) == ["/a", "/b"]
    state.close()


def test_sqlites_own_lock_is_the_guarantee(state: SqliteState, tmp_path: Path) -> None:
    """Should two processes not queue on the same file (somebody has removed it), then they still decide one after the other."""
    (tmp_path / "state.turn").unlink()
    looked, outcome = threading.Event(), []

    def tell_the_time() -> float:
        looked.set()
        return 1_000_000.0

    def decide() -> None:
        try:
            outcome.append(take(other, "/a"))
        except Conflict:
            outcome.append("refused")

    other = SqliteState(tmp_path / "state.db", tell_the_time)
    with state.deciding() as rows:
        MANAGER.acquire(rows, Wanted(Kind.LOCK, "/a"), ALICE)
        deciding = threading.Thread(target=decide)
        deciding.start()
        assert not looked.wait(0.2)
    deciding.join()
    assert outcome == ["refused"]


def test_a_damaged_file_is_told_in_sentences(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    state = SqliteState(file)
    assert state.problems() == []
    with state.deciding() as rows:
        for number in range(1000):
            rows.add_document(f"/{number:0200}")
    state.close()
    whole = bytearray(file.read_bytes())
    pages = len(whole) // 4096
    # Of the rows; without its schema, which is in the first pages, it is no database any more and is not opened.
    for damage in ({-4096 * 3: b"\xff" * 4096}, {4096 * number: b"\x0d\xff" * 50 for number in range(pages // 2, pages)}):
        broken = bytearray(whole)
        for start, junk in damage.items():
            start %= len(broken)
            broken[start : start + len(junk)] = junk
        file.write_bytes(broken)
        state = SqliteState(file)
        problems = state.problems()
        state.close()
        assert problems
        assert all(isinstance(problem, str) and problem for problem in problems)


def test_a_break_is_recorded_for_good(state: SqliteState, tmp_path: Path, clock: Clock) -> None:
    """design §2: who broke whose lock, when, and why."""
    lock = take(state, "/a")
    clock.now += 7
    with state.deciding() as rows:
        MANAGER.break_(rows, lock.token, ADMIN, "left the company")
    connection = sqlite3.connect(tmp_path / "state.db")
    found = connection.execute("SELECT token, kind, path, principal, ended_by, reason, ended, how FROM history").fetchall()
    connection.close()
    assert found == [(lock.token, "LOCK", "/a", "alice", "root", "left the company", clock.now, "broken")]


@pytest.mark.parametrize("inode", [1, 2**63 - 1, 2**63, 2**64 - 1])
@pytest.mark.parametrize("modified_ns", [0, -(2**40), 2**63 - 1, 2**63, 15_032_385_535 * 10**9, -(2**35) * 10**9])
def test_numbers_of_a_file_system_that_need_more_than_63_bits(inode: int, modified_ns: int, state: SqliteState) -> None:
    """`touch -d 2446-01-01`: a file changed underneath is never an error (design §3)."""
    entry = Entry("/a", "a", False, 5, inode, modified_ns, 0.0)
    intent = Intent("id", "move", "/a", "/b", "b", inode, False, "alice", "webdav", "owner")
    with state.deciding() as rows:
        rows.record_version(replace(rows.add_document("/a"), stamp=entry.stamp))
        rows.add_intent(intent)
        assert rows.intents() == [intent]
    with state.reading() as rows:
        document = rows.document("/a")
        assert document is not None
        assert document.stamp == entry.stamp
        assert document.stamp != entry._replace(modified_ns=modified_ns + 1).stamp
        assert rows.intents() == [intent]


def test_a_mistake_while_looking_leaves_the_connection_usable(state: SqliteState) -> None:
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), state.reading() as rows:
            rows.locks()
            raise ZeroDivisionError
        with pytest.raises(Unavailable), state.reading() as rows:
            rows._connection.execute("SELECT nothing")
    assert roots(state) == []


def test_what_its_connections_are_told(state: SqliteState) -> None:
    def asked(rows: Rows, pragma: str) -> object:
        return rows._connection.execute(f"PRAGMA {pragma}").fetchone()[0]

    for looking in (state.deciding, state.reading):
        with looking() as rows:
            assert asked(rows, "journal_mode") == "wal"
            assert asked(rows, "synchronous") == 1
            assert asked(rows, "foreign_keys") == 1
            assert asked(rows, "trusted_schema") == 0


@pytest.fixture
def syncs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were synced, by their names."""
    names: list[str] = []

    def sync(fd: int) -> None:
        names.append(Path(os.readlink(f"/proc/self/fd/{fd}")).name)
        os.fdatasync(fd)

    monkeypatch.setattr(turns, "_sync", sync)
    return names


def test_what_is_written_is_synced_and_a_refusal_is_not(state: SqliteState, syncs: list[str]) -> None:
    """reliability §2.6: a commit survives a power cut; nobody can pull the plug in a test."""
    for number in range(3):
        take(state, f"/{number}")
        assert syncs == ["state.db-wal"] * (number + 1)
    with pytest.raises(Conflict), state.deciding() as rows:
        MANAGER.acquire(rows, Wanted(Kind.LOCK, "/1"), Caller("bob"))
    assert roots(state) == ["/0", "/1", "/2"]
    assert len(syncs) == 3


def test_others_decide_while_one_waits_for_the_disk(state: SqliteState, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []

    def sync(fd: int) -> None:
        if not seen:
            seen.append(roots(other))
            take(other, "/of another")
        os.fdatasync(fd)

    other = SqliteState(state._file, clock)
    monkeypatch.setattr(turns, "_sync", sync)
    deciding = threading.Thread(target=take, args=(state, "/of one"), daemon=True)
    deciding.start()
    deciding.join(20)
    assert not deciding.is_alive()
    assert seen == [["/of one"]]
    assert roots(state) == ["/of another", "/of one"]
    other.close()


def test_who_is_told_what_others_have_just_done_waits_for_the_disk_too(state: SqliteState, clock: Clock, syncs: list[str]) -> None:
    def ask_again() -> int:
        with state.deciding() as rows:
            assert [lock.root for lock in rows.locks()] == ["/a"]
        return len(syncs)

    other = SqliteState(state._file, clock)
    take(other, "/a")
    assert ask_again() == 2
    assert ask_again() == 2
    other.close()


def test_what_the_disk_did_not_confirm_is_saved_elsewhere(
    state: SqliteState, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed sync is not repeated, for the second one would succeed without having written anything."""

    def fail(fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    take(state, "/before")
    with monkeypatch.context() as broken, pytest.raises(Unavailable, match="does not confirm"):
        broken.setattr(turns, "_sync", fail)
        take(state, "/doubtful")
    (tmp_path / "copy").mkdir()
    with state.deciding():  # nothing is decided before that
        subprocess.run(["cp", tmp_path / "state.db", tmp_path / "copy"], check=True)  # opened in here, it would lose its locks
    saved = SqliteState(tmp_path / "copy" / "state.db", clock)
    assert roots(state) == roots(saved) == ["/before", "/doubtful"]
    saved.close()
    take(state, "/after")
    assert roots(state) == ["/after", "/before", "/doubtful"]


def test_most_commits_write_over_what_the_log_has(state: SqliteState, clock: Clock, tmp_path: Path) -> None:
    lengths = []
    for number in range(100):
        take(state, f"/{number:02}")
        lengths.append((tmp_path / "state.db-wal").stat().st_size)
    assert len(set(lengths)) < 25
    (tmp_path / "copy").mkdir()
    subprocess.run(["cp", tmp_path / "state.db", tmp_path / "state.db-wal", tmp_path / "copy"], check=True)
    found = SqliteState(tmp_path / "copy" / "state.db", clock)  # reads the log up to the zeros behind it
    assert roots(found) == [f"/{number:02}" for number in range(100)]
    found.close()
