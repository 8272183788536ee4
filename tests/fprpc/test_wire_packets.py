from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davlock.fprpc import values
from davlock.fprpc.packets import error, escape, packet
from davlock.fprpc.values import DocInfo, FolderInfo, MetaDict, MetaValue, parse_meta
from davlock.fprpc.wire import Method
from tests.fprpc.client import read_packet
from tests.fprpc.strategies import documents, folders, metadicts, texts, untimed

WORD_2003 = "6.0.2.5523"


def test_server_version() -> None:
    answer = packet(
        Method("server version", WORD_2003),
        "",
        ("server version", {"major ver": "12", "minor ver": "0", "phase ver": "0", "ver incr": "6219"}),
        ("source control", "1"),
    )
    assert answer == (
        b"<html><head><title>vermeer RPC packet</title></head>\n"
        b"<body>\n"
        b"<p>method=server version:6.0.2.5523\n"
        b"<p>server version=\n"
        b"<ul>\n"
        b"<li>major ver=12\n"
        b"<li>minor ver=0\n"
        b"<li>phase ver=0\n"
        b"<li>ver incr=6219\n"
        b"</ul>\n"
        b"<p>source control=1\n"
        b"</body>\n"
        b"</html>\n"
    )


def test_a_refusal() -> None:
    answer = error(
        Method("checkout document", "12.0.0.6211"), 0x0009000E, "The file docs/a.docx is checked out or locked for editing by bob."
    )
    assert answer == (
        b"<html><head><title>vermeer RPC packet</title></head>\n"
        b"<body>\n"
        b"<p>method=checkout document:12.0.0.6211\n"
        b"<p>status=\n"
        b"<ul>\n"
        b"<li>status=589838\n"
        b"<li>osstatus=0\n"
        b"<li>msg=The file docs/a.docx is checked out or locked for editing by bob.\n"
        b"<li>osmsg=\n"
        b"</ul>\n"
        b"</body>\n"
        b"</html>\n"
    )


def test_a_refusal_of_what_named_no_method() -> None:
    assert b"\n<p>method=\n<p>status=\n" in error(None, 262150, "The request names no method.")


def test_the_method_has_no_version_if_the_client_named_none() -> None:
    # FrontPage 4.0 and 5.0 servers: `<p>method=server version`
    assert b"\n<p>method=server version\n" in packet(Method("server version"))


def test_the_head_of_get_document_ends_where_the_content_begins() -> None:
    info = DocInfo(
        "docs/a.doc",
        {
            "vti_timelastmodified": values.moment(1_144_353_782),
            "vti_rtag": values.string("rt:8AA6F1A0-32E4-4C8D-A9C4-0E1F3E6B6B8E@00000000003", "W"),
            "vti_etag": values.string('"{8AA6F1A0-32E4-4C8D-A9C4-0E1F3E6B6B8E},3"', "W"),
            "vti_filesize": values.integer(7),
            "vti_canmaybeedit": values.boolean(True, "X"),
            "vti_sourcecontrolmultiuserchkoutby": values.strings(["VM2K3\\nuxeo"]),
            "vti_sourcecontrolcheckedoutby": values.string("VM2K3\\nuxeo"),
        },
    )
    head = packet(Method("get document", WORD_2003), "successfully retrieved document 'docs/a.doc' from 'docs/a.doc'", ("document", info))
    assert head == (
        b"<html><head><title>vermeer RPC packet</title></head>\n"
        b"<body>\n"
        b"<p>method=get document:6.0.2.5523\n"
        b"<p>message=successfully retrieved document 'docs/a.doc' from 'docs/a.doc'\n"
        b"<p>document=\n"
        b"<ul>\n"
        b"<li>document_name=docs/a.doc\n"
        b"<li>meta_info=\n"
        b"<ul>\n"
        b"<li>vti_timelastmodified\n"
        b"<li>TR|06 Apr 2006 20:03:02 -0000\n"
        b"<li>vti_rtag\n"
        b"<li>SW|rt:8AA6F1A0-32E4-4C8D-A9C4-0E1F3E6B6B8E@00000000003\n"
        b"<li>vti_etag\n"
        b"<li>SW|&#34;&#123;8AA6F1A0-32E4-4C8D-A9C4-0E1F3E6B6B8E&#125;,3&#34;\n"
        b"<li>vti_filesize\n"
        b"<li>IR|7\n"
        b"<li>vti_canmaybeedit\n"
        b"<li>BX|true\n"
        b"<li>vti_sourcecontrolmultiuserchkoutby\n"
        b"<li>VR|VM2K3&#92;&#92;nuxeo\n"
        b"<li>vti_sourcecontrolcheckedoutby\n"
        b"<li>SR|VM2K3&#92;nuxeo\n"
        b"</ul>\n"
        b"</ul>\n"
        b"</body>\n"
        b"</html>\n"
    )
    content = b"\xd0\xcf\x11\xe0\n<p>method=\n</html>\n"
    assert read_packet(head + content)[1] == content


