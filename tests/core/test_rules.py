"""The rules, as tables. A lock is written `token who KIND scope [deep] /path`, a caller `who [token …]`."""

from __future__ import annotations

import math
from itertools import product

import pytest

from davlock import rules
from davlock.model import Blocker, Caller, Change, Kind, Lock, Scope, Wanted

TABLE = [
    # held by alice                        wanted                             granted  because
    # --- on one document: every kind and scope, by herself and by bob
    ("t alice LOCK exclusive /a",     "alice LOCK exclusive /a",          False, "RFC 4918 §6.1: exclusive even for herself, it is another session"),
    ("t alice LOCK exclusive /a",     "bob LOCK exclusive /a",            False, "RFC 4918 §9.10.5 table: exclusive over exclusive"),
    ("t alice LOCK exclusive /a",     "alice LOCK shared /a",             False, "RFC 4918 §9.10.5 table: shared over exclusive"),
    ("t alice LOCK exclusive /a",     "bob LOCK shared /a",               False, "RFC 4918 §9.10.5 table: shared over exclusive"),
    ("t alice LOCK exclusive /a",     "alice EDIT exclusive /a",          False, "design §2: two sessions never share an exclusive lock"),
    ("t alice LOCK exclusive /a",     "bob EDIT exclusive /a",            False, "design §2: everything else conflicts"),
    ("t alice LOCK exclusive /a",     "alice CHECKOUT exclusive /a",      True,  "design §2: her checkout beside her LOCK, in either order"),
    ("t alice LOCK exclusive /a",     "bob CHECKOUT exclusive /a",        False, "design §2: … of the same principal"),
    ("t alice LOCK shared /a",        "alice LOCK exclusive /a",          False, "RFC 4918 §9.10.5 table: exclusive over shared"),
    ("t alice LOCK shared /a",        "bob LOCK exclusive /a",            False, "RFC 4918 §9.10.5 table: exclusive over shared"),
    ("t alice LOCK shared /a",        "alice LOCK shared /a",             True,  "RFC 4918 §9.10.5 table: shared over shared"),
    ("t alice LOCK shared /a",        "bob LOCK shared /a",               True,  "design §2: shared LOCKs of anybody"),
    ("t alice LOCK shared /a",        "alice EDIT exclusive /a",          False, "design §2: only a CHECKOUT coexists with her LOCKs"),
    ("t alice LOCK shared /a",        "bob EDIT exclusive /a",            False, "design §2: everything else conflicts"),
    ("t alice LOCK shared /a",        "alice CHECKOUT exclusive /a",      True,  "design §2: her checkout beside her LOCKs, shared ones too"),
    ("t alice LOCK shared /a",        "bob CHECKOUT exclusive /a",        False, "design §2: … of the same principal"),
    ("t alice EDIT exclusive /a",     "alice LOCK exclusive /a",          False, "design §2: two sessions never share an exclusive lock"),
    ("t alice EDIT exclusive /a",     "bob LOCK exclusive /a",            False, "design §2: everything else conflicts"),
    ("t alice EDIT exclusive /a",     "alice LOCK shared /a",             False, "design §2: everything else conflicts"),
    ("t alice EDIT exclusive /a",     "bob LOCK shared /a",               False, "design §2: everything else conflicts"),
    ("t alice EDIT exclusive /a",     "alice EDIT exclusive /a",          False, "design §2: a second EDIT is refused (0x0009000E)"),
    ("t alice EDIT exclusive /a",     "bob EDIT exclusive /a",            False, "design §2: everything else conflicts"),
    ("t alice EDIT exclusive /a",     "alice CHECKOUT exclusive /a",      True,  "design §2: her checkout beside her EDIT, in either order"),
    ("t alice EDIT exclusive /a",     "bob CHECKOUT exclusive /a",        False, "design §2: … of the same principal"),
    ("t alice CHECKOUT exclusive /a", "alice LOCK exclusive /a",          True,  "design §2: her own checkout never stands in her session's way"),
    ("t alice CHECKOUT exclusive /a", "bob LOCK exclusive /a",            False, "design §2: a checkout belongs to a person"),
    ("t alice CHECKOUT exclusive /a", "alice LOCK shared /a",             True,  "design §2: her own checkout never stands in her session's way"),
    ("t alice CHECKOUT exclusive /a", "bob LOCK shared /a",               False, "design §2: a checkout belongs to a person"),
    ("t alice CHECKOUT exclusive /a", "alice EDIT exclusive /a",          True,  "design §2: her own checkout never stands in her session's way"),
    ("t alice CHECKOUT exclusive /a", "bob EDIT exclusive /a",            False, "design §2: a checkout belongs to a person"),
    ("t alice CHECKOUT exclusive /a", "alice CHECKOUT exclusive /a",      False, "design §2: no second one; same_checkout() finds the first"),
    ("t alice CHECKOUT exclusive /a", "bob CHECKOUT exclusive /a",        False, "design §2: everything else conflicts"),
    # --- where they overlap: above, on, below, beside
    ("t alice LOCK exclusive /a",          "bob LOCK exclusive /a/b",      True,  "RFC 4918 §7.4: depth 0 does not reach members"),
    ("t alice LOCK exclusive deep /a",     "bob LOCK exclusive /a/b",      False, "RFC 4918 §7.4: depth infinity reaches members"),
    ("t alice LOCK exclusive deep /a",     "bob LOCK exclusive /a/b/c/d",  False, "RFC 4918 §7.4: … at any depth"),
    ("t alice LOCK exclusive deep /a",     "bob CHECKOUT exclusive /a/b",  False, "design §2: … in every door"),
    ("t alice LOCK exclusive deep /a",     "alice CHECKOUT exclusive /a/b", True, "design §2: her checkout below her own deep LOCK"),
    ("t alice LOCK exclusive deep /",      "bob LOCK exclusive /a/b",      False, "RFC 4918 §7.4: the root's members too"),
    ("t alice LOCK exclusive /",           "bob LOCK exclusive /a",        True,  "RFC 4918 §7.4: depth 0 on the root"),
    ("t alice LOCK exclusive /a/b",        "bob LOCK exclusive /a",        True,  "RFC 4918 §7.4: depth 0 wanted above"),
    ("t alice LOCK exclusive /a/b",        "bob LOCK exclusive deep /a",   False, "RFC 4918 §9.10.3: a member is locked, so the tree cannot be"),
    ("t alice LOCK exclusive /a/b",        "alice LOCK exclusive deep /a", False, "RFC 4918 §9.10.3: by herself neither"),
    ("t alice LOCK exclusive /a/b/c",      "bob LOCK shared deep /",       False, "RFC 4918 §9.10.3: … at any depth"),
    ("t alice LOCK shared /a/b",           "bob LOCK shared deep /a",      True,  "RFC 4918 §6.2: shared ones, overlapping"),
    ("t alice LOCK shared deep /a",        "bob LOCK shared /a/b",         True,  "RFC 4918 §6.2: shared ones, overlapping"),
    ("t alice LOCK shared deep /a",        "bob LOCK exclusive /a/b",      False, "RFC 4918 §6.2: exclusive below shared"),
    ("t alice CHECKOUT exclusive /a/b",    "bob LOCK exclusive deep /a",   False, "design §2: the deep LOCK would cover her document"),
    ("t alice CHECKOUT exclusive /a/b",    "alice LOCK exclusive deep /a", True,  "design §2: her own checkout never stands in her way"),
    ("t alice EDIT exclusive /a/b",        "alice LOCK exclusive deep /a", False, "design §2: two sessions never share"),
    ("t alice LOCK exclusive deep /a",     "bob LOCK exclusive /ab",       True,  "a sibling whose name only begins alike"),
    ("t alice LOCK exclusive deep /a",     "bob LOCK exclusive /a0",       True,  "a sibling: `0` comes right after `/`"),
    ("t alice LOCK exclusive deep /a",     "bob LOCK exclusive /a.b",      True,  "a sibling: `.` comes right before `/`"),
    ("t alice LOCK exclusive deep /a",     "bob LOCK exclusive /A/b",      True,  "another name: letters differ in case"),
    ("t alice LOCK exclusive /ab/c",       "bob LOCK exclusive deep /a",   True,  "a sibling whose name only begins alike"),
    ("t alice LOCK exclusive /a0",         "bob LOCK exclusive deep /a",   True,  "a sibling: `0` comes right after `/`"),
    ("t alice LOCK exclusive /b",          "bob LOCK exclusive deep /a",   True,  "RFC 4918 §6.1: other resources"),
    ("t alice LOCK exclusive deep /a",     "bob LOCK exclusive deep /a/b", False, "RFC 4918 §7.4: deep in deep"),
    ("t alice LOCK exclusive deep /a/b",   "bob LOCK exclusive deep /a",   False, "RFC 4918 §9.10.3: deep around deep"),
    ("t alice LOCK exclusive deep /a/b",   "bob LOCK exclusive /a/c",      True,  "RFC 4918 §7.4: a neighbour"),
]  # fmt: skip

