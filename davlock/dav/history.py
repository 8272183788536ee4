"""The versions of a document as resources of their own (RFC 3253 §2.2.1): where they are and how they look."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from davlock import hrefs, paths
from davlock.dav import deltav, methods, propfind
from davlock.errors import NoSuchVersion
from davlock.library import Library
from davlock.model import Document, Entry, Lock, Version

_VERSION = re.compile(f"{methods.VERSIONS}/([1-9][0-9]{{0,9}})/([1-9][0-9]{{0,9}})")


@dataclass(frozen=True, slots=True)
class History:
    """All versions of a document, the first one first, and its checkout."""

    document: Document
    versions: list[Version]
    checkout: Lock | None = None

    def version(self, number: int) -> Version:
        """One of them. Raises NoSuchVersion."""
        return self.versions[self._place(number)]

    def responses(self, plan: propfind.Plan, minimal: bool = False) -> Iterator[str]:
        """What a plan asks of all versions."""
        return (self._response(at, plan, minimal) for at in range(len(self.versions)))

    def response(self, number: int, plan: propfind.Plan, minimal: bool = False) -> str:
        """What a plan asks of one of them. Raises NoSuchVersion."""
        return self._response(self._place(number), plan, minimal)

    def _place(self, number: int) -> int:
        found = next((at for at, version in enumerate(self.versions) if version.number == number), None)
        if found is None:
            raise NoSuchVersion(f"There is no version {number} of this document.")
        return found

    def _response(self, at: int, plan: propfind.Plan, minimal: bool) -> str:
        version, before, after = self.versions[at], self.versions[at - 1 : at], self.versions[at + 1 : at + 2]
        is_checked_out = self.checkout and version.is_newest and self.document.path
        placed = deltav.Placed(
            version,
            before[0].number if before else None,
            after[0].number if after else None,
            hrefs.encode(self.document.path) if is_checked_out and self.document.path else None,
        )
        entry = as_entry(self.document, version)
        shown = deltav.of_version(plan.computed, placed)
        listing = propfind.Listing([entry], entry.path, entry.path, "", 0, computed=lambda _: shown, is_lockable=False)
        return "".join(propfind.responses(plan, listing, minimal))


def parse_href(raw: str) -> tuple[int, int]:
    """The id of the document and the number of the version that a path, as it was sent, names. Raises NoSuchVersion."""
    match = _VERSION.fullmatch(raw)
    if match is None:
        raise NoSuchVersion("There is no such version.")
    return int(match[1]), int(match[2])


def document_with(library: Library, id: int) -> Document:
    """The document with an id, after what has become of it underneath, be it deleted. Raises NoSuchVersion."""
    document = library.catalogue.document_with(id)
    if document and document.path:
        library.catalogue.document(document.path)
        document = library.catalogue.document_with(id)
    if document is None:
        raise NoSuchVersion("There is no such document.")
    return document


def history(library: Library, document: Document) -> History:
    """That of a document."""
    return History(document, library.archive.versions(document), library.checkout(document.path) if document.path else None)


def as_entry(document: Document, version: Version) -> Entry:
    """A version as if it were a document: its ETag is the one that the document had when it was the newest one."""
    return version.entry(deltav.version_href(version.document, version.number), paths.name(document.path or ""))
