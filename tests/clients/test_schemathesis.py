"""Schemathesis against the REST door: it makes requests of the served OpenAPI document, right and wrong ones, and checks every answer.

All of its checks are on, for all operations and media types: tests/rest/schemathesis.toml. What it cannot know of requests is in
tests/rest/languages.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import REPOSITORY, Serving

pytestmark = pytest.mark.clients

CONFIGURATION = REPOSITORY / "tests" / "rest" / "schemathesis.toml"
SEED = os.environ.get("SCHEMATHESIS_SEED", "1")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Serving]:
    configuration = tmp_path / "davlock.yaml"
    # `ignored_auth` waits for 401, not for the 429 that the sixth wrong password would get.
    configuration.write_text("auth: {free_failures: 1000000}\n")
    with Serving(tmp_path / "root", "--config", str(configuration), users=("alice",), admins=("alice",)) as serving:
        for name in ("report.docx", "plan.docx", "notes.txt"):
            (serving.root / name).write_bytes(b"one")
        yield serving


def test_whatever_is_sent_is_answered_as_the_document_says(served: Serving, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("schemathesis")  # of the development requirements, as pytest is
    done = subprocess.run(
        [str(program), "--config-file", str(CONFIGURATION), "run", f"{served.url}api/v1/openapi.json"]
        + ["--auth", f"alice:{served.password('alice')}", "--seed", SEED, "--max-examples", "8", "--continue-on-failure", "--no-color"],
        capture_output=True,
        text=True,
        timeout=900,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert done.returncode == 0, done.stdout[max(done.stdout.find(" FAILURES "), 0) :][:30_000] + done.stderr
    assert "Traceback" not in served.log()
