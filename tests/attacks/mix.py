"""Everything slow at once: idle connections, heads and bodies that drip, downloads that nobody reads, uploads.

    python -m tests.attacks.mix --seconds 60 --workers 1

starts `davlock serve` over a new folder, attacks it from other processes and addresses (127.0.1.x), and meanwhile does what a person's
client does. Says how long that client waited, what went wrong for it, and what the server has grown by.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import socket
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

from davlock.server.limits import raise_descriptor_limit
from tests.serving import Client, Serving

PER_ADDRESS = 50
BIG = "/big.bin"
Script = Iterator[float]


@dataclass(frozen=True)
class Mix:
    """How many of each. upload_bytes: of each upload; big_bytes: of the document that is downloaded."""

    seconds: float = 60.0
    idle: int = 500
    heads: int = 200
    bodies: int = 200
    downloads: int = 100
    uploads: int = 100
    upload_bytes: int = 1024 * 1024
    big_bytes: int = 256 * 1024 * 1024

    @property
    def kinds(self) -> dict[str, int]:
        return {"idle": self.idle, "head": self.heads, "body": self.bodies, "download": self.downloads, "upload": self.uploads}


@dataclass
class Outcome:
    """seconds: how long the person's client waited, by method; errors: what went wrong for it; attack: what the attackers have seen."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    attack: Counter[str] = field(default_factory=Counter)
    memory_before: float = 0.0
    memory_after: float = 0.0
    memory_most: float = 0.0
    threads_most: int = 0
    descriptors_most: int = 0

    def quantile(self, part: float) -> float:
        every = sorted(wait for waits in self.seconds.values() for wait in waits)
        return every[min(int(len(every) * part), len(every) - 1)]


class Attacker:
    """One connection that is opened again whenever the server closes it. `play` yields how long to wait until the next step."""

    def __init__(
        self, address: tuple[str, int], source: str, kind: str, number: int, authorization: str, mix: Mix, seen: Counter[str]
    ) -> None:
        self._address, self._source, self._kind, self._number, self._mix = address, source, kind, number, mix
        self._authorization = authorization
        self._seen = seen
        self.socket = self._connect()
        self._script = self._play()
        self.next = time.monotonic() + number % 100 / 100

    def step(self) -> None:
        """Do what is next; begin anew when the server has had enough."""
        try:
            while (pause := next(self._script)) == 0:
                pass
            self.next = time.monotonic() + pause
        except (OSError, StopIteration) as end:
            self._seen[f"{self._kind}: {'done' if isinstance(end, StopIteration) else 'closed by the server'}"] += 1
            self.socket.close()
            self.next = time.monotonic() + 0.1
            try:
                self.socket = self._connect()
                self._script = self._play()
            except OSError as error:
                self._seen[f"{self._kind}: {error}"] += 1
                self.next += 1

    def _connect(self) -> socket.socket:
        sock = socket.socket()
        if self._kind == "download":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.bind((self._source, 0))
        sock.settimeout(5)
        sock.connect(self._address)
        sock.setblocking(False)
        return sock

    def _play(self) -> Script:
        script: Script = getattr(self, f"_play_{self._kind}")()
        return script

    def _head(self, method: str, path: str, *fields: str) -> bytes:
        return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: {self._authorization}", *fields, "", ""]).encode()

    def _play_idle(self) -> Script:
        while True:
            yield 5.0
            self._listen()

    def _play_head(self) -> Script:
        for byte in self._head("GET", BIG, "X-Padding: " + "x" * 4000):
            self.socket.send(bytes([byte]))
            self._listen()
            yield 1.0

    def _play_body(self) -> Script:
        """Bytes that drip: from the first one on, or behind a beginning that a thread has taken already; or in chunks."""
        match self._number % 3:
            case 0:
                self.socket.send(self._head("PUT", f"/slow-{self._number}", "Content-Length: 20000"))
                piece = b"x"
            case 1:
                self.socket.send(self._head("PUT", f"/slow-{self._number}", "Content-Length: 100000000"))
                yield from self._send(b"x" * 70_000)
                piece = b"x"
            case _:
                self.socket.send(self._head("PUT", f"/slow-{self._number}", "Transfer-Encoding: chunked", "Expect: 100-continue"))
                piece = b"1\r\nx\r\n"
        while True:
            yield 1.0
            self._listen()
            self.socket.send(piece)

    def _play_download(self) -> Script:
        self.socket.send(self._head("GET", BIG))
        while True:
            yield 5.0
            # only a closed connection can be seen without reading
            if self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise ConnectionResetError
            self.socket.send(b"\r\n")

    def _play_upload(self) -> Script:
        while True:
            size = self._mix.upload_bytes
            self.socket.send(self._head("PUT", f"/upload-{self._number}", f"Content-Length: {size}"))
            yield from self._send(bytes(size))
            answer = b""
            while b"\r\n\r\n" not in answer:
                yield 0.02
                try:
                    data = self.socket.recv(4096)
                except BlockingIOError:
                    continue
                if not data:
                    raise ConnectionResetError
                answer += data
            self._seen[f"upload: {answer[9:12].decode()}"] += 1
            yield 0.01

    def _send(self, data: bytes) -> Script:
        view = memoryview(data)
        while view:
            try:
                view = view[self.socket.send(view[:65536]) :]
                yield 0.001
            except BlockingIOError:
                yield 0.02

    def _listen(self) -> None:
        """Find out whether the server has closed."""
        try:
            data = self.socket.recv(4096)
        except BlockingIOError:
            return
        if not data:
            raise ConnectionResetError
        self._seen[f"{self._kind}: {data[9:12].decode('latin-1')}"] += 1


