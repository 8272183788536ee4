"""The lock manager on a state: what is granted, refused, renewed, ended, and what the clock does to it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from davlock.errors import Conflict, Forbidden, Locked, LockLost, NoSuchLock, NotHolder
from davlock.locks import LockManager
from davlock.model import Caller, Change, Kind, Lock, Scope, Wanted
from davlock.state import Rows, State

from .conftest import Clock, OpenState

ALICE, BOB = Caller("alice"), Caller("bob")
ADMIN = Caller("root", admin=True)
HOUR = 3600.0


@pytest.fixture
def take(state: State, manager: LockManager) -> Callable[..., Lock]:
    """A lock, for a minute if nothing else is said."""

    def take(
        path: str,
        caller: Caller = ALICE,
        kind: Kind = Kind.LOCK,
        *,
        scope: Scope = Scope.EXCLUSIVE,
        deep: bool = False,
        timeout: float = 60,
        on: State = state,
    ) -> Lock:
        with on.deciding() as rows:
            return manager.acquire(rows, Wanted(kind, path, scope, deep, timeout), caller)

    return take


Take = Callable[..., Lock]


def holding(caller: Caller, *locks: Lock) -> Caller:
    return Caller(caller.principal, frozenset(lock.token for lock in locks))


def everywhere(rows: Rows, lock: Lock) -> list[bool]:
    """Whether each query there is finds a lock on /f/a."""
    found = [rows.locks_on(["/f/a"]), rows.locks_below("/f"), rows.locks_below("/"), rows.locks_in("/f"), rows.locks()]
    return [lock in each for each in found] + [rows.lock(lock.token) == lock]


# granting


def test_a_lock_is_kept_as_it_was_granted(state: State, manager: LockManager, clock: Clock) -> None:
    wanted = Wanted(Kind.LOCK, "/f/ä", Scope.SHARED, True, 90, "<D:href>mailto:a@example.org</D:href>")
    with state.deciding() as rows:
        granted = manager.acquire(rows, wanted, Caller("alice", door="webdav"))
    assert (granted.root, granted.scope, granted.deep, granted.owner) == ("/f/ä", Scope.SHARED, True, wanted.owner)
    assert (granted.principal, granted.door, granted.since, granted.expires) == ("alice", "webdav", clock.now, clock.now + 90)
    with state.reading() as rows:
        assert rows.lock(granted.token) == granted


def test_a_checkout_has_no_end(take: Take, state: State, clock: Clock) -> None:
    checkout = take("/a", kind=Kind.CHECKOUT)
    clock.now += 100 * 365 * 24 * HOUR
    with state.reading() as rows:
        assert rows.lock(checkout.token) == checkout
    assert checkout.expires is None


def test_where_a_lock_is_looked_for(take: Take, state: State) -> None:
    """On a path, below it, in it: the root itself is neither below nor in the root, and `/f0` is not below `/f`."""
    locks = {path: take(path) for path in ("/", "/f", "/f/a", "/f/g/a", "/f.a", "/f0")}
    with state.reading() as rows:
        found = {path: ([x.root for x in rows.locks_below(path)], [x.root for x in rows.locks_in(path)]) for path in ("/", "/f", "/f/a")}
        assert [lock.root for lock in rows.locks_on(list(locks))] == sorted(locks)
    assert found == {
        "/": (["/f", "/f.a", "/f/a", "/f/g/a", "/f0"], ["/f", "/f.a", "/f0"]),
        "/f": (["/f/a", "/f/g/a"], ["/f/a"]),
        "/f/a": ([], []),
    }


def test_a_conflict_names_all_that_stand_in_the_way(take: Take) -> None:
    one, two = take("/f/a"), take("/f/b/c", BOB)
    take("/g")
    with pytest.raises(Conflict) as refused:
        take("/f", Caller("carol"), deep=True)
    assert [(blocker.lock, blocker.path) for blocker in refused.value.blockers] == [(one, "/f/a"), (two, "/f/b/c")]
    assert "alice" in refused.value.message


def test_a_second_checkout_of_the_same_principal_is_the_first(take: Take) -> None:
    """design §2: it succeeds and changes nothing."""
    first = take("/a", kind=Kind.CHECKOUT)
    take("/a")
    assert take("/a", kind=Kind.CHECKOUT) == first
    with pytest.raises(Conflict):
        take("/a", BOB, Kind.CHECKOUT)


def test_a_second_edit_of_the_same_principal_is_refused(take: Take) -> None:
    """design §2: the seed's 0x0009000E."""
    take("/a", kind=Kind.EDIT)
    with pytest.raises(Conflict):
        take("/a", kind=Kind.EDIT)


