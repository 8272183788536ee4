"""What somebody wants of a document, said at a door: the same wishes for every door there is.

A wish that is refused returns what the person is told; one that is granted returns "".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Protocol
from xml.sax.saxutils import escape

from davlock.fprpc.values import DocInfo, MetaDict, parse_meta
from tests.dav.stories import DAV, DAVLOCK, actives, properties, refused
from tests.fprpc.client import document, escaped
from tests.fprpc.conftest import Packet, Rpc
from tests.serving import Answer, Client, Serving


@dataclass(frozen=True)
class Version:
    """One version of a document, and who made it. path: of the document. href: of the version, over WebDAV."""

    number: int
    who: str
    comment: str
    path: str
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
            found.append(Version(int(told["version-name"]), told.get("creator-displayname", ""), told.get("comment", ""), path, href))
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


class FrontPage:
    """FrontPage RPC, as Office 2000 to 2007 and SharePoint Designer speak it."""

    def __init__(self, serving: Serving, user: str) -> None:
        self.user, self._call, self._webdav = user, Rpc(serving), WebDav(serving, user)

    def read(self, path: str) -> bytes:
        answer = self._ask("get document", path, get_option="none")
        assert not answer.status, answer.raw
        return answer.content

    def save(self, path: str, content: bytes) -> str:
        return _said(self._put(path, content, "overwrite"))

    def check_out(self, path: str) -> str:
        return _said(self._ask("checkout document", path, force=0, timeout=0))

    def check_in(self, path: str, comment: str) -> str:
        return _said(self._ask("checkin document", path, comment=comment, keep_checked_out=False))

    def undo(self, path: str) -> str:
        return _said(self._ask("uncheckout document", path, force=False, rlsshortterm=False))

    def rescued(self, path: str) -> list[bytes]:
        """There is no word for it in this protocol: people look at another door."""
        return self._webdav.rescued(path)

    @contextmanager
    def edit(self, path: str) -> Iterator[Callable[[bytes], str]]:
        """As Word 2003 does it: checked out together with its content, each save on condition of the stamp of the last one."""
        answer = self._ask("get document", path, get_option="chkoutExclusive", timeout=10)
        assert not answer.status, answer.raw

        def save(content: bytes) -> str:
            nonlocal answer
            meta = answer.values.list("document").document().meta
            answer = self._put(path, content, "edit", meta)
            return _said(answer)

        yield save
        assert not self._ask("uncheckout document", path, force=False, rlsshortterm=True).status

    def begin_to_edit(self, path: str) -> str:
        answer = self._ask("get document", path, get_option="chkoutExclusive", timeout=10)
        assert not answer.status or not answer.content
        return _said(answer)

    def holder(self, path: str) -> tuple[str, str]:
        (shown,) = self._call(self.user, "getDocsMetaInfo", url_list=f"[{escaped(path[1:])}]").documents().values()
        assert "vti_sourcecontrollockexpires" not in shown
        since = parse_meta(shown["vti_sourcecontroltimecheckedout"]).seconds
        return parse_meta(shown["vti_sourcecontrolcheckedoutby"]).text, datetime.fromtimestamp(since, UTC).isoformat()

    def versions(self, path: str) -> list[Version]:
        """The protocol lists the earlier ones only, and no comments: those come from the other door, and what both tell is the same."""
        found = self._webdav.versions(path)
        listed = [each.document().meta for each in self._ask("list versions", path).values.list("document_list").lists]
        told = [(each["vti_sourcecontrolversion"].text, each["vti_modifiedby"].text if "vti_modifiedby" in each else "") for each in listed]
        assert told == [(f"V{each.number}.0", each.who) for each in found[:-1]]
        return found

    def read_version(self, version: Version) -> bytes:
        answer = self._ask("get document", version.path, get_option="none", doc_version=f"V{version.number}.0")
        assert not answer.status, answer.raw
        return answer.content

    def _ask(self, method: str, path: str, **parameters: Any) -> Packet:
        return self._call(self.user, method, document_name=path[1:], **parameters)

    def _put(self, path: str, content: bytes, option: str, meta: MetaDict = MappingProxyType({})) -> Packet:
        info = document(DocInfo(path[1:], meta))
        return self._call(self.user, "put document", payload=content, document=info, put_option=option, comment="", keep_checked_out=False)


def _said(answer: Packet) -> str:
    if not answer.status:
        return ""
    assert not answer.content, answer.raw
    return answer.message


DOORS: list[Callable[[Serving, str], Door]] = [WebDav, FrontPage]
