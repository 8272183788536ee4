from __future__ import annotations

import json
import os
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import pytest

from davlock.model import Scope
from tests.cli.commands import check_out, delete, done, ended, lock, moment, refused, run, seen_by, table, write


def numbers(root: Path, path: str) -> list[int]:
    return [version["version"] for version in json.loads(done("versions", path, "--json", "--root", root))]


def test_all_versions_are_shown(root: Path) -> None:
    write(root, "/a.txt", b"one", "alice")
    write(root, "/a.txt", b"x" * 2048, "bob")
    first, second = table(done("versions", "/a.txt", "--root", root))
    assert first | {"WHEN": ""} == {
        "VERSION": "1", "WHEN": "", "WHO": "alice", "DOOR": "webdav", "SIZE": "3 bytes", "CONTENT": "kept",
        "SHA256": sha256(b"one").hexdigest()[:12], "COMMENT": "-",
    }  # fmt: skip
    assert (second["VERSION"], second["WHO"], second["SIZE"], second["CONTENT"]) == ("2", "bob", "2.0 KiB", "newest")
    one, two = json.loads(done("versions", "a.txt", "--json", "--root", root))
    assert (one["sha256"], one["size"], one["is_kept"], one["is_newest"]) == (sha256(b"one").hexdigest(), 3, True, False)
    assert (two["path"], two["changed_by"], two["is_newest"], two["document"]) == ("/a.txt", "bob", True, one["document"])
    assert datetime.fromisoformat(one["changed_iso"]).timestamp() == int(one["changed"]) == moment(first["WHEN"])


def test_a_file_that_came_from_outside_is_version_1(root: Path) -> None:
    (root / "a.txt").write_bytes(b"from outside")
    (version,) = table(done("versions", "/a.txt", "--root", root))
    assert (version["VERSION"], version["WHO"], version["DOOR"], version["CONTENT"]) == ("1", "-", "outside", "newest")
    assert done("show", "/a.txt@1", "--output", "-", "--root", root) == "from outside"
    assert "sha256:   unknown\n" in done("show", "/a.txt@1", "--root", root)


def test_a_version_is_shown(root: Path) -> None:
    write(root, "/a.txt", b"one")
    write(root, "/a.txt", b"two")
    shown = dict(line.split(":", 1) for line in done("show", "/a.txt@1", "--root", root).splitlines())
    assert {key: value.strip() for key, value in shown.items() if key not in ("when", "document")} == {
        "path": "/a.txt", "version": "1", "who": "alice", "door": "webdav", "comment": "", "extra": "", "size": "3",
        "sha256": sha256(b"one").hexdigest(), "content": "kept",
    }  # fmt: skip
    assert json.loads(done("show", "/a.txt@2", "--json", "--root", root))["sha256"] == sha256(b"two").hexdigest()


def test_the_last_at_sign_counts(root: Path) -> None:
    write(root, "/a@2", b"name with a number")
    write(root, "/mail@example.com", b"name without")
    assert done("show", "/a@2@1", "--output", "-", "--root", root) == "name with a number"
    assert done("show", "/mail@example.com@1", "--output", "-", "--root", root) == "name without"
    assert "no document /a," in refused("show", "/a@2", "--root", root)
    assert "number of a version" in refused("show", "/mail@example.com", "--root", root)


@pytest.mark.parametrize(
    "which", ["/a.txt", "/a.txt@", "/a.txt@x", "/a.txt@-1", "/a.txt@1_0", "/a.txt@٣", "/a.txt@1 ", "/a.txt@1234567890"]
)
def test_what_is_no_number_is_told(root: Path, which: str) -> None:
    write(root, "/a.txt", b"one")
    for command in ("show", "restore"):
        assert "does not end with the number of a version, as in /plans/2027.docx@3" in refused(command, which, "--root", root)


def test_what_does_not_exist_is_told(root: Path) -> None:
    write(root, "/a.txt", b"one")
    (root / "folder").mkdir()
    for which in ("/a.txt@0", "/a.txt@2", "/a.txt@999999999"):
        for command in ("show", "restore"):
            assert "davlock versions /a.txt lists them" in refused(command, which, "--root", root)
    for command in (["versions", "/b.txt"], ["show", "/b.txt@1"], ["restore", "/b.txt@1"]):
        assert "There is no document /b.txt" in refused(*command, "--root", root)
    assert "/folder is a folder" in refused("versions", "/folder", "--root", root)
    assert "/ is a folder" in refused("show", "/@1", "--root", root)
    assert "belongs to the server itself" in refused("show", "/.davlock/state.db@1", "--root", root)
    assert "No document was deleted from /a.txt" in refused("versions", "/a.txt", "--deleted", "--root", root)


