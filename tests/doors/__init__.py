"""The doors, and the ways to hold a document at them.

A new door is one more class like the others, in DOORS and with its ways to hold a document in HOLDS: then all stories are told of it too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.cli.commands import done
from tests.doors.door import Door, Held, Version
from tests.doors.frontpage import FrontPage
from tests.doors.rest import Agents, Rest
from tests.doors.webdav import MINUTE, WebDav
from tests.serving import Serving

__all__ = [
    "DOORS",
    "HOLDS",
    "MINUTE",
    "Agents",
    "Door",
    "FrontPage",
    "Held",
    "Hold",
    "Rest",
    "Version",
    "WebDav",
    "editing",
    "on_the_command_line",
]


@contextmanager
def editing(door: Door, path: str) -> Iterator[None]:
    """An editing session of somebody on a document."""
    assert door.begin_to_edit(path) == ""
    yield
    assert door.end_editing(path) == ""


def on_the_command_line(serving: Serving, path: str) -> Held | None:
    """What an administrator is shown; of a checkout and a session beside it, the checkout."""
    found = [each for each in json.loads(done("locks", "list", "--json", "--root", serving.root)) if each["path"] == path]
    if not found:
        return None
    first = min(found, key=lambda each: each["until"] is not None)
    return Held(first["holder"], int(first["since"]), (first["until"], first["until"]) if first["until"] else None)


@dataclass(frozen=True)
class Hold:
    """A way to hold a document, so that nobody else changes it. ends: as its holder would. lasts: it does not run out."""

    door: type[Door]
    take: Callable[[Door, str], str]
    end: Callable[[Door, str], str]
    lasts: bool

    def __str__(self) -> str:
        return f"{self.door.__name__}, {'checked out' if self.lasts else 'editing'}"


def session(door: type[Door]) -> Hold:
    """Held for editing, for ten minutes."""
    return Hold(door, lambda who, path: who.begin_to_edit(path), lambda who, path: who.end_editing(path), lasts=False)


def checkout(door: type[Door]) -> Hold:
    """Checked out, until he checks it in."""
    return Hold(door, lambda who, path: who.check_out(path), lambda who, path: who.undo(path), lasts=True)


DOORS: list[type[Door]] = [WebDav, FrontPage, Rest]
HOLDS = [session(WebDav), checkout(WebDav), session(FrontPage), checkout(FrontPage), checkout(Rest), checkout(Agents)]
