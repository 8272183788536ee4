"""The use cases all doors share: look, read, write, make, delete, copy, move, lock, check out and in, and what hangs on a document."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass

from davlock import rules
from davlock.catalogue import Catalogue, Listed
from davlock.checkouts import CheckedIn, Checkouts, checked_note, checked_text
from davlock.checks import Finding, Inspection, Progress
from davlock.conditions import Conditions, View, Views, unconditionally
from davlock.documents import Committer, Drafting, Reserve, Shelf, Staged, Staging, Temporary, Tree
from davlock.documents.staging import Source
from davlock.drafts import Drafts
from davlock.emptying import Emptying
from davlock.errors import DavlockError, Exists, NoSuchVersion, NotFound, StorageFull, Unavailable
from davlock.identities import Identities
from davlock.journal import ATTEMPTS, Journal, Operation
from davlock.locks import LockManager
from davlock.model import (
    NO_NOTE,
    Act,
    Blocker,
    Caller,
    Change,
    Document,
    Draft,
    Entry,
    Event,
    Lock,
    Note,
    Past,
    Semantics,
    Version,
    Wanted,
)
from davlock.paths import Address
from davlock.policy import Limited, Policy
from davlock.saves import Saves
from davlock.state import Rows, State
from davlock.transfers import Transfers
from davlock.versions import Versions
from davlock.writes import ALONE, MAX_PROPERTIES, NO_CHANGES, Along, Granted, Properties, Writes, Written

__all__ = ["ALONE", "MAX_PROPERTIES", "Along", "CheckedIn", "Granted", "Library", "Properties", "Told", "Upload", "Written"]


@dataclass(frozen=True, slots=True)
class Upload:
    """Content on its way in. length: bytes announced, None if unknown."""

    source: Source
    length: int | None = None


class _CheckedOut(Exception):
    """The caller has the document checked out: what he saves now would be his draft."""


@dataclass(frozen=True, slots=True)
class Told:
    """Events. last: the id after which to ask for more. is_reset: whether those that were asked for are not kept any more."""

    events: list[Event]
    last: int
    is_reset: bool


class Library:
    """Documents, locks and properties of one served folder.

    max_upload: bytes in one document, 0 for no limit. tunnel_seconds: see Identities.seconds.
    """

    def __init__(
        self,
        state: State,
        tree: Tree,
        locks: LockManager | None = None,
        policy: Policy | None = None,
        max_upload: int = 0,
        tunnel_seconds: float = 15,
    ) -> None:
        locks, policy = locks or LockManager(), policy or Policy()
        self._state, self._tree, self._locks, self._policy, self._max_upload = state, tree, locks, policy, max_upload
        self._staging = Staging(tree)
        self._reserve = Reserve(tree.private / "reserve")
        self._temporary = Temporary(tree.private / "temporary")
        shelved, kept = Shelf(tree.private / "drafts"), Shelf(tree.private / "versions")
        self._drafts = Drafts(state, tree, shelved, policy)
        self._versions = Versions(kept, policy)
        self._identities = Identities(tree, self._versions, tunnel_seconds)
        self._committer = Committer(tree, self._staging)
        operations: dict[str, Operation] = {}
        self._journal = Journal(state, self._staging, operations)
        drafting = Drafting(tree, self._staging, shelved, kept)
        self._saves = Saves(tree, self._staging, drafting, self._identities, self._drafts)
        self._views = Views(self._drafts, locks)
        common = (locks, self._identities, self._drafts)
        self._transfers = Transfers(self._journal, tree, self._staging, self._committer, *common, self._saves, self._views)
        self._checkouts = Checkouts(self._journal, self._staging, self._committer, self._views, *common)
        self._emptying = Emptying(self._journal, tree, self._staging, self._committer, locks, self._identities, self._views)
        self._catalogue = Catalogue(self._journal, tree, self._drafts, self._identities, locks)
        doing = (self._transfers, self._checkouts, *common, self._saves, self._views)
        self._writes = Writes(self._journal, tree, self._staging, self._committer, *doing)
        for part in (self._saves, self._transfers, self._checkouts, self._emptying):
            operations |= part.operations()

    @property
    def max_upload(self) -> int:
        """Bytes in one document, 0 for no limit."""
        return self._max_upload

    # looking

    def look(self, path: str, viewer: str) -> Entry | None:
        """What stands at a path, or None, to a principal: the holder of a checkout sees his draft.

        Raises Forbidden for what is never served.
        """
        return self._drafts.look_now(path, viewer)

    def is_folder(self, path: str) -> bool:
        """Whether a folder stands at a path. Raises Forbidden for what is never served."""
        entry = self._tree.look(path)
        return entry is not None and entry.is_folder

    def listing(self, path: str, viewer: str) -> Iterator[Entry]:
        """The members of a folder, as look() has them. Raises NotFound."""
        return self._drafts.listing(path, viewer)

    def open(self, path: str, viewer: str) -> tuple[Entry, int]:
        """A document, as look() has it, and a file descriptor, for the caller to close, on exactly the bytes it describes."""
        return self._drafts.open(path, viewer)[:2]

    def open_with_id(self, path: str, viewer: str) -> tuple[Entry, int, int | None]:
        """The same, and the id of the document, if it has one."""
        return self._drafts.open(path, viewer)

    def reading(self) -> AbstractContextManager[Rows]:
        """One consistent look at locks and properties."""
        return self._state.reading()

    def check_conditions(self, conditions: Conditions, caller: Caller) -> None:
        """Evaluates a reader's conditions. Raises PreconditionFailed."""
        with self._state.reading() as rows:
            conditions(self._views.of(rows, caller))

    def covering(self, rows: Rows, *paths: str) -> list[Lock]:
        """All locks that cover any of the paths."""
        return self._locks.on(rows, *paths)

    def space(self) -> tuple[int, int]:
        """Bytes used and bytes still available where the documents are (RFC 4331)."""
        return self._tree.space()

    def semantics(self, path: str, document: Limited | None = None) -> Semantics:
        """What can be done with the document at a path, by configuration, and by what is known of the document."""
        return self._policy.semantics(path, document)

    @property
    def excludes_some(self) -> bool:
        """Whether there are documents that cannot be checked out by configuration: lists need not ask for each if not."""
        return self._policy.excludes_some

    def can_be_checked_out(self, path: str, document: Limited | None = None) -> bool:
        """Whether the document at a path can be checked out at all. document: what is known of it."""
        return self._policy.can_be_checked_out(path, document)

    # writing

    def write(
        self,
        at: Address,
        source: Source,
        length: int | None,
        caller: Caller,
        conditions: Conditions = unconditionally,
        note: Note = NO_NOTE,
        along: Along = ALONE,
    ) -> Written:
        """Stage, guard, commit (design §3): the bytes of source become the document, whole, or nothing happens.

        While the caller has the document checked out, they become his draft. length: bytes announced, None if unknown.
        Raises Locked, LockLost, PreconditionFailed, IncompleteBody, TooLarge, StorageFull,
        ParentMissing, IsFolder; for what goes along with it Conflict, NoSuchLock, NotHolder, NotCheckedOut, BadRequest.
        What can be refused before the body is read, is.
        """
        with self.receiving(at, source, length, caller, conditions, note, along) as commit:
            return commit()

    @contextmanager
    def receiving(
        self,
        at: Address,
        source: Source,
        length: int | None,
        caller: Caller,
        conditions: Conditions = unconditionally,
        note: Note = NO_NOTE,
        along: Along = ALONE,
    ) -> Iterator[Callable[[], Written]]:
        """write() in two steps: within the block the bytes wait, whole and durable; what it gives commits them.

        Entering raises what can be refused before. What was not committed when it is left is gone.
        """
        note = checked_note(note)
        with self._state.reading() as rows:
            leaned_on = self._writes.permit(rows, at, caller, conditions, frozenset(), along).leaned_on
        try:
            with self._staging.stage(source, length, self._max_upload) as staged:
                yield lambda: self._writes.commit(staged, at, caller, conditions, leaned_on, note, along)
        except StorageFull:
            self._give_up_deleted()
            raise

    def publish(
        self,
        at: Address,
        content: Upload,
        caller: Caller,
        note: Note = NO_NOTE,
        keep: bool = False,
        conditions: Conditions = unconditionally,
    ) -> Written | CheckedIn:
        """Content for all to see: checked in if the caller has the document checked out, saved if he has not.

        keep: as in check_in(). Which of the two it is, the decision says that does it. Raises what check_in() and write() raise.
        """
        with self.publishing(at, content, caller, note, keep, conditions) as commit:
            return commit()

    @contextmanager
    def publishing(
        self,
        at: Address,
        content: Upload,
        caller: Caller,
        note: Note = NO_NOTE,
        keep: bool = False,
        conditions: Conditions = unconditionally,
    ) -> Iterator[Callable[[], Written | CheckedIn]]:
        """publish() in two steps, as receiving() is write()."""
        note = checked_note(note)
        with self._state.reading() as rows:
            own = self._own_checkout(rows, at.path, caller)
            began = self._checkouts.permitted(rows, at.path, caller, conditions).generation if own else None
            leaned_on = frozenset() if own else self._writes.permit(rows, at, caller, conditions, frozenset(), ALONE).leaned_on

        def unless_checked_out(view: View) -> None:
            if self._own_checkout(view.rows, at.path, caller):
                raise _CheckedOut
            conditions(view)

        def commit(staged: Staged) -> Written | CheckedIn:
            if began is None:
                with suppress(_CheckedOut):  # meanwhile, in another program of his
                    return self._writes.commit(staged, at, caller, unless_checked_out, leaned_on, note)
            return self._checkouts.check_in(at, caller, note, keep, staged, began, conditions)

        try:
            with self._staging.stage(content.source, content.length, self._max_upload) as staged:
                yield lambda: commit(staged)
        except StorageFull:
            self._give_up_deleted()
            raise

    def create(
        self,
        at: Address,
        caller: Caller,
        semantics: Semantics = Semantics.VERSIONING,
        comment: str = "",
        conditions: Conditions = unconditionally,
        properties: Mapping[str, str | None] = NO_CHANGES,
    ) -> tuple[Entry, Lock | None]:
        """A new, empty document that is checked out to its maker, if documents of its kind are: what he checks in is its first version.

        semantics: the most that can be done with it from now on. properties: its dead ones, as in change_properties(). Raises Exists,
        ParentMissing, Locked, PreconditionFailed, BadRequest, TooLarge.
        """
        return self._writes.create(at, semantics, caller, comment, conditions, Properties(properties))

    def make_folder(self, at: Address, caller: Caller, conditions: Conditions = unconditionally) -> None:
        """A new folder. Raises Exists, ParentMissing, Locked, PreconditionFailed."""
        with self._staging.stage_folder() as staged, self._journal.deciding() as rows:
            conditions(self._views.of(rows, caller))
            if self._tree.look(at.path):
                raise Exists("Something has this name already.")
            self._tree.require_parent(at.path)
            self._locks.guard(rows, Change(at.path, membership=True), caller)
            rows.if_undone(self._committer.make_folder(staged, at))

    def delete(self, path: str, caller: Caller, conditions: Conditions = unconditionally, for_good: bool = False) -> None:
        """Removes a document, or a folder with everything in it, or nothing. Raises NotFound, Locked, PreconditionFailed.

        for_good: what comes to this path next is another document, whoever puts it there.
        """
        self._reserve.spend(lambda: self._transfers.delete(path, caller, conditions, for_good))

    def delete_content(self, path: str, caller: Caller, conditions: Conditions = unconditionally) -> None:
        """Takes the content of a document away, not the document: its earlier versions stay, and folders show an empty file.

        Nobody may have it checked out, the caller neither. Raises NotFound, IsFolder, Locked, PreconditionFailed.
        """
        self._reserve.spend(lambda: self._emptying.empty(path, caller, conditions))

    def move(self, path: str, to: Address, caller: Caller, conditions: Conditions = unconditionally, overwrite: bool = True) -> bool:
        """Renames; returns whether something was replaced. Raises NotFound, Locked, IntoItself, ParentMissing, PreconditionFailed."""
        return self._transfers.move(path, to, caller, conditions, overwrite)

    def rename(
        self,
        path: str,
        to: Address,
        caller: Caller,
        conditions: Conditions = unconditionally,
        properties: Mapping[str, str | None] = NO_CHANGES,
    ) -> None:
        """Gives a document another path, where nothing is, and changes dead properties of it, both or neither.

        Unlike move() it is never part of a save: each document stays the one that it is. Raises Exists, and what move() and
        change_properties() raise.
        """

        def then(rows: Rows) -> None:
            self._writes.change_properties(rows, to.path, Properties(properties), caller)

        self._transfers.rename(path, to, caller, conditions, properties, then)

    def copy(
        self,
        path: str,
        to: Address,
        caller: Caller,
        conditions: Conditions = unconditionally,
        overwrite: bool = True,
        deep: bool = True,
    ) -> bool:
        """Copies; returns whether something was replaced. Raises what move() raises."""
        return self._transfers.copy(path, to, caller, conditions, overwrite, deep)

    def change_properties(
        self,
        path: str,
        changes: Mapping[str, str | None],
        caller: Caller,
        conditions: Conditions = unconditionally,
        comment: str | None = None,
    ) -> None:
        """Sets (XML of the element) or removes (None) dead properties by Clark name, all or none.

        comment: also what the caller's checkout is for, as describe_checkout() does. Raises NotFound, Locked, PreconditionFailed,
        and TooLarge when the properties would be more than MAX_PROPERTIES characters; with a comment what describe_checkout() raises.
        """
        with self._journal.deciding() as rows:
            entry = self._tree.look(path)
            if entry is None:
                raise NotFound("There is nothing under this name.")
            conditions(self._views.of(rows, caller))
            self._locks.guard(rows, Change(path), caller)
            self._writes.change_properties(rows, path, Properties(changes, comment), caller)

    # locks

    def lock(self, at: Address, wanted: Wanted, caller: Caller, conditions: Conditions = unconditionally) -> Granted:
        """Grants a lock on a document, a folder, or a name that gets an empty document by it. Raises Conflict, Locked."""
        with self._journal.deciding() as rows:
            entry = self._tree.look(at.path)
            conditions(self._views.of(rows, caller))
            if entry:
                return self._writes.acquire(rows, entry, wanted, caller)
        if rules.needs_document(wanted.kind):
            raise NotFound("There is nothing under this name that could be checked out.")
        return self._writes.lock_new(at, wanted, caller, conditions)

    def refresh(self, path: str, caller: Caller, timeout: float | None, conditions: Conditions = unconditionally) -> Granted:
        """Renews the caller's submitted locks for timeout seconds (None: the default). Raises NoSuchLock, NotHolder."""

        def renew() -> Granted:
            with self._journal.deciding() as rows:
                conditions(self._views.of(rows, caller))
                lock = self._locks.refresh(rows, path, caller, timeout)[0]
                entry = self._tree.look(lock.root)
                return self._writes.granted(rows, lock, is_folder=entry is not None and entry.is_folder)

        return self._reserve.spend(renew)

    def unlock(self, path: str, token: str, caller: Caller, conditions: Conditions = unconditionally) -> Lock:
        """Ends the caller's lock, whatever has become of the document. Raises NoSuchLock, NotHolder."""

        def release() -> Lock:
            with self._journal.deciding() as rows:
                conditions(self._views.of(rows, caller))
                return self._locks.release(rows, path, token, caller)

        return self._reserve.spend(release)

    def break_lock(self, token: str, caller: Caller, reason: str) -> Lock:
        """Ends anybody's lock, recorded with the reason. Raises NoSuchLock, Forbidden, BadRequest."""
        reason = checked_text(reason)
        with self._journal.deciding() as rows:
            return self._locks.break_(rows, token, caller, reason)

    def obstacles(self, path: str, caller: Caller) -> dict[Act, tuple[Blocker, ...]]:
        """For each thing that one can do with a document, the locks that forbid it to the caller."""
        with self._state.reading() as rows:
            return self._locks.obstacles(rows, path, caller)

    def all_locks(self) -> list[Lock]:
        """Every lock that stands, by path."""
        with self._state.reading() as rows:
            return rows.locks()

    # checkouts

    def checkout(self, path: str) -> Lock | None:
        """The checkout of the document at a path, whoever holds it."""
        with self._state.reading() as rows:
            return self._checkouts.standing(rows, path)

    def check_out(self, place: str | int, caller: Caller, comment: str = "", conditions: Conditions = unconditionally) -> Lock:
        """Checks a document out; a second time succeeds and changes nothing.

        place: its path or its id. comment: what for, one line of text.
        Raises NotFound, IsFolder, NotForCheckout, Conflict, PreconditionFailed, BadRequest.
        """
        return self._checkouts.check_out(place, caller, comment, conditions)

    def edit(
        self,
        path: str,
        caller: Caller,
        timeout: float | None,
        renew: bool = False,
        reopen: bool = False,
        then: Conditions = unconditionally,
    ) -> Lock:
        """A short-term checkout (EDIT) for timeout seconds (None: the default), proven by the principal alone (MS-FPSE 3.1.5.3.2).

        renew: extends the caller's own; if that ran out, and nobody has it or has changed the document since, it is granted again.
        reopen: asked for a second time it is extended, instead of refused. then: looks at what has become of it, in the same decision.
        Raises Conflict, NoSuchLock, NotFound, IsFolder.
        """
        return self._reserve.spend(lambda: self._checkouts.edit(path, caller, timeout, renew, reopen, then))

    def end_edit(
        self,
        path: str,
        caller: Caller,
        reason: str | None = None,
        conditions: Conditions = unconditionally,
        then: Conditions = unconditionally,
    ) -> Lock:
        """Ends a short-term checkout; a long-term one stays. reason: as for undo(); then: as for edit().

        Returns what has ended. Raises NotCheckedOut, NotHolder, BadRequest.
        """
        return self._reserve.spend(lambda: self._checkouts.end_edit(path, caller, reason, conditions, then))

    def describe_checkout(self, path: str, caller: Caller, comment: str, conditions: Conditions = unconditionally) -> Lock:
        """Sets what the caller says his checkout is for: the comment of the version that it makes, unless another is given then.

        Raises NotCheckedOut, NotHolder, BadRequest, PreconditionFailed.
        """
        return self._checkouts.describe(path, caller, comment, conditions)

    def check_in(
        self,
        at: Address,
        caller: Caller,
        note: Note = NO_NOTE,
        keep: bool = False,
        content: Upload | None = None,
        conditions: Conditions = unconditionally,
    ) -> CheckedIn:
        """Publishes the caller's draft, or content that is given, as one new version, and ends his checkout unless he keeps it.

        Without either there is no new version. Raises NotCheckedOut, NotHolder, StillOpen while an editing session stands on the
        document whose token was not submitted, Locked, LockLost, BadRequest, and for content what write() raises.
        """
        checked_note(note)
        if content is None:
            return self._reserve.spend(lambda: self._checkouts.check_in(at, caller, note, keep, None, None, conditions))
        with self._state.reading() as rows:
            checkout = self._checkouts.permitted(rows, at.path, caller, conditions)
        with self._staging.stage(content.source, content.length, self._max_upload) as staged:
            return self._checkouts.check_in(at, caller, note, keep, staged, checkout.generation, conditions)

    def undo(
        self,
        place: str | int,
        caller: Caller,
        reason: str | None = None,
        conditions: Conditions = unconditionally,
        forced: str | None = None,
    ) -> Lock:
        """Ends a checkout without publishing; the draft is rescued. Somebody else's needs the right for it, and a reason.

        place: path or id of the document. reason: None if only the caller's own is meant; empty is none. forced: what is recorded as the
        reason for ending somebody else's where None is given. Returns what has ended.
        Raises NotFound for an id, NotCheckedOut, NotHolder, BadRequest.
        """
        return self._reserve.spend(lambda: self._checkouts.undo(place, caller, reason, conditions, forced))

    def drafts(self, caller: Caller) -> list[Draft]:
        """The drafts that the caller may have, standing and rescued; all of them for those who may break locks."""
        with self._state.reading() as rows:
            return [draft for draft in rows.drafts() if rules.may_have_draft(draft, caller)]

    def open_draft(self, id: int, caller: Caller) -> tuple[Draft, int]:
        """A rescued draft, and a descriptor, for the caller to close, of its content. Raises NotFound, Forbidden."""
        with self._state.reading() as rows:
            draft = self._checkouts.rescued(rows, id, caller)
        return draft, self._drafts.shelf.open(draft.file)

    def apply_draft(self, id: int, caller: Caller) -> Lock:
        """Checks the document of a rescued draft out, unless the caller has done so, and makes that his draft again.

        What he has written there meanwhile is rescued instead. Raises NotFound, Forbidden, Conflict.
        """
        return self._checkouts.apply(id, caller)

    # versions

    def document(self, path: str) -> Document | None:
        """The document or folder at a path, after what has become of it underneath; None if it has no identity yet."""
        return self._now_known(path, identify=False)

    def identify(self, path: str) -> Document:
        """The document or folder at a path, which gets its identity if it has none. Raises NotFound."""
        document = self._now_known(path, identify=True)
        if document is None:
            raise NotFound("There is nothing under this name.")
        return document

    def deleted(self, path: str) -> Document | None:
        """The document that was last deleted from a path, as long as it is remembered."""
        with self._state.reading() as rows:
            return rows.retired(path)

    def document_with(self, id: int) -> Document | None:
        """The document or folder with this id, wherever it is; its path is None after it was deleted."""
        with self._state.reading() as rows:
            return rows.document_with(id)

    def known(self, id: int) -> Document | None:
        """The document with this id, after what has become of it underneath; None if it was deleted, or is a folder."""
        document = self.document_with(id)
        entry = self._tree.look(document.path) if document and document.path else None
        if document is None or entry is None or entry.is_folder:
            return None
        if document.stamp == entry.stamp:
            return document
        now = self._now_known(entry.path, identify=True)
        return now if now and now.id == id else None

    def listed(self, path: str, viewer: str) -> Listed | None:
        """The document at a path, with its id; None if none is there."""
        return self._catalogue.one(path, viewer)

    def catalogue(self, folder: str, viewer: str, deep: bool, with_entries: bool = True) -> Iterator[Listed]:
        """The documents in a folder, and of each one below it, with their ids and what holds them; how they are only if that is asked."""
        return self._catalogue.below(folder, viewer, deep, with_entries)

    def identify_in(self, folder: str) -> None:
        """Gives the documents in a folder, which have none, their ids. Raises NotFound, Forbidden."""
        self._catalogue.identify_in(folder)

    def open_known(self, id: int, viewer: str) -> tuple[Document, Entry, int]:
        """The document with this id wherever it is, what look() has of it, and a descriptor, for the caller to close, of exactly that.

        Raises NotFound, also if its content was deleted.
        """
        for _ in range(ATTEMPTS):
            document = self.known(id)
            if document is None or document.path is None:
                raise NotFound("There is no document with this number; it may have been deleted.")
            entry, fd = self.open(document.path, viewer)
            now = self.document_with(id)
            if now is None or now.path != document.path:  # another one may have been opened
                os.close(fd)
            elif entry.stamp == now.stamp and not now.has_content:
                os.close(fd)
                raise NotFound("The content of this document was deleted; there is none until something is saved.")
            else:
                return now, entry, fd
        raise Unavailable("This document is being moved all the time; try again.")

    def numbers(self) -> dict[str, int]:
        """The number of everybody who has, or ever had, an account; it never changes, and is never given twice."""
        with self._state.reading() as rows:
            return rows.principals()

    def versions(self, document: Document) -> list[Version]:
        """All versions of a document, the first one first; the last one is what it is now, unless it was deleted."""
        with self._state.reading() as rows:
            return self._versions.of(rows, rows.document_with(document.id) or document)

    def open_version(self, document: Document, number: int) -> tuple[Version, int]:
        """A version, and a descriptor, for the caller to close, of its content. Raises NoSuchVersion."""
        for _ in range(ATTEMPTS):
            with self._state.reading() as rows:
                now = rows.document_with(document.id)
                if now is None or now.path is None or number != now.version:
                    return self._versions.open(rows, document, number)
            with suppress(NotFound):
                entry, fd = self._tree.open(now.path)
                if entry.stamp == now.stamp:
                    return self._versions.newest(now), fd
                os.close(fd)
            with self._journal.deciding() as rows:  # after whoever is just replacing or moving it
                if stands := self._tree.look(now.path):
                    self._identities.observed(rows, stands)
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

        A document that was deleted comes back by that. Raises NoSuchVersion, Locked, and what write() raises.
        """
        version, fd = self.open_version(document, number)
        with os.fdopen(fd, "rb", buffering=0) as content:
            if document.path is None:
                with self._journal.deciding() as rows:
                    self._writes.permit(rows, at, caller, conditions, frozenset())
                    rows.leave(document.id, at.path, caller.principal)  # now: so it is what comes back
            return self.write(at, content, version.size, caller, conditions, Note(comment or f"Version {number} restored"))

    def history(self, path: str) -> list[Past]:
        """The locks and checkouts of a document that have ended, the last one first."""
        with self._state.reading() as rows:
            document = rows.document(path) or rows.retired(path)
            return rows.history(document.id if document else None, path)

    # events

    def events(self, after: int, most: int) -> Told:
        """The first `most` events after the one with this id."""
        with self._state.reading() as rows:
            first, last = rows.event_span()
            if after > last or 0 < after < first - 1:
                return Told([], last, True)
            found = rows.events(after, most)
            return Told(found, found[-1].id if found else max(after, first - 1), False)

    def last_event(self) -> int:
        """The id of the last event, 0 if there has been none."""
        with self._state.reading() as rows:
            return rows.event_span()[1]

    def notice_expired(self) -> None:
        """Lets locks that have run out be told of; they have ended without that."""
        with self._state.reading() as rows:
            if not rows.has_expired():
                return
        with self._state.deciding() as rows:
            rows.end_expired()

    # temporary files

    def temporary_names(self, caller: Caller) -> set[str]:
        """The names of the caller's temporary files."""
        return self._temporary.names(caller.principal)

    def keep_temporary(self, name: str, content: bytes, caller: Caller) -> None:
        """A file for the caller alone, for a day at most. Raises Exists, TooLarge if he has too many of them, StorageFull."""
        self._temporary.keep(caller.principal, name, content)

    def open_temporary(self, name: str, caller: Caller) -> int:
        """A descriptor, for the caller to close, of such a file. Raises NotFound."""
        return self._temporary.open(caller.principal, name)

    def drop_temporary(self, name: str, caller: Caller) -> None:
        """Removes such a file; it need not be there."""
        self._temporary.drop(caller.principal, name)

    # looking after

    def recover(self) -> list[str]:
        """Settles what processes that died have left; returns what was done, in sentences. Serve only afterwards."""
        done = self._journal.recover()
        self._reserve.keep()
        return done

    def forget(self) -> None:
        """Forgets what was kept for its time. To be done now and then."""
        with self._journal.deciding() as rows:
            self._versions.forget(rows)
            self._drafts.forget(rows)
            rows.forget_history(rows.now - self._policy.history_seconds)
            rows.forget_events(rows.now - self._policy.event_seconds)
            now = rows.now
        self._drafts.shelf.clear_aside(now - self._policy.draft_seconds)
        self._temporary.forget(now)

    def tidy(self) -> list[str]:
        """Forgets what was kept for its time, and looks through all drafts and versions; nobody else can decide anything meanwhile.

        Returns the files of versions and drafts that nothing names, such as after a crash, and that were set aside.
        """
        self.forget()
        with self._journal.deciding() as rows:
            self._identities.adopt(rows)
        with self._journal.deciding() as rows:
            return self._versions.sweep(rows) + self._drafts.sweep(rows)

    def check(self, progress: Progress = lambda todo, done: None) -> Iterator[Finding]:
        """Verifies documents, versions, drafts, locks and journal, and repairs what can be.

        progress is told how many bytes there are to read, and then how many more have been.
        """
        return Inspection(self._state, self._tree, self._journal, self._identities, self._versions, self._drafts).run(progress)

    def close(self) -> None:
        """Gives back what this process holds in the folder and in the state."""
        self._staging.close()
        self._state.close()
        self._tree.close()

    def _now_known(self, path: str, identify: bool) -> Document | None:
        entry = self._tree.look(path)
        if entry is None:
            return None
        with self._state.reading() as rows:
            document = rows.document(path)
        if document is None and not identify:
            return None
        if document and (entry.is_folder or document.stamp == entry.stamp):
            return document
        with self._journal.deciding() as rows:
            now = self._tree.look(path)
            if now is None:
                return None
            return self._identities.identify(rows, path) if now.is_folder else self._identities.seen(rows, now)

    def _own_checkout(self, rows: Rows, path: str, caller: Caller) -> Lock | None:
        checkout = self._checkouts.standing(rows, path)
        return checkout if checkout and rules.proves(checkout, caller) else None

    def _give_up_deleted(self) -> None:
        """On a full disk: what is kept of deleted documents gives way to what is to be saved next."""

        def forget() -> None:
            with self._journal.deciding() as rows:
                self._versions.forget_deleted(rows)

        with suppress(DavlockError):
            self._reserve.spend(forget)
