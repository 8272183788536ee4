"""davlock as a share of a WsgiDAV site: a test of the surface that davlock plugs into, and of nothing mocked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from cheroot import wsgi
from wsgidav.wsgidav_app import WsgiDAVApp

from davlock.app import open_site
from davlock.config import load
from davlock.dav.provider import Provider

LOCKINFO = b'<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>'
BASIC = {"alice": "Basic YWxpY2U6c2VjcmV0", "bob": "Basic Ym9iOnNlY3JldA=="}  # alice:secret, bob:secret


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "plan.txt").write_text("old")
    with open_site(load(None, root=tmp_path)) as site:
        people = {name: {"password": "secret"} for name in BASIC}
        app = WsgiDAVApp(
            {
                "provider_mapping": {"/": Provider(site.library)},
                "simple_dc": {"user_mapping": {"*": people}},
                "http_authenticator": {"accept_basic": True, "accept_digest": False, "default_to_digest": False},
                "lock_storage": False,
                "property_manager": False,
                "middleware_stack": [
                    "wsgidav.error_printer.ErrorPrinter",
                    "wsgidav.http_authenticator.HTTPAuthenticator",
                    "wsgidav.request_resolver.RequestResolver",
                ],
                "logging": {"enable": False},
            }
        )
        server = wsgi.Server(("127.0.0.1", 0), app)
        server.prepare()
        thread = threading.Thread(target=server.serve)
        thread.start()
        try:
            yield server.bind_addr[1]
        finally:
            server.stop()
            thread.join()


def ask(port: int, who: str, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body, {"Authorization": BASIC[who], **headers})
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()
    finally:
        connection.close()


def test_a_lock_taken_through_wsgidav_is_davlocks(port: int) -> None:
    status, headers, _ = ask(port, "alice", "LOCK", "/plan.txt", LOCKINFO, Depth="0")
    assert status == 200
    token = headers["Lock-Token"]
    status, _, body = ask(port, "bob", "PUT", "/plan.txt", b"bob's")
    assert (status, b"alice" in body) == (423, True)
    assert ask(port, "alice", "PUT", "/plan.txt", b"alice's", If=f"({token})")[0] == 204
    assert ask(port, "alice", "UNLOCK", "/plan.txt", **{"Lock-Token": token})[0] == 204
    assert ask(port, "bob", "GET", "/plan.txt")[2] == b"alice's"


def test_every_method_reaches_the_door(port: int) -> None:
    assert ask(port, "alice", "MKCOL", "/folder")[0] == 201
    assert ask(port, "alice", "MOVE", "/plan.txt", Destination="/folder/plan.txt")[0] == 201
    status, _, body = ask(port, "bob", "PROPFIND", "/folder/", Depth="1")
    assert (status, b"/folder/plan.txt" in body) == (207, True)
    assert ask(port, "bob", "DELETE", "/folder/")[0] == 204
    assert ask(port, "bob", "GET", "/folder/plan.txt")[0] == 404


def test_options_has_only_what_wsgidav_lets_through(port: int) -> None:
    _, headers, _ = ask(port, "alice", "OPTIONS", "/plan.txt")
    assert headers["DAV"] == "1, 2, 3"
    allowed = headers["Allow"].split(", ")
    assert {"PROPFIND", "LOCK"} <= set(allowed)
    for method in ("REPORT", "CHECKOUT", "CHECKIN", "UNCHECKOUT", "VERSION-CONTROL"):
        assert ask(port, "alice", method, "/plan.txt")[0] == 405
        assert method not in allowed and method not in headers["Public"]


def test_only_the_root_share_is_possible(tmp_path: Path) -> None:
    with open_site(load(None, root=tmp_path)) as site, pytest.raises(ValueError, match="share `/`"):
        Provider(site.library).set_share_path("/documents")
