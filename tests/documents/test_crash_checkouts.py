"""A process is killed at every step of check-out, save, check-in, undo and restore: no draft and no version is lost, none is half."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from davlock.policy import DAY
from tests.documents.conftest import ADMIN, ALICE, BOB, Clock, Seen, Site
from tests.documents.killing import Operation, Scene, killed, trap


def furnish(root: Path, then: Operation = lambda site: None) -> None:
    """Documents with versions and drafts."""
    root.mkdir()
    site = Site(root, Clock())
    site.mkcol("/folder")
    site.mkcol("/bystander")
    site.patch("/bystander", "red")
    for document in ("/doc.docx", "/plain.docx", "/untouched.docx", "/folder/a.docx", "/other.docx", "/gone.docx"):
        site.put(document, b"first " + document.encode())
        site.put(document, b"published " + document.encode(), BOB)
        site.patch(document, f"of {document}")
    for document in ("/other.docx", "/doc.docx", "/folder/a.docx"):
        site.check_out(document, comment="of the check-out")
        site.put(document, b"draft of " + document.encode())
    site.undo("/other.docx")
    site.check_out("/untouched.docx")
    site.delete("/gone.docx")
    then(site)
    site.close()


def apply(site: Site) -> None:
    (draft,) = site.rescued()
    site.library.archive.apply_draft(draft.id, ALICE)


def restore_deleted(site: Site) -> None:
    gone = site.library.archive.deleted("/gone.docx")
    assert gone
    site.restore("/gone.docx", 1, document=gone)


def years_later(site: Site) -> None:
    later = Site(site.root, Clock(1_000_000 + 1000 * DAY))
    later.library.upkeep.tidy()
    later.close()


def write_meanwhile(site: Site) -> None:
    site.check_out("/other.docx")
    site.put("/other.docx", b"meanwhile")


OPERATIONS: dict[str, Operation] = {
    "delete": lambda site: site.delete("/plain.docx"),
    "delete-checked-out": lambda site: site.delete("/doc.docx"),
    "delete-content": lambda site: site.library.delete_content("/plain.docx", ALICE),
    "delete-folder": lambda site: site.delete("/folder"),
    "move-checked-out": lambda site: site.move("/doc.docx", "/moved.docx"),
    "move-folder": lambda site: site.move("/folder", "/moved"),
    "move-checked-out-onto": lambda site: site.move("/doc.docx", "/plain.docx"),
    "copy-draft": lambda site: site.copy("/doc.docx", "/copied.docx"),
    "copy-draft-onto": lambda site: site.copy("/doc.docx", "/plain.docx"),
    "check-out": lambda site: site.check_out("/plain.docx"),
    "first-draft": lambda site: site.put("/untouched.docx", b"new"),
    "next-draft": lambda site: site.put("/doc.docx", b"new"),
    "check-in": lambda site: site.check_in("/doc.docx", comment="done"),
    "check-in-and-keep": lambda site: site.check_in("/doc.docx", keep=True),
    "check-in-content": lambda site: site.check_in("/doc.docx", content=b"new"),
    "check-in-content-untouched": lambda site: site.check_in("/untouched.docx", content=b"new"),
    "check-in-untouched": lambda site: site.check_in("/untouched.docx"),
    "undo": lambda site: site.undo("/doc.docx"),
    "undo-by-force": lambda site: site.undo("/doc.docx", ADMIN, "left the company"),
    "apply-draft": apply,
    "restore-as-draft": lambda site: site.restore("/doc.docx", 1),
    "tidy": years_later,
}
SCENES: dict[str, tuple[Callable[[Path], None], Operation]] = {name: (furnish, operation) for name, operation in OPERATIONS.items()}
SCENES["apply-draft-beside-another"] = (partial(furnish, then=write_meanwhile), apply)


# saves by dance: all that a client does before the last step, and that


def bring(site: Site) -> None:
    site.put("/~tmp1.tmp", b"new")


def bring_and_move_away(site: Site, path: str) -> None:
    bring(site)
    site.move(path, f"{path}.tmp")


def bring_and_delete(site: Site, path: str) -> None:
    bring(site)
    site.delete(path)


# What is written where nothing is checked out is not journalled: a crash may leave it as if another program had written it.
WRITES: dict[str, tuple[Callable[[Path], None], Operation]] = {
    "write": (furnish, lambda site: site.put("/plain.docx", b"new")),
    "write-in-a-session": (
        partial(furnish, then=lambda site: site.lock("/plain.docx")),
        lambda site: site.put("/plain.docx", b"new", site.with_tokens()),
    ),
    "restore": (furnish, lambda site: site.restore("/plain.docx", 1)),
    "restore-deleted": (furnish, restore_deleted),
}
for _path in ("/doc.docx", "/plain.docx", "/untouched.docx"):
    _begun = {
        "onto": partial(furnish, then=bring),
        "after-moving-away": partial(furnish, then=partial(bring_and_move_away, path=_path)),
        "after-deleting": partial(furnish, then=partial(bring_and_delete, path=_path)),
    }
    for _before, _furnish in _begun.items():
        SCENES |= {
            f"move-{_before}:{_path}": (_furnish, partial(lambda site, path: site.move("/~tmp1.tmp", path), path=_path)),
            f"copy-{_before}:{_path}": (_furnish, partial(lambda site, path: site.copy("/~tmp1.tmp", path), path=_path)),
        }
        (WRITES if _path == "/plain.docx" else SCENES)[f"write-{_before}:{_path}"] = (
            _furnish,
            partial(lambda site, path: site.put(path, b"new"), path=_path),
        )


@pytest.fixture(autouse=True)
def trapped(monkeypatch: pytest.MonkeyPatch) -> None:
    trap(monkeypatch)


def restart(root: Path) -> Seen:
    site = Site(root, Clock())
    try:
        site.library.upkeep.recover()
        site.library.upkeep.tidy()
        assert site.library.upkeep.recover() == []
        assert site.leftovers() == []
        seen = site.seen()
        assert site.shelves() == []
        assert [found for found in site.library.upkeep.check() if found.outcome != "repaired"] == []
        return seen
    finally:
        site.close()


@pytest.mark.parametrize("name", SCENES)
def test_after_a_kill_the_next_start_finds_all_or_nothing(name: str, tmp_path: Path) -> None:
    assert Scene(tmp_path, *SCENES[name]).kills(lambda root: None, restart) == {False, True}


@pytest.mark.parametrize("name", SCENES)
def test_after_a_kill_another_process_goes_on_with_all_or_nothing(name: str, tmp_path: Path) -> None:
    living: list[Site] = []

    def start(root: Path) -> None:
        while living:
            living.pop().close()
        living.append(Site(root, Clock()))

    def go_on(root: Path) -> Seen:
        (site,) = living
        site.patch("/bystander", "red")
        seen = site.seen()
        site.library.upkeep.recover()
        site.library.upkeep.tidy()
        assert site.library.upkeep.recover() == []
        assert (site.leftovers(), site.shelves()) == ([], [])
        assert site.seen() == seen
        return seen

    try:
        assert Scene(tmp_path, *SCENES[name]).kills(start, go_on) == {False, True}
    finally:
        while living:
            living.pop().close()


def readable(root: Path) -> set[bytes]:
    """Every content that anybody can still get at."""
    seen, site = restart(root), Site(root, Clock())
    try:
        found = {content for content in seen.content.values() if content is not None}
        found |= {content for earlier in seen.earlier.values() for content in earlier if content is not None}
        found |= {content for _, _, content, _ in seen.drafts}
        for path in ("/gone.docx", "/plain.docx"):
            if gone := site.library.archive.deleted(path):
                found |= {site.version_content(gone, version.number) for version in site.library.archive.versions(gone) if version.is_kept}
        return found
    finally:
        site.close()


@pytest.mark.parametrize("name", WRITES)
def test_a_write_that_is_cut_off_loses_nothing_that_was_ever_published(name: str, tmp_path: Path) -> None:
    furnish, operation = WRITES[name]
    step, has_been_killed = 0, True
    while has_been_killed:
        step += 1
        root = tmp_path / str(step)
        furnish(root)
        before = readable(root)
        has_been_killed = killed(root, operation, step)
        assert before - readable(root) == set(), f"killed at step {step}"
    assert step > 5
