"""The headers of WebDAV with values that nobody in his right mind would send (reliability §3)."""

from __future__ import annotations

import threading

import pytest

from tests.attacks.conftest import Scene
from tests.dav.stories import actives
from tests.serving import lockinfo

LOCKINFO = lockinfo("bob").encode()


@pytest.mark.parametrize(
    "value",
    [
        "(" * 30_000,
        ")" * 100,
        "(",
        "()",
        "(Not)",
        "(Not Not <a>)",
        "<",
        "<>",
        "(<",
        "(<a",
        "[",
        "(['",
        '(["a',
        '(["a"',
        "(<a>",
        "(<a>))",
        "<a> <b>",
        "(<a>)" * 4000,
        "(Not <a>)" * 3500,
        "<http://x/> (<a>)" * 900,
        "(" + "<a>" * 10_000 + ")",
        "(<" + "a" * 40_000 + ">)",
        "(<a>)\tX",
        "(<a\u00e4>",
        '(W/"a")',
        '([W/"a])',
        "(<a> OR <b>)",
        "Not (<a>)",
        "<file:///etc/passwd> (<a>)",
        "<../> (<a>)",
        "<http://elsewhere.example/> (<a>)",
        "<" + "A" * 20_000 + "> (<a>)",
        "(<DAV:no-lock>" + " <a>" * 5000 + ")",
        "*",
        '"*"',
    ],
    ids=range(35),
)
def test_a_hostile_if_header_is_refused(scene: Scene, value: str) -> None:
    for line in (f"PUT {scene.free}", f"PUT {scene.folder}/new", f"PUT {scene.locked}", f"LOCK {scene.free}", f"DELETE {scene.free}"):
        scene.hit(line, f"If: {value}".encode(), body=b"stolen" if line.startswith("PUT") else b"", expect=(400, 412, 431))
    assert sorted(each.name for each in scene.disk.iterdir()) == ["free.txt", "locked.txt"]


@pytest.mark.parametrize(
    "value", [b"(<a>)" * 250_000, b"\x00", b"(<a\x01>)", b"(<a\r\n>)", b"(<a>)\r\n (<b>)", b"(<a>)\r\nIf: (<b>)"], ids=range(6)
)
def test_an_if_header_that_is_no_header_is_refused(scene: Scene, value: bytes) -> None:
    scene.hit(f"PUT {scene.free}", b"If: " + value, body=b"stolen", expect=(400, 431))
    assert (scene.disk / "free.txt").read_bytes() == b"free"


@pytest.mark.parametrize(
    "value",
    ["<", "<>", ">", "<a", "a b", "<a> <b>", "<a>, <b>", "<a>;", "<" + "a" * 60_000 + ">", "a:" + "b" * 60_000, "<a:b\u00e4>", "<:>"],
    ids=range(12),
)
def test_a_hostile_lock_token_is_refused(scene: Scene, value: str) -> None:
    scene.hit(f"UNLOCK {scene.locked}", f"Lock-Token: {value}", user="alice", expect=(400, 409, 431))
    scene.hit(f"UNLOCK {scene.locked}", "Lock-Token: <a:b>", f"Lock-Token: <{scene.token}>", user="alice", expect=(400,))


@pytest.mark.parametrize(
    "value",
    [
        "Second--1",
        "-0",
        "Second-99999999999999999999",
        "Second-4294967296",
        "Second-1e9",
        "Second-" + "9" * 5000,
        "Infinite",
        "Second-\u0663\u0666\u0660",
        "Second-",
        "Second-0x10",
        "Infinite, Second-1",
        "," * 60_000,
        "Second-0",
        ";",
    ],
    ids=range(14),
)
def test_a_hostile_timeout_is_a_default_or_a_bound(scene: Scene, value: str) -> None:
    answer = scene.hit(f"LOCK {scene.free}", "Depth: 0", f"Timeout: {value}", body=LOCKINFO, expect=[200])
    (active,) = actives(answer.xml())
    assert 1 <= active.seconds <= 604_800
    assert active.timeout != "Second-0"
    token = active.token
    renewed = scene.hit(f"LOCK {scene.free}", f"If: (<{token}>)", f"Timeout: {value}", expect=[200, 412])
    assert renewed.status == 412 or 1 <= actives(renewed.xml())[0].seconds <= 604_800


