"""The content of a version or draft, written where an administrator wants it."""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import click

from davlock import paths
from davlock.errors import BadRequest, DavlockError, Exists

STDOUT = Path("-")
_BLOCK = 1024 * 1024  # bytes

force_option = click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")


def write_out(content: int, file: Path, force: bool, root: Path, sha256: str | None) -> None:
    """Writes what a descriptor, which is closed, has to a file, whole or not at all, or to standard output.

    root: the served folder, in which nothing is overwritten past the locks. sha256: what the content must have. Raises OSError,
    Exists, BadRequest, and DavlockError if the content is damaged; it is written all the same, because there is no better.
    """
    with os.fdopen(content, "rb") as source:
        if file == STDOUT:
            found = _copy(source, sys.stdout.buffer)
        else:
            _check(file, force, root)
            found = _replace(source, file.resolve()) if force and file.exists() else _create(source, file)
    if sha256 and found != sha256:
        raise DavlockError(
            f"What was written to {file} is not what was stored: its hash differs. The disk may be failing; see davlock check."
        )


def _check(file: Path, force: bool, root: Path) -> None:
    place, served = file.resolve(), root.resolve()
    if place.is_relative_to(served / paths.PRIVATE):
        raise BadRequest(f"{file} is in the server's own folder; choose another place.")
    if not os.path.lexists(file):
        return
    if not force:
        raise Exists(f"{file} exists already; choose another name, or overwrite it with --force.")
    if not file.is_file():
        raise BadRequest(f"{file} is not an ordinary file; choose another name.")
    if place.is_relative_to(served):
        raise BadRequest(f"{file} is a document of the server, which others may have locked; use davlock restore for it.")


def _create(source: BinaryIO, file: Path) -> str:
    with file.open("xb") as target:
        try:
            return _copy(source, target)
        except BaseException:
            with suppress(OSError):
                file.unlink()
            raise


def _replace(source: BinaryIO, file: Path) -> str:
    waiting = file.with_name(f".davlock-{secrets.token_hex(8)}")
    found = _create(source, waiting)
    os.replace(waiting, file)
    return found


def _copy(source: BinaryIO, target: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := source.read(_BLOCK):
        digest.update(block)
        target.write(block)
    target.flush()
    return digest.hexdigest()
