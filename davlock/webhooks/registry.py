"""Who is told what: registered, changed, tested and removed, by administrators only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from davlock import events
from davlock.errors import BadRequest, Forbidden, NotFound
from davlock.model import Caller, HookState, Webhook
from davlock.state import State
from davlock.webhooks import messages
from davlock.webhooks.sending import Sender

MOST = 100  # webhooks: each of them is told by a thread of its own while there is something to tell
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE = re.compile(r"[ -~]{0,1000}")
# What the connection is made of, and what says who is speaking.
_OWN_HEADERS = re.compile(
    r"host|content-.*|transfer-encoding|te|trailer|connection|keep-alive|upgrade|expect|proxy-.*|user-agent|x-superoffice-.*|x-hook-test",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants of a webhook. None: what it has, or nothing; a new one is active."""

    name: str
    events: tuple[str, ...]
    target: str
    secret: str | None = None
    state: HookState | None = None
    headers: Mapping[str, str] | None = None
    properties: Mapping[str, Any] | None = None
    description: str | None = None
    errors_email: str | None = None


@dataclass(frozen=True, slots=True)
class Webhooks:
    """is_enabled: whether there may be any."""

    state: State
    sender: Sender
    is_enabled: bool = False

    def all(self, caller: Caller) -> list[Webhook]:
        """Raises Forbidden."""
        self._check_right(caller)
        with self.state.reading() as rows:
            return rows.webhooks()

    def one(self, id: int, caller: Caller) -> Webhook:
        """Raises Forbidden, NotFound."""
        self._check_right(caller)
        with self.state.reading() as rows:
            found = rows.webhook(id)
        if found is None:
            raise NotFound("There is no webhook with this number.")
        return found

    def register(self, wish: Wish, caller: Caller) -> Webhook:
        """A new one, once its target has answered; it is told what happens from now on. Raises Forbidden, BadRequest, Undelivered."""
        self._check_right(caller)
        hook = self._wanted(_nobody(caller.principal), wish, caller)
        if len(self.all(caller)) >= MOST:
            raise Forbidden(f"There are {MOST} webhooks already; remove one first.")
        self._test(hook, caller)
        with self.state.deciding() as rows:
            return rows.add_webhook(replace(hook, registered=rows.now, updated=rows.now, sent=rows.event_span()[1]))

    def change(self, id: int, wish: Wish, caller: Caller) -> Webhook:
        """One as it is wanted now; a new target must answer first. One that is set to active goes on where it has stopped. Raises NotFound
        and what register() raises."""
        before = self.one(id, caller)
        hook = self._wanted(before, wish, caller)
        if hook.target != before.target:
            self._test(hook, caller)
        with self.state.deciding() as rows:
            standing = rows.webhook(id)
            if standing is None:
                raise NotFound("There is no webhook with this number.")
            resumes = hook.state is HookState.ACTIVE and standing.state is not HookState.ACTIVE
            errors = 0 if resumes or hook.target != standing.target else standing.consecutive_errors
            rows.change_webhook(replace(hook, updated=rows.now, consecutive_errors=errors))
            changed = rows.webhook(id)
            assert changed
            return changed

    def test(self, wish: Wish, caller: Caller, id: int = 0) -> None:
        """Whether a target answers. id: of the webhook whose secret and headers count where none are given; 0 for a new one.

        Raises NotFound and what register() raises.
        """
        self._check_right(caller)
        self._test(self._wanted(self.one(id, caller) if id else _nobody(caller.principal), wish, caller), caller)

    def remove(self, id: int, caller: Caller) -> None:
        """Raises Forbidden, NotFound."""
        self._check_right(caller)
        with self.state.deciding() as rows:
            if not rows.remove_webhook(id):
                raise NotFound("There is no webhook with this number.")

    def _check_right(self, caller: Caller) -> None:
        if not self.is_enabled:
            raise Forbidden("Webhooks are switched off on this server (webhooks.enabled in its configuration).")
        if not caller.admin:
            raise Forbidden("Only an administrator can have other servers told of events.")

    def _wanted(self, hook: Webhook, wish: Wish, caller: Caller) -> Webhook:
        if not wish.events or set(wish.events) - set(events.NAMES):
            raise BadRequest(f"A webhook is told of one or more of these events: {', '.join(events.NAMES)}.")
        _check_headers(wish.headers or {})
        if wish.target != hook.target:
            self.sender.targets.parse(wish.target)
        given = {each: getattr(wish, each) for each in ("secret", "state", "headers", "properties", "description", "errors_email")}
        return replace(
            hook,
            name=wish.name,
            events=tuple(dict.fromkeys(wish.events)),
            target=wish.target,
            updated_by=caller.principal,
            **{each: value for each, value in given.items() if value is not None},
        )

    def _test(self, hook: Webhook, caller: Caller) -> None:
        with self.state.reading() as rows:
            who, now = rows.principals().get(caller.principal, 0), rows.now
        self.sender.send(hook.target, messages.testing(hook, who, now))


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise BadRequest("A header has a name without blanks, and one line of plain ASCII text as its value.")
        if _OWN_HEADERS.fullmatch(name):
            raise Forbidden(f"The header {name} is set by the server itself.")


def _nobody(principal: str) -> Webhook:
    return Webhook(0, "", (), "", "", HookState.ACTIVE, {}, {}, "", "", 0, principal, 0, principal, 0)
