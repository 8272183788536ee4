"""The load: raw keep-alive connections that repeat prepared requests, each waiting for its answer, in processes of their own."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import re
import select
import signal
import socket
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe

HOST = "127.0.0.1"
SILENCE_SECONDS = 90
TOKEN = b"@TOKEN@"

_TOKEN_HEADER = re.compile(rb"\r\nlock-token:[ \t]*<([^>]+)>", re.IGNORECASE)
_LENGTH_HEADER = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,15})\r\n", re.IGNORECASE)
_CHUNKED_HEADER = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked\r\n", re.IGNORECASE)
_CLOSE_HEADER = re.compile(rb"\r\nconnection:[ \t]*close\r\n", re.IGNORECASE)


class Wrong(Exception):
    """A server did not do what was asked: what was measured is not a figure."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request, and what makes its answer right.

    body:    what the answer's body must be, so many times in a row, None if anything. One of several times is compared as it comes.
    counted: bytes that must occur in it so many times.
    locks:   its answer brings the token that stands for TOKEN in the requests that unlock or write.
    """

    request: bytes
    statuses: tuple[int, ...]
    body: bytes | None = None
    times: int = 1
    counted: tuple[bytes, int] | None = None
    locks: bool = False
    sends_token: bool = False


Cycle = Sequence[Exchange]


@dataclass(frozen=True, slots=True)
class Job:
    """For one process: where to, one sequence of cycles for each connection, and how long: seconds, or that many cycles each."""

    port: int
    connections: Sequence[Sequence[Cycle]]
    greeting: Exchange
    seconds: float
    cycles: int = 0


@dataclass(slots=True)
class Load:
    """What happened: the duration of every cycle, from the first request to the end of the last answer, and of the whole, in seconds.

    busy: the share of the time that the busiest process of the load itself was computing.
    """

    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0
    busy: float = 0.0
    reconnects: int = 0


class Connection:
    """One connection, opened again whenever the server closes it between two answers. watch is told each new descriptor."""

    def __init__(self, port: int, watch: Callable[[int], None]) -> None:
        self._port, self._watch = port, watch
        self._socket: socket.socket | None = None
        self._buffer = bytearray(1 << 18)
        self._request = b""
        self._view = memoryview(self._buffer)
        self._heads: dict[bytes, tuple[bool, bool, int | None]] = {}
        self._fresh = True
        self.reconnects = -1
        self._expect()

    def send(self, request: bytes) -> None:
        self._request, self._fresh = request, self._socket is None
        self._expect()
        try:
            self._open().sendall(request)
        except (BrokenPipeError, ConnectionResetError):
            self._repeat()

    def receive(self, exchange: Exchange) -> tuple[int, bytes, bytes | bytearray] | None:
        """Status, head and body, once the answer is complete; to be called when the socket can be read.

        Of a body that comes several times, the body is what came once.
        """
        try:
            count = self._open().recv_into(self._buffer)
        except ConnectionResetError:
            count = 0
        if not count and not self._data:
            self._repeat()
            return None
        if self._same is None:
            self._data += self._view[:count]
            body = self._body(ended=not count)
            if exchange.times > 1 and self._head and self._begin_comparing(exchange):
                body = None
        else:
            body = self._compare(self._same, self._view[:count])
        if body is None:
            if not count:
                raise Wrong("the connection was closed in the middle of an answer")
            return None
        if self._closes or not count:
            self.close()
        return int(self._head[9:12]), self._head, body

    def close(self) -> None:
        if self._socket:
            self._socket.close()
            self._socket = None

    def _open(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection((HOST, self._port), SILENCE_SECONDS)
            # the kernel's own time limit: settimeout() would cost one more system call for each of the others
            self._socket.settimeout(None)
            for limit in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
                self._socket.setsockopt(socket.SOL_SOCKET, limit, struct.pack("ll", SILENCE_SECONDS, 0))
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._watch(self._socket.fileno())
            self.reconnects += 1
        return self._socket

    def _repeat(self) -> None:
        """A server may close a connection that is idle, even while the next request is on its way (RFC 9112 §9.3.1)."""
        if self._fresh:
            raise Wrong("the connection was closed instead of an answer")
        self.close()
        self.send(self._request)

    def _expect(self) -> None:
        self._data = bytearray()
        self._head = b""
        self._closes = self._chunked = False
        self._length: int | None = None
        self._at = 0
        self._joined = bytearray()
        self._same: bytes | None = None
        self._left = 0

    def _body(self, ended: bool) -> bytes | bytearray | None:
        if not self._head and not self._read_head():
            return None
        if self._chunked:
            return self._unchunk()
        if self._length is None:
            return self._data[self._at :] if ended else None
        whole = self._at + self._length
        if len(self._data) > whole:
            raise Wrong("bytes after the end of an answer")
        return self._data[self._at :] if len(self._data) == whole else None

    def _begin_comparing(self, exchange: Exchange) -> bool:
        """From now on the body is compared as it comes: it would be too much to keep, and to compare at the end."""
        whole = len(exchange.body or b"") * exchange.times
        if self._length != whole or self._head[9:12] != b"200":
            return False  # wrong, which it will be called when it has come
        self._same, self._left = exchange.body, whole
        if begun := bytes(self._data[self._at :]):
            self._compare(self._same or b"", memoryview(begun))
        return True

    def _compare(self, same: bytes, come: memoryview) -> bytes | None:
        if not come or len(come) > self._left:
            raise Wrong("the answer is shorter or longer than it says")
        while come:
            at = -self._left % len(same)
            piece = come[: len(same) - at]
            if not same.startswith(piece, at):
                raise Wrong("GET gave other bytes than those stored")
            self._left -= len(piece)
            come = come[len(piece) :]
        return None if self._left else same

    def _read_head(self) -> bool:
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            return False
        self._head, self._at = bytes(self._data[: end + 2]), end + 4
        # Heads are the same within one second: looking through each of them would be most of the work.
        if self._head not in self._heads:
            if len(self._heads) > 100:
                self._heads.clear()
            self._heads[self._head] = _framing(self._head)
        self._closes, self._chunked, self._length = self._heads[self._head]
        return True

    def _unchunk(self) -> bytearray | None:
        while (end := self._data.find(b"\r\n", self._at)) >= 0:
            size = int(self._data[self._at : end], 16)
            after = end + 2 + size + 2
            if len(self._data) < after:
                return None
            if not size:
                return self._joined
            self._joined += memoryview(self._data)[end + 2 : after - 2]
            self._at = after
        return None


def _framing(head: bytes) -> tuple[bool, bool, int | None]:
    """Whether the connection ends with this answer, whether it is chunked, and its length, None if it is not told."""
    length = _LENGTH_HEADER.search(head)
    told = 0 if head[9:12] in (b"204", b"304") else int(length[1]) if length else None
    return bool(_CLOSE_HEADER.search(head)), bool(_CHUNKED_HEADER.search(head)), told


class Loop:
    """One connection's endless round through its cycles. The clock starts with the first of them, not with the greeting."""

    def __init__(self, job: Job, cycles: Sequence[Cycle], watch: Callable[[int, Loop], None]) -> None:
        self.connection = Connection(job.port, lambda descriptor: watch(descriptor, self))
        self._cycles, self._limit = cycles, job.cycles
        self._cycle: Cycle = (job.greeting,)
        self._step, self._turn = 0, -1
        self._begun = 0.0
        self._idle = False
        self._token = b""
        self.latencies: list[float] = []
        self._send()

    def proceed(self, deadline: float) -> bool:
        """Takes what has arrived and sends what is next; whether it has come to its end."""
        if self._idle:  # the server has closed a connection on which it owes nothing
            self.connection.close()
            return False
        answer = self.connection.receive(self._cycle[self._step])
        if answer is None:
            return False
        self._check(*answer)
        self._step += 1
        if self._step < len(self._cycle):
            self._send()
            return False
        now = time.monotonic()
        if self._turn >= 0:
            self.latencies.append(now - self._begun)
        self._idle = self._turn < 0 or len(self.latencies) == self._limit or (now >= deadline and not self._limit)
        if not self._idle:
            self.begin()
        return self._idle

    def begin(self) -> None:
        """Starts the next cycle."""
        self._turn += 1
        self._idle = False
        self._step, self._cycle = 0, self._cycles[self._turn % len(self._cycles)]
        self._begun = time.monotonic()
        self._send()

    def _send(self) -> None:
        exchange = self._cycle[self._step]
        self.connection.send(exchange.request.replace(TOKEN, self._token) if exchange.sends_token else exchange.request)

    def _check(self, status: int, head: bytes, body: bytes | bytearray) -> None:
        exchange = self._cycle[self._step]
        if status not in exchange.statuses:
            asked = _asked(exchange)
            raise Wrong(f"{asked} was answered with {status}: {bytes(body[:200]).decode(errors='replace')}")
        if exchange.body is not None and body != exchange.body:
            raise Wrong(f"{_asked(exchange)} gave other bytes than those stored")
        if exchange.counted:
            text, times = exchange.counted
            if (found := body.count(text)) != times:
                raise Wrong(f"the answer to {_asked(exchange)} has {text.decode()} {found} times, not {times}")
        if exchange.locks:
            token = _TOKEN_HEADER.search(head)
            if token is None:
                raise Wrong(f"{_asked(exchange)} gave no Lock-Token")
            self._token = token[1]


