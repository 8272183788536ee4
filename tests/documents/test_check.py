"""`davlock check`: what is repaired, what is damage, and what is only out of reach."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from davlock.documents.disk import discard
from tests.documents.conftest import BOB, Site


def found(site: Site) -> list[tuple[str, str]]:
    return [(finding.path, finding.outcome) for finding in site.library.upkeep.check()]


def test_an_untouched_folder_is_as_it_should_be(site: Site) -> None:
    (site.root / "found.txt").write_text("was here before")
    site.mkcol("/a")
    site.put("/a/b.txt", b"b")
    site.patch("/a", "red")
    site.move("/a", "/c")
    assert found(site) == []


def rot(file: Path) -> None:
    """Other bytes, the same size and time."""
    before = file.stat()
    file.write_bytes(b"X" * before.st_size)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_bytes_that_change_by_themselves_are_damage(site: Site) -> None:
    site.put("/a.txt", b"content")
    rot(site.root / "a.txt")
    assert found(site) == [("/a.txt", "damaged")]
    assert found(site) == [("/a.txt", "damaged")]
    site.put("/a.txt", b"restored")
    (finding,) = site.library.upkeep.check()  # what was replaced is a version now, and damaged still
    assert (finding.path, finding.outcome, finding.problem[:9]) == ("/a.txt", "damaged", "version 1")


def test_a_file_that_cannot_be_read_is_damage(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(file: object, digest: str) -> None:
        raise OSError(5, "Input/output error")

    site.put("/a.txt", b"content")
    monkeypatch.setattr("hashlib.file_digest", fail)
    assert found(site) == [("/a.txt", "damaged")]


def test_a_damaged_database_is_damage(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site.state, "problems", lambda: ["row 7 missing from index"])
    assert found(site) == [("", "damaged")]


UNREACHABLE: dict[str, Callable[[Path], object]] = {
    "link.txt": lambda path: path.symlink_to("elsewhere"),
    "pipe": lambda path: os.mkfifo(path),
    "back\\slash.txt": lambda path: path.write_text(""),
    "line\nfeed.txt": lambda path: path.write_text(""),
    os.fsdecode(b"latin-\xfc.txt"): lambda path: path.write_text(""),
    ".DavLock": lambda path: path.mkdir(),
    "_vti_bin": lambda path: path.mkdir(),
}


@pytest.mark.parametrize("name", UNREACHABLE)
def test_what_no_door_can_show_is_told_and_left_alone(site: Site, name: str) -> None:
    site.put("/a.txt", b"a")
    UNREACHABLE[name](site.root / name)
    ((path, outcome),) = found(site)
    assert outcome == "unreachable"
    assert path.encode() and path.startswith("/")
    assert os.path.lexists(site.root / name)


def test_a_second_spelling_of_a_name_is_out_of_reach(site: Site) -> None:
    nfc, nfd = "ü.txt", unicodedata.normalize("NFD", "ü.txt")
    (site.root / nfd).write_text("")
    assert found(site) == []
    (site.root / nfc).write_text("")
    assert found(site) == [(f"/{nfd}", "unreachable")]


def test_a_document_that_became_a_link_is_out_of_reach(site: Site) -> None:
    site.put("/a.txt", b"a")
    (site.root / "a.txt").unlink()
    (site.root / "a.txt").symlink_to("b.txt")
    assert found(site) == [("/a.txt", "unreachable")]


@pytest.mark.root
def test_what_the_server_may_not_read_is_out_of_reach(root: Path) -> None:
    site = Site(root)
    site.put("/a.txt", b"a")
    site.mkcol("/b")
    site.close()
    for path in [root, root / ".davlock", *(root / ".davlock").rglob("*")]:
        os.chown(path, 65534, 65534)
    for path in (root / "a.txt", root / "b"):
        path.chmod(0)
    for parent in root.parents:
        if "pytest" in str(parent):  # pytest's own folders are for their owner only
            parent.chmod(parent.stat().st_mode | stat.S_IXOTH)
    child = os.fork()
    if not child:
        status = 1
        try:
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            status = 0 if found(Site(root)) == [("/a.txt", "unreachable"), ("/b", "unreachable")] else 2
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_nothing_waits_for_whoever_reads_the_findings(site: Site) -> None:
    """A finding is handed out when the decision that repaired it is over: a terminal that stands still must not stop the server."""
    for name in ("a", "b", "c"):
        site.put(f"/{name}.txt", b"x")
    (site.root / "a.txt").unlink()
    (site.root / "b.txt").write_text("changed")
    other = Site(site.root, lambda: 1_000_000.0)
    for finding in site.library.upkeep.check():
        assert finding.repaired
        other.put("/c.txt", finding.path.encode(), BOB)
    other.close()
    assert site.get("/c.txt") == b"/b.txt"


def test_a_check_beside_writers_reports_no_damage(site: Site) -> None:
    site.put("/a.txt", b"0")
    for number, finding in enumerate(site.library.upkeep.check()):
        pytest.fail(f"{number}: {finding}")
    check = site.library.upkeep.check()
    site.put("/a.txt", b"1")
    (site.root / "b.txt").symlink_to("a.txt")
    for finding in check:
        site.put("/a.txt", b"2")
        assert finding.outcome != "damaged"


def test_what_is_nested_deeper_than_a_path_can_be_is_out_of_reach(site: Site) -> None:
    here = os.open(".", os.O_RDONLY)
    os.chdir(site.root)
    for _ in range(150):  # shutil, which tidies up after the tests, fails at a thousand
        os.mkdir("d")
        os.chdir("d")
    os.fchdir(here)
    os.close(here)
    try:
        assert found(site) == [("/d" * 101, "unreachable")]
    finally:
        discard(site.root / "d")  # pytest could not remove it
