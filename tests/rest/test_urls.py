"""Where documents are: GET …/Url and GetDocumentUrl (rest.md §7)."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.rest.conftest import Api, Stored, stored
from tests.serving import Raw


def root(api: Api) -> str:
    return api.serving.url.rstrip("/")


def check_leads_to(api: Api, url: str, content: bytes) -> None:
    answer = api.client("bob").request("GET", Raw(urlsplit(url).path))
    assert (answer.status, answer.body) == (200, content)


@pytest.mark.parametrize("writeable", ["true", "false"])
def test_the_url_of_a_document_is_its_webdav_one(api: Api, document: Stored, writeable: str) -> None:
    url = api("bob", "GET", f"/Document/{document.id}/Url?writeableUrl={writeable}")
    assert url == root(api) + document.path
    check_leads_to(api, url, b"one")
    body = {"documentId": document.id, "versionId": "", "writeableUrl": writeable == "true"}
    assert api("bob", "POST", "/Agents/Document/GetDocumentUrl", body) == url


@pytest.mark.parametrize("name", ["Bericht für Öl & Gas.docx", "100% (1)|a.docx", "#1?.docx", "a'b\"c.docx"])
def test_names_are_escaped(api: Api, folder: Path, name: str) -> None:
    document = stored(api, f"/{folder.name}/{name}")
    url = api("bob", "GET", f"/Document/{document.id}/Url")
    assert url.isascii() and not set(url) & set(' "|#?<>')
    check_leads_to(api, url, b"one")


def test_the_url_is_on_the_host_that_the_client_has_asked(api: Api, document: Stored) -> None:
    url = api("bob", "GET", f"/Document/{document.id}/Url", Host="documents.example.com:8443")
    scheme = "https" if api.serving.is_encrypted else "http"
    assert url == f"{scheme}://documents.example.com:8443{document.path}"


def test_urls_of_versions(api: Api, document: Stored) -> None:
    api.client("alice").put(document.path, b"two")
    for number, content in (("1", b"one"), ("2", b"two")):
        url = api("bob", "GET", f"/Document/{document.id}/Url?versionId={number}")
        assert url == f"{root(api)}/_davlock/versions/{document.id}/{number}"
        check_leads_to(api, url, content)
        assert api("bob", "POST", "/Agents/Document/GetDocumentUrl", {"documentId": document.id, "versionId": number}) == url
    assert api("bob", "GET", f"/Document/{document.id}/Url?versionId=1&writeableUrl=true") == "", "a version never changes"
    for none in ("3", "0", "-1", "x", "1%20", "01"):
        api.refused(404, "bob", "GET", f"/Document/{document.id}/Url?versionId={none}")


@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        ("a.docx", "ms-word"), ("a.DOC", "ms-word"), ("a.rtf", "ms-word"), ("a.xlsx", "ms-excel"), ("a.xlsb", "ms-excel"),
        ("a.pptx", "ms-powerpoint"), ("a.vsdx", "ms-visio"), ("a.mpp", "ms-project"), ("a.accdb", "ms-access"), ("a.pub", "ms-publisher"),
    ],
)  # fmt: skip
def test_the_uri_that_opens_it_in_office(api: Api, folder: Path, name: str, scheme: str) -> None:
    document = stored(api, f"/{folder.name}/{name}")
    url = f"{root(api)}{document.path}"
    assert api("bob", "GET", f"/Document/{document.id}/Url?office=true&writeableUrl=true") == f"{scheme}:ofe|u|{url}"
    assert api("bob", "GET", f"/Document/{document.id}/Url?office=true") == f"{scheme}:ofv|u|{url}"
    body = {"documentId": document.id, "office": True, "writeableUrl": True}
    assert api("bob", "POST", "/Agents/Document/GetDocumentUrl", body) == f"{scheme}:ofe|u|{url}"


@pytest.mark.parametrize("name", ["a.pdf", "docx", "a.docx.zip", "a."])
def test_for_what_office_does_not_open_there_is_none(api: Api, folder: Path, name: str) -> None:
    document = stored(api, f"/{folder.name}/{name}")
    assert api("bob", "GET", f"/Document/{document.id}/Url?office=true") == ""


def test_numbers_and_parameters_that_make_no_sense(api: Api, document: Stored) -> None:
    api.refused(404, "bob", "GET", "/Document/2147483647/Url")
    assert api("bob", "POST", "/Agents/Document/GetDocumentUrl", {"documentId": 2**31 - 1}) is None
    api.refused(400, "bob", "GET", f"/Document/{document.id}/Url?writeableUrl=perhaps")
