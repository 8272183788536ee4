"""The one table that turns errors into answers, and the sentences that tell whose lock stands in the way."""

from __future__ import annotations

from urllib.parse import quote

from davlock import errors, hrefs, msnumbers, paths, wording
from davlock.dav import xml
from davlock.dav.answers import Answer, Headers, text, xml_answer
from davlock.dav.checkoutinfo import NothingToUndo
from davlock.dav.headers import ForeignDestination
from davlock.dav.reading import allowed
from davlock.dav.requests import Request
from davlock.library import Library
from davlock.model import Lock

# Error, status, and the precondition element of RFC 4918 §16 or RFC 3253 that says the same to a program.
_ERRORS: list[tuple[type[errors.DavlockError], int, str | None]] = [
    (ForeignDestination, 502, None),
    (errors.BadRequest, 400, None),
    (errors.NotFound, 404, None),
    (errors.Exists, 405, None),
    (errors.ParentMissing, 409, None),
    (errors.IsFolder, 405, None),
    (errors.Forbidden, 403, None),
    (errors.NoSuchLock, 409, "lock-token-matches-request-uri"),
    (NothingToUndo, 409, "must-be-checked-out-version-controlled-resource"),
    (errors.NotCheckedOut, 409, "must-be-checked-out"),
    (errors.Conflict, 423, "no-conflicting-lock"),
    (errors.Locked, 423, "lock-token-submitted"),
    (errors.LockLost, 412, None),
    (errors.PreconditionFailed, 412, None),
    (errors.TooLarge, 413, None),
    (errors.StorageFull, 507, "quota-not-exceeded"),
    (errors.Unavailable, 503, None),
    (errors.DavlockError, 500, None),
]


# Methods that change nothing, so that no write or lock is refused with them.
_READING = {"OPTIONS", "GET", "HEAD", "PROPFIND", "REPORT"}


class Refused(errors.DavlockError):
    """A refusal that only this door knows: an HTTP status, perhaps a precondition, and a number of davlock.msnumbers."""

    def __init__(self, status: int, condition: str | None, number: int, message: str) -> None:
        super().__init__(message)
        self.status, self.condition, self.number = status, condition, number


def refusal(error: errors.DavlockError, library: Library, request: Request) -> Answer:
    """The answer to an error that a request has met."""
    if isinstance(error, Refused):
        status, condition, number = error.status, error.condition, error.number
    else:
        status, condition = next((status, condition) for kind, status, condition in _ERRORS if isinstance(error, kind))
        number = msnumbers.number(error)
    sentence, answer = _answer(error, status, condition, library, request)
    if request.method not in _READING or request.wants_lock:
        answer.headers.append(extended_error(number, sentence))
    return answer


def extended_error(number: int, sentence: str) -> tuple[str, str]:
    """The header that tells Office and Explorer why a write or lock was refused (MS-WDV 2.2.3): the text is what they show."""
    return "X-MSDAVEXT_ERROR", f"{number}; {quote(sentence, safe='')}"


def _answer(error: errors.DavlockError, status: int, condition: str | None, library: Library, request: Request) -> tuple[str, Answer]:
    """What a person is told, and the answer that tells it."""
    if isinstance(error, errors.Locked):
        return _locked(error, condition or "", library, request)
    if isinstance(error, errors.NotHolder):
        said = f"{told(error.lock, request.caller.principal, library)} Nothing was changed."
        return said, text(status, said)
    if condition:
        return error.message, xml_answer(status, xml.error(condition, (), error.message))
    headers: Headers = []
    if status == 405:
        headers.append(("Allow", allowed(library, request)))
    if status == 503:
        headers.append(("Retry-After", "1"))
    return error.message, text(status, error.message, headers)


def _locked(error: errors.Locked, condition: str, library: Library, request: Request) -> tuple[str, Answer]:
    viewer, asked = request.caller.principal, _asked(request)
    found: dict[str, str] = {}
    # Of several locks on one place, somebody else's is told rather than one's own.
    for blocker in sorted(error.blockers, key=lambda each: each.lock.principal == viewer):
        place = hrefs.encode(blocker.path, is_folder(library, blocker.path))
        found.setdefault(place, f"{told(blocker.lock, viewer, library)} Nothing was changed.")
    first = next(iter(found.values()))
    if asked is None or not all(paths.is_below(blocker.path, asked) for blocker in error.blockers):
        return first, xml_answer(423, xml.error(condition, list(found), first))
    # What stands in the way lies below what was asked for: 207 (RFC 4918 §9.6.1, §9.9.4, §9.10.6).
    items: list[tuple[str, int, str | None, str]] = [(place, 423, condition, said) for place, said in found.items()]
    if isinstance(error, errors.Conflict):
        items.append((hrefs.encode(asked, True), 424, None, "Not locked, because something in it is."))
    return first, xml_answer(207, xml.multistatus_errors(items))


def _asked(request: Request) -> str | None:
    """The path that a request is about; None if that is no document or folder but a version."""
    try:
        return request.at.path
    except errors.DavlockError:
        return None


def is_folder(library: Library, path: str) -> bool:
    """Whether a folder stands at a path; an href of one ends with a slash (RFC 4918 §5.2)."""
    try:
        return library.is_folder(path)
    except errors.DavlockError:
        return False


def told(lock: Lock, viewer: str, library: Library) -> str:
    """Who holds what since when until when through which door, and what viewer (a principal) can do, in two sentences."""
    return wording.told(lock, viewer, is_folder(library, lock.root))
