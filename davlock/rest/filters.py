"""$filter and $orderBy: what of a list is wanted, in which order (rest.md §11).

    name begins 'Offer' and size gt 1000 or (checkedOutBy eq 'bob' and updatedDate thisWeek)

`and` binds before `or`. Text is compared without regard to case; a quote in it is doubled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from davlock.catalogue import Listed
from davlock.errors import BadRequest
from davlock.rest.columns import COLUMNS, SPELLINGS, Column, Kind, Viewing

Matches = Callable[[Listed, Viewing], list[bool]]  # one for each row
MAX_TERMS = 100
_TOKEN = re.compile(r"\s*(?:(?P<open>\()|(?P<close>\))|(?P<comma>,)|'(?P<text>(?:[^']|'')*)'|(?P<word>[^\s(),']+))")
_DAY = timedelta(days=1)

Compare = Callable[[Any, Any], bool]
_ORDERED: dict[str, Compare] = {
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
}
_EQUAL: dict[str, Compare] = {
    **dict.fromkeys(("eq", "=", "equals", "is"), lambda a, b: a == b),
    **dict.fromkeys(("ne", "unequals", "isnot", "notequals"), lambda a, b: a != b),
}
_ON_NUMBERS = {**_EQUAL, **_ORDERED, "less": _ORDERED["lt"], "greater": _ORDERED["gt"]}
_ON_TEXT: dict[str, Compare] = {
    **_EQUAL,
    **_ORDERED,
    "begins": lambda a, b: a.startswith(b),
    "notbegins": lambda a, b: not a.startswith(b),
    "ends": lambda a, b: a.endswith(b),
    "contains": lambda a, b: b in a,
    "notcontains": lambda a, b: b not in a,
}
_ON_DATES: dict[str, Compare] = {
    **_EQUAL,
    **_ORDERED,
    "before": _ORDERED["lt"],
    "after": _ORDERED["gt"],
    "beforeorequal": _ORDERED["le"],
    "afterorequal": _ORDERED["ge"],
}
_BINARY = {Kind.NUMBER: _ON_NUMBERS, Kind.TEXT: _ON_TEXT, Kind.DATE: _ON_DATES}
_LISTS = {"oneof": True, "in": True, "notoneof": False}
_RANGES = ("between", "datebetween")
_FUNCTIONS: dict[str, Compare] = {"substringof": _ON_TEXT["contains"], "startswith": _ON_TEXT["begins"], "endswith": _ON_TEXT["ends"]}
_PERIODS: dict[str, Callable[[date], tuple[date, date]]] = {
    "today": lambda day: (day, day + _DAY),
    "yesterday": lambda day: (day - _DAY, day),
    "thisweek": lambda day: _week(day),
    "lastweek": lambda day: _week(day - 7 * _DAY),
    "thismonth": lambda day: _month(day),
    "lastmonth": lambda day: _month(day.replace(day=1) - _DAY),
    "thisyear": lambda day: (date(day.year, 1, 1), date(day.year + 1, 1, 1)),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """matches: which rows are wanted. columns: those that this depends on."""

    matches: Matches
    columns: frozenset[str]


def parse_filter(text: str, now: float) -> Wanted:
    """What a $filter wants. now: Unix time. Raises BadRequest."""
    if not text.strip():
        return Wanted(lambda rows, viewing: [True] * len(rows.ids), frozenset())
    parser = _Parser(_tokens(text), datetime.fromtimestamp(now, UTC).date())
    matches = parser.either()
    parser.end()
    return Wanted(matches, frozenset(parser.columns))


def parse_order(text: str) -> list[tuple[str, bool]]:
    """Columns, and whether each one is in descending order. Raises BadRequest."""
    found = []
    for part in filter(None, (each.strip() for each in text.split(","))):
        name, _, way = part.partition(" ")
        if way.strip().lower() not in ("", "asc", "desc"):
            raise BadRequest(f"$orderBy cannot be understood at {part!r}; such as: name asc, updatedDate desc.")
        found.append((column(name), way.strip().lower() == "desc"))
    return found


def column(name: str) -> str:
    """The spelling of a column. Raises BadRequest."""
    found = SPELLINGS.get(name.lower())
    if found is None:
        raise BadRequest(f"There is no column {name!r}; there are {', '.join(sorted(COLUMNS))}.")
    return found


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise BadRequest(f"$filter cannot be understood from its character {at + 1} on; is a quote missing?")
        kind = str(match.lastgroup)
        found.append(_Token(kind, match[kind].replace("''", "'") if kind == "text" else match[kind]))
        at = match.end()
    if len(found) > 8 * MAX_TERMS:
        raise BadRequest(f"$filter is too long; at most about {MAX_TERMS} conditions are possible.")
    return found


class _Parser:
    def __init__(self, tokens: Sequence[_Token], today: date) -> None:
        self._tokens, self._at, self._today, self._depth = tokens, 0, today, 0
        self.columns: set[str] = set()

    def either(self) -> Matches:
        any_of = [self._both()]
        while self._takes("or"):
            any_of.append(self._both())
        return any_of[0] if len(any_of) == 1 else _together(any, any_of)

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise self._wrong("and or or")

    def _both(self) -> Matches:
        all_of = [self._one()]
        while self._takes("and"):
            all_of.append(self._one())
        return all_of[0] if len(all_of) == 1 else _together(all, all_of)

    def _one(self) -> Matches:
        if self._takes_kind("open"):
            self._depth += 1
            if self._depth > MAX_TERMS:
                raise BadRequest("$filter is nested too deeply.")
            inner = self.either()
            self._must("close")
            self._depth -= 1
            return inner
        name = self._must("word")
        if compare := _FUNCTIONS.get(name.lower()):
            return self._function(name.lower(), compare)
        known = column(name)
        self.columns.add(known)
        return self._condition(COLUMNS[known])

    def _function(self, name: str, compare: Compare) -> Matches:
        self._must("open")
        first, _ = self._next("a column or text"), self._must("comma")
        second = self._next("a column or text")
        self._must("close")
        text, named = (first, second) if name == "substringof" else (second, first)
        known = column(named.text)
        self.columns.add(known)
        return _compared(COLUMNS[known], compare, _value(Kind.TEXT, text))

    def _condition(self, of: Column) -> Matches:
        word = self._must("word").lower()
        if (period := _PERIODS.get(word)) and of.kind is Kind.DATE:
            first, after = (_seconds(day) for day in period(self._today))
            return _within(of, first, after)
        if word in _LISTS:
            values, is_in = self._list(of.kind), _LISTS[word]
            return _compared(of, lambda a, b: (a in b) == is_in, values)
        if word in _RANGES and of.kind is not Kind.TEXT:
            low, high = sorted(self._list(of.kind)) if self._peek("open") else sorted([self._single(of.kind), self._second(of.kind)])
            return _compared(of, lambda a, b: b[0] <= a <= b[1], (low, high))
        compare = _BINARY[of.kind].get(word)
        if compare is None:
            raise BadRequest(f"$filter has {word!r} where a comparison is needed: {', '.join(sorted(_BINARY[of.kind]))}.")
        return _compared(of, compare, self._single(of.kind))

    def _list(self, kind: Kind) -> list[Any]:
        self._must("open")
        values = [self._single(kind)]
        while self._takes_kind("comma"):
            values.append(self._single(kind))
        self._must("close")
        return values

    def _second(self, kind: Kind) -> Any:
        if not (self._takes("and") or self._takes_kind("comma")):
            raise self._wrong("and")
        return self._single(kind)

    def _single(self, kind: Kind) -> Any:
        return _value(kind, self._next("a value"))

    def _next(self, needed: str) -> _Token:
        if self._at < len(self._tokens) and self._tokens[self._at].kind in ("word", "text"):
            self._at += 1
            return self._tokens[self._at - 1]
        raise self._wrong(needed)

    def _must(self, kind: str) -> str:
        if not self._peek(kind):
            raise self._wrong({"open": "(", "close": ")", "comma": "a comma", "word": "a name"}[kind])
        self._at += 1
        return self._tokens[self._at - 1].text

    def _peek(self, kind: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at].kind == kind

    def _takes_kind(self, kind: str) -> bool:
        if self._peek(kind):
            self._at += 1
            return True
        return False

    def _takes(self, word: str) -> bool:
        if self._peek("word") and self._tokens[self._at].text.lower() == word:
            self._at += 1
            return True
        return False

    def _wrong(self, needed: str) -> BadRequest:
        at = f"{self._tokens[self._at].text!r} stands" if self._at < len(self._tokens) else "it ends"
        return BadRequest(f"$filter cannot be understood where {at}; {needed} is needed there.")


def _together(decide: Callable[[Iterable[bool]], bool], matches: Sequence[Matches]) -> Matches:
    return lambda rows, viewing: list(map(decide, zip(*(each(rows, viewing) for each in matches), strict=True)))


def _compared(of: Column, compare: Compare, value: Any) -> Matches:
    get = of.values
    if of.kind is Kind.TEXT:
        return lambda rows, viewing: [compare("" if each is None else str(each).casefold(), value) for each in get(rows, viewing)]
    return lambda rows, viewing: [each is not None and compare(int(each), value) for each in get(rows, viewing)]


def _within(of: Column, first: int, after: int) -> Matches:
    return _compared(of, lambda a, b: b[0] <= a < b[1], (first, after))


def _value(kind: Kind, token: _Token) -> Any:
    if kind is Kind.TEXT:
        return token.text.casefold()
    if kind is Kind.NUMBER:
        if not re.fullmatch(r"-?[0-9]{1,18}", token.text):
            raise BadRequest(f"$filter has {token.text!r} where a whole number is needed.")
        return int(token.text)
    try:
        when = datetime.fromisoformat(token.text)
    except ValueError:
        raise BadRequest(f"$filter has {token.text!r} where a date such as 2026-11-22 or 2026-11-22T08:00:00 is needed.") from None
    try:
        return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise BadRequest(f"$filter has a date, {token.text!r}, that no document can have.") from None


def _seconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def _week(day: date) -> tuple[date, date]:
    monday = day - day.weekday() * _DAY
    return monday, monday + 7 * _DAY


def _month(day: date) -> tuple[date, date]:
    first = day.replace(day=1)
    return first, (first + 31 * _DAY).replace(day=1)
