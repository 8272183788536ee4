"""Who the documents are: one by its path or by its id, and all in a folder or below it, with what holds them and how they are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, compress, islice, repeat
from operator import itemgetter
from typing import Any, NamedTuple

from davlock import rules
from davlock.documents import Tree
from davlock.drafts import Drafts
from davlock.errors import Forbidden, NotFound, Unavailable
from davlock.identities import Identities
from davlock.journal import ATTEMPTS, Journal
from davlock.locks import LockManager
from davlock.model import Document, Entry, Known, Lock, Semantics
from davlock.state import Rows

_SEMANTICS = {each.value: each for each in Semantics}
_TOGETHER = 500  # documents that get their identities in one decision, which others wait for

# What is known of documents, the most that can be done with some of them, and what holds some and all others: each by path.
_Found = tuple[Mapping[str, Any], Mapping[str, Semantics], Mapping[str, Lock | None], Lock | None]


class Listed(NamedTuple):
    """Documents, as columns of which each has one value for each of them: ten thousand of anything else take longer.

    locks: what holds them, in the eyes of the viewer. entries: how they are, where that was asked. semantics: the most that can be done
    with them, whatever the configuration allows. versions, created (Unix time), changed_by: what is known of them, blank where no entry
    was asked; changed_by also if another program has changed one since.
    """

    paths: Sequence[str]
    names: Sequence[str]
    ids: Sequence[int]
    locks: Sequence[Lock | None]
    semantics: Sequence[Semantics]
    entries: Sequence[Entry | None]
    versions: Sequence[int]
    created: Sequence[float | None]
    changed_by: Sequence[str]

    def where(self, wanted: Sequence[bool]) -> Listed:
        """Some of them."""
        return self if all(wanted) else Listed._make([list(compress(column, wanted)) for column in self])

    def ordered(self, places: Sequence[int]) -> Listed:
        """Those at these places, in that order."""
        return Listed._make([[column[place] for place in places] for column in self])

    def part(self, start: int, end: int) -> Listed:
        """Those from one place to another."""
        return Listed._make([column[start:end] for column in self])


def joined(parts: Sequence[Listed]) -> Listed:
    """All of several ones."""
    if len(parts) == 1:
        return parts[0]
    return Listed._make([list(chain.from_iterable(columns)) for columns in zip(_NONE, *parts, strict=True)])


_NONE = Listed((), (), (), (), (), (), (), (), ())


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The documents of a served folder."""

    journal: Journal
    tree: Tree
    drafts: Drafts
    identities: Identities
    locks: LockManager

    # one by one

    def document(self, path: str) -> Document | None:
        """The document or folder at a path, after what has become of it underneath; None if it has no identity yet."""
        return self._now_known(path, identify=False)

    def identify(self, path: str) -> Document:
        """The document or folder at a path, which gets its identity if it has none. Raises NotFound."""
        document = self._now_known(path, identify=True)
        if document is None:
            raise NotFound("There is nothing under this name.")
        return document

    def document_with(self, id: int) -> Document | None:
        """The document or folder with this id, wherever it is; its path is None after it was deleted."""
        with self.journal.state.reading() as rows:
            return rows.document_with(id)

    def known(self, id: int) -> Document | None:
        """The document with this id, after what has become of it underneath; None if it was deleted, or is a folder."""
        document = self.document_with(id)
        entry = self.tree.look(document.path) if document and document.path else None
        if document is None or entry is None or entry.is_folder:
            return None
        if document.stamp == entry.stamp:
            return document
        now = self._now_known(entry.path, identify=True)
        return now if now and now.id == id else None

    def open_known(self, id: int, viewer: str) -> tuple[Document, Entry, int]:
        """The document with this id, what Library.look() has of it, and a descriptor, for the caller to close, of exactly that.

        Raises NotFound, also if its content was deleted.
        """
        for _ in range(ATTEMPTS):
            document = self.known(id)
            if document is None or document.path is None:
                raise NotFound("There is no document with this number; it may have been deleted.")
            entry, fd, _ = self.drafts.open(document.path, viewer)
            now = self.document_with(id)
            if now is None or now.path != document.path:  # another one may have been opened
                os.close(fd)
            elif entry.stamp == now.stamp and not now.has_content:
                os.close(fd)
                raise NotFound("The content of this document was deleted; there is none until something is saved.")
            else:
                return now, entry, fd
        raise Unavailable("This document is being moved all the time; try again.")

    # in lists

    def one(self, path: str, viewer: str) -> Listed | None:
        """The document at a path, which gets its identity if it has none; None if none is there. Raises Forbidden."""
        entry = self.drafts.look_now(path, viewer)
        if entry is None or entry.is_folder:
            return None
        with self.journal.state.reading() as rows:
            held = self.locks.on(rows, path)
            known = rows.known_at(path)
        if known is None:
            self._identify_all([path])
            return self.one(path, viewer)
        return _looked_at([entry], [known], [rules.foremost(held, viewer)])

    def below(self, folder: str, viewer: str, deep: bool, with_entries: bool) -> Iterator[Listed]:
        """The documents in a folder, with deep also those of each folder below it, by name. Raises NotFound, Forbidden."""
        waiting = [folder]
        while waiting:
            at = waiting.pop()
            try:
                documents, folders = self._entries(at, viewer) if with_entries else self._names(at, viewer)
            except (NotFound, Forbidden):
                if at == folder:
                    raise
                continue  # removed meanwhile, or not for the server to read
            if deep:
                waiting += reversed(folders)
            yield documents

    def identify_in(self, folder: str) -> None:
        """Gives the documents in a folder, which have none, their identities. Raises NotFound, Forbidden."""
        with self.journal.state.reading() as rows:
            known = rows.ids_in(folder)
        self._identify_all([path for path in self.tree.names(folder)[0][0] if path not in known])

    def _now_known(self, path: str, identify: bool) -> Document | None:
        entry = self.tree.look(path)
        if entry is None:
            return None
        with self.journal.state.reading() as rows:
            document = rows.document(path)
        if document is None and not identify:
            return None
        if document and (entry.is_folder or document.stamp == entry.stamp):
            return document
        with self.journal.deciding() as rows:
            now = self.tree.look(path)
            if now is None:
                return None
            return self.identities.identify(rows, path) if now.is_folder else self.identities.seen(rows, now)

    def _names(self, folder: str, viewer: str) -> tuple[Listed, list[str]]:
        """The documents in a folder, and the paths of the folders in it."""
        (paths, names), (folders, _) = self.tree.names(folder)
        known, limits, held, everywhere = self._known_in(folder, viewer, paths, lambda rows: (rows.ids_in(folder), rows.limits_in(folder)))
        ids: list[Any] = list(map(known.get, paths))
        if None in ids:  # some have just been removed
            names = [name for path, name in zip(paths, names, strict=True) if path in known]
            paths = [path for path in paths if path in known]
            ids = [known[path] for path in paths]
        locks = list(map(held.get, paths, repeat(everywhere))) if held else [everywhere] * len(paths)
        semantics = list(map(limits.get, paths, repeat(Semantics.VERSIONING))) if limits else [Semantics.VERSIONING] * len(paths)
        none, blank = [None] * len(paths), [""] * len(paths)
        return Listed(paths, names, ids, locks, semantics, none, [0] * len(paths), none, blank), folders

    def _entries(self, folder: str, viewer: str) -> tuple[Listed, list[str]]:
        """The same, with how they are."""
        members = sorted(self.drafts.listing(folder, viewer), key=itemgetter(0))
        entries = [entry for entry in members if not entry.is_folder]
        paths = [entry.path for entry in entries]
        known, _, held, everywhere = self._known_in(folder, viewer, paths, lambda rows: (rows.known_in(folder), {}))
        entries = [entry for entry in entries if entry.path in known]
        listed = _looked_at(entries, [known[entry.path] for entry in entries], [held.get(entry.path, everywhere) for entry in entries])
        return listed, [entry.path for entry in members if entry.is_folder]

    def _known_in(
        self, folder: str, viewer: str, paths: Sequence[str], ask: Callable[[Rows], tuple[Mapping[str, Any], Mapping[str, Semantics]]]
    ) -> _Found:
        """Asks for the documents in a folder, which get their identities if they have none."""
        for attempt in (1, 2):
            with self.journal.state.reading() as rows:
                known, limits = ask(rows)
                locks = [*self.locks.on(rows, folder), *rows.locks_in(folder)]
            if attempt == 2 or all(map(known.__contains__, paths)):
                break
            self._identify_all([path for path in paths if path not in known])
        above = [lock for lock in locks if lock.deep and rules.covers(lock, folder)]
        on: dict[str, list[Lock]] = {}
        for lock in locks:
            on.setdefault(lock.root, list(above)).append(lock)
        return known, limits, {path: rules.foremost(held, viewer) for path, held in on.items()}, rules.foremost(above, viewer)

    def _identify_all(self, unknown: Sequence[str]) -> None:
        """Gives documents that have none their identities, if they are still there."""
        paths = iter(unknown)
        while some := list(islice(paths, _TOGETHER)):
            with self.journal.deciding() as rows:
                for path in some:
                    if self.tree.look(path):
                        self.identities.identify(rows, path)


def _looked_at(entries: Sequence[Entry], known: Sequence[Known], locks: Sequence[Lock | None]) -> Listed:
    if not known:
        return _NONE
    paths, ids, semantics, versions, inodes, sizes, times, created, changed_by = zip(*known, strict=True)
    if any(changed_by):
        stamps = zip(inodes, sizes, times, strict=True)
        changed_by = tuple([by if by and _is(entry, stamp) else "" for entry, stamp, by in zip(entries, stamps, changed_by, strict=True)])
    names, limits = [entry.name for entry in entries], [_SEMANTICS[each] for each in semantics]
    return Listed(paths, names, ids, locks, limits, entries, versions, created, changed_by)


def _is(entry: Entry, stamp: tuple[int | None, int | None, int | None]) -> bool:
    # Nearly always the first: what is stored is folded already, and hardly anything needs to be.
    return stamp == (entry.inode, entry.size, entry.modified_ns) or stamp == entry.stamp
