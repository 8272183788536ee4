"""get documents: several documents in one answer."""

from __future__ import annotations

from collections.abc import Generator
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from davlock.fprpc.values import DocInfo, parse_time
from tests.fprpc.bundling import ask, get_all, unbundle
from tests.fprpc.client import command, escaped, read_packet, vector
from tests.fprpc.conftest import AUTHOR, FORM, VERSION, Packet, Rpc
from tests.fprpc.states import held, meta, put
from tests.processes import Memory, open_files
from tests.serving import Answer, Client, Serving

SYNTAX, BAD_URL, NO_FILE, ILLEGAL_NAME, DENIED = 0x00040006, 0x00090005, 0x00090006, 0x00090070, 0x001E0002
MIB = 1024 * 1024
CONTENTS = {
    "page.htm": b"<p>\r\n--MIMEboundary\r\n\r\n",
    "empty.txt": b"",
    "Ä [1]; a=b{}&%+.gif": bytes(range(256)) * 3000,
    "end.txt": b"\r\n--",
}


def packet(answer: Answer) -> Packet:
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/x-vermeer-rpc"
    return Packet(*read_packet(answer.body), answer.body)


def fill(disk: Path) -> None:
    for name, content in CONTENTS.items():
        (disk / name).write_bytes(content)


def test_the_documents_come_in_their_order_each_with_its_description(rpc: Rpc, folder: str, disk: Path, alice: Client) -> None:
    fill(disk)
    names = [f"{folder}/{name}" for name in reversed(CONTENTS)]
    answer = get_all(alice, [escaped(name) for name in names], old_theme_html="false", expandWebPartPages="true")
    assert [(info.name, content) for info, content in answer.documents] == [(f"{folder}/{n}", CONTENTS[n]) for n in reversed(CONTENTS)]
    for info, content in answer.documents:
        assert info.meta["vti_filesize"].content == len(content)
        assert info.meta == meta(rpc("alice", "get document", document_name=info.name, get_option="none"))


def test_the_first_part_tells_method_and_time(alice: Client) -> None:
    answer = ask(alice, [])
    first = unbundle(iter([answer.body])).command
    assert first.startswith(b"method=get+documents%3A6.0.2.5523&current_time=") and first.endswith(b"\n")
    told = parse_qs(first.decode().rstrip("\n"), strict_parsing=True)
    now = parsedate_to_datetime(answer.headers["Date"] or "").timestamp()
    assert list(told) == ["method", "current_time"] and abs(parse_time(told["current_time"][0]) - now) < 60


def test_a_client_without_a_version_is_told_none(alice: Client) -> None:
    line = command("get documents", {"url_list": "[]"})
    answer = alice.request("POST", AUTHOR, line, Content_Type=FORM, X_Vermeer_Content_Type=FORM)
    assert unbundle(iter([answer.body])).command.startswith(b"method=get+documents&")


def test_below_a_folder_the_names_are_relative_to_it(folder: str, disk: Path, alice: Client) -> None:
    fill(disk)
    assert get_all(alice, ["end.txt", f"{alice.serving.url}{folder}/page.htm"], f"/{folder}").contents == {
        "end.txt": CONTENTS["end.txt"],
        "page.htm": CONTENTS["page.htm"],
    }


@pytest.mark.parametrize(
    ("wrong", "status"), [("nothing.txt", NO_FILE), ("", BAD_URL), ("../../x", ILLEGAL_NAME), ("../.davlock/state.db", ILLEGAL_NAME)]
)
def test_one_that_cannot_be_had_is_told_and_the_others_come(folder: str, disk: Path, alice: Client, wrong: str, status: int) -> None:
    fill(disk)
    names = [f"{folder}/page.htm", f"{folder}/{wrong}", f"{folder}/end.txt"]
    (page, _), (info, content), (end, _) = get_all(alice, names).documents
    assert (info.name, content) == (names[1], b"")
    assert list(info.meta) == ["mf-file-status"] and info.meta["mf-file-status"].content == status
    assert [(each.name, "mf-file-status" in each.meta) for each in (page, end)] == [(names[0], False), (names[2], False)]


def test_if_none_can_be_had_it_is_refused(folder: str, document: str, alice: Client) -> None:
    assert packet(ask(alice, [f"{folder}/a", folder])).status == NO_FILE
    assert packet(ask(alice, [".davlock/state.db"])).status == DENIED
    assert packet(ask(alice, ["../../../etc/passwd"])).status == ILLEGAL_NAME


