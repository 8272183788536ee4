"""Short storms on a real server: nobody is told anything that was not so, also when every process is killed now and then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import Serving
from tests.storm.storm import Outcome, Storm, rage, report


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    with Serving(tmp_path / "root", "--workers", "2") as started:
        yield started


def served(outcome: Outcome, *kinds: str) -> bool:
    """Whether some of each kind of operation succeeded: a storm of refusals proves nothing."""
    return set(kinds) <= {operation.kind for operation in outcome.history.operations if operation.done}


def test_a_storm_finds_nothing_wrong(serving: Serving, tmp_path: Path) -> None:
    outcome = rage(Storm(seconds=8, processes=2, clients=6), serving, tmp_path)
    assert not outcome.wrong, report(outcome)
    assert served(outcome, "GET", "PUT", "LOCK", "REFRESH", "UNLOCK", "MOVE", "COPY", "DELETE"), report(outcome)


def test_a_storm_with_kills_finds_nothing_wrong(serving: Serving, tmp_path: Path) -> None:
    outcome = rage(Storm(seconds=5, processes=2, clients=6, kills=5), serving, tmp_path)
    assert not outcome.wrong, report(outcome)
    assert len(outcome.restarts) == 5
    assert served(outcome, "GET", "PUT", "LOCK", "UNLOCK", "DELETE"), report(outcome)
