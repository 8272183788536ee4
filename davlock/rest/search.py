"""Lists of documents: GET /Document with $select, $filter, $orderBy, $top, $skip (rest.md §11), and the id for a path."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from itertools import chain, islice
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import msgspec
from msgspec import Meta, field

from davlock import paths
from davlock.catalogue import Listed
from davlock.errors import Forbidden, NotFound
from davlock.rest import columns, filters
from davlock.rest.calls import Call
from davlock.rest.columns import COLUMNS, Kind, Value, Viewing
from davlock.rest.operations import ROOT, Operation
from davlock.rest.presentation import Presentation
from davlock.rest.types import Page, Path

MOST = 10_000  # rows in one answer
KEPT_ROWS = 12_000
MOST_READ = 200_000  # documents that one list looks at
_UNSAFE = re.compile("[^A-Za-z0-9_]")


# No schema can tell a language that nests; the format has a name for it.
Filter = Annotated[str, Meta(extra_json_schema={"format": "davlock-filter"})]
Order = Annotated[str, Meta(extra_json_schema={"format": "davlock-order"})]


class ListQuery(msgspec.Struct, rename="camel"):
    """path: a document, or the folder whose documents are listed, with deep also those of the folders below it; without a path, all.

    $entities, $options, $context, $format and $output of the vendor's archives mean nothing here.
    """

    path: Path = ""
    deep: bool | None = None
    select: str = field(default="", name="$select")
    filter: Filter = field(default="", name="$filter")
    order_by: Order = field(default="", name="$orderBy")
    top: Annotated[int, Meta(ge=0, le=MOST)] = field(default=MOST, name="$top")
    skip: Annotated[int, Meta(ge=0, le=2**31 - 1)] = field(default=0, name="$skip")
    mode: Literal["", "Slim", "Wide", "Full"] = field(default="", name="$mode")
    json_safe: bool = field(default=False, name="$jsonSafe")


def find(call: Call) -> Page:
    """The documents that are asked for. Raises BadRequest, NotFound for a folder that is not there, Forbidden for too many."""
    query: ListQuery = call.query
    names = _selected(query)
    with call.library.reading() as rows:
        now, numbers = rows.now, rows.principals()
    viewing = Viewing(call.caller.principal, call.library, tuple(numbers.items()))
    wanted, order = filters.parse_filter(query.filter, now), filters.parse_order(query.order_by)
    found = _listed(call, query, {*names, *wanted.columns, *(name for name, _ in order)})
    matching = (row for row in found if wanted.matches(row, viewing)) if wanted.columns else found
    if order:
        matching = iter(_ordered(list(matching), order, viewing))
    page = list(islice(matching, query.skip, query.skip + query.top + 1))
    more = len(page) > query.top
    show = _full if query.mode == "Full" else _slim
    shape = _shape(tuple(names), query.json_safe, call.present, viewing)
    return Page(f"{call.base}{ROOT}/Document/$metadata", _next(call, query) if more else None, show(shape, page[: query.top]))


def _selected(query: ListQuery) -> list[str]:
    """The columns to be shown, in the order asked; one that does not exist is shown as null."""
    asked = [name.strip() for name in query.select.split(",")]
    return list(dict.fromkeys(columns.SPELLINGS.get(name.lower(), name) for name in asked if name)) or list(columns.DEFAULT)


def _listed(call: Call, query: ListQuery, used: set[str]) -> Iterator[Listed]:
    """The documents in question. Raises what find() raises."""
    viewer = call.caller.principal
    at = paths.parse(query.path).path if query.path.strip("/") else paths.ROOT
    if at != paths.ROOT and not call.library.is_folder(at):
        one = call.library.listed(at, viewer)
        return iter(() if one is None else (one,))
    deep = at == paths.ROOT and not query.path if query.deep is None else query.deep
    with_entries = any(COLUMNS[name].needs_entry for name in used if name in COLUMNS)
    return chain.from_iterable(_bounded(call.library.catalogue(at, viewer, deep, with_entries)))


def _bounded(found: Iterator[list[Listed]]) -> Iterator[list[Listed]]:
    count = 0
    try:
        for documents in found:
            count += len(documents)
            if count > MOST_READ:
                raise Forbidden(f"There are more than {MOST_READ} documents; list one folder after the other, with path=/folder.")
            yield documents
    except NotFound:
        raise NotFound("There is no such folder.") from None


def _ordered(rows: list[Listed], order: Sequence[tuple[str, bool]], viewing: Viewing) -> list[Listed]:
    for name, descending in reversed(order):
        rows.sort(key=partial(_key, COLUMNS[name].value, viewing), reverse=descending)
    return rows


def _key(value: Value, viewing: Viewing, row: Listed) -> tuple[bool, Any]:
    """Nothing comes first; text without regard to case."""
    found = value(row, viewing)
    return (False, 0) if found is None else (True, found.casefold() if isinstance(found, str) else found)


@dataclass(frozen=True, eq=False)  # compared by identity: it is a part of the key of _kept_row
class _Shape:
    """How rows are shown: these columns, to this client."""

    names: tuple[str, ...]
    is_safe: bool
    present: Presentation
    viewing: Viewing

    def values(self, row: Listed) -> dict[str, Any]:
        """The columns of a row."""
        return {name: get(row) for name, get in self._getters}

    @cached_property
    def _getters(self) -> list[tuple[str, Callable[[Listed], Any]]]:
        return [(_UNSAFE.sub("_", name) if self.is_safe else name, self._getter(name)) for name in self.names]

    def _getter(self, name: str) -> Callable[[Listed], Any]:
        column = COLUMNS.get(name)
        if column is None:
            return lambda row: None
        get, viewing, moment = column.value, self.viewing, self.present.moment
        if column.kind is not Kind.DATE:
            return lambda row: get(row, viewing)
        return lambda row: columns.shown(column, get(row, viewing), moment)


_shape = lru_cache(maxsize=64)(_Shape)


def _slim(shape: _Shape, rows: Sequence[Listed]) -> list[dict[str, Any]]:
    return [_row(shape, row) if row.lock else _kept_row(shape, row) for row in rows]


def _row(shape: _Shape, row: Listed) -> dict[str, Any]:
    return {"PrimaryKey": str(row.id), "EntityName": "document", **shape.values(row)}


# Clients list the same folder again and again. What a row is made of is the key, so that what is kept is never out of date.
_kept_row = lru_cache(maxsize=KEPT_ROWS)(_row)


def _full(shape: _Shape, rows: Sequence[Listed]) -> list[dict[str, Any]]:
    return [
        {
            "PrimaryKey": row.id,
            "EntityName": "document",
            "StyleHint": "",
            "LinkHint": f"document.archive?document_id={row.id}",
            "TableRight": None,
            "Column": {name: _cell(value) for name, value in shape.values(row).items()},
        }
        for row in rows
    ]


def _cell(value: Any) -> dict[str, Any]:
    return {"RawValue": value, "DisplayValue": "" if value is None else str(value), "LinkHint": "", "TooltipHint": ""}


def _next(call: Call, query: ListQuery) -> str:
    given = {
        "path": query.path,
        "deep": None if query.deep is None else str(query.deep).lower(),
        "$select": query.select,
        "$filter": query.filter,
        "$orderBy": query.order_by,
        "$mode": query.mode,
        "$jsonSafe": "true" if query.json_safe else "",
    }
    asked = {name: value for name, value in given.items() if value}
    return f"{call.base}{ROOT}/Document?{urlencode({**asked, '$top': query.top, '$skip': query.skip + query.top})}"


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="GET",
        path="/Document",
        does=find,
        summary="Documents, with who holds them; the id for a path",
        query=ListQuery,
        answers=Page,
    ),
)
