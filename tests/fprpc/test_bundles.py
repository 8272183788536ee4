"""put documents: several documents in one request, which is stored after all of it has arrived and none of it would be refused."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from davlock.fprpc.values import DocInfo, moment, parse_meta, string
from tests.dav.stories import Wire
from tests.fprpc.bundling import (
    BOUNDARY,
    MIXED,
    OCTETS,
    bundle,
    described,
    end,
    part,
    put_all,
    send,
    told,
)
from tests.fprpc.client import command
from tests.fprpc.conftest import AUTHOR, FORM, VERSION, Rpc
from tests.fprpc.states import held, meta
from tests.processes import Memory
from tests.serving import Client, Serving

SYNTAX, TOO_LONG, WRITE_ERROR = 0x00040006, 0x0006000A, 0x0002000C
EXISTS, NO_FOLDER, CHECKED_OUT = 0x00090002, 0x00090007, 0x0009000E
MIB = 1024 * 1024
PAGE = {"a.htm": b"<p>a</p>", "b.gif": b"GIF89a\0\r\n", "c.gif": b"", "d.gif": bytes(range(256)), "e.gif": b"--" + BOUNDARY.encode()}


def page(folder: str) -> list[tuple[DocInfo, bytes]]:
    return [(DocInfo(f"{folder}/{name}"), content) for name, content in PAGE.items()]


def on_disk(disk: Path) -> dict[str, bytes]:
    return {str(file.relative_to(disk)): file.read_bytes() for file in disk.rglob("*") if file.is_file()}


def staged(serving: Serving) -> list[Path]:
    """What waits, or has been forgotten, on the server's disk."""
    return [file for file in (serving.root / ".davlock" / "staging").rglob("*") if file.is_file() and file.suffix != ".alive"]


# what is stored


def test_all_documents_are_stored_and_described(rpc: Rpc, folder: str, disk: Path) -> None:
    answer = put_all(rpc, "alice", page(folder))
    assert (answer.status, answer.message) == (0, "successfully put documents")
    assert on_disk(disk) == PAGE
    assert list(answer.documents()) == [f"{folder}/{name}" for name in PAGE]
    for name, told_of in answer.documents().items():
        assert {key: parse_meta(value) for key, value in told_of.items()} == meta(rpc("bob", "get document", document_name=name))


@pytest.mark.parametrize("listed", ["true", "false", ""])
def test_the_answer_tells_what_was_stored_whatever_is_to_be_listed(rpc: Rpc, folder: str, listed: str) -> None:
    answer = put_all(rpc, "alice", page(folder), listFiles=listed, listLinkInfo=listed)
    assert list(answer.documents()) == [f"{folder}/{name}" for name in PAGE]


@pytest.mark.parametrize(
    "tail", [end() + b"\r\n", part(b"", "text/html") + end(), part(b"<html>", "text/HTML; charset=x") + end() + b"\r\nepilogue\r\n" * 9999]
)
def test_an_end_of_any_kind_is_an_end(rpc: Rpc, folder: str, disk: Path, tail: bytes) -> None:
    body = bundle(page(folder)).removesuffix(end())
    assert send(rpc, "alice", b"\r\n" + body + tail).status == 0
    assert on_disk(disk) == PAGE


def test_a_request_in_chunks_of_any_size(rpc: Rpc, folder: str, disk: Path) -> None:
    body = bundle(page(folder))
    for size in (1, 7, 1000):
        assert send(rpc, "alice", (body[at : at + size] for at in range(0, len(body), size))).status == 0
        assert on_disk(disk) == PAGE


def test_no_documents_are_no_mistake(rpc: Rpc) -> None:
    assert put_all(rpc, "alice", []).documents() == {}


def test_parts_within_a_document_are_its_content(rpc: Rpc, folder: str, disk: Path) -> None:
    inner = b"--inner\r\nContent-Type: text/plain\r\n\r\nx\r\n--inner--"
    body = told() + described(DocInfo(f"{folder}/mail.eml")) + part(inner, 'multipart/mixed; boundary="inner"') + end()
    assert send(rpc, "alice", body).status == 0
    assert on_disk(disk) == {"mail.eml": inner}


