"""Short-term checkouts (EDIT) end: by their holder, or by force. And who is meant by the second at which a checkout began."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from davlock.conditions import View, checkout_began
from davlock.errors import BadRequest, DavlockError, NotCheckedOut, NotHolder
from davlock.model import Caller, Kind, Lock
from tests.documents.conftest import ADMIN, ALICE, BOB, Clock, Site


@pytest.fixture
def doc(site: Site) -> str:
    site.put("/doc.txt", b"old", BOB)
    return "/doc.txt"


def test_the_holder_ends_it_and_his_checkout_stays(site: Site, doc: str) -> None:
    checkout, edit = site.check_out(doc), site.library.edit(doc, ALICE, 600)
    site.put(doc, b"draft")
    assert site.library.end_edit(doc, ALICE) == edit
    assert site.library.all_locks() == [checkout]
    assert site.get(doc, "alice") == b"draft"
    assert site.endings(doc) == [("EDIT", "alice", "released", "alice")]
    with pytest.raises(NotCheckedOut):
        site.library.end_edit(doc, ALICE)


def test_ending_another_ones_needs_the_right_and_a_reason(site: Site, doc: str) -> None:
    edit = site.library.edit(doc, ALICE, 600)
    refusals: list[tuple[Caller, str | None, type[DavlockError]]] = [
        (BOB, None, NotHolder),
        (BOB, "I need it", NotHolder),
        (ADMIN, None, NotHolder),
        (ADMIN, "", BadRequest),
        (ADMIN, " ", BadRequest),
        (ADMIN, "x\ny", BadRequest),
    ]
    for caller, reason, error in refusals:
        with pytest.raises(error) as refused:
            site.library.end_edit(doc, caller, reason)
        assert not isinstance(refused.value, NotHolder) or refused.value.lock == edit
    assert site.library.all_locks() == [edit]

    seen: list[list[Lock]] = []

    def then(view: View) -> None:
        seen.append(view.locks(doc))

    assert site.library.end_edit(doc, ADMIN, "on holiday", then=then) == edit
    assert seen == [[]], "in the same decision"
    (past,) = site.library.archive.history(doc)
    assert (past.how.value, past.ended_by, past.reason) == ("broken", "root", "on holiday")


def test_the_right_to_force_alone_undoes_nothing_of_others(site: Site, doc: str) -> None:
    checkout = site.check_out(doc)
    with pytest.raises(NotHolder):
        site.library.undo(doc, ADMIN)
    assert site.library.all_locks() == [checkout]
    assert site.library.undo(doc, ADMIN, "left the company") == checkout


@pytest.mark.parametrize(
    "hold", [lambda site, doc: site.check_out(doc), lambda site, doc: site.lock(doc), lambda site, doc: site.lock("/", deep=True)]
)
def test_force_ends_edits_and_nothing_else(site: Site, doc: str, hold: Callable[[Site, str], Lock]) -> None:
    held = hold(site, doc)
    for caller in (BOB, ADMIN):
        with pytest.raises(NotHolder) as refused:
            site.library.end_edit(doc, caller, "I need it")
        assert refused.value.lock == held
    with pytest.raises(NotCheckedOut):
        site.library.end_edit(doc, ALICE, "mine")
    assert site.library.all_locks() == [held]


@pytest.mark.parametrize("kind", [Kind.EDIT, Kind.CHECKOUT])
def test_who_means_an_earlier_checkout_ends_no_later_one(site: Site, doc: str, clock: Clock, kind: Kind) -> None:
    def end(caller: Caller, second: int, reason: str | None = None) -> Lock:
        conditions = checkout_began(doc, second, caller, by_force=reason is not None)
        if kind is Kind.EDIT:
            return site.library.end_edit(doc, caller, reason, conditions)
        return site.library.undo(doc, caller, reason, conditions)

    first = site.lock(doc, kind=kind)
    end(ALICE, int(first.since))
    clock.now += 5
    second = site.lock(doc, kind=kind)
    for caller, reason in ((ALICE, None), (ADMIN, "on holiday")):
        with pytest.raises(NotCheckedOut, match="newer"):
            end(caller, int(first.since), reason)
    for caller, reason in ((BOB, None), (BOB, "I need it"), (ADMIN, None)):
        with pytest.raises(NotHolder):  # for whom it is somebody else's, whichever he means
            end(caller, int(first.since), reason)
    assert site.library.all_locks() == [second]
    assert end(ADMIN, int(second.since), "on holiday") == second
