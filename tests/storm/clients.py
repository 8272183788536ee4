"""Clients that do what comes to their mind, all on the same few documents, and write down what happened."""

from __future__ import annotations

import base64
import math
import random
import re
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing.synchronize import Event
from pathlib import Path

from tests.storm.bodies import ABSENT, make_body, read_body
from tests.storm.connection import Answer, Connection
from tests.storm.history import History, Operation, within

USERS = ("alice", "bob")
FOLDERS = ("/f0", "/f1", "/f2")
SPARE = "/f3"  # where folders are moved and copied to
NAMES = ("d0", "d1", "d2", "d3")
DOCUMENTS = tuple(f"{folder}/{name}" for name in NAMES for folder in FOLDERS)
LENGTHS = (256, 256, 256, 1024, 4096, 65_536)  # few, so that documents differ in their bytes alone
TIMEOUTS = (1, 1, 2, 2, 3, 5, 10, 30)  # seconds
OUTAGE_PAUSE = 0.02  # seconds between attempts while nobody listens
SLOWEST_UPLOAD = 2.0  # seconds
LOCKINFO = (
    '<?xml version="1.0"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:{}/></D:lockscope>'
    "<D:locktype><D:write/></D:locktype><D:owner>{}</D:owner></D:lockinfo>"
)
LOCKDISCOVERY = b'<?xml version="1.0"?><D:propfind xmlns:D="DAV:"><D:prop><D:lockdiscovery/></D:prop></D:propfind>'


@dataclass(frozen=True, slots=True)
class Plan:
    """What the clients of all processes need to know. passwords: of each user."""

    host: str
    port: int
    passwords: dict[str, str]
    clients: int = 12  # in each process
    documents: int = len(DOCUMENTS)  # that they quarrel about
    seed: int = 0


@dataclass(slots=True)
class Gossip:
    """What the clients of one process tell each other, so that they can do wrong things with it.

    tokens: (token, path) of locks of both users, alive and dead. etags: the last one seen of each path.
    """

    tokens: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=60))
    etags: dict[str, str] = field(default_factory=dict)


def run(plan: Plan, process: int, ended: Event, file: Path) -> None:
    """Run all clients of one process until `ended` is set, then save what they did."""
    gossip = Gossip()
    clients = [Client(plan, f"{process}.{number}", USERS[number % 2], gossip) for number in range(plan.clients)]
    with ThreadPoolExecutor(len(clients)) as threads:
        for done in [threads.submit(client.run, ended) for client in clients]:
            done.result()
    History(operation for client in clients for operation in client.operations).save(file)


