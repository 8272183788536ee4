"""One request and the answer to it."""

from __future__ import annotations

import functools
import logging
import math
import time
from collections.abc import Sequence
from email.utils import formatdate
from typing import TYPE_CHECKING

import cheroot.server

from davlock import processors
from davlock.server.bodies import Body, ChunkedBody, LengthBody
from davlock.server.heads import Head, HeadError, parse_head, read_head, sent_target
from davlock.server.streams import read_exactly

if TYPE_CHECKING:
    from davlock.server.connections import Connection
    from davlock.server.servers import Server

JOIN_LIMIT = 64 * 1024
"""Blocks up to this many bytes are copied behind the head, so that both go out in one packet."""


READ_LIMIT = 16 * 1024
"""Files up to this many bytes are read and joined likewise; the kernel sends larger ones by itself, which costs less."""

# The headers that the server has a say in.
_OURS = {"content-length", "connection", "server", "transfer-encoding", "keep-alive", "date"}
_OURS_LENGTHS = {len(name) for name in _OURS}


class Disconnected(ConnectionError):
    """The client doesn't take the answer any more."""


class Request(cheroot.server.HTTPRequest):
    """Reads and judges a request, lets the gateway answer it, frames the answer.

    Instead of cheroot's `inheaders`, `uri`, `path`, `qs` there is `head`; `target` also of one that can't be served. `method` stays a str.
    """

    conn: Connection
    server: Server

    # How every request begins; most stay so in most of it.
    head: Head | None = None
    target = ""
    method = ""
    ready = False
    sent_headers = False
    close_connection = False
    chunked_write = False
    _bodiless = False
    _left: int | None = None

    def __init__(self, server: Server, conn: Connection, proxy_mode: bool = False, strict_mode: bool = True) -> None:
        # Not the parent's: it would fill in what only its own parser uses.
        self.server = server
        self.conn = conn
        self.body: Body = LengthBody(conn.rfile, 0)

    def parse_request(self, before: Head | None = None) -> None:
        """Read the head. `ready` tells whether there is something to answer; if not, the connection is to be closed.

        before: see parse_head.
        """
        self.close_connection = True
        data: bytes | None = None
        try:
            data = read_head(self.conn.rfile)
            if data is None:
                return
            self.head = head = parse_head(data, before)
        except HeadError as error:
            self.target = sent_target(data or self.conn.rfile.buffer[self.conn.rfile.start :])
            self.conn.linger = True
            self.simple_response(error.status, error.message)
            return
        except TimeoutError:
            self.simple_response("408 Request Timeout", "The request did not arrive in time.")
            return
        self.method, self.target = head.method, head.target
        self.close_connection = not head.keep_alive
        invite = self._invite if head.expects_continue else None
        if head.chunked:
            self.body = ChunkedBody(self.conn.rfile, invite)
        elif head.content_length:
            self.body = LengthBody(self.conn.rfile, head.content_length, invite)
        self.ready = True

    def respond(self) -> None:
        """Answer the request, whatever the application does. Afterwards `close_connection` is settled."""
        assert self.head is not None
        try:
            with processors.roaming(math.inf if self.head.chunked else self.head.content_length):
                self.server.gateway(self).respond()
        except Disconnected:
            self.close_connection = True
            self.conn.abort()
            return
        except Exception as error:
            self.close_connection = True
            self._answer_failure(error)
        self._settle_body()

    def _answer_failure(self, error: Exception) -> None:
        # A body that broke off is the client's doing, if that is what went wrong.
        failure = self.body.failure
        if failure is None or (error is not failure and not isinstance(error, type(failure))):
            self._log(f"{type(error).__name__}: {error} {_place(error)}", logging.ERROR, traceback=True)
        if self.sent_headers:
            # The client must not take the part it has for the whole.
            self.conn.abort()
        elif failure is None:
            self.simple_response("500 Internal Server Error", "The server failed to answer this request.")
        else:
            self.simple_response("400 Bad Request", f"The request can't be read: {failure}.")

    def _settle_body(self) -> None:
        """Nothing of this body may be taken for the next request."""
        if not self.body.complete and not self.close_connection and not self.body.drain():
            self.close_connection = True
        if self.close_connection and (not self.body.complete or self.conn.rfile.readable(0)):
            self.conn.linger = True

    def simple_response(self, status: str, msg: str = "") -> None:
        """Answer with a sentence and close the connection; silent if the client has gone."""
        self.close_connection = True
        media_type, text = self.server.spell(self.target, int(status[:3]), msg)
        try:
            self.start(status, [("Content-Type", media_type), ("Content-Length", str(len(text)))])
            self.write(text)
        except Disconnected:
            self.conn.abort()

    def start(self, status: str, headers: Sequence[tuple[str, str]]) -> None:
        """Note the answer's status and header fields; they go out with the first block.

        Raises ValueError for what can't stand in a head.
        """
        self.chunked_write = False
        self._left = None
        code = status[:3]
        self._bodiless = self.method == "HEAD" or code in ("204", "304")
        lines = [f"HTTP/1.1 {status}"]
        dated = False
        for name, value in headers:
            if len(name) in _OURS_LENGTHS and (ours := name.lower()) in _OURS:
                match ours:
                    case "content-length":
                        self._left = int(value)
                        if code == "204":
                            continue  # RFC 9110 §8.6
                    case "connection":
                        self.close_connection = self.close_connection or "close" in value.lower()
                        continue
                    case "date":
                        dated = True
                    case _:
                        continue
            lines.append(f"{name}: {value}")
        if not dated:
            lines.append(_date(int(time.time())))
        lines.append("Server: davlock")
        head = "\r\n".join(lines)
        if not head.count("\r") == head.count("\n") == len(lines) - 1 or "\0" in head:
            raise ValueError("a header of the answer contains a line end")
        self._head = head.encode("latin-1")

    def expect_length(self, length: int) -> None:
        """Say how long the body of the answer will be, in bytes, unless the application has said so."""
        if self._left is None and not self._bodiless:
            self._left = length
            self._head += b"\r\nContent-Length: %d" % length

    def write(self, block: bytes) -> None:
        """Send a block of the answer's body, and the head before the first. Raises Disconnected."""
        prefix = b"" if self.sent_headers else self._finish_head()
        if self._bodiless:
            block = b""
        elif self._left is not None:
            if len(block) > self._left:
                self.close_connection = True
                self._log("the application's answer is longer than its Content-Length", logging.ERROR)
                block = block[: self._left]
            self._left -= len(block)
        elif self.chunked_write and block:
            prefix += b"%x\r\n" % len(block)
        suffix = b"\r\n" if self.chunked_write and block else b""
        if len(block) <= JOIN_LIMIT:
            if prefix or block:
                self._send(prefix + block + suffix if prefix else block)
            return
        view = memoryview(block)
        self._send(prefix + view[:JOIN_LIMIT] if prefix else view[:JOIN_LIMIT])
        self._send(view[JOIN_LIMIT:])
        if suffix:
            self._send(suffix)

    def write_file(self, file: int, start: int, length: int) -> None:
        """Send the body of the answer: so many bytes of an open file from `start` on. Raises Disconnected, ValueError.

        If the file has become shorter meanwhile, the client gets a broken connection: no error could be told any more.
        """
        self.expect_length(length)
        if self._bodiless:
            self.write(b"")
            return
        if self._left != length:
            raise ValueError(f"the answer's Content-Length is {self._left}, but its file has {length} bytes to be sent")
        try:
            if length <= READ_LIMIT:
                self.write(read_exactly(file, start, length))
            else:
                with processors.roaming(length):
                    self.conn.rfile.send_file(self._finish_head(), file, start, length)
            self._left = 0
        except (ConnectionError, TimeoutError) as error:
            raise Disconnected(str(error)) from error
        except EOFError as error:
            self._log(str(error), logging.ERROR)
            raise Disconnected(str(error)) from error

    def finish(self) -> None:
        """The application has no more blocks. Raises Disconnected."""
        if not self.sent_headers:
            self.expect_length(0)
            self.write(b"")
        if self.chunked_write:
            self._send(b"0\r\n\r\n")
        elif self._left and not self._bodiless:
            # The client waits for the rest; only the end of the connection tells it that there is none.
            self.close_connection = True
            self._log(f"the application's answer is {self._left} bytes shorter than its Content-Length", logging.ERROR)

    def _finish_head(self) -> bytes:
        self.sent_headers = True
        head = self._head
        modern = self.head is not None and self.head.version == "HTTP/1.1"
        if self._left is None and not self._bodiless:
            if modern:
                self.chunked_write = True
                head += b"\r\nTransfer-Encoding: chunked"
            else:
                self.close_connection = True
        if not self.close_connection and not self._can_keep():
            self.close_connection = True
        if self.close_connection:
            head += b"\r\nConnection: close"
        elif not modern:
            head += b"\r\nConnection: keep-alive"
        return head + b"\r\n\r\n"

    def _can_keep(self) -> bool:
        """May the connection serve another request after this one?"""
        if not self.server.ready:
            return False
        body = self.body
        if body.complete:
            return True
        # A client that waits for 100 Continue may or may not send its body after a final answer: nobody could tell
        # the body from the next request (RFC 9110 §10.1.1).
        return body.failure is None and body.before_reading is None and body.at_hand()

    def _invite(self) -> None:
        if not self.sent_headers and not self.conn.rfile.has_data():
            self._send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _send(self, data: bytes | memoryview) -> None:
        try:
            self.conn.rfile.send(data)
        except OSError as error:
            raise Disconnected(str(error)) from error

    def _log(self, message: str, level: int, traceback: bool = False) -> None:
        path = self.head.path if self.head else ""
        self.server.error_log(f"{self.method} {path} from {self.conn.remote_addr}: {message}", level, traceback)


def _place(error: BaseException) -> str:
    """Where it was raised, for the log."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"({trace.tb_frame.f_code.co_filename}:{trace.tb_lineno})" if trace else ""


@functools.lru_cache(maxsize=2)
def _date(second: int) -> str:
    return f"Date: {formatdate(second, usegmt=True)}"
