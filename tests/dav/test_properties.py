"""PROPFIND (RFC 4918 §9.1) and PROPPATCH (§9.2) over real documents, and what Explorer and Office make of them."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import socket
from pathlib import Path

import pytest

from tests.dav.stories import DAV, Wire, properties, proppatch, refused, say, setting
from tests.dav.versioning import check_out
from tests.serving import Answer, Client, Raw, Serving

Z = "{urn:example:}"
WIN32 = "{urn:schemas-microsoft-com:}"


def find(client: Client, path: str, inside: str, depth: str | None = "0", **headers: str) -> Answer:
    body = f'<D:propfind xmlns:D="DAV:" xmlns:Z="urn:example:">{inside}</D:propfind>'
    return client.request("PROPFIND", path, body, Depth=depth, Content_Type="application/xml", **headers)


def test_allprop_of_a_document(alice: Client, document: str) -> None:
    found = properties(alice.propfind(document))
    assert set(found) == {document}
    shown = found[document][200]
    whole = alice.get(document)
    assert shown[f"{DAV}getcontentlength"].text == "3"
    assert shown[f"{DAV}getetag"].text == whole.headers["ETag"]
    assert shown[f"{DAV}getlastmodified"].text == whole.headers["Last-Modified"]
    assert shown[f"{DAV}getcontenttype"].text == whole.headers["Content-Type"]
    assert shown[f"{DAV}displayname"].text == "report.odt"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", shown[f"{DAV}creationdate"].text or "")
    assert len(shown[f"{DAV}resourcetype"]) == 0
    assert len(shown[f"{DAV}supportedlock"]) == 2
    assert set(found[document]) == {200}


def test_allprop_of_a_folder(alice: Client, folder: str) -> None:
    shown = properties(alice.propfind(folder))[f"{folder}/"][200]
    assert [each.tag for each in shown[f"{DAV}resourcetype"]] == [f"{DAV}collection"]
    assert f"{DAV}getetag" not in shown and f"{DAV}getcontentlength" not in shown


def test_no_body_is_allprop(alice: Client, document: str) -> None:
    without = alice.request("PROPFIND", document, Depth="0")
    assert properties(without)[document][200].keys() == properties(alice.propfind(document))[document][200].keys()


def test_a_folder_without_slash_is_answered_directly_and_named_with_one(alice: Client, folder: str, document: str) -> None:
    for path in (folder, f"{folder}/"):
        assert set(properties(alice.propfind(path, depth="1"))) == {f"{folder}/", document}


def test_two_who_list_the_root_at_once_each_see_all_of_it(tmp_path: Path) -> None:
    names = {f"/report {number}.odt" for number in range(12_000)}
    with Serving(tmp_path / "root") as serving:
        for name in names:
            (serving.root / name[1:]).touch()
        slow = http.client.HTTPConnection(serving.host, serving.port)
        with contextlib.closing(slow):
            slow.sock = serving.connect()
            slow.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            slow.request("PROPFIND", "/", headers={"Depth": "1", "Authorization": Client(serving, "bob").authorization or ""})
            answer = slow.getresponse()
            begun = answer.read(100)  # the server is in the middle of the folder, and waits
            assert set(properties(Client(serving, "alice").propfind("/", depth="1"))) == {"/", *names}
            rest = Answer(answer.status, answer.headers, begun + answer.read())
            assert set(properties(rest)) == {"/", *names}


def test_depth_0_and_1(alice: Client, folder: str, document: str, disk: Path) -> None:
    (disk / "sub").mkdir()
    (disk / "sub/x").write_bytes(b"")
    assert set(properties(alice.propfind(folder, depth="0"))) == {f"{folder}/"}
    assert set(properties(alice.propfind(folder, depth="1"))) == {f"{folder}/", document, f"{folder}/sub/"}
    assert set(properties(alice.propfind(document, depth="1"))) == {document}


@pytest.mark.parametrize("depth", ["infinity", "Infinity", None])
def test_everything_below_a_folder_is_not_listed_at_once(alice: Client, folder: str, document: str, depth: str | None) -> None:
    answer = find(alice, folder, "<D:allprop/>", depth)
    assert (answer.status, refused(answer).condition) == (403, "propfind-finite-depth")
    assert "Depth: 1" in refused(answer).message
    assert find(alice, document, "<D:allprop/>", depth).status == 207, "there is nothing below a document"


@pytest.mark.parametrize("depth", ["2", "-1", "x", "", "1.0", "0,noroot", "infinity,noroot", "9" * 5000])
def test_another_depth_is_400(alice: Client, folder: str, depth: str) -> None:
    assert find(alice, folder, "<D:allprop/>", depth).status == 400


@pytest.mark.parametrize("headers", [{"Depth": "1,noroot"}, {"Depth": "1, NoRoot"}, {"Depth": "1", "Prefer": "depth-noroot"}])
def test_members_without_the_folder_itself(alice: Client, folder: str, document: str, headers: dict[str, str]) -> None:
    assert set(properties(alice.request("PROPFIND", folder, **headers))) == {document}


def test_named_properties_and_those_that_are_not_there(alice: Client, document: str) -> None:
    found = properties(find(alice, document, "<D:prop><D:getetag/><Z:none/><D:none/><none xmlns=''/></D:prop>"))[document]
    assert set(found[200]) == {f"{DAV}getetag"}
    assert set(found[404]) == {f"{Z}none", f"{DAV}none", "none"}


def test_propname_gives_names_without_values(alice: Client, document: str) -> None:
    proppatch(alice, document, setting("<Z:mine>value</Z:mine>"))
    shown = properties(find(alice, document, "<D:propname/>"))[document][200]
    assert {f"{Z}mine", f"{DAV}getetag", f"{DAV}lockdiscovery"} <= set(shown)
    assert all(len(each) == 0 and not each.text for each in shown.values())


def test_allprop_with_include(alice: Client, folder: str) -> None:
    plain = properties(find(alice, folder, "<D:allprop/>"))[f"{folder}/"]
    more = properties(find(alice, folder, "<D:allprop/><D:include><D:quota-used-bytes/><Z:none/></D:include>"))[f"{folder}/"]
    assert set(more[200]) - set(plain[200]) == {f"{DAV}quota-used-bytes"}
    assert set(more[404]) == {f"{Z}none"}


@pytest.mark.parametrize(
    "inside",
    [
        "<D:allprop/>",
        "<D:propname/>",
        "<D:prop><D:creationdate/><D:getetag/><D:lockdiscovery/></D:prop>",
        "<D:prop><Z:color/><Z:none/><D:getcontentlength/><D:displayname/></D:prop>",
        "<D:prop/>",
    ],
)
def test_a_listing_says_of_each_member_to_the_byte_what_is_said_of_it_alone(
    alice: Client, bob: Client, folder: str, disk: Path, inside: str
) -> None:
    names = ("known.odt", "locked.txt", "his.txt", "drafted.txt", "red.txt", "a & b <c> 'ü\u0308' 100%;.txt", "no extension")
    for name in names:
        alice.put(f"{folder}/{name}", name.encode())
    (disk / "unknown.txt").write_bytes(b"brought by somebody")
    (disk / "sub").mkdir()
    (disk / "süb & co").mkdir()
    os.utime(disk / "known.odt", (981_173_106, 981_173_106))  # the state knows better when it was created
    find(alice, f"{folder}/known.odt", "<D:propname/>")  # what has become of it underneath is a version once it is looked at
    os.utime(disk / "unknown.txt", (-86_400, -86_400))
    for path in (f"{folder}/red.txt", f"{folder}/locked.txt", f"{folder}/sub"):
        assert proppatch(alice, path, setting("<Z:color>red</Z:color>")).status == 207
    alice.lock(f"{folder}/locked.txt")
    bob.lock(f"{folder}/his.txt")
    bob.lock(f"{folder}/sub", depth="infinity")
    check_out(alice, f"{folder}/drafted.txt", b"longer than before")

    def responses(client: Client, path: str, depth: str) -> list[bytes]:
        told = re.sub(rb"Second-[0-9]+", b"", find(client, path, inside, depth).body)
        return re.findall(rb"<D:response>.*?</D:response>", told, re.DOTALL)

    for client in (alice, bob):
        itself, *members = responses(client, f"{folder}/", "1")
        assert [itself] == responses(client, f"{folder}/", "0")
        assert len(members) == len(names) + 3
        for member in members:
            place = Raw(re.findall(rb"<D:href>(.*?)</D:href>", member)[0].decode().replace("&amp;", "&"))
            assert [member] == responses(client, place, "0")


def test_quota(alice: Client, folder: str, document: str) -> None:
    wanted = ("quota-used-bytes", "quota-available-bytes")
    shown = properties(alice.propfind(folder, *wanted))[f"{folder}/"][200]
    assert all((shown[f"{DAV}{name}"].text or "").isdigit() for name in wanted)
    assert set(properties(alice.propfind(document, *wanted))[document]) == {404}


@pytest.mark.parametrize(
    "body",
    [
        "no xml",
        "<a>",
        '<D:propfind xmlns:D="DAV:"/>',
        '<D:propfind xmlns:D="DAV:"><D:allprop/><D:propname/></D:propfind>',
        '<D:lockinfo xmlns:D="DAV:"/>',
        "<D:propfind><D:allprop/></D:propfind>",
    ],
)
def test_a_propfind_that_makes_no_sense_is_400(alice: Client, document: str, body: str) -> None:
    assert alice.request("PROPFIND", document, body, Depth="0").status == 400


def test_propfind_of_nothing_is_404(alice: Client, folder: str, document: str) -> None:
    for path in (f"{folder}/missing", f"{document}/below"):
        assert alice.propfind(path).status == 404


def test_hrefs_leave_plain_what_libreoffice_needs_plain(alice: Client, folder: str) -> None:
    alice.put(f"{folder}/a & b (1), 'x'!.odt", b"")
    assert f"<D:href>{folder}/a%20&amp;%20b%20(1),%20'x'!.odt</D:href>" in alice.propfind(folder, depth="1").body.decode()


def test_the_clients_own_spelling_comes_back(serving: Serving, alice: Client, folder: str) -> None:
    """A Mac looks for its own decomposed name among the hrefs."""
    alice.request("MKCOL", f"{folder}/ü")
    alice.put(f"{folder}/ü/a", b"")
    assert set(properties(alice.propfind(f"{folder}/u\u0308", depth="1"))) == {f"{folder}/u\u0308/", f"{folder}/u\u0308/a"}


def test_a_chunked_propfind_is_read(alice: Client, document: str) -> None:
    body = b'<D:propfind xmlns:D="DAV:"><D:prop><D:getetag/></D:prop></D:propfind>'
    answer = alice.request("PROPFIND", document, iter([body[:30], body[30:]]), Depth="0")
    assert set(properties(answer)[document][200]) == {f"{DAV}getetag"}


def test_xml_that_breaks_off_is_400(serving: Serving, document: str) -> None:
    for framing, part in (("Content-Length: 1000", b"<D:propfind"), ("Transfer-Encoding: chunked", b"b\r\n<D:propfind\r\n")):
        for method in ("PROPFIND", "PROPPATCH", "LOCK"):
            with Wire(serving) as wire:
                wire.head(f"{method} {document}", "Depth: 0", framing)
                wire.send(part)
                wire.end()
                assert wire.answer(method).status == 400


def test_prefer_return_minimal_leaves_out_what_is_not_there(alice: Client, document: str) -> None:
    answer = find(alice, document, "<D:prop><D:getetag/><Z:none/></D:prop>", Prefer="return=minimal")
    assert answer.headers["Preference-Applied"] == "return=minimal"
    assert set(properties(answer)[document]) == {200}


def test_prefer_return_minimal_makes_a_proppatch_204(alice: Client, document: str) -> None:
    answer = proppatch(alice, document, setting("<Z:a>1</Z:a>"), Prefer="return=minimal")
    assert (answer.status, answer.headers["Preference-Applied"], answer.body) == (204, "return=minimal", b"")
    assert proppatch(alice, document, setting("<D:getetag>1</D:getetag>"), Prefer="return=minimal").status == 207


# PROPPATCH


def test_a_property_is_set_changed_and_removed(alice: Client, bob: Client, folder: str, document: str) -> None:
    for path in (document, folder):
        for value in ("first", "<Z:b>second</Z:b>", ""):
            answer = proppatch(alice, path, setting(f"<Z:a>{value}</Z:a>"))
            assert [set(each[200]) for each in properties(answer).values()] == [{f"{Z}a"}]
            assert bob.propfind(path).texts(f"{Z}a") == [re.sub("<.*?>", "", value)]
        assert proppatch(alice, path, "<D:remove><D:prop><Z:a/><Z:never/></D:prop></D:remove>").status == 207
        assert b"urn:example:" not in bob.propfind(path).body


def test_instructions_are_followed_in_order(alice: Client, document: str) -> None:
    proppatch(alice, document, setting("<Z:a>1</Z:a>") + "<D:remove><D:prop><Z:a/></D:prop></D:remove>")
    assert alice.propfind(document).texts(f"{Z}a") == []
    proppatch(alice, document, "<D:remove><D:prop><Z:a/></D:prop></D:remove>" + setting("<Z:a>2</Z:a>"))
    assert alice.propfind(document).texts(f"{Z}a") == ["2"]


def test_all_properties_are_changed_or_none(alice: Client, document: str) -> None:
    answer = proppatch(alice, document, setting("<Z:a>1</Z:a><D:getcontentlength>9</D:getcontentlength><Z:b>2</Z:b>"))
    found = properties(answer)[document]
    assert {status: set(names) for status, names in found.items()} == {403: {f"{DAV}getcontentlength"}, 424: {f"{Z}a", f"{Z}b"}}
    assert b"cannot-modify-protected-property" in answer.body
    assert b"urn:example:" not in alice.propfind(document).body


@pytest.mark.parametrize(
    "name",
    [
        "getetag",
        "getlastmodified",
        "creationdate",
        "lockdiscovery",
        "supportedlock",
        "resourcetype",
        "getcontenttype",
        "displayname",
        "quota-used-bytes",
    ],
)
def test_live_properties_are_protected(alice: Client, document: str, name: str) -> None:
    before = alice.propfind(document, name).body
    for instruction in (setting(f"<D:{name}>forged</D:{name}>"), f"<D:remove><D:prop><D:{name}/></D:prop></D:remove>"):
        assert set(properties(proppatch(alice, document, instruction))[document]) == {403}
    assert alice.propfind(document, name).body == before


def test_a_protected_property_of_nothing_is_404(alice: Client, folder: str) -> None:
    assert proppatch(alice, f"{folder}/missing", setting("<D:getetag>x</D:getetag>")).status == 404
    assert proppatch(alice, f"{folder}/missing", setting("<Z:a>x</Z:a>")).status == 404


def test_what_the_mini_redirector_sets_after_each_upload(alice: Client, document: str) -> None:
    token = alice.lock(document)
    values = {
        "Win32CreationTime": "Tue, 03 Jun 2025 08:00:00 GMT",
        "Win32LastAccessTime": "Tue, 03 Jun 2025 08:00:01 GMT",
        "Win32LastModifiedTime": "Tue, 03 Jun 2025 08:00:02 GMT",
        "Win32FileAttributes": "00000020",
    }
    body = setting("".join(f"<W:{name}>{value}</W:{name}>" for name, value in values.items()))
    found = properties(proppatch(alice, document, body, If=f"(<{token}>)"))[document]
    assert set(found) == {200} and set(found[200]) == {f"{WIN32}{name}" for name in values}
    shown = properties(alice.propfind(document))[document][200]
    assert {name: shown[f"{WIN32}{name}"].text for name in values} == values


def test_depth_and_the_content_type_of_a_form_do_not_matter(alice: Client, document: str) -> None:
    """As webdavclient3 sends it."""
    body = '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><a xmlns="urn:x">1</a></D:prop></D:set></D:propertyupdate>'
    answer = alice.request("PROPPATCH", document, body, Depth="1", Content_Type="application/x-www-form-urlencoded")
    assert answer.status == 207
    assert alice.propfind(document).texts("{urn:x}a") == ["1"]


def test_values_come_back_as_they_were(alice: Client, document: str) -> None:
    value = '<Z:a xml:lang="de" Z:b="c">ä &amp; &lt;x&gt; ]]&gt; <c xmlns="urn:other">\u2028😀</c> tail</Z:a>'
    assert proppatch(alice, document, setting(value)).status == 207
    shown = properties(alice.propfind(document))[document][200][f"{Z}a"]
    assert "".join(shown.itertext()) == "ä & <x> ]]> \u2028😀 tail"
    assert shown.attrib == {"{http://www.w3.org/XML/1998/namespace}lang": "de", f"{Z}b": "c"}
    assert [each.tag for each in shown] == ["{urn:other}c"]


def test_properties_outlive_the_content(alice: Client, bob: Client, document: str) -> None:
    proppatch(alice, document, setting("<Z:a>1</Z:a>"))
    assert bob.put(document, b"new").status == 204
    assert bob.propfind(document).texts(f"{Z}a") == ["1"]


@pytest.mark.parametrize("body", ["<D:set/>", "", "<D:set><D:prop/></D:set>", "text"])
def test_a_proppatch_without_a_property_changes_nothing(alice: Client, document: str, body: str) -> None:
    assert proppatch(alice, document, body).status in (207, 400)
    assert alice.request("PROPPATCH", document).status == 400


def test_a_large_proppatch_is_413_and_all_or_nothing(serving: Serving, alice: Client, document: str) -> None:
    large = setting("<Z:a>1</Z:a>" + f"<Z:b>{'x' * 5_000_000}</Z:b>")
    body = f'<D:propertyupdate xmlns:D="DAV:" xmlns:Z="urn:example:">{large}</D:propertyupdate>'.encode()
    assert say(serving, f"PROPPATCH {document}", body=body).status == 413
    assert b"urn:example:" not in alice.propfind(document).body


def test_the_properties_of_a_document_have_a_limit_together(alice: Client, document: str) -> None:
    value = "x" * 200_000
    kept = [alice.request("PROPPATCH", document, propertyupdate(f"<Z:p{n}>{value}</Z:p{n}>")).status for n in range(7)]
    assert kept[:5] == [207] * 5
    assert kept[-1] == 413
    assert alice.propfind(document).body.count(value.encode()) == kept.count(207)


def propertyupdate(values: str) -> bytes:
    return f'<D:propertyupdate xmlns:D="DAV:" xmlns:Z="urn:example:">{setting(values)}</D:propertyupdate>'.encode()
