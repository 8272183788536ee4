"""list documents, list versions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from davlock.documents import Tree
from davlock.errors import Forbidden
from davlock.fprpc import listings
from davlock.fprpc.calls import Call, Settings
from davlock.fprpc.values import DocInfo, FolderInfo, moment, string
from davlock.fprpc.wire import Command, Method
from davlock.library import Library
from davlock.model import Caller
from davlock.state.sqlite import SqliteState
from tests.dav.versioning import check_out
from tests.fprpc.asking import listed, meta, tell
from tests.fprpc.client import metadict
from tests.fprpc.conftest import Rpc
from tests.serving import Client


@pytest.fixture
def shelf(folder: str, disk: Path) -> str:
    """A folder with documents, folders in folders, and what FrontPage and Office leave beside them."""
    for name in ("a.doc", "b.doc", ".hidden", "~$a.doc", "page.htm", "_x_todo.xml"):
        (disk / name).write_bytes(b"x")
    for name in ("sub", "sub/deep", "_private", "_derived", "_borders", "_vti_cnf", "page_files", "other_files"):
        (disk / name).mkdir()
    for name in ("sub/c.doc", "sub/deep/d.doc", "page_files/image.gif", "_derived/e.gif"):
        (disk / name).write_bytes(b"x")
    return folder


def names(found: dict[str, dict[str, str]], folder: str) -> set[str]:
    return {name.removeprefix(folder).lstrip("/") for name in found}


DOCUMENTS = {"a.doc", "b.doc", "page.htm"}
FOLDERS = {"", "sub", "page_files", "other_files"}


@pytest.mark.parametrize(
    ("switches", "documents", "folders"),
    [
        ({}, DOCUMENTS, FOLDERS),
        ({"listFiles": False}, set(), FOLDERS),
        ({"listFolders": False}, DOCUMENTS, {""}),
        ({"listIncludeParent": False}, DOCUMENTS, FOLDERS - {""}),
        ({"listHiddenDocs": True}, DOCUMENTS | {".hidden", "~$a.doc"}, FOLDERS | {"_private", "_vti_cnf"}),
        ({"listExplorerDocs": True}, DOCUMENTS | {"_x_todo.xml"}, FOLDERS),
        ({"listDerived": True}, DOCUMENTS, FOLDERS | {"_derived"}),
        ({"listBorders": True}, DOCUMENTS, FOLDERS | {"_borders"}),
        ({"listThickets": False}, DOCUMENTS, FOLDERS - {"page_files"}),
        ({"listLinkInfo": True, "listChildWebs": True, "platform": "WinI386", "validateWelcomeNames": False}, DOCUMENTS, FOLDERS),
        (
            {"listRecurse": True},
            DOCUMENTS | {"sub/c.doc", "sub/deep/d.doc", "page_files/image.gif"},
            FOLDERS | {"sub/deep"},
        ),
        ({"listRecurse": True, "listThickets": False, "listFolders": False}, DOCUMENTS | {"sub/c.doc", "sub/deep/d.doc"}, {""}),
    ],
    ids=lambda value: str(sorted(value)) if isinstance(value, set) else str(value),
)
def test_switches(rpc: Rpc, shelf: str, switches: dict[str, str | int], documents: set[str], folders: set[str]) -> None:
    answer = listed(rpc, shelf, **switches)
    assert names(answer.documents(), shelf) == documents
    assert names(answer.folders(), shelf) == folders


def test_the_folder_itself_comes_first_then_all_by_name(rpc: Rpc, shelf: str) -> None:
    answer = listed(rpc, shelf)
    assert list(answer.folders()) == [shelf, f"{shelf}/other_files", f"{shelf}/page_files", f"{shelf}/sub"]
    assert list(answer.documents()) == [f"{shelf}/a.doc", f"{shelf}/b.doc", f"{shelf}/page.htm"]


def test_what_is_left_out_elsewhere_is_listed_when_it_is_asked_for_itself(rpc: Rpc, shelf: str) -> None:
    assert list(listed(rpc, f"{shelf}/_derived").documents()) == [f"{shelf}/_derived/e.gif"]


def test_the_root_of_the_site(rpc: Rpc, shelf: str) -> None:
    for parameters in ({}, {"initialUrl": ""}, {"initialURL": "/"}):
        answer = rpc("alice", "list documents", f"/{shelf}", **parameters)
        assert set(answer.documents()) == DOCUMENTS and set(answer.folders()) == FOLDERS


def test_nothing_of_the_server_itself_is_listed(rpc: Rpc) -> None:
    answer = rpc("alice", "list documents", initialUrl="", listHiddenDocs=True)
    assert ".davlock" not in answer.folders()


@pytest.mark.parametrize("name", ["missing", "a.doc"])
def test_what_is_no_folder_is_refused(rpc: Rpc, shelf: str, name: str) -> None:
    assert rpc("alice", "list documents", initialUrl=f"{shelf}/{name}").status == 0x00090006


@pytest.mark.parametrize(("name", "status"), [("../x", 0x00090070), (".davlock", 0x001E0002), ("a%2f..%2fb", 0x00090070)])
def test_traversal_is_refused(rpc: Rpc, name: str, status: int) -> None:
    assert rpc("alice", "list documents", initialUrl=name).status == status


@pytest.mark.parametrize(
    "parameters", [{"listRecurse": "yes"}, {"folderList": "[a;TX|never]"}, {"folderList": "[a;SW|x]"}, {"folderList": "[a"}], ids=str
)
def test_wrong_parameters_are_refused(rpc: Rpc, shelf: str, parameters: dict[str, str]) -> None:
    answer = rpc("alice", "list documents", initialUrl=shelf, **parameters)
    assert answer.status == 0x00040006
    assert next(iter(parameters)) in answer.message


def test_the_holder_finds_his_draft_in_the_list(rpc: Rpc, document: str, folder: str, alice: Client) -> None:
    check_out(alice, f"/{document}", b"a longer draft")
    assert listed(rpc, folder, "alice").documents()[document]["vti_filesize"] == "IR|14"
    assert listed(rpc, folder, "bob").documents()[document]["vti_filesize"] == "IR|3"


def stamps(**folders: int) -> str:
    return metadict({("" if name == "root" else name): moment(seconds, "X") for name, seconds in folders.items()})


def test_folder_list_leaves_out_what_the_client_has(rpc: Rpc, folder: str, alice: Client) -> None:
    for name in ("old.doc", "locked.doc", "titled.doc", "new.doc", "newest.doc"):
        assert alice.put(f"/{folder}/{name}", b"1").status == 201
    for content in (b"2", b"3", b"4", b"5"):  # each has a second of its own, though all are saved in this one
        assert alice.put(f"/{folder}/new.doc", content).status == 204
    alice.lock(f"/{folder}/locked.doc")
    assert tell(rpc, "alice", {f"{folder}/titled.doc": {"vti_title": string("T", "W")}}).status == 0
    latest = meta(rpc, "alice", f"{folder}/new.doc")["vti_timelastmodified"].seconds

    def full(**folder_list: int) -> set[str]:
        answer = rpc("alice", "list documents", f"/{folder}", folderList=stamps(**folder_list))
        assert len(answer.documents()) == 5
        return {name for name, values in answer.documents().items() if values}

    everything = {"old.doc", "locked.doc", "titled.doc", "new.doc", "newest.doc"}
    # In the second of the stamp there may have been another change after it: so that is not "unchanged".
    assert full(root=latest) == {"locked.doc", "titled.doc", "new.doc"}
    assert full(root=latest + 1) == {"locked.doc", "titled.doc"}
    assert full(root=latest - 3600) == everything
    assert full(other=latest + 1) == everything
    assert full() == everything


def test_folder_list_in_a_recursion(rpc: Rpc, folder: str, alice: Client) -> None:
    for name in ("images", "texts"):
        assert alice.request("MKCOL", f"/{folder}/{name}").status == 201
        assert alice.put(f"/{folder}/{name}/x.doc", b"1").status == 201
    later = meta(rpc, "alice", f"{folder}/images/x.doc")["vti_timelastmodified"].seconds + 100
    answer = rpc("alice", "list documents", f"/{folder}", listRecurse=True, folderList=stamps(images=later))
    assert not answer.documents()["images/x.doc"] and answer.documents()["texts/x.doc"]


def test_a_file_that_another_program_brings_with_an_old_date_is_told_in_full(rpc: Rpc, folder: str, document: str) -> None:
    answer = rpc("alice", "list documents", f"/{folder}", folderList=stamps(root=2_000_000_000))
    assert answer.documents()["report.doc"]["vti_filesize"] == "IR|3"


# versions


def test_versions_are_the_earlier_ones(rpc: Rpc, document: str, alice: Client, bob: Client) -> None:
    alice.put(f"/{document}", b"second")
    bob.put(f"/{document}", b"the third")
    answer = rpc("alice", "list versions", document_name=document)
    found = [each.document() for each in answer.values.list("version_list").lists]
    assert [each.name for each in found] == [document] * 2
    assert [each.meta["vti_sourcecontrolversion"].text for each in found] == ["V1.0", "V2.0"]
    assert [each.meta["vti_filesize"].text for each in found] == ["3", "6"]
    assert [each.meta["vti_modifiedby"].text for each in found if "vti_modifiedby" in each.meta] == ["alice"]
    for each in found:
        version = rpc("bob", "get document", document_name=document, doc_version=each.meta["vti_sourcecontrolversion"].text)
        assert len(version.content) == each.meta["vti_filesize"].content


def test_a_document_that_nobody_has_changed_has_no_earlier_versions(rpc: Rpc, document: str) -> None:
    assert rpc("alice", "list versions", document_name=document).values.list("version_list").lists == []


def test_versions_of_what_is_no_document(rpc: Rpc, folder: str) -> None:
    assert rpc("alice", "list versions", document_name=f"{folder}/missing.doc").status == 0x00090006
    assert rpc("alice", "list versions", document_name=folder).status == 0x00090005
    assert rpc("alice", "list versions").status == 0x00040006


# how much work it is


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    tree = Tree(tmp_path)
    tree.private.mkdir()
    library = Library(SqliteState(tree.private / "state.db"), tree)
    yield library
    library.close()


def list_all(library: Library, **parameters: str) -> list[DocInfo | FolderInfo]:
    command = Command(Method("list documents"), parameters)
    reply = listings.list_documents(Call(command, None, library, Caller("alice", door="fprpc"), "/", "http://host", Settings()))
    return [each for _, values in reply.values for each in values if isinstance(each, DocInfo | FolderInfo)]


def queries(call: Callable[[], object]) -> int:
    """How often the database is asked during a call."""
    count = 0

    def profile(frame: FrameType, event: str, function: Any) -> None:
        nonlocal count
        count += event == "c_call" and function.__name__.startswith("execute")

    sys.setprofile(profile)
    try:
        call()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("recurse", ["false", "true"])
def test_a_thousand_documents_cost_no_more_queries_than_one(library: Library, tmp_path: Path, recurse: str) -> None:
    (tmp_path / "0.doc").write_bytes(b"x")
    list_all(library)  # connects
    one = queries(lambda: list_all(library, listRecurse=recurse))
    for number in range(1000):
        (tmp_path / f"{number}.doc").write_bytes(b"x")
    assert 0 < queries(lambda: list_all(library, listRecurse=recurse)) == one
    assert len(list_all(library, listRecurse=recurse)) == 1001


def test_a_recursion_has_an_end(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listings, "MAX_ITEMS", 10)
    (tmp_path / "sub").mkdir()
    for number in range(5):
        (tmp_path / f"{number}.doc").write_bytes(b"x")
        (tmp_path / "sub" / f"{number}.doc").write_bytes(b"x")
    assert len(list_all(library)) == 7  # with the folder itself
    with pytest.raises(Forbidden, match="more than 10"):
        list_all(library, listRecurse="true")
