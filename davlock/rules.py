"""Every rule about locks: pure functions over values. No clock, no SQL, no request.

Whoever calls these has already taken expired locks out: the clock belongs to the state.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from davlock import paths
from davlock.errors import DavlockError, Locked, NotHolder
from davlock.model import Blocker, Caller, Change, Document, Draft, Ending, Kind, Lock, Past, Scope, Wanted

_E, _S = Scope.EXCLUSIVE, Scope.SHARED

# (held, wanted) pairs that may stand beside each other, and whether only for one and the same principal (design §2, RFC 4918 §6.2).
# Everything that is not listed conflicts.
_COEXIST: dict[tuple[tuple[Kind, Scope], tuple[Kind, Scope]], bool] = {
    ((Kind.LOCK, _S), (Kind.LOCK, _S)): False,
    ((Kind.CHECKOUT, _E), (Kind.LOCK, _E)): True,
    ((Kind.CHECKOUT, _E), (Kind.LOCK, _S)): True,
    ((Kind.CHECKOUT, _E), (Kind.EDIT, _E)): True,
    ((Kind.LOCK, _E), (Kind.CHECKOUT, _E)): True,
    ((Kind.LOCK, _S), (Kind.CHECKOUT, _E)): True,
    ((Kind.EDIT, _E), (Kind.CHECKOUT, _E)): True,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a lock may stand, in seconds."""

    minimum: float = 1
    default: float = 600
    maximum: float = 7 * 24 * 3600


def granted_seconds(kind: Kind, asked: float | None, limits: Limits) -> float | None:
    """How many seconds a lock is granted for; None for a checkout, which does not run out (RFC 4918 §10.7, design §2)."""
    if is_endless(kind):
        return None
    if asked is None or math.isnan(asked):
        asked = limits.default
    return min(max(asked, limits.minimum), limits.maximum)


def is_endless(kind: Kind) -> bool:
    """Whether a lock stands until somebody ends it: a long-term checkout does (design §2)."""
    return kind is Kind.CHECKOUT


def covers(lock: Lock, path: str) -> bool:
    """Whether a path is in the scope of a lock (RFC 4918 §6.1 and §7.4)."""
    return lock.root == path or (lock.deep and paths.is_below(path, lock.root))


def covers_any(lock: Lock, places: Collection[str]) -> bool:
    """Whether any of the paths is in the scope of a lock."""
    return lock.root in places or (lock.deep and any(covers(lock, path) for path in places))


def conflicts(wanted: Wanted, caller: Caller, held: Iterable[Lock]) -> tuple[Lock, ...]:
    """The locks that do not tolerate a wanted one where they overlap."""
    return tuple(lock for lock in held if _overlap(lock, wanted) and not _may_coexist(lock, wanted, caller))


def same_checkout(wanted: Wanted, caller: Caller, held: Iterable[Lock]) -> Lock | None:
    """The caller's own checkout of the document, if a second one is wanted: that succeeds and changes nothing (design §2)."""
    return checkout_of(wanted.path, caller.principal, held) if wanted.kind is Kind.CHECKOUT else None


def _overlap(lock: Lock, wanted: Wanted) -> bool:
    return covers(lock, wanted.path) or (wanted.deep and paths.is_below(lock.root, wanted.path))


def _may_coexist(lock: Lock, wanted: Wanted, caller: Caller) -> bool:
    same_principal_only = _COEXIST.get(((lock.kind, lock.scope), (wanted.kind, wanted.scope)))
    if same_principal_only is None:
        return False
    return not same_principal_only or lock.principal == caller.principal


def is_submitted(lock: Lock, caller: Caller) -> bool:
    """Whether the caller has named this lock, be it his or not (RFC 4918 §10.4.1)."""
    return lock.token in caller.tokens


def proves(lock: Lock, caller: Caller) -> bool:
    """Whether the caller has shown that he holds this lock: his token for a LOCK, his name for a checkout (design §2)."""
    return lock.principal == caller.principal and (lock.kind is not Kind.LOCK or is_submitted(lock, caller))


def blockers(change: Change, caller: Caller, held: Collection[Lock]) -> tuple[Blocker, ...]:
    """The locks that forbid a change, each with the path it protects (RFC 4918 §7, §9.6.1)."""
    if not held:
        return ()
    found: dict[str, Blocker] = {}
    for place in _places(change, held):
        covering = [lock for lock in held if covers(lock, place)]
        within = _within(covering) if change.tree and (place == change.path or paths.is_below(place, change.path)) else ()
        for together in (covering, within):
            # Of the shared locks on a place, one of one's own is enough (RFC 4918 §6.2).
            shared_is_proven = any(lock.scope is Scope.SHARED and proves(lock, caller) for lock in together)
            for lock in together:
                if not (shared_is_proven if lock.scope is Scope.SHARED else proves(lock, caller)):
                    found.setdefault(lock.token, Blocker(lock, place))
    return tuple(found.values())


