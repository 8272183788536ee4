"""What is believed of a proxy, and of nobody else."""

from __future__ import annotations

import base64
import http.client
import json
import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from wsgiref.types import StartResponse

import pytest

from davlock.server.proxies import Proxies
from tests.serving import Client, Serving, lockinfo

PROXIES = ("127.0.0.1", "10.0.0.0/8", "fd00::/8")


def revealed(peer: str, **headers: str) -> dict[str, Any]:
    """The environ behind the layer, of a request from this peer to http://inner:8080."""
    seen: list[dict[str, Any]] = []

    def application(environ: dict[str, Any], start_response: StartResponse) -> list[bytes]:
        seen.append(environ)
        return []

    environ = {"REMOTE_ADDR": peer, "REMOTE_PORT": "4711", "wsgi.url_scheme": "http", "HTTP_HOST": "inner:8080"}
    environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    Proxies(PROXIES).reveal(application)(environ, lambda *_: lambda _: None)
    return seen[0]


@pytest.mark.parametrize(
    ("sent", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        # what a stranger has sent stands before what the proxies have added
        ("127.0.0.1, 192.0.2.1", "192.0.2.1"),
        ("198.51.100.7, 192.0.2.1, 10.1.2.3,fd00::1 ,  10.0.0.9:80", "192.0.2.1"),
        ("garbage, 192.0.2.1", "192.0.2.1"),
        # nobody but proxies
        ("10.1.2.3", "10.1.2.3"),
        ("10.1.2.3, 10.0.0.9", "10.1.2.3"),
        # what is no address ends the chain: who said so is the last that is known
        ("unknown, 10.0.0.9", "10.0.0.9"),
        ("192.0.2.1, , 10.0.0.9", "10.0.0.9"),
        *((each, "127.0.0.1") for each in (
            "", " ", ",", ",,,,", "unknown", "_hidden", "192.0.2.256", "192.0.2", "0300.0.2.1", "1", "3221225985", "192.0.2.1:",
            "192.0.2.1:x", "192.0.2.1:999999", "[192.0.2.1]:80x", "[::1", "::1]", "[::1]]", "[]", "2001:db8::1]:4711", ":::",
            "1::2::3", "a", ".", "192.0.2.1;", "for=192.0.2.1", '"192.0.2.1"', "192.0.2.1 10.0.0.9", "\u0661.2.3.4", "\xe9",
            "1" * 5000, "::1" * 5000, "%", "-1",
        )),
    ],
)  # fmt: skip
def test_the_client_is_the_last_that_is_no_proxy(sent: str, client: str) -> None:
    assert revealed("127.0.0.1", X_Forwarded_For=sent)["REMOTE_ADDR"] == client


@pytest.mark.parametrize(
    ("addresses", "sent", "scheme"),
    [
        (None, "https", "https"),
        (None, "HTTPS", "https"),
        (None, "http", "http"),
        # each proxy has added its own: of the stranger, the one next to him, and us
        ("192.0.2.1", "https, http", "http"),
        ("192.0.2.1, 10.0.0.9", "https, http", "https"),
        ("192.0.2.1, 10.0.0.9", "http, https, http", "https"),
        ("192.0.2.1, 10.0.0.9", "https", "https"),
        *((None, each, "http") for each in ("", ",", "on", "ftp", "https;", "https://", "httpss", "\xe9", "1" * 5000)),
    ],
)
def test_the_scheme_is_what_the_client_uses(addresses: str | None, sent: str, scheme: str) -> None:
    more = {} if addresses is None else {"X_Forwarded_For": addresses}
    assert revealed("10.0.0.1", X_Forwarded_Proto=sent, **more)["wsgi.url_scheme"] == scheme


