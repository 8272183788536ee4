"""The threads that answer requests."""

from __future__ import annotations

import logging
import queue
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from davlock.server.connections import Connection
    from davlock.server.servers import Server

_UNWIND_SECONDS = 2.0


class Workers:
    """A fixed number of threads and the queue in front of them; takes the place of cheroot's ThreadPool.

    cheroot's waits without end for a thread that is stuck, and shuts a body's connection down in such a way that the
    application takes what has come for all of it.
    """

    def __init__(self, server: Server, threads: int) -> None:
        self._server = server
        self._queue: queue.SimpleQueue[Connection | None] = queue.SimpleQueue()
        self._busy: set[Connection] = set()
        self._threads = [threading.Thread(target=self._work, name=f"davlock-{number}", daemon=True) for number in range(threads)]
        self.min = threads
        self.put = self._queue.put

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
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float) -> None:
        """Let everything queued be answered, for `timeout` seconds; then cut off what is left, and return soon."""
        for _ in self._threads:
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
        for thread in self._threads:
            # In slices: a second SIGTERM may come to another thread, and only the main one, when it wakes up, handles it.
            while thread.is_alive() and (left := end - time.monotonic()) > 0:
                thread.join(min(left, 0.25))
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        while (connection := self._queue.get()) is not None:
            self._busy.add(connection)
            keep = False
            try:
                keep = connection.communicate()
            except BaseException as error:
                # Whatever it is, SystemExit included: it ends this connection and not the thread.
                self._server.error_log(f"{type(error).__name__}: {error}", logging.ERROR, traceback=True)
            try:
                if keep:
                    self._server.put_conn(connection)
            except Exception:
                # The server has stopped in between and its selector is closed.
                keep = False
            if not keep:
                connection.close()
            self._busy.discard(connection)
