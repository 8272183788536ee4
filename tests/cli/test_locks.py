from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

from davlock import paths
from davlock.model import Caller, Kind, Scope, Wanted
from tests.cli.commands import check_out, delete, done, library, lock, moment, refused, run, seen_by, standing, table, undo, write


def test_no_locks(root: Path) -> None:
    assert done("locks", "list", "--root", root) == "Nothing is locked.\n"
    assert json.loads(done("locks", "list", "--json", "--root", root)) == []


def test_locks_are_listed_for_people(root: Path) -> None:
    (root / "a.txt").write_text("")
    (root / "folder").mkdir()
    first = lock(root, "/a.txt", "alice", timeout=600)
    second = lock(root, "/folder", "bob", deep=True, scope=Scope.SHARED)
    head, *lines = [re.split(r"  +", line) for line in done("locks", "list", "--root", root).splitlines()]
    assert head == ["PATH", "HOLDER", "KIND", "SCOPE/DEPTH", "SINCE", "UNTIL", "DOOR"]
    assert [line[:4] for line in lines] == [
        ["/a.txt", "alice", "LOCK", "exclusive/0"],
        ["/folder", "bob", "LOCK", "shared/infinity"],
    ]
    assert datetime.strptime(lines[0][4], "%Y-%m-%d %H:%M:%S").timestamp() == int(first.since)
    assert first.expires and datetime.strptime(lines[0][5], "%Y-%m-%d %H:%M:%S").timestamp() == int(first.expires)
    assert lines[0][6] == "webdav"
    shown = done("locks", "list", "--root", root)
    assert first.token not in shown and second.token not in shown


def test_locks_are_listed_for_programs(root: Path) -> None:
    (root / "a.txt").write_text("")
    held = lock(root, "/a.txt", "alice", owner="<b>Alice</b>")
    (record,) = json.loads(done("locks", "list", "--json", "--root", root))
    assert record == {
        "path": "/a.txt", "holder": "alice", "kind": "LOCK", "scope": "exclusive", "depth": "0", "door": "webdav",
        "since": held.since, "since_iso": record["since_iso"], "until": held.expires, "until_iso": record["until_iso"],
        "token": held.token, "owner": "<b>Alice</b>", "comment": "", "generation": held.generation,
    }  # fmt: skip
    assert datetime.fromisoformat(record["since_iso"]).timestamp() == int(held.since)
    assert held.expires and datetime.fromisoformat(record["until_iso"]).timestamp() == int(held.expires)


def test_a_checkout_has_no_end(root: Path) -> None:
    (root / "a.txt").write_text("")
    with library(root) as doors:
        doors.lock(paths.parse("/a.txt"), Wanted(Kind.CHECKOUT, "/a.txt"), Caller("alice"))
    assert "released" in done("locks", "list", "--root", root)
    (record,) = json.loads(done("locks", "list", "--json", "--root", root))
    assert (record["kind"], record["until"], record["until_iso"]) == ("CHECKOUT", None, None)


def test_a_lock_is_shown_by_its_token_and_by_what_it_covers(root: Path) -> None:
    (root / "folder").mkdir()
    (root / "folder" / "a.txt").write_text("")
    (root / "b.txt").write_text("")
    held = lock(root, "/folder", "alice", deep=True)
    lock(root, "/b.txt", "bob")
    for which in (held.token, f"<{held.token}>", "/folder", "/folder/", "/folder/a.txt"):
        shown = done("locks", "show", which, "--root", root)
        assert held.token in shown and "alice" in shown
        assert "bob" not in shown
        (record,) = json.loads(done("locks", "show", which, "--json", "--root", root))
        assert record["token"] == held.token
    assert "No lock stands on /other" in refused("locks", "show", "/other", "--root", root)
    assert "No lock" in refused("locks", "show", "urn:uuid:0", "--root", root)
    assert "dots" in refused("locks", "show", "/a/../b", "--root", root)


def test_what_a_client_calls_itself_cannot_steer_the_terminal(root: Path) -> None:
    (root / "a.txt").write_text("")
    lock(root, "/a.txt", "alice", owner="x\x9b31m\u202ey\nz")
    shown = done("locks", "show", "/a.txt", "--root", root)
    assert r"x\x9b31m\u202ey\nz" in shown
    assert all(line.isprintable() for line in shown.splitlines())


