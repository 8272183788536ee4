"""Running the server: in this process, or in several that share one listening socket."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import select
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from davlock import processors
from davlock.server.limits import Limits, raise_descriptor_limit
from davlock.server.servers import Server, Spell, listen, spell_plainly
from davlock.server.shares import Shares

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_log = logging.getLogger("davlock.server")
_KILL_SECONDS = 5.0
"""What children get beyond the draining before they are killed."""
_LONG_LIFE_SECONDS = 5.0
_LONGEST_PAUSE_SECONDS = 5.0


def serve(
    make_app: Callable[[], WSGIApplication],
    *,
    host: str,
    port: int,
    workers: int = 1,
    threads: int = 16,
    drain_seconds: float = 25.0,
    ready: Callable[[str, int], None],
    at_worker_start: Callable[[], None] | None = None,
    spell: Spell = spell_plainly,
    limits: Limits | None = None,
    tls: Callable[[], ssl.SSLContext] | None = None,
    is_exempt: Callable[[str], bool] = lambda address: False,
    at_hangup: Callable[[], None] | None = None,
    pinned: bool = False,
) -> None:
    """Serve until SIGTERM or SIGINT, then let the requests in flight end for `drain_seconds`, and return.

    make_app is called once in every worker process, after at_worker_start; with more than one worker these are children
    of this process, which itself must have no threads. A child that dies is replaced. `ready` is called once, with the
    address, when all workers accept. Call it in the main thread. A second signal ends the process at once.
    limits, tls, is_exempt and spell: see Server; they hold in each process. at_hangup is called in every process when
    SIGHUP comes (the parent passes it on). pinned: whether each process keeps to one processor (see processors).

    Raises OSError if the address can't be had and RuntimeError if a worker can't start.
    """
    raise_descriptor_limit()
    listener = listen(host, port)
    address = listener.getsockname()[:2]

    shares = Shares(workers)

    def start(number: int) -> Server:
        if pinned:
            processors.settle(number if workers > 1 else None)
        if at_worker_start is not None:
            at_worker_start()
        server = Server(
            listener,
            make_app(),
            threads=threads,
            multiprocess=workers > 1,
            limits=limits,
            tls=tls,
            is_exempt=is_exempt,
            spell=spell,
        )
        server.gives_way = functools.partial(shares.gives_way, number)
        server.prepare()
        threading.Thread(target=server.serve, name="davlock-accept", daemon=True).start()
        return server

    with listener:
        if workers == 1:
            _serve_here(lambda: start(0), drain_seconds, lambda: ready(*address), at_hangup)
            return

        def work(number: int, tell: Callable[[], None], parent: int) -> None:
            _serve_child(lambda: start(number), drain_seconds, tell, parent, at_hangup)

        _Family(work, workers, drain_seconds, lambda: ready(*address), listener, at_hangup).run()


def _serve_here(start: Callable[[], Server], drain_seconds: float, ready: Callable[[], None], at_hangup: Callable[[], None] | None) -> None:
    with _signals(signal.SIGTERM, signal.SIGINT, *_hangup(at_hangup)) as signals:
        server = start()
        ready()
        while not _asks_to_stop(signals, at_hangup):
            select.select([signals], [], [])
        with _exiting_at_once_on(signal.SIGTERM, signal.SIGINT):
            server.stop(drain_seconds)


def _serve_child(
    start: Callable[[], Server], drain_seconds: float, tell: Callable[[], None], parent: int, at_hangup: Callable[[], None] | None
) -> None:
    # Ctrl-C goes to the whole group; the parent passes it on as SIGTERM. SIGTERM may come twice (systemd sends it to
    # every process) and means the same both times: only the parent is impatient.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with _signals(signal.SIGTERM, *_hangup(at_hangup)) as signals:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGHUP])
        server = start()
        tell()
        # `parent` is a pipe that only the parent could write to: it becomes readable when the parent is no more.
        heard: list[int] = []
        while parent not in heard and not _asks_to_stop(signals, at_hangup):
            heard, _, _ = select.select([signals.fileno(), parent], [], [])
        server.stop(drain_seconds)


class _Family:
    """The parent's view: which children live, which are to be born again, and when."""

    def __init__(
        self,
        work: Callable[[int, Callable[[], None], int], None],
        size: int,
        drain_seconds: float,
        ready: Callable[[], None],
        listener: socket.socket,
        at_hangup: Callable[[], None] | None,
    ) -> None:
        self._work = work
        self._size = size
        self._drain_seconds = drain_seconds
        self._ready = ready
        self._listener = listener
        self._at_hangup = at_hangup
        self._born: dict[int, float] = {}
        self._numbers: dict[int, int] = {}
        self._missing = size
        self._next_birth = 0.0
        self._pause = 0.0
        self._told = 0
        self._is_ready = False
        self._life_read, self._life_write = os.pipe()
        self._tell_read, self._tell_write = os.pipe()

    def run(self) -> None:
        try:
            with _signals(signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, *_hangup(self._at_hangup)) as signals:
                self._signals = signals
                try:
                    self._watch()
                finally:
                    self._listener.close()
                    self._end()
        finally:
            for descriptor in (self._life_read, self._life_write, self._tell_read, self._tell_write):
                os.close(descriptor)

    def _watch(self) -> None:
        while True:
            wait: float | None = None
            while self._missing:
                wait = self._next_birth - time.monotonic()
                if wait > 0:
                    break
                self._bear()
                wait = None
            heard, _, _ = select.select([self._signals.fileno(), self._tell_read], [], [], wait)
            if self._tell_read in heard:
                self._hear(len(os.read(self._tell_read, 64)))
            if _asks_to_stop(self._signals, self._hang_up):
                return
            for pid, status, age in self._bury():
                self._replace(pid, status, age)

    def _hang_up(self) -> None:
        if self._at_hangup is not None:
            self._at_hangup()  # here, too: for children that are born later
            self._kill(signal.SIGHUP)

    def _hear(self, count: int) -> None:
        self._told += count
        if not self._is_ready and self._told >= self._size:
            self._is_ready = True
            self._ready()

    def _bear(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        # A signal between fork and the child's own handlers would be taken by the parent's, and lost.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGHUP])
        number = min(set(range(self._size)) - set(self._numbers.values()))
        pid = os.fork()
        if pid == 0:
            self._live(number)
        self._numbers[pid] = number
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM, signal.SIGHUP])
        self._born[pid] = time.monotonic()
        self._missing -= 1

    def _live(self, number: int) -> None:
        """In the child. Never returns: what the caller of serve has still to do is the parent's business."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for each in (signal.SIGTERM, signal.SIGCHLD):
                signal.signal(each, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
            self._signals.close()
            os.close(self._life_write)
            os.close(self._tell_read)
            self._work(number, lambda: _tell(self._tell_write), self._life_read)
            code = 0
        except BaseException as error:
            _log.error("worker failed: %s: %s", type(error).__name__, error, exc_info=_log.isEnabledFor(logging.DEBUG))
        finally:
            with contextlib.suppress(Exception):
                logging.shutdown()
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _bury(self) -> list[tuple[int, int, float]]:
        """The children that have ended since last time: id, exit status, age in seconds."""
        ended = []
        for pid, birth in list(self._born.items()):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                del self._born[pid], self._numbers[pid]
                ended.append((pid, os.waitstatus_to_exitcode(status), time.monotonic() - birth))
        return ended

    def _replace(self, pid: int, status: int, age: float) -> None:
        if not self._is_ready:
            raise RuntimeError(f"a worker process ended while starting, with status {status}")
        # The first death is made good at once; a series of short lives slows down.
        if age >= _LONG_LIFE_SECONDS:
            self._pause = 0.0
        self._next_birth = time.monotonic() + self._pause
        self._pause = min(self._pause * 2 + 0.1, _LONGEST_PAUSE_SECONDS)
        self._missing += 1
        _log.error("worker %d ended with status %d; another takes its place", pid, status)

    def _end(self) -> None:
        """Let the children drain; kill those that don't end. A second signal kills at once."""
        self._kill(signal.SIGTERM)
        end = time.monotonic() + self._drain_seconds + _KILL_SECONDS
        while self._born:
            select.select([self._signals], [], [], max(0.0, end - time.monotonic()))
            impatient = _asks_to_stop(self._signals)
            self._bury()
            if self._born and (impatient or time.monotonic() >= end):
                self._kill(signal.SIGKILL)
                if impatient:
                    os._exit(128 + signal.SIGTERM)
                for pid in list(self._born):
                    os.waitpid(pid, 0)
                return

    def _kill(self, number: signal.Signals) -> None:
        for pid in self._born:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def _asks_to_stop(signals: socket.socket, at_hangup: Callable[[], None] | None = None) -> bool:
    """Has one of the signals that came been SIGTERM or SIGINT? Doesn't wait. Calls at_hangup if one was SIGHUP."""
    with contextlib.suppress(BlockingIOError):
        came = signals.recv(64)
        if at_hangup is not None and signal.SIGHUP in came:
            at_hangup()
        return signal.SIGTERM in came or signal.SIGINT in came
    return False


def _hangup(at_hangup: Callable[[], None] | None) -> list[signal.Signals]:
    return [] if at_hangup is None else [signal.SIGHUP]


def _tell(descriptor: int) -> None:
    os.write(descriptor, b".")
    os.close(descriptor)


@contextlib.contextmanager
def _signals(*numbers: signal.Signals) -> Iterator[socket.socket]:
    """A socket from which the numbers of the signals that come can be read, one byte each."""
    reading, writing = socket.socketpair()
    reading.setblocking(False)
    writing.setblocking(False)
    former = {number: signal.signal(number, lambda *_: None) for number in numbers}
    former_descriptor = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    try:
        with reading, writing:
            yield reading
    finally:
        signal.set_wakeup_fd(former_descriptor)
        for number, handler in former.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _exiting_at_once_on(*numbers: signal.Signals) -> Iterator[None]:
    former = {number: signal.signal(number, lambda number, _: os._exit(128 + number)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
