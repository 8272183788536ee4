"""checkout document: the table of fprpc.md §g and what is "Decided for davlock", cell by cell."""

from __future__ import annotations

import re
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.fprpc.conftest import Rpc
from tests.fprpc.holding import (
    LONG,
    REFRESH,
    SHORT,
    State,
    check_in,
    check_out,
    ends,
    folder_of,
    holds,
    locks,
    passes,
    removes,
    saves,
    uncheck,
    writes_underneath,
)
from tests.fprpc.states import HOUR, MINUTE, an_hour_passes, get, held, meta, seconds
from tests.fprpc.statuses import BAD_URL, CHECKED_OUT, GRANTED, LACKS, NO_FILE, NO_SUCH_CHECKOUT, NOT_CHECKED_OUT, SYNTAX
from tests.serving import Serving

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
    ("alice's ran out, changed underneath", [holds("alice", **SHORT), passes, writes_underneath], GRANTED, NO_SUCH_CHECKOUT, GRANTED),
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
    ("bob LOCK of the folder", [locks("bob", folder_of, depth="infinity")], CHECKED_OUT, CHECKED_OUT, CHECKED_OUT),
    ("alice LOCK", [locks("alice")], CHECKED_OUT, CHECKED_OUT, GRANTED),
    ("alice LOCK of the folder", [locks("alice", folder_of, depth="infinity")], CHECKED_OUT, CHECKED_OUT, GRANTED),
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
    asked: dict[str, Any] = {} if timeout is None else {"timeout": timeout}
    if refresh:
        check_out(rpc, "alice", document)
    before = time.time()
    shown = meta(rpc("alice", "checkout document", document_name=document, force=2 if refresh else 0, **asked))
    left = seconds(shown, "vti_sourcecontrollockexpires")
    assert int(before) + minutes * MINUTE <= left <= time.time() + minutes * MINUTE


@pytest.mark.parametrize("timeout", ["2147483648", "-2147483649", "1" * 5000, "ten", "1_0", "+10", " 10", "١٠", "１０", "1.5", "0x10"])
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


def test_what_is_not_for_checking_out_can_still_be_opened_for_editing(tmp_path: Path) -> None:
    (tmp_path / "davlock.yaml").write_text('root: root\nversions:\n  patterns:\n    - match: "*.tif"\n      semantics: None\n')
    with Serving(tmp_path / "root", "--config", str(tmp_path / "davlock.yaml")) as serving:
        (serving.root / "scan.tif").write_bytes(b"old")
        rpc = Rpc(serving)
        before = held(serving)
        by_opening = get(rpc, "alice", "scan.tif", get_option="chkoutExclusive", timeout=0)
        for refused in (check_out(rpc, "alice", "scan.tif", **LONG), by_opening):
            assert (refused.status, refused.content) == (LACKS, b"")
        assert held(serving) == before
        assert check_out(rpc, "alice", "scan.tif", **SHORT).status == GRANTED
        assert check_out(rpc, "bob", "scan.tif", **LONG).status == LACKS


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
