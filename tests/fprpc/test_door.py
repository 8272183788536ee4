"""The entrances: where they are, who may enter, and what becomes of requests that make no sense."""

from __future__ import annotations

import pytest

from tests.dav.stories import Wire, say
from tests.fprpc.client import command, read_packet
from tests.fprpc.conftest import ADMIN, AUTHOR, FORM, SHTML, VERMEER, VERSION, Packet, Rpc
from tests.serving import Answer, Client, Raw, Serving

ENTRANCES = [
    SHTML, "/_vti_bin/shtml.exe/_vti_rpc", "/_vti_bin/shtml.dll", AUTHOR, "/_vti_bin/_vti_aut/author.exe", ADMIN,
    "/_vti_bin/_vti_adm/admin.exe", "/_VTI_BIN/Shtml.DLL/_vti_RPC", "/_vti_bin/_VTI_AUT/AUTHOR.dll",
]  # fmt: skip
CALL = b"method=server+version%3a6%2e0%2e2%2e5523\n"


def call(client: Client, body: bytes, kind: str | None = VERMEER, path: str = AUTHOR) -> Answer:
    """A request by hand."""
    return client.request("POST", path, body, Content_Type=kind or FORM, X_Vermeer_Content_Type=kind, User_Agent="MSFrontPage/6.0")


def packet(answer: Answer) -> Packet:
    assert answer.status == 200, answer
    values, content = read_packet(answer.body)
    return Packet(values, content, answer.body)


@pytest.mark.parametrize("entrance", ENTRANCES)
@pytest.mark.parametrize("site", ["", "/a%20folder", "/story/within/story", "/Vertr%C3%A4ge"])
def test_the_entrances_are_below_every_folder_and_in_any_letter_case(alice: Client, entrance: str, site: str) -> None:
    answer = call(alice, CALL, path=Raw(site + entrance))
    assert answer.headers["Content-Type"] == "application/x-vermeer-rpc"
    assert packet(answer).values.text("method") == f"server version:{VERSION}"


@pytest.mark.parametrize(
    "path", ["/_vti_bin/webs.asmx", "/_vti_bin/author.dll", "/x_vti_bin/shtml.dll", f"{AUTHOR}/x", "/_vti_bin/shtml.cgi"]
)
def test_what_looks_like_an_entrance_is_none(alice: Client, path: str) -> None:
    answer = call(alice, CALL, path=path)
    assert answer.status in (404, 405)
    assert b"vermeer" not in answer.body


@pytest.mark.parametrize("entrance", [SHTML, AUTHOR, ADMIN, "/docs" + AUTHOR, "/_vti_bin/owssvr.dll", "/_vti_inf.html"])
def test_nobody_enters_without_a_login(serving: Serving, entrance: str) -> None:
    for method, body in (("POST", CALL), ("GET", None), ("HEAD", None)):
        answer = Client(serving).request(method, entrance, body, X_Vermeer_Content_Type=FORM)
        assert answer.status == 401, method
        assert answer.headers["WWW-Authenticate"].startswith('Basic realm="')
        assert b"vermeer" not in answer.body


def test_a_page_of_another_site_cannot_call(serving: Serving, alice: Client, document: str) -> None:
    body = command(f"checkout document:{VERSION}", {"document_name": document, "force": "0", "timeout": "10"})
    answer = alice.request("POST", AUTHOR, body, X_Vermeer_Content_Type=FORM, Content_Type=FORM, Origin="http://evil.example")
    assert answer.status == 403
    # what a form can send: everything but the header
    refused = packet(call(alice, body, None))
    assert (refused.status, refused.message) == (262150, "The request has no X-Vermeer-Content-Type header.")
    assert Rpc(serving)("bob", "checkout document", document_name=document, force=0, timeout=10).status == 0


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "application/x-vermeer-rpc", "multipart/form-data; boundary=x"])
def test_another_content_type_is_refused(alice: Client, kind: str) -> None:
    assert packet(call(alice, CALL, kind)).status == 262150


@pytest.mark.parametrize(
    "query", ["", "?location=docs&dialogview=FileOpen", "?location=&dialogview=SaveForm", "?dialogview=FileSave&x=%00"]
)
def test_there_are_no_dialog_pages(alice: Client, folder: str, query: str) -> None:
    for site in ("", f"/{folder}"):
        for method in ("GET", "HEAD"):
            answer = alice.request(method, Raw(f"{site}/_vti_bin/owssvr.dll{query}"), User_Agent="Test for Web Form Existence")
            assert answer.status == 410, (site, method)


