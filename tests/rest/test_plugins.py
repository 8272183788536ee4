"""Plugins, capabilities, properties and commands (rest.md §7, §8, §10), through both flavours."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.rest.conftest import Api, Stored

CAPABILITIES = {
    "locking": "optional",
    "versioning": "optional",
    "fast-lock-status": "true",
    "fast-version-list": "true",
    "fast-exists": "true",
    "can-create-document-templates": "false",
}
PROPERTIES = ["has-locking", "has-versioning", "tooltip", "preferred-open", "file-type", "file-name", "last-modified", "length"]

Ask = Callable[[Api, str, int, list[str]], Any]


def properties_by_rest(api: Api, user: str, id: int, names: list[str]) -> Any:
    return api(user, "GET", f"/Document/{id}/Property?" + "&".join(f"requestedProperties={quote(name)}" for name in names))


def properties_by_agent(api: Api, user: str, id: int, names: list[str]) -> Any:
    return api(user, "POST", "/Agents/Document/GetDocumentProperties", {"documentId": id, "requestedProperties": names})


def commands_by_rest(api: Api, user: str, id: int, allowed: list[str]) -> Any:
    return api(user, "GET", f"/Document/{id}/Command?" + "&".join(f"allowedReturnTypes={each}" for each in allowed))


def commands_by_agent(api: Api, user: str, id: int, allowed: list[str]) -> Any:
    return api(user, "POST", "/Agents/Document/GetDocumentCommands", {"documentId": id, "allowedReturnTypes": allowed})


def execute_by_rest(api: Api, user: str, id: int, allowed: list[str]) -> Any:
    more = "".join(f"&allowedReturnTypes={each}" for each in allowed)
    return api(user, "POST", f"/Document/{id}/Command/FooBar?versionId=1&additionalData=x&additionalData=y{more}")


def execute_by_agent(api: Api, user: str, id: int, allowed: list[str]) -> Any:
    asked = {"documentId": id, "versionId": "", "allowedReturnTypes": allowed, "command": "FooBar", "additionalData": ["x"]}
    return api(user, "POST", "/Agents/Document/ExecuteDocumentCommand", asked)


PROPERTY = pytest.mark.parametrize("ask", [properties_by_rest, properties_by_agent])
COMMANDS = pytest.mark.parametrize("ask", [commands_by_rest, commands_by_agent])
EXECUTE = pytest.mark.parametrize("ask", [execute_by_rest, execute_by_agent])


def test_there_is_one_archive(api: Api) -> None:
    assert api("alice", "GET", "/Document/Plugin") == {"1": "davlock"}
    # The vendor's client sends no body, and says that it is JSON.
    assert api("alice", "POST", "/Agents/Document/GetPluginList", b"", Content_Type="application/json") == {"1": "davlock"}


def test_what_it_can_do(api: Api) -> None:
    assert api("alice", "GET", "/Document/Plugin/1") == CAPABILITIES
    assert api("alice", "POST", "/Agents/Document/GetPluginCapabilities", {"pluginId": 1}) == CAPABILITIES


@pytest.mark.parametrize("id", ["0", "2", "-1", "x", "99999999999"])
def test_there_is_no_other_archive(api: Api, id: str) -> None:
    api.refused(404, "alice", "GET", f"/Document/Plugin/{id}")


@pytest.mark.parametrize("id", [0, 2, -1])
def test_of_another_archive_the_agent_says_null(api: Api, id: int) -> None:
    assert api("alice", "POST", "/Agents/Document/GetPluginCapabilities", {"pluginId": id}) is None


@PROPERTY
def test_the_properties_of_a_document(api: Api, document: Stored, ask: Ask) -> None:
    told = ask(api, "bob", document.id, PROPERTIES)
    assert list(told) == PROPERTIES
    assert re.fullmatch(r"\[DT:[0-9]{2}/[0-9]{2}/20[0-9]{2} [0-9:]{8}\.0{7}\]", told.pop("last-modified"))
    assert re.fullmatch(r"report\.docx, version 1, 20[-0-9]{8} [0-9:]{8} UTC, by alice", told.pop("tooltip"))
    assert told == {
        **{"has-locking": "true", "has-versioning": "true", "preferred-open": "url"},
        **{"file-type": "docx", "file-name": "report.docx", "length": "[I:3]"},
    }


@PROPERTY
def test_each_property_that_is_asked_for_is_there_by_that_name(api: Api, document: Stored, ask: Ask) -> None:
    assert ask(api, "bob", document.id, ["LENGTH", "unknown", "ü", "file-name"]) == {
        **{"LENGTH": "[I:3]", "unknown": "", "file-name": "report.docx"},
        "ü": "",
    }
    assert list(ask(api, "bob", document.id, [])) == PROPERTIES


@PROPERTY
def test_the_holder_of_a_checkout_sees_the_properties_of_his_draft(api: Api, document: Stored, ask: Ask) -> None:
    assert api("alice", "POST", f"/Document/{document.id}/Lock")["Success"]
    assert api.client("alice").put(document.path, b"a draft").status == 204
    assert ask(api, "alice", document.id, ["length"]) == {"length": "[I:7]"}
    assert ask(api, "bob", document.id, ["length"]) == {"length": "[I:3]"}


@PROPERTY
@pytest.mark.parametrize(("semantics", "locking", "versioning"), [("None", "false", "false"), ("Locking", "true", "false")])
def test_a_document_with_less_says_so(api: Api, folder: Path, ask: Ask, semantics: str, locking: str, versioning: str) -> None:
    made = api("alice", "POST", "/Document", {"Name": "noextension", "Path": f"/{folder.name}", "LockSemantics": semantics})
    told = ask(api, "alice", made["DocumentId"], ["has-locking", "has-versioning", "file-type"])
    assert told == {"has-locking": locking, "has-versioning": versioning, "file-type": ""}


@COMMANDS
@pytest.mark.parametrize("allowed", [[], ["None", "Message"], ["nonsense"]], ids=str)
def test_there_are_no_commands(api: Api, document: Stored, ask: Ask, allowed: list[str]) -> None:
    assert ask(api, "alice", document.id, allowed) == []


@EXECUTE
@pytest.mark.parametrize(
    ("allowed", "kind", "value"),
    [
        ([], "Message", "There is no command FooBar; nothing was done."),
        (["none", "MESSAGE"], "Message", "There is no command FooBar; nothing was done."),
        (["None"], "None", ""),
    ],
    ids=str,
)
def test_a_command_that_is_not_there_does_nothing(api: Api, document: Stored, ask: Ask, allowed: list[str], kind: str, value: str) -> None:
    assert ask(api, "alice", document.id, allowed) == {
        **{"ExternalReference": document.path, "VersionId": "", "Success": False},
        **{"Type": kind, "Value": value, "AdditionalInfo": ""},
    }


@pytest.mark.parametrize("id", ["0", "-1", "2147483647", "2147483648", "x"])
def test_what_is_not_there_has_no_properties_and_commands(api: Api, id: str) -> None:
    api.refused(404, "alice", "GET", f"/Document/{id}/Property")
    api.refused(404, "alice", "GET", f"/Document/{id}/Command")
    api.refused(404, "alice", "POST", f"/Document/{id}/Command/x")


@pytest.mark.parametrize("name", ["GetDocumentProperties", "GetDocumentCommands", "ExecuteDocumentCommand"])
def test_of_what_is_not_there_the_agents_say_null(api: Api, name: str) -> None:
    assert api("alice", "POST", f"/Agents/Document/{name}", {"documentId": 2**31 - 1}) is None
    api.refused(400, "alice", "POST", f"/Agents/Document/{name}", b"null", Content_Type="application/json")
    api.refused(400, "alice", "POST", f"/Agents/Document/{name}", {"documentId": "x"})
