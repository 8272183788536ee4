from __future__ import annotations

import base64
import http.client
import io
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from davlock import paths
from davlock.app import open_site
from davlock.cli import main
from davlock.config import load
from davlock.model import Caller, Kind, Lock, Scope, Wanted

REPOSITORY = Path(__file__).resolve().parents[1]
SECONDS = 30.0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "documents"
    root.mkdir()
    return root


def run(*arguments: str | Path, stdin: str | bytes = "") -> Result:
    """One command to its end, as if typed; it must not end with a traceback."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin, prog_name="davlock")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def done(*arguments: str | Path, stdin: str | bytes = "") -> str:
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: str | Path, stdin: str | bytes = "") -> str:
    """What a command says that fails: one sentence on stderr."""
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def add_user(root: Path, name: str, password: str = "right", *options: str) -> str:
    return done("user", "add", name, "--root", root, "--password-stdin", *options, stdin=f"{password}\n")


def may_log_in(root: Path, name: str, password: str) -> bool:
    with open_site(load(None, root=root)) as site:
        return site.accounts.verify(name, password) is not None


def lock(root: Path, path: str, principal: str = "alice", **wanted: Any) -> Lock:
    with open_site(load(None, root=root)) as site:
        asked = Wanted(Kind.LOCK, path, **wanted)
        return site.library.lock(paths.parse(path), asked, Caller(principal)).lock


def standing(root: Path) -> list[str]:
    """The paths that are locked."""
    with open_site(load(None, root=root)) as site:
        return [lock.root for lock in site.library.all_locks()]


# help


def test_help_names_every_command() -> None:
    text = done("--help")
    for command in ("serve", "user", "locks", "check", "--version"):
        assert command in text
    for arguments in (["serve"], ["user", "add"], ["user", "passwd"], ["locks", "break"], ["check"]):
        assert f"Usage: davlock {' '.join(arguments)} " in done(*arguments, "--help")
    assert re.fullmatch(r"davlock, version \S.*\n", done("--version"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"], ["serve"], ["serve", "--port", "x", "."], ["user", "add"], ["user", "list"], ["locks", "list"],
        ["locks", "break", "/a", "--root", "."], ["check"], ["user", "list", "--root", ".", "--nonsense"],
    ],
)  # fmt: skip
def test_a_wrong_usage_is_explained(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Usage: davlock" in result.stderr


# user


def test_a_user_is_added_shown_and_removed(root: Path) -> None:
    assert add_user(root, "Bob") == "Created user bob.\n"
    add_user(root, "alice", "other", "--admin")
    assert may_log_in(root, "bob", "right")
    assert not may_log_in(root, "alice", "right")
    lines = done("user", "list", "--root", root).splitlines()
    assert lines[0].split() == ["NAME", "RIGHTS", "SINCE"]
    assert lines[1].split()[:2] == ["alice", "admin"]
    assert lines[2].split()[0] == "bob"
    assert "admin" not in lines[2]
    assert done("user", "remove", "BOB", "--root", root) == "Removed user bob.\n"
    assert not may_log_in(root, "bob", "right")
    assert [user["name"] for user in json.loads(done("user", "list", "--json", "--root", root))] == ["alice"]


def test_users_as_json(root: Path) -> None:
    add_user(root, "Müller", "right", "--admin")
    (user,) = json.loads(done("user", "list", "--json", "--root", root))
    assert set(user) == {"name", "admin", "since", "since_iso"}
    assert (user["name"], user["admin"]) == ("müller", True)
    assert datetime.fromisoformat(user["since_iso"]).timestamp() == int(user["since"])


def test_a_password_is_asked_for_twice_and_not_shown(root: Path) -> None:
    shown = done("user", "add", "alice", "--root", root, stdin="right\nright\n")
    assert "right" not in shown
    assert may_log_in(root, "alice", "right")
    shown = done("user", "passwd", "alice", "--root", root, stdin="one\nother\nnew\nnew\n")
    assert "do not match" in shown
    assert may_log_in(root, "alice", "new")
    assert not may_log_in(root, "alice", "right")


def test_changing_a_password_keeps_the_rights(root: Path) -> None:
    add_user(root, "alice", "old", "--admin")
    done("user", "passwd", "alice", "--root", root, "--password-stdin", stdin="new\n")
    assert may_log_in(root, "alice", "new")
    assert json.loads(done("user", "list", "--json", "--root", root))[0]["admin"] is True


@pytest.mark.parametrize(
    ("line", "password"),
    [("a b \n", "a b "), ("pässwört\r\n", "pässwört"), ("one\ntwo\n", "one"), ("no end", "no end")],
)
def test_a_password_on_standard_input_is_one_line(root: Path, line: str, password: str) -> None:
    done("user", "add", "alice", "--root", root, "--password-stdin", stdin=line)
    assert may_log_in(root, "alice", password)


def test_what_cannot_be_done_with_users_is_told(root: Path) -> None:
    add_user(root, "alice")
    assert "already" in refused("user", "add", "ALICE", "--root", root, "--password-stdin", stdin="x\n")
    assert "no user bob" in refused("user", "remove", "bob", "--root", root)
    assert "no user bob" in refused("user", "passwd", "bob", "--root", root, "--password-stdin", stdin="x\n")
    assert "colon" in refused("user", "add", "a:b", "--root", root, "--password-stdin", stdin="x\n")
    assert "empty" in refused("user", "add", "bob", "--root", root, "--password-stdin", stdin="")
    assert "UTF-8" in refused("user", "add", "bob", "--root", root, "--password-stdin", stdin=b"\xff\xfe\n")
    assert may_log_in(root, "alice", "right")


def test_the_root_may_come_from_a_configuration_file(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "davlock.yaml"
    file.write_text("root: documents\n")
    done("user", "add", "alice", "--config", file, "--password-stdin", stdin="right\n")
    assert may_log_in(root, "alice", "right")


@pytest.mark.parametrize("command", [["user", "list"], ["locks", "list"], ["check"]])
def test_a_root_that_cannot_be_served_is_told(tmp_path: Path, command: list[str]) -> None:
    assert f"no folder {tmp_path}/missing" in refused(*command, "--root", tmp_path / "missing")
    (tmp_path / "file").write_text("")
    assert "is not a folder" in refused(*command, "--root", tmp_path / "file")
    (tmp_path / "davlock.yaml").write_text("port: many\n")
    assert 'port is "many"' in refused(*command, "--config", tmp_path / "davlock.yaml")
    assert "cannot be read" in refused(*command, "--config", tmp_path / "missing.yaml")


def test_a_state_from_a_newer_davlock_is_left_alone(root: Path) -> None:
    add_user(root, "alice")
    with closing(sqlite3.connect(root / ".davlock" / "state.db")) as database:
        database.execute("PRAGMA user_version = 999")
    assert "newer" in refused("user", "list", "--root", root)


def test_a_state_that_is_damaged_is_told(root: Path) -> None:
    (root / ".davlock").mkdir()
    (root / ".davlock" / "state.db").write_bytes(b"not a database" * 1000)
    assert "state database" in refused("user", "list", "--root", root)


# locks


def test_no_locks(root: Path) -> None:
    assert done("locks", "list", "--root", root) == "Nothing is locked.\n"
    assert json.loads(done("locks", "list", "--json", "--root", root)) == []


def test_locks_are_listed_for_people(root: Path) -> None:
    (root / "a.txt").write_text("")
    (root / "folder").mkdir()
    first = lock(root, "/a.txt", "alice", timeout=600)
    second = lock(root, "/folder", "bob", deep=True, scope=Scope.SHARED)
    head, *lines = [re.split(r"  +", line) for line in done("locks", "list", "--root", root).splitlines()]
    assert head == ["PATH", "HOLDER", "KIND", "SCOPE/DEPTH", "SINCE", "UNTIL", "DOOR"]
    assert [line[:4] for line in lines] == [
        ["/a.txt", "alice", "LOCK", "exclusive/0"],
        ["/folder", "bob", "LOCK", "shared/infinity"],
    ]
    assert datetime.strptime(lines[0][4], "%Y-%m-%d %H:%M:%S").timestamp() == int(first.since)
    assert first.expires and datetime.strptime(lines[0][5], "%Y-%m-%d %H:%M:%S").timestamp() == int(first.expires)
    assert lines[0][6] == "webdav"
    shown = done("locks", "list", "--root", root)
    assert first.token not in shown and second.token not in shown


def test_locks_are_listed_for_programs(root: Path) -> None:
    (root / "a.txt").write_text("")
    held = lock(root, "/a.txt", "alice", owner="<b>Alice</b>")
    (record,) = json.loads(done("locks", "list", "--json", "--root", root))
    assert record == {
        "path": "/a.txt", "holder": "alice", "kind": "LOCK", "scope": "exclusive", "depth": "0", "door": "webdav",
        "since": held.since, "since_iso": record["since_iso"], "until": held.expires, "until_iso": record["until_iso"],
        "token": held.token, "owner": "<b>Alice</b>", "generation": held.generation,
    }  # fmt: skip
    assert datetime.fromisoformat(record["since_iso"]).timestamp() == int(held.since)
    assert held.expires and datetime.fromisoformat(record["until_iso"]).timestamp() == int(held.expires)


def test_a_checkout_has_no_end(root: Path) -> None:
    (root / "a.txt").write_text("")
    with open_site(load(None, root=root)) as site:
        site.library.lock(paths.parse("/a.txt"), Wanted(Kind.CHECKOUT, "/a.txt"), Caller("alice"))
    assert "released" in done("locks", "list", "--root", root)
    (record,) = json.loads(done("locks", "list", "--json", "--root", root))
    assert (record["kind"], record["until"], record["until_iso"]) == ("CHECKOUT", None, None)


def test_a_lock_is_shown_by_its_token_and_by_what_it_covers(root: Path) -> None:
    (root / "folder").mkdir()
    (root / "folder" / "a.txt").write_text("")
    (root / "b.txt").write_text("")
    held = lock(root, "/folder", "alice", deep=True)
    lock(root, "/b.txt", "bob")
    for which in (held.token, f"<{held.token}>", "/folder", "/folder/", "/folder/a.txt"):
        shown = done("locks", "show", which, "--root", root)
        assert held.token in shown and "alice" in shown
        assert "bob" not in shown
        (record,) = json.loads(done("locks", "show", which, "--json", "--root", root))
        assert record["token"] == held.token
    assert "No lock stands on /other" in refused("locks", "show", "/other", "--root", root)
    assert "No lock" in refused("locks", "show", "urn:uuid:0", "--root", root)
    assert "dots" in refused("locks", "show", "/a/../b", "--root", root)


def test_what_a_client_calls_itself_cannot_steer_the_terminal(root: Path) -> None:
    (root / "a.txt").write_text("")
    lock(root, "/a.txt", "alice", owner="x\x9b31m\u202ey\nz")
    shown = done("locks", "show", "/a.txt", "--root", root)
    assert r"x\x9b31m\u202ey\nz" in shown
    assert all(line.isprintable() for line in shown.splitlines())


def test_a_lock_is_broken_and_that_is_recorded(root: Path) -> None:
    (root / "a.txt").write_text("")
    (root / "b.txt").write_text("")
    held = lock(root, "/a.txt", "alice")
    lock(root, "/b.txt", "bob")
    told = done("locks", "break", "/a.txt", "--reason", "she has left", "--root", root)
    assert told == "Broke the lock of alice on /a.txt.\n"
    assert standing(root) == ["/b.txt"]
    with closing(sqlite3.connect(root / ".davlock" / "state.db")) as database:
        recorded = database.execute("SELECT token, root, principal, broken_by, reason FROM breaks").fetchall()
    assert [row[:3] + row[4:] for row in recorded] == [(held.token, "/a.txt", "alice", "she has left")]
    assert re.fullmatch(r"system:.+", recorded[0][3])


def test_a_lock_is_broken_by_its_token(root: Path) -> None:
    (root / "a.txt").write_text("")
    held = lock(root, "/a.txt", "alice", scope=Scope.SHARED)
    lock(root, "/a.txt", "bob", scope=Scope.SHARED)
    assert "2 locks" in refused("locks", "break", "/a.txt", "--reason", "x", "--root", root)
    record = json.loads(done("locks", "break", held.token, "--reason", "x", "--json", "--root", root))
    assert (record["token"], record["holder"]) == (held.token, "alice")
    assert "No lock" in refused("locks", "break", held.token, "--reason", "x", "--root", root)
    done("locks", "break", "/a.txt", "--reason", "x", "--root", root)
    assert standing(root) == []


def test_the_lock_of_a_folder_is_not_broken_by_the_name_of_a_document_in_it(root: Path) -> None:
    (root / "folder").mkdir()
    (root / "folder" / "a.txt").write_text("")
    lock(root, "/folder", "alice", deep=True)
    assert "on all of /folder" in refused("locks", "break", "/folder/a.txt", "--reason", "x", "--root", root)
    assert standing(root) == ["/folder"]


def test_a_lock_is_not_broken_without_a_reason(root: Path) -> None:
    (root / "a.txt").write_text("")
    lock(root, "/a.txt")
    assert "why" in refused("locks", "break", "/a.txt", "--reason", " ", "--root", root)
    assert run("locks", "break", "/a.txt", "--root", root).exit_code == 2
    assert standing(root) == ["/a.txt"]


# check


def test_nothing_is_wrong(root: Path) -> None:
    (root / "a.txt").write_text("content")
    assert done("check", "--root", root) == "Everything is as it should be.\n"
    assert json.loads(done("check", "--json", "--root", root)) == []


def write(root: Path, path: str, content: bytes) -> None:
    with open_site(load(None, root=root)) as site:
        site.library.write(paths.parse(path), io.BytesIO(content), None, Caller("alice"))


def test_what_was_repaired_is_reported_once(root: Path) -> None:
    write(root, "/a.txt", b"content")
    (root / "a.txt").unlink()
    report = done("check", "--root", root)
    assert re.search(r"^repaired +/a\.txt: ", report, re.MULTILINE)
    assert report.endswith("\n1 repaired.\n")
    assert done("check", "--root", root) == "Everything is as it should be.\n"


def test_damage_is_an_error(root: Path) -> None:
    write(root, "/a.txt", b"content")
    write(root, "/b.txt", b"content")
    before = (root / "a.txt").stat()
    with (root / "a.txt").open("r+b") as file:
        file.write(b"CONTENT")
    os.utime(root / "a.txt", ns=(before.st_atime_ns, before.st_mtime_ns))
    (root / "b.txt").unlink()
    result = run("check", "--root", root)
    assert result.exit_code == 1
    assert re.search(r"^damaged +/a\.txt: ", result.stdout, re.MULTILINE)
    assert result.stdout.endswith("\n1 damaged, 1 repaired.\n")
    result = run("check", "--json", "--root", root)
    assert result.exit_code == 1
    (finding,) = json.loads(result.stdout)
    assert set(finding) == {"path", "problem", "outcome"}
    assert (finding["path"], finding["outcome"]) == ("/a.txt", "damaged")


def test_a_name_that_cannot_be_served_is_reported_but_no_error(root: Path) -> None:
    (root / os.fsdecode(b"bad\xff.txt")).write_text("")
    (root / "good.txt").write_text("")
    report = done("check", "--root", root)
    assert re.search(r"^unreachable +/bad.*\.txt: ", report, re.MULTILINE)
    assert report.endswith("\n1 unreachable.\n")


# as a process


def davlock(*arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "davlock", *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)} | environment,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def ended(*arguments: str | Path, **environment: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command that ends by itself."""
    with davlock(*arguments, **environment) as process:
        try:
            out, err = process.communicate(timeout=SECONDS)
        finally:
            process.kill()
    return process.returncode, out, err


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


