"""Which contents could a document have had when somebody read it?

For each content (a body, or no document at all) the checker works out an upper bound of when it can have stood where:
from the first instant at which an operation may have put it there, until the end of the first operation that certainly
replaced it. A read outside of these intervals is certainly wrong.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

from tests.storm.bodies import ABSENT, EMPTY
from tests.storm.history import History, Operation, Violation, within
from tests.storm.spans import Spans

DEEPEST = 8  # segments of a path: folders moved into each other would otherwise make ever longer ones


def check(history: History) -> Iterator[Violation]:
    """Torn reads, lost acknowledged writes, documents that come and go, preconditions that let two writers through."""
    contents = Contents(history)
    yield from _torn_reads(history)
    yield from _same_etags(history)
    yield from _impossible_reads(history, contents)
    yield from _double_winners(history, contents)


@dataclass(frozen=True, slots=True, eq=False)
class Write:
    """What an operation makes of one document: this content, or that of another document, `source`."""

    operation: Operation
    path: str
    content: str = ""
    source: str = ""


class Contents:
    """Everything that may have been written to every document of a history."""

    def __init__(self, history: History) -> None:
        self.documents = _documents(history)
        self._placed: dict[str, list[Write]] = defaultdict(list)
        leaving: dict[str, list[Write]] = defaultdict(list)
        written: dict[str, list[Write]] = defaultdict(list)
        below = cache(lambda folder: [path for path in self.documents if within(path, folder)])
        for operation in history.operations:
            for write in _effects(operation, below):
                written[write.path].append(write)
                (leaving[write.source] if write.source else self._placed[write.content]).append(write)
        self.leaving = {path: _spans(writes) for path, writes in leaving.items()}
        self.written = {path: _spans(writes) for path, writes in written.items()}
        self._certain = {path: _Certain([write.operation for write in writes]) for path, writes in written.items()}
        self.standing = cache(self._standing)

    def replaced(self, path: str, since: float) -> float:
        """When whatever stood at a path at an instant has certainly been replaced."""
        return self._certain[path].ended_after(since) if path in self._certain else math.inf

    def last_replacing(self, path: str, before: float) -> Operation | None:
        """The last operation that had certainly written a path before an instant."""
        return self._certain[path].last_before(before) if path in self._certain else None

    def could_be(self, content: str, path: str, first: float, last: float) -> bool:
        """Whether the content can have stood at the path at some instant between the two."""
        spans = self.standing(content).get(path)
        return spans is not None and any(True for _ in spans.overlapping(first, last))

    def _standing(self, content: str) -> dict[str, Spans[None]]:
        """Where and when a content can have stood at most."""
        found: dict[str, list[tuple[float, float, None]]] = defaultdict(list)
        todo = [(write.path, write.operation.sent, write.operation.last) for write in self._placed[content]]
        if content == ABSENT:
            todo += [(path, -math.inf, -math.inf) for path in self.documents]
        seen: set[Write] = set()
        while todo:
            path, first, last = todo.pop()
            until = self.replaced(path, last)
            found[path].append((first, until, None))
            for write in self.leaving[path].overlapping(first, until) if path in self.leaving else ():
                # MOVE or COPY of a document that succeeded had a document to move
                if write not in seen and not (content == ABSENT and write.path == write.operation.destination):
                    seen.add(write)
                    todo.append((write.path, write.operation.sent, write.operation.last))
        return {path: Spans(spans) for path, spans in found.items()}


class _Certain:
    """The acknowledged writes of one document."""

    def __init__(self, operations: list[Operation]) -> None:
        done = sorted((operation for operation in operations if operation.done), key=lambda operation: operation.sent)
        self._sent = [operation.sent for operation in done]
        self._ended = list(accumulate((operation.last for operation in reversed(done)), min))[::-1]
        self._by_end = sorted(done, key=lambda operation: operation.last)
        self._ends = [operation.last for operation in self._by_end]

    def ended_after(self, instant: float) -> float:
        following = bisect_right(self._sent, instant)
        return self._ended[following] if following < len(self._ended) else math.inf

    def last_before(self, instant: float) -> Operation | None:
        preceding = bisect_right(self._ends, instant)
        return self._by_end[preceding - 1] if preceding else None


def _documents(history: History) -> frozenset[str]:
    """Paths of all documents, also of those that only come about by moving or copying a folder."""
    found = {operation.path for operation in history.operations if operation.kind in ("PUT", "GET")}
    folders = {
        (operation.path, operation.destination)
        for operation in history.operations
        if operation.destination and operation.perhaps and operation.path not in found
    }
    todo = list(found)
    while todo:
        path = todo.pop()
        for source, destination in folders:
            for one, other in ((source, destination), (destination, source)):
                if within(path, one) and (twin := other + path[len(one) :]) not in found and twin.count("/") <= DEEPEST:
                    found.add(twin)
                    todo.append(twin)
    return frozenset(found)


def _effects(operation: Operation, below: Callable[[str], list[str]]) -> Iterator[Write]:
    """What an operation makes, or may have made, of each document; `below` tells those at or below a path."""
    if not operation.perhaps:
        return
    if operation.kind == "PUT":
        yield Write(operation, operation.path, operation.body)
    made = operation.status == 201 or not operation.done  # RFC 4918 9.10.4: a LOCK of an unmapped name makes a document
    if operation.kind == "LOCK" and made and operation.path in below(operation.path):
        yield Write(operation, operation.path, EMPTY)
    if operation.kind in ("MOVE", "DELETE"):
        for path in below(operation.path):
            yield Write(operation, path, ABSENT)
    if operation.kind in ("MOVE", "COPY"):
        for path in below(operation.destination):
            yield Write(operation, path, source=operation.path + path[len(operation.destination) :])


def _spans(writes: list[Write]) -> Spans[Write]:
    return Spans((write.operation.sent, write.operation.last, write) for write in writes)


def _torn_reads(history: History) -> Iterator[Violation]:
    sent = {operation.body for operation in history.operations if operation.kind == "PUT"}
    for operation in history.operations:
        if operation.kind != "GET" or not (operation.status or operation.fault):
            continue
        if operation.fault and (operation.status or not history.in_outage(operation.start, operation.end)):
            yield Violation("torn read", operation.fault, (operation,))
        elif operation.done and operation.body != EMPTY and operation.body not in sent:
            yield Violation("torn read", "a body that nobody sent", (operation,))


def _same_etags(history: History) -> Iterator[Violation]:
    """A strong ETag of a URL names one sequence of bytes for ever (RFC 9110 8.8.3)."""
    named: dict[tuple[str, str], Operation] = {}
    for operation in history.operations:
        if operation.etag.startswith('"') and operation.done and operation.body and not operation.fault:
            other = named.setdefault((operation.path, operation.etag), operation)
            if other.body != operation.body:
                yield Violation("same etag", f"{operation.etag} for two contents", (other, operation))


def _reads(history: History) -> Iterator[tuple[Operation, str]]:
    """Operations that tell which content they found. A precondition is judged when the body has arrived."""
    named = {
        (operation.path, operation.etag): operation.body
        for operation in history.operations
        if operation.etag and operation.done and operation.body and not operation.fault
    }
    for operation in history.operations:
        if operation.kind in ("GET", "PROPFIND", "DELETE") and operation.status == 404:
            yield operation, ABSENT
        if not operation.done or operation.fault:
            continue
        if operation.kind == "GET":
            yield operation, operation.body
        if operation.kind == "PUT" and operation.create_only:
            yield operation, ABSENT
        if operation.kind == "PUT" and (body := named.get((operation.path, operation.if_match))):
            yield operation, body


def _impossible_reads(history: History, contents: Contents) -> Iterator[Violation]:
    told: set[tuple[str, str, Operation | None]] = set()
    for read, content in _reads(history):
        if read.path not in contents.documents or contents.could_be(content, read.path, read.sent, read.last):
            continue
        last = contents.last_replacing(read.path, before=read.sent)
        if (key := (read.path, content, last)) in told:
            continue  # one loss, however many readers see it
        told.add(key)
        yield _impossible(read, content, last, contents)


def _impossible(read: Operation, content: str, last: Operation | None, contents: Contents) -> Violation:
    during = []
    if read.path in contents.written:
        during = [write.operation for write in contents.written[read.path].overlapping(read.sent, read.last) if write.operation is not read]
    proof = tuple(dict.fromkeys([*([last] if last else []), *during, read]))
    if read.kind == "PUT":
        return Violation("precondition ignored", f"a PUT was let through although {content} could not be there", proof)
    if content == ABSENT and any(write.destination not in ("", read.path) for write in during if write is not last):
        # design §3: one rename where the file system can do it (RENAME_EXCHANGE)
        return Violation("folder gap", "a document was away while its folder was replaced by one that has it too", proof)
    if content == ABSENT and during:
        return Violation("gap", "a document was away while another took its place", proof)
    if content == ABSENT:
        return Violation("lost write", "an acknowledged document has vanished", proof)
    return Violation("lost write", f"{content} was read after it had been replaced", proof)


def _double_winners(history: History, contents: Contents) -> Iterator[Violation]:
    """Two writers that asked for one state of a document both got through, and nothing can have restored it between."""
    winners: dict[tuple[str, str], Operation] = {}
    for operation in history.operations:
        if operation.kind != "PUT" or not operation.done or not (operation.create_only or operation.if_match):
            continue
        key = operation.path, operation.if_match or ABSENT
        earlier = winners.get(key)
        winners[key] = operation
        if earlier and not _restored(contents, operation, earlier):
            yield Violation("two winners", "two PUTs with one precondition both succeeded", (earlier, operation))


def _restored(contents: Contents, one: Operation, other: Operation) -> bool:
    """Whether something may have taken the document away, or put an older one back, around two operations."""
    first, last = min(one.sent, other.sent), max(one.last, other.last)
    return any(write.operation.kind != "PUT" for write in contents.written[one.path].overlapping(first, last))
