"""What the tests of several processes run in each of them. Every function says on its queue what came of it."""

from __future__ import annotations

import os
import signal
import threading
import time
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path
from typing import Any

from davlock.errors import Conflict, Locked
from davlock.locks import LockManager
from davlock.model import Caller, Change, Kind, Wanted
from davlock.state.sqlite import SqliteState

MANAGER = LockManager()


def open_and_close(folder: Path, rounds: int, barrier: Barrier, said: Queue[Any]) -> None:
    """Opens a database that is not there yet, all at the same moment, and decides something in it."""
    for number in range(rounds):
        barrier.wait()
        try:
            state = SqliteState(folder / f"{number}.db")
            with state.deciding() as rows:
                said.put(rows.next_generation())
            state.close()
        except BaseException as error:
            said.put(repr(error))


def acquire(file: Path, who: str, rounds: int, barrier: Barrier, said: Queue[Any]) -> None:
    """Each round another path, some by a deep lock above it and some on it: who gets it?"""
    state = SqliteState(file)
    for number in range(rounds):
        folder = f"/{number}"
        wanted = Wanted(Kind.LOCK, folder, deep=True) if who == "p0" else Wanted(Kind.LOCK, f"{folder}/a")
        barrier.wait()
        try:
            with state.deciding() as rows:
                said.put((number, who, MANAGER.acquire(rows, wanted, Caller(who)).generation))
        except Conflict:
            said.put((number, who, None))
        except BaseException as error:
            said.put(repr(error))
    state.close()


def lock_or_write(file: Path, who: str, rounds: int, barrier: Barrier, said: Queue[Any]) -> None:
    """Each round p0 wants the lock of a document, and the others want to write it without one."""
    state = SqliteState(file)
    for number in range(rounds):
        path = f"/{number}"
        barrier.wait()
        try:
            with state.deciding() as rows:
                if who == "p0":
                    if rows.document(path) is None:  # written already: he comes after it
                        MANAGER.acquire(rows, Wanted(Kind.LOCK, path), Caller(who))
                        said.put((number, who, "locked"))
                    else:
                        said.put((number, who, "late"))
                else:
                    MANAGER.guard(rows, Change(path), Caller(who))
                    if rows.document(path) is None:
                        rows.add_document(path)
                    said.put((number, who, "written"))
        except Locked:
            said.put((number, who, "refused"))
        except BaseException as error:
            said.put(repr(error))
    state.close()


def hang_within_a_decision(file: Path, said: Queue[Any]) -> None:
    """Locks, changes everything, and sleeps before the decision has ended."""
    state = SqliteState(file)
    with state.deciding() as rows:
        MANAGER.acquire(rows, Wanted(Kind.LOCK, "/a"), Caller("killed"))
        rows.add_document("/a")
        said.put("hanging")
        time.sleep(600)


def hang_within_a_look(file: Path, said: Queue[Any]) -> None:
    state = SqliteState(file)
    with state.reading() as rows:
        said.put(len(rows.locks()))
        time.sleep(600)


def die_at_once_after_deciding(file: Path, said: Queue[Any]) -> None:
    """What was decided is there although the process never closed anything."""
    state = SqliteState(file)
    with state.deciding() as rows:
        lock = MANAGER.acquire(rows, Wanted(Kind.LOCK, "/a"), Caller("killed"))
    said.put(lock)
    said.close()
    said.join_thread()
    os.kill(os.getpid(), signal.SIGKILL)


def take_turns(file: Path, threads: int, decisions: int, said: Queue[Any], start: Event) -> None:
    """Many threads of one process decide at once, among other processes that do the same."""
    state = SqliteState(file)

    def decide(name: str) -> None:
        start.wait()
        for _ in range(decisions):
            try:
                with state.deciding() as rows:
                    before = rows.account("counter")
                    number = int(before.password_hash) if before else 0
                    rows.put_account("counter", str(number + 1), False)
                said.put(number)
            except BaseException as error:
                said.put(repr(error))

    running = [threading.Thread(target=decide, args=(str(number),)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    state.close()


def have_a_child_and_hang_within_a_decision(file: Path, said: Queue[Any]) -> None:
    """The child was born when the parent had decided already, and does nothing at all."""
    state = SqliteState(file)
    with state.deciding() as rows:
        rows.add_document("/before")
    child = os.fork()
    if child == 0:
        time.sleep(600)
        os._exit(0)
    said.put(child)
    with state.deciding() as rows:
        rows.add_document("/never")
        said.put("hanging")
        time.sleep(600)


def take(file: Path, path: str, who: str, said: Queue[Any]) -> None:
    """One lock; says who has got it."""
    state = SqliteState(file)
    try:
        with state.deciding() as rows:
            lock = MANAGER.acquire(rows, Wanted(Kind.LOCK, path), Caller(who))
        said.put(lock.principal)
    except BaseException as error:
        said.put(repr(error))
    state.close()


def count_until_told(file: Path, last: Any, ended: Event) -> None:
    """Counts in the database; `last` is the newest number that is committed."""
    state = SqliteState(file)
    while not ended.is_set():
        with state.deciding() as rows:
            rows.put_account("counter", str(last.value + 1), False)
        last.value += 1
    state.close()
