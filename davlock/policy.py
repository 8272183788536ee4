"""What the configuration says of documents: which are checked out and versioned, and how long what is past is kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property

from davlock import paths
from davlock.model import Semantics

DAY = 86_400.0
Matches = Callable[[str], bool]
# What programs put beside a document while it is open, and what operating systems leave in every folder.
SCRATCH = ("~$*", "._*", ".~lock.*#", "*.tmp", "*.temp", "*.swp", "*~", ".DS_Store", "Thumbs.db", "desktop.ini", ".fuse_hidden*", ".nfs*")


@dataclass(frozen=True)
class Policy:
    """patterns are tried in their order, the default is for all other paths; scratch files have no versions in any case.

    A pattern with a slash is compared with the whole path, one without with the name; `*` stands for anything, letter case does not
    count. versions: how many earlier ones a document keeps at most. The seconds are counted from when a version was replaced, a
    document deleted, a checkout ended without check-in, a lock ended; infinite for ever.
    """

    default: Semantics = Semantics.VERSIONING
    patterns: tuple[tuple[str, Semantics], ...] = ()
    scratch: tuple[str, ...] = SCRATCH
    versions: int = 500
    version_seconds: float = float("inf")
    deleted_seconds: float = 30 * DAY
    draft_seconds: float = 90 * DAY
    history_seconds: float = 365 * DAY

    def is_versioned(self, path: str) -> bool:
        """Whether the document at a path keeps its earlier versions."""
        return self.semantics(path) is Semantics.VERSIONING

    def semantics(self, path: str) -> Semantics:
        """What can be done with the document at a path."""
        asked = next((semantics for matches, semantics in self._asked if matches(path)), self.default)
        if asked is Semantics.VERSIONING and self._is_scratch(path):
            return Semantics.LOCKING
        return asked

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
