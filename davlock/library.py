"""The use cases all doors share: look, read, write, make, delete, copy, move, lock, check out and in, and what hangs on a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager

from davlock import rules
from davlock.archive import Archive
from davlock.catalogue import Catalogue
from davlock.checkouts import CheckedIn, Checkouts, checked_note, checked_text
from davlock.conditions import Conditions, Views, unconditionally
from davlock.documents import Committer, Drafting, Reserve, Shelf, Staging, Temporary, Tree
from davlock.documents.staging import Source
from davlock.drafts import Drafts
from davlock.emptying import Emptying
from davlock.errors import Exists, NotFound
from davlock.identities import Identities
from davlock.journal import Journal, Operation
from davlock.locks import LockManager
from davlock.model import NO_NOTE, Act, Blocker, Caller, Change, Entry, Lock, Note, Semantics, Wanted
from davlock.outbox import Outbox
from davlock.paths import Address
from davlock.policy import Policy
from davlock.saves import Saves
from davlock.state import Rows, State
from davlock.transfers import Transfers
from davlock.upkeep import Upkeep
from davlock.uploads import Upload, Uploads
from davlock.versions import Versions
from davlock.writes import ALONE, NO_CHANGES, Along, Granted, Properties, Writes, Written


class Library:
    """Documents, locks and properties of one served folder. What has a place of its own in it:

    catalogue: who the documents are, by path, by id, in lists. uploads: content in two steps.
    archive: versions, drafts, what was deleted, what has ended. outbox: events. temporary: people's temporary files.
    policy: what the configuration says of documents. upkeep: recovering, forgetting, checking.

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
        self._state, self._tree, self._locks, self.policy = state, tree, locks, policy
        self._staging = Staging(tree)
        self._reserve = Reserve(tree.private / "reserve")
        shelved, kept = Shelf(tree.private / "drafts"), Shelf(tree.private / "versions")
        self._drafts = Drafts(state, tree, shelved, policy)
        versions = Versions(kept, policy)
        self._identities = Identities(tree, versions, tunnel_seconds)
        self._committer = Committer(tree, self._staging)
        operations: dict[str, Operation] = {}
        self._journal = Journal(state, self._staging, operations)
        drafting = Drafting(tree, self._staging, shelved, kept)
        saves = Saves(tree, self._staging, drafting, self._identities, self._drafts)
        self._views = Views(self._drafts, locks)
        common = (locks, self._identities, self._drafts)
        self._transfers = Transfers(self._journal, tree, self._staging, self._committer, *common, saves, self._views)
        self._checkouts = Checkouts(self._journal, self._staging, self._committer, self._views, *common)
        self._emptying = Emptying(self._journal, tree, self._staging, self._committer, locks, self._identities, self._views)
        doing = (self._transfers, self._checkouts, *common, saves, self._views)
        self._writes = Writes(self._journal, tree, self._staging, self._committer, *doing)
        for part in (saves, self._transfers, self._checkouts, self._emptying):
            operations |= part.operations()
        self.uploads = Uploads(self._journal, self._staging, self._reserve, versions, self._writes, self._checkouts, max_upload)
        self.archive = Archive(self._journal, tree, self._identities, self._checkouts, self.uploads)
        self.catalogue = Catalogue(self._journal, tree, self._drafts, self._identities, locks)
        self.outbox = Outbox(state)
        self.temporary = Temporary(tree.private / "temporary")
        looked_after = (self._identities, versions, self._drafts, self.temporary, self._reserve)
        self.upkeep = Upkeep(self._journal, tree, *looked_after, policy)

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

    def numbers(self) -> dict[str, int]:
        """The number of everybody who has, or ever had, an account; it never changes, and is never given twice."""
        with self._state.reading() as rows:
            return rows.principals()

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
        with self.uploads.receiving(at, source, length, caller, conditions, note, along) as commit:
            return commit()

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
        with self.uploads.publishing(at, content, caller, note, keep, conditions) as commit:
            return commit()

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
        with self._staging.stage(content.source, content.length, self.uploads.max_upload) as staged:
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

    def close(self) -> None:
        """Gives back what this process holds in the folder and in the state."""
        self._staging.close()
        self._state.close()
        self._tree.close()
