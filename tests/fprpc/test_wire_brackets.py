from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from davlock.fprpc.brackets import (
    MAX_LEVELS,
    parse_dict,
    parse_document,
    parse_documents,
    parse_folder,
    parse_folders,
    parse_items,
    parse_metadict,
    parse_metadicts,
    parse_vector,
    print_document,
)
from davlock.fprpc.values import DocInfo, FolderInfo, Malformed, MetaDict, MetaValue, parse_meta
from tests.fprpc import client
from tests.fprpc.counting import lines_run
from tests.fprpc.strategies import documents, folders, metadicts, texts, untimed

EVERY = [
    parse_items, parse_vector, parse_dict, parse_metadict, parse_metadicts, parse_document, parse_documents, parse_folder, parse_folders,
]  # fmt: skip
Parse = Callable[[str], object]


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("[]", ()),
        ("[a]", ("a",)),
        ("[a;b;c]", ("a", "b", "c")),
        ("[a;b;]", ("a", "b")),
        ("[;]", ("",)),
        ("[;a]", ("", "a")),
        ("[a;;b]", ("a", "", "b")),
        ("[a;;]", ("a", "")),
        ("[http://host:8080/site/docs/a b.doc;docs/é.doc]", ("http://host:8080/site/docs/a b.doc", "docs/é.doc")),
        # the characters that Alfresco and Nuxeo break names at
        (r"[a\;b\=c\[1\]\{x\}\\d.doc]", (r"a;b=c[1]{x}\d.doc",)),
        (r"[a\\;b]", ("a\\", "b")),
        (r"[a\\\;b]", (r"a\;b",)),
        (r"[a\|b]", ("a|b",)),
        # what needs no escape, or was not given one
        ("[a=b;c==d;=]", ("a=b", "c==d", "=")),
        ("[{GUID}]", ("{GUID}",)),
        (r"[C:\temp\x;DOM\user;a\ b]", ("C:\\temp\\x", "DOM\\user", "a\\ b")),
        ("[two\nlines; a ]", ("two\nlines", " a ")),
    ],
)
def test_a_vector_is_read(text: str, items: tuple[str, ...]) -> None:
    assert parse_vector(text) == items


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("[]", {}),
        ("[;]", {"": ""}),
        ("[key;]", {"key": ""}),
        ("[key;value]", {"key": "value"}),
        ("[key;value;]", {"key": "value"}),
        ("[a;1;b;;c;3]", {"a": "1", "b": "", "c": "3"}),
        ("[a;1;b;2;a;1]", {"a": "1", "b": "2"}),
        (r"[a\;b;c=d\]]", {"a;b": "c=d]"}),
        # MS-FPSE: an empty key is the root folder
        (
            "[;TX|06 Apr 2006 20:03:02 -0000;images;TX|06 Apr 2006 20:03:04 -0000]",
            {"": "TX|06 Apr 2006 20:03:02 -0000", "images": "TX|06 Apr 2006 20:03:04 -0000"},
        ),
    ],
)
def test_a_dict_is_read(text: str, pairs: dict[str, str]) -> None:
    assert parse_dict(text) == pairs
    assert list(parse_dict(text)) == list(pairs)


def test_the_folder_list_of_the_specification_is_a_metadict() -> None:
    meta = parse_metadict("[;TX|06 Apr 2006 20:03:02 -0000;images;TX|06 Apr 2006 20:03:04 -0000]")
    assert {folder: value.seconds for folder, value in meta.items()} == {"": 1_144_353_782, "images": 1_144_353_784}


def test_a_vector_in_a_metadict_is_escaped_twice() -> None:
    meta = parse_metadict(r"[choices;VW|Approved Pending\\ Review;who;VW|VM2K3\\\\nuxeo]")
    assert meta["choices"].content == ("Approved", "Pending Review")
    assert meta["who"].content == ("VM2K3\\nuxeo",)


