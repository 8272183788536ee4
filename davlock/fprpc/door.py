"""The FrontPage RPC door: a WSGI application over one library, at the root and below every folder (MS-FPSE)."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes

from davlock import msnumbers, paths
from davlock.errors import BadName, DavlockError, Unavailable
from davlock.fprpc import bundles, checkouts, content, discovery, folders, listings, metainfo, packets, refusals
from davlock.fprpc.calls import Call, Content, Operation, Reply, Settings, Stream
from davlock.fprpc.values import Malformed
from davlock.fprpc.wire import Command, Encoding, Method, Payload, parse_content_type, read_command, read_multipart
from davlock.library import Library
from davlock.model import Caller
from davlock.parts import Parts

_log = logging.getLogger("davlock.fprpc")
_ENTRANCES = re.compile(
    r"(?P<site>(?:/.*)?)/(?:(?P<inf>_vti_inf\.html)|_vti_bin/(?:(?P<shtml>shtml\.(?:dll|exe)(?:/_vti_rpc)?)"
    r"|(?P<author>_vti_aut/author\.(?:dll|exe))|(?P<admin>_vti_adm/admin\.(?:dll|exe))|(?P<dialogs>owssvr\.dll)))",
    re.IGNORECASE,
)
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})|%(?:2f|5c|00)", re.IGNORECASE)
Answer = tuple[str, list[tuple[str, str]], Iterable[bytes]]

# Each method is answered at every entrance: clients mix them up.
METHODS: dict[str, Operation] = {
    **discovery.METHODS,
    **listings.METHODS,
    **metainfo.METHODS,
    **content.METHODS,
    **bundles.METHODS,
    **checkouts.METHODS,
    **folders.METHODS,
}


def serves(raw_path: str) -> bool:
    """Whether a path, as it was sent, is an entrance of this door."""
    return _ENTRANCES.fullmatch(raw_path) is not None


class FrontPageDoor:
    """Expects `davlock.principal` and `davlock.admin` in the environ, as every door does."""

    def __init__(self, library: Library, settings: Settings) -> None:
        self._library, self._settings = library, settings

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        status, headers, body = self._answer(environ)
        start_response(status, [*headers, ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")])
        return body

    def _answer(self, environ: dict[str, Any]) -> Answer:
        found = _ENTRANCES.fullmatch(_raw_path(environ))
        method = environ["REQUEST_METHOD"]
        if found is None:
            return _say("404 Not Found", "There is nothing here.", method)
        if found["inf"] and method in ("GET", "HEAD"):
            return _information(found["site"], method)
        if found["dialogs"] and method in ("GET", "HEAD"):
            # There are no dialog pages: 410 is what makes Office fall back on `list documents` (fprpc.md §d).
            return _say("410 Gone", "There are no dialog pages here; the program asks for lists instead.", method)
        if found["inf"] or found["dialogs"] or method != "POST":
            allow = [("Allow", "GET, HEAD" if found["inf"] or found["dialogs"] else "POST")]
            return _say("405 Method Not Allowed", f"{method} is not possible here.", method, allow)
        return self._call(environ, found["site"])

    def _call(self, environ: dict[str, Any], raw_site: str) -> Answer:
        method: Method | None = None
        viewer = environ["davlock.principal"]
        try:
            command, payload, parts = _read(environ)
            method = command.method
            operation = METHODS.get(method.name)
            if operation is None:
                message = f"The method {method.name} is not known to this server."
                return _packet(packets.error(method, msnumbers.UNKNOWN_METHOD, message))
            caller = Caller(viewer, frozenset(), "fprpc", environ.get("davlock.admin", False))
            call = Call(command, payload, self._library, caller, _site(raw_site), _base(environ), self._settings, parts)
            return _answered(method, operation(call))
        except DavlockError as error:
            if isinstance(error, Unavailable):
                return _say("503 Service Unavailable", error.message, headers=[("Retry-After", "1")])
            said = refusals.sentence(error, viewer, self._library)
            return _packet(packets.error(method, refusals.number(error), said))
        except Exception:
            _log.exception("%s failed", method.name if method else "a call")
            said = "Something went wrong in the server. Whoever runs it finds the reason in its log."
            return _packet(packets.error(method, msnumbers.WRITE_ERROR, said))


def _read(environ: dict[str, Any]) -> tuple[Command, Payload | None, Parts | None]:
    """The command of a request, and what came behind it. Raises BadRequest, TooLarge."""
    content_type = environ.get("HTTP_X_VERMEER_CONTENT_TYPE")
    encoding = parse_content_type(content_type)
    if encoding is not Encoding.MULTIPART:
        return *read_command(environ["wsgi.input"], _length(environ), encoding), None
    command, parts = read_multipart(environ["wsgi.input"], _length(environ), content_type or "")
    return command, None, parts


def _answered(method: Method, reply: Reply | Stream) -> Answer:
    if isinstance(reply, Stream):
        return "200 OK", [("Content-Type", reply.content_type)], reply.blocks
    if reply.status:
        return _packet(packets.error(method, reply.status, reply.message, *reply.values))
    try:
        head = packets.packet(method, reply.message, *reply.values)
    except BaseException:
        if reply.content:
            reply.content.close()
        raise
    if reply.content is None:
        return _packet(head)
    headers = [("Content-Type", packets.CONTENT_TYPE), ("Content-Length", str(len(head) + reply.content.size))]
    return "200 OK", headers, _Followed(head, reply.content)


class _Followed:
    """A packet with the content of a document behind it."""

    def __init__(self, head: bytes, content: Content) -> None:
        self._head = head
        self.close = content.close
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        yield from self._content


def _packet(body: bytes) -> Answer:
    return "200 OK", [("Content-Type", packets.CONTENT_TYPE), ("Content-Length", str(len(body)))], [body]


def _information(raw_site: str, method: str) -> Answer:
    try:
        _site(raw_site)
    except DavlockError as error:
        return _say("404 Not Found", error.message, method)
    body = discovery.information()
    headers = [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))]
    return "200 OK", headers, [] if method == "HEAD" else [body]


def _say(status: str, sentence: str, method: str = "GET", headers: Iterable[tuple[str, str]] = ()) -> Answer:
    body = f"{sentence}\n".encode()
    kind = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    return status, [*kind, *headers], [] if method == "HEAD" else [body]


def _raw_path(environ: dict[str, Any]) -> str:
    uri: str | None = environ.get("REQUEST_URI")
    if uri is None:
        uri = (environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")) or "/"
    return uri.partition("?")[0]


@lru_cache(maxsize=256)
def _site(raw: str) -> str:
    """The folder in front of an entrance, percent-encoded as it was sent. Raises BadName, Forbidden."""
    if _BAD_ESCAPE.search(raw):
        raise BadName("The URL of the request has a percent sign in it that makes no sense, or an encoded separator.")
    try:
        # WSGI hands bytes over as Latin-1, also those that a client did not escape.
        return paths.parse(unquote_to_bytes(raw.encode("latin-1")).decode()).path
    except UnicodeError:
        raise BadName("The URL of the request is not UTF-8.") from None


def _base(environ: dict[str, Any]) -> str:
    host = environ.get("HTTP_HOST") or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    return f"{environ['wsgi.url_scheme']}://{host}"


def _length(environ: dict[str, Any]) -> int | None:
    """Bytes of the body as announced; None if it is chunked. Raises Malformed."""
    if environ.get("wsgi.input_terminated") or environ.get("HTTP_TRANSFER_ENCODING"):
        return None
    announced = environ.get("CONTENT_LENGTH") or "0"
    if not re.fullmatch(r"[0-9]{1,15}", announced):
        raise Malformed("The Content-Length header is not a number.")
    return int(announced)