def attack(address: tuple[str, int], authorization: str, mix: Mix, pipe: Pipe) -> None:
    """All attackers, in a process of their own; until something comes over the pipe."""
    raise_descriptor_limit()
    seen: Counter[str] = Counter()
    attackers: deque[Attacker] = deque()
    for kind, count in mix.kinds.items():
        for number in range(count):
            source = f"127.0.1.{len(attackers) // PER_ADDRESS + 1}"
            attackers.append(Attacker(address, source, kind, number, authorization, mix, seen))
    pipe.send("ready")
    while not pipe.poll(0):
        now = time.monotonic()
        for attacker in attackers:
            if attacker.next <= now:
                attacker.step()
        time.sleep(max(0.0, min(0.01, min(attacker.next for attacker in attackers) - time.monotonic())))
    for attacker in attackers:
        attacker.socket.close()
    pipe.send(seen)


def rage(mix: Mix, serving: Serving) -> Outcome:
    """Attack the server, and work with it like a person meanwhile."""
    outcome = Outcome()
    with (serving.root / BIG[1:]).open("wb") as file:
        file.truncate(mix.big_bytes)
    alice = Client(serving, "alice", timeout=20)
    for _ in range(20):
        _work(alice, serving, Outcome())
    outcome.memory_before = outcome.memory_most = _memory(serving)
    here, there = multiprocessing.get_context("spawn").Pipe()
    authorization = Client(serving, "bob").authorization or ""
    process = multiprocessing.get_context("spawn").Process(target=attack, args=((serving.host, serving.port), authorization, mix, there))
    process.start()
    try:
        while not here.poll(0):
            _work(alice, serving, outcome)
        here.recv()
        end = time.monotonic() + mix.seconds
        while time.monotonic() < end:
            _work(alice, serving, outcome)
            outcome.memory_most = max(outcome.memory_most, _memory(serving))
            outcome.threads_most = max(outcome.threads_most, sum(_count(pid, "task") for pid in serving.processes()))
            outcome.descriptors_most = max(outcome.descriptors_most, max(_count(pid, "fd") for pid in serving.processes()))
            time.sleep(0.01)
        outcome.memory_after = _memory(serving)
        here.send("enough")
        outcome.attack = here.recv()
    finally:
        process.join(20)
        process.kill()
    return outcome


def _work(alice: Client, serving: Serving, outcome: Outcome) -> None:
    """What a client does with a small document, on its connection, and one question on a new one."""
    token = ""

    def lock() -> int:
        nonlocal token
        token = alice.lock("/mine.txt")
        return 200

    stranger = Client(serving, "alice", timeout=20)
    steps: list[tuple[str, Callable[[], int], tuple[int, ...]]] = [
        ("PUT", lambda: alice.put("/mine.txt", b"mine").status, (201, 204)),
        ("GET", lambda: alice.get("/mine.txt").status, (200,)),
        ("PROPFIND", lambda: alice.propfind("/mine.txt").status, (207,)),
        ("LOCK", lock, (200,)),
        ("UNLOCK", lambda: alice.unlock("/mine.txt", token).status, (204,)),
        ("connect", lambda: stranger.get("/mine.txt").status, (200,)),
    ]
    for method, does, expected in steps:
        begin = time.monotonic()
        try:
            status = does()
            if status not in expected:
                outcome.errors.append(f"{method}: {status}")
        except Exception as error:
            outcome.errors.append(f"{method}: {type(error).__name__}: {error}")
        outcome.seconds.setdefault(method, []).append(time.monotonic() - begin)
    stranger.close()


def _memory(serving: Serving) -> float:
    """MiB that its processes have of their own."""
    total = 0
    for pid in serving.processes():
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(("Private_Clean:", "Private_Dirty:")):
                total += int(line.split()[1])
    return total / 1024


def _count(pid: int, what: str) -> int:
    return len(os.listdir(f"/proc/{pid}/{what}"))


def report(outcome: Outcome) -> str:
    lines = [f"{'':10}{'requests':>9}{'median':>9}{'99 %':>9}{'longest':>9}  (ms)"]
    for method, waits in outcome.seconds.items():
        waits = sorted(waits)
        numbers = (waits[len(waits) // 2], waits[min(int(len(waits) * 0.99), len(waits) - 1)], waits[-1])
        lines.append(f"{method:10}{len(waits):9}" + "".join(f"{number * 1000:9.0f}" for number in numbers))
    lines.append(f"all: 99 % within {outcome.quantile(0.99):.3f} s; errors: {len(outcome.errors)} {Counter(outcome.errors).most_common(5)}")
    lines.append(
        f"memory: {outcome.memory_before:.0f} MiB before, {outcome.memory_most:.0f} at most, {outcome.memory_after:.0f} at the end"
    )
    lines.append(f"threads: {outcome.threads_most} at most; descriptors of a process: {outcome.descriptors_most} at most")
    lines.append(f"the attackers have seen: {dict(sorted(outcome.attack.items()))}")
    return "\n".join(lines)


def main() -> None:
    raise_descriptor_limit()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Serving(Path(folder) / "root", "--workers", str(given.workers)) as serving:
        print(report(rage(Mix(seconds=given.seconds), serving)))
        print(serving.log())


if __name__ == "__main__":
    main()
