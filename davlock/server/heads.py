"""The head of a request: request line and header fields, read from a connection and judged strictly.

Everything here follows RFC 9112 and RFC 9110. What two programs in a row could understand differently (bare line feeds,
two lengths, folded lines, `_` in names) is refused, because such requests are how others' requests are forged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from davlock.server.streams import Stream

HEAD_LIMIT = 64 * 1024
"""Bytes of a whole head, at most."""
TARGET_LIMIT = 16 * 1024
"""Bytes of a request target, at most."""
_LINE_LIMIT = TARGET_LIMIT + 100  # with method and version
LINES_LIMIT = 200
"""Header lines, at most."""

_CONTROLS = bytes(set(range(32)) - set(b"\t\r\n")) + b"\x7f"
_METHOD = re.compile(r"[A-Z0-9!#$%&'*+.^_`|~-]{1,64}")
_FIELD_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^`|~-]+")
_VERSION = re.compile(r"HTTP/[0-9]\.[0-9]")
_ABSOLUTE = re.compile(r"https?://([^/?]*)(.*)", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?:[A-Za-z0-9._~%!$&'()*+;=-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
_LENGTH = re.compile(r"[0-9]{1,15}")
_CODINGS = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+(?:[ \t]*,[ \t]*[a-z0-9!#$%&'*+.^_`|~-]+)*")
# A request line in which nothing is unusual: of any other one, all of the head is looked at.
_PLAIN_LINE = re.compile(rb"[A-Z]+ /[\x21-\x7e]* HTTP/1\.[01]")
_ENCODED_SLASH = re.compile("%2[Ff]")

# A second value would change what the first one says, so neither can be believed.
_SINGLE = {
    "CONTENT_LENGTH",
    "CONTENT_TYPE",
    *(
        "HTTP_" + name.upper().replace("-", "_")
        for name in (
            "Authorization",
            "Content-Range",
            "Depth",
            "Destination",
            "Expect",
            "Host",
            "If",
            "If-Modified-Since",
            "If-Range",
            "If-Unmodified-Since",
            "Lock-Token",
            "Origin",
            "Overwrite",
            "Range",
            "Timeout",
        )
    ),
}

# Names already judged, with their WSGI spelling. Clients send the same few dozen for ever; strangers' inventions must
# not fill the memory.
_keys: dict[str, str] = {}
_KEYS_LIMIT = 500


class HeadError(Exception):
    """A head that can't be served. `status` is the status line's end ("400 Bad Request"), `message` is for a person."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(slots=True)
class Head:
    """A judged request head.

    `target` is the request target in origin form (or `*`) as sent; `path` its percent-decoded path where `%2F` stays
    as it is; `query` is not decoded. All are latin-1 readings of the bytes, as WSGI wants. `fields` are the header
    fields under their WSGI names; nobody may change them. `lines` are the header lines as they came, None if the target
    has had a say in what the fields are.
    """

    method: str
    target: str
    path: str
    query: str
    version: str
    fields: dict[str, str]
    keep_alive: bool
    content_length: int
    chunked: bool
    expects_continue: bool
    lines: bytes | None = None


def read_head(stream: Stream) -> bytes | None:
    """Take one head off the stream, without the empty line that ends it; None if the client has closed.

    Raises HeadError if it is too long or has bare line feeds, ConnectionError if the client leaves in the middle,
    TimeoutError if it falls silent.
    """
    while (end := find_head(stream)) is None:
        if not stream.fill():
            if stream.has_data():
                raise ConnectionAbortedError("the connection ended inside a request head")
            return None
    begin, stream.start = _begin(stream), end
    return stream.buffer[begin : end - 4]


def find_head(stream: Stream) -> int | None:
    """Where in the buffer the body begins, if the whole head is there; takes nothing.

    Raises HeadError if what is there can't become a head any more.
    """
    if not stream.has_data():
        return None
    begin = _begin(stream)
    end = stream.buffer.find(b"\r\n\r\n", begin)
    if end < 0:
        _judge_unfinished(stream.buffer[begin:])
        return None
    if end - begin > HEAD_LIMIT:
        raise _too_long()
    return end + 4


