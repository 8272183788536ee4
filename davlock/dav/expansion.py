"""DAV:expand-property (RFC 3253 §3.8): properties that name other resources are answered with the properties of those."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lxml import etree

from davlock.dav import propfind, xml
from davlock.errors import BadRequest, NotFound

MAX_RESOURCES = 500  # in one report: a few nested levels of it would else fill the memory
_HREF = f"{{{xml.DAV}}}href"

Respond = Callable[[str, propfind.Plan], str]  # href and plan → the response element; raises NotFound


@dataclass(frozen=True, slots=True)
class Wanted:
    """Properties that are asked for, and what is asked of the resources that they name, by Clark name."""

    plan: propfind.Plan
    below: dict[str, Wanted]


def parse(root: etree._Element) -> Wanted:
    """What a DAV:expand-property, or a DAV:property in it, asks for. Raises BadRequest."""
    below: dict[str, Wanted] = {}
    prop = etree.Element(f"{{{xml.DAV}}}prop")
    for child in xml.children(root, "property"):
        try:
            asked = etree.SubElement(prop, etree.QName(child.get("namespace", xml.DAV) or None, child.get("name")))
        except ValueError:
            raise BadRequest("A DAV:property must have an attribute name that is the name of a property.") from None
        if len(child):
            below[str(asked.tag)] = parse(child)
    return Wanted(propfind.named([prop]), below)


def expand(href: str, wanted: Wanted, respond: Respond) -> str:
    """The response for a resource, with those for the resources that it names. Raises NotFound, BadRequest."""
    return xml.serialise(_Expansion(respond).response(href, wanted))


class _Expansion:
    def __init__(self, respond: Respond) -> None:
        self._respond, self._left = respond, MAX_RESOURCES

    def response(self, href: str, wanted: Wanted) -> etree._Element:
        if not self._left:
            raise BadRequest(f"The report would be about more than {MAX_RESOURCES} resources; ask for less of it.")
        self._left -= 1
        wrapped = etree.fromstring(f'<D:multistatus xmlns:D="DAV:">{self._respond(href, wanted.plan)}</D:multistatus>')
        response = wrapped[0]
        for name, below in wanted.below.items():
            for prop in response.findall(f"{{{xml.DAV}}}propstat/{{{xml.DAV}}}prop/{name}"):
                for each in prop.findall(_HREF):
                    self._replace(each, below)
        return response

    def _replace(self, href: etree._Element, below: Wanted) -> None:
        parent = href.getparent()
        try:
            found = self.response(href.text or "", below)
        except NotFound:  # what is gone, or is not ours, is still named
            return
        assert parent is not None
        parent.replace(href, found)
