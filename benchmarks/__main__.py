"""Measures davlock beside stock WsgiDAV on this machine. See benchmarks/README.md."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import importlib.metadata
import json
import os
import platform
import shutil
import signal
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import footprint
from benchmarks.load import Loaders, Wrong
from benchmarks.report import Cell, Fact, Row, record, tables
from benchmarks.servers import Server, davlock, peers, stock
from benchmarks.workloads import HELD, Workload, build_held, build_tree, check_held, check_login, greeting, lock, workloads

FOOTPRINTS = {
    "start": "start to first answer, both servers",
    "memory": "idle memory of each process, both servers",
    "big": "memory and rate of one large PUT and GET (--big)",
    "restart": "start to first answer after kill -9 under load (--documents)",
}
WARM_UP_SECONDS = 0.2


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often every workload runs on every server [3]")
    parser.add_argument("--seconds", type=float, default=1.0, help="for how long it runs each time [1]")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="names from --list, or their beginnings")
    parser.add_argument("--workers", type=int, default=0, help="processes of davlock [0: as many as it takes by itself]")
    parser.add_argument("--big", type=int, default=1024, metavar="MIB", help="size of the large document [1024]")
    parser.add_argument("--documents", type=int, default=5_000, help="documents known before kill -9 [5000]")
    parser.add_argument(
        "--folder", type=Path, help="where the served folders are made; should be on a disk [the system's temporary folder]"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured here")
    parser.add_argument("--list", action="store_true", help="show the names")
    given = parser.parse_args()
    if given.rounds < 1 or given.seconds <= 0 or given.workers < 0 or given.big < 1 or given.documents < 1:
        parser.error("--rounds, --seconds, --big and --documents must be more than nothing, --workers not less")
    return given


def chosen(names: list[str] | None) -> set[str]:
    """The names that are meant. Ends the program if one means nothing."""
    known = [workload.name for workload in workloads()] + list(FOOTPRINTS)
    if names is None:
        return set(known)
    for name in names:
        if not any(each.startswith(name) for each in known):
            sys.exit(f"There is no workload {name}; --list shows them.")
    return {each for each in known if any(each == name if name in known else each.startswith(name) for name in names)}


def tell(text: str) -> None:
    print(f"# {time.monotonic() - _BEGIN:5.0f} s  {text}", file=sys.stderr, flush=True)


_BEGIN = time.monotonic()


class Bench:
    """One run: the servers it has started, and what it has found so far. A context manager."""

    def __init__(self, given: argparse.Namespace, folder: Path) -> None:
        self._given, self._folder = given, folder
        self._servers: dict[str, Server] = {}
        self._loaders = Loaders()
        self.rows: list[Row] = []
        self.facts: list[Fact] = []

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers.values():
            server.kill()
        self._loaders.__exit__()

    def run(self) -> None:
        names = chosen(self._given.only)
        wanted = [workload for workload in workloads() if workload.name in names]
        pair = [self._make("davlock"), self._make("stock")]
        others = [self._make(name) for name in peers()] if any(workload.has_peers for workload in wanted) else []
        for door in ("frontpage", "rest"):  # the same one, by its other doors
            self._servers[door] = self._servers["davlock"]
        tell("making the files")
        for server in (*pair, *others):
            build_tree(server.root, {workload.lists for workload in wanted if workload.lists})
        os.sync()
        if "start" in names:
            tell("start")
            self._measure("start", lambda: footprint.start_seconds(pair, self._given.rounds))
        for server in pair:
            server.start()
            check_login(server)
            if "memory" in names:
                self._measure("memory", partial(footprint.idle_memory, server))
        for server in others:
            server.start()
            check_login(server)
        self._load(wanted)
        if "memory" in names and wanted:
            for server in pair:
                self._measure("memory", partial(footprint.memory_after, server))
        for server in self._servers.values():
            server.stop()
        if "big" in names:
            tell("big")
            self._measure("big", lambda: footprint.large_document(self._fresh("big"), self._given.big))
        if "restart" in names:
            tell("restart")
            given = self._given
            self._measure("restart", lambda: footprint.restart(self._fresh("restart"), self._loaders, given.documents, given.rounds))

    def _make(self, name: str) -> Server:
        home = self._folder / name
        home.mkdir()
        make = {"stock": stock} | peers()
        server = make[name](home) if name in make else davlock(home, self._given.workers)
        self._servers[name] = server
        return server

    def _fresh(self, name: str) -> Server:
        """A davlock over an empty folder."""
        server = self._make(name)
        server.start()
        return server

    def _measure(self, name: str, measure: Callable[[], list[Fact]]) -> None:
        try:
            self.facts += measure()
        except (Wrong, OSError) as error:
            self.facts.append(Fact(name, FOOTPRINTS[name], invalid=_why(error)))

    def _load(self, wanted: list[Workload]) -> None:
        present = [name for name in peers() if name in self._servers]
        for workload in wanted:
            names = (workload.subject, workload.against, *(present if workload.has_peers else ()))
            self.rows.append(Row(workload, {name: [] for name in names}))
        for row in self.rows:
            if row.workload.subject == "held":
                self._try(row, "held", self._hold)
        for row in self.rows:
            for server in row.cells:
                self._try(row, server, partial(self._prepare, row.workload, server))
        for round_ in range(self._given.rounds):
            for row in self.rows:
                tell(f"round {round_ + 1}, {row.workload.name}")
                # turned round every time: neither always meets what the other has left to the disk
                for server in sorted(row.cells, reverse=bool(round_ % 2)):
                    self._try(row, server, partial(self._add_cell, row, server))
        for row in self.rows:
            if row.workload.subject == "held":
                self._try(row, "held", lambda: check_held(self._servers["held"]))

    def _try(self, row: Row, server: str, step: Callable[[], None]) -> None:
        """A step towards a row; what has failed once gives no figure any more, and is not tried again."""
        if not (row.is_void or server in row.invalid):
            try:
                step()
            except (Wrong, OSError) as error:
                row.invalid[server] = _why(error)
                tell(f"INVALID: {row.workload.name} on {server}: {row.invalid[server]}")

    def _hold(self) -> None:
        """A second davlock, on which many locks are held."""
        tell(f"holding {HELD:,} locks")
        server = self._make("held")
        build_held(server.root)
        server.start()
        with server.client() as alice:
            each = HELD // 16
            cycles = [[(lock(alice, f"/held/f{n:06}.docx"),) for n in range(i * each, (i + 1) * each)] for i in range(16)]
            self._loaders.run(server.port, cycles, greeting(alice), 0, cycles=each)
        check_held(server)

    def _prepare(self, workload: Workload, name: str) -> None:
        """Checks the effect once, which is warm-up enough if it takes long."""
        server = self._servers[name]
        begin = time.monotonic()
        workload.check(server)
        if time.monotonic() - begin < WARM_UP_SECONDS:
            self._cell(workload, name, WARM_UP_SECONDS)

    def _add_cell(self, row: Row, server: str) -> None:
        row.cells[server].append(self._cell(row.workload, server))

    def _cell(self, workload: Workload, name: str, seconds: float | None = None) -> Cell:
        server = self._servers[name]
        with server.client() as alice:
            cycles = [workload.repeated(alice, number, name) for number in range(workload.connections)]
            before: list[float] = []
            load = self._loaders.run(
                server.port, cycles, greeting(alice), seconds or self._given.seconds, ready=lambda: before.append(server.cpu_seconds())
            )
            cell = Cell(load, server.cpu_seconds() - before[0])
        if workload.writes:
            os.sync()
        return cell


def _why(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


@contextlib.contextmanager
def _temporary(parent: Path | None) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="davlock-benchmark-", dir=parent))
    _spread(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _spread(folder: Path) -> None:
    """Lets ext4 put what is made in a folder into groups of inodes far from each other: each server's files are in its own one.

    Without a journal it looks, for minutes, at each inode that was given back before it makes a file in the same group: what one server
    has deleted would cost another one up to 0.7 ms for each PUT. FS_IOC_SETFLAGS, EXT4_TOPDIR_FL (ioctl_iflags(2)).
    """
    with contextlib.suppress(OSError):
        fd = os.open(folder, os.O_RDONLY)
        try:
            (flags,) = struct.unpack("l", fcntl.ioctl(fd, 0x80086601, bytes(struct.calcsize("l"))))
            fcntl.ioctl(fd, 0x40086602, struct.pack("l", flags | 0x00020000))
        finally:
            os.close(fd)


def _machine(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    above = [mount for mount in mounts if folder.is_relative_to(mount[1])]
    return {
        "davlock": importlib.metadata.version("davlock"),
        "wsgidav": importlib.metadata.version("wsgidav"),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 1),
        "file_system": max(above, key=lambda mount: len(mount[1]))[2] if above else "unknown",
        "workers": given.workers,
        "rounds": given.rounds,
        "seconds": given.seconds,
    }


def main() -> int:
    given = arguments()
    if given.list:
        told = {workload.name: workload.about for workload in workloads()} | FOOTPRINTS
        print("\n".join(f"{name:24} {about}" for name, about in told.items()))
        return 0
    chosen(given.only)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stops the servers too
    with _temporary(given.folder) as folder:
        machine = _machine(given, folder.resolve())
        try:
            with Bench(given, folder) as bench:
                bench.run()
        except Wrong as error:
            sys.exit(f"INVALID: {_why(error)}")
        except KeyboardInterrupt:
            sys.exit("Interrupted.")
    print(", ".join(f"{name.replace('_', ' ')} {value}" for name, value in machine.items()), end="\n\n")
    print(tables(bench.rows, bench.facts))
    if given.json:
        given.json.write_text(json.dumps(record(bench.rows, bench.facts, machine), indent=2) + "\n")
    return 1 if any(row.is_void for row in bench.rows) or any(fact.invalid for fact in bench.facts) else 0


if __name__ == "__main__":
    sys.exit(main())
