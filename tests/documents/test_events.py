"""What is told of documents: for each change exactly its event, with the change or not at all, in the order of the decisions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from davlock import paths
from davlock.errors import DavlockError
from davlock.model import Caller, Event, Kind, Scope, Semantics, Wanted
from davlock.writes import Along, Properties
from tests.documents.conftest import ADMIN, ALICE, BOB, TUNNEL_SECONDS, Bytes, Clock, Opener, Site
from tests.documents.killing import killed, trap


class Heard:
    """Events since the last time."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.last = site.library.outbox.last_event()

    def events(self) -> list[Event]:
        told = self.site.library.outbox.events(self.last, 1000)
        assert not told.is_reset
        self.last = told.last
        return told.events

    def __call__(self) -> list[tuple[str, str]]:
        """What became of which path: [("created", "/a")]."""
        return [(event.name.removeprefix("document."), event.path) for event in self.events()]


@pytest.fixture
def heard(site: Site) -> Heard:
    return Heard(site)


def test_a_document_is_created_edited_and_deleted(site: Site, heard: Heard) -> None:
    site.put("/a", b"one")
    (created,) = heard.events()
    assert (created.name, created.path, created.document) == ("document.created", "/a", site.id("/a"))
    assert (created.principal, created.door, created.details) == ("alice", ALICE.door, {"version": 1})
    site.put("/a", b"two", BOB)
    (edited,) = heard.events()
    assert (edited.name, edited.principal, edited.details) == ("document.edited", "bob", {"version": 2})
    site.delete("/a", BOB)
    (deleted,) = heard.events()
    assert (deleted.name, deleted.document, deleted.path) == ("document.deleted", created.document, "/a")
    assert created.id < edited.id < deleted.id


def test_what_is_not_done_is_not_told(site: Site, heard: Heard) -> None:
    site.put("/a", b"one")
    site.lock("/a", BOB)
    heard()
    for refused in (
        lambda: site.put("/a", b"two"),
        lambda: site.delete("/a"),
        lambda: site.move("/a", "/b"),
        lambda: site.copy("/", "/a"),
        lambda: site.patch("/a", "red"),
        lambda: site.check_out("/a"),
        lambda: site.undo("/a"),
        lambda: site.put("/none/a", b"one"),
    ):
        with pytest.raises(DavlockError):
            refused()
    assert heard() == []


def test_looking_and_locking_tell_nothing(site: Site, heard: Heard) -> None:
    site.put("/a", b"one")
    heard()
    site.get("/a")
    site.lock("/a")
    site.unlock("/a")
    site.library.make_folder(paths.parse("/folder"), ALICE)
    site.library.lock(paths.parse("/folder"), Wanted(Kind.LOCK, "/folder", deep=True), ALICE)
    assert heard() == []


def test_a_lock_on_a_new_name_creates_a_document(site: Site, heard: Heard) -> None:
    site.lock("/new")
    assert heard() == [("created", "/new")]


def test_each_save_in_a_session_is_an_edit(site: Site, heard: Heard) -> None:
    site.lock("/a")
    site.put("/a", b"one", site.with_tokens())
    site.put("/a", b"two", site.with_tokens())
    assert [(event.name, event.details["version"]) for event in heard.events()] == [
        ("document.created", 1),
        ("document.edited", 1),
        ("document.edited", 1),
    ]


def test_properties_are_a_change(site: Site, heard: Heard) -> None:
    site.put("/a", b"one")
    heard()
    site.patch("/a", "red")
    (changed,) = heard.events()
    assert (changed.name, changed.path, changed.document) == ("document.changed", "/a", site.id("/a"))
    assert changed.details == {"changes": ["{x}colour"]}


def test_properties_of_a_folder_are_none(site: Site, heard: Heard) -> None:
    site.library.make_folder(paths.parse("/folder"), ALICE)
    site.patch("/folder", "red")
    assert heard() == []


def test_content_with_properties_in_one_decision_is_both(site: Site, heard: Heard) -> None:
    along = Along(properties=lambda: Properties({"{x}colour": "<c xmlns='x'>red</c>"}))
    site.library.write(paths.parse("/a"), Bytes(b"one"), 3, ALICE, along=along)
    assert heard() == [("created", "/a"), ("changed", "/a")]


def test_a_renamed_document_has_changed(site: Site, heard: Heard) -> None:
    site.put("/a", b"one")
    id = site.id("/a")
    heard()
    site.move("/a", "/b", BOB)
    (changed,) = heard.events()
    assert (changed.name, changed.document, changed.path, changed.principal) == ("document.changed", id, "/b", "bob")
    assert changed.details == {"from": "/a"}


