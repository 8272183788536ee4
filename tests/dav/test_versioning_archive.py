"""What has been, as resources of its own: versions at /_davlock/versions and rescued drafts at /_davlock/drafts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dav.stories import DAV, properties, proppatch, refused, setting, transfer, url
from tests.dav.versioning import TREE, check_in, check_out, history, props, publish, report, say
from tests.serving import Client, Raw, href, lockinfo

VERSIONS = "/_davlock/versions"


@pytest.fixture
def versions(alice: Client, document: str) -> list[str]:
    """The paths of three versions of the document: `old`, `two`, `the third`."""
    publish(alice, document, b"two", b"the third")
    return [each.path for each in history(alice, document)]


def draft_of(client: Client, path: str, content: bytes) -> str:
    """The path of a rescued draft of a document."""
    check_out(client, path, content)
    return str(say(client, "UNCHECKOUT", path).headers["Location"])


def test_a_version_is_read_whole_and_in_parts(bob: Client, versions: list[str]) -> None:
    whole = bob.get(versions[1])
    assert (whole.status, whole.body) == (200, b"two")
    assert whole.headers["Content-Type"] == "application/vnd.oasis.opendocument.text"
    etag = whole.headers["ETag"]
    head = bob.request("HEAD", versions[1])
    assert (head.status, head.headers["ETag"], head.headers["Content-Length"]) == (200, etag, "3")
    part = bob.get(versions[1], Range="bytes=1-")
    assert (part.status, part.body, part.headers["Content-Range"]) == (206, b"wo", "bytes 1-2/3")
    assert bob.get(versions[1], Range="bytes=9-").status == 416
    assert bob.get(versions[1], If_None_Match=etag).status == 304
    assert bob.get(versions[1], If_Match='"other"').status == 412
    assert bob.get(versions[1], If=f"([{etag}])").status == 200
    assert bob.get(versions[1], If='(["other"])').status == 412


def test_a_version_has_the_etag_that_the_document_had(alice: Client, bob: Client, document: str) -> None:
    first = alice.put(document, b"first").headers["ETag"]
    second = alice.put(document, b"second").headers["ETag"]
    paths = [each.path for each in history(alice, document)]
    assert [bob.get(path).headers["ETag"] for path in paths[1:]] == [first, second]
    assert [props(bob, path, "getetag")[path]["getetag"].text for path in paths[1:]] == [first, second]


def test_versions_stay_where_they_are_when_the_document_moves_or_goes(
    alice: Client, bob: Client, document: str, versions: list[str]
) -> None:
    assert transfer(alice, "MOVE", document, f"{document}.moved").status == 201
    assert [bob.get(path).body for path in versions] == [b"old", b"two", b"the third"]
    assert alice.request("DELETE", f"{document}.moved").status == 204
    assert [bob.get(path).body for path in versions] == [b"old", b"two", b"the third"]


def test_a_version_has_no_members_and_no_locks(bob: Client, versions: list[str]) -> None:
    for depth in ("0", "1", "infinity"):
        found = properties(bob.propfind(versions[0], depth=depth))
        assert set(found) == {versions[0]}
        shown = found[versions[0]][200]
        assert shown[f"{DAV}displayname"].text == "report.odt"
        assert shown[f"{DAV}getcontentlength"].text == "3"
        assert len(shown[f"{DAV}resourcetype"]) == len(shown[f"{DAV}supportedlock"]) == len(shown[f"{DAV}lockdiscovery"]) == 0
    assert bob.propfind(versions[0], depth="2").status == 400


def test_options_of_versions_and_drafts(alice: Client, document: str, versions: list[str]) -> None:
    draft = draft_of(alice, document, b"a draft")
    for path, allowed in ((versions[0], "OPTIONS, GET, HEAD, PROPFIND, REPORT, COPY"), (draft, "OPTIONS, GET, HEAD, PROPFIND, COPY")):
        answer = alice.request("OPTIONS", path)
        assert (answer.status, answer.headers["Allow"]) == (200, allowed)
        assert alice.request("POST", path).headers["Allow"] == allowed


def test_a_version_is_brought_back_as_the_newest_one(alice: Client, bob: Client, document: str, versions: list[str]) -> None:
    assert transfer(bob, "COPY", versions[0], document).status == 204
    assert alice.get(document).body == b"old"
    now = history(alice, document)
    assert [each.path for each in now[:3]] == versions
    assert (now[3].by, now[3].comment) == ("bob", "Version 1 restored")
    assert [alice.get(each.path).body for each in now] == [b"old", b"two", b"the third", b"old"]


def test_a_version_becomes_the_draft_of_who_has_checked_out(alice: Client, bob: Client, document: str, versions: list[str]) -> None:
    check_out(alice, document)
    answer = transfer(bob, "COPY", versions[0], document)
    assert (answer.status, refused(answer).paths) == (423, [document])
    assert "checked out by alice" in refused(answer).message
    assert transfer(alice, "COPY", versions[0], document).status == 204
    assert (alice.get(document).body, bob.get(document).body) == (b"old", b"the third")
    check_in(alice, document, "as it was")
    assert history(bob, document)[-1].comment == "as it was"


def test_a_version_is_copied_to_another_name(alice: Client, document: str, versions: list[str], disk: Path) -> None:
    other = f"{document}.copy"
    assert transfer(alice, "COPY", versions[1], other).status == 201
    assert (disk / "report.odt.copy").read_bytes() == b"two"
    assert alice.get(document).body == b"the third"
    assert len(history(alice, other)) == 1


def test_a_document_that_was_deleted_comes_back_with_its_history(alice: Client, document: str, versions: list[str]) -> None:
    alice.request("DELETE", document)
    assert transfer(alice, "COPY", versions[1], document).status == 201
    assert alice.get(document).body == b"two"
    assert [each.path for each in history(alice, document)][:3] == versions


def test_copying_back_respects_overwrite_conditions_and_locks(alice: Client, bob: Client, document: str, versions: list[str]) -> None:
    assert transfer(alice, "COPY", versions[0], document, Overwrite="F").status == 412
    assert transfer(alice, "COPY", versions[0], document, If_Match='"other"').status == 412
    current = alice.get(document).headers["ETag"]
    tagged = f"<{url(alice, document)}>"
    assert transfer(alice, "COPY", versions[0], document, If=f'{tagged} (["other"])').status == 412
    token = bob.lock(document)
    answer = transfer(alice, "COPY", versions[0], document)
    assert (answer.status, refused(answer).condition) == (423, "lock-token-submitted")
    assert transfer(bob, "COPY", versions[0], document).status == 423
    assert alice.get(document).body == b"the third"
    assert transfer(bob, "COPY", versions[0], document, If=f"{tagged} (<{token}> [{current}])").status == 204
    etag = alice.get(versions[1]).headers["ETag"]
    assert transfer(bob, "COPY", versions[1], document, If=f"<{url(bob, versions[1])}> ([{etag}]) {tagged} (<{token}>)").status == 204
    assert alice.get(document).body == b"two"
    about_version = f"<{url(alice, versions[1])}>"
    assert transfer(alice, "COPY", versions[1], f"{document}.other", If=f'{about_version} (["other"])').status == 412
    assert transfer(alice, "COPY", versions[1], f"{document}.other", If=f"{about_version} ([{etag}])").status == 201
    assert transfer(alice, "COPY", versions[1], f"{document}.new", Overwrite="F", If_Match=etag).status == 201


def test_where_a_version_cannot_be_copied_to(alice: Client, folder: str, document: str, versions: list[str], disk: Path) -> None:
    (disk / "sub").mkdir()
    assert transfer(alice, "COPY", versions[0], f"{folder}/sub").status == 403
    assert transfer(alice, "COPY", versions[0], f"{folder}/missing/report.odt").status == 409
    assert transfer(alice, "COPY", versions[0], versions[1]).status == 403
    assert transfer(alice, "COPY", document, versions[1]).status == 403
    assert transfer(alice, "MOVE", document, f"{VERSIONS}/1/99").status == 403
    assert alice.request("COPY", versions[0]).status == 400
    assert alice.request("COPY", versions[0], Destination="http://elsewhere.example/x").status == 502
    assert transfer(alice, "COPY", versions[0], document, Overwrite="maybe").status == 400
    assert alice.request("COPY", versions[0], "a body", Destination=href(document)).status == 415
    assert alice.get(document).body == b"the third"


@pytest.mark.parametrize("number", [0, 2])
def test_a_version_never_changes(alice: Client, document: str, versions: list[str], number: int) -> None:
    path = versions[number]
    content = alice.get(path).body
    refusals = {
        "PUT": (alice.put(path, b"changed"), "cannot-modify-version"),
        "PROPPATCH": (proppatch(alice, path, setting("<Z:colour>red</Z:colour>")), "cannot-modify-version"),
        "LOCK": (alice.request("LOCK", path, lockinfo("alice")), "cannot-modify-version"),
        "MKCOL": (alice.request("MKCOL", path), "cannot-modify-version"),
        "DELETE": (alice.request("DELETE", path), "no-version-delete"),
        "MOVE": (transfer(alice, "MOVE", path, f"{document}.moved"), "cannot-rename-version"),
    }
    for method, (answer, condition) in refusals.items():
        assert (answer.status, refused(answer).condition) == (403, condition), method
        assert refused(answer).message, method
    for method in ("CHECKOUT", "CHECKIN", "UNCHECKOUT", "VERSION-CONTROL", "UNLOCK", "POST"):
        assert alice.request(method, path).status == 405, method
    assert alice.get(path).body == content
    assert alice.get(f"{document}.moved").status == 404


def test_the_report_of_a_version_is_that_of_its_document(bob: Client, document: str, versions: list[str]) -> None:
    of_document = report(bob, document, TREE)
    assert [report(bob, path, TREE).body for path in versions] == [of_document.body] * 3


NOWHERE = (
    "/0", "/-1", "/+1", "/01", "/1_0", "/%31", "/1.0", "/x", "/99", "/2147483648", "/99999999999999999999", "", "/", "/1/", "/1/2",
    "/%D9%A1", "/1%00", "/..%2f1", "/1;x",
)  # fmt: skip


@pytest.mark.parametrize("rest", NOWHERE)
def test_a_version_that_is_not_there_is_404(alice: Client, versions: list[str], rest: str) -> None:
    document = versions[0].rpartition("/")[0]
    for method in ("GET", "PROPFIND", "DELETE", "PUT", "COPY"):
        answer = alice.request(method, Raw(f"{document}{rest}"), Destination="/x")
        assert answer.status == 404, (method, answer)
    assert alice.request("REPORT", Raw(f"{document}{rest}"), TREE).status == 404


@pytest.mark.parametrize("id", ["0", "-1", "01", "999999", "2147483648", "99999999999", "x", "", "%31", "1/../1"])
def test_a_version_of_a_document_that_is_not_there_is_404(alice: Client, versions: list[str], id: str) -> None:
    for method in ("GET", "HEAD", "PROPFIND", "DELETE"):
        assert alice.request(method, Raw(f"{VERSIONS}/{id}/1")).status == 404


def test_a_version_of_another_document_is_another_one(alice: Client, document: str, versions: list[str]) -> None:
    other = f"{document}.other"
    alice.put(other, b"other")
    (version,) = history(alice, other)
    assert version.path.rpartition("/")[0] != versions[0].rpartition("/")[0]
    assert alice.get(version.path).body == b"other"
    assert alice.get(version.path.replace("/1", "/2")).status == 404 or version.path.endswith("/1")
    assert alice.get(f"{version.path.rpartition('/')[0]}/2").status == 404


def test_a_version_that_was_overwritten_underneath_is_named_but_not_read(alice: Client, document: str, disk: Path) -> None:
    alice.put(document, b"soon gone")
    (disk / "report.odt").write_bytes(b"in its place")
    versions = history(alice, document)
    assert [each.size for each in versions[1:]] == [9, 12]
    answer = alice.get(versions[1].path)
    assert (answer.status, b"was not kept" in answer.body) == (404, True)
    assert alice.propfind(versions[1].path).status == 207
    assert transfer(alice, "COPY", versions[1].path, document).status == 404
    assert alice.get(versions[2].path).body == b"in its place"


def test_the_newest_version_is_read_after_a_change_underneath(alice: Client, document: str, disk: Path) -> None:
    alice.put(document, b"known")
    newest = history(alice, document)[-1].path
    (disk / "new").write_bytes(b"from outside")
    (disk / "new").replace(disk / "report.odt")
    assert alice.get(newest).status == 404
    following = f"{newest.rpartition('/')[0]}/{int(newest.rpartition('/')[2]) + 1}"
    assert alice.get(following).body == b"from outside"


def test_only_the_two_places_are_there(alice: Client) -> None:
    for path in (
        "/_davlock",
        "/_davlock/",
        "/_davlock/versionsX/1/1",
        "/_DAVLOCK/versions/1/1",
        "/_davlock/Versions/1/1",
        "/_davlock/state.db",
    ):
        assert alice.get(path).status == 404, path
        assert alice.put(path, b"x").status in (403, 405), path
    assert alice.get("/_davlock/versions/1/../../report").status == 404


def test_a_rescued_draft_is_read_and_stored_by_whoever_wrote_it(alice: Client, bob: Client, document: str) -> None:
    draft = draft_of(alice, document, b"a draft")
    whole = alice.get(draft)
    assert (whole.body, whole.headers["Content-Type"]) == (b"a draft", "application/vnd.oasis.opendocument.text")
    assert alice.request("HEAD", draft).headers["ETag"] == whole.headers["ETag"]
    assert alice.get(draft, Range="bytes=2-").body == b"draft"
    assert props(alice, draft, "getcontentlength")[draft]["getcontentlength"].text == "7"
    for answer in (bob.get(draft), bob.request("HEAD", draft), bob.propfind(draft), transfer(bob, "COPY", draft, f"{document}.stolen")):
        assert answer.status == 403
        assert b"a draft" not in answer.body
    assert transfer(alice, "COPY", draft, document, Overwrite="F").status == 412
    assert transfer(alice, "COPY", draft, document).status == 204
    assert bob.get(document).body == b"a draft"
    assert transfer(alice, "COPY", draft, f"{document}.copy").status == 201
    assert alice.get(draft).status == 200


def test_a_rescued_draft_becomes_the_draft_again(alice: Client, bob: Client, document: str) -> None:
    draft = draft_of(alice, document, b"a draft")
    check_out(alice, document)
    assert transfer(alice, "COPY", draft, document).status == 204
    assert (alice.get(document).body, bob.get(document).body) == (b"a draft", b"old")


@pytest.mark.parametrize("id", ["0", "-1", "01", "999999", "99999999999", "x", "", "1/1"])
def test_a_draft_that_is_not_there_is_404(alice: Client, id: str) -> None:
    for method in ("GET", "HEAD", "PROPFIND", "COPY"):
        assert alice.request(method, Raw(f"/_davlock/drafts/{id}"), Destination="/x").status == 404


def test_a_draft_that_still_stands_is_not_rescued_and_has_no_place(alice: Client, document: str) -> None:
    first = draft_of(alice, document, b"a draft")
    check_out(alice, document, b"another")
    following = f"/_davlock/drafts/{int(first.rpartition('/')[2]) + 1}"
    assert alice.get(following).status == 404
    assert say(alice, "UNCHECKOUT", document).headers["Location"] == following
    for method in ("PUT", "DELETE", "MOVE", "LOCK", "REPORT"):
        assert alice.request(method, following).status == 405
