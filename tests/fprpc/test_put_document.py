"""put document: what put_option makes of what stands there, of locks and of checkouts."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from davlock.fprpc.values import DocInfo, moment, parse_meta
from tests.doors import WebDav
from tests.fprpc.client import document as printed
from tests.fprpc.conftest import Rpc
from tests.fprpc.states import break_off, get, held, meta, put, save, seconds
from tests.fprpc.statuses import CHECKED_OUT, EXISTS, NO_FOLDER, SYNTAX
from tests.serving import Client, Serving


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