def test_of_a_folder_every_document_is_told(site: Site, heard: Heard) -> None:
    site.library.make_folder(paths.parse("/f"), ALICE)
    site.library.make_folder(paths.parse("/f/g"), ALICE)
    for path in ("/f/a", "/f/g/b", "/other"):
        site.put(path, b"one")
    heard()
    site.move("/f", "/h")
    assert sorted(heard()) == [("changed", "/h/a"), ("changed", "/h/g/b")]
    site.delete("/h")
    assert sorted(heard()) == [("deleted", "/h/a"), ("deleted", "/h/g/b")]


def test_a_copy_is_created_or_edited(site: Site, heard: Heard) -> None:
    site.put("/a", b"one")
    site.put("/b", b"two")
    id = site.id("/b")
    heard()
    site.copy("/a", "/c", BOB)
    (created,) = heard.events()
    assert (created.name, created.path, created.document, created.principal) == ("document.created", "/c", site.id("/c"), "bob")
    site.copy("/a", "/b", BOB)
    (edited,) = heard.events()
    assert (edited.name, edited.path, edited.document) == ("document.edited", "/b", id)


def test_a_copied_folder_is_told_document_by_document(site: Site, heard: Heard) -> None:
    site.library.make_folder(paths.parse("/f"), ALICE)
    site.put("/f/a", b"one")
    site.put("/f/b", b"two")
    heard()
    site.copy("/f", "/g", BOB)
    events = heard.events()
    assert sorted((event.name, event.path, event.principal) for event in events) == [
        ("document.created", "/g/a", "bob"),
        ("document.created", "/g/b", "bob"),
    ]
    assert {event.document for event in events} == {site.id("/g/a"), site.id("/g/b")}


def test_a_document_moved_onto_another_one_is_its_new_content(site: Site, heard: Heard) -> None:
    site.put("/new", b"new")
    site.put("/a", b"old")
    old, new = site.id("/a"), site.id("/new")
    heard()
    site.move("/new", "/a")
    assert sorted((event.name, event.document) for event in heard.events()) == [("document.deleted", new), ("document.edited", old)]
    assert site.id("/a") == old


def test_the_save_dance_of_office_ends_as_an_edit(site: Site, heard: Heard) -> None:
    site.put("/report", b"old")
    id = site.id("/report")
    site.put("/~new.tmp", b"new")
    other = site.id("/~new.tmp")
    heard()
    site.move("/report", "/~old.tmp")
    assert heard() == [("changed", "/~old.tmp")]
    site.move("/~new.tmp", "/report")
    assert {(event.document, event.name, event.path) for event in heard.events()} == {
        (id, "document.edited", "/report"),
        (other, "document.edited", "/~old.tmp"),
    }
    site.delete("/~old.tmp")
    assert [(event.document, event.name) for event in heard.events()] == [(other, "document.deleted")]


def test_what_comes_back_after_it_was_deleted_is_created_again(site: Site, heard: Heard) -> None:
    site.put("/a", b"one")
    id = site.id("/a")
    site.check_out("/a")
    heard()
    site.delete("/a")
    assert heard() == [("deleted", "/a")]
    site.put("/a", b"two")  # within seconds: the document comes back, with its checkout, and this is its draft
    events = heard.events()
    assert [(event.name, event.document) for event in events] == [("document.created", id), ("document.checkedout", id)]
    assert site.get("/a", "bob") == b"one"


def test_a_deleted_document_that_is_restored_is_created_again(site: Site, heard: Heard, clock: Clock) -> None:
    site.put("/a", b"one")
    site.delete("/a")
    document = site.library.archive.deleted("/a")
    assert document
    clock.now += TUNNEL_SECONDS + 1
    heard()
    site.restore("/a", 1, document=document)
    assert [(event.name, event.document) for event in heard.events()] == [("document.created", document.id)]


def test_checkouts_are_told(site: Site, heard: Heard) -> None:
    site.put("/a", b"one")
    heard()
    lock = site.check_out("/a", comment="figures")
    (out,) = heard.events()
    assert (out.name, out.path, out.document, out.principal) == ("document.checkedout", "/a", site.id("/a"), "alice")
    assert out.details == {"kind": "CHECKOUT", "holder": "alice", "since": lock.since, "comment": "figures"}
    site.check_out("/a")  # a second time changes nothing
    site.put("/a", b"draft")  # which nobody else sees
    assert heard() == []
    site.check_in("/a", comment="done")
    assert heard() == [("edited", "/a"), ("checkedin", "/a")]
    site.check_out("/a")
    site.check_in("/a")
    assert heard() == [("checkedout", "/a"), ("checkedin", "/a")]
    site.check_out("/a")
    site.undo("/a")
    assert heard() == [("checkedout", "/a"), ("undone", "/a")]


