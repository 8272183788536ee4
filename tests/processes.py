"""The processes of a server: the memory that they need, the files that they have open."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tests.serving import Serving


class Memory:
    """The most memory (bytes) that each process of a server has had since this was made."""

    def __init__(self, serving: Serving) -> None:
        """A login counts, too (Argon2 takes 19 MiB for it), and what a first request loads: make them before."""
        self._before = {}
        for process in _processes(serving):
            (process / "clear_refs").write_text("5")
            self._before[process] = self._peak(process)

    def growth(self) -> int:
        return max(self._peak(process) - before for process, before in self._before.items())

    @staticmethod
    def _peak(process: Path) -> int:
        return next(int(line.split()[1]) * 1024 for line in (process / "status").read_text().splitlines() if line.startswith("VmHWM:"))


def open_files(serving: Serving, file: Path) -> list[Path]:
    """The descriptors of the server for a file."""
    found = []
    for process in _processes(serving):
        for fd in (process / "fd").iterdir():
            try:
                if fd.samefile(file):
                    found.append(fd)
            except OSError:
                continue  # closed meanwhile, or a socket
    return found


def _processes(serving: Serving) -> Iterator[Path]:
    assert serving._process
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.getsid(int(entry.name)) == serving._process.pid:
                    yield entry
            except OSError:
                continue
