"""LibreOffice: two people open the same document from the server; the second is told who is editing it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import pytest

from tests.clients.conftest import needs
from tests.doors import WebDav
from tests.serving import Client, Serving, href

pytestmark = pytest.mark.clients

DRIVER = Path(__file__).with_name("libreoffice.py")
NAMES = {"alice": "Alice Liddell", "bob": "Bob Dodgson"}
SECONDS = 30


class Office:
    """One person's LibreOffice with a profile of its own; the methods are those of `libreoffice.Office`."""

    def __init__(self, serving: Serving, user: str, folder: Path) -> None:
        needs("soffice")
        # Debian's, because python3-uno belongs to it
        python = needs("/usr/bin/python3")
        self._log = folder / f"{user}.log"
        with self._log.open("wb") as log:
            self._driver = subprocess.Popen(
                [python, str(DRIVER), str(folder / user), user, serving.password(user), NAMES[user]],
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                env={"HOME": str(folder), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            )

    def do(self, method: str, *arguments: str) -> Any:
        assert self._driver.stdin and self._driver.stdout
        self._driver.stdin.write(json.dumps([method, *arguments]) + "\n")
        self._driver.stdin.flush()
        line = self._driver.stdout.readline()
        answer = json.loads(line or '{"error": "it ended"}')
        assert "error" not in answer, f"{method}: {answer['error']}\n{self._log.read_text(errors='replace')}"
        return answer["answer"]

    def close(self) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._driver.communicate(json.dumps(["quit"]) + "\n", timeout=SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._driver.pid, signal.SIGKILL)
        self._driver.communicate()


@pytest.fixture
def office(serving: Serving, tmp_path: Path) -> Iterator[Callable[[str], Office]]:
    """Starts the LibreOffice of a person."""
    with ExitStack() as offices:

        def start(user: str) -> Office:
            started = Office(serving, user, tmp_path)
            offices.callback(started.close)
            return started

        yield start


def owners(client: Client, path: str) -> list[str]:
    return client.propfind(path, "lockdiscovery").texts("{DAV:}owner")


def content(document: Path | IO[bytes]) -> str:
    with zipfile.ZipFile(document) as archive:
        return archive.read("content.xml").decode()


def test_the_second_person_is_told_who_is_editing(serving: Serving, office: Callable[[str], Office], tmp_path: Path, bob: Client) -> None:
    alices, bobs = office("alice"), office("bob")
    url, stored = serving.url + "contract.odt", serving.root / "contract.odt"
    alices.do("new", "first draft")
    alices.do("save_as", (tmp_path / "contract.odt").as_uri())
    alices.do("close")
    assert bob.put("/contract.odt", (tmp_path / "contract.odt").read_bytes()).status == 201

    assert alices.do("open", url) == {"read_only": False, "locked_by": None}
    assert [owner for owner in owners(bob, "/contract.odt") if "Alice Liddell" in owner]
    opened = bobs.do("open", url)
    assert opened["read_only"], opened
    assert "Alice Liddell" in opened["locked_by"], opened
    assert bobs.do("text") == "first draft"
    bobs.do("close")
    # what bob looked at was not his to unlock
    assert owners(bob, "/contract.odt")

    for text in ("second draft", "third draft"):
        alices.do("write", text)
        alices.do("save")
        assert text in content(stored)
    assert bob.put("/contract.odt", b"bob was here").status == 423
    alices.do("close")
    assert owners(bob, "/contract.odt") == []
    assert "third draft" in content(stored)

    assert bobs.do("open", url) == {"read_only": False, "locked_by": None}
    assert bobs.do("text") == "third draft"
    bobs.do("write", "bob's draft")
    bobs.do("save")
    bobs.do("close")
    assert "bob's draft" in content(stored).replace("&apos;", "'")


def test_save_as_under_a_new_and_odd_name(serving: Serving, office: Callable[[str], Office], bob: Client) -> None:
    # LibreOffice locks the new name first and then expects to find a file there (RFC 4918 7.3)
    alices = office("alice")
    name = "/Verträge & Söhne (2)/Angebot & Müller [v1].odt"
    stored = serving.root / name.strip("/")
    stored.parent.mkdir()
    alices.do("new", "first draft")
    alices.do("save_as", serving.url + href(name).strip("/"))
    assert "first draft" in content(stored)
    assert [owner for owner in owners(bob, name) if "Alice Liddell" in owner]
    alices.do("write", "second draft")
    alices.do("save")
    assert "second draft" in content(stored)
    alices.do("close")
    assert owners(bob, name) == []
    assert [entry.name for entry in stored.parent.iterdir()] == [stored.name]


def test_three_saves_and_one_check_in(serving: Serving, office: Callable[[str], Office], tmp_path: Path) -> None:
    """The story of a checkout (tests/test_stories.py), with LibreOffice as the editor of both."""
    alice, bob = WebDav(serving, "alice"), WebDav(serving, "bob")
    alices, bobs = office("alice"), office("bob")
    path, url, stored = "/contract.odt", serving.url + "contract.odt", serving.root / "contract.odt"
    alices.do("new", "as everybody knows it")
    alices.do("save_as", (tmp_path / "contract.odt").as_uri())
    alices.do("close")
    old = (tmp_path / "contract.odt").read_bytes()
    assert bob.save(path, old) == ""

    assert alice.check_out(path) == ""
    assert alices.do("open", url) == {"read_only": False, "locked_by": None}
    drafts = []
    for text in ("first draft", "second draft", "third draft"):
        alices.do("write", text)
        alices.do("save")
        drafts.append(alice.read(path))
        assert text in content(io.BytesIO(drafts[-1]))
        assert bob.read(path) == stored.read_bytes() == old
    opened = bobs.do("open", url)
    assert opened["read_only"], opened
    # he is told of one of the two: her LibreOffice, or her checkout
    assert opened["locked_by"] in ("Alice Liddell", "alice"), opened
    assert bobs.do("text") == "as everybody knows it"
    bobs.do("close")
    alices.do("close")

    # LibreOffice is closed, and still nobody else may write
    opened = bobs.do("open", url)
    assert opened["read_only"], opened
    assert "alice" in opened["locked_by"], opened
    bobs.do("close")
    assert "alice" in bob.save(path, b"bob was here")
    assert alice.save(path, drafts[1]) == ""
    assert bob.read(path) == old
    assert [each.who for each in bob.versions(path)] == ["bob"]

    assert alice.check_in(path, "as agreed") == ""
    assert bobs.do("open", url) == {"read_only": False, "locked_by": None}
    assert bobs.do("text") == "second draft"
    bobs.do("close")
    assert [(each.number, each.who, each.comment) for each in bob.versions(path)] == [(1, "bob", ""), (2, "alice", "as agreed")]
    assert [bob.read_version(each) for each in bob.versions(path)] == [old, drafts[1]]

    assert alice.check_out(path) == ""
    assert alices.do("open", url) == {"read_only": False, "locked_by": None}
    alices.do("write", "fourth draft")
    alices.do("save")
    alices.do("close")
    assert alice.undo(path) == ""
    assert bob.read(path) == alice.read(path) == drafts[1]
    (rescued,) = alice.rescued(path)
    assert "fourth draft" in content(io.BytesIO(rescued))
    assert len(bob.versions(path)) == 2
