"""The OpenAPI 3.1 document: generated from the operations that are served and their types, with nothing written twice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from http import HTTPStatus
from typing import Any

import msgspec

from davlock.rest import manual, negotiation, overview, samples
from davlock.rest.calls import MAX_ID, Call, Text
from davlock.rest.negotiation import Format
from davlock.rest.operations import AGENTS, ROOT, Operation, Raw
from davlock.rest.schemas import REFERENCE, Schema, Schemas
from davlock.rest.types import Error

Served = Callable[[], tuple[Operation, ...]]
Document = dict[str, Any]
_JSON = [media_type for media_type, each in negotiation.ANSWERS.items() if each.format is Format.JSON]
_ANY = list(negotiation.ANSWERS)
_PATCHES = ["application/json-patch+json", "application/merge-patch+json"]
_BASE64 = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$"
_VARIABLE = re.compile(r"\{([A-Za-z]+)\}")
_DESCRIPTION = """SuperOffice's document API over davlock, as REST and as Agents, with what davlock adds to it.

Names of paths, parameters, properties and enum members are compared without regard to case; enum members may be sent as numbers; unknown
names mean nothing. Bodies are JSON or XML in UTF-8.

Times have no offset unless `SO-TimeZone: …, includeTZOffset` is sent; those of davlock's own properties are UTC and say so.

Refusals are told in an error object with four properties; what a lock forbids, with 423. The calls on `Lock` are the exception: theirs is a
ReturnInfo whose Success is false. Agents answer `null` where there is no document with a number."""
_ZONES = "The zone of times, in and out: UTC, Europe/Oslo, NO …; with `, includeTZOffset` times say their offset."
_HEADERS = {
    "SO-TimeZone": (_ZONES, "NO, includeTZOffset"),
    "SO-Language": ("Accepted; texts are English.", "en"),
    "SO-Culture": ("Accepted; numbers and dates in texts are neutral.", "en-US"),
    "Accept-Language": ("Accepted; texts are English.", "*"),
}
_CONDITIONS = {
    "If-Match": "Only if the document has this ETag.",
    "If-None-Match": "Only if the document does not have this ETag.",
    "If-Modified-Since": "Only if the document has changed since.",
    "If-Unmodified-Since": "Only if the document has not changed since.",
}
_PARAMETERS = {
    # what is the same everywhere
    "$select": "Properties, with commas between them and slashes in them; all others come back null, or not at all in lists.",
    "$filter": "What the rows are to be like: `name contains 'report' and (size gt 1000 or checkedOutBy = 'bob')`. A column, a comparison "
    "such as eq, ne, lt, ge, begins, ends, contains, in, between, before, thisWeek, and a value; `and` binds before `or`.",
    "$orderBy": "Columns, with commas between them, each with `asc` or `desc` behind it if need be: `name desc, updatedDate`.",
    "$top": "So many rows at most.",
    "$skip": "So many rows are passed over.",
    "allowedReturnTypes": "What the client can act on, all of it if that is missing.",
}
_SECURITY = {
    "basic": {"type": "http", "scheme": "basic", "description": "User name and password."},
    "bearer": {"type": "http", "scheme": "bearer", "description": "A token made with POST /api/v1/Token or `davlock token`."},
    "soTicket": {"type": "apiKey", "in": "header", "name": "Authorization", "description": "`SoTicket`, a blank, and a token."},
    "session": {"type": "apiKey", "in": "cookie", "name": "davlock-session", "description": "The cookie of POST /api/v1/Session."},
    "xsrf": {"type": "apiKey", "in": "header", "name": "X-XSRF-TOKEN", "description": "The value of the cookie XSRF-TOKEN."},
}
_REFUSALS = {
    400: "The request makes no sense.",
    401: "Nobody is logged in.",
    403: "Not with these rights.",
    404: "There is no such thing.",
    405: "The method is not possible here; Allow says which are.",
    406: "The answer cannot be had in this media type.",
    409: "Not as things are now.",
    412: "What was made a condition does not hold.",
    413: "The body is too long.",
    414: "The URL is longer than the server takes.",
    415: "The body has a media type that is not known here.",
    416: "The content has no such parts.",
    423: "Somebody holds the document: who, since when, until when is told.",
    429: "Too many wrong passwords, or too many requests.",
    431: "The headers are longer than the server takes.",
    503: "The server cannot answer now; nothing was changed.",
    507: "There is no room left on the disk; everything is as it was.",
}


def operations(served: Served) -> tuple[Operation, ...]:
    """The operations that tell of all those that are served."""

    @cache
    def as_json() -> bytes:
        return msgspec.json.encode(document(served()))

    @cache
    def as_page() -> bytes:
        return manual.page(document(served()))

    def tell(call: Call) -> Text:
        return Text(as_json(), "application/json; charset=utf-8")

    def explain(call: Call) -> Text:
        call.answer_headers["Content-Security-Policy"] = manual.POLICY
        return Text(as_page(), "text/html; charset=utf-8")

    return (
        Operation(
            method="GET",
            path="/openapi.json",
            does=tell,
            summary="Tell what is possible, as an OpenAPI document",
            answers=Text,
            needs_login=False,
        ),
        Operation(method="GET", path="/docs", does=explain, summary="Tell what is possible, for people", answers=Text, needs_login=False),
    )


def document(served: tuple[Operation, ...]) -> Document:
    """The OpenAPI document of these operations."""
    schemas = Schemas(
        [Error, str, *(each.answers for each in served if each.answers not in (None, Raw, Text)), dict[str, str]],
        [*(each.body for each in served if each.body not in (None, Raw)), *_parameter_types(served)],
        [each.answers for each in served if each.selects],
    )
    paths: Document = {overview.VERSIONS_URL: {"get": _operation(overview.VERSIONS, schemas)}}
    for each in served:
        paths.setdefault(ROOT + each.path, {})[each.method.lower()] = _operation(each, schemas)
    for path, item in paths.items():
        if path.startswith(ROOT + AGENTS) and "get" not in item:
            item["get"] = _described(path, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "davlock", "version": "1", "description": _DESCRIPTION},
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "parameters": {name: _header(name, text, example) for name, (text, example) in _HEADERS.items()}
            | {name: _header(name, text) for name, text in _CONDITIONS.items()},
            "responses": {str(status): _refusal(status, text) for status, text in _REFUSALS.items()},
            "securitySchemes": _SECURITY,
        },
        "security": [{"basic": []}, {"bearer": []}, {"soTicket": []}, {"session": [], "xsrf": []}],
    }


def _parameter_types(served: Iterable[Operation]) -> list[Any]:
    return [str, *(each.type for operation in served for each in msgspec.structs.fields(operation.query))]


def _operation(operation: Operation, schemas: Schemas) -> Document:
    told: Document = {
        "operationId": _name(operation),
        "tags": [_tag(operation.path)],
        "summary": operation.summary,
        "parameters": [*_path_parameters(operation.path), *_query_parameters(operation, schemas), *_header_parameters(operation)],
        "responses": _responses(operation, schemas),
    }
    if operation.description:
        told["description"] = operation.description
    if operation.body is not None:
        told["requestBody"] = _body(operation, schemas)
    if not operation.needs_login:
        told["security"] = []
    return told


def _described(path: str, schemas: Schemas) -> Document:
    """GET on the URL of an agent's operation."""
    return {
        "operationId": f"get{path.rpartition('/')[2]}Description",
        "tags": [_tag(path.removeprefix(ROOT))],
        "summary": "Tell what POST does here; it does nothing itself",
        "responses": {"200": {"description": "What POST does.", "content": _content(_ANY, {"schema": schemas.outgoing(dict[str, str])})}}
        | _refusals(400, 401, 403, 405, 406, 414, 429, 431, 503),
    }


