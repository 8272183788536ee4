"""PUT, MKCOL, DELETE, COPY and MOVE."""

from __future__ import annotations

from davlock import msnumbers
from davlock.dates import http_date
from davlock.dav.answers import DOCUMENT_ID, Answer
from davlock.dav.headers import Depth, parse_depth, parse_overwrite
from davlock.dav.refusals import Refused, is_folder
from davlock.dav.requests import Request
from davlock.errors import BadRequest, IsFolder
from davlock.library import Library
from davlock.model import Caller
from davlock.uploads import Upload
from davlock.writes import ALONE, Along, Written

_NONE_OR_ALL = (Depth.ZERO, Depth.INFINITY)


def put(library: Library, request: Request) -> Answer:
    """RFC 4918 §9.7, RFC 9110 §9.3.4: the whole body becomes the document, or nothing changes."""
    content = Upload(request.environ["wsgi.input"], request.length)
    return stored(store(library, request, content, request.caller))


def store(library: Library, request: Request, content: Upload, caller: Caller, along: Along = ALONE) -> Written:
    """Content becomes the document at the Request-URI, if the request can be a PUT at all."""
    if request.header("CONTENT_RANGE") is not None:
        raise BadRequest("A part of a document cannot be stored; send the whole document.")
    encoding = request.header("CONTENT_ENCODING")
    if encoding and encoding.strip().lower() != "identity":
        raise Refused(415, None, msnumbers.LACKS, "A document cannot be stored compressed; send it without Content-Encoding.")
    if request.raw_path.endswith("/"):
        raise IsFolder("A URL that ends with a slash is that of a folder; send a document to one without.")
    return library.write(request.at, content.source, content.length, caller, request.conditions, along=along)


def stored(written: Written) -> Answer:
    """What a PUT answers."""
    entry = written.entry
    headers = [("ETag", entry.etag), ("Last-Modified", http_date(entry.modified)), (DOCUMENT_ID, str(written.id))]
    return Answer(201 if written.created else 204, headers, (), 0 if written.created else None)


def mkcol(library: Library, request: Request) -> Answer:
    """RFC 4918 §9.3."""
    library.make_folder(request.at, request.caller, request.conditions)
    return Answer(201)


def delete(library: Library, request: Request) -> Answer:
    """RFC 4918 §9.6: a folder goes with everything in it, or not at all."""
    _require_whole(library, request)
    library.delete(request.at.path, request.caller, request.conditions)
    return Answer(204, length=None)


def copy(library: Library, request: Request) -> Answer:
    """RFC 4918 §9.8."""
    deep = parse_depth(request.header("DEPTH"), Depth.INFINITY, _NONE_OR_ALL) is Depth.INFINITY
    overwrite = parse_overwrite(request.header("OVERWRITE"))
    replaced = library.copy(request.at.path, request.destination, request.caller, request.conditions, overwrite, deep)
    return _transferred(replaced)


def move(library: Library, request: Request) -> Answer:
    """RFC 4918 §9.9."""
    _require_whole(library, request)
    overwrite = parse_overwrite(request.header("OVERWRITE"))
    return _transferred(library.move(request.at.path, request.destination, request.caller, request.conditions, overwrite))


def _require_whole(library: Library, request: Request) -> None:
    """A folder cannot go without its members; to a document Depth means nothing (RFC 4918 §9.6.1, §9.9.2, §10.2)."""
    if parse_depth(request.header("DEPTH"), Depth.INFINITY, _NONE_OR_ALL) is Depth.ZERO and is_folder(library, request.at.path):
        raise BadRequest("A folder goes with everything in it: leave out the Depth header, or send Depth: infinity.")


def _transferred(replaced: bool) -> Answer:
    return Answer(204, length=None) if replaced else Answer(201)
