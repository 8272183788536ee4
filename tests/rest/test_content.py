"""The content of documents, read and deleted: GET and DELETE …/Content and the agent's operations (rest.md §4, §7, §10, §15)."""

from __future__ import annotations

import base64
import email.utils
import json
import os
from pathlib import Path

import pytest

from davlock import paths
from tests.rest.conftest import Api, Stored, number, stored
from tests.serving import Answer

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
NONE_OF_ITS_KIND = 2**31 - 1


def content(api: Api, user: str, document: Stored, query: str = "", **headers: str) -> Answer:
    return api.ask(user, "GET", f"/Document/{document.id}/Content{query}", **headers)


def check_out(api: Api, user: str, document: Stored) -> None:
    assert api(user, "POST", f"/Document/{document.id}/Lock")["Success"]


def save(api: Api, user: str, document: Stored, new: bytes) -> None:
    api(user, "PUT", f"/Document/{document.id}/Content", new, Content_Type="application/octet-stream")


def delete(api: Api, user: str, document: Stored) -> None:
    assert api(user, "DELETE", f"/Document/{document.id}/Content")["Success"]


@pytest.mark.parametrize("accept", ["", "*/*", "application/octet-stream", DOCX, "application/*", "application/json, text/plain, */*"])
@pytest.mark.parametrize("route", ["Content", "SanitizedContent"])
def test_the_bytes_with_the_type_of_the_file(api: Api, document: Stored, accept: str, route: str) -> None:
    answer = api.ask("bob", "GET", f"/Document/{document.id}/{route}", Accept=accept)
    assert (answer.status, answer.body) == (200, b"one")
    assert answer.headers["Content-Type"] == DOCX
    assert answer.headers["Content-Length"] == "3"


@pytest.mark.parametrize("accept", ["application/json", "application/json; charset=utf-8", "text/json", "application/json, */*;q=0.5"])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 256 * 1024 + 1])
def test_json_is_a_string_of_base64(api: Api, folder: Path, accept: str, size: int) -> None:
    data = os.urandom(size)
    document = stored(api, f"/{folder.name}/data.json", data)
    answer = content(api, "bob", document, Accept=accept)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert base64.b64decode(json.loads(answer.body), validate=True) == data
    assert int(answer.headers["Content-Length"]) == len(answer.body)


def test_what_a_client_does_not_accept_is_406(api: Api, document: Stored) -> None:
    for accept in ("text/html", "image/*", "*/*;q=0"):
        assert DOCX in api.refused(406, "alice", "GET", f"/Document/{document.id}/Content", Accept=accept)["ErrorMessage"]


def test_nothing_is_shown_by_a_browser_in_the_name_of_this_server(api: Api, folder: Path) -> None:
    document = stored(api, f"/{folder.name}/page.html", b"<script>alert(1)</script>")
    for method in ("GET", "HEAD"):
        headers = api.ask("bob", method, f"/Document/{document.id}/Content").headers
        assert headers["Content-Disposition"] == 'attachment; filename="page.html"'
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        ("Bericht für Öl.txt", "attachment; filename=\"Bericht f_r _l.txt\"; filename*=UTF-8''Bericht%20f%C3%BCr%20%C3%96l.txt"),
        ('a"b.txt', "attachment; filename=\"a_b.txt\"; filename*=UTF-8''a%22b.txt"),
        ("100%41.txt", "attachment; filename=\"100_41.txt\"; filename*=UTF-8''100%2541.txt"),
        ("a;b=c'd.txt", 'attachment; filename="a;b=c\'d.txt"'),
    ],
)
def test_it_is_saved_under_its_name(api: Api, folder: Path, name: str, disposition: str) -> None:
    document = stored(api, f"/{folder.name}/{name}")
    assert content(api, "bob", document).headers["Content-Disposition"] == disposition


def test_head_tells_the_same_without_the_bytes(api: Api, document: Stored) -> None:
    for accept in ("*/*", "application/json"):
        got, told = (api.ask("bob", method, f"/Document/{document.id}/Content", Accept=accept) for method in ("GET", "HEAD"))
        assert (told.status, told.body) == (200, b"")
        assert dict(told.headers) | {"Date": ""} == dict(got.headers) | {"Date": ""}


