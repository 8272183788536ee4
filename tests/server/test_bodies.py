"""Request bodies: whole or an error, never a part that looks whole."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davlock.server.bodies import Body, ChunkedBody, LengthBody
from davlock.server.streams import Stream

from .serving import HOST, PATIENCE_SECONDS, Application, Client, serving

PUT = b"PUT /tell HTTP/1.1\r\n" + HOST
CHUNKED = PUT + b"Transfer-Encoding: Chunked\r\n\r\n"
GET = b"GET /next HTTP/1.1\r\n" + HOST + b"\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n"

BROKEN = {
    "size 0x5": b"0x5\r\nhello\r\n0\r\n\r\n",
    "size +5": b"+5\r\nhello\r\n0\r\n\r\n",
    "size -5": b"-5\r\nhello\r\n0\r\n\r\n",
    "size 0_5": b"0_5\r\nhello\r\n0\r\n\r\n",
    "size with a space before": b" 5\r\nhello\r\n0\r\n\r\n",
    "size with a space after": b"5 \r\nhello\r\n0\r\n\r\n",
    "size empty": b"\r\nhello\r\n0\r\n\r\n",
    "size of nine digits": b"000000005\r\nhello\r\n0\r\n\r\n",
    "size not a number": b"g\r\nhello\r\n0\r\n\r\n",
    "size too small": b"4\r\nhello\r\n0\r\n\r\n",
    "size too large": b"6\r\nhello\r\n0\r\n\r\n",
    "size line with a bare LF": b"5\nhello\r\n0\r\n\r\n",
    "size line with a bare CR": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "data without CRLF": b"5\r\nhello0\r\n\r\n",
    "data with a bare LF": b"5\r\nhello\n0\r\n\r\n",
    "extension of 257 bytes": b"5;" + b"a" * 257 + b"\r\nhello\r\n0\r\n\r\n",
    "extension of 2 MB": b"5;" + b"a" * 2_000_000 + b"\r\nhello\r\n0\r\n\r\n",
    "extension with NUL": b"5;a=\x00\r\nhello\r\n0\r\n\r\n",
    "trailer without a colon": b"0\r\nGET / HTTP/1.1\r\n\r\n",
    "trailer with a bare LF": b"0\r\nA: b\n\r\n",
    "trailer folded": b"0\r\nA: b\r\n c\r\n\r\n",
    "a length as trailer": b"0\r\nContent-length: 5\r\n\r\n",
    "another framing as trailer": b"0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "20,000 trailers": b"0\r\n" + b"A: b\r\n" * 20_000 + b"\r\n",
    "one long trailer": b"0\r\nA: " + b"b" * 9000 + b"\r\n\r\n",
    "last chunk without CRLF": b"0\r\nX",
}


def chunks(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


@pytest.mark.parametrize("name", BROKEN)
def test_broken_chunks_are_an_error_for_good(name: str, client: Client, application: Application) -> None:
    answer = client.send(CHUNKED + BROKEN[name] + SMUGGLED).answer()
    assert (answer.status, answer.headers["connection"]) == (400, "close")
    assert client.at_end()
    assert application.seen == ["/tell"]
    assert application.outcomes.get(timeout=PATIENCE_SECONDS) == "ValueError"
    assert application.outcomes.empty()


@pytest.mark.parametrize("framing", [b"Content-Length: 100\r\n\r\n" + b"a" * 99, CHUNKED[len(PUT) :] + b"5\r\nhel"])
@pytest.mark.parametrize("reset", [False, True])
def test_broken_connections_are_an_error_for_good(framing: bytes, reset: bool, client: Client, application: Application) -> None:
    client.send(PUT + b"Expect: 100-continue\r\n" + framing)
    if reset:
        client.file.close()
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.socket.close()
    else:
        client.socket.shutdown(socket.SHUT_WR)
        assert client.answer().status == 400
        assert client.at_end()
    assert application.outcomes.get(timeout=PATIENCE_SECONDS) == "ConnectionError"
    assert application.outcomes.empty()


@pytest.mark.parametrize("data", [CHUNKED + b"zz\r\n", PUT + b"Content-Length: 9\r\n\r\na"])
def test_an_application_that_does_not_care_is_no_server_error(data: bytes, client: Client) -> None:
    client.send(data.replace(b"/tell", b"/careless"))
    client.socket.shutdown(socket.SHUT_WR)
    answer = client.answer()
    assert answer.status == 400
    assert b"broken" in answer.body or b"ended" in answer.body
    assert client.at_end()


def test_chunks_extensions_and_trailers(client: Client) -> None:
    client.send(
        CHUNKED
        + b"5;a=b;c\r\nhello\r\n00000005 ; "
        + b"x" * 200
        + b"\r\nworld\r\nA\r\n0123456789\r\n000\r\nX-Sum: 1\r\nHost: evil\r\n\r\n"
        + GET
    )
    told = client.answer().told
    assert told["length"] == 20
    assert told["sha256"] == hashlib.sha256(b"helloworld0123456789").hexdigest()
    assert told["HTTP_HOST"] == "test"
    assert told["wsgi.input_terminated"] is True
    assert client.answer().told["PATH_INFO"] == "/next"


def test_one_large_chunk_and_many_small_ones(client: Client) -> None:
    large = bytes(range(256)) * (32 * 1024)
    for parts in ([large], [b"x"] * 100_000):
        client.send(CHUNKED + chunks(*parts) + b"0\r\n\r\n")
        told = client.answer().told
        assert told["length"] == sum(map(len, parts))
        assert told["sha256"] == hashlib.sha256(b"".join(parts)).hexdigest()


def test_large_body_of_known_length(client: Client) -> None:
    body = bytes(range(256)) * (32 * 1024)
    told = client.send(PUT + b"Content-Length: %d\r\n\r\n" % len(body) + body + GET).answer().told
    assert (told["length"], told["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
    assert client.answer().told["PATH_INFO"] == "/next"


def test_lines(client: Client) -> None:
    client.send(PUT.replace(b"/tell", b"/lines") + b"Content-Length: 8\r\n\r\na\nbc\n\nde" + GET)
    assert client.answer().body == b'["a\\n", "bc\\n", "\\n", "de"]'
    assert client.answer().status == 200


@given(
    parts=st.lists(st.binary(min_size=1, max_size=300)),
    extension=st.sampled_from([b"", b";x", b' ; x="y"']),
    trailers=st.sampled_from([b"", b"A: b\r\n"]),
    cuts=st.lists(st.integers(0, 2000)),
    sizes=st.lists(st.integers(1, 400), min_size=1),
    ending=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_chunks_cut_anywhere_are_the_same_body(
    parts: list[bytes], extension: bytes, trailers: bytes, cuts: list[int], sizes: list[int], ending: bool
) -> None:
    wire = b"".join(b"%x%s\r\n%s\r\n" % (len(part), extension, part) for part in parts)
    wire += b"0\r\n" + trailers + (b"\r\n" if ending else b"")
    got, error = read_in_pieces(wire + (b"NEXT" if ending else b""), cuts, sizes, ChunkedBody)
    if ending:
        assert (got, error) == (b"".join(parts), None)
    else:
        assert isinstance(error, ConnectionError)


@given(
    body=st.binary(max_size=2000),
    missing=st.integers(0, 3),
    cuts=st.lists(st.integers(0, 2000)),
    sizes=st.lists(st.integers(1, 400), min_size=1),
)
@settings(max_examples=200, deadline=None)
def test_lengths_cut_anywhere_are_the_same_body(body: bytes, missing: int, cuts: list[int], sizes: list[int]) -> None:
    got, error = read_in_pieces(body, cuts, sizes, lambda stream: LengthBody(stream, len(body) + missing))
    if missing:
        assert isinstance(error, ConnectionError)
    else:
        assert (got, error) == (body, None)


def read_in_pieces(wire: bytes, cuts: list[int], sizes: list[int], make_body: Callable[[Stream], Body]) -> tuple[bytes, Exception | None]:
    """Read a body off a socket that gives the wire's bytes in pieces, with reads of the given sizes."""
    # SEQPACKET keeps the pieces apart, where TCP would join them.
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with here, there:
        here.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        edges = sorted({0, len(wire), *(cut for cut in cuts if cut < len(wire))})
        for begin, end in zip(edges, edges[1:], strict=False):
            here.send(wire[begin:end])
        here.shutdown(socket.SHUT_WR)
        there.settimeout(PATIENCE_SECONDS)
        body = make_body(Stream(there))
        got = b""
        try:
            turn = 0
            while data := body.read(sizes[turn % len(sizes)]):
                turn += 1
                got += data
        except ConnectionError as error:
            return got, error
        assert body.complete
        assert body.read(1) == b""
        return got, None


