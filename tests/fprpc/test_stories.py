"""Whole sessions of Office, in the bytes that it sends (fprpc.md §j: a capture of Word 2003; a script modelled on Office 2007)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from davlock.fprpc.values import parse_time
from tests.dav.stories import locks_on
from tests.fprpc.conftest import AUTHOR, FORM, SHTML, VERMEER, Rpc
from tests.serving import Answer, Client, Raw, Serving

BROWSER = "Mozilla/4.0 (compatible; MS FrontPage 6.0)"
TIME = r"\d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d -0000"
GUID = r"[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}"
# What is at the beginning and at the end of each packet; %s is a method with the version of the client.
HEAD = "<html><head><title>vermeer RPC packet</title></head>\n<body>\n<p>method=%s\n"
FOOT = "</body>\n</html>\n"
META = """\
<li>vti_title
<li>SW|report
<li>vti_timecreated
<li>TR|TIME
<li>vti_timelastmodified
<li>TR|TIME
<li>vti_timelastwritten
<li>TR|TIME
<li>vti_filesize
<li>IR|SIZE
<li>vti_rtag
<li>SW|rt:GUID@COUNTER
<li>vti_etag
<li>SW|&#34;&#123;GUID&#125;,CHANGE&#34;
AUTHOR<li>vti_canmaybeedit
<li>BX|true
<li>vti_sourcecontrolversion
<li>SR|VERSION
<li>vti_sourcecontrolcookie
<li>SR|fp_internal
HOLDER"""
AUTHORED = "<li>vti_author\n<li>SR|alice\n<li>vti_modifiedby\n<li>SR|alice\n"
HELD = """\
<li>vti_sourcecontrolcheckedoutby
<li>SR|alice
<li>vti_sourcecontroltimecheckedout
<li>TR|TIME
<li>vti_sourcecontrolmultiuserchkoutby
<li>VR|alice
"""
EXPIRES = "<li>vti_sourcecontrollockexpires\n<li>TR|TIME\n"


def document_info(size: int, version: str, authored: bool, holder: str) -> str:
    """A METADICT as it is printed; what differs from run to run stays a word in capitals."""
    filled = META.replace("SIZE", str(size)).replace("VERSION", version)
    return filled.replace("AUTHOR", AUTHORED if authored else "").replace("HOLDER", holder)


def assert_bytes(body: bytes, expected: str) -> re.Match[str]:
    """That a packet is this, byte for byte; TIME, GUID, COUNTER and CHANGE stand for what only the server can know."""
    words = {"TIME": f"({TIME})", "GUID": GUID, "COUNTER": r"\d{11}", "CHANGE": r"\d+"}
    pattern = re.sub("|".join(words), lambda word: words[word[0]], re.escape(expected).replace(r"\-", "-"))
    found = re.fullmatch(pattern, body.decode("ascii"))
    assert found, f"{body.decode()}\n--- is not ---\n{expected}"
    return found


class Office:
    """A program of somebody, which sends its requests as they are written."""

    def __init__(self, client: Client, agent: str, kind: str) -> None:
        self.client, self.agent, self.kind = client, agent, kind

    def post(self, entrance: str, body: bytes, kind: str = "") -> bytes:
        kind = kind or self.kind
        answer = self.client.request(
            "POST", entrance, body, Content_Type=kind, X_Vermeer_Content_Type=kind, User_Agent=self.agent, MIME_Version="1.0",
            Accept="auth/sicily", Cache_Control="no-cache",
        )  # fmt: skip
        assert (answer.status, answer.headers["Content-Type"]) == (200, "application/x-vermeer-rpc")
        return answer.body

    def dialog(self, method: str, query: str) -> int:
        return self.client.request(method, Raw(f"/_vti_bin/owssvr.dll?{query}"), User_Agent="Test for Web Form Existence").status


def test_word_2003_opens_saves_and_closes(serving: Serving, document: str, disk: Path, alice: Client, bob: Client) -> None:
    folder, url = document.rpartition("/")[0], document.replace("-", "%2d").replace("/", "%2f").replace(".", "%2e").encode()
    version = b"%3a6%2e0%2e2%2e5523"

    def look_around(client: Client) -> Answer:
        return client.request("GET", "/_vti_inf.html", User_Agent=BROWSER, Accept="auth/sicily", MIME_Version="1.0", Content_Length="0")

    refused = look_around(Client(serving))
    assert (refused.status, refused.headers["WWW-Authenticate"].split()[0]) == (401, "Basic")
    information = look_around(alice)
    assert information.status == 200
    assert b'FPAuthorScriptUrl="_vti_bin/_vti_aut/author.dll"\n' in information.body

    word = Office(alice, "MSFrontPage/6.0", FORM)
    packet = word.post(SHTML, b"method=server+version" + version + b"\n").decode()
    assert packet.startswith(HEAD % "server version:6.0.2.5523")
    assert "<p>source control=1\n" in packet
    packet = word.post(AUTHOR, b"method=open+service" + version + b"&service%5fname=%2f\n").decode()
    assert packet.startswith(HEAD % "open service:6.0.2.5523" + "<p>service=\n<ul>\n<li>service_name=\n<li>meta_info=\n<ul>\n")
    for method in ("HEAD", "GET"):
        assert word.dialog(method, f"location={folder}&dialogview=FileOpen&FileDialogFilterValue=*.doc;*.dot") == 410

    body = b"&service%5fname=&document%5fname=" + url + b"&old%5ftheme%5fhtml=false&force=true&get%5foption="
    opened = word.post(AUTHOR, b"method=get+document" + version + body + b"chkoutExclusive&doc%5fversion=&timeout=10\n")
    info = document_info(3, "V1.0", False, HELD + EXPIRES)
    told = f"<p>message=successfully retrieved document '{document}' from '{document}'\n"
    described = f"<p>document=\n<ul>\n<li>document_name={document}\n<li>meta_info=\n<ul>\n%s</ul>\n</ul>\n"
    found = assert_bytes(opened, HEAD % "get document:6.0.2.5523" + told + described % info + FOOT + "old")
    created, stamp, written, since, expires = (parse_time(each) for each in found.groups())
    assert expires - since == 600
    (lock,) = locks_on(bob, f"/{document}")
    assert (lock.holder, lock.door, lock.timeout.startswith("Second-")) == ("alice", "fprpc", True)
    assert bob.put(f"/{document}", b"bob was here").status == 423

    absolute = f"{serving.url}{document}".replace(":", "%3a").encode()
    asked = b"&url%5flist=%5b" + absolute + b"%5d&listHiddenDocs=false&listLinkInfo=false\n"
    packet = word.post(AUTHOR, b"method=getDocsMetaInfo" + version + asked).decode()
    assert "<li>vti_sourcecontrolcheckedoutby\n<li>SR|alice\n" in packet
    for service in ("webs", "dws"):
        assert alice.request("POST", f"/_vti_bin/{service}.asmx", b"<soap/>", Content_Type="text/xml").status == 404
    assert word.dialog("HEAD", f"location={folder}&dialogview=SaveForm") == 410

    sent_back = found[2].replace(" ", "+").replace(":", "%3a").replace("-0000", "%2d0000").encode()
    info_sent = b"&document=%5bdocument%5fname%3d" + url + b"%3bmeta%5finfo%3d%5bvti%5ftimelastmodified%3bTW%7c" + sent_back + b"%5d%5d"
    save = b"method=put+document" + version + b"&service%5fname=" + info_sent + b"&put%5foption=edit&comment=&keep%5fchecked%5fout=false\n"
    saved = word.post(AUTHOR, save + b"new\ncontent\n&=", VERMEER)
    info = document_info(14, "V2.0", True, HELD + EXPIRES)
    told = f"<p>message=successfully put document '{document}' as '{document}'\n"
    found = assert_bytes(saved, HEAD % "put document:6.0.2.5523" + told + described % info + FOOT)
    assert parse_time(found[2]) > stamp
    assert [parse_time(found[4]), parse_time(found[5])] == [since, expires], "a save changes neither"
    assert (disk / "report.doc").read_bytes() == b"new\ncontent\n&="
    # the stamp of the first state is used up
    assert b"<li>status=589826\n<li>osstatus=0\n<li>msg=" in word.post(AUTHOR, save + b"old state", VERMEER)

    close = b"&service%5fname=&document%5fname=" + url + b"&force=false&time%5fchecked%5fout=&rlsshortterm=true\n"
    closed = word.post(AUTHOR, b"method=uncheckout+document" + version + close)
    info = document_info(14, "V2.0", True, "")
    assert_bytes(closed, HEAD % "uncheckout document:6.0.2.5523" + f"<p>meta_info=\n<ul>\n{info}</ul>\n" + FOOT)
    assert locks_on(bob, f"/{document}") == []
    assert bob.put(f"/{document}", b"bob is next").status == 204


def test_office_2007_checks_out_refreshes_and_checks_in(document: str, disk: Path, alice: Client, bob: Client) -> None:
    """With the vermeer type for everything, and versions of its own."""
    url = document.encode()
    office, method = Office(alice, "MSFrontPage/12.0", VERMEER), b"method=%s:12.0.0.6211&service_name=&document_name=" + url
    packet = office.post(SHTML, b"method=url+to+web+url:12.0.0.6211&url=%2f" + url + b"&flags=0\n").decode()
    assert packet == HEAD % "url to web url:12.0.0.6211" + f"<p>webUrl=/\n<p>fileUrl={document}\n" + FOOT
    office.post(AUTHOR, b"method=open+service:12.0.0.6211&service_name=%2f\n")

    def described(name: str, size: int, version: str, authored: bool, holder: str) -> str:
        return HEAD % f"{name}:12.0.0.6211" + f"<p>meta_info=\n<ul>\n{document_info(size, version, authored, holder)}</ul>\n" + FOOT

    # for long, as the menu has it; and while it is open
    packet_bytes = office.post(AUTHOR, method % b"checkout+document" + b"&force=0&timeout=0\n")
    assert_bytes(packet_bytes, described("checkout document", 3, "V1.0", False, HELD))
    packet_bytes = office.post(AUTHOR, method % b"checkout+document" + b"&force=0&timeout=10\n")
    first = assert_bytes(packet_bytes, described("checkout document", 3, "V1.0", False, HELD + EXPIRES))
    again = office.post(AUTHOR, method % b"checkout+document" + b"&force=0&timeout=10\n").decode()
    refusal = re.fullmatch(
        re.escape(HEAD % "checkout document:12.0.0.6211" + "<p>status=\n<ul>\n<li>status=589838\n<li>osstatus=0\n<li>msg=")
        + r"report\.doc is open for editing by yourself, .*\. Close it there, or try again after that time\.\n<li>osmsg=\n</ul>\n"
        + re.escape(FOOT),
        again,
    )
    assert refusal, again
    packet_bytes = office.post(AUTHOR, method % b"checkout+document" + b"&force=2&timeout=30\n")
    refreshed = assert_bytes(packet_bytes, described("checkout document", 3, "V1.0", False, HELD + EXPIRES))
    assert 1190 <= parse_time(refreshed[5]) - parse_time(first[5]) <= 1300
    assert refreshed[4] == first[4]

    opened = office.post(AUTHOR, method % b"get+document" + b"&get_option=none&doc_version=&timeout=10&force=true\n")
    assert opened.endswith(FOOT.encode() + b"old")
    stamp = refreshed[2].replace(" ", "+").encode()
    sent = b"&document=[document_name=" + url + b";meta_info=[vti_timelastmodified;TW|" + stamp + b"]]&put_option=edit&comment=\n"
    saved = office.post(AUTHOR, b"method=put+document:12.0.0.6211&service_name=" + sent + b"draft")
    assert b"<li>vti_sourcecontrolcheckedoutby\n<li>SR|alice\n" in saved
    assert bob.get(f"/{document}").body == b"old"
    early = office.post(AUTHOR, method % b"checkin+document" + b"&comment=x&keep_checked_out=false\n")
    assert b"<li>status=589838\n" in early

    assert b"<p>status=" not in office.post(AUTHOR, method % b"uncheckout+document" + b"&force=false&rlsshortterm=true\n")
    comment = b"&comment=Zahlen+f%c3%bcr+Q3&keep_checked_out=false\n"
    checked_in = office.post(AUTHOR, method % b"checkin+document" + comment)
    assert_bytes(checked_in, described("checkin document", 5, "V2.0", True, ""))
    assert (disk / "report.doc").read_bytes() == b"draft"
    assert bob.put(f"/{document}", b"bob is next").status == 204


@pytest.mark.parametrize("version", ["4.0.2.4719", "6.0.2.5523", "12.0.0.6211", "14.0.0.6009", "15.0.0.4455"])
def test_the_version_of_the_client_comes_back(rpc: Rpc, document: str, version: str) -> None:
    for answer in (
        rpc("alice", f"checkout document:{version}", document_name=document, timeout=10),
        rpc("bob", f"checkout document:{version}", document_name=document, timeout=10),
    ):
        assert answer.values.text("method") == f"checkout document:{version}"


def test_what_office_shows_of_somebody_elses_checkout_is_text(rpc: Rpc, serving: Serving, folder: str) -> None:
    """A name with markup in it, in the answer and in the sentence."""
    name = f"{folder}/<b>&quot;[1];{{x}}=ä.doc"
    (serving.root / name).write_bytes(b"old")
    assert rpc("alice", "get document", document_name=name, get_option="chkoutExclusive", timeout=10).status == 0
    refused = rpc("bob", "get document", document_name=name, get_option="chkoutExclusive", timeout=10)
    assert b"<b>" not in refused.raw
    assert name.rpartition("/")[2] in refused.message
