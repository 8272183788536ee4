from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from tests.cli.commands import add_user, check_out, delete, done, lock, moment, refused, run, seen_by, standing, table, undo, write


@pytest.fixture
def rescued(root: Path) -> str:
    """The number of a draft that alice has given up, of /a.txt."""
    write(root, "/a.txt", b"published")
    check_out(root, "/a.txt")
    write(root, "/a.txt", b"draft of alice")
    undo(root, "/a.txt")
    (draft,) = json.loads(done("drafts", "--json", "--root", root))
    return str(draft["id"])


def test_no_drafts(root: Path) -> None:
    assert done("drafts", "--root", root) == "There are no drafts.\n"
    assert json.loads(done("drafts", "--json", "--root", root)) == []


def test_standing_and_rescued_drafts_are_shown(root: Path, rescued: str) -> None:
    write(root, "/b.txt", b"published")
    check_out(root, "/b.txt", "bob")
    write(root, "/b.txt", b"x" * 3000, "bob")
    ended, stands = table(done("drafts", "--root", root))
    assert (ended["ID"], ended["PATH"], ended["WHOSE"], ended["SIZE"]) == (rescued, "/a.txt", "alice", "14 bytes")
    assert (ended["CHECKOUT"], ended["BY"]) == ("undone", "alice")
    assert moment(ended["ENDED"]) >= moment(ended["SAVED"])
    assert (stands["PATH"], stands["WHOSE"], stands["SIZE"], stands["CHECKOUT"], stands["ENDED"]) == (
        "/b.txt", "bob", "2.9 KiB", "stands", "-",
    )  # fmt: skip
    one, other = json.loads(done("drafts", "list", "--json", "--root", root))
    assert (one["is_rescued"], one["how"], one["principal"], other["is_rescued"], other["how"]) == (True, "undone", "alice", False, None)
    assert datetime.fromisoformat(one["ended_iso"]).timestamp() == int(one["ended"])


def test_why_a_checkout_was_ended_is_shown_with_its_draft(root: Path) -> None:
    write(root, "/a.txt", b"published")
    check_out(root, "/a.txt")
    write(root, "/a.txt", b"draft")
    done("locks", "break", "/a.txt", "--reason", "holiday", "--root", root)
    (draft,) = table(done("drafts", "--root", root))
    assert (draft["CHECKOUT"], draft["REASON"]) == ("broken", "holiday")
    assert draft["BY"].startswith("system:")


def test_a_rescued_draft_is_written_to_a_file(root: Path, rescued: str) -> None:
    file = root.parent / "out.txt"
    told = done("drafts", "save", rescued, "--output", file, "--root", root)
    assert told == f"Wrote the draft that alice had of /a.txt (14 bytes) to {file}.\n"
    assert file.read_bytes() == b"draft of alice"
    assert "exists already" in refused("drafts", "save", rescued, "--output", file, "--root", root)
    done("drafts", "save", rescued, "--output", file, "--force", "--root", root)
    assert run("drafts", "save", rescued, "--output", "-", "--root", root).stdout == "draft of alice"


def test_a_draft_outlives_its_document(root: Path) -> None:
    write(root, "/a.txt", b"published")
    check_out(root, "/a.txt")
    write(root, "/a.txt", b"draft")
    delete(root, "/a.txt")
    (draft,) = table(done("drafts", "--root", root))
    assert (draft["PATH"], draft["CHECKOUT"]) == ("/a.txt", "deleted")
    assert done("drafts", "save", draft["ID"], "--output", "-", "--root", root) == "draft"
    add_user(root, "alice")
    assert "gone" in refused("drafts", "apply", draft["ID"], "--as", "alice", "--root", root)


@pytest.mark.parametrize("user", ["alice", "BOB"])
def test_a_rescued_draft_is_given_back(root: Path, rescued: str, user: str) -> None:
    add_user(root, "alice")
    add_user(root, "bob")
    told = done("drafts", "apply", rescued, "--as", user, "--root", root)
    name = user.lower()
    assert told == f"{name} has /a.txt checked out now, with the draft that alice had saved.\n"
    assert seen_by(root, "/a.txt", name) == b"draft of alice"
    assert seen_by(root, "/a.txt", "carol") == b"published"
    (checkout,) = table(done("checkouts", "--root", root))
    assert (checkout["HOLDER"], checkout["DRAFT"]) == (name, "14 bytes")
    assert checkout["DOOR"].startswith("command line of system:")
    assert "There is no draft" in refused("drafts", "save", rescued, "--output", "-", "--root", root)


def test_what_was_written_meanwhile_is_rescued_in_turn(root: Path, rescued: str) -> None:
    add_user(root, "alice")
    check_out(root, "/a.txt")
    write(root, "/a.txt", b"second thoughts")
    assert json.loads(done("drafts", "apply", rescued, "--as", "alice", "--json", "--root", root))["holder"] == "alice"
    assert seen_by(root, "/a.txt", "alice") == b"draft of alice"
    (other,) = [draft for draft in json.loads(done("drafts", "--json", "--root", root)) if draft["is_rescued"]]
    assert done("drafts", "save", str(other["id"]), "--output", "-", "--root", root) == "second thoughts"


def test_a_draft_is_not_applied_to_what_others_hold(root: Path, rescued: str) -> None:
    add_user(root, "alice")
    check_out(root, "/a.txt", "bob")
    told = refused("drafts", "apply", rescued, "--as", "alice", "--root", root)
    assert told.startswith("Error: a.txt is checked out by bob since 20")
    done("locks", "break", "/a.txt", "--reason", "x", "--root", root)
    lock(root, "/a.txt", "bob")
    assert "a.txt is locked by bob" in refused("drafts", "apply", rescued, "--as", "alice", "--root", root)
    assert standing(root) == ["/a.txt"]
    assert done("drafts", "save", rescued, "--output", "-", "--root", root) == "draft of alice"


def test_a_standing_draft_stays_with_its_holder(root: Path) -> None:
    write(root, "/a b.txt", b"published")
    check_out(root, "/a b.txt")
    write(root, "/a b.txt", b"draft")
    (draft,) = table(done("drafts", "--root", root))
    for command in (["save", draft["ID"], "--output", "-"], ["apply", draft["ID"], "--as", "bob"]):
        told = refused("drafts", *command, "--root", root)
        assert "alice still has /a b.txt checked out" in told and "davlock locks break '/a b.txt'" in told


@pytest.mark.parametrize("id", ["", "x", "1_0", "+1", "٣", "1234567890123456", "@1"])
def test_what_is_no_number_of_a_draft_is_told(root: Path, id: str) -> None:
    assert "is not the number of a draft" in refused("drafts", "save", id, "--output", "-", "--root", root)
    assert "is not the number of a draft" in refused("drafts", "apply", id, "--as", "alice", "--root", root)


def test_what_does_not_exist_is_told(root: Path, rescued: str) -> None:
    add_user(root, "alice")
    assert "There is no draft 999" in refused("drafts", "save", "999", "--output", "-", "--root", root)
    assert "There is no user carol" in refused("drafts", "apply", rescued, "--as", "carol", "--root", root)
    assert "colon" in refused("drafts", "apply", rescued, "--as", "a:b", "--root", root)
