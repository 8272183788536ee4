"""Replays of Word and Excel: editing from the web, and saving by dance through Explorer's redirector."""

from __future__ import annotations

import re

import pytest

from tests.clients.windows import DANCES, Dance, an_hour, lock, redirected, set_times, swap, tagged, times
from tests.doors import WebDav
from tests.serving import Answer, Client, Header, Raw, Serving, href

FIRST, SECOND, THIRD, FOURTH = b"PK first" * 1000, b"PK second" * 1000, b"PK third" * 1000, b"PK fourth" * 1000
WORD = "Microsoft Office Word 2016 (16.0.5266) Windows NT 10.0"


def word(client: Client, method: str, path: str, body: bytes | str | None = None, **headers: Header) -> Answer:
    """One request with the headers that Word adds to every one."""
    usual: dict[str, Header] = {
        "User_Agent": WORD,
        "X_Office_Major_Version": "16",
        "X_IDCRL_ACCEPTED": "t",
        "X_MS_CookieUri_Requested": "t",
        "X_FeatureVersion": "1",
        "Translate": "f",
    }
    return client.request(method, path, body, **(usual | headers))


def owners(client: Client, path: str) -> list[str]:
    return client.propfind(path, "lockdiscovery").texts("{DAV:}owner")


@pytest.fixture
def contract(serving: Serving) -> str:
    (serving.root / "Verträge").mkdir()
    (serving.root / "Verträge" / "contract.docx").write_bytes(FIRST)
    return "/Verträge/contract.docx"


def test_discovery(serving: Serving, contract: str, alice: Client) -> None:
    nobody = Client(serving)
    discovery = "Microsoft Office Protocol Discovery"
    first = nobody.request("OPTIONS", "/Verträge/", User_Agent=discovery, Authorization="Bearer", X_IDCRL_ACCEPTED="t", X_MSGETWEBURL="t")
    assert first.status == 200 or first.headers["WWW-Authenticate"].startswith("Basic "), first
    assert first.status in (200, 401)

    for folder in ("/Verträge/", "/Verträge", "/", contract):
        options = alice.request("OPTIONS", folder, User_Agent=discovery)
        assert options.status == 200, options
        # without it Office opens everything read-only
        assert options.headers["MS-Author-Via"] == "DAV"
        assert {"1", "2"} <= set(re.split(r",\s*", options.headers["DAV"]))
        # asked of the folder, it is about the documents in it
        everywhere = set(re.split(r",\s*", options.headers["Public"]))
        assert everywhere >= {"LOCK", "UNLOCK", "PUT", "GET", "HEAD", "PROPFIND", "PROPPATCH", "MOVE", "COPY", "DELETE", "MKCOL"}, (
            options.headers["Public"]
        )
        allowed = set(re.split(r",\s*", options.headers["Allow"]))
        assert allowed >= {"LOCK", "UNLOCK", "GET", "HEAD", "PROPFIND", "PROPPATCH", "MOVE", "COPY", "DELETE"}
        assert "PUT" in allowed or folder != contract
        assert "X-MSDAVEXT" not in options.headers, "announced, it obliges to what we do not do"
        assert "X-MSFSSHTTP" not in options.headers

    existence = alice.request("HEAD", contract, User_Agent="Microsoft Office Existence Discovery")
    assert (existence.status, existence.headers["Content-Length"]) == (200, str(len(FIRST)))
    missing = alice.request("HEAD", "/Verträge/missing.docx", User_Agent="Microsoft Office Existence Discovery")
    assert missing.status == 404

    rpc: dict[str, Header] = {
        "Content_Type": "application/x-www-form-urlencoded",
        "X_Vermeer_Content_Type": "application/x-www-form-urlencoded",
        "User_Agent": "MSFrontPage/15.0",
        "MIME_Version": "1.0",
    }
    call = "method=server+version%3a15%2e0%2e0%2e4455\n"
    probes = [
        alice.request("PROPFIND", "/", Depth="0", User_Agent=WORD),
        alice.get("/_vti_inf.html", User_Agent="Mozilla/4.0 (compatible; MS FrontPage 6.0)"),
        nobody.get("/_vti_inf.html", User_Agent="Mozilla/4.0 (compatible; MS FrontPage 6.0)", Content_Length=0),
        alice.request("POST", "/_vti_bin/shtml.dll/_vti_rpc", call, **rpc),
        nobody.request("POST", "/_vti_bin/shtml.dll/_vti_rpc", call, **rpc),
        alice.request("HEAD", Raw("/_vti_bin/owssvr.dll?location=Vertr&dialogview=FileOpen")),
        alice.request("POST", "/_vti_bin/webs.asmx", "<x/>", Content_Type="text/xml; charset=utf-8"),
    ]
    assert [probe.status for probe in probes if probe.status >= 500] == []
    assert probes[0].status == 207


