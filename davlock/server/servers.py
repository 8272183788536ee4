"""The HTTP server of one process."""

from __future__ import annotations

import errno
import logging
import socket
import ssl
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import cheroot.wsgi
from cheroot.connections import ConnectionManager

from davlock.server.connections import Connection
from davlock.server.gateway import Gateway, base_environ
from davlock.server.workers import Workers

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

BACKLOG = 1024
IDLE_SECONDS = 60
"""How long a connection may stay open between two requests."""

_log = logging.getLogger("davlock.server")
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Listener(socket.socket):
    """A listening socket that several processes may share: accept doesn't wait when another was faster."""

    _complained = 0.0

    def accept(self) -> tuple[socket.socket, Any]:
        """See socket.accept. Raises BlockingIOError if there is nothing to accept or nothing left to accept it with."""
        try:
            return super().accept()
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            # The client stays in the backlog. Without this pause the selector would spin until a file is closed.
            time.sleep(0.05)
            if time.monotonic() - self._complained > 10:
                self._complained = time.monotonic()
                _log.error("can't accept connections: %s", error)
            raise BlockingIOError(errno.EAGAIN, "out of descriptors or memory") from error


def listen(host: str, port: int) -> Listener:
    """A socket that listens on the address, IPv4 or IPv6; port 0 takes a free one. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listener = Listener(family, kind, protocol)
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


class Server(cheroot.wsgi.Server):
    """Serves an application on a socket that listens already.

        server = Server(listen("127.0.0.1", 0), application)
        server.prepare()
        server.serve()          # until another thread calls stop()

    threads:       requests answered at the same time.
    multiprocess:  whether other processes serve the same application.
    tls:           the context for a new connection; None for plain HTTP.
    """

    ConnectionClass = Connection
    socket: Listener | None

    def __init__(
        self,
        listener: Listener,
        application: WSGIApplication,
        *,
        threads: int = 16,
        multiprocess: bool = False,
        tls: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        super().__init__(
            listener.getsockname()[:2],
            application,
            server_name="davlock",
            request_queue_size=BACKLOG,
            timeout=IDLE_SECONDS,
        )
        self.gateway = Gateway
        self.multiprocess = multiprocess
        self.tls = tls
        self.requests = Workers(self, threads)
        self.base_environ: dict[str, Any] = {}
        self.socket = listener

    def prepare(self) -> None:
        """Start the threads; connections are accepted as soon as `serve` runs."""
        assert self.socket is not None
        self.socket.setblocking(False)
        self.base_environ = base_environ(self)
        self._connections: Any = ConnectionManager(self)
        self.requests.start()
        self.ready = True

    def serve(self) -> None:
        """Accept connections and watch the idle ones until `stop`."""
        while self.ready:
            try:
                self._connections.run(self.expiration_interval)
            except Exception as error:
                self.error_log(f"Accepting connections failed: {type(error).__name__}: {error}", logging.ERROR, True)
                time.sleep(0.05)

    def stop(self, timeout: float = 25.0) -> None:
        """Stop accepting, let the requests in flight end for `timeout` seconds, cut off the rest.

        Closes this process's descriptor of the listening socket; other processes go on. An upload that is cut off is a
        ConnectionError in the application.
        """
        if not self.ready:
            return
        self.ready = False
        self._connections.stop()
        if self.socket is not None:
            self.socket.close()
        self._connections.close()
        self.requests.stop(timeout)

    @property
    def can_add_keepalive_connection(self) -> bool:
        """Idle connections cost a descriptor and no thread: there is no other limit to them than descriptors."""
        return self.ready

    def process_conn(self, conn: Connection) -> None:
        """Give a connection to the threads; a new one only when its first bytes have come."""
        if conn.last_used is None and not conn.rfile.readable(0):
            self._connections.put(conn)
        else:
            self.requests.put(conn)

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        """One line in the log; a traceback only when the log is at DEBUG."""
        line = str(msg).encode("unicode_escape").decode("ascii")[:1000]
        _log.log(level, "%s", line, exc_info=traceback and _log.isEnabledFor(logging.DEBUG))