def test_documents_are_read() -> None:
    # Word 2003, put document
    text = "[document_name=docs/a.doc;meta_info=[vti_timelastmodified;TW|11 Mar 2011 16:39:35 -0000]]"
    info = DocInfo("docs/a.doc", {"vti_timelastmodified": MetaValue("T", "W", "11 Mar 2011 16:39:35 -0000")})
    assert parse_document(text) == info
    assert parse_documents(f"[{text};[meta_info=[];document_name=b.doc]]") == (info, DocInfo("b.doc"))
    assert parse_documents("[]") == ()


@pytest.mark.parametrize(
    ("text", "info"),
    [
        ("[document_name=a.doc]", DocInfo("a.doc")),
        ("[document_name=;meta_info=[]]", DocInfo("")),
        ("[document_name=a.doc;meta_info=[];]", DocInfo("a.doc")),
        ("[document_name=a=b.doc;meta_info=[]]", DocInfo("a=b.doc")),
        (r"[document_name=a\;b \[1\].doc;meta_info=[]]", DocInfo("a;b [1].doc")),
        ("[document_name=a.doc;link_info=[x;[y]];meta_info=[];note=x]", DocInfo("a.doc")),
        ("[document_name=a.doc;document_name=a.doc]", DocInfo("a.doc")),
    ],
)
def test_a_document_is_read(text: str, info: DocInfo) -> None:
    assert parse_document(text) == info


def test_folders_are_read() -> None:
    assert parse_folder("[url=docs/new;meta_info=[]]") == FolderInfo("docs/new")
    assert parse_folders("[[url=a;meta_info=[]];[url=a/b;meta_info=[vti_x;SW|y]]]") == (
        FolderInfo("a"),
        FolderInfo("a/b", {"vti_x": MetaValue("S", "W", "y")}),
    )
    # the sample client of Microsoft's SDK
    assert parse_folders("[[url=a]]") == (FolderInfo("a"),)


def test_lists_of_metadata_are_read() -> None:
    # setDocsMetaInfo
    assert parse_metadicts("[[a;SW|1;b;IW|2];[]]") == ({"a": parse_meta("SW|1"), "b": parse_meta("IW|2")}, {})


@pytest.mark.parametrize(
    "text", ["", " ", "a", "a;b", "]", "[", "[a", "[[a]", "[a]]", "[a]b", "a[b]", "[a][b]", "[a]\n", " []", "[a\\", "\\[a]"]
)
@pytest.mark.parametrize("parse", EVERY)
def test_what_is_not_in_brackets_is_refused(parse: Parse, text: str) -> None:
    with pytest.raises(Malformed):
        parse(text)


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_vector, "[[a]]"),
        (parse_vector, "[a;[b]]"),
        (parse_vector, "[a[b]]"),
        (parse_vector, "[a;[b]c]"),
        (parse_vector, "[[a][b]]"),
        (parse_vector, "[a=[b]]"),
        (parse_vector, "[[a]=b]"),
        (parse_items, "[[a][b]]"),
        (parse_items, "[[a]b]"),
        (parse_items, "[[a]=]"),
        (parse_items, "[x=[a]b]"),
        (parse_dict, "[a]"),
        (parse_dict, "[a;1;b]"),
        (parse_dict, "[a=1]"),
        (parse_dict, "[a;[b]]"),
        (parse_dict, "[[a];b]"),
        (parse_dict, "[a;1;a;2]"),
        (parse_metadict, "[a;b]"),
        (parse_metadict, "[a;]"),
        (parse_metadict, "[a;S|b]"),
        (parse_metadict, "[a;SR|1;a;SR|2]"),
        (parse_metadicts, "[a;SW|b]"),
        (parse_metadicts, "[x=[a;SW|b]]"),
        (parse_document, "[]"),
        (parse_document, "[url=a]"),
        (parse_document, "[a.doc]"),
        (parse_document, "[document_name=a;b.doc;meta_info=[]]"),
        (parse_document, "[document_name=[a.doc]]"),
        (parse_document, "[document_name=a.doc;meta_info=]"),
        (parse_document, "[document_name=a.doc;meta_info=x]"),
        (parse_document, "[document_name=a.doc;meta_info=[x]]"),
        (parse_document, "[document_name=a.doc;document_name=b.doc]"),
        (parse_document, "[document_name=a.doc;[meta_info]]"),
        (parse_document, "[[document_name=a.doc]]"),
        (parse_documents, "[document_name=a.doc]"),
        (parse_documents, "[a.doc]"),
        (parse_documents, "[[document_name=a.doc]b]"),
        (parse_documents, "[[document_name=a.doc];;]"),
        (parse_folder, "[document_name=a]"),
        (parse_folders, "[url=a]"),
        (parse_folders, "[;[url=a]]"),
    ],
)
def test_a_value_of_another_shape_is_refused(parse: Parse, text: str) -> None:
    with pytest.raises(Malformed):
        parse(text)


