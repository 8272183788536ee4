"""checkout document, checkin document, uncheckout document (MS-FPSE 3.1.5.3, MC-FPSEWM; fprpc.md §g).

An editing session is a short-term checkout, which runs out; a user's check-out is a long-term one, with a draft.
"""

from __future__ import annotations

from contextlib import suppress

from davlock.conditions import Conditions, View, checkout_began, unconditionally
from davlock.errors import NotFound
from davlock.fprpc import metadata
from davlock.fprpc.calls import Call, Operation, Reply
from davlock.fprpc.values import DocInfo, parse_boolean, parse_int, parse_time
from davlock.model import Note
from davlock.paths import Address

REFRESH = 0b10  # of `force`: all its other bits mean nothing
_FORCED = "With force, through FrontPage"
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
    call.library.check_in(at, call.caller, Note(comment), keep, conditions=_same_checkout(call, at, by_force=False))
    return _left(call, at)


def uncheckout_document(call: Call) -> Reply:
    """Ends the caller's short-term checkout, or undoes his long-term one. Raises NotCheckedOut, NotHolder.

    force ends somebody else's, for those who may; for all others it means nothing.
    """
    at = call.address(call.command.require("document_name", str))
    force = call.command.get("force", parse_boolean, False)
    reason = _FORCED if force else None
    same = _same_checkout(call, at, force)
    if call.command.get("rlsshortterm", parse_boolean, False):
        glance = _Glance(call, at.path)
        call.library.end_edit(at.path, call.caller, reason, same, glance.at_what_is_left)
        return Reply([("meta_info", glance.info.meta)])
    call.library.undo(at.path, call.caller, reason, same)
    return _left(call, at)


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


class _Glance:
    """What a decision makes of a document, before anybody else's makes something else of it."""

    def __init__(self, call: Call, path: str) -> None:
        self._call, self._path = call, path
        self.info = DocInfo(path)

    def __call__(self, view: View) -> None:
        self.info = metadata.in_view(self._call, view, self._path)

    def at_what_is_left(self, view: View) -> None:
        """The same; another program may have removed the document, which keeps nobody from ending his checkout."""
        with suppress(NotFound):
            self(view)


def _same_checkout(call: Call, at: Address, by_force: bool) -> Conditions:
    """That `time_checked_out` is when the checkout began; of one that ended and was taken again it is not."""
    began = call.command.get("time_checked_out", parse_time, None)
    return unconditionally if began is None else checkout_began(at.path, began, call.caller, by_force)


def _left(call: Call, at: Address) -> Reply:
    """What a document is after a checkout has ended; nothing is told of one that another program has removed."""
    with suppress(NotFound):
        return Reply([("meta_info", metadata.document(call, at.path).meta)])
    return Reply([("meta_info", {})])


METHODS: dict[str, Operation] = {
    "checkout document": checkout_document,
    "checkin document": checkin_document,
    "uncheckout document": uncheckout_document,
}