@pytest.mark.parametrize("make_body", [ChunkedBody, lambda stream: LengthBody(stream, 5)])
@pytest.mark.parametrize("broken", [False, True])
def test_silence_and_broken_sockets_are_an_error_for_good(make_body: Callable[[Stream], Body], broken: bool) -> None:
    here, there = socket.socketpair()
    with here, there:
        here.settimeout(0.01)
        body = make_body(Stream(here))
        there.send(b"5\r\n")
        if broken:
            here.close()
        for _ in range(3):
            with pytest.raises(ConnectionError):
                body.read(10)


def test_continue_is_said_when_the_body_is_wanted(client: Client) -> None:
    client.send(PUT + b"Expect: 100-Continue\r\nContent-Length: 5\r\n\r\n")
    assert client.answer().status == 100
    assert client.send(b"hello").answer().told["length"] == 5
    client.send(CHUNKED[:-2] + b"Expect: 100-continue\r\n\r\n")
    assert client.answer().status == 100
    assert client.send(chunks(b"hello") + b"0\r\n\r\n" + GET).answer().told["length"] == 5
    assert client.answer().status == 200


@pytest.mark.parametrize("framing", [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_continue_is_not_said_when_the_body_is_refused(framing: bytes, client: Client) -> None:
    answer = client.send(b"PUT /refuse HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\n" + framing + b"\r\n").answer()
    assert (answer.status, answer.headers["connection"]) == (423, "close")
    assert client.at_end()


def test_continue_is_not_said_without_a_body_or_to_old_clients(client: Client) -> None:
    client.send(PUT + b"Expect: 100-continue\r\n\r\n")
    answer = client.answer()
    assert (answer.status, answer.headers.get("connection")) == (200, None)
    client.send(b"PUT /tell HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    assert client.send(b"hello").answer().told["length"] == 5


@pytest.mark.parametrize("body", [b"Content-Length: 5\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"])
def test_small_refused_body_that_has_come_keeps_the_connection(body: bytes, client: Client, application: Application) -> None:
    for _ in range(3):
        answer = client.send(b"PUT /refuse HTTP/1.1\r\n" + HOST + body).answer()
        assert (answer.status, answer.body, answer.headers.get("connection")) == (423, b"locked", None)
    assert application.seen == ["/refuse"] * 3


@pytest.mark.parametrize("framing", [b"Content-Length: 8000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n7a1200\r\n"])
def test_refused_upload_gets_its_answer_while_it_still_sends(framing: bytes, client: Client, application: Application) -> None:
    client.send(b"PUT /refuse HTTP/1.1\r\n" + HOST + framing)
    client.send(SMUGGLED * 200 + b"a" * 7_900_000)
    answer = client.answer()
    assert (answer.status, answer.body, answer.headers["connection"]) == (423, b"locked", "close")
    assert client.at_end()
    assert application.seen == ["/refuse"]


def test_refused_upload_can_read_its_answer_when_it_cannot_send_any_more(client: Client, application: Application) -> None:
    """A proxy in front sends and reads at once; to close on it would make it say 502 instead of what we said."""
    client.send(b"PUT /refuse HTTP/1.1\r\n" + HOST + b"Content-Length: 1000000000\r\n\r\n")
    client.socket.settimeout(0.5)
    sent = 0
    with pytest.raises(TimeoutError):
        while sent < 1_000_000_000:
            sent += client.socket.send(bytes(1 << 20))
    client.socket.settimeout(PATIENCE_SECONDS)
    answer = client.answer()
    assert (answer.status, answer.body, answer.headers["connection"]) == (423, b"locked", "close")
    with contextlib.suppress(ConnectionError):
        assert client.at_end()
    assert application.seen == ["/refuse"]


def test_body_that_pretends_to_end_is_not_the_next_request(client: Client, application: Application) -> None:
    data = SMUGGLED  # ends like a last chunk does
    answer = client.send(b"PUT /refuse HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n100\r\n" + data).answer()
    assert answer.status == 423
    assert client.at_end()
    assert application.seen == ["/refuse"]


def test_stopping_cuts_uploads_off_visibly() -> None:
    application = Application()
    with contextlib.ExitStack() as later:
        with serving(application, drain_seconds=0.1) as address:
            client = later.enter_context(Client(address))
            client.send(PUT + b"Expect: 100-continue\r\nContent-Length: 100\r\n\r\n")
            assert client.answer().status == 100
            client.send(b"a" * 99)
        assert application.outcomes.get(timeout=PATIENCE_SECONDS) == "ConnectionError"
        assert application.outcomes.empty()
        assert client.answer().status == 400
        assert client.at_end()


def test_a_head_that_has_been_taken_is_not_the_end_of_a_chunked_body() -> None:
    """Else the connection would be promised to the next request and closed under it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(CHUNKED)
        stream = Stream(ours)
        while stream.take_line(1024) != b"\r\n":
            pass
        body = ChunkedBody(stream)
        assert not body.at_hand()
        theirs.sendall(b"5\r\nhello\r\n0\r\n\r\n")
        assert body.at_hand()
