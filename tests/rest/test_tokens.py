"""Access tokens: made, listed and revoked over the API, and good at every door."""

from __future__ import annotations

import itertools
import json
from datetime import datetime
from typing import Any

import pytest

from tests.rest.conftest import ROOT, Api, Stored
from tests.serving import Answer, Raw

_names = (f"program {number}" for number in itertools.count(1))


def made(api: Api, user: str, days: int = 1) -> dict[str, Any]:
    told: dict[str, Any] = api(user, "POST", "/Token", {"Name": next(_names), "ExpiresInDays": days})
    return told


def bearing(api: Api, token: str, method: str, path: str, body: Any = None, scheme: str = "Bearer") -> Answer:
    """A request of somebody who has nothing but a token."""
    return api.ask("nobody", method, path, body, Authorization=f"{scheme} {token}")


def ids(api: Api, user: str, query: str = "") -> set[int]:
    return {each["TokenId"] for each in api(user, "GET", f"/Token{query}")}


def test_a_token_is_told_once_and_then_only_described(api: Api) -> None:
    told = made(api, "alice", 3)
    assert list(told) == ["TokenId", "Name", "UserName", "Kind", "Created", "Expires", "LastUsed", "Token"]
    assert (told["UserName"], told["Kind"], told["LastUsed"]) == ("alice", "Token", None)
    lasts = datetime.fromisoformat(told["Expires"]) - datetime.fromisoformat(told["Created"])
    assert (lasts.days, lasts.seconds) == (3, 0)
    (shown,) = [each for each in api("alice", "GET", "/Token") if each["TokenId"] == told["TokenId"]]
    assert shown == {name: value for name, value in told.items() if name != "Token"}
    assert bearing(api, told["Token"], "GET", "/Session").status == 200
    (shown,) = [each for each in api("alice", "GET", "/Token") if each["TokenId"] == told["TokenId"]]
    assert shown["LastUsed"] is not None
    assert told["Token"] not in api.serving.log()


def test_it_lasts_for_three_months_if_nothing_is_said(api: Api) -> None:
    told = api("alice", "POST", "/token/", {"name": "camel"})
    assert (datetime.fromisoformat(told["Expires"]) - datetime.fromisoformat(told["Created"])).days == 90
    assert told["Name"] == "camel"


@pytest.mark.parametrize("scheme", ["Bearer", "SOTICKET", "SoTicket"])
def test_with_a_token_one_is_its_user_at_every_door(api: Api, document: Stored, scheme: str) -> None:
    token = made(api, "alice")["Token"]
    who = json.loads(bearing(api, token, "GET", "/Session", scheme=scheme).body)
    assert (who["UserName"], who["Kind"], who["IsAdministrator"]) == ("alice", "Token", False)
    checked_out = bearing(api, token, "POST", f"/Document/{document.id}/Lock", scheme=scheme)
    assert json.loads(checked_out.body)["Success"] is True
    assert api("alice", "GET", f"/Document/{document.id}/Lock")["State"] == "CheckedOutOwn"
    client = api.client("nobody")
    assert client.get(document.path, Authorization=f"{scheme} {token}").body == b"one"
    assert client.put(document.path, b"two", Authorization=f"{scheme} {token}").status == 204
    told = client.request("POST", "/_vti_bin/_vti_aut/author.dll", b"method=server+version:12.0.0.0", Authorization=f"{scheme} {token}",
        Content_Type="application/x-www-form-urlencoded")  # fmt: skip
    assert told.status == 200
    assert api.ask("alice", "DELETE", f"/Document/{document.id}/Lock").status == 200


def test_a_token_makes_no_tokens(api: Api) -> None:
    token = made(api, "root")
    answer = bearing(api, token["Token"], "POST", "/Token", {"Name": "to stay"})
    assert answer.status == 403
    assert "cannot make tokens" in json.loads(answer.body)["ErrorMessage"]
    # but it can end itself
    assert bearing(api, token["Token"], "DELETE", f"/Token/{token['TokenId']}").status == 204
    assert bearing(api, token["Token"], "GET", "/Session").status == 401


def test_everybody_sees_and_revokes_his_own(api: Api) -> None:
    hers, his = made(api, "alice"), made(api, "bob")
    assert his["TokenId"] not in ids(api, "alice")
    assert ids(api, "alice", "?user=ALICE") == ids(api, "alice")
    api.refused(403, "alice", "GET", "/Token?user=bob")
    api.refused(404, "alice", "DELETE", f"/Token/{his['TokenId']}")
    assert bearing(api, his["Token"], "GET", "/Session").status == 200
    assert api.ask("alice", "DELETE", f"/Token/{hers['TokenId']}").status == 204
    assert bearing(api, hers["Token"], "GET", "/Session").status == 401
    api.refused(404, "alice", "DELETE", f"/Token/{hers['TokenId']}")


def test_administrators_see_and_revoke_those_of_all(api: Api) -> None:
    hers, his = made(api, "alice"), made(api, "bob")
    assert {hers["TokenId"], his["TokenId"]} <= ids(api, "root")
    assert his["TokenId"] in ids(api, "root", "?User=Bob")
    assert hers["TokenId"] not in ids(api, "root", "?user=bob")
    assert ids(api, "root", "?user=nobody") == set()
    assert ids(api, "root", "?user=a%3Ab") == set()
    assert api.ask("root", "DELETE", f"/Token/{his['TokenId']}").status == 204
    assert bearing(api, his["Token"], "GET", "/Session").status == 401


