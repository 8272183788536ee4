"""Tokens in front of every door: `Bearer` (RFC 6750) and SuperOffice's `SoTicket`, which only differ in their name."""

from __future__ import annotations

import logging
from collections.abc import Callable

from davlock.auth.identity import Identity
from davlock.auth.refused import Refused, too_many, unauthorized
from davlock.auth.throttle import Throttle
from davlock.auth.tokens import Ended, Tokens, has_form

SCHEMES = ("bearer", "soticket")

_log = logging.getLogger("davlock.auth")


class Bearer:
    """Judges tokens and sessions.

    A right one is always let in: nobody hits it by guessing, so nobody else's guesses are held against it. Wrong ones from one address have
    to wait like wrong passwords, which keeps a guesser from filling the log. clock returns seconds that never go back.
    free_failures: so many in a row go without a pause.
    """

    def __init__(self, tokens: Tokens, clock: Callable[[], float], free_failures: int) -> None:
        self._tokens = tokens
        self._throttle = Throttle(clock, free_failures)

    def identify(self, secret: str, peer: str, is_session: bool = False) -> Identity:
        """Whose token, or session, it is; peer: the network address that asks. Raises Refused, and DavlockError as the state does."""
        try:
            identity = self._tokens.identify(secret, is_session)
        except Ended:
            text = "Your session has ended; log in again." if is_session else "This token has expired or was revoked."
            raise unauthorized(text, has_bad_token=True) from None
        if identity is not None:
            return identity
        if not has_form(secret, is_session):
            raise _unknown()
        suspect = "", peer
        if seconds := self._throttle.seconds_to_wait(suspect):
            raise too_many("tokens from your address", seconds)
        self._throttle.failed(suspect)
        _log.warning("unknown %s from %s", "session" if is_session else "token", peer)
        raise _unknown()


def _unknown() -> Refused:
    return unauthorized("This token is not known here.", has_bad_token=True)
