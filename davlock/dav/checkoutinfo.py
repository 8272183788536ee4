"""Checkouts in XML: what the bodies of CHECKOUT, CHECKIN, UNCHECKOUT and VERSION-CONTROL ask for (RFC 3253 §3.5, §4.3 to §4.5)."""

from __future__ import annotations

from dataclasses import dataclass

from davlock.dav import xml
from davlock.errors import BadRequest, NotCheckedOut


class NothingToUndo(NotCheckedOut):
    """What RFC 3253 calls otherwise for UNCHECKOUT (§4.5) than for CHECKIN (§4.4)."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for; all of it may be missing. keep: the document shall stay checked out."""

    comment: str = ""
    reason: str = ""
    keep: bool = False


def parse_wish(body: bytes, method: str) -> Wish:
    """What a body asks for: an element named like the method, or nothing; unknown elements are ignored (RFC 4918 §17).

    comment may be in the namespace DAV: or urn:davlock:, reason is in urn:davlock:. Raises BadRequest, TooLarge.
    """
    if not body.strip():
        return Wish()
    root = xml.parse(body)
    name = method.lower()
    if root.tag != f"{{{xml.DAV}}}{name}":
        raise BadRequest(f"The body of a {method} must be a DAV:{name} element, or empty.")
    said: dict[str, str] = {}
    for child in root:
        said.setdefault(str(child.tag), xml.text(child))
    comment = said.get(f"{{{xml.DAVLOCK}}}comment") or said.get(f"{{{xml.DAV}}}comment", "")
    return Wish(comment, said.get(f"{{{xml.DAVLOCK}}}reason", ""), f"{{{xml.DAV}}}keep-checked-out" in said)
