"""Replays of Windows Explorer, which reaches a server through the WebDAV mini-redirector."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.clients.windows import TIMES, an_hour, lock, redirected, set_times, times
from tests.doors import WebDav
from tests.serving import Client, Serving, href

CONTENT = bytes(range(256)) * 300
NAME = "/Neuer Ordner & mehr/Angebot für A&B (1) #2 100%.docx"


@pytest.fixture
def folder(serving: Serving) -> Path:
    (serving.root / "Neuer Ordner & mehr").mkdir()
    return serving.root / "Neuer Ordner & mehr"


def url(serving: Serving, path: str) -> str:
    return serving.url.rstrip("/") + href(path)


def listed(client: Client, path: str) -> Iterator[tuple[str, bool]]:
    """Decoded hrefs, and whether they are folders, of what Explorer shows in a folder: all but the folder itself."""
    answer = redirected(client, "PROPFIND", path, Depth="1")
    assert answer.status == 207, answer
    for response in list(answer.xml())[1:]:
        yield unquote(response.findtext("{DAV:}href", "")), response.find(".//{DAV:}collection") is not None


def sizes(client: Client, path: str) -> dict[str, int]:
    """Decoded href and length of each document that is listed in a folder."""
    found = redirected(client, "PROPFIND", path, Depth="1").xml().iter("{DAV:}response")
    lengths = {unquote(each.findtext("{DAV:}href", "")): each.findtext(".//{DAV:}getcontentlength") for each in found}
    return {href: int(length) for href, length in lengths.items() if length}


def test_drive_is_mapped(serving: Serving, folder: Path, alice: Client) -> None:
    nobody = Client(serving)
    challenged = nobody.request("OPTIONS", "/", User_Agent="DavClnt", translate="f")
    assert challenged.status == 200 or challenged.headers["WWW-Authenticate"].startswith("Basic "), challenged
    assert challenged.status in (200, 401)
    assert redirected(nobody, "PROPFIND", "/", Depth="0").status == 401

    options = alice.request("OPTIONS", "/", User_Agent="DavClnt", translate="f")
    assert options.status == 200
    assert "2" in re.split(r",\s*", options.headers["DAV"])
    # folders without a slash at the end are answered as they are, not redirected
    for path in ("/", "/Neuer Ordner & mehr", "/Neuer Ordner & mehr/"):
        assert redirected(alice, "PROPFIND", path, Depth="0").status == 207
    assert list(listed(alice, "/")) == [("/Neuer Ordner & mehr/", True)]
    for path in ("/desktop.ini", "/AutoRun.inf", "/Neuer Ordner & mehr/desktop.ini", "/Neuer Ordner & mehr/folder.jpg"):
        assert redirected(alice, "PROPFIND", path, Depth="0").status == 404
    assert [entry.name for entry in serving.root.iterdir() if entry.name != ".davlock"] == ["Neuer Ordner & mehr"]


def test_a_file_is_copied_to_the_server(serving: Serving, folder: Path, alice: Client, bob: Client) -> None:
    stored = serving.root / NAME.strip("/")
    assert redirected(alice, "PROPFIND", NAME, Depth="0").status == 404
    assert redirected(alice, "PUT", NAME, b"").status == 201
    token = lock(alice, NAME, "DESKTOP-7\\alice")
    set_times(alice, NAME, token)
    assert redirected(alice, "HEAD", NAME).headers["Content-Length"] == "0"
    assert redirected(bob, "PUT", NAME, b"bob was here").status == 423
    assert redirected(alice, "PUT", NAME, CONTENT, If=f"(<{token}>)").status == 204
    set_times(alice, NAME, token)
    refreshed = redirected(alice, "LOCK", NAME, If=f"(<{token}>)", Timeout="Second-3600", Content_Length=0)
    assert refreshed.status == 200 and an_hour(refreshed), refreshed
    assert redirected(alice, "UNLOCK", NAME, Lock_Token=f"<{token}>").status == 204

    assert stored.read_bytes() == CONTENT
    assert times(bob, NAME) == TIMES
    assert list(listed(bob, "/Neuer Ordner & mehr")) == [(NAME, False)]
    got = redirected(bob, "GET", NAME)
    assert (got.status, got.body) == (200, CONTENT)


def test_a_new_file_is_locked_before_it_is_there(serving: Serving, folder: Path, alice: Client, bob: Client) -> None:
    token = lock(alice, NAME, "DESKTOP-7\\alice")
    assert list(listed(bob, "/Neuer Ordner & mehr")) == [(NAME, False)]
    assert redirected(bob, "DELETE", NAME).status == 423
    assert redirected(alice, "PUT", NAME, CONTENT, If=f"(<{token}>)").status in (200, 204)
    # Windows sometimes sends the token without its brackets
    assert redirected(alice, "UNLOCK", NAME, Lock_Token=token).status == 204
    assert redirected(bob, "GET", NAME).body == CONTENT


def test_copy_that_is_cancelled_leaves_nothing_locked(serving: Serving, folder: Path, alice: Client, bob: Client) -> None:
    token = lock(alice, NAME, "DESKTOP-7\\alice")
    assert redirected(alice, "DELETE", NAME, If=f"(<{token}>)").status == 204
    assert redirected(alice, "UNLOCK", NAME, Lock_Token=f"<{token}>").status in (204, 409)
    assert redirected(bob, "PUT", NAME, CONTENT).status == 201


def test_folders_are_made_renamed_and_deleted(serving: Serving, alice: Client, bob: Client) -> None:
    new, named = "/New folder", "/Verträge & Söhne"
    assert redirected(alice, "PROPFIND", new, Depth="0").status == 404
    assert redirected(alice, "MKCOL", new).status == 201
    assert redirected(alice, "MKCOL", new).status == 405
    moved = redirected(alice, "MOVE", new, Destination=url(serving, named), Overwrite="F")
    assert moved.status == 201, moved
    set_times(alice, named)
    assert times(bob, named) == TIMES
    assert redirected(bob, "PUT", f"{named}/a.txt", CONTENT).status == 201
    assert redirected(alice, "MOVE", named, Destination=url(serving, "/Renamed"), Overwrite="F").status == 201
    assert (serving.root / "Renamed" / "a.txt").read_bytes() == CONTENT
    assert redirected(bob, "DELETE", "/Renamed").status == 204
    assert list(listed(alice, "/")) == []
    assert [entry.name for entry in serving.root.iterdir() if entry.name != ".davlock"] == []


def test_rename_onto_an_existing_name_asks_first(serving: Serving, alice: Client) -> None:
    (serving.root / "a.txt").write_bytes(b"a")
    (serving.root / "b.txt").write_bytes(b"b")
    destination = url(serving, "/b.txt")
    assert redirected(alice, "MOVE", "/a.txt", Destination=destination, Overwrite="F").status == 412
    assert ((serving.root / "a.txt").read_bytes(), (serving.root / "b.txt").read_bytes()) == (b"a", b"b")
    assert redirected(alice, "MOVE", "/a.txt", Destination=destination, Overwrite="T").status == 204
    assert (serving.root / "b.txt").read_bytes() == b"a"
    assert not (serving.root / "a.txt").exists()


def test_a_folder_in_use_is_not_deleted_or_renamed(serving: Serving, folder: Path, alice: Client, bob: Client) -> None:
    path = "/Neuer Ordner & mehr"
    assert redirected(alice, "PUT", f"{path}/deep.docx", CONTENT).status == 201
    token = lock(alice, f"{path}/deep.docx", "DESKTOP-7\\alice")
    assert redirected(bob, "DELETE", path).status in (207, 423)
    assert redirected(bob, "MOVE", path, Destination=url(serving, "/gone"), Overwrite="F").status in (207, 423)
    assert (folder / "deep.docx").read_bytes() == CONTENT
    assert not (serving.root / "gone").exists()
    assert redirected(alice, "UNLOCK", f"{path}/deep.docx", Lock_Token=f"<{token}>").status == 204
    assert redirected(bob, "MOVE", path, Destination=url(serving, "/gone"), Overwrite="F").status == 201


def test_a_file_is_copied_onto_one_that_is_checked_out(serving: Serving, folder: Path, alice: Client, bob: Client) -> None:
    alices, bobs = WebDav(serving, "alice"), WebDav(serving, "bob")
    assert bob.put(NAME, b"old").status == 201
    assert alices.check_out(NAME) == ""
    history = bobs.versions(NAME)

    assert redirected(alice, "PUT", NAME, b"").status == 204
    assert bob.get(NAME).body == b"old"
    token = lock(alice, NAME, "DESKTOP-7\\alice")
    assert redirected(alice, "HEAD", NAME).headers["Content-Length"] == "0"
    assert redirected(alice, "PUT", NAME, CONTENT, If=f"(<{token}>)").status == 204
    assert redirected(alice, "UNLOCK", NAME, Lock_Token=f"<{token}>").status == 204
    # Explorer shows everybody the size of what he would open
    assert sizes(alice, "/Neuer Ordner & mehr") == {NAME: len(CONTENT)}
    assert sizes(bob, "/Neuer Ordner & mehr") == {NAME: 3}
    assert (bob.get(NAME).body, bobs.versions(NAME)) == (b"old", history)

    assert alices.check_in(NAME, "from the fair") == ""
    assert sizes(bob, "/Neuer Ordner & mehr") == {NAME: len(CONTENT)}
    assert [(each.who, each.comment) for each in bobs.versions(NAME)] == [("bob", ""), ("alice", "from the fair")]


def test_what_is_checked_out_is_renamed_by_its_holder_only(serving: Serving, folder: Path, alice: Client, bob: Client) -> None:
    alices, bobs = WebDav(serving, "alice"), WebDav(serving, "bob")
    renamed = "/Neuer Ordner & mehr/Angebot, zweite Fassung.docx"
    assert bob.put(NAME, b"old").status == 201
    assert alices.check_out(NAME) == ""
    assert redirected(alice, "PUT", NAME, CONTENT).status == 204
    holder, history = bobs.holder(NAME), bobs.versions(NAME)
    assert redirected(bob, "MOVE", NAME, Destination=url(serving, renamed), Overwrite="F").status == 423

    assert redirected(alice, "MOVE", NAME, Destination=url(serving, renamed), Overwrite="F").status == 201
    assert (alice.get(renamed).body, bob.get(renamed).body) == (CONTENT, b"old")
    assert bobs.holder(renamed) == holder
    assert bobs.versions(renamed) == [replace(version, path=renamed) for version in history]
    assert list(listed(bob, "/Neuer Ordner & mehr")) == [(renamed, False)]
    assert alices.check_in(renamed, "renamed") == ""
    assert [bobs.read_version(each) for each in bobs.versions(renamed)] == [b"old", CONTENT]


def test_listing_is_written_as_windows_reads_it(serving: Serving, folder: Path, alice: Client) -> None:
    assert redirected(alice, "PUT", NAME, CONTENT).status == 201
    answer = redirected(alice, "PROPFIND", "/Neuer Ordner & mehr", Depth="1")
    # Windows 7 overlooks the DAV: namespace without a prefix, and dates with more than three decimals
    assert b'xmlns="DAV:"' not in answer.body and b"<D:response>" in answer.body
    for date in answer.texts("{DAV:}creationdate"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z", date), date
    for date in answer.texts("{DAV:}getlastmodified"):
        assert re.fullmatch(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", date), date
    assert str(len(CONTENT)) in answer.texts("{DAV:}getcontentlength")
    folder_href, file_href = answer.texts("{DAV:}href")
    assert folder_href.endswith("/") and not file_href.endswith("/")
    assert redirected(alice, "GET", unquote(file_href)).body == CONTENT
