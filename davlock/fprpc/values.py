"""Single values of FrontPage RPC, and the typed values of a METADICT (MC-FPSEWM 2.2.2.2.11). Pure.

In:     parse_int, parse_boolean, parse_time, parse_options, parse_meta   text off the wire → value; raise Malformed
Out:    print_time; string, integer, boolean, moment, double, strings, integers, empty → MetaValue
Both:   MetaValue (`.content` is the Python value), DocInfo, FolderInfo

Moments are Unix time in whole seconds.
"""

from __future__ import annotations

import math
import re
import time
from calendar import timegm
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import ClassVar, Literal, TypeAlias, cast

from davlock.errors import BadRequest

INT_MIN, INT_MAX = -(1 << 31), (1 << 31) - 1

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_INT = re.compile(r"-?[0-9]{1,10}")
_DOUBLE = re.compile(r"-?[0-9]{1,25}(?:\.[0-9]{1,25})?(?:[eE][+-]?[0-9]{1,3})?")
# The SDK pages print no blank before the zone, and there are scripts that send no zone: the protocol knows none but UTC.
_TIME = re.compile(r"([0-9]{1,2}) ([A-Za-z]{3}) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2})(?: ?[-+]0000)?")
_META = re.compile(r"([SIBTDVULFE])([RWX])\|(.*)", re.DOTALL)
_ITEM_ESCAPE = re.compile(r"\\([\\ ])")
_ITEM = re.compile(r"(?:[^\\ ]+|\\[\\ ]?)*")


class Malformed(BadRequest):
    """A request, or a value in it, that does not follow the protocol. status is for the error block: RPC syntax error."""

    status: ClassVar[int] = 0x00040006


class TooLong(Malformed):
    """A command that is longer than anybody needs."""

    status: ClassVar[int] = 0x0006000A


def parse_int(text: str) -> int:
    """INT: signed, 32 bits, decimal. Raises Malformed."""
    number = int(text) if _INT.fullmatch(text) else None
    if number is None or not INT_MIN <= number <= INT_MAX:
        raise Malformed(f"A whole number from {INT_MIN} to {INT_MAX} is needed.")
    return number


def parse_boolean(text: str) -> bool:
    """BOOLEAN, in any letter case. Raises Malformed."""
    match text.lower():
        case "true":
            return True
        case "false":
            return False
    raise Malformed("It must be true or false.")


def parse_time(text: str) -> int:
    """TIME, such as `06 Apr 2006 20:03:02 -0000`, as Unix time in seconds; the month in any letter case. Raises Malformed."""
    if found := _TIME.fullmatch(text):
        day, month, year, hour, minute, second = found.groups()
        try:
            parts = (int(year), _MONTHS.index(month.capitalize()) + 1, int(day), int(hour), int(minute), int(second))
            return timegm(datetime(*parts, tzinfo=UTC).utctimetuple())
        except ValueError:  # no such month, day, hour, minute or second
            pass
    raise Malformed("A time in UTC such as 06 Apr 2006 20:03:02 -0000 is needed.")


@lru_cache(maxsize=4096)
def print_time(seconds: int) -> str:
    """TIME of a moment in Unix time, moved into the years 1 to 9999 that four digits can express."""
    year, month, day, hour, minute, second, *_ = time.gmtime(min(max(seconds, -62_135_596_800), 253_402_300_799))
    return f"{day:02} {_MONTHS[month - 1]} {year:04} {hour:02}:{minute:02}:{second:02} -0000"


def parse_options(text: str) -> frozenset[str]:
    """A comma list such as put_option (MS-FPSE 2.2.2.2.18), in lower case."""
    return frozenset(option for option in (part.strip().lower() for part in text.split(",")) if option)


