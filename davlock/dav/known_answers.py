"""Bodies that were made before, each with all that it was made of: made of the same, it is the same.

Explorer and Finder ask for the folder that a person is looking at again and again. What is in it is looked at each time; only the text is
not written once more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Iterator


class KnownAnswers:
    """The last bodies, in the order in which they were made. most: how many are known. largest: bytes of one that is."""

    def __init__(self, most: int, largest: int) -> None:
        self._most, self._largest = most, largest
        self._known: dict[Hashable, tuple[object, bytes]] = {}
        self._changing = threading.Lock()

    def blocks(self, key: Hashable, made_of: object, make: Callable[[], Iterable[bytes]]) -> Iterator[bytes]:
        """The body of which make() gives the blocks, as one block if it is small; nobody may change made_of afterwards.

        key: which answer it is. made_of: everything else that the body follows from, compared with ==.
        """
        known = self._known.get(key)
        if known is not None and known[0] == made_of:
            yield known[1]
            return
        blocks = iter(make())
        small: list[bytes] = []
        size = 0
        for block in blocks:
            small.append(block)
            size += len(block)
            if size > self._largest:
                yield from small
                yield from blocks
                return
        body = b"".join(small)
        with self._changing:
            self._known.pop(key, None)
            if len(self._known) >= self._most:
                del self._known[next(iter(self._known))]
            self._known[key] = made_of, body
        yield body
