"""Turns: one decision at a time, over all threads and processes; decisions that wait together share one durable commit.

A thread that has decided does not commit if another one waits: it hands the open transaction on and waits for whoever is last.
Nobody is answered before the commit that holds his decision is on the disk, and if that commit fails, all of it is undone.

While one process waits for the disk, another one may decide already, and lean on what is not yet there: all commits go into one log, in
their order, so that syncing a later one syncs those before it.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from davlock.errors import Unavailable

MOST_TOGETHER = 32  # decisions in one commit: bounds how long the first of them, and other processes, wait
_LOG_BYTES = 16 * 1024 * 1024  # what the log comes to before SQLite begins it again (4,000 pages)
_LOG_STEP = 1024 * 1024
_CANNOT = "The server cannot decide anything at the moment; nothing was changed. Try again."
_sync = getattr(os, "fdatasync", os.fsync)  # macOS has the latter only


@dataclass(slots=True)
class Counters:
    """What every decision wants to know: read once in a transaction, and written back once, before its commit.

    clock, generation: numbers that only rise. soonest: no lock expires before (Unix seconds). has_intents: whether any is written down.
    """

    clock: float
    generation: int
    soonest: float
    has_intents: bool


class Turn:
    """One transaction with the decisions that share it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.changes = connection.total_changes  # when it began
        self.undo: list[Callable[[], None]] = []  # of the decisions made so far, in their order
        self.first: dict[str, Callable[[], None]] = {}  # what must be done before the commit, by key
        self.is_last = False  # whether no other decision may share the commit any more
        self.counters: Counters | None = None  # once somebody has asked for them
        self.taken = 0
        self.decisions = 0  # those that stand
        self.spared = 0  # of them, those that need not be on the disk yet
        self.settled = threading.Lock()  # free once it is known how this ends
        self.settled.acquire()
        self.error: BaseException | None = None

    def take_back(self, mark: int) -> None:
        """Runs the undos that were registered after the first `mark`, last in, first out: all of them, whatever becomes of one."""
        with ExitStack() as undoing:
            for action in self.undo[mark:]:
                undoing.callback(action)
            del self.undo[mark:]


