"""Drafts: what the holder of a checkout has written, seen by nobody else, and never lost (design §2).

Each save is a new file; the row of the draft says which one counts. When the checkout ends without a check-in, the draft stays
where it is and is called rescued, until the configured time is over.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from davlock import paths
from davlock.documents import Shelf, Staged, Tree
from davlock.documents.tree import entry_of
from davlock.errors import NotFound, Unavailable
from davlock.model import Caller, Draft, Ending, Entry, Known, Lock, next_stamp
from davlock.policy import Policy
from davlock.state import Rows, State

ATTEMPTS = 100  # a draft that is saved again, each time between the look at its row and the look at its file


@dataclass(frozen=True, slots=True)
class Drafts:
    """All drafts of a served folder, and how the folder looks to those who have some."""

    state: State
    tree: Tree
    shelf: Shelf
    policy: Policy

    # how it looks

    def look(self, rows: Rows, path: str, viewer: str) -> Entry | None:
        """What stands at a path, to the principal `viewer`. Within a decision. Raises Forbidden for what is never served."""
        entry = self.tree.look(path)
        if entry and entry.is_folder:
            return entry
        draft = rows.draft_on(path, viewer)
        seen = self.shelf.look(draft.file) if draft else None
        return _drafted(entry, path, seen) if seen else entry

    def look_now(self, path: str, viewer: str) -> Entry | None:
        """The same, from outside. First the row, then the file: or the holder could see what was published before his check-in."""
        for _ in range(ATTEMPTS):
            draft, _ = self.state.remembered(_known_of, path, viewer)
            entry = self.tree.look(path)
            if draft is None or (entry and entry.is_folder):
                return entry
            with suppress(NotFound):
                return self._shown(entry, path, draft)
        raise _restless()

    def listing(self, path: str, viewer: str) -> Iterator[Entry]:
        """The members of a folder, to the principal `viewer`. Raises NotFound."""
        drafts = self.state.remembered(_drafts_in, path, viewer)
        entries = self.tree.listing(path)
        return self._listing(entries, drafts, viewer) if drafts else entries

    def open(self, path: str, viewer: str) -> tuple[Entry, int, int | None]:
        """A document, a descriptor, for the caller to close, on exactly the bytes it describes, and its id if it has one.

        Raises NotFound, IsFolder, Forbidden.
        """
        for _ in range(ATTEMPTS):
            draft, known = self.state.remembered(_known_of, path, viewer)
            entry = self.tree.look(path) if draft else None
            if draft is None or (entry and entry.is_folder):
                entry, fd = self.tree.open(path)
                return entry, fd, self._id(path, known, entry) if known else None
            with suppress(NotFound):  # saved again meanwhile, or checked in
                fd = self.shelf.open(draft.file)
                return _drafted(entry, path, os.fstat(fd)), fd, draft.document
        raise _restless()

    def _id(self, path: str, known: Known, entry: Entry) -> int | None:
        """The id of what was opened. known: of the path, before that; another document may have been moved there meanwhile."""
        _, id, _, _, *stamp, _, _ = known
        if stamp[0] is None or tuple(stamp) == entry.stamp:
            return id
        with self.state.reading() as rows:
            now = rows.known_at(path)
        return id if now and now[1] == id else None

    def _listing(self, entries: Iterator[Entry], drafts: dict[str, Draft], viewer: str) -> Iterator[Entry]:
        for entry in entries:
            if entry.path not in drafts:
                yield entry
                continue
            try:
                yield self._shown(entry, entry.path, drafts[entry.path])
            except NotFound:
                if now := self.look_now(entry.path, viewer):
                    yield now

    def _shown(self, entry: Entry | None, path: str, draft: Draft) -> Entry:
        seen = self.shelf.look(draft.file)
        if seen is None:
            raise NotFound("This draft has just become another one.")
        return _drafted(entry, path, seen)

    # how it becomes

    def take(self, rows: Rows, staged: Staged, checkout: Lock, caller: Caller) -> Draft:
        """Staged bytes become the draft of a checkout."""
        name = new_name()
        rows.if_undone(self.shelf.take(staged.file, name))
        return self.record(rows, checkout, name, staged.size, staged.sha256 or "", caller.door)

    def record(self, rows: Rows, checkout: Lock, file: str, size: int, sha256: str, door: str) -> Draft:
        """A file on the shelf is the draft of a checkout from now on, instead of the one that was."""
        assert checkout.document is not None
        former = rows.draft_of(checkout.token)
        whose = (checkout.document, checkout.token, checkout.root, checkout.principal)
        document = rows.document_with(checkout.document)
        last = former.stamped if former else document.stamped if document else None
        stamps = (rows.next_generation(), next_stamp(rows.now, last))
        draft = Draft(former.id if former else 0, *whose, file, size, sha256, rows.now, door, None, None, "", "", *stamps)
        rows.before_commit("drafts", self.shelf.sync)
        if former is None:
            return rows.add_draft(draft)
        rows.renew_draft(draft)
        rows.after_commit(partial(self.shelf.discard, [former.file]))
        return draft

    def rescue(self, rows: Rows, document: int, path: str, principal: str, file: str, size: int, sha256: str, door: str) -> None:
        """A file on the shelf is a rescued draft from now on: there is no checkout any more that it could be the draft of."""
        rows.before_commit("drafts", self.shelf.sync)
        rows.add_draft(Draft(0, document, "", path, principal, file, size, sha256, rows.now, door, rows.now, Ending.REPLACED))

    def drop(self, rows: Rows, draft: Draft) -> None:
        """Forgets a draft that has become a version."""
        rows.drop_draft(draft.id)
        rows.after_commit(partial(self.shelf.discard, [draft.file]))

    def forget(self, rows: Rows) -> None:
        """Forgets the drafts that were rescued long ago."""
        for draft in rows.surplus_drafts(rows.now - self.policy.draft_seconds):
            self.drop(rows, draft)

    def sweep(self, rows: Rows) -> list[str]:
        """Sets aside the files that no row names; returns them. In a decision of its own, which drops none."""
        return self.shelf.set_aside({draft.file for draft in rows.drafts()})


def _drafts_in(rows: Rows, folder: str, viewer: str) -> dict[str, Draft]:
    return rows.drafts_in(folder, viewer)


def _known_of(rows: Rows, path: str, viewer: str) -> tuple[Draft | None, Known | None]:
    """What decides what a viewer finds at a path. No checkout with a draft ends by itself, so the time has no part in it."""
    return rows.draft_on(path, viewer), rows.known_at(path)


def new_name() -> str:
    """A name that no file on a shelf has had."""
    return uuid.uuid4().hex


def _drafted(entry: Entry | None, path: str, content: os.stat_result) -> Entry:
    """A document as the holder of a draft sees it; entry is None if another program has removed what is published."""
    entry = entry or entry_of(path, paths.name(path), content)
    return entry._replace(size=content.st_size, inode=content.st_ino, modified_ns=content.st_mtime_ns)


def _restless() -> Unavailable:
    return Unavailable("Your draft cannot be read at the moment; try again, and if that does not help, undo your checkout.")
