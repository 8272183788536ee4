"""Turns: one decision at a time, over all threads and processes; decisions that wait together share one durable commit.

A thread that has decided does not commit if another one waits: it hands the open transaction on and waits for whoever is last.
Nobody is answered before the commit that holds his decision is on the disk, and if that commit fails, all of it is undone.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MOST_TOGETHER = 32  # decisions in one commit: bounds how long the first of them, and other processes, wait


class Turn:
    """One transaction with the decisions that share it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.undo: list[Callable[[], None]] = []  # of the decisions made so far, in their order
        self.first: dict[str, Callable[[], None]] = {}  # what must be done before the commit, by key
        self.decisions = 0
        self.settled = threading.Event()
        self.error: BaseException | None = None

    def take_back(self, mark: int) -> None:
        """Runs the undos that were registered after the first `mark`, last in, first out."""
        while len(self.undo) > mark:
            self.undo.pop()()


class Turns:
    """The queue of this process in front of one database file. file: what processes wait on (flock)."""

    def __init__(self, file: Path, connect: Callable[[], sqlite3.Connection]) -> None:
        self._file, self._connect = file, connect
        self._alone, self._counting = threading.Lock(), threading.Lock()
        self._waiting = 0
        self._open: Turn | None = None
        self._connection: sqlite3.Connection | None = None
        self._fd = -1
        self._pid = os.getpid()

    @contextmanager
    def take(self) -> Iterator[Turn]:
        """A transaction in which nobody else decides. Committed, durably, when the block has been left without an exception."""
        self._queue()
        try:
            turn = self._open = self._open or self._begin()
            mark = len(turn.undo)
            try:
                turn.connection.execute("SAVEPOINT decision")
                yield turn
                turn.connection.execute("RELEASE decision")
                turn.decisions += 1
            except BaseException as error:
                turn.take_back(mark)
                self._drop(turn, error)
                raise
            finally:
                if turn.decisions >= MOST_TOGETHER or not self._is_awaited() or turn.error:
                    self._end(turn)
        finally:
            self._alone.release()
        turn.settled.wait()
        if turn.error:
            raise turn.error

    def close(self) -> None:
        """Gives back what is open."""
        with self._alone:
            if self._connection is not None and self._pid == os.getpid():
                self._connection.close()
                os.close(self._fd)
            self._connection = None

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
        if self._connection is None or self._pid != os.getpid():  # forked: neither file locks nor flocks survive it
            self._pid, self._connection = os.getpid(), self._connect()
            self._fd = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except BaseException:
            fcntl.flock(self._fd, fcntl.LOCK_UN)
            raise
        return Turn(self._connection)

    def _drop(self, turn: Turn, error: BaseException) -> None:
        """Takes one decision out of the transaction; SQLite itself may have given up all of it, for want of disk or memory."""
        if turn.connection.in_transaction:
            with suppress(sqlite3.Error):
                turn.connection.execute("ROLLBACK TO decision")
                turn.connection.execute("RELEASE decision")
                return
        turn.error = error

    def _end(self, turn: Turn) -> None:
        self._open = None
        try:
            if turn.error is None:
                for action in turn.first.values():
                    action()
                turn.connection.execute("COMMIT" if turn.decisions else "ROLLBACK")
        except BaseException as error:
            turn.error = error
        finally:
            try:
                if turn.error:
                    turn.take_back(0)
                if turn.connection.in_transaction:
                    turn.connection.execute("ROLLBACK")
            finally:
                fcntl.flock(self._fd, fcntl.LOCK_UN)
                turn.settled.set()
