"""What the tests of authentication share: accounts in a real state, and a real server with an authenticator in it."""

from __future__ import annotations

import base64
import http.client
import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from davlock.auth.accounts import Accounts
from davlock.auth.api import NO_API, Api
from davlock.auth.authenticator import Authenticator
from davlock.auth.cors import share
from davlock.auth.origins import Origins
from davlock.auth.tokens import Tokens
from davlock.server.servers import Server, listen
from davlock.state.sqlite import SqliteState


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Reply:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def seen(self) -> dict[str, Any]:
        """What the application behind the authenticator found in its environ."""
        assert self.status == 200, (self.status, self.body)
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass(frozen=True)
class Door:
    """A server with an authenticator in front of an application that tells what it has seen."""

    address: tuple[str, int]

    def ask(
        self, authorization: str | bytes | None = None, method: str = "GET", path: str = "/", *, peer: str = "127.0.0.1", **headers: str
    ) -> Reply:
        """One request on a connection of its own, from the address `peer`."""
        sent: dict[str, str | bytes] = {name.replace("_", "-"): value for name, value in headers.items()}
        if authorization is not None:
            sent["Authorization"] = authorization
        connection = http.client.HTTPConnection(*self.address, timeout=30, source_address=(peer, 0))
        try:
            connection.request(method, path, headers=sent)
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read())
        finally:
            connection.close()


def basic(name: str, password: str, encoding: str = "utf-8") -> str:
    """An Authorization header."""
    return "Basic " + base64.b64encode(f"{name}:{password}".encode(encoding)).decode()


def tell(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    names = ("davlock.principal", "davlock.admin", "REMOTE_USER")
    body = json.dumps({name: environ.get(name) for name in names}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


@pytest.fixture
def state(tmp_path: Path, clock: Clock) -> Iterator[SqliteState]:
    state = SqliteState(tmp_path / "state.db", clock)
    yield state
    state.close()


@pytest.fixture
def accounts(state: SqliteState) -> Accounts:
    return Accounts(state)


@pytest.fixture
def tokens(state: SqliteState) -> Tokens:
    return Tokens(state)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def door(accounts: Accounts, tokens: Tokens, clock: Clock) -> Iterator[Door]:
    with opened(accounts, tokens, clock, api_with()) as door:
        yield door


def api_with(*origins: str) -> Api:
    """A door for programs, below /api: /api/open is for everybody."""

    def spell(status: int, text: str) -> tuple[str, bytes]:
        return "application/json", json.dumps({"Status": status, "Message": text}).encode()

    return Api(lambda path: path.startswith("/api"), lambda method, path: (method, path) == ("GET", "/api/open"), spell, Origins(origins))


@pytest.fixture(scope="module")
def shared_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """For requests that leave nothing behind; alice has the password `right`."""
    state = SqliteState(tmp_path_factory.mktemp("shared") / "state.db")
    accounts = Accounts(state)
    accounts.add("alice", "right")
    with opened(accounts, Tokens(state), Clock()) as door:
        yield door
    state.close()


@contextmanager
def opened(accounts: Accounts, tokens: Tokens, clock: Clock, api: Api = NO_API) -> Iterator[Door]:
    application = share(Authenticator(accounts, tokens, api=api, clock=clock).protect(tell), api)
    server = Server(listen("127.0.0.1", 0), application, threads=8)
    server.prepare()
    serving = threading.Thread(target=server.serve)
    serving.start()
    try:
        yield Door(server.bind_addr)
    finally:
        server.stop(5)
        serving.join()
