"""The columns of a list of documents, and what each needs to be known (rest.md §11)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

from davlock import paths
from davlock.catalogue import Listed
from davlock.library import Library
from davlock.model import Lock
from davlock.rest.holds import checkout_state
from davlock.rest.presentation import exact


class Kind(Enum):
    """What the values of a column are."""

    NUMBER = "number"
    TEXT = "text"
    DATE = "date"


@dataclass(frozen=True)
class Viewing:
    """Who looks at a list, and what its values are made with. users: with their numbers."""

    viewer: str
    library: Library
    users: tuple[tuple[str, int], ...]

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """The number of each user."""
        return dict(self.users)


Value = Callable[[Listed, Viewing], Any]


@dataclass(frozen=True, slots=True)
class Column:
    """value: a number, text, or Unix time in seconds; None for nothing. is_own: davlock's, whose dates are shown with their zone."""

    kind: Kind
    value: Value
    needs_entry: bool = False
    is_own: bool = False


def _state(row: Listed, viewing: Viewing) -> str:
    return str(checkout_state(row.lock, viewing.viewer, viewing.library.can_be_checked_out(row.path, row)).value)


def _of_lock(value: Callable[[Lock], Any], none: str | None = None) -> Value:
    return lambda row, _: none if row.lock is None else value(row.lock)


def _nothing(row: Listed, viewing: Viewing) -> None:
    return None


def _extension(row: Listed, viewing: Viewing) -> str:
    stem, dot, ending = row.name.rpartition(".")
    return ending if stem and dot else ""


def _changed(row: Listed, viewing: Viewing) -> int | None:
    return row.entry.modified if row.entry else None


def _created(row: Listed, viewing: Viewing) -> float | None:
    return row.created or (row.entry.created if row.entry else None)


_CRM_TEXT = "visibleFor userGroup keywords ourref yourref attention subject registeredBy icon text completed recordType who isReport isMail"
_CRM_NUMBERS = "contactId personId projectId saleId snum suggestedDocumentId mailMergeDraft"
_N, _T, _D = Kind.NUMBER, Kind.TEXT, Kind.DATE
COLUMNS: dict[str, Column] = {
    "documentId": Column(_N, lambda row, _: row.id),
    "name": Column(_T, lambda row, _: row.name),
    "path": Column(_T, lambda row, _: row.path, is_own=True),
    "folder": Column(_T, lambda row, _: paths.parent(row.path), is_own=True),
    "extension": Column(_T, _extension, is_own=True),
    "type": Column(_T, lambda row, _: "Document"),
    "date": Column(_D, _changed, needs_entry=True),
    "time": Column(_D, _changed, needs_entry=True),
    "updatedDate": Column(_D, _changed, needs_entry=True),
    "updatedBy": Column(_T, lambda row, _: row.changed_by, needs_entry=True),
    "associateId": Column(_N, lambda row, viewing: viewing.numbers.get(row.changed_by, 0), needs_entry=True),
    "registeredDate": Column(_D, _created, needs_entry=True),
    "size": Column(_N, lambda row, _: row.entry.size if row.entry else None, needs_entry=True, is_own=True),
    "etag": Column(_T, lambda row, _: row.entry.etag if row.entry else None, needs_entry=True, is_own=True),
    "versionId": Column(_T, lambda row, _: str(row.version) if row.version else "", is_own=True),
    "lockSemantics": Column(_T, lambda row, viewing: viewing.library.semantics(row.path, row).value, is_own=True),
    "checkoutState": Column(_T, _state, is_own=True),
    "checkedOutBy": Column(_T, _of_lock(lambda lock: lock.principal, ""), is_own=True),
    "checkedOutById": Column(_N, lambda row, viewing: viewing.numbers.get(row.lock.principal, 0) if row.lock else 0, is_own=True),
    "checkedOutAt": Column(_D, _of_lock(lambda lock: lock.since), is_own=True),
    "checkedOutUntil": Column(_D, _of_lock(lambda lock: lock.expires), is_own=True),
    "checkedOutVia": Column(_T, _of_lock(lambda lock: lock.door, ""), is_own=True),
    "checkoutComment": Column(_T, _of_lock(lambda lock: lock.comment, ""), is_own=True),
    # What a CRM would know; always null.
    **{name: Column(_T, _nothing) for name in _CRM_TEXT.split()},
    **{name: Column(_N, _nothing) for name in _CRM_NUMBERS.split()},
}
DEFAULT = (
    "documentId",
    "name",
    "path",
    "type",
    "date",
    "associateId",
    "registeredDate",
    "updatedDate",
    "updatedBy",
    "size",
    "versionId",
    "checkoutState",
    "checkedOutBy",
    "checkedOutAt",
    "checkedOutUntil",
)
SPELLINGS = {name.lower(): name for name in COLUMNS}


def shown(column: Column, value: Any, moment: Callable[[float], str]) -> Any:
    """A value as it stands in an answer. moment: how times are printed."""
    if value is None or column.kind is not Kind.DATE:
        return value
    return exact(value) if column.is_own else moment(value)
