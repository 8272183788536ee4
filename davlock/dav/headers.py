"""Single header values of WebDAV: Depth, Timeout, Lock-Token, Overwrite, Prefer, Destination."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from enum import Enum

from davlock.errors import BadRequest

MAX_TOKEN = 4096
MAX_DESTINATION = 8 * 1024
MAX_PREFER = 1024
MAX_SECONDS = 2**32 - 1  # RFC 4918 section 10.7

_SECONDS = re.compile(r"second-([0-9]+)", re.I | re.A)
_CODED_URL = re.compile(r"<([a-z][a-z0-9+.-]*:[^<>\x00-\x20\x7f]+)>", re.I | re.A)
_BARE_URL = re.compile(r"([a-z][a-z0-9+.-]*:[^<>,\x00-\x20\x7f]+)", re.I | re.A)
_PREFERENCE = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.?)*(?:"|$))+')  # an open quote runs to the end: stays linear
_URI = re.compile(r"(?:https?://(?P<authority>[^/?#]*))?(?P<path>/[^?#]*)?(?:\?[^#]*)?(?P<fragment>#.*)?", re.I | re.A | re.S)
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:@]+)(?::([0-9]*))?", re.I | re.A)
_NOT_IN_URI = re.compile(r"[^\x21-\x7e\x80-\xff]")


class Depth(Enum):
    """How far below the Request-URI a method reaches (RFC 4918 section 10.2)."""

    ZERO = "0"
    ONE = "1"
    INFINITY = "infinity"


class ForeignDestination(BadRequest):
    """The Destination is on another server; the door answers 502 (RFC 4918 section 9.8.5)."""


def parse_depth(value: str | None, default: Depth, allowed: Collection[Depth] = tuple(Depth)) -> Depth:
    """Return the Depth sent, `default` if there is none. Raises BadRequest unless it is one of `allowed`."""
    if value is None:
        return default
    sent = value.strip(" \t").lower()
    for depth in allowed:
        if depth.value == sent:
            return depth
    raise BadRequest(f"The Depth header must be one of: {', '.join(depth.value for depth in allowed)}.")


def parse_propfind_depth(value: str | None) -> tuple[Depth, bool]:
    """Return the Depth of a PROPFIND (infinity if absent) and whether to leave out the Request-URI itself.

    The latter is Microsoft's `1,noroot`. Raises BadRequest.
    """
    depth, comma, rest = (value or "").partition(",")
    if comma and depth.strip(" \t") == "1" and rest.strip(" \t").lower() == "noroot":
        return Depth.ONE, True
    return parse_depth(value, Depth.INFINITY), False


def parse_timeout(value: str | None) -> float | None:
    """Return the seconds asked for by the first usable entry of a Timeout header (RFC 4918 section 10.7).

    math.inf for `Infinite`, at most MAX_SECONDS otherwise, possibly 0; None if nothing usable was sent. What is granted
    is for the caller to decide. Never raises.
    """
    for entry in (value or "").split(","):
        entry = entry.strip(" \t")
        if entry.lower() == "infinite":
            return math.inf
        if match := _SECONDS.fullmatch(entry):
            digits = match[1].lstrip("0") or "0"
            # int() refuses more than 4300 digits.
            return float(min(int(digits), MAX_SECONDS) if len(digits) <= 15 else MAX_SECONDS)
    return None


def parse_lock_token(value: str | None) -> str:
    """Return the one token of a Lock-Token header, without `<>`. Raises BadRequest if there is not exactly one.

    npm webdav and some versions of Windows send it without the brackets.
    """
    sent = (value or "").strip(" \t")
    if not sent:
        raise BadRequest("The Lock-Token header is missing or empty; send the token of the lock as <token>.")
    if len(sent) > MAX_TOKEN:
        raise BadRequest(f"The Lock-Token header is longer than {MAX_TOKEN} characters; no token here is.")
    match = _CODED_URL.fullmatch(sent) or _BARE_URL.fullmatch(sent)
    if match is None:
        raise BadRequest("The Lock-Token header is not one token in angle brackets, such as <urn:uuid:...>.")
    return match[1]


def parse_overwrite(value: str | None) -> bool:
    """Return whether COPY and MOVE may replace what is at the destination; True if absent (RFC 4918 section 10.6)."""
    sent = "t" if value is None else value.strip(" \t").lower()
    if sent not in ("t", "f"):
        raise BadRequest("The Overwrite header must be T or F.")
    return sent == "t"


def parse_prefer(value: str | None) -> frozenset[str]:
    """Return the preferences sent in lower case, as `name` or `name=value`, without parameters (RFC 7240 section 2).

    Of several values for one name the first counts. Made for `return=minimal` and `depth-noroot` (RFC 8144). A header
    longer than MAX_PREFER characters counts as absent: preferences may be ignored. Never raises.
    """
    if value is None or len(value) > MAX_PREFER:
        return frozenset()
    found: dict[str, str] = {}
    for preference in _PREFERENCE.findall(value.lower()):
        name, _, wanted = preference.partition(";")[0].partition("=")
        found.setdefault(name.strip(" \t"), wanted.strip(' \t"'))
    found.pop("", None)
    return frozenset(f"{name}={wanted}" if wanted else name for name, wanted in found.items())


def parse_destination(value: str | None, host: str) -> str:
    """Return the path of a Destination header, absolute and still percent-encoded, without the query; only ASCII.

    `host` is the authority the client used for this server (its Host header). Scheme and user information are not
    compared: a proxy may have ended TLS, git sends `user:password@`.

    Raises ForeignDestination if the URI names another server, BadRequest if it is missing or malformed.
    """
    sent = (value or "").strip(" \t")
    if not sent:
        raise BadRequest("The Destination header is missing or empty; send the URL to copy or move to.")
    authority, path = _split(sent)
    if authority is not None and authority != _canonical_authority(host):
        raise ForeignDestination("The destination is on another server; choose one on this server.")
    return path


def path_of(uri: str, host: str) -> str | None:
    """Return the path of an absolute URI or absolute path as parse_destination does; None if it is not on `host`.

    For the tags of an If header, where a URI that is malformed or foreign simply names nothing here.
    """
    try:
        return parse_destination(uri, host)
    except BadRequest:
        return None


def _split(uri: str) -> tuple[str | None, str]:
    """Return the canonical authority (None if only a path was sent) and the path. Raises BadRequest."""
    if len(uri) > MAX_DESTINATION:
        raise BadRequest(f"The destination is longer than {MAX_DESTINATION} characters; choose a shorter one.")
    match = None if _NOT_IN_URI.search(uri) else _URI.fullmatch(uri)
    if match is None or match["fragment"] is not None:
        raise BadRequest("The destination must be an http or https URL, percent-encoded and without a fragment.")
    path = match["path"]
    # `//host/x` is neither an absolute URI nor an absolute path (RFC 3986 section 3.3): never guess which was meant.
    if path is None or (match["authority"] is None and path.startswith("//")):
        raise BadRequest("The destination has no absolute path; send the whole URL.")
    # Some clients send UTF-8 unescaped, which WSGI hands over as Latin-1.
    path = re.sub(r"[\x80-\xff]", lambda byte: f"%{ord(byte[0]):02X}", path)
    if match["authority"] is None:
        return None, path
    authority = _canonical_authority(match["authority"].rpartition("@")[2])
    if authority is None:
        raise BadRequest("The destination has no readable server name; send the whole URL.")
    return authority, path


def _canonical_authority(authority: str) -> str | None:
    """Return `host` or `host:port` in lower case without a default port; None if it is neither."""
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        return None
    name, port = match[1].lower(), match[2]
    return name if port in (None, "", "80", "443") else f"{name}:{port}"
