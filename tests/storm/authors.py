"""Authors who check documents out, save drafts, check in and think better of it, and keep a journal of what they were told."""

from __future__ import annotations

import base64
import random
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from html import unescape
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from tests.storm.bodies import make_body, read_body
from tests.storm.connection import Answer, Connection
from tests.storm.journals import STANDSTILL, Step, save

AUTHORS = ("alice", "bob")
READER = "carol"
FOLDER = "/reports"
LENGTHS = (256, 256, 1024, 4096, 65_536)
OUTAGE_PAUSE = 0.02  # seconds between attempts while nobody listens
REFUSED_PAUSE = 0.02  # seconds: so that those who work get on with it
XML = "Content-Type: application/xml\r\n"
LOCKDISCOVERY = b'<?xml version="1.0"?><D:propfind xmlns:D="DAV:"><D:prop><D:lockdiscovery/></D:prop></D:propfind>'
VERSION_TREE = (
    b'<?xml version="1.0"?><D:version-tree xmlns:D="DAV:"><D:prop><D:version-name/><D:comment/><D:creator-displayname/></D:prop>'
    b"</D:version-tree>"
)
CHECKIN = '<?xml version="1.0"?><D:checkin xmlns:D="DAV:">{}<D:comment>{}</D:comment></D:checkin>'


@dataclass(frozen=True, slots=True)
class Plan:
    """What the authors of all processes need to know. clients: in each process, two of them on each document."""

    host: str
    port: int
    passwords: dict[str, str]
    clients: int = 8
    seed: int = 0


def documents(processes: int, clients: int) -> list[str]:
    """The paths of the documents that so many authors in so many processes quarrel about."""
    return [_document(process, number) for process in range(processes) for number in range(0, clients, len(AUTHORS))]


def _document(process: int, number: int) -> str:
    return f"{FOLDER}/{process}-{number // len(AUTHORS)}.odt"


def run(plan: Plan, process: int, ended: Event, file: Path) -> None:
    """Let all authors of one process work until `ended` is set, then save their journals."""
    authors = [Author(plan, AUTHORS[number % len(AUTHORS)], _document(process, number)) for number in range(plan.clients)]
    with ThreadPoolExecutor(len(authors)) as threads:
        for done in [threads.submit(author.run, ended) for author in authors]:
            done.result()
    save([author.journal for author in authors], file)


