"""Documents as entities (rest.md §7, §8, §15): made, read, changed, renamed and deleted, through both flavours."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.dav.versioning import say
from tests.rest.conftest import Api, Stored, number, stored
from tests.serving import Answer, Client

NAMESPACE = "urn:davlock:document"
IN_ORDER = [
    "DocumentId",
    "UpdatedBy",
    "CreatedBy",
    "Attention",
    "Header",
    "Name",
    "OurRef",
    "YourRef",
    "CreatedDate",
    "UpdatedDate",
    "Description",
    "DocumentTemplate",
    "Person",
    "Associate",
    "Contact",
    "Project",
    "Date",
    "ExternalRef",
    "Completed",
    "ActiveLinks",
    "Type",
    "Links",
    "LockSemantics",
    "Sale",
    "SuggestedDocumentId",
    "Snum",
    "UserDefinedFields",
    "ExtraFields",
    "CustomFields",
    "PublishEventDate",
    "PublishTo",
    "PublishFrom",
    "IsPublished",
    "VisibleFor",
    "TableRight",
    "FieldProperties",
    "Path",
]
FIELDS: dict[str, Any] = {
    "Attention": "Mr. Ö & <Co>",
    "Header": "Plan\nB",
    "OurRef": "2026/17",
    "YourRef": " blank ",
    "Description": "x" * 2047,
    "Date": "2026-01-02T03:04:05",
    "Completed": "Started",
    "ActiveLinks": 3,
    "Type": "MergeDraft",
    "SuggestedDocumentId": 9,
    "Snum": -1,
    "UserDefinedFields": {"SuperOffice:1": "a"},
    "ExtraFields": {"": "empty", "ü ]]>": '"x"\t\r\n'},
    "CustomFields": {"a": "", "A": "b"},
    "PublishEventDate": "1999-12-31T23:59:59",
    "PublishTo": "9999-12-31T23:59:59",
    "PublishFrom": "2000-02-29T00:00:00",
    "IsPublished": True,
    "VisibleFor": [
        {"VisibleId": 3, "Visibility": "Group", "DisplayValue": "Sales", "TableRight": None, "FieldProperties": {}},
        {"VisibleId": 0, "Visibility": "All", "DisplayValue": "", "TableRight": None, "FieldProperties": {}},
    ],
}
EMPTY: dict[str, Any] = {
    **dict.fromkeys(("Attention", "OurRef", "YourRef", "Description"), ""),
    **dict.fromkeys(("ActiveLinks", "SuggestedDocumentId", "Snum"), 0),
    **dict.fromkeys(("UserDefinedFields", "ExtraFields", "CustomFields"), {}),
    **dict.fromkeys(("PublishEventDate", "PublishTo", "PublishFrom"), "0001-01-01T00:00:00"),
    **{"Completed": "NotStarted", "Type": "Document", "IsPublished": False, "VisibleFor": []},
}
CRM: dict[str, Any] = {name: {"PersonId": 5, "Name": "x"} for name in ("DocumentTemplate", "Person", "Contact", "Project", "Sale")}

# What SaveDocumentEntity, PUT and POST have in common, and what reading has.
Save = Callable[[Api, str, dict[str, Any]], Any]
Read = Callable[[Api, str, int], Any]
Ask = Callable[[Api, str, int], Answer]


def save_by_rest(api: Api, user: str, entity: dict[str, Any]) -> Any:
    id = entity.get("DocumentId")
    return api(user, "PUT", f"/Document/{id}", entity) if id else api(user, "POST", "/Document", entity)


def save_by_agent(api: Api, user: str, entity: dict[str, Any]) -> Any:
    return api(user, "POST", "/Agents/Document/SaveDocumentEntity", entity)


def read_by_rest(api: Api, user: str, id: int) -> Any:
    return api(user, "GET", f"/Document/{id}")


def read_by_agent(api: Api, user: str, id: int) -> Any:
    return api(user, "POST", f"/Agents/Document/GetDocumentEntity?documentEntityId={id}")


SAVE = pytest.mark.parametrize("save", [save_by_rest, save_by_agent])
READ = pytest.mark.parametrize("read", [read_by_rest, read_by_agent])


def default_by_rest(api: Api) -> Any:
    return api("alice", "GET", "/Document/default")


def default_by_agent(api: Api) -> Any:
    return api("alice", "POST", "/Agents/Document/CreateDefaultDocumentEntity", b"null", Content_Type="application/json")


# reading


@pytest.mark.parametrize("default", [default_by_rest, default_by_agent])
def test_the_default_entity_is_one_that_can_be_saved(api: Api, folder: Path, default: Callable[[Api], Any]) -> None:
    entity = default(api)
    assert list(entity) == IN_ORDER
    assert (entity["DocumentId"], entity["Name"], entity["Header"], entity["CreatedBy"]) == (0, "", "", None)
    assert (entity["Path"], entity["LockSemantics"], entity["Associate"]["Name"]) == ("/", "Versioning", "alice")
    assert {name: entity[name] for name in EMPTY} == EMPTY
    made = api("alice", "POST", "/Document", entity | {"Name": "a.docx", "Path": f"/{folder.name}"})
    assert (made["Name"], made["Path"]) == ("a.docx", f"/{folder.name}/a.docx")


@READ
def test_a_document_that_nobody_has_said_anything_of(api: Api, document: Stored, read: Read) -> None:
    entity = read(api, "bob", document.id)
    assert [name for name in entity if name != "_Links"] == IN_ORDER
    assert (entity["DocumentId"], entity["Name"], entity["Header"]) == (document.id, "report.docx", "report.docx")
    assert (entity["Path"], entity["ExternalRef"], entity["LockSemantics"]) == (document.path, document.path, "Versioning")
    assert {name: entity[name] for name in EMPTY} == EMPTY
    assert entity["CreatedDate"] == entity["Date"] <= entity["UpdatedDate"]
    assert {name: entity[name] for name in CRM} == dict.fromkeys(CRM)
    assert entity["TableRight"] == {"Mask": "FULL", "Reason": ""}
    field = {"FieldRight": {"Mask": "Update", "Reason": ""}, "FieldType": "System.String", "FieldLength": 2047}
    assert entity["FieldProperties"]["Description"] == field


def test_the_links_of_an_entity_lead_to_it(api: Api, document: Stored) -> None:
    links = read_by_rest(api, "alice", document.id)["_Links"]
    root = f"{api.serving.url}api/v1/Document"
    assert links == {"Self": f"{root}/{document.id}", "Archive": root}


def test_who_made_it_and_who_changed_it_last(api: Api, document: Stored) -> None:
    def people() -> list[tuple[str, str]]:
        entity = read_by_rest(api, "alice", document.id)
        return [(entity[each]["Name"], entity[each]["Type"]) for each in ("CreatedBy", "Associate", "UpdatedBy")]

    alice, bob = ("alice", "InternalAssociate"), ("bob", "InternalAssociate")
    assert people() == [alice, alice, alice]
    assert api.client("bob").put(document.path, b"two").status == 204
    assert people() == [alice, alice, bob]
    api("alice", "PATCH", f"/Document/{document.id}", {"Header": "x"})
    assert people() == [alice, alice, alice]
    ids = {each["Name"]: each["AssociateId"] for each in (api(user, "GET", "/Document/default")["Associate"] for user in ("alice", "bob"))}
    assert ids["alice"] != ids["bob"]
    assert read_by_rest(api, "bob", document.id)["CreatedBy"]["AssociateId"] == ids["alice"]


def test_what_another_program_has_put_on_the_disk_is_by_nobody(api: Api, folder: Path) -> None:
    path = f"/{folder.name}/outside.txt"
    (folder / "outside.txt").write_bytes(b"x")
    check_out_and_undo(api.client("alice"), path)
    id = number(api, path)
    nobody = {"AssociateId": 0, "Name": "", "Type": "Unknown"}
    entity = read_by_rest(api, "alice", id)
    for each in ("CreatedBy", "UpdatedBy", "Associate"):
        assert {name: entity[each][name] for name in nobody} == nobody
    (folder / "outside.txt").write_bytes(b"changed")
    assert read_by_rest(api, "alice", id)["UpdatedBy"]["Name"] == ""


def check_out_and_undo(client: Client, path: str) -> None:
    for method in ("CHECKOUT", "UNCHECKOUT"):
        assert say(client, method, path).status == 200


@pytest.mark.parametrize("select", ["name,HEADER", "Name%2CHeader"])
def test_only_what_is_selected_is_sent(api: Api, document: Stored, select: str) -> None:
    entity = api("alice", "GET", f"/Document/{document.id}?$select={select}")
    assert {name for name, value in entity.items() if value is not None} == {"Name", "Header"}


@READ
def test_times_are_in_the_zone_that_is_asked_for_and_creation_in_utc(api: Api, document: Stored, read: Read) -> None:
    url, zone = f"/Document/{document.id}", {"SO_TimeZone": "America/New_York"}
    api("alice", "PATCH", url, {"Date": "2026-07-01T12:00:00", "PublishTo": "9999-12-31T23:59:59"}, **zone)
    entity, utc = api("alice", "GET", url, **zone), read(api, "alice", document.id)
    assert (entity["Date"], utc["Date"]) == ("2026-07-01T12:00:00", "2026-07-01T16:00:00")
    assert entity["PublishTo"] == utc["PublishTo"] == "9999-12-31T23:59:59"
    assert entity["CreatedDate"] == utc["CreatedDate"]
    assert api("alice", "PUT", url, entity, **zone)["Date"] == "2026-07-01T12:00:00"


def test_an_hour_that_comes_twice_survives_a_client_that_sends_back_what_it_read(api: Api, document: Stored) -> None:
    url, zone = f"/Document/{document.id}", {"SO_TimeZone": "Europe/Oslo"}
    for utc in ("2026-10-25T00:30:00", "2026-10-25T01:30:00"):
        api("alice", "PATCH", url, {"Date": f"{utc}Z"})
        entity = api("alice", "GET", url, **zone)
        assert entity["Date"] == "2026-10-25T02:30:00"
        api("alice", "PUT", url, entity | {"Header": utc}, **zone)
        assert api("alice", "GET", url)["Date"] == utc


# making


@SAVE
def test_a_new_document_is_checked_out_to_its_maker_and_its_first_check_in_is_version_1(api: Api, folder: Path, save: Save) -> None:
    made = save(api, "alice", {"Name": "new.docx", "Path": f"/{folder.name}"})
    id, path = made["DocumentId"], f"/{folder.name}/new.docx"
    assert (made["Path"], number(api, path)) == (path, id)
    assert api("alice", "GET", f"/Document/{id}/Lock")["State"] == "CheckedOutOwn"
    assert api("bob", "GET", f"/Document/{id}/Lock")["Name"] == "alice"
    assert api.client("alice").put(path, b"first").status == 204
    assert api.client("bob").get(path).body == b""
    assert api("alice", "PUT", f"/Document/{id}/Lock") | {"ExternalReference": ""} == {
        **{"ExternalReference": "", "VersionId": "1", "Success": True},
        **{"Type": "None", "Value": "", "AdditionalInfo": ""},
    }
    assert api.client("bob").get(path).body == b"first"


@SAVE
@pytest.mark.parametrize(
    ("asked", "made", "state"),
    [
        ("Versioning", "Versioning", "CheckedOutOwn"),
        ("locking", "Locking", "CheckedOutOwn"),
        ("None", "None", "LockingNotSupported"),
        (1, "Locking", "CheckedOutOwn"),
        (None, "Versioning", "CheckedOutOwn"),
    ],
)
def test_lock_semantics_are_chosen_when_it_is_made_and_stay(api: Api, folder: Path, save: Save, asked: Any, made: str, state: str) -> None:
    entity = save(api, "alice", {"Name": "a.docx", "Path": f"/{folder.name}", "LockSemantics": asked})
    assert entity["LockSemantics"] == made
    assert api("alice", "GET", f"/Document/{entity['DocumentId']}/Lock")["State"] == state
    changed = save(api, "alice", entity | {"LockSemantics": "Versioning" if made != "Versioning" else "None", "Header": "x"})
    assert (changed["LockSemantics"], changed["Header"]) == (made, "x")


LONG = "x" * 300


@SAVE
@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({"Name": "a.docx"}, "a.docx"),
        ({"Name": 'a<b>:"|?*\x00\x1f.docx'}, "ab.docx"),
        ({"Name": "  a.docx. "}, "a.docx"),
        ({"Name": f"{LONG}.docx"}, f"{LONG[:249]}.docx"),
        ({"Name": f"{'ö' * 200}.docx"}, f"{'ö' * 125}.docx"),
        ({"Name": "o\u0308.docx"}, "ö.docx"),
        ({"Name": ".davlock"}, "davlock"),
        ({"Name": "_vti_bin"}, "vti_bin"),
        ({"Name": "a%2fb"}, "a2fb"),
        ({"Name": ".."}, "document"),
        ({"Name": ""}, "document"),
        ({"Name": None, "Header": "Plan 1/2"}, "Plan 1 2"),
        ({"Header": "?"}, "document"),
        ({}, "document"),
        ({"Name": "taken.docx"}, "taken[1].docx"),
        ({"Name": "Taken.docx"}, "Taken.docx"),
        ({"Name": "twice.docx"}, "twice[2].docx"),
        ({"Name": "taken"}, "taken[1]"),
        ({"Name": "link.docx"}, "link[1].docx"),
    ],
    ids=str,
)
def test_a_name_is_amended_and_told(api: Api, folder: Path, save: Save, asked: dict[str, Any], name: str) -> None:
    for taken in ("taken.docx", "twice.docx", "twice[1].docx"):
        (folder / taken).write_bytes(b"theirs")
    (folder / "taken").mkdir()
    (folder / "link.docx").symlink_to("/etc/passwd")
    entity = save(api, "alice", asked | {"Path": f"/{folder.name}/"})
    assert (entity["Name"], entity["Path"]) == (name, f"/{folder.name}/{name}")
    assert entity["Header"] == (asked.get("Header") or name)
    assert (folder / "taken.docx").read_bytes() == b"theirs"


@SAVE
def test_a_thousand_documents_of_one_name_are_made_quickly(api: Api, folder: Path, save: Save) -> None:
    (folder / "a.docx").touch()
    for each in range(1, 1000):
        (folder / f"a[{each}].docx").touch()
    assert save(api, "alice", {"Name": "a.docx", "Path": f"/{folder.name}"})["Name"] == "a[1000].docx"


@SAVE
@pytest.mark.parametrize("path", ["", "/", "/a.docx", "/b.docx"], ids=["folder", "slash", "the same name", "another name"])
def test_a_path_is_that_of_the_folder_or_of_the_document(api: Api, folder: Path, save: Save, path: str) -> None:
    made = save(api, "alice", {"Name": "a.docx", "Path": f"/{folder.name}{path}"})
    assert made["Path"] == f"/{folder.name}/a.docx"
    unnamed = save(api, "alice", {"Path": f"/{folder.name}/c.docx"})
    assert (unnamed["Name"], unnamed["Header"]) == ("c.docx", "c.docx")


@SAVE
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nowhere/", 409),
        ("/nowhere/a.docx", 409),
        ("/../a.docx", 409),
        ("/\x00/a.docx", 409),
        ("/%2e%2e/a.docx", 409),
        ("/.davlock/", 403),
        ("/api/v1/x", 403),
        ("/" + "x" * 5000, 409),
        ("/" * 100 + "nowhere/x", 409),
        ("/rest-file/a.docx", 409),
    ],
)
def test_where_no_document_can_go_none_is_made(api: Api, serving: Any, save: Save, path: str, status: int) -> None:
    (serving.root / "rest-file").touch()
    before = sorted(serving.root.iterdir())
    answer = _status_of(lambda: save(api, "alice", {"Name": "a.docx", "Path": path}))
    assert answer == status
    assert sorted(serving.root.iterdir()) == before


def _status_of(call: Callable[[], Any]) -> int:
    """Of a call that Api expects to succeed."""
    try:
        call()
    except AssertionError as refused:
        return int(refused.args[0][0]) if isinstance(refused.args[0], tuple) else int(str(refused.args[0]).split(",")[0].strip("("))
    return 200


def test_two_who_make_documents_of_one_name_at_once_get_two(api: Api, folder: Path) -> None:
    def make(number: int) -> tuple[int, str]:
        made = Api(api.serving)("alice" if number % 2 else "bob", "POST", "/Document", {"Name": "a.docx", "Path": f"/{folder.name}"})
        return made["DocumentId"], made["Name"]

    with ThreadPoolExecutor(6) as threads:
        made = list(threads.map(make, range(6)))
    assert len({id for id, _ in made}) == len({name for _, name in made}) == 6
    assert {each.name for each in folder.iterdir()} == {name for _, name in made}


def test_a_folder_that_somebody_else_has_locked_takes_no_new_document(api: Api, folder: Path) -> None:
    api.client("bob").lock(f"/{folder.name}/", depth="infinity")
    told = api.refused(423, "alice", "POST", "/Document", {"Name": "a.docx", "Path": f"/{folder.name}"})
    assert "bob" in told["ErrorMessage"]
    assert list(folder.iterdir()) == []


# changing


@SAVE
@READ
def test_everything_that_is_said_of_a_document_comes_back(api: Api, document: Stored, save: Save, read: Read) -> None:
    told = save(api, "alice", {"DocumentId": document.id} | FIELDS | CRM)
    for entity in (told, read(api, "bob", document.id)):
        assert {name: entity[name] for name in FIELDS} == FIELDS
        assert {name: entity[name] for name in CRM} == dict.fromkeys(CRM)
    assert told["Name"] == "report.docx"


@SAVE
def test_a_new_document_has_all_that_is_said_of_it(api: Api, folder: Path, save: Save) -> None:
    told = save(api, "alice", {"Name": "a.docx", "Path": f"/{folder.name}"} | FIELDS | CRM)
    assert {name: told[name] for name in FIELDS} == FIELDS
    assert read_by_rest(api, "bob", told["DocumentId"]) | {"_Links": None} == told | {"_Links": None}


@SAVE
def test_what_is_saved_replaces_everything(api: Api, document: Stored, save: Save) -> None:
    save(api, "alice", {"DocumentId": document.id} | FIELDS)
    told = save(api, "alice", {"DocumentId": document.id, "OurRef": "x"})
    assert {name: told[name] for name in EMPTY} == EMPTY | {"OurRef": "x"}
    assert (told["Name"], told["Header"], told["Date"]) == ("report.docx", "report.docx", told["CreatedDate"])


@pytest.mark.parametrize(
    "spell",
    [lambda name: name, str.lower, str.upper, lambda name: name[0].lower() + name[1:]],
    ids=["pascal", "lower", "upper", "camel"],
)
def test_an_entity_as_the_vendors_client_sends_it_back(api: Api, document: Stored, spell: Callable[[str], str]) -> None:
    entity = {spell(name): value for name, value in read_by_agent(api, "alice", document.id).items()}
    back = entity | {spell("TableRight"): {"mask": 15, "reason": ""}, spell("Associate"): {"type": 1, "name": None}, "unknown": [1]}
    dates = {spell("Date"): "2026-01-02T03:04:05.000Z", spell("PublishTo"): "+010000-01-01T04:59:59.000Z"}
    told = save_by_agent(api, "alice", back | dates)
    assert (told["Date"], told["PublishTo"]) == ("2026-01-02T03:04:05", "9999-12-31T23:59:59")


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05"),
        ("2026-01-02T03:04:05.1234567+01:00", "2026-01-02T02:04:05"),
        ("2026-01-02T03:04-0530", "2026-01-02T08:34:00"),
        ("2026-01-02", "2026-01-02T00:00:00"),
        ("2026-02-31", "2026-03-03T00:00:00"),
        ("9999-12-31T23:59:59", "9999-12-31T23:59:59"),
        ("9999-01-01T00:00:00+14:00", "9999-12-31T23:59:59"),
        ("0001-01-01T00:00:00", "0001-01-01T00:00:00"),
        ("0000-12-31T23:17:00.000Z", "0001-01-01T00:00:00"),
        ("-000001-12-31T00:00:00Z", "0001-01-01T00:00:00"),
        ("", "0001-01-01T00:00:00"),
        (None, "0001-01-01T00:00:00"),
    ],
)
def test_times_as_clients_write_them(api: Api, document: Stored, sent: str | None, shown: str) -> None:
    api("alice", "PATCH", f"/Document/{document.id}", {"PublishFrom": "2020-01-01"})
    assert api("alice", "PATCH", f"/Document/{document.id}", {"PublishFrom": sent})["PublishFrom"] == shown


BAD_ENTITIES: list[dict[str, Any]] = [
    {"Name": "a/b.docx"},
    {"Name": "..\\b.docx"},
    {"Name": 5},
    {"Header": "x" * 255},
    {"Attention": "\x00"},
    {"OurRef": "\uffff"},
    {"Description": "x" * 2048},
    {"Date": "tomorrow"},
    {"Date": "2026-13-01"},
    {"Date": "2026-01-01T24:00:00"},
    {"Date": "99999-01-01"},
    {"Date": "２026-01-01"},
    {"Completed": "perhaps"},
    {"Completed": 4},
    {"Completed": -1},
    {"Type": True},
    {"LockSemantics": "All"},
    {"Snum": 2**31},
    {"Snum": "1"},
    {"Snum": 1.5},
    {"DocumentId": -1},
    {"DocumentId": 2**31},
    {"IsPublished": "yes"},
    {"ExtraFields": {"a": 1}},
    {"ExtraFields": {"a": {}}},
    {"ExtraFields": []},
    {"ExtraFields": {"\x00": "x"}},
    {"VisibleFor": {"VisibleId": 1}},
    {"VisibleFor": [1]},
    {"VisibleFor": [{"Visibility": "Nobody"}]},
]


@pytest.mark.parametrize("entity", BAD_ENTITIES, ids=str)
def test_what_no_document_can_be_changes_and_makes_nothing(api: Api, folder: Path, document: Stored, entity: dict[str, Any]) -> None:
    before = read_by_rest(api, "alice", document.id)
    api.refused(400, "alice", "PUT", f"/Document/{document.id}", {"OurRef": "x"} | entity)
    api.refused(400, "alice", "POST", "/Document", {"Name": "x.docx", "Path": f"/{folder.name}"} | entity)
    api.refused(400, "alice", "POST", "/Agents/Document/SaveDocumentEntity", {"DocumentId": document.id, "OurRef": "x"} | entity)
    assert read_by_rest(api, "alice", document.id) == before
    assert [each.name for each in folder.iterdir()] == ["report.docx"]


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b'"x"', b"1", b"{", b"[" * 100_000, b"\xff\xfe", b'{"Snum":NaN}'], ids=lambda body: str(body[:9])
)
@pytest.mark.parametrize(
    ("method", "url"),
    [("POST", "/Document"), ("PUT", "/Document/{id}"), ("POST", "/Agents/Document/SaveDocumentEntity")],
    ids=["post", "put", "agent"],
)
def test_a_body_that_is_no_entity_is_refused(api: Api, document: Stored, method: str, url: str, body: bytes) -> None:
    before = read_by_rest(api, "alice", document.id)
    api.refused(400, "alice", method, url.format(id=document.id), body, Content_Type="application/json")
    assert read_by_rest(api, "alice", document.id) == before


def test_an_entity_of_another_document_is_not_put(api: Api, folder: Path, document: Stored) -> None:
    other = stored(api, f"/{folder.name}/other.docx")
    before = [read_by_rest(api, "alice", each.id) for each in (document, other)]
    api.refused(409, "alice", "PUT", f"/Document/{document.id}", before[1] | {"Header": "x"})
    api.refused(409, "alice", "PATCH", f"/Document/{document.id}", {"DocumentId": other.id})
    assert [read_by_rest(api, "alice", each.id) for each in (document, other)] == before


# renaming


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("new.docx", "new.docx"),
        ("ö ü.docx", "ö ü.docx"),
        ("a?.docx", "a.docx"),
        ("taken.docx", "taken[1].docx"),
        ("Report.docx", "Report.docx"),
        ("report.docx", "report.docx"),
        ("..", "report.docx"),
    ],
)
@pytest.mark.parametrize("by", ["rename", "put", "patch"])
def test_a_document_is_renamed(api: Api, folder: Path, document: Stored, asked: str, name: str, by: str) -> None:
    (folder / "taken.docx").write_bytes(b"theirs")
    url = f"/Document/{document.id}"
    if by == "rename":
        assert api("alice", "POST", "/Agents/Document/RenameDocument", {"documentId": document.id, "newFilename": asked}) == name
    elif by == "put":
        assert api("alice", "PUT", url, api("alice", "GET", url) | {"Name": asked})["Name"] == name
    else:
        assert api("alice", "PATCH", url, {"name": asked})["Name"] == name
    assert read_by_rest(api, "bob", document.id)["Path"] == f"/{folder.name}/{name}"
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == {name: b"one", "taken.docx": b"theirs"}


@pytest.mark.parametrize("name", ["", "  ", None])
def test_a_blank_name_renames_nothing(api: Api, document: Stored, name: str | None) -> None:
    before = read_by_rest(api, "alice", document.id)
    assert api("alice", "POST", "/Agents/Document/RenameDocument", {"documentId": document.id, "newFilename": name}) == ""
    assert api("alice", "PATCH", f"/Document/{document.id}", {"Name": name})["Name"] == "report.docx"
    assert read_by_rest(api, "alice", document.id) == before


def test_a_name_with_a_path_in_it_renames_nothing(api: Api, document: Stored) -> None:
    for name in ("../a.docx", "a\\b.docx", "/a.docx"):
        api.refused(400, "alice", "POST", "/Agents/Document/RenameDocument", {"documentId": document.id, "newFilename": name})
    assert read_by_rest(api, "alice", document.id)["Path"] == document.path


def test_a_title_stays_what_somebody_has_called_it(api: Api, document: Stored) -> None:
    url = f"/Document/{document.id}"
    assert api("alice", "PATCH", url, {"Name": "a.docx"})["Header"] == "a.docx"
    api("alice", "PATCH", url, {"Header": "Plan"})
    assert api("alice", "PATCH", url, {"Name": "b.docx"})["Header"] == "Plan"
    assert api("alice", "PATCH", url, {"Header": ""})["Header"] == "b.docx"


def test_a_document_moves_to_another_folder_with_all_it_has(api: Api, folder: Path, document: Stored) -> None:
    (folder / "sub").mkdir()
    url = f"/Document/{document.id}"
    told = api("alice", "PATCH", url, {"Path": f"/{folder.name}/sub", "OurRef": "x"})
    assert (told["Path"], told["OurRef"]) == (f"/{folder.name}/sub/report.docx", "x")
    told = api("alice", "PUT", url, told | {"Path": f"/{folder.name}/", "Name": "b.docx"})
    assert (told["Path"], told["OurRef"], (folder / "b.docx").read_bytes()) == (f"/{folder.name}/b.docx", "x", b"one")
    api.refused(409, "alice", "PATCH", url, {"Path": f"/{folder.name}/nowhere/", "OurRef": "y"})
    assert api("alice", "GET", url) == told | {"_Links": told["_Links"]}


def test_its_holder_renames_it_and_keeps_checkout_number_and_draft(api: Api, folder: Path, document: Stored) -> None:
    url = f"/Document/{document.id}"
    assert api("alice", "POST", f"{url}/Lock")["Success"]
    assert api.client("alice").put(document.path, b"draft").status == 204
    path = api("alice", "PATCH", url, {"Name": "new.docx", "OurRef": "x"})["Path"]
    assert (api.client("alice").get(path).body, api.client("bob").get(path).body) == (b"draft", b"one")
    assert api("bob", "GET", f"{url}/Lock")["Name"] == "alice"
    assert api("alice", "PUT", f"{url}/Lock")["Success"]
    assert (number(api, path), api.client("bob").get(path).body) == (document.id, b"draft")


def test_two_documents_that_exchange_their_names_stay_themselves(api: Api, folder: Path, document: Stored) -> None:
    other = stored(api, f"/{folder.name}/other.docx", b"other")
    api("alice", "PATCH", f"/Document/{document.id}", {"OurRef": "first"})
    for who, name in ((document, "x.docx"), (other, "report.docx"), (document, "other.docx")):
        api("alice", "PATCH", f"/Document/{who.id}", {"Name": name})
    found = {each.id: read_by_rest(api, "alice", each.id) for each in (document, other)}
    assert [(found[each.id]["Name"], found[each.id]["OurRef"]) for each in (document, other)] == [
        ("other.docx", "first"),
        ("report.docx", ""),
    ]
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == {"other.docx": b"one", "report.docx": b"other"}


def test_what_takes_the_name_of_a_renamed_document_is_another_one(api: Api, folder: Path, document: Stored) -> None:
    api("alice", "PATCH", f"/Document/{document.id}", {"Name": "new.docx"})
    other = stored(api, document.path, b"other")
    assert other.id != document.id
    assert read_by_rest(api, "alice", document.id)["Name"] == "new.docx"


# held by others


def check_out(api: Api, document: Stored) -> None:
    assert api("bob", "POST", f"/Document/{document.id}/Lock")["Success"]


def lock(api: Api, document: Stored) -> None:
    api.client("bob").lock(document.path)


CHANGES: dict[str, Callable[[Api, Stored], dict[str, Any]]] = {
    "PUT": lambda api, document: api.refused(423, "alice", "PUT", f"/Document/{document.id}", {"Header": "x"}),
    "PUT nothing": lambda api, document: api.refused(423, "alice", "PUT", f"/Document/{document.id}", {}),
    "PATCH": lambda api, document: api.refused(423, "alice", "PATCH", f"/Document/{document.id}", {"Header": "x"}),
    "PATCH name": lambda api, document: api.refused(423, "alice", "PATCH", f"/Document/{document.id}", {"Name": "x.docx"}),
    "DELETE": lambda api, document: api.refused(423, "alice", "DELETE", f"/Document/{document.id}"),
    "save": lambda api, document: api.refused(
        423, "alice", "POST", "/Agents/Document/SaveDocumentEntity", {"DocumentId": document.id, "Header": "x"}
    ),
    "delete": lambda api, document: api.refused(
        423, "alice", "POST", f"/Agents/Document/DeleteDocumentEntity?DocumentEntityId={document.id}"
    ),
    "rename": lambda api, document: api.refused(
        423, "alice", "POST", "/Agents/Document/RenameDocument", {"DocumentId": document.id, "NewFilename": "x.docx"}
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("hold", [check_out, lock])
def test_what_somebody_else_holds_stays_as_it_is_and_he_is_named(
    api: Api, document: Stored, hold: Callable[[Api, Stored], None], change: Callable[[Api, Stored], dict[str, Any]]
) -> None:
    before = read_by_rest(api, "alice", document.id)
    hold(api, document)
    told = change(api, document)
    assert told["ErrorType"] == "SoDocumentLockedException"
    assert "bob since 20" in told["ErrorMessage"]
    assert read_by_rest(api, "alice", document.id) == before
    assert api.client("bob").get(document.path).body == b"one"


# deleting

DELETE: list[Ask] = [
    lambda api, user, id: api.ask(user, "DELETE", f"/Document/{id}"),
    lambda api, user, id: api.ask(user, "POST", f"/Agents/Document/DeleteDocumentEntity?DocumentEntityId={id}", b"null"),
]


@pytest.mark.parametrize("delete", DELETE, ids=["rest", "agent"])
def test_what_is_deleted_is_gone_for_good(api: Api, folder: Path, document: Stored, delete: Ask) -> None:
    answer = delete(api, "alice", document.id)
    assert (answer.status, answer.body) == (204, b"")
    assert list(folder.iterdir()) == []
    again = stored(api, document.path, b"new")
    assert again.id != document.id
    api.refused(404, "alice", "GET", f"/Document/{document.id}")


@pytest.mark.parametrize("delete", DELETE, ids=["rest", "agent"])
def test_what_its_holder_deletes_leaves_his_draft_behind(api: Api, document: Stored, delete: Ask) -> None:
    assert api("alice", "POST", f"/Document/{document.id}/Lock")["Success"]
    assert api.client("alice").put(document.path, b"draft").status == 204
    assert delete(api, "alice", document.id).status == 204
    rescued = api.serving.run("drafts", "list", "--root", str(api.serving.root))
    assert document.path in rescued
    assert stored(api, document.path, b"new").id != document.id
    assert api.client("bob").put(document.path, b"newer").status == 204


# both ways: what WebDAV has to do with it


def test_webdav_shows_what_is_said_of_a_document_and_says_it_too(api: Api, document: Stored) -> None:
    url = f"/Document/{document.id}"
    api("alice", "PATCH", url, {"OurRef": "a & b", "CustomFields": {"k": "v"}, "IsPublished": True})
    found = api.client("bob").propfind(document.path)
    assert found.texts(f"{{{NAMESPACE}}}OurRef") == ["a & b"]
    assert found.texts(f"{{{NAMESPACE}}}IsPublished") == ["true"]
    assert '<N:field name="k">v</N:field>' in found.body.decode()
    proppatch(api, document, "<N:OurRef>by WebDAV</N:OurRef><N:Snum> 7 </N:Snum><N:Completed>Started</N:Completed>")
    told = api("alice", "GET", url)
    assert (told["OurRef"], told["Snum"], told["Completed"], told["CustomFields"]) == ("by WebDAV", 7, "Started", {"k": "v"})


def test_nonsense_that_webdav_says_does_no_harm(api: Api, document: Stored) -> None:
    names = [*EMPTY, "Header", "Date", "Updated", "UpdatedBy"]
    for value in ("<x/>", "nonsense", '<N:field/><N:for id="x" visibility="y"/>', "9" * 5000, "9999-99-99T99:99:99Z", "-1"):
        proppatch(api, document, "".join(f"<N:{name}>{value}</N:{name}>" for name in names))
        told = read_by_rest(api, "alice", document.id)
        assert (told["ActiveLinks"] in (0, -1), told["Completed"], told["IsPublished"], told["VisibleFor"]) == (
            True,
            "NotStarted",
            False,
            [],
        )
        assert api("alice", "PATCH", f"/Document/{document.id}", {"Snum": 3})["Snum"] == 3


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
def test_what_is_said_of_a_document_goes_where_it_goes(api: Api, folder: Path, document: Stored, method: str) -> None:
    said = {name: value for name, value in FIELDS.items() if name != "Name"}
    api("alice", "PATCH", f"/Document/{document.id}", said)
    path = f"/{folder.name}/there.docx"
    assert api.client("alice").request(method, document.path, Destination=f"{api.serving.url[:-1]}{path}").status == 201
    id = number(api, path)
    assert (id == document.id) is (method == "MOVE")
    told = read_by_rest(api, "bob", id)
    assert {name: told[name] for name in said} == said


def test_the_number_of_a_document_leads_to_it_wherever_webdav_moves_it(api: Api, folder: Path, document: Stored) -> None:
    (folder / "sub").mkdir()
    path = f"/{folder.name}/sub/new.docx"
    assert api.client("bob").request("MOVE", document.path, Destination=f"{api.serving.url[:-1]}{path}").status == 201
    assert read_by_rest(api, "alice", document.id)["Path"] == path
    assert api("alice", "PATCH", f"/Document/{document.id}", {"Header": "x"})["Path"] == path


def proppatch(api: Api, document: Stored, properties: str) -> None:
    body = f'<D:propertyupdate xmlns:D="DAV:" xmlns:N="{NAMESPACE}"><D:set><D:prop>{properties}</D:prop></D:set></D:propertyupdate>'
    answer = api.client("alice").request("PROPPATCH", document.path, body, Content_Type="application/xml")
    assert (answer.status, "200 OK" in answer.body.decode()) == (207, True), answer.body


# numbers


@pytest.mark.parametrize(
    "id", ["0", "-1", "2147483647", "2147483648", "4294967297", "1" * 5000, "abc", "1.0", "%201", "1_0", "+1", "%D9%A1"]
)
@pytest.mark.parametrize("rest", ["", "/Links", "/ForeignKey"])
def test_no_document_has_such_a_number(api: Api, id: str, rest: str) -> None:
    told = api.refused(404, "alice", "GET", f"/Document/{id}{rest}")
    assert told["ErrorType"] == "SoNotFoundException"
    if not rest:
        api.refused(404, "alice", "PUT", f"/Document/{id}", {"Header": "x"})
        api.refused(404, "alice", "PATCH", f"/Document/{id}", {"Header": "x"})
        api.refused(404, "alice", "DELETE", f"/Document/{id}")


@pytest.mark.parametrize("id", [0, -1, 2147483647])
@pytest.mark.parametrize(
    "call", ["GetDocumentEntity?documentEntityId={id}", "GetDocument?documentId={id}", "DeleteDocumentEntity?documentEntityId={id}"]
)
def test_of_what_is_not_there_the_agents_say_null(api: Api, call: str, id: int) -> None:
    assert api("alice", "POST", f"/Agents/Document/{call.format(id=id)}", b"null", Content_Type="application/json") is None


@pytest.mark.parametrize("name", ["SaveDocumentEntity", "RenameDocument"])
def test_the_agents_change_nothing_that_is_not_there(api: Api, folder: Path, name: str) -> None:
    body = {"DocumentId": 2**31 - 1, "NewFilename": "x.docx", "Name": "x.docx", "Path": f"/{folder.name}"}
    assert api("alice", "POST", f"/Agents/Document/{name}", body) is None
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("id", ["2147483648", "9" * 30, "x", "1.0", "+1", "%D9%A1"])
def test_what_can_be_no_number_is_refused_by_the_agents(api: Api, id: str) -> None:
    api.refused(400, "alice", "POST", f"/Agents/Document/GetDocument?documentId={id}")


def test_a_folder_is_no_document(api: Api, folder: Path) -> None:
    (folder / "sub").mkdir()
    assert (
        api.client("alice")
        .request(
            "PROPPATCH",
            f"/{folder.name}/sub/",
            '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x>1</x></D:prop></D:set></D:propertyupdate>',
            Content_Type="application/xml",
        )
        .status
        == 207
    )
    api.refused(404, "alice", "GET", f"/Document/{number(api, f'/{folder.name}/sub/')}")


# the rest of the agents, and what a CRM would have


def test_a_document_in_a_few_words(api: Api, folder: Path, document: Stored) -> None:
    other = stored(api, f"/{folder.name}/other.docx")
    api("alice", "PATCH", f"/Document/{document.id}", {"OurRef": "x", "Snum": 4})
    slim = api("bob", "POST", f"/Agents/Document/GetDocument?DocumentId={document.id}")
    known = {"DocumentId": document.id, "Name": "report.docx", "OurRef": "x", "Snum": 4, "AssociateFullName": "alice", "ContactId": 0}
    assert {name: slim[name] for name in known} == known
    listed = api("bob", "POST", "/Agents/Document/GetDocumentList", [other.id, 0, document.id, 2**31 - 1, -1, other.id])
    assert [each["DocumentId"] for each in listed] == [other.id, document.id, other.id]
    assert listed[1] == slim
    assert api("bob", "POST", "/Agents/Document/GetDocumentList", []) == []


@pytest.mark.parametrize("body", [[1] * 1001, ["1"], [None], {"ids": [1]}, [1.5], "x"], ids=lambda body: str(body)[:20])
def test_a_list_that_is_none_is_refused(api: Api, body: Any) -> None:
    api.refused(400, "alice", "POST", "/Agents/Document/GetDocumentList", json.dumps(body).encode(), Content_Type="application/json")


@pytest.mark.parametrize(
    ("entity", "properties"),
    [
        ({}, []),
        ({"Name": "a?.docx", "Header": "x", "Unknown": 1}, []),
        (FIELDS, []),
        *((each, list(each)) for each in BAD_ENTITIES),
        ({"name": "a/b", "description": "x" * 2048}, ["Description", "Name"]),
        ({"Path": "/nowhere/x"}, ["Path"]),
        ({"Path": "/.davlock/x"}, ["Path"]),
        ({"DocumentId": 2**31 - 1}, ["DocumentId"]),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_would_be_wrong_with_a_document_is_told_by_property(api: Api, entity: dict[str, Any], properties: list[str]) -> None:
    told = api("alice", "POST", "/Document/Validate", entity)
    assert sorted(told) == properties
    assert all(isinstance(sentence, str) and sentence for sentence in told.values())
    assert api("alice", "POST", "/Agents/Document/ValidateDocumentEntity", {"documentEntity": entity}) == told


def test_what_a_crm_would_have_is_empty(api: Api, document: Stored) -> None:
    page = api("alice", "GET", f"/Document/{document.id}/Links")
    assert (page["odata.nextLink"], page["value"]) == (None, [])
    assert page["odata.metadata"].endswith(f"/api/v1/Document/{document.id}/Links")
    assert api("alice", "GET", f"/Document/{document.id}/ForeignKey") == {}
    for path in ("CustomField", "UdefLayout", "UdefLayout/Published"):
        assert api("alice", "GET", f"/Document/{path}") == []
    api.refused(404, "alice", "GET", "/Document/CustomField/x")
    api.refused(404, "alice", "GET", "/Document/UdefLayout/x")


def test_what_one_has_open_over_webdav_is_not_changed_from_here(api: Api, document: Stored) -> None:
    api.client("alice").lock(document.path)
    told = api.refused(423, "alice", "PATCH", f"/Document/{document.id}", {"Header": "x"})
    assert "yourself" in told["ErrorMessage"]