@pytest.mark.parametrize(
    ("addresses", "sent", "host"),
    [
        (None, "docs.example", "docs.example"),
        (None, "docs.example:8443", "docs.example:8443"),
        (None, "[2001:db8::1]:8443", "[2001:db8::1]:8443"),
        ("192.0.2.1", "evil.example, docs.example", "docs.example"),
        ("192.0.2.1, 10.0.0.9", "docs.example, inner:1", "docs.example"),
        *((None, each, "inner:8080") for each in (
            "", ",", "a b", "a/b", "https://a", "a@b", "a:b", "a:999999", "[::1", "::1", "a\r\nX: y", "a\0", "<script>", "a%2f", "\xe9",
            "a" * 5000,
        )),
    ],
)  # fmt: skip
def test_the_host_is_what_the_client_uses(addresses: str | None, sent: str, host: str) -> None:
    more = {} if addresses is None else {"X_Forwarded_For": addresses}
    assert revealed("fd00::9", X_Forwarded_Host=sent, **more)["HTTP_HOST"] == host


@pytest.mark.parametrize("peer", ["127.0.0.1", "::ffff:10.0.0.1", "fd00::1%eth0", "127.0.0.2", "192.0.2.1", "::1", "", "unix:", "11.0.0.0"])
def test_only_proxies_are_believed_and_nothing_is_left_of_what_they_say(peer: str) -> None:
    said = {"X_Forwarded_For": "192.0.2.7", "X_Forwarded_Proto": "https", "X_Forwarded_Host": "docs.example"}
    others = {
        "Forwarded": "for=192.0.2.8;proto=https;host=evil",
        "X_Forwarded_Port": "1",
        "X_Forwarded_Prefix": "/x",
        "X_Forwarded_Ssl": "on",
    }
    environ = revealed(peer, **said, **others)
    told = environ["REMOTE_ADDR"], environ["REMOTE_PORT"], environ["wsgi.url_scheme"], environ["HTTP_HOST"]
    is_proxy = peer in ("127.0.0.1", "::ffff:10.0.0.1", "fd00::1%eth0")
    assert told == (("192.0.2.7", "", "https", "docs.example") if is_proxy else (peer, "4711", "http", "inner:8080"))
    assert not [name for name in environ if "FORWARDED" in name]


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Behind 127.0.0.1 and 10.0.0.0/8."""
    folder = tmp_path_factory.mktemp("proxied")
    (folder / "davlock.yaml").write_text('trusted_proxies: ["127.0.0.1", 10.0.0.0/8]')
    with Serving(folder / "root", "--config", str(folder / "davlock.yaml"), also=("--workers", "1")) as serving:
        yield serving


OUTER = {"X_Forwarded_For": "192.0.2.1", "X_Forwarded_Proto": "https", "X_Forwarded_Host": "docs.example"}


def test_destinations_and_tags_are_urls_as_the_client_knows_them(proxied: Serving) -> None:
    alice = Client(proxied, "alice")
    alice.put("/a.txt", b"a")
    for destination, status in (
        ("https://docs.example/b.txt", 201),
        ("https://docs.example:443/b.txt", 204),
        ("http://docs.example/b.txt", 204),  # a proxy that does not tell the scheme
        ("/b.txt", 204),
        ("https://docs.example:8443/b.txt", 502),
        ("https://other.example/b.txt", 502),
        (f"{proxied.url}b.txt", 502),
    ):
        assert alice.request("COPY", "/a.txt", Destination=destination, **OUTER).status == status, destination
    answer = alice.request("LOCK", "/a.txt", lockinfo("alice"), **OUTER)
    token = answer.headers["Lock-Token"]
    for url, status in (
        ("https://docs.example/a.txt", 204),
        ("/a.txt", 204),
        (f"{proxied.url}a.txt", 412),
        ("https://other.example/a.txt", 412),
    ):
        assert alice.request("PUT", "/a.txt", b"b", If=f"<{url}> ({token})", **OUTER).status == status, url
    assert alice.request("UNLOCK", "/a.txt", Lock_Token=token, **OUTER).status == 204


def test_a_destination_of_another_scheme_needs_no_trust(proxied: Serving) -> None:
    # a proxy that passes Host on and says nothing
    alice = Client(proxied, "alice")
    alice.put("/a.txt", b"a")
    answer = alice.request("LOCK", "/a.txt", lockinfo("alice"), Host="docs.example")
    tagged = f"<https://docs.example/a.txt> ({answer.headers['Lock-Token']})"
    moved = alice.request("MOVE", "/a.txt", Destination="https://docs.example/c.txt", Host="docs.example", If=tagged)
    assert moved.status == 201
    assert alice.get("/c.txt").body == b"a"


def test_urls_and_cookies_are_those_of_the_client(proxied: Serving) -> None:
    alice = Client(proxied, "alice")
    alice.put("/a.txt", b"a")
    number = alice.get("/a.txt").headers["Document-Id"]
    assert number
    for headers, url, is_secure in (
        (OUTER, "https://docs.example/a.txt", True),
        ({"X_Forwarded_Proto": "https", "Host": "a.example"}, "https://a.example/a.txt", True),
        ({}, f"{proxied.url}a.txt", False),
        ({"Forwarded": "proto=https;host=evil"}, f"{proxied.url}a.txt", False),
    ):
        assert json.loads(alice.get(f"/api/v1/Document/{number}/Url", **headers).body) == url
        cookies = alice.request("POST", "/api/v1/Session", **headers).headers.get_all("Set-Cookie") or []
        assert [("; Secure" in cookie) for cookie in cookies] == [is_secure] * 2
    discovered = alice.request("GET", "/_vti_inf.html", **OUTER)
    assert discovered.status == 200


def test_a_page_of_the_outer_host_is_no_foreign_one(proxied: Serving) -> None:
    alice = Client(proxied, "alice")
    assert alice.put("/o.txt", b"", Origin="https://docs.example", **OUTER).status == 201
    assert alice.put("/o.txt", b"", Origin=proxied.url.rstrip("/"), **OUTER).status == 403


def guess(serving: Serving, name: str, source: str, forwarded: str) -> int:
    """The status of a request with a wrong password."""
    connection = http.client.HTTPConnection(serving.host, serving.port, timeout=30, source_address=(source, 0))
    with closing(connection):
        pair = base64.b64encode(f"{name}:wrong".encode()).decode()
        connection.request("PROPFIND", "/", headers={"Authorization": f"Basic {pair}", "X-Forwarded-For": forwarded, "Depth": "0"})
        return connection.getresponse().status


def test_each_client_of_a_proxy_is_slowed_down_for_itself(proxied: Serving) -> None:
    assert [guess(proxied, "bob", "127.0.0.1", "192.0.2.1") for _ in range(6)] == [401] * 5 + [429]
    assert guess(proxied, "bob", "127.0.0.1", "192.0.2.2") == 401
    assert guess(proxied, "bob", "127.0.0.1", "192.0.2.2, 192.0.2.1, 10.0.0.4") == 429  # by what he has sent he is known no less
    assert len(re.findall("wrong name or password for 'bob' from 192.0.2.1\n", proxied.log())) == 5


def test_who_is_no_proxy_cannot_be_somebody_else(proxied: Serving) -> None:
    assert [guess(proxied, "carol", "127.0.0.2", f"192.0.2.{number}") for number in range(6)] == [401] * 5 + [429]
    assert len(re.findall("wrong name or password for 'carol' from 127.0.0.2\n", proxied.log())) == 5


@pytest.mark.parametrize("value", ["\xff", 'a,b;c="d', "[::1", "1" * 30_000, ", " * 10_000, "http", "%0d%0a"])
def test_nonsense_does_no_harm(proxied: Serving, value: str) -> None:
    alice = Client(proxied, "alice")
    for name in ("X_Forwarded_For", "X_Forwarded_Proto", "X_Forwarded_Host", "Forwarded"):
        assert alice.propfind("/").status == 207
        assert alice.request("PROPFIND", "/", Depth="0", **{name: value}).status == 207, name
