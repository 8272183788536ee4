"""Error numbers of Microsoft's document protocols: what FrontPage RPC answers, and WebDAV in X-MSDAVEXT_ERROR.

MS-FPSE 2.2.2.2.17.1, MS-WDV 2.2.3; the highest 16 bits name the part of the server. Office chooses its dialog by them.
"""

from __future__ import annotations

from davlock import errors

READ_ONLY, WRITE_ERROR, RENAME_ONTO = 0x00020002, 0x0002000C, 0x00020019
SYNTAX = 0x00040006
TOO_LONG = 0x0006000A
EXISTS, BAD_URL, NO_FILE, NO_FOLDER, FOLDER_EXISTS = 0x00090002, 0x00090005, 0x00090006, 0x00090007, 0x0009000D
CHECKED_OUT, NOT_CHECKED_OUT, NO_SUCH_CHECKOUT = 0x0009000E, 0x0009000F, 0x0009003E
OVER_QUOTA, ILLEGAL_NAME = 0x00090063, 0x00090070
UNKNOWN_METHOD = 0x000E0002
DENIED, LACKS = 0x001E0002, 0x001E0006

_NUMBERS: list[tuple[type[errors.DavlockError], int]] = [
    (errors.BadName, ILLEGAL_NAME),
    (errors.IncompleteBody, WRITE_ERROR),
    (errors.BadRequest, SYNTAX),
    (errors.NotFound, NO_FILE),
    (errors.Exists, EXISTS),
    (errors.ParentMissing, NO_FOLDER),
    (errors.IsFolder, BAD_URL),
    (errors.NotHolder, CHECKED_OUT),
    (errors.NotForCheckout, LACKS),
    (errors.Forbidden, DENIED),
    (errors.NoSuchLock, NO_SUCH_CHECKOUT),
    (errors.NotCheckedOut, NOT_CHECKED_OUT),
    (errors.Locked, CHECKED_OUT),
    (errors.LockLost, CHECKED_OUT),
    (errors.PreconditionFailed, EXISTS),
    (errors.TooLarge, TOO_LONG),
    (errors.StorageFull, OVER_QUOTA),
    (errors.DavlockError, WRITE_ERROR),
]


def number(error: errors.DavlockError) -> int:
    """The number of an error; of one that says in other words what another has said, that of the other."""
    if isinstance(error.__cause__, errors.DavlockError):
        return number(error.__cause__)
    return next(number for kind, number in _NUMBERS if isinstance(error, kind))
