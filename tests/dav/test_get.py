"""GET and HEAD (RFC 9110 §9.3.1, RFC 4918 §9.4) and ranges (RFC 9110 §14)."""

from __future__ import annotations

import os
import re
from email.utils import formatdate
from pathlib import Path

import pytest

from tests.dav.stories import say
from tests.serving import Client, Raw, Serving

CONTENT = bytes(range(256)) * 400


@pytest.fixture
def long(folder: str, disk: Path) -> str:
    """The path of a document with CONTENT."""
    (disk / "long.bin").write_bytes(CONTENT)
    return f"{folder}/long.bin"


def test_get_sends_the_document_and_what_describes_it(alice: Client, folder: str, disk: Path) -> None:
    (disk / "a.txt").write_bytes(CONTENT)
    answer = alice.get(f"{folder}/a.txt")
    assert (answer.status, answer.body) == (200, CONTENT)
    assert answer.headers["Content-Type"] == "text/plain"
    assert answer.headers["Content-Length"] == str(len(CONTENT))
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["Last-Modified"] == formatdate((disk / "a.txt").stat().st_mtime_ns // 10**9, usegmt=True)


@pytest.mark.parametrize(
    ("name", "media"),
    [
        ("a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("a.ODT", "application/vnd.oasis.opendocument.text"),
        ("a.pdf", "application/pdf"),
        ("without", "application/octet-stream"),
    ],
)
def test_the_content_type_follows_the_name(alice: Client, folder: str, name: str, media: str) -> None:
    alice.put(f"{folder}/{name}", b"x", Content_Type="text/html")
    assert alice.get(f"{folder}/{name}").headers["Content-Type"] == media


def test_head_says_what_get_says(alice: Client, folder: str, long: str) -> None:
    for path in (long, folder, f"{folder}/missing", f"{folder}/%00"):
        get, head = alice.get(path), alice.request("HEAD", path)
        for answer in (get, head):
            del answer.headers["Date"]
        assert (head.status, head.body) == (get.status, b"")
        assert head.headers.items() == get.headers.items(), path


def test_an_empty_document_is_empty(alice: Client, folder: str) -> None:
    alice.put(f"{folder}/empty", b"")
    answer = alice.get(f"{folder}/empty")
    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"", "0")
    assert alice.get(f"{folder}/empty", Range="bytes=0-").status == 416


def test_get_of_a_folder_says_what_it_is(alice: Client, folder: str) -> None:
    for path in (folder, f"{folder}/", "/"):
        answer = alice.get(path)
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert b"folder" in answer.body


def test_get_of_nothing_is_404(alice: Client, folder: str, long: str) -> None:
    for path in (f"{folder}/missing", f"{long}/below", f"{folder}/missing/below"):
        assert alice.get(path).status == 404, path


def test_a_query_is_not_part_of_the_name(alice: Client, long: str) -> None:
    assert alice.request("GET", Raw(f"{long}?version=1&x=/../..")).body == CONTENT


def test_a_body_of_get_is_ignored(alice: Client, long: str) -> None:
    for _ in range(3):
        assert alice.request("GET", long, b"what is this").body == CONTENT
        assert alice.get(long, Range="bytes=0-2").body == CONTENT[:3], "the connection is out of step"


@pytest.mark.parametrize("name", ["a.html", "a.HTM", "a.svg", "a.xml", "a.xsl", "a.mht", "a.xhtml", "a.hta", "a.svgz"])
def test_what_a_browser_would_run_is_put_in_a_sandbox_or_only_saved(alice: Client, folder: str, name: str) -> None:
    alice.put(f"{folder}/{name}", b"<script>alert(1)</script>")
    answer = alice.get(f"{folder}/{name}")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    sandboxed = (answer.headers["Content-Security-Policy"] or "").startswith("sandbox;")
    assert sandboxed or answer.headers["Content-Type"] == "application/octet-stream"


def test_a_link_on_the_disk_is_not_followed(alice: Client, folder: str, disk: Path) -> None:
    (disk / "link").symlink_to("/etc/passwd")
    (disk / "folder").symlink_to("/etc")
    for path in (f"{folder}/link", f"{folder}/folder/passwd", f"{folder}/folder"):
        assert alice.get(path).status in (403, 404)
    assert alice.propfind(folder, depth="1").body.count(b"<D:response>") == 1


# ranges


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        ("0-0", 0, 1),
        ("5-9", 5, 10),
        ("100000-", 100_000, 102_400),
        ("-7", 102_393, 102_400),
        ("0-99999999999999999999", 0, 102_400),
        ("-99999999999999999999", 0, 102_400),
        ("0-9,10-19", 0, 20),
        ("102399-102399", 102_399, 102_400),
    ],
)
def test_one_range(alice: Client, long: str, wanted: str, start: int, stop: int) -> None:
    answer = alice.get(long, Range=f"bytes={wanted}")
    assert (answer.status, answer.body) == (206, CONTENT[start:stop])
    assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(CONTENT)}"
    assert answer.headers["Content-Length"] == str(stop - start)
    assert answer.headers["ETag"] == alice.get(long).headers["ETag"]


