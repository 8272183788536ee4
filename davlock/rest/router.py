"""Paths, matched without regard to case (rest.md §1); what varies in them keeps its spelling."""

from __future__ import annotations

import re
from typing import Any

import falcon
from falcon.routing import CompiledRouter

_VARIABLE = re.compile(r"\{([a-z_]+)\}")


class Router(CompiledRouter):
    """Templates have {name} for what varies, one for a whole segment; the names are in lower case in what is found."""

    def __init__(self) -> None:
        super().__init__()
        self._places: dict[str, list[tuple[str, int]]] = {}

    def add_route(self, uri_template: str, resource: object, **kwargs: Any) -> None:
        """See Falcon."""
        template = uri_template.lower()
        super().add_route(template, resource, **kwargs)
        self._places[template] = [
            (match[1], place) for place, name in enumerate(template.split("/")) if (match := _VARIABLE.fullmatch(name))
        ]

    def map_http_methods(self, resource: object, **kwargs: Any) -> dict[str, Any]:
        """See Falcon."""
        return _Methods(super().map_http_methods(resource, **kwargs))

    def find(self, uri: str, req: falcon.Request | None = None) -> Any:
        """See Falcon."""
        found = super().find(uri.lower(), req)
        if found is None or not found[2]:
            return found
        resource, methods, _, template = found
        spelled = uri.split("/")
        return resource, methods, {name: spelled[place] for name, place in self._places[template or ""]}, template


class _Methods(dict[str, Any]):
    """What answers which method. Falcon fills in a refusal with `Allow` for every method that it knows, TRACE among them."""

    def __missing__(self, method: str) -> Any:
        return self["TRACE"]
