from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from davlock.dav.lockinfo import MAX_OWNER, SUPPORTED_LOCK, LockRequest, active_locks, parse_lockinfo
from davlock.errors import BadRequest
from davlock.model import Kind, Lock, Scope

D, L = "{DAV:}", "{urn:davlock:}"
WRITE = "<D:locktype><D:write/></D:locktype>"
EXCLUSIVE = "<D:lockscope><D:exclusive/></D:lockscope>"
SHARED = "<D:lockscope><D:shared/></D:lockscope>"


def lockinfo(inside: str, more: str = "") -> bytes:
    return f'<D:lockinfo xmlns:D="DAV:"{more}>{inside}</D:lockinfo>'.encode()


def owned(owner: str, more: str = "") -> str:
    return parse_lockinfo(lockinfo(f"{EXCLUSIVE}{WRITE}<D:owner>{owner}</D:owner>", more)).owner


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (lockinfo(EXCLUSIVE + WRITE), LockRequest(Scope.EXCLUSIVE)),
        (lockinfo(WRITE + SHARED), LockRequest(Scope.SHARED)),
        (lockinfo(f"<x/>{EXCLUSIVE}<D:x/>text{WRITE}<x xmlns='u'/>"), LockRequest(Scope.EXCLUSIVE)),
        (
            lockinfo("<D:lockscope><x/><D:shared>t<x/></D:shared></D:lockscope><D:locktype><D:write/><x/></D:locktype>"),
            LockRequest(Scope.SHARED),
        ),
        (lockinfo(EXCLUSIVE + EXCLUSIVE + WRITE), LockRequest(Scope.EXCLUSIVE)),
        (
            b'<lockinfo xmlns="DAV:"><locktype><write/></locktype><lockscope><shared/></lockscope></lockinfo>',
            LockRequest(Scope.SHARED),
        ),
    ],
)
def test_lock_requests_are_read(body: bytes, expected: LockRequest) -> None:
    assert parse_lockinfo(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<lockinfo/>", b"<D:propfind xmlns:D='DAV:'/>", lockinfo(""), lockinfo(EXCLUSIVE), lockinfo(WRITE),
        lockinfo("<D:lockscope/>" + WRITE), lockinfo(EXCLUSIVE + "<D:locktype/>"), lockinfo(EXCLUSIVE + SHARED + WRITE),
        lockinfo("<D:lockscope><D:exclusive/><D:shared/></D:lockscope>" + WRITE),
        lockinfo("<D:lockscope><exclusive/></D:lockscope>" + WRITE),
        lockinfo(EXCLUSIVE + "<D:locktype><D:read/></D:locktype>"),
        lockinfo(f"<x>{EXCLUSIVE}{WRITE}</x>"),
        b"<!DOCTYPE x>" + lockinfo(EXCLUSIVE + WRITE),
    ],
)  # fmt: skip
def test_what_is_not_a_request_for_a_write_lock_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        parse_lockinfo(body)


@pytest.mark.parametrize(
    ("owner", "kept"),
    [
        ("", ""),
        ("alice", "alice"),
        ("a &lt; b &amp; <![CDATA[<c>]]>", "a &lt; b &amp; &lt;c&gt;"),
        ("<D:href>mailto:a@b</D:href>", '<D:href xmlns:D="DAV:">mailto:a@b</D:href>'),
        ("x<y/>z<q:y q:a='1'/> ", 'x<y/>z<q:y xmlns:q="used" q:a="1"/> '),
        ("<!-- c --><y>ü</y>", "<y>ü</y>"),
    ],
)
def test_the_owner_is_kept_as_sent(owner: str, kept: str) -> None:
    assert owned(owner, ' xmlns:q="used" xmlns:u="unused"') == kept


def test_an_owner_without_prefixes_keeps_its_namespace() -> None:
    body = (
        b'<lockinfo xmlns="DAV:"><locktype><write/></locktype><lockscope><exclusive/></lockscope><owner><href>bob</href></owner></lockinfo>'
    )

    assert parse_lockinfo(body).owner == '<href xmlns="DAV:">bob</href>'


