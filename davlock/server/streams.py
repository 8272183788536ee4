"""What comes in over one connection, buffered."""

from __future__ import annotations

import select
import socket
import ssl

RECEIVE_SIZE = 64 * 1024
"""Bytes asked of the kernel at once when filling the buffer."""


class Stream:
    """Reads one connected socket.

    `buffer[start:]` is received and not yet taken. While `cut` is true nothing more is received: what is buffered is
    all there is, and wanting more raises ConnectionAbortedError.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.buffer = b""
        self.start = 0
        self.bytes_read = 0
        self.cut = False
        self.closed = False
        self._socket = sock
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)

    def has_data(self) -> bool:
        """Is something received that nobody has taken yet?"""
        return self.start < len(self.buffer)

    def readable(self, seconds: float) -> bool:
        """Would a read return at once, or within that time? At the end of the stream the answer is yes, too."""
        return self.start < len(self.buffer) or bool(self._poll.poll(seconds * 1000))

    def arriving(self) -> bool:
        """Has the kernel more than is buffered here, or the end of the stream?"""
        return bool(self._poll.poll(0))

    def has_ended(self) -> bool:
        """Has the client closed the connection, with nothing before that?"""
        if self.has_data() or not self.arriving():
            return False
        try:
            return not self._socket.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    def fill(self) -> bool:
        """Add to the buffer what has come or waits for something; False at the end of the stream. Raises OSError."""
        data = self._receive(RECEIVE_SIZE)
        self.buffer = self.buffer[self.start :] + data if self.start < len(self.buffer) else data
        self.start = 0
        return bool(data)

    def take(self, size: int) -> bytes:
        """Between 1 and `size` bytes; b"" at the end of the stream. Raises OSError."""
        if self.start == len(self.buffer):
            if size >= RECEIVE_SIZE:
                return self._receive(size)
            if not self.fill():
                return b""
        data = self.buffer[self.start : self.start + size]
        self.start += len(data)
        if self.start == len(self.buffer):
            self.buffer, self.start = b"", 0
        return data

    def take_line(self, limit: int) -> bytes:
        """A line with its LF; without it if `limit` bytes have none or the stream ends. Raises OSError."""
        while True:
            end = self.buffer.find(b"\n", self.start, self.start + limit) + 1
            if end or len(self.buffer) - self.start >= limit or not self.fill():
                break
        line = self.buffer[self.start : end or self.start + limit]
        self.start += len(line)
        return line

    def close(self) -> None:
        """Forget what is buffered; the socket is the connection's affair."""
        self.closed = True
        self.buffer, self.start = b"", 0

    def _receive(self, size: int) -> bytes:
        if self.cut:
            raise ConnectionAbortedError("the server has stopped reading")
        data = self._socket.recv(size)
        self.bytes_read += len(data)
        return data


class TlsStream(Stream):
    """The same over TLS, where bytes can have come that poll does not see."""

    _socket: ssl.SSLSocket

    def has_data(self) -> bool:
        """See Stream."""
        return super().has_data() or bool(self._socket.pending())

    def readable(self, seconds: float) -> bool:
        """See Stream."""
        return bool(self._socket.pending()) or super().readable(seconds)

    def arriving(self) -> bool:
        """See Stream."""
        return bool(self._socket.pending()) or super().arriving()

    def has_ended(self) -> bool:
        """See Stream."""
        return False
