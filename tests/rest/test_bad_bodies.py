"""What makes no sense: always 4xx with the error object, nothing changed, and no 5xx whatever is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from davlock.rest import codec
from tests.rest.conftest import Api, Stored

CHECK_OUT = "/Agents/Document/CheckoutDocument"


@pytest.fixture(autouse=True)
def nothing_is_checked_out(api: Api, document: Stored) -> Iterator[None]:
    yield
    assert api("alice", "GET", f"/Document/{document.id}/Lock")["State"] == "NotCheckedOut"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"null",
        b"[]",
        b'"text"',
        b"5",
        b"{}",
        b"{",
        b"nonsense",
        b"\xff\xfe{\x00}\x00",
        b'{"DocumentId": NUMBER',
        b'{"DocumentId": null}',
        b'{"DocumentId": "NUMBER"}',
        b'{"DocumentId": NUMBER.5}',
        b'{"DocumentId": true}',
        b'{"DocumentId": [NUMBER]}',
        b'{"DocumentId": NaN}',
        b'{"DocumentId": Infinity}',
        b'{"DocumentId": 1e999}',
        b'{"DocumentId": 2147483648}',
        b'{"DocumentId": -2147483649}',
        b'{"DocumentId": ' + b"9" * 5000 + b"}",
        b'{"DocumentId": NUMBER, }',
        b"{'DocumentId': NUMBER}",
        b'{"DocumentId": NUMBER, "AllowedReturnTypes": "Message"}',
        b'{"DocumentId": NUMBER, "AllowedReturnTypes": [1]}',
        b'{"DocumentId": NUMBER, "AllowedReturnTypes": {}}',
        b'{"DocumentId": NUMBER, "Comment": "\\ud800"}',
        b'{"DocumentId": NUMBER, "Comment": "\xed\xa0\x80"}',
        b'{"DocumentId": NUMBER, "Comment": "\xff"}',
        b'{"DocumentId": NUMBER, "Comment": "a\nb"}',
        b'{"DocumentId": NUMBER, "Comment": 5}',
        b'{"DocumentId": NUMBER, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"DocumentId": NUMBER, "x": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
        b'{"DocumentId": NUMBER, "x": ' + b"[" * 70 + b"]" * 70 + b"}",
        b"[" * 100_000,
        b'{"DocumentId": NUMBER} {"DocumentId": NUMBER}',
    ],
)
def test_json_that_is_not_what_is_needed(api: Api, document: Stored, body: bytes) -> None:
    told = api.refused(400, "alice", "POST", CHECK_OUT, body.replace(b"NUMBER", str(document.id).encode()), Content_Type="application/json")
    assert len(told["ErrorMessage"]) > 10


@pytest.mark.parametrize(
    "body", [b"", b"DocumentId", b"DocumentId=", b"DocumentId=+7", b"DocumentId=%zz", b"DocumentId=7&%ff=1", b"&" * 3000]
)
def test_forms_that_are_not_what_is_needed(api: Api, document: Stored, body: bytes) -> None:
    api.refused(400, "alice", "POST", CHECK_OUT, body, Content_Type="application/x-www-form-urlencoded")


def test_a_body_that_is_too_long(api: Api, document: Stored) -> None:
    body = json.dumps({"DocumentId": document.id, "Comment": "x" * codec.MAX_BODY}).encode()
    told = api.refused(413, "alice", "POST", CHECK_OUT, body, Content_Type="application/json")
    assert str(codec.MAX_BODY) in told["ErrorMessage"]


def test_a_chunked_body_that_is_too_long(api: Api, document: Stored) -> None:
    api.refused(413, "alice", "POST", CHECK_OUT, iter([b" " * 1024 * 1024] * 5), Content_Type="application/json")


@pytest.mark.parametrize(
    "query",
    [
        "explain=maybe",
        "explain=",
        "explain=1",
        "x=%zz",
        "%=1",
        "x=%ff",
        "%fe=1",
        "x=%ed%a0%80",
        "&".join(f"a{n}=1" for n in range(2100)),
    ],
)
def test_queries_that_make_no_sense(api: Api, document: Stored, query: str) -> None:
    api.refused(400, "alice", "GET", f"/Document/{document.id}/Lock?{query}")


@pytest.mark.parametrize("number", ["+1", "1_0", "%201", "1%20", "1.0", "0x1", "", "-1", "99999999999", "%D9%A1", "1e2", "9" * 5000])
def test_numbers_in_queries_are_decimal_digits(api: Api, document: Stored, number: str) -> None:
    api.refused(400, "alice", "GET", f"/Lock?$top={number}")


@pytest.mark.parametrize(
    "segment", ["0", "-1", "+1", "1.0", "2147483648", "99999999999999999999", "x", "%20", "1%20", "%D9%A1", "1;2", "~", "*", "'--", "NaN"]
)
def test_numbers_in_paths_are_those_of_documents(api: Api, document: Stored, segment: str) -> None:
    for method in ("GET", "POST", "PUT", "DELETE"):
        api.refused(404, "alice", method, f"/Document/{segment}/Lock")


@pytest.mark.parametrize(
    "path", ["/Document/%2e%2e%2f", "/Document%2F1", "/Document/%00", "/Document/%5c", "/Document/%", "/Document/%zz", "/%ff"]
)
def test_urls_that_make_no_sense(api: Api, path: str) -> None:
    api.refused(400, "alice", "GET", path)


def test_several_segments_are_not_one(api: Api) -> None:
    for path in ("/Document/..", "/Document/../Lock", "//Document", "/Document//Lock", "/Document/1/Lock/x", "/../../etc/passwd"):
        api.refused(404, "alice", "GET", path)


def test_a_name_given_twice_counts_the_last_time(api: Api, document: Stored) -> None:
    # As with the vendor's reader; there is no third way to read it.
    body = f'{{"documentId": 2147483647, "DOCUMENTID": {document.id}, "documentid": {document.id}}}'.encode()
    assert api("alice", "POST", "/Agents/Document/GetCheckoutState", body)["State"] == "NotCheckedOut"


@pytest.mark.parametrize(
    "body",
    [
        b'\xef\xbb\xbf{"DocumentId": NUMBER}',
        b' \n{"documentid": NUMBER.0, "unknown": {"x": [1, null]}, "": 1}\n',
        b'{"DOCUMENTID": NUMBER, "ALLOWEDRETURNTYPES": null, "Comment": null}',
    ],
)
def test_what_can_be_understood_is_not_refused(api: Api, document: Stored, body: bytes) -> None:
    answer = api.ask("alice", "POST", "/Agents/Document/GetCheckoutState", body.replace(b"NUMBER", str(document.id).encode()))
    assert answer.status == 200 and b"NotCheckedOut" in answer.body, answer


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("GET /api/v1/Lock?holder=LONG HTTP/1.1", 414),
        ("GET /API/V1/LONG HTTP/1.1", 414),
        ("PUT /api?LONG HTTP/1.1", 414),
        ("GET /api/v1/LONG", 414),  # it does not even end
        ("GET /api/v1/Lock HTTP/1.1\r\nX: LONG LONG LONG LONG LONG", 431),
        ("GET /api/v1/Lock HTTP/1.1\r\nX y: z", 400),
    ],
)
def test_what_the_server_itself_refuses_is_told_as_the_api_tells_it(api: Api, request_line: str, status: int) -> None:
    authorization = api.client("alice").authorization
    with api.serving.connect(20) as connection:
        head = request_line.replace("LONG", "x" * 17_000)
        connection.sendall(f"{head}\r\nHost: here\r\nAuthorization: {authorization}\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    head, _, body = answer.partition("\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert "content-type: application/json; charset=utf-8" in head.lower()
    told = json.loads(body)
    assert list(told) == ["Error", "ErrorType", "ErrorMessage", "ErrorSource"]
    assert (told["ErrorType"], told["ErrorSource"]) == ("ArgumentException", "davlock")
    assert told["ErrorMessage"]
