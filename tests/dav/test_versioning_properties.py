"""Properties of RFC 3253 and davlock's own of documents under source control, and the reports about them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.dav.stories import DAV, DAVLOCK, properties, proppatch, refused, setting, transfer
from tests.dav.versioning import TREE, check_in, check_out, history, hrefs, props, publish, report, say
from tests.serving import Client

EXPAND = '<D:expand-property xmlns:D="DAV:">%s</D:expand-property>'
SETS = ("supported-method-set", "supported-live-property-set", "supported-report-set")


def asked(name: str, inside: str = "") -> str:
    return f'<D:property name="{name}">{inside}</D:property>'


def test_a_checked_in_document_names_its_version(alice: Client, bob: Client, document: str) -> None:
    (version,) = publish(alice, document, b"two")
    shown = props(bob, document, "checked-in", "checked-out", "version-name", "creator-displayname", "auto-version", "L:id", "L:checkout")
    found = shown[document]
    assert set(found) == {"checked-in", "version-name", "creator-displayname", "auto-version", "L:id"}
    assert hrefs(found["checked-in"]) == [version]
    assert (found["version-name"].text, found["creator-displayname"].text) == ("2", "alice")
    assert [each.tag for each in found["auto-version"]] == [f"{DAV}checkout-unlocked-checkin"]
    assert version == f"/_davlock/versions/{found['L:id'].text}/2"


def test_a_checked_out_document_names_its_holder_and_what_for(alice: Client, bob: Client, document: str) -> None:
    (version,) = publish(alice, document, b"two")
    check_out(alice, document, b"a draft", comment="Figures &amp; &lt;dates&gt;")
    for who in (alice, bob):
        names = ("checked-in", "checked-out", "predecessor-set", "checkout-fork", "checkin-fork", "comment", "version-name", "L:checkout")
        found = props(who, document, *names)[document]
        assert set(found) == set(names) - {"checked-in"}
        assert hrefs(found["checked-out"]) == hrefs(found["predecessor-set"]) == [version]
        assert [each.tag for each in found["checkout-fork"]] == [f"{DAV}forbidden"]
        assert (found["comment"].text, found["version-name"].text) == ("Figures & <dates>", "2")
        told = {each.tag.removeprefix(DAVLOCK): each.text or "" for each in found["L:checkout"]}
        assert (told["holder"], told["door"], told["comment"]) == ("alice", "webdav", "Figures & <dates>")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told["since"])
        assert set(told) == {"holder", "since", "door", "comment"}


def test_the_token_of_a_checkout_is_shown_to_nobody(alice: Client, bob: Client, document: str) -> None:
    check_out(alice, document, b"a draft")
    for who in (alice, bob):
        for answer in (
            who.propfind(document),
            who.propfind(document, "lockdiscovery"),
            who.request("PROPFIND", document, NAMES, Depth="0"),
        ):
            assert not re.search(rb"(opaquelocktoken|urn:uuid)", answer.body)


NAMES = '<D:propfind xmlns:D="DAV:"><D:propname/></D:propfind>'


def test_allprop_has_none_of_them_and_propname_all(alice: Client, document: str) -> None:
    publish(alice, document, b"two")
    check_out(alice, document, comment="why")
    ours = {f"{DAV}{name}" for name in ("checked-out", "comment", "version-name", "auto-version", *SETS)} | {
        f"{DAVLOCK}checkout",
        f"{DAVLOCK}id",
    }
    assert not ours & set(properties(alice.propfind(document))[document][200])
    assert ours <= set(properties(alice.request("PROPFIND", document, NAMES, Depth="0"))[document][200])
    include = '<D:propfind xmlns:D="DAV:"><D:allprop/><D:include><D:comment/><D:checked-in/></D:include></D:propfind>'
    found = properties(alice.request("PROPFIND", document, include, Depth="0"))[document]
    assert found[200][f"{DAV}comment"].text == "why"
    assert f"{DAV}getetag" in found[200]
    assert set(found[404]) == {f"{DAV}checked-in"}


def test_a_listing_tells_of_every_member_what_it_tells_of_one(alice: Client, bob: Client, folder: str, disk: Path) -> None:
    for name in ("in.txt", "out.txt", "mine.txt"):
        alice.put(f"{folder}/{name}", b"one")
    check_out(alice, f"{folder}/out.txt", comment="alice's")
    check_out(bob, f"{folder}/mine.txt", b"bob's draft", comment="bob's")
    (disk / "unknown.txt").write_bytes(b"brought by somebody")
    (disk / "sub").mkdir()
    names = ("checked-in", "checked-out", "version-name", "creator-displayname", "comment", "L:checkout", "L:id", *SETS)
    listed = props(bob, folder, *names, depth="1")
    assert {place: set(found) & set(names[:4]) for place, found in listed.items()} == {
        f"{folder}/": set(),
        f"{folder}/sub/": set(),
        f"{folder}/unknown.txt": set(),
        f"{folder}/in.txt": {"checked-in", "version-name", "creator-displayname"},
        f"{folder}/out.txt": {"checked-out", "version-name", "creator-displayname"},
        f"{folder}/mine.txt": {"checked-out", "version-name", "creator-displayname"},
    }
    for place in (f"{folder}/in.txt", f"{folder}/out.txt", f"{folder}/mine.txt", f"{folder}/sub/"):
        one = props(bob, place, *names)[place]
        assert {name: list(each.itertext()) for name, each in one.items()} == {
            name: list(each.itertext()) for name, each in listed[place].items()
        }


def test_what_changed_underneath_is_a_version_once_it_is_looked_at(alice: Client, folder: str, document: str, disk: Path) -> None:
    publish(alice, document, b"two")
    (disk / "new").write_bytes(b"from outside")
    (disk / "new").replace(disk / "report.odt")
    assert "checked-in" not in props(alice, folder, "checked-in", depth="1")[document]
    assert props(alice, document, "version-name")[document]["version-name"].text == "3"
    assert "checked-in" in props(alice, folder, "checked-in", depth="1")[document]


def test_what_is_supported_is_what_works(alice: Client, folder: str, document: str) -> None:
    (version,) = publish(alice, document, b"two")
    for place, shown_as in ((document, document), (folder, f"{folder}/"), (version, version)):
        found = props(alice, place, *SETS)[shown_as]
        methods = [each.attrib["name"] for each in found["supported-method-set"]]
        assert methods == alice.request("OPTIONS", place).headers["Allow"].split(", ")
        reports = [each.tag for each in found["supported-report-set"].iterfind(f"{DAV}supported-report/{DAV}report/*")]
        assert reports == ([f"{DAV}expand-property"] if place == folder else [f"{DAV}version-tree", f"{DAV}expand-property"])
        live = {each.tag for each in found["supported-live-property-set"].iterfind(f"{DAV}supported-live-property/{DAV}prop/*")}
        everything = properties(alice.request("PROPFIND", place, NAMES, Depth="0"))[shown_as][200]
        assert set(everything) <= live


def test_versions_know_their_neighbours(alice: Client, document: str) -> None:
    publish(alice, document, b"two", b"three")
    paths = [each.path for each in history(alice, document)]
    for at, path in enumerate(paths):
        found = props(alice, path, "predecessor-set", "successor-set", "checkout-set", "version-name", "checkout-fork", "L:id")[path]
        assert hrefs(found["predecessor-set"]) == paths[:at][-1:]
        assert hrefs(found["successor-set"]) == paths[at + 1 :][:1]
        assert hrefs(found["checkout-set"]) == []
        assert found["version-name"].text == str(at + 1)
    check_out(alice, document)
    assert [hrefs(props(alice, path, "checkout-set")[path]["checkout-set"]) for path in paths] == [[], [], [document]]


def test_a_version_tree_without_names_is_a_list_of_versions(bob: Client, alice: Client, document: str) -> None:
    publish(alice, document, b"two")
    for body in ('<D:version-tree xmlns:D="DAV:"/>', '<D:version-tree xmlns:D="DAV:"><D:prop/></D:version-tree>'):
        answer = report(bob, document, body, Depth="0")
        assert answer.status == 207
        assert list(properties(answer)) == [each.path for each in history(bob, document)]


def test_a_report_that_is_not_there_is_refused(alice: Client, folder: str, document: str) -> None:
    alice.put(f"{folder}/~$scratch.odt", b"x")
    for place in (folder, document, f"{folder}/~$scratch.odt"):  # a folder, and documents that have no versions, or not yet
        answer = report(alice, place, TREE)
        assert (answer.status, refused(answer).condition) == (403, "supported-report"), place
    answer = report(alice, document, '<D:principal-match xmlns:D="DAV:"/>')
    assert (answer.status, refused(answer).condition) == (403, "supported-report")
    assert report(alice, f"{folder}/missing", TREE).status == 404


def test_properties_are_expanded_into_what_they_name(alice: Client, document: str) -> None:
    (new,) = publish(alice, document, b"two")
    old = history(alice, document)[0].path
    inside = asked("version-name") + asked("predecessor-set", asked("version-name") + asked("successor-set") + asked("nothing"))
    answer = report(alice, document, EXPAND % (asked("checked-in", inside) + asked("getcontentlength") + asked("checked-out", inside)))
    assert answer.status == 207
    (top,) = answer.xml()
    assert top.findtext(f"{DAV}href") == document
    (checked_in,) = top.iterfind(f"{DAV}propstat/{DAV}prop/{DAV}checked-in")
    (version,) = checked_in
    assert (version.tag, version.findtext(f"{DAV}href")) == (f"{DAV}response", new)
    assert version.findtext(f"{DAV}propstat/{DAV}prop/{DAV}version-name") == "2"
    (predecessor,) = version.iterfind(f"{DAV}propstat/{DAV}prop/{DAV}predecessor-set/*")
    assert predecessor.findtext(f"{DAV}href") == old
    assert predecessor.findtext(f"{DAV}propstat/{DAV}prop/{DAV}version-name") == "1"
    assert [each.text for each in predecessor.iterfind(f"{DAV}propstat/{DAV}prop/{DAV}successor-set/{DAV}href")] == [new]
    assert [stat.findtext(f"{DAV}status") for stat in predecessor.iterfind(f"{DAV}propstat")] == [
        "HTTP/1.1 200 OK",
        "HTTP/1.1 404 Not Found",
    ]


def test_a_version_is_expanded_to_the_document_that_was_checked_out_from_it(alice: Client, bob: Client, document: str) -> None:
    (version,) = publish(alice, document, b"two")
    check_out(alice, document, b"a draft")
    for who, size in ((alice, "7"), (bob, "3")):
        answer = report(who, version, EXPAND % asked("checkout-set", asked("getcontentlength")))
        assert answer.texts(f"{DAV}getcontentlength") == [size]


def test_an_expansion_without_end_is_refused(alice: Client, document: str) -> None:
    proppatch(alice, document, setting(f"<Z:again>{f'<D:href>{document}</D:href>' * 30}</Z:again>"))
    wanted = ""
    for _ in range(3):
        wanted = f'<D:property name="again" namespace="urn:example:">{wanted}</D:property>'
    answer = report(alice, document, EXPAND % wanted)
    assert (answer.status, b"more than 500 resources" in answer.body) == (400, True)


def test_what_a_dead_property_names_is_expanded_only_if_it_is_here(alice: Client, folder: str, document: str) -> None:
    names = "".join(
        f"<D:href>{place}</D:href>" for place in (document, f"{folder}/gone", "http://elsewhere.example/", "/.davlock/state.db", "")
    )
    proppatch(alice, folder, setting(f"<Z:members>{names}</Z:members>"))
    wanted = f'<D:property name="members" namespace="urn:example:">{asked("getcontentlength")}</D:property>'
    answer = report(alice, folder, EXPAND % wanted)
    (members,) = answer.xml().iter("{urn:example:}members")
    assert [each.tag.removeprefix(DAV) for each in members] == ["response", "href", "href", "href", "href"]
    assert members[0].findtext(f"{DAV}propstat/{DAV}prop/{DAV}getcontentlength") == "3"


def test_the_comment_of_ones_checkout_is_set_and_removed(alice: Client, bob: Client, document: str) -> None:
    check_out(alice, document, b"a draft", comment="before")
    done = properties(proppatch(alice, document, setting("<D:comment> after &amp; all </D:comment><Z:colour>red</Z:colour>")))
    assert set(done[document]) == {200}
    assert props(bob, document, "comment")[document]["comment"].text == "after & all"
    assert "{urn:example:}colour" in properties(bob.propfind(document))[document][200]
    proppatch(alice, document, "<D:remove><D:prop><D:comment/></D:prop></D:remove>")
    assert "comment" not in props(bob, document, "comment")[document]
    proppatch(alice, document, setting("<D:comment>last</D:comment>"))
    check_in(alice, document)
    assert history(bob, document)[-1].comment == "last"


def test_the_comment_of_what_is_not_checked_out_is_not_set_and_nothing_else_either(alice: Client, folder: str, document: str) -> None:
    for place, shown_as in ((document, document), (folder, f"{folder}/")):
        answer = proppatch(alice, place, setting("<Z:colour>red</Z:colour><D:comment>new</D:comment>"))
        done = next(iter(properties(answer).values()))
        assert {status: [*found] for status, found in done.items()} == {424: ["{urn:example:}colour"], 409: [f"{DAV}comment"]}
        assert b"must-be-checked-out" in answer.body
        assert "{urn:example:}colour" not in properties(alice.propfind(place))[shown_as][200]


def test_all_others_are_protected(alice: Client, document: str) -> None:
    check_out(alice, document, comment="mine")
    names = ("checked-in", "checked-out", "version-name", "creator-displayname", "predecessor-set", "auto-version", *SETS)
    for name in [*(f"D:{name}" for name in names), f"x:checkout xmlns:x='{DAVLOCK[1:-1]}'", f"x:id xmlns:x='{DAVLOCK[1:-1]}'"]:
        answer = proppatch(alice, document, setting(f"<{name}/><D:comment>changed</D:comment>"))
        stats = properties(answer)[document]
        assert set(stats) == {403, 424}, name
        assert b"cannot-modify-protected-property" in answer.body
    assert props(alice, document, "comment")[document]["comment"].text == "mine"


def test_a_copy_has_no_history_and_no_checkout(alice: Client, document: str) -> None:
    publish(alice, document, b"two")
    check_out(alice, document, comment="mine")
    other = f"{document}.copy"
    assert transfer(alice, "COPY", document, other).status == 201
    found = props(alice, other, "checked-out", "comment", "L:checkout", "version-name")[other]
    assert set(found) <= {"version-name"}
    assert say(alice, "VERSION-CONTROL", other).status == 200
    assert len(history(alice, other)) == 1


@pytest.mark.parametrize("text", ["<b>&amp;", "]]&gt;", "ü 漢 😀", "&quot;'"])
def test_comments_come_back_as_they_were_sent(alice: Client, document: str, text: str) -> None:
    escaped = text.replace("<", "&lt;")
    check_out(alice, document, b"x", comment=escaped)
    shown = props(alice, document, "comment", "L:checkout")[document]
    assert shown["comment"].text == shown["L:checkout"].findtext(f"{DAVLOCK}comment")
    check_in(alice, document)
    assert history(alice, document)[-1].comment == shown["comment"].text