def test_lists_of_documents_and_folders_are_anonymous_in_named_lists() -> None:
    answer = packet(
        Method("list documents", WORD_2003),
        "",
        ("document_list", [DocInfo("a.doc", {"vti_title": values.string("A")}), DocInfo("b.doc")]),
        ("urldirs", [FolderInfo("images", {"vti_hassubdirs": values.boolean(False)})]),
        ("failedUrls", ["c.doc", "d.doc"]),
    )
    assert answer.partition(b"5523\n")[2] == (
        b"<p>document_list=\n"
        b"<ul>\n"
        b"<ul>\n"
        b"<li>document_name=a.doc\n"
        b"<li>meta_info=\n"
        b"<ul>\n"
        b"<li>vti_title\n"
        b"<li>SR|A\n"
        b"</ul>\n"
        b"</ul>\n"
        b"<ul>\n"
        b"<li>document_name=b.doc\n"
        b"<li>meta_info=\n"
        b"<ul>\n"
        b"</ul>\n"
        b"</ul>\n"
        b"</ul>\n"
        b"<p>urldirs=\n"
        b"<ul>\n"
        b"<ul>\n"
        b"<li>url=images\n"
        b"<li>meta_info=\n"
        b"<ul>\n"
        b"<li>vti_hassubdirs\n"
        b"<li>BR|false\n"
        b"</ul>\n"
        b"</ul>\n"
        b"</ul>\n"
        b"<p>failedUrls=\n"
        b"<ul>\n"
        b"<li>c.doc\n"
        b"<li>d.doc\n"
        b"</ul>\n"
        b"</body>\n"
        b"</html>\n"
    )


def test_empty_lists_are_there() -> None:
    # Alfresco's `remove documents`: all four lists, always
    answer = packet(
        Method("remove documents", WORD_2003),
        "successfully removed documents",
        ("removed_docs", [DocInfo("a.doc")]),
        ("removed_dirs", []),
        ("failed_docs", ()),
        ("failed_dirs", {}),
    )
    assert answer.partition(b"documents\n")[2] == (
        b"<p>removed_docs=\n<ul>\n<ul>\n<li>document_name=a.doc\n<li>meta_info=\n<ul>\n</ul>\n</ul>\n</ul>\n"
        b"<p>removed_dirs=\n<ul>\n</ul>\n<p>failed_docs=\n<ul>\n</ul>\n<p>failed_dirs=\n<ul>\n</ul>\n</body>\n</html>\n"
    )


def test_a_list_can_hold_pairs_and_a_metadict() -> None:
    # open service
    meta = {"vti_sourcecontrolproject": values.string("<STS-based Locking>", "X"), "vti_username": values.string("DOM\\user", "X")}
    answer = packet(Method("open service", WORD_2003), "", ("service", {"service_name": "", "meta_info": meta}))
    assert answer.partition(b"5523\n")[2] == (
        b"<p>service=\n<ul>\n<li>service_name=\n<li>meta_info=\n<ul>\n"
        b"<li>vti_sourcecontrolproject\n<li>SX|&#60;STS-based Locking&#62;\n"
        b"<li>vti_username\n<li>SX|DOM&#92;user\n"
        b"</ul>\n</ul>\n</body>\n</html>\n"
    )


