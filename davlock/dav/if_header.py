"""The `If` header (RFC 4918 section 10.4): read it, list the tokens in it, judge it. Values in, values out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from davlock.errors import BadRequest

MAX_LENGTH = 32 * 1024
MAX_CONDITIONS = 1000
NO_LOCK = "DAV:no-lock"

# The text of a token or tag is compared, never interpreted, so whatever is not an absolute URI simply matches nothing.
_CODED = r"<([^<>\x00-\x20\x7f]+)>"
_SPACE = re.compile(r"[ \t]*")
_TAG = re.compile(_CODED + r"[ \t]*")
_OPEN = re.compile(r"\([ \t]*")
_CLOSE = re.compile(r"\)[ \t]*")
_CONDITION = re.compile(
    r"([Nn][Oo][Tt][ \t]*)?"
    rf"(?:{_CODED}"
    # RFC 4918 takes entity tags from RFC 2616, where blanks are legal in them; its own examples have some.
    r'|\[[ \t]*((?:W/)?"[^"\x00-\x08\x0a-\x1f\x7f]*")[ \t]*\])'
    r"[ \t]*"
)


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: a state token (without `<>`) or an entity tag (verbatim, with quotes and `W/`), never both."""

    negated: bool
    token: str | None
    etag: str | None


@dataclass(frozen=True, slots=True)
class ConditionList:
    """Conditions that must all be true of `resource`: the tag as sent, without `<>`; None is the Request-URI."""

    resource: str | None
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class State:
    """What is true of one resource: its entity tag (None if it has none) and the tokens of all locks that cover it."""

    etag: str | None
    tokens: frozenset[str]


def parse_if(value: str) -> tuple[ConditionList, ...]:
    """Return the lists of an `If` header in the order sent, at least one, each with the tag it stands under.

    Raises BadRequest if the value does not follow the grammar of RFC 4918 section 10.4.2, is longer than MAX_LENGTH
    characters or has more than MAX_CONDITIONS conditions. Takes time linear in the length of the value.
    """
    if len(value) > MAX_LENGTH:
        raise BadRequest(f"The If header is longer than {MAX_LENGTH} characters; send fewer conditions.")
    lists: list[ConditionList] = []
    resource: str | None = None
    room = MAX_CONDITIONS
    at = _skip(_SPACE, value, 0)
    while at < len(value):
        if tag := _TAG.match(value, at):
            if lists and resource is None:
                raise BadRequest("The If header mixes lists with and without a resource tag; tag all of them or none.")
            resource, at = tag[1], tag.end()
        conditions, at = _conditions(value, at, room)
        room -= len(conditions)
        lists.append(ConditionList(resource, conditions))
    if not lists:
        raise BadRequest("The If header is empty; leave it out or send at least one condition.")
    return tuple(lists)


def tokens(lists: tuple[ConditionList, ...]) -> frozenset[str]:
    """Return every state token in the header, wherever it stands: these are *submitted* (RFC 4918 section 10.4.1).

    Submission proves nothing by itself: who owns the lock is for the rules to ask.
    """
    return frozenset(condition.token for each in lists for condition in each.conditions if condition.token is not None)


def holds(lists: tuple[ConditionList, ...], state: Callable[[str | None], State]) -> bool:
    """Return whether any list has all its conditions true (RFC 4918 section 10.4.3).

    `state` is given a resource tag as sent, or None for the Request-URI, and is asked at most once for each; for a tag
    that names nothing here it returns `State(None, frozenset())`.
    """
    known: dict[str | None, State] = {}
    for each in lists:
        if each.resource not in known:
            known[each.resource] = state(each.resource)
        if all(_is_true(condition, known[each.resource]) for condition in each.conditions):
            return True
    return False


def _is_true(condition: Condition, state: State) -> bool:
    if condition.token is not None:
        # RFC 4918 section 10.4.8: no lock is ever identified by DAV:no-lock.
        matches = condition.token != NO_LOCK and condition.token in state.tokens
    else:
        # Strong comparison (section 10.4.4 leaves the choice): a weak tag says nothing about the bytes to be replaced.
        matches = condition.etag == state.etag and state.etag is not None and not state.etag.startswith("W/")
    return matches is not condition.negated


def _conditions(value: str, at: int, room: int) -> tuple[tuple[Condition, ...], int]:
    """Read one parenthesised list that starts at `at`; return its conditions and the position after it."""
    found: list[Condition] = []
    at = _skip(_OPEN, value, at)
    while match := _CONDITION.match(value, at):
        found.append(Condition(match[1] is not None, match[2], match[3]))
        if len(found) > room:
            raise BadRequest(f"The If header has more than {MAX_CONDITIONS} conditions; send fewer.")
        at = match.end()
    if not found:
        raise _malformed(at)
    return tuple(found), _skip(_CLOSE, value, at)


def _skip(pattern: re.Pattern[str], value: str, at: int) -> int:
    if match := pattern.match(value, at):
        return match.end()
    raise _malformed(at)


def _malformed(at: int) -> BadRequest:
    return BadRequest(f"The If header is malformed at character {at + 1}; write it as in RFC 4918 section 10.4.")
