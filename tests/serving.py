"""A davlock server in a process of its own, and a small strict HTTP client to talk to it with.

with Serving(tmp_path / "root") as serving:
    alice = Client(serving, "alice")
    token = alice.lock("/report.odt")
    assert alice.put("/report.odt", b"new", token).status == 204
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import os
import queue
import re
import select
import shlex
import signal
import socket
import ssl
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote
from xml.etree import ElementTree

import pytest

Body = bytes | str | Iterable[bytes] | None
Header = str | int | None
REPOSITORY = Path(__file__).resolve().parents[1]
# More arguments for every server, before those of a test: DAVLOCK_TEST_SERVE="--workers 4 --self-signed" runs all stories so. Without, one
# process: what is counted in each, such as wrong passwords, then does not depend on the machine.
ALSO = tuple(shlex.split(os.environ.get("DAVLOCK_TEST_SERVE", "--workers 1")))
START_SECONDS = 30.0
STOP_SECONDS = 30.0


class Serving:
    """`davlock serve` over a folder; entering starts it, leaving stops it and checks that it ended well.

    root:      the folder to serve, created if missing; its log is kept beside it.
    also:      see ALSO; none where it is about a server that is not encrypted.
    arguments: more arguments for `serve`, such as "--workers", "2".
    users:     names of the accounts made before the first start; `password(name)` tells their passwords.
    admins:    those of them made with --admin.

    `port` is the same in every start; `starts` counts them.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        root: Path,
        *arguments: str,
        users: tuple[str, ...] = ("alice", "bob"),
        admins: tuple[str, ...] = (),
        also: tuple[str, ...] = ALSO,
    ) -> None:
        self.root = root
        self.arguments = (*also, *arguments)
        self.users = users
        self.admins = admins
        self.port = 0
        self.starts = 0
        # closed with the server: the clients that tests leave open
        self.closing = contextlib.ExitStack()
        self._process: subprocess.Popen[str] | None = None
        self._printed: list[str] = []
        self._errors = root.with_name(f"{root.name}.log")

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as undo:
            undo.enter_context(self.closing)
            # bound, never listening: keeps the port ours over restarts, and a server may listen on it beside us
            reserved = self.closing.enter_context(socket.socket())
            reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            reserved.bind((self.host, 0))
            self.port = reserved.getsockname()[1]
            self.root.mkdir(parents=True, exist_ok=True)
            for name in self.users:
                self.add_user(name, admin=name in self.admins)
            self.start()
            undo.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        with self.closing:
            code = self.stop()
        if kind is None and (code or "Traceback" in self.log()):
            pytest.fail(f"the server ended with exit code {code}; it said:\n{self.log()}", pytrace=False)

    @property
    def url(self) -> str:
        """Where the root is served, with a slash at the end."""
        return f"{'https' if self.is_encrypted else 'http'}://{self.host}:{self.port}/"

    @property
    def is_encrypted(self) -> bool:
        return "--self-signed" in self.arguments

    def connect(self, timeout: float = 30.0) -> socket.socket:
        """A connection on which anything can be said, encrypted if all are. timeout: seconds of silence after which it fails."""
        sock = socket.create_connection((self.host, self.port), timeout)
        if not self.is_encrypted:
            return sock
        return self.trusting().wrap_socket(sock, server_hostname=self.host)

    @staticmethod
    def end_sending(sock: socket.socket) -> None:
        """Nothing more will be said, but listened to. There is no such thing in TLS as Python has it: ends a test that needs it there."""
        if isinstance(sock, ssl.SSLSocket):
            pytest.skip("a connection that is closed in one direction only is not encrypted")
        sock.shutdown(socket.SHUT_WR)

    def trusting(self) -> ssl.SSLContext:
        """What a client needs to believe an encrypted server."""
        return ssl.create_default_context(cafile=self.certificate)

    @property
    def certificate(self) -> Path:
        """What clients have to trust, if it is encrypted."""
        return self.root / ".davlock" / "self-signed.pem"

    def password(self, name: str) -> str:
        return f"{name}-test-password"

    def add_user(self, name: str, *, admin: bool = False) -> None:
        """Make an account whose password is `password(name)`."""
        self.run(
            "user", "add", name, "--root", str(self.root), "--password-stdin", *(["--admin"] * admin), stdin=self.password(name) + "\n"
        )

    def run(self, *arguments: str, stdin: str = "") -> str:
        """Run another davlock command to its end and return what it printed; fails unless it exits with 0."""
        done = subprocess.run(
            [*self.program(), *arguments], input=stdin, capture_output=True, text=True, env=self._environment(), timeout=START_SECONDS
        )
        if done.returncode:
            pytest.fail(f"davlock {' '.join(arguments)} exited with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def program(self) -> list[str]:
        """The command that runs davlock, without arguments."""
        return [sys.executable, "-m", "davlock"]

    def start(self) -> None:
        """Start the server and wait until it says that it is ready."""
        argv = [*self.program(), "serve", str(self.root), "--host", self.host, "--port", str(self.port), *self.arguments]
        with self._errors.open("ab") as errors:
            # a session of its own: kill() reaches the workers too
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=self._environment(),
                start_new_session=True,
            )
        self.starts += 1
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, args=(self._process, lines), daemon=True)
        self._reader.start()
        try:
            line = lines.get(timeout=START_SECONDS)
        except queue.Empty:
            line = None
        if not line or not line.startswith("davlock: serving ") or self.url not in line:
            self.kill()
            pytest.fail(f"the server did not say within {START_SECONDS:.0f} s that it is ready, but:\n{self.log()}")

    def stop(self) -> int:
        """Send SIGTERM, wait for the end and return the exit code; 0 if it was not running."""
        if not self._process:
            return 0
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pytest.fail(f"the server did not end within {STOP_SECONDS:.0f} s of SIGTERM; it said:\n{self.log()}")
        finally:
            self.kill()

    def wait(self) -> int:
        """Until it has ended, by a signal that was sent before; its exit code."""
        assert self._process
        try:
            return self._process.wait(STOP_SECONDS)
        finally:
            self.kill()

    def kill(self) -> None:
        """SIGKILL the server and its workers, as a power failure would."""
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._reader.join(STOP_SECONDS)
            self._process = None

    def signal(self, number: signal.Signals) -> None:
        """Send it to the process that was started."""
        assert self._process
        self._process.send_signal(number)

    def processes(self) -> list[int]:
        """Its processes: the one that was started, and its workers."""
        assert self._process
        pid = self._process.pid
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]

    def restart(self) -> None:
        """Stop it cleanly and start it again over the same root."""
        code = self.stop()
        if code:
            pytest.fail(f"the server ended with exit code {code}; it said:\n{self.log()}")
        self.start()

    def log(self) -> str:
        """All that the server has printed so far, over all its starts."""
        return "".join(self._printed) + (self._errors.read_text(errors="replace") if self._errors.exists() else "")

    def _read(self, process: subprocess.Popen[str], lines: queue.SimpleQueue[str | None]) -> None:
        assert process.stdout
        with process.stdout:
            for line in process.stdout:
                self._printed.append(line)
                lines.put(line)
        lines.put(None)

    def _environment(self) -> dict[str, str]:
        # found also when davlock is not installed and the tests run from elsewhere
        return os.environ | {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])}


