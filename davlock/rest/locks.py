"""Check out, check in, undo: SuperOffice's Lock routes and the agent's operations, over the same functions (rest.md §7, §9, §10).

Refusals are answers here: Success is false, and Value says why if the client can show a message.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from davlock.errors import DavlockError, IsFolder, Locked, LockLost, NotCheckedOut, NotForCheckout, NotHolder
from davlock.model import Document, Note
from davlock.paths import Address, name
from davlock.rest import holds, refusals, streams
from davlock.rest.calls import Call, checked_id
from davlock.rest.operations import Operation, Raw
from davlock.rest.types import CheckoutInfo, ExtraFields, Remark, ReturnInfo, ReturnType, Type
from davlock.uploads import Upload

FORCED = "Undone by an administrator, through the REST interface"
_EXPECTED = (Locked, NotHolder, NotCheckedOut, LockLost)


class Out(msgspec.Struct, rename="camel"):
    """allowedReturnTypes: what the client can act on, all of it if that is missing. comment: what the checkout is for."""

    allowed_return_types: list[str] = []
    comment: Remark = ""


class In(msgspec.Struct, rename="camel"):
    """versionDescription, versionExtraFields (name=value): what is said of the version. keepCheckedOut: check in and straight out again."""

    allowed_return_types: list[str] = []
    version_description: Remark = ""
    version_extra_fields: ExtraFields = []
    keep_checked_out: bool = False


class Undo(msgspec.Struct, rename="camel"):
    """reason: why somebody else's checkout is undone, by those who may."""

    allowed_return_types: list[str] = []
    reason: Remark = ""


class DocumentCall(Type):
    """An agent's call about one document."""

    document_id: int
    allowed_return_types: list[str] | None = None


class OutCall(DocumentCall, rename="pascal"):
    """CheckoutDocument. Comment is davlock's own."""

    comment: Remark | None = None


class InCall(DocumentCall, rename="pascal"):
    """CheckinDocument. KeepCheckedOut is davlock's own."""

    version_description: Remark | None = None
    version_extra_fields: ExtraFields | None = None
    keep_checked_out: bool | None = None


class UndoCall(DocumentCall, rename="pascal"):
    """UndoCheckoutDocument. Reason is davlock's own."""

    reason: Remark | None = None


def check_out(call: Call, id: int, allowed: Iterable[str], comment: str) -> ReturnInfo:
    """Checks the document with this id out; a second time it succeeds and changes nothing. Raises NotFound, BadRequest."""
    try:
        return _done(call.library.check_out(id, call.caller, comment).root)
    except (NotForCheckout, IsFolder):
        return nothing_done(call.document(id))
    except _EXPECTED as error:
        return refused(call, call.document(id), error, allowed)


def check_in(call: Call, document: Document, allowed: Iterable[str], note: Note, keep: bool, content: Upload | None = None) -> ReturnInfo:
    """Publishes the caller's draft, or the content that is given, as a version. Raises BadRequest, StorageFull, and for content TooLarge,
    IncompleteBody.
    """
    if not call.library.policy.can_be_checked_out(_path(document), document):
        return nothing_done(document)
    try:
        path = _path(document)
        done = call.library.check_in(Address(path, name(path)), call.caller, note, keep, content)
    except _EXPECTED as error:
        return refused(call, document, error, allowed)
    return _done(path, str(done.version))


def undo(call: Call, id: int, allowed: Iterable[str], reason: str) -> ReturnInfo:
    """Ends a checkout without publishing; somebody else's for those who may. The draft is rescued. Raises NotFound, BadRequest."""
    try:
        return _done(call.library.undo(id, call.caller, reason or None, forced=FORCED).root)
    except _EXPECTED as error:
        document = call.document(id)
        is_held = call.library.policy.can_be_checked_out(_path(document), document)
        return refused(call, document, error, allowed) if is_held else nothing_done(document)


def nothing_done(document: Document) -> ReturnInfo:
    """Of a document that is not checked out, by configuration or as it was made (rest.md §15.2)."""
    return ReturnInfo(external_reference=reference(document))


