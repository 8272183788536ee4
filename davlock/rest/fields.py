"""What is said of a document beside its file, kept as dead properties of it: so WebDAV shows it, and it goes where the document goes.

Each property of the entity is one element of the namespace NAMESPACE, and not there as long as it is what it is in a new document:

    "OurRef": "2026/17"            ⇄   <N:OurRef xmlns:N="urn:davlock:document">2026/17</N:OurRef>
    "ExtraFields": {"x": "1"}      ⇄   <N:ExtraFields …><N:field name="x">1</N:field></N:ExtraFields>
    "VisibleFor": [{"VisibleId": 3, "Visibility": "Group", …}]  ⇄  <N:VisibleFor …><N:for id="3" visibility="Group">…</N:for></N:VisibleFor>

Times are in UTC. Updated and UpdatedBy tell when, and by whom, any of them was changed last.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from lxml import etree

from davlock.errors import BadRequest
from davlock.rest import moments
from davlock.rest.presentation import EMPTY, Presentation, exact
from davlock.rest.types import (
    MAX_LINE,
    Completed,
    DocumentEntityInput,
    DocumentType,
    FieldProperty,
    FieldRight,
    Visibility,
    VisibleFor,
    VisibleForInput,
)

NAMESPACE = "urn:davlock:document"
_PREFIX = f"{{{NAMESPACE}}}"
_UPDATED, _UPDATED_BY = f"{_PREFIX}Updated", f"{_PREFIX}UpdatedBy"
_FIELD, _FOR = f"{_PREFIX}field", f"{_PREFIX}for"
_INT32 = range(-(2**31), 2**31)


@dataclass(frozen=True, slots=True)
class Kind:
    """How values are kept. write: puts a value (never null) into an element, and says whether there is anything to keep. read: the other
    way round; raises ValueError for what a WebDAV client has put there that is no such value. name: as FieldProperties call the type.
    """

    write: Callable[[etree._Element, Any, Presentation], bool]
    read: Callable[[etree._Element, Presentation], Any]
    name: str
    empty: Any


@dataclass(frozen=True, slots=True)
class Field:
    """A property of the entity: its attribute in types.py, its name on the wire, and the most characters it has (0: not limited)."""

    attribute: str
    name: str
    kind: Kind
    length: int = 0

    @property
    def property(self) -> str:
        """The dead property (Clark name) that keeps it."""
        return _PREFIX + self.name


def shown(properties: Mapping[str, str], present: Presentation) -> dict[str, Any]:
    """The values of all fields, by attribute; those that are not kept are empty. properties: Clark name → XML of the element."""
    found = {}
    for field in FIELDS:
        xml = properties.get(field.property)
        value = field.kind.empty if xml is None else _read(field.kind, xml, present)
        # A WebDAV client may have said more than could be sent back to be saved.
        found[field.attribute] = value[: field.length] if field.length else value
    return found


def changes(
    wanted: DocumentEntityInput, now: Mapping[str, Any], properties: Mapping[str, str], present: Presentation
) -> dict[str, str | None]:
    """What Library.change_properties() has to do so that the fields are as wanted. now: as they are shown. Raises BadRequest."""
    found: dict[str, str | None] = {}
    for field in FIELDS:
        value = getattr(wanted, field.attribute)
        if value is not None and _is_shown(value, now[field.attribute]):
            continue
        xml = None if value is None else _xml(field, value, present)
        if xml != properties.get(field.property):
            found[field.property] = xml
    return found


def stamped(second: int, by: str) -> dict[str, str | None]:
    """The changes that note who has changed the fields at a second (Unix time)."""
    return {_UPDATED: _text(_UPDATED, exact(second)), _UPDATED_BY: _text(_UPDATED_BY, by)}


def stamp(properties: Mapping[str, str]) -> tuple[int, str] | None:
    """When (Unix time) the fields were changed last, and by whom."""
    if _UPDATED not in properties:
        return None
    second = moments.seconds(_content(properties[_UPDATED]))
    return None if second is None else (second, _content(properties[_UPDATED_BY]) if _UPDATED_BY in properties else "")


def own(properties: Mapping[str, str]) -> dict[str, str]:
    """Those of the dead properties that are kept here."""
    return {name: xml for name, xml in properties.items() if name.startswith(_PREFIX)}


def _is_shown(wanted: Any, now: Any) -> bool:
    """Whether a client wants to have what it was shown. (A time without its zone may be two moments.)"""
    if isinstance(wanted, list):
        return bool([_visible(each) for each in wanted] == now)
    return type(wanted) is type(now) and bool(wanted == now)


def _xml(field: Field, value: Any, present: Presentation) -> str | None:
    element = etree.Element(field.property, nsmap={"N": NAMESPACE})
    try:
        if value == field.kind.empty or not field.kind.write(element, value, present):
            return None
    except ValueError:
        raise BadRequest(f"{field.name} has control characters, or others that are no text, in it.") from None
    return str(etree.tostring(element, encoding="unicode"))


def _read(kind: Kind, xml: str, present: Presentation) -> Any:
    try:
        return kind.read(_parse(xml), present)
    except ValueError:
        return kind.empty


def _parse(xml: str) -> etree._Element:
    return etree.fromstring(xml, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))


def _content(xml: str) -> str:
    return _string(_parse(xml))


def _string(element: etree._Element) -> str:
    return "".join(map(str, element.itertext()))


def _text(name: str, text: str) -> str:
    element = etree.Element(name, nsmap={"N": NAMESPACE})
    element.text = text
    return etree.tostring(element, encoding="unicode")


def _scalar(name: str, empty: Any, printed: Callable[[Any, Presentation], str | None], parsed: Callable[[str, Presentation], Any]) -> Kind:
    def write(element: etree._Element, value: Any, present: Presentation) -> bool:
        element.text = printed(value, present)
        return bool(element.text)

    return Kind(write, lambda element, present: parsed(_string(element), present), name, empty)


def _number(text: str, _: Presentation) -> int:
    if re.fullmatch(r"-?[0-9]{1,10}", text.strip()) and int(text) in _INT32:
        return int(text)
    raise ValueError("no number")


def _choice(empty: Enum) -> Kind:
    kind = type(empty)
    return _scalar("System.String", empty, lambda value, _: str(value.value), lambda text, _: kind(text))


def _write_dictionary(element: etree._Element, value: Mapping[str, str], _: Presentation) -> bool:
    for key, text in value.items():
        etree.SubElement(element, _FIELD, name=key).text = text
    return bool(value)


def _read_dictionary(element: etree._Element, _: Presentation) -> dict[str, str]:
    return {each.get("name", "")[:MAX_LINE]: _string(each) for each in element.iterchildren(_FIELD)}


def _visible(wanted: VisibleForInput) -> VisibleFor:
    return VisibleFor(wanted.visible_id or 0, wanted.visibility or Visibility.ALL, wanted.display_value or "")


def _write_visible(element: etree._Element, value: list[VisibleForInput], _: Presentation) -> bool:
    for each in map(_visible, value):
        etree.SubElement(element, _FOR, id=str(each.visible_id), visibility=each.visibility.value).text = each.display_value
    return bool(value)


def _read_visible(element: etree._Element, present: Presentation) -> list[VisibleFor]:
    return [
        VisibleFor(_number(each.get("id", ""), present), Visibility(each.get("visibility")), _string(each)[:MAX_LINE])
        for each in element.iterchildren(_FOR)
    ]


_TEXT = _scalar("System.String", "", lambda value, _: str(value), lambda text, _: text)
_NUMBER = _scalar("System.Int32", 0, lambda value, _: str(value), _number)
_BOOLEAN = _scalar("System.Boolean", False, lambda value, _: "true" if value else "", lambda text, _: text == "true")
_MOMENT = _scalar("System.DateTime", EMPTY, lambda value, present: moments.parse(value, present.zone), moments.show)
_DICTIONARY = Kind(_write_dictionary, _read_dictionary, "System.Object", {})
_VISIBLE_FOR = Kind(_write_visible, _read_visible, "System.Object", [])

FIELDS = (
    Field("attention", "Attention", _TEXT, MAX_LINE),
    Field("header", "Header", _TEXT, MAX_LINE),
    Field("our_ref", "OurRef", _TEXT, MAX_LINE),
    Field("your_ref", "YourRef", _TEXT, MAX_LINE),
    Field("description", "Description", _TEXT, 2047),
    Field("date", "Date", _MOMENT),
    Field("completed", "Completed", _choice(Completed.NOT_STARTED)),
    Field("active_links", "ActiveLinks", _NUMBER),
    Field("type", "Type", _choice(DocumentType.DOCUMENT)),
    Field("suggested_document_id", "SuggestedDocumentId", _NUMBER),
    Field("snum", "Snum", _NUMBER),
    Field("user_defined_fields", "UserDefinedFields", _DICTIONARY),
    Field("extra_fields", "ExtraFields", _DICTIONARY),
    Field("custom_fields", "CustomFields", _DICTIONARY),
    Field("publish_event_date", "PublishEventDate", _MOMENT),
    Field("publish_to", "PublishTo", _MOMENT),
    Field("publish_from", "PublishFrom", _MOMENT),
    Field("is_published", "IsPublished", _BOOLEAN),
    Field("visible_for", "VisibleFor", _VISIBLE_FOR),
)
DATE = next(field.property for field in FIELDS if field.name == "Date")
# The name of the file is not kept here, but it can be changed all the same.
FIELD_PROPERTIES = {
    "Name": FieldProperty(FieldRight(), "System.String", MAX_LINE),
    **{field.name: FieldProperty(FieldRight(), field.kind.name, field.length) for field in FIELDS},
    **{
        name: FieldProperty(FieldRight("Read"), kind, 0)
        for name, kind in {
            **{"DocumentId": "System.Int32", "ExternalRef": "System.String", "LockSemantics": "System.String"},
            **{"CreatedDate": "System.DateTime", "UpdatedDate": "System.DateTime"},
        }.items()
    },
}
