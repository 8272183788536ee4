"""put document: what becomes of the keys in the meta_info that comes with the content."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from davlock.fprpc.values import DocInfo, MetaValue, boolean, empty, integer, moment, parse_meta, string
from tests.dav.stories import properties
from tests.fprpc.asking import meta as known
from tests.fprpc.asking import tell
from tests.fprpc.client import document as printed
from tests.fprpc.conftest import Rpc
from tests.fprpc.states import meta, put
from tests.serving import Client

EXISTS, CHECKED_OUT = 0x00090002, 0x0009000E
KEYS: dict[str, MetaValue] = {
    "vti_title": string("Budget <2024>; [a]", "W"),
    "Status of it": string("draft", "R"),
    "done": boolean(True, "X"),
    "due": moment(1_144_353_782, "W"),
}


@pytest.mark.parametrize("option", ["overwrite", "edit", "overwrite,checkin"])
@pytest.mark.parametrize("checkout", [None, 0, 10])
def test_what_clients_may_write_is_kept_and_told(rpc: Rpc, document: str, option: str, checkout: int | None) -> None:
    if checkout is not None:
        assert rpc("alice", "checkout document", document_name=document, timeout=checkout).status == 0
    stamp = meta(rpc("alice", "get document", document_name=document))["vti_timelastmodified"]
    answer = put(rpc, "alice", document, b"new", option, {**KEYS, "vti_timelastmodified": stamp})
    assert answer.message == f"successfully put document '{document}' as '{document}'"
    for told in (meta(answer), known(rpc, "bob", document)):
        assert {key: told[key] for key in KEYS} == KEYS


def test_webdav_shows_them(rpc: Rpc, document: str, bob: Client) -> None:
    meta(put(rpc, "alice", document, b"new", meta=KEYS))
    (found,) = properties(bob.propfind(f"/{document}")).values()
    assert found[200]["{urn:davlock:metainfo}vti_title"].text == "Budget <2024>; [a]"


def test_what_only_the_server_knows_is_passed_over(rpc: Rpc, document: str) -> None:
    forged = {
        "vti_filesize": integer(9, "W"),
        "vti_author": string("bob", "W"),
        "vti_sourcecontrolcheckedoutby": string("bob", "W"),
        "vti_timelastwritten": moment(1, "W"),
        "mf-file-status": integer(CHECKED_OUT, "W"),
    }
    told = meta(put(rpc, "alice", document, b"new", meta=forged))
    assert (told["vti_filesize"].content, told["vti_author"].text) == (3, "alice")
    assert "vti_sourcecontrolcheckedoutby" not in told and "mf-file-status" not in told


def test_an_empty_value_removes_a_key_and_others_stay(rpc: Rpc, document: str) -> None:
    meta(put(rpc, "alice", document, b"new", meta=KEYS))
    told = meta(put(rpc, "alice", document, b"newer", meta={"done": empty("W"), "due": moment(0, "W")}))
    assert "done" not in told and told["due"] == moment(0, "W") and told["Status of it"] == KEYS["Status of it"]


def test_everything_that_was_told_can_be_sent_back(rpc: Rpc, document: str) -> None:
    """As Word does it."""
    first = meta(put(rpc, "alice", document, b"new", meta=KEYS))
    answer = put(rpc, "alice", document, b"newer", "edit", first)
    assert answer.message == f"successfully put document '{document}' as '{document}'"
    assert {key: meta(answer)[key] for key in KEYS} == KEYS


@pytest.mark.parametrize(
    ("key", "value"),
    [("when", "TW|2006-04-06T20:03:02Z"), ("many", "IW|"), ("sure", "BW|maybe"), ("x" * 300, "SW|"), ("bell", "SW|\x07"), ("b\x07", "SW|")],
)
def test_a_key_that_cannot_be_kept_costs_neither_the_content_nor_the_others(
    rpc: Rpc, document: str, disk: Path, key: str, value: str
) -> None:
    answer = put(rpc, "alice", document, b"new", meta={**KEYS, key: parse_meta(value)})
    told = meta(answer)
    assert (disk / "report.doc").read_bytes() == b"new" and key not in told
    assert {each: told[each] for each in KEYS} == KEYS
    assert "was not kept" in answer.message


def test_too_many_of_them_cost_nothing_but_themselves(rpc: Rpc, document: str, disk: Path) -> None:
    for number in range(30):
        tell(rpc, "alice", {document: {f"long{number}": string("x" * 40_000, "W")}})
    answer = put(rpc, "alice", document, b"new", meta={**KEYS, "long": string("x" * 40_000, "W")})
    assert "vti_title" in meta(answer) and "Budget" not in meta(answer)["vti_title"].text
    assert "The content is stored, but its keys were not kept" in answer.message
    assert (disk / "report.doc").read_bytes() == b"new"


@pytest.mark.parametrize("why", ["stamp", "lock", "checkout"])
def test_refused_content_changes_no_keys(rpc: Rpc, document: str, bob: Client, why: str) -> None:
    option, given = "overwrite", dict(KEYS)
    if why == "stamp":
        option, given["vti_timelastmodified"] = "edit", moment(1)
    elif why == "lock":
        bob.lock(f"/{document}")
    else:
        rpc("bob", "checkout document", document_name=document, timeout=0)
    assert put(rpc, "alice", document, b"new", option, given).status == (EXISTS if why == "stamp" else CHECKED_OUT)
    assert "Status of it" not in known(rpc, "bob", document)


def test_a_lock_that_comes_with_the_last_byte_keeps_content_and_keys_out(rpc: Rpc, document: str, disk: Path, bob: Client) -> None:
    def body() -> Iterator[bytes]:
        yield b"ne"
        bob.lock(f"/{document}")
        yield b"w"

    answer = rpc("alice", "put document", payload=body(), document=printed(DocInfo(document, KEYS)), put_option="overwrite")
    assert answer.status == CHECKED_OUT
    assert "Status of it" not in known(rpc, "bob", document) and (disk / "report.doc").read_bytes() == b"old"