def test_a_lock_is_broken_and_that_is_recorded(root: Path) -> None:
    (root / "a.txt").write_text("")
    (root / "b.txt").write_text("")
    held = lock(root, "/a.txt", "alice")
    lock(root, "/b.txt", "bob")
    told = done("locks", "break", "/a.txt", "--reason", "she has left", "--root", root)
    assert told == "Broke the lock of alice on /a.txt.\n"
    assert standing(root) == ["/b.txt"]
    (past,) = json.loads(done("history", "/a.txt", "--json", "--root", root))
    assert (past["token"], past["how"], past["reason"]) == (held.token, "broken", "she has left")
    assert re.fullmatch(r"system:.+", past["ended_by"])


def test_a_lock_is_broken_by_its_token(root: Path) -> None:
    (root / "a.txt").write_text("")
    held = lock(root, "/a.txt", "alice", scope=Scope.SHARED)
    lock(root, "/a.txt", "bob", scope=Scope.SHARED)
    assert "2 locks" in refused("locks", "break", "/a.txt", "--reason", "x", "--root", root)
    record = json.loads(done("locks", "break", held.token, "--reason", "x", "--json", "--root", root))
    assert (record["token"], record["holder"]) == (held.token, "alice")
    assert "No lock" in refused("locks", "break", held.token, "--reason", "x", "--root", root)
    done("locks", "break", "/a.txt", "--reason", "x", "--root", root)
    assert standing(root) == []


def test_the_lock_of_a_folder_is_not_broken_by_the_name_of_a_document_in_it(root: Path) -> None:
    (root / "folder").mkdir()
    (root / "folder" / "a.txt").write_text("")
    lock(root, "/folder", "alice", deep=True)
    assert "on all of /folder" in refused("locks", "break", "/folder/a.txt", "--reason", "x", "--root", root)
    assert standing(root) == ["/folder"]


def test_a_lock_is_not_broken_without_a_reason(root: Path) -> None:
    (root / "a.txt").write_text("")
    lock(root, "/a.txt")
    assert "why" in refused("locks", "break", "/a.txt", "--reason", " ", "--root", root)
    assert run("locks", "break", "/a.txt", "--root", root).exit_code == 2
    assert standing(root) == ["/a.txt"]


def test_a_reason_is_one_line_of_text(root: Path) -> None:
    (root / "a.txt").write_text("")
    lock(root, "/a.txt")
    assert "one line" in refused("locks", "break", "/a.txt", "--reason", "two\nlines", "--root", root)
    assert "at most 4096" in refused("locks", "break", "/a.txt", "--reason", "x" * 100_000, "--root", root)
    assert standing(root) == ["/a.txt"]


def test_breaking_a_checkout_tells_where_the_draft_is(root: Path) -> None:
    write(root, "/a.txt", b"published")
    check_out(root, "/a.txt")
    write(root, "/a.txt", b"draft")
    told = done("locks", "break", "/a.txt", "--reason", "holiday", "--root", root)
    assert told.startswith("Ended the checkout of alice on /a.txt. The draft (5 bytes, saved 20")
    found = re.search(r"davlock drafts save (\d+) --output FILE", told)
    assert found
    assert done("drafts", "save", found[1], "--output", "-", "--root", root) == "draft"
    assert standing(root) == []
    assert seen_by(root, "/a.txt", "alice") == b"published"
    (past,) = table(done("history", "/a.txt", "--root", root))
    assert (past["KIND"], past["HOLDER"], past["HOW"], past["REASON"]) == ("CHECKOUT", "alice", "broken", "holiday")


def test_breaking_an_untouched_checkout_tells_that_nothing_was_in_it(root: Path) -> None:
    write(root, "/a.txt", b"published")
    check_out(root, "/a.txt")
    told = done("locks", "break", "/a.txt", "--reason", "x", "--root", root)
    assert told == "Ended the checkout of alice on /a.txt. There was no draft.\n"
    check_out(root, "/a.txt")
    assert json.loads(done("locks", "break", "/a.txt", "--reason", "x", "--json", "--root", root))["draft"] is None
    check_out(root, "/a.txt")
    write(root, "/a.txt", b"draft")
    broken = json.loads(done("locks", "break", "/a.txt", "--reason", "x", "--json", "--root", root))
    assert done("drafts", "save", str(broken["draft"]), "--output", "-", "--root", root) == "draft"


