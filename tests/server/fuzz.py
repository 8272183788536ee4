"""Fuzzing what reads requests: `python -m tests.server.fuzz --seconds 600 [--seed 1]`.

Requests as clients send them are damaged at random and read, by davlock.server and by h11, a parser of its own making. Whatever happens
must be a request or a refusal, at once, and must not depend on how the bytes arrive. What davlock takes for a request h11 must take for
the same one, of the same length: two programs that disagree about where a request ends are how requests are smuggled. What davlock
refuses h11 may accept; davlock is stricter. The first finding of each sort is printed with the input that shows it.
"""

from __future__ import annotations

import argparse
import random
import re
import socket
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

import h11

from davlock.server.bodies import Body, ChunkedBody, LengthBody
from davlock.server.heads import HEAD_LIMIT, HeadError, parse_head, read_head
from davlock.server.streams import Stream

LONGEST = 100_000  # bytes of an input
SLOW_SECONDS = 0.5
FINE = ("ended", "closed")
_SPACE_BEFORE_EXTENSION = re.compile(rb"\r\n[0-9A-Fa-f]+[ \t]+;")
_ABSOLUTE = re.compile(rb"https?://[^/?]*(.*)", re.IGNORECASE)

CHUNKED = b"PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
SEEDS = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /a%20b?c=d HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\nGET /2 HTTP/1.0\r\n\r\n",
    b"PUT /a.docx HTTP/1.1\r\nHost: a:80\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
    CHUNKED + b"5\r\nhello\r\n0\r\n\r\n",
    CHUNKED + b"5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"PROPFIND / HTTP/1.1\r\nHost: [::1]:8080\r\nDepth: 1\r\nContent-Length: 11\r\n\r\n<propfind/>",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close, TE\r\n\r\n",
    b"LOCK http://a/b HTTP/1.1\r\nHost: c\r\nIf: (<urn:uuid:1>)\r\nTimeout: Second-5\r\nContent-Length: 2\r\n\r\nab",
    b"\r\nGET / HTTP/1.1\r\nHost: a\r\nCookie: a=b\r\nCookie: c=d\r\nX-A: \xc3\xa9\tb\r\n\r\n",
]
PIECES = [
    *(bytes([byte]) for byte in b"\r\n\0 \t\x0b\x0c:;,+-_0159aAfFxX\"'()<>@[]\x7f\x80\xff"),
    b"\r\n", b"\n\n", b"\r\n\r\n", b"\r\r\n", b"\n\r\n", b" \r\n", b"\r\n ", b"\r\n\t", b" :", b": ", b"::",
    b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"http/1.1", b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
    b"Content-Length: 5\r\n", b"Content-Length: 0\r\n", b"Content-Length: +5\r\n", b"Content-Length: 5, 5\r\n", b"Content-Length: 0x5\r\n",
    b"Content-Length: 99999999999999999999\r\n", b"Content-Length : 5\r\n", b"Content_Length: 5\r\n", b"content-length: 05\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: Chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n",
    b"Transfer-Encoding: identity\r\n", b"Transfer-Encoding: chunked, identity\r\n", b"Transfer-Encoding:\x0bchunked\r\n",
    b"Transfer-Encoding: x\r\n", b"Host: a\r\n", b"Host:\r\n", b"host: b\r\n",
    b"0\r\n\r\n", b"5\r\nhello\r\n", b"05\r\n", b"0x5\r\n", b"+5\r\n", b"-5\r\n", b"5 \r\n", b"5;\r\n", b'5;a="b"\r\n', b"5_0\r\n",
    b"FFFFFFFF\r\n", b"FFFFFFFFF\r\n", b"X: " + b"a" * 9000 + b"\r\n", b"X: a\r\n" * 150, b";a" * 200, b"/" + b"a" * 17000,
    b"1\r\nx\r\n" * 400, b"T: x\r\n" * 50,
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """What was read as one. length: bytes of it, with its body."""

    method: bytes
    target: bytes
    body: bytes
    length: int
    fields: tuple[tuple[str, str], ...] = ()


class Difference(Exception):
    """The two parsers, or two ways of sending the same, do not agree."""


def read(pieces: Sequence[bytes]) -> tuple[list[Request], str]:
    """The requests that davlock finds in what arrives in these pieces, and how it ended."""
    # Sequenced packets: a read gives one piece, as if the next had not come yet.
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        for piece in pieces:
            theirs.send(piece)
        theirs.shutdown(socket.SHUT_WR)
        return _read(Stream(ours), sum(map(len, pieces)))


def _read(stream: Stream, total: int) -> tuple[list[Request], str]:
    found: list[Request] = []
    begin = 0
    try:
        while (data := read_head(stream)) is not None:
            head = parse_head(data)
            body: Body = ChunkedBody(stream, None) if head.chunked else LengthBody(stream, head.content_length)
            content = body.read()
            end = stream.bytes_read - (len(stream.buffer) - stream.start)
            request = (head.method.encode(), head.target.encode("latin-1"), content, end - begin, tuple(sorted(head.fields.items())))
            found.append(Request(*request))
            begin = end
            if not head.keep_alive:
                return found, "closed"
    except HeadError as error:
        return found, f"refused {error.status}"
    except (ConnectionError, ValueError) as error:
        return found, f"broken {type(error).__name__}"
    return found, "ended"


def second_opinion(data: bytes) -> Request:
    """The first request in some bytes, as h11 sees it. Raises h11.RemoteProtocolError, and Difference if it wants more bytes."""
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=2 * HEAD_LIMIT)
    parser.receive_data(data)
    parser.receive_data(b"")
    head = parser.next_event()
    if not isinstance(head, h11.Request):
        raise Difference(f"h11 has no request but {head!r}")
    body = b""
    while True:
        event = parser.next_event()
        if isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            return Request(bytes(head.method), bytes(head.target), body, len(data) - len(parser.trailing_data[0]))
        else:
            raise Difference(f"h11 wants more: {event!r}")