@pytest.mark.parametrize(
    "value",
    ["-1", "2", "Infinityy", "abc", "1.0", "0x0", "1 0", "\u0661", "9" * 50_000, "infinity,infinity", "1,noroot,noroot", "0\t0"],
    ids=range(12),
)
@pytest.mark.parametrize("method", ["PROPFIND", "LOCK", "COPY", "MOVE", "DELETE"])
def test_a_hostile_depth_is_refused(scene: Scene, method: str, value: str) -> None:
    body = LOCKINFO if method == "LOCK" else b""
    scene.hit(f"{method} {scene.folder}", f"Depth: {value}", f"Destination: {scene.folder}.x", body=body, expect=[400])
    scene.hit(f"{method} {scene.folder}", "Depth: 0", "Depth: infinity", f"Destination: {scene.folder}.x", body=body, expect=[400])


def test_a_listing_of_everything_is_refused_to_many_at_once(scene: Scene) -> None:
    for number in range(300):
        (scene.disk / f"d{number}").mkdir()
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(scene.hit(f"PROPFIND {scene.folder}", "Depth: infinity").status)) for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [403] * 12


HOSTILE_DESTINATIONS = [
    "",
    "http://",
    "http:///",
    "http://{host}",
    "http:",
    "https://",
    "http://[::1",
    "http://[::1]:99999999/x",
    "file:///etc/x",
    "javascript:alert(1)",
    "data:,x",
    "ftp://{host}/x",
    "/",
    "//",
    "///",
    "http://{host}/",
    "/x%0d%0aX-Injected:%20yes",
    "/x%00",
    "/x\\y",
    "x",
    ".",
    "..",
    "/..",
    "/../x",
    "http://{host}/../../x",
    "http://elsewhere.example/x",
    "http://{host}@elsewhere.example/x",
    "http://elsewhere.example@{host}:1/x",
    "/" + "x" * 60_000,
    "{folder}/free.txt",
    "{folder}/%66ree.txt",
    "{folder}//free.txt",
    "{folder}/./free.txt",
    "{folder}/free.txt/",
    "{folder}/free.txt/in",
    "http://{host}{folder}/free.txt",
    "{folder}/free.txt#f",
    "http://{host}:80{folder}/x#",
    "?x",
    "#",
    "*",
    "http://{host}:x/y",
    " ",
    "/\u00e4",
]


@pytest.mark.parametrize("value", HOSTILE_DESTINATIONS, ids=range(len(HOSTILE_DESTINATIONS)))
@pytest.mark.parametrize("method", ["COPY", "MOVE"])
def test_a_hostile_destination_loses_nothing(scene: Scene, method: str, value: str) -> None:
    sent = value.format(host=scene.host, folder=scene.folder).encode("latin-1")
    answer = scene.hit(f"{method} {scene.free}".encode(), b"Destination: " + sent, expect=[400, 403, 431, 502])
    assert "X-Injected" not in answer.headers
    scene.hit(f"{method} {scene.folder}".encode(), b"Destination: " + sent, expect=[400, 403, 405, 409, 423, 431, 502, 207])
    assert (scene.disk / "free.txt").read_bytes() == b"free"


@pytest.mark.parametrize(
    "headers",
    [["Overwrite: f"], ["Overwrite: maybe"], ["Overwrite: T", "Overwrite: F"], ["Overwrite: T,F"], ["Overwrite:"], ["Overwrite: \u00df"]],
    ids=str,
)
@pytest.mark.parametrize("method", ["COPY", "MOVE"])
def test_a_hostile_overwrite_overwrites_nothing(scene: Scene, method: str, headers: list[str]) -> None:
    (scene.disk / "there.txt").write_bytes(b"there")
    scene.hit(f"{method} {scene.free}", f"Destination: {scene.folder}/there.txt", *headers, expect=[400, 412])
    destinations = [f"Destination: {scene.folder}/a.txt", f"Destination: {scene.folder}/b.txt"]
    scene.hit(f"{method} {scene.free}", *destinations, expect=[400])
    assert sorted(each.name for each in scene.disk.iterdir()) == ["free.txt", "locked.txt", "there.txt"]
    assert (scene.disk / "there.txt").read_bytes() == b"there"
