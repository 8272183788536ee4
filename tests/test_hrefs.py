from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davlock import hrefs, paths
from davlock.errors import BadName, BadRequest, Forbidden
from davlock.paths import Address


@pytest.mark.parametrize(
    ("path", "href"),
    [
        ("/", "/"),
        ("/a/b.txt", "/a/b.txt"),
        ("/-._~!$&'()*+,;=:@", "/-._~!$&'()*+,;=:@"),  # LibreOffice cannot save otherwise
        ("/a b", "/a%20b"),
        ("/ü", "/%C3%BC"),
        ("/100%", "/100%25"),
        ('/"<>#?[]^`{|}', "/%22%3C%3E%23%3F%5B%5D%5E%60%7B%7C%7D"),
        ("/\U0001f600", "/%F0%9F%98%80"),
        ("/\x7f", "/%7F"),
    ],
)
def test_paths_are_encoded(path: str, href: str) -> None:
    assert hrefs.encode(path) == href


@pytest.mark.parametrize(("path", "href"), [("/", "/"), ("/a", "/a/"), ("/a/", "/a/"), ("/ü", "/%C3%BC/")])
def test_folders_end_with_one_slash(path: str, href: str) -> None:
    assert hrefs.encode(path, is_folder=True) == href


def test_no_name_on_a_disk_breaks_an_href() -> None:
    assert hrefs.encode("/\udcff\ud800").isascii()


@pytest.mark.parametrize(
    ("raw", "address"),
    [
        ("/", Address("/", "")),
        ("/a/b.txt", Address("/a/b.txt", "b.txt")),
        ("//a//b/", Address("/a/b", "b")),
        ("/%61%2D", Address("/a-", "a-")),
        ("/%c3%bc", Address("/ü", "ü")),
        ("/\xc3\xbc", Address("/ü", "ü")),  # not escaped, as WSGI hands it over
        ("/u%CC%88", Address("/ü", "u\u0308")),  # macOS
        ("/100%25", Address("/100%", "100%")),
        ("/a+b", Address("/a+b", "a+b")),
        ("/a;v=1", Address("/a;v=1", "a;v=1")),
        ("/%2561", Address("/%61", "%61")),  # decoded once
    ],
)
def test_paths_from_the_wire(raw: str, address: Address) -> None:
    assert hrefs.decode(raw) == address


@pytest.mark.parametrize(
    "raw",
    [
        "", "*", "a", "http://h/a", "/%", "/%4", "/%zz", "/%u002e", "/% 20", "/%+1",
        "/a%2fb", "/a%2Fb", "/a%5cb", "/a%5Cb", "/a\\b", "/a%00", "/a\x00", "/a%0d%0aX", "/a\r\n", "/%7f", "/\x7f",
        "/%ff%fe", "/\xff", "/%c0%ae%c0%ae", "/%e0%80%ae", "/%ed%a0%80", "/%c0%af", "/%ef%bf%bf", "/ü\u20ac",
        "/..", "/.", "/a/../b", "/%2e%2e/etc", "/.%2e", "/%252e%252e", "/%252f", "/%25252f", "/%255c", "/%ef%bc%8e",
        "/" + "a" * 256, "/a" * 101, "/" + "%C3%BC" * 128,
    ],
)  # fmt: skip
def test_what_no_document_can_be_called_is_refused(raw: str) -> None:
    with pytest.raises(BadName):
        hrefs.decode(raw)


@pytest.mark.parametrize("raw", ["/.davlock/state.db", "/%2Edavlock", "/.DAVLOCK", "/_vti_bin/x", "/%61pi/v1/Document"])
def test_what_is_not_for_this_door_is_forbidden(raw: str) -> None:
    with pytest.raises(Forbidden):
        hrefs.decode(raw)


def test_a_slash_at_the_end_is_told_apart() -> None:
    assert hrefs.has_trailing_slash("/a/")
    assert not hrefs.has_trailing_slash("/a")


names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40).filter(lambda name: not paths.is_hidden(name))


@given(st.lists(names, max_size=4), st.booleans())
def test_every_possible_path_comes_back(parts: list[str], is_folder: bool) -> None:
    path = "/" + "/".join(parts)
    if paths.is_reserved(path):
        return
    href = hrefs.encode(path, is_folder)

    assert hrefs.decode(href) == paths.parse(path)
    assert href.endswith("/") == (is_folder or path == "/")


escaped = st.from_regex(r"/([a-z/.]|%[0-9a-f]{2})*", fullmatch=True)


@given(st.text(st.characters(max_codepoint=0x110), max_size=60) | escaped)
def test_nothing_from_the_wire_gives_anything_but_a_refusal(raw: str) -> None:
    try:
        path = hrefs.decode(raw).path
    except (BadRequest, Forbidden):
        return
    assert paths.parse(path).path == path
    assert ".." not in path.split("/")
