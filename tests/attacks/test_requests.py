"""Browsers that are made to do things, uploads that never end, ranges without number, and guessed passwords (reliability §3)."""

from __future__ import annotations

import base64
import threading

import pytest

from tests.attacks.conftest import CONTENT, REFUSED, Scene
from tests.dav.stories import Wire
from tests.serving import lockinfo

SCRIPT = "<script>alert(1)</script>"

# XSS


@pytest.mark.parametrize(
    "name", ["%3Cscript%3Ealert(1)%3C%2Fscript%3E", "%3Cimg%20src=x%20onerror=alert(1)%3E", "%22%3E%3Csvg%20onload=alert(1)%3E"]
)
def test_markup_in_a_name_is_never_markup(scene: Scene, name: str) -> None:
    target = f"{scene.folder}/{name}"
    for line in (f"GET {target}", f"PUT {target}/x", f"GET {scene.folder}?{name}", f"DELETE {target}"):
        answer = scene.hit(line, expect=[200, *REFUSED])
        assert "html" not in answer.headers["Content-Type"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    scene.hit(f"PUT {target}", body=b"x", expect=[201, 400])
    body = scene.alice.propfind(scene.folder, depth="1").body
    assert not any(markup in body for markup in (b"<script", b"<img", b"<svg"))


def test_markup_in_methods_headers_and_owners_is_never_markup(scene: Scene) -> None:
    scene.hit(f"<SCRIPT> {scene.free}", expect=[400])
    for header in ("Depth", "Destination", "Overwrite", "If", "If-Match", "Lock-Token", "Content-Encoding", "Content-Range"):
        for method in ("COPY", "UNLOCK", "PUT"):
            answer = scene.hit(f"{method} {scene.free}", f"{header}: {SCRIPT}", expect=range(200, 500))
            assert "html" not in (answer.headers["Content-Type"] or "") and SCRIPT.encode() not in answer.body
    owner = lockinfo('<x:script xmlns:x="http://www.w3.org/1999/xhtml">alert(1)</x:script>')
    answer = scene.hit(f"LOCK {scene.free}", "Depth: 0", body=owner.encode(), expect=[200])
    assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("name", ["x.html", "x.svg", "x.xhtml", "x.xml", "x.htm", "x.shtml", "x.mht", "x.xht", "x.html%20", "x.html."])
def test_an_uploaded_page_runs_no_script(scene: Scene, name: str) -> None:
    scene.hit(f"PUT {scene.folder}/{name}", "Content-Type: text/html", body=SCRIPT.encode(), expect=[201])
    answer = scene.hit(f"GET {scene.folder}/{name}", expect=[200])
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in (answer.headers["Content-Security-Policy"] or "") or answer.headers["Content-Type"] == "application/octet-stream"


# XSRF

CHANGES = {
    "PUT": ("PUT {free}", [], b"x"),
    "DELETE": ("DELETE {free}", [], b""),
    "MOVE": ("MOVE {free}", ["Destination: {free}.x"], b""),
    "COPY": ("COPY {free}", ["Destination: {free}.x"], b""),
    "MKCOL": ("MKCOL {free}.x", [], b""),
    "LOCK": ("LOCK {free}", ["Depth: 0"], lockinfo("x").encode()),
    "UNLOCK": ("UNLOCK {locked}", ["Lock-Token: <{token}>"], b""),
    "PROPPATCH": ("PROPPATCH {free}", [], b'<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><a/></D:prop></D:set></D:propertyupdate>'),
    "POST": ("POST {free}", [], b"a=b"),
}
FOREIGN = [
    "Origin: http://evil.example",
    "Origin: null",
    "Origin: http://{host}.evil.example",
    "Origin: http://evil.example:80/{host}",
    "Origin: file://",
    "Origin: http://127.0.0.1:1",
    "Sec-Fetch-Site: cross-site",
    "Origin: http://[::1",
    "Origin:",
]


@pytest.mark.parametrize("foreign", FOREIGN)
@pytest.mark.parametrize(("line", "headers", "body"), CHANGES.values(), ids=CHANGES)
def test_a_page_of_another_site_changes_nothing(scene: Scene, line: str, headers: list[str], body: bytes, foreign: str) -> None:
    names = {"free": scene.free, "locked": scene.locked, "token": scene.token, "host": scene.host}
    sent = [each.format(**names) for each in (*headers, foreign)]
    answer = scene.hit(line.format(**names), *sent, body=body, user="alice", expect=[403])
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert sorted(each.name for each in scene.disk.iterdir()) == ["free.txt", "locked.txt"]
    assert (scene.disk / "free.txt").read_bytes() == b"free"


@pytest.mark.parametrize("method", ["OPTIONS", "GET", "HEAD", "PROPFIND"])
def test_a_page_of_another_site_reads_nothing(scene: Scene, method: str) -> None:
    preflight = ["Origin: http://evil.example", "Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: destination"]
    for user in ("alice", None):
        answer = scene.hit(f"{method} {scene.free}", "Depth: 0", *preflight, user=user, expect=[200, 207, 401])
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize(
    "media", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "application/json"]
)
@pytest.mark.parametrize("override", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_a_form_changes_nothing(scene: Scene, media: str, override: str) -> None:
    for target in (scene.free, scene.folder, scene.locked, f"{scene.free}?action=delete&_method=DELETE", "/"):
        scene.hit(f"POST {target}", f"Content-Type: {media}", f"{override}: DELETE", body=b"_method=DELETE", expect=[405])
    scene.hit(f"GET {scene.free}?action=delete&_method=DELETE", f"{override}: DELETE", expect=[200])
    assert (scene.disk / "free.txt").read_bytes() == b"free"


def test_a_made_up_cookie_is_no_password(scene: Scene) -> None:
    for cookie in ("session=alice", "user=alice; admin=1", "Authorization=Basic", "REMOTE_USER=alice"):
        scene.hit(
            f"PUT {scene.free}", f"Cookie: {cookie}", "Remote-User: alice", "X-Forwarded-User: alice", body=b"x", user=None, expect=[401]
        )


# uploads


@pytest.mark.parametrize("target", ["free", "new"])
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (["Content-Length: 100"], b"x" * 99),
        (["Content-Length: 999999999999999"], b"x"),
        (["Content-Length: 1000000000000000"], b"x"),
        (["Content-Length: -1"], b"x"),
        (["Content-Length: 0x5"], b"hello"),
        (["Transfer-Encoding: chunked"], b"5\r\nhello\r\n"),
        (["Transfer-Encoding: chunked"], b"5\r\nhel"),
        (["Transfer-Encoding: chunked"], b"5\r\nhello\r\n0\r\n"),
        (["Transfer-Encoding: chunked"], b"-5\r\nhello\r\n0\r\n\r\n"),
        (["Transfer-Encoding: chunked"], b"5\r\nhello and more\r\n0\r\n\r\n"),
        (["Transfer-Encoding: chunked"], b"5\r\nhello\r\n0\r\n" + b"x: y\r\n" * 20_000 + b"\r\n"),
        (["Transfer-Encoding: gzip, chunked"], b"5\r\nhello\r\n0\r\n\r\n"),
        (["Content-Length: 5", "Content-Range: bytes 0-4/10"], b"hello"),
        (["Content-Length: 5", "Content-Encoding: gzip"], b"hello"),
        (["Content-Length: 5", "Content-Encoding: identity, gzip"], b"hello"),
        (["Content-Length: 5", "Expect: 200-ok"], b"hello"),
    ],
    ids=range(16),
)
def test_an_upload_that_is_not_whole_changes_nothing(scene: Scene, target: str, headers: list[str], body: bytes) -> None:
    with Wire(scene.serving) as wire:
        wire.head(f"PUT {scene.folder}/{target}.txt", *headers)
        wire.send(body)
        wire.end()
        answer = wire.answer("PUT")
    assert answer.status in (*REFUSED, 501), answer
    assert sorted(each.name for each in scene.disk.iterdir()) == ["free.txt", "locked.txt"]
    assert (scene.disk / "free.txt").read_bytes() == b"free"


