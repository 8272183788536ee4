from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davlock.dav.headers import (
    MAX_DESTINATION,
    MAX_PREFER,
    MAX_SECONDS,
    MAX_TOKEN,
    Depth,
    ForeignDestination,
    parse_depth,
    parse_destination,
    parse_lock_token,
    parse_overwrite,
    parse_prefer,
    parse_propfind_depth,
    parse_timeout,
    path_of,
)
from davlock.errors import BadRequest

TOKEN = "urn:uuid:181d4fae-7d8c-11d0-a765-00a0c91e6bf2"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, Depth.ONE),
        ("0", Depth.ZERO),
        (" 1 ", Depth.ONE),
        ("infinity", Depth.INFINITY),
        ("Infinity", Depth.INFINITY),
    ],
)
def test_depth(value: str | None, expected: Depth) -> None:
    assert parse_depth(value, Depth.ONE) is expected


@pytest.mark.parametrize(
    "value",
    ["", "-1", "2", "abc", "1.0", "01", "+1", "0_0", "0,1", "infinite", "1,noroot", "١", "9" * 5000, "x" * 10**6],
    ids=lambda value: value[:10],
)
def test_no_depth(value: str) -> None:
    with pytest.raises(BadRequest):
        parse_depth(value, Depth.ONE)


def test_depth_must_be_allowed() -> None:
    # RFC 4918 section 9.10.3: LOCK has no Depth 1
    assert parse_depth("infinity", Depth.INFINITY, (Depth.ZERO, Depth.INFINITY)) is Depth.INFINITY
    with pytest.raises(BadRequest, match="one of: 0, infinity"):
        parse_depth("1", Depth.INFINITY, (Depth.ZERO, Depth.INFINITY))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, (Depth.INFINITY, False)),
        ("0", (Depth.ZERO, False)),
        ("1", (Depth.ONE, False)),
        ("1,noroot", (Depth.ONE, True)),
        (" 1 , NoRoot ", (Depth.ONE, True)),
    ],
)
def test_propfind_depth(value: str | None, expected: tuple[Depth, bool]) -> None:
    assert parse_propfind_depth(value) == expected


@pytest.mark.parametrize("value", ["", ",", "1,", ",noroot", "0,noroot", "1,noroot,noroot", "1,root", "noroot"])
def test_no_propfind_depth(value: str) -> None:
    with pytest.raises(BadRequest):
        parse_propfind_depth(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Second-3600", 3600), ("second-180", 180), ("SECOND-600", 600), ("Second-0", 0), ("Second-007", 7),
        ("Infinite", math.inf), ("infinite", math.inf), ("Infinite, Second-4100000000", math.inf),
        ("Second-4100000000, Infinite", 4100000000), ("Extend, Second-5", 5), ("garbage,,Second-5", 5),
        ("Second-1x, Second-2", 2),
        ("Second-4294967296", MAX_SECONDS), ("Second-99999999999999999999", MAX_SECONDS),
        ("Second-" + "9" * 5000, MAX_SECONDS), ("Second-" + "0" * 5000 + "5", 5), ("Second-" + "0" * 5000, 0),
        (None, None), ("", None), (",", None), ("Second--1", None), ("Second--0", None), ("Second-+1", None),
        ("Second-1e9", None),
        ("Second-1_0", None), ("Second- 1", None), ("Second-", None), ("Second", None), ("3600", None), ("-0", None),
        ("Second-١٢٣", None), ("\u017fecond-5", None), ("Infinity", None), ("Second-1.5", None), ("Second-5\r\n", None),
        ("Second-" + "0" * 10**6 + "x", None), ("," * 10**6, None), ("Second-x," * 10**5 + "Second-5", 5),
    ],
    ids=lambda value: str(sorted(value) if isinstance(value, set) else value)[:30],
)  # fmt: skip
def test_timeout(value: str | None, expected: float | None) -> None:
    assert parse_timeout(value) == expected


@given(st.integers(0, 10**20), st.lists(st.sampled_from(["", " ", "Extend", "Second-", "Second-x"])))
def test_first_usable_timeout(seconds: int, before: list[str]) -> None:
    assert parse_timeout(",".join([*before, f"Second-{seconds}", "Infinite"])) == min(seconds, MAX_SECONDS)


