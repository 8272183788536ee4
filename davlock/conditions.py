"""What a caller makes his change depend on (If, If-Match …), judged at the moment of the decision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from davlock.drafts import Drafts
from davlock.locks import LockManager
from davlock.model import Caller, Entry, Lock
from davlock.state import Rows


@dataclass(frozen=True, slots=True)
class View:
    """What conditions may look at."""

    rows: Rows
    drafts: Drafts
    manager: LockManager
    viewer: str  # the principal who asks

    def entry(self, path: str) -> Entry | None:
        """What stands at a path, as the caller sees it."""
        return self.drafts.look(self.rows, path, self.viewer)

    def locks(self, path: str) -> list[Lock]:
        """The locks that cover a path."""
        return self.manager.on(self.rows, path)


Conditions = Callable[[View], None]


def unconditionally(view: View) -> None:
    """No conditions."""


@dataclass(frozen=True, slots=True)
class Views:
    """Makes views for callers."""

    drafts: Drafts
    manager: LockManager

    def of(self, rows: Rows, caller: Caller) -> View:
        """What this caller's conditions may look at."""
        return View(rows, self.drafts, self.manager, caller.principal)
