"""An ordinary folder is full of surprises: links, pipes, devices, other spellings, other programs, other disks, other owners."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from davlock import paths
from davlock.errors import (
    BadName,
    DavlockError,
    Forbidden,
    IncompleteBody,
    IntoItself,
    IsFolder,
    NotFound,
    ParentMissing,
    PreconditionFailed,
    TooLarge,
)
from davlock.identities import Identities
from davlock.library import Library
from davlock.model import Document
from davlock.transfers import View
from tests.documents.conftest import ALICE, BOB, Opener, Site, files_in

# what is never served


@pytest.fixture(params=["link", "link-to-folder", "link-outside", "dangling", "loop", "pipe", "socket"])
def strange(request: pytest.FixtureRequest, site: Site, tmp_path: Path) -> Iterator[Path]:
    """Something under /strange that is neither a document nor a folder."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    site.put("/doc.txt", b"doc")
    site.mkcol("/folder")
    site.put("/folder/a.txt", b"a")
    place = site.root / "strange"
    links = {"link": "doc.txt", "link-to-folder": "folder", "link-outside": outside, "dangling": "nothing", "loop": "strange"}
    listening = socket.socket(socket.AF_UNIX)
    if request.param in links:
        place.symlink_to(links[request.param])
    elif request.param == "pipe":
        os.mkfifo(place)
    else:
        here = os.open(".", os.O_RDONLY)
        os.chdir(site.root)  # the path of a socket may not be long
        listening.bind("strange")
        os.fchdir(here)
        os.close(here)
    yield place
    listening.close()


TOUCHES: dict[str, Callable[[Site], object]] = {
    "look": lambda site: site.library.look("/strange"),
    "get": lambda site: site.get("/strange"),
    "put": lambda site: site.put("/strange", b"new"),
    "mkcol": lambda site: site.mkcol("/strange"),
    "delete": lambda site: site.delete("/strange"),
    "move": lambda site: site.move("/strange", "/moved"),
    "move-onto": lambda site: site.move("/doc.txt", "/strange"),
    "copy": lambda site: site.copy("/strange", "/copied"),
    "copy-onto": lambda site: site.copy("/doc.txt", "/strange"),
    "lock": lambda site: site.lock("/strange"),
    "proppatch": lambda site: site.patch("/strange", "red"),
}
THROUGH: dict[str, Callable[[Site], object]] = {
    "list": lambda site: site.names("/strange"),
    "get": lambda site: site.get("/strange/secret.txt"),
    "put": lambda site: site.put("/strange/secret.txt", b"new"),
    "mkcol": lambda site: site.mkcol("/strange/made"),
    "delete": lambda site: site.delete("/strange/secret.txt"),
    "move-into": lambda site: site.move("/doc.txt", "/strange/doc.txt"),
    "move-out": lambda site: site.move("/strange/secret.txt", "/doc.txt"),
    "copy-into": lambda site: site.copy("/doc.txt", "/strange/doc.txt"),
    "copy-out": lambda site: site.copy("/strange/secret.txt", "/doc.txt"),
    "lock": lambda site: site.lock("/strange/new.txt"),
}


def everything(folder: Path) -> dict[str, object]:
    return {str(path): (path.lstat().st_ino, path.lstat().st_mtime_ns) for path in sorted(files_in(folder))}


def test_a_link_or_a_device_is_neither_read_nor_overwritten(site: Site, strange: Path, tmp_path: Path) -> None:
    before, descriptors = everything(tmp_path), os.listdir("/proc/self/fd")
    for touch in TOUCHES.values():
        with pytest.raises(Forbidden):
            touch(site)
    assert everything(tmp_path) == before
    assert len(os.listdir("/proc/self/fd")) == len(descriptors)
    assert site.leftovers() == []


def test_nothing_is_reached_through_a_link(site: Site, strange: Path, tmp_path: Path) -> None:
    before = everything(tmp_path)
    for way in THROUGH.values():
        with pytest.raises((NotFound, ParentMissing, Forbidden)):
            way(site)
    assert everything(tmp_path) == before
    assert site.leftovers() == []


def test_links_and_devices_are_neither_listed_nor_copied_and_go_with_their_folder(site: Site, strange: Path, tmp_path: Path) -> None:
    strange.rename(site.root / "folder" / "strange")
    assert site.names("/folder") == ["a.txt"]
    site.copy("/folder", "/copied")
    assert os.listdir(site.root / "copied") == ["a.txt"]
    site.delete("/folder")
    assert not (site.root / "folder").exists()
    assert site.leftovers() == []
    assert (tmp_path / "outside" / "secret.txt").read_text() == "secret"


