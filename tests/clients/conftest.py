"""What the tests with real client programs share."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.serving import Client, Serving


def needs(program: str) -> str:
    """The path of a program; the test fails, and is not skipped, where it is missing."""
    found = shutil.which(program) or shutil.which(program, path="/usr/local/sbin:/usr/sbin:/sbin")
    if not found:
        pytest.fail(f"{program} is not installed; these tests need it", pytrace=False)
    return found


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    with Serving(tmp_path / "root") as serving:
        yield serving


@pytest.fixture
def alice(serving: Serving) -> Client:
    return Client(serving, "alice")


@pytest.fixture
def bob(serving: Serving) -> Client:
    return Client(serving, "bob")


def eventually(question: Callable[[], bool], seconds: float = 15.0) -> bool:
    """Whether the answer becomes true in time: for what a client program does after its call has returned."""
    until = time.monotonic() + seconds
    while not question():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True
