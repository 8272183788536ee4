"""Access tokens and sessions: what davlock adds for programs and browsers that are not to keep a password."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import msgspec
from msgspec import Meta

from davlock.auth import sessions
from davlock.auth.principals import canonical
from davlock.auth.tokens import DEFAULT_DAYS, MAX_DAYS, MAX_NAME
from davlock.errors import BadRequest, Forbidden, NotFound
from davlock.model import AccessToken
from davlock.rest.calls import Call
from davlock.rest.operations import Operation
from davlock.rest.presentation import exact
from davlock.rest.refusals import Refused
from davlock.rest.types import Type


class LoginKind(Enum):
    """What somebody has logged in with."""

    PASSWORD = "Password"
    TOKEN = "Token"
    SESSION = "Session"


class Whose(msgspec.Struct, rename="camel"):
    """user: whose tokens, for administrators; without it they get everybody's."""

    user: str = ""


class TokenWanted(Type):
    """A token to be made. Name: what it is for."""

    name: Annotated[str, Meta(min_length=1, max_length=MAX_NAME, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
    expires_in_days: Annotated[int, Meta(ge=1, le=MAX_DAYS)] = DEFAULT_DAYS


class TokenInfo(Type):
    """A token, or a session. LastUsed is right to the hour, null if it never was."""

    token_id: int
    name: str
    user_name: str
    kind: LoginKind
    created: str
    expires: str
    last_used: str | None


class NewToken(TokenInfo, rename="pascal"):
    """A token that was just made. Token is what programs send as `Authorization: Bearer …`; it cannot be had again."""

    token: str


class Session(Type):
    """Who one is. TokenId and Expires: of the token or session that one has logged in with."""

    user_name: str
    associate_id: int
    is_administrator: bool
    kind: LoginKind
    token_id: int | None
    expires: str | None


class NewSession(Session, rename="pascal"):
    """A session that has just begun. XsrfToken is what goes into the header X-XSRF-TOKEN, together with the cookie."""

    xsrf_token: str


def list_tokens(call: Call) -> list[TokenInfo]:
    """One's own tokens and sessions; for administrators those of all, or of the one they ask for."""
    user, me = _user(call.query.user), call.caller.principal
    if call.caller.admin:
        return [TokenInfo(*_described(each)) for each in call.tokens.list(user or None)]
    if user not in ("", me):
        raise Forbidden("Only an administrator can look at the tokens of others.")
    return [TokenInfo(*_described(each)) for each in call.tokens.list(me)]


def _user(name: str) -> str:
    try:
        return canonical(name)
    except BadRequest:
        return name  # which nobody has


def add_token(call: Call) -> NewToken:
    """A new token of one's own."""
    made, secret = call.tokens.add(call.caller.principal, call.body.name, call.body.expires_in_days, call.identity)
    return NewToken(*_described(made), secret)


def revoke_token(call: Call) -> None:
    """Ends a token or session at once."""
    try:
        id = call.id("tokenid")
        call.tokens.revoke(id, None if call.caller.admin else call.caller.principal)
    except NotFound:
        raise NotFound("You have no token with this number.") from None


def begin_session(call: Call) -> NewSession:
    """Makes cookies of the password or token that came with this request."""
    begun, secret = call.tokens.begin_session(call.identity, call.request.user_agent or "")
    call.answer_cookies += sessions.cookies(secret, begun, _is_secure(call))
    return NewSession(*_who(call, begun), sessions.xsrf_token(secret))


def tell_session(call: Call) -> Session:
    """Who one is."""
    return Session(*_who(call, call.identity.token))


def end_session(call: Call) -> None:
    """Logs out."""
    token = call.identity.token
    if token is None or not token.is_session:
        raise Refused(409, "InvalidOperationException", "There is no session to be ended: you have sent your password or a token.")
    call.tokens.revoke(token.id)
    call.answer_cookies += sessions.no_cookies(_is_secure(call))


def _described(token: AccessToken) -> tuple[int, str, str, LoginKind, str, str, str | None]:
    used = None if token.used is None else exact(token.used)
    return token.id, token.name, token.principal, _kind(token), exact(token.since), exact(token.expires), used


def _who(call: Call, token: AccessToken | None) -> tuple[str, int, bool, LoginKind, int | None, str | None]:
    who = call.caller.principal
    number = call.library.numbers().get(who, 0)
    if token is None:
        return who, number, call.caller.admin, LoginKind.PASSWORD, None, None
    return who, number, call.caller.admin, _kind(token), token.id, exact(token.expires)


def _kind(token: AccessToken) -> LoginKind:
    return LoginKind.SESSION if token.is_session else LoginKind.TOKEN


def _is_secure(call: Call) -> bool:
    return bool(call.request.scheme == "https")


OPERATIONS = (
    Operation(
        method="GET",
        path="/Token",
        does=list_tokens,
        summary="List access tokens and sessions",
        query=Whose,
        answers=list[TokenInfo],
    ),
    Operation(
        method="POST",
        path="/Token",
        does=add_token,
        summary="Make an access token",
        description="The token is in the answer and cannot be had again. Needs a login with a password: tokens cannot make tokens.",
        body=TokenWanted,
        answers=NewToken,
        examples={"For three months": {"Name": "backup script", "ExpiresInDays": 90}},
    ),
    Operation(method="DELETE", path="/Token/{tokenId}", does=revoke_token, summary="Revoke an access token, or end a session"),
    Operation(method="GET", path="/Session", does=tell_session, summary="Tell who is logged in", answers=Session),
    Operation(
        method="POST",
        path="/Session",
        does=begin_session,
        summary="Log in a browser",
        description="Sets the cookie of the session and the cookie XSRF-TOKEN, whose value every request must send in X-XSRF-TOKEN.",
        answers=NewSession,
    ),
    Operation(method="DELETE", path="/Session", does=end_session, summary="Log out"),
)