def test_a_bracket_that_was_not_escaped_is_explained() -> None:
    with pytest.raises(Malformed, match="backslash before it"):
        parse_vector("[docs/a[1].doc]")


def test_brackets_can_be_nested_but_not_without_bound() -> None:
    assert parse_items("[" * MAX_LEVELS + "]" * MAX_LEVELS)
    for text in "[" * (MAX_LEVELS + 1), "[" * 100_000, "[" * 100_000 + "]" * 100_000, "[a=" * 100_000, "[x;" * 100_000:
        for parse in EVERY:
            with pytest.raises(Malformed, match="nested more than 8 levels"):
                parse(text)


@untimed
@given(st.lists(texts))
def test_vectors_come_back(items: list[str]) -> None:
    assert parse_vector(client.vector(map(client.escaped, items))) == tuple(items)


@untimed
@given(st.dictionaries(texts, texts))
def test_dicts_come_back(pairs: dict[str, str]) -> None:
    assert list(parse_dict(client.dictionary(pairs)).items()) == list(pairs.items())


@untimed
@given(metadicts, st.lists(metadicts, max_size=3))
def test_metadicts_come_back(meta: MetaDict, metas: list[MetaDict]) -> None:
    assert parse_metadict(client.metadict(meta)) == meta
    assert parse_metadicts(client.vector(map(client.metadict, metas))) == tuple(metas)


@untimed
@given(documents)
def test_a_printed_document_comes_back(info: DocInfo) -> None:
    assert parse_document(print_document(info)) == info
    assert print_document(info) == client.document(info)


@given(st.lists(documents, min_size=1, max_size=3))
def test_documents_come_back(infos: list[DocInfo]) -> None:
    assert parse_document(client.document(infos[0])) == infos[0]
    assert parse_documents(client.vector(map(client.document, infos))) == tuple(infos)


@untimed
@given(st.lists(folders, min_size=1, max_size=3))
def test_folders_come_back(infos: list[FolderInfo]) -> None:
    assert parse_folder(client.folder(infos[0])) == infos[0]
    assert parse_folders(client.vector(map(client.folder, infos))) == tuple(infos)


@untimed
@given(st.text(st.sampled_from("[[[]]];;==\\ab|"), max_size=30) | st.text())
@example("[\\]")
def test_any_text_is_read_or_refused(text: str) -> None:
    for parse in EVERY:
        try:
            parse(text)
        except Malformed as refused:
            assert refused.message.endswith(".")


@pytest.mark.parametrize(
    "unit",
    [
        "a;",
        ";",
        "=",
        "a=b;",
        "\\",
        "\\\\",
        "\\;",
        "a\\b",
        "[];",
        "[a;SW|b];",
        "key;SW|v;",
        "[[x=[]]];",
        "a",
        "{",
        "[document_name=a;meta_info=[k;SW|v]];",
    ],
)
@pytest.mark.parametrize("parse", EVERY)
def test_twice_the_text_is_at_most_twice_the_work(parse: Parse, unit: str) -> None:
    def work(times: int) -> int:
        return lines_run(lambda: parse(f"[{unit * times}]"))

    fixed = work(0) + 200
    assert work(500) <= 2 * work(250) + fixed
