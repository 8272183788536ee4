"""Who holds what since when until when: all locks and checkouts, what stands in somebody's way, and breaking one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal
from urllib.parse import urlencode

import msgspec
from msgspec import Meta

from davlock import paths, rules, wording
from davlock.errors import NotFound
from davlock.model import Act, Blocker, Caller, Document, Lock
from davlock.rest.calls import Call
from davlock.rest.operations import ROOT, Operation
from davlock.rest.presentation import exact
from davlock.rest.types import CheckoutInfo, CheckoutState, Hold, HoldPage, Obstacle, Path, Reason
from davlock.state import Rows

PAGE = 100
MOST = 10_000  # in one page


class StateQuery(msgspec.Struct, rename="camel"):
    """explain: whether it is told what the caller cannot do now, and why."""

    explain: bool = False


class ListQuery(msgspec.Struct, rename="camel"):
    """holder: a user. path: everything at and below it. door: webdav, rest, fprpc, web. minAge: seconds for which it has stood at least."""

    holder: str = ""
    path: Path = ""
    door: str = ""
    kind: Literal["", "LOCK", "EDIT", "CHECKOUT"] = ""
    min_age: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    top: Annotated[int, Meta(ge=1, le=MOST)] = msgspec.field(default=PAGE, name="$top")
    skip: Annotated[int, Meta(ge=0, le=2**31 - 1)] = msgspec.field(default=0, name="$skip")


class BreakQuery(msgspec.Struct, rename="camel"):
    """reason: why; it is recorded, and shown to whoever held it."""

    reason: Reason


def state(call: Call, document: Document, explain: bool = False) -> CheckoutInfo:
    """Who holds a document, as the caller sees it (rest.md §9)."""
    path, viewer = document.path or "", call.caller.principal
    with call.library.reading() as rows:
        standing = call.library.covering(rows, path)
        numbers, ids = (rows.principals(), _ids(rows, standing)) if standing else ({}, {})
    told = _info(call, document, rules.foremost(standing, viewer), numbers)
    told.holds = [hold(lock, viewer, numbers, ids) for lock in standing]
    if explain:
        told.obstacles = _obstacles(call, path, numbers)
    return told


def _info(call: Call, document: Document, lock: Lock | None, numbers: Mapping[str, int]) -> CheckoutInfo:
    shown = checkout_state(lock, call.caller.principal, call.library.policy.can_be_checked_out(document.path or "", document))
    if lock is None:
        return CheckoutInfo(shown)
    return CheckoutInfo(
        shown,
        numbers.get(lock.principal, 0),
        lock.principal,
        exact(lock.since),
        None if lock.expires is None else exact(lock.expires),
        lock.door,
        lock.comment,
    )


def checkout_state(lock: Lock | None, viewer: str, can_be_checked_out: bool) -> CheckoutState:
    """Whose checkout a document has, as the viewer sees it. lock: what holds it, of whatever kind."""
    if not can_be_checked_out:
        return CheckoutState.LOCKING_NOT_SUPPORTED
    if lock is None:
        return CheckoutState.NOT_CHECKED_OUT
    return CheckoutState.CHECKED_OUT_OWN if lock.principal == viewer else CheckoutState.CHECKED_OUT_OTHER


def hold(lock: Lock, viewer: str, numbers: Mapping[str, int], ids: Mapping[str, int] | None = None) -> Hold:
    """A lock as the viewer is told of it. numbers: of users. ids: of the documents that LOCKs are on, which know only a path."""
    return Hold(
        lock_id=lock.generation,
        kind=lock.kind.value,
        scope=lock.scope.value,
        deep=lock.deep,
        path=lock.root,
        document_id=lock.document or (ids or {}).get(lock.root, 0),
        name=lock.principal,
        associate_id=numbers.get(lock.principal, 0),
        is_own=lock.principal == viewer,
        since=exact(lock.since),
        until=None if lock.expires is None else exact(lock.expires),
        door=lock.door,
        comment=lock.comment,
        owner=lock.owner,
    )


def _ids(rows: Rows, locks: Iterable[Lock]) -> dict[str, int]:
    """The ids of the documents that LOCKs stand on, by path."""
    roots = dict.fromkeys(lock.root for lock in locks if lock.document is None)
    return {document.path or "": document.id for document in rows.documents_at(list(roots)) if document.stamp}


def _obstacles(call: Call, path: str, numbers: Mapping[str, int]) -> list[Obstacle]:
    found = call.library.obstacles(path, call.caller)
    return [_obstacle(act, blocker, call.caller, numbers) for act, blockers in found.items() for blocker in blockers]


def _obstacle(act: Act, blocker: Blocker, caller: Caller, numbers: Mapping[str, int]) -> Obstacle:
    held = hold(blocker.lock, caller.principal, numbers)
    return Obstacle(act.value, blocker.path, held, wording.remedy(blocker.lock, caller))


def standing(call: Call) -> HoldPage:
    """All locks and checkouts, by path; those of a kind, of somebody, below a path …"""
    query: ListQuery = call.query
    below = paths.parse(query.path).path if query.path.strip("/") else paths.ROOT
    with call.library.reading() as rows:
        found = [lock for lock in rows.locks() if _is_asked(lock, query, below, rows.now)]
        page = found[query.skip : query.skip + query.top]
        numbers, ids = rows.principals(), _ids(rows, page)
    return HoldPage(
        [hold(lock, call.caller.principal, numbers, ids) for lock in page],
        _next(call, query) if len(found) > query.skip + query.top else None,
    )


def _is_asked(lock: Lock, query: ListQuery, below: str, now: float) -> bool:
    return (
        (not query.holder or lock.principal == query.holder)
        and (below in (paths.ROOT, lock.root) or paths.is_below(lock.root, below))
        and query.door in ("", lock.door)
        and query.kind in ("", lock.kind.value)
        and now - lock.since >= query.min_age
    )


def _next(call: Call, query: ListQuery) -> str:
    given = {"holder": query.holder, "path": query.path, "door": query.door, "kind": query.kind, "minAge": query.min_age}
    asked = {name: value for name, value in given.items() if value}
    return f"{call.base}{ROOT}/Lock?{urlencode({**asked, '$top': query.top, '$skip': query.skip + query.top})}"


def _one(call: Call) -> Lock:
    number = call.id("lockid")
    with call.library.reading() as rows:
        found = next((lock for lock in rows.locks() if lock.generation == number), None)
    if found is None:
        raise NotFound("There is no such lock; it was released, broken or ran out.")
    return found


def show(call: Call) -> Hold:
    """One lock or checkout."""
    return hold(_one(call), call.caller.principal, call.library.numbers())


def end(call: Call) -> None:
    """Ends anybody's lock or checkout, recorded with the reason; what was written in a checkout is rescued."""
    call.library.break_lock(_one(call).token, call.caller, call.query.reason)


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="GET",
        path="/Lock",
        does=standing,
        summary="All locks and checkouts that stand: who holds what since when until when",
        query=ListQuery,
        answers=HoldPage,
    ),
    Operation(method="GET", path="/Lock/{lockId}", does=show, summary="One lock or checkout", answers=Hold),
    Operation(
        method="DELETE",
        path="/Lock/{lockId}",
        does=end,
        summary="Break somebody's lock or undo his checkout, with a reason (administrators)",
        query=BreakQuery,
    ),
)
