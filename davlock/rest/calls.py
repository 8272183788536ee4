"""One call of the API: what the functions get, and what they may give back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import falcon

from davlock.auth.identity import Identity
from davlock.auth.tokens import Tokens
from davlock.errors import NotFound
from davlock.library import Library
from davlock.model import Caller, Document
from davlock.rest.listening import Listening
from davlock.rest.presentation import Presentation
from davlock.webhooks.registry import Webhooks

MAX_ID = 2**31 - 1
_ID = re.compile(r"[0-9]{1,10}")


class Source(Protocol):
    """Where the bytes of a body come from."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Settings:
    """What the configuration says of this door. time_zone: by its IANA name, where clients name none. new_documents: the folder of those
    whose maker names none. max_json_bytes: of a body with content in it. listening, webhooks: None where nobody can wait for events, or is
    told of them.
    """

    time_zone: str = "UTC"
    new_documents: str = "/"
    max_json_bytes: int = 64 * 1024 * 1024
    listening: Listening | None = None
    webhooks: Webhooks | None = None


@dataclass(slots=True)
class Call:
    """A request as values.

    query and body: converted to the types that the operation asks for; body is None where it asks for none. arguments: the variable parts
    of the path, by their names in lower case. base: URL of this server without a slash at its end. answer_headers: those that the answer
    is to have beside the ones of its value; answer_cookies: values of Set-Cookie. identity: how the caller has logged in.
    """

    library: Library
    caller: Caller
    request: falcon.Request
    query: Any
    body: Any
    arguments: Mapping[str, str]
    base: str
    settings: Settings
    present: Presentation
    identity: Identity
    tokens: Tokens
    answer_headers: dict[str, str] = field(default_factory=dict)
    answer_cookies: list[str] = field(default_factory=list)

    def id(self, name: str = "documentid") -> int:
        """The number in the path under this name. Raises NotFound for what can be the number of nothing."""
        return checked_id(self.arguments[name])

    def document(self, id: int | None = None) -> Document:
        """The document with this id (that of the path, if none is given), wherever it is. Raises NotFound, also for folders and what was
        deleted."""
        found = self.library.catalogue.known(self.id() if id is None else id)
        if found is None:
            raise NotFound("There is no document with this number; it may have been deleted.")
        return found


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes that are the answer, of a document. fd: a descriptor that the door closes."""

    fd: int
    size: int
    name: str
    etag: str | None = None
    modified: float | None = None


@dataclass(frozen=True, slots=True)
class NotModified:
    """What the client has is what it asks for (RFC 9110 §15.4.5)."""


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer that goes on for a while. blocks is closed in the end if it can be."""

    blocks: Iterable[bytes]
    media_type: str


@dataclass(frozen=True, slots=True)
class Text:
    """An answer that is neither JSON nor XML."""

    body: bytes
    media_type: str


Does = Callable[[Call], Any]


def checked_id(text: str | int) -> int:
    """Raises NotFound for what can be the number of nothing."""
    if _ID.fullmatch(str(text)) and 0 < int(text) <= MAX_ID:
        return int(text)
    raise NotFound("There is no document with this number.")
