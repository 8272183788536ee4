"""How the processes share their clients."""

from __future__ import annotations

import mmap


class Shares:
    """How many connections each process has, in memory that all of them see: made before they are forked.

    They listen on one socket, so that nobody waits for a process that is busy, or dead. But whichever is awake takes all
    who come together, and keeps them as long as they stay; so who has more than another lets it go first.
    """

    def __init__(self, processes: int) -> None:
        self._counts = memoryview(mmap.mmap(-1, 4 * processes)).cast("i")

    def gives_way(self, process: int, count: int) -> bool:
        """Should this process, which has so many connections, leave the next one to another?"""
        self._counts[process] = count
        return count > min(self._counts)
