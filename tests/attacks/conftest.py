"""The scene of every attack: a document that alice has locked, a secret beside the served folder, and bob, who may log in."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.dav.stories import locks_on, properties, say
from tests.serving import Answer, Client, Serving

SECRET = b"the secret that lies outside of the served folder"
CONTENT = b"what alice has locked"
REFUSED = range(400, 500)
_numbers = itertools.count(1)


@dataclass
class Scene:
    """folder: its path, with `locked.txt`, locked by alice with token, and `free.txt`; disk: the same on the disk."""

    serving: Serving
    alice: Client
    folder: str
    disk: Path
    token: str = ""

    @property
    def locked(self) -> str:
        return f"{self.folder}/locked.txt"

    @property
    def free(self) -> str:
        return f"{self.folder}/free.txt"

    @property
    def host(self) -> str:
        return f"{self.serving.host}:{self.serving.port}"

    def hit(
        self,
        line: str | bytes,
        *headers: str | bytes,
        body: bytes = b"",
        user: str | None = "bob",
        expect: Collection[int] = REFUSED,
    ) -> Answer:
        """Send this over a connection of its own, within seconds get one of the expected statuses, and no secret."""
        answer = say(self.serving, line, *headers, body=body, user=user)
        assert answer.status in expect, (answer.status, answer.body[:300], line[:200], [each[:200] for each in headers])
        shown = answer.body + str(answer.headers).encode()
        for told in (SECRET, b"Traceback", b"root:x:", str(self.serving.root).encode(), b'.py"'):
            assert told not in shown, (line[:200], headers)
        if answer.headers["Content-Type"] == "application/xml; charset=utf-8" and answer.body:
            answer.xml()
        return answer

    def outside(self) -> list[str]:
        """Every file and folder that is neither in the scene nor in the server's own folder."""
        world = self.serving.root.parent
        inner = (self.disk, self.serving.root / ".davlock")
        return sorted(str(each) for each in world.rglob("*") if not any(each.is_relative_to(other) for other in inner))

    def check(self) -> None:
        """Nothing has happened."""
        assert (self.serving.root.parent / "secret.txt").read_bytes() == SECRET
        assert (self.disk / "locked.txt").read_bytes() == CONTENT
        assert self.alice.get(self.locked).body == CONTENT
        assert [active.token for active in locks_on(self.alice, self.locked)] == [self.token]
        listing = properties(self.alice.propfind(self.folder, depth="1"))
        assert self.locked in listing


@pytest.fixture(scope="session")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    world = tmp_path_factory.mktemp("world")
    (world / "secret.txt").write_bytes(SECRET)
    with Serving(world / "root") as serving:
        yield serving


@pytest.fixture
def scene(serving: Serving) -> Iterator[Scene]:
    name = f"scene-{next(_numbers)}"
    disk = serving.root / name
    disk.mkdir()
    (disk / "locked.txt").write_bytes(CONTENT)
    (disk / "free.txt").write_bytes(b"free")
    alice = Client(serving, "alice", timeout=5)
    scene = Scene(serving, alice, f"/{name}", disk)
    scene.token = alice.lock(scene.locked)
    before = scene.outside()
    yield scene
    scene.check()
    assert scene.outside() == before
    alice.close()
    shutil.rmtree(disk)
