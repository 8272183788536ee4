"""multipart/MSDAVEXTPrefixEncoded (MS-WDV 2.2.5), put together and taken apart as Windows does it, and the headers of a lock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote
from xml.etree import ElementTree

from tests.serving import Answer, Client

TYPE = "multipart/MSDAVEXTPrefixEncoded"
CHECKED_OUT, NO_SUCH_CHECKOUT = 589838, 589886
NOBODYS = "urn:uuid:00000000-0000-4000-8000-000000000000"


def size(number: int) -> bytes:
    return f"{number:016X}".encode()


def update(properties: str) -> bytes:
    """The body of a PROPPATCH that sets these; the prefixes D, Z and W (Microsoft) are declared."""
    return (
        '<?xml version="1.0" encoding="utf-8" ?><D:propertyupdate xmlns:D="DAV:" xmlns:Z="urn:example:" '
        f'xmlns:W="urn:schemas-microsoft-com:"><D:set><D:prop>{properties}</D:prop></D:set></D:propertyupdate>'
    ).encode()


def joined(properties: bytes, content: bytes) -> bytes:
    return size(len(properties)) + properties + size(len(content)) + content


@dataclass(frozen=True)
class Parts:
    """Both parts of an answer."""

    properties: bytes
    content: bytes

    def xml(self) -> ElementTree.Element:
        return ElementTree.fromstring(self.properties)


def parts(answer: Answer) -> Parts:
    """An answer taken apart; every byte belongs to a part."""
    assert (answer.status, answer.headers["Content-Type"]) == (200, TYPE), answer
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    properties, rest = _part(answer.body)
    content, rest = _part(rest)
    assert rest == b""
    return Parts(properties, content)


def _part(body: bytes) -> tuple[bytes, bytes]:
    assert re.fullmatch(rb"[0-9A-F]{16}", body[:16]), body[:16]
    end = 16 + int(body[:16], 16)
    assert len(body) >= end
    return body[16:end], body[end:]


def save(client: Client, path: str, properties: bytes, content: bytes, **headers: str | None) -> Answer:
    """PUT of properties and content together."""
    return client.request("PUT", path, joined(properties, content), **{"X_MSDAVEXT": "PROPPATCH", "Content_Type": TYPE} | headers)


def lock_of(answer: Answer) -> tuple[str | None, int]:
    """The token, without brackets, and the seconds that an answer tells of a lock; None and 0 if it tells of none."""
    token, timeout = answer.headers["Lock-Token"], answer.headers["X-MSDAVEXTLockTimeout"]
    assert (token is None) == (timeout is None), answer
    if token is None:
        return None, 0
    found, seconds = re.fullmatch("<(urn:uuid:.+)>", token), re.fullmatch("Second-([0-9]+)", timeout)
    assert found and seconds, answer
    return found[1], int(seconds[1])


def told(answer: Answer) -> tuple[int, str]:
    """The number and the text of X-MSDAVEXT_ERROR; 0 and nothing without it."""
    number, _, text = (answer.headers["X-MSDAVEXT_ERROR"] or "0; ").partition("; ")
    return int(number), unquote(text, errors="strict")


def colour(client: Client, path: str) -> str | None:
    """A property of a document, as everybody sees it."""
    answer = client.propfind(path)
    assert answer.status == 207, answer
    return answer.xml().findtext(".//{urn:example:}colour")


def unchanged(client: Client, path: str, etag: str) -> None:
    """Nothing of a combined request has happened to the document of the fixture `etag`."""
    answer = client.get(path)
    assert (answer.body, answer.headers["ETag"], colour(client, path)) == (b"old", etag, "green")
