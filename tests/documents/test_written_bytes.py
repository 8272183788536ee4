"""How many bytes a publication costs, as the kernel counts them: the content is written once, and what is only renamed not at all.

With 16 MiB, not with the gibibyte that the promise is about: what is counted grows with the content or it does not, and a test should
not take the disk of whoever runs it. Times are not asserted.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.documents.conftest import ADMIN, ALICE, BOB, Site

SIZE = 16 * 1024 * 1024
OVERHEAD = 1024 * 1024  # bytes: rows, their log, and what Python itself reads


def counted(does: Callable[[], object]) -> tuple[int, int]:
    """Bytes that this process has read and written meanwhile, by whatever system call, be it into the page cache."""
    before = _counters()
    does()
    after = _counters()
    return after["rchar"] - before["rchar"], after["wchar"] - before["wchar"]


def _counters() -> dict[str, int]:
    lines = Path("/proc/self/io").read_text().splitlines()
    return {name: int(number) for name, number in (line.split(": ") for line in lines)}


def content(byte: bytes) -> bytes:
    return byte * SIZE


@pytest.fixture
def big(site: Site) -> Site:
    """Alice has /big.bin checked out, with a draft."""
    site.put("/big.bin", content(b"1"), BOB)
    site.check_out("/big.bin")
    site.put("/big.bin", content(b"2"))
    return site


def test_a_document_is_written_once(site: Site) -> None:
    for new in (content(b"1"), content(b"2")):  # the first time, and over what becomes a version
        read, written = counted(partial(site.put, "/big.bin", new))
        assert SIZE <= written < SIZE + OVERHEAD
        assert read < OVERHEAD
    assert site.contents("/big.bin") == [content(b"1"), content(b"2")]


def test_a_draft_is_written_once(big: Site) -> None:
    read, written = counted(lambda: big.put("/big.bin", content(b"3")))
    assert SIZE <= written < SIZE + OVERHEAD
    assert read < OVERHEAD


def test_a_check_in_with_content_writes_it_once(big: Site) -> None:
    _, written = counted(lambda: big.check_in("/big.bin", content=content(b"3")))
    assert SIZE <= written < SIZE + OVERHEAD


RENAMES: dict[str, Callable[[Site], object]] = {
    "check-in": lambda site: site.check_in("/big.bin"),
    "check-in-and-keep": lambda site: site.check_in("/big.bin", keep=True),
    "undo": lambda site: site.undo("/big.bin"),
    "undo-by-force": lambda site: site.undo("/big.bin", ADMIN, "left the company"),
    "delete": lambda site: site.delete("/big.bin"),
    "move": lambda site: site.move("/big.bin", "/moved.bin"),
    "undo-and-apply": lambda site: (site.undo("/big.bin"), site.library.archive.apply_draft(site.rescued()[0].id, ALICE)),
}


@pytest.mark.parametrize("change", RENAMES)
def test_what_is_only_renamed_is_neither_read_nor_written(big: Site, change: str) -> None:
    read, written = counted(lambda: RENAMES[change](big))
    assert read < OVERHEAD
    assert written < OVERHEAD


def test_a_save_by_dance_into_a_draft_writes_once(big: Site) -> None:
    def dance() -> None:
        big.put("/~tmp1.tmp", content(b"3"))
        big.move("/big.bin", "/~tmp2.tmp")
        big.move("/~tmp1.tmp", "/big.bin")
        big.delete("/~tmp2.tmp")

    _, written = counted(dance)
    assert SIZE <= written < SIZE + OVERHEAD
    assert (big.get("/big.bin", "alice"), big.get("/big.bin")) == (content(b"3"), content(b"1"))
