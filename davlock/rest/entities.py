"""Documents as entities: made, read, changed, renamed, deleted (rest.md §7, §8, §10)."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from davlock import paths, preconditions
from davlock.errors import BadRequest, Exists, NotFound, Unavailable
from davlock.model import Semantics, next_stamp
from davlock.preconditions import Conditional, Outcome
from davlock.rest import codec, fields, names, patching, places, records, validation
from davlock.rest.calls import Call, NotModified, checked_id
from davlock.rest.operations import Operation
from davlock.rest.presentation import EMPTY
from davlock.rest.records import Changed, Record
from davlock.rest.refusals import Refused
from davlock.rest.types import (
    DocumentEntity,
    DocumentEntityInput,
    DocumentEntityWithLinks,
    FileName,
    LockSemantics,
    Page,
    SlimDocument,
    TableRight,
    Type,
)

MAX_LIST = 1000  # documents in one answer
_ATTEMPTS = 100  # a document that others change, each time between the look at it and the decision; or a name that they take
_RESTLESS = "Others keep changing what this is about; nothing was changed. Try again."

Edit = Callable[[DocumentEntity], DocumentEntityInput]


class WhichEntity(msgspec.Struct, rename="camel"):
    """The document that an agent's call is about."""

    document_entity_id: int = 0


class WhichDocument(msgspec.Struct, rename="camel"):
    """The document that an agent's call is about."""

    document_id: int = 0


class NewName(Type):
    """RenameDocument."""

    document_id: int
    new_filename: FileName | None = None


class ToValidate(Type):
    """ValidateDocumentEntity."""

    document_entity: dict[str, Any] | None = None


def default(call: Call) -> DocumentEntity:
    """What a new document is if nothing is said of it."""
    folder = call.settings.new_documents
    return DocumentEntity(
        **fields.shown({}, call.present) | {"date": call.present.moment(time.time())},
        created_date=EMPTY,
        updated_date=EMPTY,
        associate=records.associate(call.caller.principal, call.library.numbers()),
        lock_semantics=LockSemantics(call.library.policy.semantics(paths.join(folder, names.UNNAMED)).value),
        table_right=TableRight(),
        field_properties=fields.FIELD_PROPERTIES,
        path=folder,
    )


def get(call: Call) -> DocumentEntityWithLinks | NotModified:
    """A document, unless the client has it as it is."""
    record = records.read(call)
    call.answer_headers |= record.validators
    if records.judge(record, preconditions.from_environ(call.request.env), "GET") is Outcome.NOT_MODIFIED:
        return NotModified()
    return record.linked(call)


def create(call: Call, wanted: DocumentEntityInput) -> Record:
    """A new document, checked out to its maker unless documents of its kind are not (rest.md §15.5).

    Its name is amended if need be; without one it is called like its title. Raises ParentMissing, Locked, Forbidden, BadRequest, TooLarge.
    """
    folder, named = places.place(call, wanted.path or call.settings.new_documents)
    title = (wanted.header or "").replace("/", " ").replace("\\", " ")
    name = next(filter(None, (names.amended(each or "", folder) for each in (wanted.name, named, title))), names.UNNAMED)
    semantics = Semantics(wanted.lock_semantics.value) if wanted.lock_semantics else Semantics.VERSIONING
    changes = fields.changes(wanted, fields.shown({}, call.present) | {"header": name}, {}, call.present)
    for address in places.free(call, folder, name):
        with suppress(Exists):
            _, checkout = call.library.create(address, call.caller, semantics, properties=changes)
            id = checkout.document if checkout else None
            return records.read(call, call.library.catalogue.identify(address.path).id if id is None else id)
    raise Unavailable(_RESTLESS)


def save(call: Call, id: int, edit: Edit, conditional: Conditional | None = None) -> Record:
    """Changes the fields of a document, its name, and its folder, all of it or nothing. edit: what it shall be, from what it is shown as.

    Raises NotFound, Locked, PreconditionFailed, Refused, BadRequest, ParentMissing.
    """
    for _ in range(_ATTEMPTS):
        now = records.read(call, id)
        try:
            wanted = edit(now.entity(call.present))
        except Refused:  # because of what the document is like: then its conditions come first
            records.judge(now, conditional, call.request.method)
            raise
        if wanted.document_id and wanted.document_id != id:
            raise Refused(409, "ArgumentException", f"What is to be saved is document {wanted.document_id}, not {id}.")
        with suppress(Changed):
            _store(call, now, wanted, conditional)
            return records.read(call, id)
    raise Unavailable(_RESTLESS)


def replace(call: Call, id: int, wanted: DocumentEntityInput, conditional: Conditional | None = None) -> Record:
    """Makes a document what is wanted, whatever it was; it keeps its name if none is given. Raises what save() raises."""
    return save(call, id, lambda _: wanted, conditional)


