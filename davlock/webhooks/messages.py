"""What is sent: SuperOffice's envelope, its signature, and behind it what davlock adds (rest.md §12)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from davlock import events, paths
from davlock.model import Event, Webhook

TEST = "test"
ADDED = {"version": "Version", "from": "FormerPath", "kind": "Kind", "holder": "Holder", "comment": "Comment", "reason": "Reason"}
_TIMES = {"since": "Since", "until": "Until"}


@dataclass(frozen=True, slots=True)
class Message:
    """A body (JSON in UTF-8), and the headers that belong to it."""

    body: bytes
    headers: dict[str, str]


def telling(event: Event, hook: Webhook, installation: str, numbers: Mapping[str, int]) -> Message:
    """What a webhook is told of an event. numbers: of all principals. However often it is sent, its EventId is the same."""
    id = str(uuid.uuid5(uuid.UUID(installation), f"{event.id} {event.at}"))
    told: dict[str, Any] = {"EventId": id, "Timestamp": _moment(event.at), "Changes": changes(event)}
    number, who = event.document or 0, numbers.get(event.principal, 0)
    if event.name == events.DELETED:
        told["Values"] = {"document_id": number}
    told |= _envelope(event.name, number, "document", who, hook)
    if event.name != events.DELETED:
        name = paths.name(event.path)
        told["FieldValues"] = {"document_id": number, "name": name, "updated": _moment(event.at), "updated_associate_id": who}
    told |= {"Path": event.path, "ChangedBy": event.principal, "Door": event.door}
    told |= {name: event.details[key] for key, name in ADDED.items() if key in event.details}
    told |= {name: _moment(event.details[key]) for key, name in _TIMES.items() if key in event.details}
    headers = {"X-SuperOffice-Event": event.name, "X-SuperOffice-EventId": id, "X-SuperOffice-Retry": str(hook.tries)}
    return _message(told, headers, hook)


def testing(hook: Webhook, who: int, now: float) -> Message:
    """What a webhook is told to see whether it answers. who: the number of whoever wants to know. now: Unix seconds."""
    id = str(uuid.uuid4())
    told = {"EventId": id, "Timestamp": _moment(now), "Changes": [], **_envelope(TEST, 0, TEST, who, hook)}
    return _message(told, {"X-SuperOffice-Event": TEST, "X-Hook-Test": "true", "X-SuperOffice-EventId": id}, hook)


def changes(event: Event) -> list[str]:
    """What of a document has changed: names in lower case, without their namespaces."""
    if event.name == events.CREATED:
        return ["name"]
    if event.name == events.EDITED:
        return ["updated", *(["name"] if "from" in event.details else [])]
    if "from" in event.details:
        former, now = event.details["from"], event.path
        return [
            *(["name"] if paths.name(former) != paths.name(now) else []),
            *(["folder"] if paths.parent(former) != paths.parent(now) else []),
        ]
    return [name.rpartition("}")[2].lower() for name in event.details.get("changes", ())]


def _envelope(name: str, number: int, entity: str, who: int, hook: Webhook) -> dict[str, Any]:
    about = {"Event": name, "PrimaryKey": number, "Entity": entity, "ContextIdentifier": "Default"}
    return about | {"ChangedByAssociateId": who, "WebhookName": hook.name}


def _message(told: Mapping[str, Any], headers: dict[str, str], hook: Webhook) -> Message:
    body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    if hook.secret:
        signature = base64.b64encode(hmac.digest(hook.secret.encode(), body, hashlib.sha256)).decode()
        headers["X-SuperOffice-Signature"] = signature
    kind = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "davlock"}
    return Message(body, {**hook.headers, **kind, **headers})


def _moment(seconds: float) -> str:
    """With the seven digits that .NET writes."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"
