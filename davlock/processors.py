"""Which processor this process runs on.

Python runs one thread of a process at a time. If its threads are spread over several processors, one that is back from a system
call finds that another has been woken up elsewhere and runs: a small request then waits at each of its ten system calls. On one
processor a thread whose call did not have to wait just goes on, and answers three times as many. So a process keeps to one,
except where it hashes or copies for long without Python: what roams leaves it to the others.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

_LARGE = 1024 * 1024  # bytes from which hashing or copying is worth roaming for
_STAYING = contextlib.nullcontext()
_LOOK_SECONDS = 5.0
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100

_allowed: frozenset[int] = frozenset()  # where this process may run; empty as long as it keeps to none
_home = 0
_seen: tuple[float, float, dict[int, float]] = (0.0, 0.0, {})  # when, seconds this process had used, and seconds each was busy


def usable(most: int = 4) -> int:
    """How many processes make sense here: one for each processor that this one may run on; not more than `most`, as each needs 50 MiB."""
    return min(len(os.sched_getaffinity(0)), most) if hasattr(os, "sched_getaffinity") else 1


def settle(number: int | None) -> None:
    """Keep this process to one processor, from this thread on and with all that it starts; does nothing where that is not possible.

    number: of this process among its siblings, which get different ones as far as there are so many; None if there are no others.
    """
    global _allowed, _home
    with contextlib.suppress(OSError, AttributeError, ValueError):
        allowed = sorted(_allowed or os.sched_getaffinity(0))
        # Where the kernel has just put it is the best guess for a single one: others may have settled before.
        _home = allowed[number % len(allowed)] if number is not None else _current()
        os.sched_setaffinity(0, {_home})
        _allowed = frozenset(allowed)


def roaming(size: float = math.inf) -> AbstractContextManager[None]:
    """For the length of a block this thread may run on any processor, if it has so many bytes to hash or copy that it is worth it."""
    return _roaming() if _allowed and size >= _LARGE else _STAYING


@contextlib.contextmanager
def _roaming() -> Iterator[None]:
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, _allowed)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, {_home})


def look_round(clock: Callable[[], float] = time.monotonic, busy_seconds: Callable[[], dict[int, float]] | None = None) -> None:
    """To be called now and then, by one thread: move if others use this processor while another one has hardly anything to do."""
    global _home, _seen
    now = clock()
    if len(_allowed) < 2 or now - _seen[0] < _LOOK_SECONDS:
        return
    with contextlib.suppress(OSError, ValueError):
        (before, used_before, busy_before), _seen = _seen, (now, time.process_time(), (busy_seconds or _busy_seconds)())
        if not busy_before:
            return
        busy = {each: seconds - busy_before.get(each, 0.0) for each, seconds in _seen[2].items() if each in _allowed}
        _home = better(_home, busy, _seen[1] - used_before, now - before)
        for thread in os.listdir("/proc/self/task") if _home not in os.sched_getaffinity(0) else ():
            with contextlib.suppress(OSError):  # it has ended
                os.sched_setaffinity(int(thread), {_home})


def better(home: int, busy: Mapping[int, float], used: float, passed: float) -> int:
    """The processor to be on from now on: another one only if others have half of this one, and that one was idle for three quarters.

    busy: seconds that each has worked in the last `passed` seconds; home is missing if it has been switched off. used: those of
    this process, on `home`.
    """
    if not busy:
        return home
    idlest = min(busy, key=lambda each: busy[each])
    return idlest if busy.get(home, math.inf) - used > passed / 2 and busy[idlest] < passed / 4 else home


def _current() -> int:
    """proc_pid_stat(5), field 39."""
    return int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[36])


def _busy_seconds() -> dict[int, float]:
    """Seconds that each processor has worked since the machine started (proc_stat(5))."""
    busy = {}
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name.startswith("cpu") and name != "cpu":
            user, nice, system, _idle, _waiting, irq, softirq, *_ = map(int, ticks)
            busy[int(name[3:])] = (user + nice + system + irq + softirq) / _TICKS
    return busy
