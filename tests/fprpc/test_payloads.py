"""put document and get document: the bytes, where they go, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from davlock.fprpc.values import DocInfo
from tests.fprpc.client import command
from tests.fprpc.client import document as printed
from tests.fprpc.conftest import AUTHOR, FORM, VERMEER, Rpc
from tests.fprpc.states import break_off, get, held, meta, put
from tests.fprpc.statuses import BAD_URL, SYNTAX
from tests.processes import Memory
from tests.serving import Client, Serving

MIB = 1024 * 1024


def test_an_upload_that_breaks_off_changes_nothing(rpc: Rpc, serving: Serving, document: str, disk: Path) -> None:
    known = held(serving)
    break_off(serving, document, "overwrite")
    break_off(serving, f"{document}.new", "overwrite")
    assert (disk / "report.doc").read_bytes() == b"old"
    assert [each.name for each in disk.iterdir()] == ["report.doc"]
    assert held(serving) == known
    meta(rpc("alice", "checkout document", document_name=document, timeout=0))
    meta(put(rpc, "alice", document, b"draft"))
    known = held(serving)
    break_off(serving, document, "overwrite")
    break_off(serving, document, "overwrite,checkin")
    assert held(serving) == known
    assert get(rpc, "alice", document).content == b"draft"


@pytest.mark.parametrize("kind", [FORM, VERMEER])
@pytest.mark.parametrize("end", [b"", b"\r"])
def test_put_without_a_payload_is_refused(serving: Serving, document: str, disk: Path, alice: Client, kind: str, end: bytes) -> None:
    line = command("put document:6.0.2.5523", {"document": printed(DocInfo(document)), "put_option": "overwrite"}) + end
    answer = alice.request("POST", AUTHOR, line, Content_Type=kind, X_Vermeer_Content_Type=kind)
    assert b"<li>status=%d\n" % SYNTAX in answer.body
    assert (disk / "report.doc").read_bytes() == b"old"


def test_put_in_the_form_type_as_the_sdk_sends_it(serving: Serving, document: str, disk: Path, alice: Client) -> None:
    line = command("put document:6.0.2.5523", {"document": printed(DocInfo(document)), "put_option": "overwrite"}) + b"\n"
    answer = alice.request("POST", AUTHOR, line + b"a&b=c\n", Content_Type=FORM, X_Vermeer_Content_Type=FORM)
    assert b"successfully put document" in answer.body
    assert (disk / "report.doc").read_bytes() == b"a&b=c\n"


def test_where_a_document_cannot_go(rpc: Rpc, serving: Serving, document: str, folder: str) -> None:
    before = sorted(each for each in serving.root.rglob("*") if ".davlock" not in each.parts)
    assert put(rpc, "alice", folder, b"new").status == BAD_URL
    for name in ("../x", f"{folder}/../../x", ".davlock/x", "_vti_bin/x", f"{folder}/a\\b", f"{folder}/%2e%2e", "http://elsewhere/x", ""):
        for option in ("overwrite", "overwrite,createdir"):
            assert put(rpc, "alice", name, b"new", option).status != 0, name
    assert rpc("alice", "put document", payload=b"new", put_option="overwrite").status == SYNTAX
    for info in ("x", "[]", "[document_name=a", "[meta_info=[]]", "[document_name=[a];meta_info=[]]"):
        assert rpc("alice", "put document", payload=b"new", document=info, put_option="overwrite").status == SYNTAX
    assert sorted(each for each in serving.root.rglob("*") if ".davlock" not in each.parts) == before


def test_the_name_of_a_subsite_and_of_this_server_count(rpc: Rpc, serving: Serving, folder: str, disk: Path) -> None:
    answer = rpc("alice", "put document", f"/{folder}", b"new", document=printed(DocInfo("a.doc")), put_option="none")
    assert answer.values.list("document").text("document_name") == "a.doc"
    assert (disk / "a.doc").read_bytes() == b"new"
    assert get(rpc, "alice", f"{serving.url}{folder}/a.doc").content == b"new"
    assert get(rpc, "alice", f"/{folder}/a.doc").content == b"new"


def test_neither_direction_holds_a_document_in_memory(rpc: Rpc, serving: Serving, folder: str, disk: Path) -> None:
    size = 96
    rpc("alice", "server version")
    memory = Memory(serving)

    def body() -> Iterator[bytes]:
        for number in range(size):
            yield bytes([number]) * MIB

    answer = rpc("alice", "put document", payload=body(), document=printed(DocInfo(f"{folder}/big")), put_option="overwrite")
    assert meta(answer)["vti_filesize"].content == size * MIB
    assert (disk / "big").stat().st_size == size * MIB
    assert memory.growth() < 8 * MIB
    # read as it comes, for this process has to hold nothing either
    client = rpc.client("alice")
    line = command("get document:6.0.2.5523", {"document_name": f"{folder}/big", "get_option": "none"}) + b"\n"
    with serving.connect() as connection:
        head = f"POST {AUTHOR} HTTP/1.1\r\nHost: x\r\nAuthorization: {client.authorization}\r\nX-Vermeer-Content-Type: {FORM}\r\n"
        connection.sendall(f"{head}Content-Type: {FORM}\r\nContent-Length: {len(line)}\r\nConnection: close\r\n\r\n".encode() + line)
        received = 0
        while block := connection.recv(MIB):
            received += len(block)
    assert received > size * MIB
    assert memory.growth() < 8 * MIB
