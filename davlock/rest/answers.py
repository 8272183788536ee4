"""Answers as they go out."""

from __future__ import annotations

from typing import Any

import falcon

from davlock.rest import codec, streams, xml
from davlock.rest.calls import Content, NotModified, Stream, Text
from davlock.rest.negotiation import Answer, Format
from davlock.rest.operations import Operation


def send(request: falcon.Request, response: falcon.Response, operation: Operation, form: Answer, value: Any) -> None:
    """What an operation has returned. Raises what streams.send() raises."""
    if isinstance(value, Content):
        streams.send(request, response, value)
    elif isinstance(value, NotModified):
        response.status = 304
    elif isinstance(value, Stream):
        response.content_type, response.stream = value.media_type, value.blocks
        if request.method == "HEAD":
            streams.close(value.blocks)  # Falcon forgets the bodies of answers to HEAD
    elif isinstance(value, Text):
        response.content_type, response.data = value.media_type, value.body
    elif value is None and operation.answers is None:
        response.status = 204
    else:
        show(response, form, value, operation.answers)


def show(response: falcon.Response, form: Answer, value: Any, kind: Any = None) -> None:
    """A value, as JSON or XML. kind: its type, if it cannot tell itself."""
    response.content_type = form.content_type
    response.data = codec.encode_json(value) if form.format is Format.JSON else xml.encode(value, kind)
