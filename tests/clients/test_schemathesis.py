"""Schemathesis against the REST door: it makes requests of the served OpenAPI document, right and wrong ones, and checks every answer.

All of its checks are on; the exceptions, each with its reason, are in tests/rest/schemathesis.toml and here.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serving import Client, Raw, Serving

pytestmark = pytest.mark.clients

CONFIGURATION = Path(__file__).parents[1] / "rest" / "schemathesis.toml"
SEED = "1"
Document = dict[str, Any]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Serving]:
    with Serving(tmp_path / "root", users=("alice",), admins=("alice",)) as serving:
        for name in ("report.docx", "plan.docx", "notes.txt"):
            (serving.root / name).write_bytes(b"one")
        yield serving


def check(serving: Serving, folder: Path, prepare: Callable[[Document], None], *arguments: str) -> None:
    """Runs Schemathesis over the document, as prepare() leaves it."""
    described = json.loads(Client(serving, "alice").request("GET", Raw("/api/v1/openapi.json")).body)
    # A password that is wrong for the sixth time gets 429, not the 401 that `ignored_auth` waits for. Wrong tokens are still tried.
    described["security"] = [each for each in described["security"] if "basic" not in each]
    prepare(described)
    schema = folder / "openapi.json"
    schema.write_text(json.dumps(described))
    login = f"alice:{serving.password('alice')}"
    program = Path(sys.executable).with_name("schemathesis")  # of the development requirements, as pytest is
    done = subprocess.run(
        [
            str(program),
            "--config-file",
            str(CONFIGURATION),
            "run",
            str(schema),
            "--url",
            serving.url.rstrip("/"),
            "--auth",
            login,
            "--seed",
            SEED,
        ]
        + ["--continue-on-failure", "--no-color", *arguments],
        capture_output=True,
        text=True,
        timeout=600,
        cwd=folder,
    )
    assert done.returncode == 0, done.stdout[max(done.stdout.find(" FAILURES "), 0) :][:30_000] + done.stderr
    assert "Traceback" not in serving.log()


def bodies(document: Document) -> Iterator[Document]:
    """By media type, the bodies of all operations that take JSON or XML."""
    for item in document["paths"].values():
        for operation in item.values():
            yield operation.get("requestBody", {}).get("content", {})


def test_whatever_json_is_sent_is_answered_as_the_document_says(served: Serving, tmp_path: Path) -> None:
    def prepare(document: Document) -> None:
        for content in bodies(document):
            for media_type in [each for each in content if "xml" in each or "form-urlencoded" in each]:
                del content[media_type]

    check(served, tmp_path, prepare, "--max-examples", "12")


def test_xml_and_forms_are_taken_as_the_document_says(served: Serving, tmp_path: Path) -> None:
    # Only what is right: Schemathesis breaks the types of values, and in XML and forms all of them are text.
    def prepare(document: Document) -> None:
        for path, item in list(document["paths"].items()):
            for verb, operation in list(item.items()):
                content = operation.get("requestBody", {}).get("content", {})
                if "application/xml" not in content:
                    del item[verb]
                    continue
                for media_type in [each for each in content if "xml" not in each and "form-urlencoded" not in each]:
                    del content[media_type]
            if not item:
                del document["paths"][path]

    check(served, tmp_path, prepare, "--mode", "positive", "--phases", "examples,coverage,fuzzing", "--max-examples", "5")
