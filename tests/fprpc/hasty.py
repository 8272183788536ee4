"""davlock with somebody in a hurry: right after each save and check-in of alice, before she is told of it, bob saves if he may.

A program to be run in place of `python -m davlock`.
"""

from __future__ import annotations

import io
from contextlib import suppress
from typing import Any

from davlock import app
from davlock.checkouts import CheckedIn
from davlock.cli import main
from davlock.errors import Locked
from davlock.library import Library
from davlock.model import Caller
from davlock.paths import Address
from davlock.writes import Written

BOBS = b"what bob has saved meanwhile"


class Hasty(Library):
    """The library, and bob."""

    def write(self, at: Address, *args: Any, **named: Any) -> Written:
        written = super().write(at, *args, **named)
        self._meanwhile(at)
        return written

    def publish(self, at: Address, *args: Any, **named: Any) -> Written | CheckedIn:
        done = super().publish(at, *args, **named)
        self._meanwhile(at)
        return done

    def _meanwhile(self, at: Address) -> None:
        with suppress(Locked):
            super().write(at, io.BytesIO(BOBS), len(BOBS), Caller("bob"))


if __name__ == "__main__":
    vars(app)["Library"] = Hasty
    main()