def test_a_hundred_thousand_chunks_of_one_byte_are_one_document(scene: Scene) -> None:
    body = b"1\r\nx\r\n" * 100_000 + b"0\r\n\r\n"
    with Wire(scene.serving) as wire:
        wire.head(f"PUT {scene.free}", "Transfer-Encoding: chunked")
        wire.send(body)
        assert wire.answer("PUT").status == 204
    assert (scene.disk / "free.txt").read_bytes() == b"x" * 100_000


def test_nothing_of_a_broken_upload_stays_on_the_disk(scene: Scene) -> None:
    private = scene.serving.root / ".davlock"
    before = sorted(str(each) for each in private.rglob("*") if each.is_file())
    for _ in range(5):
        with Wire(scene.serving) as wire:
            wire.head(f"PUT {scene.free}", "Content-Length: 1000000")
            wire.send(b"x" * 500_000)
            wire.end()
            assert wire.answer("PUT").status == 400
    assert sorted(str(each) for each in private.rglob("*") if each.is_file()) == before


# ranges


@pytest.mark.parametrize(
    "ranges",
    [
        "0-0," * 5000 + "0-0",
        "0-," * 1000 + "0-",
        "-4," * 1000 + "-4",
        "0-3," * 64,
        ",".join(f"{n}-{n}" for n in range(0, 8000, 2)),
        "3-0",
        "9" * 20_000 + "-",
        "0-" + "9" * 20_000,
        "-" + "9" * 20_000,
        "," * 20_000,
        "0-0," + " " * 20_000 + "2-2",
        "\u0660-",
        "1_0-",
        "+1-",
    ],
    ids=range(14),
)
def test_ranges_do_not_multiply_a_document(scene: Scene, ranges: str) -> None:
    (scene.disk / "free.txt").write_bytes(bytes(10_000))
    answer = scene.hit(f"GET {scene.free}", f"Range: bytes={ranges}", expect=[200, 206, 416, 431])
    assert len(answer.body) <= 30_000


