"""A process is killed at every single step of every operation: all of it has happened, or nothing, and nothing is left lying about."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from davlock import paths
from davlock.conditions import View
from davlock.documents import Committer
from davlock.documents.commit import Undo
from davlock.model import Intent, Kind, Scope, Wanted
from davlock.state.sqlite import SqliteState
from tests.documents.conftest import BOB, Clock, Seen, Site
from tests.documents.killing import Operation, Scene, killed, see, trap

OPERATIONS: dict[str, Operation] = {
    "put-new": lambda site: site.put("/new.txt", b"new"),
    "put-replace": lambda site: site.put("/doc.txt", b"newer"),
    "mkcol": lambda site: site.mkcol("/made"),
    "delete-document": lambda site: site.delete("/doc.txt", site.with_tokens()),
    "delete-folder": lambda site: site.delete("/folder", site.with_tokens()),
    "move-document": lambda site: site.move("/doc.txt", "/moved.txt", site.with_tokens()),
    "move-folder": lambda site: site.move("/folder", "/moved", site.with_tokens()),
    "move-document-onto-document": lambda site: site.move("/doc.txt", "/target.txt", site.with_tokens()),
    "move-folder-onto-folder": lambda site: site.move("/folder", "/target", site.with_tokens()),
    "move-document-onto-folder": lambda site: site.move("/doc.txt", "/target", site.with_tokens()),
    "move-folder-onto-document": lambda site: site.move("/folder", "/target.txt", site.with_tokens()),
    "copy-document": lambda site: site.copy("/doc.txt", "/copied.txt", site.with_tokens()),
    "copy-folder": lambda site: site.copy("/folder", "/copied", site.with_tokens()),
    "copy-document-onto-document": lambda site: site.copy("/doc.txt", "/target.txt", site.with_tokens()),
    "copy-folder-onto-folder": lambda site: site.copy("/folder", "/target", site.with_tokens()),
    "copy-document-onto-folder": lambda site: site.copy("/doc.txt", "/target", site.with_tokens()),
    "copy-folder-onto-document": lambda site: site.copy("/folder", "/target.txt", site.with_tokens()),
    "lock-unmapped": lambda site: site.lock("/unmapped.txt"),
    "lock-mapped": lambda site: site.lock("/folder/sub/b.txt"),
    "unlock": lambda site: site.unlock("/target.txt"),
    "proppatch": lambda site: site.patch("/doc.txt", "blue"),
}


def furnish(root: Path) -> None:
    """Documents and folders with properties and locks on them."""
    root.mkdir()
    site = Site(root, Clock())
    for folder in ("/folder", "/folder/sub", "/target"):
        site.mkcol(folder)
        site.patch(folder, f"of {folder}")
    for document in ("/doc.txt", "/folder/a.txt", "/folder/sub/b.txt", "/target.txt", "/target/old.txt", "/bystander.txt"):
        site.put(document, document.encode())
        site.patch(document, f"of {document}")
    site.lock("/doc.txt", kind=Kind.CHECKOUT)
    site.lock("/folder/a.txt", kind=Kind.CHECKOUT)
    site.lock("/target.txt")
    site.lock("/bystander.txt", BOB)
    site.put("/bystander.txt", b"/bystander.txt", site.with_tokens("bob"))  # his session: what he writes later is the same version
    site.close()


@pytest.fixture(autouse=True)
def trapped(monkeypatch: pytest.MonkeyPatch) -> None:
    trap(monkeypatch)


REPLACING = [name for name in OPERATIONS if "-onto-" in name]


@pytest.fixture(params=[(name, True) for name in OPERATIONS] + [(name, False) for name in REPLACING], ids=str)
def scene(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Each operation, and those that replace something also as on file systems where two names cannot change places."""
    name, exchanges = request.param
    if not exchanges:
        monkeypatch.setattr("davlock.documents.commit.exchange", lambda *_: False)
    return Scene(tmp_path, furnish, OPERATIONS[name])


def test_after_a_kill_the_next_start_finds_all_or_nothing(scene: Scene) -> None:
    def restart(root: Path) -> Seen:
        site = Site(root, Clock())
        try:
            site.library.upkeep.recover()
            assert site.library.upkeep.recover() == []
            assert site.leftovers() == []
            seen = site.seen()
            assert [found for found in site.library.upkeep.check() if found.outcome != "repaired"] == []
            return seen
        finally:
            site.close()

    assert scene.kills(lambda root: None, restart) == {False, True}


def test_after_a_kill_another_process_goes_on_with_all_or_nothing(scene: Scene) -> None:
    living: list[Site] = []

    def start(root: Path) -> None:
        while living:
            living.pop().close()
        living.append(Site(root, Clock()))
        living[0].put("/bystander.txt", b"/bystander.txt", living[0].with_tokens("bob"))

    def go_on(root: Path) -> Seen:
        (site,) = living
        site.patch("/bystander.txt", "of /bystander.txt", site.with_tokens("bob"))
        seen = site.seen()
        site.library.upkeep.recover()
        assert site.leftovers() == []
        assert site.library.upkeep.recover() == []
        assert site.seen() == seen
        return seen

    try:
        assert scene.kills(start, go_on) == {False, True}
    finally:
        while living:
            living.pop().close()


