"""Which paths are of this door, and which are of the documents."""

from __future__ import annotations

import json
import shutil

from tests.rest.conftest import Api
from tests.serving import Client, Raw


def test_a_folder_may_be_called_api(api: Api) -> None:
    (api.serving.root / "api").mkdir(exist_ok=True)
    alice = api.client("alice")
    assert alice.put("/api/notes.txt", b"mine").status == 201
    assert alice.get("/api/notes.txt").body == b"mine"
    assert alice.propfind("/api", "displayname", depth="1").status == 207
    assert alice.request("GET", Raw("/api")).headers["Content-Type"] == "application/json; charset=utf-8"
    assert alice.put("/api/v2", b"a document").status == 201


def test_without_such_a_folder_api_can_only_be_read(api: Api) -> None:
    shutil.rmtree(api.serving.root / "api", ignore_errors=True)
    alice = api.client("alice")
    for method in ("PUT", "POST", "PATCH", "DELETE"):
        for path in ("/api", "/API/"):
            answer = alice.request(method, Raw(path), b"x")
            assert (answer.status, allowed(answer.headers["Allow"])) == (405, {"GET", "HEAD", "OPTIONS"}), (method, path)
            assert json.loads(answer.body)["ErrorType"] == "InvalidOperationException"
    answer = Client(api.serving).request("OPTIONS", Raw("/api"))
    assert (answer.status, allowed(answer.headers["Allow"])) == (200, {"GET", "HEAD"})
    assert not (api.serving.root / "api").exists()


def test_a_folder_api_is_made_changed_and_deleted_over_webdav(api: Api) -> None:
    shutil.rmtree(api.serving.root / "api", ignore_errors=True)
    alice = api.client("alice")
    assert alice.propfind("/api", "displayname", depth="0").status == 404
    assert alice.request("MKCOL", "/api").status == 201
    options = alice.request("OPTIONS", Raw("/api"))
    assert {"PROPFIND", "DELETE", "LOCK"} <= allowed(options.headers["Allow"])
    assert "DAV" in options.headers
    assert alice.request("PUT", "/api", b"x").status == 405
    assert alice.request("GET", Raw("/api")).headers["Content-Type"] == "application/json; charset=utf-8"
    assert alice.request("DELETE", "/api").status == 204
    assert not (api.serving.root / "api").exists()


def allowed(header: str) -> set[str]:
    """The methods in an Allow header."""
    return {each.strip() for each in header.split(",")}


def test_what_the_door_has_for_itself_holds_no_documents(api: Api) -> None:
    alice = api.client("alice")
    for path in ("/api/v1/x.docx", "/API/V1/x.docx"):
        assert alice.put(path, b"x").status in (404, 405)
    for path in ("/api//v1/x.docx", "/api/%76%31/x.docx"):
        assert alice.request("PUT", Raw(path), b"x").status == 403
    assert not list(api.serving.root.glob("api/v1*"))