def test_a_long_owner_is_refused() -> None:
    assert len(owned("ü" * (MAX_OWNER // 2)).encode()) == MAX_OWNER
    with pytest.raises(BadRequest, match="owner"):
        owned("ü" * (MAX_OWNER // 2) + "x")
    with pytest.raises(BadRequest, match="owner"):
        owned("<q:a/>" * 10_000, f' xmlns:q="{"u" * 100_000}"')


LOCK = Lock(
    token="urn:uuid:1", kind=Kind.LOCK, scope=Scope.EXCLUSIVE, deep=False, root="/a b", principal="alice",
    door="webdav", since=1_700_000_000.9, expires=1_700_000_600.0, generation=1, owner="me",
)  # fmt: skip


def shown(locks: Sequence[Lock], viewer: str = "alice", now: float = 1_700_000_000.0) -> list[etree._Element]:
    text = active_locks(locks, viewer, now, lambda root: root.replace(" ", "%20") + "?&")
    return list(etree.fromstring(f'<D:lockdiscovery xmlns:D="DAV:">{text}</D:lockdiscovery>'))


def test_a_lock_is_shown_to_its_holder() -> None:
    (active,) = shown([LOCK])

    assert active.tag == f"{D}activelock"
    assert [each.tag for each in active] == [
        f"{D}lockscope", f"{D}locktype", f"{D}depth", f"{D}owner", f"{D}timeout", f"{D}locktoken", f"{D}lockroot",
        f"{L}holder", f"{L}since", f"{L}door",
    ]  # fmt: skip
    assert [each.tag for each in active[0]] == [f"{D}exclusive"]
    assert [each.tag for each in active[1]] == [f"{D}write"]
    assert active.findtext(f"{D}depth") == "0"
    assert active.findtext(f"{D}owner") == "me"
    assert active.findtext(f"{D}timeout") == "Second-600"
    assert active.findtext(f"{D}locktoken/{D}href") == "urn:uuid:1"
    assert active.findtext(f"{D}lockroot/{D}href") == "/a%20b?&"
    assert active.findtext(f"{L}holder") == "alice"
    assert active.findtext(f"{L}since") == "2023-11-14T22:13:20Z"
    assert active.findtext(f"{L}door") == "webdav"


def test_somebody_elses_token_is_not_shown_but_who_and_since_when_is() -> None:
    (active,) = shown([LOCK], viewer="bob")

    assert active.findtext(f"{D}locktoken/{D}href") == "urn:davlock:token-of-another"
    assert "urn:uuid:1" not in etree.tostring(active, encoding="unicode")
    assert active.findtext(f"{L}holder") == "alice"
    assert active.findtext(f"{D}owner") == "me"


def test_a_checkout_looks_like_a_lock_without_end_or_token() -> None:
    (active,) = shown([replace(LOCK, kind=Kind.CHECKOUT, expires=None, door="rest", owner="")])

    assert active.find(f"{D}lockscope/{D}exclusive") is not None
    assert active.findtext(f"{D}timeout") == "Infinite"
    assert active.findtext(f"{D}depth") == "0"
    assert active.findtext(f"{D}locktoken/{D}href") == "urn:davlock:token-of-another"
    assert active.findtext(f"{L}door") == "rest"


def test_a_deep_shared_lock() -> None:
    (active,) = shown([replace(LOCK, scope=Scope.SHARED, deep=True)])

    assert active.find(f"{D}lockscope/{D}shared") is not None
    assert active.findtext(f"{D}depth") == "infinity"


@pytest.mark.parametrize(("left", "timeout"), [(600.0, "Second-600"), (599.99, "Second-599"), (0.4, "Second-1"), (-5.0, "Second-1")])
def test_seconds_are_rounded_down_but_never_to_0(left: float, timeout: str) -> None:
    (active,) = shown([replace(LOCK, expires=1_700_000_000.0 + left)])

    assert active.findtext(f"{D}timeout") == timeout


@pytest.mark.parametrize("owner", ["", " \n "])
def test_without_an_owner_the_holder_is_named(owner: str) -> None:
    (active,) = shown([replace(LOCK, principal="<a&b>", owner=owner)])

    assert active.findtext(f"{D}owner") == "<a&b>"
    assert active.findtext(f"{L}holder") == "<a&b>"


def test_several_locks_keep_their_order() -> None:
    locks = [replace(LOCK, owner="2"), replace(LOCK, owner="1")]

    assert [each.findtext(f"{D}owner") for each in shown(locks)] == ["2", "1"]


@given(st.text(st.characters(codec="utf-8")))
def test_any_name_is_shown(text: str) -> None:
    assert len(shown([replace(LOCK, principal=text, door=text, root=text, token=text)], viewer=text)) == 1


def test_supported_lock_is_exclusive_and_shared_write() -> None:
    root = etree.fromstring(f'<D:supportedlock xmlns:D="DAV:">{SUPPORTED_LOCK}</D:supportedlock>')

    assert [[[part.tag for part in each] for each in entry] for entry in root] == [
        [[f"{D}exclusive"], [f"{D}write"]],
        [[f"{D}shared"], [f"{D}write"]],
    ]
