"""Pages of other sites that may use the API, at the authenticator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from davlock.auth.accounts import Accounts
from davlock.auth.tokens import Tokens
from davlock.state.sqlite import SqliteState
from tests.auth.conftest import Clock, Door, Reply, api_with, basic, opened

ASKED = {"Access-Control-Request-Method": "DELETE", "Access-Control-Request-Headers": "authorization,x-xsrf-token"}


def shared(reply: Reply) -> tuple[str | None, str | None]:
    """With whom an answer is shared, and whether also what the browser itself has sent."""
    return reply.headers["Access-Control-Allow-Origin"], reply.headers["Access-Control-Allow-Credentials"]


@pytest.fixture(scope="module")
def opened_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """It is open to some sites; alice has the password `right`."""
    state = SqliteState(tmp_path_factory.mktemp("origins") / "state.db")
    accounts = Accounts(state)
    accounts.add("alice", "right")
    sites = (
        "https://App.Example",
        "https://port.example:8443",
        "http://localhost*",
        "http://any.example:*",
        "http://127.0.0.1*",
        "http://[::1]*",
    )
    with opened(accounts, Tokens(state), Clock(), api_with(*sites)) as door:
        yield door
    state.close()


@pytest.mark.parametrize(
    ("origin", "is_trusted"),
    [
        ("https://app.example", True),
        ("https://app.EXAMPLE", True),
        ("http://app.example", False),
        ("https://app.example:8443", False),
        ("https://app.example.evil", False),
        ("https://app.example/", False),
        ("https://port.example:8443", True),
        ("https://port.example", False),
        ("http://localhost", True),
        ("http://localhost:3000", True),
        ("http://LOCALHOST:65535", True),
        ("http://any.example:3000", True),
        ("https://localhost", False),
        ("http://localhost.evil.example", False),
        ("http://localhost.evil.example:80", False),
        ("http://localhost-evil.example", False),
        ("http://localhost:80@evil.example", False),
        ("http://localhost:80.evil.example", False),
        ("http://localhost:", False),
        ("http://localhost:x", False),
        ("http://127.0.0.1:1", True),
        ("http://127.0.0.12", False),
        ("http://[::1]:3000", True),
        ("null", False),
        ("*", False),
        ("", False),
    ],
)
def test_who_may_change_things_and_read_the_answers(opened_door: Door, origin: str, is_trusted: bool) -> None:
    headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site", "Host": "docs.example"}
    changed = opened_door.ask(basic("alice", "right"), "PUT", "/api/x", **headers)
    assert changed.status == (200 if is_trusted else 403)
    for reply in (changed, opened_door.ask(path="/api/x", **headers), opened_door.ask(path="/api/open", **headers)):
        assert shared(reply) == ((origin, "true") if is_trusted else (None, None))
        assert reply.headers["Vary"] == "Origin"
    asked = opened_door.ask(method="OPTIONS", path="/api/x", **headers, **ASKED)
    assert (asked.status, *shared(asked)) == ((204, origin, "true") if is_trusted else (200, None, None))


def test_a_refusal_can_be_read_too(accounts: Accounts, tokens: Tokens, clock: Clock) -> None:
    with opened(accounts, tokens, clock, api_with("https://app.example")) as door:
        reply = door.ask(method="PUT", path="/api/x", Origin="https://app.example")
        assert (reply.status, *shared(reply)) == (401, "https://app.example", "true")
        assert "WWW-Authenticate" in reply.headers["Access-Control-Expose-Headers"]


def test_other_doors_stay_closed(accounts: Accounts, tokens: Tokens, clock: Clock) -> None:
    accounts.add("alice", "right")
    with opened(accounts, tokens, clock, api_with("https://app.example", "*")) as door:
        for origin in ("https://app.example", "https://any.example"):
            for path in ("/", "/a/api/x", "/%61pi/x"):
                reply = door.ask(basic("alice", "right"), "PUT", path, Origin=origin)
                assert (reply.status, *shared(reply)) == (403, None, None)
                asked = door.ask(method="OPTIONS", path=path, Origin=origin, **ASKED)
                assert (asked.status, *shared(asked)) == (200, None, None)
        assert "Vary" not in door.ask(path="/").headers


def test_all_sites_together_get_nothing_that_a_browser_adds_by_itself(accounts: Accounts, tokens: Tokens, clock: Clock) -> None:
    accounts.add("alice", "right")
    token = tokens.add("alice", "a page")[1]
    with opened(accounts, tokens, clock, api_with("*", "https://app.example")) as door:
        for origin in ("https://any.example", "null"):
            headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
            asked = door.ask(method="OPTIONS", path="/api/x", **headers, **ASKED)
            assert (asked.status, *shared(asked)) == (204, "*", None)
            for scheme in ("Bearer", "SoTicket"):
                changed = door.ask(f"{scheme} {token}", "PUT", "/api/x", **headers)
                assert (changed.status, *shared(changed)) == (200, "*", None)
            # a form of a foreign page, sent by a browser that remembers the password
            assert door.ask(basic("alice", "right"), "POST", "/api/x", **headers).status == 403
            read = door.ask(basic("alice", "right"), "GET", "/api/x", **headers)
            assert (read.status, *shared(read)) == (200, "*", None)
        assert shared(door.ask(path="/api/x", Origin="https://app.example")) == ("https://app.example", "true")


def test_it_is_closed_unless_it_is_opened(accounts: Accounts, tokens: Tokens, clock: Clock) -> None:
    accounts.add("alice", "right")
    token = tokens.add("alice", "a page")[1]
    with opened(accounts, tokens, clock, api_with()) as door:
        for authorization in (basic("alice", "right"), f"Bearer {token}"):
            assert door.ask(authorization, "PUT", "/api/x", Origin="http://localhost:3000").status == 403
        asked = door.ask(method="OPTIONS", path="/api/x", Origin="http://localhost:3000", **ASKED)
        assert shared(asked) == (None, None)
        assert "Access-Control-Allow-Methods" not in asked.headers


# what is asked without a login, and how it is refused


def test_what_the_door_for_programs_opens_is_open_and_nothing_else(door: Door) -> None:
    assert door.ask(path="/api/open").seen["davlock.principal"] == ""
    assert door.ask(path="/api/open?x=1").seen["davlock.principal"] == ""
    for method, path in [
        ("POST", "/api/open"),
        ("GET", "/api/open/x"),
        ("GET", "/api/%6fpen"),
        ("GET", "/api/x/../open"),
        ("GET", "/open"),
    ]:
        assert door.ask(method=method, path=path).status == 401


def test_the_door_for_programs_spells_its_refusals_itself(door: Door) -> None:
    here = door.ask(path="/api/x")
    assert here.headers["Content-Type"] == "application/json"
    assert here.body == b'{"Status": 401, "Message": "Please log in with your user name and password."}'
    assert here.headers.get_all("WWW-Authenticate") == ['Basic realm="davlock", charset="UTF-8"', 'Bearer realm="davlock"']
    elsewhere = door.ask(path="/x")
    assert elsewhere.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert elsewhere.headers.get_all("WWW-Authenticate") == ['Basic realm="davlock", charset="UTF-8"']
    forged = door.ask(method="PUT", path="/api/x", Origin="https://evil.example")
    assert (forged.status, b'"Status": 403' in forged.body) == (403, True)
