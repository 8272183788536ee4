"""Webhooks, as SuperOffice's clients register them, in both flavours (rest.md §12). A secret goes in and never comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import Enum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, field

from davlock import events
from davlock.errors import Forbidden
from davlock.model import HookState, Webhook
from davlock.rest import records
from davlock.rest.calls import Call, checked_id
from davlock.rest.operations import Nothing, Operation
from davlock.rest.presentation import EMPTY
from davlock.rest.refusals import Refused
from davlock.rest.types import TEXT, Associate, FieldProperty, TableRight, Type
from davlock.webhooks import targets
from davlock.webhooks.registry import Webhooks, Wish
from davlock.webhooks.sending import Undelivered

EventName = Literal[
    "document.created",
    "document.changed",
    "document.edited",
    "document.deleted",
    "document.checkedout",
    "document.checkedin",
    "document.undone",
    "document.forced",
    "document.expired",
]
_HeaderName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")]
_HeaderValue = Annotated[str, Meta(pattern=r"^[ -~]{0,1000}$")]
_Text = Annotated[str, Meta(max_length=2047, pattern=TEXT)]


class WebhookState(Enum):
    """Whether it is told of events; after too many errors in a row not before somebody sets it to active again."""

    UNKNOWN = "Unknown"
    ACTIVE = "Active"
    STOPPED = "Stopped"
    TOO_MANY_ERRORS = "TooManyErrors"


class WebhookInput(Type, kw_only=True):
    """Who is to be told of which events. Secret: what signs them, null for the one it has. State: Unknown for the one it has."""

    webhook_id: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None
    name: Annotated[str, Meta(max_length=254, pattern=TEXT)] | None = None
    events: Annotated[list[EventName], Meta(min_length=1)] = field()
    target_url: Annotated[str, Meta(max_length=targets.MAX_URL, pattern=targets.PATTERN)] = field()
    secret: Annotated[str, Meta(max_length=1000)] | None = None
    state: WebhookState | None = None
    type: Literal["webhook"] | None = None
    headers: dict[_HeaderName, _HeaderValue] | None = None
    properties: dict[str, Annotated[str, Meta(pattern=TEXT)]] | None = None
    errors_email: _Text | None = None
    description: _Text | None = None


class WebhookInfo(Type):
    """Who is told of which events, and how that went. Nobody gets mail of errors, whatever ErrorsEmail says: the server's log has them."""

    webhook_id: int = 0
    name: str | None = None
    events: list[str] = []
    target_url: str | None = None
    secret: str | None = None
    state: WebhookState = WebhookState.ACTIVE
    type: str = "webhook"
    headers: dict[str, str] | None = None
    properties: dict[str, str] | None = None
    registered: str = EMPTY
    registered_associate: Associate | None = None
    updated: str = EMPTY
    updated_associate: Associate | None = None
    errors_email: str | None = None
    error_emails: list[str] = []
    error_associates: list[int] = []
    description: str | None = None
    notify_via: Literal["None"] = "None"
    notify_when: Literal["None"] = "None"
    total_calls: int = 0
    total_errors: int = 0
    consecutive_errors: int = 0
    last_error: str | None = None


class WebhookResult(Type):
    """Whether a target has answered a test."""

    success: bool
    message: str
    table_right: TableRight | None = None
    field_properties: dict[str, FieldProperty] = {}


class Filter(msgspec.Struct, rename="camel"):
    """nameFilter: part of the name. eventFilter: an event it is told of. statusFilter: its state."""

    name_filter: str = ""
    event_filter: str = ""
    status_filter: WebhookState | None = None


class AgentFilter(Type):
    """GetAllWebhooks."""

    name_filter: str | None = None
    event_filter: str | None = None
    status_filter: WebhookState | None = None


class Which(msgspec.Struct, rename="camel"):
    """The webhook that an agent's call is about."""

    webhook_id: int = 0


class WhichInBody(Type):
    """GetLastError."""

    webhook_id: int


class ToTest(Type):
    """TestWebhook."""

    webhook: WebhookInput


def default(call: Call) -> WebhookInfo:
    """What a new webhook is if nothing is said of it."""
    return WebhookInfo(events=[events.CREATED, events.EDITED, events.CHANGED, events.DELETED])


def list_all(call: Call, name: str | None, event: str | None, state: WebhookState | None) -> list[WebhookInfo]:
    """All that fit the filters."""
    found = [
        hook
        for hook in _webhooks(call).all(call.caller)
        if (name or "").lower() in hook.name.lower()
        and (not event or event.lower() in hook.events)
        and (state in (None, WebhookState.UNKNOWN) or hook.state.value == state.value)
    ]
    numbers = call.library.numbers()
    return [_info(call, hook, numbers) for hook in found]


def one(call: Call, id: int) -> WebhookInfo:
    """One webhook."""
    return _shown(call, _webhooks(call).one(id, call.caller))


def register(call: Call, wanted: WebhookInput) -> WebhookInfo:
    """A new webhook; its target is tested first."""
    return _shown(call, _registered(lambda: _webhooks(call).register(_wish(wanted), call.caller)))


def change(call: Call, id: int, wanted: WebhookInput) -> WebhookInfo:
    """A webhook as it is to be now; a new target is tested first."""
    return _shown(call, _registered(lambda: _webhooks(call).change(id, _wish(wanted), call.caller)))


def save(call: Call, wanted: WebhookInput) -> WebhookInfo:
    """A new webhook, or one that is changed."""
    return change(call, wanted.webhook_id, wanted) if wanted.webhook_id else register(call, wanted)