def test_no_answer_keeps_the_document_open(api: Api, document: Stored) -> None:
    """Least of all one without the content."""
    assert api.serving._process
    parent = api.serving._process.pid
    pids = [parent, *map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split())]

    def opened() -> int:
        files = (each for pid in pids for each in Path(f"/proc/{pid}/fd").iterdir())
        return sum(os.path.realpath(each).endswith("report.docx") for each in files)

    for method in ("GET", "HEAD"):
        for headers in (
            {},
            {"Accept": "application/json"},
            {"Accept": "text/html"},
            {"If_None_Match": "*"},
            {"If_Match": '"other"'},
            {"If_Match": "no tag"},
            {"Range": "bytes=10-"},
        ):
            api.ask("bob", method, f"/Document/{document.id}/Content", **headers)
        api.ask("bob", method, f"/Document/{document.id}/Length")
    api.ask("bob", "POST", "/Agents/Document/VerifyGetDocumentStream", {"documentId": document.id})
    assert opened() == 0


def test_the_entity_tag_is_that_of_webdav(api: Api, document: Stored) -> None:
    over_webdav, here = api.client("bob").get(document.path), content(api, "bob", document)
    assert here.headers["ETag"] == over_webdav.headers["ETag"]
    assert here.headers["Last-Modified"] == over_webdav.headers["Last-Modified"]


def test_conditions_of_a_reader(api: Api, document: Stored) -> None:
    headers = content(api, "bob", document).headers
    etag, modified = headers["ETag"], headers["Last-Modified"]
    before = email.utils.formatdate(email.utils.parsedate_to_datetime(modified).timestamp() - 1, usegmt=True)
    assert content(api, "bob", document, If_None_Match=etag).status == 304
    assert content(api, "bob", document, If_None_Match=etag, Accept="application/json").status == 304
    assert content(api, "bob", document, If_None_Match='"other"').status == 200
    assert content(api, "bob", document, If_Modified_Since=modified).status == 304
    assert content(api, "bob", document, If_Modified_Since=before).status == 200
    assert content(api, "bob", document, If_Modified_Since="yesterday").status == 200
    assert content(api, "bob", document, If_Match=etag).status == 200
    api.refused(412, "bob", "GET", f"/Document/{document.id}/Content", If_Match='"other"')
    api.refused(412, "bob", "GET", f"/Document/{document.id}/Content", If_Unmodified_Since=before)
    api.refused(400, "bob", "GET", f"/Document/{document.id}/Content", If_None_Match="not quoted")
    not_modified = content(api, "bob", document, If_None_Match=etag)
    assert (not_modified.body, not_modified.headers["ETag"]) == (b"", etag)
    assert "Content-Disposition" not in not_modified.headers


def test_ranges(api: Api, folder: Path) -> None:
    document = stored(api, f"/{folder.name}/digits.bin", b"0123456789")
    part = content(api, "bob", document, Range="bytes=2-4")
    assert (part.status, part.body, part.headers["Content-Range"]) == (206, b"234", "bytes 2-4/10")
    assert content(api, "bob", document, Range="bytes=-1").body == b"9"
    several = content(api, "bob", document, Range="bytes=0-0,9-9")
    assert several.headers["Content-Type"].startswith("multipart/byteranges")
    behind = api.ask("bob", "GET", f"/Document/{document.id}/Content", Range="bytes=10-")
    assert (behind.status, behind.headers["Content-Range"]) == (416, "bytes */10")
    assert json.loads(behind.body)["Error"] is True
    assert content(api, "bob", document, Range="bytes=2-4", If_Range='"other"').body == b"0123456789"
    as_json = content(api, "bob", document, Range="bytes=2-4", Accept="application/json")
    assert base64.b64decode(json.loads(as_json.body)) == b"0123456789"
    assert "Accept-Ranges" not in as_json.headers


def test_the_holder_sees_his_draft_and_nobody_else_does(api: Api, document: Stored) -> None:
    check_out(api, "alice", document)
    save(api, "alice", document, b"alice's draft")
    assert content(api, "alice", document).body == b"alice's draft"
    assert content(api, "bob", document).body == b"one"
    assert content(api, "alice", document).headers["ETag"] != content(api, "bob", document).headers["ETag"]
    for user, size in (("alice", 13), ("bob", 3)):
        assert api(user, "GET", f"/Document/{document.id}/Length") == size
        assert api(user, "POST", "/Agents/Document/GetDocumentLength", {"DocumentId": document.id}) == size
    assert api("alice", "PUT", f"/Document/{document.id}/Lock")["Success"]
    assert content(api, "bob", document).body == b"alice's draft"


