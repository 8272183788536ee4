"""HTTP Basic authentication (RFC 7617) in front of every door."""

from __future__ import annotations

import base64
import logging
import re
import threading
from collections.abc import Callable

from davlock.auth.accounts import Accounts
from davlock.auth.identity import Identity
from davlock.auth.principals import canonical
from davlock.auth.refused import too_many, unauthorized
from davlock.auth.throttle import Throttle
from davlock.auth.verified import Verified
from davlock.errors import BadRequest

SCHEME = "basic"

_CONTROL = re.compile("[\x00-\x1f\x7f]")

_log = logging.getLogger("davlock.auth")


class Basic:
    """Judges names with passwords. clock returns seconds that never go back. free_failures: so many in a row go without a pause."""

    def __init__(self, accounts: Accounts, clock: Callable[[], float], free_failures: int) -> None:
        self._accounts = accounts
        self._verified = Verified(clock)
        self._throttle = Throttle(clock, free_failures)
        self._turns = [threading.Lock() for _ in range(64)]

    def identify(self, encoded: str, peer: str) -> Identity:
        """Whose name and password it is; peer: the network address that asks. Raises Refused, and DavlockError as the state does."""
        return self._verified.fresh(encoded) or self._verify(encoded, peer)

    def _verify(self, encoded: str, peer: str) -> Identity:
        found = credentials(encoded)
        if found is None:
            raise unauthorized()
        principal, password = found
        suspect = principal, peer
        # One at a time, so that parallel guesses are all counted, and parallel first requests cost one check.
        with self._turns[hash(suspect) % len(self._turns)]:
            if identity := self._verified.fresh(encoded):
                return identity
            # Another's guesses from the same address (a proxy's) lock nobody out who was let in with this header.
            if not self._verified.was_right(encoded) and (seconds := self._throttle.seconds_to_wait(suspect)):
                raise too_many("passwords for this name", seconds)
            account = self._accounts.verify(principal, password)
            if account is None:
                self._verified.forget(encoded)
                self._throttle.failed(suspect)
                _log.warning("wrong name or password for %r from %s", principal, peer)
                raise unauthorized()
            identity = Identity(account.name, account.admin, password_hash=account.password_hash)
            self._verified.remember(encoded, identity)
            self._throttle.succeeded(suspect)
            return identity


def credentials(encoded: str) -> tuple[str, str] | None:
    """Canonical principal and password of what follows `Basic` in the header; None if that makes no sense."""
    try:
        pair = base64.b64decode(encoded, validate=True)
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
