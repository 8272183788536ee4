"""What clients accept and send: media types, languages, methods, and the headers of every answer."""

from __future__ import annotations

import json

import pytest

from tests.rest.conftest import Api, Stored
from tests.serving import Client, Raw

JSON = "application/json; charset=utf-8"
XML = "application/xml; charset=utf-8"


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/json", JSON),
        ("application/json; charset=utf-8", JSON),
        ("APPLICATION/JSON;Charset=UTF-8", JSON),
        ("application/json;odata=verbose, text/plain, */*", JSON),
        ("application/*", JSON),
        ("text/json", "text/json; charset=utf-8"),
        ("text/*", "text/json; charset=utf-8"),
        ("application/xml", XML),
        ("text/xml", "text/xml; charset=utf-8"),
        ("application/json;q=0.5, application/xml", XML),
        ("application/xml;q=0.9, */*;q=0.8", XML),
        ("application/json;q=0, */*", XML),
        ("application/json;q=x, application/xml;q=0.1", XML),
        ("text/html, application/xml;q=0.9, application/json;q=0.9", JSON),
        (",;,=, application/json", JSON),
    ],
)
def test_a_client_gets_the_media_type_that_it_likes_best(api: Api, document: Stored, accept: str | None, content_type: str) -> None:
    answer = api.ask("alice", "GET", f"/Document/{document.id}/Lock", Accept=accept)
    assert (answer.status, answer.headers["Content-Type"]) == (200, content_type)
    assert b"NotCheckedOut" in answer.body
    assert answer.body.startswith(b"<?xml" if "xml" in content_type else b"{")


@pytest.mark.parametrize(
    "accept", ["text/html", "image/*", "application/json;q=0", "application/jsonx", "*/json", "json", "application/json;q=2", ";;;", "\xe4"]
)
def test_who_takes_neither_json_nor_xml_gets_a_refusal_and_changes_nothing(api: Api, document: Stored, accept: str) -> None:
    told = api.refused(406, "alice", "POST", f"/Document/{document.id}/Lock", Accept=accept)
    assert "application/json" in told["ErrorMessage"]
    assert api("alice", "GET", f"/Document/{document.id}/Lock")["State"] == "NotCheckedOut"


def test_who_takes_no_json_can_still_do_what_has_no_answer(api: Api, document: Stored) -> None:
    assert api.ask("alice", "DELETE", f"/Document/{document.id}", Accept="text/html").status == 204


def call(document: Stored) -> bytes:
    return json.dumps({"documentId": document.id}).encode()


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "application/json",
        "Application/JSON ; charset=UTF-8",
        'text/json;charset="utf-8"',
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/json; odata=verbose",
    ],
)
def test_json_is_taken_by_all_its_names(api: Api, document: Stored, content_type: str | None) -> None:
    answer = api.ask("alice", "POST", "/Agents/Document/GetCheckoutState", call(document), Content_Type=content_type)
    assert answer.status == 200, answer.body
    assert json.loads(answer.body)["State"] == "NotCheckedOut"


@pytest.mark.parametrize("content_type", ["application/xml", "text/xml", "text/xml; charset=utf-8"])
def test_xml_is_taken_by_all_its_names(api: Api, document: Stored, content_type: str) -> None:
    body = f"<DocumentCall><DocumentId>{document.id}</DocumentId></DocumentCall>".encode()
    assert api("alice", "POST", "/Agents/Document/GetCheckoutState", body, Content_Type=content_type)["State"] == "NotCheckedOut"


def test_forms_are_taken(api: Api, document: Stored) -> None:
    body = f"documentid={document.id}&AllowedReturnTypes=None&AllowedReturnTypes=Message&Comment=a+b%26c".encode()
    form = "application/x-www-form-urlencoded"
    assert api("alice", "POST", "/Agents/Document/CheckoutDocument", body, Content_Type=form)["Success"] is True
    assert api("alice", "GET", f"/Document/{document.id}/Lock")["Comment"] == "a b&c"


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/octet-stream", "multipart/form-data; boundary=x", "json", "application/json; charset=utf-16"],
)
def test_other_bodies_are_refused(api: Api, document: Stored, content_type: str) -> None:
    told = api.refused(415, "alice", "POST", "/Agents/Document/CheckoutDocument", call(document), Content_Type=content_type)
    assert "application/json" in told["ErrorMessage"]


def test_compressed_bodies_are_refused_instead_of_stored(api: Api, document: Stored) -> None:
    for method, path in (("POST", "/Agents/Document/CheckoutDocument"), ("PUT", f"/Document/{document.id}/Content")):
        api.refused(415, "alice", method, path, b"\x1f\x8b", Content_Encoding="gzip", Content_Type="application/octet-stream")


