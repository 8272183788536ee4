"""DELETE, COPY and MOVE of documents and whole folders: one decision, one visible instant, nothing half done after a crash."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from davlock import paths, rules
from davlock.conditions import Conditions, Views
from davlock.documents import Committer, Staged, Staging, Tree
from davlock.drafts import Drafts
from davlock.errors import Conflict, Exists, Forbidden, IntoItself, IsFolder, NotFound, PreconditionFailed
from davlock.identities import Identities
from davlock.journal import Journal, Operation
from davlock.locks import LockManager
from davlock.model import Blocker, Caller, Change, Ending, Entry, Intent, Lock
from davlock.paths import Address
from davlock.saves import Saves
from davlock.state import Rows


@dataclass(frozen=True, slots=True)
class Transfers:
    """The operations that rename more than one upload into place."""

    journal: Journal
    tree: Tree
    staging: Staging
    committer: Committer
    locks: LockManager
    identities: Identities
    drafts: Drafts
    saves: Saves
    views: Views

    def operations(self) -> dict[str, Operation]:
        """What the journal needs, by kind of intent."""
        kinds = {"delete": False, "move": True, "copy": True, "create": False}
        return {kind: Operation(self.committer, self._settle, repeats) for kind, repeats in kinds.items()}

    def delete(self, path: str, caller: Caller, conditions: Conditions, for_good: bool) -> None:
        """Removes a document or a folder with everything in it. Raises NotFound, Locked, PreconditionFailed."""

        def plan(rows: Rows, id: str) -> Intent:
            entry = self._existing(rows, path, caller, conditions)
            if path == paths.ROOT:
                raise Forbidden("The root folder cannot be deleted.")
            self.locks.guard(rows, Change(path, tree=True, membership=True), caller)
            return self._intent(id, "delete", path, Address(path, entry.name), entry.inode, True, caller)

        def then(rows: Rows) -> None:
            if for_good:
                self.identities.begin(rows, path, caller.principal)
                rows.end_locks([each.token for each in rows.locks_on([path])], Ending.DELETED, caller.principal, door=caller.door)

        self.journal.carry_out(plan, then)

    def move(self, path: str, to: Address, caller: Caller, conditions: Conditions, overwrite: bool) -> bool:
        """Renames; returns whether something was replaced. Locks stay behind and end, checkouts go along (design §2)."""

        def plan(rows: Rows, id: str) -> Intent:
            entry = self._existing(rows, path, caller, conditions)
            self.locks.guard(rows, Change(path, tree=True, membership=True), caller)
            replaced = self._target(rows, path, to, caller, overwrite)
            if saved := self.saves.intended(rows, id, to, replaced, caller, entry):
                return saved
            self._check_arrivals(rows, path, to.path)
            if replaced and replaced.inode == entry.inode:
                raise Forbidden("Both names belong to one and the same file on the server's disk.")
            return self._intent(id, "move", path, _onto(replaced, to), entry.inode, replaced is not None, caller)

        return self.journal.carry_out(plan).replaces

    def rename(
        self,
        path: str,
        to: Address,
        caller: Caller,
        conditions: Conditions,
        properties: Mapping[str, str | None],
        then: Callable[[Rows], None],
    ) -> None:
        """Gives a document another path that is free, and changes its dead properties: both or, after a crash, neither.

        then: decided together with it. Raises Exists, and what move() raises.
        """

        def plan(rows: Rows, id: str) -> Intent:
            entry = self._existing(rows, path, caller, conditions)
            if self.tree.look(to.path):
                raise Exists("Something has this name already; choose another one.")
            self.locks.guard(rows, Change(path, tree=True, membership=True), caller)
            self._target(rows, path, to, caller, overwrite=False)
            self._check_arrivals(rows, path, to.path)
            self.identities.begin(rows, to.path, caller.principal)
            intent = self._intent(id, "move", path, to, entry.inode, False, caller)
            return replace(intent, details=json.dumps(dict(properties)))

        self.journal.carry_out(plan, then)

    def copy(self, path: str, to: Address, caller: Caller, conditions: Conditions, overwrite: bool, deep: bool) -> bool:
        """Copies, a folder with all its members if deep; returns whether something was replaced. Copies no locks."""

        def ask(rows: Rows) -> Entry | None:
            self._existing(rows, path, caller, conditions)
            return self._target(rows, path, to, caller, overwrite)

        with self.journal.state.reading() as rows:
            ask(rows)
        with self._staged_copy(path, deep, to, caller) as staged:

            def plan(rows: Rows, id: str) -> Intent:
                replaced = ask(rows)
                if staged.sha256 is not None and (saved := self.saves.intended(rows, id, to, replaced, caller, staged)):
                    return saved
                return self._intent(id, "copy", path, _onto(replaced, to), staged.inode, replaced is not None, caller, staged)

            return self.journal.carry_out(plan).replaces

    def create(self, at: Address, staged: Staged, caller: Caller, decide: Callable[[Rows], None]) -> None:
        """Runs decide(), which publishes the staged document and grants something with it: both or, after a crash, neither."""

        def plan(rows: Rows, id: str) -> Intent:
            return self._intent(id, "create", at.path, at, staged.inode, False, caller)

        with self.journal.noted(plan) as (rows, _):
            decide(rows)

    @contextmanager
    def _staged_copy(self, path: str, deep: bool, to: Address, caller: Caller) -> Iterator[Staged]:
        """Of what the caller sees: his draft, if it is a document that he has checked out."""
        entry, fd = None, -1
        with suppress(IsFolder):
            entry, fd, _ = self.drafts.open(path, caller.principal)
        if entry is None:
            with self.staging.stage_copy(path, deep, paths.parent(to.path)) as staged:
                yield staged
        else:
            with self.staging.stage_content(fd, paths.parent(to.path)) as staged:
                yield staged

    def _existing(self, rows: Rows, path: str, caller: Caller, conditions: Conditions) -> Entry:
        entry = self.tree.look(path)
        if entry is None:
            raise NotFound("There is nothing under this name.")
        conditions(self.views.of(rows, caller))
        return entry

    def _target(self, rows: Rows, source: str, to: Address, caller: Caller, overwrite: bool) -> Entry | None:
        if to.path == source or paths.is_below(to.path, source) or paths.is_below(source, to.path):
            raise IntoItself("Something cannot be copied or moved onto itself, into itself or onto a folder that it is in.")
        self.tree.require_parent(to.path)
        existing = self.tree.look(to.path)
        if existing and not overwrite:
            raise PreconditionFailed("Something has this name already, and it was asked not to overwrite it.")
        # The tree in any case: of a folder that was removed underneath, checkouts may still stand.
        self.locks.guard(rows, Change(to.path, tree=True, membership=existing is None), caller)
        return existing

    def _check_arrivals(self, rows: Rows, source: str, target: str) -> None:
        """Raises Conflict if a checkout that goes along cannot stand beside the locks at its new place (design §2)."""
        arriving = at_or_below(rows, source)
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
        content = (staged.file.name, staged.sha256 or "") if staged else ("", "")
        whose = (caller.principal, caller.door, self.staging.home.name)
        return Intent(id, kind, source, to.path, to.spelling, inode, replaces, *whose, *content)

    def _settle(self, rows: Rows, intent: Intent) -> None:
        """Makes the rows say what the renames have done."""
        source, target = intent.source, intent.target
        if intent.kind == "create":
            return
        self._file(rows, intent)
        if intent.kind == "delete":
            gone = [lock for lock in at_or_below(rows, source) if not rules.may_come_back(lock, source)]
            rows.end_locks([lock.token for lock in gone], Ending.DELETED, intent.principal)
            self.identities.deleted(rows, source, intent.principal)
            self.identities.tell(rows, intent.principal, intent.door)
            return
        arriving = at_or_below(rows, source) if intent.kind == "move" else []
        arrived = self.tree.look(target)
        by_folder = arrived is not None and arrived.is_folder
        lost = [lock for lock in at_or_below(rows, target) if not rules.survives_overwriting(lock, target, arriving, by_folder)]
        rows.end_locks([lock.token for lock in lost], Ending.REPLACED, intent.principal, door=intent.door)
        # What was removed underneath, nobody knows when, has left its name for good.
        self.identities.deleted(rows, target, intent.principal if intent.replaces else "")
        if intent.kind == "move":
            moved = self.tree.look(target)
            if moved and not moved.is_folder and rows.document(source) is None:
                self.identities.seen(rows, moved._replace(path=source))
            self._take_along(rows, arriving, source, target)
            self.identities.moved(rows, source, target, intent.principal, intent.door)
            if intent.details:
                self._settle_rename(rows, intent)
        else:
            self.identities.returned(rows, target, intent.principal, intent.door)
            # RFC 4918 §9.8.4: of what is overwritten nothing remains.
            if intent.replaces and (document := rows.document(target)):
                rows.change_properties(document.id, dict.fromkeys(rows.properties(document.id)))
            if by_folder:
                self.identities.arrived_below(rows, target, intent.principal, intent.door)
            self._copy_properties(rows, source, target)
        if arrived:
            sha256 = intent.details if intent.kind == "copy" else ""
            self.identities.arrived(rows, arrived, intent.principal, intent.door, sha256)
        self.identities.tell(rows, intent.principal, intent.door)

    def _settle_rename(self, rows: Rows, intent: Intent) -> None:
        # Nobody saves by renaming: what comes to the former name is another document.
        self.identities.begin(rows, intent.source, intent.principal)
        rows.change_properties(self.identities.identify(rows, intent.target).id, json.loads(intent.details))

    def _file(self, rows: Rows, intent: Intent) -> None:
        """What is deleted or replaced stays as a version: a document, or what is known of the documents in a folder."""
        if not intent.replaces:
            return
        is_versioned = self.identities.versions.policy.is_versioned
        if gone := self.committer.trashed(intent):
            if is_versioned(intent.target):
                self.identities.replaced(rows, gone, self.committer.putting_trash(intent))
            return
        with self.committer.trashed_folder(intent) as folder:
            if folder is None:
                return
            for known in rows.documents_below(intent.target):
                if known.stamp and known.path and is_versioned(known.path):
                    place = paths.rebase(known.path, intent.target, "")
                    member = folder.look(place)
                    if member and not member.is_folder:
                        self.identities.replaced(rows, member._replace(path=known.path), folder.linking(place), known)

    def _take_along(self, rows: Rows, arriving: list[Lock], source: str, target: str) -> None:
        for lock in arriving:
            if rules.travels(lock):
                rows.reroot_lock(lock.token, paths.rebase(lock.root, source, target), lock.document)
            else:
                rows.end_locks([lock.token], Ending.MOVED, lock.principal)

    def _copy_properties(self, rows: Rows, source: str, target: str) -> None:
        for document in [rows.document(source), *rows.documents_below(source)]:
            if document and document.path and rows.properties(document.id):
                copied = paths.rebase(document.path, source, target)
                if self.tree.inode(copied):
                    self.identities.copied(rows, document.path, copied)


def _onto(replaced: Entry | None, to: Address) -> Address:
    """Where something goes: under the old spelling of what it replaces."""
    return Address(to.path, replaced.name) if replaced else to


def at_or_below(rows: Rows, path: str) -> list[Lock]:
    """The locks on a path and on everything below it."""
    return rows.locks_on([path]) + rows.locks_below(path)
