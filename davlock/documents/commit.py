"""Commit: the renames by which staged bytes become documents and documents go away.

Called while alone (inside a decision), after the rules have said yes. Every method returns a function that undoes it, for the
case that the decision itself cannot be committed (a full disk); a method that fails has undone what it had begun. An operation of
more than one step is described by an Intent that is already in the journal; `finish` completes one that a crash has cut off.
"""

from __future__ import annotations

import logging
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from davlock import paths
from davlock.documents.copying import NO_HARD_LINKS, Put, link_or_copy
from davlock.documents.disk import adopt, discard, disk_errors, exchange, inherit, sync_folder, sync_path
from davlock.documents.staging import Staged, Staging
from davlock.documents.tree import Tree, entry_of
from davlock.errors import DavlockError, Exists, NotFound
from davlock.model import Entry, Intent
from davlock.paths import Address

Undo = Callable[[], None]
ARRIVING = ".arriving"  # behind the id of an intent, in the trash: what is on its way to its new place
_log = logging.getLogger("davlock")


class Committer:
    """The only code that renames anything in the served folder."""

    def __init__(self, tree: Tree, staging: Staging) -> None:
        self._tree, self._staging = tree, staging

    def publish(self, staged: Staged, at: Address, kept: Path | None = None) -> Undo:
        """Makes staged bytes the content of a document, new or not. Readers see the old or the new file, whole.

        kept: where the content that they replace has a second name already, which undoing may take.
        Durable once sync() of its folder has been done, which decisions that are committed together do together.
        Raises Exists if a folder stands there, or something new that another program has just put there.
        """
        with disk_errors(), self._tree.folder(paths.parent(at.path)) as folder:
            found = self._tree.child(folder, paths.name(at.path))
            if found is None:
                adopt(staged.file, folder)
                _place_new(staged.file, folder, at.spelling)
            else:
                name, old = found
                if not stat.S_ISREG(old.st_mode):
                    raise Exists("A folder has this name.")
                inherit(staged.file, folder, name, old)
                if kept is None:
                    link_or_copy(name, staged.aside, folder)
                os.rename(staged.file, name, dst_dir_fd=folder)
        return undoing(lambda: self._unpublish(at.path, staged, kept))

    def sync(self, folder: str) -> None:
        """Makes what was published in a folder survive a power cut."""
        try:
            with disk_errors(), self._tree.folder(folder) as fd:
                sync_folder(fd)
        except NotFound:
            # Moved or deleted by a decision that will be committed with the one that published: it may be anywhere now.
            os.sync()

    def make_folder(self, staged: Staged, at: Address) -> Undo:
        """Puts a staged folder in its place. Raises Exists."""
        undo = undoing(lambda: self._unpublish(at.path, staged))
        with disk_errors(), self._tree.folder(paths.parent(at.path)) as folder:
            if self._tree.child(folder, paths.name(at.path)):
                raise Exists("Something has this name already.")
            adopt(staged.file, folder)
            os.rename(staged.file, at.spelling, dst_dir_fd=folder)
            try:
                sync_folder(folder)
            except OSError:
                undo()
                raise
        return undo

    def carry_out(self, intent: Intent) -> Undo:
        """Does what the journal says: delete, move or copy (of a staged copy). One rename each, after what was there is aside."""
        with disk_errors(), self._tree.folder(paths.parent(intent.source)) as folder:
            spelling = self._spelling(folder, intent.source) if not intent.staged else ""
        undo = undoing(lambda: self._revert(intent, spelling))
        try:
            with disk_errors():
                if intent.kind == "delete":
                    self._to_trash(intent)
                elif intent.replaces and not self._is_document_for_document(intent):
                    self._take_away(intent)
                    self._change_places(intent)
                else:
                    if intent.replaces:
                        self._keep_target(intent)
                    if intent.kind in ("checkin", "empty"):
                        self._inherit(intent)
                    self._put_in_place(intent)
        except BaseException:
            undo()
            raise
        return undo

    def has_begun(self, intent: Intent) -> bool:
        """Whether anything of what the journal says was already done when its process died."""
        stands = self._tree.inode(intent.target)
        if intent.kind != "delete" and stands == intent.inode:
            return True
        if intent.kind == "move" and os.path.lexists(self._waiting(intent)):
            return True
        return (intent.kind == "delete" or not stands) and os.path.lexists(self.trash(intent))

    def finish(self, intent: Intent) -> bool:
        """Completes what has begun, or takes it back if that is not possible or if nothing had been granted for it yet.

        Returns whether it is done now.
        """
        if intent.kind == "create":
            self._withdraw(intent)
            return False
        done = True
        try:
            with disk_errors():
                self._go_on(intent)
        except DavlockError:  # such as: what should be moved was removed underneath, or the copy with its process
            done = False
            with suppress(NotFound), disk_errors():
                self._revert(intent, paths.name(intent.source))
        # A crash of the machine may have kept the rename from the disk; it is said to be done only now.
        with suppress(NotFound), disk_errors(), self._tree.folder(paths.parent(intent.target)) as folder:
            sync_folder(folder)
        return done

    def tidy(self, intent: Intent) -> None:
        """After the decision is committed: really removes what was deleted or replaced."""
        if intent.replaces:
            discard(self.trash(intent))

    def trash(self, intent: Intent) -> Path:
        """Where what is deleted or replaced is, until the decision is committed."""
        return self._staging.trash / intent.id

    @contextmanager
    def trashed_folder(self, intent: Intent) -> Iterator[Tree | None]:
        """What has been deleted or replaced, if it is a folder."""
        trash = self.trash(intent)
        if not trash.is_dir() or trash.is_symlink():
            yield None
            return
        tree = Tree(trash)
        try:
            yield tree
        finally:
            tree.close()

    def putting_trash(self, intent: Intent) -> Put:
        """What gives what is there a second name."""
        return partial(link_or_copy, self.trash(intent))

    def trashed(self, intent: Intent) -> Entry | None:
        """What has been deleted or replaced, if it is a document."""
        with disk_errors(), suppress(FileNotFoundError):
            seen = os.lstat(self.trash(intent))
            if stat.S_ISREG(seen.st_mode):
                return entry_of(intent.target, intent.spelling, seen)
        return None

    def _spelling(self, folder: int, path: str) -> str:
        """How what stands at a path is spelled in its open folder. Raises NotFound."""
        found = self._tree.child(folder, paths.name(path))
        if found is None:
            raise NotFound("Another program has just removed this on the server.")
        return found[0]

    def _to_trash(self, intent: Intent) -> None:
        with self._tree.folder(paths.parent(intent.source)) as folder:
            os.rename(self._spelling(folder, intent.source), self.trash(intent), src_dir_fd=folder)
            sync_folder(folder)
        sync_path(self._staging.trash)

    def _go_on(self, intent: Intent) -> None:
        if intent.kind == "delete":
            return
        stands, waits = self._tree.inode(intent.target), os.path.lexists(self._waiting(intent))
        if stands == intent.inode:
            if intent.kind == "move" and waits:
                os.rename(self._waiting(intent), self.trash(intent))
        elif stands:
            self._change_places(intent)
        elif intent.kind == "move" and waits:
            with self._tree.folder(paths.parent(intent.target)) as into:
                os.rename(self._waiting(intent), intent.spelling, dst_dir_fd=into)
        else:
            self._put_in_place(intent)

    def _is_document_for_document(self, intent: Intent) -> bool:
        """Whether one rename replaces it; with a folder involved that is not possible."""
        if intent.staged:
            return self._is_document(intent.target) and self._waiting(intent).is_file()
        return self._is_document(intent.target) and self._is_document(intent.source)

    def _waiting(self, intent: Intent) -> Path:
        """Where something waits, out of sight, to change places with the folder that it replaces, or as a staged copy."""
        if intent.staged:
            return self._staging.place(intent.owner, intent.staged)
        return self._staging.trash / f"{intent.id}{ARRIVING}"

    def _take_away(self, intent: Intent) -> None:
        """What is moved is nowhere for a moment: else, when the places are changed, its old name would show what it replaces."""
        if intent.kind == "move":
            with self._tree.folder(paths.parent(intent.source)) as folder:
                os.rename(self._spelling(folder, intent.source), self._waiting(intent), src_dir_fd=folder)
                sync_folder(folder)

    def _change_places(self, intent: Intent) -> None:
        """Puts what waits in the place of what stands at the target, in one instant where the system can do that."""
        waiting = self._waiting(intent)
        with self._tree.folder(paths.parent(intent.target)) as into:
            name = self._spelling(into, intent.target)
            if exchange(waiting, into, name):
                os.rename(waiting, self.trash(intent))
            else:
                os.rename(name, self.trash(intent), src_dir_fd=into)
                os.rename(waiting, intent.spelling, dst_dir_fd=into)
            sync_folder(into)
        sync_path(self._staging.trash)

    def _keep_target(self, intent: Intent) -> None:
        """A second name for a document that is about to be replaced, where that is possible; it stays readable under its own."""
        with self._tree.folder(paths.parent(intent.target)) as folder:
            name = self._spelling(folder, intent.target)
            try:
                os.link(name, self.trash(intent), src_dir_fd=folder, follow_symlinks=False)
            except OSError:
                os.rename(name, self.trash(intent), src_dir_fd=folder)
                sync_path(self._staging.trash)

    def _inherit(self, intent: Intent) -> None:
        """A version is the same document: it has the owner and the mode of the one before."""
        with self._tree.folder(paths.parent(intent.target)) as folder:
            found = self._tree.child(folder, paths.name(intent.target))
            if found:
                waiting, old = self._waiting(intent), found[1]
                inherit(waiting, folder, *found)
                # To whoever asks by the second (If-Modified-Since), it must be another one than what it replaces.
                if waiting.stat().st_mtime_ns // 10**9 == old.st_mtime_ns // 10**9:
                    now = max(time.time_ns(), old.st_mtime_ns + 1)
                    os.utime(waiting, ns=(now, now))
            else:
                adopt(self._waiting(intent), folder)

    def _is_document(self, path: str) -> bool:
        entry = self._tree.look(path)
        return entry is not None and not entry.is_folder

    def _put_in_place(self, intent: Intent) -> None:
        with self._tree.folder(paths.parent(intent.target)) as into:
            if intent.staged:
                os.rename(self._waiting(intent), intent.spelling, dst_dir_fd=into)
            else:
                with self._tree.folder(paths.parent(intent.source)) as out_of:
                    name = self._spelling(out_of, intent.source)
                    os.rename(name, intent.spelling, src_dir_fd=out_of, dst_dir_fd=into)
                    if paths.parent(intent.source) != paths.parent(intent.target):
                        sync_folder(out_of)
            sync_folder(into)

    def _revert(self, intent: Intent, spelling: str) -> None:
        """Back to what was, from however far it had got. spelling: of the source, on the disk.

        Synced only when all is back: a disk that fails at that must not stop it half-way.
        """
        if intent.kind != "delete":
            self._take_back(intent, spelling)
        self._from_trash(intent)
        for folder in {paths.parent(intent.source), paths.parent(intent.target)}:
            self.sync(folder)

    def _take_back(self, intent: Intent, spelling: str) -> None:
        waiting = self._waiting(intent)
        if self._tree.inode(intent.target) == intent.inode:
            with suppress(FileNotFoundError):  # what it has changed places with
                os.rename(waiting, self.trash(intent))
            with self._tree.folder(paths.parent(intent.target)) as into:
                os.rename(self._spelling(into, intent.target), waiting, src_dir_fd=into)
        if intent.kind == "move" and os.path.lexists(waiting):
            with self._tree.folder(paths.parent(intent.source)) as out_of:
                os.rename(waiting, spelling, dst_dir_fd=out_of)

    def _from_trash(self, intent: Intent) -> None:
        with suppress(FileNotFoundError), self._tree.folder(paths.parent(intent.target)) as folder:
            os.rename(self.trash(intent), intent.spelling, dst_dir_fd=folder)
        discard(self.trash(intent))  # of two links to one file, rename() leaves both

    def _unpublish(self, path: str, staged: Staged, kept: Path | None = None) -> None:
        aside = kept or staged.aside
        with self._tree.folder(paths.parent(path)) as folder:
            found = self._tree.child(folder, paths.name(path))
            if found is None or found[1].st_ino != staged.inode:
                return  # changed underneath since
            if os.path.lexists(aside):
                os.rename(aside, found[0], dst_dir_fd=folder)
            elif stat.S_ISDIR(found[1].st_mode):
                os.rmdir(found[0], dir_fd=folder)
            else:
                os.unlink(found[0], dir_fd=folder)
            sync_folder(folder)

    def _withdraw(self, intent: Intent) -> None:
        """Removes the empty document that a lock was to stand on, unless somebody has written into it meanwhile."""
        with suppress(NotFound), disk_errors(), self._tree.folder(paths.parent(intent.target)) as folder:
            found = self._tree.child(folder, paths.name(intent.target))
            if found and found[1].st_ino == intent.inode and stat.S_ISREG(found[1].st_mode) and not found[1].st_size:
                os.unlink(found[0], dir_fd=folder)
                sync_folder(folder)


def undoing(action: Undo) -> Undo:
    """An undo that does not fail: others must be run after it, and the error that led to it is the one to tell."""

    def undo() -> None:
        try:
            action()
        except (OSError, DavlockError):
            _log.exception("what could not be committed could not be undone either")

    return undo


def _place_new(file: Path, folder: int, name: str) -> None:
    """Fails, unlike a rename, if another program has just made a file of this name."""
    try:
        os.link(file, name, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError as error:
        raise Exists("Another program has just made a file of this name on the server.") from error
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
        os.rename(file, name, dst_dir_fd=folder)
