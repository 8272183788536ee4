"""Nonsense, accidents and attacks on the methods of RFC 3253: clear errors, and nothing changed."""

from __future__ import annotations

import pytest

from tests.dav.stories import Wire, locks_on, say
from tests.dav.versioning import TREE, check_out, history, publish, report
from tests.dav.versioning import say as ask
from tests.serving import Client, Serving

METHODS = ("CHECKOUT", "CHECKIN", "UNCHECKOUT", "VERSION-CONTROL", "REPORT")
ROOTS = {method: "version-tree" if method == "REPORT" else method.lower() for method in METHODS}
DOCTYPE = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'


@pytest.fixture
def draft(alice: Client, document: str) -> str:
    """A document that alice has checked out, with a draft."""
    publish(alice, document, b"two")
    check_out(alice, document, b"a draft")
    return document


def unchanged(alice: Client, bob: Client, path: str) -> None:
    assert (alice.get(path).body, bob.get(path).body) == (b"a draft", b"two")
    assert [lock.holder for lock in locks_on(bob, path)] == ["alice"]
    assert len(history(bob, path)) == 2


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "body",
    ["<", "<D:{root}>", "not XML", "<D:{root} xmlns:D='DAV:'>", "\x00", "<{root} xmlns='DAV:'>&undefined;</{root}>"],
)
def test_malformed_xml_is_400(alice: Client, bob: Client, draft: str, method: str, body: str) -> None:
    answer = alice.request(method, draft, body.format(root=ROOTS[method]))
    assert (answer.status, b"malformed" in answer.body) == (400, True)
    unchanged(alice, bob, draft)


@pytest.mark.parametrize("method", METHODS)
def test_a_doctype_is_refused(alice: Client, bob: Client, draft: str, method: str) -> None:
    root = ROOTS[method]
    answer = alice.request(method, draft, f'{DOCTYPE}<D:{root} xmlns:D="DAV:"><D:comment>&e;</D:comment></D:{root}>')
    assert (answer.status, b"DOCTYPE" in answer.body) == (400, True)
    unchanged(alice, bob, draft)


@pytest.mark.parametrize("method", METHODS[:4])
def test_a_body_for_another_method_is_400(alice: Client, bob: Client, draft: str, method: str) -> None:
    for root in ("lockinfo", "checkins", "propfind", "report"):
        assert alice.request(method, draft, f'<D:{root} xmlns:D="DAV:"/>').status == 400
    assert alice.request(method, draft, f"<{method.lower()}/>").status == 400
    unchanged(alice, bob, draft)


def test_a_report_needs_a_body(alice: Client, document: str) -> None:
    assert alice.request("REPORT", document).status == 400
    assert report(alice, document, "   ").status == 400


@pytest.mark.parametrize("inside", ["<D:property/>", '<D:property name=""/>', '<D:property name="a b"/>', '<D:property name="&lt;"/>'])
def test_an_expand_property_that_names_nothing_is_400(alice: Client, document: str, inside: str) -> None:
    assert report(alice, document, f'<D:expand-property xmlns:D="DAV:">{inside}</D:expand-property>').status == 400


@pytest.mark.parametrize("method", METHODS[:3])
@pytest.mark.parametrize("element", ["D:comment", "L:comment"])
def test_a_comment_is_one_line_of_at_most_4096_characters(alice: Client, bob: Client, draft: str, method: str, element: str) -> None:
    name, wrong = (element, "one\ntwo") if method != "UNCHECKOUT" else ("L:reason", "one\ttwo")
    for text, status in ((wrong, 400), ("x" * 4097, 400), ("\u0085", 400), ("\u2028x", 400), ("a&#13;b", 400), ("&#1;", 400)):
        answer = ask(alice, method, draft, f"<{name}>{text}</{name}>")
        assert answer.status == status, text[:10]
    answer = ask(alice, method, draft, f"<{name}>{'x' * 1_000_000}</{name}>")
    assert (answer.status, b"at most 262144 bytes" in answer.body) == (413, True)
    unchanged(alice, bob, draft)


def test_a_comment_of_4096_characters_is_taken(alice: Client, draft: str) -> None:
    assert ask(alice, "CHECKIN", draft, f"<D:comment>{'é' * 4096}</D:comment>").status == 201
    assert history(alice, draft)[-1].comment == "é" * 4096


def test_elements_that_nobody_knows_are_ignored(alice: Client, draft: str) -> None:
    inside = '<D:fork-ok/><x:y xmlns:x="urn:x"><D:keep-checked-out/></x:y><D:comment>a <b>bold</b> one</D:comment><L:comment/>'
    assert ask(alice, "CHECKIN", draft, inside).status == 201
    assert history(alice, draft)[-1].comment == "a bold one"
    assert locks_on(alice, draft) == []


@pytest.mark.parametrize("method", METHODS)
def test_a_body_that_breaks_off_changes_nothing(serving: Serving, alice: Client, bob: Client, draft: str, method: str) -> None:
    with Wire(serving, "alice") as wire:
        wire.head(f"{method} {draft}", "Content-Length: 500")
        wire.send(f'<D:{ROOTS[method]} xmlns:D="DAV:">'.encode())
        wire.end()
        assert wire.answer(method).status == 400
    unchanged(alice, bob, draft)


@pytest.mark.parametrize("depth", ["1", "infinity", "2", "-1", "", "0,0", "x" * 5000])
def test_a_report_is_about_one_resource(alice: Client, document: str, depth: str) -> None:
    alice.put(document, b"two")
    assert report(alice, document, TREE, Depth=depth).status == 400
    assert report(alice, document, TREE, Depth="0").status == 207


@pytest.mark.parametrize("depth", ["1", "infinity", "nonsense"])
def test_a_depth_that_is_not_defined_is_ignored(alice: Client, document: str, depth: str) -> None:
    assert ask(alice, "CHECKOUT", document, Depth=depth).status == 200
    assert ask(alice, "UNCHECKOUT", document, Depth=depth).status == 200


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("target", ["/%00", "/a/../b", "/%ff", "/.davlock/state.db", "/_davlock/x", "/_vti_bin/x", "/a%2fb"])
def test_impossible_names_are_refused(serving: Serving, method: str, target: str) -> None:
    answer = say(serving, f"{method} {target}", body=TREE.encode() if method == "REPORT" else b"")
    assert answer.status in (400, 403), answer


@pytest.mark.parametrize("method", METHODS)
def test_an_if_header_that_does_not_hold_or_makes_no_sense_is_refused(alice: Client, bob: Client, draft: str, method: str) -> None:
    body = TREE if method == "REPORT" else None
    assert alice.request(method, draft, body, If="(<urn:uuid:gone>)").status == 412
    assert alice.request(method, draft, body, If="nonsense").status == 400
    unchanged(alice, bob, draft)


@pytest.mark.parametrize("method", METHODS)
def test_nobody_in_particular_is_asked_who_he_is(serving: Serving, draft: str, method: str) -> None:
    assert say(serving, f"{method} {draft}", user=None).status == 401
    assert say(serving, "GET /_davlock/versions/1/1", user=None).status == 401
    assert say(serving, "GET /_davlock/drafts/1", user=None).status == 401


@pytest.mark.parametrize("method", ["CHECKOUT", "CHECKIN", "UNCHECKOUT", "VERSION-CONTROL"])
def test_a_page_of_another_site_cannot_do_it(alice: Client, bob: Client, draft: str, method: str) -> None:
    assert alice.request(method, draft, None, Origin="https://elsewhere.example").status == 403
    unchanged(alice, bob, draft)
