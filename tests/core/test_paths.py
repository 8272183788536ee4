"""Paths: one canonical form, and everything that is refused."""

from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davlock import paths
from davlock.errors import BadName, Forbidden

NFC, NFD = "/Übergröße.odt", unicodedata.normalize("NFD", "/Übergröße.odt")


@pytest.mark.parametrize(
    ("text", "path", "spelling"),
    [
        ("", "/", ""),
        ("/", "/", ""),
        ("//", "/", ""),
        ("/a", "/a", "a"),
        ("a", "/a", "a"),
        ("/a/", "/a", "a"),
        ("/a//b///c/", "/a/b/c", "c"),
        ("//etc/passwd", "/etc/passwd", "passwd"),
        ("/A/a", "/A/a", "a"),
        (NFC, NFC, NFC[1:]),
        (NFD, NFC, NFD[1:]),
        (f"{NFD}/x", f"{NFC}/x", "x"),
        ("/\u212a", "/K", "\u212a"),
        ("/ a ", "/ a ", " a "),
        ("/name.", "/name.", "name."),
        ("/.htaccess", "/.htaccess", ".htaccess"),
        ("/..a", "/..a", "..a"),
        ("/..;", "/..;", "..;"),
        ("/a..", "/a..", "a.."),
        ("/CON", "/CON", "CON"),
        ("/a::$DATA", "/a::$DATA", "a::$DATA"),
        ("/-rf", "/-rf", "-rf"),
        ("/$(id)", "/$(id)", "$(id)"),
        ("/100%", "/100%", "100%"),
        ("/100%25", "/100%25", "100%25"),
        ("/a%2eb", "/a%2eb", "a%2eb"),
        ("/%41", "/%41", "%41"),
        ("/a\u200bb", "/a\u200bb", "a\u200bb"),
        ("/\u202eabc", "/\u202eabc", "\u202eabc"),
        ("/😀", "/😀", "😀"),
        ("/.davlock.txt", "/.davlock.txt", ".davlock.txt"),
        ("/davlock", "/davlock", "davlock"),
        ("/api", "/api", "api"),
        ("/api/v10", "/api/v10", "v10"),
        ("/x/api/v1", "/x/api/v1", "v1"),
        ("/x/_davlock", "/x/_davlock", "_davlock"),
        ("/_vti_binary", "/_vti_binary", "_vti_binary"),
        ("/x/_vti_cnf/a.doc", "/x/_vti_cnf/a.doc", "a.doc"),
    ],
)
def test_canonical_form(text: str, path: str, spelling: str) -> None:
    """What is kept is kept exactly; the spelling is what will be written on the disk."""
    assert paths.parse(text) == paths.Address(path, spelling)


# reliability §3 (traversal, names), as the text that is left when the door has decoded it once.
@pytest.mark.parametrize(
    "name",
    [
        *[".", "..", "...", "....", "\uff0e", "\uff0e\uff0e", "\u2024\u2024", "\u2025", "\u2026", ".\uff0e"],
        *["%2e", "%2e%2e", "%2E%2E", ".%2e", "%2e.", "%252e%252e", "%25252e%25252e", "%25%32%65%2e", "..%00", "a%00", "%00"],
        *["..%2f", "..%2F", "%2f", "%2fetc%2fpasswd", "%5c", "..%5c", "..%255c", "..%252f", "a%252fb", "..%25252f"],
        *["..\\", "\\", "a\\b", "..\\..\\etc"],
        *["\x00", "a\x00", "..\x00", "a\x01", "a\x1f", "a\x7f", "a\x80", "a\x9f", "a\tb", "a\r\nX-Injected: yes", "a\n", "\n"],
        *["\ud800", "a\udfff", "\udcff\udcfe", "\udcc0\udcae\udcc0\udcae", "\ufffd", "a\ufffdb", "\ufffe", "\uffff"],
    ],
    ids=ascii,
)
@pytest.mark.parametrize("where", ["/{}", "/{}/a", "/a/{}/b", "/a/{}"])
def test_refused_names(name: str, where: str) -> None:
    with pytest.raises(BadName) as refused:
        paths.parse(where.format(name))
    assert refused.value.message.isprintable()
    assert paths.problem(name) == refused.value.message
    assert paths.is_hidden(name)