class Turns:
    """The queue of this process in front of one database. file: what processes wait on (flock). log: the database's write-ahead log,
    which SQLite itself need not sync at a commit.
    """

    def __init__(self, file: Path, log: Path, connect: Callable[[], sqlite3.Connection]) -> None:
        self._file, self._log, self._connect = file, log, connect
        self._alone, self._counting = threading.Lock(), threading.Lock()
        self._waiting = 0
        self._open: Turn | None = None
        self._connection: sqlite3.Connection | None = None
        self._fd: int | None = None
        self._log_fd: int | None = None  # while there is a connection: so long, the log is not another file
        self._log_is_long = False
        self._synced_version = -1
        self._is_doubtful = False

    @contextmanager
    def take(self) -> Iterator[Turn]:
        """A transaction in which nobody else decides. Committed, durably, when the block has been left without an exception."""
        self._queue()
        try:
            turn = self._open = self._open or self._begin()
            mark, first, spared = len(turn.undo), turn.first.copy(), turn.spared
            turn.taken += 1
            is_alone = turn.decisions == 0  # in the transaction: then it can be rolled back as a whole
            try:
                if not is_alone:
                    turn.connection.execute("SAVEPOINT decision")
                yield turn
                if not is_alone:
                    turn.connection.execute("RELEASE decision")
                turn.decisions += 1
            except BaseException as error:
                turn.first, turn.spared = first, spared
                try:
                    turn.take_back(mark)
                finally:
                    self._drop(turn, error, is_alone)
                raise
            finally:
                # Refused ones count too, or a crowd that is refused again and again would keep the first from its commit.
                if turn.is_last or turn.taken >= MOST_TOGETHER or not self._is_awaited() or turn.error:
                    self._end(turn)
        finally:
            self._alone.release()
        with turn.settled:
            pass
        if turn.error:
            raise turn.error

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While nobody decides, in any process, and without a transaction."""
        with self._alone:
            self._lock_file()
            try:
                yield
            finally:
                self._unlock_file()

    def close(self) -> None:
        """Gives back what is open."""
        with self._alone:
            self._disconnect()
            self._close_file()

    def before_fork(self) -> None:
        """Closes the connection if it is idle. SQLite would take the child for the process that holds the file's locks: what the
        child commits would go into a log that the parent's last connection deletes (sqlite.org/howtocorrupt.html, 2.6).
        """
        if self._alone.acquire(blocking=False):
            if self._open is None:
                self._disconnect()
            self._alone.release()

    def after_fork(self) -> None:
        """In the child: a queue of its own. An flock belongs to the open file and would outlive a killed parent in here."""
        self._alone, self._counting = threading.Lock(), threading.Lock()
        self._waiting, self._open, self._connection = 0, None, None
        self._close_log()
        self._close_file()

    def _queue(self) -> None:
        with self._counting:
            self._waiting += 1
        self._alone.acquire()
        with self._counting:
            self._waiting -= 1

    def _is_awaited(self) -> bool:
        with self._counting:
            return self._waiting > 0

    def _begin(self) -> Turn:
        if self._connection is None:
            self._reach()
        assert self._connection
        self._lock_file()
        try:
            if self._is_doubtful:
                self._save_elsewhere(self._connection)
            self._connection.execute("BEGIN IMMEDIATE")
            self._lengthen_log()
        except BaseException:
            self._unlock_file()
            raise
        return Turn(self._connection)

    def _lengthen_log(self) -> None:
        """Puts zeros behind a log that has just become longer: syncing what was written over takes half of the time of syncing what was
        appended. SQLite takes zeros for the end of the log, and nobody else writes into it during a transaction.
        """
        if self._log_is_long or self._log_fd is None:
            return
        with suppress(OSError, MemoryError):  # without them it is slower only
            size = os.fstat(self._log_fd).st_size
            self._log_is_long = size >= _LOG_BYTES
            step = min(_LOG_STEP, 1 << (size - 1).bit_length())
            if size % step and not self._log_is_long:
                os.pwrite(self._log_fd, bytes(step - size % step), size)

    def _reach(self) -> None:
        """Connects, and opens the log: not only when it is to be synced, for what is committed by then can no longer be refused."""
        self._connection = self._connect()
        try:
            self._log_fd = os.open(self._log, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            self._disconnect()
            raise Unavailable(_CANNOT) from error

    def _disconnect(self) -> None:
        self._close_log()
        if self._connection is not None:
            self._connection.close()
            self._connection, self._synced_version = None, -1

    def _close_log(self) -> None:
        if self._log_fd is not None:
            os.close(self._log_fd)
            self._log_fd, self._log_is_long = None, False

    def _lock_file(self) -> None:
        try:
            if self._fd is None:
                self._fd = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._fd, fcntl.LOCK_EX)
        except OSError as error:
            raise Unavailable(_CANNOT) from error

    def _unlock_file(self) -> None:
        if self._fd is not None:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def _close_file(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _drop(self, turn: Turn, error: BaseException, is_alone: bool) -> None:
        """Takes one decision out of the transaction; SQLite itself may have given up all of it, for want of disk or memory."""
        if turn.connection.in_transaction:
            with suppress(sqlite3.Error):
                for statement in ("ROLLBACK", "BEGIN IMMEDIATE") if is_alone else ("ROLLBACK TO decision", "RELEASE decision"):
                    turn.connection.execute(statement)
                return
        turn.error = error

    def _end(self, turn: Turn) -> None:
        """Commits, lets other processes decide, and waits for the disk before anybody hears of it."""
        self._open = None
        try:
            try:
                self._commit(turn)
            finally:
                self._unlock_file()
            if turn.decisions > turn.spared and turn.error is None:
                self._make_last(turn)
        finally:
            turn.settled.release()

    def _commit(self, turn: Turn) -> None:
        try:
            if turn.error is None:
                for action in turn.first.values():
                    action()
                turn.connection.execute("COMMIT" if turn.decisions else "ROLLBACK")
        except BaseException as error:
            turn.error = error
        if turn.error:
            try:
                turn.take_back(0)
            finally:
                self._disconnect()  # which rolls back; and a connection that failed to write must not be trusted again

    def _make_last(self, turn: Turn) -> None:
        """Waits until this commit, and all before it, are on the disk. What only looked has to wait, too, for what others have committed:
        it may be told "you have it already".
        """
        try:
            if turn.connection.total_changes == turn.changes:
                (version,) = turn.connection.execute("PRAGMA data_version").fetchone()
                if version == self._synced_version:
                    return
                self._synced_version = version
            assert self._log_fd is not None
            _sync(self._log_fd)
        except (OSError, sqlite3.Error) as error:
            # Others have seen it: it cannot be undone any more.
            self._is_doubtful = True
            turn.error = Unavailable("The server's disk does not confirm what it has stored: look what has become of it, then try again.")
            turn.error.__cause__ = error

    def _save_elsewhere(self, connection: sqlite3.Connection) -> None:
        """After a failed sync, nobody knows what of the log is on the disk, and syncing once more would not tell: all that is in it is
        written into the database, and synced there, before this process decides again (others hear of the error at their own next sync).
        """
        is_busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if is_busy:
            raise Unavailable("The server is making up for an error of its disk; nothing was changed. Try again.")
        self._is_doubtful = False