@pytest.mark.root
def test_a_device_is_not_even_opened(site: Site) -> None:
    os.mknod(site.root / "strange", 0o666 | stat.S_IFCHR, os.makedev(1, 7))  # /dev/full
    for touch in TOUCHES.values():
        if touch is not TOUCHES["move-onto"] and touch is not TOUCHES["copy-onto"]:
            with pytest.raises(Forbidden):
                touch(site)


def test_hard_links_part_when_one_is_written(site: Site) -> None:
    site.put("/a.txt", b"shared")
    os.link(site.root / "a.txt", site.root / "b.txt")
    site.lock("/a.txt")
    site.put("/b.txt", b"own", BOB)
    assert (site.get("/a.txt"), site.get("/b.txt")) == (b"shared", b"own")
    os.link(site.root / "b.txt", site.root / "c.txt")
    with pytest.raises(Forbidden):
        site.move("/b.txt", "/c.txt")
    assert (site.get("/b.txt"), site.get("/c.txt")) == (b"own", b"own")
    site.copy("/b.txt", "/c.txt")
    site.delete("/b.txt")
    assert site.get("/c.txt") == b"own"


# spellings

NFC, NFD = "Bürö.txt", unicodedata.normalize("NFD", "Bürö.txt")


@pytest.fixture
def decomposed(site: Site) -> Path:
    (site.root / NFD).write_bytes(b"from a Mac")
    return site.root / NFD


def test_a_decomposed_name_is_found_by_the_composed_one(site: Site, decomposed: Path) -> None:
    assert site.get(f"/{NFC}") == b"from a Mac"
    assert [(entry.path, entry.name) for entry in site.library.listing("/")] == [(f"/{NFC}", NFD)]
    assert site.library.look(f"/{NFC}") == next(site.library.listing("/"))


def test_a_decomposed_name_keeps_its_spelling(site: Site, decomposed: Path) -> None:
    for change in (
        lambda: site.put(f"/{NFC}", b"new"),
        lambda: site.put(f"/{NFD}", b"new"),
        lambda: site.copy("/other.txt", f"/{NFC}"),
        lambda: site.move("/other.txt", f"/{NFC}"),
    ):
        site.put("/other.txt", b"new")
        change()
        assert os.listdir(site.root).count(NFD) == 1
        assert NFC not in os.listdir(site.root)
        assert site.get(f"/{NFC}") == b"new"


def test_a_new_name_is_spelled_as_sent(site: Site) -> None:
    site.put(f"/{NFD}", b"1")
    site.mkcol("/" + unicodedata.normalize("NFD", "Ä"))
    site.put("/Ä/" + NFD, b"2")
    assert sorted(path.name for path in files_in(site.root)) == sorted([NFD, NFD, unicodedata.normalize("NFD", "Ä")])
    assert site.get("/Ä/" + NFC) == b"2"
    site.move("/Ä", "/b")
    site.delete("/b/" + NFC)
    assert site.names("/b") == []


