"""What is told of documents, and in which words: SuperOffice's events, and those of checkouts (rest.md §12).

An event is a row that is written in the same decision as the change that it tells of (a transactional outbox): if one is there, so is
the other, whatever crashes. There is no bus: whoever wants to know reads the rows.
"""

from __future__ import annotations

from collections.abc import Iterable

from davlock.model import Document, Ending, Event, Kind, Lock

CREATED = "document.created"
CHANGED = "document.changed"  # its name, its folder or its properties
EDITED = "document.edited"  # its content
DELETED = "document.deleted"
CHECKED_OUT = "document.checkedout"
CHECKED_IN = "document.checkedin"
UNDONE = "document.undone"
FORCED = "document.forced"
EXPIRED = "document.expired"

NAMES = (CREATED, CHANGED, EDITED, DELETED, CHECKED_OUT, CHECKED_IN, UNDONE, FORCED, EXPIRED)

OUTSIDE = "outside"  # the door of other programs on the server

# An end that is not here is told by document.deleted, or is that of an editing session (LOCK, EDIT) that was released or left behind:
# nobody was told that it began.
_ENDINGS = {
    (Kind.CHECKOUT, Ending.CHECKED_IN): CHECKED_IN,
    (Kind.CHECKOUT, Ending.UNDONE): UNDONE,
    (Kind.CHECKOUT, Ending.REPLACED): UNDONE,
    **{(kind, Ending.BROKEN): FORCED for kind in Kind},
    **{(kind, Ending.EXPIRED): EXPIRED for kind in Kind},
}


def became(before: Document | None, after: Document | None, by: str, door: str) -> Event | None:
    """What a decision has made of one document, if that is to be told. by, door: whose decision, and through what it came.

    What another program has put here, and is only noticed now, was not created now.
    """
    was, is_ = before if _is_there(before) else None, after if _is_there(after) else None
    if is_ is None:
        return _event(DELETED, was, by, door, {}) if was else None
    if was is None:
        is_noticed = is_.door == OUTSIDE and (before is None or before.stamp is None)
        return None if is_noticed else _event(CREATED, is_, by, door, {"version": is_.version})
    moved: dict[str, object] = {"from": was.path} if was.path != is_.path else {}
    if was.change != is_.change:
        return _event(EDITED, is_, by, door, moved | {"version": is_.version})
    return _event(CHANGED, is_, by, door, moved) if moved else None


def described(document: Document, names: Iterable[str], by: str, door: str) -> Event:
    """Properties of a document were changed. names: theirs, in Clark notation."""
    return _event(CHANGED, document, by, door, {"changes": list(names)})


def began(lock: Lock) -> list[Event]:
    """A lock was granted: told of a checkout, not of an editing session, of which there are many each hour."""
    return [checked_out(lock)] if lock.kind is Kind.CHECKOUT else []


def checked_out(lock: Lock) -> Event:
    """A document was checked out."""
    return Event(CHECKED_OUT, lock.document, lock.root, lock.principal, lock.door, _told(lock))


def is_told(kind: Kind, how: Ending) -> bool:
    """Whether the end of a lock is an event of its own."""
    return (kind, how) in _ENDINGS


def ended(lock: Lock, document: int | None, how: Ending, by: str, door: str, reason: str) -> Event:
    """A lock has ended, in a way that is told. document: what stood at its root."""
    return Event(_ENDINGS[lock.kind, how], document, lock.root, by, door, _told(lock) | ({"reason": reason} if reason else {}))


def _told(lock: Lock) -> dict[str, object]:
    told: dict[str, object] = {"kind": lock.kind.value, "holder": lock.principal, "since": lock.since}
    if lock.expires is not None:
        told["until"] = lock.expires
    return told | ({"comment": lock.comment} if lock.comment else {})


def _event(name: str, document: Document, by: str, door: str, details: dict[str, object]) -> Event:
    return Event(name, document.id, document.path or "", by, door, details)


def _is_there(document: Document | None) -> bool:
    return document is not None and document.path is not None and document.stamp is not None
