"""Tokens at every door."""

from __future__ import annotations

import hashlib
import logging
import secrets
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from davlock.auth.accounts import Accounts
from davlock.auth.identity import Identity
from davlock.auth.tokens import MOST_TOKENS, PREFIX, Ended, Tokens
from davlock.errors import BadRequest, Forbidden, NotFound
from davlock.state.sqlite import SqliteState
from tests.auth.conftest import Clock, Door, Reply, api_with, basic, opened

DAY = 86_400.0
BASIC = 'Basic realm="davlock", charset="UTF-8"'


@pytest.fixture
def token(accounts: Accounts, tokens: Tokens) -> str:
    """One of alice's, for a day."""
    accounts.add("alice", "right")
    return tokens.add("alice", "a program", 1)[1]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Door, str]]:
    """For requests that leave nothing behind: a door, and a token of alice's."""
    state = SqliteState(tmp_path_factory.mktemp("tokens") / "state.db")
    accounts, tokens = Accounts(state), Tokens(state)
    accounts.add("alice", "right")
    with opened(accounts, tokens, Clock(), api_with()) as door:
        yield door, tokens.add("alice", "a program")[1]
    state.close()


def refused(reply: Reply, error: str = ', error="invalid_token"') -> bool:
    return reply.status == 401 and reply.headers.get_all("WWW-Authenticate") == [BASIC, f'Bearer realm="davlock"{error}']


# who is let in


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "SoTicket", "SOTicket", "SOTICKET", "soticket"])
def test_a_token_lets_its_user_in_at_every_door(shared: tuple[Door, str], scheme: str) -> None:
    door, token = shared
    for path in ("/", "/a.docx", "/api/v1/Document/1", "/_vti_bin/_vti_aut/author.dll"):
        seen = door.ask(f"{scheme} {token}", path=path).seen
        assert seen == {"davlock.principal": "alice", "davlock.admin": False, "REMOTE_USER": "alice"}
    assert door.ask(f"{scheme} {token}", "OPTIONS").seen["davlock.principal"] == "alice"


def test_the_token_of_a_program_is_accepted_and_ignored(shared: tuple[Door, str]) -> None:
    door, token = shared
    assert door.ask(f"SoTicket {token}", path="/api/v1/Document/1", SO_AppToken="anything").seen["davlock.principal"] == "alice"
    assert refused(door.ask(path="/api/v1/Document/1", SO_AppToken=token), "")


@pytest.mark.parametrize(
    "sent",
    [
        "Bearer", "Bearer ", "SoTicket", "Bearer abc", "Bearer davlock_", "Bearer 7T:abc==", "{token}", "Basic {token}", "Token {token}",
        "Bearer Bearer {token}", "Bearer {token} {token}", "Bearer {token}x", "Bearer {token}=", "Bearer x{token}", "Bearer {upper}",
        "Bearer\t{token}", "Bearer " + "A" * 9000, "Bearer " + " " * 9000 + "{token}",
    ],
)  # fmt: skip
def test_what_is_not_exactly_a_token_is_refused(shared: tuple[Door, str], sent: str) -> None:
    door, token = shared
    header = sent.format(token=token, upper=token.upper())
    for _ in range(6):  # none of them counts as a guess
        assert door.ask(header).status == 401


def test_the_rights_are_those_of_the_account_at_the_time(door: Door, accounts: Accounts, token: str, state: SqliteState) -> None:
    assert door.ask(f"Bearer {token}").seen["davlock.admin"] is False
    with state.deciding() as rows:
        rows.put_account("alice", accounts.get("alice").password_hash, True)
    assert door.ask(f"Bearer {token}").seen["davlock.admin"] is True


# its end


def test_a_token_ends_when_its_time_is_over_and_its_user_is_told(door: Door, token: str, clock: Clock) -> None:
    clock.now += DAY - 1
    assert door.ask(f"Bearer {token}").status == 200
    clock.now += 1
    for _ in range(7):  # whoever knows it does not guess
        reply = door.ask(f"Bearer {token}", path="/api/x")
        assert refused(reply)
        assert b"has expired" in reply.body


