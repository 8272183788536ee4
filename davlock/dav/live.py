"""Live properties: what the server itself knows of documents and folders (RFC 4918 §15, RFC 4331).

They are computed for many entries at once, property by property: listings have thousands, and a call for each value of each of them was
most of what they cost.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat

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
    lockdiscoveries gives the activelock elements for each of some entries.
    """

    created: Mapping[str, float]
    quota: tuple[int, int] | None
    lockdiscoveries: Callable[[Sequence[Entry]], Iterable[str]]


Values = Callable[[Sequence[Entry], Surroundings], Iterable[str]]  # one for each entry


@dataclass(frozen=True, slots=True)
class LiveProperty:
    """A property of the DAV: namespace: its content for a document and for a folder, as XML or what computes it.

    None: such a one does not have it.
    """

    local_name: str
    document: str | Values | None
    folder: str | Values | None
    in_allprop: bool = True


def _displaynames(entries: Sequence[Entry], _: Surroundings) -> list[str]:
    return xml.escape_all([entry.name for entry in entries])


def _contentlengths(entries: Sequence[Entry], _: Surroundings) -> list[str]:
    return [str(entry.size) for entry in entries]


def _contenttypes(entries: Sequence[Entry], _: Surroundings) -> list[str]:
    return [content_type(entry.name) for entry in entries]


def _lastmodified(entries: Sequence[Entry], _: Surroundings) -> Iterable[str]:
    return map(http_date, [entry.modified_ns // 1_000_000_000 for entry in entries])


def _creationdates(entries: Sequence[Entry], around: Surroundings) -> Iterable[str]:
    known = around.created.get
    found = [known(entry.path, entry.created) for entry in entries] if around.created else [entry.created for entry in entries]
    return map(xml.timestamp, map(math.floor, found))


def _etags(entries: Sequence[Entry], _: Surroundings) -> list[str]:
    return [entry.etag for entry in entries]


def _lockdiscoveries(entries: Sequence[Entry], around: Surroundings) -> Iterable[str]:
    return around.lockdiscoveries(entries)


def _quota_used(entries: Sequence[Entry], around: Surroundings) -> Iterable[str]:
    return repeat(str(around.quota[0]) if around.quota else "0", len(entries))


def _quota_available(entries: Sequence[Entry], around: Surroundings) -> Iterable[str]:
    return repeat(str(around.quota[1]) if around.quota else "0", len(entries))


CREATIONDATE = f"{{{xml.DAV}}}creationdate"
SUPPORTEDLOCK = f"{{{xml.DAV}}}supportedlock"
LOCKDISCOVERY = f"{{{xml.DAV}}}lockdiscovery"
QUOTA = frozenset({f"{{{xml.DAV}}}quota-used-bytes", f"{{{xml.DAV}}}quota-available-bytes"})

# By Clark name. The last three are Microsoft's, from draft-hopmann-collection-props: Explorer asks for them, and here
# no document is hidden, or read-only to somebody who may log in.
PROPERTIES: dict[str, LiveProperty] = {
    f"{{{xml.DAV}}}{each.local_name}": each
    for each in (
        LiveProperty("displayname", _displaynames, _displaynames),
        LiveProperty("resourcetype", "", "<D:collection/>"),
        LiveProperty("getcontentlength", _contentlengths, None),
        LiveProperty("getcontenttype", _contenttypes, FOLDER_TYPE),
        LiveProperty("getlastmodified", _lastmodified, _lastmodified),
        LiveProperty("creationdate", _creationdates, _creationdates),
        LiveProperty("getetag", _etags, None),
        LiveProperty("lockdiscovery", _lockdiscoveries, _lockdiscoveries),
        LiveProperty("supportedlock", SUPPORTED_LOCK, SUPPORTED_LOCK),
        LiveProperty("quota-used-bytes", None, _quota_used, in_allprop=False),
        LiveProperty("quota-available-bytes", None, _quota_available, in_allprop=False),
        LiveProperty("iscollection", "0", "1", in_allprop=False),
        LiveProperty("ishidden", "0", "0", in_allprop=False),
        LiveProperty("isreadonly", "0", "0", in_allprop=False),
    )
}
ALLPROP = tuple(name for name, each in PROPERTIES.items() if each.in_allprop)
