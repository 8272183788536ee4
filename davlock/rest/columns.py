"""The columns of a list of documents, and what each needs to be known (rest.md §11).

They are computed for many rows at once: lists have thousands, and a call for each value of each of them was most of what they cost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any, NamedTuple

from davlock import paths
from davlock.catalogue import Listed
from davlock.library import Library
from davlock.model import Entry, Lock, Semantics
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


Values = Callable[[Listed, Viewing], Sequence[Any]]  # one for each row


@dataclass(frozen=True, slots=True)
class Column:
    """values: numbers, texts, or Unix times in seconds; None for nothing. needs_entry: they are known only of rows that have an entry.

    is_own: davlock's, whose dates are shown with their zone.
    """

    kind: Kind
    values: Values
    needs_entry: bool = False
    is_own: bool = False


class _Limit(NamedTuple):
    semantics: Semantics


def _of_entry(value: Callable[[Entry], Any]) -> Values:
    return lambda rows, _: [entry and value(entry) for entry in rows.entries]


def _of_lock(value: Callable[[Lock], Any], none: str | None = None) -> Values:
    def values(rows: Listed, viewing: Viewing) -> list[Any]:
        if not any(rows.locks):
            return [none] * len(rows.ids)
        return [none if lock is None else value(lock) for lock in rows.locks]

    return values


def _always(value: str | None) -> Values:
    return lambda rows, _: [value] * len(rows.ids)


def _states(rows: Listed, viewing: Viewing) -> list[str]:
    library, viewer = viewing.library, viewing.viewer
    is_asked = library.policy.excludes_some or Semantics.NONE in rows.semantics
    free: str = checkout_state(None, viewer, True).value

    def state(path: str, lock: Lock | None, semantics: Semantics) -> str:
        can_be = not is_asked or library.policy.can_be_checked_out(path, _Limit(semantics))
        return free if lock is None and can_be else str(checkout_state(lock, viewer, can_be).value)

    if not is_asked and not any(rows.locks):
        return [free] * len(rows.ids)
    return list(map(state, rows.paths, rows.locks, rows.semantics))


def _extensions(rows: Listed, viewing: Viewing) -> list[str]:
    found = [name.rpartition(".") for name in rows.names]
    return [ending if stem and dot else "" for stem, dot, ending in found]


def _created(rows: Listed, viewing: Viewing) -> list[float | None]:
    return [known or (entry and entry.created) for known, entry in zip(rows.created, rows.entries, strict=True)]


def _changed_by(rows: Listed, viewing: Viewing) -> list[int]:
    return [viewing.numbers.get(name, 0) for name in rows.changed_by] if any(rows.changed_by) else [0] * len(rows.ids)


def _holders(rows: Listed, viewing: Viewing) -> list[int]:
    return [viewing.numbers.get(lock.principal, 0) if lock else 0 for lock in rows.locks]


def _semantics(rows: Listed, viewing: Viewing) -> list[str]:
    return [viewing.library.policy.semantics(path, _Limit(most)).value for path, most in zip(rows.paths, rows.semantics, strict=True)]


def _changed(entry: Entry) -> int:
    return entry.modified


_CRM_TEXT = "visibleFor userGroup keywords ourref yourref attention subject registeredBy icon text completed recordType who isReport isMail"
_CRM_NUMBERS = "contactId personId projectId saleId snum suggestedDocumentId mailMergeDraft"
_N, _T, _D = Kind.NUMBER, Kind.TEXT, Kind.DATE
COLUMNS: dict[str, Column] = {
    "documentId": Column(_N, lambda rows, _: rows.ids),
    "name": Column(_T, lambda rows, _: rows.names),
    "path": Column(_T, lambda rows, _: rows.paths, is_own=True),
    "folder": Column(_T, lambda rows, _: [paths.parent(path) for path in rows.paths], is_own=True),
    "extension": Column(_T, _extensions, is_own=True),
    "type": Column(_T, _always("Document")),
    "date": Column(_D, _of_entry(_changed), needs_entry=True),
    "time": Column(_D, _of_entry(_changed), needs_entry=True),
    "updatedDate": Column(_D, _of_entry(_changed), needs_entry=True),
    "updatedBy": Column(_T, lambda rows, _: rows.changed_by, needs_entry=True),
    "associateId": Column(_N, _changed_by, needs_entry=True),
    "registeredDate": Column(_D, _created, needs_entry=True),
    "size": Column(_N, _of_entry(lambda entry: entry.size), needs_entry=True, is_own=True),
    "etag": Column(_T, _of_entry(lambda entry: entry.etag), needs_entry=True, is_own=True),
    "versionId": Column(_T, lambda rows, _: [str(version or "") for version in rows.versions], needs_entry=True, is_own=True),
    "lockSemantics": Column(_T, _semantics, is_own=True),
    "checkoutState": Column(_T, _states, is_own=True),
    "checkedOutBy": Column(_T, _of_lock(lambda lock: lock.principal, ""), is_own=True),
    "checkedOutById": Column(_N, _holders, is_own=True),
    "checkedOutAt": Column(_D, _of_lock(lambda lock: lock.since), is_own=True),
    "checkedOutUntil": Column(_D, _of_lock(lambda lock: lock.expires), is_own=True),
    "checkedOutVia": Column(_T, _of_lock(lambda lock: lock.door, ""), is_own=True),
    "checkoutComment": Column(_T, _of_lock(lambda lock: lock.comment, ""), is_own=True),
    # What a CRM would know; always null.
    **{name: Column(_T, _always(None)) for name in _CRM_TEXT.split()},
    **{name: Column(_N, _always(None)) for name in _CRM_NUMBERS.split()},
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


def shown(column: Column, values: Sequence[Any], moment: Callable[[float], str]) -> Sequence[Any]:
    """Values as they stand in an answer. moment: how times are printed."""
    if column.kind is not Kind.DATE or values.count(None) == len(values):
        return values
    show = exact if column.is_own else moment
    seconds = [value if value is None else int(value) for value in values]  # of which there are fewer different ones
    text = {each: None if each is None else show(each) for each in set(seconds)}
    return [text[each] for each in seconds]