def _name(operation: Operation) -> str:
    words = [word for word in re.split(r"[/{}.]+", operation.path) if word and word != "Agents"]
    if not words:
        return "getVersions" if operation is overview.VERSIONS else "getUrls"
    return ("agent" if operation.is_agent else operation.method.lower()) + "".join(word[0].upper() + word[1:] for word in words)


def _tag(path: str) -> str:
    first, *rest = path.strip("/").split("/")
    if first == AGENTS.strip("/"):
        return f"{rest[0]} agent"
    return first if first[:1].isupper() else "API"


def _path_parameters(path: str) -> list[Document]:
    return [{"name": name, "in": "path", "required": True, "schema": _path_schema(name)} for name in _VARIABLE.findall(path)]


def _path_schema(name: str) -> Schema:
    if name.lower().endswith("id"):
        return {"type": "integer", "format": "int32", "minimum": 1, "maximum": MAX_ID}
    return {"type": "string", "minLength": 1, "pattern": r"^[^/\\\u0000]+$"}


def _query_parameters(operation: Operation, schemas: Schemas) -> list[Document]:
    told = []
    for each in msgspec.structs.fields(operation.query):
        schema = schemas.parameter(each.type)
        if not each.required and isinstance(each.default, str | int | bool):
            schema = schema | {"default": each.default}
        text = _said_of(each.encode_name, operation.query.__doc__ or "") or _PARAMETERS.get(each.encode_name)
        said = {"description": text} if text else {}
        told.append({"name": each.encode_name, "in": "query", "required": each.required, **said, "schema": schema})
    if operation.selects and all(each["name"] != "$select" for each in told):
        told.append({"name": "$select", "in": "query", "description": _PARAMETERS["$select"], "schema": {"type": "string"}})
    return told


