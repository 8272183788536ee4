"""Temporary files of people: left for a moment by their programs, seen by nobody else, limited, and forgotten after a day."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from davlock.documents.disk import disk_errors, write_all
from davlock.errors import Exists, TooLarge

MAX_FILES = 100
MAX_BYTES = 256 * 1024 * 1024
"""Of one person."""
SECONDS = 86_400.0
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


class Temporary:
    """A folder for each person in a folder of davlock's own. Names are such as paths.problem() has nothing against."""

    def __init__(self, folder: Path) -> None:
        self._all = folder

    def names(self, principal: str) -> set[str]:
        """Of all files of a person."""
        with suppress(FileNotFoundError), disk_errors():
            place = self._place(principal)
            return set(os.listdir(place)) if place.is_dir() else set()
        return set()

    def keep(self, principal: str, name: str, content: bytes) -> None:
        """A new file. Raises Exists, TooLarge if a person has too many, StorageFull."""
        with disk_errors(), self._folder(principal) as folder:
            sizes = {each: os.stat(each, dir_fd=folder, follow_symlinks=False).st_size for each in os.listdir(folder)}
            if name in sizes:
                raise Exists("There is a temporary file with this name already.")
            if len(sizes) >= MAX_FILES or sum(sizes.values()) + len(content) > MAX_BYTES:
                raise TooLarge(f"You can have {MAX_FILES} temporary files with {MAX_BYTES} bytes together; delete some that you have.")
            fd = os.open(name, _NEW, 0o600, dir_fd=folder)
            try:
                write_all(fd, content)
            except BaseException:
                os.unlink(name, dir_fd=folder)
                raise
            finally:
                os.close(fd)

    def open(self, principal: str, name: str) -> int:
        """A descriptor, for the caller to close. Raises NotFound."""
        with disk_errors():
            return os.open(self._place(principal) / name, _READ)

    def drop(self, principal: str, name: str) -> None:
        """Removes a file; it need not be there."""
        with disk_errors():
            (self._place(principal) / name).unlink(missing_ok=True)

    def forget(self, now: float) -> None:
        """Removes what has had its time. now: Unix seconds."""
        with suppress(FileNotFoundError):
            for place in list(self._all.iterdir()):
                for file in list(place.iterdir()):
                    with suppress(FileNotFoundError):
                        if file.lstat().st_mtime < now - SECONDS:
                            file.unlink()

    def _place(self, principal: str) -> Path:
        # A name can have characters that the name of a folder cannot have.
        return self._all / hashlib.sha256(principal.encode("utf-8", "surrogatepass")).hexdigest()

    @contextmanager
    def _folder(self, principal: str) -> Iterator[int]:
        """The open folder of a person, which nobody else counts or fills meanwhile."""
        place = self._place(principal)
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(place, _FOLDER)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield fd
        finally:
            os.close(fd)
