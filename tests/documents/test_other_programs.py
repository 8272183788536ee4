"""Other programs change the folder too, at any instant: that is never an error, and nothing of it is lost."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from davlock import paths
from davlock.conditions import View
from davlock.errors import (
    DavlockError,
    IsFolder,
    NotFound,
    ParentMissing,
    PreconditionFailed,
)
from davlock.identities import Identities
from davlock.model import Document
from tests.documents.conftest import ALICE, Bytes, Opener, Site


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
    entry = site.library.look("/a.txt", "")
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
    assert [found.outcome for found in site.library.upkeep.check()] in ([], ["repaired"])
    assert list(site.library.upkeep.check()) == []
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
    assert list(site.library.upkeep.check()) == []


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
    assert other.library.upkeep.recover() == []
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
    assert site.library.upkeep.recover() == []


@pytest.mark.parametrize("becomes_link", [False, True])
def test_a_member_that_vanishes_or_becomes_a_link_during_a_copy_is_left_out(
    becomes_link: bool, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.mkcol("/a")
    for name in ("1", "2", "3"):
        site.put(f"/a/{name}", name.encode())
    opened = os.open

    def change(name: str, *how: int, dir_fd: int | None = None) -> int:
        if name == "2":
            (site.root / "a" / name).unlink()
            if becomes_link:
                (site.root / "a" / name).symlink_to("1")
        return opened(name, *how, dir_fd=dir_fd)

    monkeypatch.setattr("davlock.documents.copying.os.open", change)
    site.copy("/a", "/b")
    monkeypatch.undo()
    assert site.names("/b") == ["1", "3"]
