from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from davlock import hrefs, paths
from davlock.dates import http_date
from davlock.dav import live, propfind
from davlock.dav.propfind import BLOCK, MAX_NAMES, MAX_PROPERTIES, Listing, Plan
from davlock.errors import BadRequest
from davlock.media import content_type
from davlock.model import Entry, Kind, Lock, Scope

D, MS = "{DAV:}", "{urn:schemas-microsoft-com:}"
NOW = 1_700_000_000.0
ALLPROP = {
    f"{D}{name}"
    for name in (
        "displayname", "resourcetype", "getcontentlength", "getcontenttype", "getlastmodified", "creationdate",
        "getetag", "lockdiscovery", "supportedlock",
    )
}  # fmt: skip
FOLDERS_LACK = {f"{D}getcontentlength", f"{D}getetag"}


def asking(inside: str) -> bytes:
    return f'<D:propfind xmlns:D="DAV:">{inside}</D:propfind>'.encode()


def naming(*names: str) -> Plan:
    prop = etree.Element(f"{D}prop", nsmap={"D": "DAV:"})
    for name in names:
        etree.SubElement(prop, name)
    return propfind.parse(asking(etree.tostring(prop, encoding="unicode")))


# ---- what is asked for -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "plan"),
    [
        (b"", Plan(everything=True)),
        (b"\r\n", Plan(everything=True)),
        (asking("<D:allprop/>"), Plan(everything=True)),
        (b'<propfind xmlns="DAV:"><allprop/></propfind>', Plan(everything=True)),
        (asking("<D:include><x/></D:include><D:allprop/>"), Plan(("x",), everything=True)),
        (asking("<D:propname/>"), Plan(names_only=True)),
        (asking("<D:prop><D:getetag/><a xmlns='u'/><a/></D:prop>"), Plan(("{DAV:}getetag", "{u}a", "a"))),
        (asking("<D:prop><b/><a/><b/></D:prop>"), Plan(("b", "a"))),
        (asking("<D:prop/>"), Plan()),
        # SharePoint's clients send r:repl before allprop; unknown elements are ignored (RFC 4918 §17)
        (asking('<r:repl xmlns:r="http://schemas.microsoft.com/repl/"><r:b/></r:repl><D:allprop/>'), Plan((), True)),
        (asking("<D:prop><b><c/></b></D:prop><D:include><d/></D:include>"), Plan(("b",))),
    ],
)
def test_bodies_are_read(body: bytes, plan: Plan) -> None:
    assert propfind.parse(body) == plan


@pytest.mark.parametrize(
    "body",
    [
        asking(""), asking("<D:x/>"), asking("<prop/>"), asking("<D:include/>"), asking("<D:allprop/><D:propname/>"),
        asking("<D:prop/><D:prop/>"), b"<propfind><allprop/></propfind>", b"<D:prop xmlns:D='DAV:'/>", b"<x", b"\x00",
        b"<!DOCTYPE x>" + asking("<D:allprop/>"),
        asking('<D:prop><bar:foo xmlns:bar=""/></D:prop>'),  # litmus: propfind_invalid2
        asking(f"<D:prop>{''.join(f'<a{n}/>' for n in range(MAX_PROPERTIES + 1))}</D:prop>"),
        asking(f'<D:prop xmlns:n="{"u" * 1000}">{"".join(f"<n:a{n}/>" for n in range(MAX_NAMES // 1000))}</D:prop>'),
    ],
)  # fmt: skip
def test_what_is_no_propfind_is_refused(body: bytes) -> None:
    for _ in range(2):
        with pytest.raises(BadRequest):
            propfind.parse(body)


def test_many_properties_can_be_asked_for() -> None:
    names = tuple(f"{{http://example.com/ns/}}property-{n}" for n in range(MAX_PROPERTIES))

    assert naming(*names).names == names


@pytest.mark.parametrize(
    ("plan", "needs"),
    [
        (Plan(everything=True), {"locks", "dead", "created"}),
        (Plan(names_only=True), {"dead"}),
        (naming(f"{D}getetag"), set()),
        (naming(f"{D}lockdiscovery"), {"locks"}),
        (naming(f"{D}creationdate"), {"created"}),
        (naming(f"{D}quota-used-bytes"), {"quota"}),
        (Plan((f"{D}quota-available-bytes",), everything=True), {"locks", "dead", "created", "quota"}),
        (naming(f"{MS}Win32FileAttributes"), {"dead"}),
        (naming("getetag"), {"dead"}),
    ],
)
def test_a_plan_says_what_must_be_fetched(plan: Plan, needs: set[str]) -> None:
    assert {need for need in ("locks", "dead", "created", "quota") if getattr(plan, f"needs_{need}")} == needs


