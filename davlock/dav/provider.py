"""davlock's documents as a share of somebody's WsgiDAV site: behind its authenticators (PAM, NT, LDAP …) and its middleware.

WsgiDAV hosts, davlock answers: `custom_request_handler` is WsgiDAV's own hook for that. Every method goes to the same door that
`davlock serve` has, so that the locks are the same whichever way somebody comes. The methods of RFC 3253 do not get here: WsgiDAV
refuses what it does not know itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from wsgidav.dav_provider import DAVProvider

from davlock import paths
from davlock.auth.principals import canonical
from davlock.dav.door import WebDavDoor
from davlock.library import Library

ANONYMOUS = "anonymous"  # one stable principal: else somebody would find his own lock foreign


class Provider(DAVProvider):  # type: ignore[misc]  # WsgiDAV has no annotations
    """For `provider_mapping: {"/": Provider(library)}`, with `lock_storage` and `property_manager` false."""

    def __init__(self, library: Library) -> None:
        super().__init__()
        self._door = WebDavDoor(library)
        self.lock_manager = self  # WsgiDAV passes LOCK and UNLOCK on only where there is one

    def set_lock_manager(self, lock_manager: object) -> None:
        """Ignored: there is one lock manager, and it is davlock's."""

    def set_prop_manager(self, prop_manager: object) -> None:
        """Ignored: properties belong to davlock's documents."""

    def set_share_path(self, share_path: str) -> None:
        """Raises ValueError: a href below a prefix would not be the one that Destination and If speak of."""
        if share_path != paths.ROOT:
            raise ValueError("davlock can only be the share `/` of a WsgiDAV site.")
        super().set_share_path(share_path)

    def get_resource_inst(self, path: str, environ: dict[str, Any]) -> None:
        """Nothing for WsgiDAV's own methods to work on: none of them ever runs."""

    def custom_request_handler(
        self, environ: dict[str, Any], start_response: Callable[..., Any], default_handler: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Every request, with the principal that WsgiDAV's authenticator has found."""
        environ["davlock.principal"] = canonical(environ.get("wsgidav.auth.user_name") or ANONYMOUS)
        return self._door(environ, start_response)
