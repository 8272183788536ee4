"""Byte ranges (RFC 9110 section 14): the Range header, Content-Range, and the framing of multipart/byteranges."""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_RANGES = 64

_SPEC = re.compile(r"([0-9]*)-([0-9]*)")
_FAR = 10**18  # past the end of any file


class Multipart(NamedTuple):
    """The bytes around the parts: `heads[i]` goes before range i, `tail` ends the body, `length` counts everything."""

    heads: list[bytes]
    tail: bytes
    length: int


def parse_range(value: str, size: int) -> list[tuple[int, int]] | None:
    """Return the wanted pieces of a document of `size` bytes as (start, length), both in bytes.

    None: there is no usable Range (other unit, malformed, more than MAX_RANGES); answer 200 with everything.
    An empty list: well-formed, but no byte of it exists; answer 416. Otherwise 206.

    Ranges that touch or overlap become one, so no byte is sent twice; the others keep the order in which they were
    asked for (section 15.3.7.2). Never raises.
    """
    unit, _, ranges = value.strip(" \t").partition("=")
    if unit.lower() != "bytes":
        return None
    specs = [spec for part in ranges.split(",") if (spec := part.strip(" \t"))]
    if not 0 < len(specs) <= MAX_RANGES:
        return None
    wanted: list[tuple[int, int]] = []
    for spec in specs:
        piece = _resolve(spec, size)
        if piece is None:
            return None
        if piece[0] < piece[1]:
            wanted.append(piece)
    return [(start, stop - start) for start, stop in _merge(wanted)]


def content_range(start: int, length: int, size: int) -> str:
    """Return the Content-Range value of `length` bytes from `start` of a document of `size` bytes."""
    return f"bytes {start}-{start + length - 1}/{size}"


def multipart(ranges: list[tuple[int, int]], size: int, content_type: str, boundary: str) -> Multipart:
    """Frame `ranges`, (start, length) in bytes, of a document of `size` bytes as multipart/byteranges (section 14.6).

    `boundary` must not occur in the document: make it random. `content_type` is that of the document.
    """
    heads: list[bytes] = []
    for start, length in ranges:
        before = "\r\n" if heads else ""
        head = f"{before}--{boundary}\r\nContent-Type: {content_type}\r\n"
        heads.append(f"{head}Content-Range: {content_range(start, length, size)}\r\n\r\n".encode("latin-1"))
    tail = f"\r\n--{boundary}--\r\n".encode("latin-1")
    return Multipart(heads, tail, sum(map(len, heads)) + sum(length for _, length in ranges) + len(tail))


def _resolve(spec: str, size: int) -> tuple[int, int] | None:
    """Turn `5-9`, `5-` or `-5` into (start, stop) within the document, start >= stop if empty; None if malformed."""
    match = _SPEC.fullmatch(spec)
    if match is None:
        return None
    first, last = match.groups()
    if not first:
        return (max(size - _number(last), 0), size) if last else None
    start = _number(first)
    if not last:
        return start, size
    if _number(last) < start:
        return None
    return start, min(_number(last) + 1, size)


def _number(digits: str) -> int:
    # Clients write 2^64-1 for "to the end"; int() refuses more than 4300 digits.
    digits = digits.lstrip("0") or "0"
    return int(digits) if len(digits) <= 18 else _FAR


def _merge(pieces: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join the (start, stop) that touch or overlap; a joined one takes the place of its earliest member."""
    merged: list[tuple[int, int, int]] = []
    for start, stop, place in sorted((start, stop, place) for place, (start, stop) in enumerate(pieces)):
        if merged and start <= merged[-1][1]:
            before = merged.pop()
            merged.append((before[0], max(before[1], stop), min(before[2], place)))
        else:
            merged.append((start, stop, place))
    return [(start, stop) for start, stop, _ in sorted(merged, key=lambda piece: piece[2])]
