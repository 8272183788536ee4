"""The properties of RFC 3253, and davlock's own of documents under source control: shown only when they are asked for by name (§1.4.2)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from davlock.dav import live, methods, xml
from davlock.model import Document, Lock, Semantics, Version

_Of = TypeVar("_Of")
ID = f"{{{xml.DAVLOCK}}}id"
RESCUED = f"{{{xml.DAVLOCK}}}rescued-drafts"
COMMENT = f"{{{xml.DAV}}}comment"
_FORBIDDEN = "<D:forbidden/>"  # the versions of a document are one line


def version_href(document: int, number: int) -> str:
    """Where a version of a document (by its id) can be read."""
    return f"{methods.VERSIONS}/{document}/{number}"


def draft_href(id: int) -> str:
    """Where a rescued draft can be read."""
    return f"{methods.DRAFTS}/{id}"


@dataclass(frozen=True, slots=True)
class Controlled:
    """A document or folder, and what the state knows of it.

    id: None without identity. document: None also if another program has changed the file and nobody has looked at it since.
    rescued: the ids of the drafts of it that are kept for whoever asks.
    """

    is_folder: bool
    semantics: Semantics
    id: int | None = None
    document: Document | None = None
    checkout: Lock | None = None
    rescued: Sequence[int] = ()

    @property
    def base(self) -> str | None:
        """The href of the version that the document is, or was checked out from."""
        return version_href(self.document.id, self.document.version) if self.document and self.document.stamp else None

    @property
    def has_versions(self) -> bool:
        """Whether it is a version-controlled resource (RFC 3253 §1.3)."""
        return self.base is not None and self.semantics is Semantics.VERSIONING


@dataclass(frozen=True, slots=True)
class Placed:
    """A version, the numbers of those before and after it, and the href of its document if that was checked out from it."""

    version: Version
    before: int | None = None
    after: int | None = None
    checked_out: str | None = None


def of_resource(names: Iterable[str], resource: Controlled) -> dict[str, str]:
    """Those of the properties asked for that a document or folder has: Clark name → XML of the whole element."""
    return _shown(names, _OF_RESOURCE, resource)


def of_version(names: Iterable[str], placed: Placed) -> dict[str, str]:
    """The same of a version."""
    return _shown(names, _OF_VERSION, placed)


def _shown(names: Iterable[str], values: Mapping[str, Callable[[_Of], str | None]], of: _Of) -> dict[str, str]:
    found = {name: values[name](of) for name in names if name in values}
    return {name: xml.element(name, value) for name, value in found.items() if value is not None}


def _href(href: str | None) -> str | None:
    return None if href is None else f"<D:href>{xml.escape(href)}</D:href>"


def _text(text: str) -> str | None:
    return xml.escape(text) or None


def _checked_in(resource: Controlled) -> str | None:
    return _href(resource.base) if resource.has_versions and not resource.checkout else None


def _checked_out(resource: Controlled) -> str | None:
    return _href(resource.base) if resource.checkout else None


def _comment(resource: Controlled) -> str | None:
    if resource.checkout:
        return _text(resource.checkout.comment)
    return _text(resource.document.comment) if resource.document else None


def _checkout(resource: Controlled) -> str | None:
    """Who works on it, since when, through which door and what for; never the token (design §2)."""
    lock = resource.checkout
    if lock is None:
        return None
    said = {"holder": lock.principal, "since": xml.timestamp(math.floor(lock.since)), "door": lock.door, "comment": lock.comment}
    return "".join(xml.element(f"{{{xml.DAVLOCK}}}{name}", xml.escape(value)) for name, value in said.items() if value)


def _allowed(resource: Controlled) -> tuple[str, ...]:
    return methods.ON_FOLDER if resource.is_folder else methods.ON_DOCUMENT[resource.semantics]


def _method_set(names: Iterable[str]) -> str:
    return "".join(f'<D:supported-method name="{name}"/>' for name in names)


def _report_set(names: Iterable[str]) -> str:
    return "".join(f"<D:supported-report><D:report><D:{name}/></D:report></D:supported-report>" for name in names)


def _property_set(names: Iterable[str]) -> str:
    return "".join(f"<D:supported-live-property><D:prop>{xml.element(name)}</D:prop></D:supported-live-property>" for name in names)


def reports(resource: Controlled) -> tuple[str, ...]:
    """The reports that a document or folder supports, by the local names of their elements."""
    return ("version-tree", "expand-property") if resource.has_versions else ("expand-property",)


def _live(resource: Controlled) -> list[str]:
    basic = [name for name, each in live.PROPERTIES.items() if (each.folder if resource.is_folder else each.document) is not None]
    return [*basic, *(_SETS if resource.is_folder else _OF_RESOURCE)]


def _live_of_version() -> list[str]:
    return [*(name for name, each in live.PROPERTIES.items() if each.document is not None), *_OF_VERSION]


def _dav(values: Mapping[str, Callable[[_Of], str | None]]) -> dict[str, Callable[[_Of], str | None]]:
    return {f"{{{xml.DAV}}}{name}": value for name, value in values.items()}


_OF_RESOURCE = _dav(
    {
        "checked-in": _checked_in,
        "checked-out": _checked_out,
        "predecessor-set": _checked_out,
        "checkout-fork": lambda resource: _FORBIDDEN if resource.checkout else None,
        "checkin-fork": lambda resource: _FORBIDDEN if resource.checkout else None,
        "version-name": lambda resource: str(resource.document.version) if resource.document and resource.has_versions else None,
        "creator-displayname": lambda resource: _text(resource.document.changed_by) if resource.document else None,
        "comment": _comment,
        "auto-version": lambda resource: "<D:checkout-unlocked-checkin/>" if resource.has_versions else None,
        "supported-method-set": lambda resource: _method_set(_allowed(resource)),
        "supported-live-property-set": lambda resource: _property_set(_live(resource)),
        "supported-report-set": lambda resource: _report_set(reports(resource)),
    }
) | {
    f"{{{xml.DAVLOCK}}}checkout": _checkout,
    RESCUED: lambda resource: "".join(f"<D:href>{draft_href(id)}</D:href>" for id in resource.rescued) or None,
    ID: lambda resource: None if resource.id is None else str(resource.id),
}
_OF_VERSION = _dav(
    {
        "version-name": lambda placed: str(placed.version.number),
        "creator-displayname": lambda placed: _text(placed.version.changed_by),
        "comment": lambda placed: _text(placed.version.comment),
        "predecessor-set": lambda placed: _neighbour(placed, placed.before),
        "successor-set": lambda placed: _neighbour(placed, placed.after),
        "checkout-set": lambda placed: _href(placed.checked_out) or "",
        "checkout-fork": lambda _: _FORBIDDEN,
        "checkin-fork": lambda _: _FORBIDDEN,
        "supported-method-set": lambda _: _method_set(methods.ON_VERSION),
        "supported-live-property-set": lambda _: _property_set(_live_of_version()),
        "supported-report-set": lambda _: _report_set(("version-tree", "expand-property")),
    }
) | {ID: lambda placed: str(placed.version.document)}


def _neighbour(placed: Placed, number: int | None) -> str:
    return "" if number is None else _href(version_href(placed.version.document, number)) or ""


_SETS = [name for name in _OF_RESOURCE if name.endswith("-set") and "supported" in name]

NAMES = dict.fromkeys((*_OF_RESOURCE, *_OF_VERSION))