CHANGES = [
    # change                            held                                      caller           blocked by (lock@place)   because
    (Change("/a"),                      [],                                       "bob",           [],             "nobody holds anything"),
    (Change("/a"),                      ["t alice LOCK exclusive /a"],            "alice t",       [],             "RFC 4918 §6.4: her name and her token"),
    (Change("/a"),                      ["t alice LOCK exclusive /a"],            "alice",         ["t@/a"],       "RFC 4918 §6.4: without the token not even she"),
    (Change("/a"),                      ["t alice LOCK exclusive /a"],            "alice u",       ["t@/a"],       "RFC 4918 §6.4: another token"),
    (Change("/a"),                      ["t alice LOCK exclusive /a"],            "alice T",       ["t@/a"],       "RFC 4918 §6.5: tokens are compared exactly"),
    (Change("/a"),                      ["t alice LOCK exclusive /a"],            "bob t",         ["t@/a"],       "design §2: same principal AND the token; a stolen one is nothing"),
    (Change("/a"),                      ["t alice LOCK exclusive /a"],            "Alice t",       ["t@/a"],       "design §2: one spelling of one principal"),
    (Change("/a"),                      ["t alice LOCK exclusive /a"],            "bob",           ["t@/a"],       "RFC 4918 §7: no write without the token"),
    (Change("/a"),                      ["t alice EDIT exclusive /a"],            "alice",         [],             "design §2: proof of an EDIT is the principal"),
    (Change("/a"),                      ["t alice EDIT exclusive /a"],            "bob t",         ["t@/a"],       "design §2: proof of an EDIT is the principal"),
    (Change("/a"),                      ["t alice CHECKOUT exclusive /a"],        "alice",         [],             "design §2: her own checkout never stands in her way"),
    (Change("/a"),                      ["t alice CHECKOUT exclusive /a"],        "bob t",         ["t@/a"],       "design §2: proof of a CHECKOUT is the principal"),
    (Change("/a"),                      ["c alice CHECKOUT exclusive /a",
                                         "t alice LOCK exclusive /a"],            "alice",         ["t@/a"],       "design §2: her checkout is no proof of her other session"),
    (Change("/a"),                      ["c alice CHECKOUT exclusive /a",
                                         "t alice LOCK exclusive /a"],            "alice t",       [],             "design §2: both proven"),
    # shared ones
    (Change("/a"),                      ["t alice LOCK shared /a"],               "bob",           ["t@/a"],       "RFC 4918 §6.2: shared locks keep out those without one"),
    (Change("/a"),                      ["t alice LOCK shared /a"],               "alice",         ["t@/a"],       "RFC 4918 §6.4: token of a shared lock too"),
    (Change("/a"),                      ["t alice LOCK shared /a",
                                         "u bob LOCK shared /a"],                 "bob u",         [],             "RFC 4918 §6.2: one of one's own is enough"),
    (Change("/a"),                      ["t alice LOCK shared /a",
                                         "u bob LOCK shared /a"],                 "bob",           ["t@/a", "u@/a"], "RFC 4918 §6.4: but it must be submitted"),
    (Change("/a"),                      ["t alice LOCK shared /a",
                                         "u bob LOCK shared /a"],                 "bob t",         ["t@/a", "u@/a"], "RFC 4918 §6.4: and be one's own"),
    (Change("/a/b"),                    ["t alice LOCK shared deep /a",
                                         "u bob LOCK shared /a/b"],               "bob u",         [],             "RFC 4918 §6.2: both cover it, one of one's own is enough"),
    (Change("/a/b", membership=True),   ["t alice LOCK shared deep /a",
                                         "u bob LOCK shared /a/b"],               "bob u",         ["t@/a"],       "RFC 4918 §7.4: the folder itself is alice's"),
    # where
    (Change("/a"),                      ["t alice LOCK exclusive /a/b"],          "bob",           [],             "RFC 4918 §7: PROPPATCH of the folder above"),
    (Change("/a/b"),                    ["t alice LOCK exclusive /a"],            "bob",           [],             "RFC 4918 §7.4: depth 0 does not protect members' content"),
    (Change("/a/b"),                    ["t alice LOCK exclusive deep /a"],       "bob",           ["t@/a/b"],     "RFC 4918 §7.4: depth infinity does"),
    (Change("/a/b"),                    ["t alice LOCK exclusive deep /a"],       "alice t",       [],             "RFC 4918 §7.4: its holder"),
    (Change("/ab"),                     ["t alice LOCK exclusive deep /a"],       "bob",           [],             "a sibling whose name only begins alike"),
    (Change("/a0"),                     ["t alice LOCK exclusive deep /a"],       "bob",           [],             "a sibling: `0` comes right after `/`"),
    (Change("/a/b"),                    ["t alice LOCK exclusive deep /"],        "bob",           ["t@/a/b"],     "RFC 4918 §7.4: from the root down"),
    # members come and go
    (Change("/a/b", membership=True),   ["t alice LOCK exclusive /a"],            "bob",           ["t@/a"],       "RFC 4918 §7.4: depth 0 protects membership (PUT, MKCOL, LOCK of a new name)"),
    (Change("/a/b", membership=True),   ["t alice LOCK exclusive /a"],            "alice t",       [],             "RFC 4918 §7.4: its holder adds members"),
    (Change("/a/b/c", membership=True), ["t alice LOCK exclusive /a"],            "bob",           [],             "RFC 4918 §7.4: internal members only"),
    (Change("/b", membership=True),     ["t alice LOCK exclusive /"],             "bob",           ["t@/"],        "RFC 4918 §7.4: membership of the root"),
    (Change("/a/b", membership=True),   ["t alice LOCK exclusive deep /a"],       "bob",           ["t@/a/b"],     "RFC 4918 §7.4: named once, where it protects first"),
    # whole trees
    (Change("/a", tree=True),           ["t alice LOCK exclusive /a/b"],          "bob",           ["t@/a/b"],     "RFC 4918 §9.6.1: a locked member keeps the tree"),
    (Change("/a", tree=True),           ["t alice LOCK exclusive /a/b"],          "alice",         ["t@/a/b"],     "RFC 4918 §9.6.1: … from its holder too, without the token"),
    (Change("/a", tree=True),           ["t alice LOCK exclusive /a/b"],          "alice t",       [],             "RFC 4918 §9.6.1: with it she may"),
    (Change("/a", tree=True),           ["t alice LOCK exclusive /a/b/c/d"],      "bob",           ["t@/a/b/c/d"], "RFC 4918 §9.6.1: at any depth (grandparent)"),
    (Change("/a", tree=True),           ["t alice CHECKOUT exclusive /a/b"],      "bob",           ["t@/a/b"],     "design §2: a checked out member"),
    (Change("/a", tree=True),           ["t alice EDIT exclusive /a/b"],          "alice",         [],             "design §2: … is its holder's"),
    (Change("/a", tree=True),           ["t alice LOCK exclusive /a/b",
                                         "u bob LOCK exclusive /a/c"],            "alice t",       ["u@/a/c"],     "RFC 4918 §9.6.1: every member counts"),
    (Change("/a", tree=True),           ["t alice LOCK exclusive /ab"],           "bob",           [],             "a sibling whose name only begins alike"),
    (Change("/a", tree=True),           ["t alice LOCK exclusive /a0/b"],         "bob",           [],             "a sibling: `0` comes right after `/`"),
    (Change("/a", tree=True),           ["t alice LOCK shared /a",
                                         "u bob LOCK shared /a/b"],               "alice t",       ["u@/a/b"],     "RFC 4918 §6.2: a shared lock proves nothing beyond what it covers"),
    (Change("/a", tree=True),           ["t alice LOCK shared deep /a",
                                         "u bob LOCK shared /a/b"],               "alice t",       [],             "RFC 4918 §6.2: a deep one does cover it"),
    (Change("/a", True, True),          ["t alice LOCK exclusive /"],             "bob",           ["t@/"],        "RFC 4918 §7.4: DELETE takes a member from its folder"),
    (Change("/a", True, True),          ["t alice LOCK exclusive deep /a"],       "bob",           ["t@/a"],       "RFC 4918 §9.6.1: named once"),
]  # fmt: skip


