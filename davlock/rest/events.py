"""What becomes of documents, told as it happens: asked for again and again, waited for, or as a stream (server-sent events)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Annotated

import msgspec
from msgspec import Meta

from davlock.errors import DavlockError
from davlock.library import Library
from davlock.model import Event
from davlock.outbox import Told
from davlock.rest import codec, negotiation
from davlock.rest.calls import Call, Stream
from davlock.rest.listening import Listening
from davlock.rest.operations import Operation
from davlock.rest.presentation import exact
from davlock.rest.refusals import Refused
from davlock.rest.types import Type
from davlock.webhooks import messages

EVENT_STREAM = "text/event-stream"
MOST = 1000  # in one answer
MAX_WAIT = 300  # seconds
_KEEP_ALIVE = 15.0  # seconds: proxies give up what is silent for longer
_RETRY = b"retry: 1000\n\n"  # milliseconds until a browser comes back


class EventQuery(msgspec.Struct, rename="camel"):
    """after: EventId of the last one that is known; 0 for all that are kept. wait: seconds to wait for one if there is none."""

    after: Annotated[int, Meta(ge=0, le=2**53)] = 0
    top: Annotated[int, Meta(ge=1, le=MOST)] = msgspec.field(default=100, name="$top")
    wait: Annotated[int, Meta(ge=0, le=MAX_WAIT)] = 0


class EventInfo(Type):
    """What has become of a document, by whom (blank: another program on the server, or nobody) and through which door.

    Changes: what of it. FormerPath: after a move. Version: after new content. Kind to Reason: of a checkout or lock that was taken or has
    ended. DocumentId: 0 where a lock was on something else.
    """

    event_id: int
    event: str
    timestamp: str
    document_id: int
    path: str
    name: str
    associate_id: int
    door: str
    changes: list[str]
    version: int | None = None
    former_path: str | None = None
    kind: str | None = None
    holder: str | None = None
    since: str | None = None
    until: str | None = None
    comment: str | None = None
    reason: str | None = None


class EventPage(Type):
    """Events, the first one first. Last: what to ask for after next. Reset: not all that happened since is kept any more; look at
    everything afresh, and go on after Last.
    """

    events: list[EventInfo]
    last: int
    reset: bool


def tell(call: Call) -> EventPage | Stream:
    """A page of events, or, for those who accept nothing else, a stream of them."""
    query: EventQuery = call.query
    accept = call.request.get_header("Accept") or ""
    if EVENT_STREAM in accept.lower() and negotiation.quality(accept, EVENT_STREAM):
        return _stream(call, query)
    told = call.library.outbox.events(query.after, query.top)
    listening = call.settings.listening
    if not told.events and not told.is_reset and query.wait and listening and listening.enter():
        try:
            listening.wait(told.last, time.monotonic() + min(query.wait, listening.seconds), _is_over(call))
        finally:
            listening.leave()
        told = call.library.outbox.events(query.after, query.top)
    return EventPage(_shown(call.library, told), told.last, told.is_reset)


def _stream(call: Call, query: EventQuery) -> Stream:
    """Raises Refused (503) if as many programs listen as may."""
    if call.request.method == "HEAD":
        return Stream((), EVENT_STREAM)
    known = call.request.get_header("Last-Event-ID") or ""
    given = codec.parse_parameters(call.request.query_string)
    after = int(known) if known.isascii() and known.isdigit() and len(known) < 16 else query.after if "after" in given else None
    if after is None:
        after = call.library.outbox.last_event()
    listening = call.settings.listening
    if listening is None or not listening.enter():
        raise Refused(503, "SoUnavailableException", "Too many programs listen already; try again later.", {"Retry-After": "10"})
    call.answer_headers["X-Accel-Buffering"] = "no"
    return Stream(_Told(call.library, listening, after, _is_over(call)), EVENT_STREAM)


class _Told:
    """The blocks of a stream. after: the event after which it begins."""

    def __init__(self, library: Library, listening: Listening, after: int, is_over: Callable[[], bool]) -> None:
        self._library, self._listening, self._after, self._is_over = library, listening, after, is_over
        self._is_open = True

    def __iter__(self) -> Iterator[bytes]:
        with suppress(DavlockError):  # the state cannot answer now: whoever listens comes back
            yield from self._blocks()

    def _blocks(self) -> Iterator[bytes]:
        end = time.monotonic() + self._listening.seconds
        yield _RETRY + b"".join(self._next())
        while (now := time.monotonic()) < end and not self._is_over():
            if self._listening.wait(self._after, min(end, now + _KEEP_ALIVE), self._is_over):
                yield b"".join(self._next())
            elif time.monotonic() >= now + _KEEP_ALIVE:
                yield b": still here\n\n"

    def _next(self) -> Iterator[bytes]:
        told = self._library.outbox.events(self._after, MOST)
        self._after = told.last
        if told.is_reset:
            yield b"id: %d\nevent: reset\ndata: {}\n\n" % told.last
        for shown in _shown(self._library, told):
            yield b"id: %d\nevent: %s\ndata: %s\n\n" % (shown.event_id, shown.event.encode(), codec.encode_json(shown))

    def close(self) -> None:
        """Somebody else may listen now."""
        if self._is_open:
            self._is_open = False
            self._listening.leave()


def _is_over(call: Call) -> Callable[[], bool]:
    """Whether nobody waits for the answer any more, or the server stops."""
    found: Callable[[], bool] = call.request.env.get("davlock.is_over", lambda: False)
    return found


def _shown(library: Library, told: Told) -> list[EventInfo]:
    numbers = library.numbers() if told.events else {}
    return [_info(event, numbers) for event in told.events]


def _info(event: Event, numbers: Mapping[str, int]) -> EventInfo:
    details = event.details
    return EventInfo(
        event_id=event.id,
        event=event.name,
        timestamp=exact(event.at),
        document_id=event.document or 0,
        path=event.path,
        name=event.principal,
        associate_id=numbers.get(event.principal, 0),
        door=event.door,
        changes=messages.changes(event),
        version=details.get("version"),
        former_path=details.get("from"),
        kind=details.get("kind"),
        holder=details.get("holder"),
        since=exact(details["since"]) if "since" in details else None,
        until=exact(details["until"]) if "until" in details else None,
        comment=details.get("comment"),
        reason=details.get("reason"),
    )


OPERATIONS = (
    Operation(
        method="GET",
        path="/Events",
        does=tell,
        summary="What has become of documents, and of checkouts",
        description=(
            "With `Accept: text/event-stream` a stream of server-sent events that goes on for a while: those after `Last-Event-ID`, or "
            "after `after`, or from now on. `event` is the name, `id` the EventId and `data` the same object as here; an event named "
            "`reset` says that not all that was asked for is kept any more."
        ),
        query=EventQuery,
        answers=EventPage,
        streams=True,
    ),
)