def test_versions(api: Api, document: Stored) -> None:
    tag = content(api, "bob", document).headers["ETag"]
    save(api, "alice", document, b"second")
    for query in ("?versionId=1", "?VERSIONID=1"):
        assert content(api, "bob", document, query).body == b"one"
    assert content(api, "bob", document, "?versionId=1").headers["ETag"] == tag
    assert content(api, "bob", document, "?versionId=2").body == b"second"
    assert content(api, "bob", document, "?versionId=").body == b"second"
    assert content(api, "bob", document, "?versionId=1", If_None_Match=tag).status == 304
    assert api("bob", "GET", f"/Document/{document.id}/Length?versionId=1") == 3
    assert api("bob", "POST", "/Agents/Document/GetDocumentLength", {"DocumentId": document.id, "VersionId": "1"}) == 3
    stream = {"documentId": document.id, "versionId": "1"}
    assert api.ask("bob", "POST", "/Agents/Document/GetDocumentStream", stream, Accept="application/octet-stream").body == b"one"


def test_of_a_new_document_there_is_no_version_before_its_check_in(api: Api, folder: Path) -> None:
    made = api("alice", "POST", "/Document", {"Name": "new.docx", "Path": f"/{folder.name}"})
    document = Stored(f"/{folder.name}/new.docx", made["DocumentId"])
    save(api, "alice", document, b"draft")
    assert content(api, "bob", document).body == b""
    api.refused(404, "bob", "GET", f"/Document/{document.id}/Content?versionId=1")
    assert api("alice", "PUT", f"/Document/{document.id}/Lock")["VersionId"] == "1"
    assert content(api, "bob", document, "?versionId=1").body == b"draft"


@pytest.mark.parametrize("version", ["2", "0", "-1", "01", "1.0", "+1", "%201", "1_0", "%D9%A1", "x", "99999999999999999999"])
def test_versions_that_are_not_there(api: Api, document: Stored, version: str) -> None:
    api.refused(404, "bob", "GET", f"/Document/{document.id}/Content?versionId={version}")
    api.refused(404, "bob", "GET", f"/Document/{document.id}/Length?versionId={version}")


@pytest.mark.parametrize("id", ["0", "-1", "01x", "2147483648", "99999999999999999999", "%D9%A1", "x", str(NONE_OF_ITS_KIND)])
@pytest.mark.parametrize("route", ["Content", "SanitizedContent", "Length"])
def test_numbers_that_are_those_of_no_document(api: Api, id: str, route: str) -> None:
    api.refused(404, "bob", "GET", f"/Document/{id}/{route}")


def test_a_folder_is_no_document(api: Api, folder: Path) -> None:
    api.refused(404, "bob", "GET", f"/Document/{stored_folder(api, folder)}/Content")


def stored_folder(api: Api, folder: Path) -> int:
    api.client("alice").request(
        "PROPPATCH",
        f"/{folder.name}",
        '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x xmlns="y">z</x></D:prop></D:set></D:propertyupdate>',
        Content_Type="application/xml",
    )
    return number(api, f"/{folder.name}")


def test_it_is_the_document_and_not_the_path_that_is_read(api: Api, document: Stored, folder: Path) -> None:
    to = f"/{folder.name}/moved.docx"
    assert api.client("alice").request("MOVE", document.path, Destination=api.serving.url.rstrip("/") + to).status == 201
    assert api.client("bob").put(document.path, b"another one").status == 201
    assert content(api, "bob", document).body == b"one"
    assert "moved.docx" in content(api, "bob", document).headers["Content-Disposition"]


def test_what_another_program_wrote_is_read(api: Api, document: Stored, folder: Path) -> None:
    (folder / "report.docx").write_bytes(b"from outside")
    assert content(api, "bob", document).body == b"from outside"
    (folder / "report.docx").unlink()
    api.refused(404, "bob", "GET", f"/Document/{document.id}/Content")


