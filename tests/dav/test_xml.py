from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from davlock.dav import xml
from davlock.errors import BadRequest, TooLarge


def nested(levels: int) -> bytes:
    return b"<a>" * levels + b"</a>" * levels


def crowded(elements: int) -> bytes:
    return b"<a>" + b"<b/>" * (elements - 1) + b"</a>"


@pytest.mark.parametrize(
    "body",
    [
        b"<a/>",
        b"\xef\xbb\xbf<a/>",
        "<?xml version='1.0' encoding='utf-16'?><a/>".encode("utf-16"),
        "<?xml version='1.0' encoding='iso-8859-1'?><a b='ü'/>".encode("latin-1"),
        b"<?xml-stylesheet href='x'?><!-- <!DOCTYPE a> --><a/>",
        nested(xml.MAX_LEVELS),
        crowded(xml.MAX_ELEMENTS),
        b"<a>" + b" " * (xml.MAX_BODY - 7) + b"</a>",
    ],
)
def test_xml_is_read(body: bytes) -> None:
    assert xml.parse(body).tag == "a"


def test_comments_and_instructions_are_left_out_and_cdata_is_text() -> None:
    assert xml.parse(b"<a>x<!--c-->y<?p?>z<![CDATA[<!DOCTYPE a>]]></a>").text == "xyz<!DOCTYPE a>"


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"x", b"\x00", b"<a>", b"<a></b>", b"<a/><b/>", b"<a b=1/>", b"<a b='1' b='2'/>", b"<a>&b;</a>",
        b"<a b='&b;'/>", b"<a>&#0;</a>", b"<a>&#xFFFF;</a>", b"<a>\x01</a>", b"<a>\xff</a>", b"<a>\xed\xa0\x80</a>",
        b"<x:a/>", b"<a x:b=''/>", b"<a xmlns:b=''/>", b"<a:b:c xmlns:a='u'/>", b"<a xmlns:xml='u'/>",
        b"<a xmlns:x='u' xmlns:y='u' x:b='' y:b=''/>", b"<?xml version='1.0' encoding='no-such'?><a/>",
        b"<?xml version='1.0' encoding='utf-16'?><a>\xd8</a>", b"{}", b"<" * 1000,
    ],
)  # fmt: skip
def test_what_is_malformed_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest, match="malformed"):
        xml.parse(body)


LAUGHS = b"".join(b"<!ENTITY l%d '%s'>" % (i, b"&l%d;" % (i - 1) * 10) for i in range(1, 12))


