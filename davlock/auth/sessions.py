"""Sessions of browsers: a cookie that no script can read, and beside it a value that only scripts of this site can send (rest.md §2)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from wsgiref.types import WSGIEnvironment

from davlock.model import AccessToken

COOKIE = "davlock-session"
XSRF_COOKIE = "XSRF-TOKEN"  # axios and Angular copy it into the header by themselves


def session_secret(environ: WSGIEnvironment) -> str | None:
    """The session that a request proves: one whose cookie and X-XSRF-TOKEN belong together. Cookies alone prove nothing."""
    given = _bytes(environ.get("HTTP_X_XSRF_TOKEN", "").strip())
    if not given:
        return None
    # There may be several: another program on this host can set cookies of any name (RFC 6265 §8.5).
    pairs = (pair.strip().partition("=") for pair in environ.get("HTTP_COOKIE", "").split(";"))
    secrets = (value for name, _, value in pairs if name == COOKIE)
    return next((secret for secret in secrets if hmac.compare_digest(_bytes(xsrf_token(secret)), given)), None)


def xsrf_token(secret: str) -> str:
    """What a script has to send in X-XSRF-TOKEN, of a session with this secret, which cannot be told from it."""
    digest = hmac.digest(_bytes(secret), b"X-XSRF-TOKEN", hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def cookies(secret: str, session: AccessToken, is_secure: bool) -> list[str]:
    """The values of Set-Cookie with which a session begins. is_secure: whether the browser speaks https."""
    seconds = max(0, int(session.expires - session.since))
    return [_cookie(COOKIE, secret, seconds, is_secure, "HttpOnly"), _cookie(XSRF_COOKIE, xsrf_token(secret), seconds, is_secure)]


def no_cookies(is_secure: bool) -> list[str]:
    """The values of Set-Cookie with which it ends."""
    return [_cookie(COOKIE, "", 0, is_secure, "HttpOnly"), _cookie(XSRF_COOKIE, "", 0, is_secure)]


def _cookie(name: str, value: str, seconds: int, is_secure: bool, *more: str) -> str:
    return "; ".join([f"{name}={value}", "Path=/", f"Max-Age={seconds}", "SameSite=Lax", *more, *(["Secure"] * is_secure)])


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
