"""What the tests of the REST door share: one server for all of them, two people and an administrator (root), a document for each test.

def test_it(api: Api, document: Stored) -> None:
    told = api("alice", "POST", f"/Document/{document.id}/Lock")
    assert told["Success"] is True
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.dav.stories import DAVLOCK
from tests.serving import Answer, Client, Header, Raw, Serving

ROOT = "/api/v1"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Stored:
    """A document: its path and its number."""

    path: str
    id: int


class Api:
    """Calls, by anybody, over connections that stay open."""

    def __init__(self, serving: Serving) -> None:
        self.serving = serving
        self._clients: dict[str, Client] = {}

    def client(self, user: str) -> Client:
        """The HTTP connection of somebody."""
        return self._clients.setdefault(user, Client(self.serving, user))

    def ask(self, user: str, method: str, path: str, body: Any = None, **headers: Header) -> Answer:
        """One request. path: below /api/v1, with its query, as it goes over the wire; body: bytes, or what is sent as JSON."""
        if body is not None and not isinstance(body, bytes | Iterable) or isinstance(body, dict | list | str):
            body = json.dumps(body).encode()
            headers = {"Content_Type": "application/json"} | headers
        return self.client(user).request(method, Raw(ROOT + path), body, **headers)

    def __call__(self, user: str, method: str, path: str, body: Any = None, **headers: Header) -> Any:
        """One request that succeeds with JSON; returns the value."""
        answer = self.ask(user, method, path, body, **headers)
        assert answer.status == 200, (answer.status, answer.body)
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        return json.loads(answer.body)

    def refused(self, status: int, user: str, method: str, path: str, body: Any = None, **headers: Header) -> dict[str, Any]:
        """One request that is refused with this status and the error object; returns that."""
        answer = self.ask(user, method, path, body, **headers)
        assert answer.status == status, (answer.status, answer.body)
        told: dict[str, Any] = json.loads(answer.body)
        assert list(told) == ["Error", "ErrorType", "ErrorMessage", "ErrorSource"]
        assert told["Error"] is True
        return told


@pytest.fixture(scope="session")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with Serving(tmp_path_factory.mktemp("rest") / "root", users=("alice", "bob", "root"), admins=("root",)) as serving:
        yield serving


@pytest.fixture(scope="session")
def api(serving: Serving) -> Api:
    return Api(serving)


@pytest.fixture
def folder(serving: Serving) -> Path:
    """A folder of its own for a test; its path on the server is `/<name>`."""
    folder = serving.root / f"rest-{next(_numbers)}"
    folder.mkdir()
    return folder


@pytest.fixture
def document(api: Api, folder: Path) -> Stored:
    """A document that is there, with the content `one`, and that nobody holds."""
    return stored(api, f"/{folder.name}/report.docx")


def stored(api: Api, path: str, content: bytes = b"one") -> Stored:
    """A document, saved over WebDAV by alice; its number is asked for there."""
    assert api.client("alice").put(path, content).status in (201, 204)
    return Stored(path, number(api, path))


def number(api: Api, path: str) -> int:
    """The number of what is at a path, as WebDAV tells it."""
    asked = f'<D:propfind xmlns:D="DAV:"><D:prop><L:id xmlns:L="{DAVLOCK[1:-1]}"/></D:prop></D:propfind>'
    answer = api.client("alice").request("PROPFIND", path, asked, Depth="0", Content_Type="application/xml")
    (found,) = answer.texts(f"{DAVLOCK}id")
    return int(found)
