"""cadaver, the command line client built on neon, as two people would use it beside each other."""

from __future__ import annotations

import os
import re
import select
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.conftest import needs
from tests.serving import Client, Serving

pytestmark = pytest.mark.clients

SECONDS = 20.0
PROMPT = re.compile(r"(?:^|\n)dav:/[^\n]*> $")


class Cadaver:
    """One person's cadaver session: it keeps the tokens of its locks until it ends."""

    def __init__(self, serving: Serving, user: str, folder: Path) -> None:
        """folder: becomes HOME, for the password in .netrc, and the local side of put and get."""
        folder.mkdir()
        netrc = folder / ".netrc"
        netrc.write_text(f"machine {serving.host} login {user} password {serving.password(user)}\n")
        netrc.chmod(0o600)
        self.folder = folder
        self._process = subprocess.Popen(
            [needs("cadaver"), serving.url],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"HOME": str(folder), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        )
        self._until_prompt()

    def do(self, command: str) -> str:
        """Type one command and return what cadaver says to it."""
        assert self._process.stdin
        self._process.stdin.write(f"{command}\n".encode())
        self._process.stdin.flush()
        return self._until_prompt()

    def close(self) -> None:
        self._process.communicate(timeout=SECONDS)

    def _until_prompt(self) -> str:
        assert self._process.stdout
        said = ""
        until = time.monotonic() + SECONDS
        while not (prompt := PROMPT.search(said)):
            ready, _, _ = select.select([self._process.stdout], [], [], until - time.monotonic())
            piece = os.read(self._process.stdout.fileno(), 65536) if ready else b""
            if not piece:
                pytest.fail(f"cadaver {'ended' if ready else 'hangs'} after saying:\n{said}")
            said += piece.decode(errors="replace")
        return said[: prompt.start()]


@pytest.fixture
def alice_session(serving: Serving, tmp_path: Path) -> Iterator[Cadaver]:
    session = Cadaver(serving, "alice", tmp_path / "alice")
    yield session
    session.close()


@pytest.fixture
def bob_session(serving: Serving, tmp_path: Path) -> Iterator[Cadaver]:
    session = Cadaver(serving, "bob", tmp_path / "bob")
    yield session
    session.close()


def test_lock_keeps_others_out_until_unlock(serving: Serving, alice_session: Cadaver, bob_session: Cadaver) -> None:
    alice, bob = alice_session, bob_session
    (alice.folder / "mine.txt").write_text("first\n")
    (alice.folder / "more.txt").write_text("second, longer\n")
    (bob.folder / "theirs.txt").write_text("bob was here\n")
    stored = serving.root / "report.txt"

    assert "succeeded" in alice.do("put mine.txt report.txt")
    assert "succeeded" in alice.do("lock report.txt")
    assert "Lock token <" in alice.do("discover report.txt")

    for command in (
        "put theirs.txt report.txt",
        "lock report.txt",
        "delete report.txt",
        "move report.txt stolen.txt",
        "propset report.txt colour red",
    ):
        said = bob.do(command)
        assert "failed" in said and "423" in said, said
    assert stored.read_text() == "first\n"
    assert [entry.name for entry in serving.root.iterdir() if entry.name != ".davlock"] == ["report.txt"]
    assert "succeeded" in bob.do("get report.txt got.txt")
    assert (bob.folder / "got.txt").read_text() == "first\n"

    assert "succeeded" in alice.do("put more.txt report.txt")
    assert stored.read_text() == "second, longer\n"
    assert "423" in bob.do("put theirs.txt report.txt")

    assert "succeeded" in alice.do("unlock report.txt")
    assert "succeeded" in bob.do("put theirs.txt report.txt")
    assert stored.read_text() == "bob was here\n"


def test_bob_learns_who_holds_the_lock(serving: Serving, alice: Client, bob_session: Cadaver) -> None:
    # not from another cadaver: it sends the owner inside D:href, where neon does not look for a name to show
    alice.put("/report.txt", b"first\n")
    alice.lock("/report.txt", owner="Alice Liddell")
    said = bob_session.do("discover report.txt")
    assert "Scope: exclusive" in said and "Owner: Alice Liddell" in said, said


def test_locked_folder_takes_nothing_new_from_others(serving: Serving, alice_session: Cadaver, bob_session: Cadaver) -> None:
    for session in (alice_session, bob_session):
        (session.folder / "page.txt").write_text(f"{session.folder.name}\n")
    assert "succeeded" in alice_session.do("mkcol project")
    assert "succeeded" in alice_session.do("lock project")
    assert "423" in bob_session.do("put page.txt project/page.txt")
    assert list((serving.root / "project").iterdir()) == []
    assert "succeeded" in alice_session.do("put page.txt project/page.txt")
    assert "423" in bob_session.do("put page.txt project/page.txt")
    assert (serving.root / "project" / "page.txt").read_text() == "alice\n"
    assert "succeeded" in alice_session.do("unlock project")
    assert "succeeded" in bob_session.do("put page.txt project/page.txt")
    assert (serving.root / "project" / "page.txt").read_text() == "bob\n"


