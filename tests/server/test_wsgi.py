"""davlock in other WSGI servers."""

from __future__ import annotations

import io
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from davlock.wsgi import _Refused, adapt
from tests.serving import Client, Raw, Serving

from .hosting import SERVERS, Hosting


@pytest.fixture(scope="module", params=SERVERS)
def hosted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with Hosting(tmp_path_factory.mktemp("hosted") / "root", request.param) as serving:
        yield serving


@pytest.fixture
def alice(hosted: Serving) -> Client:
    return Client(hosted, "alice")


def sent(serving: Serving, head: str, body: bytes = b"") -> bytes:
    """What is answered to what is sent and then broken off."""
    authorization = Client(serving, "alice").authorization
    with socket.create_connection((serving.host, serving.port), 30) as sock:
        sock.sendall(f"{head}\r\nHost: test\r\nAuthorization: {authorization}\r\n\r\n".encode() + body)
        sock.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while data := sock.recv(65536):
                answer += data
        except ConnectionResetError:
            pass
        return answer


def test_documents_are_saved_locked_listed_and_moved(hosted: Serving, alice: Client) -> None:
    bob = Client(hosted, "bob")
    content = os.urandom(3_000_000)
    assert alice.put("/a.bin", content).status == 201
    assert alice.put("/a.bin", [content[:1_000_000], content[1_000_000:]]).status == 204
    token = alice.lock("/a.bin")
    assert bob.put("/a.bin", b"mine").status == 423
    assert alice.put("/a.bin", content[::-1], token).status == 204
    assert alice.propfind("/a.bin", "lockdiscovery").texts("{DAV:}locktoken") == [token]
    assert alice.unlock("/a.bin", token).status == 204
    assert alice.request("MOVE", "/a.bin", Destination=f"{hosted.url}b%20%C3%BC.bin").status == 201
    assert bob.get("/b ü.bin").body == content[::-1]
    assert bob.get("/b ü.bin", Range="bytes=1-10").body == content[::-1][1:11]
    head = bob.request("HEAD", "/b ü.bin")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", "3000000")
    assert "/b%20%C3%BC.bin" in bob.propfind("/", depth="1").texts("{DAV:}href")
    assert alice.put("/empty.bin", b"").status == 201
    number = bob.get("/b ü.bin").headers["Document-Id"]
    assert json.loads(bob.get(f"/api/v1/Document/{number}/Url").body) == f"{hosted.url}b%20%C3%BC.bin"
    assert json.loads(bob.request("POST", f"/api/v1/Document/{number}/Lock", b"").body)["Success"] is True
    assert alice.get("/_davlock/health").body == b"ok\n"
    assert Client(hosted).get("/b ü.bin").status == 401


def test_a_page_of_xml_and_a_form_of_json_are_read(alice: Client) -> None:
    update = b'<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><c xmlns="urn:x">green</c></D:prop></D:set></D:propertyupdate>'
    assert alice.put("/p.txt", b"").status == 201
    for body in (update, [update[:50], update[50:]]):
        assert alice.request("PROPPATCH", "/p.txt", body).texts("{DAV:}status") == ["HTTP/1.1 200 OK"]
    assert alice.request("POST", "/api/v1/Token", b'{"Name": "x", "ExpiresInDays": 1}', Content_Type="application/json").status == 200


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ("Content-Length: 1000000", b"x" * 400_000),
        ("Content-Length: 10", b"x"),
        ("Content-Length: 10", b""),
        ("Transfer-Encoding: chunked", b"61a80\r\n" + b"x" * 400_000),
        ("Transfer-Encoding: chunked", b"5\r\nxxxxx\r\n"),
        ("Transfer-Encoding: chunked", b"5\r\nxxxxx\r\n0"),
        ("Transfer-Encoding: chunked", b"5\r\nxxxxx\r\nzz\r\n"),
        ("Transfer-Encoding: chunked", b"5\r\nxxxxxxxx\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked", b""),
    ],
)
@pytest.mark.parametrize("name", ["new.bin", "old.bin"])
def test_an_upload_that_is_broken_off_is_not_stored(hosted: Serving, name: str, headers: str, body: bytes) -> None:
    (hosted.root / "old.bin").write_bytes(b"old")
    answer = sent(hosted, f"PUT /{name} HTTP/1.1\r\n{headers}", body)
    assert answer[:10] in (b"", b"HTTP/1.1 4"), answer
    assert not (hosted.root / "new.bin").exists()
    assert (hosted.root / "old.bin").read_bytes() == b"old"
    assert Client(hosted, "alice").get("/old.bin").body == b"old"


