from __future__ import annotations

import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davlock.ranges import MAX_RANGES, content_range, multipart, parse_range


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bytes=0-4", [(0, 5)]), ("bytes=0-0", [(0, 1)]), ("bytes=9-9", [(9, 1)]), ("bytes=5-", [(5, 5)]),
        ("bytes=0-", [(0, 10)]),
        ("bytes=-3", [(7, 3)]), ("bytes=-10", [(0, 10)]), ("bytes=-11", [(0, 10)]), ("bytes=5-100", [(5, 5)]),
        ("BYTES=0-4", [(0, 5)]), (" bytes=0-4 ", [(0, 5)]), ("bytes=007-008", [(7, 2)]),
        (f"bytes=0-{2**64 - 1}", [(0, 10)]), (f"bytes=-{10**30}", [(0, 10)]), ("bytes=0-" + "9" * 20_000, [(0, 10)]),
        ("bytes=" + "0" * 5000 + "1-2", [(1, 2)]),
        # several, in the order asked for
        ("bytes=0-1,5-6", [(0, 2), (5, 2)]), ("bytes=5-6,0-1", [(5, 2), (0, 2)]),
        ("bytes=0-1 ,\t5-6", [(0, 2), (5, 2)]),
        ("bytes=,0-1,,5-6,", [(0, 2), (5, 2)]), ("bytes=0-1,20-30", [(0, 2)]), ("bytes=-1,0-0", [(9, 1), (0, 1)]),
        # joined where they touch or overlap
        ("bytes=0-4,5-9", [(0, 10)]), ("bytes=5-9,0-4", [(0, 10)]), ("bytes=0-5,3-8", [(0, 9)]),
        ("bytes=0-9,2-3", [(0, 10)]),
        ("bytes=8-9,0-1,1-3", [(8, 2), (0, 4)]), ("bytes=0-1,8-9,1-3", [(0, 4), (8, 2)]),
        ("bytes=6-7,0-1,4-5", [(4, 4), (0, 2)]),
        ("bytes=0-,0-,0-", [(0, 10)]), ("bytes=0-1,3-4", [(0, 2), (3, 2)]),
        # 416
        ("bytes=10-", []), ("bytes=10-20", []), ("bytes=-0", []), ("bytes=20-30,-0", []), (f"bytes={2**64}-", []),
        # ignored
        ("bytes=7-3", None), ("bytes=0-1,7-3", None), ("bytes=abc", None), ("bytes=", None), ("bytes=,", None),
        ("bytes", None),
        ("", None), ("items=0-4", None), ("xbytes=0-4", None), ("bytes=0-4x", None), ("bytes=0-4;", None),
        ("bytes=-", None),
        ("bytes=5", None), ("bytes=--3", None), ("bytes=0--4", None), ("bytes=+0-4", None), ("bytes=0_0-4", None),
        ("bytes=0 - 4", None), ("bytes =0-4", None), ("bytes=0x0-4", None), ("bytes=٠-٤", None), ("bytes=1e3-", None),
        ("bytes=0-1-2", None), ("bytes=0-4\r\nX: y", None), ("bytes=\xa00-4", None), ("0-4", None),
        ("bytes=bytes=0-4", None),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_pieces_of_ten_bytes(value: str, expected: list[tuple[int, int]] | None) -> None:
    assert parse_range(value, 10) == expected


@pytest.mark.parametrize("value", ["bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0", "bytes=5-9"])
def test_an_empty_document_has_no_pieces(value: str) -> None:
    assert parse_range(value, 0) == []


def test_too_many_ranges_are_ignored() -> None:
    def ranges(count: int) -> str:
        return "bytes=" + ",".join(f"{2 * n}-{2 * n}" for n in range(count))

    pieces = parse_range(ranges(MAX_RANGES), 10**6)
    assert pieces is not None
    assert len(pieces) == MAX_RANGES
    assert parse_range(ranges(MAX_RANGES + 1), 10**6) is None
    assert parse_range(ranges(5000), 10**6) is None


HUGE = ["0-," * 333_333, "," * 10**6, "9" * 10**6, "-" * 10**6, " " * 10**6 + "x"]


@pytest.mark.parametrize("value", HUGE, ids=lambda value: value[:3])
def test_huge_headers_are_ignored(value: str) -> None:
    assert parse_range("bytes=" + value, 10) is None


specs = st.builds("{}-{}".format, st.integers(0, 40) | st.just(""), st.integers(0, 40) | st.just(""))


def covered(spec: str, size: int) -> set[int] | None:
    """The wanted positions by the words of RFC 9110 section 14.1.2; None if malformed."""
    first, last = spec.split("-")
    if not first:
        return set(range(size)[-int(last) :] if int(last) else []) if last else None
    if last and int(last) < int(first):
        return None
    return {n for n in range(size) if n >= int(first) and (not last or n <= int(last))}


@given(st.lists(specs, min_size=1, max_size=8), st.integers(0, 40))
def test_sends_every_wanted_byte_once(sent: list[str], size: int) -> None:
    wanted = [covered(spec, size) for spec in sent]
    pieces = parse_range("bytes=" + ", ".join(sent), size)
    if None in wanted:
        assert pieces is None
        return
    assert pieces is not None
    got = [n for start, length in pieces for n in range(start, start + length)]
    assert len(got) == len(set(got))
    assert set(got) == set().union(*filter(None, wanted))
    assert all(length > 0 for _, length in pieces)
    assert not {start for start, _ in pieces} & {start + length for start, length in pieces}


@given(st.text(max_size=30), st.integers(0, 2**63))
def test_reads_or_ignores_anything(value: str, size: int) -> None:
    for prefix in ("", "bytes="):
        for start, length in parse_range(prefix + value, size) or []:
            assert 0 <= start < start + length <= size


def test_content_range() -> None:
    assert content_range(0, 5, 10) == "bytes 0-4/10"


def test_multipart_is_what_a_mail_parser_reads() -> None:
    document = bytes(range(256)) * 4
    ranges = [(500, 100), (0, 1), (1023, 1)]
    heads, tail, length = multipart(ranges, len(document), "text/plain; charset=utf-8", "b0undary")
    pieces = [document[start : start + size] for start, size in ranges]
    body = b"".join(head + piece for head, piece in zip(heads, pieces, strict=True)) + tail
    assert len(body) == length
    header = b"Content-Type: multipart/byteranges; boundary=b0undary\r\n\r\n"
    parts = list(email.message_from_bytes(header + body, policy=email.policy.HTTP).iter_parts())
    assert [part["Content-Range"] for part in parts] == ["bytes 500-599/1024", "bytes 0-0/1024", "bytes 1023-1023/1024"]
    assert {part.get_content_charset() for part in parts} == {"utf-8"}
    for head, piece in zip(heads, pieces, strict=True):
        assert head + piece + b"\r\n--b0undary" in body
