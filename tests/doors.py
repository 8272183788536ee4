"""What somebody wants of a document, said at a door: the same wishes for every door there is.

A wish that is refused returns what the person is told; one that is granted returns "".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol
from xml.sax.saxutils import escape

from tests.dav.stories import DAV, DAVLOCK, actives, properties, refused
from tests.serving import Answer, Client, Serving


@dataclass(frozen=True)
class Version:
    """One version of a document, and who made it."""

    number: int
    who: str
    comment: str
    href: str


class Door(Protocol):
    """One person at one door."""

    def read(self, path: str) -> bytes: ...

    def save(self, path: str, content: bytes) -> str: ...

    def check_out(self, path: str) -> str: ...

    def check_in(self, path: str, comment: str) -> str: ...

    def undo(self, path: str) -> str: ...

    def rescued(self, path: str) -> list[bytes]:
        """What he has written into drafts of the document and not published."""

    def edit(self, path: str) -> AbstractContextManager[Callable[[bytes], str]]:
        """An editing session, in which he saves as often as he likes; fails unless it begins."""

    def begin_to_edit(self, path: str) -> str:
        """The same, by somebody who is refused."""

    def holder(self, path: str) -> tuple[str, str]:
        """Who has it checked out, and since when."""

    def versions(self, path: str) -> list[Version]: ...

    def read_version(self, version: Version) -> bytes: ...


class WebDav:
    """WebDAV with RFC 3253, as cadaver, LibreOffice and Explorer speak it."""

    def __init__(self, serving: Serving, user: str) -> None:
        self.client = Client(serving, user)

    def read(self, path: str) -> bytes:
        answer = self.client.get(path)
        assert answer.status == 200, answer
        return answer.body

    def save(self, path: str, content: bytes) -> str:
        return _told(self.client.put(path, content))

    def check_out(self, path: str) -> str:
        return _told(self.client.request("CHECKOUT", path))

    def check_in(self, path: str, comment: str) -> str:
        body = f'<D:checkin xmlns:D="DAV:"><D:comment>{escape(comment)}</D:comment></D:checkin>'
        return _told(self.client.request("CHECKIN", path, body, Content_Type="application/xml"))

    def undo(self, path: str) -> str:
        return _told(self.client.request("UNCHECKOUT", path))

    def rescued(self, path: str) -> list[bytes]:
        asked = f'<D:propfind xmlns:D="DAV:"><D:prop><L:rescued-drafts xmlns:L="{DAVLOCK[1:-1]}"/></D:prop></D:propfind>'
        answer = self.client.request("PROPFIND", path, asked, Depth="0", Content_Type="application/xml")
        (found,) = properties(answer).values()
        hrefs = [each.text or "" for rescued in found.get(200, {}).values() for each in rescued.iter(f"{DAV}href")]
        return [self.read(href) for href in hrefs]

    @contextmanager
    def edit(self, path: str) -> Iterator[Callable[[bytes], str]]:
        """As LibreOffice does it: LOCK, PUT for each save, UNLOCK."""
        token = self.client.lock(path, owner="Alice Liddell")
        yield lambda content: _told(self.client.put(path, content, token))
        assert self.client.unlock(path, token).status == 204

    def begin_to_edit(self, path: str) -> str:
        body = '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>'
        return _told(self.client.request("LOCK", path, body, Content_Type="application/xml"))

    def holder(self, path: str) -> tuple[str, str]:
        shown = [each for each in actives(self.client.propfind(path, "lockdiscovery").xml()) if each.timeout == "Infinite"]
        assert len(shown) == 1, shown
        return shown[0].holder, shown[0].since

    def versions(self, path: str) -> list[Version]:
        wanted = "<D:prop><D:version-name/><D:creator-displayname/><D:comment/></D:prop>"
        asked = f'<D:version-tree xmlns:D="DAV:">{wanted}</D:version-tree>'
        answer = self.client.request("REPORT", path, asked, Depth="0", Content_Type="application/xml")
        found = []
        for href, place in properties(answer).items():
            # what is empty has not been said, and is not shown
            told = {name.removeprefix(DAV): element.text or "" for name, element in place[200].items()}
            found.append(Version(int(told["version-name"]), told.get("creator-displayname", ""), told.get("comment", ""), href))
        return sorted(found, key=lambda version: version.number)

    def read_version(self, version: Version) -> bytes:
        return self.read(version.href)


def _told(answer: Answer) -> str:
    if 200 <= answer.status < 300 and answer.status != 207:
        return ""
    assert 400 <= answer.status < 500, answer
    if answer.headers.get_content_type() in ("application/xml", "text/xml"):
        return refused(answer).message
    return answer.body.decode()


DOORS: list[Callable[[Serving, str], Door]] = [WebDav]
