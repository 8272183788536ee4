"""LOCK and UNLOCK."""

from __future__ import annotations

from collections.abc import Collection

from davlock.dav import hrefs, xml
from davlock.dav.answers import Answer, xml_answer
from davlock.dav.headers import Depth, parse_depth, parse_lock_token, parse_timeout
from davlock.dav.lockinfo import active_locks, parse_lockinfo
from davlock.dav.refusals import is_folder, told
from davlock.dav.requests import Request
from davlock.errors import BadRequest, Forbidden, IsFolder, NoSuchLock, NotHolder, PreconditionFailed
from davlock.library import Library
from davlock.model import Kind, Lock, Wanted


def lock(library: Library, request: Request) -> Answer:
    """RFC 4918 §9.10: with a body a new lock, without one the renewal of the lock that the If header names."""
    depth = parse_depth(request.header("DEPTH"), Depth.INFINITY, (Depth.ZERO, Depth.INFINITY))
    timeout = parse_timeout(request.header("TIMEOUT"))
    body = request.xml_body()
    if not body.strip():
        return _refresh(library, request, timeout)
    wish = parse_lockinfo(body)
    at = request.at
    if request.raw_path.endswith("/") and library.look(at.path) is None:
        raise IsFolder("There is no such folder; to make and lock a document, send a URL without a slash at the end.")
    wanted = Wanted(Kind.LOCK, at.path, wish.scope, depth is Depth.INFINITY, timeout, wish.owner)
    granted = library.lock(at, wanted, request.caller, request.conditions)
    found = _discovery(library, request, granted.lock)
    return xml_answer(201 if granted.created else 200, found, [("Lock-Token", f"<{granted.lock.token}>")])


def _refresh(library: Library, request: Request, timeout: float | None) -> Answer:
    if not request.if_lists:
        raise BadRequest("A LOCK without a body renews a lock: name it in an If header. For a new lock, send a lockinfo body.")
    try:
        renewed = library.refresh(request.at.path, request.caller, timeout, request.conditions)
    except NoSuchLock as error:  # RFC 4918 §9.10.2, §10.4: the If header does not match
        raise PreconditionFailed(error.message) from error
    except NotHolder as error:
        raise PreconditionFailed(_whose(library, request, request.caller.tokens) or error.message) from error
    return xml_answer(200, _discovery(library, request, renewed[0]))


def unlock(library: Library, request: Request) -> Answer:
    """RFC 4918 §9.11: also for a name under which nothing is left."""
    token = parse_lock_token(request.header("LOCK_TOKEN"))
    try:
        library.unlock(request.at.path, token, request.caller, request.if_condition)
    except NotHolder as error:  # RFC 4918 §9.11.1
        raise Forbidden(f"{_whose(library, request, {token}) or error.message} Only its holder can end it.") from error
    return Answer(204, length=None)


def _whose(library: Library, request: Request, tokens: Collection[str]) -> str | None:
    """Whose lock the caller has named, if it is still there."""
    viewer = request.caller.principal
    with library.reading() as rows:
        named = [lock for lock in library.covering(rows, request.at.path) if lock.token in tokens and lock.principal != viewer]
    return told(named[0], viewer, library) if named else None


def _discovery(library: Library, request: Request, first: Lock) -> bytes:
    """The lockdiscovery property, the lock in question first: Finder reads the token from the first one."""
    with library.reading() as rows:
        others = [lock for lock in library.covering(rows, first.root) if lock.token != first.token]
        viewer, now = request.caller.principal, rows.now
    active = active_locks([first, *others], viewer, now, lambda root: hrefs.encode(root, is_folder(library, root)))
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<D:prop xmlns:D="{xml.DAV}"><D:lockdiscovery>{active}</D:lockdiscovery></D:prop>'
    ).encode()