def test_a_revoked_token_is_out_at_once_whoever_revoked_it(door: Door, tokens: Tokens, token: str, tmp_path: Path, clock: Clock) -> None:
    other = tokens.add("alice", "another", 1)[1]
    assert door.ask(f"Bearer {token}").status == 200
    elsewhere = SqliteState(tmp_path / "state.db", clock)  # as another process would have it
    Tokens(elsewhere).revoke(tokens.list()[0].id)
    for _ in range(7):  # a program that has not noticed is no guesser
        assert refused(door.ask(f"Bearer {token}", path="/api/x"))
    assert door.ask(f"Bearer {other}").status == 200


def test_the_tokens_of_a_removed_account_die_with_it(door: Door, accounts: Accounts, tokens: Tokens, token: str) -> None:
    accounts.add("bob", "right")
    bobs = tokens.add("bob", "b")[1]
    accounts.remove("alice")
    assert door.ask(f"Bearer {token}").status == 401
    accounts.add("alice", "right")
    assert door.ask(f"Bearer {token}").status == 401
    assert door.ask(f"Bearer {bobs}").status == 200
    assert [each.principal for each in tokens.list()] == ["bob"]


def test_a_changed_password_ends_sessions_and_no_tokens(door: Door, accounts: Accounts, tokens: Tokens, token: str) -> None:
    identity = tokens.identify(token)
    assert identity
    _, session = tokens.begin_session(identity)
    assert tokens.identify(session, is_session=True)
    accounts.set_password("alice", "new")
    assert door.ask(f"Bearer {token}").status == 200
    with pytest.raises(Ended):
        tokens.identify(session, is_session=True)


def test_a_state_that_cannot_answer_is_not_a_wrong_token(door: Door, token: str, tmp_path: Path) -> None:
    for file in tmp_path.glob("state.db*"):
        file.unlink()
    (tmp_path / "state.db").write_bytes(b"not a database" * 1000)
    reply = door.ask(f"Bearer {token}")
    assert reply.status == 503
    assert reply.headers["Retry-After"]


# guessing


def guess(door: Door, number: int, peer: str = "127.0.0.1") -> int:
    return door.ask(f"Bearer {PREFIX}{number:043}", peer=peer).status


def test_wrong_tokens_have_to_wait_and_nobody_else_does(door: Door, accounts: Accounts, token: str, clock: Clock) -> None:
    assert [guess(door, number) for number in range(7)] == [401] * 5 + [429] * 2
    reply = door.ask(f"Bearer {PREFIX}{7:043}")
    assert (reply.headers["Retry-After"], b"2 s" in reply.body) == ("2", True)
    assert guess(door, 8, "127.0.0.2") == 401
    # from the same address: a right token, and a password
    assert door.ask(f"Bearer {token}").status == 200
    assert door.ask(basic("alice", "right")).status == 200
    assert guess(door, 9) == 429  # the right one has not forgiven the wrong ones
    clock.now += 2
    assert guess(door, 10) == 401
    assert guess(door, 11) == 429


def test_wrong_passwords_do_not_lock_tokens_out(door: Door, token: str) -> None:
    assert [door.ask(basic("alice", f"guess {number}")).status for number in range(6)][-1] == 429
    assert door.ask(f"Bearer {token}").status == 200


# what is kept


def kept(tmp_path: Path, columns: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(tmp_path / "state.db")) as database:
        return database.execute(f"SELECT {columns} FROM tokens ORDER BY id").fetchall()


def test_tokens_are_kept_as_hashes_and_never_logged(
    door: Door, token: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, state: SqliteState
) -> None:
    caplog.set_level(logging.DEBUG)
    door.ask(f"Bearer {token}")
    guess(door, 1)
    assert kept(tmp_path, "secret") == [(hashlib.sha256(token.encode()).digest(),)]
    state.close()
    for file in tmp_path.glob("state.db*"):
        assert token.removeprefix(PREFIX).encode() not in file.read_bytes()
    assert token not in caplog.text
    assert f"{1:043}" not in caplog.text
    assert [record.getMessage() for record in caplog.records if record.name == "davlock.auth"] == ["unknown token from 127.0.0.1"]


def test_when_it_was_used_is_written_down_once_an_hour(door: Door, token: str, tmp_path: Path, clock: Clock) -> None:
    assert kept(tmp_path, "used") == [(None,)]
    seen = []
    for _ in range(5):
        door.ask(f"Bearer {token}")
        seen += kept(tmp_path, "used")
        clock.now += 1200
    assert seen == [(1000.0,)] * 3 + [(4600.0,)] * 2