@pytest.mark.parametrize(
    ("option", "there", "status"),
    [("edit", False, 0), ("edit", True, 0), ("edit,stale", True, EXISTS), ("overwrite", True, 0), ("", True, EXISTS), ("none", False, 0)],
)
def test_put_options_are_those_of_put_document(rpc: Rpc, folder: str, disk: Path, option: str, there: bool, status: int) -> None:
    known: dict[str, DocInfo] = {}
    if there:
        before = put_all(rpc, "alice", page(folder)).documents()
        known = {name: DocInfo(name, {key: parse_meta(value) for key, value in of.items()}) for name, of in before.items()}
    new = [(known.get(info.name, info), content + b"!") for info, content in page(folder)]
    if "stale" in option:
        new[3] = (DocInfo(new[3][0].name, {"vti_timelastmodified": moment(1)}), b"stale")
    answer = put_all(rpc, "alice", new, option)
    assert answer.status == status, answer.raw
    assert on_disk(disk) == ({name: content + b"!" for name, content in PAGE.items()} if status == 0 else PAGE)
    if "stale" in option:
        assert answer.message.startswith(f"{folder}/d.gif: ") and "Nothing was stored." in answer.message


def test_createdir_makes_the_folder_of_the_pictures(rpc: Rpc, serving: Serving, folder: str, disk: Path) -> None:
    documents = [(DocInfo(f"{folder}/page.htm"), b"page"), *((DocInfo(f"{folder}/page_files/{n}"), c) for n, c in PAGE.items())]
    assert put_all(rpc, "alice", documents, "overwrite").status == NO_FOLDER
    assert put_all(rpc, "alice", [*documents, (DocInfo(f"{folder}/x/y/z"), b"")], "overwrite,createdir").status == NO_FOLDER
    assert list(disk.iterdir()) == [] and staged(serving) == []
    assert put_all(rpc, "alice", documents, "overwrite,createdir").status == 0
    assert on_disk(disk) == {"page.htm": b"page"} | {f"page_files/{name}": content for name, content in PAGE.items()}


def test_keys_that_come_along_are_kept(rpc: Rpc, folder: str) -> None:
    first, second = f"{folder}/a.htm", f"{folder}/b.gif"
    keys = {"vti_title": string("Start; [a]", "W"), "vti_filesize": string("7", "W"), "wrong": parse_meta("IW|seven")}
    answer = put_all(rpc, "alice", [(DocInfo(first, keys), b"a"), (DocInfo(second), b"b")])
    assert answer.documents()[first]["vti_title"] == "SW|Start; [a]" and answer.documents()[first]["vti_filesize"] == "IR|1"
    assert answer.documents()[second]["vti_title"] == "SW|b"
    assert answer.status == 0 and f"{first}: The key wrong was not kept" in answer.message


def test_drafts_are_saved_and_with_checkin_published(rpc: Rpc, folder: str, bob: Client) -> None:
    assert put_all(rpc, "alice", page(folder)).status == 0
    name = f"{folder}/b.gif"
    rpc("alice", "checkout document", document_name=name, timeout=0)
    new = [(info, b"new") for info, _ in page(folder)]
    assert "vti_sourcecontrolcheckedoutby" in put_all(rpc, "alice", new).documents()[name]
    assert (bob.get(f"/{name}").body, bob.get(f"/{folder}/a.htm").body) == (PAGE["b.gif"], b"new")
    kept = put_all(rpc, "alice", new, "overwrite,checkin", comment="all", keep_checked_out="true")
    assert "vti_sourcecontrolcheckedoutby" in kept.documents()[name] and bob.get(f"/{name}").body == b"new"
    assert "vti_sourcecontrolcheckedoutby" not in put_all(rpc, "alice", new, "overwrite,checkin").documents()[name]


def test_if_a_checkout_cannot_be_checked_in_nothing_is_stored(rpc: Rpc, folder: str, bob: Client) -> None:
    put_all(rpc, "alice", page(folder))
    name = f"{folder}/b.gif"
    for timeout in (0, 10):
        rpc("alice", "checkout document", document_name=name, timeout=timeout)
    answer = put_all(rpc, "alice", [(info, b"new") for info, _ in page(folder)], "overwrite,checkin")
    assert answer.status == CHECKED_OUT
    assert f"{name}: " in answer.message and "Nothing was stored." in answer.message
    assert rpc("alice", "get document", document_name=name).content == PAGE["b.gif"]
    assert (bob.get(f"/{name}").body, bob.get(f"/{folder}/c.gif").body) == (PAGE["b.gif"], PAGE["c.gif"])


