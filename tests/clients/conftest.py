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


@pytest.fixture(scope="session")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty root to copy, in which alice and bob may log in: made once, since hashing passwords takes its time."""
    serving = Serving(tmp_path_factory.mktemp("accounts") / "root")
    serving.root.mkdir()
    for name in serving.users:
        serving.add_user(name)
    return serving.root


@pytest.fixture
def root(accounts: Path, tmp_path: Path) -> Path:
    """A fresh root for one test, to be served with users=()."""
    return Path(shutil.copytree(accounts, tmp_path / "root"))


@pytest.fixture
def serving(root: Path) -> Iterator[Serving]:
    with Serving(root, users=()) as serving:
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
