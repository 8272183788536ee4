from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from .serving import Application, Client, serving


@pytest.fixture(scope="session")
def application() -> Application:
    return Application()


@pytest.fixture(scope="session")
def address(application: Application) -> Iterator[tuple[str, int]]:
    with serving(application) as address:
        yield address


@pytest.fixture(autouse=True)
def forget(application: Application) -> None:
    """Every test sees only its own requests."""
    application.seen.clear()
    for happened in (application.outcomes, application.closed):
        while not happened.empty():
            happened.get()


@pytest.fixture
def connect(address: tuple[str, int]) -> Callable[[], Client]:
    return lambda: Client(address)


@pytest.fixture
def client(address: tuple[str, int]) -> Iterator[Client]:
    with Client(address) as client:
        yield client
