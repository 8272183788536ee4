"""How content that arrives on a checked-out document becomes its draft, and how the published content keeps, or gets back, its name.

The draft is the file `id of the intent` on the shelf of drafts. details of the intent say where the published content is if it is
not in its place: at the path `former`, or in the file `kept` on the shelf of versions.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from davlock import paths
from davlock.documents.commit import undoing
from davlock.documents.copying import Put, link_or_copy
from davlock.documents.disk import discard, disk_errors, sync_folder, sync_path
from davlock.documents.shelf import Shelf
from davlock.documents.staging import Staging
from davlock.documents.tree import Tree
from davlock.errors import DavlockError, NotFound
from davlock.model import Intent


class Drafting:
    """Carries out intents of the kind save."""

    def __init__(self, tree: Tree, staging: Staging, drafts: Shelf, versions: Shelf) -> None:
        self._tree, self._staging, self._drafts, self._versions = tree, staging, drafts, versions

    def carry_out(self, intent: Intent) -> Callable[[], None]:
        with disk_errors():
            spelling = self._spelling(intent)
        undo = undoing(lambda: self._revert(intent, spelling))
        try:
            with disk_errors():
                if intent.source:
                    self._tree.linking(intent.source)(self._draft(intent))
                elif intent.staged:
                    os.rename(self._staged(intent), self._draft(intent))
                self._drafts.sync()
                if put := self._published(intent):
                    self._put_back(put, intent)
                self._take_source(intent)
        except BaseException:
            undo()
            raise
        return undo

    def has_begun(self, intent: Intent) -> bool:
        if self._published(intent):
            return self._tree.inode(intent.target) == intent.inode
        return bool(intent.source) and os.path.lexists(self._trash(intent))

    def finish(self, intent: Intent) -> bool:
        with suppress(NotFound), disk_errors():
            self._take_source(intent)
        for folder in {paths.parent(intent.source or intent.target), paths.parent(intent.target)}:
            with suppress(NotFound), disk_errors(), self._tree.folder(folder) as fd:
                sync_folder(fd)
        return True

    def tidy(self, intent: Intent) -> None:
        discard(self._trash(intent))

    def _draft(self, intent: Intent) -> Path:
        return self._drafts.file(intent.id)

    def _staged(self, intent: Intent) -> Path:
        return self._staging.place(intent.owner, intent.staged)

    def _trash(self, intent: Intent) -> Path:
        return self._staging.trash / intent.id

    def _waiting(self, intent: Intent) -> Path:
        return self._trash(intent).with_suffix(".published")

    def _published(self, intent: Intent) -> Put | None:
        """What puts the published content somewhere, None if it is in its place."""
        details = json.loads(intent.details)
        if details["former"]:
            return self._tree.linking(details["former"])
        return partial(link_or_copy, self._versions.file(details["kept"])) if details["kept"] else None

    def _put_back(self, put: Put, intent: Intent) -> None:
        waiting = self._waiting(intent)
        put(waiting)
        with self._tree.folder(paths.parent(intent.target)) as folder:
            os.rename(waiting, intent.spelling, dst_dir_fd=folder)
            sync_folder(folder)

    def _take_source(self, intent: Intent) -> None:
        if not intent.source or os.path.lexists(self._trash(intent)):
            return
        with self._tree.folder(paths.parent(intent.source)) as folder:
            found = self._tree.child(folder, paths.name(intent.source))
            if found:
                os.rename(found[0], self._trash(intent), src_dir_fd=folder)
                sync_folder(folder)
        sync_path(self._staging.trash)

    def _spelling(self, intent: Intent) -> str:
        """Of the source, on the disk; empty without one. Raises NotFound."""
        if not intent.source:
            return ""
        entry = self._tree.look(intent.source)
        if entry is None:
            raise NotFound("Another program has just removed this on the server.")
        return entry.name

    def _revert(self, intent: Intent, spelling: str) -> None:
        discard(self._waiting(intent))
        if spelling:
            with suppress(FileNotFoundError, DavlockError), self._tree.folder(paths.parent(intent.source)) as folder:
                os.rename(self._trash(intent), spelling, dst_dir_fd=folder)
                sync_folder(folder)
            self._drafts.discard([intent.id])
        elif intent.staged:
            with suppress(FileNotFoundError):
                os.rename(self._draft(intent), self._staged(intent))
        if self._published(intent) and self._tree.inode(intent.target) == intent.inode:
            with self._tree.folder(paths.parent(intent.target)) as folder:
                os.unlink(intent.spelling, dir_fd=folder)
                sync_folder(folder)
