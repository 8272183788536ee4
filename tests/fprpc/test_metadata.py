"""What people are told of documents and folders: the meta keys, and whose locks they see."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from davlock.fprpc.values import MetaValue
from tests.dav.versioning import check_in, check_out
from tests.fprpc.asking import listed, meta
from tests.fprpc.conftest import Rpc
from tests.serving import Client

SOURCE_CONTROL = {
    "vti_sourcecontrolcheckedoutby",
    "vti_sourcecontroltimecheckedout",
    "vti_sourcecontrolmultiuserchkoutby",
    "vti_sourcecontrollockexpires",
}
RTAG = re.compile(r"rt:(?P<guid>[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12})@(?P<count>[0-9]{11})")
ETAG = re.compile(r'"\{(?P<guid>[0-9A-F-]{36})\},(?P<count>[0-9]+)"')


def tags(found: dict[str, MetaValue]) -> tuple[str, int]:
    """The GUID and the counter, the same in both tags."""
    rtag, etag = RTAG.fullmatch(found["vti_rtag"].text), ETAG.fullmatch(found["vti_etag"].text)
    assert rtag and etag
    assert (rtag["guid"], int(rtag["count"])) == (etag["guid"], int(etag["count"]))
    return rtag["guid"], int(rtag["count"])


def save(person: Client, document: str, content: bytes) -> None:
    assert person.put(f"/{document}", content).status in (201, 204)


def holding(found: dict[str, MetaValue]) -> set[str]:
    return SOURCE_CONTROL & found.keys()


def test_a_file_that_nobody_has_touched_through_a_door(rpc: Rpc, document: str, disk: Path) -> None:
    os.utime(disk / "report.doc", (1_144_353_782, 1_144_353_782))
    found = meta(rpc, "alice", document)
    assert found["vti_timelastmodified"] == MetaValue("T", "R", "06 Apr 2006 20:03:02 -0000")
    assert found["vti_filesize"] == MetaValue("I", "R", "3")
    assert found["vti_title"].text == "report"
    assert found["vti_canmaybeedit"] == MetaValue("B", "X", "true")
    assert found["vti_sourcecontrolversion"] == MetaValue("S", "R", "V1.0")
    assert found["vti_sourcecontrolcookie"] == MetaValue("S", "R", "fp_internal")
    assert not holding(found)
    assert tags(meta(rpc, "bob", document)) == tags(found)


def test_every_key_has_the_type_of_sharepoint(rpc: Rpc, document: str, alice: Client) -> None:
    save(alice, document, b"new")
    alice.lock(f"/{document}")
    assert {key: value.type + value.access for key, value in meta(rpc, "bob", document).items()} == {
        "vti_timecreated": "TR",
        "vti_timelastmodified": "TR",
        "vti_timelastwritten": "TR",
        "vti_filesize": "IR",
        "vti_rtag": "SW",
        "vti_etag": "SW",
        "vti_author": "SR",
        "vti_modifiedby": "SR",
        "vti_title": "SW",
        "vti_canmaybeedit": "BX",
        "vti_sourcecontrolversion": "SR",
        "vti_sourcecontrolcookie": "SR",
        "vti_sourcecontrolcheckedoutby": "SR",
        "vti_sourcecontroltimecheckedout": "TR",
        "vti_sourcecontrollockexpires": "TR",
        "vti_sourcecontrolmultiuserchkoutby": "VR",
    }


def test_saves_within_one_second_have_stamps_and_tags_of_their_own(rpc: Rpc, document: str, alice: Client, bob: Client) -> None:
    told = []
    for person, content in ((alice, b"1"), (bob, b"2"), (bob, b"3")):
        save(person, document, content)
        told.append(meta(rpc, "alice", document))
    stamps = [each["vti_timelastmodified"].seconds for each in told]
    counts = [tags(each)[1] for each in told]
    assert stamps == sorted(set(stamps)) and counts == sorted(set(counts))
    assert len({tags(each)[0] for each in told}) == 1
    assert told[-1]["vti_modifiedby"].text == "bob"
    # What was there before the first save through a door was the first version.
    assert [each["vti_sourcecontrolversion"].text for each in told] == ["V2.0", "V3.0", "V4.0"]


def test_two_documents_have_different_tags(rpc: Rpc, document: str, folder: str, alice: Client) -> None:
    save(alice, document, b"new")
    save(alice, f"{folder}/other.doc", b"new")
    assert tags(meta(rpc, "alice", document))[0] != tags(meta(rpc, "alice", f"{folder}/other.doc"))[0]


def test_the_guid_outlives_a_rename(rpc: Rpc, document: str, folder: str, alice: Client) -> None:
    save(alice, document, b"new")
    before = tags(meta(rpc, "alice", document))
    answer = rpc("alice", "move document", oldUrl=document, newUrl=f"{folder}/renamed.doc")
    assert answer.status == 0
    assert tags(meta(rpc, "alice", f"{folder}/renamed.doc")) == before


def test_a_change_underneath_is_told_at_once_and_told_the_same_when_it_is_recorded(
    rpc: Rpc, document: str, folder: str, disk: Path, alice: Client
) -> None:
    save(alice, document, b"through a door")
    before = meta(rpc, "alice", document)
    (disk / "report.doc").write_bytes(b"by another program")
    os.utime(disk / "report.doc", (1_000_000_000, 1_000_000_000))  # restored from somewhere: older than what was there
    seen = listed(rpc, folder).documents()[document]
    assert seen["vti_filesize"] == "IR|18"
    assert "vti_modifiedby" not in seen
    # The client that opened the former content must not overwrite this one.
    assert MetaValue("T", "R", seen["vti_timelastmodified"][3:]).seconds > before["vti_timelastmodified"].seconds
    assert rpc("alice", "checkout document", document_name=document, timeout=10).status == 0  # this records it
    now = meta(rpc, "alice", document)
    for key in ("vti_timelastmodified", "vti_sourcecontrolversion", "vti_filesize"):
        assert f"{now[key].type}{now[key].access}|{now[key].text}" == seen[key]


def test_the_holder_sees_his_draft_and_others_what_is_published(rpc: Rpc, document: str, alice: Client) -> None:
    save(alice, document, b"published")
    before = meta(rpc, "bob", document)
    check_out(alice, f"/{document}", b"a longer draft")
    mine, theirs = meta(rpc, "alice", document), meta(rpc, "bob", document)
    assert mine["vti_filesize"].text == "14" and theirs["vti_filesize"].text == "9"
    assert mine["vti_timelastmodified"].seconds > before["vti_timelastmodified"].seconds
    assert tags(mine)[0] == tags(before)[0] and tags(mine)[1] > tags(before)[1]
    assert tags(theirs) == tags(before)
    assert mine["vti_canmaybeedit"].text == "true" and theirs["vti_canmaybeedit"].text == "false"
    for found in (mine, theirs):
        assert found["vti_sourcecontrolcheckedoutby"].text == "alice"
        assert found["vti_sourcecontrolmultiuserchkoutby"].content == ("alice",)
        assert found["vti_sourcecontrolversion"].text == before["vti_sourcecontrolversion"].text
        assert "vti_sourcecontrollockexpires" not in found
    check_in(alice, f"/{document}")
    after = meta(rpc, "bob", document)
    assert after["vti_filesize"].text == "14" and not holding(after)
    # The stamp of the draft must not be that of what it has become, or of something else.
    assert after["vti_timelastmodified"].seconds > mine["vti_timelastmodified"].seconds


def test_a_short_term_checkout_tells_when_it_ends(rpc: Rpc, document: str) -> None:
    assert rpc("alice", "checkout document", document_name=document, timeout=10).status == 0
    found = meta(rpc, "bob", document)
    assert holding(found) == SOURCE_CONTROL
    assert found["vti_sourcecontrollockexpires"].seconds - found["vti_sourcecontroltimecheckedout"].seconds == 600


def test_both_at_once_tell_the_time_of_the_long_one_and_the_end_of_the_short_one(rpc: Rpc, document: str) -> None:
    assert rpc("alice", "checkout document", document_name=document, timeout=0).status == 0
    long = meta(rpc, "bob", document)
    assert rpc("alice", "checkout document", document_name=document, timeout=30).status == 0
    both = meta(rpc, "bob", document)
    assert both["vti_sourcecontroltimecheckedout"] == long["vti_sourcecontroltimecheckedout"]
    assert 1790 <= both["vti_sourcecontrollockexpires"].seconds - both["vti_sourcecontroltimecheckedout"].seconds <= 1860
    assert both["vti_sourcecontrolmultiuserchkoutby"].content == ("alice",)


@pytest.mark.parametrize("above", [False, True])
def test_a_webdav_lock_is_shown_as_such(rpc: Rpc, document: str, folder: str, alice: Client, above: bool) -> None:
    token = alice.lock(f"/{folder}" if above else f"/{document}", depth="infinity" if above else "0", timeout="Second-900")
    mine, theirs = meta(rpc, "alice", document), meta(rpc, "bob", document)
    for found in (mine, theirs):
        assert found["vti_sourcecontrolcheckedoutby"].text == "alice"
        assert found["vti_sourcecontrollockexpires"].seconds - found["vti_sourcecontroltimecheckedout"].seconds == 900
    # Nor can she save through this door, which knows no lock tokens.
    assert mine["vti_canmaybeedit"].text == theirs["vti_canmaybeedit"].text == "false"
    assert listed(rpc, folder, "bob").documents()[document].keys() >= SOURCE_CONTROL
    assert alice.unlock(f"/{folder}" if above else f"/{document}", token).status == 204
    assert not holding(meta(rpc, "bob", document))


def test_a_lock_on_the_folder_alone_is_none_on_its_documents(rpc: Rpc, document: str, folder: str, alice: Client) -> None:
    alice.lock(f"/{folder}", depth="0")
    assert not holding(meta(rpc, "bob", document))
    assert not SOURCE_CONTROL & listed(rpc, folder, "bob").documents()[document].keys()


def test_of_shared_locks_the_first_is_shown(rpc: Rpc, document: str, alice: Client, bob: Client) -> None:
    bob.lock(f"/{document}", shared=True, timeout="Second-900")
    alice.lock(f"/{document}", shared=True, timeout="Second-300")
    found = meta(rpc, "alice", document)
    assert found["vti_sourcecontrolcheckedoutby"].text == "bob"
    assert found["vti_sourcecontrollockexpires"].seconds - found["vti_sourcecontroltimecheckedout"].seconds == 900
    assert found["vti_sourcecontrolmultiuserchkoutby"].content == ("bob", "alice")
    assert found["vti_canmaybeedit"].text == "false"


def test_a_folder(rpc: Rpc, folder: str) -> None:
    found = meta(rpc, "alice", folder)
    assert found["vti_ischildweb"] == MetaValue("B", "R", "false")
    assert found["vti_isbrowsable"] == MetaValue("B", "R", "true")
    assert found["vti_hassubdirs"].type == "B"
    assert found["vti_dirlateststamp"].type + found["vti_dirlateststamp"].access == "TW"
    assert found["vti_timelastmodified"].seconds <= found["vti_dirlateststamp"].seconds
    assert not holding(found)


@pytest.mark.parametrize("name", ["a;b=c].doc", "Über [1] {2}.doc", "50% & more.doc", "<b>.doc", 'say "x".doc'])
def test_any_name_comes_back_as_it_was(rpc: Rpc, folder: str, disk: Path, name: str) -> None:
    (disk / name).write_bytes(b"x")
    assert meta(rpc, "alice", f"{folder}/{name}")["vti_title"].text == name.removesuffix(".doc")
    assert list(listed(rpc, folder).documents()) == [f"{folder}/{name}"]


def test_the_root_of_a_site_below_is_its_folder(rpc: Rpc, folder: str, document: str) -> None:
    answer = rpc("alice", "getDocsMetaInfo", f"/{folder}", url_list="[report.doc;]")
    assert list(answer.documents()) == ["report.doc"]
