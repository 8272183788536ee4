"""Preconditions on the entity (rest.md §6, and entity tags): a change is for the one who knows what he changes."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate, parsedate_to_datetime
from typing import Any

import pytest

from tests.rest.conftest import Api, Stored
from tests.serving import Answer

WRITES: dict[str, Any] = {"PUT": {"Header": "x"}, "PATCH": {"Header": "x"}, "DELETE": None}
ALL = ["GET", *WRITES]


def headers(api: Api, document: Stored, **words: str) -> dict[str, str]:
    """Headers, in which `now` stands for the entity tag and `then` for the date of the document, and `before` for a second before that."""
    answer = api.ask("alice", "GET", f"/Document/{document.id}")
    second = int(parsedate_to_datetime(answer.headers["Last-Modified"]).timestamp())
    known = {"now": answer.headers["ETag"], "then": formatdate(second, usegmt=True), "before": formatdate(second - 1, usegmt=True)}
    return {name: known.get(value, value) for name, value in words.items()}


def ask(api: Api, method: str, document: Stored, **words: str) -> int:
    return api.ask("alice", method, f"/Document/{document.id}", WRITES.get(method), **headers(api, document, **words)).status


@pytest.mark.parametrize(
    ("words", "reading", "writing"),
    [
        ({"If_Match": "now"}, 200, 200),
        ({"If_Match": "*"}, 200, 200),
        ({"If_Match": '"x"'}, 412, 412),
        ({"If_Match": ""}, 412, 412),
        ({"If_None_Match": "now"}, 304, 412),
        ({"If_None_Match": "*"}, 304, 412),
        ({"If_None_Match": '"x"'}, 200, 200),
        ({"If_Unmodified_Since": "then"}, 200, 200),
        ({"If_Unmodified_Since": "before"}, 412, 412),
        ({"If_Unmodified_Since": "yesterday"}, 200, 200),
        ({"If_Unmodified_Since": ""}, 200, 200),
        ({"If_Modified_Since": "then"}, 304, 200),
        ({"If_Modified_Since": "before"}, 200, 200),
        ({"If_Modified_Since": "yesterday"}, 200, 200),
        ({"If_Match": "now", "If_Unmodified_Since": "before"}, 200, 200),
        ({"If_Match": '"x"', "If_Unmodified_Since": "then"}, 412, 412),
        ({"If_None_Match": '"x"', "If_Modified_Since": "then"}, 200, 200),
        ({"If_Match": "x"}, 400, 400),
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ALL)
def test_what_becomes_of_a_conditional_request(
    api: Api, document: Stored, method: str, words: dict[str, str], reading: int, writing: int
) -> None:
    expected = reading if method == "GET" else {200: 204}.get(writing, writing) if method == "DELETE" else writing
    before = api("alice", "GET", f"/Document/{document.id}")
    assert ask(api, method, document, **words) == expected
    if expected >= 400:
        assert api("alice", "GET", f"/Document/{document.id}") == before


def test_not_modified_has_the_validators_and_no_body(api: Api, document: Stored) -> None:
    first = api.ask("alice", "GET", f"/Document/{document.id}")
    again = api.ask("bob", "GET", f"/Document/{document.id}", If_None_Match=first.headers["ETag"])
    assert (again.status, again.body) == (304, b"")
    assert [again.headers[each] for each in ("ETag", "Last-Modified")] == [first.headers[each] for each in ("ETag", "Last-Modified")]


@pytest.mark.parametrize(
    "change",
    [
        lambda api, url: api("alice", "PATCH", url, {"Header": "x"}),
        lambda api, url: api("alice", "PATCH", url, {"Name": "other.docx"}),
        lambda api, url: api("alice", "PUT", url, {"OurRef": "x"}),
    ],
    ids=["field", "name", "all"],
)
def test_each_change_has_an_entity_tag_and_a_second_of_its_own(api: Api, document: Stored, change: Any) -> None:
    url = f"/Document/{document.id}"
    before = api.ask("alice", "GET", url)
    change(api, url)
    after = api.ask("alice", "GET", url)
    assert before.headers["ETag"] != after.headers["ETag"]
    assert parsedate_to_datetime(before.headers["Last-Modified"]) < parsedate_to_datetime(after.headers["Last-Modified"])
    assert json.loads(after.body)["UpdatedDate"] == f"{parsedate_to_datetime(after.headers['Last-Modified']):%Y-%m-%dT%H:%M:%S}"


def test_the_answer_of_a_change_has_the_validators_for_the_next_one(api: Api, document: Stored) -> None:
    url = f"/Document/{document.id}"
    answer: Answer = api.ask("alice", "GET", url)
    for number in range(3):
        answer = api.ask("alice", "PATCH", url, {"Snum": number + 1}, If_Match=answer.headers["ETag"])
        assert answer.status == 200
    for number in range(3):
        answer = api.ask("alice", "PATCH", url, {"Snum": number + 5}, If_Unmodified_Since=answer.headers["Last-Modified"])
        assert answer.status == 200


def test_saving_the_same_again_changes_nothing(api: Api, document: Stored) -> None:
    url = f"/Document/{document.id}"
    first = api.ask("alice", "PATCH", url, {"Header": "x", "Date": "2026-01-02T03:04:05", "ExtraFields": {"a": "1"}})
    again = api.ask("bob", "PUT", url, json.loads(first.body))
    assert (again.headers["ETag"], again.body) == (first.headers["ETag"], first.body)


def test_a_checkout_and_a_draft_change_neither_tag_nor_date(api: Api, document: Stored) -> None:
    url = f"/Document/{document.id}"
    before = api.ask("bob", "GET", url)
    assert api("alice", "POST", f"{url}/Lock")["Success"]
    assert api.client("alice").put(document.path, b"draft").status == 204
    for user in ("alice", "bob"):
        during = api.ask(user, "GET", url)
        assert (during.headers["ETag"], during.headers["Last-Modified"], during.body) == (
            *(before.headers[each] for each in ("ETag", "Last-Modified")),
            before.body,
        )


def test_new_content_changes_the_tag_of_the_entity_and_fields_do_not_change_that_of_the_content(api: Api, document: Stored) -> None:
    url, webdav = f"/Document/{document.id}", api.client("alice")
    entity, content = api.ask("alice", "GET", url).headers["ETag"], webdav.get(document.path).headers["ETag"]
    assert entity != content
    changed = api.ask("alice", "PATCH", url, {"Header": "x"}).headers["ETag"]
    assert webdav.get(document.path).headers["ETag"] == content
    assert webdav.put(document.path, b"two").status == 204
    assert api.ask("alice", "GET", url).headers["ETag"] not in (entity, changed)


def test_the_precondition_comes_before_the_patch_and_the_lock(api: Api, document: Stored) -> None:
    url = f"/Document/{document.id}"
    failing = [{"op": "test", "path": "/Header", "value": "other"}]
    api.refused(412, "alice", "PATCH", url, failing, If_Match='"x"')
    assert api("bob", "POST", f"{url}/Lock")["Success"]
    api.refused(412, "alice", "PATCH", url, {"Header": "x"}, If_Match='"x"')


def test_what_makes_no_sense_is_refused_before_its_precondition(api: Api, document: Stored) -> None:
    url = f"/Document/{document.id}"
    for method, body in (("PATCH", [{"op": "remove"}]), ("PATCH", {"Date": "soon"}), ("PUT", {"Header": "\x00"}), ("PUT", {"Name": "a/b"})):
        api.refused(400, "alice", method, url, body, If_Match='"x"')


@pytest.mark.parametrize("header", ["If-Match", "If-Unmodified-Since"])
def test_of_many_changes_with_the_same_precondition_one_is_done(api: Api, document: Stored, header: str) -> None:
    url, users = f"/Document/{document.id}", ["alice", "bob"] * 3
    read = api.ask("alice", "GET", url)
    condition = {header.replace("-", "_"): read.headers["ETag" if header == "If-Match" else "Last-Modified"]}
    together = threading.Barrier(len(users))

    def change(number: int) -> int:
        own = Api(api.serving)
        together.wait()
        return own.ask(users[number], "PATCH", url, {"Header": f"by {number}"}, **condition).status

    with ThreadPoolExecutor(len(users)) as threads:
        statuses = list(threads.map(change, range(len(users))))
    assert sorted(statuses) == [200, *[412] * (len(users) - 1)]
    assert api("alice", "GET", url)["Header"] == f"by {statuses.index(200)}"


def test_of_many_changes_without_a_precondition_none_is_lost(api: Api, document: Stored) -> None:
    url, users = f"/Document/{document.id}", ["alice", "bob"] * 3
    together = threading.Barrier(len(users))

    def change(number: int) -> None:
        own = Api(api.serving)
        together.wait()
        for each in range(4):
            own(users[number], "PATCH", url, {"ExtraFields": {f"{number}-{each}": "x"}})

    with ThreadPoolExecutor(len(users)) as threads:
        list(threads.map(change, range(len(users))))
    assert api("alice", "GET", url)["ExtraFields"] == {f"{number}-{each}": "x" for number in range(len(users)) for each in range(4)}


def test_the_agents_have_no_preconditions(api: Api, document: Stored) -> None:
    entity = {"DocumentId": document.id, "Header": "x"}
    assert api("alice", "POST", "/Agents/Document/SaveDocumentEntity", entity, If_Match='"x"')["Header"] == "x"
