"""The If header in practice (RFC 4918 §10.4); its grammar is tested in test_if_header.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.dav.stories import locks_on, proppatch, say, setting, transfer, url
from tests.serving import Answer, Client, Serving, lockinfo

FALSE = '(["no such version"])'


@pytest.fixture
def other(folder: str, disk: Path) -> str:
    """The path of a second document."""
    (disk / "other.odt").write_bytes(b"other")
    return f"{folder}/other.odt"


def test_a_list_without_tag_is_about_the_request_uri(alice: Client, document: str, other: str) -> None:
    token = alice.lock(document)
    assert alice.put(document, b"new", If=f"(<{token}>)").status == 204
    assert alice.put(other, b"new", If=f"(<{token}>)").status == 412


def test_a_list_without_tag_is_not_about_the_destination(alice: Client, document: str, other: str) -> None:
    token = alice.lock(other)
    assert transfer(alice, "COPY", document, other, If=f"(<{token}>)").status == 412
    assert transfer(alice, "COPY", document, other, If=f"<{url(alice, other)}> (<{token}>)").status == 204
    etag = alice.get(document).headers["ETag"]
    tagged = f"<{url(alice, document)}> ([{etag}]) <{url(alice, other)}> (<{token}>)"
    assert transfer(alice, "MOVE", document, other, If=tagged).status == 204


def test_a_tag_is_an_absolute_url_or_an_absolute_path(alice: Client, document: str) -> None:
    token = alice.lock(document)
    for tag in (url(alice, document), document, url(alice, document).replace("report", "%72eport")):
        assert alice.put(document, b"new", If=f"<{tag}> (<{token}>)").status == 204, tag


@pytest.mark.parametrize(
    "tag",
    [
        "http://elsewhere.example{path}",
        "file://{path}",
        "{path}/",
        "{path}/below",
        "report.odt",
        "urn:x",
        "{path}%2f..",
        "/../../etc/passwd",
    ],
)
def test_a_tag_that_is_not_about_the_document_proves_nothing(alice: Client, document: str, tag: str) -> None:
    token = alice.lock(document)
    status = alice.put(document, b"new", If=f"<{tag.format(path=document)}> (<{token}>)").status
    # A slash at the end makes no other resource (§5.2).
    assert status == (204 if tag == "{path}/" else 412)


def test_a_tag_with_other_characters_escaped_is_the_same_resource(alice: Client, folder: str) -> None:
    path = f"{folder}/a (1) ü.txt"
    token = alice.lock(path)
    for name in ("a%20(1)%20%C3%BC.txt", "a%20%281%29%20%c3%bc.txt", "%61%20(1)%20u%CC%88.txt"):
        assert alice.put(path, b"new", If=f"<{url(alice, folder)}/{name}> (<{token}>)").status == 204, name


def test_a_token_that_is_true_of_another_resource_is_submitted_only_if_it_is_the_right_one(
    alice: Client, document: str, other: str
) -> None:
    token, others = alice.lock(document), alice.lock(other)
    assert alice.put(document, b"new", If=f"<{other}> (<{others}>)").status == 423, "true, but not this document's token"
    assert alice.put(document, b"new", If=f"<{other}> (<{token}>)").status == 412, "this document's token, but not true"
    assert alice.put(document, b"new", If=f"<{other}> (<{others}>) <{document}> (<{token}>)").status == 204
    assert alice.get(document).body == b"new"


def test_a_token_in_any_list_is_submitted(alice: Client, document: str) -> None:
    token = alice.lock(document)
    assert alice.put(document, b"1", If=f"{FALSE} (<{token}>)").status == 204
    assert alice.put(document, b"2", If=f'(<{token}> ["wrong"]) (Not <DAV:no-lock>)').status == 204


def test_conditions_in_a_list_are_all_needed_and_of_the_lists_one(alice: Client, document: str) -> None:
    token = alice.lock(document)
    etag = alice.get(document).headers["ETag"]
    assert alice.put(document, b"1", If=f'(<{token}> ["wrong"])').status == 412
    assert alice.put(document, b"1", If=f"(<{token}> [{etag}])").status == 204
    assert alice.put(document, b"2", If=f"(<{token}> [{etag}])").status == 412, "the etag is that of the version before"
    assert alice.put(document, b"2", If=f"(<{token}> [{etag}]) (<{token}>)").status == 204


def test_not_and_no_lock(alice: Client, document: str) -> None:
    etag = alice.get(document).headers["ETag"]
    assert alice.put(document, b"1", If="(Not <DAV:no-lock>)").status == 204
    assert alice.put(document, b"2", If="(<DAV:no-lock>)").status == 412
    assert alice.put(document, b"2", If=f"(Not [{etag}])").status == 204
    assert alice.put(document, b"3", If="(Not <urn:uuid:none>)").status == 204
    token = alice.lock(document)
    assert alice.put(document, b"4", If=f"(Not <{token}>)").status == 412
    assert alice.put(document, b"4", If="(Not <DAV:no-lock>)").status == 423


def test_etags_are_compared_strongly(alice: Client, document: str) -> None:
    etag = alice.get(document).headers["ETag"]
    assert alice.put(document, b"1", If=f"([W/{etag}])").status == 412
    assert alice.put(document, b"1", If=f"([{etag}])").status == 204


def test_a_condition_on_something_that_is_not_there_is_false(alice: Client, folder: str, disk: Path) -> None:
    for value in ('(["x"])', "(<urn:uuid:x>)", "(<DAV:no-lock>)"):
        assert alice.put(f"{folder}/new", b"", If=value).status == 412, value
    assert list(disk.iterdir()) == []
    assert alice.put(f"{folder}/new", b"", If='(Not ["x"])').status == 201


def test_a_tag_may_name_something_that_is_not_there(alice: Client, folder: str, document: str) -> None:
    assert alice.put(document, b"1", If=f"<{folder}/missing> (<urn:uuid:x>)").status == 412
    assert alice.put(document, b"1", If=f"<{folder}/missing> (Not <urn:uuid:x>)").status == 204


def test_a_deep_lock_is_true_of_its_members(alice: Client, folder: str, document: str) -> None:
    token = alice.lock(folder, depth="infinity")
    assert alice.put(document, b"1", If=f"(<{token}>)").status == 204
    assert alice.put(document, b"2", If=f"<{url(alice, folder)}> (<{token}>)").status == 204


@pytest.mark.parametrize("method", ["GET", "HEAD", "PROPFIND", "PUT", "PROPPATCH", "DELETE", "MOVE", "COPY", "LOCK", "UNLOCK"])
def test_a_false_condition_stops_every_method(alice: Client, document: str, disk: Path, method: str) -> None:
    attempts: dict[str, Callable[[], Answer]] = {
        "PUT": lambda: alice.put(document, b"new", If=FALSE),
        "PROPPATCH": lambda: proppatch(alice, document, setting("<Z:a>1</Z:a>"), If=FALSE),
        "MOVE": lambda: transfer(alice, "MOVE", document, f"{document}.x", If=FALSE),
        "COPY": lambda: transfer(alice, "COPY", document, f"{document}.x", If=FALSE),
        "LOCK": lambda: alice.request("LOCK", document, lockinfo("x"), Depth="0", If=FALSE),
        "UNLOCK": lambda: alice.request("UNLOCK", document, Lock_Token="<urn:uuid:x>", If=FALSE),
        "PROPFIND": lambda: alice.request("PROPFIND", document, Depth="0", If=FALSE),
    }
    attempt = attempts.get(method, lambda: alice.request(method, document, If=FALSE))
    assert attempt().status == 412
    assert {each.name: each.read_bytes() for each in disk.iterdir()} == {"report.odt": b"old"}
    assert locks_on(alice, document) == []


def test_a_false_condition_stops_mkcol_and_the_lock_of_a_new_name(alice: Client, folder: str, disk: Path) -> None:
    assert alice.request("MKCOL", f"{folder}/new", If=FALSE).status == 412
    assert alice.request("LOCK", f"{folder}/new", lockinfo("x"), If=FALSE).status == 412
    assert list(disk.iterdir()) == []


@pytest.mark.parametrize(
    "value", ["", "(", "()", "garbage", "(Not)", "(<a>", '(["a)', "<x>", "(<a>) <x> (<b>)", '["a"]', "(a)", "<a> <b> (<c>)"]
)
def test_an_if_header_that_makes_no_sense_is_400(alice: Client, document: str, value: str) -> None:
    for method in ("PUT", "GET", "DELETE"):
        assert alice.request(method, document, If=value).status == 400
    assert alice.get(document).body == b"old"


def test_no_blanks_are_needed_between_conditions(alice: Client, document: str) -> None:
    token = alice.lock(document)
    etag = alice.get(document).headers["ETag"]
    assert alice.put(document, b"new", If=f"(Not<DAV:no-lock><{token}>[{etag}])").status == 204


def test_two_if_headers_are_400(serving: Serving, document: str) -> None:
    answer = say(serving, f"PUT {document}", "If: (Not <DAV:no-lock>)", "If: (Not <DAV:no-lock>)", body=b"new")
    assert answer.status == 400
