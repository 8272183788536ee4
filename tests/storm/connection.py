"""A bare HTTP/1.1 connection: quick, repeats nothing, and knows when the last piece of a request went out."""

from __future__ import annotations

import contextlib
import re
import select
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

SILENCE = 60.0  # seconds without a byte after which an answer is given up


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. status is 0, and `cut` tells how far it got, when the connection broke before the end."""

    status: int
    headers: dict[str, str]
    body: bytes = b""
    cut: str = ""


class Connection:
    """One connection at a time to one server; not for use by several threads. `sent` is when the last piece went out."""

    def __init__(self, host: str, port: int) -> None:
        self.address = (host, port)
        self.sent = 0.0
        self._socket: socket.socket | None = None
        self._buffer = b""

    def open(self) -> None:
        """Connect, unless there is a usable connection; raises OSError if nobody listens."""
        if self._socket and _is_readable(self._socket, 0):
            self.close()  # closed by the server while nothing was asked
        if not self._socket:
            self._socket = socket.create_connection(self.address, SILENCE)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        if self._socket:
            self._socket.close()
        self._socket, self._buffer = None, b""

    def exchange(self, request: bytes, pieces: Sequence[bytes] = (), pause: float = 0.0) -> Answer:
        """Send a request, then the pieces of its body with seconds of pause before each, and read the answer.

        Stops sending when the answer comes early.
        """
        assert self._socket
        self.sent = time.monotonic()
        complete = True
        with contextlib.suppress(ConnectionError):  # the answer may be there all the same
            self._socket.sendall(request)
            for piece in pieces:
                if _is_readable(self._socket, pause):
                    complete = False
                    break
                self.sent = time.monotonic()
                self._socket.sendall(piece)
        answer = self._receive()
        if not complete or not answer.status or answer.headers.get("connection", "").lower() == "close":
            self.close()
        return answer

    def _receive(self) -> Answer:
        status, headers = 100, dict[str, str]()
        try:
            while status < 200:
                lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
                status = int(lines[0].split(" ", 2)[1])
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        except (OSError, EOFError) as error:
            return Answer(0, {}, cut=f"no answer: {error!r}")
        try:
            return Answer(status, headers, self._body(status, headers))
        except (OSError, EOFError) as error:
            return Answer(0, headers, cut=f"body of {headers.get('content-length', '?')} bytes cut short: {error!r}")

    def _body(self, status: int, headers: dict[str, str]) -> bytes:
        if status in (204, 304):
            return b""
        if "chunked" in headers.get("transfer-encoding", "").lower():
            chunks = []
            while size := int(self._until(b"\r\n").split(b";")[0], 16):
                chunks.append(self._exactly(size))
                self._exactly(2)
            self._until(b"\r\n")
            return b"".join(chunks)
        length = headers.get("content-length", "")
        if re.fullmatch("[0-9]{1,12}", length):
            return self._exactly(int(length))
        headers["connection"] = "close"
        with contextlib.suppress(EOFError):
            while True:
                self._more()
        return self._buffer

    def _until(self, end: bytes) -> bytes:
        while end not in self._buffer:
            self._more()
        found, self._buffer = self._buffer.split(end, 1)
        return found

    def _exactly(self, length: int) -> bytes:
        while len(self._buffer) < length:
            self._more()
        found, self._buffer = self._buffer[:length], self._buffer[length:]
        return found

    def _more(self) -> None:
        assert self._socket
        received = self._socket.recv(262_144)
        if not received:
            raise EOFError(f"ended {len(self._buffer)} bytes on")
        self._buffer += received


def _is_readable(connection: socket.socket, seconds: float) -> bool:
    """Whether there is something to read, or the end, within this time. By poll: select knows descriptors below 1024 only."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(seconds * 1000))