def _within(covering: Collection[Lock]) -> Collection[Lock]:
    """Of the locks on a folder, those that are on its members, too, if not all are: what is in it may be shared by fewer than itself.

    Whether it is a folder is not known here; of a document that two share at different depths, it is assumed.
    """
    deep = [lock for lock in covering if lock.deep]
    return deep if len(deep) < len(covering) else ()


def proofs(change: Change, caller: Caller, held: Collection[Lock]) -> frozenset[int]:
    """Generations of the caller's locks that a permitted change leans on."""
    if not held:
        return frozenset()
    places = _places(change, held)
    return frozenset(lock.generation for lock in held if proves(lock, caller) and any(covers(lock, place) for place in places))


def is_stale(leaned_on: frozenset[int], now: frozenset[int]) -> bool:
    """Whether a lock that a write leaned on when it began is no longer the one that stands (fencing, design §2)."""
    return not leaned_on <= now


def _places(change: Change, held: Iterable[Lock]) -> list[str]:
    places = [change.path]
    if change.tree:
        places += sorted({lock.root for lock in held if paths.is_below(lock.root, change.path)})
    if change.membership:
        places.append(paths.parent(change.path))
    return places


def may_refresh(lock: Lock, path: str, caller: Caller) -> bool:
    """Whether a caller who submits the lock's proof may renew it through this path (RFC 4918 §9.10.2)."""
    return covers(lock, path) and proves(lock, caller)


def may_release(lock: Lock, caller: Caller) -> bool:
    """Whether the caller may end a lock that he has named (RFC 4918 §9.11: its holder)."""
    return lock.principal == caller.principal


def checkout_of(path: str, principal: str, held: Iterable[Lock]) -> Lock | None:
    """Somebody's checkout of the document at a path: what he writes goes to its draft, which he reads back (design §2)."""
    checkout = checkout_on(path, held)
    return checkout if checkout and checkout.principal == principal else None


def checkout_on(path: str, held: Iterable[Lock]) -> Lock | None:
    """The checkout of the document at a path, whoever holds it: there is one at most."""
    return next((lock for lock in held if lock.kind is Kind.CHECKOUT and lock.root == path), None)


def keeps_content(path: str, held: Iterable[Lock]) -> Lock | None:
    """A checkout of the document at a path, of either term, whoever has it: until it ends, nobody deletes the content (rest.md §15.6)."""
    return next((lock for lock in held if lock.root == path and _is_checkout(lock)), None)


def held_by_another(caller: Caller, held: Iterable[Lock]) -> Lock | None:
    """A lock that is not the caller's, for him to be told of when he has none to end."""
    return next((lock for lock in held if lock.principal != caller.principal), None)


def is_meant(began: int, caller: Caller, by_force: bool, held: Iterable[Lock]) -> bool:
    """Whether a program that wants a checkout to end, and says at which second (Unix time) it began, can mean one that stands.

    It cannot when that one has ended, and been taken again: by its user, or, if it is to end by_force, by anybody. Of the short-term
    and the long-term one that somebody has at once, programs are shown the time of one. Where there is none, there is nothing to spare.
    """
    checkouts = [lock for lock in held if _is_checkout(lock)]
    own = [lock for lock in checkouts if may_release(lock, caller)]
    concerned = own or [lock for lock in checkouts if by_force and may_break(lock, caller)]
    return not concerned or any(int(lock.since) == began for lock in concerned)


def session(path: str, caller: Caller, held: Iterable[Lock]) -> int | None:
    """The generation of the lock whose session a write belongs to: what one session writes is one version (design §3)."""
    own = (lock.generation for lock in held if covers(lock, path) and not is_endless(lock.kind) and proves(lock, caller))
    return min(own, default=None)


def edit_of(path: str, principal: str, held: Iterable[Lock]) -> Lock | None:
    """Somebody's short-term checkout of the document at a path."""
    edit = edit_on(path, held)
    return edit if edit and edit.principal == principal else None


def edit_on(path: str, held: Iterable[Lock]) -> Lock | None:
    """The short-term checkout of the document at a path, whoever holds it: there is one at most."""
    return next((lock for lock in held if lock.kind is Kind.EDIT and lock.root == path), None)


def may_be_granted_again(ended: Iterable[Past], principal: str, changed: float | None) -> bool:
    """Whether somebody whose short-term checkout ran out may go on with it: if nobody has changed the document since (fprpc.md, 2).

    ended: the locks that it had, the last one first: an earlier checkout counts no more once he has ended a later one. changed: when
    the document was last changed (Unix seconds), None if nobody knows.
    """
    last = next((past for past in ended if past.kind is Kind.EDIT and past.principal == principal), None)
    return last is not None and last.how is Ending.EXPIRED and (changed is None or changed <= last.ended)


