"""The threads that answer requests."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter, OrderedDict, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from davlock.server.connections import Connection
    from davlock.server.servers import Server

_UNWIND_SECONDS = 2.0
_SPARED_SECONDS = 1.0
"""For so long a request is not cut off, however much its thread is wanted elsewhere."""
_TURN_SECONDS = 1.0


class Workers:
    """The threads and the queue in front of them; takes the place of cheroot's ThreadPool.

    threads: how many of them work at the same time. In the queue, peers take turns.
    most:    how many there are, with those that wait for a client who sends or reads slowly. Such a thread costs
             little, so another one works instead of it; when the client has moved, it queues to go on. When there
             can't be another one, somebody is cut off.

    cheroot's pool waits without end for a thread that is stuck, and shuts a body's connection down in such a way that
    the application takes what has come for all of it.
    """

    def __init__(self, server: Server, threads: int, most: int) -> None:
        self._server = server
        self._mutex = threading.Lock()
        self._queue: OrderedDict[object, deque[Connection | _Ticket]] = OrderedDict()
        self._next: queue.SimpleQueue[Connection | None] = queue.SimpleQueue()
        self._threads: set[threading.Thread] = set()
        self._busy: set[Connection] = set()
        self._waiting: set[Connection] = set()
        self._working = 0
        self._given = 0
        self._born = 0
        self._is_stopping = False
        self._most = max(most, threads)
        self.min = threads

    @property
    def qsize(self) -> int:
        """How many peers wait for a thread."""
        return len(self._queue)

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
        with self._mutex:
            if self._working < self.min:
                self._give(connection)
            else:
                self._enqueue(connection.peer, connection)

    def waiting(self, connection: Connection) -> _Waiting:
        """To be entered, with no lock held that others need, while this client is waited for."""
        return _Waiting(self, connection)

    def relieve(self) -> None:
        """To be called now and then: cut somebody off if every thread waits for a client and others wait for a thread."""
        with self._mutex:
            self._reinforce()

    def stop(self, timeout: float) -> None:
        """Let everything queued be answered, for `timeout` seconds; then cut off what is left, and return soon."""
        with self._mutex:
            self._is_stopping = True
            self._dispatch()
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

    def _enqueue(self, peer: object, item: Connection | _Ticket) -> None:
        self._queue.setdefault(peer, deque()).append(item)

    def _dispatch(self) -> None:
        """Let as many of the queue work as may. The mutex is held."""
        while self._queue and self._working < self.min:
            peer, items = self._queue.popitem(last=False)
            item = items.popleft()
            if items:
                self._queue[peer] = items
            if isinstance(item, _Ticket):
                self._working += 1
                item.is_valid = True
                item.gate.release()
            else:
                self._give(item)
        if self._is_stopping and not self._queue:
            self._next.put(None)

    def _give(self, connection: Connection) -> None:
        self._working += 1
        self._given += 1
        self._next.put(connection)
        self._reinforce()

    def _reinforce(self) -> None:
        if self._given > len(self._threads):
            if len(self._threads) < self._most:
                self._spawn()
            else:
                self._cut_off_slowest()

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
        while (connection := self._next.get()) is not None:
            keep = self._answer(connection)
            # First its place, then the connection: the next request, which may have come, would find all places taken,
            # and the other threads would give their connections up for it, one after the other, for ever.
            with self._mutex:
                self._working -= 1
                self._given -= 1
                self._dispatch()
                if is_surplus := len(self._threads) - self._given > self.min:
                    self._threads.discard(threading.current_thread())
            if not keep or not self._server.watch(connection):
                connection.close()
            if is_surplus:
                return
        self._next.put(None)  # for the next one

    def _answer(self, connection: Connection) -> bool:
        """Whether to keep the connection."""
        self._busy.add(connection)
        keep = False
        try:
            keep = connection.communicate()
        except BaseException as error:
            # Whatever it is, SystemExit included: it ends this connection and not the thread.
            self._server.error_log(f"{type(error).__name__}: {error}", logging.ERROR, traceback=True)
        # Before the loop has it: the next thread may be at it at once.
        self._busy.discard(connection)
        return keep

    def _leave(self, connection: Connection) -> None:
        with self._mutex:
            self._waiting.add(connection)
            self._working -= 1
            self._dispatch()

    def _return(self, connection: Connection) -> None:
        with self._mutex:
            self._waiting.discard(connection)
            if self._working < self.min:
                self._working += 1
                return
            ticket = _Ticket()
            self._enqueue(connection.peer, ticket)
        # Not for ever: those who work might wait for a lock that this thread holds.
        if not ticket.gate.acquire(timeout=_TURN_SECONDS):
            with self._mutex:
                if not ticket.is_valid:
                    self._queue[connection.peer].remove(ticket)
                    if not self._queue[connection.peer]:
                        del self._queue[connection.peer]
                    self._working += 1

    def _cut_off_slowest(self) -> None:
        """Of the peer that holds most threads, the client that is nearest to being cut off anyway."""
        if not self._waiting:
            return
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


class _Ticket:
    """A thread's place in the queue. is_valid: it is its turn."""

    __slots__ = ("gate", "is_valid")

    def __init__(self) -> None:
        self.gate = threading.Lock()
        self.gate.acquire()
        self.is_valid = False
