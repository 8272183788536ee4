"""Live properties: what the server itself knows of a document or folder (RFC 4918 §15, RFC 4331)."""

from __future__ import annotations

import math
import mimetypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from davlock.dav import xml
from davlock.dav.lockinfo import SUPPORTED_LOCK
from davlock.model import Entry

FOLDER_TYPE = "httpd/unix-directory"  # as Apache says it
UNKNOWN_TYPE = "application/octet-stream"

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_OFFICE = "application/vnd.openxmlformats-officedocument."
_MACROS = "application/vnd.ms-%s.macroEnabled.12"
_ODF = "application/vnd.oasis.opendocument."
# Python's own list, not that of the machine, so that every machine says the same; and what it lacks.
_TYPES = mimetypes.MimeTypes().types_map[True] | {
    ".docx": _OFFICE + "wordprocessingml.document",
    ".dotx": _OFFICE + "wordprocessingml.template",
    ".xlsx": _OFFICE + "spreadsheetml.sheet",
    ".xltx": _OFFICE + "spreadsheetml.template",
    ".pptx": _OFFICE + "presentationml.presentation",
    ".potx": _OFFICE + "presentationml.template",
    ".ppsx": _OFFICE + "presentationml.slideshow",
    ".docm": _MACROS % "word.document",
    ".dotm": _MACROS % "word.template",
    ".xlsm": _MACROS % "excel.sheet",
    ".xltm": _MACROS % "excel.template",
    ".xlsb": "application/vnd.ms-excel.sheet.binary.macroEnabled.12",
    ".pptm": _MACROS % "powerpoint.presentation",
    ".msg": "application/vnd.ms-outlook",
    ".vsd": "application/vnd.visio",
    ".vsdx": "application/vnd.ms-visio.drawing",
    ".mpp": "application/vnd.ms-project",
    ".rtf": "application/rtf",
    ".odt": _ODF + "text",
    ".ott": _ODF + "text-template",
    ".ods": _ODF + "spreadsheet",
    ".ots": _ODF + "spreadsheet-template",
    ".odp": _ODF + "presentation",
    ".otp": _ODF + "presentation-template",
    ".odg": _ODF + "graphics",
    ".md": "text/markdown",
    ".7z": "application/x-7z-compressed",
    ".bz2": "application/x-bzip2",
    ".gz": "application/gzip",
    ".rar": "application/vnd.rar",
    ".xz": "application/x-xz",
    ".zst": "application/zstd",
}


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


@lru_cache(maxsize=8192)
def http_date(seconds: int) -> str:
    """A moment (Unix time) as HTTP has it (RFC 9110 §5.6.7, RFC 1123)."""
    year, month, day, hour, minute, second, weekday, *_ = xml.gmtime(seconds)
    return f"{_DAYS[weekday]}, {day:02} {_MONTHS[month - 1]} {year:04} {hour:02}:{minute:02}:{second:02} GMT"


def content_type(name: str) -> str:
    """The media type of a document, by the extension of its name."""
    _, dot, extension = name.rpartition(".")
    return _TYPES.get("." + extension.lower(), UNKNOWN_TYPE) if dot else UNKNOWN_TYPE


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
