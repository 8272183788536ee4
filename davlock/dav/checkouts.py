"""CHECKOUT, CHECKIN, UNCHECKOUT and VERSION-CONTROL (RFC 3253 §3.5, §4.3 to §4.5)."""

from __future__ import annotations

from davlock.dav.answers import Answer, Headers, text
from davlock.dav.checkoutinfo import NothingToUndo, parse_wish
from davlock.dav.deltav import draft_href, version_href
from davlock.dav.refusals import told
from davlock.dav.requests import Request
from davlock.errors import Forbidden, IsFolder, NotCheckedOut, NotForCheckout, NotFound, NotHolder
from davlock.library import Library
from davlock.model import Note, Semantics

_NO_CACHE: Headers = [("Cache-Control", "no-cache")]  # RFC 3253 §3.5, §4.3, §4.4


def check_out(library: Library, request: Request) -> Answer:
    """RFC 3253 §4.3; a second time succeeds and changes nothing."""
    wish = parse_wish(request.xml_body(), request.method)
    library.check_out(request.at.path, request.caller, wish.comment, request.conditions)
    return Answer(200, _NO_CACHE)


def check_in(library: Library, request: Request) -> Answer:
    """RFC 3253 §4.4. Location is the newest version; 201 if this is a new one, 200 if nothing had been written."""
    wish = parse_wish(request.xml_body(), request.method)
    done = library.check_in(request.at, request.caller, Note(wish.comment), wish.keep, conditions=request.conditions)
    document = library.catalogue.document(request.at.path)
    location: Headers = [("Location", version_href(document.id, done.version))] if document else []
    return Answer(201 if done.is_new else 200, _NO_CACHE + location)


def uncheckout(library: Library, request: Request) -> Answer:
    """RFC 3253 §4.5. Location is the rescued draft, if something had been written."""
    wish = parse_wish(request.xml_body(), request.method)
    try:
        ended = library.undo(request.at.path, request.caller, wish.reason, request.conditions)
    except NotCheckedOut as error:
        raise NothingToUndo(error.message) from error
    except NotHolder as error:
        who = told(error.lock, request.caller.principal, library)
        raise Forbidden(f"{who} An administrator can undo it, with a reason (a reason element of the namespace urn:davlock:).") from error
    rescued = next((draft for draft in library.archive.drafts(request.caller) if draft.token == ended.token), None)
    if rescued is None:
        return Answer(200, _NO_CACHE)
    return text(200, "What had been written was not lost: it is kept at Location.", [*_NO_CACHE, ("Location", draft_href(rescued.id))])


def version_control(library: Library, request: Request) -> Answer:
    """RFC 3253 §3.5: from now on the document has versions; one that has them already stays as it is."""
    parse_wish(request.xml_body(), request.method)
    library.check_conditions(request.conditions, request.caller)
    entry = library.look(request.at.path, request.caller.principal)
    if entry is None:
        raise NotFound("There is nothing under this name.")
    if entry.is_folder:
        raise IsFolder("A folder cannot be put under version control; only its documents can.")
    if library.policy.semantics(entry.path) is not Semantics.VERSIONING:
        raise NotForCheckout("Documents of this kind have no versions here.")
    library.catalogue.identify(entry.path)
    return Answer(200, _NO_CACHE)
