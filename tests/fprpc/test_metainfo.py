"""getDocsMetaInfo, setDocsMetaInfo, and the keys of clients as WebDAV shows them."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from davlock.errors import BadRequest
from davlock.fprpc import metakeys
from davlock.fprpc.values import MetaDict, MetaValue, boolean, double, empty, integer, integers, moment, string, strings
from tests.dav.stories import properties, proppatch, setting
from tests.dav.versioning import check_out
from tests.fprpc.asking import ask, failed, meta, tell
from tests.fprpc.client import percent
from tests.fprpc.conftest import Rpc
from tests.serving import Client, Serving

N = f"{{{metakeys.NAMESPACE}}}"
CHECKED_OUT, NO_FILE, SYNTAX = 0x0009000E, 0x00090006, 0x00040006


def dead(person: Client, path: str) -> dict[str, ElementTree.Element]:
    """The keys of clients, as WebDAV shows them."""
    (found,) = properties(person.propfind(path)).values()
    return {name.removeprefix(N): element for name, element in found[200].items() if name.startswith(N)}


# asking


def test_documents_folders_and_failures_each_in_their_list(rpc: Rpc, document: str, folder: str) -> None:
    answer = ask(rpc, "alice", f"{folder}/missing.doc", document, folder, "../etc/passwd", ".davlock/state.db")
    assert answer.status == 0
    assert list(answer.documents()) == [document]
    assert list(answer.folders()) == [folder]
    assert sorted(failed(answer)) == sorted([f"{folder}/missing.doc", "../etc/passwd", ".davlock/state.db"])


def test_folders_are_told_only_if_one_was_asked_for(rpc: Rpc, document: str) -> None:
    answer = ask(rpc, "alice", document)
    assert "urldirs" not in answer.values.pairs and failed(answer) == []


@pytest.mark.parametrize("url_list", [None, "", "[]", "[;]"])
def test_without_urls_it_is_the_site(rpc: Rpc, folder: str, url_list: str | None) -> None:
    answer = rpc("alice", "getDocsMetaInfo", f"/{folder}", **({} if url_list is None else {"url_list": url_list}))
    assert list(answer.folders()) == [""]
    assert answer.documents() == {}


def test_absolute_urls_as_word_2003_sends_them(rpc: Rpc, document: str, serving: Serving) -> None:
    answer = ask(rpc, "alice", f"{serving.url}{document}", "http://elsewhere.example/a.doc")
    assert list(answer.documents()) == [document]
    assert failed(answer) == ["http://elsewhere.example/a.doc"]


def test_the_same_document_twice_is_told_once(rpc: Rpc, document: str) -> None:
    assert list(ask(rpc, "alice", document, document).documents()) == [document]


@pytest.mark.parametrize("url_list", ["[a", "a", "[[a]]"])
def test_a_list_that_is_none_is_refused(rpc: Rpc, url_list: str) -> None:
    assert rpc("alice", "getDocsMetaInfo", url_list=url_list).status == SYNTAX


# setting

KEPT: MetaDict = {
    "vti_title": string("Budget <2024> & more", "W"),
    "vti_approvallevel": string("Pending Review", "R"),
    "Status of it": string("draft; [not] final", "W"),
    "Größe": integer(-3, "W"),
    "done": boolean(True, "X"),
    "due": moment(1_144_353_782, "W"),
    "share": double(0.5, "W"),
    "vti_categories": strings(["a b", "c"], "W"),
    "numbers": integers([1, 2], "W"),
    "two\r\nlines\t": string(" a\r\nb\tc ", "W"),
    "_x0041_": string("", "W"),
}


@pytest.mark.parametrize("of_folder", [False, True])
def test_what_clients_write_is_kept_and_everybody_sees_it(rpc: Rpc, document: str, folder: str, of_folder: bool) -> None:
    name = folder if of_folder else document
    answer = tell(rpc, "alice", {name: KEPT})
    assert answer.status == 0 and failed(answer) == []
    found = meta(rpc, "bob", name)
    assert {key: found[key] for key in KEPT} == KEPT


def test_webdav_shows_what_frontpage_writes(rpc: Rpc, document: str, alice: Client) -> None:
    tell(rpc, "alice", {document: KEPT})
    found = dead(alice, f"/{document}")
    assert found["vti_title"].text == "Budget <2024> & more" and found["vti_title"].get("type") == "SW"
    assert found["Status_x0020_of_x0020_it"].text == "draft; [not] final"
    assert found["Gr_x00F6__x00DF_e"].get("type") == "IW"
    assert len(found) == len(KEPT)


def test_frontpage_shows_what_webdav_writes(rpc: Rpc, document: str, alice: Client) -> None:
    inside = '<N:vti_title xmlns:N="urn:davlock:metainfo">From WebDAV</N:vti_title><N:n xmlns:N="urn:davlock:metainfo" type="IW">many</N:n>'
    assert proppatch(alice, f"/{document}", setting(inside)).status == 207
    found = meta(rpc, "bob", document)
    assert found["vti_title"] == string("From WebDAV", "W")
    assert found["n"] == string("many", "W")  # no number, whatever the type says


def test_an_empty_value_removes_the_key(rpc: Rpc, document: str, alice: Client) -> None:
    tell(rpc, "alice", {document: {"vti_title": string("Budget", "W"), "mine": string("x", "W")}})
    tell(rpc, "alice", {document: {"vti_title": empty("W")}})
    assert set(dead(alice, f"/{document}")) == {"mine"}
    assert meta(rpc, "alice", document)["vti_title"].text == "report"


def test_what_only_the_server_knows_is_passed_over(rpc: Rpc, document: str, alice: Client) -> None:
    before = meta(rpc, "alice", document)
    wrong: MetaDict = {
        "vti_timelastmodified": moment(0, "W"),
        "VTI_RTAG": string("rt:0@1", "W"),
        "vti_sourcecontrolcheckedoutby": string("bob", "W"),
        "vti_sourcecontrolanything": string("x", "W"),
        "vti_filesize": integer(0, "W"),
        "vti_modifiedby": string("bob", "W"),
    }
    assert tell(rpc, "alice", {document: wrong}).status == 0
    assert dead(alice, f"/{document}") == {}
    assert meta(rpc, "alice", document).items() >= {key: before[key] for key in before if not key.endswith("tag")}.items()


def test_the_edit_stamp_stays(rpc: Rpc, document: str, alice: Client) -> None:
    alice.put(f"/{document}", b"new")
    before = meta(rpc, "alice", document)
    tell(rpc, "bob", {document: {"vti_title": string("T", "W")}})
    assert meta(rpc, "alice", document) == {**before, "vti_title": string("T", "W")}


@pytest.mark.parametrize("held_by", ["LOCK", "EDIT", "CHECKOUT", "deep LOCK"])
def test_nobody_writes_on_what_another_holds(rpc: Rpc, document: str, folder: str, alice: Client, held_by: str) -> None:
    match held_by:
        case "LOCK":
            alice.lock(f"/{document}")
        case "deep LOCK":
            alice.lock(f"/{folder}", depth="infinity")
        case "EDIT":
            rpc("alice", "checkout document", document_name=document, timeout=10)
        case "CHECKOUT":
            check_out(alice, f"/{document}")
    for key in ("vti_title", "vti_rtag"):
        wanted = {document: {key: string("mine", "W")}}
        answer = tell(rpc, "bob", wanted)
        assert answer.status == CHECKED_OUT and "alice" in answer.message
        answer = tell(rpc, "bob", wanted, errorFlags="KeepGoing")
        assert answer.status == 0 and failed(answer) == [document] and answer.documents() == {}
    assert dead(alice, f"/{document}") == {}


def test_the_holder_writes(rpc: Rpc, document: str) -> None:
    rpc("alice", "checkout document", document_name=document, timeout=10)
    assert tell(rpc, "alice", {document: {"vti_title": string("mine", "W")}}).status == 0


def test_error_flags(rpc: Rpc, folder: str, disk: Path, bob: Client) -> None:
    for name in ("1.doc", "2.doc", "3.doc"):
        (disk / name).write_bytes(b"x")
    bob.lock(f"/{folder}/2.doc")
    title: MetaDict = {"vti_title": string("T", "W")}
    given = {f"{folder}/{name}": title for name in ("1.doc", "missing.doc", "2.doc", "3.doc")}
    answer = tell(rpc, "alice", given, errorFlags="StopOnFirst")
    assert answer.status == NO_FILE
    assert [meta(rpc, "alice", f"{folder}/{name}.doc")["vti_title"].text for name in "123"] == ["T", "2", "3"]
    answer = tell(rpc, "alice", given, errorFlags="KeepGoing")
    assert answer.status == 0
    assert list(answer.documents()) == [f"{folder}/1.doc", f"{folder}/3.doc"]
    assert failed(answer) == [f"{folder}/missing.doc", f"{folder}/2.doc"]
    assert [meta(rpc, "alice", f"{folder}/{name}.doc")["vti_title"].text for name in "123"] == ["T", "2", "T"]


@pytest.mark.parametrize(
    "parameters",
    [
        {"url_list": "[a;b]", "metaInfoList": "[[]]"},
        {"url_list": "[a]"},
        {"metaInfoList": "[[]]"},
        {"url_list": "[a]", "metaInfoList": "[vti_title;SW|x]"},
        {"url_list": "[a]", "metaInfoList": "[[vti_title]]"},
        {"url_list": "[a]", "metaInfoList": "[[vti_title;QQ|x]]"},
        {"url_list": "[a]", "metaInfoList": "[[]]", "errorFlags": "Never"},
    ],
    ids=str,
)
def test_wrong_parameters_are_refused(rpc: Rpc, parameters: dict[str, str]) -> None:
    assert rpc("alice", "setDocsMetaInfo", **parameters).status == SYNTAX


@pytest.mark.parametrize(
    "given",
    [
        {"number": MetaValue("I", "W", "2147483648")},
        {"number": MetaValue("I", "W", "٣")},
        {"": string("x", "W")},
        {"k" * 256: string("x", "W")},
        {"bell\x07": string("x", "W")},
        {"key": string("bell\x07", "W")},
    ],
    ids=lambda given: ascii(given)[:40],
)
def test_what_cannot_be_kept_is_refused_and_nothing_of_it_kept(rpc: Rpc, document: str, alice: Client, given: MetaDict) -> None:
    assert tell(rpc, "alice", {document: {"good": string("x", "W"), **given}}).status == SYNTAX
    assert dead(alice, f"/{document}") == {}


def test_the_limit_of_properties_holds(rpc: Rpc, document: str) -> None:
    big = string("x" * 60_000, "W")
    answers = [tell(rpc, "alice", {document: {f"key{number}": big}}).status for number in range(20)]
    assert answers[0] == 0 and answers[-1] != 0
    assert meta(rpc, "alice", document)["key0"] == big


# the mapping

CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters=[*map(chr, range(9)), "\x0b", "\x0c", *map(chr, range(14, 32))])
KEYS = st.text(CHARACTERS.filter(lambda each: each not in "\ufffe\uffff"), min_size=1, max_size=30)


@given(KEYS)
@example("_x0041_")
@example("_x_x0041_")
@example("_x005F_x0041_")
@example("_x00000041_")
@example("1a")
@example("-a")
@example("😀:é")
@example("_x004")
def test_every_key_comes_back_as_it_was(key: str) -> None:
    name = metakeys.property_of(key)
    assert metakeys.key_of(name) == key
    ElementTree.fromstring(f'<N:{name.removeprefix(N)} xmlns:N="x"/>')  # a possible name of an element


@given(KEYS.filter(lambda key: not metakeys.is_read_only(key)), st.text(CHARACTERS.filter(lambda each: each not in "\ufffe\uffff")))
def test_every_value_comes_back_as_it_was(key: str, text: str) -> None:
    for value in (string(text, "W"), string(text, "X"), strings(text.split(" "), "R")):
        changes = metakeys.changes({key: value})
        assert metakeys.kept({name: xml for name, xml in changes.items() if xml}) == {key: value}


@given(st.text())
def test_whatever_webdav_clients_call_a_property_becomes_some_key(name: str) -> None:
    key = metakeys.key_of(f"{N}{name}")
    try:
        assert metakeys.key_of(metakeys.property_of(key)) == key
    except BadRequest:
        assert not key or len(key) > metakeys.MAX_KEY or not key.isprintable()


@pytest.mark.parametrize("character", ["&", '"', "<", "é", "\r"])
def test_the_longest_values_can_be_read_back(rpc: Rpc, document: str, alice: Client, character: str) -> None:
    value = string(character * (60_000 // len(percent(character))), "W")
    assert tell(rpc, "alice", {document: {"key": value}}).status == 0
    assert meta(rpc, "bob", document)["key"] == value
    assert dead(alice, f"/{document}")["key"].text == value.text
