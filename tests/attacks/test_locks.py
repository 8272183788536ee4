"""Taking what somebody else has locked: with his token, with tricks, and through the folder above (reliability §3)."""

from __future__ import annotations

import threading

import pytest

from tests.attacks.conftest import CONTENT, Scene
from tests.dav.stories import locks_on, setting, transfer
from tests.serving import Client, lockinfo

PROPPATCH = f'<D:propertyupdate xmlns:D="DAV:" xmlns:Z="urn:z">{setting("<Z:a>stolen</Z:a>")}</D:propertyupdate>'.encode()
LOCKINFO = lockinfo("bob").encode()

IF_HEADERS = {
    "none": [],
    "his": ["(<{token}>)"],
    "tagged": ["<{locked}> (<{token}>)"],
    "tagged absolute": ["<http://{host}{locked}> (<{token}>)"],
    "tagged to another": ["<{free}> (<{token}>)"],
    "tagged to another host": ["<http://elsewhere.example{locked}> (<{token}>)"],
    "not no-lock": ["(Not <DAV:no-lock>)"],
    "no-lock": ["(<DAV:no-lock>)"],
    "his or not no-lock": ["(<{token}>) (Not <DAV:no-lock>)"],
    "tagged or not no-lock": ["<{free}> (<{token}>) (Not <DAV:no-lock>)"],
    "not his": ["(Not <{token}>) (Not <DAV:no-lock>)"],
    "two heads": ["(<{token}>)", "(Not <DAV:no-lock>)"],
    "upper case": ["(<{upper}>) (Not <DAV:no-lock>)"],
    "cut": ["(<{cut}>) (Not <DAV:no-lock>)"],
    "longer": ["(<{token}0>) (Not <DAV:no-lock>)"],
    "star": ["(<*>) (Not <DAV:no-lock>)"],
    "bare uuid": ["(<{uuid}>) (Not <DAV:no-lock>)"],
    "opaquelocktoken": ["(<opaquelocktoken:{uuid}>) (Not <DAV:no-lock>)"],
    "etag": ['(["*"]) (Not <DAV:no-lock>)'],
    "blanks": ["(< {token} >)"],
    "percent": ["(<urn%3Auuid%3A{uuid}>) (Not <DAV:no-lock>)"],
}


@pytest.mark.parametrize("values", IF_HEADERS.values(), ids=IF_HEADERS)
def test_nobody_writes_with_somebody_elses_lock(scene: Scene, values: list[str]) -> None:
    names = {
        "token": scene.token,
        "upper": scene.token.upper(),
        "cut": scene.token[:-1],
        "uuid": scene.token.removeprefix("urn:uuid:"),
        "locked": scene.locked,
        "free": scene.free,
        "host": scene.host,
    }
    headers = [f"If: {value.format(**names)}" for value in values]
    refused = (400, 412, 423)
    scene.hit(f"PUT {scene.locked}", *headers, body=b"stolen", expect=refused)
    scene.hit(f"DELETE {scene.locked}", *headers, expect=refused)
    scene.hit(f"MOVE {scene.locked}", f"Destination: {scene.folder}/stolen", *headers, expect=refused)
    scene.hit(f"COPY {scene.free}", f"Destination: {scene.locked}", *headers, expect=refused)
    scene.hit(f"MOVE {scene.free}", f"Destination: {scene.locked}", *headers, expect=refused)
    scene.hit(f"PROPPATCH {scene.locked}", *headers, body=PROPPATCH, expect=refused)
    scene.hit(f"LOCK {scene.locked}", "Depth: 0", *headers, body=LOCKINFO, expect=refused)
    scene.hit(f"LOCK {scene.locked}", "Timeout: Second-1", *headers, expect=refused)
    scene.hit(f"LOCK {scene.folder}", "Depth: infinity", *headers, body=LOCKINFO, expect=(*refused, 207))
    assert locks_on(scene.alice, scene.locked)[0].seconds > 3000
    # The owner without the token, or with a wrong one, is in no better place.
    if "{token}" not in "".join(values):
        scene.hit(f"PUT {scene.locked}", *headers, body=b"stolen", user="alice", expect=refused)


@pytest.mark.parametrize("form", ["<{}>", "{}", "<{}> ", "\t<{}>"])
def test_nobody_unlocks_with_somebody_elses_token(scene: Scene, form: str) -> None:
    header = f"Lock-Token: {form.format(scene.token)}"
    scene.hit(f"UNLOCK {scene.locked}", header, expect=[403])
    scene.hit(f"UNLOCK {scene.locked}", header, f"If: (<{scene.token}>)", expect=[403])
    scene.hit(f"UNLOCK {scene.folder}", header, expect=[409])
    scene.hit(f"UNLOCK {scene.free}", header, expect=[409])
    scene.hit(f"UNLOCK {scene.locked}", header, user=None, expect=[401])


