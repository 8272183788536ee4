"""Several requests in one (MS-WDV): a document is read or saved together with its properties, and locked by that.

| Lock-Token | X-MSDAVEXTLockTimeout | GET, HEAD, POST             | PUT                                |
|------------|-----------------------|-----------------------------|------------------------------------|
| no         | no                    | reads                       | saves                              |
| yes        | no                    | reads                       | saves under this lock              |
| no         | yes                   | and takes a lock            | and takes a lock                   |
| yes        | yes                   | and renews it; 0 s: ends it | under it, and renews it, or ends it |

`X-MSDAVEXT: PROPFIND` reads the properties too, `X-MSDAVEXT: PROPPATCH` changes them too. Who may do what is asked of the library as for
PROPFIND, PROPPATCH, LOCK and UNLOCK; whatever is refused, nothing of the request has happened.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial

from davlock import hrefs, msnumbers
from davlock.conditions import View
from davlock.dav import locking, properties, propfind, proppatch, reading, writing
from davlock.dav.answers import Answer, Headers
from davlock.dav.headers import parse_lock_token, parse_timeout
from davlock.dav.lockinfo import remaining
from davlock.dav.methods import is_archived
from davlock.dav.refusals import Refused
from davlock.dav.requests import MAX_XML, Request
from davlock.errors import BadRequest, IncompleteBody, TooLarge, Unavailable
from davlock.library import Library
from davlock.model import Entry, Kind, Wanted
from davlock.uploads import Upload
from davlock.writes import Along, Granted, Properties

ATTEMPTS = 100  # at a document that is saved again, each time between its opening and the lock on it
MULTIPART = "multipart/MSDAVEXTPrefixEncoded"

Verb = Callable[[Library, Request], Answer]
_SIZE = re.compile(rb"[0-9A-Fa-f]{16}")
# What was said of the plain content.
_OF_CONTENT = {"content-type", "cache-control", "accept-ranges", "content-security-policy"}


def verb(verbs: Mapping[str, Verb], request: Request) -> Verb | None:
    """What answers a request, by the verbs of what it is about. Raises BadRequest (MS-WDV 3.2.5.2)."""
    match request.method:
        case "GET" | "HEAD" | "POST":
            return partial(_get_archived, verbs) if is_archived(request.raw_path) else get
        case "PUT" if not is_archived(request.raw_path):
            return put
        case method if method != "OPTIONS" and request.wants_lock:
            raise BadRequest(f"X-MSDAVEXTLockTimeout is possible with GET, HEAD, POST and PUT, not with {method}.")
        case method:
            return verbs.get(method)


def get(library: Library, request: Request) -> Answer:
    """GET, HEAD and POST. What fails takes, renews and ends no lock."""
    plain = _plain(request)
    if not request.wants_lock:
        entry, answer = reading.read(library, plain)
        return _with(answer, partial(_properties, library, plain, entry)) if _wants_properties(request) else answer
    seconds = _seconds(request)
    token = _token(request, seconds)
    for _ in range(ATTEMPTS):
        entry, answer = reading.read(library, plain)
        try:
            if answer.status < 400:  # the others are about a part that is not there
                answer = _locking(library, plain, entry, answer, token, seconds, _wants_properties(request))
            return answer
        except _Changed:
            answer.close()
        except BaseException:
            answer.close()
            raise
    raise Unavailable("This document is being saved all the time; try again.")


def put(library: Library, request: Request) -> Answer:
    """PUT: content, properties and lock in one decision."""
    along, caller = Along(), request.caller
    if request.wants_lock or request.header("LOCK_TOKEN") is not None:
        seconds = _seconds(request) if request.wants_lock else None
        token = _token(request, seconds)
        if token is None:
            along = Along(wanted=Wanted(Kind.LOCK, request.at.path, timeout=seconds))
        else:
            along = Along(token=token, renew=seconds or None, end=seconds == 0)
            caller = replace(caller, tokens=caller.tokens | {token})
    content = Upload(request.environ["wsgi.input"], request.length)
    if _is_multipart(request):
        parts = _Parts(request)
        content, along = Upload(parts), replace(along, properties=parts.properties)
    with locking.naming_a_lock(library, request):
        written = writing.store(library, request, content, caller, along)
    answer = writing.stored(written)
    answer.headers += _shown(written.lock)
    return answer


def _get_archived(verbs: Mapping[str, Verb], library: Library, request: Request) -> Answer:
    """A version or a rescued draft."""
    if request.wants_lock:
        raise Refused(403, None, msnumbers.DENIED, "What is kept here never changes, so it cannot be locked.")
    plain = _plain(request)
    answer = verbs["GET"](library, plain)
    if not _wants_properties(request):
        return answer
    nothing = {"REQUEST_METHOD": "PROPFIND", "HTTP_DEPTH": "0", "CONTENT_LENGTH": "0", "wsgi.input": io.BytesIO()}
    asked = Request({**_without(plain.environ, "HTTP_TRANSFER_ENCODING", "HTTP_PREFER", "wsgi.input_terminated"), **nothing})
    return _with(answer, lambda: b"".join(verbs["PROPFIND"](library, asked).body))


def _plain(request: Request) -> Request:
    """The GET or HEAD that it is about. Raises Refused."""
    if request.method == "POST" and not (request.wants_lock or _wants_properties(request)) and request.has_body():
        raise Refused(415, None, msnumbers.LACKS, "POST takes no body here; nothing was changed.")
    environ = _without(request.environ, "HTTP_RANGE") if _wants_properties(request) else dict(request.environ)
    environ["REQUEST_METHOD"] = "HEAD" if request.method == "HEAD" else "GET"
    return Request(environ)


def _without(environ: Mapping[str, object], *names: str) -> dict[str, object]:
    return {name: value for name, value in environ.items() if name not in names}


def _wants_properties(request: Request) -> bool:
    return (request.header("X_MSDAVEXT") or "").strip().upper() == "PROPFIND"


def _is_multipart(request: Request) -> bool:
    """Whether properties come with the content. By the type alone too, as on SharePoint (MS-WDV <25>): it can be nothing else."""
    media = (request.environ.get("CONTENT_TYPE") or "").partition(";")[0].strip().lower()
    is_multipart: bool = media == MULTIPART.lower()
    if not is_multipart and (request.header("X_MSDAVEXT") or "").strip().upper() == "PROPPATCH":
        raise Refused(415, None, msnumbers.LACKS, f"Properties and content can come together only as {MULTIPART}.")
    return is_multipart


def _seconds(request: Request) -> float:
    seconds = parse_timeout(request.header("X_MSDAVEXTLOCKTIMEOUT"))
    if seconds is None:
        raise BadRequest("The X-MSDAVEXTLockTimeout header must be Second- and a number, or Infinite.")
    return seconds


def _token(request: Request, seconds: float | None) -> str | None:
    """The Lock-Token. Raises BadRequest, also if there is none and a lock is to be ended."""
    if request.header("LOCK_TOKEN") is not None:
        return parse_lock_token(request.header("LOCK_TOKEN"))
    if seconds == 0:
        raise BadRequest("X-MSDAVEXTLockTimeout: Second-0 ends a lock: send its token in a Lock-Token header.")
    return None


def _locking(
    library: Library, request: Request, entry: Entry, answer: Answer, token: str | None, seconds: float, with_properties: bool
) -> Answer:
    """The answer to a request that has been read, after its lock was taken, renewed or ended. Raises _Changed."""
    granted = _lock(library, request, entry, token, seconds)
    if with_properties:
        try:
            answer = _with(answer, partial(_properties, library, request, entry))
        except BaseException:
            if granted and token is None:
                library.unlock(entry.path, granted.lock.token, request.caller)
            raise
    answer.headers += _shown(granted)
    return answer


def _lock(library: Library, request: Request, entry: Entry, token: str | None, seconds: float) -> Granted | None:
    if token is None:
        return _take(library, request, entry, seconds)
    if not seconds:
        locking.release(library, request, token)
        return None
    with locking.naming_a_lock(library, request):
        return library.refresh(entry.path, replace(request.caller, tokens=frozenset((token,))), seconds, request.if_condition)


def _take(library: Library, request: Request, entry: Entry, seconds: float) -> Granted:
    """A lock on exactly what has been read: else its holder would write over what he has never seen."""

    def unchanged(view: View) -> None:
        now = view.entry(entry.path)
        if now is None or (now.inode if entry.is_folder else now.etag) != (entry.inode if entry.is_folder else entry.etag):
            raise _Changed
        request.if_condition(view)

    return library.lock(request.at, Wanted(Kind.LOCK, entry.path, timeout=seconds), request.caller, unchanged)


def _shown(granted: Granted | None) -> Headers:
    if granted is None:
        return []
    return [("Lock-Token", f"<{granted.lock.token}>"), ("X-MSDAVEXTLockTimeout", remaining(granted.lock, granted.now))]


def _properties(library: Library, request: Request, entry: Entry) -> bytes:
    plan = propfind.Plan(everything=True)
    listing = properties.listing(library, request, plan, entry, hrefs.as_sent(request.raw_path))
    return b"".join(propfind.render(plan, listing))


def _with(answer: Answer, properties: Callable[[], bytes]) -> Answer:
    """An answer with the properties in front of its content, if it has that (MS-WDV 2.2.5). Closes it if they cannot be had."""
    if answer.status != 200 or answer.length is None:
        return answer
    try:
        found = properties()
    except BaseException:
        answer.close()
        raise
    head = b"%016X%b%016X" % (len(found), found, answer.length)
    headers = [(name, value) for name, value in answer.headers if name.lower() not in _OF_CONTENT]
    about = [("Content-Type", MULTIPART), ("Cache-Control", "no-store")]
    return Answer(200, [*about, *headers], _Prefixed(head, answer), len(head) + answer.length)


class _Changed(Exception):
    """Between the opening of a document and the lock on it, it has become another one."""


class _Prefixed:
    """Something in front of the body of an answer."""

    def __init__(self, head: bytes, answer: Answer) -> None:
        self._head, self._body, self.close = head, answer.body, answer.close

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        yield from self._body


class _Parts:
    """The body of a PUT that begins with properties: a source of the content behind them (MS-WDV 2.2.5).

    They are read with the first byte of the content, so not before it is known that the request may be. read() raises BadRequest for
    sizes that cannot be, IncompleteBody, TooLarge, Refused.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._left: int | None = None
        self._changes: list[proppatch.PropertyChange] = []

    def properties(self) -> Properties:
        """What has been read of them."""
        return Properties(proppatch.dead(self._changes), proppatch.comment(self._changes))

    def read(self, size: int, /) -> bytes:
        """So many bytes of the content, fewer only at its end."""
        if self._left is None:
            self._left = self._begin()
        block = self._exactly(min(size, self._left))
        self._left -= len(block)
        if not self._left and self._request.read(1):
            raise BadRequest("The body is longer than the sizes in it say; nothing was stored.")
        return block

    def _begin(self) -> int:
        """Bytes of content that come after the properties."""
        size = self._size()
        if size > MAX_XML:
            raise TooLarge(f"The properties can have at most {MAX_XML} bytes; nothing was stored.")
        self._changes = proppatch.parse_propertyupdate(self._exactly(size))
        if refused := proppatch.refused(self._changes):
            names = ", ".join(refused)
            message = f"Properties that belong to the server cannot be changed: {names}. Nothing was stored."
            raise Refused(403, "cannot-modify-protected-property", msnumbers.DENIED, message)
        return self._size()

    def _size(self) -> int:
        digits = self._exactly(16)
        if not _SIZE.fullmatch(digits):
            raise BadRequest("Each part of the body begins with its size, 16 hexadecimal digits; nothing was stored.")
        return int(digits, 16)

    def _exactly(self, size: int) -> bytes:
        block = self._request.read(size)
        if len(block) < size:
            raise IncompleteBody("The body ends before its parts are complete; nothing was stored. Try again.")
        return block
