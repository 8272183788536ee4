"""How a command that fails says why."""

from __future__ import annotations

import errno
import io
import sys
from shlex import quote
from typing import Any

import click

from davlock.cli.printing import local, plain
from davlock.errors import DavlockError, Locked


class Sentences(click.Group):
    """A command that fails says so in one sentence or two, on one line, and exits with 1."""

    def invoke(self, ctx: click.Context) -> Any:
        # What a terminal cannot show must not end a listing half-way.
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        try:
            return super().invoke(ctx)
        except DavlockError as error:
            raise click.ClickException(plain(_refused(error))) from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # such as `| head`: click's business
                raise
            raise click.ClickException(plain(told(error))) from error


def told(error: OSError) -> str:
    """What went wrong on this machine, in a sentence."""
    text = error.strerror or str(error)
    return f"{error.filename}: {text}." if error.filename else f"{text.rstrip('.')}."


def _refused(error: DavlockError) -> str:
    if not isinstance(error, Locked) or not error.blockers:
        return error.message
    lock = error.blockers[0].lock
    until = "" if lock.expires is None else f" until {local(lock.expires)}"
    stands = f"since {local(lock.since)}{until}, through {lock.door}"
    return f"{error.message.removesuffix('.')} {stands}; davlock locks break {quote(lock.root)} would end that."
