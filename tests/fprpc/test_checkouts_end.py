"""uncheckout document, checkin document: what ends a checkout, and who may."""

from __future__ import annotations

import pytest

from davlock.fprpc.values import print_time
from tests.fprpc.conftest import Rpc
from tests.fprpc.holding import LONG, SHORT, State, check_in, check_out, holds, locks, passes, removes, uncheck
from tests.fprpc.states import HOUR, held, meta, put
from tests.fprpc.statuses import CHECKED_OUT, NOT_CHECKED_OUT, SYNTAX
from tests.serving import Client, Serving


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


@pytest.mark.parametrize("short", [True, False])
@pytest.mark.parametrize("who", ["alice", "root"])
def test_a_checkout_of_what_another_program_has_removed_ends(rpc: Rpc, serving: Serving, document: str, who: str, short: bool) -> None:
    check_out(rpc, "alice", document, **(SHORT if short else LONG))
    removes(rpc, serving, document)
    assert meta(uncheck(rpc, who, document, short, force=who == "root")) == {}
    assert not [row for row in held(serving)["locks"] if f"/{document}" in row]
    assert uncheck(rpc, who, document, short).status == NOT_CHECKED_OUT


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


def test_check_in_of_what_another_program_has_removed(rpc: Rpc, serving: Serving, document: str, bob: Client) -> None:
    """The draft is what is left of it; without one, there is nothing to publish, and the checkout is over."""
    check_out(rpc, "alice", document, **LONG)
    meta(put(rpc, "alice", document, b"draft"))
    removes(rpc, serving, document)
    assert meta(check_in(rpc, "alice", document))["vti_filesize"].content == len(b"draft")
    assert bob.get(f"/{document}").body == b"draft"
    check_out(rpc, "alice", document, **LONG)
    removes(rpc, serving, document)
    assert meta(check_in(rpc, "alice", document)) == {}
    assert check_in(rpc, "alice", document).status == NOT_CHECKED_OUT
