"""One WebDAV request as values: where, who, under which conditions, with what body."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from davlock import hrefs, preconditions
from davlock.conditions import View
from davlock.dav import if_header
from davlock.dav.headers import parse_destination, parse_prefer, path_of
from davlock.errors import BadRequest, DavlockError, IncompleteBody, PreconditionFailed, TooLarge
from davlock.model import Caller, Entry
from davlock.paths import Address

MAX_XML = 256 * 1024
_BROKEN_OFF = "The request broke off before all of its body had arrived; nothing was changed."

_T = TypeVar("_T")


class _Once(Generic[_T]):
    """functools.cached_property without its lock, for which (up to Python 3.11) all requests of a process would wait."""

    def __init__(self, work_out: Callable[[Any], _T]) -> None:
        self._work_out = work_out
        self.__doc__ = work_out.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, request: Any, owner: type) -> _T:
        value = request.__dict__[self._name] = self._work_out(request)
        return value


class Request:
    """environ is that of WSGI, with `davlock.principal` and `davlock.admin` set by whoever authenticated the caller.

    combined: whether several requests in one are possible (MS-WDV).
    """

    def __init__(self, environ: dict[str, Any], combined: bool = False) -> None:
        self.environ, self.combined = environ, combined
        self.method: str = environ["REQUEST_METHOD"]
        self.principal: str = environ["davlock.principal"]

    @property
    def is_hosted(self) -> bool:
        """Whether it came through WsgiDAV."""
        return "wsgidav.provider" in self.environ

    def header(self, name: str) -> str | None:
        """The value of a header by its CGI name (`DEPTH`), None if it was not sent."""
        value: str | None = self.environ.get(f"HTTP_{name}")
        return value

    @_Once
    def raw_path(self) -> str:
        """The path of the Request-URI as it was sent, percent-encoded."""
        return raw_path(self.environ)

    @_Once
    def at(self) -> Address:
        """The Request-URI as an address. Raises BadName, Forbidden."""
        return hrefs.decode(self.raw_path)

    @_Once
    def host(self) -> str:
        """The authority the client used for this server."""
        return self.environ.get("HTTP_HOST") or f"{self.environ['SERVER_NAME']}:{self.environ['SERVER_PORT']}"

    @_Once
    def destination(self) -> Address:
        """Where COPY and MOVE go. Raises BadRequest, ForeignDestination (RFC 4918 §10.3)."""
        return hrefs.decode(parse_destination(self.header("DESTINATION"), self.host))

    @_Once
    def if_lists(self) -> tuple[if_header.ConditionList, ...]:
        """The If header (RFC 4918 §10.4); empty if it was not sent."""
        value = self.header("IF")
        return () if value is None else if_header.parse_if(value)

    @_Once
    def caller(self) -> Caller:
        """Who asks, with every token submitted in the If header."""
        return Caller(self.principal, if_header.tokens(self.if_lists), "webdav", self.environ.get("davlock.admin", False))

    @property
    def wants_lock(self) -> bool:
        """Whether a lock is to be taken, renewed or ended with it, whatever its method is (MS-WDV 2.2.4.1)."""
        return self.combined and self.header("X_MSDAVEXTLOCKTIMEOUT") is not None

    @_Once
    def preferences(self) -> frozenset[str]:
        """Prefer (RFC 7240)."""
        return parse_prefer(self.header("PREFER"))

    @property
    def is_minimal(self) -> bool:
        """Whether the client prefers a minimal answer (RFC 8144 §2)."""
        return "return=minimal" in self.preferences

    def conditions(self, view: View, own: Entry | None = None) -> None:
        """The caller's If and If-Match family, judged now. Raises PreconditionFailed, BadRequest.

        own: what the request is about, where that is no document but a version of one.
        """
        self.if_condition(view, own)
        conditional = preconditions.from_environ(self.environ)
        if conditional is None:
            return
        entry = own or view.entry(self.at.path)
        modified = entry.modified if entry else None
        if preconditions.check(self.method, conditional, _etag(entry), modified, int(time.time())) is not preconditions.Outcome.PROCEED:
            raise PreconditionFailed("The document is not, or is no longer, the version that your request is about; nothing was changed.")

    def if_condition(self, view: View, own: Entry | None = None) -> None:
        """The If header alone; own is as for conditions(). Raises PreconditionFailed."""

        def state(tag: str | None) -> if_header.State:
            if own and (tag is None or path_of(tag, self.host) == self.raw_path):
                return if_header.State(own.etag, frozenset())
            path = self.at.path if tag is None else self._tagged(tag)
            try:
                entry = view.entry(path) if path else None
            except DavlockError:  # something there that is not served has neither etag nor lock
                entry = None
            etag = entry.etag if entry and not entry.is_folder else None
            return if_header.State(etag, frozenset(lock.token for lock in view.locks(path)) if path else frozenset())

        if self.if_lists and not if_header.holds(self.if_lists, state):
            raise PreconditionFailed(
                "Your lock has ended, or the document is no longer the version that your request is about; nothing was changed."
            )

    def _tagged(self, tag: str) -> str | None:
        raw = path_of(tag, self.host)
        try:
            return hrefs.decode(raw).path if raw else None
        except DavlockError:
            return None

    @_Once
    def length(self) -> int | None:
        """Bytes of the body as announced; None if it is chunked. Raises BadRequest."""
        if self.environ.get("wsgi.input_terminated") or self.header("TRANSFER_ENCODING"):
            return None
        announced = self.environ.get("CONTENT_LENGTH") or "0"
        if not (announced.isascii() and announced.isdigit() and len(announced) <= 15):
            raise BadRequest("The Content-Length header is not a number.")
        return int(announced)

    def xml_body(self) -> bytes:
        """The whole body, which must be small. Raises TooLarge, IncompleteBody."""
        if self.length is not None and self.length > MAX_XML:
            raise TooLarge(f"The body of such a request can have at most {MAX_XML} bytes.")
        body = self.read(MAX_XML + 1 if self.length is None else self.length)
        if len(body) > MAX_XML:
            raise TooLarge(f"The body of such a request can have at most {MAX_XML} bytes.")
        if self.length is not None and len(body) < self.length:
            raise IncompleteBody(_BROKEN_OFF)
        return body

    def has_body(self) -> bool:
        """Whether a body with at least one byte comes with the request. Raises IncompleteBody."""
        return bool(self.length) if self.length is not None else bool(self.read(1))

    def read(self, size: int) -> bytes:
        """So many bytes of the body, fewer only at its end. Raises IncompleteBody."""
        blocks = []
        while size:
            try:
                block = self.environ["wsgi.input"].read(size)
            except (OSError, ValueError) as broken:
                raise IncompleteBody(_BROKEN_OFF) from broken
            if not block:
                break
            blocks.append(block)
            size -= len(block)
        return b"".join(blocks)


def raw_path(environ: dict[str, Any]) -> str:
    """The path of the Request-URI, percent-encoded, without query."""
    uri: str | None = environ.get("REQUEST_URI")
    if uri is None:  # not every WSGI server hands it over
        return hrefs.encode((environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")).encode("latin-1").decode("utf-8", "replace"))
    return uri.partition("?")[0]


def _etag(entry: Entry | None) -> str | None:
    if entry is None:
        return None
    return "" if entry.is_folder else entry.etag
