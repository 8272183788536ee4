"""How checkouts end over REST, and what is remembered of it; in both flavours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.rest.conftest import Api, Stored, number

End = Callable[..., Any]
SETS = '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><N:x xmlns:N="urn:n">1</N:x></D:prop></D:set></D:propertyupdate>'


def check_in_by_rest(api: Api, user: str, document: Stored, keep: bool) -> Any:
    return api(user, "PUT", f"/Document/{document.id}/Lock?keepCheckedOut={str(keep).lower()}")


def check_in_by_agent(api: Api, user: str, document: Stored, keep: bool) -> Any:
    return api(user, "POST", "/Agents/Document/CheckinDocument", {"documentId": document.id, "keepCheckedOut": keep})


def undo_by_rest(api: Api, user: str, document: Stored, reason: str = "") -> Any:
    return api(user, "DELETE", f"/Document/{document.id}/Lock" + (f"?reason={reason}" if reason else ""))


def undo_by_agent(api: Api, user: str, document: Stored, reason: str = "") -> Any:
    more = {"reason": reason} if reason else {}
    return api(user, "POST", "/Agents/Document/UndoCheckoutDocument", {"documentId": document.id, **more})


CHECK_IN = pytest.mark.parametrize("check_in", [check_in_by_rest, check_in_by_agent])
UNDO = pytest.mark.parametrize("undo", [undo_by_rest, undo_by_agent])


def draft_of_alice(api: Api, document: Stored) -> None:
    assert api("alice", "POST", f"/Document/{document.id}/Lock")["Success"]
    assert api.client("alice").put(document.path, b"draft").status == 204


def rescued(api: Api, document: Stored) -> Any:
    (draft,) = [each for each in api("alice", "GET", "/Draft") if each["DocumentId"] == document.id]
    return draft


@CHECK_IN
def test_a_check_in_can_keep_the_document_checked_out(api: Api, document: Stored, check_in: End) -> None:
    draft_of_alice(api, document)
    done = check_in(api, "alice", document, True)
    assert (done["Success"], done["VersionId"]) == (True, "2")
    state = api("bob", "GET", f"/Document/{document.id}/Lock")
    assert (state["State"], state["Name"]) == ("CheckedOutOther", "alice")
    assert api.client("bob").get(document.path).body == b"draft"
    assert api.client("alice").put(document.path, b"next").status == 204
    assert api.client("bob").get(document.path).body == b"draft"
    assert check_in(api, "alice", document, False)["VersionId"] == "3"
    assert api("bob", "GET", f"/Document/{document.id}/Lock")["State"] == "NotCheckedOut"


@UNDO
def test_what_one_undoes_oneself_was_not_forced(api: Api, document: Stored, undo: End) -> None:
    draft_of_alice(api, document)
    assert undo(api, "alice", document)["Success"]
    draft = rescued(api, document)
    assert (draft["How"], draft["EndedBy"], draft["Reason"], draft["Name"]) == ("undone", "alice", "", "alice")


@UNDO
@pytest.mark.parametrize(("reason", "recorded"), [("holiday", "holiday"), ("", "Undone by an administrator, through the REST interface")])
def test_an_administrator_forces_it_and_it_is_recorded(api: Api, document: Stored, undo: End, reason: str, recorded: str) -> None:
    draft_of_alice(api, document)
    assert not undo(api, "bob", document, "mine")["Success"]
    assert undo(api, "root", document, reason)["Success"]
    draft = rescued(api, document)
    assert (draft["How"], draft["EndedBy"], draft["Reason"]) == ("broken", "root", recorded)
    assert api.client("alice").get(document.path).body == b"one"


@UNDO
def test_a_checkout_of_what_another_program_has_removed_can_be_undone(api: Api, document: Stored, undo: End) -> None:
    draft_of_alice(api, document)
    (api.serving.root / document.path[1:]).unlink()
    assert undo(api, "alice", document)["Success"]
    assert api.client("bob").put(document.path, b"again").status == 201


def test_folders_are_never_checked_out(api: Api, document: Stored) -> None:
    folder = document.path.rpartition("/")[0]
    assert api.client("alice").request("PROPPATCH", folder, SETS, Content_Type="application/xml").status == 207
    for method in ("GET", "POST", "PUT", "DELETE"):
        api.refused(404, "alice", method, f"/Document/{number(api, folder)}/Lock")
