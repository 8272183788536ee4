"""Two servers over one folder: what one has acknowledged, the other tells from then on, whatever it remembers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.dav.stories import transfer
from tests.serving import Client, Serving

ROUNDS = 300


@pytest.fixture
def other(serving: Serving) -> Iterator[Serving]:
    """Another server, in a process of its own, over the same folder."""
    with Serving(serving.root, users=()) as other:
        yield other


def test_a_draft_is_read_from_the_other_server_as_soon_as_it_is_saved(serving: Serving, other: Serving, folder: str) -> None:
    path = f"{folder}/report.docx"
    alice, beside, alices_other, bobs_other = (
        Client(serving, "alice"),
        Client(serving, "alice"),
        Client(other, "alice"),
        Client(other, "bob"),
    )
    alice.put(path, b"published")
    assert alice.request("CHECKOUT", path).status == 200
    for number in range(ROUNDS):
        saved = b"draft %d" % number
        assert alice.put(path, saved).status == 204
        assert alices_other.get(path).body == saved
        assert beside.get(path).body == saved
        assert bobs_other.get(path).body == b"published"
    assert alice.request("CHECKIN", path).status == 201
    assert bobs_other.get(path).body == saved
    assert bobs_other.request("HEAD", path).headers["Content-Length"] == str(len(saved))


def test_the_number_of_a_document_is_the_same_on_both_servers(serving: Serving, other: Serving, folder: str) -> None:
    alice, bob = Client(serving, "alice"), Client(other, "bob")
    for number in range(20):
        path, aside = f"{folder}/a{number}.docx", f"{folder}/b{number}.docx"
        for at in (path, aside):
            assert bob.get(at).status == 404
        id = alice.put(path, b"one").headers["Document-Id"]
        assert bob.get(path).headers["Document-Id"] == id
        assert transfer(alice, "MOVE", path, aside).status == 201
        assert (bob.get(path).status, bob.get(aside).headers["Document-Id"]) == (404, id)
        assert alice.put(path, b"another").headers["Document-Id"] == bob.get(path).headers["Document-Id"]
        assert alice.request("DELETE", aside).status == 204
        assert bob.get(aside).status == 404
