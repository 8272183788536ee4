"""Bodies of properties and content that are framed wrongly, and rightly in other ways (MS-WDV 2.2.5)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dav.multipart import TYPE, colour, joined, save, size, told, unchanged, update
from tests.dav.stories import locks_on
from tests.serving import Client, Serving

RED = update("<Z:colour>red</Z:colour>")
HEADERS = {"X_MSDAVEXT": "PROPPATCH", "Content_Type": TYPE}
NO_DIGITS = (
    b"0x000000000000AB",
    b"+0000000000000AB",
    b"-000000000000001",
    b"00000000000000_1",
    b"               1",
    b"0000000000000 AB",
    "\u0661".encode() * 8,
)
GOOD = joined(RED, b"new")
PROPERTIES = size(len(RED)) + RED


@pytest.fixture(scope="module")
def serving(combining: Serving) -> Serving:
    return combining


def framings() -> Iterator[tuple[str, int, bytes]]:
    yield "nothing", 400, b""
    yield "no content", 400, PROPERTIES
    yield "half a size", 400, PROPERTIES + b"00000"
    yield "a size alone", 400, size(3)
    yield "a byte too many", 400, GOOD + b"x"
    yield "a byte too few", 400, GOOD[:-1]
    yield "the content shorter than it is", 400, PROPERTIES + size(2) + b"new"
    yield "the content longer than it is", 400, PROPERTIES + size(4) + b"new"
    yield "the content as long as can be", 400, PROPERTIES + b"F" * 16 + b"new"
    yield "the properties longer than they are", 400, size(len(RED) + 1) + RED + size(3) + b"new"
    yield "the properties shorter than they are", 400, size(len(RED) - 1) + RED + size(3) + b"new"
    yield "the properties longer than the body", 400, size(len(GOOD)) + GOOD[16:]
    yield "the properties as long as can be", 413, b"F" * 16 + GOOD[16:]
    yield "no properties", 400, joined(b"", b"new")
    yield "many properties", 413, joined(RED + b" " * (256 * 1024), b"new")
    yield "another body", 400, joined(b'<D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>', b"new")
    yield "no XML", 400, joined(b"colour: red", b"new")
    yield "entities", 400, joined(b"<!DOCTYPE x [<!ENTITY y 'z'>]>" + RED, b"new")
    for digits in NO_DIGITS:
        yield f"{digits!r}", 400, digits + GOOD[16:]
        yield f"{digits!r} of content", 400, PROPERTIES + digits + b"new"


@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunks"])
@pytest.mark.parametrize(("status", "body"), [each[1:] for each in framings()], ids=[each[0] for each in framings()])
def test_a_body_that_is_framed_wrongly_changes_nothing(
    alice: Client, folder: str, document: str, disk: Path, etag: str, status: int, body: bytes, is_chunked: bool
) -> None:
    sent = [body[at : at + 7] for at in range(0, min(len(body), 1000), 7)] + [body[1001:]] if is_chunked else body
    for path in (document, f"{folder}/new.odt"):
        answer = alice.request("PUT", path, iter(sent) if isinstance(sent, list) else sent, **HEADERS, X_MSDAVEXTLockTimeout="Second-9")
        assert (answer.status, told(answer)[0] > 0) == (status, True), answer
        assert len(told(answer)[1]) > 20
    unchanged(alice, document, etag)
    assert (locks_on(alice, document), [file.name for file in disk.iterdir()]) == ([], ["report.odt"])


def test_sizes_in_small_letters_and_chunks_of_any_size(alice: Client, document: str) -> None:
    body = joined(RED, b"content " * 5000)
    for step in (1, 15, 16, 17, 4096, len(body)):
        for data in (body, body[:16].lower() + body[16:]):
            chunks = iter([data[at : at + step] for at in range(0, len(data), step)][:3000] + [data[step * 3000 :]])
            assert alice.request("PUT", document, filter(None, chunks), **HEADERS).status == 204
            assert alice.get(document).body == b"content " * 5000
    assert colour(alice, document) == "red"


def test_properties_with_content_of_another_type_are_415(alice: Client, document: str, etag: str) -> None:
    for media in (None, "application/octet-stream", "multipart/mixed", TYPE + "x"):
        answer = save(alice, document, RED, b"new", Content_Type=media)
        assert (answer.status, told(answer)[0]) == (415, 1966086)
    unchanged(alice, document, etag)
