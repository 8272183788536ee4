"""Staging: where bytes wait, durable and invisible, until the rules have said yes.

Every process has a folder of its own below `.davlock/staging`, with an flock on it for as long as it lives; whoever finds one
without an owner removes it. What has been replaced or deleted waits in `.davlock/trash` until its decision is committed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
import time
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from davlock import paths
from davlock.documents.disk import disk_errors, sync_path
from davlock.documents.tree import Tree
from davlock.errors import IncompleteBody, NotFound, TooLarge

BLOCK = 256 * 1024
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_ALIVE = ".alive"
_SYNC_EACH = 8  # files up to which a copied tree is synced one by one


class Source(Protocol):
    """Where an upload comes from: read() raises OSError or ValueError if it breaks off."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Staged:
    """Bytes that are safe on the disk but no document yet. sha256 is None for a folder."""

    file: Path
    inode: int
    size: int
    sha256: str | None


class Staging:
    """Staging and trash of one served folder, for this process."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._pid = 0
        self._home = Path()
        self._alive = -1
        self.trash = tree.private / "trash"
        self._all = tree.private / "staging"
        with disk_errors():
            tree.private.mkdir(mode=0o700, exist_ok=True)
            self.trash.mkdir(exist_ok=True)
            self._all.mkdir(exist_ok=True)
        sync_path(tree.root)
        sync_path(tree.private)

    @property
    def home(self) -> Path:
        """This process's own folder; its name identifies the process in the journal."""
        if self._pid != os.getpid():
            home = self._all / uuid.uuid4().hex
            making = home.with_suffix(".new")
            with disk_errors():
                # Locked before it has its name: a sweeper must never see a folder of a living process without its lock.
                making.mkdir()
                self._alive = os.open(making / _ALIVE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                fcntl.flock(self._alive, fcntl.LOCK_EX)
                making.rename(home)
            self._home, self._pid = home, os.getpid()
        return self._home

    @contextmanager
    def stage(self, source: Source, length: int | None, limit: int = 0) -> Iterator[Staged]:
        """Takes an upload, hashed and synced; what is not published within the block is removed.

        length: bytes announced, None if unknown; limit: most bytes taken, 0 for no limit.
        Raises IncompleteBody, TooLarge, StorageFull.
        """
        if limit and length is not None and length > limit:
            raise TooLarge(f"At most {limit} bytes can be stored in one document.")
        file = self.home / uuid.uuid4().hex
        with disk_errors():
            fd = os.open(file, _NEW, 0o666)
        try:
            try:
                sha256, size = _take(source, fd, length, limit)
                with disk_errors():
                    # The kernel's own time stamps stand still for milliseconds; two saves must not look alike.
                    now = time.time_ns()
                    os.utime(fd, ns=(now, now))
                    os.fsync(fd)
                    inode = os.fstat(fd).st_ino
            finally:
                os.close(fd)
            yield Staged(file, inode, size, sha256)
        finally:
            discard(file)

    @contextmanager
    def stage_folder(self) -> Iterator[Staged]:
        """An empty folder, to be published whole."""
        file = self.home / uuid.uuid4().hex
        with disk_errors():
            file.mkdir(mode=0o777)
        try:
            yield Staged(file, file.stat().st_ino, 0, None)
        finally:
            discard(file)

    @contextmanager
    def stage_copy(self, path: str, deep: bool) -> Iterator[Staged]:
        """A copy of a document or folder (deep: with all members), synced. Raises NotFound, StorageFull."""
        file = self.home / uuid.uuid4().hex
        try:
            with disk_errors():
                entry = self._tree.look(path)
                if entry is None:
                    raise NotFound("There is nothing to copy under this name.")
                copied: list[Path] = []
                with self._tree.folder(paths.parent(path)) as folder:
                    _copy(folder, entry.name or ".", file, deep, copied)
                if len(copied) > _SYNC_EACH:
                    os.sync()  # one flush for all; the fsyncs below then only report errors
                for each in copied:
                    sync_path(each)
                seen = file.stat()
            yield Staged(file, seen.st_ino, 0 if entry.is_folder else seen.st_size, None)
        finally:
            discard(file)

    def is_alive(self, owner: str) -> bool:
        """Whether the process that a journal entry names still runs."""
        if self._pid == os.getpid() and owner == self._home.name:
            return True
        return not _abandoned(self._all / owner)

    def sweep(self, expected: Collection[str]) -> list[str]:
        """Removes what dead processes left behind; returns what was removed. expected: trash names that the journal still needs."""
        removed = []
        for home in self._all.iterdir():
            if home != self._home and _abandoned(home):
                removed += [f"staging/{left.name}" for left in home.iterdir() if left.name != _ALIVE]
                shutil.rmtree(home, ignore_errors=True)
        for left in self.trash.iterdir():
            if left.name not in expected:
                removed.append(f"trash/{left.name}")
                discard(left)
        return removed

    def close(self) -> None:
        """Gives this process's folder back."""
        if self._pid == os.getpid():
            shutil.rmtree(self._home, ignore_errors=True)
            os.close(self._alive)
            self._pid = 0


def discard(file: Path) -> None:
    """Removes a staged file or folder, if it is still there."""
    try:
        file.unlink(missing_ok=True)
    except OSError:
        shutil.rmtree(file, ignore_errors=True)


def _abandoned(home: Path) -> bool:
    try:
        fd = os.open(home / _ALIVE, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        # Just being made (".new", younger than a minute), or half removed by another sweeper.
        with suppress(OSError):
            return home.suffix != ".new" or home.stat().st_mtime < time.time() - 60
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    return True


def _take(source: Source, fd: int, length: int | None, limit: int) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while length is None or size < length:
        try:
            block = source.read(BLOCK if length is None else min(BLOCK, length - size))
        except (OSError, ValueError) as broken:
            raise IncompleteBody("The upload broke off; nothing was stored. Try again.") from broken
        if not block:
            break
        size += len(block)
        if limit and size > limit:
            raise TooLarge(f"At most {limit} bytes can be stored in one document.")
        digest.update(block)
        with disk_errors():
            view = memoryview(block)
            while view:
                view = view[os.write(fd, view) :]
    if length is not None and size != length:
        raise IncompleteBody(f"The upload ended after {size} of {length} bytes; nothing was stored. Try again.")
    return digest.hexdigest(), size


def _copy(folder: int, name: str, target: Path, deep: bool, copied: list[Path]) -> None:
    """Copies an entry of an open folder, leaving out links, devices and what no door can reach."""
    seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if stat.S_ISDIR(seen.st_mode):
        target.mkdir(mode=0o777)
        if deep:
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            try:
                for member in sorted(os.listdir(below)):
                    if not paths.is_hidden(member):
                        _copy(below, member, target / member, deep, copied)
            finally:
                os.close(below)
    elif stat.S_ISREG(seen.st_mode):
        source = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        with open(source, "rb", buffering=0) as bytes_in, open(os.open(target, _NEW, 0o666), "wb", buffering=0) as bytes_out:
            shutil.copyfileobj(bytes_in, bytes_out, BLOCK)
            now = time.time_ns()
            os.fchmod(bytes_out.fileno(), stat.S_IMODE(seen.st_mode))
            os.utime(bytes_out.fileno(), ns=(now, now))
    else:
        return
    copied.append(target)
