"""Which document is which: ids, properties and checkouts through renames, replacements and the save dances of Office."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from davlock.errors import Conflict, Locked
from davlock.model import Kind, Scope
from tests.documents.conftest import ALICE, BOB, TUNNEL_SECONDS, Clock, Opener, Site


@pytest.fixture
def kept(site: Site) -> int:
    """The id of /name.docx, which has a property."""
    site.put("/name.docx", b"old")
    site.patch("/name.docx", "red")
    kept = site.id("/name.docx")
    assert kept is not None
    return kept


# what keeps a document the same


def test_an_id_stays_through_replacing_moving_and_restarting(site: Site, kept: int, open_site: Opener) -> None:
    site.put("/name.docx", b"new")
    assert site.id("/name.docx") == kept
    site.mkcol("/folder")
    site.move("/name.docx", "/folder/renamed.docx")
    assert site.id("/folder/renamed.docx") == kept
    assert site.id("/name.docx") is None
    restarted = open_site()
    restarted.library.upkeep.recover()
    assert restarted.id("/folder/renamed.docx") == kept
    assert restarted.colour("/folder/renamed.docx") == "red"
    restarted.move("/folder", "/archive")
    assert restarted.id("/archive/renamed.docx") == kept


def test_a_document_is_given_an_id_when_one_is_needed(site: Site) -> None:
    (site.root / "found.txt").write_text("was here before the server")
    assert site.id("/found.txt") is None
    site.patch("/found.txt", "red")
    first = site.id("/found.txt")
    site.put("/found.txt", b"new")
    assert site.id("/found.txt") == first is not None


def test_ids_are_never_given_twice(site: Site, clock: Clock) -> None:
    ids = []
    for number in range(20):
        site.put(f"/{number}.txt", b"")
        ids.append(site.id(f"/{number}.txt"))
        site.delete(f"/{number}.txt")
        clock.now += 100
    assert len(set(ids)) == 20


def test_a_moved_folder_takes_all_its_members_along(site: Site) -> None:
    site.mkcol("/a")
    site.mkcol("/a/b")
    for path in ("/a/1.txt", "/a/b/2.txt"):
        site.put(path, path.encode())
    for path in ("/a", "/a/b", "/a/1.txt", "/a/b/2.txt"):
        site.patch(path, f"of {path}")
    site.put("/ab.txt", b"a neighbour")
    before = {path: site.id(path) for path in ("/a", "/a/b", "/a/1.txt", "/a/b/2.txt", "/ab.txt")}
    checkout = site.lock("/a/b/2.txt", kind=Kind.CHECKOUT)
    site.move("/a", "/moved")
    for path in ("/a", "/a/b", "/a/1.txt", "/a/b/2.txt"):
        to = "/moved" + path[2:]
        assert site.id(to) == before[path]
        assert site.id(path) is None
        assert site.colour(to) == f"of {path}"
    assert site.id("/ab.txt") == before["/ab.txt"]
    assert [(lock.root, lock.token) for lock in site.library.all_locks()] == [("/moved/b/2.txt", checkout.token)]


def test_a_copy_is_another_document_with_the_same_properties(site: Site, kept: int) -> None:
    site.lock("/name.docx", kind=Kind.EDIT)
    site.copy("/name.docx", "/copy.docx")
    assert site.id("/copy.docx") not in (kept, None)
    assert site.colour("/copy.docx") == "red"
    assert site.locks("/copy.docx") == []
    site.patch("/copy.docx", "blue")
    assert site.colour("/name.docx") == "red"


# the dances: each leaves "new" under the old name

Dance = Callable[[Site], None]


def move_away_and_back(site: Site) -> None:
    site.put("/~tmp1.tmp", b"new")
    site.move("/name.docx", "/~tmp2.tmp")
    site.move("/~tmp1.tmp", "/name.docx")
    site.delete("/~tmp2.tmp")


def move_onto(site: Site) -> None:
    site.put("/~tmp1.tmp", b"new")
    site.move("/~tmp1.tmp", "/name.docx")


def delete_and_move(site: Site) -> None:
    site.put("/~tmp1.tmp", b"new")
    site.delete("/name.docx")
    site.move("/~tmp1.tmp", "/name.docx")


def delete_and_write(site: Site) -> None:
    site.delete("/name.docx")
    site.put("/name.docx", b"new")


def move_away_and_write(site: Site) -> None:
    site.move("/name.docx", "/~tmp2.tmp")
    site.put("/name.docx", b"new")
    site.delete("/~tmp2.tmp")


def move_away_and_move_in_what_was_not_written_here(site: Site) -> None:
    (site.root / "~tmp1.tmp").write_bytes(b"new")
    site.move("/name.docx", "/~tmp2.tmp")
    site.move("/~tmp1.tmp", "/name.docx")
    site.delete("/~tmp2.tmp")


DANCES: list[Dance] = [
    move_away_and_back,
    move_onto,
    delete_and_move,
    delete_and_write,
    move_away_and_write,
    move_away_and_move_in_what_was_not_written_here,
]


@pytest.fixture(params=DANCES, ids=lambda dance: dance.__name__)
def dance(request: pytest.FixtureRequest) -> Dance:
    found: Dance = request.param
    return found


def test_a_save_by_dance_keeps_the_document(site: Site, kept: int, dance: Dance) -> None:
    before = site.version("/name.docx")
    dance(site)
    assert site.names() == ["name.docx"]
    assert site.get("/name.docx") == b"new"
    assert site.id("/name.docx") == kept
    assert site.colour("/name.docx") == "red"
    assert site.version("/name.docx") > before
    assert list(site.library.upkeep.check()) == []


def test_a_save_by_dance_can_be_repeated(site: Site, kept: int, dance: Dance, clock: Clock) -> None:
    for _ in range(5):
        dance(site)
        assert site.id("/name.docx") == kept
        clock.now += 3600
    assert site.colour("/name.docx") == "red"
    assert list(site.library.upkeep.check()) == []


@pytest.mark.parametrize("kind", [Kind.EDIT, Kind.CHECKOUT])
def test_a_save_by_dance_keeps_the_checkout(site: Site, kept: int, dance: Dance, kind: Kind, clock: Clock) -> None:
    lock = site.lock("/name.docx", kind=kind)
    dance(site)
    (after,) = site.library.all_locks()
    assert (after.root, after.token, after.expires, after.document) == ("/name.docx", lock.token, lock.expires, kept)
    with pytest.raises(Locked):
        site.put("/name.docx", b"by somebody else", BOB)
    clock.now += 300
    assert site.locks("/name.docx") == [(kind.value, "alice")]


def test_a_dance_after_its_time_makes_another_document(site: Site, kept: int, clock: Clock) -> None:
    site.put("/~tmp1.tmp", b"new")
    site.move("/name.docx", "/~tmp2.tmp")
    clock.now += TUNNEL_SECONDS + 1
    site.move("/~tmp1.tmp", "/name.docx")
    assert site.id("/name.docx") != kept
    assert site.id("/~tmp2.tmp") == kept
    assert (site.colour("/name.docx"), site.colour("/~tmp2.tmp")) == (None, "red")


def test_a_name_that_is_filled_again_too_late_is_another_document(site: Site, kept: int, clock: Clock) -> None:
    site.delete("/name.docx")
    clock.now += TUNNEL_SECONDS + 1
    site.put("/name.docx", b"new")
    assert site.id("/name.docx") not in (kept, None)
    assert site.colour("/name.docx") is None


def test_just_in_time_is_in_time(site: Site, kept: int, clock: Clock) -> None:
    site.delete("/name.docx")
    clock.now += TUNNEL_SECONDS
    site.put("/name.docx", b"new")
    assert site.id("/name.docx") == kept


@pytest.mark.parametrize("moved", [True, False])
def test_a_name_that_somebody_else_fills_is_another_document(site: Site, kept: int, moved: bool) -> None:
    if moved:
        site.move("/name.docx", "/kept.docx")
    else:
        site.delete("/name.docx")
    site.put("/name.docx", b"bob's", BOB)
    assert site.id("/name.docx") not in (kept, None)
    assert site.colour("/name.docx") is None
    assert site.id("/kept.docx") == (kept if moved else None)


def test_a_checkout_of_what_its_holder_deletes_is_over(site: Site, kept: int) -> None:
    """design §2; it comes back only to him."""
    site.lock("/name.docx", kind=Kind.CHECKOUT)
    site.delete("/name.docx")
    assert site.library.all_locks() == []
    site.put("/name.docx", b"bob's", BOB)
    assert site.id("/name.docx") != kept
    assert site.library.all_locks() == []


def test_a_checkout_of_what_was_deleted_does_not_come_back_after_its_time(site: Site, kept: int, clock: Clock) -> None:
    site.lock("/name.docx", kind=Kind.CHECKOUT)
    site.delete("/name.docx")
    clock.now += TUNNEL_SECONDS + 1
    site.put("/name.docx", b"another one")
    assert site.id("/name.docx") != kept
    assert site.library.all_locks() == []


def test_a_short_term_checkout_waits_for_what_may_come_back(site: Site, kept: int) -> None:
    site.lock("/name.docx", kind=Kind.EDIT)
    site.delete("/name.docx")
    with pytest.raises(Locked):
        site.put("/name.docx", b"bob's", BOB)


def test_a_checkout_does_not_pass_to_another_document_of_the_same_name(site: Site, kept: int, clock: Clock) -> None:
    site.lock("/name.docx", kind=Kind.EDIT)
    site.delete("/name.docx")
    clock.now += TUNNEL_SECONDS + 1
    site.put("/name.docx", b"another one")
    assert site.id("/name.docx") != kept
    assert site.library.all_locks() == []


def test_a_plain_rename_and_a_new_document_of_the_old_name(site: Site, kept: int) -> None:
    """What was moved away is not robbed of its properties, however soon its old name is used again."""
    site.move("/name.docx", "/renamed.docx")
    site.put("/name.docx", b"another one")
    assert site.colour("/renamed.docx") == "red"
    assert site.get("/renamed.docx") == b"old"
    assert site.id("/renamed.docx") not in (site.id("/name.docx"), None)
    site.patch("/name.docx", "blue")
    assert site.colour("/renamed.docx") == "red"
    assert list(site.library.upkeep.check()) == []


def test_what_arrives_brings_its_own_properties(site: Site, kept: int) -> None:
    """RFC 4918 §9.9.1: the dead properties of the source move with it; tunnelling adds what stood there, and takes nothing."""
    site.put("/~tmp1.tmp", b"new")
    site.patch("/~tmp1.tmp", "green")
    site.patch("/~tmp1.tmp", "large", name="{x}size")
    site.move("/name.docx", "/~tmp2.tmp")
    site.move("/~tmp1.tmp", "/name.docx")
    assert site.id("/name.docx") == kept
    assert (site.colour("/name.docx"), site.colour("/name.docx", "{x}size")) == ("green", "large")
    assert (site.colour("/~tmp2.tmp"), site.colour("/~tmp2.tmp", "{x}size")) == ("red", None)


def test_a_document_that_arrives_checked_out_stays_itself(site: Site, kept: int) -> None:
    site.put("/other.docx", b"other")
    other = site.id("/other.docx")
    site.lock("/other.docx", kind=Kind.CHECKOUT)
    site.move("/other.docx", "/name.docx")
    assert site.id("/name.docx") == other
    assert site.locks("/name.docx") == [("CHECKOUT", "alice")]


def test_a_lock_on_the_url_stays_where_it_is(site: Site, kept: int) -> None:
    """RFC 4918 §7.6: a LOCK is not moved; it goes with what it stood on, but stays on a URL that is overwritten (§9.9.4)."""
    site.lock("/name.docx")
    site.put("/~tmp1.tmp", b"new")
    site.move("/~tmp1.tmp", "/name.docx", site.with_tokens())
    assert site.locks("/name.docx") == [("LOCK", "alice")]
    site.move("/name.docx", "/away.docx", site.with_tokens())
    assert site.library.all_locks() == []


def test_members_of_a_deleted_folder_do_not_haunt_their_former_names(site: Site, clock: Clock) -> None:
    """Neither under the name that one had before it was moved into the folder. Whoever asks for them finds them by the last one."""
    site.put("/doc.txt", b"doc")
    site.patch("/doc.txt", "red")
    gone = site.id("/doc.txt")
    site.mkcol("/folder")
    site.move("/doc.txt", "/folder/doc.txt")
    clock.now += 3600
    site.delete("/folder")
    found = site.library.archive.deleted("/folder/doc.txt")
    assert found and found.id == gone
    site.mkcol("/folder")
    for path in ("/doc.txt", "/folder/doc.txt"):
        site.put(path, b"new")
        assert site.id(path) != gone
        assert site.colour(path) is None


def test_a_file_without_a_row_takes_back_its_identity(site: Site, kept: int) -> None:
    """As after a crash between the rename and the commit of a PUT."""
    site.delete("/name.docx")
    (site.root / "name.docx").write_bytes(b"half acknowledged")
    site.put("/name.docx", b"tried again")
    assert site.id("/name.docx") == kept
    assert site.colour("/name.docx") == "red"


# what another program does


def test_a_change_underneath_is_a_version_of_the_same_document(site: Site, kept: int) -> None:
    before = site.version("/name.docx")
    (site.root / "name.docx").write_bytes(b"by hand")
    (found,) = site.library.upkeep.check()
    assert (found.path, found.outcome) == ("/name.docx", "repaired")
    assert (site.id("/name.docx"), site.version("/name.docx")) == (kept, before + 1)
    assert list(site.library.upkeep.check()) == []


def test_what_was_copied_over_is_a_version_by_whoever_did_it(site: Site, kept: int) -> None:
    site.put("/source.docx", b"source", BOB)
    before = site.version("/name.docx")
    site.copy("/source.docx", "/name.docx", BOB)
    with site.state.reading() as rows:
        document = rows.document("/name.docx")
    assert document
    assert (document.id, document.version, document.changed_by, document.door) == (kept, before + 1, "bob", BOB.door)


def test_nothing_of_what_was_copied_over_remains_but_its_identity(site: Site, kept: int) -> None:
    """RFC 4918 §9.8.4: no more properties than the source has."""
    site.put("/source.docx", b"source")
    site.patch("/source.docx", "large", name="{x}size")
    site.copy("/source.docx", "/name.docx")
    assert site.id("/name.docx") == kept
    assert (site.colour("/name.docx"), site.colour("/name.docx", "{x}size")) == (None, "large")


def test_what_was_removed_underneath_is_retired(site: Site, kept: int) -> None:
    site.mkcol("/folder")
    site.put("/folder/a.txt", b"a")
    site.patch("/folder", "red")
    (site.root / "name.docx").unlink()
    shutil.rmtree(site.root / "folder")
    assert {found.path for found in site.library.upkeep.check()} >= {"/name.docx", "/folder"}
    assert list(site.library.upkeep.check()) == []
    with site.state.reading() as rows:
        assert list(rows.documents()) == []


def test_what_was_removed_underneath_long_ago_does_not_come_back(site: Site, kept: int) -> None:
    (site.root / "name.docx").unlink()
    site.put("/other.docx", b"other")
    other = site.id("/other.docx")
    site.move("/other.docx", "/name.docx", ALICE)
    assert site.id("/name.docx") == other
    assert site.colour("/name.docx") is None


def test_a_checkout_does_not_move_to_where_it_could_not_have_been_granted(site: Site) -> None:
    site.mkcol("/folder")
    site.put("/doc.txt", b"1")
    site.lock("/doc.txt", kind=Kind.CHECKOUT)
    site.lock("/folder", BOB, deep=True, scope=Scope.SHARED)
    site.lock("/folder", deep=True, scope=Scope.SHARED)
    with pytest.raises(Conflict):
        site.move("/doc.txt", "/folder/doc.txt", site.with_tokens())
    assert site.get("/doc.txt") == b"1"
    assert site.locks("/doc.txt") == [("CHECKOUT", "alice")]
