"""Decisions: all or nothing, alone, and undone when they fail; and what no decision can store."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from davlock.errors import DavlockError, Locked
from davlock.locks import LockManager
from davlock.model import Caller, Kind, Lock, Scope, Wanted
from davlock.state import Rows, State

from .conftest import Clock, OpenState

ALICE, BOB = Caller("alice"), Caller("bob")


def decide(state: State, what: Callable[[Rows], object]) -> None:
    with state.deciding() as rows:
        what(rows)


def start(target: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=target)
    thread.start()
    return thread


class Mistake(Exception):
    """Whatever else may go wrong within a decision."""


@pytest.mark.parametrize("error", [Mistake, KeyboardInterrupt, Locked])
def test_a_decision_that_raises_leaves_nothing(error: type[BaseException], state: State, manager: LockManager) -> None:
    problem = error("no", ()) if error is Locked else error("no")
    with pytest.raises(error) as raised, state.deciding() as rows:
        lock = manager.acquire(rows, Wanted(Kind.LOCK, "/a"), ALICE)
        rows.add_document("/a")
        rows.put_account("carol", "hash", False)
        raise problem
    assert raised.value is problem
    with state.reading() as rows:
        assert (rows.locks(), rows.document("/a"), rows.account("carol"), rows.lock(lock.token)) == ([], None, None, None)
    with state.deciding() as rows:
        manager.acquire(rows, Wanted(Kind.LOCK, "/a"), BOB)


def test_a_decision_is_seen_by_nobody_before_it_ends(open_state: OpenState, manager: LockManager) -> None:
    one, other = open_state(), open_state()
    with one.deciding() as rows:
        manager.acquire(rows, Wanted(Kind.LOCK, "/a"), ALICE)
        with other.reading() as elsewhere:
            assert elsewhere.locks() == []
    with other.reading() as elsewhere:
        assert len(elsewhere.locks()) == 1


def test_a_look_is_one_snapshot(open_state: OpenState, manager: LockManager) -> None:
    one, other = open_state(), open_state()
    with one.reading() as rows:
        assert rows.locks() == []
        with other.deciding() as elsewhere:
            manager.acquire(elsewhere, Wanted(Kind.LOCK, "/a"), ALICE)
        assert rows.locks() == []


def test_if_undone_runs_backwards_and_only_on_failure(state: State) -> None:
    done: list[int] = []
    with state.deciding() as rows:
        rows.if_undone(lambda: done.append(0))
    assert done == []
    with pytest.raises(Mistake), state.deciding() as rows:
        for number in (1, 2, 3):
            rows.if_undone(lambda number=number: done.append(number))
        raise Mistake
    assert done == [3, 2, 1]


def test_if_undone_runs_while_still_alone(open_state: OpenState) -> None:
    """Nobody may decide on what is about to be taken back."""
    state, other, order = open_state(), open_state(), []
    with pytest.raises(Mistake), state.deciding() as rows:
        rows.if_undone(lambda: order.append("undone"))
        deciding = start(lambda: decide(other, lambda rows: order.append("other")))
        raise Mistake
    deciding.join()
    assert order == ["undone", "other"]


def test_one_undo_that_fails_does_not_keep_the_others(state: State, manager: LockManager) -> None:
    def fail() -> None:
        raise OSError("the disk")

    done: list[int] = []
    with pytest.raises((Mistake, OSError)), state.deciding() as rows:
        manager.acquire(rows, Wanted(Kind.LOCK, "/a"), ALICE)
        rows.if_undone(lambda: done.append(1))
        rows.if_undone(fail)
        rows.if_undone(lambda: done.append(3))
        raise Mistake
    assert done == [3, 1]
    with state.deciding() as rows:
        assert rows.locks() == []
        manager.acquire(rows, Wanted(Kind.LOCK, "/a"), BOB)


def test_what_must_be_done_before_the_commit_is_done_once_for_each_key(state: State) -> None:
    done: list[str] = []
    with state.deciding() as rows:
        for key in ("/f", "/g", "/f"):
            rows.before_commit(key, lambda key=key: done.append(key))
        assert done == []
    assert done == ["/f", "/g"]


def test_a_commit_whose_preparation_fails_is_undone(state: State, manager: LockManager) -> None:
    def fail() -> None:
        raise Mistake

    done: list[int] = []
    with pytest.raises(Mistake), state.deciding() as rows:
        manager.acquire(rows, Wanted(Kind.LOCK, "/a"), ALICE)
        rows.if_undone(lambda: done.append(1))
        rows.if_undone(lambda: done.append(2))
        rows.before_commit("/", fail)
    assert done == [2, 1]
    with state.deciding() as rows:
        assert rows.locks() == []
        manager.acquire(rows, Wanted(Kind.LOCK, "/a"), BOB)


# the illegal state cannot be stored, whatever the program does


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"principal": "alice"},
        {"kind": Kind.EDIT, "scope": Scope.SHARED},
        {"kind": Kind.CHECKOUT, "scope": Scope.SHARED},
        {"kind": Kind.EDIT, "deep": True},
        {"root": "/b", "expires": None},
        {"root": "/b", "token": "urn:uuid:1"},
        {"root": "/b", "document": 4711},
    ],
    ids=str,
)
def test_what_cannot_be_stored(change: dict[str, object], state: State, clock: Clock) -> None:
    """Two exclusive ones of a kind on a root, a shared or deep checkout, an endless LOCK, a token given twice."""
    lock = Lock("urn:uuid:1", Kind.LOCK, Scope.EXCLUSIVE, False, "/a", "alice", "webdav", clock.now, clock.now + 60, 1)
    with state.deciding() as rows:
        rows.add_lock(lock)
    second = replace(lock, **{"token": "urn:uuid:2", "generation": 2, "principal": "bob"} | change)
    with pytest.raises(DavlockError), state.deciding() as rows:
        rows.add_lock(second)
    with state.reading() as rows:
        assert rows.locks() == [lock]


@pytest.mark.parametrize("kind", Kind)
def test_two_cannot_be_moved_onto_one_root(kind: Kind, state: State, clock: Clock) -> None:
    one = Lock("urn:uuid:1", kind, Scope.EXCLUSIVE, False, "/a", "alice", "webdav", clock.now, clock.now + 60, 1)
    other = replace(one, token="urn:uuid:2", generation=2, root="/b")
    with state.deciding() as rows:
        rows.add_lock(one)
        rows.add_lock(other)
    with pytest.raises(DavlockError), state.deciding() as rows:
        rows.reroot_lock(other.token, "/a", None)
    with state.reading() as rows:
        assert rows.locks() == [one, other]
