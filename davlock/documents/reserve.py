"""Room that is kept free for what must work on a full disk: giving locks back, and removing something."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from davlock.errors import StorageFull

SIZE = 1024 * 1024  # bytes: some hundred commits of the state
T = TypeVar("T")


class Reserve:
    """A file that takes the room; all processes of one served folder share it."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def spend(self, action: Callable[[], T]) -> T:
        """Does something that happens as a whole or not at all; once more, in the reserved room, if the disk is full."""
        try:
            return action()
        except StorageFull:
            with suppress(OSError):
                self._file.unlink()
            try:
                return action()
            finally:
                self.keep()

    def keep(self) -> None:
        """Takes the room again, as far as there is any."""
        with suppress(OSError):
            fd = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                missing = SIZE - os.fstat(fd).st_size
                free = os.fstatvfs(fd)
                if missing > 0 and free.f_bavail:
                    os.posix_fallocate(fd, SIZE - missing, min(missing, free.f_bavail * free.f_frsize))
            finally:
                os.close(fd)
