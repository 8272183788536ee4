"""The REST door: a WSGI application over one library. Falcon finds the way and reads headers; what is done is in the operations."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from typing import Any

import falcon

from davlock.auth.tokens import Tokens
from davlock.errors import DavlockError, NotFound
from davlock.library import Library
from davlock.model import Caller
from davlock.rest import (
    answers,
    batches,
    bodies,
    codec,
    content,
    drafts,
    entities,
    events,
    holds,
    locks,
    negotiation,
    openapi,
    overview,
    plugins,
    refusals,
    search,
    selection,
    tempfiles,
    tokens,
    urls,
    versions,
    webhooks,
)
from davlock.rest.calls import Call, Settings, Text
from davlock.rest.negotiation import JSON, Answer
from davlock.rest.operations import ROOT, Operation, Raw
from davlock.rest.presentation import Presentation, presentation
from davlock.rest.refusals import Refused
from davlock.rest.router import Router
from davlock.rest.types import Error

_log = logging.getLogger("davlock.rest")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})|%(?:2f|5c|00)", re.IGNORECASE)
_AS_THEY_ARE = (None, Raw, Text)  # answers whose type no client chooses by what it accepts
_ALWAYS = (
    # names in lower case, as Falcon has them
    ("cache-control", "no-store"),
    ("vary", "Accept, Authorization, Cookie, SO-TimeZone"),
    ("x-content-type-options", "nosniff"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'; sandbox"),
    ("referrer-policy", "no-referrer"),
)
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

OPERATIONS: tuple[Operation, ...] = overview.with_map(
    (
        *search.OPERATIONS,
        *entities.OPERATIONS,
        *content.OPERATIONS,
        *urls.OPERATIONS,
        *locks.OPERATIONS,
        *versions.OPERATIONS,
        *drafts.OPERATIONS,
        *plugins.OPERATIONS,
        *tempfiles.OPERATIONS,
        *holds.OPERATIONS,
        *batches.OPERATIONS,
        *events.OPERATIONS,
        *webhooks.OPERATIONS,
        *tokens.OPERATIONS,
        *openapi.operations(lambda: OPERATIONS),
    )
)
_OPEN = {("GET", overview.VERSIONS_URL)} | {(each.method, (ROOT + each.path).lower()) for each in OPERATIONS if not each.needs_login}


def serves(raw_path: str) -> bool:
    """Whether a path, as it was sent, is one of this door."""
    path = raw_path.lower()
    return path.removesuffix("/") in (overview.VERSIONS_URL, ROOT) or path.startswith(f"{ROOT}/")


def takes(method: str, raw_path: str, is_stored: Callable[[], bool]) -> bool:
    """Whether a request is for this door. is_stored: whether there is a folder of this name, too.

    Of a folder /api, all but GET, which folders have none of, is for WebDAV. Methods that WebDAV alone has are, anyway: such as MKCOL.
    """
    if raw_path.lower().removesuffix("/") != overview.VERSIONS_URL or method in ("GET", "HEAD"):
        return serves(raw_path)
    return method in falcon.HTTP_METHODS and not is_stored()


def is_open(method: str, raw_path: str) -> bool:
    """Whether nobody needs to log in for a method on a path, as it was sent."""
    return ("GET" if method == "HEAD" else method, raw_path.lower().removesuffix("/")) in _OPEN


def spell(status: int, text: str) -> tuple[str, bytes]:
    """Media type and body of what is refused in front of this door."""
    return JSON.content_type, codec.encode_json(refusals.refused_in_front(status, text))


class RestDoor:
    """Expects `davlock.identity`, `davlock.principal` and `davlock.admin` in the environ."""

    def __init__(self, library: Library, tokens: Tokens, settings: Settings | None = None) -> None:
        self._library, self._tokens, self._settings = library, tokens, settings or Settings()
        self._app = falcon.App(router=Router())
        self._app.req_options.strip_url_path_trailing_slash = True
        self._app.set_error_serializer(_serialize)
        by_url: dict[str, list[Operation]] = {overview.VERSIONS_URL: [overview.VERSIONS]}
        for operation in OPERATIONS:
            by_url.setdefault(ROOT + operation.path, []).append(operation)
        for url, operations in by_url.items():
            self._app.add_route(url, self._resource(operations))

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            given = {name for name, _ in headers}
            return start_response(status, [*headers, *(each for each in _ALWAYS if each[0] not in given)], *more)

        if said := _makes_no_sense(environ):
            told = codec.encode_json(Error(error=True, error_type="ArgumentException", error_message=said, error_source=refusals.SOURCE))
            start("400 Bad Request", [("content-type", JSON.content_type), ("content-length", str(len(told)))])
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [told]
        found: Iterable[bytes] = self._app(environ, start)
        return found

    def _resource(self, operations: list[Operation]) -> object:
        """An object with a responder for each method, which is how Falcon wants them."""
        responders: dict[str, Any] = {}
        for operation in operations:
            responders[f"on_{operation.method.lower()}"] = staticmethod(self._responder(operation))
        if "on_get" in responders:
            responders["on_head"] = responders["on_get"]
        elif all(operation.is_agent for operation in operations):
            responders["on_get"] = responders["on_head"] = staticmethod(_describing(operations))
        return type("Resource", (), responders)()

    def _responder(self, operation: Operation) -> Callable[..., None]:
        takes_all = operation.answers in _AS_THEY_ARE

        def respond(request: falcon.Request, response: falcon.Response, **arguments: str) -> None:
            environ = request.env
            viewer = environ["davlock.principal"]
            accept = environ.get("HTTP_ACCEPT", "")
            form = negotiation.accepted(accept) or JSON
            present = presentation(environ.get("HTTP_SO_TIMEZONE", ""), self._settings.time_zone)
            response.set_header("so-timezone", present.name)
            try:
                if not takes_all and not (operation.streams and events.EVENT_STREAM in accept.lower()):
                    negotiation.answer(accept)
                parameters = codec.parse_parameters(request.query_string)
                call = self._call(operation, request, parameters, arguments, viewer, present)
                value = operation.does(call)
                for name, header in call.answer_headers.items():
                    response.set_header(name, header)
                for cookie in call.answer_cookies:
                    response.append_header("Set-Cookie", cookie)
                if operation.selects and (names := ",".join(parameters.get("$select", ())).strip()):
                    value = selection.select(value, names)
                answers.send(request, response, operation, form, value)
            except DavlockError as error:
                self._refuse(response, operation, form, error, viewer)
            except Exception:
                _log.exception("%s %s failed", operation.method, operation.path)
                response.status = 500
                answers.show(response, form, refusals.failure())

        return respond

    def _call(
        self,
        operation: Operation,
        request: falcon.Request,
        parameters: dict[str, list[str]],
        arguments: dict[str, str],
        viewer: str,
        present: Presentation,
    ) -> Call:
        return Call(
            library=self._library,
            caller=Caller(viewer, frozenset(), "rest", request.env.get("davlock.admin", False)),
            request=request,
            query=codec.convert_parameters(parameters, operation.query),
            body=bodies.body(request, operation, self._settings),
            arguments=arguments,
            base=request.prefix,
            settings=self._settings,
            present=present,
            identity=request.env["davlock.identity"],
            tokens=self._tokens,
        )

    def _refuse(self, response: falcon.Response, operation: Operation, form: Answer, error: DavlockError, viewer: str) -> None:
        if operation.is_agent and isinstance(error, NotFound):
            # What is not there is null for the Agents (rest.md §15.7).
            answers.show(response, form, None, operation.answers)
            return
        response.status = refusals.status(error)
        if response.status_code == 503:
            response.set_header("Retry-After", "1")
        if isinstance(error, Refused):
            for name, value in error.headers.items():
                response.set_header(name, value)
        answers.show(response, form, refusals.refusal(error, viewer, self._library))


def _makes_no_sense(environ: dict[str, Any]) -> str:
    """What is wrong with the URL of a request; empty if nothing is."""
    path = (environ.get("REQUEST_URI") or environ["PATH_INFO"]).partition("?")[0]
    if _BAD_ESCAPE.search(path):
        return "The URL of the request has a percent sign in it that makes no sense, or an encoded separator."
    if not environ["PATH_INFO"].isascii():
        try:
            # WSGI hands bytes over as Latin-1.
            environ["PATH_INFO"].encode("latin-1").decode()
        except UnicodeError:
            return "The URL of the request is not UTF-8."
    return ""


def _describing(operations: list[Operation]) -> Callable[..., None]:
    """What GET on an agent's URL tells: what it does. It runs nothing (rest.md §1)."""
    told = {operation.path: operation.summary for operation in operations}

    def describe(request: falcon.Request, response: falcon.Response) -> None:
        answers.show(response, negotiation.accepted(request.env.get("HTTP_ACCEPT", "")) or JSON, told)

    return describe


def _serialize(request: falcon.Request, response: falcon.Response, error: falcon.HTTPError) -> None:
    """What Falcon itself refuses: unknown URLs, methods that are not possible."""
    said = {404: "There is nothing at this URL.", 405: f"{request.method} is not possible here."}.get(response.status_code)
    kind = "SoNotFoundException" if response.status_code == 404 else "InvalidOperationException"
    told = Error(error=True, error_type=kind, error_message=said or error.title or "", error_source=refusals.SOURCE)
    answers.show(response, negotiation.accepted(request.env.get("HTTP_ACCEPT", "")) or JSON, told)