def sessions_open(path: str, caller: Caller, held: Iterable[Lock]) -> tuple[Lock, ...]:
    """The editing sessions that a check-in has to wait for: all on the document, unless the caller submits their token (design §2)."""
    open_ = (lock for lock in held if covers(lock, path) and not is_endless(lock.kind))
    return tuple(lock for lock in open_ if not (lock.principal == caller.principal and is_submitted(lock, caller)))


def may_break(lock: Lock, caller: Caller) -> bool:
    """Whether the caller may end somebody else's lock: an explicit right."""
    return caller.admin


def travels(lock: Lock) -> bool:
    """Whether a lock goes along when its document is moved: a LOCK is on the URL (RFC 4918 §7.6), a checkout on the document."""
    return _is_checkout(lock)


def survives_overwriting(lock: Lock, target: str, arriving: Iterable[Lock], by_folder: bool = False) -> bool:
    """Whether a lock outlives the replacement of what it stands on (design §2).

    A LOCK on the very URL does; so does a checkout of the document there, whose identity stays, unless what arrives is checked
    out itself, or is a folder. Those below the target are gone with what they stood on.
    """
    return lock.root == target and (not travels(lock) or not (by_folder or any(travels(other) for other in arriving)))


def arrival_conflicts(travelling: Lock, path: str, staying: Iterable[Lock]) -> tuple[Lock, ...]:
    """The locks that a travelling one cannot stand beside at its new path: it must be such as could be granted there."""
    return conflicts(Wanted(travelling.kind, path, travelling.scope, travelling.deep), Caller(travelling.principal), staying)


def may_come_along(lock: Lock, principal: str, path: str, standing: Iterable[Lock]) -> bool:
    """Whether a lock may follow its document that comes back to a name by somebody's hand: his own one, if it could stand there."""
    return lock.principal == principal and not arrival_conflicts(lock, path, standing)


def stays(lock: Lock, target: str, arriving: Iterable[Lock]) -> bool:
    """Whether a lock still stands after something has been put on target: it stands above, or outlives the replacement."""
    return paths.is_below(target, lock.root) or survives_overwriting(lock, target, arriving)


def may_come_back(lock: Lock, path: str) -> bool:
    """Whether a lock on what is deleted waits for it to come back within seconds, as in a save by delete and rename (design §3).

    A short-term one does; a checkout ends, to be granted again if the document comes back.
    """
    return lock.root == path and travels(lock) and not is_endless(lock.kind)


def keeps_identity(lock: Lock) -> bool:
    """Whether a lock ties a document to its identity, so that no tunnelled one may take its place (design §3)."""
    return _is_checkout(lock)


def _is_checkout(lock: Lock) -> bool:
    return needs_document(lock.kind)


def needs_document(kind: Kind) -> bool:
    """Whether a lock can stand on a document only: a checkout, of either term. A LOCK can on any URL (RFC 4918 §7.3)."""
    return kind is not Kind.LOCK


def may_have_draft(draft: Draft, caller: Caller) -> bool:
    """Whether a rescued draft is given to somebody: to whoever wrote it, and to those who may break locks."""
    return draft.principal == caller.principal or caller.admin


_ORDER = (Kind.CHECKOUT, Kind.EDIT, Kind.LOCK)


def foremost(held: Iterable[Lock], viewer: str = "") -> Lock | None:
    """Of the locks on a document, the one that is named to somebody as what holds it: his own before that of others, a long-term checkout
    before a short-term one, both before a LOCK; of several, the first.
    """
    return min(held, key=lambda lock: (lock.principal != viewer, _ORDER.index(lock.kind), lock.generation), default=None)


def named(refusal: DavlockError, viewer: str) -> Lock | None:
    """The lock that somebody is told of when he is refused, if one is the reason; of several, another's rather than his own."""
    if isinstance(refusal, NotHolder):
        return refusal.lock
    if isinstance(refusal, Locked):
        return min(refusal.blockers, key=lambda each: each.lock.principal == viewer).lock
    return None


def is_under_work(document: Document, checkout: Lock | None) -> bool:
    """Whether the newest version of a document is still being made: by the checkout that it was made with, and not yet checked in."""
    return checkout is not None and document.session == checkout.generation


def may_see_token(lock: Lock, principal: str) -> bool:
    """Whether the token of a lock is shown to somebody: only to its holder, and never that of a checkout (design §2)."""
    return lock.principal == principal and lock.kind is not Kind.CHECKOUT
