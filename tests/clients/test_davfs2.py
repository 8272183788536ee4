"""davfs2: two people with the same server mounted as a folder; a file that is open for writing is locked."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.clients.conftest import eventually, needs
from tests.serving import Client, Serving

pytestmark = [pytest.mark.clients, pytest.mark.root]


@contextmanager
def mounted(serving: Serving, user: str) -> Iterator[Path]:
    """The folder at which this person sees the server."""
    # not in pytest's folder: the daemon gives up root for an account that may not pass through there
    with tempfile.TemporaryDirectory(prefix=f"davfs2-{user}-") as name:
        private = Path(name)
        private.chmod(0o755)
        folder = private / "mnt"
        folder.mkdir()
        (private / "cache").mkdir()
        (private / "cache").chmod(0o777)
        secrets = private / "secrets"
        secrets.write_text(f"{serving.url} {user} {serving.password(user)}\n")
        secrets.chmod(0o600)
        # buf_size: davfs2 refuses the 32 KiB listings that newer kernels ask for if its own buffer is smaller
        options = {
            "secrets": secrets,
            "cache_dir": private / "cache",
            "buf_size": 256,
            "use_locks": 1,
            "lock_owner": user,
            "delay_upload": 0,
            "dir_refresh": 0,
            "file_refresh": 0,
        }
        (private / "conf").write_text("".join(f"{key} {value}\n" for key, value in options.items()))
        argv = [needs("mount.davfs"), "-o", f"conf={private / 'conf'},rw", serving.url, str(folder)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        pid_file = Path("/run/mount.davfs", str(folder).lstrip("/").replace("/", "-") + ".pid")
        try:
            yield folder
        finally:
            # -i: without the helper that looks only every three seconds whether the daemon has ended
            subprocess.run([needs("umount"), "-i", str(folder)], check=True, timeout=60)
            assert eventually(lambda: not pid_file.exists()), f"{pid_file} is still there"


@pytest.fixture
def folders(serving: Serving) -> Iterator[tuple[Path, Path]]:
    """The server as alice and as bob see it; contract.txt is there already."""
    (serving.root / "contract.txt").write_bytes(b"first\n")
    with ExitStack() as mounts:
        yield mounts.enter_context(mounted(serving, "alice")), mounts.enter_context(mounted(serving, "bob"))


def owners(client: Client, path: str) -> list[str]:
    return client.propfind(path, "lockdiscovery").texts("{DAV:}owner")


def test_file_open_for_writing_is_kept_from_others(serving: Serving, folders: tuple[Path, Path], bob: Client) -> None:
    for_alice, for_bob = (folder / "contract.txt" for folder in folders)
    stored = serving.root / "contract.txt"
    with for_alice.open("r+b", buffering=0) as file:
        assert owners(bob, "/contract.txt") == ["alice"]
        with pytest.raises(OSError):
            for_bob.open("r+b")
        assert for_bob.read_bytes() == b"first\n"
        assert bob.put("/contract.txt", b"bob was here").status == 423
        file.write(b"second, and longer\n")
        assert stored.read_bytes() == b"first\n"
    assert eventually(lambda: stored.read_bytes() == b"second, and longer\n")
    assert eventually(lambda: owners(bob, "/contract.txt") == [])

    assert eventually(lambda: for_bob.read_bytes() == b"second, and longer\n")
    with for_bob.open("ab", buffering=0) as file:
        file.write(b"third\n")
    assert eventually(lambda: stored.read_bytes() == b"second, and longer\nthird\n")


def test_open_file_outlives_a_restart_of_the_server(serving: Serving, folders: tuple[Path, Path], bob: Client) -> None:
    with (folders[0] / "contract.txt").open("r+b", buffering=0) as file:
        serving.restart()
        assert bob.put("/contract.txt", b"bob was here").status == 423
        file.write(b"second, and longer\n")
    assert eventually(lambda: (serving.root / "contract.txt").read_bytes() == b"second, and longer\n")


def test_saves_in_quick_succession_all_arrive(serving: Serving, folders: tuple[Path, Path]) -> None:
    # each save is a PUT with If-Match: an etag that two saves within one second share would fail the next one
    def arrived(content: bytes, folder: Path) -> bool:
        return eventually(lambda: (folder / "contract.txt").read_bytes() == content)

    for number in range(5):
        (folders[0] / "contract.txt").write_bytes(b"save %d\n" % number)
        assert arrived(b"save %d\n" % number, serving.root)
    assert arrived(b"save 4\n", folders[1])


def test_new_files_and_folders_with_odd_names(serving: Serving, folders: tuple[Path, Path]) -> None:
    for_alice, for_bob = folders
    stored = serving.root
    content = bytes(range(256)) * 2048
    project, plan = "Projekt ü & Söhne (1) #2 100%", "plan [v1];a=b,c+d'.bin"
    (for_alice / project).mkdir()
    (for_alice / project / plan).write_bytes(content)
    assert eventually(lambda: (stored / project / plan).exists() and (stored / project / plan).read_bytes() == content)

    assert eventually(lambda: (for_bob / project / plan).exists())
    assert (for_bob / project / plan).read_bytes() == content
    (for_bob / project / plan).rename(for_bob / project / "plan.bin")
    (for_bob / project).rename(for_bob / "project")
    assert [entry.name for entry in (stored / "project").iterdir()] == ["plan.bin"]
    assert not (stored / project).exists()

    assert eventually(lambda: (for_alice / "project" / "plan.bin").exists())
    (for_alice / "project" / "plan.bin").unlink()
    (for_alice / "project").rmdir()
    assert not (stored / "project").exists()