class Client:
    """One editing session after another, with one connection. `operations` is what it did."""

    def __init__(self, plan: Plan, name: str, user: str, gossip: Gossip) -> None:
        self.name = name
        self.user = user
        self.operations: list[Operation] = []
        self._connection = Connection(plan.host, plan.port)
        self._site = f"http://{plan.host}:{plan.port}"
        pair = f"{user}:{plan.passwords[user]}"
        self._always = f"Host: {plan.host}:{plan.port}\r\nAuthorization: Basic {base64.b64encode(pair.encode()).decode()}\r\n"
        self._random = random.Random(f"{plan.seed}/{name}")
        self._gossip = gossip
        self._documents = DOCUMENTS[: plan.documents]
        self._held: dict[str, str] = {}  # path of each token

    def run(self, ended: Event) -> None:
        """Do one thing after another until `ended` is set."""
        with closing(self):
            while not ended.is_set():
                self.step()

    def close(self) -> None:
        self._connection.close()

    def step(self) -> None:
        """Do one thing."""
        holding = self._held and self._random.random() < 0.55
        actions, weights = (_HOLDING, _HOLDING_WEIGHTS) if holding else (_FREE, _FREE_WEIGHTS)
        self._random.choices(actions, weights)[0](self)

    # what a client that holds a lock does with it

    def put_held(self) -> None:
        token, path = self._choose_held()
        if path not in FOLDERS and self.put(path, (token,)).status == 412:
            self._held.pop(token, None)

    def refresh_held(self) -> None:
        token, path = self._choose_held()
        if self.refresh(path, token).status == 412:
            self._held.pop(token, None)

    def abandon_held(self) -> None:
        """Let it run out soon, without a word: what others may do with its token and its path then is another matter."""
        token, path = self._choose_held()
        self.refresh(path, token, asked=1)
        self._held.pop(token, None)

    def unlock_held(self) -> None:
        token, path = self._choose_held()
        if self.unlock(path, token).status:
            self._held.pop(token, None)

    def look_held(self) -> None:
        self.propfind(self._choose_held()[1])

    def get_held(self) -> None:
        _, path = self._choose_held()
        if path not in FOLDERS:
            self.get(path)

    def move_held(self) -> None:
        _, path = self._choose_held()
        self.transfer("MOVE", path, SPARE if path in FOLDERS else self._document())

    def move_onto_held(self) -> None:
        _, path = self._choose_held()
        self.transfer(self._random.choice(("MOVE", "COPY")), SPARE if path in FOLDERS else self._document(), path)

    def delete_held(self) -> None:
        self.delete(self._choose_held()[1])

    # what a client without one does

    def read(self) -> None:
        self.get(self._document())

    def look(self) -> None:
        self.propfind(self._document())

    def write(self) -> None:
        self.put(self._document())

    def write_if_match(self) -> None:
        path = self._document()
        self.put(path, if_match=self._gossip.etags.get(path, ""))

    def create(self) -> None:
        self.put(self._document(), create_only=True)

    def lock_document(self) -> None:
        if len(self._held) < 2:
            self.lock(self._document(), shared=self._random.random() < 0.12)

    def lock_folder(self) -> None:
        if len(self._held) < 2:
            self.lock(self._random.choice(FOLDERS), shared=False)

    def misuse_token(self) -> None:
        if self._gossip.tokens:
            token, path = self._random.choice(self._gossip.tokens)
            use: Callable[[], object] = self._random.choice(
                (
                    lambda: self.put(path, (token,)),
                    lambda: self.put(path, (token,)),
                    lambda: self.refresh(path, token),
                    lambda: self.unlock(path, token),
                )
            )
            if path not in FOLDERS:
                use()

    def move_document(self) -> None:
        self.transfer("MOVE", self._document(), self._document())

    def copy_document(self) -> None:
        self.transfer("COPY", self._document(), self._document())

    def delete_document(self) -> None:
        self.delete(self._document())

    def transfer_folder(self) -> None:
        one, other = self._random.sample((*FOLDERS, SPARE), 2)
        self.transfer(self._random.choice(("MOVE", "COPY")), one, other)

    def delete_folder(self) -> None:
        self.delete(self._random.choice((*FOLDERS, SPARE)))

    def make_folder(self) -> None:
        self.mkcol(self._random.choice(FOLDERS))

    # requests

    def get(self, path: str) -> Operation:
        operation, answer = self._ask("GET", path)
        if answer.status == 200:
            operation.etag = answer.headers.get("etag", "")
            operation.body, operation.fault = read_body(answer.body)
            if operation.body != ABSENT:
                self._gossip.etags[path] = operation.etag
        if answer.cut and answer.headers:
            operation.fault = answer.cut
        return operation

    def put(self, path: str, tokens: tuple[str, ...] = (), if_match: str = "", create_only: bool = False) -> Operation:
        name = f"{self.name}.{len(self.operations)}"
        headers = f"If-Match: {if_match}\r\n" * bool(if_match) + "If-None-Match: *\r\n" * create_only
        slow = self._random.uniform(0.2, SLOWEST_UPLOAD) if self._random.random() < 0.06 else 0.0
        operation, answer = self._ask(
            "PUT",
            path,
            headers + self._if(path, dict.fromkeys(tokens, path)),
            make_body(name, self._random.choice(LENGTHS)),
            slow,
            body=name,
            tokens=tokens,
            if_match=if_match,
            create_only=create_only,
        )
        operation.etag = answer.headers.get("etag", "")
        if operation.done:
            self._gossip.etags[path] = operation.etag
        if operation.status == 409:
            self.mkcol(path.rpartition("/")[0])
        return operation

    def lock(self, path: str, shared: bool) -> Operation:
        asked = self._random.choice(TIMEOUTS)
        body = LOCKINFO.format("shared" if shared else "exclusive", self.name).encode()
        operation, answer = self._ask(
            "LOCK",
            path,
            f"Depth: 0\r\nTimeout: Second-{asked}\r\nContent-Type: application/xml\r\n",
            body,
            shared=shared,
            asked=float(asked),
        )
        if operation.done:
            operation.granted = answer.headers.get("lock-token", "").strip("<> ")
            operation.timeout = _active_locks(answer.body).get(operation.granted, 0.0)
            self._held[operation.granted] = path
            self._gossip.tokens.append((operation.granted, path))
        return operation

    def refresh(self, path: str, token: str, asked: int = 0) -> Operation:
        asked = asked or self._random.choice(TIMEOUTS)
        operation, answer = self._ask(
            "REFRESH", path, f"Timeout: Second-{asked}\r\n" + self._if(path, {token: path}), tokens=(token,), asked=float(asked)
        )
        if operation.done:
            operation.timeout = _active_locks(answer.body).get(token, 0.0)
        return operation

    def unlock(self, path: str, token: str) -> Operation:
        return self._ask("UNLOCK", path, f"Lock-Token: <{token}>\r\n", tokens=(token,))[0]

    def propfind(self, path: str) -> Operation:
        operation, answer = self._ask("PROPFIND", path, "Depth: 0\r\nContent-Type: application/xml\r\n", LOCKDISCOVERY)
        operation.shown = tuple(_active_locks(answer.body))
        return operation

    def transfer(self, kind: str, path: str, destination: str) -> None:
        if path != destination:
            tokens = self._tokens_below(path, destination)
            keep = "Overwrite: F\r\n" * (self._random.random() < 0.2)
            headers = f"Destination: {self._site}{destination}\r\nDepth: infinity\r\n{keep}{self._if(path, tokens)}"
            operation, _ = self._ask(kind, path, headers, destination=destination, tokens=tuple(tokens))
            self._forget(operation)

    def delete(self, path: str) -> None:
        tokens = self._tokens_below(path)
        operation, _ = self._ask("DELETE", path, self._if(path, tokens), tokens=tuple(tokens))
        self._forget(operation)

    def mkcol(self, path: str) -> Operation:
        return self._ask("MKCOL", path)[0]

    def _ask(
        self, kind: str, path: str, headers: str = "", content: bytes = b"", slow: float = 0.0, **noted: object
    ) -> tuple[Operation, Answer]:
        """One request, written down unless nobody listened; slow is for how many seconds its body dribbles."""
        method = "LOCK" if kind == "REFRESH" else kind
        length = f"Content-Length: {len(content)}\r\n" * bool(content)
        head = f"{method} {path} HTTP/1.1\r\n{self._always}{headers}{length}\r\n".encode()
        pieces = _cut(content, self._random.randint(2, 6)) if slow else []
        operation = Operation(self.name, self.user, kind, path, 0.0, 0.0, 0.0, 0)
        for name, value in noted.items():
            setattr(operation, name, value)
        try:
            self._connection.open()
        except OSError:
            time.sleep(OUTAGE_PAUSE)
            return operation, Answer(0, {}, cut="refused")
        # not before it is connected: what breaks off was then asked of the server of this instant
        operation.start = time.monotonic()
        answer = self._connection.exchange(head if slow else head + content, pieces, slow / max(1, len(pieces)))
        operation.sent = self._connection.sent
        operation.end = time.monotonic()
        operation.status = answer.status
        self.operations.append(operation)
        return operation, answer

    def _if(self, path: str, tokens: dict[str, str]) -> str:
        """An If header (RFC 4918 10.4): one token of the path itself untagged, all else tagged."""
        if list(tokens.values()) == [path]:
            return f"If: (<{next(iter(tokens))}>)\r\n"
        lists = [f"<{self._site}{where}> (<{token}>)" for token, where in tokens.items()]
        return f"If: {' '.join(lists)}\r\n" * bool(lists)

    def _document(self) -> str:
        return self._documents[int(self._random.random() ** 1.6 * len(self._documents))]  # the first ones more often

    def _choose_held(self) -> tuple[str, str]:
        return self._random.choice(list(self._held.items()))

    def _tokens_below(self, *paths: str) -> dict[str, str]:
        return {token: where for token, where in self._held.items() if any(within(where, path) for path in paths)}

    def _forget(self, operation: Operation) -> None:
        self._held = {token: path for token, path in self._held.items() if not (operation.done and operation.removes(path))}