@pytest.mark.parametrize(
    "value",
    [f"<{TOKEN}>", TOKEN, f"  <{TOKEN}>\t", f" {TOKEN} "],
)
def test_lock_token(value: str) -> None:
    assert parse_lock_token(value) == TOKEN


def test_lock_token_of_another_scheme() -> None:
    assert parse_lock_token("<opaquelocktoken:a,b;c>") == "opaquelocktoken:a,b;c"


@pytest.mark.parametrize(
    "value",
    [
        None, "", " ", "<", ">", "<>", "< >", f"<{TOKEN}", f"{TOKEN}>", f"<<{TOKEN}>>", f"< {TOKEN}>", f"<{TOKEN} >",
        "word", "<word>",
        "<*>", f"<{TOKEN}> <{TOKEN}>", f"<{TOKEN}>,<{TOKEN}>", f"<{TOKEN}>, <{TOKEN}>", f"<{TOKEN}><{TOKEN}>",
        f"{TOKEN} {TOKEN}",
        f"{TOKEN},{TOKEN}", f"(<{TOKEN}>)", f'"{TOKEN}"', "<a:\x00>", "<a:\n>", "<a:>", "a:", "<" + "a:" * 2500 + ">",
        "<" * 10**6,
        "<a:" + "x" * 10**6,
    ],
    ids=lambda value: str(sorted(value) if isinstance(value, set) else value)[:30],
)  # fmt: skip
def test_no_lock_token(value: str | None) -> None:
    with pytest.raises(BadRequest):
        parse_lock_token(value)


def test_longest_lock_token() -> None:
    longest = "a:" + "x" * (MAX_TOKEN - 2)
    assert parse_lock_token(longest) == longest
    with pytest.raises(BadRequest, match="longer"):
        parse_lock_token(longest + "x")


@pytest.mark.parametrize(("value", "expected"), [(None, True), ("T", True), ("F", False), ("t", True), (" f ", False)])
def test_overwrite(value: str | None, expected: bool) -> None:
    assert parse_overwrite(value) is expected


@pytest.mark.parametrize("value", ["", "maybe", "true", "TF", "T, F", "T,T", "1", "F\n"])
def test_no_overwrite(value: str) -> None:
    with pytest.raises(BadRequest):
        parse_overwrite(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, set()), ("", set()), (",", set()), ("return=minimal", {"return=minimal"}),
        ("depth-noroot", {"depth-noroot"}), ("return=minimal, depth-noroot", {"return=minimal", "depth-noroot"}),
        (' Return = "minimal" ,, Depth-NoRoot ', {"return=minimal", "depth-noroot"}),
        ('depth-noroot=""', {"depth-noroot"}),
        ("return=minimal; x=1;y, depth-noroot;z", {"return=minimal", "depth-noroot"}),
        ("return=representation, return=minimal", {"return=representation"}),  # the first counts
        ('foo="a, return=minimal"', {"foo=a, return=minimal"}),
        ('foo="\\", return=minimal"', {'foo=\\", return=minimal'}),
        ("return=minimal" + " " * MAX_PREFER, set()), ('"' * 10**6, set()),
    ],
    ids=lambda value: str(sorted(value) if isinstance(value, set) else value)[:30],
)  # fmt: skip
def test_prefer(value: str | None, expected: set[str]) -> None:
    assert parse_prefer(value) == expected


@given(st.text(st.sampled_from('a=";,\\ \t'), max_size=50) | st.text(max_size=50))
def test_prefer_takes_anything(value: str) -> None:
    assert all(parse_prefer(value))


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("http://h/a/b", "/a/b"), ("https://h/a", "/a"), ("HTTP://H/a", "/a"), ("/a/b", "/a/b"), ("http://h/", "/"),
        ("/", "/"),
        ("http://h:80/a", "/a"), ("https://h:443/a", "/a"), ("http://h:/a", "/a"),
        ("http://user:password@h/a", "/a"), ("https://user:p@ss@h:443/a", "/a"),  # git
        ("/q%3Fmark", "/q%3Fmark"), ("/semi;v=1", "/semi;v=1"), ("/a?x=/b", "/a"), ("http://h/a?x=http://e/y", "/a"),
        # D-49
        ("/%2e%2e/a%2Fb", "/%2e%2e/a%2Fb"), ("/a/../b", "/a/../b"), ("http://h//a", "//a"), ("/a//b", "/a//b"),
        ("/a:b@c", "/a:b@c"),
        ("/\xc3\xa9", "/%C3%A9"), ("http://h/a&(b)[c]", "/a&(b)[c]"), (" http://h/a\t", "/a"),
        ("/http://evil/x", "/http://evil/x"),
        ("http://evil@h/a", "/a"),
    ],
)  # fmt: skip
def test_destination(value: str, path: str) -> None:
    assert parse_destination(value, "h") == path
    assert path_of(value, "h") == path


