"""Live properties: what the server itself knows of a document or folder (RFC 4918 §15, RFC 4331)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from davlock.dates import http_date
from davlock.dav import xml
from davlock.dav.lockinfo import SUPPORTED_LOCK
from davlock.media import content_type
from davlock.model import Entry

FOLDER_TYPE = "httpd/unix-directory"  # as Apache says it


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What values depend on beside the entry itself.

    created is path → Unix seconds, where better is known than the disk's; quota is (used, available) in bytes.
    lockdiscovery gives the activelock elements for an entry.
    """

    created: Mapping[str, float]
    quota: tuple[int, int] | None
    lockdiscovery: Callable[[Entry], str]


Value = Callable[[Entry, Surroundings], str | int]


@dataclass(frozen=True, slots=True)
class LiveProperty:
    """A property of the DAV: namespace: its content for a document and for a folder, as XML or what computes it.

    None: such a one does not have it.
    """

    local_name: str
    document: str | Value | None
    folder: str | Value | None
    in_allprop: bool = True


def _displayname(entry: Entry, _: Surroundings) -> str:
    return xml.escape(entry.name)


def _contentlength(entry: Entry, _: Surroundings) -> int:
    return entry.size


def _contenttype(entry: Entry, _: Surroundings) -> str:
    return content_type(entry.name)


def _lastmodified(entry: Entry, _: Surroundings) -> str:
    return http_date(entry.modified)


def _creationdate(entry: Entry, around: Surroundings) -> str:
    return xml.timestamp(math.floor(around.created.get(entry.path, entry.created)))


def _etag(entry: Entry, _: Surroundings) -> str:
    return entry.etag


def _lockdiscovery(entry: Entry, around: Surroundings) -> str:
    return around.lockdiscovery(entry)


def _quota_used(_: Entry, around: Surroundings) -> int:
    return around.quota[0] if around.quota else 0


def _quota_available(_: Entry, around: Surroundings) -> int:
    return around.quota[1] if around.quota else 0


CREATIONDATE = f"{{{xml.DAV}}}creationdate"
SUPPORTEDLOCK = f"{{{xml.DAV}}}supportedlock"
LOCKDISCOVERY = f"{{{xml.DAV}}}lockdiscovery"
QUOTA = frozenset({f"{{{xml.DAV}}}quota-used-bytes", f"{{{xml.DAV}}}quota-available-bytes"})

# By Clark name. The last three are Microsoft's, from draft-hopmann-collection-props: Explorer asks for them, and here
# no document is hidden, or read-only to somebody who may log in.
PROPERTIES: dict[str, LiveProperty] = {
    f"{{{xml.DAV}}}{each.local_name}": each
    for each in (
        LiveProperty("displayname", _displayname, _displayname),
        LiveProperty("resourcetype", "", "<D:collection/>"),
        LiveProperty("getcontentlength", _contentlength, None),
        LiveProperty("getcontenttype", _contenttype, FOLDER_TYPE),
        LiveProperty("getlastmodified", _lastmodified, _lastmodified),
        LiveProperty("creationdate", _creationdate, _creationdate),
        LiveProperty("getetag", _etag, None),
        LiveProperty("lockdiscovery", _lockdiscovery, _lockdiscovery),
        LiveProperty("supportedlock", SUPPORTED_LOCK, SUPPORTED_LOCK),
        LiveProperty("quota-used-bytes", None, _quota_used, in_allprop=False),
        LiveProperty("quota-available-bytes", None, _quota_available, in_allprop=False),
        LiveProperty("iscollection", "0", "1", in_allprop=False),
        LiveProperty("ishidden", "0", "0", in_allprop=False),
        LiveProperty("isreadonly", "0", "0", in_allprop=False),
    )
}
ALLPROP = tuple(name for name, each in PROPERTIES.items() if each.in_allprop)
