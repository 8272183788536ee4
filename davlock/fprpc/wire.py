"""A request of FrontPage RPC as it comes from the client: one line with the command, then perhaps a payload. Pure.

    encoding = parse_content_type(environ.get("HTTP_X_VERMEER_CONTENT_TYPE"))
    command, payload = read_command(environ["wsgi.input"], length, encoding)
    command.method.name                              # "checkout document"
    command.require("document_name", str)            # raises Malformed if it was not sent
    command.get("timeout", parse_int, None)          # None if it was not sent, or without a value
    command.get("url_list", parse_vector, ())
    payload.read(65536), payload.length              # the bytes behind the command, and how many are still to come

Nothing more than the command is held in memory. Everything that is wrong with a request is Malformed or one of its kinds TooLong and
UnknownMethod, with the `status` for the error block, or IncompleteBody if it broke off.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Protocol, TypeVar
from urllib.parse import unquote_to_bytes

from davlock.errors import IncompleteBody
from davlock.fprpc.values import Malformed, TooLong
from davlock.parts import Part, Parts

MAX_COMMAND = 64 * 1024
"""Bytes of a command without the LF that ends it."""
MAX_PARTS = 2002
"""Of a request: a command, an end, and 1000 documents with what is said of them."""
_BLOCK = 8 * 1024
_BROKEN_OFF = "The request broke off before all of it had arrived; nothing was changed."
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
# Old clients break lines between pairs, with or without a & beside the break.
_BETWEEN_PAIRS = re.compile(rb"[&\r\n]+")
_METHOD_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 _-]{0,62}[A-Za-z0-9])?")
_VERSION = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,10}){0,7}")
_PUT_DOCUMENT = re.compile(rb"(?:^|&)method=put(?:\+|%20| )document(?:[:%&]|$)")

T = TypeVar("T")
U = TypeVar("U")


class UnknownMethod(Malformed):
    """A method with a name that none has, and that could not be repeated in an answer as it is."""

    status: ClassVar[int] = 0x000E0002


class Source(Protocol):
    """Where a request comes from: read() returns b"" at the end, and raises OSError or ValueError if it breaks off."""

    def read(self, size: int, /) -> bytes: ...


class Encoding(Enum):
    """How the command is framed."""

    FORM = "application/x-www-form-urlencoded"
    VERMEER = "application/x-vermeer-urlencoded"
    MULTIPART = "multipart/mixed"


@dataclass(frozen=True, slots=True)
class Method:
    """name: as sent, such as `checkout document`; letters, digits, blanks, `-` and `_`. version: digits and dots, or None.

    Both can be repeated in an answer as they are.
    """

    name: str
    version: str | None = None

    def __str__(self) -> str:
        # FrontPage servers name no version to a client that named none.
        return self.name if self.version is None else f"{self.name}:{self.version}"


@dataclass(frozen=True, slots=True)
class Command:
    """The method and its parameters, percent-decoded."""

    method: Method
    parameters: Mapping[str, str]

    def get(self, name: str, parse: Callable[[str], T], default: U) -> T | U:
        """A parameter, read by one of the parse functions or str; the default if it was not sent or has no value. Raises Malformed."""
        return self.require(name, parse) if self.parameters.get(name) else default

    def require(self, name: str, parse: Callable[[str], T]) -> T:
        """A parameter that must be there, perhaps without a value. Raises Malformed."""
        if name not in self.parameters:
            raise Malformed(f"The parameter {name} is missing.")
        try:
            return parse(self.parameters[name])
        except Malformed as error:
            raise type(error)(f"The parameter {name} is wrong: {error.message}") from None


class Payload:
    """What follows the command: first the bytes that were read together with it, then the rest of the request.

    length: how many bytes are still to come, as announced; None in a chunked request.
    """

    def __init__(self, at_hand: bytes, source: Source, length: int | None) -> None:
        self.length = length
        self._at_hand = at_hand
        self._source = source

    def read(self, size: int = -1, /) -> bytes:
        """Up to size bytes, all for a negative size; b"" at the end, and before it if the source breaks off silently."""
        if size < 0:
            return b"".join(iter(lambda: self.read(_BLOCK), b""))
        size = size if self.length is None else min(size, self.length)
        if self._at_hand:
            block, self._at_hand = self._at_hand[:size], self._at_hand[size:]
        else:
            block = self._source.read(size) if size else b""
        if self.length is not None:
            self.length -= len(block)
        return block


def parse_content_type(value: str | None) -> Encoding:
    """The X-Vermeer-Content-Type header, which a request must have: no form on a page of another site can send it (MC-FPSEWM 5.1).

    Raises Malformed if it is missing, or something else than the three types of this protocol.
    """
    if value is None:
        raise Malformed("The request has no X-Vermeer-Content-Type header.")
    try:
        return Encoding(value.partition(";")[0].strip(" \t").lower())
    except ValueError:
        raise Malformed("The content type of the request is not one of FrontPage RPC.") from None


def read_command(source: Source, length: int | None, encoding: Encoding) -> tuple[Command, Payload | None]:
    """The command, and the payload if an LF ends the command; not a byte more than announced is read.

    length: announced bytes of the request, None if it is chunked. In a VERMEER request the first LF ends the command; without one
    the whole request is command, as some scripts send it for methods without payload. In a FORM request all is command, except that
    for `put document` the first LF ends it there too, since the sample client of Microsoft's SDK sends payloads in that type.
    Raises Malformed, TooLong, IncompleteBody.
    """
    rest = Payload(b"", source, length)
    data, searched = bytearray(), 0
    while (end := data.find(b"\n", searched)) < 0:
        searched = len(data)
        if searched > MAX_COMMAND or not _fill(data, rest):
            break
    _check_length(end if end >= 0 else len(data))
    if end >= 0 and (encoding is Encoding.VERMEER or _PUT_DOCUMENT.search(data, 0, end)):
        at_hand = bytes(data[end + 1 :])
        left = None if rest.length is None else rest.length + len(at_hand)
        return parse_command(bytes(data[:end])), Payload(at_hand, source, left)
    _check_length(len(data))
    while _fill(data, rest):
        _check_length(len(data))
    return parse_command(bytes(data)), None


def read_multipart(source: Source, length: int | None, content_type: str) -> tuple[Command, Parts]:
    """The command of a request in parts, which is the first of them, and the others (MS-FPSE 3.1.5.3.12).

    length: as of read_command(). Raises BadRequest, Malformed, TooLong, TooLarge, IncompleteBody.
    """
    parts = Parts(Payload(b"", source, length), content_type, MAX_PARTS)
    first = next(parts, None)
    if first is None:
        raise Malformed("The request has no parts.")
    return parse_command(read_form(first)), parts


def read_form(part: Part) -> bytes:
    """A part of key=value pairs. Raises Malformed, TooLong, IncompleteBody."""
    if part.media_type != Encoding.FORM.value:
        raise Malformed(f"A part of the request is not {Encoding.FORM.value}, as it must be at this place.")
    data = bytearray()
    while block := part.read(_BLOCK):
        data += block
        _check_length(len(data))
    return bytes(data)


def parse_command(line: bytes) -> Command:
    """A command without its payload. Raises Malformed."""
    parameters = parse_pairs(line)
    if "method" not in parameters:
        raise Malformed("The request names no method.")
    return Command(parse_method(parameters.pop("method")), parameters)


def parse_pairs(line: bytes) -> dict[str, str]:
    """Percent-encoded pairs. Raises Malformed.

    A name that comes twice with different values is refused: servers and filters differ on which of them counts, so that one of them
    would have checked what another one does. Twice with the same value is harmless.
    """
    parameters: dict[str, str] = {}
    for pair in filter(None, _BETWEEN_PAIRS.split(line)):
        encoded_name, _, encoded = pair.partition(b"=")
        name = _decode(encoded_name)
        if not name:
            raise Malformed("A parameter of the request has no name.")
        # A method in another charset is one that is not known, rather than a request that makes no sense.
        value = _decode(encoded, "replace" if name == "method" else "strict")
        if parameters.setdefault(name, value) != value:
            raise Malformed("A parameter of the request comes twice with different values.")
    return parameters


def parse_method(text: str) -> Method:
    """`<name>` or `<name>:<protocol version>`. Raises Malformed, UnknownMethod.

    The sample client of Microsoft's SDK puts a blank behind the colon.
    """
    name, _, version = text.partition(":")
    version = version.strip(" ")
    if not name:
        raise Malformed("The request names no method.")
    if not _METHOD_NAME.fullmatch(name):
        raise UnknownMethod("The method that the request names is not known to this server.")
    if version and not _VERSION.fullmatch(version):
        raise Malformed("The protocol version of the request is not one such as 6.0.2.5523.")
    return Method(name, version or None)


def _fill(data: bytearray, rest: Payload) -> bool:
    """Put the next bytes behind data; False if there are no more. Raises IncompleteBody."""
    try:
        block = rest.read(_BLOCK)
    except (OSError, ValueError) as broken:
        raise IncompleteBody(_BROKEN_OFF) from broken
    if not block and rest.length:
        raise IncompleteBody(_BROKEN_OFF)
    data += block
    return bool(block)


def _check_length(size: int) -> None:
    if size > MAX_COMMAND:
        raise TooLong(f"The command of the request is longer than {MAX_COMMAND // 1024} KiB; ask for less at once.")


def _decode(encoded: bytes, errors: str = "strict") -> str:
    """Percent-encoded UTF-8 with `+` for blanks; requests name no charset. errors: as of bytes.decode(). Raises Malformed."""
    plain = encoded.replace(b"+", b" ")
    if b"%" in plain:
        if _BAD_ESCAPE.search(plain):
            raise Malformed("A percent sign in the request is not followed by two hexadecimal digits.")
        plain = unquote_to_bytes(plain)
    try:
        text = plain.decode(errors=errors)
    except UnicodeDecodeError:
        raise Malformed("The request is not in UTF-8.") from None
    if "\0" in text:
        raise Malformed("The request has a NUL character in it.")
    return text
