"""What happens between the steps of a combined request, at moments that no client can choose: so without a socket."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from davlock import paths
from davlock.dav import properties
from davlock.dav.answers import Answer
from davlock.dav.door import WebDavDoor
from davlock.dav.reading import Announced
from davlock.dav.requests import Request
from davlock.documents import Tree
from davlock.errors import Unavailable
from davlock.library import Library
from davlock.model import Caller, Kind, Wanted
from davlock.state.sqlite import SqliteState


@dataclass
class Place:
    """A library, and what is done in it."""

    library: Library

    def save(self, content: bytes) -> None:
        self.library.write(paths.parse("/a.odt"), io.BytesIO(content), None, Caller("bob"))

    def get(self, **headers: str) -> tuple[Answer, bytes]:
        """What alice gets, with the properties, and what she reads of it."""
        environ = {"REQUEST_METHOD": "GET", "REQUEST_URI": "/a.odt", "HTTP_HOST": "here", "davlock.principal": "alice"}
        environ |= {"HTTP_X_MSDAVEXT": "PROPFIND", **{f"HTTP_{name}": value for name, value in headers.items()}}
        answer = WebDavDoor(self.library, Announced(combined_requests=True)).answer(Request(environ, True))
        body = b"".join(answer.body)
        answer.close()
        return answer, body


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    tree = Tree(tmp_path)
    tree.private.mkdir()
    place = Place(Library(SqliteState(tree.private / "state.db"), tree))
    place.save(b"first")
    yield place
    place.library.close()


def before_each(monkeypatch: pytest.MonkeyPatch, library: Library, method: str, *actions: Callable[[], object]) -> None:
    """Lets something happen just before each of the next calls of a method of the library."""
    waiting, called = list(actions), getattr(library, method)

    def meanwhile(*args: Any) -> Any:
        if waiting:
            waiting.pop(0)()
        return called(*args)

    monkeypatch.setattr(library, method, meanwhile)


def test_what_is_read_is_what_is_locked(monkeypatch: pytest.MonkeyPatch, place: Place) -> None:
    """Else whoever has got the lock would write over what he has never seen."""
    before_each(monkeypatch, place.library, "lock", lambda: place.save(b"second"), lambda: place.save(b"third"))
    answer, body = place.get(X_MSDAVEXTLOCKTIMEOUT="Second-600")
    assert (answer.status, body[-21:]) == (200, b"0000000000000005third")
    (lock,) = place.library.all_locks()
    assert lock.token.encode() in body


def test_what_vanishes_before_it_is_locked_is_not_made_again(monkeypatch: pytest.MonkeyPatch, place: Place) -> None:
    before_each(monkeypatch, place.library, "lock", lambda: place.library.delete("/a.odt", Caller("bob")))
    answer, _ = place.get(X_MSDAVEXTLOCKTIMEOUT="Second-600")
    assert (answer.status, place.library.look("/a.odt", "alice"), place.library.all_locks()) == (404, None, [])


def test_what_is_saved_all_the_time_is_not_locked(monkeypatch: pytest.MonkeyPatch, place: Place) -> None:
    before_each(monkeypatch, place.library, "lock", *[lambda: place.save(b"again")] * 1000)
    open_files = len(os.listdir("/proc/self/fd"))
    answer, _ = place.get(X_MSDAVEXTLOCKTIMEOUT="Second-600")
    assert (answer.status, place.library.all_locks()) == (503, [])
    assert len(os.listdir("/proc/self/fd")) == open_files


@pytest.mark.parametrize(("method", "seconds"), [("lock", 600), ("refresh", 600), ("unlock", 0)])
def test_the_if_header_holds_when_the_lock_is_decided_on(monkeypatch: pytest.MonkeyPatch, place: Place, method: str, seconds: int) -> None:
    alice, wanted = Caller("alice"), Wanted(Kind.LOCK, "/other.odt", timeout=100)
    condition = place.library.lock(paths.parse("/other.odt"), wanted, alice).lock
    sent = {"X_MSDAVEXTLOCKTIMEOUT": f"Second-{seconds}", "IF": f"</other.odt> (<{condition.token}>)"}
    if method != "lock":
        mine = place.library.lock(paths.parse("/a.odt"), replace(wanted, path="/a.odt"), alice).lock
        sent["LOCK_TOKEN"] = f"<{mine.token}>"
    end = place.library.unlock
    before_each(monkeypatch, place.library, method, lambda: end("/other.odt", condition.token, alice))
    answer, _ = place.get(**sent)
    assert answer.status == 412
    assert place.library.all_locks() == ([] if method == "lock" else [mine])


def test_a_lock_does_not_stay_behind_if_the_properties_cannot_be_had(monkeypatch: pytest.MonkeyPatch, place: Place) -> None:
    def fail(*_: object) -> None:
        assert len(place.library.all_locks()) == 1
        raise Unavailable("Not now.")

    monkeypatch.setattr(properties, "listing", fail)
    answer, _ = place.get(X_MSDAVEXTLOCKTIMEOUT="Second-600")
    assert (answer.status, place.library.all_locks()) == (503, [])
