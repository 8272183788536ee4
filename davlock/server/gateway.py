"""Between a request and the WSGI application (PEP 3333)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any

import cheroot.server

from davlock.server.requests import JOIN_LIMIT

if TYPE_CHECKING:
    from davlock.server.requests import Request
    from davlock.server.servers import Server

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]


class Gateway(cheroot.server.Gateway):
    """Calls the application and hands its blocks to the request.

    An iterable with an attribute `file_part` that is not None is not iterated: the server sends these bytes by itself. It
    is a tuple of a file descriptor, which stays open until the iterable is closed, an offset, and a number of bytes.
    """

    req: Request

    def __init__(self, req: Request) -> None:
        self.req = req
        self._started = False

    def respond(self) -> None:
        """Run the application to its end. Raises whatever it raises, and Disconnected."""
        response = self.req.server.wsgi_app(self._environ(), self.start_response)
        try:
            self._send(response)
        finally:
            close = getattr(response, "close", None)
            if close is not None:
                close()

    def _send(self, response: Iterable[bytes]) -> None:
        req = self.req
        file = getattr(response, "file_part", None)
        if file is not None and self._started and not req.sent_headers:
            req.write_file(*file)
            response = ()
        elif isinstance(response, list | tuple) and self._started and not req.sent_headers:
            length = sum(map(len, response))
            req.expect_length(length)
            if len(response) > 1 and length <= JOIN_LIMIT:
                response = (b"".join(response),)
        for block in response:
            if block:
                self.write(block)
                if req.method == "HEAD":
                    break
        if not self._started:
            raise RuntimeError("the application has not called start_response")
        req.finish()

    def write(self, block: bytes) -> None:
        """The WSGI callable of old applications."""
        if not self._started:
            raise RuntimeError("the application has sent a block before it called start_response")
        self.req.write(block)

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: _ExcInfo | None = None, /) -> Callable[[bytes], None]:
        """The WSGI callable. Raises `exc_info`'s exception if the head is out already."""
        try:
            if exc_info:
                if self.req.sent_headers and exc_info[1] is not None:
                    raise exc_info[1]
            elif self._started:
                raise RuntimeError("the application has called start_response twice")
            self.req.start(status, headers)
            self._started = True
        finally:
            exc_info = None  # PEP 3333: no circular reference through the traceback
        return self.write

    def _environ(self) -> dict[str, Any]:
        req = self.req
        head = req.head
        assert head is not None
        environ = req.conn.environ.copy()
        environ.update(head.fields)
        environ |= {
            "REQUEST_METHOD": head.method,
            "REQUEST_URI": head.target,
            "PATH_INFO": head.path,
            "QUERY_STRING": head.query,
            "SERVER_PROTOCOL": head.version,
            "wsgi.input": req.body,
            "davlock.is_over": self._is_over,
        }
        if head.chunked:
            environ["wsgi.input_terminated"] = True
        return environ

    def _is_over(self) -> bool:
        """Whether an answer that could go on for long should end: nobody listens any more, or the server stops."""
        return not self.req.server.ready or self.req.conn.rfile.has_ended()


def base_environ(server: Server) -> dict[str, Any]:
    """What is the same in every request to this server."""
    host, port = server.bind_addr
    return {
        "SCRIPT_NAME": "",
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_SOFTWARE": "davlock",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https" if server.tls else "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": server.multiprocess,
        "wsgi.run_once": False,
        "wsgi.input_terminated": False,
    }
