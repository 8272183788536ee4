"""Values as XML (rest.md §4): the root is named after the type, an element for each property, one in it for each item of a list.

    <CheckoutInfo xmlns:xsi="…"><State>CheckedOutOwn</State><Since xsi:nil="true"/><Holds><Hold>…</Hold></Holds></CheckoutInfo>

A dictionary has an element for each key. What no element can be named is written as .NET does: `a b` is `a_x0020_b`.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Any, Literal, get_args, get_origin

import msgspec
from lxml import etree

from davlock import markup
from davlock.errors import BadRequest
from davlock.rest import codec

MAX_ELEMENTS = 100_000
XSI = "http://www.w3.org/2001/XMLSchema-instance"
_NIL = f"{{{XSI}}}nil"
_SCALARS = {str: "string", int: "int", float: "double", bool: "boolean"}
# XML 1.0 §2.2, §2.3; without the colon, which is for namespaces
_IMPOSSIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_START = (
    "A-Z_a-z\xc0-\xd6\xd8-\xf6\xf8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d\u2070-\u218f\u2c00-\u2fef\u3001-\ud7ff"
    "\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_UNNAMEABLE = re.compile(f"^[^{_START}]|[^{_START}.0-9\xb7\u0300-\u036f\u203f\u2040-]|_(?=x(?:[0-9A-Fa-f]{{4}}|[0-9A-Fa-f]{{8}})?_)")
_ESCAPED = re.compile("_x([0-9A-Fa-f]{8}|[0-9A-Fa-f]{4})_")
_EMPTY_NAME = "_x_"  # of the empty key, which .NET cannot write either


def encode(value: Any, kind: Any = None) -> bytes:
    """The XML text of a value. kind: its type, which names the root where the value itself cannot (null, lists)."""
    tag = type(value).__name__ if isinstance(value, msgspec.Struct) else name(kind)
    root = etree.Element(tag, nsmap={"xsi": XSI})
    _fill(root, value)
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")


def decode(body: bytes, kind: Any) -> Any:
    """The value of a type in an XML text; how its root is named means nothing. Raises BadRequest."""
    return codec.convert(_plain(markup.parse(body, codec.MAX_DEPTH, MAX_ELEMENTS), kind), kind, strict=False)


def name(kind: Any) -> str:
    """What an element with a value of this type is named."""
    kind = next((each for each in codec.alternatives(kind) if each is not type(None)), Any)
    origin = get_origin(kind)
    if origin is list:
        return f"ArrayOf{name(get_args(kind)[0]).capitalize() if get_args(kind)[0] in _SCALARS else name(get_args(kind)[0])}"
    if origin is dict or kind is dict:
        return "Dictionary"
    if origin is Literal:
        return "string"
    return _SCALARS.get(kind) or (kind.__name__ if isinstance(kind, type) else "Value")


def _fill(element: etree._Element, value: Any) -> None:
    if isinstance(value, msgspec.Raw):
        value = msgspec.json.decode(value)
    if value is None:
        element.set(_NIL, "true")
    elif isinstance(value, msgspec.Struct):
        for each in codec.fields(type(value)).values():
            _fill(etree.SubElement(element, each.name), getattr(value, each.attribute))
    elif isinstance(value, dict):
        for key, each in value.items():
            _fill(etree.SubElement(element, _encode_name(str(key))), each)
    elif isinstance(value, list | tuple):
        for each in value:
            _fill(etree.SubElement(element, name(type(each))), each)
    else:
        element.text = _text(value)


def _text(value: Any) -> str:
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool):
        return "true" if value else "false"
    return _IMPOSSIBLE.sub("\ufffd", str(value))


def _plain(element: etree._Element, kind: Any) -> Any:
    """What an element contains, as dicts, lists and text."""
    if element.get(_NIL, element.get("nil", "")).strip() in ("true", "1"):
        return None
    kinds = codec.alternatives(kind)
    for each in kinds:
        if get_origin(each) is list:
            _check_text(element)
            return [_plain(child, get_args(each)[0]) for child in element]
        if get_origin(each) is dict or codec.is_struct(each):
            return _properties(element, each)
    if Any in kinds and len(element):
        return _properties(element, dict[str, Any])
    text = "".join(map(str, element.itertext()))
    return text if str in kinds or Any in kinds else text.strip()


def _check_text(element: etree._Element) -> None:
    if (element.text or "").strip():
        raise BadRequest("The XML of the request has text where it should have elements.")


def _properties(element: etree._Element, kind: Any) -> dict[str, Any]:
    _check_text(element)
    known = codec.fields(kind) if codec.is_struct(kind) else None
    found = {}
    for child in element:
        key = _decode_name(etree.QName(child).localname)
        if known is None:
            found[key] = _plain(child, get_args(kind)[1])
        elif field := known.get(key.lower()):
            found[key] = _plain(child, field.kind)
    return found


def _encode_name(key: str) -> str:
    def escape(match: re.Match[str]) -> str:
        code = ord(match[0])
        return f"_x{code:04X}_" if code < 0x10000 else f"_x{code:08X}_"

    return _UNNAMEABLE.sub(escape, key) or _EMPTY_NAME


def _decode_name(tag: str) -> str:
    if tag == _EMPTY_NAME:
        return ""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)) if int(match[1], 16) < 0x110000 else match[0], tag)