def test_what_was_tried_again_after_a_kill_is_done_once(tmp_path: Path) -> None:
    """The intent that a dead process has left must not be taken for the rename that somebody else has done since."""
    for name, operation in OPERATIONS.items():
        if not name.startswith(("move", "copy", "delete")):
            continue
        root, step = tmp_path / name, 0
        furnish(root)
        before = see(root)
        living = Site(root, Clock())
        try:
            while True:
                step += 1
                assert killed(root, operation, step)
                with living.state.reading() as rows:
                    if rows.intents():
                        break
            operation(living)
            done = living.seen()
            living.patch("/bystander.txt", "of /bystander.txt", living.with_tokens("bob"))
            assert living.seen() == done != before
            with living.state.reading() as rows:
                assert rows.intents() == []
        finally:
            living.close()


def test_a_lock_on_a_new_name_that_was_cut_off_never_removes_what_somebody_has_written(tmp_path: Path) -> None:
    root, step = tmp_path / "root", 0
    furnish(root)
    while not (root / "unmapped.txt").exists():
        step += 1
        assert killed(root, OPERATIONS["lock-unmapped"], step)
    (root / "unmapped.txt").write_text("by another program")
    site = Site(root, Clock())
    try:
        site.library.upkeep.recover()
        assert site.get("/unmapped.txt") == b"by another program"
        assert site.locks("/unmapped.txt") == []
    finally:
        site.close()


def test_an_interrupted_copy_that_was_lost_meanwhile_gives_back_what_it_had_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("davlock.documents.commit.exchange", lambda *_: False)  # as on file systems that cannot do that
    root, step = tmp_path / "root", 0
    furnish(root)
    while (root / "target").exists():
        step += 1
        assert killed(root, OPERATIONS["copy-folder-onto-folder"], step)
    shutil.rmtree(root / ".davlock" / "staging")
    (root / ".davlock" / "staging").mkdir()
    site = Site(root, Clock())
    try:
        site.library.upkeep.recover()
        assert site.get("/target/old.txt") == b"/target/old.txt"
        site.put("/next.txt", b"the server still works")
        assert site.leftovers() == []
    finally:
        site.close()


def test_a_rename_that_another_one_has_moved_on_is_not_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads share commits. The process is killed when /folder/a.txt has been renamed and then, by another thread, its folder."""
    root = tmp_path / "root"
    furnish(root)
    before = see(root)
    child = os.fork()
    if not child:
        try:
            rename_and_move_on(Site(root, Clock()), monkeypatch)
        finally:
            os._exit(2)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert (root / "moved" / "renamed.txt").exists()
    site = Site(root, Clock())
    try:
        site.library.upkeep.recover()
        assert site.id("/moved/renamed.txt") == before.ids["/folder/a.txt"]
        assert site.colour("/moved/renamed.txt") == "of /folder/a.txt"
        assert site.locks("/moved/renamed.txt") == [("CHECKOUT", "alice")]
        assert list(site.library.upkeep.check()) == []
    finally:
        site.close()


def rename_and_move_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the mover wait, with its intent written down, for the renamer's decision, and dies when it has moved."""
    deciding, carry_out = SqliteState.deciding, Committer.carry_out
    intended, renaming = threading.Event(), threading.Event()
    decisions: list[str] = []

    def decide(self: SqliteState) -> Any:
        name = threading.current_thread().name
        decisions.append(name)
        if name == "mover" and decisions.count("mover") == 2:
            intended.set()
            renaming.wait()
        return deciding(self)

    def move_and_die(self: Committer, intent: Intent) -> Undo:
        undo = carry_out(self, intent)
        if threading.current_thread().name == "mover":
            os.kill(os.getpid(), signal.SIGKILL)
        return undo

    def rename(view: View) -> None:
        if decisions.count("renamer") == 2:  # the decision in which it is renamed
            renaming.set()
            while not site.state._turns._is_awaited():
                os.sched_yield()

    monkeypatch.setattr(SqliteState, "deciding", decide)
    monkeypatch.setattr(Committer, "carry_out", move_and_die)
    mover = threading.Thread(target=OPERATIONS["move-folder"], args=(site,), name="mover")
    mover.start()
    intended.wait()

    def run() -> None:
        site.library.move("/folder/a.txt", paths.parse("/folder/renamed.txt"), site.with_tokens(), rename)

    threading.Thread(target=run, name="renamer").start()
    mover.join()


def test_the_lock_on_what_was_wanted_is_not_given_by_half(tmp_path: Path) -> None:
    """A deep lock on a new name, too: the name is free again after the kill."""
    root = tmp_path / "root"
    furnish(root)

    def deep(site: Site) -> object:
        at = paths.parse("/unmapped.txt")
        return site.library.lock(at, Wanted(Kind.LOCK, at.path, Scope.EXCLUSIVE, True), site.with_tokens())

    step = 1
    while killed(root, deep, step):
        site = Site(root, Clock())
        site.library.upkeep.recover()
        locked, there = bool(site.locks("/unmapped.txt")), (root / "unmapped.txt").exists()
        site.close()
        assert locked == there
        if locked:
            break
        step += 1
    assert step > 5


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name.endswith("onto-folder")])
def test_where_two_names_cannot_change_places_it_is_all_or_nothing_too(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("davlock.documents.commit.exchange", lambda *_: False)

    def restart(root: Path) -> Seen:
        site = Site(root, Clock())
        try:
            site.library.upkeep.recover()
            assert site.leftovers() == []
            return site.seen()
        finally:
            site.close()

    assert Scene(tmp_path, furnish, OPERATIONS[name]).kills(lambda root: None, restart) == {False, True}
