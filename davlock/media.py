"""Media types of documents, by the extension of their names."""

from __future__ import annotations

import mimetypes

UNKNOWN_TYPE = "application/octet-stream"
# What a browser would run in the name of this server; everything else it only shows or saves.
ACTIVE = frozenset({"text/html", "image/svg+xml", "text/xml", "application/xml", "message/rfc822"})

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


def content_type(name: str) -> str:
    """The media type of a document, by the extension of its name."""
    _, dot, extension = name.rpartition(".")
    return _TYPES.get("." + extension.lower(), UNKNOWN_TYPE) if dot else UNKNOWN_TYPE
