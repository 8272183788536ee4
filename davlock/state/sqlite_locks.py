"""The rows of locks and of what they were, within one transaction of the SQLite state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

from davlock import events, paths
from davlock.model import Ending, Kind, Lock, Past, Scope
from davlock.state.sqlite_events import SqliteEvents
from davlock.state.statements import batches, marks

_LOCK = "token, kind, scope, deep, root, principal, door, since, expires, generation, owner, document, comment"
_PAST = "token, kind, path, document, principal, door, since, comment, ended, how, ended_by, reason"
_ALIVE = "(expires IS NULL OR expires > ?)"
# Of a LOCK, which is on a path: what stands there when it ends.
_STOOD = "COALESCE(?, (SELECT id FROM documents WHERE path = ?))"
_ENDED = "COALESCE(document, (SELECT id FROM documents WHERE path = root))"


class SqliteLocks(SqliteEvents):
    """A part of SqliteRows. See state.protocol.LockRows.

    _soonest: no lock expires before (Unix seconds).
    """

    _soonest: float

    def locks_on(self, roots: Sequence[str]) -> list[Lock]:
        return [lock for some in batches(roots) for lock in self._locks(f"place IN ({marks(some)})", *map(place, some))]

    def locks_below(self, folder: str) -> list[Lock]:
        return self._locks("place > ? AND place < ? AND root <> ?", *paths.range_below(folder), folder)

    def locks_in(self, folder: str) -> list[Lock]:
        return self._locks("place > ? AND place < ?", *members(folder))

    def lock(self, token: str) -> Lock | None:
        found = self._locks("token = ?", token)
        return found[0] if found else None

    def locks(self) -> list[Lock]:
        return self._locks("1")

    def _locks(self, where: str, *values: Any) -> list[Lock]:
        # Sorted here: most often there is one or none, and SQLite would set up a sorter for it.
        found = [_lock(row) for row in self._sql(f"SELECT {_LOCK} FROM locks WHERE {where} AND {_ALIVE}", (*values, self._now))]
        if len(found) > 1:
            found.sort(key=attrgetter("root", "generation"))
        return found

    def add_lock(self, lock: Lock) -> None:
        self.end_expired()
        self._await(lock.expires)
        slot = 0 if lock.scope is Scope.EXCLUSIVE else lock.generation
        self._sql(
            f"INSERT INTO locks ({_LOCK}, place, slot) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                *(lock.token, lock.kind, lock.scope, lock.deep, lock.root, lock.principal, lock.door, lock.since, lock.expires),
                *(lock.generation, lock.owner, lock.document, lock.comment, place(lock.root), slot),
            ),
        )

    def renew_lock(self, token: str, expires: float | None) -> None:
        self._await(expires)
        self._sql("UPDATE locks SET expires = ? WHERE token = ?", (expires, token))

    def comment_lock(self, token: str, comment: str) -> None:
        self._sql("UPDATE locks SET comment = ? WHERE token = ?", (comment, token))

    def reroot_lock(self, token: str, root: str, document: int | None) -> None:
        self.end_expired()
        self._sql("UPDATE locks SET place = ?, root = ?, document = ? WHERE token = ?", (place(root), root, document, token))

    def end_locks(self, tokens: Iterable[str], how: Ending, by: str = "", reason: str = "", door: str = "") -> None:
        for token in tokens:
            self._remove_locks("token = ?", token, how, by, door, reason, self._now)

    def revive_lock(self, lock: Lock) -> None:
        self.add_lock(lock)
        self._sql("DELETE FROM history WHERE document = ? AND token = ?", (lock.document, lock.token))
        revived = "UPDATE drafts SET ended = NULL, how = '', ended_by = '', reason = '', path = ? WHERE token = ? AND how = ?"
        self._sql(revived, (lock.root, lock.token, Ending.DELETED))

    def has_expired(self) -> bool:
        one = "SELECT 1 FROM locks WHERE expires <= ? LIMIT 1"
        return self._soonest <= self._now and self._sql(one, (self._now,)).fetchone() is not None

    def end_expired(self) -> None:
        # With each lock that comes to a root: so no sweeper is needed, and the key never sees a dead one.
        if self._soonest <= self._now:
            self._remove_locks("expires <= ?", self._now, Ending.EXPIRED)
            (self._soonest,) = self._sql("SELECT COALESCE(MIN(expires), 9e999) FROM locks").fetchone()

    def _await(self, expires: float | None) -> None:
        """Until then, at least, nobody need look through all locks for expired ones."""
        if expires is not None and expires < self._soonest:
            self._soonest = expires

    def _remove_locks(
        self, which: str, value: Any, how: Ending, by: str = "", door: str = "", reason: str = "", ended: float | None = None
    ) -> None:
        """ended: None if each has ended when it ran out."""
        for row in self._sql(f"DELETE FROM locks WHERE {which} RETURNING {_LOCK}", (value,)).fetchall():
            lock = _lock(row)
            if lock.kind is Kind.CHECKOUT:
                rescued = "UPDATE drafts SET ended = ?, how = ?, ended_by = ?, reason = ? WHERE token = ? AND ended IS NULL"
                self._sql(rescued, (self._now, how, by, reason, lock.token))
            self._remember(lock, lock.expires if ended is None else ended, how, by, reason)
            if events.is_told(lock.kind, how):
                document = lock.document or self._id_at(lock.root)
                self.add_events([events.ended(lock, document, how, by, door, reason)])

    def _id_at(self, path: str) -> int | None:
        row = self._sql("SELECT id FROM documents WHERE path = ?", (path,)).fetchone()
        return row[0] if row else None

    def _remember(self, lock: Lock, ended: float | None, how: Ending, by: str, reason: str) -> None:
        what = (lock.token, lock.kind, lock.root, lock.document, lock.root, lock.principal, lock.door, lock.since, lock.comment)
        self._sql(
            f"INSERT INTO history ({_PAST}) VALUES (?, ?, ?, {_STOOD}, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*what, ended, how, by, reason),
        )

    def history(self, document: int | None, path: str) -> list[Past]:
        # Each of the two ways to find them is an index of its own.
        found = f"SELECT id, {_PAST} FROM history WHERE"
        either = f"{found} document = ? UNION {found} path = ? AND document IS NULL ORDER BY id DESC"
        return [*self._expired(document, path), *(_past(row[1:]) for row in self._sql(either, (document, path)))]

    def _expired(self, document: int | None, path: str) -> list[Past]:
        """Those that nobody has had a reason to remove yet."""
        columns = f"token, kind, root, {_ENDED}, principal, door, since, comment, expires, ?, '', ''"
        query = f"SELECT {columns} FROM locks WHERE expires <= ? AND (document = ? OR place = ?) ORDER BY expires DESC"
        return [_past(row) for row in self._sql(query, (Ending.EXPIRED, self._now, document, place(path)))]

    def ended_checkout(self, document: int, principal: str, how: Ending, seconds: float) -> Past | None:
        where = "document = ? AND kind = ? AND principal = ? AND how = ? AND ended >= ? ORDER BY id DESC LIMIT 1"
        values = (document, Kind.CHECKOUT, principal, how, self._now - seconds)
        row = self._sql(f"SELECT {_PAST} FROM history WHERE {where}", values).fetchone()
        return _past(row) if row else None

    def forget_history(self, before: float) -> None:
        # Nearly in the order of their ends, so that this looks at no more than it removes.
        first_kept = "SELECT id FROM history WHERE ended >= ? ORDER BY id LIMIT 1"
        self._sql(f"DELETE FROM history WHERE id < COALESCE(({first_kept}), 9223372036854775807)", (before,))


def place(path: str) -> str:
    """Where the locks on a path lie: the members of a folder side by side, and so all that is below it."""
    folder, _, name = path.rpartition("/")
    return f"{folder}//{name}"


def members(folder: str) -> tuple[str, str]:
    """Bounds (low, high) of the places of a folder's members: low < place < high."""
    prefix = folder.removesuffix("/")
    return f"{prefix}//", f"{prefix}/0"


def _lock(row: tuple[Any, ...]) -> Lock:
    token, kind, scope, deep, *rest = row
    return Lock(token, Kind(kind), Scope(scope), bool(deep), *rest)


def _past(row: Sequence[Any]) -> Past:
    token, kind, path, document, principal, door, since, comment, ended, how, ended_by, reason = row
    return Past(token, Kind(kind), path, document, principal, door, since, comment, ended, Ending(how), ended_by, reason)
