"""The versions of a document: the newest is the document itself, the earlier ones are kept beside it (design §3).

A kept version is the very file that was the document, under the name `<id>-<number>`: keeping it costs a link, not a copy.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from davlock.documents import Put, Shelf
from davlock.errors import NoSuchVersion, NotFound
from davlock.model import Document, Version, as_int64
from davlock.policy import Policy
from davlock.state import Rows

COMING_BACK = 60.0  # seconds in which what was deleted may come back, whatever the policy says
_NAME = re.compile(r"([0-9]{1,10})-([0-9]{1,10})")


@dataclass(frozen=True, slots=True)
class Versions:
    """The earlier versions of all documents of a served folder."""

    shelf: Shelf
    policy: Policy

    def file(self, rows: Rows, document: Document, path: str, put: Put | None) -> None:
        """The newest version of a document (at a path) becomes an earlier one, because something takes its place.

        put gives its content; None if that is gone already: then it is kept only if a crash has left it here.
        """
        if document.stamp is None or not self.policy.is_versioned(path, document) or rows.version(document.id, document.version):
            return
        is_kept = self._is_here(document)
        if put and not is_kept:
            self.keep(rows, document, put)
            rows.before_commit("versions", self.shelf.sync)
            is_kept = True
        rows.add_version(_version(document, document.stamp, is_kept=is_kept))
        if document.version > self.policy.versions or self.policy.version_seconds < math.inf:
            self._prune(rows, document.id)

    def keep(self, rows: Rows, document: Document, put: Put) -> Path:
        """Keeps the content of the newest version, which put gives, before something takes its place and is synced; returns where."""
        name = name_of(document.id, document.version)
        rows.if_undone(self.shelf.keep(put, name))
        rows.before_commit("versions kept", self.shelf.sync_in_order)
        return self.shelf.file(name)

    def unfile(self, rows: Rows, document: Document) -> None:
        """The newest version is the newest again, after it had been filed with a document that was deleted and has come back.

        Its file stays for the sweep: removed after the commit, it might already be there once more.
        """
        rows.drop_version(document.id, document.version)

    def has_kept(self, rows: Rows, document: Document) -> bool:
        """Whether the newest version is kept here, because its document was deleted."""
        version = rows.version(document.id, document.version)
        return version is not None and version.is_kept

    def kept(self, document: Document) -> Path:
        """Where it is kept."""
        return self.shelf.file(name_of(document.id, document.version))

    def of(self, rows: Rows, document: Document) -> list[Version]:
        """All versions of a document, the first one first."""
        return [*rows.versions(document.id), *([self.newest(document)] if document.stamp and document.path else [])]

    def newest(self, document: Document) -> Version:
        """The version that a document, which has content, is now."""
        assert document.stamp
        return _version(document, document.stamp, is_newest=True)

    def open(self, rows: Rows, document: Document, number: int) -> tuple[Version, int]:
        """An earlier version of a document, and a descriptor of its content, for the caller to close. Raises NoSuchVersion."""
        version = rows.version(document.id, number)
        if version is None:
            raise NoSuchVersion(f"There is no version {number} of this document.")
        if not version.is_kept:
            raise NoSuchVersion(f"The content of version {number} was not kept: another program on the server has overwritten it.")
        try:
            return version, self.shelf.open(name_of(document.id, number))
        except NotFound as missing:
            message = f"The content of version {number} has been removed from the server's disk; `davlock check` tells more."
            raise NoSuchVersion(message) from missing

    def forget(self, rows: Rows) -> None:
        """Forgets what is to be kept no longer."""
        self.forget_deleted(rows, max(self.policy.deleted_seconds, COMING_BACK))
        if self.policy.version_seconds < math.inf:
            for document in {version.document for version in rows.all_versions()}:
                self._prune(rows, document)

    def forget_deleted(self, rows: Rows, seconds: float = COMING_BACK) -> None:
        """Forgets documents that were deleted more than these seconds ago, and their versions."""
        names = [name_of(version.document, version.number) for version in rows.forget_retired(rows.now - seconds)]
        rows.after_commit(partial(self.shelf.discard, names))

    def sweep(self, rows: Rows) -> list[str]:
        """Sets aside the files that no row names; returns them. In a decision of its own, which drops none."""
        return self.shelf.set_aside({name_of(version.document, version.number) for version in rows.all_versions()})

    def unknown(self, rows: Rows) -> list[Document]:
        """The documents of whose newest version there is a file here."""
        known = {name_of(version.document, version.number) for version in rows.all_versions()}
        found = []
        for name in self.shelf.names():
            if name not in known and (match := _NAME.fullmatch(name)):
                document = rows.document_with(int(match[1]))
                if document and document.version == int(match[2]):
                    found.append(document)
        return found

    def _prune(self, rows: Rows, document: int) -> None:
        oldest = rows.now - self.policy.version_seconds
        for number in rows.surplus_versions(document, self.policy.versions, oldest):
            self._drop(rows, document, number)

    def _drop(self, rows: Rows, document: int, number: int) -> None:
        rows.drop_version(document, number)
        rows.after_commit(partial(self.shelf.discard, [name_of(document, number)]))

    def _is_here(self, document: Document) -> bool:
        seen = self.shelf.look(name_of(document.id, document.version))
        return seen is not None and (as_int64(seen.st_ino), seen.st_size, as_int64(seen.st_mtime_ns)) == document.stamp


def _version(document: Document, stamp: tuple[int, int, int], is_kept: bool = True, is_newest: bool = False) -> Version:
    d = document
    return Version(d.id, d.version, stamp, d.sha256, d.changed, d.changed_by, d.door, d.comment, d.extra, is_kept, is_newest)


def name_of(document: int, number: int) -> str:
    """Under which an earlier version lies on its shelf."""
    return f"{document}-{number}"