def test_an_ipv6_address_is_bracketed(root: Path) -> None:
    add_user(root, "alice")
    with served(root, "--port", "0", "--host", "::1") as (process, lines, port):
        assert lines == [f"davlock: serving {root} at http://[::1]:{port}/\n"]
        assert status(port, "::1", basic("alice", "right")) == 207
        code, _, err = stopped(process)
    assert code == 0
    assert "unencrypted" not in err


def test_serving_everybody_is_warned_about(root: Path) -> None:
    add_user(root, "alice")
    with served(root, "--port", "0", "--host", "0.0.0.0") as (process, lines, _):
        assert lines[-1].startswith(f"davlock: serving {root} at http://0.0.0.0:")
        _, _, err = stopped(process)
    assert "unencrypted" in err


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
    code, out, err = ended("serve", root, "--port", "0", "--host", host)
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
        (["--workers", "65"], "workers is 65; it must be a whole number from 1 to 64."),
    ],
)
def test_an_option_out_of_range_is_told(root: Path, option: list[str], told: str) -> None:
    assert ended("serve", root, *option) == (1, "", f"Error: The command line: {told}\n")


def test_a_listing_survives_a_terminal_that_does_not_know_all_letters(root: Path) -> None:
    (root / "€.txt").write_text("")
    lock(root, "/€.txt")
    code, out, _ = ended("locks", "list", "--root", root, PYTHONIOENCODING="latin-1")
    assert code == 0
    assert r"/\u20ac.txt" in out
