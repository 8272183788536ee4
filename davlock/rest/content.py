"""The content of documents: read, saved, deleted (rest.md §7, §9, §10, §15), in both flavours over the same functions."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from davlock import paths, preconditions, rules
from davlock.conditions import Conditions, View
from davlock.errors import Exists, Locked, LockLost, NoSuchVersion, NotFound, PreconditionFailed
from davlock.model import Document, Entry
from davlock.paths import Address
from davlock.rest import locks, records, streams
from davlock.rest.calls import Call, Content, checked_id
from davlock.rest.locks import DocumentCall
from davlock.rest.operations import Operation, Raw
from davlock.rest.refusals import Refused
from davlock.rest.streams import Base64
from davlock.rest.types import DocumentEntity, ReturnInfo, Type
from davlock.uploads import Upload

_VERSION = re.compile(r"[1-9][0-9]{0,9}")
_NO_TEMPLATES = "There are no templates here; a new document is empty. Save its content with PUT …/Document/{id}/Content."
_AS_CLIENTS_ACCEPT = (
    "As bytes, with the media type that its name means, or, if the client would rather have JSON, as a string of Base64. Whoever has "
    "checked it out gets his draft."
)


class Which(msgspec.Struct, rename="camel"):
    """versionId (davlock's own here): of a version that was checked in or saved; blank for what the caller sees now."""

    version_id: str = ""


class Deletion(msgspec.Struct, rename="camel"):
    """allowedReturnType: what the client can act on, all of it if that is missing."""

    allowed_return_type: list[str] = []


class Template(msgspec.Struct, rename="camel"):
    """What the tags of a template would be replaced from."""

    contact_id: int = 0
    person_id: int = 0
    appointment_id: int = 0
    sale_id: int = 0
    selection_id: int = 0
    project_id: int = 0
    ui_culture: str = ""


class Named(Type):
    """A document entity of which only the number counts."""

    document_id: int = 0


class StreamCall(Type):
    """GetDocumentStream. VersionId is davlock's own."""

    document_id: int
    version_id: str | None = None


class EntityCall(Type):
    """GetDocumentStreamFromEntity, CreateDocumentStream."""

    document_entity: Named
    overwrite_existing_data: bool | None = None


class SaveCall(Type):
    """SetDocumentStreamFromId."""

    document_id: int
    stream: Base64


class SaveEntityCall(Type):
    """SetDocumentStream. OverwriteExistingData: whether there has to be content already; otherwise there must be none."""

    document_entity: Named
    stream: Base64
    overwrite_existing_data: bool | None = None


class DeletionCall(Type):
    """DeletePhysicalDocument."""

    document_id: int
    allowed_return_type: list[str] | None = None


class VersionCall(Type):
    """GetDocumentLength."""

    document_id: int
    version_id: str | None = None


def content(call: Call, id: int, version_id: str = "") -> Content:
    """What a document is to the caller, or was in a version. Raises NotFound, also if its content was deleted."""
    if version_id:
        return _version(call, call.document(id), version_id)
    _, entry, fd = call.library.catalogue.open_known(id, call.caller.principal)
    return Content(fd, entry.size, entry.name, entry.etag, entry.modified)


def agent_content(call: Call, find: Callable[[], Content]) -> Content:
    """The same for an agent: where nothing but bytes would do, there is no `null` for what is not there, it would be taken for content."""
    try:
        return find()
    except NotFound as error:
        if streams.wants_bytes(call.request.env.get("HTTP_ACCEPT", "")):
            raise Refused(404, "SoNotFoundException", error.message) from error
        raise


def length(call: Call, id: int, version_id: str = "") -> int:
    """Bytes of that content."""
    found = content(call, id, version_id)
    os.close(found.fd)
    return found.size


def save(call: Call, id: int, upload: Upload, must_exist: bool | None = None) -> DocumentEntity:
    """Content becomes the caller's draft if he has the document checked out; else it is published at once, as one version.

    must_exist: whether there has to be, or must not be, content that it replaces. Raises NotFound, Locked, LockLost, PreconditionFailed,
    Exists, and what reading the upload raises: then nothing is stored.
    """
    document = call.document(id)
    path = _path(document)
    written = call.library.write(
        Address(path, paths.name(path)), upload.source, upload.length, call.caller, _conditions(call, document, must_exist)
    )
    call.answer_headers |= {"ETag": written.entry.etag}
    return records.read(call, id).entity(call.present)


def delete(call: Call, id: int, allowed: Iterable[str]) -> ReturnInfo:
    """Takes the content away; the document, its number and its earlier versions stay. Refused while anybody has it checked out (§15.6)."""
    document = call.document(id)
    try:
        call.library.delete_content(_path(document), call.caller, _conditions(call, document))
    except (Locked, LockLost) as error:
        return locks.refused(call, document, error, allowed)
    return ReturnInfo(external_reference=locks.reference(document), success=True)


def verify(call: Call, id: int) -> None:
    """Whether the content can be had: an agent that got `null` would not see that it cannot. Raises Refused (404)."""
    try:
        os.close(content(call, id).fd)
    except NotFound as error:
        raise Refused(404, "SoNotFoundException", error.message) from error


def make(call: Call, id: int) -> Any:
    """Content from a template: there is none. Raises NotFound, Refused (409)."""
    call.document(id)
    raise Refused(409, "InvalidOperationException", _NO_TEMPLATES)


def _version(call: Call, document: Document, version_id: str) -> Content:
    if not _VERSION.fullmatch(version_id):
        raise NoSuchVersion("There is no such version of this document.")
    number = int(version_id)
    is_newest = number == document.version
    if is_newest and (not document.has_content or rules.is_under_work(document, call.library.checkout(_path(document)))):
        raise NoSuchVersion(f"There is no version {number} of this document.")
    version, fd = call.library.archive.open_version(document, number)
    entry = version.entry(_path(document), paths.name(_path(document)))
    return Content(fd, entry.size, entry.name, entry.etag, entry.modified)


def _conditions(call: Call, document: Document, must_exist: bool | None = None) -> Conditions:
    """That it is still this document, and what the client has made a condition, judged when it is decided."""
    path = _path(document)

    def judge(view: View) -> None:
        entry, known = view.entry(path), view.rows.document(path)
        if entry is None or known is None or known.id != document.id:
            raise Refused(
                409, "SoConcurrencyException", "The document was just moved or deleted by somebody else; nothing was changed. Try again."
            )
        _check_headers(call, None if _has_none(known, entry) else entry)
        if must_exist and _has_none(known, entry):
            raise Refused(409, "InvalidOperationException", "There is no content that could be overwritten: it was deleted.")
        if must_exist is False and entry.size:
            raise Exists("There is content already; say that it is to be overwritten.")

    return judge


def _check_headers(call: Call, entry: Entry | None) -> None:
    """Raises PreconditionFailed, BadRequest."""
    conditional = preconditions.from_environ(call.request.env)
    if conditional is None:
        return
    etag, modified = (entry.etag, entry.modified) if entry else (None, None)
    outcome = preconditions.check(call.request.method, conditional, etag, modified, int(time.time()))
    if outcome is not preconditions.Outcome.PROCEED:
        raise PreconditionFailed("The content is not, or is no longer, the one that your request is about; nothing was changed.")


def _has_none(document: Document, entry: Entry) -> bool:
    """Whether what the caller sees is the place of content that was deleted."""
    return not document.has_content and document.stamp == entry.stamp


def _path(document: Document) -> str:
    assert document.path is not None  # known() gives no other
    return document.path


def _save_text(call: Call, id: int, stream: str, overwrite: bool | None = None) -> DocumentEntity:
    """Raises BadRequest before it looks for the document, and what save() raises."""
    upload = Upload(*streams.decoded(stream))
    return save(call, checked_id(id), upload, overwrite)


def _agent(
    operation: str, does: Callable[[Call], Any], summary: str, body: type[Type], answers: Any = None, is_large: bool = False
) -> Operation:
    path = f"/Agents/Document/{operation}"
    return Operation(method="POST", path=path, does=does, summary=summary, body=body, answers=answers, carries_content=is_large)


def _reading(route: str, summary: str, description: str) -> Operation:
    return Operation(
        method="GET",
        path=f"/Document/{{documentId}}/{route}",
        does=lambda call: content(call, call.id(), call.query.version_id),
        summary=summary,
        description=description,
        query=Which,
        answers=Raw,
        is_conditional=True,
    )


def _streaming(operation: str, summary: str, body: type[Type], which: Callable[[Any], tuple[int, str]]) -> Operation:
    def does(call: Call) -> Content:
        id, version_id = which(call.body)
        return agent_content(call, lambda: content(call, checked_id(id), version_id))

    return _agent(operation, does, summary, body, Raw)


OPERATIONS: tuple[Operation, ...] = (
    _reading(
        "Content",
        "The content of a document",
        f"{_AS_CLIENTS_ACCEPT} 404 after it was deleted. If-None-Match, If-Modified-Since, If-Match and Range count.",
    ),
    _reading("SanitizedContent", "The same: there is nothing here that would be cleaned", _AS_CLIENTS_ACCEPT),
    Operation(
        method="PUT",
        path="/Document/{documentId}/Content",
        does=lambda call: save(call, call.id(), streams.uploaded(call)),
        summary="Save the content of a document",
        description="A draft, while the caller has it checked out; else it is published at once, as a version. JSON is a string of Base64; "
        "of multipart/form-data its only file is stored; everything else as it is. If-Match: 412 if it is no longer the same.",
        body=Raw,
        answers=DocumentEntity,
        selects=True,
        is_conditional=True,
    ),
    Operation(
        method="POST",
        path="/Document/{documentId}/Content",
        does=lambda call: make(call, call.id()),
        summary="Make content from a template: there are none here",
        query=Template,
        body=dict[str, Any],
        is_optional=True,
        answers=DocumentEntity,
    ),
    Operation(
        method="DELETE",
        path="/Document/{documentId}/Content",
        does=lambda call: delete(call, call.id(), call.query.allowed_return_type),
        summary="Delete the content of a document, not the document",
        description="Success is false while anybody has it checked out. Its earlier versions stay; folders show an empty file.",
        query=Deletion,
        answers=ReturnInfo,
        is_conditional=True,
    ),
    Operation(
        method="GET",
        path="/Document/{documentId}/Length",
        does=lambda call: length(call, call.id(), call.query.version_id),
        summary="Bytes in the content of a document",
        query=Which,
        answers=int,
    ),
    _streaming("GetDocumentStream", "The content of a document", StreamCall, lambda body: (body.document_id, body.version_id or "")),
    _streaming("GetSanitizedDocumentStream", "The same", StreamCall, lambda body: (body.document_id, body.version_id or "")),
    _streaming("GetDocumentStreamFromEntity", "The content of a document", EntityCall, lambda body: (body.document_entity.document_id, "")),
    _agent(
        "SetDocumentStreamFromId",
        lambda call: _save_text(call, call.body.document_id, call.body.stream),
        "Save the content of a document",
        SaveCall,
        DocumentEntity,
        is_large=True,
    ),
    _agent(
        "SetDocumentStream",
        lambda call: _save_text(call, call.body.document_entity.document_id, call.body.stream, bool(call.body.overwrite_existing_data)),
        "Save the content of a document where there is some, or where there is none",
        SaveEntityCall,
        DocumentEntity,
        is_large=True,
    ),
    _agent(
        "CreateDocumentStream",
        lambda call: make(call, checked_id(call.body.document_entity.document_id)),
        "Make content from a template: there are none here",
        EntityCall,
        Raw,
    ),
    _agent(
        "VerifyGetDocumentStream",
        lambda call: verify(call, checked_id(call.body.document_id)),
        "Whether the content of a document can be had: 204 if so, 404 if not",
        DocumentCall,
    ),
    _agent(
        "DeletePhysicalDocument",
        lambda call: delete(call, checked_id(call.body.document_id), call.body.allowed_return_type or ()),
        "Delete the content of a document, not the document",
        DeletionCall,
        ReturnInfo,
    ),
    _agent(
        "GetDocumentLength",
        lambda call: length(call, checked_id(call.body.document_id), call.body.version_id or ""),
        "Bytes in the content of a document",
        VersionCall,
        int,
    ),
)
