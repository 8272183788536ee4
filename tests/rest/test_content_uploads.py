"""The content of documents, saved: PUT …/Content and the agent's SetDocumentStream (rest.md §4, §7, §10, §15)."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.processes import Memory
from tests.rest.conftest import ROOT, Api, Stored, stored
from tests.serving import Answer, Client, Raw, Serving

NONE_OF_ITS_KIND = 2**31 - 1
MiB = 1024 * 1024
OCTETS = "application/octet-stream"


def put(api: Api, user: str, document: Stored, body: Any, media_type: str | None = OCTETS, **headers: str) -> Answer:
    return api.ask(user, "PUT", f"/Document/{document.id}/Content", body, **{"Content_Type": media_type, **headers})


def content(api: Api, user: str, document: Stored) -> bytes:
    answer = api.ask(user, "GET", f"/Document/{document.id}/Content")
    assert answer.status == 200
    return answer.body


def versions(api: Api, document: Stored) -> int:
    return len(api("bob", "GET", f"/Document/{document.id}/Version"))


def form(*parts: tuple[str, bytes], boundary: str = "b0undary", end: bool = True) -> tuple[bytes, str]:
    """The body of a form and its media type. parts: Content-Disposition without its `form-data`, and content."""
    pieces = [f"--{boundary}\r\nContent-Disposition: form-data; {each[0]}\r\n\r\n".encode() + each[1] + b"\r\n" for each in parts]
    return b"".join(pieces) + (f"--{boundary}--\r\n".encode() if end else b""), f"multipart/form-data; boundary={boundary}"


@pytest.mark.parametrize(
    "media_type",
    [OCTETS, "text/plain; charset=utf-8", "application/xml", "image/png", "application/x-www-form-urlencoded", "multipart/mixed"],
)
@pytest.mark.parametrize("is_chunked", [False, True])
def test_bytes_of_any_type_are_stored_as_they_are(api: Api, document: Stored, media_type: str, is_chunked: bool) -> None:
    data = os.urandom(70_000)
    answer = put(api, "bob", document, iter([data[:1000], data[1000:]]) if is_chunked else data, media_type)
    assert answer.status == 200
    told = json.loads(answer.body)
    assert (told["DocumentId"], told["Name"]) == (document.id, "report.docx")
    assert "_Links" not in told
    assert content(api, "alice", document) == data
    assert answer.headers["ETag"] == api.client("bob").get(document.path).headers["ETag"]
    assert versions(api, document) == 2, "published at once, as one version"
    assert api("bob", "GET", f"/Document/{document.id}/Lock")["State"] == "NotCheckedOut"


@pytest.mark.parametrize("media_type", ["application/json", "text/json; charset=utf-8"])
@pytest.mark.parametrize("data", [b"", b"a", b"ab", b"abc", bytes(range(256)) * 50])
def test_a_json_string_is_base64(api: Api, document: Stored, media_type: str, data: bytes) -> None:
    text = json.dumps(base64.b64encode(data).decode()).replace("/", r"\/").replace("+", r"\u002b")
    assert put(api, "bob", document, text.encode(), media_type).status == 200
    assert content(api, "alice", document) == data


@pytest.mark.parametrize(
    "body",
    [
        '"a"', '"ab=="x', '"YWJj\\n"', '"YW Jj"', '"YWJj=="', '"=YWJ"', '"YQ"', '"YQ="', '"YQ==YQ=="', '"-_-_"',
        '"\\u00e9\\u00e9\\u00e9\\u00e9"', '"YWJj===="', '"===="',
        '"\\ud800"',
        "YWJj", "{}", "[]", "5", "true", '["YWJj"]', '{"stream":"YWJj"}', "null", "", '"', "[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_base64_is_400(api: Api, document: Stored, body: str) -> None:
    api.refused(400, "bob", "PUT", f"/Document/{document.id}/Content", body.encode(), Content_Type="application/json")
    assert content(api, "bob", document) == b"one"
    assert versions(api, document) == 1


def test_the_only_file_of_a_form(api: Api, document: Stored) -> None:
    data = os.urandom(300_000)
    parts = [('name="a"', b"1"), ('name="f"; filename="x.docx"', data), ('name="z"', b"2")]
    assert put(api, "bob", document, *form(*parts)).status == 200
    assert content(api, "alice", document) == data
    empty = form(('name="f"; filename=""', b""))
    assert put(api, "bob", document, *empty).status == 200
    assert content(api, "alice", document) == b""


FILE = ('name="f"; filename="x"', b"new")


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        form(('name="a"', b"1")),
        form(),
        form(FILE, FILE),
        form(*[FILE] * 10),
        form(FILE, end=False),
        form(FILE, boundary="other")[:1] + form()[1:],
        (form(FILE)[0], "multipart/form-data"),
        (form(FILE)[0], "multipart/form-data; boundary="),
        (b"", form()[1]),
        (form(FILE)[0].replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n"), form()[1]),
        (form(FILE)[0].replace(b"Content-Disposition", b"X-Disposition"), form()[1]),
        (b"\x00" * 1000, form()[1]),
    ],
)
def test_forms_without_just_one_file_are_400(api: Api, document: Stored, body: bytes, media_type: str) -> None:
    api.refused(400, "bob", "PUT", f"/Document/{document.id}/Content", body, Content_Type=media_type)
    assert content(api, "bob", document) == b"one"
    assert versions(api, document) == 1


def test_a_form_with_too_many_parts(api: Api, document: Stored) -> None:
    api.refused(413, "bob", "PUT", f"/Document/{document.id}/Content", form(*[('name="a"', b"1")] * 101)[0], Content_Type=form()[1])


def test_what_cannot_be_stored(api: Api, document: Stored) -> None:
    url = f"/Document/{document.id}/Content"
    api.refused(400, "bob", "PUT", url)
    api.refused(400, "bob", "PUT", url, b"x", Content_Range="bytes 0-0/3")
    api.refused(415, "bob", "PUT", url, b"x", Content_Encoding="gzip", Content_Type=OCTETS)
    api.refused(404, "bob", "PUT", f"/Document/{NONE_OF_ITS_KIND}/Content", b"x")
    assert content(api, "bob", document) == b"one"


def test_an_empty_document_is_one(api: Api, document: Stored) -> None:
    assert put(api, "bob", document, b"").status == 200
    assert content(api, "bob", document) == b""


def test_select(api: Api, document: Stored) -> None:
    told = api("bob", "PUT", f"/Document/{document.id}/Content?$select=name", b"x", Content_Type=OCTETS)
    assert (told["Name"], told["Header"]) == ("report.docx", None)


def test_the_agent_saves_by_number(api: Api, document: Stored) -> None:
    body = {"documentId": document.id, "stream": base64.b64encode(b"two").decode()}
    assert api("bob", "POST", "/Agents/Document/SetDocumentStreamFromId", body)["DocumentId"] == document.id
    assert content(api, "alice", document) == b"two"
    assert api("bob", "POST", "/Agents/Document/SetDocumentStreamFromId", body | {"documentId": NONE_OF_ITS_KIND}) is None
    for stream in (None, "a", 5, ["YQ=="]):
        api.refused(400, "bob", "POST", "/Agents/Document/SetDocumentStreamFromId", body | {"stream": stream})
    api.refused(400, "bob", "POST", "/Agents/Document/SetDocumentStreamFromId", {"documentId": document.id})
    assert content(api, "alice", document) == b"two"


def test_the_agent_says_whether_there_is_content_to_replace(api: Api, document: Stored) -> None:
    def save(overwrite: bool | None) -> dict[str, Any]:
        return {
            "documentEntity": {"documentId": document.id, "name": "ignored.txt", "tableRight": {"mask": 15, "reason": ""}},
            "stream": "dHdv",
            "overwriteExistingData": overwrite,
        }

    for no in (False, None):
        api.refused(409, "bob", "POST", "/Agents/Document/SetDocumentStream", save(no))
    assert content(api, "alice", document) == b"one"
    assert api("bob", "POST", "/Agents/Document/SetDocumentStream", save(True))["Name"] == "report.docx"
    assert content(api, "alice", document) == b"two"
    assert api("bob", "DELETE", f"/Document/{document.id}/Content")["Success"]
    api.refused(409, "bob", "POST", "/Agents/Document/SetDocumentStream", save(True))
    assert api("bob", "POST", "/Agents/Document/SetDocumentStream", save(False))
    assert content(api, "alice", document) == b"two"


def test_a_new_document_has_no_content_that_would_be_overwritten(api: Api, folder: Path) -> None:
    made = api("alice", "POST", "/Agents/Document/SaveDocumentEntity", {"name": "new.docx", "path": f"/{folder.name}"})
    body = {"documentEntity": made, "stream": "dHdv", "overwriteExistingData": False}
    assert api("alice", "POST", "/Agents/Document/SetDocumentStream", body)["DocumentId"] == made["DocumentId"]


# checkouts and conditions


@pytest.mark.parametrize("flavour", ["rest", "agent"])
def test_while_somebody_else_has_it_checked_out_it_is_423(api: Api, document: Stored, flavour: str) -> None:
    assert api("alice", "POST", f"/Document/{document.id}/Lock")["Success"]
    if flavour == "rest":
        told = api.refused(423, "bob", "PUT", f"/Document/{document.id}/Content", b"two", Content_Type=OCTETS)
    else:
        body = {"documentId": document.id, "stream": "dHdv"}
        told = api.refused(423, "bob", "POST", "/Agents/Document/SetDocumentStreamFromId", body)
    assert told["ErrorType"] == "SoDocumentLockedException"
    assert "alice" in told["ErrorMessage"]
    assert content(api, "bob", document) == content(api, "alice", document) == b"one"


def test_saves_of_the_holder_make_one_version_when_he_checks_in(api: Api, document: Stored) -> None:
    assert api("alice", "POST", f"/Document/{document.id}/Lock")["Success"]
    for data in (b"first try", b"second try"):
        assert put(api, "alice", document, data).status == 200
        assert content(api, "bob", document) == b"one"
    assert api("alice", "PUT", f"/Document/{document.id}/Lock")["VersionId"] == "2"
    assert content(api, "bob", document) == b"second try"
    assert versions(api, document) == 2


def test_a_webdav_lock_stops_a_save_its_holders_too(api: Api, document: Stored) -> None:
    token = api.client("alice").lock(document.path)
    for user in ("alice", "bob"):
        assert put(api, user, document, b"two").status == 423
    api.client("alice").unlock(document.path, token)
    assert put(api, "bob", document, b"two").status == 200


def test_conditions_of_a_writer(api: Api, document: Stored) -> None:
    tag = api.ask("bob", "GET", f"/Document/{document.id}/Content").headers["ETag"]
    assert put(api, "bob", document, b"two", If_Match='"other"').status == 412
    assert put(api, "bob", document, b"two", If_None_Match="*").status == 412
    assert put(api, "bob", document, b"two", If_Unmodified_Since="Thu, 01 Jan 1970 00:00:00 GMT").status == 412
    assert put(api, "bob", document, b"two", If_Match="no tag").status == 400
    assert content(api, "bob", document) == b"one"
    assert put(api, "bob", document, b"two", If_Match=tag).status == 200
    assert put(api, "bob", document, b"three", If_Match=tag).status == 412
    assert content(api, "bob", document) == b"two"


class Upload:
    """A PUT …/Content of which a part is on its way."""

    def __init__(self, api: Api, user: str, document: Stored, sent: bytes, length: int, **headers: str) -> None:
        self.socket = api.serving.connect()
        head = {"Host": "x", "Authorization": str(Client(api.serving, user).authorization), "Content-Length": str(length)}
        head |= {"Content-Type": OCTETS} | {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"PUT {ROOT}/Document/{document.id}/Content HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", ""]
        self.socket.sendall("\r\n".join(lines).encode() + sent)

    def finish(self, rest: bytes) -> http.client.HTTPResponse:
        with self.socket:
            self.socket.sendall(rest)
            answer = http.client.HTTPResponse(self.socket)
            answer.begin()
            answer.read()
            return answer


def staged(serving: Serving) -> list[Path]:
    return [file for file in (serving.root / ".davlock" / "staging").glob("*/*") if file.is_file()]


def wait_until_staged(api: Api, size: int) -> None:
    """Until the server has taken so many bytes of an upload."""
    deadline = threading.Event()
    for _ in range(3000):
        if any(file.stat().st_size >= size for file in staged(api.serving)):
            return
        deadline.wait(0.01)
    raise AssertionError("the upload does not arrive")


HALF = 300 * 1024


def test_whoever_checks_out_during_an_upload_wins(api: Api, document: Stored) -> None:
    upload = Upload(api, "bob", document, b"x" * HALF, 2 * HALF)
    wait_until_staged(api, 1)
    assert api("alice", "POST", f"/Document/{document.id}/Lock")["Success"]
    assert upload.finish(b"x" * HALF).status == 423
    assert content(api, "bob", document) == content(api, "alice", document) == b"one"
    assert versions(api, document) == 1
    assert staged(api.serving) == []


def test_a_condition_is_judged_when_all_has_arrived(api: Api, document: Stored) -> None:
    tag = api.ask("bob", "GET", f"/Document/{document.id}/Content").headers["ETag"]
    upload = Upload(api, "bob", document, b"x" * HALF, 2 * HALF, If_Match=tag)
    wait_until_staged(api, 1)
    assert put(api, "alice", document, b"two").status == 200
    assert upload.finish(b"x" * HALF).status == 412
    assert content(api, "bob", document) == b"two"


@pytest.mark.parametrize("method", ["MOVE", "DELETE"])
def test_what_is_moved_or_deleted_during_an_upload_is_not_made_again(api: Api, document: Stored, folder: Path, method: str) -> None:
    upload = Upload(api, "bob", document, b"x" * HALF, 2 * HALF)
    wait_until_staged(api, 1)
    to = f"{api.serving.url}{folder.name}/moved.docx"
    assert api.client("alice").request(method, document.path, Destination=to if method == "MOVE" else None).status in (201, 204)
    assert upload.finish(b"x" * HALF).status == 409
    assert [(each.name, each.read_bytes()) for each in folder.iterdir()] == ([("moved.docx", b"one")] if method == "MOVE" else [])


@pytest.mark.parametrize("media_type", [OCTETS, "application/json", form()[1]])
def test_what_breaks_off_leaves_nothing(api: Api, document: Stored, media_type: str) -> None:
    sent = {OCTETS: b"x" * 1000, "application/json": b'"YWJj"', form()[1]: form(FILE)[0]}[media_type]
    upload = Upload(api, "bob", document, sent, 2 * HALF, Content_Type=media_type)
    Serving.end_sending(upload.socket)
    answer = http.client.HTTPResponse(upload.socket)
    answer.begin()
    assert answer.status == 400
    assert json.loads(answer.read())["ErrorType"] == "IncompleteBodyException"
    upload.socket.close()
    assert content(api, "bob", document) == b"one"
    assert staged(api.serving) == []


# limits


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    place = tmp_path_factory.mktemp("limited")
    (place / "davlock.yaml").write_text(f"root: {place / 'root'}\ndocuments:\n  max_upload_bytes: 100000\nrest:\n  max_json_bytes: 50000\n")
    with Serving(place / "root", "--config", str(place / "davlock.yaml")) as serving:
        yield Api(serving)


def test_content_that_is_too_large(limited: Api) -> None:
    document = stored(limited, "/a.docx")
    url = f"/Document/{document.id}/Content"
    for body in (b"x" * 100_001, iter([b"x" * 100_001])):
        assert "100000" in limited.refused(413, "bob", "PUT", url, body, Content_Type=OCTETS)["ErrorMessage"]
    large = form(('name="f"; filename="x"', b"x" * 100_001))
    limited.refused(413, "bob", "PUT", url, large[0], Content_Type=large[1])
    assert content(limited, "bob", document) == b"one"
    assert put(limited, "bob", document, b"x" * 100_000).status == 200


def test_what_is_held_in_memory_has_a_limit_of_its_own(limited: Api) -> None:
    document = stored(limited, "/b.docx")
    url, text = f"/Document/{document.id}/Content", base64.b64encode(b"x" * 40_000).decode()
    for body in (json.dumps(text).encode(), iter([json.dumps(text).encode()])):
        told = limited.refused(413, "bob", "PUT", url, body, Content_Type="application/json")
        assert "PUT" in told["ErrorMessage"] and "50000" in told["ErrorMessage"]
    told = limited.refused(413, "bob", "POST", "/Agents/Document/SetDocumentStreamFromId", {"documentId": document.id, "stream": text})
    assert "PUT" in told["ErrorMessage"]
    limited.refused(413, "bob", "POST", "/Agents/Document/CreateTempFile", {"filename": "a", "dataStream": text})
    assert content(limited, "bob", document) == b"one"


def test_large_content_is_never_in_memory(api: Api, document: Stored) -> None:
    url, block = Raw(f"{ROOT}/Document/{document.id}/Content"), os.urandom(MiB)
    start, end = form(('name="f"; filename="x"', b"|"))[0].split(b"|")

    def exchange(size: int) -> None:
        """Uploads `size` MiB as a form and a MiB more as they are, and reads both back."""
        assert put(api, "bob", document, iter([start, *[block] * size, end]), form()[1]).status == 200
        as_json = api.client("bob").request("GET", url, Accept="application/json").body
        assert hashlib.sha256(base64.b64decode(as_json[1:-1])).digest() == hashlib.sha256(block * size).digest()
        assert put(api, "bob", document, iter([block] * (size + 1))).status == 200
        assert hashlib.sha256(api.client("bob").request("GET", url).body).digest() == hashlib.sha256(block * (size + 1)).digest()

    exchange(4)
    memory = Memory(api.serving)
    exchange(64)
    assert memory.growth() < 8 * MiB
