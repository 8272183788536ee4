"""SuperOffice's own client for JavaScript (npm @superoffice/webapi) in Node: two people, each in a process of his own."""

from __future__ import annotations

import base64
import hmac
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import needs
from tests.rest.test_webhooks import Receiver
from tests.serving import Client, Raw, Serving

pytestmark = pytest.mark.clients

OURS = Path(__file__).parent / "superoffice"
INSTALL = ("--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error")
SECONDS = 300  # until npm has fetched what it needs
BASE64 = {"returnBlobAs": 1}
# Without an offset in them, the client takes times for those of its own clock.
ZONED = {"timezone": "NO", "timezoneInclude": True, "languageCode": "sv", "cultureCode": "sv-SE"}
Entity = dict[str, Any]


class Refused(Exception):
    """What a call was rejected with: the HTTP status, and the error object."""

    def __init__(self, status: int, told: dict[str, Any]) -> None:
        super().__init__(status, told)
        self.status, self.message = status, told["ErrorMessage"]
        assert list(told) == ["Error", "ErrorType", "ErrorMessage", "ErrorSource"]


class Person:
    """Somebody whose program uses the client. more: of its configuration, beside his password."""

    def __init__(self, folder: Path, serving: Serving, user: str, **more: Any) -> None:
        auth = {} if "headers" in more else {"auth": {"username": user, "password": serving.password(user)}}
        command = [needs("node"), "drive.cjs", serving.url, json.dumps({**auth, **more})]
        # in a zone that is not the server's
        environment = os.environ | {"TZ": "Europe/Oslo"}
        self._node = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        serving.closing.callback(self._end)

    def agent(self, call: str, *given: Any) -> Any:
        """A call of the DocumentAgent; raises Refused."""
        return self("DocumentAgent", call, *given)

    def rest(self, call: str, *given: Any) -> Any:
        """A call of the DocumentRestApi; raises Refused."""
        return self("DocumentRestApi", call, *given)

    def __call__(self, on: str, call: str, *given: Any) -> Any:
        assert self._node.stdin and self._node.stdout
        self._node.stdin.write(json.dumps({"on": on, "call": f"{call}Async", "with": given}) + "\n")
        self._node.stdin.flush()
        answer = json.loads(self._node.stdout.readline())
        assert "failed" not in answer, answer["failed"]
        if "refused" in answer:
            raise Refused(answer["refused"], answer["told"])
        return answer.get("value")

    def read(self, id: int) -> bytes:
        """The content of a document, as bytes."""
        return plain(self.agent("getDocumentStream", id))

    def save(self, id: int, content: bytes) -> Entity:
        entity: Entity = self.agent("setDocumentStreamFromId", id, blob(content))
        return entity

    def _end(self) -> None:
        with self._node:
            self._node.kill()


def blob(content: bytes) -> dict[str, str]:
    """Bytes, as they go to the driver."""
    return {"base64": base64.b64encode(content).decode()}


def plain(value: Any) -> bytes:
    """Bytes, as they come from it; the client has nothing at all for no bytes."""
    return base64.b64decode(value["base64"]) if value else b""


def seconds(value: dict[str, str]) -> float:
    """A date of the client, as Unix time."""
    return datetime.fromisoformat(value["date"]).timestamp()


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the client in it."""
    folder = tmp_path_factory.mktemp("superoffice")
    for name in ("package.json", "drive.cjs"):
        shutil.copy(OURS / name, folder)
    done = subprocess.run([needs("npm"), "install", *INSTALL], cwd=folder, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def people(installed: Path, serving: Serving) -> Callable[..., Person]:
    return lambda user, **more: Person(installed, serving, user, **more)


@pytest.fixture
def alice(people: Callable[..., Person]) -> Person:
    return people("alice")


@pytest.fixture
def bob(people: Callable[..., Person]) -> Person:
    return people("bob")


@pytest.fixture
def webdav(serving: Serving) -> Client:
    """Bob's other program."""
    return Client(serving, "bob")


