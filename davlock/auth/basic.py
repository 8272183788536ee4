"""HTTP Basic authentication (RFC 7617) in front of every door."""

from __future__ import annotations

import base64
import logging
import math
import re
import threading
import time
from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from davlock.auth.accounts import Accounts
from davlock.auth.cross_site import is_forged
from davlock.auth.principals import canonical
from davlock.auth.throttle import Suspect, Throttle
from davlock.auth.verified import Identity, Verified
from davlock.errors import BadRequest, DavlockError

HEALTH = "/_davlock/health"
MAX_HEADER = 8192  # characters
NOBODY = Identity("")

_CONTROL = re.compile("[\x00-\x1f\x7f]")

_log = logging.getLogger("davlock.auth")


class Refused(Exception):
    """A request that goes no further, with what it is answered: status line, a sentence for a person, more headers."""

    def __init__(self, status: str, text: str, *headers: tuple[str, str]) -> None:
        super().__init__(text)
        self.status, self.text, self.headers = status, text, headers

    def answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = f"{self.text}\n".encode()
        headers = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("X-Content-Type-Options", "nosniff"),
        ]
        start_response(self.status, [*headers, *self.headers])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


class Authenticator:
    """Lets requests through with their principal in the environ, or answers them itself.

    realm: what a client shows when it asks for the password; no quotes or backslashes.
    clock: returns seconds that never go back.
    """

    def __init__(self, accounts: Accounts, realm: str = "davlock", clock: Callable[[], float] = time.monotonic) -> None:
        self._accounts = accounts
        self._challenge = ("WWW-Authenticate", f'Basic realm="{realm}", charset="UTF-8"')
        self._verified = Verified(clock)
        self._throttle = Throttle(clock)
        self._turns = [threading.Lock() for _ in range(64)]

    def protect(self, app: WSGIApplication) -> WSGIApplication:
        """The application behind authentication.

        It finds in its environ davlock.principal (canonical; empty for nobody in particular), davlock.admin and, for
        somebody, REMOTE_USER. Requests are refused with 401, 403 (another site's page), 429 (too many guesses), 503.
        """

        def protected(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            try:
                identity = self.authenticate(environ)
            except Refused as refused:
                return refused.answer(environ, start_response)
            environ["davlock.principal"], environ["davlock.admin"] = identity.principal, identity.admin
            environ.pop("REMOTE_USER", None)
            if identity.principal:
                environ["REMOTE_USER"] = identity.principal
            return app(environ, start_response)

        return protected

    def authenticate(self, environ: WSGIEnvironment) -> Identity:
        """Who sends a request; NOBODY where no one needs to be known. Raises Refused."""
        if is_forged(environ):
            _log.warning("refused a change that a page of %r asked for", environ.get("HTTP_ORIGIN", "another site"))
            raise Refused("403 Forbidden", "This change was asked for by a page of another site; that is not allowed.")
        header = environ.get("HTTP_AUTHORIZATION", "").strip()
        if _is_open(environ, header):
            return NOBODY
        if not header or len(header) > MAX_HEADER:
            raise self._unauthorized()
        return self._verified.fresh(header) or self._verify(header, environ.get("REMOTE_ADDR", ""))

    def _verify(self, header: str, peer: str) -> Identity:
        found = credentials(header)
        if found is None:
            raise self._unauthorized()
        principal, password = found
        suspect = principal, peer
        # One at a time, so that parallel guesses are all counted, and parallel first requests cost one check.
        with self._turns[hash(suspect) % len(self._turns)]:
            if identity := self._verified.fresh(header):
                return identity
            # Another's guesses from the same address (a proxy's) lock nobody out who was let in with this header.
            if not self._verified.was_right(header):
                self._make_wait(suspect)
            try:
                account = self._accounts.verify(principal, password)
            except DavlockError as error:
                raise Refused("503 Service Unavailable", error.message, ("Retry-After", "5")) from error
            if account is None:
                self._verified.forget(header)
                self._throttle.failed(suspect)
                _log.warning("wrong name or password for %r from %s", principal, peer)
                raise self._unauthorized()
            identity = Identity(account.name, account.admin)
            self._verified.remember(header, identity)
            self._throttle.succeeded(suspect)
            return identity

    def _make_wait(self, suspect: Suspect) -> None:
        if seconds := math.ceil(self._throttle.seconds_to_wait(suspect)):
            text = f"Too many wrong passwords for this name; try again in {seconds} s."
            raise Refused("429 Too Many Requests", text, ("Retry-After", str(seconds)))

    def _unauthorized(self) -> Refused:
        return Refused("401 Unauthorized", "Please log in with your user name and password.", self._challenge)


def _is_open(environ: WSGIEnvironment, header: str) -> bool:
    method = environ["REQUEST_METHOD"]
    if method == "OPTIONS":
        return not header  # Office and Explorer ask without a password what the server can do, and give up on a 401
    # As it was sent, where the server tells: what is spelled otherwise may lead to another door.
    target: str = environ.get("REQUEST_URI") or environ.get("PATH_INFO", "")
    return method in ("GET", "HEAD") and target.partition("?")[0] == HEALTH


def credentials(header: str) -> tuple[str, str] | None:
    """Canonical principal and password of an Authorization header; None if it is not a Basic one that makes sense."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        pair = base64.b64decode(encoded.strip(), validate=True)
    except ValueError:
        return None
    try:
        text = pair.decode()
    except UnicodeDecodeError:
        text = pair.decode("latin-1")  # what clients send that do not know charset="UTF-8" (RFC 7617 §2.1)
    name, colon, password = text.partition(":")
    if not colon or _CONTROL.search(text):
        return None
    try:
        return canonical(name), password
    except BadRequest:
        return None
