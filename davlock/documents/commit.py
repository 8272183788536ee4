"""Commit: the renames by which staged bytes become documents and documents go away.

Called while alone (inside a decision), after the rules have said yes. Every method returns a function that undoes it, for the
case that the decision itself cannot be committed (a full disk). An operation of more than one step is described by an Intent
that is already in the journal; `finish` completes one that a crash has cut off.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from davlock import paths
from davlock.documents.disk import disk_errors, sync_folder, sync_path
from davlock.documents.staging import Staged, Staging, discard
from davlock.documents.tree import Tree
from davlock.errors import Exists
from davlock.model import Intent
from davlock.paths import Address

Undo = Callable[[], None]
_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.EACCES}


class Committer:
    """The only code that renames anything in the served folder."""

    def __init__(self, tree: Tree, staging: Staging) -> None:
        self._tree, self._staging = tree, staging

    def publish(self, staged: Staged, at: Address) -> Undo:
        """Makes staged bytes the content of a document, new or not. Readers see the old or the new file, whole.

        Durable once sync() of its folder has been done, which decisions that are committed together do together.
        Raises Exists if a folder stands there, or something new that another program has just put there.
        """
        with disk_errors(), self._tree.folder(paths.parent(at.path)) as folder:
            found = self._tree.child(folder, paths.name(at.path))
            if found is None:
                _place_new(staged.file, folder, at.spelling)
                return lambda: self._unpublish(at.path, staged.inode)
            name, old = found
            if not stat.S_ISREG(old.st_mode):
                raise Exists("A folder has this name.")
            aside = staged.file.with_suffix(".old")
            _inherit(staged.file, old)
            _set_aside(folder, name, aside)
            try:
                os.rename(staged.file, name, dst_dir_fd=folder)
            except OSError:
                self._restore(aside, folder, name)
                raise
        return lambda: self._unpublish(at.path, staged.inode, aside)

    def sync(self, folder: str) -> None:
        """Makes what was published in a folder survive a power cut."""
        with disk_errors(), self._tree.folder(folder) as fd:
            sync_folder(fd)

    def settle(self, staged: Staged) -> None:
        """After the decision is committed: lets go of the content that was replaced."""
        discard(staged.file.with_suffix(".old"))

    def make_folder(self, staged: Staged, at: Address) -> Undo:
        """Puts a staged folder in its place. Raises Exists."""
        with disk_errors(), self._tree.folder(paths.parent(at.path)) as folder:
            if self._tree.child(folder, paths.name(at.path)):
                raise Exists("Something has this name already.")
            os.rename(staged.file, at.spelling, dst_dir_fd=folder)
            sync_folder(folder)
        return lambda: self._unpublish(at.path, staged.inode)

    def carry_out(self, intent: Intent) -> Undo:
        """Does what the journal says: delete, move or copy (of a staged copy). One rename each, after what was there is aside."""
        with disk_errors():
            if intent.kind == "delete":
                self._to_trash(intent.source, intent.id)
                return lambda: self._from_trash(intent.id, intent.source)
            spelling = intent.spelling
            if intent.replaces:
                spelling = self._clear(intent)
            try:
                self._put_in_place(intent, spelling)
            except OSError:
                if intent.replaces:
                    self._from_trash(intent.id, intent.target)
                raise
        return lambda: self._take_back(intent)

    def has_begun(self, intent: Intent) -> bool:
        """Whether anything of what the journal says was already done when its process died."""
        if intent.kind == "delete":
            return os.path.lexists(self._staging.trash / intent.id)
        entry = self._tree.look(intent.target)
        if entry is not None:
            return entry.inode == intent.inode
        return intent.replaces and os.path.lexists(self._staging.trash / intent.id)

    def finish(self, intent: Intent) -> None:
        """Completes what has begun."""
        if intent.kind == "create":
            self._unpublish(intent.target, intent.inode)
        elif intent.kind != "delete" and self._tree.look(intent.target) is None:
            with disk_errors():
                self._put_in_place(intent, intent.spelling)
        # A crash of the machine may have kept the rename from the disk; it is said to be done only now.
        with disk_errors(), self._tree.folder(paths.parent(intent.target)) as folder:
            sync_folder(folder)

    def empty_trash(self, intent: Intent) -> None:
        """After the decision is committed: really removes what was deleted or replaced."""
        discard(self._staging.trash / intent.id)

    def _clear(self, intent: Intent) -> str:
        """Sets aside what stands at the target; a document that a document replaces stays readable until that moment."""
        with self._tree.folder(paths.parent(intent.target)) as folder:
            found = self._tree.child(folder, paths.name(intent.target))
            if found is None:
                return intent.spelling
            name, old = found
            comes = self._coming(intent)
            if stat.S_ISREG(old.st_mode) and stat.S_ISREG(comes):
                _set_aside(folder, name, self._staging.trash / intent.id)
            else:
                os.rename(name, self._staging.trash / intent.id, src_dir_fd=folder)
            return name

    def _coming(self, intent: Intent) -> int:
        if intent.kind == "copy":
            return (self._staged(intent)).lstat().st_mode
        with self._tree.folder(paths.parent(intent.source)) as folder:
            found = self._tree.child(folder, paths.name(intent.source))
            return found[1].st_mode if found else 0

    def _put_in_place(self, intent: Intent, spelling: str) -> None:
        with self._tree.folder(paths.parent(intent.target)) as into:
            if intent.kind == "copy":
                os.rename(self._staged(intent), spelling, dst_dir_fd=into)
            else:
                with self._tree.folder(paths.parent(intent.source)) as out_of:
                    found = self._tree.child(out_of, paths.name(intent.source))
                    os.rename(found[0] if found else "", spelling, src_dir_fd=out_of, dst_dir_fd=into)
                    sync_folder(out_of)
            sync_folder(into)

    def _staged(self, intent: Intent) -> Path:
        return self._staging.trash.parent / "staging" / intent.owner / intent.staged

    def _take_back(self, intent: Intent) -> None:
        with self._tree.folder(paths.parent(intent.target)) as into:
            found = self._tree.child(into, paths.name(intent.target))
            name = found[0] if found else intent.spelling
            if intent.kind == "copy":
                os.rename(name, self._staged(intent), src_dir_fd=into)
            else:
                with self._tree.folder(paths.parent(intent.source)) as out_of:
                    os.rename(name, paths.name(intent.source), src_dir_fd=into, dst_dir_fd=out_of)
                    sync_folder(out_of)
            sync_folder(into)
        if intent.replaces:
            self._from_trash(intent.id, intent.target)

    def _to_trash(self, path: str, id: str) -> None:
        with self._tree.folder(paths.parent(path)) as folder:
            found = self._tree.child(folder, paths.name(path))
            os.rename(found[0] if found else paths.name(path), self._staging.trash / id, src_dir_fd=folder)
            sync_folder(folder)
        sync_path(self._staging.trash)

    def _from_trash(self, id: str, path: str) -> None:
        with self._tree.folder(paths.parent(path)) as folder:
            self._restore(self._staging.trash / id, folder, paths.name(path))

    def _unpublish(self, path: str, inode: int, old: Path | None = None) -> None:
        with self._tree.folder(paths.parent(path)) as folder:
            found = self._tree.child(folder, paths.name(path))
            if found is None or found[1].st_ino != inode:
                return
            if old is not None:
                self._restore(old, folder, found[0])
            elif stat.S_ISDIR(found[1].st_mode):
                os.rmdir(found[0], dir_fd=folder)
            else:
                os.unlink(found[0], dir_fd=folder)
            sync_folder(folder)

    @staticmethod
    def _restore(aside: Path, folder: int, name: str) -> None:
        with suppress(FileNotFoundError):
            os.rename(aside, name, dst_dir_fd=folder)
        discard(aside)  # rename() of two links to one file does nothing, successfully
        sync_folder(folder)


def _set_aside(folder: int, name: str, aside: Path) -> None:
    """A second name for a file that is about to be replaced; on file systems without hard links, its only one."""
    try:
        os.link(name, aside, src_dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        os.rename(name, aside, src_dir_fd=folder)


def _place_new(file: Path, folder: int, name: str) -> None:
    """Fails, unlike a rename, if another program has just made a file of this name."""
    try:
        os.link(file, name, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError as error:
        raise Exists("Another program has just made a file of this name on the server.") from error
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        os.rename(file, name, dst_dir_fd=folder)


def _inherit(file: Path, old: os.stat_result) -> None:
    """The mode and, where we may, the owner of the file that is replaced; a time stamp later than its."""
    seen = file.stat()
    if (seen.st_uid, seen.st_gid) != (old.st_uid, old.st_gid):
        with suppress(PermissionError):
            os.chown(file, old.st_uid, old.st_gid)
    if stat.S_IMODE(seen.st_mode) != stat.S_IMODE(old.st_mode):
        os.chmod(file, stat.S_IMODE(old.st_mode) & 0o777)
    if seen.st_mtime_ns <= old.st_mtime_ns < seen.st_mtime_ns + 86_400_000_000_000:
        os.utime(file, ns=(seen.st_atime_ns, old.st_mtime_ns + 1))
