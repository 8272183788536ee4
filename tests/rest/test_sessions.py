"""Sessions of browsers."""

from __future__ import annotations

import json
from datetime import datetime
from http.cookies import SimpleCookie
from typing import Any

import pytest

from tests.rest.conftest import Api, Stored
from tests.serving import Answer, Raw


class Browser:
    """Keeps cookies as a browser does; axios adds the header."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.cookies: SimpleCookie = SimpleCookie()

    def ask(self, method: str, path: str, body: Any = None, **headers: Any) -> Answer:
        cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in self.cookies.items())
        sent = {"Authorization": None, "Cookie": cookie or None, "X_XSRF_TOKEN": self.xsrf} | headers
        answer = self.api.ask("browser", method, path, body, **sent)
        for each in answer.headers.get_all("Set-Cookie") or ():
            self.cookies.load(each)
        for name in [name for name, morsel in self.cookies.items() if morsel["max-age"] == "0"]:
            del self.cookies[name]
        return answer

    @property
    def xsrf(self) -> str | None:
        found = self.cookies.get("XSRF-TOKEN")
        return found.value if found else None

    def log_in(self, user: str = "alice", **headers: Any) -> dict[str, Any]:
        sent = {"Authorization": self.api.client(user).authorization} | headers
        answer = self.ask("POST", "/Session", **sent)
        assert answer.status == 200, answer
        told: dict[str, Any] = json.loads(answer.body)
        return told


@pytest.fixture
def browser(api: Api) -> Browser:
    return Browser(api)


def test_a_session_begins_with_a_password_and_ends_when_one_logs_out(api: Api, browser: Browser, document: Stored) -> None:
    told = browser.log_in()
    assert list(told) == ["UserName", "AssociateId", "IsAdministrator", "Kind", "TokenId", "Expires", "XsrfToken"]
    assert told["XsrfToken"] == browser.xsrf
    who = json.loads(browser.ask("GET", "/Session").body)
    assert who == {name: value for name, value in told.items() if name != "XsrfToken"}
    assert (who["UserName"], who["Kind"]) == ("alice", "Session")
    out = browser.ask("POST", f"/Document/{document.id}/Lock")
    assert json.loads(out.body)["Success"] is True
    assert api("alice", "GET", f"/Document/{document.id}/Lock")["State"] == "CheckedOutOwn"
    before = {"Cookie": f"davlock-session={browser.cookies['davlock-session'].value}", "X_XSRF_TOKEN": browser.xsrf}
    assert browser.ask("DELETE", "/Session").status == 204
    assert not browser.cookies
    assert browser.ask("GET", "/Session").status == 401
    assert browser.ask("GET", "/Session", **before).status == 401  # not only forgotten by the browser


def test_a_session_lasts_half_a_day(browser: Browser) -> None:
    told = browser.log_in()
    left = datetime.fromisoformat(told["Expires"]).timestamp() - datetime.now().timestamp()
    assert 12 * 3600 - 60 < left <= 12 * 3600
    assert {morsel["max-age"] for morsel in browser.cookies.values()} == {"43200"}


@pytest.mark.parametrize("headers", [{}, {"X_Forwarded_Proto": "https"}, {"Forwarded": "proto=https"}, {"Forwarded": "=;,;;proto"}])
def test_scripts_see_one_cookie_and_the_other_is_for_the_server_alone(api: Api, browser: Browser, headers: dict[str, str]) -> None:
    browser.log_in(**headers)
    assert browser.cookies["davlock-session"]["httponly"]
    assert not browser.cookies["XSRF-TOKEN"]["httponly"]
    for morsel in browser.cookies.values():
        assert (morsel["path"], morsel["samesite"], bool(morsel["secure"])) == ("/", "Lax", api.serving.is_encrypted)
        assert not morsel["domain"]


def test_a_cookie_without_the_header_changes_and_shows_nothing(api: Api, browser: Browser, document: Stored) -> None:
    browser.log_in()
    for method in ("GET", "POST", "PUT", "DELETE"):
        for wrong in (None, "", "x", browser.cookies["davlock-session"].value):
            answer = browser.ask(method, f"/Document/{document.id}/Lock", X_XSRF_TOKEN=wrong)
            assert answer.status == 401
            assert list(json.loads(answer.body)) == ["Error", "ErrorType", "ErrorMessage", "ErrorSource"]
    assert api("alice", "GET", f"/Document/{document.id}/Lock")["State"] == "NotCheckedOut"


def test_a_foreign_page_changes_nothing_even_with_everything_right(api: Api, browser: Browser, document: Stored) -> None:
    browser.log_in()
    told = browser.ask("POST", f"/Document/{document.id}/Lock", Origin="https://evil.example", Sec_Fetch_Site="cross-site")
    assert (told.status, json.loads(told.body)["Error"]) == (403, True)
    assert api("alice", "GET", f"/Document/{document.id}/Lock")["State"] == "NotCheckedOut"


def test_with_an_authorization_header_the_cookies_do_not_count(api: Api, browser: Browser) -> None:
    browser.log_in("alice")
    for xsrf in (None, browser.xsrf):
        who = browser.ask("GET", "/Session", Authorization=api.client("bob").authorization, X_XSRF_TOKEN=xsrf)
        assert json.loads(who.body)["UserName"] == "bob"
    assert browser.ask("GET", "/Session", Authorization="Bearer x").status == 401


def test_a_session_that_began_with_a_token_ends_with_it_and_makes_none(api: Api, browser: Browser) -> None:
    token = api("alice", "POST", "/Token", {"Name": "a page", "ExpiresInDays": 1})
    told = browser.log_in(Authorization=f"Bearer {token['Token']}")
    assert told["Kind"] == "Session"
    assert browser.ask("POST", "/Token", {"Name": "to stay"}).status == 403
    assert api.ask("alice", "DELETE", f"/Token/{token['TokenId']}").status == 204
    assert browser.ask("GET", "/Session").status == 401


def test_whoever_has_given_his_password_to_a_session_can_make_tokens(browser: Browser) -> None:
    browser.log_in()
    made = json.loads(browser.ask("POST", "/Token", {"Name": "from a page", "ExpiresInDays": 1}).body)
    assert browser.ask("GET", "/Session", Authorization=f"Bearer {made['Token']}", Cookie=None).status == 200


def test_a_session_cannot_prolong_itself(browser: Browser) -> None:
    browser.log_in()
    assert browser.ask("POST", "/Session").status == 403


def test_sessions_are_listed_beside_tokens_and_can_be_ended_from_elsewhere(api: Api, browser: Browser) -> None:
    told = browser.log_in(User_Agent="Mozilla/5.0 (\x9btest)")
    (shown,) = [each for each in api("alice", "GET", "/Token") if each["TokenId"] == told["TokenId"]]
    assert (shown["Kind"], shown["Name"]) == ("Session", "Mozilla/5.0 (test)")
    assert api.ask("alice", "DELETE", f"/Token/{told['TokenId']}").status == 204
    assert browser.ask("GET", "/Session").status == 401


def test_there_is_nothing_to_end_without_a_session(api: Api) -> None:
    told = api.refused(409, "alice", "DELETE", "/Session")
    assert "no session" in told["ErrorMessage"]
    assert api("root", "GET", "/Session")["IsAdministrator"] is True


def test_a_session_is_good_at_the_other_doors_too(api: Api, browser: Browser, document: Stored) -> None:
    browser.log_in()
    headers = {"Cookie": f"davlock-session={browser.cookies['davlock-session'].value}", "Authorization": None}
    assert api.client("browser").request("GET", Raw(document.path), X_XSRF_TOKEN=browser.xsrf, **headers).body == b"one"
    assert api.client("browser").request("GET", Raw(document.path), **headers).status == 401
