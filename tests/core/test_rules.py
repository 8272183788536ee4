"""The rules, as tables. A lock is written `token who KIND [shared] [deep] /path`, a caller `who+token`."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

import pytest

from davlock import rules
from davlock.errors import Locked, NotFound, NotHolder
from davlock.model import Blocker, Caller, Change, Kind, Lock, Scope, Wanted

TABLE = """
held                        | wanted                    | ?   | because
alice LOCK /a               | alice LOCK /a             | no  | RFC 4918 §6.1: exclusive even for herself, it is another session
alice LOCK /a               | bob LOCK /a               | no  | RFC 4918 §9.10.5 table: exclusive over exclusive
alice LOCK /a               | alice LOCK shared /a      | no  | RFC 4918 §9.10.5 table: shared over exclusive
alice LOCK /a               | bob LOCK shared /a        | no  | RFC 4918 §9.10.5 table: shared over exclusive
alice LOCK /a               | alice EDIT /a             | no  | design §2: two sessions never share an exclusive lock
alice LOCK /a               | bob EDIT /a               | no  | design §2: everything else conflicts
alice LOCK /a               | alice CHECKOUT /a         | yes | design §2: her checkout beside her LOCK, in either order
alice LOCK /a               | bob CHECKOUT /a           | no  | design §2: … of the same principal
alice LOCK shared /a        | alice LOCK /a             | no  | RFC 4918 §9.10.5 table: exclusive over shared
alice LOCK shared /a        | bob LOCK /a               | no  | RFC 4918 §9.10.5 table: exclusive over shared
alice LOCK shared /a        | alice LOCK shared /a      | yes | RFC 4918 §9.10.5 table: shared over shared
alice LOCK shared /a        | bob LOCK shared /a        | yes | design §2: shared LOCKs of anybody
alice LOCK shared /a        | alice EDIT /a             | no  | design §2: only a CHECKOUT coexists with her LOCKs
alice LOCK shared /a        | bob EDIT /a               | no  | design §2: everything else conflicts
alice LOCK shared /a        | alice CHECKOUT /a         | yes | design §2: her checkout beside her LOCKs, shared ones too
alice LOCK shared /a        | bob CHECKOUT /a           | no  | design §2: … of the same principal
alice EDIT /a               | alice LOCK /a             | no  | design §2: two sessions never share an exclusive lock
alice EDIT /a               | bob LOCK /a               | no  | design §2: everything else conflicts
alice EDIT /a               | alice LOCK shared /a      | no  | design §2: everything else conflicts
alice EDIT /a               | bob LOCK shared /a        | no  | design §2: everything else conflicts
alice EDIT /a               | alice EDIT /a             | no  | design §2: a second EDIT is refused (0x0009000E)
alice EDIT /a               | bob EDIT /a               | no  | design §2: everything else conflicts
alice EDIT /a               | alice CHECKOUT /a         | yes | design §2: her checkout beside her EDIT, in either order
alice EDIT /a               | bob CHECKOUT /a           | no  | design §2: … of the same principal
alice CHECKOUT /a           | alice LOCK /a             | yes | design §2: her own checkout never stands in her session's way
alice CHECKOUT /a           | bob LOCK /a               | no  | design §2: a checkout belongs to a person
alice CHECKOUT /a           | alice LOCK shared /a      | yes | design §2: her own checkout never stands in her session's way
alice CHECKOUT /a           | bob LOCK shared /a        | no  | design §2: a checkout belongs to a person
alice CHECKOUT /a           | alice EDIT /a             | yes | design §2: her own checkout never stands in her session's way
alice CHECKOUT /a           | bob EDIT /a               | no  | design §2: a checkout belongs to a person
alice CHECKOUT /a           | alice CHECKOUT /a         | no  | design §2: no second one; same_checkout() finds the first
alice CHECKOUT /a           | bob CHECKOUT /a           | no  | design §2: everything else conflicts

