"""get document: content with its description, checked out if that is asked for."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.fprpc.conftest import Rpc
from tests.fprpc.states import get, held, meta, put, save, seconds
from tests.fprpc.statuses import BAD_URL, CHECKED_OUT, EXISTS, NO_FILE, SYNTAX
from tests.serving import Client, Serving


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
