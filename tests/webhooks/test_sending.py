"""One request to a server that is told something: bounded in time, to the address that was checked, over TLS if it is https."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from davlock.webhooks.messages import Message
from davlock.webhooks.sending import Sender, Undelivered
from davlock.webhooks.targets import Targets

MESSAGE = Message(b'{"a":1}', {"Content-Type": "application/json; charset=utf-8"})
TARGETS = Targets(require_https=False, allow=("127.0.0.0/8",))
Speak = Callable[[socket.socket], None]


@contextlib.contextmanager
def server(speak: Speak) -> Iterator[int]:
    """A server on loopback that does this with each connection; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, contextlib.suppress(OSError):
                        speak(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def answering(answer: bytes, heard: list[bytes] | None = None) -> Speak:
    def speak(connection: socket.socket) -> None:
        received = b""
        while not received.endswith(MESSAGE.body):
            received += connection.recv(65536)
        if heard is not None:
            heard.append(received)
        connection.sendall(answer)

    return speak


def test_a_whole_request_goes_out() -> None:
    heard: list[bytes] = []
    with server(answering(b"HTTP/1.1 204 No Content\r\n\r\n", heard)) as port:
        Sender(TARGETS).send(f"http://127.0.0.1:{port}/hook?x=1", MESSAGE)
    head, _, body = heard[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /hook?x=1 HTTP/1.1"
    assert {f"Host: 127.0.0.1:{port}", "Content-Length: 7", "Connection: close"} <= set(lines)
    assert body == MESSAGE.body


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "400 Bad", "500 Error", "199 Odd"])
def test_anything_but_success_is_none(status: str) -> None:
    answer = f"HTTP/1.1 {status}\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n".encode()
    with server(answering(answer)) as port, pytest.raises(Undelivered):
        Sender(TARGETS, deadline=5).send(f"http://127.0.0.1:{port}/", MESSAGE)


@pytest.mark.parametrize("answer", [b"", b"junk\r\n\r\n", b"HTTP/1.1 2000 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000])
def test_junk_is_no_answer(answer: bytes) -> None:
    with server(answering(answer)) as port, pytest.raises(Undelivered):
        Sender(TARGETS).send(f"http://127.0.0.1:{port}/", MESSAGE)


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Undelivered):
        Sender(TARGETS).send(f"http://127.0.0.1:{port}/", MESSAGE)


def test_who_drips_does_not_hold_the_sender_up() -> None:
    """Each single wait is short, all together is not."""
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while not over.wait(0.05):
            connection.sendall(b"y")

    with server(drip) as port:
        began = time.monotonic()
        with pytest.raises(Undelivered, match="did not answer within 1 second"):
            Sender(TARGETS, deadline=1).send(f"http://127.0.0.1:{port}/", MESSAGE)
        over.set()
    assert time.monotonic() - began < 20


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of localhost that signs itself, with its key."""
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    named = [
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-keyout",
        str(file),
        "-out",
        str(file.with_suffix(".crt")),
    ]
    subprocess.run([*made, *named], check=True, capture_output=True)
    file.write_bytes(file.read_bytes() + file.with_suffix(".crt").read_bytes())
    return file


def test_only_with_a_valid_certificate(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    heard: list[bytes] = []

    def speak(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", heard)(secure)

    with server(speak) as port:
        with pytest.raises(Undelivered, match="certificate"):
            Sender(TARGETS).send(f"https://localhost:{port}/", MESSAGE)
        assert not heard
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))
        Sender(TARGETS).send(f"https://localhost:{port}/", MESSAGE)
        with pytest.raises(Undelivered, match="certificate"):  # it is that of another name
            Sender(TARGETS).send(f"https://127.0.0.1:{port}/", MESSAGE)
    assert len(heard) == 1
