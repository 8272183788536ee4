"""Document bodies that describe themselves: a reader can tell whose bytes they are and whether all are there."""

from __future__ import annotations

import hashlib
import re

ABSENT = "(no document)"
EMPTY = "(empty document)"
SMALLEST = 160  # bytes


def make_body(name: str, length: int) -> bytes:
    """A body of exactly `length` bytes, at least SMALLEST.

    It is a line with its id, length and checksum, and then noise that is made from the id.
    """
    head = f"davlock-storm {name} {length} "
    noise = hashlib.shake_128(name.encode()).digest(length - len(head) - 33)
    return f"{head}{hashlib.md5(noise).hexdigest()}\n".encode() + noise


def read_body(body: bytes) -> tuple[str, str]:
    """The id of a body, and what is wrong with it or "".

    The id is EMPTY for a body without bytes, ABSENT when nobody can tell it.
    """
    if not body:
        return EMPTY, ""
    head = re.match(rb"davlock-storm ([!-~]+) ([0-9]{1,9}) [0-9a-f]{32}\n", body)
    if not head:
        return ABSENT, f"{len(body)} bytes without a header line: {body[:60]!r}"
    name, length = head[1].decode(), int(head[2])
    if len(body) != length:
        return name, f"{len(body)} of {length} bytes"
    whole = make_body(name, length)
    if body != whole:
        wrong = next(position for position in range(length) if body[position] != whole[position])
        return name, f"other bytes from position {wrong} of {length}"
    return name, ""
