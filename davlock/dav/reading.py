"""OPTIONS, GET and HEAD."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from davlock.dav import methods, preconditions
from davlock.dav.answers import TEXT_TYPE, Answer, Headers, text
from davlock.dav.live import content_type, http_date
from davlock.dav.ranges import content_range, multipart, parse_range
from davlock.dav.requests import Request
from davlock.errors import DavlockError, IsFolder, NotFound, PreconditionFailed
from davlock.library import Library
from davlock.model import Entry

BLOCK = 256 * 1024
# What a browser would run in the name of this server; everything else it only shows or saves.
_ACTIVE = {"text/html", "image/svg+xml", "text/xml", "application/xml", "message/rfc822"}
_FOLDER_PAGE = b"This is a folder of a davlock server. Open it with a WebDAV client: a file manager, an office program, a phone.\n"


def allowed(library: Library, request: Request) -> str:
    """The Allow header: what can be done with what stands, or does not stand, at the Request-URI."""
    return _header(request, _possible(library, request))


def _possible(library: Library, request: Request) -> tuple[str, ...]:
    if request.raw_path == "*" or not request.environ["davlock.principal"]:
        return methods.ANY  # nobody in particular asks: do not tell him what exists
    if methods.is_archived(request.raw_path):
        return methods.ON_DRAFT if request.raw_path.startswith(methods.DRAFTS) else methods.ON_VERSION
    try:
        entry = library.look(request.at.path, request.caller.principal)
    except DavlockError:
        return ("OPTIONS",)
    if entry is None:
        return methods.ON_NOTHING
    return methods.ON_FOLDER if entry.is_folder else methods.ON_DOCUMENT[library.semantics(entry.path)]


def _header(request: Request, names: tuple[str, ...]) -> str:
    return ", ".join(name for name in names if not (request.is_hosted and name in methods.UNKNOWN_TO_WSGIDAV))


@dataclass(frozen=True, slots=True)
class Announced:
    """What OPTIONS tells Office: MS-Author-Via (MS-WDVSE 2.2.2), without which it opens everything read-only, and
    DocumentManagementServer (MS-WDVME 2.2.1), which is not sent if it is empty.
    """

    author_via: str = "DAV"
    document_management: str = ""

    def headers(self) -> Headers:
        """Both, as far as they are sent."""
        management = [("DocumentManagementServer", self.document_management)] if self.document_management else []
        return [("MS-Author-Via", self.author_via), *management]


def options(library: Library, request: Request) -> Answer:
    """RFC 4918 §10.1, §18, RFC 3253 §3.9."""
    features = methods.HOSTED_FEATURES if request.is_hosted else methods.FEATURES
    headers = [("DAV", features), ("Allow", allowed(library, request))]
    return Answer(200, [*headers, ("Public", _header(request, methods.ANY)), ("Accept-Ranges", "bytes")])


def get(library: Library, request: Request) -> Answer:
    """RFC 9110 §9.3.1: the document, whole or in ranges; every header is about exactly the bytes that are sent."""
    if request.if_lists:
        library.check_conditions(request.if_condition, request.caller)
    viewer = request.caller.principal
    try:
        entry, fd = library.open(request.at.path, viewer)
    except IsFolder:
        folder = library.look(request.at.path, viewer)
        if folder is None:
            raise NotFound("There is nothing under this name.") from None
        return _folder(request, folder)
    try:
        return content(request, entry, fd)
    except BaseException:
        os.close(fd)
        raise


def _folder(request: Request, entry: Entry) -> Answer:
    conditional = preconditions.from_environ(request.environ)
    now = int(time.time())
    if conditional and preconditions.check(request.method, conditional, "", entry.modified, now) is preconditions.Outcome.FAILED:
        raise PreconditionFailed("The folder is not what your request is about.")
    return Answer(200, [("Content-Type", TEXT_TYPE), ("Cache-Control", "no-store")], [_FOLDER_PAGE], len(_FOLDER_PAGE))


def content(request: Request, entry: Entry, fd: int) -> Answer:
    """What an open document has, as the request wants it. The answer owns the descriptor, unless this raises."""
    now = int(time.time())
    validators = [("ETag", entry.etag), ("Last-Modified", http_date(entry.modified)), ("Cache-Control", "private, no-cache")]
    if conditional := preconditions.from_environ(request.environ):
        outcome = preconditions.check(request.method, conditional, entry.etag, entry.modified, now)
        if outcome is preconditions.Outcome.FAILED:
            raise PreconditionFailed("The document is not, or is no longer, the version that your request is about.")
        if outcome is preconditions.Outcome.NOT_MODIFIED:
            os.close(fd)
            return Answer(304, validators, (), None)
    media = content_type(entry.name)
    headers: Headers = [("Content-Type", media), *validators, ("Accept-Ranges", "bytes")]
    if media in _ACTIVE:
        headers.append(("Content-Security-Policy", "sandbox; default-src 'none'"))
    ranges = _wanted_ranges(request, entry, now)
    if ranges is None:
        return Answer(200, headers, Content(fd, [(0, entry.size)]), entry.size)
    if not ranges:
        os.close(fd)
        message = f"The document has only {entry.size} bytes; the part that you asked for is behind its end."
        return text(416, message, [("Content-Range", f"bytes */{entry.size}")])
    if len(ranges) == 1:
        start, length = ranges[0]
        headers.append(("Content-Range", content_range(start, length, entry.size)))
        return Answer(206, headers, Content(fd, ranges), length)
    boundary = uuid.uuid4().hex
    framing = multipart(ranges, entry.size, media, boundary)
    headers[0] = ("Content-Type", f"multipart/byteranges; boundary={boundary}")
    return Answer(206, headers, Content(fd, ranges, framing.heads, framing.tail), framing.length)


def _wanted_ranges(request: Request, entry: Entry, now: int) -> list[tuple[int, int]] | None:
    wanted, condition = request.header("RANGE"), request.header("IF_RANGE")
    if wanted is None or request.method != "GET":  # RFC 9110 §14.2: defined for GET only
        return None
    if condition is not None and not preconditions.if_range_applies(condition, entry.etag, entry.modified, now):
        return None
    return parse_range(wanted, entry.size)


class Content:
    """Pieces (start, length) of an open document, each after its head. Owns the descriptor."""

    def __init__(self, fd: int, pieces: list[tuple[int, int]], heads: list[bytes] | None = None, tail: bytes = b"") -> None:
        self._fd, self._pieces, self._heads, self._tail = fd, pieces, heads or [b""] * len(pieces), tail

    def __iter__(self) -> Iterator[bytes]:
        for (start, length), head in zip(self._pieces, self._heads, strict=True):
            if head:
                yield head
            end = start + length
            while start < end:
                block = os.pread(self._fd, min(BLOCK, end - start), start)
                if not block:
                    # Another program has shortened the file in place: a cut connection is the only honest answer left.
                    raise ConnectionAbortedError("the file became shorter while it was sent")
                start += len(block)
                yield block
        if self._tail:
            yield self._tail

    def close(self) -> None:
        """Gives the descriptor back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
