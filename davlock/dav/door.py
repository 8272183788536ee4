"""The WebDAV door: a WSGI application that answers every method of RFC 4918, and some of RFC 3253, over one library."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from davlock import msnumbers
from davlock.dav import archive, checkouts, combined, locking, properties, reading, reports, writing
from davlock.dav.answers import Answer
from davlock.dav.refusals import Refused, refusal
from davlock.dav.requests import Request
from davlock.errors import DavlockError
from davlock.library import Library

_log = logging.getLogger("davlock.dav")

Verb = Callable[[Library, Request], Answer]
VERBS: dict[str, Verb] = {
    "OPTIONS": reading.options,
    "GET": reading.get,
    "HEAD": reading.get,
    "PROPFIND": properties.find,
    "PROPPATCH": properties.patch,
    "PUT": writing.put,
    "MKCOL": writing.mkcol,
    "DELETE": writing.delete,
    "COPY": writing.copy,
    "MOVE": writing.move,
    "LOCK": locking.lock,
    "UNLOCK": locking.unlock,
    "CHECKOUT": checkouts.check_out,
    "CHECKIN": checkouts.check_in,
    "UNCHECKOUT": checkouts.uncheckout,
    "VERSION-CONTROL": checkouts.version_control,
    "REPORT": reports.report,
}
# A body could only ask for what is not supported here (RFC 4918 §8.4, §9.3).
WITHOUT_BODY = {"MKCOL", "DELETE", "COPY", "MOVE", "UNLOCK"}


class WebDavDoor:
    """Expects `davlock.principal` in the environ: the authenticated caller, empty for an anonymous OPTIONS."""

    def __init__(self, library: Library, announced: reading.Announced | None = None) -> None:
        self._library, self._announced = library, announced or reading.Announced()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(environ, self._announced.combined_requests)
        answer = self.answer(request)
        headers = [*answer.headers, ("X-Content-Type-Options", "nosniff")]
        if request.method == "OPTIONS":
            headers += self._announced.headers()
        if answer.length is not None:
            headers.append(("Content-Length", str(answer.length)))
        start_response(answer.status_line, headers)
        if request.method == "HEAD":
            answer.close()
            return ()
        return answer.body

    def answer(self, request: Request) -> Answer:
        """The answer to a request; errors are answers too."""
        try:
            verbs = archive.verbs(request.raw_path) or VERBS
            verb = combined.verb(verbs, request) if request.combined else verbs.get(request.method)
            if verb is None:
                raise Refused(405, None, msnumbers.LACKS, f"{request.method} is not possible here.")
            if request.method in WITHOUT_BODY and request.has_body():
                raise Refused(415, None, msnumbers.LACKS, f"{request.method} takes no body here; nothing was changed.")
            return verb(self._library, request)
        except DavlockError as error:
            return refusal(error, self._library, request)
        except Exception:
            _log.exception("%s %r failed", request.method, request.raw_path)
            wrong = DavlockError("Something went wrong in the server. Whoever runs it finds the reason in its log.")
            return refusal(wrong, self._library, request)
