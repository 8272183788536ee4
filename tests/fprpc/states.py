"""The state of a server that runs, looked at from beside it; and time, which passes when a test says so."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from davlock.fprpc.values import DocInfo, MetaValue
from tests.fprpc.client import document as printed
from tests.fprpc.conftest import Packet, Rpc
from tests.serving import Client, Serving

HOUR = 3600
Rows = list[tuple[Any, ...]]


def held(serving: Serving) -> dict[str, Rows]:
    """Every lock and every draft, whole, and how all those have ended that are no more."""
    with closing(_database(serving)) as database:
        return {table: database.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in ("locks", "drafts", "history")}


def an_hour_passes(serving: Serving, document: str) -> None:
    """For the locks on a document, and what is remembered of it: nobody can turn the clock of a server that runs, so they become older."""
    path = f"/{document}"
    with closing(_database(serving)) as database, database:
        database.execute("UPDATE locks SET since = since - ?, expires = expires - ? WHERE root = ?", (HOUR, HOUR, path))
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


def save(client: Client, document: str, content: bytes) -> None:
    """Somebody saves over WebDAV."""
    assert client.put(f"/{document}", content).status in (201, 204)
