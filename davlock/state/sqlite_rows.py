"""The rows of the SQLite state, within one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from davlock import paths
from davlock.model import Account, Document, Intent, Kind, Lock, Scope, as_int64
from davlock.state.turns import Turn

RETIRED_SECONDS = 60.0  # how long the identity of something deleted is remembered

_LOCK = "token, kind, scope, deep, root, principal, door, since, expires, generation, owner, document"
_DOCUMENT = "id, path, version, inode, size, mtime_ns, sha256, created, changed, changed_by, door"
_INTENT = "id, kind, source, target, spelling, inode, replaces, principal, door, owner, staged"
_ALIVE = "(expires IS NULL OR expires > ?)"


class SqliteRows:
    """See state.protocol.Rows. clock returns Unix time in seconds."""

    def __init__(self, turn: Turn, clock: Callable[[], float]) -> None:
        connection = turn.connection
        self._turn, self._connection, self._sql = turn, connection, connection.execute
        self._changes = connection.total_changes
        (self._kept,) = self._sql("SELECT value FROM counters WHERE name = 'clock'").fetchone()
        # Never backwards, whatever the machine's clock does: a step back only prolongs locks.
        self._now: float = max(clock(), self._kept)

    @property
    def now(self) -> float:
        return self._now

    def keep_clock(self) -> None:
        """Remembers the time, but only with a decision that writes anyway: a refusal must not cost an fsync."""
        if self._connection.total_changes != self._changes and self._now > self._kept:
            self._sql("UPDATE counters SET value = ? WHERE name = 'clock'", (self._now,))

    def if_undone(self, action: Callable[[], None]) -> None:
        self._turn.undo.append(action)

    def before_commit(self, key: str, action: Callable[[], None]) -> None:
        self._turn.first[key] = action

    def commit_at_once(self) -> None:
        self._turn.is_last = True

    # locks

    def locks_on(self, roots: Sequence[str]) -> list[Lock]:
        marks = ",".join("?" * len(roots))
        return self._locks(f"root IN ({marks})", *roots)

    def locks_below(self, folder: str) -> list[Lock]:
        return self._locks("root > ? AND root < ?", *paths.range_below(folder))

    def locks_in(self, folder: str) -> list[Lock]:
        return self._locks("parent = ? AND root <> parent", folder)

    def lock(self, token: str) -> Lock | None:
        found = self._locks("token = ?", token)
        return found[0] if found else None

    def locks(self) -> list[Lock]:
        return self._locks("1")

    def _locks(self, where: str, *values: Any) -> list[Lock]:
        found = self._sql(f"SELECT {_LOCK} FROM locks WHERE {where} AND {_ALIVE} ORDER BY root, generation", (*values, self._now))
        return [_lock(row) for row in found]

    def next_generation(self) -> int:
        (number,) = self._sql("UPDATE counters SET value = value + 1 WHERE name = 'generation' RETURNING value").fetchone()
        return int(number)

    def add_lock(self, lock: Lock) -> None:
        self._drop_expired()
        self._sql(
            f"INSERT INTO locks ({_LOCK}, parent) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                *(lock.token, lock.kind, lock.scope, lock.deep, lock.root, lock.principal, lock.door, lock.since, lock.expires),
                *(lock.generation, lock.owner, lock.document, paths.parent(lock.root)),
            ),
        )

    def renew_lock(self, token: str, expires: float | None) -> None:
        self._sql("UPDATE locks SET expires = ? WHERE token = ?", (expires, token))

    def reroot_lock(self, token: str, root: str, document: int | None) -> None:
        self._drop_expired()
        self._sql("UPDATE locks SET root = ?, parent = ?, document = ? WHERE token = ?", (root, paths.parent(root), document, token))

    def drop_locks(self, tokens: Iterable[str]) -> None:
        self._connection.executemany("DELETE FROM locks WHERE token = ?", [(token,) for token in tokens])

    def _drop_expired(self) -> None:
        """With each lock that comes to a root: so no sweeper is needed, and the unique index never sees a dead one."""
        self._sql("DELETE FROM locks WHERE expires <= ?", (self._now,))

    def record_break(self, lock: Lock, by: str, reason: str) -> None:
        values = (lock.token, lock.kind, lock.root, lock.principal, by, reason, self._now)
        self._sql("INSERT INTO breaks (token, kind, root, principal, broken_by, reason, at) VALUES (?,?,?,?,?,?,?)", values)

    # documents

    def document(self, path: str) -> Document | None:
        return self._one_document("path = ?", path)

    def documents_in(self, folder: str) -> list[Document]:
        return list(self._documents("parent = ? AND path <> parent", folder))

    def documents_below(self, folder: str) -> list[Document]:
        return list(self._documents("path > ? AND path < ?", *paths.range_below(folder)))

    def documents(self) -> Iterable[Document]:
        return self._documents("path IS NOT NULL")

    def _documents(self, where: str, *values: Any) -> Iterator[Document]:
        return map(_document, self._sql(f"SELECT {_DOCUMENT} FROM documents WHERE {where} ORDER BY path", values))

    def _one_document(self, where: str, *values: Any) -> Document | None:
        row = self._sql(f"SELECT {_DOCUMENT} FROM documents WHERE {where} LIMIT 1", values).fetchone()
        return _document(row) if row else None

    def add_document(self, path: str) -> Document:
        found = self._sql("INSERT INTO documents (path, parent) VALUES (?, ?) RETURNING id", (path, paths.parent(path)))
        return Document(found.fetchone()[0], path)

    def record_version(self, document: Document) -> None:
        inode, size, mtime_ns = document.stamp or (None, None, None)
        self._sql(
            "UPDATE documents SET version = ?, inode = ?, size = ?, mtime_ns = ?, sha256 = ?, created = ?, changed = ?, "
            "changed_by = ?, door = ? WHERE id = ?",
            (
                *(document.version, inode, size, mtime_ns, document.sha256, document.created, document.changed),
                *(document.changed_by, document.door, document.id),
            ),
        )

    def rebase_documents(self, source: str, target: str) -> None:
        moved = [(paths.rebase(d.path, source, target), d.id) for d in self.documents_below(source) if d.path]
        if at := self.document(source):
            moved.append((target, at.id))
        self._connection.executemany(
            "UPDATE documents SET path = ?, parent = ? WHERE id = ?", [(path, paths.parent(path), id) for path, id in moved]
        )

    def place_document(self, id: int, path: str | None) -> None:
        self._sql("UPDATE documents SET path = ?, parent = ? WHERE id = ?", (path, path and paths.parent(path), id))

    def leave(self, id: int, path: str, principal: str) -> None:
        self._sql("UPDATE documents SET left_path = ?, left_at = ?, left_by = ? WHERE id = ?", (path, self._now, principal, id))

    def left_lately(self, path: str, principal: str, seconds: float) -> Document | None:
        where = "left_path = ? AND left_by = ? AND left_at >= ? ORDER BY left_at DESC, id DESC"
        return self._one_document(where, path, principal, self._now - seconds)

    def retire_below(self, folder: str) -> None:
        where = "path > ? AND path < ?"
        self._sql(f"UPDATE documents SET path = NULL, parent = NULL, left_at = ? WHERE {where}", (self._now, *paths.range_below(folder)))
        # A lock's document is kept as long as the lock is, whatever the calendar says.
        self._sql(
            "DELETE FROM documents WHERE path IS NULL AND left_at < ? AND id NOT IN "
            "(SELECT document FROM locks WHERE document IS NOT NULL)",
            (self._now - RETIRED_SECONDS,),
        )

    # properties

    def properties(self, id: int) -> dict[str, str]:
        return dict(self._sql("SELECT name, xml FROM properties WHERE document = ?", (id,)).fetchall())

    def properties_in(self, folder: str) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        query = (
            "SELECT d.path, p.name, p.xml FROM documents d JOIN properties p ON p.document = d.id WHERE d.parent = ? AND d.path <> d.parent"
        )
        for path, name, xml in self._sql(query, (folder,)):
            found.setdefault(path, {})[name] = xml
        return found

    def change_properties(self, id: int, changes: Mapping[str, str | None]) -> None:
        for name, xml in changes.items():
            if xml is None:
                self._sql("DELETE FROM properties WHERE document = ? AND name = ?", (id, name))
            else:
                self._sql("INSERT OR REPLACE INTO properties (document, name, xml) VALUES (?, ?, ?)", (id, name, xml))

    def copy_properties(self, source: int, target: int) -> None:
        self._sql("INSERT OR REPLACE INTO properties SELECT ?, name, xml FROM properties WHERE document = ?", (target, source))

    # journal

    def intents(self) -> list[Intent]:
        return [_intent(row) for row in self._sql(f"SELECT {_INTENT} FROM intents")]

    def add_intent(self, intent: Intent) -> None:
        i = intent
        values = (i.id, i.kind, i.source, i.target, i.spelling, as_int64(i.inode), i.replaces, i.principal, i.door, i.owner, i.staged)
        self._sql(f"INSERT INTO intents ({_INTENT}) VALUES (?,?,?,?,?,?,?,?,?,?,?)", values)

    def remove_intent(self, id: str) -> None:
        self._sql("DELETE FROM intents WHERE id = ?", (id,))

    # accounts

    def account(self, name: str) -> Account | None:
        row = self._sql("SELECT name, password_hash, admin, since FROM accounts WHERE name = ?", (name,)).fetchone()
        return _account(row) if row else None

    def accounts(self) -> list[Account]:
        return [_account(row) for row in self._sql("SELECT name, password_hash, admin, since FROM accounts ORDER BY name")]

    def put_account(self, name: str, password_hash: str, admin: bool) -> None:
        self._sql(
            "INSERT INTO accounts (name, password_hash, admin, since) VALUES (?, ?, ?, ?) ON CONFLICT (name) "
            "DO UPDATE SET password_hash = excluded.password_hash, admin = excluded.admin",
            (name, password_hash, admin, self._now),
        )

    def remove_account(self, name: str) -> bool:
        return self._sql("DELETE FROM accounts WHERE name = ?", (name,)).rowcount > 0


def _lock(row: tuple[Any, ...]) -> Lock:
    token, kind, scope, deep, *rest = row
    return Lock(token, Kind(kind), Scope(scope), bool(deep), *rest)


def _document(row: tuple[Any, ...]) -> Document:
    id, path, version, inode, size, mtime_ns, *rest = row
    return Document(id, path, version, None if inode is None else (inode, size, mtime_ns), *rest)


def _account(row: tuple[Any, ...]) -> Account:
    return Account(row[0], row[1], bool(row[2]), row[3])


def _intent(row: tuple[Any, ...]) -> Intent:
    id, kind, source, target, spelling, inode, replaces, principal, door, owner, staged = row
    return Intent(id, kind, source, target, spelling, inode % 2**64, bool(replaces), principal, door, owner, staged)