def test_tokens_of_other_documents_and_of_the_dead_open_nothing(scene: Scene) -> None:
    other = scene.alice.lock(scene.free)
    scene.hit(f"PUT {scene.locked}", f"If: <{scene.free}> (<{other}>)", body=b"x", user="alice", expect=[423])
    scene.hit(f"PUT {scene.locked}", f"If: (<{other}>) (Not <DAV:no-lock>)", body=b"x", user="alice", expect=[423])
    assert scene.alice.unlock(scene.free, other).status == 204
    scene.hit(f"PUT {scene.free}", f"If: (<{other}>)", body=b"x", user="alice", expect=[412])
    scene.hit(f"LOCK {scene.free}", f"If: (<{other}>) (Not <DAV:no-lock>)", user="alice", expect=[412])
    bob = Client(scene.serving, "bob")
    his = bob.lock(scene.free)
    scene.hit(f"PUT {scene.locked}", f"If: <{scene.free}> (<{his}>)", body=b"x", expect=[423])
    scene.hit(f"PUT {scene.locked}", f"If: <{scene.free}> (<{his}>) <{scene.locked}> (<{scene.token}>)", body=b"x", expect=[423])


def test_a_shared_lock_of_ones_own_does_not_open_an_exclusive_one(scene: Scene) -> None:
    scene.hit(f"LOCK {scene.locked}", "Depth: 0", body=lockinfo("bob", shared=True).encode(), expect=[423])
    scene.hit(f"LOCK {scene.folder}", "Depth: infinity", body=lockinfo("bob", shared=True).encode(), expect=[207])
    token = scene.alice.lock(scene.free, shared=True)
    scene.hit(f"PUT {scene.free}", body=b"x", expect=[423])
    scene.hit(f"PUT {scene.free}", f"If: (<{token}>)", body=b"x", expect=[423])
    scene.hit(f"LOCK {scene.free}", "Depth: 0", body=LOCKINFO, expect=[423])


def test_names_under_which_nothing_is_are_locked_too(scene: Scene) -> None:
    token = scene.alice.lock(f"{scene.folder}/new.txt")
    (scene.disk / "new.txt").unlink()
    for method in ("PUT", "MKCOL", "LOCK"):
        body = {"PUT": b"x", "LOCK": LOCKINFO}.get(method, b"")
        scene.hit(f"{method} {scene.folder}/new.txt", "Depth: 0", body=body, expect=[423])
    for method in ("COPY", "MOVE"):
        scene.hit(f"{method} {scene.free}", f"Destination: {scene.folder}/new.txt", expect=[423])
    assert not (scene.disk / "new.txt").exists()
    assert scene.alice.unlock(f"{scene.folder}/new.txt", token).status == 204


@pytest.fixture
def tree(scene: Scene) -> str:
    """A folder `top` with `sub/held.txt`, locked by alice, beside a folder `other`."""
    (scene.disk / "top/sub").mkdir(parents=True)
    (scene.disk / "other").mkdir()
    for name in ("top/sub/held.txt", "top/sub/free.txt", "other/x.txt"):
        (scene.disk / name).write_bytes(CONTENT)
    scene.alice.lock(f"{scene.folder}/top/sub/held.txt")
    return f"{scene.folder}/top"


THROUGH = {
    "DELETE parent": ("DELETE {tree}/sub", []),
    "DELETE grandparent": ("DELETE {tree}", []),
    "DELETE grandparent with slash": ("DELETE {tree}/", ["Depth: infinity"]),
    "DELETE above": ("DELETE {folder}", []),
    "MOVE parent": ("MOVE {tree}/sub", ["Destination: {folder}/stolen"]),
    "MOVE grandparent": ("MOVE {tree}", ["Destination: {folder}/stolen"]),
    "MOVE onto parent": ("MOVE {folder}/other", ["Destination: {tree}/sub", "Overwrite: T"]),
    "MOVE onto grandparent": ("MOVE {folder}/other", ["Destination: {tree}"]),
    "COPY onto parent": ("COPY {folder}/other", ["Destination: {tree}/sub"]),
    "COPY onto grandparent": ("COPY {folder}/other", ["Destination: {tree}/"]),
    "COPY alone onto parent": ("COPY {folder}/other", ["Destination: {tree}/sub", "Depth: 0"]),
    "document onto parent": ("MOVE {folder}/free.txt", ["Destination: {tree}/sub"]),
    "COPY into itself": ("COPY {tree}", ["Destination: {tree}/sub/held.txt"]),
    "MOVE into itself": ("MOVE {tree}", ["Destination: {tree}/sub/in"]),
    "MOVE onto the one above": ("MOVE {tree}/sub", ["Destination: {tree}"]),
    "PUT on the folder": ("PUT {tree}/sub", []),
    "MKCOL on the folder": ("MKCOL {tree}/sub", []),
    "LOCK above": ("LOCK {tree}", ["Depth: infinity"]),
    "LOCK above with his token": ("LOCK {tree}", ["Depth: infinity", "If: <{tree}/sub/held.txt> (<{token}>)"]),
    "DELETE with his token": ("DELETE {tree}", ["If: <{tree}/sub/held.txt> (<{token}>)"]),
}


