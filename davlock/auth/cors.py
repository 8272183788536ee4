"""What browsers ask before they let a page of another site use the API (Fetch standard, CORS protocol)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from davlock.auth.api import Api, sent_path
from davlock.auth.origins import ANY, Origins

# rest.md §2 names those of SuperOffice; the others are davlock's own.
_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
_ALLOWED = (
    "Authorization, Content-Type, Accept, Accept-Language, If-Modified-Since, If-Unmodified-Since, X-XSRF-TOKEN, SO-Language, SO-Culture, "
    "SO-TimeZone, SO-AppToken, SO-Browser-TZ-Offset, If-Match, If-None-Match, Range, Last-Event-ID"
)
_EXPOSED = "Last-Modified, SO-TimeZone, Content-Disposition, ETag, Document-Id, Retry-After, WWW-Authenticate"
_REMEMBERED = "600"  # seconds that a browser need not ask again


def share(app: WSGIApplication, api: Api) -> WSGIApplication:
    """The application, with the API open to the pages of its origins. Without any, it is what it was."""
    if not api.origins:
        return app

    def shared(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not api.serves(sent_path(environ)):
            return app(environ, start_response)
        granted = _granted(api.origins, environ.get("HTTP_ORIGIN", ""))
        if len(granted) > 1 and environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ:
            asked = [("Access-Control-Allow-Methods", _METHODS), ("Access-Control-Allow-Headers", _ALLOWED)]
            start_response("204 No Content", [*granted, *asked, ("Access-Control-Max-Age", _REMEMBERED)])
            return []

        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Callable[[bytes], object]:
            exposed = [("Access-Control-Expose-Headers", _EXPOSED)] if len(granted) > 1 else []
            return start_response(status, [*headers, *granted, *exposed], *exc_info)

        return app(environ, start)

    return shared


def _granted(origins: Origins, origin: str) -> list[tuple[str, str]]:
    """The headers by which a browser knows that a page of this origin may read an answer."""
    different = ("Vary", "Origin")
    if origin and origins.trust(origin):
        return [different, ("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", "true")]
    if origin and origins.admit_all:
        # Never with credentials: any page could then act for whoever has logged in here.
        return [different, ("Access-Control-Allow-Origin", ANY)]
    return [different]
