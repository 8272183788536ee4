"""get document and put document: content in both directions, and what put_option makes of what stands there."""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from davlock.fprpc.values import DocInfo, moment, parse_meta
from tests.dav.stories import Wire
from tests.doors import WebDav
from tests.fprpc.client import command
from tests.fprpc.client import document as printed
from tests.fprpc.conftest import AUTHOR, FORM, VERMEER, Rpc
from tests.fprpc.states import held, meta, put, save, seconds
from tests.serving import Client, Serving

SYNTAX, WRITE_ERROR = 0x00040006, 0x0002000C
EXISTS, BAD_URL, NO_FILE, NO_FOLDER = 0x00090002, 0x00090005, 0x00090006, 0x00090007
CHECKED_OUT, NOT_CHECKED_OUT = 0x0009000E, 0x0009000F
MIB = 1024 * 1024


def get(rpc: Rpc, user: str, document: str, **parameters: Any) -> Any:
    return rpc(user, "get document", document_name=document, **parameters)


# get document


@pytest.mark.parametrize("content", [b"", b"old", b"<html></html>\n</html>\n\0\r\n", bytes(range(256)) * 5000], ids=len)
@pytest.mark.parametrize("option", ["none", "0", "", "NONE"])
def test_get_gives_the_bytes_and_no_checkout(rpc: Rpc, document: str, disk: Path, content: bytes, option: str) -> None:
    (disk / "report.doc").write_bytes(content)
    answer = get(rpc, "alice", document, get_option=option, timeout=10, old_theme_html=False, force=True, expandWebPartPages=True)
    assert answer.content == content
    assert answer.values.list("document").text("document_name") == document
    assert meta(answer)["vti_filesize"].content == len(content)
    assert "vti_sourcecontrolcheckedoutby" not in meta(answer)
    assert answer.message == f"successfully retrieved document '{document}' from '{document}'"


@pytest.mark.parametrize("option", ["chkoutExclusive", "chkoutNonExclusive", "CHKOUTEXCLUSIVE", "1", "2"])
def test_get_checks_out(rpc: Rpc, serving: Serving, document: str, option: str) -> None:
    answer = get(rpc, "alice", document, get_option=option, timeout=10)
    assert answer.content == b"old"
    shown = meta(answer)
    assert shown["vti_sourcecontrolcheckedoutby"].text == "alice"
    assert seconds(shown, "vti_sourcecontrollockexpires") - seconds(shown, "vti_sourcecontroltimecheckedout") == 600
    before = held(serving)
    refused = get(rpc, "bob", document, get_option=option, timeout=10)
    assert (refused.status, refused.content) == (CHECKED_OUT, b"")
    assert "alice" in refused.message
    assert held(serving) == before
    read_only = get(rpc, "bob", document, get_option="none")
    assert (read_only.status, read_only.content) == (0, b"old")


def test_get_with_a_long_term_checkout_gives_the_draft_to_its_holder(rpc: Rpc, document: str) -> None:
    assert "vti_sourcecontrollockexpires" not in meta(get(rpc, "alice", document, get_option="chkoutExclusive", timeout=0))
    stamp = seconds(meta(put(rpc, "alice", document, b"draft", "edit", meta(get(rpc, "alice", document)))), "vti_timelastmodified")
    published = get(rpc, "alice", document, doc_version="V1.0")
    assert (published.content, meta(published)["vti_filesize"].content) == (b"old", 3)
    assert put(rpc, "alice", document, b"from an old state", "edit", meta(published)).status == EXISTS
    mine, his = get(rpc, "alice", document), get(rpc, "bob", document)
    assert (mine.content, his.content) == (b"draft", b"old")
    assert seconds(meta(mine), "vti_timelastmodified") == stamp > seconds(meta(his), "vti_timelastmodified")


