"""What the tests of the core share: time that passes when a test says so, and the same state on every database there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from davlock.locks import LockManager
from davlock.state import State
from davlock.state.sqlite import SqliteState


@dataclass
class Clock:
    """Seconds that pass when a test says so. Quarters and halves: they are exact in binary."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


OpenState = Callable[[], State]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite"])
def open_state(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[OpenState]:
    """Opens the test's database; a second call is another process's view of it, or the one after a restart."""
    makers: dict[str, Callable[[], State]] = {"sqlite": lambda: SqliteState(tmp_path / "state.db", clock)}
    with ExitStack() as opened:

        def open_one() -> State:
            state = makers[request.param]()
            opened.callback(state.close)
            return state

        yield open_one


@pytest.fixture
def state(open_state: OpenState) -> State:
    return open_state()


@pytest.fixture
def manager() -> LockManager:
    return LockManager()
