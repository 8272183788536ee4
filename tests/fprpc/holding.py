"""How a document comes to be held, and how that ends: a State is made by people, one after the other, before a test asks its question."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.fprpc.conftest import Packet, Rpc
from tests.fprpc.states import an_hour_passes, meta, save
from tests.serving import Serving

SHORT, REFRESH, LONG = {"force": 0, "timeout": 10}, {"force": 2, "timeout": 30}, {"force": 0, "timeout": 0}
State = Callable[[Rpc, Serving, str], object]


def check_out(rpc: Rpc, user: str, document: str, **parameters: Any) -> Packet:
    return rpc(user, "checkout document", document_name=document, **(parameters or SHORT))


def uncheck(rpc: Rpc, user: str, document: str, short: bool = True, **parameters: Any) -> Packet:
    return rpc(user, "uncheckout document", document_name=document, rlsshortterm=short, **parameters)


def check_in(rpc: Rpc, user: str, document: str, **parameters: Any) -> Packet:
    return rpc(user, "checkin document", document_name=document, **parameters)


def holds(user: str, **how: Any) -> State:
    def state(rpc: Rpc, serving: Serving, document: str) -> None:
        assert check_out(rpc, user, document, **how).status == 0

    return state


def locks(user: str, path: Callable[[str], str] = str, **how: Any) -> State:
    return lambda rpc, serving, document: rpc.client(user).lock(f"/{path(document)}", **how)


def passes(rpc: Rpc, serving: Serving, document: str) -> None:
    an_hour_passes(serving, document)


def ends(user: str, short: bool = True) -> State:
    return lambda rpc, serving, document: meta(uncheck(rpc, user, document, short))


def saves(user: str) -> State:
    return lambda rpc, serving, document: save(rpc.client(user), document, b"changed")


def writes_underneath(rpc: Rpc, serving: Serving, document: str) -> None:
    """Another program does."""
    (serving.root / document).write_bytes(b"changed underneath")


def folder_of(document: str) -> str:
    return document.rpartition("/")[0]


def removes(rpc: Rpc, serving: Serving, document: str) -> None:
    (serving.root / document).unlink()
