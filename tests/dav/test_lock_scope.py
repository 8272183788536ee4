"""What a write lock forbids and what it does not (RFC 4918 §7), and what becomes of it when things move (§7.6, §9.6 to §9.9)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.dav.stories import locks_on, proppatch, refused, setting, statuses, transfer, url
from tests.serving import Answer, Client, lockinfo

Attempt = Callable[[Client, str], Answer]

WRITES: dict[str, Attempt] = {
    "PUT": lambda client, path: client.put(path, b"new"),
    "PROPPATCH": lambda client, path: proppatch(client, path, setting("<Z:a>b</Z:a>")),
    "PROPPATCH of a protected property": lambda client, path: proppatch(client, path, setting("<D:getetag>x</D:getetag>")),
    "DELETE": lambda client, path: client.request("DELETE", path),
    "MOVE": lambda client, path: transfer(client, "MOVE", path, f"{path}.moved"),
    "COPY onto": lambda client, path: transfer(client, "COPY", f"{path}.other", path),
    "MOVE onto": lambda client, path: transfer(client, "MOVE", f"{path}.other", path),
    "LOCK": lambda client, path: client.request("LOCK", path, lockinfo("x"), Depth="0"),
}
READS: dict[str, tuple[Attempt, int]] = {
    "GET": (lambda client, path: client.get(path), 200),
    "HEAD": (lambda client, path: client.request("HEAD", path), 200),
    "OPTIONS": (lambda client, path: client.request("OPTIONS", path), 200),
    "PROPFIND": (lambda client, path: client.propfind(path), 207),
    "COPY from": (lambda client, path: transfer(client, "COPY", path, f"{path}.copy"), 201),
}


@pytest.mark.parametrize("user", ["alice", "bob"])
@pytest.mark.parametrize("attempt", WRITES.values(), ids=WRITES)
def test_without_the_token_nothing_changes_a_locked_document(
    alice: Client, bob: Client, document: str, disk: Path, attempt: Attempt, user: str
) -> None:
    (disk / "report.odt.other").write_bytes(b"other")
    token = alice.lock(document)
    answer = attempt({"alice": alice, "bob": bob}[user], document)
    assert answer.status == 423
    assert refused(answer).paths == [document]
    assert {each.name: each.read_bytes() for each in disk.iterdir()} == {"report.odt": b"old", "report.odt.other": b"other"}
    assert [active.token for active in locks_on(alice, document)] == [token]


@pytest.mark.parametrize(("attempt", "status"), READS.values(), ids=READS)
def test_everybody_reads_a_locked_document(alice: Client, bob: Client, document: str, attempt: Attempt, status: int) -> None:
    alice.lock(document)
    assert attempt(bob, document).status == status


@pytest.mark.parametrize(("depth", "status"), [("0", 423), ("infinity", 204)])
def test_of_two_who_share_a_folder_only_one_may_share_what_is_in_it(alice: Client, bob: Client, tree: str, depth: str, status: int) -> None:
    alice.lock(tree, depth="infinity", shared=True)
    token = bob.lock(tree, depth=depth, shared=True)
    assert bob.request("DELETE", tree, If=f"(<{token}>)").status == status


@pytest.mark.parametrize("shared", [False, True])
def test_the_holder_writes_with_the_token(alice: Client, document: str, shared: bool) -> None:
    token = alice.lock(document, shared=shared)
    assert alice.put(document, b"new", token).status == 204
    assert proppatch(alice, document, setting("<Z:a>b</Z:a>"), If=f"(<{token}>)").status == 207
    assert [active.token for active in locks_on(alice, document)] == [token], "writing does not end it"
    assert alice.request("DELETE", document, If=f"(<{token}>)").status == 204


def test_a_token_is_nothing_without_its_holder(alice: Client, bob: Client, document: str) -> None:
    token = alice.lock(document)
    assert bob.put(document, b"his", token).status == 423
    assert bob.request("DELETE", document, If=f"(<{token}>)").status == 423
    assert alice.get(document).body == b"old"


# a folder locked with Depth 0 (§7.4, §7.5)


MEMBERSHIP: dict[str, Attempt] = {
    "PUT of a new member": lambda client, folder: client.put(f"{folder}/new", b""),
    "MKCOL": lambda client, folder: client.request("MKCOL", f"{folder}/new"),
    "LOCK of a new name": lambda client, folder: client.request("LOCK", f"{folder}/new", lockinfo("x"), Depth="0"),
    "DELETE of a member": lambda client, folder: client.request("DELETE", f"{folder}/report.odt"),
    "MOVE out": lambda client, folder: transfer(client, "MOVE", f"{folder}/report.odt", f"{folder}.outside/in"),
    "MOVE in": lambda client, folder: transfer(client, "MOVE", f"{folder}.outside/a", f"{folder}/new"),
    "COPY in": lambda client, folder: transfer(client, "COPY", f"{folder}.outside/a", f"{folder}/new"),
    "MOVE within": lambda client, folder: transfer(client, "MOVE", f"{folder}/report.odt", f"{folder}/renamed"),
}


@pytest.mark.parametrize("attempt", MEMBERSHIP.values(), ids=MEMBERSHIP)
def test_members_of_a_locked_folder_neither_come_nor_go(
    alice: Client, bob: Client, folder: str, document: str, disk: Path, attempt: Attempt
) -> None:
    outside = disk.with_name(f"{disk.name}.outside")
    outside.mkdir()
    (outside / "a").write_bytes(b"a")
    alice.lock(folder, depth="0")
    answer = attempt(bob, folder)
    assert answer.status == 423
    assert refused(answer).condition == "lock-token-submitted"
    assert refused(answer).paths == [f"{folder}/"]
    assert [each.name for each in disk.iterdir()] == ["report.odt"]
    assert [each.name for each in outside.iterdir()] == ["a"]


def test_a_folder_locked_with_depth_0_leaves_its_documents_alone(alice: Client, bob: Client, folder: str, document: str) -> None:
    alice.lock(folder, depth="0")
    assert bob.put(document, b"his").status == 204
    assert proppatch(bob, document, setting("<Z:a>b</Z:a>")).status == 207
    token = bob.lock(document)
    assert bob.unlock(document, token).status == 204
    assert proppatch(bob, folder, setting("<Z:a>b</Z:a>")).status == 423


def test_the_holder_of_a_folder_changes_its_members_with_its_token(alice: Client, folder: str, document: str) -> None:
    token = alice.lock(folder, depth="0")
    tagged = f"<{url(alice, folder)}> (<{token}>)"
    assert alice.put(f"{folder}/new", b"", If=tagged).status == 201
    assert alice.request("MKCOL", f"{folder}/sub", If=tagged).status == 201
    assert transfer(alice, "MOVE", document, f"{folder}/renamed", If=tagged).status == 201
    assert alice.request("DELETE", f"{folder}/renamed", If=tagged).status == 204
    assert alice.request("DELETE", f"{folder}/new", If=f"(<{token}>)").status == 412, "a list without tag is about the member"


# trees


@pytest.fixture
def tree(folder: str, disk: Path) -> str:
    """The path of a folder `top` with `sub/held` and `sub/free`."""
    (disk / "top/sub").mkdir(parents=True)
    (disk / "top/sub/held").write_bytes(b"held")
    (disk / "top/sub/free").write_bytes(b"free")
    return f"{folder}/top"


TREES: dict[str, Attempt] = {
    "DELETE": lambda client, path: client.request("DELETE", path),
    "MOVE": lambda client, path: transfer(client, "MOVE", path, f"{path}.moved"),
    "COPY onto": lambda client, path: transfer(client, "COPY", f"{path}.other", path),
    "MOVE onto": lambda client, path: transfer(client, "MOVE", f"{path}.other", path),
}


@pytest.mark.parametrize("below", ["", "/sub"], ids=["grandparent", "parent"])
@pytest.mark.parametrize("attempt", TREES.values(), ids=TREES)
def test_a_tree_with_a_locked_member_is_changed_as_a_whole_or_not_at_all(
    alice: Client, bob: Client, tree: str, disk: Path, attempt: Attempt, below: str
) -> None:
    other = disk / f"top{below}.other"
    other.mkdir()
    (other / "new").write_bytes(b"new")
    token = alice.lock(f"{tree}/sub/held")
    before = sorted(str(each) for each in disk.rglob("*"))
    answer = attempt(bob, f"{tree}{below}")
    assert answer.status in (207, 423)
    assert f"{tree}/sub/held" in (statuses(answer) if answer.status == 207 else refused(answer).paths)
    assert sorted(str(each) for each in disk.rglob("*")) == before
    assert [active.token for active in locks_on(alice, f"{tree}/sub/held")] == [token]


@pytest.mark.parametrize("method", ["DELETE", "MOVE"])
def test_a_locked_member_is_named_in_a_207(alice: Client, bob: Client, tree: str, method: str) -> None:
    alice.lock(f"{tree}/sub/held")
    answer = TREES[method](bob, tree)
    assert statuses(answer) == {f"{tree}/sub/held": 423}
    assert "held is locked by alice since" in answer.body.decode()
    assert b"lock-token-submitted" in answer.body


def test_several_locked_members_are_all_named(alice: Client, bob: Client, tree: str) -> None:
    alice.lock(f"{tree}/sub/held")
    alice.lock(f"{tree}/sub/free")
    alice.lock(f"{tree}/sub", depth="0")
    named = statuses(bob.request("DELETE", tree))
    assert named == {f"{tree}/sub/": 423, f"{tree}/sub/free": 423, f"{tree}/sub/held": 423}


def test_a_member_with_several_locks_is_named_once(alice: Client, bob: Client, tree: str) -> None:
    alice.lock(f"{tree}/sub/held", shared=True)
    bob.lock(f"{tree}/sub/held", shared=True)
    answer = bob.request("DELETE", tree)
    assert answer.body.count(b"<D:response>") == 1
    assert b"locked by alice" in answer.body


def test_a_tree_is_locked_itself_and_in_a_member_423(alice: Client, bob: Client, tree: str) -> None:
    alice.lock(tree, depth="0")
    alice.lock(f"{tree}/sub/held")
    answer = bob.request("DELETE", tree)
    assert answer.status == 423
    assert refused(answer).paths == [f"{tree}/", f"{tree}/sub/held"]


@pytest.mark.parametrize("method", ["DELETE", "MOVE"])
def test_a_tree_with_members_locked_by_oneself_goes_with_their_tokens(alice: Client, tree: str, method: str) -> None:
    token = alice.lock(f"{tree}/sub/held")
    submitted = {"If": f"<{url(alice, f'{tree}/sub/held')}> (<{token}>)"}
    if method == "DELETE":
        assert alice.request("DELETE", tree, **submitted).status == 204
    else:
        assert transfer(alice, "MOVE", tree, f"{tree}.moved", **submitted).status == 201
        assert alice.get(f"{tree}.moved/sub/held").body == b"held"
        assert locks_on(alice, f"{tree}.moved/sub/held") == []
    assert alice.get(f"{tree}/sub/held").status == 404


@pytest.mark.parametrize("depth", ["0", "infinity"])
@pytest.mark.parametrize("method", ["DELETE", "MOVE"])
def test_an_if_header_without_tag_is_not_about_the_members(alice: Client, tree: str, method: str, depth: str) -> None:
    token = alice.lock(tree, depth=depth)
    submitted = {"If": f"(<{token}>)"}
    if method == "DELETE":
        assert alice.request("DELETE", tree, **submitted).status == 204
    else:
        assert transfer(alice, "MOVE", tree, f"{tree}.moved", **submitted).status == 201


# what becomes of locks


def test_move_leaves_the_lock_behind_and_ends_it(alice: Client, bob: Client, document: str) -> None:
    token = alice.lock(document)
    assert transfer(alice, "MOVE", document, f"{document}.moved", If=f"(<{token}>)").status == 201
    assert locks_on(alice, f"{document}.moved") == []
    assert bob.put(f"{document}.moved", b"his").status == 204
    assert bob.put(document, b"his").status == 201
    assert alice.request("LOCK", document, If=f"(<{token}>)").status == 412
    assert alice.unlock(document, token).status == 409


def test_move_under_a_deep_lock_keeps_what_arrives_covered(alice: Client, bob: Client, folder: str, document: str) -> None:
    token = alice.lock(folder, depth="infinity")
    tagged = f"<{url(alice, folder)}> (<{token}>)"
    assert transfer(alice, "MOVE", document, f"{folder}/renamed", If=tagged).status == 201
    assert [active.token for active in locks_on(alice, f"{folder}/renamed")] == [token]
    assert bob.put(f"{folder}/renamed", b"his").status == 423


def test_move_onto_a_locked_document_keeps_the_lock_of_that_url(alice: Client, bob: Client, folder: str, document: str) -> None:
    alice.put(f"{folder}/new", b"new")
    token = alice.lock(document)
    tagged = f"<{url(alice, document)}> (<{token}>)"
    assert transfer(alice, "MOVE", f"{folder}/new", document, If=tagged).status == 204
    assert alice.get(document).body == b"new"
    assert [active.token for active in locks_on(alice, document)] == [token]
    assert bob.put(document, b"his").status == 423


def test_a_copy_is_not_locked(alice: Client, bob: Client, document: str) -> None:
    alice.lock(document)
    assert transfer(alice, "COPY", document, f"{document}.copy").status == 201
    assert locks_on(alice, f"{document}.copy") == []
    assert bob.put(f"{document}.copy", b"his").status == 204


def test_copy_onto_a_locked_document_keeps_its_lock(alice: Client, folder: str, document: str) -> None:
    alice.put(f"{folder}/new", b"new")
    token = alice.lock(document)
    assert transfer(alice, "COPY", f"{folder}/new", document, If=f"<{url(alice, document)}> (<{token}>)").status == 204
    assert [active.token for active in locks_on(alice, document)] == [token]


def test_delete_ends_the_lock(alice: Client, bob: Client, document: str) -> None:
    token = alice.lock(document)
    assert alice.request("DELETE", document, If=f"(<{token}>)").status == 204
    assert bob.put(document, b"his").status == 201
    assert locks_on(bob, document) == []


def test_delete_of_a_folder_ends_the_locks_in_it(alice: Client, bob: Client, tree: str) -> None:
    token = alice.lock(f"{tree}/sub/held")
    assert alice.request("DELETE", tree, If=f"<{url(alice, f'{tree}/sub/held')}> (<{token}>)").status == 204
    for path in (tree, f"{tree}/sub"):
        assert bob.request("MKCOL", path).status == 201
    assert bob.put(f"{tree}/sub/held", b"his").status == 201
