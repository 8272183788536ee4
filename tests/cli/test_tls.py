"""HTTPS: with a certificate from files, and with one made here."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import pytest

from davlock.server import selfsigned
from davlock.server.tls import fingerprint
from tests.cli.commands import SECONDS, add_user, ended
from tests.cli.test_serving import basic, served, stopped
from tests.serving import Client, Serving

HEALTH = "/_davlock/health"


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a.pem, its key a.key, and the same with b."""
    folder = tmp_path_factory.mktemp("pairs")
    for name in "ab":
        selfsigned.ensure(folder / "both", "127.0.0.1")
        key, begin, certificate = (folder / "both").read_text().partition("-----BEGIN CERTIFICATE-----")
        (folder / f"{name}.key").write_text(key)
        (folder / f"{name}.pem").write_text(begin + certificate)
        (folder / "both").unlink()
    return folder


@pytest.fixture
def mine(pairs: Path, tmp_path: Path) -> Path:
    """The same folder, to be changed."""
    return Path(shutil.copytree(pairs, tmp_path / "mine"))


def trusting(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certificate)
    context.verify_flags |= ssl.VERIFY_X509_STRICT  # as Python does from 3.13 on
    return context


def connection(port: int, certificate: Path, host: str = "127.0.0.1") -> http.client.HTTPSConnection:
    return http.client.HTTPSConnection(host, port, timeout=SECONDS, context=trusting(certificate))


def asked(port: int, certificate: Path, host: str = "127.0.0.1") -> int:
    with closing(connection(port, certificate, host)) as client:
        client.request("GET", HEALTH)
        return client.getresponse().status


def shown(port: int) -> str:
    """The fingerprint of what the server shows."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", port)))).digest().hex(":").upper()


def configured(root: Path, folder: Path, **keys: str) -> Path:
    file = folder / "davlock.yaml"
    file.write_text("tls: {" + ", ".join(f"{key}: {value}" for key, value in keys.items()) + f"}}\nroot: {root}\n")
    return file


@contextmanager
def encrypted(root: Path, mine: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server with the certificate mine.pem and the key mine.key, which are a's."""
    shutil.copy(mine / "a.pem", mine / "mine.pem")
    shutil.copy(mine / "a.key", mine / "mine.key")
    file = configured(root, mine, certificate="mine.pem", key="mine.key")
    with served("--config", file, "--port", "0", *arguments) as (process, lines, port):
        assert lines[-1] == f"davlock: serving {root} at https://127.0.0.1:{port}/\n"
        yield process, port


def test_a_certificate_from_files(root: Path, mine: Path) -> None:
    add_user(root, "alice")
    with encrypted(root, mine) as (process, port), closing(connection(port, mine / "a.pem")) as client:
        login = {"Authorization": basic("alice", "right")}
        for method, path, body, status in (
            ("PUT", "/a.bin", os.urandom(300_000), 201),
            ("PUT", "/b.bin", [b"x" * 70_000, b"y"], 201),
            ("GET", "/b.bin", None, 200),
        ):
            client.request(method, path, body, login)
            answer = client.getresponse()
            content = answer.read()
            assert answer.status == status
        assert content == b"x" * 70_000 + b"y"
        client.request("POST", "/api/v1/Session", headers=login)
        answer = client.getresponse()
        answer.read()
        assert all("; Secure" in cookie for cookie in answer.headers.get_all("Set-Cookie") or [""])
        assert isinstance(client.sock, ssl.SSLSocket)
        assert client.sock.version() == "TLSv1.3"
        assert shown(port) == fingerprint(mine / "a.pem")
        client.close()
        assert stopped(process)[0] == 0


