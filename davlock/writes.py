"""Stage, guard, commit: how one document is written, made, or made to hold a lock (design §3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from davlock import events, paths, rules
from davlock.checkouts import Checkouts, checked_text
from davlock.conditions import Conditions, Views
from davlock.documents import Committer, Staged, Staging, Tree
from davlock.drafts import Drafts
from davlock.errors import Exists, IsFolder, NotFound, TooLarge, Unavailable
from davlock.identities import Identities
from davlock.journal import ATTEMPTS, Journal, Plan
from davlock.locks import LockManager
from davlock.model import Caller, Change, Document, Entry, Intent, Kind, Lock, Note, Semantics, Wanted
from davlock.paths import Address
from davlock.saves import Saves
from davlock.state import Rows
from davlock.transfers import Transfers

MAX_PROPERTIES = 1024 * 1024  # characters, of one document: they are sent along with every listing that asks for everything


NO_CHANGES: Mapping[str, str | None] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Properties:
    """Dead properties to set (XML of the element) or to remove (None), by Clark name. comment: what the caller's checkout is for."""

    changes: Mapping[str, str | None] = field(default_factory=lambda: NO_CHANGES)
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Along:
    """What happens together with a write, in one decision: all of it or nothing. After a crash in the middle of that, the content may
    be there without the rest: as after any write, nobody has been told then that it was done.

    wanted: a lock to take, in whose session the write is. token: of the caller's lock that he writes under, which must stand; then it
    is renewed for `renew` seconds, unless that is None, or ended. properties: what sets them, asked when all of the content is there.
    """

    wanted: Wanted | None = None
    token: str | None = None
    renew: float | None = None
    end: bool = False
    properties: Callable[[], Properties] | None = None


