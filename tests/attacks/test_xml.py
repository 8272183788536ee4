"""XML that reads files, explodes, or is simply too much; properties that fill memory (reliability §3)."""

from __future__ import annotations

import socket
import threading

import pytest

from tests.attacks.conftest import SECRET, Scene
from tests.dav.stories import DAV, locks_on, properties
from tests.serving import lockinfo

TOO_MUCH = (400, 413)


def around(method: str, inside: str, before: str = "") -> bytes:
    """A body of a method with something inside, and with something before its root element."""
    shape = {
        "PROPFIND": '<D:propfind xmlns:D="DAV:"><D:prop>{}</D:prop></D:propfind>',
        "PROPPATCH": '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><Z xmlns="urn:z">{}</Z></D:prop></D:set></D:propertyupdate>',
        "LOCK": lockinfo("{}"),
    }[method]
    return (before + shape.removeprefix('<?xml version="1.0" encoding="utf-8"?>').replace("{}", inside)).encode()


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
DOCTYPES = {
    "plain": "<!DOCTYPE x>",
    "internal": "<!DOCTYPE x []>",
    "billion laughs": f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}<!ENTITY e "&l9;">]>',
    "quadratic": f'<!DOCTYPE x [<!ENTITY e "{"a" * 50_000}">]>',
    "file": '<!DOCTYPE x [<!ENTITY e SYSTEM "file://{secret}">]>',
    "passwd": '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
    "http": '<!DOCTYPE x [<!ENTITY e SYSTEM "http://{listener}/entity">]>',
    "external DTD": '<!DOCTYPE x SYSTEM "http://{listener}/dtd">',
    "external DTD in a file": '<!DOCTYPE x SYSTEM "file://{secret}">',
    "public DTD": '<!DOCTYPE x PUBLIC "-//X//Y" "http://{listener}/dtd">',
    "parameter entity": '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://{listener}/p">%p;]>',
    "nested parameter entity": "<!DOCTYPE x [<!ENTITY % a '<!ENTITY e SYSTEM \"file://{secret}\">'>%a;]>",
    "attribute default": '<!DOCTYPE x [<!ATTLIST x a CDATA "&e;"><!ENTITY e "x">]>',
    "recursive": '<!DOCTYPE x [<!ENTITY e "&f;"><!ENTITY f "&e;">]>',
    "after a comment": '<!-- x --><!DOCTYPE x [<!ENTITY e "x">]>',
}
METHODS = pytest.mark.parametrize("method", ["PROPFIND", "PROPPATCH", "LOCK"])


def send(scene: Scene, method: str, body: bytes, expect: tuple[int, ...] = TOO_MUCH) -> bytes:
    """The answer's body to a hostile body, sent to a document that bob may change."""
    headers = ["Depth: 1", "Content-Type: application/xml"] if method == "PROPFIND" else ["Depth: 0"]
    target = scene.folder if method == "PROPFIND" else scene.free
    return scene.hit(f"{method} {target}", *headers, body=body, expect=expect).body


