"""Somebody at the WebDAV door."""

from __future__ import annotations

import time
from datetime import datetime
from xml.sax.saxutils import escape

from tests.dav.stories import DAV, DAVLOCK, actives, properties, refused, transfer
from tests.doors.door import Held, Version
from tests.serving import Answer, Client, Serving, lockinfo

MINUTE = 60


class WebDav:
    """WebDAV with RFC 3253, as cadaver, LibreOffice and Explorer speak it."""

    TAKEN = frozenset(["423 lock-token-submitted 589838", "423 no-conflicting-lock 589838"])

    def __init__(self, serving: Serving, user: str) -> None:
        self.client = Client(serving, user)
        self.code = ""
        self._tokens: dict[str, str] = {}

    def read(self, path: str) -> bytes:
        answer = self.client.get(path)
        assert answer.status == 200, answer
        return answer.body

    def save(self, path: str, content: bytes) -> str:
        return self._told(self.client.put(path, content, self._tokens.get(path, "")))

    def rename(self, path: str, to: str) -> str:
        return self._told(transfer(self.client, "MOVE", path, to))

    def remove(self, path: str) -> str:
        return self._told(self.client.request("DELETE", path))

    def check_out(self, path: str) -> str:
        return self._told(self.client.request("CHECKOUT", path))

    def check_in(self, path: str, comment: str) -> str:
        body = f'<D:checkin xmlns:D="DAV:"><D:comment>{escape(comment)}</D:comment></D:checkin>'
        return self._told(self.client.request("CHECKIN", path, body, Content_Type="application/xml"))

    def undo(self, path: str) -> str:
        return self._told(self.client.request("UNCHECKOUT", path))

    def rescued(self, path: str) -> list[bytes]:
        asked = f'<D:propfind xmlns:D="DAV:"><D:prop><L:rescued-drafts xmlns:L="{DAVLOCK[1:-1]}"/></D:prop></D:propfind>'
        answer = self.client.request("PROPFIND", path, asked, Depth="0", Content_Type="application/xml")
        (found,) = properties(answer).values()
        hrefs = [each.text or "" for rescued in found.get(200, {}).values() for each in rescued.iter(f"{DAV}href")]
        return [self.read(href) for href in hrefs]

    def begin_to_edit(self, path: str, minutes: int = 10) -> str:
        """As LibreOffice does it: LOCK, PUT for each save, UNLOCK."""
        body, timeout = lockinfo("Alice Liddell"), f"Second-{minutes * MINUTE}"
        answer = self.client.request("LOCK", path, body, Depth="0", Timeout=timeout, Content_Type="application/xml")
        if answer.status in (200, 201):
            self._tokens[path] = answer.headers["Lock-Token"].strip("<>")
        return self._told(answer)

    def edits(self, path: str) -> bool:
        """Whether he has a session there, as far as his program knows."""
        return path in self._tokens

    def keep_editing(self, path: str, minutes: int) -> str:
        return self._told(self.client.request("LOCK", path, If=f"(<{self._tokens[path]}>)", Timeout=f"Second-{minutes * MINUTE}"))

    def end_editing(self, path: str) -> str:
        return self._told(self.client.unlock(path, self._tokens.pop(path)))

    def holder(self, path: str) -> Held | None:
        before = time.time()
        shown = actives(self.client.propfind(path, "lockdiscovery").xml())
        after = time.time()
        if not shown:
            return None
        first = min(shown, key=lambda each: each.timeout != "Infinite")
        since = int(datetime.fromisoformat(first.since).timestamp())
        return Held(first.holder, since, None if first.timeout == "Infinite" else (before + first.seconds, after + first.seconds + 1))

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

    def _told(self, answer: Answer) -> str:
        self.code = ""
        if 200 <= answer.status < 300 and answer.status != 207:
            return ""
        assert 400 <= answer.status < 500, answer
        number = answer.headers.get("X-MSDAVEXT_ERROR", "").partition(";")[0]
        if answer.headers.get_content_type() in ("application/xml", "text/xml"):
            said = refused(answer)
            self.code = f"{answer.status} {said.condition} {number}"
            return said.message
        self.code = f"{answer.status} {number}"
        return answer.body.decode()