def test_open_save_and_close(contract: str, serving: Serving, alice: Client, bob: Client) -> None:
    stored = serving.root / contract.strip("/")
    token = lock(alice, contract, "ALICE-PC/alice")
    opened = word(alice, "GET", contract)
    assert (opened.status, opened.body) == (200, FIRST)

    # bob's Word: 423, not 400 or 500, makes it offer "read-only", with the name that it finds here
    refused = word(bob, "LOCK", contract, LOCKINFO, Timeout="Second-3600", Content_Type="text/xml")
    assert refused.status == 423, refused
    assert owners(bob, contract) == ["ALICE-PC/alice"]
    assert token not in bob.propfind(contract).body.decode()
    assert word(bob, "GET", contract).body == FIRST
    assert word(bob, "PUT", contract, SECOND).status == 423

    saved = word(alice, "PUT", contract, SECOND, If=f"(<{token}>)")
    assert saved.status == 204, saved
    set_times(alice, contract, token)
    head = word(alice, "HEAD", contract)
    assert head.headers["ETag"] != opened.headers["ETag"]
    assert alice.propfind(contract, "getetag").texts("{DAV:}getetag") == [head.headers["ETag"]]
    assert stored.read_bytes() == SECOND

    refreshed = word(alice, "LOCK", contract, If=f"(<{token}>)", Timeout="Second-3600", Content_Length=0)
    assert refreshed.status == 200, refreshed
    assert refreshed.texts("{DAV:}locktoken") == [token]
    assert an_hour(refreshed)

    assert word(alice, "UNLOCK", contract, Lock_Token=f"<{token}>").status == 204
    assert owners(bob, contract) == []
    # "notify me when it is free": bob's Word asks again
    token = lock(bob, contract, "BOB-PC/bob")
    assert word(bob, "GET", contract).body == SECOND
    # some Windows versions forget the brackets here
    assert word(bob, "UNLOCK", contract, Lock_Token=token).status == 204


def test_lock_is_named_with_the_whole_url(contract: str, serving: Serving, alice: Client) -> None:
    token = lock(alice, contract, "ALICE-PC/alice")
    url = serving.url.rstrip("/") + href(contract)
    assert word(alice, "PUT", contract, SECOND, If=f"<{url}> (<{token}>)").status == 204
    stale = alice.get(contract).headers["ETag"]
    assert word(alice, "PUT", contract, FIRST, If=f"<{url}> (<{token}> [{stale}])").status == 204
    assert word(alice, "PUT", contract, SECOND, If=f"<{url}> (<{token}> [{stale}])").status == 412
    assert (serving.root / contract.strip("/")).read_bytes() == FIRST


def test_new_document(serving: Serving, alice: Client, bob: Client) -> None:
    token = lock(alice, "/new.docx", "ALICE-PC/alice")
    assert (serving.root / "new.docx").read_bytes() == b""
    assert (bob.get("/new.docx").status, bob.get("/new.docx").body) == (200, b"")
    assert bob.propfind("/", "getcontentlength", depth="1").texts("{DAV:}href").count("/new.docx") == 1
    assert word(alice, "PUT", "/new.docx", FIRST, If=f"(<{token}>)").status in (200, 204)
    assert word(alice, "UNLOCK", "/new.docx", Lock_Token=f"<{token}>").status == 204
    assert bob.get("/new.docx").body == FIRST


def test_own_second_computer_is_kept_out(contract: str, serving: Serving, alice: Client) -> None:
    token = lock(alice, contract, "ALICE-PC/alice")
    laptop = Client(serving, "alice")
    assert word(laptop, "LOCK", contract, LOCKINFO, Timeout="Second-3600", Content_Type="text/xml").status == 423
    assert word(laptop, "PUT", contract, SECOND).status == 423
    assert (serving.root / contract.strip("/")).read_bytes() == FIRST
    assert word(alice, "PUT", contract, SECOND, If=f"(<{token}>)").status == 204


def test_refresh_of_a_lock_that_is_gone(contract: str, serving: Serving, alice: Client, bob: Client) -> None:
    # Office 2013 sends the bodiless form even first; after a 412 it asks for a new lock, after a 400 it gives up
    unknown = "urn:uuid:11111111-2222-3333-4444-555555555555"
    assert word(alice, "LOCK", contract, If=f"(<{unknown}>)", Content_Length=0).status == 412
    token = lock(alice, contract, "ALICE-PC/alice")
    assert word(alice, "UNLOCK", contract, Lock_Token=f"<{token}>").status == 204
    assert word(alice, "LOCK", contract, If=f"(<{token}>)", Content_Length=0).status == 412
    # a save that comes after the lock is gone must not overwrite what others have saved since
    assert word(bob, "PUT", contract, SECOND).status == 204
    assert word(alice, "PUT", contract, FIRST, If=f"(<{token}>)").status == 412
    assert (serving.root / contract.strip("/")).read_bytes() == SECOND


