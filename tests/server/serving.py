"""What the tests of the server share: a small application, a server around it, and a client that sends raw bytes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import queue
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from davlock.server import Server, listen

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

PATIENCE_SECONDS = 20.0
HOST = b"Host: test\r\n"


class Application:
    """Tells what it has got. `seen` are the paths asked for, `outcomes` how reading each body ended."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.outcomes: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.closed: queue.SimpleQueue[str] = queue.SimpleQueue()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        self.seen.append(path)
        answer = getattr(self, "do_" + path.strip("/").replace("-", "_"), self.do_tell)
        result: Iterable[bytes] = answer(environ, start_response)
        return result

    def do_tell(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """The request as it came, as JSON."""
        read = environ["wsgi.input"].read
        digest, length = hashlib.sha256(), 0
        try:
            while block := read(262144):
                digest.update(block)
                length += len(block)
        except (ConnectionError, ValueError) as error:
            self.outcomes.put(type(error).__name__ if isinstance(error, ValueError) else "ConnectionError")
            # Asking again must not look like the end of a whole body.
            with contextlib.suppress(ConnectionError, ValueError):
                self.outcomes.put(f"then {read(262144)!r}")
            start_response("400 Bad Request", [("Content-Type", "text/plain")])
            return [b"broken body"]
        self.outcomes.put("whole")
        told = {name: value for name, value in environ.items() if isinstance(value, str | bool)}
        text = json.dumps({**told, "length": length, "sha256": digest.hexdigest()}).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(text)))])
        return [text]

    def do_refuse(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        start_response("423 Locked", [("Content-Type", "text/plain"), ("Content-Length", "6")])
        return [b"locked"]

    def do_short(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", "10")])
        return [b"abc"]

    def do_long(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", "3")])
        yield b"abc"
        yield b"HTTP/1.1 200 OK\r\n\r\n"

    def do_stream(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        try:
            start_response("200 OK", [])
            yield b""
            yield b"one "
            yield b"two" * 100_000
            self.outcomes.put("all")
        finally:
            self.closed.put("stream")

    def do_blocks(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [b"a" * 10, b"", b"b" * 10]

    def do_huge(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        block = bytes(range(256)) * (64 * 1024)
        start_response("200 OK", [("Content-Length", str(len(block)))])
        return [block]

    def do_nothing(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        start_response("204 No Content", [("Content-Length", "5")])
        return [b"never"]

    def do_unchanged(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        start_response("304 Not Modified", [("ETag", '"1"')])
        return [b"never"]

    def do_fail(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        raise KeyError("secret\ninjected line")

    def do_fail_late(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        try:
            start_response("200 OK", [])
            yield b"half"
            raise KeyError("secret\ninjected line")
        finally:
            self.closed.put("fail-late")

    def do_split(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("X-Name", "a\r\nSet-Cookie: evil=1")])
        return [b"ok"]

    def do_careless(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Doesn't catch what a broken body raises."""
        start_response("200 OK", [])
        return [environ["wsgi.input"].read()]

    def do_goodbye(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Connection", "close"), ("Server", "leaky/1.0"), ("Transfer-Encoding", "x")])
        return [b"bye"]

    def do_lines(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"]
        start_response("200 OK", [])
        return [json.dumps([body.readline().decode(), *(line.decode() for line in body)]).encode()]


@contextlib.contextmanager
def serving(application: Any, drain_seconds: float = PATIENCE_SECONDS, **options: Any) -> Iterator[tuple[str, int]]:
    """A server around the application in this process; the address it listens on. Leaving stops it. options: of Server."""
    listener = listen("127.0.0.1", 0)
    address = listener.getsockname()
    server = Server(listener, application, **{"threads": 8} | options)
    server.prepare()
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield address
    finally:
        server.stop(drain_seconds)
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


@dataclass
class Answer:
    """One response: status line, header fields by lower-case name, body."""

    status: int
    headers: dict[str, str] = field(repr=False)
    body: bytes = b""

    @property
    def told(self) -> dict[str, Any]:
        """What Application.do_tell says."""
        told: dict[str, Any] = json.loads(self.body)
        return told


class Client:
    """A connection for raw bytes, strict about what it reads."""

    def __init__(self, address: tuple[str, int], source: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        """source: the address it comes from."""
        self.peer = address
        self.socket = socket.create_connection(address, PATIENCE_SECONDS, (source, 0) if source != "127.0.0.1" else None)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.file.close()
        self.socket.close()

    def send(self, data: bytes) -> Self:
        self.socket.sendall(data)
        return self

    def answer(self, method: str = "GET") -> Answer:
        """Read one response; `method` is that of the request."""
        line = self.file.readline()
        assert line.startswith(b"HTTP/1.1 ") and line.endswith(b"\r\n"), line
        answer = Answer(int(line.split(b" ")[1]), {})
        while (line := self.file.readline()) != b"\r\n":
            assert line.endswith(b"\r\n"), line
            name, _, value = line.decode("latin-1").partition(": ")
            assert name.lower() not in answer.headers, f"{name} twice"
            answer.headers[name.lower()] = value.rstrip("\r\n")
        if method != "HEAD" and answer.status not in (100, 204, 304):
            answer.body = self._body(answer.headers)
        return answer

    def at_end(self) -> bool:
        """Wait for the end of the connection; False if something else comes."""
        return self.file.read(1) == b""

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") == "chunked":
            assert "content-length" not in headers
            body = b""
            while size := int(self.file.readline(), 16):
                body += self._exactly(size)
                assert self._exactly(2) == b"\r\n"
            assert self._exactly(2) == b"\r\n"
            return body
        if "content-length" in headers:
            return self._exactly(int(headers["content-length"]))
        assert headers.get("connection") == "close"
        return self.file.read()

    def _exactly(self, size: int) -> bytes:
        data = self.file.read(size)
        if len(data) != size:
            raise EOFError(f"{len(data)} of {size} bytes")
        return data
