"""The threads that answer requests."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from davlock.server.connections import Connection
    from davlock.server.servers import Server

_UNWIND_SECONDS = 2.0
_SPARED_SECONDS = 1.0
"""For so long a request is not cut off, however much its thread is wanted elsewhere."""


class Workers:
    """The threads and the queue in front of them; takes the place of cheroot's ThreadPool.

    threads: how many of them answer requests at the same time.
    most:    how many there are, with those that wait for a client who sends or reads slowly. Such a thread costs
             little, so another one takes its place. When there can't be another one, somebody is cut off.

    cheroot's pool waits without end for a thread that is stuck, and shuts a body's connection down in such a way that
    the application takes what has come for all of it.
    """

    def __init__(self, server: Server, threads: int, most: int) -> None:
        self._server = server
        self._queue: queue.SimpleQueue[Connection | None] = queue.SimpleQueue()
        self._busy: set[Connection] = set()
        self._waiting: set[Connection] = set()
        self._threads: set[threading.Thread] = set()
        self._mutex = threading.Lock()
        self._born = 0
        self._most = max(most, threads)
        self.min = threads

    @property
    def qsize(self) -> int:
        """How many connections wait for a thread."""
        return self._queue.qsize()

    @property
    def idle(self) -> int:
        """How many threads wait for a connection."""
        return len(self._threads) - len(self._busy)

    def start(self) -> None:
        """Start the threads."""
        with self._mutex:
            for _ in range(self.min):
                self._spawn()

    def put(self, connection: Connection) -> None:
        """Have a connection's requests answered."""
        self._queue.put(connection)
        if self._waiting:
            self.reinforce()

    def waiting(self, connection: Connection) -> _Waiting:
        """To be entered, with no lock held that others need, while this client is waited for."""
        return _Waiting(self, connection)

    def reinforce(self) -> None:
        """See to it that the queue is served although some threads wait for their clients."""
        with self._mutex:
            if not self._queue.qsize() or len(self._threads) - len(self._waiting) >= self.min:
                return
            if len(self._threads) < self._most:
                self._spawn()
            else:
                self._cut_off_slowest()

    def stop(self, timeout: float) -> None:
        """Let everything queued be answered, for `timeout` seconds; then cut off what is left, and return soon."""
        self._queue.put(None)
        if self._join(timeout):
            return
        for connection in self._busy.copy():
            connection.stop_reading()
        if self._join(_UNWIND_SECONDS):
            return
        for connection in self._busy.copy():
            connection.stop_writing()
        if not self._join(_UNWIND_SECONDS):
            self._server.error_log("Some requests did not end when the server stopped.", logging.WARNING)

    def _join(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        for thread in self._threads.copy():
            # In slices: a second SIGTERM may come to another thread, and only the main one, when it wakes up, handles it.
            while thread.is_alive() and (left := end - time.monotonic()) > 0:
                thread.join(min(left, 0.25))
        return not any(thread.is_alive() for thread in self._threads.copy())

    def _spawn(self) -> None:
        self._born += 1
        thread = threading.Thread(target=self._work, name=f"davlock-{self._born}", daemon=True)
        self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:  # the system gives no more of them
            self._threads.discard(thread)
            if not self._threads:
                raise

    def _work(self) -> None:
        while (connection := self._queue.get()) is not None:
            self._serve(connection)
            if len(self._threads) - len(self._waiting) > self.min and self._retire():
                return
        self._queue.put(None)  # for the next one

    def _serve(self, connection: Connection) -> None:
        self._busy.add(connection)
        try:
            if not (connection.communicate() and self._server.watch(connection)):
                connection.close()
        except BaseException as error:
            # Whatever it is, SystemExit included: it ends this connection and not the thread.
            self._server.error_log(f"{type(error).__name__}: {error}", logging.ERROR, traceback=True)
            connection.destroy()
        self._busy.discard(connection)

    def _retire(self) -> bool:
        with self._mutex:
            if len(self._threads) - len(self._waiting) <= self.min:
                return False
            self._threads.discard(threading.current_thread())
            return True

    def _leave(self, connection: Connection) -> None:
        with self._mutex:
            self._waiting.add(connection)
        if self._queue.qsize():
            self.reinforce()

    def _return(self, connection: Connection) -> None:
        with self._mutex:
            self._waiting.discard(connection)

    def _cut_off_slowest(self) -> None:
        """Of the peer that holds most threads, the client that is nearest to being cut off anyway."""
        spared = time.monotonic() - _SPARED_SECONDS
        greedy, _ = Counter(connection.peer for connection in self._waiting).most_common(1)[0]
        candidates = [connection for connection in self._waiting if connection.peer == greedy and connection.taken < spared]
        if candidates:
            slowest = min(candidates, key=lambda connection: connection.rfile.patience_left)
            self._waiting.discard(slowest)
            slowest.stop_reading()
            slowest.stop_writing()


class _Waiting:
    """A worker waits for its client, and the others need not wait for the worker."""

    __slots__ = ("_connection", "_workers")

    def __init__(self, workers: Workers, connection: Connection) -> None:
        self._workers = workers
        self._connection = connection

    def __enter__(self) -> None:
        self._workers._leave(self._connection)

    def __exit__(self, *_: object) -> None:
        self._workers._return(self._connection)
