"""Who sends a request, as the doors find it."""

from __future__ import annotations

from dataclasses import dataclass, field

from davlock.model import AccessToken


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is: the canonical principal (empty: nobody in particular), and whether an administrator.

    token: what lets him in, None if it is his password; password_hash: what his account had when that was found right.
    """

    principal: str
    admin: bool = False
    token: AccessToken | None = None
    password_hash: str = field(default="", repr=False)

    @property
    def gave_password(self) -> bool:
        """Whether with this request, or at the beginning of its session."""
        return self.token is None or (self.token.is_session and self.token.parent is None)


NOBODY = Identity("")
