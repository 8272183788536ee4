"""PROPFIND (RFC 4918 §9.1): what is asked for becomes a plan, and a plan and a listing become the 207 body.

A plan is compiled once into a template for each kind of resource: a member costs a few lookups and one formatting.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain

from lxml import etree

from davlock import hrefs, rules
from davlock.dav import deltav, live, lockinfo, xml
from davlock.errors import BadRequest
from davlock.model import Entry, Lock

MAX_PROPERTIES = 500
MAX_NAMES = 64 * 1024
BLOCK = 64 * 1024
KEPT_MEMBERS = 16 * 1024  # about 700 bytes each
# Clients send three or four different bodies for ever; only such are worth keeping.
_KEPT_BODY = 4096
# Most names: what is not escaped in an href, nor in XML.
_PLAIN = re.compile(r"[A-Za-z0-9._+,()-]+").fullmatch


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


@dataclass(frozen=True, slots=True, eq=False)  # compared by identity: it is a part of the key of _kept_member
class _Shape:
    """How resources of one kind are answered. Templates are for `%`.

    whole: the response of one without dead properties, from its href and values.
    known: its live properties, from the values.
    others: what is asked for and not live, by Clark name, as empty elements.
    """

    whole: str
    known: str
    values: tuple[live.Value, ...]
    others: tuple[tuple[str, str], ...]


@lru_cache(maxsize=64)
def _shape(plan: Plan, is_folder: bool, has_quota: bool, is_lockable: bool, minimal: bool) -> _Shape:
    def content(name: str) -> str | live.Value | None:
        known = live.PROPERTIES.get(name)
        if known is None or (name in live.QUOTA and not (has_quota or plan.names_only)):
            return None
        if name == live.SUPPORTEDLOCK and not is_lockable:
            return ""
        return known.folder if is_folder else known.document

    parts: list[str] = []
    values: list[live.Value] = []
    implied = live.PROPERTIES if plan.names_only else live.ALLPROP if plan.everything else ()
    for name in dict.fromkeys((*implied, *plan.names)):
        found = content(name)
        if found is None:
            continue
        if plan.names_only:
            found = ""
        elif not isinstance(found, str):
            values.append(found)
            found = "%s"
        parts.append(xml.element(name, found))
    others = tuple((name, xml.element(name)) for name in plan.names if content(name) is None)
    known = "".join(parts)
    missing = "".join(each for _, each in others).replace("%", "%%")
    return _Shape(_response("%s", known, missing, minimal), known, tuple(values), others)


def _response(href: str, found: str, missing: str, minimal: bool) -> str:
    """One response; minimal leaves out what is missing (RFC 8144 §2.1)."""
    stats = xml.propstat(found, 200) if found or minimal or not missing else ""
    if missing and not minimal:
        stats += xml.propstat(missing, 404)
    return f"<D:response><D:href>{href}</D:href>{stats}</D:response>\n"


def render(plan: Plan, listing: Listing, minimal: bool = False) -> Iterator[bytes]:
    """The 207 body in blocks of about BLOCK bytes. minimal: `Prefer: return=minimal` was sent."""
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
    places = _Hrefs(listing)
    locks = _Locks(listing, places)
    around = live.Surroundings(listing.created, listing.quota, locks.show)
    # Where something else than the member itself and its creation decides, it is made anew each time.
    varying = {listing.path, *listing.dead, *locks.places}
    may_keep = not locks.covers_all and listing.quota is None and listing.computed is None
    created = listing.created.get
    kinds = [_shape(plan, is_folder, listing.quota is not None, listing.is_lockable, minimal) for is_folder in (False, True)]
    parts: list[str] = []
    size = 0
    for entry in listing.entries:
        shape = kinds[entry.is_folder]
        path = entry.path
        if may_keep and path not in varying:
            part = _kept_member(shape, places.folder, entry, created(path))
        else:
            values = tuple([value(entry, around) for value in shape.values])
            more = listing.dead.get(path, _NOTHING)
            if listing.computed:
                more = {**more, **listing.computed(entry)}
            part = (
                _with_dead(plan, shape, places.escaped(entry), values, more, minimal)
                if more
                else shape.whole % (places.escaped(entry), *values)
            )
        parts.append(part)
        size += len(part)
        if size >= BLOCK:
            yield parts
            parts, size = [], 0
    yield parts


@lru_cache(maxsize=KEPT_MEMBERS)
def _kept_member(shape: _Shape, folder: str, entry: Entry, created: float | None) -> str:
    """The response of a member without locks and dead properties; folder is the href it is in, escaped for XML.

    Explorer lists the same folder again and again. The entry is part of the key, so what is kept is never out of date.
    """
    around = live.Surroundings({} if created is None else {entry.path: created}, None, lambda _: "")
    return shape.whole % (_member_href(folder, entry), *[value(entry, around) for value in shape.values])


def _member_href(folder: str, entry: Entry) -> str:
    if _PLAIN(entry.name):
        return f"{folder}{entry.name}/" if entry.is_folder else folder + entry.name
    return folder + xml.escape(hrefs.encode(entry.name, entry.is_folder))


def _with_dead(plan: Plan, shape: _Shape, href: str, values: tuple[str | int, ...], dead: Mapping[str, str], minimal: bool) -> str:
    if plan.names_only:
        found = [xml.element(name) for name in dead]
    elif plan.everything:
        found = list(dead.values())
    else:
        found = [dead[name] for name, _ in shape.others if name in dead]
    missing = "".join([empty for name, empty in shape.others if name not in dead])
    return _response(href, shape.known % values + "".join(found), missing, minimal)


class _Hrefs:
    """The hrefs of a listing, not yet escaped for XML; folder is the escaped one of the resource as a folder."""

    def __init__(self, listing: Listing) -> None:
        self._path = listing.path
        self._resource = listing.href
        self._folder = listing.href if listing.href.endswith("/") else listing.href + "/"
        self.folder = xml.escape(self._folder)

    def escaped(self, entry: Entry) -> str:
        """The href of an entry, escaped for XML."""
        return _member_href(self.folder, entry) if entry.path != self._path else xml.escape(self.of(entry))

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
        self.places, self.covers_all = self._on.keys(), bool(self._deep)

    def show(self, entry: Entry) -> str:
        own = self._on.get(entry.path)
        if own is None:
            return self._inherited
        above = [lock for lock in self._deep if lock.root != entry.path]
        return lockinfo.active_locks([*above, *own], self._viewer, self._now, lambda root: self._root(root, entry))

    def _root(self, root: str, entry: Entry) -> str:
        return self._places.of(entry) if root == entry.path else self._places.of_folder(root)
