"""Which servers may be told: whoever registers a webhook must not reach with it what only this machine can (SSRF)."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from typing import NamedTuple

from davlock.errors import BadRequest, Forbidden

MAX_URL = 2000  # characters
# No user and password in it, nothing but ASCII, and no port 0.
PATTERN = (
    r"^https?://(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}))?(?:[/?][!-\"$-~]*)?$"
)
_URL = re.compile(r"(?P<scheme>https?)://(?P<host>\[[^\]]+\]|[^\[/?:]+)(?::(?P<port>[0-9]+))?(?P<path>[/?].*)?")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_PORTS = {"http": 80, "https": 443}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Target(NamedTuple):
    """Where to send. host: without brackets. path: with the query."""

    is_secure: bool
    host: str
    port: int
    path: str


@dataclass(frozen=True, slots=True)
class Targets:
    """require_https: whether nothing may go unencrypted. allow: what may be reached although it is not public: networks
    (`10.0.5.0/24`), and hosts by name or address, with or without a port (`hooks.intern:8443`).
    """

    require_https: bool = True
    allow: tuple[str, ...] = ()

    def parse(self, url: str) -> Target:
        """Raises BadRequest for what is no URL, Forbidden if it is not encrypted but has to be."""
        found = _URL.fullmatch(url) if len(url) <= MAX_URL and re.fullmatch(PATTERN, url) else None
        if found is None:
            raise BadRequest("The target must be a URL such as https://example.com/hook, without a user, a fragment or spaces.")
        is_secure = found["scheme"] == "https"
        if self.require_https and not is_secure:
            raise Forbidden("The target must begin with https://, so that nobody on the way can read what it is told.")
        path = found["path"] or "/"
        port = int(found["port"] or _PORTS[found["scheme"]])
        return Target(is_secure, found["host"].strip("[]").lower(), port, path if path.startswith("/") else f"/{path}")

    def addresses(self, target: Target) -> list[Address]:
        """What to connect to, and to nothing else: every address of the host may be reached. Raises Forbidden; OSError if it has none."""
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found))
        for address in addresses:
            if not (_is_public(address) or self._is_allowed(target, address)):
                raise Forbidden(
                    f"{target.host} is in a network of its own, where webhooks reach nothing unless the configuration allows it "
                    "(webhooks.allow)."
                )
        return addresses

    def _is_allowed(self, target: Target, address: Address) -> bool:
        return any(_fits(each, target, _unwrapped(address)) for each in self.allow)


def _fits(allowed: str, target: Target, address: Address) -> bool:
    if "/" in allowed:
        network = ipaddress.ip_network(allowed, strict=False)
        return address.version == network.version and address in network
    host, port = _host_and_port(allowed)
    if port is not None and port != target.port:
        return False
    try:
        return address == ipaddress.ip_address(host)
    except ValueError:
        return host == target.host


def _host_and_port(allowed: str) -> tuple[str, int | None]:
    if allowed.startswith("["):
        host, _, port = allowed[1:].partition("]")
        return host.lower(), int(port[1:]) if port else None
    if allowed.count(":") > 1:  # an IPv6 address without brackets
        return allowed.lower(), None
    host, _, port = allowed.partition(":")
    return host.lower(), int(port) if port else None


def _is_public(address: Address) -> bool:
    address = _unwrapped(address)
    return address.is_global and not address.is_multicast and not address.is_reserved


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 address leads to, if it is of that kind."""
    if isinstance(address, ipaddress.IPv6Address):
        within = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if within is None and address in _NAT64:
            within = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return within or address
    return address
