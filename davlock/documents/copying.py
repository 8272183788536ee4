"""Copying an entry of the served folder to where nobody sees it yet."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

from davlock import paths
from davlock.documents.disk import sync_path, write_all
from davlock.errors import BadName

BLOCK = 256 * 1024
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_NO_COPYING = {errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF, errno.ETXTBSY}
_MOST = 1 << 30  # bytes
# What says that there are no hard links here: the file system, the number of them, or the owner (fs.protected_hardlinks).
NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.EACCES}
Put = Callable[[str | Path], None]  # makes a second file of some content at a path
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def copy_file(source: int, target: str | Path, seen: os.stat_result) -> None:
    """Copies an open file, of which this is known, to a new one, not yet synced, with a time stamp of its own."""
    into = os.open(target, NEW, 0o666)
    try:
        if not _copied_by_system(source, into, seen.st_size):
            while block := os.read(source, BLOCK):
                write_all(into, block)
        os.fchmod(into, seen.st_mode & 0o777)
        now = time.time_ns()
        os.utime(into, ns=(now, now))
    finally:
        os.close(into)


def _copied_by_system(source: int, into: int, size: int) -> bool:
    """Copies an open file of this size within the kernel, or by sharing its blocks; whether that is possible here."""
    copied = 0
    try:
        while count := os.copy_file_range(source, into, _MOST):
            copied += count
            if copied == size:  # what is appended only now is not part of the copy
                return True
    except OSError as error:
        if copied or error.errno not in _NO_COPYING:
            raise
        return False
    except AttributeError:  # not Linux
        return False
    return copied > 0  # some file systems say nothing was left where something is


def link_or_copy(name: str | Path, target: str | Path, folder: int | None = None) -> None:
    """A second name for a file (in an open folder, or by its path); where that cannot be had, a synced copy with its time stamp."""
    try:
        os.link(name, target, src_dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
        source = os.open(name, _READ, dir_fd=folder)
        try:
            seen = os.fstat(source)
            copy_file(source, target, seen)
            os.utime(target, ns=(seen.st_atime_ns, seen.st_mtime_ns))
        finally:
            os.close(source)
        sync_path(target)


def copy_members(folder: int, target: str, copied: list[str], level: int = 1) -> None:
    """Copies the members of an open folder into a new one, leaving out links, devices and what no door can reach.

    Appends all that it makes to copied, a folder after its members. Raises BadName if they are nested deeper than paths can be.
    """
    if level > paths.MAX_DEPTH:
        raise BadName(f"The folder cannot be copied: it has more than {paths.MAX_DEPTH} levels.")
    for name in _members(folder):
        try:
            source = os.open(name, _READ, dir_fd=folder)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ELOOP):  # removed, or replaced by a link, just now
                continue
            raise
        try:
            seen, copy = os.fstat(source), f"{target}/{name}"
            if stat.S_ISDIR(seen.st_mode):
                os.mkdir(copy)
                copy_members(source, copy, copied, level + 1)
            elif stat.S_ISREG(seen.st_mode):
                copy_file(source, copy, seen)
            else:  # replaced just now
                continue
        finally:
            os.close(source)
        copied.append(copy)


def _members(folder: int) -> list[str]:
    """The names of the documents and folders in an open folder."""
    with os.scandir(folder) as found:  # opening a device may do something
        kept = [each for each in found if each.is_file(follow_symlinks=False) or each.is_dir(follow_symlinks=False)]
        return sorted(each.name for each in kept if not paths.is_hidden(each.name))