@pytest.fixture
def document(webdav: Client) -> Iterator[int]:
    """The number of a document that is there, `/Angebot.docx` with the content `one`."""
    assert webdav.put("/Angebot.docx", b"one").status == 201
    (found,) = json.loads(webdav.request("GET", Raw("/api/v1/Document?path=/Angebot.docx")).body)["value"]
    yield found["documentId"]


def names(sentence: str, holder: str) -> bool:
    """Whether a refusal tells who holds it, and since when."""
    return bool(re.search(rf"by {holder} since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC", sentence))


def rejected(wish: Callable[[], Any]) -> int:
    """The HTTP status that something is rejected with."""
    with pytest.raises(Refused) as told:
        wish()
    return told.value.status


def assert_kept_out(wish: Callable[[], Any], holder: str) -> None:
    """That somebody is refused, and told who holds it."""
    with pytest.raises(Refused) as told:
        wish()
    assert told.value.status == 423
    assert names(told.value.message, holder)


def test_check_out_save_check_in(alice: Person, bob: Person, document: int) -> None:
    assert alice.agent("getCheckoutState", document) == {"state": "NotCheckedOut", "associateId": 0, "name": ""}
    out = alice.agent("checkoutDocument", document, ["None", "Message"])
    assert (out["success"], out["type"], out["value"]) == (True, "None", "")
    state = bob.agent("getCheckoutState", document)
    assert (state["state"], state["name"]) == ("CheckedOutOther", "alice")
    assert alice.agent("getCheckoutState", document) == state | {"state": "CheckedOutOwn"}

    # bob is told who has it, whatever he tries
    for call in ("checkoutDocument", "checkinDocument", "undoCheckoutDocument"):
        refused = bob.agent(call, document, ["None", "Message"])
        assert (refused["success"], refused["type"]) == (False, "Message")
        assert names(refused["value"], "alice"), refused
        quiet = bob.agent(call, document, ["None"])
        assert (quiet["success"], quiet["type"], quiet["value"]) == (False, "None", "")
    assert_kept_out(lambda: bob.save(document, b"bob was here"), "alice")

    # what alice saves is hers until she checks it in
    alice.save(document, b"draft 1")
    assert alice.save(document, bytes(range(256)))["documentId"] == document
    assert (alice.read(document), bob.read(document)) == (bytes(range(256)), b"one")
    assert [each["versionId"] for each in bob.agent("getVersionList", document)] == ["1"]
    begun = time.time()
    done = alice.agent("checkinDocument", document, ["None", "Message"], 'Für "Q3"', ["a=b", "ø=å"])
    assert (done["success"], done["versionId"]) == (True, "2")
    assert bob.read(document) == bytes(range(256))
    assert bob.agent("getCheckoutState", document)["state"] == "NotCheckedOut"
    first, second = bob.agent("getVersionList", document, ZONED)
    assert (first["checkedInByName"], second["checkedInByName"], second["documentId"]) == ("bob", "alice", document)
    assert (second["description"], second["extraFields"], second["versionId"]) == ('Für "Q3"', ["a=b", "ø=å"], "2")
    assert "2: alice" in second["displayText"]
    assert begun - 1 <= seconds(second["checkedInDate"]) <= time.time()

    # of nothing there is nothing to check in
    for call in ("checkinDocument", "undoCheckoutDocument"):
        told = alice.agent(call, document, [])
        assert (told["success"], told["type"]) == (False, "Message")
        assert "not checked out" in told["value"]


def test_undo(alice: Person, bob: Person, document: int) -> None:
    assert bob.agent("checkoutDocument", document, [])["success"]
    assert bob.agent("checkoutDocument", document, [])["success"], "a second time changes nothing"
    bob.save(document, b"given up")
    assert bob.agent("undoCheckoutDocument", document, ["Message"])["success"]
    assert (alice.read(document), bob.read(document)) == (b"one", b"one")
    assert len(alice.agent("getVersionList", document)) == 1
    assert alice.agent("checkoutDocument", document, [])["success"]


