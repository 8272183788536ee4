"""What all tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from davlock.state import sqlite
from tests.serving import connected


@pytest.fixture(autouse=True)
def states_are_closed() -> Iterator[None]:
    """Closes the states that a test has opened: from Python 3.13 on, a connection that is left to the garbage collector is an error."""
    before = set(sqlite._states)
    yield
    for state in set(sqlite._states) - before:
        state.close()


@pytest.fixture(autouse=True)
def connections_are_closed() -> Iterator[None]:
    """Closes what clients have left open, which opens itself again when it is used: thousands of tests must not keep a socket each."""
    yield
    for client in list(connected):
        client.close()
    connected.clear()
