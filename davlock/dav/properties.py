"""PROPFIND and PROPPATCH."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from davlock import hrefs, msnumbers, rules
from davlock.dav import deltav, propfind, proppatch, xml
from davlock.dav.answers import XML_TYPE, Answer, xml_answer
from davlock.dav.headers import Depth, parse_propfind_depth
from davlock.dav.refusals import extended_error
from davlock.dav.requests import Request
from davlock.errors import NotCheckedOut, NotFound
from davlock.library import Library
from davlock.model import Caller, Document, Entry, Kind, Lock


def find(library: Library, request: Request) -> Answer:
    """RFC 4918 §9.1. One scandir and one query for each table; the answer is made while it is sent."""
    depth, noroot = parse_propfind_depth(request.header("DEPTH"))
    plan = propfind.parse(request.xml_body())
    if request.if_lists:
        library.check_conditions(request.if_condition, request.caller)
    entry = look(library, request, plan, request.at.path)
    if depth is Depth.INFINITY and entry.is_folder:
        message = "A listing of everything below a folder is not given; ask folder by folder, with Depth: 1."
        return xml_answer(403, xml.error("propfind-finite-depth", (), message))
    with_members = depth is Depth.ONE and entry.is_folder
    noroot = noroot or "depth-noroot" in request.preferences
    href = hrefs.as_sent(request.raw_path)
    headers = [("Content-Type", XML_TYPE), ("Cache-Control", "no-store")]
    if request.is_minimal:
        headers.append(("Preference-Applied", "return=minimal"))
    blocks = propfind.render(plan, listing(library, request, plan, entry, href, with_members, with_members and noroot), request.is_minimal)
    first = next(blocks)
    second = next(blocks, None)
    if second is None:
        return Answer(207, headers, [first], len(first))
    return Answer(207, headers, chain((first, second), blocks), None)


def look(library: Library, request: Request, plan: propfind.Plan, path: str) -> Entry:
    """What stands at a path, to be asked what a plan asks. Raises NotFound."""
    if plan.computed and not library.is_folder(path):
        library.catalogue.document(path)  # what has become of it underneath is its newest version
        if deltav.ID in plan.names:
            library.catalogue.identify(path)
    entry = library.look(path, request.caller.principal)
    if entry is None:
        raise NotFound("There is nothing under this name.")
    return entry


def listing(
    library: Library, request: Request, plan: propfind.Plan, entry: Entry, href: str, with_members: bool = False, noroot: bool = False
) -> propfind.Listing:
    """What a plan needs to know of a resource, whose href a client writes so, and of its members."""
    path = entry.path
    if with_members and deltav.ID in plan.names:
        library.catalogue.identify_in(path)
    locks, known, dead, created, computed = [], [], {}, {}, None
    with library.reading() as rows:
        now = rows.now
        if plan.needs_locks or plan.computed:
            locks = library.covering(rows, path) + (rows.locks_in(path) if with_members else [])
        if plan.needs_dead or plan.needs_created or plan.computed:
            document = rows.document(path)
            if document and plan.needs_dead:
                dead[path] = rows.properties(document.id)
            known = [document] if document else []
            created = {path: document.created} if document and document.created else {}
            if with_members and plan.computed:
                known += rows.documents_in(path)
            if with_members and plan.needs_created:
                created |= rows.created_in(path)
            if with_members and plan.needs_dead:
                dead |= rows.properties_in(path)
    if plan.computed:
        computed = _computed(library, plan.computed, known, locks, request.caller)
    entries: Iterator[Entry] = library.listing(path, request.caller.principal) if with_members else iter(())
    return propfind.Listing(
        entries=entries if noroot else chain((entry,), entries),
        path=path,
        href=href,
        viewer=request.caller.principal,
        now=now,
        locks=locks,
        dead=dead,
        created=created,
        quota=library.space() if plan.needs_quota else None,
        computed=computed,
    )


def _computed(library: Library, names: tuple[str, ...], known: list[Document], locks: list[Lock], caller: Caller) -> propfind.Computed:
    """What is shown of documents under source control, from what is known of them."""
    documents = {document.path: document for document in known}
    checkouts = {lock.root: lock for lock in locks if lock.kind is Kind.CHECKOUT}
    rescued: dict[int, list[int]] = {}
    for draft in library.archive.drafts(caller) if deltav.RESCUED in names else ():
        if draft.ended is not None:
            rescued.setdefault(draft.document, []).append(draft.id)

    def compute(entry: Entry) -> dict[str, str]:
        document, checkout = documents.get(entry.path), checkouts.get(entry.path)
        id = document.id if document else None
        sees_draft = checkout is not None and rules.proves(checkout, caller)
        if document and not (entry.is_folder or sees_draft or document.stamp == entry.stamp):
            document = None  # changed underneath, and not yet a version
        drafts = () if id is None else rescued.get(id, ())
        return deltav.of_resource(
            names, deltav.Controlled(entry.is_folder, library.policy.semantics(entry.path), id, document, checkout, drafts)
        )

    return compute


def patch(library: Library, request: Request) -> Answer:
    """RFC 4918 §9.2: all changes or none. Depth is ignored: webdavclient3 sends one, the RFC defines none."""
    changes = proppatch.parse_propertyupdate(request.xml_body())
    failed, number = proppatch.refused(changes), msnumbers.DENIED
    # Also if nothing will be changed: whether this caller may change anything here is told first.
    accepted = [] if failed else changes
    dead, comment = proppatch.dead(accepted), proppatch.comment(accepted)
    try:
        library.change_properties(request.at.path, dead, request.caller, request.conditions, comment)
    except NotCheckedOut:
        failed, number = {deltav.COMMENT: 409}, msnumbers.NOT_CHECKED_OUT
    if request.is_minimal and not failed:
        return Answer(204, [("Preference-Applied", "return=minimal")], length=None)
    headers = [extended_error(number, "Some of these properties cannot be changed here; none was.")] if failed else []
    return xml_answer(207, proppatch.outcome(hrefs.as_sent(request.raw_path), changes, failed), headers)
