"""Delivery: a thread beside the requests, in one of the processes, that reads the events and tells them.

Where a webhook has got to is in its row, so each event is told at least once, in their order, by whatever process comes next; what was
told twice has one and the same EventId. A request never waits for any of this.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from davlock.errors import DavlockError
from davlock.model import HookState, Webhook
from davlock.state import Rows, State
from davlock.webhooks import messages
from davlock.webhooks.sending import Sender

LOOK_SECONDS = 0.5
PAUSES = (1, 4, 60, 300, 1800, 3600)  # seconds after the first failure in a row, after the second …; the last one again and again
NOTE_SECONDS = 1.0  # how often it is noted, durably, how far a webhook has got while there is always more to tell

_log = logging.getLogger("davlock.webhooks")


@dataclass
class Delivery:
    """file: on which the processes decide which of them does it (flock). notice_expired: see Outbox."""

    state: State
    sender: Sender
    file: Path
    notice_expired: Callable[[], None]
    most_errors: int = 9
    _fd: int | None = None
    _busy: set[int] = field(default_factory=set)  # webhooks that are being told something
    _due: dict[int, float] = field(default_factory=dict)  # when the next attempt is, after a failure
    _read: dict[int, int] = field(default_factory=dict)  # up to which event there is nothing to tell

    def start(self) -> None:
        """Begins; ends with the process."""
        threading.Thread(target=self._run, name="webhooks", daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                if self.has_turn():
                    self.look()
            except DavlockError as error:
                _log.warning("webhooks wait: %s", error.message)
            except Exception:
                _log.exception("webhooks wait")
            time.sleep(LOOK_SECONDS)

    def has_turn(self) -> bool:
        """Whether it is this process that tells; whoever does keeps it until it dies."""
        if self._fd is not None:
            return True
        fd = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            return False
        self._fd = fd
        return True

    def look(self) -> None:
        """Begins to tell what is to be told now; waits for nothing."""
        with self.state.reading() as rows:
            last, hooks = rows.event_span()[1], rows.webhooks()
        if any(hook.state is HookState.ACTIVE for hook in hooks):
            self.notice_expired()
        for hook in hooks:
            if self._is_due(hook, last):
                self._busy.add(hook.id)
                threading.Thread(target=self._tell, args=(hook.id,), name=f"webhook-{hook.id}", daemon=True).start()

    def _is_due(self, hook: Webhook, last: int) -> bool:
        if hook.state is not HookState.ACTIVE or hook.id in self._busy or max(hook.sent, self.read_up_to(hook.id)) >= last:
            return False
        # Without errors in a row it was set to active again, and does not wait.
        return hook.consecutive_errors == 0 or time.monotonic() >= self._due.get(hook.id, 0)

    def _tell(self, id: int) -> None:
        try:
            _Round(self, id).run()
        except DavlockError as error:
            _log.warning("webhook %d waits: %s", id, error.message)
        except Exception:
            _log.exception("webhook %d waits", id)
        finally:
            self._busy.discard(id)

    def has_failed(self, id: int, error: DavlockError) -> None:
        """Notes that an attempt was in vain, and when the next one is."""
        with self.state.deciding() as rows:
            rows.record_failed(id, error.message, self.most_errors)
            hook = rows.webhook(id)
        if hook is None:
            return
        self._due[id] = time.monotonic() + PAUSES[min(hook.consecutive_errors, len(PAUSES)) - 1]
        if hook.state is HookState.TOO_MANY_ERRORS:
            _log.warning("webhook %d is told no more, after %d failures in a row: %s", id, hook.consecutive_errors, error.message)

    def has_read(self, id: int, last: int) -> None:
        """Remembers that there is nothing to tell up to an event."""
        self._read[id] = last

    def read_up_to(self, id: int) -> int:
        """That event."""
        return self._read.get(id, 0)


class _Round:
    """One webhook is told what there is to tell."""

    def __init__(self, delivery: Delivery, id: int) -> None:
        self._delivery, self._id = delivery, id
        self._sent = self._calls = 0
        self._noted = time.monotonic()

    def run(self) -> None:
        try:
            while self._tell_next():
                if time.monotonic() - self._noted >= NOTE_SECONDS:
                    self._note()
        finally:
            self._note()

    def _tell_next(self) -> bool:
        delivery = self._delivery
        with delivery.state.reading() as rows:
            hook = rows.webhook(self._id)
            if hook is None or hook.state is not HookState.ACTIVE:
                return False
            found, message = self._next(rows, hook)
        if message is None:
            delivery.has_read(self._id, found)
            return False
        try:
            delivery.sender.send(hook.target, message)
        except DavlockError as error:
            self._note()
            delivery.has_failed(self._id, error)
            return False
        self._sent, self._calls = found, self._calls + 1
        return True

    def _next(self, rows: Rows, hook: Webhook) -> tuple[int, messages.Message | None]:
        """The next event that it is to be told, and how; the last one of all if there is none."""
        after = max(hook.sent, self._sent, self._delivery.read_up_to(hook.id))
        for event in rows.events(after, 1, hook.events):
            tries = 0 if self._calls else hook.tries  # what was told since is not noted yet
            return event.id, messages.telling(event, replace(hook, tries=tries), rows.installation(), rows.principals())
        return rows.event_span()[1], None

    def _note(self) -> None:
        """Makes sure that the next process, or attempt, goes on from here."""
        if self._calls:
            with self._delivery.state.deciding() as rows:
                rows.record_delivered(self._id, self._sent, self._calls)
            self._calls = 0
        self._noted = time.monotonic()
