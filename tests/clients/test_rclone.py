"""rclone: a tree with odd names is copied up, checked, changed, synchronised and moved."""

from __future__ import annotations

import os
import subprocess
import unicodedata
from pathlib import Path

import pytest

from tests.clients.conftest import needs
from tests.serving import Client, Serving

pytestmark = pytest.mark.clients

TREE = {
    "empty.txt": b"",
    "plain/deep/er/still.txt": b"still\n",
    "R&D/Übersicht (final) [v2].txt": "Größe\n".encode(),
    "#1 100% + 50%25;a=b,c'd!.txt": b"signs\n",
    "what? really.txt": b"query\n",
    "Cafe\u0301/Re\u0301sume\u0301.txt": b"decomposed, as a Mac spells it\n",
    "日本語/🎉.bin": bytes(range(256)) * 4096,
    "~$owner.docx": b"scratch\n",
    "._resource": b"fork\n",
}


class Rclone:
    """rclone as one person, with the server as its remote `:webdav:`."""

    def __init__(self, serving: Serving, user: str, home: Path) -> None:
        self._program = needs("rclone")
        self._environment = {"HOME": str(home), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        self._arguments = ["--config", str(home / "rclone.conf"), "--retries", "1", "--low-level-retries", "1", "-v"]
        obscured = self("obscure", serving.password(user)).stdout.strip()
        self._arguments += ["--webdav-url", serving.url, "--webdav-vendor", "other", "--webdav-user", user, "--webdav-pass", obscured]

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command; it must succeed."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._program, *arguments, *self._arguments], capture_output=True, text=True, env=self._environment, timeout=60
        )


@pytest.fixture
def rclone(serving: Serving, tmp_path: Path) -> Rclone:
    """Alice's."""
    return Rclone(serving, "alice", tmp_path)


@pytest.fixture
def local(tmp_path: Path) -> Path:
    for name, content in TREE.items():
        file = tmp_path / "local" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return tmp_path / "local"


def tree(folder: Path) -> dict[str, bytes]:
    """Names, however their accents are composed, and contents of all files below a folder."""
    return {
        unicodedata.normalize("NFC", str(file.relative_to(folder))): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and ".davlock" not in file.parts
    }


def test_a_tree_goes_up_changes_and_moves(serving: Serving, rclone: Rclone, local: Path, tmp_path: Path, bob: Client) -> None:
    rclone("copy", str(local), ":webdav:work")
    assert tree(serving.root / "work") == tree(local)
    assert "0 differences found" in rclone("check", "--download", str(local), ":webdav:work").stderr
    assert bob.get("/work/R&D/Übersicht (final) [v2].txt").body == "Größe\n".encode()
    assert bob.get("/work/Café/Résumé.txt").body == TREE["Cafe\u0301/Re\u0301sume\u0301.txt"]

    # --size-only: over plain WebDAV nobody can set the times by which rclone would otherwise compare
    assert "Copied" not in rclone("sync", "--size-only", str(local), ":webdav:work").stderr
    (local / "empty.txt").write_bytes(b"not empty any more\n")
    (local / "what? really.txt").unlink()
    (local / "new & empty folder").mkdir()
    said = rclone("sync", "--size-only", "--create-empty-src-dirs", str(local), ":webdav:work").stderr
    assert said.count("Copied") == 1 and said.count(": Deleted") == 1, said
    assert (serving.root / "work" / "new & empty folder").is_dir()
    assert tree(serving.root / "work") == tree(local)

    rclone("move", ":webdav:work/日本語", ":webdav:moved #1; a=b?")
    rclone("moveto", ":webdav:work/R&D", ":webdav:R+D")
    rclone("purge", ":webdav:work/plain")
    rclone("copy", ":webdav:", str(tmp_path / "back"))
    assert tree(tmp_path / "back") == tree(serving.root)
    assert "0 differences found" in rclone("check", "--download", str(tmp_path / "back"), ":webdav:").stderr
    assert (serving.root / "moved #1; a=b?" / "🎉.bin").read_bytes() == TREE["日本語/🎉.bin"]
    assert not (serving.root / "work" / "plain").exists()


def test_a_lock_of_somebody_else_is_respected(serving: Serving, rclone: Rclone, local: Path, bob: Client) -> None:
    rclone("copy", str(local), ":webdav:work")
    token = bob.lock("/work/empty.txt")
    (local / "empty.txt").write_bytes(b"alice was here\n")
    done = rclone.run("sync", "--size-only", str(local), ":webdav:work")
    assert done.returncode and "423" in done.stderr, done.stderr
    # answered 207 with a 423 inside (RFC 4918 9.6.1), which rclone takes for success
    rclone.run("purge", ":webdav:work")
    assert (serving.root / "work" / "empty.txt").read_bytes() == b""
    assert bob.unlock("/work/empty.txt", token).status == 204
    rclone("sync", "--size-only", str(local), ":webdav:work")
    assert (serving.root / "work" / "empty.txt").read_bytes() == b"alice was here\n"
