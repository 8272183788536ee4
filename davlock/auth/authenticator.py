"""The one authenticator in front of all doors: passwords, tokens and sessions become an identity, or the request goes no further."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from davlock.auth import basic, bearer
from davlock.auth.accounts import Accounts
from davlock.auth.api import NO_API, Api, sent_path
from davlock.auth.basic import Basic
from davlock.auth.bearer import Bearer
from davlock.auth.cross_site import CHANGE_NOTHING, is_forged
from davlock.auth.identity import NOBODY, Identity
from davlock.auth.refused import Refused, unauthorized
from davlock.auth.sessions import session_secret
from davlock.auth.throttle import FREE_FAILURES
from davlock.auth.tokens import Tokens
from davlock.errors import DavlockError

HEALTH = "/_davlock/health"
MAX_HEADER = 8192  # characters

_FORGED = "This change was asked for by a page of another site; that is not allowed."
_STATE_RETRY_SECONDS = 5

_log = logging.getLogger("davlock.auth")


class Authenticator:
    """Lets requests through with their identity in the environ, or answers them itself.

    realm: what a client shows when it asks for the password; no quotes or backslashes. api: the door that is for programs.
    clock: returns seconds that never go back. free_failures: how many wrong passwords, or tokens, in a row go without a pause.
    """

    def __init__(
        self,
        accounts: Accounts,
        tokens: Tokens,
        realm: str = "davlock",
        api: Api = NO_API,
        clock: Callable[[], float] = time.monotonic,
        free_failures: int = FREE_FAILURES,
    ) -> None:
        self._realm, self._api = realm, api
        self._basic, self._bearer = Basic(accounts, clock, free_failures), Bearer(tokens, clock, free_failures)

    def protect(self, app: WSGIApplication) -> WSGIApplication:
        """The application behind authentication.

        It finds in its environ davlock.identity; of that, davlock.principal (canonical; empty for nobody in particular) and davlock.admin;
        and, for somebody, REMOTE_USER. Requests are refused with 401, 403 (another site's page), 429 (too many guesses), 503.
        """

        def protected(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            try:
                identity = self.authenticate(environ)
            except Refused as refused:
                return self._answer(refused, environ, start_response)
            environ["davlock.identity"] = identity
            environ["davlock.principal"], environ["davlock.admin"] = identity.principal, identity.admin
            environ.pop("REMOTE_USER", None)
            if identity.principal:
                environ["REMOTE_USER"] = identity.principal
            return app(environ, start_response)

        return protected

    def authenticate(self, environ: WSGIEnvironment) -> Identity:
        """Who sends a request; NOBODY where no one needs to be known. Raises Refused."""
        header = environ.get("HTTP_AUTHORIZATION", "").strip()
        scheme, _, credentials = header.partition(" ")
        self._refuse_forged(environ, has_token=scheme.lower() in bearer.SCHEMES)
        if self._is_open(environ, header):
            return NOBODY
        if len(header) > MAX_HEADER:
            raise unauthorized()
        try:
            return self._identify(environ, scheme.lower(), credentials.strip())
        except DavlockError as error:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, error.message, _STATE_RETRY_SECONDS) from error

    def _identify(self, environ: WSGIEnvironment, scheme: str, credentials: str) -> Identity:
        peer = environ.get("REMOTE_ADDR", "")
        if scheme == basic.SCHEME:
            return self._basic.identify(credentials, peer)
        if scheme in bearer.SCHEMES:
            return self._bearer.identify(credentials, peer)
        # Whoever sends an Authorization header means it: his cookies do not count.
        secret = None if scheme else session_secret(environ)
        if secret is None:
            raise unauthorized()
        return self._bearer.identify(secret, peer, is_session=True)

    def _refuse_forged(self, environ: WSGIEnvironment, has_token: bool) -> None:
        if environ["REQUEST_METHOD"] in CHANGE_NOTHING:
            return
        api = self._api if self._api.serves(sent_path(environ)) else NO_API
        if is_forged(environ, api.origins, has_token):
            _log.warning("refused a change that a page of %r asked for", environ.get("HTTP_ORIGIN", "another site"))
            raise Refused(HTTPStatus.FORBIDDEN, _FORGED)

    def _is_open(self, environ: WSGIEnvironment, header: str) -> bool:
        method, path = environ["REQUEST_METHOD"], sent_path(environ)
        if method == "OPTIONS":
            return not header  # Office and Explorer ask without a password what the server can do, and give up on a 401
        return (method in ("GET", "HEAD") and path == HEALTH) or self._api.is_open(method, path)

    def _answer(self, refused: Refused, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        api = self._api if self._api.serves(sent_path(environ)) else NO_API
        media_type, body = api.spell(refused.status, refused.text)
        headers = [("Content-Type", media_type), ("Content-Length", str(len(body))), ("X-Content-Type-Options", "nosniff")]
        if refused.status == HTTPStatus.UNAUTHORIZED:
            headers.append(("WWW-Authenticate", f'Basic realm="{self._realm}", charset="UTF-8"'))
            if api is not NO_API:  # elsewhere old clients might take it for the only way
                error = ', error="invalid_token"' if refused.has_bad_token else ""
                headers.append(("WWW-Authenticate", f'Bearer realm="{self._realm}"{error}'))
        if refused.retry_seconds:
            headers.append(("Retry-After", str(refused.retry_seconds)))
        start_response(f"{refused.status.value} {refused.status.phrase}", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
