"""Which servers may be told: never what only this machine can reach, under whatever name, unless it is allowed."""

from __future__ import annotations

import ipaddress
import socket

import pytest

from davlock.errors import BadRequest, Forbidden
from davlock.webhooks.targets import Target, Targets

PUBLIC = "93.184.215.14"


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Makes every name lead to these."""
    found = [(socket.AF_INET6 if ":" in each else socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 443)) for each in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://example.com", Target(True, "example.com", 443, "/")),
        ("https://Example.COM:8443/a/b?c=d", Target(True, "example.com", 8443, "/a/b?c=d")),
        ("https://example.com?x", Target(True, "example.com", 443, "/?x")),
        ("https://[2001:DB8::1]:9/x", Target(True, "2001:db8::1", 9, "/x")),
    ],
)
def test_urls(url: str, target: Target) -> None:
    assert Targets().parse(url) == target


def test_what_is_not_encrypted_must_be_allowed() -> None:
    with pytest.raises(Forbidden):
        Targets().parse("http://example.com/")
    assert Targets(require_https=False).parse("http://example.com/") == Target(False, "example.com", 80, "/")


@pytest.mark.parametrize(
    "url", ["https://a@example.com/", "https://example.com/#x", "https://example.com:0", "https://[::1", "https://-a", "x"]
)
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(BadRequest):
        Targets().parse(url)


def test_a_public_address_may_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, PUBLIC, "2606:4700::1111")
    target = Targets().parse("https://example.com/")
    assert Targets().addresses(target) == [ipaddress.ip_address(PUBLIC), ipaddress.ip_address("2606:4700::1111")]


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255"),
        *("::1", "::", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::ffff:10.0.0.1"),
    ],
)
def test_one_private_address_among_others_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    resolving(monkeypatch, PUBLIC, address)
    with pytest.raises(Forbidden):
        Targets().addresses(Target(True, "example.com", 443, "/"))


@pytest.mark.parametrize(
    ("allowed", "host", "port", "address", "may"),
    [
        ("10.0.5.0/24", "hooks.intern", 443, "10.0.5.7", True),
        ("10.0.5.0/24", "hooks.intern", 443, "10.0.6.7", False),
        ("10.0.5.0/24", "hooks.intern", 443, "::ffff:10.0.5.7", True),
        ("fc00::/7", "hooks.intern", 443, "fc00::5", True),
        ("fc00::/7", "hooks.intern", 443, "10.0.5.7", False),
        ("hooks.intern", "hooks.intern", 443, "10.0.5.7", True),
        ("Hooks.Intern:8443", "hooks.intern", 8443, "10.0.5.7", True),
        ("hooks.intern:8443", "hooks.intern", 443, "10.0.5.7", False),
        ("hooks.intern", "other.intern", 443, "10.0.5.7", False),
        ("10.0.5.7:8443", "hooks.intern", 8443, "10.0.5.7", True),
        ("10.0.5.7:8443", "hooks.intern", 22, "10.0.5.7", False),
        ("[::1]:9000", "localhost", 9000, "::1", True),
        ("[::1]", "localhost", 9000, "::1", True),
        ("[::1]:9000", "localhost", 9001, "::1", False),
    ],
)
def test_what_is_allowed(monkeypatch: pytest.MonkeyPatch, allowed: str, host: str, port: int, address: str, may: bool) -> None:
    resolving(monkeypatch, address)
    targets = Targets(allow=(allowed,))
    if may:
        assert targets.addresses(Target(True, host, port, "/")) == [ipaddress.ip_address(address)]
    else:
        with pytest.raises(Forbidden):
            targets.addresses(Target(True, host, port, "/"))
