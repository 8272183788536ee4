"""Bodies as they come in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import falcon

from davlock.errors import BadRequest, IncompleteBody, TooLarge
from davlock.rest import codec, negotiation, xml
from davlock.rest.calls import Settings
from davlock.rest.negotiation import Format
from davlock.rest.operations import Operation, Raw

USE_CONTENT = " Larger content can be sent with PUT to …/Document/{id}/Content, as it is."
_MAX_BLANK = 64  # bytes around nothing
_DECODERS: dict[Format, Callable[[bytes, Any], Any]] = {
    Format.JSON: codec.decode_json,
    Format.XML: xml.decode,
    Format.FORM: codec.decode_form,
}


def body(request: falcon.Request, operation: Operation, settings: Settings) -> Any:
    """The value in the body. Raises BadRequest, TooLarge, IncompleteBody, Refused (415)."""
    if operation.body is None:
        return None
    negotiation.check_encoding(request.env.get("HTTP_CONTENT_ENCODING", ""))
    if operation.body is Raw:
        return None
    sent = whole(request, settings.max_json_bytes, USE_CONTENT) if operation.carries_content else whole(request, codec.MAX_BODY)
    is_blank = len(sent) < _MAX_BLANK and sent.strip() in (b"", b"null")
    if is_blank and operation.is_optional:
        return None
    form = negotiation.body_format(request.content_type or "")
    if is_blank and form is not Format.FORM:
        raise BadRequest("The body of the request is missing.")
    return _DECODERS[form](sent, operation.body)


def announced(request: falcon.Request) -> int | None:
    """Bytes of the body; None if nobody says, because it is chunked."""
    if request.env.get("wsgi.input_terminated"):
        return None
    return request.content_length or 0


def whole(request: falcon.Request, limit: int, hint: str = "") -> bytes:
    """The body, which may have so many bytes; hint: what else can be done. Raises TooLarge, IncompleteBody."""
    length = announced(request)
    too_large = TooLarge(f"The body of the request has more than {limit} bytes.{hint}")
    if length is not None and length > limit:
        raise too_large
    try:
        body: bytes = request.stream.read(limit + 1 if length is None else length)
    except (OSError, ValueError) as broken:
        raise IncompleteBody("The request broke off before all of its body had arrived; nothing was changed.") from broken
    if len(body) > limit:
        raise too_large
    if length is not None and len(body) < length:
        raise IncompleteBody("The request broke off before all of its body had arrived; nothing was changed.")
    return body