def test_content_that_was_not_kept_is_told(root: Path) -> None:
    write(root, "/a.txt", b"one")
    (root / "a.txt").write_bytes(b"overwritten underneath")
    first, second = table(done("versions", "/a.txt", "--root", root))
    assert (first["CONTENT"], second["CONTENT"], second["DOOR"]) == ("not kept", "newest", "outside")
    assert "content:  not kept\n" in done("show", "/a.txt@1", "--root", root)
    for command in (["show", "/a.txt@1", "--output", root.parent / "out"], ["restore", "/a.txt@1"]):
        assert "The content of version 1 was not kept" in refused(*command, "--root", root)
    assert not (root.parent / "out").exists()


# content to files


def test_content_is_written_to_a_file_once(root: Path) -> None:
    write(root, "/a.txt", b"one")
    write(root, "/a.txt", b"two")
    file = root.parent / "out.txt"
    assert done("show", "/a.txt@1", "--output", file, "--root", root) == f"Wrote version 1 of /a.txt (3 bytes) to {file}.\n"
    assert file.read_bytes() == b"one"
    assert "exists already" in refused("show", "/a.txt@2", "--output", file, "--root", root)
    assert file.read_bytes() == b"one"
    done("show", "/a.txt@2", "--output", file, "--force", "--root", root)
    assert file.read_bytes() == b"two"
    assert sorted(each.name for each in root.parent.iterdir()) == ["documents", "out.txt"]
    assert "No such file or directory" in refused("show", "/a.txt@1", "--output", root.parent / "no" / "x", "--root", root)


def test_content_goes_to_standard_output_as_it_is(root: Path) -> None:
    write(root, "/a.bin", bytes(range(256)) * 5000)
    result = run("show", "/a.bin@1", "--output", "-", "--root", root)
    assert result.stdout_bytes == bytes(range(256)) * 5000
    result = run("show", "/a.bin@1", "--output", "-", "--json", "--root", root)
    assert (result.exit_code, result.stdout) == (2, "")


