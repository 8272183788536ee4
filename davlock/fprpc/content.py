"""get document, put document (MS-FPSE 3.1.5.3; fprpc.md §d, §g): content, read and written, never held in memory."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from davlock.checkouts import CheckedIn
from davlock.conditions import Conditions, View
from davlock.errors import DavlockError, Exists, PreconditionFailed, Unavailable
from davlock.fprpc import metadata, metakeys, refusals
from davlock.fprpc.brackets import parse_document
from davlock.fprpc.calls import Call, Content, Operation, Reply
from davlock.fprpc.checkouts import check_out
from davlock.fprpc.folders import made_for
from davlock.fprpc.values import DocInfo, Malformed, moment, parse_boolean, parse_options
from davlock.fprpc.wire import Payload
from davlock.model import Note
from davlock.paths import Address
from davlock.uploads import Upload
from davlock.writes import Written

ATTEMPTS = 100  # at a document that is saved again, each time between its description and its content
_VERSION = re.compile(r"[Vv]?([0-9]{1,9})(?:\.0{1,9})?")
# The digits are the syntax of old clients; there is no non-exclusive checkout, so that it is an exclusive one (fprpc.md §d).
_CHECKS_OUT = {"none": False, "0": False, "chkoutexclusive": True, "1": True, "chkoutnonexclusive": True, "2": True}


def get_document(call: Call) -> Reply:
    """The description of a document and its content, checked out if that is asked for: then both or nothing.

    Raises Conflict and what else a checkout raises, NotFound, NoSuchVersion, IsFolder.
    """
    at = call.address(call.command.require("document_name", str))
    version = call.command.get("doc_version", _parse_version, None)
    if version is not None:
        return _get_version(call, at, version)
    if call.command.get("get_option", _parse_get_option, False):
        check_out(call, at)
    return _retrieved(*opened(call, at))


def put_document(call: Call) -> Reply:
    """Content becomes a document, whole, or nothing happens; its new description, with the stamp for the next `edit`.

    put_option: `edit` compares the edit stamp, `overwrite` does not; without either nothing may be there. `createdir` makes the folder
    it goes into. `checkin` publishes what the caller has checked out, `checkout` or keep_checked_out keep it so. The others mean nothing.
    What clients may write of the meta_info is kept as setDocsMetaInfo keeps it.
    Raises PreconditionFailed, Locked, LockLost, ParentMissing, IsFolder, StillOpen, IncompleteBody, TooLarge, StorageFull.
    """
    info = call.command.require("document", parse_document)
    options = call.command.get("put_option", parse_options, frozenset())
    keep = call.command.get("keep_checked_out", parse_boolean, False) or "checkout" in options
    if call.payload is None:
        raise Malformed("The content of the document is missing; it follows the command, after a line feed.")
    at = call.address(info.name)
    wanted = conditions(at, info, options)
    with made_for(call, info.name, "createdir" in options):
        stored = _publish(call, at, call.payload, keep, wanted) if "checkin" in options else _save(call, at, call.payload, wanted)
    is_mine = is_still(call, at, stored)
    unkept = keep_keys(call, at, info)
    saved = described(call, at, is_mine)
    return Reply([("document", saved)], " ".join([f"successfully put document '{saved.name}' as '{saved.name}'", *unkept]))


def opened(call: Call, at: Address) -> tuple[DocInfo, Content]:
    """A document as it is described, and exactly that content, for the caller to close. Raises NotFound, IsFolder, Forbidden."""
    for _ in range(ATTEMPTS):
        before = call.library.look(at.path, call.caller.principal)
        info = metadata.document(call, at.path)
        entry, fd = call.library.open(at.path, call.caller.principal)
        # An edit stamp newer than the content would let the client overwrite what it has never seen.
        if before and before.etag == entry.etag:
            return info, Content(fd, entry.size)
        os.close(fd)
    raise Unavailable("This document is being saved all the time; try again.")


def _get_version(call: Call, at: Address, number: int) -> Reply:
    """An earlier version. It never changes: so it can be opened first, and nothing is checked out if there is none."""
    version, fd = call.library.archive.open_version(call.library.catalogue.identify(at.path), number)
    try:
        if call.command.get("get_option", _parse_get_option, False):
            check_out(call, at)
        info = metadata.document(call, at.path)
        now = call.library.look(at.path, call.caller.principal)
        if now is None or now.stamp != version.stamp:
            # With the stamp of what is there now, the client could overwrite that and never have seen it.
            meta = {key: value for key, value in info.meta.items() if key not in ("vti_rtag", "vti_etag")}
            info = DocInfo(info.name, {**meta, **metadata.version(version)})
        return _retrieved(info, Content(fd, version.size))
    except BaseException:
        os.close(fd)
        raise


def _save(call: Call, at: Address, content: Payload, conditions: Conditions) -> Written:
    return call.library.write(at, content, content.length, call.caller, conditions)


def _publish(call: Call, at: Address, content: Payload, keep: bool, conditions: Conditions) -> Written | CheckedIn:
    note = Note(call.command.get("comment", str, ""))
    return call.library.publish(at, Upload(content, content.length), call.caller, note, keep, conditions)


def is_still(call: Call, at: Address, stored: Written | CheckedIn) -> Callable[[], bool]:
    """Asks whether what was stored is what the caller sees, or, after a check-in, what is published."""

    def is_mine() -> bool:
        if isinstance(stored, CheckedIn):
            document = call.library.catalogue.document(at.path)
            return document is not None and document.version == stored.version
        now = call.library.look(at.path, call.caller.principal)
        return now is not None and now.etag == stored.entry.etag

    return is_mine


def conditions(at: Address, info: DocInfo, options: frozenset[str]) -> Conditions:
    """What put_option makes of what stands there, judged as the caller sees it. Raises Malformed."""
    stamp = info.meta.get("vti_timelastmodified") if "edit" in options else None
    seconds = stamp.seconds if stamp else None

    def check(view: View) -> None:
        entry = view.entry(at.path)
        if seconds is None:
            if entry and not entry.is_folder and "overwrite" not in options:
                raise Exists(f"There is a document {entry.name} already; save under another name, or open that one first.")
        elif entry is None:
            raise PreconditionFailed("The document has been removed or renamed since you opened it; save it under another name.")
        elif not entry.is_folder and metadata.stamp(view, entry) != seconds:
            raise PreconditionFailed(f"{entry.name} has been changed since you opened it; save yours under another name, and compare.")

    return check


def keep_keys(call: Call, at: Address, info: DocInfo) -> list[str]:
    """Keeps the keys of the meta_info that came with content which is stored now; returns why some are not, in sentences.

    The content is stored whatever becomes of them: clients send back what they were told, some of it in forms of their own.
    """
    changes: dict[str, str | None] = {}
    unkept = []
    for key, value in info.meta.items():
        try:
            changes |= metakeys.changes({key: value})
        except DavlockError as error:
            unkept.append(f"The key {key} was not kept: {error.message}")
    try:
        if changes:
            call.library.change_properties(at.path, changes, call.caller)
    except DavlockError as error:
        said = refusals.sentence(error, call.caller.principal, call.library)
        unkept.append(f"The content is stored, but its keys were not kept: {said}")
    return unkept


def described(call: Call, at: Address, is_mine: Callable[[], bool]) -> DocInfo:
    """A document after a save. is_mine: whether it is still what was saved then."""
    info = metadata.document(call, at.path)
    if is_mine():
        return info
    # Somebody else has saved since. With the stamp of what he saved, the client could overwrite it and never have seen it.
    stamp = info.meta["vti_timelastmodified"]
    return DocInfo(info.name, {**info.meta, "vti_timelastmodified": moment(stamp.seconds - 1)})


def _retrieved(info: DocInfo, content: Content) -> Reply:
    return Reply([("document", info)], f"successfully retrieved document '{info.name}' from '{info.name}'", content)


def _parse_version(text: str) -> int:
    found = _VERSION.fullmatch(text)
    if not found:
        raise Malformed("A version such as V2.0 is needed.")
    return int(found[1])


def _parse_get_option(text: str) -> bool:
    """Whether a get_option checks out. Raises Malformed."""
    if text.lower() not in _CHECKS_OUT:
        raise Malformed("It must be none, chkoutExclusive or chkoutNonExclusive.")
    return _CHECKS_OUT[text.lower()]


METHODS: dict[str, Operation] = {"get document": get_document, "put document": put_document}
