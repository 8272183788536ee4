"""gvfs, with which GNOME's file manager and editors reach a server, driven by its command line tool gio."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.clients.conftest import needs
from tests.serving import Client, Serving

pytestmark = pytest.mark.clients

SECONDS = 30


class Desktop:
    """A session bus of its own, with its own gvfs, on which one person has the server mounted."""

    def __init__(self, serving: Serving, user: str, folder: Path) -> None:
        (folder / "home").mkdir(parents=True)
        (folder / "run").mkdir(mode=0o700)
        self.folder = folder
        self._url = f"dav://{user}@{serving.host}:{serving.port}"
        self._environment = {
            "HOME": str(folder / "home"),
            "XDG_RUNTIME_DIR": str(folder / "run"),
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "GVFS_DISABLE_FUSE": "1",
        }
        with (folder / "bus.log").open("wb") as log:
            self._bus = subprocess.Popen(
                [needs("dbus-run-session"), "--", "sh", "-c", "echo $DBUS_SESSION_BUS_ADDRESS; exec cat"],
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )
        assert self._bus.stdout
        self._environment["DBUS_SESSION_BUS_ADDRESS"] = self._bus.stdout.readline().strip()
        mounted = self.run("mount", self.url("/"), stdin=serving.password(user).encode() + b"\n")
        assert mounted.returncode == 0, mounted

    def url(self, path: str) -> str:
        return self._url + quote(path)

    def run(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([needs("gio"), *arguments], input=stdin, capture_output=True, env=self._environment, timeout=SECONDS)

    def gio(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """What gio prints; it must succeed."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, done
        return done.stdout

    def names(self, path: str) -> set[str]:
        return set(self.gio("list", self.url(path)).decode().splitlines())

    def close(self) -> None:
        self.run("mount", "--unmount", self.url("/"))
        # the daemons of the bus would end with it, but some time later
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._bus.pid, signal.SIGTERM)
        self._bus.communicate(timeout=SECONDS)


@pytest.fixture
def desktop(serving: Serving, tmp_path: Path) -> Iterator[Desktop]:
    """Alice's."""
    desktop = Desktop(serving, "alice", tmp_path / "desktop")
    yield desktop
    desktop.close()


def test_a_folder_is_used_like_a_local_one(serving: Serving, desktop: Desktop, bob: Client) -> None:
    content = bytes(range(256)) * 512
    local = desktop.folder / "local.bin"
    local.write_bytes(content)
    (serving.root / "from bob.txt").write_bytes(b"hello alice\n")

    desktop.gio("copy", str(local), desktop.url("/Plan ü & #1 100%.bin"))
    assert (serving.root / "Plan ü & #1 100%.bin").read_bytes() == content
    assert desktop.names("/") == {"Plan ü & #1 100%.bin", "from bob.txt"}
    assert desktop.gio("cat", desktop.url("/from bob.txt")) == b"hello alice\n"
    assert bob.get("/Plan ü & #1 100%.bin").body == content

    desktop.gio("rename", desktop.url("/Plan ü & #1 100%.bin"), "(plan) [v2];a=b.bin")
    assert (serving.root / "(plan) [v2];a=b.bin").read_bytes() == content
    desktop.gio("mkdir", desktop.url("/Söhne & Co"))
    desktop.gio("move", desktop.url("/(plan) [v2];a=b.bin"), desktop.url("/Söhne & Co/plan.bin"))
    assert desktop.names("/Söhne & Co") == {"plan.bin"}
    assert (serving.root / "Söhne & Co" / "plan.bin").read_bytes() == content

    desktop.gio("copy", desktop.url("/Söhne & Co/plan.bin"), str(desktop.folder / "back.bin"))
    assert (desktop.folder / "back.bin").read_bytes() == content
    desktop.gio("remove", desktop.url("/Söhne & Co/plan.bin"))
    desktop.gio("remove", desktop.url("/Söhne & Co"))
    assert desktop.names("/") == {"from bob.txt"}
    assert not (serving.root / "Söhne & Co").exists()


def test_saving_over_a_file(serving: Serving, desktop: Desktop, bob: Client) -> None:
    stored = serving.root / "note.txt"
    stored.write_bytes(b"first\n")
    for text in (b"second\n", b"third!\n"):
        desktop.gio("save", desktop.url("/note.txt"), stdin=text)
        assert stored.read_bytes() == text

    # an editor saves with the etag it has read: somebody's change in between is not overwritten
    etag = desktop.gio("info", "--attributes=etag::value", desktop.url("/note.txt")).decode().split("etag::value: ")[1]
    assert bob.put("/note.txt", b"bob was here\n").status == 204
    assert desktop.run("save", "--etag", etag.strip(), desktop.url("/note.txt"), stdin=b"lost\n").returncode
    assert stored.read_bytes() == b"bob was here\n"


def test_a_lock_of_somebody_else_is_respected(serving: Serving, desktop: Desktop, bob: Client) -> None:
    stored = serving.root / "contract.txt"
    stored.write_bytes(b"first\n")
    token = bob.lock("/contract.txt")
    for arguments in (["save"], ["remove"], ["rename"]):
        target = ["stolen.txt"] if arguments == ["rename"] else []
        assert b"Locked" in desktop.run(*arguments, desktop.url("/contract.txt"), *target, stdin=b"alice\n").stderr
    assert desktop.names("/") == {"contract.txt"}
    assert desktop.gio("cat", desktop.url("/contract.txt")) == b"first\n"
    assert bob.unlock("/contract.txt", token).status == 204
    desktop.gio("save", desktop.url("/contract.txt"), stdin=b"alice\n")
    assert stored.read_bytes() == b"alice\n"
