"""What the document archive can do, properties and commands of documents (rest.md §7, §8, §10)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from davlock import paths, wording
from davlock.errors import NotFound
from davlock.model import Document, Entry, Semantics
from davlock.rest import locks
from davlock.rest.calls import Call, checked_id
from davlock.rest.names import UNNAMED
from davlock.rest.operations import Operation
from davlock.rest.types import CommandInfo, ReturnInfo, ReturnType, Type

PLUGIN = 1
_BOOLEAN = {False: "false", True: "true"}


class Wanted(msgspec.Struct, rename="camel"):
    """requestedProperties: names of properties; all that there are if none is named."""

    requested_properties: list[str] = []


class Allowed(msgspec.Struct, rename="camel"):
    """allowedReturnTypes: what the client can act on."""

    allowed_return_types: list[str] = []


class Running(msgspec.Struct, rename="camel"):
    """How a command is to be carried out."""

    version_id: str = ""
    allowed_return_types: list[str] = []
    additional_data: list[str] = []


class PluginCall(Type):
    """GetPluginCapabilities."""

    plugin_id: int = 0


class PropertiesCall(Type):
    """GetDocumentProperties."""

    document_id: int
    requested_properties: list[str] | None = None


class CommandsCall(Type):
    """GetDocumentCommands."""

    document_id: int
    allowed_return_types: list[str] | None = None


class CommandCall(Type):
    """ExecuteDocumentCommand."""

    document_id: int
    command: str | None = None
    version_id: str | None = None
    allowed_return_types: list[str] | None = None
    additional_data: list[str] | None = None


@dataclass(frozen=True, slots=True)
class _Seen:
    """A document as the caller sees it: the holder of a checkout his draft."""

    document: Document
    entry: Entry
    semantics: Semantics


def plugins(_: Call) -> dict[str, str]:
    """The document archives that there are: this one."""
    return {str(PLUGIN): "davlock"}


def capabilities(call: Call, plugin: int) -> dict[str, str]:
    """What the archive can do. Raises NotFound if it is another one's number."""
    if plugin != PLUGIN:
        raise NotFound("There is no document archive with this number.")
    semantics = call.library.policy.semantics(paths.join(call.settings.new_documents, UNNAMED))
    found = {
        "locking": "optional" if semantics is not Semantics.NONE else "false",
        "versioning": "optional" if semantics is Semantics.VERSIONING else "false",
        "fast-lock-status": "true",
        "fast-version-list": "true",
        "fast-exists": "true",
        "can-create-document-templates": "false",
    }
    return found | ({"max-document-size": str(call.library.uploads.max_upload)} if call.library.uploads.max_upload else {})


def properties(call: Call, document: Document, wanted: Iterable[str]) -> dict[str, str]:
    """Properties of a document, each with the name that was asked for; blank for those that there are not."""
    path = document.path or ""
    entry = call.library.look(path, call.caller.principal)
    if entry is None:
        raise NotFound("There is no document with this number; it may have been deleted.")
    seen = _Seen(document, entry, call.library.policy.semantics(path, document))
    return {name: _PROPERTIES[name.lower()](seen) if name.lower() in _PROPERTIES else "" for name in list(wanted) or _PROPERTIES}


def execute(call: Call, document: Document, command: str, allowed: Iterable[str]) -> ReturnInfo:
    """There are no commands: checking out, in and undoing are not among them."""
    told = ReturnInfo(external_reference=locks.reference(document))
    types = {each.lower() for each in allowed}
    if not types or "message" in types:
        told.type, told.value = ReturnType.MESSAGE, f"There is no command {command[:100]}; nothing was done."
    return told


def _tooltip(seen: _Seen) -> str:
    known = seen.document
    by = f", by {known.changed_by}" if known.changed_by else ""
    changed = f", {wording.moment(known.changed)}{by}" if known.changed is not None else ""
    return f"{seen.entry.name}, version {max(known.version, 1)}{changed}"


def _extension(seen: _Seen) -> str:
    return seen.entry.name.rpartition(".")[2].lower() if "." in seen.entry.name else ""


def _modified(seen: _Seen) -> str:
    """Culture-neutral, as NetServer encodes a time in a string."""
    return f"[DT:{datetime.fromtimestamp(seen.entry.modified, UTC):%m/%d/%Y %H:%M:%S}.0000000]"


_PROPERTIES: dict[str, Callable[[_Seen], str]] = {
    "has-locking": lambda seen: _BOOLEAN[seen.semantics is not Semantics.NONE],
    "has-versioning": lambda seen: _BOOLEAN[seen.semantics is Semantics.VERSIONING],
    "tooltip": _tooltip,
    "preferred-open": lambda _: "url",
    "file-type": _extension,
    "file-name": lambda seen: seen.entry.name,
    "last-modified": _modified,
    "length": lambda seen: f"[I:{seen.entry.size}]",
}


def _commands(call: Call, document: Document) -> list[CommandInfo]:
    return []


def _asked(call: Call) -> Document:
    """The document that an agent's call is about."""
    return call.document(checked_id(call.body.document_id))


OPERATIONS: tuple[Operation, ...] = (
    Operation(method="GET", path="/Document/Plugin", does=plugins, summary="The document archives, by number", answers=dict[str, str]),
    Operation(
        method="GET",
        path="/Document/Plugin/{pluginId}",
        does=lambda call: capabilities(call, call.id("pluginid")),
        summary="What a document archive can do",
        answers=dict[str, str],
    ),
    Operation(
        method="GET",
        path="/Document/{documentId}/Property",
        does=lambda call: properties(call, call.document(), call.query.requested_properties),
        summary="Properties of a document, such as has-locking, preferred-open and length",
        query=Wanted,
        answers=dict[str, str],
    ),
    Operation(
        method="GET",
        path="/Document/{documentId}/Command",
        does=lambda call: _commands(call, call.document()),
        summary="The commands that can be carried out on a document: none",
        query=Allowed,
        answers=list[CommandInfo],
    ),
    Operation(
        method="POST",
        path="/Document/{documentId}/Command/{command}",
        does=lambda call: execute(call, call.document(), call.arguments["command"], call.query.allowed_return_types),
        summary="Carry a command out: there is none, so Success is false",
        query=Running,
        answers=ReturnInfo,
    ),
    Operation(
        method="POST",
        path="/Agents/Document/GetPluginList",
        does=plugins,
        summary="The document archives, by number",
        answers=dict[str, str],
    ),
    Operation(
        method="POST",
        path="/Agents/Document/GetPluginCapabilities",
        does=lambda call: capabilities(call, call.body.plugin_id),
        summary="What a document archive can do",
        body=PluginCall,
        answers=dict[str, str],
    ),
    Operation(
        method="POST",
        path="/Agents/Document/GetDocumentProperties",
        does=lambda call: properties(call, _asked(call), call.body.requested_properties or ()),
        summary="Properties of a document, such as has-locking, preferred-open and length",
        body=PropertiesCall,
        answers=dict[str, str],
    ),
    Operation(
        method="POST",
        path="/Agents/Document/GetDocumentCommands",
        does=lambda call: _commands(call, _asked(call)),
        summary="The commands that can be carried out on a document: none",
        body=CommandsCall,
        answers=list[CommandInfo],
    ),
    Operation(
        method="POST",
        path="/Agents/Document/ExecuteDocumentCommand",
        does=lambda call: execute(call, _asked(call), call.body.command or "", call.body.allowed_return_types or ()),
        summary="Carry a command out: there is none, so Success is false",
        body=CommandCall,
        answers=ReturnInfo,
    ),
)
