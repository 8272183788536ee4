"""The number that the other doors know a document by: in the Document-Id header, and as a property."""

from __future__ import annotations

import json
import os
from urllib.parse import urlencode

import pytest

from tests.dav.stories import DAVLOCK, properties, transfer
from tests.serving import Client, Raw, Serving

ASKED = f'<D:propfind xmlns:D="DAV:"><D:prop><L:id xmlns:L="{DAVLOCK[1:-1]}"/></D:prop></D:propfind>'


def ids(client: Client, path: str, depth: str = "0") -> dict[str, str | None]:
    """The property, of what is there and its members; None of what has none."""
    answer = client.request("PROPFIND", path, ASKED, Depth=depth, Content_Type="application/xml")
    shown = {href: found.get(200, {}).get(f"{DAVLOCK}id") for href, found in properties(answer).items()}
    return {href: None if element is None else element.text for href, element in shown.items()}


def over_rest(client: Client, path: str) -> int:
    """The number that REST has for a path."""
    (found,) = json.loads(client.request("GET", Raw(f"/api/v1/Document?{urlencode({'path': path})}")).body)["value"]
    id: int = found["documentId"]
    return id


def put_outside(serving: Serving, path: str, content: bytes) -> None:
    """What another program on the server stores, by renaming a new file onto the name."""
    file = serving.root / path[1:]
    aside = file.with_name(f"{file.name}.new")
    aside.write_bytes(content)
    os.replace(aside, file)


def test_put_get_and_head_tell_it(alice: Client, bob: Client) -> None:
    made = alice.put("/a.docx", b"one")
    id = made.headers["Document-Id"]
    assert int(id) > 0
    saved = alice.put("/a.docx", b"two")
    assert (saved.status, saved.headers["Document-Id"]) == (204, id)
    for answer in (
        bob.get("/a.docx"),
        bob.request("HEAD", "/a.docx"),
        bob.get("/a.docx", Range="bytes=1-1"),
        bob.get("/a.docx", If_None_Match=saved.headers["ETag"]),
    ):
        assert answer.headers["Document-Id"] == id, answer
    assert ids(bob, "/a.docx") == {"/a.docx": id}
    assert over_rest(bob, "/a.docx") == int(id)
    assert alice.put("/b.docx", b"other").headers["Document-Id"] != id


def test_it_stays_the_same(serving: Serving, alice: Client, bob: Client) -> None:
    id = alice.put("/first.docx", b"one").headers["Document-Id"]
    assert transfer(alice, "MOVE", "/first.docx", "/second.docx").status == 201
    assert bob.get("/second.docx").headers["Document-Id"] == id
    put_outside(serving, "/second.docx", b"another program was here")
    assert bob.get("/second.docx").headers["Document-Id"] == id
    serving.restart()
    assert bob.get("/second.docx").headers["Document-Id"] == id
    assert ids(bob, "/second.docx") == {"/second.docx": id}
    # a copy is another document, and so is what comes to the old name
    assert transfer(alice, "COPY", "/second.docx", "/third.docx").status == 201
    copied = bob.get("/third.docx").headers["Document-Id"]
    assert bob.put("/first.docx", b"new").headers["Document-Id"] not in (id, copied)
    assert copied not in (None, id)


def test_the_holder_of_a_draft_is_told_the_same(alice: Client, bob: Client) -> None:
    id = alice.put("/a.docx", b"one").headers["Document-Id"]
    assert alice.request("CHECKOUT", "/a.docx").status == 200
    assert alice.put("/a.docx", b"draft").headers["Document-Id"] == id
    assert (alice.get("/a.docx").body, alice.get("/a.docx").headers["Document-Id"]) == (b"draft", id)
    assert (bob.get("/a.docx").body, bob.get("/a.docx").headers["Document-Id"]) == (b"one", id)


def test_what_is_stored_by_a_save_dance_is_the_same_document(alice: Client) -> None:
    id = alice.put("/a.docx", b"one").headers["Document-Id"]
    assert transfer(alice, "MOVE", "/a.docx", "/a.bak").status == 201
    assert alice.put("/a.docx", b"two").headers["Document-Id"] == id
    assert alice.request("CHECKOUT", "/a.docx").status == 200
    assert transfer(alice, "MOVE", "/a.docx", "/a.tmp").status == 201
    assert alice.put("/a.docx", b"three").headers["Document-Id"] == id


def test_a_file_that_nobody_has_touched_has_one_once_it_is_asked_for(serving: Serving, alice: Client, bob: Client) -> None:
    folder = serving.root / "old"
    folder.mkdir()
    for name in ("a.docx", "b & c.docx"):
        (folder / name).write_bytes(b"from before")
    (folder / "below").mkdir()
    assert alice.get("/old/a.docx").headers["Document-Id"] is None
    id = ids(alice, "/old/a.docx")["/old/a.docx"]
    assert id
    assert bob.get("/old/a.docx").headers["Document-Id"] == id
    found = ids(bob, "/old/", "1")
    assert found["/old/a.docx"] == id
    assert found["/old/b & c.docx"] not in (None, id)
    assert (found["/old/"], found["/old/below/"]) == (None, None)
    assert ids(alice, "/old/", "1") == found
    assert over_rest(alice, "/old/b & c.docx") == int(found["/old/b & c.docx"] or 0)


def test_folders_and_what_is_not_there_have_none(alice: Client) -> None:
    assert alice.request("MKCOL", "/f").status == 201
    assert alice.get("/f").headers["Document-Id"] is None
    assert alice.get("/nothing.docx").headers["Document-Id"] is None
    assert alice.request("PROPFIND", "/nothing.docx", ASKED, Depth="0", Content_Type="application/xml").status == 404


@pytest.mark.parametrize("depth", ["0", "1"])
def test_nobody_gives_it_or_takes_it_away(alice: Client, depth: str) -> None:
    id = alice.put("/a.docx", b"one").headers["Document-Id"]
    body = f'<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><L:id xmlns:L="{DAVLOCK[1:-1]}">7</L:id></D:prop></D:set></D:propertyupdate>'
    (found,) = properties(alice.request("PROPPATCH", "/a.docx", body, Depth=depth, Content_Type="application/xml")).values()
    assert set(found) == {403}
    assert ids(alice, "/a.docx", depth) == {"/a.docx": id}
    assert alice.put("/b.docx", b"two", Document_Id=id).headers["Document-Id"] != id