def lock(spec: str, generation: int = 1) -> Lock:
    token, principal, kind, scope, *rest = spec.split(" ")
    deep, root = rest[0] == "deep", rest[-1]
    return Lock(token, Kind(kind), Scope(scope), deep, root, principal, "webdav", 0.0, 1.0, generation)


def wanted(spec: str) -> tuple[Wanted, Caller]:
    it = lock(f"- {spec}")
    return Wanted(it.kind, it.root, it.scope, it.deep), Caller(it.principal)


def caller(spec: str) -> Caller:
    principal, *tokens = spec.split(" ")
    return Caller(principal, frozenset(tokens))


@pytest.mark.parametrize(("held", "asked", "granted", "because"), TABLE, ids=[f"{h} + {w}" for h, w, _, _ in TABLE])
def test_what_may_stand_beside_what(held: str, asked: str, granted: bool, because: str) -> None:
    assert (rules.conflicts(*wanted(asked), [lock(held)]) == ()) is granted, because
    if not granted:
        assert rules.conflicts(*wanted(asked), [lock(held)]) == (lock(held),), because


def test_the_table_leaves_nothing_out() -> None:
    what = [("LOCK", "exclusive"), ("LOCK", "shared"), ("EDIT", "exclusive"), ("CHECKOUT", "exclusive")]
    rows = {(held, asked) for held, asked, _, _ in TABLE}
    for (held, asked), who in product(product(what, what), ("alice", "bob")):
        assert (f"t alice {' '.join(held)} /a", f"{who} {' '.join(asked)} /a") in rows


