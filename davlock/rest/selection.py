"""`$select` on what is no list of columns: properties that are not named come back null (rest.md §4)."""

from __future__ import annotations

import copy
from typing import Any

import msgspec

from davlock.rest import codec

Names = dict[str, "Names"]


def select(value: Any, text: str) -> Any:
    """A value with the properties that `text` names, such as `documentId,Associate/Name`, in any case; everything else in it is null."""
    return _select(value, _parse(text))


def _parse(text: str) -> Names:
    names: Names = {}
    for path in text.lower().split(","):
        level = names
        for name in path.strip().split("/")[: codec.MAX_DEPTH]:
            level = level.setdefault(name.strip(), {})
    return names


def _select(value: Any, names: Names) -> Any:
    if not names:
        return value
    if isinstance(value, list):
        return [_select(each, names) for each in value]
    if isinstance(value, dict):
        return {name: _select(each, names[name.lower()]) if name.lower() in names else None for name, each in value.items()}
    if not isinstance(value, msgspec.Struct):
        return value
    chosen = copy.copy(value)
    for name, each in codec.fields(type(value)).items():
        kept = _select(getattr(value, each.attribute), names[name]) if name in names else None
        setattr(chosen, each.attribute, kept)
    return chosen
