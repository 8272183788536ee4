"""How a session begins (MS-FPSE 3.1.5.3): _vti_inf.html, `server version`, `url to web url`, `open service`, byte for byte."""

from __future__ import annotations

import pytest

from tests.fprpc.conftest import ADMIN, AUTHOR, SHTML, VERSION, Rpc
from tests.serving import Client, Raw, Serving

FRONTPAGE = "Mozilla/4.0 (compatible; MS FrontPage 6.0)"
INFORMATION = b"""\
<!-- FrontPage Configuration Information
FPVersion="12.0.0.000"
FPShtmlScriptUrl="_vti_bin/shtml.dll/_vti_rpc"
FPAuthorScriptUrl="_vti_bin/_vti_aut/author.dll"
FPAdminScriptUrl="_vti_bin/_vti_adm/admin.dll"
TPScriptUrl="_vti_bin/owssvr.dll"
-->
"""
SERVER_VERSION = b"""\
<html><head><title>vermeer RPC packet</title></head>
<body>
<p>method=server version:6.0.2.5523
<p>server version=
<ul>
<li>major ver=12
<li>minor ver=0
<li>phase ver=0
<li>ver incr=6219
</ul>
<p>source control=1
</body>
</html>
"""
URL_TO_WEB_URL = b"""\
<html><head><title>vermeer RPC packet</title></head>
<body>
<p>method=url to web url:6.0.2.5523
<p>webUrl=/
<p>fileUrl=Contracts/a&#38;b.doc
</body>
</html>
"""
OPEN_SERVICE = b"""\
<html><head><title>vermeer RPC packet</title></head>
<body>
<p>method=open service:6.0.2.5523
<p>service=
<ul>
<li>service_name=
<li>meta_info=
<ul>
<li>vti_casesensitiveurls
<li>IX|1
<li>vti_longfilenames
<li>IX|1
<li>vti_welcomenames
<li>VX|
<li>vti_username
<li>SX|alice
<li>vti_servertz
<li>SX|+0000
<li>vti_sourcecontrolsystem
<li>SX|lw
<li>vti_sourcecontrolproject
<li>SX|&#60;STS-based Locking&#62;
<li>vti_sourcecontrolcookie
<li>SX|fp_internal
<li>vti_scnoprompt
<li>IX|1
<li>vti_hasfulltextsearch
<li>IX|0
<li>vti_doclibwebviewenabled
<li>IX|0
<li>vti_language
<li>IR|1033
<li>vti_extenderversion
<li>SR|12.0.0.6219
</ul>
</ul>
</body>
</html>
"""


def test_the_page_that_tells_where_the_entrances_are(serving: Serving, alice: Client) -> None:
    # as Word 2003 asks for it (capture): first without a login, and with the length of a body that there is not
    asked = Client(serving).get("/_vti_inf.html", User_Agent=FRONTPAGE, MIME_Version="1.0", Content_Length=0)
    assert asked.status == 401
    assert asked.headers["WWW-Authenticate"].startswith('Basic realm="')
    answer = alice.get("/_vti_inf.html", User_Agent=FRONTPAGE, MIME_Version="1.0", Content_Length=0)
    assert (answer.status, answer.body) == (200, INFORMATION)
    assert answer.headers.get_content_type() == "text/html"
    # With this header Office 2007 would take it for SharePoint, and call services that are not there.
    assert "MicrosoftSharePointTeamServices" not in answer.headers


def test_the_page_is_there_below_every_folder_and_in_any_letter_case(alice: Client, folder: str) -> None:
    for path in (f"/{folder}/_vti_inf.html", "/_VTI_INF.HTML", f"/{folder}/no/such/folder/_vti_inf.html", Raw("/a%20b/_vti_inf.html?x=y")):
        answer = alice.get(path)
        assert (answer.status, answer.body) == (200, INFORMATION), path
    head = alice.request("HEAD", f"/{folder}/_vti_inf.html")
    assert (head.status, head.headers["Content-Length"], head.body) == (200, str(len(INFORMATION)), b"")


def test_the_page_is_not_below_what_is_no_folder(alice: Client) -> None:
    for path in (
        "/../_vti_inf.html",
        "/%2e%2e/_vti_inf.html",
        "/.davlock/_vti_inf.html",
        "/%00/_vti_inf.html",
        "/a%2f..%2fb/_vti_inf.html",
    ):
        answer = alice.request("GET", Raw(path))
        assert answer.status == 404, path
        assert "FPVersion" not in answer.body.decode()


def test_nothing_can_be_stored_where_the_entrances_are(alice: Client, folder: str) -> None:
    # it could not be read again; and it would send those who believe it elsewhere, with their passwords
    for path in (f"/{folder}/_vti_inf.html", "/_VTI_inf.html", f"/{folder}/_vti_bin/a.doc"):
        assert alice.put(path, b"<!-- FrontPage -->").status == 403, path
    assert alice.request("MKCOL", f"/{folder}/_vti_bin").status == 403
    assert alice.get(f"/{folder}/_vti_inf.html").body == INFORMATION