# what is refused


def locked(rpc: Rpc, name: str) -> None:
    rpc.client("bob").lock(f"/{name}")


def edited(rpc: Rpc, name: str) -> None:
    assert rpc("bob", "checkout document", document_name=name, timeout=10).status == 0


def checked_out(rpc: Rpc, name: str) -> None:
    assert rpc("bob", "checkout document", document_name=name, timeout=0).status == 0


@pytest.mark.parametrize("hold", [locked, edited, checked_out])
def test_if_another_holds_one_of_them_none_is_stored(
    rpc: Rpc, serving: Serving, folder: str, disk: Path, hold: Callable[[Rpc, str], None]
) -> None:
    assert put_all(rpc, "alice", page(folder)).status == 0
    hold(rpc, f"{folder}/c.gif")
    before = held(serving)
    answer = put_all(rpc, "alice", [(info, b"new") for info, _ in page(folder)])
    assert answer.status == CHECKED_OUT
    assert answer.message.startswith(f"{folder}/c.gif: ") and "bob" in answer.message and "Nothing was stored." in answer.message
    assert on_disk(disk) == PAGE
    assert held(serving) == before and staged(serving) == []


@pytest.mark.parametrize(
    "name",
    [
        *("../../x", "/../x", ".davlock/state.db", "_vti_bin/x", "a\\b", "%2e%2e/x", "http://elsewhere/x", "", "nothing/x", "con\x01"),
        "x" * 300,
    ],
)
def test_one_impossible_name_stores_nothing(rpc: Rpc, serving: Serving, folder: str, disk: Path, name: str) -> None:
    before = sorted(each for each in serving.root.rglob("*") if ".davlock" not in each.parts)
    documents = page(folder)
    documents[2] = (DocInfo(name), b"x")
    answer = put_all(rpc, "alice", documents)
    assert answer.status != 0 and "Nothing was stored." in answer.message
    assert sorted(each for each in serving.root.rglob("*") if ".davlock" not in each.parts) == before
    assert staged(serving) == []


@pytest.mark.parametrize("names", [("a.htm", "a.htm"), ("a.htm", "/a.htm"), ("\u00e4.htm", "a\u0308.htm")])
def test_one_document_twice_is_refused(rpc: Rpc, folder: str, disk: Path, names: tuple[str, str]) -> None:
    answer = put_all(rpc, "alice", [(DocInfo(f"{folder}/{name}"), b"x") for name in names])
    assert answer.status == SYNTAX and "This document comes twice." in answer.message
    assert on_disk(disk) == {}


def malformed(folder: str) -> dict[str, bytes]:
    a, b = described(DocInfo(f"{folder}/a.htm")), described(DocInfo(f"{folder}/b.gif"))
    wrong = part(b"document=%5bdocument_name\n", FORM)
    return {
        "no parts": end(),
        "no command": a + part(b"1") + end(),
        "a command of another type": part(command("put documents", {}), "text/plain") + a + part(b"1") + end(),
        "a description without content": told() + a + part(b"1") + b + end(),
        "descriptions alone": told() + a + b + end(),
        "two descriptions": told() + a + b + part(b"2") + end(),
        "content without a description": told() + a + part(b"1") + part(b"2") + end(),
        "no description at all": told() + part(b"1") + end(),
        "no document in it": told() + a + part(b"1") + part(b"x=y\n", FORM) + part(b"2") + end(),
        "half a bracket": told() + a + part(b"1") + wrong + part(b"2") + end(),
        "another document behind the end": told() + a + part(b"1") + part(b"", "text/html") + b + part(b"2") + end(),
        "encoded content": told() + a + part(b"1") + b + part(b"Mg==", OCTETS, "Content-Transfer-Encoding: base64\r\n") + end(),
        "a head that is none": told() + a + part(b"1") + b + part(b"2", OCTETS, "no colon\r\n") + end(),
        "a head without an end": told() + a + part(b"1") + f"--{BOUNDARY}\r\nContent-Type: x".encode(),
        "a boundary that goes on": told() + a + part(b"1") + f"--{BOUNDARY}x\r\n".encode() + b + part(b"2") + end(),
    }


