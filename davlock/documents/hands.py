"""What the journal asks of those who rename things."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from davlock.model import Intent


class Hands(Protocol):
    """Carries out intents of some kinds, inside a decision; knows from the folder alone how far one had got."""

    def carry_out(self, intent: Intent) -> Callable[[], None]:
        """Does it; returns what undoes it. If it fails, nothing has been done."""

    def has_begun(self, intent: Intent) -> bool:
        """Whether anything of it that could be seen was already done when its process died."""

    def finish(self, intent: Intent) -> bool:
        """Completes what has begun, or takes it back if that is not possible. Returns whether it is done now."""

    def tidy(self, intent: Intent) -> None:
        """After the decision is committed: removes what is not needed any more."""
