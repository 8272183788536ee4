"""Stage, guard, commit: how one document is written, made, or made to hold a lock (design §3)."""

from __future__ import annotations

from dataclasses import dataclass

from davlock import paths, rules
from davlock.checkouts import Checkouts
from davlock.conditions import Conditions, Views
from davlock.documents import Committer, Staged, Staging, Tree
from davlock.drafts import Drafts
from davlock.errors import IsFolder, NotFound, Unavailable
from davlock.identities import Identities
from davlock.journal import ATTEMPTS, Journal, Plan
from davlock.locks import LockManager
from davlock.model import Caller, Change, Entry, Intent, Kind, Lock, Note, Wanted
from davlock.paths import Address
from davlock.saves import Saves
from davlock.state import Rows
from davlock.transfers import Transfers


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a write: the document as it is now, and whether there was none before."""

    entry: Entry
    created: bool


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

    def permit(self, rows: Rows, at: Address, caller: Caller, conditions: Conditions, leaned_on: frozenset[int]) -> Permit:
        """Whether somebody may write at a path now, and what that leans on. leaned_on: see LockManager.guard()."""
        conditions(self.views.of(rows, caller))
        entry = self.tree.look(at.path)
        if entry and entry.is_folder:
            raise IsFolder("This is a folder; only a document has content that can be written.")
        if entry is None:
            self.tree.require_parent(at.path)
        change = Change(at.path, membership=entry is None)
        leans_on = self.locks.guard(rows, change, caller, leaned_on)
        held = self.locks.on(rows, at.path)
        checkout = rules.checkout_of(at.path, caller.principal, held)
        return Permit(entry, leans_on, checkout, rules.session(at.path, caller, held))

    def commit(self, staged: Staged, at: Address, caller: Caller, conditions: Conditions, leaned_on: frozenset[int], note: Note) -> Written:
        """Staged bytes become the document, or the caller's draft of it. leaned_on: what permit() said before they were staged."""
        for _ in range(ATTEMPTS):
            if self._comes_back(at, caller) and self._save(staged, at, caller, conditions, leaned_on):
                entry = self.drafts.look_now(at.path, caller.principal)
                if entry is None:
                    raise NotFound("Another program has just removed this on the server.")
                return Written(entry, True)
            with self.journal.deciding() as rows:
                permit = self.permit(rows, at, caller, conditions, leaned_on)
                if permit.entry or not self.identities.returning(rows, at.path, caller.principal):
                    return self._commit(rows, permit, staged, at, caller, note)
        raise Unavailable("Others keep changing what this is about; nothing was changed. Try again.")

    def _commit(self, rows: Rows, permit: Permit, staged: Staged, at: Address, caller: Caller, note: Note) -> Written:
        if permit.checkout:  # also if another program has removed what is published
            self.drafts.take(rows, staged, permit.checkout, caller)
            if mine := self.drafts.look(rows, at.path, caller.principal):
                return Written(mine, False)
            raise Unavailable("Your draft cannot be read at the moment; try again.")
        if permit.entry:
            self.identities.keep(rows, permit.entry, permit.session)
        new = self._publish(rows, staged, at)
        put = staged.putting_aside() if permit.entry else None
        self.identities.published(rows, permit.entry, new, staged.sha256 or "", caller, put, note, permit.session)
        return Written(new, permit.entry is None)

    def _comes_back(self, at: Address, caller: Caller) -> bool:
        """Whether a document that the caller has checked out comes back when he fills this name."""
        if self.tree.look(at.path):
            return False
        with self.journal.state.reading() as rows:
            return self.identities.returning(rows, at.path, caller.principal) is not None

    def _save(self, staged: Staged, at: Address, caller: Caller, conditions: Conditions, leaned_on: frozenset[int]) -> bool:
        """Lets a document that is checked out come back to its name with staged bytes as its draft; whether that was possible."""

        def plan(rows: Rows, id: str) -> Intent:
            stands = self.permit(rows, at, caller, conditions, leaned_on).entry
            return self._coming_back(rows, id, at, stands, caller, staged)

        return self._carried_out(plan)

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

    def _carried_out(self, plan: Plan) -> bool:
        try:
            self.journal.carry_out(plan)
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

    def acquire(self, rows: Rows, entry: Entry, wanted: Wanted, caller: Caller) -> Granted:
        if wanted.kind is Kind.LOCK:
            self.identities.observed(rows, entry)
            lock = self.locks.acquire(rows, wanted, caller)
        else:
            lock = self.checkouts.acquire(rows, entry, wanted, caller)
        return self.granted(rows, lock, entry.is_folder)

    def granted(self, rows: Rows, lock: Lock, is_folder: bool, created: bool = False) -> Granted:
        return Granted(lock, created, is_folder, rows.now)

    def _publish(self, rows: Rows, staged: Staged, at: Address) -> Entry:
        folder = paths.parent(at.path)
        rows.if_undone(self.committer.publish(staged, at))
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


class _NoSave(Exception):
    """It is an ordinary write after all."""


class _Nothing:
    """An empty upload."""

    def read(self, size: int, /) -> bytes:
        return b""