@pytest.mark.parametrize(
    ("value", "host"),
    [
        ("http://h/a", "H:80"), ("https://H/a", "h:443"), ("https://h:443/a", "h"), ("http://h:8080/a", "H:8080"),
        ("http://[::1]:8080/a", "[::1]:8080"), ("http://[2001:DB8::1]/a", "[2001:db8::1]:80"), ("https://h/a", "h:80"),
        ("/a", ""),
    ],
)  # fmt: skip
def test_same_host(value: str, host: str) -> None:
    assert parse_destination(value, host) == "/a"


@pytest.mark.parametrize(
    ("value", "host"),
    [
        ("http://evil/a", "h"), ("http://h.evil/a", "h"), ("http://evil.h/a", "h"), ("http://h:8080/a", "h"),
        ("http://h/a", "h:8080"),
        ("http://h@evil/a", "h"), ("http://h:80@evil/a", "h"), ("http://h\\@evil/a", "h"), ("http://h%00/a", "h"),
        ("http://127.0.0.1/a", "localhost"), ("http://[::1]/a", "h"), ("http://h./a", "h"), ("http://h/a", ""),
        ("http://h/a", "h/a"),
        ("http://h/a", "[h"),
    ],
)  # fmt: skip
def test_foreign_destination(value: str, host: str) -> None:
    with pytest.raises(ForeignDestination):
        parse_destination(value, host)
    assert path_of(value, host) is None


@pytest.mark.parametrize(
    "value",
    [
        "", " ", "a", "a/b", "./a", "../a", "?x", "*", "http://", "http:///a", "http://h", "http://h?x", "http://h?/a",
        "http://@/a",
        "http:/a", "http:a", "http:\\\\h\\a", "https:", "//h/a", "//a", "///", "file:///etc/passwd", "ftp://h/a",
        "javascript:alert(1)",
        "dav://h/a", "http://[::1", "http://[::1/a", "http://::1/a", "http://h:80:80/a", "http://h:x/a",
        "http://h:-1/a", "http://]/a",
        "/a#b", "/a?x#b", "http://h/a#", "http://h#/a", "/a b", "/a\x00", "/a\r\nX: y", "/a\x7f", "http://h/a\x1f",
        "/\u20ac",
        "http://h/a, http://h/b", "/a, /b", "<http://h/a>", "http://h:٨٠/a", "http://user:p/w@h/a",
        "/" + "a" * MAX_DESTINATION,
        "http://" * 10**5, "/" * 10**6, "http://" + "@" * 10**6,
    ],
    ids=lambda value: value[:30],
)  # fmt: skip
def test_no_destination(value: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_destination(value, "h")
    assert refused.type is BadRequest
    assert path_of(value, "h") is None


def test_missing_destination() -> None:
    with pytest.raises(BadRequest, match="missing"):
        parse_destination(None, "h")


paths = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="?#"), max_size=30)
hosts = st.from_regex(r"[a-z0-9.-]{1,10}(:[1-9][0-9]{0,4})?", fullmatch=True)


schemes, users = st.sampled_from(["http", "https", "HTTPS"]), st.sampled_from(["", "u@", "u:p@"])


@given(paths, hosts, schemes, users, st.sampled_from(["", "?x=1"]))
def test_any_path_comes_back(rest: str, host: str, scheme: str, user: str, query: str) -> None:
    assert parse_destination(f"{scheme}://{user}{host.upper()}/{rest}{query}", host) == f"/{rest}"


@given(st.text(st.sampled_from("htps:/@[]?#.%80 \x00\xe9"), max_size=30) | st.text(max_size=40), st.text(max_size=10))
def test_takes_or_refuses_anything(value: str, host: str) -> None:
    try:
        path = parse_destination(value, host)
    except BadRequest:
        assert path_of(value, host) is None
        return
    assert path.startswith("/")
    assert path.isascii()
    assert not set(path) & set(" ?#\r\n\x00")