@pytest.mark.parametrize("version", ["V1.0", "v1.0", "1", "V1"])
def test_get_an_earlier_version(rpc: Rpc, document: str, alice: Client, version: str) -> None:
    assert meta(get(rpc, "alice", document))["vti_sourcecontrolversion"].text == "V1.0"
    rpc("alice", "checkout document", document_name=document, timeout=10)
    rpc("alice", "uncheckout document", document_name=document, rlsshortterm=True)
    save(alice, document, b"newer")
    now = get(rpc, "alice", document)
    assert (now.content, meta(now)["vti_sourcecontrolversion"].text) == (b"newer", "V2.0")
    earlier = get(rpc, "alice", document, doc_version=version)
    assert (earlier.content, meta(earlier)["vti_filesize"].content) == (b"old", 3)
    assert put(rpc, "alice", document, b"from an old state", "edit", meta(earlier)).status == EXISTS
    newest = get(rpc, "alice", document, doc_version="V2.0")
    assert (newest.content, meta(newest)) == (b"newer", meta(now))
    assert get(rpc, "alice", document, doc_version="").content == b"newer"


@pytest.mark.parametrize(
    ("version", "status"), [("V7.0", NO_FILE), ("V0.0", NO_FILE), ("V1.5", SYNTAX), ("latest", SYNTAX), ("9" * 5000, SYNTAX)]
)
def test_a_version_that_is_not_there_is_neither_another_one_nor_checked_out(
    rpc: Rpc, serving: Serving, document: str, version: str, status: int
) -> None:
    answer = get(rpc, "alice", document, get_option="chkoutExclusive", timeout=10, doc_version=version)
    assert (answer.status, answer.content) == (status, b"")
    assert get(rpc, "bob", document, get_option="chkoutExclusive", timeout=10).status == 0


def test_get_of_nothing(rpc: Rpc, serving: Serving, folder: str) -> None:
    before = held(serving)
    for option in ("none", "chkoutExclusive"):
        assert get(rpc, "alice", f"{folder}/nothing.doc", get_option=option).status == NO_FILE
        assert get(rpc, "alice", folder, get_option=option).status == BAD_URL
    assert rpc("alice", "get document", get_option="none").status == SYNTAX
    assert get(rpc, "alice", f"{folder}/nothing.doc", get_option="steal").status == SYNTAX
    assert held(serving) == before


def test_a_stamp_never_belongs_to_a_newer_content(rpc: Rpc, serving: Serving, document: str) -> None:
    """Or the client could overwrite what it has never seen: whatever it was told belongs to the bytes that it got."""
    stop = threading.Event()
    told: dict[int, bytes] = {}

    def write() -> None:
        bob = Rpc(serving)
        for number in range(60):
            content = b"%d" % number
            told[seconds(meta(put(bob, "bob", document, content)), "vti_timelastmodified")] = content
        stop.set()

    meta(put(rpc, "bob", document, b"first"))
    writer = threading.Thread(target=write)
    writer.start()
    seen = []
    while not stop.is_set():
        answer = get(rpc, "alice", document)
        seen.append((seconds(meta(answer), "vti_timelastmodified"), answer.content))
    writer.join()
    assert len(told) == 60
    for stamp, content in seen:
        assert told.get(stamp, b"first") == content


# put document


def test_put_makes_and_changes_a_document(rpc: Rpc, folder: str, disk: Path) -> None:
    name = f"{folder}/Bücher; [1]=a & {{b}}.doc"
    answer = put(rpc, "alice", name, b"one\nline\n", "edit", comment="", keep_checked_out="false")
    assert answer.values.list("document").text("document_name") == name
    assert answer.message == f"successfully put document '{name}' as '{name}'"
    assert meta(answer)["vti_filesize"].content == 9
    assert meta(answer)["vti_modifiedby"].text == "alice"
    assert (disk / name.rpartition("/")[2]).read_bytes() == b"one\nline\n"
    again = put(rpc, "alice", name, b"", "edit", meta(answer))
    assert seconds(meta(again), "vti_timelastmodified") > seconds(meta(answer), "vti_timelastmodified")
    assert meta(again)["vti_etag"] != meta(answer)["vti_etag"]
    assert (disk / name.rpartition("/")[2]).read_bytes() == b""