def refused(call: Call, document: Document, error: DavlockError, allowed: Iterable[str]) -> ReturnInfo:
    """A refusal, told in what the client can act on (rest.md §9, §15.11)."""
    told = ReturnInfo(external_reference=reference(document))
    types = {each.lower() for each in allowed}
    if not types or "message" in types:
        told.type, told.value = ReturnType.MESSAGE, refusals.sentence(error, call.caller.principal, call.library)
    return told


def reference(document: Document) -> str:
    """What the archive knows a document by (ExternalReference)."""
    return _path(document)


def _done(path: str, version: str = "") -> ReturnInfo:
    return ReturnInfo(external_reference=path, version_id=version, success=True)


def _path(document: Document) -> str:
    assert document.path, "a call is about documents that are there"
    return document.path


def _asked(call: Call) -> Document:
    """The document that an agent's call is about."""
    return call.document(_number(call))


def _number(call: Call) -> int:
    return checked_id(call.body.document_id)


def note(description: str | None, extra: Iterable[str] | None) -> Note:
    """What is said of a version."""
    return Note(description or "", tuple(extra or ()))


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="GET",
        path="/Document/{documentId}/Lock",
        does=lambda call: holds.state(call, call.document(), call.query.explain),
        summary="Who holds a document, as the caller sees it",
        query=holds.StateQuery,
        answers=CheckoutInfo,
    ),
    Operation(
        method="POST",
        path="/Document/{documentId}/Lock",
        does=lambda call: check_out(call, call.id(), call.query.allowed_return_types, call.query.comment),
        summary="Check a document out",
        query=Out,
        answers=ReturnInfo,
    ),
    Operation(
        method="PUT",
        path="/Document/{documentId}/Lock",
        does=lambda call: check_in(
            call,
            call.document(),
            call.query.allowed_return_types,
            note(call.query.version_description, call.query.version_extra_fields),
            call.query.keep_checked_out,
        ),
        summary="Check a document in: what was saved becomes its newest version",
        query=In,
        answers=ReturnInfo,
    ),
    Operation(
        method="PUT",
        path="/Document/{documentId}/Lock/Content",
        does=lambda call: check_in(
            call,
            call.document(),
            call.query.allowed_return_types,
            note(call.query.version_description, call.query.version_extra_fields),
            call.query.keep_checked_out,
            streams.uploaded(call),
        ),
        summary="Check content in: it becomes the newest version, in one call",
        query=In,
        body=Raw,
        answers=ReturnInfo,
    ),
    Operation(
        method="DELETE",
        path="/Document/{documentId}/Lock",
        does=lambda call: undo(call, call.id(), call.query.allowed_return_types, call.query.reason),
        summary="Undo a checkout: what was saved is put aside, where its writer can get it back",
        query=Undo,
        answers=ReturnInfo,
    ),
    Operation(
        method="POST",
        path="/Agents/Document/GetCheckoutState",
        does=lambda call: holds.state(call, _asked(call)),
        summary="Who holds a document, as the caller sees it",
        body=DocumentCall,
        answers=CheckoutInfo,
    ),
    Operation(
        method="POST",
        path="/Agents/Document/CheckoutDocument",
        does=lambda call: check_out(call, _number(call), call.body.allowed_return_types or (), call.body.comment or ""),
        summary="Check a document out",
        body=OutCall,
        answers=ReturnInfo,
    ),
    Operation(
        method="POST",
        path="/Agents/Document/CheckinDocument",
        does=lambda call: check_in(
            call,
            _asked(call),
            call.body.allowed_return_types or (),
            note(call.body.version_description, call.body.version_extra_fields),
            bool(call.body.keep_checked_out),
        ),
        summary="Check a document in: what was saved becomes its newest version",
        body=InCall,
        answers=ReturnInfo,
    ),
    Operation(
        method="POST",
        path="/Agents/Document/UndoCheckoutDocument",
        does=lambda call: undo(call, _number(call), call.body.allowed_return_types or (), call.body.reason or ""),
        summary="Undo a checkout: what was saved is put aside, where its writer can get it back",
        body=UndoCall,
        answers=ReturnInfo,
    ),
)
