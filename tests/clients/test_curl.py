"""curl: the corners of HTTP that upload scripts, Finder and Office depend on."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.clients.conftest import needs
from tests.serving import Client, Serving

pytestmark = pytest.mark.clients

CONTENT = bytes(range(256)) * 16384  # 4 MiB: more than the socket buffers of both sides hold
BASIC_CHALLENGE = re.compile(r'^< WWW-Authenticate: Basic realm="[^"]+"', re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True)
class Curled:
    """Exit code of curl, HTTP status, bytes of body that it sent, heads that it sent ("> ") and received ("< ")."""

    exit_code: int
    status: int
    uploaded: int
    heads: str


class Curl:
    """curl as one person, or as nobody."""

    def __init__(self, serving: Serving, user: str | None, folder: Path) -> None:
        """folder: where downloads are written."""
        self._serving = serving
        self._folder = folder
        self._program = needs("curl")
        self._login = ["--user", f"{user}:{serving.password(user)}"] if user else []

    def __call__(self, path: str, *arguments: str, stdin: bytes = b"", output: str = "body") -> Curled:
        argv = [
            self._program,
            "--verbose",
            "--silent",
            "--output",
            output,
            "--write-out",
            "%{http_code} %{size_upload}",
            *self._login,
            *arguments,
            self._serving.url + quote(path.lstrip("/")),
        ]
        done = subprocess.run(
            argv,
            input=stdin,
            capture_output=True,
            cwd=self._folder,
            timeout=60,
            env={"HOME": str(self._folder), "PATH": os.environ["PATH"]},
        )
        status, uploaded = done.stdout.split()
        heads = re.sub(r"\r", "", done.stderr.decode(errors="replace"))
        return Curled(done.returncode, int(status), int(uploaded), heads)


@pytest.fixture
def curl(serving: Serving, tmp_path: Path) -> Curl:
    """Alice's."""
    return Curl(serving, "alice", tmp_path)


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    file = tmp_path / "upload.bin"
    file.write_bytes(CONTENT)
    return file


def test_upload_waits_for_100_continue(serving: Serving, curl: Curl, upload: Path) -> None:
    done = curl("/größe & more.bin", "-T", str(upload), "-H", "Expect: 100-continue", "--expect100-timeout", "30")
    assert (done.status, done.uploaded) == (201, len(CONTENT)), done.heads
    assert done.heads.index("< HTTP/1.1 100 Continue") < done.heads.index("< HTTP/1.1 201")
    assert (serving.root / "größe & more.bin").read_bytes() == CONTENT


def test_refused_upload_is_not_asked_for_its_body(serving: Serving, tmp_path: Path, upload: Path, alice: Client) -> None:
    alice.put("/mine.bin", b"first")
    alice.lock("/mine.bin")
    wait = ["-T", str(upload), "-H", "Expect: 100-continue", "--expect100-timeout", "30"]
    for user, refusal in (("bob", 423), (None, 401)):
        done = Curl(serving, user, tmp_path)("/mine.bin", *wait)
        assert (done.status, done.uploaded) == (refusal, 0), done.heads
        assert "100 Continue" not in done.heads
    assert (serving.root / "mine.bin").read_bytes() == b"first"


def test_refused_upload_without_expect_still_hears_why(serving: Serving, tmp_path: Path, upload: Path, alice: Client) -> None:
    alice.put("/mine.bin", b"first")
    alice.lock("/mine.bin")
    done = Curl(serving, "bob", tmp_path)("/mine.bin", "-T", str(upload), "-H", "Expect:")
    assert done.status == 423, done.heads
    assert (serving.root / "mine.bin").read_bytes() == b"first"


def test_chunked_upload_with_expected_length(serving: Serving, curl: Curl, alice: Client) -> None:
    # as Finder: the length is not in Content-Length but announced beside it
    length = f"X-Expected-Entity-Length: {len(CONTENT)}"
    for status, content in ((201, CONTENT), (204, CONTENT[::-1])):
        done = curl("/stream.bin", "-T", "-", "-H", length, stdin=content)
        assert done.status == status, done.heads
        assert "Transfer-Encoding: chunked" in done.heads
        assert (serving.root / "stream.bin").read_bytes() == content
    assert curl("/empty.bin", "-T", "-", "-H", "X-Expected-Entity-Length: 0").status == 201
    assert alice.get("/empty.bin").body == b""


