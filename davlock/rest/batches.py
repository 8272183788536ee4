"""Several documents checked out, in or undone in one call, each for itself, with a result for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from msgspec import Meta

from davlock.errors import DavlockError
from davlock.rest import locks, refusals
from davlock.rest.calls import Call, checked_id
from davlock.rest.operations import Operation
from davlock.rest.types import BatchItem, ExtraFields, Remark, ReturnInfo, Type

MOST = 1000

Numbers = Annotated[list[int], Meta(max_length=MOST)]


class OutBatch(Type):
    """Documents to be checked out. Comment: what for."""

    document_ids: Numbers
    allowed_return_types: list[str] | None = None
    comment: Remark | None = None


class InBatch(Type):
    """Documents to be checked in. VersionDescription, VersionExtraFields (name=value): what is said of all of their versions."""

    document_ids: Numbers
    allowed_return_types: list[str] | None = None
    version_description: Remark | None = None
    version_extra_fields: ExtraFields | None = None
    keep_checked_out: bool | None = None


class UndoBatch(Type):
    """Checkouts to be undone. Reason: why those of others are, by those who may."""

    document_ids: Numbers
    allowed_return_types: list[str] | None = None
    reason: Remark | None = None


def _check_out(call: Call) -> list[BatchItem]:
    body: OutBatch = call.body
    return _each(call, lambda id: locks.check_out(call, id, body.allowed_return_types or (), body.comment or ""))


def _check_in(call: Call) -> list[BatchItem]:
    body: InBatch = call.body
    note = locks.note(body.version_description, body.version_extra_fields)
    keep = bool(body.keep_checked_out)
    return _each(call, lambda id: locks.check_in(call, call.document(id), body.allowed_return_types or (), note, keep))


def _undo(call: Call) -> list[BatchItem]:
    body: UndoBatch = call.body
    return _each(call, lambda id: locks.undo(call, id, body.allowed_return_types or (), body.reason or ""))


def _each(call: Call, does: Callable[[int], ReturnInfo]) -> list[BatchItem]:
    """What became of each document, in the order asked; one that is refused does not stop the others."""
    done = []
    for id in dict.fromkeys(call.body.document_ids):
        try:
            done.append(BatchItem(id, does(checked_id(id)), None))
        except DavlockError as error:
            done.append(BatchItem(id, None, refusals.refusal(error, call.caller.principal, call.library)))
    return done


OPERATIONS: tuple[Operation, ...] = tuple(
    Operation(method="POST", path=path, does=does, summary=summary, body=body, answers=list[BatchItem])
    for name, agent, does, body, summary in (
        ("CheckOut", "CheckoutDocuments", _check_out, OutBatch, "Check several documents out"),
        ("CheckIn", "CheckinDocuments", _check_in, InBatch, "Check several documents in"),
        ("Undo", "UndoCheckoutDocuments", _undo, UndoBatch, "Undo several checkouts"),
    )
    for path in (f"/Lock/{name}", f"/Agents/Document/{agent}")
)
