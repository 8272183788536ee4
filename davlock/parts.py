"""The parts of a multipart body (RFC 2046 §5.1), one after the other as they arrive, none of them held in memory.

    parts = Parts(environ["wsgi.input"], 'multipart/mixed; boundary="b"', 100)
    for part in parts:
        part.media_type, part.headers            # "text/html", {"Content-Type": "text/html; charset=utf-8"}
        part.read(65536)                         # b"" at its end; what is not read is passed over

What a part contains is never looked into, so that parts in parts cost nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Protocol, Self, TypeAlias

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser

from davlock.errors import BadRequest, DavlockError, IncompleteBody, TooLarge

MAX_HEAD_LINES = 8
"""Header lines of one part."""
MAX_HEAD_LINE = 4 * 1024
"""Bytes of one of them."""
_BLOCK = 64 * 1024
_PARAMETER = re.compile(r""";[ \t]*boundary=(?:"([^"]*)"|([^\s;"]*))[ \t]*(?:;|$)""", re.IGNORECASE)
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")


Event: TypeAlias = MultipartSegment | bytes | bytearray | None


class Source(Protocol):
    """Where a body comes from: read() returns b"" at the end, and raises OSError or ValueError if it breaks off."""

    def read(self, size: int, /) -> bytes: ...


class Part:
    """One part: what its head says, and its content, which can be read until the next part is asked for."""

    def __init__(self, segment: MultipartSegment, parts: Parts) -> None:
        self.headers: Mapping[str, str] = dict(segment.headerlist)
        """By Title-Case name."""
        self.media_type = segment.content_type or ""
        """In lower case, without parameters; empty if the head names none."""
        self._parts = parts
        self._at_hand = b""
        self._ended = False

    def read(self, size: int, /) -> bytes:
        """Up to size bytes, b"" at the end of the part. Raises IncompleteBody, BadRequest, TooLarge."""
        if not self._at_hand and not self._ended:
            event = self._parts.event()
            assert not isinstance(event, MultipartSegment)
            self._ended = event is None
            self._at_hand = bytes(event or b"")
        block, self._at_hand = self._at_hand[:size], self._at_hand[size:]
        return block


class Parts:
    """An iterator. most: parts that there can be. Raises BadRequest for a Content-Type without a usable boundary."""

    def __init__(self, source: Source, content_type: str, most: int) -> None:
        self._source = source
        self._part: Part | None = None
        self._is_at_end = False
        self._failure: DavlockError | None = None
        parser = _Parser(_boundary(content_type), max_header_size=MAX_HEAD_LINE, max_header_count=MAX_HEAD_LINES, max_segment_count=most)
        self._events: Iterator[Event] = parser.parse_blocking(self._read, _BLOCK)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Part:
        """The next part, past what is left of the one before. Raises IncompleteBody, BadRequest, TooLarge."""
        while self._part and self._part.read(_BLOCK):
            pass
        self._part = None
        event = self.event()
        assert isinstance(event, MultipartSegment)
        self._part = Part(event, self)
        return self._part

    def event(self) -> Event:
        """For Part: the next block of its content, None at its end. Raises StopIteration behind the last part."""
        if self._failure:
            raise self._failure
        try:
            return next(self._events)
        except ParserLimitReached as limit:
            self._failure = TooLarge("The request has more parts, or longer heads of parts, than can be taken at once.")
            raise self._failure from limit
        except MultipartError as wrong:
            broke_off = IncompleteBody("The request ended before its last part did; nothing was stored. Try again.")
            self._failure = broke_off if self._is_at_end else BadRequest("The request is not divided into parts as it says.")
            raise self._failure from wrong
        except (OSError, ValueError) as broken:
            self._failure = IncompleteBody("The upload broke off; nothing was stored. Try again.")
            raise self._failure from broken

    def _read(self, size: int) -> bytes:
        block = self._source.read(size)
        self._is_at_end = not block
        return block


class _Parser(PushMultipartParser):
    """Takes parts of any kind; the library itself only the fields of a form, which have a Content-Disposition."""

    def _create_segment(self, headerlist: list[tuple[str, str]]) -> MultipartSegment:
        return MultipartSegment(headerlist)


def _boundary(content_type: str) -> str:
    found = _PARAMETER.search(content_type)
    boundary = found[1] or found[2] or "" if found else ""
    if not _BOUNDARY.fullmatch(boundary):
        raise BadRequest("The content type of the request names no boundary of 1 to 70 characters.")
    return boundary
