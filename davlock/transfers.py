"""DELETE, COPY and MOVE of documents and whole folders: one decision, one visible instant, nothing half done after a crash.

First the intent is written down, then, in a second decision, everything is asked again, renamed and settled. If the process
dies between the rename and the commit, whoever decides next finds the intent, sees that the rename has happened and settles it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from davlock import paths, rules
from davlock.documents import Committer, Staged, Staging, Tree
from davlock.errors import Conflict, DavlockError, Exists, Forbidden, IntoItself, NotFound, ParentMissing, PreconditionFailed, Unavailable
from davlock.identities import Identities
from davlock.locks import LockManager
from davlock.model import Blocker, Caller, Change, Entry, Intent, Lock
from davlock.paths import Address
from davlock.state import Rows, State

ATTEMPTS = 8  # a target that appears and vanishes between the two decisions, again and again


@dataclass(frozen=True, slots=True)
class View:
    """What a caller's conditions (If, If-Match …) may look at, at the moment of the decision."""

    rows: Rows
    tree: Tree
    manager: LockManager

    def entry(self, path: str) -> Entry | None:
        """What stands at a path."""
        return self.tree.look(path)

    def locks(self, path: str) -> list[Lock]:
        """The locks that cover a path."""
        return self.manager.on(self.rows, path)


Conditions = Callable[[View], None]


def unconditionally(view: View) -> None:
    """No conditions."""