def test_folders_copies_and_odd_names(serving: Serving, alice_session: Cadaver, bob_session: Cadaver) -> None:
    alice, bob = alice_session, bob_session
    name = "Angebot für A&B (1) #2 100%.txt"
    (alice.folder / name).write_text("three\n")
    assert "succeeded" in alice.do(f'put "{name}"')
    assert "succeeded" in alice.do("mkcol archive")
    assert "succeeded" in alice.do(f'move "{name}" archive/')
    assert not (serving.root / name).exists()
    assert "succeeded" in alice.do("copy archive spare")

    listing = bob.do("ls spare")
    assert name in listing, listing
    assert "succeeded" in bob.do(f'delete "spare/{name}"')
    assert "succeeded" in bob.do("rmcol spare")
    assert not (serving.root / "spare").exists()
    assert (serving.root / "archive" / name).read_text() == "three\n"


def test_folder_with_signs_in_its_name_is_entered(serving: Serving, alice_session: Cadaver) -> None:
    # neon escapes & and () in what it asks for, and finds its folder in the answer only if that is spelt the same way
    session = alice_session
    (session.folder / "plan.txt").write_text("plan\n")
    folder = serving.root / "R&D (1)'s"
    assert "succeeded" in session.do('mkcol "R&D (1)\'s"')
    said = session.do('cd "R&D (1)\'s"')
    assert "Could not" not in said, said
    assert "succeeded" in session.do("put plan.txt")
    assert (folder / "plan.txt").read_text() == "plan\n"
    listing = session.do("ls")
    assert [line.split()[:2] for line in listing.splitlines()[2:]] == [[">", "plan.txt"]], listing  # `>`: it is checked in
    session.do("cd ..")
    assert "succeeded" in session.do('rmcol "R&D (1)\'s"')
    assert not folder.exists()


def test_properties_are_seen_by_others_and_travel(alice_session: Cadaver, bob_session: Cadaver) -> None:
    (alice_session.folder / "mine.txt").write_text("first\n")
    alice_session.do("put mine.txt report.txt")
    assert "succeeded" in alice_session.do("propset report.txt colour deep-red")
    assert "deep-red" in bob_session.do("propget report.txt colour")
    assert "succeeded" in bob_session.do("copy report.txt copy.txt")
    assert "succeeded" in bob_session.do("move report.txt moved.txt")
    assert "deep-red" in alice_session.do("propget copy.txt colour")
    assert "deep-red" in alice_session.do("propget moved.txt colour")
    assert "succeeded" in alice_session.do("propdel moved.txt colour")
    assert "deep-red" not in bob_session.do("propget moved.txt colour")


def test_checked_out_drafted_and_checked_in(serving: Serving, alice: Client, alice_session: Cadaver, bob_session: Cadaver) -> None:
    mine, theirs = alice_session, bob_session
    for name, text in (("one.txt", "first\n"), ("two.txt", "second, longer\n"), ("three.txt", "third\n")):
        (mine.folder / name).write_text(text)
    (theirs.folder / "theirs.txt").write_text("bob was here\n")
    stored = serving.root / "report.txt"

    assert "succeeded" in mine.do("put one.txt report.txt")
    assert "succeeded" in mine.do("version report.txt")
    assert "succeeded" in mine.do("checkout report.txt")
    assert "succeeded" in mine.do("checkout report.txt")
    assert "succeeded" in mine.do("put two.txt report.txt")
    for command in ("checkout report.txt", "put theirs.txt report.txt", "lock report.txt", "delete report.txt"):
        said = theirs.do(command)
        assert "failed" in said and "423" in said, said
    for command in ("checkin report.txt", "uncheckout report.txt"):
        said = theirs.do(command)
        assert "failed" in said and "403" in said, said
    assert "Owner: alice" in theirs.do("discover report.txt")
    assert "< report.txt" in theirs.do("ls")
    theirs.do("get report.txt got.txt")
    assert (theirs.folder / "got.txt").read_text() == stored.read_text() == "first\n"
    mine.do("get report.txt got.txt")
    assert (mine.folder / "got.txt").read_text() == "second, longer\n"

    assert "succeeded" in mine.do("checkin report.txt")
    assert stored.read_text() == "second, longer\n"
    said = mine.do("checkin report.txt")
    assert "failed" in said and "409" in said, said
    assert "succeeded" in theirs.do("checkout report.txt")
    assert "succeeded" in theirs.do("put theirs.txt report.txt")
    assert "423" in mine.do("put three.txt report.txt")
    assert "succeeded" in theirs.do("uncheckout report.txt")
    assert stored.read_text() == "second, longer\n"
    assert "succeeded" in mine.do("put three.txt report.txt")
    said = theirs.do("history report.txt")
    assert "3 versions in history" in said, said


def test_history_names_versions_that_can_be_fetched_and_copied_back(serving: Serving, alice: Client, alice_session: Cadaver) -> None:
    for content in (b"first\n", b"second\n"):
        alice.put("/report.txt", content)
    said = alice_session.do("history report.txt")
    places = re.findall(r"/_davlock/versions/\d+/\d+", said)
    assert len(places) == 2, said  # the newest one first
    alice_session.do(f"get {places[1]} old.txt")
    assert (alice_session.folder / "old.txt").read_text() == "first\n"
    assert "succeeded" in alice_session.do(f"copy {places[1]} report.txt")
    assert (serving.root / "report.txt").read_text() == "first\n"
    assert "3 versions in history" in alice_session.do("history report.txt")
