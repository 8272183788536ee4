"""Which paths are of this door, and which are of the documents."""

from __future__ import annotations

from tests.rest.conftest import Api
from tests.serving import Raw


def test_a_folder_may_be_called_api(api: Api) -> None:
    (api.serving.root / "api").mkdir(exist_ok=True)
    alice = api.client("alice")
    assert alice.put("/api/notes.txt", b"mine").status == 201
    assert alice.get("/api/notes.txt").body == b"mine"
    assert alice.propfind("/api", "displayname", depth="1").status == 207
    assert alice.request("GET", Raw("/api")).headers["Content-Type"] == "application/json; charset=utf-8"
    assert alice.put("/api/v2", b"a document").status == 201


def test_what_the_door_has_for_itself_holds_no_documents(api: Api) -> None:
    alice = api.client("alice")
    for path in ("/api/v1/x.docx", "/API/V1/x.docx"):
        assert alice.put(path, b"x").status in (404, 405)
    for path in ("/api//v1/x.docx", "/api/%76%31/x.docx"):
        assert alice.request("PUT", Raw(path), b"x").status == 403
    assert not list(api.serving.root.glob("api/v1*"))