@pytest.mark.parametrize("session", [Kind.LOCK, Kind.EDIT])
@pytest.mark.parametrize("checkout_first", [True, False])
def test_a_checkout_stands_beside_its_holders_session(session: Kind, checkout_first: bool, take: Take, state: State) -> None:
    """design §2: in either order, and only one session."""
    order = (Kind.CHECKOUT, session) if checkout_first else (session, Kind.CHECKOUT)
    both = [take("/a", kind=kind) for kind in order]
    with state.reading() as rows:
        assert rows.locks_on(["/a"]) == both
    for kind in (Kind.LOCK, Kind.EDIT):
        with pytest.raises(Conflict):
            take("/a", kind=kind)


def test_a_checkout_stands_beside_many_shared_locks_of_its_holder(take: Take) -> None:
    take("/a", kind=Kind.CHECKOUT)
    take("/a", scope=Scope.SHARED)
    take("/a", scope=Scope.SHARED)
    with pytest.raises(Conflict):
        take("/a", BOB, scope=Scope.SHARED)


def test_tokens_are_never_used_again(take: Take, state: State, manager: LockManager) -> None:
    tokens = set()
    for _ in range(50):
        lock = take("/a")
        tokens.add(lock.token)
        with state.deciding() as rows:
            manager.release(rows, "/a", lock.token, ALICE)
    assert len(tokens) == 50
    assert all(token.startswith("urn:uuid:") for token in tokens)


# generations


def test_generations_only_rise(take: Take, open_state: OpenState, manager: LockManager) -> None:
    """design §2: over release and restart."""
    generations = []
    for _ in range(5):
        opened = open_state()
        lock = take("/a", on=opened)
        generations.append(lock.generation)
        with opened.deciding() as rows:
            manager.release(rows, "/a", lock.token, ALICE)
        opened.close()
    assert generations == sorted(set(generations))


def test_a_refresh_keeps_the_generation(take: Take, state: State, manager: LockManager) -> None:
    lock = take("/a")
    with state.deciding() as rows:
        (renewed,) = manager.refresh(rows, "/a", holding(ALICE, lock), 120)
    assert renewed.generation == lock.generation


# the clock


def test_a_lock_ends_at_its_very_instant_in_every_query(take: Take, state: State, manager: LockManager, clock: Clock) -> None:
    """design §2: gone in every door at the same instant. The exact end belongs to the next."""
    lock = take("/f/a", timeout=60)
    assert lock.expires == clock.now + 60
    clock.now = lock.expires - 0.25
    with state.reading() as rows:
        assert everywhere(rows, lock) == [True] * 6
        assert manager.on(rows, "/f/a") == [lock]
    clock.now = lock.expires
    with state.reading() as rows:
        assert everywhere(rows, lock) == [False] * 6
        assert manager.on(rows, "/f/a") == []
    with state.deciding() as rows:
        assert everywhere(rows, lock) == [False] * 6
        assert manager.guard(rows, Change("/f/a"), BOB) == frozenset()
        for attempt in (
            lambda: manager.refresh(rows, "/f/a", holding(ALICE, lock), 60),
            lambda: manager.release(rows, "/f/a", lock.token, ALICE),
            lambda: manager.break_(rows, lock.token, ADMIN, "gone"),
        ):
            with pytest.raises(NoSuchLock):
                attempt()


