"""davlock behind real proxies, with the files of config/ as they are but for names and addresses: nginx, Caddy, Apache."""

from __future__ import annotations

import json
import os
import queue
import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from davlock.server import selfsigned
from tests.clients.conftest import needs
from tests.clients.test_litmus import TESTS, litmus, passes
from tests.serving import REPOSITORY, START_SECONDS, Client, Serving, lockinfo

pytestmark = pytest.mark.clients

APACHE = """
ServerName localhost
ServerRoot {0}
DefaultRuntimeDir {0}
PidFile {0}/pid
ErrorLog {0}/proxy.log
User nobody
Group nogroup
Listen {1}
"""
MODULES = ("mpm_event", "env", "authz_core", "reqtimeout", "headers", "proxy", "proxy_http", "ssl")
CADDY = "{\n\tadmin off\n\tauto_https disable_redirects\n\tgrace_period 1s\n}"
FILES = {"nginx": "nginx.conf", "caddy": "Caddyfile", "apache2": "apache.conf"}


class Proxied(Serving):
    """The same folder as the server behind it, but through one of FILES, which does TLS."""

    def __init__(self, behind: Serving, proxy: str, folder: Path) -> None:
        super().__init__(behind.root, users=())
        self.behind, self.proxy, self.folder = behind, proxy, folder
        self._errors = folder / "proxy.log"
        selfsigned.ensure(folder / "both.pem", self.host)

    @property
    def is_encrypted(self) -> bool:
        return True

    @property
    def certificate(self) -> Path:
        return self.folder / "both.pem"

    def start(self) -> None:
        with self._errors.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={"PATH": os.environ["PATH"], "HOME": str(self.folder)},
                start_new_session=True,
            )
        self.starts += 1
        self._reader = threading.Thread(target=self._read, args=(self._process, queue.SimpleQueue()), daemon=True)
        self._reader.start()
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection((self.host, self.port), START_SECONDS).close()
                return
            except OSError:
                if time.monotonic() > until or self._process.poll() is not None:
                    self.kill()
                    pytest.fail(f"{self.proxy} does not start; it said:\n{self.log()}")
                time.sleep(0.02)

    def _command(self) -> list[str]:
        """Its file, with our names, addresses and certificate, and how it is started with that."""
        address, both = f"{self.host}:{self.port}", str(self.certificate)
        text = (REPOSITORY / "config" / FILES[self.proxy]).read_text(encoding="utf-8")
        for example, ours in (
            ("127.0.0.1:8080", f"{self.behind.host}:{self.behind.port}"),
            ("/etc/ssl/docs.example.com.pem", both),
            ("/etc/ssl/docs.example.com.key", both),
            ("listen 443", f"listen {address}"),
            ("<VirtualHost *:443>", f"<VirtualHost {address}>"),
            ("docs.example.com {", f"{CADDY}\nhttps://{address} {{\n\tbind {self.host}\n\ttls {both} {both}"),
        ):
            text = text.replace(example, ours)
        modules = "".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n" for name in MODULES)
        file = self.folder / FILES[self.proxy]
        file.write_text(modules + APACHE.format(self.folder, address) + text if self.proxy == "apache2" else text)
        settings = f"daemon off; pid {self.folder}/pid; error_log {self._errors};"
        return [
            needs(self.proxy),
            *{
                "nginx": ["-c", str(file), "-g", settings],
                "caddy": ["run", "--config", str(file), "--adapter", "caddyfile"],
                "apache2": ["-D", "FOREGROUND", "-f", str(file)],
            }[self.proxy],
        ]