class Author:
    """Somebody with one connection and one document, of which nobody else of his name knows."""

    def __init__(self, plan: Plan, name: str, document: str) -> None:
        self.name = name
        self.document = document
        self.journal: list[Step] = []
        self._connection = Connection(plan.host, plan.port)
        self._site = f"http://{plan.host}:{plan.port}"
        pair = f"{name}:{plan.passwords[name]}"
        self._always = f"Host: {plan.host}:{plan.port}\r\nAuthorization: Basic {base64.b64encode(pair.encode()).decode()}\r\n"
        self._random = random.Random(f"{plan.seed}/{name}/{document}")
        self._holds = False
        self._unsure = False  # the last answer did not come: nobody knows
        self._failures = 0  # answered in a row
        self._stem = f"{name}.{document.rpartition('/')[2].partition('.')[0]}"

    def run(self, ended: Event) -> None:
        """Do one thing after another until `ended` is set."""
        with closing(self), suppress(Standstill):
            while not ended.is_set() or self._unsure:
                self.step()

    def close(self) -> None:
        self._connection.close()

    def create(self) -> None:
        """The first version."""
        body = self._new_name()
        self._ask("PUT", content=self._make(body), body=body)

    def step(self) -> None:
        """Do one thing; after an answer that did not come, first look what has become of it."""
        if self._unsure:
            self._unsure = False
            self.look()
            self.read()
            self.history()
            return
        actions = _HOLDING if self._holds else _FREE
        self._random.choices(list(actions), list(actions.values()))[0](self)

    def check_out(self) -> None:
        self._holds = self._ask("CHECKOUT").is_done
        if not self._holds:
            time.sleep(self._random.uniform(0, REFUSED_PAUSE))

    def write(self) -> None:
        """Save: while it is checked out, a draft."""
        body = self._new_name()
        self._ask("PUT", headers="If-Match: *\r\n", content=self._make(body), body=body)

    def check_in(self, keep: bool = False) -> None:
        comment = self._new_name()
        body = CHECKIN.format("<D:keep-checked-out/>" * keep, comment).encode()
        if self._ask("CHECKIN", headers=XML, content=body, comment=comment, keep=keep).is_done:
            self._holds = keep

    def check_in_and_keep(self) -> None:
        self.check_in(keep=True)

    def undo(self) -> None:
        answer = self._send("UNCHECKOUT", "UNCHECKOUT", self.document)
        if self.journal[-1].is_done:
            self._holds = False
            if where := answer.headers.get("location"):
                self._ask("RESCUED", "GET", where)

    def dance(self) -> None:
        """Save as Word and Explorer do: write a new file, move the document away, move the new one onto its name."""
        body = self._new_name()
        written, aside = f"{FOLDER}/~WRD{body}.tmp", f"{FOLDER}/~WRL{body}.tmp"
        if not self._ask("SCRATCH", "PUT", written, content=self._make(body)).is_done or not self._move_away(aside):
            self._discard(written)
            return
        while not self._ask("ONTO", "MOVE", written, self._to(self.document), body=body).is_done and self._read_surely().status == 404:
            pass
        self._discard(aside)

    def look(self) -> None:
        self._ask("LOOK", "PROPFIND", headers=f"Depth: 0\r\n{XML}", content=LOCKDISCOVERY)
        if self.journal[-1].is_done:
            self._holds = self.journal[-1].holder == self.name

    def read(self) -> None:
        self._ask("GET")

    def history(self) -> None:
        """List the versions, and read one of them."""
        answer = self._send("HISTORY", "REPORT", self.document, f"Depth: 0\r\n{XML}", VERSION_TREE)
        step = self.journal[-1]
        versions = _versions(answer.body) if step.is_done else []
        self.journal[-1] = replace(step, listed=tuple((number, comment) for _, number, comment in versions))
        if versions:
            where, _, comment = self._random.choice(versions[-20:])
            self._ask("VERSION", "GET", where, comment=comment)

    def _move_away(self, aside: str) -> bool:
        step = self._ask("AWAY", "MOVE", headers=self._to(aside))
        return step.is_done or (step.is_open and self._read_surely().status == 404)

    def _read_surely(self) -> Step:
        while (step := self._ask("GET")).is_open:
            pass
        return step

    def _discard(self, path: str) -> None:
        while self._ask("SCRATCH", "DELETE", path).is_open:
            pass

    def _to(self, path: str) -> str:
        return f"Destination: {self._site}{path}\r\nOverwrite: F\r\n"

    def _new_name(self) -> str:
        return f"{self._stem}.{len(self.journal)}"

    def _make(self, name: str) -> bytes:
        return make_body(name, self._random.choice(LENGTHS))

    def _ask(self, kind: str, method: str = "", path: str = "", headers: str = "", content: bytes = b"", **noted: Any) -> Step:
        """One request, written into the journal with what is noted of it, once somebody listens."""
        self._send(kind, method or kind, path or self.document, headers, content, **noted)
        return self.journal[-1]

    def _send(self, kind: str, method: str, path: str, headers: str = "", content: bytes = b"", **noted: Any) -> Answer:
        length = f"Content-Length: {len(content)}\r\n" * bool(content)
        request = f"{method} {path} HTTP/1.1\r\n{self._always}{headers}{length}\r\n".encode() + content
        while True:
            try:
                self._connection.open()
                break
            except OSError:
                time.sleep(OUTAGE_PAUSE)
        # not before it is connected: what breaks off was then asked of the server of this instant
        start = time.monotonic()
        answer = self._connection.exchange(request)
        step = Step(self.name, self.document, kind, start, time.monotonic(), answer.status)
        self._unsure |= step.is_open
        self._failures = self._failures + 1 if step.status >= 500 else 0
        if step.is_done and kind in ("GET", "VERSION", "RESCUED"):
            noted["body"], noted["fault"] = read_body(answer.body)
        if kind == "LOOK":
            noted["holder"] = _holder(answer.body)
        self.journal.append(replace(step, **noted))
        if self._failures == STANDSTILL:
            raise Standstill
        return answer


class Standstill(Exception):
    """The server answers, but never what was asked for."""


def _holder(body: bytes) -> str:
    """Who has it checked out, by lockdiscovery."""
    found = re.search(rb"<L:holder\b[^>]*>([^<]*)<", body)
    return found[1].decode() if found else ""


def _versions(body: bytes) -> list[tuple[str, int, str]]:
    """Path, number and comment of each version, in the order of their numbers."""
    found = []
    for response in re.findall(rb"<D:response>.*?</D:response>", body, re.DOTALL):
        href, number = re.search(rb"<D:href>([^<]+)<", response), re.search(rb"<D:version-name>([0-9]{1,9})<", response)
        comment = re.search(rb"<D:comment>([^<]*)<", response)
        if href and number:
            found.append((href[1].decode(), int(number[1]), unescape(comment[1].decode()) if comment else ""))
    return sorted(found, key=lambda version: version[1])


_FREE: dict[Callable[[Author], None], float] = {
    Author.check_out: 50,
    Author.read: 20,
    Author.write: 15,
    Author.look: 5,
    Author.check_in: 4,
    Author.undo: 4,
    Author.history: 2,
}
_HOLDING: dict[Callable[[Author], None], float] = {
    Author.write: 30,
    Author.check_in: 25,
    Author.check_in_and_keep: 15,
    Author.dance: 10,
    Author.undo: 6,
    Author.read: 12,
    Author.look: 4,
    Author.history: 2,
}