@METHODS
@pytest.mark.parametrize("doctype", DOCTYPES.values(), ids=DOCTYPES)
def test_a_doctype_is_refused_and_nothing_is_fetched(scene: Scene, method: str, doctype: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        where = {"{listener}": f"127.0.0.1:{listener.getsockname()[1]}", "{secret}": str(scene.serving.root.parent / "secret.txt")}
        for name, value in where.items():
            doctype = doctype.replace(name, value)
        for inside in ("<a>&e;</a>", "<a/>"):
            assert SECRET not in send(scene, method, around(method, inside, doctype), (400,))
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert locks_on(scene.alice, scene.free) == []


@METHODS
def test_an_unknown_entity_is_refused(scene: Scene, method: str) -> None:
    send(scene, method, around(method, "<a>&nbsp;</a>"), (400,))
    send(scene, method, around(method, "<a>&#0;</a>"), (400,))
    send(scene, method, around(method, "<a>&#xFFFF;</a>"), (400,))


@METHODS
def test_xinclude_and_stylesheets_are_only_text(scene: Scene, method: str) -> None:
    secret = scene.serving.root.parent / "secret.txt"
    inside = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" parse="text" href="file://{secret}"/>'
    send(scene, method, around(method, inside, f'<?xml-stylesheet type="text/xsl" href="file://{secret}"?>'), (200, 207))
    assert SECRET not in scene.alice.propfind(scene.free).body


TOO_LARGE = {
    "3000 deep": "<a>" * 3000 + "</a>" * 3000,
    "65 deep": "<a>" * 65 + "</a>" * 65,
    "30 000 deep": "<a>" * 30_000 + "</a>" * 30_000,
    "never closed": "<a>" * 50_000,
    "20 MB": "<a>" + "x" * 20_000_000 + "</a>",
    "1 MB name": f"<{'a' * 1_000_000}/>",
    "20 000 properties": "".join(f"<p{number}/>" for number in range(20_000)),
    "30 000 elements": "<a/>" * 30_000,
}


@METHODS
@pytest.mark.parametrize("inside", TOO_LARGE.values(), ids=TOO_LARGE)
def test_what_is_too_deep_or_too_large_is_refused(scene: Scene, method: str, inside: str) -> None:
    send(scene, method, around(method, inside))
    assert locks_on(scene.alice, scene.free) == []


@METHODS
@pytest.mark.parametrize(
    "inside",
    [
        "<a " + " ".join(f'a{number}="x"' for number in range(10_000)) + "/>",
        "<a " + " ".join(f'xmlns:n{number}="urn:{number}"' for number in range(5000)) + "/>",
        f"<a{'a' * 100_000}/>",
        f'<a xmlns="urn:{"n" * 100_000}"/>',
        "".join(f'<p{number} xmlns="urn:{number}"/>' for number in range(501)),
    ],
    ids=["10 000 attributes", "5000 namespaces", "a long name", "a long namespace", "501 properties"],
)
def test_what_is_large_is_refused_or_answered_in_bounds(scene: Scene, method: str, inside: str) -> None:
    assert len(send(scene, method, around(method, inside), (200, 207, 400, 413))) < 1_000_000
    assert len(scene.alice.propfind(scene.folder, depth="1").body) < 1_000_000


@METHODS
@pytest.mark.parametrize(
    "change",
    [
        lambda body: b'<?xml version="1.0" encoding="none-such"?>' + body,
        lambda body: b'<?xml version="1.0" encoding="utf-16"?>' + body,
        lambda body: b'<?xml version="1.0" encoding="utf-8"?>' + body.replace(b"<a/>", b"<a>\xff\xfe</a>"),
        lambda body: b'<?xml version="1.0" encoding="ascii"?>' + body.replace(b"<a/>", "<a>ä</a>".encode()),
        lambda body: b"\x00" + body,
        lambda body: body.replace(b"<a/>", b"<a>\x00</a>"),
        lambda body: body + b"<more/>",
        lambda body: body[:-10],
        lambda body: b"\xff\xfe" + body,
        lambda body: b"\x1f\x8b\x08" + body,
        lambda body: body.replace(b"<a/>", b"<a:b/>"),
        lambda body: body.replace(b"<a/>", b'<a b="1" b="2"/>'),
    ],
    ids=range(12),
)
def test_what_is_malformed_is_refused(scene: Scene, method: str, change: object) -> None:
    assert callable(change)
    send(scene, method, change(around(method, "<a/>")), (400,))
    assert locks_on(scene.alice, scene.free) == []


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "iso-8859-1", "utf-8-sig"])
def test_other_encodings_are_understood(scene: Scene, encoding: str) -> None:
    name = "utf-8" if encoding == "utf-8-sig" else encoding
    body = f'<?xml version="1.0" encoding="{name}"?>' + around("PROPPATCH", "<a>ä</a>").decode()
    send(scene, "PROPPATCH", body.encode(encoding), (207,) if encoding != "utf-16-le" else (207, 400))