def test_what_is_opened_over_webdav_is_held_here_too(alice: Person, document: int, webdav: Client) -> None:
    token = webdav.lock("/Angebot.docx", timeout="Second-3600")
    state = alice.agent("getCheckoutState", document)
    assert (state["state"], state["name"]) == ("CheckedOutOther", "bob")
    refused = alice.agent("checkoutDocument", document, ["Message"])
    assert not refused["success"]
    assert names(refused["value"], "bob")
    assert re.search(r" until .* UTC, through WebDAV", refused["value"])
    wishes: list[Callable[[], Any]] = [
        lambda: alice.save(document, b"alice was here"),
        lambda: alice.agent("renameDocument", document, "Meins.docx"),
        lambda: alice.agent("deleteDocumentEntity", document),
        lambda: alice.rest("deleteById", document),
        lambda: alice.rest("patchById", document, {"header": "Meins"}),
    ]
    for wish in wishes:
        assert_kept_out(wish, "bob")
    assert webdav.unlock("/Angebot.docx", token).status == 204
    assert alice.agent("checkoutDocument", document, [])["success"]
    assert webdav.put("/Angebot.docx", b"bob was here").status == 423


def test_a_new_document_is_its_makers_until_the_first_check_in(alice: Person, bob: Person, webdav: Client) -> None:
    fresh = alice.agent("createDefaultDocumentEntity")
    assert (fresh["documentId"], fresh["lockSemantics"], fresh["type"]) == (0, "Versioning", "Document")
    made = alice.agent("saveDocumentEntity", fresh | {"name": "Plan 2027.docx", "header": "Der Plan", "extraFields": {"x": "ü"}})
    id = made["documentId"]
    assert (made["name"], made["header"], made["lockSemantics"]) == ("Plan 2027.docx", "Der Plan", "Versioning")
    assert made["associate"]["name"] == "alice"
    assert bob.agent("getCheckoutState", id)["name"] == "alice"
    alice.agent("setDocumentStream", made, blob(b"first"), True)
    assert (bob.read(id), webdav.get("/Plan 2027.docx").body) == (b"", b"")
    assert bob.agent("getVersionList", id) == []
    assert alice.agent("checkinDocument", id, [], "begun", [])["versionId"] == "1"
    assert (bob.read(id), webdav.get("/Plan 2027.docx").body) == (b"first", b"first")

    # what was read is sent back with something changed in it, as forms do it
    entity = bob.agent("getDocumentEntity", id)
    saved = bob.agent("saveDocumentEntity", entity | {"description": "Zeile", "attention": "Frau Ü"})
    assert (saved["documentId"], saved["description"], saved["header"]) == (id, "Zeile", "Der Plan")
    again = alice.agent("getDocumentEntity", id)
    assert (again["attention"], again["extraFields"], again["updatedBy"]["name"]) == ("Frau Ü", {"x": "ü"}, "bob")
    assert seconds(again["updatedDate"]) >= seconds(again["createdDate"])
    assert alice.agent("getDocument", id)["header"] == "Der Plan"
    assert [each["documentId"] for each in alice.agent("getDocumentList", [id, 999_999])] == [id]
    assert alice.agent("validateDocumentEntity", again) == {}

    bob.agent("deleteDocumentEntity", id)
    assert alice.agent("getDocumentEntity", id) is None
    assert webdav.get("/Plan 2027.docx").status == 404


def test_entities_over_rest(alice: Person, bob: Person) -> None:
    assert alice.rest("getDefault")["documentId"] == 0
    made = alice.rest("post", {"name": "c.docx", "header": "C", "date": {"date": "2026-01-02T03:04:05.000Z"}})
    id = made["documentId"]
    found = alice.rest("getById", id)
    assert (found["name"], found["header"]) == ("c.docx", "C")
    assert alice.rest("putById", id, found | {"header": "Neu", "ourRef": "R-7"})["ourRef"] == "R-7"
    assert alice.rest("patchById", id, [{"op": "replace", "path": "/Header", "value": "Patch"}])["header"] == "Patch"
    patched = alice.rest("patchById", id, {"yourRef": "S-8"})
    assert (patched["header"], patched["ourRef"], patched["yourRef"]) == ("Patch", "R-7", "S-8")

    # alice has it checked out, since she has made it
    assert_kept_out(lambda: bob.rest("putById", id, found), "alice")
    assert_kept_out(lambda: bob.rest("deleteById", id), "alice")
    alice.rest("deleteById", id)
    assert rejected(lambda: bob.rest("getById", id)) == 404


