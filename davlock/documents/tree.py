"""The served folder, read: paths to entries, one component at a time, no symbolic link ever followed.

A name is looked for as it is (NFC); only if it is not there, and could be spelled otherwise, among the names of its folder.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_IFDIR, S_IFREG, ST_CTIME, ST_INO, ST_MODE, ST_MTIME, ST_SIZE
from types import TracebackType

from davlock import paths
from davlock.documents.copying import Put, link_or_copy
from davlock.documents.disk import disk_errors
from davlock.errors import Exists, Forbidden, IsFolder, NotFound, ParentMissing
from davlock.model import Entry

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_ENTRY = tuple.__new__  # half of what Entry() takes
_NO_CONTENT = "This is a folder; it has no content of its own."
# The only ASCII characters that are the NFC form of another one (Kelvin sign, Greek question mark, Greek varia).
_MAY_BE_SPELLED_OTHERWISE = re.compile(r"[^\x00-\x7f]|[K;`]")

Names = tuple[list[str], list[str]]  # of members of a folder: their paths, and how they are spelled


class Tree:
    """root is the served folder; it must exist."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve(strict=True)
        self._root_fd = os.open(self.root, _FOLDER)

    @property
    def private(self) -> Path:
        """davlock's own folder, on the same file system."""
        return self.root / paths.PRIVATE

    def close(self) -> None:
        """Lets go of the root folder."""
        os.close(self._root_fd)

    def look(self, path: str) -> Entry | None:
        """What stands at a path, or None. Raises Forbidden for links and devices, which are never served."""
        if path == paths.ROOT:
            return entry_of(paths.ROOT, "", os.fstat(self._root_fd))
        with suppress(NotFound), disk_errors(), self.folder(paths.parent(path)) as folder:
            if found := self.child(folder, paths.name(path)):
                return entry_of(path, *found)
        return None

    def inode(self, path: str) -> int:
        """The inode of whatever stands at a path, links and devices too; 0 if nothing does."""
        with suppress(NotFound), disk_errors(), self.folder(paths.parent(path)) as folder:
            if found := self.child(folder, paths.name(path)):
                return found[1].st_ino
        return 0

    def open(self, path: str) -> tuple[Entry, int]:
        """A document and a file descriptor on exactly the bytes that the entry describes. Raises NotFound, IsFolder, Forbidden."""
        if path == paths.ROOT:
            raise IsFolder(_NO_CONTENT)
        with disk_errors(), self.folder(paths.parent(path)) as folder:
            found = self.child(folder, paths.name(path))
            if found is None:
                raise NotFound("There is nothing under this name.")
            name, seen = found
            if not stat.S_ISREG(seen.st_mode):  # before it is opened: opening a device can do something
                _document(path, name, seen)
            fd = os.open(name, _FILE, dir_fd=folder)
            try:
                return _document(path, name, os.fstat(fd)), fd
            except BaseException:
                os.close(fd)
                raise

    def listing(self, path: str) -> Iterator[Entry]:
        """The members of a folder, without what no door can reach. Raises NotFound. One that vanishes meanwhile is left out."""
        with disk_errors(), self.folder(path) as shared, readable(shared) as folder, os.scandir(folder) as members:
            prefix = paths.join(path, "")
            otherwise: dict[str, str] = {}
            is_plain = paths.is_plain
            for member in members:
                name = member.name
                if not is_plain(name) or path == "/api":
                    key = paths.canonical_name(name)
                    if paths.is_hidden(name) or paths.is_reserved(prefix + key):
                        continue
                    if key != name:
                        otherwise[key] = min(name, otherwise.get(key, name))
                        continue
                try:
                    yield entry_of(prefix + name, name, member.stat(follow_symlinks=False))
                except (OSError, Forbidden):
                    continue
            for key, name in otherwise.items():
                # Of several spellings of one name, the one that look() finds is the one that counts.
                with suppress(OSError, Forbidden):
                    if not os.access(key, os.F_OK, dir_fd=folder, follow_symlinks=False):
                        yield entry_of(prefix + key, name, os.stat(name, dir_fd=folder, follow_symlinks=False))

    def names(self, path: str) -> tuple[Names, Names]:
        """The documents and the folders in a folder as listing() has them, by path, without a look at each. Raises NotFound."""
        with disk_errors(), self.folder(path) as shared, readable(shared) as folder, os.scandir(folder) as found:
            members = list(found)
            documents = [member.name for member in members if member.is_file(follow_symlinks=False)]
            folders = []
            if len(documents) < len(members):
                folders = [member.name for member in members if member.is_dir(follow_symlinks=False)]
        prefix = paths.join(path, "")
        if path != "/api" and paths.are_plain(documents) and paths.are_plain(folders):
            documents.sort()
            folders.sort()
            return ([prefix + name for name in documents], documents), ([prefix + name for name in folders], folders)
        spelled: dict[str, list[str]] = {}
        for name in (*documents, *folders):
            key = paths.canonical_name(name)
            if not (paths.is_hidden(name) or paths.is_reserved(prefix + key)):
                spelled.setdefault(key, []).append(name)
        # Of several spellings of one name, the one that look() finds is the one that counts.
        shown = sorted((prefix + key, key if key in names else min(names)) for key, names in spelled.items())
        is_folder = set(folders).__contains__
        some, others = ([each for each in shown if is_folder(each[1]) == wanted] for wanted in (False, True))
        return ([path for path, _ in some], [name for _, name in some]), ([path for path, _ in others], [name for _, name in others])

    def require_parent(self, path: str) -> None:
        """Raises ParentMissing unless the folder that a path is in exists, Exists for the root itself."""
        if path == paths.ROOT:
            raise Exists("The root folder exists already.")
        folder = self.look(paths.parent(path))
        if folder is None or not folder.is_folder:
            raise ParentMissing("The folder that this should go into does not exist; create it first.")

    def linking(self, path: str) -> Put:
        """What gives a document a second name, outside of the tree. Raises NotFound."""

        def link(target: str | Path) -> None:
            with disk_errors(), self.folder(paths.parent(path)) as folder:
                found = self.child(folder, paths.name(path))
                if found is None or not stat.S_ISREG(found[1].st_mode):
                    raise NotFound("There is no such document.")
                link_or_copy(found[0], target, folder)

        return link

    def space(self) -> tuple[int, int]:
        """Bytes used and bytes available to this process on the file system of the root."""
        with disk_errors():
            seen = os.fstatvfs(self._root_fd)
        return (seen.f_blocks - seen.f_bfree) * seen.f_frsize, seen.f_bavail * seen.f_frsize

    def folder(self, path: str) -> _Folder:
        """A block with an open descriptor of a folder, reached without following links; `readable` makes one to be listed.

        Raises NotFound, Forbidden.
        """
        return _Folder(self, path)

    def reach(self, path: str) -> int:
        """The same descriptor, for `leave`."""
        fd = self._root_fd
        if path != paths.ROOT:
            for name in path[1:].split("/"):
                try:
                    below = self._enter(fd, name)
                finally:
                    self.leave(fd)
                fd = below
        return fd

    def leave(self, fd: int) -> None:
        """Closes what `reach` has opened."""
        if fd != self._root_fd:
            os.close(fd)

    def _enter(self, folder: int, name: str) -> int:
        with suppress(OSError):  # whatever it is, a closer look tells
            return os.open(name, _FOLDER, dir_fd=folder)
        found = self.child(folder, name)
        if found is None or not stat.S_ISDIR(found[1].st_mode):
            raise NotFound("There is no such folder.")
        return os.open(found[0], _FOLDER, dir_fd=folder)

    def child(self, folder: int, name: str) -> tuple[str, os.stat_result] | None:
        """How a canonical name is spelled in an open folder, and its lstat; None if it is not there."""
        try:
            return name, os.stat(name, dir_fd=folder, follow_symlinks=False)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENAMETOOLONG):
                raise
        if _MAY_BE_SPELLED_OTHERWISE.search(name):
            with readable(folder) as own:
                spellings = [other for other in os.listdir(own) if not other.isascii() and paths.canonical_name(other) == name]
            with suppress(FileNotFoundError):  # gone since
                for other in sorted(spellings):
                    if not paths.is_hidden(other):
                        return other, os.stat(other, dir_fd=folder, follow_symlinks=False)
        return None


