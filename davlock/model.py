"""The nouns: frozen values that the rules are asked about and that every door shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple


class Kind(StrEnum):
    """What a lock is (design §2)."""

    LOCK = "LOCK"  # an editing session's, on a URL path; proof: principal and token
    EDIT = "EDIT"  # a short-term checkout, on a document; proof: the principal
    CHECKOUT = "CHECKOUT"  # a long-term checkout with a draft, on a document; proof: the principal


class Scope(StrEnum):
    """Whether others may hold one beside it (RFC 4918 §6.2)."""

    EXCLUSIVE = "exclusive"
    SHARED = "shared"


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock that was granted.

    since and expires are seconds of the state's clock (Unix time); expires is None for one that does not run out.
    generation only ever rises from one grant to the next and stays the same when a lock is refreshed.
    owner is text (XML) that the client sent: shown to others, never used in a decision. comment is what the holder says it is for.
    """

    token: str
    kind: Kind
    scope: Scope
    deep: bool
    root: str
    principal: str
    door: str
    since: float
    expires: float | None
    generation: int
    owner: str = ""
    document: int | None = None
    comment: str = ""


class Ending(StrEnum):
    """How a lock has ended."""

    RELEASED = "released"  # by its holder
    EXPIRED = "expired"
    BROKEN = "broken"  # by somebody who has the right, with a reason; of a checkout: a forced undo
    CHECKED_IN = "checked in"
    UNDONE = "undone"
    DELETED = "deleted"  # with what it stood on
    MOVED = "moved"  # what it stood on went away from under it
    REPLACED = "replaced"  # something else was put on its place


@dataclass(frozen=True, slots=True)
class Past:
    """A lock that has ended: how, when (Unix seconds), by whom and why."""

    token: str
    kind: Kind
    path: str
    document: int | None
    principal: str
    door: str
    since: float
    comment: str
    ended: float
    how: Ending
    ended_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A lock that is asked for. timeout is in seconds: None for the server's default, infinite for as long as possible."""

    kind: Kind
    path: str
    scope: Scope = Scope.EXCLUSIVE
    deep: bool = False
    timeout: float | None = None
    owner: str = ""
    document: int | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: an authenticated principal, the lock tokens submitted with the request, and the door it came through."""

    principal: str
    tokens: frozenset[str] = frozenset()
    door: str = "webdav"
    admin: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody wants to change.

    tree: everything below the path is affected too (DELETE, MOVE, overwriting a folder).
    membership: the folder that it is in gains or loses a member (RFC 4918 §7.4).
    """

    path: str
    tree: bool = False
    membership: bool = False


@dataclass(frozen=True, slots=True)
class Blocker:
    """A lock that forbids a change, and the path that it protects from it."""

    lock: Lock
    path: str


class Act(StrEnum):
    """What somebody does with a document that locks can forbid."""

    CHECK_OUT = "check out"
    SAVE = "save"
    CHECK_IN = "check in"
    REMOVE = "rename or delete"


def as_int64(number: int) -> int:
    """A number folded into what a signed integer of 64 bits holds; one that fits stays what it is."""
    return (number + 2**63) % 2**64 - 2**63


def next_stamp(seconds: float, last: int | None) -> int:
    """The whole second that a change is known by, later than that of the last one."""
    return int(seconds) if last is None else max(int(seconds), last + 1)


_ETAG = '"%x-%x-%x"'  # listings make thousands of them, and an f-string takes twice as long


class Entry(NamedTuple):
    """A document or folder as it is on the disk. A tuple, because listings make thousands.

    path is canonical, name is spelled as on the disk. modified_ns and created are Unix time, in nanoseconds and seconds.
    """

    path: str
    name: str
    is_folder: bool
    size: int
    inode: int
    modified_ns: int
    created: float

    @property
    def etag(self) -> str:
        """Strong entity tag (RFC 9110 §8.8.3), quotes included: every publication is a new file with a new time in ns."""
        return _ETAG % (self.inode, self.modified_ns, self.size)

    @property
    def modified(self) -> int:
        """Last change in whole seconds, as HTTP dates have it."""
        return self.modified_ns // 1_000_000_000

    @property
    def stamp(self) -> tuple[int, int, int]:
        """What tells whether somebody changed the file underneath. Folded into 64 bits, which is what databases keep: file systems
        have inode numbers, and times after 2262, that are longer.
        """
        return as_int64(self.inode), self.size, as_int64(self.modified_ns)


class Semantics(StrEnum):
    """What can be done with a document beside locking it (SuperOffice calls it LockSemantics)."""

    NONE = "None"  # no checkouts
    LOCKING = "Locking"  # checkouts with drafts, but no earlier versions
    VERSIONING = "Versioning"

    def at_most(self, other: Semantics) -> Semantics:
        """The lower one of two."""
        order = list(Semantics)
        return min(self, other, key=order.index)