def _cut(body: bytes, number: int) -> list[bytes]:
    size = -(-len(body) // number)
    return [body[start : start + size] for start in range(0, len(body), size)]


def _active_locks(body: bytes) -> dict[str, float]:
    """Token and timeout in seconds of each activelock (RFC 4918 14.1) that shows its token; 0 if it tells no timeout."""
    found = {}
    for lock in re.findall(rb"<(?:\w+:)?activelock\b.*?</(?:\w+:)?activelock>", body, re.DOTALL):
        token = re.search(rb"locktoken>\s*<(?:\w+:)?href>\s*([^<\s]+)\s*<", lock)
        timeout = re.search(rb"timeout>\s*(?:Second-([0-9]{1,10})|Infinite)\s*<", lock)
        if token:
            seconds = float(timeout[1] or math.inf) if timeout else 0.0
            found[token[1].decode()] = seconds
    return found


_HOLDING, _HOLDING_WEIGHTS = zip(
    *{
        Client.put_held: 30,
        Client.unlock_held: 24,
        Client.abandon_held: 2,
        Client.refresh_held: 10,
        Client.look_held: 8,
        Client.get_held: 6,
        Client.delete_held: 4,
        Client.move_held: 4,
        Client.move_onto_held: 4,
    }.items(),
    strict=True,
)
_FREE, _FREE_WEIGHTS = zip(
    *{
        Client.read: 20,
        Client.lock_document: 1.7,
        Client.write: 14,
        Client.write_if_match: 5,
        Client.create: 4,
        Client.misuse_token: 4,
        Client.look: 5,
        Client.delete_document: 5,
        Client.move_document: 4,
        Client.copy_document: 4,
        Client.transfer_folder: 0.8,
        Client.delete_folder: 0.5,
        Client.make_folder: 0.7,
        Client.lock_folder: 0.2,
    }.items(),
    strict=True,
)