# passwords


def basic(pair: bytes) -> str:
    return "Authorization: Basic " + base64.b64encode(pair).decode()


@pytest.mark.parametrize(
    "header",
    [
        None,
        "Authorization:",
        "Authorization: Basic",
        "Authorization: Basic ",
        "Authorization: Basic !!!!",
        "Authorization: Basic YQ",
        "Authorization: Bearer",
        "Authorization: Bearer x",
        'Authorization: Digest username="alice"',
        "Authorization: Negotiate x",
        "Authorization: NTLM x",
        basic(b"nocolon"),
        basic(b":"),
        basic(b"alice:"),
        basic(b":x"),
        basic(b"alice:wrong"),
        basic(b"alice:\x00"),
        basic(b"alice:alice-test-password\x00"),
        basic(b"alice\x00:alice-test-password"),
        basic(b"\xff\xfe:x"),
        basic(b"alice:alice-test-password\n"),
        basic(b"a" * 100_000 + b":x"),
        basic(b"alice:" + b"x" * 40_000),
        "Authorization: " + "x" * 60_000,
        "Authorization: basic x y z",
        basic("alıce:alice-test-password".encode()),
    ],
    ids=range(26),
)
def test_without_the_right_password_nothing_is_done(scene: Scene, header: str | None) -> None:
    headers = [] if header is None else [header]
    for method in ("GET", "HEAD", "PUT", "DELETE", "PROPFIND", "PROPPATCH", "MKCOL", "LOCK", "POST"):
        answer = scene.hit(f"{method} {scene.free}", *headers, user=None, expect=[400, 401, 429, 431])
        assert answer.status != 401 or answer.headers["WWW-Authenticate"].startswith('Basic realm="')
    scene.hit(f"UNLOCK {scene.locked}", f"Lock-Token: <{scene.token}>", *headers, user=None, expect=[400, 401, 429, 431])
    scene.hit(f"PUT {scene.locked}", f"If: (<{scene.token}>)", *headers, body=b"x", user=None, expect=[400, 401, 429, 431])
    assert (scene.disk / "free.txt").read_bytes() == b"free"


def test_whoever_guesses_is_slowed_and_nobody_else(scene: Scene) -> None:
    statuses = [scene.hit(f"GET {scene.free}", basic(b"mallory:%d" % number), user=None).status for number in range(40)]
    assert statuses[0] == 401
    assert 429 in statuses
    assert scene.alice.get(scene.free).status == 200


def test_a_name_that_does_not_exist_answers_like_one_that_does(scene: Scene) -> None:
    answers = [scene.hit(f"GET {scene.free}", basic(name + b":certainly wrong"), user=None) for name in (b"bob", b"nobody-of-that-name")]
    assert answers[0].body == answers[1].body
    assert {answer.status for answer in answers} <= {401, 429}


def test_two_credentials_are_refused(scene: Scene) -> None:
    right = basic(b"alice:alice-test-password")
    scene.hit(f"GET {scene.free}", right, right, user=None, expect=[400])


def test_many_hostile_requests_at_once_stop_nobody(scene: Scene) -> None:
    lines = [f"GET {scene.folder}/%00", f"PUT {scene.locked}", f"DELETE {scene.locked}", f"LOCK {scene.locked}", f"PROPFIND {scene.folder}"]
    threads = [
        threading.Thread(target=lambda line=line: scene.hit(line, body=b"x" if line.startswith("PUT") else b"")) for line in lines * 6
    ]
    for thread in threads:
        thread.start()
    assert scene.alice.get(scene.locked).body == CONTENT
    for thread in threads:
        thread.join()
