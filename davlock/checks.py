"""What `davlock check` looks at: the state database, the journal, and on the disk every document, earlier version and draft that the
state knows.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from davlock import paths
from davlock.documents import Shelf, Tree, readable
from davlock.documents.disk import disk_errors
from davlock.drafts import Drafts
from davlock.errors import BadName, DavlockError, Forbidden, NotFound
from davlock.identities import Identities
from davlock.journal import Journal
from davlock.model import Document, Draft, Version
from davlock.state import State
from davlock.versions import Versions, name_of

Progress = Callable[[int, int], None]  # bytes that there are to read, bytes that have been read
Outcome = Literal["repaired", "damaged", "unreachable"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was not as it should be, and what has become of it.

    repaired: it is as it should be now. damaged: it needs a person. unreachable: nothing is wrong with it, but no door can show it.
    """

    path: str
    problem: str
    outcome: Outcome

    @property
    def repaired(self) -> bool:
        return self.outcome == "repaired"


@dataclass(frozen=True, slots=True)
class Inspection:
    """Verifies everything, one finding at a time, repairing on the way. Safe beside a running server: nothing waits for the reader."""

    state: State
    tree: Tree
    journal: Journal
    identities: Identities
    versions: Versions
    drafts: Drafts

    def run(self, progress: Progress) -> Iterator[Finding]:
        """progress is told how many bytes there are to read, and then each time how many have been."""
        for problem in self.state.problems():
            yield Finding("", f"state database: {problem}", "damaged")
        for done in self.journal.recover():
            yield Finding("", done, "repaired")
        with self.state.reading() as rows:
            known, earlier, drafts = list(rows.documents()), list(rows.all_versions()), rows.drafts()
        sizes = [each.stamp[1] for each in known if each.stamp and each.sha256]
        progress(sum(sizes) + sum(each.size for each in earlier) + sum(each.size for each in drafts), 0)
        for document in known:
            if found := _inspect_document(document, self.tree, self.journal, self.identities):
                yield found
            if document.stamp and document.sha256:
                progress(0, document.stamp[1])
        paths_by_id = {document.id: document.path for document in known}
        for version in earlier:
            if wrong := self._problem_of_version(version):
                where = paths_by_id.get(version.document) or f"deleted document {version.document}"
                yield Finding(where, f"version {version.number} {wrong}", "damaged")
            progress(0, version.size)
        for draft in drafts:
            if wrong := self._problem_of_draft(draft):
                yield Finding(draft.path, f"the draft of {draft.principal} {wrong}", "damaged")
            progress(0, draft.size)
        yield from _inspect_names(self.tree)

    def _problem_of_version(self, version: Version) -> str | None:
        if not version.is_kept:
            return None
        found = _problem_on_shelf(self.versions.shelf, name_of(version.document, version.number), version.size, version.sha256)
        with self.state.reading() as rows:  # it may have been forgotten meanwhile
            return found if found and rows.version(version.document, version.number) else None

    def _problem_of_draft(self, draft: Draft) -> str | None:
        found = _problem_on_shelf(self.drafts.shelf, draft.file, draft.size, draft.sha256)
        with self.state.reading() as rows:  # it may have become another one meanwhile
            return found if found and rows.draft(draft.id) == draft else None


def _problem_on_shelf(shelf: Shelf, name: str, size: int, sha256: str | None) -> str | None:
    try:
        with disk_errors(), os.fdopen(shelf.open(name), "rb") as file:
            if os.fstat(file.fileno()).st_size != size:
                return "has another size than was stored; restore .davlock from a backup"
            if sha256 and hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                return "has other bytes than were stored; the disk may be failing, restore .davlock from a backup"
    except NotFound:
        return "is missing on the disk; restore .davlock from a backup"
    except DavlockError:
        return "cannot be read; the disk may be failing, restore .davlock from a backup"
    return None


def _inspect_document(document: Document, tree: Tree, journal: Journal, identities: Identities) -> Finding | None:
    path = document.path or paths.ROOT
    try:
        entry = tree.look(path)
    except Forbidden:
        return None  # found among the names
    if entry is None:
        return _retire(document, path, tree, journal, identities)
    if document.stamp and (entry.is_folder or entry.stamp != document.stamp):
        return _observe(path, tree, journal, identities)
    if document.sha256 and document.stamp:
        return _read(document, path, tree)
    return None


def _retire(document: Document, path: str, tree: Tree, journal: Journal, identities: Identities) -> Finding | None:
    with journal.deciding() as rows:
        now = rows.document(path)
        if now is None or now.id != document.id or tree.inode(path):
            return None
        identities.deleted(rows, path, "")
    return Finding(path, "was removed by another program; its identity was retired", "repaired")


def _observe(path: str, tree: Tree, journal: Journal, identities: Identities) -> Finding | None:
    with journal.deciding() as rows:
        before, entry = rows.document(path), tree.look(path)
        if before is None or entry is None or identities.observed(rows, entry) == before:
            return None
    return Finding(path, "was changed by another program; the change is its newest version now", "repaired")


def _read(document: Document, path: str, tree: Tree) -> Finding | None:
    """Finds bytes that have changed although size and time have not: damage, not a change."""
    try:
        _, fd = tree.open(path)
        with disk_errors(), os.fdopen(fd, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            seen = os.fstat(file.fileno())
    except NotFound:
        return None
    except Forbidden:
        return Finding(path, "cannot be read by the server: its permissions do not allow it", "unreachable")
    except DavlockError:
        return Finding(path, "cannot be read; the disk may be failing, restore it from a backup", "damaged")
    if (seen.st_ino, seen.st_size, seen.st_mtime_ns) != document.stamp or digest == document.sha256:
        return None
    return Finding(path, "has other bytes than were stored; the disk may be failing, restore it from a backup", "damaged")


def _inspect_names(tree: Tree) -> Iterator[Finding]:
    """Finds what no door can show."""
    folders = [paths.ROOT]
    while folders:
        folder = folders.pop()
        try:
            with disk_errors(), tree.folder(folder) as shared, readable(shared) as fd:
                names = sorted(os.listdir(fd))
        except NotFound:
            continue
        except Forbidden:
            yield Finding(folder, "cannot be read by the server: its permissions do not allow it", "unreachable")
            continue
        spelled = {paths.canonical_name(name): name for name in reversed(names)}
        spelled |= {name: name for name in names if name in spelled}
        below = []
        for name in names:
            if folder == paths.ROOT and name == paths.PRIVATE:
                continue
            problem = _problem(tree, folder, name, spelled)
            if problem is None:
                path = paths.join(folder, paths.canonical_name(name))
                if (entry := tree.look(path)) and entry.is_folder:
                    below.append(path)
            else:
                shown = paths.join(folder, name).encode("utf-8", "backslashreplace").decode()
                yield Finding(shown, problem, "unreachable")
        folders += reversed(below)


def _problem(tree: Tree, folder: str, name: str, spelled: dict[str, str]) -> str | None:
    """Why no door can show what has this name in a folder, None if one can. spelled: which of several spellings of a name counts."""
    try:
        path = paths.parse(paths.join(folder, name)).path
    except (BadName, Forbidden) as error:
        return f"cannot be reached: {error.message}"
    if spelled[paths.canonical_name(name)] != name:
        return "cannot be reached: another file has the same name in another Unicode spelling"
    try:
        tree.look(path)
    except Forbidden:
        return "is not served: a symbolic link, a device, or without permission for the server"
    return None
