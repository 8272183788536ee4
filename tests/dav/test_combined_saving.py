"""Documents saved together with their properties, and locked by that (MS-WDV 2.2.5, 3.2.5.2, 3.2.5.5)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.dav.multipart import CHECKED_OUT, NO_SUCH_CHECKOUT, NOBODYS, TYPE, colour, joined, lock_of, save, size, told, unchanged, update
from tests.dav.stories import Wire, locks_on, properties, proppatch, refused, say, setting, transfer
from tests.serving import Answer, Client, Serving

GREEN, RED = update("<Z:colour>green</Z:colour>"), update("<Z:colour>red</Z:colour>")
WIN32 = update(
    "<W:Win32CreationTime>Wed, 20 Jun 2007 20:29:23 GMT</W:Win32CreationTime><W:Win32FileAttributes>00000020</W:Win32FileAttributes>"
)
GOOD = joined(RED, b"new")
PROPERTIES = size(len(RED)) + RED
MULTIPART = ("X-MSDAVEXT: PROPPATCH", f"Content-Type: {TYPE}")


@pytest.fixture(scope="module")
def serving(combining: Serving) -> Serving:
    return combining


def versions(client: Client, path: str) -> int:
    """How many versions a document has."""
    answer = client.request("REPORT", path, '<D:version-tree xmlns:D="DAV:"><D:prop><D:version-name/></D:prop></D:version-tree>')
    return len(properties(answer))


# the table: neither


def test_a_put_without_any_of_it_is_a_put(alice: Client, document: str) -> None:
    answer = alice.put(document, b"new", "", Content_Type="application/msword")
    assert (answer.status, lock_of(answer), alice.get(document).body) == (204, (None, 0), b"new")
    token = alice.lock(document)
    assert alice.put(document, b"newer").status == 423, "RFC 4918 §9.7: it is locked, and no token is submitted"
    assert alice.put(document, b"newer", token).status == 204


# the table: Lock-Token, but no time


@pytest.mark.parametrize("form", ["<{}>", "{}"])
def test_a_token_is_what_the_document_is_written_under(alice: Client, document: str, form: str) -> None:
    token = alice.lock(document, timeout="Second-1000")
    answer = alice.put(document, b"new", "", Lock_Token=form.format(token))
    found, seconds = lock_of(answer)
    assert (answer.status, found, 900 < seconds <= 1000) == (204, token, True)
    assert (alice.get(document).body, [lock.token for lock in locks_on(alice, document)]) == (b"new", [token])


def test_a_token_of_nobody_fails(alice: Client, bob: Client, folder: str, document: str) -> None:
    for time in (None, "Second-600", "Second-0"):
        for path in (document, f"{folder}/new.odt"):
            answer = alice.put(path, b"new", "", Lock_Token=f"<{NOBODYS}>", X_MSDAVEXTLockTimeout=time)
            assert (answer.status, told(answer)[0]) == (412, NO_SUCH_CHECKOUT)
    assert alice.get(f"{folder}/new.odt").status == 404
    token = bob.lock(document, timeout="Second-100")
    for sent in (NOBODYS, token):
        for time in (None, "Second-600", "Second-0"):
            answer = alice.put(document, b"new", "", Lock_Token=f"<{sent}>", X_MSDAVEXTLockTimeout=time)
            assert (answer.status, told(answer)[0], lock_of(answer)) == (423, CHECKED_OUT, (None, 0))
            assert told(answer)[1].startswith("report.odt is locked by bob")
    (lock,) = locks_on(bob, document)
    assert (alice.get(document).body, lock.token, lock.seconds <= 100) == (b"old", token, True)


def test_the_shared_lock_of_another_is_nothing_to_write_under(alice: Client, bob: Client, document: str) -> None:
    his, mine = bob.lock(document, shared=True), alice.lock(document, shared=True)
    for time in (None, "Second-600", "Second-0"):
        answer = alice.put(document, b"new", mine, Lock_Token=f"<{his}>", X_MSDAVEXTLockTimeout=time)
        assert (answer.status, told(answer)[0]) == (412, CHECKED_OUT)
        assert told(answer)[1].startswith("report.odt is locked by bob")
    assert (alice.get(document).body, len(locks_on(alice, document))) == (b"old", 2)


def test_a_token_must_make_sense_and_agree_with_the_if_header(alice: Client, document: str) -> None:
    token = alice.lock(document)
    assert alice.put(document, b"new", "", Lock_Token="nonsense").status == 400
    assert alice.put(document, b"new", NOBODYS, Lock_Token=f"<{token}>").status == 412
    assert alice.put(document, b"new", "", Lock_Token=f"<{token}>", If_Match='"other"').status == 412
    assert alice.get(document).body == b"old"
    assert alice.put(document, b"new", token, Lock_Token=f"<{token}>").status == 204


# the table: a time, but no token


def test_a_time_takes_a_lock_with_the_content(alice: Client, bob: Client, folder: str, document: str) -> None:
    for path, status in ((document, 204), (f"{folder}/new.odt", 201)):
        answer = alice.put(path, b"new", "", X_MSDAVEXTLockTimeout="Second-3600")
        token, seconds = lock_of(answer)
        assert (answer.status, seconds > 3500, alice.get(path).body) == (status, True, b"new")
        (lock,) = locks_on(bob, path)
        assert (lock.holder, lock.scope, lock.depth, lock.root) == ("alice", "exclusive", "0", path)
        assert bob.put(path, b"his").status == 423
        assert alice.put(path, b"newer", token or "").status == 204


def test_what_one_session_writes_is_one_version_the_first_write_too(alice: Client, folder: str) -> None:
    path = f"{folder}/new.odt"
    token, _ = lock_of(alice.put(path, b"", "", X_MSDAVEXTLockTimeout="Second-600"))  # as Windows makes documents
    alice.put(path, b"content", token or "")
    assert versions(alice, path) == 1


def test_what_is_locked_already_is_refused_and_the_holder_named(alice: Client, bob: Client, folder: str, document: str) -> None:
    token = bob.lock(document)
    for client, holder in ((alice, "bob"), (bob, "yourself")):
        answer = client.put(document, b"new", "", X_MSDAVEXTLockTimeout="Second-600")
        assert (answer.status, told(answer)[0], lock_of(answer)) == (423, CHECKED_OUT, (None, 0))
        assert told(answer)[1].startswith(f"report.odt is locked by {holder}")
    # He may write under it, but not have another one.
    answer = bob.put(document, b"new", token, X_MSDAVEXTLockTimeout="Second-600")
    assert (answer.status, refused(answer).condition) == (423, "no-conflicting-lock")
    assert bob.get(document).body == b"old"
    bob.unlock(document, token)
    bob.lock(folder, depth="infinity", shared=True)
    assert alice.put(f"{folder}/new.odt", b"new", "", X_MSDAVEXTLockTimeout="Second-600").status == 423
    assert alice.get(f"{folder}/new.odt").status == 404


def test_nothing_can_be_ended_without_a_token(alice: Client, folder: str, document: str) -> None:
    for path in (document, f"{folder}/new.odt"):
        assert alice.put(path, b"new", "", X_MSDAVEXTLockTimeout="Second-0").status == 400
    assert (alice.get(document).body, alice.get(f"{folder}/new.odt").status) == (b"old", 404)


def test_a_put_that_fails_takes_renews_and_ends_no_lock(alice: Client, folder: str, document: str) -> None:
    token = alice.lock(f"{folder}/locked.odt", timeout="Second-100")
    for status, headers in (
        (412, {"If_Match": '"other"'}),
        (412, {"If": '(["other"])'}),
        (400, {"Content_Range": "bytes 0-2/9"}),
        (415, {"Content_Encoding": "gzip"}),
    ):
        assert alice.put(document, b"new", "", X_MSDAVEXTLockTimeout="Second-600", **headers).status == status
        assert locks_on(alice, document) == []
        for time in ("Second-0", "Second-600"):
            sent = {"X_MSDAVEXTLockTimeout": time, "Lock_Token": f"<{token}>"}
            assert alice.put(f"{folder}/locked.odt", b"new", "", **headers, **sent).status == status
    assert alice.put(f"{folder}/missing/x", b"new", "", X_MSDAVEXTLockTimeout="Second-600").status == 409
    assert alice.put(folder, b"new", "", X_MSDAVEXTLockTimeout="Second-600").status == 405
    assert alice.put(f"{document}/", b"new", "", X_MSDAVEXTLockTimeout="Second-600").status == 405
    (lock,) = locks_on(alice, f"{folder}/locked.odt")
    assert (lock.token, lock.seconds <= 100, alice.get(document).body) == (token, True, b"old")
    assert locks_on(alice, folder) == []


# the table: both


def test_both_renew_the_lock_or_end_it(alice: Client, bob: Client, document: str) -> None:
    token = alice.lock(document, timeout="Second-100")
    answer = alice.put(document, b"new", "", X_MSDAVEXTLockTimeout="Second-3600", Lock_Token=f"<{token}>")
    assert (answer.status, lock_of(answer)[0], lock_of(answer)[1] > 3500) == (204, token, True)
    (lock,) = locks_on(alice, document)
    assert (lock.token, lock.seconds > 3500) == (token, True)
    answer = alice.put(document, b"newer", "", X_MSDAVEXTLockTimeout="Second-0", Lock_Token=f"<{token}>")
    assert (answer.status, lock_of(answer), locks_on(alice, document)) == (204, (None, 0), [])
    assert (alice.get(document).body, versions(alice, document)) == (b"newer", 2)
    assert bob.put(document, b"his").status == 204


# with properties


@pytest.mark.parametrize("headers", [{}, {"X_MSDAVEXT": None}, {"X_MSDAVEXT": "proppatch", "Content_Type": TYPE.lower() + "; x=y"}])
def test_properties_and_content_are_stored_together(alice: Client, folder: str, document: str, headers: dict[str, str | None]) -> None:
    for path, status in ((document, 204), (f"{folder}/new.odt", 201)):
        answer = save(alice, path, GREEN, b"new", **headers)
        assert (answer.status, answer.body, lock_of(answer)) == (status, b"", (None, 0))
        assert (alice.get(path).body, colour(alice, path)) == (b"new", "green")
        assert answer.headers["ETag"] == alice.get(path).headers["ETag"]
    assert save(alice, document, RED, b"", **headers).status == 204
    assert (alice.get(document).body, colour(alice, document)) == (b"", "red")
    assert save(alice, document, RED.replace(b"D:set", b"D:remove"), b"x", **headers).status == 204
    assert (alice.get(document).body, colour(alice, document)) == (b"x", None)


def test_all_three_as_in_the_example_of_the_specification(alice: Client, bob: Client, folder: str) -> None:
    path = f"{folder}/Copy of Folder.rtf"
    answer = save(alice, path, WIN32, b"this is a text file", X_MSDAVEXTLockTimeout="Second-3600", Translate="f")
    token, seconds = lock_of(answer)
    assert (answer.status, answer.headers["Content-Length"], seconds > 3500) == (201, "0", True)
    found = alice.propfind(path).xml()
    assert found.findtext(".//{urn:schemas-microsoft-com:}Win32FileAttributes") == "00000020"
    assert bob.put(path, b"his").status == 423
    answer = save(alice, path, GREEN, b"new", X_MSDAVEXTLockTimeout="Second-0", Lock_Token=f"<{token}>")
    assert (answer.status, locks_on(alice, path), alice.get(path).body, colour(alice, path)) == (204, [], b"new", "green")


def test_what_a_lock_refuses_changes_no_property_either(alice: Client, bob: Client, document: str, etag: str) -> None:
    bob.lock(document)
    for answer in (save(alice, document, RED, b"new"), save(alice, document, RED, b"new", X_MSDAVEXTLockTimeout="Second-600")):
        assert (answer.status, told(answer)[0]) == (423, CHECKED_OUT)
        assert "bob" in told(answer)[1]
    unchanged(alice, document, etag)


def too_many(client: Client, path: str) -> bytes:
    """Properties that are one too many for a document, which has got most of them."""
    values = [f"<Z:p{number}>{'x' * 250_000}</Z:p{number}>" for number in range(5)]
    for value in values[:4]:
        assert proppatch(client, path, setting(value)).status == 207
    return update(values[4])


@pytest.mark.parametrize("time", [None, "Second-600"])
def test_if_the_properties_are_refused_nothing_is_stored(
    alice: Client, folder: str, document: str, disk: Path, etag: str, time: str | None
) -> None:
    surplus = too_many(alice, document)
    before = versions(alice, document)
    for path in (document, f"{folder}/new.odt"):
        for status, number, refused_ones in (
            (403, 1966082, update("<Z:colour>red</Z:colour><D:getetag>x</D:getetag>")),
            (409, 589839, update("<Z:colour>red</Z:colour><D:comment>x</D:comment>")),  # it is not checked out
            (413, 393226, surplus),
        ):
            if status == 413 and path != document:
                continue
            answer = save(alice, path, refused_ones, b"new", X_MSDAVEXTLockTimeout=time)
            assert (answer.status, told(answer)[0], lock_of(answer)) == (status, number, (None, 0))
    assert [file.name for file in disk.iterdir()] == ["report.odt"]
    unchanged(alice, document, etag)
    assert (locks_on(alice, document), versions(alice, document)) == ([], before)
    assert refused(save(alice, document, update("<D:getetag>x</D:getetag>"), b"new")).condition == "cannot-modify-protected-property"


def test_if_the_properties_are_refused_the_lock_stays_as_it_is(alice: Client, document: str, etag: str) -> None:
    surplus = too_many(alice, document)
    token = alice.lock(document, timeout="Second-100")
    for time in (None, "Second-0", "Second-600"):
        assert save(alice, document, surplus, b"new", X_MSDAVEXTLockTimeout=time, Lock_Token=f"<{token}>").status == 413
    (lock,) = locks_on(alice, document)
    assert (lock.token, lock.seconds <= 100) == (token, True)
    unchanged(alice, document, etag)


# drafts


def test_what_is_checked_out_becomes_the_draft(alice: Client, bob: Client, document: str) -> None:
    alice.request("CHECKOUT", document)
    described = update("<Z:colour>green</Z:colour><D:comment>what for</D:comment>")
    token, _ = lock_of(save(alice, document, described, b"my draft", X_MSDAVEXTLockTimeout="Second-600"))
    assert (alice.get(document).body, bob.get(document).body) == (b"my draft", b"old")
    assert {lock.holder for lock in locks_on(bob, document)} == {"alice"} and len(locks_on(bob, document)) == 2
    assert save(alice, document, RED, b"more", X_MSDAVEXTLockTimeout="Second-0", Lock_Token=f"<{token}>").status == 204
    assert alice.request("CHECKIN", document).status in (200, 201)
    assert (bob.get(document).body, colour(bob, document), versions(bob, document)) == (b"more", "red", 2)


def test_a_document_that_comes_back_by_it_keeps_all_that_hangs_on_it(alice: Client, bob: Client, folder: str, document: str) -> None:
    """Office moves what it has open away and saves under the old name."""
    save(alice, document, GREEN, b"first")
    alice.request("CHECKOUT", document)
    surplus = too_many(alice, document)
    assert transfer(alice, "MOVE", document, f"{folder}/x.tmp").status == 201
    answer = save(alice, document, surplus, b"refused", X_MSDAVEXTLockTimeout="Second-600")
    assert (answer.status, alice.get(document).status, alice.get(f"{folder}/x.tmp").body) == (413, 404, b"first")
    answer = save(alice, document, update("<Z:shape>round</Z:shape>"), b"second", X_MSDAVEXTLockTimeout="Second-600")
    assert (answer.status, lock_of(answer)[0] is not None) == (201, True)
    assert (alice.get(document).body, bob.get(document).body) == (b"second", b"first")
    found = alice.propfind(document).xml()
    assert (found.findtext(".//{urn:example:}shape"), found.findtext(".//{urn:example:}colour")) == ("round", "green")
    assert len(locks_on(alice, document)) == 2, "the checkout and the new lock"


# uploads that take their time


def begin(wire: Wire, path: str, body: bytes, *headers: str) -> None:
    """Everything of a combined PUT but its last byte; the server has begun to take it when this returns."""
    wire.head(f"PUT {path}", *MULTIPART, *headers, f"Content-Length: {len(body)}", "Expect: 100-continue")
    assert wire.interim().startswith(b"HTTP/1.1 100 "), "the upload was not asked for"
    wire.send(body[:-1])


def finish(wire: Wire, body: bytes = GOOD) -> Answer:
    wire.send(body[-1:])
    return wire.answer("PUT")


def test_a_refused_upload_is_not_asked_for(serving: Serving, alice: Client, bob: Client, folder: str, document: str, etag: str) -> None:
    alice.lock(document)
    time = "X-MSDAVEXTLockTimeout: Second-600"
    bob.put(f"{folder}/his.odt", b"")
    shared = f"If: (<{bob.lock(f'{folder}/his.odt', shared=True)}>)"
    for status, path, *extra in (
        (423, document),
        (423, document, time),
        (423, document, f"Lock-Token: <{NOBODYS}>"),
        (400, document, "X-MSDAVEXTLockTimeout: Second-0"),
        (423, f"{folder}/his.odt", time, shared),
        (412, f"{folder}/his.odt", time, shared, f"Lock-Token: <{NOBODYS}>"),
        (412, f"{folder}/new.odt", f"Lock-Token: <{NOBODYS}>"),
    ):
        with Wire(serving, "bob") as upload:
            upload.head(f"PUT {path}", *MULTIPART, *extra, "Content-Length: 1000000", "Expect: 100-continue")
            assert upload.answer("PUT").status == status, (path, extra)
    unchanged(alice, document, etag)


def test_of_two_uploads_that_want_the_lock_the_first_to_end_gets_it(serving: Serving, alice: Client, document: str) -> None:
    with Wire(serving, "alice") as mine, Wire(serving, "bob") as his:
        for wire in (mine, his):
            begin(wire, document, GOOD, "X-MSDAVEXTLockTimeout: Second-600")
        assert locks_on(alice, document) == []
        assert finish(his).status == 204
        answer = finish(mine)
        assert (answer.status, told(answer)[0]) == (423, CHECKED_OUT)
        assert told(answer)[1].startswith("report.odt is locked by bob")
    (lock,) = locks_on(alice, document)
    assert (lock.holder, versions(alice, document)) == ("bob", 2)


def test_of_many_who_make_and_lock_a_document_one_does(serving: Serving, folder: str) -> None:
    clients = [Client(serving, name) for name in ("alice", "bob") * 4]
    with ThreadPoolExecutor(len(clients)) as pool:
        answers = list(
            pool.map(
                lambda each: save(
                    each[1], f"{folder}/new", update(f"<Z:colour>{each[0]}</Z:colour>"), b"%d" % each[0], X_MSDAVEXTLockTimeout="Second-9"
                ),
                enumerate(clients),
            )
        )
    assert sorted(answer.status for answer in answers) == [201] + [423] * 7
    winner = [answer.status for answer in answers].index(201)
    assert (clients[0].get(f"{folder}/new").body, colour(clients[0], f"{folder}/new")) == (b"%d" % winner, str(winner))


def test_an_upload_that_outlives_its_lock_changes_nothing(serving: Serving, alice: Client, bob: Client, document: str, etag: str) -> None:
    for extra in ((), ("X-MSDAVEXTLockTimeout: Second-0",), ("X-MSDAVEXTLockTimeout: Second-600",)):
        token = alice.lock(document)
        with Wire(serving, "alice") as upload:
            begin(upload, document, GOOD, f"Lock-Token: <{token}>", *extra)
            alice.unlock(document, token)
            assert finish(upload).status == 412
    unchanged(alice, document, etag)
    assert locks_on(alice, document) == []


def test_an_upload_that_breaks_off_changes_nothing(serving: Serving, alice: Client, document: str, etag: str) -> None:
    for end in (5, 16, 40, len(PROPERTIES), len(PROPERTIES) + 8, len(GOOD) - 1):
        with Wire(serving, "alice") as upload:
            upload.head(f"PUT {document}", *MULTIPART, "X-MSDAVEXTLockTimeout: Second-600", f"Content-Length: {len(GOOD)}")
            upload.send(GOOD[:end])
            upload.end()
            assert upload.answer("PUT").status == 400
    unchanged(alice, document, etag)
    assert locks_on(alice, document) == []


def test_a_kill_during_it_leaves_nothing_and_one_after_it_all(tmp_path: Path) -> None:
    (tmp_path / "davlock.yaml").write_text("{root: root, webdav: {combined_requests: true}}")
    with Serving(tmp_path / "root", "--config", str(tmp_path / "davlock.yaml")) as serving:
        alice = Client(serving, "alice")
        save(alice, "/old.odt", GREEN, b"old")
        etag = alice.get("/old.odt").headers["ETag"]
        with Wire(serving, "alice") as one, Wire(serving, "alice") as other:
            begin(one, "/old.odt", GOOD, "X-MSDAVEXTLockTimeout: Second-600")
            begin(other, "/new.odt", GOOD, "X-MSDAVEXTLockTimeout: Second-600")
            serving.kill()
        serving.start()
        unchanged(alice, "/old.odt", etag)
        assert (locks_on(alice, "/old.odt"), alice.get("/new.odt").status) == ([], 404)
        token, _ = lock_of(save(alice, "/old.odt", RED, b"new", X_MSDAVEXTLockTimeout="Second-600"))
        serving.kill()
        serving.start()
        assert (alice.get("/old.odt").body, colour(alice, "/old.odt")) == (b"new", "red")
        assert [lock.token for lock in locks_on(alice, "/old.odt")] == [token]


def test_the_limit_of_uploads_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "davlock.yaml").write_text("{root: root, documents: {max_upload_bytes: 10}, webdav: {combined_requests: true}}")
    with Serving(tmp_path / "root", "--config", str(tmp_path / "davlock.yaml"), users=("alice",)) as serving:
        alice = Client(serving, "alice")
        assert save(alice, "/a.doc", RED, b"x" * 10).status == 201
        answer = save(alice, "/a.doc", GREEN, b"y" * 11)
        assert (answer.status, told(answer)[0], alice.get("/a.doc").body, colour(alice, "/a.doc")) == (413, 393226, b"x" * 10, "red")


def test_a_page_of_another_site_cannot_save(serving: Serving, alice: Client, document: str, etag: str) -> None:
    assert say(serving, f"PUT {document}", *MULTIPART, "Origin: https://evil.example", body=GOOD, user="alice").status == 403
    unchanged(alice, document, etag)


def test_a_version_is_not_saved_to(alice: Client, document: str) -> None:
    alice.put(document, b"new")
    version = alice.propfind(document, "checked-in").xml().findtext(".//{DAV:}checked-in/{DAV:}href") or ""
    assert save(alice, version, RED, b"x").status == 403
