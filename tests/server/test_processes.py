"""The server as a process: workers, deaths, stopping."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .serving import HOST, PATIENCE_SECONDS, Client

REPOSITORY = Path(__file__).resolve().parents[2]
UPLOAD = b"PUT /upload HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 10\r\n\r\n"


class Process:
    """A process that serves; `lines` is what it has said so far."""

    def __init__(self, workers: int, drain_seconds: float, kind: str, host: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.server.worker", str(workers), str(drain_seconds), kind, host],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._said: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._listening = threading.Thread(target=self._listen)
        self._listening.start()

    @property
    def address(self) -> tuple[str, int]:
        line = self.wait_for("ready")
        return line.split()[1], int(line.split()[2])

    def wait_for(self, beginning: str) -> str:
        """The next line that begins so."""
        while line := self._said.get(timeout=PATIENCE_SECONDS):
            self.lines.append(line)
            if line.startswith(beginning):
                return line
        raise EOFError(f"ended without {beginning!r}: {self.lines}")

    def wait(self) -> int:
        """Until the process and all its children have ended; its exit status."""
        while line := self._said.get(timeout=PATIENCE_SECONDS):
            self.lines.append(line)
        return self.process.wait(PATIENCE_SECONDS)

    def kill(self) -> None:
        """Leave nothing behind, whatever went wrong."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE_SECONDS)
        self._listening.join(PATIENCE_SECONDS)

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self._said.put(line)
        # Every process that could say something has ended.
        self._said.put(None)


@contextlib.contextmanager
def running(workers: int, drain_seconds: float = 60, kind: str = "sound", host: str = "127.0.0.1") -> Iterator[Process]:
    process = Process(workers, drain_seconds, kind, host)
    try:
        yield process
    finally:
        process.kill()


def ask_pid(address: tuple[str, int]) -> int:
    with Client(address) as client:
        pid, multiprocess = client.send(b"GET /pid HTTP/1.1\r\n" + HOST + b"\r\n").answer().body.split()
        assert multiprocess in (b"True", b"False")
        return int(pid)


def wait_until_refused(address: tuple[str, int]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        try:
            Client(address).__exit__(None, None, None)
        except ConnectionError:
            return
    raise AssertionError("the server still accepts")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
@pytest.mark.parametrize("workers", [1, 2])
def test_serves_and_stops(workers: int, host: str) -> None:
    with running(workers, host=host) as process:
        address = process.address
        pid = ask_pid(address)
        assert (pid == process.process.pid) is (workers == 1)
        process.process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
        parent = process.process.pid
        assert process.lines[-1] == f"returned in {parent}\n"
        assert sum(line.startswith("returned") for line in process.lines) == 1
        started = [line.split()[-1] for line in process.lines if line.startswith("started")]
        made = [line.split()[-1] for line in process.lines if line.startswith("made")]
        assert len(set(started)) == workers
        assert sorted(started) == sorted(made)
        assert (str(parent) in made) is (workers == 1)


def test_interrupt_stops_like_terminate() -> None:
    for workers in (1, 2):
        with running(workers) as process:
            assert ask_pid(process.address)
            process.process.send_signal(signal.SIGINT)
            assert process.wait() == 0


def test_ctrl_c_reaches_everybody_and_still_drains() -> None:
    with running(2) as process:
        address = process.address
        children = [int(line.split()[-1]) for line in process.lines if line.startswith("started")]
        with Client(address) as client:
            assert client.send(UPLOAD).answer().status == 100
            for pid in children:
                os.kill(pid, signal.SIGINT)
                os.kill(pid, signal.SIGTERM)
            process.process.send_signal(signal.SIGINT)
            wait_until_refused(address)
            assert client.send(b"0123456789").answer().body == b"10"
        assert process.wait() == 0


def test_killed_worker_is_replaced() -> None:
    with running(2) as process:
        address = process.address
        first = ask_pid(address)
        os.kill(first, signal.SIGKILL)
        assert process.wait_for("made in") != f"made in {first}\n"
        pids = {ask_pid(address) for _ in range(20)}
        assert first not in pids
        process.process.send_signal(signal.SIGTERM)
        assert process.wait() == 0


def test_all_workers_killed_again_and_again() -> None:
    with running(2) as process:
        address = process.address
        children = [line for line in process.lines if line.startswith("made")]
        for _ in range(2):
            for line in children:
                os.kill(int(line.split()[-1]), signal.SIGKILL)
            children = [process.wait_for("made in"), process.wait_for("made in")]
            assert ask_pid(address) in [int(line.split()[-1]) for line in children]
        process.process.send_signal(signal.SIGTERM)
        assert process.wait() == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_upload_in_flight_is_finished_when_stopping(workers: int) -> None:
    with running(workers) as process:
        address = process.address
        with Client(address) as client:
            assert client.send(UPLOAD).answer().status == 100
            client.send(b"01234")
            process.process.send_signal(signal.SIGTERM)
            wait_until_refused(address)
            answer = client.send(b"56789").answer()
            assert (answer.body, answer.headers["connection"]) == (b"10", "close")
            assert client.at_end()
        assert process.wait() == 0
        assert "whole 10\n" in process.lines


@pytest.mark.parametrize("workers", [1, 2])
def test_upload_that_does_not_end_is_cut_visibly(workers: int) -> None:
    with running(workers, drain_seconds=0.1) as process:
        with Client(process.address) as client:
            assert client.send(UPLOAD).answer().status == 100
            client.send(b"012345678")
            process.process.send_signal(signal.SIGTERM)
            assert process.wait() == 0
        assert "cut\n" in process.lines
        assert not any(line.startswith("whole") for line in process.lines)


@pytest.mark.parametrize("workers", [1, 2])
def test_second_signal_ends_at_once(workers: int) -> None:
    with running(workers) as process:
        address = process.address
        with Client(address) as client:
            assert client.send(UPLOAD).answer().status == 100
            process.process.send_signal(signal.SIGTERM)
            wait_until_refused(address)
            process.process.send_signal(signal.SIGTERM)
            assert process.wait() == 128 + signal.SIGTERM
        assert not any(line.startswith(("whole", "returned")) for line in process.lines)


def test_children_follow_their_parent() -> None:
    with running(2) as process:
        address = process.address
        process.process.kill()
        # Its output ends when the last child has.
        assert process.wait() == -signal.SIGKILL
        with pytest.raises(ConnectionRefusedError):
            Client(address)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_application_that_can_not_be_made_ends_everything(workers: int) -> None:
    with running(workers, kind="broken") as process:
        assert process.wait() == 1
        assert not any(line.startswith(("ready", "returned")) for line in process.lines)
        assert any("RuntimeError" in line for line in process.lines)


def test_idle_connections_hold_no_thread() -> None:
    with running(1) as process:
        address = process.address
        with contextlib.ExitStack() as idle:
            for _ in range(20):
                idle.enter_context(Client(address))
            assert ask_pid(address) == process.process.pid


def test_processes_share_connections_that_come_together() -> None:
    """They stay where they are: one process with all of them would be one core."""
    with running(2) as process:
        address = process.address
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(Client(address)) for _ in range(32)]
            pids = [client.send(b"GET /pid HTTP/1.1\r\n" + HOST + b"\r\n").answer().body.split()[0] for client in clients]
        assert sorted(pids.count(pid) for pid in set(pids))[0] >= 8
        assert len(set(pids)) == 2
