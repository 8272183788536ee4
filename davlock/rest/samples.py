"""What answers look like, for the documentation."""

from __future__ import annotations

from typing import Any, get_args, get_origin

import msgspec

from davlock.rest import refusals
from davlock.rest.types import CheckoutInfo, CheckoutState, Error, ReturnInfo, ReturnType, VersionInfo

_HELD = "report.docx is checked out by bob since 2026-11-22 08:15:00 UTC, through the REST interface. Ask bob to check it in."
_SENTENCES = {
    400: ("ArgumentException", "The body of the request is missing."),
    401: ("SoAuthenticationException", "Please log in with your user name and password."),
    403: ("SoSentryException", "Only an administrator can do this."),
    404: ("SoNotFoundException", "There is no document with this number; it may have been deleted."),
    405: ("InvalidOperationException", "PATCH is not possible here."),
    406: ("NotAcceptableException", "This can be had as application/json or application/xml only."),
    409: ("SoNotCheckedOutException", "The document is not checked out."),
    412: ("SoConcurrencyException", "The document has changed since you have read it."),
    413: ("SoTooLargeException", "The body of the request has more than 4194304 bytes."),
    414: ("ArgumentException", "The address is longer than 16384 bytes."),
    415: ("UnsupportedMediaTypeException", "A body can be, in UTF-8, one of: application/json, application/xml."),
    416: ("ArgumentOutOfRangeException", "The content has 18231 bytes."),
    423: ("SoDocumentLockedException", _HELD),
    429: ("SoTooManyRequestsException", "Too many wrong passwords for this name; try again in 30 s."),
    431: ("ArgumentException", "The request head is longer than 65536 bytes."),
    503: ("SoUnavailableException", "The store is busy; nothing was changed. Try again."),
    507: ("SoStorageFullException", "There is no room left on the disk; everything is as it was."),
}
_SAMPLES = (
    ReturnInfo(external_reference="/contracts/report.docx", type=ReturnType.MESSAGE, value=_HELD),
    CheckoutInfo(
        CheckoutState.CHECKED_OUT_OTHER,
        associate_id=7,
        name="bob",
        since="2026-11-22T08:15:00Z",
        door="rest",
        comment="Chapter 3",
    ),
    VersionInfo(
        external_reference="/contracts/report.docx",
        document_id=42,
        version_id="3",
        checked_in_date="2026-11-22T08:15:00",
        checked_in_by_name="bob",
        checked_in_by_associate_id=7,
        description="Chapter 3",
        display_text="3: bob 2026-11-22 08:15:00 Chapter 3",
        extra_fields=["reviewed=yes"],
        is_kept=True,
        length=18231,
    ),
)


def of(kind: Any) -> Any:
    """An answer of a type, as JSON has it; None where there is no sample."""
    if get_origin(kind) is list:
        item = of(get_args(kind)[0])
        return None if item is None else [item]
    return next((msgspec.to_builtins(each) for each in _SAMPLES if type(each) is kind), None)


def refusal(status: int) -> Error:
    """What a client is told with a status."""
    kind, message = _SENTENCES[status]
    return Error(error=True, error_type=kind, error_message=message, error_source=refusals.SOURCE)
