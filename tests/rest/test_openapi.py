"""The OpenAPI document and its page: they tell of all that is served, and of nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from html import escape
from html.parser import HTMLParser
from typing import Any

import pytest

from davlock.rest import codec, samples
from davlock.rest.door import OPERATIONS
from davlock.rest.operations import ROOT, Operation, Raw
from davlock.rest.types import CheckoutInfo, Error, ReturnInfo, VersionInfo
from tests.rest.conftest import Api, Stored
from tests.serving import Client
from tests.serving import Raw as Path

Document = dict[str, Any]


@pytest.fixture(scope="module")
def document_of_all(api: Api) -> Document:
    answer = api.ask("alice", "GET", "/openapi.json")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    told: Document = json.loads(answer.body)
    return told


def described(document: Document) -> Iterator[tuple[str, str, Document]]:
    for path, item in document["paths"].items():
        for verb, operation in item.items():
            yield path, verb.upper(), operation


def parts(value: Any) -> Iterator[Document]:
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from parts(each)


def test_it_tells_of_every_operation_once(document_of_all: Document) -> None:
    assert document_of_all["openapi"].startswith("3.1.")
    told = [(verb, path) for path, verb, _ in described(document_of_all)]
    assert {(each.method, ROOT + each.path) for each in OPERATIONS} <= set(told)
    names = [operation["operationId"] for _, _, operation in described(document_of_all)]
    assert len(names) == len(set(names))


def test_whatever_it_tells_of_is_served(api: Api, document_of_all: Document) -> None:
    nobody = Client(api.serving)
    for path, item in document_of_all["paths"].items():
        if path == "/api":
            continue  # may also be a folder, whose methods are WebDAV's (test_places.py)
        allow = nobody.request("OPTIONS", Path(re.sub(r"\{\w+\}", "1", path))).headers["Allow"]
        assert {each.strip().lower() for each in allow.split(",")} - {"head", "options"} == set(item), path


def test_everything_it_refers_to_is_in_it(document_of_all: Document) -> None:
    references = {part["$ref"] for part in parts(document_of_all) if isinstance(part.get("$ref"), str)}
    assert len(references) > 50
    for reference in references:
        found = document_of_all
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
    used = {reference.rpartition("/")[2] for reference in references if "/schemas/" in reference}
    assert used == set(document_of_all["components"]["schemas"])


def test_every_parameter_and_every_operation_says_what_it_is(document_of_all: Document) -> None:
    for path, _, operation in described(document_of_all):
        assert operation["summary"] and operation["tags"], path
        assert not [each for each in operation.get("parameters", ()) if "$ref" not in each and "schema" not in each]
        assert set(re.findall(r"\{(\w+)\}", path)) == {each["name"] for each in operation.get("parameters", ()) if each.get("in") == "path"}


def test_only_what_needs_no_login_says_so(api: Api, document_of_all: Document) -> None:
    nobody = Client(api.serving)
    assert document_of_all["security"]
    for path, verb, operation in described(document_of_all):
        status = nobody.request(verb, Path(re.sub(r"\{\w+\}", "2147483647", path))).status
        assert (status == 401) == (operation.get("security") != []), (verb, path, status)


def test_all_properties_of_answers_are_there_and_in_order(api: Api, document: Stored, document_of_all: Document) -> None:
    schemas = document_of_all["components"]["schemas"]
    for path, name in ((f"/Document/{document.id}/Lock", "CheckoutInfo"), (f"/Document/{document.id}", "DocumentEntityWithLinks")):
        assert list(api("alice", "GET", path)) == list(schemas[name]["properties"]) == schemas[name]["required"]
    assert list(schemas["Error"]["properties"]) == ["Error", "ErrorType", "ErrorMessage", "ErrorSource"]


def test_enums_come_by_name_or_number_and_go_out_by_name(document_of_all: Document) -> None:
    schemas = document_of_all["components"]["schemas"]
    assert sorted(schemas["LockSemantics"]["enum"]) == ["Locking", "None", "Versioning"]
    name, number = schemas["LockSemanticsInput"]["anyOf"]
    assert sorted(name["enum"]) == ["Locking", "None", "Versioning"]
    assert number == {"type": "integer", "minimum": 0, "maximum": 2}


def test_the_sample_of_the_mission_is_the_example(document_of_all: Document) -> None:
    told = document_of_all["paths"]["/api/v1/Document/{documentId}/Lock"]["post"]["responses"]["200"]["content"]
    assert list(told["application/json"]["example"]) == ["ExternalReference", "VersionId", "Success", "Type", "Value", "AdditionalInfo"]
    assert set(told) == {"application/json", "text/json", "application/xml", "text/xml"}


@pytest.mark.parametrize("kind", [ReturnInfo, CheckoutInfo, VersionInfo])
def test_samples_are_what_they_say(kind: Any) -> None:
    assert codec.encode_json(codec.convert(samples.of(kind), kind)) == codec.encode_json(samples.of(kind))
    assert samples.of(list[kind]) == [samples.of(kind)]


def test_every_refusal_has_a_sample(document_of_all: Document) -> None:
    for each in document_of_all["components"]["responses"].values():
        assert codec.convert(each["content"]["application/json"]["example"], Error).error is True


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.examples], ids=lambda each: f"{each.method} {each.path}")
def test_examples_of_bodies_can_be_sent(operation: Operation) -> None:
    for example in operation.examples.values():
        assert operation.body is Raw or codec.convert(example, operation.body) is not None


class Page(HTMLParser):
    """What a browser would fetch or run, and where its links lead."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.names: set[str] = set()
        self.scripts = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.scripts += tag == "script" or any(name.startswith("on") for name in given)
        self.fetched += [value or "" for name, value in attributes if name in ("src", "srcset", "data", "style")]
        self.fetched += [given.get("href") or ""] if tag == "link" else []
        self.links += [given["href"] or ""] if tag == "a" and "href" in given else []
        self.names |= {given["id"] or ""} if "id" in given else set()


def test_the_page_fetches_nothing_and_runs_nothing(api: Api) -> None:
    answer = api.ask("alice", "GET", "/docs", Accept="text/html")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    text = answer.body.decode()
    page = Page()
    page.feed(text)
    assert (page.fetched, page.scripts) == ([], 0)
    assert {each for each in page.links if not each.startswith("#")} == {"openapi.json"}
    assert {each[1:] for each in page.links if each.startswith("#")} <= page.names
    style = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    assert len(style) == 1 and "url(" not in style[0] and "@import" not in style[0]
    [policy] = answer.headers.get_all("Content-Security-Policy", [])
    assert policy.startswith("default-src 'none'") and f"'sha256-{digest}'" in policy and "unsafe" not in policy


def test_the_page_tells_of_every_operation(api: Api, document_of_all: Document) -> None:
    text = api.ask("alice", "GET", "/docs").body.decode()
    for path, _, operation in described(document_of_all):
        assert f"<code>{path}</code>" in text
        assert f"id={operation['operationId']}>" in text


def test_the_page_says_what_parameters_mean(api: Api, document_of_all: Document) -> None:
    text = re.sub(r"</?code>", "`", api.ask("alice", "GET", "/docs").body.decode())
    described_ones = [
        each for _, _, operation in described(document_of_all) for each in operation.get("parameters", ()) if "description" in each
    ]
    assert len(described_ones) > 20
    for each in described_ones:
        assert escape(each["description"][1:]) in text, each
