"""OPTIONS (RFC 9110 §9.3.7, RFC 4918 §10.1 and §18), and the methods that are not there."""

from __future__ import annotations

import pytest

from tests.dav.stories import say
from tests.serving import Client, Raw, Serving

EVERYWHERE = {"OPTIONS", "GET", "HEAD", "PROPFIND", "PROPPATCH", "COPY", "MOVE", "DELETE", "LOCK", "UNLOCK", "REPORT"}
ON_DOCUMENT = EVERYWHERE | {"PUT", "CHECKOUT", "CHECKIN", "UNCHECKOUT", "VERSION-CONTROL"}
FEATURES = "1, 2, 3, version-control, checkout-in-place"


def methods(value: str | None) -> set[str]:
    return set((value or "").split(", "))


def test_a_document_a_folder_and_nothing_allow_different_methods(alice: Client, folder: str, document: str) -> None:
    for path, allowed in (
        (document, ON_DOCUMENT),
        (folder, EVERYWHERE),
        (f"{folder}/", EVERYWHERE),
        ("/", EVERYWHERE),
        (f"{folder}/new", {"OPTIONS", "PUT", "MKCOL", "LOCK", "UNLOCK"}),
    ):
        answer = alice.request("OPTIONS", path)
        assert answer.status == 200
        assert methods(answer.headers["Allow"]) == allowed, path
        # Office asks the folder whether its documents can be saved.
        assert methods(answer.headers["Public"]) == ON_DOCUMENT | {"MKCOL"}, path


def test_the_features_are_the_same_for_everything(alice: Client, folder: str, document: str) -> None:
    # RFC 3253 §3.9: on everything that has any of its properties, reports or methods; folders have a report and properties
    alice.put(document, b"new")
    for path in (document, folder, f"{folder}/missing", "/", "/_davlock/versions/1/1"):
        assert alice.request("OPTIONS", path).headers["DAV"] == FEATURES, path


def test_the_classes_and_what_office_looks_for(alice: Client, document: str) -> None:
    answer = alice.request("OPTIONS", document)
    assert answer.headers["DAV"] == FEATURES
    assert answer.headers["MS-Author-Via"] == "DAV"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Length"] == "0"


@pytest.mark.parametrize("user", ["alice", None])
def test_the_server_as_a_whole(serving: Serving, user: str | None) -> None:
    answer = say(serving, "OPTIONS *", user=user)
    assert answer.status == 200
    assert methods(answer.headers["Allow"]) == ON_DOCUMENT | {"MKCOL"}
    assert answer.headers["DAV"] == FEATURES


def test_nobody_in_particular_is_not_told_what_exists(serving: Serving, folder: str, document: str) -> None:
    answers = [say(serving, f"OPTIONS {path}", user=None) for path in (document, folder, f"{folder}/missing", "/.davlock", "/%00")]
    assert {answer.status for answer in answers} == {200}
    assert len({answer.headers["Allow"] for answer in answers}) == 1
    assert {answer.headers["DAV"] for answer in answers} == {FEATURES}


def test_options_of_an_impossible_name_is_no_error(alice: Client) -> None:
    for target in ("/%00", "/a/../b", "/%ff", "/.davlock/state.db"):
        assert alice.request("OPTIONS", Raw(target)).status == 200, target


@pytest.mark.parametrize(
    "method",
    ["POST", "PATCH", "TRACE", "UPDATE", "LABEL", "MERGE", "MKWORKSPACE", "BASELINE-CONTROL", "SEARCH", "ACL", "MKCALENDAR", "BIND", "X"],
)
def test_methods_that_are_not_there_are_405(alice: Client, document: str, method: str) -> None:
    answer = alice.request(method, document, b"body")
    assert answer.status == 405
    assert methods(answer.headers["Allow"]) == ON_DOCUMENT
    assert method in answer.body.decode()
    assert alice.get(document).body == b"old"


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-HTTP-METHOD-OVERRIDE"])
def test_a_method_in_a_header_is_ignored(serving: Serving, alice: Client, document: str, header: str) -> None:
    assert say(serving, f"POST {document}?_method=DELETE", f"{header}: DELETE", body=b"_method=DELETE").status == 405
    assert say(serving, f"GET {document}?_method=DELETE", f"{header}: DELETE").status == 200
    assert alice.get(document).body == b"old"
