from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from davlock.dav import proppatch, xml
from davlock.dav.proppatch import MAX_CHANGES, MAX_VALUES, PropertyChange, outcome, parse_propertyupdate, refused
from davlock.errors import BadRequest, TooLarge

D = "{DAV:}"


def update(inside: str, more: str = "") -> bytes:
    return f'<D:propertyupdate xmlns:D="DAV:"{more}>{inside}</D:propertyupdate>'.encode()


def setting(*values: str) -> str:
    return f"<D:set><D:prop>{''.join(values)}</D:prop></D:set>"


def removing(*values: str) -> str:
    return f"<D:remove><D:prop>{''.join(values)}</D:prop></D:remove>"


def value(text: str, more: str = "") -> str | None:
    (change,) = parse_propertyupdate(update(setting(text), more))
    return change.xml


def test_changes_come_in_the_order_sent() -> None:
    changes = parse_propertyupdate(
        update(setting("<a>1</a>", "<D:b/>") + removing("<a/>", '<c xmlns="u"/>') + "<x/>" + setting("<a>2</a>"))
    )

    assert changes == [
        PropertyChange("a", "<a>1</a>"),
        PropertyChange("{DAV:}b", '<D:b xmlns:D="DAV:"/>'),
        PropertyChange("a", None),
        PropertyChange("{u}c", None),
        PropertyChange("a", "<a>2</a>"),
    ]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("<a/>", "<a/>"),
        ("<a> x </a>\n", "<a> x </a>"),
        ("<a>&amp;&lt;]]&gt;&#13;</a>", "<a>&amp;&lt;]]&gt;&#13;</a>"),
        ("<a><![CDATA[<b>]]></a>", "<a>&lt;b&gt;</a>"),
        ("<a><!-- c -->b<?p?></a>", "<a>b</a>"),
        ('<q:a q:b="1" c="2"><d/></q:a>', '<q:a xmlns:q="used" q:b="1" c="2"><d/></q:a>'),
        ('<a xmlns="v"><b xmlns=""/></a>', '<a xmlns="v"><b xmlns=""/></a>'),
        ('<ü xmlns="urn:x">\U0001f600</ü>', '<ü xmlns="urn:x">\U0001f600</ü>'),
        ('<Z:Win32FileAttributes xmlns:Z="urn:schemas-microsoft-com:">20</Z:Win32FileAttributes>', None),
    ],
)
def test_values_are_kept_as_sent_and_stand_for_themselves(sent: str, kept: str | None) -> None:
    assert value(sent, ' xmlns:q="used" xmlns:u="unused"') == (kept or sent)


@pytest.mark.parametrize(
    ("body", "language"),
    [
        (update(setting("<a/>")), None),
        (update(setting('<a xml:lang="en"/>'), ' xml:lang="de"'), "en"),
        (update(setting("<a/>"), ' xml:lang="de"'), "de"),
        (update('<D:set xml:lang="de"><D:prop xml:lang="fr"><a/></D:prop></D:set>'), "fr"),
        (update('<D:set xml:lang="de"><D:prop xml:lang=""><a/></D:prop></D:set>'), ""),
    ],
)
def test_the_language_of_a_value_goes_with_it(body: bytes, language: str | None) -> None:
    (change,) = parse_propertyupdate(body)

    assert etree.fromstring(change.xml or "").get(xml.LANG) == language


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<propertyupdate/>", b"<D:propfind xmlns:D='DAV:'/>", update(""), update("<D:prop/>"), update("<set/>"),
        b"<!DOCTYPE x>" + update(setting("<a/>")), update(setting('<b:a xmlns:b=""/>')), update(setting("<b:a/>")),
        update(setting("<a/>" * (MAX_CHANGES + 1))), update(removing("<a/>" * (MAX_CHANGES + 1))),
    ],
)  # fmt: skip
def test_what_is_not_a_property_update_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        parse_propertyupdate(body)


@pytest.mark.parametrize("inside", ["<D:set/>", setting(), removing(), "<D:set><prop><a/></prop></D:set>"])
def test_an_update_of_nothing_is_no_error(inside: str) -> None:
    assert parse_propertyupdate(update(inside)) == []


def test_many_changes_are_possible() -> None:
    assert len(parse_propertyupdate(update(setting("<a/>" * MAX_CHANGES)))) == MAX_CHANGES


