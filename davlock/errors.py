"""What can go wrong, in the words of the person it happens to. No HTTP in here: each door has one table from these to its answers.

DavlockError
├── BadRequest              the request itself makes no sense
│   ├── BadName             a name that no document can have
│   └── IncompleteBody      the upload ended before all of it had arrived
├── NotFound                nothing has this name
│   └── NoSuchVersion       the document has, or keeps, no such version
├── Exists                  something has this name already
├── ParentMissing           the folder it should go into is not there
├── IsFolder                a folder where a document is needed
├── Forbidden               not with these rights, or not at this place
│   ├── NotHolder           the lock belongs to somebody else
│   ├── NotForCheckout      documents of this kind are not checked out
│   └── IntoItself          a folder cannot be copied or moved into itself
├── NoSuchLock              the token names no lock that stands on this path
├── NotCheckedOut           there is no checkout that could be checked in or undone
├── Locked                  locks of others, or unproven ones of one's own, stand in the way
│   ├── Conflict            … of a lock that is wanted
│   └── StillOpen           … of a check-in: the document is open in an editing session
├── LockLost                the lock that something was written under ended before it arrived
├── PreconditionFailed      what the caller made a condition does not hold
├── TooLarge                more than the configured limit
├── StorageFull             no room left on the disk
└── Unavailable             the store cannot answer now; nothing was changed; try again
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from davlock.model import Blocker, Lock


class DavlockError(Exception):
    """Everything davlock refuses. The message is one sentence for the person who asked."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadRequest(DavlockError):
    """The request itself makes no sense."""


class BadName(BadRequest):
    """A name that no document can have."""


class IncompleteBody(BadRequest):
    """The upload ended before all of it had arrived; nothing was stored."""


class NotFound(DavlockError):
    """Nothing has this name."""


class NoSuchVersion(NotFound):
    """The document has no such version, or its content was not kept."""


class Exists(DavlockError):
    """Something has this name already."""


class ParentMissing(DavlockError):
    """The folder it should go into is not there."""


class IsFolder(DavlockError):
    """A folder where a document is needed."""


class Forbidden(DavlockError):
    """Not with these rights, or not at this place."""


class NotHolder(Forbidden):
    """The lock belongs to somebody else.

    lock: whose it is, since when and until when.
    """

    def __init__(self, message: str, lock: Lock) -> None:
        super().__init__(message)
        self.lock = lock


class NotForCheckout(Forbidden):
    """Documents of this kind are not checked out, by configuration."""


class IntoItself(Forbidden):
    """A folder cannot be copied or moved into itself or onto itself."""


class NoSuchLock(DavlockError):
    """The token names no lock that stands on this path."""


class NotCheckedOut(DavlockError):
    """There is no checkout that could be checked in or undone."""


class Locked(DavlockError):
    """Locks stand in the way.

    blockers: each lock that forbids it, with the path that it protects.
    """

    def __init__(self, message: str, blockers: tuple[Blocker, ...]) -> None:
        super().__init__(message)
        self.blockers = blockers


class Conflict(Locked):
    """A lock is wanted where one stands that does not tolerate it."""


class StillOpen(Locked):
    """A check-in while an editing session, be it one's own, has the document open."""


class LockLost(DavlockError):
    """The lock that something was written under was broken or ran out before all of it had arrived."""


class PreconditionFailed(DavlockError):
    """What the caller made a condition does not hold; nothing was changed."""


class TooLarge(DavlockError):
    """More than the configured limit."""


class StorageFull(DavlockError):
    """No room left on the disk; everything is as it was."""


class Unavailable(DavlockError):
    """The store cannot answer now; nothing was changed; try again."""