def test_other_http_methods_are_not_possible(alice: Client) -> None:
    for path, method, allowed in (
        (AUTHOR, "GET", "POST"),
        (SHTML, "HEAD", "POST"),
        ("/_vti_inf.html", "POST", "GET, HEAD"),
        ("/_vti_bin/owssvr.dll", "POST", "GET, HEAD"),
    ):
        answer = alice.request(method, path)
        assert (answer.status, answer.headers["Allow"]) == (405, allowed), path
    for method in ("PUT", "DELETE", "LOCK", "MKCOL", "PROPPATCH"):
        assert 400 <= alice.request(method, AUTHOR).status < 500, method


@pytest.mark.parametrize(
    "name", ["no such method", "Server Version", "CHECKOUT DOCUMENT", "checkout", "x", "dialogview", "frobnicate 9", "get-document_2"]
)
def test_a_method_that_is_not_there(rpc: Rpc, name: str) -> None:
    answer = rpc("alice", name)
    assert (answer.status, answer.message) == (917506, f"The method {name} is not known to this server.")
    assert answer.values.text("method") == f"{name}:{VERSION}"


@pytest.mark.parametrize(
    "name",
    [
        b"frobnicate+%c3%a4", b"frobnicate+%e4", b"%ff", b"checkout+document+", b"+", b"<script>alert(1)</script>", b"x" * 100, b"a.b",
        b"get%0d%0adocument", b"get%09document", "gеt document".encode(), b"checkout document%e4:6.0.2.5523",
    ],
)  # fmt: skip
def test_a_method_with_an_impossible_name_is_not_there_either(alice: Client, document: str, name: bytes) -> None:
    for kind in (FORM, VERMEER):
        answer = packet(call(alice, b"method=" + name + b"&timeout=10&document_name=" + document.encode(), kind))
        assert (answer.status, answer.message) == (917506, "The method that the request names is not known to this server.")
        assert answer.values.text("method") == "", "what could not be repeated as it is, is not"
        assert b"script" not in answer.raw


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\n", b"&", b"\n" + CALL, b"method", b"method=", b"method=:6.0.2.5523", b"=x", b"x=y", b"method=server+version%3a6.x",
        b"method=server version%zz", b"method=server+version%00", b"method=server+version&method=open+service", b"%ff=x",
        b"method=server version:<script>", b"method=server+version%3a6%0d%0aX: y", b"\x00\x01\x02", b"{}",
        b"method=server+version&a=1&a=2", "method=server+version&\u00fc=\u00fc".encode("latin-1"), b"<?xml version='1.0'?><x/>",
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_a_syntax_error(alice: Client, body: bytes) -> None:
    for kind in (FORM, VERMEER):
        if kind == FORM and body == b"\n" + CALL:
            continue  # there the LF does not end the command
        answer = packet(call(alice, body, kind))
        assert answer.status == 262150
        assert b"script" not in answer.raw
        assert b"X: y" not in answer.raw
    assert alice.request("PROPFIND", "/", Depth="0").status == 207


def test_a_command_that_is_too_long(rpc: Rpc, alice: Client) -> None:
    assert rpc("alice", "server version", x="y" * 60_000).status == 0
    for size in (65_536, 200_000, 5_000_000):
        assert packet(call(alice, b"method=server+version&x=" + b"y" * size, FORM)).status == 393226
        assert packet(call(alice, b"method=server+version&x=" + b"y" * size, VERMEER)).status == 393226


@pytest.mark.parametrize(
    "site", ["/..", "/%2e%2e", "/a/../b", "/a%2f..%2f..", "/a%5cb", "/%00", "/%ff", "/%zz", "/%", "/x" * 101, "/" + "x" * 256]
)
def test_an_impossible_site(alice: Client, document: str, site: str) -> None:
    body = command(f"checkout document:{VERSION}", {"document_name": document, "force": "0", "timeout": "10"})
    answer = packet(call(alice, body, path=Raw(site + AUTHOR)))
    assert answer.status == 589936
    assert not alice.propfind("/" + document, "lockdiscovery").texts("{DAV:}activelock")


@pytest.mark.parametrize("site", ["/.davlock", "/.DAVLOCK/drafts", "/_vti_bin", "/x/_vti_bin", "/api/v1", "/_davlock/versions"])
def test_a_site_that_belongs_to_the_server_itself(alice: Client, site: str) -> None:
    body = command(f"open service:{VERSION}", {"service_name": ""})
    assert packet(call(alice, body, path=site + AUTHOR)).status == 1966082