@pytest.mark.parametrize("id", ["0", "-1", "x", "1_0", "+1", "2147483647", "2147483648", "99999999999999999999", "%201", "1.0"])
def test_there_is_no_token_with_an_impossible_number(api: Api, id: str) -> None:
    api.refused(404, "root", "DELETE", f"/Token/{id}")


@pytest.mark.parametrize(
    "body",
    [
        None, b"null", b"", b"{", b"[]", b'"x"', {}, {"Name": ""}, {"Name": None}, {"Name": 7}, {"Name": "x" * 101}, {"Name": "a\r\nb"},
        {"Name": "a", "ExpiresInDays": 0}, {"Name": "a", "ExpiresInDays": -1}, {"Name": "a", "ExpiresInDays": 3651},
        {"Name": "a", "ExpiresInDays": 1.5}, {"Name": "a", "ExpiresInDays": "90"}, {"Name": "a", "ExpiresInDays": True},
        b'{"Name": "a", "ExpiresInDays": 1e999}', b'{"Name": "a", "ExpiresInDays": NaN}',
        b'{"Name": "\\ud800"}', b'{"Name": "\xff"}', b'{"Name":' + b"[" * 100_000,
    ],
)  # fmt: skip
def test_a_token_that_cannot_be_made(api: Api, body: Any) -> None:
    before = ids(api, "bob")
    api.refused(400, "bob", "POST", "/Token", body)
    assert ids(api, "bob") == before


@pytest.mark.parametrize("name", ["x" * 100, " ", "Grüße 🔑", "[SR_X]", "<b>", "null"])
def test_a_name_can_be_anything_that_fits_on_a_line(api: Api, name: str) -> None:
    assert api("bob", "POST", "/Token", {"Name": name, "ExpiresInDays": 3650})["Name"] == name


# without a login


def test_what_needs_no_login(api: Api) -> None:
    client = api.client("nobody")
    for path in ("/api", "/api/", "/API", "/api?x=1"):
        for authorization in (None, "Basic wrong", "Bearer wrong"):
            answer = client.request("GET", Raw(path), Authorization=authorization)
            assert answer.status == 200
            told = json.loads(answer.body)
            assert told["Version"] == "v1"
            assert told["v1"] == f"{api.serving.url}api/v1"
    assert client.request("HEAD", Raw("/api"), Authorization=None).status == 200
    for path in ("/api/v1/openapi.json", "/api/v1/docs"):
        assert client.request("GET", Raw(path), Authorization=None).status == 200
    assert client.request("OPTIONS", Raw("/api/v1/Document/1/Lock"), Authorization=None).status == 200


def test_everything_else_needs_one_and_says_so_as_the_api_does(api: Api) -> None:
    asked = "POST /api,GET /api/v1,GET /api/v1/Token,POST /api/v1/Session,GET /api/v1/no,GET /api/v1/Document/1,GET /%61pi,BREW /api/v1"
    for method, path in (each.split() for each in asked.split(",")):
        answer = api.client("nobody").request(method, Raw(path), Authorization=None)
        assert (method, path, answer.status) == (method, path, 401)
        if path.startswith("/api"):
            assert list(json.loads(answer.body)) == ["Error", "ErrorType", "ErrorMessage", "ErrorSource"]
            assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
            assert [each.split()[0] for each in answer.headers.get_all("WWW-Authenticate") or ()] == ["Basic", "Bearer"]
    told = api.refused(401, "nobody", "GET", "/Document", Authorization="Bearer davlock_" + "x" * 43)
    assert told["ErrorType"] == "SoAuthenticationException"


def test_other_doors_speak_as_they_always_did(api: Api) -> None:
    answer = api.client("nobody").request("PROPFIND", "/", Authorization="Bearer davlock_" + "y" * 43)
    assert answer.status == 401
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert [each.split()[0] for each in answer.headers.get_all("WWW-Authenticate") or ()] == ["Basic"]


def test_guessing_passwords_is_slowed_down_in_the_words_of_the_api(api: Api) -> None:
    statuses = [api.ask("somebody", "GET", "/Session").status for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    told = api.refused(429, "somebody", "GET", "/Session")
    assert told["ErrorType"] == "SoTooManyRequestsException"


def test_the_map_tells_every_url_that_there_is(api: Api) -> None:
    told = api("alice", "GET", "")
    base = f"{api.serving.url.rstrip('/')}{ROOT}"
    assert set(told[f"{base}/Token"]) == {"GET", "POST"}
    assert set(told[f"{base}/Session"]) == {"GET", "POST", "DELETE"}
    assert set(told[f"{base}/Agents/Document/CheckoutDocument"]) == {"POST"}
    assert {"POST", "DELETE"} <= set(told[f"{base}/Document/{{documentId}}/Lock"])
    assert set(told[base]) == {"GET"}
    for methods in told.values():
        for summary in methods.values():
            assert summary
    for url, methods in told.items():
        if "GET" in methods and "{" not in url:
            assert api.ask("alice", "GET", url.removeprefix(base)).status not in (404, 405)
    assert api("alice", "GET", "/") == told
