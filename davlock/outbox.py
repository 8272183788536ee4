"""What those who want to know are told of documents: the events that the state keeps, one after the other (see events.py)."""

from __future__ import annotations

from dataclasses import dataclass

from davlock.model import Event
from davlock.state import State


@dataclass(frozen=True, slots=True)
class Told:
    """Events. last: the id after which to ask for more. is_reset: whether those that were asked for are not kept any more."""

    events: list[Event]
    last: int
    is_reset: bool


@dataclass(frozen=True, slots=True)
class Outbox:
    """The events of a served folder, in the order in which they happened."""

    state: State

    def events(self, after: int, most: int) -> Told:
        """The first `most` events after the one with this id."""
        with self.state.reading() as rows:
            first, last = rows.event_span()
            if after > last or 0 < after < first - 1:
                return Told([], last, True)
            found = rows.events(after, most)
            return Told(found, found[-1].id if found else max(after, first - 1), False)

    def last_event(self) -> int:
        """The id of the last event, 0 if there has been none."""
        with self.state.reading() as rows:
            return rows.event_span()[1]

    def notice_expired(self) -> None:
        """Lets locks that have run out be told of; they have ended without that."""
        with self.state.reading() as rows:
            if not rows.has_expired():
                return
        with self.state.deciding() as rows:
            rows.end_expired()
