"""The schema: new files get the newest, old ones are brought to it, newer ones are left alone."""

from __future__ import annotations

import multiprocessing
import sqlite3
from importlib import resources
from pathlib import Path

import pytest

from davlock.errors import Unavailable
from davlock.state.sqlite import SqliteState, _statements

from . import processes
from .test_race import hear, running

SPAWN = multiprocessing.get_context("spawn")
MIGRATIONS = sorted(script.name for script in resources.files("davlock.state").joinpath("migrations").iterdir())


def ask(file: Path, question: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(file)
    try:
        return connection.execute(question).fetchall()
    finally:
        connection.close()


def schema(file: Path) -> list[tuple[object, ...]]:
    return ask(file, "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name")


def test_a_fresh_file_gets_the_newest_schema(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    SqliteState(file).close()
    assert ask(file, "PRAGMA user_version") == [(len(MIGRATIONS),)]
    assert {"accounts", "counters", "drafts", "history", "documents", "intents", "locks", "properties", "versions"} <= {
        name for _, name, _ in schema(file)
    }


def test_an_empty_file_is_a_fresh_one(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    file.touch()
    SqliteState(file).close()
    assert ask(file, "PRAGMA user_version") == [(len(MIGRATIONS),)]


def test_migrations_are_numbered_without_a_gap() -> None:
    assert [name[:5] for name in MIGRATIONS] == [f"{number:04}_" for number in range(1, len(MIGRATIONS) + 1)]
    assert all(name.endswith(".sql") for name in MIGRATIONS)


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    first = SqliteState(file)
    before = schema(file)
    with first.deciding() as rows:
        rows.put_account("alice", "hash", True)
    second = SqliteState(file)
    with second.deciding() as rows:
        account = rows.account("alice")
        assert account is not None
        assert account.admin
    first.close()
    second.close()
    SqliteState(file).close()
    assert schema(file) == before
    assert ask(file, "SELECT name FROM accounts") == [("alice",)]


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    SqliteState(file).close()
    newer = len(MIGRATIONS) + 1
    ask(file, f"PRAGMA user_version = {newer}")
    before = schema(file)
    with pytest.raises(Unavailable) as refused:
        SqliteState(file)
    assert str(newer) in refused.value.message
    assert "newer" in refused.value.message
    assert (ask(file, "PRAGMA user_version"), schema(file)) == ([(newer,)], before)


@pytest.mark.parametrize("content", [b"not a database\n" * 1000, b"\x00" * 8192], ids=["text", "zeros"])
def test_what_is_no_database_is_refused_and_left_alone(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    file.write_bytes(content)
    with pytest.raises(Unavailable):
        SqliteState(file)
    assert file.read_bytes() == content


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        SqliteState(tmp_path / "missing" / "state.db")


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """All scripts are one transaction: here the last tables of the first one are in the way."""
    file = tmp_path / "state.db"
    ask(file, "CREATE TABLE intents (something TEXT)")
    before = schema(file)
    with pytest.raises(Unavailable):
        SqliteState(file)
    assert (ask(file, "PRAGMA user_version"), schema(file)) == ([(0,)], before)


@pytest.mark.parametrize(
    ("script", "statements"),
    [
        ("", []),
        ("-- nothing\n", ["-- nothing\n"]),
        ("SELECT 1;\nSELECT 2;\n", ["SELECT 1;\n", "SELECT 2;\n"]),
        ("SELECT\n  ';';\nSELECT 2", ["SELECT\n  ';';\n", "SELECT 2"]),
        (
            "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  SELECT 1;\n  SELECT 2;\nEND;\nSELECT 3;",
            ["CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  SELECT 1;\n  SELECT 2;\nEND;\n", "SELECT 3;"],
        ),
    ],
)
def test_no_statement_of_a_script_is_left_out(script: str, statements: list[str]) -> None:
    assert list(_statements(script)) == statements


def test_processes_that_create_the_file_at_once(tmp_path: Path) -> None:
    """Two workers that start together: each finds a whole database."""
    count, rounds, barrier, said = 4, 15, SPAWN.Barrier(4), SPAWN.Queue()
    with running(processes.open_and_close, *((tmp_path, rounds, barrier, said) for _ in range(count))):
        assert sorted(hear(said, count * rounds), key=str) == sorted([1, 2, 3, 4] * rounds)
