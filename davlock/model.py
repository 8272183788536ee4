"""The nouns: frozen values that the rules are asked about and that every door shows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


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
    owner is text (XML) that the client sent: shown to others, never used in a decision.
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


def as_int64(number: int) -> int:
    """A number folded into what a signed integer of 64 bits holds; one that fits stays what it is."""
    return (number + 2**63) % 2**64 - 2**63


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
        return f'"{self.inode:x}-{self.modified_ns:x}-{self.size:x}"'

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


@dataclass(frozen=True, slots=True)
class Document:
    """What the state knows of a document or folder: its identity, and the version it saw last.

    stamp is (inode, size, modified in ns) of that version; sha256 is None where the bytes did not come through a door.
    Times are Unix seconds.
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


@dataclass(frozen=True, slots=True)
class Intent:
    """What is about to be renamed, written down before the first rename so that a crash cannot leave half of it.

    kind is one of delete, move, copy, create. `source` is the path that leaves (delete, move) or is copied; `inode` is that of
    what becomes visible at `target`; `aside` is the name, in the trash, of what stood at the path before; `staged` the name of a
    copy in the staging folder of process `owner`.
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


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may log in. since is Unix time in seconds."""

    name: str
    password_hash: str
    admin: bool
    since: float
