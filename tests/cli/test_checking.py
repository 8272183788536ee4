from __future__ import annotations

import json
import os
import pty
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from tests.cli.commands import REPOSITORY, SECONDS, check_out, delete, done, run, undo, write


def test_nothing_is_wrong(root: Path) -> None:
    (root / "a.txt").write_text("content")
    assert done("check", "--root", root) == "Everything is as it should be.\n"
    assert json.loads(done("check", "--json", "--root", root)) == []


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


def shelved(root: Path, shelf: str) -> list[Path]:
    return sorted((root / ".davlock" / shelf).iterdir())


def damage(file: Path) -> None:
    content = file.read_bytes()
    with file.open("r+b") as opened:
        opened.write(content.swapcase())


def test_versions_and_drafts_are_verified(root: Path) -> None:
    write(root, "/a.txt", b"first")
    write(root, "/a.txt", b"second")
    check_out(root, "/a.txt")
    write(root, "/a.txt", b"draft")
    assert done("check", "--root", root) == "Everything is as it should be.\n"
    damage(shelved(root, "versions")[0])
    damage(shelved(root, "drafts")[0])
    result = run("check", "--root", root)
    assert result.exit_code == 1
    assert re.search(r"^damaged +/a\.txt: version 1 has other bytes", result.stdout, re.MULTILINE)
    assert re.search(r"^damaged +/a\.txt: the draft of alice has other bytes", result.stdout, re.MULTILINE)
    assert result.stdout.endswith("\n2 damaged.\n")
    assert result.stderr == ""


def test_what_was_kept_for_its_time_is_forgotten(root: Path) -> None:
    write(root, "/a.txt", b"first")
    delete(root, "/a.txt")
    with closing(sqlite3.connect(root / ".davlock" / "state.db")) as database, database:
        database.execute("UPDATE documents SET left_at = left_at - 1000 * 86400")
    config = root.parent / "davlock.yaml"
    config.write_text("{root: documents, versions: {keep_deleted_days: 1001}}")
    done("check", "--config", config)
    done("check", "--root", root)  # which cannot know how long the server keeps it
    assert len(shelved(root, "versions")) == 1
    config.write_text("{root: documents, versions: {keep_deleted_days: 999}}")
    done("check", "--config", config)
    assert shelved(root, "versions") == []


def test_files_that_belong_to_nothing_are_removed_unless_something_is_damaged(root: Path) -> None:
    write(root, "/a.txt", b"first")
    write(root, "/a.txt", b"second")
    check_out(root, "/a.txt")
    write(root, "/a.txt", b"draft")
    undo(root, "/a.txt")
    (version,), (draft,) = shelved(root, "versions"), shelved(root, "drafts")
    for shelf in ("versions", "drafts"):
        (root / ".davlock" / shelf / "stray").write_text("")
    damage(version)
    assert run("check", "--root", root).exit_code == 1
    assert len(shelved(root, "versions")) == len(shelved(root, "drafts")) == 2
    damage(version)
    done("check", "--root", root)
    assert (shelved(root, "versions"), shelved(root, "drafts")) == ([version], [draft])


def on_terminal(*arguments: str | Path) -> tuple[str, str]:
    """What a command prints on standard output, and on a terminal that is its standard error."""
    terminal, end = pty.openpty()
    command = [sys.executable, "-m", "davlock", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "TERM": "xterm"}
    try:
        with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=end, text=True) as process:
            out, _ = process.communicate(timeout=SECONDS)
        os.set_blocking(terminal, False)
        try:
            return out, os.read(terminal, 1_000_000).decode()
        except BlockingIOError:
            return out, ""
    finally:
        os.close(terminal)
        os.close(end)


def test_progress_is_shown_on_a_terminal_only(root: Path) -> None:
    for name in "abcdefgh":
        write(root, f"/{name}.txt", name.encode() * 1000)
    (root / "a.txt").unlink()
    out, shown = on_terminal("check", "--root", root)
    assert "Reading" in shown and "100%" in shown
    assert out.endswith("1 repaired.\n")
    assert "\x1b" not in out
    out, shown = on_terminal("check", "--json", "--root", root)
    assert (json.loads(out), shown) == ([], "")
