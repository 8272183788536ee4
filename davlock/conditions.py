"""What a caller makes his change depend on (If, If-Match …), judged at the moment of the decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from davlock import rules
from davlock.drafts import Drafts
from davlock.errors import NotCheckedOut
from davlock.locks import LockManager
from davlock.model import Caller, Entry, Lock
from davlock.state import Rows


@dataclass(frozen=True, slots=True)
class View:
    """What conditions may look at. viewer: the principal who asks. held: the locks that cover a path, which the decision knows already."""

    rows: Rows
    drafts: Drafts
    manager: LockManager
    viewer: str
    held: Mapping[str, Sequence[Lock]] = field(default_factory=dict)

    def entry(self, path: str) -> Entry | None:
        """What stands at a path, as the caller sees it."""
        return self.drafts.look(self.rows, path, self.viewer)

    def locks(self, path: str) -> Sequence[Lock]:
        """The locks that cover a path."""
        return self.held[path] if path in self.held else self.manager.on(self.rows, path)


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

    def of(self, rows: Rows, caller: Caller, held: Mapping[str, Sequence[Lock]] | None = None) -> View:
        """What this caller's conditions may look at. held: see View."""
        return View(rows, self.drafts, self.manager, caller.principal, held or {})