def test_only_the_conflicting_ones_are_named() -> None:
    held = [lock("t alice LOCK exclusive /a/b"), lock("u alice LOCK exclusive /b"), lock("v bob LOCK shared /a/c")]
    assert rules.conflicts(*wanted("bob LOCK exclusive deep /a"), held) == (held[0], held[2])


@pytest.mark.parametrize(
    ("change", "held", "who", "blocking", "because"), CHANGES, ids=[f"{c.path} {c.tree:d}{c.membership:d} {h} {w}" for c, h, w, _, _ in CHANGES]
)
def test_what_blocks_a_change(change: Change, held: list[str], who: str, blocking: list[str], because: str) -> None:
    locks = {spec.split(" ")[0]: lock(spec) for spec in held}
    expected = [Blocker(locks[token], place) for token, place in (each.split("@") for each in blocking)]
    assert list(rules.blockers(change, caller(who), list(locks.values()))) == expected, because


@pytest.mark.parametrize(
    ("asked", "granted", "because"),
    [
        (None, 600, "nothing asked: the default"),
        (300, 300, "what was asked"),
        (math.inf, 3600, "RFC 4918 §10.7: Infinite is a wish"),
        (10**30, 3600, "RFC 4918 §10.7: so is Second-4294967295 and beyond"),
        (3600, 3600, "just the longest"),
        (3600.5, 3600, "just beyond it"),
        (math.nan, 600, "no number: the default"),
        (0, 5, "reliability §2.3: never 0"),
        (-1, 5, "reliability §2.3: negatives are the minimum"),
        (-math.inf, 5, "reliability §2.3: negatives are the minimum"),
        (4.5, 5, "reliability §2.3: the minimum"),
    ],
)
@pytest.mark.parametrize("kind", [Kind.LOCK, Kind.EDIT])
def test_granted_seconds(kind: Kind, asked: float | None, granted: float, because: str) -> None:
    assert rules.granted_seconds(kind, asked, rules.Limits(5, 600, 3600)) == granted, because


