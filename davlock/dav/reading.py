"""OPTIONS, GET and HEAD."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import lru_cache

from davlock import preconditions
from davlock.dav import methods
from davlock.dav.answers import DOCUMENT_ID, TEXT_TYPE, Answer, Headers, text
from davlock.dav.requests import Request
from davlock.errors import DavlockError, IsFolder, NotFound, PreconditionFailed
from davlock.library import Library
from davlock.media import ACTIVE, content_type
from davlock.model import Entry
from davlock.representations import BehindEnd, represent

_FOLDER_PAGE = b"This is a folder of a davlock server. Open it with a WebDAV client: a file manager, an office program, a phone.\n"


def allowed(library: Library, request: Request) -> str:
    """The Allow header: what can be done with what stands, or does not stand, at the Request-URI."""
    return _header(_possible(library, request), request.combined, request.is_hosted)


def _possible(library: Library, request: Request) -> tuple[str, ...]:
    if request.raw_path == "*" or not request.principal:
        return methods.ANY  # nobody in particular asks: do not tell him what exists
    if methods.is_archived(request.raw_path):
        return methods.ON_DRAFT if request.raw_path.startswith(methods.DRAFTS) else methods.ON_VERSION
    try:
        entry = library.look(request.at.path, request.principal)
    except DavlockError:
        return ("OPTIONS",)
    if entry is None:
        return methods.ON_NOTHING
    return methods.ON_FOLDER if entry.is_folder else methods.ON_DOCUMENT[library.policy.semantics(entry.path)]


@lru_cache
def _header(names: tuple[str, ...], combined: bool, is_hosted: bool) -> str:
    if combined and "GET" in names:
        names = (*names, "POST")
    return ", ".join(name for name in names if not (is_hosted and name in methods.UNKNOWN_TO_WSGIDAV))


@dataclass(frozen=True, slots=True)
class Announced:
    """What OPTIONS tells Office: MS-Author-Via (MS-WDVSE 2.2.2), without which it opens everything read-only,
    DocumentManagementServer (MS-WDVME 2.2.1), which is not sent if it is empty, and X-MSDAVEXT (MS-WDV 2.2.1) if it is so.
    """

    author_via: str = "DAV"
    document_management: str = ""
    combined_requests: bool = False

    def headers(self) -> Headers:
        """All three, as far as they are sent."""
        management = [("DocumentManagementServer", self.document_management)] if self.document_management else []
        combined = [("X-MSDAVEXT", "1")] if self.combined_requests else []
        return [("MS-Author-Via", self.author_via), *management, *combined]


def options(library: Library, request: Request) -> Answer:
    """RFC 4918 §10.1, §18, RFC 3253 §3.9."""
    features = methods.HOSTED_FEATURES if request.is_hosted else methods.FEATURES
    headers = [("DAV", features), ("Allow", allowed(library, request))]
    public = _header(methods.ANY, request.combined, request.is_hosted)
    return Answer(200, [*headers, ("Public", public), ("Accept-Ranges", "bytes")])


def get(library: Library, request: Request) -> Answer:
    """RFC 9110 §9.3.1: the document, whole or in ranges; every header is about exactly the bytes that are sent."""
    return read(library, request)[1]


def read(library: Library, request: Request) -> tuple[Entry, Answer]:
    """What stands there, and what get() answers about exactly that."""
    if request.if_lists:
        library.check_conditions(request.if_condition, request.caller)
    viewer = request.principal
    try:
        entry, fd, id = library.open_with_id(request.at.path, viewer)
    except IsFolder:
        folder = library.look(request.at.path, viewer)
        if folder is None:
            raise NotFound("There is nothing under this name.") from None
        return folder, _folder(request, folder)
    try:
        answer = content(request, entry, fd)
    except BaseException:
        os.close(fd)
        raise
    if id is not None:
        answer.headers.append((DOCUMENT_ID, str(id)))
    return entry, answer


def _folder(request: Request, entry: Entry) -> Answer:
    conditional = preconditions.from_environ(request.environ)
    now = int(time.time())
    if conditional and preconditions.check(request.method, conditional, "", entry.modified, now) is preconditions.Outcome.FAILED:
        raise PreconditionFailed("The folder is not what your request is about.")
    return Answer(200, [("Content-Type", TEXT_TYPE), ("Cache-Control", "no-store")], [_FOLDER_PAGE], len(_FOLDER_PAGE))


def content(request: Request, entry: Entry, fd: int) -> Answer:
    """What an open document has, as the request wants it. The answer owns the descriptor, unless this raises."""
    media_type = content_type(entry.name)
    try:
        status, headers, body, length = represent(request.environ, fd, entry.size, media_type, entry.etag, entry.modified)
    except BehindEnd as error:
        os.close(fd)
        return text(416, error.message, [("Content-Range", f"bytes */{error.size}")])
    if media_type in ACTIVE and status != 304:
        headers.append(("Content-Security-Policy", "sandbox; default-src 'none'"))
    return Answer(status, headers, body, length)
