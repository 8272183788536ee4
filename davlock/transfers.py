"""DELETE, COPY and MOVE of documents and whole folders: one decision, one visible instant, nothing half done after a crash.

First the intent is written down, then, in a second decision, everything is asked again, renamed and settled. If the process
dies between the rename and the commit, whoever decides next finds the intent, sees that the rename has happened and settles it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from davlock import paths, rules
from davlock.documents import Committer, Staged, Staging, Tree
from davlock.errors import DavlockError, Exists, Forbidden, IntoItself, NotFound, ParentMissing, PreconditionFailed, Unavailable
from davlock.identities import Identities
from davlock.locks import LockManager
from davlock.model import Caller, Change, Entry, Intent, Lock
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

    @contextmanager
    def deciding(self) -> Iterator[Rows]:
        """A decision, on a folder and rows that belong together: what a dead process left between them is settled first."""
        settled: list[Intent] = []
        with self.state.deciding() as rows:
            for intent in rows.intents():
                if self.committer.has_begun(intent):
                    self._settle_begun(rows, intent)
                    settled.append(intent)
            yield rows
        for intent in settled:
            self.committer.empty_trash(intent)

    def recover(self) -> list[str]:
        """Settles or forgets what dead processes left, and removes their files. Returns what was done, in sentences."""
        done = []
        with self.state.deciding() as rows:
            for intent in rows.intents():
                if self.committer.has_begun(intent):
                    self._settle_begun(rows, intent)
                    done.append(f"completed an interrupted {intent.kind} of {intent.source}")
                elif not self.staging.is_alive(intent.owner):
                    rows.remove_intent(intent.id)
                    done.append(f"dropped a {intent.kind} of {intent.source} that had not begun")
            expected = {intent.id for intent in rows.intents()}
        return done + [f"removed {left}" for left in self.staging.sweep(expected)]

    def delete(self, path: str, caller: Caller, conditions: Conditions) -> None:
        """Removes a document or a folder with everything in it. Raises NotFound, Locked, PreconditionFailed."""

        def plan(rows: Rows, id: str) -> Intent:
            entry = self._existing(rows, path, conditions)
            if path == paths.ROOT:
                raise Forbidden("The root folder cannot be deleted.")
            self.locks.guard(rows, Change(path, tree=True, membership=True), caller)
            return self._intent(id, "delete", path, Address(path, ""), entry.inode, True, caller)

        self._carry_out(plan)

    def move(self, path: str, to: Address, caller: Caller, conditions: Conditions, overwrite: bool) -> bool:
        """Renames; returns whether something was replaced. Locks stay behind and end, checkouts go along (design §2)."""

        def plan(rows: Rows, id: str) -> Intent:
            entry = self._existing(rows, path, conditions)
            self.locks.guard(rows, Change(path, tree=True, membership=True), caller)
            replaced = self._target(rows, path, to, caller, overwrite)
            if replaced and replaced.inode == entry.inode:
                raise Forbidden("Both names belong to one and the same file on the server's disk.")
            return self._intent(id, "move", path, to, entry.inode, replaced is not None, caller)

        return self._carry_out(plan).replaces

    def copy(self, path: str, to: Address, caller: Caller, conditions: Conditions, overwrite: bool, deep: bool) -> bool:
        """Copies, a folder with all its members if deep; returns whether something was replaced. Copies no locks."""

        def ask(rows: Rows) -> bool:
            self._existing(rows, path, conditions)
            return self._target(rows, path, to, caller, overwrite) is not None

        with self.state.reading() as rows:
            ask(rows)
        with self.staging.stage_copy(path, deep) as staged:

            def plan(rows: Rows, id: str) -> Intent:
                return self._intent(id, "copy", path, to, staged.inode, ask(rows), caller, staged)

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
        self.locks.guard(rows, Change(to.path, tree=existing is not None, membership=existing is None), caller)
        return existing

    def _intent(
        self, id: str, kind: str, source: str, to: Address, inode: int, replaces: bool, caller: Caller, staged: Staged | None = None
    ) -> Intent:
        names = (self.staging.home.name, staged.file.name if staged else "")
        return Intent(id, kind, source, to.path, to.spelling, inode, replaces, caller.principal, caller.door, *names)

    def _carry_out(self, plan: Callable[[Rows, str], Intent]) -> Intent:
        for _ in range(ATTEMPTS):
            with suppress(_Changed):
                with self._journalled(plan) as (rows, intent):
                    if plan(rows, intent.id) != intent:
                        raise _Changed
                    rows.if_undone(self.committer.carry_out(intent))
                    self._settle(rows, intent)
                self.committer.empty_trash(intent)
                return intent
        raise Unavailable("Others keep changing what this is about; nothing was changed. Try again.")

    @contextmanager
    def _journalled(self, plan: Callable[[Rows, str], Intent]) -> Iterator[tuple[Rows, Intent]]:
        """The second decision, after a first one has asked everything and written the intent down."""
        with self.deciding() as rows:
            intent = plan(rows, uuid.uuid4().hex)
            rows.add_intent(intent)
        try:
            with self.deciding() as rows:
                yield rows, intent
                rows.remove_intent(intent.id)
        except BaseException:
            with suppress(DavlockError), self.state.deciding() as rows:
                rows.remove_intent(intent.id)
            raise

    def _settle_begun(self, rows: Rows, intent: Intent) -> None:
        self.committer.finish(intent)
        self._settle(rows, intent)
        rows.remove_intent(intent.id)

    def _settle(self, rows: Rows, intent: Intent) -> None:
        """Makes the rows say what the renames have done."""
        source, target = intent.source, intent.target
        if intent.kind == "create":
            return
        if intent.kind == "delete":
            rows.drop_locks(lock.token for lock in _at_or_below(rows, source))
            self.identities.deleted(rows, source, intent.principal)
            return
        arriving = _at_or_below(rows, source) if intent.kind == "move" else []
        if intent.replaces:
            lost = [lock for lock in _at_or_below(rows, target) if not rules.survives_overwriting(lock, target, arriving)]
            rows.drop_locks(lock.token for lock in lost)
            self.identities.deleted(rows, target, intent.principal)
        if intent.kind == "move":
            for lock in arriving:
                if rules.travels(lock):
                    rows.reroot_lock(lock.token, paths.rebase(lock.root, source, target), lock.document)
                else:
                    rows.drop_locks([lock.token])
            self.identities.moved(rows, source, target, intent.principal)
            return
        self.identities.returned(rows, target, intent.principal)
        for document in [rows.document(source), *rows.documents_below(source)]:
            if document and document.path:
                copied = paths.rebase(document.path, source, target)
                if rows.properties(document.id) and self.tree.look(copied):
                    self.identities.copied(rows, document.path, copied)


class _Changed(Exception):
    """Between the two decisions, what is to be renamed has become something else."""


def _at_or_below(rows: Rows, path: str) -> list[Lock]:
    return rows.locks_on([path]) + rows.locks_below(path)


def require_parent(tree: Tree, path: str) -> None:
    """Raises ParentMissing unless the folder that a path is in exists, Exists for the root itself."""
    if path == paths.ROOT:
        raise Exists("The root folder exists already.")
    folder = tree.look(paths.parent(path))
    if folder is None or not folder.is_folder:
        raise ParentMissing("The folder that this should go into does not exist; create it first.")
