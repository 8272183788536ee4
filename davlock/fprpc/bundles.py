"""get documents, put documents (MS-FPSE 3.1.5.3.7, 3.1.5.3.12): several documents at once, in parts; none of them held in memory.

Both are a part with a command (UrlArgs), then for each document a part with its DOCINFO and one with its content:

    Content-Type: application/x-www-form-urlencoded      method=get+documents…&current_time=…
    Content-Type: application/x-www-form-urlencoded      document=[document_name=a.htm;meta_info=[…]]
    Content-Type: application/octet-stream               <p>…

Of a document that could not be had, or stored, the key STATUS of its DOCINFO tells why.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass

from davlock.checkouts import CheckedIn
from davlock.conditions import Conditions
from davlock.errors import DavlockError, IncompleteBody, Unavailable
from davlock.fprpc import content, packets, refusals
from davlock.fprpc.brackets import parse_document, parse_vector, print_document
from davlock.fprpc.calls import Call, Content, Operation, Reply, Stream
from davlock.fprpc.folders import made_for
from davlock.fprpc.packets import Value
from davlock.fprpc.refusals import Refused
from davlock.fprpc.values import DocInfo, Malformed, integer, parse_boolean, parse_options, print_time
from davlock.fprpc.wire import Command, Encoding, parse_pairs, read_form
from davlock.model import Note
from davlock.parts import Part, Parts
from davlock.paths import Address
from davlock.uploads import Upload
from davlock.writes import Written

STATUS = "mf-file-status"
"""The key by which clients are told of one of several documents what an error block tells of a single one (HubKey)."""
_FORM, _OCTETS = (f"Content-Type: {kind}\r\n\r\n".encode() for kind in (Encoding.FORM.value, "application/octet-stream"))
_END = "text/html"
_AS_IS = ("", "7bit", "8bit", "binary")


def get_documents(call: Call) -> Stream:
    """Documents with their descriptions, for reading: nothing is checked out. One that cannot be had is told so, with no content.

    Raises what `get document` raises if none of them can be had.
    """
    urls = call.command.require("url_list", parse_vector)
    if urls and not any(_is_there(call, url) for url in urls):
        content.opened(call, call.address(urls[0]))[1].close()
    # As long as the boundaries of SharePoint: there is a client that counts its bytes (HubKey).
    boundary = f"MIMEboundary{secrets.token_hex(23)}"
    with call.library.reading() as rows:
        command = packets.form(("method", str(call.command.method)), ("current_time", print_time(int(rows.now))))
    return Stream(f"multipart/mixed; boundary={boundary}", _blocks(call, command, urls, f"\r\n--{boundary}".encode()))


def put_documents(call: Call) -> Reply:
    """Each content becomes a document, as with `put document`, after all of them have arrived and none of them would be refused.

    Else nothing is stored. What others do between that and the end is told: which were stored all the same, and which not.
    Raises Refused, Malformed, BadRequest, IncompleteBody, TooLarge.
    """
    if call.parts is None:
        raise Malformed("put documents must be sent as multipart/mixed: the command, then each document with what is said of it.")
    way = _Way.of(call.command)
    names: set[str] = set()
    arrived = []
    with ExitStack() as staged:
        for info, part in _documents(call.parts):
            with _about(call, info.name):
                at = call.address(info.name)
                if at.path in names:
                    raise Malformed("This document comes twice.")
                names.add(at.path)
                staged.enter_context(made_for(call, info.name, "createdir" in way.options))
                wanted = content.conditions(at, info, way.options)
                arrived.append(_Arrived(info, at, staged.enter_context(_arriving(call, at, part, wanted, way))))
        return _stored(call, arrived, way)


@dataclass(frozen=True, slots=True)
class _Way:
    """How documents are to be put."""

    options: frozenset[str]
    note: Note
    keep: bool

    @classmethod
    def of(cls, command: Command) -> _Way:
        options = command.get("put_option", parse_options, frozenset())
        keep = command.get("keep_checked_out", parse_boolean, False) or "checkout" in options
        return cls(options, Note(command.get("comment", str, "") if "checkin" in options else ""), keep)


@dataclass(frozen=True, slots=True)
class _Arrived:
    """A document that waits to be stored by `commit`."""

    info: DocInfo
    at: Address
    commit: Callable[[], Written | CheckedIn]


def _blocks(call: Call, command: bytes, urls: Sequence[str], line: bytes) -> Generator[bytes, None, None]:
    yield line + b"\r\n" + _FORM + command
    for url in urls:
        info, found = _opened(call, url)
        with closing(found):
            yield line + b"\r\n" + _FORM + packets.form(("document", print_document(info))) + line + b"\r\n" + _OCTETS
            yield from found
    yield line + b"--\r\n"


def _opened(call: Call, url: str) -> tuple[DocInfo, Content]:
    try:
        return content.opened(call, call.address(url))
    except DavlockError as error:
        return _failed(url, error), Content(-1, 0)


def _is_there(call: Call, url: str) -> bool:
    try:
        entry = call.library.look(call.address(url).path, call.caller.principal)
    except DavlockError:
        return False
    return entry is not None and not entry.is_folder


def _documents(parts: Parts) -> Iterator[tuple[DocInfo, Part]]:
    """What follows the command: each DOCINFO with its content, and perhaps a part that says that this is all."""
    for part in parts:
        if part.media_type == _END:
            if next(parts, None):
                raise Malformed("Something follows the part that is the end of the request.")
            return
        pairs = parse_pairs(read_form(part))
        if "document" not in pairs:
            raise Malformed("A part that describes a document has no parameter document.")
        info = parse_document(pairs["document"])
        data = next(parts, None)
        # It may have any type; but of this one it is the description of the next document, and the content is missing.
        if data is None or data.media_type == Encoding.FORM.value:
            raise Malformed(f"{info.name}: its content is missing; it is the part behind the one that describes it. Nothing was stored.")
        if data.headers.get("Content-Transfer-Encoding", "").lower() not in _AS_IS:
            raise Malformed(f"{info.name}: its content is encoded; it must be sent as it is. Nothing was stored.")
        yield info, data


@contextmanager
def _about(call: Call, name: str) -> Iterator[None]:
    """Makes a refusal say which of several documents it is about."""
    try:
        yield
    except (Unavailable, IncompleteBody):
        raise
    except DavlockError as error:
        said = refusals.sentence(error, call.caller.principal, call.library)
        raise Refused(refusals.number(error), f"{name}: {said} Nothing was stored.") from error


def _arriving(
    call: Call, at: Address, part: Part, wanted: Conditions, way: _Way
) -> AbstractContextManager[Callable[[], Written | CheckedIn]]:
    """With `checkin` the caller's checkout of a document is checked in, else he saves into his draft."""
    if "checkin" in way.options:
        return call.library.uploads.publishing(at, Upload(part), call.caller, way.note, way.keep, wanted)
    return call.library.uploads.receiving(at, part, None, call.caller, wanted)


