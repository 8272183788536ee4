"""What the clients of a storm did and what they were told.

Every operation carries three instants of time.monotonic(), which is one clock for all processes of a Linux machine. It
took effect, if it did, within [sent, last]; only what is wrong wherever in these windows the effects lay is a violation.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from operator import attrgetter
from pathlib import Path


@dataclass(slots=True, eq=False)
class Operation:
    """One request and its answer.

    start, sent, end: when it began, when the last piece of its body was about to be sent, when the answer was complete.
    status:   of the answer; 0 when the connection broke, so that nobody knows.
    tokens:   those submitted in If, or the one in Lock-Token; a single one was the whole If header: "(<it>)".
    body:     the id of the body sent or read (see bodies.py).
    asked, timeout: seconds of the lock asked for and granted. granted: its token. shown: own tokens in lockdiscovery.
    if_match, create_only: the precondition If-Match with this etag, "If-None-Match: *".
    fault:    what the client found wrong with the answer itself.
    """

    client: str
    user: str
    kind: str
    path: str
    start: float
    sent: float
    end: float
    status: int
    destination: str = ""
    tokens: tuple[str, ...] = ()
    body: str = ""
    etag: str = ""
    if_match: str = ""
    create_only: bool = False
    shared: bool = False
    asked: float = 0.0
    timeout: float = 0.0
    granted: str = ""
    shown: tuple[str, ...] = ()
    fault: str = ""
    last: float = field(default=0.0, init=False)  # when its effect had surely happened; History sets it

    @property
    def done(self) -> bool:
        """The server said that it did it. 207 is a refusal of DELETE, MOVE and COPY: davlock does all or nothing."""
        return 200 <= self.status < 300 and self.status != 207

    @property
    def perhaps(self) -> bool:
        """It may have had an effect: it was done, or nobody knows."""
        return self.done or self.status == 0 or self.status >= 500

    def removes(self, path: str) -> bool:
        """Whether it takes away or replaces, as a whole, what is at a path."""
        return (self.kind in ("DELETE", "MOVE") and within(path, self.path)) or (
            self.kind in ("MOVE", "COPY") and within(path, self.destination)
        )

    def __str__(self) -> str:
        words = [f"[{self.start:.4f} {self.end:.4f}] {self.client} {self.user} {self.kind} {self.path}"]
        words += [f"-> {self.destination}"] * bool(self.destination)
        words += [f"sent={self.sent:.4f}"] * (self.sent != self.start)
        for name in ("tokens", "body", "etag", "if_match", "asked", "timeout", "granted", "shown", "fault"):
            value = getattr(self, name)
            words += [f"{name}={','.join(value) if isinstance(value, tuple) else value}"] * bool(value)
        words += ["If-None-Match: *"] * self.create_only + ["shared"] * self.shared
        return " ".join([*words, "=>", str(self.status or "unknown")])


@dataclass(frozen=True, slots=True)
class Kill:
    """An outage: killing began at `began`, no process was left at `killed`, and at `serving` the next had recovered."""

    began: float
    killed: float
    serving: float


class History:
    """All operations of one storm, in the order in which they began, and its outages."""

    def __init__(self, operations: Iterable[Operation], kills: Iterable[Kill] = ()) -> None:
        self.operations = sorted(operations, key=attrgetter("start"))
        self.kills = sorted(kills, key=attrgetter("killed"))
        self.end = max((operation.end for operation in self.operations), default=0.0)
        instants = [kill.killed for kill in self.kills]
        for operation in self.operations:
            operation.last = operation.end
            if not operation.status:
                # nothing goes on in a server that was killed, nor once the next one has recovered and answers
                following = bisect_left(instants, operation.start)
                operation.last = self.kills[following].serving if following < len(self.kills) else math.inf

    def in_outage(self, start: float, end: float) -> bool:
        """Whether the server was away at some instant between the two, or was being killed."""
        return any(kill.began <= end and kill.serving >= start for kill in self.kills)

    def save(self, file: Path) -> None:
        """Write everything as JSON lines."""
        with file.open("w") as lines:
            for operation in self.operations:
                lines.write(json.dumps([getattr(operation, name) for name in _SAVED]) + "\n")
            for kill in self.kills:
                lines.write(json.dumps(asdict(kill)) + "\n")


_SAVED = [entry.name for entry in fields(Operation) if entry.name != "last"]


def load(file: Path) -> History:
    """What History.save wrote."""
    operations, kills = [], []
    with file.open() as lines:
        for line in lines:
            row = json.loads(line)
            if isinstance(row, dict):
                kills.append(Kill(**row))
            else:
                operation = Operation(*row)
                operation.tokens, operation.shown = tuple(operation.tokens), tuple(operation.shown)
                operations.append(operation)
    return History(operations, kills)


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that no correct server does, and the operations that prove it."""

    kind: str
    text: str
    operations: tuple[Operation, ...]

    def __str__(self) -> str:
        return "\n    ".join([f"{self.kind}: {self.text}", *map(str, self.operations)])


def within(path: str, folder: str) -> bool:
    """Whether a path is that of the folder or below it."""
    return path == folder or path.startswith(folder + "/")


def parent(path: str) -> str:
    return path.rpartition("/")[0] or "/"
