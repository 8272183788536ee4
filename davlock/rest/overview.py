"""What there is: the versions of the API, and the map of its URLs (rest.md §1)."""

from __future__ import annotations

import importlib.metadata
from functools import lru_cache

from davlock.rest.calls import Call
from davlock.rest.operations import ROOT, Operation


def versions(call: Call) -> dict[str, str]:
    """What clients ask before they log in. The names are SuperOffice's."""
    number = _version()
    return {"v1": call.base + ROOT, "Version": "v1", "NetServerVersion": number, "NetServer": f"davlock {number}".rstrip()}


VERSIONS = Operation(
    method="GET", path="", does=versions, summary="Tell the versions of the API", answers=dict[str, str], needs_login=False
)
"""It stands above all versions, at VERSIONS_URL."""
VERSIONS_URL = "/api"


def with_map(operations: tuple[Operation, ...]) -> tuple[Operation, ...]:
    """The operations, and one that tells what each of them does."""

    def tell(call: Call) -> dict[str, dict[str, str]]:
        told: dict[str, dict[str, str]] = {}
        for operation in all_of_them:
            told.setdefault(call.base + ROOT + operation.path, {})[operation.method] = operation.summary
        return told

    listing = Operation(method="GET", path="", does=tell, summary="List all URLs", answers=dict[str, dict[str, str]])
    all_of_them = (*operations, listing)
    return all_of_them


@lru_cache(maxsize=1)
def _version() -> str:
    try:
        return importlib.metadata.version("davlock")
    except importlib.metadata.PackageNotFoundError:
        return ""
