"""Every refusal tells a person what happened and what to do, and a program which condition of RFC 4918 §16 failed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.dav.stories import DAV, locks_on, proppatch, refused, setting, transfer
from tests.serving import Answer, Client, Raw, Serving, lockinfo

MOMENT = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"


def message(answer: Answer) -> str:
    """What a person reads."""
    if answer.headers["Content-Type"].startswith("text/plain"):
        return answer.body.decode().strip()
    return " ".join(answer.texts("{urn:davlock:}message") + answer.texts(f"{DAV}responsedescription"))


def test_a_refused_write_names_holder_since_until_door_and_what_to_do(alice: Client, bob: Client, document: str) -> None:
    alice.lock(document)
    answer = bob.put(document, b"his")
    assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
    assert (refused(answer).condition, refused(answer).paths) == ("lock-token-submitted", [document])
    told = rf"report\.odt is locked by alice since {MOMENT} until {MOMENT}, through WebDAV\. "
    todo = r"Ask alice to close it, or try again after that time\. Nothing was changed\."
    assert re.fullmatch(told + todo, refused(answer).message)


def test_the_times_are_those_of_the_lock(alice: Client, bob: Client, document: str) -> None:
    alice.lock(document)
    (active,) = locks_on(bob, document)
    assert f"since {active.since.replace('T', ' ').replace('Z', ' UTC')} until" in refused(bob.put(document, b"")).message


def test_ones_own_lock_in_another_program_is_called_so(alice: Client, document: str) -> None:
    alice.lock(document)
    said = refused(alice.put(document, b"new")).message
    assert re.match(rf"report\.odt is locked by yourself, in another program or window, since {MOMENT} until", said)
    assert "Close it there, or send its lock token, or try again after that time." in said


def test_somebody_elses_lock_is_told_before_ones_own(alice: Client, bob: Client, document: str) -> None:
    alice.lock(document, shared=True)
    bob.lock(document, shared=True)
    said = refused(alice.request("LOCK", document, lockinfo("alice"), Depth="0")).message
    assert "locked by bob" in said


def test_the_lock_of_a_folder_is_called_that_of_a_folder(alice: Client, bob: Client, folder: str, document: str) -> None:
    alice.lock(folder, depth="infinity")
    said = refused(bob.put(document, b"")).message
    assert said.startswith(f"The folder {folder[1:]} is locked by alice since")


def test_a_name_with_markup_is_escaped(alice: Client, bob: Client, folder: str) -> None:
    path = f'{folder}/<b>&"x'
    alice.lock(path)
    answer = bob.put(path, b"")
    assert refused(answer).paths == [path]
    assert refused(answer).message.startswith('<b>&"x is locked by alice')
    assert b"<b>" not in answer.body


def test_the_conditions(alice: Client, bob: Client, folder: str, document: str) -> None:
    assert refused(alice.propfind(folder, depth="infinity")).condition == "propfind-finite-depth"
    assert refused(alice.unlock(document, "urn:uuid:none")).condition == "lock-token-matches-request-uri"
    assert b"<D:cannot-modify-protected-property/>" in proppatch(alice, document, setting("<D:getetag>x</D:getetag>")).body
    alice.lock(document)
    assert refused(bob.put(document, b"")).condition == "lock-token-submitted"
    assert refused(bob.request("LOCK", document, lockinfo("bob"), Depth="0")).condition == "no-conflicting-lock"


def every_refusal(alice: Client, bob: Client, folder: str, disk: Path) -> dict[str, Answer]:
    """One of each kind of refusal, by what was asked."""
    for name in ("locked", "free", "tree/locked", "tree/free"):
        (disk / name).parent.mkdir(exist_ok=True)
        (disk / name).write_bytes(b"0123456789")
    (disk / "link").symlink_to("free")
    token = alice.lock(f"{folder}/locked")
    alice.lock(f"{folder}/tree/locked")
    at = f"{folder}/"
    return {
        "PUT locked": bob.put(at + "locked", b""),
        "PUT own": alice.put(at + "locked", b""),
        "LOCK locked": bob.request("LOCK", at + "locked", lockinfo("bob"), Depth="0"),
        "LOCK tree": bob.request("LOCK", at + "tree", lockinfo("bob")),
        "LOCK depth 1": bob.request("LOCK", at + "free", lockinfo("bob"), Depth="1"),
        "LOCK empty": bob.request("LOCK", at + "free"),
        "LOCK no parent": bob.request("LOCK", at + "no/free", lockinfo("bob")),
        "LOCK new with slash": bob.request("LOCK", at + "new/", lockinfo("bob")),
        "LOCK no XML": bob.request("LOCK", at + "free", "x"),
        "LOCK DOCTYPE": bob.request("LOCK", at + "free", "<!DOCTYPE a><a/>"),
        "LOCK long": bob.request("LOCK", at + "free", "x" * 300_000),
        "refresh other": bob.request("LOCK", at + "locked", If=f"(<{token}>)"),
        "refresh none": bob.request("LOCK", at + "locked", If="(<urn:uuid:x>)"),
        "refresh ended": bob.request("LOCK", at + "locked", If="(<urn:uuid:x>) (Not <DAV:no-lock>)"),
        "UNLOCK other": bob.unlock(at + "locked", token),
        "UNLOCK none": bob.unlock(at + "locked", "urn:uuid:x"),
        "UNLOCK without": bob.request("UNLOCK", at + "locked"),
        "UNLOCK body": bob.request("UNLOCK", at + "locked", b"x", Lock_Token=f"<{token}>"),
        "DELETE tree": bob.request("DELETE", at + "tree"),
        "DELETE none": bob.request("DELETE", at + "no"),
        "DELETE root": bob.request("DELETE", "/"),
        "DELETE depth 0": bob.request("DELETE", at + "tree", Depth="0"),
        "MKCOL there": bob.request("MKCOL", at + "free"),
        "MKCOL no parent": bob.request("MKCOL", at + "no/no"),
        "MKCOL body": bob.request("MKCOL", at + "new", b"x"),
        "PUT folder": bob.put(at, b""),
        "PUT slash": bob.put(at + "new/", b""),
        "PUT part": bob.put(at + "new", b"", Content_Range="bytes 0-1/2"),
        "PUT gzip": bob.put(at + "new", b"", Content_Encoding="gzip"),
        "PUT If": bob.put(at + "free", b"", If='(["x"])'),
        "PUT bad If": bob.put(at + "free", b"", If="x"),
        "PUT If-Match": bob.put(at + "free", b"", If_Match='"x"'),
        "PUT bad If-Match": bob.put(at + "free", b"", If_Match="x"),
        "PUT NUL": bob.put(Raw(at + "%00"), b""),
        "PUT dots": bob.put(Raw(at + "../x"), b""),
        "PUT not UTF-8": bob.put(Raw(at + "%ff"), b""),
        "PUT long name": bob.put(at + "x" * 300, b""),
        "PUT long path": bob.put(at + "/".join(["x" * 200] * 20), b""),
        "PUT deep": bob.put(at + "x/" * 200 + "y", b""),
        "PUT private": bob.put("/.davlock/x", b""),
        "PUT reserved": bob.put("/_vti_bin/x", b""),
        "PUT percent": bob.put(Raw(at + "%zz"), b""),
        "PUT link": bob.put(at + "link", b""),
        "GET none": bob.get(at + "no"),
        "GET link": bob.get(at + "link"),
        "GET If-Match": bob.get(at + "free", If_Match='"x"'),
        "GET range": bob.get(at + "free", Range="bytes=99-"),
        "COPY onto locked": transfer(bob, "COPY", at + "free", at + "locked"),
        "COPY onto tree": transfer(bob, "COPY", at + "free", at + "tree"),
        "COPY nowhere": bob.request("COPY", at + "free"),
        "COPY elsewhere": bob.request("COPY", at + "free", Destination="http://elsewhere.example/x"),
        "COPY itself": transfer(bob, "COPY", at + "free", at + "free"),
        "COPY overwrite": transfer(bob, "COPY", at + "free", at + "tree", Overwrite="F"),
        "COPY no parent": transfer(bob, "COPY", at + "free", at + "no/x"),
        "COPY bad overwrite": transfer(bob, "COPY", at + "free", at + "x", Overwrite="x"),
        "MOVE tree": transfer(bob, "MOVE", at + "tree", at + "moved"),
        "PROPFIND infinity": bob.propfind(at, depth="infinity"),
        "PROPFIND none": bob.propfind(at + "no"),
        "PROPFIND depth": bob.propfind(at, depth="2"),
        "PROPPATCH locked": proppatch(bob, at + "locked", setting("<D:getetag/>")),
        "PROPPATCH none": proppatch(bob, at + "no", setting("<Z:a/>")),
        "POST": bob.request("POST", at, b"x"),
    }


def test_every_refusal_is_a_sentence_for_a_person(serving: Serving, alice: Client, bob: Client, folder: str, disk: Path) -> None:
    refusals = every_refusal(alice, bob, folder, disk)
    for asked, answer in refusals.items():
        said = message(answer)
        print(f"{answer.status} {asked:20} {said}")
        assert 400 <= answer.status < 500 or answer.status == 207 or (asked, answer.status) == ("COPY elsewhere", 502), asked
        assert re.match(r"[A-Z0-9a-z].{15,}[.]$", said), (asked, said)
        assert str(serving.root) not in said and "Traceback" not in said and "Errno" not in said, (asked, said)
        assert answer.headers["X-Content-Type-Options"] == "nosniff", asked
        assert (answer.status == 405) is ("Allow" in answer.headers), asked


@pytest.mark.parametrize("path", ["/_vti_bin/webs.asmx", "/x/_vti_bin/lists.asmx", "/_vti_inf.html/x"])
def test_what_explorer_and_office_probe_is_simply_not_there(alice: Client, path: str) -> None:
    for method in ("GET", "HEAD", "POST", "PROPFIND"):
        assert alice.request(method, path).status == 404
