"""A simulated storm on a server that does everything right at one instant, or one thing wrong on purpose.

It makes histories of which the checker must find nothing, respectively something: true for any order and any overlap, because
answers are judged by virtual time and by what really happened.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from dataclasses import dataclass, replace

from tests.storm.bodies import EMPTY
from tests.storm.history import History, Kill, Operation, parent, within

FOLDERS = ("/f", "/g")
DOCUMENTS = tuple(f"{folder}/{name}" for folder in FOLDERS for name in "ab")
PLACES = ("/f", "/g", "/h")
USERS = ("alice", "bob")
FAULTS = (  # what a server can be told to do wrong now and then
    "forgets a PUT",
    "forgets a DELETE",
    "grants beside a lock",
    "writes under a lock",
    "judges a slow PUT at its start",
    "forgets an UNLOCK",
    "never lets a lock expire",
    "loses locks when killed",
    "loses writes when killed",
    "ignores If-Match",
    "ignores If-None-Match",
    "merges folders",
    "keeps the lock of what was moved",
    "repeats etags",
    "lets anybody unlock",
    "forgets a MOVE over it",
    "lets a dead token pass",
)


@dataclass(slots=True)
class Held:
    """A lock of the simulated server."""

    path: str
    user: str
    shared: bool
    expires: float


class Simulation:
    """`run` plays a storm of some operations; fault is one of FAULTS or nothing."""

    def __init__(self, seed: int, fault: str = "", clients: int = 8, kills: int = 6) -> None:
        self.random = random.Random(seed)
        self.fault = fault
        self.clients = clients
        self.kills = [Kill(at, at + 0.01, at + 0.5) for at in sorted(self.random.uniform(3, 40) for _ in range(kills))]
        self.documents: dict[str, tuple[str, str]] = {}  # body and etag of each path
        self.folders = set(FOLDERS)
        self.locks: dict[str, Held] = {}
        self.known: dict[str, str] = {}  # path of each token ever granted
        self.recent: list[tuple[float, str, tuple[str, str] | None]] = []  # time, path, what was there before
        self.number = itertools.count()
        self.queue: list[tuple[float, int, Operation]] = []  # by the instant at which it will take effect
        self.done: list[Operation] = []

    def run(self, operations: int) -> History:
        for client in range(self.clients):
            self._begin(str(client), self.random.random())
        deaths = list(self.kills)
        while len(self.done) < operations:
            if deaths and deaths[0].began <= self.queue[0][0]:
                self._die(deaths.pop(0))
                continue
            at, _, operation = heapq.heappop(self.queue)
            self._apply(operation, at)
            operation.end = at + self._delay()
            if deaths and deaths[0].began <= operation.end:  # it happened, and nobody was told
                self._break_off(operation, deaths[0])
            else:
                self._finish(operation, operation.end)
        return History(self.done, self.kills)

    def _die(self, kill: Kill) -> None:
        """What was asked and has not happened never will."""
        for entry in [entry for entry in self.queue if entry[2].start <= kill.began]:
            self.queue.remove(entry)
            self._break_off(entry[2], kill)
        heapq.heapify(self.queue)
        if self.fault == "loses locks when killed":
            self.locks.clear()
        if self.fault == "loses writes when killed":
            for at, path, before in reversed(self.recent):
                if at > kill.began - 0.5:
                    self.documents.pop(path, None)
                    self.documents |= {path: before} if before else {}

    def _break_off(self, operation: Operation, kill: Kill) -> None:
        told_nothing = replace(operation, status=0, granted="", timeout=0.0, etag="", shown=(), end=kill.began)
        self._finish(replace(told_nothing, sent=min(operation.sent, kill.began)), kill.serving)

    def _finish(self, operation: Operation, free: float) -> None:
        self.done.append(operation)
        self._begin(operation.client, free)

    def _delay(self) -> float:
        return self.random.expovariate(1 / self.random.choice((0.001, 0.02, 0.2)))

    def _wrong(self, fault: str) -> bool:
        return self.fault == fault and self.random.random() < 0.5

    def _begin(self, client: str, after: float) -> None:
        start = after + self.random.expovariate(20)
        start = max([start, *(kill.serving for kill in self.kills if kill.began <= start <= kill.serving)])
        operation = self._choose(client, start)
        operation.sent += self.random.uniform(0, 3) if operation.kind == "PUT" and self.random.random() < 0.1 else 0
        heapq.heappush(self.queue, (operation.sent + self._delay(), next(self.number), operation))

    def _choose(self, client: str, now: float) -> Operation:
        kind = self.random.choice(
            (
                "PUT",
                "PUT",
                "PUT",
                "GET",
                "GET",
                "GET",
                "LOCK",
                "REFRESH",
                "UNLOCK",
                "PROPFIND",
                "DELETE",
                "MOVE",
                "COPY",
                "PUT held",
                "PUT held",
            )
        )
        user = USERS[int(client) % 2]
        operation = Operation(client, user, kind.split()[0], self.random.choice(DOCUMENTS), now, now, now, 0)
        if kind in ("REFRESH", "UNLOCK", "PUT held"):
            if not self.known:
                return replace(operation, kind="GET")
            token, operation.path = self.random.choice(list(self.known.items())[-12:])
            operation.tokens = (token,)
            if kind == "PUT held" and operation.path in PLACES:
                operation.kind = "REFRESH"
        if kind in ("DELETE", "MOVE", "COPY") and self.random.random() < 0.25:
            operation.path = self.random.choice(PLACES)
        if kind in ("MOVE", "COPY"):
            others = PLACES if operation.path in PLACES else DOCUMENTS
            operation.destination = self.random.choice([other for other in others if other != operation.path])
        if kind in ("DELETE", "MOVE", "COPY"):
            operation.tokens = tuple(
                token
                for token, lock in self.locks.items()
                if lock.user == user
                and token in self.known
                and self.random.random() < 0.8
                and (within(lock.path, operation.path) or within(lock.path, operation.destination or "-"))
            )
        if kind == "LOCK" and self.random.random() < 0.1:
            operation.path = self.random.choice(FOLDERS)
        if kind in ("LOCK", "REFRESH"):
            operation.asked = float(self.random.choice((1, 2, 5, 10)))
            operation.shared = kind == "LOCK" and self.random.random() < 0.2
        if operation.kind == "PUT":
            operation.body = f"b{next(self.number)}"
            if operation.path in self.documents and self.random.random() < 0.2:
                operation.if_match = self.documents[operation.path][1]
            elif self.random.random() < 0.1:
                operation.create_only = True
        return operation

    # what the server does, at the instant `now`

    def _apply(self, operation: Operation, now: float) -> None:
        if self.fault != "never lets a lock expire":
            self.locks = {token: lock for token, lock in self.locks.items() if lock.expires > now}
        act = getattr(self, f"_{operation.kind.lower()}")
        operation.status = 412 if self._leans_on_nothing(operation) else act(operation, now)

    def _leans_on_nothing(self, operation: Operation) -> bool:
        """Its If header is false: the only token in it is dead (RFC 4918 10.4)."""
        unjudged = operation.sent > operation.start and self.fault == "judges a slow PUT at its start"
        dead = operation.kind != "UNLOCK" and len(operation.tokens) == 1 and operation.tokens[0] not in self.locks
        return dead and not unjudged and not self._wrong("lets a dead token pass")

    def _get(self, operation: Operation, now: float) -> int:
        if operation.path not in self.documents:
            return 404
        operation.body, operation.etag = self.documents[operation.path]
        return 200

    def _propfind(self, operation: Operation, now: float) -> int:
        operation.shown = tuple(token for token, lock in self.locks.items() if lock.path == operation.path and lock.user == operation.user)
        return 207 if operation.path in self.documents or operation.path in self.folders else 404

    def _lock(self, operation: Operation, now: float) -> int:
        beside = [lock for lock in self.locks.values() if lock.path == operation.path]
        if any(not (lock.shared and operation.shared) for lock in beside) and not self._wrong("grants beside a lock"):
            return 423
        exists = operation.path in self.documents or operation.path in self.folders
        if not exists and (problem := self._cannot_create(operation, operation.path)):
            return problem
        operation.granted = f"t{next(self.number)}"
        operation.timeout = operation.asked
        self.locks[operation.granted] = Held(operation.path, operation.user, operation.shared, now + operation.asked + 0.5)
        self.known[operation.granted] = operation.path
        if not exists:
            self._store(operation.path, EMPTY, now)
        return 200 if exists else 201

    def _refresh(self, operation: Operation, now: float) -> int:
        lock = self.locks.get(operation.tokens[0])
        if not lock or lock.user != operation.user or lock.path != operation.path:
            return 412
        lock.expires, operation.timeout = now + operation.asked + 0.5, operation.asked
        return 200

    def _unlock(self, operation: Operation, now: float) -> int:
        lock = self.locks.get(operation.tokens[0])
        if not lock or lock.path != operation.path:
            return 409
        if lock.user != operation.user and not self._wrong("lets anybody unlock"):
            return 403
        if not self._wrong("forgets an UNLOCK"):
            del self.locks[operation.tokens[0]]
        return 204

    def _put(self, operation: Operation, now: float) -> int:
        found = self.documents.get(operation.path)
        if operation.create_only and found and not self._wrong("ignores If-None-Match"):
            return 412
        if operation.if_match and (not found or found[1] != operation.if_match) and not self._wrong("ignores If-Match"):
            return 412
        unjudged = operation.sent > operation.start and self.fault == "judges a slow PUT at its start"
        if not unjudged and self._blocked(operation, operation.path):
            return 423
        if not found and (problem := self._cannot_create(operation, operation.path)):
            return problem
        if not self._wrong("forgets a PUT"):
            operation.etag = self._store(operation.path, operation.body, now)
        return 204 if found else 201

    def _delete(self, operation: Operation, now: float) -> int:
        if problem := self._cannot_remove(operation):
            return problem
        if not self._wrong("forgets a DELETE"):
            self._remove(operation.path)
            if operation.path in PLACES:
                self.folders |= {operation.path} & set(FOLDERS)  # somebody makes it again at once
        return 204

    def _move(self, operation: Operation, now: float) -> int:
        return self._cannot_remove(operation) or self._transfer(operation, now)

    def _copy(self, operation: Operation, now: float) -> int:
        exists = operation.path in self.documents or operation.path in self.folders
        return self._transfer(operation, now) if exists else 404

    def _transfer(self, operation: Operation, now: float) -> int:
        source, target = operation.path, operation.destination
        exists = target in self.documents or target in self.folders
        if any(self._blocked(operation, path) for path in {target, *self.documents, *self.known.values()} if within(path, target)):
            return 423
        if not exists and (problem := self._cannot_create(operation, target)):
            return problem
        coming = {target + path[len(source) :]: content for path, content in self.documents.items() if within(path, source)}
        folder = source in self.folders
        moves = operation.kind == "MOVE"
        if moves:
            self._remove(source)
            self.folders |= {source} & set(FOLDERS)
        if not (folder and self._wrong("merges folders")):
            self._remove(target)
        self.folders |= {target} if folder else set()
        if not self._wrong("forgets a MOVE over it"):
            for path, (body, etag) in coming.items():
                self.documents[path] = (body, etag if moves else f'"{next(self.number)}"')
        return 204 if exists else 201

    def _cannot_remove(self, operation: Operation) -> int:
        path = operation.path
        if path not in self.documents and path not in self.folders:
            return 404
        below = {each for each in (path, *self.documents, *self.known.values()) if within(each, path)}
        return 423 if any(self._blocked(operation, each) for each in {*below, parent(path)}) else 0

    def _cannot_create(self, operation: Operation, path: str) -> int:
        if parent(path) != "/" and parent(path) not in self.folders:
            return 409
        return 423 if self._blocked(operation, parent(path)) else 0

    def _blocked(self, operation: Operation, path: str) -> bool:
        there = {token: lock for token, lock in self.locks.items() if lock.path == path}
        own = [lock for token, lock in there.items() if token in operation.tokens and lock.user == operation.user]
        return bool(there) and not own and not self._wrong("writes under a lock")

    def _store(self, path: str, body: str, now: float) -> str:
        etag = f'"{int(now)}"' if self.fault == "repeats etags" else f'"{next(self.number)}"'
        self.recent.append((now, path, self.documents.get(path)))
        self.documents[path] = (body, etag)
        return etag

    def _remove(self, path: str) -> None:
        self.documents = {each: content for each, content in self.documents.items() if not within(each, path)}
        self.folders = {each for each in self.folders if each != path}
        keeps = self._wrong("keeps the lock of what was moved")
        self.locks = {token: lock for token, lock in self.locks.items() if keeps or not within(lock.path, path)}


def history_of(seed: int, fault: str = "", operations: int = 3000) -> History:
    """A simulated storm."""
    history = Simulation(seed, fault).run(operations)
    assert all(math.isfinite(operation.end) for operation in history.operations)
    return history
