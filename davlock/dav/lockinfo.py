"""Locks in XML: the body of a LOCK request, and the locks that lockdiscovery shows (RFC 4918 §14, §15.8)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from lxml import etree

from davlock import rules
from davlock.dav import xml
from davlock.errors import BadRequest
from davlock.model import Lock, Scope

MAX_OWNER = 4096
# A program sends the same body every time; only small ones are worth keeping.
_KEPT_BODY = 1024
# In place of the token of somebody else's lock: neon (cadaver, davfs2, gvfs) takes a lock without any for none at all.
NOT_SHOWN = "urn:davlock:token-of-another"

_ENTRY = "<D:lockentry><D:lockscope><D:%s/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>"
# The content of supportedlock (RFC 4918 §15.10).
SUPPORTED_LOCK = _ENTRY % "exclusive" + _ENTRY % "shared"


@dataclass(frozen=True, slots=True)
class LockRequest:
    """A lock that is asked for. owner is the content of DAV:owner, XML that stands for itself; empty without one."""

    scope: Scope
    owner: str = ""


def parse_lockinfo(body: bytes) -> LockRequest:
    """What the body of a LOCK asks for (RFC 4918 §14.11); elements that are not known are ignored (§17).

    Raises BadRequest, also for an owner of more than MAX_OWNER bytes; TooLarge as xml.parse does.
    """
    return _kept(body) if len(body) <= _KEPT_BODY else _lock_request(body)


def _lock_request(body: bytes) -> LockRequest:
    root = xml.parse(body)
    if root.tag != f"{{{xml.DAV}}}lockinfo":
        raise BadRequest("The body of a LOCK must be a DAV:lockinfo element, or empty to refresh a lock.")
    scopes = {child.tag for part in xml.children(root, "lockscope") for child in xml.children(part, *Scope)}
    if len(scopes) != 1:
        raise BadRequest("The lock must have one scope: DAV:exclusive or DAV:shared in DAV:lockscope.")
    if not any(xml.children(part, "write") for part in xml.children(root, "locktype")):
        raise BadRequest("The lock must be a write lock: DAV:write in DAV:locktype.")
    owners = xml.children(root, "owner")
    return LockRequest(Scope(xml.split(scopes.pop())[1]), _inner(owners[0]) if owners else "")


_kept = lru_cache(maxsize=256)(_lock_request)


def _inner(owner: etree._Element) -> str:
    parts = [xml.escape(owner.text or "")]
    size = len(parts[0])
    for child in owner:
        parts += xml.serialise(child), xml.escape(child.tail or "")
        size += len(parts[-2]) + len(parts[-1])
        # At once: a long namespace that is declared around the owner comes back with every child.
        if size > MAX_OWNER:
            break
    inner = "".join(parts)
    if len(inner.encode()) > MAX_OWNER:
        raise BadRequest(f"The owner of the lock is longer than {MAX_OWNER} bytes; send less, such as a name.")
    return inner


def active_locks(locks: Iterable[Lock], viewer: str, now: float, href: Callable[[str], str]) -> str:
    """The activelock elements of locks, as the principal `viewer` may see them (RFC 4918 §14.1).

    now is the state's clock (Unix seconds); href gives the href of a lock's root, not yet escaped for XML. Other
    people's tokens are not shown; who, since when and through which door is told to everybody.
    """
    return "".join([_active_lock(lock, viewer, now, href(lock.root)) for lock in locks])


def remaining(lock: Lock, now: float) -> str:
    """How long a lock still stands, as the Timeout header has it (RFC 4918 §10.7). now: as for active_locks()."""
    # Rounded down, so that nobody believes in a lock that has ended; 0 would say that it has ended now.
    return "Infinite" if lock.expires is None else f"Second-{max(1, math.floor(lock.expires - now))}"


def _active_lock(lock: Lock, viewer: str, now: float, root: str) -> str:
    holder = xml.escape(lock.principal)
    token = xml.escape(lock.token) if rules.may_see_token(lock, viewer) else NOT_SHOWN
    return (
        f"<D:activelock><D:lockscope><D:{lock.scope}/></D:lockscope><D:locktype><D:write/></D:locktype>"
        f"<D:depth>{'infinity' if lock.deep else '0'}</D:depth>"
        f"<D:owner>{lock.owner if lock.owner.strip() else holder}</D:owner>"
        f"<D:timeout>{remaining(lock, now)}</D:timeout><D:locktoken><D:href>{token}</D:href></D:locktoken>"
        f"<D:lockroot><D:href>{xml.escape(root)}</D:href></D:lockroot>"
        f'<L:holder xmlns:L="urn:davlock:">{holder}</L:holder>'
        f'<L:since xmlns:L="urn:davlock:">{xml.timestamp(math.floor(lock.since))}</L:since>'
        f'<L:door xmlns:L="urn:davlock:">{xml.escape(lock.door)}</L:door>{_comment(lock)}</D:activelock>'
    )


def _comment(lock: Lock) -> str:
    return f'<L:comment xmlns:L="urn:davlock:">{xml.escape(lock.comment)}</L:comment>' if lock.comment else ""
