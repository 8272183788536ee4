"""LOCK (RFC 4918 §9.10), what a lock is (§6), how long it lasts (§10.7), and how it is shown (§15.8)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dav.stories import DAV, actives, locks_on, refused, say, statuses, url
from tests.serving import Client, Serving, lockinfo

WEEK = 604_800


def ask(client: Client, path: str, *, shared: bool = False, depth: str | None = "0", **headers: str) -> int:
    return client.request("LOCK", path, lockinfo(client.user or "", shared=shared), Depth=depth, **headers).status


def test_a_lock_is_answered_with_its_token_and_the_lock(alice: Client, document: str) -> None:
    answer = alice.request("LOCK", document, lockinfo("Alice at home"), Depth="0", Timeout="Second-3600")
    assert answer.status == 200
    assert answer.xml().tag == f"{DAV}prop"
    (active,) = actives(answer.xml())
    assert answer.headers["Lock-Token"] == f"<{active.token}>"
    assert (active.scope, active.depth, active.owner, active.root) == ("exclusive", "0", "Alice at home", document)
    assert 3590 <= active.seconds <= 3600
    assert active.token and active.token.startswith("urn:uuid:")


def test_tokens_are_never_alike(alice: Client, folder: str) -> None:
    tokens = {alice.lock(f"{folder}/{number}") for number in range(20)}
    assert len(tokens) == 20
    assert len({token[:20] for token in tokens}) == 20, "they can be guessed from one another"


def test_lock_of_an_unmapped_url_makes_an_empty_document(alice: Client, folder: str, disk: Path) -> None:
    answer = alice.request("LOCK", f"{folder}/new.odt", lockinfo("alice"), Depth="0")
    assert answer.status == 201
    assert (disk / "new.odt").read_bytes() == b""
    assert alice.get(f"{folder}/new.odt").body == b""
    assert alice.propfind(f"{folder}/new.odt").status == 207
    assert [active.root for active in locks_on(alice, f"{folder}/new.odt")] == [f"{folder}/new.odt"]


def test_a_denied_lock_of_an_unmapped_url_leaves_nothing(alice: Client, bob: Client, folder: str, disk: Path) -> None:
    alice.lock(folder, depth="infinity")
    assert ask(bob, f"{folder}/new.odt") == 423
    assert list(disk.iterdir()) == []
    assert bob.get(f"{folder}/new.odt").status == 404


def test_lock_of_an_unmapped_url_needs_the_token_of_its_locked_folder(alice: Client, bob: Client, folder: str, disk: Path) -> None:
    token = alice.lock(folder, depth="0")
    answer = bob.request("LOCK", f"{folder}/new.odt", lockinfo("bob"), Depth="0")
    assert (answer.status, refused(answer).condition, refused(answer).paths) == (423, "lock-token-submitted", [f"{folder}/"])
    assert ask(alice, f"{folder}/new.odt") == 423
    assert list(disk.iterdir()) == []
    assert ask(alice, f"{folder}/new.odt", If=f"<{url(alice, folder)}> (<{token}>)") == 201


def test_lock_of_an_unmapped_url_without_a_parent_is_409(alice: Client, folder: str, disk: Path) -> None:
    assert ask(alice, f"{folder}/missing/new.odt") == 409
    assert list(disk.iterdir()) == []
    assert ask(alice, f"{folder}/missing") == 201, "nothing stayed locked"


def test_lock_of_an_unmapped_url_with_a_slash_makes_nothing(alice: Client, folder: str, disk: Path) -> None:
    assert ask(alice, f"{folder}/new/") == 405
    assert list(disk.iterdir()) == []


def test_an_exclusive_lock_tolerates_no_other(alice: Client, bob: Client, document: str) -> None:
    alice.lock(document)
    for shared in (False, True):
        answer = bob.request("LOCK", document, lockinfo("bob", shared=shared), Depth="0")
        assert answer.status == 423
        assert (refused(answer).condition, refused(answer).paths) == ("no-conflicting-lock", [document])
    assert [active.holder for active in locks_on(alice, document)] == ["alice"]


def test_a_second_session_of_the_same_person_is_refused(alice: Client, document: str) -> None:
    alice.lock(document)
    answer = alice.request("LOCK", document, lockinfo("alice"), Depth="0")
    assert answer.status == 423
    assert "locked by yourself, in another program" in refused(answer).message


def test_shared_locks_stand_beside_each_other(alice: Client, bob: Client, document: str) -> None:
    tokens = [alice.lock(document, shared=True), bob.lock(document, shared=True), alice.lock(document, shared=True)]
    assert len(set(tokens)) == 3
    assert sorted(active.holder for active in locks_on(alice, document)) == ["alice", "alice", "bob"]
    assert ask(bob, document) == 423, "an exclusive one beside them"


def test_one_shared_token_of_ones_own_is_enough_to_write(alice: Client, bob: Client, document: str) -> None:
    hers, his = alice.lock(document, shared=True), bob.lock(document, shared=True)
    assert alice.put(document, b"by alice", hers).status == 204
    assert bob.put(document, b"by bob", his).status == 204
    assert bob.put(document, b"by bob with hers", hers).status == 423
    assert bob.put(document, b"without").status == 423
    assert alice.get(document).body == b"by bob"


def test_depth_is_infinity_when_it_is_not_sent(alice: Client, folder: str) -> None:
    answer = alice.request("LOCK", folder, lockinfo("alice"))
    assert [active.depth for active in actives(answer.xml())] == ["infinity"]


@pytest.mark.parametrize("depth", ["1", "2", "-1", "1.0", "", "0, infinity", "9" * 5000, "infinity,noroot"])
def test_lock_takes_depth_0_and_infinity_only(alice: Client, document: str, depth: str) -> None:
    assert ask(alice, document, depth=depth) == 400
    assert locks_on(alice, document) == []


def test_a_deep_lock_covers_every_member_at_any_depth(alice: Client, bob: Client, folder: str, disk: Path) -> None:
    (disk / "sub/deeper").mkdir(parents=True)
    (disk / "sub/deeper/a.txt").write_bytes(b"old")
    token = alice.lock(folder, depth="infinity")
    assert bob.put(f"{folder}/sub/deeper/a.txt", b"new").status == 423
    assert bob.put(f"{folder}/sub/deeper/b.txt", b"new").status == 423
    assert bob.request("MKCOL", f"{folder}/sub/other").status == 423
    assert alice.put(f"{folder}/sub/deeper/a.txt", b"new").status == 423
    tagged = f"<{url(alice, folder)}> (<{token}>)"
    assert alice.put(f"{folder}/sub/deeper/b.txt", b"hers", If=tagged).status == 201
    assert bob.put(f"{folder}/sub/deeper/b.txt", b"his").status == 423, "a new member is covered at once"


def test_a_deep_lock_is_shown_on_every_member(alice: Client, bob: Client, folder: str, disk: Path) -> None:
    (disk / "sub").mkdir()
    (disk / "sub/a.txt").write_bytes(b"")
    token = alice.lock(folder, depth="infinity")
    for path in (folder, f"{folder}/sub", f"{folder}/sub/a.txt"):
        (active,) = locks_on(alice, path)
        assert (active.token, active.depth, active.root) == (token, "infinity", f"{folder}/")
    listed = alice.propfind(f"{folder}/sub", "lockdiscovery", depth="1")
    assert [active.token for active in actives(listed.xml())] == [token, token]
    assert [active.holder for active in locks_on(bob, f"{folder}/sub/a.txt")] == ["alice"]


def test_a_deep_lock_is_not_granted_over_a_locked_member(alice: Client, bob: Client, folder: str, document: str) -> None:
    bob.lock(document)
    answer = alice.request("LOCK", folder, lockinfo("alice"), Depth="infinity")
    assert statuses(answer) == {document: 423, f"{folder}/": 424}
    assert "locked by bob" in answer.body.decode()
    assert locks_on(alice, folder) == []
    assert ask(alice, folder, depth="0") == 200, "a lock on the folder alone is another thing"


def test_a_deep_lock_is_not_granted_over_a_member_locked_by_oneself(alice: Client, folder: str, document: str) -> None:
    alice.lock(document)
    assert ask(alice, folder, depth="infinity") == 207
    assert locks_on(alice, folder) == []


def test_a_member_of_a_deep_lock_cannot_be_locked_again(alice: Client, bob: Client, folder: str, document: str) -> None:
    alice.lock(folder, depth="infinity")
    for client in (alice, bob):
        answer = client.request("LOCK", document, lockinfo("x"), Depth="0")
        assert (answer.status, refused(answer).paths) == (423, [f"{folder}/"])


def test_deep_shared_locks_stand_beside_each_other(alice: Client, bob: Client, folder: str, document: str) -> None:
    hers = alice.lock(folder, depth="infinity", shared=True)
    his = bob.lock(document, shared=True)
    assert sorted(active.holder for active in locks_on(alice, document)) == ["alice", "bob"]
    assert ask(bob, folder, depth="infinity") in (207, 423)
    assert bob.put(document, b"his", his).status == 204
    assert alice.put(document, b"hers", If=f"<{url(alice, folder)}> (<{hers}>)").status == 204


def test_the_token_is_shown_to_its_holder_alone(alice: Client, bob: Client, folder: str, document: str) -> None:
    token = alice.lock(document)
    assert [active.token for active in locks_on(alice, document)] == [token]
    assert [active.token for active in locks_on(bob, document)] == ["urn:davlock:token-of-another"]
    assert token.encode() not in bob.propfind(folder, depth="1").body
    refusal = bob.request("LOCK", document, lockinfo("bob"), Depth="0")
    assert token.encode() not in refusal.body
    mixed = bob.request("LOCK", folder, lockinfo("bob"), Depth="infinity")
    assert token.encode() not in mixed.body


def test_everybody_sees_who_holds_a_lock_since_when_until_when_and_through_which_door(alice: Client, bob: Client, document: str) -> None:
    alice.lock(document, owner="<D:href>PC-7/Alice Miller</D:href>")
    (active,) = locks_on(bob, document)
    assert (active.holder, active.door, active.owner) == ("alice", "webdav", "PC-7/Alice Miller")
    assert active.since.endswith("Z") and len(active.since) == 20
    assert 3590 <= active.seconds <= 3600


def test_the_owner_is_kept_as_it_was_sent(alice: Client, bob: Client, document: str) -> None:
    alice.lock(document, owner='<x:who xmlns:x="urn:x" rank="1">A &amp; <D:href>mailto:a@b</D:href></x:who>')
    owner = bob.propfind(document, "lockdiscovery").xml().find(f".//{DAV}owner")
    assert owner is not None
    who = owner.find("{urn:x}who")
    assert who is not None and who.attrib == {"rank": "1"} and who.text == "A & "
    assert who.findtext(f"{DAV}href") == "mailto:a@b"


def test_a_lock_without_owner_is_shown_with_its_holder(alice: Client, bob: Client, document: str) -> None:
    body = lockinfo("").replace("<D:owner></D:owner>", "")
    assert alice.request("LOCK", document, body, Depth="0").status == 200
    assert [active.owner for active in locks_on(bob, document)] == ["alice"]


def test_unknown_elements_in_lockinfo_are_ignored(alice: Client, document: str) -> None:
    body = lockinfo("alice").replace("<D:owner>", '<x:more xmlns:x="urn:x"><D:lockscope/></x:more><D:owner>')
    assert alice.request("LOCK", document, body, Depth="0").status == 200


@pytest.mark.parametrize(
    "body",
    [
        "<D:lockinfo xmlns:D='DAV:'/>",
        "<D:lockinfo xmlns:D='DAV:'><D:lockscope><D:exclusive/></D:lockscope></D:lockinfo>",
        "<D:propfind xmlns:D='DAV:'><D:allprop/></D:propfind>",
        lockinfo("x").replace("<D:exclusive/>", "<D:exclusive/><D:shared/>"),
        lockinfo("x").replace("<D:write/>", "<D:read/>"),
        lockinfo("x").replace("DAV:", "urn:other:"),
        lockinfo("o" * 5000),
        "lock it",
    ],
    ids=["empty", "no-type", "propfind", "two-scopes", "read", "namespace", "long-owner", "no-xml"],
)
def test_a_lockinfo_that_makes_no_sense_is_400(alice: Client, document: str, body: str) -> None:
    assert alice.request("LOCK", document, body, Depth="0").status == 400
    assert locks_on(alice, document) == []


def test_a_chunked_lockinfo_is_read(alice: Client, document: str) -> None:
    body = lockinfo("alice").encode()
    assert alice.request("LOCK", document, iter([body[:40], body[40:]]), Depth="0").status == 200


# refresh (§9.10.2)


def test_a_refresh_keeps_the_token_and_starts_the_time_again(alice: Client, document: str) -> None:
    token = alice.lock(document, timeout="Second-100")
    answer = alice.request("LOCK", document, If=f"(<{token}>)", Timeout="Second-3600")
    assert answer.status == 200
    (active,) = actives(answer.xml())
    assert active.token == token
    assert 3590 <= active.seconds <= 3600
    assert "Lock-Token" not in answer.headers
    assert [each.token for each in locks_on(alice, document)] == [token]


def test_a_refresh_keeps_owner_and_scope(alice: Client, document: str) -> None:
    token = alice.lock(document, owner="Alice", shared=True)
    (active,) = actives(alice.request("LOCK", document, If=f"(<{token}>)").xml())
    assert (active.owner, active.scope, active.depth) == ("Alice", "shared", "0")


def test_a_deep_lock_is_refreshed_through_a_member(alice: Client, folder: str, document: str) -> None:
    token = alice.lock(folder, depth="infinity", timeout="Second-100")
    answer = alice.request("LOCK", document, If=f"(<{token}>)", Timeout="Second-3600")
    (active,) = actives(answer.xml())
    assert (answer.status, active.token, active.root) == (200, token, f"{folder}/")
    assert active.seconds > 3000


def test_a_lock_without_body_and_if_header_is_400(alice: Client, document: str) -> None:
    assert alice.request("LOCK", document).status == 400


@pytest.mark.parametrize("form", ["({token})", "<{url}> ({token})", "<{other}> ({token})", "({token}) (Not <DAV:no-lock>)"])
def test_nobody_refreshes_somebody_elses_lock(alice: Client, bob: Client, folder: str, document: str, form: str) -> None:
    token = alice.lock(document, timeout="Second-100")
    value = form.format(token=f"<{token}>", url=url(bob, document), other=url(bob, f"{folder}/other"))
    assert bob.request("LOCK", document, If=value, Timeout="Second-3600").status == 412
    (active,) = locks_on(alice, document)
    assert active.seconds <= 100


def test_a_refresh_of_a_lock_that_has_ended_is_412_and_locks_nothing(alice: Client, document: str) -> None:
    token = alice.lock(document)
    assert alice.unlock(document, token).status == 204
    assert alice.request("LOCK", document, If=f"(<{token}>)").status == 412
    assert alice.request("LOCK", document, If=f"(<{token}>) (Not <DAV:no-lock>)").status == 412
    assert locks_on(alice, document) == []


def test_a_refresh_through_another_document_is_412(alice: Client, folder: str, document: str) -> None:
    token = alice.lock(document, timeout="Second-100")
    alice.put(f"{folder}/other", b"")
    for value in (f"(<{token}>)", f"<{url(alice, document)}> (<{token}>)"):
        assert alice.request("LOCK", f"{folder}/other", If=value, Timeout="Second-3600").status == 412
    assert locks_on(alice, document)[0].seconds <= 100


# how long a lock lasts (§10.7)


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        (None, 600),
        ("Second-180", 180),
        ("Second-3600", 3600),
        ("second-42", 42),
        ("Second-0", 1),
        ("Second-00000000000000000060", 60),
        ("Infinite", WEEK),
        ("Infinite, Second-4100000000", WEEK),
        ("Extend, Second-300", 300),
        ("Second-4294967296", WEEK),
        ("Second-99999999999999999999", WEEK),
        ("Second-" + "9" * 5000, WEEK),
        ("Second--1", 600),
        ("-0", 600),
        ("Second-1e9", 600),
        ("Second-1x", 600),
        ("Second-1_0", 600),
        ("Second-+5", 600),
        ("Second-٣٦٠".encode().decode("latin-1"), 600),
        ("soon", 600),
        ("", 600),
    ],
    ids=lambda value: (str(value) or "empty").encode("ascii", "replace").decode()[:30],
)
def test_a_timeout_is_kept_within_bounds_and_nonsense_is_the_default(alice: Client, document: str, asked: str | None, granted: int) -> None:
    answer = alice.request("LOCK", document, lockinfo("alice"), Depth="0", Timeout=asked)
    (active,) = actives(answer.xml())
    assert max(1, granted - 5) <= active.seconds <= granted
    assert locks_on(alice, document)[0].seconds >= 1


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server with bounds of its own for locks, and a root of its own to lock."""
    folder = tmp_path_factory.mktemp("strict")
    (folder / "davlock.yaml").write_text("locks: {minimum_seconds: 60, default_seconds: 120, maximum_seconds: 300}\n")
    with Serving(folder / "root", "--config", str(folder / "davlock.yaml")) as strict:
        yield strict


