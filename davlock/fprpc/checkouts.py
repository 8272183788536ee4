"""checkout document, checkin document, uncheckout document (MS-FPSE 3.1.5.3, MC-FPSEWM; fprpc.md §g).

An editing session is a short-term checkout, which runs out; a user's check-out is a long-term one, with a draft.
"""

from __future__ import annotations

from dataclasses import replace

from davlock.conditions import Conditions, View, unconditionally
from davlock.errors import NotCheckedOut, NotHolder
from davlock.fprpc import metadata
from davlock.fprpc.calls import Call, Operation, Reply
from davlock.fprpc.values import DocInfo, parse_boolean, parse_int, parse_time
from davlock.library import Library
from davlock.model import Kind, Lock, Note
from davlock.paths import Address

REFRESH = 0b10  # of `force`: all its other bits mean nothing
_FORCED = "Undone with force, through FrontPage"
_MINUTE = 60.0


def checkout_document(call: Call) -> Reply:
    """A checkout, short-term or long-term, or with the refresh bit more time for the short-term one that the caller has.

    Raises Conflict, NoSuchLock, NotFound, IsFolder, NotForCheckout.
    """
    at = call.address(call.command.require("document_name", str))
    refreshes = bool(call.command.get("force", parse_int, 0) & REFRESH)
    return Reply([("meta_info", check_out(call, at, refreshes).meta)])


def checkin_document(call: Call) -> Reply:
    """Publishes the caller's draft. Raises NotCheckedOut, NotHolder, StillOpen while a short-term checkout stands."""
    at = call.address(call.command.require("document_name", str))
    comment = call.command.get("comment", str, "")
    keep = call.command.get("keep_checked_out", parse_boolean, False)
    call.library.check_in(at, call.caller, Note(comment), keep, conditions=_same_checkout(call, at))
    return _described(call, at)


def uncheckout_document(call: Call) -> Reply:
    """Ends the caller's short-term checkout, or undoes his long-term one. Raises NotCheckedOut, NotHolder.

    force ends somebody else's, for those who may; for all others it means nothing.
    """
    at = call.address(call.command.require("document_name", str))
    force = call.command.get("force", parse_boolean, False)
    same = _same_checkout(call, at)
    if call.command.get("rlsshortterm", parse_boolean, False):
        return Reply([("meta_info", _end_edit(call, at.path, force, same).meta)])
    # The right alone undoes nothing of others: that takes the wish as well.
    caller = replace(call.caller, admin=call.caller.admin and force)
    call.library.undo(at.path, caller, _FORCED if caller.admin else "", same)
    return _described(call, at)


def check_out(call: Call, at: Address, renew: bool = False) -> DocInfo:
    """What the parameter `timeout` asks for: minutes of a short-term checkout, 0 for a long-term one, else the default.

    renew: only more time, for which 0 says nothing. Returns what the document is by that. Raises what checkout_document() raises.
    """
    minutes = call.command.get("timeout", parse_int, -1)
    if minutes == 0 and not renew:
        call.library.check_out(at.path, call.caller)
        return metadata.document(call, at.path)
    seconds = (minutes if minutes > 0 else call.settings.default_minutes) * _MINUTE
    glance = _Glance(call, at.path)
    call.library.edit(at.path, call.caller, seconds, renew, call.settings.reopen_own, glance)
    return glance.info


def _end_edit(call: Call, path: str, force: bool, conditions: Conditions) -> DocInfo:
    glance = _Glance(call, path)
    try:
        call.library.end_edit(path, call.caller, conditions, glance)
        return glance.info
    except NotHolder:
        edit = _edit_on(call.library, path)
        if not (force and call.caller.admin and edit):
            raise
    call.library.break_lock(edit.token, call.caller, _FORCED)
    return metadata.document(call, path)


class _Glance:
    """What a decision makes of a document, before anybody else's makes something else of it."""

    def __init__(self, call: Call, path: str) -> None:
        self._call, self._path = call, path
        self.info = DocInfo(path)

    def __call__(self, view: View) -> None:
        self.info = metadata.in_view(self._call, view, self._path)


def _edit_on(library: Library, path: str) -> Lock | None:
    with library.reading() as rows:
        return next((lock for lock in library.covering(rows, path) if lock.kind is Kind.EDIT), None)


def _same_checkout(call: Call, at: Address) -> Conditions:
    """That `time_checked_out` is when the caller's checkout began; of a checkout that ended and was taken again it is not."""
    began = call.command.get("time_checked_out", parse_time, None)
    if began is None:
        return unconditionally

    def check(view: View) -> None:
        own = [lock for lock in view.locks(at.path) if lock.principal == view.viewer and lock.kind is not Kind.LOCK]
        if own and began not in {int(lock.since) for lock in own}:
            raise NotCheckedOut("The checkout that this is about has ended; there is a newer one of yours.")

    return check


def _described(call: Call, at: Address) -> Reply:
    return Reply([("meta_info", metadata.document(call, at.path).meta)])


METHODS: dict[str, Operation] = {
    "checkout document": checkout_document,
    "checkin document": checkin_document,
    "uncheckout document": uncheckout_document,
}
