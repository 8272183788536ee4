"""One call of FrontPage RPC: what the methods get, and what they give back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from davlock import paths
from davlock.conditions import View
from davlock.errors import BadName
from davlock.fprpc.packets import Value
from davlock.fprpc.wire import Command, Payload
from davlock.library import Library
from davlock.model import Caller
from davlock.paths import Address


@dataclass(frozen=True, slots=True)
class Settings:
    """reopen_own: whether a second short-term checkout by the same principal is extended instead of refused (configuration).

    default_minutes: of a short-term checkout for which no time is asked.
    """

    reopen_own: bool = False
    default_minutes: int = 10


@dataclass(frozen=True, slots=True)
class Call:
    """A command with who sent it where. site: the folder (path) below which its URLs are; base: scheme and authority of this server."""

    command: Command
    payload: Payload | None
    library: Library
    caller: Caller
    site: str
    base: str
    settings: Settings

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


@dataclass(frozen=True, slots=True)
class Reply:
    """What a method answers: named values, a message for logs, and a descriptor of content (and its bytes) that follows the packet."""

    values: Sequence[tuple[str, Value]] = ()
    message: str = ""
    content: tuple[int, int] | None = None


Operation = Callable[[Call], Reply]
Conditions = Callable[[View], None]
