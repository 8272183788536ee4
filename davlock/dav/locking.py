"""LOCK and UNLOCK."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from davlock import hrefs
from davlock.dav import xml
from davlock.dav.answers import Answer, xml_answer
from davlock.dav.headers import Depth, parse_depth, parse_lock_token, parse_timeout
from davlock.dav.lockinfo import active_locks, parse_lockinfo
from davlock.dav.refusals import told
from davlock.dav.requests import Request
from davlock.errors import BadRequest, Forbidden, IsFolder, NoSuchLock, NotHolder, PreconditionFailed
from davlock.library import Library
from davlock.model import Kind, Wanted
from davlock.writes import Granted


def lock(library: Library, request: Request) -> Answer:
    """RFC 4918 §9.10: with a body a new lock, without one the renewal of the lock that the If header names."""
    depth = parse_depth(request.header("DEPTH"), Depth.INFINITY, (Depth.ZERO, Depth.INFINITY))
    timeout = parse_timeout(request.header("TIMEOUT"))
    body = request.xml_body()
    if not body.strip():
        return _refresh(library, request, timeout)
    wish = parse_lockinfo(body)
    at = request.at
    if request.raw_path.endswith("/") and library.look(at.path, request.caller.principal) is None:
        raise IsFolder("There is no such folder; to make and lock a document, send a URL without a slash at the end.")
    wanted = Wanted(Kind.LOCK, at.path, wish.scope, depth is Depth.INFINITY, timeout, wish.owner)
    granted = library.lock(at, wanted, request.caller, request.conditions)
    found = _discovery(granted, request.caller.principal)
    return xml_answer(201 if granted.created else 200, found, [("Lock-Token", f"<{granted.lock.token}>")])


def _refresh(library: Library, request: Request, timeout: float | None) -> Answer:
    if not request.if_lists:
        raise BadRequest("A LOCK without a body renews a lock: name it in an If header. For a new lock, send a lockinfo body.")
    with naming_a_lock(library, request):
        renewed = library.refresh(request.at.path, request.caller, timeout, request.conditions)
    return xml_answer(200, _discovery(renewed, request.caller.principal))


@contextmanager
def naming_a_lock(library: Library, request: Request) -> Iterator[None]:
    """That the lock which a request names stands, and is the caller's, is a condition of it. Raises PreconditionFailed."""
    try:
        yield
    except NoSuchLock as error:  # RFC 4918 §9.10.2, §10.4: the If header does not match
        raise PreconditionFailed(error.message) from error
    except NotHolder as error:
        raise PreconditionFailed(told(error.lock, request.caller.principal, library)) from error


def unlock(library: Library, request: Request) -> Answer:
    """RFC 4918 §9.11: also for a name under which nothing is left."""
    release(library, request, parse_lock_token(request.header("LOCK_TOKEN")))
    return Answer(204, length=None)


def release(library: Library, request: Request, token: str) -> None:
    """Ends the caller's lock with this token. Raises NoSuchLock, Forbidden, PreconditionFailed."""
    try:
        library.unlock(request.at.path, token, request.caller, request.if_condition)
    except NotHolder as error:  # RFC 4918 §9.11.1
        raise Forbidden(f"{told(error.lock, request.caller.principal, library)} Only its holder can end it.") from error


def _discovery(granted: Granted, viewer: str) -> bytes:
    """The lockdiscovery property, with nothing but the lock in question (RFC 4918 §9.10.1): of several, Finder takes the first for
    its own, LibreOffice the last.
    """
    active = active_locks([granted.lock], viewer, granted.now, lambda root: hrefs.encode(root, granted.is_folder))
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<D:prop xmlns:D="{xml.DAV}"><D:lockdiscovery>{active}</D:lockdiscovery></D:prop>'
    ).encode()
