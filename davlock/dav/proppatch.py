"""PROPPATCH (RFC 4918 §9.2): what shall be changed, and the 207 that says what became of it. All happens or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lxml import etree

from davlock.dav import deltav, live, xml
from davlock.errors import BadRequest, TooLarge

MAX_CHANGES = 500
MAX_VALUE = 256 * 1024
MAX_VALUES = 1024 * 1024

_WHY = {
    403: "<D:error><D:cannot-modify-protected-property/></D:error>",
    409: "<D:error><D:must-be-checked-out/></D:error>",
}


@dataclass(frozen=True, slots=True)
class PropertyChange:
    """A property by its Clark name, and the XML of the whole element that it shall become; None to remove it."""

    name: str
    xml: str | None


def parse_propertyupdate(body: bytes) -> list[PropertyChange]:
    """What the body of a PROPPATCH asks for, in its order (RFC 4918 §14.19); unknown elements are ignored (§17).

    Raises BadRequest, also for more than MAX_CHANGES; TooLarge as xml.parse does, and for values of more than MAX_VALUE
    bytes, or MAX_VALUES together.
    """
    root = xml.parse(body)
    if root.tag != f"{{{xml.DAV}}}propertyupdate":
        raise BadRequest("The body of a PROPPATCH must be a DAV:propertyupdate element.")
    instructions = xml.children(root, "set", "remove")
    if not instructions:
        raise BadRequest("A DAV:propertyupdate must have a DAV:set or DAV:remove.")
    asked = [
        (each, xml.split(str(instruction.tag))[1] == "set")
        for instruction in instructions
        for prop in xml.children(instruction, "prop")
        for each in prop
    ]
    if len(asked) > MAX_CHANGES:
        raise BadRequest(f"{len(asked)} properties are changed at once; at most {MAX_CHANGES} are possible.")
    changes = []
    total = 0
    for each, is_set in asked:
        value = _value(each) if is_set else None
        # Counted as they come: a long namespace that is declared around them all comes back with every one.
        total += len(value or "")
        if total > MAX_VALUES:
            raise TooLarge(f"The values of the properties are longer than {MAX_VALUES // 1024} KiB together.")
        changes.append(PropertyChange(str(each.tag), value))
    return changes


def _value(each: etree._Element) -> str:
    languages = (at.get(xml.LANG) for at in (each, *each.iterancestors()))
    language = next((language for language in languages if language is not None), None)
    if language is not None:
        # In scope of the value, so a part of it (RFC 4918 §4.3).
        each.set(xml.LANG, language)
    value = xml.serialise(each)
    if len(value.encode()) > MAX_VALUE:
        raise TooLarge(f"The value of a property is longer than {MAX_VALUE // 1024} KiB.")
    return value


def is_protected(name: str) -> bool:
    """Whether a property (Clark name) is the server's own, displayname included: the name on the disk is the truth."""
    return name in live.PROPERTIES or (name in deltav.NAMES and name != deltav.COMMENT)


def dead(changes: Sequence[PropertyChange]) -> dict[str, str | None]:
    """What dead properties shall be, by Clark name: the XML of the element, None to remove it."""
    return {change.name: change.xml for change in changes if change.name != deltav.COMMENT}


def comment(changes: Sequence[PropertyChange]) -> str | None:
    """What the comment of a checkout shall be (RFC 3253 §3.1.1), empty to remove it; None to leave it as it is."""
    last = [change for change in changes if change.name == deltav.COMMENT][-1:]
    if not last:
        return None
    return xml.text(xml.parse(last[0].xml.encode())) if last[0].xml else ""


def refused(changes: Sequence[PropertyChange]) -> dict[str, int]:
    """The properties that cannot be changed, with their status: 403 for those that are protected (RFC 4918 §9.2.1)."""
    return {change.name: 403 for change in changes if is_protected(change.name)}


def outcome(href: str, changes: Sequence[PropertyChange], failed: Mapping[str, int]) -> bytes:
    """The 207 body: failed is Clark name → status, to which those that refused() finds are added.

    If there are any, all others are 424; if there are none, all are 200, and after `Prefer: return=minimal` an answer
    204 without a body says the same (RFC 8144 §2.2). href is not yet escaped for XML.
    """
    failed = refused(changes) | dict(failed)
    stats: dict[int, list[str]] = {}
    for name in dict.fromkeys(change.name for change in changes):
        stats.setdefault(failed.get(name, 424 if failed else 200), []).append(xml.element(name))
    told = [xml.propstat("".join(names), code, _WHY.get(code, "")) for code, names in (stats or {200: []}).items()]
    return xml.multistatus([f"<D:response><D:href>{xml.escape(href)}</D:href>{''.join(told)}</D:response>"])
