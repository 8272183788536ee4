"""PROPFIND (RFC 4918 §9.1): what is asked for becomes a plan, and a plan and a listing become the 207 body.

A plan is compiled once into a template for each kind of resource: a member costs a few lookups and one formatting.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from itertools import chain, islice, repeat

from lxml import etree

from davlock import hrefs, rules
from davlock.dav import deltav, live, lockinfo, xml
from davlock.dav.known_answers import KnownAnswers
from davlock.errors import BadRequest
from davlock.model import Entry, Lock

MAX_PROPERTIES = 500
MAX_NAMES = 64 * 1024
BLOCK = 64 * 1024
FEW = 256
"""Of so many entries at most, answers are remembered."""
_answers = KnownAnswers(most=32, largest=4 * BLOCK)
_HOLE = "\0"  # where a value goes; XML has none
# Clients send three or four different bodies for ever; only such are worth keeping.
_KEPT_BODY = 4096
# Most names consist of what is not escaped in an href, nor in XML.
_PLAIN = re.compile(r"[A-Za-z0-9._+,()-]*").fullmatch


Computed = Callable[[Entry], Mapping[str, str]]
_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a PROPFIND asks for: properties by Clark name in the order asked, everything besides them, or only names."""

    names: tuple[str, ...] = ()
    everything: bool = False
    names_only: bool = False

    @property
    def needs_locks(self) -> bool:
        """Whether Listing.locks is used."""
        return self.everything or live.LOCKDISCOVERY in self.names

    @property
    def needs_dead(self) -> bool:
        """Whether Listing.dead is used."""
        return self.everything or self.names_only or any(not (name in live.PROPERTIES or name in deltav.NAMES) for name in self.names)

    @property
    def needs_created(self) -> bool:
        """Whether Listing.created is used."""
        return self.everything or live.CREATIONDATE in self.names

    @property
    def computed(self) -> tuple[str, ...]:
        """The names that Listing.computed is used for: never all of them with allprop (RFC 3253 §3.11)."""
        return tuple(deltav.NAMES) if self.names_only else tuple([name for name in self.names if name in deltav.NAMES])

    @property
    def needs_quota(self) -> bool:
        """Whether Listing.quota is used."""
        return not live.QUOTA.isdisjoint(self.names)


@dataclass(frozen=True, slots=True)
class Listing:
    """What is shown: a resource and, if it is a folder and Depth was 1, its members.

    entries: the resource itself first (left out for noroot), then its direct members.
    path: the resource's, canonical. href: its href as the client has written it: neon looks for exactly that text in the answer.
    viewer: the principal who asks. now: the state's clock, Unix seconds.
    locks: all that cover the resource and all on its members, in any order.
    dead: path → Clark name → XML of the whole element.
    created: path → Unix seconds, where the disk's is not the best.
    quota: (used, available) in bytes.
    computed: what an entry has of Plan.computed, as in dead.
    is_lockable: whether the entries can be locked at all.
    """

    entries: Iterable[Entry]
    path: str
    href: str
    viewer: str
    now: float
    locks: Sequence[Lock] = ()
    dead: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    created: Mapping[str, float] = field(default_factory=dict)
    quota: tuple[int, int] | None = None
    computed: Computed | None = None
    is_lockable: bool = True


def parse(body: bytes) -> Plan:
    """What the body of a PROPFIND asks for; an empty one asks for everything.

    Raises BadRequest, also for more than MAX_PROPERTIES names or MAX_NAMES characters of them; TooLarge as xml.parse
    does.
    """
    return _kept_plan(body) if len(body) <= _KEPT_BODY else _plan(body)


def _plan(body: bytes) -> Plan:
    if not body.strip():
        return Plan(everything=True)
    root = xml.parse(body)
    if root.tag != f"{{{xml.DAV}}}propfind":
        raise BadRequest("The body of a PROPFIND must be a DAV:propfind element, or empty.")
    found = xml.children(root, "allprop", "propname", "prop")
    if len(found) != 1:
        raise BadRequest("A DAV:propfind must have exactly one of DAV:allprop, DAV:propname and DAV:prop.")
    match xml.split(str(found[0].tag))[1]:
        case "propname":
            return Plan(names_only=True)
        case "allprop":
            return Plan(_names(xml.children(root, "include")), everything=True)
        case _:
            return named(found)


_kept_plan = lru_cache(maxsize=256)(_plan)


def named(parts: Iterable[etree._Element]) -> Plan:
    """What DAV:prop elements ask for. Raises BadRequest."""
    return Plan(_names(parts))