def test_time_stands_still_within_a_decision(state: State, manager: LockManager, clock: Clock) -> None:
    with state.deciding() as rows:
        lock = manager.acquire(rows, Wanted(Kind.LOCK, "/a", timeout=1), ALICE)
        clock.now += HOUR
        assert rows.lock(lock.token) == lock


@pytest.mark.parametrize("kind", [Kind.LOCK, Kind.EDIT])
def test_an_expired_row_does_not_stand_in_the_way(kind: Kind, take: Take, state: State, clock: Clock) -> None:
    """Nobody sweeps: the next one is granted on the same root, deep ones above too, and the UNIQUE index does not mind."""
    for number in range(3):
        take("/f/a", Caller(f"number {number}"), kind, timeout=60)
        clock.now += 60
    take("/f", BOB, deep=True)
    clock.now += 60
    assert take("/f/a", kind=kind).principal == "alice"
    with state.reading() as rows:
        assert [lock.root for lock in rows.locks()] == ["/f/a"]


@pytest.mark.parametrize("kind", [Kind.LOCK, Kind.EDIT])
def test_an_expired_row_does_not_stand_in_the_way_of_a_move(kind: Kind, take: Take, state: State, clock: Clock) -> None:
    take("/b", BOB, kind, timeout=60)
    clock.now += 60
    lock = take("/a", kind=kind)
    take("/c", BOB, kind, timeout=60)
    clock.now += 30
    with state.deciding() as rows:
        rows.renew_lock(lock.token, clock.now + HOUR)
    clock.now += 30
    with state.deciding() as rows:
        rows.reroot_lock(lock.token, "/b", None)
    with state.deciding() as rows:
        rows.reroot_lock(lock.token, "/c", None)
    with state.reading() as rows:
        assert [(lock.root, lock.principal) for lock in rows.locks()] == [("/c", "alice")]


def test_a_row_that_expired_earlier_than_it_was_to_does_not_stand_in_the_way(take: Take, state: State, clock: Clock) -> None:
    lock = take("/a", BOB, timeout=HOUR)
    take("/b")  # by now it is known when the first of them expires
    with state.deciding() as rows:
        rows.renew_lock(lock.token, clock.now + 30)
    clock.now += 30
    assert take("/a").principal == "alice"


def test_more_expired_rows_than_one_grant_could_sweep_singly(take: Take, state: State, clock: Clock) -> None:
    with state.deciding() as rows:
        for number in range(300):
            LockManager().acquire(rows, Wanted(Kind.LOCK, f"/f/{number:03}", timeout=1), BOB)
    clock.now += 1
    take("/f", deep=True)
    with state.reading() as rows:
        assert len(rows.locks()) == 1


def test_a_clock_that_steps_back_revives_nothing(take: Take, state: State, manager: LockManager, clock: Clock) -> None:
    """Rows.now never goes back behind a decision that wrote: what had expired then stays gone."""
    lock = take("/f", deep=True, timeout=1)
    clock.now += 1
    with state.deciding() as rows:
        manager.guard(rows, Change("/f/a"), BOB)
        rows.add_document("/f/a")
    for back in (0.25, 0.5, 9, HOUR):
        clock.now -= back
        with state.reading() as rows:
            assert rows.lock(lock.token) is None
        with state.deciding() as rows, pytest.raises(NoSuchLock):
            manager.refresh(rows, "/f", holding(ALICE, lock), 60)


def test_a_clock_that_steps_back_revives_nothing_after_a_restart(take: Take, open_state: OpenState, clock: Clock) -> None:
    before = open_state()
    lock = take("/a", timeout=10, on=before)
    clock.now += 10
    take("/b", on=before)
    before.close()
    clock.now -= 5
    with open_state().reading() as rows:
        assert rows.lock(lock.token) is None


