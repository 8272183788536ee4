"""Temporary files (rest.md §10)."""

from __future__ import annotations

import base64
import os
import time
from pathlib import Path
from typing import Any

import pytest

from davlock.documents import Temporary
from davlock.documents.temporary import MAX_FILES, SECONDS
from davlock.errors import NotFound, TooLarge
from tests.rest.conftest import Api


def create(api: Api, user: str, name: str, content: bytes) -> Any:
    return api(user, "POST", "/Agents/Document/CreateTempFile", {"filename": name, "dataStream": base64.b64encode(content).decode()})


def read(api: Api, user: str, name: str) -> bytes:
    answer = api.ask(user, "POST", "/Agents/Document/GetTempFile", {"filename": name}, Accept="application/octet-stream")
    assert answer.status == 200
    return answer.body


def delete(api: Api, user: str, name: str) -> None:
    assert api.ask(user, "POST", "/Agents/Document/DeleteTempFile", {"filename": name}).status == 204


def check_missing(api: Api, user: str, name: str) -> None:
    body = {"filename": name}
    assert api(user, "POST", "/Agents/Document/GetTempFile", body) is None
    api.refused(404, user, "POST", "/Agents/Document/GetTempFile", body, Accept="application/octet-stream")


def test_from_making_to_deleting(api: Api) -> None:
    data = os.urandom(100_000)
    assert create(api, "alice", "t.txt", data) == "t.txt"
    assert read(api, "alice", "t.txt") == data
    assert base64.b64decode(api("alice", "POST", "/Agents/Document/GetTempFile", {"filename": "t.txt"}, Accept="application/json")) == data
    delete(api, "alice", "t.txt")
    check_missing(api, "alice", "t.txt")
    delete(api, "alice", "t.txt")


def test_a_name_that_is_taken_is_amended(api: Api) -> None:
    names = [create(api, "alice", "same.txt", str(number).encode()) for number in range(3)]
    assert names == ["same.txt", "same[1].txt", "same[2].txt"]
    assert [read(api, "alice", name) for name in names] == [b"0", b"1", b"2"]
    for name in names:
        delete(api, "alice", name)


@pytest.mark.parametrize("name", ["Öl & Gas.docx", "x" * 300 + ".txt", "ö" * 200, ".hidden", "a*b?.txt", ".davlock", "..."])
def test_the_name_that_is_told_is_the_one_to_ask_for(api: Api, name: str) -> None:
    told = create(api, "alice", name, b"content")
    assert read(api, "alice", told) == b"content"
    delete(api, "alice", told)


def test_nobody_else_sees_them(api: Api) -> None:
    create(api, "alice", "private.txt", b"alice's")
    check_missing(api, "bob", "private.txt")
    check_missing(api, "root", "private.txt")
    assert create(api, "bob", "private.txt", b"bob's") == "private.txt"
    delete(api, "bob", "private.txt")
    assert read(api, "alice", "private.txt") == b"alice's"
    delete(api, "alice", "private.txt")
    assert not list(api.serving.root.glob("*/private.txt"))


PATHS = ["../state.db", "/etc/passwd", "a/b", "a\\b", "..", ".", "", "a\0b", "..%2fstate.db"]


@pytest.mark.parametrize("name", PATHS)
def test_names_with_path_parts_lead_nowhere(api: Api, name: str) -> None:
    body = {"filename": name}
    for operation in ("GetTempFile", "DeleteTempFile"):
        assert api.ask("alice", "POST", f"/Agents/Document/{operation}", body).status == 400
    answer = api.ask("alice", "POST", "/Agents/Document/CreateTempFile", body | {"dataStream": "YQ=="})
    if "/" in name or "\\" in name:
        assert answer.status == 400
    if answer.status == 200:
        told = answer.body.decode().strip('"')
        assert set(told) & set("/\\\0") == set()
        delete(api, "alice", told)


@pytest.mark.parametrize(
    "body", [{}, {"filename": "a"}, {"filename": None, "dataStream": ""}, {"filename": "a", "dataStream": "a"}, [], "a"]
)
def test_what_is_not_what_is_needed_is_400(api: Api, body: Any) -> None:
    api.refused(400, "alice", "POST", "/Agents/Document/CreateTempFile", body)


def test_there_is_a_limit(api: Api) -> None:
    names: list[str] = []
    while len(names) <= MAX_FILES:
        body = {"filename": "many.txt", "dataStream": ""}
        answer = api.ask("bob", "POST", "/Agents/Document/CreateTempFile", body)
        if answer.status != 200:
            break
        names.append(answer.body.decode().strip('"'))
    assert (answer.status, len(names)) == (413, MAX_FILES)
    delete(api, "bob", names.pop())
    names.append(create(api, "bob", "again.txt", b""))
    for name in names:
        delete(api, "bob", name)


def test_the_bytes_of_one_person_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("davlock.documents.temporary.MAX_BYTES", 10)
    files = Temporary(tmp_path / "temporary")
    files.keep("alice", "a", b"12345678")
    with pytest.raises(TooLarge):
        files.keep("alice", "b", b"123")
    files.keep("alice", "b", b"12")
    files.keep("bob", "b", b"1234567890")
    assert files.names("alice") == {"a", "b"}


def test_they_are_forgotten_after_a_day(tmp_path: Path) -> None:
    files = Temporary(tmp_path / "temporary")
    files.forget(time.time())
    files.keep("alice", "old", b"old")
    (old,) = (tmp_path / "temporary").glob("*/old")
    now = old.stat().st_mtime + SECONDS + 10
    files.keep("alice", "new", b"new")
    os.utime(next((tmp_path / "temporary").glob("*/new")), (now, now))
    files.forget(now - 20)
    assert files.names("alice") == {"old", "new"}
    files.forget(now)
    assert files.names("alice") == {"new"}
    with pytest.raises(NotFound):
        files.open("alice", "old")
