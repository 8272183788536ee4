"""Documents that get another name, or are deleted, for good: no program saves by that, so nothing of them comes back by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from davlock import paths
from davlock.errors import Exists, Locked, PreconditionFailed, TooLarge
from davlock.model import Caller, Kind
from davlock.writes import MAX_PROPERTIES
from tests.documents.conftest import ALICE, BOB, Clock, Site
from tests.documents.killing import killed, trap

BLUE: dict[str, str | None] = {"{x}colour": "<c xmlns='x'>blue</c>"}


def rename(site: Site, path: str, to: str, caller: Caller = ALICE, properties: dict[str, str | None] = BLUE) -> None:
    site.library.rename(path, paths.parse(to), caller, properties=properties)


@pytest.fixture
def doc(site: Site) -> str:
    site.put("/old.txt", b"old", BOB)
    return "/old.txt"


def test_it_keeps_all_it_has_but_its_name(site: Site, doc: str) -> None:
    id, checkout = site.document(doc).id, site.check_out(doc)
    edit = site.library.edit(doc, ALICE, 600)
    site.put(doc, b"draft")
    rename(site, doc, "/new.txt")
    assert (site.document("/new.txt").id, site.colour("/new.txt")) == (id, "blue")
    assert {lock.token for lock in site.library.all_locks() if lock.root == "/new.txt"} == {checkout.token, edit.token}
    assert (site.get("/new.txt", "alice"), site.get("/new.txt")) == (b"draft", b"old")


@pytest.mark.parametrize("taken", ["document", "folder"])
def test_a_name_that_is_taken_is_not_taken_over(site: Site, doc: str, taken: str) -> None:
    site.put("/new.txt", b"theirs", BOB) if taken == "document" else site.mkcol("/new.txt")
    before = site.seen()
    with pytest.raises(Exists):
        rename(site, doc, "/new.txt")
    assert site.seen() == before


def test_what_is_refused_changes_neither_name_nor_properties(site: Site, doc: str) -> None:
    before = site.seen()
    with pytest.raises(TooLarge):
        rename(site, doc, "/new.txt", properties={"{x}colour": "x" * MAX_PROPERTIES})

    def fail(view: object) -> None:
        raise PreconditionFailed("not now")

    with pytest.raises(PreconditionFailed):
        site.library.rename(doc, paths.parse("/new.txt"), ALICE, fail, BLUE)
    assert site.seen() == before
    for kind in (Kind.LOCK, Kind.EDIT, Kind.CHECKOUT):
        lock = site.lock(doc, BOB, kind)
        held = site.seen()
        with pytest.raises(Locked):
            rename(site, doc, "/new.txt")
        assert site.seen() == held
        site.library.unlock(doc, lock.token, BOB)


def test_its_former_name_and_the_one_that_another_left_are_free_for_other_documents(site: Site, doc: str) -> None:
    site.put("/other.txt", b"other")
    ids = [site.document(path).id for path in (doc, "/other.txt")]
    site.move("/other.txt", "/away.txt")
    rename(site, doc, "/other.txt")
    site.put(doc, b"new")
    assert [site.document(path).id for path in ("/other.txt", "/away.txt")] == ids
    assert site.document(doc).id not in ids
    rename(site, doc, "/x.txt")
    rename(site, "/other.txt", doc)
    assert site.document(doc).id == ids[0]


@pytest.mark.parametrize("for_good", [True, False])
def test_what_is_deleted_for_good_does_not_come_back(site: Site, doc: str, for_good: bool) -> None:
    id = site.document(doc).id
    site.check_out(doc)
    site.library.edit(doc, ALICE, 600)
    site.library.delete(doc, ALICE, for_good=for_good)
    assert [lock.kind for lock in site.library.all_locks()] == ([] if for_good else [Kind.EDIT])
    site.put(doc, b"new")
    assert (site.document(doc).id == id) is not for_good
    assert bool(site.library.checkout(doc)) is not for_good


def test_a_kill_at_any_step_leaves_both_or_neither(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trap(monkeypatch)
    outcomes, step = set(), 0
    while True:
        step += 1
        root = tmp_path / f"root{step}"
        root.mkdir()
        site = Site(root, Clock())
        site.put("/old.txt", b"old")
        site.close()
        if not killed(root, lambda site: rename(site, "/old.txt", "/new.txt"), step):
            break
        site = Site(root, Clock())
        site.library.upkeep.recover()
        assert site.leftovers() == []
        assert [found for found in site.library.upkeep.check() if found.outcome != "repaired"] == []
        seen = site.seen()
        outcomes.add((tuple(seen.content), site.colour("/new.txt")))
        site.close()
    assert outcomes == {(("/old.txt",), None), (("/new.txt",), "blue")}