def test_which_tls_is_spoken(root: Path, mine: Path) -> None:
    add_user(root, "alice")
    with encrypted(root, mine) as (process, port):
        for version, protocols, chosen in (
            (ssl.TLSVersion.TLSv1_2, ["h2", "http/1.1"], "http/1.1"),
            (ssl.TLSVersion.TLSv1_3, ["h2"], None),
        ):
            context = trusting(mine / "a.pem")
            context.minimum_version = context.maximum_version = version
            context.set_alpn_protocols(protocols)
            with (
                socket.create_connection(("127.0.0.1", port), SECONDS) as sock,
                context.wrap_socket(sock, server_hostname="127.0.0.1") as client,
            ):
                assert client.selected_alpn_protocol() == chosen
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        with pytest.warns(DeprecationWarning):
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        with socket.create_connection(("127.0.0.1", port), SECONDS) as sock, pytest.raises((ssl.SSLError, ConnectionError)):
            old.wrap_socket(sock)
        for nonsense in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\xff\xff", b"\0" * 500, b""):
            with socket.create_connection(("127.0.0.1", port), SECONDS) as sock, suppress(OSError):
                sock.sendall(nonsense)
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(1000):
                    pass
        assert asked(port, mine / "a.pem") == 200
        code, _, err = stopped(process)
    assert (code, "Traceback" in err) == (0, False)


@pytest.mark.parametrize("workers", ["1", "3"])
def test_a_new_certificate_is_used_after_sighup(root: Path, mine: Path, workers: str) -> None:
    add_user(root, "alice")
    with encrypted(root, mine, "--workers", workers) as (process, port), closing(connection(port, mine / "a.pem")) as kept:
        kept.request("GET", HEALTH)
        assert kept.getresponse().read() == b"ok\n"
        shutil.copy(mine / "b.pem", mine / "mine.pem")
        shutil.copy(mine / "b.key", mine / "mine.key")
        process.send_signal(signal.SIGHUP)
        processes = 1 if workers == "1" else int(workers) + 1
        assert len(list(islice(errors(process, "is used for new connections"), processes))) == processes
        assert {shown(port) for _ in range(20)} == {fingerprint(mine / "b.pem")}
        kept.request("GET", HEALTH)
        assert kept.getresponse().read() == b"ok\n"
        if workers != "1":
            replace_workers(process, int(workers))
            assert shown(port) == fingerprint(mine / "b.pem")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_new_certificate_that_is_bad_is_told_and_the_old_one_stays(root: Path, mine: Path, workers: str) -> None:
    add_user(root, "alice")
    with encrypted(root, mine, "--workers", workers) as (process, port):
        (mine / "mine.pem").write_text("")
        process.send_signal(signal.SIGHUP)
        told = next(errors(process, "the old certificate"))
        assert told.endswith(
            f"the old certificate stays in use: The certificate {mine}/mine.pem is not a PEM file with a certificate in it.\n"
        )
        assert shown(port) == fingerprint(mine / "a.pem")
        if workers != "1":
            replace_workers(process, int(workers))  # who cannot read it either
            assert asked(port, mine / "a.pem") == 200
        assert stopped(process)[0] == 0


def replace_workers(process: subprocess.Popen[str], count: int) -> None:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    before = set(children.read_text().split())
    for child in before:
        os.kill(int(child), signal.SIGKILL)
    until = time.monotonic() + SECONDS
    while len(set(children.read_text().split()) - before) < count and time.monotonic() < until:
        time.sleep(0.02)


def errors(process: subprocess.Popen[str], containing: str) -> Iterator[str]:
    """The lines of its log with these words in them, as they come."""
    assert process.stderr
    yield from (line for line in process.stderr if containing in line)


