"""What is kept beside the documents and never changed: versions, at /_davlock/versions, and rescued drafts, at /_davlock/drafts."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from functools import partial

from davlock import msnumbers, paths
from davlock.conditions import Conditions, View
from davlock.dav import deltav, methods, propfind, reading, reports, xml
from davlock.dav.answers import Answer, xml_answer
from davlock.dav.headers import parse_overwrite, parse_propfind_depth
from davlock.dav.history import as_entry, document_with, history, parse_href
from davlock.dav.refusals import Refused
from davlock.dav.requests import Request
from davlock.errors import Forbidden, IsFolder, NotFound, PreconditionFailed
from davlock.library import Library
from davlock.model import Draft, Entry, Note
from davlock.writes import Written

Verb = Callable[[Library, Request], Answer]
_DRAFT = re.compile(f"{methods.DRAFTS}/([1-9][0-9]{{0,9}})")
_NO_STORE = [("Cache-Control", "no-store")]


def verbs(raw: str) -> Mapping[str, Verb] | None:
    """The methods of what is at a path, as it was sent; None if it is no place for versions and drafts."""
    if not methods.is_archived(raw):
        return None
    return _ON_DRAFT if raw.startswith(methods.DRAFTS) else _ON_VERSION


def get_version(library: Library, request: Request) -> Answer:
    """The content of a version, whole or in ranges."""
    id, number = parse_href(request.raw_path)
    document = document_with(library, id)
    version, fd = library.archive.open_version(document, number)
    return _get(library, request, as_entry(document, version), fd)


def find_version(library: Library, request: Request) -> Answer:
    """PROPFIND of a version; it has no members, so any Depth means the same."""
    parse_propfind_depth(request.header("DEPTH"))
    plan = propfind.parse(request.xml_body())
    id, number = parse_href(request.raw_path)
    found = history(library, document_with(library, id))
    _check(library, request, as_entry(found.document, found.version(number)))
    return xml_answer(207, xml.multistatus([found.response(number, plan, request.is_minimal)]), _NO_STORE)


def copy_version(library: Library, request: Request) -> Answer:
    """A version brought back: as the newest one of the document at the destination, or as the caller's draft of it."""
    id, number = parse_href(request.raw_path)
    document = document_with(library, id)
    entry = as_entry(document, history(library, document).version(number))
    conditions = _conditions(request, entry)
    return _copied(lambda: library.archive.restore(document, number, request.destination, request.caller, conditions=conditions))


def get_draft(library: Library, request: Request) -> Answer:
    """The content of a rescued draft, for whoever wrote it."""
    draft, fd = _open_draft(library, request)
    return _get(library, request, _draft_entry(draft, fd), fd)


def find_draft(library: Library, request: Request) -> Answer:
    """PROPFIND of a rescued draft."""
    parse_propfind_depth(request.header("DEPTH"))
    plan = propfind.parse(request.xml_body())
    draft, fd = _open_draft(library, request)
    with os.fdopen(fd, "rb"):
        entry = _draft_entry(draft, fd)
        _check(library, request, entry)
    listing = propfind.Listing([entry], entry.path, entry.path, request.caller.principal, 0, is_lockable=False)
    return xml_answer(207, xml.multistatus(propfind.responses(plan, listing, request.is_minimal)), _NO_STORE)


def copy_draft(library: Library, request: Request) -> Answer:
    """A rescued draft stored as the document at the destination, or as the caller's draft of it; it stays rescued, too."""
    draft, fd = _open_draft(library, request)
    with os.fdopen(fd, "rb", buffering=0) as content:
        conditions, note = _conditions(request, _draft_entry(draft, fd)), Note("Rescued draft stored")
        return _copied(lambda: library.write(request.destination, content, draft.size, request.caller, conditions, note))


def _get(library: Library, request: Request, entry: Entry, fd: int) -> Answer:
    try:
        _check(library, request, entry)
        return reading.content(request, entry, fd)
    except BaseException:
        os.close(fd)
        raise


def _check(library: Library, request: Request, own: Entry) -> None:
    if request.if_lists:
        library.check_conditions(partial(request.if_condition, own=own), request.caller)


def _conditions(request: Request, own: Entry) -> Conditions:
    to, overwrite = request.destination, parse_overwrite(request.header("OVERWRITE"))

    def judge(view: View) -> None:
        request.conditions(view, own)
        if not overwrite and view.entry(to.path):
            raise PreconditionFailed("Something has this name already, and it is not to be overwritten; nothing was changed.")

    return judge


def _copied(copy: Callable[[], Written]) -> Answer:
    try:
        written = copy()
    except IsFolder as error:
        raise Forbidden("There is a folder at the destination; only a document can get this content.") from error
    return Answer(201) if written.created else Answer(204, length=None)


def _open_draft(library: Library, request: Request) -> tuple[Draft, int]:
    match = _DRAFT.fullmatch(request.raw_path)
    if match is None:
        raise NotFound("There is no such rescued draft.")
    return library.archive.open_draft(int(match[1]), request.caller)


def _draft_entry(draft: Draft, fd: int) -> Entry:
    seen = os.fstat(fd)
    return Entry(deltav.draft_href(draft.id), paths.name(draft.path), False, seen.st_size, seen.st_ino, seen.st_mtime_ns, draft.saved)


def _refusing(condition: str, message: str) -> Verb:
    def refuse(library: Library, request: Request) -> Answer:
        id, number = parse_href(request.raw_path)
        history(library, document_with(library, id)).version(number)
        raise Refused(403, condition, msnumbers.DENIED, message)

    return refuse


_modify = _refusing("cannot-modify-version", "A version never changes; change the document.")
_ON_VERSION: dict[str, Verb] = {
    "OPTIONS": reading.options,
    "GET": get_version,
    "HEAD": get_version,
    "PROPFIND": find_version,
    "REPORT": reports.report,
    "COPY": copy_version,
    "PUT": _modify,
    "PROPPATCH": _modify,
    "LOCK": _modify,
    "MKCOL": _modify,
    "DELETE": _refusing("no-version-delete", "A version cannot be deleted; the server keeps as many as it is configured to keep."),
    "MOVE": _refusing("cannot-rename-version", "A version stays where it is; it can be copied."),
}
_ON_DRAFT: dict[str, Verb] = {
    "OPTIONS": reading.options,
    "GET": get_draft,
    "HEAD": get_draft,
    "PROPFIND": find_draft,
    "COPY": copy_draft,
}
