"""Answers of the WebDAV door, and the one table that turns errors into them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus

from davlock import errors, paths
from davlock.dav import hrefs, xml
from davlock.dav.headers import ForeignDestination
from davlock.model import Blocker, Lock

XML_TYPE = "application/xml; charset=utf-8"
TEXT_TYPE = "text/plain; charset=utf-8"
DOORS = {"webdav": "WebDAV", "rest": "the REST interface", "fprpc": "FrontPage", "web": "the web page"}

Headers = list[tuple[str, str]]


@dataclass(slots=True)
class Answer:
    """What is sent back. length in bytes, None if it is not known beforehand."""

    status: int
    headers: Headers = field(default_factory=list)
    body: Iterable[bytes] = ()
    length: int | None = 0

    @property
    def status_line(self) -> str:
        return _STATUS_LINES[self.status]


_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus} | {
    302: "302 Found",
    413: "413 Content Too Large",
    416: "416 Range Not Satisfiable",
}

# Error, status, and the precondition element of RFC 4918 §16 that says the same to a program.
_ERRORS: list[tuple[type[errors.DavlockError], int, str | None]] = [
    (ForeignDestination, 502, None),
    (errors.BadRequest, 400, None),
    (errors.NotFound, 404, None),
    (errors.Exists, 405, None),
    (errors.ParentMissing, 409, None),
    (errors.IsFolder, 405, None),
    (errors.Forbidden, 403, None),
    (errors.NoSuchLock, 409, "lock-token-matches-request-uri"),
    (errors.Conflict, 423, "no-conflicting-lock"),
    (errors.Locked, 423, "lock-token-submitted"),
    (errors.LockLost, 412, None),
    (errors.PreconditionFailed, 412, None),
    (errors.TooLarge, 413, None),
    (errors.StorageFull, 507, "quota-not-exceeded"),
    (errors.Unavailable, 503, None),
]


def text(status: int, message: str, headers: Iterable[tuple[str, str]] = ()) -> Answer:
    """A sentence for a person."""
    body = f"{message}\n".encode()
    return Answer(status, [("Content-Type", TEXT_TYPE), *headers], [body], len(body))


def xml_answer(status: int, body: bytes, headers: Iterable[tuple[str, str]] = ()) -> Answer:
    """A whole XML document."""
    return Answer(status, [("Content-Type", XML_TYPE), *headers], [body], len(body))


def refusal(error: errors.DavlockError, target: str | None, allow: Callable[[], str]) -> Answer:
    """The answer to an error. target: the path asked for, None if it is not even one; allow() gives the Allow header for 405."""
    status, condition = next((status, condition) for kind, status, condition in _ERRORS if isinstance(error, kind))
    message = error.message
    if isinstance(error, errors.Locked):
        message = " ".join([told(error.blockers[0].lock), "Nothing was changed."])
        if elsewhere := [b for b in error.blockers if target is not None and _is_member(b, target)]:
            return _members_locked(error, elsewhere, target or paths.ROOT, condition or "")
    if condition:
        locked = [_href(b.path) for b in error.blockers] if isinstance(error, errors.Locked) else []
        return xml_answer(status, xml.error(condition, locked, message))
    extra: Headers = []
    if status == 405:
        extra.append(("Allow", allow()))
    if status == 503:
        extra.append(("Retry-After", "1"))
    return text(status, message, extra)


def _members_locked(error: errors.Locked, blockers: list[Blocker], target: str, condition: str) -> Answer:
    """207 of RFC 4918 §9.6.1, §9.9.4 and §9.10.6: what stands in the way lies below what was asked for."""
    items: list[tuple[str, int, str | None, str]] = [(_href(b.path), 423, condition, told(b.lock)) for b in blockers]
    if isinstance(error, errors.Conflict):
        items.append((_href(target), 424, None, "Not locked, because something below is."))
    return xml_answer(207, xml.multistatus_errors(items))


def _is_member(blocker: Blocker, target: str) -> bool:
    return paths.is_below(blocker.path, target)


def _href(path: str) -> str:
    return hrefs.encode(path)


def told(lock: Lock) -> str:
    """Who holds what since when until when through which door, and what to do, in one or two sentences."""
    what = paths.name(lock.root) or "The root folder"
    since = datetime.fromtimestamp(lock.since, UTC)
    door = DOORS.get(lock.door, lock.door)
    if lock.expires is None:
        return f"{what} is checked out by {lock.principal} since {since:%Y-%m-%d %H:%M} UTC, through {door}. Ask for it to be checked in."
    until = datetime.fromtimestamp(lock.expires, UTC)
    return (
        f"{what} is locked by {lock.principal} since {since:%Y-%m-%d %H:%M} UTC until {until:%Y-%m-%d %H:%M:%S} UTC, through {door}. "
        "Ask for it to be closed, or try again after that time."
    )
