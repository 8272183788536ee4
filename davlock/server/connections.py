"""One client's connection."""

from __future__ import annotations

import contextlib
import enum
import math
import re
import socket
import ssl
import struct
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import cheroot.server

from davlock.server.heads import Head, HeadError, find_head
from davlock.server.requests import Request
from davlock.server.streams import RECEIVE_SIZE, Stream

if TYPE_CHECKING:
    from davlock.server.servers import Server

    _Socket = socket.socket

AT_HAND_LIMIT = 64 * 1024
"""Bytes of a body that must have come, unless it is smaller, before a thread takes the request."""
LINGER_SECONDS = 2.0
_LINGER_BYTES = 16 * 1024 * 1024
"""Of a client that still sends, so many bytes are read and dropped. Then it has to wait, which lets it look at the answer (nginx does)."""
_STAY_SECONDS = 0.01
_TLS_HANDSHAKE = 0x16
# Only to guess whether a thread would have to wait; what a head really says is judged in heads.py.
_FRAMING = re.compile(rb"\r\n(?:content-length:[ \t]*([0-9]{1,15})[ \t]*(?=\r)|(transfer-encoding):|(expect):)", re.IGNORECASE)


class Phase(enum.Enum):
    """What is awaited of the client."""

    HANDSHAKE = enum.auto()
    REQUEST = enum.auto()
    HEAD = enum.auto()
    BODY = enum.auto()
    END = enum.auto()


