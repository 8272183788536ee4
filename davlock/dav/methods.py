"""Which methods there are, for what, and what OPTIONS says of them."""

from __future__ import annotations

import re

from davlock.model import Semantics

_READING = ("OPTIONS", "GET", "HEAD", "PROPFIND", "REPORT")
_CHANGING = ("PROPPATCH", "COPY", "MOVE", "DELETE", "LOCK", "UNLOCK")
_CHECKING_OUT = ("CHECKOUT", "CHECKIN", "UNCHECKOUT")

ON_FOLDER = (*_READING, *_CHANGING)
ON_NOTHING = ("OPTIONS", "PUT", "MKCOL", "LOCK", "UNLOCK")
ON_DOCUMENT = {
    Semantics.NONE: (*ON_FOLDER, "PUT"),
    Semantics.LOCKING: (*ON_FOLDER, "PUT", *_CHECKING_OUT),
    Semantics.VERSIONING: (*ON_FOLDER, "PUT", *_CHECKING_OUT, "VERSION-CONTROL"),
}
ON_VERSION = (*_READING, "COPY")
ON_DRAFT = ("OPTIONS", "GET", "HEAD", "PROPFIND", "COPY")
ANY = (*ON_DOCUMENT[Semantics.VERSIONING], "MKCOL")

# RFC 4918 §18, RFC 3253 §3.9 and §4.6: on everything that has any of their properties, reports or methods.
FEATURES = "1, 2, 3, version-control, checkout-in-place"
# Behind WsgiDAV, which lets no method through that it does not know itself.
UNKNOWN_TO_WSGIDAV = ("REPORT", *_CHECKING_OUT, "VERSION-CONTROL")
HOSTED_FEATURES = "1, 2, 3"

VERSIONS, DRAFTS = "/_davlock/versions", "/_davlock/drafts"
_ARCHIVED = re.compile(f"(?:{VERSIONS}|{DRAFTS})(?:/.*)?", re.DOTALL)


def is_archived(raw: str) -> bool:
    """Whether a path, as it was sent, is that of a version or of a rescued draft."""
    return _ARCHIVED.fullmatch(raw) is not None
