"""Several processes on one database: exactly one winner, nobody blocked by the dead, nothing lost."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from davlock.errors import Conflict
from davlock.locks import LockManager
from davlock.model import Caller, Kind, Wanted
from davlock.state import Rows, State
from davlock.state.sqlite import SqliteState

from . import processes

SPAWN = multiprocessing.get_context("spawn")
PROCESSES, ROUNDS, PATIENCE = 4, 40, 60.0
MANAGER = LockManager()


@contextmanager
def running(target: Callable[..., None], *each: tuple[Any, ...]) -> Iterator[list[BaseProcess]]:
    """A process for each tuple of arguments; they have ended well, or have been killed by the test, when the block is left."""
    children = [SPAWN.Process(target=target, args=arguments, daemon=True) for arguments in each]
    for child in children:
        child.start()
    try:
        yield children
    finally:
        for child in children:
            child.join(PATIENCE)
            if child.is_alive():
                child.kill()
                child.join()
    assert all(child.exitcode in (0, -signal.SIGKILL) for child in children), [child.exitcode for child in children]


def hear(said: Any, count: int) -> list[Any]:
    return [said.get(timeout=PATIENCE) for _ in range(count)]


def take(state: State, path: str, who: str) -> int:
    with state.deciding() as rows:
        return MANAGER.acquire(rows, Wanted(Kind.LOCK, path), Caller(who)).generation


def roots(file: Path) -> list[str]:
    """What somebody finds who looks afresh."""
    state = SqliteState(file)
    with state.reading() as rows:
        found = [lock.root for lock in rows.locks()]
    state.close()
    return found


def test_exactly_one_gets_the_lock(tmp_path: Path) -> None:
    """reliability §1.2; one of them wants the folder above, depth infinity."""
    file, barrier, said = tmp_path / "state.db", SPAWN.Barrier(PROCESSES), SPAWN.Queue()
    with running(processes.acquire, *((file, f"p{n}", ROUNDS, barrier, said) for n in range(PROCESSES))):
        outcomes = hear(said, PROCESSES * ROUNDS)
    assert not [outcome for outcome in outcomes if isinstance(outcome, str)]
    winners = defaultdict(list)
    for number, who, generation in outcomes:
        if generation is not None:
            winners[number].append((who, generation))
    assert [len(winners[number]) for number in range(ROUNDS)] == [1] * ROUNDS
    generations = [generation for (won,) in winners.values() for _, generation in [won]]
    assert len(set(generations)) == ROUNDS
    assert len(roots(file)) == ROUNDS


def test_a_lock_and_a_write_of_somebody_else_never_both_succeed(tmp_path: Path) -> None:
    """reliability §1.3: after the lock is granted nobody else's write is, whoever was asked first."""
    file, barrier, said = tmp_path / "state.db", SPAWN.Barrier(PROCESSES), SPAWN.Queue()
    with running(processes.lock_or_write, *((file, f"p{n}", ROUNDS, barrier, said) for n in range(PROCESSES))):
        outcomes = hear(said, PROCESSES * ROUNDS)
    assert not [outcome for outcome in outcomes if isinstance(outcome, str)]
    rounds = defaultdict(Counter)
    for number, _, outcome in outcomes:
        rounds[number][outcome] += 1
    for outcome in rounds.values():
        assert outcome["locked"] + outcome["late"] == 1
        assert outcome["written"] == 0 or outcome["late"] == 1
        assert outcome["refused"] == 0 or outcome["locked"] == 1


def test_threads_and_processes_take_turns(tmp_path: Path) -> None:
    """Nothing that anybody decided is lost, and nobody decides on what another one is just changing."""
    file, said, start = tmp_path / "state.db", SPAWN.Queue(), SPAWN.Event()
    with running(processes.take_turns, *((file, 4, 25, said, start) for _ in range(2))):
        start.set()
        assert sorted(hear(said, 200), key=str) == sorted(range(200), key=str)


def test_a_process_killed_within_a_decision_blocks_nobody_and_leaves_nothing(tmp_path: Path) -> None:
    file, said = tmp_path / "state.db", SPAWN.Queue()
    with running(processes.hang_within_a_decision, (file, said)) as (child,):
        assert hear(said, 1) == ["hanging"]
        # A queue of its own: whoever is killed may have died with the lock of his.
        with running(processes.take, (file, "/a", "alice", others := SPAWN.Queue())):
            os.kill(child.pid or 0, signal.SIGKILL)
            assert hear(others, 1) == ["alice"]
    state = SqliteState(file)
    with state.reading() as rows:
        assert [lock.principal for lock in rows.locks()] == ["alice"]
        assert rows.document("/a") is None
    assert state.problems() == []
    state.close()


def test_a_process_killed_while_looking_blocks_nobody(tmp_path: Path) -> None:
    file, said = tmp_path / "state.db", SPAWN.Queue()
    state = SqliteState(file)
    with running(processes.hang_within_a_look, (file, said)) as (child,):
        hear(said, 1)
        take(state, "/a", "alice")
        os.kill(child.pid or 0, signal.SIGKILL)
        take(state, "/b", "alice")
    state.close()
    assert roots(file) == ["/a", "/b"]