def test_xml_sent_by_many_at_once_stops_nobody(scene: Scene) -> None:
    body = around("PROPFIND", "<a>" * 30_000)
    threads = [threading.Thread(target=lambda: send(scene, "PROPFIND", body)) for _ in range(12)]
    for thread in threads:
        thread.start()
    assert scene.alice.get(scene.locked).status == 200
    for thread in threads:
        thread.join()


# amplification: a little that becomes much


def update(properties: str) -> bytes:
    return f'<D:propertyupdate xmlns:D="DAV:" xmlns:Z="urn:z"><D:set><D:prop>{properties}</D:prop></D:set></D:propertyupdate>'.encode()


@pytest.mark.parametrize(
    "inside",
    [
        f"<Z:p>{'x' * 5_000_000}</Z:p>",
        "".join(f"<Z:p{number}>{'x' * 5000}</Z:p{number}>" for number in range(800)),
        "".join(f"<Z:p{number}/>" for number in range(501)),
    ],
    ids=["5 MB", "800 x 5 kB", "501"],
)
def test_properties_that_are_too_much_are_refused_as_a_whole(scene: Scene, inside: str) -> None:
    scene.hit(f"PROPPATCH {scene.free}", body=update("<Z:first>1</Z:first>" + inside), expect=(400, 413, 507))
    assert b"urn:z" not in scene.alice.propfind(scene.free).body


def test_a_long_owner_is_refused(scene: Scene) -> None:
    for size in (5000, 2_000_000):
        scene.hit(f"LOCK {scene.free}", "Depth: 0", body=lockinfo("x" * size).encode(), expect=(400, 413))
    nested = lockinfo(f'<a xmlns="urn:{"n" * 2000}"><b/><c/></a>')
    answer = scene.hit(f"LOCK {scene.free}", "Depth: 0", body=nested.encode(), expect=(200, 400))
    assert len(answer.body) < 10_000
    assert len(scene.alice.propfind(scene.folder, depth="1").body) < 20_000


def test_live_properties_are_not_forged(scene: Scene) -> None:
    forged = "<D:getetag>forged</D:getetag><D:lockdiscovery/><D:getcontentlength>0</D:getcontentlength>"
    forged += "<D:resourcetype><D:collection/></D:resourcetype>"
    answer = scene.hit(f"PROPPATCH {scene.free}", body=update(forged + "<Z:a>half</Z:a>"), expect=[207])
    assert set(properties(answer)[scene.free]) == {403, 424}
    shown = properties(scene.alice.propfind(scene.free))[scene.free][200]
    assert len(shown[f"{DAV}resourcetype"]) == 0
    assert shown[f"{DAV}getcontentlength"].text == "4"
    assert b"half" not in scene.alice.propfind(scene.free).body


@pytest.mark.parametrize(
    "value",
    [
        "]]>",
        "<![CDATA[</D:prop>]]>",
        "&lt;/D:prop&gt;",
        "<D:href>/etc/passwd</D:href>",
        "<D:response/>",
        "<D:activelock><D:locktoken><D:href>urn:x</D:href></D:locktoken></D:activelock>",
    ],
)
def test_a_property_does_not_break_out_of_its_place(scene: Scene, value: str) -> None:
    answer = scene.hit(f"PROPPATCH {scene.free}", body=update(f"<Z:a>{value}</Z:a>"), expect=(207, 400))
    if answer.status == 207:
        listing = scene.alice.propfind(scene.folder, depth="1").xml()
        assert [each.tag for each in listing] == [f"{DAV}response"] * 3
        assert all(len(response.findall(f"{DAV}href")) == 1 for response in listing)


def test_an_owner_does_not_break_out_of_its_place(scene: Scene) -> None:
    owner = "<D:href>x</D:href></D:owner><D:owner>y]]&gt;<![CDATA[</D:owner>]]><script>alert(1)</script>"
    scene.hit(f"LOCK {scene.free}", "Depth: 0", body=lockinfo(owner).encode(), expect=(200, 400))
    listing = scene.alice.propfind(scene.folder, "lockdiscovery", depth="1").xml()
    assert [each.tag for each in listing] == [f"{DAV}response"] * 3
