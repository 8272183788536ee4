"""Check out, draft, check in, undo through WebDAV (RFC 3253 §3.5, §4.3 to §4.5), as two people live with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.dav.stories import locks_on, proppatch, refused, setting, transfer
from tests.dav.versioning import check_in, check_out, history, props, say
from tests.serving import Client, Serving, lockinfo

OLD, DRAFT = b"old", b"a draft"
SINCE = r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"


def test_others_read_what_is_published_and_the_holder_his_draft(alice: Client, bob: Client, folder: str, document: str) -> None:
    published = bob.get(document).headers["ETag"]
    check_out(alice, document, DRAFT)
    for who, content in ((bob, OLD), (alice, DRAFT)):
        whole = who.get(document)
        assert whole.body == content
        etag = whole.headers["ETag"]
        assert (etag == published) is (who is bob)
        head = who.request("HEAD", document)
        assert (head.headers["ETag"], head.headers["Content-Length"]) == (etag, str(len(content)))
        part = who.get(document, Range="bytes=1-2")
        assert (part.status, part.body, part.headers["Content-Range"]) == (206, content[1:3], f"bytes 1-2/{len(content)}")
        assert who.get(document, If_None_Match=etag).status == 304
        for place, depth in ((document, "0"), (folder, "1")):
            shown = props(who, place, "getetag", "getcontentlength", "getlastmodified", depth=depth)[document]
            assert (shown["getetag"].text, shown["getcontentlength"].text) == (etag, str(len(content)))
            assert shown["getlastmodified"].text == whole.headers["Last-Modified"]


def test_a_draft_is_saved_on_condition_that_it_is_still_the_same(alice: Client, bob: Client, document: str) -> None:
    published = alice.get(document).headers["ETag"]
    check_out(alice, document)
    first = alice.put(document, b"one", If_Match=published)
    assert first.status == 204
    assert alice.put(document, b"two", If_Match=published).status == 412
    assert alice.put(document, b"two", If_Match=first.headers["ETag"]).status == 204
    assert (alice.get(document).body, bob.get(document).body) == (b"two", OLD)


@pytest.mark.parametrize("method", ["PUT", "LOCK", "CHECKOUT", "DELETE", "MOVE", "PROPPATCH", "COPY"])
def test_others_can_change_nothing_and_are_told_who_and_since_when(alice: Client, bob: Client, document: str, method: str) -> None:
    check_out(alice, document, DRAFT)
    match method:
        case "PUT":
            answer = bob.put(document, b"bob's")
        case "LOCK":
            answer = bob.request("LOCK", document, lockinfo("bob"))
        case "PROPPATCH":
            answer = proppatch(bob, document, setting("<Z:colour>red</Z:colour>"))
        case "MOVE":
            answer = transfer(bob, "MOVE", document, f"{document}.away")
        case "COPY":
            bob.put(f"{document}.other", b"bob's")
            answer = transfer(bob, "COPY", f"{document}.other", document)
        case _:
            answer = bob.request(method, document)
    assert answer.status == 423
    told = refused(answer)
    assert told.paths == [document]
    assert re.search(f"report.odt is checked out by alice {SINCE}, through WebDAV", told.message), told
    assert bob.get(document).body == OLD
    assert alice.get(document).body == DRAFT


def test_everybody_sees_the_checkout_as_an_exclusive_lock_without_end(alice: Client, bob: Client, document: str) -> None:
    check_out(alice, document, comment="Figures &amp; dates")
    for who in (alice, bob):
        (lock,) = locks_on(who, document)
        assert (lock.scope, lock.depth, lock.timeout, lock.holder, lock.door) == ("exclusive", "0", "Infinite", "alice", "webdav")
        assert lock.root == document
        assert lock.token == "urn:davlock:token-of-another"
        assert who.propfind(document, "lockdiscovery").texts("{urn:davlock:}comment") == ["Figures & dates"]
        assert who.unlock(document, lock.token).status == 409
    assert bob.put(document, b"bob's", lock.token).status == 412


def test_a_check_in_publishes_one_version_with_its_comment(alice: Client, bob: Client, document: str) -> None:
    check_out(alice, document)
    for content in (b"one", b"two", b"three"):
        alice.put(document, content)
    assert bob.get(document).body == OLD
    version = check_in(alice, document, "All figures &lt; 5 %")
    assert bob.get(document).body == b"three"
    versions = history(bob, document)
    assert [(each.name, each.by, each.comment, each.size) for each in versions[1:]] == [("2", "alice", "All figures < 5 %", 5)]
    assert len(versions) == 2 and versions[-1].path == version
    assert bob.get(version).body == b"three"
    assert locks_on(bob, document) == []
    assert bob.put(document, b"bob's turn").status == 204


def test_the_comment_of_a_check_in_may_be_davlocks_own_element(alice: Client, document: str) -> None:
    check_out(alice, document, DRAFT, comment="planned")
    answer = say(alice, "CHECKIN", document, "<D:keep-checked-out/><L:comment>\n  done \n</L:comment>")
    assert answer.status == 201
    assert history(alice, document)[-1].comment == "done"


def test_what_the_checkout_was_for_is_the_comment_if_there_is_no_other(alice: Client, document: str) -> None:
    check_out(alice, document, DRAFT, comment="New prices")
    check_in(alice, document)
    assert history(alice, document)[-1].comment == "New prices"


def test_a_check_in_of_an_untouched_draft_makes_no_version(alice: Client, bob: Client, document: str) -> None:
    check_out(alice, document)
    answer = say(alice, "CHECKIN", document)
    assert answer.status == 200
    assert [each.path for each in history(alice, document)] == [answer.headers["Location"]]
    assert say(bob, "CHECKOUT", document).status == 200


def test_it_stays_checked_out_if_that_is_asked_for(alice: Client, bob: Client, document: str) -> None:
    check_out(alice, document, DRAFT)
    answer = say(alice, "CHECKIN", document, "<D:keep-checked-out/>")
    assert (answer.status, answer.headers["Cache-Control"]) == (201, "no-cache")
    assert bob.get(document).body == DRAFT
    assert bob.put(document, b"bob's").status == 423
    alice.put(document, b"more")
    assert bob.get(document).body == DRAFT
    check_in(alice, document)
    assert [bob.get(each.path).body for each in history(bob, document)] == [OLD, DRAFT, b"more"]


def test_a_second_checkout_by_the_holder_changes_nothing(alice: Client, document: str) -> None:
    check_out(alice, document, DRAFT, comment="first")
    before = props(alice, document, "L:checkout")[document]["L:checkout"]
    check_out(alice, document, comment="second")
    again = props(alice, document, "L:checkout")[document]["L:checkout"]
    assert [(each.tag, each.text) for each in again] == [(each.tag, each.text) for each in before]
    assert alice.get(document).body == DRAFT


def test_undo_brings_back_what_is_published_and_rescues_the_draft(alice: Client, bob: Client, document: str) -> None:
    check_out(alice, document, DRAFT)
    answer = say(alice, "UNCHECKOUT", document)
    assert answer.status == 200
    draft = answer.headers["Location"]
    assert alice.get(document).body == bob.get(document).body == OLD
    assert len(history(alice, document)) == 1
    assert alice.get(draft).body == DRAFT
    assert bob.get(draft).status == 403
    assert props(alice, document, "L:rescued-drafts")[document]["L:rescued-drafts"][0].text == draft
    assert props(bob, document, "L:rescued-drafts")[document] == {}
    assert bob.put(document, b"bob's turn").status == 204


def test_undo_of_an_untouched_draft_rescues_nothing(alice: Client, document: str) -> None:
    check_out(alice, document)
    answer = say(alice, "UNCHECKOUT", document)
    assert (answer.status, answer.headers["Location"], answer.body) == (200, None, b"")


@pytest.mark.parametrize("method", ["CHECKIN", "UNCHECKOUT"])
def test_nobody_ends_the_checkout_of_another(alice: Client, bob: Client, document: str, method: str) -> None:
    check_out(alice, document, DRAFT)
    for inside in ("", "<L:reason>I want it</L:reason>"):
        answer = say(bob, method, document, inside)
        assert answer.status == 403
    assert re.search(f"checked out by alice {SINCE}", say(bob, method, document).body.decode())
    assert (alice.get(document).body, bob.get(document).body) == (DRAFT, OLD)


def test_what_is_not_checked_out_is_neither_checked_in_nor_undone(alice: Client, folder: str, document: str) -> None:
    for place in (document, folder, f"{folder}/missing"):
        assert (say(alice, "CHECKIN", place).status, refused(say(alice, "CHECKIN", place)).condition) == (409, "must-be-checked-out")
        undone = say(alice, "UNCHECKOUT", place)
        assert (undone.status, refused(undone).condition) == (409, "must-be-checked-out-version-controlled-resource")
    assert "report.odt is not checked out" in refused(say(alice, "CHECKIN", document)).message


def test_a_folder_and_a_missing_document_are_not_checked_out(alice: Client, folder: str) -> None:
    assert say(alice, "CHECKOUT", folder).status == 405
    assert say(alice, "CHECKOUT", f"{folder}/missing").status == 404


def test_a_check_in_waits_for_the_editing_session(alice: Client, bob: Client, document: str) -> None:
    check_out(alice, document)
    token = alice.lock(document)
    alice.put(document, DRAFT, token)
    answer = say(alice, "CHECKIN", document)
    assert answer.status == 423
    assert "locked by yourself, in another program or window" in refused(answer).message
    assert bob.get(document).body == OLD
    assert say(alice, "CHECKIN", document, If=f"(<{token}>)").status == 201
    assert bob.get(document).body == DRAFT
    assert [lock.token for lock in locks_on(alice, document)] == [token]


def test_checking_out_and_in_depends_on_conditions(alice: Client, document: str) -> None:
    etag = alice.get(document).headers["ETag"]
    assert say(alice, "CHECKOUT", document, If_Match='"other"').status == 412
    assert locks_on(alice, document) == []
    assert say(alice, "CHECKOUT", document, If_Match=etag).status == 200
    draft = alice.put(document, DRAFT).headers["ETag"]
    for method in ("CHECKIN", "UNCHECKOUT"):
        assert say(alice, method, document, If_Match=etag).status == 412
        assert say(alice, method, document, If=f"([{etag}])").status == 412
    assert say(alice, "CHECKIN", document, If_Match=draft).status == 201


def test_a_checkout_goes_along_and_outlives_the_server(serving: Serving, alice: Client, bob: Client, folder: str, document: str) -> None:
    check_out(alice, document, DRAFT)
    assert transfer(alice, "MOVE", document, f"{folder}/renamed.odt").status == 201
    serving.restart()
    renamed = f"{folder}/renamed.odt"
    assert (alice.get(renamed).body, bob.get(renamed).body) == (DRAFT, OLD)
    assert bob.put(renamed, b"bob's").status == 423
    check_in(alice, renamed)
    assert [bob.get(each.path).body for each in history(bob, renamed)] == [OLD, DRAFT]


def test_the_holder_deletes_the_document_and_keeps_his_draft(alice: Client, bob: Client, document: str, disk: Path) -> None:
    check_out(alice, document, DRAFT)
    number = props(alice, document, "L:id")[document]["L:id"].text
    assert alice.request("DELETE", document).status == 204
    assert not (disk / "report.odt").exists()
    assert bob.get(f"/_davlock/versions/{number}/1").body == OLD


def test_a_change_underneath_is_a_version_of_its_own(alice: Client, document: str, disk: Path) -> None:
    check_out(alice, document, DRAFT)
    (disk / "report.odt").write_bytes(b"from outside")
    check_in(alice, document)
    versions = history(alice, document)
    assert [(each.by, each.size) for each in versions] == [("", 3), ("", 12), ("alice", 7)]
    assert [alice.get(each.path).body for each in versions[1:]] == [b"from outside", DRAFT]


def test_saves_under_one_lock_are_one_version(alice: Client, document: str) -> None:
    token = alice.lock(document)
    for content in (b"one", b"two", b"three"):
        alice.put(document, content, token)
    alice.unlock(document, token)
    alice.put(document, b"four")
    assert [alice.get(each.path).body for each in history(alice, document)] == [OLD, b"three", b"four"]


def test_version_control_gives_a_document_its_first_version(alice: Client, folder: str, document: str) -> None:
    assert "checked-in" not in props(alice, document, "checked-in")[document]
    for _ in range(2):
        answer = say(alice, "VERSION-CONTROL", document)
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-cache")
    assert [(each.name, each.size) for each in history(alice, document)] == [("1", 3)]
    assert say(alice, "VERSION-CONTROL", folder).status == 405
    assert say(alice, "VERSION-CONTROL", f"{folder}/missing").status == 404
    scratch = f"{folder}/~$report.odt"
    alice.put(scratch, b"Alice")
    answer = say(alice, "VERSION-CONTROL", scratch)
    assert (answer.status, answer.body) == (403, b"Documents of this kind have no versions here.\n")


def test_version_control_leaves_a_checked_out_document_as_it_is(alice: Client, bob: Client, document: str) -> None:
    check_out(alice, document, DRAFT)
    assert say(bob, "VERSION-CONTROL", document).status == 200
    assert (alice.get(document).body, len(history(alice, document))) == (DRAFT, 1)
