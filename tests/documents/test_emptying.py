"""Deleting the content of a document that stays (rest.md §7, §15.6)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from davlock.errors import IsFolder, Locked, NotFound
from davlock.model import Caller, Kind, Semantics
from davlock.policy import Policy
from tests.documents.conftest import ALICE, BOB, Clock, Opener, Site
from tests.documents.killing import killed, trap


def empty(site: Site, path: str = "/a.docx", caller: Caller = ALICE) -> None:
    site.library.delete_content(path, caller)


def has_content(site: Site, path: str = "/a.docx") -> bool:
    """Whether everybody can read it by its number."""
    id = site.library.catalogue.identify(path).id
    found = set()
    for viewer in ("alice", "bob"):
        try:
            os.close(site.library.catalogue.open_known(id, viewer)[2])
            found.add(True)
        except NotFound:
            found.add(False)
    (answer,) = found
    return answer


def test_the_document_stays_and_its_versions_do(site: Site) -> None:
    site.put("/a.docx", b"one")
    site.patch("/a.docx", "blue")
    document = site.library.catalogue.identify("/a.docx")
    empty(site)
    assert not has_content(site)
    assert site.library.catalogue.identify("/a.docx").id == document.id
    assert (site.get("/a.docx"), site.colour("/a.docx")) == (b"", "blue")
    assert site.contents("/a.docx") == [b"one", b""]
    assert [(each.changed_by, each.comment) for each in site.versions("/a.docx")][1] == ("alice", "Content deleted")
    assert site.leftovers() == []
    site.put("/a.docx", b"")
    assert has_content(site), "what is saved is content, be it empty"


def test_the_empty_file_belongs_to_whom_the_full_one_did(site: Site) -> None:
    site.put("/a.docx", b"one")
    (site.root / "a.docx").chmod(0o640)
    empty(site)
    assert (site.root / "a.docx").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("kind", [Kind.CHECKOUT, Kind.EDIT, Kind.LOCK])
@pytest.mark.parametrize("caller", [ALICE, BOB])
def test_nobody_deletes_the_content_of_what_is_held(site: Site, kind: Kind, caller: Caller) -> None:
    site.put("/a.docx", b"one")
    site.lock("/a.docx", ALICE, kind)
    with pytest.raises(Locked):
        empty(site, caller=caller)
    assert has_content(site)


def test_under_his_own_lock_its_holder_does(site: Site) -> None:
    site.put("/a.docx", b"one")
    site.lock("/a.docx")
    empty(site, caller=site.with_tokens())
    assert not has_content(site)


def test_a_second_deletion_is_not_a_second_version_but_is_refused_all_the_same(site: Site) -> None:
    site.put("/a.docx", b"one")
    empty(site)
    empty(site, caller=BOB)
    assert len(site.versions("/a.docx")) == 2
    site.check_out("/a.docx")
    with pytest.raises(Locked):
        empty(site, caller=BOB)


def test_the_holder_of_a_draft_has_content(site: Site) -> None:
    site.put("/a.docx", b"one")
    empty(site)
    site.check_out("/a.docx")
    site.put("/a.docx", b"")
    id = site.library.catalogue.identify("/a.docx").id
    os.close(site.library.catalogue.open_known(id, "alice")[2])
    with pytest.raises(NotFound):
        site.library.catalogue.open_known(id, "bob")
    site.check_in("/a.docx")
    assert has_content(site)


def test_a_copy_of_it_is_an_empty_document(site: Site) -> None:
    site.put("/a.docx", b"one")
    empty(site)
    site.copy("/a.docx", "/b.docx")
    site.move("/a.docx", "/c.docx")
    assert has_content(site, "/b.docx")
    assert not has_content(site, "/c.docx")


def test_restoring_a_version_brings_content_back(site: Site) -> None:
    site.put("/a.docx", b"one")
    empty(site)
    site.restore("/a.docx", 1)
    assert has_content(site)
    assert site.get("/a.docx") == b"one"


def test_without_versions_it_is_gone_for_good(open_site: Opener) -> None:
    site = open_site(Policy(default=Semantics.NONE))
    site.put("/a.docx", b"one")
    empty(site)
    assert not has_content(site)
    assert site.shelves() == []


def test_folders_and_nothing_have_no_content(site: Site) -> None:
    site.mkcol("/folder")
    with pytest.raises(IsFolder):
        empty(site, "/folder")
    with pytest.raises(NotFound):
        empty(site, "/nothing")


def test_after_a_kill_at_any_step_the_content_is_there_or_known_to_be_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trap(monkeypatch)
    outcomes, step = set(), 0
    while True:
        step += 1
        root = tmp_path / f"root{step}"
        root.mkdir()
        site = Site(root, Clock())
        site.put("/a.docx", b"one")
        site.close()
        if not killed(root, empty, step):
            break
        site = Site(root, Clock())
        site.library.upkeep.recover()
        outcomes.add((has_content(site), site.get("/a.docx"), tuple(site.contents("/a.docx"))))
        assert site.leftovers() == []
        assert [found for found in site.library.upkeep.check() if found.outcome != "repaired"] == []
        site.close()
    assert step > 2
    assert outcomes == {(True, b"one", (b"one",)), (False, b"", (b"one", b""))}
