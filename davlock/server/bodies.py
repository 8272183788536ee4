"""Request bodies: the `wsgi.input` of an application.

`read` returns b"" at the true end of the body and nowhere else. A body that stops early (the client left, fell silent,
or the server is stopping) raises ConnectionError; broken chunked framing raises ValueError. Both are final: every
further read raises the same again, so that half a document can't pass for a whole one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from davlock.server.streams import Stream

DRAIN_LIMIT = 64 * 1024
"""Bytes of an unread body that are read and dropped to keep a connection; more isn't worth it."""
_BLOCK = 64 * 1024
_LONGEST_PIECE = 1024 * 1024
_PIECES_LIMIT = 1024
_EXTENSION_LIMIT = 256
_TRAILERS_LIMIT = 8 * 1024
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t]*;[^\x00-\x08\x0a-\x1f\x7f]{0,256})?\r\n")
# Not what says where a request ends, which a program in front may believe here too (RFC 9110 §6.5.1).
_TRAILER_LINE = re.compile(rb"(?!(?i:content-length|transfer-encoding):)[A-Za-z0-9!#$%&'*+.^_`|~-]+:[^\x00-\x08\x0a-\x1f\x7f]*\r\n")


class Body:
    """What both kinds share. `before_reading` is called once, before the first byte is asked of the client."""

    def __init__(self, stream: Stream, before_reading: Callable[[], None] | None) -> None:
        self.complete = False
        self.failure: ConnectionError | ValueError | None = None
        self.before_reading = before_reading
        self._stream = stream

    def _take(self, size: int) -> bytes:
        """Between 1 and `size` bytes of the body; b"" at its end. Raises OSError and ValueError."""
        raise NotImplementedError

    def at_hand(self) -> bool:
        """Has the rest of the body most likely come already, and is it small? Doesn't wait and takes nothing."""
        raise NotImplementedError

    def read(self, size: int | None = -1) -> bytes:
        """`size` bytes, fewer only before the end of the body; all that is left if `size` is negative or None."""
        if size is None or size < 0:
            return self._read(1 << 62)
        return self._read(size)

    def readline(self, size: int | None = -1) -> bytes:
        """One line, at most `size` bytes of it. Slow; for bodies of forms."""
        limit = 1 << 62 if size is None or size < 0 else size
        line = bytearray()
        while len(line) < limit and (byte := self._read(1)):
            line += byte
            if byte == b"\n":
                break
        return bytes(line)

    def readlines(self, hint: int | None = -1) -> list[bytes]:
        """The lines that are left, or so many that they exceed `hint` bytes."""
        lines, total = [], 0
        for line in self:
            lines.append(line)
            total += len(line)
            if hint is not None and 0 < hint <= total:
                break
        return lines

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def drain(self) -> bool:
        """Drop the rest of the body as far as it has come already; True if that was all of it."""
        if self.failure or self.before_reading:
            return False
        was_cut, self._stream.cut = self._stream.cut, True
        try:
            while self._take(_BLOCK):
                pass
        except (OSError, ValueError):
            return False
        finally:
            self._stream.cut = was_cut
        return True

    def _read(self, size: int) -> bytes:
        if self.failure:
            raise type(self.failure)(*self.failure.args)
        if self.complete or not size:
            return b""
        try:
            return self._collect(size)
        except (ConnectionError, ValueError) as error:
            self.failure = error
            raise
        except TimeoutError:
            self.failure = ConnectionAbortedError("the client stopped sending in the middle of the body")
            raise self.failure from None
        except OSError as error:
            self.failure = ConnectionAbortedError(f"the connection broke in the middle of the body: {error}")
            raise self.failure from error

    def _collect(self, size: int) -> bytes:
        if self.before_reading:
            before_reading, self.before_reading = self.before_reading, None
            before_reading()
        data = self._take(min(size, _LONGEST_PIECE))
        if len(data) == size or self.complete:
            return data
        pieces = [data]
        left = size - len(data)
        while left and (data := self._take(min(left, _LONGEST_PIECE))):
            pieces.append(data)
            left -= len(data)
            if len(pieces) == _PIECES_LIMIT:
                # Chunks of a byte each must not cost fifty times their size.
                pieces = [b"".join(pieces)]
        return b"".join(pieces)


class LengthBody(Body):
    """A body of announced length; also the empty one."""

    def __init__(self, stream: Stream, length: int, before_reading: Callable[[], None] | None = None) -> None:
        super().__init__(stream, before_reading if length else None)
        self.remaining = length
        self.complete = not length

    def at_hand(self) -> bool:
        """See Body."""
        if self.remaining > DRAIN_LIMIT:
            return False
        while len(self._stream.buffer) - self._stream.start < self.remaining:
            if not _fill_without_waiting(self._stream):
                return False
        return True

    def _take(self, size: int) -> bytes:
        if self.complete:
            return b""
        data = self._stream.take(min(size, self.remaining))
        if not data:
            raise ConnectionAbortedError(f"the connection ended {self.remaining} bytes before the end of the body")
        self.remaining -= len(data)
        self.complete = not self.remaining
        return data


class ChunkedBody(Body):
    """A body in chunks (RFC 9112 §7.1). Extensions and trailers are checked and dropped."""

    def __init__(self, stream: Stream, before_reading: Callable[[], None] | None = None) -> None:
        super().__init__(stream, before_reading)
        self._left = 0
        self._begun = False

    def at_hand(self) -> bool:
        """See Body. Looks for the empty line that ends the trailers; `drain` knows for certain."""
        while not self._stream.buffer.endswith(b"\r\n\r\n", self._stream.start):
            if len(self._stream.buffer) - self._stream.start > DRAIN_LIMIT or not _fill_without_waiting(self._stream):
                return False
        return True

    def _take(self, size: int) -> bytes:
        if self.complete:
            return b""
        if not self._left:
            self._left = self._begin_chunk()
            if not self._left:
                self._skip_trailers()
                self.complete = True
                return b""
        data = self._stream.take(min(size, self._left))
        if not data:
            raise _ended()
        self._left -= len(data)
        return data

    def _begin_chunk(self) -> int:
        """The size of the next chunk, in bytes; 0 for the last one."""
        if self._begun and self._line(2) != b"\r\n":
            raise ValueError("a chunk of the body is longer than it says")
        self._begun = True
        head = _CHUNK_LINE.fullmatch(self._line(8 + 1 + _EXTENSION_LIMIT + 2))
        if head is None:
            raise ValueError("the body's chunked framing is broken")
        return int(head[1], 16)

    def _skip_trailers(self) -> None:
        left = _TRAILERS_LIMIT
        while (line := self._line(left)) != b"\r\n":
            left -= len(line)
            if left < 2 or not _TRAILER_LINE.fullmatch(line):
                raise ValueError("the body's trailers are broken or longer than 8 KiB")

    def _line(self, limit: int) -> bytes:
        line = self._stream.take_line(limit)
        if not line.endswith(b"\n") and len(line) < limit:
            raise _ended()
        return line


def _ended() -> ConnectionAbortedError:
    return ConnectionAbortedError("the connection ended before the last chunk of the body")


def _fill_without_waiting(stream: Stream) -> bool:
    return stream.arriving() and stream.fill_at_once() is True
