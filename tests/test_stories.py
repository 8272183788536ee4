"""What design §2 promises people, told through real sockets, whichever door they come in by."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from tests.doors import DOORS, Door
from tests.serving import Serving

_numbers = itertools.count(1)
MakeDoor = Callable[[Serving, str], Door]
OLD = b"the report as everybody knows it\n"


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with Serving(tmp_path_factory.mktemp("stories") / "root", "--workers", "2") as serving:
        yield serving


@pytest.fixture
def document(serving: Serving) -> str:
    """The path of a document that no other story uses, whose content is OLD."""
    name = f"Bericht {next(_numbers)} & Anhang.odt"
    (serving.root / name).write_bytes(OLD)
    return f"/{name}"


@pytest.fixture(params=DOORS, ids=lambda door: f"alice: {door.__name__}")
def alice(request: pytest.FixtureRequest, serving: Serving) -> Door:
    make: MakeDoor = request.param
    return make(serving, "alice")


@pytest.fixture(params=DOORS, ids=lambda door: f"bob: {door.__name__}")
def bob(request: pytest.FixtureRequest, serving: Serving) -> Door:
    make: MakeDoor = request.param
    return make(serving, "bob")


def since(told: str) -> float:
    """Unix time of the moment that a sentence names."""
    moment = re.search(r"since (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC", told)
    assert moment, told
    return datetime.fromisoformat(f"{moment[1]}+00:00").timestamp()


def test_check_out_save_check_in(serving: Serving, document: str, alice: Door, bob: Door) -> None:
    before = int(time.time())
    assert alice.check_out(document) == ""
    assert bob.read(document) == OLD
    refusals = [bob.save(document, b"bob was here"), bob.begin_to_edit(document), bob.check_out(document)]
    for told in refusals:
        assert re.search(r"checked out by alice\b", told), refusals
        assert before <= since(told) <= time.time(), refusals
    who, moment = bob.holder(document)
    assert (who, datetime.fromisoformat(moment).timestamp()) == ("alice", since(refusals[0]))
    for told in (bob.check_in(document, "mine"), bob.undo(document)):
        assert "alice" in told, told

    assert alice.read(document) == OLD
    with alice.edit(document) as save:
        for draft in (b"draft 1", b"draft 2", b"draft 3"):
            assert save(draft) == ""
            assert (alice.read(document), bob.read(document)) == (draft, OLD)
        # her own session stands: what she saves in it is not published behind its back
        assert "Close" in alice.check_in(document, "too early")
    assert alice.save(document, b"draft 4") == ""
    assert (alice.read(document), bob.read(document)) == (b"draft 4", OLD)
    assert (serving.root / document[1:]).read_bytes() == OLD
    history = bob.versions(document)
    assert len(history) == 1

    assert alice.check_in(document, "Zahlen für Q3 & <Q4>") == ""
    assert (alice.read(document), bob.read(document)) == (b"draft 4", b"draft 4")
    assert (serving.root / document[1:]).read_bytes() == b"draft 4"
    assert bob.versions(document)[:1] == history
    assert [(each.number, each.who, each.comment) for each in bob.versions(document)[1:]] == [(2, "alice", "Zahlen für Q3 & <Q4>")]
    assert [bob.read_version(each) for each in bob.versions(document)] == [OLD, b"draft 4"]

    # she thinks better of the next one
    assert alice.check_out(document) == ""
    assert alice.save(document, b"draft 5") == ""
    assert alice.undo(document) == ""
    assert (alice.read(document), bob.read(document)) == (b"draft 4", b"draft 4")
    assert alice.rescued(document) == [b"draft 5"]
    assert bob.rescued(document) == []
    assert len(bob.versions(document)) == 2
    assert bob.save(document, b"bob's") == ""
    assert [bob.read_version(each) for each in alice.versions(document)] == [OLD, b"draft 4", b"bob's"]


def test_a_checkout_and_its_draft_outlive_a_power_cut(serving: Serving, document: str, alice: Door, bob: Door) -> None:
    assert alice.check_out(document) == ""
    assert alice.save(document, b"draft") == ""
    shown = bob.holder(document)
    serving.kill()
    serving.start()
    assert (alice.read(document), bob.read(document)) == (b"draft", OLD)
    assert bob.holder(document) == shown
    assert "alice" in bob.save(document, b"bob was here")
    assert alice.check_in(document, "after all") == ""
    assert bob.read(document) == b"draft"
    assert [each.comment for each in bob.versions(document)] == ["", "after all"]


def test_nothing_written_makes_no_version(document: str, alice: Door, bob: Door) -> None:
    assert alice.check_out(document) == ""
    history = alice.versions(document)
    assert alice.check_in(document, "nothing") == ""
    assert alice.versions(document) == history
    assert bob.check_out(document) == ""
    assert bob.undo(document) == ""
    assert bob.rescued(document) == []
    assert alice.save(document, b"new") == ""


def test_only_one_of_two_gets_it(document: str, alice: Door, bob: Door) -> None:
    assert alice.check_out(document) == ""
    assert alice.check_out(document) == "", "a second time changes nothing"
    assert "alice" in bob.check_out(document)
    assert alice.undo(document) == ""
    assert alice.undo(document) != ""
    assert alice.check_in(document, "of nothing") != ""
    assert bob.check_out(document) == ""
    assert "bob" in alice.save(document, b"alice was here")