def _names(parts: Iterable[etree._Element]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(str(each.tag) for part in parts for each in part))
    if len(names) > MAX_PROPERTIES:
        raise BadRequest(f"{len(names)} properties are asked for at once; at most {MAX_PROPERTIES} are possible.")
    # They come back with every member that does not have them.
    if sum(len(xml.element(name)) for name in names) > MAX_NAMES:
        raise BadRequest("The names of the properties are too long; ask for fewer at once.")
    return names


@dataclass(frozen=True, slots=True)
class _Shape:
    """How resources of one kind are answered. Templates are the pieces between which values go.

    whole: the response of one without dead properties, between which its href and values go.
    known: its live properties, between which the values go.
    others: what is asked for and not live, by Clark name, as empty elements.
    """

    whole: tuple[str, ...]
    known: tuple[str, ...]
    values: tuple[live.Values, ...]
    others: tuple[tuple[str, str], ...]


@lru_cache(maxsize=64)
def _shape(plan: Plan, is_folder: bool, has_quota: bool, is_lockable: bool, minimal: bool) -> _Shape:
    def content(name: str) -> str | live.Values | None:
        known = live.PROPERTIES.get(name)
        if known is None or (name in live.QUOTA and not (has_quota or plan.names_only)):
            return None
        if name == live.SUPPORTEDLOCK and not is_lockable:
            return ""
        return known.folder if is_folder else known.document

    parts: list[str] = []
    values: list[live.Values] = []
    implied = live.PROPERTIES if plan.names_only else live.ALLPROP if plan.everything else ()
    for name in dict.fromkeys((*implied, *plan.names)):
        found = content(name)
        if found is None:
            continue
        if plan.names_only:
            found = ""
        elif not isinstance(found, str):
            values.append(found)
            found = _HOLE
        parts.append(xml.element(name, found))
    others = tuple((name, xml.element(name)) for name in plan.names if content(name) is None)
    known = "".join(parts)
    missing = "".join(each for _, each in others)
    whole = _response(_HOLE, known, missing, minimal)
    return _Shape(tuple(whole.split(_HOLE)), tuple(known.split(_HOLE)), tuple(values), others)


def _response(href: str, found: str, missing: str, minimal: bool) -> str:
    """One response; minimal leaves out what is missing (RFC 8144 §2.1)."""
    stats = xml.propstat(found, 200) if found or minimal or not missing else ""
    if missing and not minimal:
        stats += xml.propstat(missing, 404)
    return f"<D:response><D:href>{href}</D:href>{stats}</D:response>\n"


def render(plan: Plan, listing: Listing, minimal: bool = False) -> Iterator[bytes]:
    """The 207 body in blocks of about BLOCK bytes, or all of it, if it is known. minimal: `Prefer: return=minimal` was sent."""
    entries = iter(listing.entries)
    first = list(islice(entries, FEW + 1))
    listing = replace(listing, entries=chain(first, entries))
    if len(first) > FEW or listing.locks or listing.computed:  # what is said of locks depends on the time, and on who asks
        return _blocks(plan, listing, minimal)
    key = (listing.path, listing.href, plan, minimal, listing.is_lockable)
    return _answers.blocks(key, (first, listing.dead, listing.created, listing.quota), lambda: _blocks(plan, listing, minimal))


def _blocks(plan: Plan, listing: Listing, minimal: bool) -> Iterator[bytes]:
    parts = [f'{xml.DECLARATION}<D:multistatus xmlns:D="DAV:">\n']
    for found in _found(plan, listing, minimal):
        if len(parts) > 1:
            yield "".join(parts).encode()
            parts = []
        parts += found
    parts.append("</D:multistatus>\n")
    yield "".join(parts).encode()


def responses(plan: Plan, listing: Listing, minimal: bool = False) -> Iterator[str]:
    """The responses of which a 207 body is made."""
    return chain.from_iterable(_found(plan, listing, minimal))


def _found(plan: Plan, listing: Listing, minimal: bool) -> Iterator[list[str]]:
    """The responses, in lists that come to about BLOCK characters."""
    shown = _Responses(plan, listing, minimal)
    entries = iter(listing.entries)
    parts: list[str] = []
    size = 0
    while some := list(islice(entries, shown.at_once)):
        found = list(shown.of(some))
        parts += found
        size += sum(map(len, found))
        if size >= BLOCK:
            yield parts
            parts, size = [], 0
    yield parts