def _asked(exchange: Exchange) -> str:
    return exchange.request.partition(b" HTTP/")[0].decode(errors="replace")


def _drive(poll: select.epoll, loops: dict[int, Loop], active: int, deadline: float) -> None:
    """Until every one of so many loops has come to its end."""
    while active:
        ready = poll.poll(SILENCE_SECONDS)
        if not ready:
            raise Wrong(f"no answer within {SILENCE_SECONDS} s")
        for descriptor, _ in ready:
            active -= loops[descriptor].proceed(deadline)


def _run(job: Job, pipe: Pipe) -> Load:
    """Connects and logs in, says that it is ready, and from the agreed instant on repeats the cycles."""
    loops: dict[int, Loop] = {}
    all_loops: list[Loop] = []
    with select.epoll() as poll:

        def watch(descriptor: int, loop: Loop) -> None:
            loops[descriptor] = loop
            poll.register(descriptor, select.EPOLLIN)

        try:
            for cycles in job.connections:
                all_loops.append(Loop(job, cycles, watch))
                _drive(poll, loops, 1, 0.0)
            pipe.send(True)
            begin = pipe.recv()
            if begin is None:
                return Load()
            time.sleep(max(0.0, begin - time.monotonic()))
            computing = time.process_time()
            for loop in all_loops:
                loop.begin()
            _drive(poll, loops, len(all_loops), begin + job.seconds)
            seconds = time.monotonic() - begin
            busy = (time.process_time() - computing) / seconds
            latencies = [latency for loop in all_loops for latency in loop.latencies]
            return Load(latencies, seconds, busy, sum(loop.connection.reconnects for loop in all_loops))
        finally:
            for loop in all_loops:
                loop.connection.close()