STREAMS = ["GetDocumentStream", "GetSanitizedDocumentStream", "GetDocumentStreamFromEntity"]


def asked(operation: str, id: int) -> dict[str, object]:
    return {"documentEntity": {"documentId": id, "name": "x"}} if operation.endswith("Entity") else {"documentId": id}


@pytest.mark.parametrize("operation", STREAMS)
def test_streams_of_the_agent(api: Api, document: Stored, operation: str) -> None:
    body = asked(operation, document.id)
    headers = {"Accept": "application/octet-stream", "If_None_Match": "*", "Range": "bytes=0-0"}
    raw = api.ask("bob", "POST", f"/Agents/Document/{operation}", body, **headers)
    assert (raw.status, raw.body, raw.headers["Content-Type"]) == (200, b"one", DOCX)
    assert api("bob", "POST", f"/Agents/Document/{operation}", body, Accept="application/json") == "b25l"


@pytest.mark.parametrize("operation", STREAMS)
def test_what_is_not_there_is_null_to_the_agent_unless_that_would_be_content(api: Api, operation: str) -> None:
    body = asked(operation, NONE_OF_ITS_KIND)
    assert api("bob", "POST", f"/Agents/Document/{operation}", body, Accept="application/json") is None
    api.refused(404, "bob", "POST", f"/Agents/Document/{operation}", body, Accept="application/octet-stream")


def test_verifying_that_there_is_a_stream(api: Api, document: Stored) -> None:
    operation = "/Agents/Document/VerifyGetDocumentStream"
    assert api.ask("bob", "POST", operation, {"documentId": document.id}).status == 204
    api.refused(404, "bob", "POST", operation, {"documentId": NONE_OF_ITS_KIND})
    delete(api, "alice", document)
    api.refused(404, "bob", "POST", operation, {"documentId": document.id})


# deleting


@pytest.mark.parametrize("flavour", ["rest", "agent"])
def test_after_deletion_there_is_no_content_until_something_is_saved(api: Api, document: Stored, folder: Path, flavour: str) -> None:
    tag = content(api, "bob", document).headers["ETag"]
    if flavour == "rest":
        told = api("alice", "DELETE", f"/Document/{document.id}/Content?allowedReturnType=Message")
    else:
        told = api("alice", "POST", "/Agents/Document/DeletePhysicalDocument", {"documentId": document.id, "allowedReturnType": ["None"]})
    assert told["Success"] is True
    assert (told["Type"], told["Value"]) == ("None", "")
    for method in ("GET", "HEAD"):
        assert api.ask("alice", method, f"/Document/{document.id}/Content").status == 404
    for route in ("Content?versionId=2", "SanitizedContent", "Length"):
        api.refused(404, "bob", "GET", f"/Document/{document.id}/{route}")
    assert api("bob", "GET", f"/Document/{document.id}")["Name"] == "report.docx"
    assert content(api, "bob", document, "?versionId=1").body == b"one"
    over_webdav = api.client("bob").get(document.path)
    assert (over_webdav.status, over_webdav.body) == (200, b"")
    assert (folder / "report.docx").read_bytes() == b""
    assert over_webdav.headers["ETag"] != tag
    save(api, "bob", document, b"two")
    assert content(api, "alice", document).body == b"two"
    assert [each["VersionId"] for each in api("bob", "GET", f"/Document/{document.id}/Version")] == ["1", "2", "3"]


def test_what_is_saved_may_be_empty_as_well(api: Api, document: Stored) -> None:
    delete(api, "alice", document)
    save(api, "bob", document, b"")
    answer = content(api, "bob", document)
    assert (answer.status, answer.body) == (200, b"")


def test_deleting_twice_changes_nothing(api: Api, document: Stored) -> None:
    delete(api, "alice", document)
    delete(api, "bob", document)
    assert len(api("bob", "GET", f"/Document/{document.id}/Version")) == 2


def test_what_was_deleted_stays_so_under_another_name(api: Api, document: Stored, folder: Path) -> None:
    delete(api, "alice", document)
    to = f"{api.serving.url}{folder.name}/moved.docx"
    assert api.client("alice").request("MOVE", document.path, Destination=to).status == 201
    api.refused(404, "bob", "GET", f"/Document/{document.id}/Content")