@dataclass(frozen=True, slots=True)
class Transfers:
    """The operations that rename more than one upload into place."""

    state: State
    tree: Tree
    staging: Staging
    committer: Committer
    locks: LockManager
    identities: Identities
    underway: set[str] = field(default_factory=set)  # intents that this process has in the journal

    @contextmanager
    def deciding(self) -> Iterator[Rows]:
        """A decision, on a folder and rows that belong together: what a dead process left between them is settled first."""
        with self.state.deciding() as rows:
            settled = self._settle_begun(rows)
            waiting = rows.intents()
            yield rows
            for intent in waiting:
                # What another one was about to do has just been done by this decision: nobody may settle it once more.
                if self.committer.has_begun(intent):
                    rows.remove_intent(intent.id)
        for intent in settled:
            self.committer.empty_trash(intent)

    def recover(self) -> list[str]:
        """Settles or forgets what dead processes left, and removes their files. Returns what was done, in sentences."""
        with self.state.deciding() as rows:
            before = {intent.id: intent for intent in rows.intents()}
            settled = {intent.id for intent in self._settle_begun(rows)}
            expected = {intent.id for intent in rows.intents()}
            trashed = [name for name in self.staging.trashed() if name.partition(".")[0] not in expected]
        done = [
            f"completed an interrupted {intent.kind} of {intent.source}"
            if id in settled
            else f"dropped an interrupted {intent.kind} of {intent.source}"
            for id, intent in before.items()
            if id not in expected
        ]
        return done + [f"removed {left}" for left in self.staging.sweep(trashed)]

    def delete(self, path: str, caller: Caller, conditions: Conditions) -> None:
        """Removes a document or a folder with everything in it. Raises NotFound, Locked, PreconditionFailed."""

        def plan(rows: Rows, id: str) -> Intent:
            entry = self._existing(rows, path, conditions)
            if path == paths.ROOT:
                raise Forbidden("The root folder cannot be deleted.")
            self.locks.guard(rows, Change(path, tree=True, membership=True), caller)
            return self._intent(id, "delete", path, Address(path, entry.name), entry.inode, True, caller)

        self._carry_out(plan)

    def move(self, path: str, to: Address, caller: Caller, conditions: Conditions, overwrite: bool) -> bool:
        """Renames; returns whether something was replaced. Locks stay behind and end, checkouts go along (design §2)."""

        def plan(rows: Rows, id: str) -> Intent:
            entry = self._existing(rows, path, conditions)
            self.locks.guard(rows, Change(path, tree=True, membership=True), caller)
            replaced = self._target(rows, path, to, caller, overwrite)
            self._check_arrivals(rows, path, to.path)
            if replaced and replaced.inode == entry.inode:
                raise Forbidden("Both names belong to one and the same file on the server's disk.")
            return self._intent(id, "move", path, _onto(replaced, to), entry.inode, replaced is not None, caller)

        return self._carry_out(plan).replaces

    def copy(self, path: str, to: Address, caller: Caller, conditions: Conditions, overwrite: bool, deep: bool) -> bool:
        """Copies, a folder with all its members if deep; returns whether something was replaced. Copies no locks."""

        def ask(rows: Rows) -> Entry | None:
            self._existing(rows, path, conditions)
            return self._target(rows, path, to, caller, overwrite)

        with self.state.reading() as rows:
            ask(rows)
        with self.staging.stage_copy(path, deep, paths.parent(to.path)) as staged:

            def plan(rows: Rows, id: str) -> Intent:
                replaced = ask(rows)
                return self._intent(id, "copy", path, _onto(replaced, to), staged.inode, replaced is not None, caller, staged)

            return self._carry_out(plan).replaces

    def create(self, at: Address, staged: Staged, caller: Caller, decide: Callable[[Rows], None]) -> None:
        """Runs decide(), which publishes the staged document and grants something with it: both or, after a crash, neither."""

        def plan(rows: Rows, id: str) -> Intent:
            return self._intent(id, "create", at.path, at, staged.inode, False, caller)

        with self._journalled(plan) as (rows, _):
            decide(rows)

    def _existing(self, rows: Rows, path: str, conditions: Conditions) -> Entry:
        view = View(rows, self.tree, self.locks)
        entry = view.entry(path)
        if entry is None:
            raise NotFound("There is nothing under this name.")
        conditions(view)
        return entry

    def _target(self, rows: Rows, source: str, to: Address, caller: Caller, overwrite: bool) -> Entry | None:
        if to.path == source or paths.is_below(to.path, source) or paths.is_below(source, to.path):
            raise IntoItself("Something cannot be copied or moved onto itself, into itself or onto a folder that it is in.")
        require_parent(self.tree, to.path)
        existing = self.tree.look(to.path)
        if existing and not overwrite:
            raise PreconditionFailed("Something has this name already, and it was asked not to overwrite it.")
        # The tree in any case: of a folder that was removed underneath, checkouts may still stand.
        self.locks.guard(rows, Change(to.path, tree=True, membership=existing is None), caller)
        return existing

    def _check_arrivals(self, rows: Rows, source: str, target: str) -> None:
        """Raises Conflict if a checkout that goes along cannot stand beside the locks at its new place (design §2)."""
        arriving = _at_or_below(rows, source)
        for lock in filter(rules.travels, arriving):
            place = paths.rebase(lock.root, source, target)
            staying = [other for other in self.locks.on(rows, place) if rules.stays(other, target, arriving)]
            if conflicting := rules.arrival_conflicts(lock, place, staying):
                raise Conflict(
                    "A document that is checked out cannot be moved to where it is locked otherwise.",
                    tuple(Blocker(other, place) for other in conflicting),
                )

    def _intent(
        self, id: str, kind: str, source: str, to: Address, inode: int, replaces: bool, caller: Caller, staged: Staged | None = None
    ) -> Intent:
        names = (self.staging.home.name, staged.file.name if staged else "")
        return Intent(id, kind, source, to.path, to.spelling, inode, replaces, caller.principal, caller.door, *names)

    def _carry_out(self, plan: Callable[[Rows, str], Intent]) -> Intent:
        for _ in range(ATTEMPTS):
            with suppress(_Changed):
                with self._journalled(plan) as (rows, intent):
                    if intent not in rows.intents() or plan(rows, intent.id) != intent:
                        raise _Changed
                    rows.if_undone(self.committer.carry_out(intent))
                    self._settle(rows, intent)
                self.committer.empty_trash(intent)
                return intent
        raise Unavailable("Others keep changing what this is about; nothing was changed. Try again.")

    @contextmanager
    def _journalled(self, plan: Callable[[Rows, str], Intent]) -> Iterator[tuple[Rows, Intent]]:
        """The second decision, after a first one has asked everything and written the intent down."""
        id = uuid.uuid4().hex
        self.underway.add(id)
        try:
            with self.deciding() as rows:
                intent = plan(rows, id)
                rows.add_intent(intent)
            with self.deciding() as rows:
                # After a crash, nobody could tell any more from the folder how far this had got if others followed it.
                rows.commit_at_once()
                yield rows, intent
                rows.remove_intent(id)
        except BaseException:
            self._forget(id)
            raise
        finally:
            self.underway.discard(id)

    def _forget(self, id: str) -> None:
        """Takes an intent that has failed out of the journal, unless its undoing failed too: then it is settled, as it has happened."""
        with suppress(DavlockError), self.state.deciding() as rows:
            for intent in rows.intents():
                if intent.id == id and not self.committer.has_begun(intent):
                    rows.remove_intent(id)

    def _settle_begun(self, rows: Rows) -> list[Intent]:
        """Settles what has begun and is not settled, and forgets what dead processes have not begun. Returns what is done now."""
        done: dict[tuple[str, ...], Intent] = {}
        for intent in rows.intents():
            if self.committer.has_begun(intent):
                # Two processes may have died over one and the same: it is settled once.
                same = (intent.kind, intent.source, intent.target)
                if same not in done and self.committer.finish(intent):
                    self._settle(rows, intent)
                    done[same] = intent
                rows.remove_intent(intent.id)
            elif not self._is_underway(intent):
                rows.remove_intent(intent.id)
        return list(done.values())

    def _is_underway(self, intent: Intent) -> bool:
        if intent.owner == self.staging.home.name:
            return intent.id in self.underway
        return self.staging.is_alive(intent.owner)

    def _settle(self, rows: Rows, intent: Intent) -> None:
        """Makes the rows say what the renames have done."""
        source, target = intent.source, intent.target
        if intent.kind == "create":
            return
        if intent.kind == "delete":
            self._end_locks(rows, source)
            self.identities.deleted(rows, source, intent.principal)
            return
        arriving = _at_or_below(rows, source) if intent.kind == "move" else []
        lost = [lock for lock in _at_or_below(rows, target) if not rules.survives_overwriting(lock, target, arriving)]
        rows.drop_locks(lock.token for lock in lost)
        # What was removed underneath, nobody knows when, has left its name for good.
        self.identities.deleted(rows, target, intent.principal if intent.replaces else "")
        if intent.kind == "move":
            self._take_along(rows, arriving, source, target)
            self.identities.moved(rows, source, target, intent.principal)
        else:
            self.identities.returned(rows, target, intent.principal)
            # RFC 4918 §9.8.4: of what is overwritten nothing remains.
            if intent.replaces and (document := rows.document(target)):
                rows.change_properties(document.id, dict.fromkeys(rows.properties(document.id)))
            self._copy_properties(rows, source, target)
        if entry := self.tree.look(target):
            self.identities.observed(rows, entry, intent.principal, intent.door)

    def _end_locks(self, rows: Rows, path: str) -> None:
        """Of something that is deleted; but a checkout of it may come back with it, as long as that itself may."""
        for lock in _at_or_below(rows, path):
            if not rules.may_come_back(lock, path):
                rows.drop_locks([lock.token])
            elif rules.is_endless(lock.kind):
                rows.renew_lock(lock.token, rows.now + self.identities.seconds)

    def _take_along(self, rows: Rows, arriving: list[Lock], source: str, target: str) -> None:
        for lock in arriving:
            if rules.travels(lock):
                rows.reroot_lock(lock.token, paths.rebase(lock.root, source, target), lock.document)
            else:
                rows.drop_locks([lock.token])

    def _copy_properties(self, rows: Rows, source: str, target: str) -> None:
        for document in [rows.document(source), *rows.documents_below(source)]:
            if document and document.path and rows.properties(document.id):
                copied = paths.rebase(document.path, source, target)
                if self.tree.inode(copied):
                    self.identities.copied(rows, document.path, copied)


class _Changed(Exception):
    """Between the two decisions, what is to be renamed has become something else."""


def _onto(replaced: Entry | None, to: Address) -> Address:
    """Where something goes: under the old spelling of what it replaces."""
    return Address(to.path, replaced.name) if replaced else to


def _at_or_below(rows: Rows, path: str) -> list[Lock]:
    return rows.locks_on([path]) + rows.locks_below(path)


def require_parent(tree: Tree, path: str) -> None:
    """Raises ParentMissing unless the folder that a path is in exists, Exists for the root itself."""
    if path == paths.ROOT:
        raise Exists("The root folder exists already.")
    folder = tree.look(paths.parent(path))
    if folder is None or not folder.is_folder:
        raise ParentMissing("The folder that this should go into does not exist; create it first.")
