"""What a caller makes his change depend on (If, If-Match …), judged at the moment of the decision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from davlock import rules
from davlock.drafts import Drafts
from davlock.errors import NotCheckedOut
from davlock.locks import LockManager
from davlock.model import Caller, Document, Entry, Lock
from davlock.state import Rows


@dataclass(frozen=True, slots=True)
class Seen:
    """What a decision knows of one path: the locks that cover it, what is published there and, unless it is None, its document."""

    path: str
    held: Sequence[Lock]
    entry: Entry | None
    document: Document | None = None


@dataclass(frozen=True, slots=True)
class View:
    """What conditions may look at. viewer: the principal who asks. seen: what the decision has looked at already."""

    rows: Rows
    drafts: Drafts
    manager: LockManager
    viewer: str
    seen: Seen | None = None

    def entry(self, path: str) -> Entry | None:
        """What stands at a path, as the caller sees it."""
        return self.drafts.look(self.rows, path, self.viewer)

    def locks(self, path: str) -> Sequence[Lock]:
        """The locks that cover a path."""
        return self.seen.held if self.seen and self.seen.path == path else self.manager.on(self.rows, path)


Conditions = Callable[[View], None]


def unconditionally(view: View) -> None:
    """No conditions."""


def checkout_began(path: str, second: int, caller: Caller, by_force: bool = False) -> Conditions:
    """That the checkout which is to end is the one that began at this second (Unix time), not one taken since.

    It is the caller's, or by_force anybody's; where there is none, the condition holds. It raises NotCheckedOut.
    """

    def check(view: View) -> None:
        if not rules.is_meant(second, caller, by_force, view.locks(path)):
            raise NotCheckedOut("The checkout that this is about has ended; there is a newer one.")

    return check


@dataclass(frozen=True, slots=True)
class Views:
    """Makes views for callers."""

    drafts: Drafts
    manager: LockManager

    def of(self, rows: Rows, caller: Caller, seen: Seen | None = None) -> View:
        """What this caller's conditions may look at. seen: see View."""
        return View(rows, self.drafts, self.manager, caller.principal, seen)
