"""Answers that are part of a file, which the server sends by itself: the bytes, the framing, and what happens to a file meanwhile."""

from __future__ import annotations

import errno
import os
import ssl
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest

from davlock.server.requests import READ_LIMIT

from .serving import HOST, Client, serving

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

CONTENT = bytes(range(251)) * 20_000  # 251 is no divisor of any size of a buffer
SIZES = (0, 1, READ_LIMIT - 1, READ_LIMIT, READ_LIMIT + 1, 65536, len(CONTENT))
LARGE = 64 * 1024 * 1024


class Part:
    """What an application returns for a part of a file. Would be empty if it were iterated."""

    def __init__(self, fd: int, start: int, length: int) -> None:
        self.file_part = (fd, start, length)

    def __iter__(self) -> Iterator[bytes]:
        return iter(())

    def close(self) -> None:
        os.close(self.file_part[0])


class Files:
    """Sends `?start=&length=` of the file; `&announce=` is another Content-Length, or none if it is empty."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.parts: list[Part] = []

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        asked = dict(parse_qsl(environ["QUERY_STRING"], keep_blank_values=True))
        part = Part(os.open(self.file, os.O_RDONLY), int(asked.get("start", 0)), int(asked["length"]))
        announced = asked.get("announce", asked["length"])
        start_response(asked.get("status", "200 OK"), [("Content-Length", announced)] if announced else [])
        self.parts.append(part)
        return part

    def are_closed(self) -> bool:
        """Whether all descriptors have been given back."""
        open_files = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
        return os.fspath(self.file) not in open_files


@pytest.fixture
def files(tmp_path: Path) -> Files:
    file = tmp_path.resolve() / "file"
    file.write_bytes(CONTENT)
    return Files(file)


@pytest.fixture
def client(files: Files) -> Iterator[Client]:
    with serving(files) as address, Client(address) as client:
        yield client


def request(query: str, method: str = "GET", version: str = "1.1", more: bytes = b"") -> bytes:
    return f"{method} /?{query} HTTP/{version}\r\n".encode() + HOST + more + b"\r\n"


def check_every_size(client: Client, files: Files) -> None:
    asked = [(start, size - start) for size in SIZES for start in (0, 1, READ_LIMIT + 1) if start <= size]
    for start, length in asked:
        answer = client.send(request(f"start={start}&length={length}")).answer()
        assert (answer.status, answer.headers["content-length"]) == (200, str(length))
        assert answer.body == CONTENT[start : start + length]
    client.send(b"".join(request(f"start={start}&length={length}") for start, length in asked))
    assert [client.answer().body for _ in asked] == [CONTENT[start : start + length] for start, length in asked]


def test_every_size_from_anywhere(client: Client, files: Files) -> None:
    check_every_size(client, files)
    client.send(request("length=5", more=b"Connection: close\r\n")).answer()
    assert client.at_end()
    assert files.are_closed()


def test_a_file_system_that_cannot_send_by_itself(client: Client, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:  # such file systems are rare, and cannot be mounted by tests
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "sendfile", refuse)
    check_every_size(client, files)


def test_the_same_over_tls(files: Files) -> None:
    contexts = [ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)]
    for context in contexts:  # the one sort of TLS that needs no certificate
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("AECDH-AES256-SHA:@SECLEVEL=0")
    with serving(files, tls=lambda: contexts[0]) as address, Client(address) as client:
        client.socket = contexts[1].wrap_socket(client.socket)
        client.file = client.socket.makefile("rb")
        check_every_size(client, files)


@pytest.mark.parametrize("length", [10, LARGE])
def test_head_has_the_length_and_no_body(length: int, client: Client, files: Files) -> None:
    answer = client.send(request(f"length={length}", "HEAD")).answer("HEAD")
    assert answer.headers["content-length"] == str(length)
    assert client.send(request("length=3")).answer().body == CONTENT[:3]


def test_a_length_that_the_application_did_not_tell(client: Client) -> None:
    for size in (5, len(CONTENT)):
        answer = client.send(request(f"length={size}&announce=")).answer()
        assert answer.headers["content-length"] == str(size)
        assert answer.body == CONTENT[:size]


def test_an_old_client_gets_it_too(client: Client) -> None:
    answer = client.send(request(f"length={len(CONTENT)}", version="1.0")).answer()
    assert (answer.headers["connection"], answer.body) == ("close", CONTENT)
    assert client.at_end()


@pytest.mark.parametrize("announced", [3, 100_000])
def test_another_length_than_announced_is_no_answer(announced: int, client: Client, caplog: pytest.LogCaptureFixture) -> None:
    assert client.send(request(f"length=50000&announce={announced}")).answer().status == 500
    assert client.at_end()
    assert "Content-Length" in caplog.text


@pytest.mark.parametrize("length", [READ_LIMIT // 2, LARGE])
def test_a_file_that_is_shorter_than_it_was_breaks_the_connection(
    length: int, client: Client, files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    """Never padded, never whole: whoever shortens a file in place must not make half of it look like all of it."""
    files.file.write_bytes(b"x" * (length - 1))
    client.send(request(f"length={length}"))
    received = 0
    with pytest.raises(ConnectionError):
        while data := client.socket.recv(1 << 20):
            received += data.count(b"x") if received else len(data.partition(b"\r\n\r\n")[2])
    assert received < length
    assert "shorter while it was sent" in caplog.text
    assert "Traceback" not in caplog.text


def test_a_file_shortened_while_it_is_sent(client: Client, files: Files) -> None:
    with files.file.open("wb") as file:
        file.truncate(LARGE)
    client.send(request(f"length={LARGE}"))
    received = len(client.socket.recv(1000))
    os.truncate(files.file, LARGE // 2)
    with pytest.raises(ConnectionError):
        while data := client.socket.recv(1 << 20):
            received += len(data)
    assert LARGE // 4 < received <= LARGE // 2 + 1000


def test_a_client_that_reads_slowly_gets_all_of_it(client: Client, files: Files) -> None:
    client.send(request(f"length={len(CONTENT)}"))
    received = b""
    while len(received) < len(CONTENT):
        received += client.socket.recv(10_000)
    received += client.socket.recv(10_000) if b"\r\n\r\n" + CONTENT not in received else b""
    assert received.endswith(b"\r\n\r\n" + CONTENT)


def test_a_client_that_leaves_is_no_error(files: Files, caplog: pytest.LogCaptureFixture) -> None:
    with files.file.open("wb") as file:
        file.truncate(LARGE)
    with serving(files) as address:
        with Client(address) as leaving:
            leaving.send(request(f"length={LARGE}"))
            leaving.socket.recv(1000)
        with Client(address) as client:
            assert client.send(request("length=3")).answer().body == b"\0\0\0"
        leaving.socket.close()
    assert files.are_closed()
    assert not caplog.text
