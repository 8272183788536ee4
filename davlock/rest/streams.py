"""Content as streams, out and in: bytes, Base64 in a JSON string, a file in a form (rest.md §4). Only what is JSON is held in memory."""

from __future__ import annotations

import os
import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from typing import Annotated, Any
from urllib.parse import quote

import falcon
from msgspec import Meta
from multipart import parse_content_disposition

from davlock.errors import BadRequest
from davlock.media import UNKNOWN_TYPE, content_type
from davlock.model import Entry
from davlock.parts import Part, Parts
from davlock.representations import BehindEnd, represent
from davlock.rest import bodies, codec, negotiation
from davlock.rest.calls import Call, Content, Source
from davlock.rest.refusals import Refused
from davlock.uploads import Upload

MAX_PARTS = 100
"""Of a form with a file in it."""
_BASE64 = r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
Base64 = Annotated[str, Meta(extra_json_schema={"contentEncoding": "base64", "pattern": _BASE64})]
"""Content in a body: not checked by msgspec, whose pattern would need a hundred times its size."""
_NOT_QUOTABLE = re.compile(r"[^ !#$&'()*+,./0-9:;<=>?@A-Z\[\]^_`a-z{|}~-]")
_JSON = "application/json"


def send(request: falcon.Request, response: falcon.Response, content: Content) -> None:
    """Makes content the answer, as the client accepts it: as it is, or Base64 in a JSON string. Closes it in the end.

    Never shown by a browser, always saved. Raises Refused (406, 416), PreconditionFailed, BadRequest.
    """
    try:
        media_type = content_type(content.name)
        as_json = wants_base64(request.env.get("HTTP_ACCEPT", ""), media_type)
        told = represent(_asked(request.env, as_json), content.fd, content.size, media_type, *_validators(content))
    except BaseException as error:
        os.close(content.fd)
        if isinstance(error, BehindEnd):
            headers = {"Content-Range": f"bytes */{error.size}"}
            raise Refused(416, "ArgumentOutOfRangeException", error.message, headers) from None
        raise
    headers, body, length = dict(told.headers), told.body, told.length
    if length is not None and as_json:
        body, length = _Base64(body), 2 + (length + 2) // 3 * 4
        headers["Content-Type"] = negotiation.JSON.content_type
        del headers["Accept-Ranges"]
    elif length is not None:
        headers["Content-Disposition"] = disposition(content.name)
    response.status = told.status
    for name, value in headers.items():
        response.set_header(name, value)
    if length is not None:
        response.content_length = length
    if request.method == "HEAD":
        # Falcon forgets the bodies of answers to HEAD.
        close(body)
    else:
        response.stream = body


def wants_base64(accept: str, media_type: str) -> bool:
    """Whether a client would rather have content as JSON than as what it is. Raises Refused (406) if it wants neither."""
    raw = max(negotiation.quality(accept, media_type), negotiation.quality(accept, UNKNOWN_TYPE))
    if media_type == _JSON:  # who asks for JSON gets Base64, whatever the file is
        raw = negotiation.quality(accept, UNKNOWN_TYPE)
    json = max(negotiation.quality(accept, each) for each in (_JSON, "text/json"))
    if not raw and not json:
        raise Refused(406, "NotAcceptableException", f"This can be had as {media_type}, {UNKNOWN_TYPE}, or in Base64 as {_JSON} only.")
    return json > raw


def wants_bytes(accept: str) -> bool:
    """Whether a client would take nothing else than content: then even `null` would be the content of some file to it."""
    return negotiation.accepted(accept) is None


def disposition(name: str) -> str:
    """The Content-Disposition of a file to be saved under a name (RFC 6266, RFC 8187)."""
    plain = _NOT_QUOTABLE.sub("_", name)
    more = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='!#$&+-.^_`|~')}"
    return f'attachment; filename="{plain}"{more}'