def test_a_clock_that_steps_back_shortens_nothing(take: Take, state: State, clock: Clock) -> None:
    start = clock.now
    early = take("/a", timeout=60)
    clock.now = start - HOUR
    late = take("/b", timeout=60)
    assert (late.since, late.expires) == (start, start + 60)
    clock.now = start + 59.75
    with state.reading() as rows:
        assert rows.locks() == [early, late]


@pytest.mark.parametrize("way", ["reading", "deciding"])
def test_looking_does_not_move_the_clock(way: str, take: Take, state: State, clock: Clock) -> None:
    """Nor does a decision that changes nothing: a step forward that is taken back costs nobody his lock."""
    lock = take("/a", timeout=60)
    clock.now += HOUR
    with getattr(state, way)() as rows:
        assert rows.locks() == []
    clock.now -= HOUR
    with state.reading() as rows:
        assert rows.locks() == [lock]


# refreshing


@pytest.mark.parametrize(("asked", "granted"), [(None, 600), (5, 5), (7200, 7200), (0, 1), (float("inf"), 7 * 24 * HOUR)])
def test_a_refresh_counts_from_now(
    asked: float | None, granted: float, take: Take, state: State, manager: LockManager, clock: Clock
) -> None:
    """RFC 4918 §10.7: the timer starts again, longer or shorter."""
    lock = take("/a", timeout=60)
    clock.now += 30
    with state.deciding() as rows:
        (renewed,) = manager.refresh(rows, "/a", holding(ALICE, lock), asked)
    assert renewed.expires == clock.now + granted
    with state.reading() as rows:
        assert rows.lock(lock.token) == renewed


def test_a_deep_lock_is_refreshed_from_below(take: Take, state: State, manager: LockManager) -> None:
    """RFC 4918 §9.10.2: through any resource in its scope."""
    lock = take("/f", deep=True)
    with state.deciding() as rows:
        assert [each.token for each in manager.refresh(rows, "/f/a/b", holding(ALICE, lock), 60)] == [lock.token]
        with pytest.raises(NoSuchLock):
            manager.refresh(rows, "/g", holding(ALICE, lock), 60)


def test_only_ones_own_is_refreshed(take: Take, state: State, manager: LockManager) -> None:
    lock = take("/a")
    with state.deciding() as rows:
        with pytest.raises(NotHolder) as refused:
            manager.refresh(rows, "/a", holding(BOB, lock), 60)
        with pytest.raises(NoSuchLock):
            manager.refresh(rows, "/a", ALICE, 60)
        assert rows.lock(lock.token) == lock
    assert "alice" in refused.value.message


# ending


def test_release(take: Take, state: State, manager: LockManager) -> None:
    lock = take("/f", deep=True)
    with state.deciding() as rows:
        with pytest.raises(NotHolder):
            manager.release(rows, "/f", lock.token, BOB)
        with pytest.raises(NoSuchLock):
            manager.release(rows, "/g", lock.token, ALICE)
        assert manager.release(rows, "/f/a", lock.token, ALICE) == lock  # RFC 4918 §9.11: any resource in its scope
        with pytest.raises(NoSuchLock):
            manager.release(rows, "/f", lock.token, ALICE)
    assert take("/f/a", BOB)


def test_break(take: Take, state: State, manager: LockManager) -> None:
    """design §2: needs the right for it."""
    lock = take("/a", kind=Kind.CHECKOUT)
    for caller in (BOB, ALICE):
        with state.deciding() as rows, pytest.raises(Forbidden):
            manager.break_(rows, lock.token, caller, "I want it")
    with state.deciding() as rows:
        assert manager.break_(rows, lock.token, ADMIN, " left the company ") == lock
        assert [past.reason for past in rows.history(None, "/a")] == ["left the company"]
    assert take("/a", BOB, Kind.CHECKOUT).generation > lock.generation


# guarding a change


