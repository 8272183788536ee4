"""Staging: where bytes wait, durable and invisible, until the rules have said yes.

Every process has a folder of its own below `.davlock/staging`, and beside it a file with an flock on it for as long as it lives:
whoever can lock that file knows that the process is dead, and removes what it left. What has been replaced or deleted waits in
`.davlock/trash` until its decision is committed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from davlock.documents.copying import BLOCK, NEW, Put, copy_file, copy_members, link_or_copy
from davlock.documents.disk import adopt, discard, disk_errors, sync_all, sync_path, write_all
from davlock.documents.tree import Tree
from davlock.errors import IncompleteBody, NotFound, TooLarge

_ALIVE = ".alive"
_ASIDE = ".old"


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

    @property
    def aside(self) -> Path:
        """Where the content waits that these bytes replace, until the decision is committed."""
        return _aside(self.file)

    def putting_aside(self) -> Put:
        """What gives that content a second name."""
        return partial(link_or_copy, self.aside)


class Staging:
    """Staging and trash of one served folder, for this process."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._pid = 0
        self._home = Path()
        self._alive = -1
        self._entering = threading.Lock()
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
        with self._entering:
            if self._pid != os.getpid():
                if self._pid:  # forked: as long as the child had it too, the parent would seem to be alive
                    os.close(self._alive)
                with disk_errors():
                    self._home, self._alive = self._enter()
                self._pid = os.getpid()
        return self._home

    def place(self, owner: str, name: str) -> Path:
        """Where a process that the journal names has staged something."""
        return self._all / owner / name

    @contextmanager
    def stage(self, source: Source, length: int | None, limit: int = 0) -> Iterator[Staged]:
        """Takes an upload, hashed and synced; what is not published within the block is removed.

        length: bytes announced, None if unknown; limit: most bytes taken, 0 for no limit.
        Raises IncompleteBody, TooLarge, StorageFull.
        """
        if limit and length is not None and length > limit:
            raise TooLarge(f"At most {limit} bytes can be stored in one document.")
        with self._room() as file:
            with disk_errors():
                fd = os.open(file, NEW, 0o666)
            try:
                sha256, size = _take(source, fd, length, limit)
                with disk_errors():
                    # The kernel's own time stamps stand still for milliseconds; two saves must not look alike.
                    now = time.time_ns()
                    os.utime(fd, ns=(now, now))
                    os.fsync(fd)
                    staged = Staged(file, os.fstat(fd).st_ino, size, sha256)
            finally:
                os.close(fd)
            yield staged

    @contextmanager
    def stage_folder(self) -> Iterator[Staged]:
        """An empty folder, to be published whole."""
        with self._room() as file:
            with disk_errors():
                file.mkdir(mode=0o777)
                staged = Staged(file, file.stat().st_ino, 0, None)
            yield staged

    @contextmanager
    def stage_copy(self, path: str, deep: bool, into: str) -> Iterator[Staged]:
        """A copy of a document or folder (deep: with all members) for the folder `into`, synced.

        Raises NotFound, StorageFull, Forbidden for a link or a device.
        """
        with self._room() as file:
            with disk_errors():
                self._copy(path, deep, into, file)
                seen = file.stat()
                staged = Staged(file, seen.st_ino, seen.st_size, None)
            yield staged

    @contextmanager
    def stage_content(self, fd: int, into: str) -> Iterator[Staged]:
        """A copy of an open document, which is closed, for the folder `into`, synced."""
        try:
            with os.fdopen(os.dup(fd), "rb", buffering=0) as source, self.stage(source, os.fstat(fd).st_size) as staged:
                staged.file.chmod(os.fstat(fd).st_mode & 0o777)
                self._adopt(staged.file, into)
                yield staged
        finally:
            os.close(fd)

    @contextmanager
    def stage_file(self, file: Path, sha256: str) -> Iterator[Staged]:
        """A whole and synced file of davlock's own under a second name. Raises NotFound."""
        with self._room() as second:
            with disk_errors():
                link_or_copy(file, second)
                seen = second.stat()
            yield Staged(second, seen.st_ino, seen.st_size, sha256)

    def is_alive(self, owner: str) -> bool:
        """Whether the process that a journal entry names still runs."""
        if self._pid == os.getpid() and owner == self._home.name:
            return True
        try:
            fd = os.open(self._all / (owner + _ALIVE), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        except OSError:  # another user's, which cannot be asked
            return True
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(fd)
        return False

    def trashed(self) -> list[str]:
        """The names in the trash. Within a decision: those that the journal does not know are needed by nobody any more."""
        with disk_errors():
            return os.listdir(self.trash)

    def sweep(self, trashed: Iterable[str]) -> list[str]:
        """Removes what dead processes have staged, and these names in the trash; returns what was removed."""
        removed = []
        with disk_errors():
            for name in sorted(os.listdir(self._all)):
                if name.endswith(_ALIVE):
                    removed += self._evict(name.removesuffix(_ALIVE))
                elif not (self._all / (name + _ALIVE)).exists():
                    discard(self._all / name)
        for name in trashed:
            discard(self.trash / name)
            removed.append(f"trash/{name}")
        return removed

    def close(self) -> None:
        """Gives this process's folder back."""
        with self._entering:
            if self._pid == os.getpid():
                discard(self._home)
                discard(self._all / (self._home.name + _ALIVE))
                os.close(self._alive)
                self._pid = 0

    @contextmanager
    def _room(self) -> Iterator[Path]:
        """A name for something staged, which is removed in the end unless it has been renamed to where it belongs."""
        file = self.home / uuid.uuid4().hex
        try:
            yield file
        finally:
            discard(file)
            discard(_aside(file))

    def _enter(self) -> tuple[Path, int]:
        """A new folder for this process, and the descriptor that keeps it."""
        while True:
            home = self._all / uuid.uuid4().hex
            fd = os.open(home.with_suffix(_ALIVE), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
                if os.fstat(fd).st_nlink:  # else a sweeper has taken it, before it was locked, for that of a dead process
                    home.mkdir()
                    return home, fd
            except BaseException:
                os.close(fd)
                raise
            os.close(fd)

    def _evict(self, owner: str) -> list[str]:
        """Removes the folder of a process if it is dead."""
        home, alive = self._all / owner, self._all / (owner + _ALIVE)
        if self._pid == os.getpid() and home == self._home:
            return []
        try:
            fd = os.open(alive, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return []
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left = []
            with suppress(FileNotFoundError):
                self._set_aside(home)
                left = [f"staging/{name}" for name in os.listdir(home)]
            discard(home)
            discard(alive)
            return left
        except OSError:
            return []
        finally:
            os.close(fd)

    def _set_aside(self, home: Path) -> None:
        """Content that was replaced by what a crash has cut off, if it is nowhere else any more, is for a person to look at."""
        for file in home.glob(f"*{_ASIDE}"):
            if file.stat().st_nlink == 1:
                rescued = self._tree.private / "rescued"
                rescued.mkdir(mode=0o700, exist_ok=True)
                os.rename(file, rescued / f"replaced-{file.name}")

    def _copy(self, path: str, deep: bool, into: str, file: Path) -> None:
        entry = self._tree.look(path)
        if entry is None:
            raise NotFound("There is nothing to copy under this name.")
        copied: list[str] = []
        if entry.is_folder:
            with self._tree.folder(path) as source:
                file.mkdir(mode=0o777)
                self._adopt(file, into)  # and its members from it, without further ado
                if deep:
                    copy_members(source, str(file), copied)
        else:
            _, source = self._tree.open(path)
            try:
                copy_file(source, file, os.fstat(source))
            finally:
                os.close(source)
            self._adopt(file, into)
        sync_all([*copied, str(file)])

    def _adopt(self, file: Path, into: str) -> None:
        with suppress(NotFound), self._tree.folder(into) as folder:
            adopt(file, folder)


def _aside(file: Path) -> Path:
    return file.parent / (file.name + _ASIDE)


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
            write_all(fd, block)
    if length is not None and size != length:
        raise IncompleteBody(f"The upload ended after {size} of {length} bytes; nothing was stored. Try again.")
    return digest.hexdigest(), size