def test_open_document_outlives_a_restart(contract: str, serving: Serving, alice: Client, bob: Client) -> None:
    token = lock(alice, contract, "ALICE-PC/alice")
    serving.kill()
    serving.start()
    assert word(bob, "PUT", contract, SECOND).status == 423
    assert word(alice, "LOCK", contract, If=f"(<{token}>)", Timeout="Second-3600", Content_Length=0).status == 200
    assert word(alice, "PUT", contract, SECOND, If=f"(<{token}>)").status == 204
    assert word(alice, "UNLOCK", contract, Lock_Token=f"<{token}>").status == 204
    assert (serving.root / contract.strip("/")).read_bytes() == SECOND


def test_304_is_exact(contract: str, alice: Client) -> None:
    # a stale 304 makes Office open its own old copy read-only
    first = word(alice, "GET", contract)
    fresh = {"If_None_Match": first.headers["ETag"], "If_Modified_Since": first.headers["Last-Modified"]}
    assert word(alice, "GET", contract, **fresh).status == 304
    assert alice.put(contract, SECOND[: len(FIRST)]).status == 204
    again = word(alice, "GET", contract, **fresh)
    assert (again.status, again.body) == (200, SECOND[: len(FIRST)])


def test_owner_file(serving: Serving, contract: str, alice: Client, bob: Client) -> None:
    owner_file = "/Verträge/~$ntract.docx"
    assert redirected(alice, "PROPFIND", owner_file, Depth="0").status == 404
    assert redirected(alice, "PUT", owner_file, b"").status == 201
    token = lock(alice, owner_file, "ALICE-PC\\alice")
    assert redirected(alice, "HEAD", owner_file).headers["Content-Length"] == "0"
    content = b"\x05Alice" + bytes(156)
    assert redirected(alice, "PUT", owner_file, content, If=f"(<{token}>)").status == 204
    set_times(alice, owner_file, token)
    # bob's Word reads in it who has the document
    assert redirected(bob, "GET", owner_file).body == content
    assert redirected(bob, "DELETE", owner_file).status == 423
    assert redirected(alice, "UNLOCK", owner_file, Lock_Token=f"<{token}>").status == 204
    assert redirected(alice, "DELETE", owner_file).status == 204
    assert [entry.name for entry in (serving.root / "Verträge").iterdir()] == ["contract.docx"]


@pytest.mark.parametrize("locked", [False, True], ids=["closed", "locked"])
def test_save_by_dance(serving: Serving, contract: str, alice: Client, bob: Client, locked: bool) -> None:
    """Write a new file, move the original away, move the new one onto its name, delete the original."""
    set_times(alice, contract)
    before = times(alice, contract)
    assert before
    old_etag = alice.get(contract).headers["ETag"]
    token = lock(alice, contract, "ALICE-PC\\alice") if locked else ""
    for _ in swap(alice, contract, SECOND, token):
        pass

    got = bob.get(contract)
    assert got.body == SECOND
    assert got.headers["ETag"] != old_etag
    assert [entry.name for entry in (serving.root / "Verträge").iterdir()] == ["contract.docx"]
    # it is still the same document: what was known of it is known of what has come back to its name
    assert times(bob, contract) == before

    # RFC 4918 7.5: the lock did not travel, and does not come back to shut anybody out
    if locked:
        redirected(alice, "UNLOCK", contract, Lock_Token=f"<{token}>")
    token = lock(alice, contract, "ALICE-PC\\alice")
    assert bob.put(contract, FIRST).status == 423
    assert redirected(alice, "UNLOCK", contract, Lock_Token=f"<{token}>").status == 204
    assert bob.put(contract, FIRST).status == 204


def test_dance_over_the_existing_name(serving: Serving, contract: str, alice: Client, bob: Client) -> None:
    """The shorter one: write a new file and move it over the original, which is locked by oneself."""
    written = "/Verträge/1A2B3C4D.tmp"
    token = lock(alice, contract, "ALICE-PC\\alice")
    assert redirected(alice, "PUT", written, SECOND).status == 201
    destination = {"Destination": serving.url.rstrip("/") + href(contract), "Overwrite": "T"}
    assert redirected(bob, "MOVE", written, **destination).status == 423
    assert redirected(alice, "MOVE", written, **destination).status == 423
    assert (serving.root / contract.strip("/")).read_bytes() == FIRST
    done = redirected(alice, "MOVE", written, If=tagged(alice, contract, token), **destination)
    assert done.status == 204, done
    assert (serving.root / contract.strip("/")).read_bytes() == SECOND
    assert [entry.name for entry in (serving.root / "Verträge").iterdir()] == ["contract.docx"]