@pytest.mark.parametrize("sent", ["<q:a/>", "<a><q:b/></a>"])
def test_a_small_body_does_not_become_large_values(sent: str) -> None:
    namespace = "u" * 100_000
    assert 10 * len(namespace) < MAX_VALUES < 11 * len(namespace)

    assert len(parse_propertyupdate(update(setting(sent * 10), f' xmlns:q="{namespace}"'))) == 10
    with pytest.raises(TooLarge):
        parse_propertyupdate(update(setting(sent * 11), f' xmlns:q="{namespace}"'))


def test_a_large_value_is_refused() -> None:
    with pytest.raises(TooLarge):
        value("<a>" + ">" * 70_000 + "</a>")  # becomes &gt;


@pytest.mark.parametrize(
    "name",
    [
        "displayname", "getetag", "getlastmodified", "getcontentlength", "creationdate", "resourcetype",
        "lockdiscovery", "supportedlock", "getcontenttype", "quota-used-bytes", "quota-available-bytes", "ishidden",
    ],
)  # fmt: skip
def test_live_properties_are_protected(name: str) -> None:
    assert proppatch.is_protected(D + name)


@pytest.mark.parametrize("name", ["{DAV:}author", "getetag", "{u}getetag", "{urn:schemas-microsoft-com:}Win32LastModifiedTime"])
def test_others_are_not(name: str) -> None:
    assert not proppatch.is_protected(name)


def read(body: bytes) -> dict[str, str]:
    """Status by Clark name."""
    (response,) = etree.fromstring(body)
    assert response.findtext(f"{D}href") == "/a%20b&c"
    found: dict[str, str] = {}
    for stat in response.findall(f"{D}propstat"):
        code = (stat.findtext(f"{D}status") or "").removeprefix("HTTP/1.1 ")
        assert (stat.find(f"{D}error/{D}cannot-modify-protected-property") is not None) == code.startswith("403")
        for each in stat.iterfind(f"{D}prop/*"):
            assert str(each.tag) not in found
            assert each.text is None
            found[str(each.tag)] = code
    return found


def changed(*names: str) -> list[PropertyChange]:
    return [PropertyChange(name, None) for name in names]


def test_success_is_200_for_each() -> None:
    assert read(outcome("/a%20b&c", changed("a", "{u}b", "a"), {})) == {"a": "200 OK", "{u}b": "200 OK"}


def test_a_protected_property_stops_all_others() -> None:
    changes = changed("a", "{DAV:}getetag", "{u?a=1&b=%20}ü")

    assert refused(changes) == {"{DAV:}getetag": 403}
    assert read(outcome("/a%20b&c", changes, {})) == {
        "a": "424 Failed Dependency",
        "{DAV:}getetag": "403 Forbidden",
        "{u?a=1&b=%20}ü": "424 Failed Dependency",
    }


def test_so_does_any_other_failure() -> None:
    assert read(outcome("/a%20b&c", changed("a", "b"), {"b": 507})) == {
        "a": "424 Failed Dependency",
        "b": "507 Insufficient Storage",
    }


def test_nothing_changed_is_an_empty_success() -> None:
    (response,) = etree.fromstring(outcome("/a", [], {}))

    assert [each.tag for each in response] == [f"{D}href", f"{D}propstat"]
    assert response.findtext(f"{D}propstat/{D}status") == "HTTP/1.1 200 OK"


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"))
namespaces = st.sampled_from(["", "DAV:", "urn:x", "http://h/?a=1&b=%20", "rel"])


@given(st.lists(st.tuples(namespaces, st.sampled_from("aäb"), texts, texts), min_size=1, max_size=5))
def test_any_value_comes_back(sent: list[tuple[str, str, str, str]]) -> None:
    root = etree.Element(f"{D}propertyupdate", nsmap={"D": "DAV:"})
    prop = etree.SubElement(etree.SubElement(root, f"{D}set"), f"{D}prop")
    for namespace, local, text, attribute in sent:
        one = etree.SubElement(prop, f"{{{namespace}}}{local}" if namespace else local)
        one.text, one.tail = text, text
        inner = etree.SubElement(one, "{urn:inner}i")
        inner.set("{urn:attribute}a", attribute)
        inner.tail = text

    changes = parse_propertyupdate(etree.tostring(root, encoding="utf-8"))

    assert [change.name for change in changes] == [str(each.tag) for each in prop]
    for change, (_, _, text, attribute) in zip(changes, sent, strict=True):
        found = etree.fromstring(f'<D:x xmlns:D="other">{change.xml}</D:x>')[0]
        assert found.tag == change.name
        assert (found.text or "", found.tail, found[0].tail or "") == (text, None, text)
        assert found[0].get("{urn:attribute}a") == attribute
