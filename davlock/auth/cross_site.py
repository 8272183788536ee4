"""Requests that a page of another site makes in somebody's browser, which adds the password by itself."""

from __future__ import annotations

from urllib.parse import urlsplit
from wsgiref.types import WSGIEnvironment

_CHANGE_NOTHING = frozenset({"GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT"})
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def is_forged(environ: WSGIEnvironment) -> bool:
    """Whether a request would change something on behalf of another site's page (Fetch metadata; RFC 6454 §7)."""
    if environ["REQUEST_METHOD"] in _CHANGE_NOTHING:
        return False
    if environ.get("HTTP_SEC_FETCH_SITE", "").strip().lower() == "cross-site":
        return True
    origin = environ.get("HTTP_ORIGIN")
    return origin is not None and not _is_ours(origin, environ.get("HTTP_HOST", ""))


def _is_ours(origin: str, host: str) -> bool:
    # Without the scheme: behind a proxy that does TLS our own is not known. With the port: other programs have others.
    try:
        parts = urlsplit(origin.strip().lower())
    except ValueError:
        return False
    default = _DEFAULT_PORTS.get(parts.scheme)
    if default is None or not parts.netloc:
        return False
    return parts.netloc.removesuffix(default) == host.strip().lower().removesuffix(default)
