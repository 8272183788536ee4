"""When was a lock certainly held, when can it have been held at most, and what was done meanwhile?

A lock is certainly held from the end of the answer that granted it until the first instant at which its holder may have
ended it, or until it expires: granted seconds from the start of the request, less a second. It is certainly gone when the
answer to what ended it is complete, or GRACE after the latest instant at which it can expire.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from tests.storm.history import History, Operation, Violation, parent, within
from tests.storm.spans import Spans

MARGIN = 1.0  # seconds that a lock may end before its time: servers round
GRACE = 2.0  # seconds that it may end after its time
_REFUSED = (403, 404, 409, 412, 423)


def check(history: History) -> Iterator[Violation]:
    """Two holders, writes under others' locks, locks that are lost, come back, or stand although nobody holds them."""
    locks = Locks(history)
    yield from locks.late_writes()  # first: it ends the locks that were taken away
    yield from locks.two_holders()
    yield from locks.revived()
    yield from locks.lost()
    yield from locks.phantoms()


@dataclass(slots=True, eq=False)
class Lock:
    """A granted lock. It was certainly held from `since` to `until`, and certainly not any more after `gone`."""

    grant: Operation
    renewals: list[Operation] = field(default_factory=list)  # the grant and its refreshes, unknown ones too
    until: float = 0.0
    gone: float = math.inf

    @property
    def path(self) -> str:
        return self.grant.path

    @property
    def since(self) -> float:
        return self.grant.end

    def expire(self) -> None:
        """Set until and gone by its timeouts alone."""
        # a renewal that certainly began after the end of another one has replaced it; of the others any may count
        latest = max(renewal.sent for renewal in self.renewals if renewal.done)
        counting = [renewal for renewal in self.renewals if renewal.last >= latest]
        self.until = min(renewal.sent + (renewal.timeout - MARGIN if renewal.done else 0) for renewal in counting)
        self.gone = max(map(_expired, self.renewals))

    def gone_for(self, operation: Operation) -> bool:
        """Whether it was gone when an operation began, leaving aside what this one or later ones did to it."""
        earlier = [renewal for renewal in self.renewals if renewal is not operation and renewal.sent <= operation.last]
        return operation.sent > self.gone or operation.sent > max(map(_expired, earlier), default=math.inf)


def _expired(renewal: Operation) -> float:
    return renewal.end + renewal.timeout + GRACE if renewal.done and renewal.timeout else math.inf


