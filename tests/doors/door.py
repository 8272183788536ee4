"""What somebody wants of a document, said at a door: the same wishes for every door there is.

A wish that is refused returns what the person is told; one that is granted returns "".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from tests.serving import Serving


@dataclass(frozen=True)
class Version:
    """One version of a document, and who made it. path: of the document. href: of the version, over WebDAV."""

    number: int
    who: str
    comment: str
    path: str
    href: str


class Held(NamedTuple):
    """What is shown of a lock: who holds it, since when (Unix time, whole seconds), and between which two moments it ends, if it does."""

    who: str
    since: int
    until: tuple[float, float] | None = None

    def ends_with(self, other: Held) -> bool:
        """Whether both are shown to end at the same time, as far as that can be told."""
        if self.until is None or other.until is None:
            return self.until == other.until
        return self.until[0] <= other.until[1] and other.until[0] <= self.until[1]


class Door(Protocol):
    """One person at one door.

    code: how the door spelled the last refusal, for programs. TAKEN: its spellings of "somebody else holds it".
    """

    TAKEN: frozenset[str]
    code: str

    def __init__(self, serving: Serving, user: str) -> None: ...

    def read(self, path: str) -> bytes: ...

    def save(self, path: str, content: bytes) -> str:
        """In his editing session, if he has one."""

    def rename(self, path: str, to: str) -> str: ...

    def remove(self, path: str) -> str: ...

    def check_out(self, path: str) -> str: ...

    def check_in(self, path: str, comment: str) -> str: ...

    def undo(self, path: str) -> str: ...

    def rescued(self, path: str) -> list[bytes]:
        """What he has written into drafts of the document and not published."""

    def begin_to_edit(self, path: str, minutes: int = 10) -> str: ...

    def keep_editing(self, path: str, minutes: int) -> str:
        """The session that he has shall last so long from now."""

    def end_editing(self, path: str) -> str: ...

    def holder(self, path: str) -> Held | None:
        """Who holds it, as it is shown; of a checkout and a session beside it, the checkout."""

    def versions(self, path: str) -> list[Version]: ...

    def read_version(self, version: Version) -> bytes: ...
