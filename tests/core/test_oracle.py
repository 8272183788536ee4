"""Random sequences of everything that can happen to locks, against an oracle that knows nothing of davlock's rules.

The oracle keeps a plain list, compares everything with everything, and is written from the sentences of design §2 and RFC 4918,
which it quotes. What it permits must be permitted, what it forbids must be forbidden, and both must always show the same locks.
"""

from __future__ import annotations

import math
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from davlock import paths, rules
from davlock.errors import Conflict, Forbidden, Locked, LockLost, NoSuchLock, NotHolder
from davlock.locks import LockManager
from davlock.model import Caller, Change, Ending, Kind, Lock, Scope, Wanted
from davlock.state.sqlite import SqliteState

from .conftest import Clock

FOLDERS = ["/", "/f", "/f/g", "/f0"]
DOCUMENTS = ["/a", "/f/a", "/f/g/a", "/f0/a", "/f.a"]
EVERYTHING = FOLDERS + DOCUMENTS
PEOPLE = ["alice", "bob", "carol"]


@dataclass(eq=False)
class Held:
    """A lock as the oracle sees it. names: the path as a list of names."""

    kind: str
    exclusive: bool
    deep: bool
    names: list[str]
    who: str
    ends: float
    token: str = ""
    generation: int = 0


@dataclass
class Oracle:
    """Every lock that was ever granted and has not been ended; those that ran out are left out by alive()."""

    now: float
    held: list[Held] = field(default_factory=list)

    def alive(self) -> list[Held]:
        """'Locks expire by the clock of the state database and by nothing else.'"""
        return [lock for lock in self.held if self.now < lock.ends]

    def protecting(self, names: list[str]) -> list[Held]:
        """'… on a URL path …, depth 0 or infinity.'"""
        return [lock for lock in self.alive() if lock.names == names or (lock.deep and lock.names == names[: len(lock.names)])]

    def in_the_way(self, new: Held) -> list[Held]:
        """Of a lock that is wanted."""
        touched = [names for names in ([], *map(split, EVERYTHING)) if names == new.names or (new.deep and begins(names, new.names))]
        near = [lock for names in touched for lock in self.protecting(names)]
        return [lock for lock in near if not self.tolerate(lock, new) or not self.tolerate(new, lock)]

    def tolerate(self, one: Held, other: Held) -> bool:
        """'May coexist: shared LOCKs of anybody; a CHECKOUT with LOCKs and EDITs of the same principal, in either order.
        Everything else conflicts.'"""
        if not one.exclusive and not other.exclusive:
            return True
        kinds = sorted([one.kind, other.kind])
        return one.who == other.who and kinds in (["CHECKOUT", "LOCK"], ["CHECKOUT", "EDIT"])

    def stopping(self, places: list[list[str]], who: str, tokens: frozenset[str]) -> list[Held]:
        """'LOCK … same principal and the submitted token; EDIT, CHECKOUT … the principal.' Of shared ones, one of one's own."""
        found = []
        for names in places:
            locks = self.protecting(names)
            shared = [lock for lock in locks if not lock.exclusive]
            exclusive = [lock for lock in locks if lock.exclusive]
            found += [lock for lock in exclusive if not shows(lock, who, tokens)]
            if shared and not any(shows(lock, who, tokens) for lock in shared):
                found += shared
        return found


def split(path: str) -> list[str]:
    return [name for name in path.split("/") if name]


def begins(names: list[str], with_: list[str]) -> bool:
    return names[: len(with_)] == with_


def shows(lock: Held, who: str, tokens: frozenset[str]) -> bool:
    return lock.who == who and (lock.kind != "LOCK" or lock.token in tokens)


def affected(path: str, tree: bool, membership: bool) -> list[list[str]]:
    """'RFC 4918 §9.6.1, §7.4': the thing itself, all that is in it, the folder that loses or gains it."""
    names = split(path)
    places = [names] + [split(each) for each in EVERYTHING if tree and begins(split(each), names) and split(each) != names]
    inside = [[*place, "a member that nobody has locked"] for place in places if tree]
    return places + inside + [names[:-1]] * membership


@dataclass
class Write:
    """One that has been permitted at its beginning, and the locks, as they then were, that it leans on."""

    path: str
    membership: bool
    caller: Caller
    generations: frozenset[int]
    leans_on: list[tuple[Held, list[str]]]