@pytest.mark.parametrize("encoded", ["%252e%252e", "..%252f", "%252e%252e%255c"])
def test_what_a_further_decoding_would_turn_into_danger_is_refused_at_any_depth(encoded: str) -> None:
    for _ in range(6):
        with pytest.raises(BadName):
            paths.parse(f"/a/{encoded}/b")
        encoded = encoded.replace("%", "%25")


@pytest.mark.parametrize(
    "path",
    [
        "/.davlock",
        "/.davlock/state.db",
        "/.DAVLOCK/staging",
        "/.DavLock",
        "/.davloc\u212a",  # Kelvin sign: a K for whoever ignores case
        "/a/.davlock",
        "//.davlock//",
        "/.davlock/..davlock",
    ],
)
def test_the_servers_own_folder(path: str) -> None:
    """design §3: invisible and unreachable through every door, in any letter case, and at any level."""
    with pytest.raises(Forbidden):
        paths.parse(path)


@pytest.mark.parametrize("name", [".davlock", ".DAVLOCK", ".davloc\u212a"])
def test_the_servers_own_folder_is_hidden(name: str) -> None:
    assert paths.is_hidden(name)


@pytest.mark.parametrize(
    "path",
    ["/api/v1", "/API/V1/Document", "/api//v1", "/_vti_bin", "/_VTI_BIN/shtml.exe", "/_vti_inf.html", "/_vti_inf.html/", "/_davlock/x"]
    + ["/x/_vti_bin", "/x/y/_VTI_bin/z", "/x/_vti_inf.html"],
)
def test_names_of_other_doors(path: str) -> None:
    with pytest.raises(Forbidden):
        paths.parse(path)
    assert paths.is_reserved(path.replace("//", "/"))


@pytest.mark.parametrize(
    ("name", "possible"),
    [
        ("a" * 255, True),
        ("a" * 256, False),
        ("ä" * 127 + "a", True),
        ("ä" * 128, False),
        ("😀" * 63 + "abc", True),
        ("😀" * 64, False),
        ("a" * 60_000, False),
        ("%25" * 85, True),
        ("%" + "25" * 126 + "2f", False),
    ],
    ids=lambda value: f"{value[:4]}…{len(value)}" if isinstance(value, str) else str(value),
)
def test_length_of_a_name(name: str, possible: bool) -> None:
    assert (paths.problem(name) is None) is possible
    assert (len(name.encode()) <= 255) is possible or "2f" in name


def test_depth() -> None:
    assert paths.parse("/a" * 100).path == "/a" * 100
    with pytest.raises(BadName):
        paths.parse("/a" * 101)


def test_length_of_a_path() -> None:
    name = "a" * 255
    longest = f"/{name}" * 12
    assert len(longest) == paths.MAX_PATH_BYTES
    assert paths.parse(longest).path == longest
    for longer in (f"{longest}/a", "/" + "/".join([name] * 12) + "/ä"):
        with pytest.raises(BadName):
            paths.parse(longer)


def test_the_length_of_a_path_is_that_of_its_canonical_form() -> None:
    """NFC takes U+0958 apart: 3 bytes become 6."""
    assert paths.parse("/" + "\u0958" * 80).path == "/" + "\u0915\u093c" * 80
    with pytest.raises(BadName):
        paths.parse("/".join(["", *["\u0958" * 80] * 10]))


NAME = st.text(min_size=1, max_size=12).filter(lambda name: paths.problem(name) is None and name.casefold() != ".davlock")


@given(st.text(max_size=60))
def test_parse_refuses_or_gives_a_canonical_path(text: str) -> None:
    try:
        address = paths.parse(text)
    except (BadName, Forbidden):
        return
    path = address.path
    assert paths.parse(path).path == path
    assert path == "/" or all(name not in ("", ".", "..") for name in path[1:].split("/"))
    assert path.startswith("/")
    assert unicodedata.is_normalized("NFC", path)
    assert path.encode().decode() == path
    assert unicodedata.normalize("NFC", address.spelling) == paths.name(path) == paths.canonical_name(address.spelling)