class _Responses:
    """How the entries of a listing are answered. at_once: how many of them make half a block at least."""

    def __init__(self, plan: Plan, listing: Listing, minimal: bool) -> None:
        self._plan, self._listing, self._minimal = plan, listing, minimal
        self._document, self._folder = (
            _shape(plan, is_folder, listing.quota is not None, listing.is_lockable, minimal) for is_folder in (False, True)
        )
        self._places = _Hrefs(listing)
        self._around = live.Surroundings(listing.created, listing.quota, _Locks(listing, self._places).shown)
        self.at_once = max(BLOCK // (2 * sum(map(len, self._document.whole))), 1)

    def of(self, entries: Sequence[Entry]) -> Iterator[str]:
        """One response for each."""
        folders = [entry for entry in entries if entry.is_folder]
        if not folders:
            return self._alike(self._document, entries)
        found = (self._alike(self._document, [entry for entry in entries if not entry.is_folder]), self._alike(self._folder, folders))
        return (next(found[entry.is_folder]) for entry in entries)

    def _alike(self, shape: _Shape, entries: Sequence[Entry]) -> Iterator[str]:
        hrefs = self._places.escaped(entries)
        columns = [hrefs, *(list(values(entries, self._around)) for values in shape.values)]
        whole = _filled(shape.whole, columns)
        if self._listing.dead or self._listing.computed:
            return map(partial(self._with_more, shape), entries, whole, zip(*columns, strict=True))
        return whole

    def _with_more(self, shape: _Shape, entry: Entry, whole: str, values: tuple[str, ...]) -> str:
        more = self._listing.dead.get(entry.path, _NOTHING)
        if self._listing.computed:
            more = {**more, **self._listing.computed(entry)}
        return _with_dead(self._plan, shape, values[0], values[1:], more, self._minimal) if more else whole


def _filled(pieces: Sequence[str], columns: Iterable[Sequence[str]]) -> Iterator[str]:
    """The pieces with the values of one row after the other between them. `%` takes two or three times as long."""
    return map("".join, zip(*chain.from_iterable(zip(map(repeat, pieces), columns, strict=False)), repeat(pieces[-1])))


def _with_dead(plan: Plan, shape: _Shape, href: str, values: Sequence[str], dead: Mapping[str, str], minimal: bool) -> str:
    if plan.names_only:
        found = [xml.element(name) for name in dead]
    elif plan.everything:
        found = list(dead.values())
    else:
        found = [dead[name] for name, _ in shape.others if name in dead]
    missing = "".join([empty for name, empty in shape.others if name not in dead])
    known = next(_filled(shape.known, [(value,) for value in values]))
    return _response(href, known + "".join(found), missing, minimal)


class _Hrefs:
    """The hrefs of a listing, not yet escaped for XML."""

    def __init__(self, listing: Listing) -> None:
        self._path = listing.path
        self._resource = listing.href
        self._folder = listing.href if listing.href.endswith("/") else listing.href + "/"
        self._escaped_folder = xml.escape(self._folder)

    def escaped(self, entries: Sequence[Entry]) -> list[str]:
        """The hrefs of entries, escaped for XML."""
        if entries and entries[0].path == self._path:
            return [xml.escape(self.of(entries[0])), *self.escaped(entries[1:])]
        folder = self._escaped_folder
        if _PLAIN("".join([entry.name for entry in entries])):
            return [f"{folder}{entry.name}/" if entry.is_folder else folder + entry.name for entry in entries]
        return [folder + xml.escape(hrefs.encode(entry.name, entry.is_folder)) for entry in entries]

    def of(self, entry: Entry) -> str:
        if entry.path != self._path:
            return self._folder + hrefs.encode(entry.name, entry.is_folder)
        return self._folder if entry.is_folder else self._resource

    def of_folder(self, path: str) -> str:
        """The href of the listed folder or one above it; of the latter only the canonical spelling is known."""
        return self._folder if path == self._path else hrefs.encode(path, is_folder=True)


class _Locks:
    """The locks of a listing, as lockdiscovery shows them: on an entry, and deep ones above it (RFC 4918 §15.8)."""

    def __init__(self, listing: Listing, places: _Hrefs) -> None:
        self._viewer, self._now, self._places = listing.viewer, listing.now, places
        self._on: dict[str, list[Lock]] = {}
        for lock in listing.locks:
            self._on.setdefault(lock.root, []).append(lock)
        self._deep = [lock for lock in listing.locks if lock.deep and rules.covers(lock, listing.path)]
        self._inherited = lockinfo.active_locks(self._deep, self._viewer, self._now, places.of_folder)

    def shown(self, entries: Sequence[Entry]) -> Iterable[str]:
        """The activelock elements for each."""
        return map(self._show, entries) if self._on else repeat(self._inherited, len(entries))

    def _show(self, entry: Entry) -> str:
        own = self._on.get(entry.path)
        if own is None:
            return self._inherited
        above = [lock for lock in self._deep if lock.root != entry.path]
        return lockinfo.active_locks([*above, *own], self._viewer, self._now, lambda root: self._root(root, entry))

    def _root(self, root: str, entry: Entry) -> str:
        return self._places.of(entry) if root == entry.path else self._places.of_folder(root)
