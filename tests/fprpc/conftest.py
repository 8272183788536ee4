"""What the stories about FrontPage RPC share: one server for all of them, two people and an administrator (root), a folder for each test.

def test_it(rpc: Rpc, document: str) -> None:
    answer = rpc("alice", "checkout document", document_name=document, force=0, timeout=10)
    assert answer.status == 0
    assert answer.values.list("meta_info").meta()["vti_sourcecontrolcheckedoutby"].text == "alice"
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fprpc.client import List, command, read_packet
from tests.serving import Client, Serving

VERSION = "6.0.2.5523"  # of Word 2003 (capture)
AUTHOR, SHTML, ADMIN = "/_vti_bin/_vti_aut/author.dll", "/_vti_bin/shtml.dll/_vti_rpc", "/_vti_bin/_vti_adm/admin.dll"
FORM, VERMEER = "application/x-www-form-urlencoded", "application/x-vermeer-urlencoded"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Packet:
    """An answer: its values, the content behind it, and all of it as it came."""

    values: List
    content: bytes
    raw: bytes

    @property
    def status(self) -> int:
        """The error number; 0 for a success."""
        return int(self.values.list("status").text("status")) if "status" in self.values.pairs else 0

    @property
    def message(self) -> str:
        """The sentence for people."""
        return self.values.list("status").text("msg") if "status" in self.values.pairs else self.values.text("message")

    def documents(self, name: str = "document_list") -> dict[str, dict[str, str]]:
        """Documents in a vector: their names, and their meta values such as `IR|5`."""
        return {
            each.text("document_name"): dict(zip(meta.texts[::2], meta.texts[1::2], strict=True))
            for each in self.values.list(name).lists
            for meta in [each.list("meta_info")]
        }

    def folders(self, name: str = "urldirs") -> dict[str, dict[str, str]]:
        """Folders in a vector, likewise."""
        return {
            each.text("url"): dict(zip(meta.texts[::2], meta.texts[1::2], strict=True))
            for each in self.values.list(name).lists
            for meta in [each.list("meta_info")]
        }


class Rpc:
    """Calls, by anybody, over connections that stay open; every answer must be a packet."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._clients: dict[str, Client] = {}

    def client(self, user: str) -> Client:
        """The HTTP connection of somebody."""
        return self._clients.setdefault(user, Client(self._serving, user))

    def __call__(
        self,
        user: str,
        method: str,
        site: str = "",
        payload: bytes | Iterable[bytes] | None = None,
        *,
        entrance: str = AUTHOR,
        **parameters: str | int,
    ) -> Packet:
        """site: the folder below whose path the entrance is, such as `/story-7`. payload: an iterable is sent in chunks.

        Numbers and truths are written as the protocol has them; a method without a version gets that of Word 2003.
        """
        line = (
            command(method if ":" in method else f"{method}:{VERSION}", {name: _written(parameters[name]) for name in parameters}) + b"\n"
        )
        body = line + (payload or b"") if payload is None or isinstance(payload, bytes) else itertools.chain([line], payload)
        kind = FORM if payload is None else VERMEER
        headers = {"Content_Type": kind, "X_Vermeer_Content_Type": kind, "User_Agent": "MSFrontPage/6.0", "MIME_Version": "1.0"}
        answer = self.client(user).request("POST", site + entrance, body, **headers)
        assert answer.status == 200, answer
        assert answer.headers["Content-Type"] == "application/x-vermeer-rpc"
        values, content = read_packet(answer.body)
        return Packet(values, content, answer.body)


def _written(value: str | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.fixture(scope="session")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with Serving(tmp_path_factory.mktemp("fprpc") / "root", users=("alice", "bob", "root"), admins=("root",)) as serving:
        yield serving


@pytest.fixture
def rpc(serving: Serving) -> Rpc:
    return Rpc(serving)


@pytest.fixture
def alice(serving: Serving) -> Iterator[Client]:
    """Somebody over WebDAV."""
    client = Client(serving, "alice")
    yield client
    client.close()


@pytest.fixture
def bob(serving: Serving) -> Iterator[Client]:
    client = Client(serving, "bob")
    yield client
    client.close()


@pytest.fixture
def folder(serving: Serving) -> str:
    """The name of an empty folder that no other test uses, such as story-7: its URL-STRING below the root."""
    name = f"story-{next(_numbers)}"
    (serving.root / name).mkdir()
    return name


@pytest.fixture
def disk(serving: Serving, folder: str) -> Path:
    """The same folder on the server's disk."""
    return serving.root / folder


@pytest.fixture
def document(folder: str, disk: Path) -> str:
    """The URL-STRING of a document in it, whose content is `old`."""
    (disk / "report.doc").write_bytes(b"old")
    return f"{folder}/report.doc"