@pytest.mark.parametrize(
    ("option", "stamped", "there", "status"),
    [
        ("", "no", False, 0), ("none", "no", False, 0), ("edit", "no", False, 0), ("overwrite", "no", False, 0),
        ("", "no", True, EXISTS), ("none", "no", True, EXISTS), ("", "right", True, EXISTS), ("atomic", "right", True, EXISTS),
        ("edit", "no", True, EXISTS), ("edit", "right", True, 0), ("EDIT", "right", True, 0), ("edit", "wrong", True, EXISTS),
        ("edit", "right", False, EXISTS), ("overwrite", "no", True, 0), ("overwrite", "wrong", True, 0), ("overwrite", "wrong", False, 0),
        ("edit,overwrite", "wrong", True, EXISTS), ("edit,overwrite", "right", True, 0), ("edit,overwrite", "no", True, 0),
        ("overwrite,atomic,forceversions,listthickets,thicket,noadd,migrationsemantics", "no", True, 0),
        ("edit,checkin", "wrong", True, EXISTS), ("edit, checkin", "right", True, 0), ("checkin", "no", True, EXISTS),
    ],
)  # fmt: skip
def test_put_options(rpc: Rpc, document: str, disk: Path, option: str, stamped: str, there: bool, status: int) -> None:
    known = meta(get(rpc, "alice", document))
    stamp = {"no": {}, "right": known, "wrong": {**known, "vti_timelastmodified": moment(known["vti_timelastmodified"].seconds - 1)}}
    if not there:
        (disk / "report.doc").unlink()
    answer = put(rpc, "alice", document, b"new", option, stamp[stamped])
    assert answer.status == status, answer.message
    left = b"old" if there else None
    assert (disk / "report.doc").read_bytes() == b"new" if not status else _content(disk / "report.doc") == left


def _content(file: Path) -> bytes | None:
    return file.read_bytes() if file.exists() else None


@pytest.mark.parametrize("how", ["WebDAV", "FrontPage", "another program", "a rename by another program"])
def test_edit_is_refused_after_somebody_elses_save(rpc: Rpc, document: str, disk: Path, bob: Client, how: str) -> None:
    """Also within one second, and by programs that keep the time of a file."""
    file = disk / "report.doc"
    known = meta(put(rpc, "alice", document, b"alice 1"))
    if how == "WebDAV":
        save(bob, document, b"bob's")
    elif how == "FrontPage":
        meta(put(rpc, "bob", document, b"bob's"))
    elif how == "another program":
        file.write_bytes(b"bob's")
        os.utime(file, (1_000_000, known["vti_timelastmodified"].seconds))
    else:
        (disk / "new").write_bytes(b"bob's")
        (disk / "new").rename(file)
    answer = put(rpc, "alice", document, b"alice 2", "edit", known)
    assert answer.status == EXISTS
    assert "changed since you opened it" in answer.message
    assert file.read_bytes() == b"bob's"
    meta(put(rpc, "alice", document, b"alice 3", "edit", meta(get(rpc, "alice", document))))
    assert file.read_bytes() == b"alice 3"