@pytest.mark.parametrize(("line", "headers"), THROUGH.values(), ids=THROUGH)
def test_nobody_reaches_a_locked_member_through_its_folders(scene: Scene, tree: str, line: str, headers: list[str]) -> None:
    held = f"{tree}/sub/held.txt"
    (active,) = locks_on(scene.alice, held)
    names = {"tree": tree, "folder": scene.folder, "token": active.token}
    before = sorted(str(each) for each in scene.disk.rglob("*"))
    body = LOCKINFO if line.startswith("LOCK") else b""
    scene.hit(line.format(**names), *(each.format(**names) for each in headers), body=body, expect=(207, 403, 405, 423))
    assert sorted(str(each) for each in scene.disk.rglob("*")) == before
    assert scene.alice.get(held).body == CONTENT
    assert [each.token for each in locks_on(scene.alice, held)] == [active.token]


@pytest.mark.parametrize("depth", ["0", "infinity"])
def test_the_members_of_a_locked_folder_stay_as_they_are(scene: Scene, tree: str, depth: str) -> None:
    at = f"{scene.folder}/other"
    token = scene.alice.lock(at, depth=depth)
    if_header = f"If: <{at}> (<{token}>)"
    for more in ([], [if_header], ["If: (Not <DAV:no-lock>)"]):
        for line, headers, body in (
            (f"PUT {at}/new", [], b"x"),
            (f"MKCOL {at}/new", [], b""),
            (f"LOCK {at}/new", ["Depth: 0"], LOCKINFO),
            (f"DELETE {at}/x.txt", [], b""),
            (f"MOVE {at}/x.txt", [f"Destination: {scene.folder}/stolen"], b""),
            (f"MOVE {at}/x.txt", [f"Destination: {at}/new"], b""),
            (f"MOVE {scene.free}", [f"Destination: {at}/new"], b""),
            (f"COPY {scene.free}", [f"Destination: {at}/new"], b""),
            (f"DELETE {at}", [], b""),
            (f"MOVE {at}", [f"Destination: {scene.folder}/stolen"], b""),
        ):
            scene.hit(line, *headers, *more, body=body, expect=(423,))
    assert [each.name for each in (scene.disk / "other").iterdir()] == ["x.txt"]
    assert [each.token for each in locks_on(scene.alice, at)] == [token]


def test_a_lock_and_a_move_of_the_folder_above_exclude_each_other(scene: Scene) -> None:
    for turn in range(10):
        (scene.disk / f"a{turn}").mkdir()
        (scene.disk / f"a{turn}/x.txt").write_bytes(b"x")
        member = f"{scene.folder}/a{turn}/x.txt"
        moved, locked = race_move_and_lock(scene, f"{scene.folder}/a{turn}", member)
        assert (moved, locked) in ((201, 409), (207, 200)), (moved, locked)
        still = (scene.disk / f"a{turn}/x.txt").exists()
        assert still is (locked == 200)


def race_move_and_lock(scene: Scene, folder: str, member: str) -> tuple[int, int]:
    """The statuses of bob's MOVE of a folder and alice's LOCK of its member, sent at the same moment."""
    alice, bob = Client(scene.serving, "alice"), Client(scene.serving, "bob")
    together = threading.Barrier(2)
    statuses: dict[str, int] = {}

    def move() -> None:
        bob.request("OPTIONS", "/")
        together.wait()
        statuses["move"] = transfer(bob, "MOVE", folder, f"{folder}.moved").status

    def lock() -> None:
        alice.request("OPTIONS", "/")
        together.wait()
        statuses["lock"] = alice.request("LOCK", member, lockinfo("alice"), Depth="0").status

    threads = [threading.Thread(target=each) for each in (move, lock)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alice.close()
    bob.close()
    return statuses["move"], statuses["lock"]
