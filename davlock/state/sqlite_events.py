"""The rows of events and of those who are told of them, within one transaction of the SQLite state."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from davlock.model import Event, HookState, Webhook

_to_json = msgspec.json.Encoder().encode
_EVENT = "name, document, path, principal, door, details, at"
_SETTINGS = "name, events, target, secret, state, headers, properties, description, errors_email, updated, updated_by"
_HOOK = f"id, {_SETTINGS}, registered, registered_by, sent, tries, total_calls, total_errors, consecutive_errors, last_error"


class SqliteEvents:
    """See state.protocol.EventRows and WebhookRows."""

    _sql: Callable[..., sqlite3.Cursor]
    _connection: sqlite3.Connection
    _now: float

    def add_events(self, events: Iterable[Event]) -> None:
        for e in events:
            details = _to_json(e.details).decode() if e.details else "{}"
            values = (e.name, e.document, e.path, e.principal, e.door, details, self._now)
            self._sql(f"INSERT INTO events ({_EVENT}) VALUES (?,?,?,?,?,?,?)", values)

    def events(self, after: int, most: int, names: Sequence[str] = ()) -> list[Event]:
        which = f"AND name IN ({','.join('?' * len(names))})" if names else ""
        query = f"SELECT {_EVENT}, id FROM events WHERE id > ? {which} ORDER BY id LIMIT ?"
        return [_event(row) for row in self._sql(query, (after, *names, most))]

    def event_span(self) -> tuple[int, int]:
        # Each on its own is one look at an end of the table; both in one query would be a look at all of it.
        (first,) = self._sql("SELECT COALESCE(min(id), 1) FROM events").fetchone()
        (last,) = self._sql("SELECT COALESCE(max(id), 0) FROM events").fetchone()
        return first, last

    def forget_events(self, before: float) -> None:
        first_kept = "SELECT id FROM events WHERE at >= ? ORDER BY id LIMIT 1"
        self._sql(f"DELETE FROM events WHERE id < COALESCE(({first_kept}), (SELECT max(id) FROM events))", (before,))

    def installation(self) -> str:
        (name,) = self._sql("SELECT name FROM installation").fetchone()
        return str(name)

    def webhooks(self) -> list[Webhook]:
        return [_webhook(row) for row in self._sql(f"SELECT {_HOOK} FROM webhooks ORDER BY id")]

    def webhook(self, id: int) -> Webhook | None:
        row = self._sql(f"SELECT {_HOOK} FROM webhooks WHERE id = ?", (id,)).fetchone()
        return _webhook(row) if row else None

    def add_webhook(self, hook: Webhook) -> Webhook:
        columns = f"{_SETTINGS}, registered, registered_by, sent"
        values = (*_settings(hook), hook.registered, hook.registered_by, hook.sent)
        marks = ",".join("?" * len(values))
        (id,) = self._sql(f"INSERT INTO webhooks ({columns}) VALUES ({marks}) RETURNING id", values).fetchone()
        found = self.webhook(id)
        assert found
        return found

    def change_webhook(self, hook: Webhook) -> None:
        columns = f"{_SETTINGS}, consecutive_errors".replace(",", " = ?,") + " = ?"
        self._sql(f"UPDATE webhooks SET {columns} WHERE id = ?", (*_settings(hook), hook.consecutive_errors, hook.id))

    def remove_webhook(self, id: int) -> bool:
        return self._sql("DELETE FROM webhooks WHERE id = ?", (id,)).rowcount > 0

    def record_delivered(self, id: int, sent: int, calls: int) -> None:
        self._sql(
            "UPDATE webhooks SET sent = max(sent, ?), tries = 0, consecutive_errors = 0, total_calls = total_calls + ? WHERE id = ?",
            (sent, calls, id),
        )

    def record_failed(self, id: int, error: str, most_errors: int) -> None:
        self._sql(
            "UPDATE webhooks SET tries = tries + 1, total_calls = total_calls + 1, total_errors = total_errors + 1, last_error = ?, "
            "consecutive_errors = consecutive_errors + 1, "
            "state = CASE WHEN state = 'Active' AND consecutive_errors + 1 >= ? THEN 'TooManyErrors' ELSE state END WHERE id = ?",
            (error, most_errors, id),
        )


def _event(row: Sequence[Any]) -> Event:
    name, document, path, principal, door, details, at, id = row
    return Event(name, document, path, principal, door, json.loads(details), at, id)


def _settings(hook: Webhook) -> tuple[Any, ...]:
    what = (hook.name, json.dumps(hook.events), hook.target, hook.secret, hook.state, json.dumps(hook.headers))
    return (*what, json.dumps(hook.properties), hook.description, hook.errors_email, hook.updated, hook.updated_by)


def _webhook(row: Sequence[Any]) -> Webhook:
    id, name, events, target, secret, state, headers, properties, *rest = row
    told = (json.loads(headers), json.loads(properties))
    return Webhook(id, name, tuple(json.loads(events)), target, secret, HookState(state), *told, *rest)