def test_no_document_is_overwritten_past_the_locks(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(root, "/a.txt", b"one")
    write(root, "/a.txt", b"two")
    monkeypatch.chdir(root)
    for file in ("a.txt", root / "a.txt"):
        assert "is a document of the server" in refused("show", "/a.txt@1", "--output", file, "--force", "--root", root)
    assert "server's own folder" in refused("show", "/a.txt@1", "--output", ".davlock/x", "--root", root)
    for special in ("/dev/null", root.parent):
        assert "is not an ordinary file" in refused("show", "/a.txt@1", "--output", special, "--force", "--root", root)
    assert (root / "a.txt").read_bytes() == b"two"
    done("show", "/a.txt@1", "--output", "new.txt", "--root", root)
    assert seen_by(root, "/new.txt", "bob") == b"one"


def test_damaged_content_is_told(root: Path) -> None:
    write(root, "/a.txt", b"one")
    write(root, "/a.txt", b"two")
    (kept,) = (root / ".davlock" / "versions").iterdir()
    kept.write_bytes(b"0ne")
    file = root.parent / "out"
    assert "its hash differs" in refused("show", "/a.txt@1", "--output", file, "--root", root)
    assert file.read_bytes() == b"0ne"
    kept.unlink()
    assert "removed" in refused("show", "/a.txt@1", "--output", file, "--force", "--root", root)
    assert file.read_bytes() == b"0ne"


def test_output_to_a_program_that_ends_is_no_error(root: Path) -> None:
    write(root, "/a.txt", b"x" * 5_000_000)
    code, out, err = ended("show", "/a.txt@1", "--output", "-", "--root", root)
    assert (code, len(out), err) == (0, 5_000_000, "")


# restore


def test_a_version_is_restored_as_a_new_one(root: Path) -> None:
    write(root, "/a.txt", b"one")
    write(root, "/a.txt", b"two")
    assert done("restore", "/a.txt@1", "--root", root) == "Restored version 1 of /a.txt; it is version 3 now.\n"
    assert (root / "a.txt").read_bytes() == b"one"
    assert done("show", "/a.txt@2", "--output", "-", "--root", root) == "two"
    last = table(done("versions", "/a.txt", "--root", root))[-1]
    assert (last["VERSION"], last["DOOR"], last["COMMENT"]) == ("3", "command line", "Version 1 restored")
    assert last["WHO"].startswith("system:")
    record = json.loads(done("restore", "/a.txt@2", "--comment", "as agreed", "--json", "--root", root))
    assert (record["version"], record["comment"], record["is_newest"]) == (4, "as agreed", True)


def test_the_newest_version_needs_no_restoring(root: Path) -> None:
    write(root, "/a.txt", b"one")
    assert "nothing to restore" in refused("restore", "/a.txt@1", "--root", root)
    assert numbers(root, "/a.txt") == [1]


def test_what_somebody_holds_is_not_restored(root: Path) -> None:
    for path in ("/a.txt", "/b c.txt"):
        write(root, path, b"one")
        write(root, path, b"two")
    checkout = check_out(root, "/a.txt", "alice")
    lock(root, "/b c.txt", "bob", scope=Scope.SHARED)
    told = refused("restore", "/a.txt@1", "--root", root)
    assert told.startswith("Error: a.txt is checked out by alice since 20")
    assert told.endswith(", through webdav; davlock locks break /a.txt would end that.\n")
    assert datetime.fromtimestamp(checkout.since).strftime("%Y-%m-%d %H:%M:%S") in told
    told = refused("restore", "/b c.txt@1", "--root", root)
    assert told.startswith("Error: b c.txt is locked by bob since 20")
    assert " until 20" in told and "davlock locks break '/b c.txt' would" in told
    assert (root / "a.txt").read_bytes() == (root / "b c.txt").read_bytes() == b"two"
    assert numbers(root, "/a.txt") == [1, 2]


def test_a_deleted_document_comes_back(root: Path) -> None:
    write(root, "/a.txt", b"one")
    write(root, "/a.txt", b"two")
    (document,) = {version["document"] for version in json.loads(done("versions", "/a.txt", "--json", "--root", root))}
    delete(root, "/a.txt")
    result = run("versions", "/a.txt", "--root", root)
    assert [row["CONTENT"] for row in table(result.stdout)] == ["kept", "kept"]
    assert result.stderr == "/a.txt was deleted; davlock restore /a.txt@2 brings it back.\n"
    assert done("restore", "/a.txt@2", "--root", root) == "Restored version 2 of /a.txt; it is version 3 now.\n"
    assert (root / "a.txt").read_bytes() == b"two"
    found = json.loads(done("versions", "/a.txt", "--json", "--root", root))
    assert [(version["version"], version["document"]) for version in found] == [(1, document), (2, document), (3, document)]


def test_a_deleted_document_is_found_behind_the_one_that_took_its_name(root: Path) -> None:
    write(root, "/a.txt", b"old")
    delete(root, "/a.txt", "alice")
    write(root, "/a.txt", b"new", "bob")
    assert [row["WHO"] for row in table(done("versions", "/a.txt", "--root", root))] == ["bob"]
    assert [row["WHO"] for row in table(done("versions", "/a.txt", "--deleted", "--root", root))] == ["alice"]
    assert done("show", "/a.txt@1", "--deleted", "--output", "-", "--root", root) == "old"
    done("restore", "/a.txt@1", "--deleted", "--root", root)
    assert (root / "a.txt").read_bytes() == b"old"
    assert done("show", "/a.txt@1", "--output", "-", "--root", root) == "new"


def test_what_cannot_be_restored_to_its_place_is_told(root: Path) -> None:
    (root / "folder").mkdir()
    write(root, "/folder/a.txt", b"one")
    delete(root, "/folder/a.txt")
    os.rmdir(root / "folder")
    assert "folder" in refused("restore", "/folder/a.txt@1", "--root", root)
    (root / "folder").mkdir()
    done("restore", "/folder/a.txt@1", "--root", root)
    assert (root / "folder" / "a.txt").read_bytes() == b"one"


def test_a_comment_is_one_line_of_text(root: Path) -> None:
    write(root, "/a.txt", b"one")
    write(root, "/a.txt", b"two")
    assert "one line" in refused("restore", "/a.txt@1", "--comment", "two\nlines", "--root", root)
    assert "at most 4096" in refused("restore", "/a.txt@1", "--comment", "x" * 100_000, "--root", root)
    assert numbers(root, "/a.txt") == [1, 2]


def test_a_command_without_the_configuration_file_forgets_nothing(root: Path) -> None:
    file = root.parent / "davlock.yaml"
    file.write_text("{root: documents, versions: {keep_versions: 501}}")
    for number in range(4):
        write(root, "/a.txt", b"%d" % number)
    file.write_text("{root: documents, versions: {keep_versions: 1}}")
    done("restore", "/a.txt@1", "--root", root)
    assert numbers(root, "/a.txt") == [1, 2, 3, 4, 5]
    done("restore", "/a.txt@1", "--config", file)
    assert numbers(root, "/a.txt") == [5, 6]
