"""move document, remove documents, create url-directory and url-directories."""

from __future__ import annotations

from pathlib import Path

import pytest

from davlock.fprpc.values import FolderInfo, print_time, string
from tests.dav.versioning import check_out
from tests.fprpc.asking import meta, remove
from tests.fprpc.client import folder as printed
from tests.fprpc.client import metadict, vector
from tests.fprpc.conftest import Packet, Rpc
from tests.serving import Client

EXISTS, NO_FILE, NO_FOLDER, FOLDER_EXISTS, CHECKED_OUT = 0x00090002, 0x00090006, 0x00090007, 0x0009000D, 0x0009000E
SYNTAX, ILLEGAL_NAME, DENIED = 0x00040006, 0x00090070, 0x001E0002


def move(rpc: Rpc, user: str, old: str, new: str, **parameters: str | int) -> Packet:
    return rpc(user, "move document", oldUrl=old, newUrl=new, **parameters)


def hold(rpc: Rpc, alice: Client, document: str, how: str) -> None:
    """Alice holds a document."""
    match how:
        case "LOCK":
            alice.lock(f"/{document}")
        case "EDIT":
            assert rpc("alice", "checkout document", document_name=document, timeout=10).status == 0
        case "CHECKOUT":
            check_out(alice, f"/{document}", b"draft")


HOLDING = ["LOCK", "EDIT", "CHECKOUT"]


# move


def test_a_document_gets_another_name(rpc: Rpc, document: str, folder: str, disk: Path) -> None:
    answer = move(rpc, "alice", document, f"{folder}/new name.doc")
    assert answer.status == 0
    assert answer.message == f"successfully renamed URL '{document}' as '{folder}/new name.doc'"
    assert answer.values.text("oldUrl") == document and answer.values.text("newUrl") == f"{folder}/new name.doc"
    assert answer.documents("document_list") == {}
    assert answer.documents("moved_docs")[f"{folder}/new name.doc"]["vti_filesize"] == "IR|3"
    assert answer.folders("moved_dirs") == {}
    assert [each.name for each in disk.iterdir()] == ["new name.doc"]


def test_a_copy_leaves_the_original(rpc: Rpc, document: str, folder: str, disk: Path) -> None:
    assert move(rpc, "alice", document, f"{folder}/copy.doc", docopy=True).status == 0
    assert (disk / "report.doc").read_bytes() == (disk / "copy.doc").read_bytes() == b"old"


@pytest.mark.parametrize("copies", [False, True])
def test_a_folder_goes_with_all_that_is_in_it(rpc: Rpc, folder: str, disk: Path, copies: bool) -> None:
    (disk / "a/b").mkdir(parents=True)
    (disk / "a/b/c.doc").write_bytes(b"x")
    answer = move(rpc, "alice", f"{folder}/a", f"{folder}/z", docopy=copies)
    assert answer.status == 0
    assert list(answer.folders("moved_dirs")) == [f"{folder}/z", f"{folder}/z/b"]
    assert list(answer.documents("moved_docs")) == [f"{folder}/z/b/c.doc"]
    assert (disk / "a").exists() is copies


@pytest.mark.parametrize("option", [None, "edit", "", "atomic,edit"])
@pytest.mark.parametrize("copies", [False, True])
def test_nothing_is_overwritten_unasked(rpc: Rpc, document: str, folder: str, disk: Path, option: str | None, copies: bool) -> None:
    (disk / "there.doc").write_bytes(b"there")
    options = {} if option is None else {"put_option": option}
    assert move(rpc, "alice", document, f"{folder}/there.doc", docopy=copies, **options).status == EXISTS
    assert (disk / "there.doc").read_bytes() == b"there" and (disk / "report.doc").exists()


@pytest.mark.parametrize("copies", [False, True])
def test_overwrite(rpc: Rpc, document: str, folder: str, disk: Path, copies: bool) -> None:
    (disk / "there.doc").write_bytes(b"there")
    assert move(rpc, "alice", document, f"{folder}/there.doc", docopy=copies, put_option="overwrite").status == 0
    assert (disk / "there.doc").read_bytes() == b"old"


def test_createdir_makes_the_folder_it_goes_into(rpc: Rpc, document: str, folder: str, disk: Path) -> None:
    assert move(rpc, "alice", document, f"{folder}/sub/a.doc").status == NO_FOLDER
    assert move(rpc, "alice", document, f"{folder}/sub/a.doc", rename_option="findbacklinks,createdir").status == 0
    assert (disk / "sub/a.doc").read_bytes() == b"old"


def test_createdir_leaves_no_folder_when_the_move_is_refused(rpc: Rpc, document: str, folder: str, disk: Path, bob: Client) -> None:
    bob.lock(f"/{document}")
    assert move(rpc, "alice", document, f"{folder}/sub/a.doc", rename_option="createdir").status == CHECKED_OUT
    assert move(rpc, "alice", f"{folder}/no.doc", f"{folder}/sub/a.doc", rename_option="createdir").status == NO_FILE
    assert not (disk / "sub").exists()