WHO = st.sampled_from(PEOPLE)
ANY = st.integers(0, 1000)
YES_MOSTLY = st.sampled_from([True, True, True, False])


class Locks(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="oracle"))
        self.clock = Clock()
        self.state = Hasty(self.folder / "state.db", self.clock)
        self.manager = LockManager(rules.Limits(1, 600, 3600))
        self.oracle = Oracle(self.clock.now)
        self.kept = 0.0
        self.generation = 0
        self.ever: list[Held] = []
        self.writes: list[Write] = []

    def teardown(self) -> None:
        self.state.close()
        shutil.rmtree(self.folder)

    # what callers do

    @rule(kind=st.sampled_from(["LOCK", "LOCK", "EDIT", "CHECKOUT"]), shared=st.booleans(), deep=st.booleans(), who=WHO, where=ANY,
          timeout=st.sampled_from([None, 0, 1, 5, 30, 10**9]))  # fmt: skip
    def acquire(self, kind: str, shared: bool, deep: bool, who: str, where: int, timeout: float | None) -> None:
        if kind == "LOCK":
            path = EVERYTHING[where % len(EVERYTHING)]
        else:
            path, shared, deep = DOCUMENTS[where % len(DOCUMENTS)], False, False
        seconds = math.inf if kind == "CHECKOUT" else {None: 600, 0: 1, 10**9: 3600}.get(timeout, timeout)
        new = Held(kind, not shared, deep, split(path), who, self.oracle.now + (seconds or 0))
        in_the_way = self.oracle.in_the_way(new)
        wanted = Wanted(Kind(kind), path, Scope.SHARED if shared else Scope.EXCLUSIVE, deep, timeout)
        try:
            with self.state.deciding() as rows:
                lock = self.manager.acquire(rows, wanted, Caller(who))
        except Conflict as conflict:
            assert in_the_way, "a lock was refused that nothing stands in the way of"
            assert {blocker.lock.token for blocker in conflict.blockers} == {held.token for held in in_the_way}
            return
        if in_the_way:
            # 'a second CHECKOUT of the same principal succeeds and changes nothing'
            (own,) = in_the_way
            assert (own.kind, kind, own.who, own.token) == ("CHECKOUT", "CHECKOUT", who, lock.token)
            return
        assert lock.generation > self.generation, "'a number that only rises'"
        assert lock.token not in {held.token for held in self.ever}
        new.token, new.generation = lock.token, lock.generation
        self.generation = lock.generation
        self.oracle.held.append(new)
        self.ever.append(new)
        self.wrote()

    @precondition(lambda self: self.ever)
    @rule(which=ANY, own=YES_MOSTLY, who=WHO, here=YES_MOSTLY, where=ANY, timeout=st.sampled_from([None, 2, 100]))
    def refresh(self, which: int, own: bool, who: str, here: bool, where: int, timeout: float | None) -> None:
        held, caller, path = self.somebody_with(which, own, who, here, where)
        possible = held in self.oracle.protecting(split(path))
        try:
            with self.state.deciding() as rows:
                self.manager.refresh(rows, path, Caller(caller.principal, frozenset([held.token])), timeout)
        except NoSuchLock:
            assert not possible
        except NotHolder as refused:
            assert refused.lock.principal != caller.principal
            # Of somebody whose lock has ended: who has locked it since.
            assert held.who != caller.principal if possible else self.oracle.protecting(split(path))
        else:
            assert possible
            assert held.who == caller.principal
            if held.kind != "CHECKOUT":
                held.ends = self.oracle.now + (timeout or 600)
            self.wrote()

    @precondition(lambda self: self.ever)
    @rule(which=ANY, own=YES_MOSTLY, who=WHO, here=YES_MOSTLY, where=ANY)
    def release(self, which: int, own: bool, who: str, here: bool, where: int) -> None:
        held, caller, path = self.somebody_with(which, own, who, here, where)
        possible = held in self.oracle.protecting(split(path))
        try:
            with self.state.deciding() as rows:
                self.manager.release(rows, path, held.token, caller)
        except NoSuchLock:
            assert not possible
        except NotHolder:
            assert possible
            assert held.who != caller.principal
        else:
            assert possible
            assert held.who == caller.principal
            self.oracle.held.remove(held)
            self.wrote()

    @precondition(lambda self: self.ever)
    @rule(which=ANY, who=WHO, admin=YES_MOSTLY)
    def break_(self, which: int, who: str, admin: bool) -> None:
        held = self.ever[which % len(self.ever)]
        try:
            with self.state.deciding() as rows:
                self.manager.break_(rows, held.token, Caller(who, admin=admin), "because")
        except NoSuchLock:
            assert held not in self.oracle.alive()
        except Forbidden:
            assert not admin
        else:
            assert admin
            assert held in self.oracle.alive()
            self.oracle.held.remove(held)
            self.wrote()

    @rule(who=WHO, where=ANY, membership=st.booleans(), submits=YES_MOSTLY, steals=st.booleans())
    def begin_write(self, who: str, where: int, membership: bool, submits: bool, steals: bool) -> None:
        path, caller = EVERYTHING[where % len(EVERYTHING)], self.caller(who, submits, steals)
        places = affected(path, False, membership)
        generations = self.guard(path, False, membership, caller)
        if generations is None:
            return
        leans_on = [(held, held.names) for names in places for held in self.oracle.protecting(names) if shows(held, who, caller.tokens)]
        assert generations == {held.generation for held, _ in leans_on}
        self.writes.append(Write(path, membership, caller, generations, leans_on))

    @precondition(lambda self: self.writes)
    @rule(which=ANY)
    def end_write(self, which: int) -> None:
        """'What was written under a lock that was broken or has expired is refused … even if nobody else holds the document.'"""
        write = self.writes.pop(which % len(self.writes))
        lost = [held for held, names in write.leans_on if held not in self.oracle.alive() or held.names != names]
        stopping = self.oracle.stopping(affected(write.path, False, write.membership), write.caller.principal, write.caller.tokens)
        try:
            with self.state.deciding() as rows:
                self.manager.guard(rows, Change(write.path, membership=write.membership), write.caller, write.generations)
        except Locked:
            assert stopping
        except LockLost:
            assert lost
            assert not stopping
        else:
            assert not lost
            assert not stopping

    @rule(who=WHO, where=ANY, submits=YES_MOSTLY, steals=st.booleans())
    def delete(self, who: str, where: int, submits: bool, steals: bool) -> None:
        path = EVERYTHING[1:][where % (len(EVERYTHING) - 1)]
        if self.guard(path, True, True, self.caller(who, submits, steals)) is None:
            return
        self.settle(path, None, False)
        self.oracle.held = [held for held in self.oracle.held if not begins(held.names, split(path))]

    @rule(who=WHO, where=ANY, to=ANY, replaces=st.booleans(), submits=YES_MOSTLY, steals=st.booleans())
    def move(self, who: str, where: int, to: int, replaces: bool, submits: bool, steals: bool) -> None:
        source, target = DOCUMENTS[where % len(DOCUMENTS)], DOCUMENTS[to % len(DOCUMENTS)]
        caller = self.caller(who, submits, steals)
        if source == target or self.guard(source, True, True, caller) is None:
            return
        if self.guard(target, replaces, not replaces, caller) is None:
            return
        # 'A DAV LOCK is on the URL and does not travel with MOVE. A CHECKOUT or EDIT is on the document and travels with it.'
        alive = self.oracle.alive()
        arriving = [held for held in alive if held.names == split(source) and held.kind != "LOCK"]
        ending = [held for held in alive if held.names == split(source) and held.kind == "LOCK"]
        if arriving and replaces:
            ending += [held for held in alive if held.names == split(target) and held.kind != "LOCK"]
        staying = [held for held in self.oracle.protecting(split(target)) if held not in ending]
        if not all(self.oracle.tolerate(one, other) for one in arriving for other in staying):
            return  # such a move is refused before it comes to the manager (rules.arrival_conflicts, tests/documents)
        self.settle(source, target, replaces)
        self.oracle.held = [held for held in self.oracle.held if held not in ending]
        for held in arriving:
            held.names = split(target)

    @rule(seconds=st.sampled_from([0.25, 0.75, 1, 4, 5, 30, 600, 3600, -0.25, -1, -5, -600]))
    def pass_time(self, seconds: float) -> None:
        """The machine's clock may be set back; the state's stands still then, at the last decision that wrote."""
        self.clock.now += seconds
        self.oracle.now = max(self.clock.now, self.kept)

    @precondition(lambda self: self.oracle.alive())
    @rule(before=st.sampled_from([0, 0.25]))
    def wait_for_the_next_end(self, before: float) -> None:
        ends = min(held.ends for held in self.oracle.alive())
        if ends < math.inf:
            self.clock.now = ends - before
            self.oracle.now = max(self.clock.now, self.kept)

    @rule()
    def restart(self) -> None:
        self.state.close()
        self.state = Hasty(self.folder / "state.db", self.clock)

    # what must be true at any instant

    @invariant()
    def both_see_the_same(self) -> None:
        alive = self.oracle.alive()
        with self.state.reading() as rows:
            assert {seen(lock) for lock in rows.locks()} == {told(held) for held in alive}
            for path in EVERYTHING:
                names = split(path)
                assert tokens(self.manager.on(rows, path)) == tokens(self.oracle.protecting(names))
                assert tokens(rows.locks_on([path])) == tokens(held for held in alive if held.names == names)
                assert tokens(rows.locks_below(path)) == tokens(h for h in alive if begins(h.names, names) and h.names != names)
                assert tokens(rows.locks_in(path)) == tokens(h for h in alive if h.names[:-1] == names and h.names)
            for held in self.ever:
                assert (rows.lock(held.token) is not None) == (held in alive)

    @invariant()
    def two_never_share(self) -> None:
        """'At most one exclusive lock covers a document', but for one person's CHECKOUT beside his session."""
        for path in EVERYTHING:
            for one, other in combinations(self.oracle.protecting(split(path)), 2):
                assert self.oracle.tolerate(one, other), (path, one, other)

    # on the way

    def somebody_with(self, which: int, own: bool, who: str, here: bool, where: int) -> tuple[Held, Caller, str]:
        held = self.ever[which % len(self.ever)]
        path = "/" + "/".join(held.names) if here else EVERYTHING[where % len(EVERYTHING)]
        return held, Caller(held.who if own else who), path

    def caller(self, who: str, submits: bool, steals: bool) -> Caller:
        """Somebody with all the tokens he ever had, everybody's, or none."""
        return Caller(who, frozenset(held.token for held in self.ever if submits and (steals or held.who == who)))

    def guard(self, path: str, tree: bool, membership: bool, caller: Caller) -> frozenset[int] | None:
        stopping = self.oracle.stopping(affected(path, tree, membership), caller.principal, caller.tokens)
        try:
            with self.state.deciding() as rows:
                found = self.manager.guard(rows, Change(path, tree, membership), caller)
        except Locked as locked:
            assert tokens(blocker.lock for blocker in locked.blockers) == tokens(stopping)
            assert stopping
            return None
        assert not stopping
        return found

    def settle(self, source: str, target: str | None, replaces: bool) -> None:
        """What DELETE and MOVE do to the locks, as the rules say it."""
        with self.state.deciding() as rows:
            leaving = rows.locks_on([source]) + rows.locks_below(source)
            going_along = [lock for lock in leaving if target and rules.travels(lock)]
            ending = [lock for lock in leaving if lock not in going_along]
            if target and replaces:
                there = rows.locks_on([target]) + rows.locks_below(target)
                ending += [lock for lock in there if not rules.survives_overwriting(lock, target, going_along)]
            rows.end_locks([lock.token for lock in ending], Ending.REPLACED if target else Ending.DELETED)
            for lock in going_along:
                rows.reroot_lock(lock.token, paths.rebase(lock.root, source, target or ""), lock.document)
            rows.next_generation()  # something is always written, and so the clock kept
        self.wrote()

    def wrote(self) -> None:
        self.kept = self.oracle.now


class Hasty(SqliteState):
    """What is asked here is who may, not whether it survives a power cut."""

    def _open(self) -> sqlite3.Connection:
        connection = super()._open()
        connection.execute("PRAGMA synchronous=OFF")
        return connection


def tokens(locks: Iterable[Lock | Held]) -> set[str]:
    return {lock.token for lock in locks}


def seen(lock: Lock) -> tuple[object, ...]:
    ends = math.inf if lock.expires is None else lock.expires
    return (lock.token, lock.kind, lock.scope is Scope.EXCLUSIVE, lock.deep, lock.root, lock.principal, ends, lock.generation)


def told(held: Held) -> tuple[object, ...]:
    path = "/" + "/".join(held.names)
    return (held.token, held.kind, held.exclusive, held.deep, path, held.who, held.ends, held.generation)


TestLocks = Locks.TestCase
TestLocks.settings = settings(max_examples=80, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck))
