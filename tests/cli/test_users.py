from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from tests.cli.commands import add_user, done, may_log_in, refused


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
