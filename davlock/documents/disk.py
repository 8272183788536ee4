"""What the operating system says about a file, in davlock's errors; and what is done to files by more than one module."""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from davlock.errors import BadName, DavlockError, Forbidden, NotFound, StorageFull, TooLarge, Unavailable

_FULL = {errno.ENOSPC, errno.EDQUOT}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_GONE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESTALE}
_MANY = 16  # files, of which syncing each would take longer than syncing what others write, too
_libc = ctypes.CDLL(None, use_errno=True)
_DEFAULT_ACL, _ACL = "system.posix_acl_default", "system.posix_acl_access"


class _DiskErrors:
    """A class, because everything that is done on the disk is done in it, and a generator takes several times as long."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if isinstance(error, OSError):
            raise _said(error) from error


_DISK_ERRORS = _DiskErrors()


def disk_errors() -> _DiskErrors:
    """Turns an OSError of the block into the DavlockError that says it to a person, without paths of the server."""
    return _DISK_ERRORS


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


def sync_all(paths: Sequence[str]) -> None:
    """fsync of files and folders on one file system, the folders after what is in them. Of many, the whole file system at once, where
    the system can do that: one after the other they would take a second for every thousand.
    """
    if len(paths) > _MANY:
        with suppress(AttributeError):
            fd = os.open(paths[0], os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                if _libc.syncfs(fd) == 0:
                    return
            finally:
                os.close(fd)
    for path in paths:
        sync_path(path)


def keeps_order(path: Path) -> bool:
    """Whether its file system brings changes of names to the disk in their order: then syncing a later one brings the earlier ones too.

    So it is where all names are in one journal (ext3, ext4, xfs); others may be, but are not known to be.
    """
    device = path.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    with suppress(OSError, IndexError), open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as mounts:
        for line in mounts:
            fields, _, kind = line.partition(" - ")
            if fields.split()[2] == wanted:
                return kind.split()[0] in ("ext3", "ext4", "xfs")
    return False


def write_all(fd: int, block: bytes) -> None:
    """Writes a block, whole: on a disk that is nearly full, write() takes a part and says so only by its result."""
    rest = memoryview(block)
    while rest:
        rest = rest[os.write(fd, rest) :]


def adopt(made: Path, folder: int) -> None:
    """What a file or folder would have got from the open folder, had it been made in it: its group (set-group-ID) and ACL."""
    parent, is_folder = os.fstat(folder), made.is_dir()
    if parent.st_mode & stat.S_ISGID:
        with suppress(PermissionError):
            os.chown(made, -1, parent.st_gid)
            if is_folder:
                made.chmod(stat.S_IMODE(made.stat().st_mode) | stat.S_ISGID)
    with suppress(OSError):  # most folders have no ACL, and some file systems no ACLs
        acl = os.getxattr(folder, _DEFAULT_ACL)
        os.setxattr(made, _ACL, acl)
        if is_folder:
            os.setxattr(made, _DEFAULT_ACL, acl)
        else:
            made.chmod(stat.S_IMODE(made.stat().st_mode) & 0o666)


def inherit(file: Path, folder: int, name: str, old: os.stat_result) -> None:
    """What a file keeps of the one in the open folder that it will replace, so far as the server may: owner, mode, attributes, ACL.

    And a time stamp that is later: the two must never look like one version, however the clock has been set.
    """
    seen = os.stat(file)
    if (seen.st_uid, seen.st_gid) != (old.st_uid, old.st_gid):
        _give(file, old)
        seen = os.stat(file)  # giving it away may have cost it bits of its mode
    if _copy_attributes(folder, name, file):
        seen = os.stat(file)
    if stat.S_IMODE(seen.st_mode) != stat.S_IMODE(old.st_mode):
        file.chmod(stat.S_IMODE(old.st_mode) & 0o777)
    if seen.st_mtime_ns <= old.st_mtime_ns < seen.st_mtime_ns + 86_400_000_000_000:
        os.utime(file, ns=(seen.st_atime_ns, old.st_mtime_ns + 1))


def _give(file: Path, old: os.stat_result) -> None:
    try:
        os.chown(file, old.st_uid, old.st_gid)
    except PermissionError:  # only root may give a file away, but everybody may to a group that he is in
        with suppress(PermissionError):
            os.chown(file, -1, old.st_gid)


def _copy_attributes(folder: int, name: str, file: Path) -> bool:
    """Whether there were any."""
    has_some = False
    with suppress(OSError):
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        try:
            for attribute in os.listxattr(fd):
                if attribute.startswith("user.") or attribute == _ACL:
                    has_some = True
                    os.setxattr(file, attribute, os.getxattr(fd, attribute))
        finally:
            os.close(fd)
    return has_some


def discard(path: Path) -> None:
    """Removes a file, or a folder with everything in it, if it is still there. What resists is left for the next sweep.

    Each folder is renamed out of the one it is in before it is emptied: no depth is too deep for that, and what another disk
    is mounted on cannot be renamed, so that nothing on other disks is ever removed.
    """
    try:
        os.unlink(path)
        return
    except FileNotFoundError:
        return
    except OSError:
        found = [path]
    while found:
        folder = found.pop()
        with suppress(OSError):
            found += _empty(folder, path)
            folder.rmdir()


def _empty(folder: Path, top: Path) -> list[Path]:
    """Removes the files in a folder; returns the folders that were in it, which are beside the top now."""
    below = []
    with os.scandir(folder) as members:
        for member in members:
            with suppress(OSError):
                if member.is_dir(follow_symlinks=False):
                    below.append(_move_out(member.path, top))
                else:
                    os.unlink(member.path)
    return below


def _move_out(folder: str, top: Path) -> Path:
    beside = top.with_name(uuid.uuid4().hex)
    try:
        os.rename(folder, beside)
    except PermissionError:  # a folder that is not writable: only its owner can help
        os.chmod(folder, 0o700)
        os.rename(folder, beside)
    return beside


_HERE = -100  # AT_FDCWD; the path is absolute
_EXCHANGE = 2  # RENAME_EXCHANGE of renameat2(2)


def exchange(path: Path, folder: int, name: str) -> bool:
    """Lets a path and an entry of an open folder change places in one instant; whether system and file system can do that."""
    try:
        call = _libc.renameat2
    except AttributeError:
        return False
    done: int = call(_HERE, os.fsencode(path), folder, os.fsencode(name), _EXCHANGE)
    if done == 0:
        return True
    if ctypes.get_errno() in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
        return False
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
