"""The checker of a storm: finds each kind of violation in histories made by hand, and nothing in legal ones."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from tests.storm.bodies import EMPTY, make_body, read_body
from tests.storm.checker import check
from tests.storm.history import History, Kill, Operation, load
from tests.storm.ideal import FAULTS, history_of

DOC, OTHER = "/f/d", "/f/e"
_clients = itertools.count()


def act(kind: str, start: float, end: float, path: str = DOC, user: str = "alice", status: int = 0, **more: Any) -> Operation:
    """An operation, acknowledged as usual unless a status says otherwise (-1: the connection broke)."""
    usual = {"PUT": 204, "GET": 200, "LOCK": 200, "REFRESH": 200, "PROPFIND": 207}.get(kind, 204)
    more = {"sent": start} | more
    return Operation(f"c{next(_clients)}", user, kind, path, start, end=end, status=max(0, status or usual), **more)


def put(body: str, start: float, end: float, path: str = DOC, **more: Any) -> Operation:
    return act("PUT", start, end, path, body=body, **more)


def get(body: str, start: float, end: float, path: str = DOC, **more: Any) -> Operation:
    return act("GET", start, end, path, body=body, **more)


def lock(token: str, start: float, end: float, path: str = DOC, timeout: float = 100, **more: Any) -> Operation:
    return act("LOCK", start, end, path, granted=token, asked=timeout, timeout=timeout, **more)


def refresh(token: str, start: float, end: float, timeout: float = 100, **more: Any) -> Operation:
    return act("REFRESH", start, end, tokens=(token,), asked=timeout, timeout=timeout, **more)


def unlock(token: str, start: float, end: float, **more: Any) -> Operation:
    return act("UNLOCK", start, end, tokens=(token,), **more)


def broken(kind: str, start: float, end: float, path: str = DOC, **more: Any) -> Operation:
    return act(kind, start, end, path, status=-1, **more)


FIRST = put("p0", 0, 1, status=201)

WRONG: list[tuple[str, str, list[Operation]]] = [
    ("two holders", "one inside the other", [lock("A", 1, 2), lock("B", 3, 4, user="bob")]),
    ("two holders", "same user, two sessions", [lock("A", 1, 2), lock("B", 3, 4)]),
    ("two holders", "overlapping requests", [lock("A", 1, 3), lock("B", 2, 4, user="bob")]),
    ("two holders", "exclusive beside shared", [lock("A", 1, 2, shared=True), lock("B", 3, 4, user="bob")]),
    ("two holders", "kept alive by a refresh", [lock("A", 1, 2, timeout=5), refresh("A", 5, 6, timeout=5), lock("B", 8, 8.5, user="bob")]),
    ("two holders", "a grant too short to be held", [lock("A", 1, 2), lock("B", 3, 4, user="bob", timeout=1)]),
    ("two holders", "one token twice", [lock("A", 1, 2), unlock("A", 3, 4), lock("A", 5, 6)]),
    ("late write", "PUT without the token", [FIRST, lock("A", 1, 2), put("p1", 3, 4)]),
    ("late write", "PUT with the token of the other user", [FIRST, lock("A", 1, 2), put("p1", 3, 4, user="bob", tokens=("A",))]),
    (
        "late write",
        "an upload that outlived its lock",
        [FIRST, lock("A", 1, 2), unlock("A", 5, 6), lock("B", 7, 8, user="bob"), put("p1", 3, 10, sent=9, tokens=("A",))],
    ),
    ("late write", "DELETE of the folder above", [FIRST, lock("A", 1, 2), act("DELETE", 3, 4, "/f", user="bob")]),
    ("late write", "MOVE away", [FIRST, lock("A", 1, 2), act("MOVE", 3, 4, user="bob", destination="/x")]),
    ("late write", "COPY onto it", [FIRST, lock("A", 1, 2), act("COPY", 3, 4, OTHER, destination=DOC, user="bob")]),
    ("late write", "MOVE onto the folder above", [FIRST, lock("A", 1, 2), act("MOVE", 3, 4, "/g", destination="/f", user="bob")]),
    ("late write", "a new member of a locked folder", [lock("A", 1, 2, "/f"), put("p1", 3, 4, status=201, user="bob")]),
    ("late write", "shared lock, writer without any", [FIRST, lock("A", 1, 2, shared=True), put("p1", 3, 4, user="bob")]),
    ("late write", "after a restart", [FIRST, lock("A", 1, 2), put("p1", 58, 59, user="bob")]),
    ("stolen lock", "UNLOCK by the other user", [lock("A", 1, 2), unlock("A", 3, 4, user="bob")]),
    ("lost write", "the older one is read", [FIRST, put("p1", 2, 3), get("p0", 4, 5)]),
    ("lost write", "gone without a DELETE", [FIRST, get("", 2, 3, status=404)]),
    ("lost write", "back after a DELETE", [FIRST, act("DELETE", 2, 3), get("p0", 4, 5)]),
    ("lost write", "truncated", [FIRST, get(EMPTY, 2, 3)]),
    ("lost write", "read under a name it was never moved to", [FIRST, put("p1", 0, 1, OTHER), get("p0", 2, 3, OTHER)]),
    (
        "lost write",
        "the target of MOVE keeps its old content",
        [FIRST, put("p1", 0, 1, OTHER), act("MOVE", 2, 3, destination=OTHER), get("p1", 4, 5, OTHER)],
    ),
    ("lost write", "the source of MOVE stays", [FIRST, act("MOVE", 2, 3, destination=OTHER), get("p0", 4, 5)]),
    ("lost write", "COPY brings something old", [FIRST, put("p1", 2, 3), act("COPY", 4, 5, destination=OTHER), get("p0", 6, 7, OTHER)]),
    (
        "lost write",
        "moved with its folder and back, and old again",
        [
            FIRST,
            act("MOVE", 2, 3, "/f", destination="/g"),
            put("p1", 4, 5, "/g/d"),
            act("MOVE", 6, 7, "/g", destination="/f"),
            get("p0", 8, 9),
        ],
    ),
    (
        "lost write",
        "a refused DELETE explains nothing",
        [FIRST, act("DELETE", 2, 3, status=423), lock("A", 0, 10), get("", 4, 5, status=404)],
    ),
    (
        "lost write",
        "a kill during a later PUT explains no old content",
        [FIRST, put("p1", 2, 3), broken("PUT", 49, 51, body="p2"), get("p0", 60, 61)],
    ),
    ("gap", "away while it is overwritten", [FIRST, put("p1", 2, 5), get("", 3, 4, status=404)]),
    (
        "folder gap",
        "away while its folder is replaced",
        [FIRST, put("p1", 0, 1, "/g/d"), act("COPY", 2, 5, "/g", destination="/f"), get("", 3, 4, status=404)],
    ),
    ("torn read", "the checksum", [FIRST, get("p0", 2, 3, fault="other bytes from position 7 of 9")]),
    ("torn read", "cut short, with the server alive", [FIRST, broken("GET", 2, 3, fault="5 of 9 bytes")]),
    ("torn read", "nobody's bytes", [FIRST, get("p9", 2, 3)]),
    ("same etag", "two contents", [put("p0", 0, 1, etag='"e"'), put("p1", 2, 3), get("p1", 4, 5, etag='"e"')]),
    ("two winners", "If-None-Match: *", [put("p1", 1, 4, status=201, create_only=True), put("p2", 2, 3, status=201, create_only=True)]),
    ("two winners", "If-Match", [FIRST, put("p1", 2, 5, if_match='"e"'), put("p2", 3, 4, if_match='"e"')]),
    ("precondition ignored", "If-None-Match: *", [FIRST, put("p1", 2, 3, create_only=True)]),
    ("precondition ignored", "If-Match", [put("p0", 0, 1, etag='"e"'), put("p1", 2, 3), put("p2", 4, 5, if_match='"e"')]),
    ("revived lock", "refreshed after UNLOCK", [lock("A", 1, 2), unlock("A", 3, 4), refresh("A", 5, 6)]),
    ("revived lock", "refreshed long after its time", [lock("A", 1, 2, timeout=5), refresh("A", 10, 11)]),
    ("revived lock", "PUT with it after UNLOCK", [FIRST, lock("A", 1, 2), unlock("A", 3, 4), put("p1", 5, 6, tokens=("A",))]),
    ("revived lock", "an upload that it expired under", [FIRST, lock("A", 1, 2, timeout=5), put("p1", 3, 11, sent=10, tokens=("A",))]),
    (
        "revived lock",
        "PUT with it after DELETE",
        [FIRST, lock("A", 1, 2), act("DELETE", 3, 4, tokens=("A",)), put("p1", 5, 6, tokens=("A",), status=201)],
    ),
    ("revived lock", "shown after UNLOCK", [lock("A", 1, 2), unlock("A", 3, 4), act("PROPFIND", 5, 6, shown=("A",))]),
    ("lost lock", "not shown", [lock("A", 1, 2), act("PROPFIND", 3, 4)]),
    ("lost lock", "refresh refused", [lock("A", 1, 2), refresh("A", 3, 4, status=412)]),
    ("lost lock", "UNLOCK refused after a restart", [lock("A", 1, 2), unlock("A", 60, 61, status=409)]),
    ("lost lock", "PUT with it refused", [FIRST, lock("A", 1, 2), put("p1", 3, 4, tokens=("A",), status=423)]),
    ("phantom lock", "423 after UNLOCK", [lock("A", 1, 2), unlock("A", 3, 4), lock("", 5, 6, status=423)]),
    ("phantom lock", "423 after the time of a lock that broke off", [broken("LOCK", 49, 51, asked=5), lock("", 70, 71, status=423)]),
    ("server error", "500", [get("", 1, 2, status=500)]),
    ("odd answer", "403 to a reader", [get("", 1, 2, status=403)]),
    ("slow answer", "31 seconds", [FIRST, get("p0", 2, 33)]),
    ("no answer", "nobody killed it", [broken("GET", 1, 2)]),
]

LEGAL: list[tuple[str, list[Operation]]] = [
    ("locks one after the other", [lock("A", 1, 2), unlock("A", 3, 5), lock("B", 3, 4, user="bob")]),
    ("lock after expiry", [lock("A", 1, 2, timeout=5), lock("B", 5.5, 6, user="bob")]),
    ("a refresh may shorten", [lock("A", 1, 2), refresh("A", 3, 4, timeout=5), lock("B", 7.5, 8, user="bob")]),
    (
        "a refresh that broke off may have shortened",
        [lock("A", 1, 2), broken("REFRESH", 49, 51, tokens=("A",)), lock("B", 56, 57, user="bob")],
    ),
    ("two shared locks", [lock("A", 1, 2, shared=True), lock("B", 3, 4, user="bob", shared=True)]),
    (
        "a shared holder writes",
        [FIRST, lock("A", 1, 2, shared=True), lock("B", 3, 4, user="bob", shared=True), put("p1", 5, 6, user="bob", tokens=("B",))],
    ),
    ("write before the grant", [FIRST, lock("A", 1, 4), put("p1", 2, 3, user="bob"), get("p1", 5, 6)]),
    (
        "write after an UNLOCK that broke off",
        [FIRST, lock("A", 1, 2), broken("UNLOCK", 49, 51, tokens=("A",)), put("p1", 56, 57, user="bob")],
    ),
    (
        "slow answer to an upload committed in time",
        [FIRST, lock("A", 1, 2), put("p1", 3, 10, sent=4, tokens=("A",)), unlock("A", 5, 6), lock("B", 7, 8, user="bob")],
    ),
    (
        "the holder deletes, another creates",
        [FIRST, lock("A", 1, 2), act("DELETE", 3, 4, tokens=("A",)), lock("B", 5, 6, user="bob", status=201), get(EMPTY, 7, 8)],
    ),
    ("a lock of an unmapped name makes an empty document", [lock("A", 1, 2, status=201), get(EMPTY, 3, 4)]),
    ("change of a member's content in a locked folder", [FIRST, lock("A", 1, 2, "/f"), put("p1", 3, 4, user="bob")]),
    ("either of two overlapping PUTs wins", [FIRST, put("p1", 2, 5), put("p2", 3, 4), get("p1", 6, 7)]),
    ("the old one while it is overwritten", [FIRST, put("p1", 2, 5), get("p0", 3, 4), get("p0", 4, 6)]),
    ("a PUT that broke off counts or does not", [FIRST, broken("PUT", 49, 51, body="p1"), get("p0", 60, 61)]),
    ("a PUT that broke off may count", [FIRST, broken("PUT", 49, 51, body="p1"), get("p1", 60, 61)]),
    ("a DELETE that broke off may count", [FIRST, broken("DELETE", 49, 51), get("", 60, 61, status=404)]),
    (
        "moved away and back",
        [
            FIRST,
            act("MOVE", 2, 3, destination=OTHER),
            get("", 4, 5, status=404),
            get("p0", 4, 5, OTHER),
            act("MOVE", 6, 7, OTHER, destination=DOC),
            get("p0", 8, 9),
        ],
    ),
    (
        "gone with its folder, which somebody took for a document",
        [FIRST, put("p1", 1, 2, "/f", status=405), act("DELETE", 3, 4, "/f"), get("", 3.5, 5, status=404)],
    ),
    (
        "moved with its folder",
        [
            FIRST,
            act("MOVE", 2, 3, "/f", destination="/g"),
            get("p0", 4, 5, "/g/d"),
            act("COPY", 6, 7, "/g", destination="/h"),
            get("p0", 8, 9, "/h/d"),
        ],
    ),
    (
        "a folder copied over another replaces it",
        [
            FIRST,
            put("p1", 0, 1, "/g/e"),
            act("COPY", 2, 3, "/f", destination="/g"),
            get("", 4, 5, "/g/e", status=404),
            get("p0", 4, 5, "/g/d"),
        ],
    ),
    (
        "creators one after the other",
        [put("p1", 1, 2, status=201, create_only=True), act("DELETE", 3, 6), put("p2", 4, 5, status=201, create_only=True)],
    ),
    (
        "an etag comes back with the file",
        [
            put("p0", 0, 1, etag='"e"'),
            act("MOVE", 2, 3, destination=OTHER),
            act("MOVE", 4, 5, OTHER, destination=DOC),
            put("p1", 6, 7, if_match='"e"'),
        ],
    ),
    ("a refresh within the grace", [lock("A", 1, 2, timeout=5), refresh("A", 8, 9)]),
    ("a refused refresh after its time", [lock("A", 1, 2, timeout=5), refresh("A", 6, 7, status=412)]),
    ("423 while somebody else may hold it", [lock("A", 1, 2), lock("", 1.5, 3, status=423), unlock("A", 4, 5)]),
    ("423 for a member of a locked folder", [lock("A", 1, 2, "/f"), put("p1", 3, 4, user="bob", status=423)]),
    ("423 for the folder of a locked document", [FIRST, lock("A", 1, 2), act("DELETE", 3, 4, "/f", user="bob", status=423)]),
    ("423 after a LOCK that broke off", [broken("LOCK", 49, 51, asked=30), lock("", 60, 61, status=423)]),
    ("busy and full are honest answers", [get("", 1, 2, status=503), put("p1", 1, 2, status=507), get("p1", 3, 4)]),
    ("a PUT answered 503 may have counted", [FIRST, put("p1", 2, 3, status=503), get("p0", 4, 5), put("p2", 6, 7), get("p2", 8, 9)]),
    ("an answer cut short by a kill", [FIRST, broken("GET", 49.5, 50.5, fault="5 of 9 bytes")]),
    ("a long upload is not a slow answer", [FIRST, put("p1", 2, 40, sent=39)]),
]

KILLS = [Kill(50, 50.2, 55)]


@pytest.mark.parametrize(
    ("kind", "operations"), [(kind, operations) for kind, _, operations in WRONG], ids=[f"{kind}: {name}" for kind, name, _ in WRONG]
)
def test_finds_what_no_correct_server_does(kind: str, operations: list[Operation]) -> None:
    assert kind in {violation.kind for violation in check(History(operations, KILLS))}


@pytest.mark.parametrize("operations", [operations for _, operations in LEGAL], ids=[name for name, _ in LEGAL])
def test_reports_nothing_that_may_have_been_right(operations: list[Operation]) -> None:
    assert [str(violation) for violation in check(History(operations, KILLS))] == []


def test_one_lost_write_is_told_once() -> None:
    reads = [get("p0", 4 + n, 5 + n) for n in range(20)]
    assert len(check(History([FIRST, put("p1", 2, 3), *reads]))) == 1


def test_a_lock_taken_away_is_told_once() -> None:
    history = [
        FIRST,
        lock("A", 1, 2),
        act("DELETE", 3, 4, user="bob"),
        lock("B", 5, 6, user="bob", status=201),
        refresh("A", 7, 8, status=412),
        put("p1", 9, 10, user="bob", tokens=("B",)),
    ]
    assert [violation.kind for violation in check(History(history))] == ["late write"]


def test_a_violation_names_its_operations() -> None:
    (violation,) = check(History([FIRST, put("p1", 2, 3), get("p0", 4, 5)]))
    assert "PUT /f/d body=p1" in str(violation)
    assert "GET /f/d body=p0" in str(violation)


@pytest.mark.parametrize("operations", [*(operations for _, _, operations in WRONG), *(operations for _, operations in LEGAL)])
def test_a_saved_history_is_judged_the_same(operations: list[Operation], tmp_path: Path) -> None:
    history = History(operations, KILLS)
    history.save(tmp_path / "history")
    assert [str(each) for each in check(load(tmp_path / "history"))] == [str(each) for each in check(history)]


@pytest.mark.parametrize("length", [160, 1000, 70_000])
def test_a_body_tells_its_id(length: int) -> None:
    body = make_body("p3.1", length)
    assert len(body) == length
    assert read_body(body) == ("p3.1", "")


@pytest.mark.parametrize(
    "wrong",
    [
        make_body("a", 500)[:300],
        make_body("a", 500) + b"x",
        make_body("a", 500)[:250] + make_body("b", 500)[250:],
        make_body("a", 500)[250:],
        make_body("a", 500)[:-1] + b"\0" if make_body("a", 500)[-1:] != b"\0" else b"?",
        b"x" * 500,
    ],
)
def test_a_torn_body_is_noticed(wrong: bytes) -> None:
    assert read_body(wrong)[1]


@pytest.mark.parametrize("seed", range(8))
def test_reports_nothing_of_a_storm_on_an_ideal_server(seed: int) -> None:
    assert [str(violation) for violation in check(history_of(seed))] == []


@pytest.mark.parametrize("fault", FAULTS)
def test_notices_a_storm_on_a_server_with_a_fault(fault: str) -> None:
    assert any(check(history_of(seed, fault)) for seed in range(3))