def test_guard_permits_or_names_what_blocks(take: Take, state: State, manager: LockManager) -> None:
    lock = take("/f/a")
    with state.reading() as rows:
        assert manager.guard(rows, Change("/f/a"), holding(ALICE, lock)) == {lock.generation}
        assert manager.guard(rows, Change("/f/b"), BOB) == frozenset()
        for change in (Change("/f/a"), Change("/f", tree=True), Change("/f", tree=True, membership=True)):
            with pytest.raises(Locked) as refused:
                manager.guard(rows, change, BOB)
            assert [(blocker.lock, blocker.path) for blocker in refused.value.blockers] == [(lock, "/f/a")]
            assert "a is locked by alice" in refused.value.message


def test_a_lock_that_ended_meanwhile_ends_the_write(take: Take, state: State, manager: LockManager, clock: Clock) -> None:
    """design §2, fencing: refused at commit even if nobody else holds the document."""
    lock = take("/a", timeout=60)
    with state.reading() as rows:
        began = manager.guard(rows, Change("/a"), holding(ALICE, lock))
    clock.now += 60
    with state.reading() as rows, pytest.raises(LockLost):
        manager.guard(rows, Change("/a"), holding(ALICE, lock), began)
    again = take("/a")
    with state.reading() as rows, pytest.raises(LockLost):
        manager.guard(rows, Change("/a"), holding(ALICE, lock, again), began)


@pytest.mark.parametrize("kind", [Kind.EDIT, Kind.CHECKOUT])
def test_a_broken_checkout_ends_the_write(kind: Kind, take: Take, state: State, manager: LockManager) -> None:
    """design §2: also when the same person has taken it again meanwhile, for it is another grant."""
    checkout = take("/a", kind=kind)
    with state.reading() as rows:
        began = manager.guard(rows, Change("/a"), ALICE)
    with state.deciding() as rows:
        manager.break_(rows, checkout.token, ADMIN, "left the company")
    take("/a", kind=kind)
    with state.reading() as rows, pytest.raises(LockLost):
        manager.guard(rows, Change("/a"), ALICE, began)


def test_somebody_elses_new_lock_wins_over_a_lost_one(take: Take, state: State, manager: LockManager, clock: Clock) -> None:
    """design §3: a lock granted during the upload wins, and its holder is named."""
    lock = take("/a", timeout=60)
    with state.reading() as rows:
        began = manager.guard(rows, Change("/a"), holding(ALICE, lock))
    clock.now += 60
    take("/a", BOB)
    with state.reading() as rows, pytest.raises(Locked) as refused:
        manager.guard(rows, Change("/a"), holding(ALICE, lock), began)
    assert "bob" in refused.value.message


def test_a_refreshed_lock_still_carries_the_write(take: Take, state: State, manager: LockManager, clock: Clock) -> None:
    lock = take("/a", timeout=60)
    with state.reading() as rows:
        began = manager.guard(rows, Change("/a"), holding(ALICE, lock))
    with state.deciding() as rows:
        manager.refresh(rows, "/a", holding(ALICE, lock), 600)
    clock.now += 300
    with state.reading() as rows:
        assert manager.guard(rows, Change("/a"), holding(ALICE, lock), began) == began


def test_a_write_to_a_new_name_that_exists_at_its_end(take: Take, state: State, manager: LockManager) -> None:
    """It began by leaning on the lock of the folder, which a write to an existing name does not need (RFC 4918 §7.4)."""
    lock = take("/f")
    with state.reading() as rows:
        began = manager.guard(rows, Change("/f/new", membership=True), holding(ALICE, lock))
        assert manager.guard(rows, Change("/f/new"), holding(ALICE, lock), began) == frozenset()
    with state.deciding() as rows:
        manager.release(rows, "/f", lock.token, ALICE)
        with pytest.raises(LockLost):
            manager.guard(rows, Change("/f/new"), holding(ALICE, lock), began)