def compare(data: bytes, random_: random.Random) -> str:
    """Reads it in every way; returns how it ended. Raises Difference, and whatever goes wrong."""
    begin = time.process_time()
    found, end = read(_cut([data], 60_000))
    if time.process_time() - begin > SLOW_SECONDS:
        raise Difference("slow")
    again = read(_cut(_split(data, random_), 60_000))
    # Of two things that are wrong, the one that is seen first is refused.
    if again[0] != found or (again[1] in FINE) != (end in FINE):
        raise Difference(f"in pieces it is {again[1]}, {len(again[0])} requests, at once {end}, {len(found)} requests")
    at = 0
    for request in found:
        _agree(request, data[at:])
        at += request.length
    return end


def _agree(request: Request, data: bytes) -> None:
    if data.startswith(b"\r\n"):  # the empty line that is forgiven; h11 does not
        data, request = data[2:], Request(request.method, request.target, request.body, request.length - 2)
    if not request.target.isascii():  # bytes that h11 does not take; they mean the same to everybody
        return
    try:
        other = second_opinion(data)
    except h11.RemoteProtocolError as error:
        if "illegal chunk header" in str(error) and _SPACE_BEFORE_EXTENSION.search(data):
            return  # RFC 9112 §7.1.1 has it, h11 has not
        raise Difference(f"h11 refuses it: {error}") from error
    target = other.target if other.target[:1] in (b"/", b"*") else _origin(other.target)
    if (other.method, target, other.body, other.length) != (request.method, request.target, request.body, request.length):
        raise Difference(f"h11 reads {other}, davlock {request}")


def _origin(target: bytes) -> bytes:
    match = _ABSOLUTE.fullmatch(target)
    rest = match[1] if match else target
    return rest if rest[:1] == b"/" else b"/" + rest


def _split(data: bytes, random_: random.Random) -> list[bytes]:
    cuts = sorted(random_.sample(range(len(data) + 1), min(len(data), random_.choice((1, 3, 10)))))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def _cut(pieces: list[bytes], most: int) -> list[bytes]:
    """No piece is longer, and none is empty, which would be the end."""
    return [piece[at : at + most] for piece in pieces for at in range(0, len(piece), most)]


def damaged(random_: random.Random) -> bytes:
    """Some requests, one after the other, with a few bytes changed."""
    data = b"".join(random_.choices(SEEDS, k=random_.choice((1, 1, 2, 3))))
    for _ in range(random_.choice((0, 1, 1, 2, 3, 5))):
        at = random_.randrange(len(data) + 1)
        match random_.randrange(6):
            case 0:
                data = data[:at] + data[at + random_.choice((1, 1, 2, 5, 20)) :]
            case 1 | 2:
                data = data[:at] + random_.choice(PIECES) + data[at:]
            case 3:
                piece = random_.choice(PIECES)
                data = data[:at] + piece + data[at + len(piece) :]
            case 4:  # where it matters: at the end of a line
                ends = [match.end() for match in re.finditer(b"\r\n", data)] or [0]
                at = random_.choice(ends)
                data = data[:at] + random_.choice(PIECES) + data[at:]
            case _:
                data = data[:at] + bytes([random_.randrange(256)]) + data[at + 1 :]
    return data[:LONGEST]


def fuzz(seed: int, seconds: float = float("inf"), most: int = sys.maxsize) -> tuple[int, dict[str, int], dict[str, str]]:
    """How many inputs were read, how they ended, and the findings, by their sort, each with an input that shows it."""
    random_ = random.Random(seed)
    endings: dict[str, int] = {}
    findings: dict[str, str] = {}
    deadline, count = time.monotonic() + seconds, 0
    while count < most and time.monotonic() < deadline:
        data = damaged(random_)
        count += 1
        try:
            end = compare(data, random_)
            endings[end] = endings.get(end, 0) + 1
        except Difference as difference:
            findings.setdefault(str(difference)[:60], f"{difference}\n{data!r}")
        except Exception as error:
            findings.setdefault(f"{type(error).__name__} {error}"[:60], f"{traceback.format_exc()}\n{data!r}")
    return count, endings, findings


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    count, endings, findings = fuzz(given.seed, given.seconds)
    print(f"{count:,} inputs, {len(findings)} findings")
    for end, times in sorted(endings.items(), key=lambda each: -each[1]):
        print(f"{times:9,} {end}")
    for finding in findings.values():
        print(f"\n{finding[:3000]}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
