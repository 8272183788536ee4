"""How these tests kill a process at every single step of an operation, and look at what it has left."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from davlock.state import turns
from tests.documents.conftest import Clock, Seen, Site

CHANGING = ("rename", "link", "unlink", "rmdir", "mkdir", "fsync", "write")
Operation = Callable[[Site], object]


def see(root: Path) -> Seen:
    site = Site(root, Clock())
    try:
        return site.seen()
    finally:
        site.close()


class Steps:
    """Counts the changes that this process makes on the disk, and kills it before a certain one, or right after a commit."""

    left = 0

    @classmethod
    def count(cls) -> None:
        cls.left -= 1
        if cls.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class Connection(sqlite3.Connection):
    """A connection whose commits are steps, and that does not wait for the disk: a kill is no power cut."""

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        if sql == "PRAGMA synchronous=NORMAL":
            sql = "PRAGMA synchronous=OFF"
        if sql != "COMMIT":
            return super().execute(sql, *parameters)
        Steps.count()
        done = super().execute(sql)
        Steps.count()
        return done


def trap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes every change of the disk a step, and fsync nothing else."""

    def step_before(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            Steps.count()
            return function(*args, **kwargs)

        return call

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **kwargs: connect(*args, **kwargs, factory=Connection))
    monkeypatch.setattr(os, "fsync", lambda fd: None)
    monkeypatch.setattr(turns, "_sync", lambda fd: None)
    for name in CHANGING:
        monkeypatch.setattr(os, name, step_before(getattr(os, name)))


def killed(root: Path, operation: Operation, step: int) -> bool:
    """Whether a process that carries the operation out was killed before it was done."""
    child = os.fork()
    if not child:
        try:
            site = Site(root, Clock())
            Steps.left = step
            operation(site)
        except BaseException:
            traceback.print_exc(file=sys.__stderr__)
            os._exit(2)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the operation itself failed"
    return os.WIFSIGNALED(status)


def told(seen: Seen, before: Seen) -> Seen:
    """Without the ids that nobody could know before: where a file is, whose row is not, the next look gives it one."""
    known = set(before.ids.values())
    return replace(seen, ids={path: id for path, id in seen.ids.items() if id in known})


class Scene:
    """A furnished folder, and how it looks before and after an operation that nothing interrupts."""

    def __init__(self, folder: Path, furnish: Callable[[Path], None], operation: Operation) -> None:
        self._folder, self._furnish, self._operation, self._made = folder, furnish, operation, 0
        root = self.fresh()
        self.before = see(root)
        assert not killed(root, operation, 1_000_000)
        self.after = told(see(root), self.before)
        assert self.after != self.before

    def fresh(self) -> Path:
        self._made += 1
        root = self._folder / f"root{self._made}"
        self._furnish(root)
        return root

    def kills(self, prepare: Callable[[Path], None], judge: Callable[[Path], Seen]) -> set[bool]:
        """Kills at every step; returns whether it was seen done, and undone."""
        outcomes: set[bool] = set()
        step, root = 0, self.fresh()
        prepare(root)
        while True:
            step += 1
            if not killed(root, self._operation, step):
                assert step > 2, "nothing was trapped"
                return outcomes
            seen = told(judge(root), self.before)
            assert seen in (self.before, self.after), f"killed at step {step}: neither before nor after"
            outcomes.add(seen == self.after)
            if seen == self.after:
                root = self.fresh()
                prepare(root)
