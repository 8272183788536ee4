"""Reading what the server says, and saying what no client library would let us say."""

from __future__ import annotations

import base64
import contextlib
import http.client
import ssl
from dataclasses import dataclass
from urllib.parse import unquote
from xml.etree import ElementTree

from tests.serving import Answer, Client, Serving, href

DAV = "{DAV:}"
DAVLOCK = "{urn:davlock:}"
SECONDS = 5.0


@dataclass(frozen=True)
class Active:
    """An activelock as lockdiscovery shows it; token is None where it is not shown, timeout the text."""

    scope: str
    depth: str
    owner: str
    timeout: str
    token: str | None
    root: str
    holder: str
    since: str
    door: str

    @property
    def seconds(self) -> int:
        assert self.timeout.startswith("Second-"), self
        return int(self.timeout.removeprefix("Second-"))


def actives(element: ElementTree.Element) -> list[Active]:
    """All locks that are shown anywhere in an element."""
    found = []
    for active in element.iter(f"{DAV}activelock"):
        scope = active.find(f"{DAV}lockscope")
        assert scope is not None and len(scope) == 1
        owner = active.find(f"{DAV}owner")

        def text(name: str, active: ElementTree.Element = active) -> str:
            value = active.findtext(name)
            assert value, (name, ElementTree.tostring(active))
            return value

        found.append(
            Active(
                scope[0].tag.removeprefix(DAV),
                text(f"{DAV}depth"),
                "" if owner is None else "".join(owner.itertext()),
                text(f"{DAV}timeout"),
                active.findtext(f"{DAV}locktoken/{DAV}href"),
                unquote(text(f"{DAV}lockroot/{DAV}href")),
                text(f"{DAVLOCK}holder"),
                text(f"{DAVLOCK}since"),
                text(f"{DAVLOCK}door"),
            )
        )
    return found


def locks_on(client: Client, path: str) -> list[Active]:
    """The locks that lockdiscovery shows to somebody."""
    answer = client.propfind(path, "lockdiscovery")
    assert answer.status == 207, answer
    return actives(answer.xml())


@dataclass(frozen=True)
class Refused:
    """An error body of RFC 4918 §16: the condition's local name, the paths in it, the sentence for people."""

    condition: str
    paths: list[str]
    message: str


def refused(answer: Answer) -> Refused:
    """What an error body says."""
    error = answer.xml()
    assert error.tag == f"{DAV}error", answer
    conditions = [child for child in error if child.tag.startswith(DAV)]
    assert len(conditions) == 1, answer
    paths = [unquote(each.text or "") for each in conditions[0].iter(f"{DAV}href")]
    return Refused(conditions[0].tag.removeprefix(DAV), paths, error.findtext(f"{DAVLOCK}message") or "")


def statuses(answer: Answer) -> dict[str, int]:
    """Path and status of each response of a 207 that has no propstat."""
    assert answer.status == 207, answer
    return {
        unquote(response.findtext(f"{DAV}href") or ""): _code(response.findtext(f"{DAV}status"))
        for response in answer.xml().iter(f"{DAV}response")
    }


def properties(answer: Answer) -> dict[str, dict[int, dict[str, ElementTree.Element]]]:
    """Path → status → name ("{DAV:}getetag") → element, of the 207 of a PROPFIND or PROPPATCH."""
    assert answer.status == 207, answer
    found: dict[str, dict[int, dict[str, ElementTree.Element]]] = {}
    for response in answer.xml().iter(f"{DAV}response"):
        place = found.setdefault(unquote(response.findtext(f"{DAV}href") or ""), {})
        for propstat in response.iter(f"{DAV}propstat"):
            prop = propstat.find(f"{DAV}prop")
            assert prop is not None
            place.setdefault(_code(propstat.findtext(f"{DAV}status")), {}).update({each.tag: each for each in prop})
    return found


def _code(status: str | None) -> int:
    assert status and status.startswith("HTTP/1.1 "), status
    return int(status.split()[1])


def proppatch(client: Client, path: str, body: str, **headers: str) -> Answer:
    """PROPPATCH with this inside of propertyupdate; the prefixes D, Z and W (Microsoft) are declared."""
    update = (
        '<?xml version="1.0" encoding="utf-8"?><D:propertyupdate xmlns:D="DAV:" xmlns:Z="urn:example:" '
        f'xmlns:W="urn:schemas-microsoft-com:">{body}</D:propertyupdate>'
    )
    return client.request("PROPPATCH", path, update, Content_Type="application/xml", **headers)


def setting(properties: str) -> str:
    """A set instruction around properties."""
    return f"<D:set><D:prop>{properties}</D:prop></D:set>"


def transfer(client: Client, method: str, source: str, target: str, **headers: str) -> Answer:
    """COPY or MOVE to a path of this server."""
    return client.request(method, source, Destination=client.serving.url.rstrip("/") + href(target), **headers)


def url(client: Client, path: str) -> str:
    """The absolute URL of a path, as Office and Finder write it into headers."""
    return client.serving.url.rstrip("/") + href(path)


class Wire:
    """A connection on which anything can be said; waits SECONDS for an answer."""

    def __init__(self, serving: Serving, user: str | None = "bob") -> None:
        self._socket = serving.connect(SECONDS)
        self.host = f"{serving.host}:{serving.port}"
        pair = f"{user}:{serving.password(user)}" if user else ""
        self.authorization = b"Authorization: Basic " + base64.b64encode(pair.encode()) + b"\r\n" if user else b""

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def head(self, line: str | bytes, *headers: str | bytes) -> None:
        """A request line without version, and headers as they are; Host and Authorization are added."""
        encoded = [each if isinstance(each, bytes) else each.encode() for each in (line, *headers)]
        first, *rest = encoded
        lines = b"".join(each + b"\r\n" for each in rest)
        self.send(first + b" HTTP/1.1\r\nHost: " + self.host.encode() + b"\r\n" + self.authorization + lines + b"\r\n")

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def end(self) -> None:
        """Nothing more will be said."""
        Serving.end_sending(self._socket)

    def answer(self, method: str = "GET") -> Answer:
        """The next answer, whole."""
        response = http.client.HTTPResponse(self._socket, method=method)
        response.begin()
        return Answer(response.status, response.headers, response.read())

    def interim(self) -> bytes:
        """What comes first, up to an empty line."""
        data = b""
        while not data.endswith(b"\r\n\r\n"):
            block = self._socket.recv(1)
            assert block, data
            data += block
        return data


def say(serving: Serving, line: str | bytes, *headers: str | bytes, body: bytes = b"", user: str | None = "bob") -> Answer:
    """One request on a connection of its own, and the whole answer. A body gets its Content-Length."""
    with Wire(serving, user) as wire:
        length = [b"Content-Length: %d" % len(body)] if body else []
        wire.head(line, *headers, *length)
        with contextlib.suppress(ConnectionError, ssl.SSLError):  # refused, and no more wanted, before all of it was sent
            wire.send(body)
        first = line if isinstance(line, str) else line.decode("latin-1")
        return wire.answer(first.partition(" ")[0])