def test_what_has_not_changed_is_not_sent_again(alice: Person, document: int) -> None:
    later = {"date": "2040-01-01T00:00:00.000Z"}
    updated = alice.rest("getById", document, ZONED)["updatedDate"]
    assert alice.rest("getById", document, {"ifModifiedSince": later})["name"] == "Angebot.docx", "a date in the future says nothing"
    assert alice.rest("getById", document, {"ifModifiedSince": updated}) is None
    old = {"ifUnmodifiedSince": {"date": "2020-01-01T00:00:00.000Z"}}
    assert rejected(lambda: alice.rest("putById", document, {"header": "x"}, old)) == 412
    assert alice.rest("getById", document)["header"] != "x"


def test_rename_and_url(alice: Person, bob: Person, document: int, webdav: Client, serving: Serving) -> None:
    assert alice.agent("renameDocument", document, "Größe & Maß.docx") == "Größe & Maß.docx"
    assert webdav.get("/Größe & Maß.docx").body == b"one"
    assert webdav.get("/Angebot.docx").status == 404
    # an illegal name is amended, and one that is taken too
    assert webdav.put("/taken.docx", b"other").status == 201
    amended = alice.agent("renameDocument", document, "taken.docx")
    assert amended not in ("", "taken.docx")
    assert webdav.get(f"/{amended}").body == b"one"
    assert alice.agent("getDocumentEntity", document)["name"] == amended

    url = alice.agent("getDocumentUrl", document, "", True)
    assert url.startswith(serving.url)
    path = Raw("/" + url.removeprefix(serving.url))
    assert webdav.request("GET", path).body == b"one"
    assert webdav.request("PUT", path, b"two").status == 204
    assert alice.read(document) == b"two"
    old = alice.agent("getDocumentUrl", document, "1", False)
    assert webdav.request("GET", Raw("/" + old.removeprefix(serving.url))).body == b"one"
    assert alice.agent("getDocumentUrl", document, "1", True) == "", "a version never changes"

    assert alice.agent("checkoutDocument", document, [])["success"]
    assert_kept_out(lambda: bob.agent("renameDocument", document, "Meins.docx"), "alice")


def test_content_as_bytes_and_as_base64(alice: Person, bob: Person, document: int) -> None:
    content = bytes(range(256)) * 1000 + "æøå".encode()
    alice.save(document, content)
    assert alice.read(document) == content
    assert base64.b64decode(alice.agent("getDocumentStream", document, BASE64)) == content
    assert alice.agent("getDocumentLength", document, "") == len(content)
    assert alice.agent("getDocumentLength", document, "1") == 3
    entity = alice.agent("getDocumentEntity", document)
    assert plain(alice.agent("getDocumentStreamFromEntity", entity)) == content
    assert alice.agent("verifyGetDocumentStream", document) == ""
    assert rejected(lambda: alice.agent("setDocumentStream", entity, blob(b"x"), False)) == 409
    alice.save(document, b"")
    assert (alice.read(document), alice.agent("getDocumentLength", document, "")) == (b"", 0)

    assert alice.agent("checkoutDocument", document, [])["success"]
    for person in (alice, bob):
        refused = person.agent("deletePhysicalDocument", document, ["None", "Message"])
        assert not refused["success"]
        assert refused["value"]
    assert alice.agent("undoCheckoutDocument", document, [])["success"]
    assert alice.agent("deletePhysicalDocument", document, ["None"])["success"]
    assert alice.agent("getDocumentEntity", document)["documentId"] == document
    assert rejected(lambda: alice.agent("verifyGetDocumentStream", document)) == 404


def test_what_is_not_there(alice: Person) -> None:
    assert alice.agent("getDocumentEntity", 999_999) is None
    assert alice.agent("checkoutDocument", 999_999, []) is None
    assert alice.agent("getCheckoutState", 999_999) is None
    assert rejected(lambda: alice.agent("getDocumentStream", 999_999)) == 404
    assert rejected(lambda: alice.rest("getById", 999_999)) == 404


