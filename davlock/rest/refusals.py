"""What a refusal is in this API: an HTTP status and the error object with four keys (rest.md §5)."""

from __future__ import annotations

from davlock import errors, rules, wording
from davlock.library import Library
from davlock.rest.types import Error

SOURCE = "davlock"

_STATUSES: tuple[tuple[type[errors.DavlockError], int, str], ...] = (
    # the first one that fits
    (errors.IncompleteBody, 400, "IncompleteBodyException"),
    (errors.BadRequest, 400, "ArgumentException"),
    (errors.NotFound, 404, "SoNotFoundException"),
    (errors.Exists, 409, "SoAlreadyExistsException"),
    (errors.ParentMissing, 409, "SoNotFoundException"),
    (errors.IsFolder, 409, "SoNotADocumentException"),
    (errors.NotHolder, 423, "SoDocumentLockedException"),
    (errors.Forbidden, 403, "SoSentryException"),
    (errors.NoSuchLock, 409, "SoNotCheckedOutException"),
    (errors.NotCheckedOut, 409, "SoNotCheckedOutException"),
    (errors.Locked, 423, "SoDocumentLockedException"),
    (errors.LockLost, 409, "SoLockLostException"),
    (errors.PreconditionFailed, 412, "SoConcurrencyException"),
    (errors.TooLarge, 413, "SoTooLargeException"),
    (errors.StorageFull, 507, "SoStorageFullException"),
    (errors.Unavailable, 503, "SoUnavailableException"),
)
_IN_FRONT = {
    400: "ArgumentException",
    401: "SoAuthenticationException",
    403: "SoSentryException",
    414: "ArgumentException",
    429: "SoTooManyRequestsException",
    431: "ArgumentException",
    503: "SoUnavailableException",
}
_FAILED = "Something went wrong in the server. Whoever runs it finds the reason in its log."


class Refused(errors.DavlockError):
    """A refusal whose HTTP status says more than its kind of error does."""

    def __init__(self, status: int, kind: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.kind, self.headers = status, kind, headers or {}


def status(error: errors.DavlockError) -> int:
    """The HTTP status of an error."""
    return error.status if isinstance(error, Refused) else _row(error)[0]


def refusal(error: errors.DavlockError, viewer: str, library: Library) -> Error:
    """What a client (principal `viewer`) is told."""
    kind = error.kind if isinstance(error, Refused) else _row(error)[1]
    return Error(error=True, error_type=kind, error_message=sentence(error, viewer, library), error_source=SOURCE)


def refused_in_front(status: int, text: str) -> Error:
    """What a client is told whose request the server or the authenticator has not let through."""
    return Error(error=True, error_type=_IN_FRONT.get(status, "Exception"), error_message=text, error_source=SOURCE)


def failure() -> Error:
    """What a client is told of a fault of this program."""
    return Error(error=True, error_type="Exception", error_message=_FAILED, error_source=SOURCE)


def sentence(error: errors.DavlockError, viewer: str, library: Library) -> str:
    """What a person is told: of locks, who holds what since when until when, and what to do."""
    lock = rules.named(error, viewer)
    if lock is None:
        return error.message
    try:
        is_folder = library.is_folder(lock.root)
    except errors.DavlockError:
        is_folder = False
    return wording.told(lock, viewer, is_folder)


def _row(error: errors.DavlockError) -> tuple[int, str]:
    return next(((code, kind) for fits, code, kind in _STATUSES if isinstance(error, fits)), (500, "Exception"))
