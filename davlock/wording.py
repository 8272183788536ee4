"""Sentences about locks, for a person at any door: who holds what since when until when, and what to do."""

from __future__ import annotations

from datetime import UTC, datetime

from davlock import paths
from davlock.model import Caller, Kind, Lock

DOORS = {"webdav": "WebDAV", "rest": "the REST interface", "fprpc": "FrontPage", "web": "the web page"}


def told(lock: Lock, viewer: str, is_folder: bool = False) -> str:
    """Who holds what since when until when through which door, and what viewer (a principal) can do, in two sentences.

    is_folder: what the root of the lock is.
    """
    name = paths.name(lock.root)
    what = name if not is_folder else f"The folder {name}" if name else "The root folder"
    verb = "locked" if lock.kind is Kind.LOCK else "checked out"
    is_own = lock.principal == viewer
    holder = "yourself, in another program or window," if is_own else lock.principal
    stands = f"{what} is {verb} by {holder} since {moment(lock.since)}"
    door = DOORS.get(lock.door, lock.door)
    if lock.expires is None:
        return f"{stands}, through {door}. " + ("Check it in there." if is_own else f"Ask {lock.principal} to check it in.")
    close = "Close it there, or send its lock token," if is_own else f"Ask {lock.principal} to close it,"
    return f"{stands} until {moment(lock.expires)}, through {door}. {close} or try again after that time."


def remedy(lock: Lock, caller: Caller) -> str:
    """What would take a lock out of somebody's way, in a sentence."""
    name = paths.name(lock.root) or "the root folder"
    if lock.expires is None:
        ends, close, own = "", "check in", f"Check {name} in, or undo that"
    else:
        ends, close, own = f", or wait until {moment(lock.expires)}", "close", "Send its lock token, close it in the program that has it"
    if lock.principal == caller.principal:
        return f"{own}{ends}."
    broken = "break the lock yourself, with a reason" if caller.admin else "ask an administrator to break the lock"
    return f"Ask {lock.principal} to {close} {name}{ends}; or {broken}."


def moment(seconds: float) -> str:
    """A moment (Unix time) for a person."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
