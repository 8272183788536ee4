"""All documents in a folder, or below it: who they are (their ids), what holds them and, if that is asked, how they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from davlock import rules
from davlock.documents import Tree
from davlock.drafts import Drafts
from davlock.errors import Forbidden, NotFound
from davlock.identities import Identities
from davlock.journal import Journal
from davlock.locks import LockManager
from davlock.model import Entry, Known, Lock, Semantics

_SEMANTICS = {each.value: each for each in Semantics}
_LISTED = tuple.__new__  # a third of what Listed() takes, for what there are ten thousand of
_TOGETHER = 500  # documents that get their identities in one decision, which others wait for

Member = tuple[str, str, bool, Entry | None]  # path, name, whether it is a folder


class Listed(NamedTuple):
    """A document. lock: what holds it, in the eyes of the viewer. entry: how it is, where that was asked.

    semantics: the most that can be done with it, whatever the configuration allows. version, created (Unix time), changed_by: what is
    known of it; blank if another program has changed it since.
    """

    path: str
    name: str
    id: int
    lock: Lock | None
    semantics: Semantics
    entry: Entry | None
    version: int
    created: float | None
    changed_by: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The documents of a served folder."""

    journal: Journal
    tree: Tree
    drafts: Drafts
    identities: Identities
    locks: LockManager

    def one(self, path: str, viewer: str) -> Listed | None:
        """The document at a path, which gets its identity if it has none; None if none is there. Raises Forbidden."""
        entry = self.drafts.look_now(path, viewer)
        if entry is None or entry.is_folder:
            return None
        with self.journal.state.reading() as rows:
            held = self.locks.on(rows, path)
            known = rows.known_at(path)
        if known is None:
            self._identify([path])
            return self.one(path, viewer)
        return _listed((path, entry.name, False, entry), known, rules.foremost(held, viewer))

    def below(self, folder: str, viewer: str, deep: bool, with_entries: bool) -> Iterator[list[Listed]]:
        """The documents in a folder, with deep also those of each folder below it, by name. Raises NotFound, Forbidden."""
        waiting = [folder]
        while waiting:
            at = waiting.pop()
            try:
                members = self._members(at, viewer, with_entries)
            except (NotFound, Forbidden):
                if at == folder:
                    raise
                continue  # removed meanwhile, or not for the server to read
            if deep:
                waiting += [path for path, _, is_folder, _ in reversed(members) if is_folder]
            yield self._known(at, viewer, [member for member in members if not member[2]], with_entries)

    def identify_in(self, folder: str) -> None:
        """Gives the documents in a folder, which have none, their identities. Raises NotFound, Forbidden."""
        with self.journal.state.reading() as rows:
            known = rows.identified_in(folder)
        self._identify([path for path, _, is_folder in self.tree.names(folder) if not is_folder and path not in known])

    def _members(self, folder: str, viewer: str, with_entries: bool) -> list[Member]:
        if with_entries:
            return sorted((entry.path, entry.name, entry.is_folder, entry) for entry in self.drafts.listing(folder, viewer))
        return [(path, name, is_folder, None) for path, name, is_folder in sorted(self.tree.names(folder))]

    def _known(self, folder: str, viewer: str, members: Sequence[Member], with_entries: bool) -> list[Listed]:
        for attempt in (1, 2):
            with self.journal.state.reading() as rows:
                known: Mapping[str, Any] = rows.known_in(folder) if with_entries else rows.identified_in(folder)
                locks = [*self.locks.on(rows, folder), *rows.locks_in(folder)]
            unknown = [member[0] for member in members if member[0] not in known]
            if attempt == 2 or not unknown:
                break
            self._identify(unknown)
        above = [lock for lock in locks if lock.deep and rules.covers(lock, folder)]
        on: dict[str, list[Lock]] = {}
        for lock in locks:
            on.setdefault(lock.root, list(above)).append(lock)
        everywhere = rules.foremost(above, viewer)
        foremost = {path: rules.foremost(held, viewer) for path, held in on.items()}
        # One that is not known has just been removed.
        if with_entries:
            return [_listed(member, known[path], foremost.get(path, everywhere)) for member in members if (path := member[0]) in known]
        return [
            _LISTED(Listed, (path, name, id, foremost.get(path, everywhere), _SEMANTICS[semantics], None, version, None, ""))
            for path, name, _, _ in members
            if path in known
            for _, id, semantics, version in (known[path],)
        ]

    def _identify(self, unknown: Sequence[str]) -> None:
        """Gives documents that have none their identities, if they are still there."""
        paths = iter(unknown)
        while some := list(islice(paths, _TOGETHER)):
            with self.journal.deciding() as rows:
                for path in some:
                    if self.tree.look(path):
                        self.identities.identify(rows, path)


def _listed(member: Member, known: Known, lock: Lock | None) -> Listed:
    path, name, _, entry = member
    _, id, semantics, version, inode, size, modified_ns, created, changed_by = known
    if entry and entry.stamp != (inode, size, modified_ns):
        changed_by = ""
    return Listed(path, name, id, lock, _SEMANTICS[semantics], entry, version, created, changed_by)
