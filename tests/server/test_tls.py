"""TLS on the wire: handshakes that nobody waits for, and the same answers as without it."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from davlock.server import selfsigned
from davlock.server.limits import Limits
from davlock.server.tls import Certificate

from .serving import HOST, Application, Client, serving

GET = b"GET /next HTTP/1.1\r\n" + HOST + b"\r\n"
PUT = b"PUT /tell HTTP/1.1\r\n" + HOST
Connect = Callable[[], Client]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("tls") / "certificate.pem"
    selfsigned.ensure(file, "localhost")
    return file


@pytest.fixture(scope="module")
def trusting(file: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(file))


@pytest.fixture(scope="module")
def address(file: Path) -> Iterator[tuple[str, int]]:
    limits = Limits(handshake_seconds=1.0)
    with serving(Application(), threads=2, limits=limits, tls=Certificate(file)) as address:
        yield address


@pytest.fixture
def connect(address: tuple[str, int], trusting: ssl.SSLContext) -> Connect:
    return lambda: Client(address, tls=trusting)


def test_requests_are_answered_one_after_the_other_and_together(connect: Connect) -> None:
    with connect() as client:
        assert client.send(GET).answer().told["wsgi.url_scheme"] == "https"
        client.send(b"".join(GET.replace(b"next", b"%d" % number) for number in range(300)))
        assert [client.answer().told["PATH_INFO"] for _ in range(300)] == [f"/{number}" for number in range(300)]


def test_large_bodies_both_ways(connect: Connect) -> None:
    with connect() as client:
        for framing in (b"Content-Length: 5000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n4c4b40\r\n"):
            end = b"" if framing.startswith(b"C") else b"\r\n0\r\n\r\n"
            assert client.send(PUT + framing + b"x" * 5_000_000 + end).answer().told["length"] == 5_000_000
        assert client.send(b"GET /huge HTTP/1.1\r\n" + HOST + b"\r\n" + GET).answer().body == bytes(range(256)) * (64 * 1024)
        assert client.answer().status == 200


def test_a_body_that_comes_byte_by_byte(connect: Connect) -> None:
    with connect() as client:
        for byte in PUT + b"Expect: 100-continue\r\nContent-Length: 20\r\n\r\n":
            client.send(bytes([byte]))
        assert client.answer().status == 100
        for _ in range(20):
            client.send(b"x")
        assert client.answer().told["length"] == 20


def test_the_end_is_said(connect: Connect) -> None:
    """TLS has an end of its own, so that nobody can cut an answer short: without it, clients report an error."""
    with connect() as client:
        assert client.send(b"GET /stream HTTP/1.0\r\n\r\n").answer().body == b"one " + b"two" * 100_000
        assert client.at_end()  # raises SSLEOFError otherwise
    with connect() as client:
        assert client.send(b"bad\r\n\r\n").answer().status == 400
        assert client.at_end()


def test_a_refused_upload_gets_its_answer(connect: Connect) -> None:
    with connect() as client:
        client.send(b"PUT /refuse HTTP/1.1\r\n" + HOST + b"Content-Length: 3000000\r\n\r\n" + b"x" * 3_000_000)
        assert client.answer().status == 423
        assert client.at_end()


def test_silent_clients_keep_nobody_from_shaking_hands(address: tuple[str, int], connect: Connect) -> None:
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(Client(address)) for _ in range(30)]
        for number, client in enumerate(silent):
            client.send(b"\x16\x03\x01\x02\x00\x01"[: number % 7])  # the beginning of a ClientHello
        with connect() as other:
            assert other.send(GET).answer().status == 200
        for client in silent:
            with contextlib.suppress(ConnectionError):
                assert client.at_end()


def test_plain_http_is_told_so(address: tuple[str, int]) -> None:
    with Client(address) as client:
        answer = client.send(GET).answer()
        assert answer.status == 400
        assert b"https://" in answer.body
        assert client.at_end()


def test_what_is_no_tls_ends_the_connection_and_nothing_else(address: tuple[str, int], connect: Connect) -> None:
    for garbage in (b"\x16" + b"\xff" * 100, b"\x16\x03\x01\x00\x05hello", b"\x00" * 50):
        with Client(address) as client, contextlib.suppress(OSError):
            client.send(garbage).socket.shutdown(socket.SHUT_WR)
            client.file.read()
    with connect() as other:
        assert other.send(GET).answer().status == 200


def test_garbage_behind_the_handshake_ends_the_connection(address: tuple[str, int], trusting: ssl.SSLContext) -> None:
    with Client(address, tls=trusting) as client, contextlib.suppress(ConnectionError, ssl.SSLError):
        client.send(GET[:10])
        socket.socket.send(client.socket, b"\x17\x03\x03\x00\x20" + b"x" * 32)
        assert client.at_end()


def test_a_body_that_is_cut_off_is_not_whole(file: Path, trusting: ssl.SSLContext) -> None:
    application = Application()
    with serving(application, tls=Certificate(file)) as address:
        with Client(address, tls=trusting) as client:
            client.send(PUT + b"Content-Length: 1000000\r\n\r\n" + b"x" * 100_000)
        assert application.outcomes.get(timeout=20) == "ConnectionError"
    with contextlib.ExitStack() as stack:
        with serving(application, drain_seconds=0.1, tls=Certificate(file)) as address:
            client = stack.enter_context(Client(address, tls=trusting))
            assert client.send(PUT + b"Expect: 100-continue\r\nContent-Length: 10\r\n\r\n").answer().status == 100
            client.send(b"12345")
        assert application.outcomes.get(timeout=20) == "ConnectionError"
        assert client.answer().status == 400
