"""One person's LibreOffice, driven by JSON lines on stdin and answering by JSON lines on stdout.

Run by the Python that has LibreOffice's `uno`, which is not the one of the tests:

    python3 libreoffice.py PROFILE USER PASSWORD NAME

Passwords: LibreOffice 7.4 does not open an http URL with `user:password@` ("type detection failed", before it has asked
the server), and its own login dialog does not open where there is no screen. What works is an InteractionHandler of our
own: it is asked for logins, and what to do with a document that somebody else has locked.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

uno: Any = importlib.import_module("uno")
unohelper: Any = importlib.import_module("unohelper")

START_SECONDS = 60.0
set_member = uno._uno_struct__setattr__


def set_member_or_args(struct: Any, name: str, value: Any) -> None:
    """PyUNO of 7.4 cannot hand over requests, which are exceptions, because it sets their `args` as a UNO member."""
    if name == "args":
        BaseException.__setattr__(struct, name, value)
    else:
        set_member(struct, name, value)


uno._uno_struct__setattr__ = set_member_or_args


# ignored: the bases come from uno, which has no types
class Handler(unohelper.Base, uno.getClass("com.sun.star.task.XInteractionHandler2")):  # type: ignore[misc]
    """Answers for the person: gives the password, and opens read-only what somebody else is editing."""

    def __init__(self, user: str, password: str) -> None:
        self.user = user
        self.password = password
        self.locked_by: str | None = None

    def handle(self, request: Any) -> None:
        self.handleInteractionRequest(request)

    def handleInteractionRequest(self, request: Any) -> bool:
        asked = request.getRequest()
        if type(asked).__name__ == "com.sun.star.document.LockedDocumentRequest":
            self.locked_by = asked.UserInfo
        for way in request.getContinuations():
            if hasattr(way, "setPassword"):
                way.setUserName(self.user)
                way.setPassword(self.password)
                way.select()
                return True
            if "com.sun.star.task.XInteractionApprove" in [kind.typeName for kind in way.getTypes()]:
                way.select()
                return True
        return False


def settings(name: str) -> str:
    """The profile's file with the person's name."""
    given, _, family = name.partition(" ")
    items = [
        f'<item oor:path="/org.openoffice.UserProfile/Data"><prop oor:name="{key}" oor:op="fuse">'
        f"<value>{escape(value)}</value></prop></item>"
        for key, value in (("givenname", given), ("sn", family))
    ]
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<oor:items xmlns:oor="http://openoffice.org/2001/registry">{"".join(items)}</oor:items>\n'
    )


class Office:
    def __init__(self, profile: Path, user: str, password: str, name: str) -> None:
        """profile: a folder of its own; name: shown to others whose document this person is editing."""
        self._login = user, password
        self._document: Any = None
        (profile / "user").mkdir(parents=True)
        (profile / "user" / "registrymodifications.xcu").write_text(settings(name))
        pipe = f"davlock-{profile.parent.name}-{user}"
        self._process = subprocess.Popen(
            [
                "soffice",
                "--headless",
                "--norestore",
                "--nologo",
                "--nodefault",
                f"--accept=pipe,name={pipe};urp",
                f"-env:UserInstallation={profile.as_uri()}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
        )
        local = uno.getComponentContext()
        resolver = local.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", local)
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                remote = resolver.resolve(f"uno:pipe,name={pipe};urp;StarOffice.ComponentContext")
                break
            except uno.getClass("com.sun.star.connection.NoConnectException"):
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
        self._desktop = remote.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", remote)

    def new(self, text: str) -> None:
        self._document = self._desktop.loadComponentFromURL("private:factory/swriter", "_blank", 0, ())
        self._document.Text.setString(text)

    def open(self, url: str) -> dict[str, Any]:
        """Open for editing; tells whether it is read-only then, and who has it."""
        handler = Handler(*self._login)
        self._document = self._desktop.loadComponentFromURL(url, "_blank", 0, self._properties(handler))
        return {"read_only": self._document.isReadonly(), "locked_by": handler.locked_by}

    def text(self) -> str:
        return str(self._document.Text.getString())

    def write(self, text: str) -> None:
        self._document.Text.setString(text)

    def save(self) -> None:
        self._document.store()

    def save_as(self, url: str) -> None:
        self._document.storeAsURL(url, self._properties(Handler(*self._login), FilterName="writer8"))

    def close(self) -> None:
        self._document.close(True)

    def quit(self) -> None:
        # the connection may go down before the answer has come
        with contextlib.suppress(uno.getClass("com.sun.star.lang.DisposedException")):
            self._desktop.terminate()
        self._process.wait()

    def _properties(self, handler: Handler, **more: str) -> tuple[Any, ...]:
        values = {"InteractionHandler": handler, **more}
        return tuple(uno.createUnoStruct("com.sun.star.beans.PropertyValue", Name=name, Value=value) for name, value in values.items())


def main(profile: str, *who: str) -> None:
    office = Office(Path(profile), *who)
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        try:
            answer: dict[str, Any] = {"answer": getattr(office, name)(*arguments)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
