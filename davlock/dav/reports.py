"""REPORT (RFC 3253 §3.6): version-tree and expand-property."""

from __future__ import annotations

from functools import partial

from davlock import hrefs
from davlock.dav import expansion, history, methods, properties, propfind, xml
from davlock.dav.answers import Answer, Headers, xml_answer
from davlock.dav.deltav import Controlled
from davlock.dav.headers import Depth, parse_depth
from davlock.dav.requests import Request
from davlock.errors import BadRequest, DavlockError, NotFound
from davlock.library import Library

_NO_STORE: Headers = [("Cache-Control", "no-store")]


def report(library: Library, request: Request) -> Answer:
    """RFC 3253 §3.6; of one resource: Depth is 0."""
    parse_depth(request.header("DEPTH"), Depth.ZERO, (Depth.ZERO,))
    body = request.xml_body()
    if not body.strip():
        raise BadRequest("The body of a REPORT must name the report, such as DAV:version-tree.")
    root = xml.parse(body)
    if request.if_lists:
        library.check_conditions(request.if_condition, request.caller)
    if root.tag == f"{{{xml.DAV}}}version-tree" and (found := _history(library, request)):
        return xml_answer(207, xml.multistatus(found.responses(propfind.named(xml.children(root, "prop")), request.is_minimal)), _NO_STORE)
    if root.tag == f"{{{xml.DAV}}}expand-property":
        expanded = expansion.expand(request.raw_path, expansion.parse(root), partial(_response, library, request))
        return xml_answer(207, xml.multistatus([expanded]), _NO_STORE)
    message = "There is no such report of this. There is DAV:expand-property, and DAV:version-tree of a document under version control."
    return xml_answer(403, xml.error("supported-report", (), message))


def _history(library: Library, request: Request) -> history.History | None:
    """The versions that a request is about; None for what is not under version control. Raises NotFound."""
    if methods.is_archived(request.raw_path):
        id, number = history.parse_href(request.raw_path)
        found = history.history(library, history.document_with(library, id))
        found.version(number)
        return found
    entry = library.look(request.at.path, request.caller.principal)
    if entry is None:
        raise NotFound("There is nothing under this name.")
    document = library.catalogue.document(entry.path)
    known = Controlled(entry.is_folder, library.policy.semantics(entry.path), document=document)
    return history.history(library, document) if document and known.has_versions else None


def _response(library: Library, request: Request, href: str, plan: propfind.Plan) -> str:
    """What a plan asks of the version, document or folder at a href. Raises NotFound."""
    if methods.is_archived(href):
        id, number = history.parse_href(href)
        return history.history(library, history.document_with(library, id)).response(number, plan, request.is_minimal)
    if href == request.raw_path:
        path = request.at.path
    else:
        try:
            path = hrefs.decode(href).path
        except DavlockError as error:
            raise NotFound(error.message) from error
    entry = properties.look(library, request, plan, path)
    return "".join(propfind.responses(plan, properties.listing(library, request, plan, entry, href), request.is_minimal))