# ---- what is answered --------------------------------------------------------------------------

FOLDER = Entry("/docs", "docs", True, 0, 7, 1_600_000_000_000_000_000, 1_500_000_000.0)
LETTER = Entry("/docs/a&b.docx", "a&b.docx", False, 12, 8, 1_600_000_001_500_000_000, 1_500_000_001.9)
SUB = Entry("/docs/sub", "sub", True, 0, 9, 1_600_000_002_000_000_000, 1_500_000_002.0)
LISTING = Listing(entries=(FOLDER, LETTER, SUB), path="/docs", href="/docs", viewer="alice", now=NOW)
LOCK = Lock(
    token="urn:uuid:1", kind=Kind.LOCK, scope=Scope.EXCLUSIVE, deep=False, root="/docs", principal="alice",
    door="webdav", since=NOW - 60, expires=NOW + 600, generation=1, owner="me",
)  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What one response says: the 200 and 404 properties by name, None if there is no such propstat."""

    href: str
    found: dict[str, etree._Element] | None
    missing: dict[str, etree._Element] | None


def answers(plan: Plan, listing: Listing, minimal: bool = False) -> list[Answer]:
    root = etree.fromstring(b"".join(propfind.render(plan, listing, minimal)))
    assert root.tag == f"{D}multistatus"
    return [answer(each) for each in root]


def answer(response: etree._Element) -> Answer:
    assert response.tag == f"{D}response"
    stats: dict[str | None, dict[str, etree._Element]] = {}
    for stat in response.findall(f"{D}propstat"):
        code = stat.findtext(f"{D}status")
        assert code in ("HTTP/1.1 200 OK", "HTTP/1.1 404 Not Found")
        assert code not in stats
        (prop,) = stat.findall(f"{D}prop")
        stats[code] = {str(each.tag): each for each in prop}
        assert len(stats[code]) == len(prop)
    assert stats
    return Answer(response.findtext(f"{D}href") or "", stats.get("HTTP/1.1 200 OK"), stats.get("HTTP/1.1 404 Not Found"))


def texts(answer: Answer) -> dict[str, str | None]:
    return {name: each.text for name, each in (answer.found or {}).items()}


def test_everything_is_told_of_a_document() -> None:
    _, letter, _ = answers(Plan(everything=True), LISTING)

    assert letter.href == "/docs/a&b.docx"
    assert letter.missing is None
    assert letter.found is not None
    assert letter.found.keys() == ALLPROP
    assert texts(letter) == {
        f"{D}displayname": "a&b.docx",
        f"{D}resourcetype": None,
        f"{D}getcontentlength": "12",
        f"{D}getcontenttype": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        f"{D}getlastmodified": "Sun, 13 Sep 2020 12:26:41 GMT",
        f"{D}creationdate": "2017-07-14T02:40:01Z",
        f"{D}getetag": LETTER.etag,
        f"{D}lockdiscovery": None,
        f"{D}supportedlock": None,
    }
    assert len(letter.found[f"{D}supportedlock"]) == 2
    assert len(letter.found[f"{D}resourcetype"]) == 0


def test_everything_is_told_of_a_folder() -> None:
    folder, _, sub = answers(Plan(everything=True), LISTING)

    assert (folder.href, sub.href) == ("/docs/", "/docs/sub/")
    for each in (folder, sub):
        assert each.missing is None
        assert each.found is not None
        assert each.found.keys() == ALLPROP - FOLDERS_LACK
        assert [kind.tag for kind in each.found[f"{D}resourcetype"]] == [f"{D}collection"]
        assert texts(each)[f"{D}getcontenttype"] == "httpd/unix-directory"


def test_dead_properties_are_told_with_everything() -> None:
    dead = {LETTER.path: {"{u}a": '<a xmlns="u">1<b/></a>', "c": "<c>&lt;%s</c>"}}

    folder, letter, _ = answers(Plan(("c", "d"), everything=True), replace(LISTING, dead=dead))

    assert letter.found is not None and letter.missing is not None and folder.missing is not None
    assert letter.found.keys() == ALLPROP | {"{u}a", "c"}
    assert (texts(letter)["{u}a"], texts(letter)["c"]) == ("1", "<%s")
    assert letter.missing.keys() == {"d"}
    assert folder.missing.keys() == {"c", "d"}


def test_only_what_is_asked_for_is_told_and_what_is_missing_is_named() -> None:
    dead = {LETTER.path: {"{u}a": '<N:a xmlns:N="u">1</N:a>', "{u}b": '<N:b xmlns:N="u">2</N:b>'}}
    plan = naming(f"{D}getetag", "{u}a", "{u}c", f"{D}unknown", "ü")

    _, letter, sub = answers(plan, replace(LISTING, dead=dead))

    assert texts(letter) == {f"{D}getetag": LETTER.etag, "{u}a": "1"}
    assert letter.missing is not None and sub.missing is not None
    assert letter.missing.keys() == {"{u}c", f"{D}unknown", "ü"}
    assert sub.found is None
    assert sub.missing.keys() == {f"{D}getetag", "{u}a", "{u}c", f"{D}unknown", "ü"}


def test_minimal_leaves_out_what_is_missing() -> None:
    _, letter, sub = answers(naming(f"{D}getetag", "{u}c"), LISTING, minimal=True)

    assert (texts(letter), letter.missing) == ({f"{D}getetag": LETTER.etag}, None)
    assert (sub.found, sub.missing) == ({}, None)


def test_nothing_asked_for_is_an_empty_success() -> None:
    assert [(each.found, each.missing) for each in answers(Plan(), LISTING)] == [({}, None)] * 3


def test_names_only() -> None:
    dead = {LETTER.path: {"{u}a": '<a xmlns="u">1</a>', "ü": "<ü>1</ü>"}}

    folder, letter, _ = answers(Plan(names_only=True), replace(LISTING, dead=dead))

    extra = {f"{D}iscollection", f"{D}ishidden", f"{D}isreadonly"}
    quota = {f"{D}quota-used-bytes", f"{D}quota-available-bytes"}
    assert letter.found is not None and folder.found is not None
    assert letter.found.keys() == ALLPROP | extra | {"{u}a", "ü"}
    assert folder.found.keys() == (ALLPROP - FOLDERS_LACK) | extra | quota
    assert all(not each.text and not len(each) for one in (folder, letter) for each in (one.found or {}).values())


def test_explorers_own_properties() -> None:
    folder, letter, _ = answers(naming(f"{D}iscollection", f"{D}ishidden", f"{D}isreadonly"), LISTING)

    assert list(texts(folder).values()) == ["1", "0", "0"]
    assert list(texts(letter).values()) == ["0", "0", "0"]


def test_quota_is_told_of_folders_if_it_is_known() -> None:
    plan = naming(f"{D}quota-used-bytes", f"{D}quota-available-bytes")

    folder, letter, _ = answers(plan, replace(LISTING, quota=(5, 2**60)))
    unknown, *_ = answers(plan, LISTING)

    assert list(texts(folder).values()) == ["5", str(2**60)]
    assert letter.found is None
    assert unknown.found is None


def test_the_creation_that_is_known_counts() -> None:
    plan = naming(f"{D}creationdate")

    _, letter, sub = answers(plan, replace(LISTING, created={LETTER.path: 0.9}))

    assert texts(letter) == {f"{D}creationdate": "1970-01-01T00:00:00Z"}
    assert texts(sub) == {f"{D}creationdate": "2017-07-14T02:40:02Z"}


@pytest.mark.parametrize(
    ("listing", "expected"),
    [
        (replace(LISTING, path="/", href="/", entries=(Entry("/", "", True, 0, 1, 0, 0.0),)), ["/"]),
        (replace(LISTING, entries=(LETTER, SUB)), ["/docs/a&b.docx", "/docs/sub/"]),
        (replace(LISTING, path=LETTER.path, href="/docs/a&b.docx", entries=(LETTER,)), ["/docs/a&b.docx"]),
        (replace(LISTING, href="/R%26D/"), ["/R%26D/", "/R%26D/a&b.docx", "/R%26D/sub/"]),
        (replace(LISTING, href="/R&D"), ["/R&D/", "/R&D/a&b.docx", "/R&D/sub/"]),
        (
            replace(LISTING, entries=(FOLDER, LETTER._replace(path="/docs/ü", name="u\u0308"))),
            ["/docs/", "/docs/u%CC%88"],
        ),
        (
            replace(LISTING, path="/", href="/", entries=(Entry("/", "", True, 0, 1, 0, 0.0), FOLDER)),
            ["/", "/docs/"],
        ),
    ],
    ids=["root", "noroot", "document", "escaped", "plain", "NFD", "in the root"],
)
def test_hrefs_are_spelled_as_asked_and_below_that_as_on_the_disk(listing: Listing, expected: list[str]) -> None:
    assert [each.href for each in answers(Plan(everything=True), listing)] == expected


def locks_of(answer: Answer) -> list[tuple[str | None, str | None]]:
    """Holder and the href of the root of each lock shown."""
    assert answer.found is not None
    return [(each.findtext("{urn:davlock:}holder"), each.findtext(f"{D}lockroot/{D}href")) for each in answer.found[f"{D}lockdiscovery"]]


@pytest.mark.parametrize(
    ("locks", "folder", "letter", "sub"),
    [
        ([], [], [], []),
        ([LOCK], [("alice", "/docs/")], [], []),
        ([replace(LOCK, deep=True)], *[[("alice", "/docs/")]] * 3),
        ([replace(LOCK, deep=True, root="/")], *[[("alice", "/")]] * 3),
        ([replace(LOCK, root="/")], [], [], []),
        ([replace(LOCK, deep=True, root="/other")], [], [], []),
        ([replace(LOCK, root=LETTER.path)], [], [("alice", "/docs/a&b.docx")], []),
        ([replace(LOCK, root=SUB.path, deep=True)], [], [], [("alice", "/docs/sub/")]),
        ([replace(LOCK, root="/docs/unmapped")], [], [], []),
        (
            [
                replace(LOCK, scope=Scope.SHARED, deep=True),
                replace(LOCK, scope=Scope.SHARED, root=LETTER.path, principal="bob"),
            ],
            [("alice", "/docs/")],
            [("alice", "/docs/"), ("bob", "/docs/a&b.docx")],
            [("alice", "/docs/")],
        ),
    ],
)
def test_all_locks_that_cover_something_are_shown_there(
    locks: Sequence[Lock], folder: list[object], letter: list[object], sub: list[object]
) -> None:
    for plan in (Plan(everything=True), naming(f"{D}lockdiscovery")):
        assert [locks_of(each) for each in answers(plan, replace(LISTING, locks=locks))] == [folder, letter, sub]


def test_the_root_of_a_lock_is_spelled_as_asked() -> None:
    member = LETTER._replace(path="/\u00fc/a", name="a")
    locks = [replace(LOCK, root="/\u00fc", deep=True)]
    listing = replace(LISTING, path="/\u00fc", href="/u%CC%88", entries=(member,), locks=locks)

    (letter,) = answers(Plan(everything=True), listing)

    assert locks_of(letter) == [("alice", "/u%CC%88/")]


def test_tokens_are_shown_to_their_holders_only() -> None:
    locks = [replace(LOCK, deep=True), replace(LOCK, root=LETTER.path, token="urn:uuid:2")]

    def body(viewer: str) -> bytes:
        return b"".join(propfind.render(Plan(everything=True), replace(LISTING, locks=locks, viewer=viewer)))

    assert body("alice").count(b"urn:uuid:1") == 3
    assert body("alice").count(b"urn:uuid:2") == 1
    assert b"urn:uuid" not in body("bob")


def test_a_long_listing_is_sent_while_it_is_read() -> None:
    read: list[int] = []

    def entries() -> Iterator[Entry]:
        yield FOLDER
        for number in range(2000):
            read.append(number)
            yield LETTER._replace(path=f"/docs/{number}", name=str(number))

    blocks = propfind.render(Plan(everything=True), replace(LISTING, entries=entries()))
    first = next(blocks)
    assert len(read) < 500
    rest = list(blocks)

    assert all(BLOCK <= len(block) < 2 * BLOCK for block in (first, *rest[:-1]))
    hrefs_sent = [each.findtext(f"{D}href") for each in etree.fromstring(first + b"".join(rest))]
    assert hrefs_sent == ["/docs/", *(f"/docs/{number}" for number in range(2000))]


def test_few_that_have_much_to_say_are_answered_whole() -> None:
    members = [LETTER._replace(path=f"/docs/{number}", name=str(number)) for number in range(100)]
    dead = {member.path: {"{urn:z}a": f'<a xmlns="urn:z">{member.name * 10_000}</a>'} for member in members}
    listing = replace(LISTING, entries=members, dead=dead)
    for _ in range(2):
        assert [(answer.found or {})["{urn:z}a"].text for answer in answers(Plan(everything=True), listing)] == [
            member.name * 10_000 for member in members
        ]


MADE_OF = {
    "entries": (FOLDER, SUB),
    "path": "/other",
    "href": "/d%6Fcs",
    "dead": {LETTER.path: {"{urn:z}a": '<a xmlns="urn:z"/>'}},
    "created": {LETTER.path: 1_400_000_000.0},
    "quota": (1, 2),
    "computed": lambda _: {f"{D}comment": "<D:comment>x</D:comment>"},
    "locks": (LOCK,),
    "is_lockable": False,
}


@pytest.mark.parametrize("change", [{name: value} for name, value in MADE_OF.items()], ids=list(MADE_OF))
@pytest.mark.parametrize("size", [3, propfind.FEW + 3])
def test_what_was_answered_before_is_answered_only_if_nothing_has_changed(change: dict[str, Any], size: int) -> None:
    def body(listing: Listing, minimal: bool = False) -> bytes:
        return b"".join(propfind.render(plan, listing, minimal))

    plan = Plan((f"{D}quota-used-bytes", f"{D}comment"), everything=True)
    more = [LETTER._replace(path=f"/docs/{number}", name=str(number)) for number in range(size - 3)]
    listing = replace(LISTING, entries=[*LISTING.entries, *more])
    first = body(listing)
    assert body(replace(listing, entries=list(listing.entries))) == first
    assert body(listing, minimal=True) != first
    changed = replace(listing, **change)
    assert body(changed) != first
    assert body(changed) == body(changed)
    assert body(listing) == first
    assert len(answers(plan, listing)) == size


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("A.PDF", "application/pdf"),
        ("a.tar.gz", "application/gzip"),
        ("a.txt", "text/plain"),
        ("pdf", "application/octet-stream"),
        ("a.", "application/octet-stream"),
        ("a.ü", "application/octet-stream"),
        ("", "application/octet-stream"),
    ],
)
def test_content_types(name: str, expected: str) -> None:
    assert content_type(name) == expected


@given(st.integers(0, 253_402_300_799))
def test_dates_are_those_of_http(seconds: int) -> None:
    assert http_date(seconds) == formatdate(seconds, usegmt=True)


@pytest.mark.parametrize("seconds", [-(10**18), -1, 10**18])
def test_a_strange_clock_on_the_disk_breaks_nothing(seconds: int) -> None:
    entry = LETTER._replace(modified_ns=seconds * 10**9, created=float(seconds))

    (found,) = answers(Plan(everything=True), replace(LISTING, entries=(entry,)))

    assert len(texts(found)[f"{D}getlastmodified"] or "") == 29
    assert len(texts(found)[f"{D}creationdate"] or "") == 20


# ---- the same, put together slowly --------------------------------------------------------------


def xml_of(tag: str, text: str = "", *inside: etree._Element) -> etree._Element:
    made = etree.Element(tag)
    made.text = text or None
    made.extend(inside)
    return made


def reference_lock(lock: Lock, listing: Listing, root: str) -> etree._Element:
    active = xml_of(f"{D}activelock")
    active.append(xml_of(f"{D}lockscope", "", xml_of(f"{D}{lock.scope.value}")))
    active.append(xml_of(f"{D}locktype", "", xml_of(f"{D}write")))
    active.append(xml_of(f"{D}depth", "infinity" if lock.deep else "0"))
    active.append(etree.fromstring(f'<D:owner xmlns:D="DAV:">{lock.owner}</D:owner>'))
    if not lock.owner:
        active[-1].text = lock.principal
    left = "Infinite" if lock.expires is None else f"Second-{int(lock.expires - listing.now)}"
    active.append(xml_of(f"{D}timeout", left))
    is_shown = lock.principal == listing.viewer and lock.kind is not Kind.CHECKOUT
    token = lock.token if is_shown else "urn:davlock:token-of-another"
    active.append(xml_of(f"{D}locktoken", "", xml_of(f"{D}href", token)))
    active.append(xml_of(f"{D}lockroot", "", xml_of(f"{D}href", root)))
    active.append(xml_of("{urn:davlock:}holder", lock.principal))
    since = datetime.fromtimestamp(int(lock.since), UTC).isoformat().replace("+00:00", "Z")
    active.append(xml_of("{urn:davlock:}since", since))
    active.append(xml_of("{urn:davlock:}door", lock.door))
    return active


def reference_properties(entry: Entry, listing: Listing) -> dict[str, etree._Element]:
    """All live properties that an entry has."""
    created = datetime.fromtimestamp(int(listing.created.get(entry.path, entry.created)), UTC)
    values = {
        "displayname": entry.name,
        "getlastmodified": formatdate(entry.modified, usegmt=True),
        "creationdate": created.isoformat().replace("+00:00", "Z"),
        "getcontenttype": "httpd/unix-directory" if entry.is_folder else content_type(entry.name),
        "iscollection": str(int(entry.is_folder)),
        "ishidden": "0",
        "isreadonly": "0",
    }
    if not entry.is_folder:
        values |= {"getcontentlength": str(entry.size), "getetag": entry.etag}
    elif listing.quota:
        values |= {"quota-used-bytes": str(listing.quota[0]), "quota-available-bytes": str(listing.quota[1])}
    found = {f"{D}{name}": xml_of(f"{D}{name}", text) for name, text in values.items()}
    found[f"{D}resourcetype"] = xml_of(f"{D}resourcetype")
    if entry.is_folder:
        found[f"{D}resourcetype"].append(xml_of(f"{D}collection"))
    entries = {
        scope: xml_of(
            f"{D}lockentry",
            "",
            xml_of(f"{D}lockscope", "", xml_of(f"{D}{scope}")),
            xml_of(f"{D}locktype", "", xml_of(f"{D}write")),
        )
        for scope in ("exclusive", "shared")
    }
    found[f"{D}supportedlock"] = xml_of(f"{D}supportedlock", "", *entries.values())
    found[f"{D}lockdiscovery"] = xml_of(f"{D}lockdiscovery")
    for lock in listing.locks:
        if lock.root == entry.path or (lock.deep and paths.is_below(entry.path, lock.root)):
            if lock.root == entry.path:
                root = reference_href(entry, listing)
            else:
                root = f"{listing.href.rstrip('/')}/" if lock.root == listing.path else hrefs.encode(lock.root, is_folder=True)
            found[f"{D}lockdiscovery"].append(reference_lock(lock, listing, root))
    return found


def reference_href(entry: Entry, listing: Listing) -> str:
    if entry.path == listing.path:
        return f"{listing.href.rstrip('/')}/" if entry.is_folder else listing.href
    return f"{listing.href.rstrip('/')}/{hrefs.encode(entry.name, entry.is_folder)}"


def reference(plan: Plan, entry: Entry, listing: Listing, minimal: bool) -> tuple[str, object, object]:
    has = reference_properties(entry, listing)
    dead = {name: etree.fromstring(text) for name, text in listing.dead.get(entry.path, {}).items()}
    if plan.names_only:
        names = {*has, *dead} | ({f"{D}quota-used-bytes", f"{D}quota-available-bytes"} if entry.is_folder else set())
        return reference_href(entry, listing), {name: (name, (), "", [], "") for name in names}, None
    wanted = [name for name in has if name in ALLPROP] + list(dead) if plan.everything else []
    has |= dead
    found = {name: meaning(has[name]) for name in (*wanted, *plan.names) if name in has}
    missing: dict[str, object] = {name: (name, (), "", [], "") for name in plan.names if name not in has}
    return (
        reference_href(entry, listing),
        found if found or minimal or not missing else None,
        missing if missing and not minimal else None,
    )


def meaning(element: etree._Element) -> tuple[object, ...]:
    """All of an element that RFC 4918 §4.3 lets a property consist of; the order of locks means nothing."""
    inside = [meaning(each) for each in element]
    if element.tag == f"{D}lockdiscovery":
        inside.sort(key=repr)
    return element.tag, tuple(sorted(element.attrib.items())), element.text or "", inside, element.tail or ""


def meanings(found: Mapping[str, etree._Element] | None) -> object:
    return None if found is None else {name: meaning(each) for name, each in found.items()}


texts_of_xml = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"))
any_names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
# spelled in ways that NFC changes, too
file_names = st.sampled_from(["u\u0308", "\u212b b"]) | any_names.filter(lambda name: not paths.is_hidden(name))
principals = st.sampled_from(["alice", "bob & co", "<script>", "%s"])
dead_names = st.sampled_from(["a", "ü", "{u}a", "{http://h/?a=1&b=%20}x", f"{MS}Win32FileAttributes", f"{D}author", "{%41}n"])
asked_names = dead_names | st.sampled_from(sorted(live.PROPERTIES))


@st.composite
def dead_properties(draw: st.DrawFn) -> dict[str, str]:
    made = {}
    for name in draw(st.lists(dead_names, max_size=3, unique=True)):
        value = etree.Element(name)
        value.text = draw(texts_of_xml)
        inner = etree.SubElement(value, "{urn:inner}i", {"b": draw(texts_of_xml)})
        inner.tail = draw(texts_of_xml)
        made[name] = etree.tostring(value, encoding="unicode")
    return made


@st.composite
def listings(draw: st.DrawFn) -> Listing:
    number, time = st.integers(0, 2**50), st.integers(0, 2**40)

    def entry(path: str, name: str, is_folder: bool) -> Entry:
        return Entry(path, name, is_folder, draw(number), draw(number), draw(time) * 1_000_000, draw(time) / 1000)

    spelled = "/" + "/".join(draw(st.lists(file_names, max_size=2)))
    path = paths.ROOT + "/".join(map(paths.canonical_name, spelled.split("/")[1:])) if spelled != "/" else "/"
    itself = entry(path, spelled.rpartition("/")[2], path == "/" or draw(st.booleans()))
    members = []
    if itself.is_folder:
        unique = st.lists(file_names, max_size=4, unique_by=paths.canonical_name)
        members = [entry(paths.join(path, paths.canonical_name(name)), name, draw(st.booleans())) for name in draw(unique)]
    noroot = draw(st.booleans())
    entries = members if members and noroot else [itself, *members]
    roots = st.sampled_from([*paths.ancestors(path), path, *(each.path for each in members), "/elsewhere"])
    some = st.sampled_from([each.path for each in entries])
    lock = st.builds(
        Lock, token=st.just("urn:uuid:1"), kind=st.sampled_from(Kind), scope=st.sampled_from(Scope),
        deep=st.booleans(), root=roots, principal=principals, door=principals, since=st.floats(0, 2e9),
        expires=st.none() | st.floats(NOW + 1, NOW + 1e6), generation=st.just(1),
        owner=st.sampled_from(["", "x&amp;%s", '<a xmlns="DAV:"/>t']),
    )  # fmt: skip
    locks = draw(st.lists(lock, max_size=4))
    return Listing(
        entries=entries, path=path, href=hrefs.encode(spelled), viewer=draw(principals), now=NOW, locks=locks,
        dead=draw(st.dictionaries(some, dead_properties(), max_size=3)),
        created=draw(st.dictionaries(some, st.floats(0, 2e9), max_size=3)),
        quota=draw(st.none() | st.tuples(number, number)),
    )  # fmt: skip


plans = st.one_of(
    st.builds(Plan, st.lists(asked_names, max_size=8, unique=True).map(tuple), everything=st.booleans()),
    st.just(Plan(names_only=True)),
)


@given(plans, listings(), st.booleans())
def test_speed_does_not_change_the_meaning(plan: Plan, listing: Listing, minimal: bool) -> None:
    got = [(each.href, meanings(each.found), meanings(each.missing)) for each in answers(plan, listing, minimal)]

    expected = []
    for entry in listing.entries:
        href, found, missing = reference(plan, entry, listing, minimal)
        expected.append((href, found, missing))
    assert got == expected


@given(st.lists(asked_names, max_size=8, unique=True).map(tuple))
def test_names_are_read_as_they_were_written(names: tuple[str, ...]) -> None:
    assert naming(*names) == Plan(names)
