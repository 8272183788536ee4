"""What a refusal is in this protocol: a number (davlock.msnumbers), and a sentence for a person."""

from __future__ import annotations

from davlock import errors, msnumbers, paths, rules, wording
from davlock.fprpc.values import Malformed
from davlock.library import Library
from davlock.model import Kind, Lock


class Refused(errors.DavlockError):
    """A refusal whose number says more than its kind of error does; status is one of davlock.msnumbers."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def number(error: errors.DavlockError) -> int:
    """The number of an error."""
    return error.status if isinstance(error, Malformed | Refused) else msnumbers.number(error)


def sentence(error: errors.DavlockError, viewer: str, library: Library) -> str:
    """What a person (principal `viewer`) is told of it: of locks, who holds what since when until when."""
    lock = rules.named(error, viewer)
    if lock is None:
        return error.message
    is_folder = _is_folder(library, lock.root)
    if lock.principal == viewer and lock.expires is not None:
        return _own(lock, lock.expires, is_folder)
    return wording.told(lock, viewer, is_folder)


def _own(lock: Lock, expires: float, is_folder: bool) -> str:
    """Of a session of one's own: there are no lock tokens in this protocol, so all that can be done is to close it where it is."""
    what = f"The folder {paths.name(lock.root)}" if is_folder else paths.name(lock.root)
    where = "in your own WebDAV client" if lock.kind is Kind.LOCK else "for editing by yourself, in this or another program,"
    until = f"since {wording.moment(lock.since)} until {wording.moment(expires)}"
    return f"{what} is open {where} {until}. Close it there, or try again after that time."


def _is_folder(library: Library, path: str) -> bool:
    try:
        return library.is_folder(path)
    except errors.DavlockError:
        return False
