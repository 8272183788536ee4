"""One call of FrontPage RPC: what the methods get, and what they give back."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

from davlock import paths
from davlock.errors import BadName
from davlock.fprpc.packets import Value
from davlock.fprpc.wire import Command, Payload
from davlock.library import Library
from davlock.model import Caller
from davlock.parts import Parts
from davlock.paths import Address

BLOCK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Settings:
    """reopen_own: whether a second short-term checkout by the same principal is extended instead of refused (configuration).

    default_minutes: of a short-term checkout for which no time is asked.
    """

    reopen_own: bool = False
    default_minutes: int = 10


@dataclass(frozen=True, slots=True)
class Call:
    """A command with who sent it where, and what came behind it: a payload, or more parts if it was sent in parts.

    site: the folder (path) below which its URLs are; base: scheme and authority of this server.
    """

    command: Command
    payload: Payload | None
    library: Library
    caller: Caller
    site: str
    base: str
    settings: Settings
    parts: Parts | None = None

    def address(self, url: str) -> Address:
        """Where a URL-STRING of this call points: relative to the site, or absolute on this server. Raises BadName, Forbidden."""
        if "://" in url:
            _, _, rest = url.partition("://")
            authority, slash, path = rest.partition("/")
            if authority.lower() != self.base.partition("://")[2].lower():
                raise BadName("This URL is on another server.")
            found = paths.parse(slash + path)
            if found.path != self.site and not paths.is_below(found.path, self.site):
                raise BadName("This URL is outside of the web that the request was sent to.")
            return found
        return paths.parse(f"{self.site}/{url}")

    def relative(self, path: str) -> str:
        """The URL-STRING of a path, relative to the site; empty for the site itself."""
        return path[len(self.site) :].lstrip("/") if self.site != paths.ROOT else path[1:]


class Content:
    """The bytes of a document, size of them, for one reading. Owns the descriptor."""

    def __init__(self, fd: int, size: int) -> None:
        self.size = size
        self._fd = fd

    def __iter__(self) -> Iterator[bytes]:
        start = 0
        while start < self.size:
            block = os.pread(self._fd, min(BLOCK, self.size - start), start)
            if not block:
                # Another program has shortened the file in place: a cut connection is the only honest answer left.
                raise ConnectionAbortedError("the file became shorter while it was sent")
            start += len(block)
            yield block

    def close(self) -> None:
        """Gives the descriptor back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


@dataclass(frozen=True, slots=True)
class Reply:
    """What a method answers: named values, a message for logs, and content that follows the packet.

    status: not 0 if only a part of what was asked for has been done; then the message is for the user.
    """

    values: Sequence[tuple[str, Value]] = ()
    message: str = ""
    content: Content | None = None
    status: int = 0


@dataclass(frozen=True, slots=True)
class Stream:
    """What a method answers that gives several documents, instead of a packet. blocks: holds nothing before the first one is asked for."""

    content_type: str
    blocks: Generator[bytes, None, None]


Operation = Callable[[Call], Reply | Stream]