def test_parallel_requests_with_one_token_are_all_let_in(door: Door, token: str) -> None:
    with ThreadPoolExecutor(20) as pool:
        assert [*pool.map(lambda _: door.ask(f"Bearer {token}").status, range(40))] == [200] * 40


def test_every_token_is_another_one(accounts: Accounts, tokens: Tokens) -> None:
    accounts.add("alice", "right")
    made = {tokens.add("alice", "same name")[1] for _ in range(20)}
    assert len(made) == 20
    assert all(secret.startswith(PREFIX) and len(secret) == len(PREFIX) + 43 for secret in made)


# who may make them


def test_a_token_makes_no_token_and_neither_does_its_session(accounts: Accounts, tokens: Tokens, token: str) -> None:
    identity = tokens.identify(token)
    assert identity
    _, secret = tokens.begin_session(identity)
    session = tokens.identify(secret, is_session=True)
    assert session
    for whoever in (identity, session):
        with pytest.raises(Forbidden):
            tokens.add("alice", "to stay", 1, whoever)
    with pytest.raises(Forbidden):
        tokens.begin_session(session)
    assert len(tokens.list()) == 2


def test_what_was_right_and_is_not_any_more_makes_nothing(accounts: Accounts, tokens: Tokens, token: str) -> None:
    account = accounts.get("alice")
    by_password = Identity("alice", password_hash=account.password_hash)
    by_token = tokens.identify(token)
    assert by_token
    assert tokens.add("alice", "one", 1, by_password)
    accounts.set_password("alice", "right")  # the same word, but the old proof is from before
    with pytest.raises(Forbidden):
        tokens.add("alice", "two", 1, by_password)
    with pytest.raises(Forbidden):
        tokens.begin_session(by_password)
    with pytest.raises(Forbidden):
        tokens.add("bob" if accounts.add("bob", "right") else "", "for another", 1, by_password)
    assert by_token.token
    tokens.revoke(by_token.token.id)
    with pytest.raises(Forbidden):
        tokens.begin_session(by_token)
    accounts.remove("alice")
    for whoever in (by_token, by_password):
        with pytest.raises(Forbidden):
            tokens.begin_session(whoever)
    with pytest.raises(NotFound):
        tokens.add("alice", "for nobody")
    assert list(tokens.list()) == []


@pytest.mark.parametrize(
    ("name", "days"), [("", 1), ("x" * 101, 1), ("a\nb", 1), ("\ud800", 1), ("\x9b31m", 1), ("a", 0), ("a", 3651), ("a", -1)]
)
def test_an_impossible_token_is_refused(accounts: Accounts, tokens: Tokens, name: str, days: int) -> None:
    accounts.add("alice", "right")
    with pytest.raises(BadRequest):
        tokens.add("alice", name, days)
    assert list(tokens.list()) == []


def test_nobody_has_tokens_without_end(accounts: Accounts, tokens: Tokens, state: SqliteState, clock: Clock, tmp_path: Path) -> None:
    accounts.add("alice", "right")
    accounts.add("bob", "right")
    with state.deciding() as rows:
        for number in range(MOST_TOKENS):
            rows.add_access_token(number.to_bytes(32), "alice", "x", clock.now + 1)
    with pytest.raises(Forbidden, match="1000 tokens already"):
        tokens.add("alice", "one more")
    assert tokens.add("bob", "the first")
    clock.now += 31 * DAY
    assert tokens.add("alice", "one more")
    assert len(kept(tmp_path, "id")) == 2  # what expired long ago is forgotten


def test_what_has_ended_is_not_listed_and_makes_room(
    accounts: Accounts, tokens: Tokens, token: str, state: SqliteState, clock: Clock, tmp_path: Path
) -> None:
    clock.now += DAY
    assert list(tokens.list()) == []
    stays = tokens.add("alice", "stays", 9)[1]
    with state.deciding() as rows:
        for _ in range(MOST_TOKENS + 5):
            rows.end_access_tokens([rows.add_access_token(secrets.token_bytes(32), "alice", "x", clock.now + 9).id])
    assert tokens.add("alice", "one more")
    assert len(kept(tmp_path, "id")) <= MOST_TOKENS + 6
    assert tokens.add("alice", "and another")
    assert len(kept(tmp_path, "id")) <= MOST_TOKENS
    assert tokens.identify(stays)
    assert [each.name for each in tokens.list()] == ["stays", "one more", "and another"]
