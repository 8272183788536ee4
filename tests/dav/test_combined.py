"""Documents read together with their properties, and locked by that (MS-WDV 2.2.1, 3.2.5.2, 3.2.5.4)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.dav.multipart import CHECKED_OUT, NO_SUCH_CHECKOUT, NOBODYS, TYPE, lock_of, parts, told
from tests.dav.stories import actives, locks_on, proppatch, refused, say, setting
from tests.serving import Client, Serving, lockinfo

READING = ("GET", "HEAD", "POST")
WEEK = 604_800
RESCUED = '<D:propfind xmlns:D="DAV:"><D:prop><L:rescued-drafts xmlns:L="urn:davlock:"/></D:prop></D:propfind>'


@pytest.fixture(scope="module")
def serving(combining: Serving) -> Serving:
    return combining


def tokens(client: Client, path: str) -> list[str | None]:
    return [lock.token for lock in locks_on(client, path)]


# what OPTIONS says


def test_combined_requests_are_announced_with_post(alice: Client, serving: Serving, folder: str, document: str) -> None:
    for client in (alice, Client(serving)):
        for path in ("/", folder, document, f"{folder}/missing", "/_davlock/versions/1/1"):
            assert client.request("OPTIONS", path).headers["X-MSDAVEXT"] == "1", path
    for path, possible in ((document, True), (folder, True), (f"{folder}/missing", False)):
        headers = alice.request("OPTIONS", path, X_MSDAVEXTLockTimeout="Second-600").headers
        assert ("POST" in headers["Allow"].split(", ")) is possible, path
        assert "POST" in headers["Public"].split(", ")
    assert "X-MSDAVEXT" not in alice.get(document).headers


# with properties


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("value", ["PROPFIND", " propfind "])
def test_the_properties_come_with_the_content(alice: Client, document: str, method: str, value: str) -> None:
    proppatch(alice, document, setting("<Z:colour>green</Z:colour>"))
    answer = alice.request(method, document, X_MSDAVEXT=value, Translate="f")
    found = parts(answer)
    assert found.content == b"old"
    assert found.properties == alice.propfind(document).body
    assert b"green" in found.properties
    assert answer.headers["ETag"] == found.xml().findtext(".//{DAV:}getetag") == alice.get(document).headers["ETag"]
    assert answer.headers["Last-Modified"] == alice.get(document).headers["Last-Modified"]
    assert answer.headers.get_all("Cache-Control") == ["no-store"]
    assert "Accept-Ranges" not in answer.headers
    assert lock_of(answer) == (None, 0)


def test_head_says_what_get_says_of_both(alice: Client, document: str) -> None:
    head, get = (alice.request(method, document, X_MSDAVEXT="PROPFIND") for method in ("HEAD", "GET"))
    assert head.body == b""
    for answer in (head, get):
        del answer.headers["Date"]
    assert (head.status, head.headers.items()) == (200, get.headers.items())


def test_documents_of_any_size_and_folders(alice: Client, folder: str, disk: Path) -> None:
    (disk / "empty.txt").write_bytes(b"")
    big = bytes(range(256)) * 20_000
    (disk / "big.bin").write_bytes(big)
    assert parts(alice.get(f"{folder}/empty.txt", X_MSDAVEXT="PROPFIND")).content == b""
    assert parts(alice.get(f"{folder}/big.bin", X_MSDAVEXT="PROPFIND")).content == big
    found = parts(alice.get(folder, X_MSDAVEXT="PROPFIND"))
    assert (found.properties, found.content) == (alice.propfind(folder, depth="0").body, alice.get(folder).body)


def test_properties_never_come_with_a_part_of_the_content(alice: Client, document: str) -> None:
    assert parts(alice.get(document, X_MSDAVEXT="PROPFIND", Range="bytes=1-1")).content == b"old"
    assert alice.get(document, Range="bytes=1-1").status == 206


def test_what_has_no_content_to_send_has_no_properties(alice: Client, folder: str, document: str) -> None:
    etag = alice.get(document).headers["ETag"]
    for status, headers in ((304, {"If_None_Match": etag}), (412, {"If_Match": '"other"'}), (412, {"If": '(["other"])'})):
        answer = alice.request("GET", document, X_MSDAVEXT="PROPFIND", **headers)
        assert (answer.status, answer.headers["Content-Type"] == TYPE) == (status, False)
    assert alice.get(f"{folder}/missing", X_MSDAVEXT="PROPFIND").status == 404


@pytest.mark.parametrize("value", ["1", "PROPPATCH", "", "LOCK", "PROPFIND, PROPPATCH"])
def test_other_values_are_ignored(alice: Client, document: str, value: str) -> None:
    assert alice.get(document, X_MSDAVEXT=value).body == b"old"


def test_on_other_methods_the_header_is_ignored(alice: Client, folder: str, document: str) -> None:
    assert alice.request("PROPFIND", document, X_MSDAVEXT="PROPFIND", Depth="0").status == 207
    assert alice.put(document, b"new", "", X_MSDAVEXT="PROPFIND").status == 204
    assert alice.get(document).body == b"new"
    assert alice.request("DELETE", document, X_MSDAVEXT="PROPPATCH").status == 204


def test_post_is_get(alice: Client, document: str) -> None:
    post, get = alice.request("POST", document, b""), alice.get(document)
    assert (post.status, post.body, post.headers["ETag"]) == (200, b"old", get.headers["ETag"])
    answer = alice.request("POST", document, b"name=value", Content_Type="application/x-www-form-urlencoded")
    assert (answer.status, alice.get(document).body) == (415, b"old")
    assert parts(alice.request("POST", document, b"<x/>", X_MSDAVEXT="PROPFIND")).content == b"old"


def test_a_page_of_another_site_cannot_lock(serving: Serving, alice: Client, document: str) -> None:
    headers = ("X-MSDAVEXTLockTimeout: Second-600", "Origin: https://evil.example")
    assert say(serving, f"POST {document}", *headers, user="alice").status == 403
    assert locks_on(alice, document) == []


def test_the_holder_of_a_checkout_reads_his_draft_and_what_describes_it(alice: Client, bob: Client, document: str) -> None:
    alice.request("CHECKOUT", document)
    alice.put(document, b"my draft")
    mine, his = (parts(client.get(document, X_MSDAVEXT="PROPFIND")) for client in (alice, bob))
    assert (mine.content, mine.xml().findtext(".//{DAV:}getcontentlength")) == (b"my draft", "8")
    assert (his.content, his.xml().findtext(".//{DAV:}getcontentlength")) == (b"old", "3")


def test_versions_and_rescued_drafts(alice: Client, document: str) -> None:
    alice.put(document, b"new")
    version = alice.propfind(document, "checked-in").xml().findtext(".//{DAV:}checked-in/{DAV:}href") or ""
    alice.request("CHECKOUT", document)
    alice.put(document, b"thrown away")
    alice.request("UNCHECKOUT", document)
    rescued = alice.request("PROPFIND", document, RESCUED, Depth="0")
    draft = rescued.xml().findtext(".//{urn:davlock:}rescued-drafts/{DAV:}href") or ""
    for path, content in ((version, b"new"), (draft, b"thrown away")):
        for method in ("GET", "POST"):
            found = parts(alice.request(method, path, X_MSDAVEXT="PROPFIND", Prefer="return=minimal"))
            assert (found.content, found.properties) == (content, alice.propfind(path).body)
        answer = alice.get(path, X_MSDAVEXTLockTimeout="Second-600")
        assert (answer.status, told(answer)[0]) == (403, 1966082)
        assert alice.get(path, Lock_Token="<x:y>").body == content


# the table: Lock-Token, but no time


@pytest.mark.parametrize("method", READING)
def test_a_token_without_a_time_is_ignored(alice: Client, bob: Client, document: str, method: str) -> None:
    token = alice.lock(document)
    for client, sent in ((alice, f"<{token}>"), (alice, f"<{NOBODYS}>"), (bob, f"<{token}>"), (bob, "nonsense <")):
        answer = client.request(method, document, Lock_Token=sent)
        assert (answer.status, lock_of(answer)) == (200, (None, 0))
    assert tokens(alice, document) == [token]


# the table: a time, but no token


@pytest.mark.parametrize("method", READING)
def test_a_time_without_a_token_takes_a_lock(alice: Client, bob: Client, document: str, method: str) -> None:
    answer = alice.request(method, document, X_MSDAVEXTLockTimeout="Second-3600", Translate="f")
    token, seconds = lock_of(answer)
    assert (answer.status, answer.body) == (200, b"" if method == "HEAD" else b"old")
    assert 3590 <= seconds <= 3600
    (lock,) = locks_on(alice, document)
    assert (lock.token, lock.scope, lock.depth, lock.holder, lock.root) == (token, "exclusive", "0", "alice", document)
    assert bob.put(document, b"his").status == 423
    assert alice.put(document, b"new").status == 423, "it is a lock like any other"
    assert token and alice.put(document, b"new", token).status == 204
    assert alice.unlock(document, token).status == 204


@pytest.mark.parametrize("method", READING)
def test_what_is_locked_already_is_refused_and_the_holder_named(alice: Client, bob: Client, document: str, method: str) -> None:
    token = bob.lock(document)
    for client, holder in ((alice, "bob"), (bob, "yourself")):
        answer = client.request(method, document, X_MSDAVEXTLockTimeout="Second-600", X_MSDAVEXT="PROPFIND")
        number, text = told(answer)
        assert (answer.status, number, lock_of(answer)) == (423, CHECKED_OUT, (None, 0))
        assert text.startswith(f"report.odt is locked by {holder}"), text
    if method == "GET":
        assert (refused(answer).condition, refused(answer).paths) == ("no-conflicting-lock", [document])
    assert tokens(bob, document) == [token]


def test_shared_locks_deep_locks_and_checkouts_of_others_stand_in_the_way(alice: Client, bob: Client, folder: str, document: str) -> None:
    token = bob.lock(document, shared=True)
    assert alice.get(document, X_MSDAVEXTLockTimeout="Second-600").status == 423
    bob.unlock(document, token)
    token = bob.lock(folder, depth="infinity")
    assert alice.get(document, X_MSDAVEXTLockTimeout="Second-600").status == 423
    bob.unlock(folder, token)
    bob.request("CHECKOUT", document)
    answer = alice.get(document, X_MSDAVEXTLockTimeout="Second-600")
    assert (answer.status, told(answer)[0]) == (423, CHECKED_OUT)
    assert told(answer)[1].startswith("report.odt is checked out by bob")
    # One's own checkout never stands in the way of one's own session.
    assert bob.get(document, X_MSDAVEXTLockTimeout="Second-600").status == 200


@pytest.mark.parametrize("method", READING)
def test_nothing_can_be_ended_without_a_token(alice: Client, document: str, method: str) -> None:
    for value in ("Second-0", "second-000"):
        answer = alice.request(method, document, X_MSDAVEXTLockTimeout=value)
        assert (answer.status, told(answer)[0]) == (400, 262150)
    assert locks_on(alice, document) == []


@pytest.mark.parametrize("value", ["", "600", "Second-", "Second-x", "Second--1", "Second-1.5", "Second-1_0", "Second- 5", "nonsense"])
def test_a_time_that_makes_no_sense_is_400(alice: Client, document: str, value: str) -> None:
    token = alice.lock(document, timeout="Second-100")
    for sent in (None, f"<{token}>"):
        assert alice.get(document, X_MSDAVEXTLockTimeout=value, Lock_Token=sent).status == 400
        assert alice.put(document, b"new", "", X_MSDAVEXTLockTimeout=value, Lock_Token=sent).status == 400
    (lock,) = locks_on(alice, document)
    assert lock.token == token and lock.seconds <= 100
    assert alice.get(document).body == b"old"


@pytest.mark.parametrize("value", ["Infinite", "infinite, Second-5", "Second-" + "9" * 5000, "x, Infinite"])
def test_a_time_is_kept_within_bounds(alice: Client, document: str, value: str) -> None:
    assert WEEK - 10 <= lock_of(alice.get(document, X_MSDAVEXTLockTimeout=value))[1] <= WEEK


@pytest.mark.parametrize("token", ["", "<>", "nonsense", "<a:b> <c:d>", "<a:b", "<" + "a" * 5000 + ":b>"])
def test_a_token_that_makes_no_sense_is_400(alice: Client, document: str, token: str) -> None:
    assert alice.get(document, X_MSDAVEXTLockTimeout="Second-600", Lock_Token=token).status == 400
    assert alice.get(document, X_MSDAVEXTLockTimeout="Second-0", Lock_Token=token).status == 400
    assert locks_on(alice, document) == []


# the table: both


@pytest.mark.parametrize("method", READING)
@pytest.mark.parametrize("form", ["<{}>", "{}"])
def test_both_renew_a_lock(alice: Client, document: str, method: str, form: str) -> None:
    token = alice.lock(document, timeout="Second-100")
    answer = alice.request(method, document, X_MSDAVEXTLockTimeout="Second-3600", Lock_Token=form.format(token))
    assert answer.status == 200
    found, seconds = lock_of(answer)
    assert (found, seconds > 3500) == (token, True)
    (lock,) = locks_on(alice, document)
    assert (lock.token, lock.seconds > 3500) == (token, True)


@pytest.mark.parametrize("method", READING)
def test_a_time_of_0_ends_a_lock(alice: Client, bob: Client, document: str, method: str) -> None:
    token = alice.lock(document)
    answer = alice.request(method, document, X_MSDAVEXTLockTimeout="Second-0", Lock_Token=f"<{token}>")
    assert (answer.status, lock_of(answer)) == (200, (None, 0))
    assert answer.body == (b"" if method == "HEAD" else b"old")
    assert locks_on(alice, document) == []
    assert bob.put(document, b"his").status == 204


@pytest.mark.parametrize("method", READING)
def test_a_token_of_nobody_fails(alice: Client, bob: Client, document: str, method: str) -> None:
    for seconds, status in ((600, 412), (0, 409)):
        answer = alice.request(method, document, X_MSDAVEXTLockTimeout=f"Second-{seconds}", Lock_Token=f"<{NOBODYS}>")
        assert (answer.status, told(answer)[0], lock_of(answer)) == (status, NO_SUCH_CHECKOUT, (None, 0))
    assert locks_on(alice, document) == []
    # What has run out, and been taken by somebody else since: he is named.
    bob.lock(document)
    answer = alice.request(method, document, X_MSDAVEXTLockTimeout="Second-600", Lock_Token=f"<{NOBODYS}>")
    assert (answer.status, told(answer)[0]) == (412, CHECKED_OUT)
    assert told(answer)[1].startswith("report.odt is locked by bob")


@pytest.mark.parametrize("method", READING)
def test_a_lock_of_somebody_else_is_neither_renewed_nor_ended(alice: Client, bob: Client, document: str, method: str) -> None:
    token = bob.lock(document, timeout="Second-100")
    for seconds, status in ((600, 412), (0, 403)):
        answer = alice.request(method, document, X_MSDAVEXTLockTimeout=f"Second-{seconds}", Lock_Token=f"<{token}>")
        assert (answer.status, told(answer)[0]) == (status, CHECKED_OUT)
        assert told(answer)[1].startswith("report.odt is locked by bob")
    (lock,) = locks_on(bob, document)
    assert lock.token == token and lock.seconds <= 100


def test_only_the_lock_of_the_token_is_renewed(alice: Client, document: str) -> None:
    one, other = (alice.lock(document, timeout="Second-100", shared=True) for _ in range(2))
    alice.get(document, X_MSDAVEXTLockTimeout="Second-3600", Lock_Token=f"<{one}>", If=f"(<{other}>)")
    assert {lock.token: lock.seconds > 3000 for lock in locks_on(alice, document)} == {one: True, other: False}


# all three


def test_the_properties_show_what_has_become_of_the_lock(alice: Client, document: str) -> None:
    answer = alice.get(document, X_MSDAVEXT="PROPFIND", X_MSDAVEXTLockTimeout="Second-600")
    token, _ = lock_of(answer)
    assert [lock.token for lock in actives(parts(answer).xml())] == [token]
    answer = alice.get(document, X_MSDAVEXT="PROPFIND", X_MSDAVEXTLockTimeout="Second-3600", Lock_Token=f"<{token}>")
    assert [lock.seconds > 3500 for lock in actives(parts(answer).xml())] == [True]
    answer = alice.get(document, X_MSDAVEXT="PROPFIND", X_MSDAVEXTLockTimeout="Second-0", Lock_Token=f"<{token}>")
    assert actives(parts(answer).xml()) == []
    assert parts(answer).content == b"old"


def test_a_lock_with_a_part_and_with_what_the_client_has(alice: Client, document: str) -> None:
    answer = alice.get(document, X_MSDAVEXTLockTimeout="Second-600", Range="bytes=1-")
    token, _ = lock_of(answer)
    assert (answer.status, answer.body, tokens(alice, document)) == (206, b"ld", [token])
    etag = answer.headers["ETag"]
    answer = alice.get(document, X_MSDAVEXTLockTimeout="Second-3600", Lock_Token=f"<{token}>", If_None_Match=etag)
    assert (answer.status, lock_of(answer)[0], lock_of(answer)[1] > 3500) == (304, token, True)


def test_a_folder_can_be_locked_with_its_page(alice: Client, folder: str) -> None:
    token, _ = lock_of(alice.get(folder, X_MSDAVEXTLockTimeout="Second-600"))
    (lock,) = locks_on(alice, folder)
    assert (lock.token, lock.depth) == (token, "0")


# what fails


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (412, {"If_Match": '"other"'}),
        (412, {"If": '(["other"])'}),
        (412, {"If_Unmodified_Since": "Thu, 01 Jan 1998 00:00:00 GMT"}),
        (400, {"If": "("}),
        (416, {"Range": "bytes=100-"}),
    ],
)
@pytest.mark.parametrize("method", READING)
def test_what_fails_takes_renews_and_ends_no_lock(alice: Client, document: str, method: str, status: int, headers: dict[str, str]) -> None:
    if status == 416 and method != "GET":
        headers = {"If_Match": '"other"'}  # only GET has ranges
        status = 412
    assert alice.request(method, document, X_MSDAVEXTLockTimeout="Second-600", **headers).status == status
    assert locks_on(alice, document) == []
    token = alice.lock(document, timeout="Second-100")
    for seconds in ("Second-0", "Second-3600"):
        answer = alice.request(method, document, X_MSDAVEXTLockTimeout=seconds, Lock_Token=f"<{token}>", **headers)
        assert (answer.status, lock_of(answer)) == (status, (None, 0))
    (lock,) = locks_on(alice, document)
    assert lock.token == token and lock.seconds <= 100


def test_reading_what_is_not_there_makes_and_locks_nothing(alice: Client, folder: str, disk: Path) -> None:
    for path in (f"{folder}/new.odt", f"{folder}/missing/new.odt"):
        for method in READING:
            answer = alice.request(method, path, X_MSDAVEXTLockTimeout="Second-600")
            assert (answer.status, told(answer)[0]) == (404, 589830)
            assert alice.request("LOCK", folder, lockinfo("alice"), Depth="0", Timeout="Second-1").status == 200, "nothing is locked"
            (lock,) = locks_on(alice, folder)
            alice.unlock(folder, lock.token or "")
    assert list(disk.iterdir()) == []


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("DELETE", {}),
        ("MKCOL", {}),
        ("PROPFIND", {"Depth": "0"}),
        ("PROPPATCH", {}),
        ("COPY", {"Destination": "/elsewhere"}),
        ("MOVE", {"Destination": "/elsewhere"}),
        ("LOCK", {}),
        ("UNLOCK", {}),
        ("CHECKOUT", {}),
    ],
)
def test_with_other_methods_the_time_is_400(alice: Client, document: str, method: str, headers: dict[str, str]) -> None:
    answer = alice.request(method, document, X_MSDAVEXTLockTimeout="Second-600", **headers)
    assert (answer.status, told(answer)[0]) == (400, 262150)
    assert (alice.get(document).body, locks_on(alice, document), alice.get("/elsewhere").status) == (b"old", [], 404)


# several at once


def test_of_many_who_want_the_lock_one_gets_it(serving: Serving, document: str) -> None:
    clients = [Client(serving, name) for name in ("alice", "bob") * 4]
    with ThreadPoolExecutor(len(clients)) as pool:
        answers = list(pool.map(lambda client: client.get(document, X_MSDAVEXTLockTimeout="Second-600"), clients))
    assert sorted(answer.status for answer in answers) == [200] + [423] * 7
    (lock,) = locks_on(clients[0], document)
    assert {lock_of(answer)[0] is not None for answer in answers if answer.status == 200} == {True}
    assert lock.holder in ("alice", "bob")