alice LOCK /a               | bob LOCK /a/b             | yes | RFC 4918 §7.4: depth 0 does not reach members
alice LOCK deep /a          | bob LOCK /a/b             | no  | RFC 4918 §7.4: depth infinity reaches members
alice LOCK deep /a          | bob LOCK /a/b/c/d         | no  | RFC 4918 §7.4: … at any depth
alice LOCK deep /a          | bob CHECKOUT /a/b         | no  | design §2: … in every door
alice LOCK deep /a          | alice CHECKOUT /a/b       | yes | design §2: her checkout below her own deep LOCK
alice LOCK deep /           | bob LOCK /a/b             | no  | RFC 4918 §7.4: the root's members too
alice LOCK /                | bob LOCK /a               | yes | RFC 4918 §7.4: depth 0 on the root
alice LOCK /a/b             | bob LOCK /a               | yes | RFC 4918 §7.4: depth 0 wanted above
alice LOCK /a/b             | bob LOCK deep /a          | no  | RFC 4918 §9.10.3: a member is locked, so the tree cannot be
alice LOCK /a/b             | alice LOCK deep /a        | no  | RFC 4918 §9.10.3: by herself neither
alice LOCK /a/b/c           | bob LOCK shared deep /    | no  | RFC 4918 §9.10.3: … at any depth
alice LOCK shared /a/b      | bob LOCK shared deep /a   | yes | RFC 4918 §6.2: shared ones, overlapping
alice LOCK shared deep /a   | bob LOCK shared /a/b      | yes | RFC 4918 §6.2: shared ones, overlapping
alice LOCK shared deep /a   | bob LOCK /a/b             | no  | RFC 4918 §6.2: exclusive below shared
alice CHECKOUT /a/b         | bob LOCK deep /a          | no  | design §2: the deep LOCK would cover her document
alice CHECKOUT /a/b         | alice LOCK deep /a        | yes | design §2: her own checkout never stands in her way
alice EDIT /a/b             | alice LOCK deep /a        | no  | design §2: two sessions never share
alice LOCK deep /a          | bob LOCK /ab              | yes | a sibling whose name only begins alike
alice LOCK deep /a          | bob LOCK /a0              | yes | a sibling: `0` comes right after `/`
alice LOCK deep /a          | bob LOCK /a.b             | yes | a sibling: `.` comes right before `/`
alice LOCK deep /a          | bob LOCK /A/b             | yes | another name: letters differ in case
alice LOCK /ab/c            | bob LOCK deep /a          | yes | a sibling whose name only begins alike
alice LOCK /a0              | bob LOCK deep /a          | yes | a sibling: `0` comes right after `/`
alice LOCK /b               | bob LOCK deep /a          | yes | RFC 4918 §6.1: other resources
alice LOCK deep /a          | bob LOCK deep /a/b        | no  | RFC 4918 §7.4: deep in deep
alice LOCK deep /a/b        | bob LOCK deep /a          | no  | RFC 4918 §9.10.3: deep around deep
alice LOCK deep /a/b        | bob LOCK /a/c             | yes | RFC 4918 §7.4: a neighbour
"""

# write: the content or properties; create: a new member of its folder; tree: it and all below; delete: both of these.
CHANGES = """
caller  | change        | held                            | blocked by | because
bob     | write  /a     | nothing                         | -          | nobody holds anything
alice+t | write  /a     | t alice LOCK /a                 | -          | RFC 4918 §6.4: her name and her token
alice   | write  /a     | t alice LOCK /a                 | t@/a       | RFC 4918 §6.4: without the token not even she
alice+u | write  /a     | t alice LOCK /a                 | t@/a       | RFC 4918 §6.4: another token
alice+T | write  /a     | t alice LOCK /a                 | t@/a       | RFC 4918 §6.5: tokens are compared exactly
bob+t   | write  /a     | t alice LOCK /a                 | t@/a       | design §2: same principal AND the token; a stolen one is nothing
Alice+t | write  /a     | t alice LOCK /a                 | t@/a       | design §2: one spelling of one principal
bob     | write  /a     | t alice LOCK /a                 | t@/a       | RFC 4918 §7: no write without the token
alice   | write  /a     | t alice EDIT /a                 | -          | design §2: proof of an EDIT is the principal
bob+t   | write  /a     | t alice EDIT /a                 | t@/a       | design §2: proof of an EDIT is the principal
alice   | write  /a     | t alice CHECKOUT /a             | -          | design §2: her own checkout never stands in her way
bob+t   | write  /a     | t alice CHECKOUT /a             | t@/a       | design §2: proof of a CHECKOUT is the principal
alice   | write  /a     | c alice CHECKOUT /a, t alice LOCK /a | t@/a | design §2: her checkout is no proof of her other session
alice   | write  /a     | c alice CHECKOUT /a, t alice LOCK shared /a | t@/a | design §2: nor of a shared one
alice+t | write  /a     | c alice CHECKOUT /a, t alice LOCK /a | - | design §2: both proven
bob     | write  /a     | t alice LOCK shared /a          | t@/a       | RFC 4918 §6.2: shared locks keep out those without one
alice   | write  /a     | t alice LOCK shared /a          | t@/a       | RFC 4918 §6.4: token of a shared lock too
bob+u   | write  /a     | t alice LOCK shared /a, u bob LOCK shared /a | - | RFC 4918 §6.2: one of one's own is enough
bob     | write  /a     | t alice LOCK shared /a, u bob LOCK shared /a | t@/a u@/a | RFC 4918 §6.4: but it must be submitted
bob+t   | write  /a     | t alice LOCK shared /a, u bob LOCK shared /a | t@/a u@/a | RFC 4918 §6.4: and be one's own
bob+u   | write  /a/b   | t alice LOCK shared deep /a, u bob LOCK shared /a/b | - | RFC 4918 §6.2: both cover it, one of one's own is enough
bob+u   | create /a/b   | t alice LOCK shared deep /a, u bob LOCK shared /a/b | t@/a | RFC 4918 §7.4: the folder itself is alice's
bob     | write  /a     | t alice LOCK /a/b               | -          | RFC 4918 §7: PROPPATCH of the folder above
bob     | write  /a/b   | t alice LOCK /a                 | -          | RFC 4918 §7.4: depth 0 does not protect members' content
bob     | write  /a/b   | t alice LOCK deep /a            | t@/a/b     | RFC 4918 §7.4: depth infinity does
alice+t | write  /a/b   | t alice LOCK deep /a            | -          | RFC 4918 §7.4: its holder
bob     | write  /ab    | t alice LOCK deep /a            | -          | a sibling whose name only begins alike
bob     | write  /a0    | t alice LOCK deep /a            | -          | a sibling: `0` comes right after `/`
bob     | write  /a/b   | t alice LOCK deep /             | t@/a/b     | RFC 4918 §7.4: from the root down
bob     | create /a/b   | t alice LOCK /a                 | t@/a       | RFC 4918 §7.4: depth 0 protects membership (PUT, MKCOL …)
alice+t | create /a/b   | t alice LOCK /a                 | -          | RFC 4918 §7.4: its holder adds members
bob     | create /a/b/c | t alice LOCK /a                 | -          | RFC 4918 §7.4: internal members only
bob     | create /b     | t alice LOCK /                  | t@/        | RFC 4918 §7.4: membership of the root
bob     | create /a/b   | t alice LOCK deep /a            | t@/a/b     | RFC 4918 §7.4: named once, where it protects first
bob     | tree   /a     | t alice LOCK /a/b               | t@/a/b     | RFC 4918 §9.6.1: a locked member keeps the tree
alice   | tree   /a     | t alice LOCK /a/b               | t@/a/b     | RFC 4918 §9.6.1: … from its holder too, without the token
alice+t | tree   /a     | t alice LOCK /a/b               | -          | RFC 4918 §9.6.1: with it she may
bob     | tree   /a     | t alice LOCK /a/b/c/d           | t@/a/b/c/d | RFC 4918 §9.6.1: at any depth (grandparent)
bob     | tree   /a     | t alice CHECKOUT /a/b           | t@/a/b     | design §2: a checked out member
alice   | tree   /a     | t alice EDIT /a/b               | -          | design §2: … is its holder's
alice+t | tree   /a     | t alice LOCK /a/b, u bob LOCK /a/c | u@/a/c | RFC 4918 §9.6.1: every member counts
bob     | tree   /a     | t alice LOCK /ab                | -          | a sibling whose name only begins alike
bob     | tree   /a     | t alice LOCK /a0/b              | -          | a sibling: `0` comes right after `/`
alice+t | tree   /a     | t alice LOCK shared /a, u bob LOCK shared /a/b | u@/a/b | RFC 4918 §6.2: proves nothing beyond what it covers
bob+u   | tree   /a     | t alice LOCK shared deep /a, u bob LOCK shared /a | t@/a | RFC 4918 §7.4: hers alone protects what is in it
bob+u   | tree   /a     | t alice LOCK shared /a, u bob LOCK shared deep /a | - | RFC 4918 §6.2: his protects what is in it, too
bob+u   | tree   /a     | t alice LOCK shared deep /a/b, u bob LOCK shared /a/b | t@/a/b | RFC 4918 §7.4: … so further down
bob+u+v | delete /a/b   | t alice LOCK shared deep /a, u bob LOCK shared /a, v bob LOCK shared deep /a/b | - | RFC 4918 §6.2: no more
alice+t | tree   /a     | t alice LOCK shared deep /a, u bob LOCK shared /a/b | - | RFC 4918 §6.2: a deep one does cover it
bob     | delete /a     | t alice LOCK /                  | t@/        | RFC 4918 §7.4: DELETE takes a member from its folder
bob     | delete /a     | t alice LOCK deep /a            | t@/a       | RFC 4918 §9.6.1: named once
"""
CHANGE = {"write": (False, False), "create": (False, True), "tree": (True, False), "delete": (True, True)}


def rows(table: str) -> list[list[str]]:
    """The rows of a table, cell by cell, without its head."""
    return [[cell.strip() for cell in row.split(" | ")] for row in table.strip().splitlines()[1:] if row]


def lock(spec: str, generation: int = 1) -> Lock:
    token, principal, kind, *scope, root = spec.split(" ")
    exclusive = Scope.SHARED if "shared" in scope else Scope.EXCLUSIVE
    return Lock(token, Kind(kind), exclusive, "deep" in scope, root, principal, "webdav", 0.0, 1.0, generation)


def wanted(spec: str) -> tuple[Wanted, Caller]:
    it = lock(f"t {spec}")
    return Wanted(it.kind, it.root, it.scope, it.deep), Caller(it.principal)


def caller(spec: str) -> Caller:
    principal, *tokens = spec.split("+")
    return Caller(principal, frozenset(tokens))


@pytest.mark.parametrize(("held", "asked", "granted", "because"), rows(TABLE))
def test_what_may_stand_beside_what(held: str, asked: str, granted: str, because: str) -> None:
    in_the_way = () if granted == "yes" else (lock(f"t {held}"),)
    assert rules.conflicts(*wanted(asked), [lock(f"t {held}")]) == in_the_way, because


def test_the_table_leaves_nothing_out() -> None:
    what = ["LOCK", "LOCK shared", "EDIT", "CHECKOUT"]
    told = [(held, asked) for held, asked, _, _ in rows(TABLE)]
    for held, asked, who in product(what, what, ("alice", "bob")):
        assert told.count((f"alice {held} /a", f"{who} {asked} /a")) == 1


def test_only_the_conflicting_ones_are_named() -> None:
    held = [lock("t alice LOCK /a/b"), lock("u alice LOCK /b"), lock("v bob LOCK shared /a/c")]
    assert rules.conflicts(*wanted("bob LOCK deep /a"), held) == (held[0], held[2])


@pytest.mark.parametrize(("who", "what", "held", "blocked", "because"), rows(CHANGES))
def test_what_blocks_a_change(who: str, what: str, held: str, blocked: str, because: str) -> None:
    locks = {} if held == "nothing" else {spec.split()[0]: lock(spec) for spec in held.split(", ")}
    kind, path = what.split()
    expected = [] if blocked == "-" else [each.split("@") for each in blocked.split()]
    found = rules.blockers(Change(path, *CHANGE[kind]), caller(who), list(locks.values()))
    assert list(found) == [Blocker(locks[token], place) for token, place in expected], because


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
        ("t alice CHECKOUT /a", "alice CHECKOUT /a", True),
        ("t alice CHECKOUT /a", "bob CHECKOUT /a", False),
        ("t alice CHECKOUT /a", "alice LOCK /a", False),
        ("t alice CHECKOUT /a", "alice CHECKOUT /b", False),
        ("t alice EDIT /a", "alice CHECKOUT /a", False),
    ],
)
def test_same_checkout(held: str, asked: str, found: bool) -> None:
    assert rules.same_checkout(*wanted(asked), [lock(held)]) == (lock(held) if found else None)


def test_what_a_write_leans_on() -> None:
    """design §2, fencing: the proven locks that cover a place of the change, and no others."""
    held = [
        lock("t alice LOCK /a/b", 3),
        lock("u alice LOCK /a", 4),
        lock("c alice CHECKOUT /a/b", 5),
        lock("v alice LOCK /elsewhere", 6),
        lock("w bob LOCK shared /a/b", 7),
    ]
    assert rules.proofs(Change("/a/b"), caller("alice+t+u+v+w"), held) == {3, 5}
    assert rules.proofs(Change("/a/b", membership=True), caller("alice+t+u+v+w"), held) == {3, 4, 5}
    assert rules.proofs(Change("/a", tree=True), caller("alice+t+u+v+w"), held) == {3, 4, 5}
    assert rules.proofs(Change("/a/b"), caller("alice"), held) == {5}
    assert rules.proofs(Change("/a/b"), caller("carol+t"), held) == frozenset()


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
        ("t alice LOCK /a", "/a", "alice+t", True, "RFC 4918 §9.10.2"),
        ("t alice LOCK /a", "/a", "bob+t", False, "design §2: the principal and the token"),
        ("t alice LOCK /a", "/a", "alice", False, "RFC 4918 §9.10.2: the token must be submitted"),
        ("t alice LOCK deep /a", "/a/b/c", "alice+t", True, "RFC 4918 §9.10.2: through any resource in its scope"),
        ("t alice LOCK /a", "/a/b", "alice+t", False, "RFC 4918 §9.10.2: not in its scope"),
        ("t alice LOCK deep /a", "/ab", "alice+t", False, "a sibling whose name only begins alike"),
    ],
)
def test_who_may_refresh(held: str, path: str, who: str, may: bool, because: str) -> None:
    assert rules.may_refresh(lock(held), path, caller(who)) is may, because


@pytest.mark.parametrize("kind", ["LOCK", "EDIT", "CHECKOUT"])
def test_who_may_release_break_and_see(kind: str) -> None:
    """design §2: the holder releases; breaking is an explicit right; tokens of others are not shown."""
    held = lock(f"t alice {kind} /a")
    assert rules.may_release(held, caller("alice"))
    assert not rules.may_release(held, caller("bob+t"))
    assert not rules.may_break(held, caller("bob+t"))
    assert not rules.may_break(held, caller("alice+t"))
    assert rules.may_break(held, Caller("carol", admin=True))
    assert not rules.may_see_token(held, "bob")
    assert rules.may_see_token(held, "alice") is (kind != "CHECKOUT")


@pytest.mark.parametrize(("kind", "goes_along"), [("LOCK", False), ("EDIT", True), ("CHECKOUT", True)])
def test_what_travels(kind: str, goes_along: bool) -> None:
    """design §2: a LOCK is on the URL (RFC 4918 §7.6), a checkout is on the document."""
    held = lock(f"t alice {kind} /a")
    assert rules.travels(held) is goes_along
    assert rules.keeps_identity(held) is goes_along
    assert rules.needs_document(held.kind) is goes_along


def test_what_stands_on_a_document() -> None:
    held = [
        lock("l bob LOCK deep /"),
        lock("m alice LOCK /a"),
        lock("e alice EDIT /a"),
        lock("c alice CHECKOUT /a"),
        lock("d bob CHECKOUT /a/b"),
    ]
    assert (rules.checkout_on("/a", held), rules.edit_on("/a", held)) == (held[3], held[2])
    assert (rules.checkout_on("/a/b", held), rules.edit_on("/a/b", held)) == (held[4], None)
    assert (rules.checkout_on("/", held), rules.edit_on("/", held)) == (None, None)
    assert (rules.checkout_of("/a", "alice", held), rules.edit_of("/a", "alice", held)) == (held[3], held[2])
    assert (rules.checkout_of("/a", "bob", held), rules.edit_of("/a", "bob", held)) == (None, None)
    assert rules.held_by_another(caller("alice"), held) == held[0]
    assert rules.held_by_another(caller("alice"), held[1:4]) is None


@pytest.mark.parametrize(
    ("who", "by_force", "held", "meant", "because"),
    [
        ("alice", False, ["EDIT alice 7"], True, "hers, of then"),
        ("alice", False, ["EDIT alice 8"], False, "she has taken it again since"),
        ("alice", False, ["CHECKOUT alice 7", "EDIT alice 8"], True, "fprpc.md, 4: of both at once, the time of the long one is shown"),
        ("alice", False, ["CHECKOUT alice 8", "EDIT alice 9"], False, "neither is the one of then"),
        ("alice", False, [], True, "there is none: she is told that"),
        ("alice", False, ["LOCK alice 8"], True, "a session of WebDAV has no part in it"),
        ("alice", False, ["EDIT bob 8"], True, "not hers: she is told whose"),
        ("alice", True, ["EDIT bob 8"], True, "… whatever she wants to force without the right"),
        ("root", False, ["EDIT bob 8"], True, "the right alone means nothing"),
        ("root", True, ["EDIT bob 7"], True, "whom he wants to force"),
        ("root", True, ["EDIT bob 8"], False, "he has seen another one"),
        ("root", True, ["CHECKOUT root 7", "EDIT root 9"], True, "his own come first"),
    ],
)
def test_which_checkout_is_meant(who: str, by_force: bool, held: list[str], meant: bool, because: str) -> None:
    """By the second, here 7, at which it began."""
    locks = []
    for spec in held:
        kind, principal, since = spec.split()
        locks.append(replace(lock(f"t {principal} {kind} /a"), since=float(since) + 0.9))
    assert rules.is_meant(7, Caller(who, admin=who == "root"), by_force, locks) is meant, because


@pytest.mark.parametrize(
    ("held", "arriving", "survives", "because"),
    [
        ("t alice LOCK /b", [], True, "RFC 4918 §7.6: it is on the URL"),
        ("t alice LOCK /b", ["u alice CHECKOUT /a"], True, "design §2: her own checkout beside it"),
        ("t alice LOCK /b/c", [], False, "what it stood on is gone"),
        ("t alice CHECKOUT /b", [], True, "design §3: the document keeps its identity"),
        ("t alice CHECKOUT /b", ["u alice LOCK /a"], True, "RFC 4918 §7.6: that LOCK does not arrive"),
        ("t alice CHECKOUT /b", ["u alice CHECKOUT /a"], False, "design §2: never two on one document"),
        ("t alice EDIT /b", ["u alice EDIT /a"], False, "design §2: never two on one document"),
        ("t alice CHECKOUT /b/c", [], False, "what it stood on is gone"),
    ],
)
def test_what_survives_overwriting(held: str, arriving: list[str], survives: bool, because: str) -> None:
    assert rules.survives_overwriting(lock(held), "/b", [lock(each) for each in arriving]) is survives, because


def test_of_several_locks_in_the_way_anothers_is_named() -> None:
    own, others = lock("1 alice LOCK shared /a"), lock("2 bob LOCK shared /a", 2)
    for blockers in ((own, others), (others, own)):
        assert rules.named(Locked("no", tuple(Blocker(each, "/a") for each in blockers)), "alice") == others
    assert rules.named(Locked("no", (Blocker(own, "/a"),)), "alice") == own
    assert rules.named(NotHolder("no", others), "alice") == others
    assert rules.named(NotFound("no"), "alice") is None