def _begin(stream: Stream) -> int:
    # RFC 9112 §2.2: one empty line before the request is forgiven; old clients end a form's body with it.
    return stream.start + 2 if stream.buffer.startswith(b"\r\n", stream.start) else stream.start


def _judge_unfinished(part: bytes) -> None:
    """Refuse early what no further byte could heal."""
    if part.count(b"\n") != part.count(b"\r\n"):
        raise _bad("Lines of a request must end with CR LF.")
    if len(part) > _LINE_LIMIT and b"\r\n" not in part:
        raise _too_long_target()
    if len(part) > HEAD_LIMIT:
        raise _too_long()


def sent_target(data: bytes) -> str:
    """The address in as much of a head as has come, as it was sent, whatever is wrong with it; empty if it has not come."""
    words = data[:_LINE_LIMIT].partition(b"\r\n")[0].split(b" ", 2)
    return words[1].decode("latin-1") if len(words) > 1 else ""


def parse_head(data: bytes, before: Head | None = None) -> Head:
    """Judge a head as read_head gives it. Raises HeadError.

    before: the one that came before it over the same connection. Clients repeat their header lines, byte for byte: those
    are not judged again.
    """
    line, _, block = data.partition(b"\r\n")
    if before is not None and block == before.lines and (head := _parse_repeated(line, before)):
        return head
    if len(data.translate(None, _CONTROLS)) != len(data):
        raise _bad("The request head contains control characters.")
    text = data.decode("latin-1")
    lines = text.split("\r\n")
    if not text.count("\r") == text.count("\n") == len(lines) - 1:
        raise _bad("Lines of a request must end with CR LF.")
    method, target, version = _parse_request_line(lines[0])
    fields = _parse_fields(lines)
    is_absolute = target[0] != "/"
    target = _judge_host(target, version, fields)
    if target == "*":
        if method != "OPTIONS":
            raise _bad("The address * goes with OPTIONS only.")
        path, query = "/", ""
    else:
        path, _, query = target.partition("?")
    # httpoxy (CVE-2016-5385): libraries take HTTP_PROXY for a setting of ours.
    fields.pop("HTTP_PROXY", None)
    length, chunked = _judge_framing(version, fields)
    return Head(
        method,
        target,
        _decode_path(path) if "%" in path else path,
        query,
        version,
        fields,
        _wants_keep_alive(version, fields.get("HTTP_CONNECTION")),
        length,
        chunked,
        _expects_continue(version, fields.get("HTTP_EXPECT")),
        None if is_absolute else block,
    )


def _parse_repeated(line: bytes, before: Head) -> Head | None:
    """The head with this request line and the header lines of the one before; None if that has to be judged as a whole."""
    if not _PLAIN_LINE.fullmatch(line):
        return None
    method, target, version = _parse_request_line(line.decode("ascii"))
    if version != before.version:
        return None
    path, _, query = target.partition("?")
    decoded = _decode_path(path) if "%" in path else path
    judged = (before.fields, before.keep_alive, before.content_length, before.chunked, before.expects_continue, before.lines)
    return Head(method, target, decoded, query, version, *judged)


def _parse_request_line(line: str) -> tuple[str, str, str]:
    if len(line) > _LINE_LIMIT:
        raise _too_long_target()
    parts = line.split(" ")
    if len(parts) != 3 or not parts[1] or "\t" in line:
        raise _bad("The request line must be a method, an address and a version.")
    method, target, version = parts
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        if _VERSION.fullmatch(version):
            raise HeadError("505 HTTP Version Not Supported", "This server speaks HTTP/1.1 and HTTP/1.0.")
        raise _bad("The request line must end with an HTTP version.")
    if not _METHOD.fullmatch(method):
        raise _bad("The method is not a word of upper-case letters.")
    if len(target) > TARGET_LIMIT:
        raise _too_long_target()
    if "#" in target:
        raise _bad("The address must not have a fragment (#).")
    return method, target, version


def _parse_fields(lines: list[str]) -> dict[str, str]:
    if len(lines) > LINES_LIMIT + 1:
        raise HeadError("431 Request Header Fields Too Large", f"The request has more than {LINES_LIMIT} header lines.")
    fields: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon:
            raise _bad("A header line has no colon.")
        key = _keys.get(name) or _judge_name(name)
        value = value.strip(" \t")
        if key in fields:
            if key in _SINGLE:
                raise _bad(f"The header {name} must not be sent twice.")
            value = fields[key] + ("; " if key == "HTTP_COOKIE" else ", ") + value
        fields[key] = value
    return fields


