"""Ways out of the served folder, names that break things, and other spellings of a locked name (reliability §3)."""

from __future__ import annotations

import os
import unicodedata
from urllib.parse import quote

import pytest

from tests.attacks.conftest import CONTENT, Scene
from tests.dav.stories import DAV, properties
from tests.serving import lockinfo

DOTS = [
    "..",
    "%2e%2e",
    ".%2e",
    "%2E.",
    "%252e%252e",
    "%c0%ae%c0%ae",
    "%e0%80%ae%e0%80%ae",
    "%ef%bc%8e%ef%bc%8e",
    "..;",
    "....",
    "..%00",
    "%u002e%u002e",
    ".",
    "%2e",
]
SEPARATORS = ["/", "%2f", "%2F", "%5c", "\\", "%252f", "%c0%af", "//", "%ef%bc%8f", "%ef%bc%8e", "%e2%88%95"]
REFUSED_OR_INSIDE = [*range(400, 500), 201, 207]


@pytest.mark.parametrize("separator", SEPARATORS)
@pytest.mark.parametrize("dots", DOTS)
def test_there_is_no_way_out(scene: Scene, dots: str, separator: str) -> None:
    """What is 201 has been made inside, which the fixture verifies."""
    for up in (1, 3):
        climb = f"{dots}{separator}" * up
        target = f"{scene.folder}/{climb}secret.txt"
        scene.hit(f"GET {target}")
        scene.hit(f"DELETE {target}")
        scene.hit(f"PROPFIND {scene.folder}/{climb}", "Depth: 1", expect=REFUSED_OR_INSIDE)
    scene.hit(f"PUT {target}", body=b"mine", expect=REFUSED_OR_INSIDE)
    scene.hit(f"MKCOL {scene.folder}/{climb}made", expect=REFUSED_OR_INSIDE)
    scene.hit(f"LOCK {scene.folder}/{climb}lock", body=lockinfo("bob").encode(), expect=REFUSED_OR_INSIDE)
    for form in ("{}", "http://" + scene.host + "{}"):
        scene.hit(f"COPY {scene.free}", f"Destination: {form.format(target)}", expect=[*REFUSED_OR_INSIDE, 204])
    scene.hit(f"PUT {scene.locked}", f"If: <{target}> (Not <DAV:no-lock>)", body=b"mine", expect=[423])


@pytest.mark.parametrize(
    "target",
    [
        "//etc/passwd",
        "///etc/passwd",
        "/etc/passwd",
        "/../etc/passwd",
        "/%2e%2e/etc/passwd",
        "/./../etc/passwd",
        "file:///etc/passwd",
        "http://{host}/../etc/passwd",
        "http://{host}//etc/passwd",
        "http://{host}",
        "//{host}/etc/passwd",
        "/.davlock/state.db",
        "/.DAVLOCK/state.db",
        "/.davlock%2fstate.db",
        "/%2edavlock/state.db",
        "/.davlock./state.db",
        "/.davlock",
        "/.davlock/",
        "/x/../.davlock/state.db",
        "//.davlock/state.db",
        "/.davlock%20/state.db",
        "/.davl\u212ack/state.db",
    ],
)
def test_nothing_else_is_served(scene: Scene, target: str) -> None:
    target = quote(target.format(host=scene.host), safe="/:%.\\")
    root = target == f"http://{scene.host}"  # only that, and there 207 names what is locked in it
    scene.hit(f"GET {target}", expect=[200] if root else range(400, 500))
    scene.hit(f"PROPFIND {target}", "Depth: 1", expect=[207] if root else range(400, 500))
    for method in ("PUT", "DELETE", "PROPPATCH", "LOCK"):
        scene.hit(
            f"{method} {target}", body=b"mine" if method == "PUT" else b"", expect=[*range(400, 500), 207] if root else range(400, 500)
        )
    for method in ("COPY", "MOVE"):
        scene.hit(f"{method} {target}", f"Destination: {scene.folder}/stolen", expect=[403, 207] if root else range(400, 500))
        scene.hit(f"{method} {scene.free}", f"Destination: {target}", expect=[*range(400, 500), 502])
    assert not (scene.disk / "stolen").exists()