def test_of_many_who_edit_the_same_state_one_saves(rpc: Rpc, serving: Serving, document: str) -> None:
    """Judged in the decision, not before the upload."""
    known = meta(get(rpc, "alice", document))
    statuses: list[int] = []
    barrier = threading.Barrier(6)

    def edit(number: int) -> None:
        own = Rpc(serving)

        def body() -> Iterator[bytes]:
            yield b"%d" % number
            barrier.wait(30)
            yield b"!"

        info = printed(DocInfo(document, known))
        statuses.append(own("alice", "put document", payload=body(), document=info, put_option="edit").status)

    threads = [threading.Thread(target=edit, args=(number,)) for number in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert sorted(statuses) == [0] + [EXISTS] * 5


@pytest.mark.parametrize("stamp", ["SW|x", "TW|yesterday", "TW|06 Apr 2006 25:00:00 -0000", "TW|", "IW|1"])
def test_a_stamp_that_is_no_time(rpc: Rpc, document: str, disk: Path, stamp: str) -> None:
    assert put(rpc, "alice", document, b"new", "edit", {"vti_timelastmodified": parse_meta(stamp)}).status == SYNTAX
    assert (disk / "report.doc").read_bytes() == b"old"


# under locks


def test_put_under_ones_own_checkout_keeps_it(rpc: Rpc, serving: Serving, document: str) -> None:
    known = meta(get(rpc, "alice", document, get_option="chkoutExclusive", timeout=10))
    before = held(serving)["locks"]
    saved = meta(put(rpc, "alice", document, b"new", "edit", known))
    assert held(serving)["locks"] == before
    for key in ("vti_sourcecontrolcheckedoutby", "vti_sourcecontroltimecheckedout", "vti_sourcecontrollockexpires"):
        assert saved[key] == known[key]
    meta(put(rpc, "alice", document, b"newer", "edit", saved))


def test_put_under_ones_own_webdav_lock_is_for_the_webdav_client(
    rpc: Rpc, serving: Serving, document: str, disk: Path, alice: Client
) -> None:
    token = alice.lock(f"/{document}")
    before = held(serving)
    for option in ("edit", "overwrite", "overwrite,checkin"):
        answer = put(rpc, "alice", document, b"new", option, meta(get(rpc, "alice", document)))
        assert answer.status == CHECKED_OUT
        assert "open in your own WebDAV client" in answer.message
        assert re.search(r"until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", answer.message)
        assert token not in answer.message
    assert held(serving) == before
    assert (disk / "report.doc").read_bytes() == b"old"
    alice.unlock(f"/{document}", token)
    assert put(rpc, "alice", document, b"new").status == 0


def test_a_new_name_in_a_folder_that_somebody_has_locked(rpc: Rpc, folder: str, disk: Path, bob: Client) -> None:
    bob.lock(f"/{folder}", depth="infinity")
    answer = put(rpc, "alice", f"{folder}/new.doc", b"new")
    assert answer.status == CHECKED_OUT
    assert "bob" in answer.message
    assert put(rpc, "alice", f"{folder}/sub/new.doc", b"new", "overwrite,createdir").status == CHECKED_OUT
    assert list(disk.iterdir()) == []


def test_a_lock_granted_during_the_upload_wins(rpc: Rpc, serving: Serving, document: str, disk: Path, bob: Client) -> None:
    def body() -> Iterator[bytes]:
        yield b"ali"
        bob.lock(f"/{document}")
        yield b"ce"

    answer = rpc("alice", "put document", payload=body(), document=printed(DocInfo(document)), put_option="overwrite")
    assert answer.status == CHECKED_OUT
    assert "bob" in answer.message
    assert (disk / "report.doc").read_bytes() == b"old"


# checkin, checkout, comment, keep_checked_out


@pytest.mark.parametrize(
    ("option", "keep", "kept", "published"),
    [
        ("overwrite", "false", True, False), ("overwrite", "true", True, False), ("overwrite,checkout", "false", True, False),
        ("overwrite,checkin", "false", False, True), ("overwrite,checkin", "", False, True),
        ("overwrite,checkin,checkout", "false", True, True), ("overwrite,checkin", "true", True, True),
        ("edit,checkin", "TRUE", True, True),
    ],
)  # fmt: skip
def test_put_and_check_in(rpc: Rpc, document: str, bob: Client, option: str, keep: str, kept: bool, published: bool) -> None:
    known = meta(rpc("alice", "checkout document", document_name=document, timeout=0))
    saved = meta(put(rpc, "alice", document, b"new", option, known, comment="Nur so", keep_checked_out=keep))
    assert ("vti_sourcecontrolcheckedoutby" in saved) is kept
    assert bob.get(f"/{document}").body == (b"new" if published else b"old")
    assert _comment(rpc, document) == ("Nur so" if published else "")
    assert (bob.put(f"/{document}", b"bob's").status == 204) is not kept


def _comment(rpc: Rpc, document: str) -> str:
    """Of the newest version, as WebDAV shows it."""
    return WebDav(rpc.client("bob").serving, "bob").versions(f"/{document}")[-1].comment


def test_put_with_checkin_of_what_is_not_checked_out_is_a_save_with_a_comment(rpc: Rpc, folder: str, bob: Client) -> None:
    name = f"{folder}/new.doc"
    for content in (b"one", b"two"):
        saved = meta(put(rpc, "alice", name, content, "overwrite,checkin,checkout", comment=content.decode()))
        assert "vti_sourcecontrolcheckedoutby" not in saved
        assert (bob.get(f"/{name}").body, _comment(rpc, name)) == (content, content.decode())


def test_put_with_checkin_waits_for_the_short_term_checkout(rpc: Rpc, serving: Serving, document: str, bob: Client) -> None:
    for timeout in (0, 10):
        meta(rpc("alice", "checkout document", document_name=document, timeout=timeout))
    before = held(serving)
    answer = put(rpc, "alice", document, b"new", "overwrite,checkin")
    assert answer.status == CHECKED_OUT
    assert "open for editing by yourself" in answer.message
    assert held(serving) == before
    assert bob.get(f"/{document}").body == b"old"


@pytest.mark.parametrize("comment", ["x" * 5000, "two\nlines", "\x07"])
def test_a_comment_that_cannot_be_kept(rpc: Rpc, document: str, disk: Path, comment: str) -> None:
    assert put(rpc, "alice", document, b"new", "overwrite,checkin", comment=comment).status == SYNTAX
    assert (disk / "report.doc").read_bytes() == b"old"


# createdir


def test_createdir_makes_the_folder_it_goes_into_and_no_other(rpc: Rpc, folder: str, disk: Path) -> None:
    assert put(rpc, "alice", f"{folder}/a/new.doc", b"new").status == NO_FOLDER
    assert put(rpc, "alice", f"{folder}/a/b/new.doc", b"new", "overwrite,createdir").status == NO_FOLDER
    assert list(disk.iterdir()) == []
    for content in (b"new", b"newer"):
        meta(put(rpc, "alice", f"{folder}/Ä a/new.doc", content, "overwrite,createdir"))
        assert (disk / "Ä a" / "new.doc").read_bytes() == content


def test_a_folder_that_was_made_for_nothing_is_taken_away_again(rpc: Rpc, serving: Serving, folder: str, disk: Path) -> None:
    assert put(rpc, "alice", f"{folder}/a/new.doc", b"new", "edit,createdir", {"vti_timelastmodified": moment(1)}).status == EXISTS
    assert list(disk.iterdir()) == []
    break_off(serving, f"{folder}/a/new.doc", "overwrite,createdir")
    assert list(disk.iterdir()) == []


# the payload


def break_off(serving: Serving, name: str, option: str) -> None:
    """alice announces more than she sends; returns once the server has answered or hung up."""
    line = command("put document:6.0.2.5523", {"document": printed(DocInfo(name)), "put_option": option}) + b"\n"
    with Wire(serving, "alice") as wire:
        kind = f"X-Vermeer-Content-Type: {VERMEER}"
        wire.head(f"POST {AUTHOR}", kind, f"Content-Type: {VERMEER}", f"Content-Length: {len(line) + MIB}")
        wire.send(line + b"x" * 1000)
        wire.end()
        answer = wire.answer("POST")
    assert b"%d" % WRITE_ERROR in answer.body or answer.status == 400, answer


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
    before = _peak(serving)

    def body() -> Iterator[bytes]:
        for number in range(size):
            yield bytes([number]) * MIB

    answer = rpc("alice", "put document", payload=body(), document=printed(DocInfo(f"{folder}/big")), put_option="overwrite")
    assert meta(answer)["vti_filesize"].content == size * MIB
    assert (disk / "big").stat().st_size == size * MIB
    assert _peak(serving) - before < size // 3
    # read as it comes, for this process has to hold nothing either
    client = rpc.client("alice")
    line = command("get document:6.0.2.5523", {"document_name": f"{folder}/big", "get_option": "none"}) + b"\n"
    with socket.create_connection((serving.host, serving.port), 30) as connection:
        head = f"POST {AUTHOR} HTTP/1.1\r\nHost: x\r\nAuthorization: {client.authorization}\r\nX-Vermeer-Content-Type: {FORM}\r\n"
        connection.sendall(f"{head}Content-Type: {FORM}\r\nContent-Length: {len(line)}\r\nConnection: close\r\n\r\n".encode() + line)
        received = 0
        while block := connection.recv(MIB):
            received += len(block)
    assert received > size * MIB
    assert _peak(serving) - before < size // 3


def _peak(serving: Serving) -> int:
    """MiB that the largest process of the server had at most."""
    assert serving._process
    session = serving._process.pid
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                in_session = os.getsid(int(entry.name)) == session
                lines = (entry / "status").read_text().splitlines() if in_session else []
            except OSError:
                continue
            found += [int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM:")]
    assert found
    return max(found)
