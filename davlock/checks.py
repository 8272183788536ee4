"""What `davlock check` looks at: the state database, the journal, and every document that the state knows, on the disk."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from davlock import paths
from davlock.documents import Tree
from davlock.documents.disk import disk_errors
from davlock.errors import BadName, DavlockError, Forbidden, NotFound
from davlock.identities import Identities
from davlock.model import Document
from davlock.state import State
from davlock.transfers import Transfers

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


def inspect(state: State, tree: Tree, transfers: Transfers, identities: Identities) -> Iterator[Finding]:
    """Verifies everything, one finding at a time, repairing on the way. Safe beside a running server: nothing waits for the reader."""
    for problem in state.problems():
        yield Finding("", f"state database: {problem}", "damaged")
    for done in transfers.recover():
        yield Finding("", done, "repaired")
    with state.reading() as rows:
        known = list(rows.documents())
    for document in known:
        if found := _inspect_document(document, tree, transfers, identities):
            yield found
    yield from _inspect_names(tree)


def _inspect_document(document: Document, tree: Tree, transfers: Transfers, identities: Identities) -> Finding | None:
    path = document.path or paths.ROOT
    try:
        entry = tree.look(path)
    except Forbidden:
        return None  # found among the names
    if entry is None:
        return _retire(document, path, tree, transfers, identities)
    if document.stamp and (entry.is_folder or entry.stamp != document.stamp):
        return _observe(path, tree, transfers, identities)
    if document.sha256 and document.stamp:
        return _read(document, path, tree)
    return None


def _retire(document: Document, path: str, tree: Tree, transfers: Transfers, identities: Identities) -> Finding | None:
    with transfers.deciding() as rows:
        now = rows.document(path)
        if now is None or now.id != document.id or tree.inode(path):
            return None
        identities.deleted(rows, path, "")
    return Finding(path, "was removed by another program; its identity was retired", "repaired")


def _observe(path: str, tree: Tree, transfers: Transfers, identities: Identities) -> Finding | None:
    with transfers.deciding() as rows:
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
            with disk_errors(), tree.folder(folder) as fd:
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