def test_a_move_that_fails_gives_the_old_spelling_back(site: Site, decomposed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(fd: int) -> None:
        raise OSError(5, "Input/output error")

    for change in (lambda: site.move(f"/{NFC}", "/moved.txt"), lambda: site.delete(f"/{NFC}"), lambda: site.copy("/o", f"/{NFC}")):
        site.put("/o", b"o")
        monkeypatch.setattr("davlock.documents.commit.sync_folder", fail)
        with pytest.raises(DavlockError):
            change()
        monkeypatch.undo()
        assert sorted(os.listdir(site.root)) == sorted([".davlock", NFD, "o"])
        assert site.get(f"/{NFC}") == b"from a Mac"


def test_of_two_spellings_the_composed_one_counts(site: Site, decomposed: Path) -> None:
    (site.root / NFC).write_bytes(b"composed")
    assert [entry.name for entry in site.library.listing("/")] == [NFC]
    assert site.get(f"/{NFC}") == b"composed"
    site.put(f"/{NFD}", b"new")
    assert (site.root / NFC).read_bytes() == b"new"
    assert (site.root / NFD).read_bytes() == b"from a Mac"
    site.delete(f"/{NFC}")
    assert site.get(f"/{NFC}") == b"from a Mac"


def test_of_several_other_spellings_it_is_always_the_same(site: Site) -> None:
    """A letter with two accents has four spellings besides the composed one."""
    letters = {"\u1ead": "a\u00e2\u1ea1", "\u1ec7": "e\u00ea\u1eb9", "\u1ed9": "o\u00f4\u1ecd"}
    for composed, (letter, with_circumflex, with_dot) in letters.items():
        for name in (f"{letter}\u0323\u0302", f"{letter}\u0302\u0323", f"{with_dot}\u0302", f"{with_circumflex}\u0323"):
            assert paths.canonical_name(name) == composed != name
            (site.root / name).write_text(name)
    entries = {entry.path: entry for entry in site.library.listing("/")}
    assert sorted(entries) == sorted(f"/{composed}" for composed in letters)
    for path, entry in entries.items():
        assert site.library.look(path) == entry
        assert site.get(path).decode() == entry.name == min(paths_of(site.root, path[1:]))


def paths_of(folder: Path, name: str) -> list[str]:
    """All spellings of a name that are on the disk."""
    return [other for other in os.listdir(folder) if paths.canonical_name(other) == name]


# other programs


def meanwhile(happens: Callable[[], object]) -> Callable[[View], None]:
    """A condition at whose last evaluation something happens on the disk: after the look, before the rename."""
    calls = 0

    def condition(view: View) -> None:
        nonlocal calls
        calls += 1
        happens()

    return condition


def test_what_another_program_has_written_is_the_newest_version(site: Site) -> None:
    first = site.put("/a.txt", b"first")
    (site.root / "a.txt").write_bytes(b"by hand")
    entry = site.library.look("/a.txt")
    assert entry and entry.etag != first
    assert site.get("/a.txt") == b"by hand"
    before = site.version("/a.txt")
    site.put("/a.txt", b"second")
    assert site.version("/a.txt") == before + 2


def test_what_is_written_in_the_same_instant_is_not_mixed(site: Site) -> None:
    site.put("/a.txt", b"old")
    site.library.write(
        paths.parse("/a.txt"), Bytes(b"through the door"), None, ALICE, meanwhile(lambda: (site.root / "a.txt").write_bytes(b"by hand"))
    )
    assert site.get("/a.txt") == b"through the door"
    assert site.names() == ["a.txt"]


def test_a_document_that_is_removed_underneath_is_written_anew(site: Site) -> None:
    site.put("/a.txt", b"old")
    kept = site.id("/a.txt")
    written = site.library.write(
        paths.parse("/a.txt"), Bytes(b"new"), 3, ALICE, meanwhile(lambda: (site.root / "a.txt").unlink(missing_ok=True))
    )
    assert written.entry.size == 3
    assert site.get("/a.txt") == b"new"
    assert site.id("/a.txt") == kept


def test_a_folder_that_becomes_a_file_underneath_is_a_file(site: Site) -> None:
    site.mkcol("/a")
    site.put("/a/b.txt", b"b")
    site.patch("/a", "red")
    shutil.rmtree(site.root / "a")
    (site.root / "a").write_text("file")
    for use in (lambda: site.put("/a/b.txt", b"b"), lambda: site.mkcol("/a/c"), lambda: site.lock("/a/d")):
        with pytest.raises(ParentMissing):
            use()
    with pytest.raises(NotFound):
        site.get("/a/b.txt")
    site.put("/a", b"written")
    site.delete("/a")
    site.mkcol("/a")
    site.put("/a/b.txt", b"again")
    site.put("/a/b.txt", b"and again")
    assert site.get("/a/b.txt") == b"and again"


def test_a_file_that_becomes_a_folder_underneath_is_a_folder(site: Site) -> None:
    site.put("/a", b"file")
    site.patch("/a", "red")
    (site.root / "a").unlink()
    (site.root / "a").mkdir()
    with pytest.raises(IsFolder):
        site.put("/a", b"new")
    site.lock("/a")
    site.put("/a/b.txt", b"b", site.with_tokens())
    assert [found.outcome for found in site.library.check()] in ([], ["repaired"])
    assert list(site.library.check()) == []
    assert site.names("/a") == ["b.txt"]


def test_a_folder_that_another_program_makes_a_file_in_the_last_instant(site: Site) -> None:
    def replace() -> None:
        if (site.root / "a").is_dir():
            shutil.rmtree(site.root / "a")
            (site.root / "a").write_text("file")

    site.mkcol("/a")
    with pytest.raises(ParentMissing):
        site.library.write(paths.parse("/a/b.txt"), Bytes(b"b"), 1, ALICE, meanwhile(replace))
    assert (site.root / "a").read_text() == "file"
    assert site.leftovers() == []


def test_a_folder_that_another_program_moves_before_the_commit_takes_what_was_written_along(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.mkcol("/a")
    published = Identities.published

    def move(*args: Any) -> Document:
        (site.root / "a").rename(site.root / "b")
        return published(*args)

    monkeypatch.setattr(Identities, "published", move)
    site.put("/a/b.txt", b"b")
    assert site.get("/b/b.txt") == b"b"


@pytest.mark.parametrize("moving", [True, False])
def test_a_target_that_was_removed_underneath_is_no_hindrance(site: Site, moving: bool) -> None:
    for folder in ("/source", "/target"):
        site.mkcol(folder)
        site.put(f"{folder}/a.txt", folder.encode())
        site.patch(f"{folder}/a.txt", f"of {folder}")
        site.patch(folder, f"of {folder}")
    shutil.rmtree(site.root / "target")
    transfer = site.move if moving else site.copy
    assert transfer("/source", "/target") is False
    assert site.get("/target/a.txt") == b"/source"
    assert site.colour("/target/a.txt") == "of /source"
    assert site.colour("/target") == "of /source"
    assert list(site.library.check()) == []


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_target_that_appears_between_the_two_decisions(site: Site, open_site: Opener, overwrite: bool) -> None:
    """The second decision sees what the first has not, and asks again instead of overwriting unasked."""
    other, asked = open_site(), 0
    site.put("/a.txt", b"a")

    def appear(view: View) -> None:
        nonlocal asked
        asked += 1
        if asked == 2:
            (site.root / "b.txt").write_bytes(b"appeared")

    def move() -> bool:
        return site.library.move("/a.txt", paths.parse("/b.txt"), ALICE, appear, overwrite)

    if overwrite:
        assert move() is True
        assert site.get("/b.txt") == b"a"
        assert asked > 2
    else:
        with pytest.raises(PreconditionFailed):
            move()
        assert (site.get("/a.txt"), site.get("/b.txt")) == (b"a", b"appeared")
    assert other.library.recover() == []
    assert site.leftovers() == []


def test_a_source_that_changes_between_the_two_decisions_is_asked_about_again(site: Site) -> None:
    asked = 0
    site.put("/a.txt", b"a")

    def change(view: View) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            replacement = site.root / "a.new"
            replacement.write_bytes(b"changed")
            replacement.rename(site.root / "a.txt")

    site.library.delete("/a.txt", ALICE, change)
    assert asked >= 3
    assert site.names() == []


def test_others_that_never_stop_changing_the_target_are_an_end(site: Site) -> None:
    asked = 0
    site.put("/a.txt", b"a")

    def toggle(view: View) -> None:
        nonlocal asked
        asked += 1
        target = site.root / "b.txt"
        if asked % 2:
            target.unlink(missing_ok=True)
        else:
            target.write_bytes(b"b")

    with pytest.raises(DavlockError):
        site.library.move("/a.txt", paths.parse("/b.txt"), ALICE, toggle)
    assert site.get("/a.txt") == b"a"
    assert site.leftovers() == []
    assert site.library.recover() == []


def test_a_member_that_vanishes_during_a_copy_is_left_out(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.mkcol("/a")
    for name in ("1", "2", "3"):
        site.put(f"/a/{name}", name.encode())
    listed = os.listdir

    def vanish(folder: int | str) -> list[str]:
        names = listed(folder)
        (site.root / "a" / "2").unlink(missing_ok=True)
        return names

    monkeypatch.setattr("davlock.documents.copying.os.listdir", vanish)
    site.copy("/a", "/b")
    monkeypatch.undo()
    assert site.names("/b") == ["1", "3"]


# moving and copying


@pytest.mark.parametrize("moving", [True, False])
@pytest.mark.parametrize(
    ("source", "target"), [("/a", "/a"), ("/a", "/a/b/c"), ("/a/b", "/a"), ("/a/b/c.txt", "/a"), ("/", "/a"), ("/a", "/")]
)
def test_nothing_goes_onto_itself_into_itself_or_onto_what_it_is_in(site: Site, source: str, target: str, moving: bool) -> None:
    site.mkcol("/a")
    site.mkcol("/a/b")
    site.put("/a/b/c.txt", b"c")
    before = site.seen()
    transfer = site.move if moving else site.copy
    with pytest.raises((IntoItself, Forbidden, DavlockError)):
        transfer(source, target)
    assert site.seen() == before


def test_the_root_stays(site: Site) -> None:
    site.put("/a.txt", b"a")
    with pytest.raises(Forbidden):
        site.delete("/")
    assert site.names() == ["a.txt"]


def test_a_document_takes_the_place_of_a_folder_and_back(site: Site) -> None:
    site.mkcol("/place")
    site.put("/place/in.txt", b"in")
    site.patch("/place/in.txt", "red")
    site.put("/doc.txt", b"doc")
    assert site.move("/doc.txt", "/place") is True
    assert site.get("/place") == b"doc"
    site.mkcol("/folder")
    site.put("/folder/in.txt", b"other")
    assert site.copy("/folder", "/place") is True
    assert site.get("/place/in.txt") == b"other"
    assert site.colour("/place/in.txt") is None
    assert site.leftovers() == []


def test_a_shallow_copy_of_a_folder_is_an_empty_one(site: Site) -> None:
    site.mkcol("/a")
    site.put("/a/b.txt", b"b")
    site.patch("/a", "red")
    site.copy("/a", "/c", deep=False)
    assert site.names("/c") == []
    assert site.colour("/c") == "red"


def test_a_deep_tree_is_removed_whatever_its_depth(site: Site) -> None:
    """Deeper than Python recurses, deeper than a path can be long, deeper than there are descriptors."""
    site.mkcol("/tree")
    here = os.open(".", os.O_RDONLY)
    os.chdir(site.root / "tree")
    for _ in range(3000):
        os.mkdir("d")
        os.chdir("d")
    Path("last.txt").write_text("last")
    os.fchdir(here)
    os.close(here)
    with pytest.raises(BadName):
        site.copy("/tree", "/copied")
    assert site.names() == ["tree"]
    site.move("/tree", "/moved")
    site.delete("/moved")
    assert site.names() == []
    assert site.leftovers() == []


# other disks


@pytest.fixture
def mounted(site: Site) -> Iterator[Path]:
    """Another disk, mounted on /folder/disk, with a document on it."""
    site.mkcol("/folder")
    place = site.root / "folder" / "disk"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True, text=True)
    if made.returncode:
        pytest.fail(f"This test needs another disk, and root's right to mount one: {made.stderr.strip()}")
    (place / "far.txt").write_text("far")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=False)
    for left in (site.root / ".davlock" / "trash").rglob("disk"):
        subprocess.run(["umount", "-l", str(left)], check=False)


@pytest.mark.root
def test_what_lies_on_another_disk_is_read_and_copied_but_not_changed(site: Site, mounted: Path) -> None:
    site.put("/near.txt", b"near")
    before = site.seen()
    assert site.get("/folder/disk/far.txt") == b"far"
    for change in (
        lambda: site.put("/folder/disk/far.txt", b"new"),
        lambda: site.put("/folder/disk/new.txt", b"new"),
        lambda: site.mkcol("/folder/disk/made"),
        lambda: site.delete("/folder/disk/far.txt"),
        lambda: site.move("/folder/disk/far.txt", "/near.txt"),
        lambda: site.move("/near.txt", "/folder/disk/far.txt"),
        lambda: site.move("/near.txt", "/folder/disk/near.txt"),
        lambda: site.copy("/near.txt", "/folder/disk/far.txt"),
        lambda: site.lock("/folder/disk/new.txt"),
        lambda: site.delete("/folder/disk"),
        lambda: site.move("/folder/disk", "/elsewhere"),
    ):
        with pytest.raises(DavlockError):
            change()
        assert site.seen() == before
        assert site.leftovers() == []
    site.copy("/folder/disk/far.txt", "/near.txt")
    site.copy("/folder", "/copied")
    assert site.get("/near.txt") == site.get("/copied/disk/far.txt") == b"far"
    site.lock("/folder/disk/far.txt")


@pytest.mark.root
def test_a_deleted_folder_takes_nothing_on_another_disk_with_it(site: Site, mounted: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    subprocess.run(["mount", "--bind", str(mounted), str(kept)], check=True)
    try:
        site.delete("/folder")
        assert site.names() == []
        site.library.recover()
        assert (kept / "far.txt").read_text() == "far"
    finally:
        subprocess.run(["umount", "-l", str(kept)], check=True)


# owners and modes


def test_a_document_keeps_its_mode(site: Site) -> None:
    site.put("/a.txt", b"1")
    (site.root / "a.txt").chmod(0o640)
    site.put("/a.txt", b"2")
    assert stat.S_IMODE((site.root / "a.txt").stat().st_mode) == 0o640
    site.copy("/a.txt", "/b.txt")
    assert stat.S_IMODE((site.root / "b.txt").stat().st_mode) == 0o640


def test_what_is_new_has_the_mode_that_the_umask_leaves(site: Site) -> None:
    before = os.umask(0o027)
    try:
        site.put("/a.txt", b"1")
        site.mkcol("/a")
        site.copy("/a", "/b")
    finally:
        os.umask(before)
    assert stat.S_IMODE((site.root / "a.txt").stat().st_mode) == 0o640
    assert stat.S_IMODE((site.root / "a").stat().st_mode) == stat.S_IMODE((site.root / "b").stat().st_mode) == 0o750


@pytest.mark.root
def test_a_document_keeps_its_owner(site: Site) -> None:
    site.put("/a.txt", b"1")
    os.chown(site.root / "a.txt", 1234, 2345)
    site.put("/a.txt", b"2")
    seen = (site.root / "a.txt").stat()
    assert (seen.st_uid, seen.st_gid) == (1234, 2345)


@pytest.mark.root
def test_what_is_made_in_a_folder_of_a_group_belongs_to_the_group(site: Site) -> None:
    site.mkcol("/team")
    os.chown(site.root / "team", -1, 2345)
    (site.root / "team").chmod(0o2775)
    site.put("/team/a.txt", b"a")
    site.mkcol("/team/sub")
    site.mkcol("/source")
    site.mkcol("/source/sub")
    site.put("/source/sub/b.txt", b"b")
    site.copy("/source", "/team/copied")
    site.copy("/source/sub/b.txt", "/team/b.txt")
    site.lock("/team/locked.txt")
    for path in files_in(site.root / "team"):
        assert path.stat().st_gid == 2345, path
        assert not path.is_dir() or path.stat().st_mode & stat.S_ISGID, path


def test_a_document_keeps_its_attributes(site: Site) -> None:
    site.put("/a.txt", b"1")
    os.setxattr(site.root / "a.txt", "user.comment", b"keep")
    site.put("/a.txt", b"2")
    assert os.getxattr(site.root / "a.txt", "user.comment") == b"keep"


# uploads


class Bytes:
    """An upload of some blocks, that may end with an error."""

    def __init__(self, *blocks: bytes | Exception) -> None:
        self._blocks = list(blocks)

    def read(self, size: int, /) -> bytes:
        if not self._blocks:
            return b""
        block = self._blocks.pop(0)
        if isinstance(block, Exception):
            raise block
        if len(block) > size:
            self._blocks.insert(0, block[size:])
        return block[:size]


@pytest.mark.parametrize(
    ("source", "length", "refusal"),
    [
        (Bytes(b"short"), 6, IncompleteBody),
        (Bytes(), 1, IncompleteBody),
        (Bytes(b"broken", OSError("connection reset")), 100, IncompleteBody),
        (Bytes(b"broken", ValueError("bad chunk")), None, IncompleteBody),
        (Bytes(b"broken", TimeoutError()), None, IncompleteBody),
        (Bytes(b"x" * 1001), None, TooLarge),
        (Bytes(b"x" * 500, b"x" * 500, b"x"), None, TooLarge),
        (Bytes(b"x"), 1001, TooLarge),
        (Bytes(b"x" * 1000, MemoryError()), None, MemoryError),
    ],
)
def test_an_upload_that_does_not_arrive_whole_changes_nothing(
    site: Site, source: Bytes, length: int | None, refusal: type[Exception]
) -> None:
    library = Library(site.state, site.tree, site.library._locks, site.library._identities, max_upload=1000)
    site.put("/a.txt", b"old")
    descriptors = len(os.listdir("/proc/self/fd"))
    for path in ("/a.txt", "/new.txt"):
        blocks = source._blocks.copy()
        with pytest.raises(refusal):
            library.write(paths.parse(path), source, length, ALICE)
        source._blocks = blocks
    assert site.get("/a.txt") == b"old"
    assert site.names() == ["a.txt"]
    staging = site.root / ".davlock" / "staging"
    assert [path for path in staging.rglob("*") if path.is_file() and path.suffix != ".alive"] == []
    assert len(os.listdir("/proc/self/fd")) <= descriptors + 1  # the folder of a process that stages for the first time
    library._staging.close()


def test_an_upload_is_taken_up_to_what_was_announced(site: Site) -> None:
    """What comes after it is not the body's: the next request of the same connection."""
    source = Bytes(b"body", b"next request")
    site.library.write(paths.parse("/a.txt"), source, 4, ALICE)
    assert site.get("/a.txt") == b"body"
    assert source.read(100) == b"next request"


def test_refusals_leave_no_descriptors(site: Site) -> None:
    site.mkcol("/folder")
    site.put("/folder/a.txt", b"a")
    site.lock("/folder/a.txt", BOB)
    (site.root / "link").symlink_to("folder")
    os.mkfifo(site.root / "pipe")

    def refuse() -> None:
        for wrong in (
            lambda: site.get("/folder"),
            lambda: site.get("/pipe"),
            lambda: site.get("/nothing/a.txt"),
            lambda: site.get("/link/a.txt"),
            lambda: site.put("/folder", b""),
            lambda: site.put("/folder/a.txt", b""),
            lambda: site.put("/folder/a.txt/b", b""),
            lambda: site.delete("/folder"),
            lambda: site.move("/folder", "/moved"),
            lambda: site.move("/folder", "/nothing/moved"),
            lambda: site.copy("/pipe", "/copied"),
            lambda: site.copy("/folder", "/folder/a.txt/b"),
            lambda: site.mkcol("/folder"),
            lambda: site.lock("/folder/a.txt"),
            lambda: next(site.library.listing("/folder/a.txt")),
        ):
            with pytest.raises(DavlockError):
                wrong()

    refuse()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        refuse()
    assert len(os.listdir("/proc/self/fd")) == before
    assert site.leftovers() == []


# etags


def test_no_two_contents_have_one_etag(site: Site) -> None:
    """Also of the same size, and many within one tick of the file system's clock."""
    etags = [site.put("/a.txt", f"{number:04}".encode()) for number in range(1000)]
    assert len(set(etags)) == 1000


def test_no_etag_comes_back(site: Site) -> None:
    """Neither with a content that comes and goes, nor with a file whose inode is used again, nor when the clock is set back."""
    seen = set()
    for number in range(50):
        seen.add(site.put("/a.txt", b"one"))
        seen.add(site.put("/a.txt", b"two"))
        site.copy("/a.txt", "/b.txt")
        entry = site.library.look("/b.txt")
        assert entry
        seen.add(entry.etag)
        site.move("/b.txt", "/c.txt")
        site.delete("/a.txt")
        assert len(seen) == 3 * (number + 1)


def test_an_etag_changes_when_the_clock_does_not(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time_ns", lambda: 1_700_000_000_000_000_000)
    etags = [site.put("/a.txt", f"{number}".encode()) for number in range(9)]
    assert len(set(etags)) == 9


def test_an_etag_changes_when_another_program_writes_as_many_bytes(site: Site) -> None:
    etag = site.put("/a.txt", b"one")
    (site.root / "a.txt").write_bytes(b"two")
    entry = site.library.look("/a.txt")
    assert entry and entry.etag != etag


# processes


def test_what_a_dead_process_staged_is_removed_and_what_a_living_one_stages_is_not(site: Site, open_site: Opener) -> None:
    living = open_site()
    with living.library._staging.stage(Bytes(b"wanted"), 6) as staged:
        child = os.fork()
        if not child:
            dying = open_site()
            with dying.library._staging.stage(Bytes(b"unwanted"), 8):
                os._exit(0)
        os.waitpid(child, 0)
        (removed,) = site.library.recover()
        assert removed.startswith("removed staging/")
        assert staged.file.read_bytes() == b"wanted"
    assert site.library.recover() == []


def test_a_forked_child_has_a_staging_folder_of_its_own(site: Site) -> None:
    site.put("/a.txt", b"a")
    home = site.library._staging.home
    child = os.fork()
    if not child:
        os._exit(0 if site.library._staging.home != home else 1)
    _, status = os.waitpid(child, 0)
    assert status == 0
    assert site.library._staging.home == home
