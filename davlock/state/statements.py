"""Statements with as many values as there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

_T = TypeVar("_T")


def batches(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """SQLite takes only so many values in one statement."""
    return (values[start : start + 500] for start in range(0, len(values), 500))


def marks(values: Sequence[Any]) -> str:
    return ",".join("?" * len(values))
