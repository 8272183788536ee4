"""Where connections are while nothing of them needs a thread: before they have asked, and between two requests."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import logging
import selectors
import socket
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from davlock import processors
from davlock.server.connections import Connection, Phase

if TYPE_CHECKING:
    from davlock.server.servers import Server

_TICK_SECONDS = 1.0
_PAUSE_SECONDS = 0.1
_GIVE_WAY_SECONDS = 0.002
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_GONE = {errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED, errno.EINTR, errno.EPROTO}
_REFUSED_AT_ONCE = 64
"""Connections too many that are waited for until they have read so."""


class Loop:
    """Accepts connections, reads what comes until a worker can go on without waiting, and closes what takes too long.

    One thread runs it; workers give connections back from theirs. Takes the place of cheroot's ConnectionManager,
    which waits for the first byte of a request only, and shakes hands (TLS) while everybody waits.
    """

    def __init__(self, server: Server, listener: socket.socket) -> None:
        self._server = server
        self._listener: socket.socket | None = listener
        self._is_accepting = False
        self._is_polite = True
        self._accept_again = 0.0
        self._selector = selectors.DefaultSelector()
        self._connections: set[Connection] = set()
        self._peers: Counter[object] = Counter()
        self._refused: set[Connection] = set()
        self._mutex = threading.Lock()
        self._buffered = 0
        self._tick = min(_TICK_SECONDS, *(seconds / 4 for seconds in (server.limits.head_seconds, server.limits.body_seconds)))
        self._next_look = 0.0
        self._most = server.limits.most_connections
        self._complained = 0.0
        self._hurry = float("inf")
        self._is_ending = self._is_closed = self._is_over = False
        self._drained, self._ended = threading.Event(), threading.Event()
        self._bell, self._button = socket.socketpair()
        self._bell.setblocking(False)
        self._selector.register(self._bell, selectors.EVENT_READ)

    def run(self) -> None:
        """Until `end`."""
        try:
            while not self._is_over or any(connection.is_watched for connection in self._connections.copy()):
                try:
                    self._turn()
                except Exception as error:
                    self._log_failure(error)
                    time.sleep(0.05)
        finally:
            for connection in self._connections.copy():
                connection.destroy()
            self._selector.close()
            self._bell.close()
            self._drained.set()
            self._ended.set()

    def watch(self, connection: Connection) -> bool:
        """From any thread: wait until the client sends more. False if nobody waits any more; it is to be closed then."""
        if self._is_closed and connection.phase is not Phase.END:
            return False
        if connection.rfile.has_data() and connection.is_at_hand():
            connection.take_over()
            self._server.requests.put(connection)
            return True
        events = selectors.EVENT_WRITE if connection.awaits_writing else selectors.EVENT_READ
        connection.is_watched = True
        try:
            self._selector.register(connection.socket, events, connection)
        except (OSError, ValueError, KeyError, RuntimeError):  # the loop has ended, or closed it as it ends
            connection.is_watched = False
            return False
        return True

    def forget(self, connection: Connection) -> None:
        """From any thread: it is being closed."""
        with self._mutex:
            self._connections.discard(connection)
            if connection in self._refused:
                self._refused.discard(connection)
            else:
                self._discount(connection)

    def drain(self, seconds: float) -> None:
        """From another thread: accept no more, close who has not begun to ask, let the others end for so many seconds."""
        self._hurry = time.monotonic() + seconds
        self._is_ending = True
        self._wake()
        _wait(self._drained, seconds + self._tick + 1)

    def end(self) -> None:
        """From another thread, after `drain`: `run` returns as soon as the last answers are read."""
        self._is_over = True
        self._wake()
        _wait(self._ended, 5.0)
        self._button.close()

    def _turn(self) -> None:
        now = time.monotonic()
        self._accept_or_pause(now)
        if self._is_ending and not self._is_closed:
            self._stop_accepting()
        wake = self._next_look if self._is_accepting or self._is_closed else min(self._next_look, self._accept_again)
        for key, _ in self._selector.select(max(0.0, min(wake - now, self._tick))):
            if key.fileobj is self._bell:
                with contextlib.suppress(BlockingIOError):
                    self._bell.recv(64)
            elif key.data is None:
                self._accept_in_turn()
            else:
                self._hear(key.data)
        now = time.monotonic()
        if now >= self._next_look or self._is_ending:
            self._next_look = now + self._tick
            self._look_round(now)
            self._server.requests.relieve()
            processors.look_round()

    def _hear(self, connection: Connection) -> None:
        before = len(connection.rfile.buffer)
        try:
            is_at_hand = connection.hear()
        except OSError:
            self._close(connection)
            return
        except Exception as error:
            self._log_failure(error)
            self._close(connection)
            return
        self._buffered += len(connection.rfile.buffer) - before
        if connection.is_sated:
            self._selector.unregister(connection.socket)  # but closed when its time is over, not at once: that would be a reset
        elif is_at_hand:
            self._release(connection)
            connection.take_over()
            self._server.requests.put(connection)
        elif self._buffered > self._server.limits.buffered_bytes:
            self._give_up(connection, "503 Service Unavailable", "The server is busy; try again later.", "Retry-After: 10")

    def _look_round(self, now: float) -> None:
        """Close who has had his time; when the server stops, also who has not begun to ask."""
        has_begun = False
        buffered = 0
        for connection in self._connections.copy():
            if not connection.is_watched:
                continue
            is_late = now >= (connection.deadline if connection.phase is Phase.END else min(connection.deadline, self._hurry))
            match connection.phase:
                case Phase.REQUEST | Phase.HANDSHAKE if is_late or self._is_ending:
                    self._close(connection)
                case Phase.HEAD | Phase.BODY if is_late:
                    self._give_up(connection, "408 Request Timeout", "The request did not arrive in time.")
                case Phase.HEAD | Phase.BODY:
                    has_begun = True
                    buffered += len(connection.rfile.buffer)
                case Phase.END if is_late:
                    self._close(connection)
        self._buffered = buffered
        if self._is_ending and not has_begun:
            self._drained.set()

    def _give_up(self, connection: Connection, status: str, sentence: str, *fields: str) -> None:
        self._release(connection)
        connection.refuse(status, sentence, *fields)
        connection.close()

    def _close(self, connection: Connection) -> None:
        self._release(connection)
        connection.close()

    def _release(self, connection: Connection) -> None:
        connection.is_watched = False
        self._buffered -= len(connection.rfile.buffer)
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(connection.socket)

    def _accept_or_pause(self, now: float) -> None:
        if self._listener is not None and not self._is_accepting and now >= self._accept_again:
            self._selector.register(self._listener, selectors.EVENT_READ)
            self._is_accepting = True

    def _accept_in_turn(self) -> None:
        if self._is_polite and self._server.gives_way(len(self._connections)):
            self._is_polite = False  # once: the other might be stuck
            self._pause(_GIVE_WAY_SECONDS)
        else:
            self._is_polite = True
            self._accept()

    def _accept(self) -> bool:
        """Take one connection; False if there is none."""
        assert self._listener is not None
        try:
            sock, address = self._listener.accept()
        except OSError as error:
            if error.errno in _EXHAUSTED:
                # The client stays in the backlog. Without a pause the selector would spin until something is closed.
                self._complain(error)
                self._pause(_PAUSE_SECONDS)
            elif error.errno not in _GONE:
                raise
            return False
        sock.setblocking(False)
        connection = self._server.ConnectionClass(self._server, sock)
        connection.remote_addr, connection.remote_port = address[:2]
        connection.peer = _network(address[0])
        with self._mutex:
            self._connections.add(connection)
            self._peers[connection.peer] += 1
            total, of_peer = len(self._connections) - len(self._refused), self._peers[connection.peer]
        if total > self._most or (of_peer > self._server.limits.connections_per_peer and not self._server.is_exempt(address[0])):
            self._refuse(connection)
        elif not self.watch(connection):
            connection.destroy()
        return True

    def _discount(self, connection: Connection) -> None:
        self._peers[connection.peer] -= 1
        if not self._peers[connection.peer]:
            del self._peers[connection.peer]

    def _refuse(self, connection: Connection) -> None:
        if len(self._refused) >= _REFUSED_AT_ONCE or connection.phase is Phase.HANDSHAKE:
            connection.destroy()
            return
        with self._mutex:
            self._refused.add(connection)
            self._discount(connection)
        connection.refuse("503 Service Unavailable", "There are too many connections; try again later.", "Retry-After: 10")
        connection.close()

    def _pause(self, seconds: float) -> None:
        if self._is_accepting:
            assert self._listener is not None
            self._selector.unregister(self._listener)
            self._is_accepting = False
        self._accept_again = time.monotonic() + seconds

    def _complain(self, error: OSError) -> None:
        if time.monotonic() - self._complained > 10:
            self._complained = time.monotonic()
            self._server.error_log(f"can't accept connections: {error}", logging.ERROR)

    def _stop_accepting(self) -> None:
        """Who is in the backlog has connected, and perhaps asked, before the server stopped."""
        if self._listener is not None:
            while self._accept():
                pass
            if self._is_accepting:
                self._selector.unregister(self._listener)
            self._listener.close()
            self._listener = None
        self._is_closed = True
        for key, _ in self._selector.select(0):
            if isinstance(key.data, Connection):
                self._hear(key.data)

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            self._button.send(b".")

    def _log_failure(self, error: Exception) -> None:
        with contextlib.suppress(Exception):  # without this thread nobody is served
            self._server.error_log(f"Accepting connections failed: {type(error).__name__}: {error}", logging.ERROR, traceback=True)


def _network(address: str) -> Any:
    """What counts as one peer: an IPv4 address, or the 64 bits that everybody gets with IPv6."""
    if ":" not in address:
        return address
    parsed = ipaddress.IPv6Address(address.partition("%")[0])
    return str(parsed.ipv4_mapped) if parsed.ipv4_mapped else int(parsed) >> 64


def _wait(event: threading.Event, seconds: float) -> None:
    # In slices: a second SIGTERM may come to another thread, and only the main one, when it wakes up, handles it.
    end = time.monotonic() + seconds
    while not event.wait(min(0.25, max(end - time.monotonic(), 0))) and time.monotonic() < end:
        pass