class _Folder:
    """See Tree.folder(). A class, because every request reaches a folder, and a generator takes three times as long."""

    __slots__ = ("_fd", "_path", "_tree")

    def __init__(self, tree: Tree, path: str) -> None:
        self._tree, self._path = tree, path

    def __enter__(self) -> int:
        self._fd = self._tree.reach(self._path)
        return self._fd

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._tree.leave(self._fd)


@contextmanager
def readable(folder: int) -> Iterator[int]:
    """A block with another descriptor of an open folder, to read its names with.

    Reading moves a position that belongs to the open file: that of the root, with every dup() of it, is shared by all threads.
    """
    own = os.open(".", _FOLDER, dir_fd=folder)
    try:
        yield own
    finally:
        os.close(own)


def _document(path: str, name: str, seen: os.stat_result) -> Entry:
    entry = entry_of(path, name, seen)
    if entry.is_folder:
        raise IsFolder(_NO_CONTENT)
    return entry


def entry_of(path: str, name: str, seen: os.stat_result) -> Entry:
    """What is seen of a file or folder. Raises Forbidden for links and devices."""
    # By number, because listings do it for thousands: attributes take twice as long, and times as floats even longer.
    kind = seen[ST_MODE] & 0o170000
    if kind == S_IFREG:
        is_folder, size = False, seen[ST_SIZE]
    elif kind == S_IFDIR:
        is_folder, size = True, 0
    else:
        raise Forbidden("This is a link or a device on the server's disk, not a document; it is not served.")
    modified, changed = seen[ST_MTIME], seen[ST_CTIME]
    created = modified if modified < changed else changed
    return _ENTRY(Entry, (path, name, is_folder, size, seen[ST_INO], seen.st_mtime_ns, created))
