"""Intervals of time that are looked up by time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Spans(Generic[Item]):
    """Intervals (first, last, item); finds those that overlap or cover another in about log n + found steps."""

    def __init__(self, spans: Iterable[tuple[float, float, Item]] = ()) -> None:
        self._spans = sorted(spans, key=lambda span: span[0])
        self._firsts = [span[0] for span in self._spans]
        self._latest = list(accumulate((span[1] for span in self._spans), max))

    def __iter__(self) -> Iterator[tuple[float, float, Item]]:
        return iter(self._spans)

    def overlapping(self, first: float, last: float) -> Iterator[Item]:
        """Items of the intervals that share an instant with [first, last], the latest first."""
        return self._begun_by(last, reaching=first)

    def covering(self, first: float, last: float) -> Iterator[Item]:
        """Items of the intervals that [first, last] lies wholly within, the latest first."""
        return self._begun_by(first, reaching=last)

    def _begun_by(self, instant: float, reaching: float) -> Iterator[Item]:
        position = bisect_right(self._firsts, instant) - 1
        while position >= 0 and self._latest[position] >= reaching:
            if self._spans[position][1] >= reaching:
                yield self._spans[position][2]
            position -= 1