def test_nothing_is_reflected_unescaped(alice: Client, rpc: Rpc) -> None:
    evil = '</ul><script>alert("1")</script>&<b>'
    for answer in (
        rpc("alice", "checkout document", document_name=evil),
        rpc("alice", "url to web url", url=f"/{evil}"),
        rpc("alice", "server version", **{evil: evil}),
        packet(call(alice, CALL, path=Raw("/%3Cscript%3E" + AUTHOR))),
    ):
        assert b"<script" not in answer.raw
        assert b"<b>" not in answer.raw
    for path in (f"/{evil}/_vti_bin/owssvr.dll", f"/{evil}{AUTHOR}"):
        answer = alice.get(path)
        assert b"script" not in answer.body
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_answers_are_not_kept_by_proxies_and_not_guessed_at(alice: Client) -> None:
    for answer in (call(alice, CALL), alice.get("/_vti_inf.html"), alice.get("/_vti_bin/owssvr.dll")):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert int(answer.headers["Content-Length"]) == len(answer.body)


@pytest.mark.parametrize("size", [0, 10, 100_000, 3_000_000])
@pytest.mark.parametrize("name", ["no such method", "server version", "put document"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_payload_that_nobody_reads_is_not_the_next_request(alice: Client, size: int, name: str, chunked: bool) -> None:
    # it reads like requests, each of which would make a folder
    smuggled = b"MKCOL /smuggled HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n\r\n" % (alice.authorization or "").encode()
    payload = (smuggled * (size // len(smuggled) + 1))[:size]
    line = command(f"{name}:{VERSION}", {"document": "[document_name=../x;meta_info=[]]"}) + b"\n"
    for _ in range(3):
        try:
            answer = packet(
                alice.request("POST", AUTHOR, iter([line, payload]) if chunked else line + payload, X_Vermeer_Content_Type=VERMEER)
            )
        except ConnectionError:
            assert size > 1_000_000  # refused before all of it was sent, and the connection is over
            alice.close()
            continue
        assert answer.status == (917506 if name == "no such method" else 0 if name == "server version" else answer.status)
    assert alice.request("PROPFIND", "/smuggled", Depth="0").status == 404


def test_a_small_payload_that_nobody_reads_keeps_the_connection(serving: Serving) -> None:
    with Wire(serving, "alice") as wire:
        for _ in range(3):
            body = b"method=no+such:1\n" + b"x" * 1000
            wire.head(f"POST {AUTHOR}", f"Content-Length: {len(body)}", f"X-Vermeer-Content-Type: {VERMEER}")
            wire.send(body)
            assert packet(wire.answer("POST")).status == 917506


def test_a_command_that_breaks_off_does_nothing(serving: Serving, alice: Client, document: str) -> None:
    body = command(f"checkout document:{VERSION}", {"document_name": document, "force": "0", "timeout": "10"})
    for kind in (FORM, VERMEER):
        with Wire(serving, "alice") as wire:
            wire.head(f"POST {AUTHOR}", f"Content-Length: {len(body) + 1}", f"X-Vermeer-Content-Type: {kind}")
            wire.send(body)
            wire.end()
            assert packet(wire.answer("POST")).status == 131084
    with Wire(serving, "alice") as wire:
        wire.head(f"POST {AUTHOR}", "Transfer-Encoding: chunked", f"X-Vermeer-Content-Type: {VERMEER}")
        wire.send(b"%x\r\n%b\r\nnonsense\r\n" % (len(body), body))
        assert packet(wire.answer("POST")).status == 131084
    assert not alice.propfind("/" + document, "lockdiscovery").texts("{DAV:}activelock")


def test_a_refused_login_does_not_ask_for_the_payload(serving: Serving) -> None:
    with Wire(serving, None) as wire:
        wire.head(f"POST {AUTHOR}", "Content-Length: 1000000", "Expect: 100-continue", f"X-Vermeer-Content-Type: {VERMEER}")
        assert wire.answer("POST").status == 401


def test_an_absolute_request_uri_leads_to_the_same_door(serving: Serving) -> None:
    answer = say(serving, f"POST {serving.url.rstrip('/')}{AUTHOR}", f"X-Vermeer-Content-Type: {FORM}", body=CALL)
    assert packet(answer).values.text("method") == f"server version:{VERSION}"


def test_a_call_in_pieces(serving: Serving) -> None:
    with Wire(serving, "alice") as wire:
        wire.head(f"POST {AUTHOR}", f"Content-Length: {len(CALL)}", f"X-Vermeer-Content-Type: {VERMEER}")
        for byte in CALL:
            wire.send(bytes([byte]))
        assert packet(wire.answer("POST")).values.text("source control") == "1"