def _said_of(name: str, text: str) -> str:
    """What the description of a Struct says of a parameter: `name: …` or `name, other (so or so): …`, up to the next one."""
    named = r"[$A-Za-z]+(?: \([^)]*\))?"
    found = re.search(
        rf"(?:^|\. |, ){re.escape(name)}(?: \([^)]*\))?(?:, {named})*: (.+?)\.?(?=\. {named}(?:, {named})*: |$)", " ".join(text.split())
    )
    return found[1] if found else ""


def _header_parameters(operation: Operation) -> list[Document]:
    names = [*_HEADERS, *(_CONDITIONS if operation.is_conditional else ())]
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def _header(name: str, description: str, example: str | None = None) -> Document:
    told: Document = {"name": name, "in": "header", "description": description, "schema": {"type": "string"}}
    return told if example is None else told | {"example": example}


def _body(operation: Operation, schemas: Schemas) -> Document:
    if operation.body is Raw:
        return {"required": True, "content": _raw_content()}
    schema, as_xml, form = schemas.incoming(operation.body), schemas.xml(operation.body), schemas.form(operation.body)
    given = enumerate(operation.examples.items(), 1)
    named = {"examples": {f"example{number}": {"summary": text, "value": value} for number, (text, value) in given}}
    told = {"schema": _nullable(schema) if operation.is_optional else schema} | (named if operation.examples else {})
    content = _content(_JSON + (_PATCHES if operation.method == "PATCH" else []), told)
    if as_xml:
        content |= _content([each for each in _ANY if each not in _JSON], {"schema": as_xml})
    if form:
        content["application/x-www-form-urlencoded"] = {"schema": form}
    return {"required": not operation.is_optional, "content": content}


def _raw_content() -> Document:
    binary: Schema = {"type": "string", "format": "binary"}
    return {
        "application/octet-stream": {"schema": binary},
        "application/json": {"schema": {"type": "string", "contentEncoding": "base64", "pattern": _BASE64}},
        "multipart/form-data": {"schema": {"type": "object", "properties": {"file": binary}, "required": ["file"]}},
    }


def _responses(operation: Operation, schemas: Schemas) -> Document:
    told: Document = {}
    if operation.answers is None:
        told["204"] = {"description": "Done."}
    if operation.answers is not None or operation.is_agent:
        told["200"] = {"description": "Done." if operation.answers is None else _saying(operation), "content": _answers(operation, schemas)}
    if operation.is_conditional and operation.method == "GET":
        told["304"] = {"description": "The client has it as it is."}
        if operation.answers is Raw:
            told |= {"206": {"description": "The parts that Range asks for.", "content": {"*/*": {}}}} | _refusals(416)
    refusals = [status for status in _REFUSALS if status not in (416, *_impossible(operation))]
    return told | _refusals(*refusals)


def _saying(operation: Operation) -> str:
    return "What was asked for." if operation.method == "GET" else "Done, or what became of it."


def _answers(operation: Operation, schemas: Schemas) -> Document:
    if operation.answers in (Raw, Text):
        return {"*/*": {}}
    stream: Document = {"text/event-stream": {"schema": {"type": "string"}}} if operation.streams else {}
    if operation.answers is None:
        return _content(_ANY, {"schema": {"type": "null"}})
    schema = schemas.outgoing(operation.answers)
    told: Document = {"schema": _nullable(schema) if operation.is_agent else schema}
    if operation.streams:
        return _content(_ANY, told) | {"text/event-stream": {"schema": {"type": "string"}}}
    if (sample := samples.of(operation.answers)) is not None:
        return _content(_JSON, told | {"example": sample}) | _content([each for each in _ANY if each not in _JSON], told)
    return _content(_ANY, told) | stream


def _impossible(operation: Operation) -> set[int]:
    found = set() if operation.body is not None else {413, 415}
    if not operation.needs_login:
        found |= {401}
    if not (operation.is_conditional or operation.answers is Raw):
        found |= {412}
    if operation.method == "GET":
        found |= {423, 507}
    return found


def _refusals(*statuses: int) -> Document:
    return {str(status): {"$ref": f"#/components/responses/{status}"} for status in statuses}


def _refusal(status: int, text: str) -> Document:
    example = msgspec.to_builtins(samples.refusal(status))
    told: Document = {
        "description": f"{HTTPStatus(status).phrase}. {text}",
        "content": _content(_ANY, {"schema": {"$ref": f"{REFERENCE}Error"}, "example": example}),
    }
    extra = {401: "WWW-Authenticate", 405: "Allow", 429: "Retry-After", 503: "Retry-After"}.get(status)
    return told | ({"headers": {extra: {"schema": {"type": "string"}}}} if extra else {})


def _nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _content(media_types: Iterable[str], told: Document) -> Document:
    return dict.fromkeys(media_types, told)
