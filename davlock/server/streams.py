"""What goes over one connection in both directions; what comes in is buffered."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import socket
import ssl
import struct
import termios
import time
from contextlib import AbstractContextManager

from davlock.server.limits import Limits, Patience

RECEIVE_SIZE = 64 * 1024
"""Bytes asked of the kernel at once when filling the buffer."""
_SHORT_WAITS_SECONDS = 0.05
"""Of each request: waiting for the client that long, all in all, is not worth telling the workers."""
_TLS_PIECE = 64 * 1024
_READ_SIZE = 256 * 1024
"""Bytes of a file that are in memory at once, where the kernel can't send it by itself."""
_PACKETS = 6
"""Of the largest kind, that are given to the kernel at once of a file: ending with a packet takes half to nine tenths of the CPU time."""
_NO_SENDFILE = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}  # of this file system
_HUNG_UP = select.POLLRDHUP | select.POLLHUP | select.POLLERR if hasattr(select, "POLLRDHUP") else select.POLLHUP | select.POLLERR


class Stream:
    """Reads and writes one connected socket that does not block, or has a timeout of its own.

    `buffer[start:]` is received and not yet taken. While `cut` is true nothing more is received: what is buffered is
    all there is, and wanting more raises ConnectionAbortedError. `waiting` is entered while the client is waited for.
    A client that uses up `reading` or `writing` is a TimeoutError.
    """

    def __init__(self, sock: socket.socket, limits: Limits | None = None, waiting: AbstractContextManager[object] | None = None) -> None:
        limits = limits or Limits()
        self.buffer = b""
        self.start = 0
        self.bytes_read = 0
        self.cut = False
        self.closed = False
        self.reading = Patience(limits.body_seconds, limits.least_rate)
        self.writing = Patience(limits.answer_seconds, limits.least_rate)
        self._waiting = waiting or contextlib.nullcontext()
        self._short_waits = _SHORT_WAITS_SECONDS
        self._since = 0.0
        self._look_seconds = limits.answer_seconds / 6
        self.use(sock)

    def use(self, sock: socket.socket) -> None:
        """From now on this socket is read and written: the same connection, in a layer of TLS."""
        self._socket = sock
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self._tls = sock if isinstance(sock, ssl.SSLSocket) else None

    @property
    def patience_left(self) -> float:
        """Seconds after which this client is cut off, if nothing comes or goes."""
        return min(self.reading.left, self.writing.left) - (time.monotonic() - self._since if self._since else 0)

    def renew_patience(self) -> None:
        """A new request begins."""
        self.reading.renew()
        self.writing.renew()
        self._short_waits = _SHORT_WAITS_SECONDS

    def has_data(self) -> bool:
        """Is something received that nobody has taken yet?"""
        return self.start < len(self.buffer)

    def readable(self, seconds: float) -> bool:
        """Would a read return at once, or within that time? At the end of the stream the answer is yes, too."""
        return self.start < len(self.buffer) or self.arriving(seconds)

    def arriving(self, seconds: float = 0) -> bool:
        """Has the kernel more than is buffered here, or the end of the stream, or gets it within that time?"""
        return bool(self._tls and self._tls.pending()) or self._ready(select.POLLIN, seconds)

    def has_ended(self) -> bool:
        """Has the client closed the connection, with nothing before that?"""
        if self._tls:
            return self._ready(_HUNG_UP, 0)  # what comes before the end is not readable without decrypting it
        if self.has_data() or not self.arriving():
            return False
        try:
            return not self._socket.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    def fill(self) -> bool:
        """Add to the buffer what has come or waits for something; False at the end of the stream. Raises OSError."""
        return self._add(self._receive(RECEIVE_SIZE))

    def fill_at_once(self) -> bool | None:
        """The same without waiting, of a socket that does not block: None if nothing has come."""
        try:
            data = self._socket.recv(RECEIVE_SIZE)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        self.reading.earn(len(data))
        self.bytes_read += len(data)
        return self._add(data)

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

    def send(self, data: bytes | memoryview) -> None:
        """Send all of it. Raises OSError."""
        view = memoryview(data)
        while view:
            try:
                # What TLS could not send it has to be asked to send again: the same piece.
                sent = self._socket.send(view[:_TLS_PIECE] if self._tls else view)
            except (BlockingIOError, ssl.SSLWantWriteError):
                self.await_room()
            except ssl.SSLWantReadError:
                self._await(select.POLLIN, self.writing)
            else:
                self.writing.earn(sent)
                view = view[sent:]

    def send_file(self, head: bytes, file: int, start: int, count: int) -> None:
        """Send a head, and behind it so many bytes of an open file from `start` on. Raises OSError.

        EOFError if the file has become shorter meanwhile: what has been sent then is no whole answer.
        """
        if self._tls:
            self._send_read(head, file, start, count)
            return
        # The kernel holds the head back until the file follows it: one packet fewer.
        behind = len(head)  # where in a packet the file begins
        with contextlib.suppress(BlockingIOError):
            head = head[self._socket.send(head, socket.MSG_MORE) :]
        if head:
            self.send(head)
        while count:
            try:
                packet = self._packet()
                sent = os.sendfile(self._socket.fileno(), file, start, min(count, _PACKETS * packet - behind))
            except BlockingIOError:
                self.await_room()
                continue
            except OSError as error:
                if error.errno not in _NO_SENDFILE:
                    raise
                self._send_read(b"", file, start, count)
                return
            if not sent:
                raise EOFError("the file became shorter while it was sent")
            self.writing.earn(sent)
            start += sent
            count -= sent
            behind = (behind + sent) % packet

    def _packet(self) -> int:
        """Bytes in the largest packet that the kernel makes for this connection: as many whole segments as 64 KiB hold."""
        segment = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) or 65535
        return segment * max(65535 // segment, 1)

    def _send_read(self, head: bytes, file: int, start: int, count: int) -> None:
        while count:
            block = read_exactly(file, start, min(count, _READ_SIZE))
            self.send(head + block if head else block)
            head = b""
            start += len(block)
            count -= len(block)

    def await_room(self) -> None:
        """Wait until the client has taken so much that more can be sent. Raises TimeoutError."""
        # A full buffer has room again only when a third of it is free, which is minutes to a slow client: what counts
        # is what its side has acknowledged.
        before = _unacknowledged(self._socket)
        while not self._await(select.POLLOUT, self.writing, self._look_seconds):
            now = _unacknowledged(self._socket)
            self.writing.earn(max(before - now, 0))
            before = now

    def close(self) -> None:
        """Forget what is buffered; the socket is the connection's affair."""
        self.closed = True
        self.buffer, self.start = b"", 0
        self._waiting = contextlib.nullcontext()  # knows the connection, which knows us

    def _add(self, data: bytes) -> bool:
        self.buffer = self.buffer[self.start :] + data if self.has_data() else data
        self.start = 0
        return bool(data)

    def _receive(self, size: int) -> bytes:
        while True:
            if self.cut:
                raise ConnectionAbortedError("the server has stopped reading")
            try:
                data = self._socket.recv(size)
            except (BlockingIOError, ssl.SSLWantReadError):
                self._await(select.POLLIN, self.reading)
            except ssl.SSLWantWriteError:
                self._await(select.POLLOUT, self.reading)
            else:
                self.reading.earn(len(data))
                self.bytes_read += len(data)
                return data

    def _await(self, event: int, patience: Patience, most: float = 3600.0) -> bool:
        """Wait for the client, at most so many seconds; False if that was not enough. Raises TimeoutError."""
        if patience.left <= 0:
            raise TimeoutError("the client was too slow")
        begin = end = time.monotonic()
        happened = False
        if self._short_waits > 0:
            happened = self._ready(event, min(self._short_waits, patience.left))
            end = time.monotonic()
            self._short_waits -= end - begin
        if not happened:
            self._since = begin
            with self._waiting:
                happened = self._ready(event, min(patience.left, most))
                end = time.monotonic()
            self._since = 0.0
        patience.spend(end - begin)
        return happened

    def _ready(self, event: int, seconds: float) -> bool:
        if event == select.POLLIN:
            return bool(self._poll.poll(seconds * 1000))
        poll = select.poll()
        poll.register(self._socket, event)
        return bool(poll.poll(seconds * 1000))


def read_exactly(file: int, start: int, count: int) -> bytes:
    """So many bytes of an open file. Raises OSError, and EOFError if it has not so many."""
    block = os.pread(file, count, start)
    while len(block) < count:  # some network file systems give less than they have
        more = os.pread(file, count - len(block), start + len(block))
        if not more:
            raise EOFError("the file became shorter while it was sent")
        block += more
    return block


def _unacknowledged(sock: socket.socket) -> int:
    """Bytes that the kernel has of us and the other side has not confirmed."""
    try:
        count: int = struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))[0]
    except OSError:
        return 0
    return count
