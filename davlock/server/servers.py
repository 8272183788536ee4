"""The HTTP server of one process."""

from __future__ import annotations

import logging
import socket
import ssl
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import cheroot.wsgi

from davlock.server.connections import Connection
from davlock.server.gateway import Gateway, base_environ
from davlock.server.limits import Limits
from davlock.server.loops import Loop
from davlock.server.workers import Workers

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

BACKLOG = 1024

_log = logging.getLogger("davlock.server")
"".encode("unicode_escape")  # Python gets it from the disk: when errors are to be told, descriptors may be what is missing
Spell = Callable[[str, int, str], tuple[str, bytes]]
"""Media type and body of a refusal: of the address as it was sent, a status, a sentence."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on the address, IPv4 or IPv6; port 0 takes a free one. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if family == socket.AF_INET6 and address[0] == "::":
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def spell_plainly(target: str, status: int, sentence: str) -> tuple[str, bytes]:
    """A line of text."""
    return "text/plain; charset=utf-8", f"{sentence}\n".encode()


class Server(cheroot.wsgi.Server):
    """Serves an application on a socket that listens already.

        server = Server(listen("127.0.0.1", 0), application)
        server.prepare()
        server.serve()          # until another thread calls stop()

    threads:       requests answered at the same time.
    multiprocess:  whether other processes serve the same application.
    limits:        how long and for how many clients it waits.
    tls:           gives the context for the next connection; without it, plain HTTP is spoken.
    is_exempt:     of which addresses there may be any number of connections: those of trusted proxies.
    spell:         how requests are refused that never reach the application.
    """

    ConnectionClass = Connection

    def __init__(
        self,
        listener: socket.socket,
        application: WSGIApplication,
        *,
        threads: int = 16,
        multiprocess: bool = False,
        limits: Limits | None = None,
        tls: Callable[[], ssl.SSLContext] | None = None,
        is_exempt: Callable[[str], bool] = lambda address: False,
        spell: Spell = spell_plainly,
    ) -> None:
        super().__init__(listener.getsockname()[:2], application, server_name="davlock", request_queue_size=BACKLOG)
        self.gateway = Gateway
        self.multiprocess = multiprocess
        self.limits = limits or Limits()
        self.tls = tls
        self.is_exempt = is_exempt
        self.spell = spell
        self.requests = Workers(self, threads, self.limits.threads)
        self.base_environ: dict[str, Any] = {}
        self.socket = listener
        self.gives_way: Callable[[int], bool] = lambda count: False
        """Given how many connections it has: should another process take the next one, if it does so at once?"""

    def prepare(self) -> None:
        """Start the threads; connections are accepted as soon as `serve` runs."""
        self.socket.setblocking(False)
        self.base_environ = base_environ(self)
        self._loop = Loop(self, self.socket)
        self.watch = self._loop.watch
        self.forget = self._loop.forget
        self.requests.start()
        self.ready = True

    def serve(self) -> None:
        """Accept connections and watch over those that nobody works for, until `stop`."""
        self._loop.run()

    def stop(self, timeout: float = 25.0) -> None:
        """Stop accepting, let the requests in flight end for `timeout` seconds, cut off the rest.

        Closes this process's descriptor of the listening socket; other processes go on. An upload that is cut off is a
        ConnectionError in the application.
        """
        if not self.ready:
            return
        self.ready = False
        end = time.monotonic() + timeout
        self._loop.drain(timeout)
        self.requests.stop(max(end - time.monotonic(), 0))
        self._loop.end()

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        """One line in the log; a traceback only when the log is at DEBUG."""
        line = str(msg).encode("unicode_escape").decode("ascii")[:1000]
        _log.log(level, "%s", line, exc_info=traceback and _log.isEnabledFor(logging.DEBUG))
