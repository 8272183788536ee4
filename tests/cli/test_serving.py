from __future__ import annotations

import base64
import http.client
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from tests.cli.commands import SECONDS, add_user, davlock, ended


@contextmanager
def served(*arguments: str | Path) -> Iterator[tuple[subprocess.Popen[str], list[str], int]]:
    """A running server, what it has printed until it was ready, and its port."""
    with davlock("serve", *arguments) as process:
        try:
            assert process.stdout and process.stderr
            lines = []
            for line in process.stdout:
                lines.append(line)
                if line.startswith("davlock: serving "):
                    break
            assert lines, process.stderr.read()
            found = re.search(r":(\d+)/$", lines[-1])
            assert found, lines
            yield process, lines, int(found[1])
        finally:
            process.kill()


def status(port: int, host: str = "127.0.0.1", authorization: str | None = None, method: str = "PROPFIND") -> int:
    connection = http.client.HTTPConnection(host, port, timeout=SECONDS)
    with closing(connection):
        headers = {"Depth": "0"} | ({"Authorization": authorization} if authorization else {})
        connection.request(method, "/", headers=headers)
        return connection.getresponse().status


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def stopped(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Asked to end, a server ends: exit code, further stdout, stderr."""
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=SECONDS)
    return process.returncode, out, err


def test_the_first_start_tells_a_password_that_works_once(root: Path) -> None:
    with served(root, "--port", "0") as (process, lines, port):
        created, ready = lines
        told = re.fullmatch(
            r"davlock: created user admin with password (\S+) "
            rf"\(shown once; change it with: davlock user passwd admin --root {re.escape(str(root))}\)\n",
            created,
        )
        assert told
        assert ready == f"davlock: serving {root} at http://127.0.0.1:{port}/\n"
        assert status(port, authorization=basic("admin", told[1])) == 207
        assert status(port, authorization=basic("admin", "wrong")) == 401
        assert status(port) == 401
        assert status(port, method="OPTIONS") == 200
        code, out, err = stopped(process)
    assert (code, out) == (0, "")
    assert told[1] not in err
    assert "Traceback" not in err
    with served(root, "--port", "0") as (process, lines, port):
        assert len(lines) == 1
        assert status(port, authorization=basic("admin", told[1])) == 207
        assert stopped(process)[0] == 0


def test_several_workers_are_ready_together(root: Path) -> None:
    add_user(root, "alice")
    with served(root, "--port", "0", "--workers", "2") as (process, lines, port):
        assert lines == [f"davlock: serving {root} at http://127.0.0.1:{port}/\n"]
        assert status(port, authorization=basic("alice", "right")) == 207
        code, out, err = stopped(process)
    assert (code, out) == (0, "")
    assert "Traceback" not in err


def test_a_user_added_while_the_server_runs_is_let_in(root: Path) -> None:
    add_user(root, "alice")
    with served(root, "--port", "0") as (_, _, port):
        assert status(port, authorization=basic("bob", "right")) == 401
        add_user(root, "bob")
        assert status(port, authorization=basic("bob", "right")) == 207


def test_options_win_over_the_configuration_file(root: Path, tmp_path: Path) -> None:
    add_user(root, "alice")
    file = tmp_path / "davlock.yaml"
    file.write_text("{root: /nowhere, host: 127.0.0.3, port: 1, auth: {realm: My documents}}")
    with served(root, "--config", file, "--port", "0", "--host", "127.0.0.2") as (_, lines, port):
        assert lines == [f"davlock: serving {root} at http://127.0.0.2:{port}/\n"]
        connection = http.client.HTTPConnection("127.0.0.2", port, timeout=SECONDS)
        with closing(connection):
            connection.request("GET", "/")
            assert connection.getresponse().headers["WWW-Authenticate"] == 'Basic realm="My documents", charset="UTF-8"'


def test_how_many_connections_one_address_may_have_and_how_long_it_may_say_nothing_is_configured(root: Path, tmp_path: Path) -> None:
    add_user(root, "alice")
    file = tmp_path / "davlock.yaml"
    file.write_text("{root: /nowhere, clients: {connections_per_address: 2, idle_seconds: 1, head_seconds: 1}}")
    # Counted in each process.
    with served(root, "--config", file, "--port", "0", "--workers", "1") as (_, _, port), ExitStack() as opened:

        def connected() -> socket.socket:
            return opened.enter_context(socket.create_connection(("127.0.0.1", port), SECONDS))

        silent, slow = connected(), connected()
        slow.sendall(b"GET / HTTP/1.1\r\nHost:")
        refused = connected().recv(1000)
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nRetry-After: " in refused
        assert silent.recv(1000) == b""
        assert slow.recv(1000).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("asked", [(), ("--workers", "0"), ("--workers", "3")])
def test_it_answers_with_a_process_on_each_processor_if_it_is_not_told_otherwise(root: Path, asked: tuple[str, ...]) -> None:
    add_user(root, "alice")
    expected = 3 if "3" in asked else min(len(os.sched_getaffinity(0)), 4)
    with served(root, "--port", "0", *asked) as (process, _, port):
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) == (expected if expected > 1 else 0)
        assert status(port, authorization=basic("alice", "right")) == 207


def test_an_ipv6_address_is_bracketed(root: Path) -> None:
    add_user(root, "alice")
    with served(root, "--port", "0", "--host", "::1") as (process, lines, port):
        assert lines == [f"davlock: serving {root} at http://[::1]:{port}/\n"]
        assert status(port, "::1", basic("alice", "right")) == 207
        code, _, err = stopped(process)
    assert (code, err) == (0, "")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "::ffff:127.0.0.1%lo", "127.0.0.1.example", "no-such-host.invalid"])
def test_passwords_do_not_leave_the_machine_unless_it_is_said(root: Path, host: str) -> None:
    code, out, err = ended("serve", root, "--port", "0", "--host", host)
    assert (code, out) == (1, "")
    assert err == (
        f"Error: {host} can be reached from other machines, and passwords would travel unencrypted; give davlock a certificate "
        "(tls.certificate in the configuration, or --self-signed to try it out), listen on 127.0.0.1 behind a proxy with TLS on this "
        "machine, or say --insecure-http if nobody else can listen in that network.\n"
    )
    assert not (root / ".davlock").exists()  # and no account whose password nobody has seen


@pytest.mark.parametrize("said", ["option", "key"])
def test_passwords_leave_the_machine_if_it_is_said(root: Path, tmp_path: Path, said: str) -> None:
    add_user(root, "alice")
    file = tmp_path / "davlock.yaml"
    file.write_text(f"insecure_http: {str(said == 'key').lower()}")
    option = ["--insecure-http"] if said == "option" else []
    with served(root, "--config", file, "--port", "0", "--host", "0.0.0.0", *option) as (process, lines, port):
        assert lines[-1].startswith(f"davlock: serving {root} at http://0.0.0.0:")
        assert status(port, authorization=basic("alice", "right")) == 207
        assert stopped(process)[2] == ""


def test_a_taken_port_is_told(root: Path) -> None:
    add_user(root, "alice")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = ended("serve", root, "--port", str(port))
    assert (code, out) == (1, "")
    assert err == f"Error: Port {port} of 127.0.0.1 is taken by another program; choose another one with --port.\n"


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_of_another_machine_is_told(root: Path, host: str) -> None:
    add_user(root, "alice")
    code, out, err = ended("serve", root, "--port", "0", "--host", host, "--insecure-http")
    assert (code, out) == (1, "")
    assert err.splitlines()[-1] == f"Error: {host} is not an address of this machine; choose another one with --host."


def test_a_folder_that_cannot_be_served_is_told(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert ended("serve", missing) == (1, "", f"Error: There is no folder {missing}; create it first.\n")
    (tmp_path / "file").write_text("")
    assert ended("serve", tmp_path / "file") == (1, "", f"Error: {tmp_path}/file is not a folder.\n")


@pytest.mark.parametrize(
    ("option", "told"),
    [
        (["--port", "70000"], "port is 70000; it must be a whole number from 0 to 65535."),
        (["--workers", "65"], "workers is 65; it must be a whole number from 0 to 64."),
    ],
)
def test_an_option_out_of_range_is_told(root: Path, option: list[str], told: str) -> None:
    assert ended("serve", root, *option) == (1, "", f"Error: The command line: {told}\n")
