"""PROPFIND and PROPPATCH."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from davlock.dav import hrefs, propfind, proppatch, xml
from davlock.dav.answers import XML_TYPE, Answer, xml_answer
from davlock.dav.headers import Depth, parse_propfind_depth
from davlock.dav.requests import Request
from davlock.errors import NotFound
from davlock.library import Library
from davlock.model import Entry


def find(library: Library, request: Request) -> Answer:
    """RFC 4918 §9.1. One scandir and one query for each table; the answer is made while it is sent."""
    depth, noroot = parse_propfind_depth(request.header("DEPTH"))
    plan = propfind.parse(request.xml_body())
    if request.if_lists:
        library.check_conditions(request.if_condition)
    path = request.at.path
    entry = library.look(path)
    if entry is None:
        raise NotFound("There is nothing under this name.")
    if depth is Depth.INFINITY and entry.is_folder:
        message = "A listing of everything below a folder is not given; ask folder by folder, with Depth: 1."
        return xml_answer(403, xml.error("propfind-finite-depth", (), message))
    with_members = depth is Depth.ONE and entry.is_folder
    noroot = noroot or "depth-noroot" in request.preferences
    listing = _listing(library, request, plan, entry, with_members, with_members and noroot)
    headers = [("Content-Type", XML_TYPE), ("Cache-Control", "no-store")]
    if request.is_minimal:
        headers.append(("Preference-Applied", "return=minimal"))
    blocks = propfind.render(plan, listing, request.is_minimal)
    first = next(blocks)
    second = next(blocks, None)
    if second is None:
        return Answer(207, headers, [first], len(first))
    return Answer(207, headers, chain((first, second), blocks), None)


def _listing(library: Library, request: Request, plan: propfind.Plan, entry: Entry, with_members: bool, noroot: bool) -> propfind.Listing:
    path = entry.path
    locks, dead, created = [], {}, {}
    with library.reading() as rows:
        now = rows.now
        if plan.needs_locks:
            locks = library.covering(rows, path) + (rows.locks_in(path) if with_members else [])
        if plan.needs_dead or plan.needs_created:
            document = rows.document(path)
            if document and plan.needs_dead:
                dead[path] = rows.properties(document.id)
            known = [document] if document else []
            if with_members and plan.needs_created:
                known += rows.documents_in(path)
            created = {each.path: each.created for each in known if each.path and each.created}
            if with_members and plan.needs_dead:
                dead |= rows.properties_in(path)
    entries: Iterator[Entry] = library.listing(path) if with_members else iter(())
    return propfind.Listing(
        entries=entries if noroot else chain((entry,), entries),
        path=path,
        href=hrefs.as_sent(request.raw_path),
        viewer=request.caller.principal,
        now=now,
        locks=locks,
        dead=dead,
        created=created,
        quota=library.space() if plan.needs_quota else None,
    )


def patch(library: Library, request: Request) -> Answer:
    """RFC 4918 §9.2: all changes or none. Depth is ignored: webdavclient3 sends one, the RFC defines none."""
    changes = proppatch.parse_propertyupdate(request.xml_body())
    failed = proppatch.refused(changes)
    # Also if nothing will be changed: whether this caller may change anything here is told first.
    accepted = {} if failed else {change.name: change.xml for change in changes}
    library.change_properties(request.at.path, accepted, request.caller, request.conditions)
    if request.is_minimal and not failed:
        return Answer(204, [("Preference-Applied", "return=minimal")], length=None)
    return xml_answer(207, proppatch.outcome(hrefs.as_sent(request.raw_path), changes, failed))
