"""What design §2 promises people, told through real sockets, whichever door they come in by."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from tests.cli.commands import done
from tests.doors import DOORS, HOLDS, MINUTE, Door, FrontPage, Held, Hold, Rest, WebDav, editing, on_the_command_line
from tests.fprpc.states import HOUR, an_hour_passes
from tests.serving import Serving

_numbers = itertools.count(1)
OLD = b"the report as everybody knows it\n"


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with Serving(tmp_path_factory.mktemp("stories") / "root", "--workers", "2") as serving:
        yield serving


def new_document(serving: Serving) -> str:
    """The path of a document that no other story uses, whose content is OLD."""
    name = f"Bericht {next(_numbers)} & Anhang.odt"
    (serving.root / name).write_bytes(OLD)
    return f"/{name}"


@pytest.fixture
def document(serving: Serving) -> str:
    return new_document(serving)


@pytest.fixture(params=DOORS, ids=lambda door: f"alice: {door.__name__}")
def alice(request: pytest.FixtureRequest, serving: Serving) -> Door:
    make: type[Door] = request.param
    return make(serving, "alice")


@pytest.fixture(params=DOORS, ids=lambda door: f"bob: {door.__name__}")
def bob(request: pytest.FixtureRequest, serving: Serving) -> Door:
    make: type[Door] = request.param
    return make(serving, "bob")


def moments(told: str) -> Held:
    """What a sentence tells of a lock."""
    found = re.search(r"(?:by|open)\b (.*?),? since ([-\d]+ [:\d]+) UTC(?: until ([-\d]+ [:\d]+) UTC)?", told)
    assert found, told
    since, until = (datetime.fromisoformat(f"{each}+00:00").timestamp() if each else None for each in found.groups()[1:])
    assert since
    return Held(found[1], int(since), (until, until + 1) if until else None)


def assert_taken(door: Door, told: str, held: Held) -> None:
    """That somebody was refused in the words of his door, and told whose lock it is, since when and until when."""
    assert door.code in door.TAKEN, (door.code, told)
    said = moments(told)
    assert said[:2] == held[:2], told
    assert said.ends_with(held), (told, held)


def shown_everywhere(serving: Serving, document: str, *people: Door) -> Held | None:
    """What is shown at the doors of these people, and on the command line: all of them must show the same."""
    first, *others = [*(each.holder(document) for each in people), on_the_command_line(serving, document)]
    for other in others:
        assert (first and first[:2]) == (other and other[:2]), (first, other)
        assert not first or not other or first.ends_with(other), (first, other)
    return others[-1]


def test_check_out_save_check_in(serving: Serving, document: str, alice: Door, bob: Door) -> None:
    before = int(time.time())
    assert alice.check_out(document) == ""
    assert bob.read(document) == OLD
    held = bob.holder(document)
    assert held and held.who == "alice" and not held.until
    assert before <= held.since <= time.time()
    for told in (bob.save(document, b"bob was here"), bob.begin_to_edit(document), bob.check_out(document)):
        assert re.search(r"checked out by alice\b", told)
        assert_taken(bob, told, held)
    for told in (bob.check_in(document, "mine"), bob.undo(document)):
        assert "alice" in told, told

    assert alice.read(document) == OLD
    with editing(alice, document):
        for draft in (b"draft 1", b"draft 2", b"draft 3"):
            assert alice.save(document, draft) == ""
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


def test_a_checkout_and_its_draft_outlive_a_power_cut(serving: Serving) -> None:
    """Of every pair of doors at once: there is one power cut for all of them."""
    pairs = {new_document(serving): (alice(serving, "alice"), bob(serving, "bob")) for alice, bob in itertools.product(DOORS, DOORS)}
    shown = {}
    for document, (alice, bob) in pairs.items():
        assert alice.check_out(document) == ""
        assert alice.save(document, b"draft") == ""
        shown[document] = bob.holder(document)
    serving.kill()
    serving.start()
    for document, (alice, bob) in pairs.items():
        assert (alice.read(document), bob.read(document)) == (b"draft", OLD)
        assert bob.holder(document) == shown[document]
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


# whoever comes second, whatever the first one holds, and whichever doors they come in by


@pytest.fixture(params=HOLDS, ids=lambda hold: f"alice: {hold}")
def hold(request: pytest.FixtureRequest) -> Hold:
    found: Hold = request.param
    return found


@pytest.fixture(params=[hold for hold in HOLDS if not hold.lasts], ids=lambda hold: f"alice: {hold}")
def session(request: pytest.FixtureRequest) -> Hold:
    found: Hold = request.param
    return found


def test_whoever_is_second_is_told_who_was_first(serving: Serving, document: str, hold: Hold, bob: Door) -> None:
    alice = hold.door(serving, "alice")
    assert shown_everywhere(serving, document, alice, bob) is None
    before = int(time.time())
    assert hold.take(alice, document) == ""
    held = shown_everywhere(serving, document, alice, bob)
    assert held and held.who == "alice"
    assert before <= held.since <= time.time()
    assert hold.lasts or held.until and before <= held.until[0] - 10 * MINUTE <= time.time()

    wishes: list[Callable[[], str]] = [
        lambda: bob.save(document, b"bob was here"),
        lambda: bob.begin_to_edit(document),
        lambda: bob.check_out(document),
        lambda: bob.rename(document, f"{document}.bak"),
        lambda: bob.remove(document),
    ]
    for wish in wishes:
        assert_taken(bob, wish(), held)
    assert shown_everywhere(serving, document, alice, bob) == held
    assert (alice.read(document), bob.read(document)) == (OLD, OLD)
    assert alice.save(document, b"hers") == ""

    assert hold.end(alice, document) == ""
    assert shown_everywhere(serving, document, alice, bob) is None
    assert bob.check_out(document) == ""
    now = shown_everywhere(serving, document, alice, bob)
    assert now and now.who == "bob"
    assert_taken(alice, hold.take(alice, document), now)


def test_what_is_renewed_is_seen_at_once_everywhere(serving: Serving, document: str, session: Hold, bob: Door) -> None:
    alice = session.door(serving, "alice")
    assert session.take(alice, document) == ""
    first = shown_everywhere(serving, document, alice, bob)
    for minutes in (45, 20):
        before = time.time()
        assert alice.keep_editing(document, minutes) == ""
        held = shown_everywhere(serving, document, alice, bob)
        assert held and first and held[:2] == first[:2]
        assert held.until and before <= held.until[0] - minutes * MINUTE <= time.time()
        assert_taken(bob, bob.save(document, b"bob was here"), held)
    assert alice.save(document, b"hers") == ""
    assert bob.read(document) == b"hers"


@pytest.mark.parametrize("next_hold", HOLDS, ids=lambda hold: f"bob: {hold}")
def test_what_has_run_out_is_nowhere_any_more(serving: Serving, document: str, session: Hold, next_hold: Hold) -> None:
    alice, bob = session.door(serving, "alice"), next_hold.door(serving, "bob")
    assert session.take(alice, document) == ""
    assert bob.begin_to_edit(document) != ""
    an_hour_passes(serving, document[1:])
    assert shown_everywhere(serving, document, alice, bob) is None
    assert next_hold.take(bob, document) == ""
    held = shown_everywhere(serving, document, alice, bob)
    assert held and held.who == "bob"
    # whose program slept meanwhile
    for told in (alice.save(document, b"hers"), alice.keep_editing(document, 10)):
        assert told
    assert_taken(alice, alice.begin_to_edit(document), held)
    assert alice.end_editing(document) != ""
    assert bob.save(document, b"bob's") == ""
    assert bob.read(document) == b"bob's"
    assert shown_everywhere(serving, document, alice, bob) == held


def test_a_checkout_does_not_run_out(serving: Serving, document: str, alice: Door, bob: Door) -> None:
    assert alice.check_out(document) == ""
    held = bob.holder(document)
    an_hour_passes(serving, document[1:])
    assert held
    older = shown_everywhere(serving, document, alice, bob)
    assert older == Held("alice", held.since - HOUR)
    assert_taken(bob, bob.save(document, b"bob was here"), older)
    assert alice.save(document, b"draft") == ""


def test_what_an_administrator_ends_is_over_everywhere(serving: Serving, document: str, hold: Hold, bob: Door) -> None:
    alice = hold.door(serving, "alice")
    assert hold.take(alice, document) == ""
    assert alice.save(document, b"hers") == ""
    done("locks", "break", document, "--reason", "on holiday", "--root", serving.root)
    assert shown_everywhere(serving, document, alice, bob) is None
    assert alice.rescued(document) == ([b"hers"] if hold.lasts else [])
    assert bob.save(document, b"bob's") == ""
    assert (alice.read(document), bob.read(document)) == (b"bob's", b"bob's")
    assert hold.end(alice, document) != ""


# one person at several doors


@pytest.fixture(params=DOORS, ids=lambda door: f"also alice: {door.__name__}")
def alice_again(request: pytest.FixtureRequest, serving: Serving) -> Door:
    """Another program of hers."""
    make: type[Door] = request.param
    return make(serving, "alice")


def test_ones_own_checkout_is_no_obstacle_at_any_door(document: str, alice: Door, alice_again: Door, bob: Door) -> None:
    assert alice.check_out(document) == ""
    assert alice_again.check_out(document) == "", "a second time changes nothing"
    with editing(alice_again, document):
        assert alice_again.save(document, b"draft") == ""
        assert (alice.read(document), alice_again.read(document), bob.read(document)) == (b"draft", b"draft", OLD)
        assert "Close" in alice.check_in(document, "too early")
    assert alice_again.check_in(document, "from the other one") == ""
    assert bob.read(document) == b"draft"
    assert alice.undo(document) != ""
    assert alice.holder(document) is None


def test_two_programs_of_one_person_are_two_sessions(serving: Serving, document: str, session: Hold, alice_again: Door) -> None:
    alice = session.door(serving, "alice")
    assert session.take(alice, document) == ""
    held = shown_everywhere(serving, document, alice, alice_again)
    assert held
    told = alice_again.begin_to_edit(document)
    assert alice_again.code in alice_again.TAKEN
    assert re.search("yourself|your own", told), told
    assert (moments(told).since, moments(told).ends_with(held)) == (held.since, True), told
    assert shown_everywhere(serving, document, alice, alice_again) == held
    assert session.end(alice, document) == ""
    with editing(alice_again, document):
        assert alice_again.save(document, b"hers") == ""


# one document, three doors, one holder


def test_one_document_three_doors_one_holder(serving: Serving, document: str) -> None:
    """Whatever alice does at one door is so at the others, and nobody else gets in at any of them."""
    hers, bobs = ([door(serving, name) for door in (WebDav, FrontPage, Rest)] for name in ("alice", "bob"))
    webdav, frontpage, rest = hers
    assert rest.check_out(document) == ""
    for door in hers:
        assert door.check_out(document) == "", "a second time changes nothing"
    held = shown_everywhere(serving, document, *hers, *bobs)
    assert held and held.who == "alice" and not held.until

    for count, (writer, bob) in enumerate(itertools.product(hers, bobs)):
        draft = b"draft %d" % count
        assert writer.save(document, draft) == ""
        assert [door.read(document) for door in hers] == [draft] * 3
        assert [door.read(document) for door in bobs] == [OLD] * 3
        for told in (bob.save(document, b"bob was here"), bob.check_out(document), bob.begin_to_edit(document)):
            assert_taken(bob, told, held)
        assert "alice" in bob.check_in(document, "mine")
        assert "alice" in bob.undo(document)

    # while it is open in a program, no door checks it in
    with editing(webdav, document):
        for door in hers:
            assert "Close" in door.check_in(document, "too early")
    with editing(frontpage, document):
        assert webdav.begin_to_edit(document) != ""
        for door in hers:
            assert "Close" in door.check_in(document, "too early")
    assert shown_everywhere(serving, document, *hers, *bobs) == held

    assert frontpage.check_in(document, "by the second door") == ""
    assert shown_everywhere(serving, document, *hers, *bobs) is None
    for door in (*hers, *bobs):
        assert door.read(document) == b"draft 8"
        assert [(each.number, each.who, each.comment) for each in door.versions(document)][1:] == [(2, "alice", "by the second door")]
        assert [door.read_version(each) for each in door.versions(document)] == [OLD, b"draft 8"]
    for door in hers:
        assert door.undo(document) != ""

    # the next one is bob's, by the door that nobody has used last
    assert bobs[2].check_out(document) == ""
    now = shown_everywhere(serving, document, *hers, *bobs)
    assert now and now.who == "bob"
    for door in hers:
        assert_taken(door, door.save(document, b"hers"), now)
