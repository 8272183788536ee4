"""Requests that a page of another site makes in somebody's browser, which adds the password by itself."""

from __future__ import annotations

from urllib.parse import urlsplit
from wsgiref.types import WSGIEnvironment

from davlock.auth.origins import Origins

CHANGE_NOTHING = frozenset({"GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT"})
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_NO_ORIGINS = Origins()


def is_forged(environ: WSGIEnvironment, origins: Origins = _NO_ORIGINS, has_token: bool = False) -> bool:
    """Whether a request would change something on behalf of another site's page (Fetch metadata; RFC 6454 §7).

    origins: other sites that may. has_token: whether it has a token, which no browser adds by itself.
    """
    if environ["REQUEST_METHOD"] in CHANGE_NOTHING:
        return False
    origin = environ.get("HTTP_ORIGIN")
    if (origins.admit_all and has_token) or (origin is not None and origins.trust(origin)):
        return False
    if environ.get("HTTP_SEC_FETCH_SITE", "").strip().lower() == "cross-site":
        return True
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
