"""What the configuration says of documents: which are checked out and versioned, and how long what is past is kept."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from davlock import paths
from davlock.model import Semantics

DAY = 86_400.0
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
        asked = next((semantics for pattern, semantics in self.patterns if _matches(pattern, path)), self.default)
        if asked is Semantics.VERSIONING and any(_matches(pattern, path) for pattern in self.scratch):
            return Semantics.LOCKING
        return asked


def _matches(pattern: str, path: str) -> bool:
    text = path if "/" in pattern else paths.name(path)
    return fnmatchcase(text.casefold(), pattern.casefold())
