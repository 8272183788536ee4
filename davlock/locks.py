"""The lock manager: asks the rules on the rows of one decision, and keeps what they grant.

Every method takes the Rows of an open decision (state.deciding()), because a lock is granted, and a write permitted, in the
same transaction that makes it so.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from davlock import events, paths, rules
from davlock.errors import BadRequest, Conflict, Forbidden, Locked, LockLost, NoSuchLock, NotHolder
from davlock.model import Act, Blocker, Caller, Change, Ending, Kind, Lock, Wanted
from davlock.state import Rows


@dataclass(frozen=True, slots=True)
class LockManager:
    """limits: how long a lock may stand, in seconds."""

    limits: rules.Limits = rules.Limits()

    def acquire(self, rows: Rows, wanted: Wanted, caller: Caller, held: Sequence[Lock] | None = None) -> Lock:
        """A new lock, or the caller's own checkout that stands already. held: the locks that cover the path, if they are known.

        Raises Conflict (RFC 4918 §9.10.5, §9.10.6).
        """
        if own := self.check(rows, wanted, caller, held=held):
            return own
        seconds = rules.granted_seconds(wanted.kind, wanted.timeout, self.limits)
        lock = Lock(
            token=uuid.uuid4().urn,
            kind=wanted.kind,
            scope=wanted.scope,
            deep=wanted.deep,
            root=wanted.path,
            principal=caller.principal,
            door=caller.door,
            since=rows.now,
            expires=None if seconds is None else rows.now + seconds,
            generation=rows.next_generation(),
            owner=wanted.owner,
            document=wanted.document,
            comment=wanted.comment,
        )
        rows.add_lock(lock)
        rows.add_events(events.began(lock))
        return lock

    def check(
        self, rows: Rows, wanted: Wanted, caller: Caller, coming: Iterable[Lock] = (), held: Sequence[Lock] | None = None
    ) -> Lock | None:
        """Raises Conflict if a lock cannot be granted; returns the caller's own checkout if that is what he wants once more.

        coming: locks that will stand there too. held: those that cover the path, if they are known.
        """
        covering = self.on(rows, wanted.path) if held is None else held
        held = [*covering, *(rows.locks_below(wanted.path) if wanted.deep else ()), *coming]
        conflicting = rules.conflicts(wanted, caller, held)
        own = rules.same_checkout(wanted, caller, held)
        if own and conflicting == (own,):
            return own
        if conflicting:
            raise Conflict(told(conflicting[0]), tuple(Blocker(lock, lock.root) for lock in conflicting))
        return None

    def renew(self, rows: Rows, lock: Lock, timeout: float | None) -> Lock:
        """The same lock for timeout seconds from now (None: the default)."""
        seconds = rules.granted_seconds(lock.kind, timeout, self.limits)
        renewed = replace(lock, expires=None if seconds is None else rows.now + seconds)
        rows.renew_lock(lock.token, renewed.expires)
        return renewed

    def submitted(self, rows: Rows, path: str, caller: Caller) -> tuple[Lock, ...]:
        """The caller's locks on a path whose tokens he submitted.

        Raises NotHolder if somebody else has what he named, or has locked it since; NoSuchLock if nobody has (RFC 4918 §9.10.2).
        """
        held = self.on(rows, path)
        named = [lock for lock in held if rules.is_submitted(lock, caller)]
        own = tuple(lock for lock in named if rules.may_refresh(lock, path, caller))
        if own:
            return own
        if another := rules.held_by_another(caller, named or held):
            raise NotHolder(told(another), another)
        raise NoSuchLock("There is no such lock here any more: it was released, broken or ran out. Lock the document again.")

    def refresh(self, rows: Rows, path: str, caller: Caller, timeout: float | None) -> tuple[Lock, ...]:
        """Those locks, renewed for timeout seconds (None: the default). Raises what submitted() raises."""
        return tuple(self.renew(rows, lock, timeout) for lock in self.submitted(rows, path, caller))

    def release(self, rows: Rows, path: str, token: str, caller: Caller) -> Lock:
        """Ends the caller's lock that covers a path. Raises NoSuchLock, NotHolder (RFC 4918 §9.11)."""
        lock = rows.lock(token)
        if lock is None or not rules.covers(lock, path):
            raise NoSuchLock("There is no such lock here: it was released, broken or ran out, or it stands elsewhere.")
        if not rules.may_release(lock, caller):
            raise NotHolder(told(lock), lock)
        rows.end_locks([token], Ending.RELEASED, caller.principal, door=caller.door)
        return lock

    def break_(self, rows: Rows, token: str, caller: Caller, reason: str) -> Lock:
        """Ends anybody's lock, for the record: with a reason. Raises NoSuchLock, Forbidden, BadRequest."""
        lock = rows.lock(token)
        if lock is None:
            raise NoSuchLock("There is no such lock; it may have been released or have run out.")
        if not rules.may_break(lock, caller):
            raise Forbidden("Only an administrator can break somebody else's lock.")
        if not (why := reason.strip()):
            raise BadRequest("Say why you end what somebody else holds; the reason is recorded.")
        rows.end_locks([token], Ending.BROKEN, caller.principal, why, caller.door)
        return lock

    def on(self, rows: Rows, *places: str) -> list[Lock]:
        """All locks that cover any of the paths: those on it and the deep ones above it (RFC 4918 §15.8)."""
        roots = dict.fromkeys(root for path in places for root in (*paths.ancestors(path), path))
        return [lock for lock in rows.locks_on(list(roots)) if rules.covers_any(lock, places)]

    def obstacles(self, rows: Rows, path: str, caller: Caller) -> dict[Act, tuple[Blocker, ...]]:
        """For each thing that one can do with a document, the locks that forbid it to the caller."""
        held = self.on(rows, path)
        wanted = Wanted(Kind.CHECKOUT, path)
        own = rules.same_checkout(wanted, caller, held)
        conflicting = [lock for lock in rules.conflicts(wanted, caller, held) if lock != own]
        standing = self.standing(rows, path)
        return {
            Act.CHECK_OUT: _on_their_roots(conflicting),
            Act.SAVE: rules.blockers(Change(path), caller, standing),
            Act.CHECK_IN: _on_their_roots(rules.sessions_open(path, caller, held)),
            Act.REMOVE: rules.blockers(Change(path, tree=True, membership=True), caller, standing),
        }

    def standing(self, rows: Rows, path: str) -> list[Lock]:
        """The locks on a path and on all folders above it, whether they cover it or not."""
        return rows.locks_on([*paths.ancestors(path), path])

    def guard(
        self,
        rows: Rows,
        change: Change,
        caller: Caller,
        leaned_on: frozenset[int] = frozenset(),
        standing: Sequence[Lock] | None = None,
    ) -> frozenset[int]:
        """Permits a change or raises Locked; returns the generations of the caller's locks that it leans on.

        leaned_on: what guard() returned when a longer change began; raises LockLost if one of those locks has ended (fencing).
        standing: what standing() returned for its path, if that is known.
        """
        held = [*(self.standing(rows, change.path) if standing is None else standing)]
        if change.tree:
            held += rows.locks_below(change.path)
        if blocking := rules.blockers(change, caller, held):
            raise Locked(told(blocking[0].lock), blocking)
        # Asked of all that stand here: what a write leans on may shrink on the way, once somebody else has made the name.
        if rules.is_stale(leaned_on, frozenset(lock.generation for lock in held)):
            raise LockLost("The lock that this was written under has ended; nothing was stored. Lock the document again and retry.")
        return rules.proofs(change, caller, held)


def _on_their_roots(held: Iterable[Lock]) -> tuple[Blocker, ...]:
    return tuple(Blocker(lock, lock.root) for lock in held)


def told(lock: Lock) -> str:
    """Whose lock it is, for a person; the doors add since and until in their reader's time zone."""
    verb = "checked out" if lock.expires is None else "locked"
    return f"{paths.name(lock.root) or 'The root folder'} is {verb} by {lock.principal}."
