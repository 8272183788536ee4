"""What the configuration says of documents: which are checked out and versioned, and how long what is past is kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property
from typing import Protocol

from davlock import paths
from davlock.model import Semantics

DAY = 86_400.0
Matches = Callable[[str], bool]
# What programs put beside a document while it is open, and what operating systems leave in every folder.
SCRATCH = ("~$*", "._*", ".~lock.*#", "*.tmp", "*.temp", "*.swp", "*~", ".DS_Store", "Thumbs.db", "desktop.ini", ".fuse_hidden*", ".nfs*")


class Limited(Protocol):
    """A document of which no more can be done than this, whatever the policy says."""

    @property
    def semantics(self) -> Semantics: ...


@dataclass(frozen=True)
class Policy:
    """patterns are tried in their order, the default is for all other paths; scratch files have no versions in any case.

    A pattern with a slash is compared with the whole path, one without with the name; `*` stands for anything, letter case does not
    count. versions: how many earlier ones a document keeps at most. The seconds are counted from when a version was replaced, a
    document deleted, a checkout ended without check-in, a lock ended, an event happened; infinite for ever.
    """

    default: Semantics = Semantics.VERSIONING
    patterns: tuple[tuple[str, Semantics], ...] = ()
    scratch: tuple[str, ...] = SCRATCH
    versions: int = 500
    version_seconds: float = float("inf")
    deleted_seconds: float = 30 * DAY
    draft_seconds: float = 90 * DAY
    history_seconds: float = 365 * DAY
    event_seconds: float = 7 * DAY

    def is_versioned(self, path: str, document: Limited | None = None) -> bool:
        """Whether the document at a path keeps its earlier versions."""
        return self.semantics(path, document) is Semantics.VERSIONING

    def can_be_checked_out(self, path: str, document: Limited | None = None) -> bool:
        """Whether the document at a path can be checked out at all."""
        if document and document.semantics is Semantics.NONE:
            return False
        return not self.excludes_some or self._allowed(path) is not Semantics.NONE

    def semantics(self, path: str, document: Limited | None = None) -> Semantics:
        """What can be done with the document at a path. document: what is known of it."""
        allowed = self._allowed(path)
        return allowed.at_most(document.semantics) if document else allowed

    def _allowed(self, path: str) -> Semantics:
        asked = next((semantics for matches, semantics in self._asked if matches(path)), self.default)
        if asked is Semantics.VERSIONING and self._is_scratch(path):
            return Semantics.LOCKING
        return asked

    @cached_property
    def excludes_some(self) -> bool:
        """Whether there are documents that cannot be checked out. Most policies have none, and lists ask for each of thousands."""
        return Semantics.NONE in (self.default, *(semantics for _, semantics in self.patterns))

    @cached_property
    def _asked(self) -> list[tuple[Matches, Semantics]]:
        return [(_matching((pattern,)), semantics) for pattern, semantics in self.patterns]

    @cached_property
    def _is_scratch(self) -> Matches:
        return _matching(self.scratch)


def _matching(patterns: Iterable[str]) -> Matches:
    """Whether a path is matched by one of the patterns: one expression for all of them, because listings ask for every member."""
    names = [translate(pattern.casefold()) for pattern in patterns if "/" not in pattern]
    whole = [translate(pattern.casefold()) for pattern in patterns if "/" in pattern]
    by_name, by_path = (re.compile("|".join(each) or r"(?!)") for each in (names, whole))

    def matches(path: str) -> bool:
        path = path.casefold()
        return bool(by_name.match(paths.name(path)) or by_path.match(path))

    return matches