@pytest.mark.parametrize("wrong", malformed(""))
def test_a_request_that_makes_no_sense_stores_nothing(rpc: Rpc, serving: Serving, folder: str, disk: Path, wrong: str) -> None:
    answer = send(rpc, "alice", malformed(folder)[wrong])
    assert answer.status in (SYNTAX, WRITE_ERROR), answer.raw
    assert on_disk(disk) == {} and staged(serving) == []


@pytest.mark.parametrize(
    "kind",
    [
        *("multipart/mixed", "multipart/mixed; boundary=", 'multipart/mixed; boundary=""', 'multipart/mixed; boundary="x'),
        *("multipart/mixed; x=y", "multipart/mixed; boundary=x", 'multipart/mixed; boundary="x "', 'multipart/mixed; boundary="é"'),
        f"multipart/mixed; boundary={'x' * 71}",
    ],
)
def test_a_boundary_is_needed(rpc: Rpc, folder: str, disk: Path, kind: str) -> None:
    assert send(rpc, "alice", bundle(page(folder)), kind.encode().decode("latin-1")).status in (SYNTAX, WRITE_ERROR)
    assert on_disk(disk) == {}


def test_a_request_that_is_cut_anywhere_stores_nothing(rpc: Rpc, serving: Serving, folder: str, disk: Path) -> None:
    body = bundle(page(folder))
    for at in [*range(0, len(body) - 1, 37), len(body) - 2, len(body) - 1]:
        answer = send(rpc, "alice", body[:at])
        assert answer.status in (SYNTAX, WRITE_ERROR), (at, answer.raw)
    assert on_disk(disk) == {} and staged(serving) == []