@pytest.mark.parametrize("how", HOLDING)
def test_what_another_holds_is_not_moved(rpc: Rpc, document: str, folder: str, alice: Client, disk: Path, how: str) -> None:
    hold(rpc, alice, document, how)
    answer = move(rpc, "bob", document, f"{folder}/mine.doc")
    assert answer.status == CHECKED_OUT and "alice" in answer.message
    (disk / "other.doc").write_bytes(b"other")
    assert move(rpc, "bob", f"{folder}/other.doc", document, put_option="overwrite").status == CHECKED_OUT
    assert move(rpc, "bob", folder, f"{folder}-2").status == CHECKED_OUT
    assert sorted(each.name for each in disk.iterdir()) == ["other.doc", "report.doc"]
    assert (disk / "report.doc").read_bytes() == b"old"
    # A copy of it is his own affair.
    assert move(rpc, "bob", document, f"{folder}/copy.doc", docopy=True).status == 0


def test_the_checkouts_of_the_one_who_moves_go_along(rpc: Rpc, document: str, folder: str) -> None:
    for timeout in (0, 10):
        assert rpc("alice", "checkout document", document_name=document, timeout=timeout).status == 0
    assert move(rpc, "alice", document, f"{folder}/new.doc").status == 0
    assert meta(rpc, "bob", f"{folder}/new.doc")["vti_sourcecontrolcheckedoutby"].text == "alice"
    for short in (True, False):
        assert rpc("alice", "uncheckout document", document_name=f"{folder}/new.doc", rlsshortterm=short).status == 0


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        ("a", "a/b/c", DENIED),
        ("a", "a", DENIED),
        ("", "z", DENIED),
        ("missing", "z", NO_FILE),
        ("a", "missing/z", NO_FOLDER),
        ("a", "../z", ILLEGAL_NAME),
        ("../a", "z", ILLEGAL_NAME),
        ("a", "z/.davlock", DENIED),
    ],
)
def test_what_cannot_be(rpc: Rpc, folder: str, disk: Path, old: str, new: str, status: int) -> None:
    (disk / "a/b").mkdir(parents=True)
    assert rpc("alice", "move document", f"/{folder}", oldUrl=old, newUrl=new).status == status
    assert [each.name for each in disk.iterdir()] == ["a"]


def test_both_urls_are_needed(rpc: Rpc, document: str) -> None:
    assert rpc("alice", "move document", oldUrl=document).status == SYNTAX
    assert rpc("alice", "move document", newUrl=document).status == SYNTAX


# remove


def results(answer: Packet) -> dict[str, list[str]]:
    """What became of each; all four lists are always there, and the metadata in them empty."""
    assert answer.status == 0
    found = {}
    for name in ("removed_docs", "failed_docs"):
        assert not any(answer.documents(name).values())
        found[name] = list(answer.documents(name))
    for name in ("removed_dirs", "failed_dirs"):
        assert not any(answer.folders(name).values())
        found[name] = list(answer.folders(name))
    return {name: names for name, names in found.items() if names}


def test_each_is_removed_or_not_for_itself(rpc: Rpc, folder: str, disk: Path, alice: Client) -> None:
    for name in ("free", "held"):
        (disk / name).mkdir()
        (disk / name / "x.doc").write_bytes(b"x")
        (disk / f"{name}.doc").write_bytes(b"x")
    alice.lock(f"/{folder}/held.doc")
    alice.lock(f"/{folder}/held/x.doc")
    names = [f"{folder}/{name}" for name in ("held.doc", "free.doc", "held", "missing.doc", "free")]
    answer = remove(rpc, "bob", [*names, "../x.doc"])
    assert results(answer) == {
        "removed_docs": [names[1]],
        "removed_dirs": [names[4]],
        "failed_docs": [names[0], names[3], "../x.doc"],
        "failed_dirs": [names[2]],
    }
    assert "alice" in answer.message
    assert sorted(each.name for each in disk.iterdir()) == ["held", "held.doc"]


def test_what_is_removed_is_gone(rpc: Rpc, document: str, disk: Path) -> None:
    answer = remove(rpc, "alice", [document])
    assert results(answer) == {"removed_docs": [document]}
    assert answer.message == "successfully removed documents"
    assert list(disk.iterdir()) == []


@pytest.mark.parametrize("how", HOLDING)
def test_what_another_holds_stays(rpc: Rpc, document: str, alice: Client, disk: Path, how: str) -> None:
    hold(rpc, alice, document, how)
    assert results(remove(rpc, "bob", [document])) == {"failed_docs": [document]}
    assert (disk / "report.doc").read_bytes() == b"old"
    assert meta(rpc, "bob", document)["vti_sourcecontrolcheckedoutby"].text == "alice"


