"""Sessions at every door: a cookie, and a header that only a script of this site can send."""

from __future__ import annotations

import itertools

import pytest

from davlock.auth.accounts import Accounts
from davlock.auth.identity import Identity
from davlock.auth.sessions import COOKIE, xsrf_token
from davlock.auth.tokens import MOST_SESSIONS, SESSION_SECONDS, Tokens
from tests.auth.conftest import Clock, Door, basic

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "PROPFIND", "LOCK")


@pytest.fixture
def identity(accounts: Accounts) -> Identity:
    """Alice, who has given her password."""
    return Identity("alice", password_hash=accounts.add("alice", "right").password_hash)


@pytest.fixture
def session(identity: Identity, tokens: Tokens) -> str:
    return tokens.begin_session(identity)[1]


def sent(secret: str, xsrf: str | None = None) -> dict[str, str]:
    """The headers of a browser; xsrf: what its script says, the right thing if it is not told otherwise."""
    return {"Cookie": f"a=b; {COOKIE}={secret}; XSRF-TOKEN=x", "X-XSRF-TOKEN": xsrf_token(secret) if xsrf is None else xsrf}


def test_a_session_lets_its_user_in_at_every_door(door: Door, session: str) -> None:
    for path, method in itertools.product(("/", "/api/v1/Document/1"), METHODS):
        reply = door.ask(method=method, path=path, **sent(session))
        assert reply.status == 200
    assert door.ask(**sent(session)).seen == {"davlock.principal": "alice", "davlock.admin": False, "REMOTE_USER": "alice"}


def test_a_cookie_alone_lets_nobody_in(door: Door, session: str) -> None:
    for path, method in itertools.product(("/", "/api/v1/Document/1"), METHODS):
        assert door.ask(method=method, path=path, Cookie=f"{COOKIE}={session}").status == 401
        assert door.ask(method=method, path=path, **sent(session, "")).status == 401


@pytest.mark.parametrize("wrong", ["x", "XSRF-TOKEN", "{secret}", "{xsrf}x", "x{xsrf}", "{other}", "\xe4"])
def test_a_cookie_with_another_value_beside_it_lets_nobody_in(door: Door, session: str, wrong: str) -> None:
    xsrf = wrong.format(secret=session, xsrf=xsrf_token(session), other=xsrf_token("x" * 43))
    assert door.ask(**sent(session, xsrf)).status == 401


def test_the_header_alone_lets_nobody_in(door: Door, session: str) -> None:
    assert door.ask(**{"X-XSRF-TOKEN": xsrf_token(session)}).status == 401


def test_an_authorization_header_makes_the_cookies_count_for_nothing(door: Door, accounts: Accounts, session: str) -> None:
    accounts.add("bob", "right")
    cookie = {"Cookie": f"{COOKIE}={session}"}
    assert door.ask(basic("bob", "right"), "PUT", **cookie).seen["davlock.principal"] == "bob"
    assert door.ask(basic("bob", "right"), "PUT", **sent(session)).seen["davlock.principal"] == "bob"
    assert door.ask(basic("bob", "wrong"), "PUT", **sent(session)).status == 401
    assert door.ask("Negotiate x", "PUT", **sent(session)).status == 401


def test_a_cookie_that_somebody_else_has_set_is_passed_over(door: Door, session: str) -> None:
    cookies = f"{COOKIE}={'x' * 43}; {COOKIE}={session}; {COOKIE}"
    assert door.ask(Cookie=cookies, **{"X-XSRF-TOKEN": xsrf_token(session)}).status == 200


def test_the_secrets_of_tokens_and_sessions_do_not_stand_for_each_other(door: Door, tokens: Tokens, session: str) -> None:
    token = tokens.add("alice", "a program")[1]
    assert door.ask(f"Bearer {session}").status == 401
    assert door.ask(**sent(token)).status == 401
    assert door.ask(**sent(token.removeprefix("davlock_"))).status == 401


def test_a_session_ends_after_its_time_however_often_it_is_used(door: Door, session: str, clock: Clock) -> None:
    for _ in range(12):
        assert door.ask(**sent(session)).status == 200
        clock.now += SESSION_SECONDS / 12
    reply = door.ask(path="/api/x", **sent(session))
    assert reply.status == 401
    assert b"session has ended" in reply.body


def test_a_session_ends_with_the_token_that_it_began_with(door: Door, tokens: Tokens, identity: Identity, clock: Clock) -> None:
    token, secret = tokens.add("alice", "a program", 1)
    clock.now += 86_400 - 60
    by_token = tokens.identify(secret)
    assert by_token
    begun, session = tokens.begin_session(by_token)
    assert begun.expires == token.expires
    assert door.ask(**sent(session)).status == 200
    tokens.revoke(token.id)
    assert door.ask(**sent(session)).status == 401


def test_guesses_at_sessions_have_to_wait(door: Door, session: str) -> None:
    statuses = [door.ask(**sent(f"{number:043}")).status for number in range(6)]
    assert statuses == [401] * 5 + [429]
    assert door.ask(**sent(session)).status == 200


def test_the_oldest_of_too_many_sessions_gives_way(door: Door, tokens: Tokens, identity: Identity, session: str) -> None:
    newer = [tokens.begin_session(identity)[1] for _ in range(MOST_SESSIONS // 2)]
    for _ in range(MOST_SESSIONS):  # those that have ended give way first
        tokens.revoke(tokens.begin_session(identity)[0].id)
    assert door.ask(**sent(session)).status == 200
    newer += [tokens.begin_session(identity)[1] for _ in range(MOST_SESSIONS // 2)]
    assert door.ask(**sent(session)).status == 401
    assert {door.ask(**sent(each)).status for each in newer} == {200}
    assert len(tokens.list("alice")) == MOST_SESSIONS


def test_sessions_that_are_over_are_not_shown(tokens: Tokens, session: str, clock: Clock) -> None:
    assert len(tokens.list("alice")) == 1
    clock.now += SESSION_SECONDS
    assert len(tokens.list("alice")) == 0