NAMES: list[bytes] = [
    b"a%00b",
    b"%00",
    b"a%01",
    b"a%1f",
    b"a%7f",
    b"a%0d%0aX-Injected:%20yes",
    b"a%0ab",
    b"%09",
    b"a%c2%80b",
    b"a%c2%85",
    b"%ff%fe",
    b"%ed%a0%80",
    b"%ef%bf%bf",
    b"%ef%bf%be",
    b"%c3%28",
    b"%f4%90%80%80",
    b"%ef%b7%90",
    b"%e2%80%ae" + b"fdp.exe",
    b"a%e2%80%8bb",
    b"a%ef%bb%bfb",
    b"%cc%81",
    b"x" * 255,
    b"x" * 256,
    b"x" * 5000,
    b"%C3%BC" * 127,
    b"%C3%BC" * 128,
    b"x" * 60_000,
    b"/".join([b"d"] * 300),
    b"name.",
    b"name%20",
    b"%20name",
    b"%20",
    b"a::$DATA",
    b"CON",
    b"NUL.txt",
    b"aux",
    b".htaccess",
    b".davlock",
    b"state.db",
    b"-rf",
    b"--help",
    b"$(id)",
    b"%60id%60",
    b";id",
    b"|id",
    b"%26%26id",
    b"*",
    b"%3F",
    b"~",
    b"~root",
    b"%25s%25n",
    b"%2525",
    b"%252e",
    b"%25",
    b"%",
    b"%zz",
    b"%2",
    b"<script>alert(1)</script>",
    b"%3Cscript%3E",
    b"%22%27",
    b"]]%3E",
    b"%26amp;",
    b"&amp;",
    b"%3C!--",
    b"a\\b",
    b"a\xfcb",
    b"\xff",
    b"...",
    b".",
    b"..",
    b"%EF%BC%8E%EF%BC%8E",
    b"%E2%80%A5",
    b"%E2%80%A6",
    b"con.",
    b"%F0%9F%92%A9",
    b"a%CD%8F",
    b"%EF%BF%BD",
    b"%E2%80%A8",
    b"_davlock",
    b"_vti_bin",
]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name[:30].decode("latin-1")).strip("'"))
def test_a_name_is_refused_or_kept_exactly(scene: Scene, name: bytes) -> None:
    target = scene.folder.encode() + b"/" + name
    answers = [
        scene.hit(b"PUT " + target, body=b"mine", expect=REFUSED_OR_INSIDE),
        scene.hit(b"MKCOL " + target, expect=REFUSED_OR_INSIDE),
        scene.hit(b"LOCK " + target, "Timeout: Second-1", body=lockinfo("bob").encode(), expect=[*REFUSED_OR_INSIDE, 200]),
        scene.hit(b"COPY " + scene.free.encode(), b"Destination: " + target, expect=[*REFUSED_OR_INSIDE, 204]),
    ]
    assert all("X-Injected" not in answer.headers for answer in answers)
    listing = properties(scene.alice.propfind(scene.folder, "displayname", depth="1"))
    shown = [each[200][f"{DAV}displayname"].text for path, each in listing.items() if path != f"{scene.folder}/"]
    assert sorted(map(str, shown)) == sorted(os.listdir(scene.disk))


@pytest.mark.parametrize("separator", ["%2f", "%2F", "%5c", "%5C", "%00"])
def test_an_encoded_separator_separates_nothing(scene: Scene, separator: str) -> None:
    target = f"{scene.folder}{separator}free.txt"
    for method in ("GET", "PUT", "DELETE", "PROPFIND", "MKCOL"):
        scene.hit(f"{method} {target}", "Depth: 0", body=b"x" if method == "PUT" else b"", expect=[400])
    for method in ("COPY", "MOVE"):
        scene.hit(f"{method} {target}", f"Destination: {scene.folder}/stolen", expect=[400])
        scene.hit(f"{method} {scene.free}", f"Destination: {scene.folder}{separator}stolen", expect=[400])
    assert sorted(os.listdir(scene.disk)) == ["free.txt", "locked.txt"]


LOCKED = "Büro Plan.txt"


