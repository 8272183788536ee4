"""Somebody at the FrontPage door."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from davlock.fprpc.values import DocInfo, MetaDict, parse_meta
from tests.doors.door import Held, Version
from tests.doors.webdav import WebDav
from tests.fprpc.client import document, escaped
from tests.fprpc.conftest import Packet, Rpc
from tests.serving import Serving


class FrontPage:
    """FrontPage RPC, as Office 2000 to 2007 and SharePoint Designer speak it."""

    TAKEN = frozenset(["589838", "failed_docs"])

    def __init__(self, serving: Serving, user: str) -> None:
        self.user, self._call, self._webdav = user, Rpc(serving), WebDav(serving, user)
        self.code = ""
        self._opened: dict[str, MetaDict] = {}

    def read(self, path: str) -> bytes:
        answer = self._ask("get document", path, get_option="none")
        assert not answer.status, answer.raw
        return answer.content

    def save(self, path: str, content: bytes) -> str:
        """As Word 2003 does it: in a session, each time on condition of the stamp of the last one."""
        if path not in self._opened:
            return self._said(self._put(path, content, "overwrite"))
        answer = self._put(path, content, "edit", self._opened[path])
        if not answer.status:
            self._opened[path] = answer.values.list("document").document().meta
        return self._said(answer)

    def rename(self, path: str, to: str) -> str:
        return self._said(self._call(self.user, "move document", oldUrl=path[1:], newUrl=to[1:], put_option="none", rename_option="none"))

    def remove(self, path: str) -> str:
        answer = self._call(self.user, "remove documents", url_list=f"[{escaped(path[1:])}]")
        failed = answer.documents("failed_docs")
        self.code = "failed_docs" if failed else ""
        return answer.message if failed else self._said(answer)

    def check_out(self, path: str) -> str:
        return self._said(self._ask("checkout document", path, force=0, timeout=0))

    def check_in(self, path: str, comment: str) -> str:
        return self._said(self._ask("checkin document", path, comment=comment, keep_checked_out=False))

    def undo(self, path: str) -> str:
        return self._said(self._ask("uncheckout document", path, force=False, rlsshortterm=False))

    def rescued(self, path: str) -> list[bytes]:
        """There is no word for it in this protocol: people look at another door."""
        return self._webdav.rescued(path)

    def begin_to_edit(self, path: str, minutes: int = 10) -> str:
        """As Word 2003 does it: checked out together with its content."""
        answer = self._ask("get document", path, get_option="chkoutExclusive", timeout=minutes)
        if not answer.status:
            self._opened[path] = answer.values.list("document").document().meta
        return self._said(answer)

    def keep_editing(self, path: str, minutes: int) -> str:
        return self._said(self._ask("checkout document", path, force=2, timeout=minutes))

    def end_editing(self, path: str) -> str:
        self._opened.pop(path, None)
        return self._said(self._ask("uncheckout document", path, force=False, rlsshortterm=True))

    def holder(self, path: str) -> Held | None:
        (shown,) = self._call(self.user, "getDocsMetaInfo", url_list=f"[{escaped(path[1:])}]").documents().values()
        told = {key: parse_meta(value) for key, value in shown.items() if key.startswith("vti_sourcecontrol")}
        if "vti_sourcecontrolcheckedoutby" not in told:
            return None
        ends = told.get("vti_sourcecontrollockexpires")
        since = told["vti_sourcecontroltimecheckedout"].seconds
        return Held(told["vti_sourcecontrolcheckedoutby"].text, since, (ends.seconds, ends.seconds + 1) if ends else None)

    def versions(self, path: str) -> list[Version]:
        """The protocol lists the earlier ones only, and no comments: those come from the other door, and what both tell is the same."""
        found = self._webdav.versions(path)
        listed = [each.document().meta for each in self._ask("list versions", path).values.list("version_list").lists]
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

    def _said(self, answer: Packet) -> str:
        self.code = str(answer.status) if answer.status else ""
        if not answer.status:
            return ""
        assert not answer.content, answer.raw
        return answer.message
