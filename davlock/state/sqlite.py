"""The state of one machine: an SQLite file, correct with any number of processes and threads on it.

Deciders queue on an flock beside the file, so that they wait in the kernel and not in SQLite's polling; a process that is
killed gives its turn back by dying. SQLite's own locking stays the guarantee: every decision is a BEGIN IMMEDIATE.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import resources
from pathlib import Path

from davlock.errors import StorageFull, Unavailable
from davlock.state.sqlite_rows import SqliteRows

BUSY_SECONDS = 10.0


class SqliteState:
    """State in one file. clock returns Unix time in seconds; tests give their own."""

    def __init__(self, file: Path, clock: Callable[[], float] = time.time) -> None:
        self._file, self._clock = file, clock
        self._here = threading.local()
        self._turn = threading.Lock()
        self._turn_fd: int | None = None
        self._pid = os.getpid()
        _migrate(self._open())

    @contextmanager
    def deciding(self) -> Iterator[SqliteRows]:
        with self._turns(), _translated():
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                rows = SqliteRows(connection, self._clock)
                try:
                    yield rows
                    rows.keep_clock()
                    connection.execute("COMMIT")
                except BaseException:
                    rows.undo()
                    raise
            finally:
                with suppress(sqlite3.Error):
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")

    @contextmanager
    def reading(self) -> Iterator[SqliteRows]:
        with _translated():
            connection = self._connection()
            connection.execute("BEGIN")
            try:
                yield SqliteRows(connection, self._clock)
            finally:
                connection.execute("COMMIT")

    def problems(self) -> list[str]:
        found = [str(row[0]) for row in self._connection().execute("PRAGMA integrity_check")]
        return [] if found == ["ok"] else found

    def close(self) -> None:
        """Closes this thread's connection and the turn; those of other threads close with them."""
        connection = getattr(self._here, "connection", None)
        if connection is not None:
            connection.close()
            self._here.connection = None
        if self._turn_fd is not None:
            os.close(self._turn_fd)
            self._turn_fd = None

    @contextmanager
    def _turns(self) -> Iterator[None]:
        with self._turn:
            if self._pid != os.getpid():  # forked: an flock belongs to the open file, which the parent still holds too
                self._pid, self._turn_fd = os.getpid(), None
            if self._turn_fd is None:
                self._turn_fd = os.open(self._file.with_suffix(".turn"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._turn_fd, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._turn_fd, fcntl.LOCK_UN)

    def _connection(self) -> sqlite3.Connection:
        # One per thread and never one from before a fork: SQLite's file locks do not survive either.
        if getattr(self._here, "pid", None) != os.getpid() or self._here.connection is None:
            self._here.connection = self._open()
            self._here.pid = os.getpid()
        connection: sqlite3.Connection = self._here.connection
        return connection

    def _open(self) -> sqlite3.Connection:
        with _translated():
            connection = sqlite3.connect(self._file, timeout=BUSY_SECONDS, isolation_level=None, cached_statements=256)
            for pragma in (
                "journal_mode=WAL",
                "synchronous=FULL",
                "foreign_keys=ON",
                "trusted_schema=OFF",
                "cache_size=-1024",
                "journal_size_limit=67108864",
            ):
                connection.execute(f"PRAGMA {pragma}")
            return connection


def _migrate(connection: sqlite3.Connection) -> None:
    """Brings the file to the newest schema. Raises Unavailable for one that a newer davlock has written."""
    folder = resources.files("davlock.state").joinpath("migrations")
    scripts = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    with _translated():
        connection.execute("BEGIN IMMEDIATE")
        try:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > len(scripts):
                raise Unavailable(f"The state database is of schema {version}; this davlock knows {len(scripts)} only. Use the newer one.")
            for number, script in enumerate(scripts[version:], version + 1):
                for statement in _statements(script.read_text(encoding="utf-8")):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            connection.close()


def _statements(script: str) -> Iterator[str]:
    """The single statements of a script: executescript() would commit the transaction that they must share."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorname", "") == "SQLITE_FULL":
            raise StorageFull("The disk of the server is full; nothing was changed.") from error
        raise Unavailable("The server's state database cannot answer at the moment; nothing was changed. Try again.") from error
