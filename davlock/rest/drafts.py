"""Rescued drafts: what was written into checkouts that ended without a check-in (design §2)."""

from __future__ import annotations

from collections.abc import Mapping

from davlock import paths
from davlock.model import Draft
from davlock.rest import holds
from davlock.rest.calls import Call, Content
from davlock.rest.operations import Operation, Raw
from davlock.rest.presentation import exact
from davlock.rest.types import Hold, RescuedDraft


def rescued(call: Call) -> list[RescuedDraft]:
    """The rescued drafts that the caller may have: his own; all of them for administrators."""
    numbers = call.library.numbers()
    return [_info(draft, numbers) for draft in call.library.archive.drafts(call.caller) if draft.ended is not None]


def content(call: Call) -> Content:
    """What was written."""
    draft, fd = call.library.archive.open_draft(call.id("draftid"), call.caller)
    return Content(fd, draft.size, paths.name(draft.path))


def apply(call: Call) -> Hold:
    """Checks the document out, unless the caller has done so, and makes this his draft again."""
    lock = call.library.archive.apply_draft(call.id("draftid"), call.caller)
    return holds.hold(lock, call.caller.principal, call.library.numbers())


def _info(draft: Draft, numbers: Mapping[str, int]) -> RescuedDraft:
    return RescuedDraft(
        draft_id=draft.id,
        document_id=draft.document,
        path=draft.path,
        name=draft.principal,
        associate_id=numbers.get(draft.principal, 0),
        size=draft.size,
        saved=exact(draft.saved),
        ended=None if draft.ended is None else exact(draft.ended),
        how=draft.how.value if draft.how else "",
        ended_by=draft.ended_by,
        reason=draft.reason,
    )


OPERATIONS: tuple[Operation, ...] = (
    Operation(method="GET", path="/Draft", does=rescued, summary="Rescued drafts that the caller may have", answers=list[RescuedDraft]),
    Operation(method="GET", path="/Draft/{draftId}/Content", does=content, summary="What was written into a rescued draft", answers=Raw),
    Operation(
        method="POST", path="/Draft/{draftId}/Apply", does=apply, summary="Make a rescued draft the draft of a checkout again", answers=Hold
    ),
)