def test_download_is_resumed(serving: Serving, curl: Curl, tmp_path: Path, alice: Client) -> None:
    etag = alice.put("/big.bin", CONTENT).headers["ETag"] or alice.get("/big.bin").headers["ETag"]
    part = tmp_path / "big.bin"
    part.write_bytes(CONTENT[:1_000_000])
    done = curl("/big.bin", "-C", "-", "-H", f"If-Range: {etag}", output="big.bin")
    assert (done.exit_code, done.status) == (0, 206), done.heads
    assert f"< Content-Range: bytes 1000000-{len(CONTENT) - 1}/{len(CONTENT)}\n".lower() in done.heads.lower()
    assert part.read_bytes() == CONTENT

    # changed since: the rest of another file is not appended to the part at hand
    part.write_bytes(CONTENT[:1_000_000])
    assert alice.put("/big.bin", CONTENT[::-1]).status == 204
    done = curl("/big.bin", "-C", "-", "-H", f"If-Range: {etag}", output="big.bin")
    assert (done.exit_code, done.status) == (33, 200), done.heads
    assert part.read_bytes() == CONTENT[:1_000_000]


def test_resumed_upload_is_refused_rather_than_stored_as_the_whole(serving: Serving, curl: Curl, upload: Path, alice: Client) -> None:
    # RFC 9110 14.5: who does not write ranges answers 400
    alice.put("/big.bin", CONTENT[:1_000_000])
    done = curl("/big.bin", "-T", str(upload), "-C", "1000000")
    assert "Content-Range: bytes 1000000-" in done.heads
    assert done.status == 400, done.heads
    assert (serving.root / "big.bin").read_bytes() == CONTENT[:1_000_000]


def test_unchanged_download_is_not_repeated(curl: Curl, tmp_path: Path, alice: Client) -> None:
    alice.put("/page.txt", b"first\n")
    assert curl("/page.txt", "--etag-save", "etag", "--remote-time").status == 200
    etag = (tmp_path / "etag").read_text().strip()
    assert re.fullmatch(r'"[^"]+"', etag), "a weak etag is of no use to davfs2"
    assert curl("/page.txt", "--etag-compare", "etag").status == 304
    # -z with a file asks If-Modified-Since its time, which was set to our own Last-Modified
    assert curl("/page.txt", "-z", "body").status == 304
    assert (tmp_path / "body").read_bytes() == b"first\n"
    # within the same second: the date says nothing, the etag tells
    alice.put("/page.txt", b"again\n")
    assert curl("/page.txt", "--etag-compare", "etag").status == 200
    assert (tmp_path / "body").read_bytes() == b"again\n"


def test_any_authentication_finds_basic(serving: Serving, curl: Curl, upload: Path) -> None:
    done = curl("/auth.bin", "--anyauth", "-T", str(upload))
    assert done.status == 201, done.heads
    assert BASIC_CHALLENGE.search(done.heads), done.heads
    assert (serving.root / "auth.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("value", ["Bearer", "Bearer ", "Bearer \t,", "Basic", "Basic !!!", "Negotiate abc"])
def test_empty_or_foreign_credentials_are_challenged(serving: Serving, tmp_path: Path, value: str) -> None:
    # Office first asks with an empty `Authorization: Bearer` and goes on only after a challenge that it knows
    (serving.root / "contract.docx").write_bytes(b"x")
    nobody = Curl(serving, None, tmp_path)
    for arguments in (["--head"], [], ["-X", "PROPFIND"], ["-X", "LOCK"], ["-T", "-"], ["-X", "OPTIONS"]):
        done = nobody("/contract.docx", *arguments, "-H", f"Authorization: {value}")
        if arguments == ["-X", "OPTIONS"] and done.status == 200:
            assert "DAV: 1,2" in done.heads.replace(", ", ",")
        else:
            assert done.status == 401, done.heads
            assert BASIC_CHALLENGE.search(done.heads), done.heads
    assert (serving.root / "contract.docx").read_bytes() == b"x"
