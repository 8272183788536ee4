"""docs/compliance.md names a test for each thing that works; this is the test that they are there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec

from davlock import events
from davlock.rest import codec, negotiation
from davlock.rest.columns import COLUMNS
from davlock.rest.door import OPERATIONS
from davlock.rest.operations import ROOT, Operation

TESTS = Path(__file__).parent


def test_every_test_that_is_named_is_there() -> None:
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", (TESTS.parent / "docs" / "compliance.md").read_text(encoding="utf-8")))
    there = set(re.findall(r"^def (test_[a-z0-9_]+)", "\n".join(f.read_text("utf-8") for f in TESTS.rglob("test_*.py")), re.MULTILINE))
    assert len(named) > 80
    assert named - there == set()


def test_every_yes_names_one() -> None:
    rows = [line for line in (TESTS.parent / "docs" / "compliance.md").read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    assert [row for row in rows if re.search(r"\| (yes|partly)\b", row) and "`test_" not in row] == []


def test_every_part_of_the_rest_api_has_its_row() -> None:
    """Routes, parameters, properties, media types, columns and events, as they are served."""
    text = (TESTS.parent / "docs" / "compliance.md").read_text(encoding="utf-8").partition("## REST: SuperOffice")[2]
    rows = "\n".join(line for line in text.splitlines() if line.startswith("|"))
    words = set(re.findall(r"[$\w]+", rows))
    routes = {f"{each.method} {each.path or ROOT}" for each in OPERATIONS}
    parts = {name for each in OPERATIONS for name in names(each)} | {name for name, column in COLUMNS.items() if column.is_own}
    told = {each for each in vars(events).values() if isinstance(each, str) and each.startswith("document.")}
    assert sorted(route for route in routes if not re.search(rf"{re.escape(route)}(?![\w/{{])", rows)) == []
    assert sorted(parts - words) == []
    assert sorted(each for each in {*negotiation.ANSWERS, *negotiation.BODIES, *told} if f"`{each}`" not in rows) == []


def names(operation: Operation) -> Iterator[str]:
    """Of parameters, and of all properties of bodies and answers."""
    seen: set[Any] = set()
    waiting = [operation.query, operation.body, operation.answers]
    while waiting:
        kind = waiting.pop()
        if codec.is_struct(kind) and kind not in seen:
            seen.add(kind)
            for field in msgspec.structs.fields(kind):
                yield field.encode_name.removeprefix("odata.")
                waiting.append(field.type)
        else:
            waiting += get_args(kind)
