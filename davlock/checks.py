"""What `davlock check` looks at: the state database, the journal, and every document that the state knows, on the disk."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

from davlock import paths
from davlock.documents import Tree
from davlock.errors import DavlockError, Forbidden
from davlock.identities import Identities
from davlock.model import Document
from davlock.state import State
from davlock.transfers import Transfers


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was not as it should be, and whether it is now."""

    path: str
    problem: str
    repaired: bool


def inspect(state: State, tree: Tree, transfers: Transfers, identities: Identities) -> Iterator[Finding]:
    """Verifies everything, one finding at a time, repairing on the way. Safe beside a running server."""
    for problem in state.problems():
        yield Finding("", f"state database: {problem}", False)
    for done in transfers.recover():
        yield Finding("", done, True)
    with state.reading() as rows:
        known = list(rows.documents())
    for document in known:
        yield from _inspect_document(document, state, tree, identities)
    yield from _inspect_names(tree, paths.ROOT)


def _inspect_document(document: Document, state: State, tree: Tree, identities: Identities) -> Iterator[Finding]:
    path = document.path or paths.ROOT
    entry = tree.look(path)
    if entry is None:
        with state.deciding() as rows:
            if tree.look(path) is None and (now := rows.document(path)) and now.id == document.id:
                identities.deleted(rows, path, "")
                yield Finding(path, "was removed by another program; its identity was retired", True)
    elif document.stamp and entry.stamp != document.stamp:
        with state.deciding() as rows:
            if (now := tree.look(path)) and (before := rows.document(path)) and before.stamp != now.stamp:
                identities.observed(rows, now)
                yield Finding(path, "was changed by another program; the change is its newest version now", True)
    elif document.sha256 and not entry.is_folder and _differs(tree, document):
        yield Finding(path, "has other bytes than were stored; the disk may be failing, restore it from a backup", False)


def _differs(tree: Tree, document: Document) -> bool:
    """Whether the bytes changed although size and time did not: damage, not a change."""
    try:
        entry, fd = tree.open(document.path or paths.ROOT)
    except DavlockError:
        return False
    with os.fdopen(fd, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return entry.stamp == document.stamp and digest != document.sha256


def _inspect_names(tree: Tree, folder: str) -> Iterator[Finding]:
    """Files that no door can show."""
    below = []
    with tree.folder(folder) as fd:
        names = sorted(os.listdir(fd))
    reachable = {paths.canonical_name(name) for name in names if paths.canonical_name(name) == name}
    for name in names:
        key = paths.canonical_name(name)
        path = paths.join(folder, key)
        shown = paths.join(folder, name).encode("utf-8", "backslashreplace").decode()
        if name == paths.PRIVATE:
            continue
        if problem := paths.problem(name):
            yield Finding(shown, f"cannot be reached through davlock: {problem}", False)
        elif paths.is_hidden(name) or paths.is_reserved(path):
            yield Finding(shown, "cannot be reached: the name is reserved", False)
        elif key != name and key in reachable:
            yield Finding(shown, "cannot be reached: another file has the same name in another Unicode spelling", False)
        else:
            try:
                entry = tree.look(path)
            except Forbidden:
                yield Finding(shown, "is not served: a symbolic link or a device", False)
                continue
            if entry and entry.is_folder:
                below.append(path)
    for path in below:
        yield from _inspect_names(tree, path)
