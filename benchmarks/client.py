"""The strict client: looks at what a server really did, before and after the load."""

from __future__ import annotations

import base64
import http.client
import re
from collections.abc import Iterable
from typing import Self
from xml.etree import ElementTree

from benchmarks.load import HOST, SILENCE_SECONDS, Wrong

Body = bytes | Iterable[bytes] | None

LOCKINFO = (
    b'<?xml version="1.0" encoding="utf-8"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>'
    b"<D:locktype><D:write/></D:locktype><D:owner><D:href>benchmark</D:href></D:owner></D:lockinfo>"
)
LOCK_HEADERS = {"Depth": "0", "Timeout": "Second-86400", "Content-Type": "application/xml"}
WRITTEN = (200, 201, 204)
LOCKED = (200, 201)
UNLOCKED = (200, 204)


class Client:
    """One user's connection; without credentials, nobody's. A context manager."""

    def __init__(self, port: int, credentials: tuple[str, str] | None) -> None:
        self._host = f"{HOST}:{port}"
        self._connection = http.client.HTTPConnection(HOST, port, timeout=SILENCE_SECONDS)
        self._headers = {}
        if credentials:
            self._headers["Authorization"] = "Basic " + base64.b64encode(":".join(credentials).encode()).decode()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def url(self, path: str) -> str:
        """With the server's address, as a Destination has to be."""
        return f"http://{self._host}{path}"

    def prepared(self, method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
        """The bytes of a request, for the load."""
        fields = {"Host": self._host} | self._headers | _named(headers)
        if body or method in ("PUT", "LOCK"):
            fields["Content-Length"] = str(len(body))
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body

    def open(self, method: str, path: str, body: Body = None, **headers: str) -> http.client.HTTPResponse:
        """An answer whose body is still to be read."""
        try:
            self._connection.request(method, path, body, self._headers | _named(headers))
            return self._connection.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self._connection.close()  # it was idle for too long; asked once more on a new one
            self._connection.request(method, path, body, self._headers | _named(headers))
            return self._connection.getresponse()

    def expect(self, statuses: tuple[int, ...], method: str, path: str, body: Body = None, **headers: str) -> bytes:
        """The body of an answer. Raises Wrong unless it has one of the statuses."""
        with self.open(method, path, body, **headers) as answer:
            content = answer.read()
        if answer.status not in statuses:
            raise Wrong(f"{method} {path} was answered with {answer.status}, not {'/'.join(map(str, statuses))}: {content[:200]!r}")
        return content

    def lock(self, path: str) -> str:
        """The token, without brackets."""
        granted = self.expect(LOCKED, "LOCK", path, LOCKINFO, **LOCK_HEADERS)
        token = re.search(rb"locktoken>\s*<[^>]*href[^>]*>([^<]+)<", granted)
        if token is None:
            raise Wrong(f"LOCK {path} gave no token")
        return token[1].decode().strip()

    def members(self, path: str, body: bytes) -> dict[str, dict[str, str]]:
        """The properties that PROPFIND Depth 1 found of each href, by their names in DAV:."""
        answer = self.expect((207,), "PROPFIND", path, body, Depth="1", Content_Type="application/xml")
        found = {}
        for response in ElementTree.fromstring(answer).iter("{DAV:}response"):
            properties = found[response.findtext("{DAV:}href", "")] = dict[str, str]()
            for propstat in response.iter("{DAV:}propstat"):
                if " 200 " in propstat.findtext("{DAV:}status", ""):
                    properties |= {p.tag.removeprefix("{DAV:}"): p.text or "" for prop in propstat.iter("{DAV:}prop") for p in prop}
        return found


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
