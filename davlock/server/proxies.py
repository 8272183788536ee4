"""What a proxy in front says of its client: X-Forwarded-For, -Proto and -Host, believed only if the proxy is known.

Everybody can send these headers. From a peer that is not named they are removed before anybody reads them; from one that is, they become
what they say: REMOTE_ADDR, wsgi.url_scheme, HTTP_HOST. Behind this layer nobody needs to know that there is a proxy.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_FOR, _PROTO, _HOST = "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST"
# The others are not understood, and removed lest some library does: falcon reads Forwarded (RFC 7239).
_OTHERS = ("FORWARDED", *(f"X_FORWARDED_{name}" for name in ("PORT", "PREFIX", "SERVER", "SSL", "SCHEME", "BY")))
_ALL = (_FOR, _PROTO, _HOST, *(f"HTTP_{name}" for name in _OTHERS))
_AUTHORITY = re.compile(r"(?:[A-Za-z0-9._~-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_HOP = re.compile(r"([0-9.]+)(?::[0-9]{1,5})?|\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?|([0-9A-Fa-f:.]+)")


class Proxies:
    """The proxies that are believed. networks: their addresses, or networks in which all are, such as 10.0.5.0/24 or ::1."""

    def __init__(self, networks: Iterable[str]) -> None:
        """Raises ValueError for what is no network."""
        self._networks: tuple[Network, ...] = tuple(ipaddress.ip_network(each, strict=False) for each in networks)
        self._knows = lru_cache(maxsize=1024)(self._look_up)

    def knows(self, address: str) -> bool:
        """Is this one of them?"""
        return self._knows(address)

    def reveal(self, app: WSGIApplication) -> WSGIApplication:
        """The application as if its clients had come without these proxies."""

        def revealed(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            if self._knows(environ.get("REMOTE_ADDR", "")):
                self._believe(environ)
            for name in _ALL:
                environ.pop(name, None)
            return app(environ, start_response)

        return revealed

    def _believe(self, environ: WSGIEnvironment) -> None:
        hops = _listed(environ.get(_FOR))
        client, passed = self._client(hops)
        if client:
            environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = client, ""
        scheme = _at(_listed(environ.get(_PROTO)), passed).lower()
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme
        host = _at(_listed(environ.get(_HOST)), passed)
        if _AUTHORITY.fullmatch(host):
            environ["HTTP_HOST"] = host

    def _client(self, hops: Sequence[str]) -> tuple[str, int]:
        """The address of the last hop that is none of these proxies, "" if nothing is known, and how many entries lead there, at least one.

        Every proxy adds whom it has heard, at the end; what stands before the first stranger is only what that one says.
        """
        client, passed = "", 0
        for hop in reversed(hops):
            address = _address(hop)
            if address is None:
                break  # such as "unknown": then the proxy that said so is all that is known
            client, passed = str(address), passed + 1
            if not self._knows(client):
                break
        return client, max(passed, 1)

    def _look_up(self, peer: str) -> bool:
        address = _address(peer)
        return address is not None and any(address in network for network in self._networks)


def _listed(value: str | None) -> list[str]:
    return [each.strip(" \t") for each in value.split(",")] if value else []


def _at(values: Sequence[str], passed: int) -> str:
    """What the proxy next to the client said: each may have added a value, as with the addresses; if there are fewer, the first counts."""
    return values[-min(passed, len(values))] if values else ""


def _address(hop: str) -> Address | None:
    """1.2.3.4, ::1, and with a port: 1.2.3.4:80, [::1]:80. IPv4 as IPv4, however it is written."""
    return _parsed(hop) if len(hop) <= 60 else None


@lru_cache(maxsize=1024)
def _parsed(hop: str) -> Address | None:
    match = _HOP.fullmatch(hop.partition("%")[0])
    if match is None:
        return None
    try:
        address = ipaddress.ip_address(match[1] or match[2] or match[3])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
