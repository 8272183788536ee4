"""davlock for other WSGI servers: `gunicorn davlock.wsgi`, `waitress-serve davlock.wsgi:application`, mod_wsgi.

The environment variable DAVLOCK_CONFIG names the configuration file; with DAVLOCK_ROOT, the folder to serve, none is needed.
"""

from __future__ import annotations

import io
import logging
import os
import re
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from davlock.app import Application, work
from davlock.config import Config, ConfigError, load
from davlock.errors import DavlockError

_ABSOLUTE = re.compile(r"https?://([^/?]*)(.*)", re.IGNORECASE)
_LENGTH = re.compile(r"[0-9]{1,15}")
_BUFFER = 64 * 1024

_log = logging.getLogger("davlock")


class _Hosted:
    """Opens the folder with the first request of each process: what is open must not be shared over a fork."""

    _application: Application | None
    _told: str

    def __init__(self) -> None:
        self._begin_anew()
        os.register_at_fork(after_in_child=self._begin_anew)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            application = self._application or self._open()
            if environ.get("SCRIPT_NAME"):
                raise ConfigError(f"davlock must be mounted at / of its host, not at {environ['SCRIPT_NAME']}.")
        except (DavlockError, OSError) as error:
            if self._told != str(error):
                self._told = str(error)
                _log.error("davlock cannot serve: %s", error)
            return _say(start_response, "503 Service Unavailable", "This server is not set up yet; its log says what is missing.")
        try:
            adapt(environ)
        except _Refused as refused:
            return _say(start_response, *refused.args)
        return application(environ, start_response)

    def _begin_anew(self) -> None:
        self._mutex = threading.Lock()
        self._application, self._told = None, ""

    def _open(self) -> Application:
        with self._mutex:
            self._application = self._application or work(configuration())
            return self._application


def configuration() -> Config:
    """What the environment variables say. Raises ConfigError."""
    file, root = os.environ.get("DAVLOCK_CONFIG"), os.environ.get("DAVLOCK_ROOT")
    if not file and not root:
        raise ConfigError("DAVLOCK_CONFIG must name the configuration file, or DAVLOCK_ROOT the folder to serve.")
    return load(Path(file) if file else None, root=root or None)


class _Refused(Exception):
    """A request that is answered with this status and sentence."""


def adapt(environ: dict[str, Any]) -> None:
    """Makes an environ what davlock's own server would have made of the request. Raises _Refused.

    The address is the one that was sent. The body ends where it should or raises ConnectionError: servers differ in what they make of one
    that is broken off, and some give what there is as if it were all.
    """
    # Not every server tells; RAW_URI is gunicorn's.
    target = environ.get("REQUEST_URI") or environ.get("RAW_URI") or quote(environ.get("PATH_INFO", "").encode("latin-1")) or "/"
    if absolute := _ABSOLUTE.fullmatch(target):  # RFC 9112 §3.2.2: its host counts
        environ["HTTP_HOST"], target = absolute[1], absolute[2] if absolute[2][:1] == "/" else f"/{absolute[2]}"
    environ["REQUEST_URI"] = target
    length = environ.get("CONTENT_LENGTH") or None
    is_chunked = bool(environ.get("HTTP_TRANSFER_ENCODING"))
    if length is not None and (is_chunked or not _LENGTH.fullmatch(length)):
        raise _Refused("400 Bad Request", "Content-Length is no number, or there is a Transfer-Encoding beside it.")
    if is_chunked and not environ.get("wsgi.input_terminated"):
        # Whether it has come to its end, nobody could say.
        raise _Refused("411 Length Required", "This server needs the length of the body in the Content-Length header.")
    environ["wsgi.input_terminated"] = is_chunked
    environ["wsgi.input"] = io.BufferedReader(_Body(environ["wsgi.input"], None if is_chunked else int(length or 0)), _BUFFER)


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Body(io.RawIOBase):
    """A body of this many bytes, or (None) of as many as come. What goes wrong is a ConnectionError, again and again."""

    def __init__(self, body: _Readable, length: int | None) -> None:
        self._body, self._left = body, length
        self._failure: ConnectionError | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        if self._failure:
            raise self._failure
        wanted = len(buffer) if self._left is None else min(len(buffer), self._left)
        try:
            data = self._body.read(wanted) if wanted else b""
        except Exception as error:  # each server has its own
            self._failure = ConnectionAbortedError(f"the body of the request cannot be read: {error}")
            raise self._failure from error
        if self._left is not None:
            self._left -= len(data)
            if wanted and not data:
                self._failure = ConnectionAbortedError(f"the connection ended {self._left} bytes before the end of the body")
                raise self._failure
        buffer[: len(data)] = data
        return len(data)


def _say(start_response: Callable[..., Any], status: str, sentence: str) -> Iterable[bytes]:
    body = f"{sentence}\n".encode()
    start_response(status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]


application = _Hosted()