def _work(pipe: Pipe) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    while (job := pipe.recv()) is not None:
        try:
            pipe.send(_run(job, pipe))
        except (Wrong, OSError, ValueError) as error:
            pipe.send(f"{error}" if isinstance(error, Wrong) else f"{type(error).__name__}: {error}")


class Loaders:
    """The processes that make the load, started once. A context manager."""

    def __init__(self) -> None:
        # on two processors a second process helps with many connections; more would only take time from the server
        self._count = min(4, max(2, (os.cpu_count() or 2) // 2))
        context = multiprocessing.get_context("spawn")
        self._pipes: list[Pipe] = []
        self._processes = []
        for _ in range(self._count):
            here, there = context.Pipe()
            process = context.Process(target=_work, args=(there,), daemon=True)
            process.start()
            there.close()
            self._pipes.append(here)
            self._processes.append(process)

    def __enter__(self) -> Loaders:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe, process in zip(self._pipes, self._processes, strict=True):
            with contextlib.suppress(OSError):
                pipe.send(None)
            process.join(1)
            process.kill()

    def run(
        self,
        port: int,
        connections: Sequence[Sequence[Cycle]],
        greeting: Exchange,
        seconds: float,
        *,
        cycles: int = 0,
        ready: Callable[[], None] = lambda: None,
    ) -> Load:
        """Loads one server; ready() is called when all are logged in, right before it begins. Raises Wrong."""
        shares = [share for i in range(self._count) if (share := connections[i :: self._count])]
        pipes = self._pipes[: len(shares)]
        for pipe, share in zip(pipes, shares, strict=True):
            pipe.send(Job(port, share, greeting, seconds, cycles))
        answers = [pipe.recv() for pipe in pipes]
        if failed := [answer for answer in answers if answer is not True]:
            for pipe, answer in zip(pipes, answers, strict=True):
                if answer is True:
                    pipe.send(None)
                    pipe.recv()
            raise Wrong(failed[0])
        ready()
        begin = time.monotonic() + 0.005
        for pipe in pipes:
            pipe.send(begin)
        loads = [pipe.recv() for pipe in pipes]
        if wrong := [load for load in loads if isinstance(load, str)]:
            raise Wrong(wrong[0])
        return Load(
            [latency for load in loads for latency in load.latencies],
            max(load.seconds for load in loads),
            max(load.busy for load in loads),
            sum(load.reconnects for load in loads),
        )