def test_a_connection_that_breaks_stores_nothing(rpc: Rpc, serving: Serving, folder: str, disk: Path) -> None:
    body = bundle(page(folder))
    for sent in (10, len(body) // 2, len(body) - 1):
        with Wire(serving, "alice") as wire:
            wire.head(f"POST {AUTHOR}", f"X-Vermeer-Content-Type: {MIXED}", f"Content-Type: {MIXED}", f"Content-Length: {len(body)}")
            wire.send(body[:sent])
            wire.end()
            answer = wire.answer("POST")
        assert b"%d" % WRITE_ERROR in answer.body or answer.status == 400, answer
    assert on_disk(disk) == {} and staged(serving) == []


@pytest.mark.parametrize(
    "head", [f"X: {'y' * 5000}\r\n", f"X: {'y' * MIB}\r\n", "".join(f"X{n}: y\r\n" for n in range(9)), "x" * MIB], ids=len
)
def test_a_head_that_is_too_long(rpc: Rpc, folder: str, disk: Path, head: str) -> None:
    body = told() + described(DocInfo(f"{folder}/a.htm")) + part(b"1", OCTETS, head) + end()
    assert send(rpc, "alice", body).status in (TOO_LONG, SYNTAX)
    assert on_disk(disk) == {}


@pytest.mark.parametrize("text", [told("x" * 70_000), told() + part(b"document=" + b"x" * 70_000, FORM)], ids=["command", "description"])
def test_a_command_that_is_too_long(rpc: Rpc, text: bytes) -> None:
    assert send(rpc, "alice", text + end()).status == TOO_LONG


def test_ten_thousand_parts_are_refused(rpc: Rpc, serving: Serving, folder: str, disk: Path) -> None:
    def body() -> Iterator[bytes]:
        yield told()
        for number in range(5000):
            yield described(DocInfo(f"{folder}/{number}")) + part(b"x")
        yield end()

    assert send(rpc, "alice", b"".join(body())).status == TOO_LONG
    assert on_disk(disk) == {} and staged(serving) == []


def test_it_must_come_in_parts(rpc: Rpc, folder: str) -> None:
    assert rpc("alice", "put documents", put_option="overwrite").status == SYNTAX
    assert rpc("alice", "put documents", payload=bundle(page(folder)), put_option="overwrite").status == SYNTAX
    assert put_all(rpc, "alice", page(folder), method=f"put document:{VERSION}").status == SYNTAX


def test_every_other_method_can_come_in_parts_too(rpc: Rpc) -> None:
    answer = send(rpc, "alice", told(method="server version") + end())
    assert answer.status == 0 and answer.values.list("server version").text("major ver") == "12"
    assert send(rpc, "alice", told(method="no such method") + end()).status == 0x000E0002


# what happens while it arrives


LARGE = b"new" * MIB


def renewed(folder: str) -> list[tuple[DocInfo, bytes]]:
    """The last one is so large that the server cannot wait for all of it before it looks at the others."""
    return [(info, LARGE if info.name.endswith("e.gif") else b"new") for info, _ in page(folder)]


def interrupted(serving: Serving, documents: list[tuple[DocInfo, bytes]], act: Callable[[], object]) -> Iterator[bytes]:
    """A request in which something happens when all documents but the last one wait on the server's disk."""
    body = bundle(documents)
    yield body[:-10]
    end = time.monotonic() + 30
    while len(staged(serving)) < len(documents):
        assert time.monotonic() < end, staged(serving)
    act()
    yield body[-10:]


def test_of_what_another_takes_while_it_arrives_and_of_the_others_the_answer_tells(
    rpc: Rpc, serving: Serving, folder: str, disk: Path, bob: Client
) -> None:
    put_all(rpc, "alice", page(folder))
    answer = send(rpc, "alice", interrupted(serving, renewed(folder), lambda: bob.lock(f"/{folder}/c.gif")))
    assert answer.status == CHECKED_OUT
    assert answer.message.startswith(f"{folder}/c.gif was not stored as asked: ") and "bob" in answer.message
    assert answer.message.endswith("All others were stored.")
    assert on_disk(disk) == dict.fromkeys(PAGE, b"new") | {"c.gif": PAGE["c.gif"], "e.gif": LARGE}
    told_of = answer.documents()
    assert told_of[f"{folder}/c.gif"] == {"mf-file-status": f"IR|{CHECKED_OUT}"}
    assert all("mf-file-status" not in told_of[f"{folder}/{name}"] for name in PAGE if name != "c.gif")
    stamped = DocInfo(f"{folder}/a.htm", {"vti_timelastmodified": parse_meta(told_of[f"{folder}/a.htm"]["vti_timelastmodified"])})
    assert put_all(rpc, "alice", [(stamped, b"newer")], "edit").status == 0


def test_if_others_take_all_of_them_it_is_refused(rpc: Rpc, serving: Serving, folder: str, disk: Path, bob: Client) -> None:
    put_all(rpc, "alice", page(folder))
    answer = send(rpc, "alice", interrupted(serving, renewed(folder), lambda: bob.lock(f"/{folder}", depth="infinity")))
    assert answer.status == CHECKED_OUT and "bob" in answer.message and "document_list" not in answer.values.pairs
    assert on_disk(disk) == PAGE


def test_no_document_is_held_in_memory(rpc: Rpc, serving: Serving, folder: str, disk: Path) -> None:
    size = 64

    def body() -> Iterator[bytes]:
        yield told()
        for name in ("a", "b"):
            yield described(DocInfo(f"{folder}/{name}"))
            yield part(b"").removesuffix(b"\r\n")
            for number in range(size):
                yield bytes([number]) * MIB
            yield b"\r\n"
        yield end()

    rpc("alice", "server version")
    memory = Memory(serving)
    assert send(rpc, "alice", body()).status == 0
    assert [(disk / name).stat().st_size for name in ("a", "b")] == [size * MIB] * 2
    assert (disk / "b").read_bytes()[::MIB] == bytes(range(size))
    assert memory.growth() < 8 * MIB


def test_what_a_document_says_is_not_repeated_as_markup(rpc: Rpc, folder: str) -> None:
    answer = put_all(rpc, "alice", [(DocInfo(f"{folder}/nothing/<li>status=0"), b"")])
    assert answer.status == NO_FOLDER and b"<li>status=0\n" not in answer.raw and "<li>status=0" in answer.message


def test_webdav_sees_what_was_put(rpc: Rpc, folder: str, bob: Client) -> None:
    put_all(rpc, "alice", page(folder))
    assert {name: bob.get(f"/{folder}/{name}").body for name in PAGE} == PAGE
