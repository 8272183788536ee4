"""What the operating system says about a file, in davlock's errors."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from davlock.errors import BadName, DavlockError, Forbidden, NotFound, StorageFull, TooLarge, Unavailable

_FULL = {errno.ENOSPC, errno.EDQUOT}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_GONE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESTALE}


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turns an OSError of the block into the DavlockError that says it to a person, without paths of the server."""
    try:
        yield
    except OSError as error:
        raise _said(error) from error


def _said(error: OSError) -> DavlockError:
    if error.errno in _FULL:
        return StorageFull("The disk of the server is full; everything is as it was.")
    if error.errno in _DENIED:
        return Forbidden("The server itself has no permission for this on its disk; ask whoever runs it.")
    if error.errno in _GONE:
        return NotFound("Another program has just removed this on the server.")
    if error.errno == errno.ENAMETOOLONG:
        return BadName("This name is too long for the server's file system.")
    if error.errno == errno.EFBIG:
        return TooLarge("This is larger than the server's file system can store.")
    if error.errno == errno.EXDEV:
        return Forbidden("This folder lies on another disk of the server; it can be read, but nothing can be moved or saved into it.")
    return Unavailable("The server's disk cannot do this at the moment; nothing was changed. Try again.")


def sync_folder(fd: int) -> None:
    """Makes renames in an open folder survive a power cut."""
    os.fsync(fd)


def sync_path(path: str | os.PathLike[str]) -> None:
    """fsync of a file or folder by its name."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
