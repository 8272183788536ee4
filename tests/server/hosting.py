"""Other WSGI servers with davlock in them, as processes."""

from __future__ import annotations

import http.client
import queue
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.serving import START_SECONDS, Serving

GUNICORN = ["-m", "gunicorn", "--workers", "2", "--threads", "8", "--bind"]
SERVERS = {
    "waitress": (["-m", "waitress", "--threads", "8", "--listen"], ["davlock.wsgi:application"]),
    "gunicorn": (GUNICORN, ["davlock.wsgi"]),
    "gunicorn, loaded before it forks": (GUNICORN, ["--preload", "davlock.wsgi"]),
}


class Hosting(Serving):
    """A folder served by another server, one of SERVERS. environment: for davlock, instead of the folder's name."""

    def __init__(
        self, root: Path, server: str, users: tuple[str, ...] = ("alice", "bob"), environment: dict[str, str] | None = None
    ) -> None:
        super().__init__(root, users=users, also=())
        self._server = server
        self._told = {"DAVLOCK_ROOT": str(root)} if environment is None else environment

    def start(self) -> None:
        before, after = SERVERS[self._server]
        with self._errors.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, *before, f"{self.host}:{self.port}", *after],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=self._environment() | self._told,
                start_new_session=True,
            )
        self.starts += 1
        self._reader = threading.Thread(target=self._read, args=(self._process, queue.SimpleQueue()), daemon=True)
        self._reader.start()
        until = time.monotonic() + START_SECONDS
        while not self._answers():
            if time.monotonic() > until or self._process.poll() is not None:
                self.kill()
                pytest.fail(f"{self._server} does not answer; it said:\n{self.log()}")
            time.sleep(0.02)

    def stop(self) -> int:
        code = super().stop()
        return 0 if code == -signal.SIGTERM else code  # waitress knows no other end

    def _answers(self) -> bool:
        with closing(http.client.HTTPConnection(self.host, self.port, timeout=START_SECONDS)) as client:
            try:
                client.request("OPTIONS", "*")
                client.getresponse().read()
            except OSError:
                return False
        return True
