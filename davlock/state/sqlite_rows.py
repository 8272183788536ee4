"""The rows of the SQLite state, within one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from davlock import paths
from davlock.model import Account, Document, Draft, Ending, Intent, Known, Semantics, Version, as_int64
from davlock.state.sqlite_locks import SqliteLocks, members, place
from davlock.state.sqlite_tokens import SqliteTokens
from davlock.state.statements import batches, marks
from davlock.state.turns import Counters, Turn

_DOCUMENT = (
    "id, path, version, inode, size, mtime_ns, sha256, created, changed, changed_by, door, comment, extra, session, change, stamped, "
    "semantics, emptied"
)
_RECORDED = "version, inode, size, mtime_ns, sha256, created, changed, changed_by, door, comment, extra, session, change, stamped"
_KNOWN = "path, id, semantics, version, inode, size, mtime_ns, created, changed_by"
_VERSION = "document, number, inode, size, mtime_ns, sha256, changed, changed_by, door, comment, extra, is_kept"
_DRAFT = "id, document, token, path, principal, file, size, sha256, saved, door, ended, how, ended_by, reason, change, stamped"
_INTENT = "id, kind, source, target, spelling, inode, replaces, principal, door, owner, staged, details"
_COUNTERS = "SELECT clock, generation, soonest, EXISTS (SELECT 1 FROM intents) FROM counters"

_T = TypeVar("_T")


class SqliteRows(SqliteLocks, SqliteTokens):
    """See state.protocol.Rows. clock returns Unix time in seconds."""

    def __init__(self, turn: Turn, clock: Callable[[], float]) -> None:
        connection = turn.connection
        self._turn, self._connection, self._sql = turn, connection, connection.execute
        self.afterwards: list[Callable[[], None]] = []
        self._seen: dict[int, Document] = {}  # what was looked at before anything was done to it
        self._before: dict[int, Document | None] = {}  # what was touched, as it was
        self._changes, self._has_numbered = connection.total_changes, False
        turn.counters = self._counters = turn.counters or Counters(*self._sql(_COUNTERS).fetchone())
        self._soonest = self._counters.soonest
        # Never backwards, whatever the machine's clock does: a step back only prolongs locks.
        self._now: float = max(clock(), self._counters.clock)

    @property
    def now(self) -> float:
        return self._now

    def keep_counters(self) -> None:
        """Remembers the time and the last number, but only with a decision that writes anyway: a refusal must not cost an fsync."""
        if self._has_numbered or self._connection.total_changes != self._changes:
            self._counters.clock, self._counters.soonest = self._now, self._soonest
            self._turn.first["counters"] = self._write_counters

    def _write_counters(self) -> None:
        counters = self._counters
        self._sql("UPDATE counters SET clock = ?, generation = ?, soonest = ?", (counters.clock, counters.generation, counters.soonest))

    def if_undone(self, action: Callable[[], None]) -> None:
        self._turn.undo.append(action)

    def before_commit(self, key: str, action: Callable[[], None]) -> None:
        self._turn.first[key] = action

    def after_commit(self, action: Callable[[], None]) -> None:
        self.afterwards.append(action)

    def commit_at_once(self) -> None:
        self._turn.is_last = True

    def spare_sync(self) -> None:
        self._turn.spared += 1

    def next_generation(self) -> int:
        self._has_numbered = True
        self._counters.generation += 1
        return self._counters.generation

    # documents

    def document(self, path: str) -> Document | None:
        return self._one_document("path = ?", path)

    def documents_at(self, paths: Sequence[str]) -> list[Document]:
        return [document for some in batches(paths) for document in self._documents(f"path IN ({marks(some)})", *some)]

    def path_of(self, id: int) -> str | None:
        row = self._sql("SELECT path FROM documents WHERE id = ?", (id,)).fetchone()
        return row[0] if row else None

    def document_with(self, id: int) -> Document | None:
        return self._one_document("id = ?", id)

    def documents_in(self, folder: str) -> list[Document]:
        return list(self._documents("parent = ? AND path <> parent", folder))

    def known_in(self, folder: str) -> dict[str, Known]:
        return {row[0]: row for row in self._sql(f"SELECT {_KNOWN} FROM documents WHERE parent = ? AND path <> parent", (folder,))}

    def created_in(self, folder: str) -> dict[str, int]:
        joined = f"SELECT {_joined('path')}, {_joined('CAST(created AS INTEGER)')} FROM documents"
        paths, seconds = self._sql(f"{joined} WHERE parent = ? AND path <> parent AND created > 0", (folder,)).fetchone()
        return dict(zip(_parted(paths), map(int, _parted(seconds)), strict=True))

    def ids_in(self, folder: str) -> dict[str, int]:
        joined = f"SELECT {_joined('path')}, {_joined('id')} FROM documents WHERE parent = ? AND path <> parent"
        paths, ids = self._sql(joined, (folder,)).fetchone()
        return dict(zip(_parted(paths), map(int, _parted(ids)), strict=True))

    def limits_in(self, folder: str) -> dict[str, Semantics]:
        # Not a parameter: so it is the condition of an index, in which hardly anything is.
        where = "parent = ? AND path <> parent AND semantics <> 'Versioning'"
        found = self._sql(f"SELECT path, semantics FROM documents WHERE {where}", (folder,))
        return {path: Semantics(semantics) for path, semantics in found}

    def known_at(self, path: str) -> Known | None:
        found: Known | None = self._sql(f"SELECT {_KNOWN} FROM documents WHERE path = ?", (path,)).fetchone()
        return found

    def documents_below(self, folder: str) -> list[Document]:
        return list(self._documents("path > ? AND path < ?", *paths.range_below(folder)))

    def documents(self) -> Iterable[Document]:
        return self._documents("path IS NOT NULL")

    def _documents(self, where: str, *values: Any) -> Iterator[Document]:
        return map(_document, self._sql(f"SELECT {_DOCUMENT} FROM documents WHERE {where} ORDER BY path", values))

    def _one_document(self, where: str, *values: Any) -> Document | None:
        row = self._sql(f"SELECT {_DOCUMENT} FROM documents WHERE {where} LIMIT 1", values).fetchone()
        if row is None:
            return None
        document = _document(row)
        if document.id not in self._before:
            self._seen[document.id] = document
        return document

    def add_document(self, path: str) -> Document:
        return Document(self._add_document("path, parent", (path, paths.parent(path))), path)

    def add_known(self, document: Document) -> None:
        path = document.path or ""
        self._add_document(f"path, parent, {_RECORDED}", (path, paths.parent(path), *_recorded(document)))

    def _add_document(self, columns: str, values: tuple[Any, ...]) -> int:
        id = self._sql(f"INSERT INTO documents ({columns}) VALUES ({marks(values)})", values).lastrowid
        assert id
        self._before[id] = None
        return id

    def record_version(self, document: Document) -> None:
        self._touch(document.id)
        self._sql(f"UPDATE documents SET {_RECORDED.replace(',', ' = ?,')} = ? WHERE id = ?", (*_recorded(document), document.id))

    def mark_emptied(self, id: int, change: int) -> None:
        self._sql("UPDATE documents SET emptied = ? WHERE id = ?", (change, id))

    def limit_semantics(self, id: int, semantics: Semantics) -> None:
        self._sql("UPDATE documents SET semantics = ? WHERE id = ?", (semantics, id))

    def take_touched(self, known: Document | None = None) -> list[tuple[Document | None, Document | None]]:
        before, self._before = self._before, {}
        self._seen = {}
        after = {known.id: known} if known else {}
        for some in batches([id for id in before if id not in after]):
            after |= {document.id: document for document in self._documents(f"id IN ({marks(some)})", *some)}
        return [(document, after.get(id)) for id, document in before.items()]

    def _touched(self, documents: Iterable[Document]) -> None:
        for document in documents:
            self._before.setdefault(document.id, document)

    def _touch(self, id: int) -> None:
        if id not in self._before:
            self._before[id] = self._seen.get(id) or self.document_with(id)

    def rebase_documents(self, source: str, target: str) -> None:
        moving = self.documents_below(source)
        if at := self.document(source):
            moving.append(at)
        self._touched(moving)
        moved = [(paths.rebase(d.path, source, target), d.id) for d in moving if d.path]
        self._connection.executemany(
            "UPDATE documents SET path = ?, parent = ? WHERE id = ?", [(path, paths.parent(path), id) for path, id in moved]
        )

    def place_document(self, id: int, path: str | None) -> None:
        self._touch(id)
        self._sql("UPDATE documents SET path = ?, parent = ? WHERE id = ?", (path, path and paths.parent(path), id))

    def leave(self, id: int, path: str, principal: str) -> None:
        self._sql("UPDATE documents SET left_path = ?, left_at = ?, left_by = ? WHERE id = ?", (path, self._now, principal, id))

    def left_lately(self, path: str, principal: str, seconds: float) -> Document | None:
        where = "left_path = ? AND left_by = ? AND left_at >= ? ORDER BY left_at DESC, id DESC"
        return self._one_document(where, path, principal, self._now - seconds)

    def retired(self, path: str) -> Document | None:
        return self._one_document("left_path = ? AND path IS NULL ORDER BY left_at DESC, id DESC", path)

    def retire_below(self, folder: str) -> None:
        self._touched(self.documents_below(folder))
        left = "left_path = path, left_at = ?, left_by = '', path = NULL, parent = NULL"  # by nobody: so it comes back to no name by itself
        self._sql(f"UPDATE documents SET {left} WHERE path > ? AND path < ?", (self._now, *paths.range_below(folder)))

    def forget_retired(self, before: float) -> list[Version]:
        gone = (
            "SELECT id FROM documents WHERE path IS NULL AND left_at < ? AND id NOT IN "
            "(SELECT document FROM locks WHERE document IS NOT NULL UNION SELECT document FROM drafts)"
        )
        versions = [_version(row) for row in self._sql(f"SELECT {_VERSION} FROM versions WHERE document IN ({gone})", (before,))]
        self._sql(f"DELETE FROM documents WHERE id IN ({gone})", (before,))
        return versions

    # versions

    def versions(self, document: int) -> list[Version]:
        return [_version(row) for row in self._sql(f"SELECT {_VERSION} FROM versions WHERE document = ? ORDER BY number", (document,))]

    def version(self, document: int, number: int) -> Version | None:
        row = self._sql(f"SELECT {_VERSION} FROM versions WHERE document = ? AND number = ?", (document, number)).fetchone()
        return _version(row) if row else None

    def add_version(self, version: Version) -> None:
        v = version
        self._sql(
            f"INSERT INTO versions ({_VERSION}, replaced) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                *(v.document, v.number, *v.stamp, v.sha256, v.changed, v.changed_by, v.door, v.comment, _json(v.extra)),
                *(v.is_kept, self._now),
            ),
        )

    def drop_version(self, document: int, number: int) -> None:
        self._sql("DELETE FROM versions WHERE document = ? AND number = ?", (document, number))

    def surplus_versions(self, document: int, most: int, before: float) -> list[int]:
        # By their numbers, which have no gaps but for what was not versioned then: counting would be to look at all of them at each save.
        newest = "SELECT max(number) FROM versions WHERE document = ?1"
        surplus = f"SELECT number FROM versions WHERE document = ?1 AND number <= ({newest}) - ?2"
        found = {number for (number,) in self._sql(surplus, (document, most))}
        if before > 0:
            old = self._sql("SELECT number FROM versions WHERE document = ? AND replaced < ?", (document, before))
            found |= {number for (number,) in old}
        return sorted(found)

    def all_versions(self) -> Iterable[Version]:
        return map(_version, self._sql(f"SELECT {_VERSION} FROM versions ORDER BY document, number"))

    # drafts

    def draft_on(self, path: str, principal: str) -> Draft | None:
        found = self._drafts_with_locks("l.place = ? AND l.principal = ?", place(path), principal)
        return found[0][1] if found else None

    def drafts_in(self, folder: str, principal: str) -> dict[str, Draft]:
        return dict(self._drafts_with_locks("l.place > ? AND l.place < ? AND l.principal = ?", *members(folder), principal))

    def _drafts_with_locks(self, where: str, *values: Any) -> list[tuple[str, Draft]]:
        columns = ", ".join(f"d.{each}" for each in _DRAFT.split(", "))
        query = (
            f"SELECT l.root, {columns} FROM locks l JOIN drafts d ON d.token = l.token AND d.ended IS NULL WHERE l.kind = 'CHECKOUT' AND "
        )
        return [(root, _draft(row)) for root, *row in self._sql(query + where, values)]

    def draft(self, id: int) -> Draft | None:
        return self._one_draft("id = ?", id)

    def draft_of(self, token: str) -> Draft | None:
        return self._one_draft("token = ? AND ended IS NULL", token)

    def drafts(self) -> list[Draft]:
        return [_draft(row) for row in self._sql(f"SELECT {_DRAFT} FROM drafts ORDER BY id")]

    def _one_draft(self, where: str, *values: Any) -> Draft | None:
        row = self._sql(f"SELECT {_DRAFT} FROM drafts WHERE {where}", values).fetchone()
        return _draft(row) if row else None

    def add_draft(self, draft: Draft) -> Draft:
        columns = _DRAFT.removeprefix("id, ")
        query = f"INSERT INTO drafts ({columns}) VALUES ({','.join('?' * (columns.count(',') + 1))}) RETURNING id"
        return replace(draft, id=self._sql(query, _draft_values(draft)).fetchone()[0])

    def renew_draft(self, draft: Draft) -> None:
        columns = _DRAFT.removeprefix("id, ").replace(",", " = ?,") + " = ?"
        self._sql(f"UPDATE drafts SET {columns} WHERE id = ?", (*_draft_values(draft), draft.id))

    def drop_draft(self, id: int) -> None:
        self._sql("DELETE FROM drafts WHERE id = ?", (id,))

    def surplus_drafts(self, before: float) -> list[Draft]:
        return [_draft(row) for row in self._sql(f"SELECT {_DRAFT} FROM drafts WHERE ended < ?", (before,))]

    # properties

    def properties(self, id: int) -> dict[str, str]:
        return dict(self._sql("SELECT name, xml FROM properties WHERE document = ?", (id,)).fetchall())

    def properties_at(self, paths: Sequence[str]) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for some in batches(paths):
            found |= self._properties(f"d.path IN ({marks(some)})", *some)
        return found

    def properties_in(self, folder: str) -> dict[str, dict[str, str]]:
        return self._properties("d.parent = ? AND d.path <> d.parent", folder)

    def _properties(self, where: str, *values: str) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        query = f"SELECT d.path, p.name, p.xml FROM documents d JOIN properties p ON p.document = d.id WHERE {where}"
        for path, name, xml in self._sql(query, values):
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
        if not self._counters.has_intents:
            return []
        return [_intent(row) for row in self._sql(f"SELECT {_INTENT} FROM intents")]

    def add_intent(self, intent: Intent) -> None:
        i = intent
        what = (i.id, i.kind, i.source, i.target, i.spelling, as_int64(i.inode), i.replaces)
        whose = (i.principal, i.door, i.owner, i.staged, i.details)
        self._counters.has_intents = True
        self._sql(f"INSERT INTO intents ({_INTENT}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", (*what, *whose))

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
        self._sql("INSERT OR IGNORE INTO principals (name) VALUES (?)", (name,))

    def principals(self) -> dict[str, int]:
        return dict(self._sql("SELECT name, id FROM principals").fetchall())

    def remove_account(self, name: str) -> bool:
        return self._sql("DELETE FROM accounts WHERE name = ?", (name,)).rowcount > 0


def _joined(column: str) -> str:
    """All values of a column in one text. For what there are thousands of: a row for each takes twice as long."""
    return f"group_concat({column}, char(10))"  # no path has a line end in it (paths.py)


def _parted(joined: str | None) -> list[str]:
    return joined.split("\n") if joined else []


def _document(row: tuple[Any, ...]) -> Document:
    id, path, version, inode, size, mtime_ns, *rest = row
    stamp = None if inode is None else (inode, size, mtime_ns)
    rest[-6], rest[-2] = _extra(rest[-6]), Semantics(rest[-2])
    return Document(id, path, version, stamp, *rest)


def _recorded(d: Document) -> tuple[Any, ...]:
    what = (d.version, *(d.stamp or (None, None, None)), d.sha256, d.created, d.changed)
    return (*what, d.changed_by, d.door, d.comment, _json(d.extra), d.session, d.change, d.stamped)


def _version(row: tuple[Any, ...]) -> Version:
    document, number, inode, size, mtime_ns, *rest = row
    rest[-2:] = _extra(rest[-2]), bool(rest[-1])
    return Version(document, number, (inode, size, mtime_ns), *rest)


def _json(extra: tuple[str, ...]) -> str:
    return json.dumps(extra) if extra else "[]"


def _extra(text: str) -> tuple[str, ...]:
    return () if text == "[]" else tuple(json.loads(text))


def _draft(row: Sequence[Any]) -> Draft:
    values = list(row)
    values[-5] = Ending(values[-5]) if values[-5] else None
    return Draft(*values)


def _draft_values(d: Draft) -> tuple[Any, ...]:
    known = (d.document, d.token, d.path, d.principal, d.file, d.size, d.sha256, d.saved, d.door)
    return (*known, d.ended, d.how or "", d.ended_by, d.reason, d.change, d.stamped)


def _account(row: tuple[Any, ...]) -> Account:
    return Account(row[0], row[1], bool(row[2]), row[3])


def _intent(row: tuple[Any, ...]) -> Intent:
    id, kind, source, target, spelling, inode, replaces, *rest = row
    return Intent(id, kind, source, target, spelling, inode % 2**64, bool(replaces), *rest)