def test_values_at_the_top_level_can_be_empty() -> None:
    answer = packet(Method("url to web url", WORD_2003), "", ("webUrl", "/"), ("fileUrl", ""))
    assert answer.endswith(b"<p>webUrl=/\n<p>fileUrl=\n</body>\n</html>\n")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        # the capture
        ("\\", "&#92;"),
        ("=", "&#61;"),
        (";", "&#59;"),
        ('"', "&#34;"),
        ("{}", "&#123;&#125;"),
        ("<>", "&#60;&#62;"),
        # Alfresco
        ("&", "&#38;"),
        ("'", "&#39;"),
        ("[]", "&#91;&#93;"),
        ("é", "&#195;&#169;"),
        ("€", "&#226;&#130;&#172;"),
        ("😀", "&#240;&#159;&#152;&#128;"),
        # what could end a line or a value
        ("a\nb\r\tc\x7f", "a&#10;b&#13;&#9;c&#127;"),
        ("a\u0085\u2028b", "a&#194;&#133;&#226;&#128;&#168;b"),
        ("&#38;", "&#38;#38&#59;"),
        # what no packet can express
        ("a\0b", "a&#239;&#191;&#189;b"),
        ("a\udc80b", "a&#239;&#191;&#189;b"),
        # and all the rest
        ("docs/My File (2), v1.0 ~$+%20_@!?#:|*^`.doc", "docs/My File (2), v1.0 ~$+%20_@!?#:|*^`.doc"),
    ],
)
def test_data_is_escaped(text: str, written: str) -> None:
    assert escape(text) == written


@pytest.mark.parametrize("hostile", ["a\n</ul>\n<p>status=", "<script>alert(1)</script>", "x</html>\nPK", "&#60;script&#62;", "\r\n\r\n"])
def test_nothing_in_data_can_change_the_shape_of_a_packet(hostile: str) -> None:
    info = DocInfo(hostile, {hostile: values.string(hostile)})
    method = Method("get document", WORD_2003)
    returned, rest = read_packet(packet(method, hostile, ("document", info), (hostile, hostile), ("failedUrls", [hostile])))
    assert rest == b""
    assert returned.text("message") == hostile
    assert returned.list("document").document() == info
    assert returned.text(hostile) == hostile
    assert returned.list("failedUrls").texts == [hostile]
    refused, rest = read_packet(error(method, 589838, hostile))
    assert rest == b""
    assert refused.list("status").pairs == {"status": "589838", "osstatus": "0", "msg": hostile, "osmsg": ""}


def test_quotes_in_sentences_stay() -> None:
    assert b"<p>message=it's &#34;a&#34;\n" in packet(Method("a"), 'it\'s "a"')
    assert b"<li>msg=it's &#34;a&#34;\n" in error(Method("a"), 1, 'it\'s "a"')


@untimed
@given(texts, st.lists(documents, max_size=3), st.lists(folders, max_size=3), metadicts, st.lists(texts, max_size=3))
def test_answers_come_back(text: str, docs: list[DocInfo], dirs: list[FolderInfo], meta: MetaDict, names: list[str]) -> None:
    answer = packet(
        Method("list documents", "1.0"),
        text,
        ("document_list", docs),
        ("urldirs", dirs),
        ("meta_info", meta),
        ("names", names),
        ("text", text),
    )
    returned, rest = read_packet(answer)
    assert rest == b""
    assert returned.pairs.get("message", "") == text
    assert [each.document() for each in returned.list("document_list").lists] == docs
    assert [each.folder() for each in returned.list("urldirs").lists] == dirs
    assert returned.list("meta_info").meta() == meta
    assert returned.list("names").texts == names
    assert returned.text("text") == text


@pytest.mark.parametrize("text", ["VR|Approved Rejected Pending\\ Review", "VR|VM2K3\\\\nuxeo"])
def test_vectors_of_the_capture(text: str) -> None:
    value: MetaValue = parse_meta(text)
    line = f"<li>{text}\n".replace("\\", "&#92;").encode()
    assert line in packet(Method("a"), "", ("meta_info", {"key": value}))
