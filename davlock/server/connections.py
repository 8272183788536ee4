"""One client's connection."""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import struct
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import cheroot.server

from davlock.server.requests import Request
from davlock.server.streams import Stream, TlsStream

if TYPE_CHECKING:
    from davlock.server.servers import Server

    _Socket = socket.socket

SILENCE_SECONDS = 30.0
"""How long one recv or send may take in the middle of a request."""
_STAY_SECONDS = 0.01
_LINGER_SECONDS = 2.0
_LINGER_BYTES = 16 * 1024 * 1024


class Connection(cheroot.server.HTTPConnection):
    """Answers the requests of one client, one after the other."""

    RequestHandlerClass = Request
    server: Server
    socket: _Socket

    def __init__(self, server: Server, sock: _Socket, makefile: Callable[..., Any] | None = None) -> None:
        # Not the parent's: its lru_caches make every connection a reference cycle, its files are slow.
        self.server = server
        self.socket = sock
        self.rfile = Stream(sock)
        self.requests_seen = 0
        self._environ: dict[str, Any] | None = None
        self._aborted = False
        self._encrypted = False
        sock.settimeout(SILENCE_SECONDS)

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
        if self.server.tls is not None and not self._encrypted and not self._shake_hands(self.server.tls()):
            return False
        while True:
            request = self.RequestHandlerClass(self.server, self)
            try:
                request.parse_request()
            except OSError:
                return False  # gone; there is nobody to tell
            if not request.ready:
                return False
            self.requests_seen += 1
            request.respond()
            if request.close_connection:
                return False
            # The next request often comes at once: waiting here for a moment saves two thread switches, but others go
            # first.
            if self.server.requests.qsize or not self.rfile.readable(_STAY_SECONDS):
                return True

    def _shake_hands(self, context: ssl.SSLContext) -> bool:
        try:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        except (OSError, ValueError) as error:
            self.server.error_log(f"no TLS with {self.remote_addr}: {error}", logging.DEBUG)
            return False
        self.rfile = TlsStream(self.socket)
        self._encrypted = True
        return True

    def close(self) -> None:
        """Close, in such a way that the client gets to read the last answer. May take two seconds after a refusal."""
        if self.rfile.closed:
            return
        self.rfile.close()
        with contextlib.suppress(OSError):
            if self._aborted:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                if self.linger:
                    self._discard()
                self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def abort(self) -> None:
        """Make closing look like an error to the client (a reset): it has not got the whole answer."""
        self._aborted = True

    def stop_reading(self) -> None:
        """From another thread: whoever waits for this client's body gets a ConnectionError."""
        self.rfile.cut = True
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RD)

    def stop_writing(self) -> None:
        """From another thread: whoever waits for this client to take an answer gets a Disconnected."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def _discard(self) -> None:
        # A close with bytes unread is a reset, which makes the client lose our answer (RFC 9112 §9.6).
        self.socket.shutdown(socket.SHUT_WR)
        end = time.monotonic() + _LINGER_SECONDS
        left = _LINGER_BYTES
        while left > 0 and (seconds := end - time.monotonic()) > 0:
            self.socket.settimeout(seconds)
            data = self.socket.recv(64 * 1024)
            if not data:
                return
            left -= len(data)
