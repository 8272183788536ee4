"""How much work a call does, in lines of Python that run: the same on every machine, however busy it is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

from davlock.errors import BadRequest


def lines_run(call: Callable[[], object]) -> int:
    """The lines that run in davlock.fprpc during a call, whether it returns or raises BadRequest."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if not frame.f_globals.get("__name__", "").startswith("davlock.fprpc"):
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with suppress(BadRequest):
            call()
    finally:
        sys.settrace(before)
    return count
