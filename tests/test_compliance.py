"""docs/compliance.md names a test for each thing that works; this is the test that they are there."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent


def test_every_test_that_is_named_is_there() -> None:
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", (TESTS.parent / "docs" / "compliance.md").read_text(encoding="utf-8")))
    there = set(re.findall(r"^def (test_[a-z0-9_]+)", "\n".join(f.read_text("utf-8") for f in TESTS.rglob("test_*.py")), re.MULTILINE))
    assert len(named) > 80
    assert named - there == set()


def test_every_yes_names_one() -> None:
    rows = [line for line in (TESTS.parent / "docs" / "compliance.md").read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    assert [row for row in rows if re.search(r"\| (yes|partly)\b", row) and "`test_" not in row] == []
