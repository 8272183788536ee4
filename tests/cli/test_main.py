from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.commands import done, ended, lock, run


def test_help_names_every_command() -> None:
    text = done("--help")
    for command in ("serve", "user", "locks", "checkouts", "history", "versions", "show", "restore", "drafts", "check", "--version"):
        assert command in text
    for arguments in (["serve"], ["user", "add"], ["user", "passwd"], ["locks", "break"], ["show"], ["drafts", "apply"], ["check"]):
        assert f"Usage: davlock {' '.join(arguments)} " in done(*arguments, "--help")
    assert re.fullmatch(r"davlock, version \S.*\n", done("--version"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"], ["serve"], ["serve", "--port", "x", "."], ["user", "add"], ["user", "list"], ["locks", "list"],
        ["locks", "break", "/a", "--root", "."], ["check"], ["user", "list", "--root", ".", "--nonsense"],
        ["checkouts"], ["versions"], ["show", "/a@1"], ["restore", "--root", "."], ["drafts"], ["drafts", "--nonsense"],
        ["drafts", "save", "1", "--root", "."], ["drafts", "apply", "1", "--root", "."],
    ],
)  # fmt: skip
def test_a_wrong_usage_is_explained(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Usage: davlock" in result.stderr


def test_a_listing_survives_a_terminal_that_does_not_know_all_letters(root: Path) -> None:
    (root / "€.txt").write_text("")
    lock(root, "/€.txt")
    code, out, _ = ended("locks", "list", "--root", root, PYTHONIOENCODING="latin-1")
    assert code == 0
    assert r"/\u20ac.txt" in out