def test_the_type_of_a_body_that_is_not_there_means_nothing(api: Api, document: Stored) -> None:
    # The vendor's client sends it with every GET and DELETE.
    for method in ("GET", "POST", "DELETE"):
        for content_type in ("application/json", "text/plain"):
            assert api.ask("alice", method, f"/Document/{document.id}/Lock", Content_Type=content_type).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept_Language": "*"},
        {"Accept_Language": "sv, en;q=0.5"},
        {"Accept_Language": ";;q=,"},
        {"SO_Language": "x"},
        {"SO_Language": "xx-nowhere", "SO_Culture": "%%%"},
        {"SO_Culture": "sv-SE"},
        {"SO_AppToken": "secret", "SO_Browser_TZ_Offset": "-60"},
        {"SO_Browser_TZ_Offset": "a lot"},
    ],
)
def test_no_language_is_an_error(api: Api, document: Stored, headers: dict[str, str]) -> None:
    assert api("alice", "GET", f"/Document/{document.id}/Lock", **headers)["State"] == "NotCheckedOut"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/Document/{id}/Lock", 200),
        ("GET", "/Document/2147483647", 404),
        ("GET", "/Document/{id}/Lock?x=%zz", 400),
        ("GET", "/nowhere", 404),
        ("PATCH", "/Document/{id}/Lock", 405),
        ("FROBNICATE", "/Document/{id}/Lock", 405),
        ("GET", "/Document/%2e%2e%2fLock", 400),
    ],
)
def test_every_answer_is_for_this_client_only_and_not_to_be_run(api: Api, document: Stored, method: str, path: str, status: int) -> None:
    answer = api.ask("alice", method, path.replace("{id}", str(document.id)))
    assert answer.status == status
    assert answer.headers["Content-Type"] == JSON
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert {"accept", "authorization", "so-timezone"} <= {
        each.strip().lower() for each in ",".join(answer.headers.get_all("Vary", [])).split(",")
    }


@pytest.mark.parametrize("method", ["PATCH", "PROPFIND", "LOCK", "TRACE", "FROBNICATE", "WEBSOCKET"])
def test_other_methods_are_refused_in_the_words_of_this_api(api: Api, document: Stored, method: str) -> None:
    answer = api.ask("alice", method, f"/Document/{document.id}/Lock")
    assert answer.status in (400, 405)
    assert json.loads(answer.body)["Error"] is True
    if answer.status == 405:
        assert {each.strip() for each in answer.headers["Allow"].split(",")} == {"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"}
        assert method in json.loads(answer.body)["ErrorMessage"]


def test_options_tells_the_methods_of_every_path(api: Api, document: Stored) -> None:
    for path, methods in (
        (f"/Document/{document.id}/Lock", {"DELETE", "GET", "POST", "PUT"}),
        ("/Agents/Document/CheckoutDocument", {"GET", "POST"}),
    ):
        answer = Client(api.serving).request("OPTIONS", Raw(f"/api/v1{path}"))
        assert answer.status == 200
        assert {each.strip() for each in answer.headers["Allow"].split(",")} - {"HEAD", "OPTIONS"} == methods


def test_head_is_get_without_a_body(api: Api, document: Stored) -> None:
    for path in (f"/Document/{document.id}/Lock", f"/Document/{document.id}/Content", f"/Document/{document.id}", "/Document/2147483647"):
        head, get = (api.ask("alice", method, path) for method in ("HEAD", "GET"))
        assert head.body == b""
        assert head.status == get.status
        assert head.headers["Content-Type"] == get.headers["Content-Type"]
        assert head.headers["Content-Length"] == get.headers["Content-Length"]


def test_get_on_an_agents_url_tells_what_post_does_and_does_nothing(api: Api, document: Stored) -> None:
    told = api("alice", "GET", f"/Agents/Document/CheckoutDocument?documentId={document.id}")
    assert told == {"/Agents/Document/CheckoutDocument": "Check a document out"}
    assert api("alice", "GET", f"/Document/{document.id}/Lock")["State"] == "NotCheckedOut"


@pytest.mark.parametrize("path", ["/DOCUMENT/{id}/lock", "/document/{id}/Lock/", "/Document/{id}/Lock?ALLOWEDRETURNTYPES=None"])
def test_paths_and_parameters_are_found_in_any_case(api: Api, document: Stored, path: str) -> None:
    assert api("alice", "POST", path.replace("{id}", str(document.id)))["Success"] is True


def test_properties_that_are_not_selected_come_back_null(api: Api, document: Stored) -> None:
    told = api("alice", "GET", f"/Document/{document.id}?$select=documentid,NAME,%20createdBy/name")
    kept = {name: value for name, value in told.items() if value is not None}
    assert set(kept) == {"DocumentId", "Name", "CreatedBy"}
    assert {name: value for name, value in kept["CreatedBy"].items() if value is not None} == {"Name": kept["CreatedBy"]["Name"]}
    assert set(told) == set(api("alice", "GET", f"/Document/{document.id}?$select="))
    listed = api("alice", "POST", "/Agents/Document/GetDocumentList?%24select=Name", [document.id])
    assert [{name for name, value in each.items() if value is not None} for each in listed] == [{"Name"}]


def test_nothing_that_is_selected_deep_or_wrongly_is_an_error(api: Api, document: Stored) -> None:
    for text in ("nothing", "a/b/c/d", "/", ",,", "Name/Name", "x" * 5000, "a/" * 3000):
        told = api("alice", "GET", f"/Document/{document.id}?$select={text}")
        assert len(told) > 30
