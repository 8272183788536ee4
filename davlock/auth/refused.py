"""A request that goes no further."""

from __future__ import annotations

import math
from http import HTTPStatus


class Refused(Exception):
    """What a request is answered that goes no further.

    status: of HTTP. text: a sentence for a person. retry_seconds: when it may be tried again, 0 if that would not help. has_bad_token: it
    came with a token that is not, or no longer, known (RFC 6750 §3.1).
    """

    def __init__(self, status: HTTPStatus, text: str, retry_seconds: int = 0, has_bad_token: bool = False) -> None:
        super().__init__(text)
        self.status, self.text, self.retry_seconds, self.has_bad_token = status, text, retry_seconds, has_bad_token


def unauthorized(text: str = "Please log in with your user name and password.", has_bad_token: bool = False) -> Refused:
    """To be raised where somebody must log in, or do so again."""
    return Refused(HTTPStatus.UNAUTHORIZED, text, has_bad_token=has_bad_token)


def too_many(what: str, seconds: float) -> Refused:
    """To be raised where somebody has guessed too often."""
    whole = math.ceil(seconds)
    return Refused(HTTPStatus.TOO_MANY_REQUESTS, f"Too many wrong {what}; try again in {whole} s.", whole)