Type: TypeAlias = Literal["S", "I", "B", "T", "D", "V", "U", "L", "F", "E"]
Access: TypeAlias = Literal["R", "W", "X"]
Content: TypeAlias = str | int | bool | float | tuple[str, ...] | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MetaValue:
    """One value of a METADICT: what stands on the wire before and after the `|`.

    type: S string, I int, B boolean, T time, D double, V vector of strings, U vector of ints, L long string, F file-system time,
    E empty. access: R shown, W changeable, X hidden; it binds nobody. text: as on the wire, and not yet checked.
    """

    type: Type
    access: Access
    text: str

    @property
    def content(self) -> Content:
        """The value: T in seconds of Unix time; F as text, for its format is not known. Raises Malformed if text is not of this type."""
        return _READERS[self.type](self.text)

    @property
    def seconds(self) -> int:
        """The moment that a value of type T names, in Unix time. Raises Malformed, for other types too."""
        if self.type != "T":
            raise Malformed("A value of type T, a time, is needed.")
        return parse_time(self.text)


def parse_meta(text: str) -> MetaValue:
    """A METADICT value such as `SW|Budget`. Raises Malformed if it has no known type and access; its content is not looked at."""
    found = _META.fullmatch(text)
    if not found:
        raise Malformed("A meta value must begin with its type, its access and a bar, such as SW|.")
    return MetaValue(cast(Type, found[1]), cast(Access, found[2]), found[3])


def print_meta(value: MetaValue) -> str:
    """A METADICT value as text, before any escaping."""
    return f"{value.type}{value.access}|{value.text}"


def string(text: str, access: Access = "R") -> MetaValue:
    """S, for every length: Office knows no L (it is in MC-FPSEWM, not in MS-FPSE)."""
    return MetaValue("S", access, text)


def integer(number: int, access: Access = "R") -> MetaValue:
    """I; a number beyond 32 bits, such as the size of a large document, becomes the nearest one within."""
    return MetaValue("I", access, str(min(max(number, INT_MIN), INT_MAX)))


def boolean(truth: bool, access: Access = "R") -> MetaValue:
    """B."""
    return MetaValue("B", access, "true" if truth else "false")


def moment(seconds: int, access: Access = "R") -> MetaValue:
    """T of a moment in Unix time."""
    return MetaValue("T", access, print_time(seconds))


def double(number: float, access: Access = "R") -> MetaValue:
    """D of a finite number."""
    return MetaValue("D", access, repr(number))


def strings(items: Iterable[str], access: Access = "R") -> MetaValue:
    """V. One empty item alone cannot be told from no item."""
    return MetaValue("V", access, " ".join(item.replace("\\", "\\\\").replace(" ", "\\ ") for item in items))


def integers(numbers: Iterable[int], access: Access = "R") -> MetaValue:
    """U."""
    return MetaValue("U", access, " ".join(map(str, numbers)))


def empty(access: Access = "R") -> MetaValue:
    """E."""
    return MetaValue("E", access, "")


def _parse_strings(text: str) -> tuple[str, ...]:
    if not text:
        return ()
    items, at = [], 0
    while at <= len(text):
        # A backslash before anything else stands for itself: login names are sent as DOMAIN\user too.
        item = _ITEM.match(text, at)
        assert item  # it matches the empty string
        items.append(_ITEM_ESCAPE.sub(r"\1", item[0]))
        at = item.end() + 1
    return tuple(items)


def _parse_integers(text: str) -> tuple[int, ...]:
    return tuple(map(parse_int, text.split(" "))) if text else ()


def _parse_double(text: str) -> float:
    number = float(text) if _DOUBLE.fullmatch(text) else math.inf
    if not math.isfinite(number):
        raise Malformed("A decimal number such as -1.5 is needed.")
    return number


def _parse_empty(text: str) -> str:
    if text:
        raise Malformed("A value of type E must be empty.")
    return text


_READERS: dict[Type, Callable[[str], Content]] = {
    "S": str,
    "I": parse_int,
    "B": parse_boolean,
    "T": parse_time,
    "D": _parse_double,
    "V": _parse_strings,
    "U": _parse_integers,
    "L": str,
    "F": str,
    "E": _parse_empty,
}

MetaDict: TypeAlias = Mapping[str, MetaValue]


@dataclass(frozen=True, slots=True)
class DocInfo:
    """DOCINFO: a document by its path as the client spells it (relative to the site) and its metadata."""

    name: str
    meta: MetaDict = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FolderInfo:
    """A folder (url and meta_info) by its path as the client spells it and its metadata."""

    url: str
    meta: MetaDict = field(default_factory=dict)