def test_server_version_byte_for_byte(rpc: Rpc) -> None:
    assert rpc("alice", "server version", entrance=SHTML, service_name="/").raw == SERVER_VERSION


def test_the_version_of_the_client_is_repeated_and_that_of_the_server_told(rpc: Rpc) -> None:
    answer = rpc("alice", "server version:15.0.0.4455", entrance=SHTML)
    assert answer.values.text("method") == "server version:15.0.0.4455"
    assert list(answer.values.list("server version").pairs.values()) == ["12", "0", "0", "6219"]
    assert rpc("alice", "server version:", entrance=SHTML).values.text("method") == "server version"


def test_what_server_version_promises_is_there(rpc: Rpc, document: str) -> None:
    assert rpc("alice", "server version").values.text("source control") == "1"
    assert rpc("alice", "checkout document", document_name=document, force=0, timeout=10).status == 0
    assert rpc("alice", "uncheckout document", document_name=document, rlsshortterm="true").status == 0


def test_url_to_web_url_byte_for_byte(rpc: Rpc) -> None:
    assert rpc("alice", "url to web url", entrance=SHTML, url="/Contracts/a&b.doc", flags=0).raw == URL_TO_WEB_URL


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("/", ""),
        ("/a.doc", "a.doc"),
        ("/Verträge/Übersicht 1.doc", "Verträge/Übersicht 1.doc"),
        ("/a/b/", "a/b"),
        ("//a//b.doc", "a/b.doc"),
        ("a/b.doc", "a/b.doc"),
        ("", ""),
        ("/a;b=[c]{d}/<x>&#38;.doc", "a;b=[c]{d}/<x>&#38;.doc"),
        ("/missing/a.doc", "missing/a.doc"),
    ],
)
def test_there_is_one_site_the_root(rpc: Rpc, folder: str, url: str, file: str) -> None:
    for site in ("", f"/{folder}"):
        answer = rpc("alice", "url to web url", site, entrance=SHTML, url=url)
        assert answer.status == 0, answer
        assert (answer.values.text("webUrl"), answer.values.text("fileUrl")) == ("/", file)


def test_an_absolute_url_is_taken_apart_if_it_is_on_this_server(rpc: Rpc, serving: Serving) -> None:
    assert rpc("alice", "url to web url", url=f"{serving.url}a/b.doc").values.text("fileUrl") == "a/b.doc"
    elsewhere = rpc("alice", "url to web url", url="http://example.com/a/b.doc")
    assert (elsewhere.status, "another server" in elsewhere.message) == (589829, True)


@pytest.mark.parametrize(
    "url",
    ["/../etc/passwd", "/a/./b", "/.davlock/state.db", "/_vti_bin/x", "/a%2fb", "/a\\b", "/a\nb", "/a\x7f", "/" + "x" * 256, "/a" * 101],
)
def test_an_impossible_url_is_a_bad_url(rpc: Rpc, url: str) -> None:
    answer = rpc("alice", "url to web url", entrance=SHTML, url=url)
    assert answer.status == 589829
    assert url.encode() not in answer.raw


def test_url_to_web_url_needs_an_url(rpc: Rpc) -> None:
    answer = rpc("alice", "url to web url", entrance=SHTML)
    assert (answer.status, answer.message) == (262150, "The parameter url is missing.")


def test_open_service_byte_for_byte(rpc: Rpc) -> None:
    assert rpc("alice", "open service", service_name="/").raw == OPEN_SERVICE
    # deprecated: what counts is where it was sent
    for name in ("", "/elsewhere", "http://example.com/"):
        assert rpc("alice", "open service", service_name=name).raw == OPEN_SERVICE
    assert rpc("alice", "open service").raw == OPEN_SERVICE


def test_open_service_below_a_folder_names_that(rpc: Rpc, folder: str) -> None:
    service = rpc("bob", "open service", f"/{folder}", service_name=f"/{folder}").values.list("service")
    assert service.text("service_name") == f"/{folder}"
    assert service.list("meta_info").meta()["vti_username"].text == "bob"


def test_open_service_of_what_is_no_folder(rpc: Rpc, document: str) -> None:
    for site in ("/missing", f"/{document}"):
        answer = rpc("alice", "open service", site)
        assert (answer.status, answer.message) == (589829, "There is no such folder on this server."), site


@pytest.mark.parametrize("entrance", [SHTML, AUTHOR, ADMIN])
def test_every_method_is_known_at_every_entrance(rpc: Rpc, entrance: str) -> None:
    for method in ("server version", "open service"):
        assert rpc("alice", method, entrance=entrance).values.text("method") == f"{method}:{VERSION}"