def _stored(call: Call, arrived: Sequence[_Arrived], way: _Way) -> Reply:
    infos: list[Value] = []
    failed: list[tuple[str, DavlockError]] = []
    unkept: list[str] = []
    for each in arrived:
        name = call.relative(each.at.path)
        try:
            is_mine = content.is_still(call, each.at, each.commit())
        except DavlockError as error:
            failed.append((name, error))
            infos.append(_failed(name, error))
            continue
        unkept += (f"{name}: {why}" for why in content.keep_keys(call, each.at, each.info))
        infos.append(_described(call, each.at, is_mine))
    if not failed:
        return Reply([("document_list", infos)], " ".join(["successfully put documents", *unkept]))
    if len(failed) == len(arrived):
        raise failed[0][1]
    others = "All others were stored." if len(failed) == 1 else f"{len(arrived) - len(failed)} others were stored."
    reasons = [f"{name} was not stored as asked: {refusals.sentence(error, call.caller.principal, call.library)}" for name, error in failed]
    return Reply([("document_list", infos)], " ".join([*reasons, others]), status=refusals.number(failed[0][1]))


def _described(call: Call, at: Address, is_mine: Callable[[], bool]) -> DocInfo:
    try:
        return content.described(call, at, is_mine)
    except DavlockError:  # somebody has already removed it again
        return DocInfo(call.relative(at.path))


def _failed(name: str, error: DavlockError) -> DocInfo:
    return DocInfo(name, {STATUS: integer(refusals.number(error))})


METHODS: dict[str, Operation] = {"get documents": get_documents, "put documents": put_documents}