def patch(call: Call) -> DocumentEntityWithLinks:
    """Changes what a patch says, and nothing else."""

    def edit(now: DocumentEntity) -> DocumentEntityInput:
        made = patching.patched(msgspec.to_builtins(now), call.body)
        # In a patch that is XML, numbers are text.
        wanted: DocumentEntityInput = codec.convert(made, DocumentEntityInput, strict=False)
        return wanted

    return _answered(call, save(call, call.id(), edit, preconditions.from_environ(call.request.env)))


def rename(call: Call, id: int, name: str) -> str:
    """Another file name for a document, amended if need be; returns it. A blank one: it is not renamed, and blank is returned."""
    names.amended(name, paths.ROOT)  # a path is refused whether there is a document or not
    id = checked_id(id)
    if not name.strip():
        records.read(call, id)
        return ""

    def edit(now: DocumentEntity) -> DocumentEntityInput:
        same: DocumentEntityInput = codec.convert(msgspec.to_builtins(now), DocumentEntityInput)
        return msgspec.structs.replace(same, name=name)

    return paths.name(save(call, id, edit).path)


def delete(call: Call, id: int, conditional: Conditional | None = None) -> None:
    """Deletes a document. What its holder has not checked in is rescued. Raises NotFound, Locked, PreconditionFailed."""
    for _ in range(_ATTEMPTS):
        now = records.read(call, id)
        with suppress(Changed):
            unchanged = records.unchanged(call, now, conditional, call.request.method)
            return call.library.delete(now.path, call.caller, unchanged, for_good=True)
    raise Unavailable(_RESTLESS)


def some(call: Call, ids: list[int]) -> list[SlimDocument]:
    """Documents in a few words; those that are not there are left out. Raises BadRequest for too many of them."""
    if len(ids) > MAX_LIST:
        raise BadRequest(f"{len(ids)} documents are asked for; at most {MAX_LIST} are possible at once.")
    found = []
    for id in ids:
        with suppress(NotFound):
            found.append(records.read(call, checked_id(id)).slim(call.present))
    return found


def _store(call: Call, now: Record, wanted: DocumentEntityInput, conditional: Conditional | None) -> None:
    """Raises Changed if the document is no longer what it is said to be now."""
    changes = fields.changes(wanted, now.values(call.present), now.properties, call.present)
    folder, name = places.destination(call, now.path, wanted)
    # Only now: a request that makes no sense is told so whatever its conditions are (RFC 9110 §13.2.1).
    unchanged = records.unchanged(call, now, conditional, call.request.method)
    moves = paths.join(folder, paths.canonical_name(name)) != now.path
    if moves or changes:
        changes |= fields.stamped(next_stamp(now.now, now.updated[0]), call.caller.principal)
    if not moves:
        call.library.change_properties(now.path, changes, call.caller, unchanged)
        return None
    for address in places.free(call, folder, name):
        with suppress(Exists):
            return call.library.rename(now.path, address, call.caller, unchanged, changes)
    raise Unavailable(_RESTLESS)


def _answered(call: Call, record: Record) -> DocumentEntityWithLinks:
    call.answer_headers |= record.validators
    return record.linked(call)


def _saved(call: Call) -> DocumentEntity:
    """What SaveDocumentEntity does: a document without a number is a new one."""
    id = call.body.document_id
    record = replace(call, checked_id(id), call.body) if id else create(call, call.body)
    return record.entity(call.present)


def _none(call: Call) -> Page:
    """The links of a document: there are none, since there is nothing here but documents."""
    call.document()
    return Page(f"{call.base}{call.request.path}", None, [])


def _nothing_known(call: Call) -> dict[str, str]:
    call.document()
    return {}


def _no_such_field(call: Call) -> None:
    raise NotFound("There is no such field.")


def _conditional(call: Call) -> Conditional | None:
    return preconditions.from_environ(call.request.env)