class Locks:
    """All locks of a history and all that was done on or around their paths."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.of_token: dict[str, Lock] = {}
        self.reused: list[tuple[Operation, Operation]] = []
        self._using: dict[str, list[Operation]] = defaultdict(list)
        for operation in history.operations:
            self._note(operation)
        self.on: dict[str, list[Lock]] = defaultdict(list)
        for lock in self.of_token.values():
            self.on[lock.path].append(lock)
            lock.expire()
        self.changing = self._changes()
        for lock in self.of_token.values():
            self._end(lock)

    def _note(self, operation: Operation) -> None:
        if operation.kind == "LOCK" and operation.done and operation.granted:
            lock = Lock(operation, [operation])
            if (other := self.of_token.setdefault(operation.granted, lock)) is not lock:
                self.reused.append((other.grant, operation))
        for token in operation.tokens:
            self._using[token].append(operation)
            if operation.kind == "REFRESH" and operation.perhaps and token in self.of_token:
                self.of_token[token].renewals.append(operation)

    def _changes(self) -> dict[str, Spans[Operation]]:
        """For each locked path, all that may have changed it, or the membership of it."""
        below = cache(lambda folder: [path for path in self.on if within(path, folder)])
        found: dict[str, list[Operation]] = {path: [] for path in self.on}
        for operation in self.history.operations:
            if operation.perhaps:
                asked = [operation.path] + [operation.destination] * bool(operation.destination)
                for path in {path for name in asked for path in (*below(name), parent(name)) if path in found}:
                    if _writes(operation, path) or _changes_members(operation, path):
                        found[path].append(operation)
        return {path: Spans((each.sent, each.last, each) for each in changes) for path, changes in found.items()}

    def _end(self, lock: Lock) -> None:
        """Shorten until and gone by what its holder did."""
        for operation in self._using[lock.grant.granted]:
            if operation.kind == "UNLOCK" and operation.perhaps:
                if operation.user == lock.grant.user:
                    lock.until = min(lock.until, operation.sent)
                if operation.done:
                    lock.gone = min(lock.gone, operation.last)
        for operation in self.changing[lock.path].overlapping(lock.grant.sent, min(lock.gone, self.history.end)):
            if operation.removes(lock.path) and self.may_write(operation, lock):
                lock.until = min(lock.until, operation.sent)
            takes_away = operation.kind in ("DELETE", "MOVE") and within(lock.path, operation.path)
            if takes_away and operation.done and operation.sent >= lock.since:
                lock.gone = min(lock.gone, operation.last)

    def may_write(self, operation: Operation, lock: Lock) -> bool:
        """Whether the operation submitted what allows it to write under the lock; a doubt is a yes."""
        if lock.grant.granted in operation.tokens and operation.user == lock.grant.user:
            return True
        return lock.grant.shared and any(self._is_fellow(token, operation, lock) for token in operation.tokens)

    def _is_fellow(self, token: str, operation: Operation, lock: Lock) -> bool:
        other = self.of_token.get(token)
        return other is None or (other.grant.user == operation.user and other.grant.shared and other.path == lock.path)

    def held(self, path: str) -> Spans[Lock]:
        """The locks on a path with the intervals in which they were certainly held."""
        return Spans((lock.since, lock.until, lock) for lock in self.on.get(path, ()) if lock.until > lock.since)

    def late_writes(self) -> Iterator[Violation]:
        """Acknowledged changes by those who did not hold the lock, wholly within the time in which another one did."""
        for path in self.on:
            held = self.held(path)
            for _, _, operation in self.changing[path]:
                for lock in held.covering(operation.sent, operation.last) if operation.done else ():
                    if operation.last <= lock.until and not self.may_write(operation, lock):
                        yield Violation("late write", f"{operation.kind} under the lock on {path} of another", (*lock.renewals, operation))
                        if operation.removes(path):
                            lock.until = min(lock.until, operation.sent)
        yield from self._stolen()

    def _stolen(self) -> Iterator[Violation]:
        for lock in self.of_token.values():
            for operation in self._using[lock.grant.granted]:
                foreign = operation.kind == "UNLOCK" and operation.done and operation.user != lock.grant.user
                if foreign and lock.since <= operation.sent and operation.last <= lock.until:
                    yield Violation("stolen lock", "released by another user", (*lock.renewals, operation))
                    lock.until = min(lock.until, operation.sent)

    def two_holders(self) -> Iterator[Violation]:
        """Exclusive locks beside others on one path, and tokens given out twice."""
        for one, other in self.reused:
            yield Violation("two holders", "the same token was granted twice", (one, other))
        for path, locks in self.on.items():
            held = self.held(path)
            pairs = {pair: None for lock in locks for pair in _pairs(lock, held)}
            for first, second in pairs:
                yield Violation("two holders", f"two locks on {path} at once", (*first.renewals, *second.renewals))

    def revived(self) -> Iterator[Violation]:
        """Tokens that were accepted, or shown, after their lock was certainly gone."""
        for token, lock in self.of_token.items():
            for operation in self._using[token]:
                accepted = operation.kind != "UNLOCK" and operation.done and operation.tokens == (token,)
                if accepted and lock.gone_for(operation):
                    yield Violation(
                        "revived lock",
                        f"{operation.kind} with the token of a lock that was gone",
                        (*lock.renewals, *self._enders(lock), operation),
                    )
        for operation in self.history.operations:
            for token in operation.shown:
                shown = self.of_token.get(token)
                if shown and shown.gone_for(operation):
                    yield Violation(
                        "revived lock", "lockdiscovery shows a lock that was gone", (*shown.renewals, *self._enders(shown), operation)
                    )

    def _enders(self, lock: Lock) -> list[Operation]:
        unlocks = [use for use in self._using[lock.grant.granted] if use.kind == "UNLOCK" and use.done]
        return unlocks + [change for _, _, change in self.changing[lock.path] if change.done and change.last == lock.gone]

    def lost(self) -> Iterator[Violation]:
        """Answers to a holder as if he held nothing, wholly within the time in which he did."""
        for token, lock in self.of_token.items():
            for operation in self._using[token]:
                if self._denies(operation, lock) and lock.since <= operation.sent and operation.last <= lock.until:
                    yield Violation("lost lock", f"{operation.kind} of its holder was refused", (*lock.renewals, operation))
        held = {path: self.held(path) for path in self.on}
        for operation in self.history.operations:
            if operation.kind == "PROPFIND" and operation.status == 207 and operation.path in held:
                for lock in held[operation.path].covering(operation.sent, operation.last):
                    if lock.grant.user == operation.user and lock.grant.granted not in operation.shown:
                        yield Violation("lost lock", "lockdiscovery does not show it to its holder", (*lock.renewals, operation))

    def _denies(self, operation: Operation, lock: Lock) -> bool:
        own = operation.user == lock.grant.user and operation.tokens == (lock.grant.granted,)
        if not own or operation.path != lock.path:
            return False
        if operation.kind == "PUT":
            return operation.status in (412, 423) and not operation.if_match and not operation.create_only
        return operation.kind in ("REFRESH", "UNLOCK") and operation.status in _REFUSED

    def phantoms(self) -> Iterator[Violation]:
        """423 although nobody can have held a lock on, above or below anything that was asked for."""
        granted = [operation for operation in self.history.operations if operation.kind == "LOCK" and operation.done]
        excess = max([0.0, *(operation.timeout - operation.asked for operation in granted)])
        possible = defaultdict(list)
        for lock in self.of_token.values():
            possible[lock.path].append((lock.grant.sent, lock.gone, lock))
        for operation in self.history.operations:
            if operation.kind == "LOCK" and operation.perhaps and not operation.done:
                until = operation.last + operation.asked + excess + GRACE
                possible[operation.path].append((operation.sent, until, Lock(operation)))
        spans = {path: Spans(found) for path, found in possible.items()}
        for operation in self.history.operations:
            if (
                operation.status == 423
                and operation.kind not in ("REFRESH", "UNLOCK")
                and not any(
                    any(True for _ in spans[path].overlapping(operation.start, operation.last))
                    for path in spans
                    if _related(path, operation)
                )
            ):
                yield Violation("phantom lock", "423 although nobody holds a lock there", (operation,))


def _pairs(lock: Lock, held: Spans[Lock]) -> Iterator[tuple[Lock, Lock]]:
    """Locks that were certainly held beside one, or while it was granted, in order; shared ones may be."""
    beside = [*held.covering(lock.grant.sent, lock.grant.last)]
    beside += held.overlapping(lock.since, lock.until) if lock.until > lock.since else ()
    for other in beside:
        if other is not lock and not (lock.grant.shared and other.grant.shared):
            yield (lock, other) if (lock.since, id(lock)) < (other.since, id(other)) else (other, lock)


def _writes(operation: Operation, path: str) -> bool:
    return (operation.kind == "PUT" and operation.path == path) or operation.removes(path)


def _changes_members(operation: Operation, folder: str) -> bool:
    """Whether a folder surely gained or lost a member: what a depth-0 lock on it forbids others (RFC 4918 7.4)."""
    if operation.kind in ("DELETE", "MOVE") and operation.done and parent(operation.path) == folder:
        return True
    made = operation.status == 201 and operation.kind in ("PUT", "LOCK", "COPY", "MOVE", "MKCOL")
    return made and parent(operation.destination or operation.path) == folder


def _related(path: str, operation: Operation) -> bool:
    asked = [operation.path] + [operation.destination] * bool(operation.destination)
    return any(within(path, other) or within(other, path) for other in asked)