@pytest.mark.parametrize("asked", [None, 0, 60, math.inf])
def test_a_checkout_does_not_run_out(asked: float | None) -> None:
    """design §2: it ends by check-in, undo or forced undo."""
    assert rules.granted_seconds(Kind.CHECKOUT, asked, rules.Limits()) is None


def test_a_default_beyond_the_maximum_is_the_maximum() -> None:
    assert rules.granted_seconds(Kind.LOCK, None, rules.Limits(1, 7200, 3600)) == 3600


# The caller's own checkout of the very document, and nothing else (design §2).
@pytest.mark.parametrize(
    ("held", "asked", "found"),
    [
        ("t alice CHECKOUT exclusive /a", "alice CHECKOUT exclusive /a", True),
        ("t alice CHECKOUT exclusive /a", "bob CHECKOUT exclusive /a", False),
        ("t alice CHECKOUT exclusive /a", "alice LOCK exclusive /a", False),
        ("t alice CHECKOUT exclusive /a", "alice CHECKOUT exclusive /b", False),
        ("t alice EDIT exclusive /a", "alice CHECKOUT exclusive /a", False),
    ],
)
def test_same_checkout(held: str, asked: str, found: bool) -> None:
    assert rules.same_checkout(*wanted(asked), [lock(held)]) == (lock(held) if found else None)


