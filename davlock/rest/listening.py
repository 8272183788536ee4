"""Programs that wait for events: a few at a time, since each of them takes one of the threads, and with one look at the state for all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from davlock.errors import DavlockError
from davlock.library import Library

LOOK_SECONDS = 0.25


class Listening:
    """most: programs that may wait in this process at once. seconds: for how long each may."""

    def __init__(self, library: Library, most: int, seconds: float) -> None:
        self.seconds = seconds
        self._library, self._most = library, most
        self._changed = threading.Condition()
        self._count = 0
        self._is_watching = False
        self._last = 0

    def enter(self) -> bool:
        """Whether one more may wait; then it has to leave()."""
        with self._changed:
            if self._count >= self._most:
                return False
            self._count += 1
            if not self._is_watching:
                self._is_watching = True
                threading.Thread(target=self._watch, name="events", daemon=True).start()
            return True

    def leave(self) -> None:
        """It waits no more."""
        with self._changed:
            self._count -= 1

    def wait(self, after: int, until: float, is_over: Callable[[], bool]) -> bool:
        """Waits for an event after the one with this id, until a moment (monotonic seconds) or until it is over; whether there is one."""
        with self._changed:
            while self._last <= after and time.monotonic() < until and not is_over():
                self._changed.wait(LOOK_SECONDS)
            return self._last > after

    def _watch(self) -> None:
        """While somebody waits."""
        while True:
            last = self._look()
            with self._changed:
                if not self._count:
                    self._is_watching = False
                    return
                if last > self._last:
                    self._last = last
                    self._changed.notify_all()
            time.sleep(LOOK_SECONDS)

    def _look(self) -> int:
        try:
            self._library.outbox.notice_expired()
            return self._library.outbox.last_event()
        except DavlockError:  # the state cannot answer now; it is asked again
            return 0
