"""JSON patch (RFC 6902) and merge patch (RFC 7396) of an entity, as SuperOffice has them: which of the two it is, the JSON tells.

Names are compared without regard to case, the first slash of a path may be missing, and there is neither `copy` nor `move`. An object
that is merged with a list is one more item of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from davlock.errors import BadRequest
from davlock.rest.refusals import Refused

MAX_OPERATIONS = 100
_MAX_STEPS = 8
_INDEX = re.compile(r"0|[1-9][0-9]{0,5}")
_MISSING = object()


def patched(entity: dict[str, Any], patch: Any) -> dict[str, Any]:
    """The entity as a patch wants it. What it was stays as it was.

    Raises BadRequest for what is no patch, Refused (409) if a test finds something else, or there is nothing at a path.
    """
    _check_depth(patch)
    entity = deepcopy(entity)
    if isinstance(patch, list):
        if len(patch) > MAX_OPERATIONS:
            raise BadRequest(f"The patch has {len(patch)} operations; at most {MAX_OPERATIONS} are possible.")
        for each in patch:
            _carry_out(entity, each)
        return entity
    if not isinstance(patch, dict):
        raise BadRequest("A patch is a list of operations, or an object with the properties that change.")
    _merge(entity, patch)
    return entity


def _check_depth(patch: Any) -> None:
    level = [patch]
    for _ in range(_MAX_STEPS + 2):
        level = [each for item in level if isinstance(item, dict | list) for each in (item.values() if isinstance(item, dict) else item)]
    if level:
        raise BadRequest("The patch is nested too deeply.")


def _merge(target: dict[str, Any], patch: dict[str, Any]) -> None:
    spelled = {each.lower(): each for each in target}
    for name, value in patch.items():
        key = name if name in target else spelled.get(name.lower(), name)
        now = target.get(key)
        if isinstance(now, dict) and isinstance(value, dict):
            _merge(now, value)
        elif isinstance(now, list) and isinstance(value, dict):
            now.append(deepcopy(value))
        elif value is None:
            target.pop(key, None)
        else:
            target[key] = deepcopy(value)


def _carry_out(entity: dict[str, Any], operation: Any) -> None:
    asked = {str(name).lower(): value for name, value in operation.items()} if isinstance(operation, dict) else {}
    does = _OPERATIONS.get(asked.get("op", "")) if isinstance(asked.get("op", ""), str) else None
    if does is None:
        raise BadRequest(f"Each operation of a patch is an object whose op is one of {', '.join(_OPERATIONS)}.")
    path = asked.get("path")
    if not isinstance(path, str):
        raise BadRequest("Each operation of a patch has a path such as /Header.")
    if does is not _remove and "value" not in asked:
        raise BadRequest(f"The operation for {path} has no value.")
    *way, last = _steps(path)
    target: Any = entity
    for step in way:
        target = _member(target, step)
    if not isinstance(target, dict | list):
        raise _nothing(path)
    does(target, last, deepcopy(asked.get("value")), path)


def _steps(path: str) -> list[str]:
    steps = [each.replace("~1", "/").replace("~0", "~") for each in path.removeprefix("/").split("/")]
    if len(steps) > _MAX_STEPS:
        raise BadRequest(f"The path {path} leads too deep.")
    return steps


def _test(target: Any, last: str, value: Any, path: str) -> None:
    if not _is_same(_member(target, last), value):
        raise Refused(409, "SoConcurrencyException", f"{path} is not what the patch expects; nothing was changed.")


def _add(target: Any, last: str, value: Any, path: str) -> None:
    if isinstance(target, dict):
        target[_key(target, last)] = value
    elif last == "-":
        target.append(value)
    else:
        target.insert(_index(target, last, len(target), path), value)


def _replace(target: Any, last: str, value: Any, path: str) -> None:
    if isinstance(target, list):
        target[_index(target, last, len(target) - 1, path)] = value
    elif (key := _key(target, last)) in target:
        target[key] = value
    else:
        raise _nothing(path)


def _remove(target: Any, last: str, _: Any, path: str) -> None:
    if isinstance(target, list):
        del target[_index(target, last, len(target) - 1, path)]
    elif (key := _key(target, last)) in target:
        del target[key]
    else:
        raise _nothing(path)


_OPERATIONS: dict[str, Callable[[Any, str, Any, str], None]] = {"add": _add, "replace": _replace, "remove": _remove, "test": _test}


def _member(target: Any, step: str) -> Any:
    """What a step leads to, or _MISSING."""
    if isinstance(target, dict):
        return target.get(_key(target, step), _MISSING)
    if isinstance(target, list) and _INDEX.fullmatch(step) and int(step) < len(target):
        return target[int(step)]
    return _MISSING


def _key(target: dict[str, Any], name: str) -> str:
    """A name as the target spells it; as it is, if the target has no such member."""
    if name in target:
        return name
    return next((each for each in target if each.lower() == name.lower()), name)


def _index(target: list[Any], step: str, last: int, path: str) -> int:
    if _INDEX.fullmatch(step) and int(step) <= last:
        return int(step)
    raise _nothing(path)


def _is_same(now: Any, expected: Any) -> bool:
    """As JSON compares (RFC 6902 §4.6): true is not 1, and 1.0 is 1."""
    if isinstance(now, bool) or isinstance(expected, bool):
        return now is expected
    if isinstance(now, dict) and isinstance(expected, dict):
        return now.keys() == expected.keys() and all(_is_same(now[each], expected[each]) for each in now)
    if isinstance(now, list) and isinstance(expected, list):
        return len(now) == len(expected) and all(map(_is_same, now, expected))
    return bool(now == expected)


def _nothing(path: str) -> Refused:
    return Refused(409, "SoConcurrencyException", f"The document has nothing at {path}; nothing was changed.")
