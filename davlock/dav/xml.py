"""XML: reading what clients send without believing it, and the words that every answer is made of.

Answers are put together as text; every element of the DAV: namespace is written with the prefix `D:`, because the
redirector of Windows 7 does not see elements in a default namespace. None is ever declared around a stored value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from copy import deepcopy
from functools import lru_cache
from http import HTTPStatus

from lxml import etree

from davlock import markup
from davlock.dates import gmtime
from davlock.errors import TooLarge

DAV = "DAV:"
MS = "urn:schemas-microsoft-com:"
DAVLOCK = "urn:davlock:"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"

CONTENT_TYPE = 'application/xml; charset="utf-8"'
DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'

MAX_BODY = 256 * 1024
MAX_LEVELS = 64
MAX_ELEMENTS = 20_000

# What XML 1.0 cannot express even as a character reference (§2.2).
_IMPOSSIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SPECIAL = re.compile(f'[&<>"\r{_IMPOSSIBLE.pattern[1:-1]}]')
_PLAIN = re.compile("[A-Za-z0-9 ._+,()-]*").fullmatch  # what most names consist of


def parse(body: bytes) -> etree._Element:
    """The root element of a body in any encoding that declares itself, without comments and processing instructions.

    Raises TooLarge beyond MAX_BODY bytes; BadRequest if it is malformed (namespaces too), has a DOCTYPE, or is nested
    or crowded beyond MAX_LEVELS and MAX_ELEMENTS.
    """
    if len(body) > MAX_BODY:
        raise TooLarge(f"The XML of the request is longer than {MAX_BODY // 1024} KiB.")
    return markup.parse(body, MAX_LEVELS, MAX_ELEMENTS)


def children(parent: etree._Element, *names: str) -> list[etree._Element]:
    """The direct children with one of these names of the DAV: namespace; all others are ignored (RFC 4918 §17)."""
    wanted = {f"{{{DAV}}}{name}" for name in names}
    return [child for child in parent if child.tag in wanted]


def text(element: etree._Element) -> str:
    """All text in an element, without what stands around it only to make the XML legible."""
    return "".join(map(str, element.itertext())).strip(" \t\r\n")


def serialise(element: etree._Element) -> str:
    """An element as XML that means the same wherever it is put: with its namespaces, without what follows it."""
    # A copy, because lxml would write every namespace that was declared around the element, used or not.
    return etree.tostring(deepcopy(element), encoding="unicode", with_tail=False)


def escape(text: str) -> str:
    """Text as the content of an element or of a quoted attribute; U+FFFD for what XML 1.0 cannot express."""
    if not _SPECIAL.search(text):
        return text
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    # A carriage return would be read as a newline (XML 1.0 §2.11).
    return _IMPOSSIBLE.sub("\ufffd", text.replace("\r", "&#13;"))


def escape_all(texts: list[str]) -> list[str]:
    """The same for many texts, most of which need nothing."""
    return texts if _PLAIN("".join(texts)) else [escape(text) for text in texts]


def split(name: str) -> tuple[str, str]:
    """Namespace (empty for none) and local name of a Clark name."""
    namespace, brace, local = name.rpartition("}")
    return (namespace[1:], local) if brace else ("", name)


def element(name: str, content: str = "") -> str:
    """An element by its Clark name, with the namespace it needs, around content that is XML already."""
    namespace, local = split(name)
    if namespace == DAV:
        tag, declaration = f"D:{local}", ""
    elif namespace:
        # Attribute values are normalised (XML 1.0 §3.3.3): tab and newline survive as references only.
        uri = escape(namespace).replace("\t", "&#9;").replace("\n", "&#10;")
        tag, declaration = f"N:{local}", f' xmlns:N="{uri}"'
    else:
        tag, declaration = local, ""
    return f"<{tag}{declaration}>{content}</{tag}>" if content else f"<{tag}{declaration}/>"


@lru_cache(maxsize=8192)
def timestamp(seconds: int) -> str:
    """A moment (Unix time) as RFC 3339 has it, in UTC; no fractions, as Windows 7 fails on more than three digits."""
    return "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z".format(*gmtime(seconds))


def status(code: int) -> str:
    """The status element of a code (RFC 4918 §14.28)."""
    return f"<D:status>HTTP/1.1 {code} {HTTPStatus(code).phrase}</D:status>"


def propstat(properties: str, code: int, more: str = "") -> str:
    """A propstat around properties that are XML already (RFC 4918 §14.22); more follows the status."""
    return f"<D:propstat><D:prop>{properties}</D:prop>{status(code)}{more}</D:propstat>"


def multistatus(responses: Iterable[str]) -> bytes:
    """A whole 207 body."""
    return f'{DECLARATION}<D:multistatus xmlns:D="DAV:">{"".join(responses)}</D:multistatus>\n'.encode()


def error(condition: str, hrefs: Sequence[str] = (), message: str = "") -> bytes:
    """An error body (RFC 4918 §16): a condition such as lock-token-submitted, hrefs in it, a sentence for people."""
    inside = "".join(f"<D:href>{escape(href)}</D:href>" for href in hrefs)
    told = f'<L:message xmlns:L="{DAVLOCK}">{escape(message)}</L:message>' if message else ""
    named = element(f"{{{DAV}}}{condition}", inside)
    return f'{DECLARATION}<D:error xmlns:D="DAV:">{named}{told}</D:error>\n'.encode()


def multistatus_errors(items: Iterable[tuple[str, int, str | None, str]]) -> bytes:
    """The 207 body for what a DELETE, COPY or MOVE could not do (RFC 4918 §9.6.1).

    Each is (href, status, condition such as lock-token-submitted or None, sentence for people).
    """
    return multistatus(_failure(*item) for item in items)


def _failure(href: str, code: int, condition: str | None, message: str) -> str:
    named = f"<D:error><D:{condition}/></D:error>" if condition else ""
    told = f"<D:responsedescription>{escape(message)}</D:responsedescription>" if message else ""
    return f"<D:response><D:href>{escape(href)}</D:href>{status(code)}{named}{told}</D:response>"