@pytest.mark.parametrize("urls", ["", "[a", "a", "[[a]]"])
def test_a_list_that_is_none_is_refused(rpc: Rpc, urls: str) -> None:
    assert rpc("alice", "get documents", url_list=urls).status == SYNTAX
    assert rpc("alice", "get documents").status == SYNTAX


def test_nothing_is_checked_out_whatever_is_asked_for(serving: Serving, document: str, alice: Client) -> None:
    before = held(serving)
    answer = get_all(alice, [document], get_option="chkoutExclusive", timeout="10")
    assert "vti_sourcecontrolcheckedoutby" not in answer.documents[0][0].meta
    assert held(serving) == before


def test_the_holder_gets_his_draft_and_can_go_on_from_it(rpc: Rpc, document: str, alice: Client, bob: Client) -> None:
    rpc("alice", "checkout document", document_name=document, timeout=0)
    meta(put(rpc, "alice", document, b"draft"))
    ((mine, content),) = get_all(alice, [document]).documents
    assert content == b"draft" and get_all(bob, [document]).contents == {document: b"old"}
    assert put(rpc, "alice", document, b"on", "edit", dict(mine.meta)).status == 0


def test_what_is_removed_while_the_answer_is_on_its_way_is_told(serving: Serving, folder: str, disk: Path, alice: Client) -> None:
    with (disk / "large").open("wb") as large:
        large.truncate(64 * MIB)  # more than waits in any buffer
    (disk / "small").write_bytes(b"small")
    blocks = receive(serving, alice, [f"{folder}/large", f"{folder}/small"])
    head = next(blocks)
    (disk / "small").unlink()
    info, content = unbundle(iter([head, *blocks])).documents[1]
    assert (info.meta["mf-file-status"].content, content) == (NO_FILE, b"")


def test_a_client_that_leaves_early_costs_nothing(serving: Serving, folder: str, disk: Path, alice: Client) -> None:
    with (disk / "large").open("wb") as large:
        large.truncate(64 * MIB)
    for _ in range(20):
        blocks = receive(serving, alice, [f"{folder}/large"])
        next(blocks)
        blocks.close()
    for _ in range(1000):
        assert get_all(alice, []).documents == []
        if not open_files(serving, disk / "large"):  # each of them notices by itself
            break
    assert open_files(serving, disk / "large") == []


def test_no_document_is_held_in_memory(serving: Serving, folder: str, disk: Path, alice: Client) -> None:
    for name in ("a", "b"):
        with (disk / name).open("wb") as large:
            large.truncate(64 * MIB)
    assert get_all(alice, []).documents == []
    memory = Memory(serving)
    assert sum(map(len, receive(serving, alice, [f"{folder}/a", f"{folder}/b"]))) > 128 * MIB
    assert memory.growth() < 8 * MIB


def test_many_at_once(folder: str, disk: Path, alice: Client) -> None:
    """More than a process may have open."""
    for number in range(1500):
        (disk / f"{number}").write_bytes(b"%d" % number)
    assert get_all(alice, [f"{folder}/{number}" for number in range(1500)]).contents == {
        f"{folder}/{number}": b"%d" % number for number in range(1500)
    }


def receive(serving: Serving, client: Client, urls: list[str]) -> Generator[bytes, None, None]:
    """The body of an answer as it comes, without its chunking."""
    line = command(f"get documents:{VERSION}", {"url_list": vector(urls)})
    head = f"POST {AUTHOR} HTTP/1.1\r\nHost: x\r\nAuthorization: {client.authorization}\r\nContent-Type: {FORM}\r\n"
    head += f"X-Vermeer-Content-Type: {FORM}\r\nContent-Length: {len(line)}\r\nConnection: close\r\n\r\n"
    with serving.connect() as connection:
        connection.sendall(head.encode() + line)
        with connection.makefile("rb") as stream:
            assert stream.readline().startswith(b"HTTP/1.1 200")
            while stream.readline().strip():
                pass
            while size := int(stream.readline(), 16):
                yield stream.read(size)
                stream.readline()


def test_a_description_can_be_read_back(alice: Client, rpc: Rpc, folder: str, disk: Path) -> None:
    """Whatever is in it: a key that somebody has set, say."""
    fill(disk)
    wild = DocInfo(f"{folder}/page.htm", meta(rpc("alice", "get document", document_name=f"{folder}/page.htm")))
    given = escaped("vti_x;y") + ";" + escaped("SW|a;b]\\[{=}é&+ \r\n")
    assert rpc("alice", "setDocsMetaInfo", url_list=vector([wild.name]), metaInfoList=f"[[{given}]]").status == 0
    ((info, _),) = get_all(alice, [wild.name]).documents
    assert info.meta["vti_x;y"].text == "a;b]\\[{=}é&+ \r\n"