def test_an_expired_lock_is_gone_without_anybody_sweeping(alice: Client, bob: Client, folder: str, document: str) -> None:
    token = alice.lock(document, timeout="Second-1")
    alice.lock(folder, timeout="Second-1")
    while locks_on(bob, document) or locks_on(bob, folder):
        pass  # a second of real time: the clock of the state decides, and nobody can turn it from here
    assert bob.put(document, b"his").status == 204
    assert bob.request("LOCK", folder, lockinfo("bob"), Depth="infinity").status == 200
    assert alice.put(document, b"hers", token).status == 412
    assert alice.unlock(document, token).status == 409
    assert alice.get(document).body == b"his"


def test_names_that_need_encoding_can_be_locked(alice: Client, bob: Client, folder: str) -> None:
    for name in ("with space", "100%25", "a#b", "what?", "ümlaut", "a&b (1)", "semi;colon", "a+b", "[x]", "'q'", "日本"):
        path = f"{folder}/{name}"
        token = alice.lock(path)
        (active,) = locks_on(bob, path)
        assert active.root == path
        assert bob.put(path, b"his").status == 423
        assert alice.put(path, b"hers", token).status == 204
        assert alice.unlock(path, token).status == 204


def test_the_root_folder_can_be_locked(strict: Serving) -> None:
    alice, bob = Client(strict, "alice"), Client(strict, "bob")
    token = alice.lock("/", depth="infinity")
    assert [active.root for active in locks_on(bob, "/")] == ["/"]
    refusal = bob.put("/a", b"")
    assert refusal.status == 423
    assert "The root folder is locked by alice" in refusal.body.decode()
    assert alice.put("/a", b"", If=f"</> (<{token}>)").status == 201
    assert alice.unlock("/a", token).status == 204


def test_the_bounds_of_timeouts_are_configured_and_locks_survive_a_restart(strict: Serving) -> None:
    alice, bob = Client(strict, "alice"), Client(strict, "bob")
    for asked, granted in (("Second-1", 60), (None, 120), ("Second-200", 200), ("Infinite", 300)):
        path = f"/{granted}"
        (active,) = actives(alice.request("LOCK", path, lockinfo("alice"), Depth="0", Timeout=asked).xml())
        assert granted - 5 <= active.seconds <= granted
    token = alice.lock("/kept")
    released = alice.lock("/released")
    assert alice.unlock("/released", released).status == 204
    strict.restart()
    assert [active.token for active in locks_on(alice, "/kept")] == [token]
    assert bob.put("/kept", b"").status == 423
    assert alice.put("/kept", b"hers", token).status == 204
    assert bob.put("/released", b"his").status == 204


def test_a_refused_lock_does_not_ask_for_its_body(serving: Serving, document: str) -> None:
    answer = say(serving, f"LOCK {document}", "Depth: 1", "Content-Length: 100", "Expect: 100-continue")
    assert answer.status == 400
