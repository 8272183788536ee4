"""The rows of access tokens and sessions."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any

from davlock.model import AccessToken, Account

_TOKEN = "t.id, t.principal, t.name, t.since, t.expires, t.used, t.is_session, t.parent"


class SqliteTokens:
    """A part of SqliteRows. See state.protocol.AccessTokenRows."""

    _sql: Callable[..., sqlite3.Cursor]
    _now: float

    def access_token(self, secret: bytes) -> tuple[AccessToken, Account] | None:
        account = "a.name, a.password_hash, a.admin, a.since"
        found = f"SELECT {account}, {_TOKEN} FROM tokens t JOIN accounts a ON a.name = t.principal WHERE t.secret = ?"
        row = self._sql(found, (secret,)).fetchone()
        return (_token(row[4:]), Account(row[0], row[1], bool(row[2]), row[3])) if row else None

    def access_tokens(self, principal: str | None = None) -> list[AccessToken]:
        query = f"SELECT {_TOKEN} FROM tokens t WHERE ?1 IS NULL OR t.principal = ?1 ORDER BY t.id"
        return [_token(row) for row in self._sql(query, (principal,))]

    def add_access_token(
        self, secret: bytes, principal: str, name: str, expires: float, is_session: bool = False, parent: int | None = None
    ) -> AccessToken:
        added = self._sql(
            "INSERT INTO tokens (secret, principal, name, since, expires, is_session, parent) VALUES (?,?,?,?,?,?,?) RETURNING id",
            (secret, principal, name, self._now, expires, is_session, parent),
        )
        return AccessToken(added.fetchone()[0], principal, name, self._now, expires, None, is_session, parent)

    def use_access_token(self, id: int) -> None:
        self._sql("UPDATE tokens SET used = ? WHERE id = ?", (self._now, id))

    def end_access_tokens(self, ids: Iterable[int]) -> None:
        for id in ids:
            self._sql("UPDATE tokens SET expires = MIN(expires, ?1) WHERE id = ?2 OR parent = ?2", (self._now, id))

    def drop_access_tokens(self, ids: Iterable[int]) -> None:
        for id in ids:
            self._sql("DELETE FROM tokens WHERE id = ?", (id,))

    def forget_access_tokens(self, before: float) -> None:
        self._sql("DELETE FROM tokens WHERE expires < ?", (before,))


def _token(row: tuple[Any, ...]) -> AccessToken:
    id, principal, name, since, expires, used, is_session, parent = row
    return AccessToken(id, principal, name, since, expires, used, bool(is_session), parent)
