"""The plug is pulled right after an answer: of the state, only what was synced is left, and it says what was answered."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from davlock.state import turns
from tests.documents import test_crash, test_crash_checkouts
from tests.documents.conftest import Clock, Seen, Site
from tests.documents.killing import Operation, see

SCENES: dict[str, tuple[Callable[[Path], None], Operation]] = {
    **{name: (test_crash.furnish, operation) for name, operation in test_crash.OPERATIONS.items()},
    **test_crash_checkouts.SCENES,
}


class Disk:
    """What of a state database is on the disk: what was in its files when they were last synced."""

    def __init__(self, root: Path, kept: Path) -> None:
        self._files = [root / ".davlock" / name for name in ("state.db", "state.db-wal")]
        self._kept = kept
        self._kept.mkdir()
        self.keep()

    def sync(self, fd: int) -> None:
        """In place of fdatasync."""
        assert Path(os.readlink(f"/proc/self/fd/{fd}")) == self._files[1]
        self.keep()

    def keep(self) -> None:
        # By another process: closing a file here would give up the locks that SQLite has on it.
        subprocess.run(["cp", *filter(Path.exists, self._files), self._kept], check=True)

    def cut_power(self) -> None:
        """All that was not synced is gone, after every process."""
        for file in self._files:
            file.unlink(missing_ok=True)
            if (kept := self._kept / file.name).exists():
                shutil.copy(kept, file)


def expected(root: Path, furnish: Callable[[Path], None], operation: Operation) -> Seen:
    furnish(root)
    site = Site(root, Clock())
    operation(site)
    site.close()
    return see(root)


@pytest.mark.parametrize(("furnish", "operation"), SCENES.values(), ids=SCENES)
def test_what_was_answered_is_there(
    furnish: Callable[[Path], None], operation: Operation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    after = expected(tmp_path / "spared", furnish, operation)
    root = tmp_path / "root"
    furnish(root)
    before = see(root)
    disk = Disk(root, tmp_path / "disk")
    site = Site(root, Clock())
    with monkeypatch.context() as pulled:
        pulled.setattr(turns, "_sync", disk.sync)
        operation(site)
    site.close()
    disk.cut_power()
    again = Site(root, Clock())
    again.library.upkeep.recover()
    again.library.upkeep.tidy()
    again.close()
    assert see(root) == after
    assert after != before


@pytest.mark.parametrize(("name", "times"), {"move-folder": 1, "copy-folder": 1, "move-folder-onto-folder": 2, "delete-folder": 2}.items())
def test_how_often_the_state_is_waited_for(name: str, times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    furnish, operation = SCENES[name]
    furnish(tmp_path / "root")
    site = Site(tmp_path / "root", Clock())
    synced: list[int] = []
    with monkeypatch.context() as counted:
        counted.setattr(turns, "_sync", synced.append)
        operation(site)
    site.close()
    assert len(synced) == times
