"""Decisions of several threads that share one commit: together on the disk, but each for itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from davlock.errors import Conflict, Unavailable
from davlock.locks import LockManager
from davlock.model import Caller, Kind, Wanted
from davlock.state import Rows, turns
from davlock.state.sqlite import SqliteState
from davlock.state.turns import MOST_TOGETHER

from .conftest import Clock

Decide = Callable[[Rows], object]
PATIENCE = 30.0


class Mistake(Exception):
    """Whatever may go wrong within a decision."""


@pytest.fixture
def state(tmp_path: Path) -> SqliteState:
    return SqliteState(tmp_path / "state.db")


class Together:
    """Runs decisions in threads of their own, each while the one before it has not ended: so they share a commit.

    outcomes: by number, "decided" or the exception that its caller got; what is not in there has not been answered yet.
    """

    def __init__(self, state: SqliteState, *decisions: Decide) -> None:
        self.outcomes: dict[int, object] = {}
        self._state, self._decisions = state, decisions
        self._threads: list[threading.Thread] = []

    def run(self) -> list[object]:
        self._start(0)
        for thread in self._threads:  # grows meanwhile
            thread.join(PATIENCE)
            assert not thread.is_alive(), f"never answered: {self.outcomes}"
        return [self.outcomes[number] for number in range(len(self._decisions))]

    def _start(self, number: int) -> None:
        self._threads.append(threading.Thread(target=self._run, args=(number,), daemon=True))
        self._threads[-1].start()

    def _run(self, number: int) -> None:
        try:
            with self._state.deciding() as rows:
                try:
                    self._decisions[number](rows)
                finally:
                    if number + 1 < len(self._decisions):
                        self._start(number + 1)
                        wait_until(self._state._turns._is_awaited)
            self.outcomes[number] = "decided"
        except BaseException as error:
            self.outcomes[number] = error


def wait_until(happened: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.001)


def take(path: str, who: str) -> Decide:
    return lambda rows: LockManager().acquire(rows, Wanted(Kind.LOCK, path), Caller(who))


def both(*decisions: Decide) -> Decide:
    return lambda rows: [decide(rows) for decide in decisions]


def fail(_: object = None) -> None:
    raise Mistake


def on_undo(log: list[str], word: str) -> Decide:
    return lambda rows: rows.if_undone(lambda: log.append(word))


def before_commit(key: str, action: Callable[[], None]) -> Decide:
    return lambda rows: rows.before_commit(key, action)


def holders(state: SqliteState) -> dict[str, str]:
    with state.reading() as rows:
        return {lock.root: lock.principal for lock in rows.locks()}


def test_they_share_one_commit(state: SqliteState) -> None:
    synced: list[str] = []
    once = before_commit("/f", lambda: synced.append("/f"))
    decisions = [both(take(f"/f/{number}", f"p{number}"), once) for number in range(5)]
    assert Together(state, *decisions).run() == ["decided"] * 5
    assert synced == ["/f"]
    assert len(holders(state)) == 5


def test_one_that_fails_spares_nobody_the_disk(state: SqliteState, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(turns, "_sync", synced.append)
    spared_and_failed = both(take("/b", "bob"), lambda rows: rows.spare_sync(), fail)
    assert [type(outcome) for outcome in Together(state, take("/a", "alice"), spared_and_failed).run()] == [str, Mistake]
    assert len(synced) == 1
    spared = both(take("/b", "bob"), lambda rows: rows.spare_sync())
    assert Together(state, take("/c", "alice"), spared).run() == ["decided"] * 2
    assert len(synced) == 2, "the other one of the two was not spared"


def test_what_a_refused_one_has_swept_is_swept_again(tmp_path: Path) -> None:
    clock = Clock()
    state = SqliteState(tmp_path / "state.db", clock)
    with state.deciding() as rows:
        LockManager().acquire(rows, Wanted(Kind.LOCK, "/a", timeout=60), Caller("gone"))
    clock.now += 60
    decisions = [lambda rows: rows.put_account("alice", "", False), both(take("/b", "alice"), fail), take("/a", "bob")]
    assert [type(outcome) for outcome in Together(state, *decisions).run()] == [str, Mistake, str]
    assert holders(state) == {"/a": "bob"}


def test_nobody_is_answered_before_the_commit(state: SqliteState) -> None:
    """Nor does anybody see what was decided."""
    answered: list[object] = []
    other = SqliteState(state._file)

    def look() -> None:
        answered.append((dict(together.outcomes), holders(other)))

    together = Together(state, take("/a", "alice"), take("/b", "bob"), lambda rows: look(), before_commit("last", look))
    assert together.run() == ["decided"] * 4
    assert answered == [({}, {})] * 2


def test_each_sees_what_was_decided_before_it(state: SqliteState) -> None:
    alice, bob = Together(state, take("/a", "alice"), take("/a", "bob")).run()
    assert alice == "decided"
    assert isinstance(bob, Conflict)
    assert holders(state) == {"/a": "alice"}


@pytest.mark.parametrize("which", [0, 1, 2])
def test_one_that_fails_fails_alone(which: int, state: SqliteState) -> None:
    log: list[str] = []
    syncs = [before_commit(f"{n}", lambda n=n: log.append(f"sync {n}")) for n in range(3)]
    decisions = [both(take(f"/{n}", "alice"), on_undo(log, f"undo {n}"), syncs[n]) for n in range(3)]
    decisions[which] = both(decisions[which], fail)
    outcomes = Together(state, *decisions).run()
    others = [number for number in range(3) if number != which]
    assert isinstance(outcomes[which], Mistake)
    assert [outcomes[number] for number in others] == ["decided"] * 2
    assert log == [f"undo {which}"] + [f"sync {number}" for number in others]
    assert sorted(holders(state)) == [f"/{number}" for number in others]


@pytest.mark.parametrize("which", [0, 1, 2])
def test_an_undo_that_fails_lets_nothing_of_its_decision_through(which: int, state: SqliteState) -> None:
    log: list[str] = []
    decisions = [both(take(f"/{n}", "alice"), on_undo(log, f"undo {n}")) for n in range(3)]
    decisions[which] = both(decisions[which], lambda rows: rows.if_undone(fail), fail)
    outcomes = Together(state, *decisions).run()
    assert isinstance(outcomes.pop(which), Mistake)
    assert outcomes == ["decided"] * 2
    assert log == [f"undo {which}"]
    assert sorted(holders(state)) == [f"/{number}" for number in range(3) if number != which]


def break_commit(rows: Rows) -> None:
    """COMMIT itself will fail: a lock on a document that does not exist, found out only then."""
    rows._connection.execute("PRAGMA defer_foreign_keys=ON")
    LockManager().acquire(rows, Wanted(Kind.LOCK, "/broken", document=4711), Caller("alice"))


@pytest.mark.parametrize("breaks", [break_commit, before_commit("x", fail)], ids=["COMMIT", "before"])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_commit_that_fails_fails_for_all(which: int, breaks: Decide, state: SqliteState) -> None:
    log: list[str] = []
    decisions = [both(take(f"/{n}", "alice"), on_undo(log, f"{n} first"), on_undo(log, f"{n} then")) for n in range(3)]
    decisions[which] = both(breaks, decisions[which])
    outcomes = Together(state, *decisions).run()
    assert all(isinstance(outcome, Mistake | Unavailable) for outcome in outcomes), outcomes
    assert log == ["2 then", "2 first", "1 then", "1 first", "0 then", "0 first"]
    assert holders(state) == {}
    assert Together(state, take("/0", "bob"), take("/1", "bob")).run() == ["decided"] * 2
    assert holders(SqliteState(state._file)) == {"/0": "bob", "/1": "bob"}


def test_a_commit_and_an_undo_that_fail_block_nobody(state: SqliteState) -> None:
    log: list[str] = []
    decisions = [both(take("/0", "alice"), on_undo(log, "0")), both(take("/1", "alice"), lambda rows: rows.if_undone(fail), break_commit)]
    assert "decided" not in Together(state, *decisions).run()
    assert log == ["0"]
    assert Together(state, take("/0", "bob"), take("/1", "bob")).run() == ["decided"] * 2
    assert Together(SqliteState(state._file), take("/2", "bob")).run() == ["decided"]


def test_a_transaction_that_the_database_gives_up_is_given_up_by_all(state: SqliteState) -> None:
    """SQLite does so by itself when disk or memory run out."""
    log: list[str] = []
    give_up = lambda rows: rows._connection.execute("ROLLBACK")  # noqa: E731
    outcomes = Together(state, both(take("/0", "alice"), on_undo(log, "0")), both(take("/1", "alice"), give_up), take("/2", "carol")).run()
    assert isinstance(outcomes[0], Unavailable)
    assert isinstance(outcomes[1], Unavailable)
    assert outcomes[2] == "decided"
    assert log == ["0"]
    assert holders(state) == {"/2": "carol"}


@pytest.mark.parametrize("crowd", [lambda rows: None, fail], ids=["decide", "are refused"])
def test_a_crowd_does_not_keep_the_first_waiting(crowd: Decide, state: SqliteState) -> None:
    """However many come, and whatever becomes of them, a commit holds only so many."""
    together = Together(state)
    answered = lambda rows: wait_until(lambda: 0 in together.outcomes)  # noqa: E731
    together._decisions = (take("/a", "alice"), *[crowd] * MOST_TOGETHER, answered)
    assert together.run()[0] == "decided"


def test_everything_closed_is_opened_again(state: SqliteState) -> None:
    for number in range(3):
        assert Together(state, take(f"/{number}", "alice")).run() == ["decided"]
        state.close()
    assert len(holders(state)) == 3