def test_what_a_write_leans_on() -> None:
    """design §2, fencing: the proven locks that cover a place of the change, and no others."""
    held = [
        lock("t alice LOCK exclusive /a/b", 3),
        lock("u alice LOCK exclusive /a", 4),
        lock("c alice CHECKOUT exclusive /a/b", 5),
        lock("v alice LOCK exclusive /elsewhere", 6),
        lock("w bob LOCK shared /a/b", 7),
    ]
    assert rules.proofs(Change("/a/b"), caller("alice t u v w"), held) == {3, 5}
    assert rules.proofs(Change("/a/b", membership=True), caller("alice t u v w"), held) == {3, 4, 5}
    assert rules.proofs(Change("/a", tree=True), caller("alice t u v w"), held) == {3, 4, 5}
    assert rules.proofs(Change("/a/b"), caller("alice"), held) == {5}
    assert rules.proofs(Change("/a/b"), caller("carol t"), held) == frozenset()


@pytest.mark.parametrize(
    ("began", "now", "stale", "because"),
    [
        ([], [], False, "written under no lock"),
        ([], [5], False, "one of one's own came meanwhile"),
        ([5], [5], False, "the same grant"),
        ([5], [5, 6], False, "and another one"),
        ([5], [], True, "design §2: broken or expired, though nobody else holds it"),
        ([5], [6], True, "design §2: ended and taken again: another grant"),
        ([5, 6], [5], True, "one of two ended"),
    ],
)
def test_fencing(began: list[int], now: list[int], stale: bool, because: str) -> None:
    assert rules.is_stale(frozenset(began), frozenset(now)) is stale, because