def test_a_new_document_that_is_made_checked_out(site: Site, heard: Heard) -> None:
    site.library.create(paths.parse("/a"), ALICE, Semantics.VERSIONING, properties={"{x}colour": "<c xmlns='x'>red</c>"})
    assert heard() == [("created", "/a"), ("checkedout", "/a")]


def test_a_kept_checkout_is_not_checked_in(site: Site, heard: Heard) -> None:
    site.put("/a", b"one")
    site.check_out("/a")
    heard()
    site.check_in("/a", keep=True, content=b"two")
    assert heard() == [("edited", "/a")]


def test_force_is_told_with_its_reason(site: Site, heard: Heard) -> None:
    site.put("/a", b"one")
    site.check_out("/a", BOB)
    heard()
    site.undo("/a", ADMIN, "on holiday")
    (forced,) = heard.events()
    assert (forced.name, forced.principal) == ("document.forced", ADMIN.principal)
    assert (forced.details["holder"], forced.details["reason"]) == ("bob", "on holiday")
    lock = site.lock("/a", BOB)
    site.library.break_lock(lock.token, ADMIN, "crashed")
    (forced,) = heard.events()
    assert (forced.name, forced.document, forced.details["kind"]) == ("document.forced", site.id("/a"), "LOCK")


def test_an_editing_session_is_told_by_what_is_saved_in_it(site: Site, heard: Heard, clock: Clock) -> None:
    site.put("/a", b"one")
    heard()
    site.library.edit("/a", ALICE, 60)
    assert heard() == []
    site.library.edit("/a", ALICE, 60, renew=True)
    site.put("/a", b"two")
    site.library.end_edit("/a", ALICE)
    assert heard() == [("edited", "/a")]


@pytest.mark.parametrize("kind", [Kind.LOCK, Kind.EDIT])
def test_what_has_run_out_is_told_once(site: Site, heard: Heard, clock: Clock, kind: Kind) -> None:
    site.put("/a", b"one")
    lock = site.library.lock(paths.parse("/a"), Wanted(kind, "/a", Scope.EXCLUSIVE, timeout=60), ALICE).lock
    heard()
    site.library.outbox.notice_expired()
    assert heard() == []
    clock.now += 61
    site.library.outbox.notice_expired()
    site.library.outbox.notice_expired()
    (expired,) = heard.events()
    assert (expired.name, expired.path, expired.document, expired.principal) == ("document.expired", "/a", site.id("/a"), "")
    assert (expired.details["holder"], expired.details["until"]) == ("alice", lock.expires)
    assert expired.at == clock.now
    site.lock("/a", BOB)
    assert heard() == []


def test_who_takes_what_has_run_out_is_told_after_it(site: Site, heard: Heard, clock: Clock) -> None:
    site.put("/a", b"one")
    site.library.edit("/a", ALICE, 60)
    heard()
    clock.now += 61
    site.library.check_out("/a", BOB)
    assert heard() == [("expired", "/a"), ("checkedout", "/a")]


def test_what_another_program_has_changed_is_told_when_it_is_noticed(site: Site, heard: Heard, root: Path) -> None:
    site.put("/a", b"one")
    heard()
    (root / "a").write_bytes(b"changed underneath")
    site.document("/a")
    (edited,) = heard.events()
    assert (edited.name, edited.principal, edited.door) == ("document.edited", "", "outside")


def test_what_was_there_before_is_not_told_as_new(site: Site, heard: Heard, root: Path) -> None:
    for name in ("a", "b", "c"):
        (root / name).write_bytes(b"old")
    site.library.catalogue.identify("/a")
    assert heard() == []
    site.check_out("/a")
    assert heard() == [("checkedout", "/a")]
    site.put("/b", b"new")
    assert heard() == [("edited", "/b")]
    site.move("/c", "/d")
    assert heard() == [("changed", "/d")]
    site.delete("/d")
    assert heard() == [("deleted", "/d")]


