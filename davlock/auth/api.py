"""What the authenticator is told of a door for programs, without knowing it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from wsgiref.types import WSGIEnvironment

from davlock.auth.origins import Origins


@dataclass(frozen=True, slots=True)
class Api:
    """A door that is asked with tokens, from pages of other sites, and by strangers who want to know what it is.

    serves(path): whether a path is one of this door. is_open(method, path): whether nobody needs to log in for that. spell(status, text):
    media type and body of a refusal. origins: the other sites whose pages may use it. Paths are as they were sent, without the query.
    """

    serves: Callable[[str], bool] = lambda path: False
    is_open: Callable[[str, str], bool] = lambda method, path: False
    spell: Callable[[int, str], tuple[str, bytes]] = lambda status, text: ("text/plain; charset=utf-8", f"{text}\n".encode())
    origins: Origins = Origins()


NO_API = Api()


def sent_path(environ: WSGIEnvironment) -> str:
    """The path of a request as it was sent, where the server tells: what is spelled otherwise may lead to another door."""
    target: str = environ.get("REQUEST_URI") or environ.get("PATH_INFO", "")
    return target.partition("?")[0]
