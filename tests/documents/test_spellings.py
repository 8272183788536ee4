"""One name, several Unicode spellings: a Mac decomposes what others compose."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from davlock import paths
from davlock.errors import (
    DavlockError,
)
from tests.documents.conftest import Site, files_in

NFC, NFD = "Bürö.txt", unicodedata.normalize("NFD", "Bürö.txt")


@pytest.fixture
def decomposed(site: Site) -> Path:
    (site.root / NFD).write_bytes(b"from a Mac")
    return site.root / NFD


def test_a_decomposed_name_is_found_by_the_composed_one(site: Site, decomposed: Path) -> None:
    assert site.get(f"/{NFC}") == b"from a Mac"
    assert [(entry.path, entry.name) for entry in site.library.listing("/", "")] == [(f"/{NFC}", NFD)]
    assert site.library.look(f"/{NFC}", "") == next(site.library.listing("/", ""))


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
    assert [entry.name for entry in site.library.listing("/", "")] == [NFC]
    assert site.get(f"/{NFC}") == b"composed"
    site.put(f"/{NFD}", b"new")
    assert (site.root / NFC).read_bytes() == b"new"
    assert (site.root / NFD).read_bytes() == b"from a Mac"
    site.delete(f"/{NFC}")
    assert site.get(f"/{NFC}") == b"from a Mac"


def test_of_several_other_spellings_it_is_always_the_same(site: Site) -> None:
    """A letter with two accents has four spellings besides the composed one."""
    letters = {"\u1ead": ("a", "\u00e2", "\u1ea1"), "\u1ec7": ("e", "\u00ea", "\u1eb9"), "\u1ed9": ("o", "\u00f4", "\u1ecd")}
    for composed, (letter, with_circumflex, with_dot) in letters.items():
        for name in (f"{letter}\u0323\u0302", f"{letter}\u0302\u0323", f"{with_dot}\u0302", f"{with_circumflex}\u0323"):
            assert paths.canonical_name(name) == composed != name
            (site.root / name).write_text(name)
    entries = {entry.path: entry for entry in site.library.listing("/", "")}
    assert sorted(entries) == sorted(f"/{composed}" for composed in letters)
    for path, entry in entries.items():
        assert site.library.look(path, "") == entry
        assert site.get(path).decode() == entry.name == min(paths_of(site.root, path[1:]))


def paths_of(folder: Path, name: str) -> list[str]:
    """All spellings of a name that are on the disk."""
    return [other for other in os.listdir(folder) if paths.canonical_name(other) == name]
