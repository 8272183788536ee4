"""XML in and out (rest.md §4): the root is the type, an element for each property, one in it for each item; nothing outside is read."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from xml.etree import ElementTree

import pytest

from davlock.rest import codec, xml
from tests.rest.conftest import Api, Stored
from tests.serving import Answer

NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
CHECK_OUT = "/Agents/Document/CheckoutDocument"


def send(api: Api, path: str, body: str | bytes) -> Answer:
    sent = body.encode() if isinstance(body, str) else body
    return api.ask("alice", "POST", path, sent, Content_Type="application/xml", Accept="application/xml")


def get(api: Api, path: str) -> ElementTree.Element:
    answer = api.ask("alice", "GET", path, Accept="application/xml")
    assert answer.status == 200
    return answer.xml()


def same(element: ElementTree.Element, value: object) -> bool:
    """Whether an element says what JSON says."""
    if value is None:
        return element.get(NIL) == "true" and len(element) == 0
    if isinstance(value, dict):
        return len(element) == len(value) and all(same(child, each) for child, each in zip(element, value.values(), strict=True))
    if isinstance(value, list):
        return len(element) == len(value) and all(map(same, element, value))
    return (element.text or "") == (json.dumps(value) if isinstance(value, bool | int) else value)


def test_xml_says_what_json_says(api: Api, document: Stored) -> None:
    api("bob", "POST", f"/Document/{document.id}/Lock?comment=%3Ca%26b%3E")
    for path, root in (("/Lock", "CheckoutInfo"), ("", "DocumentEntityWithLinks"), ("/Version", "ArrayOfVersionInfo"), ("/Length", "int")):
        element, value = get(api, f"/Document/{document.id}{path}"), api("alice", "GET", f"/Document/{document.id}{path}")
        assert element.tag == root
        assert same(element, value), path
        if isinstance(value, dict):
            assert [child.tag for child in element] == list(value)
    assert {each.tag for each in get(api, f"/Document/{document.id}/Lock").iter("Hold")} == {"Hold"}


def test_refusals_are_xml_for_who_asks_for_xml(api: Api, document: Stored) -> None:
    answer = api.ask("alice", "GET", "/Document/2147483647", Accept="text/xml")
    assert answer.status == 404
    assert answer.headers["Content-Type"] == "text/xml; charset=utf-8"
    assert [child.tag for child in answer.xml()] == ["Error", "ErrorType", "ErrorMessage", "ErrorSource"]
    assert answer.xml().tag == "Error" and answer.xml().findtext("Error") == "true"


def test_nothing_is_nil(api: Api) -> None:
    answer = send(api, "/Agents/Document/GetCheckoutState", "<DocumentCall><DocumentId>2147483647</DocumentId></DocumentCall>")
    assert (answer.status, answer.xml().tag, answer.xml().get(NIL)) == (200, "CheckoutInfo", "true")


@pytest.mark.parametrize(
    "body",
    [
        "<OutCall><DocumentId>NUMBER</DocumentId><Comment>why</Comment></OutCall>",
        "<x><documentid> NUMBER\n</documentid><COMMENT>why</COMMENT><unknown><deep/></unknown></x>",
        '<?xml version="1.0" encoding="utf-8"?>\n<OutCall xmlns="urn:any"><!-- x -->'
        "<DocumentId>NUMBER</DocumentId><Comment><![CDATA[why]]></Comment></OutCall>",
        '<a:OutCall xmlns:a="urn:any"><a:DocumentId>NUMBER</a:DocumentId><a:Comment>wh&#121;</a:Comment></a:OutCall>',
        '<OutCall xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><DocumentId>NUMBER</DocumentId><Comment>why</Comment>'
        '<AllowedReturnTypes xsi:nil="true"/></OutCall>',
        "<OutCall><DocumentId>NUMBER</DocumentId><Comment>why</Comment><AllowedReturnTypes/></OutCall>",
        "<OutCall><DocumentId>NUMBER</DocumentId><Comment>why</Comment><AllowedReturnTypes><string>None</string><x>Message</x></AllowedReturnTypes></OutCall>",
    ],
)
def test_xml_is_read_as_it_is_written(api: Api, document: Stored, body: str) -> None:
    answer = send(api, CHECK_OUT, body.replace("NUMBER", str(document.id)))
    assert (answer.status, answer.xml().tag, answer.xml().findtext("Success")) == (200, "ReturnInfo", "true")
    assert api("bob", "GET", f"/Document/{document.id}/Lock")["Comment"] == "why"


def test_xml_in_utf_16_is_read(api: Api, document: Stored) -> None:
    body = f'<?xml version="1.0" encoding="utf-16"?><DocumentCall><DocumentId>{document.id}</DocumentId></DocumentCall>'
    assert send(api, "/Agents/Document/GetCheckoutState", body.encode("utf-16")).xml().tag == "CheckoutInfo"


BOMB = "".join(f'<!ENTITY a{n} "&a{n - 1};&a{n - 1};&a{n - 1};&a{n - 1};&a{n - 1};&a{n - 1};">' for n in range(1, 12))


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "<OutCall/>",
        "<OutCall><DocumentId>NUMBER</DocumentId><AllowedReturnTypes>Message</AllowedReturnTypes></OutCall>",
        "<OutCall>NUMBER</OutCall>",
        "<OutCall><DocumentId/></OutCall>",
        "<OutCall><DocumentId>x</DocumentId></OutCall>",
        "<OutCall><DocumentId>+NUMBER</DocumentId></OutCall>",
        "<OutCall><DocumentId>1_0</DocumentId></OutCall>",
        "<OutCall><DocumentId>\u0661</DocumentId></OutCall>",
        "<OutCall><DocumentId>" + "9" * 5000 + "</DocumentId></OutCall>",
        "<OutCall><DocumentId>NUMBER</DocumentId><b:c/></OutCall>",
        "<OutCall><DocumentId>NUMBER</DocumentId><Comment>&#0;</Comment></OutCall>",
        "<OutCall><DocumentId>NUMBER</DocumentId><Comment>&nbsp;</Comment></OutCall>",
        "<OutCall><DocumentId>NUMBER</DocumentId><AllowedReturnTypes>Message</AllowedReturnTypes>",
        "<!DOCTYPE OutCall><OutCall><DocumentId>NUMBER</DocumentId></OutCall>",
        '<!DOCTYPE OutCall [<!ENTITY e "x">]><OutCall><DocumentId>NUMBER</DocumentId><Comment>&e;</Comment></OutCall>',
        '<!DOCTYPE OutCall [<!ENTITY e SYSTEM "file:///etc/passwd">]><OutCall><DocumentId>NUMBER</DocumentId><Comment>&e;</Comment></OutCall>',
        f'<!DOCTYPE OutCall [<!ENTITY a0 "aaaaaa">{BOMB}]><OutCall><DocumentId>NUMBER</DocumentId><Comment>&a11;</Comment></OutCall>',
        "<OutCall><DocumentId>NUMBER</DocumentId>" + "<x>" * 70 + "</x>" * 70 + "</OutCall>",
        "<OutCall><DocumentId>NUMBER</DocumentId>" + "<x>" * 50_000 + "</x>" * 50_000 + "</OutCall>",
        "<OutCall><DocumentId>NUMBER</DocumentId>" + "<x/>" * 110_000 + "</OutCall>",
    ],
)
def test_xml_that_is_not_what_is_needed(api: Api, document: Stored, body: str) -> None:
    answer = send(api, CHECK_OUT, body.replace("NUMBER", str(document.id)))
    assert answer.status == 400, answer.body
    assert answer.xml().findtext("ErrorType") == "ArgumentException"
    assert api("alice", "GET", f"/Document/{document.id}/Lock")["State"] == "NotCheckedOut"


def test_nothing_outside_is_read(api: Api, document: Stored, tmp_path: Path) -> None:
    pipe = tmp_path / "x.dtd"
    os.mkfifo(pipe)  # whoever opens it to read waits for ever
    doctype = f'<!DOCTYPE a SYSTEM "{pipe.as_uri()}">'
    assert send(api, CHECK_OUT, f"{doctype}<a><DocumentId>{document.id}</DocumentId></a>").status == 400
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.3)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/x.dtd"
        for start in (
            f'<!DOCTYPE a SYSTEM "{url}">',
            f'<!DOCTYPE a [<!ENTITY % p SYSTEM "{url}"> %p;]>',
            f'<!DOCTYPE a PUBLIC "a" "{url}">',
        ):
            assert send(api, CHECK_OUT, f"{start}<a><DocumentId>{document.id}</DocumentId></a>").status == 400
        assert send(
            api, CHECK_OUT, f'<a xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="{url}"/><DocumentId>0</DocumentId></a>'
        ).status in (200, 400)
        with pytest.raises(TimeoutError):
            listening.accept()


@pytest.mark.parametrize(
    ("key", "tag"),
    [
        ("Name", "Name"),
        ("_Links", "_Links"),
        ("odata.metadata", "odata.metadata"),
        ("größe", "größe"),
        ("a b", "a_x0020_b"),
        ("1st", "_x0031_st"),
        ("a:b", "a_x003A_b"),
        ("a_x0020_b", "a_x005F_x0020_b"),
        ("\U0010ffff", "_x0010FFFF_"),
        ("", "_x_"),
        ("_x_", "_x005F_x_"),
        ("\x00", "_x0000_"),
    ],
)
def test_any_key_is_the_name_of_an_element(key: str, tag: str) -> None:
    body = xml.encode({key: "value"}, dict[str, str])
    assert f"<{tag}>value</{tag}>" in body.decode()
    assert xml.decode(body, dict[str, str]) == {key: "value"}


def test_what_xml_cannot_express_is_replaced() -> None:
    assert xml.decode(xml.encode("a\x00\x1f\ufffe\ud800\r\n\tb", str), str) == "a\ufffd\ufffd\ufffd\ufffd\r\n\tb"


def test_the_depth_is_the_same_as_that_of_json() -> None:
    body = ("<x>" * codec.MAX_DEPTH + "</x>" * codec.MAX_DEPTH).encode()
    assert xml.decode(body, dict[str, str]) is not None
