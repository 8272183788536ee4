"""Uploads and the locks that come and go while they run (design §3): what decides is the moment when all bytes are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dav.stories import Wire, locks_on
from tests.serving import Client, Serving, lockinfo

BODY = b"new content"


def begin(wire: Wire, method: str, path: str, *headers: str, body: bytes = BODY) -> None:
    """Everything of an upload but its last byte; the server has begun to take it when this returns."""
    wire.head(f"{method} {path}", *headers, f"Content-Length: {len(body)}", "Expect: 100-continue")
    assert wire.interim().startswith(b"HTTP/1.1 100 "), "the upload was not asked for"
    wire.send(body[:-1])


def finish(wire: Wire, body: bytes = BODY) -> int:
    wire.send(body[-1:])
    return wire.answer("PUT").status


def test_a_lock_granted_during_an_upload_wins(serving: Serving, alice: Client, document: str) -> None:
    with Wire(serving, "bob") as upload:
        begin(upload, "PUT", document)
        token = alice.lock(document)
        assert finish(upload) == 423
    assert alice.get(document).body == b"old"
    assert [active.token for active in locks_on(alice, document)] == [token]


def test_a_lock_on_the_folder_granted_during_the_upload_of_a_new_document_wins(
    serving: Serving, alice: Client, folder: str, disk: Path
) -> None:
    with Wire(serving, "bob") as upload:
        begin(upload, "PUT", f"{folder}/new")
        alice.lock(folder, depth="0")
        assert finish(upload) == 423
    assert list(disk.iterdir()) == []


def test_an_upload_that_outlives_its_lock_is_refused(serving: Serving, alice: Client, document: str) -> None:
    token = alice.lock(document, timeout="Second-1")
    with Wire(serving, "alice") as upload:
        begin(upload, "PUT", document, f"If: (<{token}>)")
        while locks_on(alice, document):
            pass  # a second of real time
        assert finish(upload) == 412
    assert alice.get(document).body == b"old"


def test_an_upload_that_outlives_its_lock_does_not_hurt_the_next_holder(
    serving: Serving, alice: Client, bob: Client, document: str
) -> None:
    token = alice.lock(document)
    with Wire(serving, "alice") as upload:
        begin(upload, "PUT", document, f"If: (<{token}>)")
        alice.unlock(document, token)
        his = bob.lock(document)
        assert bob.put(document, b"his", his).status == 204
        assert finish(upload) in (412, 423)
    assert bob.get(document).body == b"his"
    assert [active.token for active in locks_on(bob, document)] == [his]


def test_a_lock_taken_again_during_an_upload_is_not_the_one_it_began_under(serving: Serving, alice: Client, document: str) -> None:
    """Fencing, without any condition that could fail: `Not <DAV:no-lock>` is always true."""
    token = alice.lock(document)
    with Wire(serving, "alice") as upload:
        begin(upload, "PUT", document, f"If: (<{token}>) (Not <DAV:no-lock>)")
        alice.unlock(document, token)
        assert finish(upload) == 412
    assert alice.get(document).body == b"old"


def test_a_refreshed_lock_is_still_the_same(serving: Serving, alice: Client, document: str) -> None:
    token = alice.lock(document)
    with Wire(serving, "alice") as upload:
        begin(upload, "PUT", document, f"If: (<{token}>)")
        assert alice.request("LOCK", document, If=f"(<{token}>)").status == 200
        assert finish(upload) == 204
    assert alice.get(document).body == BODY


def test_a_running_upload_keeps_nobody_from_locking(serving: Serving, alice: Client, folder: str, document: str) -> None:
    with Wire(serving, "bob") as upload:
        begin(upload, "PUT", document)
        assert alice.request("LOCK", folder, lockinfo("alice"), Depth="infinity").status == 200


def test_a_change_during_an_upload_makes_its_if_match_fail(serving: Serving, alice: Client, document: str) -> None:
    etag = alice.get(document).headers["ETag"]
    with Wire(serving, "bob") as upload:
        begin(upload, "PUT", document, f"If-Match: {etag}")
        assert alice.put(document, b"hers").status == 204
        assert finish(upload) == 412
    assert alice.get(document).body == b"hers"


def test_readers_see_the_old_document_until_the_upload_is_whole(serving: Serving, alice: Client, document: str) -> None:
    with Wire(serving, "bob") as upload:
        begin(upload, "PUT", document)
        assert alice.get(document).body == b"old"
        assert finish(upload) == 204
    assert alice.get(document).body == BODY


def test_of_two_uploads_at_once_the_last_one_to_end_wins_as_a_whole(serving: Serving, alice: Client, document: str) -> None:
    with Wire(serving, "alice") as first, Wire(serving, "bob") as second:
        begin(first, "PUT", document, body=b"a" * 80_000)
        begin(second, "PUT", document, body=b"b" * 80_000)
        assert finish(second, b"b" * 80_000) == 204
        assert finish(first, b"a" * 80_000) == 204
    assert alice.get(document).body == b"a" * 80_000


@pytest.mark.parametrize("existing", [True, False])
@pytest.mark.parametrize(
    ("framing", "part"),
    [
        ("Content-Length: 100000", b"x" * 1000),
        ("Transfer-Encoding: chunked", b"5\r\nhello\r\n"),
        ("Transfer-Encoding: chunked", b"5\r\nhe"),
    ],
    ids=["length", "between chunks", "within a chunk"],
)
def test_an_upload_that_breaks_off_changes_nothing(
    serving: Serving, alice: Client, folder: str, disk: Path, existing: bool, framing: str, part: bytes
) -> None:
    if existing:
        (disk / "a").write_bytes(b"old")
    with Wire(serving, "bob") as upload:
        upload.head(f"PUT {folder}/a", framing)
        upload.send(part)
        upload.end()
        assert upload.answer("PUT").status == 400
    assert [each.read_bytes() for each in disk.iterdir()] == ([b"old"] if existing else [])


def test_a_refused_upload_is_not_asked_for(serving: Serving, alice: Client, folder: str, document: str) -> None:
    alice.lock(document)
    refusals = {
        f"PUT {document}": 423,
        f"PUT {folder}": 405,
        f"PUT {folder}/missing/a": 409,
        f"PUT {folder}/%00": 400,
        f"PROPPATCH {folder}": 413,
    }
    for line, status in refusals.items():
        with Wire(serving, "bob") as upload:
            upload.head(line, "Content-Length: 1000000000", "Expect: 100-continue")
            assert upload.answer("PUT").status == status, line
