"""What Schemathesis has to be taught to make right requests: the languages that the OpenAPI document has a name for only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import CoverageScenario

from davlock.rest.columns import COLUMNS, Kind

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
# A comparison for each kind of column, with what it is compared with.
_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=10).map(
    lambda text: "'{}'".format(text.replace("'", "''"))
)
_NUMBER = st.integers(-(2**31), 2**31 - 1).map(str)
_DATE = st.dates().map(str) | st.datetimes().map(lambda moment: moment.isoformat())
_VALUES = {Kind.TEXT: _TEXT, Kind.NUMBER: _NUMBER, Kind.DATE: _DATE}
_COMPARING = {
    Kind.TEXT: "eq = ne begins notbegins ends contains notcontains isNot",
    Kind.NUMBER: "eq = ne lt le gt ge less greater equals",
    Kind.DATE: "before after beforeOrEqual afterOrEqual ge lt",
}
_PERIODS = "today yesterday thisWeek lastWeek thisMonth lastMonth thisYear"
_OF_KIND = {kind: st.sampled_from([name for name, column in COLUMNS.items() if column.kind is kind]) for kind in Kind}


def _any_case(name: str) -> st.SearchStrategy[str]:
    return st.sampled_from([name, name.upper(), name.lower()])


def _compared(kind: Kind) -> st.SearchStrategy[str]:
    name, value = _OF_KIND[kind].flatmap(_any_case), _VALUES[kind]
    plain = st.tuples(name, st.sampled_from(_COMPARING[kind].split()), value).map(" ".join)
    several = st.lists(value, min_size=1, max_size=3).map(lambda values: f"({', '.join(values)})")
    one_of = st.tuples(name, st.sampled_from(["oneOf", "in", "notOneOf"]), several).map(" ".join)
    return plain | one_of


def _function() -> st.SearchStrategy[str]:
    name = _OF_KIND[Kind.TEXT]
    within = st.builds("substringof({1}, {0})".format, name, _TEXT)
    return within | st.builds("{}({}, {})".format, st.sampled_from(["startswith", "endswith"]), name, _TEXT)


_CONDITION = (
    st.one_of([_compared(kind) for kind in Kind])
    | st.tuples(_OF_KIND[Kind.DATE], st.sampled_from(_PERIODS.split())).map(" ".join)
    | st.builds("{} between {} and {}".format, _OF_KIND[Kind.NUMBER], _NUMBER, _NUMBER)
    | _function()
)
_JOINED = st.recursive(
    _CONDITION,
    lambda inner: st.builds("{} {} {}".format, inner, st.sampled_from(["and", "or", "AND"]), inner) | inner.map("({})".format),
    max_leaves=5,
)
FILTER = st.just("") | _JOINED
ORDER = st.lists(
    st.tuples(st.sampled_from(list(COLUMNS)).flatmap(_any_case), st.sampled_from(["", " asc", " desc", " DESC"])).map("".join), max_size=4
).map(", ".join)

schemathesis.openapi.format("davlock-filter", FILTER)
schemathesis.openapi.format("davlock-order", ORDER)


@schemathesis.hook
def filter_case(context: schemathesis.HookContext, case: schemathesis.Case[Any]) -> bool:
    """Whether a request is as right, or as wrong, when it is written as XML or as a form, where all values are text."""
    written = case.media_type or ""
    if case.meta is None or not ("xml" in written or "form-urlencoded" in written):
        return True
    values = list(_values(case.body))
    if not case.meta.is_negative_at(ParameterLocation.BODY):
        return not any(isinstance(each, float) and each.is_integer() for each in values)  # 5.0 is a whole number in JSON only
    if "xml" not in written:
        return True  # of forms, Schemathesis knows it
    data = case.meta.phase.data
    is_of_type = getattr(data, "scenario", None) is CoverageScenario.INCORRECT_TYPE or any(
        "type" in each.keywords for each in data.mutations
    )
    # What XML cannot hold is not sent.
    return not is_of_type and not any(isinstance(each, str) and _CONTROLS.search(each) for each in values)


def _values(body: object) -> Iterator[object]:
    """All that is in a body, names included."""
    yield body
    if isinstance(body, dict | list):
        for each in [*body, *body.values()] if isinstance(body, dict) else body:
            yield from _values(each)
