"""What programs ask of a document, the state of the server looked at from beside it, and time, which passes when a test says so."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, TypeVar

from davlock.fprpc.values import DocInfo, MetaValue
from tests.dav.stories import Wire
from tests.fprpc.client import command
from tests.fprpc.client import document as printed
from tests.fprpc.conftest import AUTHOR, VERMEER, Packet, Rpc
from tests.fprpc.statuses import WRITE_ERROR
from tests.serving import Client, Serving

HOUR, MINUTE = 3600, 60
Rows = list[tuple[Any, ...]]
T = TypeVar("T")


def held(serving: Serving) -> dict[str, Rows]:
    """Every lock and every draft, whole, and how all those have ended that are no more."""
    with closing(_database(serving)) as database:
        return {table: database.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in ("locks", "drafts", "history")}


def an_hour_passes(serving: Serving, document: str) -> None:
    """For the locks on a document, and what is remembered of it: nobody can turn the clock of a server that runs, so they become older."""
    path = f"/{document}"
    with closing(_database(serving)) as database, database:
        database.execute("UPDATE locks SET since = since - ?, expires = expires - ? WHERE root = ?", (HOUR, HOUR, path))
        database.execute("UPDATE counters SET soonest = 0")
        database.execute("UPDATE documents SET changed = changed - ? WHERE path = ?", (HOUR, path))
        mine = "document IN (SELECT id FROM documents WHERE path = ?)"
        database.execute(f"UPDATE history SET since = since - ?, ended = ended - ? WHERE {mine}", (HOUR, HOUR, path))


def _database(serving: Serving) -> sqlite3.Connection:
    return sqlite3.connect(serving.root / ".davlock" / "state.db", timeout=30)


def meta(answer: Packet) -> dict[str, MetaValue]:
    """The meta_info of a success, in its document or alone."""
    assert answer.status == 0, answer.raw
    found = answer.values
    return (found.list("document") if "document" in found.pairs else found).list("meta_info").meta()


def seconds(values: dict[str, MetaValue], key: str) -> int:
    """A time in a meta_info, as Unix time."""
    return values[key].seconds


def put(
    rpc: Rpc, user: str, name: str, content: bytes, option: str = "overwrite", meta: dict[str, MetaValue] | None = None, **more: str
) -> Packet:
    """put document; meta: what the client has of its description."""
    return rpc(user, "put document", payload=content, document=printed(DocInfo(name, meta or {})), put_option=option, **more)


def get(rpc: Rpc, user: str, document: str, **parameters: Any) -> Packet:
    """get document."""
    return rpc(user, "get document", document_name=document, **parameters)


def save(client: Client, document: str, content: bytes) -> None:
    """Somebody saves over WebDAV."""
    assert client.put(f"/{document}", content).status in (201, 204)


def at_once(wishes: Sequence[Callable[[], T]]) -> list[T]:
    """What comes of wishes that are all said at the same moment, each by a thread of its own; in their order."""
    barrier = threading.Barrier(len(wishes))

    def say(wish: Callable[[], T]) -> T:
        barrier.wait(30)
        return wish()

    with ThreadPoolExecutor(len(wishes)) as threads:
        return list(threads.map(say, wishes, timeout=60))


def break_off(serving: Serving, name: str, option: str) -> None:
    """alice announces more than she sends; returns once the server has answered or hung up."""
    line = command("put document:6.0.2.5523", {"document": printed(DocInfo(name)), "put_option": option}) + b"\n"
    with Wire(serving, "alice") as wire:
        kind = f"X-Vermeer-Content-Type: {VERMEER}"
        wire.head(f"POST {AUTHOR}", kind, f"Content-Type: {VERMEER}", f"Content-Length: {len(line) + 1_000_000}")
        wire.send(line + b"x" * 1000)
        wire.end()
        answer = wire.answer("POST")
    assert b"%d" % WRITE_ERROR in answer.body or answer.status == 400, answer