_PATH = {"type": "string", "pattern": "^/?[^/]*(?:/[^/]*){0,7}$"}
_CHANGES = {"properties": {"op": {"enum": ["add", "replace", "test"]}, "path": _PATH, "value": {}}, "required": ["op", "path", "value"]}
_REMOVES = {"properties": {"op": {"const": "remove"}, "path": _PATH}, "required": ["op", "path"]}
Operations = Annotated[
    list[Annotated[dict[str, Any], Meta(extra_json_schema={"type": "object", "anyOf": [_CHANGES, _REMOVES]})]],
    Meta(max_length=patching.MAX_OPERATIONS),
]
Patch = dict[str, Any] | Operations
OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="GET",
        path="/Document/default",
        does=default,
        summary="What a new document is if nothing is said of it",
        answers=DocumentEntity,
        selects=True,
    ),
    Operation(
        method="POST",
        path="/Document",
        does=lambda call: _answered(call, create(call, call.body)),
        summary="Make a new, empty document",
        description="It is checked out to whoever makes it: what he saves and checks in is its first version. Its name is amended if it is "
        "illegal, or taken in its folder. Path (davlock's): the folder that it goes into, or its path.",
        body=DocumentEntityInput,
        answers=DocumentEntityWithLinks,
        selects=True,
        examples={"A report": {"Name": "report.docx", "Header": "Report", "LockSemantics": "Versioning"}},
    ),
    Operation(
        method="POST",
        path="/Document/Validate",
        does=lambda call: validation.problems(call, call.body),
        summary="What would be wrong with a document, by property",
        body=dict[str, Any],
        answers=dict[str, str],
    ),
    Operation(
        method="GET",
        path="/Document/{documentId}",
        is_conditional=True,
        does=get,
        summary="A document",
        description="If-None-Match and If-Modified-Since: 304 as long as it is the same.",
        answers=DocumentEntityWithLinks,
        selects=True,
    ),
    Operation(
        method="PUT",
        path="/Document/{documentId}",
        is_conditional=True,
        does=lambda call: _answered(call, replace(call, call.id(), call.body, _conditional(call))),
        summary="Replace all that is said of a document; with another Name, rename it",
        description="If-Match and If-Unmodified-Since: 412 if it is no longer the same. LockSemantics stays what it was made with.",
        body=DocumentEntityInput,
        answers=DocumentEntityWithLinks,
        selects=True,
    ),
    Operation(
        method="PATCH",
        path="/Document/{documentId}",
        is_conditional=True,
        does=patch,
        summary="Change some of what is said of a document",
        description="A list is a JSON patch (add, replace, remove, test; 409 if a test does not hold, or there is nothing at a path), an "
        "object a merge patch, whatever Content-Type says. All of it is done or nothing.",
        body=Patch,
        answers=DocumentEntityWithLinks,
        selects=True,
        examples={
            "JSON patch": [{"op": "test", "path": "/Header", "value": "Report"}, {"op": "replace", "path": "/Header", "value": "Plan"}],
            "Merge patch": {"Header": "Plan", "ExtraFields": {"x": None}},
        },
    ),
    Operation(
        method="DELETE",
        path="/Document/{documentId}",
        is_conditional=True,
        does=lambda call: delete(call, call.id(), _conditional(call)),
        summary="Delete a document; what its holder has not checked in is put aside, where he can get it back",
    ),
    Operation(method="GET", path="/Document/{documentId}/Links", does=_none, summary="What is linked to a document: nothing", answers=Page),
    Operation(
        method="GET",
        path="/Document/{documentId}/ForeignKey",
        does=_nothing_known,
        summary="The keys of a document in other systems: none",
        answers=dict[str, str],
    ),
    *(
        Operation(method="GET", path=path, does=lambda _: [], summary="User-defined fields: none", answers=list[dict[str, Any]])
        for path in ("/Document/CustomField", "/Document/UdefLayout", "/Document/UdefLayout/Published")
    ),
    Operation(
        method="GET",
        path="/Document/CustomField/{fieldName}",
        does=_no_such_field,
        summary="A user-defined field: there is none",
        answers=dict[str, Any],
    ),
    Operation(
        method="POST",
        path="/Agents/Document/CreateDefaultDocumentEntity",
        does=default,
        summary="What a new document is if nothing is said of it",
        answers=DocumentEntity,
        selects=True,
    ),
    Operation(
        method="POST",
        path="/Agents/Document/GetDocumentEntity",
        does=lambda call: records.read(call, checked_id(call.query.document_entity_id)).entity(call.present),
        summary="A document",
        query=WhichEntity,
        answers=DocumentEntity,
        selects=True,
    ),
    Operation(
        method="POST",
        path="/Agents/Document/GetDocument",
        does=lambda call: records.read(call, checked_id(call.query.document_id)).slim(call.present),
        summary="A document in a few words",
        query=WhichDocument,
        answers=SlimDocument,
        selects=True,
    ),
    Operation(
        method="POST",
        path="/Agents/Document/GetDocumentList",
        does=lambda call: some(call, call.body),
        summary=f"Documents in a few words, at most {MAX_LIST}; those that are not there are left out",
        body=list[int],
        answers=list[SlimDocument],
        selects=True,
    ),
    Operation(
        method="POST",
        path="/Agents/Document/SaveDocumentEntity",
        does=_saved,
        summary="Make a document, or change the one with this number",
        body=DocumentEntityInput,
        answers=DocumentEntity,
        selects=True,
    ),
    Operation(
        method="POST",
        path="/Agents/Document/DeleteDocumentEntity",
        does=lambda call: delete(call, checked_id(call.query.document_entity_id)),
        summary="Delete a document; what its holder has not checked in is put aside, where he can get it back",
        query=WhichEntity,
    ),
    Operation(
        method="POST",
        path="/Agents/Document/ValidateDocumentEntity",
        does=lambda call: validation.problems(call, call.body.document_entity or {}),
        summary="What would be wrong with a document, by property",
        body=ToValidate,
        answers=dict[str, str],
    ),
    Operation(
        method="POST",
        path="/Agents/Document/RenameDocument",
        does=lambda call: rename(call, call.body.document_id, call.body.new_filename or ""),
        summary="Another file name for a document; the answer is what it is called now, blank if it is not renamed",
        body=NewName,
        answers=str,
    ),
)