def uploaded(call: Call) -> Upload:
    """The body of a request as content on its way in, of which nothing but JSON has been read yet.

    A JSON string is Base64, of a form its only file is meant, everything else is taken as it is.
    Raises BadRequest, TooLarge, IncompleteBody; so does reading it.
    """
    request = call.request
    if request.env.get("HTTP_CONTENT_RANGE") is not None:
        raise BadRequest("A part of a document cannot be stored; send the whole document.")
    media_type = (request.content_type or "").partition(";")[0].strip().lower()
    length = bodies.announced(request)
    if media_type in (_JSON, "text/json"):
        text = codec.decode_json(bodies.whole(request, call.settings.max_json_bytes, bodies.USE_CONTENT), str | None)
        if text is None:
            raise BadRequest("The content is missing: as JSON it is a string of Base64.")
        return Upload(*decoded(text))
    if media_type == "multipart/form-data":
        return Upload(_File(request.stream, request.content_type or ""))
    if not media_type and not length and not request.env.get("wsgi.input_terminated"):
        raise BadRequest("The content is missing. To store an empty document, say what it is with a Content-Type.")
    return Upload(request.stream, length)


def decoded(text: str) -> tuple[Source, int]:
    """The bytes that are meant by Base64 (RFC 4648 §4, with padding, without line breaks). Raises BadRequest."""
    try:
        if len(text) % 4 or text.endswith("==="):  # which strict_mode lets pass behind whole groups
            raise ValueError
        content = a2b_base64(text, strict_mode=True)
    except ValueError:
        raise BadRequest("The content is not Base64: A to Z, a to z, 0 to 9, + and /, filled up with = to a multiple of four.") from None
    return BytesIO(content), len(content)


def _validators(content: Content) -> tuple[str, int]:
    """Entity tag and time (Unix seconds): those of the file, if nobody has said better."""
    seen = os.fstat(content.fd)
    entry = Entry("", content.name, False, content.size, seen.st_ino, seen.st_mtime_ns, seen.st_mtime)
    return content.etag or entry.etag, entry.modified if content.modified is None else int(content.modified)


def _asked(environ: Mapping[str, Any], as_json: bool) -> Mapping[str, Any]:
    """What conditions and ranges there are: none for the Agents, which answer about no URL, and no ranges of Base64."""
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        return {"REQUEST_METHOD": "POST"}
    return {name: value for name, value in environ.items() if name != "HTTP_RANGE"} if as_json else environ


class _Base64:
    """A JSON string with the Base64 of blocks. Owns them."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = blocks

    def __iter__(self) -> Iterator[bytes]:
        yield b'"'
        left = b""
        for block in self._blocks:
            block = left + block
            whole = len(block) - len(block) % 3
            left = block[whole:]
            yield b2a_base64(block[:whole], newline=False)
        yield b2a_base64(left, newline=False) + b'"'

    def close(self) -> None:
        close(self._blocks)


def close(body: Iterable[bytes]) -> None:
    """Lets go of what is not sent."""
    if close := getattr(body, "close", None):
        close()


class _File:
    """The only file in a form, while it arrives. Raises BadRequest if there is none, at its end if there are more."""

    def __init__(self, source: Source, content_type: str) -> None:
        self._parts = Parts(source, content_type, MAX_PARTS)
        found = next(filter(_is_file, self._parts), None)
        if found is None:
            raise BadRequest("There is no file in the form: no part with a filename.")
        if found.headers.get("Content-Transfer-Encoding", "binary").strip().lower() not in ("binary", "8bit", "7bit"):
            raise BadRequest("The file in the form is encoded; send it as it is (RFC 7578 §4.7).")
        self._file = found

    def read(self, size: int, /) -> bytes:
        block = self._file.read(size)
        if not block and any(map(_is_file, self._parts)):
            raise BadRequest("There is more than one file in the form; a document has one content.")
        return block


def _is_file(part: Part) -> bool:
    return parse_content_disposition(part.headers.get("Content-Disposition", ""))[2] is not None