@dataclass(frozen=True)
class Answer:
    """What the server answered: `headers` is asked without regard to case, `body` is complete."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def xml(self) -> ElementTree.Element:
        """The body as XML; names are spelt "{DAV:}prop"."""
        return ElementTree.fromstring(self.body)

    def texts(self, name: str) -> list[str]:
        """The text, with that of its children, of every element of this name ("{DAV:}owner")."""
        return ["".join(element.itertext()).strip() for element in self.xml().iter(name)]


connected: weakref.WeakSet[Client] = weakref.WeakSet()
"""The clients that may have an open connection: tests/conftest.py closes those after each test."""


class Client:
    """One person's HTTP connection to a server, kept open between requests as real clients keep theirs.

    It sends the password without being asked (no user: none), follows nothing, repeats nothing, and raises
    http.client.HTTPException when an answer is shorter than announced or followed by bytes that belong to none.
    Closed with the server at the latest. Not for use by several threads.
    """

    def __init__(self, serving: Serving, user: str | None = None, timeout: float = 30.0) -> None:
        """timeout: seconds of silence after which a request fails."""
        self.serving = serving
        self.user = user
        self._timeout = timeout
        self._starts = 0
        self._connection: http.client.HTTPConnection | None = None
        serving.closing.callback(self.close)

    @property
    def authorization(self) -> str | None:
        """The value of the header, for those who write their requests by hand."""
        if self.user is None:
            return None
        pair = f"{self.user}:{self.serving.password(self.user)}"
        return "Basic " + base64.b64encode(pair.encode()).decode()

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def request(self, method: str, path: str, body: Body = None, /, **headers: Header) -> Answer:
        """Send one request and read its whole answer.

        path:    decoded, percent-encoded here; Raw("/a%2Fb?c") is sent as it is.
        body:    text is sent as UTF-8; an iterable of bytes is sent chunked.
        headers: Lock_Token="<...>" is sent as "Lock-Token: <...>"; None leaves out a header sent otherwise.
        """
        sent = {"Authorization": self.authorization} | {name.replace("_", "-"): headers[name] for name in headers}
        connection = self._connect()
        try:
            connection.request(
                method,
                path if isinstance(path, Raw) else href(path),
                body.encode() if isinstance(body, str) else body,
                {name: str(value) for name, value in sent.items() if value is not None},
            )
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        except BaseException:
            self.close()
            raise

    def get(self, path: str, /, **headers: Header) -> Answer:
        return self.request("GET", path, **headers)

    def put(self, path: str, body: Body, token: str = "", /, **headers: Header) -> Answer:
        """PUT, under the lock with this token if there is one."""
        return self.request("PUT", path, body, **{"If": f"(<{token}>)" if token else None} | headers)

    def lock(self, path: str, *, owner: str = "", depth: str = "0", timeout: str = "Second-3600", shared: bool = False) -> str:
        """LOCK and return the token, without brackets; fails unless it was granted.

        owner: text or XML for D:owner, the user's name if empty.
        """
        answer = self.request(
            "LOCK", path, lockinfo(owner or self.user or "", shared=shared), Depth=depth, Timeout=timeout, Content_Type="application/xml"
        )
        assert answer.status in (200, 201), f"LOCK {path}: {answer}"
        token = re.fullmatch(r"<(.+)>", answer.headers["Lock-Token"] or "")
        assert token and token[1] in answer.texts("{DAV:}locktoken"), f"LOCK {path}: header and body differ: {answer}"
        return token[1]

    def unlock(self, path: str, token: str) -> Answer:
        return self.request("UNLOCK", path, Lock_Token=f"<{token}>")

    def propfind(self, path: str, *names: str, depth: str = "0") -> Answer:
        """PROPFIND of these DAV: properties ("lockdiscovery"), of all when none is named."""
        wanted = f"<D:prop>{''.join(f'<D:{name}/>' for name in names)}</D:prop>" if names else "<D:allprop/>"
        return self.request(
            "PROPFIND",
            path,
            f'<?xml version="1.0"?><D:propfind xmlns:D="DAV:">{wanted}</D:propfind>',
            Depth=depth,
            Content_Type="application/xml",
        )

    def _connection_to(self, host: str, port: int) -> http.client.HTTPConnection:
        if not self.serving.is_encrypted:
            return http.client.HTTPConnection(host, port, timeout=self._timeout)
        return http.client.HTTPSConnection(host, port, timeout=self._timeout, context=self.serving.trusting())

    def _connect(self) -> http.client.HTTPConnection:
        # a connection to the server before its restart is known to be dead, and so is one that it closed while nothing was asked: no error
        if self._starts != self.serving.starts or (self._connection and _is_closed(self._connection)):
            self.close()
            self._starts = self.serving.starts
        if not self._connection:
            self._connection = self._connection_to(self.serving.host, self.serving.port)
            connected.add(self)
        return self._connection


def _is_closed(connection: http.client.HTTPConnection) -> bool:
    """Whether the other side has closed a connection on which nothing is under way."""
    poll = select.poll()
    if connection.sock:
        poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0)) and connection.sock is not None


class Raw(str):
    """A path, with its query, exactly as it goes over the wire."""


def href(path: str) -> str:
    """A decoded path, percent-encoded as RFC 3986 3.3 asks and no more: `&` and brackets stay plain."""
    return quote(path, safe="/!$&'()*+,;=:@~")


def lockinfo(owner: str, *, shared: bool = False) -> str:
    """The body of a LOCK; owner is text or XML."""
    scope = "shared" if shared else "exclusive"
    return (
        f'<?xml version="1.0" encoding="utf-8"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:{scope}/></D:lockscope>'
        f"<D:locktype><D:write/></D:locktype><D:owner>{owner}</D:owner></D:lockinfo>"
    )
