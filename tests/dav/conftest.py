"""What the stories about WebDAV share: one server for all of them, two people, and a folder for each test alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dav.stories import proppatch, setting
from tests.serving import Client, Serving

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with Serving(tmp_path_factory.mktemp("dav") / "root") as serving:
        yield serving


@pytest.fixture
def alice(serving: Serving) -> Iterator[Client]:
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
    """The path of an empty folder that no other test uses, such as /story-7."""
    name = f"story-{next(_numbers)}"
    (serving.root / name).mkdir()
    return f"/{name}"


@pytest.fixture
def disk(serving: Serving, folder: str) -> Path:
    """The same folder on the server's disk."""
    return serving.root / folder[1:]


@pytest.fixture
def document(folder: str, disk: Path) -> str:
    """The path of a document in it, whose content is `old`."""
    (disk / "report.odt").write_bytes(b"old")
    return f"{folder}/report.odt"


@pytest.fixture
def etag(alice: Client, document: str) -> str:
    """Of that document, after it has got a green property."""
    assert proppatch(alice, document, setting("<Z:colour>green</Z:colour>")).status == 207
    return alice.get(document).headers["ETag"]


@pytest.fixture(scope="session")
def combining(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server with the combined requests of MS-WDV."""
    place = tmp_path_factory.mktemp("combining")
    (place / "davlock.yaml").write_text("{root: root, webdav: {combined_requests: true}}")
    with Serving(place / "root", "--config", str(place / "davlock.yaml")) as serving:
        yield serving
