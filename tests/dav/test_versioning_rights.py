"""What an administrator may do to the checkout of another, and what the configuration makes of documents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dav.stories import refused, transfer
from tests.dav.versioning import check_in, check_out, history, props, say
from tests.serving import Client, Serving

CONFIG = """
root: root
versions:
  patterns:
    - match: "*.mp4"
      semantics: Locking
    - match: "/scans/*"
      semantics: None
"""


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    home = tmp_path_factory.mktemp("rights")
    (home / "davlock.yaml").write_text(CONFIG)
    with Serving(home / "root", "--config", str(home / "davlock.yaml"), users=("alice", "bob", "root"), admins=("root",)) as serving:
        yield serving


@pytest.fixture
def admin(serving: Serving) -> Iterator[Client]:
    client = Client(serving, "root")
    yield client
    client.close()


def test_an_administrator_undoes_with_a_reason_and_the_draft_is_rescued(alice: Client, bob: Client, admin: Client, document: str) -> None:
    check_out(alice, document, b"a draft")
    for inside in ("", "<L:reason/>", "<L:reason>  </L:reason>", "<D:reason>in the wrong namespace</D:reason>"):
        answer = say(admin, "UNCHECKOUT", document, inside)
        assert (answer.status, b"reason" in answer.body) == (400, True)
    assert alice.get(document).body == b"a draft"
    answer = say(admin, "UNCHECKOUT", document, "<L:reason>Alice is ill</L:reason>")
    assert answer.status == 200
    draft = answer.headers["Location"]
    assert alice.get(document).body == b"old"
    assert [who.get(draft).status for who in (alice, admin, bob)] == [200, 200, 403]
    assert alice.get(draft).body == b"a draft"
    assert props(alice, document, "L:rescued-drafts")[document]["L:rescued-drafts"][0].text == draft
    assert transfer(alice, "COPY", draft, document).status == 204
    assert bob.get(document).body == b"a draft"


def test_an_administrator_does_not_check_in_for_another(alice: Client, admin: Client, document: str) -> None:
    check_out(alice, document, b"a draft")
    assert say(admin, "CHECKIN", document).status == 403
    assert admin.get(document).body == b"old"
    assert admin.put(document, b"admin's").status == 423


def test_a_document_of_the_kind_locking_has_drafts_but_no_versions(alice: Client, bob: Client, folder: str) -> None:
    film = f"{folder}/film.mp4"
    alice.put(film, b"old")
    check_out(alice, film, b"a draft")
    assert (alice.get(film).body, bob.get(film).body) == (b"a draft", b"old")
    assert bob.put(film, b"bob's").status == 423
    shown = props(bob, film, "checked-in", "checked-out", "L:checkout", "version-name", "auto-version")[film]
    assert set(shown) == {"checked-out", "L:checkout"}
    location = check_in(alice, film)
    assert bob.get(location).body == bob.get(film).body == b"a draft"
    assert bob.get(f"{location.rpartition('/')[0]}/1").status == 404
    assert say(alice, "VERSION-CONTROL", film).status == 403
    allowed = alice.request("OPTIONS", film).headers["Allow"].split(", ")
    assert "CHECKOUT" in allowed and "VERSION-CONTROL" not in allowed


def test_a_document_of_the_kind_none_is_not_checked_out(serving: Serving, alice: Client) -> None:
    Path(serving.root / "scans").mkdir()
    alice.put("/scans/page.pdf", b"old")
    answer = say(alice, "CHECKOUT", "/scans/page.pdf")
    assert (answer.status, b"not checked out here" in answer.body) == (403, True)
    assert say(alice, "VERSION-CONTROL", "/scans/page.pdf").status == 403
    assert not {"CHECKOUT", "CHECKIN", "UNCHECKOUT", "VERSION-CONTROL"} & set(
        alice.request("OPTIONS", "/scans/page.pdf").headers["Allow"].split(", ")
    )
    assert alice.put("/scans/page.pdf", b"new").status == 204
    assert "checked-in" not in props(alice, "/scans/page.pdf", "checked-in")["/scans/page.pdf"]


def test_what_is_configured_does_not_touch_other_documents(alice: Client, document: str) -> None:
    check_out(alice, document, b"new")
    check_in(alice, document)
    assert len(history(alice, document)) == 2


def test_bob_is_told_who_may_undo(alice: Client, bob: Client, document: str) -> None:
    check_out(alice, document)
    answer = say(bob, "UNCHECKOUT", document, "<L:reason>I want it</L:reason>")
    assert answer.status == 403
    assert refused(say(bob, "CHECKOUT", document)).message.startswith("report.odt is checked out by alice since ")