def test_what_another_program_saves_is_content_again(api: Api, document: Stored, folder: Path) -> None:
    delete(api, "alice", document)
    (folder / "report.docx").write_bytes(b"from outside")
    assert content(api, "bob", document).body == b"from outside"


def test_the_draft_of_a_document_without_content(api: Api, document: Stored) -> None:
    delete(api, "alice", document)
    check_out(api, "alice", document)
    api.refused(404, "alice", "GET", f"/Document/{document.id}/Content")
    save(api, "alice", document, b"draft")
    assert content(api, "alice", document).body == b"draft"
    api.refused(404, "bob", "GET", f"/Document/{document.id}/Content")
    assert api("alice", "DELETE", f"/Document/{document.id}/Lock")["Success"]
    api.refused(404, "alice", "GET", f"/Document/{document.id}/Content")


@pytest.mark.parametrize("user", ["alice", "bob"])
def test_what_anybody_has_checked_out_is_not_deleted(api: Api, document: Stored, user: str) -> None:
    check_out(api, "alice", document)
    told = api(user, "DELETE", f"/Document/{document.id}/Content")
    assert (told["Success"], told["Type"]) == (False, "Message")
    assert ("alice" if user == "bob" else "you") in told["Value"].lower()
    told = api(user, "DELETE", f"/Document/{document.id}/Content?ALLOWEDRETURNTYPE=none")
    assert (told["Success"], told["Type"], told["Value"]) == (False, "None", "")
    assert content(api, "bob", document).body == b"one"


def test_what_is_locked_over_webdav_is_not_deleted(api: Api, document: Stored) -> None:
    token = api.client("alice").lock(document.path)
    for user in ("alice", "bob"):
        told = api(user, "POST", "/Agents/Document/DeletePhysicalDocument", {"documentId": document.id})
        assert told["Success"] is False and "LOCK" not in told["Value"] and told["Value"]
    assert content(api, "bob", document).body == b"one"
    api.client("alice").unlock(document.path, token)


def test_deleting_under_a_condition(api: Api, document: Stored) -> None:
    api.refused(412, "alice", "DELETE", f"/Document/{document.id}/Content", If_Match='"other"')
    assert content(api, "bob", document).body == b"one"
    tag = content(api, "bob", document).headers["ETag"]
    assert api("alice", "DELETE", f"/Document/{document.id}/Content", If_Match=tag)["Success"]
    api.refused(412, "alice", "PUT", f"/Document/{document.id}/Content", b"x", If_Match="*", Content_Type="text/plain")
    assert api.ask("alice", "PUT", f"/Document/{document.id}/Content", b"x", If_None_Match="*", Content_Type="text/plain").status == 200


def test_deleting_what_is_not_there(api: Api) -> None:
    api.refused(404, "alice", "DELETE", f"/Document/{NONE_OF_ITS_KIND}/Content")
    assert api("alice", "POST", "/Agents/Document/DeletePhysicalDocument", {"documentId": NONE_OF_ITS_KIND}) is None


def test_a_document_whose_content_was_deleted_is_read_after_a_restart(api: Api, document: Stored) -> None:
    delete(api, "alice", document)
    api.serving.restart()
    api.refused(404, "bob", "GET", f"/Document/{document.id}/Content")
    assert content(api, "bob", document, "?versionId=1").body == b"one"


def test_there_are_no_templates(api: Api, document: Stored) -> None:
    for body in (None, {"tag": "value"}):
        api.refused(409, "alice", "POST", f"/Document/{document.id}/Content?contactId=5&uiCulture=sv", body)
    api.refused(400, "alice", "POST", f"/Document/{document.id}/Content?contactId=five")
    api.refused(404, "alice", "POST", f"/Document/{NONE_OF_ITS_KIND}/Content")
    api.refused(409, "alice", "POST", "/Agents/Document/CreateDocumentStream", {"documentEntity": {"documentId": document.id}})
    assert content(api, "bob", document).body == b"one"


def test_names_of_documents_need_no_folder_above(api: Api) -> None:
    document = stored(api, "/in-the-root.docx")
    assert content(api, "bob", document).body == b"one"
    assert paths.parent(document.path) == "/"
