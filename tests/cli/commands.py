"""Runs commands as if they were typed, and does through the core what doors would have done before."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from davlock import paths
from davlock.app import open_site
from davlock.cli import main
from davlock.config import load
from davlock.library import Library
from davlock.model import Caller, Kind, Lock, Wanted

REPOSITORY = Path(__file__).resolve().parents[2]
SECONDS = 30.0


def run(*arguments: str | Path, stdin: str | bytes = "") -> Result:
    """One command to its end, as if typed; it must not end with a traceback."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin, prog_name="davlock")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def done(*arguments: str | Path, stdin: str | bytes = "") -> str:
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: str | Path, stdin: str | bytes = "") -> str:
    """What a command says that fails: one sentence on stderr."""
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def add_user(root: Path, name: str, password: str = "right", *options: str) -> str:
    return done("user", "add", name, "--root", root, "--password-stdin", *options, stdin=f"{password}\n")


def may_log_in(root: Path, name: str, password: str) -> bool:
    with open_site(load(None, root=root)) as site:
        return site.accounts.verify(name, password) is not None


def lock(root: Path, path: str, principal: str = "alice", **wanted: Any) -> Lock:
    with open_site(load(None, root=root)) as site:
        asked = Wanted(Kind.LOCK, path, **wanted)
        return site.library.lock(paths.parse(path), asked, Caller(principal)).lock


def standing(root: Path) -> list[str]:
    """The paths that are locked."""
    with open_site(load(None, root=root)) as site:
        return [lock.root for lock in site.library.all_locks()]


@contextmanager
def library(root: Path) -> Iterator[Library]:
    """What doors use."""
    with open_site(load(None, root=root)) as site:
        yield site.library


def write(root: Path, path: str, content: bytes, principal: str = "alice") -> None:
    with library(root) as doors:
        doors.write(paths.parse(path), io.BytesIO(content), None, Caller(principal))


def delete(root: Path, path: str, principal: str = "alice") -> None:
    with library(root) as doors:
        doors.delete(path, Caller(principal))


def check_out(root: Path, path: str, principal: str = "alice", comment: str = "") -> Lock:
    with library(root) as doors:
        return doors.check_out(path, Caller(principal), comment)


def undo(root: Path, path: str, principal: str = "alice") -> None:
    with library(root) as doors:
        doors.undo(path, Caller(principal))


def seen_by(root: Path, path: str, principal: str) -> bytes:
    """The content of a document as somebody sees it."""
    with library(root) as doors:
        _, fd = doors.open(path, principal)
        with os.fdopen(fd, "rb") as file:
            return file.read()


def table(shown: str) -> list[dict[str, str]]:
    """The rows of a printed table, by the heads of its columns."""
    head, *rows = shown.splitlines()
    starts = [at for at in range(len(head)) if head[at] != " " and head[:at][-1:] in ("", " ")]
    bounds = list(zip(starts, [*starts[1:], None], strict=True))
    return [{head[a:b].strip(): row[a:b].strip() for a, b in bounds} for row in rows]


def moment(shown: str) -> int:
    """Unix seconds of a time as it is printed."""
    return int(datetime.strptime(shown, "%Y-%m-%d %H:%M:%S").timestamp())


def davlock(*arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "davlock", *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)} | environment,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def ended(*arguments: str | Path, **environment: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command that ends by itself."""
    with davlock(*arguments, **environment) as process:
        try:
            out, err = process.communicate(timeout=SECONDS)
        finally:
            process.kill()
    return process.returncode, out, err
