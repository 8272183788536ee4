"""The versions of a document (rest.md §7, §8)."""

from __future__ import annotations

from collections.abc import Mapping

from davlock import rules
from davlock.model import Document, Version
from davlock.rest.calls import Call, checked_id
from davlock.rest.locks import DocumentCall, reference
from davlock.rest.operations import Operation
from davlock.rest.types import VersionInfo

_WORDS = 40  # characters of a description in a line about a version


def versions(call: Call, document: Document) -> list[VersionInfo]:
    """The versions that were checked in or saved, the first one first; what is still being worked on is not among them (rest.md §9.3)."""
    found = call.library.archive.versions(document)
    checkout = call.library.checkout(document.path or "")
    numbers = call.library.numbers()
    return [_info(call, document, each, numbers) for each in found if not (each.is_newest and rules.is_under_work(document, checkout))]


def _info(call: Call, document: Document, version: Version, numbers: Mapping[str, int]) -> VersionInfo:
    date = call.present.moment(version.changed)
    line = " ".join(part for part in (f"{version.number}:", version.changed_by, date.replace("T", " "), _short(version.comment)) if part)
    return VersionInfo(
        external_reference=reference(document),
        document_id=document.id,
        version_id=str(version.number),
        checked_in_date=date,
        checked_in_by_name=version.changed_by,
        checked_in_by_associate_id=numbers.get(version.changed_by, 0),
        description=version.comment,
        display_text=line,
        extra_fields=list(version.extra),
        is_kept=version.is_kept or version.is_newest,
        length=version.size,
    )


def _short(text: str) -> str:
    return text if len(text) <= _WORDS else f"{text[:_WORDS].rstrip()}…"


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="GET",
        path="/Document/{documentId}/Version",
        does=lambda call: versions(call, call.document()),
        summary="The versions of a document, the first one first",
        answers=list[VersionInfo],
    ),
    Operation(
        method="POST",
        path="/Agents/Document/GetVersionList",
        does=lambda call: versions(call, call.document(checked_id(call.body.document_id))),
        summary="The versions of a document, the first one first",
        body=DocumentCall,
        answers=list[VersionInfo],
    ),
)