@pytest.mark.parametrize(
    ("held", "path", "who", "may", "because"),
    [
        ("t alice LOCK exclusive /a", "/a", "alice t", True, "RFC 4918 §9.10.2"),
        ("t alice LOCK exclusive /a", "/a", "bob t", False, "design §2: the principal and the token"),
        ("t alice LOCK exclusive /a", "/a", "alice", False, "RFC 4918 §9.10.2: the token must be submitted"),
        ("t alice LOCK exclusive deep /a", "/a/b/c", "alice t", True, "RFC 4918 §9.10.2: through any resource in its scope"),
        ("t alice LOCK exclusive /a", "/a/b", "alice t", False, "RFC 4918 §9.10.2: not in its scope"),
        ("t alice LOCK exclusive deep /a", "/ab", "alice t", False, "a sibling whose name only begins alike"),
    ],
)
def test_who_may_refresh(held: str, path: str, who: str, may: bool, because: str) -> None:
    assert rules.may_refresh(lock(held), path, caller(who)) is may, because


@pytest.mark.parametrize("kind", ["LOCK", "EDIT", "CHECKOUT"])
def test_who_may_release_break_and_see(kind: str) -> None:
    """design §2: the holder releases; breaking is an explicit right; tokens of others are not shown."""
    held = lock(f"t alice {kind} exclusive /a")
    assert rules.may_release(held, caller("alice"))
    assert not rules.may_release(held, caller("bob t"))
    assert not rules.may_break(held, caller("bob t"))
    assert not rules.may_break(held, caller("alice t"))
    assert rules.may_break(held, Caller("carol", admin=True))
    assert not rules.may_see_token(held, "bob")
    assert rules.may_see_token(held, "alice") is (kind != "CHECKOUT")


@pytest.mark.parametrize(("kind", "goes_along"), [("LOCK", False), ("EDIT", True), ("CHECKOUT", True)])
def test_what_travels(kind: str, goes_along: bool) -> None:
    """design §2: a LOCK is on the URL (RFC 4918 §7.6), a checkout is on the document."""
    held = lock(f"t alice {kind} exclusive /a")
    assert rules.travels(held) is goes_along
    assert rules.keeps_identity(held) is goes_along


@pytest.mark.parametrize(
    ("held", "arriving", "survives", "because"),
    [
        ("t alice LOCK exclusive /b", [], True, "RFC 4918 §7.6: it is on the URL"),
        ("t alice LOCK exclusive /b", ["u alice CHECKOUT exclusive /a"], True, "design §2: her own checkout beside it"),
        ("t alice LOCK exclusive /b/c", [], False, "what it stood on is gone"),
        ("t alice CHECKOUT exclusive /b", [], True, "design §3: the document keeps its identity"),
        ("t alice CHECKOUT exclusive /b", ["u alice LOCK exclusive /a"], True, "RFC 4918 §7.6: that LOCK does not arrive"),
        ("t alice CHECKOUT exclusive /b", ["u alice CHECKOUT exclusive /a"], False, "design §2: never two on one document"),
        ("t alice EDIT exclusive /b", ["u alice EDIT exclusive /a"], False, "design §2: never two on one document"),
        ("t alice CHECKOUT exclusive /b/c", [], False, "what it stood on is gone"),
    ],
)
def test_what_survives_overwriting(held: str, arriving: list[str], survives: bool, because: str) -> None:
    assert rules.survives_overwriting(lock(held), "/b", [lock(each) for each in arriving]) is survives, because
