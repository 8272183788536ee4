"""What Office and Explorer look for in headers (MS-WDV, MS-WDVSE, MS-WDVME, MS-OCPROTO): why something was refused, and what there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.dav.stories import proppatch, refused, setting, transfer
from tests.serving import Answer, Client, Raw, Serving, lockinfo

MOMENT = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
CHECKED_OUT, NO_FILE, NO_FOLDER, EXISTS, DENIED, LACKS, SYNTAX = 589838, 589830, 589831, 589826, 1966082, 1966086, 262150


def told(answer: Answer) -> tuple[int, str]:
    """The number and the text of the header, taken apart as a client does it."""
    assert answer.status >= 400 or answer.status == 207, answer
    (value,) = answer.headers.get_all("X-MSDAVEXT_ERROR") or [""]
    found = re.fullmatch(r"([1-9][0-9]*); ((?:[A-Za-z0-9._~-]|%[0-9A-F]{2})+)", value)
    assert found, value
    return int(found[1]), unquote(found[2], errors="strict")


def writes(client: Client, document: str, folder: str) -> Iterator[tuple[str, Answer]]:
    """Everything that changes a document, or a folder with it."""
    yield "PUT", client.put(document, b"his")
    yield "PROPPATCH", proppatch(client, document, setting("<Z:a>1</Z:a>"))
    yield "LOCK", client.request("LOCK", document, lockinfo("bob"), Depth="0")
    yield "DELETE", client.request("DELETE", document)
    yield "MOVE", transfer(client, "MOVE", document, f"{folder}/other.odt")
    yield "COPY", transfer(client, "COPY", f"{folder}/source.odt", document)
    yield "CHECKOUT", client.request("CHECKOUT", document)


def test_whoever_is_second_is_told_the_holder_and_the_expiry(alice: Client, bob: Client, folder: str, document: str) -> None:
    alice.put(f"{folder}/source.odt", b"")
    token = alice.lock(document)
    for method, answer in writes(bob, document, folder):
        number, text = told(answer)
        assert (answer.status, number) == (423, CHECKED_OUT), method
        assert re.match(rf"report\.odt is locked by alice since {MOMENT} until {MOMENT}, through WebDAV\. ", text), method
        assert text == refused(answer).message, method
    assert told(bob.unlock(document, token))[0] == CHECKED_OUT
    assert alice.get(document).body == b"old"


def test_a_checkout_is_refused_in_the_same_way(alice: Client, bob: Client, folder: str, document: str) -> None:
    alice.put(f"{folder}/source.odt", b"")
    assert alice.request("CHECKOUT", document).status == 200
    for method, answer in writes(bob, document, folder):
        number, text = told(answer)
        assert (answer.status, number) == (423, CHECKED_OUT), method
        assert re.match(rf"report\.odt is checked out by alice since {MOMENT}, through WebDAV\. Ask alice to check it in\.", text), method
    for method in ("CHECKIN", "UNCHECKOUT"):
        assert told(bob.request(method, document))[0] == CHECKED_OUT, method


def test_a_folder_with_something_locked_in_it(alice: Client, bob: Client, folder: str, document: str) -> None:
    alice.lock(document)
    for answer in (bob.request("DELETE", folder), transfer(bob, "MOVE", folder, f"{folder}-2"), bob.request("LOCK", folder, lockinfo("b"))):
        assert answer.status == 207
        number, text = told(answer)
        assert (number, text.partition(" is locked by alice since ")[0]) == (CHECKED_OUT, "report.odt")


def test_a_name_of_any_kind_can_be_told(alice: Client, bob: Client, folder: str) -> None:
    path = f'{folder}/Übersicht "50 %"; <b>😀\u200b.odt'
    alice.put(path, b"")
    alice.lock(path)
    answer = bob.put(path, b"")
    assert told(answer)[1].startswith('Übersicht "50 %"; <b>😀\u200b.odt is locked by alice since')
    assert answer.headers["X-MSDAVEXT_ERROR"].isascii()


def test_why_else_a_write_is_refused(alice: Client, folder: str, document: str) -> None:
    stale = '"no-such-etag"'
    for status, number, answer in (
        (404, NO_FILE, alice.request("DELETE", f"{folder}/missing")),
        (404, NO_FILE, transfer(alice, "MOVE", f"{folder}/missing", f"{folder}/x")),
        (409, NO_FOLDER, alice.put(f"{folder}/missing/x", b"")),
        (405, EXISTS, alice.request("MKCOL", folder)),
        (412, EXISTS, transfer(alice, "COPY", document, document + "2", If_Match=stale)),
        (412, EXISTS, alice.put(document, b"new", If_Match=stale)),
        (412, EXISTS, alice.put(document, b"new", If_None_Match="*")),
        (403, DENIED, alice.put("/.davlock/x", b"")),
        (403, DENIED, alice.request("MKCOL", "/_vti_bin")),
        (403, DENIED, transfer(alice, "MOVE", folder, f"{folder}/below")),
        (409, 589839, alice.request("CHECKIN", document)),
        (409, 589839, alice.request("UNCHECKOUT", document)),
        (409, 589886, alice.unlock(document, "urn:uuid:00000000-0000-4000-8000-000000000000")),
        (412, 589886, alice.request("LOCK", document, If="(Not <urn:uuid:00000000-0000-4000-8000-000000000000>)")),
        (400, 589936, alice.request("PUT", Raw("/a%00b"), b"")),
        (400, SYNTAX, alice.request("LOCK", document, "<x", Content_Type="application/xml")),
        (400, SYNTAX, transfer(alice, "COPY", document, f"{folder}/x", Depth="seven")),
        (405, LACKS, alice.request("PATCH", document, b"x")),
        (415, LACKS, alice.put(document, b"x", Content_Encoding="gzip")),
        (415, LACKS, alice.request("MKCOL", f"{folder}/x", b"x")),
        (207, DENIED, proppatch(alice, document, setting("<D:getetag>x</D:getetag>"))),
        (207, 589839, proppatch(alice, document, setting("<D:comment>x</D:comment>"))),
    ):
        assert answer.status == status, answer
        found, text = told(answer)
        assert found == number, (status, text)
        assert re.fullmatch(r".{20,}[.]", text), text
    assert alice.get(document).body == b"old"


def test_a_version_that_is_written_to(alice: Client, document: str) -> None:
    alice.put(document, b"new")
    (href,) = alice.propfind(document, "checked-in").xml().iterfind(".//{DAV:}checked-in/{DAV:}href")
    for method in ("PUT", "LOCK", "DELETE", "MOVE", "PROPPATCH"):
        answer = alice.request(method, href.text or "")
        assert (answer.status, told(answer)[0]) == (403, DENIED), method
    assert told(alice.request("CHECKOUT", href.text or ""))[0] == LACKS


def test_what_succeeds_and_what_only_reads_has_no_such_header(alice: Client, bob: Client, folder: str, document: str) -> None:
    alice.lock(document)
    for answer in (
        bob.get(document),
        bob.get(f"{folder}/missing"),
        bob.request("HEAD", f"{folder}/missing"),
        bob.request("PROPFIND", f"{folder}/missing", Depth="0"),
        bob.request("PROPFIND", folder, Depth="infinity"),
        bob.request("OPTIONS", document),
        bob.put(f"{folder}/new", b""),
        proppatch(bob, f"{folder}/new", setting("<Z:a>1</Z:a>")),
    ):
        assert "X-MSDAVEXT_ERROR" not in answer.headers, answer


def test_what_is_too_large_is_told(tmp_path: Path) -> None:
    (tmp_path / "davlock.yaml").write_text("{root: root, documents: {max_upload_bytes: 10}}")
    with Serving(tmp_path / "root", "--config", str(tmp_path / "davlock.yaml"), users=("alice",)) as serving:
        answer = Client(serving, "alice").put("/a.doc", b"x" * 11)
        assert (answer.status, told(answer)[0]) == (413, 393226)


def test_office_is_told_how_to_save(alice: Client, serving: Serving, folder: str, document: str) -> None:
    for client in (alice, Client(serving)):
        for path in ("/", folder, document):
            headers = client.request("OPTIONS", path, User_Agent="Microsoft Office Protocol Discovery").headers
            assert headers["MS-Author-Via"] == "DAV"
            assert headers["DocumentManagementServer"] == "Source Control; Version History;"
            # They would oblige to what is not done here.
            assert not {"X-MSDAVEXT", "X-MSFSSHTTP", "MicrosoftSharePointTeamServices", "Public-Extension"} & set(headers.keys())


def test_combined_requests_are_off_by_default(alice: Client, bob: Client, folder: str, document: str) -> None:
    """Their headers mean nothing then, whatever is in them."""
    for method in ("GET", "HEAD", "POST"):
        for token in (None, "<urn:uuid:00000000-0000-4000-8000-000000000000>", "nonsense"):
            for time in ("Second-600", "Second-0", "nonsense"):
                answer = alice.request(method, document, X_MSDAVEXT="PROPFIND", X_MSDAVEXTLockTimeout=time, Lock_Token=token, Translate="f")
                assert answer.status == (405 if method == "POST" else 200)
                assert answer.headers["Content-Type"] != "multipart/MSDAVEXTPrefixEncoded"
                assert not {"Lock-Token", "X-MSDAVEXTLockTimeout"} & set(answer.headers.keys())
    assert alice.get(document, X_MSDAVEXT="PROPFIND").body == b"old"
    missing = alice.get(f"{folder}/missing", X_MSDAVEXTLockTimeout="Second-600")
    assert (missing.status, "X-MSDAVEXT_ERROR" in missing.headers) == (404, False)
    sent = {"X_MSDAVEXT": "PROPPATCH", "Content_Type": "multipart/MSDAVEXTPrefixEncoded", "X_MSDAVEXTLockTimeout": "Second-600"}
    answer = alice.put(document, b"0000000000000003new", "", **sent, Lock_Token="nonsense")
    assert (answer.status, "Lock-Token" in answer.headers) == (204, False)
    assert alice.get(document).body == b"0000000000000003new"
    assert bob.request("DELETE", document, X_MSDAVEXTLockTimeout="Second-600").status == 204, "nothing is locked"


@pytest.mark.parametrize(
    ("configured", "author_via", "management"),
    [
        ("{root: root, webdav: {ms_author_via: 'MS-FP/4.0,DAV'}}", "MS-FP/4.0,DAV", "Source Control; Version History;"),
        ("{root: root, webdav: {ms_author_via: 'DAV,MS-FP/4.0', document_management: false}}", "DAV,MS-FP/4.0", None),
        ("{root: root, versions: {semantics: Locking}}", "DAV", "Source Control;"),
        ("{root: root, versions: {semantics: None}}", "DAV", None),
    ],
)
def test_what_office_is_told_is_configured(tmp_path: Path, configured: str, author_via: str, management: str | None) -> None:
    (tmp_path / "davlock.yaml").write_text(configured)
    with Serving(tmp_path / "root", "--config", str(tmp_path / "davlock.yaml"), users=("alice",)) as serving:
        headers = Client(serving).request("OPTIONS", "/").headers
        assert (headers["MS-Author-Via"], headers["DocumentManagementServer"]) == (author_via, management)
