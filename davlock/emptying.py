"""Deleting the content of a document that stays itself: an empty one, known as none, is its newest version (rest.md §7, DELETE Content)."""

from __future__ import annotations

import io
from dataclasses import dataclass

from davlock import rules
from davlock.conditions import Conditions, Views
from davlock.documents import Committer, Staged, Staging, Tree
from davlock.errors import IsFolder, Locked, NotFound
from davlock.identities import Identities
from davlock.journal import Journal, Operation
from davlock.locks import LockManager, told
from davlock.model import Blocker, Caller, Change, Entry, Intent, Note
from davlock.state import Rows

_NOTE = Note("Content deleted")


@dataclass(frozen=True, slots=True)
class Emptying:
    """The file is replaced by an empty one, and the state says that this is no content: both or, after a crash, neither."""

    journal: Journal
    tree: Tree
    staging: Staging
    committer: Committer
    locks: LockManager
    identities: Identities
    views: Views

    def operations(self) -> dict[str, Operation]:
        """What the journal needs, by kind of intent."""
        return {"empty": Operation(self.committer, self._settle)}

    def empty(self, path: str, caller: Caller, conditions: Conditions) -> None:
        """See Library.delete_content()."""
        with self.journal.state.reading() as rows:
            entry, document = self._permitted(rows, path, caller, conditions), rows.document(path)
        if document and document.stamp == entry.stamp and not document.has_content:
            return
        with self.staging.stage(io.BytesIO(), 0) as staged:
            self.journal.carry_out(lambda rows, id: self._intent(id, self._permitted(rows, path, caller, conditions), caller, staged))

    def _permitted(self, rows: Rows, path: str, caller: Caller, conditions: Conditions) -> Entry:
        """What stands there, if its content may be deleted."""
        entry = self.tree.look(path)
        if entry is None:
            raise NotFound("There is nothing under this name.")
        if entry.is_folder:
            raise IsFolder("This is a folder; it has no content of its own.")
        conditions(self.views.of(rows, caller))
        if checkout := rules.keeps_content(path, self.locks.on(rows, path)):
            raise Locked(told(checkout), (Blocker(checkout, path),))
        self.locks.guard(rows, Change(path), caller)
        return entry

    def _intent(self, id: str, entry: Entry, caller: Caller, staged: Staged) -> Intent:
        whose = (caller.principal, caller.door, self.staging.home.name, staged.file.name)
        return Intent(id, "empty", entry.path, entry.path, entry.name, staged.inode, True, *whose, staged.sha256 or "")

    def _settle(self, rows: Rows, intent: Intent) -> None:
        """Makes the rows say that what stands there is no content, and what stood there an earlier version."""
        if new := self.tree.look(intent.target):
            old, put = self.committer.trashed(intent), self.committer.putting_trash(intent)
            caller = Caller(intent.principal, door=intent.door)
            document = self.identities.published(rows, old, new, intent.details, caller, put, _NOTE)
            rows.mark_emptied(document.id, document.change)
