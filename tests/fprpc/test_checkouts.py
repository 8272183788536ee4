"""checkout document, checkin document, uncheckout document: the table of fprpc.md §g, "Decided for davlock", and what others see of it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from davlock.fprpc.values import MetaValue, print_time
from davlock.wording import moment
from tests.dav.stories import actives, proppatch, refused, setting, transfer
from tests.fprpc.conftest import Packet, Rpc
from tests.fprpc.states import HOUR, an_hour_passes, held, meta, put, save, seconds
from tests.serving import Client, Serving

CHECKED_OUT, NOT_CHECKED_OUT, NO_SUCH_CHECKOUT = 0x0009000E, 0x0009000F, 0x0009003E
EXISTS, NO_FILE, BAD_URL, SYNTAX, LACKS = 0x00090002, 0x00090006, 0x00090005, 0x00040006, 0x001E0006
MINUTE = 60
SHORT, REFRESH = {"force": 0, "timeout": 10}, {"force": 2, "timeout": 30}
LONG = {"force": 0, "timeout": 0}
GRANTED = 0
LOCK = '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>'

Parameters = dict[str, Any]
State = Callable[[Rpc, Serving, str], object]


def check_out(rpc: Rpc, user: str, document: str, **parameters: Any) -> Packet:
    return rpc(user, "checkout document", document_name=document, **(parameters or SHORT))


def uncheck(rpc: Rpc, user: str, document: str, short: bool = True, **parameters: Any) -> Packet:
    return rpc(user, "uncheckout document", document_name=document, rlsshortterm=short, **parameters)


def check_in(rpc: Rpc, user: str, document: str, **parameters: Any) -> Packet:
    return rpc(user, "checkin document", document_name=document, **parameters)


def holds(user: str, **how: Any) -> State:
    def state(rpc: Rpc, serving: Serving, document: str) -> None:
        assert check_out(rpc, user, document, **how).status == 0

    return state


def locks(user: str, path: Callable[[str], str] = str, **how: Any) -> State:
    return lambda rpc, serving, document: rpc.client(user).lock(f"/{path(document)}", **how)


def passes(rpc: Rpc, serving: Serving, document: str) -> None:
    an_hour_passes(serving, document)


def ends(user: str, short: bool = True) -> State:
    return lambda rpc, serving, document: meta(uncheck(rpc, user, document, short))


def saves(user: str) -> State:
    return lambda rpc, serving, document: save(rpc.client(user), document, b"changed")


def removes(rpc: Rpc, serving: Serving, document: str) -> None:
    (serving.root / document).unlink()


def _folder(document: str) -> str:
    return document.rpartition("/")[0]


# what stands, as alice finds it; her answer without and with the refresh bit, and for a long-term checkout
TABLE: list[tuple[str, list[State], int, int, int]] = [
    ("free", [], GRANTED, NO_SUCH_CHECKOUT, GRANTED),
    ("alice, short", [holds("alice", **SHORT)], CHECKED_OUT, GRANTED, GRANTED),
    ("bob, short", [holds("bob", **SHORT)], CHECKED_OUT, CHECKED_OUT, CHECKED_OUT),
    ("bob, long", [holds("bob", **LONG)], CHECKED_OUT, CHECKED_OUT, CHECKED_OUT),
    ("bob, both", [holds("bob", **LONG), holds("bob", **SHORT)], CHECKED_OUT, CHECKED_OUT, CHECKED_OUT),
    ("alice, long", [holds("alice", **LONG)], GRANTED, NO_SUCH_CHECKOUT, GRANTED),
    ("alice, both", [holds("alice", **LONG), holds("alice", **SHORT)], CHECKED_OUT, GRANTED, GRANTED),
    ("alice's ran out, unchanged", [holds("alice", **SHORT), passes], GRANTED, GRANTED, GRANTED),
    ("alice's ran out twice", [holds("alice", **SHORT), passes, holds("alice", **SHORT), passes], GRANTED, GRANTED, GRANTED),
    ("alice's ran out, changed", [holds("alice", **SHORT), passes, saves("bob")], GRANTED, NO_SUCH_CHECKOUT, GRANTED),
    ("alice's ran out, bob short", [holds("alice", **SHORT), passes, holds("bob", **SHORT)], CHECKED_OUT, CHECKED_OUT, CHECKED_OUT),
    ("alice's ran out, bob long", [holds("alice", **SHORT), passes, holds("bob", **LONG)], CHECKED_OUT, CHECKED_OUT, CHECKED_OUT),
    ("alice's ran out, bob LOCK", [holds("alice", **SHORT), passes, locks("bob")], CHECKED_OUT, CHECKED_OUT, CHECKED_OUT),
    ("alice's ran out, bob's too", [holds("alice", **SHORT), passes, holds("bob", **SHORT), passes], GRANTED, GRANTED, GRANTED),
    ("alice's ended", [holds("alice", **SHORT), ends("alice")], GRANTED, NO_SUCH_CHECKOUT, GRANTED),
    (
        "alice's ran out, and a later one ended",
        [holds("alice", **SHORT), passes, holds("alice", **SHORT), ends("alice")],
        GRANTED,
        NO_SUCH_CHECKOUT,
        GRANTED,
    ),
    ("bob's ran out", [holds("bob", **SHORT), passes], GRANTED, NO_SUCH_CHECKOUT, GRANTED),
    ("bob LOCK", [locks("bob")], CHECKED_OUT, CHECKED_OUT, CHECKED_OUT),
    ("bob LOCK, shared", [locks("bob", shared=True)], CHECKED_OUT, CHECKED_OUT, CHECKED_OUT),
    ("bob LOCK of the folder", [locks("bob", _folder, depth="infinity")], CHECKED_OUT, CHECKED_OUT, CHECKED_OUT),
    ("alice LOCK", [locks("alice")], CHECKED_OUT, CHECKED_OUT, GRANTED),
    ("missing", [removes], NO_FILE, NO_FILE, NO_FILE),
]
COLUMNS = [SHORT, REFRESH, LONG]
CELLS = [
    pytest.param(states, how, answers[column], id=f"{name}: {('short', 'refresh', 'long')[column]}")
    for name, states, *answers in TABLE
    for column, how in enumerate(COLUMNS)
]


@pytest.mark.parametrize(("states", "how", "expected"), CELLS)
def test_decision_table(
    rpc: Rpc, serving: Serving, document: str, disk: Path, states: list[State], how: dict[str, int], expected: int
) -> None:
    for state in states:
        state(rpc, serving, document)
    before, content = held(serving), {each.name: each.read_bytes() for each in disk.iterdir()}
    answer = check_out(rpc, "alice", document, **how)
    assert answer.status == expected, answer.message
    assert {each.name: each.read_bytes() for each in disk.iterdir()} == content
    if expected:
        after = held(serving)
        assert (after["locks"], after["drafts"]) == (before["locks"], before["drafts"]), "a refusal changes nothing"
        if expected == CHECKED_OUT:
            assert_told(answer.message, document, before)
        return
    shown = meta(answer)
    assert shown["vti_sourcecontrolcheckedoutby"].text == "alice"
    assert shown["vti_sourcecontrolmultiuserchkoutby"].text == "alice"
    if how is not LONG:
        asked = how["timeout"] * MINUTE
        assert abs(seconds(shown, "vti_sourcecontrollockexpires") - (time.time() + asked)) < 30
    assert "alice" in check_out(rpc, "bob", document).message
    assert rpc.client("bob").put(f"/{document}", b"bob was here").status == 423


def assert_told(message: str, document: str, state: dict[str, list[tuple[object, ...]]]) -> None:
    """Who, and until when if it ends."""
    assert re.search(r"\b(bob|your own|yourself)\b", message), message
    if "check it in" not in message:
        until = re.search(r"until (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC", message)
        assert until and time.time() < datetime.fromisoformat(f"{until[1]}+00:00").timestamp(), message


def test_a_refresh_keeps_the_time_of_the_checkout(rpc: Rpc, serving: Serving, document: str) -> None:
    began = seconds(meta(check_out(rpc, "alice", document, force=0, timeout=HOUR)), "vti_sourcecontroltimecheckedout")
    an_hour_passes(serving, document)
    shown = meta(check_out(rpc, "alice", document, force=2, timeout=10))
    assert seconds(shown, "vti_sourcecontroltimecheckedout") == began - HOUR
    assert abs(seconds(shown, "vti_sourcecontrollockexpires") - (time.time() + 10 * MINUTE)) < 30


@pytest.mark.parametrize(
    ("timeout", "minutes"),
    [("1", 1), ("10", 10), ("3600", 3600), ("2147483647", 10_080), ("-1", 10), ("-2147483648", 10), (None, 10), ("", 10)],
)
@pytest.mark.parametrize("refresh", [False, True])
def test_minutes(rpc: Rpc, document: str, timeout: str | None, minutes: int, refresh: bool) -> None:
    """The most that is configured is a week."""
    asked: Parameters = {} if timeout is None else {"timeout": timeout}
    if refresh:
        check_out(rpc, "alice", document)
    before = time.time()
    shown = meta(rpc("alice", "checkout document", document_name=document, force=2 if refresh else 0, **asked))
    left = seconds(shown, "vti_sourcecontrollockexpires")
    assert int(before) + minutes * MINUTE <= left <= time.time() + minutes * MINUTE


@pytest.mark.parametrize("timeout", ["2147483648", "-2147483649", "1" * 5000, "ten", "1_0", "+10", " 10", "١٠", "1.5"])
@pytest.mark.parametrize("name", ["timeout", "force"])
def test_what_is_no_int_is_refused(rpc: Rpc, serving: Serving, document: str, name: str, timeout: str) -> None:
    before = held(serving)
    assert check_out(rpc, "alice", document, **{name: timeout}).status == SYNTAX
    assert held(serving) == before


@pytest.mark.parametrize("force", [2, 3, 6, -1, -2, 2147483647, -2147483646])
def test_the_refresh_bit_is_the_second_one_and_no_other_counts(rpc: Rpc, document: str, force: int) -> None:
    assert check_out(rpc, "alice", document, force=force, timeout=10).status == NO_SUCH_CHECKOUT
    assert check_out(rpc, "alice", document, force=force & ~2, timeout=10).status == 0
    assert check_out(rpc, "alice", document, force=force & ~2, timeout=10).status == CHECKED_OUT
    assert check_out(rpc, "alice", document, force=force, timeout=10).status == 0


def test_a_refresh_without_minutes_is_no_long_term_checkout(rpc: Rpc, document: str) -> None:
    assert check_out(rpc, "alice", document, force=2, timeout=0).status == NO_SUCH_CHECKOUT
    check_out(rpc, "alice", document)
    shown = meta(check_out(rpc, "alice", document, force=2, timeout=0))
    assert abs(seconds(shown, "vti_sourcecontrollockexpires") - (time.time() + 10 * MINUTE)) < 30
    assert check_in(rpc, "alice", document).status == NOT_CHECKED_OUT


def test_only_documents_are_checked_out(rpc: Rpc, folder: str) -> None:
    for how in COLUMNS[::2]:
        assert check_out(rpc, "alice", folder, **how).status == BAD_URL
    for method in ("checkout document", "checkin document", "uncheckout document"):
        assert rpc("alice", method).status == SYNTAX
        for name in ("../../etc/passwd", "a/../../b", ".davlock/state.db", "_vti_bin/x", "a\\b", "http://elsewhere.example/a.doc"):
            assert rpc("alice", method, document_name=name).status not in (0, NO_FILE), name


def test_a_switch_for_programs_that_open_again_what_they_have_open(tmp_path: Path) -> None:
    (tmp_path / "davlock.yaml").write_text("root: root\nfprpc:\n  reopen_own: extend\n  default_minutes: 25\n")
    with Serving(tmp_path / "root", "--config", str(tmp_path / "davlock.yaml")) as serving:
        (serving.root / "a.doc").write_bytes(b"old")
        rpc = Rpc(serving)
        shown = meta(rpc("alice", "checkout document", document_name="a.doc", force=0))
        assert abs(seconds(shown, "vti_sourcecontrollockexpires") - (time.time() + 25 * MINUTE)) < 30
        again = meta(check_out(rpc, "alice", "a.doc", force=0, timeout=HOUR))
        assert again["vti_sourcecontroltimecheckedout"] == shown["vti_sourcecontroltimecheckedout"]
        assert abs(seconds(again, "vti_sourcecontrollockexpires") - (time.time() + HOUR * MINUTE)) < 30
        assert check_out(rpc, "bob", "a.doc").status == CHECKED_OUT
        uncheck(rpc, "alice", "a.doc")
        assert check_out(rpc, "bob", "a.doc").status == 0


# what ends


def test_of_two_checkouts_the_short_one_ends_alone(rpc: Rpc, document: str, alice: Client) -> None:
    long = meta(check_out(rpc, "alice", document, **LONG))
    assert "vti_sourcecontrollockexpires" not in long
    assert "vti_sourcecontrollockexpires" in meta(check_out(rpc, "alice", document))
    put(rpc, "alice", document, b"draft")
    left = meta(uncheck(rpc, "alice", document))
    assert left["vti_sourcecontrolcheckedoutby"].text == "alice"
    assert "vti_sourcecontrollockexpires" not in left
    assert alice.get(f"/{document}").body == b"draft", "nothing is reverted"
    reverted = meta(uncheck(rpc, "alice", document, short=False))
    assert "vti_sourcecontrolcheckedoutby" not in reverted
    assert reverted["vti_filesize"].content == len(b"old")
    assert alice.get(f"/{document}").body == b"old"


@pytest.mark.parametrize(("state", "short", "expected"), [
    ([], True, NOT_CHECKED_OUT),
    ([], False, NOT_CHECKED_OUT),
    ([holds("alice", **LONG)], True, NOT_CHECKED_OUT),
    ([holds("alice", **SHORT)], False, NOT_CHECKED_OUT),
    ([holds("alice", **SHORT), passes], True, NOT_CHECKED_OUT),
    ([locks("alice")], True, NOT_CHECKED_OUT),
    ([locks("alice")], False, NOT_CHECKED_OUT),
    ([holds("bob", **SHORT)], True, CHECKED_OUT),
    ([holds("bob", **LONG)], True, CHECKED_OUT),
    ([holds("bob", **LONG)], False, CHECKED_OUT),
    ([holds("bob", **LONG), holds("bob", **SHORT)], False, CHECKED_OUT),
    ([locks("bob")], True, CHECKED_OUT),
])  # fmt: skip
@pytest.mark.parametrize("force", [False, True])
def test_only_what_one_holds_ends(
    rpc: Rpc, serving: Serving, document: str, state: list[State], short: bool, expected: int, force: bool
) -> None:
    for step in state:
        step(rpc, serving, document)
    before = held(serving)
    answer = uncheck(rpc, "alice", document, short, force=force)
    assert answer.status == expected, answer.message
    if expected == CHECKED_OUT:
        assert "bob" in answer.message
    after = held(serving)
    assert (after["locks"], after["drafts"]) == (before["locks"], before["drafts"])


def test_force_is_for_those_who_may(rpc: Rpc, serving: Serving, document: str, bob: Client) -> None:
    check_out(rpc, "bob", document, **LONG)
    put(rpc, "bob", document, b"draft of bob")
    before = held(serving)
    assert uncheck(rpc, "root", document, short=False).status == CHECKED_OUT
    assert uncheck(rpc, "root", document, short=False, force=False).status == CHECKED_OUT
    assert held(serving) == before, "the right alone undoes nothing"
    assert "vti_sourcecontrolcheckedoutby" not in meta(uncheck(rpc, "root", document, short=False, force=True))
    (draft,) = [row for row in held(serving)["drafts"] if f"/{document}" in row]
    assert "broken" in draft
    assert "force" in str(held(serving)["history"][-1])
    assert bob.get(f"/{document}").body == b"old"

    check_out(rpc, "bob", document)
    assert uncheck(rpc, "root", document).status == CHECKED_OUT
    assert uncheck(rpc, "root", document, short=False, force=True).status == NOT_CHECKED_OUT
    meta(uncheck(rpc, "root", document, force=True))
    assert check_out(rpc, "alice", document).status == 0


def test_force_with_the_right_breaks_no_webdav_session(rpc: Rpc, serving: Serving, document: str, bob: Client) -> None:
    bob.lock(f"/{document}")
    before = held(serving)
    assert uncheck(rpc, "root", document, force=True).status == CHECKED_OUT
    assert held(serving) == before


@pytest.mark.parametrize("short", [True, False])
def test_a_program_that_slept_ends_no_newer_checkout_of_its_user(rpc: Rpc, serving: Serving, document: str, short: bool) -> None:
    began = meta(check_out(rpc, "alice", document, **(SHORT if short else LONG)))["vti_sourcecontroltimecheckedout"]
    before = held(serving)
    earlier = print_time(began.seconds - HOUR)
    assert uncheck(rpc, "alice", document, short, time_checked_out=earlier).status == NOT_CHECKED_OUT
    assert short or check_in(rpc, "alice", document, time_checked_out=earlier).status == NOT_CHECKED_OUT
    assert uncheck(rpc, "alice", document, short, time_checked_out="yesterday").status == SYNTAX
    assert uncheck(rpc, "bob", document, short, time_checked_out=earlier).status == CHECKED_OUT
    assert held(serving) == before
    assert uncheck(rpc, "alice", document, short, time_checked_out=began.text).status == 0


# check-in


def test_check_in_publishes(rpc: Rpc, document: str, alice: Client, bob: Client) -> None:
    check_out(rpc, "alice", document, **LONG)
    put(rpc, "alice", document, b"draft")
    assert bob.get(f"/{document}").body == b"old"
    shown = meta(check_in(rpc, "alice", document, comment="Zahlen für Q3 [final]; \\ {=}"))
    assert "vti_sourcecontrolcheckedoutby" not in shown
    assert shown["vti_sourcecontrolversion"].text == "V2.0"
    assert bob.get(f"/{document}").body == b"draft"
    body = '<D:propfind xmlns:D="DAV:"><D:prop><D:comment/></D:prop></D:propfind>'
    answer = bob.request("PROPFIND", f"/{document}", body, Depth="0", Content_Type="application/xml")
    assert answer.texts("{DAV:}comment") == ["Zahlen für Q3 [final]; \\ {=}"]
    assert check_in(rpc, "alice", document).status == NOT_CHECKED_OUT


def test_check_in_and_straight_out_again(rpc: Rpc, document: str, bob: Client) -> None:
    check_out(rpc, "alice", document, **LONG)
    put(rpc, "alice", document, b"draft")
    assert meta(check_in(rpc, "alice", document, comment="", keep_checked_out=True))["vti_sourcecontrolcheckedoutby"].text == "alice"
    assert bob.get(f"/{document}").body == b"draft"
    assert bob.put(f"/{document}", b"bob was here").status == 423


def test_check_in_waits_for_the_short_term_checkout(rpc: Rpc, serving: Serving, document: str, bob: Client) -> None:
    check_out(rpc, "alice", document, **LONG)
    check_out(rpc, "alice", document)
    put(rpc, "alice", document, b"draft")
    before = held(serving)
    answer = check_in(rpc, "alice", document)
    assert answer.status == CHECKED_OUT
    assert "open for editing by yourself" in answer.message
    assert "Close it" in answer.message
    assert held(serving) == before
    assert bob.get(f"/{document}").body == b"old"
    uncheck(rpc, "alice", document)
    meta(check_in(rpc, "alice", document))
    assert bob.get(f"/{document}").body == b"draft"


def test_check_in_waits_for_the_session_of_a_webdav_client(rpc: Rpc, serving: Serving, document: str, alice: Client) -> None:
    check_out(rpc, "alice", document, **LONG)
    token = alice.lock(f"/{document}")
    answer = check_in(rpc, "alice", document)
    assert answer.status == CHECKED_OUT
    assert "your own WebDAV client" in answer.message
    alice.unlock(f"/{document}", token)
    assert check_in(rpc, "alice", document).status == 0


# nobody touches what is somebody else's

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
    ("setDocsMetaInfo", {"url_list": "[{document}]", "metaInfoList": "[[vti_title;SW|Alice;vti_sourcecontrolcheckedoutby;SR|alice]]"}),
]


def _long_with_draft(rpc: Rpc, serving: Serving, document: str) -> None:
    check_out(rpc, "bob", document, **LONG)
    meta(put(rpc, "bob", document, b"draft of bob"))


@pytest.mark.parametrize(("method", "parameters"), ATTACKS)
@pytest.mark.parametrize("state", [holds("bob", **SHORT), _long_with_draft, locks("bob")], ids=["short", "long", "LOCK"])
def test_what_bob_holds_stays_as_it_is(
    rpc: Rpc, serving: Serving, document: str, bob: Client, state: State, method: str, parameters: Parameters
) -> None:
    other = f"{document}.other"
    save(rpc.client("alice"), other, b"alice's other document")
    state(rpc, serving, document)
    before, content = held(serving), bob.get(f"/{document}").body
    shown = rpc("bob", "getDocsMetaInfo", url_list=f"[{document}]").raw
    place = {"document": document, "folder": _folder(document), "other": other}
    spelled: Parameters = {name: value.format(**place) if isinstance(value, str) else value for name, value in parameters.items()}
    answer = rpc("alice", method, payload=b"alice was here" if method == "put document" else None, document_name=document, **spelled)
    if method == "remove documents":  # which answers for each item
        assert {**answer.documents("failed_docs"), **answer.folders("failed_dirs")}
        assert not {**answer.documents("removed_docs"), **answer.folders("removed_dirs")}
    else:
        assert answer.status in (CHECKED_OUT, NOT_CHECKED_OUT, EXISTS), answer.raw
    assert held(serving) == before
    assert bob.get(f"/{document}").body == content
    assert (serving.root / document).read_bytes() == b"old"
    assert rpc("bob", "getDocsMetaInfo", url_list=f"[{document}]").raw == shown


# the other door


def test_webdav_sees_and_respects_a_short_term_checkout(rpc: Rpc, serving: Serving, document: str, alice: Client, bob: Client) -> None:
    path = f"/{document}"
    shown = meta(check_out(rpc, "alice", document))
    (active,) = actives(bob.propfind(path, "lockdiscovery").xml())
    assert (active.holder, active.door) == ("alice", "fprpc")
    assert 590 <= active.seconds <= 600
    until = moment(seconds(shown, "vti_sourcecontrollockexpires"))
    tried = bob.put(path, b"no"), bob.request("DELETE", path), transfer(bob, "MOVE", path, f"{path}.x"), bob.request("LOCK", path, LOCK)
    for answer in tried:
        assert answer.status == 423
        told = refused(answer).message
        assert "alice" in told and until in told and "FrontPage" in told, told
    assert proppatch(bob, path, setting("<Z:a>1</Z:a>")).status in (207, 423)
    assert alice.put(path, b"alice may, in every door").status == 204

    check_out(rpc, "alice", document, force=2, timeout=60)
    assert 3590 <= actives(bob.propfind(path, "lockdiscovery").xml())[0].seconds <= 3600
    uncheck(rpc, "alice", document)
    assert actives(bob.propfind(path, "lockdiscovery").xml()) == []
    bob.unlock(path, bob.lock(path))
    check_out(rpc, "alice", document)
    an_hour_passes(serving, document)
    assert actives(bob.propfind(path, "lockdiscovery").xml()) == []
    assert bob.put(path, b"bob may now").status == 204


def test_frontpage_sees_and_respects_a_lock(rpc: Rpc, serving: Serving, document: str, alice: Client) -> None:
    path = f"/{document}"

    def shown() -> dict[str, str]:
        return rpc("bob", "getDocsMetaInfo", url_list=f"[{document}]").documents()[document]

    token = alice.lock(path, timeout="Second-600")
    assert shown()["vti_sourcecontrolcheckedoutby"] == "SR|alice"
    first = MetaValue("T", "R", shown()["vti_sourcecontrollockexpires"][3:]).seconds
    assert 590 <= first - time.time() <= 601
    answer = check_out(rpc, "bob", document)
    until = moment(first)
    assert answer.status == CHECKED_OUT and "alice" in answer.message and until in answer.message and "WebDAV" in answer.message
    assert "alice" in put(rpc, "bob", document, b"bob was here").message

    alice.request("LOCK", path, If=f"(<{token}>)", Timeout="Second-3600")
    assert 3590 <= MetaValue("T", "R", shown()["vti_sourcecontrollockexpires"][3:]).seconds - time.time() <= 3601
    alice.unlock(path, token)
    assert "vti_sourcecontrolcheckedoutby" not in shown()
    alice.lock(path)
    an_hour_passes(serving, document)
    an_hour_passes(serving, document)
    assert "vti_sourcecontrolcheckedoutby" not in shown()
    assert check_out(rpc, "bob", document).status == 0
