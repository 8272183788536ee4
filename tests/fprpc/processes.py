"""The processes of a server: the memory that they need, the files that they have open."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tests.serving import Serving


def peak(serving: Serving) -> int:
    """MiB that the largest process of the server had at most."""
    lines = (line for process in _processes(serving) for line in (process / "status").read_text().splitlines())
    return max(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM:"))


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
