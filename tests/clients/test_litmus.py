"""litmus, the WebDAV conformance suite (http://www.webdav.org/neon/litmus/), must have nothing to complain about."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.clients.conftest import needs
from tests.server.hosting import SERVERS, Hosting
from tests.serving import Serving

pytestmark = pytest.mark.clients

# litmus 0.13: basic 16, copymove 13, props 30, locks 41, http 4
TESTS = 104
SECONDS = 120


def passes(output: str, tests: int = TESTS) -> None:
    """All of them, or over TLS all but one: litmus has no test of 100-continue there."""
    counts = re.findall(r"summary for `\w+': of (\d+) tests run: (\d+) passed, (\d+) failed", output)
    run, passed, failed = (sum(map(int, column)) for column in zip(*counts, strict=True))
    assert (len(counts), run, passed, failed) == (5, tests, tests, 0), output
    assert "WARNING" not in output, output
    assert output.count("SKIPPED") == TESTS - tests, output


def litmus(serving: Serving, folder: str, work: Path) -> str:
    """What litmus prints about a folder (an href), its tests' lines as they stand when they are finished."""
    argv = [needs("litmus"), "-k", serving.url + folder, "alice", serving.password("alice")]
    done = subprocess.run(argv, capture_output=True, cwd=work, timeout=SECONDS)
    # a running test's line is drawn over: "12. name.....  \r12. name... pass"
    return re.sub(r"[^\n]*\r(?!\n)", "", done.stdout.decode(errors="replace"))


@pytest.mark.parametrize(
    ("arguments", "folder"),
    [((), ""), (("--workers", "2"), ""), ((), "my%20docs%20%26%20%C3%BC/"), ((), "my%20docs%20&%20%C3%BC/")],
    ids=["one process", "two workers", "odd folder", "odd folder, & plain"],
)
def test_litmus_passes_without_warnings(root: Path, tmp_path: Path, arguments: tuple[str, ...], folder: str) -> None:
    (root / unquote(folder)).mkdir(exist_ok=True)
    with Serving(root, *arguments, users=()) as serving:
        passes(litmus(serving, folder, tmp_path))


@pytest.mark.parametrize("workers", ["1", "4"])
def test_litmus_passes_over_tls(root: Path, tmp_path: Path, workers: str) -> None:
    with Serving(root, "--self-signed", "--workers", workers, users=()) as serving:
        passes(litmus(serving, "", tmp_path), TESTS - 1)


@pytest.mark.parametrize("server", SERVERS)
def test_litmus_passes_in_other_servers(root: Path, tmp_path: Path, server: str) -> None:
    with Hosting(root, server, users=()) as serving:
        passes(litmus(serving, "", tmp_path))
