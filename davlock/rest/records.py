"""A document as an entity: what is known of it when somebody asks, or when somebody decides, and its validators.

The entity is the same for everybody, the holder of a checkout included: his draft is content, and an entity has none in it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from davlock import paths, preconditions
from davlock.conditions import Conditions, View
from davlock.dates import http_date
from davlock.errors import NotFound, PreconditionFailed
from davlock.model import Document
from davlock.preconditions import Conditional, Outcome
from davlock.rest import codec, fields
from davlock.rest.calls import Call
from davlock.rest.locks import reference
from davlock.rest.operations import ROOT
from davlock.rest.presentation import Presentation
from davlock.rest.types import (
    Associate,
    AssociateType,
    DocumentEntity,
    DocumentEntityWithLinks,
    Links,
    LockSemantics,
    SlimDocument,
    TableRight,
)

_GONE = "There is no document with this number; it may have been deleted."


class Changed(Exception):
    """The document is no longer as it was read."""


@dataclass(frozen=True)
class Record:
    """What is known of a document at one moment.

    created, changed: of its file, in Unix time. maker: who made its first version; empty if nobody knows. properties: those of fields.py.
    numbers: of all principals. now: the state's clock, Unix time.
    """

    document: Document
    path: str
    semantics: LockSemantics
    created: float
    changed: int
    maker: str
    properties: Mapping[str, str]
    numbers: Mapping[str, int]
    now: float

    @cached_property
    def updated(self) -> tuple[int, str]:
        """When (Unix time), and by whom, the file or a field was changed last. Two changes never have the same second, but for those of
        the file and of a field; in a burst of them it is a few seconds ahead.
        """
        content = (self.changed, self.document.changed_by)
        return max(content, fields.stamp(self.properties) or content, key=lambda each: each[0])

    @cached_property
    def etag(self) -> str:
        """Strong entity tag of the entity, quotes included. That of its content is another one: it does not change with the fields."""
        shown = codec.encode_json(self.entity(Presentation()))
        return f'"{hashlib.sha256(b"%d %s" % (self.document.change, shown)).hexdigest()[:32]}"'

    @property
    def validators(self) -> dict[str, str]:
        """The headers that a client can make conditions of."""
        return {"ETag": self.etag, "Last-Modified": http_date(self.updated[0])}

    def values(self, present: Presentation) -> dict[str, Any]:
        """The fields as they are shown. Until somebody says otherwise, a document has its name for a title, and the day it was made."""
        found = fields.shown(self.properties, present)
        return {
            **found,
            "header": found["header"] or paths.name(self.path),
            "date": present.moment(self.created) if fields.DATE not in self.properties else found["date"],
        }

    def entity(self, present: Presentation) -> DocumentEntity:
        """What a client is told."""
        return DocumentEntity(**self._told(present))

    def linked(self, call: Call) -> DocumentEntityWithLinks:
        """The same, with links."""
        archive = f"{call.base}{ROOT}/Document"
        return DocumentEntityWithLinks(**self._told(call.present), links_=Links(f"{archive}/{self.document.id}", archive))

    def slim(self, present: Presentation) -> SlimDocument:
        """The same in a few words."""
        told = self._told(present)
        few = ("attention", "header", "name", "our_ref", "your_ref", "description", "is_published", "snum")
        owner = self._associate(self.maker)
        return SlimDocument(
            document_id=self.document.id,
            associate_id=owner.associate_id,
            associate_full_name=owner.full_name,
            **{each: told[each] for each in few},
        )

    def _told(self, present: Presentation) -> dict[str, Any]:
        second, by = self.updated
        return {
            **self.values(present),
            "document_id": self.document.id,
            "updated_by": self._associate(by),
            "created_by": self._associate(self.maker),
            "associate": self._associate(self.maker),
            "name": paths.name(self.path),
            "created_date": present.in_utc().moment(self.created),
            "updated_date": present.in_utc().moment(second),
            "external_ref": reference(self.document),
            "lock_semantics": self.semantics,
            "table_right": TableRight(),
            "field_properties": fields.FIELD_PROPERTIES,
            "path": self.path,
        }

    def _associate(self, principal: str) -> Associate:
        return associate(principal, self.numbers)


def associate(principal: str, numbers: Mapping[str, int]) -> Associate:
    """A user. numbers: of all principals."""
    number = numbers.get(principal, 0)
    return Associate(
        associate_id=number,
        name=principal,
        tooltip=principal,
        type=AssociateType.INTERNAL if number else AssociateType.UNKNOWN,
        full_name=principal,
        formal_name=principal,
        user_name=principal,
    )


def read(call: Call, id: int | None = None) -> Record:
    """What is known of the document with this id; that of the path, if none is given. Raises NotFound."""
    document = call.document(id)
    found: list[Record] = []
    call.library.check_conditions(lambda view: found.append(_record(call, view, document.id)), call.caller)
    return found[0]


def judge(record: Record, conditional: Conditional | None, method: str) -> Outcome:
    """What the preconditions of a request say about an entity. Raises PreconditionFailed, BadRequest."""
    if conditional is None:
        return Outcome.PROCEED
    outcome = preconditions.check(method, conditional, record.etag, record.updated[0], int(time.time()))
    if outcome is Outcome.FAILED:
        raise PreconditionFailed("Somebody has changed the document since you read it; nothing was changed. Read it again.")
    return outcome


def unchanged(call: Call, record: Record, conditional: Conditional | None, method: str) -> Conditions:
    """That the document is still as it was read, judged in the decision. It raises Changed, and what judge() raises."""

    def check(view: View) -> None:
        now = _record(call, view, record.document.id)
        judge(now, conditional, method)
        if now.path != record.path or now.etag != record.etag:
            raise Changed

    return check


def _record(call: Call, view: View, id: int) -> Record:
    """Raises NotFound."""
    rows = view.rows
    document = rows.document_with(id)
    entry = view.drafts.tree.look(document.path) if document and document.path else None
    if document is None or document.path is None or entry is None or entry.is_folder:
        raise NotFound(_GONE)
    first = document if document.version <= 1 else rows.version(id, 1)
    return Record(
        document,
        document.path,
        LockSemantics(call.library.policy.semantics(document.path, document).value),
        entry.created if document.created is None else document.created,
        entry.modified if document.stamped is None else document.stamped,
        first.changed_by if first else "",
        fields.own(rows.properties(id)),
        rows.principals(),
        rows.now,
    )