@pytest.mark.parametrize(
    "doctype",
    [
        b"<!DOCTYPE a>",
        b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
        b"<!DOCTYPE a SYSTEM 'http://127.0.0.1:9/a.dtd'>",
        b"<!DOCTYPE a PUBLIC 'b' 'a.dtd'>",
        b"<!DOCTYPE a [<!ENTITY % b SYSTEM 'file:///etc/passwd'> %b;]>",
        b"<!DOCTYPE a [<!ENTITY l0 'ha'>" + LAUGHS + b"]>",
        b"<!DOCTYPE a [<!ATTLIST a b CDATA 'c'>]>",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_any_doctype_is_refused(doctype: bytes, encoding: str) -> None:
    for root in ("<a/>", "<a>text</a>"):
        with pytest.raises(BadRequest, match="DOCTYPE"):
            xml.parse((doctype.decode() + root).encode(encoding))


@pytest.mark.parametrize("root", [b"<a>&l11;</a>", b"<a b='&l11;'/>"])
def test_a_billion_laughs_are_refused(root: bytes) -> None:
    with pytest.raises(BadRequest):
        xml.parse(b"<!DOCTYPE a [<!ENTITY l0 'ha'>" + LAUGHS + b"]>" + root)


def test_no_other_file_is_opened(tmp_path: Path) -> None:
    # lxml says that it is malformed, if it looks: so does it with collect_ids=False, whatever load_dtd says
    (tmp_path / "a.dtd").write_text("<broken")

    with pytest.raises(BadRequest, match="DOCTYPE"):
        xml.parse(f"<!DOCTYPE a SYSTEM '{(tmp_path / 'a.dtd').as_uri()}'><a/>".encode())


@pytest.mark.parametrize(
    "body",
    [nested(xml.MAX_LEVELS + 1), nested(300), nested(30_000), crowded(xml.MAX_ELEMENTS + 1)],
    ids=["deep", "deeper", "deepest", "crowded"],
)
def test_too_much_structure_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        xml.parse(body)


def test_too_long_a_body_is_refused() -> None:
    with pytest.raises(TooLarge):
        xml.parse(b"<a>" + b" " * (xml.MAX_BODY - 6) + b"</a>")


@given(st.binary(max_size=200) | st.text("<>/&;!?[]='\"aD: xmlns", max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        root = xml.parse(body)
    except BadRequest as error:
        assert error.message.endswith(".")
    else:
        assert isinstance(root.tag, str)


possible = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t\n\r", exclude_characters="\ufffe\uffff"))


@given(possible)
def test_text_comes_back_from_an_element(text: str) -> None:
    assert (etree.fromstring(f"<a>{xml.escape(text)}</a>").text or "") == text


def test_what_xml_cannot_express_is_replaced() -> None:
    text = "a\x00\x08\x0b\x1f\ud800\udfff\ufffe\uffff&b"

    assert etree.fromstring(f"<a>{xml.escape(text)}</a>").text == "a" + "\ufffd" * 8 + "&b"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("{DAV:}prop", "<D:prop/>"),
        ("{urn:x}prop", '<N:prop xmlns:N="urn:x"/>'),
        ("{urn:?a=1&b=\"<'>}ü", '<N:ü xmlns:N="urn:?a=1&amp;b=&quot;&lt;\'&gt;"/>'),
        ("prop", "<prop/>"),
    ],
)
def test_elements_have_a_prefix_and_never_a_default_namespace(name: str, expected: str) -> None:
    assert xml.element(name) == expected


@given(st.text("urn:%&<>'\" \t\r\n{üx", min_size=1), st.sampled_from(["a", "ü", "_"]))
def test_any_name_comes_back_from_an_element(uri: str, local: str) -> None:
    name = f"{{{uri}}}{local}"

    # expat, because libxml2 refuses namespaces that are no URI
    assert ElementTree.fromstring(xml.element(name)).tag == name


def test_an_element_takes_the_namespaces_it_uses_along_and_no_others() -> None:
    root = etree.fromstring(b'<p xmlns="DAV:" xmlns:u="unused" xmlns:q="used"><v q:a="1">t<q:i/></v>tail</p>')

    assert xml.serialise(root[0]) == '<v xmlns="DAV:" xmlns:q="used" q:a="1">t<q:i/></v>'


def test_an_error_names_its_condition_the_hrefs_and_a_sentence() -> None:
    root = etree.fromstring(xml.error("lock-token-submitted", ["/a%20b", "/c&d"], 'Locked by "<alice>".'))

    assert root.tag == "{DAV:}error"
    assert [each.tag for each in root] == ["{DAV:}lock-token-submitted", "{urn:davlock:}message"]
    assert [each.text for each in root[0]] == ["/a%20b", "/c&d"]
    assert {each.tag for each in root[0]} == {"{DAV:}href"}
    assert root[1].text == 'Locked by "<alice>".'


def test_an_error_without_hrefs_has_an_empty_condition() -> None:
    root = etree.fromstring(xml.error("propfind-finite-depth"))

    assert [(each.tag, each.text, len(each)) for each in root] == [("{DAV:}propfind-finite-depth", None, 0)]


def test_a_multistatus_tells_what_could_not_be_done() -> None:
    body = xml.multistatus_errors([("/a&b", 423, "lock-token-submitted", "Locked by <alice>."), ("/c", 424, None, "")])

    first, second = etree.fromstring(body)
    assert [(each.tag, each.text) for each in first] == [
        ("{DAV:}href", "/a&b"),
        ("{DAV:}status", "HTTP/1.1 423 Locked"),
        ("{DAV:}error", None),
        ("{DAV:}responsedescription", "Locked by <alice>."),
    ]
    assert [each.tag for each in first[2]] == ["{DAV:}lock-token-submitted"]
    assert [(each.tag, each.text) for each in second] == [
        ("{DAV:}href", "/c"),
        ("{DAV:}status", "HTTP/1.1 424 Failed Dependency"),
    ]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_700_000_000, "2023-11-14T22:13:20Z"),
        (-1, "1969-12-31T23:59:59Z"),
        (10**15, "9999-12-31T23:59:59Z"),
        (-(10**15), "0001-01-01T00:00:00Z"),
    ],
)
def test_timestamps(seconds: int, expected: str) -> None:
    assert xml.timestamp(seconds) == expected
