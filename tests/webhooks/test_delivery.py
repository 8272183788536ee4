"""Delivery: who does it, and when the next attempt is."""

from __future__ import annotations

import os
import queue
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from davlock.events import CREATED
from davlock.model import Caller, Event, HookState
from davlock.state.sqlite import SqliteState
from davlock.webhooks import delivery
from davlock.webhooks.delivery import Delivery
from davlock.webhooks.registry import Webhooks, Wish
from davlock.webhooks.sending import Sender
from tests.webhooks.test_sending import TARGETS, server

ROOT = Caller("root", admin=True)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[SqliteState]:
    state = SqliteState(tmp_path / "state.db")
    yield state
    state.close()


def one(state: SqliteState, most_errors: int = 9) -> Delivery:
    return Delivery(state, Sender(TARGETS), state._file.with_name("webhooks.turn"), lambda: None, most_errors)


def test_one_process_tells_and_another_one_when_that_is_gone(state: SqliteState) -> None:
    first, second = one(state), one(state)
    assert first.has_turn()
    assert not second.has_turn()
    assert first.has_turn()
    assert first._fd is not None
    os.close(first._fd)  # as when it dies
    assert second.has_turn()


def test_after_a_failure_it_waits_but_not_once_it_was_set_to_active_again(state: SqliteState, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "PAUSES", (1000,))
    calls: queue.Queue[bytes] = queue.Queue()
    status = b"204"

    def speak(connection: socket.socket) -> None:
        calls.put(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 %s X\r\n\r\n" % status)

    telling, webhooks = one(state, most_errors=2), Webhooks(state, Sender(TARGETS), is_enabled=True)
    with server(speak) as port:
        wish = Wish("x", (CREATED,), f"http://127.0.0.1:{port}/", state=HookState.ACTIVE)
        hook = webhooks.register(wish, ROOT)
        assert b"X-Hook-Test: true" in calls.get(timeout=20)
        with state.deciding() as rows:
            rows.add_events([Event(CREATED, 1, "/a", "alice", "rest", {})])
        status = b"500"
        look(telling)
        assert b"X-SuperOffice-Retry: 0" in calls.get(timeout=20)
        look(telling)  # it is not due for a long time
        assert calls.empty()
        webhooks.change(hook.id, Wish("x", (CREATED,), wish.target, state=HookState.STOPPED), ROOT)
        webhooks.change(hook.id, wish, ROOT)
        status = b"204"
        look(telling)
        assert b"X-SuperOffice-Retry: 1" in calls.get(timeout=20)
        look(telling)
        assert calls.empty()
    shown = webhooks.one(hook.id, ROOT)
    assert (shown.total_calls, shown.total_errors, shown.consecutive_errors, shown.tries, shown.sent) == (2, 1, 0, 0, 1)


def look(telling: Delivery) -> None:
    """One look, and all that it has begun."""
    telling.look()
    for thread in threading.enumerate():
        if thread.name.startswith("webhook-"):
            thread.join(20)
