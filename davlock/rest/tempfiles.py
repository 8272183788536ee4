"""Temporary files: a person's own, for a day (rest.md §10). They are no documents."""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import islice
from typing import Annotated

from msgspec import Meta

from davlock import paths
from davlock.errors import BadName, Exists, Unavailable
from davlock.rest import content, names, streams
from davlock.rest.calls import Call, Content
from davlock.rest.operations import Operation, Raw
from davlock.rest.streams import Base64
from davlock.rest.types import FileName, Type

_ATTEMPTS = 100  # names that other requests of the same person take at the same moment
_NAME = r"^(?!\.*$)[^/\\\u0000-\u001f\u007f-\u009f\ufffd-\uffff]+$"  # nearly: _checked() knows exactly


class NewFile(Type):
    """CreateTempFile."""

    filename: FileName
    data_stream: Base64 | None


class File(Type):
    """GetTempFile, DeleteTempFile."""

    filename: Annotated[str, Meta(extra_json_schema={"pattern": _NAME, "maxLength": 255})]


def create(call: Call, filename: str, stream: str | None) -> str:
    """A new file; returns its name, which is amended if need be. Raises BadName, BadRequest, TooLarge if there are too many."""
    source, size = streams.decoded(stream or "")
    content = source.read(size)
    wanted = names.amended(filename, paths.ROOT) or names.UNNAMED
    taken = call.library.temporary.names(call.caller.principal)
    for name in islice(names.free(wanted, taken.__contains__), _ATTEMPTS):
        with suppress(Exists):
            call.library.temporary.keep(call.caller.principal, name, content)
            return name
    raise Unavailable("Other programs of yours keep taking these names; try again.")


def read(call: Call, filename: str) -> Content:
    """A file. Raises NotFound, BadName."""
    fd = call.library.temporary.open(call.caller.principal, _checked(filename))
    return Content(fd, os.fstat(fd).st_size, filename)


def delete(call: Call, filename: str) -> None:
    """Removes a file, if it is there. Raises BadName."""
    call.library.temporary.drop(call.caller.principal, _checked(filename))


def _checked(filename: str) -> str:
    """Raises BadName for what the name of a file cannot be, such as a path."""
    if found := paths.problem(filename):
        raise BadName(found)
    return filename


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="POST",
        path="/Agents/Document/CreateTempFile",
        does=lambda call: create(call, call.body.filename, call.body.data_stream),
        summary="Keep a file for the caller, for a day; the answer is its name",
        body=NewFile,
        answers=str,
        carries_content=True,
    ),
    Operation(
        method="POST",
        path="/Agents/Document/GetTempFile",
        does=lambda call: content.agent_content(call, lambda: read(call, call.body.filename)),
        summary="A file of the caller's",
        body=File,
        answers=Raw,
    ),
    Operation(
        method="POST",
        path="/Agents/Document/DeleteTempFile",
        does=lambda call: delete(call, call.body.filename),
        summary="Forget a file of the caller's",
        body=File,
    ),
)