def _judge_name(name: str) -> str:
    """The WSGI name of a header; remembers it."""
    if name[:1] in (" ", "\t"):
        raise _bad("Folded header lines are not accepted.")
    if name[-1:] in (" ", "\t"):
        raise _bad("There must be no space between a header's name and its colon.")
    if "_" in name:
        # HTTP_A_B would be both A-B and A_B: a way around whoever filters A-B in front of us.
        raise _bad("Header names with an underscore are not accepted.")
    if not _FIELD_NAME.fullmatch(name):
        raise _bad("A header's name contains characters that are not allowed there.")
    key = name.upper().replace("-", "_")
    if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        key = "HTTP_" + key
    if len(_keys) < _KEYS_LIMIT and len(name) <= 40:
        _keys[name] = key
    return key


def _judge_host(target: str, version: str, fields: dict[str, str]) -> str:
    """Check Host and give the target in origin form; an absolute target's authority replaces Host (RFC 9112 §3.2.2)."""
    host = fields.get("HTTP_HOST")
    if host is None:
        if version == "HTTP/1.1":
            raise _bad("The Host header is missing.")
    elif not _AUTHORITY.fullmatch(host):
        raise _bad("The Host header is not a host name.")
    if target[0] == "/" or target == "*":
        return target
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise _bad("The address must begin with / or http://.")
    authority, rest = absolute.groups()
    if not authority or not _AUTHORITY.fullmatch(authority):
        raise _bad("The address has no valid host name.")
    fields["HTTP_HOST"] = authority
    return rest if rest[:1] == "/" else "/" + rest


def _judge_framing(version: str, fields: dict[str, str]) -> tuple[int, bool]:
    """The body's announced length in bytes and whether it is chunked (RFC 9112 §6)."""
    length = fields.get("CONTENT_LENGTH")
    coding = fields.get("HTTP_TRANSFER_ENCODING")
    if length is not None and not _LENGTH.fullmatch(length):
        raise _bad("Content-Length is not a number of at most 15 digits.")
    if coding is None:
        return int(length or 0), False
    if length is not None:
        raise _bad("Content-Length and Transfer-Encoding exclude each other.")
    if version != "HTTP/1.1":
        raise _bad("Transfer-Encoding needs HTTP/1.1.")
    coding = coding.lower()
    if coding != "chunked":
        words = re.split("[ \t]*,[ \t]*", coding)
        if _CODINGS.fullmatch(coding) and words[-1] == "chunked" and words.count("chunked") == 1:
            raise HeadError("501 Not Implemented", "The only transfer coding this server knows is chunked.")
        raise _bad("Transfer-Encoding must be chunked.")
    return 0, True


def _wants_keep_alive(version: str, connection: str | None) -> bool:
    if connection is None:
        return version == "HTTP/1.1"
    options = {option.strip(" \t") for option in connection.lower().split(",")}
    return "close" not in options and (version == "HTTP/1.1" or "keep-alive" in options)


def _expects_continue(version: str, expectation: str | None) -> bool:
    if expectation is None:
        return False
    if expectation.lower() != "100-continue":
        raise HeadError("417 Expectation Failed", "The only expectation this server knows is 100-continue.")
    # RFC 9110 §10.1.1: an HTTP/1.0 client can't mean it.
    return version == "HTTP/1.1"


def _decode_path(path: str) -> str:
    # An encoded slash is part of a name, not a separator: it stays encoded, as in cheroot.
    parts = _ENCODED_SLASH.split(path)
    return "%2F".join(unquote_to_bytes(part.encode("latin-1")).decode("latin-1") for part in parts)


def _bad(message: str) -> HeadError:
    return HeadError("400 Bad Request", message)


def _too_long_target() -> HeadError:
    return HeadError("414 URI Too Long", f"The address is longer than {TARGET_LIMIT} bytes.")


def _too_long() -> HeadError:
    return HeadError("431 Request Header Fields Too Large", f"The request head is longer than {HEAD_LIMIT} bytes.")