# checkouts


def test_nothing_is_checked_out(root: Path) -> None:
    (root / "a.txt").write_text("")
    lock(root, "/a.txt")
    assert done("checkouts", "--root", root) == "Nothing is checked out.\n"
    assert json.loads(done("checkouts", "--json", "--root", root)) == []


def test_checkouts_are_shown_with_their_drafts(root: Path) -> None:
    for path in ("/a.txt", "/b.txt"):
        write(root, path, b"published")
    first = check_out(root, "/a.txt", "alice", "for the board")
    check_out(root, "/b.txt", "bob")
    write(root, "/a.txt", b"x" * 2000)
    shown = done("checkouts", "--root", root)
    alice, bob = table(shown)
    assert (alice["PATH"], alice["HOLDER"], alice["DOOR"], alice["DRAFT"], alice["COMMENT"]) == (
        "/a.txt", "alice", "webdav", "2.0 KiB", "for the board",
    )  # fmt: skip
    assert moment(alice["SINCE"]) == int(first.since)
    assert moment(alice["SAVED"]) >= int(first.since)
    assert (bob["PATH"], bob["HOLDER"], bob["DRAFT"], bob["SAVED"], bob["COMMENT"]) == ("/b.txt", "bob", "-", "-", "-")
    assert first.token not in shown
    one, other = json.loads(done("checkouts", "--json", "--root", root))
    assert (one["path"], one["holder"], one["since"], one["token"]) == ("/a.txt", "alice", first.since, first.token)
    assert (one["draft"]["size"], one["comment"], other["draft"]) == (2000, "for the board", None)
    assert datetime.fromisoformat(one["draft"]["saved_iso"]).timestamp() == int(one["draft"]["saved"])


def test_a_comment_cannot_steer_the_terminal(root: Path) -> None:
    write(root, "/a.txt", b"")
    check_out(root, "/a.txt", comment="x\u202ey")
    assert r"x\u202ey" in done("checkouts", "--root", root)


# history


def test_history_tells_how_locks_and_checkouts_have_ended(root: Path) -> None:
    write(root, "/a.txt", b"published")
    held = lock(root, "/a.txt", "bob")
    with library(root) as doors:
        doors.unlock("/a.txt", held.token, Caller("bob"))
    check_out(root, "/a.txt", "alice", "for the board")
    undo(root, "/a.txt")
    last, first = table(done("history", "/a.txt", "--root", root))
    assert (first["HOLDER"], first["KIND"], first["HOW"], first["BY"], first["DOOR"]) == ("bob", "LOCK", "released", "bob", "webdav")
    assert (last["HOLDER"], last["KIND"], last["HOW"], last["BY"], last["COMMENT"]) == (
        "alice", "CHECKOUT", "undone", "alice", "for the board",
    )  # fmt: skip
    assert moment(first["SINCE"]) == int(held.since)
    assert moment(last["ENDED"]) >= moment(last["SINCE"])
    record = json.loads(done("history", "/a.txt", "--json", "--root", root))[1]
    assert (record["token"], record["holder"], record["how"], record["path"]) == (held.token, "bob", "released", "/a.txt")
    assert datetime.fromisoformat(record["ended_iso"]).timestamp() == int(record["ended"])


def test_the_history_of_a_deleted_document_tells_what_its_end_was(root: Path) -> None:
    write(root, "/a.txt", b"published")
    check_out(root, "/a.txt")
    delete(root, "/a.txt")
    (past,) = table(done("history", "/a.txt", "--root", root))
    assert (past["HOLDER"], past["HOW"]) == ("alice", "deleted")


def test_no_history(root: Path) -> None:
    (root / "a.txt").write_text("")
    assert "No lock or checkout of /a.txt has ended" in done("history", "/a.txt", "--root", root)
    assert json.loads(done("history", "/a.txt", "--json", "--root", root)) == []
    assert "Nothing is or was at /b.txt" in refused("history", "/b.txt", "--root", root)
    assert "dots" in refused("history", "/a/../b", "--root", root)
