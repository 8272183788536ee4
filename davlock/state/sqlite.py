"""The state of one machine: an SQLite file, correct with any number of processes and threads on it.

Deciders queue in front of it (turns.py), on an flock beside the file, so that they wait in the kernel and not in SQLite's polling;
a process that is killed gives its turn back by dying. SQLite's own locking stays the guarantee: every turn is a BEGIN IMMEDIATE.
"""

from __future__ import annotations

import os
import sqlite3
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from davlock.errors import DavlockError, StorageFull, Unavailable
from davlock.state.sqlite_rows import SqliteRows
from davlock.state.turns import Turn, Turns

BUSY_SECONDS = 10.0
MOST_REMEMBERED = 512
"""How many findings are remembered with one connection."""
# Another number after every commit by another connection, of whatever process, as soon as that commit can be seen (sqlite.org/pragma.html).
_DATA_VERSION = "PRAGMA data_version"

_T = TypeVar("_T")


class _Reader:
    """A connection that never writes, and what was found with it since anybody has last committed: at that data version."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection, self.turn = connection, Turn(connection)
        self.version = -1
        self.found: dict[tuple[Any, ...], Any] = {}
        self._cursor = connection.cursor()

    def rows(self, clock: Callable[[], float]) -> SqliteRows:
        """The rows of a look that begins now."""
        self.turn.counters = None  # those of the last look are old
        return SqliteRows(self.turn, clock)

    def current_version(self) -> int:
        version: int = self._cursor.execute(_DATA_VERSION).fetchone()[0]
        return version


class SqliteState:
    """State in one file. clock returns Unix time in seconds; tests give their own.

    A process may fork while it has one, but not while another thread is using it. Raises Unavailable if the file cannot be used.
    """

    def __init__(self, file: Path, clock: Callable[[], float] = time.time) -> None:
        self._file, self._clock = file, clock
        self._idle: list[_Reader] = []  # as many as have ever looked at once; the one used last is the next
        self._is_closed = False
        self._turns = Turns(file.with_suffix(".turn"), file.with_name(f"{file.name}-wal"), self._open)
        # Alone: SQLite does not wait when two processes switch a new file to WAL at once, one of them fails.
        with self._turns.alone():
            _migrate(self._open())
        _states.add(self)

    @contextmanager
    def deciding(self) -> Iterator[SqliteRows]:
        try:
            with self._turns.take() as turn:
                rows = SqliteRows(turn, self._clock)
                yield rows
                rows.keep_counters()
        except sqlite3.Error as error:
            raise _said(error) from error
        for action in rows.afterwards:
            action()

    @contextmanager
    def reading(self) -> Iterator[SqliteRows]:
        with _Borrowed(self) as reader:
            reader.connection.execute("BEGIN")
            try:
                yield reader.rows(self._clock)
            finally:
                reader.connection.execute("COMMIT")

    def remembered(self, look: Callable[..., _T], *about: str) -> _T:
        with _Borrowed(self) as reader:
            key = (look, *about)
            if reader.current_version() == reader.version and key in reader.found:
                known: _T = reader.found[key]
                return known
            reader.connection.execute("BEGIN")
            try:
                version = reader.current_version()  # of the very snapshot that is looked at
                found = look(reader.rows(self._clock), *about)
            finally:
                reader.connection.execute("COMMIT")
            if version != reader.version or len(reader.found) >= MOST_REMEMBERED:
                reader.version, reader.found = version, {}
            reader.found[key] = found
            return found

    def problems(self) -> list[str]:
        with _Borrowed(self) as reader:
            try:
                found = [str(row[0]) for row in reader.connection.execute("PRAGMA integrity_check")]
            except sqlite3.DatabaseError as error:  # so damaged that it cannot be looked through
                return [str(error)]
        return [] if found == ["ok"] else found

    def close(self) -> None:
        """Closes every connection; one that is being looked through, when that is over."""
        self._is_closed = True
        self._disconnect()
        self._turns.close()

    def before_fork(self) -> None:
        """See Turns.before_fork(): a connection must not be open on both sides of a fork."""
        self._disconnect()
        self._turns.before_fork()

    def after_fork(self) -> None:
        """In the child."""
        self._idle = []
        self._turns.after_fork()

    def _disconnect(self) -> None:
        with suppress(IndexError):
            while True:
                self._idle.pop().connection.close()

    def borrow(self) -> _Reader:
        """A connection for looking, used by nobody else until it is given back."""
        try:
            return self._idle.pop()
        except IndexError:
            return _Reader(self._open())

    def give_back(self, reader: _Reader, is_sound: bool) -> None:
        if is_sound and not self._is_closed:
            self._idle.append(reader)
        else:
            reader.connection.close()

    def _open(self) -> sqlite3.Connection:
        with _translated():
            connection = sqlite3.connect(self._file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            try:
                for pragma in (
                    "journal_mode=WAL",
                    "synchronous=NORMAL",  # a commit is written; that it is also on the disk is the affair of turns.py
                    "foreign_keys=ON",
                    "trusted_schema=OFF",
                    "cache_size=-1024",
                    "wal_autocheckpoint=4000",  # pages of 4 KiB: those that every decision writes are then written back less often
                    "journal_size_limit=67108864",
                ):
                    connection.execute(f"PRAGMA {pragma}")
            except BaseException:
                connection.close()
                raise
            return connection


class _Borrowed:
    """A reader for the length of a block. A class, because every request looks, and a generator takes three times as long."""

    __slots__ = ("_reader", "_state")

    def __init__(self, state: SqliteState) -> None:
        self._state = state

    def __enter__(self) -> _Reader:
        self._reader = self._state.borrow()
        return self._reader

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        failed = isinstance(error, sqlite3.Error)
        self._state.give_back(self._reader, not failed)
        if failed:
            raise _said(error) from error


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
    if statement.strip():
        yield statement


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise _said(error) from error


def _said(error: BaseException | None) -> DavlockError:
    if getattr(error, "sqlite_errorname", "") == "SQLITE_FULL":
        return StorageFull("The disk of the server is full; nothing was changed.")
    return Unavailable("The server's state database cannot answer at the moment; nothing was changed. Try again.")


_states: weakref.WeakSet[SqliteState] = weakref.WeakSet()


def _before_fork() -> None:
    for state in list(_states):
        state.before_fork()


def _after_fork() -> None:
    for state in list(_states):
        state.after_fork()


os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
