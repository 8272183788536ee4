"""Nobody touches what is somebody else's, whatever `force` says; and of many who want it at once, one gets it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.fprpc.conftest import Rpc
from tests.fprpc.holding import LONG, SHORT, State, check_out, folder_of, holds, locks, uncheck
from tests.fprpc.states import at_once, get, held, meta, put, save
from tests.fprpc.statuses import CHECKED_OUT, EXISTS, GRANTED, NOT_CHECKED_OUT
from tests.serving import Client, Serving, lockinfo

Parameters = dict[str, Any]
OPTIONS = ["none", "edit", "overwrite", "overwrite,checkin", "overwrite,checkin,checkout,createdir,migrationsemantics,forceversions"]
BOOLEANS = [True, False]
ATTACKS: list[tuple[str, Parameters]] = [
    *(("checkout document", {"force": force, "timeout": timeout}) for force in (0, 2, -1) for timeout in (-1, 0, 10)),
    *(("uncheckout document", {"rlsshortterm": short, "force": force}) for short in BOOLEANS for force in BOOLEANS),
    *(("checkin document", {"keep_checked_out": keep, "force": True}) for keep in BOOLEANS),
    *(("put document", {"document": "[document_name={document};meta_info=[]]", "put_option": option, "force": True}) for option in OPTIONS),
    *(("get document", {"get_option": option, "timeout": 10, "force": True}) for option in ("chkoutExclusive", "chkoutNonExclusive")),
    ("get document", {"get_option": "chkoutExclusive", "timeout": 0, "force": True}),
    ("move document", {"oldUrl": "{document}", "newUrl": "{document}.moved", "put_option": "overwrite"}),
    ("move document", {"oldUrl": "{other}", "newUrl": "{document}", "put_option": "overwrite", "force": True}),
    ("move document", {"oldUrl": "{other}", "newUrl": "{document}", "put_option": "overwrite", "docopy": True}),
    ("move document", {"oldUrl": "{folder}", "newUrl": "{folder}-moved", "put_option": "overwrite"}),
    ("remove documents", {"url_list": "[{document}]", "force": True}),
    ("remove documents", {"url_list": "[{folder}]", "force": True}),
    ("create url-directory", {"url": "{document}"}),
    ("setDocsMetaInfo", {"url_list": "[{document}]", "metaInfoList": "[[vti_title;SW|Alice;vti_sourcecontrolcheckedoutby;SR|alice]]"}),
]


def _long_with_draft(rpc: Rpc, serving: Serving, document: str) -> None:
    check_out(rpc, "bob", document, **LONG)
    meta(put(rpc, "bob", document, b"draft of bob"))


FORCED = [each for each in ATTACKS if each[0] == "uncheckout document" and each[1]["force"]]
# root has the right to force: that counts in these, and in no other method
BY = [("alice", *each) for each in ATTACKS] + [("root", *each) for each in ATTACKS if each not in FORCED]


@pytest.mark.parametrize(("who", "method", "parameters"), BY)
@pytest.mark.parametrize("state", [holds("bob", **SHORT), _long_with_draft, locks("bob")], ids=["short", "long", "LOCK"])
def test_what_bob_holds_stays_as_it_is(
    rpc: Rpc, serving: Serving, document: str, bob: Client, state: State, who: str, method: str, parameters: Parameters
) -> None:
    other = f"{document}.other"
    save(rpc.client(who), other, b"the other one's other document")
    state(rpc, serving, document)
    before, content = held(serving), bob.get(f"/{document}").body
    shown = rpc("bob", "getDocsMetaInfo", url_list=f"[{document}]").raw
    place = {"document": document, "folder": folder_of(document), "other": other}
    spelled: Parameters = {name: value.format(**place) if isinstance(value, str) else value for name, value in parameters.items()}
    answer = rpc(who, method, payload=b"somebody was here" if method == "put document" else None, document_name=document, **spelled)
    if method == "remove documents":  # which answers for each item
        assert {**answer.documents("failed_docs"), **answer.folders("failed_dirs")}
        assert not {**answer.documents("removed_docs"), **answer.folders("removed_dirs")}
    else:
        assert answer.status in (CHECKED_OUT, NOT_CHECKED_OUT, EXISTS), answer.raw
    assert held(serving) == before
    assert bob.get(f"/{document}").body == content
    assert (serving.root / document).read_bytes() == b"old"
    assert rpc("bob", "getDocsMetaInfo", url_list=f"[{document}]").raw == shown


# many at once


def lock(rpc: Rpc, who: str, name: str) -> int:
    """Over WebDAV; the number of the answer that this door would give."""
    answer = rpc.client(who).request("LOCK", f"/{name}", lockinfo(who), Depth="0", Content_Type="application/xml")
    return GRANTED if answer.status == 200 else int(answer.headers["X-MSDAVEXT_ERROR"].partition(";")[0])


WAYS: dict[str, Callable[[Rpc, str, str], int]] = {
    "checkout document": lambda rpc, who, name: check_out(rpc, who, name, **SHORT).status,
    "get document": lambda rpc, who, name: get(rpc, who, name, get_option="chkoutExclusive", timeout=10).status,
    "LOCK": lock,
    "long": lambda rpc, who, name: check_out(rpc, who, name, **LONG).status,
}


@pytest.mark.parametrize(
    ("ways", "winners"),
    [(["checkout document"], 1), (["get document"], 1), (["checkout document", "get document", "LOCK"], 1), (["long"], 8)],
    ids=str,
)
def test_of_many_who_want_it_at_once_one_gets_it(rpc: Rpc, serving: Serving, folder: str, ways: list[str], winners: int) -> None:
    """Sixteen connections of two people; whoever has it long-term may say so again."""
    crowd = [(Rpc(serving), ("alice", "bob")[place % 2], WAYS[ways[place // 2 % len(ways)]]) for place in range(16)]
    for number in range(4):
        name = f"{folder}/{number}.doc"
        (serving.root / name).write_bytes(b"old")
        statuses = at_once([partial(way, mine, who, name) for mine, who, way in crowd])
        assert sorted(statuses) == [GRANTED] * winners + [CHECKED_OUT] * (16 - winners)
        (winner,) = {who for (_, who, _), status in zip(crowd, statuses, strict=True) if status == GRANTED}
        (row,) = [row for row in held(serving)["locks"] if f"/{name}" in row]
        assert winner in row


@pytest.mark.parametrize("short", [True, False])
def test_of_many_who_end_it_at_once_one_does(rpc: Rpc, serving: Serving, document: str, short: bool) -> None:
    """Its holder, and an administrator by force."""
    check_out(rpc, "bob", document, **(SHORT if short else LONG))
    ended = len(held(serving)["history"])
    users = ["bob", "root"] * 4
    wishes = [partial(uncheck, Rpc(serving), who, document, short, force=who == "root") for who in users]
    assert sorted(answer.status for answer in at_once(wishes)) == [GRANTED] + [NOT_CHECKED_OUT] * 7
    assert len(held(serving)["history"]) == ended + 1