def counted(rows: Rows, name: str) -> int:
    account = rows.account(name)
    return int(account.password_hash) if account else 0


def test_what_is_remembered_is_never_older_than_what_was_committed_before(tmp_path: Path) -> None:
    """By this process, by another one, with more threads that look than processors: nobody finds what has been replaced."""
    file, last, ended = tmp_path / "state.db", SPAWN.Value("q", 0), SPAWN.Event()
    state = SqliteState(file)
    wrong: list[tuple[int, int]] = []
    looks: Counter[int] = Counter()

    def look() -> None:
        while not ended.is_set():
            committed = last.value
            found = state.remembered(counted, "counter")
            looks[found] += 1
            if found < committed:
                wrong.append((found, committed))

    threads = [threading.Thread(target=look) for _ in range(4)]
    with running(processes.count_until_told, (file, last, ended)):
        for thread in threads:
            thread.start()
        mine = 0
        while last.value < 300 and not wrong:
            mine += 1
            with state.deciding() as rows:
                rows.put_account("mine", str(mine), False)
            if (found := state.remembered(counted, "mine")) != mine:
                wrong.append((found, mine))
        ended.set()
        for thread in threads:
            thread.join()
    state.close()
    assert not wrong
    assert len(looks) > 100 and looks.total() > 2 * len(looks), "nothing was remembered, or nothing has changed"


def test_what_was_decided_is_there_after_a_kill(tmp_path: Path) -> None:
    """reliability §1.1, as far as processes can die."""
    file, said = tmp_path / "state.db", SPAWN.Queue()
    with running(processes.die_at_once_after_deciding, (file, said)):
        (lock,) = hear(said, 1)
    state = SqliteState(file)
    with state.reading() as rows:
        assert rows.lock(lock.token) == lock
    with pytest.raises(Conflict):
        take(state, "/a", "alice")
    state.close()


# fork: the server's workers are children of a process that had a state of its own


class Forked:
    """A child that does one thing after another, when it is told to; it ends by os._exit, as a server's worker does."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        (self._heard, said), (told, self._tell) = os.pipe(), os.pipe()
        self._pid = os.fork()
        if self._pid:
            os.close(said)
            os.close(told)
            return
        code = 1
        try:
            os.close(self._heard)
            os.close(self._tell)  # so that reading ends when the parent is gone
            for step in steps:
                if not os.read(told, 1):
                    break
                try:
                    step()
                    os.write(said, b"+")
                except BaseException as error:
                    os.write(said, type(error).__name__.encode())
            code = 0
        finally:
            os._exit(code)

    def step(self) -> str:
        os.write(self._tell, b".")
        return os.read(self._heard, 100).decode()

    def end(self) -> None:
        os.close(self._tell)
        os.close(self._heard)
        assert os.waitpid(self._pid, 0)[1] == 0


@pytest.mark.parametrize("used_before", [False, True])
def test_a_state_opened_before_a_fork_works_on_both_sides(used_before: bool, tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    state = SqliteState(file)
    if used_before:
        take(state, "/before", "parent")
        with state.reading() as rows:
            rows.locks()
    child = Forked(lambda: take(state, "/a", "child"), lambda: take(state, "/b", "child"), lambda: take(state, "/c", "child"))
    assert child.step() == "+"
    with pytest.raises(Conflict):
        take(state, "/a", "parent")
    take(state, "/b", "parent")
    assert child.step() == "Conflict"
    assert child.step() == "+"
    child.end()
    assert roots(file) == ["/a", "/b"] + ["/before"] * used_before + ["/c"]
    assert state.problems() == []
    state.close()


def test_what_a_child_decides_outlives_its_parents_connection(tmp_path: Path) -> None:
    """The last connection that SQLite knows of deletes the log: it must know of the child's."""
    file = tmp_path / "state.db"
    state = SqliteState(file)
    take(state, "/parent", "parent")
    child = Forked(lambda: take(state, "/early", "child"), lambda: take(state, "/late", "child"))
    assert child.step() == "+"
    take(state, "/parent too", "parent")
    state.close()
    assert child.step() == "+"
    other = SqliteState(file)
    for path in ("/early", "/late"):
        with pytest.raises(Conflict):
            take(other, path, "somebody else")
    other.close()
    child.end()
    assert roots(file) == ["/early", "/late", "/parent", "/parent too"]


def test_a_child_that_does_nothing_does_not_keep_its_dead_parents_turn(tmp_path: Path) -> None:
    """An flock lives as long as the last descriptor of it, also one that was inherited."""
    file, said = tmp_path / "state.db", SPAWN.Queue()
    with running(processes.have_a_child_and_hang_within_a_decision, (file, said)) as (parent,):
        child, _ = hear(said, 2)
        os.kill(parent.pid or 0, signal.SIGKILL)
        try:
            with running(processes.take, (file, "/a", "alice", others := SPAWN.Queue())):
                assert hear(others, 1) == ["alice"]
        finally:
            os.kill(child, signal.SIGKILL)
