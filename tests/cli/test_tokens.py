from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path

import pytest

from davlock.app import open_site
from davlock.auth.identity import Identity
from davlock.auth.tokens import Ended
from davlock.config import load
from tests.cli.commands import add_user, done, moment, refused, run, table

DAY = 86_400


def add(root: Path, name: str, user: str = "alice", *options: str) -> str:
    """Makes a token, which is the last line of what is printed."""
    return done("token", "add", name, "--user", user, "--root", root, *options).splitlines()[-1]


def whose(root: Path, token: str) -> Identity | None:
    with open_site(load(None, root=root)) as site:
        return site.tokens.identify(token)


def test_a_token_is_made_shown_once_listed_and_revoked(root: Path) -> None:
    add_user(root, "Alice")
    shown = done("token", "add", "backup script", "--user", "ALICE", "--root", root)
    first, token = shown.splitlines()
    assert first.startswith("Created token 1 for alice, until ")
    assert "only now" in first
    identity = whose(root, token)
    assert identity
    assert identity.principal == "alice"
    listed = done("token", "list", "--root", root)
    assert token not in listed
    assert token.removeprefix("davlock_") not in listed
    (row,) = table(listed)
    assert (row["ID"], row["USER"], row["NAME"], row["KIND"]) == ("1", "alice", "backup script", "token")
    assert moment(row["UNTIL"]) - moment(row["SINCE"]) in (90 * DAY, 90 * DAY - 3600, 90 * DAY + 3600)  # summer time
    assert row["USED"] != "-"
    assert done("token", "revoke", "1", "--root", root) == "Revoked token 1 of alice.\n"
    with pytest.raises(Ended):
        whose(root, token)
    assert table(done("token", "list", "--root", root)) == []


def test_tokens_as_json_of_all_or_of_one(root: Path) -> None:
    add_user(root, "alice")
    add_user(root, "bob")
    add(root, "hers", "alice", "--days", "1")
    add(root, "his", "bob", "--days", "3650")
    both = json.loads(done("token", "list", "--json", "--root", root))
    assert [(each["user"], each["name"], each["kind"], each["last_used"]) for each in both] == [
        ("alice", "hers", "token", None), ("bob", "his", "token", None),
    ]  # fmt: skip
    for each, days in zip(both, (1, 3650), strict=True):
        assert each["until"] - each["since"] == pytest.approx(days * DAY)
        assert each["since"] == pytest.approx(time.time(), abs=60)
        assert datetime.fromisoformat(each["until_iso"]).timestamp() == int(each["until"])
    assert [each["name"] for each in json.loads(done("token", "list", "--user", "BOB", "--json", "--root", root))] == ["his"]


def test_sessions_are_shown_and_ended_too(root: Path) -> None:
    add_user(root, "alice")
    with open_site(load(None, root=root)) as site:
        _, secret = site.tokens.begin_session(Identity("alice", password_hash=site.accounts.get("alice").password_hash), "Firefox\x1b[31m")
        (row,) = table(done("token", "list", "--root", root))
        assert (row["NAME"], row["KIND"]) == ("Firefox[31m", "session")
        assert done("token", "revoke", row["ID"], "--root", root) == "Revoked session 1 of alice.\n"
        with pytest.raises(Ended):
            site.tokens.identify(secret, is_session=True)


def test_a_new_password_ends_sessions_and_a_removed_user_has_no_tokens(root: Path) -> None:
    add_user(root, "alice")
    token = add(root, "a program")
    done("user", "passwd", "alice", "--root", root, "--password-stdin", stdin="new\n")
    assert whose(root, token)
    done("user", "remove", "alice", "--root", root)
    assert whose(root, token) is None


def test_the_number_of_a_revoked_token_is_not_given_again(root: Path) -> None:
    add_user(root, "alice")
    add(root, "one")
    done("token", "revoke", "1", "--root", root)
    assert done("token", "add", "two", "--user", "alice", "--root", root).startswith("Created token 2 ")


def test_what_cannot_be_done_with_tokens_is_told(root: Path) -> None:
    add_user(root, "alice")
    assert "no user bob" in refused("token", "add", "x", "--user", "bob", "--root", root)
    assert "1 to 100 characters" in refused("token", "add", "", "--user", "alice", "--root", root)
    assert "control characters" in refused("token", "add", "a\nb", "--user", "alice", "--root", root)
    assert "no token 1" in refused("token", "revoke", "1", "--root", root)
    for arguments in (["add", "x"], ["add", "x", "--user", "alice", "--days", "0"], ["add", "x", "--user", "alice", "--days", "3651"],
        ["revoke", "0"], ["revoke", "x"], ["revoke", "2147483648"]):  # fmt: skip
        assert run("token", *arguments, "--root", root).exit_code == 2
    assert table(done("token", "list", "--root", root)) == []
