"""Request heads: what is refused, what is understood."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davlock.server.heads import Head, HeadError, parse_head

from .fuzz import fuzz
from .serving import HOST, Application, Client

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST
PUT = b"PUT /a HTTP/1.1\r\n" + HOST

# Each is followed by a whole request: it must not be executed.
FORGED = {
    "both lengths": (PUT + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "both lengths, other order": (PUT + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
    "two lengths": (PUT + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400),
    "two equal lengths": (PUT + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400),
    "length list": (PUT + b"Content-Length: 5, 5\r\n\r\nhello", 400),
    "length +5": (PUT + b"Content-Length: +5\r\n\r\nhello", 400),
    "length +0": (PUT + b"Content-Length: +0\r\n\r\n", 400),
    "length 0_0": (PUT + b"Content-Length: 0_0\r\n\r\n", 400),
    "length -1": (PUT + b"Content-Length: -1\r\n\r\nhello", 400),
    "length 0_5": (PUT + b"Content-Length: 0_5\r\n\r\nhello", 400),
    "length 0x5": (PUT + b"Content-Length: 0x5\r\n\r\nhello", 400),
    "length 5.0": (PUT + b"Content-Length: 5.0\r\n\r\nhello", 400),
    "length empty": (PUT + b"Content-Length:\r\n\r\nhello", 400),
    "length in Arabic digits": (PUT + "Content-Length: ٥\r\n\r\nhello".encode(), 400),
    "length of 16 digits": (PUT + b"Content-Length: 1000000000000000\r\n\r\n", 400),
    "length of 5000 digits": (PUT + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", 400),
    "length with a space before the colon": (PUT + b"Content-Length : 5\r\n\r\nhello", 400),
    "length with an underscore": (PUT + b"Content_Length: 5\r\n\r\nhello", 400),
    "length folded": (PUT + b"Content-Length:\r\n 5\r\n\r\nhello", 400),
    "length with a bare CR": (PUT + b"X: y\rContent-Length: 5\r\n\r\nhello", 400),
    "length after a bare LF": (PUT + b"X: y\nContent-Length: 5\r\n\r\nhello", 400),
    "length after NUL": (PUT + b"Content-Length: \x005\r\n\r\nhello", 400),
    "coding with VT": (PUT + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
    "coding xchunked": (PUT + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
    "coding quoted": (PUT + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n', 400),
    "coding identity": (PUT + b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400),
    "coding empty": (PUT + b"Transfer-Encoding:\r\n\r\n0\r\n\r\n", 400),
    "coding twice": (PUT + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "coding chunked first": (PUT + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400),
    "coding gzip": (PUT + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    "coding with a space before the colon": (PUT + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    "coding with an underscore": (PUT + b"Transfer_Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "coding in HTTP/1.0": (
        b"PUT /a HTTP/1.0\r\n" + HOST + b"Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two Hosts": (GET + b"Host: other\r\n\r\n", 400),
    "Host list": (b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
    "Host with a path": (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    "Host with a user": (b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
    "folded line": (GET + b"X: a\r\n\tb\r\n\r\n", 400),
    "folded first line": (b"GET / HTTP/1.1\r\n Host: test\r\n\r\n", 400),
    "name with a space": (GET + b"X Y: a\r\n\r\n", 400),
    "name with a quote": (GET + b'X"Y: a\r\n\r\n', 400),
    "name not ASCII": (GET + "Xé: a\r\n\r\n".encode(), 400),
    "name with an underscore": (GET + b"Remote_User: admin\r\n\r\n", 400),
    "no name": (GET + b": a\r\n\r\n", 400),
    "no colon": (GET + b"Host\r\n\r\n", 400),
    "control character": (GET + b"X: a\x08b\r\n\r\n", 400),
    "DEL": (GET + b"X: a\x7fb\r\n\r\n", 400),
    "NUL in the target": (b"GET /\x00 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "bare LF everywhere": (b"GET / HTTP/1.1\nHost: test\n\n", 400),
    "bare LF at the end": (GET[:-2] + b"\n\r\n", 400),
    "CR CR LF": (GET[:-2] + b"\r\r\n\r\n", 400),
    "two words": (b"GET /\r\n" + HOST + b"\r\n", 400),
    "four words": (b"GET / / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "two spaces": (b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "tab": (b"GET\t/ HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "space before the method": (b" GET / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "lower-case method": (b"get / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "method not a token": (b"G(T / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "lower-case version": (b"GET / http/1.1\r\n" + HOST + b"\r\n", 400),
    "version 1.10": (b"GET / HTTP/1.10\r\n" + HOST + b"\r\n", 400),
    "version 1.2": (b"GET / HTTP/1.2\r\n" + HOST + b"\r\n", 505),
    "version 2.0": (b"PRI * HTTP/2.0\r\n\r\n", 505),
    "relative target": (b"GET a HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "asterisk for GET": (b"GET * HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "fragment": (b"GET /a#b HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "file target": (b"GET file:///etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "absolute without a host": (b"GET http:///a HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "absolute with a user": (b"GET http://u@h/a HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "CONNECT": (b"CONNECT test:80 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "unknown expectation": (PUT + b"Expect: 200-ok\r\nContent-Length: 5\r\n\r\nhello", 417),
    "long target": (b"GET /" + b"a" * 17_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    "endless target": (b"GET /" + b"a" * 30_000, 414),
    "long head": (GET + b"X: " + b"a" * 66_000 + b"\r\n\r\n", 431),
    "201 lines": (GET + b"X: a\r\n" * 200 + b"\r\n", 431),
}
ONCE = ["Authorization", "Content-Type", "Depth", "Destination", "Expect", "If", "If-Range", "Lock-Token", "Overwrite"]
ONCE += ["Range", "Timeout", "Origin"]
FORGED |= {f"{name} twice": (GET + f"{name}: a\r\n{name.upper()}: a\r\n\r\n".encode(), 400) for name in ONCE}


@pytest.mark.parametrize("name", FORGED)
def test_forged_requests_are_refused_and_the_connection_ends(name: str, client: Client, application: Application) -> None:
    data, status = FORGED[name]
    answer = client.send(data + SMUGGLED).answer()
    assert answer.status == status
    assert answer.headers["connection"] == "close"
    assert answer.headers["content-type"].startswith("text/plain")
    assert 10 < len(answer.body) < 200
    assert client.at_end()
    assert application.seen == []


def test_refusal_does_not_wait_for_the_end_of_the_head(client: Client) -> None:
    assert client.send(b"GET / HTTP/1.1\nHost: test\n").answer().status == 400


def test_head_may_come_byte_by_byte(client: Client) -> None:
    for byte in GET + b"\r\n":
        client.send(bytes([byte]))
    assert client.answer().status == 200


def test_200_lines_and_61_kilobytes_are_served(client: Client) -> None:
    lines = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 300) for number in range(199))
    assert client.send(GET + lines + b"\r\n").answer().status == 200


def test_what_the_application_sees(client: Client) -> None:
    told = (
        client.send(
            b"PROPFIND /a%20b/%C3%A4%2f%2Fc?x=%20&y HTTP/1.1\r\nhost: test:81\r\ncontent-TYPE:  text/xml\t\r\n"
            b"Accept: a\r\nAccept: b\r\nCookie: a=1\r\nCookie: b=2\r\nIf: (<x>)\r\nProxy: evil\r\n"
            b"Content-Length: 3\r\n\r\nabc"
        )
        .answer()
        .told
    )
    assert told["REQUEST_METHOD"] == "PROPFIND"
    assert told["REQUEST_URI"] == "/a%20b/%C3%A4%2f%2Fc?x=%20&y"
    assert told["PATH_INFO"] == "/a b/Ã¤%2F%2Fc"
    assert told["QUERY_STRING"] == "x=%20&y"
    assert told["SCRIPT_NAME"] == ""
    assert told["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert told["HTTP_HOST"] == "test:81"
    assert told["CONTENT_TYPE"] == "text/xml"
    assert told["CONTENT_LENGTH"] == "3"
    assert told["HTTP_ACCEPT"] == "a, b"
    assert told["HTTP_COOKIE"] == "a=1; b=2"
    assert told["HTTP_IF"] == "(<x>)"
    assert told["REMOTE_ADDR"] == "127.0.0.1"
    assert told["wsgi.url_scheme"] == "http"
    assert told["wsgi.multiprocess"] is False
    assert told["wsgi.input_terminated"] is False
    assert told["length"] == 3
    assert not {"HTTP_PROXY", "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"} & set(told)


@pytest.mark.parametrize(
    ("target", "uri", "host"),
    [
        (b"http://other:80/a%20b?c", "/a%20b?c", "other:80"),
        (b"HTTPS://other", "/", "other"),
        (b"http://[::1]:80?c", "/?c", "[::1]:80"),
        (b"//etc/passwd", "//etc/passwd", "test"),
    ],
)
def test_targets_are_given_in_origin_form(target: bytes, uri: str, host: str, client: Client) -> None:
    told = client.send(b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n").answer().told
    assert (told["REQUEST_URI"], told["HTTP_HOST"]) == (uri, host)
    assert told["PATH_INFO"] == uri.partition("?")[0].replace("%20", " ")


def test_options_asterisk(client: Client) -> None:
    told = client.send(b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n").answer().told
    assert (told["REQUEST_URI"], told["PATH_INFO"]) == ("*", "/")


def test_an_empty_line_before_a_request_is_forgiven(client: Client) -> None:
    client.send(b"\r\n" + GET + b"\r\n\r\n" + GET + b"\r\n")
    assert [client.answer().status, client.answer().status] == [200, 200]


@pytest.mark.parametrize(
    ("version", "connection", "kept"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"Connection: Close\r\n", False),
        (b"1.1", b"Connection: TE , CLOSE\r\n", False),
        (b"1.1", b"Connection: TE\r\nConnection: close\r\n", False),
        (b"1.1", b"Connection: Keep-Alive\r\n", True),
        (b"1.0", b"", False),
        (b"1.0", b"Connection: Keep-Alive\r\n", True),
        (b"1.0", b"Connection: keep-alive, close\r\n", False),
    ],
)
def test_the_client_decides_about_keeping(version: bytes, connection: bytes, kept: bool, connect: Callable[[], Client]) -> None:
    with connect() as client:
        request = b"GET / HTTP/" + version + b"\r\n" + HOST + connection + b"\r\n"
        answer = client.send(request).answer()
        if kept:
            assert answer.headers.get("connection") == (None if version == b"1.1" else "keep-alive")
            assert client.send(request).answer().status == 200
        else:
            assert answer.headers["connection"] == "close"
            assert client.at_end()


@given(st.binary(max_size=200) | st.builds(lambda data: GET + data, st.binary(max_size=100)))
def test_no_bytes_make_the_parser_stumble(data: bytes) -> None:
    try:
        head = parse_head(data)
    except HeadError as error:
        assert error.status[0] in "45"
    else:
        assert head.fields.get("HTTP_HOST") is not None or head.version == "HTTP/1.0"


REQUEST_LINES = (
    *(b"GET / HTTP/1.1", b"GET /a%20b?c=d HTTP/1.1", b"PUT /a%2Fb HTTP/1.1", b"OPTIONS * HTTP/1.1", b"GET * HTTP/1.1", b"GET / HTTP/1.0"),
    *(b"GET http://other:80/a HTTP/1.1", b"GET http://other HTTP/1.0", b"GET ftp://other/a HTTP/1.1", b"GET a HTTP/1.1", b"GET / HTTP/2.0"),
    *(b"GET /\xc3\xbc HTTP/1.1", b"GET /#a HTTP/1.1", b"GET / a HTTP/1.1", b"GET  / HTTP/1.1", b"GET /\tHTTP/1.1", b"GET /\0 HTTP/1.1"),
    *(b"GET /\n HTTP/1.1", b"GET /\r HTTP/1.1", b"GET / HTTP/1.1\n", b"get / HTTP/1.1", b"G{T / HTTP/1.1", b"M-SEARCH / HTTP/1.1", b""),
    *(b"GET /" + b"a" * 16_383 + b" HTTP/1.1", b"GET /" + b"a" * 16_384 + b" HTTP/1.1", b"A" * 65 + b" / HTTP/1.1"),
)
FIELDS = (
    *(b"Host: test", b"Host: test\r\nContent-Length: 5", b"Host: test\r\nTransfer-Encoding: chunked", b"", b"X-Other: a\r\nX-Other: b"),
    *(b"Host: test\r\nConnection: close", b"Host: test\r\nConnection: keep-alive\r\nExpect: 100-continue", b"Host: test\r\nProxy: evil"),
    *(b"Host: test\r\nContent-Length: 5\r\nContent-Length: 5", b"Host: test\r\n Folded: line", b"Host: test\nX: y", b"Host: t\0"),
)


def judged(data: bytes, before: Head | None = None) -> Head | tuple[str, str]:
    try:
        return parse_head(data, before)
    except HeadError as error:
        return error.status, error.message


@pytest.mark.parametrize("fields", FIELDS)
def test_repeated_header_lines_are_understood_as_the_first_time(fields: bytes) -> None:
    """Whatever came before over the connection: a head means what it would mean as the first one."""
    heads = [line + b"\r\n" + fields for line in REQUEST_LINES]
    others = [judged(line + b"\r\n" + other) for other in (FIELDS[0], fields + b"\r\nX: y") for line in REQUEST_LINES]
    for before in [*map(judged, heads), *others]:
        for head in heads:
            assert judged(head, before if isinstance(before, Head) else None) == judged(head)


def test_one_connection_with_all_sorts_of_targets(client: Client) -> None:
    for target, host in ((b"/a", "test"), (b"http://other/b", "other"), (b"/c", "test"), (b"/d%20e?f", "test"), (b"http://x/g", "x")):
        told = client.send(b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n").answer().told
        assert (told["HTTP_HOST"], told["REQUEST_URI"]) == (host, target.decode().removeprefix(f"http://{host}"))


def test_another_parser_finds_the_same_requests_in_damaged_ones() -> None:
    """A short run of tests.server.fuzz, always the same one."""
    count, endings, findings = fuzz(seed=6, most=4000)
    assert not findings
    assert count == 4000 and endings["ended"] > 100 and endings["refused 400 Bad Request"] > 1000
