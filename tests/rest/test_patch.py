"""JSON patch and merge patch (rest.md §7): what they make of an entity, and what a client gets for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from davlock.errors import BadRequest
from davlock.rest.patching import MAX_OPERATIONS, patched
from davlock.rest.refusals import Refused
from tests.rest.conftest import Api, Stored

JSON_PATCH, MERGE_PATCH = "application/json-patch+json", "application/merge-patch+json"
ENTITY: dict[str, Any] = {
    "DocumentId": 7,
    "Header": "Plan",
    "IsPublished": True,
    "Snum": 1,
    "Person": None,
    "ExtraFields": {"x": "1", "a/b": "2"},
    "VisibleFor": [{"VisibleId": 3}],
}


def op(name: str, path: str, *value: Any) -> dict[str, Any]:
    return {"op": name, "path": path} | ({"value": value[0]} if value else {})


@pytest.mark.parametrize(
    ("patch", "changed"),
    [
        ([], {}),
        ([op("replace", "/Header", "New")], {"Header": "New"}),
        ([op("replace", "header", "New")], {"Header": "New"}),
        ([op("add", "HEADER", "New")], {"Header": "New"}),
        ([op("remove", "/Header")], {"Header": None}),
        ([op("replace", "/Header", None)], {"Header": None}),
        ([op("add", "/ExtraFields/y", "3")], {"ExtraFields": {"x": "1", "a/b": "2", "y": "3"}}),
        ([op("replace", "/extrafields/X", "3")], {"ExtraFields": {"x": "3", "a/b": "2"}}),
        ([op("remove", "/ExtraFields/a~1b")], {"ExtraFields": {"x": "1"}}),
        ([op("add", "/VisibleFor/-", {"VisibleId": 4})], {"VisibleFor": [{"VisibleId": 3}, {"VisibleId": 4}]}),
        ([op("add", "/VisibleFor/0", {"VisibleId": 4})], {"VisibleFor": [{"VisibleId": 4}, {"VisibleId": 3}]}),
        ([op("replace", "/visibleFor/0/visibleId", 5)], {"VisibleFor": [{"VisibleId": 5}]}),
        ([op("remove", "/VisibleFor/0")], {"VisibleFor": []}),
        ([op("test", "/Header", "Plan"), op("replace", "/Header", "New")], {"Header": "New"}),
        ([op("replace", "/Header", "New"), op("test", "/Header", "New")], {"Header": "New"}),
        ([op("test", "/Snum", 1.0), op("test", "/ExtraFields", {"a/b": "2", "x": "1"}), op("test", "/Person", None)], {}),
        ({}, {}),
        ({"header": "New"}, {"Header": "New"}),
        ({"Header": None}, {"Header": None}),
        ({"ExtraFields": {"X": None, "y": "3"}}, {"ExtraFields": {"a/b": "2", "y": "3"}}),
        ({"VisibleFor": {"VisibleId": 4}}, {"VisibleFor": [{"VisibleId": 3}, {"VisibleId": 4}]}),
        ({"VisibleFor": []}, {"VisibleFor": []}),
        ({"OurRef": "new"}, {"OurRef": "new"}),
    ],
)
def test_what_a_patch_makes_of_an_entity(patch: Any, changed: dict[str, Any]) -> None:
    before = json.dumps(ENTITY)
    found = patched(ENTITY, patch)
    assert {name: found.get(name) for name in ENTITY | changed} == ENTITY | changed
    assert json.dumps(ENTITY) == before, "what is patched stays as it was"


@pytest.mark.parametrize(
    "test",
    [
        op("test", "/Header", "Other"),
        op("test", "/Header", "plan"),
        op("test", "/IsPublished", 1),
        op("test", "/Snum", True),
        op("test", "/Snum", "1"),
        op("test", "/VisibleFor", []),
        op("test", "/ExtraFields", {"x": "1"}),
        op("test", "/ExtraFields/z", "1"),
        op("test", "/ExtraFields/z", None),
        op("test", "/VisibleFor/1", {}),
        op("test", "/Header/x", "1"),
        op("replace", "/ExtraFields/z", "1"),
        op("remove", "/ExtraFields/z"),
        op("remove", "/VisibleFor/1"),
        op("replace", "/VisibleFor/-", {}),
        op("add", "/VisibleFor/2", {}),
        op("add", "/VisibleFor/-1", {}),
        op("add", "/VisibleFor/x", {}),
        op("add", "/Header/x/y", "1"),
        op("add", "/Nothing/x", "1"),
    ],
)
def test_what_does_not_fit_the_entity_is_a_conflict(test: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        patched(ENTITY, [op("replace", "/Snum", 2), test])
    assert refused.value.status == 409


NO_PATCHES: list[Any] = [
    ["x"],
    [1],
    [None],
    [[]],
    [{}],
    [{"op": "replace"}],
    [{"path": "/Header", "value": "x"}],
    [op("replace", "/Header")],
    [op("add", "/Header")],
    [op("test", "/Header")],
    [op("move", "/Header", "x") | {"from": "/Name"}],
    [op("copy", "/Header", "x") | {"from": "/Name"}],
    [op("REPLACE", "/Header", "x")],
    [{"op": ["add"], "path": "/Header", "value": "x"}],
    [{"op": "add", "path": 1, "value": "x"}],
    [op("test", "/a" * 9, "x")],
    [op("test", "/Header", "Plan")] * (MAX_OPERATIONS + 1),
    {"ExtraFields": {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {"i": {"j": {"k": 1}}}}}}}}}}}},
    "x",
    1,
    True,
]


@pytest.mark.parametrize("patch", NO_PATCHES, ids=str)
def test_what_is_no_patch_is_refused(patch: Any) -> None:
    with pytest.raises(BadRequest):
        patched(ENTITY, patch)


@pytest.mark.parametrize("patch", [[op("replace", "/Header", "New")], {"header": "New"}], ids=["list", "object"])
@pytest.mark.parametrize("media_type", ["application/json", JSON_PATCH, MERGE_PATCH])
def test_the_body_tells_which_patch_it_is(api: Api, document: Stored, patch: Any, media_type: str) -> None:
    told = api("alice", "PATCH", f"/Document/{document.id}", patch, Content_Type=media_type)
    assert (told["Header"], told["Name"]) == ("New", "report.docx")
    assert api("bob", "GET", f"/Document/{document.id}") == told


def test_only_what_is_named_changes(api: Api, document: Stored) -> None:
    url = f"/Document/{document.id}"
    said = {"OurRef": "2026/17", "Description": "two\nlines", "CustomFields": {"a": "1"}, "Date": "2026-01-02T03:04:05"}
    before = api("alice", "PATCH", url, said)
    after = api("alice", "PATCH", url, [op("add", "/customfields/b", "2"), op("replace", "Snum", 5)])
    moved = {"UpdatedDate"}
    assert {name for name in before if before[name] != after[name]} - moved == {"CustomFields", "Snum"}
    assert after["CustomFields"] == {"a": "1", "b": "2"}


def test_a_patch_whose_test_fails_changes_nothing(api: Api, document: Stored) -> None:
    url = f"/Document/{document.id}"
    before = api("alice", "GET", url)
    patch = [op("replace", "/Name", "other.docx"), op("replace", "/Header", "x"), op("test", "/OurRef", "other")]
    told = api.refused(409, "alice", "PATCH", url, patch)
    assert "/OurRef" in told["ErrorMessage"]
    assert api("alice", "GET", url) == before


@pytest.mark.parametrize(
    "patch",
    [
        [op("replace", "/Header", {})],
        [op("replace", "/Name", "a/b.docx")],
        [op("replace", "/Completed", "perhaps")],
        [op("replace", "/Snum", 2**31)],
        [op("add", "/VisibleFor/-", "everybody")],
        [op("add", "/ExtraFields/x", "\x00")],
        {"Description": "x" * 2048},
        {"Date": "yesterday"},
        {"ExtraFields": {"x": 1.5}},
        {"ExtraFields": ["x"]},
        [{"op": "move", "from": "/Header", "path": "/OurRef"}],
        "x",
    ],
    ids=str,
)
def test_a_patch_that_makes_no_sense_changes_nothing(api: Api, document: Stored, patch: Any) -> None:
    url = f"/Document/{document.id}"
    before = api("alice", "GET", url)
    api.refused(400, "alice", "PATCH", url, json.dumps(patch).encode(), Content_Type="application/json")
    assert api("alice", "GET", url) == before


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"{", b"[" * 100_000, b'{"a":' * 5000, b"\xff", b'[{"op":"add","path":"/Snum","value":NaN}]', b'{"Header":"\\ud800"}'],
    ids=lambda body: str(body[:20]),
)
def test_a_body_that_is_no_json_is_refused(api: Api, document: Stored, body: bytes) -> None:
    api.refused(400, "alice", "PATCH", f"/Document/{document.id}", body, Content_Type="application/json")


def test_a_merge_of_very_many_names_takes_no_time(api: Api, document: Stored) -> None:
    url = f"/Document/{document.id}"
    many = {f"k{number}": "" for number in range(8000)}
    assert len(api("alice", "PATCH", url, {"ExtraFields": many})["ExtraFields"]) == 8000
    assert api("alice", "PATCH", url, {"ExtraFields": {name.upper(): None for name in many}})["ExtraFields"] == {}


def test_what_is_too_much_to_keep_is_refused(api: Api, document: Stored) -> None:
    url = f"/Document/{document.id}"
    before = api("alice", "GET", url)
    api.refused(413, "alice", "PATCH", url, {"Name": "other.docx", "ExtraFields": {"x": "x" * 1_100_000}})
    assert api("alice", "GET", url) == before
