"""UNLOCK (RFC 4918 §9.11) and the Lock-Token header (§10.5)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dav.stories import locks_on, refused
from tests.serving import Client


def test_unlock_ends_the_lock_and_has_no_body(alice: Client, bob: Client, document: str) -> None:
    token = alice.lock(document)
    answer = alice.unlock(document, token)
    assert (answer.status, answer.body) == (204, b"")
    assert locks_on(alice, document) == []
    assert bob.put(document, b"his").status == 204


def test_a_token_works_once(alice: Client, document: str) -> None:
    token = alice.lock(document)
    assert alice.unlock(document, token).status == 204
    answer = alice.unlock(document, token)
    assert (answer.status, refused(answer).condition) == (409, "lock-token-matches-request-uri")
    assert alice.put(document, b"new", token).status == 412


def test_nobody_ends_somebody_elses_lock(alice: Client, bob: Client, document: str) -> None:
    token = alice.lock(document)
    answer = bob.unlock(document, token)
    assert answer.status == 403
    assert "locked by alice since" in answer.body.decode()
    assert "Only its holder can end it." in answer.body.decode()
    assert [active.token for active in locks_on(alice, document)] == [token]


def test_a_token_of_another_resource_is_409(alice: Client, folder: str, document: str) -> None:
    token = alice.lock(document)
    for path in (folder, f"{folder}/other", f"{document}/below"):
        answer = alice.unlock(path, token)
        assert (answer.status, refused(answer).condition) == (409, "lock-token-matches-request-uri"), path
    assert [active.token for active in locks_on(alice, document)] == [token]


def test_a_deep_lock_ends_as_a_whole_through_any_member(alice: Client, bob: Client, folder: str, document: str) -> None:
    token = alice.lock(folder, depth="infinity")
    assert alice.unlock(document, token).status == 204
    assert locks_on(alice, folder) == []
    assert bob.put(f"{folder}/new", b"").status == 201


def test_one_of_several_shared_locks_ends(alice: Client, bob: Client, document: str) -> None:
    hers, his = alice.lock(document, shared=True), bob.lock(document, shared=True)
    assert alice.unlock(document, hers).status == 204
    assert [active.token for active in locks_on(bob, document)] == [his]


def test_a_lock_can_be_ended_after_its_document_has_vanished(alice: Client, bob: Client, folder: str, document: str, disk: Path) -> None:
    token = alice.lock(document)
    (disk / "report.odt").unlink()
    assert bob.put(document, b"his").status == 423
    assert list(disk.iterdir()) == [], "a refused PUT made something"
    assert alice.unlock(document, token).status == 204
    assert bob.put(document, b"his").status == 201


def test_a_document_that_has_vanished_is_written_again_under_its_lock(alice: Client, document: str, disk: Path) -> None:
    token = alice.lock(document)
    (disk / "report.odt").unlink()
    assert alice.put(document, b"hers", token).status == 201
    assert alice.unlock(document, token).status == 204


@pytest.mark.parametrize(
    "value",
    [None, "", "<", ">", "<>", "<urn:uuid:1", "nonsense", "<{token}> <{token}>", "<{token}>, <{token}>", "(<{token}>)", "<" + "a" * 60_000],
    ids=["none", "empty", "open", "close", "nothing", "unclosed", "bare", "two", "comma", "if", "huge"],
)
def test_a_lock_token_header_that_makes_no_sense_is_400(alice: Client, document: str, value: str | None) -> None:
    token = alice.lock(document)
    sent = value if value is None else value.replace("{token}", token)
    assert alice.request("UNLOCK", document, Lock_Token=sent).status in (400, 431)
    assert [active.token for active in locks_on(alice, document)] == [token]


def test_a_token_without_brackets_is_understood(alice: Client, document: str) -> None:
    """As npm's webdav and some versions of Windows send it."""
    token = alice.lock(document)
    assert alice.request("UNLOCK", document, Lock_Token=token).status == 204


def test_an_if_header_that_fails_keeps_the_lock(alice: Client, document: str) -> None:
    token = alice.lock(document)
    answer = alice.request("UNLOCK", document, Lock_Token=f"<{token}>", If='(["other"])')
    assert answer.status == 412
    assert [active.token for active in locks_on(alice, document)] == [token]


def test_unlock_with_a_body_is_415(alice: Client, document: str) -> None:
    token = alice.lock(document)
    assert alice.request("UNLOCK", document, b"body", Lock_Token=f"<{token}>").status == 415
    assert [active.token for active in locks_on(alice, document)] == [token]
