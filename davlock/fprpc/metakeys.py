"""Meta keys that clients write, kept as dead properties that WebDAV shows too. Pure.

A key is an element of the namespace NAMESPACE, its value the text, type and access an attribute:

    vti_title;SW|Budget   ⇄   <N:vti_title xmlns:N="urn:davlock:metainfo" type="SW">Budget</N:vti_title>

A character of a key that cannot be in the name of an element is written `_xHHHH_`, as Microsoft's XmlConvert.EncodeLocalName does it
and SharePoint the names of its columns, so that every key comes back as it was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from lxml import etree

from davlock.errors import BadRequest
from davlock.fprpc.values import Malformed, MetaDict, MetaValue, parse_meta, string

NAMESPACE = "urn:davlock:metainfo"
MAX_KEY = 255
"""Characters of a key."""

# What this server tells of a document or folder from what it knows itself (metadata.py); vti_title only as long as nobody has set one.
_COMPUTED = frozenset(
    {
        *("vti_timecreated", "vti_timelastmodified", "vti_timelastwritten", "vti_filesize", "vti_rtag", "vti_etag"),
        *("vti_author", "vti_modifiedby", "vti_canmaybeedit", "vti_dirlateststamp"),
        *("vti_isbrowsable", "vti_isexecutable", "vti_isscriptable", "vti_ischildweb", "vti_hassubdirs"),
        "mf-file-status",
    }
)
_SOURCE_CONTROL = "vti_sourcecontrol"
_PREFIX = f"{{{NAMESPACE}}}"
# Not at the beginning of a name, or nowhere in one; and the underscore of what would be read as an escape.
_NOT_IN_NAME = re.compile(r"^[^A-Za-z_]|[^A-Za-z0-9._-]|_(?=x[0-9A-Fa-f]{4}_|x[0-9A-Fa-f]{8}_)")
_ESCAPE = re.compile(r"_x([0-9A-F]{4}|[0-9A-F]{8})_")
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def is_read_only(key: str) -> bool:
    """Whether only the server decides what the value of a key is."""
    return key.lower() in _COMPUTED or key.lower().startswith(_SOURCE_CONTROL)


def changes(meta: MetaDict) -> dict[str, str | None]:
    """What Library.change_properties() has to do so that these values are kept; read-only keys are passed over.

    A value of type E removes the key. Raises BadRequest for keys and values that cannot be kept, Malformed for a value that is not of
    its type.
    """
    return {property_of(key): _element(key, value) for key, value in meta.items() if not is_read_only(key)}


def kept(properties: Mapping[str, str]) -> dict[str, MetaValue]:
    """The keys that are kept among dead properties: Clark name → XML of the element."""
    return {key_of(name): _value(each) for name, each in properties.items() if name.startswith(_PREFIX)}


def property_of(key: str) -> str:
    """The property (Clark name) that keeps a key. Raises BadRequest."""
    if not 1 <= len(key) <= MAX_KEY:
        raise BadRequest(f"The name of a meta key has 1 to {MAX_KEY} characters.")
    if _NOT_TEXT.search(key):
        raise BadRequest("The name of a meta key cannot have control characters.")
    return _PREFIX + _NOT_IN_NAME.sub(_escaped, key)


def key_of(name: str) -> str:
    """The key that a property (Clark name) of NAMESPACE keeps."""
    return _ESCAPE.sub(lambda found: _character(found[1], found[0]), name.removeprefix(_PREFIX))


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"_x{code:04X}_" if code <= 0xFFFF else f"_x{code:08X}_"


def _character(code: str, escape: str) -> str:
    number = int(code, 16)
    return chr(number) if number <= 0x10FFFF and not _NOT_TEXT.match(chr(number)) else escape


def _element(key: str, value: MetaValue) -> str | None:
    try:
        _ = value.content
    except Malformed as error:
        raise Malformed(f"The value of the meta key is wrong: {error.message}") from None
    if value.type == "E":
        return None
    if _NOT_TEXT.search(value.text):
        raise BadRequest("The value of a meta key cannot have control characters.")
    element = etree.Element(property_of(key), {"type": value.type + value.access}, nsmap={"N": NAMESPACE})
    element.text = value.text
    return etree.tostring(element, encoding="unicode")


def _value(element: str) -> MetaValue:
    """What a property says; a WebDAV client may have set it too, without a type or with a wrong one: then it is a text."""
    root = etree.fromstring(element, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    text = "".join(map(str, root.itertext()))
    try:
        value = parse_meta(f"{root.get('type')}|{text}")
        _ = value.content
    except Malformed:
        return string(text, "W")
    return value