@pytest.mark.parametrize(
    ("certificate", "key", "told"),
    [
        ("none.pem", "a.key", "The certificate {0}/none.pem cannot be read: No such file or directory."),
        (".", "a.key", "The certificate {0} cannot be read: Is a directory."),
        ("a.pem", "none.key", "The key {0}/none.key cannot be read: No such file or directory."),
        ("a.pem", "b.key", "The key {0}/b.key does not belong to the certificate {0}/a.pem."),
        ("a.key", "a.key", "The certificate {0}/a.key is not a PEM file with a certificate in it."),
        ("a.pem", "", "The key {0}/a.pem is not a PEM file with a private key in it."),
        ("a.pem", "locked.key", "The key {0}/locked.key is encrypted; davlock needs it without a password."),
        ("cut.pem", "a.key", "The certificate {0}/cut.pem cannot be used with the key {0}/a.key: "),
        ("a.pem", "cut.key", "The certificate {0}/a.pem cannot be used with the key {0}/cut.key: "),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told(root: Path, mine: Path, certificate: str, key: str, told: str) -> None:
    add_user(root, "alice")
    (mine / "locked.key").write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIH0MF8=\n-----END ENCRYPTED PRIVATE KEY-----\n")
    for name in ("cut.pem", "cut.key"):
        whole = (mine / name.replace("cut", "a")).read_text()
        (mine / name).write_text(whole[:60] + whole[90:])
    code, out, err = ended("serve", "--config", configured(root, mine, certificate=certificate, key=key or '""'), "--port", "0")
    assert (code, out) == (1, "")
    assert err.startswith(f"Error: {told.format(mine)}")
    assert re.fullmatch(r"Error: [^\n]+\.\n", err)


def test_key_and_certificate_can_be_one_file(root: Path, mine: Path) -> None:
    add_user(root, "alice")
    (mine / "one.pem").write_text((mine / "a.pem").read_text() + (mine / "a.key").read_text())
    with served("--config", configured(root, mine, certificate="one.pem"), "--port", "0", "--host", "0.0.0.0") as (_, _, port):
        assert asked(port, mine / "a.pem") == 200


def test_a_certificate_made_here_is_kept(root: Path) -> None:
    add_user(root, "alice")
    file = root / ".davlock" / "self-signed.pem"
    for host in ("localhost", "127.0.0.1"):
        with served(root, "--port", "0", "--host", host, "--self-signed") as (process, lines, port):
            assert re.match(rf"davlock: serving {re.escape(str(root))} at https://", lines[-1])
            print_ = fingerprint(file)
            assert process.stdout
            assert process.stdout.readline() == f"davlock: the certificate is self-signed; accept it where this is its SHA-256: {print_}\n"
            assert shown(port) == print_
            assert [asked(port, file, name) for name in ("localhost", "127.0.0.1")] == [200, 200]
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert fingerprint(file) == print_
    assert ended("check", "--root", root)[0] == 0
    assert fingerprint(file) == print_


def test_a_certificate_made_here_serves_the_network(root: Path) -> None:
    add_user(root, "alice")
    with served(root, "--port", "0", "--host", "0.0.0.0", "--self-signed") as (_, _, port):
        assert asked(port, root / ".davlock" / "self-signed.pem") == 200


def test_a_certificate_is_made_again_only_where_it_must_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "self-signed.pem"

    def ensured(host: str = "127.0.0.1") -> str:
        selfsigned.ensure(file, host)
        return fingerprint(file)

    first = ensured()
    assert [ensured(host) for host in ("127.0.0.1", "::1", "::", "0.0.0.0", socket.gethostname())] == [first] * 5
    second = ensured("192.0.2.7")
    assert second != first
    assert ensured() == second  # what it is too much does no harm
    file.write_text(file.read_text()[:200])
    third = ensured()
    assert third not in (first, second)

    soon = datetime.now(UTC) + selfsigned.LIFE - timedelta(days=29)
    monkeypatch.setattr(selfsigned, "datetime", SimpleNamespace(now=lambda _: soon))
    assert ensured() != third


def test_what_it_takes_to_make_a_certificate_is_told(root: Path, tmp_path: Path) -> None:
    add_user(root, "alice")
    (tmp_path / "cryptography.py").write_text("raise ImportError('as if it were not installed')")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    assert ended("serve", root, "--port", "0", "--self-signed", PYTHONPATH=path) == (
        1, "", "Error: --self-signed needs one more package; get it with: pip install 'davlock[self-signed]'\n"
    )  # fmt: skip


def test_documents_are_saved_and_locked_over_tls(tmp_path: Path) -> None:
    with Serving(tmp_path / "root", "--self-signed", "--workers", "2") as serving:
        alice, bob = Client(serving, "alice"), Client(serving, "bob")
        content = os.urandom(3_000_000)
        assert alice.put("/a.bin", [content[:1_000_000], content[1_000_000:]]).status == 201
        token = alice.lock("/a.bin")
        assert bob.put("/a.bin", b"mine").status == 423
        moved = alice.request("COPY", "/a.bin", Destination=f"{serving.url}b.bin")
        assert moved.status == 201
        assert alice.unlock("/a.bin", token).status == 204
        assert bob.get("/b.bin").body == content
        assert bob.get("/b.bin", Range="bytes=-10").body == content[-10:]