def test_deciding_together_keeps_each_its_event(site: Site) -> None:
    site.put("/a", b"one")
    heard = Heard(site)
    site.check_out("/a")
    site.put("/saved", b"two")
    site.move("/saved", "/a")  # becomes the draft
    assert heard() == [("checkedout", "/a"), ("created", "/saved"), ("deleted", "/saved")]
    assert site.get("/a", "bob") == b"one"
    assert site.get("/a", "alice") == b"two"


def test_events_are_forgotten_but_never_a_number(site: Site, open_site: Opener, clock: Clock) -> None:
    site.put("/a", b"one")
    site.put("/b", b"one")
    clock.now += 8 * 86_400
    site.library.upkeep.forget()
    last = site.library.outbox.last_event()
    told = site.library.outbox.events(1, 10)
    assert (told.is_reset, [event.path for event in told.events]) == (False, ["/b"])
    site.put("/c", b"one")
    clock.now += 8 * 86_400
    open_site().library.upkeep.forget()
    assert site.library.outbox.last_event() == last + 1
    assert site.library.outbox.events(1, 10).is_reset
    assert site.library.outbox.events(last + 2, 10).is_reset  # of another time line, such as before a restored backup
    assert not site.library.outbox.events(last, 10).is_reset
    assert [event.path for event in site.library.outbox.events(0, 10).events] == ["/c"]


def test_who_listens_is_told_page_by_page(site: Site) -> None:
    start = site.library.outbox.last_event()
    for number in range(5):
        site.put(f"/{number}", b"x")
    found, after = [], start
    while told := site.library.outbox.events(after, 2).events:
        found += [event.path for event in told]
        after = told[-1].id
    assert found == [f"/{number}" for number in range(5)]


KILLED: dict[str, tuple[Callable[[Site], object], Callable[[Site], bool], str]] = {
    # what is done, whether it has been, and what is told then
    "delete": (lambda site: site.delete("/a"), lambda site: site.id("/a") is None, "document.deleted"),
    "move": (lambda site: site.move("/a", "/b"), lambda site: site.id("/b") is not None, "document.changed"),
    "copy": (lambda site: site.copy("/a", "/b"), lambda site: "b" in site.names(), "document.created"),
    "properties": (lambda site: site.patch("/a", "red"), lambda site: site.colour("/a") == "red", "document.changed"),
    "check out": (lambda site: site.check_out("/a"), lambda site: len(site.locks("/a")) == 1, "document.checkedout"),
    "undo": (lambda site: site.undo("/out"), lambda site: not site.locks("/out"), "document.undone"),
    "check in": (lambda site: site.check_in("/out"), lambda site: not site.locks("/out"), "document.checkedin"),
}


@pytest.mark.parametrize("name", KILLED)
def test_what_is_done_is_told_whenever_the_process_is_killed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    operation, is_done, told = KILLED[name]
    trap(monkeypatch)
    outcomes, step = set(), 0
    while True:
        step += 1
        root = tmp_path / str(step)
        root.mkdir()
        site = Site(root, Clock())
        site.put("/a", b"one")
        site.put("/out", b"one")
        site.check_out("/out")
        site.put("/out", b"draft")
        start = site.library.outbox.last_event()
        site.close()
        if not killed(root, operation, step):
            break
        site = Site(root, Clock())
        site.library.upkeep.recover()
        done = is_done(site)
        assert [event.name for event in site.library.outbox.events(start, 10).events].count(told) == done, f"killed at step {step}"
        outcomes.add(done)
        site.close()
    assert outcomes == {False, True}


def test_a_caller_is_named_with_his_door(site: Site, heard: Heard) -> None:
    site.put("/a", b"one", Caller("alice", door="rest"))
    site.check_out("/a", Caller("alice", door="fprpc"))
    site.undo("/a", Caller("alice", door="web"))
    site.check_out("/a", Caller("alice", door="rest"))
    site.check_in("/a", Caller("alice", door="fprpc"), content=b"two")
    site.delete("/a", Caller("alice", door="webdav"))
    assert [event.door for event in heard.events()] == ["rest", "fprpc", "web", "rest", "fprpc", "fprpc", "webdav"]


def test_what_was_told_in_a_decision_is_not_told_again(site: Site) -> None:
    site.put("/a", b"one")
    with site.state.deciding() as rows:
        document = rows.document("/a")
        assert document
        rows.place_document(document.id, None)
        gone = rows.take_touched()
        rows.place_document(document.id, "/b")
        back = rows.take_touched()
        assert rows.take_touched() == []
    places = [[(before and before.path, after and after.path) for before, after in pairs] for pairs in (gone, back)]
    assert places == [[("/a", None)], [(None, "/b")]]
