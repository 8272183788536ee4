"""Somebody at the REST door, in its two flavours."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote, urlencode

from tests.doors.door import Held, Version
from tests.doors.webdav import WebDav
from tests.rest.conftest import Api
from tests.serving import Answer, Serving


class Rest:
    """The REST interface, and what is opened at the URL that it tells, as programs for SuperOffice do it."""

    TAKEN = frozenset(["423 SoDocumentLockedException", "200 Message", *WebDav.TAKEN])

    def __init__(self, serving: Serving, user: str) -> None:
        self.api, self.user, self._webdav = Api(serving), user, WebDav(serving, user)
        self.code = ""

    def read(self, path: str) -> bytes:
        return self._content(f"/Document/{self._id(path)}/Content")

    def save(self, path: str, content: bytes) -> str:
        """In a session through the program that has it open, at the URL that is for saving."""
        if self._webdav.edits(path):
            return self._at_the_url(path, lambda place: self._webdav.save(place, content))
        return self._said(self._ask("PUT", path, "/Content", content, Content_Type="application/octet-stream"))

    def rename(self, path: str, to: str) -> str:
        return self._said(self._ask("PATCH", path, "", {"Name": to[1:]}))

    def remove(self, path: str) -> str:
        return self._said(self._ask("DELETE", path))

    def check_out(self, path: str) -> str:
        return self._said(self._ask("POST", path, "/Lock"))

    def check_in(self, path: str, comment: str) -> str:
        return self._said(self._ask("PUT", path, f"/Lock?{urlencode({'versionDescription': comment})}"))

    def undo(self, path: str) -> str:
        return self._said(self._ask("DELETE", path, "/Lock"))

    def rescued(self, path: str) -> list[bytes]:
        found = [each for each in self.api(self.user, "GET", "/Draft") if each["Path"] == path and each["Name"] == self.user]
        return [self._content(f"/Draft/{each['DraftId']}/Content") for each in found]

    def begin_to_edit(self, path: str, minutes: int = 10) -> str:
        return self._at_the_url(path, lambda place: self._webdav.begin_to_edit(place, minutes))

    def keep_editing(self, path: str, minutes: int) -> str:
        return self._at_the_url(path, lambda place: self._webdav.keep_editing(place, minutes))

    def end_editing(self, path: str) -> str:
        return self._at_the_url(path, self._webdav.end_editing)

    def holder(self, path: str) -> Held | None:
        return self._held(self.api(self.user, "GET", f"/Document/{self._id(path)}/Lock"))

    def versions(self, path: str) -> list[Version]:
        return self._versions(path, self.api(self.user, "GET", f"/Document/{self._id(path)}/Version"))

    def read_version(self, version: Version) -> bytes:
        return self._content(f"/Document/{self._id(version.path)}/Content?versionId={version.number}")

    def _id(self, path: str) -> int:
        (found,) = self.api(self.user, "GET", f"/Document?{urlencode({'path': path, '$select': 'documentId,path'})}")["value"]
        assert found["path"] == path
        id: int = found["documentId"]
        return id

    def _ask(self, method: str, path: str, more: str = "", body: Any = None, **headers: str) -> Answer:
        return self.api.ask(self.user, method, f"/Document/{self._id(path)}{more}", body, **headers)

    def _content(self, url: str) -> bytes:
        answer = self.api.ask(self.user, "GET", url)
        assert answer.status == 200, answer
        return answer.body

    def _held(self, told: Any) -> Held | None:
        if told["State"] == "NotCheckedOut":
            assert (told["Name"], told["Holds"]) == ("", [])
            return None
        assert told["State"] == ("CheckedOutOwn" if told["Name"] == self.user else "CheckedOutOther")
        assert told["AssociateId"] > 0
        since, until = (each and datetime.fromisoformat(each).timestamp() for each in (told["Since"], told["Until"]))
        return Held(told["Name"], int(since), (until, until + 1) if until else None)

    def _versions(self, path: str, told: Any) -> list[Version]:
        def version(told: Any) -> Version:
            href = self._url(path, versionId=told["VersionId"])
            return Version(int(told["VersionId"]), told["CheckedInByName"], told["Description"], path, href)

        return [version(each) for each in told]

    def _url(self, path: str, **wanted: str) -> str:
        """Where a document is, as this server's WebDAV has it."""
        url = self.api(self.user, "GET", f"/Document/{self._id(path)}/Url?{urlencode(wanted)}")
        assert url.startswith(self.api.serving.url), url
        return "/" + unquote(url.removeprefix(self.api.serving.url))

    def _at_the_url(self, path: str, wish: Callable[[str], str]) -> str:
        told = wish(self._url(path, writeableUrl="true"))
        self.code = self._webdav.code
        return told

    def _said(self, answer: Answer) -> str:
        self.code = ""
        if answer.status == 204:
            return ""
        told = json.loads(answer.body)
        if answer.status == 200:
            if told.get("Success", True):
                return ""
            self.code = f"200 {told['Type']}"
            return str(told["Value"])
        assert 400 <= answer.status < 500, answer
        assert list(told) == ["Error", "ErrorType", "ErrorMessage", "ErrorSource"]
        self.code = f"{answer.status} {told['ErrorType']}"
        return str(told["ErrorMessage"])


class Agents(Rest):
    """The same by the operations that the vendor's own client calls."""

    def read(self, path: str) -> bytes:
        answer = self._call("GetDocumentStream", path, Accept="application/octet-stream")
        assert answer.status == 200, answer
        return answer.body

    def save(self, path: str, content: bytes) -> str:
        return self._said(self._call("SetDocumentStreamFromId", path, {"Stream": base64.b64encode(content).decode()}))

    def rename(self, path: str, to: str) -> str:
        return self._said(self._call("RenameDocument", path, {"NewFilename": to[1:]}))

    def remove(self, path: str) -> str:
        return self._said(self.api.ask(self.user, "POST", f"/Agents/Document/DeleteDocumentEntity?documentEntityId={self._id(path)}"))

    def check_out(self, path: str) -> str:
        return self._said(self._call("CheckoutDocument", path))

    def check_in(self, path: str, comment: str) -> str:
        return self._said(self._call("CheckinDocument", path, {"VersionDescription": comment}))

    def undo(self, path: str) -> str:
        return self._said(self._call("UndoCheckoutDocument", path))

    def holder(self, path: str) -> Held | None:
        return self._held(json.loads(self._call("GetCheckoutState", path).body))

    def versions(self, path: str) -> list[Version]:
        return self._versions(path, json.loads(self._call("GetVersionList", path).body))

    def _call(self, operation: str, path: str, more: Mapping[str, Any] = MappingProxyType({}), **headers: str) -> Answer:
        body = {"DocumentId": self._id(path), **more}
        return self.api.ask(self.user, "POST", f"/Agents/Document/{operation}", body, **headers)