def test_the_site_itself_is_not_removed(rpc: Rpc, folder: str, document: str, disk: Path) -> None:
    for site in (f"/{folder}", ""):
        answer = rpc("alice", "remove documents", site, url_list="[;]")
        assert results(answer) == {"failed_dirs": [""]}
    assert (disk / "report.doc").exists()


def test_time_tokens(rpc: Rpc, folder: str, disk: Path, alice: Client) -> None:
    names = [f"{folder}/{name}.doc" for name in "123"]
    for name in names:
        assert alice.put(f"/{name}", b"x").status == 201
    stamps = [meta(rpc, "bob", name)["vti_timelastmodified"].seconds for name in names]
    assert alice.put(f"/{names[1]}", b"changed, in the same second").status == 204
    answer = remove(rpc, "bob", names, time_tokens=vector(map(print_time, stamps[:2])))  # of the third nothing is known
    assert results(answer) == {"removed_docs": [names[0], names[2]], "failed_docs": [names[1]]}
    assert "changed" in answer.message
    answer = remove(rpc, "bob", [names[1]], time_tokens="[]")
    assert results(answer) == {"removed_docs": [names[1]]}


@pytest.mark.parametrize(
    "tokens", ["[yesterday]", "[01 Jan 2020 00:00:00 -0000;01 Jan 2020 00:00:00 -0000]", "[32 Jan 2020 00:00:00 -0000]"]
)
def test_wrong_time_tokens_remove_nothing(rpc: Rpc, document: str, disk: Path, tokens: str) -> None:
    assert remove(rpc, "alice", [document], time_tokens=tokens).status == SYNTAX
    assert (disk / "report.doc").exists()


def test_a_list_of_documents_is_needed(rpc: Rpc) -> None:
    assert rpc("alice", "remove documents").status == SYNTAX
    assert results(rpc("alice", "remove documents", url_list="[]")) == {}


# folders


def test_a_folder_with_its_keys(rpc: Rpc, folder: str, disk: Path) -> None:
    answer = rpc("alice", "create url-directory", url=f"{folder}/new", meta_info=metadict({"colour": string("red", "W")}))
    assert answer.status == 0
    assert answer.folders()[f"{folder}/new"]["colour"] == "SW|red"
    assert (disk / "new").is_dir()
    assert meta(rpc, "bob", f"{folder}/new")["colour"].text == "red"


def test_several_folders_one_in_the_other(rpc: Rpc, folder: str, disk: Path) -> None:
    wanted = [FolderInfo(f"{folder}/{name}") for name in ("a", "a/b;c", "z")]
    answer = rpc("alice", "create url-directories", urldirs=vector(map(printed, wanted)))
    assert answer.message == "successfully created URL-directories"
    assert list(answer.folders()) == [each.url for each in wanted]
    assert (disk / "a" / "b;c").is_dir() and (disk / "z").is_dir()


def test_the_first_that_cannot_be_made_ends_it(rpc: Rpc, folder: str, disk: Path) -> None:
    (disk / "there").mkdir()
    wanted = [FolderInfo(f"{folder}/{name}") for name in ("a", "there", "z")]
    assert rpc("alice", "create url-directories", urldirs=vector(map(printed, wanted))).status == FOLDER_EXISTS
    assert sorted(each.name for each in disk.iterdir()) == ["a", "there"]


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("there", FOLDER_EXISTS),
        ("there/", FOLDER_EXISTS),
        ("", FOLDER_EXISTS),
        ("file", EXISTS),
        ("no/new", NO_FOLDER),
        ("file/new", NO_FOLDER),
    ],
)
def test_a_folder_that_cannot_be_made(rpc: Rpc, folder: str, disk: Path, name: str, status: int) -> None:
    (disk / "there").mkdir()
    (disk / "file").write_bytes(b"x")
    answer = rpc("alice", "create url-directory", f"/{folder}", url=name)
    assert answer.status == status and answer.message
    assert sorted(each.name for each in disk.iterdir()) == ["file", "there"]


def test_nothing_is_made_when_one_of_them_makes_no_sense(rpc: Rpc, folder: str, disk: Path) -> None:
    good = printed(FolderInfo(f"{folder}/a"))
    for wrong, status in (
        (printed(FolderInfo(f"{folder}/..")), ILLEGAL_NAME),
        (printed(FolderInfo(f"{folder}/b", {"": string("x")})), SYNTAX),
        ("[meta_info=[]]", SYNTAX),
    ):
        assert rpc("alice", "create url-directories", urldirs=vector([good, wrong])).status == status
    assert list(disk.iterdir()) == []


def test_no_folder_is_made_in_one_that_another_has_locked(rpc: Rpc, folder: str, disk: Path, alice: Client) -> None:
    alice.lock(f"/{folder}", depth="infinity")
    answer = rpc("bob", "create url-directory", url=f"{folder}/new")
    assert answer.status == CHECKED_OUT and "alice" in answer.message
    assert list(disk.iterdir()) == []
