"""Other disks below the served folder; owners, groups, modes and attributes of what is replaced or made."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from davlock.errors import (
    DavlockError,
)
from tests.documents.conftest import Site, files_in

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
        site.library.upkeep.recover()
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
