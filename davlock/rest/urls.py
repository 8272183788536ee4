"""Where documents are: as URLs for WebDAV clients and browsers, and as those that start Office (rest.md §7)."""

from __future__ import annotations

import msgspec

from davlock import hrefs
from davlock.errors import NoSuchVersion
from davlock.model import Document
from davlock.rest.calls import Call, checked_id
from davlock.rest.operations import Operation
from davlock.rest.types import Type

VERSIONS = "/_davlock/versions"
_PROGRAMS = {
    "ms-word": "doc docx docm dot dotx dotm rtf odt",
    "ms-excel": "xls xlsx xlsm xlsb xlt xltx xltm csv ods",
    "ms-powerpoint": "ppt pptx pptm pot potx potm pps ppsx ppsm odp",
    "ms-visio": "vsd vsdx vsdm vss vssx vssm vst vstx vstm",
    "ms-project": "mpp mpt",
    "ms-access": "accdb accdr mdb",
    "ms-publisher": "pub",
    "ms-infopath": "xsn",
}
_SCHEMES = {extension: scheme for scheme, extensions in _PROGRAMS.items() for extension in extensions.split()}


class Wanted(msgspec.Struct, rename="camel"):
    """versionId: of a version, blank for what the document is now. writeableUrl: whether to save there. office (davlock's own): the URI
    that opens it in Microsoft Office, for editing or only for reading.
    """

    version_id: str = ""
    writeable_url: bool = False
    office: bool = False


class UrlCall(Type):
    """GetDocumentUrl. Office is davlock's own."""

    document_id: int
    version_id: str | None = None
    writeable_url: bool | None = None
    office: bool | None = None


def url(call: Call, document: Document, version_id: str, writeable: bool, office: bool) -> str:
    """The URL of a document or a version, by the scheme and host of the request; blank if there is none such. Raises NoSuchVersion."""
    if version_id and version_id not in {str(each.number) for each in call.library.archive.versions(document)}:
        raise NoSuchVersion("There is no such version of this document.")
    path = document.path or ""
    if version_id and writeable:
        return ""  # a version never changes
    found = call.base + (f"{VERSIONS}/{document.id}/{version_id}" if version_id else hrefs.encode(path))
    return office_uri(found, path, writeable) if office else found


def office_uri(url: str, path: str, writeable: bool) -> str:
    """What opens a URL in the program of Office that a path is for; blank if it is for none (fprpc.md §j)."""
    scheme = _SCHEMES.get(path.rpartition(".")[2].lower())
    return f"{scheme}:{'ofe' if writeable else 'ofv'}|u|{url}" if scheme else ""


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="GET",
        path="/Document/{documentId}/Url",
        does=lambda call: url(call, call.document(), call.query.version_id, call.query.writeable_url, call.query.office),
        summary="The URL of a document, for WebDAV, or of a version",
        description="Blank if there is none: of a version that is to be writeable, and of what Office has no program for.",
        query=Wanted,
        answers=str,
    ),
    Operation(
        method="POST",
        path="/Agents/Document/GetDocumentUrl",
        does=lambda call: url(
            call,
            call.document(checked_id(call.body.document_id)),
            call.body.version_id or "",
            bool(call.body.writeable_url),
            bool(call.body.office),
        ),
        summary="The URL of a document, for WebDAV, or of a version",
        body=UrlCall,
        answers=str,
    ),
)
