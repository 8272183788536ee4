"""What happens together with a write: properties, and a lock that is taken, renewed or ended (MS-WDV 3.2.5)."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from davlock import paths
from davlock.errors import BadRequest
from davlock.model import Kind, Wanted
from davlock.writes import Along, Properties, Written
from tests.documents.conftest import ALICE, Clock, Site
from tests.documents.killing import killed, trap

BLUE = {"{x}colour": "<c xmlns='x'>blue</c>"}


def write(site: Site, path: str, along: Along) -> Written:
    """Alice saves `new`, under the token that goes along."""
    caller = replace(ALICE, tokens=frozenset((along.token,)) if along.token else frozenset())
    return site.library.write(paths.parse(path), io.BytesIO(b"new"), 3, caller, along=along)


def locking(path: str) -> Along:
    return Along(wanted=Wanted(Kind.LOCK, path, timeout=600), properties=lambda: Properties(BLUE))


def furnish(root: Path) -> None:
    root.mkdir()
    site = Site(root, Clock())
    site.put("/old.txt", b"old")
    site.patch("/old.txt", "green")
    site.close()


@pytest.mark.parametrize("path", ["/old.txt", "/new.txt"])
def test_what_fails_last_undoes_all_that_went_before(tmp_path: Path, path: str) -> None:
    furnish(tmp_path / "root")
    site = Site(tmp_path / "root", Clock())

    def fail() -> Properties:
        assert site.tree.look(path), "the content is there when it is asked for the properties"
        raise BadRequest("These properties cannot be.")

    before = site.seen()
    with pytest.raises(BadRequest):
        write(site, path, replace(locking(path), properties=fail))
    assert site.seen() == before
    assert site.leftovers() == []
    site.close()


def test_what_a_lock_is_for_is_decided_when_the_content_is_there(tmp_path: Path) -> None:
    furnish(tmp_path / "root")
    clock = Clock()
    site = Site(tmp_path / "root", clock)
    granted = write(site, "/old.txt", locking("/old.txt")).lock
    assert granted and (granted.lock.expires, granted.now) == (clock.now + 600, clock.now)
    clock.now += 500
    renewed = write(site, "/old.txt", Along(token=granted.lock.token, renew=600)).lock
    assert renewed and (renewed.lock.token, renewed.lock.expires) == (granted.lock.token, clock.now + 600)
    named = write(site, "/old.txt", Along(token=granted.lock.token)).lock
    assert named and named.lock == renewed.lock
    assert len(site.versions("/old.txt")) == 2, "one session is one version"
    assert write(site, "/old.txt", Along(token=granted.lock.token, end=True)).lock is None
    assert site.library.all_locks() == []
    site.close()


@pytest.mark.parametrize("path", ["/old.txt", "/new.txt"])
def test_a_kill_at_any_step_never_leaves_the_rest_without_the_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    trap(monkeypatch)
    outcomes, step = set(), 0
    while True:
        step += 1
        root = tmp_path / f"root{step}"
        furnish(root)
        if not killed(root, lambda site: write(site, path, locking(path)), step):
            break
        site = Site(root, Clock())
        site.library.upkeep.recover()
        assert site.leftovers() == []
        seen = site.seen()
        assert [found for found in site.library.upkeep.check() if found.outcome != "repaired"] == []
        outcomes.add((seen.content.get(path) == b"new", site.colour(path) == "blue", len(seen.locks)))
        site.close()
    assert {(False, False, 0), (True, True, 1)} <= outcomes <= {(False, False, 0), (True, False, 0), (True, True, 1)}