@pytest.fixture(scope="module")
def behind(accounts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("behind")
    subprocess.run(["cp", "-r", str(accounts), str(folder / "root")], check=True)
    (folder / "davlock.yaml").write_text('{trusted_proxies: ["127.0.0.1"], events: {stream_seconds: 3}}')
    with Serving(folder / "root", "--config", str(folder / "davlock.yaml"), users=()) as serving:
        yield serving


@pytest.fixture(scope="module", params=FILES)
def proxied(request: pytest.FixtureRequest, behind: Serving, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    with Proxied(behind, request.param, tmp_path_factory.mktemp("proxy")) as proxied:
        yield proxied


@pytest.fixture
def alice(proxied: Serving) -> Client:
    return Client(proxied, "alice")


def test_litmus_passes(proxied: Proxied, tmp_path: Path) -> None:
    passes(litmus(proxied, "", tmp_path), TESTS - 1)


def curl(proxied: Proxied, path: str, *arguments: str, user: str = "alice:alice-test-password", stdin: bytes = b"") -> tuple[int, str]:
    """Status and heads."""
    common = ["--silent", "--show-error", "--include", "--cacert", str(proxied.certificate), "--user", user, "--output", "/dev/null"]
    argv = [needs("curl"), *common, "--dump-header", "-", "--write-out", "%{http_code}", *arguments, proxied.url + path.lstrip("/")]
    done = subprocess.run(argv, input=stdin, capture_output=True, timeout=120)
    heads = done.stdout.decode(errors="replace")
    return int(heads[-3:]), heads


def test_a_large_upload_is_moved_locked_and_read_again(proxied: Proxied, alice: Client, tmp_path: Path) -> None:
    content = os.urandom(1 << 20) * 64
    (tmp_path / "large").write_bytes(content)
    for number, how in enumerate((["-T", str(tmp_path / "large")], ["-T", str(tmp_path / "large"), "-H", "Transfer-Encoding: chunked"])):
        assert curl(proxied, f"/large-{number}", *how)[0] in (201, 204)
        moved = curl(proxied, f"/large-{number}", "-X", "MOVE", "-H", f"Destination: {proxied.url}a%20%C3%BC%26%25.bin")
        assert moved[0] in (201, 204), moved
        assert (proxied.root / "a ü&%.bin").read_bytes() == content
    assert alice.get("/a ü&%.bin", Range="bytes=-1000").body == content[-1000:]
    assert alice.get("/a ü&%.bin").body == content
    assert curl(proxied, "/a", "-X", "COPY", "-H", "Destination: https://other.example/b")[0] == 502
    locked = f"locked-{proxied.proxy}.txt"
    status, heads = curl(proxied, locked, "-X", "LOCK", "-H", "Content-Type: application/xml", "-d", lockinfo("alice"))
    token = re.search("(?i)^lock-token: (<.+>)", heads, re.MULTILINE)
    assert status == 201
    assert token
    condition = f"If: <{proxied.url}{locked}> ({token[1]})"
    assert curl(proxied, locked, "-T", "-", "-H", condition, stdin=b"mine")[0] == 204
    bob = curl(proxied, locked, "-T", str(tmp_path / "large"), user="bob:bob-test-password")
    assert bob[0] == 423, bob
    assert curl(proxied, locked, "-X", "UNLOCK", "-H", f"Lock-Token: {token[1]}")[0] == 204
    assert (proxied.root / locked).read_bytes() == b"mine"


def head(request: str, client: Client, header: str) -> bytes:
    host = f"{client.serving.host}:{client.serving.port}"
    return f"{request} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {client.authorization}\r\n{header}\r\n\r\n".encode()


def test_an_upload_that_breaks_off_is_not_stored(proxied: Proxied, alice: Client) -> None:
    (proxied.root / "broken.bin").unlink(missing_ok=True)
    for framing, part in (("Content-Length: 5000000", b"x" * 2_000_000), ("Transfer-Encoding: chunked", b"1e8480\r\n" + b"x" * 1_000_000)):
        context = ssl.create_default_context(cafile=proxied.certificate)
        with (
            socket.create_connection((proxied.host, proxied.port), 30) as sock,
            context.wrap_socket(sock, server_hostname=proxied.host) as client,
        ):
            client.sendall(head("PUT /broken.bin", alice, framing) + part)
    assert alice.get("/broken.bin").status == 404
    assert not (proxied.root / "broken.bin").exists()


def test_the_client_is_known_behind_the_proxy(proxied: Proxied, alice: Client) -> None:
    forged = ["-H", "X-Forwarded-For: 192.0.2.1", "-H", "X-Forwarded-Host: evil.example", "-H", "X-Forwarded-Proto: http"]
    name = f"mallory-{proxied.proxy}"
    guesses = [curl(proxied, "/", "--interface", "127.0.0.2", *forged, user=f"{name}:wrong")[0] for _ in range(6)]
    assert guesses == [401] * 5 + [429]
    log = proxied.behind.log()
    assert re.findall(f"wrong name or password for '{name}' from (.*)", log) == ["127.0.0.2"] * 5
    # we are on the proxy's own address here, which davlock believes: so this shows that the proxy passes nothing on
    assert curl(proxied, "/", "--interface", "127.0.0.3", user=f"{name}:wrong")[0] == 401
    number = alice.put("/url.txt", b"").headers["Document-Id"] or alice.get("/url.txt").headers["Document-Id"]
    lies = {"X_Forwarded_Host": "evil.example", "X_Forwarded_Proto": "http", "X_Forwarded_For": "192.0.2.1", "Forwarded": "host=evil"}
    assert json.loads(alice.get(f"/api/v1/Document/{number}/Url", **lies).body) == f"{proxied.url}url.txt"
    cookies = alice.request("POST", "/api/v1/Session", b"", **lies).headers.get_all("Set-Cookie") or []
    assert ["; Secure" in cookie for cookie in cookies] == [True, True]


def test_long_headers_and_odd_names_go_through(proxied: Proxied, alice: Client) -> None:
    tokens = " ".join(f"(<urn:uuid:{number:036d}>)" for number in range(500))
    assert alice.put("/odd.txt", b"x", If=tokens + " (Not <DAV:no-lock>)").status in (201, 204)
    for name in ("/a b+c;d=e&f,g.txt", "/100%.txt", "/#?.txt", "/ä/", "/'\"<>.txt"):
        method = "MKCOL" if name.endswith("/") else "PUT"
        assert alice.request(method, name, None if method == "MKCOL" else b"x").status in (201, 204, 405), name
        assert alice.propfind(name).status == 207


def test_events_are_told_as_they_happen(proxied: Proxied, alice: Client) -> None:
    context = ssl.create_default_context(cafile=proxied.certificate)
    with (
        socket.create_connection((proxied.host, proxied.port), 30) as sock,
        context.wrap_socket(sock, server_hostname=proxied.host) as client,
        client.makefile("rb") as answer,
    ):
        client.sendall(head("GET /api/v1/Events", alice, "Accept: text/event-stream"))
        assert answer.readline().split()[1] == b"200"
        while answer.readline() != b"\r\n":
            pass
        assert alice.put("/told.txt", os.urandom(10)).status in (201, 204)
        while b"told.txt" not in (line := answer.readline()):
            assert line