class Connection(cheroot.server.HTTPConnection):
    """Answers the requests of one client, one after the other.

    It belongs to the loop while that watches it (`phase`, until `deadline` of time.monotonic()), else to one worker.
    """

    RequestHandlerClass = Request
    server: Server
    socket: _Socket
    rfile: Stream
    linger: bool

    def __init__(self, server: Server, sock: _Socket, makefile: Callable[..., Any] | None = None) -> None:
        # Not the parent's: its lru_caches make every connection a reference cycle, its files are slow.
        self.server = server
        self.socket = sock
        self.rfile = Stream(sock, server.limits, server.requests.waiting(self))
        self.requests_seen = 0
        self.is_watched = False
        self.taken = 0.0
        self.peer: object = None
        self.awaits_writing = False
        self.phase = Phase.HANDSHAKE if server.tls else Phase.REQUEST
        self.deadline = time.monotonic() + (server.limits.handshake_seconds if server.tls else server.limits.idle_seconds)
        self._handshake_deadline = self.deadline
        self._wanted: int | None = None
        self._heard = 0.0
        self._linger_left = _LINGER_BYTES
        self._environ: dict[str, Any] | None = None
        self._aborted = False

    @property
    def environ(self) -> dict[str, Any]:
        """What is the same in every request of this connection. Copy it."""
        if self._environ is None:
            self._environ = {
                **self.server.base_environ,
                "REMOTE_ADDR": self.remote_addr or "",
                "REMOTE_PORT": str(self.remote_port or ""),
                **(self.ssl_env or {}),
            }
        return self._environ

    def communicate(self) -> bool:
        """Answer requests as long as the client keeps them coming; whether to keep the connection for more."""
        if self.phase is Phase.HANDSHAKE:
            return self._shake_hands()
        before: Head | None = None  # forgotten with the password in it, as soon as the client pauses
        while True:
            request = self.RequestHandlerClass(self.server, self)
            try:
                request.parse_request(before)
            except OSError:
                return False  # gone; there is nobody to tell
            if not request.ready:
                return False
            before = request.head
            self.requests_seen += 1
            request.respond()
            if request.close_connection:
                return False
            self._expect_request()
            # The next request often comes at once: waiting here for a moment saves two thread switches, but others go
            # first.
            if self.server.requests.qsize or not self._stays():
                self._await_more(time.monotonic())
                return True

    def hear(self) -> bool:
        """Take in what has come, for the loop; whether a worker can go on from here. Raises OSError at the end."""
        if self.phase is Phase.HANDSHAKE:
            return True
        if self.phase is Phase.END:
            self._discard()
            return False
        now = time.monotonic()
        if self.phase is Phase.BODY:
            self.rfile.reading.spend(now - self._heard)
            self._heard = now
        come = self.rfile.fill_at_once()
        if come is False and self.phase is not Phase.BODY:
            raise ConnectionAbortedError("the client has left")
        # A body that has ended too early is the application's affair: its client may still be told.
        if come is False or self.is_at_hand():
            return True
        self._await_more(now)
        return False

    def has_begun(self) -> bool:
        """Is there anything of a request? The empty line behind a form of old clients isn't."""
        stream = self.rfile
        return len(stream.buffer) - stream.start > 2 or (stream.has_data() and not b"\r\n".startswith(stream.buffer[stream.start :]))

    @property
    def is_sated(self) -> bool:
        """Is nothing more to be read, although the client may go on sending?"""
        return self._linger_left < 0

    def is_at_hand(self) -> bool:
        """Has so much of a request come that a worker will not have to wait for a small one?"""
        stream = self.rfile
        if self._wanted is None:
            try:
                end = find_head(stream)
            except HeadError:
                return True
            if end is None:
                return False
            self._wanted = end - stream.start + _size_at_hand(stream.buffer[stream.start : end])
        return len(stream.buffer) - stream.start >= self._wanted

    def take_over(self) -> None:
        """A worker gets it now."""
        self.deadline = math.inf
        self.taken = time.monotonic()
        self._wanted = None

    def refuse(self, status: str, sentence: str, *fields: str) -> None:
        """Tell the client in passing why it is not served; the connection is to be closed afterwards."""
        text = sentence.encode() + b"\n"
        lines = [f"HTTP/1.1 {status}", "Content-Type: text/plain; charset=utf-8", f"Content-Length: {len(text)}", *fields]
        head = "\r\n".join([*lines, "Connection: close", "Server: davlock\r\n\r\n"])
        self.linger = True
        # Two hundred bytes always find room, except behind answers that the client has not read.
        with contextlib.suppress(OSError):
            self.socket.send(head.encode() + text)

    def close(self) -> None:
        """Close, in such a way that the client gets to read the last answer: the loop waits for that, two seconds."""
        if self.rfile.closed or self._aborted or self.phase in (Phase.HANDSHAKE, Phase.END):
            self.destroy()
            return
        self._say_goodbye()
        if self.linger:
            # A close with bytes unread is a reset, which makes the client lose our answer (RFC 9112 §9.6).
            self.phase, self.deadline = Phase.END, time.monotonic() + LINGER_SECONDS
            self.rfile.buffer, self.rfile.start = b"", 0
            if self.server.watch(self):
                return
        self.destroy()

    def destroy(self) -> None:
        """Close without ado."""
        if self.rfile.closed:
            return
        self.rfile.close()
        self.server.forget(self)
        with contextlib.suppress(OSError):
            if self._aborted:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                socket.socket.shutdown(self.socket, socket.SHUT_RDWR)
        self.socket.close()

    def abort(self) -> None:
        """Make closing look like an error to the client (a reset): it has not got the whole answer."""
        self._aborted = True

    # SSLSocket.shutdown() would also end TLS, under the hands of the thread that reads: what came next would be taken
    # for plain text.

    def stop_reading(self) -> None:
        """From another thread: whoever waits for this client's body gets a ConnectionError."""
        self.rfile.cut = True
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.socket, socket.SHUT_RD)

    def stop_writing(self) -> None:
        """From another thread: whoever waits for this client to take an answer gets a Disconnected."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)

    def _say_goodbye(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            if isinstance(self.socket, ssl.SSLSocket):
                self.socket.unwrap()  # says that this is the end; the answer to it is not waited for
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.socket, socket.SHUT_WR)

    def _discard(self) -> None:
        with contextlib.suppress(BlockingIOError):
            data = socket.socket.recv(self.socket, RECEIVE_SIZE)
            self._linger_left -= len(data)
            if not data:
                raise ConnectionAbortedError("the end of the connection")

    def _expect_request(self) -> None:
        self.phase, self._wanted = Phase.REQUEST, None
        self.rfile.renew_patience()
        self.deadline = time.monotonic() + self.server.limits.idle_seconds

    def _await_more(self, now: float) -> None:
        """What has come can't be answered yet: settle until when the loop waits for more."""
        if self._wanted is not None:
            self.phase, self.deadline, self._heard = Phase.BODY, now + self.rfile.reading.left, now
        elif self.phase is Phase.REQUEST and self.has_begun():
            self.phase, self.deadline = Phase.HEAD, now + self.server.limits.head_seconds

    def _stays(self) -> bool:
        """Wait for a moment whether the client asks again."""
        if self.rfile.has_data() and self.is_at_hand():
            return True
        end = time.monotonic() + _STAY_SECONDS
        with contextlib.suppress(OSError):
            while (left := end - time.monotonic()) > 0 and self.rfile.arriving(left):
                come = self.rfile.fill_at_once()
                if self.is_at_hand():
                    return True
                if come is False:
                    break
        return False

    def _shake_hands(self) -> bool:
        """One step of the TLS handshake; whether the connection is to be kept."""
        assert self.server.tls
        self.deadline = self._handshake_deadline
        try:
            if not isinstance(self.socket, ssl.SSLSocket):
                if self.socket.recv(1, socket.MSG_PEEK) != bytes([_TLS_HANDSHAKE]):
                    self._say_that_this_is_tls()
                    return False
                self.socket = self.server.tls().wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
                self.rfile.use(self.socket)
            self.socket.do_handshake()
        except ssl.SSLWantReadError:
            self.awaits_writing = False
        except ssl.SSLWantWriteError:
            self.awaits_writing = True
        except OSError:
            return False
        else:
            self.awaits_writing = False
            self._expect_request()
        return True

    def _say_that_this_is_tls(self) -> None:
        self.phase = Phase.REQUEST
        self.refuse("400 Bad Request", "This port speaks HTTPS only: the address must begin with https://.")


def _size_at_hand(head: bytes) -> int:
    """Bytes of the body that must have come behind this head; of a chunked one any, as it may end, or be broken, with each."""
    size = 0
    for length, chunked, expect in _FRAMING.findall(head):
        if expect:
            return 0  # nothing comes before the application asks for it
        size = 1 if chunked else min(int(length), AT_HAND_LIMIT)
    return size