def test(call: Call, wanted: WebhookInput) -> WebhookResult:
    """Sends a test to a target."""
    try:
        _webhooks(call).test(_wish(wanted), call.caller, wanted.webhook_id or 0)
    except Undelivered as error:
        return WebhookResult(False, error.message)
    return WebhookResult(True, "The target has answered.")


def remove(call: Call, id: int) -> None:
    """Tells it no more."""
    _webhooks(call).remove(id, call.caller)


def last_error(call: Call, id: int) -> str:
    """Why the last attempt that failed has."""
    return _webhooks(call).one(id, call.caller).last_error


def _webhooks(call: Call) -> Webhooks:
    if call.settings.webhooks is None:
        raise Forbidden("There are no webhooks on this server.")
    return call.settings.webhooks


def _registered(act: Callable[[], Webhook]) -> Webhook:
    try:
        return act()
    except Undelivered as error:
        message = f"The webhook was not saved, because its target must answer a test first. {error.message}"
        raise Refused(409, "SoWebhookException", message) from error


def _wish(wanted: WebhookInput) -> Wish:
    state = wanted.state if wanted.state is not WebhookState.UNKNOWN else None
    return Wish(
        wanted.name or "",
        tuple(wanted.events),
        wanted.target_url,
        wanted.secret,
        HookState(state.value) if state else None,
        wanted.headers,
        wanted.properties,
        wanted.description,
        wanted.errors_email,
    )


def _shown(call: Call, hook: Webhook) -> WebhookInfo:
    return _info(call, hook, call.library.numbers())


def _info(call: Call, hook: Webhook, numbers: Mapping[str, int]) -> WebhookInfo:
    return WebhookInfo(
        webhook_id=hook.id,
        name=hook.name,
        events=list(hook.events),
        target_url=hook.target,
        state=WebhookState(hook.state.value),
        headers=dict(hook.headers),
        properties=dict(hook.properties),
        registered=call.present.in_utc().moment(hook.registered),
        registered_associate=records.associate(hook.registered_by, numbers),
        updated=call.present.in_utc().moment(hook.updated),
        updated_associate=records.associate(hook.updated_by, numbers),
        errors_email=hook.errors_email,
        description=hook.description,
        total_calls=hook.total_calls,
        total_errors=hook.total_errors,
        consecutive_errors=hook.consecutive_errors,
        last_error=hook.last_error or None,
    )


_REST = (
    Operation(method="GET", path="/Webhook/default", does=default, summary="What a new webhook is", answers=WebhookInfo),
    Operation(
        method="GET",
        path="/Webhook",
        does=lambda call: list_all(call, call.query.name_filter, call.query.event_filter, call.query.status_filter),
        summary="The webhooks",
        query=Filter,
        answers=list[WebhookInfo],
    ),
    Operation(
        method="POST",
        path="/Webhook",
        does=lambda call: register(call, call.body),
        summary="Register a webhook",
        description="Its target is sent a test first, and must answer it with a status of success.",
        body=WebhookInput,
        answers=WebhookInfo,
    ),
    Operation(
        method="POST",
        path="/Webhook/Test",
        does=lambda call: test(call, call.body),
        summary="Send a test to the target of a webhook",
        body=WebhookInput,
        answers=WebhookResult,
    ),
    Operation(
        method="GET",
        path="/Webhook/{webhookId}",
        does=lambda call: one(call, call.id("webhookid")),
        summary="A webhook",
        answers=WebhookInfo,
    ),
    Operation(
        method="PUT",
        path="/Webhook/{webhookId}",
        does=lambda call: change(call, call.id("webhookid"), call.body),
        summary="Change a webhook, or start it again",
        body=WebhookInput,
        answers=WebhookInfo,
    ),
    Operation(
        method="DELETE",
        path="/Webhook/{webhookId}",
        does=lambda call: remove(call, call.id("webhookid")),
        summary="Remove a webhook",
    ),
    Operation(
        method="GET",
        path="/Webhook/{webhookId}/LastError",
        does=lambda call: last_error(call, call.id("webhookid")),
        summary="Why a webhook could not be told of something the last time",
        answers=str,
    ),
)
_AGENTS = (
    replace(_REST[0], method="POST", path="/Agents/Webhook/CreateDefaultWebhook"),
    replace(
        _REST[1],
        method="POST",
        path="/Agents/Webhook/GetAllWebhooks",
        does=lambda call: list_all(call, *(msgspec.structs.astuple(call.body) if call.body else (None, None, None))),
        query=Nothing,
        body=AgentFilter,
        is_optional=True,
    ),
    replace(_REST[2], path="/Agents/Webhook/SaveWebhook", does=lambda call: save(call, call.body), summary="Register or change a webhook"),
    replace(_REST[3], path="/Agents/Webhook/TestWebhook", does=lambda call: test(call, call.body.webhook), body=ToTest),
    replace(
        _REST[4],
        method="POST",
        path="/Agents/Webhook/GetWebhook",
        does=lambda call: one(call, checked_id(call.query.webhook_id)),
        query=Which,
    ),
    replace(
        _REST[6],
        method="POST",
        path="/Agents/Webhook/DeleteWebhook",
        does=lambda call: remove(call, checked_id(call.query.webhook_id)),
        query=Which,
    ),
    replace(
        _REST[7],
        method="POST",
        path="/Agents/Webhook/GetLastError",
        does=lambda call: last_error(call, checked_id(call.body.webhook_id)),
        body=WhichInBody,
    ),
)

OPERATIONS = (*_REST, *_AGENTS)
