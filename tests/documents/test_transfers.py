"""What may be moved and copied where, and what becomes of what was there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from davlock.errors import (
    BadName,
    DavlockError,
    Forbidden,
    IntoItself,
)
from tests.documents.conftest import Site


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


def test_a_copy_of_a_folder_with_many_documents_large_and_small_has_them_all(site: Site) -> None:
    contents = {f"{number}.bin": os.urandom(size) for number, size in enumerate([0, 1, 4096, 3_000_001, *range(100, 160)])}
    site.mkcol("/a")
    site.mkcol("/a/below")
    for number, (name, content) in enumerate(contents.items()):
        site.put(f"/a/below/{name}" if number % 2 else f"/a/{name}", content)
    site.copy("/a", "/c")
    for number, (name, content) in enumerate(contents.items()):
        assert site.get(f"/c/below/{name}" if number % 2 else f"/c/{name}") == content
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


def test_a_copy_of_a_folder_is_of_what_can_be_reached(site: Site) -> None:
    site.mkcol("/a")
    site.put("/a/doc.txt", b"doc")
    folder = site.root / "a"
    for hidden in (".davlock", "line\nend"):
        (folder / hidden).mkdir()
        (folder / hidden / "inside.txt").write_bytes(b"inside")
    (folder / "bell\a.txt").write_bytes(b"hidden")
    (folder / "link.txt").symlink_to("doc.txt")
    os.mkfifo(folder / "pipe")
    site.copy("/a", "/b")
    assert os.listdir(site.root / "b") == ["doc.txt"]