def test_several_ranges(alice: Client, long: str) -> None:
    answer = alice.get(long, Range="bytes=10-19, 0-4,-3")
    assert answer.status == 206
    boundary = re.fullmatch(r"multipart/byteranges; boundary=(\w+)", answer.headers["Content-Type"])
    assert boundary and "Content-Range" not in answer.headers
    *parts, end = answer.body.split(f"--{boundary[1]}".encode())
    assert end == b"--\r\n"
    found = []
    for part in parts[1:]:
        head, _, body = part.partition(b"\r\n\r\n")
        place = re.search(rb"Content-Range: bytes (\d+-\d+)/102400", head)
        assert place and b"Content-Type: application/octet-stream" in head
        found.append((place[1], body.removesuffix(b"\r\n")))
    assert found == [(b"10-19", CONTENT[10:20]), (b"0-4", CONTENT[:5]), (b"102397-102399", CONTENT[-3:])]


@pytest.mark.parametrize("wanted", ["102400-", "102400-102500", "-0", "99999999999999999999-"])
def test_a_range_behind_the_end_is_416(alice: Client, long: str, wanted: str) -> None:
    answer = alice.get(long, Range=f"bytes={wanted}")
    assert (answer.status, answer.headers["Content-Range"]) == (416, "bytes */102400")
    assert b"102400 bytes" in answer.body


@pytest.mark.parametrize(
    "wanted", ["bytes=abc", "bytes=7-3", "items=0-1", "0-1", "bytes=", "bytes=0-1;", "bytes=-", "bytes=0-1 x", "bytes=٣-"]
)
def test_a_range_that_makes_no_sense_is_ignored(serving: Serving, long: str, wanted: str) -> None:
    answer = say(serving, f"GET {long}", f"Range: {wanted}")
    assert (answer.status, answer.body) == (200, CONTENT)


def test_head_knows_no_ranges(alice: Client, long: str) -> None:
    answer = alice.request("HEAD", long, Range="bytes=0-1")
    assert (answer.status, answer.headers["Content-Length"]) == (200, str(len(CONTENT)))


def test_if_range(alice: Client, long: str, disk: Path) -> None:
    whole = alice.get(long)
    etag = whole.headers["ETag"]
    for value, status in (
        (etag, 206),
        ('"other"', 200),
        (f"W/{etag}", 200),
        (etag.strip('"'), 200),
        ("Fri, 01 Jan 2021 00:00:00 GMT", 200),
    ):
        answer = alice.get(long, Range="bytes=0-1", If_Range=value)
        assert (answer.status, answer.body) == (status, CONTENT[:2] if status == 206 else CONTENT), value


def test_if_range_with_the_exact_date_of_a_document_at_rest(alice: Client, folder: str, disk: Path) -> None:
    (disk / "old").write_bytes(CONTENT)
    os.utime(disk / "old", (1_600_000_000, 1_600_000_000))
    modified = alice.get(f"{folder}/old").headers["Last-Modified"]
    assert alice.get(f"{folder}/old", Range="bytes=0-1", If_Range=modified).status == 206
    assert alice.get(f"{folder}/old", Range="bytes=0-1", If_Range=formatdate(1_600_000_001, usegmt=True)).status == 200


def test_a_condition_comes_before_a_range(alice: Client, long: str) -> None:
    etag = alice.get(long).headers["ETag"]
    assert alice.get(long, Range="bytes=0-1", If_None_Match=etag).status == 304
    assert alice.get(long, Range="bytes=999999-", If_Match='"other"').status == 412
