"""Pages of other sites that the configuration lets use the API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.rest.conftest import ROOT
from tests.serving import Client, Raw, Serving

WANTED = {
    "authorization", "content-type", "accept", "accept-language", "if-modified-since", "if-unmodified-since", "x-xsrf-token", "so-language",
    "so-culture", "so-timezone", "so-apptoken", "so-browser-tz-offset", "if-match",
}  # fmt: skip
PAGE = "http://localhost:3000"


@pytest.fixture(scope="module")
def alice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Of a server that is open to two sites."""
    folder = tmp_path_factory.mktemp("cors")
    config = folder / "davlock.yaml"
    config.write_text('rest: {cors_origins: ["https://app.example", "http://localhost*"]}\n')
    with Serving(folder / "root", "--config", str(config), users=("alice",)) as serving:
        yield Client(serving, "alice")


def preflight(client: Client, origin: str, method: str = "DELETE", path: str = f"{ROOT}/Document/1/Lock") -> dict[str, str]:
    """What a browser is told before it lets a page send something."""
    asked = {"Access_Control_Request_Method": method, "Access_Control_Request_Headers": "authorization"}
    answer = client.request("OPTIONS", Raw(path), Authorization=None, Origin=origin, Sec_Fetch_Site="cross-site", **asked)
    assert answer.status in (200, 204)
    return {name: value for name, value in answer.headers.items() if name.startswith("Access-Control-")}


@pytest.mark.parametrize("origin", ["https://app.example", PAGE, "http://localhost"])
def test_a_browser_is_told_what_such_a_page_may_send_and_read(alice: Client, origin: str) -> None:
    told = preflight(alice, origin)
    assert told["Access-Control-Allow-Origin"] == origin
    assert told["Access-Control-Allow-Credentials"] == "true"
    assert set(told["Access-Control-Allow-Methods"].split(", ")) >= {"GET", "POST", "PUT", "PATCH", "DELETE"}
    assert {each.lower() for each in told["Access-Control-Allow-Headers"].split(", ")} >= WANTED
    assert int(told["Access-Control-Max-Age"]) > 0
    answer = alice.request("GET", Raw(ROOT), Origin=origin)
    assert answer.status == 200
    assert set(answer.headers["Access-Control-Expose-Headers"].split(", ")) >= {
        "Last-Modified",
        "SO-TimeZone",
        "Content-Disposition",
        "ETag",
    }
    assert "Origin" in ", ".join(answer.headers.get_all("Vary") or ())


def test_such_a_page_uses_the_api_as_any_other(alice: Client) -> None:
    sent = {"Origin": PAGE, "Sec_Fetch_Site": "cross-site", "Content_Type": "application/json"}
    answer = alice.request("POST", Raw(f"{ROOT}/Token"), b'{"Name": "a page", "ExpiresInDays": 1}', **sent)
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    refused = alice.request("GET", Raw(f"{ROOT}/Document/999"), **sent)
    assert (refused.status, refused.headers["Access-Control-Allow-Origin"]) == (404, PAGE)


@pytest.mark.parametrize("origin", ["https://evil.example", "http://app.example", "http://localhost.evil.example", "null"])
def test_other_pages_are_told_nothing_and_change_nothing(alice: Client, origin: str) -> None:
    assert preflight(alice, origin) == {}
    answer = alice.request("POST", Raw(f"{ROOT}/Token"), b'{"Name": "evil"}', Origin=origin, Content_Type="application/json")
    assert answer.status == 403
    assert b'"ErrorType":"SoSentryException"' in answer.body
    read = alice.request("GET", Raw(f"{ROOT}/Token"), Origin=origin)
    assert "Access-Control-Allow-Origin" not in read.headers
    assert b"evil" not in read.body


def test_the_other_doors_are_not_opened(alice: Client) -> None:
    assert preflight(alice, PAGE, "PUT", "/a.txt") == {}
    assert alice.put("/a.txt", b"x", Origin=PAGE).status == 403
    assert alice.get("/a.txt").status == 404
