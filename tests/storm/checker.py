"""Could a correct server have answered so? Tells only what is certainly wrong, whatever the order of what overlaps."""

from __future__ import annotations

from collections.abc import Iterator

from tests.storm import contents, holds
from tests.storm.history import History, Operation, Violation

SLOWEST = 30.0  # seconds from the last piece of the request to the end of the answer
_LOCKED = {409, 412, 423}
_HONEST = {  # what a storm's requests can rightly be answered; 403 is for other people's locks
    "GET": {200, 404},
    "PROPFIND": {207, 404},
    "PUT": {201, 204, 405} | _LOCKED,
    "LOCK": {200, 201} | _LOCKED,
    "REFRESH": {200, 403} | _LOCKED,
    "UNLOCK": {204, 403} | _LOCKED,
    "MKCOL": {201, 405} | _LOCKED,
    "DELETE": {204, 207, 404} | _LOCKED,
    "COPY": {201, 204, 207, 404} | _LOCKED,
    "MOVE": {201, 204, 207, 404} | _LOCKED,
}
_BUSY = {503, 507}
_CHANGES = {"PUT", "LOCK", "MKCOL", "DELETE", "COPY", "MOVE"}
STANDSTILL = 200  # changes refused with 503, one after the other, that are no passing shortage any more


def check(history: History) -> list[Violation]:
    """Everything in a history that is certainly wrong."""
    return [*holds.check(history), *contents.check(history), *_bad_answers(history), *_standstills(history)]


def _bad_answers(history: History) -> Iterator[Violation]:
    for operation in history.operations:
        if operation.status >= 500 and operation.status not in _BUSY:
            yield Violation("server error", f"answered {operation.status}", (operation,))
        elif operation.status and operation.status not in _HONEST[operation.kind] | _BUSY:
            yield Violation("odd answer", f"{operation.kind} answered {operation.status}", (operation,))
        if operation.end - operation.sent > SLOWEST:
            yield Violation("slow answer", f"it took {operation.end - operation.sent:.1f} s", (operation,))
        if not operation.status and not history.in_outage(operation.start, operation.end):
            yield Violation("no answer", "the connection broke although nobody killed the server", (operation,))


def _standstills(history: History) -> Iterator[Violation]:
    """The server answers, but nobody can change anything any more."""
    refused: list[Operation] = []
    for operation in sorted(history.operations, key=lambda operation: operation.end):
        if operation.kind in _CHANGES and operation.status:
            refused = refused + [operation] if operation.status == 503 else []
            if len(refused) == STANDSTILL:
                yield Violation("standstill", f"{STANDSTILL} changes in a row were answered 503", (refused[0], refused[-1]))
