"""The answer table of the fact sheet (rest.md §9, §15), every cell, through both flavours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.rest.conftest import Api, Stored, stored

NONE: dict[str, Any] = {"Success": False, "Type": "None", "Value": ""}
DONE: dict[str, Any] = {"Success": True, "Type": "None", "Value": ""}
HELD = "report.docx is checked out by bob since "
RETURN_INFO = ["ExternalReference", "VersionId", "Success", "Type", "Value", "AdditionalInfo"]

Situation = Callable[[Api, Stored], None]
Operation = Callable[[Api, str, Stored], Any]


def free(api: Api, document: Stored) -> None: ...


def held_by(user: str) -> Situation:
    def hold(api: Api, document: Stored) -> None:
        assert api(user, "POST", f"/Document/{document.id}/Lock")["Success"]

    return hold


def locked_over_webdav_by(user: str) -> Situation:
    def lock(api: Api, document: Stored) -> None:
        api.client(user).lock(document.path)

    return lock


def rest(method: str) -> Operation:
    return lambda api, user, document: api(user, method, f"/Document/{document.id}/Lock")


def agent(name: str) -> Operation:
    return lambda api, user, document: api(user, "POST", f"/Agents/Document/{name}", {"DocumentId": document.id})


OUT = pytest.mark.parametrize("ask", [rest("POST"), agent("CheckoutDocument")], ids=["rest", "agent"])
IN = pytest.mark.parametrize("ask", [rest("PUT"), agent("CheckinDocument")], ids=["rest", "agent"])
UNDO = pytest.mark.parametrize("ask", [rest("DELETE"), agent("UndoCheckoutDocument")], ids=["rest", "agent"])
STATE = pytest.mark.parametrize("ask", [rest("GET"), agent("GetCheckoutState")], ids=["rest", "agent"])


def told(answer: dict[str, Any]) -> dict[str, Any]:
    assert list(answer) == RETURN_INFO
    return {name: answer[name] for name in ("Success", "Type", "Value")}


def check_refused(answer: dict[str, Any], *words: str) -> None:
    """A refusal that tells a person what stands in the way."""
    assert told(answer) | {"Value": ""} == {"Success": False, "Type": "Message", "Value": ""}
    for word in words:
        assert word in answer["Value"]


@OUT
@pytest.mark.parametrize(
    ("user", "situation", "words"),
    [
        ("alice", free, ()),
        ("alice", held_by("alice"), ()),
        ("alice", held_by("bob"), (HELD, "through the REST interface", "Ask bob")),
        ("root", held_by("bob"), (HELD, "Ask bob")),
        ("alice", locked_over_webdav_by("alice"), ()),
        ("alice", locked_over_webdav_by("bob"), ("report.docx is locked by bob since ", " until ", "through WebDAV")),
    ],
    ids=["free", "own", "others", "others, by an administrator", "own WebDAV lock", "others' WebDAV lock"],
)
def test_check_out(api: Api, document: Stored, ask: Operation, user: str, situation: Situation, words: tuple[str, ...]) -> None:
    situation(api, document)
    answer = ask(api, user, document)
    if words:
        check_refused(answer, *words)
    else:
        assert told(answer) == DONE
        assert api(user, "GET", f"/Document/{document.id}/Lock")["State"] == "CheckedOutOwn"


@IN
@pytest.mark.parametrize(
    ("user", "situation", "words"),
    [
        ("alice", free, ("not checked out",)),
        ("alice", held_by("alice"), ()),
        ("alice", held_by("bob"), (HELD,)),
        ("root", held_by("bob"), (HELD,)),
    ],
    ids=["free", "own", "others", "others, by an administrator"],
)
def test_check_in(api: Api, document: Stored, ask: Operation, user: str, situation: Situation, words: tuple[str, ...]) -> None:
    situation(api, document)
    before = api("alice", "GET", f"/Document/{document.id}/Lock")["Name"]
    answer = ask(api, user, document)
    if words:
        check_refused(answer, *words)
        assert api("alice", "GET", f"/Document/{document.id}/Lock")["Name"] == before
    else:
        assert told(answer) == DONE
        assert answer["VersionId"] == "1"
        assert api("alice", "GET", f"/Document/{document.id}/Lock")["State"] == "NotCheckedOut"


@UNDO
@pytest.mark.parametrize(
    ("user", "situation", "words"),
    [
        ("alice", free, ("not checked out",)),
        ("alice", held_by("alice"), ()),
        ("alice", held_by("bob"), (HELD,)),
        ("root", held_by("bob"), ()),
    ],
    ids=["free", "own", "others", "others, by an administrator"],
)
def test_undo(api: Api, document: Stored, ask: Operation, user: str, situation: Situation, words: tuple[str, ...]) -> None:
    situation(api, document)
    answer = ask(api, user, document)
    if words:
        check_refused(answer, *words)
    else:
        assert told(answer) == DONE
        assert api("alice", "GET", f"/Document/{document.id}/Lock")["State"] == "NotCheckedOut"


@STATE
@pytest.mark.parametrize(
    ("user", "situation", "state", "holder"),
    [
        ("alice", free, "NotCheckedOut", ""),
        ("alice", held_by("alice"), "CheckedOutOwn", "alice"),
        ("alice", held_by("bob"), "CheckedOutOther", "bob"),
        ("root", held_by("bob"), "CheckedOutOther", "bob"),
        ("alice", locked_over_webdav_by("alice"), "CheckedOutOwn", "alice"),
        ("alice", locked_over_webdav_by("bob"), "CheckedOutOther", "bob"),
    ],
)
def test_state(api: Api, document: Stored, ask: Operation, user: str, situation: Situation, state: str, holder: str) -> None:
    situation(api, document)
    answer = ask(api, user, document)
    assert list(answer)[:3] == ["State", "AssociateId", "Name"]
    assert (answer["State"], answer["Name"]) == (state, holder)
    assert (answer["AssociateId"] > 0) == bool(holder)
    assert [held["Name"] for held in answer["Holds"]] == ([holder] if holder else [])


@pytest.mark.parametrize("ask", [rest("POST"), rest("PUT"), rest("DELETE"), agent("CheckoutDocument"), agent("UndoCheckoutDocument")])
def test_what_is_never_checked_out_does_nothing(api: Api, folder: Any, ask: Operation) -> None:
    path = f"/{folder.name}/plain.txt"
    made = api("alice", "POST", "/Document", {"Name": "plain.txt", "Path": f"/{folder.name}", "LockSemantics": "None"})
    document = Stored(path, made["DocumentId"])
    assert told(ask(api, "alice", document)) == NONE
    api.client("bob").lock(path)  # which nobody calls a checkout, either
    assert api("alice", "GET", f"/Document/{document.id}/Lock")["State"] == "LockingNotSupported"
    (row,) = api("alice", "GET", f"/Document?path={path}&$select=checkoutState,checkedOutBy")["value"]
    assert (row["checkoutState"], row["checkedOutBy"]) == ("LockingNotSupported", "bob")


def test_the_mission_s_sample_request(api: Api, document: Stored) -> None:
    asked = {"Accept": "application/json; charset=utf-8", "Accept_Language": "*"}
    assert told(api("bob", "POST", f"/Document/{document.id}/Lock?allowedReturnTypes=Message", **asked)) == DONE
    check_refused(api("alice", "POST", f"/Document/{document.id}/Lock?allowedReturnTypes=Message", **asked), HELD)


@pytest.mark.parametrize(
    ("allowed", "kind"),
    [(["None"], "None"), (["MESSAGE"], "Message"), (["None", "message"], "Message"), (["Nonsense"], "None"), ([], "Message")],
)
def test_only_what_the_client_can_act_on(api: Api, document: Stored, allowed: list[str], kind: str) -> None:
    held_by("bob")(api, document)
    query = "&".join(f"allowedReturnTypes={each}" for each in allowed)
    answer = api("alice", "POST", f"/Document/{document.id}/Lock?{query}")
    assert (answer["Success"], answer["Type"], bool(answer["Value"])) == (False, kind, kind == "Message")
    body = {"documentId": document.id, "allowedReturnTypes": allowed}
    assert api("alice", "POST", "/Agents/Document/CheckoutDocument", body) == answer


@pytest.mark.parametrize("id", ["0", "2147483647", "2147483648", "99999999999999", "-1", "1.0", "x", "%31%30%30%30%30%30%30", "１"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_a_number_of_nothing(api: Api, method: str, id: str) -> None:
    if id.isascii():
        api.refused(404, "alice", method, f"/Document/{id}/Lock")


@pytest.mark.parametrize("name", ["GetCheckoutState", "CheckoutDocument", "CheckinDocument", "UndoCheckoutDocument", "GetVersionList"])
def test_what_is_not_there_is_null_for_agents(api: Api, name: str) -> None:
    assert api("alice", "POST", f"/Agents/Document/{name}", {"documentId": 2147483647}) is None


def test_a_version_is_described(api: Api, document: Stored) -> None:
    held_by("alice")(api, document)
    assert api.client("alice").put(document.path, b"two").status == 204
    fields = "versionExtraFields=a=1&versionExtraFields=b=2,3"
    done = api("alice", "PUT", f"/Document/{document.id}/Lock?versionDescription=Second%20try&{fields}")
    assert (done["Success"], done["VersionId"]) == (True, "2")
    first, second = api("bob", "GET", f"/Document/{document.id}/Version")
    assert (first["VersionId"], second["VersionId"]) == ("1", "2")
    assert (second["Description"], second["ExtraFields"], second["CheckedInByName"]) == ("Second try", ["a=1", "b=2,3"], "alice")
    assert "Second try" in second["DisplayText"]


def test_check_in_waits_for_an_editing_session(api: Api, document: Stored) -> None:
    held_by("alice")(api, document)
    token = api.client("alice").lock(document.path)
    check_refused(api("alice", "PUT", f"/Document/{document.id}/Lock"), "locked", " until ")
    assert api.client("alice").unlock(document.path, token).status == 204
    assert told(api("alice", "PUT", f"/Document/{document.id}/Lock")) == DONE


def test_why_something_cannot_be_done(api: Api, document: Stored, folder: Any) -> None:
    api.client("bob").lock(f"/{folder.name}", depth="infinity")
    answer = api("alice", "GET", f"/Document/{document.id}/Lock?explain=true")
    assert {each["Action"] for each in answer["Obstacles"]} == {"check out", "save", "check in", "rename or delete"}
    for each in answer["Obstacles"]:
        assert (each["Hold"]["Name"], each["Hold"]["Path"], each["Hold"]["Deep"]) == ("bob", f"/{folder.name}", True)
        assert "Ask bob to close" in each["Remedy"]
    assert api("bob", "GET", f"/Document/{document.id}/Lock")["Obstacles"] is None


def test_a_comment_at_check_out_is_shown(api: Api, document: Stored) -> None:
    api("alice", "POST", f"/Document/{document.id}/Lock?comment=new%20figures")
    state = api("bob", "GET", f"/Document/{document.id}/Lock")
    assert (state["Comment"], state["Door"], state["Until"]) == ("new figures", "rest", None)
    assert state["Since"].endswith("Z")
    api.refused(400, "bob", "POST", f"/Document/{document.id}/Lock?comment=two%0Alines")


def test_batches_tell_each_result(api: Api, document: Stored, folder: Any) -> None:
    other = stored(api, f"/{folder.name}/other.docx")
    held_by("bob")(api, other)
    done = api("alice", "POST", "/Lock/CheckOut", {"DocumentIds": [document.id, other.id, 2147483647]})
    assert [each["DocumentId"] for each in done] == [document.id, other.id, 2147483647]
    assert done[0]["Result"]["Success"] is True and done[1]["Result"]["Success"] is False
    assert done[2]["Result"] is None and done[2]["Error"]["ErrorType"] == "SoNotFoundException"
    undone = api("alice", "POST", "/Agents/Document/UndoCheckoutDocuments", {"documentIds": [document.id]})
    assert undone[0]["Result"]["Success"] is True


def test_the_list_of_all_holds(api: Api, document: Stored, folder: Any) -> None:
    other = stored(api, f"/{folder.name}/other.docx")
    held_by("alice")(api, document)
    api.client("bob").lock(other.path)
    everything = api("root", "GET", f"/Lock?path=/{folder.name}")["Value"]
    assert [each["DocumentId"] for each in everything] == [other.id, document.id]
    assert [(each["Name"], each["Kind"], each["Door"]) for each in everything] == [("bob", "LOCK", "webdav"), ("alice", "CHECKOUT", "rest")]
    assert [each["Name"] for each in api("root", "GET", f"/Lock?path=/{folder.name}&holder=bob")["Value"]] == ["bob"]
    assert [each["Name"] for each in api("root", "GET", f"/Lock?path=/{folder.name}&door=rest")["Value"]] == ["alice"]
    first = api("root", "GET", f"/Lock?path=/{folder.name}&$top=1")
    assert len(first["Value"]) == 1 and "$skip=1" in first["Next"].replace("%24", "$")
    assert "urn:uuid" not in str(everything)


def test_breaking_takes_the_right_and_a_reason(api: Api, document: Stored) -> None:
    held_by("alice")(api, document)
    assert api.client("alice").put(document.path, b"not yet checked in").status == 204
    (held,) = api("root", "GET", f"/Lock?path={document.path}")["Value"]
    api.refused(403, "bob", "DELETE", f"/Lock/{held['LockId']}?reason=mine")
    api.refused(400, "root", "DELETE", f"/Lock/{held['LockId']}")
    assert api.ask("root", "DELETE", f"/Lock/{held['LockId']}?reason=on%20leave").status == 204
    api.refused(404, "root", "DELETE", f"/Lock/{held['LockId']}?reason=again")
    (draft,) = [each for each in api("alice", "GET", "/Draft") if each["DocumentId"] == document.id]
    assert (draft["EndedBy"], draft["Reason"]) == ("root", "on leave")
    assert api.ask("alice", "GET", f"/Draft/{draft['DraftId']}/Content").body == b"not yet checked in"
    api.refused(403, "bob", "GET", f"/Draft/{draft['DraftId']}/Content")
    assert api("alice", "POST", f"/Draft/{draft['DraftId']}/Apply")["Kind"] == "CHECKOUT"
    assert api.client("alice").get(document.path).body == b"not yet checked in"
    assert api.client("bob").get(document.path).body == b"one"


def test_content_is_checked_in_in_one_call(api: Api, document: Stored) -> None:
    path = f"/Document/{document.id}/Lock/Content"
    check_refused(api("alice", "PUT", path, b"not mine", Content_Type="application/octet-stream"), "not checked out")
    held_by("alice")(api, document)
    check_refused(api("bob", "PUT", path, b"not his", Content_Type="application/octet-stream"), "report.docx is checked out by alice")
    done = api("alice", "PUT", f"{path}?versionDescription=at%20once", b"two", Content_Type="application/octet-stream")
    assert (done["Success"], done["VersionId"]) == (True, "2")
    assert api.client("bob").get(document.path).body == b"two"
    assert api("bob", "GET", f"/Document/{document.id}/Version")[-1]["Description"] == "at once"
    assert api("bob", "GET", f"/Document/{document.id}/Lock")["State"] == "NotCheckedOut"
