"""Lists of documents: GET /Document with $select, $filter, $orderBy, $top, $skip (rest.md §11), and the id for a path."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import msgspec
from msgspec import Meta, field

from davlock import paths
from davlock.catalogue import Listed, joined
from davlock.errors import Forbidden, NotFound
from davlock.rest import columns, filters
from davlock.rest.calls import Call
from davlock.rest.columns import COLUMNS, Viewing
from davlock.rest.operations import ROOT, Operation
from davlock.rest.presentation import Presentation
from davlock.rest.types import Page, Path

MOST = 10_000  # rows in one answer
MOST_READ = 200_000  # documents that one list looks at
_encode = msgspec.json.encode
_FIXED = ("PrimaryKey", "EntityName")  # of each row, whatever is asked for
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
    if wanted.columns:
        found = (rows.where(wanted.matches(rows, viewing)) for rows in found)
    end, parts, count = query.skip + query.top, [], 0
    for part in found:
        parts.append(part)
        count += len(part.ids)
        if count > end and not order:
            break
    page = _ordered(joined(parts), order, viewing).part(query.skip, end)
    shown = _shown(page, names, query.json_safe, viewing, call.present)
    value: Any = _full(page, shown) if query.mode == "Full" else _slim(page, shown)
    return Page(f"{call.base}{ROOT}/Document/$metadata", _next(call, query) if count > end else None, value)


def _selected(query: ListQuery) -> list[str]:
    """The columns to be shown, in the order asked; one that does not exist is shown as null."""
    asked = [name.strip() for name in query.select.split(",")]
    return list(dict.fromkeys(columns.SPELLINGS.get(name.lower(), name) for name in asked if name)) or list(columns.DEFAULT)


def _listed(call: Call, query: ListQuery, used: set[str]) -> Iterator[Listed]:
    """The documents in question, folder by folder. Raises what find() raises."""
    viewer = call.caller.principal
    at = paths.parse(query.path).path if query.path.strip("/") else paths.ROOT
    if at != paths.ROOT and not call.library.is_folder(at):
        one = call.library.catalogue.one(at, viewer)
        return iter(() if one is None else (one,))
    deep = at == paths.ROOT and not query.path if query.deep is None else query.deep
    with_entries = any(COLUMNS[name].needs_entry for name in used if name in COLUMNS)
    return _bounded(call.library.catalogue.below(at, viewer, deep, with_entries))


def _bounded(found: Iterator[Listed]) -> Iterator[Listed]:
    count = 0
    try:
        for documents in found:
            count += len(documents.ids)
            if count > MOST_READ:
                raise Forbidden(f"There are more than {MOST_READ} documents; list one folder after the other, with path=/folder.")
            yield documents
    except NotFound:
        raise NotFound("There is no such folder.") from None


def _ordered(rows: Listed, order: Sequence[tuple[str, bool]], viewing: Viewing) -> Listed:
    """Nothing comes first; text without regard to case."""
    for name, descending in reversed(order):
        keys = [
            (False, 0) if value is None else (True, value.casefold() if isinstance(value, str) else value)
            for value in COLUMNS[name].values(rows, viewing)
        ]
        rows = rows.ordered(sorted(range(len(keys)), key=keys.__getitem__, reverse=descending))
    return rows


def _shown(rows: Listed, names: Sequence[str], is_safe: bool, viewing: Viewing, present: Presentation) -> dict[str, Sequence[Any]]:
    """The columns of an answer: their names, and a value for each row."""
    found: dict[str, Sequence[Any]] = {}
    for name in names:
        column = COLUMNS.get(name)
        values = columns.shown(column, column.values(rows, viewing), present.moment) if column else [None] * len(rows.ids)
        found[_UNSAFE.sub("_", name) if is_safe else name] = values
    return found


def _slim(rows: Listed, shown: Mapping[str, Sequence[Any]]) -> msgspec.Raw:
    """JSON: an object for each row, put together from that of the columns, because to make ten thousand dictionaries takes far longer."""
    if not rows.ids:
        return msgspec.Raw(b"[]")
    ids = list(map(str, rows.ids))
    pieces, varying = ['{"PrimaryKey":"', '","EntityName":"document"'], [ids]
    for name, values in shown.items():
        if name in _FIXED:
            continue
        pieces[-1] += f",{_encode(name).decode()}:"
        if values is rows.ids:
            varying.append(ids)
            pieces.append("")
            continue
        different = set(values)
        if len(different) == 1:
            pieces[-1] += _encode(values[0]).decode()
            continue
        varying.append(_encoded(values, different))
        pieces.append("")
    pieces[-1] += "}"
    return msgspec.Raw(f"[{_woven(pieces, varying, len(rows.ids))}]".encode())


def _woven(pieces: list[str], varying: Sequence[list[str]], count: int) -> str:
    """So many rows, a comma between two: of each the pieces, which are the same, and between them its value in each varying column."""
    first, *between, last = pieces
    threads = 2 * len(varying)
    woven = [""] * (threads * count)
    for number, (piece, values) in enumerate(zip([f"{last},{first}", *between], varying, strict=True)):
        woven[2 * number :: threads] = [piece] * count
        woven[2 * number + 1 :: threads] = values
    woven[0] = first
    return "".join(woven) + last


def _encoded(values: Sequence[Any], different: set[Any]) -> list[str]:
    """The JSON of each value. Most columns have few different ones."""
    if 4 * len(different) > len(values):
        kinds = set(map(type, different))
        if kinds == {str}:  # a quote within one has a backslash before it, so this is only between two
            return [f'"{each}"' for each in _encode(values).decode()[2:-2].split('","')]
        if kinds == {int}:
            return list(map(str, values))
        return [each.decode() for each in map(_encode, values)]
    text = {value: _encode(value).decode() for value in different}
    return [text[value] for value in values]


def _full(rows: Listed, shown: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    return [
        {
            "PrimaryKey": id,
            "EntityName": "document",
            "StyleHint": "",
            "LinkHint": f"document.archive?document_id={id}",
            "TableRight": None,
            "Column": {name: _cell(values[at]) for name, values in shown.items()},
        }
        for at, id in enumerate(rows.ids)
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
