"""Floods and floods' ends: everything slow at once, more connections than descriptors, and SIGTERM in the middle (reliability §3)."""

from __future__ import annotations

import contextlib
import hashlib
import resource
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.mix import Mix, rage, report
from tests.serving import Client, Serving

SIZE = 4 * 1024 * 1024
CONTENT = bytes(range(256)) * (SIZE // 256)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.mark.parametrize("workers", ["1", "4"])
def test_everything_slow_at_once_stops_nobody(folder: Path, workers: str) -> None:
    """See mix.py for longer runs, and for how long the person's client waits."""
    with Serving(folder, "--workers", workers) as serving:
        outcome = rage(Mix(seconds=3, big_bytes=32 * 1024 * 1024, upload_bytes=256 * 1024), serving)
    assert not outcome.errors, report(outcome)
    assert outcome.attack["upload: 204"], report(outcome)
    assert outcome.memory_most - outcome.memory_before < 200 * int(workers), report(outcome)


class Wire:
    """A request on a connection of its own, sent and read by hand."""

    def __init__(self, serving: Serving, method: str, path: str, *fields: str) -> None:
        self.socket = serving.connect(20)
        authorization = f"Authorization: {Client(serving, 'alice').authorization}"
        self.send("\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", authorization, *fields, "", ""]).encode())

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> tuple[int, bytes]:
        """Status and body, if it is whole; 0 if there is none, or not all of it."""
        data = b""
        with contextlib.suppress(ConnectionError):
            while piece := self.socket.recv(1 << 20):
                data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:") and int(line[15:]) != len(body):
                return 0, b""
        return (int(head[9:12]), body) if head else (0, b"")


@contextlib.contextmanager
def transfers(serving: Serving, count: int) -> Iterator[tuple[list[Wire], list[Wire]]]:
    """Uploads and downloads that are all under way."""
    with contextlib.ExitStack() as stack:
        uploads = [Wire(serving, "PUT", f"/up-{number}.bin", f"Content-Length: {SIZE}") for number in range(count)]
        downloads = [Wire(serving, "GET", "/down.bin") for _ in range(count)]
        for wire in (*uploads, *downloads):
            stack.callback(wire.socket.close)
        for number, upload in enumerate(uploads):
            upload.send(CONTENT[: SIZE // 2 if number % 2 else 1000])
        for download in downloads:
            download.socket.recv(1, socket.MSG_PEEK)
        yield uploads, downloads


@pytest.mark.parametrize("workers", ["1", "4"])
def test_a_stopping_server_finishes_transfers(folder: Path, workers: str) -> None:
    with Serving(folder, "--workers", workers) as serving:
        (folder / "down.bin").write_bytes(CONTENT)
        with transfers(serving, 50) as (uploads, downloads):
            serving.signal(signal.SIGTERM)
            wait_until_refused(serving)
            threads = [
                threading.Thread(target=upload.send, args=(CONTENT[SIZE // 2 if number % 2 else 1000 :],))
                for number, upload in enumerate(uploads)
            ]
            for thread in threads:
                thread.start()
            assert {download.answer() == (200, CONTENT) for download in downloads} == {True}
            assert {upload.answer()[0] for upload in uploads} == {201}
            for thread in threads:
                thread.join()
        assert serving.wait() == 0
        assert {hashlib.sha256((folder / f"up-{number}.bin").read_bytes()).digest() for number in range(50)} == {
            hashlib.sha256(CONTENT).digest()
        }


@pytest.mark.parametrize("workers", ["1", "4"])
def test_what_does_not_end_in_time_leaves_no_trace(folder: Path, tmp_path: Path, workers: str) -> None:
    configuration = tmp_path / "davlock.yaml"
    configuration.write_text("drain_seconds: 2\n")
    with Serving(folder, "--workers", workers, "--config", str(configuration)) as serving:
        (folder / "down.bin").write_bytes(CONTENT * 4)
        with transfers(serving, 50) as (uploads, downloads):
            begin = time.monotonic()
            serving.signal(signal.SIGTERM)
            wait_until_refused(serving)
            for upload in uploads[:10]:
                upload.send(CONTENT[1000 if upload in uploads[::2] else SIZE // 2 :])
            assert {upload.answer()[0] for upload in uploads[:10]} == {201}
            assert serving.wait() == 0
            assert time.monotonic() - begin < 2 + 10  # the configured time, and a bound for unwinding; not a measurement
            assert {upload.answer()[0] for upload in uploads[10:]} <= {0, 400, 408}
            # who has not read gets the whole or notices
            assert {download.answer()[0] for download in downloads} <= {0, 200}
        assert sorted(file.name for file in folder.glob("up-*")) == sorted(f"up-{number}.bin" for number in range(10))
        assert {file.stat().st_size for file in folder.glob("up-*")} == {SIZE}
        assert [file for file in (folder / ".davlock" / "staging").rglob("*") if file.is_file() and file.stat().st_size] == []


def wait_until_refused(serving: Serving) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            socket.create_connection((serving.host, serving.port), 5).close()
        except ConnectionError:
            return
    raise AssertionError("the server still accepts")


def test_with_too_few_descriptors_some_are_refused_and_all_is_well_afterwards(folder: Path) -> None:
    with Serving(folder) as serving:
        resource.prlimit(serving.processes()[0], resource.RLIMIT_NOFILE, (64, 64))
        alice = Client(serving, "alice")
        token = alice.lock("/mine.txt")
        with contextlib.ExitStack() as stack:
            sockets = [stack.enter_context(socket.create_connection((serving.host, serving.port), 20)) for _ in range(200)]
            for each in sockets:
                each.sendall(b"GET / HTTP/1.1\r\n")
        for _ in range(1000):  # until it has noticed that they have gone
            if (status := alice.put("/mine.txt", b"new", token).status) != 503:
                break
        assert status == 204
        assert Client(serving, "bob").get("/mine.txt").body == b"new"