@dataclass(frozen=True, slots=True)
class Document:
    """What the state knows of a document or folder: its identity, and its newest version.

    stamp is (inode, size, modified in ns) of that version; sha256 is None where the bytes did not come through a door.
    session is the generation of the lock that it was written under. Times are Unix seconds. change is a number that each content
    gets and none has twice; stamped is the second of the change, moved on so that each content of the document has its own.
    semantics is the most that can be done with it, whatever the configuration allows for its name. emptied is the change by which its
    content was deleted.
    """

    id: int
    path: str | None
    version: int = 0
    stamp: tuple[int, int, int] | None = None
    sha256: str | None = None
    created: float | None = None
    changed: float | None = None
    changed_by: str = ""
    door: str = ""
    comment: str = ""
    extra: tuple[str, ...] = ()
    session: int | None = None
    change: int = 0
    stamped: int | None = None
    semantics: Semantics = Semantics.VERSIONING
    emptied: int = 0

    @property
    def has_content(self) -> bool:
        """Whether it has content, be it empty: not since that was deleted, until something is saved."""
        return not self.emptied or self.emptied != self.change


# What lists tell of a document, as it comes from the state, because lists make thousands: path, id, semantics, version, inode, size,
# modified in ns, created, changed by.
Known = tuple[str, int, str, int, int | None, int | None, int | None, float | None, str]


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody says of a version. comment is one line of text, extra are lines `name=value`."""

    comment: str = ""
    extra: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Version:
    """One publication of a document, or what one editing session made of it.

    changed is Unix seconds, by changed_by through door ("outside": another program on the server). is_kept: whether its content can
    be read. is_newest: it is what the document is now. sha256 is None where the bytes did not come through a door.
    """

    document: int
    number: int
    stamp: tuple[int, int, int]
    sha256: str | None
    changed: float | None
    changed_by: str
    door: str
    comment: str
    extra: tuple[str, ...]
    is_kept: bool = True
    is_newest: bool = False

    @property
    def size(self) -> int:
        """Bytes."""
        return self.stamp[1]

    def entry(self, path: str, name: str) -> Entry:
        """It as if it were a document: with the ETag that the document had when this was the newest version."""
        inode, size, modified_ns = self.stamp
        return Entry(path, name, False, size, inode % 2**64, modified_ns, modified_ns / 1e9 if self.changed is None else self.changed)


@dataclass(frozen=True, slots=True)
class Draft:
    """What the holder of a checkout has written and not checked in. Times are Unix seconds.

    ended, how, ended_by, reason: of the checkout, if it has ended; then the draft is rescued. file is its name among the drafts.
    change and stamped: as of a document.
    """

    id: int
    document: int
    token: str
    path: str
    principal: str
    file: str
    size: int
    sha256: str
    saved: float
    door: str
    ended: float | None = None
    how: Ending | None = None
    ended_by: str = ""
    reason: str = ""
    change: int = 0
    stamped: int = 0


NO_NOTE = Note()


@dataclass(frozen=True, slots=True)
class Event:
    """Something that has become of a document.

    document: its id, None for what has none. path: where it is, or was last. principal: who did it, empty if nobody knows; door: through
    what. details: values that JSON can have. at is Unix seconds; events are told in the order of their id. Both are given by the state.
    """

    name: str
    document: int | None
    path: str
    principal: str
    door: str
    details: Mapping[str, Any]
    at: float = 0
    id: int = 0


class HookState(StrEnum):
    """Whether somebody is told of events (SuperOffice calls it WebhookState)."""

    ACTIVE = "Active"
    STOPPED = "Stopped"
    TOO_MANY_ERRORS = "TooManyErrors"  # until somebody sets it to active again


@dataclass(frozen=True, slots=True)
class Webhook:
    """A program that is told of events by HTTP.

    events: their names. secret: what signs them, empty for none. headers: sent along; properties: kept for whoever registered it. sent: id
    of the last event that was delivered. tries: attempts made to deliver the next one. Times are Unix seconds.
    """

    id: int
    name: str
    events: tuple[str, ...]
    target: str
    secret: str
    state: HookState
    headers: Mapping[str, str]
    properties: Mapping[str, Any]
    description: str
    errors_email: str
    updated: float
    updated_by: str
    registered: float
    registered_by: str
    sent: int
    tries: int = 0
    total_calls: int = 0
    total_errors: int = 0
    consecutive_errors: int = 0
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class Intent:
    """What is about to be renamed, written down before the first rename so that a crash cannot leave half of it.

    kind is one of delete, move, copy, create, save, checkin, empty. `source` is the path that leaves (delete, move, save) or is copied;
    `inode` is that of what becomes visible at `target`; `staged` is the name of what waits in the staging folder of process `owner`.
    details (JSON) are for those who settle it.
    """

    id: str
    kind: str
    source: str
    target: str
    spelling: str
    inode: int
    replaces: bool
    principal: str
    door: str
    owner: str
    staged: str = ""
    details: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may log in. since is Unix time in seconds."""

    name: str
    password_hash: str
    admin: bool
    since: float


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What lets a program in without a password, or a browser in which somebody has logged in (is_session).

    name: what it is for. Times are Unix seconds; used is right to the hour, None if it never was. parent: the token that a session began
    with, None for a password.
    """

    id: int
    principal: str
    name: str
    since: float
    expires: float
    used: float | None = None
    is_session: bool = False
    parent: int | None = None
