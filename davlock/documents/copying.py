"""Copying an entry of the served folder to where nobody sees it yet."""

from __future__ import annotations

import errno
import os
import stat
import time
from contextlib import suppress
from pathlib import Path

from davlock import paths
from davlock.documents.disk import sync_path, write_all
from davlock.errors import BadName

BLOCK = 256 * 1024
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_COPIED = (stat.S_IFDIR, stat.S_IFREG)
# What says that there are no hard links here: the file system, the number of them, or the owner (fs.protected_hardlinks).
_NO_COPYING = {errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF, errno.ETXTBSY}
_MOST = 1 << 30  # bytes
NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.EACCES}
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def copy_file(source: int, target: Path, mode: int) -> None:
    """Copies an open file to a new one, not yet synced, with a time stamp of its own."""
    into = os.open(target, NEW, 0o666)
    try:
        if not _copied_by_system(source, into):
            while block := os.read(source, BLOCK):
                write_all(into, block)
        os.fchmod(into, mode & 0o777)
        now = time.time_ns()
        os.utime(into, ns=(now, now))
    finally:
        os.close(into)


def _copied_by_system(source: int, into: int) -> bool:
    """Copies what is left of an open file within the kernel, or by sharing its blocks; whether that is possible here."""
    has_begun = False
    try:
        while os.copy_file_range(source, into, _MOST):
            has_begun = True
    except OSError as error:
        if has_begun or error.errno not in _NO_COPYING:
            raise
        return False
    except AttributeError:  # not Linux
        return False
    return has_begun  # some file systems say nothing was left where something is


def link_or_copy(name: str | Path, target: Path, folder: int | None = None) -> None:
    """A second name for a file (in an open folder, or by its path); where that cannot be had, a synced copy with its time stamp."""
    try:
        os.link(name, target, src_dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
        source = os.open(name, _READ, dir_fd=folder)
        try:
            seen = os.fstat(source)
            copy_file(source, target, seen.st_mode)
            os.utime(target, ns=(seen.st_atime_ns, seen.st_mtime_ns))
        finally:
            os.close(source)
        sync_path(target)


def copy_members(folder: int, target: Path, copied: list[Path], level: int = 1) -> None:
    """Copies the members of an open folder into a new one, leaving out links, devices and what no door can reach.

    Appends all that it makes to copied, a folder after its members. Raises BadName if they are nested deeper than paths can be.
    """
    if level > paths.MAX_DEPTH:
        raise BadName(f"The folder cannot be copied: it has more than {paths.MAX_DEPTH} levels.")
    for name in sorted(os.listdir(folder)):
        if paths.is_hidden(name):
            continue
        source = _open(folder, name)
        if source is None:
            continue
        try:
            mode = os.fstat(source).st_mode
            if stat.S_ISDIR(mode):
                (target / name).mkdir(mode=0o777)
                copy_members(source, target / name, copied, level + 1)
            else:
                copy_file(source, target / name, mode)
        finally:
            os.close(source)
        copied.append(target / name)


def _open(folder: int, name: str) -> int | None:
    """A descriptor of a document or folder, None for anything else and for what was removed or replaced just now."""
    kind = stat.S_IFMT
    with suppress(FileNotFoundError):
        if kind(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode) in _COPIED:
            fd = os.open(name, _READ, dir_fd=folder)
            if kind(os.fstat(fd).st_mode) in _COPIED:
                return fd
            os.close(fd)
    return None
