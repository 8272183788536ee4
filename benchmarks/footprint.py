"""What is measured on whole processes instead of under load: starting, memory, one large document, a start after kill -9."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from statistics import median

from benchmarks.client import LOCK_HEADERS, LOCKINFO, UNLOCKED, WRITTEN
from benchmarks.load import Cycle, Loaders, Wrong
from benchmarks.report import Fact
from benchmarks.servers import Server
from benchmarks.workloads import content, greeting, put

MIB = 1 << 20
IDLE_MIB = 80.0
GROWTH_MIB = 16.0
CONNECTIONS = 16
PER_FOLDER = 1_000


def start_seconds(servers: list[Server], rounds: int) -> list[Fact]:
    """Starts each in turn; they are left stopped."""
    taken: dict[str, list[float]] = {server.name: [] for server in servers}
    for _ in range(rounds):
        for server in servers:
            taken[server.name].append(server.start())
            server.stop()
    return [Fact(f"start-{name}", f"{name}: start to first answer", median(found) * 1e3, "ms") for name, found in taken.items()]


def idle_memory(server: Server) -> list[Fact]:
    """Of one that has just started and has answered each of the small requests."""
    with server.client() as alice:
        alice.expect(WRITTEN, "PUT", "/idle.txt", b"small")
        alice.expect((200,), "GET", "/idle.txt")
        token = alice.lock("/idle.txt")
        alice.expect(UNLOCKED, "UNLOCK", "/idle.txt", Lock_Token=f"<{token}>")
        alice.expect((204,), "DELETE", "/idle.txt")
    found = server.memory()
    limit = IDLE_MIB if server.name == "davlock" else None
    about = f"{server.name}: idle memory of the largest of {len(found)} processes"
    return [Fact(f"memory-{server.name}", about, max(found.values()), "MiB", limit)]


def memory_after(server: Server) -> list[Fact]:
    """Of one that has been through all the load."""
    return [Fact(f"memory-after-{server.name}", f"{server.name}: the same after all the load", max(server.memory().values()), "MiB")]


def large_document(server: Server, mebibytes: int) -> list[Fact]:
    """How much more memory than when idle the busiest process needs while one large document is uploaded, then downloaded."""
    size = mebibytes * MIB
    with server.client() as alice:
        # what any first upload brings into memory is not growth
        for number in range(2):
            alice.expect(WRITTEN, "PUT", f"/big-{number}.bin", _blocks(4), Content_Length=str(4 * MIB))
            alice.expect((200,), "GET", f"/big-{number}.bin")
        idle = server.memory()
        server.forget_peak()
        begin = time.monotonic()
        alice.expect(WRITTEN, "PUT", "/big.bin", _blocks(mebibytes), Content_Length=str(size))
        uploaded = time.monotonic() - begin
        up = _growth(server, idle)
        if (server.root / "big.bin").stat().st_size != size:
            raise Wrong("the large document has not the length of what was PUT")
        idle = server.memory()
        server.forget_peak()
        begin = time.monotonic()
        with alice.open("GET", "/big.bin") as answer:
            for block in _blocks(mebibytes):
                if answer.read(MIB) != block:
                    raise Wrong("GET of the large document gave other bytes than those stored")
        downloaded = time.monotonic() - begin
        down = _growth(server, idle)
        for name in ("big.bin", "big-0.bin", "big-1.bin"):
            alice.expect((204,), "DELETE", f"/{name}")
    named = f"davlock: {mebibytes:,} MiB"
    return [
        Fact("big-put-memory", f"{named} PUT, peak over idle memory", up, "MiB", GROWTH_MIB),
        Fact("big-get-memory", f"{named} GET, peak over idle memory", down, "MiB", GROWTH_MIB),
        Fact("big-put-rate", f"{named} PUT", mebibytes / uploaded, "MiB/s"),
        Fact("big-get-rate", f"{named} GET", mebibytes / downloaded, "MiB/s"),
    ]


def _blocks(mebibytes: int) -> Iterator[bytes]:
    noise = random.Random(1).randbytes(MIB - 8)
    for number in range(mebibytes):
        yield number.to_bytes(8, "big") + noise


def _growth(server: Server, idle: dict[int, float]) -> float:
    peaks = server.memory("VmHWM")
    if peaks.keys() != idle.keys():
        raise Wrong("a process of the server has ended or begun meanwhile")
    return max(peaks[pid] - idle[pid] for pid in idle)


def restart(server: Server, loaders: Loaders, documents: int, rounds: int) -> list[Fact]:
    """Makes so many documents known by uploading them, then kills the server under load and starts it, several times.

    Checks after every start that the lock held before still keeps a second user out, and that documents are whole.
    """
    with server.client() as alice:
        for folder in range((documents + PER_FOLDER - 1) // PER_FOLDER):
            alice.expect((201,), "MKCOL", f"/known-{folder}/")
        alice.expect((201,), "MKCOL", "/killed/")
    each = -(-documents // CONNECTIONS)
    begin = time.monotonic()
    with server.client() as alice:
        cycles: list[list[Cycle]] = [
            [(put(alice, _path(n), _known(n)),) for n in range(i * each, min(documents, (i + 1) * each))] for i in range(CONNECTIONS)
        ]
        for share in filter(None, _by_length(cycles)):
            loaders.run(server.port, share, greeting(alice), 0, cycles=len(share[0]))
        uploaded = time.monotonic() - begin
        alice.expect((200, 201), "LOCK", _path(0), LOCKINFO, **LOCK_HEADERS)
    taken = []
    for _ in range(rounds):
        _kill_under_load(server, loaders)
        taken.append(server.start())
        _check_known(server, documents)
    about = f"davlock: start to first answer after kill -9, {documents:,} documents known"
    return [
        Fact("restart", about, median(taken) * 1e3, "ms"),
        Fact("restart-upload", f"davlock: uploading these {documents:,} documents, 16 connections", documents / uploaded, "per s"),
    ]


def _by_length(cycles: list[list[Cycle]]) -> list[list[list[Cycle]]]:
    """The connections grouped by how much they have to do: a run repeats the same number of cycles on each."""
    lengths = sorted({len(share) for share in cycles}, reverse=True)
    return [[share for share in cycles if len(share) == length and length] for length in lengths]


def _kill_under_load(server: Server, loaders: Loaders) -> None:
    killer = threading.Timer(0.3, server.kill)
    body = content(4096, "killed")
    with server.client() as alice:
        endless: list[list[Cycle]] = [[(put(alice, f"/killed/{i}.docx", body),)] for i in range(CONNECTIONS)]
        try:
            loaders.run(server.port, endless, greeting(alice), 30, ready=killer.start)
        except Wrong:
            killer.join()
            return
    raise Wrong("the load did not notice that the server was killed")


def _check_known(server: Server, documents: int) -> None:
    with server.client("bob") as bob:
        bob.expect((423,), "PUT", _path(0), b"intruder")
        for number in {0, documents - 1, *random.Random(documents).sample(range(documents), min(20, documents))}:
            if bob.expect((200,), "GET", _path(number)) != _known(number):
                raise Wrong(f"{_path(number)} is not what was stored before kill -9")
    for name in os.listdir(server.root / "killed"):
        if (server.root / "killed" / name).read_bytes() != content(4096, "killed"):
            raise Wrong(f"{name} was left half written by kill -9")


def _path(number: int) -> str:
    return f"/known-{number // PER_FOLDER}/f{number:06}.docx"


def _known(number: int) -> bytes:
    return content(64, f"known {number}")
