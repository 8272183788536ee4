"""Links, pipes, sockets and devices are never followed, opened, listed or overwritten."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from davlock.errors import (
    Forbidden,
    NotFound,
    ParentMissing,
)
from tests.documents.conftest import BOB, Site, files_in


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
    links: dict[str, str | Path] = {
        "link": "doc.txt",
        "link-to-folder": "folder",
        "link-outside": outside,
        "dangling": "nothing",
        "loop": "strange",
    }
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
    "look": lambda site: site.library.look("/strange", ""),
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
