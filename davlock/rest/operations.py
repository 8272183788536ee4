"""What the API is made of: one row for each operation, from which the routes and the OpenAPI document come."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from davlock.rest.calls import Does

ROOT = "/api/v1"
AGENTS = "/Agents/"


class Nothing(msgspec.Struct):
    """No parameters."""


class Raw:
    """A body that is content: bytes, a JSON string of Base64, or a part of multipart/form-data. The function reads it itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation.

    path: below ROOT, with {name} for what varies. query: a Struct of the parameters; their names are compared without regard to case, and
    a list takes a parameter that is repeated. body: the type of the body, Raw for content, None if there is none. is_optional: whether the
    body may be missing or null. answers: the type of the answer, None if it has no content, Raw or Text if it is not JSON or XML by what
    the client accepts. selects: whether `$select` may leave properties of the answer out; the door does it. carries_content: whether
    there is content in its body, in Base64, so that it may be larger than others. is_conditional: whether it reads If-Match and its like.
    streams: whether it can also be had as a stream of events. examples: of a body, by a sentence.
    """

    method: str
    path: str
    does: Does
    summary: str
    query: type[msgspec.Struct] = Nothing
    body: Any = None
    is_optional: bool = False
    answers: Any = None
    selects: bool = False
    carries_content: bool = False
    is_conditional: bool = False
    streams: bool = False
    needs_login: bool = True
    description: str = ""
    examples: dict[str, Any] = field(default_factory=dict)

    @property
    def is_agent(self) -> bool:
        """Whether it is one of the Agents, which answer `null` for what is not there (rest.md §5)."""
        return self.path.startswith(AGENTS)