@pytest.mark.parametrize(
    "alias",
    [
        "./{n}",
        "/{n}",
        "//{n}",
        "%2e/{n}",
        "x/../{n}",
        "{n}/",
        "{n}//",
        "{n}/.",
        "{n}/x/..",
        "{lower}",
        "{upper}",
        "{escaped}",
        "{lowerhex}",
        "{nfd}",
        "{latin1}",
        "{n}?query",
        "{n}?",
        "{n};v=1",
        "{n}%3bv=1",
        "{n}#f",
        "{n}%23f",
        "{n}.",
        "{n}%20",
        "%20{n}",
        "{n}%00",
        "{n}%00.txt",
        "{n}%2f",
        "{n}%5c",
        "%2f{n}",
        "{n}%0a",
        "{double}",
        "{n}%e2%80%8b",
        "%ef%bb%bf{n}",
        "{fullwidth}",
        "{n}::$DATA",
        "{n}:stream",
        "{n}~1",
        "B%C3%9CRO~1.TXT",
        "{raw}",
    ],
)
@pytest.mark.parametrize("form", ["origin", "absolute", "other host"])
def test_another_spelling_of_a_locked_name_is_locked_or_is_another_document(scene: Scene, alias: str, form: str) -> None:
    (scene.disk / LOCKED).write_bytes(CONTENT)
    token = scene.alice.lock(f"{scene.folder}/{LOCKED}")
    name = quote(LOCKED)
    spelled = alias.format(
        n=name,
        lower=quote(LOCKED.lower()),
        upper=quote(LOCKED.upper()),
        escaped="".join(f"%{byte:02X}" for byte in LOCKED.encode()),
        lowerhex=name.lower().replace("b%c3", "B%c3").replace("plan", "Plan"),
        nfd=quote(unicodedata.normalize("NFD", LOCKED)),
        latin1=quote(LOCKED.encode("latin-1")),
        double=quote(name),
        fullwidth=quote(LOCKED.replace("P", "Ｐ")),
        raw=LOCKED.replace(" ", "%20"),
    )
    target = {"origin": "", "absolute": f"http://{scene.host}", "other host": "http://elsewhere.example"}[
        form
    ] + f"{scene.folder}/{spelled}"
    somehow = range(200, 500)
    scene.hit(f"PUT {target}", body=b"stolen", expect=somehow)
    scene.hit(
        f"PROPPATCH {target}",
        body=b"<D:propertyupdate xmlns:D='DAV:'><D:set><D:prop><a/></D:prop></D:set></D:propertyupdate>",
        expect=somehow,
    )
    scene.hit(f"COPY {scene.free}", f"Destination: {target}", expect=[*somehow, 502])
    scene.hit(f"LOCK {target}", "Timeout: Second-1", body=lockinfo("bob").encode(), expect=somehow)
    scene.hit(f"MOVE {target}", f"Destination: {scene.folder}/stolen", expect=somehow)
    scene.hit(f"DELETE {target}", expect=somehow)
    scene.hit(f"UNLOCK {target}", f"Lock-Token: <{token}>", expect=range(400, 500))
    assert (scene.disk / LOCKED).read_bytes() == CONTENT
    listed = scene.alice.propfind(f"{scene.folder}/{LOCKED}")
    assert listed.texts(f"{DAV}locktoken") == [token]
    assert "<a" not in listed.body.decode()


@pytest.mark.parametrize("make", [os.link, os.symlink], ids=["hard link", "symbolic link"])
def test_a_link_on_the_disk_is_no_way_around_a_lock(scene: Scene, make: object) -> None:
    assert callable(make)
    for method, headers in (
        ("PUT", []),
        ("PROPPATCH", []),
        ("MOVE", [f"Destination: {scene.free}"]),
        ("DELETE", []),
    ):
        (scene.disk / "alias.txt").unlink(missing_ok=True)
        make(scene.disk / "locked.txt", scene.disk / "alias.txt")
        scene.hit(f"{method} {scene.folder}/alias.txt", *headers, body=b"stolen" if method == "PUT" else b"", expect=range(200, 500))
        scene.check()
    (scene.disk / "alias.txt").unlink(missing_ok=True)
    make(scene.disk / "locked.txt", scene.disk / "alias.txt")
    scene.hit(f"COPY {scene.free}", f"Destination: {scene.folder}/alias.txt", expect=range(200, 500))


@pytest.mark.parametrize("make", ["folder", "file"])
def test_a_symbolic_link_leads_nowhere(scene: Scene, make: str) -> None:
    world = scene.serving.root.parent
    (scene.disk / "link").symlink_to(world if make == "folder" else world / "secret.txt")
    for target in (f"{scene.folder}/link", f"{scene.folder}/link/", f"{scene.folder}/link/secret.txt", f"{scene.folder}/link/made"):
        for method in ("GET", "PUT", "DELETE", "PROPFIND", "MKCOL", "PROPPATCH", "LOCK"):
            body = {"PUT": b"mine", "LOCK": lockinfo("bob").encode()}.get(method, b"")
            scene.hit(f"{method} {target}", "Depth: 0", body=body)
        for method in ("COPY", "MOVE"):
            scene.hit(f"{method} {target}", f"Destination: {scene.folder}/stolen")
            scene.hit(f"{method} {scene.free}", f"Destination: {target}")
