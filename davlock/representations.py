"""What GET answers about an open document (RFC 9110 §13, §14): all of it, ranges, or nothing, as its conditions want it."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from davlock import preconditions
from davlock.dates import http_date
from davlock.errors import DavlockError, PreconditionFailed
from davlock.ranges import content_range, multipart, parse_range

BLOCK = 256 * 1024


class BehindEnd(DavlockError):
    """Only bytes behind the end are asked for: 416, with `Content-Range: bytes */<size>`. Nothing was closed."""

    def __init__(self, size: int) -> None:
        super().__init__(f"The document has only {size} bytes; the part that you asked for is behind its end.")
        self.size = size


class Representation(NamedTuple):
    """status is 200, 206 or 304; length in bytes, None if there is no body. body is closed by whoever sends it."""

    status: int
    headers: list[tuple[str, str]]
    body: Iterable[bytes]
    length: int | None


def represent(environ: Mapping[str, Any], fd: int, size: int, media_type: str, etag: str, modified: int) -> Representation:
    """An open document as a request (WSGI) wants it; every header is about exactly the bytes that are sent.

    modified: Unix time in whole seconds. What is returned owns the descriptor, unless this raises: PreconditionFailed, BehindEnd.
    """
    method, now = environ["REQUEST_METHOD"], int(time.time())
    validators = [("ETag", etag), ("Last-Modified", http_date(modified)), ("Cache-Control", "private, no-cache")]
    if conditional := preconditions.from_environ(environ):
        outcome = preconditions.check(method, conditional, etag, modified, now)
        if outcome is preconditions.Outcome.FAILED:
            raise PreconditionFailed("The document is not, or is no longer, the version that your request is about.")
        if outcome is preconditions.Outcome.NOT_MODIFIED:
            os.close(fd)
            return Representation(304, validators, (), None)
    headers = [("Content-Type", media_type), *validators, ("Accept-Ranges", "bytes")]
    ranges = _wanted(environ, size, etag, modified, now) if method == "GET" else None  # RFC 9110 §14.2: defined for GET only
    if ranges is None:
        return Representation(200, headers, Pieces(fd, [(0, size)]), size)
    if not ranges:
        raise BehindEnd(size)
    if len(ranges) == 1:
        start, length = ranges[0]
        headers.append(("Content-Range", content_range(start, length, size)))
        return Representation(206, headers, Pieces(fd, ranges), length)
    boundary = uuid.uuid4().hex
    framing = multipart(ranges, size, media_type, boundary)
    headers[0] = ("Content-Type", f"multipart/byteranges; boundary={boundary}")
    return Representation(206, headers, Pieces(fd, ranges, framing.heads, framing.tail), framing.length)


def _wanted(environ: Mapping[str, Any], size: int, etag: str, modified: int, now: int) -> list[tuple[int, int]] | None:
    wanted, condition = environ.get("HTTP_RANGE"), environ.get("HTTP_IF_RANGE")
    if wanted is None or (condition is not None and not preconditions.if_range_applies(condition, etag, modified, now)):
        return None
    return parse_range(wanted, size)


class Pieces:
    """Pieces (start, length) of an open document, each after its head. Owns the descriptor.

    file_part: descriptor, start and length, where it is one piece and nothing else: for servers that can send that by themselves.
    """

    def __init__(self, fd: int, pieces: list[tuple[int, int]], heads: list[bytes] | None = None, tail: bytes = b"") -> None:
        self._fd, self._pieces, self._heads, self._tail = fd, pieces, heads or [b""] * len(pieces), tail
        self.file_part = None if heads else (fd, *pieces[0])

    def __iter__(self) -> Iterator[bytes]:
        for (start, length), head in zip(self._pieces, self._heads, strict=True):
            if head:
                yield head
            end = start + length
            while start < end:
                block = os.pread(self._fd, min(BLOCK, end - start), start)
                if not block:
                    # Another program has shortened the file in place: a cut connection is the only honest answer left.
                    raise ConnectionAbortedError("the file became shorter while it was sent")
                start += len(block)
                yield block
        if self._tail:
            yield self._tail

    def close(self) -> None:
        """Gives the descriptor back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
