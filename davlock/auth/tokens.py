"""Access tokens and sessions: secrets that stand for a password, until a certain time or until they are revoked.

Each is 256 random bits, which nobody guesses however fast they are checked: SHA-256 is enough to keep them by. What makes argon2 right for
passwords, that it is slow, would only slow down every request. Nothing is remembered outside the state: a request with a token costs one
look into it, and what was revoked, there or by another process, is refused from the next request on.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Sequence
from contextlib import suppress

from davlock.auth.identity import Identity
from davlock.auth.principals import canonical
from davlock.errors import BadRequest, DavlockError, Forbidden, NotFound
from davlock.model import AccessToken
from davlock.policy import DAY
from davlock.state import Rows, State

PREFIX = "davlock_"  # by which tools find tokens that were published by mistake
DEFAULT_DAYS, MAX_DAYS = 90, 3650
MAX_NAME = 100  # characters
MOST_TOKENS, MOST_SESSIONS = 1000, 100  # of one principal
SESSION_SECONDS = 12 * 3600.0

_TOKEN, _SESSION = re.compile(PREFIX + "[A-Za-z0-9_-]{43}"), re.compile("[A-Za-z0-9_-]{43}")
_USED_SECONDS = 3600.0  # how often at most it is written down that a token is used
_ENDED_SECONDS = 30.0 * DAY  # for how long it is known what has ended, so that whoever uses it can be told, and is not taken for a guesser


class Ended(Exception):
    """It was a token, but its time is over, or it was revoked."""


class Tokens:
    """The access tokens and sessions kept in a state. Every method raises Unavailable or StorageFull as the state does."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, principal: str, name: str, days: int = DEFAULT_DAYS, identity: Identity | None = None) -> tuple[AccessToken, str]:
        """A new token, and its secret, which cannot be had again.

        identity: who asks, if he is not trusted to be the principal. Raises BadRequest for an impossible name or time, NotFound if there is
        no such account, Forbidden if there are too many, or if he who asks has not given his password.
        """
        principal, name = canonical(principal), _checked(name)
        if not 1 <= days <= MAX_DAYS:
            raise BadRequest(f"A token can last from 1 to {MAX_DAYS} days.")
        if identity and not identity.gave_password:
            # Whoever finds a token must not be able to stay when it is revoked or has expired.
            raise Forbidden("A token cannot make tokens; log in with your user name and password.")
        secret = PREFIX + secrets.token_urlsafe(32)
        with self._state.deciding() as rows:
            _require_standing(rows, principal, identity)
            if not _make_room(rows, principal, MOST_TOKENS, is_session=False):
                raise Forbidden(f"{principal} has {MOST_TOKENS} tokens already; revoke those that are not needed.")
            return rows.add_access_token(_hash(secret), principal, name, rows.now + days * DAY), secret

    def begin_session(self, identity: Identity, name: str = "") -> tuple[AccessToken, str]:
        """A new session of whoever has logged in with his password or a token, and its secret. name: of his program, as far as it is known.

        It lasts SESSION_SECONDS, but no longer than the token. The oldest of MOST_SESSIONS gives way. Raises Forbidden if he has logged in
        with a session: it cannot prolong itself.
        """
        parent = identity.token
        if parent and parent.is_session:
            raise Forbidden("You are in a session already; log in with your user name and password, or a token, for another one.")
        secret = secrets.token_urlsafe(32)
        with self._state.deciding() as rows:
            _require_standing(rows, identity.principal, identity)
            _make_room(rows, identity.principal, MOST_SESSIONS, is_session=True)
            expires = min(rows.now + SESSION_SECONDS, parent.expires if parent else float("inf"))
            program = "".join(each for each in name if each.isprintable())[:MAX_NAME]
            parent_id = parent.id if parent else None
            return rows.add_access_token(_hash(secret), identity.principal, program, expires, True, parent_id), secret

    def identify(self, secret: str, is_session: bool = False) -> Identity | None:
        """Whose token, or session, it is, with the rights he has now. Raises Ended."""
        if not has_form(secret, is_session):
            return None
        with self._state.reading() as rows:
            found, now = rows.access_token(_hash(secret)), rows.now
        if found is None:
            return None
        token, account = found
        if token.expires <= now:
            raise Ended
        if token.used is None or now - token.used >= _USED_SECONDS:
            with suppress(DavlockError), self._state.deciding() as rows:  # not worth refusing anything for
                rows.use_access_token(token.id)
        return Identity(account.name, account.admin, token)

    def list(self, principal: str | None = None) -> Sequence[AccessToken]:
        """The tokens and sessions of somebody, or of all."""
        with self._state.reading() as rows:
            return _standing(rows, principal)

    def revoke(self, id: int, principal: str | None = None) -> AccessToken:
        """Ends a token, or a session, of this principal, if one is named, at once. Raises NotFound."""
        with self._state.deciding() as rows:
            found = next((each for each in _standing(rows, principal) if each.id == id), None)
            if found is None:
                raise NotFound(f"There is no token {id}.")
            rows.end_access_tokens([id])
            return found


def has_form(secret: str, is_session: bool = False) -> bool:
    """Whether a text could be the secret of a token, or of a session."""
    return (_SESSION if is_session else _TOKEN).fullmatch(secret) is not None


def _require_standing(rows: Rows, principal: str, identity: Identity | None) -> None:
    """What let somebody in must still do so: a password that was just changed may have been changed because of him."""
    rows.forget_access_tokens(rows.now - _ENDED_SECONDS)
    account = rows.account(principal)
    if identity is None and account is None:
        raise NotFound(f"There is no user {principal}.")
    if identity is None:
        return
    if identity.token is None:
        stands = account is not None and identity.password_hash == account.password_hash
    else:
        stands = any(each.id == identity.token.id for each in _standing(rows, principal))
    if identity.principal != principal or not stands:
        raise Forbidden("What you have logged in with is not valid any more; log in again.")


def _standing(rows: Rows, principal: str | None) -> list[AccessToken]:
    return [each for each in rows.access_tokens(principal) if each.expires > rows.now]


def _make_room(rows: Rows, principal: str, most: int, is_session: bool) -> bool:
    """Forgets what has ended, the oldest first, and if that is not enough sessions that stand; whether there is room for one more."""
    known = [each for each in rows.access_tokens(principal) if each.is_session == is_session]
    known.sort(key=lambda each: each.expires > rows.now)
    surplus = [each.id for each in known[: max(0, len(known) - most + 1)] if is_session or each.expires <= rows.now]
    rows.drop_access_tokens(surplus)
    return len(known) - len(surplus) < most


def _checked(name: str) -> str:
    if not name or len(name) > MAX_NAME:
        raise BadRequest(f"The name of a token has 1 to {MAX_NAME} characters.")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise BadRequest("The name of a token cannot contain control characters.")
    return name


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