def document_id(client: Client, path: str) -> str:
    """The number that the document has, whatever its name and content."""
    asked = '<D:propfind xmlns:D="DAV:"><D:prop><L:id xmlns:L="urn:davlock:"/></D:prop></D:propfind>'
    (id,) = client.request("PROPFIND", path, asked, Depth="0", Content_Type="application/xml").texts("{urn:davlock:}id")
    return id


@pytest.mark.parametrize("locked", [False, True], ids=["closed", "locked"])
@pytest.mark.parametrize("dance", DANCES, ids=lambda dance: dance.__name__)
def test_dance_with_a_document_that_is_checked_out(
    serving: Serving, contract: str, alice: Client, bob: Client, dance: Dance, locked: bool
) -> None:
    alices, bobs = WebDav(serving, "alice"), WebDav(serving, "bob")
    assert bob.put(contract, SECOND).status == 204
    set_times(bob, contract)
    assert alices.check_out(contract) == ""
    history, id, holder, before = bobs.versions(contract), document_id(bob, contract), bobs.holder(contract), times(bob, contract)
    assert len(history) == 2

    for content in (THIRD, FOURTH):  # Word saves whenever somebody presses the key
        token = lock(alice, contract, "ALICE-PC\\alice") if locked else ""
        for is_there in dance(alice, contract, content, token):
            # only while the name is empty can nobody read anything there
            got = bob.get(contract)
            assert (got.status, got.body == SECOND) == ((200, True) if is_there else (404, False)), got
        assert alice.get(contract).body == content
        if locked:  # it was on the URL and has ended with what stood there, unless it was only replaced
            redirected(alice, "UNLOCK", contract, Lock_Token=f"<{token}>")
        assert (bobs.versions(contract), document_id(bob, contract), bobs.holder(contract)) == (history, id, holder)
        assert times(bob, contract) == before
        assert [entry.name for entry in (serving.root / "Verträge").iterdir()] == ["contract.docx"]
        assert (serving.root / contract.strip("/")).read_bytes() == SECOND
        assert "alice" in bobs.save(contract, FIRST)

    assert alices.check_in(contract, "signed") == ""
    assert bob.get(contract).body == FOURTH
    assert document_id(bob, contract) == id
    versions = bobs.versions(contract)
    assert versions[:2] == history
    assert [(each.number, each.who, each.comment) for each in versions[2:]] == [(3, "alice", "signed")]
    assert [bobs.read_version(each) for each in versions] == [FIRST, SECOND, FOURTH]
    assert bobs.save(contract, FIRST) == ""


@pytest.mark.parametrize("dance", DANCES, ids=lambda dance: dance.__name__)
def test_dance_makes_one_version(serving: Serving, contract: str, alice: Client, bob: Client, dance: Dance) -> None:
    bobs = WebDav(serving, "bob")
    assert bob.put(contract, SECOND).status == 204
    history, id = bobs.versions(contract), document_id(bob, contract)
    for is_there in dance(alice, contract, THIRD, ""):
        assert (bob.get(contract).status == 200) == is_there
    assert bob.get(contract).body == THIRD
    assert document_id(bob, contract) == id
    versions = bobs.versions(contract)
    assert versions[:2] == history
    assert [(each.number, each.who) for each in versions[2:]] == [(3, "alice")]
    assert [bobs.read_version(each) for each in versions] == [FIRST, SECOND, THIRD]
    assert [entry.name for entry in (serving.root / "Verträge").iterdir()] == ["contract.docx"]


def test_dance_of_two_people_is_refused_to_one(serving: Serving, contract: str, alice: Client, bob: Client) -> None:
    alices = WebDav(serving, "alice")
    assert alices.check_out(contract) == ""
    written, aside = "/Verträge/~WRD0003.tmp", "/Verträge/~WRL0004.tmp"
    assert redirected(bob, "PUT", written, SECOND).status == 201
    assert redirected(bob, "MOVE", contract, Destination=serving.url.rstrip("/") + href(aside), Overwrite="F").status == 423
    assert redirected(bob, "MOVE", written, Destination=serving.url.rstrip("/") + href(contract), Overwrite="T").status == 423
    assert redirected(bob, "DELETE", contract).status == 423
    assert (serving.root / contract.strip("/")).read_bytes() == FIRST
    assert bob.get(written).body == SECOND, "what he has written is still where he wrote it"


LOCKINFO = (
    '<?xml version="1.0" encoding="utf-8" ?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>'
    "<D:locktype><D:write/></D:locktype><D:owner><D:href>BOB-PC/bob</D:href></D:owner></D:lockinfo>"
)
