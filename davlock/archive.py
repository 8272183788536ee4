"""What is kept beside the documents: what they were, what has held them, and what the holders of checkouts have left."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass

from davlock import rules
from davlock.checkouts import Checkouts
from davlock.conditions import Conditions, unconditionally
from davlock.documents import Tree
from davlock.errors import NoSuchVersion, NotFound
from davlock.identities import Identities
from davlock.journal import ATTEMPTS, Journal
from davlock.model import Caller, Document, Draft, Lock, Note, Past, Version
from davlock.paths import Address
from davlock.uploads import Uploads
from davlock.writes import Written


@dataclass(frozen=True, slots=True)
class Archive:
    """Versions, deleted documents, ended locks and drafts of a served folder."""

    journal: Journal
    tree: Tree
    identities: Identities
    checkouts: Checkouts
    uploads: Uploads

    def versions(self, document: Document) -> list[Version]:
        """All versions of a document, the first one first; the last one is what it is now, unless it was deleted."""
        with self.journal.state.reading() as rows:
            return self.identities.versions.of(rows, rows.document_with(document.id) or document)

    def open_version(self, document: Document, number: int) -> tuple[Version, int]:
        """A version, and a descriptor, for the caller to close, of its content. Raises NoSuchVersion."""
        for _ in range(ATTEMPTS):
            with self.journal.state.reading() as rows:
                now = rows.document_with(document.id)
                if now is None or now.path is None or number != now.version:
                    return self.identities.versions.open(rows, document, number)
            with suppress(NotFound):
                entry, fd = self.tree.open(now.path)
                if entry.stamp == now.stamp:
                    return self.identities.versions.newest(now), fd
                os.close(fd)
            with self.journal.deciding() as rows:  # after whoever is just replacing or moving it
                if stands := self.tree.look(now.path):
                    self.identities.observed(rows, stands)
        raise NoSuchVersion(f"Version {number} has just been replaced by another one; try again.")

    def restore(
        self,
        document: Document,
        number: int,
        at: Address,
        caller: Caller,
        comment: str = "",
        conditions: Conditions = unconditionally,
    ) -> Written:
        """Stores the content of a version at a path: as the newest version of what stands there, or as the caller's draft of it.

        A document that was deleted comes back by that. Raises NoSuchVersion, Locked, and what Library.write() raises.
        """
        version, fd = self.open_version(document, number)
        with os.fdopen(fd, "rb", buffering=0) as content:
            if document.path is None:
                with self.journal.deciding() as rows:
                    self.uploads.writes.permit(rows, at, caller, conditions, frozenset())
                    rows.leave(document.id, at.path, caller.principal)  # now: so it is what comes back
            note = Note(comment or f"Version {number} restored")
            with self.uploads.receiving(at, content, version.size, caller, conditions, note) as commit:
                return commit()

    def deleted(self, path: str) -> Document | None:
        """The document that was last deleted from a path, as long as it is remembered."""
        with self.journal.state.reading() as rows:
            return rows.retired(path)

    def history(self, path: str) -> list[Past]:
        """The locks and checkouts of a document that have ended, the last one first."""
        with self.journal.state.reading() as rows:
            document = rows.document(path) or rows.retired(path)
            return rows.history(document.id if document else None, path)

    def drafts(self, caller: Caller) -> list[Draft]:
        """The drafts that the caller may have, standing and rescued; all of them for those who may break locks."""
        with self.journal.state.reading() as rows:
            return [draft for draft in rows.drafts() if rules.may_have_draft(draft, caller)]

    def open_draft(self, id: int, caller: Caller) -> tuple[Draft, int]:
        """A rescued draft, and a descriptor, for the caller to close, of its content. Raises NotFound, Forbidden."""
        with self.journal.state.reading() as rows:
            draft = self.checkouts.rescued(rows, id, caller)
        return draft, self.checkouts.drafts.shelf.open(draft.file)

    def apply_draft(self, id: int, caller: Caller) -> Lock:
        """Checks the document of a rescued draft out, unless the caller has done so, and makes that his draft again.

        What he has written there meanwhile is rescued instead. Raises NotFound, Forbidden, Conflict.
        """
        return self.checkouts.apply(id, caller)