ALONE = Along()


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a write: the document as it is now, its id, whether there was none before. lock: that of Along, if it stands now."""

    entry: Entry
    id: int
    created: bool
    lock: Granted | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    """A lock that was granted or renewed, and what a door tells of it.

    created: whether an empty document was made to hold it (RFC 4918 §9.10.4). is_folder: what its root is.
    now: the state's clock, Unix seconds.
    """

    lock: Lock
    created: bool
    is_folder: bool
    now: float


@dataclass(frozen=True, slots=True)
class Writes:
    """Writes of single documents."""

    journal: Journal
    tree: Tree
    staging: Staging
    committer: Committer
    transfers: Transfers
    checkouts: Checkouts
    locks: LockManager
    identities: Identities
    drafts: Drafts
    saves: Saves
    views: Views

    def permit(
        self, rows: Rows, at: Address, caller: Caller, conditions: Conditions, leaned_on: frozenset[int], along: Along = ALONE
    ) -> Permit:
        """Whether somebody may write at a path now, and what that leans on. leaned_on: see LockManager.guard()."""
        conditions(self.views.of(rows, caller))
        entry = self.tree.look(at.path)
        if entry and entry.is_folder:
            raise IsFolder("This is a folder; only a document has content that can be written.")
        if entry is None:
            self.tree.require_parent(at.path)
        standing = self.locks.standing(rows, at.path)
        change = Change(at.path, membership=entry is None)
        leans_on = self.locks.guard(rows, change, caller, leaned_on, standing)
        if along.token is not None:
            self.locks.submitted(rows, at.path, _naming(caller, along.token))
        if along.wanted:
            self.locks.check(rows, along.wanted, caller)
        held = [lock for lock in standing if rules.covers(lock, at.path)]
        checkout = rules.checkout_of(at.path, caller.principal, held)
        return Permit(entry, leans_on, checkout, rules.session(at.path, caller, held))

    def commit(
        self,
        staged: Staged,
        at: Address,
        caller: Caller,
        conditions: Conditions,
        leaned_on: frozenset[int],
        note: Note,
        along: Along = ALONE,
    ) -> Written:
        """Staged bytes become the document, or the caller's draft of it. leaned_on: what permit() said before they were staged."""
        for _ in range(ATTEMPTS):
            with self.journal.deciding() as rows:
                permit = self.permit(rows, at, caller, conditions, leaned_on, along)
                if permit.entry or not self.identities.returning(rows, at.path, caller.principal):
                    if lock := self._take(rows, along, permit.entry, caller):
                        permit = replace(permit, session=lock.generation)
                    written = self._commit(rows, permit, staged, at, caller, note)
                    return replace(written, lock=self._go_along(rows, at.path, along, lock, caller))
            # A document that he has checked out comes back to this name.
            if saved := self._save(staged, at, caller, conditions, leaned_on, along):
                return saved
        raise Unavailable("Others keep changing what this is about; nothing was changed. Try again.")

    def change_properties(self, rows: Rows, path: str, properties: Properties, caller: Caller) -> None:
        """Dead properties of what stands at a path. Raises TooLarge; with a comment NotCheckedOut, NotHolder, BadRequest."""
        if properties.comment is not None:
            self.checkouts.comment(rows, path, caller, properties.comment)
        document = self._describe(rows, path, properties)
        if properties.changes and not self._is_folder(path):
            rows.add_events([events.described(document, properties.changes, caller.principal, caller.door)])

    def _describe(self, rows: Rows, path: str, properties: Properties) -> Document:
        document = self.identities.identify(rows, path)
        rows.change_properties(document.id, properties.changes)
        if sum(len(name) + len(xml) for name, xml in rows.properties(document.id).items()) > MAX_PROPERTIES:
            raise TooLarge(f"The properties of one document can have at most {MAX_PROPERTIES} characters together.")
        return document

    def _is_folder(self, path: str) -> bool:
        entry = self.tree.look(path)
        return entry is not None and entry.is_folder

    def _take(self, rows: Rows, along: Along, entry: Entry | None, caller: Caller) -> Lock | None:
        """The lock that is wanted with a write. entry: what stands there."""
        if along.wanted is None:
            return None
        return self.acquire(rows, entry, along.wanted, caller).lock if entry else self.locks.acquire(rows, along.wanted, caller)

    def _go_along(self, rows: Rows, path: str, along: Along, taken: Lock | None, caller: Caller) -> Granted | None:
        """The rest of what happens together with a write, once that is done; the lock that stands then."""
        if along.properties:
            self.change_properties(rows, path, along.properties(), caller)
        if along.token is not None:
            named = _naming(caller, along.token)
            if along.end:
                self.locks.release(rows, path, along.token, caller)
            elif along.renew is not None:
                taken = self.locks.refresh(rows, path, named, along.renew)[0]
            else:
                taken = self.locks.submitted(rows, path, named)[0]
        return self.granted(rows, taken, is_folder=False) if taken else None

    def _commit(self, rows: Rows, permit: Permit, staged: Staged, at: Address, caller: Caller, note: Note) -> Written:
        if permit.checkout:  # also if another program has removed what is published
            draft = self.drafts.take(rows, staged, permit.checkout, caller)
            if mine := self.drafts.look(rows, at.path, caller.principal):
                return Written(mine, draft.document, False)
            raise Unavailable("Your draft cannot be read at the moment; try again.")
        kept = self.identities.keep(rows, permit.entry, permit.session) if permit.entry else None
        new = self._publish(rows, staged, at, kept)
        put = staged.putting_aside() if permit.entry and not kept else None
        document = self.identities.published(rows, permit.entry, new, staged.sha256 or "", caller, put, note, permit.session)
        return Written(new, document.id, permit.entry is None)

    def _comes_back(self, at: Address, caller: Caller) -> bool:
        """Whether a document that the caller has checked out comes back when he fills this name."""
        if self.tree.look(at.path):
            return False
        with self.journal.state.reading() as rows:
            return self.identities.returning(rows, at.path, caller.principal) is not None

    def _save(
        self, staged: Staged, at: Address, caller: Caller, conditions: Conditions, leaned_on: frozenset[int], along: Along
    ) -> Written | None:
        """Lets a document that is checked out come back to its name with staged bytes as its draft; None if that is not possible."""
        done: list[tuple[int, Granted | None]] = []

        def plan(rows: Rows, id: str) -> Intent:
            stands = self.permit(rows, at, caller, conditions, leaned_on, along).entry
            return self._coming_back(rows, id, at, stands, caller, staged)

        def then(rows: Rows) -> None:
            lock = self._take(rows, along, self.tree.look(at.path), caller)
            done.append((self.identities.identify(rows, at.path).id, self._go_along(rows, at.path, along, lock, caller)))

        if not self._carried_out(plan, then):
            return None
        entry = self.drafts.look_now(at.path, caller.principal)
        if entry is None:
            raise NotFound("Another program has just removed this on the server.")
        ((id, lock),) = done
        return Written(entry, id, True, lock)

    def _bring_back(self, at: Address, wanted: Wanted, caller: Caller, conditions: Conditions) -> bool:
        """Lets it come back as it is, because the lock that is wanted on its name can be granted then; whether that was possible."""

        def plan(rows: Rows, id: str) -> Intent:
            stands = self.permit(rows, at, caller, conditions, frozenset()).entry
            intent = self._coming_back(rows, id, at, stands, caller, None)
            self.locks.check(rows, wanted, caller, self.identities.coming_locks(rows, at.path, caller.principal))
            return intent

        return self._carried_out(plan)

    def _coming_back(self, rows: Rows, id: str, at: Address, stands: Entry | None, caller: Caller, staged: Staged | None) -> Intent:
        intent = None if staged is None and stands else self.saves.intended(rows, id, at, stands, caller, staged)
        if intent is None:
            raise _NoSave
        return intent

    def _carried_out(self, plan: Plan, then: Callable[[Rows], None] | None = None) -> bool:
        try:
            self.journal.carry_out(plan, then)
        except _NoSave:
            return False
        return True

    def lock_new(self, at: Address, wanted: Wanted, caller: Caller, conditions: Conditions) -> Granted:
        granted: list[Granted] = []
        with self.staging.stage(_Nothing(), 0) as staged:

            def decide(rows: Rows) -> None:
                conditions(self.views.of(rows, caller))
                if entry := self.tree.look(at.path):  # somebody was quicker: then it is an ordinary lock
                    granted.append(self.acquire(rows, entry, wanted, caller))
                    return
                self.tree.require_parent(at.path)
                self.locks.guard(rows, Change(at.path, membership=True), caller)
                lock = self.locks.acquire(rows, wanted, caller)
                new = self._publish(rows, staged, at)
                self.identities.published(rows, None, new, staged.sha256 or "", caller, None, session=lock.generation)
                granted.append(self.granted(rows, lock, is_folder=False, created=True))

            if self._comes_back(at, caller) and self._bring_back(at, wanted, caller, conditions):
                with self.journal.deciding() as rows:
                    decide(rows)
            else:
                self.transfers.create(at, staged, caller, decide)
        return granted[0]

    def create(
        self, at: Address, semantics: Semantics, caller: Caller, comment: str, conditions: Conditions, properties: Properties
    ) -> tuple[Entry, Lock | None]:
        """See Library.create()."""
        made: list[tuple[Entry, Lock | None]] = []
        with self.staging.stage(_Nothing(), 0) as staged:

            def decide(rows: Rows) -> None:
                conditions(self.views.of(rows, caller))
                if self.tree.look(at.path):
                    raise Exists("Something has this name already; choose another one.")
                self.tree.require_parent(at.path)
                self.locks.guard(rows, Change(at.path, membership=True), caller)
                self.identities.begin(rows, at.path, caller.principal)
                new = self._publish(rows, staged, at)
                document = self.identities.published(rows, None, new, staged.sha256 or "", caller, None)
                rows.limit_semantics(document.id, semantics)
                self._describe(rows, at.path, properties)
                lock = None
                if self.drafts.policy.semantics(at.path, replace(document, semantics=semantics)) is not Semantics.NONE:
                    lock = self.checkouts.acquire(rows, new, Wanted(Kind.CHECKOUT, at.path, comment=checked_text(comment)), caller)
                    rows.record_version(replace(document, session=lock.generation))
                made.append((new, lock))

            self.transfers.create(at, staged, caller, decide)
        return made[0]

    def acquire(self, rows: Rows, entry: Entry, wanted: Wanted, caller: Caller) -> Granted:
        if wanted.kind is Kind.LOCK:
            self.identities.observed(rows, entry)
            lock = self.locks.acquire(rows, wanted, caller)
        else:
            lock = self.checkouts.acquire(rows, entry, wanted, caller)
        return self.granted(rows, lock, entry.is_folder)

    def granted(self, rows: Rows, lock: Lock, is_folder: bool, created: bool = False) -> Granted:
        return Granted(lock, created, is_folder, rows.now)

    def _publish(self, rows: Rows, staged: Staged, at: Address, kept: Path | None = None) -> Entry:
        folder = paths.parent(at.path)
        rows.if_undone(self.committer.publish(staged, at, kept))
        rows.before_commit(folder, lambda: self.committer.sync(folder))
        entry = self.tree.look(at.path)
        if entry is None:
            raise NotFound("Another program has just removed this on the server.")
        return entry


@dataclass(frozen=True, slots=True)
class Permit:
    """A write that may be: what it replaces, the locks it leans on, the checkout whose draft it is, the session it belongs to."""

    entry: Entry | None
    leaned_on: frozenset[int]
    checkout: Lock | None
    session: int | None


def _naming(caller: Caller, token: str) -> Caller:
    """The caller with this one token submitted."""
    return replace(caller, tokens=frozenset((token,)))


class _NoSave(Exception):
    """It is an ordinary write after all."""


class _Nothing:
    """An empty upload."""

    def read(self, size: int, /) -> bytes:
        return b""