def test_temporary_files(alice: Person, bob: Person) -> None:
    name = alice.agent("createTempFile", "t.txt", blob(b"for a while"))
    assert plain(alice.agent("getTempFile", name)) == b"for a while"
    assert rejected(lambda: bob.agent("getTempFile", name)) == 404
    alice.agent("deleteTempFile", name)
    assert rejected(lambda: alice.agent("getTempFile", name)) == 404


def test_what_documents_can_do(alice: Person, document: int) -> None:
    ((plugin, _),) = alice.agent("getPluginList").items()
    capabilities = alice.agent("getPluginCapabilities", int(plugin))
    assert (capabilities["locking"], capabilities["versioning"]) == ("optional", "optional")
    told = alice.agent("getDocumentProperties", document, ["has-locking", "preferred-open", "file-name"])
    assert told == {"has-locking": "true", "preferred-open": "url", "file-name": "Angebot.docx"}
    assert alice.agent("getDocumentCommands", document, ["None"]) == []


def test_times_with_their_zone(alice: Person, document: int) -> None:
    before = int(time.time())
    alice.save(document, b"two")
    entity, version = alice.agent("getDocumentEntity", document, ZONED), alice.agent("getVersionList", document, ZONED)[-1]
    for shown in (entity["createdDate"], entity["updatedDate"], version["checkedInDate"]):
        assert before - 60 <= seconds(shown) <= time.time() + 2


def test_a_token_instead_of_a_password(people: Callable[..., Person], serving: Serving, document: int) -> None:
    token = serving.run("token", "add", "test", "--user", "alice", "--root", str(serving.root)).split()[-1]
    for scheme in ("Bearer", "SOTicket"):
        alice = people("nobody", headers={"Authorization": f"{scheme} {token}"})
        assert alice.agent("checkoutDocument", document, [])["success"]
    assert alice.agent("getCheckoutState", document)["name"] == "alice"


def test_a_wrong_password(people: Callable[..., Person], document: int) -> None:
    stranger = people("alice", auth={"username": "alice", "password": "wrong"})
    assert rejected(lambda: stranger.agent("getDocumentEntity", document)) == 401


def test_webhooks(installed: Path, tmp_path: Path) -> None:
    configuration = tmp_path / "davlock.yaml"
    configuration.write_text('webhooks: {enabled: true, require_https: false, allow: ["127.0.0.1"]}\n')
    receiver = Receiver()
    with closing(receiver), Serving(tmp_path / "root", "--config", str(configuration), users=("root",), admins=("root",)) as serving:
        root = Person(installed, serving, "root")
        wanted = root("WebhookAgent", "createDefaultWebhook")
        wanted |= {"name": "mine", "events": ["document.created"], "targetUrl": receiver.url, "secret": "hush"}
        assert root("WebhookAgent", "testWebhook", wanted)["success"]
        hook = root("WebhookAgent", "saveWebhook", wanted)
        assert root("WebhookAgent", "getWebhook", hook["webhookId"])["targetUrl"] == receiver.url
        (listed,) = root("WebhookAgent", "getAllWebhooks", "mine", "document.created", "Active")
        assert listed["webhookId"] == hook["webhookId"]
        made = root.agent("saveDocumentEntity", {"name": "Angebot.docx"})
        call = receiver.next()
        signature = base64.b64encode(hmac.digest(b"hush", call.body, "sha256")).decode()
        assert call.headers["x-superoffice-signature"] == signature
        told = json.loads(call.body)
        assert (told["Event"], told["PrimaryKey"], told["WebhookName"]) == ("document.created", made["documentId"], "mine")
        stopped = root("WebhookAgent", "saveWebhook", hook | {"state": "Stopped"})
        assert (stopped["state"], stopped["webhookId"]) == ("Stopped", hook["webhookId"])
        assert root("WebhookAgent", "getLastError", hook["webhookId"]) == ""
        root("WebhookAgent", "deleteWebhook", hook["webhookId"])
        assert root("WebhookAgent", "getWebhook", hook["webhookId"]) is None
