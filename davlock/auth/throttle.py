"""Slows down whoever guesses passwords."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

FREE_FAILURES = 5
LONGEST_SECONDS = 60.0
SIZE = 4096

Suspect = tuple[str, str]  # principal, network address of the peer


class Throttle:
    """Counts failures in a row of one principal from one address: after the last free one comes a pause of 2 s, then 4, 8 … 60.

    It counts in the memory of this process, the newest SIZE suspects: with N worker processes a guesser has N times the
    attempts, and a restart forgives. clock returns seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float], free: int = FREE_FAILURES) -> None:
        self._clock, self._free = clock, free
        self._failures: OrderedDict[Suspect, tuple[int, float]] = OrderedDict()
        self._mutex = threading.Lock()

    def seconds_to_wait(self, suspect: Suspect) -> float:
        """How long until the next attempt is allowed; 0 if it is now."""
        failures, last = self._failures.get(suspect, (0, 0.0))
        if failures < self._free:
            return 0.0
        # The exponent is bounded, because a patient guesser's count is not.
        pause = min(2.0 ** min(failures - self._free + 1, 10), LONGEST_SECONDS)
        return max(0.0, last + pause - self._clock())

    def failed(self, suspect: Suspect) -> None:
        with self._mutex:
            failures, _ = self._failures.get(suspect, (0, 0.0))
            self._failures[suspect] = failures + 1, self._clock()
            self._failures.move_to_end(suspect)
            if len(self._failures) > SIZE:
                self._failures.popitem(last=False)

    def succeeded(self, suspect: Suspect) -> None:
        with self._mutex:
            self._failures.pop(suspect, None)