@pytest.mark.parametrize(
    "path", ["/a%2Fb.txt", "/..%2f..%2fetc/passwd", "/a%00b", "//etc/passwd", "/%ff", "/.davlock/state.db", "/x/../../y"]
)
def test_paths_are_read_as_everywhere(hosted: Serving, alice: Client, path: str) -> None:
    (hosted.root / "a").mkdir(exist_ok=True)
    (hosted.root / "a" / "b.txt").write_bytes(b"secret")
    assert 400 <= alice.get(Raw(path)).status < 500
    assert 400 <= alice.put(Raw(path), b"x").status < 500
    assert (hosted.root / "a" / "b.txt").read_bytes() == b"secret"
    number = alice.put("/numbered.txt", b"").headers["Document-Id"] or alice.get("/numbered.txt").headers["Document-Id"]
    for between, status in (("/", 200), ("%2F", 400)):
        assert alice.get(Raw(f"/api/v1/Document{between}{number}")).status == status


def test_an_address_with_a_host_is_that_of_the_document(hosted: Serving, alice: Client) -> None:
    alice.put("/abs.txt", b"here")
    answer = sent(hosted, "GET http://test/abs.txt HTTP/1.1\r\nConnection: close")
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"here")


def environ(**more: Any) -> dict[str, Any]:
    return {"REQUEST_METHOD": "PUT", "PATH_INFO": "/a/b", "wsgi.input": io.BytesIO(b"0123456789")} | more


def test_a_body_ends_with_its_length_on_servers_that_go_on() -> None:
    request = environ(CONTENT_LENGTH="4", **{"wsgi.input_terminated": True})
    adapt(request)
    assert (request["wsgi.input"].read(), request["wsgi.input"].read()) == (b"0123", b"")
    assert (request["REQUEST_URI"], request["wsgi.input_terminated"]) == ("/a/b", False)
    request = environ(CONTENT_LENGTH="11")
    adapt(request)
    for _ in range(2):
        with pytest.raises(ConnectionError):
            request["wsgi.input"].read()
    request = environ()
    adapt(request)
    assert request["wsgi.input"].read() == b""


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"CONTENT_LENGTH": "+1"}, "400"),
        ({"CONTENT_LENGTH": "1_0"}, "400"),
        ({"CONTENT_LENGTH": "9" * 5000}, "400"),
        ({"CONTENT_LENGTH": "1", "HTTP_TRANSFER_ENCODING": "chunked"}, "400"),
        ({"HTTP_TRANSFER_ENCODING": "chunked"}, "411"),
    ],
)
def test_a_body_whose_end_nobody_knows_is_refused(more: dict[str, str], status: str) -> None:
    with pytest.raises(_Refused) as refused:
        adapt(environ(**more))
    assert refused.value.args[0][:3] == status


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({}, "DAVLOCK_CONFIG must name the configuration file, or DAVLOCK_ROOT the folder to serve."),
        ({"DAVLOCK_CONFIG": "/none.yaml"}, "/none.yaml cannot be read: No such file or directory."),
        ({"DAVLOCK_ROOT": "/none"}, "/none"),
    ],
)
def test_what_is_not_set_up_is_told_in_the_log(tmp_path: Path, told: dict[str, str], said: str) -> None:
    with Hosting(tmp_path / "root", "waitress", users=(), environment=told) as serving:
        for _ in range(3):
            answer = Client(serving).get("/")
            assert (answer.status, answer.body) == (503, b"This server is not set up yet; its log says what is missing.\n")
        assert serving.log().count("davlock cannot serve: ") == 1
        assert said in serving.log()


def test_a_configuration_file_counts(tmp_path: Path) -> None:
    (tmp_path / "davlock.yaml").write_text("{root: root, auth: {realm: hosted}, documents: {max_upload_bytes: 5}}")
    with Hosting(tmp_path / "root", "waitress", environment={"DAVLOCK_CONFIG": str(tmp_path / "davlock.yaml")}) as serving:
        assert Client(serving).get("/").headers["WWW-Authenticate"] == 'Basic realm="hosted", charset="UTF-8"'
        assert Client(serving, "alice").put("/a.txt", b"123456").status in (413, 507)
