"""What was verified lately: WebDAV clients send the password with every request, and checking it is slow on purpose."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b

from davlock.auth.identity import Identity

FRESH_SECONDS = 60.0
SIZE = 1024


class Verified:
    """The credentials found right, the newest SIZE of them, without keeping any password.

    One is believed for FRESH_SECONDS after it was checked, however often it is used, so that a changed password or a
    removed account takes effect within that time. clock returns seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._found: OrderedDict[bytes, tuple[Identity, float]] = OrderedDict()
        self._mutex = threading.Lock()

    def fresh(self, header: str) -> Identity | None:
        """Whose header it is, if it was checked within the last FRESH_SECONDS."""
        found = self._found.get(self._name(header))
        return found[0] if found and self._clock() - found[1] < FRESH_SECONDS else None

    def was_right(self, header: str) -> bool:
        """Whether it was right when last checked, however long ago."""
        return self._name(header) in self._found

    def remember(self, header: str, identity: Identity) -> None:
        name = self._name(header)
        with self._mutex:
            self._found[name] = identity, self._clock()
            self._found.move_to_end(name)
            if len(self._found) > SIZE:
                self._found.popitem(last=False)

    def forget(self, header: str) -> None:
        with self._mutex:
            self._found.pop(self._name(header), None)

    def _name(self, header: str) -> bytes:
        return blake2b(header.encode("utf-8", "surrogatepass"), key=self._key, digest_size=32).digest()