@given(st.lists(NAME, max_size=5))
def test_two_spellings_are_one_path(names: list[str]) -> None:
    texts = ["/" + "/".join(unicodedata.normalize(form, name) for name in names) for form in ("NFC", "NFD")]
    found = set()
    for text in texts:
        try:
            found.add(paths.parse(text).path)
        except (BadName, Forbidden):
            return
    assert len(found) == 1


@given(st.text(max_size=12))
def test_quoting_once_more_never_opens_a_way(text: str) -> None:
    """A name that was encoded twice is refused if its plain form is."""
    for quoted in (quote(text, safe=""), quote(quote(text, safe=""), safe="")):
        if "/" in text or "\\" in text or "\x00" in text or (text and not text.strip(".") and "%" in quoted):
            assert paths.problem(quoted) is not None


# up and down

DOCUMENT = st.lists(st.sampled_from(["a", "b", "a0", "a.", "ab", "ä", "😀"]), max_size=4).map(lambda names: "/" + "/".join(names))


def test_parts() -> None:
    assert [paths.parent(path) for path in ("/", "/a", "/a/b")] == ["/", "/", "/a"]
    assert [paths.name(path) for path in ("/", "/a", "/a/b")] == ["", "a", "b"]
    assert paths.ancestors("/") == []
    assert paths.ancestors("/a") == ["/"]
    assert paths.ancestors("/a/b/c") == ["/", "/a", "/a/b"]
    assert paths.join("/", "a") == "/a"
    assert paths.join("/a", "b") == "/a/b"


@given(DOCUMENT, DOCUMENT)
def test_below_means_that_the_folder_is_an_ancestor(path: str, folder: str) -> None:
    assert paths.is_below(path, folder) is (folder in paths.ancestors(path))


@given(DOCUMENT, DOCUMENT.filter(lambda path: path != "/"), DOCUMENT.filter(lambda path: path != "/"))
def test_rebase(path: str, source: str, target: str) -> None:
    if path == source or paths.is_below(path, source):
        moved = paths.rebase(path, source, target)
        assert moved == target or paths.is_below(moved, target)
        assert paths.rebase(moved, target, source) == path


# Around the bounds of a range: what comes right before and after `/`, up to the last code point.
BOUNDS = st.text(st.sampled_from("!-./0:aAä\u07ff\u0800\ud7ff\ue000\ufffc\U00010000\U0001f600\U0010ffff"), max_size=4)
ANYTHING = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=6)
TEXT = st.one_of(BOUNDS, ANYTHING).map(lambda text: f"/{text}")


@pytest.fixture(scope="module")
def sql() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE paths (path TEXT)")
    yield connection
    connection.close()


@given(folder=DOCUMENT | TEXT, rest=st.sampled_from(["", "/", "0", ".", "/a", "0a", ".a"]) | TEXT, other=TEXT)
@settings(max_examples=400)
def test_a_range_holds_exactly_what_is_below(sql: sqlite3.Connection, folder: str, rest: str, other: str) -> None:
    """In Python, and in SQLite, which compares the bytes of UTF-8: both must be the order of code points."""
    folder = folder if folder == "/" else folder.rstrip("/") or "/"
    low, high = paths.range_below(folder)
    for path in (folder + rest, other, low, high):
        if not path.startswith("/") or (path.endswith("/") and path != "/"):
            continue  # not canonical
        below = paths.is_below(path, folder)
        assert (low < path < high) is below
        assert sql.execute("SELECT ? > ? AND ? < ?", (path, low, path, high)).fetchone() == (below,)
        sql.execute("DELETE FROM paths")
        sql.execute("INSERT INTO paths VALUES (?)", (path,))
        assert bool(sql.execute("SELECT path FROM paths WHERE path > ? AND path < ?", (low, high)).fetchall()) is below


@given(ANYTHING | BOUNDS, ANYTHING | BOUNDS)
def test_sqlite_orders_as_python_does(sql: sqlite3.Connection, one: str, other: str) -> None:
    assert sql.execute("SELECT ? < ?", (one, other)).fetchone() == (one < other,)
